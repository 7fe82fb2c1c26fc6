"""Distributions that SciPy computes by compiled code, against integrals to 24 digits."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import dualdiff as dd
from tests.rules.scipy.special.tables import real
from tests.rules.table import A, rule_tests


def irwinhall(name):
    """A function of x for three summands."""
    return lambda x: getattr(stats.irwinhall, name)(x, 3)


def pearson3_cdf(x, skew):
    return stats.pearson3.cdf(x, skew)


def pearson3_sf(x, skew):
    return stats.pearson3.sf(x, skew)


X = A(2, low=0.3, high=0.9)
ROWS = [
    real(stats.vonmises.cdf, X, 1.3),
    real(stats.geninvgauss.cdf, X, 1.3, 0.7),
    real(pearson3_cdf, X, 0.1),
    real(pearson3_sf, X, -0.1),
    *(real(irwinhall(n), X) for n in ("pdf", "cdf") if hasattr(stats, "irwinhall")),
]
TestRules = rule_tests(ROWS)


def slopes(f, at):
    return [dd.grad(f, argnums=i)(*at) for i in range(len(at))]


def exact(f, at):
    with mp.workdps(24):
        at = [mp.mpf(a) for a in at]
        return [float(mp.diff(f, at, tuple(int(i == j) for j in range(len(at))))) for i in
                range(len(at))]  # fmt: skip


def vonmises(x, kappa):
    part = mp.quad(lambda t: mp.exp(kappa * mp.cos(t)), mp.linspace(0, x, 3))
    return part / (2 * mp.pi * mp.besseli(0, kappa))


def geninvgauss(x, p, b):
    part = mp.quad(lambda t: t ** (p - 1) * mp.exp(-b * (t + 1 / t) / 2), mp.linspace(0, x, 4))
    return part / (2 * mp.besselk(p, b))


def pearson3(x, skew):
    a = 4 / skew**2
    return mp.gammainc(a, 0, a * (1 + skew * x / 2), regularized=True)


def dpareto_lognorm(x, u, s, a, b):
    z = (mp.log(x) - u) / s

    def part(c, t):
        return mp.exp(c * c * s * s / 2 + c * t * s) * mp.ncdf(-c * s - t)

    return mp.ncdf(z) - (b * part(a, -z) - a * part(b, z)) / (a + b)


@pytest.mark.parametrize(
    ("distribution", "cdf", "at"),
    [
        (stats.vonmises, vonmises, (0.4, 1.3)),
        (stats.vonmises, vonmises, (-2.4, 1.3)),
        (stats.vonmises, vonmises, (0.3, 30.0)),
        (stats.geninvgauss, geninvgauss, (0.5, 1.3, 0.4)),
        (stats.geninvgauss, geninvgauss, (3.0, -2.3, 1.5)),
        (stats.pearson3, pearson3, (0.6, 0.7)),
        (getattr(stats, "dpareto_lognorm", None), dpareto_lognorm, (2.3, 0.4, 1.2, 1.5, 2.0)),
    ],
)
def test_distribution_functions_and_quantiles_in_all_parameters(distribution, cdf, at):
    if distribution is None:
        pytest.skip("this release of SciPy has no such distribution")
    by_x, *by_shapes = exact(cdf, at)
    assert slopes(distribution.cdf, at) == pytest.approx([by_x, *by_shapes], rel=1e-12)
    for i, slope in enumerate(slopes(distribution.logpdf, at)):
        low, high = (distribution.logpdf(*at[:i], at[i] + h, *at[i + 1 :]) for h in (-1e-5, 1e-5))
        assert slope == pytest.approx((high - low) / 2e-5, rel=1e-7)
    q = float(distribution.cdf(*at))
    found = slopes(distribution.ppf, (q, *at[1:]))
    assert found == pytest.approx([1 / by_x, *(-s / by_x for s in by_shapes)], rel=1e-9)


def test_pearson3_at_no_skewness_has_the_derivative_of_the_limit():
    x = 0.6
    density = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)
    by_skew = [dd.grad(lambda s, f=f: f(x, s))(0.0) for f in (stats.pearson3.logpdf,
               stats.pearson3.cdf)]  # fmt: skip
    assert by_skew == pytest.approx([(x**3 - 3 * x) / 6, -(x * x - 1) / 6 * density], rel=1e-14)
    assert dd.grad(lambda s: stats.pearson3.logpdf(-6.0, s))(0.7) == 0.0  # off the support


@pytest.mark.parametrize("name", ["logpdf", "pdf", "cdf", "sf", "ppf", "isf"])
def test_pearson3_at_no_skewness_has_higher_derivatives(name):
    """Those of the polynomial through SciPy's values on both sides."""
    at = 0.3 if name in ("ppf", "isf") else 0.6
    skew = 0.5 * np.cos(np.pi * (np.arange(16) + 0.5) / 16)
    function = getattr(stats.pearson3, name)
    values = [function(at, s) for s in skew]
    near = np.polynomial.Polynomial.fit(skew, values, 15).convert().coef
    by_skew = dd.grad(dd.grad(lambda s: function(at, s)))
    assert by_skew(0.0) == pytest.approx(2 * near[2], rel=1e-6)
    assert dd.grad(by_skew)(0.0) == pytest.approx(6 * near[3], rel=1e-4)


