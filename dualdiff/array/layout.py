"""How arrays lie in memory: copies, zeros and tangents in the layout of another array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.lib.stride_tricks import as_strided

from ..core.batch import Shape, Spec
from ..core.types import Value


def layout_of(value: ndarray) -> tuple[int, ...] | None:
    """The axes from the slowest to the fastest in memory, or None for C order."""
    if value.flags.c_contiguous:
        return None
    return tuple(sorted(range(value.ndim), key=lambda i: -abs(value.strides[i])))


def zeros_in_layout(spec: Spec, layout: tuple[int, ...] | None, batch: Shape) -> ndarray:
    """Zeros of shape ``batch + spec.shape`` in a given memory layout, batch axes first."""
    if layout is None:
        return np.zeros(batch + spec.shape, spec.dtype)
    inner = np.zeros(batch + tuple(spec.shape[i] for i in layout), spec.dtype)
    back = sorted(range(spec.ndim), key=layout.__getitem__)
    return inner.transpose(*range(len(batch)), *(len(batch) + i for i in back))


def in_layout(array: Any, layout: tuple[int, ...] | None, batch: Shape) -> Any:
    """A copy of a plain or traced array in a given memory layout, batch axes first."""
    if layout is None:
        return np.copy(array, "C")
    order = (*range(len(batch)), *(len(batch) + i for i in layout))
    back = sorted(range(len(order)), key=order.__getitem__)
    return np.transpose(np.copy(np.transpose(array, order), "C"), back)


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
