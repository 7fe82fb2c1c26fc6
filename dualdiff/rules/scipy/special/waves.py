"""Mathieu and spheroidal wave functions, by their differential equations and recurrences.

Characteristic values and Mathieu functions in their parameter are those of matrices of recurrence
relations (DLMF 28.4, 30.8); in x the functions follow the differential equation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from .kinds import closed, column, find, flat, partial, several

DEGREE = np.pi / 180
ROOT_2 = 2**0.5
MOST_ROWS = 1000  # of a matrix, which is dense
WAVE_BLOCK = 100  # elements whose matrices are there at once


def _by_order(order: Any, function: Callable[[int, Any], Any]) -> Any:
    """The sum of a function of each order, and of the elements that have it."""
    orders = np.asarray(unbox(order))
    return sum(function(_rows(m), orders == m) for m in np.unique(orders))


def _rows(count: Any) -> int:
    """The rows of a matrix, or an error where an order or a parameter makes it too large."""
    if not count <= MOST_ROWS:
        raise UnsupportedInputError(
            f"wave functions have no derivative in a parameter here, {user_line()}: the order or "
            f"the parameter is not finite, or so large that the matrix of the recurrence has more "
            f"than {MOST_ROWS} rows; hold the parameter constant with dualdiff.stop_gradient"
        )
    return int(count)


def matrix(diagonal: Any, beside: Any) -> Any:
    """Symmetric tridiagonal matrices of shape (..., n, n)."""
    n = diagonal.shape[-1]
    upper = column(np.concatenate([beside, 0 * diagonal[..., :1]], axis=-1)) * np.eye(n, k=1)
    return column(diagonal) * np.eye(n) + upper + np.swapaxes(upper, -1, -2)


def _eigenvector(diagonal: Any, beside: Any, index: int) -> Any:
    """An eigenvector of tridiagonal matrices, whose largest element is 1.

    Its elements keep their relative accuracy: they are products of continued fractions from both
    ends.
    """
    n = diagonal.shape[-1]
    full = matrix(diagonal, beside)
    rough = np.linalg.eigh(unbox(full))[1][..., index]
    top = np.argmax(np.abs(rough), axis=-1)[..., None]
    above, below = np.arange(n - 1) < top, np.arange(n - 1) >= top
    rest = diagonal - column(np.linalg.eigvalsh(full)[..., index])
    # From both ends at once; each loop of traced numbers takes its time.
    rest, beside = (np.stack([a, a[..., ::-1]]) for a in (rest, beside))
    below_each = [rest[..., 0]]
    for i in range(n - 2):
        below_each.append(rest[..., i + 1] - beside[..., i] ** 2 / below_each[-1])
    down, up = -beside / np.stack(below_each, axis=-1)
    left = np.cumprod(np.where(above, down, 1.0)[..., ::-1], axis=-1)[..., ::-1]
    right = np.cumprod(np.where(below, up[..., ::-1], 1.0), axis=-1)
    ends = np.ones(top.shape)
    return np.concatenate([left, ends], axis=-1) * np.concatenate([ends, right], axis=-1)


def _mathieu_bands(even: bool, m: int, q: Value) -> tuple[Any, Any, Any, int]:
    """The multiples of x, the diagonal, the numbers beside it, and the index of the eigenvalue."""
    # Beyond these rows terms fall like those of a Hermite function (DLMF 28.8.3), or faster.
    width = float(np.max(np.abs(unbox(q)), initial=0)) ** 0.25
    count = _rows(m // 2 + 14 + min(2 * width**2, width * (2.0 * abs(m) + 81) ** 0.5))
    start = m % 2 if even or m % 2 else 2
    k = start + 2.0 * np.arange(count)
    corner = 0.0 if m % 2 == 0 else 1.0 if even else -1.0
    beside = np.array([ROOT_2 if start == 0 else 1.0, *np.ones(count - 2)])
    diagonal = k * k + column(q) * np.array([corner, *np.zeros(count - 1)])
    return k, diagonal, column(q) * beside, (m - start) // 2


def _mathieu_terms(even: bool, m: int, q: Value) -> tuple[Any, Any]:
    """The multiples of x, and the normalised Fourier coefficients."""
    k, *bands = _mathieu_bands(even, m, q)
    vector = _eigenvector(*bands)
    size = np.sqrt(np.sum(vector * vector, axis=-1))
    return k, vector / column(size) * np.where(k == 0, 1 / ROOT_2, 1.0)


def _mathieu_value(even: bool) -> Callable[..., Any]:
    def value(m: Any, q: Value) -> Any:
        def one(m: int, chosen: Any) -> Any:
            _, *bands, index = _mathieu_bands(even, m, np.where(chosen, q, 1.0))
            return np.where(chosen, np.linalg.eigvalsh(matrix(*bands))[..., index], 0.0)

        return _by_order(m, one)

    return value


def _mathieu_function(even: bool, derivative: bool) -> Callable[..., Any]:
    """The function, or its derivative by x in radians, by its Fourier series."""
    scipys: Any = special.mathieu_cem if even else special.mathieu_sem

    def value(m: Any, q: Value, x: Value) -> Any:
        def one(m: int, chosen: Any) -> Any:
            q_here, x_here = np.where(chosen, q, 1.0), np.where(chosen, x, 10.0)
            k, *bands, index = _mathieu_bands(even, m, q_here)
            vector = np.linalg.eigh(matrix(*bands))[1][..., :, index]
            terms = vector * np.where(k == 0, 1 / ROOT_2, 1.0)
            angle = column(x_here) * DEGREE * k
            cosine, sine = np.cos(angle), np.sin(angle)
            waves = (cosine, -k * sine) if even else (sine, k * cosine)
            sums = [np.sum(terms * w, axis=-1) for w in waves]
            known = scipys(m, unbox(q_here), unbox(x_here))
            sign = np.sign(sum(unbox(found) * y for found, y in zip(sums, known, strict=True)))
            return np.where(chosen, sign * sums[derivative], 0.0)

        return _by_order(m, one)

    return value


def _radial_mathieu(even: bool, kind: int) -> Callable[..., Any]:
    """The modified function by products of Bessel functions (DLMF 28.24.2 to 28.24.5)."""
    second: Any = special.jv if kind == 1 else special.yv

    def value(m: Any, q: Value, x: Value) -> Any:
        def one(m: int, chosen: Any) -> Any:
            q_here, x_here = np.where(chosen, q, 1.0), np.where(chosen, x, 1.0)
            _, terms = _mathieu_terms(even, m, q_here)
            sizes = np.abs(unbox(terms))
            s = np.argmax(sizes, axis=-1)[..., None]
            first = np.arange(sizes.shape[-1]) == s
            largest = np.sum(np.where(first, terms, 0.0), axis=-1)
            n = np.where(sizes > 1e-25 * np.max(sizes, axis=-1, keepdims=True), 1.0, 0.0)
            order = n * np.arange(sizes.shape[-1])
            low, high = order - s, order + s + (m % 2 if even or m % 2 else 2)
            root = column(np.sqrt(q_here))
            inner, outer = root * np.exp(-column(x_here)), root * np.exp(column(x_here))
            pairs = special.jv(low, inner) * second(high, outer)
            other = special.jv(high, inner) * second(low, outer)
            pairs = pairs + other if even else pairs - other
            total = np.sum(n * (-1.0) ** order * terms * pairs, axis=-1) / largest
            half = np.where((s[..., 0] == 0) & even & (m % 2 == 0), 0.5, 1.0)
            sign = -1.0 if ((m - (0 if even or m % 2 else 2)) // 2) % 2 else 1.0
            return np.where(chosen, sign * half * total, 0.0)

        return _by_order(m, one)

    return value


def mathieu_coefficients(even: bool, m: int, q: Value, known: Any) -> Any:
    """Fourier coefficients as many as, and of the sign of, the known ones."""
    terms = _mathieu_terms(even, m, np.reshape(q, (1,)))[1][0, : len(known)]
    sign = np.sign(np.dot(unbox(terms), known[: len(terms)]))
    return np.concatenate([sign * terms, np.zeros(len(known) - len(terms))])


def _each(functions: Sequence[Callable[..., Any]], *args: Any) -> list[Callable[[], Any]]:
    return [functools.partial(f, *args) for f in functions]


def _mathieu(even: bool) -> None:
    letter, parity = ("a", "c") if even else ("b", "s")
    value: Any = getattr(special, f"mathieu_{letter}")
    by_q = flat(partial(_mathieu_value(even), 1), WAVE_BLOCK)
    functions = (_mathieu_function(even, derivative) for derivative in (False, True))
    function_by_q = [flat(partial(f, 1), WAVE_BLOCK) for f in functions]

    def angular(m: Any, q: Value, x: Value, ans: Any) -> Any:
        return DEGREE * ans[1], DEGREE * (2 * q * np.cos(2 * DEGREE * x) - value(m, q)) * ans[0]

    def radial(m: Any, q: Value, x: Value, ans: Any) -> Any:
        return ans[1], (value(m, q) - 2 * q * np.cosh(2 * x)) * ans[0]

    closed(f"mathieu_{letter}", None, lambda x, y: by_q(x, y))
    several(f"mathieu_{parity}em", None, lambda *at: _each(function_by_q, *at[:3]), angular)
    for kind in (1, 2):
        function = _radial_mathieu(even, kind)
        both = [flat(partial(f, 1), WAVE_BLOCK) for f in (function, partial(function, 2))]

        def radial_by_q(m: Any, q: Value, x: Value, ans: Any, both: Any = both) -> Any:
            return _each(both, m, q, x)

        several(f"mathieu_mod{parity}em{kind}", None, radial_by_q, radial)


_mathieu(True)
_mathieu(False)


def by_degree(m: Any, n: Any, function: Callable[[int, int, Any], Any]) -> Any:
    """The sum of a function of each order and degree, and of the elements that have them."""
    orders = unbox(m) + 1j * unbox(n)
    return sum(function(int(z.real), int(z.imag), orders == z) for z in np.unique(orders))


def _ratio(order: int, j: Any) -> Any:
    """The coefficient between the normalised Legendre functions of degrees j - 1 and j."""
    return np.sqrt((j * j - order * order) / (4 * j * j - 1))


def _spheroidal_bands(sign: float, order: int, degree: int, c: Value) -> tuple[Any, Any, Any, int]:
    """The degrees of normalised Legendre functions, in which ``l (l + 1) + sign c**2 x**2`` is
    tridiagonal; the diagonal, the numbers beside it, and the index of the eigenvalue."""
    count = _rows((degree - order) // 2 + 14 + np.max(np.abs(unbox(c)), initial=0))
    square = sign * column(c) ** 2
    j = order + (degree - order) % 2 + 2.0 * np.arange(count)
    here, above = _ratio(order, j) ** 2, _ratio(order, j + 1)
    beside = square * (above * _ratio(order, j + 2))[:-1]
    return j, j * (j + 1) + square * (here + above**2), beside, (degree - order) // 2


def _spheroidal_value(sign: float) -> Callable[..., Any]:
    def value(m: Any, n: Any, c: Value) -> Any:
        def one(order: int, degree: int, chosen: Any) -> Any:
            c_here = np.where(chosen, c, 1.0)
            _, *bands, index = _spheroidal_bands(sign, order, degree, c_here)
            return np.where(chosen, np.linalg.eigvalsh(matrix(*bands))[..., index], 0.0)

        return by_degree(m, n, one)

    return value


def _legendre_sum(order: int, j: Any, terms: Any, x: Value) -> Any:
    """The sum of terms of the degrees j times normalised associated Legendre functions."""
    below: Any = 0.0
    norm = np.prod(1 + 0.5 / np.arange(1.0, order + 1)) / 2
    here: Any = np.sqrt(norm) * (1 - x * x) ** (order / 2) * (1.0 + 0 * x)
    waves = []
    for degree in range(order, int(j[-1]) + 1):
        if (degree - int(j[0])) % 2 == 0 and degree >= j[0]:
            waves.append(here)
        above = x * here - _ratio(order, float(degree)) * below
        below, here = here, above / _ratio(order, degree + 1.0)
    return np.sum(terms * np.stack(waves, axis=-1), axis=-1)


def _angular(sign: float) -> Callable[..., Any]:
    """Flammer's functions: at 0 they, or their slopes, are those of Legendre functions."""

    def value(m: Any, n: Any, c: Value, x: Value) -> Any:
        def one(order: int, degree: int, chosen: Any) -> Any:
            c_here = np.where(chosen, c, 1.0)
            j, *bands, index = _spheroidal_bands(sign, order, degree, c_here)
            terms = np.linalg.eigh(matrix(*bands))[1][..., :, index]
            single = np.where(j == degree, 1.0, 0.0)
            middle = j, terms, np.array(0.0)
            if (degree - order) % 2:  # the slope at 0 is that of the degree below
                middle = j - 1, terms * (2 * j + 1) * _ratio(order, j), np.array(0.0)
                single = single * (2 * j + 1) * _ratio(order, j)
            norm = np.sqrt(2 / (2 * degree + 1) * special.poch(degree - order + 1, 2 * order))
            at_zero = _legendre_sum(order, *middle)
            scale = norm * _legendre_sum(order, middle[0], single, np.array(0.0)) / at_zero
            found = scale * _legendre_sum(order, j, terms, np.where(chosen, x, 0.5))
            return np.where(chosen, found, 0.0)

        return by_degree(m, n, one)

    return value


