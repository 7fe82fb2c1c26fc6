"""SciPy's solvers by SciPy's own names, imported before any derivative, p in a closure alone."""

import math

import numpy as np
import pytest
from scipy.integrate import odeint, solve_ivp
from scipy.optimize import (
    LinearConstraint,
    basinhopping,
    brentq,
    brute,
    curve_fit,
    differential_evolution,
    fixed_point,
    fmin,
    fmin_slsqp,
    fsolve,
    least_squares,
    leastsq,
    lsq_linear,
    minimize,
    minimize_scalar,
    newton,
    nnls,
    root,
    root_scalar,
)

import dualdiff as dd
from tests.versions import SEED_NAME

T = np.linspace(0.0, 1.0, 5)
SEED = {SEED_NAME: 0}


def shifted(x, p):
    return np.sum((x - p) ** 2)


# Each gives p (or exp(-p)) in a way of its own.
ROOT = {
    "root": lambda p: root(lambda x: x**3 - p**3, 1.0).x[0],
    "fsolve": lambda p: fsolve(lambda x: x**3 - p**3, [1.0])[0],
    "root_scalar": lambda p: root_scalar(lambda x: x - p, bracket=(0, 5)).root,
    "brentq": lambda p: brentq(lambda x: x - p, 0, 5),
    "newton": lambda p: newton(lambda x: x**2 - p**2, 1.0),
    "fixed_point": lambda p: fixed_point(lambda x: np.sqrt(x * p), 1.0),
    "minimize": lambda p: minimize(lambda x: shifted(x, p), [0.0, 0.0]).x[1],
    "minimize bounds": lambda p: minimize(lambda x: np.sum(x), [3.0], bounds=[(p, 5)]).x[0],
    "minimize constraint": lambda p: minimize(
        lambda x: np.sum(x**2), [3.0], constraints={"type": "ineq", "fun": lambda x: x - p}
    ).x[0],
    "LinearConstraint": lambda p: minimize(
        lambda x: np.sum(x**2), [3.0], constraints=LinearConstraint([[1.0]], [p], [np.inf])
    ).x[0],
    "minimize_scalar": lambda p: minimize_scalar(lambda x: (x - p) ** 2 + 1).x,
    "fmin": lambda p: fmin(lambda x: shifted(x, p), [0.0], disp=False)[0],
    "fmin_slsqp": lambda p: fmin_slsqp(lambda x: shifted(x, p), [0.0], iprint=0)[0],
    "basinhopping": lambda p: basinhopping(lambda x: shifted(x, p), [0.0], niter=2, **SEED).x[0],
    "brute": lambda p: brute(lambda x: shifted(x, p), [(0, 5)], Ns=5)[0],
    "differential_evolution": lambda p: differential_evolution(
        lambda x: shifted(x, p), [(0, 5)], **SEED, maxiter=3
    ).x[0],
    "least_squares": lambda p: least_squares(lambda x: x * T - p * T, [1.0]).x[0],
    "leastsq": lambda p: leastsq(lambda x: x * T - p * T, [1.0])[0][0],
    "curve_fit": lambda p: curve_fit(lambda t, a: a * t + 2 * p * t, T, T)[0][0] * -0.5 + 0.5,
    "lsq_linear": lambda p: lsq_linear(T[:, None], p * T).x[0],
    "nnls": lambda p: nnls(T[:, None], p * T)[0][0],
    "solve_ivp": lambda p: solve_ivp(lambda t, y: p + 0.0 * y, (0, 1), [0.0]).y[0, -1],
    "odeint": lambda p: odeint(lambda y, t: p + 0.0 * y, 0.0, [0.0, 1.0])[-1, 0],
    "a function in a function": lambda p: brentq(
        lambda x: minimize_scalar(lambda z: (z - x) ** 2 + 1).x - p, 0, 5
    ),
}


