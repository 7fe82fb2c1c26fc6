"""Airy, Kelvin, Struve, spherical Bessel and parabolic cylinder functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....array.dispatch import register
from ....core.batch import dtype_of
from ....core.types import Value
from .bessel import unit
from .bessel_orders import ive_order, yv_order
from .elementary import over
from .hypergeometric import LOSS, hyperu_value, refuse, series
from .kinds import (
    cases,
    closed,
    column,
    find,
    flat,
    gauss_legendre,
    horner,
    lost,
    partial,
    several,
    where,
)

PI = np.pi
SQRT_PI = 1.772453850905516
K = np.arange(16.0)
# u_k and v_k of the asymptotic series (DLMF 9.7.1, 9.7.2).
U = special.gamma(3 * K + 0.5) / (54**K * special.gamma(K + 1) * special.gamma(K + 0.5))
V = (6 * K + 1) / (1 - 6 * K) * U


def _airye_far(x: Value) -> Any:
    """For large x the series 9.7.5 to 9.7.8 of the scaled functions, term by term."""
    zeta = 2 / 3 * x * np.sqrt(x)
    root = np.sqrt(np.sqrt(x))

    def slope(coefficients: Any, sign: int, power: float) -> Any:
        return horner(sign / zeta, coefficients * (power - 1.5 * K)) / x

    return (
        slope(U, -1, -0.25) / (2 * SQRT_PI * root),
        -slope(V, -1, 0.25) * root / (2 * SQRT_PI),
        slope(U, 1, -0.25) / (SQRT_PI * root),
        slope(V, 1, 0.25) * root / SQRT_PI,
    )


def _airye(x: Value, ans: Value) -> Any:
    ai, aip, bi, bip = ans
    if dtype_of(x).kind == "c":  # the scale of Bi and Bi' is held constant
        root = np.sqrt(x)
        return aip + root * ai, x * ai + root * aip, bip, x * bi
    positive = unbox(x) > 0
    root = np.where(positive, np.sqrt(np.where(positive, x, 1.0)), 0.0)
    near = aip + root * ai, x * ai + root * aip, bip - root * bi, x * bi - root * bip
    far = unbox(x) > 30
    if not np.any(far):
        return near
    series = _airye_far(np.where(far, x, 30.0))
    return tuple(np.where(far, s, n) for s, n in zip(series, near, strict=True))


several("airy", lambda x, ans: (ans[1], x * ans[0], ans[3], x * ans[2]))
_airye_rule = several("airye", _airye, own=True)


def _airye_bind(z: Value) -> Any:
    """For complex z, Bi and Bi' have the factor ``exp(-abs(Re(2/3 z**1.5)))``."""
    ai, aip, bi, bip = _airye_rule.bind(z)
    if dtype_of(z).kind != "c":
        return ai, aip, bi, bip
    factor = unit(np.abs(np.real(z * np.sqrt(z)) * 2 / 3))
    return ai, aip, bi * factor, bip * factor


register(special.airye, _airye_bind)


# Spherical functions: (2n + 1) f' = n f(n - 1) - (n + 1) f(n + 1), with other signs for the
# modified ones (DLMF 10.51.2, 10.51.5).
def _spherical(kind: str, below: int, above: int) -> None:
    for name in (f"_spherical_{kind}", f"_spherical_{kind}_d"):
        closed(name, None, _neighbours(find(name), below, above))


def _neighbours(f: Any, below: int, above: int) -> Any:
    def slope(x: Value, y: Value) -> Any:
        n = unbox(x)
        lower, upper = f(np.maximum(n - 1, 0), y), f(n + 1, y)
        return (below * n * lower + above * (n + 1) * upper) / (2 * n + 1)

    return slope


_spherical("jn", 1, -1)
_spherical("yn", 1, -1)
_spherical("in", 1, 1)
_spherical("kn", -1, -1)

# Kelvin functions: w = ber + i bei and ker + i kei solve x**2 w'' + x w' = i x**2 w (DLMF 10.61.3).
# Far out they are J and K of turned arguments (10.61.1, 10.61.2), of which SciPy has more digits.
TURN_J, TURN_K = np.exp(0.75j * PI), np.exp(0.25j * PI)
SLOPES: dict[str, Any] = {}


def _kelvin(name: str, near: Any, far: Any) -> None:
    part = np.real if "er" in name else np.imag

    def slope(x: Value, ans: Value) -> Any:
        is_near = np.abs(unbox(x)) < 4
        return where(is_near, near, lambda x, ans: part(far(x)), x, ans)

    SLOPES[name] = slope
    closed(name, lambda x, ans: slope(x, ans))


def _be(x: Value) -> Any:
    return -TURN_J * special.jv(1.0, TURN_J * x)


def _ke(x: Value) -> Any:
    return -TURN_K * special.kv(1.0, TURN_K * x)


def _bep(x: Value) -> Any:
    return 0.5j * (special.jv(0.0, TURN_J * x) - special.jv(2.0, TURN_J * x))


