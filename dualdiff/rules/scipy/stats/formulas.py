"""Densities whose derivatives lose digits, or are 0 * inf on the edge, if SciPy's code is traced.

The values of logarithms are SciPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.types import Value
from ..rebinding import AFTER, rebound
from ..special.incomplete_beta import beta_density, score_a, score_b
from ..special.incomplete_gamma import gamma_density, score
from ..special.kinds import declared, where
from ..special.student import t_score
from .bounded import FORMULAS as BOUNDED
from .centres import CENTRES
from .compiled import COMPILED
from .counts import COUNTS
from .hyperbolic import HYPERBOLIC
from .limits import LIMITS, power, power_log
from .noncentral import NONCENTRAL
from .ranges import RANGES
from .stable import STABLE
from .values import with_scipys


def _values(distribution: Any) -> Callable[..., Any]:
    def logpdf(*args: Any) -> Any:
        *shapes, x = (np.asarray(a, float) for a in args)
        with np.errstate(all="ignore"):
            return np.asarray(distribution._logpdf(x, *shapes))[()]

    return logpdf


gamma_logpdf = declared(
    _values(stats.gamma),
    lambda x, y: score(x, y),
    lambda x, y: (x - 1 - y) / y,
    name="stats.gamma.logpdf",
)
beta_logpdf = declared(
    _values(stats.beta),
    lambda x, y, z: score_a(x, y, z),
    lambda x, y, z: score_b(x, y, z),
    lambda x, y, z: (x - 1) / z - (y - 1) / (1 - z),
    name="stats.beta.logpdf",
)
t_logpdf = declared(
    _values(stats.t),
    lambda x, y: t_score(x, y),
    lambda x, y: -(x + 1) * y / (x + y * y),
    name="stats.t.logpdf",
)


def _skewnorm_logpdf(x: Value, a: Value) -> Any:
    """SciPy takes the normal density at a = 0, which does not contain a."""
    return np.log(2 / np.sqrt(2 * np.pi)) - 0.5 * x * x + special.log_ndtr(a * x)


def _skewnorm_moment(order: Any, a: Value) -> Any:
    """Of ``(a |y| + z) / sqrt(1 + a**2)``, where y and z are normal (Azzalini 1985)."""
    n, total = int(order), 0.0
    for k in range(n % 2, n + 1, 2):
        of_y, of_z = (2 ** (m / 2) * math.gamma((m + 1) / 2) for m in (k, n - k))
        total = total + math.comb(n, k) * of_y * of_z / np.pi * a**k
    return total / (1 + a * a) ** (n / 2)


# The generalised extreme value and Pareto distributions: SciPy takes a limit at c = 0, and beside
# it the plain derivative in c is the difference of large numbers.
def _away_from_end(name: str, sign: float, formula: Callable[..., Any]) -> Callable[..., Any]:
    """A logarithm of a density, with SciPy's value at the end, where ``1 + sign c x`` is 0."""
    scipys: Any = getattr(stats, name)

    def logpdf(x: Value, c: Value) -> Any:
        at_end = np.asarray(sign * unbox(c) * unbox(x) == -1)
        if not np.any(at_end):
            return formula(x, c)
        with np.errstate(all="ignore"):
            value = scipys._logpdf(*np.broadcast_arrays(*map(np.atleast_1d, map(unbox, (x, c)))))
        return np.where(at_end, value, formula(np.where(at_end, 0.0, x), c))

    return logpdf


def _genextreme_logpdf(x: Value, c: Value) -> Any:
    rest = -power_log(x, -c)
    return -np.exp(rest) + rest - np.log1p(-c * x)


def _geom(by_log: Callable[..., Any], by_power: Callable[..., Any]) -> Callable[..., Any]:
    """A function of ``log((1 - p)**k)``, at p = 1 of the power, whose derivative is finite."""

    def function(k: Value, p: Value) -> Any:
        certain, k = np.broadcast_arrays(unbox(p) == 1, np.floor(unbox(k)))
        return where(
            certain,
            lambda k, p: by_power((1 - p) ** k),
            lambda k, p: by_log(k * np.log1p(-p)),
            k, p,
            fill=0.5,
        )  # fmt: skip

    return function


