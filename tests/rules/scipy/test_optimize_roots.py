"""`scipy.optimize`: roots by every method, against differences of tight solutions, closed forms."""

import numdifftools
import numpy as np
import pytest
import scipy.optimize

import dualdiff as dd
from dualdiff.errors import SingularError, SolverError, UnsupportedInputError

optimize = dd.scipy.optimize
K = np.random.default_rng(0).normal(size=(3, 3)) / 3
AT = np.array([0.5, 1.0, 1.5])
FIRST = (dd.grad, dd.derivative)


def equations(x, th):
    return x + 0.3 * np.tanh(K @ x) * th + x**3 - th


def exact(th):
    return scipy.optimize.root(equations, np.ones(3), (th,), options={"xtol": 1e-14}).x


def check(f):
    """Both modes, and second derivatives in three nestings, against differences."""
    expected = numdifftools.Jacobian(exact)(AT)
    for mode in ("forward", "reverse"):
        found = dd.jacobian(f, mode=mode)(AT)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)

    def loss(th, f=f):
        return np.sum(f(th) * np.array([1.0, -2.0, 3.0]))

    hessian = numdifftools.Hessian(lambda th: exact(th) @ [1.0, -2.0, 3.0])(AT)
    for second in (
        dd.jacobian(dd.grad(loss), mode="forward"),
        dd.jacobian(dd.grad(loss), mode="reverse"),
        dd.jacobian(dd.jacobian(loss, mode="forward"), mode="reverse"),
    ):
        np.testing.assert_allclose(second(AT), hessian, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("method", ["hybr", "lm", "broyden1", "anderson", "krylov", "df-sane"])
def test_every_method_of_root(method):
    check(lambda th: optimize.root(equations, np.ones(3), (th,), method).x)


class Plant:
    def __init__(self, th):
        self.th = {"now": [th]}

    def residual(self, x):
        return list(equations(x, self.th["now"][0]))


ROOTS = {
    "closure": lambda th: optimize.root(lambda x: equations(x, th), np.ones(3)).x,
    "attribute and list": lambda th: optimize.root(Plant(th).residual, np.ones(3)).x,
    "value and Jacobian": lambda th: (
        optimize.root(
            lambda x: (equations(x, th), dd.jacobian(equations)(x, th)), np.ones(3), jac=True
        ).x
    ),
    "Jacobian": lambda th: (
        optimize.root(equations, np.ones(3), (th,), jac=dd.jacobian(equations)).x
    ),
    "fsolve": lambda th: optimize.fsolve(equations, np.ones(3), (th,)),
    "full output": lambda th: optimize.fsolve(equations, np.ones(3), (th,), full_output=True)[0],
    "broyden1": lambda th: optimize.broyden1(lambda x: equations(x, th), np.ones(3)),
    "broyden2": lambda th: optimize.broyden2(lambda x: equations(x, th), np.ones(3) / 2),
    "anderson": lambda th: optimize.anderson(lambda x: equations(x, th), np.ones(3)),
    "newton_krylov": lambda th: optimize.newton_krylov(lambda x: equations(x, th), np.ones(3)),
    "diagbroyden": lambda th: optimize.diagbroyden(lambda x: equations(x, th), np.ones(3) / 2),
    "linearmixing": lambda th: optimize.linearmixing(
        lambda x: equations(x, th), np.ones(3) / 2, alpha=-0.3
    ),
    "fixed_point": lambda th: optimize.fixed_point(
        lambda x: x - equations(x, th) / 5, np.ones(3) / 2
    ),
}


@pytest.mark.parametrize("name", ROOTS)
def test_where_values_stand_and_other_names(name):
    check(ROOTS[name])


def cubic(x, p):
    return x**3 + p * x - 2.3


def root_of_cubic(p):
    return scipy.optimize.brentq(cubic, 0, 5, (p,), xtol=1e-15)


BRACKETS = ["brentq", "brenth", "bisect", "ridder", "toms748"]
SCALAR = {
    **{n: lambda p, n=n: getattr(optimize, n)(cubic, 0, 5, (p,)) for n in BRACKETS},
    "full output": lambda p: optimize.brentq(lambda x: cubic(x, p), 0, 5, full_output=True)[0],
    "report": lambda p: optimize.brentq(lambda x: cubic(x, p), 0, 5, full_output=True)[1].root,
    "secant": lambda p: optimize.newton(cubic, 1.0, args=(p,)),
    "newton": lambda p: optimize.newton(lambda x: cubic(x, p), 1.0, lambda x: 3 * x**2 + p),
    "halley": lambda p: optimize.newton(
        cubic, 1.0, lambda x, p: 3 * x**2 + p, (p,), fprime2=lambda x, p: 6 * x
    ),
    **{
        f"root_scalar {name}": lambda p, name=name: (
            optimize.root_scalar(cubic, (p,), name, bracket=(0, 5)).root
        )
        for name in BRACKETS
    },
    "root_scalar secant": lambda p: optimize.root_scalar(cubic, (p,), x0=1.0, x1=2.0).root,
    "root_scalar newton": lambda p: (
        optimize.root_scalar(lambda x: (cubic(x, p), 3 * x**2 + p), x0=1.0, fprime=True).root
    ),
    "loose": lambda p: optimize.bisect(cubic, 0, 5, (p,), xtol=1e-3),
    "a traced bracket": lambda p: optimize.brentq(cubic, 0 * p, 5 * p, (p,)),
}


@pytest.mark.parametrize("name", SCALAR)
def test_roots_of_one_number(name):
    x = root_of_cubic(1.2)
    u = 3 * x**2 + 1.2
    first = -x / u
    # The derivative of -x / (3 x^2 + p) along the roots.
    second = (-first * u + x * (6 * x * first + 1)) / u**2
    f = SCALAR[name]
    for inner in FIRST:
        assert inner(f)(1.2) == pytest.approx(first, rel=1e-13 if name != "loose" else 1e-6)
        for outer in FIRST:
            assert outer(inner(f))(1.2) == pytest.approx(second, rel=1e-11)


def test_newton_on_arrays_and_complex_numbers():
    p = np.array([1.0, 8.0, 27.0])
    for mode in ("forward", "reverse"):
        found = dd.jacobian(lambda p: optimize.newton(lambda x: x**3 - p, np.ones(3)), mode=mode)(p)
        np.testing.assert_allclose(found, np.diag(p ** (-2 / 3) / 3), rtol=1e-12)

    def turned(a):
        return optimize.newton(lambda z: z**2 + a, 0.3 + 1j, fprime=lambda z: 2 * z)

    for first in FIRST:
        assert first(lambda a: np.imag(turned(a)))(4.0) == pytest.approx(0.25)

    def full(p):
        return optimize.newton(lambda x: x**3 - p, np.ones(3), full_output=True).root

    np.testing.assert_allclose(dd.grad(lambda p: np.sum(full(p)))(p), p ** (-2 / 3) / 3)


def test_many_unknowns():
    n = 1500

    def residual(x, c):
        left, right = np.concatenate([[0.0], x[:-1]]), np.concatenate([x[1:], [0.0]])
        return 4 * x - left - right - c * np.exp(-x)

    def mean(c):
        return np.mean(optimize.root(residual, np.zeros(n), (c,), "krylov").x)

    change = (mean(1.0 + 1e-3) - mean(1.0 - 1e-3)) / 2e-3
    for first in FIRST:
        assert first(mean)(1.0) == pytest.approx(change, rel=1e-4)


def test_a_double_root_a_failure_and_an_approximation_are_refused():
    def double(p):
        return optimize.root(lambda x: (x - p) ** 2, [0.0]).x[0]

    def none(p):
        return optimize.root(lambda x: x**2 + p, [1.0]).x[0]

    for first in FIRST:
        with pytest.raises(SingularError, match=r"at test_optimize_roots\.py"):
            first(double)(1.0)
        with pytest.raises((SolverError, SingularError), match=r"test_optimize_roots\.py"):
            first(none)(1.0)
    with pytest.raises(UnsupportedInputError, match="'fjac'"):
        dd.jacobian(lambda th: optimize.root(equations, np.ones(3), (th,)).fjac)(AT)


def test_a_constant_problem_inside_a_derivative_is_scipys():
    def f(p):
        found = optimize.root(lambda x: x**2 + 1.0, [1.0])
        return p * found.success

    assert dd.grad(f)(2.0) == 0.0


def test_the_backward_pass_runs_no_function_of_the_user():
    calls = []

    def counted(x, th):
        calls.append(1)
        return equations(x, th)

    _, pullback = dd.vjp(lambda th: optimize.root(counted, np.ones(3), (th,)).x, AT)
    count = len(calls)
    pullback(np.ones(3))
    assert len(calls) == count


def test_a_solver_inside_a_solver():
    def inner(x, p):
        return optimize.brentq(lambda y: y**3 + x * y - p, -5, 5)

    def outer(p):
        return optimize.brentq(lambda x: x + inner(x, p) - 2 * p, 0, 10)

    def loose(p):
        def inner(x):
            return scipy.optimize.brentq(lambda y: y**3 + x * y - p, -5, 5, xtol=1e-15)

        return scipy.optimize.brentq(lambda x: x + inner(x) - 2 * p, 0, 10, xtol=1e-15)

    expected = float(numdifftools.Derivative(loose, step=1e-3)(1.1))
    second = float(numdifftools.Derivative(loose, n=2, step=1e-2)(1.1))
    for first in FIRST:
        assert first(outer)(1.1) == pytest.approx(expected, rel=1e-7)
        assert dd.grad(first(outer))(1.1) == pytest.approx(second, rel=1e-3)
