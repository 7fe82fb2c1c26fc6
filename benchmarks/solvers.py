"""SciPy's solvers inside a model: roots, minima, fits, integrals and differential equations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.integrate import odeint, quad, solve_ivp
from scipy.optimize import brentq, curve_fit, minimize, root

import dualdiff as dd
from dualdiff.rules.scipy.integrate import kronrod

from .harness import Workload, least_times

SIZE = 50
MIXING = np.random.default_rng(0).normal(size=(SIZE, SIZE)) / SIZE
TIMES = np.linspace(0.0, 2.0, 40)
TIGHT = {"rtol": 1e-6, "atol": 1e-8}


def coupled_root(p: Any) -> Any:
    """The root of 50 coupled equations."""
    return root(
        lambda x, p: x + 0.3 * np.tanh(MIXING @ x) * p + x**3 - p, np.ones(SIZE), args=(p,)
    ).x


def chain_minimum(p: Any) -> Any:
    """The minimum of a function of 50 numbers, by BFGS with its gradient."""
    zero = np.zeros(1)

    def cost(x: Any, p: Any) -> Any:
        return np.sum((x - p) ** 2) + 0.1 * np.sum(x**4) + 0.1 * np.sum(x[1:] * x[:-1])

    def slope(x: Any, p: Any) -> Any:
        around = np.concatenate([x[1:], zero]) + np.concatenate([zero, x[:-1]])
        return 2 * (x - p) + 0.4 * x**3 + 0.1 * around

    return minimize(cost, np.zeros(SIZE), args=(p,), jac=slope, method="BFGS").x


def decay(t: Any, a: Any, b: Any, c: Any) -> Any:
    """The model that is fitted."""
    return a * np.exp(-b * t) + c


def fitted(y: Any) -> Any:
    """The parameters of `decay` for data."""
    return curve_fit(decay, TIMES, y, p0=[1.0, 1.0, 0.0])[0]


def integral(p: Any) -> Any:
    """The integral of a smooth function with three parameters."""
    return quad(lambda x: wave(x, p), 0.0, 1.5)[0]


def predators(p: Any) -> Any:
    """The last state of Lotka and Volterra's equations with four parameters."""

    def slope(t: float, y: Any, p: Any) -> Any:
        u, v = y
        return np.stack([p[0] * u - p[1] * u * v, -p[2] * v + p[3] * u * v])

    return solve_ivp(slope, (0.0, 10.0), [2.0, 1.0], args=(p,), **TIGHT).y[:, -1]


def food_chain(p: Any) -> Any:
    """Forty states of three species with eight parameters."""

    def slope(y: Any, t: float, p: Any) -> Any:
        a, b, c = y
        return np.stack(
            [
                p[0] * a - p[1] * a * b - p[6] * a * a,
                p[2] * a * b - p[3] * b - p[4] * b * c,
                p[5] * b * c - p[7] * c,
            ]
        )

    return odeint(slope, [1.0, 0.5, 0.3], np.linspace(0.0, 10.0, 40), args=(p,))


def reaction(p: Any) -> Any:
    """The last state of a reaction that diffuses, on 100 points."""

    def slope(t: float, y: Any, p: Any) -> Any:
        left, right = np.concatenate([y[:1], y[:-1]]), np.concatenate([y[1:], y[-1:]])
        return p[0] * (left - 2 * y + right) + p[1] * y * (1 - y) - p[2] * y**3

    start = 0.5 + 0.4 * np.sin(np.linspace(0.0, 6.0, 100))
    return solve_ivp(slope, (0.0, 1.0), start, args=(p,), **TIGHT).y[:, -1]


def root_by_hand(p: Any) -> Any:
    """The Jacobian of `coupled_root`: the derivatives of its equations are written out."""
    x = coupled_root(p)
    wave = np.tanh(MIXING @ x)
    by_x = np.diag(1 + 3 * x**2) + 0.3 * (p * (1 - wave**2))[:, None] * MIXING
    return -np.linalg.solve(by_x, np.diag(0.3 * wave - 1))


def cubic(x: Any, a: Any) -> Any:
    """The function of which `cubic_root` finds the root."""
    return x**3 + a * x - 2


def cubic_root(a: Any) -> Any:
    """A root in an interval."""
    return brentq(lambda x: cubic(x, a), 0, 5)


CUBIC_BY_BOTH = dd.grad(cubic, argnums=(0, 1))


def cubic_by_hand(a: Any) -> Any:
    """The derivative of `cubic_root`, by the gradient of the function at the root."""
    by_x, by_a = CUBIC_BY_BOTH(cubic_root(a), a)
    return -by_a / by_x


def cost(q: Any, y: Any) -> Any:
    """What `fitted` minimises."""
    return 0.5 * np.sum((decay(TIMES, *q) - y) ** 2)


