"""The gamma function, its logarithm and its logarithmic derivatives, factorials (DLMF 5).

Differences of digamma functions are integrals of the trigamma function where they would cancel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.batch import dtype_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...declare import elementwise
from .kinds import (
    cases,
    closed,
    column,
    declared,
    flat,
    gauss_legendre,
    horner,
    integer_error,
    where,
)

LOG_PI = 1.1447298858494002
HALF_LOG_2PI = 0.9189385332046727
# B_2k / (2 k) with their signs, of log x - psi(x) (DLMF 5.11.2), and B_2k / (2 k (2 k - 1)) of
# Stirling's series (DLMF 5.11.1).
BERNOULLI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)
STIRLING = tuple(b / (2 * k + 1) for k, b in enumerate(BERNOULLI))
TRIGAMMA = (
    *(2 * k * b for k, b in enumerate(BERNOULLI, start=1)),  # B_2k
    43867 / 798, -174611 / 330, 854513 / 138, -236364091 / 2730,
)  # fmt: skip
NEAR = 8  # from here on twelve terms are enough
BLOCK = 8192  # elements that stay in cache
FAR = 16  # from here on the asymptotic series of polygamma functions are exact to rounding
NODES, WEIGHTS = gauss_legendre(10)


def polygamma(n: Any, x: Value) -> Any:
    """The n-th derivative of the digamma function, as ``scipy.special.polygamma``.

    Arguments: `n`, constant integers; `x`, real, an array that broadcasts with n.
    Returns: an array of their common shape. Raises: UnsupportedInputError for a traced n.

    >>> import dualdiff as dd
    >>> round(float(dd.grad(lambda x: dd.scipy.special.polygamma(1, x))(1.0)), 6)
    -2.404114
    """
    return _polygamma(n, x) if is_box(n) or is_box(x) else special.polygamma(n, x)


_polygamma: Any = elementwise(
    polygamma, None, lambda x, y: polygamma(x + 1, y), name="special.polygamma"
)
_polygamma.missing = lambda direction, i, x: integer_error("scipy.special.polygamma", i)


def _complex_values(n: Any, z: Value) -> Any:
    """``(-1)**(n + 1) n! zeta(n + 1, z)``, the zeta function by Euler and Maclaurin (25.11.5)."""
    n, z = np.broadcast_arrays(np.asarray(n, float), np.asarray(z, complex))
    steps = int(max(0, FAR - np.floor(np.min(z.real, initial=FAR))))
    if steps > 10**5:
        raise UnsupportedInputError(
            f"polygamma functions of complex numbers far to the left are not known, {user_line()}"
        )
    s = n + 1
    total = np.zeros(z.shape, complex)
    for k in range(steps):
        total += (z + k) ** -s
    w = z + steps
    term = w**-s
    total += w * term / n + 0.5 * term
    term = term * s / w
    for k, b in enumerate(BERNOULLI, start=1):
        total += b * 2 * k / special.factorial(2 * k) * term
        term = term * (s + 2 * k - 1) * (s + 2 * k) / (w * w)
    return ((-1.0) ** (n + 1) * special.gamma(s) * total)[()]


complex_polygamma: Any = declared(
    _complex_values,
    None,
    lambda x, y: complex_polygamma(x + 1, y),
    name="special.polygamma_complex",
)


def _trigamma_values(x: Value) -> Any:
    """By the recurrence and the asymptotic series (DLMF 5.15.5, 5.15.8), for x > 0; else SciPy's.

    SciPy's zeta function takes ten times as long.
    """
    x = np.asarray(x, float)
    if not np.all(x > 1e-3):
        return np.asarray(special.polygamma(1, x))[()]
    flat = np.ravel(x)
    out = np.empty(flat.shape)
    for k in range(0, flat.size, BLOCK):
        _trigamma_block(flat[k : k + BLOCK], out[k : k + BLOCK])
    return np.reshape(out, x.shape)[()]


def _trigamma_block(x: Any, out: Any) -> None:
    """In place: fresh memory is what costs."""
    out[...] = 0.0
    low = float(np.min(x))
    steps = 0 if low >= NEAR else int(np.ceil(NEAR - low))
    square = np.empty(x.shape)
    for k in range(steps):
        np.add(x, k, out=square)
        np.multiply(square, square, out=square)
        np.divide(1, square, out=square)
        out += square
    w = x + steps
    i = np.divide(1, w, out=square)
    series = horner(i * i, TRIGAMMA)
    series *= i
    series += 0.5
    series *= i
    series += 1
    series *= i
    out += series


_trigamma = declared(_trigamma_values, lambda x: polygamma(2, x), name="special.trigamma")


def trigamma(x: Value) -> Any:
    """The derivative of the digamma function, also of complex numbers."""
    return complex_polygamma(1, x) if dtype_of(x).kind == "c" else _trigamma(x)


def log_minus_psi(a: Value) -> Any:
    """``log(a) - psi(a)`` without cancellation for large a (DLMF 5.11.2)."""
    far = unbox(a) > 12

    def series(a: Value) -> Any:
        i = 1 / (a * a)
        return 0.5 / a + i * horner(i, BERNOULLI)

    return where(far, series, lambda a: np.log(a) - special.psi(a), a)


def sine_of_pi(x: Value) -> Any:
    """``sin(pi x)``, exact at integers."""
    n = np.round(unbox(x))
    return (1 - 2 * np.mod(n, 2)) * np.sin(np.pi * (x - n))


def _psi_difference(x: Value, d: Any) -> Any:
    def near(x: Value, d: Any) -> Any:
        return d * np.matmul(_trigamma(column(x) + column(d) * NODES), WEIGHTS)

    def far(x: Value, d: Any) -> Any:
        return special.psi(x + d) - special.psi(x)

    def left(x: Value, d: Any) -> Any:
        """By reflection (DLMF 5.5.4): poles cancel where d is an integer."""
        both, top = sine_of_pi(x) * sine_of_pi(x + d), np.pi * sine_of_pi(d)
        pole = unbox(both) == 0
        rest = np.where(pole, np.where(unbox(top) == 0, 0.0, np.nan), top / np.where(pole, 1, both))
        return special.psi(1 - x - d) - special.psi(1 - x) + rest

    # Beyond this the plain difference loses less than two digits, and costs a fifth.
    ends = unbox(x), unbox(x) + unbox(d)
    negative = (np.minimum(*ends) < 0) & (np.maximum(*ends) < 0.5)
    return cases(
        (x, d), (np.abs(unbox(d)) < 0.05 * unbox(x), near), (negative, left), otherwise=far
    )


_real_psi_difference = flat(_psi_difference)


def psi_difference(x: Value, d: Any) -> Any:
    """``psi(x + d) - psi(x)``; for small d the integral of the trigamma function."""
    if "c" in (dtype_of(x).kind, dtype_of(d).kind):
        return special.psi(x + d) - special.psi(x)
    return _real_psi_difference(x, d)


def stirling(x: Value) -> Any:
    """``log Gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2`` for x > 12 (DLMF 5.11.1)."""
    i = 1 / (x * x)
    return horner(i, STIRLING) / x


def _log_beta(a: Value, b: Value) -> Any:
    swap = unbox(a) > unbox(b)
    a, b = np.where(swap, b, a), np.where(swap, a, b)

    def both(a: Value, b: Value) -> Any:
        n = a + b
        rest = stirling(a) + stirling(b) - stirling(n) + HALF_LOG_2PI - 0.5 * np.log(b)
        return rest + (a - 0.5) * np.log(a / n) + b * np.log1p(-a / n)

    def one(a: Value, b: Value) -> Any:
        n = a + b
        rest = special.gammaln(a) + stirling(b) - stirling(n) + a
        return rest - a * np.log(n) + (b - 0.5) * np.log1p(-a / n)

    return cases(
        (a, b), (unbox(a) > 12, both), (unbox(b) > 12, one), otherwise=special.betaln
    )  # fmt: skip


log_beta = flat(_log_beta)
log_beta.__doc__ = "``log B(a, b)`` for positive a and b; SciPy's loses digits for one large one."


def _psi(x: Value) -> Any:
    """The digamma function, beside its poles by reflection (DLMF 5.5.4): SciPy's loses digits."""
    if dtype_of(x).kind == "c":
        return special.psi(x)
    value = unbox(x)
    beside = (value < -0.5) & (np.abs(value - np.round(value)) < 1e-3)
    if not np.any(beside):
        return special.psi(x)
    return where(
        beside,
        lambda x: special.psi(1 - x) - np.pi / np.tan(np.pi * (x - np.round(unbox(x)))),
        lambda x: special.psi(x),
        x,
        fill=1.5,
    )


