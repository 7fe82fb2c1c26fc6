"""Optimisers compile a derivative once it has taken enough time."""

import warnings
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.optimize import compiling, curve_fit, least_squares, minimize, root

pytest.importorskip("llvmlite")

T = np.linspace(0.0, 2.0, 12)
DATA = 2.0 * np.exp(-0.7 * T)


@pytest.fixture
def eager_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "CALLS", 2)
    monkeypatch.setattr(compiling, "SECONDS", 0.0)


def decay(t: Any, height: Any, rate: Any) -> Any:
    return height * np.exp(-rate * t)


def make_loss() -> Any:
    def loss(p: Any, data: Any = DATA) -> Any:
        total = 0.0
        for t, y in zip(T, data, strict=True):
            total = total + (decay(t, p["height"], p["rate"]) - y) ** 2
        return total

    return loss


START = {"height": 1.0, "rate": 1.0}


@pytest.mark.usefixtures("eager_to_compile")
def test_a_gradient_is_compiled_in_the_course_of_a_fit_and_kept_for_the_next() -> None:
    loss = make_loss()
    found = minimize(loss, START, jac="exact")
    assert found.params["rate"] == pytest.approx(0.7, abs=1e-4)
    assert "gradient: exact, reverse mode, with the value, compiled" in str(found.derivatives)
    other = 2.0 * DATA
    again = minimize(loss, START, args=(other,), jac="exact")
    assert again.params["height"] == pytest.approx(4.0, abs=1e-3)
    assert ", compiled" in str(again.derivatives)


@pytest.mark.usefixtures("eager_to_compile")
def test_fits_with_differences_count_too() -> None:
    short = make_loss()

    def loss(p: Any) -> Any:
        return sum(short(p) for _ in range(8))

    seen = (minimize(loss, START).derivatives for _ in range(200))
    assert "differences" in str(next(seen))
    assert any(", compiled" in str(report) for report in seen)


@pytest.mark.usefixtures("eager_to_compile")
@pytest.mark.parametrize("p0", [[1.0, 1.0], START])
def test_the_jacobian_of_a_curve_is_compiled(p0: Any) -> None:
    def curve(t: Any, height: Any, rate: Any) -> Any:
        return decay(t, height, rate)

    fits = [curve_fit(curve, T, k * DATA, p0, jac="exact") for k in (1.0, 2.0, 3.0)]
    for k, fit in zip((1.0, 2.0, 3.0), fits, strict=True):
        np.testing.assert_allclose(fit[0], [2.0 * k, 0.7], rtol=1e-5)
    assert ", compiled" in str(fits[-1].derivatives)


def test_what_the_user_compiled_gets_compiled_derivatives_at_once() -> None:
    found = minimize(dd.compile(make_loss()), START)
    assert found.params["rate"] == pytest.approx(0.7, abs=1e-4)
    assert ", compiled" in str(found.derivatives)
    residuals = dd.compile(lambda p: np.stack([p[0] * np.exp(-p[1] * t) for t in T]) - DATA)
    fit = least_squares(residuals, np.ones(2), jac="exact")
    np.testing.assert_allclose(fit.params, [2.0, 0.7], rtol=1e-6)
    assert ", compiled" in str(fit.derivatives)
    solved = root(dd.compile(lambda x: np.stack([x[0] ** 2 - 2.0])), np.ones(1), jac="exact")
    np.testing.assert_allclose(solved.params, np.sqrt([2.0]))
    fit = curve_fit(dd.compile(decay), T, DATA, [1.0, 1.0], jac="exact")
    np.testing.assert_allclose(fit[0], [2.0, 0.7], rtol=1e-5)


@pytest.mark.usefixtures("eager_to_compile")
def test_what_cannot_be_compiled_stays_eager_and_right_without_a_word() -> None:
    count = [0]

    def stateful(p: Any) -> Any:
        count[0] += 1  # state of its own
        return (p[0] - 1.0) ** 2 + (p[1] + 2.0) ** 4

    def branches(p: Any) -> Any:  # another course at each call
        n = int(1e6 * abs(p[0])) % 1000
        return (p[0] - 1.0) ** 2 + (p[1] + 2.0) ** 4 + 0.0 * sum(k for k in range(n))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (stateful, branches):
            found = minimize(f, np.array([3.0, 3.0]), method="L-BFGS-B", jac="exact")
            np.testing.assert_allclose(found.params, [1.0, -2.0], atol=0.05)
            assert ", compiled" not in str(found.derivatives)


def test_a_short_fit_is_not_compiled() -> None:
    assert ", compiled" not in str(minimize(make_loss(), START, jac="exact").derivatives)
