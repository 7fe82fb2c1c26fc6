"""Derivatives of the Bessel functions in their order, for real arguments x > 0.

Schlaefli's integrals (DLMF 10.9.6, 10.9.7, 10.32.4, 10.32.9), differentiated under the integral, on
the line through the saddle point, where the integrand does not oscillate more than the function;
the power series (10.15.1, 10.38.1) where x is small. Negative orders by connection formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.types import Cotangent, Value
from ....errors import UnsupportedInputError, user_line
from .kinds import cases, column, flat, gauss_legendre, lost, partial

PI = np.pi
FAR = 25.0  # where the asymptotic series holds for squares of orders below x
MOST = 1e4  # of x + v, whose integrals take 24,000 nodes
DROP = 39.0  # integrals end where the integrand has fallen by exp(-39)


def _hankel(nu: Any, x: Value) -> Any:
    """``J + i Y`` far out (DLMF 10.17.5)."""
    term: Any = 1.0 + 0j * x
    total = term
    for k in range(1, 31):
        term = term * (4 * nu * nu - (2 * k - 1) ** 2) * (0.125j / k / x)
        total = total + term
    return np.sqrt(2 / (PI * x)) * np.exp(1j * x) * np.exp(-1j * PI * (nu / 2 + 0.25)) * total


_hankel_order = partial(_hankel, 0)


def _is_far(nu: Any, x: Value) -> Any:
    return (unbox(x) > FAR) & (unbox(nu) ** 2 < unbox(x))


def _nodes_of_waves(waves: Any) -> tuple[Any, Any]:
    """Nodes and weights for an integrand on (0, pi) whose phase changes by so much per unit."""
    most = float(np.max(waves, initial=0.0))
    if most < 200:
        return gauss_legendre(int(60 + 0.8 * most))
    if most > MOST:
        raise UnsupportedInputError(
            f"a Bessel function has a derivative in the order v for x + v up to {MOST:.0e}, or "
            f"where x is beyond v**2, {user_line()}"
        )
    nodes, weights = gauss_legendre(100)
    count = int(PI * most / 130) + 1  # panels
    return ((np.arange(count)[:, None] + nodes) / count).ravel(), np.tile(weights / count, count)


def _series(nu: Any, x: Value, sign: int, scaled: bool) -> Any:
    """``(x/2)**nu sum((sign x**2 / 4)**k / (k! Gamma(nu + k + 1)))`` by nu."""
    q, log = sign * x * x / 4, np.log(x / 2)
    term, harmonic = x * 0 + 1.0, special.psi(nu + 1)
    total = log - harmonic
    for k in range(1, 140):
        term = term * q / (k * (nu + k))
        harmonic = harmonic + 1 / (nu + k)
        part = term * (log - harmonic)
        total = total + part
        if np.all(np.abs(unbox(part)) <= 1e-18 * np.abs(unbox(total))):
            break
    front = nu * log - special.gammaln(nu + 1) - (x if scaled else 0.0)
    return total * np.exp(front)


def _beyond(nu: Any, x: Value, start: Any, f: Any) -> tuple[Any, Any]:
    """The integrals of ``exp(-x (f(t) - f(start)) - nu (t - start))`` from `start`, and of t times
    that."""
    nodes, weights = gauss_legendre(64)
    n, y = column(unbox(nu)), column(unbox(x))
    slope = np.maximum(y * f(start) + n, 1e-300)
    end = np.where(start > 0, np.minimum(DROP / slope, 60.0), 60.0)
    end = np.minimum(end, np.arcsinh(DROP / y + np.sinh(np.minimum(start, 700.0))) - start)
    end = np.minimum(end, DROP / np.maximum(n, 1e-300))
    t = end * nodes
    e = np.exp(-column(x) * (f(start + t) - f(start)) - column(nu) * t)
    return np.matmul(e, weights) * end[..., 0], np.matmul((start + t) * e, weights) * end[..., 0]


def _line(nu: Any, x: Value, modified: bool, rule: tuple[Any, Any]) -> Any:
    """J or I by nu: the part on the line, then that on the half-line where the line ends."""
    n, y = column(unbox(nu)), column(unbox(x))
    f = np.cosh if modified else np.sinh
    if modified:
        start, height = np.arcsinh(n / y), np.sqrt(y * y + n * n)
    else:
        start = np.where(n > y, np.arccosh(np.maximum(n / y, 1)), 0)
        height = y * np.sinh(start)
    width = 2 * np.arcsin(np.minimum(np.sqrt(DROP / (2 * np.maximum(height, 1e-300))), 1))
    width = np.where(height > DROP / 2, width, PI)
    nodes, weights = rule
    v = width * nodes
    real = column(x) * (np.cosh(start) if modified else np.sinh(start))
    imag = column(x) * (np.sinh(start) if modified else np.cosh(start))
    phase = imag * np.sin(v) - column(nu) * v
    e = np.exp(-2 * real * np.sin(v / 2) ** 2)
    on_line = np.matmul((-start * np.cos(phase) + v * np.sin(phase)) * e, weights)
    on_line = on_line * width[..., 0] / PI
    whole, weighted = _beyond(nu, x, start, f)
    start = start[..., 0]
    rest = -np.cos(nu * PI) * whole + np.sin(nu * PI) / PI * weighted
    scale = x if modified else 0.0
    return on_line * np.exp(real[..., 0] - nu * start - scale) + rest * np.exp(
        -x * f(start) - nu * start - scale
    )


def _ive(nu: Any, x: Value) -> Any:
    n, y = unbox(nu), unbox(x)
    small = (y < 20) | (y * y / 4 < 10 * (n + 1))
    return cases(
        (nu, x),
        (small, lambda nu, x: _series(nu, x, 1, True)),
        otherwise=lambda nu, x: _line(nu, x, True, gauss_legendre(64)),
    )


def _jv(nu: Any, x: Value) -> Any:
    n, y = unbox(nu), unbox(x)
    small = y * y / 4 < 1.2 * (n + 1)

    def on_line(nu: Any, x: Value) -> Any:
        waves = np.where(unbox(nu) < 1.2 * unbox(x), unbox(x + nu), 0)
        return _line(nu, x, False, _nodes_of_waves(waves))

    return cases(
        (nu, x),
        (_is_far(nu, x), lambda nu, x: np.real(_hankel_order(nu, x))),
        (small, lambda nu, x: _series(nu, x, -1, False)),
        otherwise=on_line,
    )


def _left_end(g: Cotangent, low: Any) -> Any:
    """Where g falls below 0 left of 0, by halving."""
    for _ in range(40):
        half = low / 2
        low = np.where(g(half) < 0, half, low)
    return low


def _kve(nu: Any, x: Value) -> Any:
    """``exp(x) int t sinh(nu t) exp(-x cosh t)`` from 0 on."""
    n, y = column(unbox(nu)), column(unbox(x))
    start, height = np.arcsinh(n / y), np.sqrt(y * y + n * n)

    def g(u: Any) -> Any:
        return n * u - height * (np.cosh(u) - 1) - n * np.sinh(u) + DROP

    high = np.arccosh(1 + DROP / height)
    for _ in range(12):
        high = high - g(high) / (n - height * np.sinh(high) - n * np.cosh(high))
    low = _left_end(g, -start)
    nodes, weights = gauss_legendre(96)
    t = start + low + (high - low) * nodes
    exponent = column(nu) * (t - start) - column(x) * (np.cosh(t) - np.cosh(start))
    e = np.exp(exponent) * (-np.expm1(-2 * column(nu) * t)) / 2
    start = start[..., 0]
    front = np.exp(nu * start - x * (np.cosh(start) - 1))
    return np.matmul(t * e, weights) * (high - low)[..., 0] * front


def _yv(nu: Any, x: Value) -> Any:
    return cases(
        (nu, x),
        (_is_far(nu, x), lambda nu, x: np.imag(_hankel_order(nu, x))),
        otherwise=_yv_near,
    )


def _yv_near(nu: Any, x: Value) -> Any:
    n, y = column(unbox(nu)), column(unbox(x))
    nodes, weights = _nodes_of_waves(unbox(x + nu))
    v = PI * nodes
    total = -np.matmul(v * np.cos(column(x) * np.sin(v) - column(nu) * v), weights)
    whole, weighted = _beyond(nu, x, 0 * y, np.sinh)
    total = total + (np.cos(nu * PI) * weighted + PI * np.sin(nu * PI) * whole) / PI
    big = n > y
    start = np.where(big, np.arccosh(np.maximum(n / y, 1)), 0)
    height = y * np.sinh(start)

    def g(u: Any) -> Any:
        around = n * (u - np.sinh(u)) - height * (np.cosh(u) - 1)
        return np.where(big, around, n * u - y * np.sinh(u)) + DROP

    def slope(u: Any) -> Any:
        around = n * (1 - np.cosh(u)) - height * np.sinh(u)
        return np.where(big, around, n - y * np.cosh(u))

    steep = np.maximum(height, 1e-9)
    around = np.minimum(np.sqrt(2 * DROP / steep), np.cbrt(6 * DROP / np.maximum(n, 1e-300)))
    around = np.minimum(around, np.arccosh(1 + DROP / steep))
    high = np.where(big, around, np.arcsinh((DROP + n * 8) / y))
    for _ in range(30):
        high = high - g(high) / slope(high)
    low = _left_end(g, -start)
    nodes, weights = gauss_legendre(80)
    t = start + low + (high - low) * nodes
    e = np.exp(column(nu) * (t - start) - column(x) * (np.sinh(t) - np.sinh(start)))
    start = start[..., 0]
    front = np.exp(nu * start - x * np.sinh(start)) / PI
    return total - np.matmul(t * e, weights) * (high - low)[..., 0] * front


def _inside(body: Any) -> Any:
    """`body` for x > 0 and orders from 0 on; at x = 0 it is 0 for positive orders, else NaN."""

    def guarded(nu: Any, x: Value) -> Any:
        known = (unbox(x) > 0) & (unbox(x) < np.inf) & (unbox(nu) >= 0)

        def edge(nu: Any, x: Value) -> Any:
            at_zero = (unbox(x) == 0) & (unbox(nu) > 0)
            return lost(~(at_zero | (unbox(x) == np.inf)), nu, x)

        return cases((nu, x), (known, body), otherwise=edge)

    return guarded


def _mirrored(positive: Any, negative: Any, block: int) -> Any:
    """A derivative for orders of either sign; `negative` takes the positive order -nu."""

    def whole(nu: Any, x: Value) -> Any:
        left = unbox(nu) < 0
        return cases((nu, x), (left, lambda nu, x: negative(-nu, x)), otherwise=positive)

    return flat(whole, block)


_jv, _ive, _yv, _kve_right = _inside(_jv), _inside(_ive), _inside(_yv), _inside(_kve)


def _jv_left(mu: Any, x: Value) -> Any:
    """``J(-mu) = cos(mu pi) J(mu) - sin(mu pi) Y(mu)`` (DLMF 10.4.7)."""
    c, s = np.cos(PI * mu), np.sin(PI * mu)
    values = PI * (s * special.jv(mu, x) + c * special.yv(mu, x))
    return values - c * _jv(mu, x) + s * _yv(mu, x)


def _yv_left(mu: Any, x: Value) -> Any:
    """``Y(-mu) = sin(mu pi) J(mu) + cos(mu pi) Y(mu)`` (DLMF 10.4.8)."""
    c, s = np.cos(PI * mu), np.sin(PI * mu)
    values = PI * (s * special.yv(mu, x) - c * special.jv(mu, x))
    return values - s * _jv(mu, x) - c * _yv(mu, x)


def _ive_left(mu: Any, x: Value) -> Any:
    """``I(-mu) = I(mu) + 2 / pi sin(mu pi) K(mu)`` (DLMF 10.27.2)."""
    c, s = np.cos(PI * mu), np.sin(PI * mu)
    k = 2 * c * special.kve(mu, x) + 2 / PI * s * _kve_right(mu, x)
    return -_ive(mu, x) - k * np.exp(-2 * x)


jv_order = _mirrored(_jv, _jv_left, 500)
yv_order = _mirrored(_yv, _yv_left, 500)
ive_order = _mirrored(_ive, _ive_left, 1500)
kve_order = _mirrored(_kve_right, lambda mu, x: -_kve_right(mu, x), 1500)