def rgamma_slope(x: Value, ans: Value) -> Any:
    """``-psi(x) / Gamma(x)``, by reflection on the left, where that has no poles (DLMF 5.5.3)."""

    def left(x: Value, ans: Value) -> Any:
        n = np.round(np.real(unbox(x)))
        r, sign = np.pi * (x - n), 1 - 2 * np.mod(n, 2)
        gamma = sign * special.gamma(1 - x)
        return gamma * (np.cos(r) - special.psi(1 - x) * np.sin(r) / np.pi)

    def right(x: Value, ans: Value) -> Any:
        end = unbox(x) == np.inf  # psi is infinite there, and 1 / Gamma smaller than any power
        return -special.psi(np.where(end, 1.0, x) if np.any(end) else x) * ans

    return where(np.real(unbox(x)) < 0.5, left, right, x, ans)


closed("gamma", lambda x, ans: ans * _psi(x))
closed("gammaln", lambda x: _psi(x))
closed("loggamma", lambda x: special.psi(x))
closed("psi", trigamma)
closed("rgamma", rgamma_slope)
closed("_factorial", lambda x, ans: ans * special.psi(np.where(unbox(x) < 0, 0.0, x) + 1))
closed("_lgam1p", lambda x: special.psi(x + 1))
closed("gammasgn", lambda ans: 0.0)


