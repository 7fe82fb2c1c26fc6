"""Mathieu and spheroidal wave functions, by their differential equations and recurrences.

Characteristic values and Mathieu functions in their parameter are those of matrices of recurrence
relations (DLMF 28.4, 30.8); in x the functions follow the differential equation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from .kinds import closed, column, flat, partial, several

DEGREE = np.pi / 180
ROOT_2 = 2**0.5


def _by_order(order: Any, function: Callable[[int, Any], Any]) -> Any:
    """The sum of a function of each order, and of the elements that have it."""
    orders = np.asarray(unbox(order))
    return sum(function(int(m), orders == m) for m in np.unique(orders))


def _tridiagonal(diagonal: Any, q: Value, first: float, corner: float) -> Any:
    """Matrices of shape (..., terms, terms), symmetric."""
    n = len(diagonal)
    beside = np.diag([first, *np.ones(n - 2)], 1)
    slope = beside + beside.T
    slope[0, 0] = corner
    return np.diag(diagonal) + column(column(q)) * slope


def _mathieu_terms(even: bool, m: int, q: Value) -> tuple[Any, Any, int]:
    """The multiples of x, the matrices, and the index of the characteristic value."""
    count = m // 2 + 24 + int(2 * np.sqrt(np.max(np.abs(unbox(q)), initial=0)))
    start = m % 2 if even or m % 2 else 2
    k = start + 2.0 * np.arange(count)
    corner = 0.0 if m % 2 == 0 else 1.0 if even else -1.0
    first = ROOT_2 if start == 0 else 1.0
    return k, _tridiagonal(k * k, q, first, corner), (m - start) // 2


def _mathieu_value(even: bool) -> Callable[..., Any]:
    def value(m: Any, q: Value) -> Any:
        def one(m: int, chosen: Any) -> Any:
            _, matrix, index = _mathieu_terms(even, m, np.where(chosen, q, 1.0))
            return np.where(chosen, np.linalg.eigvalsh(matrix)[..., index], 0.0)

        return _by_order(m, one)

    return value


def _mathieu_function(even: bool, derivative: bool) -> Callable[..., Any]:
    """The function, or its derivative by x in radians, by its Fourier series."""
    scipys: Any = special.mathieu_cem if even else special.mathieu_sem

    def value(m: Any, q: Value, x: Value) -> Any:
        def one(m: int, chosen: Any) -> Any:
            q_here, x_here = np.where(chosen, q, 1.0), np.where(chosen, x, 10.0)
            k, matrix, index = _mathieu_terms(even, m, q_here)
            terms = np.linalg.eigh(matrix)[1][..., :, index] * np.where(k == 0, 1 / ROOT_2, 1.0)
            angle = column(x_here) * DEGREE * k
            cosine, sine = np.cos(angle), np.sin(angle)
            waves = (cosine, -k * sine) if even else (sine, k * cosine)
            sums = [np.sum(terms * w, axis=-1) for w in waves]
            known = scipys(m, unbox(q_here), unbox(x_here))
            sign = np.sign(sum(unbox(found) * y for found, y in zip(sums, known, strict=True)))
            return np.where(chosen, sign * sums[derivative], 0.0)

        return _by_order(m, one)

    return value


def _mathieu(even: bool) -> None:
    letter, parity = ("a", "c") if even else ("b", "s")
    value: Any = getattr(special, f"mathieu_{letter}")
    by_q = flat(partial(_mathieu_value(even), 1))
    function_by_q = [flat(partial(_mathieu_function(even, d), 1)) for d in (False, True)]

    def angular(m: Any, q: Value, x: Value, ans: Any) -> Any:
        return DEGREE * ans[1], DEGREE * (2 * q * np.cos(2 * DEGREE * x) - value(m, q)) * ans[0]

    def radial(m: Any, q: Value, x: Value, ans: Any) -> Any:
        return ans[1], (value(m, q) - 2 * q * np.cosh(2 * x)) * ans[0]

    closed(f"mathieu_{letter}", None, lambda x, y: by_q(x, y))
    several(f"mathieu_{parity}em", None, lambda *at: [f(*at[:3]) for f in function_by_q], angular)
    for kind in (1, 2):
        several(f"mathieu_mod{parity}em{kind}", None, None, radial)


_mathieu(True)
_mathieu(False)


def _spheroidal_value(sign: float) -> Callable[..., Any]:
    """``l (l + 1) + sign c**2 x**2`` in normalised Legendre functions of one parity."""

    def value(m: Any, n: Any, c: Value) -> Any:
        orders = unbox(m) + 1j * unbox(n)

        def one(order: int, degree: int, chosen: Any) -> Any:
            count = (degree - order) // 2 + 24 + int(np.max(np.abs(unbox(c)), initial=0))
            square = column(column(np.where(chosen, c, 1.0) ** 2))
            j = order + (degree - order) % 2 + 2.0 * np.arange(count)
            up = [((i * i - order * order) / (4 * i * i - 1)) for i in (j, j + 1, j + 2)]
            beside = np.diag(np.sqrt(up[1] * up[2])[:-1], 1)
            matrix = np.diag(j * (j + 1)) + sign * square * (
                np.diag(up[0] + up[1]) + beside + beside.T
            )
            found = np.linalg.eigvalsh(matrix)[..., (degree - order) // 2]
            return np.where(chosen, found, 0.0)

        return sum(one(int(z.real), int(z.imag), orders == z) for z in np.unique(orders))

    return value


def _spheroidal(kind: str, sign: float) -> None:
    value: Any = getattr(special, f"{kind}_cv")
    by_c = flat(partial(_spheroidal_value(sign), 2))
    closed(f"{kind}_cv", None, None, lambda x, y, z: by_c(x, y, z))

    def curve(m: Any, c: Value, cv: Value, x: Value, ans: Any) -> Any:
        """The derivatives of y and y' (DLMF 30.2.1, at i x for oblate radial functions)."""
        rest = 1 - x * x
        return ans[1], (2 * x * ans[1] - (cv - sign * c * c * x * x - m * m / rest) * ans[0]) / rest

    def oblate_radial(m: Any, c: Value, cv: Value, x: Value, ans: Any) -> Any:
        rest = 1 + x * x
        return ans[1], ((cv - c * c * x * x - m * m / rest) * ans[0] - 2 * x * ans[1]) / rest

    for part in ("ang1", "rad1"):  # SciPy's values of the second kind solve no such equation
        slope = oblate_radial if kind == "obl" and part != "ang1" else curve

        def by_x(m: Any, n: Any, c: Value, x: Value, ans: Any, slope: Any = slope) -> Any:
            return slope(m, c, value(m, n, c), x, ans)

        def by_x_of(
            m: Any, n: Any, c: Value, cv: Value, x: Value, ans: Any, slope: Any = slope
        ) -> Any:
            if not np.allclose(unbox(cv), value(m, n, unbox(c)), rtol=1e-9, equal_nan=True):
                raise UnsupportedInputError(
                    f"spheroidal functions have a derivative where cv is scipy.special.{kind}_cv"
                    f"(m, n, c), {user_line()}"
                )
            return slope(m, c, cv, x, ans)

        several(f"{kind}_{part}", None, None, None, by_x)
        several(f"{kind}_{part}_cv", None, None, None, None, by_x_of)


