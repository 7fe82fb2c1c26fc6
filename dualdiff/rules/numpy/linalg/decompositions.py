"""Triangular decompositions: Cholesky and QR.

Formulas: M. B. Giles, "An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation" (2008); I. Murray, "Differentiation of the Cholesky
decomposition" (2016).
They are extended to complex matrices, in the pairing Re(g t), for which transposes do not
conjugate.

`cholesky` reads one triangle, so its tangents are completed to Hermitian matrices, and its
cotangents are folded into that triangle.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ....array.box import observe, unbox
from ....array.kinds import beside
from ....core.batch import cast, shape_of
from ....core.trace import materialize
from ....core.types import Cotangent, Tangent, Value
from ...declare import rule
from ...structures import Einsum
from ..common import implements
from ..creation import given, zeros
from .gauge import refuse_basis, size_of
from .matrices import (
    adjoint,
    completed_triangle,
    conjugate,
    diagonal,
    folded_triangle,
    hermitian,
    inverse,
    is_complex,
    multiply,
    on_diagonal,
    transpose,
)

_Qr: Any = type(np.linalg.qr(np.eye(1)))


_BLOCK = 64  # rows that the pullback of `cholesky` takes at a time


def _half(x: Value) -> Any:
    """The lower triangle with half of the diagonal: Murray's Phi."""
    n = x.shape[-1]
    return x * beside(np.tri(n, dtype=np.float32) - 0.5 * np.eye(n, dtype=np.float32), x)


def _has_blas(factor: Any, b: Value) -> bool:
    """Whether triangular solves of BLAS pay (measured): one large matrix and one direction."""
    plain_arrays = type(factor) is ndarray is type(b) and factor.dtype == b.dtype
    return plain_arrays and b.ndim == 2 and len(b) >= 64 and b.dtype.char in "fdFD"


def _inverse_of_lower(factor: Any) -> Any:
    n = factor.shape[-1]
    if type(factor) is not ndarray or factor.ndim == 2 or n > 8:
        return np.linalg.inv(factor)
    # Row by row for all matrices of a stack: a third of the time for small ones.
    ans, pivots = np.zeros_like(factor), diagonal(factor)
    for i in range(n):
        row = np.matmul(factor[..., i : i + 1, :i], ans[..., :i, :i])[..., 0, :]
        ans[..., i, :i] = -row / pivots[..., i : i + 1]
        ans[..., i, i] = 1 / pivots[..., i]
    return ans


def _between(factor: Any, b: Value, transposed: bool) -> Any:
    """``L^-1 b L^-H`` for a lower triangular L, or ``L^-T b conj(L)^-1`` if `transposed`."""
    if _has_blas(factor, b):
        from scipy.linalg.blas import get_blas_funcs  # SciPy loads when first needed

        trsm = get_blas_funcs("trsm", (factor, b))
        for upper in (factor.T, conjugate(factor).T):
            b = transpose(trsm(1.0, upper, b, trans_a=0 if transposed else 1))
        return b
    inverted = _inverse_of_lower(factor)
    if transposed:
        return multiply(transpose(inverted), b, conjugate(inverted))
    return multiply(inverted, b, adjoint(inverted))


def _in_blocks(factor: Any, g: Any) -> Any:
    """The cotangent of the lower triangle that a real factor is of, block by block.

    It takes twice the operations of the factorisation (Murray, section 3.3).
    """
    from scipy.linalg.lapack import get_lapack_funcs  # SciPy loads when first needed

    trtri: Any = get_lapack_funcs("trtri", (factor,))
    out = np.tril(g)
    for stop in range(len(factor), 0, -_BLOCK):
        start = max(stop - _BLOCK, 0)
        left, own, below = slice(start), slice(start, stop), slice(stop, None)
        inverted = trtri(factor[own, own].T)[0].T
        if stop < len(factor):
            out[below, own] = np.matmul(out[below, own], inverted)
            out[below, left] -= np.matmul(out[below, own], factor[own, left])
            out[own, :stop] -= np.matmul(out[below, own].T, factor[below, :stop])
        middle = _half(np.matmul(factor[own, own].T, np.tril(out[own, own])))
        middle = multiply(inverted.T, middle, inverted)
        middle += middle.T.copy()
        out[own, left] -= np.matmul(middle, factor[own, left])
        out[own, own] = _half(middle)
    return out


