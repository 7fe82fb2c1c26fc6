"""Roots by `brentq` are recorded: one recording for all equations of a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.compiled.helpers import calls_are_near, recordings

brentq = dd.scipy.optimize.brentq
POINTS = [np.array([0.8, 0.7]) * (1 + 0.03 * k) for k in range(7)]


def power(x: Any, a: Any, b: Any) -> Any:
    return np.exp(a * x) - b - 2


SIMPLE: dict[str, Callable[[Any], Any]] = {
    "Kepler's equation": lambda p: brentq(lambda e: e - p[0] * np.sin(e) - p[1], 0.0, 6.0),
    "arguments": lambda p: brentq(power, -1.0, 5.0, args=(p[0], p[1])),
    "a polynomial": lambda p: brentq(lambda x: x**3 + p[0] * x - p[1], -2.0, 2.0) ** 2 * p[0],
    "the bracket": lambda p: brentq(lambda x: x**3 + p[0] * x - p[1], -p[0], 2 * p[0]),
    "several": lambda p: sum(brentq(power, -1.0, 5.0, args=(p[0], p[1] + k)) for k in range(3)),
    "many steps": lambda p: brentq(lambda x: np.exp(20 * x) - p[0] * 1e6, -3.0, 4.0),
    "tolerances": lambda p: brentq(power, -1.0, 5.0, args=(p[0], p[1]), xtol=1e-14, rtol=1e-14),
    "a loose tolerance": lambda p: brentq(power, -1.0, 5.0, args=(p[0], p[1]), xtol=1e-3),
    "a branch": lambda p: brentq(lambda x: x - p[0] if x > p[1] else 2 * x - sum(p), -3.0, 4.0),
}  # fmt: skip
EAGER: dict[str, Callable[[Any], Any]] = {
    "full output": lambda p: brentq(lambda x: x - p[0], -1.0, 4.0, full_output=True)[0],
    "the end": lambda p: brentq(lambda x: x * (p[0] + x * x), 0.0, 4.0) * p[1],
    "bisect": lambda p: dd.scipy.optimize.bisect(lambda x: x * x - p[0], 0.0, 4.0),
    "steps": lambda p: brentq(lambda x: x * x - p[0], 0.0, 4.0, maxiter=60),
    "a constant": lambda p: brentq(lambda x: x * x - 2, 0.0, 4.0) * p[0],
}


@pytest.mark.parametrize("backend", ["python", "llvm"])
@pytest.mark.parametrize("name", SIMPLE)
def test_replays_give_what_scipy_gives(name: str, backend: str, monkeypatch) -> None:
    if backend == "llvm":
        pytest.importorskip("llvmlite", reason="native code is the extra `compile`")
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))
    for operator in (lambda f: f, dd.value_and_grad, dd.hessian):
        e = operator(SIMPLE[name])
        g = dd.compile(e, backend=backend)
        calls_are_near(g, e, [(p,) for p in POINTS], rtol=1e-10)
        assert len(recordings(g)) <= 2


@pytest.mark.parametrize("name", EAGER)
def test_the_rest_stays_right(name: str) -> None:
    e = dd.value_and_grad(EAGER[name])
    calls_are_near(dd.compile(e), e, [(p,) for p in POINTS[:4]], rtol=1e-10)


def test_the_steps_are_those_of_scipy() -> None:
    """Brent's method may find another of several roots if one step differs."""

    def f(p: Any) -> Any:
        return brentq(lambda x: np.cos(x * p[0]) - p[1], 0.0, 25.0)

    g = dd.compile(f)
    for b in np.linspace(0.1, 0.9, 30):
        p = np.array([1.0, b])
        try:
            want = f(p)
        except ValueError:  # there is no change of sign
            continue
        assert g(p) == pytest.approx(want, rel=1e-11)


def test_errors_are_those_of_the_eager_call() -> None:
    e = dd.value_and_grad(lambda p: brentq(lambda x: x * x - p, 0.0, 4.0))
    g = dd.compile(e)
    for p in (2.0, 3.0, 4.0, 5.0):
        assert g(p)[0] == pytest.approx(np.sqrt(p), rel=1e-11)
    with pytest.raises(ValueError, match="sign"):
        g(-1.0)
    with pytest.raises(ValueError, match="sign"):
        g(17.0)
    assert g(9.0)[1] == pytest.approx(1 / 6, rel=1e-10)


def test_a_multiple_root_has_no_derivative() -> None:
    e = dd.value_and_grad(lambda q: brentq(lambda x: x**3 + q * x, -1.0, 1.5, xtol=1e-3))
    g = dd.compile(e)
    for q in (1.0, 0.9, 0.8, 0.7):
        g(q)
    with pytest.raises(Exception, match="singular") as eager:
        e(0.0)
    with pytest.raises(type(eager.value)):
        g(0.0)
