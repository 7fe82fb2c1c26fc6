"""The incomplete beta function in all arguments, its inverses and the distributions by it.

In a parameter the derivative is the integral of the score times the density over the tail on which
the score keeps its sign, in the logarithm of the odds; near an end of the range the power series
(DLMF 8.17.8) differentiated term by term.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.types import Value
from .gamma_beta import log_beta, log_minus_psi, psi_difference
from .interpolation import interpolated, is_many, is_one_number
from .kinds import (
    by,
    cases,
    closed,
    column,
    declared,
    double,
    exp_exp,
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

NODES, WEIGHTS = exp_exp(80)
DROP = 40.0  # the tail ends where the integrand has fallen by exp(-40)
_scipy_density: Any = find("_beta_pdf")


def _side(a: Value, b: Value, x: Value, excess: Any) -> Any:
    """``log x - psi(a) + psi(a + b)``; `excess` is ``b x - a (1 - x)``."""

    def near(a: Value, b: Value, x: Value, excess: Any) -> Any:
        return np.log1p(excess / a) + log_minus_psi(a) - log_minus_psi(a + b)

    def far(a: Value, b: Value, x: Value, excess: Any) -> Any:
        return np.log(x) + psi_difference(a, b)

    close = (unbox(a) > 2) & (np.abs(unbox(excess)) < 0.5 * unbox(a))
    return cases((a, b, x, excess), (close, near), otherwise=far)


def _scores(a: Value, b: Value, x: Value, y: Value, which: int) -> Any:
    excess = b * x - a * y
    return _side(b, a, y, -excess) if which else _side(a, b, x, excess)


def _score(which: int) -> Any:
    general = flat(lambda a, b, x: _scores(a, b, x, 1 - x, which))

    def score(a: Value, b: Value, x: Value) -> Any:
        """The parts without x are computed once where each parameter is one number."""
        is_plain_real = not is_box(x) and np.size(x) > 1 and not np.iscomplexobj(x)
        if not (is_plain_real and is_one_number(a) and is_one_number(b)):
            return general(a, b, x)
        x = np.broadcast_to(double(x), np.broadcast_shapes(*map(np.shape, (a, b, x))))
        p, q = (float(np.reshape(s, ())) for s in ((b, a) if which else (a, b)))
        t = 1 - x if which else x
        far = np.log(t) + psi_difference(p, q)
        excess = q * t - p * (1 - t)
        close = np.abs(excess) < 0.5 * p
        if p <= 2 or not np.any(close):
            return far
        scale = log_minus_psi(p) - log_minus_psi(p + q)
        return np.where(close, np.log1p(np.where(close, excess, 0.0) / p) + scale, far)

    return score


score_a, score_b = _score(0), _score(1)


def _powers(a: Any, b: Any, x: Any) -> Any:
    powers = special.xlogy(np.subtract(a, 1), x) + special.xlog1py(np.subtract(b, 1), -x)
    return np.exp(powers - log_beta(a, b))


def _density_values(a: Value, b: Value, x: Value) -> Any:
    """``x**(a - 1) (1 - x)**(b - 1) / B(a, b)``, with its limits at the ends."""
    with np.errstate(all="ignore"):
        try:
            inner = _powers(a, b, x) if _scipy_density is None else _scipy_density(x, a, b)
        except OverflowError:  # of a density that is infinite in its first steps
            inner = _powers(a, b, x)
    out = inner
    if np.all((x > 0) & (x < 1)):
        return inner
    for end, shape, other in ((0, a, b), (1, b, a)):
        edge = np.where(np.equal(shape, 1), other, np.where(np.greater(shape, 1), 0.0, np.inf))
        out = np.where(np.equal(x, end) & ~np.isnan(shape), edge, out)
    return out[()]


def _density_shape(which: int) -> Any:
    score = (score_a, score_b)[which]

    def slope(x: Value, y: Value, z: Value, ans: Value) -> Any:
        inside = (unbox(z) > 0) & (unbox(z) < 1)
        if np.all(inside):
            return ans * score(x, y, z)
        inner = np.where(inside, ans, 0.0) * score(x, y, np.where(inside, z, 0.5))
        own, other = (unbox(x), unbox(y))[:: -1 if which else 1]
        # The density at an end is 0, the other shape or infinite, as its shape is above 1, 1, below
        by_own = np.where((unbox(z) == which) & (own <= 1), -np.inf, 0.0)
        by_other = np.where(other > 1, 0.0, np.where(other == 1, 1.0, np.inf))
        return np.where(inside, inner, np.where(unbox(z) == 1 - which, by_other, by_own))

    return slope


def _density_x(x: Value, y: Value, z: Value, ans: Value) -> Any:
    """At the ends by densities with another parameter, so that all orders are right there."""
    inside = (unbox(z) > 0) & (unbox(z) < 1)
    safe = np.where(inside, z, 0.5)
    slope = ans * ((x - 1) / safe - (y - 1) / (1 - safe))
    if np.all(inside):
        return slope
    z = np.where(inside, 0.0, z)
    return np.where(inside, slope, _lowered(x, y, z, 0) - _lowered(x, y, z, 1))


def _lowered(a: Value, b: Value, x: Value, which: int) -> Any:
    """``a + b - 1`` times the density with one parameter less by 1, continued to all parameters."""
    shape, end = (unbox(b), 1) if which else (unbox(a), 0)
    high = shape > 1
    n = a + b - 1
    a, b = (a, np.where(high, b - 1, 1.0)) if which else (np.where(high, a - 1, 1.0), b)
    value = n * beta_density(a, b, x)
    low = np.where((shape == 1) | (unbox(x) != end), 0.0, -np.inf)
    return np.where(high, value, low)


beta_density = declared(
    _density_values, _density_shape(0), _density_shape(1), _density_x, name="special.beta_density"
)


def _shares(x: Any, y: Any, s: Any) -> tuple[Any, Any]:
    """``log(y + x exp(-s))`` and s plus that, each to its own digits, for ``x + y = 1``."""
    capped = np.minimum(s, 600.0)
    growth = np.expm1(capped)
    return np.log1p(-x * (growth / (1 + growth))), np.log1p(y * growth) + (s - capped)


def _end(a: Value, b: Value, x: Value, y: Value) -> Any:
    """The end of the lower tail in the logarithm of the odds, by Newton's method."""
    outer = (DROP - (a + b) * np.log(y)) / a
    gap = a * y - b * x
    s = np.where(gap > 0, np.minimum(outer, DROP / np.maximum(gap, 1e-300)), outer)
    for _ in range(8):
        fall, rise = _shares(x, y, s)
        f = a * rise + b * fall - DROP
        if np.all(f < 0.5):
            break
        s = np.where(f > 0, s - f / (a * y - b * x * np.exp(-s)) * np.exp(fall), s)
    return np.where(np.isfinite(s) & (s > 0), s, outer)


