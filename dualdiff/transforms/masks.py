"""Structural zeros: derivatives that stay zero, whatever they are multiplied by.

``np.where(x > 0, np.log(x), 0)`` at 0 has derivative 0, although the branch that is not taken has
an infinite derivative. Ordinary passes multiply zeros like other numbers and give NaN there. In a
careful pass, tangents or cotangents carry a mask of the elements that are alive, which means that
they may differ from zero. Elements that a selection has dropped are dead, and so are the zeros of a
seed that the operator itself made. A zero in a residual or in a user's tangent is an ordinary
number. `rescue` decides when a pass is careful.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np

from ..array.box import is_box, unbox
from ..array.stores import Place, store
from ..core.batch import Shape, contains_nan, dtype_of, shape_of
from ..core.primitive import Primitive
from ..core.structure import Use
from ..core.tangents import dense
from ..core.trace import Trace, Traced, freeze, is_set, materialize
from ..core.types import Tangent, Value

_careful: ContextVar[bool] = ContextVar("dualdiff_careful", default=False)
uses_masks = partial(is_set, _careful)


@contextmanager
def zero_masks() -> Iterator[None]:
    """Let every pass inside, at every level, carry masks of the alive elements."""
    token = _careful.set(True)
    try:
        yield
    finally:
        _careful.reset(token)


class Masked(Traced):
    """A tangent or cotangent and, as `payload`, the mask of its alive elements."""

    __slots__ = ()
    is_mask = True


def _without(value: Value, dead: Any) -> Any:
    """A value with exact zeros at dead elements, in its memory layout, on which views rely."""
    if not shape_of(value):
        return materialize(np.where(dead, 0, value))
    value = value.copy(order="K")
    value[dead] = 0
    return materialize(value)


class MaskTrace(Trace):
    """Carries masks through the pushes and pulls of a pass."""

    __slots__ = ()

    def __init__(self) -> None:
        self.open()

    def box(self, value: Value, alive: Any) -> Masked:
        """A derivative with its mask; dead elements are zero."""
        out = object.__new__(Masked)
        value = np.asarray(value)[()] if type(value) in (float, complex) else value
        alive = np.broadcast_to(alive, shape_of(value))
        if not alive.all():
            value = _without(value, ~alive)
        out.primal, out.payload, out.owner = value, alive, self
        return out

    def seed(self, t: Tangent, zeros_are_structural: bool) -> Any:
        """A seed of the pass."""
        return self.box(t, unbox(t) != 0 if zeros_are_structural else True)

    def released(self, t: Tangent) -> Any:
        """A result of the pass without its mask."""
        if is_box(t):
            t = materialize(t)
        return t.primal if type(t) is Masked and t.owner is self else t

    def constant(self, value: Value) -> Masked:
        return self.box(value, True)

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        own = [type(a) is Masked and a.owner is self for a in args]
        values = [a.primal if o else freeze(a) for a, o in zip(args, own, strict=True)]
        ans = prim.evaluate(values, params)
        if prim.outputs > 1:
            return tuple(self.box(a, True) for a in ans)
        masks = [a.payload if o else None for a, o in zip(args, own, strict=True)]
        use = Use(prim, values, masks, params, (shape_of(ans),))
        alive = prim.structure.mask(use)
        if _has_nan(ans):
            ans = prim.structure.without_nan(use, ans)
        return self.box(ans, alive)

    def store(self, content: Value, place: Place, v: Value, owned: bool) -> Any:
        own = type(content) is Masked and content.owner is self
        value = content.primal if own else freeze(content)
        v_own = type(v) is Masked and v.owner is self
        new = store(value, place, v.primal if v_own else freeze(v), False)
        # A pass only stores into buffers of zeros that it made itself.
        alive = _numbers(content.payload if own else unbox(value) != 0, dtype_of(value))
        v_alive = _numbers(v.payload if v_own else unbox(v) != 0, dtype_of(v))
        return self.box(new, store(alive, place, v_alive, True) != 0)


def _has_nan(x: Value) -> bool:
    x = np.asarray(unbox(x))
    return x.dtype.kind in "fc" and contains_nan(x)


def _numbers(mask: Any, dtype: np.dtype[Any]) -> Any:
    """A mask as ones and zeros, in the real and in the imaginary part."""
    return np.where(mask, dtype.type(1 + 1j if dtype.kind == "c" else 1), dtype.type(0))


def masked_pass(
    apply: Callable[[Any, Shape], list[Any]],
    seeds: Sequence[tuple[int, Any]],
    batch: Shape,
    zeros_are_structural: bool,
) -> list[Any]:
    """A pass of a tape over seeds that carry masks."""
    trace = MaskTrace()
    try:
        masked = [(slot, trace.seed(dense(g), zeros_are_structural)) for slot, g in seeds]
        return [trace.released(c) for c in apply(masked, batch)]
    finally:
        trace.close()
