"""Distributions that SciPy computes by compiled code, or by stores into plain arrays.

Their formulas on traced values: the density in closed form, and derivatives of the distribution
function in a shape as an integral of the density over the shorter tail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.types import Value
from ....transforms.implicit import corrected
from ..special.gamma_beta import stirling
from ..special.kinds import column, declared, flat, formula, gauss_legendre, horner, partial, where
from .values import with_value

PI = np.pi
LOG_2PI = float(np.log(2 * PI))
DROP = 40.0  # tails end where the integrand has fallen by exp(-40)
NODES, WEIGHTS = gauss_legendre(64)
_vonmises: Any = stats.vonmises
_geninvgauss: Any = stats.geninvgauss


def i0e_from_zero(x: Value) -> Any:
    """``i0e(x)`` for x >= 0, at 0 with the derivatives on that side."""
    return where(
        unbox(x) == 0, lambda x: special.i0(x) * np.exp(-x), special.i0e, x, fill=1.0
    )  # fmt: skip


def _vonmises_density(kappa: Value, x: Value) -> Any:
    return np.exp(kappa * special.cosm1(x)) / (2 * PI * i0e_from_zero(kappa))


def _vonmises_logpdf(x: Value, kappa: Value) -> Any:
    return kappa * special.cosm1(x) - np.log(2 * PI) - np.log(i0e_from_zero(kappa))


def _vonmises_entropy(kappa: Value) -> Any:
    scale = i0e_from_zero(kappa)
    return kappa * (1 - special.i1e(kappa) / scale) + np.log(2 * PI * scale)


def _vonmises_slope(kappa: Value, x: Value) -> Any:
    """The score ``cos t - I1 / I0`` times the density, over the part on which it keeps its sign."""
    turned = x - 2 * PI * np.round(unbox(x) / (2 * PI))
    sign = np.where(unbox(turned) < 0, -1.0, 1.0)
    r, k = sign * turned, unbox(kappa)
    rest = (special.i0e(kappa) - special.i1e(kappa)) / special.i0e(kappa)
    inner = special.cosm1(unbox(r)) + unbox(rest) > 0
    end = np.arccos(np.maximum(np.cos(unbox(r)) - DROP / np.maximum(k, 1e-300), -1.0))
    low, high = np.where(inner, 0.0, r), np.where(inner, r, np.maximum(end, unbox(r)))
    t = column(low) + column(high - low) * NODES
    terms = (special.cosm1(t) + column(rest)) * _vonmises_density(column(kappa), t)
    return np.where(inner, sign, -sign) * (high - low) * np.matmul(terms, WEIGHTS)


vonmises_cdf = declared(
    lambda kappa, x: _vonmises._cdf(np.asarray(x, float), np.asarray(kappa, float))[()],
    formula(2, flat(_vonmises_slope)),
    formula(2, _vonmises_density),
    name="stats.vonmises.cdf",
)


def geninvgauss_logpdf(x: Value, p: Any, b: Value) -> Any:
    """The logarithm of the density of the generalised inverse Gaussian distribution."""
    return (p - 1) * np.log(x) - b * (x + 1 / x) / 2 + b - np.log(2 * special.kve(p, b))


def _tail(p: Any, b: Value, s: Value) -> Any:
    """The probability of more than exp(s), where that is beyond the mode."""
    q, c, low = map(unbox, (p, b, s))

    def drop(width: Any) -> Any:
        return 2 * c * np.sinh(width / 2) * np.sinh(low + width / 2) - q * width

    high = np.ones(np.shape(low))
    while not np.all(drop(high) > DROP):
        high = np.where(drop(high) > DROP, high, 2 * high)
    short = high * 0
    for _ in range(30):
        middle = (short + high) / 2
        far = drop(middle) > DROP
        short, high = np.where(far, short, middle), np.where(far, middle, high)
    t = column(s) + column(high) * NODES
    density = np.exp(column(p) * t - 2 * column(b) * np.sinh(t / 2) ** 2)
    return high * np.matmul(density, WEIGHTS) / (2 * special.kve(p, b))


def _geninvgauss_slope(which: int) -> Callable[..., Any]:
    slope = partial(_tail, which)

    def upper(x: Value, p: Any, b: Value) -> Any:
        return -slope(p, b, np.log(x))

    def lower(x: Value, p: Any, b: Value) -> Any:
        return slope(-p, b, -np.log(x)) * (1.0 if which else -1.0)

    def value(p: Any, b: Value, x: Value) -> Any:
        beyond = np.log(unbox(x)) > np.arcsinh(unbox(p) / unbox(b))
        return where(beyond, upper, lower, x, p, b)

    return formula(3, flat(value))


geninvgauss_cdf = declared(
    lambda p, b, x: _geninvgauss._cdf(*(np.asarray(a, float) for a in (x, p, b)))[()],
    _geninvgauss_slope(0),
    _geninvgauss_slope(1),
    formula(3, lambda p, b, x: np.exp(geninvgauss_logpdf(x, p, b))),
    name="stats.geninvgauss.cdf",
)


def _irwinhall_pdf_slope(x: Value, n: Any) -> Any:
    """By densities of one summand less, which is 0 or 1 where there is none."""
    lower = np.maximum(n - 1.0, 1.0)
    steps = irwinhall_pdf(x, lower) - irwinhall_pdf(x - 1, lower)
    return np.where(n > 1, steps, 0.0)


def _irwinhall_values(name: str) -> Callable[..., Any]:
    method: Any = getattr(getattr(stats, "irwinhall", None), name, None)

    def values(x: Value, n: Any) -> Any:
        x, n = np.broadcast_arrays(np.asarray(x, float), np.asarray(n, int))
        out = np.asarray(method(np.clip(x, 0, n), n))
        return np.where((x < 0) | (x > n), float(name != "_pdf") * (x > 0), out)[()]

    return values


irwinhall_pdf: Any = declared(
    _irwinhall_values("_pdf"), formula(2, _irwinhall_pdf_slope), None, name="stats.irwinhall.pdf"
)
irwinhall_cdf = declared(
    _irwinhall_values("_cdf"), lambda x, y: irwinhall_pdf(x, y), None, name="stats.irwinhall.cdf"
)

# Pearson's distribution of type 3 is the gamma distribution of a = 4 / skew**2, standardised.
NORMAL = 1.6e-5  # below this skewness SciPy takes the normal distribution
MILD = 0.2  # below this one the distribution is smooth within 10 standard deviations
LOG1PMX = [(-1.0) ** (k + 1) / (k + 2) for k in range(24)]  # of (log1p(u) - u) / u**2
LOG1PMX_SLOPE = [k * c for k, c in enumerate(LOG1PMX)][1:]
TAIL_NODES, TAIL_WEIGHTS = gauss_legendre(40)


def stirling_rest(a: Value) -> Any:
    """The logarithm of the gamma function without Stirling's main terms."""
    return where(
        unbox(a) > 12,
        stirling,
        lambda a: special.gammaln(a) - (a - 0.5) * np.log(a) + a - 0.5 * LOG_2PI,
        a,
        fill=16.0,
    )


