"""Jacobians and Hessians: one pass per chunk, either mode, any containers, and the plan."""

from __future__ import annotations

from typing import Any

import numdifftools as nd
import numpy as np
import pytest

import dualdiff as dd
from dualdiff import extend
from dualdiff.rules.scipy.linalg import expm
from dualdiff.transforms.inputs import Inputs
from dualdiff.transforms.linearize import Recording

RNG = np.random.default_rng(0)
W = RNG.normal(size=(5, 4))
X = RNG.normal(size=4)


def layer(x: Any) -> Any:
    return np.tanh(W @ x) * x[0]


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("chunk", [None, 1, 2, 3, 100])
def test_every_mode_and_chunk_gives_the_jacobian(mode: str, chunk: int | None) -> None:
    numeric = nd.Jacobian(layer)(X)
    np.testing.assert_allclose(dd.jacobian(layer, mode=mode, chunk=chunk)(X), numeric, rtol=1e-8)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_shapes_are_result_axes_then_argument_axes(mode: str) -> None:
    a = RNG.normal(size=(2, 3))
    f = lambda a: np.einsum("ij,kj->ik", a, a)[:, :, None] * np.ones(4)  # noqa: E731  # as users write it
    jacobian = dd.jacobian(f, mode=mode)(a)
    assert jacobian.shape == (2, 2, 4, 2, 3)
    v = RNG.normal(size=(2, 3))
    np.testing.assert_allclose(np.tensordot(jacobian, v, 2), dd.jvp(f, (a,), (v,))[1], atol=1e-12)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("chunk", [None, 2])
def test_containers_give_nested_blocks(mode: str, chunk: int | None) -> None:
    def f(p: Any) -> Any:
        return {"u": p["a"] * p["b"], "v": (np.sum(p["a"]), None, 3.0)}

    p = {"a": np.array([1.0, 2.0]), "b": 4.0, "none": None}
    jacobian = dd.jacobian(f, mode=mode, chunk=chunk)(p)
    np.testing.assert_array_equal(jacobian["u"]["a"], 4.0 * np.eye(2))
    np.testing.assert_array_equal(jacobian["u"]["b"], [1.0, 2.0])
    np.testing.assert_array_equal(jacobian["v"][0]["a"], [1.0, 1.0])
    assert jacobian["v"][0]["none"] is None
    np.testing.assert_array_equal(jacobian["v"][2]["a"], [0.0, 0.0])


def test_several_argnums_give_a_tuple_of_blocks() -> None:
    jx, jw = dd.jacobian(lambda x, w: w @ x, argnums=(0, 1))(X, W)
    np.testing.assert_allclose(jx, W)
    assert jw.shape == (5, 5, 4)


def test_auto_takes_forward_mode_for_tall_and_reverse_for_wide_jacobians() -> None:
    tall = dd.plan(lambda x: np.outer(x, np.ones(50)), np.ones(3))
    wide = dd.plan(np.sum, np.ones(50))
    scalar = dd.plan(lambda t: t * np.ones(7), 2.0)
    assert (tall.mode, tall.directions) == ("forward", 3)
    assert (wide.mode, wide.directions) == ("reverse", 1)
    assert (scalar.mode, scalar.outputs) == ("forward", 7)
    assert "50 inputs > 1 results" in str(wide)
    chunked = dd.plan(layer, X, chunk=3)
    assert (chunked.directions, chunked.passes, chunked.chunk) == (4, 2, 2)
    assert "2 passes" in str(chunked)
    assert "was asked for" in str(dd.plan(layer, X, mode="reverse"))


def test_chunks_never_run_the_function_again() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return np.sin(x)

    for mode in ("auto", "forward", "reverse"):
        calls.clear()
        dd.jacobian(f, mode=mode, chunk=2)(np.ones(7))
        assert len(calls) == 1, mode


def test_hessian_matches_numeric_differences_and_hessian_vector_products() -> None:
    numeric = nd.Hessian(rosenbrock)(X)
    for chunk in (None, 3):
        hessian = dd.hessian(rosenbrock, chunk=chunk)(X)
        np.testing.assert_allclose(hessian, numeric, rtol=1e-6, atol=1e-9)
    v = RNG.normal(size=4)
    np.testing.assert_allclose(dd.hvp(rosenbrock)(X, v), numeric @ v, rtol=1e-6)
    np.testing.assert_allclose(dd.hessian_operator(rosenbrock)(X) @ v, numeric @ v, rtol=1e-6)


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_nested_jacobians_in_every_pair_of_modes_are_the_hessian(outer: str, inner: str) -> None:
    nested = dd.jacobian(dd.jacobian(rosenbrock, mode=inner), mode=outer)
    np.testing.assert_allclose(nested(X), dd.hessian(rosenbrock)(X), atol=1e-9)


