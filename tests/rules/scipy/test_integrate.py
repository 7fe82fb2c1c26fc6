"""`scipy.integrate`: differential equations.

The solver chooses its steps, for derivatives too, so that they agree to its tolerances and not to
rounding: there are no rows, but comparisons with closed forms and differences.
"""

import numdifftools
import numpy as np
import pytest
import scipy.integrate

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError

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


def test_captured_values_and_full_output():
    times = np.array([0.0, 1.0])
    for first in (dd.grad, dd.derivative):
        for f in (
            lambda k: odeint(lambda y, t: -k * y, 1.0, times)[-1, 0],
            lambda k: odeint(lambda y, t: -k * y, 1.0, times, full_output=True)[0][-1, 0],
            lambda k: odeint(
                lambda y, t: -k * y, 1.0, times, Dfun=lambda y, t: [[dd.value_of(-k)]]
            )[-1, 0],
        ):
            assert first(f)(0.5) == pytest.approx(-np.exp(-0.5), rel=1e-6)


def test_untraced_calls_are_scipys():
    expected = scipy.integrate.odeint(oscillator, AT[0], TIMES, (2.0, 0.3))
    np.testing.assert_array_equal(odeint(oscillator, AT[0], TIMES, (2.0, 0.3)), expected)
    assert dd.scipy.integrate.quad(np.sin, 0.0, np.pi)[0] == pytest.approx(2.0)


GRID = np.linspace(0, 1, 22)[1:-1]


def heat(u, t, k):
    padded = np.concatenate([np.zeros(1), u, np.zeros(1)])
    return k * (padded[2:] - 2 * u + padded[:-2]) * 21**2


def heat_energy(k, end):
    start = np.sin(np.pi * GRID) + np.sin(3 * np.pi * GRID)
    return np.sum(odeint(heat, start, np.array([0.0, end]), (k,))[-1] ** 2)


def heat_slope(end):
    """The modes of the discrete equation decay each by itself, and have the square 10.5."""
    rates = 4 * 21**2 * np.sin(np.array([1, 3]) * np.pi / 42) ** 2
    return 10.5 * np.sum(-2 * rates * end * np.exp(-2 * rates * end))


def van_der_pol(mu):
    def slope(y, t, mu):
        return np.stack([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])

    return odeint(slope, np.array([2.0, 0.0]), np.array([0.0, 20.0]), (mu,))[-1, 0]


def robertson(rates):
    def slope(y, t, k):
        a, b, c = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] ** 2
        return np.stack([-a + b, a - b - c, c])

    k = rates * np.array([0.04, 1e4, 3e7])
    return odeint(slope, np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.4]), (k,))[-1, 0]


def two_scales(a):
    def slope(y, t, a):
        return np.stack([-a * y[0], -1e3 * (y[1] - y[0] ** 2)])

    return np.sum(odeint(slope, np.array([1.0, 0.0]), np.array([0.0, 2.0]), (a,))[-1])


def two_scales_slope(a):
    """In closed form: y1 = exp(-a t), y2 = (exp(-2 a t) - exp(-1000 t)) / (1 - a / 500)."""
    rest = 1 - a / 500
    return -2 * np.exp(-2 * a) + np.exp(-4 * a) * (1 / 500 / rest**2 - 4 / rest)


@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [
        (lambda k: heat_energy(k, 0.05), 1.0, heat_slope(0.05)),
        (lambda k: heat_energy(k, 0.3), 1.0, heat_slope(0.3)),
        (two_scales, 1.0, two_scales_slope(1.0)),
        (van_der_pol, 100.0, 0.001514427),  # differences of Radau's solutions at rtol=1e-12
    ],
)
def test_stiff_equations_have_the_right_slopes_in_both_modes(f, x, exact):
    for slope in (dd.grad(f)(x), dd.derivative(f)(x)):
        assert slope == pytest.approx(exact, abs=1e-6 * max(abs(exact), 1e-2))


def test_robertsons_problem_has_the_right_slopes_in_both_modes():
    exact = [-0.0142381, 0.00095424, -0.00047495]  # in the logarithms of the rates
    for mode in ("forward", "reverse"):
        found = dd.jacobian(robertson, mode=mode)(np.ones(3))
        assert found == pytest.approx(np.array(exact), abs=1e-7)


def test_a_solution_that_lsoda_gives_up_raises():
    def explodes(a):
        with np.errstate(all="ignore"):
            return odeint(lambda y, t, a: a * y**2, 1.0, np.array([0.0, 2.0]), (a,))[-1, 0]

    for derivative in (dd.grad, dd.derivative):
        with pytest.raises(UnsupportedInputError, match="gave up"):
            derivative(explodes)(1.0)


def test_more_steps_are_taken_where_too_few_were_allowed():
    def end(k):
        times = np.array([0.0, 1.0])
        return odeint(lambda y, t, k: -k * y, 1.0, times, (k,), mxstep=3)[-1, 0]

    for derivative in (dd.grad, dd.derivative):
        assert derivative(end)(0.5) == pytest.approx(-np.exp(-0.5), rel=1e-6)


def test_a_right_hand_side_may_change_between_calls():
    """Sensitivities are integrated with the solution, not when the gradient is pulled."""

    class Model:
        k = 1.0

    def loss(y0):
        total = 0.0
        for Model.k in (1.0, 2.0):
            slope = lambda y, t: -Model.k * y  # noqa: E731
            total = total + odeint(slope, y0, np.array([0.0, 1.0]))[-1, 0]
        return total

    for derivative in (dd.grad, dd.derivative):
        assert derivative(loss)(1.0) == pytest.approx(np.exp(-1) + np.exp(-2), rel=1e-6)


def test_gradients_of_large_systems_are_those_of_the_adjoint_equation():
    n = 60
    matrix = 20 * (np.eye(n, k=1) - 2 * np.eye(n) + np.eye(n, k=-1))

    def end(y0, s, times):
        return np.sum(odeint(lambda y, t, s: s * (matrix @ y), y0, times, (s,)) ** 2)

    y0, times = np.sin(np.linspace(0, 3, n)), np.array([0.0, 0.1, 0.5])
    w, v = np.linalg.eigh(matrix)
    modes = v.T @ y0
    grown = np.exp(2 * np.outer(times, w))
    by_y0, by_s, by_times = dd.grad(end, argnums=(0, 1, 2))(y0, 1.0, times)
    assert by_y0 == pytest.approx(v @ (2 * modes * np.sum(grown, axis=0)), rel=1e-6, abs=1e-6)
    rates = 2 * w * modes**2
    assert by_s == pytest.approx(np.sum(rates * (times @ grown)), rel=1e-6)
    by_end = grown @ rates
    assert by_times[1:] == pytest.approx(by_end[1:], rel=1e-6)
    assert by_times[0] == pytest.approx(-np.sum(by_end[1:]), rel=1e-6)
