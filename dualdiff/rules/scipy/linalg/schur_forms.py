"""Schur forms of matrices and pencils, Hessenberg form, balancing.

The vectors of a Schur form are those that QR makes of the eigenvectors in its order. A pair of
complex eigenvalues of a real matrix has a block, whose standard form determines a rotation. So the
derivatives are those of eigenvectors: coinciding eigenvalues have none, phases are arbitrary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.linalg.matrices import adjoint
from ..arguments import plain
from ..bodies import runs_body
from ..formulas import formula
from .gauges import order_of, phases, turned
from .stacks import over_stack


def _starts(t: Any) -> list[tuple[int, int]]:
    """Start and size of the blocks on the diagonal of a plain real Schur form."""
    out, i = [], 0
    while i < len(t):
        size = 2 if i + 1 < len(t) and t[i + 1, i] != 0 else 1
        out.append((i, size))
        i += size
    return out


def _in_blocks(t: Any, blocks: Any) -> Any:
    """Ones where a Schur form with these blocks is not zero."""
    mask = np.triu(np.ones(t.shape))
    for i, size in blocks:
        mask[i : i + size, i : i + size] = 1.0
    return mask


def _of_blocks(t: Any, s: Any, blocks: Any) -> Any:
    """The eigenvalues of the blocks of a form or of a pencil, in order."""
    parts = []
    for i, size in blocks:
        own = slice(i, i + size)
        block = t[own, own] if s is None else np.linalg.solve(s[own, own], t[own, own])
        parts.append(np.linalg.eigvals(block))
    return np.concatenate(parts)


def _ordered_basis(a: Value, values: Any, blocks: Any) -> Any:
    """Vectors whose leading ones span the invariant subspaces of a Schur form."""
    w, v = np.linalg.eig(a)
    v = v[:, order_of(w, values)]
    if all(size == 1 for _, size in blocks):
        return v
    columns = []
    for i, size in blocks:
        columns.append(np.real(v[:, i]))
        if size == 2:
            columns.append(np.imag(v[:, i]))
    return np.stack(columns, axis=1)


def _turned_blocks(basis: Value, wanted: Any, blocks: Any) -> Any:
    """Orthonormal vectors, those of each block turned by a constant to the plain ones."""
    parts = []
    for i, size in blocks:
        part, own = basis[:, i : i + size], wanted[:, i : i + size]
        parts.append(part * phases(part, own) if size == 1 else turned(part, own))
    return np.concatenate(parts, axis=1)


def _schur(a: Value, t: Any, z: Any) -> tuple[Any, Any]:
    """The Schur form of a matrix, next to plain factors."""
    blocks = [(i, 1) for i in range(len(t))] if np.iscomplexobj(t) else _starts(t)
    q = np.linalg.qr(_ordered_basis(a, _of_blocks(t, None, blocks), blocks))[0]
    q = _turned_blocks(q, z, blocks)
    form = np.matmul(adjoint(q), np.matmul(a, q))
    columns = []
    for i, size in blocks:
        part = q[:, i : i + size]
        if size == 2:  # the rotation that makes the diagonal of the block equal
            b = form[i : i + 2, i : i + 2]
            angle = 0.5 * np.arctan((b[1, 1] - b[0, 0]) / (b[0, 1] + b[1, 0]))
            c, s = np.cos(angle), np.sin(angle)
            part = np.matmul(part, np.stack([np.stack([c, -s]), np.stack([s, c])]))
        columns.append(part)
    q = np.concatenate(columns, axis=1)
    return np.matmul(adjoint(q), np.matmul(a, q)) * _in_blocks(t, blocks), q


@formula(linalg.schur, arrays="a")
def schur(a: Value, output: str = "real", sort: Any = None, value: Any = None) -> Any:
    """``scipy.linalg.schur``: ``a = Z T Z^H`` with T triangular (in blocks for real matrices).

    Arguments: `a`, with distinct eigenvalues; `output`, "real" or "complex"; `sort`, as SciPy's.
    """
    t, z = over_stack(_schur, (a, 2), (value[0], 2), (value[1], 2))
    return (t, z, *value[2:])


@formula(linalg.rsf2csf, arrays="T Z")
def rsf2csf(T: Value, Z: Value, value: Any = None) -> Any:
    """``scipy.linalg.rsf2csf``: the complex Schur form of a real one."""

    def one(T: Value, Z: Value, t: Any, z: Any) -> Any:
        form, q = _schur(np.triu(T, -1), t, np.linalg.solve(plain(Z), z))
        return form, np.matmul(Z, q)

    return over_stack(one, (T, 2), (Z, 2), (value[0], 2), (value[1], 2))


def _pencil(a: Value, b: Value, aa: Any, bb: Any, q: Any, z: Any) -> Any:
    """The generalised Schur form of a pencil with regular b, next to plain factors."""
    blocks = [(i, 1) for i in range(len(aa))] if np.iscomplexobj(aa) else _starts(aa)
    values = _of_blocks(aa, bb, blocks)
    right = np.linalg.qr(_ordered_basis(np.linalg.solve(b, a), values, blocks))[0]
    right = _turned_blocks(right, z, blocks)
    left = np.linalg.qr(np.matmul(b, right))[0]
    left = _turned_blocks(left, q, blocks)
    lefts, rights = [], []
    for i, size in blocks:
        own, other = left[:, i : i + size], right[:, i : i + size]
        if size == 2:  # the rotations that make the block of b diagonal
            u, s, vh = np.linalg.svd(np.matmul(adjoint(own), np.matmul(b, other)))
            places = order_of(s, np.abs(np.diagonal(bb)[i : i + 2]))
            u, v = u[:, places], adjoint(vh)[:, places]
            own, other = (
                np.matmul(own, u * phases(u, np.eye(2))),
                np.matmul(other, v * phases(v, np.eye(2))),
            )
        lefts.append(own)
        rights.append(other)
    left, right = np.concatenate(lefts, axis=1), np.concatenate(rights, axis=1)
    mask = _in_blocks(aa, blocks)
    a_form = np.matmul(adjoint(left), np.matmul(a, right)) * mask
    b_form = np.triu(np.matmul(adjoint(left), np.matmul(b, right)))
    for i, size in blocks:
        if size == 2:
            b_form = b_form * np.where(np.eye(len(aa), k=1) * (np.arange(len(aa)) == i + 1), 0, 1)
    return a_form, b_form, left, right


@formula(linalg.qz, arrays="A B")
def qz(A: Value, B: Value, output: str = "real", sort: Any = None, value: Any = None) -> Any:
    """``scipy.linalg.qz``: ``A = Q AA Z^H`` and ``B = Q BB Z^H``, of a pencil with regular B."""
    return over_stack(_pencil, (A, 2), (B, 2), *((part, 2) for part in value[:4]))


@formula(linalg.ordqz, arrays="A B")
def ordqz(A: Value, B: Value, sort: Any = "lhp", output: str = "real", value: Any = None) -> Any:
    """``scipy.linalg.ordqz``: `qz` with eigenvalues in an order, as ``alpha / beta``.

    Raises: UnsupportedInputError for a real form with pairs of complex eigenvalues; use
    ``output="complex"``.
    """
    aa, bb, _, _, q, z = value
    if not np.iscomplexobj(aa) and np.any(np.diagonal(aa, -1, -2, -1)):
        raise UnsupportedInputError(
            f"ordqz of traced values has no real form with complex eigenvalues, {user_line()}; "
            f"use output='complex'"
        )

    def one(*operands: Any) -> Any:
        aa, bb, q, z = _pencil(*operands)
        return aa, bb, np.diagonal(aa), np.diagonal(bb), q, z

    return over_stack(one, (A, 2), (B, 2), (aa, 2), (bb, 2), (q, 2), (z, 2))


def _reflected(a: Value, q: Value, k: int) -> tuple[Any, Any]:
    """One Householder similarity of the reduction to Hessenberg form, as LAPACK does it."""
    n = shape_of(a)[0]
    x = a[k + 1 :, k]
    alpha = x[0]
    if not np.any(plain(x[1:])) and not np.imag(plain(alpha)):
        return a, q
    norm = np.sqrt(np.sum(np.real(np.conj(x) * x)))
    beta = -norm if np.real(plain(alpha)) >= 0 else norm
    tau = (beta - alpha) / beta
    v = np.concatenate([np.zeros(k + 1), np.ones(1), x[1:] / (alpha - beta)])
    v = v[:, None]
    left = np.eye(n) - np.conj(tau) * np.matmul(v, adjoint(v))
    right = np.eye(n) - tau * np.matmul(v, adjoint(v))
    return np.matmul(left, np.matmul(a, right)), np.matmul(q, right)


@formula(linalg.hessenberg, arrays="a")
def hessenberg(a: Value, calc_q: bool = False) -> Any:
    """``scipy.linalg.hessenberg``: ``a = Q H Q^H`` with zeros below the first subdiagonal, by
    Householder's reflections (Golub and Van Loan, Matrix Computations, 2013, section 7.4)."""

    def one(a: Value) -> Any:
        n = shape_of(a)[0]
        q: Any = np.eye(n)
        for k in range(n - 1):  # the last step turns the phase of a complex number
            a, q = _reflected(a, q, k)
        return (np.triu(a, -1), q) if calc_q else np.triu(a, -1)

    return over_stack(one, (a, 2))


@formula(linalg.matrix_balance, arrays="A")
def matrix_balance(
    A: Value, permute: bool = True, scale: Any = True, separate: bool = False, value: Any = None
) -> Any:
    """``scipy.linalg.matrix_balance``: a similar matrix with rows and columns of like size; the
    scale and the order are constant."""
    turn = linalg.matrix_balance(plain(A), permute=permute, scale=scale)[1]
    return np.linalg.solve(turn, np.matmul(A, turn)), value[1]


cdf2rdf = runs_body(linalg.cdf2rdf)
