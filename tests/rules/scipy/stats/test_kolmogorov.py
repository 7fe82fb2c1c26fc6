"""The distributions of Kolmogorov and Smirnov: piecewise polynomials, by exact sums."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import dualdiff as dd


def two_sided(n, x):
    """Durbin's matrix (1968) of exact numbers."""
    k = int(mp.ceil(n * x))
    h, m = k - n * x, 2 * k - 1
    matrix = mp.matrix(m, m)
    for i in range(m):
        for j in range(min(i + 2, m)):
            matrix[i, j] = 1 / mp.factorial(i - j + 1)
    for i in range(m):
        matrix[i, 0] -= h ** (i + 1) / mp.factorial(i + 1)
        matrix[m - 1, i] -= h ** (m - i) / mp.factorial(m - i)
    if 2 * h > 1:
        matrix[m - 1, 0] += (2 * h - 1) ** m / mp.factorial(m)
    return (matrix**n)[k - 1, k - 1] * mp.factorial(n) / mp.mpf(n) ** n


def one_sided(n, x):
    """The sum of Birnbaum and Tingey (1951)."""
    shares = [mp.mpf(j) / n for j in range(n + 1)]
    terms = (
        mp.binomial(n, j) * (1 - x - s) ** (n - j) * (x + s) ** (j - 1)
        for j, s in enumerate(shares)
        if x + s < 1
    )
    return 1 - x * mp.fsum(terms)


CASES = [
    ("kstwo", two_sided, 10, 0.12),
    ("kstwo", two_sided, 10, 0.31),
    ("kstwo", two_sided, 10, 0.7),
    ("kstwo", two_sided, 30, 0.45),
    ("ksone", one_sided, 5, 0.37),
    ("ksone", one_sided, 100, 0.21),
    ("ksone", one_sided, 900, 0.03),
]


@pytest.mark.parametrize(("name", "exact", "n", "x"), CASES)
def test_derivatives_in_x_are_those_of_the_polynomials(name, exact, n, x):
    d = getattr(stats, name)
    h = mp.mpf(10) ** -15
    with mp.workdps(60):
        low, here, high = (exact(n, mp.mpf(x) + s) for s in (-h, 0, h))
        slope, bend = float((high - low) / (2 * h)), float((high - 2 * here + low) / h**2)
    assert dd.grad(d.cdf)(x, n) == pytest.approx(slope, rel=1e-11)
    assert dd.grad(d.sf)(x, n) == pytest.approx(-slope, rel=1e-11)
    assert dd.grad(d.pdf)(x, n) == pytest.approx(bend, rel=1e-10)
    assert dd.grad(dd.grad(d.cdf))(x, n) == pytest.approx(bend, rel=1e-10)
    assert dd.grad(d.ppf)(float(here), n) == pytest.approx(1 / slope, rel=1e-9)
    assert dd.grad(d.isf)(float(1 - here), n) == pytest.approx(-1 / slope, rel=1e-9)


def test_two_sided_probabilities_of_arrays_in_loc_and_scale():
    x = np.array([0.2, 0.3])
    slopes = dd.grad(lambda loc, scale: np.sum(stats.kstwo.cdf(x, 10, loc, scale)), (0, 1))
    density = stats.kstwo.pdf(x, 10, 0.05, 0.9)
    expected = -np.sum(density), -np.sum(density * (x - 0.05) / 0.9)
    assert slopes(0.05, 0.9) == pytest.approx(expected, rel=1e-6)  # SciPy's density has ten digits


def test_many_observations_follow_the_asymptotic_formula():
    assert dd.grad(stats.kstwo.cdf)(0.01, 10000) == pytest.approx(
        stats.kstwo.pdf(0.01, 10000), rel=1e-7
    )


def test_the_number_of_observations_is_an_integer():
    with pytest.raises(dd.errors.UnsupportedInputError, match="integer"):
        dd.grad(lambda n: stats.kstwo.cdf(0.3, n))(10.0)
