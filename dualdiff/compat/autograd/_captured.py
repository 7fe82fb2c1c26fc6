"""Traced values that a primitive or its rule uses although they are not its arguments.

Libraries keep arguments in their own objects, and use them from there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from ...array.box import is_box
from ...core.tape import Tape

TAPES: WeakValueDictionary[int, Tape] = WeakValueDictionary()


class Running(NamedTuple):
    """A call of a primitive that a tape is recording.

    `slots` stand for its arguments, and for results of inner primitives that depend on them alone;
    `start` is the number of entries before it.
    """

    trace: Tape
    slots: set[int]
    start: int

    def determines(self, slot: int) -> bool:
        """Whether a value depends on the arguments alone: then the rule covers its derivative."""
        parents = {e[1]: e[2] for e in self.trace.entries[self.start :] if type(e[2]) is tuple}
        waiting = [slot]
        while waiting:
            slot = waiting.pop()
            if slot and slot not in self.slots:
                if slot not in parents:
                    return False
                waiting.extend(parents[slot])
        return True


_running = threading.local()


def running_calls() -> list[Running]:
    """The calls that are running in this thread, the innermost last."""
    if not hasattr(_running, "calls"):
        _running.calls = []
    calls: list[Running] = _running.calls
    return calls


def without_own(leaf: Any) -> Any:
    """The result of a primitive as a plain value, if it depends on the arguments alone."""
    while is_box(leaf) and any(
        call.trace is leaf.owner and call.determines(leaf.payload) for call in running_calls()
    ):
        leaf = leaf.primal
    return leaf


@contextmanager
def used_by_value(level: int, around: set[int]) -> Iterator[None]:
    """Let the rule of a call use values of finished tapes, its own and its callers', as constants:
    their derivatives are recorded already."""
    tapes = [tape for n in around if (tape := TAPES.get(n)) is not None]
    used = [tape for tape in tapes if tape.level == level or not tape.is_open]
    saved = [(tape, tape.next, tape.append) for tape in used]
    for tape, _, _ in saved:
        tape.next, tape.append = _constant_slot, _forget
    try:
        yield
    finally:
        for tape, following, append in saved:
            tape.next, tape.append = following, append


def _constant_slot() -> int:
    return 0


def _forget(entry: Any) -> None:
    """Record nothing."""
