"""SciPy's solvers are called back: each is one node, whatever their functions read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize

import dualdiff as dd
from dualdiff.errors import DualdiffError
from tests.compiled.helpers import Programs, calls_are_near, is_eager, recordings, replays

POINTS = [np.array([0.8, 0.7]) * (1 + 0.03 * k) for k in range(5)]
T = np.linspace(0, 2, 12)
Y = 2 * np.exp(-T)
programs = Programs()
SECOND = ("root_with_arguments", "branches_of_the_function", "a_solver_of_the_user")


def decay(t: Any, a: Any, b: Any) -> Any:
    return a * np.exp(-b * t)


@programs.at(POINTS)
def root_with_closure(p: Any) -> Any:
    def equations(u: Any) -> Any:
        return np.array([u[0] ** 3 + p[0] * u[1] - 1, u[1] - p[1] * u[0] ** 2])

    found = optimize.root(equations, np.array([0.5, 0.5]))
    return found.x[0] * p[0] + found.x[1] if found.success else 0.0


@programs.at(POINTS)
def root_with_arguments(p: Any) -> Any:
    return optimize.root(lambda u, a, b: u**2 - a * b, 1.0, args=(p[0], p[1])).x[0]


@programs.at(POINTS)
def fsolve_of_stores_from_a_recorded_start(p: Any) -> Any:
    def equations(u: Any) -> Any:
        out = dd.numpy.zeros(2)
        out[0], out[1] = u[0] ** 2 - p[0], u[1] * u[0] - p[1]
        return out

    x, _, status, _ = optimize.fsolve(equations, 1 + p, full_output=True)
    return x[0] ** 2 * x[1] if status == 1 else p[0]


@programs.at(POINTS)
def newton_within_newton(p: Any) -> Any:
    def inner(a: Any) -> Any:
        return optimize.newton(lambda b: b**3 + b - a * p[0], 0.5)

    return optimize.newton(lambda a: inner(a) - p[1] * a**2 - 0.1, 0.3) * p[0]


@programs.at(POINTS)
def branches_of_the_function(p: Any) -> Any:
    def f(u: Any) -> Any:
        return u - p[0] if u[0] > p[1] else 2 * u - p[0] - p[1]

    return optimize.fsolve(f, 0.1)[0]


@programs.at(POINTS)
def root_scalar_and_fixed_point(p: Any) -> Any:
    r = optimize.root_scalar(lambda u: u**3 + p[0] * u - p[1], bracket=(0, 5)).root
    return r * optimize.fixed_point(lambda u: np.cos(p[0] * u) * r, 0.5)


@programs.at(POINTS)
def minimize_and_read_all(p: Any) -> Any:
    def f(u: Any) -> Any:
        return (u[0] - p[0]) ** 2 + p[1] * (u[1] - u[0] ** 2) ** 2 + u[1] ** 4

    found = optimize.minimize(f, np.zeros(2), jac=dd.grad(f))
    return found.x[0] * found.x[1] + found.fun


@programs.at([np.array([0.5, 0.7]) * (1 + 0.2 * k) for k in range(6)])
def bounds_that_hold_for_some(p: Any) -> Any:
    f = optimize.minimize(lambda u: p[1] * np.sum((u - p) ** 2), np.zeros(2), bounds=[(0, 0.8)] * 2)
    return np.sum(f.x * p)


@programs.at(POINTS)
def minimum_of_one_number(p: Any) -> Any:
    return optimize.minimize_scalar(lambda u: (u - p[0]) ** 2 + p[1] * u**4).x


@programs.at(POINTS)
def least_squares_with_bounds(p: Any) -> Any:
    start, bounds = np.array([1.0, 0.5]), ([0, 0], [9, 0.6])
    found = optimize.least_squares(lambda u: decay(T, *u) - p[0] * Y - p[1], start, bounds=bounds)
    return np.sum(found.x) + found.cost


@programs.at(POINTS)
def curve_fit_to_data_of_the_program(p: Any) -> Any:
    x, covariance = optimize.curve_fit(decay, T, p[0] * Y + p[1] * T, [1.0, 1.0])
    return x[0] * x[1] + covariance[0, 0]


@programs.at(POINTS)
def derivative_within(p: Any) -> Any:
    return dd.grad(lambda q: optimize.newton(lambda u: u**3 + q * u - p[1], 0.5))(p[0])


@programs.at(POINTS)
def a_solver_of_the_user(p: Any) -> Any:
    @dd.implicit(lambda x, a: x**3 + x - a)
    def cubic(a: Any) -> Any:
        x = 1.0
        for _ in range(30):
            x = x - (x**3 + x - a) / (3 * x**2 + 1)
        return x

    return cubic(p[0]) * p[1]


@pytest.fixture
def patient(monkeypatch: Any) -> None:
    """Replays are kept, however long they take."""
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("name", programs)
def test_replays_give_what_eager_calls_give(name: str) -> None:
    f, points = programs[name]
    backend = "python" if len(name) % 2 else None
    e = dd.hessian(f) if name in SECOND else dd.value_and_grad(f)
    g = dd.compile(e, backend=backend)
    calls_are_near(g, e, [(p,) for p in points], rtol=1e-9)
    assert len(recordings(g)) <= 3
    assert replays(g) >= len(points) - 3


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("operator", [dd.jacobian, lambda f: f])
def test_results_are_those_of_scipy_to_the_last_bit(operator: Callable[..., Any]) -> None:
    def f(p: Any) -> Any:
        return optimize.fsolve(lambda u: u**3 + p * np.exp(u) - 1, p) * np.array([1.0, 2.0])

    g = dd.compile(operator(lambda p: (f(p), p) if operator is not dd.jacobian else f(p)))
    for p in POINTS:
        e = operator(f)(p)
        found = g(p) if operator is dd.jacobian else g(p)[0]
        np.testing.assert_allclose(found, e, rtol=1e-12 if operator is dd.jacobian else 0)


@pytest.mark.usefixtures("patient")
def test_what_functions_read_may_change_between_calls() -> None:
    data, shift = np.array([1.0, 2.0]), 0.1

    def f(p: Any) -> Any:
        return np.sum(optimize.fsolve(lambda u: u**3 + p * data * u - shift, [1.0, 1.0]))

    e = dd.value_and_grad(f)
    g = dd.compile(e)
    for k in range(12):
        if k == 5:
            data[1] = 3.0
        if k == 9:
            shift = 0.3
        calls_are_near(g, e, [(POINTS[k % 5],)], rtol=1e-10)
    assert len(recordings(g)) == 1
    assert replays(g) >= 2


@pytest.mark.usefixtures("patient")
def test_an_error_at_a_replay_is_that_of_the_eager_call() -> None:
    def f(p: Any) -> Any:
        return optimize.root(lambda u: u**2 - p, 1.0).x[0]

    e = dd.value_and_grad(f)
    g = dd.compile(e)
    for p in (2.0, 3.0, 4.0):
        g(p)
    assert replays(g) == 2
    for p in (-1.0, 0.0):
        with pytest.raises(DualdiffError) as eager:
            e(p)
        text = str(eager.value).partition(",")[0]  # another one with older releases of SciPy
        with pytest.raises(eager.type, match=re.escape(text)):
            g(p)
    assert g(9.0)[1] == pytest.approx(1 / 6, rel=1e-10)


@pytest.mark.usefixtures("patient")
def test_warnings_of_a_solver_at_a_replay_are_given() -> None:
    def f(p: Any) -> Any:
        return optimize.newton(lambda u: u**2 - p, np.array([1.0, 2.0]), maxiter=7)[0]

    e = dd.value_and_grad(f)
    g = dd.compile(e)
    for p in (1.1, 1.2, 1.3, 1.4):
        g(p)
    assert replays(g) == 3
    for h in (e, g):
        with pytest.warns(RuntimeWarning, match="converge"):
            assert h(9.0)[1] == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    "f",
    [
        lambda p: optimize.fsolve(lambda u: u - float(dd.value_of(p) * u[0]), 1.0)[0] * p,
        lambda p: optimize.minimize(
            lambda u: (u[0] - p) ** 2, [0.0], constraints={"type": "ineq", "fun": lambda u: u[0]}
        ).x[0],
        lambda p: optimize.minimize(
            lambda u: (u[0] - p) ** 2, [0.0], bounds=optimize.Bounds(p * p, [5.0])
        ).x[0],
    ],
    ids=["numbers", "constraints", "objects"],
)
def test_the_rest_stays_eager_and_right(f: Callable[[Any], Any]) -> None:
    e = dd.value_and_grad(f)
    g = dd.compile(e)
    calls_are_near(g, e, [(p,) for p in (0.3, 0.4, 0.5, 0.6)], rtol=1e-10)
    assert is_eager(g)


KEEPING = Programs()
AT = [1.5 + 0.3 * k for k in range(6)]


@KEEPING.at(AT)
def writes_into_its_point(p: Any) -> Any:
    def g(u: Any) -> Any:
        u[0] = abs(u[0])
        return u * u - p

    return optimize.fsolve(g, 1.0)[0]


@KEEPING.at(AT)
def keeps_its_points(p: Any) -> Any:
    points: list[Any] = []

    def g(u: Any) -> Any:
        points.append(u)
        return u * u - p

    return optimize.fsolve(g, 1.0)[0] + points[-1][0] + len(points) * p


@KEEPING.at(AT)
def counts_its_calls(p: Any) -> Any:
    count = 0

    def g(u: Any) -> Any:
        nonlocal count
        count += 1
        return u * u - p

    return optimize.newton(g, 1.0) * count


@KEEPING.at(AT)
def writes_into_a_work_array(p: Any) -> Any:
    work = dd.numpy.zeros(2)

    def g(u: Any) -> Any:
        work[0] = dd.value_of(u[0] ** 2)
        return u * u - p

    return optimize.fsolve(g, 1.0)[0] * work[0]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("name", KEEPING)
def test_functions_that_change_something_stay_eager(name: str) -> None:
    f, points = KEEPING[name]
    e = dd.value_and_grad(f)
    g = dd.compile(e)
    calls_are_near(g, e, [(p,) for p in points], rtol=1e-10)
    assert is_eager(g)


def equations(u: Any, p: Any) -> Any:
    return u**3 + p * u - 1


def summed(p: Any) -> Any:
    return np.sum(optimize.fsolve(equations, [1.0, 1.0], args=(p,)))


@pytest.mark.usefixtures("patient")
def test_a_solver_is_saved_and_loaded(tmp_path: Any) -> None:
    e = dd.value_and_grad(summed)
    g = dd.compile(e)
    for p in POINTS[:3]:
        g(p)
    g.save(tmp_path / "solver")
    loaded = dd.load_compiled(tmp_path / "solver")
    calls_are_near(loaded, e, [(p,) for p in POINTS[3:]], rtol=1e-10)


def test_programs_that_gain_nothing_run_as_they_are() -> None:
    g = dd.compile(lambda p: optimize.brenth(lambda u: u * u - p, 0.0, 4.0) * p)
    for p in (2.0, 3.0, 4.0, 5.0):
        g(p)
    assert "no less time" in str(g.report())
