"""The choice between exact derivatives and differences: trials, and what later fits know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.optimize

import dualdiff.optimize
from dualdiff.core.trace import LIVE
from dualdiff.optimize import choice, minimize, root
from dualdiff.optimize.choice import Choice, choose, remembered

T = np.linspace(0.0, 4.0, 20)
Y = 2.0 * np.exp(-0.5 * T)


def make_loop() -> Callable[[Any], Any]:
    """A function of one number which is quick, and slow to differentiate."""

    def loop(x: Any) -> Any:
        total = 0.0
        for k in range(3000):
            total = total + (x[0] - 1.0) ** 2 / (k + 1)
        return total

    return loop


@pytest.mark.parametrize("solve", [minimize, root])
def test_a_slow_derivative_is_left_unfinished_and_tried_once_more(
    monkeypatch: pytest.MonkeyPatch, solve: Any
) -> None:
    monkeypatch.setattr(choice, "SETUP", 0.0)
    loop = make_loop()
    f = loop if solve is minimize else lambda x: np.stack([loop(x) - 1.0])
    before, tried = set(LIVE), []
    trial = choice._trial
    monkeypatch.setattr(choice, "_trial", lambda *args: tried.append(trial(*args)) or tried[-1])
    for _ in range(4):
        found = solve(f, [2.0])
        assert "an exact one takes longer" in str(found.derivatives)
    assert len(tried) == 2
    assert min(tried) == np.inf
    assert before == LIVE


def test_a_choice_holds_until_a_call_takes_another_time() -> None:
    def f(x: Any) -> Any:
        return x

    made = choose(f, lambda: None, lambda: None, 3, 1.0)
    assert made.exact
    assert remembered(f, 3, 1.0) is made
    assert remembered(f, 4, 1.0) is None
    for each in (1.0, 2.0, 0.5):
        made.note(each)
        assert remembered(f, 3, 1.0) is made
    made.note(0.01)  # the data have become smaller
    assert remembered(f, 3, 1.0) is made
    made.note(0.01)
    assert remembered(f, 3, 1.0) is None
    differences = Choice(exact=False, each=1.0)
    differences.note(0.01)
    assert not differences.is_stale
    differences.note(0.2)  # by a busy machine
    differences.note(0.01)
    assert not differences.is_stale
    for _ in range(2):
        differences.note(0.2)
    assert differences.is_stale


FITS = {
    "curve_fit": lambda m, f: m.curve_fit(lambda t, a, b: f([a, b], t), T, Y, [1.0, 1.0]),
    "curve_fit, trf": lambda m, f: m.curve_fit(
        lambda t, a, b: f([a, b], t), T, Y, [1.0, 1.0], bounds=(0.0, 5.0)
    ),
    "least_squares": lambda m, f: m.least_squares(lambda p: f(p, T) - Y, [1.0, 1.0]),
    "root": lambda m, f: m.root(lambda p: f(p, T)[:2] - Y[:2], [1.0, 1.0]),
    "minimize": lambda m, f: m.minimize(lambda p: np.sum((f(p, T) - Y) ** 2), [1.0, 1.0]),
    "SLSQP": lambda m, f: m.minimize(
        lambda p: p[0] ** 2,
        [1.0, 1.0],
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda p: f(p, T)[0] - 1.0},
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_later_fits_with_differences_evaluate_the_function_as_often_as_scipy(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in ("vector", "scalar"):
        monkeypatch.setattr(
            f"dualdiff.optimize.{module}.remembered", lambda *_: Choice(exact=False)
        )
    count = [0]

    def f(p: Any, t: Any) -> Any:
        count[0] += 1
        return p[0] * np.exp(-p[1] * t)

    calls = []
    for module in (scipy.optimize, dualdiff.optimize):
        count[0] = 0
        FITS[name](module, f)
        calls.append(count[0])
    assert calls[0] == calls[1]


def test_a_trial_that_ends_within_compiled_code_has_taken_too_long() -> None:
    def ended() -> None:
        try:
            raise choice.TooLongError
        except choice.TooLongError as error:  # as CPython does for code of C that goes on
            raise SystemError("returned a result with an exception set") from error

    assert choice._trial(ended, 1.0) == np.inf
    with pytest.raises(ZeroDivisionError):
        choice._trial(lambda: 1 / 0, 1.0)
