"""`numpy.linalg` on traced arrays: its whole namespace, with equations, inverses and
determinants.

Formulas: M. B. Giles, "An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation" (2008); G. H. Golub and V. Pereyra, "The differentiation
of pseudo-inverses and nonlinear least squares problems whose variables separate" (1973). They are
written for the pairing Re(g t), for which transposes do not conjugate.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ....array.box import is_box, unbox
from ....core.batch import Shape, Spec, align, shape_of
from ....core.types import Cotangent, Tangent, Value
from ....errors import UnsupportedInputError, user_line
from ...declare import rule
from ...structures import Einsum, Solve
from ..common import implements
from ..creation import given
from ..manipulation import as_operand
from .matrices import (
    adjoint,
    completed,
    conjugate,
    fold,
    inner,
    inverse,
    is_complex,
    multiply,
    on_diagonal,
    over_matrix,
    transpose,
)
from .matrices import diagonal as diagonal_of

Solver = Callable[[Any, Any], Any]


def _solve_batched(a: Value, b: Value, batch: Shape, solver: Solver) -> Any:
    """``a^-1 b`` for batches of matrices b, with one factorisation for all directions."""
    if not batch:
        return solver(a, b)
    columns = np.moveaxis(b, 0, -1)
    flat = np.reshape(columns, (*columns.shape[:-2], columns.shape[-2] * columns.shape[-1]))
    ans = solver(a, flat)
    return np.moveaxis(np.reshape(ans, ans.shape[:-1] + columns.shape[-2:]), -1, 0)


def solve_jvp(
    ts: Any, x: Value, ans: Value, y_spec: Spec, batch: Shape, solver: Solver = np.linalg.solve
) -> Tangent:
    """The tangent of ``x^-1 y``, by any solver for such equations."""
    ta, tb = ts
    vector = y_spec.ndim == 1
    if vector:
        ans = ans[..., None]
        tb = tb if tb is None else tb[..., None]
    rhs = None if tb is None else align(tb, y_spec.ndim + vector, ans.ndim, batch)
    if ta is not None:
        part = np.matmul(align(ta, x.ndim, ans.ndim, batch), ans)
        rhs = -part if rhs is None else rhs - part
    t = _solve_batched(x, rhs, batch, solver)
    return t[..., 0] if vector else t


def solve_vjp(
    g: Cotangent, x: Value, ans: Value, x_spec: Spec, y_spec: Spec, active: Any, batch: Shape,
    solver: Solver = np.linalg.solve,
) -> tuple[Any, Any]:  # fmt: skip
    """The cotangents of ``x^-1 y``, by a solver for equations with the transposed matrix."""
    vector = y_spec.ndim == 1
    if vector:
        g, ans = g[..., None], ans[..., None]
    c = _solve_batched(transpose(x), g, batch, solver)
    ga = -fold(np.matmul(c, transpose(ans)), x_spec, ans.ndim) if active[0] else None
    if vector:
        return ga, fold(c[..., 0], y_spec, ans.ndim - 1)
    return ga, fold(c, y_spec, ans.ndim)


solve_p = rule(np.linalg.solve, jvp=solve_jvp, vjp=solve_vjp, name="solve", structure=Solve())


@implements(np.linalg.solve)
def solve(a: Value, b: Value) -> Any:
    """``numpy.linalg.solve``; b is a vector only if it has one dimension."""
    return solve_p(as_operand(a), as_operand(b))


inv_p = rule(
    np.linalg.inv,
    jvp=lambda t, ans: -multiply(ans, t, ans),
    vjp=lambda g, ans: -multiply(transpose(ans), g, transpose(ans)),
    name="inv",
    structure=Einsum("...ij->...kl"),
)


@implements(np.linalg.inv)
def inv(a: Value) -> Any:
    """``numpy.linalg.inv``."""
    return inv_p(a)


ILL_CONDITIONED = 1e6  # for which cofactors are products of singular values
_NEXT, _AFTER = np.array([1, 2, 0]), np.array([2, 0, 1])
_SIGNS = np.array([[1, -1], [-1, 1]])


def _singular_cofactors(x: Value) -> Any:
    """``det(x) x^-T`` by the singular value decomposition: a product of the factors' cofactors."""
    if is_box(x):
        return cofactors_p(x)
    u, s, vh = np.linalg.svd(x)
    others = np.prod(np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]), axis=-1)
    sign = over_matrix(np.linalg.det(u) * np.linalg.det(vh))
    return sign * np.matmul(conjugate(u) * others[..., None, :], conjugate(vh))


