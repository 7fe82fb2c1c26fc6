"""Factorisations: Cholesky, LU, LDL, QR, RQ, singular values, polar factors, bases of ranges.

Those that LAPACK pivots have the derivative at the permutation that it finds.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy import linalg
from scipy.linalg.blas import get_blas_funcs

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Cotangent, Tangent, Value
from ...numpy.linalg.decompositions import cholesky_jvp, cholesky_vjp, qr_p
from ...numpy.linalg.matrices import adjoint, completed_p, conjugate, transpose
from ...numpy.linalg.svd import svdvals_p
from ...structures import Einsum
from ..arguments import plain
from ..dispatch import implements
from ..formulas import formula, known_result
from ..leaves import leaf
from .equations import sylvester_both
from .gauges import of_own_basis, phases, turned
from .stacks import over_stack, permuted
from .systems import triangular_p


def _plain_cholesky(x: Any, upper: bool) -> Any:
    return over_stack(lambda x: linalg.cholesky(x, lower=not upper), (x, 2))


cholesky_p = leaf(
    _plain_cholesky,
    jvp=cholesky_jvp,
    vjp=cholesky_vjp,
    name="linalg.cholesky",
    structure=Einsum("...ij->...kl"),
)


@implements(linalg.cholesky, arrays="a")
def cholesky(a: Value, lower: bool = False) -> Any:
    """``scipy.linalg.cholesky``: L with ``a = L L^H``, or its adjoint, of the triangle that is
    read."""
    return cholesky_p(a, upper=not lower)


def _triangle(x: Value, upper: bool, k: int = 0) -> Any:
    return np.triu(x, k) if upper else np.tril(x, -k)


def _packed(x: Any, upper: bool) -> Any:
    return over_stack(lambda x: linalg.cho_factor(x, lower=not upper)[0], (x, 2))


@cache
def _keeps_the_rest() -> bool:
    """Whether `cho_factor` leaves the other triangle: releases from 1.18 on do not."""
    return bool(linalg.cho_factor(np.array([[2.0, 1.0], [1.0, 2.0]]))[0][1, 0] == 1.0)


def _packed_jvp(t: Tangent, ans: Value, upper: bool) -> Tangent:
    out = cholesky_jvp(t, _triangle(ans, upper), upper)
    return out + _triangle(t, not upper, 1) if _keeps_the_rest() else out


def _packed_vjp(g: Cotangent, ans: Value, upper: bool) -> Cotangent:
    out = cholesky_vjp(_triangle(g, upper), _triangle(ans, upper), upper)
    return out + _triangle(g, not upper, 1) if _keeps_the_rest() else out


packed_p = leaf(
    _packed,
    jvp=_packed_jvp,
    vjp=_packed_vjp,
    name="linalg.cho_factor",
    structure=Einsum("...ij->...kl"),
)


@implements(linalg.cho_factor, arrays="a")
def cho_factor(a: Value, lower: bool = False) -> Any:
    """``scipy.linalg.cho_factor``: a Cholesky factor in one triangle, the elements of a in the
    other, and `lower`."""
    return packed_p(a, upper=not lower), lower


# The factors of a matrix that is permuted already: plain ones are known, and given as parameters.
def _with_pivot(up: Value) -> Any:
    """U with a one in the place of a last pivot that is zero.

    The derivatives of both factors do not depend on that pivot: nothing is eliminated by it.
    """
    n = shape_of(up)[-1]
    is_zero = n > 0 and unbox(up)[-1, -1] == 0
    return up + np.diag(np.arange(n) == n - 1) if is_zero else up


def _lu_jvp(t: Tangent, ans: Value) -> tuple[Any, Any]:
    low, up = ans[0], _with_pivot(ans[1])
    middle = transpose(_below(up, transpose(_below(low, t, 0, True)), 1, False))
    return np.matmul(low, np.tril(middle, -1)), np.matmul(np.triu(middle), up)


def _lu_vjp(g: Cotangent, ans: Value) -> Cotangent:
    (low, up), (gl, gu) = (ans[0], _with_pivot(ans[1])), g
    if all(type(x) is np.ndarray and x.dtype == low.dtype for x in (low, up, gl, gu)):
        trmm, trsm = get_blas_funcs(("trmm", "trsm"), (low,))  # BLAS reads transposes
        left = trmm(1.0, low.T, gl.T, side=1, trans_a=1, diag=1).T
        right = trmm(1.0, up.T, gu.T, lower=1, trans_a=1).T
        middle = np.tril(left, -1) + np.triu(right)
        half = trsm(1.0, up.T, middle.T, lower=1, trans_a=1)
        return trsm(1.0, low.T, half, side=1, diag=1, trans_a=1).T
    middle = np.tril(np.matmul(transpose(low), gl), -1) + np.triu(np.matmul(gu, transpose(up)))
    right = transpose(_below(up, transpose(middle), 0, False))
    return _below(low, right, 1, True)


def _below(factor: Value, right: Value, trans: int, lower: bool) -> Any:
    return triangular_p(factor, right, trans=trans, lower=lower, unit_diagonal=lower)


lu_p = leaf(
    lambda x, low, up: (low, up),
    jvp=_lu_jvp,
    vjp=_lu_vjp,
    name="linalg.lu",
    outputs=2,
)


def _lu_factors(a: Value, low: Any, up: Any) -> tuple[Any, Any]:
    """The factors of a permuted matrix of any shape, from plain ones."""
    k = min(shape_of(a))
    left, right = lu_p(a[:k, :k], low=low[:k, :k], up=up[:k, :k])
    if shape_of(a)[0] > k:
        below = transpose(np.linalg.solve(transpose(right), transpose(a[k:])))
        left = np.concatenate([left, below])
    if shape_of(a)[1] > k:
        right = np.concatenate([right, np.linalg.solve(left, a[:, k:])], axis=1)
    return left, right


@formula(linalg.lu, arrays="a")
def lu(a: Value, permute_l: bool = False, p_indices: bool = False, value: Any = None) -> Any:
    """``scipy.linalg.lu``: ``a = P L U`` with a constant permutation.

    Arguments: `a` (..., m, n); `permute_l`, to return ``P L`` and U; `p_indices`, to return P as
    indices.
    """
    index, low, up = linalg.lu(plain(a), p_indices=True) if permute_l else value
    if not (permute_l or p_indices):
        index = np.argmax(index, axis=-1)  # of a permutation matrix

    def one(a: Value, index: Any, low: Any, up: Any) -> Any:
        left, right = _lu_factors(permuted(a, np.argsort(index), -2), low, up)
        return (permuted(left, index, -2) if permute_l else left), right

    left, right = over_stack(one, (a, 2), (index, 1), (low, 2), (up, 2))
    return (left, right) if permute_l else (value[0], left, right)


@formula(linalg.lu_factor, arrays="a")
def lu_factor(a: Value, value: Any = None) -> Any:
    """``scipy.linalg.lu_factor``: the factors of `lu` in one matrix, and LAPACK's exchanges."""
    packed, pivots = value

    def one(a: Value, packed: Any, pivots: Any) -> Any:
        m, n = shape_of(a)
        k = min(m, n)
        order = np.arange(m)
        for i, other in enumerate(pivots):
            order[[i, other]] = order[[other, i]]
        low, up = np.tril(packed[:, :k], -1) + np.eye(m, k), np.triu(packed[:k])
        left, right = _lu_factors(permuted(a, order, -2), low, up)
        below = np.pad(np.tril(left, -1), [(0, 0), (0, n - k)])
        return below + np.pad(right, [(0, m - k), (0, 0)])

    return over_stack(one, (a, 2), (packed, 2), (pivots, 1)), pivots


