"""Elliptic integrals and functions, the arithmetic-geometric mean, Carlson's forms (DLMF 19, 22).

Derivatives in the parameter m are power series where the closed forms would cancel (m near 0), and
Carlson's integrals R_D for the incomplete ones (DLMF 19.25).
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.batch import dtype_of, shape_of
from ....core.types import Value
from .kinds import (
    by,
    closed,
    column,
    declared,
    flat,
    formula,
    horner,
    lost,
    partial,
    repaired,
    several,
    where,
)

PI = np.pi
TERMS = 25
FAR_APART = 1e-18  # the relative rest of the logarithm is smaller than rounding
NEAR_1, FAR = 0.9, 300.0  # where Jacobi's functions follow Landen's transformation
LANDEN = 9  # of its steps make 1 - m a number below the smallest one
NEAR = 0.12  # the power series has converged after TERMS, and the closed forms lose one digit
# ((2n - 1)!! / (2n)!!)**2, the coefficients of 2 K / pi (DLMF 19.5.1).
SQUARES = np.cumprod([((2 * n - 1) / (2 * n)) ** 2 for n in range(1, TERMS)])
N = np.arange(1, TERMS)
K_SLOPE = PI / 2 * N * SQUARES
E_SLOPE = -PI / 2 * N * SQUARES / (2 * N - 1)


def _is_near_0(m: Any) -> Any:
    return (m < NEAR) & (m > -NEAR)  # comparisons are several times faster than np.abs


def _ellipk_dm(m: Any, k: Any) -> Any:
    """``(E - (1 - m) K) / (2 m (1 - m))`` (DLMF 19.4.1), the power series near 0."""
    if np.max(unbox(k), initial=0.0) == np.inf:
        end = unbox(m) == 1
        return np.where(end, np.inf, _ellipk_dm(np.where(end, 0.5, m), np.where(end, 1.0, k)))
    return repaired(
        _is_near_0(unbox(m)),
        lambda m, k: horner(m, K_SLOPE),
        lambda m, k: (special.ellipe(m) / (1 - m) - k) * 0.5 / m,
        m, k,
        fill=0.5,
    )  # fmt: skip


def _ellipe_dm(m: Any, e: Any) -> Any:
    """``(E - K) / (2 m)`` (DLMF 19.4.2), the power series near 0."""
    return repaired(
        _is_near_0(unbox(m)),
        lambda m, e: horner(m, E_SLOPE),
        lambda m, e: (e - special.ellipk(m)) * 0.5 / m,
        m, e,
        fill=0.5,
    )  # fmt: skip


_ellipem1 = declared(
    lambda p: special.ellipe(1 - p),
    lambda x, ans: (special.ellipkm1(x) - ans) / (2 * (1 - x)),
    name="special.ellipem1",
)


def _ellipkm1_dp(p: Any, ans: Value) -> Any:
    end = unbox(p) == 0
    if np.any(end):
        rest = _ellipkm1_dp(np.where(end, 0.5, p), np.where(end, 1.0, ans))
        return np.where(end, -np.inf, rest)
    return where(
        unbox(p) < 0.7,
        lambda p, ans: -(_ellipem1(p) - p * ans) / (2 * p * (1 - p)),
        lambda p, ans: -_ellipk_dm(1 - p, ans),
        p, ans,
        fill=0.5,
    )  # fmt: skip


def _agm(a: Value, b: Value) -> Any:
    """``pi / 4 (a + b) / K(((a - b) / (a + b))**2)`` (DLMF 19.8.5)."""
    near = np.abs(unbox(a) - unbox(b)) < 0.7 * np.abs(unbox(a) + unbox(b))
    k = where(near, lambda a, b: special.ellipk(((a - b) / (a + b)) ** 2), _agm_apart, a, b)
    return PI / 4 * (a + b) / k


def _agm_apart(a: Value, b: Value) -> Any:
    """The integral K where a and b differ much; far apart by its logarithm (DLMF 19.12.1)."""
    sizes = np.abs(unbox(a)), np.abs(unbox(b))
    return where(
        np.minimum(*sizes) < FAR_APART * np.maximum(*sizes),
        lambda a, b: np.log(2 * np.abs(a + b)) - (np.log(np.abs(a)) + np.log(np.abs(b))) / 2,
        lambda a, b: special.ellipkm1(4 * (a / (a + b)) * (b / (a + b))),
        a, b,
    )  # fmt: skip


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
    "ellipkinc",
    lambda x, y: 1 / np.sqrt(1 - y * np.sin(x) ** 2),
    lambda x, y: _ellipkinc_dm(x, y),
)
closed(
    "ellipeinc",
    lambda x, y: np.sqrt(1 - y * np.sin(x) ** 2),
    lambda x, y: _ellipeinc_dm(x, y),
)


def _amplitude_dm(u: Any, m: Any, ans: Value) -> Any:
    """By m, of the amplitude: ``-dn dF/dm``, where F(amplitude, m) = u.

    Near m = 1 the amplitude has lost the digits of cn and dn.
    """
    sn, cn, dn, amplitude = ans
    k = np.round(unbox(amplitude) / PI)
    s = (1 - 2 * np.mod(k, 2)) * sn
    slope = s**3 / 6 * special.elliprd(cn * cn, 1.0, dn * dn)
    if np.any(k):
        slope = slope + _ellipkinc_dm(k * PI, m)
    return -dn * slope


def _ellipj_du(u: Any, m: Any, ans: Value) -> Any:
    """DLMF 22.13.1 to 22.13.3."""
    sn, cn, dn, _ = ans
    return cn * dn, -sn * dn, -m * sn * cn, dn


def _ascending(u: Any, m: Any) -> Any:
    """sn, cn and dn by the ascending Landen transformation (DLMF 22.7.5 to 22.7.8), m near 1."""
    rest, roots = 1 - m, []
    for _ in range(LANDEN):
        root = rest / (1 + np.sqrt(1 - rest)) ** 2
        roots.append(root)
        u, rest = u / (1 + root), root * root
    sn, cn = np.tanh(u), 1 / np.cosh(u)
    dn = cn
    for root in reversed(roots):
        share = root / dn
        sn, cn, dn = (1 + root) * sn * cn / dn, (dn - share) / (1 - root), (dn + share) / (1 + root)
    return np.stack([sn, cn, dn])


_ascending_dm = partial(_ascending, 1)


def _ellipj_dm(u: Any, m: Any, ans: Value) -> Any:
    """Near m = 1 the quotient of the amplitude's rule cancels in second derivatives."""
    u, m = np.broadcast_arrays(u, m)
    near_1 = (unbox(m) > NEAR_1) & (np.abs(unbox(u)) < FAR)
    if not np.any(near_1):
        return _by_amplitude(u, m, ans)
    by_landen = _ascending_dm(np.where(near_1, u, 0.0), np.where(near_1, m, 1.0))
    steep = *by_landen, ans[1] * by_landen[0] - ans[0] * by_landen[1]
    if np.all(near_1):
        return steep
    at_zero = (np.where(near_1, v, a) for v, a in zip((0.0, 1.0, 1.0, 0.0), ans, strict=True))
    u, m = np.where(near_1, 0.0, u), np.where(near_1, 0.0, m)
    gentle = _by_amplitude(u, m, tuple(at_zero))
    return tuple(np.where(near_1, s, g) for s, g in zip(steep, gentle, strict=True))


