"""The native backend for programs of numbers and small arrays."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from .assembly import Assembly
from .graph import Graph
from .instructions import DONE, NOT_FINITE
from .interpreter import interpreter, rows_of
from .lower import scalar_tape
from .machine import Code, address_of, object_code, processor
from .source import Miss
from .tape import FinishedTape

# Operations of a program that is compiled before its first replay, and those outside of loops that
# are compiled at all.
AT_ONCE, MOST_STRAIGHT = 5_000, 60_000
_mutex = threading.Lock()


class Arena:
    """The memory of one replay at a time."""

    __slots__ = ("address", "inputs", "memory", "outputs")

    def __init__(self, program: ScalarProgram, routine: Routine) -> None:
        tape = program.tape
        self.memory = np.zeros(max(routine.size, 1))
        self.memory[tape.inputs : tape.first] = tape.values
        self.address = address_of(self.memory)
        self.inputs, at = [], 0
        for form in program.input_shapes:
            count = int(np.prod(form))
            self.inputs.append(self.memory[at : at + count].reshape(form))
            at += count
        self.outputs: list[Any] = []
        for address, shape in zip(routine.outputs, program.output_shapes, strict=True):
            if shape is None:
                self.outputs.append(address)
            else:
                stop = address + int(np.prod(shape))
                self.outputs.append(self.memory[address:stop].reshape(shape))


class Routine:
    """Machine code and what it reads: a table, and an arena of `size` places.

    Results lie at `outputs`; `tests` are the nodes of guards by the numbers that the code returns
    where they do not hold. `pool` holds the arenas that are not in use.
    """

    def __init__(
        self, code: Code, table: ndarray, size: int, outputs: list[int], tests: dict[int, int]
    ) -> None:
        self.code, self.run, self.table = code, code.run, np.ascontiguousarray(table)
        self.size, self.outputs, self.tests = size, outputs, tests
        self.table_address = address_of(self.table)
        self.pool: list[Arena] = []


class ScalarProgram:
    """Native code for one graph; called with the inputs, it returns the output leaves, the guard
    that failed, or None where a result is not finite.

    Long programs are interpreted at first. `improve` makes code of their own in the background,
    with the same results to the last bit, and it takes over when it is ready.
    """

    checks_finite = True
    routine: Routine
    _assembly: Assembly | None = None
    _summary = ""
    _worker: threading.Thread | None = None

    def __init__(self, graph: Graph, fastmath: bool) -> None:
        tape, slots = scalar_tape(graph)
        self.tape: FinishedTape = tape.finish([s for s in slots if s is not None])
        self.fastmath = fastmath
        self.input_shapes = [_shape(graph.forms[node]) for node in graph.inputs]
        refs = graph.outputs
        self.constants = {k: graph.constants[-1 - ref] for k, ref in enumerate(refs) if ref < 0}
        self.truths = {k for k, ref in enumerate(refs) if ref >= 0 and _is_truth(graph.forms[ref])}
        self.places = [k for k, ref in enumerate(refs) if ref >= 0]
        forms = [graph.forms[ref] for ref in refs if ref >= 0]
        self.output_shapes = [f[0] if type(f) is tuple else None for f in forms]
        # Code with reordered sums gives other bits, so it cannot take over later.
        self.is_settled = fastmath or len(self.tape) <= AT_ONCE
        self.routine = self._own_routine() if self.is_settled else self._interpreted()

    def _interpreted(self) -> Routine:
        return Routine(interpreter(), *rows_of(self.tape), self.tape.tests)

    def _own_routine(self) -> Routine:
        """Code of this program's own."""
        assembly = self._assembled()
        self._assembly = None
        if assembly.straight > MOST_STRAIGHT:  # would take minutes
            return self._interpreted()
        code = Code(object_code(assembly.text, assembly.effort))
        layout = assembly.layout
        return Routine(code, layout.table, assembly.size, assembly.outputs, layout.tape.tests)

    def _assembled(self) -> Assembly:
        """The text of code of this program's own, and its description."""
        assembly = self._assembly or Assembly(self.tape, self.fastmath)
        parts = [f"{len(self.tape)} scalar operations, {assembly.straight} outside of loops"]
        parts += [f"a loop of {u.period} operations x {u.times}" for u in assembly.loops]
        self._summary = "native code: " + ", ".join(parts)
        return assembly

    def improve(self) -> None:
        """Begin to make code of its own in the background, if that has not begun."""
        with _mutex:
            if self.is_settled or self._worker is not None:
                return
            self._worker = threading.Thread(target=self._improve, name="dualdiff compiler")
            try:
                self._worker.start()
            except RuntimeError:  # the interpreter is about to end
                self._worker = None

    def _improve(self) -> None:
        self.routine, self.is_settled = self._own_routine(), True

    def _finish(self) -> None:
        """Wait for code of its own, or make it now."""
        worker = self._worker
        if worker is not None:
            worker.join()
        if not self.is_settled:
            self._improve()

    @property
    def description(self) -> str:
        """The backend in words."""
        if not self._summary:
            self._assembly = self._assembled()
        if self.routine.code is not interpreter():
            return self._summary
        return self._summary + (", interpreted" if self.is_settled else ", interpreted at first")

    def __getstate__(self) -> dict[str, Any]:
        self._finish()
        loaded = ("routine", "_worker", "_assembly")
        state = {k: v for k, v in vars(self).items() if k not in loaded}
        own, code = self.routine, self.routine.code
        if code is not interpreter():
            state["own"] = code.code, own.table, own.size, own.outputs, own.tests
            state["processor"] = processor()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        own, made_for = state.pop("own", None), state.pop("processor", None)
        vars(self).update(state)
        if own is None:
            self.routine = self._interpreted()
        elif made_for == processor():
            self.routine = Routine(Code(own[0]), *own[1:])
        else:  # made on another machine
            self.routine = self._own_routine()

    def __call__(self, *inputs: Any) -> Sequence[Any] | Miss | None:
        routine = self.routine
        pool = routine.pool
        try:
            arena = pool.pop()
        except IndexError:  # all are in use, by other threads
            arena = Arena(self, routine)
        for view, x in zip(arena.inputs, inputs, strict=True):
            view[...] = x
        failed = routine.run(arena.address, routine.table_address)
        if failed == DONE:
            found = [arena.memory[out] if type(out) is int else out.copy() for out in arena.outputs]
            pool.append(arena)
            return found if not self.constants and not self.truths else self._complete(found)
        pool.append(arena)
        if failed == NOT_FINITE:
            return None
        return Miss(routine.tests[failed], None)

    def _complete(self, found: list[Any]) -> list[Any]:
        """All leaves, with constants and truth values in their places."""
        leaves = dict(self.constants)
        for k, x in zip(self.places, found, strict=True):
            leaves[k] = (x != 0.0) if k in self.truths else x
        return [leaves[k] for k in range(len(leaves))]


def _shape(form: Any) -> tuple[int, ...]:
    return form[0] if type(form) is tuple else ()


def _is_truth(form: Any) -> bool:
    return form in (bool, np.bool_) or (type(form) is tuple and form[1] == np.bool_)
