"""Properties of all of autograd's operators: arguments, containers, nesting, complex numbers."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numdifftools
import numpy as onp
import pytest

import dualdiff.compat.autograd.numpy as np
from dualdiff.compat.autograd import (
    checkpoint,
    deriv,
    egrad,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian,
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

X = onp.array([0.5, -1.0, 2.0])
V = onp.array([1.0, 0.25, -0.5])
Z = onp.array([0.3 + 0.8j, -1.1 + 0.2j])


def close(found: Any, expected: Any, rtol: float = 1e-13) -> None:
    onp.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-14)


def power(x: Any, y: Any = 1.0, *, k: int = 1) -> Any:
    return y * x**k


# Whatever an operator's form: the derivative of a function of numbers in its first argument.
FIRST: dict[str, Callable[..., Any]] = {
    "grad": lambda f, *a, **k: grad(f)(*a, **k),
    "value_and_grad": lambda f, *a, **k: value_and_grad(f)(*a, **k)[1],
    "grad_and_aux": lambda f, *a, **k: grad_and_aux(lambda *a, **k: (f(*a, **k), a))(*a, **k)[0],
    "grad_named": lambda f, *a, **k: grad_named(f, "x")(*a, **k),
    "multigrad_dict": lambda f, *a, **k: multigrad_dict(f)(*a, **k)["x"],
    "elementwise_grad": lambda f, *a, **k: elementwise_grad(f)(*a, **k),
    "deriv": lambda f, *a, **k: deriv(f)(*a, **k),
    "jacobian": lambda f, *a, **k: jacobian(f)(*a, **k)[()],
    "holomorphic_grad": lambda f, x, *a, **k: np.real(holomorphic_grad(f)(x + 0j, *a, **k)),
    "make_vjp": lambda f, *a, **k: make_vjp(f)(*a, **k)[0](1.0),
    "make_jvp": lambda f, *a, **k: make_jvp(f)(*a, **k)(1.0)[1],
    "make_jvp_reversemode": lambda f, *a, **k: make_jvp_reversemode(f)(*a, **k)(1.0),
    "make_hvp": lambda f, *a, **k: make_hvp(f)(*a, **k)[1],
    "tensor_jacobian_product": lambda f, *a, **k: tensor_jacobian_product(f)(*a, 1.0, **k)[()],
    "checkpoint": lambda f, *a, **k: grad(checkpoint(f))(*a, **k),
}
SECOND: dict[str, Callable[..., Any]] = {
    "hessian": lambda f, *a, **k: hessian(f)(*a, **k)[()],
    "hessian_vector_product": lambda f, *a, **k: hessian_vector_product(f)(*a, 1.0, **k),
    "make_hvp": lambda f, *a, **k: make_hvp(f)(*a, **k)[0](1.0),
}


@pytest.mark.parametrize("operator", FIRST.values(), ids=FIRST)
def test_every_operator_passes_arguments_on_and_gives_numpys_numbers(operator: Any) -> None:
    found = operator(power, 2.0, 3.0, k=4)
    assert type(found) is onp.float64
    close(found, 3.0 * 4 * 2.0**3)


@pytest.mark.parametrize("operator", SECOND.values(), ids=SECOND)
def test_operators_of_second_order_pass_arguments_on_and_nest(operator: Any) -> None:
    found = operator(power, 2.0, 3.0, k=4)
    assert type(found) is onp.float64
    close(found, 3.0 * 12 * 2.0**2)
    for outer in (grad, deriv):
        close(outer(lambda x: operator(power, x, 3.0, k=4))(2.0), 3.0 * 24 * 2.0)


@pytest.mark.parametrize("outer", [grad, deriv, jacobian], ids=lambda o: o.__name__)
@pytest.mark.parametrize("inner", FIRST.values(), ids=FIRST)
def test_the_result_of_every_operator_can_be_differentiated(inner: Any, outer: Any) -> None:
    close(outer(lambda x: inner(power, x, 3.0, k=4))(2.0), 3.0 * 12 * 2.0**2)
    close(outer(lambda y: inner(power, 2.0, y, k=4))(3.0), 4 * 2.0**3)


def test_values_and_complex_results_are_numpys_numbers_too() -> None:
    assert type(make_vjp(power)(2.0)[1]) is onp.float64
    assert type(make_jvp(power)(2.0)(1.0)[0]) is onp.float64
    assert type(grad_and_aux(lambda x: (x, [2 * x]))(2.0)[1][0]) is onp.float64
    assert type(grad(lambda z: np.abs(z) ** 2)(1 + 2j)) is onp.complex128
    assert type(deriv(lambda x: np.exp(1j * x))(1.0)) is onp.complex128


@pytest.mark.parametrize("chosen", [(0, 2), [0, 2], (-3, -1)])
def test_operators_take_several_arguments_at_once(chosen: Any) -> None:
    def f(x: Any, n: str, y: Any) -> Any:
        assert n == "name"
        return x**2 * y**3

    slopes = (2 * 2.0 * 3.0**3, 3 * 2.0**2 * 3.0**2)
    args = (2.0, "name", 3.0)
    gradients = [
        grad(f, chosen)(*args),
        value_and_grad(f, chosen)(*args)[1],
        grad_and_aux(lambda *a: (f(*a), 0), chosen)(*args)[0],
        elementwise_grad(f, chosen)(*args),
        jacobian(f, chosen)(*args),
        make_vjp(f, chosen)(*args)[0](1.0),
        make_hvp(f, chosen)(*args)[1],
    ]
    for found in gradients:
        assert type(found) is tuple
        close(found, slopes)
    close(make_jvp(f, chosen)(*args)((1.0, -1.0))[1], slopes[0] - slopes[1])
    close(make_jvp_reversemode(f, chosen)(*args)((1.0, -1.0)), slopes[0] - slopes[1])
    close(deriv(f, chosen)(*args), sum(slopes))
    blocks = [[2 * 3.0**3, 6 * 2.0 * 3.0**2], [6 * 2.0 * 3.0**2, 6 * 2.0**2 * 3.0]]
    close(hessian(f, chosen)(*args), blocks)
    close(make_hvp(f, chosen)(*args)[0]((1.0, 2.0)), onp.array(blocks) @ [1.0, 2.0])


def test_products_take_a_negative_position_among_the_functions_own_arguments() -> None:
    def f(a: Any, x: Any) -> Any:
        return a * np.sum(np.sin(x))

    close(hessian_vector_product(f, -1)(2.0, X, V), -2.0 * onp.sin(X) * V)
    close(vector_jacobian_product(f, -1)(2.0, X, 3.0), 6.0 * onp.cos(X))
    found = make_ggnvp(lambda a, x: a * np.sin(x), f_argnum=-1)(2.0, X)(V)
    close(found, 4.0 * onp.cos(X) ** 2 * V)


PARAMS = {"w": [X, (2.0,)], "b": 3.0}
DIRECTION = {"w": [V, (-1.0,)], "b": 0.5}


def nested(p: Any) -> Any:
    (x, (s,)), b = p["w"], p["b"]
    return np.sum(s * x**2) * b**2


def nested_flat(v: Any) -> Any:
    return v[3] * (v[0] ** 2 + v[1] ** 2 + v[2] ** 2) * v[4] ** 2


def as_vector(p: Any) -> Any:
    return onp.array([*p["w"][0], p["w"][1][0], p["b"]], dtype=float)


def test_derivatives_in_nested_containers_have_their_form_and_numdifftools_values() -> None:
    point, v = as_vector(PARAMS), as_vector(DIRECTION)
    slope = numdifftools.Gradient(nested_flat)(point)
    curvature = numdifftools.Hessian(nested_flat)(point)
    for found in (grad(nested)(PARAMS), make_vjp(nested)(PARAMS)[0](1.0)):
        assert type(found["w"]) is list
        assert type(found["w"][1]) is tuple
        close(as_vector(found), slope, rtol=1e-10)
    close(make_jvp(nested)(PARAMS)(DIRECTION)[1], slope @ v, rtol=1e-10)
    close(make_jvp_reversemode(nested)(PARAMS)(DIRECTION), slope @ v, rtol=1e-10)
    products = (
        hessian_vector_product(nested)(PARAMS, DIRECTION),
        make_hvp(nested)(PARAMS)[0](DIRECTION),
    )
    for found in products:
        close(as_vector(found), curvature @ v, rtol=1e-8)


def test_functions_may_return_containers_where_the_result_need_not_be_a_number() -> None:
    def f(x: Any) -> Any:
        return {"sine": np.sin(x), "rest": (x[0] ** 2, [x[1] * x[2]])}

    vjp, value = make_vjp(f)(X)
    assert value["rest"][0] == 0.25
    pulled = vjp({"sine": V, "rest": (3.0, [5.0])})
    close(pulled, V * onp.cos(X) + [3.0 * 2 * X[0], 5.0 * X[2], 5.0 * X[1]])
    for tangent in (make_jvp(f)(X)(V)[1], make_jvp_reversemode(f)(X)(V)):
        close(tangent["sine"], onp.cos(X) * V)
        close(tangent["rest"][0], 2 * X[0] * V[0])
        close(tangent["rest"][1], [V[1] * X[2] + X[1] * V[2]])
    close(jacobian(f)(X)["sine"], onp.diag(onp.cos(X)))


def test_multigrad_dict_takes_containers_and_keyword_only_arguments() -> None:
    def f(p: Any, *, scale: float, verbose: bool = False) -> Any:
        return scale * p["a"] * p["b"][0] + verbose

    found = multigrad_dict(f)({"a": 2.0, "b": (3.0,)}, scale=5.0)
    assert found == {"p": {"a": 15.0, "b": (10.0,)}, "scale": 6.0}


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_jacobians_and_hessians_of_every_shape_are_numdifftools(shape: tuple[int, ...]) -> None:
    x = onp.linspace(0.4, 1.6, math.prod(shape)).reshape(shape)

    def f(x: Any) -> Any:
        return np.stack([np.sin(x) * np.sum(x), x**3])

    def flat(v: Any) -> Any:
        return f(v.reshape(shape)).ravel()

    expected = numdifftools.Jacobian(flat)(x.ravel()).reshape((2, *shape, *shape))
    close(jacobian(f)(x), expected, rtol=1e-8)
    second = numdifftools.Hessian(lambda v: onp.sum(flat(v) ** 2))(x.ravel())
    close(hessian(lambda x: np.sum(f(x) ** 2))(x), second.reshape(shape * 2), rtol=1e-7)
    several = hessian(f)(x)
    assert several.shape == (2, *shape, *shape, *shape)
    close(several, jacobian(jacobian(f))(x))


def test_a_result_with_an_axis_of_one_element_has_a_hessian_with_that_axis() -> None:
    found = hessian(lambda x: np.sum(x**3, keepdims=True))(X)
    close(found, onp.diag(6 * X)[None])


def test_gradients_of_a_jacobian_are_right() -> None:
    def squared_norm(x: Any) -> Any:
        return np.sum(jacobian(lambda x: np.sin(x) * x[0])(x) ** 2)

    def explicit(x: Any) -> Any:
        j = onp.diag(onp.cos(x) * x[0])
        j[:, 0] += onp.sin(x)
        return onp.sum(j**2)

    close(grad(squared_norm)(X), numdifftools.Gradient(explicit)(X), rtol=1e-9)


def test_the_fifth_derivative_is_mpmaths() -> None:
    f = np.tanh
    for _ in range(5):
        f = egrad(f)
    close(f(X), [float(mpmath.diff(mpmath.tanh, v, 5)) for v in X], rtol=1e-11)


def test_nested_operators_do_not_mix_their_arguments_up() -> None:
    """d/dx x * (d/dy (x + y)) is 1: the inner derivative does not depend on x."""
    for inner in (grad, deriv, egrad):
        for outer in (grad, deriv, egrad):
            assert outer(lambda x: x * inner(lambda y: x + y)(5.0))(3.0) == 1.0  # noqa: B023
            # x * (d/dy x y**2 at y = x) is 2 x**3.
            assert outer(lambda x: x * inner(lambda y: x * y * y)(x))(3.0) == 6 * 3.0**2  # noqa: B023


def not_holomorphic(z: Any) -> Any:
    return np.sum(z**2 * np.conj(z) + 1j * np.exp(np.real(z)))


def partials(f: Callable[[Any], Any], z: Any) -> Any:
    """du/dx - i du/dy for u, the real part of f, by numdifftools."""
    du_dx = numdifftools.Gradient(lambda x: onp.real(f(x + 1j * z.imag)))(z.real)
    du_dy = numdifftools.Gradient(lambda y: onp.real(f(z.real + 1j * y)))(z.imag)
    return du_dx - 1j * du_dy


def test_complex_gradients_are_du_dx_minus_i_du_dy() -> None:
    expected = partials(not_holomorphic, Z)
    close(grad(lambda z: np.real(not_holomorphic(z)))(Z), expected, rtol=1e-9)
    vjp, value = make_vjp(not_holomorphic)(Z)
    close(value, not_holomorphic(Z))
    close(vjp(1.0 + 0j), expected, rtol=1e-9)
    times_i = partials(lambda z: 1j * not_holomorphic(z), Z)
    close(vjp(1j), times_i, rtol=1e-9)
    close(elementwise_grad(lambda z: np.abs(z) ** 2)(Z), 2 * onp.conj(Z))


def test_complex_tangents_move_real_and_imaginary_parts() -> None:
    t = onp.array([1.0 - 2.0j, 0.5j])
    step = numdifftools.Derivative(lambda e: not_holomorphic(Z + e * t).real)(0.0)
    step = step + 1j * numdifftools.Derivative(lambda e: not_holomorphic(Z + e * t).imag)(0.0)
    for tangent in (
        make_jvp(not_holomorphic)(Z)(t)[1],
        make_jvp_reversemode(not_holomorphic)(Z)(t),
    ):
        close(tangent, step, rtol=1e-9)


def test_real_arguments_have_real_gradients_through_complex_numbers() -> None:
    gradient = grad(lambda x: np.sum(np.abs(np.exp(1j * x) + x) ** 2))(X)
    assert gradient.dtype == float
    close(gradient, 2 * onp.cos(X) + 2 * X - 2 * X * onp.sin(X))


def test_holomorphic_gradients_of_arrays_and_containers_are_complex_derivatives() -> None:
    close(holomorphic_grad(lambda z: np.sum(np.sin(z) * z))(Z), onp.cos(Z) * Z + onp.sin(Z))
    found = holomorphic_grad(lambda d: d["a"] ** 2 * d["b"][0])({"a": 1 + 2j, "b": [1j]})
    close([found["a"], found["b"][0]], [2 * (1 + 2j) * 1j, (1 + 2j) ** 2])


def test_value_and_grad_evaluates_once() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(x)
        return np.sum(x**2)

    value_and_grad(f)(X)
    assert len(calls) == 1


def test_aux_is_plain_and_is_differentiated_by_an_outer_operator() -> None:
    def f(x: Any) -> Any:
        return x**3, {"square": x**2, "kind": None}

    assert grad_and_aux(f)(2.0) == (12.0, {"square": 4.0, "kind": None})
    assert grad(lambda x: grad_and_aux(f)(x)[1]["square"])(2.0) == 4.0
    with pytest.raises(TypeError, match=r"must return \(result, aux\)"):
        grad_and_aux(lambda x: x)(2.0)


def test_the_gauss_newton_matrix_is_that_of_numdifftools_parts() -> None:
    def model(x: Any) -> Any:
        return np.array([x[0] * x[1], np.sin(x[2]), x[0] ** 2, x[1] * x[2]])

    def loss(y: Any) -> Any:
        return np.sum(np.exp(y)) + y[0] * y[1]

    j = numdifftools.Jacobian(model)(X)
    h = numdifftools.Hessian(loss)(model(X))
    close(make_ggnvp(model, loss)(X)(V), j.T @ h @ j @ V, rtol=1e-8)


def test_checkpoint_keeps_the_name_and_every_order_of_derivative() -> None:
    def f(x: Any, k: int = 1) -> Any:
        """The text of f."""
        return np.sum(np.sin(x) ** k)

    again = checkpoint(f)
    assert again.__name__ == "f"
    assert again.__doc__ == f.__doc__
    close(hessian(again)(X, k=2), onp.diag(2 * onp.cos(2 * X)))
    assert again(X, k=2) == f(X, k=2)


def test_functions_need_not_be_python_functions() -> None:
    class Cubic:
        def __call__(self, x: Any) -> Any:
            return x**3

        def method(self, x: Any) -> Any:
            return x**2

    assert grad(Cubic())(2.0) == 12.0
    assert grad(Cubic().method)(2.0) == 4.0
    assert grad(Cubic.method, 1)(Cubic(), 2.0) == 4.0
    assert grad(functools.partial(power, k=3))(2.0) == 12.0
    assert grad(math.prod)([2.0, 3.0, 5.0]) == [15.0, 10.0, 6.0]


@pytest.mark.parametrize("result", [(1.0,), [1.0], {"a": 1.0}, {}])
def test_a_container_is_no_result_for_a_gradient(result: Any) -> None:
    for operator in (grad, value_and_grad, lambda f: grad_and_aux(lambda x: (f(x), 0))):
        with pytest.raises(TypeError, match=r"returned a container or None.*use jacobian"):
            operator(lambda x: result)(2.0)


def test_cotangents_and_tangents_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2,\)"):
        make_vjp(np.sin)(X)[0](onp.ones(2))
    with pytest.raises(ValueError, match=r"\(2,\)"):
        make_jvp(np.sin)(X)(onp.ones(2))
    with pytest.raises(TypeError, match="wrong structure"):
        make_jvp(nested)(PARAMS)({"w": X})
