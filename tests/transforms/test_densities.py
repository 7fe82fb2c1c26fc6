"""The mode of nearly square Jacobians, by how much of their directions are arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import extend
from dualdiff.transforms.inputs import Inputs
from dualdiff.transforms.linearize import Recording
from dualdiff.transforms.measure import measure

N = 150
RNG = np.random.default_rng(3)
X = RNG.normal(size=N)
A = RNG.normal(size=(N, N)) / N
COUNTS = np.arange(10.0)


def chain(y: Any) -> Any:
    for _ in range(4):
        y = np.sin(y) * y
    return y


def mixed_first(x: Any) -> Any:
    return chain(A @ x)


def mixed_last(x: Any) -> Any:
    return A @ chain(x)


def parts_of(f: Callable[[Any], Any], x: Any = X) -> tuple[float, float]:
    """Of the elements of tangents, those that arrays hold of tangents, and of cotangents."""
    found = measure(Recording(Inputs(f, (x,), {}, 0)), "auto")
    assert found.forward is not None
    assert found.reverse is not None
    whole = found.forward.total
    return found.forward.arrays / whole, found.reverse.arrays / whole


def test_what_is_done_after_elements_are_mixed_makes_arrays_of_tangents_only() -> None:
    tangents, cotangents = parts_of(mixed_first)
    assert cotangents < 0.2 < 0.9 <= tangents  # all but the seed
    tangents, cotangents = parts_of(mixed_last)
    assert tangents < 0.2 < 0.9 <= cotangents


def test_elementwise_functions_make_an_array_of_the_result_alone() -> None:
    assert max(parts_of(chain)) < 0.2


def test_functions_of_all_elements_make_no_arrays_of_cotangents() -> None:
    """As in a pass of many directions: their pull is a column times a row."""
    assert parts_of(lambda x: np.exp(x) / np.sum(np.exp(x)))[1] < 0.3


@pytest.mark.parametrize(("f", "mode"), [(mixed_first, "reverse"), (mixed_last, "forward")])
def test_the_mode_with_fewer_arrays_is_chosen(f: Callable[[Any], Any], mode: str) -> None:
    plan = dd.plan(f, X)
    assert plan.mode == mode
    assert "of arrays, a cotangent" in plan.reason
    (other,) = plan.alternatives
    assert plan.cost < 0.7 * other.cost
    jacobian = dd.jacobian(f)
    expected = dd.jacobian(f, mode=mode)(X)
    np.testing.assert_allclose(jacobian(X), expected, rtol=1e-12, atol=1e-15)
    for _ in range(2):  # from the second call on
        np.testing.assert_array_equal(jacobian(X), expected)


def test_far_more_inputs_than_results_are_not_measured() -> None:
    plan = dd.plan(lambda x: np.sum(x.reshape(-1, 500) ** 2, axis=1), np.ones(10_000))
    assert plan.mode == "reverse"
    assert "makes arrays" not in plan.reason


def test_functions_without_one_kind_of_rule_count_as_dense() -> None:
    scaled = extend.primitive(lambda x: 3.0 * x, name="scaled")
    scaled.vjp(batched=True)(lambda g: 3.0 * g)
    recording = Recording(Inputs(lambda x: scaled(np.sin(x)), (X,), {}, 0))
    assert measure(recording, "auto").forward is None
    assert "makes arrays" not in dd.plan(lambda x: scaled(np.sin(x)), X).reason
    jacobian = dd.jacobian(lambda x: scaled(np.sin(x)))
    for _ in range(3):
        np.testing.assert_allclose(jacobian(X), 3.0 * np.diag(np.cos(X)), rtol=1e-14)


def test_a_rule_that_the_mode_never_runs_may_raise_what_it_likes() -> None:
    scaled = extend.primitive(lambda x: 3.0 * x, name="scaled")
    scaled.vjp(batched=True)(lambda g: 3.0 * g)

    @scaled.jvp(batched=True)
    def jvp(t: Any) -> Any:
        raise ValueError("forward mode is for another day")

    jacobian = dd.jacobian(lambda x: scaled(np.sin(x))[:100])
    for _ in range(3):
        np.testing.assert_allclose(jacobian(X), 3.0 * np.diag(np.cos(X))[:100], rtol=1e-14)


def test_containers_and_complex_numbers_are_measured_alike() -> None:
    def f(p: Any) -> Any:
        return {"y": mixed_first(p["a"] * p["s"]), "z": p["z"] * (1.0 + 2.0j)}

    p = {"a": X, "s": 2.0, "z": X[:5]}
    tangents, cotangents = parts_of(f, p)
    assert cotangents < 0.4 < 0.8 < tangents
    got = dd.jacobian(f)(p)
    np.testing.assert_allclose(got["y"]["a"], dd.jacobian(mixed_first)(2.0 * X) * 2.0, rtol=1e-12)
    np.testing.assert_allclose(got["z"]["z"], (1.0 + 2.0j) * np.eye(5))


def test_outer_derivatives_do_not_record_the_measurement() -> None:
    def recorded(mode: Any) -> int:
        sizes: list[int] = []

        def outer(x: Any) -> Any:
            jacobian = dd.jacobian(mixed_first, mode=mode)
            ans = np.sum(jacobian(x) ** 2) + np.sum(jacobian(x))
            sizes.append(len(x.owner.entries))
            return ans

        dd.grad(outer)(X)
        return sizes[0]

    assert recorded("auto") == recorded("forward")


def test_few_tangents_are_never_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward mode of few inputs keeps no tape, however often it is called."""
    recorded: list[int] = []
    make = Recording.__init__

    def counted(self: Recording, *args: Any) -> None:
        recorded.append(1)
        make(self, *args)

    monkeypatch.setattr(Recording, "__init__", counted)
    x = np.linspace(0.1, 0.9, 60)
    jacobian = dd.jacobian(lambda x: np.outer(x, COUNTS).ravel() * x[0], mode="forward")
    for _ in range(3):
        assert jacobian(x).shape == (600, 60)
    assert not recorded
