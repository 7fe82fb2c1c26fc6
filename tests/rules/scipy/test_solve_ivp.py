"""`scipy.integrate.solve_ivp`: against closed forms, and differences of tight solutions."""

import numdifftools
import numpy as np
import pytest
import scipy.integrate

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from dualdiff.rules.scipy.integrate.steps import combination
from tests.rules.table import A, row, rule_tests

TestRules = rule_tests(
    [
        row(
            combination,
            A(3),
            A(3, seed=1),
            A(3, seed=2),
            factors=(1.0, -2.0, 0.5),
            _argnums=(0, 1, 2),
        )
    ]
)
solve_ivp = dd.scipy.integrate.solve_ivp
METHODS = ["RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"]
TIGHT = {"rtol": 1e-9, "atol": 1e-11}
LOOSE = {"RK23": {"rtol": 1e-7, "atol": 1e-9}, "BDF": {"rtol": 1e-8, "atol": 1e-10}}
AT = np.array([2.0, 0.3, 1.0, 0.5])  # stiffness, friction, and the state at the start


def oscillator(t, y, k, c):
    return [y[1], -k * y[0] - c * y[1] + np.sin(t)]


def state(p, end=2.0):
    return scipy.integrate.solve_ivp(
        oscillator, (0.0, end), p[2:], "DOP853", args=(p[0], p[1]), rtol=1e-12, atol=1e-13
    ).y[:, -1]


def reference(f, x=AT, h=2e-3):
    """The Jacobian by central differences of fourth order."""
    columns = []
    for step in h * np.eye(x.size):
        near, far = f(x + step) - f(x - step), f(x + 2 * step) - f(x - 2 * step)
        columns.append((8 * near - far) / (12 * h))
    return np.stack(columns, axis=-1)


EXPECTED = reference(state)
HESSIAN = reference(lambda p: reference(lambda q: state(q) @ [1.0, -2.0], p, 1e-2), AT, 1e-2)