def cornish_fisher(q, s):
    """The quantile beside the normal one, and two derivatives of it (Goldberg and Levine 1946)."""
    z = stats.norm.ppf(q)
    one, two, three = (z**2 - 1) / 6, z * (z**2 - 7) / 144, -(3 * z**4 + 7 * z**2 - 16) / 6480
    return one + 2 * s * two + 3 * s**2 * three, 2 * two + 6 * s * three


@pytest.mark.parametrize("skew", [0.0, 1e-9, -1e-5, 2e-5, -1e-4])
def test_pearson3_near_the_normal_distribution_has_both_orders_in_skewness(skew):
    x, q = 2.2, 0.3
    for f in (stats.pearson3.logpdf, stats.pearson3.pdf, stats.pearson3.sf):
        by_skew = dd.grad(lambda s, f=f: f(x, s))
        # From first derivatives at skewnesses that are no special case.
        pairs = [(by_skew(skew - h), by_skew(skew + h), h) for h in (1e-3, 2e-3)]
        near, far = ((low + high) / 2 for low, high, _ in pairs)
        assert by_skew(skew) == pytest.approx((4 * near - far) / 3, rel=1e-9)
        near, far = ((high - low) / (2 * h) for low, high, h in pairs)
        assert dd.grad(by_skew)(skew) == pytest.approx((4 * near - far) / 3, rel=1e-8)
    by_skew = dd.grad(lambda s: stats.pearson3.ppf(q, s))
    found = by_skew(skew), dd.grad(by_skew)(skew)
    assert found == pytest.approx(cornish_fisher(q, skew), rel=1e-8)


@pytest.mark.parametrize("skew", [0.01, -0.1, 0.19, -0.3])
def test_pearson3_of_mild_skewness_keeps_its_digits_in_both_orders(skew):
    def by_mpmath(s):
        a = 4 / s**2
        lower = mp.gammainc(a, 0, a * (1 + s * mp.mpf("1.7") / 2), regularized=True)
        return lower if s > 0 else 1 - lower

    with mp.workdps(60):
        want = [float(mp.diff(by_mpmath, skew, n, h=mp.mpf("1e-15"))) for n in (1, 2)]
    by_skew = dd.grad(lambda s: stats.pearson3.cdf(1.7, s))
    assert by_skew(skew) == pytest.approx(want[0], rel=1e-11)
    assert dd.grad(by_skew)(skew) == pytest.approx(want[1], rel=1e-9)


