"""The directions that give all nonzeros of a matrix, and the place of each in the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

from ..array.box import is_box
from ..rules.scipy.sparse.arrays import SparseArray
from ..rules.scipy.sparse.layout import with_data
from .color.coloring import Coloring, MixedColoring


@dataclass(frozen=True)
class Compression:
    """A pattern, its colours, and the place of each nonzero among the compressed derivatives.

    `columns` has one colour per column, and each colour is one tangent; `rows` has one colour per
    row, and each is one cotangent; either may be None. `by_row` says which nonzeros are computed by
    cotangents (None for all or none). `places` are flat positions in the array of pushed
    tangents, shape (colours, rows), or of pulled cotangents, shape (colours, columns).
    """

    pattern: csr_array
    columns: Coloring | None
    rows: Coloring | None
    by_row: ndarray | None
    places: ndarray

    def matrix(self, pushed: ndarray | None, pulled: ndarray | None) -> csr_array:
        """The sparse matrix from its compressed derivatives; shares no memory with this object."""
        return self.of_entries(
            None if pushed is None else pushed.reshape(-1).take(self.places_of(pulled=False)),
            None if pulled is None else pulled.reshape(-1).take(self.places_of(pulled=True)),
        )

    def places_of(self, pulled: bool) -> ndarray:
        """The places of the nonzeros that cotangents, or tangents, compute."""
        if self.by_row is None:
            return self.places
        return self.places[self.by_row if pulled else ~self.by_row]

    def of_entries(self, pushed: ndarray | None, pulled: ndarray | None) -> csr_array:
        """The sparse matrix from the nonzeros by tangents and the nonzeros by cotangents."""
        if self.by_row is None:
            data = pushed if pulled is None else pulled
            assert data is not None
            return self._with(data)
        assert pushed is not None
        assert pulled is not None
        if is_box(pushed):
            order = np.argsort(~self.by_row, kind="stable").argsort()
            return self._with(np.concatenate([pulled, pushed])[order])
        data = np.empty(self.places.size, np.result_type(pushed, pulled))
        data[self.by_row], data[~self.by_row] = pulled, pushed
        return self._with(data)

    def _with(self, data: ndarray) -> Any:
        if is_box(data):
            return SparseArray(data, self.pattern)
        return with_data(self.pattern, data)


class Picking:
    """Picks nonzeros from one pass of compressed derivatives after the other."""

    def __init__(self, places: ndarray, width: int) -> None:
        self._order = np.argsort(places, kind="stable")
        self._sorted, self._width = places[self._order], width
        self.values: ndarray | None = None

    def add(self, compressed: ndarray, start: int) -> None:
        """Take the nonzeros of one pass, whose first colour is `start`."""
        first, stop = (self._width * c for c in (start, start + len(compressed)))
        a, b = np.searchsorted(self._sorted, (first, stop))
        if self.values is None:
            self.values = np.zeros(self._sorted.size, compressed.dtype)
        elif self.values.dtype != compressed.dtype:
            self.values = self.values.astype(np.result_type(self.values, compressed))
        self.values[self._order[a:b]] = compressed.reshape(-1).take(self._sorted[a:b] - first)


def canonical(pattern: Any) -> csr_array:
    """The stored entries that are not zero, as a boolean CSR array in canonical form."""
    own: csr_array = csr_array(pattern).astype(bool)
    own.sum_duplicates()
    own.eliminate_zeros()
    return own


def seeds(coloring: Coloring, start: int, stop: int) -> ndarray:
    """Colours `start` to `stop` as rows of zeros and ones, one column per coloured element."""
    out = np.zeros((stop - start, coloring.colors.size))
    elements = np.flatnonzero((coloring.colors >= start) & (coloring.colors < stop))
    out[coloring.colors[elements] - start, elements] = 1.0
    return out


def _coordinates(pattern: csr_array) -> tuple[ndarray, ndarray]:
    row_of = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    return row_of, pattern.indices.astype(np.intp)


def by_columns(pattern: csr_array, coloring: Coloring) -> Compression:
    """All nonzeros from one tangent per column colour."""
    row_of, column_of = _coordinates(pattern)
    places = coloring.colors[column_of] * pattern.shape[0] + row_of
    return Compression(pattern, coloring, None, None, places)


def by_rows(pattern: csr_array, coloring: Coloring) -> Compression:
    """All nonzeros from one cotangent per row colour."""
    row_of, column_of = _coordinates(pattern)
    places = coloring.colors[row_of] * pattern.shape[1] + column_of
    return Compression(pattern, None, coloring, None, places)


def by_both(pattern: csr_array, mixed: MixedColoring) -> Compression:
    """Some nonzeros from tangents, the others from cotangents."""
    m, n = pattern.shape
    row_of, column_of = _coordinates(pattern)
    pushed = mixed.columns.colors[column_of] * m + row_of
    pulled = mixed.rows.colors[row_of] * n + column_of
    places = np.where(mixed.by_row, pulled, pushed)
    return Compression(pattern, mixed.columns, mixed.rows, mixed.by_row, places)


def by_symmetry(pattern: csr_array, coloring: Coloring) -> Compression:
    """The nonzeros of a symmetric matrix from one tangent per colour of a star colouring.

    The entry (i, j) is read from row i if j is the only neighbour of i with its colour, else from
    row j at the colour of i. Mirror entries are read from one place.
    """
    n = pattern.shape[0]
    row_of, column_of = _coordinates(pattern)
    colors = coloring.colors
    here = colors[column_of] * n + row_of
    mirrored = colors[row_of] * n + column_of
    groups = np.unique(here, return_inverse=True)[1]
    alone = np.bincount(groups)[groups] == 1
    # An entry below the diagonal has the place of its mirror entry.
    above = row_of <= column_of
    mirror = np.lexsort((row_of, column_of))
    read_here = np.where(above, alone, ~alone[mirror])
    return Compression(pattern, coloring, None, None, np.where(read_here, here, mirrored))
