"""Sorting and partitioning."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.rules.numpy.common import NUMPY_2_5
from dualdiff.rules.numpy.sorting import mean_of_ties_p
from tests.rules.table import A, row, rule_tests

TIED = np.array([2.0, 1.0, 2.0, 3.0, 1.0, 2.0])


def sort_tied(x):
    """Ties that stay ties in every direction of x."""
    return np.sort(np.stack([x, 2 * x, x, x + 1]), axis=0)


ROWS = [
    row(np.sort, A(5), _prims=("permute",)),
    row(np.sort, A(3, 4)),
    row(np.sort, A(4, 3), axis=0, kind="stable"),
    row(np.sort, A(2, 3, 2), axis=1),
    row(np.sort, A(3, 4), axis=None),
    row(sort_tied, A(4), _prims=("share_ties",)),
    row(
        lambda x: mean_of_ties_p(x, starts=np.array([0, 2])),
        A(3, 5),
        _id="mean_of_ties",
        _prims=("mean_of_ties",),
    ),
    row(np.partition, A(7), kth=3),
    row(np.partition, A(5, 3), kth=(1, 3), axis=0),
    row(np.partition, A(3, 4), kth=2, axis=None),
    row(np.sort_complex, A(4)),
]
TestRules = rule_tests(ROWS)


def test_ties_of_sort_share_the_derivative_equally():
    jacobian = dd.jacobian(np.sort)(TIED)
    ones = np.array([0.0, 0.5, 0.0, 0.0, 0.5, 0.0])
    twos = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 1.0]) / 3
    threes = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(jacobian, [ones, ones, twos, twos, twos, threes])


def test_ties_of_partition_share_the_derivative_equally():
    jacobian = dd.jacobian(lambda x: np.partition(x, 2))(TIED)
    value = np.partition(TIED, 2)
    equal = value[:, None] == TIED
    np.testing.assert_allclose(jacobian, equal / equal.sum(1, keepdims=True), rtol=1e-15)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_sorted_nans_keep_their_own_derivative(mode):
    x = np.array([2.0, np.nan, 1.0, np.nan])
    np.testing.assert_array_equal(
        dd.jacobian(np.sort, mode=mode)(x)[:2], [[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    )


@pytest.mark.parametrize("order", [np.sort, lambda x: np.partition(x, 1)])
def test_an_element_that_is_not_finite_leaves_the_others_their_derivatives(order):
    divisor = np.array([np.nan, 0.5, 0.25])
    gradient = dd.grad(lambda x: order(x / divisor)[1] ** 2)(np.arange(1.0, 4.0))
    np.testing.assert_array_equal(gradient, [0.0, 0.0, 2 * 12.0 / 0.25])


def test_sort_of_nothing_has_an_empty_derivative():
    assert dd.jacobian(np.sort)(np.zeros(0)).shape == (0, 0)
    assert dd.grad(lambda x: np.sum(np.sort(x, axis=0)))(np.zeros((0, 3))).shape == (0, 3)


def test_sort_by_fields_is_refused():
    with pytest.raises(dd.DualdiffError, match=r"`order` for structured arrays only.*test_sorting"):
        dd.grad(lambda x: np.sort(x, order="f")[0])(np.ones(3))


@pytest.mark.skipif(not NUMPY_2_5, reason="NumPy sorts in descending order from 2.5 on")
@pytest.mark.parametrize("axis", [-1, 0, None])
def test_descending_order_is_ascending_order_turned_round(axis):
    x = A(3, 4)
    weights = A(3, 4, seed=1).reshape(-1 if axis is None else (3, 4))

    def descending(x):
        return np.sum(weights * np.sort(x, axis=axis, descending=True) ** 2)

    def turned(x):
        return np.sum(weights * np.flip(np.sort(x, axis=axis), axis) ** 2)

    def in_place(x):
        y = x * 1.0
        y.sort(axis=1, descending=True)
        return np.sum(A(3, 4, seed=1) * y**2)

    np.testing.assert_allclose(dd.grad(descending)(x), dd.grad(turned)(x))
    dd.check_grads(descending, (x,))
    dd.check_grads(in_place, (x,))
