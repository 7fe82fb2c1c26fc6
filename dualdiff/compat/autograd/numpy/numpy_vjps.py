"""autograd.numpy.numpy_vjps: helpers for reverse-mode rules of functions of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .... import numpy as dnp
from ....array.box import unbox
from ....core.batch import dtype_of, shape_of
from .._spaces import SparseObject, VSpace
from ..core import defvjp, defvjp_argnum, vspace
from .numpy_boxes import ArrayBox
from .numpy_wrapper import metadata

__all__ = [
    "ArrayBox",
    "SparseObject",
    "defvjp",
    "defvjp_argnum",
    "match_complex",
    "repeat_to_match_shape",
    "replace_zero",
    "unbroadcast",
    "unbroadcast_f",
    "untake",
    "vspace",
]


def unbroadcast(x: Any, target_meta: Any, broadcast_idx: int = 0) -> Any:
    """Sum a cotangent over the axes along which its primal was broadcast.

    Arguments: `x`, the cotangent of the result; `target_meta`, the primal's `metadata`;
    `broadcast_idx`, the position of axes that the primal lacks. Returns: an array of its shape.
    """
    shape, ndim, _, iscomplex = target_meta
    while np.ndim(x) > ndim:
        x = np.sum(x, axis=broadcast_idx)
    for axis, size in enumerate(shape):
        if size == 1 and shape_of(x)[axis] != 1:
            x = np.sum(x, axis=axis, keepdims=True)
    return np.real(x) if dtype_of(x).kind == "c" and not iscomplex else x


def unbroadcast_f(target: Any, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of a cotangent, its result unbroadcast to the shape of `target`."""
    meta = metadata(target)
    return lambda g: unbroadcast(f(g), meta)


def match_complex(target: Any, x: Any) -> Any:
    """`x`, complex or real like `target`."""
    wanted, given = dtype_of(target).kind == "c", dtype_of(x).kind == "c"
    if wanted == given:
        return x
    return x + 0j if wanted else np.real(x)


def replace_zero(x: Any, val: Any) -> Any:
    """An array with another value in place of its zeros."""
    return np.where(unbox(x) != 0, x, val)


def repeat_to_match_shape(
    g: Any, shape: tuple[int, ...], dtype: Any, axis: Any, keepdims: bool
) -> tuple[Any, Any]:
    """The cotangent of a reduction, repeated along the reduced axes, and the count.

    Arguments: `g`; `shape` and `dtype` of the reduced array; the reduction's `axis` and `keepdims`.
    """
    if shape == ():
        return g, 1
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis)
    reduced = [int(a) % len(shape) for a in axes]
    kept = tuple(1 if a in reduced else n for a, n in enumerate(shape))
    repeats = int(np.prod([shape[a] for a in reduced], dtype=int))
    return np.broadcast_to(np.reshape(g, kept), shape).astype(dtype), repeats


def untake(x: Any, idx: Any, vs: VSpace) -> Any:
    """The cotangent of an indexed array: zeros of the space `vs` with `x` added at `idx`."""
    index = np.array(idx, dtype=np.int64) if isinstance(idx, list) and idx else idx

    def mut_add(a: Any) -> Any:
        a = dnp.array(a)
        np.add.at(a, index, x)
        return a

    return SparseObject(vs, mut_add)
