"""Norms of vectors and matrices, with derivative 0 at 0."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ....array.box import is_box, observe, unbox
from ....array.kinds import surely
from ....core.batch import cast, dtype_of, shape_of
from ....core.types import Value
from ..common import Axes, axes_of, expand_dims, implements
from ..directions import direction
from ..kinks import Step, beside, corner, kink
from ..reductions import conjugate, reduction
from ..slopes import safe_divide

# A norm between this and its inverse, whose squares are normal numbers of any dtype, may divide
# the cotangent, which is smaller than the array.
_SMALL = 1e-15


def _norm(x: Value, axis: Axes, keepdims: bool, order: Any = None, flat: bool = False) -> Any:
    # NumPy adds up a whole array by `dot`, an axis by `add.reduce`.
    return np.linalg.norm(x, order, None if flat else axis, keepdims)


def _two_norm_scaled(v: Any, x: Value, ans: Value, axis: Axes, flat: bool = False) -> Any:
    if dtype_of(x).kind == "c" and is_box(x):
        return v * kink(safe_divide(conjugate(x), ans), ans, unbox(ans) == 0)
    if not is_box(x) and surely((ans > _SMALL) & (ans < 1 / _SMALL)):
        return v / ans * conjugate(x)
    return v * direction(x, axis)  # even if the squares, and so `ans`, overflow or underflow


def _p_norm_scaled(v: Any, x: Value, ans: Value, axis: Axes, order: Any) -> Any:
    """``phase(x) (|x| / ans)**(p - 1)``, and 0 where x is 0."""
    top = np.max(np.abs(unbox(x)), axis=axis, keepdims=True, initial=0)
    limits = np.finfo(top.dtype)
    low, high = (float(b) ** (1 / max(abs(order), 1)) for b in (limits.tiny, limits.max))
    far = (top > 0) & np.isfinite(top) & ((top < low / limits.eps) | (top > high * limits.eps))
    if np.any(far):  # where powers overflow or underflow; the factor does not depend on the scale
        x = x / np.where(far, top, 1)
        ans = np.linalg.norm(x, order, axis, True)
    size = np.absolute(x)
    if dtype_of(x).kind == "c":
        phase = safe_divide(conjugate(x), size)
    else:
        phase = np.sign(unbox(x))
    zero, origin = unbox(size) == 0, unbox(ans) == 0
    flat = zero | origin
    ratio = np.where(flat, 1, size) / np.where(flat, 1, ans)
    factor = np.where(flat, 0, phase * ratio ** (order - 1))
    factor = kink(factor, ans, origin)
    return v * (kink(factor, x, zero) if 1 < order < 2 else factor)


two_norm_p = reduction(_norm, _two_norm_scaled, "two_norm")
p_norm_p = reduction(_norm, _p_norm_scaled, "p_norm")


@beside(two_norm_p, p_norm_p)
def _norm_beside(step: Step, x: Value, axis: Axes, **params: Any) -> tuple[Any]:
    zero = ~np.any(unbox(x), axis=axis, keepdims=True)
    return (step.along(x, zero) if np.any(zero) else x,)


def _vector_norm(x: Value, order: Any, axis: Axes, keepdims: bool) -> Any:
    if order == 0:
        return np.linalg.norm(observe(x), order, axis, keepdims)
    if order == np.inf:
        return np.max(np.absolute(x), axis=axis, keepdims=keepdims, initial=0)
    if order == -np.inf:
        return np.min(np.absolute(x), axis=axis, keepdims=keepdims)
    if order == 1:
        return np.sum(np.absolute(x), axis=axis, keepdims=keepdims)
    return p_norm_p(x, axis=axis, keepdims=keepdims, options={"order": order})


def _single(s: Value, ans: Value) -> Any:
    """One of the singular values, which has no second derivative if there are several of its
    size."""
    if not is_box(ans):
        return ans
    return corner(ans, np.count_nonzero(unbox(s) == unbox(ans)[..., None], axis=-1) > 1)


def _matrix_norm(x: Value, order: Any, axis: Axes, keepdims: bool) -> Any:
    row, column = axis
    if order in (1, -1, np.inf, -np.inf):
        sums = np.sum(np.absolute(x), axis=row if abs(order) == 1 else column, keepdims=True)
        if order < 0:
            return np.min(sums, axis=axis, keepdims=keepdims)
        return np.max(sums, axis=axis, keepdims=keepdims, initial=0)
    s = np.linalg.svd(np.moveaxis(x, axis, (-2, -1)), compute_uv=False)
    if order == -2:
        ans = _single(s, np.min(s, axis=-1))
    elif order == 2:
        ans = _single(s, np.max(s, axis=-1, initial=0))
    else:
        ans = np.sum(s, axis=-1)
    return expand_dims(ans, axis, np.ndim(x)) if keepdims else ans


@implements(np.linalg.norm)
def norm(x: Value, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    """``numpy.linalg.norm``, with derivative 0 at 0."""
    x = cast(x, np.dtype(float)) if dtype_of(x).kind not in "fc" else x
    flat, axes = axis is None, axes_of(axis, np.ndim(x))
    keepdims = bool(keepdims)
    if ord is None:
        euclidean = flat or len(axes) <= 2
    else:
        euclidean = (len(axes) == 1 and ord == 2) or (len(axes) == 2 and ord in ("f", "fro"))
    if euclidean:
        return two_norm_p(x, axis=axes, keepdims=keepdims, options={"flat": flat})
    if len(axes) == 1 and not isinstance(ord, str):
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) == 2 and ord in (1, -1, 2, -2, np.inf, -np.inf, "nuc"):
        return _matrix_norm(x, ord, axes, keepdims)
    return np.linalg.norm(unbox(x), ord, axis, keepdims)  # raises NumPy's error


@implements(np.linalg.vector_norm)
def vector_norm(x: Value, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """``numpy.linalg.vector_norm``, with derivative 0 at 0."""
    shape = shape_of(x)
    axes = axes_of(axis, len(shape))
    if axis is None:
        ans = np.linalg.norm(np.reshape(x, -1), ord, 0)
    elif len(axes) == 1:
        ans = np.linalg.norm(x, ord, axes)
    else:
        rest = tuple(a for a in range(-len(shape), 0) if a not in axes)
        lines = np.reshape(
            np.transpose(x, (*axes, *rest)),
            (prod(shape[a] for a in axes), *(shape[a] for a in rest)),
        )
        ans = np.linalg.norm(lines, ord, 0)
    return expand_dims(ans, axes, len(shape)) if keepdims else ans


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Value, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """``numpy.linalg.matrix_norm``, with derivative 0 at 0."""
    return np.linalg.norm(x, ord, (-2, -1), keepdims)
