"""Distributions whose SciPy formulas overflow, cancel or have a kink that the function has not."""

import mpmath as mp
import numpy as np
import pytest
import scipy

import dualdiff as dd
from dualdiff.rules.scipy.stats.distributions import Distribution
from dualdiff.scipy import stats

DIGITS = 350


def burr_cdf(x, c, d):
    return (1 + x**-c) ** -d


def mielke_cdf(x, k, s):
    return (1 + x**-s) ** (-k / s)


def burr_pdf(x, c, d):
    return c * d * x ** (c * d - 1) * (1 + x**c) ** (-d - 1)


def mielke_pdf(x, k, s):
    return burr_pdf(x, s, k / s)


def lomax_pdf(x, c):
    return c * (1 + x) ** (-c - 1)


def f_sf(x, m, n):
    return mp.betainc(n / 2, m / 2, 0, n / (m * x + n), regularized=True)


def ncf_sf(x, m, n, c):
    weights = (mp.exp(-c / 2) * (c / 2) ** j / mp.factorial(j) for j in range(60))
    parts = (mp.betainc(n / 2, m / 2 + j, 0, n / (m * x + n), regularized=True) for j in range(60))
    return mp.fsum(w * p for w, p in zip(weights, parts, strict=True))


def assert_exact(ours, exact, at, rel=1e-10):
    """Every derivative of `ours` agrees with differences of 60 digits."""
    for i, x in enumerate(at):
        found = dd.jvp(lambda t, i=i: ours(*at[:i], t, *at[i + 1 :]), (x,), (1.0,))[1]
        with mp.workdps(DIGITS):
            numbers = list(map(mp.mpf, at))
            h = abs(numbers[i]) * mp.mpf(10) ** -20
            high, low = (exact(*numbers[:i], numbers[i] + s, *numbers[i + 1 :]) for s in (h, -h))
            expected = float((high - low) / (2 * h))
        assert float(found) == pytest.approx(expected, rel=rel, abs=1e-290), (at, i)


@pytest.mark.parametrize("at", [(3.7e-29, 10.5, 0.1), (1.2e-19, 10.5, 0.5), (14.4, 10.5, 4.3)])
@pytest.mark.parametrize("name", ["burr", "mielke"])
def test_burrs_distributions_keep_their_digits_where_powers_are_large(name, at):
    cdf, pdf = {"burr": (burr_cdf, burr_pdf), "mielke": (mielke_cdf, mielke_pdf)}[name]
    ours = getattr(stats, name)
    assert_exact(ours.cdf, cdf, at)
    assert_exact(ours.logcdf, lambda *at: mp.log(cdf(*at)), at)
    with np.errstate(over="ignore", invalid="ignore"):
        is_known = np.isfinite(getattr(scipy.stats, name).pdf(*at))
    if is_known:
        assert_exact(ours.pdf, pdf, at)
    if name == "burr":
        assert_exact(ours.sf, lambda *at: 1 - cdf(*at), at)


def test_densities_of_high_powers_do_not_lose_their_slopes():
    assert_exact(stats.lomax.pdf, lomax_pdf, (0.5, 1000.0))
    assert_exact(stats.mielke.pdf, mielke_pdf, (2.0, 1000.0, 4.6))
    assert_exact(stats.fisk.pdf, lambda x, c: burr_pdf(x, c, 1), (0.8, 700.0))


def test_generalised_exponential_tail_beyond_the_smallest_numbers():
    def logsf(x, a, b, c):
        return -(a + b) * x + b * (1 - mp.exp(-c * x)) / c

    assert_exact(stats.genexpon.logsf, logsf, (1.0, 9.1, 1000.0, 3.3))


def test_generalised_logistic_distribution_at_its_centre_and_far_out():
    def cdf(x, c):
        return (1 + mp.exp(-x)) ** -c

    def pdf(x, c):
        return c * mp.exp(-x) * (1 + mp.exp(-x)) ** (-c - 1)

    with mp.workdps(30):
        at_zero = [float(mp.diff(lambda x: mp.log(pdf(x, 0.7)), 0, n)) for n in (1, 2)]
    by_x = dd.grad(lambda x: stats.genlogistic.logpdf(x, 0.7))
    assert [by_x(0.0), dd.grad(by_x)(0.0)] == pytest.approx(at_zero, rel=1e-13)
    assert_exact(stats.genlogistic.cdf, cdf, (-690.0, 0.1))
    assert_exact(stats.genlogistic.pdf, pdf, (-690.0, 0.1))
    assert_exact(stats.genlogistic.sf, lambda *at: 1 - cdf(*at), (-690.0, 0.1))


@pytest.mark.parametrize("at", [(1e12, 29.0, 1.0), (9e19, 29.0, 1.0), (3e9, 29.0, 0.1)])
def test_upper_tail_of_the_f_distribution(at):
    assert_exact(stats.f.sf, f_sf, at)
    assert_exact(stats.f.cdf, lambda *at: 1 - f_sf(*at), at)
    assert_exact(stats.ncf.cdf, lambda *at: 1 - ncf_sf(*at), (*at, 2.0))