EXTREME: dict[tuple[str, str], Callable[..., Any]] = {
    ("genextreme", "logpdf"): _away_from_end("genextreme", -1.0, _genextreme_logpdf),
    ("genextreme", "cdf"): lambda x, c: np.exp(-np.exp(-power_log(x, -c))),
    ("genextreme", "logcdf"): lambda x, c: -np.exp(-power_log(x, -c)),
    ("genextreme", "sf"): lambda x, c: -np.expm1(-np.exp(-power_log(x, -c))),
    ("genextreme", "ppf"): lambda q, c: power(-np.log(-np.log(q)), -c),
    ("genextreme", "isf"): lambda q, c: power(-np.log(-np.log1p(-q)), -c),
    ("genpareto", "logpdf"): _away_from_end(
        "genpareto", 1.0, lambda x, c: -np.log1p(c * x) - power_log(x, c)
    ),
    ("genpareto", "cdf"): lambda x, c: -np.expm1(-power_log(x, c)),
    ("genpareto", "sf"): lambda x, c: np.exp(-power_log(x, c)),
    ("genpareto", "logsf"): lambda x, c: -power_log(x, c),
    ("genpareto", "ppf"): lambda q, c: power(-np.log1p(-q), c),
    ("genpareto", "isf"): lambda q, c: power(-np.log(q), c),
}


# Densities that fall like 1 / x**2, whose slopes SciPy's squares of squares would lose far out.
def _hypot_square(x: Value, y: Value) -> Any:
    root = np.hypot(1.0, x)
    return y / root / root


lorentzian = declared(
    lambda x, y: y / (1 + x * x),
    lambda x, y: -2 * _hypot_square(x, y) * _hypot_square(x, x),
    lambda x: _hypot_square(x, 1.0),
    name="stats.lorentzian",
)


def _breitwigner(x: Value, rho: Value) -> Any:
    root = np.sqrt(1 + 1 / rho**2)
    front = np.sqrt(2 * (1 + 1 / rho**2) / (1 + root)) * 2 / np.pi
    return lorentzian((x - rho) * (x + rho) / rho, front)


def _alpha_pdf(x: Value, a: Value) -> Any:
    front = 1 / (np.sqrt(2 * np.pi) * special.ndtr(a))
    return front * np.exp(-2 * np.log(x) - 0.5 * (a - 1 / x) ** 2)


def _exponnorm_below(x: Value, k: Value) -> Any:
    """The logarithm of the density where `x` is below ``1 / k - 4``: in SciPy's formula, the
    exponent cancels the tail of the normal distribution.

    By the continued fraction of Mills' ratio (Abramowitz and Stegun 26.2.14).
    """
    s, rest = 1 / k - x, 0.0
    for n in range(32, 0, -1):
        rest = n / (s + rest)
    return -0.5 * (x * x + np.log(2 * np.pi)) - np.log1p(k * (rest - x))


def _exponnorm_above(x: Value, k: Value) -> Any:
    return (0.5 / k - x) / k + special.log_ndtr(x - 1 / k) - np.log(k)


def _exponnorm_logpdf(x: Value, k: Value) -> Any:
    is_far = np.asarray(1 / unbox(k) - unbox(x) > 4)
    return where(is_far, _exponnorm_below, _exponnorm_above, *np.broadcast_arrays(x, k), fill=0.1)


ALGEBRAIC: dict[tuple[str, str], Callable[..., Any]] = {
    ("cauchy", "pdf"): lambda x: lorentzian(x, 1.0 / np.pi),
    ("halfcauchy", "pdf"): lambda x: lorentzian(x, 2.0 / np.pi),
    ("foldcauchy", "pdf"): lambda x, c: (
        1.0 / np.pi * (lorentzian(x - c, 1.0) + lorentzian(x + c, 1.0))
    ),
    ("skewcauchy", "pdf"): with_scipys(
        "skewcauchy", lambda x, a: lorentzian(x / (a * np.sign(x) + 1), 1 / np.pi)
    ),
    ("alpha", "pdf"): with_scipys("alpha", _alpha_pdf),
    ("rel_breitwigner", "pdf"): _breitwigner,
    ("exponnorm", "logpdf"): with_scipys("exponnorm", _exponnorm_logpdf, "_logpdf"),
    ("exponnorm", "pdf"): with_scipys(
        "exponnorm", lambda x, k: np.exp(_exponnorm_logpdf(x, k)), "_pdf"
    ),
}


