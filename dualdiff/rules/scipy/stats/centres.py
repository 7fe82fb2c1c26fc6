"""Symmetric distributions at their centre, where SciPy's formulas of the two sides meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.types import Value
from ..rebinding import rebound
from ..special.kinds import declared, where


def _dweibull(upper: bool) -> Callable[..., Any]:
    """A tail, at the centre by the side below it: the density is the slope of both."""

    def tail(x: Value, c: Value) -> Any:
        above = np.asarray(unbox(x) > 0)
        half = 0.5 * np.exp(-(np.where(above, x, -x) ** c))
        return np.where(above == upper, half, 1 - half)

    return tail


def _gennorm(method: str) -> Callable[..., Any]:
    """A tail or a quantile, at the centre by the density there."""
    scipys = getattr(type(stats.gennorm), f"_{method}")
    quantile, sign = method in ("ppf", "isf"), -1.0 if method in ("sf", "isf") else 1.0

    def central(x: Value, beta: Value) -> Any:
        density = beta * np.exp(-special.gammaln(1 / beta)) / 2
        return sign * (x - 0.5) / density if quantile else 0.5 + sign * x * density

    def formula(x: Value, beta: Value) -> Any:
        return where(
            np.asarray(unbox(x) == (0.5 if quantile else 0.0)),
            central,
            lambda x, beta: rebound(scipys)(_Gennorm, x, beta),
            *np.broadcast_arrays(x, beta),
        )

    return formula


class _Gennorm:
    """The methods that SciPy's methods of the upper side call."""

    _cdf = staticmethod(lambda x, beta: _gennorm("cdf")(x, beta))
    _ppf = staticmethod(lambda q, beta: _gennorm("ppf")(q, beta))


# Zero, and so are its derivatives but the mixed one, which is not a number.
_unknown: Any = declared(
    lambda x: np.zeros(np.shape(x))[()], lambda x: x * np.nan, name="stats.unknown"
)
_unknown_mixed: Any = declared(
    lambda x, y: np.zeros(np.shape(x))[()],
    lambda x, y: _unknown(y),
    lambda x, y: _unknown(x),
    name="stats.unknown_mixed",
)


def _dgamma(method: str) -> Callable[..., Any]:
    """A quantile, whose slope at the centre is 0, 2 or infinite, as the density is."""
    scipys = getattr(type(stats.dgamma), f"_{method}")

    def central(q: Value, a: Value) -> Any:
        value = rebound(scipys)(None, q, unbox(a))
        return value + np.where(unbox(a) < 1, 0.0, _unknown_mixed(q, a))

    return lambda q, a: where(
        np.asarray(unbox(q) == 0.5),
        central,
        lambda q, a: rebound(scipys)(None, q, a),
        *np.broadcast_arrays(q, a),
    )


CENTRES: dict[tuple[str, str], Callable[..., Any]] = {
    ("dweibull", "cdf"): _dweibull(False),
    ("dweibull", "sf"): _dweibull(True),
    ("dgamma", "ppf"): _dgamma("ppf"),
    ("dgamma", "isf"): _dgamma("isf"),
    **{("gennorm", method): _gennorm(method) for method in ("cdf", "sf", "ppf", "isf")},
}
