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
