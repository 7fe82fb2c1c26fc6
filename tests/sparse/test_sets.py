"""Sets of columns, tables of them, and unions over elements and groups."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dualdiff as dd
from dualdiff.sparse.detect.patterns import (
    Pattern,
    compact,
    over_groups,
)
from dualdiff.sparse.detect.sets import (
    NOTHING,
    SMALL,
    Sets,
    bits_of,
    columns_of,
    from_columns,
    join,
)

COLUMNS = 150
columns = st.frozensets(st.integers(0, COLUMNS - 1), max_size=5)


@st.composite
def large(draw):
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    size = rng.integers(SMALL - 2, SMALL + 30)
    return frozenset(rng.choice(COLUMNS, size, replace=False).tolist())


many = large()


def made(s):
    return from_columns(np.array(sorted(s), dtype=int))


@given(st.lists(columns | many, min_size=1, max_size=5))
def test_join_is_the_union_of_small_and_large_sets(sets):
    total = NOTHING
    for s in sets:
        total = join(total, made(s))
    expected = frozenset().union(*sets)
    assert columns_of(total).tolist() == sorted(expected)
    assert not expected or isinstance(total, int) == (len(expected) > SMALL) or len(sets) > 1


def test_bits_are_columns():
    assert bits_of(np.array([0, 3, 70])) == 1 + 2**3 + 2**70
    assert columns_of(2**70 + 8).tolist() == [3, 70]


@st.composite
def patterns(draw, shape):
    table = Sets.of(map(made, draw(st.lists(columns | many, max_size=6))), COLUMNS)
    size = int(np.prod(shape))
    labels = draw(st.lists(st.integers(0, len(table) - 1), min_size=size, max_size=size))
    return Pattern(np.array(labels, dtype=np.intp).reshape(shape), table)


def members(p):
    """The sets of a pattern as Python sets, in the shape of its array."""
    flat = [frozenset(columns_of(p.sets.get(k)).tolist()) for k in p.labels.ravel().tolist()]
    out = np.empty(p.labels.size, dtype=object)
    out[:] = flat
    rows = np.split(p.matrix().indices, p.matrix().indptr[1:-1]) if flat else []
    assert [sorted(s) for s in flat] == [r.tolist() for r in rows]
    return out.reshape(p.shape)


def joined(sets):
    return frozenset().union(*np.ravel(sets).tolist())


@settings(max_examples=30)
@given(patterns((2, 3)), patterns((3,)), patterns((2, 1)))
def test_union_broadcasts(a, b, c):
    expected = np.empty((2, 3), dtype=object)
    for i, j in np.ndindex(2, 3):
        expected[i, j] = members(a)[i, j] | members(b)[j] | members(c)[i, 0]
    found = members(a.union(b, (2, 3)).union(c, (2, 3)))
    assert np.array_equal(found, expected)


@settings(max_examples=30)
@given(patterns((40,)), patterns((40,)))
def test_union_of_many_elements_with_few_sets(a, b):
    both = a.union(b, (40,))
    assert np.array_equal(members(both), members(a) | members(b))


@settings(max_examples=30)
@given(patterns((2, 3, 2)), st.sampled_from([(0,), (1,), (2,), (0, 2), (-1,), (0, 1, 2), ()]))
def test_unions_over_axes(p, axes):
    found = members(p.over_axes(axes))
    moved = np.moveaxis(members(p), axes, range(len(axes)))
    assert found.shape == moved.shape[len(axes) :]
    for index in np.ndindex(found.shape):
        assert found[index] == joined(moved[(..., *index)])


@settings(max_examples=30)
@given(patterns((12,)), st.lists(st.integers(0, 4), min_size=5, max_size=5))
def test_unions_over_groups(p, lengths):
    starts = np.minimum(np.concatenate([[0], np.cumsum(lengths)]), 12)
    ids, sets = over_groups(p.sets, starts, p.labels[: starts[-1]])
    found = members(Pattern(ids, sets))
    for k, (a, b) in enumerate(itertools.pairwise(starts)):
        assert found[k] == joined(members(p)[a:b])


def test_unions_over_many_groups_of_many_sets():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 301, 5000)
    starts = np.sort(np.concatenate([[0, 5000], rng.integers(0, 5000, 200)]))
    p = Pattern(labels, Sets.identity(300))
    ids, sets = over_groups(p.sets, starts, labels)
    found = members(Pattern(ids, sets))
    for k, (a, b) in enumerate(itertools.pairwise(starts)):
        assert found[k] == set(labels[a:b] - 1) - {-1}


def test_parts_of_large_sets_are_absorbed():
    rng = np.random.default_rng(2)
    small = [frozenset(rng.integers(0, 900, 3).tolist()) for _ in range(200)]
    table = Sets.of([made(set(range(600))), *map(made, small)], 900)
    labels = np.concatenate([np.arange(1, 202), np.ones(199, int)])
    other = np.concatenate([np.ones(201, int), np.arange(3, 202)])
    a, b = Pattern(labels, table), Pattern(other, Sets(900, *table.arrays()))
    both = a.union(b, (400,))
    assert np.array_equal(members(both), members(a) | members(b))
    assert len(np.unique(both.labels)) < 330
    pairs = np.stack([labels, other], axis=1)
    ids, sets = over_groups(table, np.arange(0, 801, 2), pairs.ravel())
    assert np.array_equal(members(Pattern(ids, sets)), members(both))


@settings(max_examples=30)
@given(patterns((7,)), st.lists(st.integers(0, 5), min_size=7, max_size=7))
def test_scattered_elements_are_joined_where_they_meet(p, targets):
    found = members(p.scattered(np.array(targets), 6))
    for k in range(6):
        assert found[k] == joined(members(p)[np.array(targets) == k])


@settings(max_examples=30)
@given(patterns((2, 5)))
def test_running_unions(p):
    found, own = members(p.running(1)), members(p)
    for i, j in np.ndindex(2, 5):
        assert found[i, j] == joined(own[i, : j + 1])


@settings(max_examples=30)
@given(patterns((3,)), patterns((2, 2)), patterns((1,)))
def test_one_table_keeps_the_sets(a, b, c):
    together = a.sharing([a, b, c, a])
    for p, own in zip([a, b, c, a], together, strict=True):
        assert own.sets is together[0].sets
        assert np.array_equal(members(own), members(p))
        assert np.array_equal(own.labels == 0, p.labels == 0)
    assert np.array_equal(members(compact(b)), members(b))
    assert members(b.over_axes((0, 1)))[()] == joined(members(b))


def test_a_table_grows_without_changing_what_its_labels_mean():
    table = Sets.identity(5)
    first = table.add(frozenset((1, 3)))
    assert table.add(NOTHING) == 0
    start = table.append(Sets.of([frozenset((4,)), 2**2 + 1], 5), np.array([2, 1, 0]))
    assert [columns_of(table.get(k)).tolist() for k in (0, 1, 5, first)] == [[], [0], [4], [1, 3]]
    assert [columns_of(table.get(start + k)).tolist() for k in range(3)] == [[0, 2], [4], []]
    assert len(table) == start + 3


def seconds(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def test_a_hundred_thousand_elements_take_less_than_a_second():
    x = np.random.default_rng(0).uniform(0.5, 1.5, 100_000)

    def tridiagonal(x):
        return np.concatenate([x[:1], x[:-2] - 2 * x[1:-1] ** 2 + np.exp(x[2:]), x[-1:]])

    def rosenbrock(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    assert seconds(lambda: dd.sparsity(tridiagonal, x)) < 1
    assert seconds(lambda: dd.hessian_sparsity(rosenbrock, x)) < 3


@pytest.mark.parametrize("detect", [dd.sparsity, dd.hessian_sparsity])
def test_loops_over_elements_are_not_quadratic(detect):
    def loop(x):
        out = dd.numpy.zeros(len(x))
        total = 0.0
        for i in range(1, len(x)):
            out[i] = x[i - 1] * x[i]
            total += out[i] * out[i - 1]
        return total

    def cost(n):
        x = np.ones(n)
        return min(seconds(lambda: detect(loop, x)) for _ in range(2))

    assert cost(1600) < 12 * cost(400)  # 4 if linear, 16 if quadratic
