"""Sums, products and extrema along any axes, and the method ``reduce`` of universal functions.

Tied extrema share the derivative equally. The derivatives of products never divide by an element,
so zeros do no harm at any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.box import is_box, observe, shell, unbox
from ...array.dispatch import UFUNC_METHODS
from ...array.kinds import ARRAYS, possibly, surely
from ...core.batch import Shape, cast, dtype_of, shape_of
from ...core.primitive import Primitive
from ...core.tangents import column_times_row, is_large_product
from ...core.types import Cotangent, Tangent, Value
from ..declare import Linear, Rule, linear, rule
from ..structures import Reduction
from .common import (
    Axes,
    axes_of,
    ends_derivative,
    expand_dims,
    for_target,
    implements,
    into,
    target_of,
    where_or_zero,
)
from .creation import given
from .directions import direction, shares
from .kinks import Step, beside

NoValue = np._NoValue
Scaled = Callable[..., Any]
NO_OPTIONS: dict[str, Any] = {}
ALL_AXES = [tuple(range(-ndim, 0)) for ndim in range(65)]
SMALL = 4096  # elements below which a copy is faster than a view by np.broadcast_to

# The operation that joins a traced `initial` and a result, and its neutral element.
JOINED: dict[Primitive, tuple[Callable[..., Any], Any]] = {}
# Reductions whose derivative has no `initial`.
ALWAYS_JOINED: set[Primitive] = set()
# Reductions that take no axis of a number, unlike reductions by ufuncs.
STRICT: set[Primitive] = set()


def reduced(
    prim: Primitive, a: Value, axis: Any, keepdims: Any, out: Any = None, **options: Any
) -> Any:
    """Apply a reduction primitive to NumPy's arguments.

    Primitives take ``axis`` as a tuple counted from the right, ``keepdims``, and as ``options`` the
    user's choice of ``dtype, initial, where, ...``.
    """
    a = for_target(a, out, options.get("dtype"), isinstance(prim, Linear))
    initial = options.get("initial")
    begins = prim in ALWAYS_JOINED and is_box(a) and initial not in (None, NoValue)
    if is_box(initial) or begins:
        return into(out, _joined(prim, a, initial, axis, keepdims, options), "unsafe")
    options = {
        k: v for k, v in options.items() if v is not NoValue and (v is not None or k == "initial")
    }
    where = options.pop("where", True)
    if where is not True:
        options["where"] = np.array(unbox(where), dtype=bool)
    return into(out, reduced_plainly(prim, a, axis, keepdims, options), "unsafe")


def _joined(
    prim: Primitive, a: Value, initial: Any, axis: Any, keepdims: Any, options: dict[str, Any]
) -> Any:
    """A reduction joined with its `initial`; the value is NumPy's, which begins with it."""
    join, start = JOINED[prim]
    made = reduced(prim, observe(a), axis, keepdims, **{**options, "initial": observe(initial)})
    if dtype_of(made).kind not in "fc":
        return made
    rest = reduced(prim, a, axis, keepdims, **{**options, "initial": start})
    return given(join(rest, cast(initial, dtype_of(made))), made)


_SCALARS = frozenset((np.float64, np.float32, np.complex128, np.complex64))


def column_of(g: Cotangent, axes: Axes, shape: Shape, keepdims: bool) -> Any:
    """A batch of cotangents of a reduction of all elements, as one column; None unless its product
    with a row is large."""
    if type(g) is not ndarray or not axes or len(axes) != len(shape):
        return None
    if g.ndim != 1 + keepdims * len(shape) or not is_large_product(g, math.prod(shape)):
        return None
    return g.reshape(-1)


def spread(g: Cotangent, axes: Axes, shape: Shape, keepdims: bool) -> Any:
    """The cotangent of a sum over `axes`, given to each summand."""
    if type(g) in _SCALARS:
        if math.prod(shape) <= SMALL:
            out = np.empty(shape, g.dtype)
            out.fill(g)
        else:  # the same as np.broadcast_to, at a tenth of its cost
            out = np.ndarray(shape, g.dtype, np.array(g), 0, (0,) * len(shape))
            out.flags.writeable = False
        return out
    column = column_of(g, axes, shape, keepdims)
    if column is not None:
        return column_times_row(column, np.broadcast_to(g.dtype.type(1), shape))
    outer = shape_of(g)
    if not keepdims and outer:
        g = expand_dims(g, axes, len(shape))
        outer = shape_of(g)
    batch = outer[: len(outer) - len(shape)]
    if type(g) is ndarray and math.prod(shape) <= SMALL:
        out = np.empty(batch + shape, g.dtype)
        out[...] = g
        return out
    return np.broadcast_to(g, batch + shape)


