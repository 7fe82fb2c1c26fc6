"""`scipy.optimize`: minima by every method, with bounds and constraints.

Solvers stop at their tolerances: the references are differences of exact minima, which SciPy's root
finders compute from derivatives written by hand.
"""

import numdifftools
import numpy as np
import pytest
import scipy.optimize

import dualdiff as dd
from dualdiff.errors import SingularError, SolverError, UnsupportedInputError
from tests.versions import SEED_NAME, before

optimize = dd.scipy.optimize
START = np.array([0.3, 0.2])
AT = 1.3
TIGHT = {"xtol": 1e-14}


def bowl(x, p):
    return (x[0] - p) ** 2 + 2 * (x[1] + p * x[0]) ** 2 + 0.1 * x[0] ** 4 + 0.5 * x[1] ** 4


def slope(x, p):
    both = 4 * (x[1] + p * x[0])
    return np.stack([2 * (x[0] - p) + p * both + 0.4 * x[0] ** 3, both + 2 * x[1] ** 3])


def curvature(x, p):
    mixed = 4 * p
    return np.stack(
        [
            np.stack([2 + 4 * p**2 + 1.2 * x[0] ** 2, mixed]),
            np.stack([mixed, 4 + 6 * x[1] ** 2]),
        ]
    )


def exact(p):
    return scipy.optimize.root(slope, START, (p,), options=TIGHT).x


def at_lower(p, bound=0.7):
    """The minimum where x[1] >= -bound holds it."""
    x0 = scipy.optimize.brentq(
        lambda x: slope(np.array([x, -bound]), p)[0], -3, 3, xtol=1e-15, rtol=1e-15
    )
    return np.array([x0, -bound])


def on_line(p, total):
    """The minimum on the line x[0] + x[1] = total."""

    def along(x):
        g = slope(np.array([x, total - x]), p)
        return g[0] - g[1]

    x0 = scipy.optimize.brentq(along, -3, 3, xtol=1e-15, rtol=1e-15)
    return np.array([x0, total - x0])


def check(f, reference, first=1e-8, second=1e-6):
    """Both modes, and second derivatives in three nestings, against differences."""
    differences = numdifftools.Derivative(reference)(AT)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(
            dd.jacobian(f, mode=mode)(AT), differences, rtol=first, atol=first
        )

    def along(p):
        return np.sum(f(p) * np.array([1.0, -2.0]))

    expected = numdifftools.Derivative(lambda p: reference(p) @ [1.0, -2.0], n=2)(AT)
    nestings = [
        dd.derivative(dd.grad(along))(AT),
        dd.grad(dd.grad(along))(AT),
        dd.grad(dd.derivative(along))(AT),
    ]
    np.testing.assert_allclose(nestings, expected, rtol=second, atol=second)


SEED = {SEED_NAME: 0}
COBYQA = before("1.14.0", "it has no COBYQA")
METHODS = {
    "Nelder-Mead": {},
    "Powell": {},
    "CG": {},
    "BFGS": {"jac": slope},
    "L-BFGS-B": {},
    "TNC": {},
    "COBYLA": {},
    "COBYQA": {},
    "SLSQP": {"jac": slope},
    "trust-constr": {"jac": slope, "hess": curvature},
    "Newton-CG": {"jac": slope},
    "dogleg": {"jac": slope, "hess": curvature},
    "trust-ncg": {"jac": slope, "hess": curvature},
    "trust-krylov": {"jac": slope, "hessp": lambda x, v, p: curvature(x, p) @ v},
    "trust-exact": {"jac": slope, "hess": curvature},
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "method", [pytest.param(m, marks=COBYQA if m == "COBYQA" else []) for m in METHODS]
)
def test_every_method_of_minimize(method):
    def f(p):
        return optimize.minimize(bowl, START, (p,), method, **METHODS[method]).x

    check(f, exact)


def test_the_value_is_scipys_to_the_last_bit():
    found = dd.vjp(lambda p: optimize.minimize(bowl, START, (p,)).x, AT)[0]
    np.testing.assert_array_equal(found, scipy.optimize.minimize(bowl, START, (AT,)).x)


class Shop:
    """Keeps its parameter in an attribute and a dictionary."""

    def __init__(self, p):
        self.p, self.more = p, {"p": [p]}

    def cost(self, x):
        return bowl(x, (self.p + self.more["p"][0]) / 2)


