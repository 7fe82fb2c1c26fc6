"""The trace that carries patterns: the inputs on which each element of each array depends."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.box import is_box, observe, unbox
from ...array.layout import layout_of, zeros_in_layout
from ...array.stores import Place, store
from ...core.batch import Shape, shape_of, spec_of
from ...core.structure import Index, Use, patterns_of
from ...core.trace import Trace, Traced, freeze
from ...core.types import Value
from ...rules.structures import Elementwise, Pack
from .patterns import Pattern, compact, of_scalars, uniform
from .sets import NOTHING, Columns, Sets, join

_new = object.__new__
Payload = Pattern | Columns


def _compare(op: Callable[[Any, Any], Any]) -> Any:
    return lambda self, other: op(observe(self), unbox(other))


class Dependent(Traced):
    """A value and what it depends on: a `Pattern`, or for a scalar a set of columns.

    A comparison tells the trace that the program looked at values, on which its course may depend.
    """

    __slots__ = ()
    __hash__ = Traced.__hash__


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Dependent, f"__{_name}__", _compare(getattr(operator, _name)))


class PatternTrace(Trace):
    """One search for a pattern with `columns` inputs.

    `local` says that the program looked at values, on which its course may depend;
    `dense_because` names the functions without a structure.
    """

    __slots__ = ("columns", "dense_because", "inputs", "local")

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.inputs = Sets.identity(columns)
        self.local = False
        self.dense_because: list[str] = []
        self.open()

    def box(self, value: Value, payload: Payload) -> Dependent:
        """A value with its dependence."""
        out = _new(Dependent)
        out.primal, out.payload, out.owner = value, payload, self
        return out

    def input(self, value: Value, first: int) -> Dependent:
        """An input, whose elements are the columns from `first` on."""
        shape = shape_of(value)
        if not shape:
            return self.box(value, frozenset((first,)))
        labels = np.arange(first + 1, first + 1 + prod(shape)).reshape(shape)
        if type(unbox(value)) is ndarray:
            arranged = self._zeros(value)
            arranged[...] = labels
            labels = arranged
        return self.box(value, Pattern(labels, self.inputs))

    def constant(self, value: Value) -> Dependent:
        return self.box(value, self._payload(value))

    def _zeros(self, value: Value) -> ndarray:
        """Labels of a constant, in the memory layout of its value."""
        array = unbox(value)
        spec = spec_of(array)._replace(dtype=np.dtype(np.intp))
        return zeros_in_layout(spec, layout_of(array), ())

    def _payload(self, value: Value) -> Payload:
        if not shape_of(value):
            return NOTHING
        return Pattern(self._zeros(value), Sets.of((), self.columns), fresh=True)

    def _pattern(self, payload: Payload) -> Pattern:
        """A dependence as the pattern of an array, also of a 0-dimensional one."""
        return payload if type(payload) is Pattern else uniform((), payload, self.columns)  # type: ignore[arg-type]

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        values, payloads, scalars = [], [], True
        for a in args:
            if issubclass(type(a), Dependent) and a.owner is self:
                values.append(a.primal)
                payloads.append(a.payload)
                scalars = scalars and type(a.payload) is not Pattern
            else:
                values.append(freeze(a))
                payloads.append(None)
        try:
            ans = prim.evaluate(values, params)
        except Exception:  # the program may catch it, and take another branch
            self.local = True
            raise
        if scalars and (type(ans) is float or type(ans) is np.float64):
            out = _new(Dependent)  # `box` at a lower cost, for loops over elements
            out.primal, out.payload, out.owner = ans, self._of_scalars(prim, payloads), self
            return out
        several = prim.outputs != 1
        answers = ans if several else (ans,)
        shapes = tuple(shape_of(a) for a in answers)
        if scalars and not any(shapes):
            made: list[Any] = [self._of_scalars(prim, payloads)] * len(shapes)
        elif not shapes[0] and type(prim.structure) is Index:
            made = [self._element(payloads[0], params["index"])]
        elif scalars and type(prim.structure) is Pack:
            made = [of_scalars([p or NOTHING for p in payloads], shapes[0], self.columns)]
        else:
            made = self._of_arrays(prim, values, payloads, params, shapes)
        boxes = [self.box(a, p) for a, p in zip(answers, made, strict=True)]
        return tuple(boxes) if several else boxes[0]

    def _of_scalars(self, prim: Any, payloads: Sequence[Any]) -> Columns:
        """The results of scalars alone, whatever the structure."""
        total: Columns = NOTHING
        for i, p in enumerate(payloads):
            if p is not None and i not in prim.ignores:
                total = join(total, p)
        return total

    def _element(self, payload: Any, index: Any) -> Columns:
        p = self._pattern(payload)
        return p.sets.get(int(p.labels[index]))

    def _of_arrays(
        self,
        prim: Any,
        values: Sequence[Value],
        payloads: Sequence[Any],
        params: dict[str, Any],
        shapes: tuple[Shape, ...],
    ) -> list[Payload]:
        patterns = [
            None if p is None or i in prim.ignores else self._pattern(p)
            for i, p in enumerate(payloads)
        ]
        if not any(patterns):
            return [uniform(shape, NOTHING, self.columns) if shape else NOTHING for shape in shapes]
        found, dense = patterns_of(Use(prim, values, patterns, params, shapes))
        made: list[Any] = list(found)
        if dense and prim.name not in self.dense_because:
            self.dense_because.append(prim.name)
        for p in filter(None, patterns):
            p.fresh = p.fresh and not any(np.may_share_memory(m.labels, p.labels) for m in made)
        return [p if p.shape else p.sets.get(int(p.labels)) for p in made]

    def store(self, content: Value, place: Place, v: Value, owned: bool) -> Any:
        own = issubclass(type(content), Dependent) and content.owner is self
        value = content.primal if own else freeze(content)
        v_own = issubclass(type(v), Dependent) and v.owner is self
        new = store(value, place, v.primal if v_own else freeze(v), owned)
        old = content.payload if own else self._payload(value)
        return self.box(new, self._stored(old, place, v.payload if v_own else None, owned))

    def _stored(self, old: Payload, place: Place, v: Value, owned: bool) -> Payload:
        """The dependence of an array after a store."""
        p = self._pattern(old)
        scalar = type(old) is not Pattern
        if not (owned and p.fresh) or len(p.sets) > 8 * max(p.labels.size, 1024):
            p = compact(p)
        # Both parts of a complex element share one set: a store into one part adds to it.
        parts = tuple(op for op in place.ops if not isinstance(op[0].structure, Elementwise))
        adds = len(parts) < len(place.ops)
        place = place._replace(ops=parts)
        if v is None:
            labels: Any = 0
        elif type(v) is Pattern:
            labels = np.where(v.labels == 0, 0, self._taken_in(p.sets, v))
        else:
            labels = p.sets.add(v)
        if adds:
            labels = self._added(p, place, labels)
        p.labels = place.set(p.labels, labels)
        return p.sets.get(int(p.labels)) if scalar else p

    def _taken_in(self, table: Sets, v: Pattern) -> Any:
        """The labels of `v` in another table."""
        used, inverse = np.unique(v.labels, return_inverse=True)
        return inverse.reshape(v.shape) + table.append(v.sets, used)

    def _added(self, p: Pattern, place: Place, labels: Any) -> Any:
        before = Pattern(place.window(p.labels)[place.index], p.sets)
        after = Pattern(np.broadcast_to(labels, before.shape), p.sets)
        return self._taken_in(p.sets, before.union(after, before.shape))

    def watch(self, x: Value) -> None:
        """Note that the program looked at the value of a box, if it is one of this trace."""
        while is_box(x):
            if issubclass(type(x), Dependent) and x.owner is self:
                self.local = True
            x = x.primal
