"""Running sums, products and extrema, and the method ``accumulate`` of universal functions.

Tied elements of a running extremum share the derivative equally. The derivatives of running
products never divide by an element, so zeros do no harm at any order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import observe, unbox
from ...array.dispatch import UFUNC_METHODS, register
from ...core.batch import dtype_of, shape_of
from ...core.primitive import Primitive
from ...core.tangents import sums_from_behind
from ...core.types import Cotangent, Tangent, Value
from ..declare import linear, rule
from ..structures import Cumulative
from .common import axis_of, ends_derivative, for_target, implements, into
from .reductions import (
    BUT_FIRST,
    BUT_LAST,
    REVERSED,
    along,
    converted,
    is_normal,
    nan_as,
    products_before,
)


def recurrence(a: Value, b: Value, axis: int) -> Any:
    """``s[0] = b[0]``, ``s[k + 1] = a[k] s[k] + b[k + 1]``, by doubling: n log n operations.

    Source: Kogge and Stone, IEEE Transactions on Computers C-22 (1973) 786-793.
    """
    step = 1
    while step < np.shape(b)[axis]:
        head, tail = along(axis, slice(None, step)), along(axis, slice(step, None))
        before = along(axis, slice(None, -step))
        b = np.concatenate([b[head], b[tail] + a * b[before]], axis=axis)
        a = a[before] * a[tail]
        step *= 2
    return b


def recurrence_vjp(a: Value, g: Cotangent, axis: int) -> Cotangent:
    """The cotangent of b in `recurrence`."""
    back = along(axis, REVERSED)
    return recurrence(a[back], g[back], axis)[back]


def _cumprod_jvp(t: Tangent, x: Value, ans: Value, axis: int) -> Tangent:
    if is_normal(ans):
        return ans * np.cumsum(t / x, axis=axis)
    return recurrence(x[along(axis, BUT_FIRST)], t * products_before(x, axis), axis)


def _cumprod_vjp(g: Cotangent, x: Value, ans: Value, axis: int) -> Cotangent:
    if is_normal(ans):
        return sums_from_behind(g * ans, axis) / x
    return products_before(x, axis) * recurrence_vjp(x[along(axis, BUT_FIRST)], g, axis)


def _runs(x: Value, ans: Value, axis: int) -> tuple[Any, Any, Any]:
    """For a running extremum: where it stays, the elements that equal it, how many have so far."""
    x, ans = unbox(x), unbox(ans)
    stays = ans[along(axis, BUT_FIRST)] == ans[along(axis, BUT_LAST)]
    equal = x == ans
    stays, ties = stays.astype(float), equal.astype(float)
    return stays, equal, recurrence(stays, ties, axis)


def _running_jvp(t: Tangent, x: Value, ans: Value, axis: int) -> Tangent:
    stays, equal, ties = _runs(x, ans, axis)
    return recurrence(stays, np.where(equal, t, 0), axis) / ties


def _running_vjp(g: Cotangent, x: Value, ans: Value, axis: int) -> Cotangent:
    stays, equal, ties = _runs(x, ans, axis)
    return np.where(equal, recurrence_vjp(stays, g / ties, axis), 0)


cumsum_p = linear(
    lambda x, axis, dtype: np.cumsum(x, axis=axis, dtype=dtype),
    lambda g, axis: sums_from_behind(g, axis),
    name="cumsum",
    structure=Cumulative(),
)
cumprod_p = rule(
    lambda x, axis: np.cumprod(x, axis=axis),
    jvp=_cumprod_jvp,
    vjp=_cumprod_vjp,
    name="cumprod",
    structure=Cumulative(),
)
cummax_p = rule(
    lambda x, axis: np.maximum.accumulate(x, axis=axis),
    jvp=_running_jvp,
    vjp=_running_vjp,
    name="maximum.accumulate",
    structure=Cumulative(),
)
cummin_p = rule(
    lambda x, axis: np.minimum.accumulate(x, axis=axis),
    jvp=_running_jvp,
    vjp=_running_vjp,
    name="minimum.accumulate",
    structure=Cumulative(),
)


def _line(a: Value, axis: Any) -> tuple[Any, int]:
    """The array and axis of a running function; axis None means the raveled array."""
    ndim = len(shape_of(a))
    if ndim == 0:
        return np.reshape(a, -1), -1 if axis is None else axis_of(axis, 1)
    if axis is None and ndim > 1:
        return np.reshape(a, -1), -1
    return a, -1 if axis is None else axis_of(axis, ndim)


@implements(np.cumsum)
def cumsum(a: Value, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``numpy.cumsum``."""
    if dtype is not None and ends_derivative(dtype):
        a = observe(a)
    a, axis = _line(for_target(a, out, dtype, is_linear=True), axis)
    return into(out, cumsum_p(a, axis=axis, dtype=dtype), "unsafe")


@implements(np.cumprod)
def cumprod(a: Value, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``numpy.cumprod``, also with zeros; its rule takes n log n operations."""
    a, axis = _line(converted(for_target(a, out, dtype), dtype), axis)
    return into(out, cumprod_p(a, axis=axis), "unsafe")


def _accumulate(running: Callable[..., Any]) -> Callable[..., Any]:
    def accumulate(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        if np.ndim(array) == 0:
            raise TypeError("cannot accumulate on a scalar")
        return running(array, axis, dtype, out)

    return accumulate


def _running(prim: Primitive) -> Callable[..., Any]:
    def running(array: Any, axis: Any, dtype: Any, out: Any) -> Any:
        array, axis = _line(converted(for_target(array, out, dtype), dtype), axis)
        return into(out, prim(array, axis=axis), "unsafe")

    return running


UFUNC_METHODS[np.add, "accumulate"] = _accumulate(cumsum)
UFUNC_METHODS[np.multiply, "accumulate"] = _accumulate(cumprod)
UFUNC_METHODS[np.maximum, "accumulate"] = _accumulate(_running(cummax_p))
UFUNC_METHODS[np.minimum, "accumulate"] = _accumulate(_running(cummin_p))


def _cumulative(running: Callable[..., Any], start: Callable[..., Any]) -> Callable[..., Any]:
    def cumulative(
        x: Value,
        /,
        *,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        include_initial: bool = False,
    ) -> Any:
        if axis is None and np.ndim(x) > 1:
            raise ValueError(
                "For arrays which have more than one dimension ``axis`` argument is required."
            )
        if not include_initial:
            return running(x, axis, dtype, out)
        ans = running(for_target(x, out, dtype), axis, dtype)
        axis = axis_of(-1 if axis is None else axis, np.ndim(ans))
        shape = list(shape_of(ans))
        shape[axis] = 1
        ans = np.concatenate([start(shape, dtype_of(ans)), ans], axis=axis)
        return into(out, ans, "unsafe")

    return cumulative


if hasattr(np, "cumulative_sum"):
    register(np.cumulative_sum, _cumulative(cumsum, np.zeros))
    register(np.cumulative_prod, _cumulative(cumprod, np.ones))


@implements(np.nancumsum)
def nancumsum(a: Value, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``numpy.nancumsum``: NaNs count as 0 and have derivative 0."""
    return cumsum(nan_as(a, 0), axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(a: Value, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``numpy.nancumprod``: NaNs count as 1 and have derivative 0."""
    return cumprod(nan_as(a, 1), axis, dtype, out)
