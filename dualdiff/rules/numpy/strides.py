"""Windows and other strided views, as arrays of their elements."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib import stride_tricks
from numpy.lib.array_utils import normalize_axis_tuple

from ...array.box import is_box, plain
from ...core.batch import Shape, Spec, shape_of
from ...core.trace import resolve
from ..declare import linear
from ..structures import Gather
from .common import implements
from .creation import CREATORS, zeros


def _windows(x: Any, window: Shape, axis: tuple[int, ...]) -> Any:
    return stride_tricks.sliding_window_view(x, window, axis)


def _windows_transposed(
    g: Any, x_spec: Spec, window: Shape, axis: tuple[int, ...], lead: Shape
) -> Any:
    """Each place in the window adds a shifted part."""
    total: Any = zeros(lead + x_spec.shape, x_spec.dtype)
    count = np.shape(g)[len(lead) : len(lead) + x_spec.ndim]
    for offset in product(*map(range, window)):
        start = [0] * x_spec.ndim
        for a, o in zip(axis, offset, strict=True):
            start[a] += o
        part = tuple(slice(s, s + n) for s, n in zip(start, count, strict=True))
        total[(..., *part)] += g[(..., *offset)]
    return resolve(total)


windows_p = linear(
    _windows,
    _windows_transposed,
    push=lambda t, window, axis, lead: _windows(t, window, axis),
    name="sliding_window_view",
    structure=Gather(),
)


@implements(stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """``numpy.lib.stride_tricks.sliding_window_view``; a copy, which does not write through."""
    x = resolve(x)
    if not is_box(x):
        return stride_tricks.sliding_window_view(x, window_shape, axis)
    stride_tricks.sliding_window_view(plain(x), window_shape, axis)  # NumPy says what is wrong
    window = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    ndim = np.ndim(x)
    axes = tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim, None, True)
    return windows_p(x, window=window, axis=tuple(a - ndim for a in axes))


def as_strided(
    x: Any,
    shape: Any = None,
    strides: Any = None,
    subok: bool = False,
    writeable: bool = True,
) -> Any:
    """``numpy.lib.stride_tricks.as_strided``; of a traced array a copy, which does not write
    through."""
    if not is_box(x):
        return stride_tricks.as_strided(x, shape, strides, subok, writeable)
    x = resolve(x)
    value = np.ascontiguousarray(plain(x))
    if strides is None:
        strides = value.strides
    elif not plain(x).flags.c_contiguous:
        raise ValueError("as_strided of a traced array needs one in C order: pass x.copy()")
    positions = np.arange(value.size).reshape(value.shape)
    steps = tuple(s * positions.itemsize // value.itemsize for s in strides)
    places = stride_tricks.as_strided(positions, shape_of(x) if shape is None else shape, steps)
    return np.ravel(x)[np.array(places)]


CREATORS["lib.stride_tricks.as_strided"] = as_strided
LIB = SimpleNamespace(
    stride_tricks=SimpleNamespace(
        as_strided=as_strided, sliding_window_view=stride_tricks.sliding_window_view
    )
)
