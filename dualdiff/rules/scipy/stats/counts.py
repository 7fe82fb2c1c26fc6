"""Discrete distributions that SciPy computes by compiled code, or by products that underflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ..rebinding import instance_of
from ..special.kinds import column, gauss_legendre
from .values import with_scipys, with_value

DROP = 42.0  # integrals end where the integrand has fallen by exp(-42)
NODES, WEIGHTS = gauss_legendre(24)
PANEL = 3.0  # the longest, of a variable in which integrands are smooth within 1


def _log_choose(n: Any, k: Any) -> Any:
    return -special.betaln(n - k + 1, k + 1) - np.log1p(n)


def _fisher(total: Any, good: Any, drawn: Any, odds: Value) -> tuple[Any, Any]:
    """All counts of good ones, and their masses: ``choose(n, k) choose(M - n, N - k) odds**k`` over
    the sum (Fog 2008, Biased Urn Theory)."""
    total, good, drawn = (column(np.asarray(unbox(v), float)) for v in (total, good, drawn))
    low, high = np.maximum(drawn - (total - good), 0.0), np.minimum(good, drawn)
    k = np.arange(np.max(high, initial=0.0) + 1)
    inside = (k >= low) & (k <= high)
    k = np.where(inside, k, low)
    ways = _log_choose(good, k) + _log_choose(total - good, drawn - k)
    logs = ways + k * column(np.log(odds))
    masses = np.where(inside, np.exp(logs - np.max(unbox(logs), axis=-1, keepdims=True)), 0.0)
    return k, masses / np.sum(masses, axis=-1, keepdims=True)


def _fisher_pmf(x: Any, total: Any, good: Any, drawn: Any, odds: Value) -> Any:
    k, masses = _fisher(*np.broadcast_arrays(total, good, drawn, odds))
    return np.sum(np.where(k == column(unbox(x)), masses, 0.0), axis=-1)


def _moments(k: Any, masses: Value) -> tuple[Any, Any, Any, Any]:
    """Mean, variance, skewness and kurtosis; the mean around the mode, whose own change would be
    the rounding of all others."""
    mode = np.take(k, np.argmax(unbox(masses), axis=-1))
    mean = mode + np.sum((k - column(mode)) * masses, axis=-1)
    second, third, fourth = (np.sum((k - column(mean)) ** n * masses, axis=-1) for n in (2, 3, 4))
    with np.errstate(divide="ignore", invalid="ignore"):  # of a certain outcome
        return mean, second, third / second**1.5, fourth / second**2 - 3


def _fisher_stats(
    total: Any, good: Any, drawn: Any, odds: Value, moments: str = "mv"
) -> tuple[Any, Any, Any, Any]:
    return _moments(*_fisher(total, good, drawn, odds))


def _wallenius_logs(x: Any, total: Any, good: Any, drawn: Any, odds: Value) -> Any:
    """Logarithms of masses, on vectors of numbers within the support (Fog 2008, Biased Urn Theory):
    the ways to choose, times the integral of ``(1 - t**(w/d))**x (1 - t**(1/d))**y`` over (0, 1)
    with y = N - x and d = w (n - x) + M - n - y.

    With ``t = exp(-d exp(s))`` the integrand has one peak, and is smooth on both sides.
    """
    y = drawn - x
    left_good, left_bad = good - x, total - good - y
    all_drawn = (left_good + left_bad == 0) | (drawn == 0)
    x, y, left_bad = (np.where(all_drawn, v, a) for v, a in ((1.0, x), (0.0, y), (1.0, left_bad)))

    def height(s: Any, w: Value, x: Any, y: Any, left_good: Any, left_bad: Any) -> Any:
        v = np.exp(s)
        rate = w * left_good + left_bad
        ones = x * np.log(-np.expm1(-w * v)) + y * np.log(-np.expm1(-v))
        return ones + np.log(rate) + s - rate * v

    given = x, y, left_good, left_bad
    w = unbox(odds)
    low, high = _around_peak(lambda s: height(s, w, *given), x, y, w, w * left_good + left_bad)
    panels = max(3, int(np.ceil(np.max(high - low, initial=0.0) / PANEL)))
    at = (np.arange(panels)[:, None] + NODES).ravel() / panels
    s = column(low) + column(high - low) * at
    heights = height(s, column(odds), *map(column, given))
    top = np.max(unbox(heights), axis=-1, keepdims=True)
    integral = np.matmul(np.exp(heights - top), np.tile(WEIGHTS, panels) / panels)
    logs = np.log(integral * (high - low)) + top[..., 0]
    logs = logs + _log_choose(good, x) + _log_choose(total - good, drawn - x)
    return np.where(all_drawn, 0.0, logs)


def _around_peak(height: Callable[..., Any], x: Any, y: Any, w: Any, rate: Any) -> tuple[Any, Any]:
    """The ends of the part of a concave function that lies within `DROP` of its maximum."""

    def slope(s: Any) -> Any:
        v = np.exp(s)
        return x * w * v / np.expm1(w * v) + y * v / np.expm1(v) + 1 - rate * v

    with np.errstate(over="ignore"):
        high = np.log((x + y + 1) / rate)  # where the slope is negative
        low = np.log(1 / rate) - 1
        peak = _bisected(lambda s: slope(s) > 0, low, high)
        least = height(peak) - DROP
        ends = []
        for sign in (-1.0, 1.0):
            length = np.ones(np.shape(peak))
            while np.any(inside := height(peak + sign * length) > least):
                length = np.where(inside, 2 * length, length)
            ends.append(_bisected(lambda s: height(s) > least, peak, peak + sign * length))
    return ends[0], ends[1]


def _bisected(holds: Callable[..., Any], yes: Any, no: Any) -> Any:
    """Where a condition ceases to hold, to within some thousandths."""
    for _ in range(24):
        middle = (yes + no) / 2
        here = holds(middle)
        yes, no = np.where(here, middle, yes), np.where(here, no, middle)
    return no


def _wallenius_logpmf(*at: Value) -> Any:
    at = tuple(np.broadcast_arrays(*at))
    *counts, odds = (np.reshape(v, (-1,)) for v in at)
    counts = [np.asarray(unbox(v), float) for v in counts]
    x, total, good, drawn = counts
    return np.reshape(_wallenius_logs(x, total, good, drawn, odds), shape_of(at[0]))


def _wallenius(total: Any, good: Any, drawn: Any, odds: Value) -> tuple[Any, Any]:
    """All counts of good ones, and their masses."""
    total, good, drawn, odds = map(column, np.broadcast_arrays(total, good, drawn, odds))
    total, good, drawn = (np.asarray(unbox(v), float) for v in (total, good, drawn))
    low, high = np.maximum(drawn - (total - good), 0.0), np.minimum(good, drawn)
    k = np.arange(np.max(high, initial=0.0) + 1)
    inside = (k >= low) & (k <= high)
    logs = _wallenius_logpmf(np.where(inside, k, low), total, good, drawn, odds)
    return k, np.where(inside, np.exp(logs), 0.0)


def _wallenius_stats(
    total: Any, good: Any, drawn: Any, odds: Value, moments: str = "mv"
) -> tuple[Any, ...]:
    """The mean and variance with SciPy's values, who has no other moments."""
    plain = (unbox(v) for v in (total, good, drawn, odds))
    source: Any = stats.nchypergeom_wallenius
    values = source._stats(*plain, moments)
    exact = _moments(*_wallenius(total, good, drawn, odds))
    return tuple(e if v is None else with_value(v, e) for v, e in zip(values, exact, strict=True))


