"""How much of the directions of a whole Jacobian are arrays in each mode, and not diagonals."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .._diagonals import Diagonal, Tangents, push_diagonals
from ..core.boxes import plain
from ..core.primitive import accumulate
from ..core.shapes import dtype_of, quiet, shape_of
from .directions import pull_through
from .linearize import Recording

Densities = tuple[float, float]
ALL: Densities = (1.0, 1.0)


class _Tally:
    """Counts elements of directions: those that arrays hold, and those that they stand for."""

    def __init__(self) -> None:
        self.held = self.all = 0

    def add(self, t: Any) -> None:
        if isinstance(t, (tuple, list)):
            for part in t:
                self.add(part)
        elif type(t) is Diagonal:
            self.all += prod(t.shape[1:])
        elif t is not None:
            size = int(np.size(plain(getattr(t, "array", t))))
            self.held, self.all = self.held + size, self.all + size

    @property
    def density(self) -> float:
        return self.held / self.all if self.all else 1.0


class _Pushed(Tangents):
    __slots__ = ("tally",)
    tally: _Tally

    def __setitem__(self, slot: Any, t: Any) -> None:
        self.tally.add(t)
        super().__setitem__(slot, t)


class _Pulled(list[Any]):
    __slots__ = ("tally",)
    tally: _Tally

    def __setitem__(self, slot: Any, c: Any) -> None:
        self.tally.add(c)
        super().__setitem__(slot, c)


def densities(recording: Recording) -> Densities:
    """The part of all tangents, and of all cotangents, that a whole Jacobian makes arrays of.

    One direction each tells, since what stays diagonal does not depend on how many there are. All
    of them where a rule is missing or fails, which then tells more in the pass that needs it.
    """
    try:
        return _pushed(recording), _pulled(recording)
    except Exception:
        return ALL


def _seed(v: Any) -> Diagonal:
    return Diagonal(np.ones(shape_of(v), dtype_of(v)), 0, 1)


def _pushed(recording: Recording) -> float:
    tape = recording.tape
    ts = _Pushed([None] * tape.size)
    ts.tally = _Tally()
    values = recording.inputs.values
    seeds = recording.seeds([None if v is None or not shape_of(v) else _seed(v) for v in values])
    outputs = [p or 0 for p in recording.outputs.payloads]
    push_diagonals(tape, seeds, outputs, (1,), ts=ts)
    return ts.tally.density


def _pulled(recording: Recording) -> float:
    ct = _Pulled([None] * recording.tape.size)
    ct.tally = _Tally()
    outputs = recording.outputs
    for slot, v in zip(outputs.payloads, outputs.values, strict=True):
        if slot and shape_of(v):
            accumulate(ct, slot, _seed(v))
    with quiet():
        pull_through(recording.tape, ct)
    for slot in recording.slots:
        if type(ct[slot]) is Diagonal:
            ct.tally.held += prod(ct[slot].shape[1:])
    return ct.tally.density
