"""Discrete distributions that SciPy computes by compiled code, or by products that underflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.types import Value
from ..rebinding import instance_of
from ..special.kinds import column
from .values import with_scipys


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


def _fisher_stats(
    total: Any, good: Any, drawn: Any, odds: Value, moments: str = "mv"
) -> tuple[Any, Any, Any, Any]:
    k, masses = _fisher(total, good, drawn, odds)
    mean = np.sum(k * masses, axis=-1)
    second, third, fourth = (np.sum((k - column(mean)) ** n * masses, axis=-1) for n in (2, 3, 4))
    return mean, second, third / second**1.5, fourth / second**2 - 3


def _binom_entropy(n: Any, p: Value) -> Any:
    """By logarithms of masses, which SciPy takes of masses that may be 0."""
    if unbox(p) in (0, 1):
        return float(unbox(n)) * special.entr(p if unbox(p) == 0 else 1 - p)
    k = np.arange(float(unbox(n)) + 1)
    logs = _log_choose(float(unbox(n)), k) + special.xlogy(k, p) + special.xlog1py(k[::-1], -p)
    return -np.sum(np.exp(logs) * logs)


def _unless_certain(name: str, at: float, leading: Callable[..., Any]) -> Callable[..., Any]:
    """An entropy, at a certain outcome by the `leading` term: the others are 0 * inf there."""

    def entropy(*shapes: Value) -> Any:
        if unbox(shapes[-1]) == at:
            return leading(*shapes)
        copy = instance_of(getattr(stats, name))
        return type(copy)._entropy(copy, *shapes)

    return entropy


COUNTS: dict[tuple[str, str], Callable[..., Any]] = {
    ("nchypergeom_fisher", "pmf"): with_scipys("nchypergeom_fisher", _fisher_pmf, "_pmf"),
    ("nchypergeom_fisher", "stats"): _fisher_stats,
    ("binom", "entropy"): with_scipys("binom", _binom_entropy, "_entropy"),
    ("nbinom", "entropy"): _unless_certain("nbinom", 1.0, lambda n, p: n * special.entr(1 - p)),
    ("poisson", "entropy"): _unless_certain("poisson", 0.0, special.entr),
}