def _blocks(d: Any) -> Any:
    """Where the blocks of LDL's D stand: ones on its diagonal and beside pairs."""
    off = np.abs(np.diagonal(d, -1)) > 0
    return np.eye(len(d)) + np.diag(off * 1.0, -1) + np.diag(off * 1.0, 1)


def _mirrored(x: Value, hermitian: bool) -> Any:
    return adjoint(x) if hermitian else transpose(x)


def _by_blocks(d: Value, right: Value) -> Any:
    """The product of the inverse of LDL's D with a matrix."""
    if np.any(np.diagonal(unbox(d), -1)):
        return np.linalg.solve(d, right)
    return right / np.diagonal(d, axis1=-2, axis2=-1)[..., :, None]


def _ldl_jvp(t: Tangent, ans: Value, blocks: Any, hermitian: bool) -> tuple[Any, Any]:
    low, d = ans
    half = _below(low, t, 0, True)
    middle = _mirrored(_below(low, _mirrored(half, hermitian), 0, True), hermitian)
    below = np.tril(middle, -1) * (1 - blocks)
    turn = transpose(_by_blocks(transpose(d), transpose(below)))
    return np.matmul(low, turn), middle * blocks


def _ldl_vjp(g: Cotangent, ans: Value, blocks: Any, hermitian: bool) -> Cotangent:
    (low, d), (gl, gd) = ans, g
    below = transpose(_by_blocks(d, transpose(np.matmul(transpose(low), gl))))
    middle = np.tril(below, -1) * (1 - blocks) + gd * blocks
    other = conjugate(low) if hermitian else low
    half = _below(low, middle, 1, True)
    return transpose(_below(other, transpose(half), 1, True))