def _is_normal(skew: Value) -> Any:
    """Where SciPy takes the normal distribution."""
    return np.abs(unbox(skew)) < NORMAL


def _curved(series: Any, formula: Callable[..., Any]) -> Callable[..., Any]:
    """A function of u by its series beside 0, and elsewhere by a formula."""

    def function(x: Value) -> Any:
        return where(np.abs(unbox(x)) < 0.15, lambda u: horner(u, series), formula, x)

    return function


# A function of its own, so that its first derivative is plain.
_curve: Any = declared(
    _curved(LOG1PMX, lambda u: (np.log1p(u) - u) / (u * u)),
    _curved(LOG1PMX_SLOPE, lambda u: (-u / (1 + u) - 2 * (np.log1p(u) - u) / u) / (u * u)),
    name="stats.pearson3.curve",
)


def _skewed_logpdf(x: Value, skew: Value) -> Any:
    """``-log(2 pi) / 2 + x**2 (log1p(u) - u) / u**2 - log1p(u) - stirling(a)``, u = skew x / 2."""
    near, u = _is_normal(skew), skew * x / 2
    beyond = ~(unbox(u) > -1)
    u = np.where(beyond, 0.0, u)
    small, s = np.where(near, skew, 0.0), np.where(near, 1.0, skew)
    rest = np.where(near, small * small / 48, stirling_rest(4 / (s * s)))
    inside = x * x * _curve(u) - np.log1p(u) - rest - 0.5 * LOG_2PI
    return np.where(beyond, -np.inf, inside)