def reduced_plainly(
    prim: Primitive, a: Value, axis: Any, keepdims: Any, options: dict[str, Any] = NO_OPTIONS
) -> Any:
    """`reduced` for common calls, at a lower cost."""
    ndim = len(shape_of(a))
    if axis is None:
        axes = ALL_AXES[ndim]
    elif type(axis) is int and -ndim <= axis < 0:
        axes = (axis,)
    else:
        axes = () if ndim == 0 and axis in (0, -1) and prim not in STRICT else axes_of(axis, ndim)
    keepdims = keepdims is not NoValue and bool(keepdims)
    return prim.bind(a, axis=axes, keepdims=keepdims, options=options)


def converted(a: Value, dtype: Any) -> Any:
    """`a` in the dtype of a function; plain if this dtype has no derivative."""
    if dtype is None:
        return a
    return cast(observe(a) if ends_derivative(dtype) else a, np.dtype(dtype))


def kept_dims(g: Cotangent, axis: Axes, ndim: int, keepdims: bool) -> Any:
    """A result or cotangent of a reduction, broadcastable against its operand."""
    return g if keepdims or shape_of(g) == () else expand_dims(g, axis, ndim)


def reduction(fn: Callable[..., Any], scaled: Scaled, name: str | None = None) -> Rule:
    """Declare a reduction by the derivative of its result with respect to each element.

    Arguments: `fn(x, axis=, keepdims=, **options)`; ``scaled(v, x, ans, axis, **options)``, the
    product of `v` and that derivative, where `v` and `ans` broadcast against x.
    """

    def apply(x: Value, axis: Axes, keepdims: bool, options: dict[str, Any]) -> Any:
        return fn(x, axis=axis, keepdims=keepdims, **options)

    def jvp(t: Tangent, x: Value, ans: Value, axis: Axes, keepdims: bool, options: Any) -> Any:
        ans = kept_dims(ans, axis, len(shape_of(x)), keepdims)
        return np.sum(scaled(t, x, ans, axis, **options), axis=axis, keepdims=keepdims)

    def vjp(g: Cotangent, x: Value, ans: Value, axis: Axes, keepdims: bool, options: Any) -> Any:
        column = column_of(g, axis, shape_of(x), keepdims)
        if column is not None and type(x) is ndarray:
            row = scaled(column.dtype.type(1), x, np.reshape(ans, ()), axis, **options)
            return column_times_row(column, row)
        ans, g = (kept_dims(v, axis, len(shape_of(x)), keepdims) for v in (ans, g))
        return scaled(g, x, ans, axis, **options)

    return rule(apply, jvp=jvp, vjp=vjp, name=name or fn.__name__, structure=Reduction())


def conjugate(x: Value) -> Any:
    """``numpy.conjugate`` that does not copy real arrays."""
    return np.conjugate(x) if dtype_of(x).kind == "c" else x


def count(shape: Shape, axis: Axes, where: Any = True) -> Any:
    """The number of reduced elements, at least 1; with a mask an array that keeps the axes."""
    if where is not True:
        n = np.sum(np.broadcast_to(where, shape), axis=axis, keepdims=True)
        return np.maximum(n, 1)
    return math.prod(shape[a] for a in axis) or 1


def _sum(x: Value, axis: Axes, keepdims: bool, options: dict[str, Any]) -> Any:
    total: Any = np.add.reduce if type(x) in ARRAYS else np.sum  # foreign arrays have no `reduce`
    return total(x, axis=axis, keepdims=keepdims, **options)


def _sum_jvp(t: Tangent, axis: Axes, keepdims: bool, options: dict[str, Any]) -> Tangent:
    if "initial" in options:
        options = {k: v for k, v in options.items() if k != "initial"}
    return _sum(t, axis, keepdims, options)


