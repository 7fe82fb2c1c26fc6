"""Derivatives of elementwise functions, as functions with a derivative of their own.

Each is accurate over the whole range, and so is its derivative. A traced formula would not be: the
derivative of ``1 - tanh(x)**2`` cancels if tanh is nearly 1, and the derivative of
``(1 - x) * (1 + x)`` if x is small. Arguments are plain values or boxes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import is_box, unbox
from ...array.kinds import possibly, surely
from ...core.batch import dtype_of
from ...core.types import Value
from ..declare import elementwise

LN2, LN10, PI = 0.6931471805599453, 2.302585092994046, 3.141592653589793
_EXACT: dict[float, Callable[[], Any]] = {
    LN2: lambda: np.log(np.longdouble(2)),
    LN10: lambda: np.log(np.longdouble(10)),
    PI: lambda: 4 * np.arctan(np.longdouble(1)),
}


def constant(value: float, like: Any) -> Any:
    """A constant of this module for arithmetic with `like`, which may be of long double."""
    return _EXACT[value]() if dtype_of(like).char in "gG" else value


def is_real(x: Value) -> bool:
    """Whether a value or a box holds real numbers."""
    return dtype_of(x).kind != "c"


def over(a: Value, b: Value) -> Any:
    """``a / b`` with NumPy's infinities for Python numbers."""
    try:
        return a / b
    except ZeroDivisionError:
        return np.divide(a, b)


def safe_divide(a: Value, b: Value) -> Any:
    """``a / b``, and 0 where b is 0."""
    zero = unbox(b) == 0
    return np.where(zero, 0.0, a / np.where(zero, 1.0, b)) if possibly(zero) else a / b


def slope(*derivatives: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function of plain values with its derivatives, one for each operand."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        def apply(*args: Any) -> Any:
            return primitive(*args) if any(map(is_box, args)) else function(*args)

        primitive = elementwise(apply, *derivatives, name=function.__name__)
        primitive.formula = function
        return apply

    return decorate


@slope(lambda x, ans: -2 * np.tanh(x) * ans)
def sech_squared(x: Value) -> Any:
    """``1 / cosh(x)**2``, the derivative of tanh (DLMF 4.34.4)."""
    if is_real(x):
        s = 1 / np.cosh(x)
        return s * s
    u = np.exp(-np.copysign(2.0, np.real(x)) * x)  # cosh itself would overflow
    return 4 * u / (1 + u) ** 2


@slope(lambda x: 1j)
def times_i(x: Value) -> Any:
    """``1j * x`` of complex x, which keeps the signs of zeros."""
    out = np.empty_like(x)
    out.real, out.imag = -x.imag, x.real
    return out[()] if np.ndim(x) == 0 else out


@slope(lambda x, ans: (x * ans) * ans * ans)
def arcsin_slope(x: Value) -> Any:
    """``1 / sqrt(1 - x**2)``, on the side of the branch cuts by signed zeros (DLMF 4.23(ii)).

    The zero imaginary part of a complex 1 would lose a sign in a sum.
    """
    if is_real(x):
        return 1 / np.sqrt((1 - x) * (1 + x))
    return (1 / np.sqrt(-(x - 1))) * (1 / np.sqrt(x - (-1)))


@slope(lambda x, ans: 2 * (x * ans) * ans)
def arctanh_slope(x: Value) -> Any:
    """``1 / (1 - x**2)``."""
    if is_real(x):
        return over(1, (1 - x) * (1 + x))
    return (1 / (1 - x)) * (1 / (1 + x))


@slope(lambda x, ans: -(x * ans) * ans * ans)
def _complex_arccosh_slope(x: Value) -> Any:
    return (1 / np.sqrt(x - 1)) * (1 / np.sqrt(x - (-1)))


def arccosh_slope(x: Value) -> Any:
    """``1 / (sqrt(x - 1) sqrt(x + 1))``, on the side of the branch cuts by signed zeros."""
    if is_real(x):
        return over(1, np.sqrt(x - 1)) * over(1, np.sqrt(x + 1))
    return _complex_arccosh_slope(x)


@slope(lambda x, ans: (-2 / 3) * ans / x)
def cbrt_slope(x: Value) -> Any:
    """``1 / (3 cbrt(x)**2)``."""
    root = np.cbrt(x)
    return 1 / (3 * root * root)


def _without_origin(a: Value, radius: Value) -> Any:
    origin = unbox(radius) == 0
    return np.where(origin, np.nan, safe_divide(a, radius)) if possibly(origin) else a / radius


def _cosine_dx(x: Value, y: Value) -> Any:
    sine = cosine(y, x)
    return sine * _without_origin(sine, np.hypot(x, y))


def _cosine_dy(x: Value, y: Value) -> Any:
    return -cosine(x, y) * _without_origin(cosine(y, x), np.hypot(x, y))


def in_range(radius: Any) -> bool:
    """Whether a quotient by a plain radius needs no care for infinities."""
    return surely(np.isfinite(radius))


def cosine_of(x: Value, y: Value, radius: Any) -> Any:
    """`cosine`, fast if the radius is known and needs no derivative."""
    plain_values = not (is_box(x) or is_box(y)) and in_range(radius)
    return safe_divide(x, radius) if plain_values else cosine(x, y)


@slope(_cosine_dx, _cosine_dy)
def cosine(x: Value, y: Value) -> Any:
    """``x / hypot(x, y)``, 0 at the origin, and the limit if x or y is infinite."""
    radius = np.hypot(x, y)
    if in_range(radius):
        return safe_divide(x, radius)
    endless, other = np.isinf(x), np.isinf(y)
    a = np.where(endless, np.copysign(1.0, x), np.where(other, 0.0, 0.25 * x))
    b = np.where(other, np.copysign(1.0, y), np.where(endless, 0.0, 0.25 * y))
    ans = safe_divide(np.where(endless & other, np.nan, a), np.hypot(a, b))
    return ans.astype(dtype_of(radius))


def _share_of(exp: Callable[..., Any], scale: float, name: str) -> Callable[..., Any]:
    def rate(x: Value, y: Value) -> Any:
        product = of_sum(x, y) * of_sum(y, x)
        level = np.isinf(unbox(x)) & (unbox(x) == unbox(y))
        if possibly(level):
            product = np.where(level, 0, product)
        return product if scale == 1 else constant(scale, product) * product

    def values(x: Value, y: Value) -> Any:
        difference = np.subtract(y, x)
        ans = 1 / (1 + exp(difference))
        lost = np.isnan(difference)
        return np.where(lost & (x == y), 0.5, ans).astype(ans.dtype) if possibly(lost) else ans

    values.__name__ = name
    of_sum = slope(rate, lambda x, y: -rate(x, y))(values)
    return of_sum


# The derivative of ``logaddexp(x, y)`` in x, from the difference of the operands: the rounded
# result is less accurate. Two equal infinities have half each.
share = _share_of(np.exp, 1.0, "share")
share2 = _share_of(np.exp2, LN2, "share2")
