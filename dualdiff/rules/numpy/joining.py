"""Joining arrays, splitting them, and adding or removing elements."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ...array.box import observe, unbox
from ...array.views import View
from ...core.batch import Shape, dtype_of, shape_of
from ...core.types import Cotangent, Tangent, Value
from ..declare import rule
from ..structures import Blocks
from .common import (
    axis_of,
    ends_derivative,
    fortran_or_c,
    implements,
    into,
    laid_out,
    ndim_of,
    strip,
)
from .creation import pack
from .manipulation import as_operand, reshape_p


def _concatenate_jvp(
    ts: Sequence[Tangent], specs: Any, ans_spec: Any, axis: int, batch: Shape
) -> Tangent:
    parts = [
        np.zeros(batch + spec.shape, spec.dtype) if t is None else t
        for t, spec in zip(ts, specs, strict=True)
    ]
    return np.concatenate(parts, axis=axis)


def _spans(specs: Any, axis: int) -> list[slice]:
    """The position of each joined array along the axis."""
    ends = itertools.accumulate((spec.shape[axis] for spec in specs), initial=0)
    return [slice(*span) for span in itertools.pairwise(ends)]


def _concatenate_vjp(g: Cotangent, specs: Any, active: Any, axis: int) -> Cotangent:
    rest = (slice(None),) * (ndim_of(g) + axis)
    spans = zip(_spans(specs, axis), active, strict=True)
    return [g[(*rest, span)] if used else None for span, used in spans]


concatenate_p = rule(
    lambda *xs, axis, dtype, casting: np.concatenate(xs, axis=axis, dtype=dtype, casting=casting),
    jvp=_concatenate_jvp,
    vjp=_concatenate_vjp,
    name="concatenate",
    structure=Blocks(),
)


@implements(np.concatenate)
def concatenate(
    arrays: Any,
    /,
    axis: Any = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: Any = "same_kind",
) -> Any:
    """``numpy.concatenate``."""
    operands = [a.read() if type(a) is View else as_operand(a) for a in arrays]
    if dtype is not None and ends_derivative(dtype):
        ans = np.concatenate(strip(operands), axis, dtype=dtype, casting=casting)
        return into(out, ans)
    if axis is None:
        operands, axis = list(map(np.ravel, operands)), 0
    dimensions = [ndim_of(a) for a in operands]
    if 0 in dimensions:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    axis = axis_of(axis, dimensions[0])
    return into(out, concatenate_p(*operands, axis=axis, dtype=dtype, casting=casting))


@implements(np.stack)
def stack(
    arrays: Any,
    axis: int = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: Any = "same_kind",
) -> Any:
    """``numpy.stack``."""
    operands = list(map(as_operand, arrays))
    if not operands:
        raise ValueError("need at least one array to stack")
    shape = shape_of(operands[0])
    if any(shape_of(a) != shape for a in operands):
        raise ValueError("all input arrays must have the same shape")
    if shape == () and out is dtype is None and all(type(unbox(a)) is np.float64 for a in operands):
        return pack(*operands)  # in one operation
    axis = normalize_axis_index(axis, len(shape) + 1)
    shape = (*shape[:axis], 1, *shape[axis:])
    parts = [reshape_p.general(a, shape=shape) for a in operands]
    return concatenate(parts, axis, out, dtype=dtype, casting=casting)


def _rows(tup: Any) -> list[Any]:
    return [np.atleast_2d(as_operand(a)) for a in tup]


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """``numpy.vstack``."""
    return np.concatenate(_rows(tup), 0, dtype=dtype, casting=casting)


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """``numpy.hstack``."""
    arrays = [np.atleast_1d(as_operand(a)) for a in tup]
    axis = 0 if arrays and ndim_of(arrays[0]) == 1 else 1
    return np.concatenate(arrays, axis, dtype=dtype, casting=casting)


@implements(np.dstack)
def dstack(tup: Any) -> Any:
    """``numpy.dstack``."""
    return np.concatenate([np.atleast_3d(as_operand(a)) for a in tup], 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> Any:
    """``numpy.column_stack``."""
    arrays = [as_operand(a) for a in tup]
    return np.concatenate([a if ndim_of(a) > 1 else np.atleast_2d(a).T for a in arrays], 1)


def _depth(arrays: Any) -> int:
    return 1 + max(map(_depth, arrays), default=0) if type(arrays) is list else 0


@implements(np.block)
def block(arrays: Any) -> Any:
    """``numpy.block``: innermost lists are joined along the last axis, outer ones before it."""
    shapes = _map_nested(lambda a: np.broadcast_to(False, shape_of(a)), arrays)
    whole, depth = np.block(shapes), _depth(arrays)  # checks the nesting and the shapes

    def build(part: Any, level: int) -> Any:
        if type(part) is list:
            return np.concatenate([build(p, level + 1) for p in part], axis=level - depth)
        a = as_operand(part)
        return np.reshape(a, (1,) * (whole.ndim - ndim_of(a)) + shape_of(a))

    ans = build(arrays, 0)
    return ans if depth else np.copy(ans, "C")


def _map_nested(f: Any, x: Value) -> Any:
    return [_map_nested(f, e) for e in x] if type(x) is list else f(x)


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """``numpy.append``."""
    arr, values = as_operand(arr), as_operand(values)
    if axis is None:
        arr, values, axis = np.ravel(arr), np.ravel(values), 0
    return np.concatenate((arr, values), axis)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """``numpy.insert``, differentiable in `arr` and `values`."""
    arr, values = as_operand(arr), as_operand(values)
    n, dtype = np.size(arr), dtype_of(arr)
    if dtype.kind not in "fc":
        return np.insert(observe(arr), strip(obj), observe(values), axis)
    # NumPy itself finds the source of each element.
    own = np.arange(n).reshape(shape_of(arr))
    new = np.arange(n, n + np.size(values)).reshape(shape_of(values))
    origin = np.insert(own, strip(obj), new, axis)
    pool = np.concatenate((np.ravel(arr), np.ravel(values)), dtype=dtype, casting="unsafe")
    return laid_out(np.take(pool, origin), fortran_or_c(arr))


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """``numpy.delete``."""
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis = normalize_axis_index(axis, ndim_of(arr))
    kept = np.delete(np.arange(shape_of(arr)[axis]), strip(obj))
    return laid_out(np.take(arr, kept, axis), fortran_or_c(arr))


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """``numpy.array_split``; views."""
    axis = normalize_axis_index(axis, ndim_of(ary))
    # NumPy itself finds the ends of the parts.
    parts = np.array_split(np.arange(shape_of(ary)[axis]), strip(indices_or_sections))
    before = (slice(None),) * axis
    ans = []
    for part in parts:
        first = int(part[0]) if part.size else 0
        ans.append(ary[(*before, slice(first, first + part.size))])
    return ans


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """``numpy.split``; views."""
    if ndim_of(indices_or_sections) == 0 and shape_of(ary)[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """``numpy.hsplit``; views."""
    if ndim_of(ary) == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if ndim_of(ary) > 1 else 0)


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """``numpy.vsplit``; views."""
    if ndim_of(ary) < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


@implements(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """``numpy.dsplit``; views."""
    if ndim_of(ary) < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


def unstack(x: Value, /, *, axis: int = 0) -> tuple[Any, ...]:
    """``numpy.unstack``; views."""
    if ndim_of(x) == 0:
        raise ValueError("Input array must be at least 1-d.")
    return tuple(np.moveaxis(x, axis, 0))


if hasattr(np, "unstack"):  # NumPy 2.1
    implements(np.unstack)(unstack)