@pytest.mark.filterwarnings("ignore::scipy.optimize.OptimizeWarning")
@pytest.mark.parametrize("name", ROOT)
def test_a_solver_is_differentiated_as_it_stands(name):
    f = ROOT[name]
    for first in (dd.grad, dd.derivative):
        assert first(f)(2.0) == pytest.approx(1.0, rel=1e-6)
        assert first(lambda p: f(p) ** 2)(2.0) == pytest.approx(4.0, rel=1e-3)
        assert dd.grad(first(lambda p: f(p) ** 2))(2.0) == pytest.approx(2.0, rel=1e-3)
    assert np.ndim(f(2.0)) == 0


def stubborn(x):
    """A function of plain numbers alone."""
    return math.exp(float(np.ravel(x)[0])) - 2.0


CONSTANT = {
    "root": lambda: root(stubborn, [0.0]).x[0],
    "root that fails": lambda: float(root(lambda x: x**2 + 1.0, [1.0]).success),
    "fsolve": lambda: fsolve(stubborn, [0.0])[0],
    "brentq": lambda: brentq(stubborn, 0, 5),
    "root_scalar": lambda: root_scalar(stubborn, bracket=(0, 5)).root,
    "newton": lambda: newton(stubborn, 1.0),
    "minimize": lambda: minimize(lambda x: stubborn(x) ** 2, [0.0]).x[0],
    "bounds": lambda: minimize(lambda x: math.fabs(x[0] - 1), [0.3], bounds=[(0, 0.5)]).x[0],
    "minimize_scalar": lambda: minimize_scalar(lambda x: math.fabs(x - 1)).x,
    "fmin": lambda: fmin(lambda x: math.fabs(x[0] - 1), [0.3], disp=False)[0],
    "basinhopping": lambda: (
        basinhopping(
            lambda x: math.fabs(x[0] - 1),
            [0.3],
            niter=1,
            **SEED,
            minimizer_kwargs={"method": "Powell"},
        ).fun
    ),
    "least_squares": lambda: least_squares(stubborn, [0.0]).x[0],
    "leastsq": lambda: leastsq(lambda x: [stubborn(x)], [0.0])[0][0],
    "odeint": lambda: odeint(lambda y, t: [math.cos(t)], 0.0, [0.0, 1.0])[-1, 0],
    "solve_ivp": lambda: solve_ivp(lambda t, y: [math.cos(y[0])], (0, 1), [0.0]).y[0, -1],
}


@pytest.mark.parametrize("name", CONSTANT)
def test_a_constant_problem_inside_a_derivative_is_scipys(name):
    f = CONSTANT[name]
    for first in (dd.grad, dd.derivative):
        assert first(lambda p: p * f())(2.0) == f()


def flow(k):
    def slope(t, y):
        out = np.zeros_like(y)
        out[0] = -k * y[0]
        out[1] = y[0] - k * y[1]
        return out

    return slope


STORING = {
    "solve_ivp": (lambda k: solve_ivp(flow(k), (0, 1), [1.0, 2.0], rtol=1e-9).y[0, -1], 1e-5),
    "odeint": (lambda k: odeint(flow(k), [1.0, 2.0], [0, 1], tfirst=True)[-1, 0], 1e-5),
    "root": (lambda k: 1 / root(lambda x: flow(k)(0, x) + 1, [1.0, 2.0]).x[0], None),
    "least_squares": (lambda k: 1 / least_squares(lambda x: flow(k)(0, x) + 1, [1, 2]).x[0], None),
    "minimize": (
        lambda k: 1 / minimize(lambda x: sum((flow(k)(0, x) + 1) ** 2), [1, 2]).x[0],
        None,
    ),
}


@pytest.mark.parametrize("name", STORING)
def test_functions_may_store_traced_values_into_arrays_like_their_argument(name):
    f, close = STORING[name]
    expected = -np.exp(-1.3) if close else 1.0
    for derivative in (dd.grad(f), dd.derivative(f)):
        assert derivative(1.3) == pytest.approx(expected, rel=close or 1e-6)
