"""Structural zeros: what a selection has cut off stays zero beside infinite derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import RepeatedRunWarning

X = np.array([0.0, 1.0, 2.0, -1.0])
BOTH = ["forward", "reverse"]


def _log_where(x: Any) -> Any:
    return np.where(x > 0, np.log(np.where(x < 0, 0, x)), 0)


def _total(x: Any) -> Any:
    return np.sum(_log_where(x))


def _filled(x: Any) -> Any:
    y = dd.numpy.zeros(4)
    y[:] = np.sqrt(abs(x))
    y[0] = 1.0
    y[3] = y[1] * y[2]
    return y


# name: (function, its derivative at X, where it acts on each element)
CUT: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "where": (_log_where, [0, 1, 0.5, 0]),
    "select": (lambda x: np.select([x > 0], [np.sqrt(x)], 7.0), [0, 0.5, 0.125**0.5, 0]),
    "maximum": (lambda x: np.maximum(np.sqrt(abs(x)), 1.2), [0, 0, 0.125**0.5, 0]),
    "clip": (lambda x: np.clip(np.cbrt(x), 0.5, 9.0), [0, 1 / 3, 2 ** (-2 / 3) / 3, 0]),
    "mask": (lambda x: np.sqrt(abs(x)) * (x > 0), [0, 0.5, 0.125**0.5, 0]),
}


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):  # the functions themselves take log(0)
        yield


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(("f", "slope"), CUT.values(), ids=CUT.keys())
def test_a_branch_that_is_not_taken_has_derivative_zero(
    f: Callable[[Any], Any], slope: list[float], mode: str
) -> None:
    np.testing.assert_allclose(dd.jacobian(f, mode=mode)(X), np.diag(slope), rtol=1e-14)
    np.testing.assert_allclose(dd.grad(lambda x: np.sum(f(x)))(X), slope, rtol=1e-14)
    np.testing.assert_allclose(dd.jvp(f, (X,), (np.ones(4),))[1], slope, rtol=1e-14)
    pullback = dd.vjp(f, X)[1]
    for _ in range(2):
        np.testing.assert_allclose(pullback(np.ones(4))[0], slope, rtol=1e-14)


@pytest.mark.parametrize("outer", BOTH)
@pytest.mark.parametrize("inner", BOTH)
def test_a_branch_that_is_not_taken_has_second_derivative_zero(inner: str, outer: str) -> None:
    second = dd.jacobian(dd.jacobian(_total, mode=inner), mode=outer)(X)
    np.testing.assert_allclose(second, np.diag([0, -1, -0.25, 0]), rtol=1e-14)


def test_hessians_and_their_products_are_zero_where_a_branch_is_not_taken() -> None:
    np.testing.assert_allclose(dd.hessian(_total)(X), np.diag([0, -1, -0.25, 0]), rtol=1e-14)
    np.testing.assert_allclose(dd.hvp(_total)(X, np.ones(4)), [0, -1, -0.25, 0])
    np.testing.assert_allclose(dd.hessian_operator(_total)(X) @ np.ones(4), [0, -1, -0.25, 0])


@pytest.mark.parametrize("mode", BOTH)
def test_a_finite_slope_with_an_infinite_second_derivative_is_cut_off_too(mode: str) -> None:
    gradient = dd.grad(lambda x: np.sum(np.where(x > 0, x**1.5, 0)))
    expected = np.diag([0, 0.75, 0.75 / 2**0.5, 0])
    np.testing.assert_allclose(dd.jacobian(gradient, mode=mode)(X), expected)


@pytest.mark.parametrize("mode", BOTH)
def test_the_jacobian_of_sqrt_at_zero_has_no_nan(mode: str) -> None:
    jacobian = dd.jacobian(np.sqrt, mode=mode)(np.array([0.0, 1.0]))
    np.testing.assert_array_equal(jacobian, [[np.inf, 0.0], [0.0, 0.5]])


@pytest.mark.parametrize("mode", BOTH)
def test_what_an_index_leaves_out_is_cut_off(mode: str) -> None:
    x = np.array([0.0, 1.0, 4.0, 9.0])
    jacobian = dd.jacobian(lambda x: np.log(x)[x > 0][1:], mode=mode)(x)
    np.testing.assert_allclose(jacobian, [[0, 0, 0.25, 0], [0, 0, 0, 1 / 9]])


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(
    "index", [0, slice(1), np.array([0]), np.array([True, False, False, False])]
)
def test_an_element_makes_no_nan_in_the_rows_of_other_results(mode: str, index: Any) -> None:
    slope = dd.jacobian(lambda x: np.append(x[1], (x * np.inf)[index]), mode=mode)(X)
    np.testing.assert_array_equal(slope, [[0, 1, 0, 0], [np.inf, 0, 0, 0]])


@pytest.mark.parametrize("mode", BOTH)
def test_what_a_store_overwrites_is_cut_off(mode: str) -> None:
    x = np.array([0.0, 1.0, 4.0, 0.0])
    expected = [[0, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0.25, 0], [0, 1.0, 0.25, 0]]
    np.testing.assert_allclose(dd.jacobian(_filled, mode=mode)(x), expected)


def test_a_dead_cotangent_meets_an_infinite_matrix_without_nan() -> None:
    A = np.array([[np.inf, 1.0], [1.0, 2.0]])
    np.testing.assert_array_equal(dd.grad(lambda x: (A @ x)[1])(np.ones(2)), [1.0, 2.0])


def test_zeros_in_residuals_and_in_a_users_tangent_are_ordinary_numbers() -> None:
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore", invalid="ignore"):  # NumPy's own, from log(0) * 0
        gradient = dd.grad(lambda x: np.sum(np.log(x) * x))(x)
        tangent = dd.jvp(np.log, (x,), (np.array([0.0, 1.0]),))[1]
        cotangent = dd.vjp(np.log, x)[1](np.array([0.0, 1.0]))[0]
    np.testing.assert_array_equal(gradient, [np.nan, np.log(4.0) + 1])
    np.testing.assert_array_equal(tangent, [np.nan, 0.25])
    np.testing.assert_array_equal(cotangent, [np.nan, 0.25])


def test_a_function_whose_derivative_has_no_nan_is_called_once() -> None:
    calls: list[int] = []

    def f(x: Any) -> Any:
        calls.append(1)
        return np.sum(np.sqrt(x))

    assert np.isinf(dd.grad(f)(np.array([0.0, 4.0]))[0])
    assert len(calls) == 1


class _Counting:
    """A program whose factor is the number of its runs."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, x: Any) -> Any:
        self.runs += 1
        return self.runs * np.sum(np.where(x > 0, np.sqrt(x), 0.0))


