"""Derivatives by one parameter at many points, which interpolate between quadratures."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special

import dualdiff as dd
from dualdiff.rules.scipy.special.interpolation import MANY, interpolated
from tests.rules.scipy.special import oracle

RNG = np.random.default_rng(0)
CASES = [
    ("stdtr", (3.5,), RNG.standard_t(3.5, MANY), oracle.stdtr, 0),
    ("stdtr", (200.0,), RNG.standard_t(200.0, MANY), oracle.stdtr, 0),
    ("gammainc", (0.3,), RNG.gamma(0.3, size=MANY) + 1e-200, oracle.gammainc, 0),
    ("gammainc", (30.0,), RNG.gamma(30.0, size=MANY), oracle.gammainc, 0),
    ("betainc", (1.7, 2.2), RNG.beta(1.7, 2.2, MANY), oracle.betainc, 0),
    ("betainc", (1.7, 2.2), RNG.beta(1.7, 2.2, MANY), oracle.betainc, 1),
    ("betainc", (30.0, 200.0), RNG.beta(30.0, 200.0, MANY), oracle.betainc, 1),
]


@pytest.mark.parametrize(("name", "parameters", "x", "exact", "which"), CASES)
def test_many_points_keep_their_digits(name, parameters, x, exact, which):
    function = getattr(special, name)

    def along(t):
        return function(*parameters[:which], t, *parameters[which + 1 :], x)

    slopes = dd.jvp(along, (parameters[which],), (1.0,))[1]
    chosen = np.argsort(x)[:: MANY // 6]
    with mp.workdps(oracle.DIGITS):
        for i in chosen:
            expected = oracle.slope(exact, (*parameters, float(x[i])), which)
            assert slopes[i] == pytest.approx(float(expected), rel=2e-13)


def test_a_function_that_is_not_smooth_is_not_interpolated():
    assert interpolated(lambda s: 1 + np.abs(s - 0.3), np.linspace(0, 1, MANY)) is None


def test_an_interpolant_keeps_the_shape_and_takes_equal_points():
    s = np.full((2, MANY), 0.7)
    np.testing.assert_allclose(interpolated(np.exp, s), np.exp(s), rtol=1e-15)
    s = np.linspace(-20.0, 20.0, 2 * MANY).reshape(2, MANY)
    np.testing.assert_allclose(interpolated(np.exp, s), np.exp(s), rtol=1e-13)
