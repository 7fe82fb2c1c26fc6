"""Sets of columns: the inputs on which an element depends.

The elements of an array carry labels into a table of sets (`Sets`), so an operation that moves
elements moves labels, and elements with the same set share it. A scalar has a set of its own: a
frozenset while it is small, then an integer whose bits are the columns, so the union of two sets
of thousands of columns takes well under a microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

SMALL = 64
LARGE, OFTEN = 256, 16  # size of sets whose subsets are worth finding in unions
INDEX = np.int32  # columns: half the memory, twice the speed
Columns = frozenset[int] | int
NOTHING: frozenset[int] = frozenset()


def bits_of(columns: ndarray) -> int:
    """A sorted array of columns as the bits of an integer."""
    mask = np.zeros(int(columns[-1]) + 1, dtype=bool)
    mask[columns] = True
    return int.from_bytes(np.packbits(mask, bitorder="little").tobytes(), "little")


def columns_of(s: Columns) -> ndarray:
    """A set of columns as a sorted array."""
    if type(s) is int:
        raw = np.frombuffer(s.to_bytes((s.bit_length() + 7) // 8, "little"), np.uint8)
        return np.flatnonzero(np.unpackbits(raw, bitorder="little"))
    return np.array(sorted(s), dtype=np.intp)  # type: ignore[arg-type]


def from_columns(columns: ndarray) -> Columns:
    """A sorted array of columns as a set."""
    return frozenset(columns.tolist()) if columns.size <= SMALL else bits_of(columns)


def join(a: Columns, b: Columns) -> Columns:
    """The union of two sets."""
    if a is b or not b:
        return a
    if not a:
        return b
    if type(a) is frozenset and type(b) is frozenset:
        c = a | b
        return c if len(c) <= SMALL else bits_of(columns_of(c))
    return _bits(a) | _bits(b)


def _bits(s: Columns) -> int:
    return s if type(s) is int else bits_of(columns_of(s))


def ranges(starts: ndarray, lengths: ndarray) -> ndarray:
    """The positions ``start, start + 1, ...`` of several ranges, one after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    dtype = INDEX if total + int(starts.max(initial=0)) < 2**31 else np.intp
    positions = np.repeat((starts - (ends - lengths)).astype(dtype), lengths)
    positions += np.arange(total, dtype=dtype)
    return positions