ldl_p = leaf(
    lambda x, low, d, blocks, hermitian: (low, d),
    jvp=_ldl_jvp,
    vjp=_ldl_vjp,
    name="linalg.ldl",
    outputs=2,
)


@formula(linalg.ldl, arrays="A")
def ldl(A: Value, lower: bool = True, hermitian: bool = True, value: Any = None) -> Any:
    """``scipy.linalg.ldl``: ``A = L D L^H`` with D in blocks, of the triangle that is read.

    Arguments: as SciPy's; `hermitian`, whether A is Hermitian or complex symmetric.
    Returns: L (permuted), D, and the permutation, which is constant.
    """

    def one(A: Value, low: Any, d: Any, order: Any) -> Any:
        if hermitian or not np.iscomplexobj(unbox(A)):
            matrix = completed_p(A, lower=bool(lower))
        else:
            half = np.tril(A, -1) if lower else np.triu(A, 1)
            matrix = half + transpose(half) + np.tril(np.triu(A))
        # An upper factor is a lower one with rows and columns in the opposite order.
        way = order if lower else order[::-1]
        flip = slice(None) if lower else slice(None, None, -1)
        low, d = low[way][:, flip], d[flip, flip]
        left, middle = ldl_p(
            permuted(permuted(matrix, way, -2), way, -1),
            low=low,
            d=d,
            blocks=_blocks(d),
            hermitian=bool(hermitian),
        )
        return permuted(left, np.argsort(way), -2)[:, flip], middle[flip, flip]

    left, middle = over_stack(one, (A, 2), (value[0], 2), (value[1], 2), (value[2], 1))
    return left, middle, value[2]


def factors_like(a: Value, wanted: Any) -> tuple[Any, Any]:
    """The factors Q and R of a matrix, with the signs and the size of a plain Q."""
    (m, n), size = shape_of(a), wanted.shape[1]
    k = min(m, n)
    q, r = _numpy_qr(a, "reduced" if size == k else "complete")
    c = phases(q[:, :k], wanted[:, :k])
    q_first, r_first = q[:, :k] * c, np.conj(c.T) * r[:k]
    if size == k:
        return q_first, r_first
    rest = turned(q[:, k:], wanted[:, k:])
    return np.concatenate([q_first, rest], axis=1), np.pad(r_first, [(0, m - k), (0, 0)])


_numpy_qr: Any = np.linalg.qr  # whose stubs take no str for the mode


@formula(linalg.qr, arrays="a")
def qr(a: Value, mode: str = "full", pivoting: bool = False, value: Any = None) -> Any:
    """``scipy.linalg.qr``: ``a = Q R``, or ``a[:, P] = Q R`` with a constant permutation.

    Arguments: `a` (..., m, n), whose first min(m, n) columns are independent; `mode`, "full", "r",
    "economic" or "raw"; `pivoting`.
    """
    order = value[-1] if pivoting else None
    is_tuple = isinstance(value, tuple)  # not of R alone of a stack
    value = value if is_tuple else (value,)

    def one(a: Value, order: Any, *wanted: Any) -> Any:
        a = a if order is None else permuted(a, order, -1)
        if mode == "r":
            r = np.linalg.qr(a, "r")
            signs = _signs(r, wanted[0])
            return np.pad(r * signs, [(0, shape_of(a)[0] - shape_of(r)[0]), (0, 0)])
        return factors_like(a, wanted[0])

    if mode == "raw":
        return (*_raw(a, order, value), *([order] if pivoting else []))
    if mode == "economic" and not pivoting:
        return known_result(qr_p, value, a)
    wanted = [(w, 2) for w in value[: 1 if mode == "r" else 2]]
    out = over_stack(one, (a, 2), (order, 1), *wanted)
    out = out if isinstance(out, tuple) or not is_tuple else (out,)
    return (*out, order) if pivoting else out


def _signs(r: Value, wanted: Any) -> Any:
    """What brings the rows of R to those of a plain one."""
    k = min(shape_of(r))
    own, other = np.diagonal(plain(r))[:k], np.diagonal(wanted)[:k]
    quotient = np.where(own == 0, 1.0, other / np.where(own == 0, 1.0, own))
    return (quotient / np.where(quotient == 0, 1.0, np.abs(quotient)))[:, None]