def test_irwinhall_by_densities_of_fewer_summands():
    if not hasattr(stats, "irwinhall"):
        pytest.skip("this release of SciPy has no such distribution")
    x, n = 1.3, 4
    slope = stats.irwinhall.pdf(x, n - 1) - stats.irwinhall.pdf(x - 1, n - 1)
    assert dd.grad(stats.irwinhall.pdf)(x, n) == pytest.approx(slope, rel=1e-12)
    assert dd.grad(stats.irwinhall.cdf)(x, n) == pytest.approx(stats.irwinhall.pdf(x, n), rel=1e-12)
    assert dd.grad(stats.irwinhall.cdf)(0.3, 1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "at", "slope"),
    [
        ("rayleigh.pdf", (0.0,), 1.0),
        ("chi.pdf", (0.0, 2.0), 1.0),
        ("burr12.pdf", (0.0, 2.0, 1.5), 3.0),
        ("rdist.pdf", (1.0, 4.0), -1.5),
        ("genextreme.cdf", (2.5, 0.4), 0.0),
        ("johnsonsb.pdf", (1.0, 1.0, 1.0), 0.0),
        ("expon.ppf", (0.0,), 1.0),
        ("expon.isf", (1.0,), -1.0),
        ("expon.ppf", (1.0,), np.inf),
        ("uniform.ppf", (1.0, 2.0, 3.0), 3.0),
    ],
)
def test_at_the_ends_of_the_support_the_slope_is_that_inside(name, at, slope):
    method = name.split(".")
    f = getattr(getattr(stats, method[0]), method[1])
    value, found = dd.jvp(lambda x: f(x, *at[1:]), at[:1], (1.0,))
    assert value == f(*at)
    assert found == pytest.approx(slope, rel=1e-13)


def test_derivatives_at_an_end_leave_numpys_warnings_as_they_are():
    before = np.geterr()
    dd.grad(stats.rayleigh.pdf)(0.0)
    assert np.geterr() == before


def test_quantiles_of_0_and_1_move_with_the_ends_of_the_support():
    assert dd.grad(lambda m: stats.uniform.ppf(1.0, m, 3.0))(2.0) == 1.0
    assert dd.grad(lambda c: stats.genpareto.ppf(1.0, c))(-0.5) == pytest.approx(4.0)
    assert dd.grad(lambda m: stats.cauchy.ppf(0.0, m))(2.0) == 1.0
    assert dd.grad(lambda s: stats.levy_l.pdf(0.0, 0.0, s))(2.0) == 0.0


def test_means_under_a_density_that_jumps_at_a_moving_end_raise():
    with pytest.raises(dd.errors.UnsupportedInputError, match="jumps"):
        dd.grad(lambda s: stats.pearson3.expect(np.cos, args=(s,)))(-2.0)
    assert np.isfinite(dd.grad(lambda s: stats.pearson3.expect(np.cos, args=(s,)))(-1.0))


def hyperbolic(x, a, b):
    """The case p = 1 of the generalised hyperbolic distribution, whose density is elementary."""
    root = mp.sqrt(a * a - b * b)
    part = mp.quad(lambda t: mp.exp(b * t - a * mp.sqrt(1 + t * t)), [-50, -10, -3, x])
    return part * root / (2 * a * mp.besselk(1, root))


def test_hyperbolic_distributions_in_all_parameters():
    x, p, a, b = at = 0.5, 1.0, 1.9, -0.5
    by_x, *by_shapes = exact(hyperbolic, (x, a, b))
    found = slopes(stats.genhyperbolic.cdf, at)
    assert [found[0], *found[2:]] == pytest.approx([by_x, *by_shapes], rel=1e-12)
    assert slopes(stats.genhyperbolic.sf, at) == pytest.approx([-s for s in found], rel=1e-9)
    for name in ("cdf", "logpdf"):
        function = getattr(stats.genhyperbolic, name)
        change = (function(x, p + 1e-3, a, b) - function(x, p - 1e-3, a, b)) / 2e-3
        assert slopes(function, at)[1] == pytest.approx(change, rel=1e-5)
    q = float(stats.genhyperbolic.cdf(*at))
    quantile = slopes(stats.genhyperbolic.ppf, (q, *at[1:]))
    assert quantile == pytest.approx([1 / by_x, *(-s / by_x for s in found[1:])], rel=1e-9)
    for name in ("cdf", "logsf", "logpdf"):
        special_case = slopes(getattr(stats.norminvgauss, name), (x, a, b))
        general = slopes(getattr(stats.genhyperbolic, name), (x, -0.5, a, b))
        assert special_case == pytest.approx([general[0], *general[2:]], rel=1e-9)


def curvatures(f, x):
    """The second derivative by both modes twice."""
    return [dd.grad(dd.grad(f))(x), dd.derivative(dd.derivative(f))(x), dd.hessian(f)(x)]