# Powers that overflow in SciPy's formulas, and tails of which 1 is subtracted: by logarithms.
def _softplus(x: Value) -> Any:
    """``log(1 + exp(x))``; NumPy's `logaddexp` loses digits where it is small."""
    return where(
        np.asarray(unbox(x) > 0),
        lambda x: x + np.log1p(np.exp(-x)),
        lambda x: np.log1p(np.exp(x)),
        x,
        fill=0.0,
    )


def _by_side(below: Callable[..., Any], above: Callable[..., Any]) -> Callable[..., Any]:
    """A formula for negative logarithms, and one for others: neither cancels."""

    def formula(log: Value, *shapes: Value) -> Any:
        return where(np.asarray(unbox(log) < 0), below, above, *np.broadcast_arrays(log, *shapes))

    return formula


# Of the logarithm of x, the power c of x, and the power k of the distribution function beside 0.
_burr_logpdf = _by_side(
    lambda log, c, k: np.log(k) + (k - 1) * log - (k / c + 1) * _softplus(c * log),
    lambda log, c, k: np.log(k) - (c + 1) * log - (k / c + 1) * _softplus(-c * log),
)
_burr_logcdf = _by_side(
    lambda log, c, k: k * log - k / c * _softplus(c * log),
    lambda log, c, k: -k / c * _softplus(-c * log),
)


def _burr_pdf(log: Value, c: Value, k: Value) -> Any:
    return np.exp(_burr_logpdf(log, c, k))


def _burr_cdf(log: Value, c: Value, k: Value) -> Any:
    return np.exp(_burr_logcdf(log, c, k))


def _inside(
    name: str, method: str, function: Callable[..., Any], edge: float = 0.0
) -> Callable[..., Any]:
    """`function` of the logarithm of x, and SciPy's formula at the edge of the support."""
    scipys: Any = getattr(type(getattr(stats, name)), f"_{method}")
    with_values = with_scipys(name, lambda x, *shapes: function(np.log(x), *shapes), f"_{method}")

    def formula(*at: Value) -> Any:
        at = tuple(np.broadcast_arrays(*at))
        return where(
            np.asarray(unbox(at[0]) > edge),
            with_values,
            lambda *at: rebound(scipys)(getattr(stats, name), *at),
            *at,
        )

    return formula


# By ``|x|`` SciPy's formula has a kink at 0.
_genlogistic_logpdf = _by_side(
    lambda x, c: np.log(c) + c * x - (c + 1) * np.log1p(np.exp(x)),
    lambda x, c: np.log(c) - x - (c + 1) * np.log1p(np.exp(-x)),
)
GENLOGISTIC: dict[str, Callable[..., Any]] = {
    "logpdf": _genlogistic_logpdf,
    "pdf": lambda x, c: np.exp(_genlogistic_logpdf(x, c)),
    "logcdf": lambda x, c: -c * _softplus(-x),
    "cdf": lambda x, c: np.exp(-c * _softplus(-x)),
    "sf": lambda x, c: -np.expm1(-c * _softplus(-x)),
}


def _exponweib_part(log: Value, c: Value) -> Any:
    """``log(1 - exp(-x**c)) - c log x``, which does not underflow beside 0."""
    return np.log(special.exprel(-np.exp(c * log)))


def _exponweib_logcdf(log: Value, a: Value, c: Value) -> Any:
    return a * (c * log + _exponweib_part(log, c))


def _exponweib_logpdf(log: Value, a: Value, c: Value) -> Any:
    front = np.log(a) + np.log(c) - np.exp(c * log)
    return front + (a * c - 1) * log + (a - 1) * _exponweib_part(log, c)


