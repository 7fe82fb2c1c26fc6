"""The F, binomial and negative binomial distributions by the incomplete beta function."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....array.dispatch import register
from ....core.types import Value
from ...numpy.common import zero_derivative
from .kinds import by, closed, declared, find, formula, inverse, partial, where


def _share(part: Any, x: Value, scaled: Value, b: Value, limit: float) -> Any:
    """``part / (scaled + b)``, with its limit where x is infinite."""
    far = np.isinf(unbox(x))
    if not np.any(far):
        return part / (scaled + b)
    return np.where(far, limit, np.where(far, 1.0, part) / np.where(far, 1.0, scaled + b))


def _upper_f(a: Value, b: Value, x: Value) -> Any:
    """The upper tail of the F distribution up to a constant, by the smaller share."""
    return where(
        np.asarray(unbox(a) * unbox(x) < unbox(b)),
        lambda a, b, x: -special.betainc(a / 2, b / 2, _share(a * x, x, a * x, b, 1.0)),
        lambda a, b, x: special.betainc(b / 2, a / 2, _share(b, x, a * x, b, 0.0)),
        *np.broadcast_arrays(a, b, x),
    )


def _f_end(sign: float, at_2: float) -> Any:
    """The slope of the density at x = 0 in a (-1) or b (1): it is infinite there up to a = 2."""

    def slope(x: Value, y: Value, z: Value) -> Any:
        a = unbox(x)
        return np.where(a < 2, sign * np.inf, np.where(a == 2, at_2, 0.0))

    return slope


# The derivative in a and in b at x = 0, where the distribution function is 0.
_f_ends: Any = [
    declared(lambda x, y, z: 0.0 * z, 0.0, 0.0, _f_end(*end), name=f"special.fdtr_end_{i}")
    for i, end in enumerate([(-1.0, -np.inf), (1.0, 0.0)])
]


def _f_slopes(sign: float) -> Any:
    """The derivatives of the upper tail, times a sign."""

    def slope(i: int) -> Any:
        inside = partial(_upper_f, i)

        def of(a: Value, b: Value, x: Value) -> Any:
            at_zero = (unbox(x) == 0) & (unbox(a) > 0) & (unbox(b) > 0)
            a, b, x, at_zero = np.broadcast_arrays(a, b, x, at_zero)
            if i == 2:
                return sign * where(at_zero, _f_density_at_0, inside, a, b, x)
            return sign * where(at_zero, lambda *at: -_f_ends[i](*at), inside, a, b, x)

        return of

    return [formula(3, slope(i)) for i in range(3)]


def _f_density_at_0(a: Value, b: Value, x: Value) -> Any:
    """Minus the density, by powers of x."""
    power, share = a / 2 - 1, x * a / b
    level = unbox(power) == 0
    whole = np.exp(special.xlogy(np.where(level, power, 0.0), np.where(level, share, 1.0)))
    whole = whole * np.where(level, 1.0, share) ** np.where(level, 1.0, power)
    return -(a / b) / special.beta(a / 2, b / 2) * whole * (1 + share) ** (-(a + b) / 2)


closed("fdtr", *_f_slopes(-1.0))
closed("fdtrc", *_f_slopes(1.0))
inverse("fdtri", lambda a, b, p, t: special.fdtr(a, b, t) - p)
inverse("fdtridfd", lambda a, p, x, t: special.fdtr(a, t, x) - p)


def _up(k: Any) -> Any:
    return np.floor(unbox(k)) + 1


def _rest(n: Any, k: Any) -> Any:
    return np.trunc(unbox(n)) - np.floor(unbox(k))


def _more_than(k: Any, n: Any, p: Value) -> Any:
    """The probability of more than k successes of n; of n there are no more."""
    rest = _rest(n, k)
    some = (rest > 0) | np.isnan(rest)
    if np.all(some):
        return special.betainc(_up(k), rest, p)
    return np.where(some, special.betainc(_up(k), np.where(some, rest, 1.0), p), 0.0)


by("bdtr", lambda k, n, p: -_more_than(k, n, p), [0, 1])
by("bdtrc", _more_than, [0, 1])
inverse(
    "bdtri",
    lambda k, n, y, t: special.bdtr(unbox(k), unbox(n), t) - y,
    [0, 1],
    rest=lambda k, n, y: special.betaincinv(_rest(n, k), _up(k), y),
)
inverse("bdtrik", lambda y, n, p, t: special.betaincc(t + 1, n - t, p) - y, rough=True)
inverse("bdtrin", lambda k, y, p, t: special.betaincc(k + 1, t - k, p) - y, rough=True)
by("nbdtr", lambda k, n, p: special.betainc(np.trunc(unbox(n)), _up(k), p), [0, 1])
by(
    "nbdtrc",
    lambda k, n, p: special.betaincc(np.trunc(unbox(n)), _up(k), p),
    [0, 1],
)
inverse(
    "nbdtri",
    lambda k, n, y, t: special.nbdtr(unbox(k), unbox(n), t) - y,
    [0, 1],
    rest=lambda k, n, y: special.betainccinv(_up(k), np.trunc(unbox(n)), y),
)
inverse("nbdtrik", lambda y, n, p, t: special.betainc(n, t + 1, p) - y, rough=True)
inverse("nbdtrin", lambda k, y, p, t: special.betainc(t, k + 1, p) - y, rough=True)
by("_binom_cdf", lambda k, n, p: -_more_than(k, n, p), [0, 1])
by("_binom_sf", _more_than, [0, 1])
by("_nbinom_cdf", lambda k, n, p: special.betainc(n, _up(k), p), [0])
by("_nbinom_sf", lambda k, n, p: special.betaincc(n, _up(k), p), [0])
for _name in ("_binom_ppf", "_binom_isf", "_nbinom_ppf", "_nbinom_isf"):
    if find(_name) is not None:
        register(find(_name), zero_derivative(find(_name)))  # integers
by("_nbinom_mean", lambda n, p: n * (1 - p) / p)
by("_nbinom_variance", lambda n, p: n * (1 - p) / p**2)
by("_nbinom_skewness", lambda n, p: (2 - p) / np.sqrt(n * (1 - p)))
by("_nbinom_kurtosis_excess", lambda n, p: 6 / n + p * p / (n * (1 - p)))
