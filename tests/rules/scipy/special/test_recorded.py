"""Special functions in compiled functions and in unchanged programs give what eager calls give."""

import numpy as np
import pytest
from scipy import special

import dualdiff as dd
from tests.versions import OLD_SCIPY, before

POINTS = {
    "gammainc": (2.5, 1.3), "betaincinv": (2.5, 3.5, 0.99), "jv": (2.5, 1.3),
    "hyperu": (0.5, 1.3, 2.4), "ncfdtr": (3.0, 4.0, 1.0, 0.5), "ncfdtri": (3.0, 4.0, 1.0, 0.5),
    "elliprj": (0.1, 0.5, 2.0, -0.7), "agm": (1.0, 1e-19), "wright_bessel": (0.5, 1.5, 0.7),
    "modstruve": (-1.5, 20.0), "binom": (-2.5, 0.5), "voigt_profile": (0.3, 1.0, 0.5),
    "lambertw": (0.5,), "ive": (1.5, 0.7), "airy": (0.7,), "ellipj": (0.7, 0.3),
    "pbdv": (1.3, 0.5), "kelvin": (0.7,), "pro_rad2": (0, 2, 2.5, 1.7),
    "mathieu_cem": (3, 1.5, 30.0),
}  # fmt: skip
if OLD_SCIPY:  # which writes beyond its memory
    del POINTS["pro_rad2"]
CASES = [(n, i) for n, at in POINTS.items() for i, a in enumerate(at) if isinstance(a, float)]


@pytest.mark.parametrize(("name", "i"), CASES)
@pytest.mark.parametrize("many", [False, True])
def test_compiled_and_patched_derivatives_equal_eager_ones(name, i, many):
    function, at = getattr(special, name), POINTS[name]

    def f(x):
        out = function(*at[:i], x, *at[i + 1 :])
        parts = out if isinstance(out, tuple) else (out,)
        return np.sum(sum((k + 1) * np.real(part) ** 2 for k, part in enumerate(parts)))

    x = np.array([at[i], at[i] * 1.01]) if many else at[i]
    eager = dd.grad(f)(x)
    compiled = dd.compile(dd.grad(f))
    for _ in range(2):
        np.testing.assert_allclose(compiled(x), eager, rtol=1e-13)
    with dd.patch():
        np.testing.assert_array_equal(dd.grad(f)(x), eager)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: special.diric(x, 4),
        lambda x: special.multigammaln(x + 3, 2),
        lambda x: special.spherical_jn(2, x),
        lambda x: special.jvp(1.5, x),
        lambda x: special.comb(x + 4, 2),
        lambda x: special.polygamma(1, x),
        lambda x: special.zeta(x + 2),
        lambda x: special.lmbda(1.5, x)[0][0],
        lambda x: special.pbdv_seq(2.5, x)[0][2],
        lambda x: special.riccati_jn(3, x)[0][2],
        pytest.param(
            lambda x: special.pro_cv_seq(1, 3, x)[1],
            marks=before("1.15.0", "writes beyond its memory"),
        ),
    ],
)
def test_functions_that_scipy_writes_in_python_work_by_their_own_names_under_the_patch(f):
    with dd.patch():
        slope = dd.grad(f)(0.6)
    h = 1e-4
    exact = (8 * (f(0.6 + h) - f(0.6 - h)) - f(0.6 + 2 * h) + f(0.6 - 2 * h)) / (12 * h)
    assert slope == pytest.approx(exact, rel=1e-9)