def _lower(a: Value, b: Value, x: Value, y: Value, which: int) -> Any:
    """The derivative of I_x(a, b) in a (0) or b (1), from the lower tail."""
    width = _end(unbox(a), unbox(b), unbox(x), unbox(y)) / DROP
    s = column(width) * NODES
    shares = _shares(column(x), column(y), s)
    e = np.exp(-column(a) * shares[1] - column(b) * shares[0])
    score = column(_scores(a, b, x, y, which)) - shares[1 - which]
    # Where the weight underflows, the score does not count: it may be infinite there.
    terms = np.where(unbox(e) > 0, score * e, 0.0)
    density = where(
        np.asarray(unbox(x) < unbox(y)),
        lambda a, b, x, y: beta_density(a, b, x),
        lambda a, b, x, y: beta_density(b, a, y),
        *np.broadcast_arrays(a, b, x, y),
    )
    return density * x * y * width * np.matmul(terms, WEIGHTS)


TERMS = 90


def _sums(a: Value, b: Value, x: Value, which: int) -> tuple[Any, Any]:
    """The sum of the series, and its derivative without that of the factor in front."""
    term, harmonic = a * 0 + 1.0, a * 0.0
    total, slope = term, harmonic
    for k in range(TERMS):
        below = a + (1 + k)
        term = term * x * (a + b + k) / below
        harmonic = harmonic + 1 / (a + b + k) - (0.0 if which else 1 / below)
        total, slope = total + term, slope + term * harmonic
        if np.all(unbox(term) < 1e-18 * unbox(total)):
            break
    return total, slope


def _sums_at_once(a: Any, b: Any, x: Any, which: int) -> tuple[Any, Any]:
    """`_sums` with terms along an axis, which is quicker for few elements."""
    k = np.arange(TERMS)
    above, below = column(a + b) + k, column(a + 1) + k
    terms = np.cumprod(column(x) * above / below, axis=-1)
    harmonic = np.cumsum(1 / above - (0.0 if which else 1 / below), axis=-1)
    return 1 + np.sum(terms, axis=-1), np.sum(terms * harmonic, axis=-1)


