"""Averages, variances, quantiles and correlations."""

import warnings

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

MASK = np.array([[True, False, True, True], [True, True, True, True], [False, True, True, False]])
NAN = np.array([[0.3, np.nan, -1.2, 0.7], [np.nan, 0.4, 0.9, 1.3], [0.2, 0.9, -0.3, 0.8]])
COUNTS = np.array([1, 3, 2, 1])


def with_nans(function):
    """`function` of an array some of whose elements are NaN."""

    def f(x, *args, **kwargs):
        return function(np.where(np.isnan(NAN), np.nan, x), *args, **kwargs)

    f.__name__ = function.__name__
    return f


def about(function):
    """`function` with a mean that is traced as well."""

    def f(x, mean, **kwargs):
        return function(x, mean=mean, **kwargs)

    f.__name__ = f"{function.__name__}-mean"
    return f


def about_first(function):
    """`function` of rows with a NaN each, about their first elements; NumPy looks for no traced mean."""

    def f(x, **kwargs):
        nan = np.arange(4) == np.arange(3)[:, None]
        return function(np.where(nan, np.nan, x), mean=x[:, :1], axis=1, **kwargs)

    f.__name__ = f"{function.__name__}-mean"
    return f


def var_of_complex_data(x, mean):
    """The variance of complex data about a complex mean."""
    return np.var(x + 1j * x[::-1], axis=1, mean=mean * (1 + 2j))


METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
    "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]  # fmt: skip

ROWS = [
    row(np.mean, A(3, 4), _prims=("mean",)),
    row(np.mean, A(2, 3, 4), axis=(0, -1), keepdims=True),
    row(np.mean, A(3, 4), axis=1, where=MASK),
    row(np.mean, A(3, 4), axis=0, dtype=np.float64, _complex=False),
    row(np.mean, 1.5),
    row(with_nans(np.nanmean), A(3, 4), _prims=("nanmean",)),
    row(with_nans(np.nanmean), A(3, 4), axis=1, where=MASK, keepdims=True),
    row(np.var, A(3, 4), _prims=("var",)),
    row(np.var, A(2, 3, 4), axis=(0, -1), ddof=1, keepdims=True),
    row(np.var, A(3, 4), axis=1, where=MASK, correction=0.5),
    row(np.var, A(3, 4), axis=0, dtype=np.float64, _complex=False),
    row(about(np.var), A(3, 4), A(3, 1), axis=1, ddof=1, _complex=False),
    row(var_of_complex_data, A(3, 4), A(3, 1)),
    row(about(np.var), A(3, 4), A(1, 4), axis=0, keepdims=True, where=MASK, _complex=False),
    row(np.std, A(3, 4), _prims=("root",)),
    row(np.std, A(2, 3, 4), axis=(0, -1), ddof=1, keepdims=True),
    row(np.std, A(3, 4), axis=1, where=MASK, correction=0.5),
    row(about(np.std), A(3, 4), A(3, 1), axis=1, correction=1, _complex=False),
    row(with_nans(np.nanvar), A(3, 4), axis=0, ddof=1, _prims=("nanvar",)),
    row(about_first(np.nanvar), A(3, 4)),
    row(about_first(np.nanstd), A(3, 4), ddof=1),
    row(with_nans(np.nanstd), A(3, 4), axis=1, keepdims=True, where=MASK),
    row(np.average, A(3, 4), axis=0),
    row(np.average, A(3, 4), axis=1, returned=True),
    row(np.average, A(3, 4), weights=A(3, 4, low=0.2, high=0.9), _argnums=(0, "weights")),
    row(np.average, A(3, 4), axis=1, weights=A(4, low=0.2, high=0.9), _argnums=(0, "weights")),
    row(np.average, A(3, 4), 0, A(3, low=0.2, high=0.9), True, keepdims=True),
    row(np.median, A(5), _prims=("median",)),
    row(np.median, A(3, 4)),
    row(np.median, A(3, 4), axis=1, keepdims=True),
    row(np.median, A(2, 3, 2), axis=(0, 2)),
    row(with_nans(np.nanmedian), A(3, 4), axis=1, _complex=False, _prims=("nanmedian",)),
    *(
        row(np.quantile, A(3, 7), 0.37, axis=1, method=m, _argnums=0, _complex=False)
        for m in METHODS
    ),
    row(np.quantile, A(3, 4), 0.3, _argnums=0, _complex=False, _prims=("quantile",)),
    row(np.quantile, A(3, 4), [[0.1, 0.3, 0.9]], axis=0, _argnums=0, _complex=False),
    row(np.percentile, A(3, 4), 40, axis=(0, 1), _complex=False, _prims=("percentile",)),
    row(np.percentile, A(3, 4), [10, 90], axis=1, keepdims=True, _complex=False),
    row(
        with_nans(np.nanquantile),
        A(3, 4),
        0.3,
        axis=1,
        _argnums=0,
        _complex=False,
        _prims=("nanquantile",),
    ),
    row(with_nans(np.nanpercentile), A(3, 4), 40, _complex=False, _prims=("nanpercentile",)),
    row(np.cov, A(3, 5)),
    row(np.cov, A(5)),
    row(np.cov, A(2, 5), A(5, seed=1), bias=True),
    row(np.cov, A(5, 2), rowvar=False, ddof=2),
    row(np.cov, A(2, 4), fweights=COUNTS),
    row(
        np.cov,
        A(2, 4),
        fweights=COUNTS,
        aweights=A(4, low=0.2, high=0.9),
        _argnums=(0, "aweights"),
        _complex=False,
    ),
    row(np.corrcoef, A(3, 5)),
    row(np.corrcoef, A(5, 2), rowvar=False),
]
TestRules = rule_tests(ROWS)
