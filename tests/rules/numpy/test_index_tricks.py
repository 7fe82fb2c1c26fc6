"""Grids, concatenation by indexing, iteration, windows."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

d = dd.numpy
sliding = np.lib.stride_tricks.sliding_window_view
ROWS = [
    row(np.meshgrid, A(3), A(2, seed=1)),
    row(np.meshgrid, A(3), A(2, seed=1), A(2, seed=2), indexing="ij"),
    row(np.meshgrid, A(3), A(2, seed=1), sparse=True, copy=False, _id="meshgrid-sparse"),
    row(np.ix_, A(3), A(2, seed=1)),
    row(lambda x, y: d.r_[x, 0.5, y], A(3), A(2, seed=1), _id="r_"),
    row(lambda x, y: d.r_["0,2", x, y], A(3), A(3, seed=1), _id="r_-rows"),
    row(lambda x, y: d.r_["-1", x, y], A(2, 3), A(2, 1, seed=1), _id="r_-columns"),
    row(lambda x, y: d.r_[1:4, x, y, 0:1:3j], A(2), A(seed=1), _id="r_-slices"),
    row(lambda x, y: d.c_[x, y], A(3), A(3, seed=1), _id="c_"),
    row(lambda x, y: d.c_[x, y, 1:3], A(2, 2), A(2, seed=1), _id="c_-slices"),
    row(sliding, A(5), 3, _prims=("sliding_window_view",)),
    row(sliding, A(3, 4), (2, 2)),
    row(sliding, A(3, 4), 2, axis=0),
    row(sliding, A(3, 5), (2, 2), axis=(1, 1), _id="sliding_window_view-twice"),
    row(lambda x: d.lib.stride_tricks.as_strided(x, (3, 2), (8, 16)), A(6), _float32=False,
        _complex=False, _layout=False, _id="as_strided"),
]  # fmt: skip
TestRules = rule_tests(ROWS)

X = np.array([[0.5, -1.5], [2.0, 0.25]])


def test_iteration_gives_traced_elements():
    def f(x):
        total = 0.0
        for (i, j), element in d.ndenumerate(x):
            total = total + (1 + i + 10 * j) * element
        for element in d.nditer(x):
            total = total + element**2
        for a, b in d.nditer([x, x[0]]):
            total = total + a * b
        assert d.broadcast(x, x[0]).shape == (2, 2)
        return total

    expected = np.array([[1.0, 11.0], [2.0, 12.0]]) + 2 * X + X[0]
    expected[0] += np.sum(X, axis=0)
    np.testing.assert_allclose(dd.grad(f)(X), expected)
    with pytest.raises(TypeError, match=r"loop over np.ndindex\(x.shape\)"):
        dd.grad(lambda x: sum(d.nditer(x, ["multi_index"])))(X)


def test_plain_iterators_of_traced_arrays_say_what_to_write():
    for iterate in (np.ndenumerate, np.nditer, np.broadcast):
        with pytest.raises(TypeError, match=r"dualdiff\.patch"):
            dd.grad(lambda x, iterate=iterate: iterate(x))(X)


def test_a_strided_view_of_an_array_in_another_order_is_refused():
    with pytest.raises(ValueError, match="in C order"):
        dd.grad(lambda x: np.sum(d.lib.stride_tricks.as_strided(x.T, (2,), (8,))))(X)


def test_an_open_mesh_keeps_its_derivative_and_masks_stay_positions():
    x = np.array([0.3, 0.7, 1.2])
    gradient = dd.grad(lambda x: np.sum(np.multiply(*np.ix_(x, x))))(x)
    np.testing.assert_allclose(gradient, np.full(3, 2 * np.sum(x)))
    picked = dd.grad(lambda y: np.sum(y[np.ix_(y[:, 0] > 1, [0, 1])]))(X)
    np.testing.assert_array_equal(picked, [[0.0, 0.0], [1.0, 1.0]])


def test_windows_are_views_that_see_later_stores() -> None:
    def f(x):
        windows = np.lib.stride_tricks.sliding_window_view(x, 2)
        x[1] = 0.0
        return np.sum(windows * np.array([1.0, 10.0]))

    x = np.array([1.0, 2.0, 3.0])
    assert dd.value_and_grad(f)(x)[0] == f(x.copy()) == 31.0
    np.testing.assert_array_equal(dd.grad(f)(x), [1.0, 0.0, 10.0])
    np.testing.assert_array_equal(dd.jacobian(f, mode="forward")(x), [1.0, 0.0, 10.0])


def test_strided_views_see_later_stores() -> None:
    def f(x):
        strided = d.lib.stride_tricks.as_strided(x, (2, 2), (8, 8))
        x[1] = 5.0 * x[0]
        return np.sum(strided**2)

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(dd.grad(f)(x), [2.0 + 2 * 25 * 2, 0.0, 6.0])
    np.testing.assert_allclose(dd.jvp(f, (x,), (np.ones(3),))[1], 108.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, writeable=True),
        lambda x: d.lib.stride_tricks.as_strided(x, (2, 2), (8, 8)),
    ],
)
def test_overlapping_windows_refuse_stores(make) -> None:
    def f(x):
        make(x)[0] = 1.0
        return np.sum(x)

    with pytest.raises(ValueError, match="read-only"):
        dd.grad(f)(np.array([1.0, 2.0, 3.0]))
