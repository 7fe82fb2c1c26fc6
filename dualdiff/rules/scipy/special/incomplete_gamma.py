"""The incomplete gamma functions in both arguments, their inverses and the distributions by them.

In the parameter a the derivative is the integral of the score ``log t - psi(a)`` times the density
over the tail on which the score keeps its sign, in ``log t``, where the integrand is entire; for
small x the power series (DLMF 8.11.4) differentiated term by term.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....array.dispatch import register
from ....core.batch import shape_of
from ....core.types import Value
from ...declare import elementwise
from .gamma_beta import log_minus_psi
from .interpolation import interpolated, is_many, is_one_number
from .kinds import (
    by,
    cases,
    closed,
    column,
    declared,
    find,
    flat,
    formula,
    gauss_legendre,
    inverse,
    is_few,
    lost,
    partial,
    where,
)

NODES, WEIGHTS = gauss_legendre(28)
DROP = 40.0  # the tail ends where the integrand has fallen by exp(-40)
_factor: Any = find("_igam_fac")  # x**a exp(-x) / Gamma(a), without overflow


def _score(a: Value, x: Value) -> Any:
    """``log x - psi(a)``, which is small where x is near a."""
    near = np.abs(unbox(x) - unbox(a)) < 0.5 * unbox(a)
    return where(
        near,
        lambda a, x: np.log1p((x - a) / a) + log_minus_psi(a),
        lambda a, x: np.log(x) - special.psi(a),
        a, x,
    )  # fmt: skip


def _score_by(a: Value, x: Value, excess: Value, psi: Value) -> Any:
    """The score by ``log a - psi(a)`` and ``psi(a)``."""
    near = np.abs(unbox(x) - unbox(a)) < 0.5 * unbox(a)
    return where(
        near,
        lambda a, x, excess, psi: np.log1p((x - a) / a) + excess,
        lambda a, x, excess, psi: np.log(x) - psi,
        a, x, excess, psi,
    )  # fmt: skip


_scores, _scores_by = flat(_score), flat(_score_by)


def score(a: Value, x: Value) -> Any:
    """``log x - psi(a)`` of numbers or arrays, which is small where x is near a."""
    if prod(shape_of(a)) == 1 < prod(shape_of(x)):  # the functions of one number are called once
        return _scores_by(a, x, log_minus_psi(a), special.psi(a))
    return _scores(a, x)


def _density_values(a: Value, x: Value) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.where(np.isinf(x), 0.0, _factor(a, x) / x)
        tiny = np.less(x, 1e-100)
        if np.any(tiny):  # the factor, smaller by x, may underflow
            inner = np.where(tiny, np.exp((a - 1) * np.log(x) - special.gammaln(a)), inner)
        edge = np.where(np.equal(a, 1), 1.0, np.where(np.greater(a, 1), 0.0, np.inf))
    return np.where(np.equal(x, 0), edge, inner)[()]


def _density_a(x: Value, y: Value, ans: Value) -> Any:
    edge = (unbox(y) == 0) | np.isinf(unbox(y))
    if not np.any(edge):
        return ans * score(x, y)
    inner = np.where(edge, 0.0, ans) * score(x, np.where(edge, 1.0, y))
    return np.where(edge, np.where((unbox(y) == 0) & (unbox(x) <= 1), -np.inf, 0.0), inner)


def _density_x(x: Value, y: Value, ans: Value) -> Any:
    """At y = 0 by the density with a - 1, so that derivatives of all orders are right there."""
    edge = (unbox(y) == 0) | np.isinf(unbox(y))
    safe = np.where(edge, 1.0, y)
    slope = ans * ((x - 1 - safe) / safe)
    if not np.any(edge):
        return slope
    lower = np.where(unbox(x) > 1, x - 1, 1.0)
    edge_value = gamma_density(lower, np.where(edge, y, 0.0)) - np.where(edge, ans, 0.0)
    edge_value = np.where(unbox(x) > 1, edge_value, np.where(unbox(x) == 1, -ans, -np.inf))
    return np.where(np.isinf(unbox(y)), 0.0, np.where(edge, edge_value, slope))


gamma_density = declared(_density_values, _density_a, _density_x, name="special.gamma_density")
if _factor is not None:
    register(
        _factor,
        elementwise(
            _factor,
            lambda x, y, ans: ans * score(x, y),
            lambda x, y, ans: ans * ((x - y) / y),
            name="special._igam_fac",
        ).bind,
    )


def _end(a: Value, x: Value, sign: int) -> Any:
    """The end of the tail in log t, by Newton's method from outside."""
    if sign < 0:
        s = np.minimum(DROP / np.maximum(a - x, 1e-300), (DROP + x) / a)
        for _ in range(6):
            s = s - (-a * s - x * np.expm1(-s) + DROP) / (-a + x * np.exp(-s))
        return s
    s = np.log1p(DROP / x) + np.maximum(np.log(a / x), 0) + 1.0
    s = np.minimum(s, 2 * DROP / (x - a + np.sqrt((x - a) ** 2 + 2 * DROP * x)))
    for _ in range(4):
        s = s - (a * s - x * np.expm1(s) + DROP) / (a - x * np.exp(s))
    return s


