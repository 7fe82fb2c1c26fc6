"""Integrals by `quad` are recorded, with their intervals as the course of the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.compiled.helpers import calls_are_near, recordings

quad = dd.scipy.integrate.quad
POINTS = [np.array([1.1, 0.7]) * (1 + 0.04 * k) for k in range(6)]


def wave(x: Any, a: Any, b: Any) -> Any:
    return np.exp(-a * x) * np.cos(b * x)


def bell(x: Any, p: Any) -> Any:
    return np.exp(-p[0] * x**2) * np.cos(p[1] * x)


def grown(x: Any, y: Any, a: Any) -> Any:
    return np.exp(-a * x * y)


SMOOTH: dict[str, Callable[[Any], Any]] = {
    "closure": lambda p: quad(lambda x: wave(x, p[0], p[1]), 0, 1.5)[0],
    "arguments": lambda p: quad(wave, 0, 1.5, args=(p[0], p[1]))[0],
    "limits": lambda p: quad(lambda x: wave(x, p[0], p[1]), p[0], p[0] + p[1])[0],
    "limits alone": lambda p: quad(np.sin, p[1], p[0])[0],
    "reversed": lambda p: quad(lambda x: wave(x, p[0], p[1]), 1.5, 0)[0],
    "to infinity": lambda p: quad(lambda x: bell(x, p), p[1], np.inf)[0],
    "from infinity": lambda p: quad(lambda x: bell(x, p), -np.inf, 1.0)[0],
    "the whole line": lambda p: quad(lambda x: bell(x, p), -np.inf, np.inf)[0],
    "down from infinity": lambda p: quad(lambda x: bell(x, p), np.inf, p[0])[0],
    "a peak": lambda p: quad(lambda x: 1 / ((x - p[0] / 4) ** 2 + 0.01 * p[1]), 0, 1)[0],
    "a branch": lambda p: quad(lambda x: p[0] * x if x > 0.5 else p[1] * x**2, 0, 1)[0],
    "a singular end": lambda p: quad(lambda x: np.log(x) * np.exp(p[0] * x), 0, 1)[0],
    "one in another": lambda p: quad(lambda y: quad(grown, 0, 1, (y, p[0]))[0], 0, 1)[0],
    "a sum of them": lambda p: sum(quad(wave, 0, k, args=(p[0], k))[0] for k in (1, 2, 3)),
    "tolerances": lambda p: quad(wave, 0, 9.0, args=(p[0], p[1]), epsabs=1e-12, epsrel=1e-12)[0],
}  # fmt: skip
# These need SciPy's own code, or a part of its result beside the integral.
EAGER: dict[str, Callable[[Any], Any]] = {
    "error": lambda p: quad(wave, 0, 1.5, args=(p[0], p[1]))[1] * 1e12 * p[0],
    "points": lambda p: quad(wave, 0, 1.5, args=(p[0], p[1]), points=[0.3])[0],
    "weight": lambda p: quad(lambda x: np.exp(-p[0] * x), 0, 1.5, weight="cos", wvar=3.0)[0],
    "full output": lambda p: quad(wave, 0, 1.5, args=(p[0], p[1]), full_output=1)[0],
    "two axes": lambda p: dd.scipy.integrate.dblquad(lambda y, x: grown(x, y, p[0]), 0, 1, 0, 1)[0],
    "a look at the number": lambda p: quad(lambda x: p[0] * float(dd.value_of(p[1] * x)), 0, 1)[0],
}  # fmt: skip


@pytest.mark.parametrize("backend", ["python", "llvm"])
@pytest.mark.parametrize("name", SMOOTH)
def test_replays_give_what_scipy_gives(name: str, backend: str, monkeypatch) -> None:
    if backend == "llvm":
        pytest.importorskip("llvmlite", reason="native code is the extra `compile`")
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))
    for operator in (lambda f: f, dd.value_and_grad):
        e = operator(SMOOTH[name])
        g = dd.compile(e, backend=backend)
        calls_are_near(g, e, [(p,) for p in POINTS], rtol=1e-8)
        assert recordings(g)


@pytest.mark.parametrize("name", EAGER)
def test_the_rest_stays_right(name: str) -> None:
    e = dd.value_and_grad(EAGER[name])
    calls_are_near(dd.compile(e), e, [(p,) for p in POINTS[:4]], rtol=1e-8)


def test_an_integral_of_constants_is_a_constant() -> None:
    e = dd.value_and_grad(lambda p: quad(np.sin, 0, 1)[0] * p[0])
    g = dd.compile(e)
    calls_are_near(g, e, [(p,) for p in POINTS])
    (table,) = g.tables.values()
    assert table.recordings[0].size < 12


def test_intervals_that_no_longer_do_are_another_course() -> None:
    """A peak that becomes narrow needs more intervals than were recorded."""
    e = dd.value_and_grad(lambda w: quad(lambda x: w / (x**2 + w**2), -1, 1)[0])
    g = dd.compile(e)
    widths = [0.5, 0.5, 0.5, 0.5, 0.01, 0.01, 0.01, 0.001, 0.5, 0.01]
    for w in widths:
        value, slope = g(w)
        assert value == pytest.approx(2 * np.arctan(1 / w), rel=1e-9)
        assert slope == pytest.approx(-2 / (1 + w**2), rel=1e-8)
    (table,) = g.tables.values()
    assert table.reason == ""
    assert len(table.recordings) > 1


def test_state_of_the_integrand_is_seen() -> None:
    scale = [1.0]
    e = dd.grad(lambda p: quad(lambda x: scale[0] * np.exp(-p[0] * x), 0, 1)[0])
    g = dd.compile(e)
    for k in range(8):
        scale[0] = 1.0 if k < 4 else 2.0
        np.testing.assert_allclose(g(POINTS[0]), e(POINTS[0]), rtol=1e-10)


def test_functions_of_scipy_may_be_used_for_the_first_time() -> None:
    """What dualdiff's own rules keep for later calls is no state of the program."""
    f = dd.scipy.special.rgamma
    g = dd.compile(lambda x: f(x))
    for _ in range(3):
        g(2.5)
    (table,) = g.tables.values()
    assert "state" not in table.reason
