"""Reverse mode: a tape of operations, for any number of pulls and pushes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box, shell
from ..array.guards import COPIED, KEPT, Guards, holds
from ..array.kinds import PLAIN, OfLibrary, copied, explain_foreign, has_foreign, is_foreign, zeros
from ..array.layout import in_layout, layout_of, lies_in_layout, zeros_in_layout
from ..array.stores import Place, last_writes, store
from ..array.views import Array
from ..errors import KeptValueError
from .batch import (
    SILENT,
    Broadcast,
    Shape,
    Spec,
    align,
    as_double,
    broadcast_of,
    broadcast_tangent,
    error_state,
    get_batched,
    ndim_selected,
    set_batched,
    set_error_state,
    shape_of,
    spec_of,
    unbroadcast,
)
from .primitive import JVPS, OWNERS, SLOTS, TAKERS, VJPS, accumulate, opcode
from .trace import Trace, Traced, closed_error, freeze, materialize, opened_traces
from .types import Cotangent, Tangent, Value

_new = object.__new__
_END: tuple[Any, ...] = ()
Layout = tuple[int, ...] | None
Entry = tuple[Any, ...]
LOCAL = 1 << 40  # the first slot of parts that are recorded apart, see `core.apart`
# Called after each entry with the tangents or cotangents by slot, and with the new ones.
Observer = Callable[[Entry, list[Any], list[Any]], None]


class Var(Traced):
    """A value and its slot on the tape."""

    __slots__ = ()


class ForeignVar(OfLibrary, Var):
    """One whose value is an array of another library. No fast path takes it."""

    __slots__ = ()


def _refuse(*args: Any) -> Any:
    raise closed_error()


class Tape(Trace):
    """A reverse derivative: entries ``(opcode, out slot, ...)`` in an order that can be replayed.

    Slots come from an atomic counter and are part of the entry, so worker threads may record on one
    tape. Slot 0 stands for constants.
    """

    __slots__ = ("append", "entries", "guards", "keep", "next", "size")
    size: int
    next: Callable[[], int]
    append: Callable[[tuple[Any, ...]], None]

    def __init__(self, guards: Guards | None = None) -> None:
        self.entries: list[tuple[Any, ...]] = []
        self.guards = guards = Guards() if guards is None else guards
        self.keep, guards.entries = guards.keep, self.entries
        self.append = self.entries.append
        self.next = itertools.count(1).__next__
        self.open()

    def close(self) -> None:
        Trace.close(self)
        self.size = self.next() if self.next is not _refuse else self.size
        self.append = self.next = _refuse

    def box(self, value: Value, slot: int) -> Var:
        """A box with a slot of this tape."""
        out = _new(Var if type(value) in PLAIN or not has_foreign(value) else ForeignVar)
        out.primal, out.payload, out.owner = value, slot, self
        return out

    def constant(self, value: Value) -> Var:
        return self.box(value, self.next())

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        values: list[Any] = []
        slots: list[int] = []
        plain_arrays: list[int] = []
        for a in args:
            own = issubclass(type(a), Var) and a.owner is self
            value = a.primal if own else freeze(a)
            if type(a) is ndarray:
                plain_arrays.append(len(values))
            values.append(value)
            slots.append(a.payload if own else 0)
        ans = prim.evaluate(values, params)
        for i in plain_arrays:
            if values[i].size <= COPIED or self.guards.copies:
                values[i] = self.keep(values[i])
        if not KEPT.isdisjoint(map(type, params.values())):
            params = self.guards.keep_params(params)
        saved = prim.save(ans, values, slots, params)
        for i in plain_arrays:
            array = values[i]
            if array.size > COPIED and not self.guards.copies and holds(saved, array):
                self.guards.watch(array)
        out = self.next()
        self.append((prim.opcode, out, tuple(slots), saved))
        if prim.outputs == 1:
            return self.box(ans, out)
        return tuple(self._output(a, i, out, prim.outputs) for i, a in enumerate(ans))

    def _output(self, value: Value, i: int, source: int, count: int) -> Var:
        """One of several results: its cotangent goes into a tuple at their common slot."""
        slot = self.next()
        self.append((_OUTPUT, slot, source, i, count))
        return self.box(value, slot)

    def store(self, content: Value, place: Place, v: Value, owned: bool) -> Any:
        own = issubclass(type(content), Var) and content.owner is self
        value, slot = (content.primal, content.payload) if own else (freeze(content), 0)
        v_own = issubclass(type(v), Var) and v.owner is self
        if v_own and place.batch:
            inner = place.window(shell(content)).shape[len(place.batch) :]
            target = ndim_selected(inner, place.index)
            v = materialize(align(v, v.ndim - len(place.batch), target, place.batch))
        v_value, v_slot = (v.primal, v.payload) if v_own else (freeze(v), 0)
        new = store(value, place, v_value, owned)
        array = shell(new)
        fit = last = None
        if v_slot:
            window = place.window(array)
            inner = window.shape[len(place.batch) :]
            fit = broadcast_of(v_value, get_batched(window, place.index, place.batch))
            last = last_writes(inner, place.index)
        out = self.next()
        layout = layout_of(array) if type(array) is ndarray else None
        self.append((_STORE, out, slot, v_slot, place, fit, last, spec_of(array), layout))
        return self.box(new, out)

    def pull(
        self,
        seeds: Iterable[tuple[int, Any]],
        inputs: Sequence[int],
        batch: Shape,
        spend: bool = False,
    ) -> list[Any]:
        """Cotangents of the input slots, or None, for cotangents of some slots.

        A tape that is not needed again may `spend` its entries: it releases residuals after use.
        """
        if self.guards.kept:
            self.guards.check()
        ct: list[Any] = [None] * self.size
        for slot, g in seeds:
            c = ct[slot]
            ct[slot] = g if c is None else c + g
        rules, entries = VJPS, self.entries
        if spend:
            entries.insert(0, _END)
        state = error_state()
        try:
            set_error_state(SILENT)
            for entry in iter(entries.pop, _END) if spend else reversed(entries):
                slot = entry[1]
                g = ct[slot]
                if g is None:
                    continue
                ct[slot] = None
                if type(g) in TAKERS and entry[0] not in TAKERS[type(g)]:
                    g = g.release()
                rules[entry[0]](g, ct, entry, batch)
        except IndexError as error:
            raise _explained(entry, error) from error
        except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
            name = getattr(OWNERS[entry[0]], "name", "an assignment")
            explained = explain_foreign(f"the derivative of {name}", (g,), error)
            if explained is None:
                raise
            raise explained from error
        finally:
            set_error_state(state)
        found = []
        for i in inputs:
            c = ct[i]
            found.append(c.release() if type(c) in TAKERS else c)
        return found

    def pull_observed(
        self,
        seeds: Iterable[tuple[int, Any]],
        inputs: Sequence[int],
        batch: Shape,
        observer: Observer,
    ) -> list[Any]:
        """As `vjp`, watched by an observer."""
        ct = self._seeded(seeds)
        replay(reversed(self.entries), VJPS, ct, batch, observer)
        return [c.release() if type(c := ct[i]) in TAKERS else c for i in inputs]

    def push(
        self,
        seeds: Sequence[tuple[int, Any]],
        outputs: Sequence[int],
        batch: Shape,
        observer: Observer | None = None,
    ) -> list[Any]:
        """Tangents of the output slots, or None, for tangents of the input slots.

        For many directions, it releases each tangent after the last entry that reads it.
        """
        ts = self._seeded(seeds)
        if not (batch or observer):
            jvps, state = JVPS, error_state()
            try:
                set_error_state(SILENT)
                for entry in self.entries:
                    jvps[entry[0]](ts, entry, batch)
            finally:
                set_error_state(state)
            return [ts[i] for i in outputs]
        replay(self._letting_go(ts, outputs), JVPS, ts, batch, observer)
        return [t.release() if type(t) in TAKERS else t for t in (ts[i] for i in outputs)]

    def _seeded(self, seeds: Iterable[tuple[int, Any]]) -> list[Any]:
        self.guards.check()
        store: list[Any] = [None] * self.size
        for slot, t in seeds:
            c = store[slot]
            store[slot] = t if c is None else c + t
        return store

    def _letting_go(self, ts: list[Tangent], outputs: Sequence[int]) -> Iterator[Entry]:
        """The entries; after each, the tangents that no later entry reads are released."""
        last = {slot: k for k, entry in enumerate(self.entries) for slot in slots_of(entry)}
        last.update(dict.fromkeys(outputs, -1))
        for k, entry in enumerate(self.entries):
            yield entry
            for slot in slots_of(entry):
                if last[slot] == k:
                    ts[slot] = None


# What makes a tape; `debug_nans` sets another.
new_tape: ContextVar[Callable[[Guards | None], Tape]] = ContextVar("new_tape", default=Tape)


def open_tapes() -> list[Tape]:
    """The tapes that may record what this thread does, the outermost first."""
    return [trace for trace in opened_traces() if isinstance(trace, Tape)]


def _explained(entry: Entry, error: IndexError) -> Exception:
    """The error for an entry that reads a value of a part that was recorded apart."""
    if all(slot < LOCAL for slot in slots_of(entry)):
        return error
    return KeptValueError(
        "a derivative is needed of a value that a function computed while it was integrated, and "
        "that the program kept and used again: it was not recorded. Compute it before, or anew in "
        "every call of the function."
    )


def slots_of(entry: Entry) -> Any:
    """The slots of the operands of a tape entry; 0 stands for a constant."""
    count = SLOTS[entry[0]]
    return entry[2 : 2 + count] if count else entry[2]


def replay(
    entries: Iterable[Entry],
    rules: list[Any],
    store: list[Any],
    batch: Shape,
    observer: Observer | None = None,
) -> None:
    """Apply the PUSHES or the PULLS of entries to tangents or cotangents by slot.

    A structured tangent becomes an array for an entry that does not take it.
    """
    pulls = rules is VJPS
    state = error_state()
    try:
        set_error_state(SILENT)
        for entry in entries:
            code, out = entry[:2]
            read, written = ((out,), slots_of(entry)) if pulls else (slots_of(entry), (out,))
            new = []
            for slot in read:
                t = store[slot]
                if type(t) in TAKERS and code not in TAKERS[type(t)]:
                    store[slot] = t.release()
                    new.append(store[slot])
            before = [store[slot] for slot in written] if observer else ()
            if pulls:
                g, store[out] = store[out], None
                if g is None:
                    continue
                rules[code](g, store, entry, batch)
            else:
                rules[code](store, entry, batch)
            if observer:
                after = [store[slot] for slot in written]
                new += [t for t, old in zip(after, before, strict=True) if t is not old]
                observer(entry, store, new)
    finally:
        set_error_state(state)


def vjp_of_numbers(g: Cotangent, ct: list[Cotangent], entry: tuple[Any, ...], batch: Shape) -> None:
    """The vjp of an entry that keeps slopes; if one operand is traced, the second slot is 0."""
    _, _, slot, second, slope, other = entry
    c, old = g * slope, ct[slot]
    ct[slot] = c if old is None else old + c
    if second:
        c, old = g * other, ct[second]
        ct[second] = c if old is None else old + c


def jvp_of_numbers(ts: list[Tangent], entry: tuple[Any, ...], batch: Shape) -> None:
    """The jvp of an entry that keeps slopes."""
    _, out, slot, second, slope, other = entry
    t, u = ts[slot], ts[second]
    if u is not None:
        ts[out] = u * other if t is None else t * slope + u * other
    elif t is not None:
        ts[out] = t * slope


class Buffer:
    """A cotangent that nobody else holds, so additions and stores work in place."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    @staticmethod
    def of(c: Any, spec: Spec, layout: Layout, batch: Shape) -> Buffer:
        """The cotangent `c` (or None, or a `Buffer`) as a buffer in the layout of its primal."""
        if type(c) is Buffer:
            return c
        if type(c) is not ndarray and is_box(c) and type(shell(c)) is ndarray:
            # A store through a view would miss a cotangent with gaps or turned axes.
            if not lies_in_layout(shell(c), layout, batch):
                c = in_layout(c, layout, batch)
            return Buffer(Array(materialize(c), False))
        if has_foreign(c):
            return Buffer(copied(c) if is_foreign(c) else Array(materialize(c), False))
        buffer = Buffer(zeros_in_layout(spec, layout, batch))
        return buffer if c is None else buffer + c

    def ready(self, g: Cotangent) -> tuple[Any, Any]:
        """The array, ready to take `g`, which may be a box of an outer level, and `g` to add."""
        if type(g) is Buffer or (type(g) in TAKERS and type(self.array) is not ndarray):
            g = g.release()
        if is_box(g) and type(self.array) is ndarray:
            self.array = Array(self.array, True)
        return self.array, g

    def __add__(self, g: Cotangent) -> Buffer:
        if type(g) is ndarray is type(self.array):
            self.array += g
            return self
        array, g = self.ready(g)
        if has_foreign(array) or has_foreign(g):
            self.array = materialize(array) + materialize(g)
            if is_box(self.array):
                self.array = Array(materialize(self.array), False)
            return self
        array += g
        return self

    def __radd__(self, g: Cotangent) -> Buffer:
        return self + g

    def release(self) -> Any:
        """The cotangent, which the caller now shares."""
        return self.array if type(self.array) is ndarray else materialize(self.array)


