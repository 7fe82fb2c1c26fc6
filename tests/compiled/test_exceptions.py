"""Programs that catch exceptions, or ask what they were given: each call is as an eager one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled.machine import binding
from tests.compiled.helpers import (
    Programs,
    assert_equal,
    assert_same,
    is_eager,
    recordings,
    replays,
)

BACKENDS = ["python", *(["llvm"] if binding() is not None else [])]
NUMBERS = [(v,) for v in (0.0, 0.5, 2.0, -1.5, -0.0, 1e-300, 1e300, 3.0)]
ARRAYS = [(np.array(v),) for v in ([0.0, 2.0], [1.0, 2.0], [-1.0, 3.0], [4.0, 0.5])]
MATRICES = [
    (np.array(m),)
    for m in (
        [[1.0, 1.0], [1.0, 1.0]], [[-4.0, 1.0], [1.0, 3.0]],
        [[4.0, 1.0], [1.0, 3.0]], [[2.0, 0.5], [0.5, 9.0]],
    )
]  # fmt: skip
PROGRAMS = Programs()
program = PROGRAMS.at


@program(NUMBERS)
def division_by_zero(x):
    try:
        y = 1.0 / x
    except ZeroDivisionError:
        y = 1.0
    return 1.0 / (1.0 + y * y)


@program(NUMBERS)
def remainder_by_zero(x):
    try:
        y = 5.0 % x
    except ZeroDivisionError:
        y = 0.25
    return y if y == y else 3.0


@program(NUMBERS)
def quotient_by_zero(x):
    try:
        y = 5.0 // x
    except ZeroDivisionError:
        y = 0.25
    return min(y, 10.0)


@program(NUMBERS)
def power_of_zero(x):
    try:
        y = x**-1
    except ZeroDivisionError:
        y = 2.0
    return 1 / (1 + y * y)


@program(NUMBERS[::-1])
def power_that_overflows(x):
    try:
        y = (abs(x) + 2.0) ** 400.5
    except OverflowError:
        return 7.0
    return 1.0 / (1.0 + y)


@program(NUMBERS)
def suppressed(x):
    y = 0.5
    with contextlib.suppress(ZeroDivisionError):
        y = 1 / x
    return min(abs(y), 3.0)


@program(NUMBERS)
def a_context_of_its_own(x):
    @contextlib.contextmanager
    def tolerant() -> Iterator[float]:
        with contextlib.suppress(ZeroDivisionError):
            yield x * 2

    y = 1.5
    with tolerant() as v:
        y = v / x
    return y


@program(NUMBERS)
def a_branch_without_exceptions(x):
    try:
        y = 1 / x
    except ZeroDivisionError:
        y = 5.0
    else:
        y = y * 0.5 if abs(y) < 1e10 else 1.0
    return y


@program(NUMBERS)
def raised_anew(x):
    try:
        try:
            y = 1 / x
        except ZeroDivisionError as error:
            raise ValueError("zero") from error
    except ValueError:
        y = 2.0
    return min(y, 100.0)


@program(NUMBERS)
def in_a_loop(x):
    total = 0.0
    for d in (x, x - 2.0, x + 1.5):
        try:
            total += 1.0 / d
        except ZeroDivisionError:
            continue
    return 1 / (1 + total * total)


@program(NUMBERS)
def an_exception_of_the_program(x):
    class Stop(Exception):
        pass

    try:
        for _ in range(10):
            x = x * 1.5 + 0.1
            if x > 5:
                raise Stop(x)
    except Stop as stop:
        return stop.args[0] * 2
    return x


@program([(np.inf,), (1.0,), (np.nan,), (2.5,)])
def the_integer_of_an_infinity(x):
    try:
        n = int(x)
    except OverflowError:
        n = 3
    except ValueError:
        n = 4
    return n + 0.5


@program([(np.array([7.0, 1.0]),), (np.array([1.0, 2.0]),), (np.array([2.0, 0.0]),)])
def indices_out_of_range(x):
    table = np.array([1.0, 2.0, 3.0])
    try:
        return (table[x.astype(int)] * x).sum()
    except IndexError:
        return -x[0]


@program(MATRICES)
def no_factor(a):
    try:
        factor = np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        factor = np.eye(2)
    return factor.sum()


@program(MATRICES)
def no_solution(a):
    try:
        return np.linalg.solve(a, np.ones(2)).sum()
    except np.linalg.LinAlgError:
        return a.sum()


@program(ARRAYS[1:])
def a_plain_array_takes_no_recorded_values(x):
    y = np.zeros(2)
    try:
        y[:] = x
    except Exception:  # as broad as programs have it
        y = np.abs(x)
    return y


@program(ARRAYS[1:])
def errors_in_place_of_warnings(x):
    try:
        with np.errstate(divide="raise"):
            y = 1.0 / x
    except FloatingPointError:
        y = np.ones(2)
    return np.tanh(y).sum()


@program(NUMBERS[1:])
def the_type_of_a_number(x):
    return x * 2 if type(x) is float and x > 1 else x * 1.0


@program(NUMBERS[1:])
def one_of_several_types(x):
    kind = type(x)
    return x * 2 if kind in (int, float) and x > 1 else x * 1.0


@program(ARRAYS[1:])
def the_type_of_an_array(x):
    return np.maximum(x, 1.0) if type(x) == np.ndarray else np.abs(x)  # noqa: E721  # as programs have it


def outcome(f: Callable[..., Any], point: Any) -> Any:
    with np.errstate(all="ignore"):
        try:
            return f(*point)
        except Exception as error:  # the outcome of a program may be any error
            return type(error).__name__


@pytest.mark.filterwarnings("ignore::dualdiff.compiled.errors.CompileWarning")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_call_is_an_eager_one_wherever_it_begins(name: str, backend: str) -> None:
    f, points = PROGRAMS[name]
    for first in range(min(3, len(points))):
        order = points[first:] + points[:first]
        g = dd.compile(f, backend=backend)
        for point in [p for p in order for _ in range(3)] + order[::-1]:
            got, want = outcome(g, point), outcome(f, point)
            if f in LAPACK:
                assert_same(got, want, rtol=1e-13)
            else:
                assert_equal(got, want)


LAPACK = (no_factor, no_solution)


def test_a_point_where_an_exception_is_caught_is_not_recorded_and_others_are() -> None:
    g = dd.compile(division_by_zero)
    for x in (0.0, 2.0, 3.0, 4.0, 0.0, 5.0):
        assert g(x) == division_by_zero(x)
    assert replays(g) == 3
    assert not is_eager(g)


def test_exceptions_of_the_programs_own_are_replayed() -> None:
    g = dd.compile(an_exception_of_the_program)
    for x in (0.5, 0.4, 0.3, 0.45, 0.2):
        assert g(x) == an_exception_of_the_program(x)
    assert replays(g)


def test_the_report_says_that_the_type_of_a_value_was_asked_for() -> None:
    g = dd.compile(the_type_of_a_number)
    assert g(2.0) == 4.0
    assert "asks for the type of a value; write isinstance" in str(g.report())


def test_types_of_its_own_objects_may_be_asked_for() -> None:
    class Length:
        def __init__(self, v: Any) -> None:
            self.v = v

        def __add__(self, other: Any) -> Any:
            return type(self)(self.v + (other.v if type(other) is Length else other))

    def f(x: Any) -> Any:
        parts: Any = [x, 2.0]
        return (Length(x) + Length(1.0) + 2.0).v + (1.0 if type(parts) is list else 0.0)

    g = dd.compile(f)
    assert [g(x) for x in (1.0, 2.0, 3.0, 4.0, 5.0)] == [5.0, 6.0, 7.0, 8.0, 9.0]
    assert replays(g)


def test_the_callers_floating_point_errors_are_raised() -> None:
    def f(x: Any) -> Any:
        return np.exp(-np.abs(x) * 300.0).sum() + 1.0

    x = np.array([1.0, 3.0])
    g = dd.compile(f)
    for _ in range(5):
        assert g(x) == f(x)
    with np.errstate(all="raise"):
        for h in (f, g, g):
            with pytest.raises(FloatingPointError):
                h(x)
    assert g(x) == f(x)


def test_warnings_of_underflow_are_given() -> None:
    f = lambda x: (x * x).sum() + 1.0  # noqa: E731
    g, x = dd.compile(f), np.array([1.0, 3.0])
    for _ in range(5):
        assert g(x) == f(x)
    with np.errstate(under="warn"):
        for h in (f, g, g):
            with pytest.warns(RuntimeWarning, match="underflow"):
                assert h(x * 1e-200) == 1.0


def test_a_point_without_derivative_for_recorded_values_is_no_example() -> None:
    def loss(x: Any) -> Any:
        return np.hypot(x[0], x[1]) + x[0] if x[0] < 1 else x[0] * x[1] ** 2

    e = lambda x: dd.hvp(loss)(x, np.ones(2))  # noqa: E731
    g = dd.compile(e)
    for x in ([0.3, 0.4], [2.0, 1.0], [0.0, 0.0], [0.0, 0.0], *[[0.3, 0.5], [2.0, 1.1]] * 4):
        assert_same(g(np.array(x)), e(np.array(x)))
    assert len(recordings(g)) == 2