def _by_amplitude(u: Any, m: Any, ans: Value) -> Any:
    sn, cn, dn, _ = ans
    phi = _amplitude_dm(u, m, ans)
    unknown = unbox(m) == 1  # far out, where cn and dn are 0 to rounding
    phi = phi + lost(unknown, u, m) if np.any(unknown) else phi
    return cn * phi, -sn * phi, -(sn * sn + 2 * m * sn * cn * phi) / (2 * dn), phi


several("ellipj", _ellipj_du, _ellipj_dm)


# Carlson's symmetric integrals (DLMF 19.16): equal steps of log t, in which the integrands are
# analytic in a strip around the line.
STEP, BELOW, BELOW_ZERO, ABOVE = 0.45, 40.0, 80.0, 28.0


def _ray(*args: Value) -> Any:
    """The direction of the integral, from which no argument is further than a right angle or so."""
    angles = [np.angle(unbox(a)) for a in args]
    smallest, largest = (functools.reduce(f, angles) for f in (np.minimum, np.maximum))
    return column(np.exp(0.5j * (smallest + largest)))


def _nodes(*args: Value) -> tuple[Any, Any]:
    """The nodes t and the step of log t, from far below the arguments that are not 0 to far above.

    Integrands fall like t below them, or like its root where an argument is 0, and like
    ``t**-1.5`` above.
    """
    sizes = np.array([np.broadcast_to(np.abs(unbox(a)), shape_of(sum(args))) for a in args])
    logs = np.log(np.where(sizes == 0, 1.0, sizes))
    least = np.min(np.where(sizes == 0, np.inf, logs), axis=0)
    most = np.max(np.where(sizes == 0, -np.inf, logs), axis=0)
    low = least - np.where(np.any(sizes == 0, axis=0), BELOW_ZERO, BELOW)
    width = most + ABOVE - low
    is_complex = any(dtype_of(a).kind == "c" for a in args)
    widest = np.max(width[np.isfinite(width)], initial=1.0)
    count = 1 + int(widest / (STEP / 4 if is_complex else STEP))
    t = np.exp(column(low) + column(width) * np.linspace(0.0, 1.0, count))
    return (_ray(*args) * t if is_complex else t), width / (count - 1)