class Sets:
    """A table of sets of columns that only grows: label 0 is the empty set.

    Set k is ``indices[starts[k] : starts[k + 1]]``, sorted. Labels never change their meaning, so
    arrays may share a table.
    """

    __slots__ = ("_indices", "_pending", "_starts", "columns", "count")

    def __init__(self, columns: int, starts: ndarray, indices: ndarray) -> None:
        self.columns = columns
        self.count = starts.size - 1
        self._starts = starts
        self._indices = indices
        self._pending: list[Columns] = []

    @staticmethod
    def of(sets: Iterable[Columns], columns: int) -> Sets:
        """A table of the empty set and the given ones."""
        table = Sets(columns, np.zeros(2, np.intp), np.zeros(0, INDEX))
        table._pending.extend(sets)
        return table

    @staticmethod
    def identity(columns: int) -> Sets:
        """Label k + 1 is the set of column k."""
        starts = np.arange(-1, columns + 1, dtype=np.intp)
        starts[0] = 0
        return Sets(columns, starts, np.arange(columns, dtype=INDEX))

    def __len__(self) -> int:
        return self.count + len(self._pending)

    def add(self, s: Columns) -> int:
        """Put a set into the table and return its label."""
        if not s:
            return 0
        self._pending.append(s)
        return self.count + len(self._pending) - 1

    def get(self, label: int) -> Columns:
        """The set of a label."""
        if label >= self.count:
            return self._pending[label - self.count]
        return from_columns(self._indices[self._starts[label] : self._starts[label + 1]])

    def arrays(self) -> tuple[ndarray, ndarray]:
        """``starts`` and ``indices`` of the whole table."""
        if self._pending:
            pending, self._pending = self._pending, []
            if all(type(s) is frozenset for s in pending):
                lengths = np.fromiter(map(len, pending), np.intp, len(pending))  # type: ignore[arg-type]
                flat = chain.from_iterable(map(sorted, pending))  # type: ignore[arg-type]
                indices = np.fromiter(flat, np.intp, int(lengths.sum()))
            else:
                parts = [columns_of(s) for s in pending]
                lengths = np.array([p.size for p in parts], dtype=np.intp)
                indices = np.concatenate(parts)
            self._extend(lengths, indices)
        stop = self._starts[self.count]
        return self._starts[: self.count + 1], self._indices[:stop]

    def _extend(self, lengths: ndarray, indices: ndarray) -> None:
        """Append sets; buffers double, so each set is copied only a few times."""
        count, used = self.count + lengths.size, int(self._starts[self.count])
        self._starts = _grown(self._starts, self.count + 1, count + 1)
        self._indices = _grown(self._indices, used, used + indices.size)
        self._starts[self.count + 1 : count + 1] = used + np.cumsum(lengths)
        self._indices[used : used + indices.size] = indices
        self.count = count

    def append(self, other: Sets, labels: ndarray) -> int:
        """Put sets of another table into this one; returns the first label, the others follow."""
        self.arrays()
        first = self.count
        lengths, indices = other.rows(labels)
        self._extend(lengths, indices)
        return first

    def rows(self, labels: ndarray) -> tuple[ndarray, ndarray]:
        """The sets of some labels: their sizes, and their columns one after the other."""
        starts, indices = self.arrays()
        if labels.size and np.all(labels[1:] - labels[:-1] == 1):
            first, stop = labels[0], labels[-1] + 1
            return np.diff(starts[first : stop + 1]), indices[starts[first] : starts[stop]]
        begin = starts[labels]
        lengths = starts[labels + 1] - begin
        return lengths, indices[ranges(begin, lengths)]

    def matrix(self, labels: ndarray | None = None) -> csr_array:
        """The sets of some labels (of all) as the rows of a boolean matrix."""
        if labels is None:
            starts, indices = self.arrays()
        else:
            lengths, indices = self.rows(labels)
            starts = np.concatenate([[0], np.cumsum(lengths)])
        return from_csr(starts, indices, self.columns)

    def large(self, labels: ndarray) -> list[int]:
        """The labels of the few large sets that occur often among some labels."""
        if not labels.size or np.diff(self.arrays()[0]).max() <= LARGE:
            return []
        found, counts = np.unique(labels, return_counts=True)
        sizes = np.diff(self._starts)[found]
        chosen = np.flatnonzero((sizes > LARGE) & (counts >= OFTEN))
        return found[chosen].tolist() if chosen.size <= OFTEN else []

    def within(self, labels: ndarray, other: Sets, label: int) -> ndarray:
        """Whether sets are subsets of one set of another table."""
        mask = np.zeros(self.columns, dtype=bool)
        mask[other.rows(np.array([label]))[1]] = True
        lengths, indices = self.rows(labels)
        strangers = np.concatenate([[0], np.cumsum(~mask[indices])])
        ends = np.cumsum(lengths)
        return strangers[ends] == strangers[ends - lengths]


def from_csr(starts: ndarray, indices: ndarray, columns: int, canonical: bool = True) -> csr_array:
    """A boolean matrix that is true at the given places, sorted and each once if `canonical`."""
    data = np.ones(indices.size, dtype=bool)
    matrix = csr_array((data, indices, starts), shape=(starts.size - 1, columns))
    matrix.has_canonical_format = canonical
    return matrix


def table_of(matrix: Any) -> Sets:
    """The rows of a boolean matrix as the sets 1, 2, ... of a table."""
    matrix.sort_indices()
    starts = np.concatenate([[0], matrix.indptr]).astype(np.intp, copy=False)
    return Sets(matrix.shape[1], starts, matrix.indices.astype(INDEX, copy=False))


def _grown(buffer: ndarray, used: int, needed: int) -> ndarray:
    if needed <= buffer.size:
        return buffer
    larger = np.empty(max(needed, 2 * buffer.size), buffer.dtype)
    larger[:used] = buffer[:used]
    return larger
