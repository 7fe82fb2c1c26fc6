"""The sparsity pattern of a function's Jacobian, found by running the function once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

from ..core.boxes import WATCHERS, is_box
from ..core.shapes import shape_of
from ..core.traces import resolve
from ..trees import flatten
from .boxes import Dependent
from .patterns import Pattern
from .sets import INDEX, columns_of, from_csr
from .trace import PatternTrace


@dataclass
class Detected:
    """The pattern of a Jacobian.

    `pattern` is boolean, with one row per element of the results and one column per element of the
    differentiated arguments, containers counted whole; `local` says that the function looked at
    traced values (it branched, or chose an index by them), so that the pattern may hold near
    these arguments only; `dense_because` names the functions that counted as dense because nothing
    is known of their structure.
    """

    pattern: csr_array
    local: bool = False
    dense_because: list[str] = field(default_factory=list)


def detect(inputs: Any) -> Detected:
    """The pattern for one call, given as the `Inputs` of an operator."""
    sizes = [0 if v is None else prod(shape_of(v)) for v in inputs.values]
    trace = PatternTrace(sum(sizes))
    WATCHERS.append(trace.watch)
    try:
        boxes, first = [], 0
        for value, size in zip(inputs.values, sizes, strict=True):
            if type(value) is ndarray:
                value = value.copy(order="K")  # which the function may change
            boxes.append(None if value is None else trace.input(value, first))
            first += size
        leaves, _ = flatten(inputs.call(boxes))
        rows = [_rows(leaf, trace) for leaf in leaves if leaf is not None]
    finally:
        WATCHERS.remove(trace.watch)
        trace.close()
    return Detected(_stacked(rows, trace.columns), trace.local, trace.dense_because)


def _rows(leaf: Any, trace: PatternTrace) -> tuple[ndarray, ndarray]:
    """The rows of one result: their lengths, and their columns one after the other."""
    if is_box(leaf) or (type(leaf) is ndarray and leaf.dtype.hasobject):
        leaf = resolve(leaf)
    if not (issubclass(type(leaf), Dependent) and leaf.scope is trace):
        return np.zeros(prod(shape_of(leaf)), np.intp), np.zeros(0, INDEX)
    p = leaf.payload
    if type(p) is Pattern:
        return p.sets.rows(np.ravel(p.labels))
    columns = columns_of(p)
    return np.array([columns.size]), columns.astype(INDEX)


def _stacked(rows: Sequence[tuple[ndarray, ndarray]], columns: int) -> csr_array:
    lengths = np.concatenate([np.zeros(1, np.intp), *(n for n, _ in rows)])
    indices = np.concatenate([np.zeros(0, INDEX), *(i for _, i in rows)])
    return from_csr(np.cumsum(lengths), indices, columns)
