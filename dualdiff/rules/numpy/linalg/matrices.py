"""Helpers of products and linear algebra: stacks of matrices under batch axes."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from ....array.box import is_box
from ....array.kinds import beside, is_foreign, possibly
from ....core.batch import Broadcast, Spec, is_complex, unbroadcast
from ....core.types import Cotangent, Value
from ...declare import linear
from ...structures import Einsum


def conjugate(x: Value) -> Any:
    """The conjugate; a real array itself."""
    return np.conjugate(x) if is_complex(x) else x


def transpose(x: Value) -> Any:
    """The matrices of a stack, transposed and not conjugated."""
    return x.mT if type(x) is ndarray or is_box(x) else np.matrix_transpose(x)


def adjoint(x: Value) -> Any:
    """The matrices of a stack, transposed and conjugated."""
    return conjugate(transpose(x))


def hermitian(x: Value) -> Any:
    """The Hermitian part, also of the cotangent of a Hermitian matrix."""
    return 0.5 * (x + adjoint(x))


def completed_triangle(x: Value, lower: bool) -> Any:
    """The Hermitian matrix with a triangle, of traced arrays as well as plain ones."""
    half = np.tril(x, -1) if lower else np.triu(x, 1)
    return half + adjoint(half) + on_diagonal(np.real(diagonal(x)))


def folded_triangle(g: Cotangent, lower: bool) -> Any:
    """The cotangent of a triangle, from that of the Hermitian matrix."""
    above, below = np.triu(g, 1), np.tril(g, -1)
    half = below + adjoint(above) if lower else above + adjoint(below)
    return half + on_diagonal(np.real(diagonal(g)))


completed_p = linear(
    completed_triangle, folded_triangle, name="completed", structure=Einsum("...ij->...kl")
)


def completed(x: Value, lower: bool = True) -> Any:
    """The Hermitian matrix of a traced array of which a function reads one triangle.

    The cotangent is then in that triangle. Plain arrays are returned unchanged.
    """
    return completed_p(x, lower=lower) if is_box(x) else x


def symmetrize(A: Any) -> Any:
    """``(A + A.T) / 2`` of the last two axes; the Hermitian part of a complex matrix.

    Functions such as `numpy.linalg.cholesky` and `eigh` read one triangle of a matrix, and have
    gradients in that triangle. A function of ``symmetrize(A)`` has a symmetric gradient.

    Arguments: `A`, of shape (..., n, n). Returns: an array of the same shape.

    >>> import numpy as np, dualdiff as dd
    >>> log_det = lambda A: 2 * np.sum(np.log(np.diag(np.linalg.cholesky(dd.symmetrize(A)))))
    >>> dd.grad(log_det)(np.array([[2.0, 1.0], [1.0, 1.0]]))
    array([[ 1., -1.],
           [-1.,  2.]])
    """
    return hermitian(A)


def multiply(*matrices: Any) -> Any:
    """The product of stacks of matrices, of three in the cheaper order, of more from the left."""
    if len(matrices) == 3:
        a, b, c = matrices
        (k, m), (n, q) = a.shape[-2:], c.shape[-2:]
        if m * q * (n + k) < k * n * (m + q):
            return np.matmul(a, np.matmul(b, c))
    ans = matrices[0]
    for x in matrices[1:]:
        ans = np.matmul(ans, x)
    return ans


def inner(a: Value, b: Value) -> Any:
    """``sum(a * b)`` over the matrices of two stacks."""
    return np.sum(a * b, axis=(-2, -1))


def over_matrix(g: Cotangent) -> Any:
    """Numbers with two more axes, so each multiplies a matrix."""
    return g[..., None, None] if np.ndim(g) else g


def on_diagonal(v: Any) -> Any:
    """Vectors as diagonal matrices."""
    return v[..., None] * beside(np.eye(v.shape[-1], dtype=bool), v)


def diagonal(x: Value) -> Any:
    """The diagonals of a stack of matrices."""
    return np.diagonal(x, axis1=-2, axis2=-1)


def inverse(x: Value, singular: Any) -> Any:
    """The inverse, NaN for the matrices that a mask calls singular."""
    if not possibly(singular):
        return np.linalg.inv(x)
    singular = singular if is_foreign(singular) else np.asarray(singular)
    return np.linalg.inv(x + np.where(over_matrix(singular), np.nan, 0))


def flat(x: Value) -> Any:
    """All rows of a stack of matrices as one matrix."""
    return x.reshape((prod(x.shape[:-1]), x.shape[-1]))


def fold(c: Any, spec: Spec, ndim: int) -> Any:
    """A cotangent of an operand broadcast to `ndim` dimensions, summed to the operand's shape."""
    full = c.shape[c.ndim - ndim :]
    return (
        c if full == spec.shape else unbroadcast(c, Broadcast(spec.shape, c.dtype, full, c.dtype))
    )
