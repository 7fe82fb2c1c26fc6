"""Random programs that create, view, store and combine arrays: traced they must do what NumPy does.

The reference runs the same program on plain complex arrays and takes the complex step, which is
exact to rounding because every operation of the programs is analytic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dualdiff as dd

STEP = 1e-30
Program = list[tuple[int, int, int, int]]


def _views(a: Any, k: int) -> Any:
    """A view of `a` (a copy where NumPy copies), chosen by k."""
    choices: list[Callable[[], Any]] = [
        lambda: a.T,
        lambda: a.reshape(-1),
        lambda: a[...],
        lambda: a[::-1],
    ]
    choices += [lambda: a[k % len(a)], lambda: a[1:], lambda: a[::2], lambda: a[None]]
    choices += [
        lambda: a.swapaxes(0, -1),
        lambda: a[..., 1:],
        lambda: a.T.reshape(-1),
        lambda: a.ravel(),
    ]
    return choices[k % len(choices)]()


def _index(a: Any, k: int) -> Any:
    """An index into `a`, chosen by k."""
    n = len(a)
    choices: list[Any] = [
        k % n,
        slice(None),
        slice(0, max(1, n - 1)),
        Ellipsis,
        slice(None, None, -1),
    ]
    choices += [(k % n, ...), np.array([k % n, (k * 3) % n]), [0, 0], np.arange(n) % 2 == 0]
    choices += [(Ellipsis, k % a.shape[-1]), (np.array([[0], [n - 1]]),), -1]
    return choices[k % len(choices)]


def run(program: Program, x: Any, zeros: Callable[[tuple[int, ...]], Any]) -> Any:
    """The sum of all arrays that a program leaves, each weighted differently."""
    arrays = [x, zeros((2, 3)), zeros((4,))]
    for op, i, j, k in program:
        a, b = arrays[i % len(arrays)], arrays[j % len(arrays)]
        if op == 0:
            view = _views(a, k)
            if view.ndim and view.size:
                arrays.append(view)
        elif op == 1:
            where = _index(a, k)
            a[where] = np.sin(b.reshape(-1)[k % b.size]) + 0.5
        elif op == 2:
            where = _index(a, k)
            a[where] += b.reshape(-1)[(k + 1) % b.size] * 0.7
        elif op == 3:
            where = _index(a, k)
            try:
                shape = np.broadcast_shapes(a[where].shape, b.shape)
            except ValueError:
                continue
            if shape == a[where].shape:
                a[where] = b
        elif op == 4 and a.shape == b.shape:
            arrays.append(a * b + 0.1 * a)
        elif op == 5:
            a *= 0.9 + 0.1 * b.reshape(-1)[k % b.size]
        elif op == 6 and a.shape == b.shape:
            a += b
        elif op == 7:
            arrays.append(a.copy())
        elif op == 8:
            for row in a:
                if row.ndim:
                    row[k % len(row)] = row[0] * 0.5 + 1.0
        elif op == 9:
            a[_index(a, k)] **= 2
    total = 0.0
    for n, a in enumerate(arrays):
        total = total + np.sum(np.cos(a * (0.3 + 0.1 * n)))
    return total


def traced(program: Program) -> Callable[[Any], Any]:
    return lambda x: run(program, x, lambda shape: dd.numpy.zeros(shape))


def reference_gradient(program: Program, x: np.ndarray) -> np.ndarray:
    gradient = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        z = x.astype(complex)
        z[i] += 1j * STEP
        gradient[i] = run(program, z, lambda shape: np.zeros(shape, complex)).imag / STEP
    return gradient


instructions = st.tuples(
    st.integers(0, 9), st.integers(0, 6), st.integers(0, 6), st.integers(0, 23)
)
programs = st.lists(instructions, min_size=1, max_size=9)
START = np.array([[0.3, -0.7, 1.1], [0.9, 0.2, -0.4]])


def check(program: Program) -> None:
    f = traced(program)
    x = START.copy()
    value = run(program, START.copy(), np.zeros)
    expected = reference_gradient(program, START)
    got_value, gradient = dd.value_and_grad(f)(x)
    np.testing.assert_allclose(got_value, value, rtol=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(x, START)
    v = np.array([[1.0, -2.0, 0.5], [0.3, 0.7, -1.0]])
    tangent = dd.jvp(f, (x,), (v,))[1]
    np.testing.assert_allclose(tangent, np.sum(expected * v), rtol=1e-9, atol=1e-9)
    one_pass = dd.jacobian(f, mode="forward")(x)
    np.testing.assert_allclose(one_pass, expected, rtol=1e-10, atol=1e-10)
    _, linear = dd.linearize(f, x)
    np.testing.assert_allclose(linear.jvp(v), np.sum(expected * v), rtol=1e-9, atol=1e-9)


def check_second_order(program: Program) -> None:
    f = traced(program)
    v = np.array([[1.0, -2.0, 0.5], [0.3, 0.7, -1.0]])
    h = 1e-5
    numeric = (
        reference_gradient(program, START + h * v) - reference_gradient(program, START - h * v)
    ) / (2 * h)
    scale = 1 + np.abs(numeric).max()
    products = {
        "forward over reverse": dd.hvp(f)(START, v),
        "reverse over reverse": dd.vjp(dd.grad(f), START)[1](v)[0],
        "reverse over forward": dd.grad(lambda x: dd.jvp(f, (x,), (v,))[1])(START),
        "forward over forward": dd.jacobian(lambda x: dd.jvp(f, (x,), (v,))[1], mode="forward")(
            START
        ),
        "one pass": np.tensordot(dd.hessian(f)(START), v, 2),
    }
    for name, product in products.items():
        np.testing.assert_allclose(product, numeric, atol=1e-6 * scale, err_msg=name)


@settings(max_examples=150, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
@given(programs)
def test_programs_that_store_have_the_derivatives_of_the_complex_step(program: Program) -> None:
    check(program)


@settings(max_examples=40, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
@given(programs)
def test_programs_that_store_have_equal_second_derivatives_in_every_order(program: Program) -> None:
    check_second_order(program)


@pytest.mark.slow  # thousands of programs
@settings(
    max_examples=4000, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
@given(programs)
def test_thousands_of_programs_that_store(program: Program) -> None:
    check(program)
    check_second_order(program)
