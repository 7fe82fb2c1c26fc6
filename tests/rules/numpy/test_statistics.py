"""Averages, variances, quantiles and correlations."""

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
    """`function` of rows with a NaN each, about their first elements."""

    def f(x, **kwargs):
        nan = np.arange(4) == np.arange(3)[:, None]
        return function(np.where(nan, np.nan, x), mean=x[:, :1], axis=1, **kwargs)

    f.__name__ = f"{function.__name__}-mean"
    return f


def var_of_complex_data(x, mean):
    """The variance of complex data about a complex mean."""
    return np.var(x + 1j * x[::-1], axis=1, mean=mean * (1 + 2j))


METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
    "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher",
    "midpoint", "nearest",
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


@pytest.mark.parametrize("function", [np.std, np.nanstd])
def test_std_has_derivative_zero_where_it_is_zero(function):
    x = np.array([[2.0, 2.0], [1.0, 3.0]])
    with np.errstate(all="raise"):
        value, pullback = dd.vjp(lambda x: function(x, axis=1), x)
        tangent = dd.jvp(lambda x: function(x, axis=1), (x,), (A(2, 2),))[1]
    np.testing.assert_array_equal(value, [0.0, 1.0])
    np.testing.assert_array_equal(pullback(np.ones(2))[0], [[0.0, 0.0], [-0.5, 0.5]])
    assert tangent[0] == 0
    second = dd.hessian(lambda x: np.sum(function(x, axis=1)))(x)
    assert np.isnan(second[0, :, 0]).all()
    assert np.isfinite(second[1]).all()


def test_var_of_complex_data_is_real_and_has_twice_the_conjugate_deviation():
    x = A(4, complex=True)
    value, gradient = dd.value_and_grad(np.var)(x)
    assert value.dtype == float
    np.testing.assert_allclose(gradient, 2 * np.conj(x - x.mean()) / 4, rtol=1e-14)


def test_var_keeps_its_precision_far_from_zero():
    x = 1e9 + np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(dd.grad(np.var)(x), [-2 / 3, 0.0, 2 / 3], atol=1e-12)


def test_masked_and_nan_elements_have_derivative_zero():
    x = np.array([2.0, np.nan, 4.0, np.inf])
    where = np.array([True, False, True, False])
    for call, expected in (
        (lambda x: np.mean(x, where=where), [0.5, 0.0, 0.5, 0.0]),
        (lambda x: np.var(x, where=where), [-1.0, 0.0, 1.0, 0.0]),
        (lambda x: np.std(x, where=where), [-0.5, 0.0, 0.5, 0.0]),
        (lambda x: np.nanmean(x[:3]), [0.5, 0.0, 0.5, 0.0]),
        (lambda x: np.nanvar(x[:3]), [-1.0, 0.0, 1.0, 0.0]),
        (lambda x: np.nanmedian(x[:3]), [0.5, 0.0, 0.5, 0.0]),
    ):
        np.testing.assert_array_equal(dd.grad(call)(x), expected)


def test_ddof_and_correction_together_are_the_error_of_numpy():
    for mean in ({}, {"mean": 1.0}):
        with pytest.raises(ValueError, match="ddof and correction"):
            dd.grad(lambda x: np.var(x, ddof=1, correction=1, **mean))(np.ones(3))  # noqa: B023


def test_too_few_degrees_of_freedom_warn_as_in_numpy():
    with pytest.warns(RuntimeWarning, match="Degrees of freedom <= 0"), np.errstate(all="ignore"):
        dd.grad(lambda x: np.var(x, ddof=1))(np.ones(1))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_equal_elements_share_the_derivative_of_a_median_equally(mode):
    jacobian = dd.jacobian(lambda x: np.median(x, axis=1), mode=mode)
    x = np.array([[1.0, 2.0, 2.0, 2.0, 5.0], [4.0, 1.0, 4.0, 9.0, 0.0]])
    third = 1 / 3
    np.testing.assert_allclose(jacobian(x)[0, 0], [0.0, third, third, third, 0.0], rtol=1e-15)
    np.testing.assert_allclose(jacobian(x)[1, 1], [0.5, 0.0, 0.5, 0.0, 0.0], rtol=1e-15)
    x = np.array([[1.0, 2.0, 3.0, 3.0]])
    np.testing.assert_allclose(jacobian(x)[0, 0], [0.0, 0.5, 0.25, 0.25], rtol=1e-15)


