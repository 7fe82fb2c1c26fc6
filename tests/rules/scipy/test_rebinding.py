"""SciPy's own Python code on traced values: every distribution, summaries, tests, fit."""

import numpy as np
import pytest
import scipy.special
import scipy.stats as stats
from scipy.stats._distr_params import distcont

import dualdiff as dd
from dualdiff.errors import ChangedPrivateNameError, MissingRuleError, UnsupportedInputError
from dualdiff.rules.scipy.stats.distributions import Distribution

S, T = dd.scipy.stats, dd.scipy.special
# Compiled code, or seconds for a value.
SLOW = {"genhyperbolic", "gausshyper", "kstwo", "ksone", "levy_stable", "studentized_range"}
COMPILED = {"vonmises", "vonmises_line", "geninvgauss"}
# erlang and irwinhall take integers, pearson3 and dpareto_lognorm store into plain arrays, and
# kappa4 has limits at zero.
LEFT_OUT = {"erlang", "irwinhall", "pearson3", "dpareto_lognorm"} | SLOW
CASES = [
    (n, tuple(map(float, s)))
    for n, s in distcont
    if isinstance(n, str) and n not in LEFT_OUT and not (n == "kappa4" and 0.0 in s)
]


def central(f, x):
    h = 1e-5 * max(1.0, abs(x))
    return (np.asarray(f(x + h)) - np.asarray(f(x - h))) / (2 * h)


def check(f, unbox, x, rtol=2e-5):
    """Value and derivative of a function of one number, in both modes."""
    value, slope = dd.jvp(f, (x,), (1.0,))
    np.testing.assert_allclose(value, unbox(x), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(slope, central(unbox, x), rtol=rtol, atol=1e-7)
    pulled = dd.grad(lambda x: np.sum(f(x)))(x)
    np.testing.assert_allclose(pulled, np.sum(slope), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "shapes"), CASES, ids=[n for n, _ in CASES])
def test_densities_have_derivatives_in_every_shape(name, shapes):
    ours, theirs = getattr(S, name), getattr(stats, name)
    x = theirs.ppf([0.2, 0.6], *shapes)
    methods = ("logpdf",) if name in COMPILED or shapes == () else ("logpdf", "cdf")
    for method in methods:
        for i in range(len(shapes)):

            def call(d, t, i=i, method=method):
                return getattr(d, method)(x, *shapes[:i], t, *shapes[i + 1 :])

            check(lambda t: call(ours, t), lambda t: call(theirs, t), shapes[i])


@pytest.mark.parametrize(
    ("name", "call", "x"),
    [
        ("gamma", lambda d, a: d.mean(a, 0.1, 1.3), 1.7),
        ("gamma", lambda d, a: d.std(a, 0.1, 1.3), 1.7),
        ("gamma", lambda d, a: d.entropy(a, 0.1, 1.3), 1.7),
        ("gamma", lambda d, a: np.stack(d.stats(a, moments="mvsk")), 1.7),
        ("gamma", lambda d, a: d.moment(3, a), 1.7),
        ("gamma", lambda d, a: np.stack(d.interval(0.9, a)), 1.7),
        ("gamma", lambda d, a: d.median(a), 1.7),
        ("gamma", lambda d, a: d.support(1.5, a)[0], 0.3),
        ("gamma", lambda d, a: d.nnlf((a, 0.0, 1.2), np.array([0.5, 1.5, 2.5])), 1.7),
        ("gamma", lambda d, a: d(a, scale=2.0).var(), 1.7),
        ("gamma", lambda d, a: d(a, scale=a).logsf(1.2), 1.7),
        ("norm", lambda d, m: d.expect(lambda x: x**2, loc=m), 0.3),
        ("genextreme", lambda d, c: d.entropy(c), 0.2),
        ("skewnorm", lambda d, a: d.ppf(0.3, a), 1.2),
        ("johnsonsu", lambda d, a: d.isf([0.1, 0.7], a, 1.4), 1.2),
        ("nbinom", lambda d, p: d.logpmf(np.arange(4), 2.5, p), 0.4),
        ("binom", lambda d, p: d.cdf(np.arange(4), 5, p), 0.4),
        ("zipf", lambda d, a: d.pmf(np.arange(1, 4), a), 2.4),
        ("geom", lambda d, p: d.entropy(p), 0.4),
    ],
)
def test_moments_quantiles_and_discrete_distributions(name, call, x):
    ours, theirs = getattr(S, name), getattr(stats, name)
    check(lambda t: call(ours, t), lambda t: call(theirs, t), x)


