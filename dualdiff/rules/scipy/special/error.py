"""Error functions, the normal distribution and their relatives (DLMF 7)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.batch import dtype_of
from ....core.types import Value
from .kinds import by, closed, find, inverse, level_far_out, partial, several, where

PI = np.pi
TWO_BY_SQRT_PI = 1.1283791670955126
SQRT_PI_BY_2 = 0.886226925452758
SQRT_2_PI = 2.5066282746310002
SQRT_2_BY_PI = 0.7978845608028654
SQRT_HALF = 0.7071067811865476
FAR = 60.0
SERIES = 8.0  # where 20 terms of the asymptotic series are exact to rounding


def _asymptotic(x: Value, terms: int, sign: int) -> Any:
    """``sum((2m - 1)!! (sign / (2 x**2))**m)`` from m = 1 on."""
    i = 0.5 * sign / (x * x)
    total: Any = 0.0
    for m in range(terms, 0, -1):
        total = (1 + total) * (2 * m - 1) * i
    return total


def _erfcx_dx(x: Value, ans: Value) -> Any:
    """``2 x erfcx(x) - 2 / sqrt(pi)``; far right the series of the difference (DLMF 7.12.1)."""
    far = np.real(unbox(x)) > SERIES
    if dtype_of(x).kind == "c":
        far = far & (np.abs(np.imag(unbox(x))) < np.real(unbox(x)))
    return where(
        far,
        lambda x, ans: TWO_BY_SQRT_PI * _asymptotic(x, 20, -1),
        lambda x, ans: 2 * x * ans - TWO_BY_SQRT_PI,
        x, ans,
    )  # fmt: skip


def _dawsn_dx(x: Value, ans: Value) -> Any:
    """``1 - 2 x D(x)``, far out by the series of the difference."""
    far = np.abs(np.real(unbox(x))) > 12
    if dtype_of(x).kind == "c":  # where exp(-x**2) is below rounding
        far = np.real(unbox(x) ** 2) > 144
    return where(
        far,
        lambda x, ans: -_asymptotic(x, 24, 1),
        lambda x, ans: 1 - 2 * x * ans,
        x, ans,
    )  # fmt: skip


def _wofz_dz(x: Value, ans: Value) -> Any:
    """``2i / sqrt(pi) - 2 z w``, far out in the upper half by the series (DLMF 7.12.1)."""
    far = (np.abs(unbox(x)) > SERIES) & (np.imag(unbox(x)) >= 0)
    return where(
        far,
        lambda x, ans: -1j * TWO_BY_SQRT_PI * _asymptotic(x, 20, 1),
        lambda x, ans: 1j * TWO_BY_SQRT_PI - 2 * x * ans,
        x, ans,
    )  # fmt: skip


def _mills(x: Value) -> Any:
    """``exp(-x**2 / 2) / integral from -inf to x``, the derivative of `log_ndtr`."""
    return where(
        np.real(unbox(x)) > 8,  # the powers of erfcx overflow
        lambda x: _bell(x, 0.5) / SQRT_2_PI / special.ndtr(x),
        lambda x: SQRT_2_BY_PI / special.erfcx(-SQRT_HALF * x),
        x,
    )


def _wofz_far(s: Any) -> Any:
    """``w + s w'`` by the asymptotic series (DLMF 7.12.1), where it cancels."""
    i, total = 0.5 / (s * s), 0.0 * s
    for k in range(20, 0, -1):
        total = (2 * k + total) * ((2 * k - 1) * i)
    return -1j / (2 * SQRT_PI_BY_2) * total / s


NARROW = 1e-3  # of the distance to the pole, where three terms are exact to rounding


def _voigt_narrow(x: Value, y: Value, z: Value) -> Any:
    """The density of Cauchy and its even derivatives in x, by powers of a small sigma."""
    w = 1 / (x - 1j * z)
    square = (y * w) ** 2
    return np.imag(w * (1 + square * (1 + 3 * square * (1 + 5 * square)))) / PI


_narrow_slopes = [partial(_voigt_narrow, i) for i in range(3)]


def _voigt_slope(which: int) -> Any:
    def slope(x: Value, y: Value, z: Value) -> Any:
        narrow = np.abs(unbox(y)) <= NARROW * np.hypot(unbox(x), unbox(z))
        return where(
            narrow & (np.abs(unbox(x)) < np.inf), _narrow_slopes[which],
            lambda x, y, z: _voigt(x, y, z, which), *np.broadcast_arrays(x, y, z),
        )  # fmt: skip

    return slope


