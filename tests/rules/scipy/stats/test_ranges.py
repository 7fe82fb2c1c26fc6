"""The studentized range, which for two variables is that of Student's t."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import dualdiff as dd


def exact(q, v, by):
    """``2 T(q / sqrt(2)) - 1``, where T is Student's distribution function, derived in q or v."""

    def cdf(q, v):
        share = v / (v + q * q / 2)
        return 1 - mp.betainc(v / 2, mp.mpf(1) / 2, 0, share, regularized=True)

    with mp.workdps(30):
        return float(mp.diff(cdf, (mp.mpf(q), mp.mpf(v)), (1, 0) if by == 0 else (0, 1)))


@pytest.mark.parametrize(("q", "v"), [(0.4, 3.0), (2.4, 10.0), (9.0, 2.5), (3.0, 400.0)])
def test_two_variables_are_students(q, v):
    found = dd.grad(stats.studentized_range.cdf, argnums=(0, 2))(q, 2.0, v)
    assert found == pytest.approx((exact(q, v, 0), exact(q, v, 1)), rel=1e-9)


@pytest.mark.parametrize("method", ["cdf", "pdf"])
def test_the_number_of_variables(method):
    function = getattr(stats.studentized_range, method)
    low, lower, higher, high = (function(2.4, 3.5 + k * 0.01, 6.0) for k in (-2, -1, 1, 2))
    expected = (8 * (higher - lower) - (high - low)) / 0.12
    assert dd.grad(function, argnums=1)(2.4, 3.5, 6.0) == pytest.approx(expected, rel=1e-7)


def test_second_derivatives_agree_in_both_orders():
    hessian = dd.hessian(lambda p: stats.studentized_range.cdf(p[0], p[1], p[2]))(
        np.array([2.4, 3.0, 10.0])
    )
    density = dd.grad(stats.studentized_range.pdf, argnums=(0, 1, 2))(2.4, 3.0, 10.0)
    assert hessian[0] == pytest.approx(density, rel=1e-9)
    assert hessian[1, 2] == pytest.approx(hessian[2, 1], rel=1e-9)
