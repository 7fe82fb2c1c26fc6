"""Legendre functions and spherical harmonics of SciPy's newer interface."""

import numpy as np
import pytest
import scipy.special as special

import dualdiff as dd
from tests.rules.scipy.special.tables import of, real
from tests.rules.table import A, rule_tests

if not hasattr(special, "sph_harm_y"):
    pytest.skip("this release of SciPy does not have them", allow_module_level=True)
ANGLES = A(2, low=0.3, high=0.9)


def imaginary(theta, phi):
    return special.sph_harm_y(3, -2, theta, phi).imag


def every(theta, phi):
    return np.real(special.sph_harm_y_all(2, 2, theta, phi))


def normalised(z):
    return special.assoc_legendre_p(3, -2, z, norm=True)


def another_branch(z):
    return special.assoc_legendre_p(3, 2, 1 + z, branch_cut=3)


ROWS = [
    real(imaginary, ANGLES, A(1)),
    real(every, 0.6, ANGLES),
    real(of(special.sph_legendre_p, 3, -1), ANGLES),
    real(of(special.sph_legendre_p_all, 2, 2), ANGLES),
    real(of(special.legendre_p, 3), ANGLES),
    real(of(special.legendre_p_all, 3), ANGLES),
    real(of(special.assoc_legendre_p, 3, 2), ANGLES),
    real(normalised, ANGLES),
    real(another_branch, ANGLES),
    real(of(special.assoc_legendre_p_all, 2, 1), ANGLES),
]
TestRules = rule_tests(ROWS)


def test_at_the_pole_the_derivative_is_finite_and_other_orders_raise():
    slope = dd.grad(lambda t: special.sph_harm_y(1, 1, t, 0.0).real)(0.0)
    assert slope == pytest.approx(-np.sqrt(3 / (8 * np.pi)))
    with pytest.raises(dd.errors.UnsupportedInputError, match="diff_n"):
        dd.grad(lambda t: special.legendre_p(3, t, diff_n=1)[1])(0.3)
