"""Orders in which a greedy colouring takes the columns, and colours that need no order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

BATCH = 0.02  # the fraction of the columns that smallest-last removes at a time
TESTED = 200  # rows on which a lattice is tried before the whole pattern
COMMON = 0.2  # the fraction of rows that must have an offset of a stencil


def natural(columns: csr_array, rows: csr_array) -> ndarray:
    """The columns in their own order."""
    return np.arange(columns.shape[0])


def largest_first(columns: csr_array, rows: csr_array) -> ndarray:
    """Columns with the most neighbours first, a neighbour counted once for each row it shares."""
    return np.argsort(-(_ones(columns) @ np.diff(rows.indptr)), kind="stable")


def smallest_last(columns: csr_array, rows: csr_array) -> ndarray:
    """The column with the fewest neighbours last, then the next of the rest, and so on.

    (Matula and Beck, J. ACM 30, 1983.) A few per cent of the remaining columns go at a
    time, which NumPy can do at once.
    """
    ones = _ones(columns)
    left = np.arange(columns.shape[0])
    in_row = np.diff(rows.indptr).astype(np.int64)
    removed = []
    while left.size:
        neighbours = ones @ in_row if left.size == columns.shape[0] else ones[left] @ in_row
        last = max(1, int(BATCH * left.size))
        ranked = np.argsort(neighbours, kind="stable")
        removed.append(left[ranked[:last]])
        left = np.sort(left[ranked[last:]])
        in_row -= np.bincount(ones[removed[-1]].indices, minlength=in_row.size)
    return np.concatenate(removed)[::-1] if removed else left


def random(columns: csr_array, rows: csr_array) -> ndarray:
    """A random order, the same each time."""
    return np.random.default_rng(0).permutation(columns.shape[0])


Order = Callable[[csr_array, csr_array], ndarray]
ORDERS: dict[str, Order] = {
    "natural": natural,
    "largest first": largest_first,
    "smallest last": smallest_last,
    "random": random,
}


def _ones(columns: csr_array) -> csr_array:
    ones = np.ones(columns.nnz, np.int64)
    return csr_array((ones, columns.indices, columns.indptr), columns.shape)


def lattice(rows: csr_array, least: int, most: int) -> tuple[ndarray, int] | None:
    """Colours of the columns of a stencil on a regular grid, as (a x + b y + ...) modulo k.

    A stencil has a few offsets between column and row, which tell the strides of the grid. A greedy
    colouring of the five-point stencil takes 7 colours, x + 2 y modulo 5 takes 5.
    Arguments: the pattern; the numbers of colours to try, from `least` to below `most`.
    Returns: the colours and their number, or None if no lattice was found.
    """
    m, n = rows.shape
    strides = _strides(rows)
    if not strides:
        return None
    some = np.unique(np.linspace(0, m - 1, min(m, TESTED)).astype(int))
    sample = rows[some]
    where = _coordinates(sample.indices, strides, n)
    row_of = np.repeat(np.arange(some.size), np.diff(sample.indptr))
    for count, weights in _weights(len(strides), least, most):
        if _distinct(row_of, (weights @ where) % count, count):
            colors = (weights @ _coordinates(np.arange(n), strides, n)) % count
            row_of_all = np.repeat(np.arange(m), np.diff(rows.indptr))
            if _distinct(row_of_all, colors[rows.indices], count):
                return colors, count
    return None


def _strides(rows: csr_array) -> list[int]:
    """The strides of a grid, from 1 upwards; none if the offsets do not repeat."""
    m = rows.shape[0]
    row_of = np.repeat(np.arange(m), np.diff(rows.indptr))
    offsets, counts = np.unique(np.abs(rows.indices - row_of), return_counts=True)
    frequent = offsets[counts > COMMON * m]
    if not 0 < frequent.size <= 100 or counts[counts > COMMON * m].sum() < 0.8 * rows.nnz:
        return []
    # Neighbouring offsets belong to one stride, the middle one.
    groups = np.split(frequent, np.flatnonzero(np.diff(frequent) > 4) + 1)
    strides = [int(g[len(g) // 2]) for g in groups]
    return [1, *(s for s in strides if s > 4)][:4]


def _coordinates(index: ndarray, strides: list[int], n: int) -> ndarray:
    ends = [*strides[1:], n]
    return np.stack([index % end // s for s, end in zip(strides, ends, strict=True)])


def _weights(dims: int, least: int, most: int) -> Iterator[tuple[int, ndarray]]:
    """Numbers of colours with weights that begin with 1, about a thousand candidates at most."""
    left = 1000
    for count in range(least, most):
        for rest in itertools.product(range(1, count), repeat=dims - 1):
            yield count, np.array([1, *rest])
            left -= 1
            if not left:
                return


def _distinct(row_of: ndarray, colors: ndarray, count: int) -> bool:
    """Whether the colours in each row differ."""
    keys = np.sort(row_of * count + colors)
    return not np.any(keys[1:] == keys[:-1])