def _raw(a: Value, order: Any, value: Any) -> Any:
    a = a if order is None else np.take_along_axis(a, order[..., None, :], axis=-1)
    h, tau = np.linalg.qr(a, "raw")
    packed = np.swapaxes(h, -1, -2)
    r = np.triu(packed)[..., : shape_of(value[1])[-2], :]
    return (packed, tau), r


@formula(linalg.rq, arrays="a")
def rq(a: Value, mode: str = "full", value: Any = None) -> Any:
    """``scipy.linalg.rq``: ``a = R Q``, by the QR factorisation of the reversed matrix."""
    value = value if isinstance(value, tuple) else (value,)

    def one(a: Value, *wanted: Any) -> Any:
        m, n = shape_of(a)
        kind = "reduced" if mode == "economic" or m >= n else "complete"
        q, r = _numpy_qr(adjoint(a[::-1]), kind)
        r, q = adjoint(r)[::-1, ::-1], adjoint(q)[::-1]
        if len(wanted) == 1:
            k = min(m, n)
            signs = _signs(transpose(r[-k:, -k:]), wanted[0][-k:, -k:].T)[:, 0]
            return r * np.concatenate([np.ones(shape_of(r)[1] - k), signs])
        q, k = transpose(q), min(m, n)
        c = phases(q[:, -k:], wanted[1].T[:, -k:])
        extra = shape_of(q)[1] - k
        rows = transpose(q[:, extra:] * c)
        if extra:
            rest = transpose(turned(q[:, :extra], wanted[1].T[:, :extra]))
            rows = np.concatenate([rest, rows])
        c = np.concatenate([np.ones((1, extra)), c], axis=1)
        return r * np.conj(c), rows

    return over_stack(one, (a, 2), *((w, 2) for w in value))