def test_third_derivatives_by_three_nested_jacobians() -> None:
    third = dd.jacobian(dd.hessian(lambda x: np.sum(np.exp(x) * x[::-1])))(X[:2])
    a, b = np.exp(X[:2])
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0], expected[1, 1, 1] = a * X[1], b * X[0]
    expected[0, 0, 1] = expected[0, 1, 0] = expected[1, 0, 0] = a
    expected[1, 1, 0] = expected[1, 0, 1] = expected[0, 1, 1] = b
    np.testing.assert_allclose(third, expected)


def test_hessian_of_containers_and_of_several_arguments() -> None:
    hessian = dd.hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0})
    assert hessian["a"]["a"] == 6.0
    assert hessian["a"]["b"] == hessian["b"]["a"] == 4.0
    (xx, xy), (_, yy) = dd.hessian(lambda x, y: x**2 * y**3, argnums=(0, 1))(2.0, 3.0)
    assert (xx, xy, yy) == (54.0, 108.0, 72.0)
    hv = dd.hvp(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0}, {"a": 1.0, "b": 1.0})
    assert hv == {"a": 10.0, "b": 4.0}


def test_gauss_newton_products_match_the_dense_matrix() -> None:
    v = RNG.normal(size=4)
    jacobian = dd.jacobian(layer)(X)
    np.testing.assert_allclose(dd.ggn_vp(layer)(X, v), jacobian.T @ (jacobian @ v))

    def loss(y: Any) -> Any:
        return np.sum(np.cosh(y))

    dense = jacobian.T @ np.diag(np.cosh(layer(X))) @ jacobian
    np.testing.assert_allclose(dd.ggn_vp(layer, loss)(X, v), dense @ v)


def test_a_complex_to_complex_jacobian_is_refused_and_real_ones_agree() -> None:
    z = X + 1j * RNG.normal(size=4)
    with pytest.raises(TypeError, match="holomorphic"):
        dd.jacobian(lambda z: z * z)(z)
    real_out = lambda z: np.absolute(z) ** 2  # noqa: E731  # as users write it
    for mode in ("auto", "forward", "reverse"):
        for chunk in (None, 3):
            jacobian = dd.jacobian(real_out, mode=mode, chunk=chunk)(z)
            np.testing.assert_allclose(jacobian, np.diag(2 * z.conj()), atol=1e-12)
    complex_out = lambda x: np.exp(1j * x)  # noqa: E731  # as users write it
    for mode in ("auto", "forward", "reverse"):
        jacobian = dd.jacobian(complex_out, mode=mode)(X)
        np.testing.assert_allclose(jacobian, np.diag(1j * np.exp(1j * X)), atol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 2.0**x,
        lambda x: 3**x,
        lambda x: x**2.5,
        lambda x: np.copysign(x, -1.0),
        lambda x: np.logaddexp(0.2, x),
        lambda x: np.hypot(x, 0.7),
        lambda x: np.arctan2(1.3, x),
        lambda x: 3.0 / x,
        lambda x: 1.1 % x,
    ],
)
def test_python_numbers_do_not_widen_the_jacobian_of_float32(f: Any) -> None:
    x = np.abs(X).astype(np.float32)
    for mode in ("forward", "reverse"):
        jacobian = dd.jacobian(f, mode=mode)
        assert jacobian(x).dtype == jacobian(x).dtype == np.float32
        wide = dd.jacobian(f, mode=mode)(x.astype(float))
        np.testing.assert_allclose(jacobian(x), wide, rtol=1e-5)


def test_a_jacobian_of_float32_stays_float32() -> None:
    x = X.astype(np.float32)
    for mode in ("forward", "reverse"):
        assert dd.jacobian(lambda x: np.sin(x) * x[0], mode=mode)(x).dtype == np.float32


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_rules_looped_over_directions_have_jacobians_without_rows_or_columns(mode: str) -> None:
    x = np.eye(3) + 0.1
    rows = dd.jacobian(lambda x: expm(x)[:0], mode=mode)(x)
    assert rows.shape == (0, 3, 3, 3)
    columns = dd.jacobian(lambda t: expm(x * (1 + np.sum(t))), mode=mode)
    assert columns(np.zeros(0)).shape == (3, 3, 0)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_a_number_gives_a_number_and_an_array_an_array(mode: str) -> None:
    jacobian = dd.jacobian(np.sin, mode=mode)
    assert type(jacobian(1.0)) is float
    assert type(jacobian(1)) is float
    assert type(jacobian(np.float32(1.0))) is np.float32
    assert type(jacobian(np.array(1.0))) is np.ndarray
    both = dd.jacobian(lambda p: {"a": 2 * p["x"], "b": p["x"] * X}, mode=mode)({"x": 1.5})
    assert type(both["a"]["x"]) is float
    np.testing.assert_array_equal(both["b"]["x"], X)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("chunk", [None, 1])
def test_aux_comes_beside_the_jacobian(mode: str, chunk: int | None) -> None:
    def f(x: Any) -> Any:
        return x**2, {"half": x / 2, "text": "seen"}

    jacobian, aux = dd.jacobian(f, mode=mode, chunk=chunk, has_aux=True)(X)
    np.testing.assert_array_equal(jacobian, np.diag(2 * X))
    np.testing.assert_array_equal(aux["half"], X / 2)
    assert type(aux["half"]) is np.ndarray
    assert aux["text"] == "seen"


