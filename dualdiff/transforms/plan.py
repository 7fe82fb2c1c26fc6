"""The plan of a Jacobian: the mode, the passes, the memory, and the reasons."""

from __future__ import annotations

import functools
import html
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from typing import Any, Literal, NamedTuple

import numpy as np

Mode = Literal["auto", "forward", "reverse"]
SparseMode = Literal["auto", "forward", "reverse", "mixed"]
MODES = ("auto", "forward", "reverse")
SPARSE_MODES = (*MODES, "mixed")
# The cost of a cotangent relative to a tangent, measured on networks and gathers of many sizes: a
# pull makes the sums that broadcasting needs, and adds if a value is used twice.
TANGENT, COTANGENT = 1.0, 1.3
LEAST_BUDGET = 2**26
CACHE = 2**21  # bytes of the directions of one array; above them, arithmetic waits for memory
SKEW = 16  # the ratio of inputs and results that decides the mode alone
COMPARED = 8192  # least elements of a Jacobian for which the modes are compared
FEWEST = 64  # least directions of a dense pass, which products of matrices need


class Cost(NamedTuple):
    """The memory of one direction of a mode, in bytes: at its peak, for one array on average, and
    for all arrays of the recording, of which `arrays` are made and the rest stays diagonal."""

    peak: int
    mean: int
    total: int
    arrays: int


class Costs(NamedTuple):
    """The costs of a tangent and of a cotangent; None if a rule is missing."""

    forward: Cost | None = None
    reverse: Cost | None = None


@dataclass(frozen=True)
class Way:
    """One way to compute a Jacobian.

    `cost` is in units of one tangent; `memory` is the size of the directions of one pass in bytes.
    `bound` says that these are lower bounds: the pattern was not coloured for this way.
    """

    mode: str
    directions: int
    chunk: int
    passes: int
    cost: float
    memory: int
    bound: bool = False

    def __str__(self) -> str:
        passes = "one pass" if self.passes == 1 else f"{self.passes} passes of {self.chunk}"
        least = "at least " if self.bound else ""
        return (
            f"{self.mode}, {least}{self.directions} directions in {passes}: {least}{self.cost:.4g} "
            f"tangents"
        )


@dataclass(frozen=True)
class Plan:
    """The plan of a Jacobian and the reasons for it; prints well.

    `mode` is "forward", "reverse" or, for a sparse one, "mixed"; `inputs` and `outputs` are the
    sizes of all differentiated leaves and all results; `directions` is the number of tangents and
    cotangents, in `passes` of at most `chunk`; `memory` is an estimate of the size of the
    directions of one pass in bytes, for a sparse one in one array; `cost` is in units of a tangent;
    `alternatives` are other ways.
    """

    mode: str
    inputs: int
    outputs: int
    directions: int
    chunk: int
    passes: int
    reason: str
    memory: int = 0
    cost: float = 0.0
    alternatives: tuple[Way, ...] = ()

    def __str__(self) -> str:
        passes = "one pass" if self.passes == 1 else f"{self.passes} passes of {self.chunk}"
        lines = [
            f"Jacobian of {self.outputs} results with respect to {self.inputs} inputs: {self.mode} "
            f"mode, {self.directions} directions in {passes}.",
            f"Reason: {self.reason}.",
            f"Cost: {self.cost:.4g} tangents; memory of a pass: {amount(self.memory)}.",
        ]
        lines += [f"Instead: {way}." for way in self.alternatives]
        return "\n".join(lines)

    def _ways(self) -> list[Way]:
        """The chosen way and the others."""
        directions = (self.directions, self.chunk, self.passes)
        return [Way(self.mode, *directions, self.cost, self.memory), *self.alternatives]

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{h}</th>" for h in ("mode", "directions", "passes", "cost", "memory"))
        rows = [
            f"<tr><td>{w.mode}</td><td>{w.directions}</td><td>{w.passes}</td>"
            f"<td>{w.cost:.4g} tangents</td><td>{amount(w.memory)}</td></tr>"
            for w in self._ways()
        ]
        first = f"Jacobian of {self.outputs} results by {self.inputs} inputs: {self.reason}."
        return f"<p>{html.escape(first)}</p><table><tr>{head}</tr>{''.join(rows)}</table>"

    def plot(self, ax: Any = None) -> Any:
        """Bars of the costs of the chosen way and its alternatives, by matplotlib; returns the
        axes."""
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(6, 0.8 + 0.5 * len(self._ways())))
        ways = self._ways()[::-1]
        bars = ax.barh(
            [f"{w.mode} ({w.directions})" for w in ways],
            [w.cost for w in ways],
            color=["0.7"] * (len(ways) - 1) + ["C0"],
        )
        ax.bar_label(bars, [f" {amount(w.memory)}" for w in ways])
        ax.margins(x=0.2)
        ax.set(xlabel="cost in tangents (and memory of a pass)", title=f"{self.mode} mode")
        return ax