def radial(sign: float, bessel: Any) -> Callable[..., Any]:
    """Functions of the kind of the spherical Bessel functions (DLMF 30.11.3)."""

    def value(m: Any, n: Any, c: Value, x: Value) -> Any:
        def one(order: int, degree: int, chosen: Any) -> Any:
            c_here, x_here = np.where(chosen, c, 1.0), np.where(chosen, x, 2.0)
            j, *bands = _spheroidal_bands(sign, order, degree, c_here)
            terms = _eigenvector(*bands)
            weights = np.sqrt((2 * j + 1) * special.poch(j - order + 1, 2 * order)) * terms
            turn = (-1.0) ** ((j - degree) // 2)
            waves = bessel(j.astype(int), column(c_here * x_here))
            total = np.sum(weights * turn * waves, axis=-1) / np.sum(weights, axis=-1)
            front = (1 - sign / (x_here * x_here)) ** (order / 2)
            return np.where(chosen, front * total, 0.0)

        return by_degree(m, n, one)

    return value


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
    by_c = flat(partial(_spheroidal_value(sign), 2), WAVE_BLOCK)

    def value_by_c(x: Any, y: Any, z: Value) -> Any:
        positive(kind, z)
        return by_c(x, y, z)

    closed(f"{kind}_cv", None, None, value_by_c)

    for part in ("ang1", "rad1"):
        slope = oblate_radial_slope if kind == "obl" and part != "ang1" else prolate_slope

        function = _angular(sign) if part == "ang1" else radial(sign, find("_spherical_jn"))
        both = [flat(partial(f, 2), WAVE_BLOCK) for f in (function, partial(function, 3))]

        def function_by_c(m: Any, n: Any, c: Value, x: Value, ans: Any, both: Any = both) -> Any:
            positive(kind, c)
            return _each(both, m, n, c, x)

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
