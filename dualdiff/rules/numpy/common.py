"""Helpers of NumPy's rules: axes counted from the right, `out=`, casts, plain values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ...array.box import is_box, observe, shell
from ...array.dispatch import register
from ...array.kinds import is_foreign
from ...array.layout import in_layout, layout_of, lies_in_layout
from ...array.made import TRACED_KINDS, content_of_traced
from ...array.stores import assign_to
from ...array.views import memory_of
from ...core.batch import Shape, Spec, align, cast, contains_nan, dtype_of, shape_of
from ...core.trace import materialize
from ...core.types import Cotangent, Tangent, Value
from ...errors import UnsupportedInputError, user_line

Axes = tuple[int, ...]
NUMPY_2_5 = np.lib.NumpyVersion(np.__version__) >= "2.5.0"


def ndim_of(x: Value) -> int:
    """``numpy.ndim`` of a plain value or a box, without NumPy's dispatch."""
    return len(shape_of(x))


def ends_derivative(dtype: Any) -> bool:
    """Whether results of a dtype are constants; raises for objects, which could hide boxes."""
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        raise UnsupportedInputError(
            f"functions of traced arrays do not make objects of them, {user_line()}: leave "
            f"dtype=object out, or write x.astype(object) for an array of traced elements."
        )
    return bool(dtype.kind not in "fc")


def axes_of(axis: Any, ndim: int) -> Axes:
    """An axis argument (None, int, tuple) as a tuple of negative axes, which batch axes do not
    move."""
    if axis is None:
        return tuple(range(-ndim, 0))
    if type(axis) is int and -ndim <= axis < 0:
        return (axis,)
    return tuple(a - ndim for a in normalize_axis_tuple(axis, ndim))


def axis_of(axis: Any, ndim: int) -> int:
    """One axis, counted from the right."""
    return int(normalize_axis_index(axis, ndim)) - ndim


def in_c_order(x: ndarray) -> bool:
    """Whether the axes go from the slowest to the fastest in memory, with gaps or without."""
    if x.flags.c_contiguous:
        return True
    strides = x.strides
    return strides[-1] > 0 and all(a >= b for a, b in pairwise(strides))


def memory_order(strides: Sequence[int]) -> list[int]:
    """Axes from the slowest to the fastest; one without stride stays where it is, as in NumPy."""
    order: list[int] = []  # the fastest first
    for axis in reversed(range(len(strides))):
        place = len(order)
        for i in reversed(range(len(order))):
            own, other = abs(strides[axis]), abs(strides[order[i]])
            if own and other:
                if other <= own:
                    break
                place = i
        order.insert(place, axis)
    return order[::-1]


def expand_dims(g: Cotangent, axes: Axes, ndim: int) -> Any:
    """Put back the axes that a reduction of an array of `ndim` dimensions took away; keeps batch
    axes."""
    if not axes:
        return g
    shape = shape_of(g)
    batch = len(shape) - (ndim - len(axes))
    inner = iter(shape[batch:])
    kept = tuple(1 if i - ndim in axes else next(inner) for i in range(ndim))
    return (
        g.reshape(shape[:batch] + kept)
        if type(g) is ndarray
        else np.reshape(g, shape[:batch] + kept)
    )


def where_or_zero(mask: Any, g: Cotangent) -> Any:
    """``np.where(mask, g, 0)``, for large masks as a product unless that gives NaN: it is ten times
    faster for an irregular mask."""
    if type(g) is ndarray and math.prod(shape_of(mask)) > 100 and not is_box(mask):
        product = g * mask
        if not contains_nan(product):
            return product
    return np.where(mask, g, 0)


def tangent_where(
    ts: Sequence[Tangent], masks: Sequence[Any], specs: Sequence[Spec], ans_spec: Spec, batch: Shape
) -> Any:
    """Each tangent where its mask is; masks do not overlap, and a None is a tangent of zeros."""
    total: Any = 0
    for t, mask, spec in zip(ts, masks, specs, strict=True):
        if t is None:
            continue
        total = np.where(mask, align(t, spec.ndim, ans_spec.ndim, batch), total)
    return np.broadcast_to(total, batch + ans_spec.shape)


