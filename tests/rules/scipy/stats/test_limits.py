"""Distributions at values of their shapes for which SciPy's code takes a constant."""

import mpmath as mp
import numpy as np
import pytest
import scipy
from scipy import special, stats

import dualdiff as dd
from dualdiff.rules.scipy.stats.distributions import Distribution
from tests.versions import OLD_SCIPY

BESIDE = mp.mpf(10) ** -25  # a removable point, seen from here


def slope(f, at):
    with mp.workdps(160):
        return float(mp.diff(f, mp.mpf(at) + BESIDE))


def kappa4_cdf(x, h, k):
    return (1 - h * (1 - k * x) ** (1 / k)) ** (1 / h)


def kappa4_ppf(q, h, k):
    return (1 - ((1 - q**h) / h) ** k) / k


def kappa4_logpdf(x, h, k):
    rest = (1 - k * x) ** (1 / k)
    return (1 - k) * mp.log(rest) + (1 - h) / h * mp.log(1 - h * rest)


@pytest.mark.parametrize(("h", "k"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.1), (-0.2, 0.0), (0.3, -0.2)])
@pytest.mark.parametrize(
    ("name", "exact"), [("cdf", kappa4_cdf), ("ppf", kappa4_ppf), ("logpdf", kappa4_logpdf)]
)
def test_kappa4_at_no_shape_has_both_derivatives(name, exact, h, k):
    if name == "ppf" and h < 0:
        pytest.skip("SciPy's value is NaN")
    function = getattr(stats.kappa4, name)
    found = dd.grad(lambda h, k: function(0.4, h, k), argnums=(0, 1))(h, k)
    x = mp.mpf(0.4)
    by_h = slope(lambda t: exact(x, t, mp.mpf(k) + BESIDE), h)
    by_k = slope(lambda t: exact(x, mp.mpf(h) + BESIDE, t), k)
    assert found == pytest.approx((by_h, by_k), rel=1e-12)


