"""The gradients of a log-sum-exp and of a Euclidean norm, with their own derivatives.

Some directions do not change them: an equal shift of all elements, or the vector itself. Rounding
would leave errors there, next to a largest element. So tangents lose their part in such a
direction, chosen so that the largest element does not move. Arguments are plain values or boxes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...array.box import is_box, unbox
from ...array.kinds import possibly
from ...core.batch import dtype_of
from ...core.types import Tangent, Value
from ..declare import rule
from ..structures import Axis
from .common import Axes
from .slopes import LN2, constant, safe_divide


def _of_largest(t: Tangent, size: Any, axis: Axes) -> Any:
    """The mean of `t` over the elements where the plain `size` is largest."""
    largest = size == np.max(size, axis=axis, keepdims=True, initial=-np.inf)
    count = np.maximum(np.sum(largest, axis=axis, keepdims=True), 1)
    return np.sum(np.where(largest, t, 0), axis=axis, keepdims=True) / count


def shares(x: Value, axis: Axes, where: Any, base: int | None = None) -> Any:
    """``exp(x - logsumexp(x))`` (powers of 2 if `base` is 2), and 0 outside of `where`.

    Infinite largest elements have equal shares.
    """
    if is_box(x):
        return shares_p(x, axis=axis, where=where, base=base)
    exp = np.exp if base is None else np.exp2
    top = np.max(np.where(where, x, -np.inf), axis=axis, keepdims=True, initial=-np.inf)
    level = np.isinf(x) & (x == top)
    above = np.where(level | np.logical_not(where), 0, x - np.where(level, 0, top))
    weights = np.where(where, exp(above), 0).astype(x.dtype)
    return safe_divide(weights, np.sum(weights, axis=axis, keepdims=True))


def _shares_step(t: Tangent, ans: Value, axis: Axes, base: int | None) -> Any:
    """``p (t - sum(p t))``, symmetric in tangents and cotangents."""
    t = t - _of_largest(t, unbox(ans), axis)
    step = ans * (t - np.sum(ans * t, axis=axis, keepdims=True))
    return step if base is None else constant(LN2, step) * step


shares_p = rule(shares, jvp=_shares_step, vjp=_shares_step, name="shares", structure=Axis())


def direction(x: Value, axis: Axes) -> Any:
    """``conj(x) / norm(x)``, 0 where x is 0, and its limit if one element is infinite."""
    if is_box(x):
        return direction_p(x, axis=axis)
    size = np.max(np.absolute(x), axis=axis, keepdims=True, initial=0)
    endless = np.isinf(size)
    if possibly(endless):
        own = np.isinf(x)
        own = np.where(np.sum(own, axis=axis, keepdims=True) > 1, np.nan, own)
        x = np.where(endless, own * np.sign(np.where(endless, x, 0)), x)
        size = np.where(endless, 1, size)
    x = np.conjugate(safe_divide(x, size))
    squares = np.real(x * np.conjugate(x))
    return safe_divide(x, np.sqrt(np.sum(squares, axis=axis, keepdims=True))).astype(dtype_of(x))


def _direction_step(t: Tangent, x: Value, ans: Value, axis: Axes) -> Any:
    """``(t - u sum(u t)) / norm(x)`` of real x, symmetric in tangents and cotangents.

    Where x is 0 it is NaN.
    """
    radius = x
    for one in axis:  # several axes at once are more than the method takes
        radius = np.hypot.reduce(radius, axis=one, keepdims=True)
    largest = unbox(np.absolute(unbox(ans)))
    along = _of_largest(safe_divide(t, ans), largest, axis)
    t = t - ans * along
    t = t - ans * np.sum(ans * t, axis=axis, keepdims=True)
    origin = unbox(radius) == 0
    if not possibly(origin):
        return t / radius
    return t * np.where(origin, np.nan, 1 / np.where(origin, 1, radius))


direction_p = rule(
    direction, jvp=_direction_step, vjp=_direction_step, name="direction", structure=Axis()
)
