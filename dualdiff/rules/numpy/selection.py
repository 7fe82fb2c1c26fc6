"""Picking elements: by index, by condition, from the diagonal or a triangle; and clipping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ...array.box import is_box, observe, unbox
from ...array.dispatch import register
from ...array.indexing import GETITEM, SCATTER
from ...core.batch import Broadcast, Shape, Spec, dtype_of, shape_of, unbroadcast
from ...core.types import Cotangent, Value
from ..declare import elementwise, linear, rule
from ..structures import Choice, Gather, Trace
from .common import (
    NUMPY_2_5,
    for_target,
    implements,
    into,
    laid_out,
    ndim_of,
    strip,
    tangent_where,
    target_of,
    where_or_zero,
)
from .manipulation import as_operand
from .ufunc_calls import call_with_keywords
from .ufuncs import positive

_MISSING: Any = getattr(np, "_NoValue", None)


def _check_buffer(out: Any, dtype: Any) -> None:
    """Check the dtype of a buffer as NumPy does: it must cast to the elements' dtype, or from
    NumPy 2.5 on be one to which they cast."""
    out = target_of(out)
    if out is None or (NUMPY_2_5 and np.can_cast(dtype, out.dtype, "same_kind")):
        return
    if not np.can_cast(out.dtype, dtype, "safe"):
        raise TypeError(f"an output array of {out.dtype!r} cannot take elements of {dtype!r}")


@implements(np.take)
def take(a: Value, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> Any:
    """``numpy.take``."""
    _check_buffer(out, dtype_of(a))
    if not is_box(a):
        return into(out, np.take(a, strip(indices), axis, mode=mode))
    if axis is None or not ndim_of(a):
        a, axis = np.ravel(a), axis or 0
    axis = normalize_axis_index(axis, ndim_of(a))
    index = np.array(strip(indices))
    if mode != "raise" or index.dtype.kind not in "iu":
        # NumPy itself finds the positions.
        index = np.asarray(np.take(np.arange(shape_of(a)[axis]), strip(indices), mode=mode))
    taken = GETITEM.general(a, index=(slice(None),) * axis + (index,))
    return into(out, laid_out(taken) if axis else taken, "unsafe")


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """``numpy.take_along_axis``."""
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return arr[along_axis(shape_of(arr), strip(indices), axis)]


def along_axis(shape: Shape, indices: Any, axis: int) -> tuple[Any, ...]:
    """The full index of take_along_axis and put_along_axis."""
    indices = np.asarray(indices)
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if indices.ndim != len(shape):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    axis = normalize_axis_index(axis, len(shape))
    index = list(np.ix_(*map(np.arange, shape)))
    index[axis] = indices
    return tuple(index)


def _choice_vjp(
    g: Cotangent,
    masks: Sequence[Any],
    specs: Sequence[Spec],
    ans_spec: Spec,
    active: Sequence[bool],
) -> Cotangent:
    return [
        unbroadcast(where_or_zero(mask, g), Broadcast(*spec, *ans_spec)) if used else None
        for mask, spec, used in zip(masks, specs, active, strict=True)
    ]


choose_p = rule(
    lambda *xs, which, masks: np.choose(which, xs),
    jvp=tangent_where,
    vjp=_choice_vjp,
    name="choose",
    structure=Choice(),
)
select_p = rule(
    lambda *xs, conditions, masks: np.select(conditions, xs[:-1], xs[-1]),
    jvp=tangent_where,
    vjp=_choice_vjp,
    name="select",
    structure=Choice(),
)


@implements(np.choose)
def choose(a: Value, choices: Any, out: Any = None, mode: Any = "raise") -> Any:
    """``numpy.choose``, differentiable in the choices."""
    operands = [as_operand(c) for c in choices]
    which = np.choose(strip(a), range(len(operands)), mode=mode)  # checks the positions
    masks = tuple(which == k for k in range(len(operands)))
    return into(out, choose_p(*operands, which=which, masks=masks), "unsafe")


@implements(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """``numpy.select``, differentiable in the choices and the default."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    look = unbox if any(map(is_box, (*choicelist, default))) else observe
    conditions = [np.array(look(c)) for c in condlist]
    masks, taken = [], np.asarray(False)
    for c in conditions:
        masks.append(c & ~taken)
        taken = taken | c
    operands = [as_operand(c) for c in choicelist]
    return select_p(*operands, default, conditions=conditions, masks=(*masks, ~taken))


