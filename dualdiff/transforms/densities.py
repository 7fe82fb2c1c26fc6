"""How much of the directions of a whole Jacobian are arrays in each mode, and not diagonals."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..array.box import plain
from ..core.batch import dtype_of, shape_of
from ..core.tangents import Diagonal, as_for_many
from ..core.tape import Entry
from .directions import result_seeds
from .record import Recording


class Densities(NamedTuple):
    """The elements of all tangents of one direction, those of them that arrays hold, those that
    arrays hold of cotangents, and the number of operations."""

    whole: int
    tangents: int
    cotangents: int
    operations: int

    @property
    def few_tangents(self) -> bool:
        """Whether so few tangents are arrays that a recording is pushed in less time than the
        function runs with diagonals."""
        return 2 * self.tangents < self.whole


def _elements(t: Any) -> tuple[int, int]:
    """How many elements an array holds, and for how many it stands."""
    if t is None:
        return 0, 0
    if isinstance(t, (tuple, list)):
        parts = list(map(_elements, t))
        return sum(held for held, _ in parts), sum(whole for _, whole in parts)
    if type(t) is Diagonal:
        return 0, prod(t.shape[1:])
    size = int(np.size(plain(getattr(t, "array", t))))
    return size, size


class _Counter:
    """Adds up how many elements arrays hold, and for how many they stand, of what entries make."""

    def __init__(self, whole: int) -> None:
        self.held, self.whole = 0, whole
        self.store: list[Any] = []

    def __call__(self, entry: Entry, store: list[Any], new: list[Any]) -> None:
        held, whole = _elements(new)
        self.held, self.whole, self.store = self.held + held, self.whole + whole, store

    def ends(self, slots: Sequence[int]) -> int:
        """The elements that arrays hold in all, once those at the ends are arrays."""
        left = [self.store[i] for i in slots if i and self.store]
        return self.held + sum(_elements(t)[1] for t in left if type(t) is Diagonal)


UNKNOWN = Densities(0, 0, 0, 0)


def densities(recording: Recording) -> Densities:
    """What a whole Jacobian makes arrays of; UNKNOWN where a rule is missing or fails, which then
    tells more in the pass that needs it.

    One direction of each mode tells, since what stays diagonal does not depend on how many there
    are.
    """
    try:
        with as_for_many():
            (whole, pushed), pulled = _pushed(recording), _pulled(recording)
    except Exception:  # of a user's rule, which the mode that is taken may never run
        return UNKNOWN
    return Densities(whole, pushed, pulled, len(recording.tape.entries))


def _seed(v: Any) -> Diagonal | None:
    """A direction of an array, and none of a number."""
    shape = () if v is None else shape_of(v)
    return Diagonal(np.ones(shape, dtype_of(v)), 0, 1) if shape else None


def _pushed(recording: Recording) -> tuple[int, int]:
    seeds = recording.seeds(list(map(_seed, recording.inputs.values)))
    counter = _Counter(sum(_elements(t)[1] for _, t in seeds))
    outputs = [p or 0 for p in recording.outputs.payloads]
    recording.tape.push(seeds, outputs, (1,), counter)
    return counter.whole, counter.ends(outputs)


def _pulled(recording: Recording) -> int:
    counter = _Counter(0)
    recording.tape.pull_observed(result_seeds(recording, _seed), recording.slots, (1,), counter)
    return counter.ends(recording.slots)
