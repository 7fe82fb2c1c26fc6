"""Noncentral chi-square, t and F distributions, by mixtures of central ones.

Chi-square and F are Poisson mixtures (Johnson, Kotz and Balakrishnan, Continuous Univariate
Distributions 2, 1995, 29.2 and 30.2), whose parameters the central functions differentiate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.types import Tangent, Value
from ....errors import UnsupportedInputError, user_line
from .gamma_beta import stirling
from .incomplete_beta import beta_density, betainc_a, betainc_b
from .incomplete_gamma import gamma_density, gammainc_a
from .kinds import by, closed, column, declared, flat, inverse, where

MOST = 1e8  # whose weights are some 300,000 numbers
WIDTH = 16  # standard deviations of the Poisson weights that count


def _poisson_values(j: Any, mean: Any) -> Any:
    j, below = np.maximum(j, 0.0), np.asarray(j) < 0
    return np.exp(special.xlogy(j, mean) - mean - special.gammaln(j + 1)) * ~below


def _poisson_slope(j: Any, mean: Value, ans: Value) -> Any:
    if np.all(unbox(mean) > 0):
        return ans * (j / mean - 1)
    return _poisson(j - 1, mean) - ans


_poisson = declared(
    _poisson_values, None, lambda x, y, ans: _poisson_slope(x, y, ans), name="special.poisson"
)


def _weights(half: Any) -> tuple[Any, Any]:
    """The likely numbers of a Poisson distribution, and their probabilities."""
    means = np.nan_to_num(unbox(half))
    high = np.max(means, initial=0.0)
    low = np.min(means, initial=high)
    if high > MOST:
        raise UnsupportedInputError(
            f"noncentrality parameters above {2 * MOST:.0e} have no derivatives, {user_line()}"
        )
    first = int(max(0.0, low - WIDTH * np.sqrt(low + 1)))
    last = int(high + WIDTH * np.sqrt(high + 1) + 16)
    j = np.arange(float(first), float(last))
    return j, _poisson(j, column(half))


def _mixture(part: Any) -> Any:
    """``sum(weight(j) part(j, ...))`` over a Poisson distribution of mean c / 2; c comes last."""

    def mixed(*args: Any) -> Any:
        *rest, c = args
        j, weights = _weights(c / 2)
        return np.sum(weights * part(j, *(column(a) for a in rest)), axis=-1)

    return flat(mixed, 64)


# Chi-square: x, degrees of freedom k, noncentrality c.
ncx2_pdf = _mixture(lambda j, x, k: 0.5 * gamma_density(k / 2 + j, x / 2))
ncx2_df = _mixture(lambda j, x, k: 0.5 * gammainc_a(k / 2 + j, x / 2))
by("_ncx2_pdf", lambda x, k, c: ncx2_pdf(x, k, c))
closed(
    "chndtr",
    lambda x, y, z: ncx2_pdf(x, y, z),
    lambda x, y, z: ncx2_df(x, y, z),
    lambda x, y, z: -ncx2_pdf(x, y + 2, z),
)
closed(
    "_ncx2_sf",
    lambda x, y, z: -ncx2_pdf(x, y, z),
    lambda x, y, z: -ncx2_df(x, y, z),
    lambda x, y, z: ncx2_pdf(x, y + 2, z),
)
inverse("chndtrix", lambda p, k, c, t: special.chndtr(t, k, c) - p, rough=True)
inverse("chndtridf", lambda x, p, c, t: special.chndtr(x, t, c) - p, rough=True)
inverse("chndtrinc", lambda x, k, p, t: special.chndtr(x, k, t) - p, rough=True)


# F: numerator m, denominator n, noncentrality c, x; F(x) = sum of I(y; m/2 + j, n/2).
def _slope_share(m: Any, n: Any, x: Value) -> tuple[Any, Any, Any]:
    """The derivatives of the share by m, n and x."""
    below = (m * x + n) ** 2
    return n * x / below, -m * x / below, m * n / below


def _by_smaller_share(below: Any, above: Any) -> Any:
    """A function of both parameters of a beta distribution and its argument.

    Where the argument is near 1, by its distance from 1 and the parameters exchanged.
    """

    def part(j: Any, m: Any, n: Any, x: Value) -> Any:
        return where(
            np.asarray(unbox(m * x) < unbox(n)) | (j < 0),
            lambda j, m, n, x: below(m / 2 + j, n / 2, m * x / (m * x + n)),
            lambda j, m, n, x: above(n / 2, m / 2 + j, n / (m * x + n)),
            *np.broadcast_arrays(j, m, n, x),
        )

    return part


_density = _by_smaller_share(beta_density, beta_density)
ncf_density = _mixture(_density)


def _by_parameter(which: int) -> Any:
    """The terms of the derivative in m or n, by the share and by the parameter of the beta."""
    below, above = ((betainc_a, betainc_b), (betainc_b, betainc_a))[which]
    beta_slope = _by_smaller_share(below, lambda *at: -above(*at))

    def part(j: Any, m: Any, n: Any, x: Value) -> Any:
        at = j, m, n, x
        return _slope_share(m, n, x)[which] * _density(*at) + 0.5 * beta_slope(*at)

    return _mixture(part)


ncf_by_m, ncf_by_n = _by_parameter(0), _by_parameter(1)
ncf_by_c = _mixture(  # the difference of neighbouring terms (DLMF 8.17.20)
    lambda j, m, n, x: -m * x * n / (m * x + n) ** 2 / (m + 2 * j) * _density(j, m, n, x)
)


def _ncf(sign: int, order: Any) -> list[Any]:
    """The derivatives of the cdf (or minus them); `order` brings operands to m, n, c, x."""

    def slope(which: int) -> Any:
        def value(*args: Any) -> Any:
            m, n, c, x = order(*args)
            if which == 2:
                return sign * ncf_by_c(m, n, x, c)
            if which == 3:
                return sign * _slope_share(m, n, x)[2] * ncf_density(m, n, x, c)
            return sign * (ncf_by_m, ncf_by_n)[which](m, n, x, c)

        return value

    return [slope(k) for k in range(4)]


_m, _n, _c, _x = _ncf(1, lambda m, n, c, x: (m, n, c, x))
closed(
    "ncfdtr",
    lambda x, y, z, w: _m(x, y, z, w),
    lambda x, y, z, w: _n(x, y, z, w),
    lambda x, y, z, w: _c(x, y, z, w),
    lambda x, y, z, w: _x(x, y, z, w),
)
closed(  # arguments x, m, n, c
    "_ncf_sf",
    lambda x, y, z, w: -_x(y, z, w, x),
    lambda x, y, z, w: -_m(y, z, w, x),
    lambda x, y, z, w: -_n(y, z, w, x),
    lambda x, y, z, w: -_c(y, z, w, x),
)
by(
    "_ncf_pdf",
    lambda x, m, n, c: ncf_density(m, n, x, c) * _slope_share(m, n, x)[2],
)
inverse("ncfdtri", lambda m, n, c, p, t: special.ncfdtr(m, n, c, t) - p, rough=True)
inverse("ncfdtridfn", lambda p, n, c, f, t: special.ncfdtr(t, n, c, f) - p, rough=True)
inverse("ncfdtridfd", lambda m, p, c, f, t: special.ncfdtr(m, t, c, f) - p, rough=True)
inverse("ncfdtrinc", lambda m, n, p, f, t: special.ncfdtr(m, n, t, f) - p, rough=True)

# Noncentral t: with the chi variable r of v degrees of freedom, F(t) is the mean of
# Phi(t r / sqrt(v) - c); the density of s = log(r**2 / v) is entire, so that equal steps do.
STEPS, WIDE = np.linspace(-1.0, 1.0, 801), 2 / 800
COARSE = np.linspace(-1.0, 1.0, 201)
FALL = 42.0  # the integrand counts down to exp(-42) of its maximum


def _log_chi(v: Any, s: Any) -> Any:
    """The logarithm of the density of s, without its constant."""
    return v / 2 * (s - np.expm1(s))


def _log_front(a: Any) -> Any:
    """``a log(a) - a - log Gamma(a)``."""
    return where(
        np.asarray(unbox(a) > 12),
        lambda a: 0.5 * np.log(a / (2 * np.pi)) - stirling(a),
        lambda a: a * np.log(a) - a - special.gammaln(a),
        a,
    )


def _range(v: Any, c: Any, t: Tangent, log_factor: Any) -> tuple[Any, Any]:
    """The least and the largest s of one row at which ``density * factor`` counts."""
    n, c, t = (column(unbox(a)) for a in (v, c, t))
    with np.errstate(all="ignore"):
        # Beyond these ends the density alone falls by far more than a probability can.
        right = np.log1p(1600 / n) + np.minimum(np.sqrt(320 / n), 18.0)
        left = -1600 / n - np.sqrt(320 / n) - 3 * np.log1p(np.abs(t))
        s = (right + left) / 2 + (right - left) / 2 * COARSE
        for _ in range(3):  # each time within the range before
            logs = _log_chi(n, s) + log_factor(t * np.exp(s / 2) - c)
            counts = logs > np.max(logs, axis=-1, keepdims=True) - FALL
            first = np.maximum(np.argmax(counts, axis=-1) - 1, 0)
            last = np.minimum(s.shape[-1] - np.argmax(counts[..., ::-1], axis=-1), s.shape[-1] - 1)
            low, high = (np.take_along_axis(s, column(k), axis=-1) for k in (first, last))
            s = (high + low) / 2 + (high - low) / 2 * COARSE
    return low, high


def _chi_weights(v: Any, c: Any, t: Tangent, log_factor: Any) -> tuple[Any, Any]:
    """Nodes s and weights for a factor of ``t exp(s / 2) - c``."""
    low, high = _range(v, c, t, log_factor)
    s, slope = (high + low) / 2 + (high - low) / 2 * STEPS, (high - low) / 2
    few = column(unbox(v)) < 1
    if np.any(few):  # the density falls slowly to the left: steps that grow
        reach = np.log(high - low + 2) / 2
        y = reach * (STEPS - 1)
        s = np.where(few, high + y - np.expm1(-y), s)
        slope = np.where(few, reach * (1 + np.exp(-y)), slope)
    log = _log_chi(column(v), s) + column(_log_front(v / 2))
    return s, np.exp(log) * slope * WIDE


def _nct_tail(v: Any, c: Any, t: Tangent) -> Any:
    """The lower tail, or minus the upper one where it is shorter."""
    sign = np.where(unbox(t) < unbox(c), 1.0, -1.0)
    side = column(sign)
    s, weights = _chi_weights(v, sign * c, sign * t, special.log_ndtr)
    u = column(t) * np.exp(s / 2) - column(c)
    return sign * np.sum(weights * special.ndtr(side * u), axis=-1)


def _nct_pdf(t: Tangent, v: Any, c: Any) -> Any:
    s, weights = _chi_weights(v, c, t, lambda u: -0.5 * u * u)
    root = np.exp(s / 2)
    u = column(t) * root - column(c)
    return np.sum(weights * root * np.exp(-0.5 * u * u), axis=-1) / np.sqrt(2 * np.pi)


by("nctdtr", flat(_nct_tail, 64))
by("_nct_sf", flat(lambda t, v, c: -_nct_tail(v, c, t), 64))
by("_nct_pdf", flat(_nct_pdf, 64))
inverse("nctdtrit", lambda v, c, p, t: special.nctdtr(v, c, t) - p, rough=True)
inverse("nctdtridf", lambda p, c, x, t: special.nctdtr(t, c, x) - p, rough=True)
inverse("nctdtrinc", lambda v, p, x, t: special.nctdtr(v, t, x) - p, rough=True)
