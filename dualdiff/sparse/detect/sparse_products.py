"""Products of sparse matrices: their entries say what meets what.

An entry that is stored counts, be it 0; zeros of a constant dense operand are structural.
"""

from __future__ import annotations

from math import prod

import numpy as np
from numpy import ndarray

from ...array.box import is_box
from .patterns import Pattern, over_axes, over_groups, union_of
from .sets import Sets
from .use import Result, Use


def _along_lines(labels: ndarray, sets: Sets, indptr: ndarray) -> Pattern:
    """The unions of groups along the last axis, the same on each line."""
    *lead, entries = labels.shape
    lines = prod(lead)
    begin = (entries * np.arange(lines)[:, None] + indptr[:-1]).ravel()
    ids, table = over_groups(sets, np.append(begin, entries * lines), np.ravel(labels))
    return Pattern(ids.reshape(*lead, indptr.size - 1), table)


def _last_but_one(p: Pattern) -> Pattern:
    return Pattern(np.moveaxis(p.labels, -1, -2), p.sets)


def sparse_product(use: Use) -> Result:
    """A constant sparse matrix and a traced vector or matrix."""
    p, matrix = use.only, use.params["matrix"].tocsr()
    labels = p.labels[matrix.indices]
    if len(p.shape) == 1:
        return [_along_lines(labels, p.sets, matrix.indptr)]
    return [_last_but_one(_along_lines(labels.T, p.sets, matrix.indptr))]


def sparse_matmul(use: Use) -> Result:
    """The values of a sparse matrix, operand 0, and a dense one, with lead axes."""
    order, indices, indptr = use.params["layout"].by_row
    (shape,), (data, x) = use.shapes, use.patterns
    parts = []
    if data is not None:
        labels = data.labels if order is None else data.labels[..., order]
        other = use.args[1]
        zero = None if x is not None or is_box(other) else np.asarray(other) == 0
        if zero is None or not zero.any():
            made = _along_lines(labels, data.sets, indptr)
            parts.append(Pattern(made.labels[..., None], made.sets))
        else:
            off = np.moveaxis(zero, -1, -2)[..., indices]
            labels = np.where(off, 0, labels[..., None, :])
            parts.append(_last_but_one(_along_lines(labels, data.sets, indptr)))
    if x is not None:
        labels = np.moveaxis(x.labels, -1, -2)[..., indices]
        parts.append(_last_but_one(_along_lines(labels, x.sets, indptr)))
    return [union_of(parts, shape)]


def sampled_product(use: Use) -> Result:
    """Entries of a product of two dense matrices: a row of one, and a row of the other."""
    layout, (shape,) = use.params["layout"], use.shapes
    parts = []
    for p, places in zip(use.patterns, (layout.rows, layout.columns), strict=True):
        if p is not None:
            whole = over_axes(p, (-1,))
            parts.append(Pattern(whole.labels[..., places], whole.sets))
    return [union_of(parts, shape)]
