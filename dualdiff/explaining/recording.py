"""A tape that knows, for each entry, the user's line, the operation, and the time it took."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from sys import getsizeof
from time import perf_counter
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import unbox
from ..array.guards import Guards
from ..array.stores import Place
from ..core import trace as levels
from ..core.batch import quiet
from ..core.calls import OPAQUE
from ..core.tape import Entry, Tape, new_tape, slots_of
from ..core.types import Cotangent, Value
from ..errors import user_frame
from ..transforms.inputs import Inputs
from ..transforms.record import Recording

Line = tuple[str, int]


def shortened(source: str, width: int) -> str:
    """A line of the program for a picture."""
    return source if len(source) <= width else source[: width - 1] + "…"


@dataclass
class Operation:
    """One entry of the tape."""

    name: str
    line: Line
    forward: float
    backward: float = 0.0
    bytes: int = 0
    shape: tuple[int, ...] = ()
    dtype: str = ""
    calls_back: bool = False
    broke: bool = False  # its pullback made the first NaN or infinity of a cotangent


class LinesTape(Tape):
    """A tape that notes each entry."""

    __slots__ = ("notes",)

    def __init__(self, guards: Guards | None = None) -> None:
        super().__init__(guards)
        self.fast = False  # so that every operation comes by `process`
        self.notes: dict[int, Operation] = {}

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        line, start = user_frame(), perf_counter()
        with quiet():
            ans = super().process(prim, args, params)
        self._note(prim.name, line, perf_counter() - start, prim.outputs)
        return ans

    def store(self, content: Value, place: Place, v: Value, owned: bool) -> Any:
        line, start = user_frame(), perf_counter()
        ans = super().store(content, place, v, owned)
        self._note("store", line, perf_counter() - start, 1)
        return ans

    def _note(self, name: str, line: Line, seconds: float, outputs: int) -> None:
        entry = self.entries[-1 if outputs == 1 else -1 - outputs]
        calls_back = entry[0] == OPAQUE
        self.notes[entry[1]] = Operation(name, line, seconds, calls_back=calls_back)


@dataclass
class Observed:
    """A recording of a function, watched in both directions."""

    recording: Recording
    tape: LinesTape
    gradient: list[Cotangent]
    degenerate: bool

    @property
    def seconds(self) -> float:
        """The time of all entries."""
        return sum(note.forward + note.backward for note in self.operations)

    @property
    def operations(self) -> list[Operation]:
        """The entries in the order of the program."""
        return list(self.tape.notes.values())


def observe(inputs: Inputs) -> Observed:
    """Record a function and pull ones through it, with notes on each entry."""
    made: list[LinesTape] = []

    def first(guards: Guards | None) -> Tape:
        # Derivatives inside the function have tapes of their own.
        if made:
            return Tape(guards)
        made.append(LinesTape(guards))
        return made[0]

    met = levels.degeneracies
    token = new_tape.set(first)
    try:
        recording = Recording(inputs)
    finally:
        new_tape.reset(token)
    (tape,) = made
    _note_memory(tape, inputs)
    gradient = _pull(recording, tape)
    return Observed(recording, tape, gradient, levels.degeneracies != met)


def _pull(recording: Recording, tape: LinesTape) -> list[Cotangent]:
    """Cotangents of the inputs for ones in place of the results, timed by entry."""
    outputs = recording.outputs
    seeds = [
        (slot, np.ones(np.shape(v), np.asarray(v).dtype)[()])
        for slot, v in zip(outputs.payloads, outputs.values, strict=True)
        if slot
    ]
    clock = [perf_counter()]
    bad: set[int] = set()

    def observer(entry: Entry, ct: list[Any], new: list[Any]) -> None:
        note = tape.notes.get(entry[1])
        if note is not None:
            note.backward += perf_counter() - clock[0]
            slots = [slot for slot in slots_of(entry) if slot]
            if not _finite(ct[slot] for slot in slots):
                note.broke = entry[1] not in bad
                bad.update(slots)
        clock[0] = perf_counter()

    return tape.pull_observed(seeds, recording.slots, (), observer)


def _finite(values: Iterable[Any]) -> bool:
    for v in values:
        array = unbox(getattr(v, "array", v))
        is_number = isinstance(array, (ndarray, np.generic, float, complex))
        if is_number and not np.all(np.isfinite(array)):
            return False
    return True


def _note_memory(tape: LinesTape, inputs: Inputs) -> None:
    """Count what each entry keeps alive; an array that several keep belongs to the first."""
    seen = {id(_owner(v)) for v in inputs.values if isinstance(v, ndarray)}
    for entry in tape.entries:
        note = tape.notes.get(entry[1])
        if note is None:
            continue
        largest, note.bytes = 0, _size_of(entry)
        for array in arrays_in(entry):
            owner = _owner(array)
            if id(owner) in seen:
                continue
            seen.add(id(owner))
            note.bytes += owner.nbytes
            if owner.nbytes > largest:
                largest, note.shape, note.dtype = owner.nbytes, array.shape, str(array.dtype)


def _size_of(item: Any, depth: int = 2) -> int:
    """The bytes of an entry itself, without arrays and without names that it shares."""
    if isinstance(item, tuple):
        inner = sum(_size_of(part, depth - 1) for part in item) if depth else 0
        return getsizeof(item) + inner
    return getsizeof(item) if isinstance(item, (float, complex)) else 0


def _owner(array: ndarray) -> ndarray:
    while isinstance(array.base, ndarray):
        array = array.base
    return array


def arrays_in(item: Any, depth: int = 4) -> Iterable[ndarray]:
    """The plain arrays in the containers of a tape entry."""
    item = unbox(item)
    if isinstance(item, ndarray):
        yield item
    elif depth and isinstance(item, (tuple, list)):
        for part in item:
            yield from arrays_in(part, depth - 1)
    elif depth and isinstance(item, dict):
        for part in item.values():
            yield from arrays_in(part, depth - 1)


def fastest(call: Callable[[], Any], limit: float = 0.3, runs: int = 7) -> float:
    """The least time of a few calls, in seconds; a slow call runs twice, a very slow one once."""
    best = total = 0.0
    for run in range(runs):
        start = perf_counter()
        call()
        seconds = perf_counter() - start
        best = min(best, seconds) if run else seconds
        total += seconds if run else 0.0  # a first call may compile, or load rules
        if total > limit or seconds > 10 * limit:
            break
    return best
