"""Products of sparse matrices: their entries say which elements meet.

A stored entry counts even if it is 0; zeros of a constant dense operand are structural.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.box import is_box
from ...core.structure import Pattern, Structure, Use
from ...core.trace import materialize
from ...core.types import Value
from .products import Product


def _along_lines(p: Pattern, indptr: ndarray) -> Pattern:
    """The unions of groups along the last axis, the same on each line."""
    *batch, entries = p.shape
    lines = prod(batch)
    begin = (entries * np.arange(lines)[:, None] + indptr[:-1]).ravel()
    made = p.over_groups(np.append(begin, entries * lines))
    return made.reshaped((*batch, indptr.size - 1))


def _last_but_one(p: Pattern) -> Pattern:
    return p.relabeled(np.moveaxis(p.labels, -1, -2))


class SparseProduct(Structure):
    """The product of the constant sparse parameter `matrix` and a vector or matrix."""

    def pattern(self, use: Use) -> list[Pattern]:
        p, matrix = use.only, use.params["matrix"].tocsr()
        p = p.relabeled(p.labels[matrix.indices])
        if len(p.shape) == 1:
            return [_along_lines(p, matrix.indptr)]
        return [_last_but_one(_along_lines(p.relabeled(p.labels.T), matrix.indptr))]

    def without_nan(self, use: Use, ans: Value) -> Any:
        broken = _with_data(use, lambda data: (~np.isfinite(data)).astype(float))
        finite = _with_data(use, lambda data: np.where(np.isfinite(data), data, 0))
        hit = use.prim.fn(np.asarray(use.only, float), matrix=broken) != 0
        return materialize(np.where(hit, ans, use.prim.evaluate(use.args, {"matrix": finite})))


def _with_data(use: Use, change: Callable[[Any], Any]) -> Any:
    """The constant sparse matrix of a product with other values at its entries."""
    matrix = use.params["matrix"].tocsr(copy=True)
    matrix.data = change(matrix.data)
    return matrix


class SparseMatMul(Product):
    """The product of a sparse matrix, whose values are operand 0, and a dense one, by the parameter
    `layout`, with batch axes."""

    def pattern(self, use: Use) -> list[Pattern]:
        order, indices, indptr = use.params["layout"].by_row
        data, x = use.marks
        parts = []
        if data is not None:
            labels = data.labels if order is None else data.labels[..., order]
            other = use.args[1]
            zero = None if x is not None or is_box(other) else np.asarray(other) == 0
            if zero is None or not zero.any():
                made = _along_lines(data.relabeled(labels), indptr)
                parts.append(made.relabeled(made.labels[..., None]))
            else:
                off = np.moveaxis(zero, -1, -2)[..., indices]
                let_through = data.relabeled(np.where(off, 0, labels[..., None, :]))
                parts.append(_last_but_one(_along_lines(let_through, indptr)))
        if x is not None:
            labels = np.moveaxis(x.labels, -1, -2)[..., indices]
            parts.append(_last_but_one(_along_lines(x.relabeled(labels), indptr)))
        return [use.union(parts, use.shape)]


class SampledProduct(Product):
    """Entries of a product of two dense matrices by the parameter `layout`: a row of one, and a row
    of the other."""

    def pattern(self, use: Use) -> list[Pattern]:
        layout = use.params["layout"]
        parts = []
        for p, places in zip(use.marks, (layout.rows, layout.columns), strict=True):
            if p is not None:
                whole = p.over_axes((-1,))
                parts.append(whole.relabeled(whole.labels[..., places]))
        return [use.union(parts, use.shape)]
