"""Functions of one matrix on stacks of them, as recent releases of SciPy take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....array.box import is_box
from ....core.batch import shape_of
from ....core.types import Cotangent, Value
from ...declare import linear
from ...structures import Gather


def over_stack(function: Callable[..., Any], *operands: tuple[Any, int]) -> Any:
    """A function of arrays on all members of stacks, whose axes in front broadcast.

    Arguments: `function`, which returns an array or a tuple of arrays; `operands`, each an array
    (or None) and the number of its axes that `function` takes.
    """
    arrays = [a for a, _ in operands]
    leads = [
        shape_of(a)[: len(shape_of(a)) - ndim] for a, ndim in operands if a is not None and ndim
    ]
    lead = np.broadcast_shapes(*leads)
    if not lead:
        return function(*arrays)
    spread = [
        a if a is None else np.broadcast_to(a, lead + shape_of(a)[len(shape_of(a)) - ndim :])
        for a, ndim in operands
    ]
    parts = [
        function(*(a if a is None else a[index] for a in spread)) for index in np.ndindex(*lead)
    ]
    if isinstance(parts[0], tuple):
        return tuple(_stacked(column, lead) for column in zip(*parts, strict=True))
    return _stacked(parts, lead)


def _stacked(parts: Any, lead: tuple[int, ...]) -> Any:
    if not hasattr(parts[0], "shape"):
        return parts[0]
    return np.reshape(np.stack(parts), lead + shape_of(parts[0]))


def column_solve(solve: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """A solver for matrices of right-hand sides, for one vector or a matrix of them."""
    if len(shape_of(b)) != 1:
        return solve(a, b)
    return solve(a, b[:, None])[..., 0]


def permuted(x: Value, order: Any, axis: int) -> Any:
    """The elements of an array in another order along an axis, which is counted from the right."""
    if is_box(x):
        return permuted_p(x, order=order, axis=axis)
    return np.take(x, order, axis=axis)


def _back(g: Cotangent, order: Any, axis: int) -> Any:
    return permuted(g, np.argsort(order), axis)


permuted_p = linear(permuted, _back, name="linalg.permuted", structure=Gather())