def _without_pairs(s: Any) -> Any:
    """The products of all s but ``s_i`` and ``s_j``, with 0 for i = j."""
    same = np.eye(s.shape[-1], dtype=bool)
    rest = np.where(same, 1, s[..., None, :])
    before, after = np.ones_like(rest), np.ones_like(rest)
    before[..., 1:] = np.cumprod(rest[..., :-1], axis=-1)
    after[..., :-1] = np.cumprod(rest[..., :0:-1], axis=-1)[..., ::-1]
    return np.where(same, 0, before * after)


def _change_of_cofactors(t: Tangent, x: Value) -> Any:
    """The derivative of the cofactors in the direction t; it is its own transpose."""
    if is_box(x):
        raise UnsupportedInputError(
            f"numpy.linalg.det has no third derivative rule at a singular matrix, {user_line()}"
        )
    u, s, vh = np.linalg.svd(x)
    sign, products = over_matrix(np.linalg.det(u) * np.linalg.det(vh)), _without_pairs(s)
    t = multiply(adjoint(u), t, adjoint(vh))
    own = np.matmul(products, diagonal_of(t)[..., None])[..., 0]
    return sign * multiply(conjugate(u), on_diagonal(own) - transpose(t) * products, conjugate(vh))


cofactors_p = rule(
    _singular_cofactors,
    jvp=_change_of_cofactors,
    vjp=_change_of_cofactors,
    name="cofactors",
    structure=Einsum("...ij->...kl"),
)


_LARGE = 64  # from which on the inverse by factors takes less time than by `solve`


def _inverted(x: Any) -> Any:
    """The inverse of a plain matrix by its factors."""
    from scipy.linalg.lapack import get_lapack_funcs  # SciPy loads when first needed

    functions: Any = get_lapack_funcs(("getrf", "getri"), (x,))
    getrf, getri = functions
    factors, pivots, info = getrf(x.T)
    if info:
        raise np.linalg.LinAlgError
    return getri(factors, pivots, lwork=64 * len(x), overwrite_lu=True)[0].T


def _cofactors(x: Value, det: Any) -> Any:
    """``det(x) x^-T``, also for a singular or nearly singular x.

    Up to 3 x 3 by the definition, which has derivatives of all orders. Derivatives of the product
    with the inverse lose digits if x is ill-conditioned.
    """
    n = shape_of(x)[-1]
    if n <= 1:
        return np.ones_like(unbox(x))
    if n == 2:
        return x[..., ::-1, ::-1] * _SIGNS
    if n == 3:  # indices modulo 3 give the signs
        (i, k), (j, m) = (_NEXT[:, None], _AFTER[:, None]), (_NEXT, _AFTER)
        return x[..., i, j] * x[..., k, m] - x[..., i, m] * x[..., k, j]
    try:
        inverted = np.linalg.inv(x) if is_box(x) or x.ndim > 2 or n < _LARGE else _inverted(x)
    except np.linalg.LinAlgError:
        return cofactors_p(x)
    largest, of_inverse = (np.absolute(unbox(a)).max((-2, -1)) for a in (x, inverted))
    if np.all(largest * of_inverse < ILL_CONDITIONED):
        return over_matrix(det) * transpose(inverted)
    return cofactors_p(x)


det_p = rule(
    np.linalg.det,
    jvp=lambda t, x, ans: inner(_cofactors(x, ans), t),
    vjp=lambda g, x, ans: over_matrix(g) * _cofactors(x, ans),
    name="det",
    structure=Einsum("...ij->..."),
)


@implements(np.linalg.det)
def det(a: Value) -> Any:
    """``numpy.linalg.det``, whose derivative is the cofactors, also at singular matrices."""
    return det_p(a)


def _slogdet_jvp(t: Tangent, x: Value, ans: Value) -> tuple[Any, Any]:
    sign, _ = ans
    change = inner(transpose(inverse(x, unbox(sign) == 0)), t)
    if not is_complex(x):
        return np.zeros(np.shape(change)), change
    return 1j * sign * np.imag(change), np.real(change)


def _slogdet_vjp(g: Cotangent, x: Value, ans: Value) -> Cotangent:
    sign, _ = ans
    g_sign, g = g
    if is_complex(x):
        g = g - 1j * np.real(1j * g_sign * sign)
    return over_matrix(g) * transpose(inverse(x, unbox(sign) == 0))


slogdet_p = rule(
    lambda x: tuple(np.linalg.slogdet(x)),
    jvp=_slogdet_jvp,
    vjp=_slogdet_vjp,
    name="slogdet",
    structure=Einsum("...ij->...,..."),
    outputs=2,
)
_Slogdet: Any = type(np.linalg.slogdet(np.eye(1)))


@implements(np.linalg.slogdet)
def slogdet(a: Value) -> Any:
    """``numpy.linalg.slogdet``; the sign of a real determinant is constant.

    The derivative at a singular matrix is NaN.
    """
    return _Slogdet(*slogdet_p(a))


