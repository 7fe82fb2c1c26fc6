"""Jacobians as blocks, one for each result and argument, from the parts of the passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box
from ..core.batch import cast, dtype_of, shape_of
from ..core.types import Value
from .directions import Span, own, sizes_of
from .inputs import Inputs


def _block(part: Any, result: Any, value: Value) -> Any:
    """Rows or columns of one result and one argument, in the dtype of both."""
    part = cast(part, np.result_type(dtype_of(result), dtype_of(value)))
    shape = shape_of(result) + shape_of(value)
    ready = type(part) is ndarray and part.shape == shape
    return own(part if ready else np.reshape(part, shape))


def _as_leaf(block: Any, leaf: Any) -> Any:
    """A block of one number: a number if the argument is one, of Python if it is of Python."""
    if is_box(block) or block.ndim or type(leaf) is ndarray:
        return block
    return float(block) if type(leaf) in (float, int) and block.dtype.kind == "f" else block[()]


def _no_block(result: Any, value: Value) -> ndarray:
    dtype = np.result_type(dtype_of(result), dtype_of(value))
    return np.zeros(shape_of(result) + shape_of(value), dtype)


class Blocks:
    """One matrix for each result and argument, filled pass by pass without further copies."""

    def __init__(self, results: Sequence[Any], values: Sequence[Value]) -> None:
        self.results, self.values = results, values
        self.blocks: list[list[ndarray | None]] | None = None

    def _opened(self) -> list[list[ndarray | None]]:
        if self.blocks is None:
            self.blocks = [
                [None if r is None or v is None else _no_block(r, v) for v in self.values]
                for r in self.results
            ]
        return self.blocks

    def put_columns(self, span: Span, parts: Sequence[Any]) -> None:
        """Tangents of all results in the directions of the span."""
        for part, blocks in zip(parts, self._opened(), strict=True):
            if part is None:
                continue
            for block, first, last in _within(span, blocks, self.values):
                a, b = max(first, span[0]), min(last, span[1])
                rows = part[a - span[0] : b - span[0]].reshape(b - a, -1)
                matrix = block.reshape(rows.shape[1], last - first)
                matrix[:, a - first : b - first] = _as(rows, matrix).T

    def put_rows(self, span: Span, parts: Sequence[Any]) -> None:
        """Cotangents of all arguments in the directions of the span."""
        columns = list(zip(*self._opened(), strict=True))
        for part, blocks in zip(parts, columns, strict=True):
            if part is None:
                continue
            for block, first, last in _within(span, blocks, self.results):
                a, b = max(first, span[0]), min(last, span[1])
                rows = part[a - span[0] : b - span[0]].reshape(b - a, -1)
                matrix = block.reshape(last - first, rows.shape[1])
                matrix[a - first : b - first] = _as(rows, matrix)

    def finished(self, inputs: Inputs) -> list[Any]:
        """The blocks of each result, as a tree like the argument."""
        out: list[Any] = []
        for result, blocks in zip(self.results, self._opened(), strict=True):
            pairs = zip(blocks, inputs.leaves, strict=True)
            leaves = [None if b is None else _as_leaf(b, leaf) for b, leaf in pairs]
            out.append(None if result is None else inputs.result(leaves))
        return out


def _as(rows: ndarray, matrix: ndarray) -> ndarray:
    return rows if matrix.dtype.kind == "c" else np.real(rows)


def _within(
    span: Span, blocks: Sequence[ndarray | None], leaves: Sequence[Any]
) -> Iterator[tuple[ndarray, int, int]]:
    """The blocks of the leaves that have directions in the span, and these directions."""
    first = 0
    for block, size in zip(blocks, sizes_of(leaves), strict=True):
        if block is not None and block.size and first < span[1] and first + size > span[0]:
            yield block, first, first + size
        first += size


def _joined(parts: list[Any]) -> Any:
    """The passes of one leaf along the direction axis, or None if nothing depends on it."""
    known = [p for p in parts if p is not None]
    if not known:
        return None
    return known[0] if len(known) == 1 else np.concatenate(known)


def from_rows(passes: list[Any], inputs: Inputs, results: Sequence[Any]) -> list[Any]:
    """For each result, d result / d value for each value, from cotangents of the values."""
    out: list[Any] = []
    start = 0
    stacked = [_joined([p[i] for p in passes]) for i in range(len(inputs.values))]
    # Two arguments may share a cotangent, so slices are copied; a single one need not be.
    alone = len(results) == len(stacked) == 1
    for result, size in zip(results, sizes_of(results), strict=True):
        stop = start + size
        leaves = (
            [
                None
                if v is None
                else _as_leaf(_no_block(result, v), leaf)
                if rows is None or not size
                else _as_leaf(_block(rows if alone else rows[start:stop], result, v), leaf)
                for rows, v, leaf in zip(stacked, inputs.values, inputs.leaves, strict=True)
            ]
            if result is not None
            else []
        )
        out.append(None if result is None else inputs.result(leaves))
        start = stop
    return out


def from_columns(passes: list[Any], inputs: Inputs, results: Sequence[Any]) -> list[Any]:
    """For each result, d result / d value for each value, from tangents of the results."""
    out: list[Any] = []
    for j, result in enumerate(results):
        if result is None:
            out.append(None)
            continue
        columns = _joined([p[j] for p in passes])
        leaves: list[Any] = []
        start = 0
        for v, leaf in zip(inputs.values, inputs.leaves, strict=True):
            if v is None:
                leaves.append(None)
                continue
            stop = start + prod(shape_of(v))
            if columns is None:
                block: Any = _no_block(result, v)
            else:
                axes = (*range(1, columns.ndim), 0)
                block = _block(columns[start:stop].transpose(axes), result, v)
            leaves.append(_as_leaf(block, leaf))
            start = stop
        out.append(inputs.result(leaves))
    return out
