"""Linear algebra: equations, determinants, factorisations, eigenvalues.

Formulas: M. B. Giles, "An extended collection of matrix derivative results for forward and reverse mode
algorithmic differentiation" (2008); I. Murray, "Differentiation of the Cholesky decomposition" (2016). They
are written for the pairing Re(g t), so that transposes do not conjugate.

`cholesky`, `eigh` and `eigvalsh` read one triangle and take the matrix for Hermitian; so do their
derivatives: a tangent counts by its Hermitian part, and a cotangent is Hermitian.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.boxes import is_box, plain
from ..core.errors import UnsupportedInputError, user_line
from ..core.shapes import Shape, Spec, align, dtype_of
from ..kinds import rule
from ._common import implements
from .manipulation import as_operand
from .products import fold


def _is_complex(x: Any) -> bool:
    return dtype_of(x).kind == "c"


def _conjugate(x: Any) -> Any:
    return np.conjugate(x) if _is_complex(x) else x


def _transpose(x: Any) -> Any:
    return np.matrix_transpose(x)


def _adjoint(x: Any) -> Any:
    return _conjugate(_transpose(x))


def _hermitian(x: Any) -> Any:
    """The Hermitian part, which is also what the cotangent of a Hermitian matrix is reduced to."""
    return 0.5 * (x + _adjoint(x))


def _over_matrix(g: Any) -> Any:
    """Numbers with two axes more, so that each multiplies a matrix."""
    return g[..., None, None] if np.ndim(g) else g


def _inner(a: Any, b: Any) -> Any:
    """``sum(a * b)`` over the matrices of two stacks."""
    return np.sum(a * b, axis=(-2, -1))


def _solve_led(a: Any, b: Any, lead: Shape) -> Any:
    """``a^-1 b`` for matrices b with lead axes, with one factorisation for all directions."""
    if not lead:
        return np.linalg.solve(a, b)
    columns = np.moveaxis(b, 0, -1)
    flat = np.reshape(columns, (*columns.shape[:-2], columns.shape[-2] * columns.shape[-1]))
    ans = np.linalg.solve(a, flat)
    return np.moveaxis(np.reshape(ans, ans.shape[:-1] + columns.shape[-2:]), -1, 0)


def _solve_push(ts: Any, x: Any, ans: Any, y_spec: Spec, lead: Shape) -> Any:
    ta, tb = ts
    vector = y_spec.ndim == 1
    if vector:
        ans = ans[..., None]
        tb = tb if tb is None else tb[..., None]
    rhs = None if tb is None else align(tb, y_spec.ndim + vector, ans.ndim, lead)
    if ta is not None:
        part = np.matmul(align(ta, x.ndim, ans.ndim, lead), ans)
        rhs = -part if rhs is None else rhs - part
    t = _solve_led(x, rhs, lead)
    return t[..., 0] if vector else t


def _solve_pull(
    g: Any, x: Any, ans: Any, x_spec: Spec, y_spec: Spec, active: Any, lead: Shape
) -> tuple[Any, Any]:
    vector = y_spec.ndim == 1
    if vector:
        g, ans = g[..., None], ans[..., None]
    c = _solve_led(_transpose(x), g, lead)
    ga = -fold(np.matmul(c, _transpose(ans)), x_spec, ans.ndim) if active[0] else None
    if vector:
        return ga, fold(c[..., 0], y_spec, ans.ndim - 1)
    return ga, fold(c, y_spec, ans.ndim)


solve_p = rule(np.linalg.solve, push=_solve_push, pull=_solve_pull, name="solve")


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """``numpy.linalg.solve``; b is one vector only where it has one dimension."""
    return solve_p(as_operand(a), as_operand(b))


inv_p = rule(
    np.linalg.inv,
    push=lambda t, ans: -np.matmul(np.matmul(ans, t), ans),
    pull=lambda g, ans: -np.matmul(np.matmul(_transpose(ans), g), _transpose(ans)),
    name="inv",
)
implements(np.linalg.inv)(inv_p.bind)


def _cofactors(x: Any, det: Any) -> Any:
    """``det(x) x^-T``; where x is singular, by its singular value decomposition."""
    try:
        return _over_matrix(det) * _transpose(np.linalg.inv(x))
    except np.linalg.LinAlgError:
        if is_box(x):
            raise UnsupportedInputError(
                f"numpy.linalg.det has no second derivative rule at a singular matrix, "
                f"{user_line()}"
            ) from None
    u, s, vh = np.linalg.svd(x)
    others = np.prod(np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]), axis=-1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.conjugate(_over_matrix(np.conjugate(sign)) * u * others[..., None, :] @ vh)


det_p = rule(
    np.linalg.det,
    push=lambda t, x, ans: _inner(_cofactors(x, ans), t),
    pull=lambda g, x, ans: _over_matrix(g) * _cofactors(x, ans),
    name="det",
)
implements(np.linalg.det)(det_p.bind)


def _inverse_of_regular(x: Any, sign: Any) -> Any:
    """The inverse, NaN for singular matrices."""
    singular = np.asarray(plain(sign)) == 0
    if singular.any():
        x = np.where(_over_matrix(singular), np.nan, x)
    return np.linalg.inv(x)


def _slogdet_push(t: Any, x: Any, ans: Any) -> tuple[Any, Any]:
    sign, _ = ans
    change = _inner(_transpose(_inverse_of_regular(x, sign)), t)
    if not _is_complex(x):
        return np.zeros(np.shape(change)), change
    return 1j * sign * np.imag(change), np.real(change)


def _slogdet_pull(g: Any, x: Any, ans: Any) -> Any:
    sign, _ = ans
    g_sign, g = g
    if _is_complex(x):
        g = g - 1j * np.real(1j * g_sign * sign)
    return _over_matrix(g) * _transpose(_inverse_of_regular(x, sign))


slogdet_p = rule(
    lambda x: tuple(np.linalg.slogdet(x)),
    push=_slogdet_push,
    pull=_slogdet_pull,
    name="slogdet",
    outputs=2,
)
_Slogdet: Any = type(np.linalg.slogdet(np.eye(1)))


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """``numpy.linalg.slogdet``; the sign of a real determinant is constant, the derivative at a singular matrix NaN."""
    return _Slogdet(*slogdet_p(a))


def _half(x: Any) -> Any:
    """The lower triangle with half of the diagonal: Murray's Phi."""
    n = x.shape[-1]
    weights = np.tri(n, dtype=np.float32) - 0.5 * np.eye(n, dtype=np.float32)
    return x * weights


