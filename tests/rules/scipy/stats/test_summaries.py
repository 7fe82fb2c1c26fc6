"""Summaries and tests of `scipy.stats`, as functions of the data."""

import warnings

import mpmath as mp
import numpy as np
import pytest
import scipy.stats

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.rules.table import A, Newer, row, rule_tests
from tests.versions import OLD_SCIPY

S = dd.scipy.stats
X, Y = A(7, low=0.5, high=3.0), A(7, low=0.5, high=3.0, seed=1)
M = A(4, 3, low=0.5, high=3.0)
LONG, OTHER = A(21, low=0.5, high=3.0), A(9, low=0.5, high=3.0, seed=2)
WEIGHTS = A(7, low=0.2, high=1.0, seed=3)
P = A(5, low=0.05, high=0.9)
# Ranks stay the same within the steps of the differences.
FAR, APART = np.array([2.0, 5.0, 1.0, 8.0]), np.array([3.2, 0.1, 6.3, 9.4, 4.1])
SIGNED = A(7)
FIELDS = ("slope", "intercept", "rvalue", "pvalue", "stderr", "intercept_stderr")
POWERS = (None, "log-likelihood", "freeman-tukey", "neyman", "cressie-read", 0.4)


def real(name, function, *args, **options):
    """A row whose name is that of the function; statistics are often computed in double."""
    options = {"_complex": False, "_exact": False, "_float32": False} | options
    return row(function, *args, _id=name, **options)


def whole(name, *args, **options):
    """All floating-point results of a function."""
    if not hasattr(scipy.stats, name):
        return Newer(name, "this version of SciPy does not have it")
    function = getattr(S, name)
    return real(name, lambda *a: tuple(function(*a, **options)), *args)


def value(name, *args, **options):
    if not hasattr(scipy.stats, name):
        return Newer(name, "this version of SciPy does not have it")
    function = getattr(S, name)
    return real(name, lambda *a: function(*a, **options), *args)