def _vjp_output(g: Cotangent, ct: list[Cotangent], entry: tuple[Any, ...], batch: Shape) -> None:
    _, _, source, i, count = entry
    if ct[source] is None:
        ct[source] = [None] * count
    ct[source][i] = as_double(g)


def _jvp_output(ts: list[Tangent], entry: tuple[Any, ...], batch: Shape) -> None:
    _, out, source, i, _ = entry
    if ts[source] is not None:
        ts[out] = ts[source][i]


_OUTPUT = opcode(None, _vjp_output, _jvp_output, slots=1)


def _vjp_store(g: Cotangent, ct: list[Cotangent], entry: tuple[Any, ...], batch: Shape) -> None:
    _, _, slot, v_slot, place, fit, last, spec, layout = entry
    place = place.under(batch)
    buffer = Buffer.of(g, spec, layout, batch)
    window = place.window(buffer.array)
    apart = type(window) is ndarray and not np.may_share_memory(window, buffer.array)
    if place.ops and apart and window.size:
        raise AssertionError("a view chain replayed on a cotangent made a copy")
    if v_slot:
        gv = get_batched(window, place.index, place.batch)
        if is_foreign(gv):
            gv = copied(gv)  # a view of the buffer, which is cleared below
        else:
            gv = gv.copy() if type(gv) is ndarray else materialize(gv)
        if place.sign < 0:
            gv = -gv
        if last is not None:
            gv = gv * last
        accumulate(ct, v_slot, gv if fit is None else unbroadcast(gv, fit))
    set_batched(window, place.index, 0.0, place.batch)
    if slot:
        ct[slot] = buffer if ct[slot] is None else buffer + ct[slot]


def _jvp_store(ts: list[Tangent], entry: tuple[Any, ...], batch: Shape) -> None:
    _, out, slot, v_slot, place, fit, _, spec, layout = entry
    t = ts[slot] if slot else None
    vt = ts[v_slot] if v_slot else None
    if t is None and vt is None:
        return
    if t is None and has_foreign(vt):
        t = zeros(vt, batch + spec.shape)
    elif t is None:
        t = zeros_in_layout(spec, layout, batch)
    if vt is None:
        vt = 0.0
    elif isinstance(fit, Broadcast) and fit.ans_dtype != fit.dtype:
        vt = broadcast_tangent(vt, fit, batch) if shape_of(vt) else vt
    ts[out] = store(materialize(t), place.under(batch), vt, False)


_STORE = opcode(None, _vjp_store, _jvp_store, slots=2, takes=Buffer)
