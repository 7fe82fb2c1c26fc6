"""`jvp`, `vjp`, `linearize`, `grad` and their relatives: arguments, containers, aux, names,
pickling."""

from __future__ import annotations

import inspect
import pickle
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numdifftools as nd
import numpy as np
import pytest

import dualdiff as dd
from dualdiff.trees import flatten

X = np.array([0.3, -1.2, 2.0])
Y = np.array([1.5, 0.4, -0.6])
Params = namedtuple("Params", ["w", "b"])


def product(x: Any, y: Any, scale: float = 1.0) -> Any:
    """The docstring of product."""
    return scale * np.sum(np.sin(x) * y)


@dataclass(frozen=True)
class Model:
    weights: Any
    bias: Any
    name: Any = None


def model_loss(m: Model, x: Any) -> Any:
    return np.sum(np.tanh(m.weights * x + m.bias["b"][0]) ** 2)


def test_grad_matches_numeric_differences_for_each_argument() -> None:
    np.testing.assert_allclose(dd.grad(product)(X, Y), nd.Gradient(lambda x: product(x, Y))(X))
    np.testing.assert_allclose(dd.grad(product, 1)(X, Y), nd.Gradient(lambda y: product(X, y))(Y))


@pytest.mark.parametrize("argnums", [(0, 1), ("x", "y"), (0, "y"), (-2, -1), [0, 1]])
def test_several_argnums_give_a_tuple_in_their_order(argnums: Any) -> None:
    gx, gy = dd.grad(product, argnums)(X, Y, scale=2.0)
    np.testing.assert_allclose(gx, 2 * np.cos(X) * Y)
    np.testing.assert_allclose(gy, 2 * np.sin(X))


def test_argnums_by_name_finds_positional_and_keyword_arguments() -> None:
    expected = np.sin(X)
    np.testing.assert_allclose(dd.grad(product, "y")(X, Y), expected)
    np.testing.assert_allclose(dd.grad(product, "y")(X, y=Y), expected)
    np.testing.assert_allclose(dd.grad(product, argnums="scale")(X, Y, scale=3.0), product(X, Y))
    np.testing.assert_allclose(dd.grad(product, argnums=(1,))(X, Y)[0], expected)


def test_a_python_float_gives_a_python_float_and_an_int_counts_as_one() -> None:
    for x in (2.0, 2):
        for derivative in (dd.grad(lambda x: x**3), dd.derivative(lambda x: x**3)):
            assert type(derivative(x)) is float
            assert derivative(x) == 12.0
    assert type(dd.grad(lambda x: np.sin(x))(np.float32(1.0))) is np.float32
    assert type(dd.grad(lambda z: z * z)(1.0 + 2.0j)) is complex


def test_value_and_grad_and_aux_come_from_one_evaluation() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return np.sum(x**2), {"last": x[-1], "norm": np.sqrt(np.sum(x * x))}

    value, gradient, aux = dd.value_and_grad(f, has_aux=True)(X)
    assert len(calls) == 1
    np.testing.assert_allclose(value, np.sum(X**2))
    np.testing.assert_allclose(gradient, 2 * X)
    assert type(aux["last"]) is np.float64
    np.testing.assert_allclose(aux["norm"], np.linalg.norm(X))
    assert dd.grad(f, has_aux=True)(X)[1].keys() == aux.keys()
    assert len(dd.vjp(f, X, has_aux=True)) == 3
    assert len(dd.jvp(f, (X,), (X,), has_aux=True)) == 3
    assert len(dd.linearize(f, X, has_aux=True)) == 3


@pytest.mark.parametrize("tree", [
    {"w": X, "b": 0.5},
    [X, (0.5, Y)],
    Params(X, 0.5),
    Model(X, {"b": [0.5]}),
    {"nested": [Params({"a": X}, None)], "none": None},
], ids=["dict", "list", "namedtuple", "dataclass", "nested-none"])  # fmt: skip
def test_containers_come_back_in_their_own_structure(tree: Any) -> None:
    def squares(t: Any) -> Any:
        return sum(np.sum(v**2) for v in flatten(t)[0] if v is not None)

    gradient = dd.grad(squares)(tree)
    leaves, structure = flatten(tree)
    got, got_structure = flatten(gradient)
    assert got_structure == structure
    for g, leaf in zip(got, leaves, strict=True):
        if leaf is None:
            assert g is None
        else:
            np.testing.assert_allclose(g, 2 * np.asarray(leaf))
    _, tangent = dd.jvp(squares, (tree,), (tree,))
    np.testing.assert_allclose(tangent, 2 * squares(tree))


