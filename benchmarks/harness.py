"""Workloads, and how they are measured: contestants take turns, medians of many rounds."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

Run = Callable[[], Any]
WARM = 0.1  # seconds: what takes longer does not live in the caches


@dataclass
class Workload:
    """One thing to measure, with a call per contestant.

    The contestants are "function" (the program without derivatives), "dualdiff", the peers, and "by
    hand". Calls are timed and their results compared; where `unit` is not seconds, a call gives its
    own figure.
    """

    name: str
    runs: dict[str, Run]
    operations: int | None = None
    unit: str = "s"

    def check(self) -> None:
        """Raise where two contestants do not give the same derivative."""
        reference = _numbers(self.runs["dualdiff"]())
        for name, run in self.runs.items():
            if name not in ("function", "dualdiff"):
                scale = np.max(np.abs(reference))
                np.testing.assert_allclose(
                    _numbers(run()),
                    reference,
                    rtol=1e-8,
                    atol=1e-10 * scale,
                    err_msg=f"{self.name}: {name} and dualdiff differ",
                )

    def measure(self, quick: bool) -> Result:
        """Check the contestants, then sample them in turn."""
        if self.unit == "s":
            self.check()
            samplers = {name: _timer(run) for name, run in self.runs.items()}
        else:
            samplers = dict(self.runs)
        least, most, budget = (3, 7, 0.3) if quick else (5, 101, 1.5)
        rounds: list[dict[str, float]] = []
        start = time.perf_counter()
        while len(rounds) < least or (
            len(rounds) < most and time.perf_counter() - start < budget * len(samplers)
        ):
            rounds.append({name: sample() for name, sample in samplers.items()})
        return Result(self.name, self.unit, self.operations, rounds)


@dataclass
class Result:
    """The figures of one workload, one dictionary per round."""

    name: str
    unit: str
    operations: int | None
    rounds: list[dict[str, float]]

    def median(self, contestant: str) -> float:
        """The median figure of a contestant, NaN where it did not take part."""
        return statistics.median(r.get(contestant, math.nan) for r in self.rounds)

    def ratio(self, contestant: str, other: str) -> float:
        """The median over the rounds of one contestant's figure divided by another's, or NaN."""
        return statistics.median(
            r.get(contestant, math.nan) / r.get(other, math.nan) for r in self.rounds
        )


def least_times(*runs: Run, rounds: int) -> list[float]:
    """The least CPU time of each run, in seconds, of all threads: the machine may do other work."""
    times: list[list[float]] = [[] for _ in runs]
    for run in runs:
        run()
    gc.collect()
    for _ in range(rounds):
        for run, own in zip(runs, times, strict=True):
            start = time.process_time()
            run()
            own.append(time.process_time() - start)
    return [min(own) for own in times]


def _timer(run: Run) -> Callable[[], float]:
    """A sampler that gives seconds per call, from so many calls that it takes two milliseconds."""
    calls = 1
    while (elapsed := _time(run, calls)) < 2e-3:
        calls = max(2 * calls, min(100 * calls, int(calls * 2.5e-3 / elapsed)))
    return lambda: _time(run, calls, elapsed) / calls


def _time(run: Run, calls: int, seconds: float = 0.0) -> float:
    # The collector stays on, as in the user's program, but starts without the garbage of others.
    gc.collect()
    if seconds < WARM:
        for _ in range(calls):
            run()  # the sweep, and the contestants before, have had the processor's caches
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return time.perf_counter() - start


def _numbers(tree: Any) -> np.ndarray:
    """All numbers of nested containers of arrays, as one vector."""
    leaves = optree.tree_leaves(tree)
    return np.concatenate([np.ravel(np.asarray(leaf, dtype=float)) for leaf in leaves])