@pytest.mark.parametrize("mode", ["auto", *BOTH])
def test_a_jacobian_is_of_the_only_run(mode: Any) -> None:
    f = _Counting()
    jacobian = dd.jacobian(f, mode=mode)
    np.testing.assert_array_equal(jacobian(np.array([0.0, 4.0])), [0.0, 0.25])
    assert f.runs == 1


def test_derivatives_whose_second_run_has_other_results_say_so() -> None:
    x, rng = np.array([0.0, 4.0]), np.random.default_rng(0)
    with pytest.warns(RepeatedRunWarning):
        assert np.isnan(dd.hessian(_Counting())(x)[0, 0])
    with pytest.warns(RepeatedRunWarning):
        dd.jacobian(lambda x: rng.normal() * x, sparse=True)(x)


def test_a_nan_of_the_function_itself_stays_one() -> None:
    gradient = dd.grad(lambda x: np.sum(x * np.array([np.nan, 2.0])))(np.ones(2))
    np.testing.assert_array_equal(gradient, [np.nan, 2.0])


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_a_careful_pass_keeps_the_dtype(dtype: Any) -> None:
    x = np.array([0.0, 1.0], dtype)
    gradient = dd.grad(lambda x: np.sum(np.real(np.where(x == 0, 0, np.log(x)))))(x)
    assert gradient.dtype == dtype
    np.testing.assert_array_equal(gradient, np.array([0, 1], dtype))
