"""Run a function on traced arguments: record it on a tape, or push tangents along."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy import ndarray

from ..array.box import unbox
from ..array.guards import Guards
from ..array.kinds import kept
from ..array.layout import copy_with_strides
from ..core import trace as levels
from ..core.batch import Shape
from ..core.dual import new_trace, zero_tangent
from ..core.tape import new_tape
from ..core.types import Cotangent, Tangent, Value
from ..errors import RepeatedRunWarning, user_line
from ..trees import check_same_structure
from . import rerun
from .functions import code_of, split_aux
from .inputs import Inputs, Outputs, direction
from .masks import MaskTrace, masked_pass, uses_masks

T = TypeVar("T")
LARGE = 2**16  # elements of arguments above which a tape releases its entries while it is pulled


def guarded(inputs: Inputs, run: Callable[[Inputs, Guards], T]) -> T:
    """A derivative for which constant arrays are locked; see `array.guards`.

    If the function writes to one of them, it runs once more, on copies.
    """
    writes = bool(rerun.writers) and code_of(inputs.f) in rerun.writers
    guards = Guards(may_lock=True, copies=writes, learns=True)
    try:
        found = run(inputs, guards)
        if guards.copied or guards.kept:
            guards.learn()
        return found
    except Exception as error:
        if not rerun.is_refusal(error, guards):
            raise
        again = rerun.Rerun(inputs, guards, error)
    finally:
        if guards.locks is not None:
            guards.locks.release()
    return again.run(run)


def _copy(v: Value) -> Any:
    if type(v) is ndarray:
        return v.copy(order="K") if v.flags.forc else copy_with_strides(v)
    return kept(v)


class Recording:
    """A function recorded once at one point: its results, and the tape that leads to them.

    A recording that ends with the call that makes it has `guards` of its own (see `guarded`).
    `lasting` says that it is used more than once; `nested` says that the function took derivatives
    of its own.
    """

    __slots__ = ("aux", "inputs", "lasting", "nested", "outputs", "slots", "spent", "tape")

    def __init__(
        self,
        inputs: Inputs,
        has_aux: bool = False,
        guards: Guards | None = None,
        lasting: bool | None = None,
    ) -> None:
        self.inputs = inputs
        self.lasting = copies = guards is None if lasting is None else lasting
        self.tape = tape = new_tape.get()(guards)
        hold = tape.guards.hold
        values: list[Any] = []
        slots: list[int] = []
        boxes: list[Any] = []
        try:
            for v in inputs.values:
                if v is None:
                    values.append(None)
                    slots.append(0)
                    boxes.append(None)
                    continue
                if copies or not hold(v):
                    v = _copy(v)  # the caller may change it later, and f under another name
                slot = tape.next()
                values.append(v)
                slots.append(slot)
                boxes.append(tape.box(v, slot))
            inputs.values, self.slots = values, slots
            out, aux = inputs.call(boxes), None
            if has_aux:
                out, aux = split_aux(out, has_aux)
            self.outputs = Outputs(out, tape)
            tape.guards.values = self.outputs.values
            if tape.guards.expect is not None:
                tape.guards.expect(tape.guards)
            self.aux = Outputs(aux, tape, is_aux=True).released() if has_aux else None
        finally:
            tape.close()
        self.nested = levels.latest != tape.level
        self.spent = False

    def pull(
        self, cotangents: Sequence[Cotangent], batch: Shape = (), identity: bool = False
    ) -> list[Any]:
        """Cotangents of the input leaves, or None, for cotangents of the output leaves.

        `identity` says that zeros in the seeds are the operator's own.
        """
        seeds = []
        for slot, g in zip(self.outputs.payloads, cotangents, strict=True):
            if slot and g is not None:
                seeds.append((slot, g))
        if not seeds:
            return [None] * len(self.slots)
        if uses_masks():
            return masked_pass(self._pull, seeds, batch, identity)
        return self._pull(seeds, batch)

    def _pull(self, seeds: Any, batch: Shape) -> list[Any]:
        if not self.lasting:
            for v in self.inputs.values:
                if type(v) is ndarray and v.size > LARGE:
                    self.spent = True
        return self.tape.pull(seeds, self.slots, batch, self.spent)

    def push(
        self, tangents: Sequence[Tangent], batch: Shape = (), identity: bool = False
    ) -> list[Any]:
        """Tangents of the output leaves, or None, for tangents of the input leaves."""
        seeds = self.seeds(tangents)
        if uses_masks():
            return masked_pass(self._push, seeds, batch, identity)
        return self._push(seeds, batch)

    def seeds(self, tangents: Sequence[Tangent]) -> list[tuple[int, Any]]:
        """Slots and tangents of the input leaves that have any."""
        pairs = zip(self.slots, tangents, strict=True)
        return [(slot, t) for slot, t in pairs if slot and t is not None]

    def _push(self, seeds: Any, batch: Shape) -> list[Any]:
        outputs = [p or 0 for p in self.outputs.payloads]
        return self.tape.push(seeds, outputs, batch)

    def check_cotangents(self, tree: Any) -> list[Any]:
        """The user's cotangents as leaves, checked against the results."""
        leaves = check_same_structure(self.outputs.structure, tree, "cotangent of the result")
        return [
            direction(g, v, (), "cotangent") if p else None
            for g, v, p in zip(leaves, self.outputs.values, self.outputs.payloads, strict=True)
        ]


