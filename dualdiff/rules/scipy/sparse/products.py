"""Products of sparse matrices with dense ones, linear in the values of both.

A sparse matrix is a vector of values and a `Layout`. Dense operands are matrices; both may have
batch axes in front, which broadcast. No product forms the dense matrix, and none conjugates.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy import ndarray
from scipy import sparse
from scipy.sparse import csr_array

from ....array.box import is_box
from ....array.guards import Guards, keeper
from ....core.batch import Shape, Spec, align
from ....core.types import Cotangent, Tangent, Value
from ...declare import bilinear, linear
from ...numpy.linalg.matrices import fold
from ...structures import SampledProduct, SparseMatMul, SparseProduct
from .layout import Layout

BLOCK = 2**18  # elements that are gathered at once


def _constant_times(t: Tangent, matrix: Any, ndim: int, batch: Shape) -> Any:
    """``matrix @ t`` for vectors or matrices with batch axes, in one sparse product."""
    if not batch:
        return matrix @ t
    if ndim == 1:
        return (matrix @ t.T).T
    directions, n, columns = t.shape
    ans = matrix @ np.reshape(np.moveaxis(t, 0, 1), (n, directions * columns))
    return np.moveaxis(np.reshape(ans, (ans.shape[0], directions, columns)), 1, 0)


def _jvp_constant(t: Tangent, x_spec: Spec, matrix: Any, batch: Shape) -> Any:
    return _constant_times(t, matrix, x_spec.ndim, batch)


def _vjp_constant(g: Cotangent, x_spec: Spec, matrix: Any, batch: Shape) -> Any:
    return _constant_times(g, matrix.T, x_spec.ndim, batch)


def _keep(guards: Guards, matrix: Any) -> Any:
    """A constant sparse matrix as a residual, whose arrays the user may change."""
    if matrix.format in ("dok", "lil"):
        return matrix.copy()
    own = object.__new__(type(matrix))
    for name, value in vars(matrix).items():
        if type(value) is tuple:  # the coordinates of COO
            value = tuple(guards.keep(v) if type(v) is ndarray else v for v in value)
        own.__dict__[name] = guards.keep(value) if type(value) is ndarray else value
    return own


_FORMATS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
keeper([getattr(sparse, f"{f}_{kind}") for f in _FORMATS for kind in ("array", "matrix")], _keep)

constant_p = linear(
    lambda x, matrix: matrix @ x,
    _vjp_constant,
    jvp=_jvp_constant,
    name="sparse_matmul_constant",
    structure=SparseProduct(),
)


def _times(data: ndarray, x: ndarray, layout: Layout) -> ndarray:
    """Plain values: one product in SciPy's compiled code, for all batch axes."""
    order, indices, indptr = layout.by_row
    if order is not None:
        data = data[..., order]
    (m, n), own, others = layout.shape, data.shape[:-1], x.shape[:-2]
    columns = x.shape[-1]
    if not own:
        flat = np.moveaxis(x, -2, 0).reshape(n, prod(others) * columns)
        ans = csr_array((data, indices, indptr), shape=(m, n)) @ flat
        return np.moveaxis(ans.reshape(m, *others, columns), 0, -2)
    batch = np.broadcast_shapes(own, others)
    count = prod(batch)
    data = np.broadcast_to(data, (*batch, data.shape[-1])).reshape(-1)
    # One matrix below the other, or, if each has its own x, all along a diagonal.
    shift = n if prod(others) > 1 else 0
    starts = np.arange(count)[:, None]
    indices = (indices + shift * starts).reshape(-1)
    size = indptr[-1].astype(np.int64)
    indptr = np.append((indptr[:-1] + size * starts).reshape(-1), size * count)
    flat = np.broadcast_to(x, (*batch, n, columns)) if shift else x
    flat = flat.reshape(n * count if shift else n, columns)
    ans = csr_array((data, indices, indptr), shape=(count * m, flat.shape[0])) @ flat
    return np.asarray(ans).reshape(*batch, m, columns)


