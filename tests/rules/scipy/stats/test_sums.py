"""Sums over infinite supports, of which SciPy takes some 1,000 terms."""

import warnings

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.versions import OLD_SCIPY


def yulesimon(k, a):
    return a * mp.beta(k, a + 1)


def zipf(k, a):
    return k**-a / mp.zeta(a)


def surprise(mass, *shapes):
    """The entropy by 2,000 terms, an integral and the rule of Euler and Maclaurin."""

    def term(k):
        return -mass(k, *shapes) * mp.log(mass(k, *shapes))

    n = 2000
    ends = [n, 10 * n, 1000 * n, 10**6 * n, 10**10 * n, mp.inf]
    total = mp.fsum(term(mp.mpf(k)) for k in range(1, n)) + mp.quad(term, ends)
    return total + term(mp.mpf(n)) / 2 - mp.diff(term, n) / 12


needs_masses_between = pytest.mark.skipif(
    OLD_SCIPY, reason="its entropies sum masses that are 0 between whole numbers: NaN, no tail"
)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", "expect.*did not converge", RuntimeWarning)
        yield


@needs_masses_between
@pytest.mark.parametrize(
    ("name", "mass", "shape"),
    [
        ("yulesimon", yulesimon, 1.5), ("yulesimon", yulesimon, 3.5), ("zipf", zipf, 1.5),
        ("zipf", zipf, 4.0),
    ],
)  # fmt: skip
def test_entropies_of_heavy_tails_are_those_of_all_terms(name, mass, shape):
    with mp.workdps(25):
        h = mp.mpf("1e-6")
        ends = [surprise(mass, mp.mpf(shape) + s * h) for s in (-1, 1)]
        exact = float((ends[1] - ends[0]) / (2 * h))
    entropy = getattr(stats, name).entropy
    value, slope = dd.jvp(entropy, (shape,), (1.0,))
    assert value == entropy(shape)
    assert slope == pytest.approx(exact, rel=1e-9)
    assert dd.grad(entropy)(shape) == pytest.approx(exact, rel=1e-9)


@needs_masses_between
def test_an_entropy_of_terms_below_the_median_counts_them():
    """SciPy leaves them out if those above it do not converge."""
    k = np.arange(2e5)

    def by_terms(a):
        masses = stats.betanbinom.pmf(k, 5, a, 5.0)
        return -np.sum(masses * np.log(masses))

    exact = (by_terms(3.001) - by_terms(2.999)) / 0.002
    assert dd.grad(lambda a: stats.betanbinom.entropy(5, a, 5.0))(3.0) == pytest.approx(exact, 1e-6)


@needs_masses_between
def test_second_derivatives_of_an_entropy_of_heavy_tail():
    slope = dd.grad(stats.zipf.entropy)
    steps = np.array([slope(3.5 + s * 1e-3) for s in (-2, -1, 1, 2)])
    assert dd.grad(slope)(3.5) == pytest.approx(steps @ [1, -8, 8, -1] / 12e-3, rel=1e-9)


def test_expectations_under_a_heavy_tail():
    found = dd.grad(lambda a: stats.zipf.expect(lambda k: 1 / k, args=(a,)))(1.5)
    exact = float(mp.diff(lambda a: mp.zeta(a + 1) / mp.zeta(a), 1.5))
    assert found == pytest.approx(exact, rel=1e-12)
    by_mean = dd.grad(lambda a: stats.zipf.expect(args=(a,)))(3.5)
    assert by_mean == pytest.approx(dd.grad(stats.zipf.mean)(3.5), rel=1e-12)


def test_expectations_of_functions_that_overflow_far_out():
    found = dd.grad(lambda m: stats.poisson.expect(np.exp, args=(m,)))(2.0)
    assert found == pytest.approx((np.e - 1) * np.exp(2 * (np.e - 1)), rel=1e-12)


def test_expectations_that_have_no_limit_have_no_number_as_derivative():
    assert np.isnan(dd.grad(lambda a: stats.zipf.expect(args=(a,)))(1.5))
    assert np.isnan(dd.grad(lambda a: stats.zipf.expect(np.cos, args=(a,)))(1.5))