def _sum_vjp(
    g: Cotangent, x_spec: Any, axis: Axes, keepdims: bool, options: dict[str, Any]
) -> Cotangent:
    g = spread(g, axis, x_spec.shape, keepdims)
    return where_or_zero(options["where"], g) if "where" in options else g


sum_p = linear(_sum, _sum_vjp, jvp=_sum_jvp, name="sum", structure=Reduction())


@implements(np.sum)
def sum(
    a: Value,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NoValue,
    where: Any = True,
) -> Any:
    """``numpy.sum``, differentiable in `a` and `initial`."""
    if dtype is None and initial is NoValue and where is True and out is None:
        return reduced_plainly(sum_p, a, axis, keepdims)
    if dtype is not None and ends_derivative(dtype):
        a = observe(a)
    return reduced(sum_p, a, axis, keepdims, out, dtype=dtype, initial=initial, where=where)


def along(axis: int, part: slice) -> tuple[Any, ...]:
    """The index that takes a part along one axis, which counts from the right."""
    return (Ellipsis, part, *(slice(None),) * (-axis - 1))


FIRST, BUT_FIRST, BUT_LAST = slice(None, 1), slice(1, None), slice(None, -1)
REVERSED = slice(None, None, -1)


def products_before(x: Value, axis: int) -> Any:
    """For each element the product of the earlier elements along an axis."""
    one = np.ones_like(unbox(x)[along(axis, FIRST)])
    return np.concatenate([one, np.cumprod(x[along(axis, BUT_LAST)], axis=axis)], axis=axis)


def _products_of_others(x: Value, axis: Axes) -> Any:
    """For each element the product of all others along some axes, in linear time."""
    others: Any = 1
    for a in axis:
        back = along(a, REVERSED)
        others = others * products_before(x, a) * products_before(x[back], a)[back]
        x = np.prod(x, axis=a, keepdims=True)
    return others


def is_normal(ans: Value) -> bool:
    """Whether products are neither 0 nor near overflow, so that factors can be divided out."""
    size, limits = np.absolute(unbox(ans)), np.finfo(dtype_of(ans))
    return surely((size > limits.tiny * 1e8) & (size < limits.max))


def _prod_scaled(
    v: Any, x: Value, ans: Value, axis: Axes, initial: Any = 1, where: Any = True
) -> Any:
    if np.size(x) == 0:
        return v * x
    if where is not True:
        x = np.where(where, x, 1)
    initial = 1 if initial is None else initial
    others = ans / x if is_normal(ans) else initial * _products_of_others(x, axis)
    v = v * others
    return v if where is True else np.where(where, v, 0)


prod_p = reduction(np.multiply.reduce, _prod_scaled, "prod")


@implements(np.prod)
def prod(
    a: Value,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NoValue,
    where: Any = True,
) -> Any:
    """``numpy.prod``, differentiable in `a` and `initial`, also with zeros."""
    a = converted(for_target(a, out, dtype), dtype)
    return reduced(prod_p, a, axis, keepdims, out, initial=initial, where=where)


def selected(
    v: Any, x: Value, ans: Value, axis: Axes, initial: Any = None, where: Any = True
) -> Any:
    """`v` shared equally by the elements that equal `ans`, and 0 for the others."""
    x, ans = unbox(x), unbox(ans)
    chosen = np.equal(x, ans)
    if possibly(ans != ans):  # NaN
        chosen = chosen | (np.isnan(x) & np.isnan(ans))
    if where is not True:
        chosen = chosen & where
    ties: Any
    if len(axis) == chosen.ndim:  # by axis NumPy counts several times as slowly
        ties = np.count_nonzero(chosen)
    else:
        ties = np.count_nonzero(chosen, axis=axis, keepdims=True)
    if initial is not None:
        ties = ties + (ans == initial)
    if (ties > 1) if type(ties) is int else possibly(ties > 1):
        v = v / np.maximum(ties, 1)
    return where_or_zero(chosen, v)


max_p = reduction(np.maximum.reduce, selected, "max")
min_p = reduction(np.minimum.reduce, selected, "min")
nanmax_p = reduction(np.nanmax, selected)
nanmin_p = reduction(np.nanmin, selected)


