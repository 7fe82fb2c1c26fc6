"""Loops of a tape that follow each other, as one.

Elementwise operations on arrays leave a loop for each operation, and each passes over memory.
Where the iterations of one loop need those of another with the same number only, the two become
one loop, and the values between them stay in registers. The tape is put into the order of that
loop.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from .loops import Segment
from .tape import FinishedTape

LEAST_TIMES = 32  # iterations for which it pays
LONGEST = 32  # operations in one iteration, for which there are registers


def fused(tape: FinishedTape, found: Sequence[Segment]) -> tuple[FinishedTape, list[Segment]]:
    """A tape in another order, and its segments; loops with tests stay as they are."""
    tests = np.array(sorted(tape.tests), np.int64)
    groups: list[list[Segment]] = []
    for segment in found:
        if groups and _fits(tape, groups[-1], segment, tests):
            groups[-1].append(segment)
        else:
            groups.append([segment])
    if len(groups) == len(found):
        return tape, list(found)
    order = np.concatenate([_order(group) for group in groups])
    segments = [Segment(g[0].start, sum(s.period for s in g), g[0].times) for g in groups]
    return _reordered(tape, order), segments


def _fits(tape: FinishedTape, group: Sequence[Segment], segment: Segment, tests: ndarray) -> bool:
    """Whether a loop may be joined to others before it."""
    times = segment.times
    if times != group[0].times or times < LEAST_TIMES:
        return False
    if sum(s.period for s in group) + segment.period > LONGEST:
        return False
    inside = (tests >= group[0].start) & (tests < segment.stop)
    if inside.any() or not (len(group) > 1 or _is_apart(tape, group[0], group)):
        return False
    return _is_apart(tape, segment, [*group, segment])


def _is_apart(tape: FinishedTape, segment: Segment, others: Sequence[Segment]) -> bool:
    """Whether each iteration needs no other iterations of these loops than that of its number."""
    own = np.arange(segment.stop - segment.start) // segment.period
    arity = tape.arity[segment.start : segment.stop]
    for k in range(3):
        places = tape.operands[k, segment.start : segment.stop] - tape.first
        for other in others:
            within = (arity > k) & (places >= other.start) & (places < other.stop)
            if ((places - other.start) // other.period != own)[within].any():
                return False
    return True


def _order(group: Sequence[Segment]) -> ndarray:
    """The operations of joined loops, iteration by iteration."""
    rows = [np.arange(s.start, s.stop).reshape(s.times, s.period) for s in group]
    return np.concatenate(rows, axis=1).ravel()


def _reordered(tape: FinishedTape, order: ndarray) -> FinishedTape:
    places = np.empty_like(order)
    places[order] = np.arange(len(order))

    def moved(slots: ndarray) -> ndarray:
        operations = np.maximum(slots - tape.first, 0)
        return np.where(slots >= tape.first, tape.first + places[operations], slots)

    made = copy.copy(tape)
    made.codes, made.arity = tape.codes[order], tape.arity[order]
    made.operands = moved(tape.operands[:, order])
    made.outputs = [moved(np.asarray(out)) for out in tape.outputs]
    return made
