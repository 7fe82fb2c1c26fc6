"""Windows and other strided views, as arrays of their elements."""

from __future__ import annotations

from itertools import product
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib import stride_tricks
from numpy.lib.array_utils import normalize_axis_tuple

from ...array.box import is_box, unbox
from ...array.kinds import has_foreign
from ...array.kinds import zeros as zeros_in
from ...array.made import boxed, set_windows
from ...array.views import memory_of
from ...core.batch import Shape, Spec, shape_of
from ...core.trace import materialize
from ...core.types import Cotangent, Tangent, Value
from ..declare import linear
from ..structures import Gather
from .common import implements
from .creation import CREATORS, zeros


def _windows(x: Value, window: Shape, axis: tuple[int, ...]) -> Any:
    return stride_tricks.sliding_window_view(x, window, axis)


def _windows_transposed(
    g: Cotangent, x_spec: Spec, window: Shape, axis: tuple[int, ...], batch: Shape
) -> Any:
    """Each position in the window adds a shifted part."""
    shape = batch + x_spec.shape
    total: Any = zeros_in(g, shape) if has_foreign(g) else zeros(shape, x_spec.dtype)
    count = np.shape(g)[len(batch) : len(batch) + x_spec.ndim]
    for offset in product(*map(range, window)):
        start = [0] * x_spec.ndim
        for a, o in zip(axis, offset, strict=True):
            start[a] += o
        part = tuple(slice(s, s + n) for s, n in zip(start, count, strict=True))
        total[(..., *part)] += g[(..., *offset)]
    return materialize(total)


windows_p = linear(
    _windows,
    _windows_transposed,
    jvp=lambda t, window, axis, batch: _windows(t, window, axis),
    name="sliding_window_view",
    structure=Gather(),
    view=True,
)
windows_p.readonly = True  # an element is in several windows


@implements(stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Value, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """``numpy.lib.stride_tricks.sliding_window_view``; a view that cannot be written to."""
    if not is_box(x):
        return stride_tricks.sliding_window_view(
            x, window_shape, axis, subok=subok, writeable=writeable
        )
    stride_tricks.sliding_window_view(unbox(x), window_shape, axis)  # NumPy checks the arguments
    window = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    ndim = np.ndim(x)
    axes = tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim, None, True)
    return windows_p(x, window=window, axis=tuple(a - ndim for a in axes))


def _strided(x: Value, shape: Shape, steps: Shape) -> Any:
    if is_box(x):
        return strided_p(x, shape=shape, steps=steps)
    return stride_tricks.as_strided(x, shape, [x.itemsize * s for s in steps])


def _strided_jvp(t: Tangent, shape: Shape, steps: Shape, batch: Shape) -> Tangent:
    if is_box(t):
        places = _places(np.size(t) // max(prod(batch), 1), shape, steps)
        return np.reshape(t, (*batch, -1))[..., places]
    t = np.ascontiguousarray(t)
    return stride_tricks.as_strided(
        t, batch + shape, [*t.strides[: len(batch)], *(t.itemsize * s for s in steps)]
    )


def _places(size: int, shape: Shape, steps: Shape) -> Any:
    return np.array(_strided(np.arange(size), shape, steps))


def _strided_transposed(
    g: Cotangent, x_spec: Spec, shape: Shape, steps: Shape, batch: Shape
) -> Any:
    """Each element sums the cotangents of all its places."""
    size = prod(x_spec.shape)
    total = zeros((*batch, size), x_spec.dtype)
    places: Any = (..., _places(size, shape, steps))
    np.add.at(total, places, g)
    return np.reshape(materialize(total), batch + x_spec.shape)


strided_p = linear(
    _strided,
    _strided_transposed,
    jvp=_strided_jvp,
    name="as_strided",
    structure=Gather(),
    view=True,
)
strided_p.readonly = True  # an element may have several places


def as_strided(
    x: Value,
    shape: Any = None,
    strides: Any = None,
    subok: bool = False,
    writeable: bool = True,
    *,
    check_bounds: bool | None = None,
) -> Any:
    """``numpy.lib.stride_tricks.as_strided``; of a traced array, which must be in C order, a view
    that cannot be written to."""
    # NumPy has `check_bounds` from version 2.5 on, and refuses it before.
    options: Any = {} if check_bounds is None else {"check_bounds": check_bounds}
    x = boxed(x)
    if not is_box(x):
        return stride_tricks.as_strided(x, shape, strides, subok, writeable, **options)
    if check_bounds:
        stride_tricks.as_strided(unbox(x), shape, strides, **options)  # NumPy checks them
    array = memory_of(x)
    if not array.flags.c_contiguous:
        raise ValueError("as_strided of a traced array needs one in C order: pass x.copy()")
    steps = tuple(s // array.itemsize for s in (array.strides if strides is None else strides))
    return strided_p(x, shape=tuple(shape_of(x) if shape is None else shape), steps=steps)


def _window(x: Value, offset: int, shape: Shape, steps: Shape, layout: tuple[int, ...]) -> Any:
    """A part of an array in memory; offset and steps count elements, `layout` orders the axes."""
    if is_box(x):
        return window_p(x, offset=offset, shape=shape, steps=steps, layout=layout)
    memory = np.transpose(x, layout).reshape(-1)
    return stride_tricks.as_strided(memory[offset:], shape, [x.itemsize * s for s in steps])


def _window_jvp(
    t: Tangent,
    offset: int,
    shape: Shape,
    steps: Shape,
    layout: tuple[int, ...],
    batch: Shape,
) -> Tangent:
    lead = len(batch)
    memory = np.transpose(t, (*range(lead), *(lead + axis for axis in layout)))
    memory = np.reshape(memory, (*batch, -1))
    if is_box(t):
        places = offset + _places_of(shape, steps)
        return memory[..., places]
    strides = [*memory.strides[:lead], *(t.itemsize * s for s in steps)]
    return stride_tricks.as_strided(memory[..., offset:], batch + shape, strides)


def _places_of(shape: Shape, steps: Shape) -> Any:
    """The places of the elements of a window, relative to its first one."""
    grids = [np.arange(n) * s for n, s in zip(shape, steps, strict=True)]
    return sum(np.ix_(*grids)) if grids else 0


def _window_transposed(
    g: Cotangent,
    x_spec: Spec,
    offset: int,
    shape: Shape,
    steps: Shape,
    layout: tuple[int, ...],
    batch: Shape,
) -> Any:
    total = zeros((*batch, prod(x_spec.shape)), x_spec.dtype)
    places: Any = (..., offset + _places_of(shape, steps))
    np.add.at(total, places, g)
    ordered = np.reshape(materialize(total), (*batch, *(x_spec.shape[axis] for axis in layout)))
    back = np.argsort(layout)
    return np.transpose(ordered, (*range(len(batch)), *(len(batch) + axis for axis in back)))


# Views of an array that were made while it was plain, for `array.made`.
window_p = linear(
    _window,
    _window_transposed,
    jvp=_window_jvp,
    name="window",
    structure=Gather(),
    view=True,
)
readonly_window_p = linear(
    _window,
    _window_transposed,
    jvp=_window_jvp,
    name="readonly_window",
    structure=Gather(),
    view=True,
)
readonly_window_p.readonly = True
set_windows(window_p, readonly_window_p)

CREATORS["lib.stride_tricks.as_strided"] = as_strided
LIB = SimpleNamespace(
    stride_tricks=SimpleNamespace(
        as_strided=as_strided, sliding_window_view=stride_tricks.sliding_window_view
    )
)