_voigt_slopes = [_voigt_slope(which) for which in range(3)]


def _voigt(x: Value, y: Value, z: Value, which: int) -> Any:
    """By the Faddeeva function w and its derivative ``2i / sqrt(pi) - 2 s w`` (DLMF 7.19)."""
    s = (x + 1j * z) / (y * np.sqrt(2.0))
    w = special.wofz(s)
    slope = _wofz_dz(s, w)
    front = 1 / (y * SQRT_2_PI)
    if which == 1:
        far = np.abs(unbox(s)) > 10
        both = where(far, lambda s, near: _wofz_far(s), lambda s, near: near, s, w + s * slope)
        return -front * np.real(both) / y
    return front * np.real(slope if which == 0 else 1j * slope) / (y * np.sqrt(2.0))


def _bell(x: Value, factor: float) -> Any:
    """``exp(-factor * x * x)``; far out it is 0, as are its derivatives, where x * x overflows."""
    if is_box(x) and dtype_of(x).kind != "c":
        far = np.abs(unbox(x)) > FAR
        x = np.where(far, FAR, x) if np.any(far) else x
    return np.exp(-factor * x * x)


closed("erf", lambda x: TWO_BY_SQRT_PI * _bell(x, 1))
closed("erfc", lambda x: -TWO_BY_SQRT_PI * _bell(x, 1))
closed("erfi", lambda x: TWO_BY_SQRT_PI * np.exp(x * x))
closed("erfcx", _erfcx_dx)
closed("dawsn", _dawsn_dx)
closed("wofz", _wofz_dz)
closed("erfinv", lambda ans: SQRT_PI_BY_2 * np.exp(ans * ans))
closed("erfcinv", lambda ans: -SQRT_PI_BY_2 * np.exp(ans * ans))
closed("ndtr", lambda x: _bell(x, 0.5) / SQRT_2_PI)
closed("log_ndtr", _mills)
closed("ndtri", lambda ans: SQRT_2_PI * np.exp(0.5 * ans * ans))
closed("ndtri_exp", lambda ans: 1 / _mills(ans))
by("nrdtrimn", lambda p, s, x: x - s * special.ndtri(p))
by("nrdtrisd", lambda m, p, x: (x - m) / special.ndtri(p))
closed(
    "owens_t",
    lambda x, y: -np.exp(-0.5 * x * x) * special.erf(x * y * SQRT_HALF) / (2 * SQRT_2_PI),
    lambda x, y: np.exp(-0.5 * x * x * (1 + y * y)) / (1 + y * y) / (2 * PI),
)
closed(
    "voigt_profile",
    lambda x, y, z: level_far_out(lambda x: _voigt_slopes[0](x, y, z), x),
    lambda x, y, z: level_far_out(lambda x: _voigt_slopes[1](x, y, z), x),
    lambda x, y, z: level_far_out(lambda x: _voigt_slopes[2](x, y, z), x),
)
several("fresnel", lambda x, ans: (np.sin(PI / 2 * x * x), np.cos(PI / 2 * x * x)))


def _modfresnel_slope(sign: int) -> Any:
    """Of ``F(x)``, the integral of ``exp(sign i t**2)`` from x on, and
    ``K = F exp(-i sign (x**2 + pi / 4)) / sqrt(pi)``."""

    def slope(x: Value, ans: Value) -> Any:
        turned = np.exp(1j * sign * x * x)
        k = -2j * sign * x * ans[1] - np.exp(-1j * sign * PI / 4) / np.sqrt(PI)
        return -turned, k

    return slope


several("modfresnelp", _modfresnel_slope(1))
several("modfresnelm", _modfresnel_slope(-1))


# The skew normal distribution (Azzalini 1985); arguments x, loc, scale, shape.
def _skew_density(x: Value, y: Value, z: Value, w: Value) -> Any:
    u = (x - y) / z
    return 2 * np.exp(-0.5 * u * u) / SQRT_2_PI * special.ndtr(w * u) / z


closed(
    "_skewnorm_cdf",
    _skew_density,
    lambda x, y, z, w: -_skew_density(x, y, z, w),
    lambda x, y, z, w: -_skew_density(x, y, z, w) * (x - y) / z,
    lambda x, y, z, w: -np.exp(-0.5 * ((x - y) / z) ** 2 * (1 + w * w)) / (PI * (1 + w * w)),
)
_skewnorm_cdf: Any = find("_skewnorm_cdf")
inverse("_skewnorm_ppf", lambda p, m, s, a, t: _skewnorm_cdf(t, m, s, a) - p)
