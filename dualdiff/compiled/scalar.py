"""The native backend for programs of numbers and small arrays."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from .assembly import Assembly
from .graph import Graph
from .instructions import DONE, NOT_FINITE
from .lower import scalar_tape
from .machine import LONG, QUICK, Code, address_of, cached_code, compiled, object_code, processor
from .source import Miss
from .tape import FinishedTape, Unsupported

MOST_STRAIGHT = 60_000  # operations outside of loops that are compiled
_mutex = threading.Lock()


class Arena:
    """The memory of one replay at a time."""

    __slots__ = ("address", "inputs", "memory", "outputs")

    def __init__(self, program: ScalarProgram) -> None:
        tape = program.tape
        self.memory = np.zeros(program.size)
        self.memory[tape.inputs : tape.first] = tape.values
        self.address = address_of(self.memory)
        self.inputs, at = [], 0
        for form in program.input_shapes:
            count = int(np.prod(form))
            self.inputs.append(self.memory[at : at + count].reshape(form))
            at += count
        self.outputs: list[Any] = []
        for address, shape in zip(program.addresses, program.output_shapes, strict=True):
            if shape is None:
                self.outputs.append(address)
            else:
                stop = address + int(np.prod(shape))
                self.outputs.append(self.memory[address:stop].reshape(shape))


class ScalarProgram:
    """Native code for one graph; called with the inputs, it returns the output leaves, the guard
    that failed, or None where a result is not finite.

    Long programs run on code of least effort at first. `improve` makes the better code in the
    background, with the same results to the last bit, and it takes over when it is ready.
    """

    checks_finite = True
    code: Code
    better: tuple[str, int] | None = None  # the text and effort of code that is not made yet
    _worker: threading.Thread | None = None

    def __init__(self, graph: Graph, fastmath: bool) -> None:
        tape, slots = scalar_tape(graph)
        self.tape: FinishedTape = tape.finish([s for s in slots if s is not None])
        assembly = Assembly(self.tape, fastmath)
        if assembly.straight > MOST_STRAIGHT:
            raise Unsupported("too much code without loops")
        self.input_shapes = [_shape(graph.forms[node]) for node in graph.inputs]
        refs = graph.outputs
        self.constants = {k: graph.constants[-1 - ref] for k, ref in enumerate(refs) if ref < 0}
        self.truths = {k for k, ref in enumerate(refs) if ref >= 0 and _is_truth(graph.forms[ref])}
        self.places = [k for k, ref in enumerate(refs) if ref >= 0]
        forms = [graph.forms[ref] for ref in refs if ref >= 0]
        self.output_shapes = [f[0] if type(f) is tuple else None for f in forms]
        self.tests = assembly.tape.tests  # by their places in the code
        self.addresses, self.size = assembly.outputs, max(assembly.size, 1)
        self.table = np.ascontiguousarray(assembly.layout.table)
        self.fastmath = fastmath
        self._load(self._first_code(assembly))
        self.loops = [(u.period, u.times) for u in assembly.loops]
        self.straight = assembly.straight
        parts = [f"{len(self.tape)} scalar operations, {self.straight} outside of loops"]
        parts += [f"a loop of {p} operations x {c}" for p, c in self.loops]
        self.summary = "native code: " + ", ".join(parts)

    def _first_code(self, assembly: Assembly) -> Code:
        """Code to begin with: the best from the cache or of little work, else the quickest."""
        text, effort = assembly.text, assembly.effort
        if effort == QUICK or self.fastmath or len(text) < LONG:
            return Code(object_code(text, effort))
        found = cached_code(text, effort)
        if found is None:
            self.better = text, effort
        return Code(compiled(text, QUICK) if found is None else found)

    def improve(self) -> None:
        """Begin to make the better code in the background, if that has not begun."""
        with _mutex:
            if self.better is None or self._worker is not None:
                return
            self._worker = threading.Thread(target=self._improve, name="dualdiff compiler")
            try:
                self._worker.start()
            except RuntimeError:  # the interpreter is about to end
                self._worker = None

    def _improve(self) -> None:
        assert self.better is not None
        code = Code(object_code(*self.better))
        self.held = self.code  # another thread may be in it
        self.code, self.run, self.better = code, code.run, None

    def _finish(self) -> None:
        """Wait for the better code, or make it now."""
        worker = self._worker
        if worker is not None:
            worker.join()
        if self.better is not None:
            self._improve()

    @property
    def description(self) -> str:
        """The backend in words."""
        waits = ", on code of least effort until LLVM's better code is ready"
        return self.summary + (waits if self.better is not None else "")

    def _load(self, code: Code) -> None:
        self.code, self.run = code, code.run
        self.table_address = address_of(self.table)
        self.pool: list[Arena] = [Arena(self)]

    def __getstate__(self) -> dict[str, Any]:
        self._finish()
        loaded = ("code", "run", "table_address", "pool", "better", "held", "_worker")
        state = {k: v for k, v in vars(self).items() if k not in loaded}
        return state | {"object": self.code.code, "processor": processor()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        code, own = state.pop("object"), state.pop("processor")
        vars(self).update(state)
        if own != processor():  # made on another machine
            assembly = Assembly(self.tape, self.fastmath)
            code = object_code(assembly.text, assembly.effort)
        self._load(Code(code))

    def __call__(self, *inputs: Any) -> Sequence[Any] | Miss | None:
        pool = self.pool
        try:
            arena = pool.pop()
        except IndexError:  # all are in use, by other threads
            arena = Arena(self)
        for view, x in zip(arena.inputs, inputs, strict=True):
            view[...] = x
        failed = self.run(arena.address, self.table_address)
        if failed == DONE:
            found = [arena.memory[out] if type(out) is int else out.copy() for out in arena.outputs]
            pool.append(arena)
            return found if not self.constants and not self.truths else self._complete(found)
        pool.append(arena)
        if failed == NOT_FINITE:
            return None
        return Miss(self.tests[failed], None)

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
