"""Legendre functions and spherical harmonics of SciPy's newer interface."""

import numpy as np
import pytest
import scipy.special as special

import dualdiff as dd

pytestmark = pytest.mark.skipif(
    not hasattr(special, "sph_harm_y"), reason="this release of SciPy does not have them"
)
ANGLES = np.array([0.3, 0.7])
CASES = {
    "sph_harm_y": lambda t: special.sph_harm_y(3, -2, ANGLES * t, 0.3 * t).imag,
    "sph_harm_y_all": lambda t: np.real(special.sph_harm_y_all(2, 2, t, ANGLES)),
    "sph_legendre_p": lambda t: special.sph_legendre_p(3, -1, t),
    "sph_legendre_p_all": lambda t: special.sph_legendre_p_all(2, 2, ANGLES * t),
    "legendre_p": lambda t: special.legendre_p(3, t),
    "legendre_p_all": lambda t: special.legendre_p_all(3, ANGLES * t),
    "assoc_legendre_p": lambda t: special.assoc_legendre_p(3, 2, t),
    "normalised": lambda t: special.assoc_legendre_p(3, -2, t, norm=True),
    "another branch": lambda t: special.assoc_legendre_p(3, 2, 1 + t, branch_cut=3),
    "assoc_legendre_p_all": lambda t: special.assoc_legendre_p_all(2, 1, ANGLES * t),
}


@pytest.mark.parametrize("name", CASES)
def test_derivatives_in_the_angles(name):
    f, h = CASES[name], 1e-3
    slope = [dd.jvp(f, (0.6 + s,), (1.0,))[1] for s in (-h, 0.0, h)]
    steps = [(f(0.6 + s) - f(0.6 - s)) / (2 * s) for s in (h, h / 2)]
    assert np.shape(slope[1]) == np.shape(f(0.6))
    np.testing.assert_allclose(slope[1], (4 * steps[1] - steps[0]) / 3, rtol=1e-9, atol=1e-9)
    dd.check_grads(f, (0.6,), modes="reverse", order=1)
    second = dd.jvp(lambda t: dd.jvp(f, (t,), (1.0,))[1], (0.6,), (1.0,))[1]
    np.testing.assert_allclose(second, (slope[2] - slope[0]) / (2 * h), rtol=1e-4, atol=1e-4)


def test_at_the_pole_the_derivative_is_finite_and_other_orders_raise():
    slope = dd.grad(lambda t: special.sph_harm_y(1, 1, t, 0.0).real)(0.0)
    assert slope == pytest.approx(-np.sqrt(3 / (8 * np.pi)))
    with pytest.raises(dd.errors.UnsupportedInputError, match="diff_n"):
        dd.grad(lambda t: special.legendre_p(3, t, diff_n=1)[1])(0.3)
