"""Python loops over scalars and small vectors, as simulations are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .harness import Workload
from .peers import compare

STEPS = 1000


def element_loop(xp: Any, x: Any) -> Any:
    """The sum of squares, element by element: a read, a product and a sum each."""
    total = 0.0
    for i in range(len(x)):
        total = total + x[i] * x[i]
    return total


def filter_loop(xp: Any, x: Any) -> Any:
    """A recursive filter that stores every element: two reads, a product, a sum, a store."""
    y = x * 1.0
    for i in range(1, len(x)):
        y[i] = 0.5 * y[i - 1] + x[i]
    return xp.sum(y * y)


def van_der_pol(xp: Any, start: Any) -> Any:
    """Runge and Kutta's method on Van der Pol's oscillator, in Python scalars.

    46 operations a step: 5 for each of 4 slopes, 4 for each of 3 inner states, 14 for the result.
    """
    mu, x, v = start
    h = 0.01
    for _ in range(STEPS):
        k1x, k1v = v, mu * (1.0 - x * x) * v - x
        x2, v2 = x + 0.5 * h * k1x, v + 0.5 * h * k1v
        k2x, k2v = v2, mu * (1.0 - x2 * x2) * v2 - x2
        x3, v3 = x + 0.5 * h * k2x, v + 0.5 * h * k2v
        k3x, k3v = v3, mu * (1.0 - x3 * x3) * v3 - x3
        x4, v4 = x + h * k3x, v + h * k3v
        k4x, k4v = v4, mu * (1.0 - x4 * x4) * v4 - x4
        x = x + h / 6.0 * (k1x + 2.0 * k2x + 2.0 * k3x + k4x)
        v = v + h / 6.0 * (k1v + 2.0 * k2v + 2.0 * k3v + k4v)
    return x


def runge_kutta(slope: Callable[[Any], Any], y: Any, h: float) -> Any:
    """One step of Runge and Kutta's method of fourth order."""
    k1 = slope(y)
    k2 = slope(y + 0.5 * h * k1)
    k3 = slope(y + 0.5 * h * k2)
    k4 = slope(y + h * k3)
    return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def lorenz(xp: Any, y: Any) -> Any:
    """Lorenz' equations on 3-vectors; each slope is put together from three scalars.

    61 operations a step: 12 for each of 4 slopes, with its reads and its new array, 13 for the
    states.
    """

    def slope(y: Any) -> Any:
        a, b, c = y[0], y[1], y[2]
        return xp.array([10.0 * (b - a), a * (28.0 - c) - b, a * b - 8.0 / 3.0 * c])

    for _ in range(STEPS):
        y = runge_kutta(slope, y, 0.002)
    return xp.sum(y)


def workloads() -> Iterator[Workload]:
    """Loops over elements, and two integrations of a thousand steps."""
    rng = np.random.default_rng(0)
    for n in (1000, 8000):
        x = rng.normal(size=n)
        runs = compare("grad", element_loop, x)
        yield Workload(f"loop over x[i], n = {n:,}, grad", runs, operations=3 * n)
    for n in (1000, 8000):
        x = rng.normal(size=n)
        # autograd has no assignment to elements.
        runs = compare("grad", filter_loop, x, without=("autograd",))
        yield Workload(f"loop that stores y[i], n = {n:,}, grad", runs, operations=5 * n)
    runs = compare("grad", van_der_pol, (1.0, 2.0, 0.0))
    yield Workload("Runge-Kutta on scalars, 1,000 steps, grad", runs, operations=46 * STEPS)
    runs = compare("grad", lorenz, np.array([1.0, 2.0, 20.0]))
    yield Workload("Runge-Kutta on 3-vectors, 1,000 steps, grad", runs, operations=61 * STEPS)