def _series(a: Value, b: Value, x: Value, which: int) -> Any:
    """``x**a (1 - x)**b / (a B(a, b)) sum((a + b)_n / (a + 1)_n x**n)`` by a or b (DLMF 8.17.8)."""
    total, slope = (_sums_at_once if is_few(a, b, x) else _sums)(a, b, x, which)
    if which:
        score = np.log1p(-x) + psi_difference(b, a)
    else:
        above = unbox(b) >= 1
        score = np.log(x) + np.where(
            above,
            psi_difference(a + 1, np.where(above, b - 1, 0.0)),
            -psi_difference(a + b, np.where(above, 0.0, 1 - b)),
        )
    front = np.exp(a * np.log(x) + b * np.log1p(-x) - np.log(a) - log_beta(a, b))
    return front * (score * total + slope)


def _inverse_beta(a: Value, b: Value) -> Any:
    """``1 / B(a, b)``, also where a or b is 0."""
    n = a + b
    return a * b / (n * (n + 1)) * np.exp(-log_beta(a + 1, b + 1))


SMALL = 1e-3  # shapes below which the score, like 1 / a, costs digits
FLAT, FLAT_WEIGHTS = gauss_legendre(100)


def _upper(a: Value, b: Value, x: Value, y: Value) -> Any:
    """``1 - I_x(a, b)`` for small a: ``1 / B(a, b)``, which is about a, times its integral.

    Over the logarithm of the odds, in two parts where the integrand is level at first.
    """
    start = np.minimum(0.5, 1 / (1 + unbox(b)))
    is_level = unbox(x) < start
    low, high = np.where(is_level, start, x), np.where(is_level, 1 - start, y)
    width = _end(unbox(b), unbox(a), unbox(high), unbox(low)) / DROP
    shares = _shares(column(high), column(low), column(width) * NODES)
    tail = np.matmul(np.exp(-column(b) * shares[1] - column(a) * shares[0]), WEIGHTS) * width
    total = np.exp(a * np.log(low) + b * np.log(high)) * tail
    if np.any(is_level):
        first, last = np.where(is_level, x, start), np.where(is_level, y, 1 - start)
        reach = np.log(start / (1 - start)) - (np.log(first) - np.log(last))
        s = column(reach) * FLAT
        # log t and log(1 - t) at odds that are exp(s) times the first ones
        rise = np.log1p(column(first) * np.expm1(s))
        powers = column(a) * (column(np.log(first)) + s - rise)
        powers = powers + column(b) * (column(np.log(last)) - rise)
        total = total + np.matmul(np.exp(powers), FLAT_WEIGHTS) * reach
    return _inverse_beta(a, b) * total


_upper_slopes = [partial(_upper, i) for i in range(2)]


def _small_density(a: Value, b: Value, x: Value) -> Any:
    powers = (a - 1) * np.log(x) + (b - 1) * np.log1p(-x)
    return _inverse_beta(a, b) * np.exp(powers)


def density_of_any(a: Value, b: Value, x: Value) -> Any:
    """The density, also for a shape that is 0, where it is 0 and its slope in this shape is not."""
    ends = (unbox(x) > 0) & (unbox(x) < 1)
    zero = ends & (np.minimum(unbox(a), unbox(b)) == 0) & (np.maximum(unbox(a), unbox(b)) > 0)
    if not np.any(zero):
        return beta_density(a, b, x)
    return where(zero, _small_density, beta_density, *np.broadcast_arrays(a, b, x), fill=0.5)


