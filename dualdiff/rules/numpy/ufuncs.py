"""Universal functions: one line each, both modes, any broadcasting, real and complex.

Derivatives follow the NIST Digital Library of Mathematical Functions (DLMF), 4.7, 4.20, 4.24, 4.34
and 4.38. At kinks: absolute, hypot, sign and arctan2 have derivative 0 at the origin; at a tie of
maximum or minimum, and at two equal infinities of logaddexp, each operand gets half; copysign,
fmod, remainder, modf and frexp have the derivative of their current piece; ``x**0`` and ``0**y``
have derivative 0.
"""

from __future__ import annotations

import math
import operator
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy import float64

from ...array.box import is_box, observe, unbox
from ...array.dispatch import register
from ...array.kinds import FLOATS, is_foreign, possibly
from ...core.batch import cast, contains_nan, dtype_of
from ...core.primitive import Primitive
from ...core.types import Cotangent, Tangent, Value
from ..declare import elementwise, linear, rule
from ..structures import Division, Elementwise, Multiplication, Sum
from .common import zero_derivative
from .kinks import beside, kink, lift_zeros, move_zeros
from .slopes import (
    LN2,
    LN10,
    arccosh_slope,
    arcsin_slope,
    arctanh_slope,
    cbrt_slope,
    constant,
    cosine,
    cosine_of,
    in_range,
    is_real,
    over,
    safe_divide,
    sech_squared,
    share,
    share2,
    times_i,
)

DEGREE = 0.017453292519943295
libm = SimpleNamespace(**vars(math))  # under `dualdiff.patch`, `math` has other functions
# Where squares of doubles have all their digits.
LEAST = float(np.finfo(float64).tiny / np.finfo(float64).eps)
MOST = float(np.finfo(float64).max)


def _sign_of(x: Value) -> Any:
    return kink(np.sign(unbox(x)), x, unbox(x) == 0) if is_box(x) else np.sign(x)


def _side_of(x: float) -> float:
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else x  # a zero or NaN


def _absolute_dx(x: Value, ans: Value) -> Any:
    if is_real(x):
        return _sign_of(x)
    if not is_box(x) and in_range(ans):
        return safe_divide(np.conjugate(x), ans)
    x, y = np.real(x), np.imag(x)
    return cosine(x, y) - 1j * cosine(y, x)


def _raised(x: Value, y: Value) -> Any:
    """``x**y`` with NumPy's infinities for Python numbers."""
    try:
        return x**y
    except (ZeroDivisionError, OverflowError):
        return np.power(x, y)


def _power_dx(x: Value, y: Value) -> Any:
    """``y x**(y-1)`` (DLMF 4.7.8), and 0 where x and y are 0."""
    if type(x) is float:
        x = float64(x)
    if type(y) is int or type(y) is float:
        if y == 2:
            return 2 * x
        if y == -1:
            inverse = _raised(x, y)
            return -inverse * inverse  # NumPy's x**-2 of large complex x is NaN
        return y * _raised(x, y - 1) if y != 0 else np.zeros_like(unbox(x))
    zero = (unbox(y) == 0) & (unbox(x) == 0)
    if not possibly(zero):
        return y * np.power(x, y - 1)
    return np.where(zero, 0.0, y * np.power(x, np.where(zero, 1, y - 1)))


def _power_dy(ans: Value, x: Value, y: Value) -> Any:
    """``x**y log(x)`` (DLMF 4.7.8), and 0 where x is 0 and Re y >= 0."""
    if not is_real(ans) and is_real(x):
        x = x + 0j
    if dtype_of(ans).char in "gG":  # NumPy's logarithm of a Python number would be a double
        x = cast(x, dtype_of(ans))
    zero = (unbox(x) == 0) & (np.real(unbox(y)) >= 0)
    # The logarithm of a Python number is a float64, which must not widen the result.
    if not possibly(zero):
        return cast(ans * np.log(x), dtype_of(ans))
    return cast(np.where(zero, 0.0, ans * np.log(np.where(zero, 1, x))), dtype_of(ans))