ROWS = [
    value("skew", X),
    value("skew", M, axis=1, bias=False),
    value("kurtosis", X),
    value("kurtosis", M, bias=False, fisher=False),
    value("moment", X, order=3),
    value("moment", M, order=[2, 3]),
    value("moment", X, order=3, center=1.0),
    value("zscore", X),
    real("zscore-axis", lambda x: np.ravel(S.zscore(x, axis=1, ddof=1)), M),
    value("zmap", X, Y),
    value("gzscore", X),
    value("gstd", X),
    value("gmean", X),
    real("gmean-weights", lambda x, w: S.gmean(x, weights=w), X, WEIGHTS),
    value("hmean", X),
    real("hmean-weights", lambda x, w: S.hmean(x, weights=w), X, WEIGHTS),
    value("pmean", X, 1.5),
    real("pmean-weights", lambda x, w: S.pmean(x, -2, weights=w), X, WEIGHTS),
    value("sem", M, ddof=0),
    value("variation", M, ddof=1),
    value("iqr", X, scale="normal"),
    value("median_abs_deviation", M, scale="normal", axis=None),
    value("tmean", X, limits=(1.0, 2.5)),
    value("tvar", X, limits=(1.0, 2.8)),
    value("tstd", X, limits=(1.0, 2.8)),
    value("tsem", X, limits=(1.0, 2.8)),
    value("tmin", X, lowerlimit=1.0),
    value("tmax", X, upperlimit=2.0),
    value("trim1", X, proportiontocut=0.2),
    value("trimboth", X, proportiontocut=0.2),
    value("trim_mean", X, proportiontocut=0.2),
    real("sigmaclip", lambda x: S.sigmaclip(x, 1.5, 1.5).clipped, X),
    real("mode", lambda x: S.mode(x).mode, X),
    value("scoreatpercentile", X, per=30),
    value("quantile", X, 0.37),
    value("expectile", X, alpha=0.3),
    value("lmoment", X),
    *(value("kstat", X, n=n) for n in (2, 4)),
    *(value("kstatvar", X, n=n) for n in (1, 2)),
    value("circmean", X),
    value("circmean", M, axis=0, high=3.0),
    value("circvar", X),
    value("circstd", X, normalize=True),
    real("directional_stats", lambda x: S.directional_stats(x).mean_direction, M),
    real("describe", lambda x: S.describe(x)[2:], M),
    value("entropy", X),
    value("entropy", X, Y),
    value("entropy", M, axis=1, base=2),
    *(
        value("differential_entropy", LONG, method=m)
        for m in ("vasicek", "van es", "ebrahimi", "correa")
    ),
    value("energy_distance", FAR, APART),
    real("energy_distance-weights", lambda w: S.energy_distance(X, Y, w), WEIGHTS),
    value("wasserstein_distance", FAR, APART),
    real("wasserstein_distance-weights", lambda w: S.wasserstein_distance(X, Y, w), WEIGHTS),
    *(
        real(f"combine_pvalues-{m}", lambda p, m=m: tuple(S.combine_pvalues(p, m))[:2], P)
        for m in ("fisher", "pearson", "tippett", "stouffer", "mudholkar_george")
    ),
    value("false_discovery_control", np.array([0.15, 0.8])),
    real("binned_statistic", lambda x: S.binned_statistic(Y, x, "std", 2).statistic, X),
    real(
        "binned_statistic_2d",
        lambda x: S.binned_statistic_2d(Y, WEIGHTS, x, "sum", 2).statistic,
        X,
    ),
    real(
        "binned_statistic_dd",
        lambda x: S.binned_statistic_dd(np.stack([Y, WEIGHTS]).T, x, "sum", 2).statistic,
        X,
    ),
    real("cumfreq", lambda w: S.cumfreq(X, 3, weights=w).cumcount, WEIGHTS),
    real("relfreq", lambda w: S.relfreq(X, 3, weights=w).frequency, WEIGHTS),
    # Tests: the statistic and the p-value.
    whole("ttest_1samp", X, 0.7),
    whole("ttest_ind", X, OTHER),
    whole("ttest_ind", X, OTHER, equal_var=False),
    real("ttest_ind-trim", lambda x, y: tuple(S.ttest_ind(x, y, trim=0.2)), X, OTHER),
    real(
        "ttest_ind-interval", lambda x, y: tuple(S.ttest_ind(x, y).confidence_interval()), X, OTHER
    ),
    real(
        "ttest_ind_from_stats", lambda a, b, c, d: tuple(S.ttest_ind_from_stats(a, b, 9, c, d, 12)),
        1.0, 2.0, 1.3, 1.8,
    ),
    whole("ttest_rel", X, Y),
    real("pearsonr", lambda x, y: tuple(S.pearsonr(x, y)), X, Y),
    real("pearsonr-interval", lambda x, y: tuple(S.pearsonr(x, y).confidence_interval()), X, Y),
    *(real(f"linregress-{f}", lambda x, y, f=f: getattr(S.linregress(x, y), f), X, Y)
      for f in FIELDS),
    whole("f_oneway", X, OTHER),
    whole("alexandergovern", X, OTHER) if hasattr(S.alexandergovern, "_fields") else real(
        "alexandergovern", lambda x, y: S.alexandergovern(x, y).pvalue, X, OTHER),
    whole("bartlett", X, OTHER),
    whole("levene", FAR, np.array([3.2, 0.1, 6.3, 9.4])),
    whole("levene", X, OTHER, center="mean"),
    whole("chisquare", X),
    *(whole("power_divergence", X, lambda_=p) for p in POWERS),
    whole("skewtest", LONG),
    whole("kurtosistest", LONG),
    whole("normaltest", LONG),
    whole("jarque_bera", LONG),
    real("anderson", lambda x: S.anderson(x, method="interpolate").statistic, X)
    if "method" in scipy.stats.anderson.__doc__ else real(
        "anderson", lambda x: S.anderson(x).statistic, X),
    *(whole("shapiro", x) for x in (FAR[:3], X, LONG)),
    *(real(f"ks_1samp-{a}", lambda x, a=a: tuple(
        S.ks_1samp(x, scipy.stats.gamma(2.0).cdf, alternative=a))[:2], X)
      for a in ("two-sided", "less", "greater")),
    real("kstest", lambda x, s: tuple(S.kstest(x, scipy.stats.norm.cdf, (1.0, s)))[:2], X, 1.3),
    real("cramervonmises", lambda x: S.cramervonmises(x - 1.5, "norm").statistic, X),
    real("theilslopes", lambda x, y: tuple(S.theilslopes(x, y)), X, Y),
    real("siegelslopes", lambda x, y: np.stack(S.siegelslopes(x, y)), X, Y),
    real("siegelslopes-separate", lambda x, y: np.stack(S.siegelslopes(x, y, "separate")), X, Y),
    real("obrientransform", lambda x, y: S.obrientransform(x, y)[0], X, Y),
    real("probplot", lambda x: S.probplot(x)[1], X),
    real("bayes_mvs", lambda x: tuple(r.statistic for r in S.bayes_mvs(x)), X),
    real("mvsdist", lambda x: tuple(d.std() for d in S.mvsdist(x)), X),
    # Transformations.
    real("boxcox", lambda x, power: S.boxcox(x, power), X, 0.3),
    real("boxcox_llf", lambda power, x: S.boxcox_llf(power, x), 0.3, X),
    real("boxcox_normplot", lambda x: S.boxcox_normplot(x, -1, 1, N=3)[1], X),
    real("yeojohnson", lambda x, power: S.yeojohnson(x, power), SIGNED, 0.3),
    real("yeojohnson_llf", lambda power, x: S.yeojohnson_llf(power, x), 0.3, SIGNED),
    real("yeojohnson_normplot", lambda x: S.yeojohnson_normplot(x, -1, 1, N=3)[1], SIGNED),
    real("ppcc_plot", lambda x: S.ppcc_plot(x, -0.5, 0.5, N=3)[1], X),
]  # fmt: skip
TestRules = rule_tests(ROWS)