def target_of(out: Any) -> Any:
    """The array that a function is to write to, if any."""
    if type(out) is tuple:
        (out,) = out
    if out is not None and not isinstance(shell(out), ndarray):
        raise TypeError("return arrays must be of ArrayType")
    return out


def for_target(a: Value, out: Any, dtype: Any, is_linear: bool = False) -> Any:
    """`a` in the dtype in which a method of a ufunc works for an array `out`, if `dtype` is not
    given."""
    if out is None or dtype is not None:
        return a
    own, wanted = dtype_of(a), target_of(out).dtype
    if own.kind == "c" != wanted.kind and not is_linear:  # NumPy drops imaginary parts on the way
        raise TypeError(f"an output array of {wanted!r} is too small for operands of {own!r}")
    return cast(a, np.result_type(own, wanted))


def into(out: Any, ans: Value, casting: Any = "same_kind", broadcast: bool = False) -> Any:
    """The return value of a function with `out=`: the result, written into `out` if there is one.

    NumPy's ufuncs broadcast their result to `out`; its other functions need an array that fits.
    """
    out = target_of(out)
    if out is None:
        return ans
    shape, dtype = shape_of(ans), dtype_of(ans)
    fits = np.broadcast_shapes(shape, out.shape) if broadcast else shape
    if fits != out.shape:
        raise ValueError(f"the output array has shape {out.shape}, where {shape} is needed")
    if not np.can_cast(dtype, out.dtype, casting):
        raise TypeError(f"Cannot cast output from {dtype!r} to {out.dtype!r} with rule {casting!r}")
    assign_to(out, Ellipsis, ans)
    return out


def laid_out(x: Value, order: Any = "C") -> Any:
    """`x` in C or Fortran order, as from NumPy's function; a copy if it has another order.

    Whether a later `ravel` or `reshape` is a view depends on it.
    """
    array = memory_of(x)
    if type(array) is not ndarray or array.flags[order]:
        return x
    return np.copy(x, order)


def laid_out_like(x: Value, made: ndarray) -> Any:
    """`x` in the memory layout of `made`, an array of the same shape without gaps."""
    layout = layout_of(made)
    if layout is None:
        return laid_out(x)
    lies = lies_in_layout(memory_of(x), layout, ())
    return x if lies else materialize(in_layout(x, layout, ()))


def fortran_or_c(x: Value) -> str:
    """The order in which NumPy makes arrays from the parts of `x`: "F" where `x` is in that
    alone."""
    memory = memory_of(x)
    return "F" if not is_foreign(memory) and np.asarray(memory).flags.fnc else "C"


def implements(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as the implementation of NumPy's `functions`."""

    def decorate(implementation: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            register(function, implementation)
        return implementation

    return decorate


def zero_derivative(
    function: Callable[..., Any], look: Callable[[Any], Any] = observe
) -> Callable[..., Any]:
    """`function` applied to plain values, for results with a zero derivative or none.

    A function that depends only on shapes and dtypes uses ``look=plain``.
    """

    def passes_values(*args: Any, **kwargs: Any) -> Any:
        out = kwargs.get("out")
        values = [strip(a, look) for a in args]
        if is_box(out):
            del kwargs["out"]
            return into(out, function(*values, **{k: strip(v, look) for k, v in kwargs.items()}))
        return function(*values, **{k: strip(v, look) for k, v in kwargs.items()})

    return passes_values


def strip(x: Value, look: Callable[[Any], Any] = observe) -> Any:
    """Plain values behind boxes, also in lists and tuples."""
    if type(x) in (list, tuple):
        return type(x)(strip(e, look) for e in x)
    return look(content_of_traced(x) if type(x) in TRACED_KINDS else x)


def unmasked(x: Value) -> Any:
    """A tangent or cotangent without its masks of structural zeros."""
    x = materialize(x)
    while is_box(x) and type(x).is_mask:
        x = materialize(x.primal)
    return x
