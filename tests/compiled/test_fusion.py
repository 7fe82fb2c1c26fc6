"""Loops of elementwise operations become one, and programs keep their results to the last bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd

pytest.importorskip("llvmlite")
SIZE = 70


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUALDIFF_CACHE", "")


def loops_of(f: Callable[..., Any], x: np.ndarray) -> list[str]:
    """The loops that the report of a compiled function names; its results are the eager ones."""
    g = dd.compile(f)
    for shift in range(6):
        point = x + 0.1 * shift
        found, expected = np.asarray(g(point)), np.asarray(f(point))
        assert np.array_equal(found, expected)
    text = str(g.report())
    assert "native code" in text
    return [part for part in text.split(", ") if part.startswith("a loop of")]


def test_operations_on_one_array_become_one_loop() -> None:
    found = loops_of(lambda x: (x * x + 1.0) * (x - 2.0) / (x + 3.0), np.linspace(0.0, 1.0, SIZE))
    assert found == [f"a loop of 6 operations x {SIZE}"]


def test_an_operation_on_neighbours_starts_another_loop() -> None:
    def f(x: Any) -> Any:
        y = x * x
        return y[1:] * y[:-1]

    found = loops_of(f, np.linspace(0.0, 1.0, SIZE + 1))
    assert len(found) == 2


def test_one_operation_on_two_arrays_is_two_loops_of_even_steps() -> None:
    def f(x: Any) -> Any:
        return np.concatenate([x[::2] * 3.0, x[1::3] * 3.0])

    found = loops_of(f, np.linspace(0.0, 1.0, 6 * SIZE))
    assert found == [f"a loop of 1 operations x {n}" for n in (3 * SIZE, 2 * SIZE)]


def test_a_sum_or_a_test_does_not_part_the_ways_forwards_and_back() -> None:
    f = dd.grad(lambda x: np.sum((x * 2.0 + 1.0) ** 2 * x))
    assert len(loops_of(f, np.linspace(0.0, 1.0, SIZE))) == 1

    def chosen(x: Any) -> Any:
        y = x * 2.0
        if np.sum(y) > 30.0:
            return y * 3.0 - x
        return y * x if y[0] > -1.0 else y

    g = dd.compile(chosen)
    points = [np.full(SIZE, v) for v in (0.1, 0.4, 0.1, -2.0, 0.2, 0.5, -3.0, 0.1)]
    for x in points * 2:
        assert np.array_equal(g(x), chosen(x))


def test_running_values_are_not_joined_to_others() -> None:
    found = loops_of(lambda x: np.cumsum(x * 3.0) - 1.0, np.linspace(0.0, 1.0, SIZE))
    assert all("a loop of 1 operations" in part for part in found)


def test_tests_keep_their_order() -> None:
    def f(x: Any) -> Any:
        y = x * 2.0
        total = 0.0
        for a, b in zip(y, y * y, strict=True):
            total = total + (a if a > 0.0 else 10.0 * b) + (b if b > 3.0 else 20.0 * a)
        return total

    g, rng = dd.compile(f), np.random.default_rng(0)
    signs = np.where(rng.random(SIZE) < 0.5, -1.0, 1.0)
    points = [np.full(SIZE, 0.7), np.full(SIZE, 0.7) * signs, np.full(SIZE, 1.4)] * 4
    assert [g(x) for x in points] == [f(x) for x in points]


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_on_arrays_keep_their_derivatives(seed: int) -> None:
    def f(x: Any) -> Any:
        rng = np.random.default_rng(seed)
        values = [x, x * 2.0]
        for _ in range(12):
            a, b = (values[i] for i in rng.integers(len(values), size=2))
            shift = int(rng.integers(-2, 3))
            constant = rng.normal(size=SIZE)
            choices = (
                lambda a=a, b=b: a * b * 0.5,
                lambda a=a, b=b, s=shift: np.roll(a, s) - b,
                lambda a=a, c=constant: a * c,
                lambda a=a, b=b: np.where(a > b, np.sqrt(a * a + 1.0), b / 3.0),
                lambda a=a, b=b: np.concatenate([a[:30], b[30:]]) + a[::-1],
            )
            values.append(choices[rng.integers(len(choices))]())
        return np.sum(values[-1] * values[-2] + np.cumsum(values[-3]))

    e = dd.value_and_grad(f)
    g, rng = dd.compile(e), np.random.default_rng(seed)
    for _ in range(5):
        x = rng.normal(size=SIZE)
        (found, gradient), (value, expected) = g(x), e(x)
        np.testing.assert_allclose(found, value, rtol=1e-13)
        np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12)
