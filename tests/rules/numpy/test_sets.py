"""Set operations: values are elements, and the first of equal ones stands for them."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

TWICE = np.array([0.3, -1.2, 0.3, 2.0, -1.2])
OTHER = np.array([2.0, 0.7, -1.2])


def joined(function, *shared, **kwargs):
    """A set operation on arrays that have elements in common."""

    def f(x, y):
        return function(np.concatenate([x, shared]), np.concatenate([shared, y]), **kwargs)

    f.__name__ = function.__name__
    return f


ROWS = [
    row(np.unique, A(5), _complex=False),
    row(np.unique, A(2, 3), True, True, True, _complex=False),
    row(np.unique, A(3, 2), axis=0, _complex=False),
    row(np.unique_all, A(4), _complex=False),
    row(np.unique_counts, A(2, 2), _complex=False),
    row(np.unique_inverse, A(4), _complex=False),
    row(np.unique_values, A(4), _complex=False),
    row(joined(np.union1d, 0.5, -0.25), A(3), A(2, seed=1), _complex=False),
    row(joined(np.setxor1d, 0.5, -0.25), A(3), A(2, seed=1), _complex=False),
    row(joined(np.setdiff1d, 0.5), A(3), A(2, seed=1), _complex=False),
    row(joined(np.intersect1d, 0.5, 0.25), A(3), A(2, seed=1), _complex=False),
]  # fmt: skip
TestRules = rule_tests(ROWS)


def test_of_equal_elements_the_first_has_the_derivative():
    jacobian = dd.jacobian(np.unique)(TWICE)
    np.testing.assert_array_equal(jacobian, np.eye(5)[[1, 0, 3]])


def test_common_elements_are_those_of_the_first_operand():
    first, second = dd.jacobian(np.intersect1d, argnums=(0, 1))(TWICE, OTHER)
    np.testing.assert_array_equal(first, np.eye(5)[[1, 3]])
    assert not np.any(second)


@pytest.mark.parametrize("assume_unique", [False, True])
def test_differences_keep_numpys_order(assume_unique):
    x = np.array([0.3, -1.2, 5.0, 2.0])
    value, _ = dd.jvp(lambda x: np.setdiff1d(x, OTHER, assume_unique), (x,), (x,))
    np.testing.assert_array_equal(value, np.setdiff1d(x, OTHER, assume_unique))
