"""`implicit` and `linear_solve`: solvers of one's own, against closed forms and differences."""

import itertools

import numdifftools
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

import dualdiff as dd
from dualdiff.errors import KeptValueError, SingularError, SolverError

K = np.random.default_rng(0).normal(size=(4, 4)) / 4
A = K + 3 * np.eye(4)
B = np.array([1.0, -2.0, 0.5, 3.0])
AT = np.linspace(0.5, 1.5, 4)
FIRST = (dd.grad, dd.derivative)


@dd.implicit(lambda x, a: x**3 + x - a)
def cubic(a):
    x = 1.0
    for _ in range(60):
        x = x - (x**3 + x - a) / (3 * x**2 + 1)
    return x


def newton(f, x, xtol=1e-13):
    """A root of a function of a vector, found by SciPy."""
    return scipy.optimize.root(lambda x: dd.value_of(f(x)), x, options={"xtol": xtol}).x


@pytest.mark.parametrize("first", FIRST)
def test_first_derivative_of_a_cubic_equation(first):
    assert first(cubic)(10.0) == pytest.approx(1 / 13, rel=1e-14)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(FIRST, FIRST)))
def test_second_derivative_in_every_nesting(first, second):
    assert second(first(cubic))(10.0) == pytest.approx(-12 / 13**3, rel=1e-13)


@pytest.mark.parametrize("order", list(itertools.product(FIRST, repeat=4)))
def test_fourth_derivative_in_every_nesting(order):
    # The inverse function of g(x) = x^3 + x at x = 2, where g' = 13, g'' = 12, g''' = 6.
    fourth = (10 * 13 * 12 * 6 - 15 * 12**3) / 13**7
    f = cubic
    for derive in order:
        f = derive(f)
    assert f(10.0) == pytest.approx(fourth, rel=1e-12)


class Model:
    def __init__(self, weights):
        self.weights, self.shift = weights, {"b": [weights]}

    def residual(self, x):
        return x + 0.3 * np.tanh(K @ x) * self.weights + x**3 - self.shift["b"][0]


def by_attributes(th, xtol=1e-13):
    model = Model(th)
    solve = dd.implicit(model.residual)(lambda: newton(model.residual, np.ones(4), xtol))
    return solve()


def by_arguments(th, xtol=1e-13):
    def residual(x, th):
        return Model(th).residual(x)

    solve = dd.implicit(residual)(lambda th: newton(lambda x: residual(x, th), np.ones(4), xtol))
    return solve(th)


