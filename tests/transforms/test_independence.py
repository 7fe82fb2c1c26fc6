"""Results that do not depend on an argument give a warning that names the line."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.optimize

import dualdiff as dd
from dualdiff.errors import GradientError, IndependentResultWarning

X = np.array([1.5, 2.5])


@pytest.fixture(autouse=True)
def _on() -> Iterator[None]:
    dd.config(independence=True)
    yield
    dd.config(independence=False)


def bisection(p: Any) -> Any:
    low, high = 0.0, 5.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if middle**3 < p else (low, middle)  # the last look
    return middle


def newton_from_the_root(a: Any) -> Any:
    x = 2.0
    while abs(x * x - a) > 1e-12:  # the last look
        x = x - (x * x - a) / (2 * x)
    return x


def golden_section(a: Any) -> Any:
    low, high, ratio = 0.0, 3.0, 0.5 * (5**0.5 - 1)
    for _ in range(50):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if (left - a) ** 2 < (right - a) ** 2 else (left, high)  # look
    return 0.5 * (low + high)


OPERATORS = {
    "grad": lambda f, x: dd.grad(f)(x),
    "value_and_grad": lambda f, x: dd.value_and_grad(f)(x),
    "derivative": lambda f, x: dd.derivative(f)(x),
    "jvp": lambda f, x: dd.jvp(f, (x,), (1.0,)),
    "vjp": lambda f, x: dd.vjp(f, x),
    "linearize": lambda f, x: dd.linearize(f, x),
    "jacobian": lambda f, x: dd.jacobian(f)(x),
    "hessian": lambda f, x: dd.hessian(f)(x),
    "hvp": lambda f, x: dd.hvp(f)(x, 1.0),
}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("f", [bisection, newton_from_the_root, golden_section])
def test_an_iteration_that_stops_by_value_is_named(f: Callable[[Any], Any], operator: str) -> None:
    name = "p" if f is bisection else "a"
    message = rf"{f.__name__} does not depend on argument 0 \('{name}'\).*look"
    with pytest.warns(IndependentResultWarning, match=message):
        OPERATORS[operator](f, 4.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.floor(x)),
        lambda x: float(int(x[0])),
        lambda x: np.sum(x.astype(int)),
        lambda x: 1.0 * np.argmax(x),
        lambda x: np.sum(x > 2.0),
        lambda x: 1.0 if x[0] > 0 else 2.0,
        lambda x: 1.0 * np.searchsorted(x, 2.0),
        lambda x: 2.0 * float("%.17g" % x[0]),  # noqa: UP031  # as programs write it
        lambda x: 2.0 * float(f"{x[0]:.17g}"),
        lambda x: 2.0 * float(str(x[0])),
        lambda x: np.sum(np.heaviside(x, 0.5)),
    ],
)
def test_functions_that_are_constant_between_jumps_warn(f: Callable[[Any], Any]) -> None:
    with pytest.warns(IndependentResultWarning, match="does not depend on argument 0"):
        assert np.all(dd.grad(f)(X) == 0)


@pytest.mark.parametrize(
    "rounded",
    [lambda x: round(x[0], 3), lambda x: np.round(x, 3)[0], lambda x: x.round(decimals=3)[0]],
)
def test_a_rounding_to_decimals_warns_even_if_the_result_depends_on_the_argument(
    rounded: Callable[[Any], Any],
) -> None:
    with pytest.warns(IndependentResultWarning, match="to 3 decimals, at test_indep") as caught:
        assert dd.grad(lambda x: x[0] + rounded(x * 1.5))(X)[0] == 1.0
    assert caught[0].filename == __file__
    assert dd.grad(lambda x: x[0] * np.round(x[0]))(X)[0] == np.round(X[0])


def test_a_rounding_that_cleans_the_last_digits_keeps_the_derivative_and_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", IndependentResultWarning)
        assert dd.grad(lambda x: round(x, 10) ** 2)(1.5) == 3.0
        assert dd.jvp(lambda x: np.round(1e4 * x, 5), (1.5,), (1.0,))[1] == 1e4
        assert dd.hessian(lambda x: round(x, 9) ** 3)(1.5) == 9.0
        assert dd.grad(lambda x: round(x, 9))(1 / 3) == 1.0
        assert dd.value_of(round(1 / 3, 9)) == 0.333333333
    with pytest.warns(IndependentResultWarning, match="to 9 decimals"):  # no clean digits beside 0
        mixed = dd.grad(lambda x: np.sum(np.round(x, 9)))(np.array([1.5, 1e-8]))
    assert mixed.tolist() == [1.0, 0.0]


def test_only_the_lost_argument_is_named() -> None:
    def f(x: Any, *, scale: Any) -> Any:
        return np.sum(x) * (2.0 if scale > 1 else 3.0)

    with pytest.warns(IndependentResultWarning, match="argument 'scale': the last look") as caught:
        dd.grad(f, (0, "scale"))(X, scale=1.5)
    assert len(caught) == 1
    assert "argument 0" not in str(caught[0].message)
    assert caught[0].filename == __file__


def test_a_lost_leaf_of_a_container_is_named() -> None:
    def f(params: Any) -> Any:
        scale = 2.0 if params["b"][1] > 1 else 3.0  # this one
        return scale * params["a"]

    params = {"a": 1.0, "b": [1.0, 2.0], "unused": X}
    with pytest.warns(IndependentResultWarning, match="this one") as caught:
        dd.grad(f)(params)
    assert "argument 0 (params['b'][1]):" in str(caught[0].message)
    with pytest.warns(IndependentResultWarning, match=r"argument 0 \(params\['b'\]\[1\]\)"):
        dd.check_grads(f, (params,))


def test_a_function_runs_again_only_once_for_a_leaf_that_it_does_not_use() -> None:
    calls = []

    def f(params: Any) -> Any:
        calls.append(params)
        return params["a"] ** 2

    for _ in range(4):
        dd.grad(f)({"a": 1.0, "b": 2.0})
    assert len(calls) == 5


@pytest.mark.parametrize(
    "derive",
    [
        lambda: dd.grad(lambda x: 3.0)(1.0),
        lambda: dd.grad(lambda x, y: x**2, (0, 1))(1.0, 2.0),
        lambda: dd.grad(lambda p: p["a"] ** 2)({"a": 1.0, "b": 2.0}),
        lambda: dd.grad(lambda p: p["a"] if p["power"] == 1 else p["a"] ** 2)(
            {"a": 1.0, "power": 2}
        ),
        lambda: dd.hessian(lambda x: np.sum(3 * x))(X),
        lambda: dd.hessian(lambda x: np.sum(np.where(x > 2, x, 0)))(X),
        lambda: dd.grad(lambda x: np.sum(np.where(x > 2, x, 0)))(X),
        lambda: dd.jacobian(lambda x: (np.sum(x), x > 2))(X),
        lambda: dd.hvp(lambda x: np.sum(abs(x)))(X, X),
        lambda: dd.hessian(lambda x: 3 * x if x > 0 else -x)(1.0),
        lambda: dd.grad(dd.stop_gradient)(1.0),
    ],
)
def test_other_zeros_do_not_warn(derive: Callable[[], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", IndependentResultWarning)
        derive()


def test_the_warning_can_be_turned_off() -> None:
    assert dd.config(independence=False)["independence"] is False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dd.grad(bisection)(2.0) == 0


def test_check_grads_reports_the_line() -> None:
    with pytest.raises(GradientError, match=r"last look at it was at test_independence\.py"):
        dd.check_grads(bisection, (2.0,))
    with pytest.warns(IndependentResultWarning, match="does not depend on argument 0"):
        dd.check_grads(lambda x: np.sum(np.floor(x)), (X,))
    with pytest.warns(IndependentResultWarning, match="does not depend on argument 0"):
        dd.check_grads(lambda x: np.sum(x > 2.0), (X,))  # an integer


def test_implicit_gives_the_derivative_of_the_root() -> None:
    solved = dd.implicit(lambda x, p: x**3 - p)(bisection)
    assert np.isclose(dd.grad(solved)(2.0), 2.0 ** (-2 / 3) / 3, rtol=1e-12)


def test_a_search_by_scipy_is_named_or_has_its_derivative() -> None:
    def minimum(a: Any) -> Any:
        return scipy.optimize.golden(lambda x: (x - a) ** 2, brack=(0.0, 1.0, 3.0))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gradient = dd.grad(minimum)(1.3)
    assert np.isclose(gradient, 1.0) or any(
        issubclass(w.category, IndependentResultWarning) for w in caught
    )
