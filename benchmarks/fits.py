"""Small fits: `dualdiff.optimize` beside SciPy with differences.

Run: python -m benchmarks.fits
The contestants take turns. It prints the least CPU time of each, and the median ratio of a turn.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize

import dualdiff.optimize

TURNS = 200
Fit = Callable[[Any], Any]  # which takes the module whose functions it calls

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


FITS: dict[str, Fit] = {
    "curve_fit, decay": lambda m: m.curve_fit(decay, TIMES, DECAYED),
    "curve_fit, peak": lambda m: m.curve_fit(peak, TIMES, PEAKED, [1.0, 1.0, 1.0]),
    "curve_fit, bounds": lambda m: m.curve_fit(decay, TIMES, DECAYED, bounds=(0.0, 5.0)),
    "least_squares, trf": lambda m: m.least_squares(residuals, [1.0, 1.0, 0.0]),
    "least_squares, lm": lambda m: m.least_squares(residuals, [1.0, 1.0, 0.0], method="lm"),
    "minimize, BFGS": lambda m: m.minimize(scipy.optimize.rosen, [-1.0, 1.0]),
    "root, 2 unknowns": lambda m: m.root(equations, [1.0, 1.0]),
    "root, 5 unknowns": lambda m: m.root(balances, np.ones(5)),
}


def turn(fit: Fit, module: Any) -> float:
    """Seconds of CPU time of one fit."""
    start = time.thread_time()
    fit(module)
    return time.thread_time() - start


def main() -> None:
    """Measure and print."""
    print("| fit | SciPy, µs | dualdiff.optimize, µs | ratio |\n|---|---|---|---|")
    for name, fit in FITS.items():
        for module in (scipy.optimize, dualdiff.optimize):
            for _ in range(5):  # the first fits choose between differences and exact derivatives
                turn(fit, module)
        turns = [(turn(fit, scipy.optimize), turn(fit, dualdiff.optimize)) for _ in range(TURNS)]
        scipys, ours = (1e6 * min(times) for times in zip(*turns, strict=True))
        ratio = statistics.median(own / other for other, own in turns)
        print(f"| {name} | {scipys:.0f} | {ours:.0f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
