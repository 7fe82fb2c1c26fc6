"""The studentized range distribution, by integrals over the normal and the chi distribution.

With k normal variables and an independent estimate of their deviation of v degrees of freedom, the
distribution function is the mean of ``R(q s)`` over s, where ``R(w)`` is that of the range of the
variables (Lund and Lund 1983).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.types import Value
from ..solving import by_scipy
from ..special.kinds import column, declared, flat, formula, gauss_legendre, partial
from .compiled import DROP, LOG_2PI, stirling_rest

_range: Any = stats.studentized_range
NODES, WEIGHTS = gauss_legendre(96)
Z, Z_WEIGHTS = 17.4 * (NODES - 0.5), 17.4 * WEIGHTS  # normal densities are 1e-17 beyond
BLOCK = 16
INFINITE = 1e5  # degrees of freedom from which on SciPy takes no estimate of the deviation


def _normal(z: Any) -> Any:
    return np.exp(-0.5 * z * z - 0.5 * LOG_2PI)


def _between(z: Any, w: Value) -> Any:
    """``Phi(z) - Phi(z - w)``, positive."""
    right = unbox(z) > unbox(w) / 2
    one, other = np.where(right, w - z, z), np.where(right, -z, z - w)
    share = special.ndtr(one) - special.ndtr(other)
    return np.where(unbox(share) > 0, share, 1e-300)


def _range_cdf(w: Value, k: Value) -> Any:
    """Of the range of k normal variables, where nodes are added as a last axis."""
    w, k = column(w), column(k)
    return np.matmul(k * _normal(Z) * np.exp((k - 1) * np.log(_between(Z, w))), Z_WEIGHTS)


def _range_pdf(w: Value, k: Value) -> Any:
    w, k = column(w), column(k)
    z = w / 2 + Z
    share = np.exp((k - 2) * np.log(_between(z, w)))
    return np.matmul(k * (k - 1) * _normal(z) * _normal(z - w) * share, Z_WEIGHTS)


def _spread(v: Value) -> tuple[Any, Any]:
    """Logarithms of deviations, of shape (..., nodes), and the density times the weights."""
    plain = column(np.asarray(unbox(v), float))

    def drop(t: Any) -> Any:
        return plain * ((np.exp(2 * t) - 1) / 2 - t)

    ends = []
    for far in (-400.0, 5.0):
        inner, outer = 0.0 * plain, far + 0.0 * plain
        for _ in range(40):
            middle = (inner + outer) / 2
            beyond = drop(middle) > DROP
            inner, outer = np.where(beyond, inner, middle), np.where(beyond, middle, outer)
        ends.append(outer)
    t = np.concatenate([ends[0] * (1 - NODES), ends[1] * NODES], axis=-1)
    weights = np.concatenate([-ends[0] * WEIGHTS, ends[1] * WEIGHTS], axis=-1)
    v = column(v)
    front = 0.5 * np.log(v) - 0.5 * np.log(np.pi) - stirling_rest(v / 2)
    return t, weights * np.exp(front + v * (t - (np.exp(2 * t) - 1) / 2))


def _mean(of_range: Callable[..., Any], power: float) -> Callable[..., Any]:
    """The mean of a function of the range times a power of the deviation."""

    def value(q: Value, k: Value, v: Value) -> Any:
        t, density = _spread(v)
        s = np.exp(t)
        known = of_range(column(q) * s, column(k) + 0 * t)
        mean = np.sum(known * s**power * density, axis=-1)
        infinite = unbox(v) > INFINITE
        return np.where(infinite, of_range(q, k), mean) if np.any(infinite) else mean

    return value


def _slope(of_range: Callable[..., Any], power: float, which: int) -> Callable[..., Any]:
    return formula(3, flat(partial(_mean(of_range, power), which), BLOCK))


range_pdf = declared(
    lambda *at: np.asarray(by_scipy(_range._pdf, *at), float)[()],
    *(_slope(_range_pdf, 1.0, i) for i in range(3)),
    name="stats.studentized_range.pdf",
)
range_cdf = declared(
    lambda *at: np.asarray(by_scipy(_range._cdf, *at), float)[()],
    formula(3, flat(_mean(_range_pdf, 1.0), BLOCK)),
    *(_slope(_range_cdf, 0.0, i) for i in (1, 2)),
    name="stats.studentized_range.cdf",
)
RANGES: dict[tuple[str, str], Callable[..., Any]] = {
    ("studentized_range", "pdf"): range_pdf,
    ("studentized_range", "cdf"): range_cdf,
}
