"""The sparsity pattern of a function's Jacobian, found by running the function once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

from ...array.box import WATCHERS, is_box, unbox
from ...core.batch import shape_of
from ...core.trace import materialize
from ...errors import UnsupportedInputError, user_line
from ...trees import check_result, flatten
from .patterns import Pattern, uniform
from .sets import INDEX, NOTHING, Columns, columns_of, from_csr
from .trace import Dependent, PatternTrace

MOST = 2**29  # entries of a pattern, of five bytes each


@dataclass
class Detected:
    """The pattern of a Jacobian.

    `pattern` is boolean, with one row per element of the results and one column per element of the
    differentiated arguments, all leaves of containers included; `local` says that the function
    looked at traced values (it branched, or chose an index by them), so the pattern may hold only
    near these arguments; `dense_because` names the functions that counted as dense because they
    have no structure; `values` are the results of the function.
    """

    pattern: csr_array
    local: bool = False
    dense_because: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)


def detect(inputs: Any) -> Detected:
    """The pattern for one call, given as the `Inputs` of an operator."""
    sizes = [0 if v is None else prod(shape_of(v)) for v in inputs.values]
    trace = PatternTrace(sum(sizes))
    WATCHERS.append(trace.watch)
    try:
        boxes, first = [], 0
        for value, size in zip(inputs.values, sizes, strict=True):
            boxes.append(None if value is None else trace.input(value, first))
            first += size
        leaves, _ = flatten(inputs.call(boxes))
        leaves = [leaf for leaf in leaves if leaf is not None]
        payloads = [_payload(leaf, trace) for leaf in leaves]
        values = [unbox(materialize(leaf)) for leaf in leaves]
        _refuse_too_many(sum(map(_entries, payloads)), trace)
        rows = list(map(_rows, payloads))
    finally:
        WATCHERS.remove(trace.watch)
        trace.close()
    pattern = _stacked(rows, trace.columns)
    return Detected(pattern, trace.local, trace.dense_because, values)


def _payload(leaf: Any, trace: PatternTrace) -> Pattern | Columns:
    """The dependence of one result."""
    if is_box(leaf) or (type(leaf) is ndarray and leaf.dtype.hasobject):
        leaf = materialize(leaf)
    check_result(leaf)
    if issubclass(type(leaf), Dependent) and leaf.owner is trace:
        return leaf.payload
    return uniform(shape_of(leaf), NOTHING, trace.columns)


def _entries(p: Pattern | Columns) -> int:
    if type(p) is Pattern:
        counts = np.bincount(np.ravel(p.labels), minlength=len(p.sets))
        return int(counts @ np.diff(p.sets.arrays()[0]))
    return columns_of(p).size  # type: ignore[arg-type]


def _refuse_too_many(entries: int, trace: PatternTrace) -> None:
    if entries > MOST:
        dense = ", ".join(trace.dense_because)
        why = f" ({dense} count as dense, since they have no structure)" if dense else ""
        raise UnsupportedInputError(
            f"the sparsity pattern has {entries:,} entries, too many for memory{why}, "
            f"{user_line()}; use products with the Jacobian (jvp, vjp, linearize, hvp) instead"
        )


def _rows(p: Pattern | Columns) -> tuple[ndarray, ndarray]:
    """The rows of one result: their lengths, and their columns one after the other."""
    if type(p) is Pattern:
        return p.sets.rows(np.ravel(p.labels))
    columns = columns_of(p)  # type: ignore[arg-type]
    return np.array([columns.size]), columns.astype(INDEX)


def _stacked(rows: Sequence[tuple[ndarray, ndarray]], columns: int) -> csr_array:
    lengths = np.concatenate([np.zeros(1, np.intp), *(n for n, _ in rows)])
    indices = np.concatenate([np.zeros(0, INDEX), *(i for _, i in rows)])
    return from_csr(np.cumsum(lengths), indices, columns)