def _kep(x: Value) -> Any:
    return 0.5j * (special.kv(0.0, TURN_K * x) + special.kv(2.0, TURN_K * x))


_kelvin("ber", lambda x, ans: special.berp(x), _be)
_kelvin("bei", lambda x, ans: special.beip(x), _be)
_kelvin("ker", lambda x, ans: special.kerp(x), _ke)
_kelvin("kei", lambda x, ans: special.keip(x), _ke)
_kelvin("berp", lambda x, ans: -over(ans, x, 0.0) - special.bei(x), _bep)
_kelvin("beip", lambda x, ans: -over(ans, x, 0.5) + special.ber(x), _bep)
_kelvin("kerp", lambda x, ans: -ans / x - special.kei(x), _kep)
_kelvin("keip", lambda x, ans: -ans / x + special.ker(x), _kep)


def _kelvin_slopes(x: Value, ans: Value) -> Any:
    pairs = zip(("be{}", "ke{}", "be{}p", "ke{}p"), ans, strict=True)
    return [
        SLOPES[name.format("r")](x, np.real(w)) + 1j * SLOPES[name.format("i")](x, np.imag(w))
        for name, w in pairs
    ]


several("kelvin", _kelvin_slopes)


# Struve functions (DLMF 11.4.27 to 11.4.30); in the order by the series 11.2.1 and 11.2.2, for
# large arguments of H by Y and the integral 11.5.2.
def _struve_series(sign: int) -> Any:
    def series(v: Any, x: Value) -> Any:
        k = np.arange(float(60 + int(0.7 * np.max(unbox(x), initial=0))))
        exponent = (2 * k + column(v) + 1) * np.log(column(x) / 2) - special.gammaln(k + 1.5)
        terms = np.exp(exponent) * special.rgamma(k + column(v) + 1.5)
        total = np.sum(float(sign) ** k * terms, axis=-1)
        refuse("struve", ~(np.max(np.abs(unbox(terms)), axis=-1) < LOSS * np.abs(unbox(total))))
        return total

    return series


NODES, WEIGHTS = gauss_legendre(64)


def _struve_rest(v: Any, x: Value) -> Any:
    """``H - Y`` (DLMF 11.5.2)."""
    end = 40 / unbox(x)
    for _ in range(6):
        end = (40 + np.maximum(unbox(v) - 0.5, 0) * np.log1p(end * end)) / unbox(x)
    t = column(end) * NODES
    e = np.exp(-column(x) * t + (column(v) - 0.5) * np.log1p(t * t))
    front = np.exp(v * np.log(x / 2)) * special.rgamma(v + 0.5) * 2 / SQRT_PI
    return front * end * np.matmul(e, WEIGHTS)


LEAST_ORDER = -0.1  # the integral of I - L diverges at -1/2
S = PI / 2 * np.sinh(np.linspace(-4.2, 4.2, 120))
FROM_0, FROM_1 = special.expit(2 * S), special.expit(-2 * S)
END_WEIGHTS = FROM_0 * FROM_1 * PI * np.sqrt(1 + (2 * S / PI) ** 2) * (8.4 / 119)


def _modified_rest(v: Any, x: Value) -> Any:
    """``I - L`` (DLMF 11.5.4), by double exponential quadrature on (0, 1)."""
    log = np.log(FROM_1) + np.log1p(FROM_0)
    e = np.exp(-column(x) * FROM_0 + (column(v) - 0.5) * log)
    front = np.exp(v * np.log(x / 2)) * special.rgamma(v + 0.5) * 2 / SQRT_PI
    return front * np.matmul(e, END_WEIGHTS)


_modified_rest_slope = partial(_modified_rest, 0)
_series_slope = {sign: partial(_struve_series(sign), 0) for sign in (-1, 1)}
_rest_slope = partial(_struve_rest, 0)


def _struve_v(v: Any, x: Value) -> Any:
    return cases(
        (v, x),
        (~(unbox(x) > 0), lambda v, x: lost(unbox(x) != 0, v, x)),
        (
            (unbox(x) < np.maximum(unbox(v), (24 * np.abs(unbox(v) + 1.5)) ** 0.5)),
            _series_slope[-1],
        ),
        otherwise=lambda v, x: yv_order(v, x) + _rest_slope(v, x),
    )


def _modstruve_v(v: Any, x: Value) -> Any:
    beyond = ~(unbox(x) > 0)
    in_series = (unbox(x) < 6) | (unbox(v) < LEAST_ORDER)
    return cases(
        (v, x),
        (beyond, lambda v, x: lost(unbox(x) != 0, v, x)),
        (in_series, _series_slope[1]),
        otherwise=lambda v, x: ive_order(v, x) * np.exp(x) - _modified_rest_slope(v, x),
    )


struve_order, modstruve_order = flat(_struve_v), flat(_modstruve_v)


