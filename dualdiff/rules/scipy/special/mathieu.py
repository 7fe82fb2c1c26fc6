"""Mathieu functions, by their differential equation and their Fourier coefficients.

In their parameter, characteristic values and functions are those of matrices of recurrence
relations (DLMF 28.4); in x the functions follow the differential equation (DLMF 28.2.1, 28.20.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from .kinds import closed, column, flat, lost, several
from .waves import WAVE_BLOCK, by_order, dot, mode, rows, tridiagonal

DEGREE = np.pi / 180
ROOT_2 = 2**0.5
SMALL = 1e-25  # coefficients beside the largest one that do not count
SAFE = 10.0  # from q = 15 on SciPy's search may find the characteristic value of another order
BEYOND = 1e300  # SciPy's values for numbers that it cannot form


def _start(even: bool, m: int) -> int:
    """The least multiple of x."""
    return m % 2 if even or m % 2 else 2


def _matrix(even: bool, m: int, q: Value) -> tuple[Any, Any, Any, Any]:
    """The multiples of x, the matrix at q = 0, its derivative, and factors of an eigenvector."""
    # Beyond these rows terms fall like those of a Hermite function (DLMF 28.8.3), or faster.
    width = float(np.max(np.abs(unbox(q)), initial=0)) ** 0.25
    count = rows(m // 2 + 14 + min(2 * width**2, width * (2.0 * abs(m) + 81) ** 0.5))
    start = _start(even, m)
    k = start + 2.0 * np.arange(count)
    corner, beside, share = np.zeros(count), np.ones(count - 1), np.ones(count)
    corner[0] = 0.0 if m % 2 == 0 else 1.0 if even else -1.0
    if start == 0:
        beside[0], share[0] = ROOT_2, 1 / ROOT_2
    return k, tridiagonal(k * k, 0.0), tridiagonal(corner, beside), share


def _modes(even: bool, m: Any, q: Value) -> tuple[int, Any, Any, Any, Any]:
    """Multiples of x, the Fourier coefficients up to a factor, and derivatives.

    Returns: the order, the multiples, the derivative of the eigenvalue, the coefficients, and
    their derivatives.
    """
    m = rows(m)
    k, base, change, share = _matrix(even, m, q)
    vector, value_slope, slope = mode(q, base, change, (m - _start(even, m)) // 2)
    return m, k, value_slope, vector * share, slope * share


def _normal(k: Any, terms: Any, slopes: Any) -> tuple[Any, Any]:
    """Normalised coefficients (DLMF 28.4.9 to 28.4.12), and their derivatives."""
    doubled = np.where(k == 0, 2.0, 1.0)
    square = column(dot(doubled * terms, terms))
    part = column(dot(doubled * terms, slopes)) / square
    size = np.sqrt(square)
    return terms / size, (slopes - part * terms) / size


def _value_slope(even: bool) -> Callable[..., Any]:
    def by_q(m: Any, q: Value) -> Any:
        return _modes(even, m, q)[2]

    return by_q


def _function_slope(even: bool) -> Callable[..., Any]:
    """The derivatives of the function and of its derivative by x, which have SciPy's sign."""

    def by_q(m: Any, q: Value, x: Value, value: Any, slope: Any) -> Any:
        _, k, _, *found = _modes(even, m, q)
        terms, slopes = _normal(k, *found)
        angle = column(x) * (DEGREE * k)
        cosine, sine = np.cos(angle), np.sin(angle)
        waves = (cosine, -k * sine) if even else (sine, k * cosine)
        ours = (unbox(dot(terms, w)) * y for w, y in zip(waves, (value, slope), strict=True))
        return np.sign(unbox(sum(ours))) * np.stack([dot(slopes, w) for w in waves])

    return by_q


