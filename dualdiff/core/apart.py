"""Parts of a program that tapes record apart from the rest, and that are pulled at once.

A solver that needs the gradient of a function at many points pulls each evaluation to the values
that existed before it, keeps these gradients, and forgets the evaluation.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .batch import SILENT, Shape, error_state, set_error_state
from .primitive import TAKERS, VJPS, accumulate, opcode
from .structure import DENSE
from .tape import LOCAL, Entry, Tape, open_tapes
from .types import Cotangent, Tangent, Value

# Slots of parts: no tape has so many of its own, and no two parts share one.
_next_slot = itertools.count(LOCAL).__next__


class Part:
    """What the open tapes recorded while a part of the program ran."""

    def __init__(self) -> None:
        self.first = _next_slot()
        self.entries: dict[Tape, list[Entry]] = {}

    def pull(self, tape: Tape, slot: int, g: Cotangent, batch: Shape) -> dict[int, Any]:
        """The cotangents of the values that the part read, by slot, for one of its results."""
        ct: Any = _Cotangents()
        ct[slot] = g
        state = error_state()
        try:
            set_error_state(SILENT)
            for entry in reversed(self.entries[tape]):
                g = ct.pop(entry[1], None)
                if g is None:
                    continue
                if type(g) in TAKERS and entry[0] not in TAKERS[type(g)]:
                    g = g.release()
                VJPS[entry[0]](g, ct, entry, batch)
        finally:
            set_error_state(state)
        found = {s: c for s, c in ct.items() if c is not None and s < self.first}
        return {s: c.release() if type(c) in TAKERS else c for s, c in found.items()}


class _Cotangents(dict[int, Any]):
    """Cotangents by slot, None where there is none."""

    def __missing__(self, slot: int) -> None:
        return None


@contextmanager
def apart() -> Iterator[Part]:
    """Record what follows apart from the tapes. Its values must not be used afterwards: a tape
    that is pulled refuses them."""
    part, saved = Part(), []
    for tape in open_tapes():
        entries = part.entries[tape] = []
        saved.append((tape, tape.next, tape.append))
        tape.next, tape.append = _next_slot, entries.append
    try:
        yield part
    finally:
        for tape, next_slot, append in saved:
            tape.next, tape.append = next_slot, append


class _Owner:
    name = "a functional with a known gradient"
    structure = DENSE


def _vjp(g: Cotangent, ct: list[Cotangent], entry: Entry, batch: Shape) -> None:
    for slot, gradient in zip(entry[2], entry[3], strict=True):
        rows = gradient.shape[0]
        flat = g @ gradient.reshape(rows, -1)
        accumulate(ct, slot, flat.reshape(batch + gradient.shape[1:])[()])


def _jvp(ts: list[Tangent], entry: Entry, batch: Shape) -> None:
    total: Any = None
    for slot, gradient in zip(entry[2], entry[3], strict=True):
        if ts[slot] is None:
            continue
        flat = (
            ts[slot].reshape((*batch, -1)) if gradient.ndim > 1 else ts[slot].reshape((*batch, 1))
        )
        t = flat @ gradient.reshape(gradient.shape[0], -1).T
        total = t if total is None else total + t
    if total is not None:
        ts[entry[1]] = total


_KNOWN = opcode(_Owner, _vjp, _jvp)


def with_gradients(tape: Tape, value: Value, gradients: dict[int, Any]) -> Any:
    """A vector of shape (m,) on a tape, whose gradients, of shape ``(m, *shape)``, are known."""
    slot = tape.next()
    tape.append((_KNOWN, slot, tuple(gradients), list(gradients.values())))
    return tape.box(value, slot)