def test_quantiles_of_the_f_distribution_far_out():
    """dx/dm, by the implicit rule with 60 digits."""
    m, n, q = 29.0, 1.0, 1e-6
    x = float(scipy.stats.f.isf(q, m, n))
    with mp.workdps(DIGITS):
        by_m = mp.diff(lambda m: f_sf(mp.mpf(x), m, mp.mpf(n)), mp.mpf(m))
        by_x = mp.diff(lambda x: f_sf(x, mp.mpf(m), mp.mpf(n)), mp.mpf(x))
    assert dd.grad(lambda m: stats.f.isf(q, m, n))(m) == pytest.approx(
        float(-by_m / by_x), rel=1e-8
    )


@pytest.mark.parametrize(
    ("name", "shape"), [("gennorm", 1.0), ("gennorm", 1.3), ("gennorm", 2.0), ("dweibull", 1.0)]
)
def test_at_the_centre_the_slope_is_the_density(name, shape):
    d = getattr(stats, name)
    density = 0.5 if name == "dweibull" else d.pdf(0.0, shape)
    for method, sign in (("cdf", 1), ("sf", -1), ("logcdf", 2), ("logsf", -2)):
        slope = dd.grad(lambda x, m=method: getattr(d, m)(x, shape))(0.0)
        assert slope == pytest.approx(sign * density, rel=1e-14)
        by_shape = dd.jvp(lambda b, m=method: getattr(d, m)(0.0, b), (shape,), (1.0,))[1]
        assert by_shape == 0
    for method, sign in (("ppf", 1), ("isf", -1)):
        slope = dd.grad(lambda q, m=method: getattr(d, m)(q, shape))(0.5)
        assert slope == pytest.approx(sign / density, rel=1e-14)


@pytest.mark.parametrize("a", [0.5, 1.0, 1.1, 3.0])
def test_the_median_of_dgamma_does_not_move_with_its_shape(a):
    slope = {0.5: 0.0, 1.0: 2.0}.get(a, np.inf)
    for method, sign in (("ppf", 1), ("isf", -1)):
        f = getattr(stats.dgamma, method)
        assert dd.grad(f, 0)(0.5, a) == sign * slope
        assert dd.grad(f, 1)(0.5, a) == 0
        assert dd.grad(dd.grad(f, 1), 1)(0.5, a) == 0
        mixed = dd.grad(dd.grad(f, 0), 1)(0.5, a)  # the slope is 0 for all a below 1
        assert mixed == 0 if a < 1 else np.isnan(mixed)
    assert dd.grad(stats.dgamma.median)(a) == 0
    assert dd.grad(lambda m: stats.dgamma.median(a, m, 2.0))(0.3) == 1


def test_a_value_that_has_lost_its_digits_is_no_other_release():
    """SciPy's logarithm at the number beside the end is off, where the density is 1e-33."""
    d, x = Distribution(scipy.stats.cosine), np.nextafter(-np.pi, 0)
    assert dd.grad(d.logpdf)(x) == pytest.approx(1 / np.tan((x + np.pi) / 2), rel=0.5)


@pytest.mark.parametrize("shapes", [(0.1, 0.1), (0.1, 0.0), (0.0, 0.0), (-0.1, 0.1)])
@pytest.mark.parametrize("q", [1e-30, 1e-6, 0.3])
def test_upper_quantiles_of_kappa4_have_scipys_values(q, shapes):
    d = Distribution(scipy.stats.kappa4)
    value, slope = dd.jvp(lambda q: d.isf(q, *shapes), (q,), (1.0,))
    with np.errstate(divide="ignore"):
        assert value == scipy.stats.kappa4.isf(q, *shapes)
    if q > 1e-20:
        density = scipy.stats.kappa4.pdf(value, *shapes)
        assert slope == pytest.approx(-1 / density, rel=1e-8)
    else:
        assert np.isfinite(slope)


def test_power_normal_density_far_out():
    def pdf(x, c):
        return c * mp.npdf(x) * mp.ncdf(-x) ** (c - 1)

    assert_exact(stats.powernorm.pdf, pdf, (26.5, 0.001))


def test_noncentral_f_distribution_where_the_density_overflows():
    """Of 0.1 degrees of freedom next to 0: SciPy's central density is beyond the largest number."""
    slope = dd.grad(lambda x: stats.ncf.cdf(x, 0.1, 27.0, 0.4))(1e-30)
    assert slope == pytest.approx(scipy.stats.ncf.pdf(1e-30, 0.1, 27.0, 0.4), rel=1e-10)


def test_rice_distribution_in_its_lower_tail():
    x, b = 988.5, 1000.0
    with mp.workdps(40):

        def density(t):
            return t * mp.exp(-((t - b) ** 2) / 2 - t * b) * mp.besseli(0, t * b)

        exact = density(mp.mpf(x)) / mp.quad(density, [x - 8, x - 2, x - 0.5, x])
    assert dd.grad(lambda x: stats.rice.logcdf(x, b))(x) == pytest.approx(float(exact), rel=1e-6)


def test_probabilities_of_the_last_integer_are_0_and_1():
    """By SciPy's formula, 1 minus a sum, it may be less than 0, whose logarithm is NaN."""
    d, x = Distribution(scipy.stats.betabinom), np.arange(6.0)
    for method in ("logsf", "sf", "cdf", "logcdf"):
        with np.errstate(divide="ignore"):
            expected = getattr(scipy.stats.betabinom, method)(x, 5, 2.3, 0.63)
        value, found = dd.jvp(lambda a, m=method: getattr(d, m)(x, 5, a, 0.63), (2.3,), (1.0,))
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        assert found[-1] == 0
        assert (found[:-1] != 0).all()
