"""Vectorized functions give at each point what the function gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled import lanes
from dualdiff.trees import flatten
from tests.compiled.helpers import assert_same
from tests.compiled.test_native import PROGRAMS

pytest.importorskip("llvmlite", reason="lanes are machine code, the extra `compile`")
N = 21  # two full blocks and a part of one after the first points


@pytest.fixture(autouse=True)
def _native(monkeypatch) -> None:
    monkeypatch.setenv("DUALDIFF_CACHE", "")
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))


@pytest.fixture
def blocks(monkeypatch) -> list[int]:
    """Collects how many points each run of vector code computed."""
    found: list[int] = []
    original = lanes.LaneProgram.blocks

    def counted(self, inputs, outputs, start) -> int:
        stop = original(self, inputs, outputs, start)
        found.append(stop - start)
        return stop

    monkeypatch.setattr(lanes.LaneProgram, "blocks", counted)
    return found


def check(e: Callable[..., Any], *batches: Any, rtol: float = 1e-11) -> None:
    """Each point of a batch has the result of a call of its own."""
    got, form = flatten(dd.vectorize(e)(*batches))
    for i in range(len(got[0])):
        want, other = flatten(e(*[b[i] if np.ndim(b) else b for b in batches]))
        assert form == other
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a[i], b, rtol=rtol, atol=1e-13)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_and_their_gradients(name: str, blocks: list[int]) -> None:
    f, points = PROGRAMS[name]
    batch = np.stack([points[k % 2] * (1.0 + 0.01 * k) for k in range(N)])
    if name == "triangular":
        batch = np.stack([points[0] + 0.1 * k * np.eye(5) for k in range(N)])
    check(dd.value_and_grad(f), batch)
    assert sum(blocks) >= N - 3


def test_all_operations(blocks: list[int]) -> None:
    def f(x, y):
        a = np.tan(x) + np.arctan2(x, y) + np.hypot(x, y) + np.cbrt(x) + np.log2(x + y)
        b = np.where((x > 0.5) & ~(y < 0.3), np.sqrt(x), np.maximum(x, y) - np.minimum(x, 0.4))
        c = np.sign(x - 0.5) * np.abs(y - 0.5) + np.floor(3 * x) + np.copysign(x, y - 0.5)
        d = np.log1p(x) + np.expm1(y) + np.log(y) + np.cos(x) * np.exp(y) + np.tanh(x) + x**2.5
        return a + b + c + d

    rng = np.random.default_rng(1)
    x, y = rng.uniform(0.1, 0.9, (N, 3)), rng.uniform(0.1, 0.9, (N, 3))
    check(f, x, y)
    assert sum(blocks) >= N - 3


def test_points_that_take_other_courses_or_are_not_finite(blocks: list[int]) -> None:
    def f(x):
        return np.sum(np.sin(x)) if x[0] > 0.2 else np.sum(x**2) / x[1]

    x = np.sort(np.random.default_rng(2).uniform(0.0, 1.0, (60, 2)), axis=0)
    x[50, 0] = 1e7  # out of the range of the sine on vectors
    x[55], x[41, 0] = 0.0, np.nan
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        check(dd.grad(f), x)
    assert sum(blocks) > 0


def test_arguments_out_of_the_range_of_vector_code_are_left_to_scalar_code() -> None:
    x = np.random.default_rng(5).uniform(1e6, 1e9, (N, 2))
    check(lambda x: np.sin(x) + np.cos(x), x, rtol=1e-15)
    check(np.log1p, 1e296 * x, rtol=1e-15)


def test_layouts_containers_numbers_and_integers() -> None:
    def f(p, k, n=2):
        return {"a": k * np.sum(p["x"] ** n), "b": (p["y"] * p["x"], p["y"])}

    rng = np.random.default_rng(3)
    x, y = rng.random((3, N)).T, rng.random(2 * N)[::2]
    got = dd.vectorize(f)({"x": x, "y": y}, 2.5, n=3)
    assert_same(got["a"], 2.5 * np.sum(x**3, axis=1), rtol=1e-12)
    assert_same(got["b"], (y[:, None] * x, y.copy()))
    order = np.arange(N) % 3
    got = dd.vectorize(lambda x, i: x[i] * 2.0)(x, order)
    assert_same(got, 2 * x[np.arange(N), order])


def test_large_arrays_and_eager_functions_go_point_by_point() -> None:
    x = np.random.default_rng(4).random((3, 30_000))
    check(dd.grad(lambda x: np.sum(np.sin(x))), x)
    check(lambda x: np.sort(x)[::-1], x[:, :5])


def test_wrong_batches_are_refused() -> None:
    g = dd.vectorize(lambda x, y: x * y)
    with pytest.raises(ValueError, match="one batch axis"):
        g(np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises(ValueError, match="one batch axis"):
        g(1.0, 2.0)
    with pytest.raises(ValueError, match="at least one point"):
        g(np.ones((0, 2)), 1.0)
    h = dd.vectorize(lambda x: x if x[0] > 0 else x[:1])
    with pytest.raises(ValueError, match="another form"):
        h(np.array([[1.0, 2.0], [-1.0, 2.0]]))
