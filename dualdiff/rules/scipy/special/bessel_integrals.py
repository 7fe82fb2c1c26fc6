"""Integrals of Bessel, Struve and Airy functions, whose derivatives are their integrands."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.types import Value
from .hypergeometric import LOSS, refuse
from .kinds import closed, column, flat, horner, partial, several, where

PI = np.pi
SQUARES = special.gamma(np.arange(2.0, 14.0)) ** 2


def _less_one(x: Value, function: Any, sign: int) -> Any:
    """``sign (f(x) - 1) / x`` for J0 (-1) and I0 (1), by the series where x is small."""
    return where(
        np.abs(unbox(x)) < 1,
        lambda x: x / 4 * horner(sign * x * x / 4, 1 / SQUARES),
        lambda x: sign * (function(x) - 1) / x,
        x,
    )


several("itj0y0", lambda x, ans: (special.j0(x), special.y0(x)))
several("iti0k0", lambda x, ans: (special.i0(x), special.k0(x)))
several("it2j0y0", lambda x, ans: (_less_one(x, special.j0, -1), -special.y0(x) / x))
several("it2i0k0", lambda x, ans: (_less_one(x, special.i0, 1), -special.k0(x) / x))
closed("itstruve0", lambda x: special.struve(0.0, x))
closed("itmodstruve0", lambda x: special.modstruve(0.0, x))
# ``H_0(x) / x`` by powers of x**2 (DLMF 11.2.1).
STRUVE_BY_X = 2 / PI * np.cumprod([1.0, *(-1 / (2 * np.arange(1.0, 12) + 1) ** 2)])


def _struve_by_x(x: Value) -> Any:
    return where(
        np.abs(unbox(x)) < 1,
        lambda x: horner(x * x, STRUVE_BY_X),
        lambda x: special.struve(0.0, x) / x,
        x,
    )


closed("it2struve0", lambda x: -_struve_by_x(x))


def _itairy(x: Value, ans: Value) -> Any:
    right, left = special.airy(x), special.airy(-x)
    return right[0], right[2], left[0], left[2]


several("itairy", _itairy)


def _besselpoly(a: Value, power: Value, v: Value) -> Any:
    """The integral of ``x**power J(v, 2 a x)`` from 0 to 1, term by term."""
    refuse("besselpoly", np.abs(unbox(a)) > 1e3)
    k = np.arange(float(40 + int(4 * np.max(np.abs(unbox(a)), initial=0))))
    below = special.gamma(k + 1) * (column(power + v) + 2 * k + 1)
    terms = special.rgamma(k + column(v) + 1) * (-1.0) ** k * column(a) ** (2 * k) / below
    largest = np.max(np.abs(unbox(terms)), axis=-1)
    total = np.sum(terms, axis=-1)
    refuse("besselpoly", largest > LOSS * np.abs(unbox(total)))
    return a**v * total


besselpoly_power, besselpoly_order = (partial(flat(_besselpoly), i) for i in (1, 2))


def _besselpoly_a(a: Value, power: Value, v: Value) -> Any:
    """Infinite at 0 for orders below 1, where the function grows like a root."""
    slope = special.besselpoly(a, power + 1, v - 1) - special.besselpoly(a, power + 1, v + 1)
    steep = (unbox(a) == 0) & (unbox(v) > 0) & (unbox(v) < 1)
    return np.where(steep, np.inf, slope) if np.any(steep) else slope


closed(
    "besselpoly",
    lambda x, y, z: _besselpoly_a(x, y, z),
    lambda x, y, z: besselpoly_power(x, y, z),
    lambda x, y, z: besselpoly_order(x, y, z),
)
