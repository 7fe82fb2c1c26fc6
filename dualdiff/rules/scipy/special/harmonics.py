"""Legendre functions and spherical harmonics of SciPy's newer interface, and `sph_harm`.

In the polar angle by the neighbouring orders (Varshalovich, Moskalev and Khersonskii, Quantum
Theory of Angular Momentum, 1988, 5.8.3), which has no poles; in z by DLMF 14.10.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.creation import given
from .kinds import closed, declared, where
from .polynomials import MIDDLE, associated_at_ends, legendre_slope


def _scipys(name: str) -> Any:
    """The values of a function of SciPy's, which takes no traced values here."""
    found: Any = getattr(special, name, None)

    def values(*args: Any, **options: Any) -> Any:
        out = found(*args, **options)
        return np.asarray(out if name == "sph_harm_y" else out[0])[()]  # [0]: not differentiated

    return values


def _neighbours(n: Any, m: Any, theta: Value, up: Any, down: Any) -> Any:
    """Outside 0 to pi, SciPy's functions have the absolute value of the sine for the sine."""
    n, m = unbox(n) * 1.0, unbox(m) * 1.0
    above, below = (np.maximum((n - k) * (n + k + 1), 0) for k in (m, -m))
    inside = np.mod(unbox(theta), 2 * np.pi) <= np.pi
    sign = np.where(inside, 0.5, -0.5)
    return sign * (np.sqrt(above) * up - np.sqrt(below) * down)


def _harmonic_theta(x: Any, y: Any, z: Value, w: Value) -> Any:
    turn = np.exp(1j * w)
    up, down = sph_harm_y(x, y + 1, z, w), sph_harm_y(x, y - 1, z, w)
    return _neighbours(x, y, z, up / turn, down * turn)


sph_harm_y: Any = declared(
    _scipys("sph_harm_y"),
    None,
    None,
    _harmonic_theta,
    lambda y, ans: 1j * unbox(y) * ans,
    name="special.sph_harm_y",
)
sph_legendre_p: Any = declared(
    _scipys("sph_legendre_p"),
    None,
    None,
    lambda x, y, z: _neighbours(x, y, z, sph_legendre_p(x, y + 1, z), sph_legendre_p(x, y - 1, z)),
    name="special.sph_legendre_p",
)
_sph_harm: Any = getattr(special, "sph_harm", None)  # of older releases
closed(  # arguments m, n, azimuth, polar angle
    "sph_harm",
    None,
    None,
    lambda x, ans: 1j * unbox(x) * ans,
    lambda x, y, z, w: _neighbours(
        y,
        x,
        w,
        _sph_harm(x + 1, y, z, w) * np.exp(-1j * z),
        _sph_harm(x - 1, y, z, w) * np.exp(1j * z),
    ),
)


def _assoc_legendre_p(branch_cut: Any, norm: bool) -> Any:
    scipys = _scipys("assoc_legendre_p")

    def values(n: Any, m: Any, z: Value) -> Any:
        return scipys(n, m, z, branch_cut=branch_cut, norm=norm)

    def zonal(x: Any, y: Any, z: Value, ans: Value) -> Any:
        return (np.sqrt(x + 0.5) if norm else 1.0) * legendre_slope(x, z)

    def associated(x: Any, y: Any, z: Value, ans: Value) -> Any:
        n, m = x * 1.0, np.abs(y) if norm else y * 1.0
        lower = function(np.maximum(x - 1, 0), y, z)
        share = np.sqrt(np.maximum(n * n - m * m, 0) * (2 * n + 1) / np.maximum(2 * n - 1, 1))
        return (n * z * ans - (share if norm else n + m) * lower) / (z * z - 1)

    def slope(x: Any, y: Any, z: Value, ans: Value) -> Any:
        n, m = unbox(x), unbox(y)
        end = (np.abs(unbox(z)) == 1) & (m != 0) & np.equal(branch_cut, 2)
        if not np.any(end):
            return where(np.equal(m, 0), zonal, associated, n, m, z, ans, fill=0)
        n, m, z, ans, end = np.broadcast_arrays(n, m, z, ans, end)
        at_end = associated_at_ends(m, n, np.where(end, z, 1.0), lambda z: values(n, m, z))
        inside = slope(n, m, np.where(end, MIDDLE, z), np.where(end, 0.0, ans))
        return np.where(end, at_end, inside)

    function: Any = declared(values, None, None, slope, name="special.assoc_legendre_p")
    return function


def _legendre_p(n: Any, z: Value) -> Any:
    return special.eval_legendre(unbox(n), z)


def _one(name: str, args: Any, options: dict[str, Any]) -> Any:
    """A function of integers n (and m), and of angles or z."""
    if name == "assoc_legendre_p":
        function = _assoc_legendre_p(options.get("branch_cut", 2), options.get("norm", False))
        return function(*args)
    functions: dict[str, Callable[..., Any]] = {
        "legendre_p": _legendre_p, "sph_legendre_p": sph_legendre_p, "sph_harm_y": sph_harm_y,
    }  # fmt: skip
    return functions[name](*args)


def multiufunc_call(self: Any, *args: Any, **options: Any) -> Any:
    """The call of one of these functions, or of the one with all degrees and orders."""
    name = str(self.__name__)
    integers = 1 if name.startswith("legendre") else 2
    if any(map(is_box, args[:integers])) or options.pop("diff_n", 0):
        raise UnsupportedInputError(
            f"scipy.special.{name} of traced values has derivatives in the last arguments only, "
            f"and no diff_n=, {user_line()}; take dualdiff.derivative of it"
        )
    value = np.asarray(self(*map(unbox, args), **options))
    if name.endswith("_all"):
        ndim = max(np.ndim(a) for a in args[integers:])
        axes: list[Any] = [np.arange(args[0] + 1)]
        axes += [np.r_[0 : abs(m) + 1, -abs(m) : 0] for m in args[1:integers]]
        axes = [np.reshape(k, (-1, *[1] * (ndim + len(axes) - i))) for i, k in enumerate(axes, 1)]
        args = (*axes, *args[integers:])
    out = _one(name.removesuffix("_all"), args, options)
    # SciPy puts an axis for the order of the derivative in front, of Legendre functions.
    out = out if name.startswith("sph_harm") else out[None]
    return given(out.astype(value.dtype), value[()])