@implements(np.piecewise)
def piecewise(x: Value, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """``numpy.piecewise``: each function sees the traced elements for which its condition holds."""
    x = np.reshape(x, shape_of(x))
    conditions = observe(condlist) if is_box(condlist) else strip(condlist)
    if ndim_of(conditions) == 0 or (
        not isinstance(conditions[0], (list, np.ndarray)) and ndim_of(x) != 0
    ):
        conditions = [conditions]
    conditions = np.asarray(conditions, dtype=bool)
    if len(funclist) == len(conditions) + 1:
        conditions = np.concatenate([conditions, ~np.any(conditions, axis=0, keepdims=True)])
    elif len(funclist) != len(conditions):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    y = np.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        if not callable(function):
            y[condition] = function
        elif np.any(condition):
            y[condition] = function(x[condition], *args, **kw)
    return y


@implements(np.compress)
def compress(condition: Any, a: Value, axis: Any = None, out: Any = None) -> Any:
    """``numpy.compress``."""
    condition = np.asarray(strip(condition))
    if condition.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return np.take(a, np.flatnonzero(condition), axis, out)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    """``numpy.extract``."""
    return np.take(np.ravel(arr), np.flatnonzero(strip(condition)))


def _embed(v: Any, offset: int, shape: Shape, dtype: Any) -> Any:
    """Matrices of the given shape, zero except for `v` (its last axis) on a diagonal."""
    i = np.arange(v.shape[-1])
    index = (..., i + max(-offset, 0), i + max(offset, 0))
    return SCATTER(v, index=index, spec=Spec(shape, dtype))


def _diagonal_transpose(g: Cotangent, x_spec: Spec, offset: int, axis1: int, axis2: int) -> Any:
    rest = [i for i in range(-x_spec.ndim, 0) if i not in (axis1, axis2)]
    order = (*rest, axis1, axis2)
    made = _embed(g, offset, tuple(x_spec.shape[i] for i in order), x_spec.dtype)
    return np.moveaxis(made, (-2, -1), (axis1, axis2))


diagonal_p = linear(
    lambda x, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2),
    _diagonal_transpose,
    name="diagonal",
    structure=Gather(),
    view=True,
)
diagonal_p.readonly = True


