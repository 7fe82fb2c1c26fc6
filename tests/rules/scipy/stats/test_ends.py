"""Distributions at the ends of their supports, and of supports that are cut off."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import dualdiff as dd
from tests.versions import OLD_SCIPY, before

# Distributions with a density at an end, or none: there formulas divide 0 by 0.
ENDS = [
    ("alpha", (3.57,), 0.0), ("burr", (10.5, 4.3), 0.0), ("exponweib", (2.9, 1.95), 0.0),
    ("fatiguelife", (2.9,), 0.0), ("fisk", (3.1,), 0.0), ("gengamma", (4.4, -3.1), 0.0),
    ("geninvgauss", (2.3, 1.5), 0.0), ("gibrat", (), 0.0), ("halfgennorm", (0.67,), 0.0),
    ("invgamma", (4.1,), 0.0), ("invgauss", (0.15,), 0.0), ("invweibull", (10.58,), 0.0),
    ("johnsonsb", (4.3, 3.2), 1.0), ("kappa4", (-0.1, 0.1), 10.0), ("kstwobign", (), 0.0),
    ("levy", (), 0.0), ("lognorm", (0.95,), 0.0), ("ncx2", (21.0, 1.06), 0.0),
    ("powerlognorm", (2.1, 0.45), 0.0), ("recipinvgauss", (0.63,), 0.0),
    ("semicircular", (), 1.0), ("argus", (1.0,), 1.0), ("wald", (), 0.0),
    ("truncnorm", (-1.1, 2.7), -1.1), ("truncnorm", (0.1, 2.0), 2.0),
    ("truncpareto", (1.8, 5.3), 5.3), ("truncweibull_min", (2.5, 0.25, 1.75), 0.25),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shapes", "end"), ENDS)
def test_the_slope_of_a_probability_at_an_end_is_the_density(name, shapes, end):
    source = getattr(stats, name)
    with np.errstate(all="ignore"):
        density = source.pdf(end, *shapes)
        for method, sign in (("cdf", 1.0), ("sf", -1.0)):
            f = getattr(source, method)
            value, slope = dd.jvp(lambda x, f=f: f(x, *shapes), (end,), (1.0,))
            assert value == f(end, *shapes)
            assert slope == pytest.approx(sign * density, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("method", ["pdf", "logpdf", "cdf", "logsf"])
@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("weibull_min", (1.0,)),
        ("weibull_min", (2.0,)),
        ("genexpon", (1.0, 2.0, 3.0)),
        ("expon", ()),
    ],
)
def test_a_scale_below_0_beside_others_has_nan_alone(name, shapes, method):
    f = lambda scale: getattr(getattr(stats, name), method)(0.0, *shapes, 0.0, scale)  # noqa: E731
    scales = np.array([2.0, -1.0, 0.5])
    value, slope = dd.jvp(f, (scales,), (np.ones(3),))
    np.testing.assert_array_equal(value, f(scales))
    alone = [dd.derivative(f)(scale) for scale in (2.0, 0.5)]
    np.testing.assert_allclose(slope, [alone[0], np.nan, alone[1]], rtol=1e-14)


@pytest.mark.parametrize(("name", "shapes", "end"), [e for e in ENDS if e[2] == 0 and e[1]])
def test_probabilities_at_a_fixed_end_do_not_move_with_a_shape(name, shapes, end):
    for method in ("cdf", "sf", "logsf"):
        with np.errstate(all="ignore"):
            slopes = dd.grad(lambda *s, m=method: getattr(getattr(stats, name), m)(end, *s),
                             argnums=tuple(range(len(shapes))))(*shapes)  # fmt: skip
        assert slopes == pytest.approx((0.0,) * len(shapes), abs=1e-50)


@pytest.mark.parametrize(
    ("f", "shapes", "slopes"),
    [
        (lambda c, d: stats.trapezoid.logpdf(0.0, c, d), (0.2, 0.8), (-4.375, -0.625)),
        (lambda c: stats.triang.logpdf(1.0, c), (0.25,), (4 / 3,)),
        (lambda b: stats.rice.logpdf(0.0, b), (0.75,), (-0.75,)),
    ],
)
def test_the_logarithm_of_a_density_that_vanishes_has_the_slope_beside(f, shapes, slopes):
    with np.errstate(all="ignore"):
        assert f(*shapes) == -np.inf
        found = dd.grad(f, argnums=tuple(range(len(shapes))))(*shapes)
    assert found == pytest.approx(slopes, rel=1e-12)


def test_an_infinite_density_does_not_stand_still_with_its_shape():
    with np.errstate(all="ignore"):
        by_a, by_b = dd.grad(lambda a, b: stats.beta.pdf(1.0, a, b), argnums=(0, 1))(2.3, 0.63)
    assert by_a > 100
    assert by_b < -1000


@pytest.mark.parametrize(
    ("f", "at", "slopes"),
    [  # the density at an end is the other shape where its own is 1
        (stats.beta.pdf, (0.0, 1.0, 2.0), (-2.0, -np.inf, 1.0)),
        (stats.beta.pdf, (1.0, 3.0, 1.0), (6.0, 1.0, -np.inf)),
        (stats.beta.pdf, (0.0, 1.5, 2.0), (np.inf, 0.0, 0.0)),
        (stats.beta.logpdf, (0.0, 1.0, 2.0), (-1.0, np.nan, 0.5)),
        (stats.beta.logpdf, (1.0, 3.0, 1.0), (2.0, 1 / 3, np.nan)),
        (stats.gamma.pdf, (0.0, 1.0), (-1.0, -np.inf)),
        (stats.chi2.pdf, (0.0, 3.0), (np.inf, 0.0)),
        (stats.weibull_min.pdf, (0.0, 1.0), (-1.0, np.nan)),
        (stats.weibull_min.pdf, (0.0, 2.0), (2.0, 0.0)),
        (lambda x: stats.burr.pdf(x, 1.0, 1.0), (0.0,), (-2.0,)),  # SciPy has a formula for 0 alone
        (lambda x: stats.genextreme.logpdf(x, 1.0), (1.0,), (1.0,)),
        (lambda x: stats.trapezoid.logpdf(x, 1.0, 1.0), (1.0,), (1.0,)),
        pytest.param(
            lambda x: stats.tukeylambda.cdf(x, 3.0),
            (-1 / 3,),
            (1.0,),
            marks=before("1.15.0", "no ends of its support"),
        ),
        (lambda x: stats.gausshyper.cdf(x, 1.0, 1.0, 1.0, 1.0), (0.0,), (1 / np.log(2.0),)),
        (lambda x: stats.exponweib.pdf(x, 1.0, 1.0), (1e-20,), (-1.0,)),
    ],
)
def test_slopes_at_an_end_are_those_inside(f, at, slopes):
    with np.errstate(all="ignore"):
        found = dd.grad(f, argnums=tuple(range(len(at))))(*at)
    assert found == pytest.approx(slopes, rel=1e-12, abs=1e-50, nan_ok=True)


@pytest.mark.parametrize("c", [1.01, 1.1])
def test_a_slope_that_has_not_come_to_its_limit_beside_an_end_is_unknown(c):
    with np.errstate(all="ignore"):
        assert np.isnan(dd.grad(lambda c: stats.weibull_min.pdf(0.0, c))(c))


def test_second_derivatives_of_gamma_densities_that_start_at_one():
    for f in (lambda x: stats.gamma.pdf(x, 1.0), lambda m: stats.poisson.pmf(0, m)):
        assert dd.grad(dd.grad(f))(0.0) == 1


def mass(low, high):
    low, high = (-high, -low) if low > 0 else (low, high)
    return mp.ncdf(high) - mp.ncdf(low)


def exact(f, at):
    with mp.workdps(50):
        n = len(at)
        at = tuple(map(mp.mpf, at))
        return [float(mp.diff(f, at, tuple(int(i == j) for i in range(n)))) for j in range(n)]


@pytest.mark.parametrize("at", [(0.3, -1.1, 2.7), (5.5, 5.0, 7.0), (-39.0, -40.0, -38.0)])
def test_a_truncated_normal_distribution_in_all_arguments(at):
    with np.errstate(all="ignore"):
        for method, f in (
            ("logpdf", lambda x, a, b: mp.log(mp.npdf(x) / mass(a, b))),
            ("cdf", lambda x, a, b: mass(a, x) / mass(a, b)),
            ("sf", lambda x, a, b: mass(x, b) / mass(a, b)),
            ("logcdf", lambda x, a, b: mp.log(mass(a, x) / mass(a, b))),
            ("logsf", lambda x, a, b: mp.log(mass(x, b) / mass(a, b))),
        ):
            found = dd.grad(getattr(stats.truncnorm, method), argnums=(0, 1, 2))(*at)
            assert found == pytest.approx(exact(f, at), rel=1e-10, abs=1e-290), method
        q = 1e-10
        for method, upper in (("ppf", False), ("isf", True)):
            a, b = at[1:]
            x = float(getattr(stats.truncnorm, method)(q, a, b))
            found = dd.grad(getattr(stats.truncnorm, method), argnums=(1, 2))(q, a, b)
            density = mp.npdf(x) / mass(mp.mpf(a), mp.mpf(b))
            share = 1 - q if upper else q
            by_a = (1 - mp.mpf(share)) * mp.npdf(a) / mp.npdf(x)
            by_b = mp.mpf(share) * mp.npdf(b) / mp.npdf(x)
            assert found == pytest.approx((float(by_a), float(by_b)), rel=1e-7)
            slope = dd.grad(lambda q, m=method: getattr(stats.truncnorm, m)(q, a, b))(q)  # noqa: B023
            assert slope == pytest.approx(float((-1 if upper else 1) / density), rel=1e-10)


NEGATIVE = before("1.15.0", "no negative exponents")


@pytest.mark.parametrize(
    "b", [1e-6, pytest.param(-1e-6, marks=NEGATIVE), 1.8, pytest.param(-2.0, marks=NEGATIVE)]
)
def test_a_truncated_pareto_distribution_near_no_exponent(b):
    def part(low, high, b):
        return low**-b - high**-b

    x, c, one = 2.5, 5.0, mp.mpf(1)
    with np.errstate(all="ignore"):
        for method, f in (
            ("logpdf", lambda x, b, c: mp.log(b * x ** (-b - 1) / part(one, c, b))),
            ("cdf", lambda x, b, c: part(one, x, b) / part(one, c, b)),
            ("sf", lambda x, b, c: part(x, c, b) / part(one, c, b)),
        ):
            found = dd.grad(getattr(stats.truncpareto, method), argnums=(0, 1, 2))(x, b, c)
            assert found == pytest.approx(exact(f, (x, b, c)), rel=1e-11), method
        for method, f in (
            ("ppf", lambda q, b, c: (1 - q * part(one, c, b)) ** (-1 / b)),
            ("isf", lambda q, b, c: (c**-b + q * part(one, c, b)) ** (-1 / b)),
        ):
            found = dd.grad(getattr(stats.truncpareto, method), argnums=(0, 1, 2))(0.3, b, c)
            assert found == pytest.approx(exact(f, (0.3, b, c)), rel=1e-11), method


def test_a_weibull_distribution_cut_off_at_zero_and_infinity_is_the_whole_one():
    with np.errstate(all="ignore"):
        for method, at in (("logpdf", 0.6), ("cdf", 0.6), ("sf", 3.0), ("ppf", 0.3), ("isf", 0.01)):
            f = getattr(stats.truncweibull_min, method)
            cut = dd.grad(lambda x, c, f=f: f(x, c, 0.0, np.inf), argnums=(0, 1))(at, 1.0)
            whole = dd.grad(getattr(stats.weibull_min, method), argnums=(0, 1))(at, 1.0)
            assert cut == pytest.approx(whole, rel=1e-11), method
        moment = dd.grad(lambda c: stats.truncweibull_min.moment(2, c, 0.0, np.inf))(1.5)
        assert moment == pytest.approx(dd.grad(lambda c: stats.weibull_min.moment(2, c))(1.5))


@pytest.mark.parametrize("lam", [1e-9, 1e-4, 0.5, 30.0])
def test_a_geometric_distribution_of_few_integers_near_the_uniform_one(lam):
    n, k = 19, 5

    def mean(t):
        weights = [mp.exp(-t * j) for j in range(n)]
        return mp.fsum(j * w for j, w in enumerate(weights)) / mp.fsum(weights)

    def below(t, count):
        return mp.fsum(mp.exp(-t * j) for j in range(count))

    for f, true in (
        (lambda t: stats.boltzmann.pmf(k, t, n), lambda t: mp.exp(-t * k) / below(t, n)),
        (lambda t: stats.boltzmann.cdf(k, t, n), lambda t: below(t, k + 1) / below(t, n)),
        (lambda t: stats.boltzmann.sf(k, t, n), lambda t: 1 - below(t, k + 1) / below(t, n)),
        (lambda t: stats.boltzmann.mean(t, n), mean),
        (lambda t: stats.boltzmann.var(t, n), lambda t: -mp.diff(mean, t)),
    ):
        with mp.workdps(40), np.errstate(all="ignore"):
            slopes = [float(mp.diff(true, mp.mpf(lam), order)) for order in (1, 2)]
            found = [dd.grad(f)(lam), dd.grad(dd.grad(f))(lam)]
        assert found == pytest.approx(slopes, rel=1e-9, abs=1e-14)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 has another formula near 0")
def test_a_tail_of_exponweib_that_underflows_does_not_stop_its_derivatives():
    with np.errstate(all="ignore"):
        slopes = dd.grad(stats.exponweib.sf, argnums=(0, 1, 2))(1e-9, 2.9, 1.95)
    assert np.all(np.isfinite(slopes))
    t = mp.mpf("1e-9")
    true = exact(lambda x, a, c: -((-mp.expm1(-(x**c))) ** a), (t, 2.9, 1.95))
    assert slopes == pytest.approx(true, rel=1e-9)