def _pinv_jvp(t: Tangent, x: Value, ans: Value) -> Tangent:
    th, ph = adjoint(t), adjoint(ans)
    left = th - multiply(th, x, ans)
    right = th - multiply(ans, x, th)
    return multiply(ans, ph, left) + multiply(right, ph, ans) - multiply(ans, t, ans)


def _pinv_vjp(g: Cotangent, x: Value, ans: Value) -> Cotangent:
    p, gh, bar = transpose(ans), adjoint(g), conjugate(ans)
    left, right = multiply(gh, bar, p), multiply(p, bar, gh)
    left = left - multiply(conjugate(x), bar, left)
    right = right - multiply(right, bar, conjugate(x))
    return left + right - multiply(p, g, p)


pinv_p = rule(
    lambda x, symmetric, **options: np.linalg.pinv(x, hermitian=symmetric, **options),
    jvp=_pinv_jvp,
    vjp=_pinv_vjp,
    name="pinv",
    structure=Einsum("...ij->...kl"),
)


@implements(np.linalg.pinv)
def pinv(a: Value, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    """``numpy.linalg.pinv``, at constant rank: it jumps where the rank changes.

    With ``hermitian=True`` it reads one triangle, like `eigh`.
    """
    options = {} if rtol is np._NoValue else {"rtol": unbox(rtol)}
    a = completed(as_operand(a)) if hermitian else as_operand(a)
    return pinv_p(a, rcond=unbox(rcond), symmetric=bool(hermitian), **options)


@implements(np.linalg.lstsq)
def lstsq(a: Value, b: Value, rcond: float | None = None) -> Any:
    """``numpy.linalg.lstsq``, at constant rank, where the solution is ``pinv(a) @ b``."""
    a, b = as_operand(a), as_operand(b)
    solution, residuals, rank, s = np.linalg.lstsq(unbox(a), unbox(b), rcond)
    if rcond is None or rcond < 0:
        eps = float(np.finfo(s.dtype).eps)
        rcond = eps if rcond is not None else eps * max(np.shape(a))
    x = given(np.matmul(np.linalg.pinv(a, rcond), b), solution)
    if residuals.size:
        rest = b - np.matmul(a, x)
        norms = np.sum(np.real(conjugate(rest) * rest), axis=0, keepdims=np.ndim(b) == 1)
        residuals = given(norms, residuals)
    return x, residuals, rank, given(np.linalg.svdvals(a), s)


@implements(np.linalg.trace)
def trace(x: Value, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """``numpy.linalg.trace``."""
    return np.trace(x, offset, -2, -1, dtype)


@implements(np.linalg.matrix_power)
def matrix_power(a: Value, n: int) -> Any:
    """``numpy.linalg.matrix_power``."""
    n = operator.index(n)
    if n == 0 or np.ndim(a) < 2 or np.shape(a)[-2] != np.shape(a)[-1]:
        return np.linalg.matrix_power(unbox(a), n)  # or its error
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if n == 3:
        return np.matmul(np.matmul(a, a), a)
    power, ans = a, None
    while True:
        if n % 2:
            ans = power if ans is None else np.matmul(ans, power)
        n //= 2
        if not n:
            return ans
        power = np.matmul(power, power)


@implements(np.linalg.cond)
def cond(x: Value, p: Any = None) -> Any:
    """``numpy.linalg.cond``; its derivative is NaN if it is infinite."""
    value = np.linalg.cond(unbox(x), p)
    singular = ~np.isfinite(value)
    if p is None or p in (2, -2):
        s = np.linalg.svdvals(x)
        above, below = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
        if np.any(unbox(below) == 0):
            below = np.where(unbox(below) == 0, np.nan, below)
        ans = above / below
    else:
        ans = np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(inverse(x, singular), p, (-2, -1))
    return given(ans, value)


@implements(np.linalg.tensorinv)
def tensorinv(a: Value, ind: int = 2) -> Any:
    """``numpy.linalg.tensorinv``."""
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = np.shape(a)
    matrix = np.reshape(a, (prod(shape[ind:]), -1))
    return np.reshape(np.linalg.inv(matrix), shape[ind:] + shape[:ind])


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Value, b: Value, axes: Any = None) -> Any:
    """``numpy.linalg.tensorsolve``."""
    ndim = np.ndim(a)
    if axes is not None:
        rest = [k for k in range(ndim) if k not in axes]
        a = np.transpose(a, (*rest, *axes))
    shape = np.shape(a)[np.ndim(b) - ndim :]
    if prod(shape) ** 2 != np.size(a):
        return np.linalg.tensorsolve(unbox(a), unbox(b))  # raises NumPy's error for the shapes
    matrix = np.reshape(a, (prod(shape), prod(shape)))
    return np.reshape(np.linalg.solve(matrix, np.ravel(b)), shape)
