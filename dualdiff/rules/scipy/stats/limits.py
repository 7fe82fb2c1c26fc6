"""Distributions at values of their shapes for which SciPy's code takes a constant.

There, a formula without the removable point, and beside it one that does not cancel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.types import Value
from ..special.elementary import log1prel
from ..special.kinds import where
from .compiled import i0e_from_zero
from .values import with_scipys, with_value


def power_log(x: Value, c: Value) -> Any:
    """``log1p(c x) / c``, which is x at c = 0."""
    return where(
        np.abs(unbox(x) * unbox(c)) < 0.25,
        lambda x, c: x * log1prel(c * x),
        lambda x, c: np.log1p(c * x) / c,  # not by the square of c x, which overflows
        *np.broadcast_arrays(x, c),
        fill=0.1,
    )


def power(y: Value, c: Value) -> Any:
    """``expm1(c y) / c``, which is y at c = 0."""
    return y * special.exprel(c * y)


# Four-parameter kappa distribution (Hosking 1994): F = (1 - h (1 - k x)**(1/k))**(1/h).
def _kappa4_logcdf(x: Value, h: Value, k: Value) -> Any:
    return power_log(-np.exp(-power_log(x, -k)), h)


def _kappa4_logpdf(x: Value, h: Value, k: Value) -> Any:
    rest = power_log(x, -k)
    return -rest - np.log1p(-k * x) + (1 - h) * power_log(-np.exp(-rest), h)


def _kappa4_quantile(log: Value, h: Value, k: Value) -> Any:
    """By the logarithm of the probability."""
    return -power(np.log(power(-log, -h)), k)


def _kappa4_inverse(method: str, log: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's value: the isf is the ppf at ``1 - q``, and both are NaN at k = 0 for negative h."""
    scipys: Any = getattr(stats.kappa4, method)

    def inverse(q: Value, h: Value, k: Value) -> Any:
        at = np.broadcast_arrays(*map(unbox, (q, h, k)))
        with np.errstate(all="ignore"):
            value = scipys(*map(np.atleast_1d, at)).reshape(at[0].shape)
        return with_value(value, _kappa4_quantile(log(q), h, k))

    return inverse


def _kappa4_support(h: Value, k: Value) -> tuple[Any, Any]:
    positive, bounded = unbox(h) > 0, unbox(k) > 0
    some = np.where(positive, h, 1.0)
    low = np.where(unbox(k) < 0, 1 / np.where(unbox(k) < 0, k, 1.0), -np.inf)
    high = np.where(bounded, 1 / np.where(bounded, k, 1.0), np.inf)
    return np.where(positive, power(np.log(some), -k), low), high


# Triangles and trapezoids: quotients of polynomials that are polynomials.
def _powers(x: Value, count: int) -> Any:
    """``1 + x + x**2 + ...``, so many terms."""
    return sum(x**k for k in range(1, count)) + 1.0


def _of_sides(left: Callable[..., Any], right: Callable[..., Any]) -> Callable[[Value, Value], Any]:
    """A function of the triangular distribution, left and right of its mode."""

    def function(x: Value, c: Value) -> Any:
        on_left = (unbox(x) < unbox(c)) | (unbox(c) == 1)
        return where(on_left, left, right, x, c, fill=0.5)

    return function


def _triang_moment(order: Any, c: Value) -> Any:
    return 2 * _powers(c, int(order) + 1) / ((order + 1) * (order + 2))


def _trapezoid_moment(order: Any, c: Value, d: Value) -> Any:
    rest = _powers(d, int(order) + 2) - c ** (order + 1)
    return 2 / (1 + d - c) * rest / ((order + 1) * (order + 2))


# Generalised extreme values: moments of (1 - w**c) / c, where w is exponential, by the series of
# gamma(1 + c) beside c = 0.
TERMS = 40


def _gamma_series() -> Any:
    """The coefficients of gamma(1 + c), by those of its logarithm (DLMF 5.7.3)."""
    steps = [np.euler_gamma, *(float(special.zeta(k)) for k in range(2, TERMS))]
    found = [1.0]
    for m in range(1, TERMS):
        terms = ((-1) ** k * steps[k - 1] * found[m - k] for k in range(1, m + 1))
        found.append(math.fsum(terms) / m)
    return found