def test_kinks_do_not_spoil_expectations():
    slope = dd.grad(lambda m: S.laplace.expect(np.abs, loc=m))(0.3)
    assert slope == pytest.approx(1 - np.exp(-0.3), rel=1e-8)  # E|x| = m + exp(-m)


@pytest.mark.parametrize("a", [0.3, 0.5, 3.0, 30.0])
def test_entropies_keep_their_digits_where_the_density_is_singular(a):
    trigamma = scipy.special.polygamma
    exact = (a + 6) * trigamma(1, a + 6) - (a - 1) * trigamma(1, a)
    slope = dd.grad(lambda a: S.betaprime.entropy(a, 6.0))(a)
    assert slope == pytest.approx(exact, rel=1e-9)


A, B = np.array([1.0, 2.0, 4.0, 3.3]), np.array([1.5, 2.5, 2.0, 4.2])
K = np.arange(4)


@pytest.mark.parametrize(
    "call",
    [
        lambda s, t: s.skew(A * t**K),
        lambda s, t: s.kurtosis(A * t**K),
        lambda s, t: s.zscore(A * t**K),
        lambda s, t: s.gmean(A * t**K),
        lambda s, t: s.hmean(A * t**K),
        lambda s, t: s.pearsonr(A * t**K, B)[0],
        lambda s, t: s.ttest_ind(A * t**K, B)[1],
        lambda s, t: s.ttest_1samp(A * t**K, 1.0)[0],
        lambda s, t: s.gaussian_kde(A * t**K)(np.array([1.5, 2.0])),
        lambda s, t: s.gaussian_kde(A * t**K).logpdf(np.array([1.5, 2.0])),
        lambda s, t: s.multivariate_t.logpdf(A[:2] * t, np.zeros(2), np.eye(2) * t, df=3),
        lambda s, t: s.wishart.logpdf(np.eye(2) * 2.0, 3, np.eye(2) * t),
        lambda s, t: s.invwishart.logpdf(np.eye(2) * 2.0, 3, np.eye(2) * t),
        lambda s, t: s.matrix_normal.logpdf(np.eye(2), np.zeros((2, 2)), np.eye(2) * t, np.eye(2)),
        lambda s, t: s.multivariate_normal.cdf(A[:2], B[:2] * t, np.array([[2.0, t], [t, 3.0]])),
        lambda s, t: s.multivariate_normal.cdf(
            np.array([0.5, 1.0]),
            cov=np.array([[2.0, t], [t, 3.0]]),
            lower_limit=np.array([-1.0, -2]),
        ),
    ],
)
def test_summaries_tests_and_distributions_of_several_variables(call):
    check(lambda t: call(S, t), lambda t: call(stats, t), 1.2)


def test_the_normal_cdf_in_three_dimensions_has_exact_derivatives():
    cov = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, -0.4], [0.1, -0.4, 1.0]])
    x = np.array([0.4, -0.2, 0.7])
    gradient = dd.grad(lambda x: S.multivariate_normal.cdf(x, cov=cov))(x)
    i, rest = 0, [1, 2]
    given = cov[np.ix_(rest, rest)] - np.outer(cov[rest, i], cov[i, rest]) / cov[i, i]
    shifted = x[rest] - cov[rest, i] / cov[i, i] * x[i]
    exact = stats.norm.pdf(x[i], scale=np.sqrt(2)) * stats.multivariate_normal.cdf(
        shifted, cov=given
    )
    assert gradient[0] == pytest.approx(exact, rel=1e-12)


def test_estimates_have_derivatives_in_the_data():
    data = np.array([0.5, 1.2, 2.2, 0.9, 1.4, 0.3])
    exact = np.full(6, 1 / 6)  # the mean of a normal sample
    jacobian = dd.jacobian(lambda x: np.stack(S.norm.fit(x)))(data)
    np.testing.assert_allclose(jacobian[0], exact, rtol=1e-10)
    np.testing.assert_allclose(jacobian[1], (data - data.mean()) / (6 * data.std()), rtol=1e-9)
    second = dd.hessian(lambda x: S.norm.fit(x)[1])(data)
    np.testing.assert_allclose(second, dd.hessian(np.std)(data), rtol=1e-8, atol=1e-10)
    held = S.gamma.fit(data, floc=0)
    assert held == stats.gamma.fit(data, floc=0)
    with pytest.raises(UnsupportedInputError, match="maximum likelihood"):
        dd.grad(lambda x: S.gamma.fit(x, method="MM")[0])(data)


