"""Forward mode: dual numbers, whose tangents each operation pushes at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from numpy import ndarray

from ..array.box import shell
from ..array.kinds import PLAIN, OfLibrary, has_foreign, is_foreign, zeros
from ..array.layout import layout_of, zeros_in_layout
from ..array.stores import Place, store
from .batch import SILENT, Shape, as_double, cast, error_state, set_error_state, spec_of
from .trace import Trace, Traced, closed_error, freeze, settle
from .types import Tangent, Value

_new = object.__new__


class Dual(Traced):
    """A value and its tangent, of shape ``scope.batch + value.shape`` and the value's dtype."""

    __slots__ = ()


class ForeignDual(OfLibrary, Dual):
    """One whose value is an array of another library. No fast path takes it."""

    __slots__ = ()


class ForwardTrace(Trace):
    """A forward derivative; `batch` is ``(B,)`` when B tangents travel together."""

    __slots__ = ("batch",)
    batch: Shape

    def __init__(self, batch: Shape = ()) -> None:
        self.batch = batch
        self.open()

    def __getattr__(self, name: str) -> Any:
        if name == "batch":  # every operation reads it, and `close` has deleted it
            raise closed_error()
        raise AttributeError(name)

    def close(self) -> None:
        super().close()
        del self.batch

    def box(self, value: Value, tangent: Tangent) -> Dual:
        """A dual number of this trace."""
        out = _new(Dual if type(value) in PLAIN or not has_foreign(value) else ForeignDual)
        out.primal, out.payload, out.owner = value, tangent, self
        return out

    def constant(self, value: Value) -> Dual:
        return self.box(value, zero_tangent(value, self.batch))

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        batch = self.batch
        values, tangents = [], []
        for a in args:
            own = issubclass(type(a), Dual) and a.owner is self
            values.append(a.primal if own else freeze(a))
            tangents.append(as_double(a.payload) if own else None)
        ans = prim.evaluate(values, params)
        saved = prim.save(ans, values, [t is not None for t in tangents], params)
        state = error_state()
        try:
            set_error_state(SILENT)
            tangent = prim.apply_jvp(saved, tangents, batch)
        finally:
            set_error_state(state)
        if prim.outputs > 1:
            pairs = zip(ans, tangent, strict=True)
            return tuple(self.box(a, settle(t)) for a, t in pairs)
        return self.box(ans, settle(tangent))

    def store(self, content: Value, place: Place, v: Value, owned: bool) -> Any:
        batch = self.batch
        own = issubclass(type(content), Dual) and content.owner is self
        value = content.primal if own else freeze(content)
        tangent = content.payload if own else zero_tangent(value, batch)
        v_own = issubclass(type(v), Dual) and v.owner is self
        v_value, v_tangent = (v.primal, v.payload) if v_own else (freeze(v), 0.0)
        new = store(value, place, v_value, owned)
        if v_own:
            v_tangent = cast(v_tangent, place.window(shell(new)).dtype)
        return self.box(new, store(tangent, place.under(batch), v_tangent, owned or not own))


# What makes a forward trace; `debug_nans` sets another.
new_trace: ContextVar[Callable[[Shape], ForwardTrace]] = ContextVar(
    "new_trace", default=ForwardTrace
)


def zero_tangent(value: Value, batch: Shape) -> Any:
    """Zeros as a tangent of `value`, in its memory layout."""
    value = shell(value)
    if is_foreign(value):
        return zeros(value, batch + value.shape)
    layout = layout_of(value) if type(value) is ndarray else None
    made = zeros_in_layout(spec_of(value), layout, batch)
    return made if made.ndim or type(value) is ndarray else made[()]
