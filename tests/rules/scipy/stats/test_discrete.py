"""Discrete distributions: integers have no derivative, steps have derivative zero."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.versions import OLD_SCIPY


@pytest.mark.parametrize(
    "call",
    [
        lambda m: stats.poisson.ppf([0.3, 0.9], m),
        lambda m: stats.poisson.isf([0.3, 0.9], m),
        lambda m: stats.geom.median(m / 5),
        lambda m: np.stack(stats.skellam.interval(0.9, m, 2.0)),
        lambda m: stats.betabinom.ppf(0.4, 5, m, 1.5),
    ],
)
def test_quantiles_are_scipys_with_derivative_zero(call):
    value, slope = dd.jvp(call, (2.3,), (1.0,))
    assert np.array_equal(value, call(2.3))
    assert not np.any(slope)


def test_quantiles_move_with_loc_and_are_nan_at_bad_parameters():
    assert dd.grad(lambda loc: stats.poisson.ppf(0.3, 4.2, loc))(2.0) == 1
    value, slope = dd.jvp(lambda m: np.stack(stats.poisson.interval(0.9, 4.0, loc=m)), (3,), (1.0,))
    assert np.array_equal(value, stats.poisson.interval(0.9, 4.0, loc=3))
    assert np.array_equal(slope, [1, 1])
    assert np.isnan(dd.grad(lambda m: stats.poisson.ppf(0.3, m))(-2.0))


@pytest.mark.parametrize(
    "call",
    [
        lambda n: stats.binom.mean(n, 0.3),
        lambda n: stats.nhypergeom.var(20, n, 3),
        lambda n: stats.binom.ppf(0.3, n, 0.3),
        lambda n: stats.binom.median(n, 0.3),
        lambda n: stats.binom.moment(2, n, 0.3),
        lambda n: stats.randint.entropy(0, n),
    ],
)
def test_parameters_that_are_integers_have_no_derivative(call):
    with pytest.raises(UnsupportedInputError, match="is an integer"):
        dd.grad(call)(7.0)


def test_entropies_of_infinite_sums_agree_with_differences():
    for call in (lambda p: stats.nbinom.entropy(5, p), lambda m: stats.poisson.entropy(3 * m)):
        h = 1e-5
        expected = (call(0.4 + h) - call(0.4 - h)) / (2 * h)
        assert dd.grad(call)(0.4) == pytest.approx(expected, rel=1e-7)


def test_zipfian_masses_have_derivatives_at_the_first_integer():
    k = np.arange(1, 16)
    harmonic = np.sum(k**-0.75)
    exact = np.sum(np.log(k) * k**-0.75) / harmonic**2  # of 1 / H
    assert dd.grad(lambda a: stats.zipfian.pmf(1, a, 15))(0.75) == pytest.approx(exact, rel=1e-13)


def test_a_quantile_where_the_density_underflows_keeps_its_value():
    value, slope = dd.jvp(lambda a: stats.argus.isf(1e-20, a), (1.0,), (1.0,))
    assert value == 1
    assert np.isnan(slope)


def test_beyond_the_last_integer_probabilities_do_not_change():
    assert dd.grad(lambda p: stats.binom.cdf(5, 5, p))(0.3) == 0
    slopes = dd.jvp(lambda p: stats.bernoulli.cdf([0, 1], p), (0.3,), (1.0,))[1]
    np.testing.assert_allclose(slopes, [-1, 0], rtol=1e-14)
    assert dd.grad(lambda p: stats.binom.sf(4, 5, p))(0.3) == pytest.approx(5 * 0.3**4, rel=1e-13)


@pytest.mark.parametrize(
    ("masses", "p", "slopes"),
    [
        (lambda p: stats.binom.pmf([0, 1, 2], 5, p), 0.0, [-5.0, 5.0, 0.0]),
        (lambda p: stats.binom.pmf([3, 4, 5], 5, p), 1.0, [0.0, -5.0, 5.0]),
        (lambda p: stats.nbinom.pmf([0, 1, 2], 2.5, p), 1.0, [2.5, -2.5, 0.0]),
        (lambda p: stats.bernoulli.pmf([0, 1], p), 0.0, [-1.0, 1.0]),
        (lambda p: stats.geom.cdf([1, 2], p), 1.0, [1.0, 0.0]),
        (lambda c: stats.weibull_min.cdf([np.inf, -np.inf], c), 1.5, [0.0, 0.0]),
        (lambda c: stats.gamma.pdf([np.inf], c), 1.5, [0.0]),
    ],
)
def test_masses_of_a_sure_outcome_and_functions_at_infinity(masses, p, slopes):
    assert dd.jacobian(masses)(p).tolist() == pytest.approx(slopes)


def test_moments_of_given_probabilities():
    at, p = np.arange(4.0), np.array([0.1, 0.2, 0.3, 0.4])
    change = np.array([1.0, -0.5, -0.25, -0.25])

    def of(method, *args):
        return lambda t: getattr(stats.rv_discrete(values=(at, p + t * change)), method)(*args)

    first, second, third = (float(at**k @ change) for k in (1, 2, 3))
    variance = second - 2 * first * float(at @ p)
    for f, slope in ((of("mean"), first), (of("moment", 3), third), (of("var"), variance)):
        assert dd.grad(f)(0.0) == pytest.approx(slope, rel=1e-13)
    assert dd.grad(of("entropy"))(0.0) == pytest.approx(-float(change @ np.log(p)), rel=1e-13)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 subtracts sums")
@pytest.mark.parametrize(("k", "n", "a"), [(93, 100, 6.5), (100, 100, 6.5), (7, 15, 0.0)])
def test_zipfian_tails_keep_their_digits(k, n, a):
    with mp.workdps(40):
        powers = lambda low, a: mp.fsum(mp.mpf(j) ** -a for j in range(low, n + 1))  # noqa: E731
        mass = lambda a: -a * mp.log(k) - mp.log(powers(1, a))  # noqa: E731
        tail = lambda a: mp.log(powers(k, a) / powers(1, a))  # noqa: E731
        exact = [[float(mp.diff(f, a, m)) for m in (1, 2)] for f in (mass, tail)]
    ours = (lambda a: stats.zipfian.logpmf(k, a, n)), (lambda a: stats.zipfian.logsf(k - 1, a, n))
    for f, slopes in zip(ours, exact, strict=True):
        assert [dd.grad(f)(a), dd.grad(dd.grad(f))(a)] == pytest.approx(slopes, rel=1e-10)


def test_fishers_noncentral_distribution_by_its_odds():
    total, good, drawn, odds = 20, 7, 12, mp.mpf("0.6")

    def ways(k):
        return mp.binomial(good, k) * mp.binomial(total - good, drawn - k)

    def mean(w, power=1):
        terms = [ways(k) * w**k for k in range(good + 1)]
        return mp.fsum(mp.mpf(k) ** power * t for k, t in enumerate(terms)) / mp.fsum(terms)

    def mass(w):
        return ways(3) * w**3 / mp.fsum(ways(k) * w**k for k in range(good + 1))

    fisher = stats.nchypergeom_fisher
    for f, true in (
        (lambda w: fisher.pmf(3, total, good, drawn, w), mass),
        (lambda w: fisher.logpmf(3, total, good, drawn, w), lambda w: mp.log(mass(w))),
        (lambda w: fisher.mean(total, good, drawn, w), mean),
        (lambda w: fisher.var(total, good, drawn, w), lambda w: mean(w, 2) - mean(w) ** 2),
    ):
        slopes = [float(mp.diff(true, odds, order)) for order in (1, 2)]
        assert [dd.grad(f)(0.6), dd.grad(dd.grad(f))(0.6)] == pytest.approx(slopes, rel=1e-9)


def wallenius_mass(k, total, good, drawn, w):
    """The integral of Fog (2008) by the binomial theorem, a sum that cancels."""
    y, pairs = drawn - k, [(i, j) for i in range(k + 1) for j in range(drawn - k + 1)]
    rate = w * (good - k) + total - good - y
    terms = (
        (-1) ** (i + j) * mp.binomial(k, i) * mp.binomial(y, j) * rate / (i * w + j + rate)
        for i, j in pairs
    )
    return mp.binomial(good, k) * mp.binomial(total - good, y) * mp.fsum(terms)


@pytest.mark.parametrize(
    "method", ["pmf", "logpmf", "cdf", "sf", "logcdf", "logsf", "mean", "var", "entropy"]
)
@pytest.mark.parametrize(
    ("total", "good", "drawn", "odds"),
    [(20, 7, 12, 0.6), (20, 7, 12, 50.0), (30, 10, 5, 1e-3), (40, 20, 20, 1.25), (9, 4, 8, 2.5)],
)
def test_wallenius_distribution_by_its_odds(method, total, good, drawn, odds):
    low, high = max(0, drawn - total + good), min(good, drawn)
    k = (low + high) // 2

    def true(w):
        masses = {j: wallenius_mass(j, total, good, drawn, w) for j in range(low, high + 1)}
        if method in ("mean", "var"):
            mean = mp.fsum(j * m for j, m in masses.items())
            return (
                mean if method == "mean" else mp.fsum((j - mean) ** 2 * masses[j] for j in masses)
            )
        if method == "entropy":
            return -mp.fsum(m * mp.log(m) for m in masses.values())
        p = masses[k]
        if method.endswith("cdf"):
            p = mp.fsum(m for j, m in masses.items() if j <= k)
        elif method.endswith("sf"):
            p = mp.fsum(m for j, m in masses.items() if j > k)
        return mp.log(p) if method.startswith("log") else p

    at = () if method in ("mean", "var", "entropy") else (k,)
    f = lambda w: getattr(stats.nchypergeom_wallenius, method)(*at, total, good, drawn, w)  # noqa: E731
    with mp.workdps(80):
        slopes = [float(mp.diff(true, odds, order)) for order in (1, 2)]
    value, forward = dd.jvp(f, (odds,), (1.0,))
    assert value == f(odds)
    found = [forward, dd.grad(f)(odds), dd.grad(dd.grad(f))(odds)]
    assert found == pytest.approx([slopes[0], *slopes], rel=1e-11)


def test_noncentral_hypergeometric_distributions_of_a_sure_outcome():
    wallenius = stats.nchypergeom_wallenius
    for f in (
        lambda w: wallenius.pmf([0, 2, 3, 4], 5, 3, 5, w),  # all are drawn
        lambda w: wallenius.cdf([0, 1], 5, 3, 0, w),
        lambda w: wallenius.pmf([0, 1], 5, 0, 3, w),
        lambda w: wallenius.mean([5, 5], [3, 0], [5, 2], w),
        lambda w: stats.nchypergeom_fisher.mean([5, 5], [3, 0], [5, 2], w),
    ):
        assert dd.jacobian(f)(2.0).tolist() == [0] * len(f(2.0))


@pytest.mark.parametrize(("method", "k"), [("logsf", 11), ("sf", 11), ("logcdf", 1), ("cdf", 0)])
def test_tails_of_fishers_noncentral_distribution_keep_their_digits(method, k):
    ways = [mp.binomial(12, j) * mp.binomial(38, 15 - j) for j in range(13)]

    def true(w):
        terms = [c * w**j for j, c in enumerate(ways)]
        part = terms[: k + 1] if method.endswith("cdf") else terms[k + 1 :]
        p = mp.fsum(part) / mp.fsum(terms)
        return mp.log(p) if method.startswith("log") else p

    odds = 0.02 if method.endswith("sf") else 40.0
    f = lambda w: getattr(stats.nchypergeom_fisher, method)(k, 50, 12, 15, w)  # noqa: E731
    with mp.workdps(40):
        slopes = [float(mp.diff(true, odds, order)) for order in (1, 2)]
    assert [dd.grad(f)(odds), dd.grad(dd.grad(f))(odds)] == pytest.approx(slopes, rel=1e-12)


def test_the_entropy_of_many_trials_has_a_derivative():
    """Most masses are 0, of which SciPy takes the logarithm."""
    n, p = 2000, 0.01
    with mp.workdps(30):
        mass = lambda k, p: mp.binomial(n, k) * p**k * (1 - p) ** (n - k)  # noqa: E731
        surprise = lambda p: -mp.fsum(m * mp.log(m) for m in (mass(k, p) for k in range(150)))  # noqa: E731
        exact = float(mp.diff(surprise, mp.mpf(p)))
    assert dd.grad(lambda p: stats.binom.entropy(n, p))(p) == pytest.approx(exact, rel=1e-9)


@pytest.mark.skipif(not hasattr(stats, "poisson_binom"), reason="SciPy before 1.15 has it not")
@pytest.mark.parametrize("p", [[0.1, 0.5, 0.8], [0.5, 0.5, 0.5], [0.0, 0.5, 1.0]])
def test_sums_of_unequal_trials_in_all_probabilities(p):
    """The derivative by one probability is the difference of the masses without this trial."""
    p, k = np.array(p), np.arange(4)
    for i in range(3):
        rest = np.delete(p, i)
        without = np.convolve([1 - rest[0], rest[0]], [1 - rest[1], rest[1]])
        change = np.append(0, without) - np.append(without, 0)
        found = {
            m: dd.jacobian(lambda p, m=m: getattr(stats.poisson_binom, m)(k, p))(p)[:, i]
            for m in ("pmf", "cdf", "sf")
        }
        np.testing.assert_allclose(found["pmf"], change, atol=1e-15)
        np.testing.assert_allclose(found["cdf"], np.cumsum(change), atol=1e-15)
        np.testing.assert_allclose(found["sf"], -np.cumsum(change), atol=1e-15)
    np.testing.assert_allclose(dd.grad(stats.poisson_binom.mean)(p), np.ones(3))
    np.testing.assert_allclose(dd.grad(lambda p: stats.poisson_binom(p).var())(p), 1 - 2 * p)
    square = dd.grad(lambda p: stats.poisson_binom.expect(np.square, args=(p,)))
    np.testing.assert_allclose(square(p), 1 + 2 * (np.sum(p) - p), rtol=1e-13)
    assert not np.any(dd.grad(lambda p: stats.poisson_binom.ppf(0.3, p))(p))


@pytest.mark.skipif(not hasattr(stats, "poisson_binom"), reason="SciPy before 1.15 has it not")
def test_sums_of_many_equal_trials_are_binomial():
    p, n = 0.3, 60
    for name in ("logsf", "logcdf", "logpmf"):
        many, equal = (getattr(d, name) for d in (stats.poisson_binom, stats.binom))
        exact = dd.grad(lambda p, f=equal: f(40, n, p))(p) / n
        slopes = dd.grad(lambda p, f=many: f(40, p))(np.full(n, p))
        np.testing.assert_allclose(slopes, exact, rtol=1e-9)
    rows = np.random.default_rng(0).uniform(0.1, 0.9, (4, 3))
    value, slope = dd.jvp(
        lambda p: stats.poisson_binom.pmf([0, 1, 2, 3], p), (rows,), (np.ones((4, 3)),)
    )
    np.testing.assert_array_equal(value, stats.poisson_binom.pmf([0, 1, 2, 3], rows))
    by_row = [
        np.sum(dd.grad(lambda p, k=k: stats.poisson_binom.pmf(k, p))(row))
        for k, row in enumerate(rows)
    ]
    np.testing.assert_allclose(slope, by_row, rtol=1e-13)