def _chosen(better: Any, nan_wins: bool) -> tuple[Any, Any]:
    """Derivatives of an extremum: 1 for the chosen operand, half for both at a tie."""

    def share(a: Value, b: Value, by_nan: Any, like: Any) -> Any:
        tie, chosen = np.equal(a, b), better(a, b)
        if by_nan is not None:
            chosen = chosen | by_nan
        return np.where(tie, 0.5, chosen).astype(dtype_of(like)) if possibly(tie) else chosen

    def has_nan(a: Value, b: Value, ans: Value) -> bool:
        seen = (unbox(ans),) if nan_wins else (a, b)
        return any(is_foreign(v) or contains_nan(v) for v in seen)

    def dx(x: Value, y: Value, ans: Value) -> Any:
        a, b = unbox(x), unbox(y)
        return share(a, b, np.isnan(a if nan_wins else b) if has_nan(a, b, ans) else None, ans)

    def dy(x: Value, y: Value, ans: Value) -> Any:
        a, b = unbox(x), unbox(y)
        if not has_nan(a, b, ans):
            return share(b, a, None, ans)
        by_nan = np.isnan(b) & ~np.isnan(a) if nan_wins else np.isnan(a) & ~np.isnan(b)
        return share(b, a, by_nan, ans)

    return dx, dy


def _fmod_dy(x: Value, y: Value) -> Any:
    """Minus the truncated quotient; not by ``trunc(x / y)``, where the division may round up."""
    a, b = unbox(x), unbox(y)
    return -np.sign(a) * np.sign(b) * np.floor_divide(np.abs(a), np.abs(b))


def _over_squares(a: Value, x: Value, y: Value) -> Any:
    """``a / (x**2 + y**2)`` for a = x or y, and 0 at the origin; accurate at any size."""
    if type(x) in FLOATS and type(y) in FLOATS and LEAST <= (square := x * x + y * y) <= MOST:
        return a / square
    if not (is_box(x) or is_box(y) or is_foreign(x) or is_foreign(y)):
        squares = np.multiply(x, x) + np.multiply(y, y)
        limits = np.finfo(squares.dtype)
        least, most = (
            (squares.min(initial=1), squares.max(initial=1)) if squares.ndim else (squares, squares)
        )
        if limits.tiny <= least * limits.eps and most <= limits.max:
            return a / squares
    return safe_divide(cosine(x, y) if a is x else cosine(y, x), np.hypot(x, y))


def _arctan_dx(x: Value) -> Any:
    if not is_real(x):
        return arctanh_slope(times_i(x))
    if not is_box(x):
        return 1 / (1 + x * x)
    c = cosine(1.0, x)  # whose derivative is the limit where x is infinite
    return c * c