def test_median_of_a_nan_gives_the_derivative_to_the_nan():
    gradient = dd.grad(np.median)(np.array([1.0, np.nan, 3.0]))
    np.testing.assert_array_equal(gradient, [0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    "x", [np.array([1.0 + 1j, 2.0 - 1j, 0.5 + 3j]), np.array([1.0, 2j, 3.0, 0.5])]
)
def test_median_of_complex_data_is_that_of_the_middle_elements(x):
    middle = np.sort(x)[(x.size - 1) // 2 : x.size // 2 + 1]
    value, pullback = dd.vjp(np.median, x)
    assert value == np.median(x)
    np.testing.assert_array_equal(pullback(1.0 + 0j)[0], np.isin(x, middle) / middle.size)


@pytest.mark.parametrize("function", [np.quantile, np.percentile, np.nanquantile, np.nanpercentile])
def test_weighted_quantiles_are_elements_that_take_the_derivative(function):
    x, weights = np.array([1.0, 2.0, 3.0]), np.array([0.2, 0.3, 0.9])
    q = 50.0 if "percentile" in function.__name__ else 0.5

    def f(x, w, q):
        return function(x, q, weights=w, method="inverted_cdf")

    value, gradients = dd.value_and_grad(f, (0, 1, 2))(x, weights, q)
    assert value == f(x, weights, q) == 3.0
    np.testing.assert_array_equal(gradients[0], [0, 0, 1])
    np.testing.assert_array_equal(gradients[1], 0)
    assert gradients[2] == 0


CONTINUOUS = "linear hazen weibull median_unbiased normal_unbiased interpolated_inverted_cdf"
JUMPING = "lower higher nearest midpoint inverted_cdf averaged_inverted_cdf closest_observation"


@pytest.mark.parametrize("method", f"{CONTINUOUS} {JUMPING}".split())
def test_quantiles_move_with_their_level_as_the_method_says(method):
    x = np.array([[0.3, -1.2, 2.0, 0.9], [1.4, 0.1, -0.7, 2.2]])
    for q in (0.02, 0.17, 0.41, 0.66, 0.99):

        def f(q):
            return np.quantile(x, q, axis=1, method=method)

        numeric = (f(q + 1e-6) - f(q - 1e-6)) / 2e-6
        found = dd.derivative(lambda q: dd.numpy.quantile(1.0 * x, q, axis=1, method=method))(q)
        np.testing.assert_allclose(found, numeric, rtol=1e-8, atol=1e-8)


def test_quantile_without_the_right_q_is_the_error_of_numpy():
    with pytest.raises(ValueError, match="Quantiles must be in the range"):
        dd.grad(lambda x: np.quantile(x, 1.5))(np.ones(3))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.average(x, weights=np.ones(2)), TypeError, "Axis must be specified"),
        (lambda x: np.average(x, 0, np.ones(3)), ValueError, "Shape of weights must be consistent"),
        (lambda x: np.average(x, 0, np.zeros(2)), ZeroDivisionError, "Weights sum to zero"),
        (lambda x: np.cov(x, ddof=0.5), ValueError, "ddof must be"),
        (lambda x: np.cov(x, fweights=np.ones(5)), RuntimeError, "incompatible numbers of samples"),
        (lambda x: np.cov(x, aweights=-np.ones(3)), ValueError, "cannot be negative"),
        (lambda x: np.cov(x[None]), ValueError, "more than 2 dim"),
    ],
)
def test_errors_are_those_of_numpy(call, error, text):
    for f in (call, lambda x: dd.vjp(call, x)):
        with pytest.raises(error, match=text):
            f(np.ones((2, 3)))


def test_correlation_of_one_variable_is_one_with_derivative_zero():
    value, gradient = dd.value_and_grad(lambda x: np.corrcoef(x) + 0)(A(5))
    assert value == 1
    np.testing.assert_allclose(gradient, np.zeros(5), atol=1e-15)


def test_correlation_does_not_depend_on_the_scale():
    x = A(2, 5)
    tangent = dd.jvp(np.corrcoef, (x,), (x * [[2.0], [0.0]],))[1]
    np.testing.assert_allclose(tangent, np.zeros((2, 2)), atol=1e-15)


@pytest.mark.parametrize("function", [np.mean, np.var, np.std, np.median])
def test_statistics_of_empty_lines_have_an_empty_derivative(function):
    x = np.zeros((0, 3))
    assert dd.grad(lambda x: np.sum(function(x, axis=1)))(x).shape == (0, 3)


@pytest.mark.parametrize("value", [0.1, 0.3, 1e10 / 3, -7.7])
@pytest.mark.parametrize("std", [np.std, np.nanstd])
def test_deviation_of_equal_elements_has_derivative_zero_in_spite_of_rounding(std, value):
    for n in (3, 7, 10):
        assert dd.grad(lambda s, n=n: std(s * np.ones(n)))(value) == 0
        assert np.all(dd.grad(std)(np.full(n, value)) == 0)
    x = np.stack([np.full(5, value), np.arange(5.0)])
    gradient = dd.grad(lambda x: np.sum(std(x, axis=1)))(x)
    assert np.all(gradient[0] == 0)
    assert np.allclose(gradient[1], (np.arange(5) - 2) / 5 / np.sqrt(2))
    value_of, _ = dd.value_and_grad(std)(x[0])
    assert value_of == std(x[0])
