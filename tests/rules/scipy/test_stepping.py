"""Solver classes of `scipy.integrate` that a program steps itself."""

import numdifftools as nd
import numpy as np
import pytest
from scipy import integrate

import dualdiff as dd

CLASSES = ("RK23", "RK45", "DOP853", "Radau")
P = np.array([1.3, 0.7, 0.9])


def walk(name, p, vectorized=False):
    """A solver that has passed the time 0.9, and all that it has met."""
    rtol = 1e-6 if name in ("RK23", "Radau") else 1e-8
    solver = getattr(integrate, name)(
        lambda t, y: np.stack([y[1], -p[0] * y[0] + 0.0 * t]),
        0.0,
        [p[1], 0.0],
        1.0,
        rtol=rtol,
        atol=rtol / 10,
        vectorized=vectorized,
    )
    while solver.status == "running":
        solver.step()
        yield solver


def end(name, p, **options):
    *_, solver = walk(name, p, **options)
    return solver.y


def within(name, p):
    for solver in walk(name, p):
        if solver.t_old < 0.9 <= solver.t:
            inner = solver.dense_output()
            return np.concatenate([inner(0.9), inner(np.array([0.9, p[2]]))[1]])
    raise AssertionError("no step passes 0.9")


def exact(p, t):
    w = np.sqrt(p[0])
    return np.stack([p[1] * np.cos(w * t), -p[1] * w * np.sin(w * t)])


@pytest.mark.parametrize("name", CLASSES)
def test_a_solver_that_is_stepped_has_the_derivative_of_the_solution(name):
    assert end(name, P).tolist() == dd.jvp(lambda p: end(name, p), (P,), (P,))[0].tolist()
    for mode in ("forward", "reverse"):
        found = dd.jacobian(lambda p: end(name, p), mode=mode)(P)
        np.testing.assert_allclose(found, nd.Jacobian(lambda p: exact(p, 1.0))(P), atol=1e-5)
    second = dd.hessian(lambda p: np.sum(end(name, p)))(P)
    np.testing.assert_allclose(second, nd.Hessian(lambda p: sum(exact(p, 1.0)))(P), atol=1e-4)


@pytest.mark.parametrize("name", CLASSES)
def test_the_solution_within_a_step_has_derivatives_by_parameters_and_times(name):
    def closed(p):
        return np.append(exact(p, 0.9), [exact(p, 0.9)[1], exact(p, p[2])[1]])

    assert within(name, P).tolist() == dd.vjp(lambda p: within(name, p), P)[0].tolist()
    for mode in ("forward", "reverse"):
        found = dd.jacobian(lambda p: within(name, p), mode=mode)(P)
        np.testing.assert_allclose(found, nd.Jacobian(closed)(P), atol=1e-5)


def test_vectorized_functions_and_ends_that_are_traced():
    def at_end(p):
        solver = integrate.DOP853(
            lambda t, y: -p[0] * y, p[2], [p[1]], p[0], rtol=1e-9, atol=1e-11, vectorized=True
        )
        while solver.status == "running":
            solver.step()
        return solver.y[0]

    expected = nd.Gradient(lambda p: p[1] * np.exp(-p[0] * (p[0] - p[2])))(P)
    np.testing.assert_allclose(dd.grad(at_end)(P), expected, rtol=1e-7)
    np.testing.assert_allclose(dd.jacobian(at_end, mode="forward")(P), expected, rtol=1e-7)


def test_a_solver_of_plain_values_stays_plain_within_a_derivative():
    def scaled(a):
        *_, solver = walk("RK45", P)
        assert type(solver.y) is np.ndarray
        return a * solver.y[0]

    assert dd.grad(scaled)(2.0) == end("RK45", P)[0]


@pytest.mark.parametrize("name", CLASSES)
def test_a_parameter_may_enter_after_the_first_steps(name):
    def slope(t, y, a):
        return -y if t < 0.5 else -y * (1 + a * (t - 0.5) ** 2)

    def late(a):
        solver = getattr(integrate, name)(
            lambda t, y: slope(t, y, a), 0.0, [1.0], 1.0, rtol=1e-6, atol=1e-8
        )
        while solver.status == "running":
            solver.step()
        return solver.y[0]

    expected = -np.exp(-1 - 1.3 / 24) / 24
    assert dd.grad(late)(1.3) == pytest.approx(expected, rel=1e-4)
    assert dd.jvp(late, (1.3,), (1.0,))[1] == pytest.approx(expected, rel=1e-4)
