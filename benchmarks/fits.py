"""Fits: `dualdiff.optimize` beside SciPy with differences, and beside a thin wrapper by hand.

Run: python -m benchmarks.fits
The contestants take turns. It prints the least CPU time of each, and the median ratio of a turn.
"""

from __future__ import annotations

import functools
import statistics
import time
from typing import Any

import numpy as np
import scipy.optimize

import dualdiff.optimize

from .fit_programs import PROGRAMS, Fit

TURNS = 200

TIMES = np.linspace(0.0, 4.0, 40)
NOISE = 0.01 * np.random.default_rng(0).normal(size=40)


def decay(t: Any, height: Any, rate: Any, floor: Any) -> Any:
    """A curve with three parameters."""
    return height * np.exp(-rate * t) + floor


def peak(t: Any, height: Any, centre: Any, width: Any) -> Any:
    """Another one."""
    return height * np.exp(-0.5 * ((t - centre) / width) ** 2)


DECAYED = decay(TIMES, 2.0, 0.5, 0.1) + NOISE
PEAKED = peak(TIMES, 2.0, 1.5, 0.6) + NOISE


def residuals(p: Any) -> Any:
    """The residuals of `decay`."""
    return decay(TIMES, *p) - DECAYED


def equations(x: Any) -> Any:
    """Two equations, from SciPy's documentation of `root`."""
    return np.array([x[0] * np.cos(x[1]) - 4.0, x[1] * x[0] - x[1] - 5.0])


def balances(x: Any) -> Any:
    """Five equations of ten operations each."""
    flow = np.tanh(x[1:] - x[:-1])
    return np.concatenate([x[:1] - 1.0, flow - 0.1 * x[1:] ** 3 + 0.2])


class ByHand:
    """The least that a wrapper does which chooses between derivatives, and returns containers.

    It makes a vector of the start, evaluates the function to look at its time and its result, calls
    SciPy with differences, and adds the parameters and their errors to what SciPy returns.
    """

    def __init__(self) -> None:
        self.seen: dict[Any, tuple[float, bool]] = {}

    def looked(self, f: Any, *args: Any) -> None:
        """Note the time of the function, and whether its result is a vector of real numbers."""
        start = time.perf_counter()
        found = f(*args)
        is_vector = np.ndim(found) == 1 and np.asarray(found).dtype == float
        self.seen[f.__code__] = time.perf_counter() - start, is_vector

    def curve_fit(self, f: Any, x: Any, y: Any, p0: Any = None, **options: Any) -> Any:
        """`curve_fit` for parameters in a sequence."""
        count = f.__code__.co_argcount - 1
        start = np.ones(count) if p0 is None else np.array(p0)
        self.looked(f, x, *start)
        found, covariance = scipy.optimize.curve_fit(f, x, y, start, **options)
        return found, covariance, np.sqrt(np.diag(covariance))

    def solved(self, solve: Any, f: Any, x0: Any, **options: Any) -> Any:
        """A solver of SciPy's whose result gets parameters."""
        start = np.array(x0)
        self.looked(f, start)
        found = solve(f, start, **options)
        found["params"] = np.array(found.x)
        return found

    least_squares = functools.partialmethod(solved, scipy.optimize.least_squares)
    root = functools.partialmethod(solved, scipy.optimize.root)

    def minimize(self, f: Any, x0: Any, **options: Any) -> Any:
        """`minimize`, whose function is a scalar."""
        start = np.array(x0)
        self.looked(f, start)
        found = scipy.optimize.minimize(f, start, **options)
        found["params"] = np.array(found.x)
        return found


FITS: dict[str, Fit] = {
    "curve_fit, decay": lambda m: m.curve_fit(decay, TIMES, DECAYED),
    "curve_fit, peak": lambda m: m.curve_fit(peak, TIMES, PEAKED, [1.0, 1.0, 1.0]),
    "curve_fit, bounds": lambda m: m.curve_fit(
        decay, TIMES, DECAYED, [1.0, 1.0, 1.0], bounds=(0.0, 5.0)
    ),
    "least_squares, trf": lambda m: m.least_squares(residuals, [1.0, 1.0, 0.0]),
    "least_squares, lm": lambda m: m.least_squares(residuals, [1.0, 1.0, 0.0], method="lm"),
    "minimize, BFGS": lambda m: m.minimize(scipy.optimize.rosen, [-1.0, 1.0]),
    "root, 2 unknowns": lambda m: m.root(equations, [1.0, 1.0]),
    "root, 5 unknowns": lambda m: m.root(balances, np.ones(5)),
    **PROGRAMS,
}


def turn(fit: Fit, module: Any) -> float:
    """Seconds of CPU time of one fit."""
    start = time.thread_time()
    fit(module)
    return time.thread_time() - start


def main() -> None:
    """Measure and print."""
    contestants = (scipy.optimize, ByHand(), dualdiff.optimize)
    print("| fit | SciPy, µs | by hand | dualdiff.optimize |\n|---|---|---|---|")
    for name, fit in FITS.items():
        for module in contestants:
            for _ in range(5):  # the first fits choose between differences and exact derivatives
                turn(fit, module)
        count = max(5, min(TURNS, int(2.0 / turn(fit, scipy.optimize))))
        turns = [[turn(fit, module) for module in contestants] for _ in range(count)]
        least = 1e6 * min(scipys for scipys, *_ in turns)
        hand, own = (statistics.median(t[k] / t[0] for t in turns) for k in (1, 2))
        print(f"| {name} | {least:.0f} | {hand:.2f} | {own:.2f} |", flush=True)


if __name__ == "__main__":
    main()
