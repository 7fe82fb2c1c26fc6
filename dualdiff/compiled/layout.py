"""Where the values of a tape lie in memory, and from where each operand comes.

Straight parts are cut into functions; values that another function reads go through an arena of
doubles. In a loop, an operand comes from the same iteration, from the one before (carried state),
from a fixed place, from an address that grows by a fixed step, or from a table of addresses. The
values of one operation of a loop that are read elsewhere lie next to each other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray

from .fusion import fused
from .loops import Segment, segments
from .tape import FinishedTape

CHUNK = 2000  # operations in one straight function


class Source(NamedTuple):
    """From where an operand of an operation in a loop comes.

    `kind` is "here" (operation `a` of the iteration), "carried" (operation `a` of the iteration
    before; slot `b` in the first), "fixed" (slot `a`), "step" (address `a`, growing by `b`) or
    "table" (addresses from place `a` of the table).
    """

    kind: str
    a: int
    b: int = 0


class Layout:
    """Addresses of slots (-1: never in memory), the units of code, and the sources of operands.

    `stored[u]` says for the operations of the loop of unit u whose values go to memory "all" or
    only the "last", with the first address.
    """

    def __init__(self, tape: FinishedTape) -> None:
        self.tape, found = fused(tape, segments(tape))
        tape = self.tape
        self.units: list[Segment] = []
        for s in found:
            if s.times > 1:
                self.units.append(s)
                continue
            cuts = range(s.start, s.stop, CHUNK)
            self.units += [Segment(c, min(CHUNK, s.stop - c), 1) for c in cuts]
        self.in_memory = np.zeros(tape.first + len(tape), bool)
        self.in_memory[: tape.first] = True
        for out in tape.outputs:
            self.in_memory[np.ravel(out)] = True
        slots = [self._slots_of(unit) for unit in self.units]
        self.addresses = np.full(tape.first + len(tape), -1)
        self.addresses[: tape.first] = np.arange(tape.first)
        self.stored = self._place()
        self._table: list[ndarray] = []
        self._length = 0
        self.sources = [s if s is None else self._addressed(s) for s in slots]

    @property
    def table(self) -> ndarray:
        """The table of addresses."""
        return np.concatenate(self._table) if self._table else np.zeros(1, np.int64)

    def add_table(self, addresses: ndarray) -> int:
        """Append addresses to the table, and return their place."""
        at = self._length
        self._table.append(np.asarray(addresses, np.int64))
        self._length += len(addresses)
        return at

    def _slots_of(self, unit: Segment) -> list[list[Source | ndarray]] | None:
        """Sources of operands; those through memory are still slots, one per iteration."""
        tape, start = self.tape, self.tape.first + unit.start
        if unit.times == 1:
            for k in range(3):
                slots = tape.operands[k][unit.start : unit.stop]
                used = tape.arity[unit.start : unit.stop] > k
                self.in_memory[slots[used & (slots < start)]] = True
            return None
        rows: list[list[Source | ndarray]] = []
        for i in range(unit.period):
            slots = tape.operands[:, unit.start + i : unit.stop : unit.period]
            arity = int(tape.arity[unit.start + i])
            rows.append([self._source(slots[k], unit) for k in range(arity)])
        return rows

    def _source(self, slots: ndarray, unit: Segment) -> Source | ndarray:
        first, period, count = self.tape.first + unit.start, unit.period, unit.times
        steps = np.diff(slots)
        last = int(slots[-1]) - first
        if (steps[1:] == period).all() and 0 <= last < count * period:
            back, place = divmod(last - (count - 1) * period, period)
            if back == 0 and steps[0] == period:
                return Source("here", place)
            if back == -1 and (count > 2 or steps[0] == period) and int(slots[0]) < first:
                self.in_memory[slots[0]] = True
                return Source("carried", place, int(slots[0]))
        if (steps == 0).all() and int(slots[0]) < first:
            self.in_memory[slots[0]] = True
            return Source("fixed", int(slots[0]))
        self.in_memory[slots] = True
        return slots

    def _place(self) -> list[dict[int, tuple[str, int]]]:
        """Give addresses to the values in memory."""
        at, found = self.tape.first, []
        for unit in self.units:
            first = self.tape.first + unit.start
            held: dict[int, tuple[str, int]] = {}
            needed = self.in_memory[first : self.tape.first + unit.stop]
            if unit.times == 1:
                places = np.flatnonzero(needed)
                self.addresses[first + places] = at + np.arange(len(places))
                at += len(places)
            else:
                grid = needed.reshape(unit.times, unit.period)
                for i in np.flatnonzero(grid.any(axis=0)).tolist():
                    if grid[:-1, i].any():
                        count = unit.times
                        held[i] = ("all", at)
                        self.addresses[first + i + unit.period * np.arange(count)] = at + np.arange(
                            count
                        )
                        at += count
                    else:
                        held[i] = ("last", at)
                        self.addresses[first + i + unit.period * (unit.times - 1)] = at
                        at += 1
            found.append(held)
        self.size = at
        return found

    def _addressed(self, rows: list[list[Source | ndarray]]) -> list[list[Source]]:
        made = []
        for row in rows:
            out = []
            for s in row:
                if isinstance(s, Source):
                    out.append(s)
                    continue
                addresses = self.addresses[s]
                steps = np.diff(addresses)
                if (steps == steps[0]).all():
                    out.append(Source("step", int(addresses[0]), int(steps[0])))
                else:
                    out.append(Source("table", self.add_table(addresses)))
            made.append(out)
        return made
