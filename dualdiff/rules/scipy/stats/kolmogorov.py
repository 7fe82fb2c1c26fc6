"""The two-sided Kolmogorov-Smirnov distribution, in x by SciPy's algorithms on traced numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special
from scipy.stats import _ksstats as _module

from ....array.box import unbox
from ....core.types import Value
from ..rebinding import rebound, replace
from ..special.kinds import declared, flat, lost, partial

_ksstats: Any = _module
UNSOLVED = 1e-6
FAR, MANY = 5.0, 4000


def _one(n: int, x: Value) -> Any:
    """The distribution function of one number.

    Where the second term of its series counts, by the matrix of Marsaglia, Tsang and Wang (2003),
    for many numbers by the asymptotic formula of Pelz and Good; far out by the one-sided function.
    """
    here = unbox(x)
    if n * here <= 1 or here >= 0.5 or n * here >= n - 1:
        return rebound(_ksstats._kolmogn)(n, x)
    if n * here * here > FAR:
        return 1 - 2 * special.smirnov(n, x)
    many = _ksstats._kolmogn_PelzGood if n > MANY else _ksstats._kolmogn_DMTW
    return rebound(many)(n, x)


def _below(n: Value, x: Value) -> Any:
    """One number after the other, as SciPy takes them."""
    if not np.ndim(x):
        return _one(int(unbox(n)), x)
    numbers = enumerate(np.broadcast_to(unbox(n), np.shape(x)))
    return np.stack([_one(int(k), x[i]) for i, k in numbers])


_density = flat(partial(_below, 1))
_bend = flat(partial(partial(_below, 1), 1))


def _plain(function: Any, **options: Any) -> Any:
    return lambda n, x: np.asarray(function(n, x, **options))[()]


def _inverse(probability: Any, sign: int, name: str, **options: Any) -> Any:
    def derivative(x: Value, y: Value, ans: Value) -> Any:
        solved = np.abs(unbox(probability(x, ans)) - unbox(y)) < UNSOLVED
        return sign / _density(x, ans) + lost(~solved, y)

    values = _plain(_ksstats.kolmogni, **options)
    return declared(values, None, derivative, name=f"stats.kstwo.{name}")


cumulative = declared(
    _plain(_ksstats.kolmogn), None, lambda x, y: _density(x, y), name="stats.kstwo.cdf"
)
survival = declared(
    _plain(_ksstats.kolmogn, cdf=False),
    None,
    lambda x, y: -_density(x, y),
    name="stats.kstwo.sf",
)
density = declared(
    _plain(_ksstats.kolmognp), None, lambda x, y: _bend(x, y), name="stats.kstwo.pdf"
)
quantile = _inverse(cumulative, 1, "ppf")
upper_quantile = _inverse(survival, -1, "isf", cdf=False)
replace(_ksstats.kolmogn, lambda n, x, cdf=True: (cumulative if cdf else survival)(n, x))
replace(_ksstats.kolmognp, density)
replace(_ksstats.kolmogni, lambda n, q, cdf=True: (quantile if cdf else upper_quantile)(n, q))