def cholesky_jvp(t: Tangent, ans: Value, upper: bool) -> Tangent:
    """The tangent of a Cholesky factor, from that of the triangle that it is of."""
    factor = adjoint(ans) if upper else ans
    t = completed_triangle(t, lower=not upper)
    t = np.matmul(factor, _half(_between(factor, t, transposed=False)))
    return adjoint(t) if upper else t


def cholesky_vjp(g: Cotangent, ans: Value, upper: bool) -> Cotangent:
    """The cotangent of the triangle that a Cholesky factor is of."""
    factor, g = (adjoint(ans), adjoint(g)) if upper else (ans, g)
    if _has_blas(factor, g) and factor.dtype.kind == "f":
        folded = _in_blocks(factor, g)
        return folded.T if upper else folded
    middle = _half(np.matmul(transpose(factor), g))
    return folded_triangle(hermitian(_between(factor, middle, transposed=True)), lower=not upper)


cholesky_p = rule(
    lambda x, upper: np.linalg.cholesky(x, upper=upper),
    jvp=cholesky_jvp,
    vjp=cholesky_vjp,
    name="cholesky",
    structure=Einsum("...ij->...kl"),
)


@implements(np.linalg.cholesky)
def cholesky(a: Value, /, *, upper: bool = False) -> Any:
    """``numpy.linalg.cholesky``, which reads one triangle, and so does its derivative.

    The cotangent is in that triangle; `dualdiff.symmetrize` of the argument makes it symmetric.
    """
    return cholesky_p(a, upper=bool(upper))


def _qr_turn(k: Any) -> Any:
    """Q^H dQ for ``k = Q^H dA R^-1``: skew, with the part of k below the diagonal."""
    lower = np.tril(k, -1)
    turn = lower - adjoint(lower)
    return turn + on_diagonal(1j * np.imag(diagonal(k))) if is_complex(k) else turn


def _inverted_factor(r: Any, k: int) -> Any:
    """The inverse of the square part of R (NaN if singular), filled up with rows of zeros."""
    square = unbox(r)[..., :k]
    # As small beside its column as rounding makes it where the columns are dependent.
    rounding = 4 * (r.shape[-1] + 8) * np.finfo(square.dtype).eps * np.linalg.norm(square, axis=-2)
    singular = np.any(np.abs(diagonal(square)) <= rounding, axis=-1)
    inverted = inverse(r[..., :k], singular)
    return np.matmul(beside(np.eye(r.shape[-1], k, dtype=np.int8), r), inverted)


def _qr_jvp(t: Tangent, ans: Value) -> tuple[Any, Any]:
    q, r = ans
    c = np.matmul(t, _inverted_factor(r, q.shape[-1]))
    s = np.matmul(adjoint(q), c)
    turn = _qr_turn(s)
    return c + np.matmul(q, turn - s), np.matmul(adjoint(q), t) - np.matmul(turn, r)


def _qr_vjp(g: Cotangent, ans: Value) -> Cotangent:
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
    jvp=_qr_jvp,
    vjp=_qr_vjp,
    name="qr",
    structure=Einsum("...ij->...kl,...mn"),
    outputs=2,
)


def _parts(ans: Value) -> tuple[Any, Any, Any]:
    """The two factors of the reduced decomposition, and the additional vectors."""
    q, r = ans
    n = r.shape[-1]
    return q[..., :n], r[..., :n, :], q[..., n:]


def _complete_jvp(t: Tangent, ans: Value) -> tuple[Any, Any]:
    q, r, further = _parts(ans)
    tq, tr = _qr_jvp(t, (q, r))
    tfurther = -np.matmul(q, np.matmul(adjoint(tq), further))
    zeros = np.zeros_like(unbox(r), shape=(*tr.shape[:-2], further.shape[-1], r.shape[-1]))
    return np.concatenate([tq, tfurther], axis=-1), np.concatenate([tr, zeros], axis=-2)