_spheroidal("pro", 1.0)
_spheroidal("obl", -1.0)


# Sequences in the degree, which SciPy computes by compiled code.
def pro_cv_seq(m: int, n: int, c: Value) -> Any:
    """``scipy.special.pro_cv_seq``: characteristic values of the degrees from m to n."""
    if not is_box(c):
        return special.pro_cv_seq(m, n, c)
    return np.stack([special.pro_cv(m, degree, c) for degree in range(int(m), int(n) + 1)])


def obl_cv_seq(m: int, n: int, c: Value) -> Any:
    """``scipy.special.obl_cv_seq``: characteristic values of the degrees from m to n."""
    if not is_box(c):
        return special.obl_cv_seq(m, n, c)
    return np.stack([special.obl_cv(m, degree, c) for degree in range(int(m), int(n) + 1)])


def _riccati(spherical: Any, n: int, x: Value) -> tuple[Any, Any]:
    orders = range(max(int(n), 0) + 1)
    values = [spherical(k, x) for k in orders]
    slopes = [f + x * spherical(k, x, True) for k, f in zip(orders, values, strict=True)]
    return np.stack([x * f for f in values]), np.stack(slopes)


def riccati_jn(n: int, x: Value) -> tuple[Any, Any]:
    """``scipy.special.riccati_jn``: ``x j_k(x)`` and its derivative for k from 0 to n."""
    return _riccati(special.spherical_jn, n, x) if is_box(x) else special.riccati_jn(n, x)


def riccati_yn(n: int, x: Value) -> tuple[Any, Any]:
    """``scipy.special.riccati_yn``: ``x y_k(x)`` and its derivative for k from 0 to n."""
    return _riccati(special.spherical_yn, n, x) if is_box(x) else special.riccati_yn(n, x)
