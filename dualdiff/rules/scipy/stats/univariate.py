"""Distributions of one variable: norm, t, gamma, beta, chi2, poisson.

Formulas are those of the distributions' standard forms (Johnson, Kotz and Balakrishnan, Continuous
Univariate Distributions, 1994; Johnson, Kemp and Kotz, Univariate Discrete Distributions, 2005).
Where a distribution function would need the derivative of an incomplete gamma or beta function in a
parameter, or that of Student's t in its degrees of freedom, it raises a MissingRuleError.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special, stats

from ..special.student import t_logpdf
from .distribution import INF, Distribution

LOG_SQRT_2PI = 0.9189385332046727
SQRT_2PI = 2.5066282746310002
LOG_2 = 0.6931471805599453


def _norm_logpdf(z: Any) -> Any:
    return -(z**2) / 2.0 - LOG_SQRT_2PI


norm = Distribution(
    stats.norm,
    (),
    (-INF, INF),
    logpdf=_norm_logpdf,
    pdf=lambda z: np.exp(-(z**2) / 2.0) / SQRT_2PI,
    cdf=special.ndtr,
    logcdf=special.log_ndtr,
    sf=lambda z: special.ndtr(-z),
    logsf=lambda z: special.log_ndtr(-z),
    ppf=special.ndtri,
    isf=lambda q: -special.ndtri(q),
)


def _t_logpdf(z: Any, df: Any) -> Any:
    return t_logpdf(df, z)


t = Distribution(
    stats.t,
    ("df",),
    (-INF, INF),
    logpdf=_t_logpdf,
    cdf=lambda z, df: special.stdtr(df, z),
    sf=lambda z, df: special.stdtr(df, -z),
)

gamma = Distribution(
    stats.gamma,
    ("a",),
    (0.0, INF),
    logpdf=lambda z, a: special.xlogy(a - 1, z) - z - special.gammaln(a),
    cdf=lambda z, a: special.gammainc(a, z),
    sf=lambda z, a: special.gammaincc(a, z),
)


def _beta_logpdf(z: Any, a: Any, b: Any) -> Any:
    return special.xlog1py(b - 1, -z) + special.xlogy(a - 1, z) - special.betaln(a, b)


beta = Distribution(
    stats.beta,
    ("a", "b"),
    (0.0, 1.0),
    logpdf=_beta_logpdf,
    cdf=lambda z, a, b: special.betainc(a, b, z),
    sf=lambda z, a, b: special.betainc(b, a, 1 - z),
)


def _chi2_logpdf(z: Any, df: Any) -> Any:
    half = df / 2.0
    return special.xlogy(half - 1, z) - z / 2.0 - special.gammaln(half) - LOG_2 * half


chi2 = Distribution(
    stats.chi2,
    ("df",),
    (0.0, INF),
    logpdf=_chi2_logpdf,
    cdf=lambda z, df: special.gammainc(df / 2, z / 2),
    sf=lambda z, df: special.gammaincc(df / 2, z / 2),
)

poisson = Distribution(
    stats.poisson,
    ("mu",),
    (0.0, INF),
    discrete=True,
    logpmf=lambda k, mu: special.xlogy(k, mu) - special.gammaln(k + 1) - mu,
    cdf=lambda k, mu: special.gammaincc(k + 1, mu),
    sf=lambda k, mu: special.gammainc(k + 1, mu),
)