def _complete_vjp(g: Cotangent, ans: Value) -> Cotangent:
    q, r, further = _parts(ans)
    gq, gr = g
    n = r.shape[-1]
    k = np.matmul(transpose(ans[0]), gq)
    skew = k - adjoint(k)
    refuse_basis(skew[..., n:, n:], size_of(gq), "qr(mode='complete')")
    gq = np.matmul(conjugate(q), k[..., :n, :n]) + np.matmul(conjugate(further), skew[..., n:, :n])
    return _qr_vjp((gq, gr[..., :n, :]), (q, r))


qr_complete_p = rule(
    lambda x: tuple(np.linalg.qr(x, "complete")),
    jvp=_complete_jvp,
    vjp=_complete_vjp,
    name="qr_complete",
    structure=Einsum("...ij->...kl,...mn"),
    outputs=2,
)


def _reflector(alpha: Any, below: Any) -> tuple[Any, Any, Any, Any]:
    """``I - tau w w^H`` with ``w = (1, v)`` that takes a column to a multiple of its first axis.

    The choice is LAPACK's, of xLARFG: the multiple is real, with the opposite sign of alpha; a
    column that is already such a multiple has tau = 0, which is a jump.
    """
    length = np.sqrt(np.real(conjugate(alpha) * alpha) + np.sum(
        np.real(conjugate(below) * below), axis=-1))  # fmt: skip
    done = np.all(unbox(below) == 0, axis=-1) & (np.imag(unbox(alpha)) == 0)
    beta = np.where(done, alpha, -np.copysign(1.0, np.real(unbox(alpha))) * length)
    safe = np.where(done, 1.0, beta)
    tau = np.where(done, 0.0, (safe - alpha) / safe)
    v = below / np.where(done, 1.0, alpha - safe)[..., None]
    jumps = done if below.shape[-1] else np.zeros_like(done)
    return beta, tau, v, jumps


def _reflectors(a: Value) -> tuple[Any, Any]:
    """``numpy.linalg.qr(mode="raw")``: the triangle, with the reflectors' vectors below it."""
    h_made, tau_made = np.linalg.qr(observe(a), "raw")
    rest = cast(materialize(a), h_made.dtype)
    h, taus, jumps = zeros(shape_of(a), h_made.dtype), zeros(tau_made.shape, h_made.dtype), False
    for j in range(tau_made.shape[-1]):
        beta, tau, v, jump = _reflector(rest[..., 0, 0], rest[..., 1:, 0])
        row, others = rest[..., 0, 1:], rest[..., 1:, 1:]
        along = row + np.sum(conjugate(v)[..., None] * others, axis=-2)
        along = conjugate(tau)[..., None] * along
        h[..., j, j], h[..., j, j + 1 :], h[..., j + 1 :, j] = beta, row - along, v
        taus[..., j] = tau
        rest = others - v[..., None] * along[..., None, :]
        jumps = jumps | jump
    if np.any(jumps):  # NaN along every direction
        lost = np.where(jumps, np.nan, 0.0) * np.sum(a, axis=(-2, -1))
        h, taus = h + lost[..., None, None], taus + lost[..., None]
    return given(np.swapaxes(h, -1, -2), h_made), given(taus, tau_made)


@implements(np.linalg.qr)
def qr(a: Value, mode: str = "reduced") -> Any:
    """``numpy.linalg.qr`` in all its modes.

    If the first ``min(m, n)`` columns are not independent, the derivative is NaN. The additional
    vectors of ``mode="complete"`` are any basis of the orthogonal complement: a result that depends
    on the basis raises an error in reverse mode, and their tangents have no part along it.
    """
    m, n = shape_of(a)[-2:]
    if mode == "raw":
        return _reflectors(a)
    if mode not in ("reduced", "r", "complete"):
        return np.linalg.qr(unbox(a), mode)  # type: ignore[call-overload]  # raises what NumPy says of the mode
    if mode == "complete" and m > n:
        return _Qr(*qr_complete_p(a))
    q, r = qr_p(a)
    return r if mode == "r" else _Qr(q, r)
