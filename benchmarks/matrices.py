"""Whole Jacobians and Hessians, and products with them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .harness import Workload
from .peers import compare


def rosenbrock(xp: Any, x: Any) -> Any:
    """The valley of Rosenbrock in n dimensions."""
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def layers(xp: Any, x: Any, *weights: Any) -> Any:
    """tanh(W x), once per matrix."""
    for w in weights:
        x = xp.tanh(w @ x)
    return x


def forward_by_hand(x: np.ndarray, *weights: np.ndarray) -> np.ndarray:
    """The Jacobian of `layers`: all tangents at once as the columns of a matrix."""
    tangents = np.eye(len(x))
    for w in weights:
        x = np.tanh(w @ x)
        tangents = (1.0 - x**2)[:, None] * (w @ tangents)
    return tangents


def reverse_by_hand(x: np.ndarray, *weights: np.ndarray) -> np.ndarray:
    """The Jacobian of `layers`: all cotangents at once as the rows of a matrix."""
    results = []
    for w in weights:
        x = np.tanh(w @ x)
        results.append(x)
    cotangents = np.eye(len(x))
    for w, y in zip(reversed(weights), reversed(results), strict=True):
        cotangents = (cotangents * (1.0 - y**2)) @ w
    return cotangents


def damped_wave(xp: Any, x: Any, times: Any) -> Any:
    """A model with three parameters at many times."""
    return x[0] * xp.exp(-x[1] * times) * xp.cos(x[2] * times)


def features(xp: Any, x: Any, w: Any) -> Any:
    """Three weighted sums of many inputs."""
    return w @ (x * xp.sin(x))


# Systems 26, 27, 29 and 30 of Moré, Garbow and Hillstrom, "Testing Unconstrained Optimization
# Software", ACM TOMS 7 (1981), 17-41, each with its Jacobian by hand, all tangents at once.


def trigonometric(xp: Any, x: Any, i: Any) -> Any:
    """n - sum cos(x) + i (1 - cos(x_i)) - sin(x_i)."""
    cosines = xp.cos(x)
    return len(i) - xp.sum(cosines) + i * (1.0 - cosines) - xp.sin(x)


def trigonometric_by_hand(x: np.ndarray, i: np.ndarray) -> np.ndarray:
    t = np.eye(len(x))
    cosines = -np.sin(x) * t
    return (-np.sum(cosines, axis=1, keepdims=True) - i * cosines - np.cos(x) * t).T


def almost_linear(xp: Any, x: Any, last: Any) -> Any:
    """Brown's: x_i + sum x - (n + 1), and prod x - 1 where `last` is 1."""
    return (1.0 - last) * (x + xp.sum(x) - (len(last) + 1.0)) + last * (xp.prod(x) - 1.0)


def almost_linear_by_hand(x: np.ndarray, last: np.ndarray) -> np.ndarray:
    t = np.eye(len(x))
    product = np.sum(np.prod(x) / x * t, axis=1, keepdims=True)
    return ((1.0 - last) * (t + np.sum(t, axis=1, keepdims=True)) + last * product).T


def integral_equation(xp: Any, x: Any, t: Any) -> Any:
    """A nonlinear integral equation on the grid t, whose kernel has a kink."""
    cubes = (x + t + 1.0) ** 3
    left, right = t * cubes, (1.0 - t) * cubes
    after = xp.sum(right) - xp.cumsum(right, 0)
    return x + 0.5 / (len(t) + 1.0) * ((1.0 - t) * xp.cumsum(left, 0) + t * after)


def integral_equation_by_hand(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    tangents = np.eye(len(x))
    cubes = 3.0 * (x + t + 1.0) ** 2 * tangents
    left, right = t * cubes, (1.0 - t) * cubes
    after = np.sum(right, axis=1, keepdims=True) - np.cumsum(right, axis=1)
    sums = (1.0 - t) * np.cumsum(left, axis=1) + t * after
    return (tangents + 0.5 / (len(t) + 1.0) * sums).T


def broyden(xp: Any, x: Any, h: Any) -> Any:
    """Broyden's tridiagonal function, (3 - 2 x_i) x_i - x_{i-1} - 2 x_{i+1} + h, zero outside;
    that of `sparse` assigns, which the peers cannot."""
    before = xp.concatenate([0.0 * x[:1], x[:-1]])
    after = xp.concatenate([x[1:], 0.0 * x[:1]])
    return (3.0 - 2.0 * x) * x - before - 2.0 * after + h


def broyden_by_hand(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    tangents = np.eye(len(x))
    out = (3.0 - 4.0 * x) * tangents
    out[:, 1:] -= tangents[:, :-1]
    out[:, :-1] -= 2.0 * tangents[:, 1:]
    return out.T


def dense_systems(n: int) -> Iterator[tuple[str, Any, Any, np.ndarray, np.ndarray]]:
    """Name, function, Jacobian by hand, starting point and constants of the four systems."""
    i = np.arange(1.0, n + 1.0)
    t = i / (n + 1.0)
    # The starting points of the paper, but for the products, which would all be below 1e-90.
    yield "trigonometric", trigonometric, trigonometric_by_hand, np.full(n, 1.0 / n), i
    last = (i == n).astype(float)
    yield "almost linear", almost_linear, almost_linear_by_hand, 1.0 - 1e-3 * t, last
    yield "integral equation", integral_equation, integral_equation_by_hand, t * (t - 1.0), t
    yield "Broyden", broyden, broyden_by_hand, np.full(n, -1.0), np.ones(n)


def workloads() -> Iterator[Workload]:
    """Rosenbrock in 200 dimensions, then Jacobians: square, tall, wide."""
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, 200))
    yield Workload("Rosenbrock 200, grad", compare("grad", rosenbrock, x))
    yield Workload("Rosenbrock 200, hvp", compare("hvp", rosenbrock, x, direction=v))
    yield Workload("Rosenbrock 200, Hessian", compare("hessian", rosenbrock, x))

    x, *weights = rng.normal(size=100), *rng.normal(size=(3, 100, 100)) / 10
    for mode, by_hand in (("forward", forward_by_hand), ("reverse", reverse_by_hand)):
        runs = compare(f"{mode} jacobian", layers, x, *weights)
        runs["by hand"] = functools.partial(by_hand, x, *weights)
        yield Workload(f"Jacobian 100 -> 100, {mode}", runs)

    times = np.linspace(0.0, 5.0, 1000)
    runs = compare("forward jacobian", damped_wave, np.array([1.0, 0.3, 2.0]), times)
    yield Workload("Jacobian 3 -> 1000, forward", runs)
    x, w = rng.normal(size=1000), rng.normal(size=(3, 1000))
    yield Workload("Jacobian 1000 -> 3, reverse", compare("reverse jacobian", features, x, w))
