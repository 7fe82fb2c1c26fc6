"""`signal.remez`: derivatives against differences of SciPy's filters on very fine grids."""

import numpy as np
import pytest
from scipy import signal

import dualdiff as dd
from dualdiff.errors import SolverError
from tests.rules.checks import check_close, check_nestings, difference

FINE = {"grid_density": 3000, "maxiter": 100}
P = np.array([0.1, 0.2, 1.0, 3.0, 2.1])
CASES = {
    "low pass": lambda p: signal.remez(11, [0, p[0], p[1], 0.5], [1, 0], **FINE),
    "high pass": lambda p: signal.remez(25, [0, p[0], p[1], 0.5], [0, 1], **FINE),
    "an even number of taps": lambda p: signal.remez(
        12, [0, p[0], p[1], 0.45], [p[2], 0.1], weight=[1, p[3]], **FINE
    ),
    "three bands": lambda p: signal.remez(
        15, [0, p[0], 0.2, 0.3, 2 * p[1], 1.0], [p[2], 0.1, 0.7], weight=[1, p[3], 2], fs=p[4],
        **FINE,
    ),
    "hilbert": lambda p: signal.remez(11, [0.2 * p[0], 0.4], [p[2]], type="hilbert", **FINE),
    "hilbert, even": lambda p: signal.remez(12, [0.2 * p[0], 0.4], [p[2]], type="hilbert", **FINE),
    "differentiator": lambda p: signal.remez(
        11, [0.2 * p[0], 2 * p[1]], [p[2]], type="differentiator", **FINE
    ),
    "differentiator, even": lambda p: signal.remez(
        12, [0.2 * p[0], 2 * p[1]], [p[2]], type="differentiator", **FINE
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_derivatives_of_both_orders_are_those_of_differences(name):
    f, tangent = CASES[name], np.array([0.3, -0.2, 1.0, 0.7, 0.2])
    value, found = dd.jvp(f, (P,), (tangent,))
    np.testing.assert_array_equal(value, f(P))
    check_close(found, difference(f, [P], [tangent]), 1e-4, "tangent")
    check_nestings(f, (P,), 1e-3)


def test_a_filter_on_the_usual_grid_has_the_derivative_of_the_fine_one():
    def jacobian(**options):
        return dd.jacobian(lambda p: signal.remez(41, [0, p[0], p[1], 0.5], [1, 0], **options))

    check_close(jacobian()(P[:2]), jacobian(**FINE)(P[:2]), 1e-6, "jacobian")


def test_a_filter_that_is_not_optimal_is_an_error():
    def f(p):
        return signal.remez(12, [0, 0.1, 0.2, 0.5], [p, 0.1])  # at 0.5 the response is 0

    with pytest.raises(SolverError, match="not optimal"):
        dd.jacobian(f)(1.0)