def _rd_integral(x: Value, y: Value, z: Value) -> Any:
    """DLMF 19.16.5."""
    t, step = _nodes(x, y, z)
    roots = np.sqrt(column(x) + t) * np.sqrt(column(y) + t)
    return 1.5 * step * np.sum(t / (roots * (column(z) + t) ** 1.5), axis=-1)


def _rj_integral(x: Value, y: Value, z: Value, p: Any) -> Any:
    """DLMF 19.16.2."""
    t, step = _nodes(x, y, z, p)
    root = np.sqrt(column(x) + t) * np.sqrt(column(y) + t) * np.sqrt(column(z) + t)
    return 1.5 * step * np.sum(t / (root * (column(p) + t)), axis=-1)


_rj_of_positive = flat(_rj_integral, real=False)


def _ordered(x: Value, y: Value) -> tuple[Any, Any]:
    """The smaller and the larger one, with the derivatives of both also where they are equal."""
    swap = unbox(x) > unbox(y)
    if not np.any(swap):
        return x, y
    return np.where(swap, y, x), np.where(swap, x, y)


def _rj(x: Value, y: Value, z: Value, p: Any) -> Any:
    """Where p is negative the Cauchy principal value (DLMF 19.20.14)."""
    if any(dtype_of(a).kind == "c" for a in (x, y, z, p)):
        return _rj_of_positive(x, y, z, p)

    def principal(x: Value, y: Value, z: Value, p: Any) -> Any:
        y, z = _ordered(y, z)
        x, z = _ordered(x, z)
        q = -p
        p = (z * (x + y + q) - x * y) / (z + q)
        both = x * y + p * q
        none = unbox(x * y) == 0
        root = np.sqrt(np.where(none, 1.0, x) * np.where(none, 1.0, y) * z / both)
        last = 3 * np.where(none, 0.0, root) * special.elliprc(both, p * q)
        first = (p - z) * _rj_of_positive(x, y, z, p)
        return (first - 3 * special.elliprf(x, y, z) + last) / (q + z)

    return where(unbox(p) < 0, principal, _rj_of_positive, *np.broadcast_arrays(x, y, z, p))


