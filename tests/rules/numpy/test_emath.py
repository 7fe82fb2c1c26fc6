"""Functions that leave the real numbers where they must."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

OUTSIDE = np.array([-0.7, 0.4, 1.8, -2.3])
INSIDE = np.array([0.3, 0.8])
ONE = [np.emath.sqrt, np.emath.log, np.emath.log2, np.emath.log10]
ONE += [np.emath.arccos, np.emath.arcsin, np.emath.arctanh]
ROWS = [
    *(row(f, OUTSIDE, _complex=False) for f in ONE),
    *(row(f, INSIDE) for f in ONE),
    row(np.emath.logn, A(low=1.5, high=3.0), OUTSIDE, _complex=False),
    row(np.emath.power, OUTSIDE, A(low=0.5, high=1.5), _complex=False),
    row(np.emath.power, OUTSIDE, -2, _complex=False, _id="power-negative-integer"),
]
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_the_square_root_of_a_negative_number_is_imaginary_and_so_is_its_derivative(mode):
    jacobian = dd.jacobian(np.emath.sqrt, mode=mode)(np.array([-4.0, 9.0]))
    np.testing.assert_allclose(jacobian, np.diag([-0.25j, 1 / 6]), rtol=1e-15)
