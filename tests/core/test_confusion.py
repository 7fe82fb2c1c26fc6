"""Nested derivatives must not mistake one another's tangents for their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd

Scalar = Callable[[Any], Any]


def forward(f: Scalar) -> Scalar:
    return lambda x: dd.jvp(f, (x,), (1.0,))[1]


def reverse(f: Scalar) -> Scalar:
    return lambda x: dd.vjp(f, x)[1](1.0)[0]


MODES = {"forward": forward, "reverse": reverse}
PAIRS = [(a, b) for a in MODES for b in MODES]


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_inner_derivative_does_not_see_the_outer_perturbation(outer: str, inner: str) -> None:
    # d/dx [x * d/dy (x + y)] = 1; a confused implementation gives 2.
    d_out, d_in = MODES[outer], MODES[inner]
    assert d_out(lambda x: x * d_in(lambda y: x + y)(1.0))(1.0) == 1.0


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_inner_derivative_keeps_its_dependence_on_the_outer_variable(
    outer: str, inner: str
) -> None:
    # d/dx [d/dy (x y^2) at y = 3] = 2 * 3.
    d_out, d_in = MODES[outer], MODES[inner]
    assert d_out(lambda x: d_in(lambda y: x * y * y)(3.0))(5.0) == 6.0


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_differentiating_at_the_outer_variable_itself(outer: str, inner: str) -> None:
    # d/dx [d/dy (x y^3) at y = x] = d/dx 3 x^3 = 9 x^2.
    d_out, d_in = MODES[outer], MODES[inner]
    assert d_out(lambda x: d_in(lambda y: x * y**3)(x))(2.0) == pytest.approx(36.0)


@pytest.mark.parametrize("modes", [(a, b, c) for a in MODES for b in MODES for c in MODES])
def test_third_derivatives_agree_in_every_order_of_modes(modes: tuple[str, str, str]) -> None:
    f: Scalar = np.sin
    for m in modes:
        f = MODES[m](f)
    assert f(0.7) == pytest.approx(-np.cos(0.7), rel=1e-14)


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_a_closure_returned_by_the_inner_function_keeps_outer_levels(
    outer: str, inner: str
) -> None:
    d_out, d_in = MODES[outer], MODES[inner]

    def f(x: Any) -> Any:
        scale = lambda y: np.exp(x) * y  # noqa: E731  # the closure is what is tested
        return d_in(lambda y: scale(y) * scale(y))(2.0)

    # d/dy (e^2x y^2) = 4 e^2x at y = 2; its derivative in x is 8 e^2x.
    assert d_out(f)(0.3) == pytest.approx(8 * np.exp(0.6), rel=1e-14)


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_arrays_of_different_levels_meet_in_one_assignment(outer: str, inner: str) -> None:
    d_out, d_in = MODES[outer], MODES[inner]

    def f(x: Any) -> Any:
        shared = dd.numpy.zeros(2)
        shared[0] = x * x

        def g(y: Any) -> Any:
            local = dd.numpy.zeros(2)
            local[0] = shared[0] * y
            local[1] = y * y * x
            return np.sum(local * local)

        return d_in(g)(1.5) + shared[0]

    # g' = 2 x^4 y + 4 x^2 y^3 at y = 1.5, plus x^2.
    x, y = 0.8, 1.5
    expected = 8 * x**3 * y + 8 * x * y**3 + 2 * x
    assert d_out(f)(x) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_storing_an_inner_result_into_an_outer_array(outer: str, inner: str) -> None:
    d_out, d_in = MODES[outer], MODES[inner]

    def f(x: Any) -> Any:
        out = dd.numpy.zeros(3)
        for i in range(3):
            out[i] = d_in(lambda y, i=i: x * y ** (i + 1))(x)
        return np.sum(out)

    # sum over i of (i + 1) x^(i + 1)
    x = 0.9
    assert d_out(f)(x) == pytest.approx(1 + 4 * x + 9 * x**2, rel=1e-13)


def test_a_saved_operand_is_not_changed_by_a_later_store_of_the_outer_function() -> None:
    def f(x: Any) -> Any:
        def g(y: Any) -> Any:
            out = np.sum(y * x)
            x[0] = 100.0
            return out

        return np.sum(dd.grad(g)(np.ones(2)))

    np.testing.assert_array_equal(dd.grad(f)(np.array([2.0, 3.0])), [1.0, 1.0])