CAPTURED = {
    "closure": lambda p: optimize.minimize(lambda x: bowl(x, p), START, method="BFGS").x,
    "attribute": lambda p: optimize.minimize(Shop(p).cost, START, method="BFGS").x,
    "value and gradient": lambda p: (
        optimize.minimize(lambda x: (bowl(x, p), slope(x, p)), START, jac=True).x
    ),
}


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_values_need_no_search(name):
    check(CAPTURED[name], exact)


def test_value_and_gradient_of_the_result_have_derivatives():
    def result(p):
        return optimize.minimize(bowl, START, (p,), "BFGS", jac=slope)

    for first in (dd.grad, dd.derivative):
        expected = numdifftools.Derivative(lambda p: bowl(exact(p), p))(AT)
        assert first(lambda p: result(p).fun)(AT) == pytest.approx(expected, rel=1e-9)
        # The gradient is zero along all minima.
        assert first(lambda p: result(p).jac[0])(AT) == pytest.approx(0.0, abs=1e-13)
    with pytest.raises(UnsupportedInputError, match=r"'hess_inv'.*test_optimize_minima\.py"):
        dd.grad(lambda p: np.sum(result(p).hess_inv))(AT)


BOUNDED = {
    "pairs": lambda p: optimize.minimize(bowl, START, (p,), bounds=[(None, 2), (-0.7, None)]).x,
    "Bounds": lambda p: (
        optimize.minimize(
            bowl, START, (p,), bounds=scipy.optimize.Bounds([-3.0, -0.7], [3.0, 3.0])
        ).x
    ),
    "TNC": lambda p: optimize.minimize(bowl, START, (p,), "TNC", bounds=[(-3, 3), (-0.7, 3)]).x,
    "SLSQP": lambda p: optimize.minimize(bowl, START, (p,), "SLSQP", bounds=[(-3, 3), (-0.7, 3)]).x,
    "Powell": lambda p: (
        optimize.minimize(bowl, START, (p,), "Powell", bounds=[(-3, 3), (-0.7, 3)]).x
    ),
    "Nelder-Mead": lambda p: (
        optimize.minimize(bowl, START, (p,), "Nelder-Mead", bounds=[(-3, 3), (-0.7, 3)]).x
    ),
    "trust-constr": lambda p: (
        optimize.minimize(
            bowl,
            START,
            (p,),
            "trust-constr",
            jac=slope,
            hess=curvature,
            bounds=[(-3, 3), (-0.7, 3)],
        ).x
    ),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::scipy.optimize.OptimizeWarning")
@pytest.mark.parametrize("name", BOUNDED)
def test_active_bounds(name):
    check(BOUNDED[name], at_lower)


def test_a_traced_bound_moves_the_minimum_that_it_holds():
    def f(b):
        bounds = [(None, None), (-b, None)]
        return optimize.minimize(bowl, START, (AT,), bounds=bounds).x

    differences = numdifftools.Derivative(lambda b: at_lower(AT, b))(0.7)
    for mode in ("forward", "reverse"):
        found = dd.jacobian(f, mode=mode)(0.7)
        np.testing.assert_allclose(found, differences, rtol=1e-8)
    held = dd.jacobian(
        lambda b: (
            optimize.minimize(
                bowl, START, (AT,), bounds=scipy.optimize.Bounds([-3.0, -b], [3.0, 3.0])
            ).x
        )
    )(0.7)
    np.testing.assert_allclose(held, differences, rtol=1e-8)


def test_bounds_that_do_not_hold_the_minimum_play_no_part():
    check(lambda p: optimize.minimize(bowl, START, (p,), bounds=[(-5, 5)] * 2).x, exact)


LINE = 0.2
FREE = scipy.optimize.NonlinearConstraint


def constrained(constraint, method="SLSQP", tol=1e-12):
    def f(p):
        return optimize.minimize(
            bowl, START, (p,), method, constraints=constraint(p), tol=tol, bounds=[(-3, 3)] * 2
        ).x

    return f


CONSTRAINED = {
    "equality": lambda p: {"type": "eq", "fun": lambda x: x[0] + x[1] - LINE * p},
    "active inequality": lambda p: ({"type": "ineq", "fun": lambda x: x[0] + x[1] - LINE * p},),
    "args": lambda p: [
        {"type": "ineq", "fun": lambda x, q: x[0] + x[1] - q, "args": (LINE * p,)},
        {"type": "ineq", "fun": lambda x: x[0] + 9.0},
    ],
    "LinearConstraint": lambda p: optimize.LinearConstraint(
        [[1.0, 1.0], [1.0, 0.0]], [LINE * p, -9.0], [np.inf, 9.0]
    ),
    "NonlinearConstraint": lambda p: FREE(
        lambda x: np.stack([x[0] + x[1], x[0] ** 2]), [LINE * p, -1.0], [np.inf, 9.0]
    ),
    "equal ends": lambda p: FREE(lambda x: (x[0] + x[1]) / p, LINE, LINE),
}


@pytest.mark.parametrize("name", CONSTRAINED)
def test_active_constraints(name):
    check(constrained(CONSTRAINED[name]), lambda p: on_line(p, LINE * p))


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    ("method", "tol"),
    [("trust-constr", 1e-8), ("COBYLA", 1e-6), pytest.param("COBYQA", 1e-7, marks=COBYQA)],
)
def test_active_constraints_by_other_methods(method, tol):
    constraint = CONSTRAINED["active inequality"]
    check(constrained(constraint, method, tol), lambda p: on_line(p, LINE * p))


