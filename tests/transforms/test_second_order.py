"""Products of second order: their arguments, and operators on complex numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse.linalg

import dualdiff as dd

X = np.array([0.5, 1.5, 2.5])


def f(x: Any, y: Any = 1.0) -> Any:
    return np.sum(x**3 * y**2)


@pytest.mark.parametrize("product", [dd.hvp, dd.ggn_vp])
def test_a_forgotten_vector_is_named(product: Any) -> None:
    for args, kwargs in (((X,), {}), ((), {}), ((X,), {"v": X}), ((), {"x": X})):
        with pytest.raises(TypeError, match=r"\(f\)\(x, v\), at test_second_order"):
            product(f)(*args, **kwargs)


def test_vectors_follow_arguments_by_position_and_by_name() -> None:
    expected = 6 * X * 4.0 * np.ones(3)
    np.testing.assert_allclose(dd.hvp(f)(X, 2.0, np.ones(3)), expected)
    np.testing.assert_allclose(dd.hvp(f, "x")(np.ones(3), x=X, y=2.0), expected)
    np.testing.assert_allclose(dd.hvp(f, ("x",))((np.ones(3),), x=X, y=2.0)[0], expected)
    np.testing.assert_allclose(dd.hvp(f, -2)(X, 2.0, np.ones(3)), expected)


@pytest.mark.parametrize("apply", [lambda g: dd.vjp(g, X), lambda g: dd.jvp(g, (X,), (X,))])
def test_a_value_in_the_place_of_the_function_is_refused(apply: Any) -> None:
    with pytest.raises(TypeError, match=r"function to be differentiated is a float64, at test_"):
        apply(np.float64(3.0))


def test_a_linear_operator_between_real_and_complex_numbers_is_linear_over_the_reals() -> None:
    a = np.array([[1 + 1j, 2], [0, 3j], [1, 1]])
    op = dd.linearize(lambda x: a @ x, np.ones(2))[1].as_linear_operator()
    np.testing.assert_array_equal(op @ np.eye(2), a)
    np.testing.assert_array_equal(op.H @ np.array([1j, 1j, 0]), [1.0, 3.0])
    b = np.array([1.0 + 1j, 2j, 0.0])
    solved = scipy.sparse.linalg.lsqr(op, b, atol=1e-14, btol=1e-14)[0]
    stacked = np.vstack([a.real, a.imag]), np.concatenate([b.real, b.imag])
    np.testing.assert_allclose(solved, np.linalg.lstsq(*stacked)[0], rtol=1e-8)
    with pytest.raises(TypeError, match=r"complex vector .* at test_second_order"):
        op @ np.array([1j, 0])
    real = dd.linearize(lambda z: np.real(a @ z), np.ones(2, complex))[1].as_linear_operator()
    with pytest.raises(TypeError, match="complex vector"):
        real.H @ np.array([1j, 0, 0])


def with_aux(x: Any) -> Any:
    return np.sum(x**3), {"squares": x**2, "note": "of f"}


@pytest.mark.parametrize(
    ("apply", "expected"),
    [
        (lambda: dd.elementwise_grad(with_aux, has_aux=True)(X), 3 * X**2),
        (lambda: dd.hvp(with_aux, has_aux=True)(X, np.ones(3)), 6 * X),
        (lambda: dd.hvp(with_aux, (0,), has_aux=True)(X, (np.ones(3),)), (6 * X,)),
        (lambda: dd.derivative(lambda t: with_aux(t * X), has_aux=True)(1.0), 3 * np.sum(X**3)),
    ],
    ids=["elementwise_grad", "hvp", "hvp of a tuple", "derivative"],
)
def test_what_stands_beside_the_result_comes_back_plain(apply: Any, expected: Any) -> None:
    found, aux = apply()
    np.testing.assert_allclose(found, expected)
    assert type(aux["squares"]) is np.ndarray
    assert aux["note"] == "of f"
    np.testing.assert_allclose(aux["squares"], X**2)


def test_aux_comes_beside_second_derivatives() -> None:
    def f(x: Any) -> Any:
        return np.sum(x**3), 2 * x

    x, v = np.array([1.0, 2.0]), np.array([1.0, -1.0])
    hessian, aux = dd.hessian(f, has_aux=True)(x)
    np.testing.assert_allclose(hessian, np.diag(6 * x))
    np.testing.assert_array_equal(aux, 2 * x)
    operator, aux = dd.hessian_operator(f, has_aux=True)(x)
    np.testing.assert_allclose(operator @ v, 6 * x * v)
    np.testing.assert_array_equal(aux, 2 * x)
    product, aux = dd.ggn_vp(lambda x: (x**2, "aux"), has_aux=True)(x, v)
    np.testing.assert_allclose(product, 4 * x**2 * v)
    assert aux == "aux"


@pytest.mark.parametrize("method", ["trust-ncg", "trust-krylov", "Newton-CG", "trust-constr"])
def test_scipys_minimisers_take_a_hessian_operator(method: str) -> None:
    def loss(x: Any) -> Any:
        return np.sum(np.cosh(x - 1.0)) + np.sum(x[1:] * x[:-1]) ** 2

    found: Any = scipy.optimize.minimize(
        dd.value_and_grad(loss), X, jac=True, method=method, hess=dd.hessian_operator(loss)
    )
    np.testing.assert_allclose(dd.grad(loss)(found.x), 0.0, atol=1e-4)
    operator = dd.hessian_operator(loss)(X)
    np.testing.assert_allclose(np.dot(operator, X), dd.hessian(loss)(X) @ X)
    assert np.shape(operator) == (3, 3)
