"""Sequences of functions of all degrees up to one, which SciPy computes by compiled code.

On plain numbers they are SciPy's; on traced ones rows of functions that have rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.batch import dtype_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from .kinds import declared
from .waves import mathieu_coefficients


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


# Legendre functions of the second kind, whose equation is DLMF 14.2.2.
def _second_kind(name: str, table: Callable[[int, int, Any], Any]) -> tuple[Any, Any]:
    """The function and its derivative, of orders, degrees and arguments."""

    def values(which: int) -> Any:
        def of(m: Any, n: Any, z: Value) -> Any:
            m, n, z = np.broadcast_arrays(m, n, z)
            points, index = np.unique(z, return_inverse=True)
            if not len(points):
                return np.zeros(z.shape)
            tables = np.array([table(np.max(m), np.max(n), t)[which] for t in points])
            return tables[np.reshape(index, z.shape), m, n][()]

        return of

    def bend(x: Any, y: Any, z: Value) -> Any:
        rest = 1 - z * z
        return (2 * z * slope(x, y, z) - (y * (y + 1) - x * x / rest) * value(x, y, z)) / rest

    value = declared(values(0), None, None, lambda x, y, z: slope(x, y, z), name=f"special.{name}")
    slope = declared(values(1), None, None, bend, name=f"special.{name}'")
    return value, slope


_lqn = _second_kind("lqn", lambda m, n, z: np.array(special.lqn(n, z))[:, None])
_lqmn = _second_kind("lqmn", lambda m, n, z: special.lqmn(m, n, z))


def lqn(n: int, z: Value) -> tuple[Any, Any]:
    """``scipy.special.lqn``: Legendre functions of the second kind of the degrees 0 to n."""
    if not is_box(z):
        return special.lqn(n, z)
    degrees = np.reshape(np.arange(int(n) + 1), (-1,) + (1,) * z.ndim)
    value, slope = (f(0, degrees, z) for f in _lqn)
    return value, slope


def lqmn(m: int, n: int, z: Value) -> tuple[Any, Any]:
    """``scipy.special.lqmn``: the same of the orders 0 to m and the degrees 0 to n."""
    if not is_box(z):
        return special.lqmn(m, n, z)
    orders = np.reshape(np.arange(int(m) + 1), (-1, 1) + (1,) * z.ndim)
    degrees = np.reshape(np.arange(int(n) + 1), (-1,) + (1,) * z.ndim)
    value, slope = (f(orders, degrees, z) for f in _lqmn)
    return value, slope


def lmbda(v: Value, x: Value) -> tuple[Any, Any]:
    """``scipy.special.lmbda``: Jahnke and Emde's functions, Bessel functions over a power.

    They are ``0F1(v + 1; -x**2/4)`` (DLMF 10.16.9).
    """
    if not (is_box(v) or is_box(x)):
        return special.lmbda(v, x)
    special.lmbda(unbox(v), unbox(x))  # SciPy checks the arguments
    count = max(int(unbox(v)), 0)
    orders = v - count + np.arange(count + 1.0)
    z = -x * x / 4
    return special.hyp0f1(orders + 1, z), -x / (2 * (orders + 1)) * special.hyp0f1(orders + 2, z)


def _parabolic(name: str, function: Any, v: Any, x: Value) -> tuple[Any, Any]:
    n = int(unbox(v))
    if unbox(v) < 0:
        raise UnsupportedInputError(
            f"scipy.special.{name} is differentiated for orders from 0 on, {user_line()}; for "
            f"others use scipy.special.pb{name[2]}v"
        )
    value, slope = function(v - n + np.arange(max(n, 1) + 1.0), x)
    return value, slope


def pbdv_seq(v: Value, x: Value) -> tuple[Any, Any]:
    """``scipy.special.pbdv_seq``: parabolic cylinder functions D of the orders up to v >= 0."""
    if not (is_box(v) or is_box(x)):
        return special.pbdv_seq(v, x)
    return _parabolic("pbdv_seq", special.pbdv, v, x)


def pbvv_seq(v: Value, x: Value) -> tuple[Any, Any]:
    """``scipy.special.pbvv_seq``: parabolic cylinder functions V of the orders up to v >= 0."""
    if not (is_box(v) or is_box(x)):
        return special.pbvv_seq(v, x)
    return _parabolic("pbvv_seq", special.pbvv, v, x)


def pbdn_seq(n: int, z: Value) -> tuple[Any, Any]:
    """``scipy.special.pbdn_seq``: parabolic cylinder functions D of the degrees 0 to n >= 0.

    They are differentiated in real z: in complex z SciPy has ``|z|**2`` for ``z**2``.
    """
    if not is_box(z):
        return special.pbdn_seq(n, z)
    if dtype_of(z).kind == "c":
        raise UnsupportedInputError(
            f"scipy.special.pbdn_seq is wrong for complex z, {user_line()}: use exp(-z**2/4) times "
            f"Hermite polynomials"
        )
    value, slope = _parabolic("pbdn_seq", special.pbdv, n, z)
    return value + 0j, slope + 0j


def mathieu_even_coef(m: int, q: Value) -> Any:
    """``scipy.special.mathieu_even_coef``: Fourier coefficients of even Mathieu functions."""
    if not is_box(q):
        return special.mathieu_even_coef(m, q)
    return mathieu_coefficients(True, m, q, special.mathieu_even_coef(m, unbox(q)))


def mathieu_odd_coef(m: int, q: Value) -> Any:
    """``scipy.special.mathieu_odd_coef``: Fourier coefficients of odd Mathieu functions."""
    if not is_box(q):
        return special.mathieu_odd_coef(m, q)
    return mathieu_coefficients(False, m, q, special.mathieu_odd_coef(m, unbox(q)))