def _extremum(prim: Primitive, name: str) -> Callable[..., Any]:
    def extremum(
        a: Value,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NoValue,
        where: Any = True,
    ) -> Any:
        return reduced(prim, a, axis, keepdims, out, initial=initial, where=where)

    extremum.__name__ = name
    extremum.__doc__ = (
        f"``numpy.{name}``, differentiable in `a` and `initial`; ties share the derivative equally."
    )
    return extremum


max = amax = implements(np.max, np.amax)(_extremum(max_p, "max"))
min = amin = implements(np.min, np.amin)(_extremum(min_p, "min"))
nanmax = implements(np.nanmax)(_extremum(nanmax_p, "nanmax"))
nanmin = implements(np.nanmin)(_extremum(nanmin_p, "nanmin"))


@implements(np.ptp)
def ptp(a: Value, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """``numpy.ptp``: the maximum minus the minimum."""
    high, out = max(a, axis, keepdims=keepdims), target_of(out)
    if out is not None:
        high = cast(high, out.dtype)  # NumPy keeps it there
    return into(out, high - min(a, axis, keepdims=keepdims))


def _softmax(base: int | None) -> Scaled:
    def scaled(v: Any, x: Value, ans: Value, axis: Axes, where: Any = True) -> Any:
        return v * shares(x, axis, where, base)

    return scaled


def _hypot_scaled(v: Any, x: Value, ans: Value, axis: Axes, where: Any = True) -> Any:
    return v * direction(x if where is True else np.where(where, x, 0), axis)


def _hypot_beside(step: Step, x: Value, axis: Axes, keepdims: bool, options: Any) -> tuple[Any]:
    where = options.get("where", True)
    zero = ~np.any(unbox(x), axis=axis, keepdims=True, where=where)
    return (step.along(x, zero) if np.any(zero) else x,)


def _reduce(prim: Primitive) -> Callable[..., Any]:
    def reduce(
        array: Any,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = NoValue,
        where: Any = True,
    ) -> Any:
        if prim is sum_p:
            return sum(array, axis, dtype, out, keepdims, initial, where)
        array = converted(for_target(array, out, dtype), dtype)
        return reduced(prim, array, axis, keepdims, out, initial=initial, where=where)

    return reduce


def _of(ufunc: np.ufunc, scaled: Scaled) -> Primitive:
    return reduction(ufunc.reduce, scaled, f"{ufunc.__name__}.reduce")


JOINED |= {nanmax_p: (np.fmax, -np.inf), nanmin_p: (np.fmin, np.inf)}
for _ufunc, _prim, _start in (
    (np.add, sum_p, NoValue),
    (np.multiply, prod_p, NoValue),
    (np.maximum, max_p, -np.inf),
    (np.minimum, min_p, np.inf),
    (np.fmax, _of(np.fmax, selected), -np.inf),
    (np.fmin, _of(np.fmin, selected), np.inf),
    (np.logaddexp, _of(np.logaddexp, _softmax(None)), NoValue),
    (np.logaddexp2, _of(np.logaddexp2, _softmax(2)), NoValue),
    (np.hypot, _of(np.hypot, _hypot_scaled), NoValue),
):
    JOINED[_prim] = _ufunc, _start
    if _ufunc in (np.logaddexp, np.logaddexp2, np.hypot):
        ALWAYS_JOINED.add(_prim)
    if _ufunc is np.hypot:
        beside(_prim)(_hypot_beside)
    UFUNC_METHODS[_ufunc, "reduce"] = _reduce(_prim)


def nan_as(a: Value, number: int) -> Any:
    """`a` with its NaNs replaced."""
    nan = np.isnan(unbox(a))
    if possibly(nan):
        return np.where(nan, number, a)
    strides = getattr(shell(a), "strides", ())
    return np.copy(a) if 0 in strides else a  # as in NumPy, whose sums depend on strides


def _without_nan(reduce: Callable[..., Any], number: int) -> Callable[..., Any]:
    def without_nan(
        a: Value,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NoValue,
        where: Any = True,
    ) -> Any:
        return reduce(nan_as(a, number), axis, dtype, out, keepdims, initial, where)

    without_nan.__name__ = f"nan{reduce.__name__}"
    without_nan.__doc__ = (
        f"``numpy.nan{reduce.__name__}``: NaNs count as {number} and have derivative 0."
    )
    return without_nan


nansum = implements(np.nansum)(_without_nan(sum, 0))
nanprod = implements(np.nanprod)(_without_nan(prod, 1))
