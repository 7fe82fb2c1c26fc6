"""Polynomials by their coefficients."""

import mpmath
import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

X = np.array([-1.0, -0.4, 0.1, 0.6, 1.1, 1.5])
P = np.array([1.0, -0.5, -2.0, 0.7])
W = A(6, low=0.5, high=1.5)
ROWS = [
    row(np.polyval, A(4), A(3, seed=1)),
    row(np.polyval, A(3), A(2, 2, seed=1)),
    row(np.polyval, A(3), A(seed=1)),
    row(np.polyadd, A(2), A(4, seed=1)),
    row(np.polyadd, A(4), A(2, seed=1)),
    row(np.polysub, A(3), A(4, seed=1)),
    row(np.polymul, A(3), A(4, seed=1)),
    # In single precision rounding decides how many leading coefficients of the rest vanish.
    row(np.polydiv, A(5), A(3, seed=1, low=0.5, high=1.5), _complex=False, _float32=False),
    row(np.polydiv, A(2), A(3, seed=1, low=0.5, high=1.5), _complex=False),
    row(np.polyder, A(5)),
    row(np.polyder, A(5), 2),
    row(np.polyint, A(3)),
    row(np.polyint, A(3), 2, A(2, seed=1)),
    row(np.polyint, A(3), 2, A(seed=1), _id="polyint-scalar-constant"),
    row(np.poly, A(3)),
    row(np.poly, A(3, 3), _complex=False, _float32=False),
    row(np.vander, A(3)),
    row(np.vander, A(4), 3, True),
    row(np.vander, A(2), N=5),
    row(np.vander, A(3), 1),
    row(np.roots, P, _complex=False, _float32=False, _prims=("roots",)),
    row(np.roots, np.array([1.0, 0.3, 2.0, 0.0]), _complex=False, _float32=False),
    row(np.polyfit, A(6, low=-0.05, high=0.05) + X, A(6), 2, _complex=False, _float32=False),
    row(np.polyfit, X, A(6, 2), 3, _complex=False, _float32=False),
    row(np.polyfit, X, A(6), 2, w=W, _complex=False, _float32=False),
    row(np.polyfit, X, A(6), 2, cov=True, _complex=False, _float32=False, _id="polyfit-cov"),
    row(np.polyfit, X, A(6), 1, w=W, cov="unscaled", _complex=False, _float32=False),
]  # fmt: skip
TestRules = rule_tests(ROWS)


def test_the_derivative_of_a_simple_root_to_fifty_digits():
    def largest(p2):
        return mpmath.findroot(lambda x: x**3 - x**2 / 2 + p2 * x + mpmath.mpf(0.7), 1.5)

    with mpmath.workdps(50):
        expected = float(mpmath.diff(largest, -2))
    gradient = dd.grad(lambda p: np.max(np.real(np.roots(p))))(P)
    assert gradient[2] == pytest.approx(expected, rel=1e-12)


def test_a_double_root_has_an_infinite_derivative():
    jacobian = dd.jacobian(np.roots)(np.array([1.0, 2.0, 1.0]))
    assert not np.any(np.isfinite(jacobian))


@pytest.mark.parametrize("name", ["polynomial", "chebyshev", "legendre", "hermite", "laguerre"])
def test_series_of_numpy_polynomial_are_differentiated_under_patch_numpy(name):
    module = getattr(np.polynomial, name)
    prefix = {"polynomial": "poly", "chebyshev": "cheb", "legendre": "leg"}.get(name, name[:3])
    value = getattr(module, {"hermite": "hermval", "laguerre": "lagval"}.get(name, f"{prefix}val"))

    @dd.patch_numpy()
    def f(c, x):
        return value(x, c)

    dd.check_grads(f, (A(4), A(3, seed=1)))


def test_a_poly1d_of_traced_coefficients_is_evaluated_and_differentiated():
    gradient = dd.grad(lambda p: np.poly1d(p)(0.5))(P)
    np.testing.assert_allclose(gradient, [0.125, 0.25, 0.5, 1.0])