def times(data: Any, x: Value, layout: Layout) -> Any:
    """The sparse matrix with the values `data` times the matrix x.

    Shapes ``(*batch, entries)`` and ``(*batch, n, k)``; the result is ``(*batch, m, k)``.
    """
    if is_box(data) or is_box(x):
        return times_p(data, x, layout=layout)
    return _times(np.asarray(data), np.asarray(x), layout)


def _sampled(x: ndarray, y: ndarray, layout: Layout) -> ndarray:
    rows, columns, width = layout.rows, layout.columns, x.shape[-1]
    if width == 1:
        return x[..., rows, 0] * y[..., columns, 0]
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    out = np.empty((*batch, layout.size), np.result_type(x, y))
    step = max(1, BLOCK // max(prod(batch) * width, 1))
    for start in range(0, layout.size, step):
        part = slice(start, start + step)
        a, b = x[..., rows[part], :], y[..., columns[part], :]
        out[..., part] = np.einsum("...ek,...ek->...e", a, b)
    return out


def sampled(x: Value, y: Value, layout: Layout) -> Any:
    """The entries ``sum_k x[row, k] * y[column, k]`` of ``x @ y.T``, at the places of a layout.

    Shapes ``(*batch, m, k)`` and ``(*batch, n, k)``; the result is ``(*batch, entries)``.
    """
    if is_box(x) or is_box(y):
        return sampled_p(x, y, layout=layout)
    return _sampled(np.asarray(x), np.asarray(y), layout)


def _vjp_data(g: Cotangent, y: Value, x_spec: Spec, ans_spec: Spec, layout: Layout) -> Any:
    return fold(sampled(g, y, layout), x_spec, ans_spec.ndim - 1)


def _jvp_data(
    t: Tangent, y: Value, x_spec: Spec, ans_spec: Spec, layout: Layout, batch: Shape
) -> Any:
    return times(align(t, x_spec.ndim, ans_spec.ndim - 1, batch), y, layout)


def _vjp_dense(g: Cotangent, x: Value, y_spec: Spec, ans_spec: Spec, layout: Layout) -> Any:
    return fold(times(x, g, layout.T), y_spec, ans_spec.ndim)


def _jvp_dense(
    t: Tangent, x: Value, y_spec: Spec, ans_spec: Spec, layout: Layout, batch: Shape
) -> Any:
    return times(x, align(t, y_spec.ndim, ans_spec.ndim, batch), layout)


times_p = bilinear(
    times,
    _vjp_data,
    _vjp_dense,
    jvps=(_jvp_data, _jvp_dense),
    name="sparse_matmul",
    structure=SparseMatMul(),
)


def _vjp_left(c: Any, y: Value, x_spec: Spec, ans_spec: Spec, layout: Layout) -> Any:
    return fold(times(c, y, layout), x_spec, ans_spec.ndim + 1)


def _jvp_left(
    t: Tangent, y: Value, x_spec: Spec, ans_spec: Spec, layout: Layout, batch: Shape
) -> Any:
    return sampled(align(t, x_spec.ndim, ans_spec.ndim + 1, batch), y, layout)


def _vjp_right(c: Any, x: Value, y_spec: Spec, ans_spec: Spec, layout: Layout) -> Any:
    return fold(times(c, x, layout.T), y_spec, ans_spec.ndim + 1)


def _jvp_right(
    t: Tangent, x: Value, y_spec: Spec, ans_spec: Spec, layout: Layout, batch: Shape
) -> Any:
    return sampled(x, align(t, y_spec.ndim, ans_spec.ndim + 1, batch), layout)


sampled_p = bilinear(
    sampled,
    _vjp_left,
    _vjp_right,
    jvps=(_jvp_left, _jvp_right),
    name="sampled_product",
    structure=SampledProduct(),
)
