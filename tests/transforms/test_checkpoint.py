"""`checkpoint`: the same derivatives from the arguments alone, and nothing lost in silence."""

from __future__ import annotations

import gc
import inspect
import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import CaptureError, CheckpointError, ClosedTraceError, UnsupportedInputError
from dualdiff.transforms.inputs import Inputs
from dualdiff.transforms.linearize import Recording

X = np.array([0.3, -1.2, 2.0])
W = np.array([[0.5, -1.0, 0.2], [1.5, 0.3, -0.7]])


def layer(params: Any, x: Any, *, scale: float = 1.0) -> Any:
    """The docstring of layer."""
    h = np.tanh(params["w"] @ x + params["b"][0])
    return {"h": scale * h, "size": len(h)}


def loss(params: Any, x: Any, scale: float = 1.0, step: Any = layer) -> Any:
    h = step(params, x, scale=scale)["h"]
    return np.sum(np.sin(h) * h)


PARAMS = {"w": W, "b": [0.4]}


def checked(params: Any, x: Any, scale: float = 1.0) -> Any:
    return loss(params, x, scale, dd.checkpoint(layer))


def test_a_checkpointed_function_has_the_derivatives_of_f_in_every_nesting() -> None:
    dd.check_grads(checked, (PARAMS, X, 0.7), order=3)
    for derivative in (dd.grad, dd.hessian, dd.jacobian):
        expected, found = (derivative(f, "x")(PARAMS, X) for f in (loss, checked))
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    v = np.ones(3)
    expected, found = (dd.hvp(f, 1)(PARAMS, X, v) for f in (loss, checked))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_jacobians_push_and_vjp_through_one_recording() -> None:
    f = dd.checkpoint(lambda x: np.sin(W @ x))
    expected = np.cos(W @ X)[:, None] * W
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(dd.jacobian(f, mode=mode)(X), expected)
    _, linear = dd.linearize(f, X)
    np.testing.assert_allclose(linear.jvp(X), expected @ X)
    np.testing.assert_allclose(linear.vjp(np.ones(2))[0], np.ones(2) @ expected)


def test_only_one_entry_is_recorded_and_f_runs_once_more_per_pullback() -> None:
    calls: list[int] = []

    def f(x: Any) -> Any:
        calls.append(1)
        for _ in range(50):
            x = np.sin(x)
        return x

    recording = Recording(Inputs(dd.checkpoint(f), [X], {}, None))
    assert len(recording.tape.entries) == 1
    assert len(calls) == 1
    recording.pull([np.ones(3)])
    assert len(calls) == 2
    calls.clear()
    dd.jvp(dd.checkpoint(f), (X,), (X,))
    assert len(calls) == 1


def test_the_peak_memory_of_a_chain_is_that_of_one_piece() -> None:
    def piece(x: Any) -> Any:
        for _ in range(20):
            x = np.sin(x)
        return x

    def peak(step: Any) -> int:
        tracemalloc.start()
        dd.grad(lambda x: np.sum(step(step(step(step(step(x)))))))(np.ones(20_000))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(dd.checkpoint(piece)) < 0.5 * peak(piece)


def test_a_captured_value_of_the_same_derivative_is_refused() -> None:
    def f(c: Any) -> Any:
        return np.sum(dd.checkpoint(lambda x: x * c)(2 * c))

    with pytest.raises(CaptureError, match="not one of its arguments"):
        dd.grad(f)(X)
    np.testing.assert_allclose(dd.jvp(f, (X,), (np.ones(3),))[1], np.sum(4 * X))


def test_a_captured_value_of_an_outer_derivative_is_right() -> None:
    def inner(c: Any) -> Any:
        return dd.grad(dd.checkpoint(lambda x: np.sin(x) * c))(0.5)

    for derivative in (dd.grad, dd.derivative):
        assert derivative(lambda c: inner(c) * c)(2.0) == pytest.approx(4 * np.cos(0.5))


@pytest.mark.parametrize("derivative", [dd.grad, lambda f: lambda x: dd.hvp(f)(x, x)])
def test_a_traced_value_that_leaves_by_a_side_effect_is_refused(derivative: Any) -> None:
    def f(x: Any) -> Any:
        out = dd.numpy.zeros(3)

        def step(y: Any) -> Any:
            out[0] = np.sum(y**2)
            return y

        return np.sum(dd.checkpoint(step)(x)) + out[0]

    with pytest.raises(ClosedTraceError):
        derivative(f)(X)


def test_assigning_to_an_argument_is_refused() -> None:
    def step(x: Any) -> Any:
        x[0] = 1.0
        return x

    with pytest.raises(UnsupportedInputError, match=r"step assigned to one of its arguments.*copy"):
        dd.grad(lambda x: np.sum(dd.checkpoint(step)(2 * x)))(X)


def test_a_second_run_with_another_result_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(CheckpointError, match="random numbers outside"):
        dd.grad(lambda x: np.sum(dd.checkpoint(lambda x: x * rng.standard_normal(3))(x)))(X)


def test_infinite_and_nan_results_agree_with_themselves() -> None:
    with np.errstate(all="ignore"):
        gradient = dd.grad(lambda x: np.sum(dd.checkpoint(np.log)(x)))(np.array([0.0, -1.0, 2.0]))
    assert gradient[2] == 0.5


def test_no_floating_point_error_is_raised_that_f_would_not_raise() -> None:
    with np.errstate(all="raise"):
        np.testing.assert_allclose(dd.elementwise_grad(dd.checkpoint(np.exp))(X), np.exp(X))


def test_checkpoints_nest() -> None:
    inner = dd.checkpoint(lambda x: np.sin(x) * x)
    dd.check_grads(dd.checkpoint(lambda x: inner(inner(x))), (X,), order=3)


def test_the_name_and_signature_are_kept_and_it_pickles() -> None:
    f = dd.checkpoint(layer)
    assert f.__doc__ == "The docstring of layer."
    assert inspect.signature(f) == inspect.signature(layer)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(f))(PARAMS, X)["h"], layer(PARAMS, X)["h"]
    )


def test_untraced_arguments_may_be_anything() -> None:
    assert dd.checkpoint(lambda x, unit: f"{x} {unit}")(3, unit="m") == "3 m"


def test_no_reference_cycle_keeps_the_tape() -> None:
    dd.grad(checked)(PARAMS, X)
    gc.collect()
    gc.disable()
    try:
        dd.grad(checked)(PARAMS, X)
        assert gc.collect() == 0
    finally:
        gc.enable()
