"""Noncentral chi-square and F distributions, at no noncentrality as well.

SciPy takes the central distribution there, which does not contain the parameter. The mixtures do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.types import Value
from ..rebinding import rebound
from ..special.incomplete_gamma import gamma_density
from ..special.kinds import find, where
from .values import with_value

_isf: Any = find("_ncx2_isf")


def _ratio(x: Value, df: Value, nc: Value) -> Any:
    """The density over that of chi-square, times ``exp(nc / 2)``: a series in nc.

    Johnson, Kotz and Balakrishnan (1995), 29.4.
    """
    return special.hyp0f1(df / 2, nc * x / 4)


def _pdf(x: Value, df: Value, nc: Value) -> Any:
    return 0.5 * gamma_density(df / 2, x / 2) * np.exp(-nc / 2) * _ratio(x, df, nc)


def _logpdf(x: Value, df: Value, nc: Value) -> Any:
    central = special.xlogy(df / 2 - 1, x) - x / 2 - special.gammaln(df / 2) - df * np.log(2) / 2
    return central - nc / 2 + np.log(_ratio(x, df, nc))


def _with_limit(name: str, method: str, central: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's formula; the derivative of another, and SciPy's value, where nc is 0."""
    source: Any = getattr(stats, name)
    scipys: Any = getattr(type(source), f"_{method}")

    def at_zero(*at: Value) -> Any:
        return with_value(scipys(source, *map(unbox, at)), central(*at))

    def formula(*at: Value) -> Any:
        at = tuple(np.broadcast_arrays(*at))
        there = np.asarray(unbox(at[-1]) == 0)
        return where(there, at_zero, lambda *at: rebound(scipys)(source, *at), *at, fill=0.5)

    return formula


NONCENTRAL: dict[tuple[str, str], Callable[..., Any]] = {
    ("ncx2", method): _with_limit("ncx2", method, central)
    for method, central in {
        "pdf": _pdf,
        "logpdf": _logpdf,
        "cdf": lambda x, df, nc: special.chndtr(x, df, nc),
        "sf": lambda x, df, nc: -special.chndtr(x, df, nc),
        "ppf": lambda q, df, nc: special.chndtrix(q, df, nc),
        "isf": lambda q, df, nc: (
            special.chndtrix(1 - q, df, nc) if _isf is None else _isf(q, df, nc)
        ),
    }.items()
}