def transformed(power, x):
    return [mp.expm1(power * mp.log(v)) / power for v in x]


def likelihood(power, x):
    y = transformed(power, x)
    mean = sum(y) / len(y)
    variance = sum((v - mean) ** 2 for v in y) / len(y)
    return (power - 1) * sum(map(mp.log, x)) - mp.mpf(len(x)) / 2 * mp.log(variance)


def test_the_best_exponent_of_box_and_cox_has_exact_derivatives():
    """SciPy's search stops at eight digits, so differences of its values show nothing."""
    data = np.linspace(0.5, 3, 6) ** 1.3

    def best(moved):
        x = [mp.mpf(v) for v in data]
        x[0] += moved
        score = lambda power: mp.diff(lambda p: likelihood(p, x), power)  # noqa: E731
        return mp.findroot(score, scipy.stats.boxcox_normmax(data, method="mle"))

    with mp.workdps(40):
        h = mp.mpf(10) ** -8
        low, middle, high = best(-h), best(0), best(h)
        first, second = (high - low) / (2 * h), (high - 2 * middle + low) / h**2

    def ours(x):
        return S.boxcox_normmax(x, method="mle")

    assert dd.grad(ours)(data)[0] == pytest.approx(float(first), rel=1e-11)
    assert dd.hessian(ours)(data)[0, 0] == pytest.approx(float(second), rel=1e-9)


@pytest.mark.parametrize(
    ("estimate", "score"),
    [
        (S.yeojohnson_normmax, lambda power, x: S.yeojohnson_llf(power, x)),
        (lambda x: S.boxcox(x)[1], lambda power, x: S.boxcox_llf(power, x)),
    ],
    ids=["yeojohnson", "boxcox"],
)
def test_estimated_exponents_keep_the_score_at_zero(estimate, score):
    data = X.astype(float)
    push = np.linspace(-1, 1, len(data))
    power, slope = dd.jvp(estimate, (data,), (push,))
    along = dd.grad(score)  # the score must not change along (slope, push)
    change = dd.jvp(along, (float(power), data), (float(slope), push))[1]
    scale = dd.jvp(along, (float(power), data), (float(slope), 0 * push))[1]
    assert abs(change) < 1e-6 * abs(scale)  # SciPy's power holds eight digits


def test_statistics_of_ranks_have_derivative_zero():
    assert not np.any(dd.grad(lambda x: S.fligner(x, OTHER).statistic)(X))
    assert not np.any(dd.grad(lambda x: S.weightedtau(x, Y).statistic)(X))
    assert not np.any(dd.grad(lambda x: S.somersd(x, Y).statistic)(X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the p-value is out of SciPy's table
        assert not np.any(dd.grad(lambda x: S.anderson_ksamp([x, OTHER]).statistic)(X))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: S.gmean(x, axis=1),
        lambda x: S.ttest_1samp(x, 1.0, axis=1).pvalue,
        lambda x: S.alexandergovern(x, M + 1, axis=1).statistic,
        lambda x: np.stack(S.linregress(x[1], M[0])[:2]),
    ],
    ids=["gmean", "ttest_1samp", "alexandergovern", "linregress"],
)
def test_results_that_are_not_numbers_have_derivatives_that_are_none(call):
    data = M.copy()
    data[1, 2] = np.nan
    value, slope = dd.jvp(call, (data,), (np.ones(data.shape),))
    assert np.any(np.isnan(value))
    np.testing.assert_array_equal(np.isnan(slope), np.isnan(value))
    gradient = dd.grad(lambda x: np.nansum(call(x)))(data)
    assert np.isfinite(gradient[np.isfinite(value)]).all() if np.any(np.isfinite(value)) else True


