"""Moments at removable points, over a circle, with steep densities and without a value."""

import warnings

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import dualdiff as dd
from tests.versions import OLD_SCIPY


def vonmises_variance(kappa):
    part = mp.quad(lambda x: x * x * mp.exp(kappa * (mp.cos(x) - 1)), [0, 1, mp.pi])
    return part / mp.quad(lambda x: mp.exp(kappa * (mp.cos(x) - 1)), [0, 1, mp.pi])


def truncpareto(order, b, c):
    part = mp.quad(lambda x: b * x ** (order - b - 1), [1, 2, c])
    return part / (1 - c**-b)


def beta(order, a, b):
    return mp.beta(a + order, b) / mp.beta(a, b)


def exact(f, *at, argument):
    at = [mp.mpf(a) for a in at]
    with mp.workdps(30):
        return float(mp.diff(f, at, tuple(int(i == argument) for i in range(len(at)))))


def test_moments_of_vonmises_are_those_over_one_turn():
    kappa = 0.5
    slope = exact(vonmises_variance, kappa, argument=0)
    by_root = slope / (2 * float(mp.sqrt(vonmises_variance(kappa))))
    assert dd.grad(stats.vonmises.std)(kappa) == pytest.approx(by_root, rel=1e-10)
    assert dd.grad(stats.vonmises.mean)(kappa) == pytest.approx(0.0, abs=1e-12)
    assert dd.grad(lambda m: stats.vonmises.mean(kappa, m))(0.4) == pytest.approx(1.0)


@pytest.mark.parametrize("b", [1.0, 2.0, 2.0 + 1e-9, 2.7])
def test_moments_of_truncpareto_at_and_beside_the_exponent(b):
    for argument in (0, 1):
        slope = exact(lambda b, c: truncpareto(2, b, c), b, 5.3, argument=argument)
        moment = dd.grad(lambda b, c: stats.truncpareto.moment(2, b, c), argnums=argument)
        assert moment(b, 5.3) == pytest.approx(slope, rel=1e-12)
    slope = exact(lambda b: truncpareto(1, b, 5.3), b, argument=0)
    assert dd.grad(lambda b: stats.truncpareto.mean(b, 5.3))(b) == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize("b", [0.25, 0.04])
def test_moments_of_a_density_that_is_steep_at_one(b):
    for argument in (0, 1):
        slope = exact(lambda a, b: beta(5, a, b), 2.3, b, argument=argument)
        moment = dd.grad(lambda a, b: stats.beta.moment(5, a, b), argnums=argument)
        assert moment(2.3, b) == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: stats.pareto.moment(3, a + 1.9),
        lambda a: stats.betaprime.var(2.0, a),
        lambda a: stats.t.moment(5, a + 2.5),
        lambda a: stats.t.var(a),
    ],
)
def test_a_moment_that_does_not_exist_has_no_number_as_derivative(f):
    with np.errstate(all="ignore"):
        assert np.isnan(dd.grad(f)(1.0))


def test_means_under_hyperbolic_distributions_whose_quantiles_scipy_does_not_find():
    def mean_square(a, b):  # variance and mean of the normal inverse Gaussian distribution
        return a * a / (a * a - b * b) ** 1.5 + b * b / (a * a - b * b)

    found = dd.grad(lambda a: stats.norminvgauss.expect(np.square, args=(a, 0.5)))(1.25)
    assert found == pytest.approx(exact(mean_square, 1.25, 0.5, argument=0), rel=1e-9)
    as_other = dd.grad(lambda a: stats.genhyperbolic.expect(np.square, args=(-0.5, a, 0.5)))(1.25)
    assert as_other == pytest.approx(found, rel=1e-9)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15: its value misses the peak of the density")
def test_hyperbolic_tails_are_those_of_the_density_far_out():
    at = (-150.0, 1.25, 0.5)
    with np.errstate(all="ignore"):
        value, slope = dd.jvp(stats.norminvgauss.logsf, at, (1.0, 0.0, 0.0))
    assert -1e-100 < value < 0
    assert slope == pytest.approx(-stats.norminvgauss.pdf(*at), rel=1e-10)


def test_high_moments_of_discrete_distributions():
    mu = 2.0
    touchard = 1 + 30 * mu + 75 * mu**2 + 40 * mu**3 + 5 * mu**4
    assert dd.grad(lambda m: stats.poisson.moment(5, m))(mu) == pytest.approx(touchard, rel=1e-12)
    skewness = dd.grad(lambda p: stats.bernoulli.stats(p, moments="s"))
    p, q = 0.3, 0.7
    assert skewness(p) == pytest.approx(-2 / (p * q) ** 0.5 - (q - p) ** 2 / (2 * (p * q) ** 1.5))


def test_odd_moments_of_the_skew_normal_distribution():
    def third(a):
        ratio = a / mp.sqrt(1 + a * a)
        return mp.sqrt(2 / mp.pi) * (3 * ratio - ratio**3)

    found = dd.grad(lambda a: stats.skewnorm.moment(3, a))(2.0)
    assert found == pytest.approx(exact(third, 2.0, argument=0), rel=1e-13)
    assert dd.grad(lambda a: stats.skewnorm.moment(4, a))(2.0) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.slow