def _cholesky_push(t: Any, ans: Any, upper: bool) -> Any:
    factor = _adjoint(ans) if upper else ans
    inverse = np.linalg.inv(factor)
    middle = np.matmul(np.matmul(inverse, _hermitian(t)), _adjoint(inverse))
    t = np.matmul(factor, _half(middle))
    return _adjoint(t) if upper else t


def _cholesky_pull(g: Any, ans: Any, upper: bool) -> Any:
    factor = ans
    if upper:
        factor, g = _adjoint(ans), _adjoint(g)
    inverse = np.linalg.inv(factor)
    middle = _half(np.matmul(_transpose(factor), g))
    return _hermitian(np.matmul(np.matmul(_transpose(inverse), middle), _conjugate(inverse)))


cholesky_p = rule(
    lambda x, upper: np.linalg.cholesky(x, upper=upper),
    push=_cholesky_push,
    pull=_cholesky_pull,
    name="cholesky",
)


@implements(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """``numpy.linalg.cholesky``, as a function of a Hermitian matrix.

    NumPy reads one triangle only. The derivative is that for symmetric (Hermitian) changes of the
    matrix: the cotangent is symmetric, and an element beside the diagonal shares it with its mirror image.
    """
    return cholesky_p(a, upper=bool(upper))


def _gaps(w: Any) -> Any:
    """``1 / (w_j - w_i)``, and 0 on the diagonal."""
    same = np.eye(w.shape[-1], dtype=bool)
    return np.where(same, 0, 1 / np.where(same, 1, w[..., None, :] - w[..., :, None]))


def _scaled(k: Any, gaps: Any) -> Any:
    """``k * gaps``, and 0 where k is 0: eigenvalues that coincide matter only if their vectors do."""
    return np.where(plain(k) == 0, 0, k * gaps)


def _eigh_push(t: Any, ans: Any) -> tuple[Any, Any]:
    w, v = ans
    change = np.matmul(np.matmul(_adjoint(v), _hermitian(t)), v)
    tw = np.real(np.diagonal(change, axis1=-2, axis2=-1))
    return tw, np.matmul(v, _scaled(change, _gaps(w)))


def _refuse_phase(k: Any, what: str) -> None:
    """An error where a result depends on the arbitrary phase of complex vectors."""
    k = plain(k)
    phase = np.abs(np.diagonal(k, axis1=-2, axis2=-1).imag)
    if np.any(phase > 1e-8 * (1 + np.abs(k).max(initial=0.0))):
        raise UnsupportedInputError(
            f"the result depends on the phase of complex vectors from numpy.linalg.{what}, which is "
            f"arbitrary, {user_line()}; make it a function of abs(v), or of v times its own "
            f"conjugate."
        )


def _eigh_pull(g: Any, ans: Any) -> Any:
    w, v = ans
    gw, gv = g
    k = np.matmul(_transpose(v), gv)
    if _is_complex(v):
        _refuse_phase(k, "eigh")
    q = _scaled(k, _gaps(w)) + gw[..., None] * np.eye(w.shape[-1], dtype=bool)
    return _hermitian(np.matmul(np.matmul(_conjugate(v), q), _transpose(v)))


eigh_p = rule(
    lambda x, UPLO: tuple(np.linalg.eigh(x, UPLO)),
    push=_eigh_push,
    pull=_eigh_pull,
    name="eigh",
    outputs=2,
)
_Eigh: Any = type(np.linalg.eigh(np.eye(1)))


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803  # NumPy's name
    """``numpy.linalg.eigh``, as a function of a Hermitian matrix.

    Eigenvectors have no derivative (NaN) where eigenvalues coincide. The phase of complex ones is
    arbitrary: a tangent of v has no part along i v, and a cotangent that depends on the phase raises.
    """
    return _Eigh(*eigh_p(a, UPLO=UPLO))


def _eigvalsh_push(t: Any, x: Any, UPLO: str) -> Any:  # noqa: N803
    _, v = np.linalg.eigh(x, UPLO)
    return np.real(np.sum(_conjugate(v) * np.matmul(_hermitian(t), v), axis=-2))


def _eigvalsh_pull(g: Any, x: Any, UPLO: str) -> Any:  # noqa: N803
    _, v = np.linalg.eigh(x, UPLO)
    return np.matmul(_conjugate(v) * g[..., None, :], _transpose(v))


eigvalsh_p = rule(
    np.linalg.eigvalsh, push=_eigvalsh_push, pull=_eigvalsh_pull, name="eigvalsh"
)


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803
    """``numpy.linalg.eigvalsh``, as a function of a Hermitian matrix."""
    return eigvalsh_p(a, UPLO=UPLO)


@implements(np.linalg.trace)
def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """``numpy.linalg.trace``."""
    return np.trace(x, offset, -2, -1, dtype)


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """``numpy.linalg.matrix_power``."""
    n = operator.index(n)
    if n == 0:
        return np.linalg.matrix_power(plain(a), 0)
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
            return np.copy(ans) if ans is a else ans
        power = np.matmul(power, power)
