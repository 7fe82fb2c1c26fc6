"""Sparse Jacobians and Hessians, and linear operators, handed to SciPy's solvers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import (
    NonlinearConstraint,
    least_squares,
    minimize,
    newton_krylov,
    root,
)
from scipy.sparse.linalg import LinearOperator, gmres, splu

import dualdiff as dd

N = 40
H = 1.0 / (N + 1)


def bratu(u: Any) -> Any:
    """u'' + exp(u) = 0 with u = 0 at both ends."""
    inside = np.concatenate([np.zeros(1), u, np.zeros(1)])
    return (inside[2:] - 2.0 * u + inside[:-2]) / H**2 + np.exp(u)


def exact_bratu() -> np.ndarray:
    """The closed form 2 log(cosh(k) / cosh(k (1 - 2 x))) with 8 k^2 / cosh(k)^2 = 1."""
    k = 0.0
    for _ in range(200):
        k = np.cosh(k) / np.sqrt(8.0)
    x = H * np.arange(1, N + 1)
    return 2.0 * np.log(np.cosh(k) / np.cosh(k * (1.0 - 2.0 * x)))


def test_least_squares_by_lsmr_takes_the_sparse_jacobian() -> None:
    rng = np.random.default_rng(0)
    times = np.linspace(0.0, 1.0, 12)
    truth = rng.uniform(0.5, 2.0, size=(15, 2))

    def model(p: Any) -> Any:
        """Fifteen curves with two parameters each: blocks of twelve rows and two columns."""
        p = p.reshape(15, 2)
        return np.ravel(p[:, :1] * np.exp(-p[:, 1:] * times))

    data = model(truth.ravel())
    jacobian = dd.prepare_jacobian(model, np.ones(30))
    assert jacobian.plan.directions == 2
    found = least_squares(
        lambda p: model(p) - data, np.ones(30), jac=jacobian, tr_solver="lsmr", xtol=1e-12,
        ftol=1e-14, gtol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(found.x, truth.ravel(), rtol=1e-6)


def test_root_takes_the_jacobian_as_a_dense_array() -> None:
    jacobian = dd.prepare_jacobian(bratu, np.zeros(N))
    found = root(bratu, np.zeros(N), jac=lambda u: jacobian(u).toarray(), tol=1e-12)
    assert found.success
    np.testing.assert_allclose(found.x, exact_bratu(), atol=3e-5)  # the error of the grid


def test_newton_with_sparse_factors_converges_quadratically() -> None:
    jacobian = dd.prepare_jacobian(bratu, np.zeros(N))
    u, norms = np.zeros(N), []
    for _ in range(6):
        value, matrix = jacobian.value_and_jacobian(u)
        norms.append(np.linalg.norm(value))
        u = u - splu(matrix.tocsc()).solve(value)
    assert norms[-1] < 1e-10
    np.testing.assert_allclose(u, exact_bratu(), atol=3e-5)


def test_newton_krylov_takes_a_linear_operator_from_the_sparse_jacobian() -> None:
    calls = []

    def counted(u: Any) -> Any:
        calls.append(1)
        return bratu(u)

    factors = splu(dd.jacobian(bratu, sparse=True)(np.zeros(N)).tocsc())
    inverse = LinearOperator((N, N), matvec=factors.solve)
    unbox = newton_krylov(counted, np.zeros(N), f_tol=1e-8)
    without = len(calls)
    found = newton_krylov(counted, np.zeros(N), f_tol=1e-8, inner_M=inverse)
    assert len(calls) - without < without / 3
    for u in (unbox, found):
        np.testing.assert_allclose(u, exact_bratu(), atol=3e-5)


def test_gmres_takes_the_linear_operator_of_a_recording() -> None:
    u = exact_bratu()
    value, linear = dd.linearize(bratu, u)
    step, status = gmres(linear.as_linear_operator(), value, rtol=1e-10, restart=N)
    assert status == 0
    np.testing.assert_allclose(dd.jacobian(bratu)(u) @ step, value, atol=1e-8)


@pytest.mark.parametrize("method", ["BDF", "Radau"])
def test_solve_ivp_takes_the_sparse_jacobian(method: str) -> None:
    def heat(t: float, u: Any) -> Any:
        return bratu(u) - np.exp(u)

    x = H * np.arange(1, N + 1)
    start = np.sin(np.pi * x)
    jacobian = dd.prepare_jacobian(heat, 0.0, start, argnums=1)
    found = solve_ivp(heat, (0.0, 0.1), start, method=method, jac=jacobian, rtol=1e-6, atol=1e-9)
    assert found.success
    rate = 4.0 / H**2 * np.sin(np.pi * H / 2.0) ** 2  # of the lowest mode on the grid
    np.testing.assert_allclose(found.y[:, -1], start * np.exp(-rate * 0.1), atol=1e-5)


def test_trust_constr_takes_sparse_hessians_and_jacobians() -> None:
    def rosenbrock(x: Any) -> Any:
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    def products(x: Any) -> Any:
        return x[1:] * x[:-1]

    start = np.full(12, 0.8)
    hessian = dd.prepare_hessian(rosenbrock, start)
    limits = NonlinearConstraint(
        products,
        -np.inf,
        4.0,
        jac=dd.jacobian(products, sparse=True),
        hess=lambda x, v: dd.hessian(lambda y: np.sum(v * products(y)), sparse=True)(x),
    )
    found = minimize(
        rosenbrock,
        start,
        method="trust-constr",
        jac=dd.grad(rosenbrock),
        hess=hessian,
        constraints=limits,
        options={"gtol": 1e-8, "xtol": 1e-10},
    )
    np.testing.assert_allclose(found.x, np.ones(12), atol=1e-5)