def _by_parameter(a: Value, b: Value, x: Value, y: Value, which: int) -> Any:
    pa, pb, px, py = map(unbox, (a, b, x, y))
    inside = (px > 0) & (py > 0) & (pa + pb < np.inf)
    edge = ~(inside & (pa > 0) & (pb > 0))
    first = inside & (pa >= 0) & (pb > 0) & (pa < SMALL) & (pa <= pb)
    second = inside & (pb >= 0) & (pa > 0) & (pb < SMALL) & (pb < pa)
    ones = np.where(edge, 1.0, pa), np.where(edge, 1.0, pb)
    sx = np.where(edge, 0.5, px)
    low = (_scores(*ones, sx, np.where(edge, 0.5, py), which) < 0) ^ bool(which)
    near_0 = (px * (pa + pb) < 0.5 * (pa + 1)) & (px < 0.5)
    near_1 = (py * (pa + pb) < 0.5 * (pb + 1)) & (py < 0.5)
    return cases(
        (a, b, x, y),
        (first, lambda a, b, x, y: -_upper_slopes[which](a, b, x, y)),
        (second, lambda a, b, x, y: _upper_slopes[1 - which](b, a, y, x)),
        (edge, lambda a, b, x, y: _beyond(a, b, x, y, which)),
        (near_0, lambda a, b, x, y: _series(a, b, x, which)),
        (near_1, lambda a, b, x, y: -_series(b, a, y, 1 - which)),
        (low, lambda a, b, x, y: _lower(a, b, x, y, which)),
        otherwise=lambda a, b, x, y: -_lower(b, a, y, x, 1 - which),
    )


def _level(which: int) -> Any:
    """0 at the ends of the range; its slope in x is that of the density in a shape."""
    slope = formula(3, partial(beta_density, which))
    return declared(
        lambda x, y, z: np.zeros(np.shape(z))[()], 0.0, 0.0, slope,
        name=f"special.betainc_end_{which}",
    )  # fmt: skip


_levels = [_level(which) for which in range(2)]


def _beyond(a: Value, b: Value, x: Value, y: Value, which: int) -> Any:
    """0 at the ends of the range, NaN outside it."""
    inside = (unbox(x) >= 0) & (unbox(y) >= 0) & (unbox(a) > 0) & (unbox(b) > 0)
    return _levels[which](a, b, x) + lost(~inside, a, b, x)


def _slope(which: int) -> Any:
    direct = flat(lambda a, b, x: _by_parameter(a, b, x, 1 - x, which))
    of_odds = flat(lambda a, b, s: _by_parameter(a, b, special.expit(s), special.expit(-s), which))

    def slope(a: Any, b: Any, x: Any) -> Any:
        """The derivative in a parameter, at many x by interpolation in the log-odds."""
        if is_many(x) and is_one_number(a) and is_one_number(b) and np.min(x) > 0:
            a, b = float(np.reshape(a, ())), float(np.reshape(b, ()))
            if min(a, b) > 0 and np.max(x) < 1:

                def ratio(s: Any) -> Any:
                    x, y = special.expit(s), special.expit(-s)
                    near = s < 0  # the density takes the smaller of x and 1 - x
                    first, last, least = (np.where(near, *p) for p in ((a, b), (b, a), (x, y)))
                    return of_odds(a, b, s) / (beta_density(first, last, least) * x * y)

                s = special.logit(x)
                factor = beta_density(a, b, x) * x * (1 - x)
                if np.min(factor) > 1e-280:
                    found = interpolated(ratio, s)
                    if found is not None:
                        return found * factor
        return direct(a, b, x)

    return slope


betainc_a, betainc_b = _slope(0), _slope(1)

closed(
    "betainc",
    lambda x, y, z: betainc_a(x, y, z),
    lambda x, y, z: betainc_b(x, y, z),
    lambda x, y, z: density_of_any(x, y, z),
)
closed(
    "betaincc",
    lambda x, y, z: -betainc_a(x, y, z),
    lambda x, y, z: -betainc_b(x, y, z),
    lambda x, y, z: -density_of_any(x, y, z),
)
by("_beta_cdf", lambda x, a, b: special.betainc(a, b, x))
by("_beta_sf", lambda x, a, b: -special.betainc(a, b, x))
by("_beta_pdf", lambda x, a, b: beta_density(a, b, x))
inverse(
    "betaincinv",
    lambda a, b, p, t: special.betainc(a, b, t) - p,
    rest=lambda a, b, p: special.betainccinv(b, a, p),
)
inverse(
    "betainccinv",
    lambda a, b, p, t: special.betaincc(a, b, t) - p,
    rest=lambda a, b, p: special.betaincinv(b, a, p),
)
inverse(
    "_beta_ppf",
    lambda p, a, b, t: special.betainc(a, b, t) - p,
    rest=lambda p, a, b: special.betainccinv(b, a, p),
)
inverse(
    "_beta_isf",
    lambda p, a, b, t: special.betaincc(a, b, t) - p,
    rest=lambda p, a, b: special.betaincinv(b, a, p),
)
inverse("btdtria", lambda p, b, x, t: special.betainc(t, b, x) - p)
inverse("btdtrib", lambda a, p, x, t: special.betainc(a, t, x) - p)