def test_auto_takes_the_other_mode_where_one_has_no_rule() -> None:
    @dd.extend.custom_vjp
    def square(x: Any) -> Any:
        return x**2

    @square.defvjp
    def _(x: Any) -> Any:
        return x**2, lambda g: (2 * x * g,)

    np.testing.assert_array_equal(dd.jacobian(square)(X), np.diag(2 * X))
    np.testing.assert_array_equal(dd.jacobian(lambda s: square(s) * X)(1.0), 2 * X)
    with pytest.raises(NotImplementedError, match="no forward-mode rule"):
        dd.jacobian(square, mode="forward")(X)


def test_auto_goes_forward_where_a_function_of_many_inputs_has_no_vjp() -> None:
    total = extend.primitive(lambda x: np.sum(x), name="total")
    total.jvp("x")(lambda t: np.sum(t))
    jacobian = dd.jacobian(lambda x: total(2.0 * x))
    for _ in range(2):
        np.testing.assert_array_equal(jacobian(np.ones(5)), np.full(5, 2.0))


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_dtype_and_type_do_not_depend_on_mode_and_passes(mode: str) -> None:
    x, matrix = np.ones(100, np.float32), np.ones((20, 100))
    for chunk in (None, 7):
        jacobian = dd.jacobian(lambda x: matrix @ x, mode=mode, chunk=chunk)
        assert jacobian(x).dtype == np.float64
        pair = dd.jacobian(lambda p: [p[0] * p[1], p[0]], mode=mode, chunk=min(chunk or 2, 1))
        assert [[type(v) for v in row] for row in pair([2.0, 3.0])] == [[float, float]] * 2


def test_holomorphic_is_refused_for_real_arguments_at_every_call() -> None:
    jacobian = dd.jacobian(lambda x: x**2, holomorphic=True)
    for x in (np.ones(2), np.ones(2), 1.0, 1.0):
        with pytest.raises(TypeError, match="for complex arguments"):
            jacobian(x)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_numbers_are_stored_and_read_through_truth_values(mode: str) -> None:
    def f(x: Any) -> Any:
        y = dd.numpy.zeros(())
        y[np.array(True)] = x[0]
        y[True] = x[1] * y
        return y[True, None] * y[None, True] * x[2]

    x = np.array([0.5, -1.0, 2.0])
    expected = 2.0 * x[0] * x[1] * np.array([x[1] * x[2], x[0] * x[2], x[0] * x[1] / 2.0])
    np.testing.assert_allclose(np.ravel(dd.jacobian(f, mode=mode)(x)), expected)
    chosen = dd.jacobian(lambda x: np.piecewise(x[0], [x[0] > 0], [np.square, np.sin]), mode=mode)
    np.testing.assert_allclose(chosen(x), [1.0, 0.0, 0.0])
    np.testing.assert_allclose(dd.hessian(lambda x: np.sum(f(x)))(x), dd.hessian(g)(x))


def g(x: Any) -> Any:
    return (x[0] * x[1]) ** 2 * x[2]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.histogram(np.arange(12), bins=3, weights=np.ravel(x))[0],
        lambda x: x[0, :, [1, 2]],
        lambda x: np.linalg.det(x[:, :, :2]),
        lambda x: np.piecewise(x[0, 0, 0], [x[0, 0, 0] > 0], [np.sin]),
    ],
)
def test_no_directions_give_empty_jacobians(f: Any) -> None:
    x = np.arange(1.0, 13.0).reshape(2, 2, 3) ** 2
    recording, shape = Recording(Inputs(f, (x,), {}, 0)), np.shape(f(x))
    assert recording.push([np.zeros((0, *x.shape))], (0,))[0].shape == (0, *shape)
    assert recording.pull([np.zeros((0, *shape))], (0,))[0].shape == (0, *x.shape)


def test_large_jacobians_of_functions_with_a_pullback_alone_are_pulled() -> None:
    square = dd.extend.rule(lambda x: x**2, jvp=None, vjp=lambda g, x: 2 * x * g)

    def f(x: Any) -> Any:
        y = square(x)
        y[1:] += np.sin(x[:-1])
        return y[:2000] * np.cos(x[:2000])

    x = np.linspace(0.5, 1.5, 2500)
    for mode in ("auto", "reverse"):
        jacobian = dd.jacobian(f, mode=mode)(x)
        assert jacobian.shape == (2000, 2500)
        i = np.arange(1, 2000)
        np.testing.assert_allclose(jacobian[i, i - 1], np.cos(x[i - 1]) * np.cos(x[i]))
        y = x[i] ** 2 + np.sin(x[i - 1])
        np.testing.assert_allclose(jacobian[i, i], 2 * x[i] * np.cos(x[i]) - y * np.sin(x[i]))
