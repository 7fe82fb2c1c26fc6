"""Distributions on bounded supports, whose formulas cancel at an end or for a small shape.

The values are SciPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.types import Value
from ..special.kinds import declared, partial, where
from .compiled import LOG_2PI
from .limits import power_log
from .values import with_scipys

ROOT_2 = float(np.sqrt(2))
HUGE = 600.0  # exponents beyond which exp overflows


# The normal distribution between a and b.
def _log_mass_values(a: Any, b: Any) -> Any:
    """The logarithm of the normal probability between a and b."""
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    low, high = np.where(a > 0, -b, a), np.where(a > 0, -a, b)
    with np.errstate(all="ignore"):
        tails = special.ndtr(low) + special.ndtr(-high)
        between = 0.5 * (special.erf(high / ROOT_2) - special.erf(low / ROOT_2))
        central = np.where(tails > 0.5, np.log(between), np.log1p(-tails))
        top = special.log_ndtr(high)
        left = top + np.log(-np.expm1(special.log_ndtr(low) - top))
    return np.where(high > 0, central, left)[()]


log_mass = declared(
    _log_mass_values,
    lambda x, y, ans: -_normal(x, ans),
    lambda x, y, ans: _normal(y, ans),
    name="stats.truncnorm.log_mass",
)


def _normal(x: Value, log_mass: Value) -> Any:
    """The normal density over a probability."""
    return np.exp(-0.5 * (x * x + LOG_2PI) - log_mass)


def _density(x: Value, a: Value, b: Value) -> Any:
    return _normal(x, log_mass(a, b))


def _truncnorm_values(method: str) -> Callable[..., Any]:
    scipys: Any = getattr(stats.truncnorm, method)

    def values(*at: Any) -> Any:
        at = tuple(np.broadcast_arrays(*(np.asarray(a, float) for a in at)))
        with np.errstate(all="ignore"):
            return scipys(*map(np.atleast_1d, at)).reshape(at[0].shape)[()]

    return values


def _truncnorm(method: str, *slopes: Callable[..., Any]) -> Any:
    return declared(_truncnorm_values(f"_{method}"), *slopes, name=f"stats.truncnorm.{method}")


# An end takes the probability of the other side with it.
_truncnorm_cdf: Any = _truncnorm(
    "cdf",
    lambda x, y, z: _density(x, y, z),
    lambda x, y, z: -_truncnorm_sf(x, y, z) * _density(y, y, z),
    lambda x, y, z, ans: -ans * _density(z, y, z),
)
_truncnorm_sf: Any = _truncnorm(
    "sf",
    lambda x, y, z: -_density(x, y, z),
    lambda x, y, z, ans: ans * _density(y, y, z),
    lambda x, y, z: _truncnorm_cdf(x, y, z) * _density(z, y, z),
)
_truncnorm_logcdf: Any = _truncnorm(
    "logcdf",
    lambda x, y, z, ans: _normal(x, log_mass(y, z) + ans),
    lambda x, y, z, ans: -np.exp(_truncnorm_logsf(x, y, z) - ans) * _density(y, y, z),
    lambda x, y, z: -_density(z, y, z),
)
_truncnorm_logsf: Any = _truncnorm(
    "logsf",
    lambda x, y, z, ans: -_normal(x, log_mass(y, z) + ans),
    lambda x, y, z: _density(y, y, z),
    lambda x, y, z, ans: np.exp(_truncnorm_logcdf(x, y, z) - ans) * _density(z, y, z),
)
_truncnorm_ppf = _truncnorm(
    "ppf",
    lambda x, y, z, ans: 1 / _density(ans, y, z),
    lambda x, y, z, ans: (1 - x) * np.exp(0.5 * (ans - y) * (ans + y)),
    lambda x, y, z, ans: x * np.exp(0.5 * (ans - z) * (ans + z)),
)
_truncnorm_isf = _truncnorm(
    "isf",
    lambda x, y, z, ans: -1 / _density(ans, y, z),
    lambda x, y, z, ans: x * np.exp(0.5 * (ans - y) * (ans + y)),
    lambda x, y, z, ans: (1 - x) * np.exp(0.5 * (ans - z) * (ans + z)),
)


def _truncnorm_logpdf(x: Value, a: Value, b: Value) -> Any:
    return -0.5 * (x * x + LOG_2PI) - log_mass(a, b)


# The Pareto distribution up to c, of any exponent b, by ``(1 - exp(-m y)) / m`` for m = abs(b).
def _part(log: Value, m: Value) -> Any:
    return log * special.exprel(-m * log)


def _truncpareto_logpdf(x: Value, b: Value, c: Value) -> Any:
    m, log = np.abs(b), np.log(c)
    shift = np.where(unbox(b) < 0, m * log, 0.0)
    return -(b + 1) * np.log(x) - shift - np.log(_part(log, m))


def _truncpareto_cdf(x: Value, b: Value, c: Value) -> Any:
    m = np.abs(b)
    factor = np.where(unbox(b) < 0, np.exp(-m * np.log(c / x)), 1.0)
    return factor * _part(np.log(x), m) / _part(np.log(c), m)


def _truncpareto_sf(x: Value, b: Value, c: Value) -> Any:
    m = np.abs(b)
    factor = np.where(unbox(b) < 0, 1.0, np.exp(-m * np.log(x)))
    return factor * _part(np.log1p((c - x) / x), m) / _part(np.log(c), m)


def _truncpareto_ppf(q: Value, b: Value, c: Value) -> Any:
    return np.exp(power_log(q * _part(np.log(c), b), -b))


def _truncpareto_isf(q: Value, b: Value, c: Value) -> Any:
    def from_above(q: Value, b: Value, c: Value) -> Any:
        return np.exp(np.log(c) - power_log(q * _part(np.log(c), -b), b))

    def from_below(q: Value, b: Value, c: Value) -> Any:
        return _truncpareto_ppf(1 - q, b, c)

    with np.errstate(all="ignore"):
        is_small = np.asarray(unbox(b) * np.log(unbox(c)) < HUGE)
    return where(is_small, from_above, from_below, *np.broadcast_arrays(q, b, c), fill=0.5)


# The Weibull distribution between a and b, which may be 0 and infinite.
def _powers(c: Value, a: Value, b: Value) -> tuple[Any, Any]:
    endless = np.isinf(unbox(b))
    return a**c, np.where(endless, np.inf, np.where(endless, 1.0, b) ** c)


def _truncweibull_logpdf(x: Value, c: Value, a: Value, b: Value) -> Any:
    low, high = _powers(c, a, b)
    front = np.log(c) + special.xlogy(c - 1, x)
    return front - (x**c - low) - np.log(-np.expm1(low - high))


def _truncweibull_cdf(x: Value, c: Value, a: Value, b: Value) -> Any:
    low, high = _powers(c, a, b)
    return np.expm1(low - x**c) / np.expm1(low - high)


def _truncweibull_sf(x: Value, c: Value, a: Value, b: Value) -> Any:
    low, high = _powers(c, a, b)
    at = x**c
    return np.exp(low - at) * np.expm1(at - high) / np.expm1(low - high)


def _truncweibull_ppf(q: Value, c: Value, a: Value, b: Value) -> Any:
    low, high = _powers(c, a, b)
    return (low - np.log1p(q * np.expm1(low - high))) ** (1 / c)


def _truncweibull_isf(q: Value, c: Value, a: Value, b: Value) -> Any:
    low, high = _powers(c, a, b)
    log = where(
        np.asarray(unbox(q) < 0.5),
        lambda q, rest: np.log(q + (1 - q) * np.exp(rest)),
        lambda q, rest: np.log1p((1 - q) * np.expm1(rest)),
        *np.broadcast_arrays(q, low - high),
        fill=0.5,
    )
    return (low - log) ** (1 / c)


def _truncweibull_moment(order: Any, c: Value, a: Value, b: Value) -> Any:
    low, high = _powers(c, a, b)
    s = order / c + 1
    endless = np.isinf(unbox(high))
    upper = np.where(endless, 0.0, special.gammaincc(s, np.where(endless, 1.0, high)))
    part = special.gammaincc(s, low) - upper
    return special.gamma(s) * part * np.exp(low) / -np.expm1(low - high)


# The geometric distribution below N, down to the uniform one.
def _boltzmann_logpmf(k: Value, lam: Value, n: Any) -> Any:
    return -lam * k + np.log(special.exprel(-lam)) - np.log(n * special.exprel(-lam * n))


def _boltzmann_cdf(x: Value, lam: Value, n: Any) -> Any:
    count = np.floor(unbox(x)) + 1
    return count / n * special.exprel(-lam * count) / special.exprel(-lam * n)


def _boltzmann_sf(x: Value, lam: Value, n: Any) -> Any:
    count = np.floor(unbox(x)) + 1
    left = (n - count) / n * special.exprel(-lam * (n - count))
    return np.exp(-lam * count) * left / special.exprel(-lam * n)


# ``1 / expm1(y) - 1 / y`` by Bernoulli's numbers (DLMF 24.2.1).
SERIES = [b / special.factorial(k) for k, b in enumerate(special.bernoulli(40)) if k]


def _rest(y: Value) -> Any:
    return where(
        np.asarray(np.abs(unbox(y)) < 1),
        lambda y: sum(b * y**k for k, b in enumerate(SERIES) if b),
        lambda y: -np.exp(-y) / np.expm1(-y) - 1 / y,  # exp(y) would overflow
        y,
        fill=2.0,
    )


def _boltzmann_mean(lam: Value, n: Any) -> Any:
    return _rest(lam) - n * _rest(lam * n)


def _boltzmann_stats(lam: Value, n: Any) -> tuple[Any, ...]:
    """Mean, variance, skewness and kurtosis: cumulants are derivatives in lam."""
    found: list[Any] = [_boltzmann_mean]
    for _ in range(3):
        found.append(partial(found[-1], 0))
    mean, second, third, fourth = (
        sign * f(lam, n) for sign, f in zip((1, -1) * 2, found, strict=True)
    )
    return mean, second, third / second**1.5, fourth / second**2


# Densities that end like a root.
_semicircular_cdf = declared(
    lambda x: stats.semicircular._cdf(np.asarray(x, float))[()],
    lambda x: 2 / np.pi * np.sqrt((1 - x) * (1 + x)),
    name="stats.semicircular.cdf",
)


def _argus_sf(x: Value, chi: Value) -> Any:
    half = 0.5 * chi * chi
    return special.gammainc(1.5, half * (1 - x) * (1 + x)) / special.gammainc(1.5, half)


# With SciPy's values, whose rounding differs.
OF_VALUES: dict[str, dict[str, Callable[..., Any]]] = {
    "truncpareto": {
        "logpdf": _truncpareto_logpdf,
        "pdf": lambda x, b, c: np.exp(_truncpareto_logpdf(x, b, c)),
        "cdf": _truncpareto_cdf,
        "sf": _truncpareto_sf,
        "ppf": _truncpareto_ppf,
        "isf": _truncpareto_isf,
    },
    "truncweibull_min": {
        "logpdf": _truncweibull_logpdf,
        "pdf": lambda x, c, a, b: np.exp(_truncweibull_logpdf(x, c, a, b)),
        "cdf": _truncweibull_cdf,
        "sf": _truncweibull_sf,
        "ppf": _truncweibull_ppf,
        "isf": _truncweibull_isf,
    },
    "argus": {"sf": _argus_sf, "cdf": lambda x, chi: 1 - _argus_sf(x, chi)},
}
FORMULAS: dict[tuple[str, str], Callable[..., Any]] = {
    ("truncnorm", "logpdf"): _truncnorm_logpdf,
    ("truncnorm", "pdf"): lambda x, a, b: np.exp(_truncnorm_logpdf(x, a, b)),
    ("truncnorm", "cdf"): _truncnorm_cdf,
    ("truncnorm", "sf"): _truncnorm_sf,
    ("truncnorm", "logcdf"): _truncnorm_logcdf,
    ("truncnorm", "logsf"): _truncnorm_logsf,
    ("truncnorm", "ppf"): _truncnorm_ppf,
    ("truncnorm", "isf"): _truncnorm_isf,
    ("truncweibull_min", "munp"): _truncweibull_moment,
    ("boltzmann", "logpmf"): _boltzmann_logpmf,
    ("boltzmann", "pmf"): lambda k, lam, n: np.exp(_boltzmann_logpmf(k, lam, n)),
    ("boltzmann", "cdf"): _boltzmann_cdf,
    ("boltzmann", "sf"): _boltzmann_sf,
    ("boltzmann", "stats"): _boltzmann_stats,
    ("semicircular", "cdf"): _semicircular_cdf,
    ("semicircular", "sf"): lambda x: _semicircular_cdf(-x),
    **{
        (name, method): with_scipys(name, formula, f"_{method}")
        for name, methods in OF_VALUES.items()
        for method, formula in methods.items()
    },
}