def _radial_slope(even: bool, kind: int) -> Callable[..., Any]:
    """The derivatives of the modified function and of its derivative by x.

    They are sums of products of Bessel functions (DLMF 28.24.2 to 28.24.5).
    """
    second: Any = special.jv if kind == 1 else special.yv

    def by_q(m: Any, q: Value, x: Value) -> Any:
        m, _, _, terms, slopes = _modes(even, m, q)
        gap = _start(even, m)
        parity = 1.0 if even else -1.0
        front = -1.0 if ((m - (0 if even or m % 2 else 2)) // 2) % 2 else 1.0

        def sums(s: int, q: Value, x: Value, terms: Any, slopes: Any) -> Any:
            """By the largest term s, beside which the products keep their digits."""
            terms, slopes = terms.T, slopes.T
            ratio = terms / terms[..., s, None]
            ratio_slope = (slopes - ratio * slopes[..., s, None]) / terms[..., s, None]
            counts = np.abs(unbox(ratio)) > SMALL
            last = counts.shape[-1] - 1 - np.argmax(counts[..., ::-1], axis=-1)
            n = np.arange(np.max(last) + 1)
            signs = np.where(counts[..., : len(n)], (-1.0) ** n, 0.0)
            weights, weight_slopes = (signs * a[..., : len(n)] for a in (ratio, ratio_slope))
            # Of the orders n - s and n + s + gap, and of their neighbours. Beyond the terms that
            # count, functions of the second kind grow without bound.
            k = np.arange(-s - 1.0, len(n) + s + gap + 1)
            orders = np.minimum(np.abs(k), column(last) + s + gap + 1)
            turn = np.where((k < 0) & (k % 2 == 1), -1.0, 1.0)
            root = np.sqrt(q)
            inner, outer = column(root * np.exp(-x)), column(root * np.exp(x))
            near, far = turn * special.jv(orders, inner), turn * second(orders, outer)
            low, high = slice(len(n)), slice(2 * s + gap, None)
            # Each with its derivative by the logarithm of the argument.
            near_slope = inner / 2 * (near[..., :-2] - near[..., 2:])
            far_slope = outer / 2 * (far[..., :-2] - far[..., 2:])
            near, far = near[..., 1:-1], far[..., 1:-1]
            a, b, da, db = (y[..., low] for y in (near, far, near_slope, far_slope))
            c, d, dc, dd = (y[..., high] for y in (near, far, near_slope, far_slope))
            c, dc = parity * c, parity * dc
            first, other = a * d, c * b
            by_inner, by_outer = da * d + dc * b, a * dd + c * db
            # Bessel's equation gives second derivatives.
            apart = (2 * n + gap) * (2 * s + gap) * (first - other)
            curve = apart - (outer * outer - inner * inner) * (first + other)
            by_q = dot(weight_slopes, first + other) + dot(weights, by_inner + by_outer) / (2 * q)
            by_both = dot(weight_slopes, by_outer - by_inner) + dot(weights, curve) / (2 * q)
            half = 0.5 if s == 0 and gap == 0 else 1.0
            return front * half * np.stack([by_q, by_both])

        largest = np.argmax(np.abs(unbox(terms)), axis=-1)
        return by_order(largest, sums, q, x, terms.T, slopes.T)

    return by_q


def _of_its_order(even: bool) -> Callable[..., None]:
    scipys: Any = special.mathieu_a if even else special.mathieu_b

    def exact(m: Any, q: Any) -> Any:
        m = rows(m)
        _, base, change, _ = _matrix(even, m, q)
        return np.linalg.eigvalsh(base + column(column(q)) * change)[
            ..., (m - _start(even, m)) // 2
        ]

    exact_values = _of_each_order(exact)

    def check(m: Any, q: Value) -> None:
        """Raise an error where SciPy's function is that of another order."""
        orders, q = np.broadcast_arrays(unbox(m), unbox(q))
        large = np.abs(q) > SAFE
        if not large.any():
            return
        pairs = np.unique(np.stack([orders[large], q[large]]), axis=-1)
        wrong = ~np.isclose(exact_values(*pairs), scipys(*pairs), rtol=1e-6, atol=1e-6)
        if wrong.any():
            order, parameter = pairs[:, wrong][:, 0]
            raise UnsupportedInputError(
                f"Mathieu functions of order {order:g} have no derivative at q = {parameter:g}, "
                f"{user_line()}: SciPy's characteristic value is that of another order there, and "
                f"so are its functions"
            )

    return check


def _where_known(slope: Any, ans: Any) -> Any:
    """NaN where a value is a number that stands for infinity."""
    unknown = np.logical_or(*(np.abs(unbox(a)) >= BEYOND for a in ans))
    return slope + lost(unknown, *ans) if np.any(unknown) else slope


def mathieu_coefficients(even: bool, m: int, q: Value, known: Any) -> Any:
    """Fourier coefficients as many as, and of the sign of, the known ones."""
    _of_its_order(even)(m, q)
    _, k, _, *found = _modes(even, m, np.reshape(q, ()))
    terms = _normal(k, *found)[0][: len(known)]
    sign = np.sign(np.dot(unbox(terms), known[: len(terms)]))
    return np.concatenate([sign * terms, np.zeros(len(known) - len(terms))])


def _of_each_order(function: Callable[..., Any], *front: int) -> Callable[..., Any]:
    def whole(m: Any, *args: Value) -> Any:
        return by_order(m, function, *args)

    return flat(whole, WAVE_BLOCK, front=front)


def _mathieu(even: bool) -> None:
    letter, parity = ("a", "c") if even else ("b", "s")
    value: Any = getattr(special, f"mathieu_{letter}")
    check = _of_its_order(even)
    value_by_q = _of_each_order(_value_slope(even))
    function_by_q = _of_each_order(_function_slope(even), 2)

    def angular_by_q(m: Any, q: Value, x: Value, ans: Any) -> Any:
        check(m, q)
        return list(function_by_q(m, q, x, *map(unbox, ans)))

    def angular(m: Any, q: Value, x: Value, ans: Any) -> Any:
        check(m, q)
        return DEGREE * ans[1], DEGREE * (2 * q * np.cos(2 * DEGREE * x) - value(m, q)) * ans[0]

    def radial(m: Any, q: Value, x: Value, ans: Any) -> Any:
        check(m, q)
        bend = (value(m, q) - 2 * q * np.cosh(2 * x)) * ans[0]
        return [_where_known(slope, ans) for slope in (ans[1], bend)]

    closed(f"mathieu_{letter}", None, lambda x, y: value_by_q(x, y))
    several(f"mathieu_{parity}em", None, angular_by_q, angular)
    for kind in (1, 2):
        both = _of_each_order(_radial_slope(even, kind), 2)

        def radial_by_q(m: Any, q: Value, x: Value, ans: Any, both: Any = both) -> Any:
            check(m, q)
            return [_where_known(slope, ans) for slope in both(m, q, x)]

        several(f"mathieu_mod{parity}em{kind}", None, radial_by_q, radial)


_mathieu(True)
_mathieu(False)
