"""Sequences of functions of all degrees up to one, which SciPy computes by compiled code.

On plain numbers they are SciPy's; on traced ones rows of functions that have rules.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.batch import dtype_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.creation import given
from .kinds import declared
from .known import integer_error, jump
from .mathieu import mathieu_coefficients

BEYOND = 1e300  # SciPy's values for numbers that it cannot form


def _given(out: Value, known: Any) -> Any:
    """SciPy's values; they have no derivative where they stand for infinity."""
    beyond = np.abs(known) >= BEYOND
    return given(out + np.where(beyond, jump(out), 0.0) if np.any(beyond) else out, known)


def _sequence(integers: int) -> Any:
    """Declare SciPy's function of the same name by its rows; its first arguments are integers.

    SciPy checks the arguments, and its value counts.
    """

    def declare(rows: Callable[..., Any]) -> Callable[..., Any]:
        name = rows.__name__
        scipys: Any = getattr(special, name)

        @functools.wraps(rows)
        def called(*args: Any, **named: Any) -> Any:
            args = inspect.signature(rows).bind(*args, **named).args
            if not any(map(is_box, args)):
                return scipys(*args)
            for i in range(integers):
                if is_box(args[i]):
                    raise integer_error(f"scipy.special.{name}", i)
            known, out = scipys(*map(unbox, args)), rows(*args)
            return tuple(map(_given, out, known)) if isinstance(out, tuple) else _given(out, known)

        return called

    return declare


@_sequence(2)
def pro_cv_seq(m: int, n: int, c: Value) -> Any:
    """``scipy.special.pro_cv_seq``: characteristic values of the degrees from m to n."""
    return np.stack([special.pro_cv(m, degree, c) for degree in range(int(m), int(n) + 1)])


@_sequence(2)
def obl_cv_seq(m: int, n: int, c: Value) -> Any:
    """``scipy.special.obl_cv_seq``: characteristic values of the degrees from m to n."""
    return np.stack([special.obl_cv(m, degree, c) for degree in range(int(m), int(n) + 1)])


def _riccati(spherical: Any, n: int, x: Value) -> tuple[Any, Any]:
    orders = range(max(int(n), 0) + 1)
    values = [spherical(k, x) for k in orders]
    slopes = [f + x * spherical(k, x, True) for k, f in zip(orders, values, strict=True)]
    return np.stack([x * f for f in values]), np.stack(slopes)


@_sequence(1)
def riccati_jn(n: int, x: Value) -> tuple[Any, Any]:
    """``scipy.special.riccati_jn``: ``x j_k(x)`` and its derivative for k from 0 to n."""
    return _riccati(special.spherical_jn, n, x)


@_sequence(1)
def riccati_yn(n: int, x: Value) -> tuple[Any, Any]:
    """``scipy.special.riccati_yn``: ``x y_k(x)`` and its derivative for k from 0 to n."""
    return _riccati(special.spherical_yn, n, x)


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


@_sequence(1)
def lqn(n: int, z: Value) -> tuple[Any, Any]:
    """``scipy.special.lqn``: Legendre functions of the second kind of the degrees 0 to n."""
    degrees = np.reshape(np.arange(int(n) + 1), (-1,) + (1,) * z.ndim)
    value, slope = (f(0, degrees, z) for f in _lqn)
    return value, slope


@_sequence(2)
def lqmn(m: int, n: int, z: Value) -> tuple[Any, Any]:
    """``scipy.special.lqmn``: the same of the orders 0 to m and the degrees 0 to n."""
    orders = np.reshape(np.arange(int(m) + 1), (-1, 1) + (1,) * z.ndim)
    degrees = np.reshape(np.arange(int(n) + 1), (-1,) + (1,) * z.ndim)
    value, slope = (f(orders, degrees, z) for f in _lqmn)
    return value, slope


@_sequence(0)
def lmbda(v: Value, x: Value) -> tuple[Any, Any]:
    """``scipy.special.lmbda``: Jahnke and Emde's functions, Bessel functions over a power.

    They are ``0F1(v + 1; -x**2/4)`` (DLMF 10.16.9).
    """
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


@_sequence(0)
def pbdv_seq(v: Value, x: Value) -> tuple[Any, Any]:
    """``scipy.special.pbdv_seq``: parabolic cylinder functions D of the orders up to v >= 0."""
    return _parabolic("pbdv_seq", special.pbdv, v, x)


@_sequence(0)
def pbvv_seq(v: Value, x: Value) -> tuple[Any, Any]:
    """``scipy.special.pbvv_seq``: parabolic cylinder functions V of the orders up to v >= 0."""
    return _parabolic("pbvv_seq", special.pbvv, v, x)


@_sequence(1)
def pbdn_seq(n: int, z: Value) -> tuple[Any, Any]:
    """``scipy.special.pbdn_seq``: parabolic cylinder functions D of the degrees 0 to n >= 0.

    They are differentiated in real z: in complex z SciPy has ``|z|**2`` for ``z**2``.
    """
    if dtype_of(z).kind == "c":
        raise UnsupportedInputError(
            f"scipy.special.pbdn_seq is wrong for complex z, {user_line()}: use exp(-z**2/4) times "
            f"Hermite polynomials"
        )
    value, slope = _parabolic("pbdn_seq", special.pbdv, n, z)
    return value + 0j, slope + 0j


@_sequence(1)
def mathieu_even_coef(m: int, q: Value) -> Any:
    """``scipy.special.mathieu_even_coef``: Fourier coefficients of even Mathieu functions."""
    return mathieu_coefficients(True, m, q, special.mathieu_even_coef(m, unbox(q)))


@_sequence(1)
def mathieu_odd_coef(m: int, q: Value) -> Any:
    """``scipy.special.mathieu_odd_coef``: Fourier coefficients of odd Mathieu functions."""
    return mathieu_coefficients(False, m, q, special.mathieu_odd_coef(m, unbox(q)))
