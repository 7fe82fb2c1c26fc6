"""Compiled functions on many points at once, several of them in the lanes of vector registers."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..core.types import Value
from ..trees import Structure, flatten
from .assembly import Assembly
from .function import Compiled, compile
from .instructions import DONE
from .literals import Types
from .machine import Code, address_of, object_code
from .scalar import ScalarProgram
from .signature import is_dynamic

LANES = 8
_mutex = threading.Lock()


class LaneProgram:
    """The code of a scalar program on vectors: each place in memory holds a number per lane."""

    def __init__(self, program: ScalarProgram) -> None:
        tape = program.tape
        assembly = Assembly(tape, program.fastmath, Types(LANES))
        self.table = np.ascontiguousarray(assembly.layout.table)
        self.code = Code(object_code(assembly.text, assembly.effort))
        self.start = np.zeros((max(assembly.size, 1), LANES))
        self.start[tape.inputs : tape.first] = tape.values[:, None]
        self.inputs = [int(np.prod(shape)) for shape in program.input_shapes]
        counts = [1 if shape is None else int(np.prod(shape)) for shape in program.output_shapes]
        self.outputs = list(zip(assembly.outputs, counts, strict=True))

    def blocks(self, inputs: Sequence[ndarray], outputs: Sequence[ndarray], start: int) -> int:
        """Compute points from `start` on, and return the first that is left to others.

        The arrays have a row per point. A point is left if it takes another course, has a result
        that is not finite, or numbers out of the range of a function on vectors.
        """
        memory = self.start.copy()
        address, table = address_of(memory), address_of(self.table)
        total = len(inputs[0])
        for at in range(start, total, LANES):
            stop, place = min(at + LANES, total), 0
            for x, count in zip(inputs, self.inputs, strict=True):
                memory[place : place + count, : stop - at] = x[at:stop].T
                if stop - at < LANES:  # the last point once more
                    memory[place : place + count, stop - at :] = x[stop - 1][:, None]
                place += count
            if self.code.run(address, table) != DONE:
                return at
            for out, (place, count) in zip(outputs, self.outputs, strict=True):
                out[at:stop] = memory[place : place + count, : stop - at].T
        return total


class Vectorized:
    """A function of batches of points; `vectorize` makes it."""

    def __init__(self, compiled: Compiled) -> None:
        functools.update_wrapper(self, compiled.f, updated=())
        self.compiled = compiled
        self.programs: dict[int, tuple[Any, LaneProgram]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten((args, kwargs))
        batched = [type(x) is ndarray and x.ndim > 0 for x in leaves]
        sizes = {len(x) for x, is_batched in zip(leaves, batched, strict=True) if is_batched}
        if len(sizes) != 1:
            raise ValueError(
                f"the array arguments of a vectorized function have one batch axis in front, of "
                f"one length; these have lengths {sorted(sizes)}"
            )
        return _Batch(self, leaves, structure, batched, sizes.pop()).result()

    def lanes_of(self, program: ScalarProgram) -> LaneProgram:
        """The code of a scalar program on vectors."""
        with _mutex:
            found = self.programs.get(id(program))
            if found is None:
                found = self.programs[id(program)] = program, LaneProgram(program)
        return found[1]


class _Batch:
    """One call of a vectorized function."""

    def __init__(
        self,
        owner: Vectorized,
        leaves: Sequence[Any],
        structure: Structure,
        batched: Sequence[bool],
        size: int,
    ) -> None:
        self.owner, self.structure, self.batched, self.size = owner, structure, batched, size
        self.leaves = [
            np.ascontiguousarray(x) if b else x for x, b in zip(leaves, batched, strict=True)
        ]
        # Integers are part of the signature, so each point has its own.
        self.is_numeric = all(x.dtype.kind == "f" for x in self.leaves if type(x) is ndarray)
        self.outputs: list[Any] = []
        self.form: Structure | None = None

    def point(self, i: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of point i."""
        parts = [x[i] if b else x for x, b in zip(self.leaves, self.batched, strict=True)]
        args, kwargs = self.structure.unflatten(parts)
        return args, kwargs

    def result(self) -> Any:
        """The results of all points, each leaf with the batch axis in front."""
        i, compiled = 0, self.owner.compiled
        while i < self.size:
            args, kwargs = self.point(i)
            found = compiled.ready(args, kwargs) if i and self.is_numeric else None
            count = 1
            if found is not None and type(found[0].program) is ScalarProgram:
                i, count = self._in_lanes(found[0], found[1], i), LANES
            stop = min(i + count, self.size)
            for k in range(i, stop):
                args, kwargs = self.point(k)
                self._keep(k, compiled(*args, **kwargs))
            i = stop
        if self.form is None:
            raise ValueError("a vectorized function needs at least one point")
        return self.form.unflatten(self.outputs)

    def _in_lanes(self, recorded: Any, dynamic: Sequence[Any], start: int) -> int:
        """Compute points in lanes, and return the first that is left."""
        program = recorded.program
        if program.constants or program.truths or self.form != recorded.structure:
            return start
        at = iter(dynamic)
        inputs = []
        for x, is_batched in zip(self.leaves, self.batched, strict=True):
            if is_batched:
                next(at)
                inputs.append(x.reshape(self.size, -1))
            elif is_dynamic(x):
                inputs.append(np.broadcast_to(np.ravel(next(at)), (self.size, np.size(x))))
        inputs += [np.broadcast_to(np.ravel(x), (self.size, x.size)) for x in recorded.lifted]
        outputs = [out.reshape(self.size, -1) for out in self.outputs]
        stop = self.owner.lanes_of(program).blocks(inputs, outputs, start)
        recorded.replays += stop - start
        return stop

    def _keep(self, i: int, out: Any) -> None:
        """Put the result of point i into its place."""
        leaves, form = flatten(out)
        if self.form is None:
            self.form = form
            arrays = map(np.asarray, leaves)
            self.outputs = [np.empty((self.size, *a.shape), a.dtype) for a in arrays]
        if form != self.form or any(
            np.shape(leaf) != out.shape[1:] or np.asarray(leaf).dtype != out.dtype
            for leaf, out in zip(leaves, self.outputs, strict=True)
        ):
            raise ValueError(f"point {i} of a batch gives a result of another form than point 0")
        for leaf, into in zip(leaves, self.outputs, strict=True):
            into[i] = leaf


def vectorize(f: Callable[..., Value], /) -> Vectorized:
    """A compiled function on batches of points: machine code computes several points at once.

    Arguments: `f`, a compiled function, or a function to compile.
    Returns: a function of the same arguments, of which all arrays have a batch axis of one length
    in front; numbers and other arguments hold for all points. Each array or number of the result
    gets the batch axis in front.
    Raises: ValueError if lengths differ, or if points give results of different forms.

    Points for which no recording holds are computed one by one, as are programs that are no scalar
    machine code. In vector code sin, cos, exp, log, tanh, log1p and expm1 are right to 1.5 units in
    the last place, so results agree with those of `f` up to rounding.

    >>> import numpy as np, dualdiff as dd
    >>> g = dd.vectorize(dd.grad(lambda x: np.sin(x[0]) * x[1]))
    >>> g(np.array([[0.0, 1.0], [0.0, 2.0]]))
    array([[1., 0.],
           [2., 0.]])
    """
    return Vectorized(f if isinstance(f, Compiled) else compile(f))