OF_LOGARITHMS: dict[tuple[str, str], Callable[..., Any]] = {
    ("burr", "pdf"): lambda log, c, d: _burr_pdf(log, c, c * d),
    ("burr", "cdf"): lambda log, c, d: _burr_cdf(log, c, c * d),
    ("burr", "logcdf"): lambda log, c, d: _burr_logcdf(log, c, c * d),
    ("burr", "sf"): lambda log, c, d: -np.expm1(_burr_logcdf(log, c, c * d)),
    ("burr", "logsf"): lambda log, c, d: np.log(-np.expm1(_burr_logcdf(log, c, c * d))),
    ("fisk", "pdf"): lambda log, c: _burr_pdf(log, c, c),
    ("fisk", "cdf"): lambda log, c: _burr_cdf(log, c, c),
    ("mielke", "pdf"): lambda log, k, s: _burr_pdf(log, s, k),
    ("mielke", "cdf"): lambda log, k, s: _burr_cdf(log, s, k),
    ("exponweib", "logpdf"): _exponweib_logpdf,
    ("exponweib", "pdf"): lambda log, a, c: np.exp(_exponweib_logpdf(log, a, c)),
    ("exponweib", "cdf"): lambda log, a, c: np.exp(_exponweib_logcdf(log, a, c)),
    ("exponweib", "sf"): lambda log, a, c: -np.expm1(_exponweib_logcdf(log, a, c)),
}
LOGARITHMIC: dict[tuple[str, str], Callable[..., Any]] = {
    **{(name, method): _inside(name, method, f) for (name, method), f in OF_LOGARITHMS.items()},
    **{
        ("genlogistic", method): with_scipys("genlogistic", f, f"_{method}")
        for method, f in GENLOGISTIC.items()
    },
    ("lomax", "pdf"): with_scipys(
        "lomax", lambda x, c: np.exp(np.log(c) - (c + 1) * np.log1p(x)), "_pdf"
    ),
    ("powernorm", "pdf"): with_scipys(
        "powernorm",
        lambda x, c: np.exp(
            np.log(c) - 0.5 * (x * x + np.log(2 * np.pi)) + (c - 1) * special.log_ndtr(-x)
        ),
    ),
    ("genexpon", "logsf"): lambda x, a, b, c: -(a + b) * x - b * np.expm1(-c * x) / c,
}


FORMULAS: dict[tuple[str, str], Callable[..., Any]] = (
    COMPILED
    | CENTRES
    | ALGEBRAIC
    | LOGARITHMIC
    | EXTREME
    | LIMITS
    | BOUNDED
    | HYPERBOLIC
    | NONCENTRAL
    | COUNTS
    | STABLE
    | RANGES
    | {
        ("t", "logpdf"): lambda x, df: t_logpdf(df, x),
        ("t", "pdf"): lambda x, df: np.exp(t_logpdf(df, x)),
        ("gamma", "logpdf"): lambda x, a: gamma_logpdf(a, x),
        ("gamma", "pdf"): lambda x, a: gamma_density(a, x),
        ("chi2", "pdf"): lambda x, df: 0.5 * gamma_density(df / 2, x / 2),
        ("erlang", "pdf"): lambda x, a: gamma_density(a, x),
        ("beta", "logpdf"): lambda x, a, b: beta_logpdf(a, b, x),
        ("beta", "pdf"): lambda x, a, b: beta_density(a, b, x),
        ("skewnorm", "logpdf"): _skewnorm_logpdf,
        ("skewnorm", "pdf"): lambda x, a: np.exp(_skewnorm_logpdf(x, a)),
        ("skewnorm", "munp"): _skewnorm_moment,
        ("cosine", "logpdf"): lambda x: 2 * np.log(np.cos(x / 2)) - np.log(np.pi),
        ("cosine", "pdf"): lambda x: np.cos(x / 2) ** 2 / np.pi,
        ("geom", "cdf"): _geom(lambda log: -np.expm1(log), lambda rest: 1 - rest),
        ("geom", "sf"): _geom(np.exp, lambda rest: rest),
        ("poisson", "pmf"): lambda k, mu: gamma_density(k + 1, mu),
    }
)


def _use(new: Any, original: Any) -> None:
    """Let a copied distribution compute by these formulas."""
    name = getattr(original, "name", None)
    if isinstance(name, str) and type(getattr(stats, name, None)) is type(original):
        for (distribution, method), formula in FORMULAS.items():
            if distribution == name:
                setattr(new, f"_{method}", formula)


AFTER.append(_use)
