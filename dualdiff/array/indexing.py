"""Reading an element or a part of a traced array, at a cost proportional to its size."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import float64, ndarray

from ..core import structure
from ..core.batch import (
    SEPARATED,
    Shape,
    Spec,
    batch_index,
    get_batched,
    is_basic,
    ndim_selected,
    of_integers,
    placed,
    read_batched,
    shape_of,
    spec_of,
)
from ..core.dual import Dual
from ..core.primitive import Primitive, accumulate, opcode
from ..core.tape import Buffer, Var
from ..core.trace import STORED, Trace, Traced, materialize, settle, top_trace
from ..core.types import Cotangent, Residuals, Tangent, Value
from .box import RECORDED, is_box, shell
from .dispatch import register
from .kinds import FLOATS, has_foreign, is_foreign, library_of, shares_memory, stored, zeros
from .layout import layout_of
from .stores import BUSY, Place, assign, freeze_index, store
from .views import Array, View, content_of, detached

_new = object.__new__
_FLOAT = np.dtype(float)


Form = tuple[Shape, np.dtype[Any], tuple[int, ...] | None]
_FORMS: dict[Form, Form] = {}


def form_of(value: ndarray) -> Form:
    """Shape, dtype and layout of an array, as one shared object, since tapes hold many."""
    layout = None if value.flags.c_contiguous else layout_of(value)
    form = (value.shape, value.dtype, layout)
    if len(_FORMS) > 1000:
        _FORMS.clear()
    return _FORMS.setdefault(form, form)


def _take(x: Value, index: Any) -> Any:
    return x[index]


class GetItem(Primitive):
    """``x[index]``, whose cotangent is added into a buffer in place."""

    structure = structure.Index()

    def __init__(self) -> None:
        super().__init__(_take, "getitem")

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[bool], params: Any) -> Any:
        array = shell(args[0])
        layout = layout_of(array) if type(array) is ndarray else None
        return params["index"], spec_of(array), layout

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        t = tangents[0]
        return read_batched(np.float64(t) if type(t) is float else t, saved[0], batch)

    def view_batched(self, array: Any, params: dict[str, Any], batch: Shape) -> Any:
        """The same part of an array with batch axes."""
        return get_batched(array, params["index"], batch)

    def inner(self, content: Value, params: dict[str, Any]) -> Any:
        index, kind = params["index"], type(content)
        if (kind is Var or kind is Dual) and content.owner.fast and is_basic(index):
            trace, value, t = content.owner, content.primal, content.payload
            array = shell(value)
            if type(array) is ndarray:
                part = value[index] if array is value else self.inner(value, params)
                if kind is Dual:
                    return trace.box(part, settle(read_batched(t, index, trace.batch)))
                slot = trace.next()
                trace.append((BASIC, slot, t, index, form_of(array)))
                return trace.box(part, slot)
        return super().inner(content, params)

    def _vjp_entry(
        self, g: Cotangent, ct: list[Cotangent], entry: tuple[Any, ...], batch: Shape
    ) -> None:
        _, _, (slot,), (index, spec, layout) = entry
        add_into(ct, slot, g, index, spec, layout, batch)

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        (index, spec, layout), ct = saved, [None, None]
        add_into(ct, 1, g, index, spec, layout, batch)
        return (_released(ct[1]),)


def add_into(
    ct: list[Cotangent], slot: int, g: Cotangent, index: Any, spec: Any, layout: Any, batch: Shape
) -> None:
    """Add `g` to the cotangent of a slot at `index`."""
    c = ct[slot]
    if _is_added(c, index, g, batch):
        return
    if is_foreign(g):
        part = scattered(g, index, spec.shape, batch)
        ct[slot] = part if c is None else c + part
        return
    whole = is_box(g) and shape_of(g) != batch and not (is_basic(index) and _adds(g))
    if whole or has_foreign(g):
        # Larger parts of traced cotangents are added whole; in place they would be copied often.
        part = SCATTER(g, index=index, spec=spec)
        ct[slot] = part if c is None else c + part
        return
    if type(c) is not Buffer:
        c = ct[slot] = Buffer.of(c, spec, layout, batch)
    array, g = c.ready(g)
    place, full = placed(array, spec.shape, index, batch)
    if is_basic(index):
        _add_basic(array, full, g)
    elif type(array) is ndarray:
        if type(full) is ndarray and full.ndim > 1 and place.ndim == 1 and full.shape == g.shape:
            full, g = full.reshape(-1), g.reshape(-1)  # five times as fast
        np.add.at(place, full, g)
    else:
        part = SCATTER(g, index=index, spec=spec)
        c.array = Array(materialize(materialize(array) + part), False)


def _is_added(c: Cotangent, index: Any, g: Cotangent, batch: Shape) -> bool:
    """Add to a buffer whose content and `g` are of one trace that adds parts in one step, if that
    is so."""
    if type(c) is not Buffer or type(c.array) is not Array or batch:
        return False
    content = c.array.primal
    if type(content) is not type(g) or g.owner is not content.owner or not g.owner.adds:
        return False
    if not is_basic(index):
        return False
    _add_in_one_step(g.owner, c.array, index, g)
    return True


def _adds(g: Cotangent) -> bool:
    """Whether the trace of a cotangent adds parts in one step."""
    g = materialize(g)
    return isinstance(g, Traced) and g.owner.adds


def _add_basic(array: Any, index: Any, g: Cotangent) -> None:
    if type(array) is Array:
        g = materialize(g)
        trace = top_trace((array.primal, g))
        if trace is not None and trace.adds:
            _add_in_one_step(trace, array, index, g)
            return
        if trace is not None and not is_box(array.primal) and not array.primal[index].any():
            array[index] = g  # the buffer's zeros are structural: those of a sum would not be
            return
    array[index] += g


def _add_in_one_step(trace: Trace, array: Array, index: Any, g: Cotangent) -> None:
    array.primal = trace.add(array.primal, index, g, array.payload is True)
    array.payload = True
    array.version += 1


def scattered(g: Any, index: Any, shape: Shape, batch: Shape) -> Any:
    """Zeros with a foreign array ``g`` added at an index; `shape` is the one below batch axes."""
    full = batch_index(index, batch)
    if is_basic(index) and full is not SEPARATED:
        return stored(zeros(g, batch + shape), full, g)
    by_library = SCATTERS.get(library_of(g))
    if by_library is not None:
        return by_library(g, index, shape, batch)
    total = zeros(g, batch + shape)
    place, full = placed(total, shape, index, batch)
    np.add.at(place, full, g)
    return total


# By library: adds at indices that are arrays, where the library has no ``numpy.add.at``.
SCATTERS: dict[str, Callable[..., Any]] = {}


def _released(c: Any) -> Any:
    return c.release() if type(c) is Buffer else materialize(c)


class Scatter(Primitive):
    """Zeros of shape `spec` with ``g`` added at `index`: the transpose of `GetItem`."""

    structure = structure.Scatter()

    def __init__(self) -> None:
        super().__init__(self._scatter, "scatter")

    @staticmethod
    def _scatter(g: Cotangent, index: Any, spec: Any) -> Any:
        batch = np.shape(g)[: np.ndim(g) - ndim_selected(spec.shape, index)]
        ct: list[Any] = [None, None]
        add_into(ct, 1, g, index, spec, None, batch)
        return _released(ct[1])

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[bool], params: Any) -> Any:
        return params["index"], params["spec"], batch_of(args[0], params)

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        index, spec, own = saved
        return _merge(tangents[0], batch, own, lambda t: self(t, index=index, spec=spec))

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        index, _, own = saved
        return (read_batched(g, index, batch + own),)


def batch_of(g: Cotangent, params: dict[str, Any]) -> Shape:
    """The batch axes that a scattered value itself has."""
    return tuple(np.shape(g)[: np.ndim(g) - ndim_selected(params["spec"].shape, params["index"])])


def _merge(t: Tangent, batch: Shape, own: Shape, scatter: Any) -> Any:
    """Scatter under two groups of batch axes as under one."""
    if not (batch and own):
        return scatter(t)
    out = scatter(t.reshape((batch[0] * own[0], *t.shape[2:])))
    return out.reshape(batch + own + out.shape[1:])


GETITEM = GetItem()
SCATTER = Scatter()


def _vjp_basic(g: Cotangent, ct: list[Cotangent], entry: tuple[Any, ...], batch: Shape) -> None:
    _, _, slot, index, (shape, dtype, layout) = entry
    c = ct[slot]
    if (type(g) is ndarray or type(g) in FLOATS) and (not batch or is_basic(index)):
        if layout is None and (c is None or type(c) is ndarray):
            whole = np.zeros(batch + shape, dtype) if c is None else np.array(c, dtype, order="C")
            c = ct[slot] = Buffer(whole)
        if type(c) is Buffer and type(c.array) is ndarray:
            c.array[batch_index(index, batch)] += g
            return
    elif _is_added(c, index, g, batch):
        return
    add_into(ct, slot, g, index, Spec(shape, dtype), layout, batch)


def _jvp_basic(ts: list[Tangent], entry: tuple[Any, ...], batch: Shape) -> None:
    out, slot, index = entry[1:4]
    t = ts[slot]
    if t is not None:
        part = read_batched(t, index, batch)
        ts[out] = part if type(part) is ndarray else settle(part)


BASIC = opcode(GETITEM, _vjp_basic, _jvp_basic, slots=1)


def getitem(self: Any, index: Any) -> Any:
    """``box[index]``: a scalar, a view that writes through, or for advanced indices a copy."""
    stored = self.owner is STORED
    content = self.primal if stored else self
    kind = type(content)
    if (kind is Var or kind is Dual) and content.owner.fast and type(content.primal) is ndarray:
        value = content.primal
        ans = value[index]
        scalar = type(ans) is not ndarray
        if scalar or (not stored and is_basic(index)):
            trace = content.owner
            out = _new(kind)
            out.primal, out.owner = ans, trace
            if kind is Var:
                out.payload = slot = trace.next()
                trace.append((BASIC, slot, content.payload, index, form_of(value)))
            else:
                t, batch = content.payload, trace.batch
                part = read_batched(t, index, batch) if batch else t[index]
                if type(part) is not ndarray:
                    part = settle(part)
                # Of a stored-into array it may be a view of a buffer that later stores change.
                out.payload = detached(part) if stored else part
            return out if scalar else View(self, GETITEM, {"index": index}, out)
    if kind is Var and content.owner.fast and (type(index) is int or type(index) is tuple):
        value, array = content.primal, shell(content.primal)
        if type(array) is ndarray and _is_element(index, array.ndim):  # behind more levels
            out, trace = _new(Var), content.owner
            out.primal, out.owner, out.payload = value[index], trace, trace.next()
            trace.append((BASIC, out.payload, content.payload, index, form_of(array)))
            return out
    index = freeze_index(index)
    params = {"index": index}
    if not is_basic(index):
        return GETITEM.general(self, index=index)
    seen = shell(self)[index]
    if type(seen) is not ndarray and not (shape_of(seen) and shares_memory(seen, shell(self))):
        return detached(GETITEM.inner(content_of(self), params))
    if stored or type(self) is View:
        return View(self, GETITEM, params)
    return View(self, GETITEM, params, GETITEM.inner(self, params))


def _vjp_element_store(
    g: Cotangent, ct: list[Cotangent], entry: tuple[Any, ...], batch: Shape
) -> None:
    _, _, slot, v_slot, index, (shape, _, _) = entry
    buffer = Buffer.of(g, Spec(shape, _FLOAT), None, batch)
    array = buffer.array
    if batch:
        index = batch_index(index, batch)
    if v_slot:
        part = (array.primal if type(array) is Array and not batch else array)[index]
        accumulate(ct, v_slot, part.copy() if type(part) is ndarray else materialize(part))
    array[index] = 0.0
    if slot:
        ct[slot] = buffer if ct[slot] is None else buffer + ct[slot]


def _jvp_element_store(ts: list[Tangent], entry: tuple[Any, ...], batch: Shape) -> None:
    _, out, slot, v_slot, index, (shape, _, _) = entry
    t = ts[slot] if slot else None
    vt = ts[v_slot] if v_slot else None
    if t is not None or vt is not None:
        t = np.zeros(batch + shape) if t is None else materialize(t)
        place = Place((), index, None, batch)
        ts[out] = store(t, place, 0.0 if vt is None else vt, False)


_ELEMENT_STORE = opcode(None, _vjp_element_store, _jvp_element_store, slots=2, takes=Buffer)


def _is_element(index: Any, ndim: int) -> bool:
    """Whether an index of Python's integers is one of an element."""
    if type(index) is tuple:
        return len(index) == ndim and of_integers(index)
    return type(index) is int and ndim == 1


