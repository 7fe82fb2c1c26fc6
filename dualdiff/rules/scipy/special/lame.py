"""Ellipsoidal harmonics: Lame polynomials and the functions of the second kind (DLMF 29.12).

A Lame polynomial is ``s**a |s*s - h2|**(b/2) |s*s - k2|**(c/2)`` times a polynomial in ``s*s`` of
leading coefficient 1, whose coefficients are an eigenvector of a tridiagonal matrix.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy import special

from ....core.types import Value
from ..arguments import by_scipy
from .kinds import closed, column, declared, flat, gauss_legendre, partial
from .waves import by_degree


def _parts(n: int, p: int) -> tuple[int, int, int, int]:
    """The exponents a, b, c of the three factors, and the place among polynomials of this form."""
    half = n // 2
    odd = n % 2
    if p <= half + 1:
        return odd, 0, 0, p - 1
    if p <= n + 1:
        return 1 - odd, 1, 0, p - half - 2
    if p <= 2 * n - half + 1:
        return 1 - odd, 0, 1, p - n - 2
    return odd, 1, 1, p - (2 * n - half) - 2


def _matrix(diagonal: Any, beside: Any) -> Any:
    """Symmetric tridiagonal matrices of shape (..., n, n)."""
    n = diagonal.shape[-1]
    upper = column(np.concatenate([beside, 0 * diagonal[..., :1]], axis=-1)) * np.eye(n, k=1)
    return column(diagonal) * np.eye(n) + upper + np.swapaxes(upper, -1, -2)


def _lame(h2: Value, k2: Value, n: int, p: int, s: Value) -> Any:
    """The polynomial in ``v = s*s - h2`` solves an equation of Heun, with poles at -h2, 0, k2 - h2.

    SciPy's signs multiply the roots.
    """
    a, b, c, place = _parts(n, p)
    m = (n - a - b - c) // 2
    d, v = k2 - h2, s * s - h2
    i = np.arange(m + 1.0)
    sum_of_three = a + b + c + 1.5
    up = (i * (i - 1) + sum_of_three * i - m * (m + sum_of_three - 1))[:-1]
    linear = -(a + 0.5) * d + (b + 0.5) * (h2 - d) + (c + 0.5) * h2
    diagonal = column(h2 - d) * (i * (i - 1)) + column(linear) * i
    down = -column(h2 * d) * ((i + b - 0.5) * i)[1:]
    vector = np.linalg.eigh(_matrix(diagonal, -np.sqrt(up * down)))[1][..., :, m - place]
    scales = np.concatenate([0 * diagonal[..., :1] + 1, np.sqrt(up / down)], axis=-1)
    terms = vector * np.cumprod(scales, axis=-1)
    total = np.sum(terms * column(v) ** i, axis=-1) / terms[..., -1]
    roots = np.sqrt(np.abs(v)) ** b * np.sqrt(np.abs(s * s - k2)) ** c
    return s**a * roots * total


def _of_degree(n: Any, p: Any, function: Any, *args: Any) -> Any:
    """A function ``(h2, k2, n, p, s)`` of numbers or vectors with a degree and an order each."""

    def one(degree: int, order: int, *at: Value) -> Any:
        return function(*at[:2], degree, order, *at[2:])

    return by_degree(n, p, one, *args)


def _harmonic(h2: Value, k2: Value, n: Any, p: Any, s: Value, h_sign: Any, k_sign: Any) -> Any:
    def signed(h2: Value, k2: Value, n: int, p: int, s: Value) -> Any:
        _, b, c, _ = _parts(n, p)
        return _lame(h2, k2, n, p, s) * h_sign**b * k_sign**c

    return _of_degree(n, p, signed, h2, k2, s)


def _slope(function: Any, i: int) -> Any:
    """The derivative in an argument as a rule has it that names all arguments."""
    slope = flat(partial(function, i))
    return lambda args: slope(*args)


_BY_H2, _BY_K2, _BY_S = (_slope(_harmonic, i) for i in (0, 1, 4))
closed("_ellip_harm", _BY_H2, _BY_K2, None, None, _BY_S, None, None)

NODES, WEIGHTS = gauss_legendre(80)


def _second_kind(h2: Value, k2: Value, n: Any, p: Any, s: Value) -> Any:
    """SciPy's integral over ``t = sin(angle) / k`` from 0 to 1/s."""

    def integral(h2: Value, k2: Value, n: int, p: int, s: Value) -> Any:
        k = np.sqrt(k2)
        end = np.arcsin(k / s)
        t = np.sin(column(end) * NODES) / column(k)
        first = _lame(column(h2), column(k2), n, p, 1 / t)
        whole = np.matmul(1 / (first**2 * np.sqrt(1 - column(h2) * t * t)), WEIGHTS) * end / k
        return (2 * n + 1) * _lame(h2, k2, n, p, s) * whole

    return _of_degree(n, p, integral, h2, k2, s)


def _second_kind_slope(args: Any, ans: Value) -> Any:
    """By the Wronskian of both kinds."""
    h2, k2, n, p, s = args
    first = special.ellip_harm(h2, k2, n, p, s)
    rest = (2 * n + 1) / np.sqrt((s * s - h2) * (s * s - k2))
    return (ans * _BY_S((h2, k2, n, p, s, 1.0, 1.0)) - rest) / first


second_kind: Any = declared(
    functools.partial(by_scipy, special.ellip_harm_2),
    *(_slope(_second_kind, i) for i in (0, 1)), None, None,
    _second_kind_slope,
    name="special.ellip_harm_2",
)  # fmt: skip


def ellip_harm_2(h2: Value, k2: Value, n: Any, p: Any, s: Value) -> Any:
    """``scipy.special.ellip_harm_2``: ellipsoidal harmonics of the second kind."""
    return second_kind(h2, k2, n, p, s)


ANGLES = (np.arange(80) + 0.5) * np.pi / 160


def _normal(h2: Value, k2: Value, n: Any, p: Any) -> Any:
    """Of SciPy's double integral two products of integrals over angles remain.

    They are ``x = h sin(t)`` and ``y**2 = h2 + (k2 - h2) sin(u)**2``, where midpoint rules
    converge like those of periodic functions.
    """

    def norm(h2: Value, k2: Value, n: int, p: int) -> Any:
        h2, k2 = column(h2), column(k2)
        x = np.sqrt(h2) * np.sin(ANGLES)
        y = np.sqrt(h2 + (k2 - h2) * np.sin(ANGLES) ** 2)
        below = _lame(h2, k2, n, p, x) ** 2 / np.sqrt(k2 - x * x)
        above = _lame(h2, k2, n, p, y) ** 2 / y
        (a, b), (c, d) = ([np.mean(f * g, axis=-1) for g in (z * z, 1.0)]
                          for f, z in ((above, y), (below, x)))  # fmt: skip
        return 2 * np.pi**2 * (a * d - b * c)

    return _of_degree(n, p, norm, h2, k2)


normal: Any = declared(
    special.ellip_normal, *(_slope(_normal, i) for i in (0, 1)), None, None,
    name="special.ellip_normal",
)  # fmt: skip


def ellip_normal(h2: Value, k2: Value, n: Any, p: Any) -> Any:
    """``scipy.special.ellip_normal``: normalisation constants of ellipsoidal harmonics."""
    return normal(h2, k2, n, p)
