"""The operators of recorded values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box
from ..array.dispatch import FUNCTIONS
from ..core.trace import STORED
from ..core.types import Value
from .errors import Unrecordable
from .values import KINDS, NUMBERS, Plain, Recorded, recorder_of

_new = object.__new__


def _binary(op: Callable[[Any, Any], Any], reflected: bool, truth: bool) -> Any:
    """An operator; numbers and recorded values of the same recorder go the fast way.

    `truth` says that the result has no derivative, as comparisons and integers have none.
    """
    rule = FUNCTIONS.get(op)

    def apply(x: Value, y: Value) -> Any:
        recorder, kind = x.owner, type(y)
        if recorder is STORED:
            return _slow(op, rule, reflected, x, y)
        if (kind is Recorded or kind is Plain) and y.owner is recorder:
            raw, ref, box = y.raw, y.payload, kind is Recorded
        elif kind in NUMBERS or (kind is ndarray and not y.dtype.hasobject):
            raw, ref, box = y, recorder.constant_ref(y), False
        else:
            return _slow(op, rule, reflected, x, y)
        if reflected:
            ans, operands = recorder.evaluated(op, raw, x.raw), (ref, x.payload)
        else:
            ans, operands = recorder.evaluated(op, x.raw, raw), (x.payload, ref)
        if type(ans) is ndarray:
            ans.flags.writeable = False
        node = recorder.append(op, operands, ans)
        if truth or not (box or type(x) is Recorded or _has_derivative(ans)):
            return Plain(ans, node, recorder)
        out = _new(Recorded)
        out.raw, out.payload, out.owner = ans, node, recorder
        return out

    return apply


def _has_derivative(x: Value) -> bool:
    dtype = getattr(x, "dtype", None)
    return type(x) in (float, complex) if dtype is None else dtype.kind in "fc"


def _slow(op: Any, rule: Any, reflected: bool, x: Value, y: Value) -> Any:
    x = x.read() if type(x) is Recorded else x
    y = y.read() if is_box(y) and hasattr(y, "read") else y
    left, right = (y, x) if reflected else (x, y)
    recorder = recorder_of((x, y))
    if recorder is not None and (type(y) in KINDS or type(y) is ndarray or np.isscalar(y)):
        return recorder.apply(op, (left, right), {})
    if rule is not None and (is_box(x) or is_box(y)):
        return rule(left, right)
    if is_box(y):  # a comparison with a box of an inner derivative, or an operator without one
        return op(left.primal if is_box(left) else left, right.primal if is_box(right) else right)
    return NotImplemented


def _unary(op: Callable[[Any], Any], truth: bool = False) -> Any:
    def apply(x: Value) -> Any:
        if x.owner is STORED:
            x = x.read()
        ans = x.owner.computed(op, (x.payload,), (x.raw,))
        return ans.primal if truth and type(ans) is Recorded else ans

    return apply


def _in_place(op: Callable[[Any, Any], Any]) -> Any:
    def apply(x: Value, y: Value) -> Any:
        if type(x.raw) is ndarray:  # other names may hold the array
            raise Unrecordable("a store into the plain value of a recorded array")
        return op(x, y)

    return apply


def give_operators() -> None:
    """Give recorded values Python's operators."""
    for name in ("add", "sub", "mul", "truediv", "pow", "matmul", "mod"):
        _give_binary(name, getattr(operator, name), truth=False)
    for name in ("floordiv", "and", "or", "xor", "lshift", "rshift"):
        op = getattr(operator, name if name not in ("and", "or") else name + "_")
        _give_binary(name, op, truth=True)
    for kind in (Recorded, Plain):
        for name in ("eq", "ne", "lt", "le", "gt", "ge"):
            setattr(kind, f"__{name}__", _binary(getattr(operator, name), False, True))
        for name in ("neg", "pos", "abs", "invert"):
            setattr(kind, f"__{name}__", _unary(getattr(operator, name), name == "invert"))
    for name in ("add", "sub", "mul", "truediv", "pow", "matmul", "mod", "floordiv"):
        setattr(Plain, f"__i{name}__", _in_place(getattr(operator, name)))


def _give_binary(name: str, op: Callable[[Any, Any], Any], truth: bool) -> None:
    for kind in (Recorded, Plain):
        setattr(kind, f"__{name}__", _binary(op, False, truth))
        setattr(kind, f"__r{name}__", _binary(op, True, truth))
