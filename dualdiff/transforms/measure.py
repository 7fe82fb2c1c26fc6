"""The cost of one direction of a recording in each mode, by a dry run."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..array.box import unbox
from ..core.batch import dtype_of, shape_of
from ..core.tangents import Diagonal, as_for_many
from ..core.tape import Entry, slots_of
from ..core.types import Tangent, Value
from .plan import Cost, Costs
from .record import Recording


def measure(recording: Recording, mode: str) -> Costs:
    """The costs of one tangent, of one cotangent, or of both for mode "auto".

    One direction is enough, since the diagonals of a pass do not depend on their number. A mode
    with a missing or failing rule has no cost; the pass that needs the rule says more.
    """
    modes = ("forward", "reverse") if mode == "auto" else (mode,)
    found: dict[str, Cost | None] = {}
    for each, run in (("forward", _push), ("reverse", _pull)):
        if each in modes:
            try:
                with as_for_many():
                    found[each] = run(recording)
            except Exception:  # an error of a user's rule, which the chosen mode may never run
                found[each] = None
    return Costs(**found)


def _push(recording: Recording) -> Cost:
    seeds = recording.seeds(list(map(_seed, recording.inputs.values)))
    outputs = [p or 0 for p in recording.outputs.payloads]
    meter = _Meter(seeds)
    recording.tape.push(seeds, outputs, (1,), meter)
    return meter.cost(outputs)


def _pull(recording: Recording) -> Cost:
    outputs = recording.outputs
    pairs = zip(outputs.payloads, map(_seed, outputs.values), strict=True)
    seeds = [(slot, g) for slot, g in pairs if slot and g is not None]
    meter = _Meter(seeds)
    recording.tape.pull_observed(seeds, recording.slots, (1,), meter)
    return meter.cost(recording.slots)


def _seed(v: Value) -> Any:
    """One direction of a leaf."""
    if v is None:
        return None
    shape, dtype = shape_of(v), dtype_of(v)
    return Diagonal(np.ones(shape, dtype), 0, 1) if shape else np.ones(1, dtype)


def _bytes_of(t: Tangent) -> tuple[int, int]:
    """The bytes of a direction of one array, as a dense array and as it is held."""
    if t is None:
        return 0, 0
    if isinstance(t, (tuple, list)):
        parts = list(map(_bytes_of, t))
        return sum(whole for whole, _ in parts), sum(held for _, held in parts)
    if type(t) is Diagonal:
        return prod(t.shape[1:]) * t.dtype.itemsize, 0
    size = int(getattr(unbox(getattr(t, "array", t)), "nbytes", 8))
    return size, size


class _Meter:
    """Records the size of the direction of each slot, from its first entry to its last."""

    def __init__(self, seeds: Sequence[tuple[int, Any]]) -> None:
        self.entries = self.arrays = 0
        self.sizes = {slot: _bytes_of(t)[0] for slot, t in seeds}
        self.first, self.last = dict.fromkeys(self.sizes, 0), dict.fromkeys(self.sizes, 0)
        self.store: list[Any] = [None] * (1 + max(self.sizes, default=0))
        for slot, t in seeds:
            self.store[slot] = t

    def __call__(self, entry: Entry, store: list[Any], new: list[Any]) -> None:
        self.entries, self.store = self.entries + 1, store
        self.arrays += _bytes_of(new)[1]
        for slot in (entry[1], *slots_of(entry)):
            if slot:
                self.first.setdefault(slot, self.entries)
                self.last[slot] = self.entries
                self.sizes[slot] = max(self.sizes.get(slot, 0), _bytes_of(store[slot])[0])

    def cost(self, ends: Sequence[int]) -> Cost:
        """The cost, with the directions at the ends as arrays."""
        left = [self.store[slot] for slot in ends if slot and slot < len(self.store)]
        self.arrays += sum(_bytes_of(t)[0] for t in left if type(t) is Diagonal)
        changes = np.zeros(self.entries + 2)
        for slot, size in self.sizes.items():
            changes[self.first[slot]] += size
            if slot not in ends:
                changes[self.last[slot] + 1] -= size
        sizes = [size for size in self.sizes.values() if size]
        # An operation may hold two intermediate results of its own.
        peak = int(np.cumsum(changes).max()) + 2 * max(sizes, default=0)
        total = sum(sizes)
        return Cost(peak, total // max(len(sizes), 1) or 8, total, self.arrays)
