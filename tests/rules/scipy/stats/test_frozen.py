"""Frozen distributions of several variables, by SciPy's own names."""

import numpy as np
import pytest
from scipy import stats

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.versions import OLD_SCIPY

EYE, X = np.eye(2), np.array([1.0, 2.0])
SPD = np.array([[2.0, 0.3], [0.3, 1.5]])
CASES = {
    "normal": lambda t: stats.multivariate_normal(t * X, SPD * t).logpdf(X),
    "normal, by keywords": lambda t: stats.multivariate_normal(mean=t * X, cov=SPD).pdf(X),
    "normal, cdf": lambda t: stats.multivariate_normal(t * X, SPD).cdf(X),
    "normal, cdf in x": lambda t: stats.multivariate_normal(X, SPD).cdf(t * X),
    "normal, entropy": lambda t: stats.multivariate_normal(X, SPD * t).entropy(),
    "t": lambda t: stats.multivariate_t(t * X, SPD, df=3 * t).logpdf(X),
    "dirichlet": lambda t: stats.dirichlet(t * X).logpdf([0.3, 0.7]),
    "dirichlet, variance": lambda t: stats.dirichlet(t * X).var()[0],
    "wishart": lambda t: stats.wishart(3 * t, SPD * t).logpdf(EYE),
    "inverse wishart": lambda t: stats.invwishart(3 * t, SPD * t).logpdf(EYE),
    "matrix normal": lambda t: stats.matrix_normal(EYE * t, SPD * t, EYE).logpdf(EYE),
    "von mises fisher": lambda t: stats.vonmises_fisher([1.0, 0.0], t).logpdf([0.6, 0.8]),
    "multinomial": lambda t: stats.multinomial(5, np.stack([t / 4, 1 - t / 4])).logpmf([2, 3]),
    "dirichlet multinomial": lambda t: stats.dirichlet_multinomial(t * X, 5).logpmf([2, 3]),
    "covariance by a diagonal": lambda t: with_covariance(stats.Covariance.from_diagonal(t * X)),
    "covariance by a factor": lambda t: with_covariance(
        stats.Covariance.from_cholesky(t * np.linalg.cholesky(SPD))
    ),
    "covariance by its inverse": lambda t: with_covariance(
        stats.Covariance.from_precision(t * SPD)
    ),
    "covariance, frozen": lambda t: stats.multivariate_normal(
        X, stats.Covariance.from_diagonal(t * X)
    ).logpdf(EYE[0]),
    "kernel density, times a normal": lambda t: estimate(t).integrate_gaussian(t * X, SPD),
    "kernel density, times another": lambda t: estimate(t).integrate_kde(estimate(1.0)),
    "kernel density, over a box": lambda t: estimate(t).integrate_box(-X, t * X),
    "covariance, determinant": lambda t: stats.Covariance.from_diagonal(t * X).log_pdet,
}

if OLD_SCIPY:  # whose code for it is compiled
    del CASES["kernel density, over a box"]


def estimate(t):
    points = np.random.default_rng(0).normal(size=(2, 9))
    return stats.gaussian_kde(np.stack([points[0] * t, points[1] * t**2 + points[0]]))


def with_covariance(covariance):
    return stats.multivariate_normal.logpdf(X, np.zeros(2), covariance)


@pytest.mark.parametrize("name", CASES)
def test_frozen_distributions_have_derivatives_in_their_parameters(name):
    f, at, h = CASES[name], 1.3, 1e-5
    value, slope = dd.jvp(f, (at,), (1.0,))
    assert value == pytest.approx(f(at), rel=1e-5)  # SciPy integrates the normal cdf to 1e-5
    step = 1e-3 if "cdf" in name else h
    differences = (f(at + step) - f(at - step)) / (2 * step)
    assert slope == pytest.approx(differences, rel=1e-2 if "cdf" in name else 1e-7)
    assert dd.grad(f)(at) == pytest.approx(slope, rel=1e-10)


def test_parameters_of_a_frozen_distribution_can_be_read():
    def f(m):
        frozen = stats.multivariate_normal(m, SPD)
        return frozen.mean[0] * 2 + frozen.logpdf(X)

    np.testing.assert_allclose(dd.grad(f)(X), [2.0, 0.0], atol=1e-14)


def test_expectations_take_functions_of_numbers_and_do_not_lose_digits_at_singular_ends():
    def part(a):
        return stats.gamma.expect(lambda x: x - 1 if x > 1 else 0.0, args=(a,))

    slope = (part(2.3 + 1e-3) - part(2.3 - 1e-3)) / 2e-3
    assert dd.grad(part)(2.3) == pytest.approx(slope, rel=1e-5)

    by_both = dd.hessian(lambda t: stats.norm(t[0], t[1]).expect(lambda x: np.maximum(x, 0)))
    curvature = stats.norm.pdf(0.25) / 0.8  # the kink stays where it is while the density moves
    assert by_both(np.array([0.2, 0.8]))[0, 0] == pytest.approx(curvature, rel=1e-9)
    step = dd.grad(lambda m: stats.uniform(m, 2.0).expect(lambda x: 1.0 * (x > 1)))
    assert step(0.3) == pytest.approx(0.5, rel=1e-7)

    def bell(a):
        return stats.arcsine.expect(lambda x: np.exp(-0.1 * x * x), loc=a, scale=1.4)

    forward = dd.jvp(bell, (0.3,), (1.0,))[1]
    assert dd.grad(bell)(0.3) == pytest.approx(forward, rel=1e-13)


def test_fit_of_censored_data_says_that_it_has_no_derivative():
    with pytest.raises(UnsupportedInputError, match="not in a CensoredData"):
        dd.grad(lambda x: stats.norm.fit(stats.CensoredData(uncensored=x))[0])(X)


def test_moments_of_a_frozen_distribution_are_named_by_position_too():
    slopes = dd.jacobian(lambda a: np.stack(stats.gamma(a, scale=2.0).stats("mvsk")))(4.0)
    np.testing.assert_allclose(slopes, [2.0, 4.0, -0.125, -6 / 16], rtol=1e-12)