@pytest.mark.parametrize(
    ("distribution", "shapes"),
    [
        (stats.vonmises, (1.3,)),
        (stats.argus, (1.0,)),
        (stats.foldnorm, (1.95,)),
        (stats.exponnorm, (1.5,)),
        (stats.rel_breitwigner, (36.5,)),
        (stats.geninvgauss, (2.3, 1.5)),
    ],
)
def test_quantiles_that_scipy_finds_by_iteration_have_second_derivatives(distribution, shapes):
    x = float(distribution.ppf(0.4, *shapes))
    q, tail = (float(f(x, *shapes)) for f in (distribution.cdf, distribution.sf))
    h = 1e-4 * abs(x)
    steps = np.array([distribution.pdf(x + k * h, *shapes) for k in (-2, -1, 1, 2)])
    density, slope = distribution.pdf(x, *shapes), steps @ [1, -8, 8, -1] / (12 * h)
    right = pytest.approx(-slope / density**3, rel=1e-6)
    assert [*curvatures(lambda q: distribution.ppf(q, *shapes), q)] == [right] * 3
    assert [*curvatures(lambda q: distribution.isf(q, *shapes), tail)] == [right] * 3


def test_quantiles_found_by_iteration_have_second_derivatives_in_shapes():
    by_shape = dd.grad(lambda c: stats.foldnorm.ppf(0.4, c))
    steps = np.array([by_shape(1.2 + k * 1e-3) for k in (-2, -1, 1, 2)])
    right = pytest.approx(steps @ [1, -8, 8, -1] / 12e-3, rel=1e-8)
    assert [*curvatures(lambda c: stats.foldnorm.ppf(0.4, c), 1.2)] == [right] * 3
    mixed = dd.grad(dd.grad(stats.foldnorm.ppf, 1), 0)(0.4, 1.2)
    by_q = [dd.grad(stats.foldnorm.ppf)(0.4, 1.2 + k * 1e-4) for k in (-1, 1)]
    assert mixed == pytest.approx((by_q[1] - by_q[0]) / 2e-4, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "at", "curvature"),
    [
        ("expon.ppf", (0.0,), 1.0),  # -log(1 - q)
        ("expon.isf", (1.0,), 1.0),
        ("pareto.ppf", (0.0, 2.0), 0.75),  # (1 - q)**-0.5
        ("halfcauchy.ppf", (0.0,), 0.0),  # tan(pi q / 2)
        ("beta.ppf", (0.0, 1.0, 2.0), 0.25),  # 1 - sqrt(1 - q)
        ("beta.isf", (0.0, 2.0, 1.0), -0.25),  # sqrt(1 - q)
        ("norm.ppf", (0.0,), np.nan),
    ],
)
def test_quantiles_of_0_and_1_have_second_derivatives(name, at, curvature):
    method = name.split(".")
    f = getattr(getattr(stats, method[0]), method[1])
    right = pytest.approx(curvature, rel=1e-13, nan_ok=True)
    assert [*curvatures(lambda q: f(q, *at[1:]), at[0])] == [right] * 3


@pytest.mark.parametrize("name", ["ppf", "isf"])
@pytest.mark.parametrize(
    ("distribution", "shapes"),
    [(stats.norminvgauss, (1.25, 0.5)), (stats.genhyperbolic, (0.5, 1.0, 0.2))],
)
def test_second_derivatives_of_hyperbolic_quantiles(distribution, shapes, name):
    """By q they follow from the density, by a shape from the probability of the quantile."""
    q, (*before, a, b) = 0.3, shapes
    quantile = getattr(distribution, name)
    probability = distribution.cdf if name == "ppf" else distribution.sf
    x = quantile(q, *shapes)
    steepness = dd.grad(lambda x: distribution.logpdf(x, *shapes))(x)
    found = dd.grad(dd.grad(lambda q: quantile(q, *shapes)))(q)
    assert found == pytest.approx(-steepness / distribution.pdf(x, *shapes) ** 2, rel=1e-8)

    def unmoved(a):
        return probability(quantile(q, *before, a, b), *before, a, b)

    assert dd.grad(dd.grad(unmoved))(a) == pytest.approx(0.0, abs=1e-8)
