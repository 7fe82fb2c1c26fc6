"""`scipy.integrate`: differential equations.

The solver chooses its steps, for derivatives too, so that they agree to its tolerances and not to
rounding: there are no rows, but comparisons with closed forms and differences.
"""

import numdifftools
import numpy as np
import pytest
import scipy.integrate

import dualdiff as dd
from dualdiff.errors import DualdiffError, UnsupportedInputError

odeint = dd.scipy.integrate.odeint
FINE = {"rtol": 1e-11, "atol": 1e-13}
TIMES = np.linspace(0.0, 2.0, 5)


def oscillator(y, t, k, c):
    return [y[1], -k * y[0] - c * y[1] + np.sin(t)]


def solution(y0, t, k, c):
    return odeint(oscillator, y0, t, (k, c), **FINE)


AT = np.array([1.0, 0.5]), TIMES, 2.0, 0.3


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("argument", range(4))
def test_derivatives_in_start_times_and_parameters(argument, mode):
    def of_one(x):
        return solution(*AT[:argument], x, *AT[argument + 1 :])

    def flat(x):
        return of_one(x.reshape(np.shape(AT[argument]))[()]).ravel()

    steps = numdifftools.MaxStepGenerator(base_step=0.05, num_steps=8)  # the times stay in order
    expected = numdifftools.Jacobian(flat, step=steps)(np.ravel(AT[argument]))
    jacobian = dd.jacobian(of_one, mode=mode)(AT[argument])
    np.testing.assert_allclose(jacobian.ravel(), expected.ravel(), rtol=1e-7, atol=1e-7)


def test_exponential_decay_to_second_order():
    def end(k):
        return odeint(lambda y, t, k: -k * y, 1.0, np.array([0.0, 1.0]), (k,), **FINE)[-1, 0]

    assert end(0.5) == pytest.approx(np.exp(-0.5))
    for first in (dd.grad, dd.derivative):
        assert first(end)(0.5) == pytest.approx(-np.exp(-0.5), rel=1e-9)
        for second in (dd.grad, dd.derivative):
            assert second(first(end))(0.5) == pytest.approx(np.exp(-0.5), rel=1e-8)


def test_times_may_decrease_and_arguments_be_containers():
    def start(p):
        times = np.array([1.0, 0.5, 0.0])
        return odeint(lambda t, y, p: -p["k"][0] * y, 1.0, times, (p,), tfirst=True, **FINE)[-1, 0]

    gradient = dd.grad(start)({"k": [0.5], "unused": None})
    assert gradient["k"][0] == pytest.approx(np.exp(0.5), rel=1e-9)
    assert gradient["unused"] is None


def test_a_right_hand_side_that_uses_another_traced_value_is_refused():
    times = np.array([0.0, 1.0])
    with pytest.raises(DualdiffError, match="traced"):
        dd.grad(lambda k: odeint(lambda y, t: -k * y, 1.0, times)[-1, 0])(0.5)
    with pytest.raises(DualdiffError, match="traced"):
        dd.grad(lambda k: odeint(lambda y, t: -k * y, k, times)[-1, 0])(0.5)
    with pytest.raises(UnsupportedInputError, match="full_output"):
        dd.grad(lambda k: odeint(lambda y, t: -y, k, times, full_output=True)[0][-1, 0])(0.5)


def test_untraced_calls_are_scipys():
    expected = scipy.integrate.odeint(oscillator, AT[0], TIMES, (2.0, 0.3))
    np.testing.assert_array_equal(odeint(oscillator, AT[0], TIMES, (2.0, 0.3)), expected)
    assert dd.scipy.integrate.quad(np.sin, 0.0, np.pi)[0] == pytest.approx(2.0)