def _probability(masses_of: Callable[..., Any], upper: bool, log: bool) -> Callable[..., Any]:
    """The probability on one side of x, by the masses on the side with fewer of them."""

    def probability(*at: Value) -> Any:
        x, *shapes = np.broadcast_arrays(*at)
        k, masses = masses_of(*shapes)
        beyond = (k > column(np.floor(unbox(x)))) == upper
        here, there = (np.sum(np.where(s, masses, 0.0), axis=-1) for s in (beyond, ~beyond))
        likely = unbox(here) > 0.5
        rest = np.where(likely, there, 0.0)
        if log:
            return np.where(likely, np.log1p(-rest), np.log(np.where(likely, 1.0, here)))
        return np.where(likely, 1 - rest, here)

    return probability


def _entropy(masses_of: Callable[..., Any]) -> Callable[..., Any]:
    def entropy(*shapes: Value) -> Any:
        masses = masses_of(*shapes)[1]
        masses = np.where(unbox(masses) > 0, masses, 1.0)  # others underflow
        return -np.sum(masses * np.log(masses), axis=-1)

    return entropy


def _binom_entropy(n: Any, p: Value) -> Any:
    """By logarithms of masses, which SciPy takes of masses that may be 0."""
    if unbox(p) in (0, 1):
        return float(unbox(n)) * special.entr(p if unbox(p) == 0 else 1 - p)
    k = np.arange(float(unbox(n)) + 1)
    logs = _log_choose(float(unbox(n)), k) + special.xlogy(k, p) + special.xlog1py(k[::-1], -p)
    return -np.sum(np.exp(logs) * logs)


