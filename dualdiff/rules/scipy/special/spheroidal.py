"""Spheroidal wave functions of the first kind, by their differential equation and recurrences.

In c, characteristic values and functions are those of matrices of recurrence relations (DLMF 30.8);
in x the functions follow the differential equation (DLMF 30.2.1).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from .kinds import closed, column, find, flat, several
from .waves import WAVE_BLOCK, by_degree, dot, mode, rows, tridiagonal

NEAR, SERIES_TERMS = 2.0, 20  # where so many terms of spherical Bessel functions are exact
CANCELLED = 1e-10  # of a sum beside its terms: the rest has six digits or fewer


def _ratio(order: int, j: Any) -> Any:
    """The coefficient between the normalised Legendre functions of degrees j - 1 and j."""
    return np.sqrt((j * j - order * order) / (4 * j * j - 1))


@functools.lru_cache(64)
def _bands(order: int, odd: int, count: int) -> tuple[Any, Any, Any]:
    """The degrees of normalised Legendre functions, in which x * x is tridiagonal; its bands."""
    j = order + odd + 2.0 * np.arange(count)
    here, above = _ratio(order, j) ** 2, _ratio(order, j + 1)
    return j, here + above**2, (above * _ratio(order, j + 2))[:-1]


def _modes(sign: float, order: int, degree: int, c: Value) -> tuple[Any, Any, Any, Any]:
    """The degrees, the terms up to a factor; derivatives of the eigenvalue and the terms by c.

    The eigenvalue is that of ``l (l + 1) + sign c**2 x**2``.
    """
    count = rows((degree - order) // 2 + 14 + np.max(np.abs(unbox(c)), initial=0))
    j, *bands = _bands(order, (degree - order) % 2, count)
    base, change = tridiagonal(j * (j + 1), 0.0), tridiagonal(*bands)
    terms, value, slopes = mode(sign * c * c, base, change, (degree - order) // 2)
    by_square = 2 * sign * c
    return j, terms, by_square * value, column(by_square) * slopes


def _value_slope(sign: float) -> Callable[..., Any]:
    return lambda order, degree, c: _modes(sign, order, degree, c)[2]


def _legendre(order: int, odd: int, count: int, x: Value) -> tuple[Any, Any]:
    """Normalised associated Legendre functions of every second degree, and their slopes."""
    last = order + odd + 2 * count - 2
    norm = np.prod(1 + 0.5 / np.arange(1.0, order + 1)) / 2
    ratios = [0.0, *_ratio(order, np.arange(order + 1.0, last + 2)).tolist()]
    below: Any = 0.0
    below_slope: Any = 0.0
    here: Any = np.sqrt(norm) * (1 - x * x) ** (order / 2)
    here_slope: Any = -order * x / (1 - x * x) * here
    values, slopes = [here], [here_slope]
    for down, up in itertools.pairwise(ratios):
        above = (x * here - down * below) / up
        above_slope = (here + x * here_slope - down * below_slope) / up
        below, here, below_slope, here_slope = here, above, here_slope, above_slope
        values.append(here)
        slopes.append(here_slope)
    stop = last - order + 1
    return np.stack(values[odd:stop:2], axis=-1), np.stack(slopes[odd:stop:2], axis=-1)


@functools.lru_cache(64)
def _legendre_at_0(order: int, odd: int, count: int) -> Any:
    return _legendre(order, odd, count, 0.0)[odd]


def _relative(terms: Any, slopes: Any, weights: Any) -> tuple[Any, Any]:
    """A weighted sum of terms, by which functions are normalised, and its relative derivative.

    Where c is large its terms may cancel, as those of SciPy's values do.
    """
    total = dot(terms, weights)
    if np.any(np.abs(unbox(total)) < CANCELLED * dot(np.abs(unbox(terms)), np.abs(weights))):
        raise UnsupportedInputError(
            f"spheroidal functions have no derivative in c here, {user_line()}: c is so large that "
            f"the series by which they are normalised cancels to fewer than six digits"
        )
    return total, dot(slopes, weights) / total


def _angular(sign: float) -> Callable[..., Any]:
    """Flammer's functions: at 0 they, or their slopes, are those of Legendre functions."""

    def by_c(order: int, degree: int, c: Value, x: Value) -> Any:
        j, terms, _, slopes = _modes(sign, order, degree, c)
        size = order, (degree - order) % 2, len(j)
        at_0 = _legendre_at_0(*size)
        norm = np.sqrt(2 / (2 * degree + 1) * special.poch(degree - order + 1, 2 * order))
        total, growth = _relative(terms, slopes, at_0)
        scale = norm * at_0[(degree - order) // 2] / total
        waves = _legendre(*size, x)
        return scale * np.stack([dot(slopes, w) - growth * dot(terms, w) for w in waves])

    return by_c


def _near_zero(order: int, j: Any, c: Value, x: Value) -> list[Any]:
    """Spherical Bessel functions of c x over ``x**m``, and derivatives (DLMF 10.53.1).

    Returns: the functions, their derivatives by x, by c, and by both.
    """
    k = np.arange(SERIES_TERMS)
    n = column(j - order) + 2 * k
    steps = np.where(k > 0, -1 / (2 * np.maximum(k, 1) * (2 * column(j) + 2 * k + 1)), 1.0)
    front = special.gamma(1.5) / (2**j * special.gamma(j + 1.5))
    shares = column(front) * np.cumprod(steps, axis=-1)
    z = column(column(c * x))
    weights = shares, shares * n, shares * n * (n - 1)
    value, first, second = (
        dot(w, z ** np.maximum(n - i, 0.0)) for i, w in enumerate(weights)
    )  # sums of powers of z, and their derivatives
    c, x = column(c), column(x)
    power = c**order
    by_c = order * c ** max(order - 1, 0) * value + power * x * first
    return [power * value, power * c * first, by_c, power * ((order + 1) * first + c * x * second)]


def radial(sign: float, kind: str) -> Callable[..., Any]:
    """The derivatives by c of a radial function, of its slope, and of the eigenvalue.

    They are sums of spherical Bessel functions of this kind (DLMF 30.11.3).
    """
    bessel = find(f"_spherical_{kind}")

    def by_c(order: int, degree: int, c: Value, x: Value) -> Any:
        """Oblate functions of the first kind are regular at x = 0, where a factor is infinite."""
        near = (np.abs(unbox(c * x)) < NEAR) & (sign < 0) & (kind == "jn")
        if not np.any(near):
            return far(order, degree, c, x)
        if np.all(near):
            return regular(order, degree, c, x)
        one = regular(order, degree, c, np.where(near, x, 0.0))
        return np.where(near, one, far(order, degree, c, np.where(near, 2.0, x)))

    def series(order: int, degree: int, c: Value) -> tuple[Any, ...]:
        """The weighted coefficients, their slopes, and their norm with its relative slope."""
        j, terms, by_value, slopes = _modes(sign, order, degree, c)
        weights = np.sqrt((2 * j + 1) * special.poch(j - order + 1, 2 * order))
        norm, growth = _relative(terms, slopes, weights)
        weights = weights * (-1.0) ** ((j - degree) // 2)
        return j, weights * terms, by_value, weights * slopes, norm, growth

    def regular(order: int, degree: int, c: Value, x: Value) -> Any:
        j, terms, by_value, slopes, norm, growth = series(order, degree, c)
        value, by_x, by_c, by_both = _near_zero(order, j, c, x)
        factor = (1 + x * x) ** (order / 2) / norm
        steep = order * x / (1 + x * x)
        moved = dot(slopes, value) - growth * dot(terms, value) + dot(terms, by_c)
        slope_moved = dot(slopes, by_x) - growth * dot(terms, by_x) + dot(terms, by_both)
        return np.stack([factor * moved, factor * (steep * moved + slope_moved), by_value])

    def far(order: int, degree: int, c: Value, x: Value) -> Any:
        j, terms, by_value, slopes, norm, growth = series(order, degree, c)
        z = column(c * x)
        found = bessel(np.abs(np.arange(j[0] - 1, j[-1] + 2)).astype(int), z)
        below, value, above = found[..., :-1:2], found[..., 1::2], found[..., 2::2]
        # The slope, and z times the second derivative (DLMF 10.47.1, 10.51.1, 10.51.2).
        slope = (j * below - (j + 1) * above) / (2 * j + 1)
        curve = j * (j + 1) / (2 * j + 1) * (below + above) - z * value - 2 * slope
        factor: Any = 1 / norm
        steep: Any = 0.0
        if order:
            factor = (1 - sign / (x * x)) ** (order / 2) / norm
            steep = order * sign / (x * (x * x - sign))
        first = dot(terms, slope)
        moved = dot(slopes, value) - growth * dot(terms, value) + x * first
        slope_moved = c * (dot(slopes, slope) - growth * first) + first + dot(terms, curve)
        return np.stack([factor * moved, factor * (steep * moved + slope_moved), by_value])

    return by_c


def of_each_degree(function: Callable[..., Any], *front: int) -> Callable[..., Any]:
    """A function of numbers or vectors that have an order and a degree each."""

    def whole(m: Any, n: Any, *args: Value) -> Any:
        return by_degree(m, n, function, *args)

    return flat(whole, WAVE_BLOCK, front=front)


def prolate_slope(sign: float, m: Any, c: Value, cv: Value, x: Value, ans: Any) -> Any:
    """The derivatives of y and y' (DLMF 30.2.1), also of oblate angular functions."""
    rest = 1 - x * x
    return ans[1], (2 * x * ans[1] - (cv - sign * c * c * x * x - m * m / rest) * ans[0]) / rest


def oblate_radial_slope(sign: float, m: Any, c: Value, cv: Value, x: Value, ans: Any) -> Any:
    """The same at i x."""
    rest = 1 + x * x
    return ans[1], ((cv - c * c * x * x - m * m / rest) * ans[0] - 2 * x * ans[1]) / rest


def on_the_curve(kind: str, m: Any, n: Any, c: Value, cv: Value) -> None:
    """Raise an error if `cv` is not the characteristic value."""
    value: Any = getattr(special, f"{kind}_cv")
    if not np.allclose(unbox(cv), value(m, n, unbox(c)), rtol=1e-9, equal_nan=True):
        raise UnsupportedInputError(
            f"spheroidal functions have a derivative where cv is scipy.special.{kind}_cv"
            f"(m, n, c), {user_line()}"
        )


def positive(kind: str, c: Value) -> None:
    """Raise an error where c is negative: SciPy's characteristic value is that of c = 0 there."""
    if np.any(unbox(c) < 0):
        raise UnsupportedInputError(
            f"spheroidal functions have no derivative at negative c, {user_line()}: SciPy's "
            f"{kind}_cv(m, n, c) is n (n + 1) there. Write abs(c): their equation is even in c"
        )


def off_the_curve(kind: str, part: str) -> Callable[..., Any]:
    """The derivative in c or in cv alone, which leaves the curve of characteristic values."""

    def raises(*at: Any) -> Any:
        raise UnsupportedInputError(
            f"scipy.special.{kind}_{part}_cv has no derivative in c or cv, {user_line()}: beside "
            f"cv = {kind}_cv(m, n, c) SciPy's values solve no spheroidal equation. Write "
            f"scipy.special.{kind}_{part}(m, n, c, x), which follows that curve"
        )

    return raises


def _spheroidal(kind: str, sign: float) -> None:
    value: Any = getattr(special, f"{kind}_cv")
    by_c = of_each_degree(_value_slope(sign))

    def value_by_c(x: Any, y: Any, z: Value) -> Any:
        positive(kind, z)
        return by_c(x, y, z)

    closed(f"{kind}_cv", None, None, value_by_c)

    for part in ("ang1", "rad1"):
        slope = oblate_radial_slope if kind == "obl" and part != "ang1" else prolate_slope
        function = _angular(sign) if part == "ang1" else radial(sign, "jn")
        slopes = of_each_degree(function, 2 if part == "ang1" else 3)

        def function_by_c(
            m: Any, n: Any, c: Value, x: Value, ans: Any, slopes: Any = slopes
        ) -> Any:
            positive(kind, c)
            return list(slopes(m, n, c, x)[:2])

        def by_x(m: Any, n: Any, c: Value, x: Value, ans: Any, slope: Any = slope) -> Any:
            positive(kind, c)
            return slope(sign, m, c, value(m, n, c), x, ans)

        def by_x_of(
            m: Any, n: Any, c: Value, cv: Value, x: Value, ans: Any, slope: Any = slope
        ) -> Any:
            positive(kind, c)
            on_the_curve(kind, m, n, c, cv)
            return slope(sign, m, c, cv, x, ans)

        off = off_the_curve(kind, part)
        several(f"{kind}_{part}", None, None, function_by_c, by_x)
        several(f"{kind}_{part}_cv", None, None, off, off, by_x_of)


_spheroidal("pro", 1.0)
_spheroidal("obl", -1.0)
