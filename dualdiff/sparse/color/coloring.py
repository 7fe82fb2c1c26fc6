"""Colours for the columns or rows of a sparse matrix that may share one direction.

Columns of one colour have no row in common, so one product with their sum gives them all. The
colours used so far in a row are the bits of one Python integer: a greedy colouring touches each
nonzero twice. The models are from Gebremedhin, Manne and Pothen, "What color is your Jacobian?",
SIAM Review 47 (2005): partial distance-2 colourings of columns or rows, a split into rows and
columns, and star colourings for symmetric matrices.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array, eye_array

from .orders import ORDERS, lattice

AGAIN = 4  # times that a colouring is improved by another order of its classes
LARGE = 300_000  # nonzeros beyond which the improvement takes too long
SPLITS = 6  # splits into rows and columns that are tried
PROMISING = (
    0.7  # the bound of a split, relative to the best cost so far, that makes it worth trying
)
QUICK = ("natural", "largest first", "smallest last")
Lists = list[list[int]]


@dataclass(frozen=True)
class Coloring:
    """A colour for each column (or row), from 0 to below `count`, and the order that gave it."""

    colors: ndarray
    count: int
    order: str


@dataclass(frozen=True)
class MixedColoring:
    """Some nonzeros by row colours, the others by column colours.

    `by_row` says for each stored entry, in the order of CSR, whether a row colour computes it. Rows
    and columns without entries of their own have the colour -1.
    """

    by_row: ndarray
    rows: Coloring
    columns: Coloring


def color_columns(pattern: csr_array, orders: Iterable[str] = tuple(ORDERS)) -> Coloring:
    """Colours for the columns of a matrix such that columns of one colour share no row.

    Arguments: `pattern`, a sparse array whose stored entries are the nonzeros; `orders`, which of
    "natural", "largest first", "smallest last" and "random" to try, until the number of colours
    equals the nonzeros of the fullest row, a lower bound.
    Returns: the best `Coloring`.

    >>> import scipy.sparse as sp
    >>> band = sp.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(9, 9)).tocsr()
    >>> color_columns(band).count
    3
    """
    rows = _canonical(pattern)
    return _color(rows, rows.T.tocsr(), orders)


def color_rows(pattern: csr_array, orders: Iterable[str] = tuple(ORDERS)) -> Coloring:
    """Colours for the rows of a matrix such that rows of one colour share no column.

    Arguments and result as for `color_columns`.

    >>> import numpy as np, scipy.sparse as sp
    >>> color_rows(sp.csr_array(np.array([[1, 1, 0], [0, 0, 1]]))).count
    1
    """
    rows = _canonical(pattern)
    return _color(rows.T.tocsr(), rows, orders)


def _canonical(pattern: csr_array) -> csr_array:
    """The pattern with sorted indices and no duplicates."""
    rows = csr_array(pattern)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows


def _color(rows: csr_array, columns: csr_array, orders: Iterable[str]) -> Coloring:
    """The best greedy colouring of the columns; `columns` is the transpose of `rows`."""
    m, n = rows.shape
    bound = int(np.diff(rows.indptr).max(initial=0))
    if not bound:
        return Coloring(np.zeros(n, np.intp), min(n, 1), "natural")
    in_column = _lists(columns)
    best: Coloring | None = None
    for name in orders:
        colors = _greedy(in_column, m, ORDERS[name](columns, rows).tolist())
        best = _better(best, Coloring(colors, int(colors.max()) + 1, name))
        if best.count == bound:
            return best
    if best is None:
        raise ValueError(f"orders names none of {list(ORDERS)}")
    found = lattice(rows, bound, best.count)
    if found is not None:
        return Coloring(*found, "lattice")
    if rows.nnz > LARGE:
        return best
    return _improved(best, bound, lambda order: _greedy(in_column, m, order))


def _lists(rows: csr_array) -> Lists:
    """The indices of each row as a list."""
    ends, indices = rows.indptr.tolist(), rows.indices.tolist()
    return [indices[a:b] for a, b in itertools.pairwise(ends)]


def _better(best: Coloring | None, new: Coloring) -> Coloring:
    return new if best is None or new.count < best.count else best


def _greedy(in_column: Lists, m: int, order: Iterable[int]) -> ndarray:
    """The first colour that is free in all rows of a column, for one column after the other."""
    used, bits = [0] * m, [0] * len(in_column)
    for j in order:
        own = in_column[j]
        taken = 0
        for i in own:
            taken |= used[i]
        bit = ~taken & (taken + 1)
        bits[j] = bit
        for i in own:
            used[i] |= bit
    return np.array([bit.bit_length() - 1 for bit in bits], np.intp)


def _improved(best: Coloring, bound: int, greedy: Callable[[list[int]], ndarray]) -> Coloring:
    """Greedy colouring once more, class after class, which never takes more colours.

    (Culberson, "Iterated greedy graph coloring", University of Alberta TR 92-07.)
    """
    colors, rng = best.colors, np.random.default_rng(0)
    for i in range(AGAIN):
        count = int(colors.max()) + 1
        if count <= bound:
            break
        rank = np.empty(count, np.intp)
        if i % 2:
            rank[:] = rng.permutation(count)
        else:
            rank[np.argsort(-np.bincount(colors), kind="stable")] = np.arange(count)
        colors = greedy(np.argsort(rank[colors], kind="stable").tolist())
    count = int(colors.max()) + 1
    return Coloring(colors, count, f"{best.order}, improved") if count < best.count else best


def color_both(
    pattern: csr_array, column_cost: float = 1.0, row_cost: float = 1.0, below: float = np.inf
) -> MixedColoring | None:
    """Row colours for some nonzeros and column colours for the others: the cheapest split.

    A matrix with some dense rows and some dense columns needs it: the fullest rows get row colours
    and the other rows column colours, or the fullest columns column colours and the others row
    colours.
    Arguments: `pattern`; the costs of one column direction and of one row direction; `below`, an
    upper bound of the cost of all directions.
    Returns: a `MixedColoring`, or None if no split seems to pay.

    >>> import numpy as np, scipy.sparse as sp
    >>> arrow = np.eye(50)
    >>> arrow[0], arrow[:, 0] = 1, 1
    >>> both = color_both(sp.csr_array(arrow))
    >>> both.rows.count + both.columns.count
    3
    """
    rows = _canonical(pattern)
    turned = rows.T.tocsr()
    best: tuple[float, MixedColoring] | None = None
    for matrix, costs, transposed in (
        (rows, (column_cost, row_cost), False),
        (turned, (row_cost, column_cost), True),
    ):
        for fullest in _splits(matrix, costs, below):
            candidate = _mixed(rows, turned, fullest, transposed)
            cost = candidate.columns.count * column_cost + candidate.rows.count * row_cost
            if cost < below:
                best, below = (cost, candidate), cost
    return None if best is None else best[1]


def _splits(rows: csr_array, costs: tuple[float, float], below: float) -> Iterator[ndarray]:
    """The rows that get row colours, split at the widest gaps in their numbers of nonzeros."""
    full = np.diff(rows.indptr)
    sizes = np.unique(full)
    gaps = sizes[1:] / np.maximum(sizes[:-1], 1)
    for k in sorted(np.argsort(-gaps, kind="stable")[:SPLITS]):
        fullest = full > sizes[k]
        # The nonzeros of the fullest row, or column, are a lower bound of the number of colours.
        in_columns = np.bincount(rows[fullest].indices, minlength=1).max()
        if sizes[k] * costs[0] + in_columns * costs[1] < PROMISING * below:
            yield fullest


def _mixed(rows: csr_array, turned: csr_array, fullest: ndarray, transposed: bool) -> MixedColoring:
    """Row colours for the fullest rows and column colours for the rest, or transposed."""
    own = _part(turned if transposed else rows, fullest)
    # The chosen rows get colours of their own; the other rows are coloured by columns.
    rest_matrix = (turned if transposed else rows)[~fullest]
    rest = color_columns(rest_matrix, QUICK)
    touched = np.bincount(rest_matrix.indices, minlength=rest_matrix.shape[1]) > 0
    across = Coloring(
        np.where(touched, rest.colors, -1), rest.count if touched.any() else 0, rest.order
    )
    if transposed:
        return MixedColoring(~fullest[rows.indices], across, own)
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    return MixedColoring(fullest[row_of], own, across)


def _part(rows: csr_array, chosen: ndarray) -> Coloring:
    """Colours for some of the rows, -1 for the others."""
    found = color_rows(rows[chosen], QUICK)
    colors = np.full(rows.shape[0], -1, np.intp)
    colors[chosen] = found.colors
    return Coloring(colors, found.count, found.order)


def color_symmetric(pattern: csr_array, orders: Iterable[str] = tuple(ORDERS)) -> Coloring:
    """A star colouring: one of each two mirror entries is alone in its row and colour.

    Neighbours differ, and every path over four vertices has three colours or more (Coleman and
    Moré, Mathematical Programming 28, 1984). It takes fewer colours than one for the columns.
    Arguments: `pattern`, a square sparse array, taken as symmetric; `orders` as for
    `color_columns`.
    Returns: the best `Coloring`.

    >>> import numpy as np, scipy.sparse as sp
    >>> arrow = np.eye(50)
    >>> arrow[0], arrow[:, 0] = 1, 1
    >>> color_symmetric(sp.csr_array(arrow)).count
    2
    """
    rows = _canonical(pattern)
    m, n = rows.shape
    if m != n:
        raise ValueError(f"a star colouring is for a square matrix, not one of shape {rows.shape}")
    neighbours = [[w for w in own if w != v] for v, own in enumerate(_lists(_symmetric(rows)))]
    if not any(neighbours):
        return Coloring(np.zeros(n, np.intp), min(n, 1), "natural")
    degree = np.array([len(own) for own in neighbours])
    inner = degree > 1
    bound = 3 if any(inner[w] for v in np.flatnonzero(inner) for w in neighbours[v]) else 2
    best: Coloring | None = None
    for name in orders:
        order = _by_degree(neighbours) if name == "smallest last" else ORDERS[name](rows, rows)
        colors = _star(neighbours, [int(v) for v in order])
        best = _better(best, Coloring(colors, int(colors.max()) + 1, name))
        if best.count == bound:
            return best
    if best is None:
        raise ValueError(f"orders names none of {list(ORDERS)}")
    # A colouring of the columns, the diagonal included, is a star colouring too.
    full = csr_array(_symmetric(rows) + eye_array(n, dtype=np.int8, format="csr"))
    found = lattice(full, int(np.diff(full.indptr).max()), best.count)
    return best if found is None else Coloring(*found, "lattice")


def _symmetric(rows: csr_array) -> csr_array:
    ones = csr_array((np.ones(rows.nnz, np.int8), rows.indices, rows.indptr), rows.shape)
    return csr_array(ones.maximum(ones.T.tocsr()))


def _by_degree(neighbours: Lists) -> Sequence[int]:
    """Smallest last, exactly: the vertex with the fewest remaining neighbours goes to the end."""
    degree = [len(own) for own in neighbours]
    buckets: list[list[int]] = [[] for _ in range(max(degree) + 1)]
    for v, d in enumerate(degree):
        buckets[d].append(v)
    removed: list[int] = []
    gone = [False] * len(neighbours)
    d = 0
    while len(removed) < len(neighbours):
        if not buckets[d]:
            d += 1
            continue
        v = buckets[d].pop()
        if gone[v] or degree[v] != d:
            continue
        gone[v] = True
        removed.append(v)
        for w in neighbours[v]:
            if not gone[w]:
                degree[w] -= 1
                buckets[degree[w]].append(w)
        d = max(d - 1, 0)
    return removed[::-1]


def _star(neighbours: Lists, order: Iterable[int]) -> ndarray:
    """A greedy star colouring that looks at every edge a bounded number of times.

    Sets of colours are bits of integers. `near[w]` has the colours of the coloured neighbours of w.
    `centre[w]` has the colours of the neighbours that are the centre of a star to which w belongs:
    another vertex of such a colour beside w would make a path of four vertices in two colours.
    """
    n = len(neighbours)
    bits, near, centre = [0] * n, [0] * n, [0] * n
    twice = [0] * n  # the colours of at least two coloured neighbours
    first: list[dict[int, int]] = [{} for _ in range(n)]  # by colour, the first such neighbour
    for v in order:
        own = [w for w in neighbours[v] if bits[w]]
        taken, again = near[v], twice[v]
        for w in own:
            taken |= centre[w]
            if bits[w] & again:
                taken |= near[w]
        bit = ~taken & (taken + 1)
        bits[v] = bit
        for w in neighbours[v]:
            color = bits[w]
            if color & again:  # v is the centre of a star with the leaf w
                centre[w] |= bit
            if near[w] & bit:
                twice[w] |= bit
                if color:  # w is the centre of a star with the leaf v
                    centre[v] |= color
                    centre[first[w][bit]] |= color
            else:
                near[w] |= bit
                first[w][bit] = v
    return np.array([bit.bit_length() - 1 for bit in bits], np.intp)
