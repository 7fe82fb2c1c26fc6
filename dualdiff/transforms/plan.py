"""How a Jacobian will be computed: the mode, the passes, the memory, and what that rests on."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .densities import Densities

MODES = ("auto", "forward", "reverse")
SPARSE_MODES = (*MODES, "mixed")
# What a cotangent costs against a tangent, as measured on networks and gathers of many sizes: a
# pull makes the sums that broadcasting needs, and adds where a value is used twice.
TANGENT, COTANGENT = 1.0, 1.3
# Elements of arithmetic that take as long as what Python does for one operation: where the function
# runs with diagonals, and in a recording and its pull.
WITH_FUNCTION, RECORDED = 10_000, 5_000
LEAST_BUDGET = 2**26
CACHE = 2**21  # bytes of the directions of one array: with more, arithmetic waits for memory
FEWEST = 64  # directions of a dense pass whatever the cache: products of matrices need them


@dataclass(frozen=True)
class Way:
    """One way to compute a Jacobian.

    `cost` is in units of one tangent, `memory` in bytes: what the directions of one pass take.
    `bound` says that these are the least it can take: a pattern was not coloured for it.
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
    """How a Jacobian would be computed, and why; prints well.

    `mode` is "forward", "reverse" or, for a sparse one, "mixed"; `inputs` and `outputs` are the
    sizes of all differentiated leaves and all results; `directions` is the number of tangents and
    cotangents, in `passes` of at most `chunk`; `memory` is an estimate in bytes of what the
    directions of one pass take, for a sparse one in one array; `cost` is in units of one tangent;
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


def amount(memory: int) -> str:
    """Bytes as text."""
    for unit in ("B", "kB", "MB"):
        if memory < 1000:
            return f"{memory:.3g} {unit}"
        memory /= 1000  # type: ignore[assignment]
    return f"{memory:.3g} GB"


def check_passes(chunk: Any, budget: Any) -> None:
    """Refuse numbers of directions and of bytes that are none."""
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
    """The passes of a mode: of `quickest` directions if the budget allows, all about equal."""
    check_passes(chunk, budget)
    if chunk is None:
        chunk = max(1, min(budget // max(per_direction, 1), quickest or directions))
    passes = ceil(directions / chunk)
    chunk = max(1, min(chunk, ceil(directions / max(passes, 1))))
    cost = directions * (COTANGENT if mode == "reverse" else TANGENT)
    return Way(mode, directions, chunk, passes, cost, chunk * per_direction, bound)


@functools.lru_cache(maxsize=256)
def choose(
    n: int,
    m: int,
    mode: str,
    chunk: int | None = None,
    per_direction: int | None = None,
    budget: int | None = None,
    mean: int | None = None,
    densities: Densities | None = None,
) -> Plan:
    """The plan of a dense Jacobian from the numbers of inputs and results.

    Arguments: `n` and `m`, all inputs and all results; `mode` and `chunk` as the user gave them;
    `per_direction`, the bytes that one direction takes at its peak; `budget`, those that all
    directions of a pass may take; `mean`, those that one direction of an array takes on average;
    `densities`, how much of the directions are arrays, where that was measured.
    """
    if per_direction is None:
        per_direction = 8 * max(n, m, 1)
    if budget is None:
        budget = max(LEAST_BUDGET, per_direction)
    quickest = max(FEWEST, CACHE // max(mean or per_direction, 1))
    ways = {
        "forward": way("forward", n, per_direction, budget, chunk, quickest),
        "reverse": way("reverse", m, per_direction, budget, chunk, quickest),
    }
    if densities is not None and not densities.whole:  # a rule was missing
        densities = None
    if densities is not None:
        whole, tangents, cotangents, operations = densities
        each = RECORDED if densities.few_tangents else WITH_FUNCTION
        forward = (n * tangents + each * operations) / whole
        reverse = (m * cotangents + RECORDED * operations) / whole
        ways = {
            "forward": replace(ways["forward"], cost=forward),
            "reverse": replace(ways["reverse"], cost=reverse),
        }
    if mode == "auto":
        mode = "forward" if ways["forward"].cost <= ways["reverse"].cost else "reverse"
        sign = "<=" if n <= m else ">"
        what = "tangent per input" if mode == "forward" else "cotangent per result"
        reason = f"{n} inputs {sign} {m} results, and {mode} mode takes one {what}"
        if densities is not None:
            reason += (
                f"; a tangent makes arrays of {densities.tangents} elements, a cotangent of "
                f"{densities.cotangents}"
            )
        elif (n <= m) != (mode == "forward"):
            reason += f"; a cotangent costs {COTANGENT / TANGENT:.2f} tangents"
    else:
        reason = f"mode={mode!r} was asked for"
    chosen = ways.pop(mode)
    if chunk is None and chosen.passes > 1:
        limit = "cache" if chosen.chunk * per_direction < budget // 2 else amount(budget)
        reason += f"; the directions of one pass are kept within {limit}"
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
    """The directions of each pass, from where to where, equally many up to one."""
    passes = max(passes, 1)
    ends = [directions * k // passes for k in range(passes + 1)]
    return list(pairwise(ends))