def push_forward(
    inputs: Inputs,
    tangents: Sequence[Tangent],
    batch: Shape,
    has_aux: bool = False,
    identity: bool = False,
) -> tuple[Outputs, Any]:
    """Run a function on dual numbers; the payloads of the outputs are their tangents.

    `identity` says that zeros in the tangents are the operator's own.
    """
    alive = MaskTrace() if uses_masks() else None
    trace = new_trace.get()(batch)
    try:
        boxes: list[Any] = []
        for i, v in enumerate(inputs.values):
            t = tangents[i]
            if v is None:
                boxes.append(None)
                continue
            seed = zero_tangent(v, batch) if t is None else t
            if alive is not None:
                seed = alive.seed(seed, identity or t is None)
            boxes.append(trace.box(v, seed))
        out, aux = inputs.call(boxes), None
        if has_aux:
            out, aux = split_aux(out, has_aux)
        outputs = Outputs(out, trace)
        if alive is not None:
            outputs.payloads = [alive.released(t) for t in outputs.payloads]
        return outputs, Outputs(aux, trace, is_aux=True).released() if has_aux else None
    finally:
        trace.close()
        if alive is not None:
            alive.close()


def agree(new: Sequence[Any], old: Sequence[Any]) -> bool:
    """Whether a second run gave the same numbers, except where the first gave NaN: a function may
    depend on more than its arguments."""
    if len(new) != len(old):
        return False
    for a, b in zip(map(unbox, new), map(unbox, old), strict=True):
        if a is None or b is None:
            if a is not b:
                return False
        elif np.shape(a) != np.shape(b) or not np.all((a == b) | np.isnan(b)):
            return False
    return True


def warn_unless_near(new: Sequence[Any], old: Sequence[Any], why: str) -> None:
    """Warn unless two runs gave the same numbers up to rounding, where these are finite."""
    for a, b in zip([v for v in new if v is not None], old, strict=True):
        comparable = np.shape(a) == np.shape(b) and np.all(np.isfinite(b))
        limit = 1e-4 * np.max(np.abs(b), initial=0.0)
        if comparable and not np.allclose(a, b, rtol=1e-4, atol=limit):
            warn_of_other_results(why)
            return


def warn_of_other_results(why: str) -> None:
    """Warn that a function, which ran again for this reason, does not give the same results."""
    warnings.warn(
        f"the function gave other results when it ran again {why}, {user_line()}: it depends on "
        f"more than its arguments, or changes something else. The derivative belongs to one of the "
        f"runs. Pass what it changes as an argument, or draw random numbers outside.",
        RepeatedRunWarning,
        stacklevel=2,
    )
