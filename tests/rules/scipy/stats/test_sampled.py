"""Tests whose p-values SciPy finds by random points."""

import numpy as np
import pytest
from scipy import stats

import dualdiff as dd
from dualdiff.errors import MissingRuleError
from tests.rules.scipy.stats.one_factor import TINY, one_factor
from tests.versions import RNG_NAME

SEED = {RNG_NAME: 0}
RNG = np.random.default_rng(2)
CONTROL = RNG.normal(size=6)
GROUPS = [RNG.normal(size=n) + shift for n, shift in ((5, 0.4), (8, -0.3), (4, 0.9))]
DATA = np.abs(RNG.normal(size=20)) + 0.1
PUSH = np.cos(np.arange(20))


def dunnetts(t, count, alternative):
    groups = [np.asarray(g) + 0.1 * t * g * g for g in GROUPS[:count]]
    return stats.dunnett(*groups, control=CONTROL * (1 - 0.2 * t), alternative=alternative, **SEED)


def exact_statistics(t, count):
    groups = [CONTROL * (1 - 0.2 * t), *(g + 0.1 * t * g * g for g in GROUPS[:count])]
    df = sum(map(len, groups)) - len(groups)
    std = np.sqrt(sum(np.sum((g - np.mean(g)) ** 2) for g in groups) / df)
    rest = [np.mean(g) - np.mean(groups[0]) for g in groups[1:]]
    spread = [np.sqrt(1 / len(g) + 1 / len(groups[0])) for g in groups[1:]]
    return np.array(rest) / np.array(spread) / std, df


def exact_pvalues(t, count, alternative):
    statistics, df = exact_statistics(t, count)
    a = np.array([1 / np.sqrt(len(CONTROL) / len(g) + 1) for g in GROUPS[:count]])
    if count == 1:
        a = np.zeros(1)
    found = []
    for s in statistics:
        s = -s if alternative == "less" else s
        s = -s if alternative == "two-sided" and s.real < 0 else s
        x = np.full(count, s)
        lower = -x if alternative == "two-sided" else None
        product = one_factor(x, a, np.ones(count), df) if lower is None else boxed(x, a, df)
        found.append(1 - product)
    return np.array(found)


def boxed(x, a, df):
    return one_factor(x, a, np.ones(len(a)), df, lower=-x)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_pvalues_of_dunnett_have_exact_derivatives(count, alternative):
    def ours(t):
        return dunnetts(t, count, alternative).pvalue

    slope = exact_pvalues(0.3 + 1j * TINY, count, alternative).imag / TINY
    value, forward = dd.jvp(ours, (0.3,), (1.0,))
    np.testing.assert_array_equal(value, ours(0.3))
    np.testing.assert_allclose(forward, slope, rtol=1e-10)
    weights = np.arange(1.0, count + 1)
    reverse = dd.grad(lambda t: np.sum(weights * ours(t)))
    assert reverse(0.3) == pytest.approx(weights @ slope, rel=1e-10)
    h = 1e-3
    beside = [exact_pvalues(0.3 + k * h + 1j * TINY, count, alternative) for k in (-2, -1, 1, 2)]
    second = np.array([1, -8, 8, -1]) @ np.imag(beside) / TINY / (12 * h)
    assert dd.grad(reverse)(0.3) == pytest.approx(weights @ second, rel=1e-8)


def test_statistics_and_intervals_of_dunnett():
    statistic = lambda t: dunnetts(t, 3, "two-sided").statistic  # noqa: E731
    slope = exact_statistics(0.3 + 1j * TINY, 3)[0].imag / TINY
    np.testing.assert_allclose(dd.jvp(statistic, (0.3,), (1.0,))[1], slope, rtol=1e-12)

    def width(t):  # a multiple of the deviation of all samples
        interval = dunnetts(t, 3, "two-sided").confidence_interval()
        return interval.high - interval.low

    def deviation(t):
        groups = [CONTROL * (1 - 0.2 * t), *(g + 0.1 * t * g * g for g in GROUPS)]
        return np.sqrt(sum(np.sum((g - np.mean(g)) ** 2) for g in groups))

    value, slope = dd.jvp(width, (0.3,), (1.0,))
    relative = deviation(0.3 + 1j * TINY).imag / TINY / deviation(0.3)
    np.testing.assert_allclose(slope / value, relative, rtol=1e-12)


def own_statistic(dist, data, axis):
    return np.mean(dist.cdf(data) ** 2, axis=axis)


CASES = [
    (stats.norm, {}),
    (stats.norm, {"known_params": {"loc": 0.1}}),
    (stats.norm, {"known_params": {"loc": 0.1, "scale": 1.2}}),
    (stats.norm, {"fit_params": {"loc": 0.1}}),
    (stats.logistic, {}),
    (stats.gamma, {"known_params": {"loc": 0}}),
]


def goodness(data, dist=stats.norm, statistic="ad", **options):
    return stats.goodness_of_fit(dist, data, statistic=statistic, n_mc_samples=9, **SEED, **options)


@pytest.mark.parametrize("statistic", ["ad", "ks", "cvm", "filliben", own_statistic])
@pytest.mark.parametrize(("dist", "options"), CASES, ids=lambda c: getattr(c, "name", str(c)))
def test_statistics_of_fits_are_those_of_differences(dist, options, statistic):
    def f(t):
        return goodness(DATA + t * PUSH, dist, statistic, **options).statistic

    h = 1e-4
    expected = (8 * (f(h) - f(-h)) - f(2 * h) + f(-2 * h)) / (12 * h)
    value, forward = dd.jvp(f, (0.0,), (1.0,))
    assert value == f(0.0)
    # SciPy's search for the parameters stops early.
    assert [forward, dd.grad(f)(0.0)] == pytest.approx([expected] * 2, rel=2e-6, abs=1e-8)


def test_statistics_of_fits_have_second_derivatives():
    f = lambda t: goodness(DATA + t * PUSH).statistic  # noqa: E731
    h = 1e-3
    expected = (-f(2 * h) + 16 * f(h) - 30 * f(0.0) + 16 * f(-h) - f(-2 * h)) / (12 * h * h)
    assert dd.grad(dd.grad(f))(0.0) == pytest.approx(expected, rel=1e-6)


def test_statistics_of_fits_by_known_parameters():
    def f(loc, scale):
        return goodness(DATA, known_params={"loc": loc, "scale": scale}).statistic

    for k, slope in enumerate(dd.grad(f, argnums=(0, 1))(0.4, 1.3)):
        move = np.eye(2)[k] * 1e-5
        expected = (f(*(np.array([0.4, 1.3]) + move)) - f(*(np.array([0.4, 1.3]) - move))) / 2e-5
        assert slope == pytest.approx(expected, rel=1e-7)


def test_counted_pvalues_are_steps_and_fitted_parameters_move():
    assert not np.any(dd.grad(lambda x: goodness(x).pvalue)(DATA))
    slopes = dd.grad(lambda x: goodness(x).fit_result.params.loc)(DATA)
    np.testing.assert_allclose(slopes, np.full(20, 1 / 20), rtol=1e-14)
    known = {"loc": 0.1, "scale": 1.2}
    assert not np.any(dd.grad(lambda x: np.sum(goodness(x, known_params=known)[3]))(DATA))
    with pytest.raises(MissingRuleError, match="null_distribution has no derivative"):
        dd.grad(lambda x: np.sum(goodness(x).null_distribution))(DATA)
