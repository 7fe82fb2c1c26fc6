"""Stable distributions in x, alpha and beta, against integrals of the characteristic function."""

import numpy as np
import pytest
from scipy import stats

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from dualdiff.rules.scipy import stats as rules
from tests.rules.scipy.special.tables import real
from tests.rules.table import A, Newer, rule_tests
from tests.versions import lacking

ROWS = [
    real(lambda x: stats.landau.pdf(x), A(2, low=-1.0, high=2.0), _id="landau.pdf")
    if not lacking("stats.landau")
    else Newer("landau.pdf", "this version of SciPy does not have it"),
    real(stats.cauchy.pdf, A(3), _id="cauchy.pdf"),
]
TestRules = rule_tests(ROWS)

# At (x, alpha, beta), by mpmath with 25 digits.
DENSITIES = {
    (0.7, 1.5, 0.5): (-0.11657259245912022, 0.24131288314092184, -0.11394554326671186),
    (-2.0, 1.2, -0.3): (0.027697260254107903, 0.13574136867930064, 0.05744516578236829),
    (0.01, 0.8, 0.4): (0.13595195716594818, -0.7367258313007359, -0.4552292987914743),
    (0.0, 1.5, 0.5): (-0.09464486749967761, 0.1832177433973457, -0.11104164482869983),
    (1e-5, 1.4, 0.3): (-0.09554408724619722, 0.14976861788823725, -0.15501534403670686),
    (2.0, 0.9, 0.9): (0.0012123214813148512, -0.07013402984444546, -0.029223035711970047),
}
LANDAU = {
    -2.5: 2.6692701010300684e-4,
    0.3: -0.10354862509717108,
    10.0: -0.0014394049533239172,
    1e3: -1.2870638208562533e-9,
}


@pytest.mark.parametrize("at", DENSITIES)
def test_densities_in_all_arguments(at):
    found = dd.grad(stats.levy_stable.pdf, argnums=(0, 1, 2))(*at)
    assert found == pytest.approx(DENSITIES[at], rel=1e-12)


def test_distribution_functions_and_quantiles_in_their_shapes():
    x, step = 0.6, 1e-3
    for i, at in enumerate([1.4, 0.3]):
        for method in (stats.levy_stable.cdf, stats.levy_stable.ppf):

            def f(t, method=method, i=i):
                return method(x, *(t, 0.3) if i == 0 else (1.4, t))

            low, lower, higher, high = (f(at + k * step) for k in (-2, -1, 1, 2))
            expected = (8 * (higher - lower) - (high - low)) / (12 * step)
            assert dd.grad(f)(at) == pytest.approx(float(expected), rel=1e-6)


def test_at_alpha_1_the_location_is_scipys():
    step = 1e-4
    found = dd.grad(lambda s: stats.levy_stable.pdf(0.7, 1.0, 0.5, 0.1, s))(1.3)
    ends = [stats.levy_stable.pdf(0.7, 1.0, 0.5, 0.1, 1.3 + s) for s in (step, -step)]
    assert found == pytest.approx(float(ends[0] - ends[1]) / (2 * step), rel=1e-6)
    with pytest.raises(UnsupportedInputError, match="alpha = 1"):
        dd.grad(lambda a: stats.levy_stable.pdf(0.7, a, 0.5))(1.0)
    with pytest.raises(UnsupportedInputError, match="alpha = 1"):
        dd.jvp(lambda a: stats.levy_stable.pdf(0.7, a, 0.5), (1.0,), (1.0,))


def test_at_alpha_1_the_first_call_may_have_a_scale():
    """The value is checked then, against SciPy's at the location that the program gives."""
    rules.levy_stable.checked.discard("cdf")
    at = np.array([0.7, 0.3, 0.1, 1.3])  # x, beta, loc, scale

    def cdf(p):
        return stats.levy_stable.cdf(p[0], 1.0, *p[1:])

    step = 1e-3 * np.eye(4)
    sides = [[cdf(at + k * s) for k in (-2, -1, 1, 2)] for s in step]
    expected = [(8 * (c - b) - (d - a)) / 12e-3 for a, b, c, d in sides]
    assert dd.grad(cdf)(at) == pytest.approx(np.array(expected, float), rel=1e-7)


def test_hessians_are_symmetric():
    hessian = dd.hessian(lambda p: stats.levy_stable.logpdf(0.7, p[0], p[1]))(np.array([1.5, 0.3]))
    gradient = dd.grad(lambda p: stats.levy_stable.logpdf(0.7, p[0], p[1]))
    step = 1e-5
    moved = [gradient(np.array([1.5 + s, 0.3])) for s in (step, -step)]
    assert hessian[0] == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-8)
    assert hessian[0, 1] == pytest.approx(hessian[1, 0], rel=1e-12)


@pytest.mark.parametrize("x", [pytest.param(x, marks=lacking("stats.landau")) for x in LANDAU])
def test_the_density_of_landaus_distribution(x):
    assert dd.grad(stats.landau.pdf)(x) == pytest.approx(LANDAU[x], rel=1e-12)
    second = dd.grad(dd.grad(stats.landau.cdf))(x)
    assert second == pytest.approx(LANDAU[x], rel=1e-12)