def test_a_minimum_at_the_end_of_its_range_raises():
    from dualdiff.rules.scipy.stats.summaries import stationary_point

    with pytest.raises(UnsupportedInputError, match="an end of the range"):
        dd.grad(lambda a: stationary_point(lambda x, a: (x - a) ** 2, 0.0, (a,)))(1.0)


def test_empirical_distances_refuse_what_scipy_refuses():
    with pytest.raises(ValueError, match="non-negative"):
        dd.grad(lambda w: S.wasserstein_distance(X, Y, w))(-WEIGHTS)


@pytest.mark.parametrize("weights", [None, np.arange(1.0, 9)])
@pytest.mark.parametrize("power", [0.0, 1e-9, -1e-4, 0.3, 3.0])
def test_power_means_near_the_geometric_one_have_the_derivative_by_the_exponent(power, weights):
    data = np.array([0.7, 1.9, 1.1, 2.8, 0.4, 3.3, 2.2, 1.5])
    factors = [1] * 8 if weights is None else list(map(mp.mpf, weights))

    def true(p):
        total = mp.fsum(w * mp.mpf(v) ** p for v, w in zip(data, factors, strict=True))
        return (total / sum(factors)) ** (1 / p)

    def mean(p):
        return S.pmean(data, p, weights=weights)

    with mp.workdps(60):
        beside = mp.mpf(power) + mp.mpf(10) ** -25
        slopes = [float(mp.diff(true, beside, order)) for order in (1, 2)]
    assert [dd.grad(mean)(power), dd.grad(dd.grad(mean))(power)] == pytest.approx(slopes, rel=1e-9)


def test_a_summary_that_is_not_a_number_has_no_derivative():
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(dd.grad(S.skew)(np.array([1.3])))
        assert np.all(np.isnan(dd.jvp(S.kurtosis, (np.ones(4),), (np.arange(4.0),))[1]))


def power(y, c):
    return mp.expm1(c * y) / c


def yeo_johnson(p, x):
    return [power(mp.log1p(v), p) if v >= 0 else -power(mp.log1p(-v), 2 - p) for v in x]


def score_of(transform, jacobian, x):
    def value(p):
        y = transform(p, x)
        mean = mp.fsum(y) / len(y)
        variance = mp.fsum((v - mean) ** 2 for v in y) / len(y)
        return (p - 1) * jacobian - mp.mpf(len(y)) / 2 * mp.log(variance)

    return value


@pytest.mark.parametrize("p", [0.0, 1e-9, 2.0, 2 - 1e-9, 0.7])
def test_likelihoods_of_power_transforms_at_and_beside_the_logarithm(p):
    with mp.workdps(70):
        x = [mp.mpf(v) for v in X]
        signed = [mp.mpf(v) for v in SIGNED]
        box = score_of(transformed, mp.fsum(map(mp.log, x)), x)
        rest = mp.fsum(mp.sign(v) * mp.log1p(abs(v)) for v in signed)
        yeo = score_of(yeo_johnson, rest, signed)
        beside = mp.mpf(p) + mp.mpf(10) ** -25
        of_box, of_yeo = ([float(mp.diff(f, beside, k)) for k in (1, 2)] for f in (box, yeo))
        step = mp.mpf("1e-35")
        moved = (yeo_johnson(beside + h, signed) for h in (step, -step))
        shape = [float((u - v) / (2 * step)) for u, v in zip(*moved, strict=True)]
    for f, slopes in (
        (lambda p: S.boxcox_llf(p, X), of_box),
        (lambda p: S.yeojohnson_llf(p, SIGNED), of_yeo),
    ):
        if not (OLD_SCIPY and slopes is of_box):
            assert [dd.grad(f)(p), dd.grad(dd.grad(f))(p)] == pytest.approx(slopes, rel=1e-8)
    found = dd.jvp(lambda p: S.yeojohnson(SIGNED, p), (p,), (1.0,))[1]
    np.testing.assert_allclose(found, shape, rtol=1e-11)
