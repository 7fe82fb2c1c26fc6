"""autograd's operators, with its signatures and conventions."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as onp
import pytest

import dualdiff.compat.autograd.numpy as np
from dualdiff.compat import autograd
from dualdiff.compat.autograd import (
    checkpoint,
    deriv,
    egrad,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian,
    hessian_tensor_product,
    hessian_vector_product,
    holomorphic_grad,
    jacobian,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_vjp,
    multigrad_dict,
    tensor_jacobian_product,
    value_and_grad,
    vector_jacobian_product,
)
from dualdiff.compat.autograd.differential_operators import make_jvp_reversemode
from dualdiff.compat.autograd.extend import primitive

X = onp.array([0.5, -1.0, 2.0])
V = onp.array([1.0, 0.25, -0.5])
M = onp.array([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
OPERATORS = (deriv, elementwise_grad, grad, hessian, holomorphic_grad, jacobian, value_and_grad)


def model(x: Any) -> Any:
    """Two outputs of three inputs."""
    return np.tanh(M @ x)


def model_jacobian(x: Any) -> Any:
    return (1 - onp.tanh(M @ x) ** 2)[:, None] * M


def cubes(x: Any) -> Any:
    return np.sum(x**3)


def weighted(x: Any, y: Any, power: int = 1) -> Any:
    return np.sum(x * y**power)


def close(a: Any, b: Any) -> None:
    onp.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-14)


def test_argnum_is_a_position_a_negative_one_or_several() -> None:
    close(grad(weighted)(X, V), V)
    close(grad(weighted, 1)(X, V), X)
    close(grad(weighted, -1)(X, V), X)
    for chosen in ((0, 1), [0, 1]):
        found = grad(weighted, chosen)(X, V)
        assert type(found) is tuple
        close(found, (V, X))
    close(grad(weighted, (1,))(X, V)[0], X)
    close(grad(weighted, argnum=1)(X, V, power=3), 3 * X * V**2)
    close(value_and_grad(weighted, 1)(X, V, power=3)[1], 3 * X * V**2)


def test_numbers_come_back_as_numpys() -> None:
    assert type(grad(np.tanh)(0.3)) is onp.float64
    value, slope = value_and_grad(np.tanh)(0.3)
    assert type(value) is type(slope) is onp.float64
    assert [type(g) for g in grad(lambda x, y: x * y, (0, 1))(2.0, 3.0)] == [onp.float64] * 2
    assert type(grad(lambda d: d["a"])({"a": 1.0})["a"]) is onp.float64
    assert type(deriv(np.tanh)(0.3)) is onp.float64


def test_containers_come_back_in_their_form() -> None:
    def f(params: Any) -> Any:
        (w, b), scale = params["layer"], params["scale"]
        return scale * np.sum(w * 2.0) + b

    found = grad(f)({"scale": 3.0, "layer": [(X, 1.0)][0]})
    assert found["scale"] == 3.0
    assert type(found["layer"]) is tuple
    close(found["layer"][0], onp.full(3, 6.0))
    assert found["layer"][1] == 1.0
    assert grad(lambda pair: pair[0] * pair[1])([2.0, 5.0]) == [5.0, 2.0]


def test_one_element_of_any_number_of_axes_has_a_gradient() -> None:
    close(grad(lambda x: cubes(x).reshape(1, 1))(X), 3 * X**2)
    value, gradient = value_and_grad(lambda x: cubes(x).reshape(1, 1))(X)
    assert value.shape == (1, 1)
    close(gradient, 3 * X**2)


@pytest.mark.parametrize(
    ("f", "what"),
    [(np.tanh, r"shape \(3,\)"), (lambda x: None, "None"), (lambda x: np.sum(x) * 1j, "complex")],
)
def test_grad_of_what_is_not_one_real_number_is_a_type_error_that_says_what_it_was(
    f: Any, what: str
) -> None:
    for operator in (grad, value_and_grad):
        with pytest.raises(TypeError, match=f"real result of one element, but it returned.*{what}"):
            operator(f)(X)


def test_an_operator_of_a_value_instead_of_a_function_says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"write grad\(f\)\(x\), not grad\(f\(x\)\)"):
        grad(X)  # type: ignore[arg-type]


def test_gradients_at_complex_numbers_have_the_conjugate_of_the_imaginary_part() -> None:
    z = 1.3 + 0.7j
    close(grad(lambda z: np.abs(z) ** 2)(z), 2 * onp.conj(z))
    close(grad(lambda z: np.real(z**2))(z), 2 * z)
    close(grad(lambda z: np.imag(z))(z), -1j)
    close(holomorphic_grad(lambda z: z**3)(z), 3 * z**2)
    with pytest.warns(UserWarning, match="the input of holomorphic_grad is not complex"):
        assert holomorphic_grad(lambda z: z**2)(1.0) == 2.0


def test_grad_and_aux_gives_the_gradient_first() -> None:
    gradient, aux = grad_and_aux(lambda x: (cubes(x), {"double": 2 * x, "name": "x"}))(X)
    close(gradient, 3 * X**2)
    close(aux["double"], 2 * X)
    assert aux["name"] == "x"


def test_multigrad_dict_has_an_entry_for_each_differentiable_argument() -> None:
    def f(a: Any, b: Any = 3.0, n: int = 2, name: str = "f") -> Any:
        return a * b**n

    assert multigrad_dict(f)(2.0) == {"a": 9.0, "b": 12.0}
    assert multigrad_dict(f)(2.0, n=1, b=5.0) == {"a": 5.0, "b": 2.0}
    assert multigrad_dict(lambda *args, **options: args[0] * options["k"])(2.0, k=7.0) == {
        "args": (7.0,),
        "options": {"k": 2.0},
    }


def test_grad_named_takes_the_name_of_the_argument() -> None:
    close(grad_named(weighted, "y")(X, V), X)
    with pytest.raises(ValueError):
        grad_named(weighted, "z")


def test_elementwise_grad_sums_over_the_results() -> None:
    close(elementwise_grad(np.tanh)(X), 1 - onp.tanh(X) ** 2)
    close(elementwise_grad(model)(X), model_jacobian(X).sum(axis=0))
    assert egrad is elementwise_grad
    second = egrad(egrad(np.tanh))(X)
    close(second, -2 * onp.tanh(X) * (1 - onp.tanh(X) ** 2))
    with pytest.raises(TypeError, match="elementwise_grad needs a function with a real result"):
        egrad(lambda x: x * 1j)(X)


def test_deriv_pushes_ones() -> None:
    close(deriv(model)(X), model_jacobian(X).sum(axis=1))
    close(deriv(deriv(lambda t: t * V**3 * t))(2.0), 2 * V**3)


def test_jacobian_has_the_axes_of_the_result_first() -> None:
    close(jacobian(model)(X), model_jacobian(X))
    assert jacobian(lambda x: np.outer(x, x))(X).shape == (3, 3, 3)
    assert jacobian(cubes)(X).shape == (3,)
    assert jacobian(lambda t: t * V)(2.0).shape == (3,)
    parts = jacobian(lambda x, y: x * y, (0, 1))(X, V)
    close(parts[0], onp.diag(V))
    close(parts[1], onp.diag(X))


def test_hessian_of_a_number_and_of_several() -> None:
    close(hessian(cubes)(X), onp.diag(6 * X))
    several = hessian(lambda x: x**3)(X)
    assert several.shape == (3, 3, 3)
    close(several[1], onp.diag([0.0, 6 * X[1], 0.0]))
    mixed = hessian(weighted, 1)(X, V, power=2)
    close(mixed, onp.diag(2 * X))


def test_products_with_the_hessian_need_no_hessian() -> None:
    close(hessian_vector_product(cubes)(X, V), 6 * X * V)
    close(hessian_tensor_product(weighted, 1)(X, V, X, power=2), 2 * X * X)
    hvp, gradient = make_hvp(cubes)(X)
    close(gradient, 3 * X**2)
    close(hvp(V), 6 * X * V)
    close(hvp(X), 6 * X * X)
    matrix = onp.outer(X, V)
    found = hessian_tensor_product(lambda a: np.sum(a**3))(matrix, matrix)
    close(found, 6 * matrix * matrix)


def test_products_with_the_jacobian_contract_the_leading_axes() -> None:
    close(vector_jacobian_product(model)(X, V[:2]), V[:2] @ model_jacobian(X))
    outer = lambda x: np.outer(x, x)  # noqa: E731
    full = jacobian(outer)(X)
    close(tensor_jacobian_product(outer)(X, M.T @ M), onp.tensordot(M.T @ M, full, 2))
    close(tensor_jacobian_product(outer)(X, V), onp.tensordot(V, full, 1))
    close(tensor_jacobian_product(weighted, 1)(X, V, 2.0, power=2), 2.0 * 2 * X * V)


def test_make_vjp_gives_the_pullback_first_and_it_can_be_called_again() -> None:
    vjp, value = make_vjp(model)(X)
    close(value, onp.tanh(M @ X))
    for g in (V[:2], X[:2]):
        close(vjp(g), g @ model_jacobian(X))
    vjp, _ = make_vjp(weighted, (0, 1))(X, V)
    close(vjp(2.0), (2 * V, 2 * X))


def test_make_jvp_gives_value_and_tangent() -> None:
    value, tangent = make_jvp(model)(X)(V)
    close(value, onp.tanh(M @ X))
    close(tangent, model_jacobian(X) @ V)
    jvp = make_jvp_reversemode(model)(X)
    close(jvp(V), model_jacobian(X) @ V)
    close(jvp(X), model_jacobian(X) @ X)
    assert make_jvp(lambda x: 7.0)(X)(V) == (7.0, 0.0)


def test_make_ggnvp_is_the_hessian_of_the_outer_function_between_two_jacobians() -> None:
    jac = model_jacobian(X)
    close(make_ggnvp(model)(X)(V), jac.T @ jac @ V)
    outer_hessian = onp.diag(6 * onp.tanh(M @ X))
    close(make_ggnvp(model, g=cubes)(X)(V), jac.T @ outer_hessian @ jac @ V)
    close(make_ggnvp(lambda a, x: a * model(x), f_argnum=1)(2.0, X)(V), 4 * jac.T @ jac @ V)


def test_checkpoint_evaluates_again_and_gives_the_same_derivative() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return np.sum(np.tanh(x) ** 2)

    expected = grad(f)(X)
    calls.clear()
    close(grad(checkpoint(f))(X), expected)
    assert len(calls) == 2


def test_a_constant_function_has_zeros() -> None:
    close(grad(lambda x: 3.0)(X), onp.zeros(3))
    close(jacobian(lambda x: V)(X), onp.zeros((3, 3)))


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda op: op.__name__)
def test_what_an_operator_returns_names_the_function_and_keeps_its_signature(operator: Any) -> None:
    of_f = operator(weighted, 1)
    assert of_f.__name__ == f"{operator.__name__}_of_weighted_wrt_argnum_1"
    assert "weighted" in of_f.__doc__
    assert inspect.signature(of_f) == inspect.signature(weighted)


def test_modes_nest_in_any_order() -> None:
    third = -6.0 * 0.5**-4  # of 1 / x at 0.5, and again
    for a in (grad, deriv, jacobian):
        for b in (grad, deriv, jacobian):
            for c in (grad, deriv, jacobian):
                assert a(b(c(lambda x: 1.0 / x)))(0.5) == pytest.approx(third, rel=1e-13)


def test_the_top_level_has_the_containers_and_tables() -> None:
    for name in autograd.__all__:
        assert hasattr(autograd, name), name
    assert type(autograd.tuple([1.0])) is tuple
    assert type(autograd.list([1.0])) is list


def test_results_of_eigenvectors_at_coinciding_values_have_their_gradient() -> None:
    def root_trace(x: Any) -> Any:
        w, v = np.linalg.eigh(x)
        return np.trace(np.dot(v * np.sqrt(w), v.T))

    onp.testing.assert_allclose(grad(root_trace)(onp.eye(3)), onp.eye(3) / 2, atol=1e-12)


def test_where_takes_keywords_and_xarrays_are_operands() -> None:
    xr = pytest.importorskip("xarray")
    close(grad(lambda x: np.sum(np.where(x > 0, x=x**2, y=-x)))(X), [1.0, -1.0, 4.0])
    assert np.where(X > 0)[0].tolist() == [0, 2]
    labelled = xr.DataArray(V, dims="a")
    close(grad(lambda x: np.sum(x * labelled))(X), V)
    close(grad(lambda x: np.sum(np.multiply(labelled, x)))(X), V)
    close(grad(lambda x: (np.exp(labelled) * x).values.sum())(X), onp.exp(V))


def test_integers_made_of_a_traced_array_are_an_index() -> None:
    x = onp.array([0.4, 0.6, 0.9])
    close(grad(lambda x: np.sum(x[(x * 2).astype(int)] ** 2))(x), [0.8, 2.4, 0.0])


@pytest.mark.parametrize(
    ("f", "x", "error"),
    [
        (lambda x: x, X, TypeError),
        (lambda x: np.sum(x**2), onp.arange(3), TypeError),
        (lambda x: "a", 1.0, TypeError),
        (lambda x: None, 1.0, TypeError),
        (lambda x: (x, x), 1.0, TypeError),
        (lambda x: x * 1j, 1.0, TypeError),
        (float, 1.5, TypeError),
        (math.sin, 1.5, TypeError),
        (primitive(lambda x: x**2), 1.5, NotImplementedError),
    ],
)
def test_errors_are_of_the_classes_that_autograd_raises(f: Any, x: Any, error: type) -> None:
    with pytest.raises(error):
        grad(f)(x)
