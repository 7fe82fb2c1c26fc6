"""More of `scipy.special`: scaled Bessel functions, elliptic integrals, the gamma family, Box-Cox.

Loaded together with `dualdiff.scipy.special`. Orders of Bessel functions are constants.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ...array.box import plain
from ...array.dispatch import register
from ..declare import Derivative, elementwise
from ..numpy.common import on_values

PI_BY_8 = 0.39269908169872414
LOG_PI = 1.1447298858494002


def _rule(name: str, *derivatives: Derivative) -> None:
    ufunc = getattr(special, name)
    register(ufunc, elementwise(ufunc, *derivatives, name=f"special.{name}").bind)


def _rgamma_dx(x: Any, ans: Any) -> Any:
    """``-psi(x) / Gamma(x)``; at the poles -n of Gamma ``(-1)**n n!`` (DLMF 5.2.1)."""
    value = plain(x)
    pole = (np.real(value) <= 0) & (value == np.round(np.real(value)))
    if not np.any(pole):
        return -special.psi(x) * ans
    safe = np.where(pole, 1, x)
    n = np.where(pole, -np.real(value), 0)
    return np.where(pole, (-1.0) ** n * special.gamma(n + 1), -special.psi(safe) * ans)


def _ive_dx(x: Any, y: Any, ans: Any) -> Any:
    """DLMF 10.29.1, and the derivative of ``exp(-|Re y|)``."""
    neighbours = special.ive(x - 1, y) + special.ive(x + 1, y)
    return 0.5 * neighbours - np.sign(plain(y)) * ans


def _kve_dx(x: Any, y: Any, ans: Any) -> Any:
    """DLMF 10.29.1, and the derivative of ``exp(y)``."""
    return ans - 0.5 * (special.kve(x - 1, y) + special.kve(x + 1, y))


def _ellipk_dm(x: Any, ans: Any) -> Any:
    """``(E - (1 - m) K) / (2 m (1 - m))`` (DLMF 19.4.1), pi/8 at m = 0."""
    zero = plain(x) == 0
    m = np.where(zero, 0.5, x)
    slope = (special.ellipe(m) - (1 - m) * special.ellipk(m)) / (2 * m * (1 - m))
    return np.where(zero, PI_BY_8 * (1 + 1.125 * x), slope)


def _ellipe_dm(x: Any, ans: Any) -> Any:
    """``(E - K) / (2 m)`` (DLMF 19.4.2), -pi/8 at m = 0."""
    zero = plain(x) == 0
    m = np.where(zero, 0.5, x)
    slope = (special.ellipe(m) - special.ellipk(m)) / (2 * m)
    return np.where(zero, -PI_BY_8 * (1 + 0.375 * x), slope)


def _spence_dz(x: Any) -> Any:
    """``log(z) / (1 - z)`` (DLMF 25.12.2, with z for 1 - z), -1 at z = 1."""
    one = plain(x) == 1
    z = np.where(one, 2, x)
    return np.where(one, -1 + 0.5 * (x - 1), np.log(z) / (1 - z))


def _boxcox_dlmbda(x: Any, y: Any, ans: Any) -> Any:
    """By the parameter y: ``(x**y log(x) - ans) / y``, ``log(x)**2 / 2`` at y = 0."""
    zero = plain(y) == 0
    power = np.where(zero, 1, y)
    log = np.log(x)
    slope = (x**power * log - (x**power - 1) / power) / power
    return np.where(zero, log**2 * (0.5 + y * log / 3), slope)


def _inv_boxcox_dlmbda(x: Any, y: Any, ans: Any) -> Any:
    """By the parameter y of ``ans = (1 + x y)**(1 / y)``: ``-ans x**2 / 2`` at y = 0."""
    zero = plain(y) == 0
    power = np.where(zero, 1, y)
    base = 1 + x * power
    slope = ans * (x / (power * base) - np.log(base) / power**2)
    return np.where(zero, ans * (-0.5 * x**2 + 2 / 3 * y * x**3), slope)


register(special.gammasgn, on_values(special.gammasgn))
_rule("rgamma", _rgamma_dx)
_rule(
    "poch",
    lambda ans, x, y: ans * (special.psi(x + y) - special.psi(x)),
    lambda ans, x, y: ans * special.psi(x + y),
)
_rule(
    "binom",
    lambda ans, x, y: ans * (special.psi(x + 1) - special.psi(x - y + 1)),
    lambda ans, x, y: ans * (special.psi(x - y + 1) - special.psi(y + 1)),
)
_rule("ive", None, _ive_dx)
_rule("kve", None, _kve_dx)
_rule("jve", None, lambda x, y: 0.5 * (special.jve(x - 1, y) - special.jve(x + 1, y)))
_rule("yn", None, lambda x, y: 0.5 * (special.yv(x - 1, y) - special.yv(x + 1, y)))
_rule("k0e", lambda x, ans: ans - special.k1e(x))
_rule("k1e", lambda x, ans: ans - special.k0e(x) - ans / x)
_rule("ellipk", _ellipk_dm)
_rule("ellipe", _ellipe_dm)
_rule("spence", _spence_dz)
_rule("boxcox", lambda x, y: x ** (y - 1), _boxcox_dlmbda)
_rule("inv_boxcox", lambda y, ans: ans ** (1 - y), _inv_boxcox_dlmbda)


def multigammaln(a: Any, d: int) -> Any:
    """``scipy.special.multigammaln``, the logarithm of the multivariate gamma function.

    Arguments: `a`, greater than ``(d - 1) / 2``, of any shape; `d`, the dimension.
    Returns: an array of the shape of a.
    Source: Muirhead, Aspects of Multivariate Statistical Theory, 1982, theorem 2.1.12.

    >>> import dualdiff as dd
    >>> round(dd.grad(lambda a: dd.scipy.special.multigammaln(a, 2))(2.5), 6)
    1.125941
    """
    special.multigammaln(plain(a), d)  # SciPy says what is wrong
    total = 0.25 * d * (d - 1) * LOG_PI
    return total + sum(special.gammaln(a - 0.5 * (j - 1)) for j in range(1, d + 1))
