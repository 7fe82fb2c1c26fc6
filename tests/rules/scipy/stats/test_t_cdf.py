"""Distribution functions of several t and normal variables, against integrals by one factor."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from dualdiff.rules.scipy.stats.t_cdf import t_cdf_p
from tests.rules.scipy.stats.one_factor import TINY, exact_slopes, one_factor
from tests.rules.table import A, row, rule_tests


def t_probability(x, c, df):
    return t_cdf_p(x, c @ c.T + np.eye(len(c)), df)


ROWS = [
    row(t_probability, A(3, 2), A(2, 2, seed=1), np.array(2.5), _complex=False),
    row(t_probability, A(1, 3), A(3, 3, seed=1), np.array(6.0), _complex=False, _order=1),  # time
]
TestRules = rule_tests(ROWS)


def case(n, seed=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), rng.uniform(-0.9, 0.9, size=n), rng.uniform(0.5, 2.0, size=n)


def covariance(a, deviations):
    eye = np.eye(len(a))
    correlations = a[:, None] * a * (1 - eye) + eye
    return correlations * (deviations[:, None] * deviations)


@pytest.mark.parametrize(("n", "df"), [(1, 2.5), (2, 3.5), (3, 0.6), (4, 3.5), (4, 30.0), (5, 2.5)])
def test_t_probabilities_have_exact_derivatives_in_all_parameters(n, df):
    x, a, deviations = case(n)

    def ours(x, a, deviations, df):
        return stats.multivariate_t.cdf(x, np.zeros(n), covariance(a, deviations), df)

    arguments = (x, a, deviations, df)
    exact = exact_slopes(arguments, one_factor)
    found = dd.grad(ours, argnums=(0, 1, 2, 3))(*arguments)
    for slope, true in zip(found, exact, strict=True):
        np.testing.assert_allclose(slope, true, rtol=2e-11, atol=1e-15)
    push = tuple(0.1 * np.asarray(v) for v in arguments)
    along = sum(np.sum(p * e) for p, e in zip(push, exact, strict=True))
    assert dd.jvp(ours, arguments, push)[1] == pytest.approx(along, rel=1e-11, abs=1e-15)
    by_loc = dd.grad(lambda m: stats.multivariate_t.cdf(x, m, covariance(a, deviations), df))(
        np.zeros(n)
    )
    np.testing.assert_allclose(by_loc, -exact[0], rtol=2e-11, atol=1e-15)


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_normal_probabilities_have_exact_derivatives_up_to_six_variables(n):
    x, a, deviations = case(n)

    def ours(x, a, deviations):
        return stats.multivariate_normal.cdf(x, np.zeros(n), covariance(a, deviations))

    exact = exact_slopes((x, a, deviations, None), one_factor)
    found = dd.grad(ours, argnums=(0, 1, 2))(x, a, deviations)
    for slope, true in zip(found, exact, strict=True):
        np.testing.assert_allclose(slope, true, rtol=1e-11)


@pytest.mark.parametrize(("n", "df"), [(2, 3.5), (3, 1.5), (4, 6.0)])
def test_second_derivatives_of_t_probabilities(n, df):
    x, a, deviations = case(n)
    arguments = (x, a, deviations, df)
    push = (0.3 * np.cos(x), 0.1 * x, 0.1 * deviations, 0.5)

    def moved(t):
        return tuple(v + t * p for v, p in zip(arguments, push, strict=True))

    def slope(t):
        return one_factor(*moved(t + 1j * TINY)).imag / TINY

    def ours(t):
        x, a, deviations, df = moved(t)
        return stats.multivariate_t.cdf(x, np.zeros(n), covariance(a, deviations), df)

    h = 1e-3  # an error of h**4
    exact = (8 * (slope(h) - slope(-h)) - slope(2 * h) + slope(-2 * h)) / (12 * h)
    for nested in (dd.grad(dd.grad(ours)), lambda t: dd.jvp(dd.grad(ours), (t,), (1.0,))[1]):
        assert nested(0.0) == pytest.approx(exact, rel=1e-9)


def test_t_probabilities_of_boxes_with_infinite_sides():
    x, a, deviations = case(3)
    x[1] = np.inf
    lower = np.array([-1.5, -0.4, -np.inf])
    cov = covariance(a, deviations)

    def ours(t, df):
        return stats.multivariate_t.cdf(t * x, np.zeros(3), cov, df, lower_limit=t * lower)

    def reference(t, df):
        finite = np.where(np.isinf(x), 1e3, t * x)
        return one_factor(finite, a, deviations, df, np.where(np.isinf(lower), -np.inf, t * lower))

    far = np.array([lower[0], np.inf, x[2]])
    slope = reference(1.0 + 1j * TINY, 3.0).imag / TINY
    assert dd.grad(ours)(1.0, 3.0) == pytest.approx(slope, rel=1e-8)  # 1e3 stands for infinity
    by_df = reference(1.0, 3.0 + 1j * TINY).imag / TINY
    assert dd.grad(ours, argnums=1)(1.0, 3.0) == pytest.approx(by_df, rel=1e-7)
    points = np.stack([x, far, np.full(3, -np.inf), np.full(3, np.inf)])
    with np.errstate(invalid="ignore"):  # of SciPy
        slopes = dd.jacobian(lambda p: stats.multivariate_t.cdf(p, np.zeros(3), cov, 3.0))(points)
    assert slopes.shape == (4, 4, 3)
    assert not np.any(slopes[[2, 3]])
    assert not np.any(slopes[:, :, 1][:2])
    assert np.all(slopes[0, 0, [0, 2]] > 0)


@pytest.mark.parametrize("upper", [[0.3, np.inf], [np.inf, -np.inf], [np.inf, np.inf]])
def test_normal_probabilities_with_infinite_sides_have_derivatives(upper):
    marginal = stats.norm.pdf(0.3) if upper[0] == 0.3 else 0.0
    cov = np.array([[1.0, 0.4], [0.4, 1.0]])
    slopes = dd.grad(lambda m: stats.multivariate_normal.cdf(np.array(upper), m, cov))(np.zeros(2))
    np.testing.assert_allclose(slopes, [-marginal, 0.0], rtol=1e-14)


@pytest.mark.parametrize("df", [1e4, 1e6, 1e9])
def test_many_degrees_of_freedom_keep_the_digits_of_derivatives(df):
    """By moments of u = s**2, of which the normal probability has a Taylor series at 1."""
    x, y, r = mp.mpf("0.3"), mp.mpf("0.5"), mp.mpf("0.4")

    def of_pair(n):
        def term(c):
            half_square = (x * x - 2 * c * x * y + y * y) / (2 - 2 * c * c)
            front = (-half_square) ** n / mp.factorial(n) / (2 * mp.pi * mp.sqrt(1 - c * c))
            return front * mp.exp(-half_square)

        return mp.quad(term, [0, r])

    def mean(v):
        raw = [mp.mpf(1)]
        for k in range(8):
            raw.append(raw[-1] * (v + 2 * k) / v)
        return mp.fsum(
            c * mp.fsum(mp.binomial(n, k) * (-1) ** (n - k) * raw[k] for k in range(n + 1))
            for n, c in enumerate(series)
        )

    with mp.workdps(50):
        alone = mp.taylor(lambda u: mp.ncdf(x * mp.sqrt(u)) * mp.ncdf(y * mp.sqrt(u)), 1, 8)
        series = [c + of_pair(n) for n, c in enumerate(alone)]
        slopes = [float(mp.diff(mean, mp.mpf(df), order)) for order in (1, 2)]
    cov = np.array([[1.0, 0.4], [0.4, 1.0]])
    f = lambda v: stats.multivariate_t.cdf([0.3, 0.5], [0, 0], cov, v)  # noqa: E731
    assert [dd.grad(f)(df), dd.grad(dd.grad(f))(df)] == pytest.approx(slopes, rel=3e-11)


def test_infinite_degrees_of_freedom_are_the_normal_distribution():
    x, a, deviations = case(3)
    cov = covariance(a, deviations)
    normal = dd.grad(lambda x: stats.multivariate_normal.cdf(x, np.zeros(3), cov))(x)
    frozen = dd.grad(lambda x: stats.multivariate_t(np.zeros(3), cov, np.inf).cdf(x))(x)
    np.testing.assert_allclose(frozen, normal, rtol=1e-14)


def test_frozen_t_distributions_have_probabilities_with_derivatives():
    x, a, deviations = case(2)
    cov = covariance(a, deviations)
    exact = exact_slopes((x, a, deviations, 3.0), one_factor)
    found = dd.grad(lambda v: stats.multivariate_t(np.zeros(2), cov, v).cdf(x))(3.0)
    assert found == pytest.approx(exact[3], rel=1e-11)
    fixed = stats.multivariate_t(np.zeros(2), cov, 3.0)
    np.testing.assert_allclose(dd.grad(fixed.cdf)(x), exact[0], rtol=1e-11)
    seeded = lambda x: stats.multivariate_t.cdf(x, np.zeros(2), cov, 3.0, random_state=5)  # noqa: E731
    assert dd.value_and_grad(seeded)(x)[0] == seeded(x)


@pytest.mark.parametrize("rest", ["1e-3", "1e-7"])
def test_close_correlations_keep_digits(rest):
    """By the probability of one variable given the other."""
    x, y, r = mp.mpf("0.3"), mp.mpf("0.5"), 1 - mp.mpf(rest)

    def probability(v, t):
        w = v / (v + t * t)
        half = mp.betainc(v / 2, mp.mpf(1) / 2, 0, w, regularized=True) / 2
        return 1 - half if t > 0 else half

    def true(v):
        front = mp.gamma((v + 1) / 2) / mp.gamma(v / 2) / mp.sqrt(v * mp.pi)

        def integrand(t):
            given = (y - r * t) / mp.sqrt(1 - r * r) * mp.sqrt((v + 1) / (v + t * t))
            return front * (1 + t * t / v) ** (-(v + 1) / 2) * probability(v + 1, given)

        return mp.quad(integrand, [-mp.inf, -20, -3, -1, 0, 0.2, x])

    cov = np.array([[1.0, float(r)], [float(r), 1.0]])
    f = lambda v: stats.multivariate_t.cdf([0.3, 0.5], [0, 0], cov, v)  # noqa: E731
    with mp.workdps(20):
        slope = float(mp.diff(true, mp.mpf("2.5"), h=mp.mpf("1e-7")))
    assert dd.grad(f)(2.5) == pytest.approx(slope, rel=1e-9)


def test_t_probabilities_outside_the_domain_say_why():
    with pytest.raises(UnsupportedInputError, match="up to 5 variables"):
        dd.grad(lambda x: stats.multivariate_t.cdf(x, np.zeros(6), np.eye(6), 3.0))(np.ones(6))
    singular = np.ones((2, 2))
    with pytest.raises(UnsupportedInputError, match="singular"):
        dd.grad(
            lambda x: stats.multivariate_t.cdf(x, np.zeros(2), singular, 3, allow_singular=True)
        )(np.array([0.1, 0.3]))