def by_method(method, **options):
    chosen = {**LOOSE.get(method, TIGHT), **options}

    def f(p):
        return solve_ivp(oscillator, (0.0, 2.0), p[2:], method, args=(p[0], p[1]), **chosen).y[
            :, -1
        ]

    return f


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method(method, mode):
    found = dd.jacobian(by_method(method), mode=mode)(AT)
    np.testing.assert_allclose(found, EXPECTED, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_second_derivatives_in_three_nestings(method):
    f = by_method(method, rtol=1e-6, atol=1e-8)

    def loss(p):
        return np.sum(f(p) * np.array([1.0, -2.0]))

    for hessian in (
        dd.jacobian(dd.grad(loss), mode="forward"),
        dd.jacobian(dd.grad(loss), mode="reverse"),
        dd.jacobian(dd.jacobian(loss, mode="forward"), mode="reverse"),
    ):
        np.testing.assert_allclose(hessian(AT), HESSIAN, atol=3e-4)


@pytest.mark.parametrize("method", METHODS)
def test_the_value_is_scipys_to_the_last_bit(method):
    found, _ = dd.vjp(by_method(method), AT)
    expected = scipy.integrate.solve_ivp(
        oscillator, (0.0, 2.0), AT[2:], method, args=tuple(AT[:2]), **LOOSE.get(method, TIGHT)
    )
    np.testing.assert_array_equal(found, expected.y[:, -1])


class Spring:
    def __init__(self, p):
        self.p = {"k": [p[0]]}
        self.c = p[1]

    def slope(self, t, y):
        return np.stack([y[1], -self.p["k"][0] * y[0] - self.c * y[1] + np.sin(t)])

    def jac(self, t, y):
        return np.array([[0.0, 1.0], dd.value_of([-self.p["k"][0], -self.c])])


CAPTURED = {
    "closure": lambda p: solve_ivp(
        lambda t, y: oscillator(t, y, p[0], p[1]), (0, 2), p[2:], **TIGHT
    ),
    "attributes": lambda p: solve_ivp(Spring(p).slope, (0, 2), p[2:], **TIGHT),
    "jac of Radau": lambda p: solve_ivp(
        Spring(p).slope, (0, 2), p[2:], "Radau", jac=Spring(p).jac, **TIGHT
    ),
    "jac of BDF": lambda p: solve_ivp(
        Spring(p).slope, (0, 2), p[2:], "BDF", jac=Spring(p).jac, **TIGHT
    ),
    "a list as start": lambda p: solve_ivp(
        oscillator, (0, 2), [p[2], p[3]], args=(p[0], p[1]), **TIGHT
    ),
    "vectorized": lambda p: solve_ivp(
        lambda t, y: np.stack([y[1], -p[0] * y[0] - p[1] * y[1] + np.sin(t)]),
        (0, 2), p[2:], "Radau", vectorized=True, **TIGHT,
    ),
    "a class": lambda p: solve_ivp(
        oscillator, (0, 2), p[2:], scipy.integrate.DOP853, args=(p[0], p[1]), **TIGHT
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_values_need_no_search(name):
    for mode in ("forward", "reverse"):
        found = dd.jacobian(lambda p: CAPTURED[name](p).y[:, -1], mode=mode)(AT)
        np.testing.assert_allclose(found, EXPECTED, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_chosen_times_and_continuous_solutions(method):
    times = np.array([0.0, 0.3, 0.31, 1.7, 2.0])
    options = LOOSE.get(method, TIGHT)
    expected = np.stack([reference(lambda p, s=s: state(p, s)) for s in times[1:]], axis=1)

    def at_times(p):
        return solve_ivp(oscillator, (0, 2), p[2:], method, times, args=(p[0], p[1]), **options).y

    def along(p):
        found = solve_ivp(
            oscillator, (0, 2), p[2:], method, dense_output=True, args=(p[0], p[1]), **options
        )
        return np.concatenate(
            [found.sol(times[:3]), found.sol(1.7)[:, None], found.sol(2.0)[:, None]], axis=1
        )

    for f in (at_times, along):
        for mode in ("forward", "reverse"):
            found = dd.jacobian(f, mode=mode)(AT)
            np.testing.assert_allclose(found[:, 1:], expected, atol=2e-6)
            np.testing.assert_allclose(found[:, 0], np.eye(4)[2:], atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_the_ends_of_the_interval_and_times_may_be_traced(method):
    options = LOOSE.get(method, TIGHT)

    def grown(t, **more):
        return solve_ivp(lambda s, y: -2.0 * s * y, (t[0], t[1]), [1.0], method, **options, **more)

    def exact(t):
        return np.exp(t[0] ** 2 - t[1] ** 2)

    t = np.array([0.5, 1.5])
    gradient = exact(t) * np.array([2 * t[0], -2 * t[1]])
    for mode in ("forward", "reverse"):
        found = dd.jacobian(lambda t: grown(t).y[0, -1], mode=mode)(t)
        np.testing.assert_allclose(found, gradient, atol=1e-6)
        ends = dd.jacobian(lambda t: grown(t).t[np.array([0, -1])], mode=mode)(t)
        np.testing.assert_array_equal(ends, np.eye(2))
        for inside in (
            lambda s: grown(t, t_eval=np.stack([s, 1.2])).y[0, 0],
            lambda s: grown(t, dense_output=True).sol(s)[0],
        ):
            found = dd.jacobian(inside, mode=mode)(1.1)
            expected = -2.2 * np.exp(0.25 - 1.21)
            np.testing.assert_allclose(found, expected, rtol=1e-4)


def fall(t, y, g):
    return np.stack([y[1], -g])


def ground(t, y, g):
    return y[0]


def apex(t, y, g):
    return y[1]


ground.terminal = True
ground.direction = -1


@pytest.mark.parametrize("method", ["RK45", "Radau", "LSODA"])
def test_times_and_states_of_events(method):
    def flight(p):
        return solve_ivp(
            fall,
            (0, 100),
            np.stack([p[0], p[1]]),
            method,
            events=[ground, apex],
            args=(p[2],),
            **TIGHT,
        )

    p = np.array([2.0, 10.0, 9.81])

    def landing(p):
        return (p[1] + np.sqrt(p[1] ** 2 + 2 * p[2] * p[0])) / p[2]

    times = numdifftools.Gradient(landing)(p)
    speeds = numdifftools.Gradient(lambda p: p[1] - p[2] * landing(p))(p)
    top = [1.0, p[1] / p[2], -(p[1] ** 2) / (2 * p[2] ** 2)]
    for mode in ("forward", "reverse"):
        for f, expected in (
            (lambda r: r.t_events[0][0], times),
            (lambda r: r.t[-1], times),
            (lambda r: r.y_events[0][0, 1], speeds),
            (lambda r: r.y[1, -1], speeds),
            (lambda r: r.t_events[1][0], [0.0, 1 / p[2], -p[1] / p[2] ** 2]),
            (lambda r: r.y_events[1][0, 0], top),
        ):
            found = dd.jacobian(lambda p: f(flight(p)), mode=mode)(p)  # noqa: B023
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    second = numdifftools.Hessian(landing)(p)
    for nested in (
        dd.jacobian(dd.grad(lambda p: flight(p).t_events[0][0]), mode="forward"),
        dd.jacobian(dd.grad(lambda p: flight(p).t_events[0][0]), mode="reverse"),
    ):
        np.testing.assert_allclose(nested(p), second, rtol=1e-5, atol=1e-6)


def test_a_parameter_may_enter_late():
    def f(dose):
        def slope(t, y):
            return -y + (dose if t > 1.0 else 0.0)

        return solve_ivp(slope, (0, 2), [1.0], max_step=0.01).y[0, -1]

    for first in (dd.grad, dd.derivative):
        assert first(f)(3.0) == pytest.approx(1 - np.exp(-1.0), rel=1e-2)


def test_complex_states():
    def f(w):
        return np.real(solve_ivp(lambda t, y: 1j * w * y, (0, 1), [1.0 + 0j], **TIGHT).y[0, -1])

    for first in (dd.grad, dd.derivative):
        assert first(f)(2.0) == pytest.approx(-np.sin(2.0), rel=1e-7)


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_stiff_equations(method):
    def van_der_pol(mu):
        def slope(t, y):
            return np.stack([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])

        return solve_ivp(slope, (0, 20), [2.0, 0.0], method, rtol=1e-7, atol=1e-9).y[0, -1]

    for first in (dd.grad, dd.derivative):
        assert first(van_der_pol)(100.0) == pytest.approx(0.001514427, abs=1e-7)

    def robertson(rates):
        def slope(t, y, k):
            a, b, c = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] ** 2
            return np.stack([-a + b, a - b - c, c])

        k = rates * np.array([0.04, 1e4, 3e7])
        start = np.array([1.0, 0.0, 0.0])
        return solve_ivp(slope, (0, 0.4), start, method, args=(k,), rtol=1e-7, atol=1e-10).y[0, -1]

    for mode in ("forward", "reverse"):
        found = dd.jacobian(robertson, mode=mode)(np.ones(3))
        np.testing.assert_allclose(found, [-0.0142381, 0.00095424, -0.00047495], atol=1e-6)


def test_the_backward_pass_runs_no_function_of_the_user():
    calls = []

    def counted(t, y, k):
        calls.append(1)
        return -k * y

    for method in ("RK45", "Radau", "BDF"):
        _, pullback = dd.vjp(
            lambda k: solve_ivp(counted, (0, 1), [1.0], method, args=(k,)).y[0, -1],  # noqa: B023
            2.0,
        )
        count = len(calls)
        pullback(1.0)
        assert len(calls) == count


def test_closures_bind_when_they_run():
    def loss(y0):
        total = 0.0
        for k in (1.0, 2.0):
            total = total + solve_ivp(lambda t, y: -k * y, (0, 1), [y0], **TIGHT).y[0, -1]  # noqa: B023
        return total

    for first in (dd.grad, dd.derivative):
        assert first(loss)(1.0) == pytest.approx(np.exp(-1) + np.exp(-2), rel=1e-7)


def test_a_solution_that_explodes_raises():
    def f(a):
        return solve_ivp(lambda t, y: a * y**2, (0, 2), [1.0]).y[0, -1]

    with pytest.raises(UnsupportedInputError, match=r"gave up, at test_solve_ivp\.py"):
        dd.grad(f)(1.0)


def test_an_equation_without_traced_values_is_scipys():
    def f(p):
        found = solve_ivp(lambda t, y: -y, (0, 1), [1.0])
        assert found.sol is None
        assert type(found.y) is np.ndarray
        return p * found.y[0, -1]

    assert dd.grad(f)(1.0) == pytest.approx(np.exp(-1), rel=1e-3)
