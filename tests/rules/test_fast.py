"""The functions that are made for each primitive, and what must hold of them in any program."""

from __future__ import annotations

import doctest
import gc
import itertools
import math
import sys
import textwrap
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.core.primitive import JVPS, OWNERS, PRIMITIVES, SLOTS, VJPS
from dualdiff.core.trace import LIVE
from dualdiff.errors import NonFiniteError
from dualdiff.rules import templates
from dualdiff.rules.fast import ElementwiseFormats, source
from dualdiff.rules.numpy import ufuncs

X = np.linspace(0.2, 0.9, 7)


def test_the_example_of_the_templates_is_what_multiply_gets() -> None:
    example = textwrap.dedent((templates.__doc__ or "").partition('"y", "x")``:\n')[2]).strip()
    made = source(ElementwiseFormats(ufuncs.multiply, ("y", "x"), False))
    assert doctest.OutputChecker().check_output(example, made, doctest.ELLIPSIS), made


def test_tracebacks_show_the_lines_that_were_made() -> None:
    def fails(x: Any) -> Any:
        raise ValueError("no derivative today")

    broken = ufuncs.elementwise(np.sin, lambda x: fails(x), name="broken")
    with pytest.raises(ValueError) as caught:
        dd.grad(lambda x: broken(x))(1.0)
    shown = "".join(traceback.format_exception(caught.value))
    assert "d = dx(x)" in shown


@pytest.mark.parametrize("count", [1, 2, 3])
def test_primitives_of_users_leave_nothing_behind(count: int) -> None:
    """They may be made at every call: by tables that grow, memory would be lost."""

    def run() -> weakref.ref[Any]:
        scale = np.arange(7.0)
        slopes = [lambda x: scale * np.cos(x), lambda y: scale, lambda z: -scale][:count]
        named = [lambda x: scale * np.sin(x), lambda x, y: scale * (np.sin(x) + y)]
        named.append(lambda x, y, z: scale * (np.sin(x) + y - z))
        made = dd.extend.elementwise(named[count - 1], *slopes)
        args = (X,) * count
        gradient = dd.grad(lambda x: np.sum(made(x, *args[1:])))(X)
        np.testing.assert_allclose(gradient, scale * np.cos(X), rtol=1e-12)
        forward = dd.jacobian(lambda x: made(*args[1:], x) if count == 1 else made(x, *args[1:]))
        np.testing.assert_allclose(forward(X), np.diag(scale * np.cos(X)), rtol=1e-12)
        return weakref.ref(made)

    run()
    sizes = [len(table) for table in (VJPS, JVPS, OWNERS, SLOTS, PRIMITIVES)]
    references = [run() for _ in range(5)]
    gc.collect()
    assert [len(table) for table in (VJPS, JVPS, OWNERS, SLOTS, PRIMITIVES)] == sizes
    assert not any(reference() for reference in references)


def test_a_users_derivative_may_return_an_array_that_it_keeps() -> None:
    """Large derivatives are written over only where a rule of dualdiff has just made them."""
    kept = np.full(3000, 2.0)
    f = dd.extend.elementwise(lambda x: x * kept, lambda x: kept)
    for _ in range(3):
        np.testing.assert_array_equal(dd.grad(lambda x: 3.0 * np.sum(f(x)))(np.ones(3000)), 6.0)
        _, tangent = dd.jvp(f, (np.ones(3000),), (np.full(3000, 5.0),))
        np.testing.assert_array_equal(tangent, 10.0)
    np.testing.assert_array_equal(kept, 2.0)


def test_debug_nans_names_a_users_primitive() -> None:
    steep = dd.extend.elementwise(np.cbrt, lambda ans: 1 / (3 * ans * ans), name="steep")
    with dd.debug_nans(), pytest.raises(NonFiniteError, match="the pullback of steep"):
        dd.grad(lambda x: np.sum(steep(x)))(np.zeros(3))


SINGULAR: dict[str, tuple[Callable[[Any], Any], float]] = {
    "log": (np.log, 0.0),
    "sqrt": (np.sqrt, 0.0),
    "arctanh": (np.arctanh, 1.0),
    "arcsin": (np.arcsin, 1.0),
    "cbrt": (np.cbrt, 0.0),
    "x log x": (lambda x: x * np.log(x), 0.0),
    "arctan2": (lambda x: np.arctan2(x, 0.0 * x), 0.0),
    "x ** 0.5": (lambda x: x**0.5, 0.0),
}
TWICE: dict[str, Callable[..., Any]] = {
    "hessian": dd.hessian,
    "grad of grad": lambda f: dd.grad(dd.grad(f)),
    "jvp of jvp": lambda f: lambda x: dd.jvp(lambda x: dd.jvp(f, (x,), (1.0,))[1], (x,), (1.0,))[1],
}