@pytest.mark.parametrize(
    "quantity",
    [
        lambda h: stats.kappa4.ppf(0.3, h, 0.0),
        lambda h: stats.kappa4.isf([0.3, 0.6], h, 0.0),
        lambda h: stats.kappa4.median(h, 0.0),
        pytest.param(  # tried at eleven points beside, as the result is NaN
            lambda h: stats.kappa4.expect(lambda x: np.exp(-x * x), (h, 0.0)),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["ppf", "isf", "median", "expect"],
)
@pytest.mark.filterwarnings("ignore")  # SciPy's of quadrature
def test_kappa4_has_no_quantiles_where_scipys_are_nan(quantity):
    for h in (-1.0, -0.5):
        value, slope = dd.jvp(quantity, (h,), (1.0,))
        assert np.all(np.isnan(value))
        assert np.all(np.isnan(slope))
        assert np.all(np.isnan(quantity(h)))


def extreme_moment(order, c):
    terms = (mp.binomial(order, k) * (-1) ** k * mp.gamma(1 + k * c) for k in range(order + 1))
    return sum(terms) / c**order


@pytest.mark.parametrize("c", [0.0, 1e-4, 0.06, 0.3, -0.05])
def test_moments_of_generalised_extreme_values_do_not_cancel(c):
    for order in (1, 2, 4):
        exact = slope(lambda t, n=order: extreme_moment(n, t), c)
        with np.errstate(all="ignore"):
            found = dd.grad(lambda c, n=order: stats.genextreme.moment(n, c))(c)
        assert found == pytest.approx(exact, rel=1e-11)
    variance = slope(lambda t: extreme_moment(2, t) - extreme_moment(1, t) ** 2, c)
    with np.errstate(all="ignore"):
        assert dd.grad(stats.genextreme.var)(c) == pytest.approx(variance, rel=1e-11)


def test_moments_of_genpareto_at_the_exponential_distribution():
    slopes = [dd.grad(lambda c, n=n: stats.genpareto.moment(n, c))(0.0) for n in (1, 2, 3)]
    assert slopes == pytest.approx([1.0, 6.0, 36.0], rel=1e-14)  # n! times 1 + ... + n


@pytest.mark.parametrize(("c", "sign"), [(0.0, 1.0), (1.0, -1.0)])
def test_a_triangle_whose_mode_is_an_end(c, sign):
    x = 0.4
    away = 1 - x if c == 0 else x
    assert dd.grad(lambda c: stats.triang.logpdf(x, c))(c) == pytest.approx(sign)
    assert dd.grad(lambda c: stats.triang.cdf(x, c))(c) == pytest.approx(-(away**2))
    moment = [dd.grad(lambda c, n=n: stats.triang.moment(n, c))(c) for n in (1, 5)]
    assert moment == pytest.approx([1 / 3, (1 if c == 0 else 15) / 21])


@pytest.mark.parametrize(("c", "d", "side"), [(0.0, 0.0, 1), (0.2, 1.0, -1), (1.0, 1.0, -1)])
def test_moments_of_a_trapezoid_that_ends_upright(c, d, side):
    def exact(d):
        height = 2 / (1 + d - c)
        left = height / c * mp.mpf(c) ** 5 / 5 if c else 0
        right = mp.quad(lambda x: x**3 * height * (1 - x) / (1 - d), [d, 1]) if d != 1 else 0
        return left + height * (d**4 - mp.mpf(c) ** 4) / 4 + right

    with mp.workdps(30):
        reference = float(mp.diff(exact, mp.mpf(d), direction=side))
    found = dd.grad(lambda d: stats.trapezoid.moment(3, c, d))(d)
    assert found == pytest.approx(reference, rel=1e-8, abs=1e-8)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15: its variance is code without derivatives")
def test_tukeys_lambda_distribution_at_the_logistic_and_the_uniform_one():
    def variance(t):
        return mp.quad(lambda p: ((p**t - (1 - p) ** t) / t) ** 2, [0, 0.5, 1])

    with mp.workdps(25):
        exact = float((variance(mp.mpf("1e-4")) - variance(mp.mpf("-1e-4"))) / mp.mpf("2e-4"))
    assert dd.grad(stats.tukeylambda.var)(0.0) == pytest.approx(exact, rel=1e-6)
    assert dd.jvp(stats.tukeylambda.mean, (0.0,), (1.0,)) == (0.0, 0.0)
    assert dd.grad(stats.tukeylambda.entropy)(2.0) == pytest.approx(-0.5, rel=1e-12)
    assert dd.grad(stats.rdist.entropy)(2.0) == pytest.approx(0.0, abs=1e-12)


def test_circular_and_rice_distributions_without_concentration():
    x = 0.7
    for distribution in (stats.vonmises, stats.vonmises_line):
        by_kappa = dd.grad(lambda k, d=distribution: d.logpdf(x, k))
        assert (by_kappa(0.0), dd.grad(by_kappa)(0.0)) == pytest.approx((np.cos(x), -0.5))
        assert dd.grad(distribution.var)(0.0) == pytest.approx(-2.0)
        assert dd.jvp(distribution.entropy, (0.0,), (1.0,))[1] == pytest.approx(0.0, abs=1e-14)
    by_b = dd.grad(lambda b: stats.rice.logpdf(x, b))
    assert (by_b(0.0), dd.grad(by_b)(0.0)) == pytest.approx((0.0, x * x / 2 - 1), abs=1e-14)


def test_pearson3_without_skewness_is_normal_on_both_sides():
    value, slope = dd.jvp(lambda s: stats.pearson3.logpdf(-3.0, s), (0.0,), (1.0,))
    assert (value, slope) == pytest.approx((stats.norm.logpdf(-3.0), -3.0))
    assert dd.grad(lambda s: stats.pearson3.moment(5, s))(0.0) == pytest.approx(10.0)


def test_moments_by_the_number_of_summands_raise():
    if hasattr(stats, "irwinhall"):
        with pytest.raises(dd.errors.UnsupportedInputError, match="is an integer"):
            dd.grad(stats.irwinhall.mean)(3.0)


CENTRAL = {"ncx2": (3.0,), "ncf": (3.0, 7.0)}


@pytest.mark.parametrize("name", CENTRAL)
@pytest.mark.parametrize("method", ["pdf", "logpdf", "cdf", "ppf", "isf", "entropy"])
def test_without_noncentrality_derivatives_are_those_from_the_right(name, method):
    """Against one-sided differences of SciPy's values, the one at 0 left out."""
    shapes, at = CENTRAL[name], () if method == "entropy" else (0.3,)

    def ours(nc):
        return getattr(getattr(stats, name), method)(*at, *shapes, nc)

    def plain(nc):
        return float(getattr(getattr(scipy.stats, name), method)(*at, *shapes, nc))

    nodes = 0.02 * np.arange(1, 8)
    series = np.polynomial.Polynomial(np.polyfit(nodes, list(map(plain, nodes)), 6)[::-1])
    assert dd.grad(ours)(0.0) == pytest.approx(series.deriv(1)(0), rel=1e-6)
    assert dd.grad(dd.grad(ours))(0.0) == pytest.approx(series.deriv(2)(0), rel=2e-3)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 has another logcdf")
def test_tails_without_noncentrality_are_those_of_the_true_function():
    """SciPy's upper tail of ncf is negative there; the logarithm of the other one shares it."""
    x, m, n = 2.0, 3.0, 7.0
    slope = dd.grad(lambda nc: stats.ncf.cdf(x, m, n, nc))(0.0)
    assert dd.grad(lambda nc: stats.ncf.sf(x, m, n, nc))(0.0) == pytest.approx(-slope, rel=1e-14)
    p = stats.f.cdf(x, m, n)
    by_nc = dd.grad(lambda nc: stats.ncf.logcdf(x, m, n, nc))(0.0)
    by_x = dd.grad(lambda x: stats.ncf.logcdf(x, m, n, 0.0))(x)
    assert (by_nc, by_x) == pytest.approx((slope / p, stats.f.pdf(x, m, n) / p), rel=1e-12)
    assert dd.grad(lambda nc: stats.ncx2.cdf(1.0, 2.0, nc))(0.0) == pytest.approx(
        (stats.chi2.cdf(1.0, 4.0) - stats.chi2.cdf(1.0, 2.0)) / 2, rel=1e-12
    )


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 has another logsf")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_the_logarithm_of_a_negative_tail_of_ncf():
    """SciPy takes that of the other tail below the median; above it the value is NaN."""
    m, n, x = 3.0, 7.0, np.array([1e-3, 0.5, 2.0])
    fresh = Distribution(scipy.stats.ncf)
    value, by_nc = dd.jvp(lambda nc: fresh.logsf(x, m, n, nc), (0.0,), (1.0,))
    np.testing.assert_array_equal(value, scipy.stats.ncf.logsf(x, m, n, 0.0))
    slopes = dd.jvp(lambda nc: stats.ncf.cdf(x, m, n, nc), (0.0,), (1.0,))[1]
    exact = np.where(np.isnan(value), np.nan, -slopes / stats.f.sf(x, m, n))
    np.testing.assert_allclose(by_nc, exact, rtol=1e-12)
    by_x = dd.jvp(lambda x: fresh.logsf(x, m, n, 0.0), (x,), (np.ones(3),))[1]
    exact = np.where(np.isnan(value), np.nan, -stats.f.pdf(x, m, n) / stats.f.sf(x, m, n))
    np.testing.assert_allclose(by_x, exact, rtol=1e-12)
    mixed = dd.jvp(lambda nc: fresh.logsf(0.5, m, n, nc), (np.array([0.0, 2.0]),), (np.ones(2),))
    alone = dd.jvp(lambda nc: fresh.logsf(0.5, m, n, nc), (np.array([2.0]),), (np.ones(1),))
    assert (mixed[0][1], mixed[1][1]) == pytest.approx((alone[0][0], alone[1][0]), rel=1e-12)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_unknown_derivatives_are_nan_at_every_order():
    def refused(df):
        return stats.t.logpdf(0.3, df)

    assert np.isnan([dd.grad(refused)(-1.0), dd.grad(dd.grad(refused))(-1.0)]).all()
    unsolved = dd.grad(lambda p: scipy.special.ncfdtrinc(3.0, 7.0, p, 2.0))
    assert np.isnan([unsolved(0.99), dd.grad(unsolved)(0.99)]).all()


FAR = {
    "cauchy": ((), 2),
    "halfcauchy": ((), 2),
    "foldcauchy": ((4.7,), 2),
    "skewcauchy": ((0.5,), 2),
    "alpha": ((3.6,), 2),
    "rel_breitwigner": ((2.0,), 4),
}


@pytest.mark.parametrize("name", FAR)
def test_densities_far_out_follow_their_power_or_are_nan(name):
    """Where the density is ``x**-n`` its slope in scale is ``n - 1`` times the density."""
    shapes, power = FAR[name]
    pdf = getattr(stats, name).pdf
    for x in (1e20, 1e40, 1e60, 1e80, 1e110, 1e140):
        value, forward = dd.jvp(lambda s, x=x: pdf(x, *shapes, 0.0, s), (1.0,), (1.0,))
        reverse = dd.grad(lambda s, x=x: pdf(x, *shapes, 0.0, s))(1.0)
        for found in (forward, reverse):
            assert np.isnan(found) or found == pytest.approx((power - 1) * value, rel=1e-9)
        assert not (np.isnan(forward) and x < 1e60)


def test_kappa4_far_out_does_not_square_its_argument():
    h = dd.grad(stats.kappa4.logcdf, argnums=1)(-1e30, -0.1, 0.1)
    assert h == pytest.approx(-66444.70918752791, rel=1e-12)


@pytest.mark.parametrize("name", ["pareto", "skewcauchy", "foldcauchy", "kappa3"])
def test_logarithms_far_out_follow_their_power_or_are_nan(name):
    """Where SciPy takes the logarithm of the density, whose slope is 0 to rounding."""
    shapes, power = {
        "pareto": ((2.6,), 2.6),
        "skewcauchy": ((0.5,), 1),
        "foldcauchy": ((4.7,), 1),
        "kappa3": ((1.0,), 1),
    }[name]
    logpdf = getattr(stats, name).logpdf
    for x in (1e20, 1e40, 1e80, 1e110, 1e150):
        found = dd.grad(lambda s, x=x: logpdf(x, *shapes, 0.0, s))(1.0)
        assert np.isnan(found) or found == pytest.approx(power, rel=1e-9)
    assert dd.grad(lambda s: stats.norm.logpdf(1e40, 0.0, s))(1.0) == pytest.approx(1e80)


def test_the_first_call_may_be_one_where_scipys_value_has_lost_digits():
    triang = Distribution(stats.triang)
    assert dd.grad(lambda x: triang.logsf(x, 0.157))(1 - 1e-8) == pytest.approx(-2e8, rel=1e-6)


def test_gamma_densities_of_tiny_numbers_do_not_underflow_before_their_end():
    assert dd.grad(special.gammainc, argnums=1)(2.0, 1e-200) == pytest.approx(1e-200, rel=1e-12)
    score = np.log(1e-200) - special.psi(2.0)
    assert dd.grad(stats.gamma.pdf, argnums=1)(1e-200, 2.0) == pytest.approx(1e-200 * score)


@pytest.mark.parametrize("x", [-1e12, -1e4, -3.0, 1.5, 90.0])
@pytest.mark.parametrize("k", [1e-3, 0.5, 1e3])
def test_exponentially_modified_normal_densities_keep_their_slopes(x, k):
    with mp.workdps(80):
        t = mp.mpf(x) - 1 / mp.mpf(k)
        hazard = mp.npdf(t) * 2 / mp.erfc(-t / mp.sqrt(2))
        slopes = (hazard - 1 / mp.mpf(k), (hazard + t) / mp.mpf(k) ** 2 - 1 / mp.mpf(k))
    found = dd.grad(lambda x, k: stats.exponnorm.logpdf(x, k), argnums=(0, 1))(x, k)
    np.testing.assert_allclose(found, np.array(slopes, float), rtol=1e-13)


def test_wrapcauchy_opposite_its_mode_has_second_derivatives():
    """There the density is level, and SciPy's tangent jumps."""
    cdf, ppf = (dd.grad(dd.grad(lambda x, f=f: f(x, 0.5))) for f in (
        stats.wrapcauchy.cdf, stats.wrapcauchy.ppf))  # fmt: skip
    assert (cdf(np.pi), ppf(0.5)) == pytest.approx((0.0, 0.0), abs=1e-12)
    slope = dd.grad(lambda x: stats.wrapcauchy.pdf(x, 0.5))(3.3)
    assert cdf(3.3) == pytest.approx(slope, rel=1e-12)