def _rc_principal(x: Value, y: Value) -> Any:
    zero = unbox(x) == 0
    root = np.sqrt(np.where(zero, 1.0, x) / (np.where(zero, 1.0, x) - y))
    return np.where(zero, 0.0, root) * special.elliprf(x - y, -y, -y)


def _rc(x: Value, y: Value) -> Any:
    """Where y is negative the Cauchy principal value (DLMF 19.2.20)."""
    if any(dtype_of(a).kind == "c" for a in (x, y)):
        return special.elliprf(x, y, y)
    return where(
        unbox(y) < 0,
        _rc_principal,
        lambda x, y: special.elliprf(x, y, y),
        *np.broadcast_arrays(x, y),
    )


def _rg_at_zero(x: Value, y: Value, z: Value) -> Any:
    """By x, which is 0, or where y and z are 0: ``R_G(x, 0, 0)`` is half the root of x."""
    return where(
        (unbox(y) == 0) & (unbox(z) == 0),
        lambda x, y, z: 0.25 / np.sqrt(x),
        lambda x, y, z: 0.25 * special.elliprf(x, y, z),
        x, y, z,
    )  # fmt: skip


def _rg_slope(x: Value, y: Value, z: Value) -> Any:
    """By x: ``(R_F - x R_D(y, z, x) / 3) / 4``, from the integral 19.16.3.

    Of arguments next to 1, since R_D underflows where they are large.
    """
    others = (unbox(y) == 0) & (unbox(z) == 0)
    at_zero = unbox(x) == 0
    special_points = others | at_zero
    if np.any(special_points):
        x, y, z, others, at_zero = np.broadcast_arrays(x, y, z, others, at_zero)
        return where(special_points, lambda x, y, z: _rg_at_zero(x, y, z), _rg_slope, x, y, z)
    size = np.maximum(np.maximum(np.abs(unbox(x)), np.abs(unbox(y))), np.abs(unbox(z)))
    size = np.where((size > 0) & (size < np.inf), size, 1.0)
    x, y, z = x / size, y / size, z / size
    slope = 0.25 * (special.elliprf(x, y, z) - x * special.elliprd(y, z, x) / 3)
    return slope / np.sqrt(size)


closed(
    "elliprf",  # DLMF 19.18.1
    lambda x, y, z: -special.elliprd(y, z, x) / 6,
    lambda x, y, z: -special.elliprd(x, z, y) / 6,
    lambda x, y, z: -special.elliprd(x, y, z) / 6,
)


_steep: Any = declared(
    lambda x, y: np.full(np.shape(x), -np.inf)[()],
    lambda x: np.full(np.shape(x), np.inf)[()],
    lambda x: np.full(np.shape(x), np.nan)[()],
    name="special.steep",
)


def _by_with_ends(name: str, function: Any) -> None:
    """Declare a function whose slope is infinite where an argument is 0 or the value is infinite.

    It falls there, and where the last argument is negative it rises.
    """

    def slope(i: int, n: int) -> Any:
        inside = partial(function, i)

        def either(*at: Value) -> Any:
            args = list(np.broadcast_arrays(*at[:-1]))
            end = (unbox(args[i]) == 0) | np.isinf(unbox(at[-1]))
            if not np.any(end):
                return inside(*at[:-1])
            sign = np.where(np.real(unbox(args[-1])) < 0, -1.0, 1.0)
            steep = sign * _steep(args[i], sum(args[:i] + args[i + 1 :]))
            return np.where(end, steep, inside(*(np.where(end, 1.0, a) for a in args)))

        return formula(n, either, ans=True)

    n = len(inspect.signature(function).parameters)
    closed(name, *(slope(i, n) for i in range(n)))


_by_with_ends("elliprc", _rc)
_by_with_ends("elliprd", flat(_rd_integral, real=False))
_by_with_ends("elliprj", _rj)
closed(
    "elliprg",
    lambda x, y, z: _rg_slope(x, y, z),
    lambda x, y, z: _rg_slope(y, z, x),
    lambda x, y, z: _rg_slope(z, x, y),
)