def test_a_dataclass_argument_and_a_container_result() -> None:
    m = Model(X, {"b": [0.1]}, None)
    gradient = dd.grad(model_loss)(m, Y)
    assert type(gradient) is Model
    assert gradient.name is None
    numeric = nd.Gradient(lambda w: model_loss(Model(w, {"b": [0.1]}), Y))(X)
    np.testing.assert_allclose(gradient.weights, numeric, rtol=1e-8)

    def two(x: Any) -> Any:
        return {"sin": np.sin(x), "pair": (x[0], None, Params(x * 2, 1.0))}

    value, pullback = dd.vjp(two, X)
    assert value["pair"][1] is None
    g = {"sin": np.ones(3), "pair": (2.0, None, Params(np.ones(3), 7.0))}
    np.testing.assert_allclose(pullback(g)[0], np.cos(X) + 2 + np.array([2.0, 0, 0]))
    _, tangent = dd.jvp(two, (X,), (np.ones(3),))
    np.testing.assert_allclose(tangent["pair"][2].w, 2 * np.ones(3))
    assert tangent["pair"][2].b == 0.0


def test_linearize_pushes_and_pulls_from_one_recording() -> None:
    calls = []

    def f(x: Any, y: Any) -> Any:
        calls.append(1)
        return np.cumsum(np.sin(x) * y), x[0] * y[1]

    _, linear = dd.linearize(f, X, Y)
    tx, ty = np.array([1.0, 0.5, -1.0]), np.array([0.2, 0.0, 1.0])
    pushed = linear.jvp(tx, ty)
    expected = dd.jvp(f, (X, Y), (tx, ty))[1]
    np.testing.assert_allclose(pushed[0], expected[0])
    np.testing.assert_allclose(pushed[1], expected[1])
    g = (np.array([1.0, -1.0, 2.0]), 3.0)
    for got, want in zip(linear.vjp(g), dd.vjp(f, X, Y)[1](g), strict=True):
        np.testing.assert_allclose(got, want)
    assert len(calls) == 3


def test_as_linear_operator_is_the_jacobian_and_its_adjoint() -> None:
    f = lambda x: np.sin(x) * x[0]  # noqa: E731  # as users write it
    operator = dd.linearize(f, X)[1].as_linear_operator()
    jacobian = dd.jacobian(f)(X)
    np.testing.assert_allclose(operator @ np.eye(3), jacobian)
    np.testing.assert_allclose(operator.T @ np.eye(3), jacobian.T)
    z = X + 0.5j
    complex_operator = dd.linearize(lambda z: z * z[0], z)[1].as_linear_operator()
    dense = complex_operator @ np.eye(3)
    np.testing.assert_allclose(complex_operator.H @ np.eye(3), dense.conj().T)


def test_elementwise_grad_and_derivative() -> None:
    np.testing.assert_allclose(dd.elementwise_grad(np.tanh)(X), 1 - np.tanh(X) ** 2)
    third = dd.elementwise_grad(dd.elementwise_grad(dd.elementwise_grad(np.sin)))
    np.testing.assert_allclose(third(X), -np.cos(X))
    np.testing.assert_allclose(dd.derivative(lambda t: t * Y + t**2)(3.0), Y + 6.0)
    assert dd.derivative(lambda t: {"a": t**2})(3.0) == {"a": 6.0}
    with pytest.raises(TypeError, match="derivative is for one scalar argument, but got shape"):
        dd.derivative(np.sin)(X)


def test_constant_results_have_zero_derivatives_of_the_right_shape() -> None:
    np.testing.assert_array_equal(dd.grad(lambda x: 3.0)(X), np.zeros(3))
    np.testing.assert_array_equal(dd.jacobian(lambda x: Y, mode="reverse")(X), np.zeros((3, 3)))
    np.testing.assert_array_equal(dd.jacobian(lambda x: Y, mode="forward")(X), np.zeros((3, 3)))
    np.testing.assert_array_equal(dd.jvp(lambda x: Y, (X,), (X,))[1], np.zeros(3))
    np.testing.assert_array_equal(dd.grad(lambda x: np.sum(np.floor(x)))(X), np.zeros(3))


def test_empty_arrays_give_empty_derivatives() -> None:
    empty = np.zeros((0, 2))
    assert dd.grad(np.sum)(empty).shape == (0, 2)
    assert dd.jacobian(np.sin)(np.zeros(0)).shape == (0, 0)
    assert dd.hessian(np.sum)(empty).shape == (0, 2, 0, 2)