def amount(memory: int) -> str:
    """Bytes as text."""
    for unit in ("B", "kB", "MB"):
        if memory < 1000:
            return f"{memory:.3g} {unit}"
        memory /= 1000  # type: ignore[assignment]
    return f"{memory:.3g} GB"


def check_passes(chunk: Any, budget: Any) -> None:
    """Raise for a number of directions or bytes that is no positive integer."""
    for name, given, what in (("chunk", chunk, "directions"), ("budget", budget, "bytes")):
        if given is not None and (not isinstance(given, (int, np.integer)) or given < 1):
            raise ValueError(f"{name} must be a positive number of {what}, not {given!r}")


def way(
    mode: str,
    directions: int,
    per_direction: int,
    budget: int,
    chunk: int | None,
    quickest: int | None = None,
    bound: bool = False,
) -> Way:
    """The passes of a mode: about equal, with `quickest` directions if the budget allows."""
    check_passes(chunk, budget)
    if chunk is None:
        chunk = max(1, min(budget // max(per_direction, 1), quickest or directions))
    passes = ceil(directions / chunk)
    chunk = max(1, min(chunk, ceil(directions / max(passes, 1))))
    cost = directions * (COTANGENT if mode == "reverse" else TANGENT)
    return Way(mode, directions, chunk, passes, cost, chunk * per_direction, bound)


def comparable(n: int, m: int) -> bool:
    """True if n and m are too close for their ratio to decide the mode."""
    return n * m >= COMPARED and n <= SKEW * m and m <= SKEW * n


@functools.lru_cache(maxsize=256)
def choose(
    n: int,
    m: int,
    mode: str,
    chunk: int | None = None,
    budget: int | None = None,
    costs: Costs | None = None,
) -> Plan:
    """The plan of a dense Jacobian from the numbers of inputs and results.

    Arguments: `n` and `m`, the numbers of all inputs and results; `mode` and `chunk` of the user;
    `budget`, the bytes for all directions of a pass, by default at least twice the size of one;
    `costs`, the costs of one direction of each mode, if they are measured.
    """
    size = 8 * max(n, m, 1)
    guess = Cost(size, size, size // 2, 0)
    tangent, cotangent = (costs.forward, costs.reverse) if costs else (None, None)
    ways, budgets = {}, {}
    for name, count, cost in (("forward", n, tangent), ("reverse", m, cotangent)):
        peak, mean, total, _ = cost or tangent or cotangent or guess
        budgets[name] = budget or max(LEAST_BUDGET, 2 * total)
        quickest = max(FEWEST, CACHE // max(mean, 1))
        ways[name] = way(name, count, peak, budgets[name], chunk, quickest)
    arrays = None
    if tangent and cotangent and tangent.total and comparable(n, m):
        arrays = tangent.arrays, cotangent.arrays
        # A row lies where it belongs, a column is copied there.
        sums = {"forward": n * (arrays[0] + 8 * m), "reverse": m * arrays[1]}
        for name, total in sums.items():
            ways[name] = replace(ways[name], cost=total / tangent.total)
    if mode == "auto":
        mode = "forward" if ways["forward"].cost <= ways["reverse"].cost else "reverse"
        sign = "<=" if n <= m else ">"
        what = "tangent per input" if mode == "forward" else "cotangent per result"
        reason = f"{n} inputs {sign} {m} results, and {mode} mode takes one {what}"
        if arrays is not None:
            made = tuple(map(amount, arrays))
            reason += f"; a tangent needs {made[0]} of arrays, a cotangent {made[1]}"
        elif (n <= m) != (mode == "forward"):
            reason += f"; a cotangent costs {COTANGENT / TANGENT:.2f} tangents"
    else:
        reason = f"mode={mode!r} was asked for"
    chosen = ways.pop(mode)
    if chunk is None and chosen.passes > 1:
        allowed = budgets[mode]
        limit = "the cache" if chosen.memory < allowed // 2 else amount(allowed)
        reason += f"; the directions of one pass fit into {limit}"
    return Plan(
        mode,
        n,
        m,
        chosen.directions,
        chosen.chunk,
        chosen.passes,
        reason,
        chosen.memory,
        chosen.cost,
        tuple(ways.values()),
    )


def spans(directions: int, passes: int) -> list[tuple[int, int]]:
    """The first and last directions of each pass; the numbers differ by at most one."""
    passes = max(passes, 1)
    ends = [directions * k // passes for k in range(passes + 1)]
    return list(pairwise(ends))
