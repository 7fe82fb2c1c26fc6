"""Matrices made of vectors: Toeplitz and its relatives, block matrices, Kronecker products."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from ....array.box import is_box
from ....core.batch import Shape, Spec, align, shape_of
from ....core.types import Cotangent, Tangent, Value
from ...declare import linear, rule
from ...numpy.common import laid_out
from ...numpy.linalg.matrices import fold
from ...numpy.manipulation import as_operand
from ...structures import Gather
from ..arguments import by_scipy, plain
from ..dispatch import implements
from ..formulas import formula, known_result


@implements(linalg.block_diag)
def block_diag(*arrs: Any) -> Any:
    """``scipy.linalg.block_diag``: a matrix with other matrices along its diagonal.

    Arguments: matrices, vectors (which count as rows) and numbers. Returns: a matrix.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda x: np.sum(dd.scipy.linalg.block_diag(x, 2 * x)))(1.0)
    3.0
    """
    blocks = [np.atleast_2d(as_operand(a)) for a in arrs]
    value = by_scipy(linalg.block_diag, *map(plain, blocks))  # SciPy checks the arguments
    return known_result(blocks_p, value, *blocks)


def _blocks(*blocks: Value) -> Any:
    """The blocks along the diagonal, of stacks in which axes in front broadcast."""
    lead = np.broadcast_shapes(*(shape_of(b)[:-2] for b in blocks))
    width, start, rows = sum(shape_of(b)[-1] for b in blocks), 0, []
    for block in blocks:
        size = shape_of(block)[-1]
        block = np.broadcast_to(block, lead + shape_of(block)[-2:])
        rows.append(np.pad(block, [(0, 0)] * (len(lead) + 1) + [(start, width - start - size)]))
        start += size
    return laid_out(np.concatenate(rows, axis=-2))


def _blocks_jvp(ts: Any, specs: Any, ans_spec: Spec, batch: Shape) -> Tangent:
    full = [
        np.zeros(batch + (1,) * (ans_spec.ndim - 2) + spec.shape[-2:]) if t is None
        else align(t, spec.ndim, ans_spec.ndim, batch)
        for t, spec in zip(ts, specs, strict=True)
    ]  # fmt: skip
    return _blocks(*full)


def _blocks_vjp(g: Cotangent, specs: Any, ans_spec: Spec) -> Cotangent:
    out, row, column = [], 0, 0
    for spec in specs:
        m, n = spec.shape[-2:]
        part = g[..., row : row + m, column : column + n]
        out.append(fold(part, spec, ans_spec.ndim))
        row, column = row + m, column + n
    return tuple(out)


blocks_p = rule(_blocks, jvp=_blocks_jvp, vjp=_blocks_vjp, name="linalg.block_diag")


def _along_diagonals(vector: Value, m: int, n: int) -> Any:
    """The matrix of shape (m, n) that is constant along diagonals, the lowest first."""
    if is_box(vector):
        return diagonals_p(vector, m=m, n=n)
    return vector[..., np.arange(m)[::-1, None] + np.arange(n)]


def _sums_of_diagonals(g: Cotangent, m: int, n: int) -> Any:
    """The transpose: each row, moved by one more place than the one above, in sums of columns."""
    lead = shape_of(g)[:-2]
    size = max(n + m - 1, 0)
    wide = np.pad(g[..., ::-1, :], [(0, 0)] * (len(lead) + 1) + [(0, m)])
    moved = np.reshape(wide, (*lead, m * (n + m)))[..., : m * size]
    return np.sum(np.reshape(moved, (*lead, m, size)), axis=-2)


diagonals_p = linear(
    _along_diagonals, _sums_of_diagonals, name="linalg.toeplitz", structure=Gather()
)


def picked(vector: Value, index: Any) -> Any:
    """A matrix whose elements are those of vectors, which lie along the last axis."""
    return vector[..., index]


@formula(linalg.toeplitz, arrays="c r", close=np.inf, affine_in="c")
def toeplitz(c: Value, r: Value = None) -> Any:
    """``scipy.linalg.toeplitz``: constant along diagonals, with first column c and first row r.

    Arguments: `c`, `r`, vectors or stacks of them; without r the matrix is Hermitian.
    """
    r = np.conj(c) if r is None else r
    vector = np.concatenate(_together(c[..., ::-1], r[..., 1:]), axis=-1)
    return _along_diagonals(vector, shape_of(c)[-1], shape_of(r)[-1])


def _together(*vectors: Any) -> list[Any]:
    """Stacks of vectors with the same axes in front."""
    lead = np.broadcast_shapes(*(shape_of(v)[:-1] for v in vectors))
    return [np.broadcast_to(v, lead + shape_of(v)[-1:]) for v in vectors]


@formula(linalg.hankel, arrays="c r", close=np.inf, affine_in="c")
def hankel(c: Value, r: Value = None) -> Any:
    """``scipy.linalg.hankel``: constant along antidiagonals, with first column c and last row r."""
    r = np.zeros(shape_of(c)) if r is None else r
    vector = np.concatenate(_together(c, r[..., 1:]), axis=-1)
    return _along_diagonals(vector, shape_of(c)[-1], shape_of(r)[-1])[..., ::-1, :]


@formula(linalg.circulant, arrays="c", close=np.inf, affine_in="c")
def circulant(c: Value) -> Any:
    """``scipy.linalg.circulant``: the matrix whose columns are c, moved cyclically."""
    n = shape_of(c)[-1]
    vector = np.concatenate([c[..., ::-1], c[..., :0:-1]], axis=-1)
    return _along_diagonals(vector, n, n)


@formula(linalg.companion, arrays="a")
def companion(a: Value) -> Any:
    """``scipy.linalg.companion``: the matrix whose characteristic polynomial has coefficients a."""
    n = shape_of(a)[-1] - 1
    first = -a[..., 1:] / a[..., :1]
    rest = np.broadcast_to(np.eye(n - 1, n), (*shape_of(first)[:-1], n - 1, n))
    return np.concatenate([first[..., None, :], rest], axis=-2)


@formula(linalg.fiedler_companion, arrays="a")
def fiedler_companion(a: Value) -> Any:
    """``scipy.linalg.fiedler_companion``: a pentadiagonal companion matrix."""
    labels = linalg.fiedler_companion(np.concatenate([[1.0], np.arange(2.0, shape_of(a)[-1] + 1)]))
    taken = np.abs(labels) > 1.5
    place = np.where(taken, np.abs(labels).round().astype(int) - 1, 0)
    constant = np.where(taken, 0.0, labels)
    return np.where(taken, np.sign(labels), 0.0) * picked(a / a[..., :1], place) + constant


@formula(linalg.convolution_matrix, arrays="a", affine_in="a")
def convolution_matrix(a: Value, n: int, mode: str = "full") -> Any:
    """``scipy.linalg.convolution_matrix``: the matrix of the convolution of a with n numbers."""
    m = shape_of(a)[-1]
    padded = np.pad(a[..., ::-1], [(0, 0)] * (np.ndim(a) - 1) + [(n - 1, n - 1)])
    full = _along_diagonals(padded, m + n - 1, n)
    size = {"full": m + n - 1, "same": max(m, n), "valid": max(m, n) - min(m, n) + 1}[mode]
    start = {"full": 0, "same": (min(m, n) - 1) // 2, "valid": min(m, n) - 1}[mode]
    return full[..., start : start + size, :]


@formula(linalg.leslie, arrays="f s")
def leslie(f: Value, s: Value) -> Any:
    """``scipy.linalg.leslie``: a population's matrix, of fertilities and survival rates."""
    f, s = _together(f, s)
    n = shape_of(f)[-1]
    below = np.eye(n, n, -1)[1:] * s[..., :, None]
    return np.concatenate([f[..., None, :], below], axis=-2)