@pytest.mark.parametrize(
    "p", [pytest.param(1e-4, marks=needs_masses_between), 0.5, 0.999, 1 - 1e-9]
)
def test_entropies_by_masses_that_underflow_and_by_many(p):
    with mp.workdps(30):

        def leading(p):
            """Of the masses beside those that are below 1e-17 of the sum."""
            count = 12 if p > 0.9 else 400
            masses = [mp.binomial(k + 4, k) * p**5 * (1 - p) ** k for k in range(count)]
            return -mp.fsum(m * mp.log(m) for m in masses)

        if p > 0.1:
            exact = float(mp.diff(leading, mp.mpf(p), h=mp.mpf("1e-14")))
        else:  # of the gamma distribution of 5 / p, but for some p**2
            exact = -1 / p
    found = dd.grad(lambda p: stats.nbinom.entropy(5, p))(p)
    assert found == pytest.approx(exact, rel=1e-9 if p > 0.1 else 1e-3)


@pytest.mark.parametrize(
    ("entropy", "at", "slope"),
    [
        (lambda p: stats.nbinom.entropy(5, p), 1.0, -np.inf),
        (lambda n: stats.nbinom.entropy(n, 1.0), 5.0, 0.0),
        (lambda p: stats.binom.entropy(5, p), 0.0, np.inf),
        (lambda p: stats.binom.entropy(5, p), 1.0, -np.inf),
        (stats.bernoulli.entropy, 1.0, -np.inf),
        (stats.poisson.entropy, 0.0, np.inf),
    ],
)
def test_the_entropy_of_a_sure_outcome(entropy, at, slope):
    value, found = dd.jvp(entropy, (at,), (1.0,))
    assert (value, found, dd.grad(entropy)(at)) == (0.0, slope, slope)


@pytest.mark.parametrize(
    "mean",
    [
        lambda n: stats.binom.expect(args=(n, 0.3)),
        lambda n: stats.nhypergeom.expect(np.square, args=(20, n, 3)),
        lambda n: stats.hypergeom(20, n, 3).expect(),
    ],
)
def test_expectations_by_a_parameter_that_is_an_integer_raise(mean):
    with pytest.raises(UnsupportedInputError, match="is an integer"):
        dd.grad(mean)(7.0)


def test_skewness_and_kurtosis_of_fishers_noncentral_distribution_by_its_odds():
    total, good, drawn = 140, 80, 60

    def stat(w, n):
        terms = [mp.binomial(good, k) * mp.binomial(total - good, drawn - k) * w**k
                 for k in range(drawn + 1)]  # fmt: skip
        mean = mp.fsum(k * t for k, t in enumerate(terms)) / mp.fsum(terms)
        second, high = (
            mp.fsum((k - mean) ** m * t for k, t in enumerate(terms)) / mp.fsum(terms)
            for m in (2, n)
        )
        return high / second ** (mp.mpf(n) / 2)

    for moment, n in (("s", 3), ("k", 4)):
        fisher = lambda w, m=moment: stats.nchypergeom_fisher.stats(  # noqa: E731
            total, good, drawn, w, moments=m
        )
        assert dd.jvp(fisher, (0.5,), (1.0,))[0] == fisher(0.5)
        with mp.workdps(40):
            exact = float(mp.diff(lambda w, n=n: stat(w, n), mp.mpf("0.5")))
        assert dd.grad(fisher)(0.5) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize(
    ("mean", "slope"),
    [
        (lambda p: stats.binom.expect(args=(5, p)), 5.0),
        (lambda p: stats.binom.expect(np.exp, args=(2000, p)), 2000 * (np.e - 1)),
        (lambda p: stats.nbinom.expect(lambda k: 1 + k, args=(5, 1 - p)), 5.0),
        (lambda p: stats.poisson.expect(lambda k: 1 + k, args=(5 * p,)), 5.0),
    ],
)
@pytest.mark.parametrize("p", [0.0, 1e-30])
def test_outcomes_of_no_probability_count_in_an_expectation(mean, slope, p):
    if p == 0 or mean(1e-3) > 0.5:  # 1 - 1e-30 is 1
        assert dd.grad(mean)(p) == pytest.approx(slope, rel=1e-12)
