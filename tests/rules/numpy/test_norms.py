"""Norms of vectors and matrices."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

NORM, VECTOR, MATRIX = np.linalg.norm, np.linalg.vector_norm, np.linalg.matrix_norm

ROWS = [
    row(NORM, A(5), _prims=("two_norm",)),
    row(NORM, A(2, 3, 2), keepdims=True),
    row(NORM, 1.5),
    row(NORM, A(3, 4), axis=1),
    row(NORM, A(3, 4), "fro"),
    row(NORM, A(2, 3, 2), axis=(0, -1), keepdims=True),
    *(row(NORM, A(5), ord=p) for p in (2, 1, np.inf, -np.inf)),
    *(row(NORM, A(3, 4), ord=p, axis=0) for p in (2, 1, np.inf, -np.inf)),
    *(row(NORM, A(5), ord=p, _prims=("p_norm",)) for p in (3, 2.5, 1.5, 0.5, -1)),
    row(NORM, A(3, 4), ord=3, axis=-1, keepdims=True),
    *(row(NORM, A(3, 4), ord=p) for p in (1, -1, np.inf, -np.inf)),
    *(row(NORM, A(3, 4), ord=p) for p in (2, -2, "nuc")),
    *(row(NORM, A(3, 2, 2), ord=p, axis=(0, 2), keepdims=True) for p in (2, -2, "nuc")),
    row(NORM, A(2, 3, 4), ord=1, axis=(2, 0), keepdims=True),
    row(NORM, A(2, 3, 4), ord=-np.inf, axis=(2, 0)),
    row(VECTOR, A(2, 3)),
    row(VECTOR, A(2, 3, 2), axis=(2, 0), ord=3, keepdims=True),
    row(VECTOR, A(2, 3), axis=1, ord=1),
    row(MATRIX, A(2, 3, 4)),
    row(MATRIX, A(2, 3, 4), ord=np.inf, keepdims=True),
    *(row(MATRIX, A(2, 3, 2), ord=p) for p in ("nuc", 2, -2, 1, -1, -np.inf)),
    *(row(VECTOR, A(2, 3), axis=1, ord=p) for p in (-1, np.inf, -np.inf)),
]
TestRules = rule_tests(ROWS)
ORDERS = [None, 2, 1, np.inf, -np.inf, 3, 1.5]


@pytest.mark.parametrize("order", [*ORDERS, 0, 0.5])
@pytest.mark.parametrize("dtype", [float, complex])
def test_norm_has_derivative_zero_at_zero_without_a_warning(order, dtype):
    x = np.zeros(3, dtype)
    with np.errstate(all="raise"):
        value, pullback = dd.vjp(lambda x: NORM(x, order), x)
        tangent = dd.jvp(lambda x: NORM(x, order), (x,), (np.ones(3, dtype),))[1]
    assert value == 0
    assert tangent == 0
    np.testing.assert_array_equal(pullback(1.0)[0], np.zeros(3))


@pytest.mark.parametrize("order", [None, 2, 3, 1.5])
def test_norm_has_no_second_derivative_at_zero(order):
    assert np.isnan(dd.hessian(lambda x: NORM(x, order))(np.zeros(3))).all()


@pytest.mark.parametrize("order", [1, np.inf, -np.inf])
def test_norms_of_absolute_values_have_second_derivative_zero_at_zero(order):
    np.testing.assert_array_equal(
        dd.hessian(lambda x: NORM(x, order))(np.zeros(3)), np.zeros((3, 3))
    )


@pytest.mark.parametrize("order", ["fro", 1, -1, np.inf, -np.inf])
def test_matrix_norm_has_derivative_zero_at_zero(order):
    np.testing.assert_array_equal(
        dd.grad(lambda x: NORM(x, order))(np.zeros((2, 3))), np.zeros((2, 3))
    )


def test_squared_norm_has_its_gradient_at_zero():
    np.testing.assert_array_equal(dd.grad(lambda x: NORM(x) ** 2)(np.zeros(3)), np.zeros(3))


def test_one_zero_row_does_not_touch_the_others():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    gradient = dd.grad(lambda x: np.sum(NORM(x, axis=1)))(x)
    np.testing.assert_allclose(gradient, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-15)


@pytest.mark.parametrize("p", [3, 1.5])
def test_zero_elements_of_a_p_norm_have_derivative_zero(p):
    x = np.array([2.0, 0.0, -1.0])
    total = 2.0**p + 1
    expected = np.array([2.0 ** (p - 1), 0.0, -1.0]) * total ** (1 / p - 1)
    np.testing.assert_allclose(dd.grad(lambda x: NORM(x, p))(x), expected, rtol=1e-14)
    second = np.diag(dd.hessian(lambda x: NORM(x, p))(x))
    assert np.isfinite(second[[0, 2]]).all()
    assert second[1] == 0 if p > 2 else np.isnan(second[1])  # infinite if p < 2


def test_negative_order_with_a_zero_has_derivative_zero():
    x = np.array([2.0, 0.0, -1.0])
    with np.errstate(divide="ignore"):  # NumPy's own, from 0**-1
        value, gradient = dd.value_and_grad(lambda x: NORM(x, -1))(x)
    assert value == 0
    np.testing.assert_array_equal(gradient, np.zeros(3))


def test_ties_of_the_maximum_norm_share_the_derivative_equally():
    gradient = dd.grad(lambda x: NORM(x, np.inf))(np.array([2.0, -2.0, 1.0]))
    np.testing.assert_array_equal(gradient, [0.5, -0.5, 0.0])


def test_count_of_nonzeros_has_derivative_zero():
    value, gradient = dd.value_and_grad(lambda x: NORM(x, 0) * x[0])(np.array([3.0, 0.0, 1.0]))
    assert value == 6.0
    np.testing.assert_array_equal(gradient, [2.0, 0.0, 0.0])


def test_huge_and_tiny_vectors_have_a_finite_gradient():
    for scale in (1e150, 1e-150):
        gradient = dd.grad(NORM)(np.array([3.0, 4.0]) * scale)
        np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: NORM(x[0], "fro"), "Invalid norm order 'fro' for vectors"),
        (lambda x: NORM(x, 3), "Invalid norm order for matrices"),
        (lambda x: NORM(np.stack([x, x]), 1), "Improper number of dimensions"),
        (lambda x: NORM(np.stack([x, x]), axis=(0, 1, 2)), "Improper number of dimensions"),
    ],
)
def test_errors_are_those_of_numpy(call, text):
    for f in (call, lambda x: dd.vjp(call, x)):
        with pytest.raises(ValueError, match=text):
            f(np.ones((2, 3)))


@pytest.mark.parametrize("order", [2, -2, "nuc"])
def test_norm_by_singular_values_has_derivative_zero_at_zero(order):
    assert np.all(dd.grad(lambda x: NORM(x, order))(np.zeros((2, 3))) == 0)


def test_largest_singular_values_that_are_equal_share_the_derivative():
    gradient = dd.grad(lambda x: NORM(x, 2))(np.diag([3.0, 3.0, 1.0]))
    np.testing.assert_allclose(gradient, np.diag([0.5, 0.5, 0.0]), atol=1e-15)


def test_count_of_nonzeros_of_vector_norm_has_derivative_zero():
    assert np.all(dd.grad(lambda x: np.sum(VECTOR(x, ord=0, axis=1)))(np.ones((2, 3))) == 0)


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
@pytest.mark.parametrize("order", [2, 1, 3])
def test_norm_of_nothing_has_an_empty_derivative(shape, order):
    gradient = dd.grad(lambda x: np.sum(VECTOR(x, axis=-1, ord=order)))(np.zeros(shape))
    assert gradient.shape == shape


def test_vector_norm_over_empty_axes_has_an_empty_derivative():
    gradient = dd.grad(lambda x: np.sum(VECTOR(x, axis=(3, 0), keepdims=True)))
    assert gradient(np.zeros((1, 0, 4, 2))).shape == (1, 0, 4, 2)


@pytest.mark.parametrize("order", ["fro", "nuc", 1, 2, np.inf])
@pytest.mark.parametrize("shape", [(0, 1, 2), (2, 0, 3), (2, 3, 0), (0, 0)])
def test_matrix_norm_of_nothing_has_an_empty_derivative(shape, order):
    try:
        expected = np.sum(MATRIX(np.zeros(shape), ord=order))
    except ValueError:
        pytest.skip("this version of NumPy has no norm of an empty matrix")
    value, gradient = dd.value_and_grad(lambda x: np.sum(MATRIX(x, ord=order)))(np.zeros(shape))
    assert value == expected
    assert gradient.shape == shape