def _tail(sign: int) -> Any:
    def integral(a: Value, x: Value) -> Any:
        end = _end(unbox(a), unbox(x), sign)
        s = sign * column(end) * NODES
        e = np.exp(column(a) * s - column(x) * np.expm1(s))
        return -sign * _factor(a, x) * end * np.matmul((column(score(a, x)) + s) * e, WEIGHTS)

    return integral


def _upper_integral(a: Value, x: Value) -> Any:
    """``1 - P(a, x)`` for small a: the integral times 1 / Gamma(a), which is about a."""
    end = _end(unbox(a), unbox(x), 1)
    s = column(end) * NODES
    e = np.exp(column(a) * s - column(x) * np.expm1(s))
    return a * special.rgamma(a + 1) * np.exp(a * np.log(x) - x) * end * np.matmul(e, WEIGHTS)


_upper_slope = partial(_upper_integral, 0)


def _small_upper(a: Value, x: Value) -> Any:
    return -_upper_slope(a, x)


TERMS = 400
LEAST_TERMS = 40
SMALL = 1e-3  # shapes below which the score, like 1 / a, costs digits
LEAST = 1e-300


def _sums(a: Value, x: Value) -> tuple[Any, Any]:
    """The sum of the series, and its derivative without that of the factor in front."""
    term, harmonic = x * 0 + 1.0, a * 0.0
    total, slope = term, harmonic
    for n in range(1, TERMS):
        step = 1 / (a + n)
        harmonic = harmonic + step
        term = term * (x * step)
        total, slope = total + term, slope - term * harmonic
        if n % 4 == 0 and np.all(unbox(term) < 1e-17 * unbox(total)):
            break
    return total, slope


def _sums_at_once(a: Any, x: Any) -> tuple[Any, Any]:
    """`_sums` with terms along an axis, which is quicker for few elements."""
    # The series is for x below a or 1.5, so that this many terms of it count.
    below = column(a) + np.arange(1, min(TERMS, LEAST_TERMS + int(np.max(x))))
    terms = np.cumprod(column(x) / below, axis=-1)
    harmonic = np.cumsum(1 / below, axis=-1)
    return 1 + np.sum(terms, axis=-1), -np.sum(terms * harmonic, axis=-1)


def _series(a: Value, x: Value) -> Any:
    """``x**a exp(-x) / Gamma(a + 1) sum(x**n / (a + 1)_n)``, by a (DLMF 8.11.4)."""
    total, slope = (_sums_at_once if is_few(a, x) else _sums)(a, x)
    front = np.exp(a * np.log(x) - x - special.gammaln(a + 1))
    return front * (score(a + 1, x) * total + slope)


