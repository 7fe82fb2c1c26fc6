"""The hot case of a product: operands of one trace that are plain arrays behind it, or constant
ones.

Everything here has its general form in `kinds.Bilinear`; what does not fit is handed to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.box import is_box
from ...array.views import View
from ...core.batch import Shape, Spec, cast, hush, unhush
from ...core.dual import Dual
from ...core.primitive import opcode
from ...core.tape import Var
from ...core.trace import resolve

# ``formula(t or g, other operand, spec of its own operand, lead)``
Formula = Callable[[Any, Any, Any, Shape], Any]
_new = object.__new__
_OBJECT = np.dtype(object)


def _fitted(c: Any, dtype: Any) -> Any:
    return cast(resolve(c) if is_box(c) else c, dtype)


def _give(ct: list[Any], slot: int, c: Any, dtype: Any) -> None:
    c = _fitted(c, dtype)
    old = ct[slot]
    ct[slot] = c if old is None else old + c


def _one_entry_format(prim: Any, pull: Formula, push: Formula) -> int:
    """Entries ``(code, out, slot, shape, dtype, other operand, dtype of the result)``."""

    def pull_entry(g: Any, ct: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, _, slot, shape, dtype, other, _ = entry
        _give(ct, slot, pull(g, other, Spec(shape, dtype), lead), dtype)

    def push_entry(ts: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, out, slot, shape, dtype, other, ans_dtype = entry
        t = ts[slot]
        if t is not None:
            ts[out] = _fitted(push(t, other, Spec(shape, dtype), lead), ans_dtype)

    return opcode(prim, pull_entry, push_entry, slots=1)


def _two_entry_format(prim: Any, pulls: tuple[Formula, Formula], pushes: Any) -> int:
    """Entries ``(code, out, x slot, y slot, x, y, dtype of the result)``."""
    pull_x, pull_y = pulls
    push_x, push_y = pushes

    def pull_entry(g: Any, ct: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, _, slot_x, slot_y, x, y, _ = entry
        _give(ct, slot_x, pull_x(g, y, x, lead), x.dtype)
        _give(ct, slot_y, pull_y(g, x, y, lead), y.dtype)

    def push_entry(ts: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, out, slot_x, slot_y, x, y, ans_dtype = entry
        t, u = ts[slot_x], ts[slot_y]
        if t is not None:
            t = push_x(t, y, x, lead)
        if u is not None:
            u = push_y(u, x, y, lead)
            t = u if t is None else t + u
        if t is not None:
            ts[out] = _fitted(t, ans_dtype)

    return opcode(prim, pull_entry, push_entry, slots=2)


def product_fast_path(
    prim: Any, pulls: tuple[Formula, Formula], pushes: tuple[Formula, Formula]
) -> Callable[[Any, Any], Any]:
    """The bind of a bilinear primitive, from its transposes and pushes as a `Formula` each."""
    fn, general = prim.fn, prim.general
    code_x, code_y = (_one_entry_format(prim, *f) for f in zip(pulls, pushes, strict=True))
    code_both = _two_entry_format(prim, pulls, pushes)
    push_x, push_y = pushes

    def bind(x: Any, y: Any) -> Any:
        kind, kind_y = type(x), type(y)
        if kind is View and is_box(content := x.read()):
            x, kind = content, type(content)
        if kind_y is View and is_box(content := y.read()):
            y, kind_y = content, type(content)
        if kind is Var or kind is Dual:
            trace, xv, yv = x.scope, x.value, y
            if kind_y is kind and y.scope is trace:
                yv = y.value
        elif kind_y is Var or kind_y is Dual:
            trace, xv, yv, kind = y.scope, x, y.value, kind_y
        else:
            return general(x, y)
        if (
            type(xv) is not ndarray
            or type(yv) is not ndarray
            or xv.dtype is _OBJECT
            or yv.dtype is _OBJECT
        ):
            return general(x, y)
        ans = fn(xv, yv)
        out = _new(kind)
        out.value, out.scope = ans, trace
        if kind is Var:
            out.payload = slot = trace.next()
            if yv is y:
                other = trace.keep(yv)
                entry = (code_x, slot, x.payload, xv.shape, xv.dtype, other, ans.dtype)
            elif xv is x:
                other = trace.keep(xv)
                entry = (code_y, slot, y.payload, yv.shape, yv.dtype, other, ans.dtype)
            else:
                entry = (code_both, slot, x.payload, y.payload, xv, yv, ans.dtype)
            trace.append(entry)
            return out
        lead = trace.lead
        token = hush()
        try:
            t = None
            if xv is not x:
                t = push_x(x.payload, yv, xv, lead) if lead else fn(x.payload, yv)
            if yv is not y:
                u = push_y(y.payload, xv, yv, lead) if lead else fn(xv, y.payload)
                t = u if t is None else t + u
        finally:
            unhush(token)
        out.payload = cast(t, ans.dtype)
        return out

    return bind
