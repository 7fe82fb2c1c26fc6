"""Elliptic integrals and functions, the arithmetic-geometric mean, Carlson's forms (DLMF 19, 22).

Derivatives in the parameter m are power series where the closed forms would cancel (m near 0), and
Carlson's integrals R_D for the incomplete ones (DLMF 19.25).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.batch import dtype_of
from ....core.types import Value
from .kinds import by, closed, column, flat, horner, several, where

PI = np.pi
TERMS = 25
NEAR = 0.12  # the power series has converged after TERMS, and the closed forms lose one digit
# ((2n - 1)!! / (2n)!!)**2, the coefficients of 2 K / pi (DLMF 19.5.1).
SQUARES = np.cumprod([((2 * n - 1) / (2 * n)) ** 2 for n in range(1, TERMS)])
N = np.arange(1, TERMS)
K_SLOPE = PI / 2 * N * SQUARES
E_SLOPE = -PI / 2 * N * SQUARES / (2 * N - 1)


def _ellipk_dm(m: Any, k: Any) -> Any:
    """``(E - (1 - m) K) / (2 m (1 - m))`` (DLMF 19.4.1), the power series near 0."""
    end = unbox(m) == 1
    if np.any(end):
        return np.where(end, np.inf, _ellipk_dm(np.where(end, 0.5, m), np.where(end, 1.0, k)))
    return where(
        np.abs(unbox(m)) < NEAR,
        lambda m, k: horner(m, K_SLOPE),
        lambda m, k: (special.ellipe(m) / (1 - m) - k) / (2 * m),
        m, k,
        fill=0.5,
    )  # fmt: skip


def _ellipe_dm(m: Any, e: Any) -> Any:
    """``(E - K) / (2 m)`` (DLMF 19.4.2), the power series near 0."""
    return where(
        np.abs(unbox(m)) < NEAR,
        lambda m, e: horner(m, E_SLOPE),
        lambda m, e: (e - special.ellipk(m)) / (2 * m),
        m, e,
        fill=0.5,
    )  # fmt: skip


def _ellipkm1_dp(p: Any, ans: Value) -> Any:
    end = unbox(p) == 0
    if np.any(end):
        rest = _ellipkm1_dp(np.where(end, 0.5, p), np.where(end, 1.0, ans))
        return np.where(end, -np.inf, rest)
    return where(
        unbox(p) < 0.7,
        lambda p, ans: -(special.ellipe(1 - p) - p * ans) / (2 * p * (1 - p)),
        lambda p, ans: -_ellipk_dm(1 - p, ans),
        p, ans,
        fill=0.5,
    )  # fmt: skip


def _agm(a: Value, b: Value) -> Any:
    """``pi / 4 (a + b) / K(((a - b) / (a + b))**2)`` (DLMF 19.8.5)."""
    total = a + b
    near = np.abs(unbox(a) - unbox(b)) < 0.7 * np.abs(unbox(total))
    k = where(
        near,
        lambda a, b: special.ellipk(((a - b) / (a + b)) ** 2),
        lambda a, b: special.ellipkm1(4 * (a / (a + b)) * (b / (a + b))),
        np.where(near, a, a), b,
    )  # fmt: skip
    return PI / 4 * total / k


closed("ellipk", lambda x, ans: _ellipk_dm(x, ans))
closed("ellipe", lambda x, ans: _ellipe_dm(x, ans))
closed("ellipkm1", lambda x, ans: _ellipkm1_dp(x, ans))
by("agm", _agm)


# Incomplete integrals: the amplitude is brought to (-pi/2, pi/2) by whole periods.
def _by_periods(f: Any) -> Any:
    def whole(phi: Any, m: Any) -> Any:
        k = np.round(unbox(phi) / PI)
        rest = f(phi - k * PI, m)
        if not np.any(k):
            return rest
        return rest + 2 * k * np.where(k == 0, 0.0, f(np.full(np.shape(k), PI / 2)[()], m))

    return whole


def _ellipkinc_dm(phi: Any, m: Any) -> Any:
    s, c = np.sin(phi), np.cos(phi)
    return s**3 / 6 * special.elliprd(c * c, 1.0, 1 - m * s * s)


def _ellipeinc_dm(phi: Any, m: Any) -> Any:
    s, c = np.sin(phi), np.cos(phi)
    return -(s**3) / 6 * special.elliprd(c * c, 1 - m * s * s, 1.0)


_ellipkinc_dm, _ellipeinc_dm = _by_periods(_ellipkinc_dm), _by_periods(_ellipeinc_dm)
closed(
    "ellipkinc", lambda x, y: 1 / np.sqrt(1 - y * np.sin(x) ** 2), lambda x, y: _ellipkinc_dm(x, y)
)
closed("ellipeinc", lambda x, y: np.sqrt(1 - y * np.sin(x) ** 2), lambda x, y: _ellipeinc_dm(x, y))


def _amplitude_dm(u: Any, m: Any, ans: Value) -> Any:
    """By m, of the amplitude: ``-dn dF/dm``, where F(amplitude, m) = u."""
    return -ans[2] * _ellipkinc_dm(ans[3], m)


def _ellipj_du(u: Any, m: Any, ans: Value) -> Any:
    """DLMF 22.13.1 to 22.13.3."""
    sn, cn, dn, _ = ans
    return cn * dn, -sn * dn, -m * sn * cn, dn


def _ellipj_dm(u: Any, m: Any, ans: Value) -> Any:
    sn, cn, dn, _ = ans
    phi = _amplitude_dm(u, m, ans)
    return cn * phi, -sn * phi, -(sn * sn + 2 * m * sn * cn * phi) / (2 * dn), phi


several("ellipj", _ellipj_du, _ellipj_dm)


# Carlson's symmetric integrals (DLMF 19.16), by double exponential quadrature where no closed form
# is free of cancellation.
U = np.linspace(-4.2, 4.2, 100)
T = np.exp(PI / 2 * np.sinh(U))
WEIGHTS = T * PI / 2 * np.cosh(U) * (U[1] - U[0])


def _ray(*args: Value) -> Any:
    """The direction of the integral, from which no argument is further than a right angle or so."""
    if not any(dtype_of(a).kind == "c" for a in args):
        return 1.0
    angles = [np.angle(unbox(a)) for a in args]
    smallest, largest = (functools.reduce(f, angles) for f in (np.minimum, np.maximum))
    return column(np.exp(0.5j * (smallest + largest)))


def _rd_integral(x: Value, y: Value, z: Value) -> Any:
    """DLMF 19.16.5."""
    t = _ray(x, y, z) * T
    roots = np.sqrt(column(x) + t) * np.sqrt(column(y) + t)
    return 1.5 * np.sum(t / T * WEIGHTS / (roots * (column(z) + t) ** 1.5), axis=-1)


def _rj_integral(x: Value, y: Value, z: Value, p: Any) -> Any:
    """DLMF 19.16.2."""
    t = _ray(x, y, z, p) * T
    root = np.sqrt(column(x) + t) * np.sqrt(column(y) + t) * np.sqrt(column(z) + t)
    return 1.5 * np.sum(t / T * WEIGHTS / (root * (column(p) + t)), axis=-1)


def _rg_slope(x: Value, y: Value, z: Value) -> Any:
    """By x: ``(R_F - x R_D(y, z, x) / 3) / 4``, from the integral 19.16.3."""
    return 0.25 * (special.elliprf(x, y, z) - x * special.elliprd(y, z, x) / 3)


closed(
    "elliprf",  # DLMF 19.18.1
    lambda x, y, z: -special.elliprd(y, z, x) / 6,
    lambda x, y, z: -special.elliprd(x, z, y) / 6,
    lambda x, y, z: -special.elliprd(x, y, z) / 6,
)
by("elliprc", lambda x, y: special.elliprf(x, y, y))
by("elliprd", flat(_rd_integral, real=False))
by("elliprj", flat(_rj_integral, real=False))
closed(
    "elliprg",
    lambda x, y, z: _rg_slope(x, y, z),
    lambda x, y, z: _rg_slope(y, z, x),
    lambda x, y, z: _rg_slope(z, x, y),
)
