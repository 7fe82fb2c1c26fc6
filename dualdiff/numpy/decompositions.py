"""Decompositions: Cholesky, QR, eigenvalues of Hermitian matrices, singular values.

Formulas: M. B. Giles, "An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation" (2008); I. Murray, "Differentiation of the Cholesky
decomposition" (2016); J. Townsend, "Differentiating the singular value decomposition" (2016).
They are extended to complex matrices, in the pairing Re(g t), for which transposes do not
conjugate.

`cholesky`, `eigh` and `eigvalsh` read one triangle and take the matrix for Hermitian; so do their
derivatives: a tangent counts by its Hermitian part, and a cotangent is Hermitian.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.boxes import is_box, plain
from ..core.errors import UnsupportedInputError, user_line
from ..core.shapes import shape_of
from ..kinds import rule
from ._common import implements
from ._matrices import (
    adjoint,
    conjugate,
    diagonal,
    hermitian,
    inverse,
    is_complex,
    multiply,
    on_diagonal,
    transpose,
)

_Eig: Any = type(np.linalg.eig(np.eye(1)))
_Eigh: Any = type(np.linalg.eigh(np.eye(1)))
_Svd: Any = type(np.linalg.svd(np.eye(1)))
_Qr: Any = type(np.linalg.qr(np.eye(1)))


def _half(x: Any) -> Any:
    """The lower triangle with half of the diagonal: Murray's Phi."""
    n = x.shape[-1]
    return x * (np.tri(n, dtype=np.float32) - 0.5 * np.eye(n, dtype=np.float32))


def _cholesky_push(t: Any, ans: Any, upper: bool) -> Any:
    factor = adjoint(ans) if upper else ans
    inverted = np.linalg.inv(factor)
    middle = multiply(inverted, hermitian(t), adjoint(inverted))
    t = np.matmul(factor, _half(middle))
    return adjoint(t) if upper else t


def _cholesky_pull(g: Any, ans: Any, upper: bool) -> Any:
    factor, g = (adjoint(ans), adjoint(g)) if upper else (ans, g)
    inverted = np.linalg.inv(factor)
    middle = _half(np.matmul(transpose(factor), g))
    return hermitian(multiply(transpose(inverted), middle, conjugate(inverted)))


cholesky_p = rule(
    lambda x, upper: np.linalg.cholesky(x, upper=upper),
    push=_cholesky_push,
    pull=_cholesky_pull,
    name="cholesky",
    structure="...ij->...kl",
)


@implements(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """``numpy.linalg.cholesky``, as a function of a Hermitian matrix.

    NumPy reads one triangle only. The derivative is that for symmetric (Hermitian) changes of the
    matrix: the cotangent is symmetric, and an element beside the diagonal shares it with its
    mirror image.
    """
    return cholesky_p(a, upper=bool(upper))


def _scaled_by_gaps(k: Any, w: Any) -> Any:
    """``k_ij / (w_j - w_i)`` off the diagonal; 0 where k is, though the numbers w may coincide."""
    gaps = w[..., None, :] - w[..., :, None]
    none = np.eye(w.shape[-1], dtype=bool)
    if not is_box(k):  # of which a derivative would be lost
        none = none | ((k == 0) & (plain(gaps) == 0))
    return np.where(none, 0, k / np.where(none, 1, gaps))


def _refuse_phase(dependence: Any, scale: Any, what: str) -> None:
    """An error where a result depends on the arbitrary phase of complex vectors."""
    dependence = np.abs(plain(dependence))
    rounding = float(np.finfo(dependence.dtype).eps) ** 0.5
    if np.any(dependence > rounding * (1 + np.abs(plain(scale)).max(initial=0.0))):
        raise UnsupportedInputError(
            f"the result depends on the phase of complex vectors of numpy.linalg.{what}, which is "
            f"arbitrary, {user_line()}; make it a function of their absolute values, or of "
            f"products in which the phase cancels"
        )


def _eigh_push(t: Any, ans: Any) -> tuple[Any, Any]:
    w, v = ans
    change = multiply(adjoint(v), hermitian(t), v)
    return np.real(diagonal(change)), np.matmul(v, _scaled_by_gaps(change, w))


def _eigh_pull(g: Any, ans: Any) -> Any:
    w, v = ans
    gw, gv = g
    k = np.matmul(transpose(v), gv)
    if is_complex(v):
        _refuse_phase(np.imag(diagonal(k)), k, "eigh")
    q = _scaled_by_gaps(k, w) + on_diagonal(gw)
    return hermitian(multiply(conjugate(v), q, transpose(v)))


eigh_p = rule(
    lambda x, UPLO: tuple(np.linalg.eigh(x, UPLO)),
    push=_eigh_push,
    pull=_eigh_pull,
    name="eigh",
    structure="...ij->...k,...lm",
    outputs=2,
)


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: Any = "L") -> Any:
    """``numpy.linalg.eigh``, as a function of a Hermitian matrix.

    Eigenvectors have no derivative (NaN) where eigenvalues coincide. The phase of complex ones is
    arbitrary: the tangent of v has no part along i v, and a cotangent that depends on the phase
    raises.
    """
    return _Eigh(*eigh_p(a, UPLO=UPLO))


