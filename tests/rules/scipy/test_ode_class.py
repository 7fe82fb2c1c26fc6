"""`scipy.integrate.ode` and `complex_ode`, by SciPy's own names."""

import numpy as np
import pytest
from scipy.integrate import complex_ode, ode

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError

CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def oscillation(name, **options):
    def end(p):
        solver = ode(lambda t, y: np.stack([y[1], -p[0] * y[0]])).set_integrator(
            name, **CLOSE, **options
        )
        return solver.set_initial_value(np.stack([p[1], 0.0]), 0.0).integrate(1.5)

    return end


def exact(p):
    w = np.sqrt(p[0])
    return np.stack([p[1] * np.cos(1.5 * w), -p[1] * w * np.sin(1.5 * w)])


@pytest.mark.parametrize(
    ("name", "options"),
    [("vode", {}), ("vode", {"method": "bdf"}), ("lsoda", {}), ("dopri5", {}), ("dop853", {})],
)
def test_every_integrator_has_the_derivative_of_the_solution(name, options):
    p = np.array([1.3, 0.7])
    end = oscillation(name, **options)
    assert end(p).tolist() == dd.jvp(end, (p,), (p,))[0].tolist()
    for mode in ("forward", "reverse"):
        found = dd.jacobian(end, mode=mode)(p)
        np.testing.assert_allclose(found, dd.jacobian(exact)(p), atol=1e-6)
    second = dd.hessian(lambda p: np.sum(end(p)))(p)
    np.testing.assert_allclose(second, dd.hessian(lambda p: np.sum(exact(p)))(p), atol=1e-5)


def test_a_loop_of_steps_with_parameters_and_a_jacobian():
    def ends(k):
        solver = ode(lambda t, y, k: [-k * y[0]], lambda t, y, k: [[-k]])
        solver.set_integrator("vode", **CLOSE).set_initial_value(2.0, 0.0)
        solver.set_f_params(k).set_jac_params(k)
        out = []
        while solver.successful() and solver.t < 1.0:
            out.append(solver.integrate(solver.t + 0.25)[0])
        return np.stack(out)

    t = np.array([0.25, 0.5, 0.75, 1.0])
    for derivative in (dd.jacobian(ends), dd.derivative(ends)):
        np.testing.assert_allclose(derivative(1.1), -2 * t * np.exp(-1.1 * t), atol=1e-6)


def test_the_ends_of_the_interval_have_derivatives():
    def end(t):
        solver = ode(lambda t, y: -t * y).set_integrator("dop853", **CLOSE)
        solver.set_initial_value([1.0], t[0])
        return solver.integrate(t[1])[0]

    found = dd.grad(end)(np.array([0.2, 1.1]))
    np.testing.assert_allclose(found, np.exp(-0.585) * np.array([0.2, -1.1]), atol=1e-7)


def test_complex_systems():
    def end(k):
        solver = complex_ode(lambda t, y: 1j * k * y).set_integrator("dopri5", **CLOSE)
        return solver.set_initial_value([1.0 + 1j * k], 0.0).integrate(1.0)[0]

    def other(k):
        solver = ode(lambda t, y: 1j * k * y).set_integrator("zvode", **CLOSE)
        return solver.set_initial_value([1.0 + 1j * k], 0.0).integrate(1.0)[0]

    k = 1.2
    slope = (1j + 1j * (1 + 1j * k)) * np.exp(1j * k)
    for f in (end, other):
        assert dd.derivative(f)(k) == pytest.approx(slope, abs=1e-6)
        assert dd.grad(lambda k, f=f: f(k).real)(k) == pytest.approx(slope.real, abs=1e-6)


def test_an_integrator_that_gives_up_says_so():
    def end(k):
        solver = ode(lambda t, y: k * y**2).set_integrator("dopri5", nsteps=20)
        return solver.set_initial_value([1.0], 0.0).integrate(2.0)[0]

    with (
        np.errstate(all="ignore"),
        pytest.warns(UserWarning, match="nsteps"),
        pytest.raises(UnsupportedInputError, match="ode gave up"),
    ):
        dd.grad(end)(1.0)