OPERATORS = {
    "grad": dd.grad(product),
    "value_and_grad": dd.value_and_grad(product, argnums=(0, 1)),
    "elementwise_grad": dd.elementwise_grad(product),
    "jacobian": dd.jacobian(product),
    "hessian": dd.hessian(product, "x"),
    "derivative": dd.derivative(product),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_returned_functions_keep_name_docstring_and_signature_and_pickle(name: str) -> None:
    derivative = OPERATORS[name]
    assert derivative.__name__ == "product"
    assert derivative.__doc__ == "The docstring of product."
    assert inspect.signature(derivative) == inspect.signature(product)
    again = pickle.loads(pickle.dumps(derivative))
    args = (0.5, 0.25) if name == "derivative" else (X, Y)
    left, right = derivative(*args), again(*args)
    for a, b in zip(flatten(left)[0], flatten(right)[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_derivative_as_a_method_receives_self() -> None:
    class Physics:
        k = 3.0

        def energy(self, x: Any) -> Any:
            return 0.5 * self.k * np.sum(x**2)

        force = dd.grad(energy, argnums=1)

    np.testing.assert_allclose(Physics().force(X), 3 * X)


def test_stop_gradient_and_value_of_count_as_constants() -> None:
    assert dd.grad(lambda x: x * dd.stop_gradient({"a": x})["a"])(3.0) == 3.0
    assert dd.grad(lambda x: x * dd.value_of(x))(3.0) == 3.0
    taken = []

    def f(x: Any) -> Any:
        value = dd.value_of(x)
        taken.append(value)
        value[0] = 100.0
        return np.sum(x * x)

    np.testing.assert_array_equal(dd.grad(f)(X), 2 * X)
    assert type(taken[0]) is np.ndarray
    assert X[0] == 0.3


def test_an_argument_without_leaves_stands_beside_others() -> None:
    assert dd.grad(lambda x, p: x**2, (0, 1))(3.0, ()) == (6.0, ())
    assert dd.jvp(lambda x, p: x**2, (3.0, {}), (1.0, {})) == (9.0, 6.0)
    assert dd.vjp(lambda p, x: x**2, [], 3.0)[1](1.0) == ([], 6.0)


@pytest.mark.parametrize("leaf", ["name", True, np.int64(3), np.sin])
def test_a_leaf_that_has_no_derivative_is_named_by_its_path(leaf: Any) -> None:
    for p, path in (({"a": 1.0, "n": [leaf]}, r"\['n'\]\[0\]"), ((1.0, {"n": leaf}), r"\[1\]")):
        with pytest.raises(
            TypeError, match=rf"argument 1 at {path}.*test_first_order.*pass other values"
        ):
            dd.grad(lambda x, p: x, (0, 1))(1.0, p)


@pytest.mark.parametrize(
    "x",
    [
        np.arange(12.0).reshape(2, 6, order="F")[:, ::2],
        np.arange(12.0).reshape(3, 4)[::-1, ::-1],
        np.broadcast_to(np.linspace(0.1, 0.7, 4), (3, 4)),
        np.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0)[:, ::-1],
    ],
)
def test_values_of_a_pullback_are_numpys_in_every_memory_layout(x: np.ndarray) -> None:
    for function in (
        lambda x: np.ravel(x, "A"),
        lambda x: np.ravel(x, "K"),
        lambda x: np.sum(np.sin(x)),
    ):
        np.testing.assert_array_equal(dd.vjp(function, x)[0], function(x))


def test_a_direction_may_be_an_array_of_integers() -> None:
    x, t = np.array([0.5, 2.0], np.float32), np.array([1, 0])
    tangent = dd.jvp(np.sin, (x,), (t,))[1]
    np.testing.assert_array_equal(tangent, np.cos(x) * t.astype(np.float32))
    assert tangent.dtype == np.float32
    np.testing.assert_array_equal(dd.vjp(np.sin, x)[1](t)[0], tangent)


def test_a_keyword_has_aux_of_the_function_itself_reaches_it_in_every_operator():
    def f(x, has_aux=False):
        return 3.0 * x if has_aux else x

    x, t = np.array([2.0]), np.array([1.0])

    def total(x, has_aux=False):
        return np.sum(f(x, has_aux))

    assert dd.jvp(f, (x,), (t,), has_aux=True)[1] == 3
    assert dd.vjp(f, x, has_aux=True)[1](t)[0] == 3
    assert dd.linearize(f, x, has_aux=True)[1].jvp(t) == 3
    assert dd.grad(total)(x, has_aux=True) == 3
    assert dd.value_and_grad(total)(x, has_aux=True)[1] == 3
    assert dd.elementwise_grad(f)(x, has_aux=True) == 3
    assert dd.derivative(f)(2.0, has_aux=True) == 3
    assert dd.jacobian(f)(x, has_aux=True) == 3
    assert dd.jacobian(f, sparse=True)(x, has_aux=True).toarray() == 3
    assert dd.hessian(lambda x, has_aux: total(x**2, has_aux))(x, has_aux=True) == 6
    assert dd.hvp(lambda x, has_aux: total(x**2, has_aux))(x, t, has_aux=True) == 6
    assert dd.ggn_vp(f)(x, t, has_aux=True) == 9
    assert dd.prepare_jacobian(f, x, has_aux=True)(x, has_aux=True).toarray() == 3
    assert dd.checkpoint(f)(x, has_aux=True) == 6
    assert dd.sparsity(f, x, has_aux=True).nnz == 1
    assert dd.plan(f, x, has_aux=True).outputs == 1
    assert dd.wirtinger(f)(1j * x, has_aux=True)[0] == 3
