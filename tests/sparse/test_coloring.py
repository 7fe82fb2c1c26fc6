"""Colourings: valid, with known numbers of colours on structured patterns, and quick."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from dualdiff.sparse.color.coloring import (
    MixedColoring,
    color_both,
    color_columns,
    color_rows,
    color_symmetric,
)
from dualdiff.sparse.color.orders import ORDERS
from dualdiff.sparse.compression import by_both, by_columns, by_rows, by_symmetry, seeds
from tests.versions import RNG_NAME


def band(n: int, *offsets: int) -> sp.csr_array:
    ones = [np.ones(n - abs(k)) for k in offsets]
    return sp.csr_array(sp.diags_array(ones, offsets=offsets, shape=(n, n)))


def grid(n: int, dims: int = 2, periodic: bool = False) -> sp.csr_array:
    """The pattern of a Laplacian: a point and its neighbours along each axis."""
    line = band(n, -1, 0, 1).tolil()
    if periodic:
        line[0, n - 1] = line[n - 1, 0] = 1
    total: Any = sp.csr_array((n**dims, n**dims))
    for axis in range(dims):
        parts = [line if k == axis else sp.eye_array(n) for k in range(dims)]
        product = parts[0]
        for part in parts[1:]:
            product = sp.kron(product, part)
        total = total + product
    return sp.csr_array(total)


def brusselator(n: int) -> sp.csr_array:
    laplacian, eye = grid(n, periodic=True), sp.eye_array(n * n)
    return sp.csr_array(sp.block_array([[laplacian, eye], [eye, laplacian]]))


def arrow(n: int, width: int = 1, block: int = 1) -> sp.csr_array:
    dense = np.kron(np.eye(n // block), np.ones((block, block)))
    dense[:width] = dense[:, :width] = 1
    return sp.csr_array(dense)


def hierarchy(groups: int, own: int, shared: int) -> sp.csr_array:
    """One row per group: its own parameters, and those that all share."""
    return sp.csr_array(
        np.hstack([np.ones((groups, shared)), np.kron(np.eye(groups), np.ones((1, own)))])
    )


def is_column_coloring(pattern: sp.csr_array, colors: np.ndarray) -> bool:
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    return len(set(zip(rows, colors[pattern.indices], strict=True))) == pattern.nnz


def is_star_coloring(pattern: sp.csr_array, colors: np.ndarray) -> bool:
    """By the definition: no edge in one colour, no path of four vertices in two."""
    dense = pattern.toarray() != 0
    np.fill_diagonal(dense, False)
    beside = [np.flatnonzero(row) for row in dense]
    for b, c in zip(*np.nonzero(dense), strict=True):
        if colors[b] == colors[c]:
            return False
        for a, d in itertools.product(beside[b], beside[c]):
            if len({a, b, c, d}) == 4 and colors[a] == colors[c] and colors[b] == colors[d]:
                return False
    return True


@pytest.mark.parametrize(
    ("pattern", "optimum"),
    [
        (band(1000, -1, 0, 1), 3),
        (band(1000, -2, -1, 0, 1, 2), 5),
        (band(1000, 0), 1),
        (grid(30), 5),
        (grid(31), 5),
        (grid(10, dims=3), 7),
        (grid(30, periodic=True), 5),
        (arrow(200), 200),
        (sp.csr_array(np.ones((7, 9))), 9),
        (sp.csr_array((5, 4)), 1),
    ],
)
def test_column_coloring_reaches_the_known_optimum(pattern: sp.csr_array, optimum: int) -> None:
    found = color_columns(pattern)
    assert found.count == optimum
    assert is_column_coloring(pattern, found.colors)
    turned = color_rows(sp.csr_array(pattern.T))
    assert turned.count == optimum


@pytest.mark.parametrize(("side", "most"), [(30, 6), (32, 8)])
def test_the_brusselator_takes_fewer_colors_than_by_greedy_orders(side: int, most: int) -> None:
    # SciML's documentation of SparseDiffTools gives 12 for N = 32; the fullest row has 6.
    pattern = brusselator(side)
    found = color_columns(pattern)
    assert found.count <= most
    assert is_column_coloring(pattern, found.colors)


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=25, deadline=None, database=None)
@given(seed=st.integers(0, 10**6), shape=st.tuples(st.integers(1, 25), st.integers(1, 25)))
def test_every_order_gives_valid_colors(order: str, seed: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    dense = rng.random(shape) < rng.choice([0.05, 0.2, 0.5])
    pattern = sp.csr_array(dense)
    assert is_column_coloring(pattern, color_columns(pattern, [order]).colors)
    assert is_column_coloring(sp.csr_array(dense.T), color_rows(pattern, [order]).colors)
    square = rng.random((shape[0], shape[0])) < rng.choice([0.05, 0.2, 0.5])
    symmetric = sp.csr_array(square | square.T)
    assert is_star_coloring(symmetric, color_symmetric(symmetric, [order]).colors)


@pytest.mark.parametrize(
    ("pattern", "most"),
    [
        (band(1000, -1, 0, 1), 3),
        (grid(30), 5),
        (grid(6, dims=3), 7),
        (arrow(200), 2),
        (arrow(80, width=5, block=4), 9),  # 5 for the border, 4 for the blocks
        (band(50, 0), 1),
    ],
)
def test_star_coloring_of_structured_matrices(pattern: sp.csr_array, most: int) -> None:
    found = color_symmetric(pattern)
    assert found.count <= most
    assert is_star_coloring(pattern, found.colors)


@pytest.mark.parametrize(
    ("pattern", "directions"),
    [
        (arrow(200), 3),
        (arrow(200, width=5, block=4), 14),  # five rows, five columns, four for the blocks
        (hierarchy(60, 40, 3), 4),
        (sp.csr_array(hierarchy(60, 40, 3).T), 4),
    ],
)
def test_rows_and_columns_together_take_few_directions(
    pattern: sp.csr_array, directions: int
) -> None:
    one_sided = min(color_columns(pattern).count, color_rows(pattern).count)
    assert one_sided >= 40
    both = color_both(pattern, below=one_sided)
    assert isinstance(both, MixedColoring)
    assert both.rows.count + both.columns.count <= directions


def test_no_split_is_proposed_where_it_saves_nothing() -> None:
    assert color_both(grid(20), below=5) is None
    assert color_both(band(100, -1, 0, 1), below=3) is None


def compressed(matrix: np.ndarray, compression: Any) -> tuple[Any, Any]:
    """Products of a matrix with the seeds."""
    pushed = pulled = None
    if compression.columns is not None:
        pushed = seeds(compression.columns, 0, compression.columns.count) @ matrix.T
    if compression.rows is not None:
        pulled = seeds(compression.rows, 0, compression.rows.count) @ matrix
    return pushed, pulled


@settings(max_examples=60, deadline=None, database=None)
@given(seed=st.integers(0, 10**6), shape=st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_the_matrix_is_recovered_exactly(seed: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    pattern = rng.random(shape) < 0.2
    pattern[rng.integers(shape[0])] = True
    pattern[:, rng.integers(shape[1])] = True
    # Small integers: products with seeds of zeros and ones are exact.
    matrix = pattern * rng.integers(-9, 9, shape).astype(float)
    sparse = sp.csr_array(pattern)
    options = [
        by_columns(sparse, color_columns(sparse)),
        by_rows(sparse, color_rows(sparse)),
    ]
    mixed = color_both(sparse)
    if mixed is not None:
        options.append(by_both(sparse, mixed))
    for compression in options:
        recovered = compression.matrix(*compressed(matrix, compression))
        np.testing.assert_array_equal(recovered.toarray(), matrix)


@settings(max_examples=60, deadline=None, database=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 25))
def test_a_symmetric_matrix_is_recovered_exactly_and_symmetric(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    pattern = rng.random((n, n)) < rng.choice([0.05, 0.2, 0.5])
    pattern |= pattern.T
    matrix = pattern * rng.integers(-9, 9, (n, n)).astype(float)
    matrix = np.tril(matrix) + np.tril(matrix, -1).T
    sparse = sp.csr_array(pattern)
    compression = by_symmetry(sparse, color_symmetric(sparse))
    recovered = compression.matrix(*compressed(matrix, compression)).toarray()
    np.testing.assert_array_equal(recovered, matrix)


def test_a_recovered_matrix_shares_nothing_with_the_pattern() -> None:
    pattern = band(20, -1, 0, 1)
    compression = by_columns(pattern, color_columns(pattern))
    pushed, _ = compressed(pattern.toarray(), compression)
    first = compression.matrix(pushed, None)
    first.indices[:] = 0
    first.data[:] = 7.0
    np.testing.assert_array_equal(compression.matrix(pushed, None).toarray(), pattern.toarray())


def test_unknown_orders_and_rectangular_symmetric_matrices_are_refused() -> None:
    with pytest.raises(ValueError, match="orders"):
        color_columns(band(5, -1, 0, 1), [])
    with pytest.raises(ValueError, match="orders"):
        color_symmetric(band(5, -1, 0, 1), [])
    with pytest.raises(ValueError, match="square"):
        color_symmetric(sp.csr_array((2, 3)))


@pytest.mark.slow
def test_a_million_nonzeros_are_colored_in_seconds() -> None:
    rng = np.random.default_rng(0)
    shape = (100_000, 100_000)
    pattern = sp.csr_array(sp.random_array(shape, density=1e-4, **{RNG_NAME: rng}, format="csr"))
    for color in (color_columns, color_rows):
        start = time.perf_counter()
        found = color(pattern)
        assert time.perf_counter() - start < 15
        assert found.count <= 40
    few = sp.csr_array(
        sp.random_array((20_000, 20_000), density=1.25e-4, **{RNG_NAME: rng}, format="csr")
    )
    start = time.perf_counter()
    color_symmetric(few)
    assert time.perf_counter() - start < 10
