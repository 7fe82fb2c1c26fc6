"""Arrays whose ends, values or parameters are traced."""

import numpy as np

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

ROWS = [
    row(np.linspace, A(), A(seed=1), 5, _prims=("given",)),
    row(np.linspace, A(2), A(seed=1), 4, axis=-1, _id="linspace-arrays"),
    row(np.linspace, A(2), A(3, 1, seed=1), 3, False, _id="linspace-broadcast"),
    row(np.linspace, A(), 2.0, 4, retstep=True, _id="linspace-step"),
    row(np.logspace, A(), A(seed=1), 4),
    row(np.logspace, A(2), A(2, seed=1), 3, base=A(low=1.5, high=3.0), axis=1),
    row(np.geomspace, A(low=0.5, high=1.0), A(seed=1, low=2.0, high=3.0), 4),
    row(np.geomspace, A(2, low=0.5, high=1.0), A(2, seed=1, low=2.0, high=3.0), 3, False),
]
TestRules = rule_tests(ROWS)


def test_values_are_numpys_bit_for_bit():
    for make in (np.linspace, np.logspace, np.geomspace):
        value, _ = dd.jvp(lambda a, make=make: make(a, 3.7, 41), (0.3,), (1.0,))
        np.testing.assert_array_equal(value, make(0.3, 3.7, 41))


def test_an_integer_range_ends_the_derivative():
    value, tangent = dd.jvp(lambda a: np.linspace(a, 9.0, 4, dtype=int), (0.5,), (1.0,))
    np.testing.assert_array_equal(value, np.linspace(0.5, 9.0, 4, dtype=int))
    assert not np.any(tangent)