@pytest.mark.parametrize("f", [by_attributes, by_arguments])
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_captured_values_need_no_search_and_loose_tolerances_do_not_show(f, mode):
    def exact(th):
        return scipy.optimize.root(Model(th).residual, np.ones(4), options={"xtol": 1e-14}).x

    expected = numdifftools.Jacobian(exact)(AT)
    np.testing.assert_allclose(dd.jacobian(f, mode=mode)(AT, 1e-4), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("f", [by_attributes, by_arguments])
def test_hessians_agree_in_three_nestings_and_with_differences(f):
    def loss(th):
        return np.sum(f(th) ** 3)

    hessians = [
        dd.jacobian(dd.grad(loss), mode="forward")(AT),
        dd.jacobian(dd.grad(loss), mode="reverse")(AT),
        dd.jacobian(dd.jacobian(loss, mode="forward"), mode="reverse")(AT),
    ]
    expected = numdifftools.Jacobian(dd.grad(loss))(AT)
    for hessian in hessians:
        np.testing.assert_allclose(hessian, expected, rtol=1e-7, atol=1e-8)


def test_the_value_is_the_solver_s_own():
    value, _ = dd.value_and_grad(lambda a: dd.implicit(lambda x, a: x - a)(lambda a: 1.001 * a)(a))(
        2.0
    )
    assert value == 2.002


def test_results_may_be_containers_and_complex():
    @dd.implicit(lambda x, a: {"u": x["u"] ** 2 - a, "v": x["v"] - x["u"] * np.ones(2)})
    def pair(a):
        return {"u": np.sqrt(a), "v": np.full(2, np.sqrt(a))}

    np.testing.assert_allclose(dd.jacobian(lambda a: pair(a)["v"])(4.0), [0.25, 0.25])

    @dd.implicit(lambda z, a: z**2 + a)
    def imaginary(a):
        return 1j * np.sqrt(a)

    for first in FIRST:
        assert first(lambda a: np.imag(imaginary(a)))(4.0) == pytest.approx(0.25)


def test_a_sparse_jacobian_serves_many_unknowns():
    n = 3000

    def residual(x, a):
        left, right = np.concatenate([[0.0], x[:-1]]), np.concatenate([x[1:], [0.0]])
        return 4 * x - left - right + 0.1 * x**3 - a

    @dd.implicit(residual)
    def chain(a):
        x = np.zeros(n)
        for _ in range(60):
            x = x - residual(x, a) / 4.5
        return x

    a = np.linspace(0.5, 1.0, n)
    _, tangent = dd.jvp(chain, (a,), (np.ones(n),))
    change = (chain(a + 1e-5) - chain(a - 1e-5)) / 2e-5
    np.testing.assert_allclose(tangent, change, rtol=1e-7)
    assert dd.grad(lambda a: np.sum(chain(a)))(a).sum() == pytest.approx(np.sum(tangent))


@pytest.mark.parametrize("n", [1, 63, 64, 65])
def test_any_number_of_unknowns_has_a_derivative(n):
    p = np.linspace(1.0, 2.0, n)
    roots = lambda p: scipy.optimize.root(lambda u: u**3 - p, np.ones(n)).x  # noqa: E731
    np.testing.assert_allclose(dd.grad(lambda p: np.sum(roots(p)))(p), p ** (-2 / 3) / 3)


def test_a_jacobian_may_be_given_dense_or_sparse():
    for matrix in (A, scipy.sparse.csc_array(A)):
        solve = dd.implicit(lambda x, b: A @ x - b, jacobian=lambda x, b, m=matrix: m)(
            lambda b: np.linalg.solve(A, b)
        )
        np.testing.assert_allclose(dd.jacobian(solve)(B), np.linalg.inv(A), rtol=1e-12)


def test_a_kept_value_is_refused_in_reverse_mode_and_right_in_forward_mode():
    def f(a):
        kept = {}

        def residual(x):
            if "a" not in kept:
                kept["a"] = np.sin(a)
            return x - kept["a"]

        solve = dd.implicit(residual)(
            lambda: scipy.optimize.brentq(lambda x: dd.value_of(residual(x)), -2, 2)
        )
        return solve()

    assert dd.derivative(f)(1.0) == pytest.approx(np.cos(1.0))
    with pytest.raises(KeptValueError, match=r"test_implicit\.py"):
        dd.grad(f)(1.0)


@pytest.mark.parametrize(("found", "error"), [(0.0, SingularError), (1e-8, SingularError)])
def test_a_double_root_is_refused(found, error):
    with pytest.raises(error, match=r"singular at the solution, at test_implicit\.py"):
        dd.grad(dd.implicit(lambda x, a: x**2 - a)(lambda a: found))(0.0)


def test_dependent_equations_are_refused():
    solve = dd.implicit(lambda x, a: np.stack([x[0] + x[1] - a, 2 * (x[0] + x[1] - a)]))(
        lambda a: np.array([a, 0.0])
    )
    with pytest.raises(np.linalg.LinAlgError, match="equations"):
        dd.jacobian(solve)(1.0)


def test_a_point_that_is_no_root_is_refused():
    with pytest.raises(SolverError, match="does not solve"):
        dd.grad(dd.implicit(lambda x, a: x**2 - a)(lambda a: 5.0))(4.0)


SYSTEMS = {
    "dense": lambda m, b: dd.linear_solve(m, b),
    "positive": lambda m, b: dd.linear_solve(m @ m.T, b, positive_definite=True),
    "function": lambda m, b: dd.linear_solve(lambda x: m @ x, b),
    "positive function": lambda m, b: dd.linear_solve(
        lambda x: m @ (m.T @ x), b, positive_definite=True
    ),
    "symmetric function": lambda m, b: dd.linear_solve(
        lambda x: m @ x + m.T @ x, b, symmetric=True
    ),
    "own solver": lambda m, b: dd.linear_solve(
        lambda x: m @ x, b, solve=lambda op, r: np.linalg.solve(op @ np.eye(4), r)
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_linear_systems_agree_with_the_inverse(name):
    def by_inverse(m, b):
        m = {"positive": m @ m.T, "positive function": m @ m.T, "symmetric function": m + m.T}.get(
            name, m
        )
        return np.linalg.inv(m) @ b

    f = SYSTEMS[name]
    for mode in ("forward", "reverse"):
        for argnums in (0, 1):
            np.testing.assert_allclose(
                dd.jacobian(f, argnums, mode=mode)(A, B),
                dd.jacobian(by_inverse, argnums)(A, B),
                rtol=1e-9,
                atol=1e-11,
            )

    def loss(f):
        return lambda b: np.sum(f(A * np.sum(b), b) ** 2)

    expected = dd.hessian(loss(by_inverse))(B)
    for outer in ("forward", "reverse"):
        found = dd.jacobian(dd.grad(loss(f)), mode=outer)(B)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_sparse_systems():
    def f(d, b):
        return dd.linear_solve(dd.scipy.sparse.diags_array(d), b)

    for mode in ("forward", "reverse"):
        found = dd.jacobian(f, mode=mode)(AT, B)
        np.testing.assert_allclose(found, np.diag(-B / AT**2), rtol=1e-12)


def test_the_backward_pass_runs_no_function_of_the_user():
    calls = []

    def f(m):
        def apply(x):
            calls.append(1)
            return m @ x

        return np.sum(dd.linear_solve(apply, B))

    _, pullback = dd.vjp(f, A)
    count = len(calls)
    pullback(1.0)
    assert len(calls) == count


def _read_first_by_a_solver(x):
    y = x * 1.0
    y[0] = 2.0
    later, turned = y[1:], y[::-1].reshape(3, 1).T
    y[1] = x[0] + 1.0  # the views read it when they are asked for
    found = scipy.optimize.root(lambda z: z**3 - later * turned[0, 0], np.ones(2), tol=1e-13).x
    return np.sum(found) + np.sum(later**3) + np.sum(turned**2)


def test_a_view_that_a_solver_reads_first_has_a_derivative():
    x = np.array([0.3, 0.7, 1.1])
    for derivative, numeric in (
        (dd.grad, numdifftools.Gradient),
        (dd.hessian, numdifftools.Hessian),
    ):
        expected = numeric(_read_first_by_a_solver, base_step=0.01)(x)
        found = derivative(_read_first_by_a_solver)(x)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)