@pytest.mark.parametrize("name", ["expon", "laplace", "uniform", "vonmises", "halfnorm"])
def test_fit_where_the_optimum_is_an_end_or_a_kink_is_that_of_scipys_formula(name):
    rng = np.random.default_rng(3)
    data, change = rng.normal(0.4, 0.7, 12), rng.normal(size=12)
    fit, plain = getattr(S, name).fit, getattr(stats, name).fit
    ends = [np.array(plain(data + h * change)) for h in (1e-6, -1e-6)]
    for k, slope in enumerate((ends[0] - ends[1]) / 2e-6):
        value, found = dd.jvp(lambda x, k=k: fit(x)[k] * 1.0, (data,), (change,))
        assert value == plain(data)[k]
        assert found == pytest.approx(slope, rel=1e-7, abs=1e-8)


def test_fit_without_an_optimum_raises():
    data = stats.rice.rvs(1.0, size=300, random_state=2)
    for fit in (lambda x: S.rice.fit(x, floc=0), S.triang.fit):
        with pytest.raises(UnsupportedInputError, match="no optimum inside"):
            dd.grad(lambda x, fit=fit: fit(x)[0])(data)


def test_a_private_method_that_gives_another_value_raises(monkeypatch):
    moved = Distribution(stats.rayleigh)
    monkeypatch.setattr(type(moved.copy), "_logpdf", lambda self, x: 2 * x)
    with pytest.raises(ChangedPrivateNameError, match=r"rayleigh\._logpdf"):
        dd.grad(moved.logpdf)(1.0)


def test_a_shape_that_must_be_an_integer_has_no_derivative():
    with pytest.raises(UnsupportedInputError, match="is an integer"):
        dd.grad(lambda n: S.binom.pmf(2, n, 0.4))(5.0)
    with pytest.raises(UnsupportedInputError, match="is an integer"):
        dd.grad(lambda n: S.randint.cdf(2, 0, n))(5.0)


@pytest.mark.parametrize("c", [0.0, 1e-12, -1e-5])
def test_generalised_extreme_values_at_and_beside_the_limit(c):
    x, y = 0.7, np.exp(-0.7)
    assert dd.grad(lambda c: S.genextreme.logcdf(x, c))(c) == pytest.approx(y * x * x / 2, rel=1e-4)
    slope = x * x / 2 * (y - 1) + x  # of log f = -y - x at c = 0
    assert dd.grad(lambda c: S.genextreme.logpdf(x, c))(c) == pytest.approx(slope, rel=1e-4)
    assert dd.grad(lambda c: S.genpareto.logsf(x, c))(c) == pytest.approx(x * x / 2, rel=1e-4)
    w = -np.log(0.1)
    assert dd.grad(lambda c: S.genpareto.isf(0.1, c))(c) == pytest.approx(w * w / 2, rel=1e-4)


def test_compiled_code_raises_and_says_so():
    with pytest.raises(MissingRuleError, match=r"stats\.multiscale_graphcorr has no derivative"):
        dd.grad(lambda t: S.multiscale_graphcorr(t * np.arange(9.0), np.arange(9.0)).stat)(0.5)
    with pytest.raises(MissingRuleError, match=r"norm\.rvs has no derivative rule"):
        dd.grad(lambda m: S.norm.rvs(m))(1.2)


@pytest.mark.parametrize(
    "call",
    [
        lambda s, x: s.spherical_jn(2, x),
        lambda s, x: s.spherical_kn(1, x, True),
        lambda s, x: np.real(s.lambertw(x)),
        lambda s, x: s.comb(x, 2.0),
        lambda s, x: s.perm(x + 2, 2.0),
        lambda s, x: s.factorial(x),
        lambda s, x: s.jvp(2, x, 2),
        lambda s, x: s.diric(x, 5),
        lambda s, x: s.softplus(x),
        lambda s, x: s.assoc_laguerre(x, 3, 1.2),
        lambda s, x: s.zeta(2.0, x),
    ],
)
def test_special_functions_written_in_python(call):
    if "softplus" in call.__code__.co_names and not hasattr(scipy.special, "softplus"):
        pytest.skip("this release of SciPy has no softplus")
    check(lambda x: call(T, x), lambda x: call(scipy.special, x), 0.7)