@formula(linalg.qr_multiply, arrays="a c")
def qr_multiply(
    a: Value, c: Value, mode: str = "right", pivoting: bool = False, conjugate: bool = False,
    value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.qr_multiply``: the product of c with the Q of ``a = Q R``, and R."""
    order = value[2] if pivoting else None

    def one(a: Value, c: Value, order: Any) -> Any:
        matrix = a if order is None else permuted(a, order, -1)
        q, r = np.linalg.qr(matrix)
        turn = phases(q, linalg.qr(plain(matrix), mode="economic")[0])
        q, r = q * turn, np.conj(turn.T) * r
        q = np.conj(q) if conjugate else q
        return np.matmul(q, c[: shape_of(q)[1]]) if mode == "left" else np.matmul(c, q), r

    out = over_stack(one, (a, 2), (c, min(len(shape_of(c)), 2)), (order, 1))
    return (*out, order) if pivoting else out


@formula(linalg.svd, arrays="a")
def svd(a: Value, full_matrices: bool = True, compute_uv: bool = True, value: Any = None) -> Any:
    """``scipy.linalg.svd``: singular values, and left and right singular vectors.

    Arguments: as SciPy's. See `numpy.linalg.svd` in docs/conventions.md for coinciding values,
    phases, and the additional vectors of ``full_matrices=True``.
    """
    if not compute_uv:
        return known_result(svdvals_p, value, a)

    def one(a: Value, wanted_u: Any, wanted_vh: Any) -> Any:
        u, s, vh = np.linalg.svd(a, full_matrices=full_matrices)
        k = shape_of(s)[0]
        c = phases(u[:, :k], wanted_u[:, :k])
        left, right = [u[:, :k] * c], [np.conj(c.T) * vh[:k]]
        if shape_of(u)[1] > k:
            left.append(turned(u[:, k:], wanted_u[:, k:]))
        if shape_of(vh)[0] > k:
            right.append(transpose(turned(transpose(vh[k:]), wanted_vh[k:].T)))
        return np.concatenate(left, axis=1), s, np.concatenate(right)

    found = over_stack(one, (a, 2), (value[0], 2), (value[2], 2))
    s = np.asarray(value[1])  # vectors of the value 0 have no common phase either
    return of_own_basis(found, np.concatenate([s, np.zeros((*s.shape[:-1], 1))], axis=-1))


@formula(linalg.svdvals, arrays="a")
def svdvals(a: Value, value: Any = None) -> Any:
    """``scipy.linalg.svdvals``: singular values."""
    return known_result(svdvals_p, value, a)


root_p = leaf(
    lambda x, root: root,
    jvp=lambda t, ans: sylvester_both(t, ans),
    vjp=lambda g, ans: sylvester_both(g, transpose(ans)),
    name="linalg.polar",
)


def _root(square: Value, found: Any) -> Any:
    """The root of a matrix, found but for rounding."""
    return root_p(square, root=(found + adjoint(found)) / 2)


def _polar(a: Value, found: Any) -> tuple[Any, Any, Any]:
    """The unitary factor of a matrix of full rank, also found, and the roots on both its sides.

    The root of the smaller of ``a^H a`` and ``a a^H`` solves a Sylvester equation (Higham,
    Functions of Matrices, 2008, chapter 8).
    """
    m, n = shape_of(a)
    if m >= n:
        root = _root(np.matmul(adjoint(a), a), adjoint(found) @ plain(a))
        unitary = adjoint(np.linalg.solve(root, adjoint(a)))
        return unitary, root, np.matmul(a, adjoint(unitary))
    root = _root(np.matmul(a, adjoint(a)), plain(a) @ adjoint(found))
    unitary = np.linalg.solve(root, a)
    return unitary, np.matmul(adjoint(unitary), a), root


@formula(linalg.polar, arrays="a")
def polar(a: Value, side: str = "right", value: Any = None) -> Any:
    """``scipy.linalg.polar``: ``a = u p`` with p positive, or ``a = p u`` for ``side="left"``.

    Arguments: `a`, of full rank.
    """

    def one(a: Value, found: Any) -> Any:
        unitary, right, left = _polar(a, found)
        return unitary, right if side == "right" else left

    return over_stack(one, (a, 2), (value[0], 2))


@formula(linalg.orthogonal_procrustes, arrays="A B")
def orthogonal_procrustes(A: Value, B: Value, value: Any = None) -> Any:
    """``scipy.linalg.orthogonal_procrustes``: the unitary R that brings A nearest to B, and the sum
    of the singular values of ``A^H B``, which must be regular."""

    def one(A: Value, B: Value, found: Any) -> Any:
        unitary, root, _ = _polar(np.matmul(adjoint(A), B), found)
        return unitary, np.real(np.trace(root))

    return over_stack(one, (A, 2), (B, 2), (value[0], 2))


@formula(linalg.orth, arrays="A")
def orth(A: Value, rcond: Any = None, value: Any = None) -> Any:
    """``scipy.linalg.orth``: an orthonormal basis of the range, the left singular vectors."""

    def one(A: Value, wanted: Any) -> Any:
        u = np.linalg.svd(A, full_matrices=False)[0][:, : wanted.shape[1]]
        return u * phases(u, wanted)

    return over_stack(one, (A, 2), (value, 2))


@formula(linalg.null_space, arrays="A")
def null_space(A: Value, rcond: Any = None, *, lapack_driver: Any = None, value: Any = None) -> Any:
    """``scipy.linalg.null_space``: an orthonormal basis of the null space, at constant rank.

    The basis is arbitrary: a result that depends on it raises an error in reverse mode, and
    tangents have no part along it.
    """

    def one(A: Value, wanted: Any) -> Any:
        vh = np.linalg.svd(A, full_matrices=True)[2]
        rank = shape_of(A)[1] - wanted.shape[1]
        return turned(adjoint(vh[rank:]), wanted)

    return over_stack(one, (A, 2), (value, 2))


@formula(linalg.subspace_angles, arrays="A B")
def subspace_angles(A: Value, B: Value) -> Any:
    """``scipy.linalg.subspace_angles``: the angles between the ranges of two matrices of full rank,
    in descending order (Knyazev and Argentati, SIAM J. Sci. Comput. 23, 2002)."""

    def one(A: Value, B: Value) -> Any:
        a, b = np.linalg.qr(A)[0], np.linalg.qr(B)[0]
        if shape_of(a)[1] < shape_of(b)[1]:
            a, b = b, a
        cosines = np.linalg.svdvals(np.matmul(adjoint(a), b))[::-1]
        sines = np.linalg.svdvals(b - np.matmul(a, np.matmul(adjoint(a), b)))
        small = plain(cosines) ** 2 >= 0.5
        # The branch that is not taken may be at the end of its domain.
        by_sine = np.arcsin(np.where(small, sines, 0.0))
        return np.where(small, by_sine, np.arccos(np.where(small, 0.0, cosines)))

    return over_stack(one, (A, 2), (B, 2))