GAMMA_SERIES = _gamma_series()


def _genextreme_moment(order: Any, c: Value) -> Any:
    n = int(order)

    def near(c: Value) -> Any:
        counts = [
            sum((-1) ** (n - j) * math.comb(n, j) * j**m for j in range(n + 1))
            for m in range(n, TERMS)
        ]  # the terms of order m in the differences of gamma(1 + k c)
        total: Any = 0.0
        for m in reversed(range(n, TERMS)):
            total = total * c + counts[m - n] * GAMMA_SERIES[m]
        return (-1) ** n * total

    def far(c: Value) -> Any:
        terms = ((-1) ** k * math.comb(n, k) * special.gamma(1 + k * c) for k in range(n + 1))
        return sum(terms) / c**n

    value = where(np.abs(unbox(c)) * max(n, 1) < 0.25, near, far, c, fill=0.5)
    return np.where(unbox(c) * n > -1, value, np.inf)


def _genextreme_stats(c: Value) -> tuple[Any, Any, Any, Any]:
    mean, second, third, fourth = (_genextreme_moment(n, c) for n in (1, 2, 3, 4))
    variance = second - mean**2
    skewness = (third - 3 * mean * second + 2 * mean**3) / variance**1.5
    central = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4
    return mean, variance, skewness, central / variance**2 - 3


def _genpareto_moment(order: Any, c: Value) -> Any:
    factors = [k / (1 - k * c) for k in range(1, int(order) + 1)]
    return np.where(unbox(c) * order < 1, math.prod(factors) + 0 * c, np.inf)


def _truncpareto_moment(order: Any, b: Value, c: Value) -> Any:
    """The integral of ``b x**(order - b - 1)`` from 1 to c, over its total probability."""
    log = np.log(c)
    return b * log * special.exprel((order - b) * log) / -np.expm1(-b * log)


def _rice_pdf(x: Value, b: Value) -> Any:
    return x * np.exp(-0.5 * (x - b) ** 2) * i0e_from_zero(x * b)


def _turned(x: Value, factor: Value) -> Any:
    """``arctan(factor tan(x))`` from 0 to pi, which is smooth where the tangent jumps."""
    return np.arctan2(factor * np.sin(x), np.cos(x))


LIMITS: dict[tuple[str, str], Callable[..., Any]] = {
    ("kappa4", "logpdf"): _kappa4_logpdf,
    ("kappa4", "logcdf"): _kappa4_logcdf,
    ("kappa4", "cdf"): lambda x, h, k: np.exp(_kappa4_logcdf(x, h, k)),
    ("kappa4", "sf"): lambda x, h, k: -np.expm1(_kappa4_logcdf(x, h, k)),
    ("kappa4", "ppf"): _kappa4_inverse("_ppf", np.log),
    ("kappa4", "isf"): _kappa4_inverse("_isf", lambda q: np.log1p(-q)),
    ("kappa4", "get_support"): _kappa4_support,
    ("triang", "pdf"): _of_sides(lambda x, c: 2 * x / c, lambda x, c: 2 * (1 - x) / (1 - c)),
    ("triang", "cdf"): _of_sides(lambda x, c: x * x / c, lambda x, c: 1 - (1 - x) ** 2 / (1 - c)),
    ("triang", "sf"): _of_sides(lambda x, c: 1 - x * x / c, lambda x, c: (1 - x) ** 2 / (1 - c)),
    ("triang", "munp"): _triang_moment,
    ("trapezoid", "munp"): _trapezoid_moment,
    ("genextreme", "munp"): _genextreme_moment,
    ("genextreme", "stats"): _genextreme_stats,
    ("genpareto", "munp"): _genpareto_moment,
    ("truncpareto", "munp"): _truncpareto_moment,
    ("rice", "pdf"): _rice_pdf,
    ("wrapcauchy", "cdf"): with_scipys(
        "wrapcauchy", lambda x, c: _turned(x / 2, (1 + c) / (1 - c)) / np.pi, "_cdf"
    ),
    ("wrapcauchy", "ppf"): with_scipys(
        "wrapcauchy", lambda q, c: 2 * _turned(np.pi * q, (1 - c) / (1 + c)), "_ppf"
    ),
}