def _takes(array: ndarray, value: Value) -> bool:
    """Whether a number may be stored as one element of an array without rows in between."""
    return type(value) in FLOATS and array.flags.c_contiguous


def _with_element(content: Any, index: Any, v: Value) -> Any:
    """Content behind more levels with a number stored as one element; None for other stores."""
    array, kind, trace = shell(content), type(content), content.owner
    own = type(v) is kind and v.owner is trace
    if not own and type(v) not in FLOATS:
        return None
    if type(array) is not ndarray or array.dtype is not _FLOAT or not _takes(array, shell(v)):
        return None
    if not _is_element(index, array.ndim):
        return None
    form, place = form_of(array), Place((), index, None)
    del array  # a store in place needs the only reference
    if kind is not Var:
        return trace.store(content, place, v, True)
    value, v_slot = (v.primal, v.payload) if own else (v, 0)
    new, slot = store(content.primal, place, value, True), trace.next()
    trace.append((_ELEMENT_STORE, slot, content.payload, v_slot, index, form))
    return trace.box(new, slot)


def setitem(self: Any, index: Any, v: Value) -> None:
    """``box[index] = v``; quick for one float64 element of an array that only this box holds."""
    if self.owner is STORED and self.payload is True:
        self.payload = BUSY  # at once: no thread comes between, and others wait in `assign`
        try:
            content = self.primal
            kind = type(content)
            quick = kind is ndarray and type(v) is Var and v.owner.fast
            if quick and _takes(content, v.primal) and type(content[index]) is float64:
                trace, form = v.owner, form_of(content)  # the first traced value of a plain array
                content[index] = v.primal
                slot = trace.next()
                trace.append((_ELEMENT_STORE, slot, 0, v.payload, index, form))
                self.primal = trace.box(content, slot)
                self.version += 1
                return
            fast = (kind is Var or kind is Dual) and content.owner.fast
            if fast and type(content.primal) is ndarray:
                array, scope = content.primal, content.owner
                own = type(v) is kind and v.owner is scope
                value = v.primal if own else v
                if _takes(array, value):
                    if kind is Var:
                        if type(array[index]) is float64:
                            array[index] = value
                            slot = scope.next()
                            v_slot = v.payload if own else 0
                            form = form_of(array)
                            entry = (_ELEMENT_STORE, slot, content.payload, v_slot, index, form)
                            scope.append(entry)
                            content.payload = slot
                            self.version += 1
                            return
                    elif not scope.batch and type(content.payload) is ndarray:
                        t = v.payload if own else 0.0
                        if type(t) in (float, float64) and type(array[index]) is float64:
                            array[index] = value
                            content.payload[index] = t
                            self.version += 1
                            return
            elif fast if kind is Var else kind in RECORDED and is_box(content):
                new = _with_element(content, index, v)
                if new is not None:
                    self.primal = new
                    self.version += 1
                    return
        finally:
            self.payload = True
    assign(self, index, v)


register(operator.getitem, getitem)
register(operator.setitem, setitem)
