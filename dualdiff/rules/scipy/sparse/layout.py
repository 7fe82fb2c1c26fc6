"""The places of the entries of a sparse matrix; their values are a vector of its own."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from scipy.sparse import coo_array, csr_array


class Compressed(NamedTuple):
    """Entries row by row: row i has ``indices[indptr[i] : indptr[i + 1]]``.

    `order` has the positions of these entries in the vector of values, or is None if they agree.
    """

    order: ndarray | None
    indices: ndarray
    indptr: ndarray


class Layout:
    """The row and the column of each entry, in the order of the values; entries may repeat."""

    def __init__(self, rows: Any, columns: Any, shape: tuple[int, int]) -> None:
        self.rows: ndarray = np.asarray(rows, np.intp)
        self.columns: ndarray = np.asarray(columns, np.intp)
        self.shape = shape

    @staticmethod
    def of(matrix: Any) -> Layout:
        """The layout of a SciPy array in CSR, CSC or COO format. It copies the indices, which the
        user may change."""
        shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        if matrix.format == "coo":
            return Layout(np.array(matrix.row), np.array(matrix.col), shape)
        of_each = np.repeat(np.arange(matrix.indptr.size - 1), np.diff(matrix.indptr))
        indices = np.array(matrix.indices)
        pair = (of_each, indices) if matrix.format == "csr" else (indices, of_each)
        return Layout(pair[0], pair[1], shape)

    @property
    def size(self) -> int:
        return self.rows.size

    @property
    def keys(self) -> ndarray:
        """The flat position of each entry in the dense matrix."""
        return self.rows * self.shape[1] + self.columns

    @cached_property
    def by_row(self) -> Compressed:
        """The entries row by row, which is how they are multiplied."""
        order: ndarray | None = None
        columns = self.columns
        if np.any(self.rows[1:] < self.rows[:-1]):
            order = np.argsort(self.rows, kind="stable")
            columns = columns[order]
        ends = np.cumsum(np.bincount(self.rows, minlength=self.shape[0]))
        indptr = np.concatenate([[0], ends])
        small = max(*self.shape, self.size) < 2**31  # SciPy would convert them at each product
        dtype = np.int32 if small else np.int64
        return Compressed(order, columns.astype(dtype), indptr.astype(dtype))

    @cached_property
    def T(self) -> Layout:
        """The same entries in the transposed matrix."""
        turned = Layout(self.columns, self.rows, self.shape[::-1])
        turned.__dict__["T"] = self
        return turned

    @cached_property
    def repeats(self) -> bool:
        """Whether two entries have the same place."""
        return np.unique(self.keys).size < self.size

    def matrix(self, values: Any) -> coo_array:
        """The SciPy array with plain values."""
        return coo_array((values, (self.rows, self.columns)), shape=self.shape)

    def summed(self) -> tuple[Layout, csr_array]:
        """Each place once, row by row, and the matrix of ones that sums the values there."""
        keys, inverse = np.unique(self.keys, return_inverse=True)
        width = max(self.shape[1], 1)
        parts = (np.ones(self.size, np.int8), (inverse, np.arange(self.size)))
        sums = csr_array(parts, shape=(keys.size, self.size))
        return Layout(keys // width, keys % width, self.shape), sums


def with_data(structure: Any, data: Any) -> Any:
    """A SciPy array with the places of another, which are copied, and the values `data`."""
    out = object.__new__(type(structure))  # SciPy has checked the places
    vars(out).update(vars(structure))
    for name in ("indices", "indptr", "coords", "offsets"):
        held = vars(out).get(name)
        if held is not None:
            setattr(out, name, tuple(map(np.copy, held)) if type(held) is tuple else held.copy())
    out.data = data
    return out