def _struve_x(x: Value, y: Value, function: Any, sign: int) -> Any:
    """``(f(v - 1) -+ f(v + 1) + (y/2)**v / (sqrt(pi) Gamma(v + 3/2))) / 2``.

    For v = 0 without ``f(-1)``, whose derivatives at 0 are infinite.
    """

    def half_sum(x: Value, y: Value) -> Any:
        rest = (y / 2) ** x * special.rgamma(x + 1.5) / SQRT_PI
        return 0.5 * (function(x - 1, y) + sign * function(x + 1, y) + rest)

    return where(
        unbox(x) == 0,
        lambda x, y: 2 / PI + sign * function(x + 1, y),
        half_sum,
        *np.broadcast_arrays(x, y),
    )


closed(
    "struve",
    lambda x, y: struve_order(x, y),
    lambda x, y: _struve_x(x, y, special.struve, -1),
)
closed(
    "modstruve",
    lambda x, y: modstruve_order(x, y),
    lambda x, y: _struve_x(x, y, special.modstruve, 1),
)


# Parabolic cylinder functions: the second result is the derivative, the equation gives its own
# (DLMF 12.2.2, 12.14.1). D in its order by U (DLMF 12.7.14), near 0 and left of it by 12.4.1;
# V by 12.4.2 everywhere; W by 12.14.8, whose series follow the equation.
def _even_and_odd(name: str, v: Value, x: Value, even: Any, odd: Any) -> Any:
    """The sum of multiples of the even and the odd solution."""
    z = x * x / 2
    one, loss = series([-v / 2], [np.float64(0.5)], z)
    other, other_loss = series([(1 - v) / 2], [np.float64(1.5)], z)
    one, other = even * one, odd * 2**0.5 * x * other
    sizes = np.abs(unbox(one)), np.abs(unbox(other))
    refuse(name, np.fmax(sizes[0] * loss, sizes[1] * other_loss) > LOSS * np.fmax(*sizes))
    return np.exp(-z / 2) * (one + other)


def _parabolic_near(v: Value, x: Value) -> Any:
    even, odd = special.rgamma((1 - v) / 2), -special.rgamma(-v / 2)
    return 2 ** (v / 2) * SQRT_PI * _even_and_odd("pbdv", v, x, even, odd)


def _growing(v: Value, x: Value) -> Any:
    even = special.rgamma(1 + v / 2) ** 2 * special.rgamma(-v / 2)
    odd = special.rgamma((1 + v) / 2) ** 2 * special.rgamma((1 - v) / 2)
    return PI * 2 ** (-v / 2) * _even_and_odd("pbvv", v, x, even, odd)


def _between(a: Value, x: Value) -> Any:
    """``W(a, x)``, for the range of SciPy's values: a and x at most 5 in size."""
    third = special.loggamma(0.75 + 0.5j * a) - special.loggamma(0.25 + 0.5j * a)
    root = np.exp(np.real(third) / 2)
    last: list[Any] = [0.0, 0.0]
    terms: list[Any] = [2**-0.75 / root, -(2**-0.25) * root * x]
    for k in range(int(24 + 12 * np.max(np.abs(unbox(x)), initial=0))):
        lower = x * x * (a * terms[k] - x * x / 4 * last[k % 2]) / ((k + 1) * (k + 2))
        last[k % 2] = terms[k]
        terms.append(lower)
    return sum(terms)


def _parabolic_far(v: Value, x: Value) -> Any:
    z = x * x / 2
    return 2 ** (v / 2) * np.exp(-z / 2) * hyperu_value(-v / 2, 0.5, z)


def _parabolic_order(v: Value, x: Value) -> Any:
    return where(unbox(x) > 1, _parabolic_far, _parabolic_near, v, x)


parabolic_order = flat(partial(_parabolic_order, 0))
growing_order = flat(partial(_growing, 0))
between_order = flat(partial(_between, 0))
between_order_slope = flat(partial(partial(_between, 1), 0))


def _pbdv_dv(v: Value, x: Value) -> Any:
    slope = parabolic_order(v, x)
    return slope, x / 2 * slope - parabolic_order(v + 1, x)


def _pbvv_dv(v: Value, x: Value) -> Any:
    """The second by DLMF 12.8.6."""
    slope = growing_order(v, x)
    return slope, growing_order(v - 1, x) - x / 2 * slope


def _parabolic(name: str, square: Any, by_order: Any) -> None:
    several(
        name,
        lambda x, y, ans: by_order(x, y),
        lambda x, y, ans: (ans[1], square(x, y) * ans[0]),
    )


_parabolic("pbdv", lambda v, x: x * x / 4 - v - 0.5, _pbdv_dv)
_parabolic("pbvv", lambda v, x: x * x / 4 - v - 0.5, _pbvv_dv)
_parabolic(
    "pbwa",
    lambda a, x: a - x * x / 4,
    lambda a, x: (between_order(a, x), between_order_slope(a, x)),
)
