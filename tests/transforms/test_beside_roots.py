"""Functions of norms that are smooth where the norm is 0: right, or NaN where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dualdiff as dd

NORM = np.linalg.norm
ZERO = np.zeros(2)
EYE = np.eye(2)


def rooted(x):
    return np.sqrt(np.sum(x**2))


def complex_of(x):
    return x[0] + 1j * x[1]


def matern(r):
    return (1 + 5**0.5 * r + 5 / 3 * r**2) * np.exp(-(5**0.5) * r)


SMOOTH = {
    "norm**2": (lambda x: 0.5 * NORM(x) ** 2, EYE),
    "square(norm)": (lambda x: np.square(NORM(x)), 2 * EYE),
    "norm*norm": (lambda x: NORM(x) * NORM(x), 2 * EYE),
    "scaled": (lambda x: np.exp(-0.5 * (NORM(x) / 0.5) ** 2), -4 * EYE),
    "narrow": (lambda x: np.exp(-((NORM(x) / 1e-6) ** 2)), -2e12 * EYE),
    "wide": (lambda x: np.exp(-((NORM(x) / 1e6) ** 2)), -2e-12 * EYE),
    "norm**4": (lambda x: NORM(x) ** 4, 0 * EYE),
    "norm**3": (lambda x: NORM(x) ** 3, 0 * EYE),
    "cos(norm)": (lambda x: np.cos(NORM(x)), -EYE),
    "frobenius": (lambda x: NORM(np.outer(x, np.ones(3)), "fro") ** 2, 6 * EYE),
    "vector_norm": (lambda x: np.linalg.vector_norm(x) ** 2, 2 * EYE),
    "hypot**2": (lambda x: np.hypot(x[0], x[1]) ** 2, 2 * EYE),
    "hypot.reduce**2": (lambda x: np.hypot.reduce(x) ** 2, 2 * EYE),
    "abs(z)**2": (lambda x: np.abs(complex_of(x)) ** 2, 2 * EYE),
    "abs(x)**2": (lambda x: np.sum(np.abs(x) ** 2), 2 * EYE),
    "abs(x)*abs(x)": (lambda x: np.sum(abs(x) * abs(x)), 2 * EYE),
    "fabs(x)**2": (lambda x: np.sum(np.fabs(x) ** 2), 2 * EYE),
    "sqrt(sum)**2": (lambda x: rooted(x) ** 2, 2 * EYE),
    "sqrt(dot)**2": (lambda x: np.sqrt(x @ x) ** 2, 2 * EYE),
    "dot**0.5 squared": (lambda x: ((x @ x) ** 0.5) ** 2, 2 * EYE),
    "exp(-sqrt(sum)**2)": (lambda x: np.exp(-(rooted(x) ** 2)), -2 * EYE),
    "beside an infinite branch": (
        lambda x: NORM(x) ** 2 + np.sum(np.where(x > 0, np.sqrt(x), 0.0)),
        2 * EYE,
    ),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_of_roots_have_their_derivatives_at_zero(name):
    f, right = SMOOTH[name]
    v = np.array([1.0, -2.0])
    np.testing.assert_allclose(dd.grad(f)(ZERO), ZERO, atol=1e-15)
    np.testing.assert_allclose(dd.hessian(f)(ZERO), right, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dd.hvp(f)(ZERO, v), right @ v, rtol=1e-12, atol=1e-14)
    linear = dd.linearize(dd.grad(f), ZERO)[1]
    for product in (linear.jvp(v), linear.vjp(v)[0], dd.hessian_operator(f)(ZERO) @ v):
        np.testing.assert_allclose(product, right @ v, rtol=1e-12, atol=1e-14)


def test_the_sparse_hessian_of_a_square_of_a_norm_at_zero():
    found = dd.hessian(lambda x: 0.5 * NORM(x) ** 2, sparse=True)(ZERO)
    np.testing.assert_allclose(found.toarray(), EYE, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("root", [NORM, rooted])
def test_covariances_of_a_matern_process_and_its_gradient_at_equal_points(root):
    # -k''(0) = 5/3 (Rasmussen and Williams, Gaussian Processes for Machine Learning, 4.17)
    x = np.array([1.3, -0.2])
    found = dd.jacobian(dd.grad(lambda x, y: matern(root(x - y)), 0), 1)(x, x.copy())
    np.testing.assert_allclose(found, 5 / 3 * EYE, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("distance", ["norm", "sqrt"])
def test_a_kernel_of_all_pairs_has_the_hessian_of_squared_distances(distance):
    def squares(x):
        return np.sum((x[:, None] - x[None]) ** 2, axis=-1)

    def distances(x):
        return NORM(x[:, None] - x[None], axis=-1) if distance == "norm" else np.sqrt(squares(x))

    x = np.array([[0.0, 1.0], [2.0, 3.0], [0.5, 0.1]])
    found = dd.hessian(lambda x: np.sum(np.exp(-(distances(x) ** 2))))(x)
    right = dd.hessian(lambda x: np.sum(np.exp(-squares(x))))(x)
    np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-14)


def test_pairs_of_one_point_with_itself_add_nothing():
    i, j = np.triu_indices(3, 1)
    x = np.array([[0.0, 1.0], [2.0, 3.0], [0.5, 0.1]])
    found = dd.hessian(lambda x: np.sum(NORM(x[:, None] - x[None], axis=-1)))(x)
    right = dd.hessian(lambda x: 2 * np.sum(NORM(x[i] - x[j], axis=-1)))(x)
    np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("function", [np.std, np.nanstd])
@pytest.mark.parametrize("value", [0.0, 0.1, 7.3])
def test_the_square_of_a_deviation_of_equal_elements_is_a_variance(function, value):
    found = dd.hessian(lambda x: function(x) ** 2)(np.full(3, value))
    np.testing.assert_allclose(found, 2 / 3 * (np.eye(3) - 1 / 3), rtol=1e-12)


def test_complex_arguments():
    found = dd.hessian(lambda z: np.abs(z) ** 2, as_real=True)(0j)
    np.testing.assert_allclose(found, 2 * EYE, rtol=1e-12)


KINKS = {
    "norm": NORM,
    "norm of order 3, squared": lambda x: NORM(x, 3) ** 2,
    "exp(-norm)": lambda x: np.exp(-NORM(x)),
    "hypot": lambda x: np.hypot(x[0], x[1]),
    "complex abs": lambda x: np.abs(complex_of(x)),
    "std": np.std,
    "sqrt(sum)": rooted,
    "norm + norm**2": lambda x: NORM(x) + NORM(x) ** 2,
    "a small jump": lambda x: NORM(x) ** 2 + 1e-4 * np.sum(np.abs(x) * x),
    "a smaller jump": lambda x: NORM(x) ** 2 + 1e-6 * x[0] * NORM(x),
    "a small kink": lambda x: NORM(x) ** 2 + 1e-7 * NORM(x),
}


@pytest.mark.parametrize("name", KINKS)
def test_kinks_have_no_second_derivative(name):
    assert np.isnan(dd.hessian(KINKS[name])(ZERO)).any()


def test_squares_of_singular_values_at_zero():
    def squares(a):
        return np.sum(np.linalg.svdvals(a) ** 2)

    found = dd.hessian(squares)(np.diag([1.0, 0.0]))
    np.testing.assert_allclose(found.reshape(4, 4), 2 * np.eye(4), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("singular", [np.zeros((2, 2)), np.ones((2, 2)), np.diag([1.0, 0.0])])
def test_slogdet_of_a_singular_matrix_has_no_derivatives(singular):
    def log_det(a):
        return np.linalg.slogdet(a)[1]

    assert np.isnan(dd.grad(log_det)(singular)).all()
    assert np.isnan(dd.hessian(log_det)(singular)).all()


@pytest.mark.parametrize("order", [2, -2])
def test_one_of_several_equal_singular_values_has_no_second_derivative(order):
    assert np.isnan(dd.hessian(lambda a: np.linalg.norm(a, order))(np.eye(2))).all()
    distinct = dd.hessian(lambda a: np.linalg.norm(a, order))(np.diag([1.0, 2.0])).reshape(4, 4)
    np.testing.assert_allclose(distinct, distinct.T, atol=1e-14)


def test_a_root_of_a_sum_has_no_gradient_at_zero():
    assert np.isnan(dd.grad(rooted)(ZERO)).all()


def test_third_derivatives_of_squares_of_norms_are_limits_or_nan():
    def third(f):
        return dd.jacobian(dd.hessian(f))(ZERO)

    right = np.zeros((2, 2, 2))  # of (x**2 + y**2) x
    right[0, 0, 0], right[0, 1, 1], right[1, 0, 1], right[1, 1, 0] = 6.0, 2.0, 2.0, 2.0
    np.testing.assert_allclose(third(lambda x: NORM(x) ** 2 * x[0]), right, atol=1e-12)
    assert np.isnan(third(lambda x: NORM(x) ** 2)).all()  # 0, which rounding hides


@pytest.mark.parametrize("root", [np.abs, lambda z: np.abs(z + 0j), lambda z: np.sqrt(z**2)])
def test_beside_a_root_arrays_keep_the_layout_that_makes_views_or_copies(root: Any) -> None:
    start = np.arange(1.0, 7.0).reshape(2, 3)
    for x in (start, np.asfortranarray(start), start[::-1].copy()[::-1]):
        constant = x.copy(order="K")

        def curved(x: Any, constant: Any = constant) -> Any:
            a = root(x - constant)
            flat = a.ravel()
            flat[5] = 1.0  # through a view, or into a copy
            kept = (x * 1.0).ravel()
            kept[5] = 2.0
            return np.sum(a**2) + np.sum(x**2)

        plain = root(x - constant)
        is_view = np.shares_memory(plain, plain.ravel())
        expected = np.full(6, 4.0)
        expected[5] = 2.0 if is_view else 4.0
        np.testing.assert_allclose(dd.hvp(curved)(x, np.ones((2, 3))).ravel(), expected)


def test_beside_a_root_a_result_may_be_constant():
    def alone(x: Any) -> Any:
        return np.sqrt(x * x) if dd.value_of(x) == 0 else 1.0

    def below(x: Any) -> Any:
        return 3.0 if dd.value_of(x) > 0 else np.sqrt(x * x) ** 2

    assert np.isnan(dd.jvp(alone, (0.0,), (1.0,))[1])
    assert dd.jvp(below, (0.0,), (1.0,))[1] == 0
