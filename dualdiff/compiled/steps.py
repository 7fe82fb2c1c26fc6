"""Traces of derivatives inside a careful recording, where rules may be called back.

A rule that looks at recorded numbers, or fails on them, is rolled back. It becomes one node that
runs the rule on plain values at every replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..array.guards import Guards
from ..core.batch import Shape
from ..core.calls import ELEMENTWISE, OPAQUE, OpaqueCall
from ..core.dual import ForwardTrace
from ..core.primitive import JVPS, VJPS
from ..core.tape import Entry, Observer, Tape, slots_of
from ..core.types import Cotangent, Tangent, Value
from .errors import Looked, Unrecordable
from .nodes import Callback, Pick, with_holes
from .recorder import Recorder, without_known
from .values import KINDS, contains_box

_USERS = (OPAQUE, ELEMENTWISE)  # their entries hold calls, which may hold boxes


class Only(dict[int, Any]):
    """Tangents or cotangents by slot; those that are not given are None."""

    def __missing__(self, slot: int) -> None:
        return None


def _sum(a: Value, b: Value) -> Any:
    """The sum of two cotangents of which each may be None, or a list for several outputs."""
    if a is None or b is None:
        return b if a is None else a
    return list(map(_sum, a, b)) if type(a) is list else a + b


def _released(c: Any) -> Any:
    return c.release() if hasattr(type(c), "release") and type(c) not in KINDS else c


def attempt(recorder: Recorder, rule: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """The results of a rule, written down step by step or else as one call."""
    leaves: list[Any] = []
    try:
        template = with_holes(operands, leaves)
    except Unrecordable:  # boxes of other derivatives: what leaves there is guarded
        return rule(*operands)
    if not leaves:
        return rule(*operands)
    nodes, constants = len(recorder.operations), len(recorder.constants)
    recorder.depth += 1
    try:
        return rule(*operands)
    except (Looked, Exception):
        recorder.forget(nodes, constants)
    finally:
        recorder.depth -= 1
    call = Callback(rule, template, {})
    raws = [x.raw for x in leaves]
    ans = call(*raws)
    if contains_box(ans):
        raise Unrecordable("a rule keeps recorded values in its own objects")
    node = recorder.append(call, tuple(map(recorder.ref, leaves)), ans)
    return _boxed(recorder, ans, node, raws)


def _boxed(recorder: Recorder, ans: Any, node: int, raws: Sequence[Any]) -> Any:
    """The results of a call, of which some may be None."""
    if type(ans) not in (tuple, list):
        return recorder.wrap(ans, node, raws)
    parts: list[Any] = []
    for i, part in enumerate(ans):
        if part is None:
            parts.append(None)
            continue
        index = recorder.append(Pick((i,)), (node,), part)
        parts.append(_boxed(recorder, part, index, raws))
    return type(ans)(parts)


class Direct:
    """A primitive whose primal is one node, and whose jvp may be called back."""

    def __init__(self, prim: Any, recorder: Recorder) -> None:
        self.prim, self.recorder = prim, recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self.prim, name)

    def evaluate(self, values: Sequence[Any], params: dict[str, Any]) -> Any:
        """The primal result."""
        prim, recorder = self.prim, self.recorder
        if isinstance(prim, OpaqueCall):
            return prim.evaluate(values, params)
        nodes, constants = len(recorder.operations), len(recorder.constants)
        try:
            leaves: list[Any] = []
            with_holes((tuple(values), params), leaves)
            if leaves:
                return recorder.apply(prim.fn, tuple(values), without_known(params))
        except (Unrecordable, TypeError):
            recorder.forget(nodes, constants)
        return prim.evaluate(values, params)

    def apply_jvp(self, saved: Any, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        """The tangent of the result."""
        prim = self.prim
        if isinstance(prim, OpaqueCall) or prim.opcode in _USERS:
            return prim.apply_jvp(saved, tangents, batch)
        return attempt(self.recorder, _Tangent(prim, batch), (saved, list(tangents)))


class CarefulTape(Tape):
    """A tape whose rules may be called back."""

    __slots__ = ("recorder",)

    def __init__(self, recorder: Recorder, guards: Guards | None = None) -> None:
        super().__init__(guards)
        self.recorder, self.fast = recorder, False

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        return super().process(Direct(prim, self.recorder), args, params)

    def pull(
        self,
        seeds: Iterable[tuple[int, Any]],
        inputs: Sequence[int],
        batch: Shape,
        spend: bool = False,
    ) -> list[Any]:
        ct = self._seeded(seeds)
        for entry in reversed(self.entries):
            g, ct[entry[1]] = ct[entry[1]], None
            if g is None:
                continue
            g = _released(g)
            if entry[0] in _USERS:
                VJPS[entry[0]](g, ct, entry, batch)
                continue
            slots = [s for s in dict.fromkeys(slots_of(entry)) if s]
            parts = attempt(self.recorder, _Vjp(entry, slots, batch), (g, entry[2:]))
            for slot, c in zip(slots, parts, strict=True):
                ct[slot] = _sum(ct[slot], c)
        return [_released(ct[i]) for i in inputs]

    def push(
        self,
        seeds: Sequence[tuple[int, Any]],
        outputs: Sequence[int],
        batch: Shape,
        observer: Observer | None = None,
    ) -> list[Any]:
        if observer is not None:
            return super().push(seeds, outputs, batch, observer)
        ts = self._seeded(seeds)
        for entry in self.entries:
            slots = [s for s in dict.fromkeys(slots_of(entry)) if s]
            given = {s: _released(ts[s]) for s in slots}
            if entry[0] in _USERS or any(type(t) is tuple for t in given.values()):
                JVPS[entry[0]](ts, entry, batch)
                continue
            ts[entry[1]] = attempt(self.recorder, _Jvp(entry, slots, batch), (entry[2:], given))
        return [_released(ts[i]) for i in outputs]


class _Rule:
    """A rule of an entry of a tape: its function, its output slot, the slots that count, and the
    batch axes. Numbers of opcodes differ from process to process, so a file keeps the function."""

    __slots__ = ("batch", "code", "function", "out", "slots")
    functions: Any

    def __init__(self, entry: Entry, slots: Sequence[int], batch: Shape) -> None:
        self.code, self.out = entry[:2]
        self.function, self.slots, self.batch = self.functions[self.code], slots, batch

    def __reduce__(self) -> Any:
        return _restored, (type(self), self.function, self.out, self.slots, self.batch)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rule) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((self.function, self.out))


def _restored(kind: Any, function: Any, out: int, slots: Sequence[int], batch: Shape) -> Any:
    return kind((kind.functions.index(function), out), slots, batch)


class _Vjp(_Rule):
    __slots__ = ()
    functions = VJPS

    def __call__(self, g: Cotangent, rest: Any) -> list[Any]:
        ct: Any = Only()
        self.function(g, ct, (self.code, self.out, *rest), self.batch)
        return [_released(ct[s]) for s in self.slots]


class _Jvp(_Rule):
    __slots__ = ()
    functions = JVPS

    def __call__(self, rest: Any, given: dict[int, Any]) -> Any:
        ts: Any = Only(given)
        self.function(ts, (self.code, self.out, *rest), self.batch)
        return _released(ts[self.out])


class _Tangent:
    """The jvp of a primitive, with batch axes."""

    __slots__ = ("batch", "prim")

    def __init__(self, prim: Any, batch: Shape) -> None:
        self.prim, self.batch = prim, batch

    def __eq__(self, other: object) -> bool:
        return type(other) is _Tangent and (self.prim, self.batch) == (other.prim, other.batch)

    def __hash__(self) -> int:
        return hash((self.prim, self.batch))

    def __call__(self, saved: Any, tangents: Any) -> Any:
        return self.prim.apply_jvp(saved, tangents, self.batch)


class CarefulForward(ForwardTrace):
    """A forward derivative whose rules may be called back."""

    __slots__ = ("recorder",)

    def __init__(self, recorder: Recorder, batch: Shape = ()) -> None:
        super().__init__(batch)
        self.recorder, self.fast = recorder, False

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        return super().process(Direct(prim, self.recorder), args, params)
