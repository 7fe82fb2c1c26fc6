"""How much of the directions of a whole Jacobian are arrays in each mode, and not diagonals."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..array.box import plain
from ..core.batch import dtype_of, shape_of
from ..core.tangents import Diagonal, as_for_many
from .directions import pull_through
from .identity import Tangents, push_diagonals
from .linearize import Recording


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
        held, whole = zip(*map(_elements, t), strict=True)
        return sum(held), sum(whole)
    if type(t) is Diagonal:
        return 0, prod(t.shape[1:])
    size = int(np.size(plain(getattr(t, "array", t))))
    return size, size


class _Pushed(Tangents):
    __slots__ = ("held", "whole")
    held: int
    whole: int

    def __setitem__(self, slot: Any, t: Any) -> None:
        held, whole = _elements(t)
        self.held, self.whole = self.held + held, self.whole + whole
        super().__setitem__(slot, t)


class _Pulled(list[Any]):
    __slots__ = ("held",)
    held: int

    def __setitem__(self, slot: Any, c: Any) -> None:
        self.held += _elements(c)[0]
        super().__setitem__(slot, c)


UNKNOWN = Densities(0, 0, 0, 0)


def densities(recording: Recording) -> Densities:
    """What a whole Jacobian makes arrays of; UNKNOWN where a rule is missing or fails, which then
    tells more in the pass that needs it.

    One direction of each mode tells, since what stays diagonal does not depend on how many there
    are.
    """
    try:
        with as_for_many():
            pushed, pulled = _pushed(recording), _pulled(recording)
    except Exception:  # of a user's rule, which the mode that is taken may never run
        return UNKNOWN
    return Densities(pushed.whole, pushed.held, pulled.held, len(recording.tape.entries))


def _seed(v: Any) -> Diagonal | None:
    """A direction of an array, and none of a number."""
    shape = () if v is None else shape_of(v)
    return Diagonal(np.ones(shape, dtype_of(v)), 0, 1) if shape else None


def _pushed(recording: Recording) -> _Pushed:
    tape = recording.tape
    ts = _Pushed([None] * tape.size)
    ts.held = ts.whole = 0
    seeds = recording.seeds(list(map(_seed, recording.inputs.values)))
    outputs = [p or 0 for p in recording.outputs.payloads]
    push_diagonals(tape, seeds, outputs, (1,), ts=ts)
    return ts


def _pulled(recording: Recording) -> _Pulled:
    ct = _Pulled([None] * recording.tape.size)
    ct.held = 0
    pull_through(recording, ct, _seed)
    for slot in recording.slots:
        if type(ct[slot]) is Diagonal:
            ct.held += prod(ct[slot].shape[1:])
    return ct
