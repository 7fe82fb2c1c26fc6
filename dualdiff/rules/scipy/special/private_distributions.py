"""Private functions by which scipy.stats computes distributions: quantiles, moments, older names.

Moments follow from cumulants and raw moments (Johnson, Kotz and Balakrishnan, Continuous Univariate
Distributions 2, chapters 29 to 31). Functions that a release of SciPy lacks are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.types import Value
from .gamma_beta import psi_difference
from .kinds import by, closed, find, inverse


# The inverse Gaussian distribution F(x) of mean m and shape s. With a = sqrt(s / x) (x / m - 1) its
# derivative in m is -2 s / m**2 exp(2 s / m) Phi(-sqrt(s / x) (x / m + 1)).
def _invgauss_slopes(m: Value, s: Value, x: Value) -> tuple[Any, Any, Any]:
    """The derivatives of F in m and s, and the density."""
    root = np.sqrt(s / x)
    a, b = root * (x / m - 1), root * (x / m + 1)
    reflected = np.exp(2 * s / m + special.log_ndtr(-b))
    normal = np.exp(-0.5 * a * a) / np.sqrt(2 * np.pi)
    by_shape = 2 / m * reflected - normal / np.sqrt(s * x)
    return -2 * s / (m * m) * reflected, by_shape, normal * root / x


def _invgauss_quantile(name: str, sign: float) -> None:
    closed(
        name,
        lambda y, z, ans: sign / _invgauss_slopes(y, z, ans)[2],
        lambda y, z, ans: -_ratio(_invgauss_slopes(y, z, ans), 0),
        lambda y, z, ans: -_ratio(_invgauss_slopes(y, z, ans), 1),
    )


def _ratio(slopes: Any, which: int) -> Any:
    return slopes[which] / slopes[2]


_invgauss_quantile("_invgauss_ppf", 1.0)
_invgauss_quantile("_invgauss_isf", -1.0)


# Masses of binomial distributions. Where p is 0 or 1 the score is infinite beside a mass of 0, and
# the derivative is a difference of masses of one trial less, or one success more.
_binom_pmf: Any = find("_binom_pmf") or find("_binom_pdf")
_nbinom_pmf: Any = find("_nbinom_pmf") or find("_nbinom_pdf")


def _binom_dp(k: Any, n: Any, p: Value, ans: Value) -> Any:
    end = (unbox(p) == 0) | (unbox(p) == 1)
    if not np.any(end):
        return ans * (k - n * p) / (p * (1 - p))
    one_more = np.where(k > 0, _binom_pmf(np.maximum(k - 1, 0), n - 1, p), 0.0)
    as_many = np.where(k < n, _binom_pmf(np.minimum(k, n - 1), n - 1, p), 0.0)
    inner = np.where(end, 0.5, p)
    return np.where(end, n * (one_more - as_many), ans * (k - n * inner) / (inner * (1 - inner)))


def _nbinom_dp(k: Any, n: Value, p: Value, ans: Value) -> Any:
    end = unbox(p) == 1
    if not np.any(end):
        return ans * (n / p - k / (1 - p))
    one_less = np.where(k > 0, _nbinom_pmf(np.maximum(k - 1, 0), n + 1, p), 0.0)
    inner = np.where(end, 0.5, p)
    return np.where(end, n / p * (ans - one_less), ans * (n / p - k / (1 - inner)))


for _mass in ("pmf", "pdf"):  # the second is the name before release 1.15
    closed(f"_binom_{_mass}", None, None, lambda x, y, z, ans: _binom_dp(x, y, z, ans))
    closed(
        f"_nbinom_{_mass}",
        None,
        lambda x, y, z, ans: ans * (psi_difference(y, x * 1.0) + np.log(z)),
        lambda x, y, z, ans: _nbinom_dp(x, y, z, ans),
    )


# Moments from raw moments, and raw moments from cumulants.
def _skewness(m1: Any, m2: Any, m3: Any) -> Any:
    return (m3 - 3 * m1 * m2 + 2 * m1**3) / (m2 - m1 * m1) ** 1.5


def _kurtosis(m1: Any, m2: Any, m3: Any, m4: Any) -> Any:
    fourth = m4 - 4 * m1 * m3 + 6 * m1 * m1 * m2 - 3 * m1**4
    return fourth / (m2 - m1 * m1) ** 2 - 3


def _raw(k1: Any, k2: Any, k3: Any, k4: Any) -> tuple[Any, Any, Any, Any]:
    second = k2 + k1**2
    third = k3 + 3 * k1 * k2 + k1**3
    fourth = k4 + 4 * k1 * k3 + 3 * k2**2 + 6 * k1**2 * k2 + k1**4
    return k1, second, third, fourth


def _nct_moments(v: Value, c: Value) -> tuple[Any, Any, Any, Any]:
    def part(k: int) -> Any:
        return (v / 2) ** (k / 2) * np.exp(special.gammaln((v - k) / 2) - special.gammaln(v / 2))

    return (
        part(1) * c,
        v / (v - 2) * (1 + c * c),
        part(3) * c * (3 + c * c),
        v * v / ((v - 2) * (v - 4)) * (3 + 6 * c * c + c**4),
    )


def _ncf_moments(m: Value, n: Value, c: Value) -> list[Any]:
    raw = _raw(m + c, 2 * (m + 2 * c), 8 * (m + 3 * c), 48 * (m + 4 * c))
    scale: Any = 1.0
    out = []
    for k, moment in enumerate(raw, start=1):
        scale = scale * (n / m) / (n - 2 * k)
        out.append(scale * moment)
    return out


by("_nct_mean", lambda v, c: _nct_moments(v, c)[0])
by("_nct_variance", lambda v, c: _nct_moments(v, c)[1] - _nct_moments(v, c)[0] ** 2)
by("_nct_skewness", lambda v, c: _skewness(*_nct_moments(v, c)[:3]))
by("_nct_kurtosis_excess", lambda v, c: _kurtosis(*_nct_moments(v, c)))
by("_ncf_mean", lambda m, n, c: _ncf_moments(m, n, c)[0])
by("_ncf_variance", lambda m, n, c: _ncf_moments(m, n, c)[1] - _ncf_moments(m, n, c)[0] ** 2)
by("_ncf_skewness", lambda m, n, c: _skewness(*_ncf_moments(m, n, c)[:3]))
by("_ncf_kurtosis_excess", lambda m, n, c: _kurtosis(*_ncf_moments(m, n, c)))

# Quantiles of noncentral and skew normal distributions.
_ncx2_sf: Any = find("_ncx2_sf")
_nct_sf: Any = find("_nct_sf")
_skewnorm_cdf: Any = find("_skewnorm_cdf")
inverse("_ncx2_isf", lambda p, k, c, t: _ncx2_sf(t, k, c) - p)
inverse("_nct_isf", lambda p, v, c, t: _nct_sf(t, v, c) - p)
# SciPy's upper tail is wrong at c = 0.
inverse("_ncf_isf", lambda p, m, n, c, t: 1 - special.ncfdtr(m, n, c, t) - p)
inverse("_skewnorm_isf", lambda p, m, s, a, t: 1 - _skewnorm_cdf(t, m, s, a) - p)

# Landau's distribution with loc and scale; the derivative of the density has no closed form.
_landau_pdf: Any = find("_landau_pdf")


def _landau(name: str, sign: float) -> None:
    closed(
        f"_landau_{name}",
        lambda x, y, z: sign * _landau_pdf(x, y, z),
        lambda x, y, z: -sign * _landau_pdf(x, y, z),
        lambda x, y, z: -sign * _landau_pdf(x, y, z) * (x - y) / z,
    )


def _landau_quantile(name: str, sign: float) -> None:
    closed(
        f"_landau_{name}",
        lambda y, z, ans: sign / _landau_pdf(ans, y, z),
        lambda ans: 1.0,
        lambda y, z, ans: (ans - y) / z,
    )


_landau("cdf", 1.0)
_landau("sf", -1.0)
_landau_quantile("ppf", 1.0)
_landau_quantile("isf", -1.0)


# Names of releases before 1.15.
def _beta_raw(a: Value, b: Value) -> list[Any]:
    moment: Any = 1.0
    out = []
    for k in range(4):
        moment = moment * (a + k) / (a + b + k)
        out.append(moment)
    return out


by("_beta_mean", lambda a, b: a / (a + b))
by("_beta_variance", lambda a, b: a * b / ((a + b) ** 2 * (a + b + 1)))
by("_beta_skewness", lambda a, b: _skewness(*_beta_raw(a, b)[:3]))
by("_beta_kurtosis_excess", lambda a, b: _kurtosis(*_beta_raw(a, b)))
by("_binom_mean", lambda n, p: unbox(n) * p, [0])
by("_binom_variance", lambda n, p: unbox(n) * p * (1 - p), [0])
by("_binom_skewness", lambda n, p: (1 - 2 * p) / np.sqrt(unbox(n) * p * (1 - p)), [0])
by("_binom_kurtosis_excess", lambda n, p: 1 / (unbox(n) * p * (1 - p)) - 6 / unbox(n), [0])
by("_ncx2_cdf", lambda x, k, c: special.chndtr(x, k, c))
by("_nct_cdf", lambda x, v, c: special.nctdtr(v, c, x))
by("_ncf_cdf", lambda x, m, n, c: special.ncfdtr(m, n, c, x))
inverse("_ncx2_ppf", lambda p, k, c, t: special.chndtr(t, k, c) - p)
inverse("_nct_ppf", lambda p, v, c, t: special.nctdtr(v, c, t) - p)
inverse("_ncf_ppf", lambda p, m, n, c, t: special.ncfdtr(m, n, c, t) - p)
by("_ncx2_mean", lambda k, c: k + c)
by("_ncx2_variance", lambda k, c: 2 * (k + 2 * c))
by("_ncx2_skewness", lambda k, c: 2**1.5 * (k + 3 * c) / (k + 2 * c) ** 1.5)
by("_ncx2_kurtosis_excess", lambda k, c: 12 * (k + 4 * c) / (k + 2 * c) ** 2)