positive = elementwise(np.positive, 1, operator=operator.pos, structure=Sum())
negative = elementwise(np.negative, -1, operator=operator.neg, structure=Sum())
add = elementwise(np.add, 1, 1, operator=operator.add, structure=Sum())
subtract = elementwise(np.subtract, 1, -1, operator=operator.sub, structure=Sum())
multiply = elementwise(np.multiply, "y", "x", operator=operator.mul, structure=Multiplication())
divide = elementwise(
    np.divide,
    lambda y: over(1, y),
    lambda ans, y: -ans / y,
    operator=operator.truediv,
    structure=Division(),
    floats=(lambda y: 1.0 / y, lambda ans, y: -ans / y),
)
power = elementwise(
    np.power,
    _power_dx,
    _power_dy,
    operator=operator.pow,
    floats=(lambda x, y: y * libm.pow(x, y - 1.0), lambda ans, x, y: ans * libm.log(x)),
)
float_power = elementwise(np.float_power, _power_dx, _power_dy)
remainder = elementwise(
    np.remainder, 1, lambda x, y: -np.floor_divide(unbox(x), unbox(y)), operator=operator.mod
)
fmod = elementwise(np.fmod, 1, _fmod_dy)
absolute = elementwise(
    np.absolute, _absolute_dx, operator=operator.abs, floats=[lambda x, ans: _side_of(x)]
)
fabs = elementwise(np.fabs, lambda x: _sign_of(x), floats=[lambda x: _side_of(x)])
copysign = elementwise(np.copysign, lambda x, ans: np.sign(unbox(x)) * np.sign(unbox(ans)), 0)
conjugate = linear(np.conjugate, lambda g: np.conjugate(g), structure=Elementwise())
exp = elementwise(np.exp, "ans")
exp2 = elementwise(np.exp2, lambda ans: constant(LN2, ans) * ans)
expm1 = elementwise(np.expm1, np.exp, floats=[libm.exp])
log = elementwise(np.log, lambda x: over(1, x), floats=[lambda x: 1.0 / x])
log2 = elementwise(
    np.log2, lambda x: over(1 / constant(LN2, x), x), floats=[lambda x: 1.0 / LN2 / x]
)
log10 = elementwise(
    np.log10, lambda x: over(1 / constant(LN10, x), x), floats=[lambda x: 1.0 / LN10 / x]
)
log1p = elementwise(np.log1p, lambda x: over(1, 1 + x), floats=[lambda x: 1.0 / (1.0 + x)])
sqrt = elementwise(np.sqrt, lambda ans: 0.5 / ans, floats=[lambda ans: 0.5 / ans])
cbrt = elementwise(np.cbrt, lambda x, ans: cbrt_slope(x) if is_box(x) else 1 / (3 * ans * ans))
square = elementwise(np.square, lambda x: 2 * x)
reciprocal = elementwise(np.reciprocal, lambda ans: -ans * ans)
sin = elementwise(np.sin, np.cos, silent=True, floats=[libm.cos])
cos = elementwise(np.cos, lambda x: -np.sin(x), silent=True, floats=[lambda x: -libm.sin(x)])
tan = elementwise(
    np.tan,
    lambda x, ans: 1 + ans * ans if is_real(x) else sech_squared(times_i(x)),
    floats=[lambda x, ans: 1.0 + ans * ans],
)
arcsin = elementwise(
    np.arcsin,
    lambda x: arcsin_slope(x),
    floats=[lambda x: 1.0 / libm.sqrt((1.0 - x) * (1.0 + x))],
)
arccos = elementwise(
    np.arccos,
    lambda x: -arcsin_slope(x),
    floats=[lambda x: -1.0 / libm.sqrt((1.0 - x) * (1.0 + x))],
)
arctan = elementwise(np.arctan, _arctan_dx, floats=[lambda x: 1.0 / (1.0 + x * x)])
sinh = elementwise(np.sinh, np.cosh, floats=[libm.cosh])
cosh = elementwise(np.cosh, np.sinh, floats=[libm.sinh])
tanh = elementwise(np.tanh, lambda x: sech_squared(x), floats=[lambda x: 1.0 / libm.cosh(x) ** 2])
arcsinh = elementwise(
    np.arcsinh,
    lambda x: cosine(1.0, x) if is_real(x) else arcsin_slope(times_i(x)),
    floats=[lambda x: 1.0 / libm.hypot(1.0, x)],
)
arccosh = elementwise(np.arccosh, lambda x: arccosh_slope(x))
arctanh = elementwise(np.arctanh, lambda x: arctanh_slope(x))
deg2rad = elementwise(np.deg2rad, DEGREE)
rad2deg = elementwise(np.rad2deg, 1 / DEGREE)
hypot = elementwise(
    np.hypot,
    lambda x, y, ans: cosine_of(x, y, ans),
    lambda x, y, ans: cosine_of(y, x, ans),
)
arctan2 = elementwise(
    np.arctan2,
    lambda x, y: _over_squares(y, x, y),
    lambda x, y: -_over_squares(x, x, y),
    floats=(lambda x, y: _over_squares(y, x, y), lambda x, y: -_over_squares(x, x, y)),
)
logaddexp = elementwise(np.logaddexp, lambda x, y: share(x, y), lambda x, y: share(y, x))
logaddexp2 = elementwise(np.logaddexp2, lambda x, y: share2(x, y), lambda x, y: share2(y, x))
maximum = elementwise(np.maximum, *_chosen(np.greater, nan_wins=True))
minimum = elementwise(np.minimum, *_chosen(np.less, nan_wins=True))
fmax = elementwise(np.fmax, *_chosen(np.greater, nan_wins=False))
fmin = elementwise(np.fmin, *_chosen(np.less, nan_wins=False))
step = elementwise(np.heaviside, 0, lambda x: unbox(x) == 0)
ldexp = elementwise(
    np.ldexp, lambda x, y: np.ldexp(np.ones_like(unbox(x)), np.asarray(unbox(y), int)), 0
)
nextafter = elementwise(np.nextafter, 1, 0)