def _eigvalsh_push(t: Any, x: Any, UPLO: Any) -> Any:
    _, v = np.linalg.eigh(x, UPLO)
    return np.real(np.sum(conjugate(v) * np.matmul(hermitian(t), v), axis=-2))


def _eigvalsh_pull(g: Any, x: Any, UPLO: Any) -> Any:
    _, v = np.linalg.eigh(x, UPLO)
    return np.matmul(conjugate(v) * g[..., None, :], transpose(v))


eigvalsh_p = rule(
    lambda x, UPLO: np.linalg.eigvalsh(x, UPLO),
    push=_eigvalsh_push,
    pull=_eigvalsh_pull,
    name="eigvalsh",
    structure="...ij->...k",
)


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: Any = "L") -> Any:
    """``numpy.linalg.eigvalsh``, as a function of a Hermitian matrix.

    Where eigenvalues coincide, symmetric functions of them have their derivative; single ones
    have none.
    """
    return eigvalsh_p(a, UPLO=UPLO)


def _inverse_of_vectors(v: Any) -> Any:
    """The inverse of a matrix of eigenvectors, NaN where they are too few."""
    s = np.linalg.svdvals(plain(v))
    return inverse(v, s[..., -1] <= s[..., 0] * np.finfo(s.dtype).eps if s.size else False)


def _eigvals_push(t: Any, x: Any) -> Any:
    _, v = np.linalg.eig(x)
    return np.sum(transpose(_inverse_of_vectors(v)) * np.matmul(t, v), axis=-2)


def _eigvals_pull(g: Any, x: Any) -> Any:
    _, v = np.linalg.eig(x)
    return np.matmul(transpose(_inverse_of_vectors(v)) * g[..., None, :], transpose(v))


eigvals_p = rule(
    lambda x: np.linalg.eigvals(x),
    push=_eigvals_push,
    pull=_eigvals_pull,
    name="eigvals",
    structure="...ij->...k",
)


