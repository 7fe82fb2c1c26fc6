"""Products of constant sparse matrices with traced arrays: ``A @ x``, ``A.dot(x)``, ``x @ A``."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from ..core.dispatch import register
from ..core.errors import UnsupportedInputError, user_line
from ..core.shapes import Shape, Spec
from ..core.traces import resolve
from ..kinds import linear


def _times(t: Any, matrix: Any, ndim: int, lead: Shape) -> Any:
    """``matrix @ t`` for vectors or matrices with lead axes, in one sparse product."""
    if not lead:
        return matrix @ t
    if ndim == 1:
        return (matrix @ t.T).T
    directions, n, columns = t.shape
    ans = matrix @ np.reshape(np.moveaxis(t, 0, 1), (n, directions * columns))
    return np.moveaxis(np.reshape(ans, (ans.shape[0], directions, columns)), 1, 0)


def _push(t: Any, x_spec: Spec, matrix: Any, lead: Shape) -> Any:
    return _times(t, matrix, x_spec.ndim, lead)


def _pull(g: Any, x_spec: Spec, matrix: Any, lead: Shape) -> Any:
    return _times(g, matrix.T, x_spec.ndim, lead)


product_p = linear(
    lambda x, matrix: matrix @ x,
    _pull,
    push=_push,
    name="sparse_matmul",
    structure="sparse product",
)


def matmul(x: Any, y: Any) -> Any:
    """``x @ y``, where one operand is sparse and constant, and the other is traced."""
    from_left = issparse(x)
    matrix, dense = (x, resolve(y)) if from_left else (y, resolve(x))
    if matrix.ndim != 2 or np.ndim(dense) not in (1, 2):
        raise UnsupportedInputError(
            f"a product of a sparse array of shape {matrix.shape} and a traced array of shape "
            f"{np.shape(dense)} has no rule, {user_line()}: it takes a sparse matrix, and a traced "
            f"array of one or two dimensions"
        )
    if from_left:
        return product_p(dense, matrix=matrix)
    return product_p(dense.T, matrix=matrix.T).T


register(csr_array.__matmul__, matmul)  # the same function in all of SciPy's sparse classes
