"""Sums, products and extrema along axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.boxes import is_box
from ..core.dispatch import UFUNC_METHODS
from ..kinds import linear
from ._common import Axes, axes_of, implements, into, spread


def _sum(x: Any, axis: Axes, keepdims: bool) -> Any:
    # NumPy adds up a whole array in another order than axis by axis.
    whole = None if len(axis) == np.ndim(x) else axis
    return np.add.reduce(x, axis=whole, keepdims=keepdims)


sum_p = linear(
    _sum,
    lambda g, x_spec, axis, keepdims: spread(g, axis, x_spec.shape, keepdims),
    name="sum",
    structure="reduction",
)


@implements(np.sum)
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = 0,
    where: Any = True,
) -> Any:
    """``numpy.sum``, differentiable in `a` and `initial`."""
    if dtype is not None:
        a = a.astype(dtype)
    if where is not True:
        a = np.where(where, a, 0)
    ans = sum_p(a, axis=axes_of(axis, np.ndim(a)), keepdims=keepdims)
    if is_box(initial) or initial:
        ans = ans + initial
    return into(out, ans)


def _add_reduce(
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = 0,
    where: Any = True,
) -> Any:
    return sum(array, axis, dtype, out, keepdims, initial, where)


UFUNC_METHODS[np.add, "reduce"] = _add_reduce