@implements(np.diagonal)
def diagonal(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """``numpy.diagonal``; a view that cannot be written to."""
    ndim = ndim_of(a)
    if ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    axis1, axis2 = (normalize_axis_index(axis, ndim) - ndim for axis in (axis1, axis2))
    return diagonal_p(a, offset=int(offset), axis1=axis1, axis2=axis2)


@implements(np.linalg.diagonal)
def matrix_diagonal(x: Value, /, *, offset: int = 0) -> Any:
    """``numpy.linalg.diagonal``."""
    return np.diagonal(x, offset, -2, -1)


diag_p = linear(
    lambda x, k: np.diag(x, k),
    lambda g, k: np.diagonal(g, k, -2, -1),
    jvp=lambda t, ans_spec, k: _embed(t, k, ans_spec.shape, ans_spec.dtype),
    name="diag",
    structure=Gather(),
)


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """``numpy.diag``: the diagonal of a matrix, or the matrix with a diagonal."""
    if ndim_of(v) == 1:
        return diag_p(v, k=int(k))
    if ndim_of(v) == 2:
        return np.diagonal(v, k)
    raise ValueError("Input must be 1- or 2-d.")


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    """``numpy.diagflat``."""
    return np.diag(np.ravel(v), k)


def _trace_transpose(g: Cotangent, x_spec: Spec, offset: int, axis1: int, axis2: int) -> Any:
    n = np.diagonal(np.broadcast_to(False, x_spec.shape), offset, axis1, axis2).shape[-1]
    g = np.broadcast_to(np.reshape(g, (*shape_of(g), 1)), (*shape_of(g), n))
    return _diagonal_transpose(g, x_spec, offset, axis1, axis2)


trace_p = linear(
    lambda x, offset, axis1, axis2: np.trace(x, offset, axis1, axis2),
    _trace_transpose,
    name="trace",
    structure=Trace(),
)


@implements(np.trace)
def trace(
    a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    """``numpy.trace``."""
    ndim = ndim_of(a)
    if ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    axis1, axis2 = (normalize_axis_index(axis, ndim) - ndim for axis in (axis1, axis2))
    a = for_target(a, out, dtype, is_linear=True)
    if dtype is not None:
        a = a.astype(dtype)
    return into(out, trace_p(a, offset=int(offset), axis1=axis1, axis2=axis2), "unsafe")


tril_p = linear(
    lambda x, k: np.tril(x, k), lambda g, k: np.tril(g, k), name="tril", structure=Gather()
)
triu_p = linear(
    lambda x, k: np.triu(x, k), lambda g, k: np.triu(g, k), name="triu", structure=Gather()
)


def _as_matrix(m: Any) -> Any:
    """A vector in NumPy's triangles: each row of a square matrix."""
    return np.broadcast_to(m, shape_of(m) * 2) if ndim_of(m) == 1 else m


@implements(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    """``numpy.tril``."""
    return tril_p(_as_matrix(m), k=int(k))


@implements(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    """``numpy.triu``."""
    return triu_p(_as_matrix(m), k=int(k))


def _clip_dx(x: Value, y: Value, z: Value) -> Any:
    x, y, z = unbox(x), unbox(y), unbox(z)
    return ~(np.less(x, y) | np.greater(x, z))


def _clip_dy(x: Value, y: Value, z: Value) -> Any:
    x, y, z = unbox(x), unbox(y), unbox(z)
    return np.less(x, y) & ~np.greater(y, z)


def _clip_dz(x: Value, y: Value, z: Value) -> Any:
    x, y, z = unbox(x), unbox(y), unbox(z)
    return np.greater(x, z) | (np.less(x, y) & np.greater(y, z))


clip_p = elementwise(lambda x, y, z: np.clip(x, y, z), _clip_dx, _clip_dy, _clip_dz, name="clip")
clip_low = elementwise(
    lambda x, y: np.clip(x, y, None),
    lambda x, y: ~np.less(unbox(x), unbox(y)),
    lambda x, y: np.less(unbox(x), unbox(y)),
    name="clip_low",
)
clip_high = elementwise(
    lambda x, y: np.clip(x, None, y),
    lambda x, y: ~np.greater(unbox(x), unbox(y)),
    lambda x, y: np.greater(unbox(x), unbox(y)),
    name="clip_high",
)


CLIP: Any = np._core.umath.clip  # type: ignore[attr-defined]  # the ufunc behind np.clip
register(CLIP, clip_p)  # which `plain.clip(traced, traced)` calls


@implements(np.clip)
def clip(
    a: Value,
    a_min: Any = _MISSING,
    a_max: Any = _MISSING,
    out: Any = None,
    *,
    min: Any = _MISSING,
    max: Any = _MISSING,
    **kwargs: Any,
) -> Any:
    """``numpy.clip``: derivative 1 inside and on the edges; outside, the bound's derivative."""
    low = _bound(a_min, min)
    high = _bound(a_max, max)
    # NumPy calls these ufuncs, with its keywords.
    ufunc: Any = CLIP
    operands: tuple[Any, ...] = (a, low, high)
    found: Any = clip_p
    if low is None and high is None:
        ufunc, operands, found = np.positive, (a,), positive
    elif high is None:
        ufunc, operands, found = np.maximum, (a, low), clip_low
    elif low is None:
        ufunc, operands, found = np.minimum, (a, high), clip_high
    if out is None and not kwargs:
        return found(*operands)
    return call_with_keywords(ufunc, found, operands, {"out": out, **kwargs})


def _bound(first: Any, second: Any) -> Any:
    if first is not _MISSING and second is not _MISSING:
        raise ValueError("Passing `min` or `max` beside `a_min` and `a_max` is forbidden.")
    bound = second if first is _MISSING else first
    return None if bound is _MISSING else as_operand(bound)