def test_inactive_constraints_play_no_part():
    check(constrained(lambda p: {"type": "ineq", "fun": lambda x: x[0] + x[1] + p}), exact)


def test_a_vertex_moves_with_its_constraints():
    def f(p):
        constraints = [
            {"type": "ineq", "fun": lambda x: x[0] - p},
            {"type": "ineq", "fun": lambda x: x[1] - p**2},
        ]
        return optimize.minimize(
            lambda x: x[0] + 2 * x[1] + 0.01 * np.sum(x**2), START, constraints=constraints
        ).x

    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(dd.jacobian(f, mode=mode)(AT), [1.0, 2 * AT], rtol=1e-12)


SCALAR = {
    "brent": lambda p: optimize.minimize_scalar(lambda x: (x - p) ** 2 + x**4).x,
    "golden": lambda p: (
        optimize.minimize_scalar(lambda x, p: (x - p) ** 2 + x**4, args=(p,), method="golden").x
    ),
    "bounded": lambda p: optimize.minimize_scalar(lambda x: (x - p) ** 2 + x**4, bounds=(-2, 2)).x,
    "fminbound": lambda p: optimize.fminbound(lambda x: (x - p) ** 2 + x**4, -2, 2),
    "brent alone": lambda p: optimize.brent(lambda x, p: (x - p) ** 2 + x**4, (p,)),
    "golden alone": lambda p: optimize.golden(lambda x, p: (x - p) ** 2 + x**4, (p,)),
}


@pytest.mark.parametrize("name", SCALAR)
def test_minima_of_one_number(name):
    def root(p):
        return scipy.optimize.brentq(lambda x: 2 * (x - p) + 4 * x**3, -2, 2, xtol=1e-15)

    f = SCALAR[name]
    expected = numdifftools.Derivative(root)(AT)
    for first in (dd.grad, dd.derivative):
        assert first(f)(AT) == pytest.approx(expected, rel=1e-9)
        second = numdifftools.Derivative(root, n=2)(AT)
        for outer in (dd.grad, dd.derivative):
            assert outer(first(f))(AT) == pytest.approx(second, rel=1e-5)


def test_a_bound_holds_the_minimum_of_one_number():
    def f(p):
        return optimize.minimize_scalar(lambda x: (x + 3.0) ** 2, bounds=(p, 2.0 * p))

    for first in (dd.grad, dd.derivative):
        assert first(lambda p: f(p).x)(AT) == pytest.approx(1.0)
        assert first(lambda p: f(p).fun)(AT) == pytest.approx(2 * (AT + 3.0), rel=1e-4)