def _with_normal(normal: Any, skewed: Any, skew: Value) -> Any:
    """The derivatives of `skewed`, with SciPy's value where that is `normal`."""
    return with_value(np.where(_is_normal(skew), normal, unbox(skewed)), skewed)


def _pearson3_logpdf(x: Value, skew: Value) -> Any:
    normal = -0.5 * unbox(x) ** 2 - 0.5 * LOG_2PI
    return _with_normal(normal, _skewed_logpdf(x, skew), skew)


def _pearson3_pdf(x: Value, skew: Value) -> Any:
    normal = np.exp(-0.5 * unbox(x) ** 2) / np.sqrt(2 * PI)
    return _with_normal(normal, np.exp(_skewed_logpdf(x, skew)), skew)


def _pearson3_probability(x: Value, skew: Value, upper: bool) -> Any:
    """By the incomplete gamma function, whose derivatives cancel where the skewness is small."""
    return where(
        np.abs(unbox(skew)) < MILD,
        _mild_sf if upper else _mild_cdf,
        lambda x, s: _by_gamma(x, s, upper),
        x,
        skew,
    )


def _pearson3_tail(x: Value, s: Value, upper: bool) -> Any:
    """An integral of the density over the shorter tail."""
    at = unbox(x)
    below, length = at < 0, np.sqrt(at * at + 4 * DROP) - np.abs(at)
    t = column(x) + column(np.where(below, -length, length)) * TAIL_NODES
    tail = length * np.matmul(np.exp(_skewed_logpdf(t, column(s))), TAIL_WEIGHTS)
    return np.where(below == upper, 1 - tail, tail)


def _mild(upper: bool) -> Callable[..., Any]:
    method, sign = ("_sf", -1.0) if upper else ("_cdf", 1.0)
    values: Any = getattr(stats.pearson3, method)
    return declared(
        lambda x, s: values(np.asarray(x, float), np.asarray(s, float))[()],
        formula(2, lambda x, s: sign * np.exp(_skewed_logpdf(x, s))),
        formula(2, flat(partial(lambda x, s: _pearson3_tail(x, s, upper), 1))),
        name=f"stats.pearson3.{method[1:]}",
    )


_mild_cdf, _mild_sf = _mild(False), _mild(True)


def _by_gamma(x: Value, s: Value, upper: bool) -> Any:
    a = 4 / (s * s)
    u = s * x / 2
    y = a * np.where(unbox(u) > -1, 1 + u, 0.0)
    turned = (unbox(s) < 0) ^ upper
    return where(turned, special.gammaincc, special.gammainc, a, y)


def _pearson3_quantile(q: Value, skew: Value) -> Any:
    return where(np.abs(unbox(skew)) < MILD, _mild_quantile, _quantile_by_gamma, q, skew, fill=0.5)


