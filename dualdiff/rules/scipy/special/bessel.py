"""Bessel functions in their argument and order, Hankel functions, scaled ones (DLMF 10).

Derivatives in the argument are recurrences (10.6.1, 10.29.1); where scaled functions are large or
small powers of a large argument, the series 10.40.1 and 10.40.2 differentiated term by term.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....array.dispatch import find_function, register
from ....core.batch import dtype_of
from ....core.types import Value
from .bessel_orders import ive_order, jv_order, kve_order, yv_order
from .kinds import closed, declared, level_far_out, signed, where

ROOT_I = 0.3989422804014327  # 1 / sqrt(2 pi)
ROOT_K = 1.2533141373155003  # sqrt(pi / 2)
FAR = 60.0


def _half_difference(function: Any, x: Value, y: Value) -> Any:
    return 0.5 * (function(x - 1, y) - function(x + 1, y))


def _half_sum(function: Any, x: Value, y: Value) -> Any:
    return 0.5 * (function(x - 1, y) + function(x + 1, y))


def _far_slope(order: Any, x: Value, sign: int) -> Any:
    """The derivative of ``sum(-sign**k a_k / x**k) / sqrt(x)``, for x > 0 (DLMF 10.40)."""
    term: Any = 1.0
    total: Any = 0.5
    for k in range(1, 16):
        term = term * (-sign) * (4 * order * order - (2 * k - 1) ** 2) / (k * 8 * x)
        total = total + term * (k + 0.5)
    return -(ROOT_I if sign > 0 else ROOT_K) * total / (x * np.sqrt(x))


def _scaled(near: Callable[..., Any], sign: int) -> Callable[..., Any]:
    """The derivative of a scaled function: `near` at moderate arguments, else the series."""

    def slope(order: Any, x: Value, ans: Value) -> Any:
        if dtype_of(x).kind == "c":
            return near(order, x, ans)
        size = np.abs(unbox(x))
        if not np.max(size, initial=0.0) > FAR:
            return near(order, x, ans)
        far = (size > FAR) & (4 * unbox(order) ** 2 < size) & ((sign > 0) | (unbox(x) > 0))

        def series(order: Any, x: Value, ans: Value) -> Any:
            parity = np.where(unbox(x) < 0, np.cos(np.pi * (unbox(order) + 1)), 1.0)
            return parity * _far_slope(order, np.abs(x), sign)

        return where(far, series, near, order, x, ans)

    return slope


def _i1e_near(order: Any, x: Value, ans: Value) -> Any:
    """The quotient costs less, but its derivative would cancel near 0."""
    if is_box(x) or is_box(ans):
        return 0.5 * (special.i0e(x) + _second(special.ive, x)) - signed(x) * ans
    tiny = np.abs(x) < 1e-300
    return special.i0e(x) - signed(x) * ans - np.where(tiny, 0.5, ans / np.where(tiny, 1, x))


def _second(function: Any, x: Value) -> Any:
    """I of order 2, which SciPy does not know for the smallest numbers."""
    tiny = np.abs(unbox(x)) < 1e-160
    return function(2, np.where(tiny, 0.0, x) if np.any(tiny) else x)


_i0e_dx = _scaled(lambda n, x, ans: special.i1e(x) - signed(x) * ans, 1)
_i1e_dx = _scaled(_i1e_near, 1)
_k0e_dx = _scaled(lambda n, x, ans: ans - special.k1e(x), -1)
_k1e_dx = _scaled(lambda n, x, ans: ans - special.k0e(x) - ans / x, -1)


_ive_dx = _scaled(lambda n, x, ans: _half_sum(special.ive, n, x) - signed(x) * ans, 1)
_kve_dx = _scaled(lambda n, x, ans: ans - _half_sum(special.kve, n, x), -1)


def _order(n: float, x: Value) -> Any:
    return np.broadcast_to(n, np.shape(unbox(x)))


closed("j0", lambda x: level_far_out(lambda x: -special.j1(x), x))
closed("j1", lambda x: level_far_out(lambda x: 0.5 * (special.j0(x) - special.jv(2, x)), x))
closed("y0", lambda x: -special.y1(x))
closed("y1", lambda x: 0.5 * (special.y0(x) - special.yv(2, x)))
closed("i0", lambda x: special.i1(x))
closed("i1", lambda x: 0.5 * (special.i0(x) + _second(special.iv, x)))
closed("k0", lambda x: -special.k1(x))
closed("k1", lambda x: -0.5 * (special.k0(x) + special.kv(2, x)))
closed("i0e", lambda x, ans: _i0e_dx(_order(0.0, x), x, ans))
closed("i1e", lambda x, ans: _i1e_dx(_order(1.0, x), x, ans))
closed("k0e", lambda x, ans: _k0e_dx(_order(0.0, x), x, ans))
closed("k1e", lambda x, ans: _k1e_dx(_order(1.0, x), x, ans))

closed("jv", lambda x, y: jv_order(x, y), lambda x, y: _half_difference(special.jv, x, y))
closed("yv", lambda x, y: yv_order(x, y), lambda x, y: _half_difference(special.yv, x, y))
closed("yn", None, lambda x, y: _half_difference(special.yv, np.trunc(unbox(x)), y))
closed(
    "iv",
    lambda x, y: ive_order(x, y) * np.exp(y),
    lambda x, y: _half_sum(special.iv, x, y),
)
closed(
    "kv",
    lambda x, y: kve_order(x, y) * np.exp(-y),
    lambda x, y: -_half_sum(special.kv, x, y),
)
closed("kn", None, lambda x, y: -_half_sum(special.kv, np.trunc(unbox(x)), y))
closed("ive", lambda x, y: ive_order(x, np.abs(y)), lambda x, y, ans: _ive_dx(x, y, ans))
closed("kve", lambda x, y: kve_order(x, y), lambda x, y, ans: _kve_dx(x, y, ans))
closed("jve", lambda x, y: jv_order(x, y), lambda x, y: _half_difference(special.jve, x, y))
closed("yve", lambda x, y: yv_order(x, y), lambda x, y: _half_difference(special.yve, x, y))


def unit(exponent: Value) -> Any:
    """``exp(-exponent)`` over its value: 1, with the derivatives of the logarithm."""
    return np.exp(unbox(exponent) - exponent)


def _of_complex(name: str, order: Any, slope: Any, part: Callable[..., Any]) -> None:
    """A function of complex z with the factor ``exp(-abs(part(z)))``, which is not holomorphic.

    One factor of the result holds the scale constant, and the other is 1 and has its derivatives.
    """
    ufunc: Any = getattr(special, name)
    of_real: Any = find_function(ufunc)
    unscaled: Any = declared(
        lambda x, y: ufunc(x, y),
        lambda x, y: order(x, y),
        lambda x, y: slope(unscaled, x, y),
        name=f"special.complex_{name}",
    )

    def bind(v: Value, z: Value) -> Any:
        if dtype_of(z).kind != "c":
            return of_real(v, z)
        return unscaled(v, z) * unit(np.abs(part(z)))

    register(ufunc, bind)


_of_complex("ive", ive_order, _half_sum, np.real)
_of_complex("jve", jv_order, _half_difference, np.imag)
_of_complex("yve", yv_order, _half_difference, np.imag)


def _hankel(name: str, sign: int, scaled: bool) -> None:
    """J and Y apart, also in real arguments: J would be lost beside Y where Y is large."""
    function: Any = getattr(special, name)

    def by_order(x: Value, y: Value) -> Any:
        both = jv_order(x, y) + sign * 1j * yv_order(x, y)
        return both * np.exp(-sign * 1j * y) if scaled else both

    def by_argument(x: Value, y: Value, ans: Value) -> Any:
        if dtype_of(y).kind == "c" or scaled:
            slope = _half_difference(function, x, y)
            return slope - sign * 1j * ans if scaled else slope
        parts = (_half_difference(f, x, y) for f in (special.jv, special.yv))
        return next(parts) + sign * 1j * next(parts)

    closed(name, lambda x, y: by_order(x, y), lambda x, y, ans: by_argument(x, y, ans))


_hankel("hankel1", 1, False)
_hankel("hankel2", -1, False)
_hankel("hankel1e", 1, True)
_hankel("hankel2e", -1, True)
