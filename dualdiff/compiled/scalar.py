"""The native backend for programs of numbers and small arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .assembly import Assembly
from .graph import Graph
from .instructions import DONE, NOT_FINITE
from .lower import scalar_tape
from .machine import Code, address_of, object_code, processor
from .source import Miss
from .tape import FinishedTape, Unsupported

MOST_STRAIGHT = 60_000  # operations outside of loops that are compiled


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
    that failed, or None where a result is not finite."""

    checks_finite = True

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
        self._load(Code(object_code(assembly.text)))
        self.loops = [(u.period, u.times) for u in assembly.loops]
        self.straight = assembly.straight
        parts = [f"{len(self.tape)} scalar operations, {self.straight} outside of loops"]
        parts += [f"a loop of {p} operations x {c}" for p, c in self.loops]
        self.description = "native code: " + ", ".join(parts)

    def _load(self, code: Code) -> None:
        self.code, self.run = code, code.run
        self.table_address = address_of(self.table)
        self.pool: list[Arena] = [Arena(self)]

    def __getstate__(self) -> dict[str, Any]:
        loaded = ("code", "run", "table_address", "pool")
        state = {k: v for k, v in vars(self).items() if k not in loaded}
        return state | {"object": self.code.code, "processor": processor()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        code, own = state.pop("object"), state.pop("processor")
        vars(self).update(state)
        if own != processor():  # made on another machine
            code = object_code(Assembly(self.tape, self.fastmath).text)
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