FITTED_SLOPES = dd.jacobian(lambda q: decay(TIMES, *q))
CURVATURE = dd.hessian(cost)


def fitted_by_hand(y: Any) -> Any:
    """The gradient of the sum of `fitted`, by the Hessian of the cost at the exact minimum."""
    q = fitted(y)
    q = q - np.linalg.solve(CURVATURE(q, y), FITTED_SLOPES(q).T @ (decay(TIMES, *q) - y))
    return FITTED_SLOPES(q) @ np.linalg.solve(CURVATURE(q, y), np.ones(3))


ESTIMATED = (kronrod.NODES, kronrod.KRONROD_WEIGHTS, kronrod.GAUSS_WEIGHTS)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(21)
POINTS = 0.75 * (NODES + 1)


def wave(x: Any, p: Any) -> Any:
    """A smooth function with three parameters."""
    return np.exp(-p[0] * x) * np.cos(p[1] * x) + p[2] * x


def integral_by_hand(p: Any) -> Any:
    """The gradient of `integral`: that of one rule with 21 nodes, beside the integral itself."""
    integral(p)
    return RULE(p)


def controlled_integral_by_hand(p: Any) -> Any:
    """The same with the error estimate of SciPy's quad for each element of the gradient."""
    integral(p)
    values = SLOPES(p)
    fine, coarse = ESTIMATED[1] @ values, ESTIMATED[2] @ values
    spread = ESTIMATED[1] @ np.abs(values - 0.5 * fine)
    with np.errstate(all="ignore"):
        error = spread * np.minimum(1.0, (200 * np.abs(fine - coarse) / spread) ** 1.5)
    if not (0.75 * error <= 1.49e-8 * np.maximum(1.0, 0.75 * np.abs(fine))).all():
        raise ValueError("the rule is not accurate enough")
    return 0.75 * fine


SLOPES = dd.jacobian(lambda p: wave(0.75 + 0.75 * ESTIMATED[0], p))
RULE = dd.grad(lambda p: 0.75 * np.sum(WEIGHTS * wave(POINTS, p)))


def _gradient(
    f: Callable[[Any], Any], x: Any, by_hand: Callable[[Any], Any] | None = None
) -> dict[str, Callable[[], Any]]:
    gradient = dd.grad(lambda x: np.sum(f(x)))
    runs = {"function": lambda: f(x), "dualdiff": lambda: gradient(x)}
    return runs if by_hand is None else {**runs, "by hand": lambda: by_hand(x)}


def workloads() -> Iterator[Workload]:
    """Gradients through solvers, and one whole Jacobian."""
    p = np.linspace(0.5, 1.5, SIZE)
    jacobian = dd.jacobian(coupled_root)
    whole = {"function": lambda: coupled_root(p), "dualdiff": lambda: jacobian(p)}
    whole["by hand"] = lambda: root_by_hand(p)
    noisy = np.exp(-1.3 * TIMES) + 0.02 * np.sin(9.0 * np.arange(TIMES.size))
    yield Workload("root of 50 equations, grad", _gradient(coupled_root, p))
    yield Workload("root of 50 equations, Jacobian", whole)
    yield Workload("minimum of 50 variables, grad", _gradient(chain_minimum, p))
    yield Workload("brentq, grad", _gradient(cubic_root, 1.2, cubic_by_hand))
    yield Workload("curve_fit, 40 points, grad", _gradient(fitted, noisy, fitted_by_hand))
    three = np.array([0.7, 2.0, 0.3])
    runs = _gradient(integral, three, integral_by_hand)
    runs["by hand, with an error"] = lambda: controlled_integral_by_hand(three)
    yield Workload("quad, 3 parameters, grad", runs)
    rates = np.array([1.1, 0.4, 0.9, 0.3])
    yield Workload("solve_ivp, Lotka-Volterra, grad", _gradient(predators, rates))
    chain = np.array([1.0, 0.8, 0.6, 0.5, 0.7, 0.4, 0.1, 0.3])
    yield Workload("odeint, 8 parameters, grad", _gradient(food_chain, chain))
    yield Workload(
        "solve_ivp, 100 components, grad", _gradient(reaction, np.array([5.0, 1.0, 0.2]))
    )


def least() -> None:
    """Print the least processor times of all contestants, in turns, and their ratios."""
    for workload in workloads():
        times = dict(
            zip(workload.runs, least_times(*workload.runs.values(), rounds=200), strict=True)
        )
        workload.check()
        own = times["function"]
        ratios = "  ".join(f"{name} {time / own:.1f}" for name, time in times.items())
        print(f"{workload.name:34} {own * 1e6:8.1f} µs  {ratios}")


if __name__ == "__main__":
    least()