radians = elementwise(np.radians, DEGREE)
degrees = elementwise(np.degrees, 1 / DEGREE)
fraction = elementwise(lambda x: np.modf(x)[0], 1, name="modf")


beside(absolute, fabs, hypot)(move_zeros)
beside(sqrt)(lift_zeros)


@beside(power, float_power)
def _power_beside(step: Any, x: Value, y: Value) -> Any:
    exponent = unbox(y)
    is_root = np.ndim(exponent) == 0 and exponent > 0 and exponent != np.rint(exponent)
    return lift_zeros(step, x, y) if is_root else (x, y)


def _sign_jvp(t: Tangent, x: Value, ans: Value) -> Tangent:
    turn = np.imag(np.conjugate(ans) * t)
    return 1j * ans * safe_divide(turn, np.absolute(x))


def _sign_vjp(g: Cotangent, x: Value, ans: Value) -> Cotangent:
    turn = np.imag(g * ans)
    return 1j * np.conjugate(ans) * safe_divide(turn, np.absolute(x))


complex_sign = rule(np.sign, jvp=_sign_jvp, vjp=_sign_vjp, name="sign", structure=Elementwise())


def sign(x: Value) -> Any:
    """``numpy.sign``: constant for real x, ``x / |x|`` (derivative 0 at 0) for complex x."""
    return np.sign(observe(x)) if is_real(x) else complex_sign(x)


register(np.sign, sign)
for _ufunc in (
    np.floor, np.ceil, np.trunc, np.rint, np.floor_divide, np.signbit, np.spacing,
    np.isnan, np.isfinite, np.isinf, np.greater, np.greater_equal, np.less, np.less_equal,
    np.equal, np.not_equal, np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
):  # fmt: skip
    register(_ufunc, zero_derivative(_ufunc))


def heaviside(x1: Value, x2: Value) -> Any:
    """``numpy.heaviside``: constant in x1, x2 where x1 is 0."""
    return step(observe(x1), x2)


register(np.heaviside, heaviside)


def divmod_(x: Value, y: Value) -> tuple[Any, Any]:
    """``numpy.divmod``: the quotient is constant, the remainder is not."""
    return np.floor_divide(x, y), np.remainder(x, y)


def modf(x: Value) -> tuple[Any, Any]:
    """``numpy.modf``: the fraction has derivative 1, the integral part is constant."""
    return fraction(x), np.trunc(observe(x))


def frexp(x: Value) -> tuple[Any, Any]:
    """``numpy.frexp``: the mantissa is x over a constant power of two."""
    exponent = np.frexp(observe(x))[1]
    return ldexp(x, -exponent), exponent


register(np.divmod, divmod_)
register(np.modf, modf)
register(np.frexp, frexp)

PRIMITIVES: tuple[Primitive, ...] = (
    positive, negative, add, subtract, multiply, divide, power, float_power, remainder, fmod,
    absolute, fabs, copysign, conjugate, exp, exp2, expm1, log, log2, log10, log1p, sqrt, cbrt,
    square, reciprocal, sin, cos, tan, arcsin, arccos, arctan, sinh, cosh, tanh, arcsinh, arccosh,
    arctanh, deg2rad, radians, rad2deg, degrees, hypot, arctan2, logaddexp, logaddexp2, maximum,
    minimum, fmax, fmin, ldexp, nextafter,
)  # fmt: skip
for _primitive in PRIMITIVES:
    register(_primitive.fn, _primitive.bind)
for _operator, _primitive in (
    (operator.add, add), (operator.sub, subtract), (operator.mul, multiply),
    (operator.truediv, divide), (operator.pow, power), (operator.mod, remainder),
    (operator.neg, negative), (operator.pos, positive), (operator.abs, absolute),
):  # fmt: skip
    register(_operator, _primitive.operator)