@pytest.mark.parametrize("twice", TWICE)
@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the functions themselves
def test_python_floats_at_singular_points_have_numpys_infinities(name: str, twice: str) -> None:
    f, x = SINGULAR[name]
    np.testing.assert_array_equal(TWICE[twice](f)(x), TWICE[twice](f)(np.float64(x)))


# Where Python's own formula holds, is NaN, or raises an error that NumPy does not.
POINTS = (-np.inf, -1e200, -1.5, -1.0, -0.25, -1e-320, -0.0, 0.0, 1e-320, 0.25, 1.0, 2.5, 720.0)
POINTS += (1e200, np.inf, np.nan)
OWN = {prim.name: prim for prim in ufuncs.PRIMITIVES if getattr(prim, "floats", ())}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("kind", [float, np.float64])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the functions themselves
def test_formulas_for_numbers_give_the_derivatives_of_arrays(name: str, kind: Any) -> None:
    prim = OWN[name]
    for point in itertools.product(POINTS, repeat=len(prim.derivatives)):
        numbers, arrays = [kind(v) for v in point], [np.array([v]) for v in point]
        places = range(len(point))
        for argnum in places:
            expected = dd.grad(lambda *x: np.sum(prim.fn(*x)), argnum)(*arrays)
            found = dd.grad(lambda *x: prim.fn(*x), argnum)(*numbers)
            np.testing.assert_allclose(found, expected[0], rtol=1e-13, err_msg=str(point))
            pushed = dd.derivative(lambda *x: prim.fn(*x), argnum)(*numbers)
            np.testing.assert_allclose(pushed, expected[0], rtol=1e-13, err_msg=str(point))


def test_numbers_with_formulas_of_their_own_may_be_mixed_with_integers() -> None:
    functions = (lambda x: x**2, lambda x: 1 / x, lambda x: x / 4, lambda x: 3**x, lambda x: x**-3)
    for f in functions:
        assert dd.grad(f)(1.7) == pytest.approx(dd.elementwise_grad(f)(np.array([1.7]))[0])
    with pytest.raises(OverflowError):
        dd.grad(lambda x: x / 10**400)(1.0)  # as without a derivative


def test_the_second_derivative_of_log_at_a_python_zero_is_infinite() -> None:
    with np.errstate(divide="ignore"):
        assert dd.hessian(np.log)(0.0) == -np.inf


class _Interrupted(Exception):
    pass


def _interrupted(call: Callable[[], Any], at: int) -> bool:
    """Raise in a call where Python looks for signals the `at`-th time: as a function begins, and
    when one has returned. Whether it lasted that long."""
    left = at

    def look(frame: Any, event: str, function: Any) -> None:
        nonlocal left
        if event in ("call", "return", "c_return") and frame.f_code.co_name != "__del__":
            left -= 1
            if left < 0:
                raise _Interrupted

    sys.setprofile(look)
    try:
        call()
    except _Interrupted:
        return True
    finally:
        sys.setprofile(None)
    return False


@pytest.mark.parametrize("mode", ["jvp", "grad", "linearize"])
def test_an_interrupt_leaves_neither_error_state_nor_open_traces(mode: str) -> None:
    def f(x: Any) -> Any:
        x = np.tan(x) / 3.0 + np.exp(-x) * x[0]
        return np.sum(A @ x)

    A = np.eye(7)
    _, linear = dd.linearize(f, X)
    call = {
        "jvp": lambda: dd.jvp(f, (X,), (X,)),
        "grad": lambda: dd.grad(f)(X),
        "linearize": lambda: (linear.jvp(X), linear.vjp(1.0)),
    }[mode]
    call()
    before, at = np.geterr(), 0
    while _interrupted(call, at):
        at += 1
        assert np.geterr() == before, at
        assert not LIVE, at
    assert at > 40


def test_a_number_that_was_read_by_an_index_passes_its_cotangent_on() -> None:
    gradient = dd.grad(lambda x: (2.0 * x)[()] ** 3 * x)(np.float64(0.3))
    assert math.isclose(gradient, 32.0 * 0.3**3, rel_tol=1e-14)


def test_entries_of_numbers_keep_infinite_slopes_without_a_warning() -> None:
    with np.errstate(all="raise"):
        assert dd.grad(np.sqrt)(0.0) == dd.grad(np.sqrt)(np.float64(0.0)) == np.inf
        assert dd.vjp(lambda x: np.sqrt(x) * 2.0, 0.0)[1](1.0)[0] == np.inf
