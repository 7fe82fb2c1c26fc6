"""SciPy's new distributions, by its own names: `Normal`, `make_distribution`, `Mixture`, ..."""

from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

import dualdiff as dd
from dualdiff.errors import MissingRuleError

pytestmark = pytest.mark.skipif(
    not hasattr(stats, "make_distribution"), reason="this SciPy has no new distributions"
)
NEW = hasattr(stats, "make_distribution")
Gamma, T = (stats.make_distribution(d) for d in (stats.gamma, stats.t)) if NEW else (None, None)


def mixture(a):
    return stats.Mixture([stats.Normal(mu=a, sigma=a), stats.Normal()], weights=[0.3, 0.7])


CASES = {
    "pdf": lambda a: stats.Normal(mu=a, sigma=a * a).pdf(0.3),
    "logccdf": lambda a: stats.Normal(mu=a, sigma=a * a).logccdf(0.3),
    "argument": lambda x: stats.Normal(mu=0.2, sigma=1.7).logcdf(x),
    "inverse": lambda a: stats.Logistic().icdf(a / 4),
    "uniform": lambda a: stats.Uniform(a=0.1, b=a).logpdf(0.5),
    "binomial": lambda a: stats.Binomial(n=7, p=a / 4).logcdf(3.0),
    "variance of a binomial": lambda a: stats.Binomial(n=7, p=a / 4).variance(),
    "made": lambda a: Gamma(a=a).logpdf(0.7),
    "made, formula by cases": lambda a: T(df=a).logpdf(0.7),
    "made, entropy": lambda a: Gamma(a=a).entropy(),
    "made, moment": lambda a: Gamma(a=a).moment(3),
    "made, inverse": lambda a: Gamma(a=a).icdf(0.3),
    "shifted and scaled": lambda a: (Gamma(a=2.0) * a + a).logpdf(3.0),
    "negative": lambda a: (-stats.Normal(mu=a, sigma=1.0)).cdf(0.3),
    "mixture": lambda a: mixture(a).logpdf(0.4),
    "mixture, variance": lambda a: mixture(a).variance(),
    "mixture, inverse": lambda a: mixture(a).icdf(0.4),
    "mixture, weights": lambda a: stats.Mixture(
        [stats.Normal(), stats.Normal(mu=1.0, sigma=2.0)], weights=[a / 4, 1 - a / 4]
    ).pdf(0.3),
    "truncated": lambda a: stats.truncate(stats.Normal(mu=a, sigma=1.0), 0.0, 3.0).mean(),
    "truncated, end": lambda a: stats.truncate(stats.Normal(), -1.0, a).cdf(0.3),
    "truncated, argument": lambda x: stats.truncate(stats.Normal(), -1.0, 1.8).cdf(x),
    "exponential": lambda a: stats.exp(stats.Normal(mu=a, sigma=1.0)).ccdf(2.0),
    "logarithm": lambda a: stats.log(stats.Uniform(a=1.0, b=1 + a)).pdf(0.4),
    "absolute": lambda a: stats.abs(stats.Normal(mu=a, sigma=1.0)).cdf(0.4),
    "order": lambda a: stats.order_statistic(stats.Normal(mu=a, sigma=1.0), r=2, n=5).cdf(0.4),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_scipys_and_derivatives_agree_with_differences(name):
    f, at = CASES[name], 1.3
    value, slope = dd.jvp(f, (at,), (1.0,))
    assert value == pytest.approx(f(at), rel=1e-12)
    h = 1e-5
    assert slope == pytest.approx((f(at + h) - f(at - h)) / (2 * h), rel=1e-6, abs=1e-9)
    assert dd.grad(f)(at) == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize("name", ["pdf", "made", "made, formula by cases", "mixture"])
def test_second_derivatives_agree_with_differences_of_the_first(name):
    f, at, h = dd.derivative(CASES[name]), 1.3, 1e-5
    assert dd.derivative(f)(at) == pytest.approx((f(at + h) - f(at - h)) / (2 * h), rel=1e-7)


def test_the_names_of_dualdiff_give_the_same():
    ours = dd.scipy.stats

    def f(a):
        components = [ours.Normal(mu=a, sigma=1.0), ours.Normal()]
        return ours.Mixture(components, weights=[0.4, 0.6]).logpdf(0.3)

    def g(a):
        components = [stats.Normal(mu=a, sigma=1.0), stats.Normal()]
        return stats.Mixture(components, weights=[0.4, 0.6]).logpdf(0.3)

    assert dd.grad(f)(0.7) == dd.grad(g)(0.7)
    made = ours.make_distribution(ours.gamma)
    assert dd.grad(lambda a: made(a=a).logpdf(0.7))(1.3) == dd.grad(CASES["made"])(1.3)


def test_plain_calls_make_scipys_own_objects():
    def f(x):
        assert type(stats.Normal(mu=0.3, sigma=1.0)) is stats.Normal
        assert type(stats.Mixture([stats.Normal()])) is stats.Mixture
        return x * x

    assert dd.grad(f)(2.0) == 4


def test_sampling_has_no_derivative_and_says_so():
    with pytest.raises((MissingRuleError, TypeError)):
        dd.grad(lambda a: np.sum(stats.Normal(mu=a, sigma=1.0).sample(3)))(1.3)


@pytest.mark.parametrize("method", ["pdf", "logpdf", "cdf", "logcdf", "ccdf", "logccdf", "icdf"])
def test_transformed_distributions_of_plain_parameters_take_traced_points(method):
    """Their methods are those of the distribution inside."""
    for made, x in (
        (stats.exp(stats.Normal(mu=0.2, sigma=1.3)), 0.4),
        (stats.log(stats.Uniform(a=0.2, b=1.3)), 0.1),
    ):
        value, slope = dd.jvp(getattr(made, method), (x,), (1.0,))
        assert value == pytest.approx(getattr(made, method)(x), rel=1e-12)
        h = 1e-5
        difference = (getattr(made, method)(x + h) - getattr(made, method)(x - h)) / (2 * h)
        assert slope == pytest.approx(difference, rel=1e-6, abs=1e-9)


def test_inverses_that_scipy_searches_take_traced_points_and_parameters():
    f = lambda q, b: stats.Uniform(a=0.0, b=b).ilogcdf(q)  # noqa: E731
    np.testing.assert_allclose(dd.jacobian(lambda q: f(q, 2.0))(np.array([-0.3, -2.0])),
                               np.diag(2 * np.exp([-0.3, -2.0])), rtol=1e-9)  # fmt: skip
    assert dd.grad(lambda b: f(-0.3, b))(2.0) == pytest.approx(np.exp(-0.3), rel=1e-9)


def test_tanhsinh_takes_its_arguments_from_any_sequence() -> None:
    def call(p: Any) -> Any:
        f = lambda x, a, b: np.exp(-a * x) * b  # noqa: E731
        return integrate.tanhsinh(f, 0.0, 1.0, args=[p[0], p[1]]).integral

    gradient = dd.grad(call)(np.array([0.5, 2.0]))
    e = np.exp(-0.5)
    assert gradient == pytest.approx([2 * (0.5 * e - (1 - e)) / 0.25, (1 - e) / 0.5], rel=1e-10)