def test_expectations_that_oscillate_in_a_heavy_tail_have_no_derivative():
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of SciPy's quadrature
        slope = dd.grad(lambda s: stats.halfcauchy.expect(np.sin, scale=s))(1.4)
    assert np.isnan(slope)


def test_expectations_of_functions_that_underflow_in_a_tail_have_derivatives():
    """The density does not matter there, and between two kinks all numbers are below 1e-300."""

    def mean(loc):
        return stats.t.expect(lambda x: np.exp(-x * x), args=(2.74,), loc=loc, scale=1.4)

    sides = [mean(0.3 + k * 1e-3) for k in (-2, -1, 1, 2)]
    slope = (8 * (sides[2] - sides[1]) - (sides[3] - sides[0])) / 12e-3
    assert dd.grad(mean)(0.3) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize(
    ("moment", "slope"),
    [  # n E[x**(n - 1)]
        (lambda loc: stats.norm.moment(2, loc), 0.0),
        (lambda loc: stats.gamma(2.0, loc).moment(3), 18.0),
        (lambda loc: stats.gamma.moment(3, 2.0, loc, np.array([1.0, 2.0])).sum(), 90.0),
        (lambda loc: stats.lognorm.moment(2, 0.5, loc), 2 * np.exp(0.125)),
        (lambda loc: stats.poisson.moment(2.0, 3.0, loc), 6.0),
        (lambda loc: stats.rv_discrete(values=([0, 1], [0.3, 0.7])).moment(1, loc), 1.0),
        (lambda loc: stats.gamma.moment(2, -2.0, loc), np.nan),
        (lambda loc: stats.gamma.moment(2, 2.0, loc, -1.0), np.nan),
    ],
)
def test_moments_move_with_loc_from_the_default(moment, slope):
    with np.errstate(all="ignore"):
        assert dd.grad(moment)(0.0) == pytest.approx(slope, rel=1e-13, abs=1e-14, nan_ok=True)


def test_second_derivatives_of_a_moment_by_loc_and_scale_at_the_default():
    curvature = dd.hessian(lambda p: stats.gamma.moment(3, 2.0, p[0], p[1]))(np.array([0.0, 1.0]))
    np.testing.assert_allclose(curvature, [[12.0, 36.0], [36.0, 144.0]], rtol=1e-13)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_finite_moments_have_derivatives_beside_infinite_ones(mode):
    def all_moments(a):
        return np.stack(stats.zipf.stats(a, moments="mvsk"))

    with np.errstate(all="ignore"):
        found = dd.jacobian(all_moments, mode=mode)(3.5)
    slope = exact(lambda a: mp.zeta(a - 1) / mp.zeta(a), 3.5, argument=0)
    assert found[0] == pytest.approx(slope, rel=1e-12)
    assert np.isfinite(found[1])
    assert np.isnan(found[2:]).all()


def test_an_entropy_counts_where_the_density_is_1():
    """There it adds nothing, but moves."""

    def entropy(k, s):
        def term(x):
            density = k * x ** (k - 1) / (1 + x**s) ** (1 + k / s)
            return -density * mp.log(density)

        return mp.quad(term, [0, 0.1, 1, 3, 10, 100, 1000, mp.inf])

    found = dd.grad(lambda k: stats.mielke.entropy(k, 4.6))(1.0)
    assert found == pytest.approx(exact(entropy, 1.0, 4.6, argument=0), rel=1e-10)


@pytest.mark.parametrize("name", ["gamma", "t", "weibull_min", "poisson"])
def test_entropies_in_unchanged_programs(name):
    distribution = getattr(stats, name)
    expected = dd.grad(getattr(dd.scipy.stats, name).entropy)(3.5)
    with dd.patch():
        assert dd.grad(lambda a: distribution.entropy(a))(3.5) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("limits", [{"lb": -5.0, "ub": 9.0}, {"lb": -5.0}, {"ub": 9.0}, {}])
def test_expectations_within_limits_beyond_the_support(limits):
    def mean_square(at):
        return stats.uniform.expect(np.square, loc=at[0], scale=at[1], **limits)

    loc, scale = at = np.array([0.3, 0.7])
    found = dd.grad(mean_square)(at)
    assert found == pytest.approx([2 * loc + scale, loc + 2 * scale / 3], rel=1e-12)


@pytest.mark.parametrize("name", ["vonmises", "vonmises_line"])
def test_expectations_over_one_turn_whatever_the_scale(name):
    """SciPy's limits are pi on both sides of loc."""

    def mean_cosine(kappa, loc, scale):
        def density(x):
            return mp.exp(kappa * mp.cos((x - loc) / scale))

        total = 2 * mp.pi * mp.besseli(0, kappa) * scale
        ends = [loc - mp.pi, loc, loc + mp.pi]
        return mp.quad(lambda x: mp.cos(x) * density(x), ends) / total

    at = 2.0, 0.3, 1.4
    for i in range(3):
        found = dd.grad(
            lambda *p: getattr(stats, name).expect(np.cos, args=p[:1], loc=p[1], scale=p[2]), i
        )
        assert found(*at) == pytest.approx(exact(mean_cosine, *at, argument=i), rel=1e-9)