def multigammaln(a: Value, d: int) -> Any:
    """``scipy.special.multigammaln``, the logarithm of the multivariate gamma function.

    Arguments: `a`, greater than ``(d - 1) / 2``, of any shape; `d`, the dimension.
    Returns: an array of the shape of a.
    Source: Muirhead, Aspects of Multivariate Statistical Theory, 1982, theorem 2.1.12.

    >>> import dualdiff as dd
    >>> round(dd.grad(lambda a: dd.scipy.special.multigammaln(a, 2))(2.5), 6)
    1.125941
    """
    if is_box(d):
        raise integer_error("scipy.special.multigammaln", 1)
    special.multigammaln(unbox(a), d)  # SciPy checks the arguments
    total = 0.25 * d * (d - 1) * LOG_PI
    return total + sum(special.gammaln(a - 0.5 * (j - 1)) for j in range(1, d + 1))


def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """``scipy.special.factorial``; of traced numbers ``Gamma(n + 1)``, 0 for negative ones.

    Arguments: `n`, real, of any shape; `exact`, of integers only; `extend`, as SciPy has it.
    Returns: an array of the shape of n.

    >>> import dualdiff as dd
    >>> round(float(dd.grad(dd.scipy.special.factorial)(2.0)), 6)
    1.845569
    """
    scipys: Any = special.factorial  # its overloads do not take a bool
    more = {} if extend == "zero" else {"extend": extend}  # older releases do not know it
    value = scipys(unbox(n), exact=exact, **more)
    if not is_box(n):
        return value
    beyond = (unbox(n) < 0) & (extend == "zero")
    return np.where(beyond, 0.0, special.gamma(np.where(beyond, 0.0, n) + 1))


def factorial2(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """``scipy.special.factorial2``, the double factorial, of traced numbers if extend="complex".

    Arguments and result are SciPy's. See `factorialk` for the formula.

    >>> import dualdiff as dd
    >>> round(float(dd.grad(lambda n: dd.scipy.special.factorial2(n, extend="complex"))(3.0)), 6)
    2.094456
    """
    if not is_box(n):
        scipys: Any = special.factorial2
        more = {} if extend == "zero" else {"extend": extend}  # older releases do not know it
        return scipys(n, exact=exact, **more)
    return factorialk(n, 2, exact=exact, extend=extend)


def factorialk(n: Any, k: Any, exact: bool = False, extend: str = "zero") -> Any:
    """``scipy.special.factorialk``, the multifactorial, of traced numbers if extend="complex".

    Arguments: `n`, real or complex, of any shape; `k`, the step, a number; `exact` and `extend`,
    as SciPy has them. Returns: an array of the shape of n,
    ``k**((n - 1)/k) Gamma(n/k + 1) / Gamma(1/k + 1)``.
    Raises: the error that SciPy raises, for traced numbers without ``extend="complex"``.
    """
    scipys: Any = special.factorialk
    more = {} if extend == "zero" else {"extend": extend}
    value = scipys(unbox(n), unbox(k), exact=exact, **more)
    if not (is_box(n) or is_box(k)):
        return value
    base = k + 0j if np.any(np.less(unbox(k).real, 0)) else k
    return base ** ((n - 1) / k) * special.gamma(n / k + 1) * special.rgamma(1 / k + 1)
