"""Gradients of arrays of dask: against the function, and against the same gradient by hand.

Run: python -m benchmarks.dask_arrays [ELEMENTS]
It prints the least CPU times of some rounds, in which the contestants take turns.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import dualdiff as dd

from .harness import least_times

ROUNDS = 3


def elementwise(x: Any) -> Any:
    """A sum of elementwise functions."""
    return np.sum(np.sin(x) * np.exp(-x) + np.log1p(x * x))


def logistic(w: Any, x: Any, y: Any) -> Any:
    """The mean logistic loss."""
    return np.mean(np.logaddexp(0, -y * (x @ w)))


def logistic_by_hand(w: Any, x: Any, y: Any) -> Any:
    """Its value and gradient."""
    margin = y * (x @ w)
    value = np.mean(np.logaddexp(0, -margin))
    return value, -((y / (1 + np.exp(margin))) @ x) / x.shape[0]


def main(elements: int) -> None:
    """Measure and print."""
    import dask
    import dask.array as da

    chunk = min(elements, 1_000_000)
    x = da.random.default_rng(0).random(elements, chunks=chunk).persist()

    def whole() -> Any:
        # The gradient is reduced chunk by chunk: the time to collect it is not the derivative's.
        return dask.compute(*(np.sum(part) for part in dd.value_and_grad(elementwise)(x)))

    function, gradient = least_times(lambda: elementwise(x).compute(), whole, rounds=ROUNDS)
    print(f"sum of elementwise functions of {elements:.0e} elements: {function:.3f} s, "
          f"value and gradient {gradient:.3f} s, {gradient / function:.2f} times")  # fmt: skip

    rows = elements // 50
    x = da.random.default_rng(1).normal(size=(rows, 50), chunks=(min(rows, 20_000), 50)).persist()
    y = da.where(x[:, 0] > 0, 1.0, -1.0).persist()
    w = np.zeros(50)
    by_hand, found = least_times(
        lambda: dask.compute(*logistic_by_hand(w, x, y)),
        lambda: dd.value_and_grad(logistic)(w, x, y),
        rounds=ROUNDS,
    )
    print(f"logistic regression of {rows} x 50: by hand {by_hand:.3f} s, dualdiff {found:.3f} s, "
          f"{found / by_hand:.2f} times")  # fmt: skip


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 20_000_000)