LOCAL = {
    "fmin": lambda p: optimize.fmin(bowl, START, args=(p,), disp=0),
    "fmin_bfgs": lambda p: optimize.fmin_bfgs(bowl, START, slope, args=(p,), disp=0),
    "fmin_cg": lambda p: optimize.fmin_cg(bowl, START, args=(p,), disp=0),
    "fmin_ncg": lambda p: optimize.fmin_ncg(bowl, START, slope, args=(p,), disp=0),
    "fmin_powell": lambda p: optimize.fmin_powell(bowl, START, args=(p,), disp=0),
    "fmin_l_bfgs_b": lambda p: optimize.fmin_l_bfgs_b(
        lambda x, p: (bowl(x, p), slope(x, p)), START, args=(p,)
    )[0],
    "fmin_tnc": lambda p: optimize.fmin_tnc(bowl, START, args=(p,), approx_grad=1, disp=0)[0],
    "fmin_slsqp": lambda p: optimize.fmin_slsqp(bowl, START, args=(p,), iprint=0),
    "basinhopping": lambda p: (
        optimize.basinhopping(bowl, START, niter=2, **SEED, minimizer_kwargs={"args": (p,)}).x
    ),
    "differential_evolution": lambda p: (
        optimize.differential_evolution(bowl, [(-2, 2)] * 2, args=(p,), **SEED, maxiter=5).x
    ),
    "dual_annealing": lambda p: (
        optimize.dual_annealing(bowl, [(-2, 2)] * 2, args=(p,), **SEED, maxiter=5).x
    ),
    "shgo": lambda p: optimize.shgo(lambda x: bowl(x, p), [(-2, 2)] * 2).x,
    "direct": lambda p: optimize.direct(bowl, [(-2, 2)] * 2, args=(p,)).x,
    "brute": lambda p: optimize.brute(bowl, [(-2, 2)] * 2, args=(p,), Ns=8),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", LOCAL)
def test_old_names_and_global_searches(name):
    check(LOCAL[name], exact)


def test_old_names_with_constraints():
    def slsqp(p):
        return optimize.fmin_slsqp(
            bowl, START, args=(p,), ieqcons=[lambda x, p: x[0] + x[1] - LINE * p], iprint=0
        )

    def cobyla(p):
        return optimize.fmin_cobyla(
            bowl, START, lambda x, p: x[0] + x[1] - LINE * p, args=(p,), rhoend=1e-6
        )

    for f in (slsqp, cobyla):
        check(f, lambda p: on_line(p, LINE * p))


def test_full_output_has_the_derivative_of_the_value():
    expected = numdifftools.Derivative(lambda p: bowl(exact(p), p))(AT)
    for f in (
        lambda p: optimize.fmin(bowl, START, args=(p,), full_output=1, disp=0)[1],
        lambda p: optimize.fmin_bfgs(bowl, START, args=(p,), full_output=1, disp=0)[1],
        lambda p: optimize.fmin_l_bfgs_b(bowl, START, args=(p,), approx_grad=1)[1],
        lambda p: optimize.brute(bowl, [(-2, 2)] * 2, args=(p,), Ns=8, full_output=1)[1],
    ):
        assert dd.grad(f)(AT) == pytest.approx(expected, rel=1e-7)


def test_a_grid_alone_is_constant():
    def f(p):
        return np.sum(optimize.brute(bowl, [(-2, 2)] * 2, args=(p,), Ns=8, finish=None)) + p

    assert dd.grad(f)(AT) == 1.0


def test_what_is_no_minimum_is_refused():
    def flat(p):
        return optimize.minimize(lambda x: np.sum((x - p) ** 4), START).x[0]

    def saddle(p):
        return optimize.minimize(lambda x: x[0] ** 2 - x[1] ** 2 + p, np.zeros(2)).x[0]

    def unfinished(p):
        options = {"maxiter": 1}
        return optimize.minimize(
            lambda x: 100 * (x[1] - p * x[0] ** 2) ** 2 + (1 - x[0]) ** 2, START, options=options
        ).x[0]

    def kink(p):
        return optimize.minimize(lambda x: np.sum(np.abs(x - p)), START, method="Nelder-Mead").x[0]

    for first in (dd.grad, dd.derivative):
        with pytest.raises(SingularError, match=r"at test_optimize_minima\.py"):
            first(flat)(AT)
        with pytest.raises(SolverError, match=r"does not solve.*at test_optimize_minima\.py"):
            first(unfinished)(AT)
        with pytest.raises((SingularError, SolverError), match=r"test_optimize_minima\.py"):
            first(kink)(AT)
    with pytest.raises(SingularError, match="no isolated minimum"):
        dd.grad(
            lambda p: optimize.minimize(lambda x: p * (x[0] ** 2 - x[1] ** 2), [0.0, 0.0]).x[0]
        )(AT)


def test_at_a_degenerate_minimum_the_constraint_plays_no_part():
    def f(p):
        return optimize.minimize(lambda x: np.sum((x - p) ** 2), [0.5], bounds=[(0.0, 1.0)]).x[0]

    assert dd.grad(f)(1.0) == pytest.approx(1.0)
    assert dd.grad(f)(1.5) == 0.0