def _by_a(a: Value, x: Value) -> Any:
    zero = (unbox(a) == 0) & (unbox(x) > 0)
    if np.any(zero):  # the smallest numbers have the limit at 0
        a = a + np.where(zero, LEAST, 0.0)
    pa, px = unbox(a), unbox(x)
    edge = ~((px > 0) & (px < np.inf) & (pa > 0))
    upper = (score(np.where(edge, 1.0, pa), np.where(edge, 1.0, px)) > 0) & (px > 1.5)
    series = (pa < 30) | (px < 1.5) | (px < 0.3 * pa)
    small = upper & (pa < SMALL)
    return cases(
        (a, x),
        (edge, _beyond),
        (small, _small_upper),
        (upper, _tail(1)),
        (series, _series),
        otherwise=_tail(-1),
    )


_level: Any = declared(
    lambda x, y: np.zeros(np.shape(y))[()],
    0.0,
    lambda x, y: partial(gamma_density, 0)(x, y),
    name="special.gammainc_end",
)


def _beyond(a: Value, x: Value) -> Any:
    """0 at the ends of the range, NaN outside it; its slope in x is that of the density."""
    outside = ~((unbox(x) >= 0) & (unbox(a) > 0))
    return _level(a, x) + lost(outside, a, x)


_direct = flat(_by_a)


def gammainc_a(a: Any, x: Any) -> Any:
    """The derivative of the lower function in a, at many x by interpolation."""
    if is_many(x) and is_one_number(a) and np.all(a > 0) and np.min(x) > 0:
        a = float(np.reshape(a, ()))
        factor = _factor(a, x)
        if np.min(factor) > 1e-280:

            def ratio(s: Any) -> Any:
                x = np.exp(s)
                return _direct(a, x) / _factor(a, x)

            found = interpolated(ratio, np.log(x))
            if found is not None:
                return found * factor
    return _direct(a, x)


closed("gammainc", lambda x, y: gammainc_a(x, y), lambda x, y: gamma_density(x, y))
closed("gammaincc", lambda x, y: -gammainc_a(x, y), lambda x, y: -gamma_density(x, y))
inverse("gammaincinv", lambda a, p, t: special.gammainc(a, t) - p)
inverse("gammainccinv", lambda a, p, t: special.gammaincc(a, t) - p)

# Chi-square, gamma and Poisson distributions.
by("chdtr", lambda v, x: special.gammainc(v / 2, x / 2))
by("chdtrc", lambda v, x: special.gammaincc(v / 2, x / 2))
inverse("chdtri", lambda v, p, t: special.chdtrc(v, t) - p)
inverse("chdtriv", lambda p, x, t: special.chdtr(t, x) - p)


# A product that is 0 where one factor is 0, also beside an infinite density.
_times: Any = declared(
    lambda x, y: np.where(np.equal(x, 0), 0.0, x * np.where(np.equal(x, 0), 0.0, y))[()],
    lambda y: y,
    lambda x: x,
    name="special.times",
)


def _weighted(weight: Value, density: Value) -> Any:
    level = (unbox(weight) == 0) & np.isinf(unbox(density))
    return _times(weight, np.where(level, np.inf, density) if np.any(level) else density)


def _gamma_slopes(sign: float) -> Any:
    return [
        formula(3, lambda a, b, x: sign * _weighted(x, gamma_density(b, a * x))),
        formula(3, lambda a, b, x: sign * gammainc_a(b, a * x)),
        formula(3, lambda a, b, x: sign * _weighted(a, gamma_density(b, a * x))),
    ]


closed("gdtr", *_gamma_slopes(1.0))
closed("gdtrc", *_gamma_slopes(-1.0))
inverse("gdtrix", lambda a, b, p, t: special.gdtr(a, b, t) - p)
inverse("gdtria", lambda p, b, x, t: special.gdtr(t, b, x) - p)
inverse("gdtrib", lambda a, p, x, t: special.gdtr(a, t, x) - p)
by("pdtr", lambda k, m: special.gammaincc(np.floor(unbox(k)) + 1, m), [0])
by("pdtrc", lambda k, m: special.gammainc(np.floor(unbox(k)) + 1, m), [0])
inverse("pdtri", lambda k, y, t: special.pdtr(unbox(k), t) - y, [0])
inverse("pdtrik", lambda p, m, t: special.gammaincc(t + 1, m) - p)