def _poisson_binom(chosen: Callable[[Any, Any], Any], log: str) -> Callable[..., Any]:
    """The sum of the masses of the numbers of successes that are `chosen`, by one trial after the
    other, or its logarithm."""

    def probability(k: Any, *p: Value) -> Any:
        masses: Any = np.ones(1)
        for a in map(column, p):
            masses = np.broadcast_arrays(masses, a)[0] if shape_of(a)[:-1] else masses
            none = np.zeros_like(masses[..., :1])
            more = np.concatenate([none, masses * a], axis=-1)
            masses = np.concatenate([masses * (1 - a), none], axis=-1) + more
        at = chosen(np.arange(len(p) + 1.0), column(np.floor(unbox(k))))
        found, rest = (np.sum(np.where(side, masses, 0.0), axis=-1) for side in (at, ~at))
        likely = unbox(found) > 0.5  # the sum over the other side does not cancel
        small, large = np.where(likely, 0.0, found), np.where(likely, rest, 0.0)
        if log:
            return np.where(likely, np.log1p(-large), np.log(np.where(likely, 1.0, small)))
        return np.where(likely, 1 - large, small)

    return probability


def _unless_certain(name: str, at: float, leading: Callable[..., Any]) -> Callable[..., Any]:
    """An entropy, at a certain outcome by the `leading` term: the others are 0 * inf there."""

    def entropy(*shapes: Value) -> Any:
        if unbox(shapes[-1]) == at:
            return leading(*shapes)
        copy = instance_of(getattr(stats, name))
        return type(copy)._entropy(copy, *shapes)

    return entropy


PROBABILITIES = {
    "cdf": (False, False), "sf": (True, False), "logcdf": (False, True), "logsf": (True, True)
}  # fmt: skip
# SciPy's masses are right to 1e-12, and may be 0; its other functions are made of them.
NONCENTRAL = {"nchypergeom_fisher": _fisher, "nchypergeom_wallenius": _wallenius}
COUNTS: dict[tuple[str, str], Callable[..., Any]] = {
    ("nchypergeom_fisher", "pmf"): with_scipys("nchypergeom_fisher", _fisher_pmf, "_pmf"),
    ("nchypergeom_fisher", "stats"): _fisher_stats,
    ("nchypergeom_wallenius", "pmf"): with_scipys(
        "nchypergeom_wallenius", lambda *at: np.exp(_wallenius_logpmf(*at)), "_pmf"
    ),
    ("nchypergeom_wallenius", "logpmf"): with_scipys(
        "nchypergeom_wallenius", _wallenius_logpmf, "_logpmf"
    ),
    ("nchypergeom_wallenius", "stats"): _wallenius_stats,
    **{
        (name, method): with_scipys(name, _probability(masses, *kind), f"_{method}")
        for name, masses in NONCENTRAL.items()
        for method, kind in PROBABILITIES.items()
    },
    **{
        (name, "entropy"): with_scipys(name, _entropy(masses), "_entropy")
        for name, masses in NONCENTRAL.items()
    },
    ("binom", "entropy"): with_scipys("binom", _binom_entropy, "_entropy"),
    **{
        (name, f"{log}{method}"): with_scipys(name, _poisson_binom(chosen, log), f"_{log}{method}")
        for method, chosen in (("pmf", np.equal), ("cdf", np.less_equal), ("sf", np.greater))
        for log in ("", "log")  # SciPy's probabilities may have no digits left
        for name in ("poisson_binom",)
        if hasattr(stats, name)
    },
    ("nbinom", "entropy"): _unless_certain("nbinom", 1.0, lambda n, p: n * special.entr(1 - p)),
    ("poisson", "entropy"): _unless_certain("poisson", 0.0, special.entr),
}
