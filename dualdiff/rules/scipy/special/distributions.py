"""Distributions of the theory of tests, Tukey's lambda, the cosine and Cauchy distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.types import Value
from .kinds import by, closed, column, flat, inverse, level_far_out, partial, where

PI = np.pi
MANY = np.arange(1.0, 40.0)
ODD = (2 * np.arange(1.0, 20.0) - 1) ** 2


def _kolmogorov_dy(y: Value) -> Any:
    """The derivative of ``2 sum((-1)**(k - 1) exp(-2 k**2 y**2))``.

    Below 1 after the transformation of theta functions (DLMF 20.7.32).
    """

    def large(y: Value) -> Any:
        square = column(y) ** 2
        terms = (-1.0) ** MANY * MANY**2 * np.exp(-2 * MANY**2 * square)
        return 8 * y * np.sum(terms, axis=-1)

    def small(y: Value) -> Any:
        u = ODD * PI**2 / (4 * column(y) ** 2)
        return -np.sqrt(2 * PI) / y**2 * np.sum(np.exp(-u / 2) * (u - 1), axis=-1)

    return where(unbox(y) < 1, small, large, y)


def _kolmogorov(y: Value) -> Any:
    """The derivative; 0 up to y = 0, where the function is 1, and at its limit."""
    return where(unbox(y) > 0, lambda y: level_far_out(_kolmogorov_dy, y), lambda y: 0 * y, y)


def _smirnov_dd(n: Any, d: Any) -> Any:
    """The finite sum of Birnbaum and Tingey (1951), differentiated by forward mode."""
    counts = np.trunc(unbox(n))
    j = np.arange(1, np.max(counts, initial=0) + 1.0)
    top, share = column(counts), j / column(counts)
    inside = (j <= top) & (unbox(column(d)) + share < 1)
    rest = np.where(inside, 1 - column(d) - share, 0.5)
    rise = np.where(inside, column(d) + share, 0.5)
    logs = (top - j) * np.log(rest) + (j - 1) * np.log(rise)
    if np.max(counts, initial=0) < 1000:
        choose = np.log(np.where(inside, special.binom(top, j), 1.0))
    else:
        choose = special.gammaln(top + 1) - special.gammaln(j + 1)
        choose = choose - special.gammaln(np.maximum(top - j, 0) + 1)
    first = (1 - np.minimum(d, 1.0)) ** counts
    return first + d * np.sum(np.where(inside, np.exp(choose + logs), 0.0), axis=-1)


closed("kolmogorov", lambda x: _kolmogorov(x))
closed("_kolmogc", lambda x: -_kolmogorov(x))
by("_kolmogp", _kolmogorov_dy)
inverse("kolmogi", lambda p, t: special.kolmogorov(t) - p)
inverse("_kolmogci", lambda p, t: 1 - special.kolmogorov(t) - p)
_smirnov = flat(_smirnov_dd)
by("smirnov", _smirnov, [0])
by("_smirnovc", lambda n, d: -_smirnov(n, d), [0])
by("_smirnovp", lambda n, d: partial(_smirnov, 1)(n, d), [0])
inverse("_smirnovci", lambda n, p, t: 1 - special.smirnov(unbox(n), t) - p, [0])
inverse("smirnovi", lambda n, p, t: special.smirnov(unbox(n), t) - p, [0])


# Tukey's lambda: the cdf inverts ``(p**l - (1 - p)**l) / l``.
def _quantile(p: Any, shape: Any) -> Any:
    return special.boxcox(p, shape) - special.boxcox(1 - p, shape)


_quantile_slope = partial(_quantile, 1)


def _tukey_density(p: Any, shape: Any) -> Any:
    return 1 / (p ** (shape - 1) + (1 - p) ** (shape - 1))


def _tukey(x: Value, p: Any, shape: Any, slope: Any) -> Any:
    """`slope` times the density of x at the probability p; 0 beyond the ends."""
    inside = (unbox(p) > 0) & (unbox(p) < 1)
    p = np.where(inside, p, 0.5)
    now = unbox(p), unbox(shape)  # SciPy's probability is off by 1e-16 / shape
    p = p + np.where(inside, (unbox(x) - _quantile(*now)) * _tukey_density(*now), 0.0)
    return np.where(inside, slope(p, shape) * _tukey_density(p, shape), 0.0)


closed(
    "tklmbda",
    lambda x, y, ans: _tukey(x, ans, y, lambda p, shape: 1.0),
    lambda x, y, ans: -_tukey(x, ans, y, _quantile_slope),
)

# The cosine distribution; Cauchy's with loc and scale.
closed("_cosine_cdf", lambda x: np.where(np.abs(unbox(x)) < PI, np.cos(x / 2) ** 2 / PI, 0.0))
closed("_cosine_invcdf", lambda ans: PI / np.cos(ans / 2) ** 2)
by("_cauchy_ppf", lambda p, m, s: m - s / np.tan(PI * p))
by("_cauchy_isf", lambda p, m, s: m + s / np.tan(PI * p))
