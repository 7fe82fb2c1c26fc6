"""Running sums, products and extrema."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

NAN = np.array([[0.3, np.nan, -1.2, 0.7], [np.nan, 0.4, 0.9, 1.3]])


def with_nans(function):
    """`function` of an array whose elements are partly replaced by NaN."""

    def f(x, **kwargs):
        return function(np.where(np.isnan(NAN), np.nan, x), **kwargs)

    f.__name__ = function.__name__
    return f


ROWS = [
    row(np.cumsum, A(3, 4), _prims=("cumsum",)),
    row(np.cumsum, A(3, 4), axis=0),
    row(np.cumsum, A(3, 4), axis=-1, dtype=np.float64, _complex=False),
    row(np.cumsum, 1.5),
    row(np.add.accumulate, A(3, 4), _id="add.accumulate"),
    row(np.cumprod, A(2, 3), _prims=("cumprod",)),
    row(np.cumprod, A(5, 2), axis=0),
    row(np.cumprod, A(2, 5), axis=-1, dtype=np.float64, _complex=False),
    row(np.multiply.accumulate, A(3, 4), axis=1, _id="multiply.accumulate"),
    row(np.maximum.accumulate, A(7), _id="maximum.accumulate", _prims=("maximum.accumulate",)),
    row(np.maximum.accumulate, A(3, 5), axis=1, _id="maximum.accumulate"),
    row(np.minimum.accumulate, A(7), _id="minimum.accumulate", _prims=("minimum.accumulate",)),
    row(np.minimum.accumulate, A(5, 3), axis=0, _id="minimum.accumulate"),
    row(with_nans(np.nancumsum), A(2, 4), axis=1),
    row(with_nans(np.nancumprod), A(2, 4), axis=1),
]
if hasattr(np, "cumulative_sum"):
    ROWS += [
        row(np.cumulative_sum, A(3, 4), axis=0, include_initial=True),
        row(np.cumulative_prod, A(4), include_initial=True),
        row(np.cumulative_prod, A(3, 4), axis=1),
    ]
TestRules = rule_tests(ROWS)


def running_products(x, *skipped):
    """Running products, leaving out some elements; 0 before they come."""
    y = x.copy()
    y[list(skipped)] = 1.0
    products = np.cumprod(y)
    products[: max(skipped)] = 0.0
    return products


@pytest.mark.parametrize(
    "x",
    [
        np.array([2.0, 0.0, 3.0, -1.0]),
        np.array([0.0, 2.0, 0.0, 3.0, 0.5]),
        np.zeros(3),
        np.array([2.0, 0.0, 1.0 + 2.0j]),
    ],
)
def test_cumprod_with_zeros_has_the_derivatives_of_a_polynomial(x):
    expected = np.stack([running_products(x, i) for i in range(x.size)])
    eye = np.eye(x.size, dtype=x.dtype)
    with np.errstate(all="raise"):
        tangents = [dd.jvp(np.cumprod, (x,), (t,))[1] for t in eye]
        _, pullback = dd.vjp(np.cumprod, x)
        cotangents = [pullback(g)[0] for g in eye]
    np.testing.assert_array_equal(tangents, expected)
    np.testing.assert_array_equal(np.transpose(cotangents), expected)


def test_cumprod_with_zeros_has_the_second_derivatives_of_a_polynomial():
    x = np.array([0.0, 2.0, 0.0, 3.0, 0.5])
    second = dd.jacobian(dd.jacobian(np.cumprod))(x)
    for i in range(5):
        for j in range(5):
            expected = running_products(x, i, j) if i != j else np.zeros(5)
            np.testing.assert_array_equal(second[:, i, j], expected)


def test_cumprod_of_extreme_elements_has_a_finite_derivative():
    x = np.array([1e-200, 1e-200, 1e300])
    jacobian = dd.jacobian(np.cumprod)(x)
    np.testing.assert_allclose(jacobian[2], [1e100, 1e100, 0.0], rtol=1e-14)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_ties_of_a_running_maximum_share_the_derivative_equally(mode):
    x = np.array([1.0, 3.0, 2.0, 3.0, 3.0, 5.0, 5.0])
    expected = np.zeros((7, 7))
    for k in range(7):
        equal = x[: k + 1] == x[: k + 1].max()
        expected[k, : k + 1] = equal / equal.sum()
    jacobian = dd.jacobian(np.maximum.accumulate, mode=mode)(x)
    np.testing.assert_allclose(jacobian, expected, rtol=1e-15)
    jacobian = dd.jacobian(lambda x: np.minimum.accumulate(-x), mode=mode)(x)
    np.testing.assert_allclose(jacobian, -expected, rtol=1e-15)


@pytest.mark.parametrize("function", [np.cumsum, np.cumprod, np.maximum.accumulate])
def test_running_functions_of_nothing_have_an_empty_derivative(function):
    assert dd.jacobian(function)(np.zeros(0)).shape == (0, 0)
    assert dd.jacobian(function)(np.ones(1)).tolist() == [[1.0]]


def test_accumulate_of_a_scalar_is_the_error_of_numpy():
    with pytest.raises(TypeError, match="cannot accumulate on a scalar"):
        dd.grad(np.add.accumulate)(1.0)


def test_out_takes_the_running_sum_and_its_derivative():
    def f(x):
        out = dd.numpy.zeros(3)
        np.cumsum(x, out=out)
        return np.sum(out**2)

    x = A(3)
    np.testing.assert_array_equal(dd.grad(f)(x), dd.grad(lambda x: np.sum(np.cumsum(x) ** 2))(x))