def _mild_quantile(q: Value, s: Value) -> Any:
    """SciPy's value, which has lost digits near the normal distribution; one step mends them."""
    at, shape = unbox(q), unbox(s)
    value = stats.pearson3.ppf(at, shape)
    slope = np.exp(_skewed_logpdf(value, shape))
    x = value - (_pearson3_tail(value, shape, False) - at) / slope
    slope = np.exp(_skewed_logpdf(x, shape))
    traced = corrected(lambda x: _mild_cdf(x, s) - q, x, lambda rest: rest / slope)
    return with_value(value, traced)


def _quantile_by_gamma(q: Value, s: Value) -> Any:
    a = 4 / (s * s)
    y = where(unbox(s) < 0, special.gammainccinv, special.gammaincinv, a, q, fill=0.5)
    return (y - a) * s / 2


# The double Pareto lognormal distribution (Hajargasht and Griffiths 2013, equations 1 and 2).
def _log_mills(z: Value) -> Any:
    return special.log_ndtr(-z) + 0.5 * z * z + 0.5 * LOG_2PI


def _dpareto_parts(x: Value, u: Value, s: Value, a: Value, b: Value) -> tuple[Any, Any, Any]:
    z = (np.log(x) - u) / s
    return z, _log_mills(a * s - z), _log_mills(b * s + z)


def _dpareto_logpdf(x: Value, u: Value, s: Value, a: Value, b: Value) -> Any:
    z, left, right = _dpareto_parts(x, u, s, a, b)
    front = np.log(a) + np.log(b) - np.log(a + b) - np.log(x)
    return front - 0.5 * z * z - 0.5 * LOG_2PI + np.logaddexp(left, right)


def _dpareto_probability(sign: int) -> Callable[..., Any]:
    def probability(x: Value, u: Value, s: Value, a: Value, b: Value) -> Any:
        z, left, right = _dpareto_parts(x, u, s, a, b)
        log_normal = -0.5 * z * z - 0.5 * LOG_2PI
        parts = b * np.exp(left + log_normal) - a * np.exp(right + log_normal)
        return special.ndtr(sign * z) - sign * parts / (a + b)

    return probability


COMPILED: dict[tuple[str, str], Callable[..., Any]] = {
    ("vonmises", "cdf"): lambda x, kappa: vonmises_cdf(kappa, x),
    **{
        (name, method): function
        for name in ("vonmises", "vonmises_line")
        for method, function in (
            ("pdf", lambda x, kappa: _vonmises_density(kappa, x)),
            ("logpdf", _vonmises_logpdf),
            ("entropy", _vonmises_entropy),
        )
    },
    # SciPy takes the moments over one turn of the circle, though the support has no ends.
    ("vonmises", "moment_limits"): lambda kappa: (-PI, PI),
    ("vonmises_line", "cdf"): lambda x, kappa: vonmises_cdf(kappa, x),
    ("geninvgauss", "logpdf"): geninvgauss_logpdf,
    ("geninvgauss", "pdf"): lambda x, p, b: np.exp(geninvgauss_logpdf(x, p, b)),
    ("geninvgauss", "cdf"): lambda x, p, b: geninvgauss_cdf(p, b, x),
    ("irwinhall", "pdf"): irwinhall_pdf,
    ("irwinhall", "cdf"): irwinhall_cdf,
    ("irwinhall", "sf"): lambda x, n: irwinhall_cdf(n - x, n),
    ("pearson3", "logpdf"): _pearson3_logpdf,
    ("pearson3", "pdf"): _pearson3_pdf,
    ("pearson3", "cdf"): lambda x, skew: _pearson3_probability(x, skew, False),
    ("pearson3", "sf"): lambda x, skew: _pearson3_probability(x, skew, True),
    ("pearson3", "ppf"): _pearson3_quantile,
    ("dpareto_lognorm", "logpdf"): _dpareto_logpdf,
    ("dpareto_lognorm", "pdf"): lambda *at: np.exp(_dpareto_logpdf(*at)),
    ("dpareto_lognorm", "cdf"): _dpareto_probability(1),
    ("dpareto_lognorm", "sf"): _dpareto_probability(-1),
}
