"""Loops in a straight tape: the same block of operations, over and over.

A program with a Python loop leaves a tape in which a block repeats, in the derivative as well. Two
blocks are the same if their operations are; the operands may come from anywhere. `segments` finds
the longest repetitions with sorted hashes of short runs of operations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray

from .tape import FinishedTape

RUNS = (24, 6)  # operations that are hashed together
GAPS = 12  # most frequent distances that are tried
LEAST_COUNT, LEAST_OPERATIONS, LONGEST_PERIOD = 6, 64, 20_000
DEEPEST = 60
NEAR = 8  # operands at a smaller distance tell blocks apart


class Segment(NamedTuple):
    """Operations from `start`: `times` blocks of `period` operations each."""

    start: int
    period: int
    times: int

    @property
    def stop(self) -> int:
        return self.start + self.period * self.times


def signature(tape: FinishedTape) -> ndarray:
    """A number per operation: its opcode, its constant operands, and the distance of near ones."""
    place = tape.first + np.arange(len(tape))
    total = tape.codes.copy()
    for k in range(3):
        slots, used = tape.operands[k], tape.arity > k
        is_constant = used & (slots >= tape.inputs) & (slots < tape.first)
        distance = place - slots
        near = used & (slots >= tape.first) & (distance < NEAR)
        total = (total * 2 + is_constant) * (NEAR + 2) + np.where(near, distance, NEAR + 1)
    return total


def segments(tape: FinishedTape) -> list[Segment]:
    """The tape in segments; those with one block are straight."""
    found: list[Segment] = []
    _split(signature(tape), 0, len(tape), 0, found)
    joined: list[Segment] = []
    for s in (piece for segment in found for piece in _regular(tape, segment)):
        if joined and s.times == 1 == joined[-1].times:
            joined[-1] = Segment(joined[-1].start, joined[-1].period + s.period, 1)
        else:
            joined.append(s)
    return joined


def _regular(tape: FinishedTape, segment: Segment) -> list[Segment]:
    """A segment cut where operands jump, if that makes long pieces in which they move evenly.

    Operations on one array and then on another are such a segment. In its pieces addresses grow by
    a fixed step, so that the loops become vector instructions.
    """
    start, period, times = segment
    most = 2 * times * period // LEAST_OPERATIONS
    if times < 3 or most < 2 or period > LEAST_OPERATIONS:  # vectors are for short blocks
        return [segment]
    cuts: set[int] = set()
    for i in range(start, start + period):
        for k in range(int(tape.arity[i])):
            slots = tape.operands[k, i : segment.stop : period]
            is_carried = slots[1] >= tape.first + start  # the first comes from elsewhere
            cuts.update(_jumps(slots, most, 1 if is_carried else 0))
    if not cuts or len(cuts) >= most:
        return [segment]
    ends = [*sorted(cuts), times]
    pieces = [
        Segment(start + a * period, period, b - a) for a, b in zip([0, *ends], ends, strict=False)
    ]
    short = sum(p.times * period for p in pieces if p.times < LEAST_COUNT)
    return pieces if short <= most * LEAST_OPERATIONS // 64 else [segment]


def _jumps(slots: ndarray, most: int, skip: int) -> list[int]:
    """Where the pieces begin in which slots move by one step each, after the first; none if there
    would be more than so many. The first `skip` slots are not looked at."""
    steps = np.diff(slots)
    changes = np.flatnonzero(steps[skip + 1 :] != steps[skip:-1]) + skip + 1
    if not len(changes) or len(changes) > 2 * most:
        return []
    cuts: list[int] = []
    for change in changes.tolist():
        if not cuts or change > cuts[-1]:  # not the jump itself, seen from its other side
            cuts.append(change + 1)
    return cuts


def _split(marks: ndarray, start: int, stop: int, depth: int, found: list[Segment]) -> None:
    """Append the segments of a part of a tape."""
    length = stop - start
    best = None
    if length >= LEAST_OPERATIONS and depth < DEEPEST:
        best = _longest(marks[start:stop])
    if best is None:
        if length:
            found.append(Segment(start, length, 1))
        return
    at, period, count = best
    _split(marks, start, start + at, depth + 1, found)
    found.append(Segment(start + at, period, count))
    _split(marks, start + at + count * period, stop, depth + 1, found)


def _longest(marks: ndarray) -> tuple[int, int, int] | None:
    """Start, period and count of the repetition that covers most, or None."""
    length = len(marks)
    best: tuple[tuple[int, int], int, int, int] | None = None
    for run in RUNS:
        for period in _periods(marks, run):
            if period > LONGEST_PERIOD or period * LEAST_COUNT > length:
                continue
            at, repeated = _longest_run(marks[:-period] == marks[period:])
            count = repeated // period + 1
            if count < LEAST_COUNT or count * period < LEAST_OPERATIONS:
                continue
            score = (count * period // max(1, length // 50), -period)
            if best is None or score > best[0]:
                best = (score, at, period, count)
        if best is not None and best[2] * best[3] > length // 4:
            break
    return None if best is None else best[1:]


def _periods(marks: ndarray, run: int) -> list[int]:
    """The most frequent distances between equal runs of operations."""
    if len(marks) < 2 * run:
        return []
    hashes = np.zeros(len(marks) - run + 1, np.uint64)
    with np.errstate(over="ignore"):
        for i in range(run):
            part = marks[i : len(marks) - run + 1 + i].astype(np.uint64)
            hashes = hashes * np.uint64(1000003) + part
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    gaps = (order[1:] - order[:-1])[ordered[1:] == ordered[:-1]]
    values, counts = np.unique(gaps, return_counts=True)
    return [int(v) for v in values[np.argsort(-counts)[:GAPS]]]


def _longest_run(holds: ndarray) -> tuple[int, int]:
    """Start and length of the longest run of True."""
    edges = np.diff(np.concatenate([[0], holds.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return 0, 0
    i = int(np.argmax(ends - starts))
    return int(starts[i]), int(ends[i] - starts[i])
