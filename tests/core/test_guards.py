"""A plain array saved for the backward pass and changed afterwards never gives a wrong gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.array.guards import BUDGET

SMALL, LARGE = 5, BUDGET + 1000


def _ones(n: int) -> np.ndarray:
    return np.linspace(1.0, 2.0, n)


USES: dict[str, Callable[[Any, np.ndarray], Any]] = {
    "x * c": lambda x, c: x * c,
    "c * x": lambda x, c: c * x,
    "x / c": lambda x, c: x / c,
    "c / x": lambda x, c: c / x,
    "np.power(x, c)": lambda x, c: np.power(x, c),
    "np.hypot(x, c)": lambda x, c: np.hypot(x, c),  # whose second derivative needs c
    "c @ x": lambda x, c: c @ x,
    "np.where": lambda x, c: np.where(c > 1.5, x, 0.0) * c,
}


@pytest.mark.parametrize("name", USES)
def test_a_small_constant_changed_after_use_gives_the_right_gradient(name: str) -> None:
    use = USES[name]

    def f(x: Any, change: bool) -> Any:
        c = _ones(SMALL)
        y = use(x, c)
        if change:
            c[:] = 100.0
        return np.sum(y)

    x = _ones(SMALL) + 0.5
    np.testing.assert_array_equal(dd.grad(f)(x, True), dd.grad(f)(x, False))


@pytest.mark.parametrize("change", ["all", "one element", "swap"])
@pytest.mark.parametrize(
    "name", ["x * c", "c * x", "x / c", "np.power(x, c)", "np.hypot(x, c)", "c @ x"]
)
def test_a_large_constant_changed_after_use_raises_with_the_line_of_its_use(
    name: str, change: str
) -> None:
    use = USES[name]

    def f(x: Any, changes: bool) -> Any:
        c = _ones(LARGE)
        y = use(x, c)
        if changes and change == "all":
            c[:] = 100.0
        elif changes and change == "one element":
            c[17] += 1e-3
        elif changes:
            c[[3, 4000]] = c[[4000, 3]]
        return np.sum(y)

    x = _ones(LARGE) + 0.5
    assert dd.grad(f)(x, False).shape == x.shape
    with pytest.raises(
        dd.DualdiffError, match=r"changed in place after it was used at test_guards"
    ):
        dd.grad(f)(x, True)


@pytest.mark.parametrize("name", ["c / x"])
def test_a_large_constant_that_is_not_a_residual_may_change(name: str) -> None:
    def f(x: Any, change: bool) -> Any:
        c = _ones(LARGE)
        y = USES[name](x, c)
        if change:
            c[:] = 100.0
        return np.sum(y)

    x = _ones(LARGE) + 0.5
    np.testing.assert_array_equal(dd.grad(f)(x, True), dd.grad(f)(x, False))


def test_constants_that_no_derivative_needs_may_change() -> None:
    def f(x: Any) -> Any:
        buffer, total = np.zeros(LARGE), 0.0
        for k in range(3):
            buffer[:] = k
            total = total + np.sum(x + buffer) - np.sum(buffer - x)
        return total

    np.testing.assert_array_equal(dd.grad(f)(np.ones(LARGE)), np.full(LARGE, 6.0))


def test_a_mask_changed_after_use_does_not_change_the_gradient() -> None:
    def f(x: Any) -> Any:
        mask = np.array([True, False, True])
        y = np.where(mask, x, 0.0)
        mask[:] = False
        index = np.array([0, 2])
        z = x[index]
        index[:] = 1
        return np.sum(y) + np.sum(z)

    np.testing.assert_array_equal(dd.grad(f)(np.ones(3)), [2.0, 0.0, 2.0])


def test_changing_the_argument_after_vjp_does_not_change_the_pullback() -> None:
    x = _ones(LARGE)
    _, pullback = dd.vjp(lambda x: x * x, x)
    expected = 2 * x
    x[:] = 0.0
    np.testing.assert_array_equal(pullback(np.ones(LARGE))[0], expected)


def test_a_change_shows_in_an_array_with_nan_too() -> None:
    def f(x: Any) -> Any:
        c = _ones(LARGE)
        c[0] = np.nan
        y = x * c
        c[1] = 7.0
        return y[2]

    with pytest.raises(dd.DualdiffError, match="changed in place"):
        dd.grad(f)(np.ones(LARGE))


def test_a_scaled_constant_shows_with_nan_in_every_row_and_column() -> None:
    values = np.random.default_rng(0).normal(size=LARGE)
    values[np.random.default_rng(1).random(values.size) < 0.1] = np.nan

    def f(x: Any) -> Any:
        c = values.copy()
        y = x * c
        c *= 2
        return np.nansum(y)

    with pytest.raises(dd.DualdiffError, match="changed in place"):
        dd.grad(f)(np.ones(values.size))


def test_an_inverted_red_black_mask_shows() -> None:
    def f(x: Any) -> Any:
        mask = (np.indices((1024, 1024)).sum(0) % 2).astype(float)
        y = x * mask
        mask[:] = 1 - mask
        return np.sum(y)

    with pytest.raises(dd.DualdiffError, match="changed in place"):
        dd.grad(f)(np.ones((1024, 1024)))
