"""Loops of a tape, as one.

Elementwise operations on arrays leave a loop for each operation, and each passes over memory.
Where the iterations of one loop need those of another with the same number only, and nothing
between the two, they become one loop, and the values between them stay in registers. So a sum does
not part the way forwards from the way back. The tape is put into the order of that loop.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from .loops import Segment
from .tape import FinishedTape

LEAST_TIMES = 32  # iterations for which it pays
MOST_PIECES = 4
FARTHEST = 64  # loops that are looked back
LONGEST = 32  # operations in one iteration, for which there are registers


def fused(tape: FinishedTape, found: Sequence[Segment]) -> tuple[FinishedTape, list[Segment]]:
    """A tape in another order, and its segments; loops with tests stay as they are."""
    tests = np.array(sorted(tape.tests), np.int64)
    groups: list[list[Segment]] = []
    pieces = [piece for segment in found for piece in _cut(segment, found)]
    for segment in pieces:
        group = _home(tape, groups, segment, tests)
        if group is None:
            groups.append([segment])
        else:
            group.append(segment)
    if len(groups) == len(pieces):
        return tape, list(found)
    order = np.concatenate([_order(group) for group in groups])
    segments, start = [], 0
    for group in groups:
        segments.append(Segment(start, sum(s.period for s in group), group[0].times))
        start = segments[-1].stop
    return _reordered(tape, order), segments


def _cut(segment: Segment, others: Sequence[Segment]) -> list[Segment]:
    """A loop in the lengths of other loops, if it is as long as a few of them.

    The same operation on two arrays, one after the other, is one such loop.
    """
    lengths = {s.times for s in others if LEAST_TIMES <= s.times < segment.times}
    for count in range(2, MOST_PIECES + 1):
        times = segment.times // count
        if times * count == segment.times and times in lengths:
            size = segment.period * times
            return [Segment(segment.start + k * size, segment.period, times) for k in range(count)]
    return [segment]


def _home(
    tape: FinishedTape, groups: Sequence[list[Segment]], segment: Segment, tests: ndarray
) -> list[Segment] | None:
    """The loops before a loop that it may join; it needs nothing of those between."""
    if segment.times < LEAST_TIMES:
        return None
    for group in groups[: -FARTHEST - 1 : -1]:
        if _fits(tape, group, segment, tests):
            return group
        if any(_needs(tape, segment, s) for s in group):
            return None
    return None


def _needs(tape: FinishedTape, segment: Segment, other: Segment) -> bool:
    """Whether a loop has operands among the operations of another segment."""
    arity = tape.arity[segment.start : segment.stop]
    for k in range(3):
        places = tape.operands[k, segment.start : segment.stop] - tape.first
        if ((arity > k) & (places >= other.start) & (places < other.stop)).any():
            return True
    return False


def _fits(tape: FinishedTape, group: Sequence[Segment], segment: Segment, tests: ndarray) -> bool:
    """Whether a loop may be joined to others before it."""
    times = segment.times
    if times != group[0].times or times < LEAST_TIMES:
        return False
    if sum(s.period for s in group) + segment.period > LONGEST:
        return False
    if any(_has(tests, s) for s in (*group, segment)):
        return False
    if not (len(group) > 1 or _is_apart(tape, group[0], group)):
        return False
    return _is_apart(tape, segment, [*group, segment])


def _has(tests: ndarray, segment: Segment) -> bool:
    return bool(((tests >= segment.start) & (tests < segment.stop)).any())


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
    made.tests = {int(places[place]): node for place, node in tape.tests.items()}
    return made
