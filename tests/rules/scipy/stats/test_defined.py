"""Distributions that a program defines: by a class of its own, by a histogram."""

import numpy as np
import pytest
from scipy import stats

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.rules.scipy.special.tables import real
from tests.rules.table import A, rule_tests
from tests.versions import OLD_SCIPY


class Power(stats.rv_continuous):
    """The density a x**(a - 1) on (0, 1), and nothing else."""

    def _pdf(self, x, a):
        return a * x ** (a - 1)

    def _argcheck(self, a):
        return super()._argcheck(a)


class Jump(stats.rv_continuous):
    """A density that is constant on both sides of 0.3."""

    def _pdf(self, x, a):
        return np.where(x < 0.3, a / 0.3, (1 - a) / 0.7)

    def _cdf(self, x, a):
        return np.where(x < 0.3, a / 0.3 * x, a + (1 - a) / 0.7 * (x - 0.3))

    def _ppf(self, q, a):
        return np.where(q < a, q * 0.3 / a, 0.3 + (q - a) * 0.7 / (1 - a))


class Failures(stats.rv_discrete):
    """A geometric distribution from 0 on."""

    def _pmf(self, k, p):
        return (1 - p) ** k * p


power, jump = Power(a=0, b=1, name="power"), Jump(a=0, b=1, name="jump", shapes="a")
failures = Failures(name="failures", shapes="p")
COUNTS, EDGES = np.array([3.0, 5.0, 2.0, 1.0]), np.array([0.0, 1.0, 2.5, 3.0, 4.0])


def histogram(counts, edges=EDGES, density=True):
    return stats.rv_histogram((counts, edges), density=density)


X = np.array([-1.0, 0.5, 1.7, 2.7, 3.5, 5.0])
ROWS = [
    real(lambda x, a: power.logpdf(x, a), A(3, low=0.1, high=0.9), 2.3, _id="logpdf-class"),
    real(lambda x, a: power.cdf(x, a, 0.1, 1.2), A(3, low=0.2, high=0.9), 2.3, _id="cdf-class"),
    *(
        real(lambda c, m=m: getattr(histogram(c), m)(X), COUNTS, _id=f"{m}-histogram")
        for m in ("pdf", "cdf", "sf")
    ),
    real(lambda c: histogram(c, density=False).cdf(X), COUNTS, _id="counts-histogram"),
    real(lambda c: histogram(c).ppf(np.array([0.2, 0.5, 0.9])), COUNTS, _id="ppf-histogram"),
    real(lambda c: histogram(c).var(), COUNTS, _id="var-histogram"),
    real(lambda c: histogram(c).entropy(), COUNTS, _id="entropy-histogram"),
    real(lambda c: histogram(c)(0.1, 1.3).cdf(X), COUNTS, _id="frozen-histogram"),
    real(lambda e: histogram(COUNTS, e).cdf(X[1:4]), EDGES, _id="edges-histogram"),
    real(lambda x: histogram(COUNTS).cdf(x), X[1:4], _id="x-histogram"),
]
TestRules = rule_tests(ROWS)


def test_a_class_has_moments_by_its_density():
    a = 2.3
    assert dd.grad(power.mean)(a) == pytest.approx(1 / (a + 1) ** 2, rel=1e-9)
    assert dd.grad(power.entropy)(a) == pytest.approx(1 / a**2 - 1 / a, rel=1e-9)


def test_a_class_has_derivatives_of_its_fit():
    x = np.array([0.2, 0.5, 0.8, 0.9])
    exact = len(x) / np.sum(np.log(x)) ** 2 / x  # of -n / sum(log x)
    found = dd.grad(lambda x: power.fit(x, floc=0, fscale=1)[0])(x)
    np.testing.assert_allclose(found, exact, rtol=1e-10)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 has another way to them, an error")
def test_a_class_of_integers_has_moments():
    p = 0.4
    assert dd.grad(failures.mean)(p) == pytest.approx(-1 / p**2, rel=1e-8)
    assert dd.grad(failures.var)(p) == pytest.approx(1 / p**2 - 2 / p**3, rel=1e-8)
    assert dd.grad(lambda p: failures.cdf(2, p))(p) == pytest.approx(3 * (1 - p) ** 2, rel=1e-12)


def test_expectations_across_a_jump_of_the_density():
    def mean_square(a):
        return jump.expect(np.square, args=(a,))

    assert dd.grad(mean_square)(0.4) == pytest.approx(0.03 - (1 - 0.027) / 2.1, rel=1e-9)
    middle, width = (EDGES[1:] + EDGES[:-1]) / 2, np.diff(EDGES)
    total = np.sum(COUNTS * width)
    mean = np.sum(COUNTS * width * middle) / total
    found = dd.grad(lambda c: histogram(c).expect())(COUNTS)
    np.testing.assert_allclose(found, width * (middle - mean) / total, rtol=1e-5)  # jumps
    with pytest.raises(UnsupportedInputError, match="edges of bins"):
        dd.grad(lambda e: histogram(COUNTS, e).expect())(EDGES)
