"""Polynomials given by their coefficients, the highest power first: `polyval`, `polyfit`, `roots`
and their relatives."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...array.box import is_box, observe
from ...core.batch import Shape, cast, dtype_of
from ...core.trace import materialize
from ...core.types import Cotangent, Tangent, Value
from ..declare import rule
from .common import implements, laid_out
from .creation import zeros


def _coefficients(p: Any) -> Any:
    return np.atleast_1d(materialize(getattr(p, "coeffs", p)))


def _trimmed(p: Any) -> Any:
    """Coefficients without leading zeros."""
    p = _coefficients(p)
    if not len(p):
        return np.zeros(1)
    nonzero = np.flatnonzero(observe(p))
    return p[nonzero[0] if nonzero.size else len(p) - 1 :]


@implements(np.polyval)
def polyval(p: Any, x: Value) -> Any:
    """``numpy.polyval``, by Horner's rule."""
    p, x = _coefficients(p), materialize(x)
    y = np.zeros(np.shape(x), dtype_of(x))[()] if not is_box(x) else 0 * x
    for coefficient in p:
        y = np.add(np.multiply(y, x), coefficient)  # ufuncs for scalars too, as in NumPy
    return y


def _sum(a1: Any, a2: Any, sign: int) -> Any:
    a1, a2 = _coefficients(a1), _coefficients(a2)
    missing = len(a2) - len(a1)
    if missing > 0:
        a1 = np.concatenate([np.zeros(missing, dtype_of(a1)), a1])
    elif missing < 0:
        a2 = np.concatenate([np.zeros(-missing, dtype_of(a2)), a2])
    return a1 + a2 if sign > 0 else a1 - a2


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    """``numpy.polyadd``."""
    return _sum(a1, a2, 1)


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    """``numpy.polysub``."""
    return _sum(a1, a2, -1)


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """``numpy.polymul``."""
    return np.convolve(_trimmed(a1), _trimmed(a2))


@implements(np.polydiv)
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """``numpy.polydiv``: quotient and remainder."""
    u, v = _coefficients(u) + 0.0, _coefficients(v) + 0.0
    m, n = len(u) - 1, len(v) - 1
    scale = 1.0 / v[0]
    dtype = np.result_type(dtype_of(u), dtype_of(v))
    quotient: Any = zeros(max(m - n + 1, 1), dtype)
    rest: Any = zeros(len(u), dtype)
    rest[:] = u
    for k in range(m - n + 1):
        factor = scale * rest[k]
        quotient[k] = factor
        rest[k : k + n + 1] -= factor * v
    while np.allclose(observe(rest[0]), 0, rtol=1e-14) and len(rest) > 1:
        rest = rest[1:]
    return quotient, rest


@implements(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    """``numpy.polyder``."""
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = _coefficients(p)
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@implements(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """``numpy.polyint``, differentiable in the constants of integration too."""
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    constants = np.zeros(m) if k is None else np.atleast_1d(materialize(k))
    if len(constants) == 1 and m > 1:
        constants = constants[0] * np.ones(m)
    if len(constants) < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = _coefficients(p)
    for i in range(m):
        p = np.concatenate([p / np.arange(len(p), 0, -1), constants[i : i + 1]])
    return p


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """``numpy.poly``: the coefficients of a polynomial with given roots."""
    zeros_of = np.atleast_1d(materialize(seq_of_zeros))
    shape = np.shape(zeros_of)
    if len(shape) == 2 and shape[0] == shape[1] and shape[0] != 0:
        zeros_of = np.linalg.eigvals(zeros_of)
    elif len(shape) != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if np.size(zeros_of) == 0:
        return 1.0
    a: Any = np.ones(1, dtype_of(zeros_of))
    for zero in zeros_of:
        a = np.convolve(a, np.stack([np.ones_like(observe(zero)), -zero]))
    if dtype_of(a).kind == "c":
        given = np.asarray(observe(zeros_of))
        if np.all(np.sort(given) == np.sort(given.conjugate())):
            a = np.real(a) + 0.0
    return a


@implements(np.vander)
def vander(x: Value, N: int | None = None, increasing: bool = False) -> Any:
    """``numpy.vander``."""
    x = materialize(x)
    if np.ndim(x) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    n = len(x) if N is None else N
    dtype = np.result_type(dtype_of(x), int)  # the dtype in which NumPy multiplies
    x = cast(x, dtype)
    ones = np.ones((len(x), 1), dtype)[:, : max(n, 0)]
    powers = np.cumprod(np.broadcast_to(x[:, None], (len(x), max(n - 1, 0))), axis=1)
    v = np.concatenate([ones, powers], axis=1)
    return v if increasing else laid_out(v[:, ::-1])


def _powers(roots: Any, size: int) -> Any:
    """Rows of powers of the roots, the highest first."""
    return np.vander(roots, size)


def _slopes(p: Any, roots: Any) -> Any:
    return np.polyval(np.polyder(p), roots)


def _roots_jvp(t: Tangent, x: Value, ans: Value, batch: Shape) -> Tangent:
    if np.size(ans) == 0:
        return np.zeros(batch + np.shape(ans))
    return -np.matmul(t, np.transpose(_powers(ans, len(x)))) / _slopes(x, ans)


def _roots_vjp(g: Cotangent, x: Value, ans: Value, batch: Shape) -> Cotangent:
    if np.size(ans) == 0:
        return np.zeros(batch + np.shape(x))
    return -np.matmul(g / _slopes(x, ans), _powers(ans, len(x)))


roots_p = rule(lambda x: np.roots(x), jvp=_roots_jvp, vjp=_roots_vjp, name="roots")


@implements(np.roots)
def roots(p: Any) -> Any:
    """``numpy.roots``, differentiable at simple roots: ``dr = -dp(r) / p'(r)``; the
    derivative of a multiple root is infinite."""
    return roots_p(np.atleast_1d(materialize(p)))


@implements(np.polyfit)
def polyfit(
    x: Value,
    y: Value,
    deg: Any,
    rcond: Any = None,
    full: bool = False,
    w: Value = None,
    cov: Any = False,
) -> Any:
    """``numpy.polyfit``, differentiable in x, y and w."""
    x, y = materialize(x) + 0.0, materialize(y) + 0.0
    given = [None if w is None else observe(w), cov]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings come from the fit below
        np.polyfit(observe(x), observe(y), deg, w=given[0], cov=cov)  # NumPy checks the arguments
    order = int(deg) + 1
    rcond = len(x) * np.finfo(dtype_of(x)).eps if rcond is None else rcond
    lhs = np.vander(x, order)
    rhs = y
    if w is not None:
        w = materialize(w) + 0.0
        lhs = lhs * w[:, None]
        rhs = rhs * (w[:, None] if np.ndim(rhs) == 2 else w)
    scale = np.sqrt(np.sum(lhs * lhs, axis=0))
    lhs = lhs / scale
    c, residuals, rank, s = np.linalg.lstsq(lhs, rhs, rcond)
    c = np.transpose(np.transpose(c) / scale)
    if rank != order and not full:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    if full:
        return c, residuals, rank, s, rcond
    if not cov:
        return c
    base = np.linalg.inv(np.matmul(np.transpose(lhs), lhs)) / np.outer(scale, scale)
    if isinstance(cov, str) and cov == "unscaled":
        factor: Any = 1
    else:
        factor = residuals / (len(x) - order)
    return c, base * factor if np.ndim(y) == 1 else base[:, :, None] * factor