@implements(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """``numpy.linalg.eigvals``; the derivative is NaN where the matrix has too few eigenvectors."""
    return eigvals_p(a)


def _eig_push(t: Any, ans: Any) -> tuple[Any, Any]:
    w, v = ans
    change = multiply(_inverse_of_vectors(v), t, v)
    tv = np.matmul(v, _scaled_by_gaps(change, w))
    growth = np.real(np.sum(conjugate(v) * tv, axis=-2, keepdims=True))
    return diagonal(change), tv - v * growth


def _eig_pull(g: Any, ans: Any) -> Any:
    w, v = ans
    gw, gv = g
    growth = np.sum(gv * v, axis=-2, keepdims=True)
    if is_complex(v):
        _refuse_phase(np.imag(growth), gv, "eig")
    k = np.matmul(transpose(v), gv - conjugate(v) * np.real(growth))
    q = _scaled_by_gaps(k, w) + on_diagonal(gw)
    return multiply(transpose(_inverse_of_vectors(v)), q, transpose(v))


eig_p = rule(
    lambda x: tuple(np.linalg.eig(x)),
    push=_eig_push,
    pull=_eig_pull,
    name="eig",
    structure="...ij->...k,...lm",
    outputs=2,
)


@implements(np.linalg.eig)
def eig(a: Any) -> Any:
    """``numpy.linalg.eig``.

    There is no derivative (NaN) where the matrix has too few eigenvectors, nor that of eigenvectors
    where eigenvalues coincide. Their phase is arbitrary, as for `eigh`.
    """
    return _Eig(*eig_p(a))


def _svd_push(t: Any, ans: Any) -> tuple[Any, Any, Any]:
    u, s, vh = ans
    v, s_row, s_column = adjoint(vh), s[..., None, :], s[..., :, None]
    p = multiply(adjoint(u), t, v)
    ph = adjoint(p)
    turn_u = _scaled_by_gaps(p * s_row + s_column * ph, s * s)
    turn_v = _scaled_by_gaps(s_column * p + ph * s_row, s * s)
    if is_complex(p):
        phase = on_diagonal(0.5j * np.imag(diagonal(p)) / s)
        turn_u, turn_v = turn_u + phase, turn_v - phase
    tu, tv = np.matmul(u, turn_u), np.matmul(v, turn_v)
    if u.shape[-2] > s.shape[-1]:
        tu = tu + (np.matmul(t, v) - np.matmul(u, p)) / s_row
    if v.shape[-2] > s.shape[-1]:
        tv = tv + (np.matmul(adjoint(t), u) - np.matmul(v, ph)) / s_row
    return tu, np.real(diagonal(p)), adjoint(tv)


def _svd_pull(g: Any, ans: Any) -> Any:
    u, s, vh = ans
    gu, gs, gvh = g
    gv, v, s_row, s_column = adjoint(gvh), adjoint(vh), s[..., None, :], s[..., :, None]
    ku, kv = np.matmul(transpose(u), gu), np.matmul(transpose(v), gv)
    fu, fv = _scaled_by_gaps(ku, s * s), _scaled_by_gaps(kv, s * s)
    q = fu * s_row + adjoint(fu * s_column) + fv * s_column + adjoint(fv * s_row) + on_diagonal(gs)
    if is_complex(u):
        phase_u, phase_v = np.imag(diagonal(ku)), np.imag(diagonal(kv))
        _refuse_phase(phase_u + phase_v, ku, "svd")
        q = q + on_diagonal(0.5j * (phase_u - phase_v) / s)
    c = multiply(conjugate(u), q, conjugate(vh))
    if u.shape[-2] > s.shape[-1]:
        c = c + np.matmul((gu - np.matmul(conjugate(u), ku)) / s_row, conjugate(vh))
    if v.shape[-2] > s.shape[-1]:
        rest = gv - np.matmul(conjugate(v), kv)
        c = c + np.matmul(conjugate(u) / s_row, adjoint(rest))
    return c


svd_p = rule(
    lambda x: tuple(np.linalg.svd(x, full_matrices=False)),
    push=_svd_push,
    pull=_svd_pull,
    name="svd",
    structure="...ij->...kl,...m,...no",
    outputs=3,
)


def _svdvals_push(t: Any, x: Any) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    slope = np.real(np.sum(conjugate(u) * np.matmul(t, adjoint(vh)), axis=-2))
    return np.where(plain(s) == 0, 0, slope)


def _svdvals_pull(g: Any, x: Any) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    g = np.where(plain(s) == 0, 0, g)
    return np.matmul(conjugate(u) * g[..., None, :], conjugate(vh))


svdvals_p = rule(
    lambda x: np.linalg.svd(x, compute_uv=False),
    push=_svdvals_push,
    pull=_svdvals_pull,
    name="svdvals",
    structure="...ij->...k",
)


@implements(np.linalg.svd)
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """``numpy.linalg.svd``.

    Without vectors, symmetric functions of the singular values have their derivative where values
    coincide, and the derivative of a value that is 0 counts as 0. Singular vectors have no
    derivative (NaN) where values coincide or are 0. Their common phase, for complex matrices, is
    arbitrary: a cotangent that depends on it raises.
    """
    if hermitian:
        raise UnsupportedInputError(
            f"numpy.linalg.svd(hermitian=True) has no rule, {user_line()}; leave it out, or use "
            f"numpy.linalg.eigh"
        )
    if not compute_uv:
        return svdvals_p(a)
    m, n = shape_of(a)[-2:]
    if full_matrices and m != n:
        raise UnsupportedInputError(
            f"the full matrices of the singular value decomposition of a {m} x {n} matrix are not "
            f"unique and have no derivative, {user_line()}; pass full_matrices=False"
        )
    return _Svd(*svd_p(a))


@implements(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """``numpy.linalg.svdvals``."""
    return svdvals_p(x)


def _qr_turn(k: Any) -> Any:
    """Q^H dQ for ``k = Q^H dA R^-1``: skew, with what is below the diagonal of k."""
    lower = np.tril(k, -1)
    turn = lower - adjoint(lower)
    return turn + on_diagonal(1j * np.imag(diagonal(k))) if is_complex(k) else turn


def _inverted_factor(r: Any, k: int) -> Any:
    """The inverse of the square part of R (NaN if singular), filled up with rows of zeros."""
    singular = np.any(diagonal(plain(r)) == 0, axis=-1)
    inverted = inverse(r[..., :k], singular)
    return np.matmul(np.eye(r.shape[-1], k, dtype=np.int8), inverted)


def _qr_push(t: Any, ans: Any) -> tuple[Any, Any]:
    q, r = ans
    c = np.matmul(t, _inverted_factor(r, q.shape[-1]))
    s = np.matmul(adjoint(q), c)
    turn = _qr_turn(s)
    return c + np.matmul(q, turn - s), np.matmul(adjoint(q), t) - np.matmul(turn, r)


def _qr_pull(g: Any, ans: Any) -> Any:
    q, r = ans
    gq, gr = g
    k = np.matmul(transpose(q), gq)
    gs = _qr_turn_transposed(k - np.matmul(gr, transpose(r))) - k
    gc = gq + np.matmul(conjugate(q), gs)
    inverted = _inverted_factor(r, q.shape[-1])
    return np.matmul(conjugate(q), gr) + np.matmul(gc, transpose(inverted))


def _qr_turn_transposed(k: Any) -> Any:
    turn = np.tril(k - adjoint(k), -1)
    return turn + on_diagonal(1j * np.imag(diagonal(k))) if is_complex(k) else turn


qr_p = rule(
    lambda x: tuple(np.linalg.qr(x)),
    push=_qr_push,
    pull=_qr_pull,
    name="qr",
    structure="...ij->...kl,...mn",
    outputs=2,
)


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """``numpy.linalg.qr`` with mode "reduced" or "r", and "complete" where that is "reduced".

    Where the first ``min(m, n)`` columns are not independent, the derivative is NaN.
    """
    m, n = shape_of(a)[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise UnsupportedInputError(
            f"numpy.linalg.qr(mode={mode!r}) of a {m} x {n} matrix has no rule, {user_line()}; use "
            f"mode='reduced' or mode='r'"
        )
    q, r = qr_p(a)
    return r if mode == "r" else _Qr(q, r)
