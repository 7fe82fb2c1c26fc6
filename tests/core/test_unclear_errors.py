"""Mistakes and limits whose errors say what, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import dualdiff as dd
from dualdiff.errors import ConversionError, RuleError, UnsupportedInputError

X = np.array([0.5, 2.0])


OBJECT_ARRAYS = {
    "inv": lambda p: np.linalg.inv(np.array([[1.0, p], [0.0, 1.0]]))[0, 1],
    "det": lambda p: np.linalg.det(np.array([[p, 1.0], [0.0, 1.0]])),
    "solve": lambda p: np.sum(np.linalg.solve(np.array([[p, 1.0], [0.0, 1.0]]), np.ones(2))),
    "isfinite": lambda p: np.where(np.isfinite(np.array([p, 1.0])), 1.0, 0.0).sum() * p,
    "arctan2": lambda p: np.sum(np.arctan2(np.array([p, p], object), np.ones(2))),
    "mean": lambda p: np.mean([p, 3.0]),
    "std": lambda p: np.std([p, 3.0]),
}


@pytest.mark.parametrize("name", OBJECT_ARRAYS)
def test_object_arrays_are_named_with_the_line_and_what_to_write(name: str) -> None:
    try:
        gradient = dd.grad(OBJECT_ARRAYS[name])(2.0)
    except ConversionError as error:
        text = str(error)
        assert "test_unclear_errors.py" in text
        assert "dualdiff.numpy.array([...])" in text
    else:
        assert np.isfinite(gradient)


OPERATORS: list[Callable[[Any], Any]] = [
    lambda f: dd.jacobian(f)(X),
    lambda f: dd.jvp(f, (X,), (X,)),
    lambda f: dd.vjp(f, X),
    lambda f: dd.linearize(f, X),
    lambda f: dd.derivative(f)(1.0),
    lambda f: dd.grad(f)(X),
]


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_function_without_return_is_named(operator: Callable[[Any], Any]) -> None:
    with pytest.raises(UnsupportedInputError, match=r"returned None.*test_unclear_errors\.py"):
        operator(lambda x: None)


@pytest.mark.parametrize("shape", [(5,), (2, 1), (1, 2, 2)])
def test_a_derivative_of_the_wrong_shape_is_named(shape: tuple[int, ...]) -> None:
    own = dd.extend.elementwise(np.sin, lambda x: np.ones(shape), name="own")
    for derive in (dd.grad, dd.jacobian):
        with pytest.raises(RuleError, match="own: the derivative of operand 0 has shape"):
            derive(lambda x: np.sum(own(x)))(X)


def test_an_infinite_derivative_passes_a_triangular_solve() -> None:
    def f(t: Any) -> Any:
        a = np.eye(2) + np.sqrt(np.array([0.0, 1.0]) * t)
        return np.sum(scipy.linalg.solve_triangular(a, np.ones(2)))

    assert np.isnan(dd.hessian(f)(1.0)) or np.isfinite(dd.hessian(f)(1.0))
    with pytest.raises(ValueError, match="infs or NaNs"):
        dd.grad(lambda t: np.sum(scipy.linalg.solve_triangular(np.eye(2) * np.nan, t)))(X)


def test_the_line_named_is_the_users_not_that_of_an_installed_package() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model")
    model = sklearn.LinearRegression().fit(np.eye(3), np.ones(3))
    with pytest.raises(ConversionError, match=r"at test_unclear_errors\.py"):
        dd.grad(lambda v: model.predict(v[None])[0])(np.ones(3))


@pytest.mark.parametrize("mean", [lambda m: m, lambda m: m * np.ones(4)])
def test_draws_with_traced_parameters_say_to_transform_plain_draws(mean: Any) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ConversionError, match=r"rng\.normal would drop .*mean \+ spread \* rng"):
        dd.grad(lambda m: np.mean(rng.normal(mean(m), 1.0, size=4)))(1.0)


def test_an_array_of_floats_from_traced_numbers_names_the_function_that_makes_it() -> None:
    with pytest.raises(ConversionError, match=r"dtype=float\) of .*numpy\.array, or"):
        dd.grad(lambda s: np.array([[s, 1.0], [2.0, s]], dtype=float)[0, 0])(1.0)
