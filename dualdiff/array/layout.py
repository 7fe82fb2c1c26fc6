"""How arrays lie in memory: copies, zeros and tangents in the layout of another array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.lib.stride_tricks import as_strided

from ..core.batch import Shape, Spec
from ..core.types import Value


def layout_of(value: ndarray) -> tuple[int, ...] | None:
    """The axes from the slowest to the fastest in memory, or None for C order.

    An axis i that runs backwards is written as ~i.
    """
    if value.flags.c_contiguous:
        return None
    order = sorted(range(value.ndim), key=lambda i: -abs(value.strides[i]))
    return tuple(~i if value.strides[i] < 0 else i for i in order)


def _order_of(layout: tuple[int, ...], lead: int) -> tuple[list[int], tuple[Any, ...]]:
    """The axes of a layout behind leading ones, and the index that turns those running backwards
    round."""
    order = [*range(lead), *(lead + (i if i >= 0 else ~i) for i in layout)]
    turns = [slice(None)] * len(order)
    for i in layout:
        if i < 0:
            turns[lead + ~i] = slice(None, None, -1)
    return order, tuple(turns) if min(layout) < 0 else ()


def zeros_in_layout(spec: Spec, layout: tuple[int, ...] | None, batch: Shape) -> ndarray:
    """Zeros of shape ``batch + spec.shape`` in a given memory layout, batch axes first."""
    shape = batch + spec.shape
    if layout is None:
        return np.zeros(shape, spec.dtype)
    order, turns = _order_of(layout, len(batch))
    inner = np.zeros([shape[i] for i in order], spec.dtype)
    return np.asarray(inner.transpose(np.argsort(order))[turns])


def in_layout(array: Any, layout: tuple[int, ...] | None, batch: Shape) -> Any:
    """A copy of a plain or traced array in a given memory layout, batch axes first."""
    if layout is None:
        return np.copy(array, "C")
    order, turns = _order_of(layout, len(batch))
    inner = np.copy(np.transpose(array[turns] if turns else array, order), "C")
    outer = np.transpose(inner, np.argsort(order))
    return outer[turns] if turns else outer


def lies_in_layout(array: ndarray, layout: tuple[int, ...] | None, batch: Shape) -> bool:
    """Whether an array has a given memory layout, batch axes first, without gaps."""
    if layout is None:
        return array.flags.c_contiguous
    order, turns = _order_of(layout, len(batch))
    return array[turns].transpose(order).flags.c_contiguous


def copy_with_strides(a: Value, *, writable: bool = False) -> Any:
    """A copy with the layout of `a`: NumPy makes views of it exactly where it does of `a`.

    Axes have the same order and direction, and gaps stay gaps. Elements that share memory still do,
    unless the copy must be `writable`.
    """
    if type(a) is not ndarray:
        return a
    if a.flags.forc:
        return a.copy(order="K")
    strides, unit, gap, expected = [0] * a.ndim, 1, 1, a.itemsize
    for axis in sorted(range(a.ndim), key=lambda i: (abs(a.strides[i]), -i)):
        size, stride = a.shape[axis], abs(a.strides[axis])
        if stride or writable:
            if stride != expected and size > 1:
                unit += gap
            strides[axis] = unit * a.itemsize
            if size > 1:
                gap, unit, expected = unit, unit * size, stride * size
    made = as_strided(np.empty(unit, a.dtype), a.shape, strides)
    made = made[tuple(slice(None, None, -1 if s < 0 else 1) for s in a.strides)]
    made[...] = a
    return made
