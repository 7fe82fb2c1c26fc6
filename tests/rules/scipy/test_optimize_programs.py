"""`scipy.optimize`: linear programs and solutions that are constant by pieces; `rosen`."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

import dualdiff as dd
from dualdiff.errors import SingularError, SolverError, UnsupportedInputError
from tests.rules.table import A, row, rule_tests

O = scipy.optimize  # noqa: E741
PLAIN = {"_complex": False, "_float32": False}
TestRules = rule_tests(
    [
        row(O.rosen, A(4), **PLAIN),
        row(O.rosen_der, A(4), **PLAIN),
        row(O.rosen_hess, A(4), **PLAIN),
        row(O.rosen_hess_prod, A(4), A(4, seed=1), **PLAIN),
    ]
)
M = np.array([[1.0, 2.0], [3.0, 1.0]])
B = np.array([4.0, 6.0])
C = np.array([-1.0, -1.5])
COSTS = np.random.default_rng(0).normal(size=(4, 4))


def differences(f, x, h=1e-5):
    columns = [(f(x + e) - f(x - e)) / (2 * h) for e in h * np.eye(x.size).reshape(-1, *x.shape)]
    return np.stack(columns, axis=-1).reshape(np.shape(columns[0]) + x.shape)


def assigned(costs):
    rows, columns = O.linear_sum_assignment(costs)
    return costs[rows, columns].sum()


def test_gradients_by_differences_have_the_derivative_of_the_exact_ones() -> None:
    def slope(x, k):
        return O.approx_fprime(x, lambda x, k: np.sum(x**3) * k, 1e-6, k)

    x, k = np.array([1.0, 2.0]), 1.5
    for mode in ("forward", "reverse"):
        by_x, by_k = dd.jacobian(slope, (0, 1), mode=mode)(x, k)
        np.testing.assert_allclose(by_x, np.diag(6 * x * k), rtol=1e-12)
        np.testing.assert_allclose(by_k, 3 * x**2, rtol=1e-12)


PROGRAMS = {
    "right-hand side": (lambda b: O.linprog(C, M, b).x, B),
    "matrix": (lambda m: O.linprog(C, m, B).x, M),
    "sparse matrix": (lambda b: O.linprog(C, scipy.sparse.csr_array(M), b).x, B),
    "costs": (lambda c: O.linprog(c, M, B).fun, C),
    "equations": (
        lambda b: O.linprog([1.0, 2, 3], A_eq=[[1.0, 1, 1], [1, -1, 0]], b_eq=b).x,
        np.array([3.0, 0.5]),
    ),
    "bounds": (
        lambda u: O.linprog(C, M, B, bounds=[(0, u[0]), (u[1], 5)]).x,
        np.array([0.3, 0.1]),
    ),
    "slack": (
        lambda b: O.linprog(C, np.vstack([M, [[1.0, 1.0]]]), b).slack,
        np.array([4.0, 6.0, 30.0]),
    ),
    "integers and costs": (
        lambda c: O.milp(c, integrality=[1, 0], constraints=O.LinearConstraint(M, -np.inf, B)).fun,
        C,
    ),
    "integers and right-hand side": (
        lambda b: O.milp(C, integrality=[1, 0], constraints=(M, -np.inf, b)).x,
        np.array([4.3, 6.4]),
    ),
    "assignment": (assigned, COSTS),
    "isotonic": (
        lambda y: O.isotonic_regression(y, weights=np.arange(1.0, 6)).x,
        np.array([1.0, 3.0, 2.0, 5.0, 4.0]),
    ),
    "isotonic weights": (
        lambda w: O.isotonic_regression([1.0, 3.0, 2.0, 5.0, 4.0], weights=w).x,
        np.arange(1.0, 6),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_linear_programs_and_pieces(name):
    f, x = PROGRAMS[name]
    expected = differences(f, x)
    for mode in ("forward", "reverse"):
        found = dd.jacobian(f, mode=mode)(x)
        np.testing.assert_allclose(found, expected, atol=1e-7)

    def loss(x):
        return np.sum(f(x) ** 2)

    curved = differences(dd.grad(loss), x)
    for mode in ("forward", "reverse"):
        found = dd.jacobian(dd.grad(loss), mode=mode)(x)
        np.testing.assert_allclose(found, curved, atol=1e-6)


def test_a_vertex_does_not_move_with_the_costs():
    assert not dd.jacobian(lambda c: O.linprog(c, M, B).x * c[0] / c[0])(C).any()


def test_what_is_no_vertex_or_has_no_solution_is_refused():
    def edge(b):
        return O.linprog([1.0, 1.0], A_eq=[[1.0, 1.0]], b_eq=b, method="highs-ipm",
                         options={"presolve": False}).x  # fmt: skip

    def impossible(b):
        return O.linprog([1.0], A_eq=[[1.0]], b_eq=b).x

    def multipliers(b):
        return O.linprog(C, M, b).ineqlin.marginals

    with pytest.raises(SolverError, match=r"no solution, at test_optimize_programs\.py"):
        dd.jacobian(impossible)(np.array([-1.0]))
    with pytest.raises(UnsupportedInputError, match="'ineqlin'"):
        dd.jacobian(multipliers)(B)
    found = O.linprog([1.0, 1.0], A_eq=[[1.0, 1.0]], b_eq=[1.0]).x
    if found.all():  # inside of the edge
        with pytest.raises(SingularError, match="no vertex"):
            dd.jacobian(edge)(np.ones(1))
