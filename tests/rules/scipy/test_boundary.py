"""`scipy.integrate.solve_bvp` and `scipy.differentiate`, against differences and closed forms."""

import numpy as np
import pytest
from scipy.integrate import solve_bvp

import dualdiff as dd
from dualdiff.errors import MissingRuleError, SolverError, UnsupportedInputError

MESH = np.linspace(0.0, 1.0, 5)
FIRST = (dd.grad, dd.derivative)


def heated(a, tol=1e-8):
    def slope(x, y):
        return np.stack([y[1], -np.exp(a * y[0])])

    def ends(left, right):
        return np.stack([left[0], right[0] - 0.1 * a])

    return solve_bvp(slope, ends, MESH, np.zeros((2, 5)), tol=tol)


def wave(a):
    """The least p with y'' = -p^2 a y and y = 0 at both ends: pi / sqrt(a)."""
    guess = np.stack([np.sin(np.pi * MESH), np.pi * np.cos(np.pi * MESH)])
    return solve_bvp(
        lambda x, y, p: np.stack([y[1], -(p[0] ** 2) * a * y[0]]),
        lambda left, right, p: np.stack([left[0], right[0], left[1] - p[0]]),
        MESH,
        guess,
        p=[3.0],
        tol=1e-7,
    ).p[0]


RESULTS = {
    "value": lambda a: heated(a).sol(0.43)[0],
    "slope": lambda a: heated(a).sol(np.array([0.1, 0.7]), 1)[0, 1],
    "nodes": lambda a: heated(a).y[1, 0],
    "slopes at nodes": lambda a: heated(a).yp[1, -1],
    "integral": lambda a: heated(a).sol.integrate(0.1, 0.8)[0],
    "second derivative": lambda a: heated(a).sol.derivative()(0.43, 1)[0],
}


@pytest.mark.parametrize("name", RESULTS)
def test_boundary_values(name):
    f, h = RESULTS[name], 1e-3
    first = (8 * (f(0.9 + h) - f(0.9 - h)) - f(0.9 + 2 * h) + f(0.9 - 2 * h)) / (12 * h)
    second = (f(0.9 + 10 * h) - 2 * f(0.9) + f(0.9 - 10 * h)) / (10 * h) ** 2
    for inner in FIRST:
        assert inner(f)(0.9) == pytest.approx(first, rel=1e-6)
        for outer in FIRST:
            assert outer(inner(f))(0.9) == pytest.approx(second, rel=1e-3)


def test_an_unknown_parameter():
    for first in FIRST:
        assert first(wave)(0.9) == pytest.approx(-np.pi / 2 * 0.9**-1.5, rel=1e-6)


def test_what_has_no_derivative_is_refused():
    def failing(a):
        return solve_bvp(
            lambda x, y: np.stack([y[1], a * np.exp(9 * y[0])]),
            lambda left, right: np.stack([left[0] - 9, right[0]]),
            MESH,
            np.zeros((2, 5)),
            max_nodes=6,
        ).y[0, 2]

    def singular(a):
        return solve_bvp(
            lambda x, y: np.stack([y[1], a * y[0]]),
            lambda left, right: np.stack([left[1], right[0] - 1]),
            MESH,
            np.zeros((2, 5)),
            S=np.array([[0.0, 0.0], [0.0, -2.0]]),
        ).y[0, 0]

    with pytest.raises(MissingRuleError, match="an estimate of the error"):
        dd.grad(lambda a: heated(a).rms_residuals[0])(0.9)
    with np.errstate(all="ignore"), pytest.raises(SolverError, match=r"test_boundary\.py"):
        dd.grad(failing)(1.0)
    with pytest.raises(UnsupportedInputError, match="singular term"):
        dd.grad(singular)(1.0)


def test_differences_of_scipy_have_exact_derivatives():
    differentiate = pytest.importorskip("scipy.differentiate", reason="from SciPy 1.15 on")
    x = np.array([0.3, 0.9])

    def slopes(x):
        return differentiate.derivative(lambda z: np.exp(z) * np.sin(z), x).df

    expected = 2 * np.exp(x) * np.cos(x)
    np.testing.assert_allclose(dd.jacobian(slopes)(x), np.diag(expected), atol=1e-12)

    def by_parameter(a):
        return differentiate.derivative(lambda z, a: np.sin(a * z), 0.7, args=(a,)).df

    assert dd.grad(by_parameter)(1.2) == pytest.approx(np.cos(0.84) - 0.84 * np.sin(0.84))

    def rows(x):
        return differentiate.jacobian(lambda z: np.stack([z[0] * z[1], z[0] ** 2]), x).df

    exact = np.zeros((2, 2, 2))
    exact[0, 0, 1] = exact[0, 1, 0] = 1.0
    exact[1, 0, 0] = 2.0
    np.testing.assert_allclose(dd.jacobian(rows)(x), exact, atol=1e-12)

    def curvature(x):
        return differentiate.hessian(lambda z: z[0] ** 3 * z[1], x).ddf[0, 0]

    np.testing.assert_allclose(dd.grad(curvature)(x), [6 * x[1], 6 * x[0]], atol=1e-12)
