"""The functions of `statistics` inside `dd.patch`."""

import statistics
from collections.abc import Callable
from typing import Any

import numdifftools as nd
import numpy as np
import pytest

import dualdiff as dd

X = np.array([1.0, 2.5, 4.0, 5.5])
OTHER = [1.0, 5.0, 2.0, 2.5]

PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "mean": lambda x: statistics.mean(x) ** 2,
    "fmean": lambda x: statistics.fmean(v * v for v in x),
    "fmean-weights": lambda x: statistics.fmean(x, weights=OTHER) ** 2,
    "geometric_mean": lambda x: statistics.geometric_mean(x),
    "harmonic_mean": lambda x: statistics.harmonic_mean(x),
    "harmonic_mean-weights": lambda x: statistics.harmonic_mean(x, weights=OTHER),
    "pvariance": lambda x: statistics.pvariance(x),
    "pvariance-mu": lambda x: statistics.pvariance(x, mu=2.0),
    "variance": lambda x: statistics.variance(list(x)),
    "pstdev": lambda x: statistics.pstdev(x),
    "stdev": lambda x: statistics.stdev(x[1:]),
    "covariance": lambda x: statistics.covariance(list(x), OTHER),
    "correlation": lambda x: statistics.correlation(OTHER, list(x)),
    "linear_regression": lambda x: sum(statistics.linear_regression(OTHER, list(x**2))),
    "through-the-origin": lambda x: (
        statistics.linear_regression(list(x), OTHER, proportional=True).slope
    ),
    "median": lambda x: statistics.median(x),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_statistics_of_traced_numbers(name: str) -> None:
    f = PROGRAMS[name]
    with dd.patch():
        value, gradient = dd.value_and_grad(f)(X)
        tangent = dd.jvp(f, (X,), (np.ones(4),))[1]
    assert value == pytest.approx(f(X), rel=1e-14)
    np.testing.assert_allclose(gradient, nd.Gradient(f, base_step=0.1)(X), rtol=1e-8, atol=1e-10)
    assert tangent == pytest.approx(np.sum(gradient), rel=1e-12)


def test_errors_of_statistics_stay() -> None:
    with dd.patch(), pytest.raises(statistics.StatisticsError):
        dd.grad(lambda x: statistics.stdev(x[:1]))(X)
