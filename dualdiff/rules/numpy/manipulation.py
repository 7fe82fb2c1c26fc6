"""Changing the shape and the order of axes and elements of an array."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.lib.array_utils import normalize_axis_tuple

from ...array.box import is_box, observe, shell, unbox
from ...array.kinds import has_foreign
from ...array.views import View, memory_of
from ...core.batch import Broadcast, Shape, align, shape_of, unbroadcast
from ...core.trace import CONVERTED, materialize
from ...core.types import Cotangent, Tangent, Value
from ..declare import linear
from ..structures import Blocks, Gather
from .common import Axes, axes_of, axis_of, implements, in_c_order, memory_order, ndim_of


def batch_of(t: Tangent, ndim: int) -> Shape:
    """The batch axes of a tangent or cotangent of an array with `ndim` dimensions."""
    shape = shape_of(t)
    return tuple(shape[: len(shape) - ndim])


def as_operand(x: Value) -> Any:
    """One of a sequence of operands; lists, object arrays of traced values and arrays that the
    program made as one box."""
    kind = type(x)
    if (
        kind in CONVERTED
        or issubclass(kind, (list, tuple))
        or (kind is ndarray and x.dtype.hasobject)
    ):
        return materialize(x)
    return x


def _reshaped(x: Value, shape: Shape) -> Any:
    return x.reshape(shape) if type(x) is ndarray else np.reshape(x, shape)


reshape_p = linear(
    _reshaped,
    lambda g, x_spec, ans_spec: _reshaped(g, batch_of(g, ans_spec.ndim) + x_spec.shape),
    jvp=lambda t, x_spec, shape: _reshaped(t, batch_of(t, x_spec.ndim) + shape),
    name="reshape",
    structure=Blocks(),
    view=True,
)


def _permute(x: Value, axes: Axes) -> Any:
    """Transpose the last axes; `axes` are negative, so batch axes stay in front."""
    batch = len(shape_of(x)) - len(axes)
    order = (*range(batch), *axes) if batch else axes
    return x.transpose(order) if type(x) is ndarray else np.transpose(x, order)


@lru_cache(maxsize=256)
def _inverse(axes: Axes) -> Axes:
    n = len(axes)
    return tuple(axes.index(a - n) - n for a in range(n))


transpose_p = linear(
    _permute,
    lambda g, axes: _permute(g, _inverse(axes)),
    name="transpose",
    structure=Gather(),
    view=True,
)

broadcast_to_p = linear(
    lambda x, shape: np.broadcast_to(x, shape),
    lambda g, x_spec, ans_spec: unbroadcast(g, Broadcast(*x_spec, *ans_spec)),
    jvp=lambda t, x_spec, shape: np.broadcast_to(
        align(t, x_spec.ndim, len(shape), batch_of(t, x_spec.ndim)),
        batch_of(t, x_spec.ndim) + shape,
    ),
    name="broadcast_to",
    structure=Gather(),
    view=True,
)
broadcast_to_p.readonly = True


_INT = {int}
_TURNED = [tuple(range(-1, -ndim - 1, -1)) for ndim in range(65)]  # all axes, turned round


def _shape_argument(shape: Any, size: int) -> Shape:
    """A shape argument as a tuple without -1."""
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if set(map(type, shape)) <= _INT:
        known = prod(shape)
        if min(shape, default=0) >= 0 and known == size:
            return shape
        if known < 0 and shape.count(-1) == 1 and min(shape) == -1 and size % known == 0:
            return tuple([n if n >= 0 else size // -known for n in shape])
    return np.broadcast_to(False, size).reshape(shape).shape


@implements(np.reshape)
def reshape(a: Value, /, shape: Any, order: Any = "C", *, copy: bool | None = None) -> Any:
    """``numpy.reshape``; a view that writes through exactly where NumPy makes a view."""
    if order == "A":
        order = "F" if np.asarray(memory_of(a)).flags.fnc else "C"
    if copy is False:
        np.reshape(unbox(a), shape, order, copy=False)  # raises where it cannot be a view
    shape = _shape_argument(shape, prod(shape_of(a)))
    if order == "F":
        ans = transpose(reshape_p(transpose(a), shape=shape[::-1]))
    elif order == "C":
        ans = reshape_p.bind(a, shape=shape)
    else:
        raise ValueError(f"order must be one of 'C', 'F', or 'A' (got {order!r})")
    return np.copy(ans) if copy else ans


@implements(np.ravel)
def ravel(a: Value, order: Any = "C") -> Any:
    """``numpy.ravel``; a view if the elements are contiguous in the requested order."""
    if has_foreign(a):
        return np.reshape(np.transpose(a) if order == "F" else a, (prod(shape_of(a)),))
    memory = np.asarray(memory_of(a))
    if order == "K":
        axes = memory_order(memory.strides)
        a, memory = np.transpose(a, axes), memory.transpose(axes)
    elif order == "F" or (order == "A" and memory.flags.fnc):
        a, memory = np.transpose(a), memory.T
    ans = reshape_p.bind(a, shape=(memory.size,))
    return ans if memory.flags.c_contiguous else np.copy(ans)


@implements(np.transpose, np.permute_dims)
def transpose(a: Value, axes: Any = None) -> Any:
    """``numpy.transpose``."""
    ndim = len(shape_of(a))
    if axes is None:
        return transpose_p.bind(a, axes=_TURNED[ndim])
    if isinstance(axes, (int, np.integer)):
        axes = (axes,)
    if len(axes) != ndim:
        raise ValueError("axes don't match array")
    return transpose_p(a, axes=axes_of(tuple(axes), ndim))


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Value, /) -> Any:
    """``numpy.matrix_transpose``: the last two axes change places."""
    ndim = ndim_of(x)
    if ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {ndim}")
    return transpose_p.bind(x, axes=(*range(-ndim, -2), -1, -2))


@implements(np.swapaxes)
def swapaxes(a: Value, axis1: Any, axis2: Any) -> Any:
    """``numpy.swapaxes``."""
    ndim = ndim_of(a)
    i, j = axis_of(axis1, ndim), axis_of(axis2, ndim)
    order = list(range(-ndim, 0))
    order[i], order[j] = j, i
    return transpose_p(a, axes=tuple(order))


@implements(np.moveaxis)
def moveaxis(a: Value, source: Any, destination: Any) -> Any:
    """``numpy.moveaxis``."""
    ndim = ndim_of(a)
    sources = normalize_axis_tuple(source, ndim, "source")
    destinations = normalize_axis_tuple(destination, ndim, "destination")
    if len(sources) != len(destinations):
        raise ValueError(
            "`source` and `destination` arguments must have the same number of elements"
        )
    order = [i for i in range(ndim) if i not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return transpose_p(a, axes=tuple(i - ndim for i in order))


@implements(np.rollaxis)
def rollaxis(a: Value, axis: int, start: int = 0) -> Any:
    """``numpy.rollaxis``."""
    n = ndim_of(a)
    np.rollaxis(np.broadcast_to(False, (1,) * n), axis, start)  # checks the arguments
    axis, start = axis % n, start + n if start < 0 else start
    return moveaxis(a, axis, start - 1 if axis < start else start)


@implements(np.expand_dims)
def expand_dims(a: Value, axis: Any) -> Any:
    """``numpy.expand_dims``."""
    inner = shape_of(a)
    places = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = len(inner) + len(places)
    new = normalize_axis_tuple(places, ndim)
    rest = iter(inner)
    return reshape_p(a, shape=tuple(1 if i in new else next(rest) for i in range(ndim)))


@implements(np.squeeze)
def squeeze(a: Value, axis: Any = None) -> Any:
    """``numpy.squeeze``."""
    shape = np.squeeze(np.broadcast_to(False, shape_of(a)), axis).shape
    return reshape_p(a, shape=shape)


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """``numpy.broadcast_to``; a view that cannot be written to."""
    shape = (shape,) if ndim_of(shape) == 0 else tuple(shape)
    return broadcast_to_p(array, shape=shape)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """``numpy.broadcast_arrays``; read-only views if shapes differ."""
    arrays = [as_operand(a) for a in args]
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return tuple(
        a if shape_of(a) == shape and type(shell(a)) is ndarray else np.broadcast_to(a, shape)
        for a in arrays
    )


def _at_least(ndim: int, arys: Sequence[Any]) -> Any:
    """The arrays with new axes in front (and behind, for a third), so that they have `ndim`."""
    ans = []
    for a in map(as_operand, arys):
        shape = shape_of(a)
        if len(shape) < ndim:
            last = (1,) if ndim == 3 and len(shape) in (1, 2) else ()
            shape = (1,) * (ndim - len(last) - len(shape)) + shape + last
            a = np.reshape(a, shape)
        ans.append(a if is_box(a) else np.asarray(a))
    return ans[0] if len(ans) == 1 else tuple(ans)


@implements(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """``numpy.atleast_1d``."""
    return _at_least(1, arys)


@implements(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """``numpy.atleast_2d``."""
    return _at_least(2, arys)


@implements(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """``numpy.atleast_3d``."""
    return _at_least(3, arys)


@implements(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    """``numpy.flip``; a view."""
    if ndim_of(m) == 0 and axis is None:
        return np.reshape(m, ())[()]
    axes = axes_of(axis, ndim_of(m))
    reverse, whole = slice(None, None, -1), slice(None)
    return m[tuple(reverse if i in axes else whole for i in range(-ndim_of(m), 0))]


@implements(np.fliplr)
def fliplr(m: Any) -> Any:
    """``numpy.fliplr``; a view."""
    if ndim_of(m) < 2:
        raise ValueError("Input must be >= 2-d.")
    return m[:, ::-1]


@implements(np.flipud)
def flipud(m: Any) -> Any:
    """``numpy.flipud``; a view."""
    if ndim_of(m) < 1:
        raise ValueError("Input must be >= 1-d.")
    return m[::-1]


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """``numpy.rot90``; a view."""
    axes = tuple(axes)
    np.rot90(np.broadcast_to(False, shape_of(m)), k, axes)  # checks the arguments
    k %= 4
    if k == 0:
        return m[...]
    if k == 2:
        return flip(m, axes)
    if k == 1:
        return np.swapaxes(flip(m, axes[1]), *axes)
    return flip(np.swapaxes(m, *axes), axes[1])


def _rolled(x: Value, shift: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """``numpy.roll``; along one axis by joining two slices, at less than half its cost."""
    if len(axis) != 1 or type(x) is not ndarray or not x.size or not in_c_order(x):
        return np.roll(x, shift, axis)
    cut = -shift[0] % x.shape[axis[0]]
    rest: Any = (slice(None),) * (-axis[0] - 1)
    parts = (x[(..., slice(cut, None), *rest)], x[(..., slice(cut), *rest)])
    return np.concatenate(parts, axis[0])


roll_p = linear(
    _rolled,
    lambda g, shift, axis: _rolled(g, tuple(-s for s in shift), axis),
    name="roll",
    structure=Blocks(),
)


@implements(np.roll)
def roll(a: Value, shift: Any, axis: Any = None) -> Any:
    """``numpy.roll``."""
    if axis is None:
        return np.reshape(roll(np.ravel(a), shift, 0), shape_of(a))
    if type(shift) is int and type(axis) is int:  # the common case, at a third of the cost
        a = a.read() if type(a) is View else a
        return roll_p.bind(a, shift=(shift,), axis=(axis_of(axis, len(shape_of(a))),))
    negative = [
        i - ndim_of(a) for i in normalize_axis_tuple(axis, ndim_of(a), allow_duplicate=True)
    ]
    shifts, axes = np.broadcast_arrays(observe(shift), negative)
    if shifts.ndim > 1:
        raise ValueError("'shift' and 'axis' should be scalars or 1D sequences")
    return roll_p(a, shift=tuple(shifts.tolist()), axis=tuple(axes.tolist()))


def _untile(g: Cotangent, x_spec: Any, reps: Shape) -> Any:
    """The cotangents of the copies, summed."""
    n = x_spec.ndim
    split = tuple(size for pair in zip(reps, x_spec.shape, strict=True) for size in pair)
    g = np.reshape(g, batch_of(g, n) + split)
    return np.sum(g, axis=tuple(range(-2 * n, 0, 2)))


tile_p = linear(
    lambda x, reps: np.tile(x, reps),
    _untile,
    name="tile",
    structure=Gather(),
)


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:  # NumPy's name
    """``numpy.tile``."""
    reps = (reps,) if ndim_of(reps) == 0 else tuple(reps)
    ndim = max(ndim_of(A), len(reps))
    if not ndim:
        return np.copy(A)
    A = np.reshape(A, (1,) * (ndim - ndim_of(A)) + shape_of(A))
    return tile_p(A, reps=(1,) * (ndim - len(reps)) + tuple(map(int, reps)))


repeat_p = linear(
    lambda x, repeats, axis: np.repeat(x, repeats, axis),
    lambda g, x_spec, repeats, axis: np.sum(
        np.reshape(
            g,
            (*g.shape[: g.ndim + axis], x_spec.shape[axis], repeats, *g.shape[g.ndim + axis + 1 :]),
        ),
        axis=axis,
    ),
    name="repeat",
    structure=Gather(),
)


@implements(np.repeat)
def repeat(a: Value, repeats: Any, axis: Any = None) -> Any:
    """``numpy.repeat``."""
    if axis is None:
        a, axis = np.ravel(a), 0
    if ndim_of(a) == 0:
        a = np.ravel(a)
    axis = axis_of(axis, ndim_of(a))
    counts = np.asarray(observe(repeats))
    if counts.size == 1 and counts.ndim < 2:
        return repeat_p(a, repeats=operator.index(counts.item()), axis=axis)
    where = np.repeat(np.arange(shape_of(a)[axis]), observe(repeats))
    return np.take(a, where, axis)


@implements(np.resize)
def resize(a: Value, new_shape: Any) -> Any:
    """``numpy.resize``: the raveled array, repeated up to the new size."""
    shape = (new_shape,) if ndim_of(new_shape) == 0 else tuple(new_shape)
    flat, size = np.ravel(a), int(np.prod(shape))
    if min(shape, default=0) < 0:
        raise ValueError("all elements of `new_shape` must be non-negative")
    if not np.size(a):
        return np.zeros_like(flat, shape=shape)
    return np.reshape(np.take(flat, np.arange(size) % prod(shape_of(a))), shape)


@implements(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """``numpy.trim_zeros``: the part without zeros at the ends, decided by the values."""
    axes = range(ndim_of(filt)) if axis is None else normalize_axis_tuple(axis, ndim_of(filt))
    index = [slice(None)] * ndim_of(filt)
    for axis in axes:
        others = tuple(i for i in range(ndim_of(filt)) if i != axis)
        found = np.flatnonzero(np.any(observe(filt) != 0, axis=others))
        if found.size == 0:
            index[axis] = slice(0, 0)
            continue
        first = found[0] if "f" in trim.lower() else None
        last = found[-1] + 1 if "b" in trim.lower() else None
        index[axis] = slice(first, last)
    return filt[tuple(index)]