@formula(linalg.fiedler, arrays="a")
def fiedler(a: Value) -> Any:
    """``scipy.linalg.fiedler``: the distances between numbers, whose derivative is 0 for equal
    ones."""
    return np.abs(a[..., :, None] - a[..., None, :])


@formula(linalg.khatri_rao, arrays="a b")
def khatri_rao(a: Value, b: Value) -> Any:
    """``scipy.linalg.khatri_rao``: the Kronecker products of columns."""
    product = a[..., :, None, :] * b[..., None, :, :]
    *lead, m, n, k = shape_of(product)
    return np.reshape(product, (*lead, m * n, k))


@formula(linalg.diagsvd, arrays="s", affine_in="s")
def diagsvd(s: Value, M: int, N: int) -> Any:
    """``scipy.linalg.diagsvd``: singular values in a matrix of shape (M, N)."""
    n = shape_of(s)[-1]
    square = s[..., None] * np.eye(n)
    return np.pad(square, [(0, 0)] * (np.ndim(s) - 1) + [(0, M - n), (0, N - n)])


if hasattr(linalg, "kron"):

    @formula(linalg.kron, arrays="a b")
    def kron(a: Value, b: Value) -> Any:
        """``scipy.linalg.kron``, which releases before 1.17 have."""
        return np.kron(a, b)
