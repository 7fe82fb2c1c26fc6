"""``a[i] = x`` of a plain array and a traced value, if only one name refers to the array.

C code stores the value, so nothing but the byte code of the line says which array and which place
are meant. Where the array and its index are computed by steps without side effects, they are
computed once more, and the name gets an array that takes traced values.
"""

from __future__ import annotations

import ctypes
import dis
import functools
import operator
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..array.box import Box, is_box
from ..array.stores import assign
from ..array.views import Array
from ..core.batch import is_basic
from ..core.types import Value
from ..rules.numpy.in_place import note_lone

_LOADS = ("LOAD_FAST", "LOAD_DEREF", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_FAST_BORROW")
_LOCAL = ("LOAD_FAST", "LOAD_DEREF", "LOAD_FAST_BORROW")
_UNARY = {
    "UNARY_NEGATIVE": operator.neg,
    "UNARY_POSITIVE": operator.pos,
    "UNARY_INVERT": operator.invert,
}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "&": operator.and_,
    "|": operator.or_,
}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
}
Evaluate = Callable[[FrameType], Any]
_references: dict[Any, int] = {}  # by the kind of a store, if only one name refers to the array


class _Impure(Exception):
    """A step whose repetition could have effects, or that is not known."""


def _expression(steps: list[dis.Instruction], k: int) -> tuple[Evaluate, int]:
    """What the instructions up to `k` compute, and the index of the one before them."""
    i = steps[k]
    if i.opname in _LOADS:
        name = i.argval
        if i.opname == "LOAD_GLOBAL":
            return lambda frame: frame.f_globals[name], k - 1
        return lambda frame: frame.f_locals[name], k - 1
    if i.opname == "LOAD_CONST":
        value = i.argval
        return lambda frame: value, k - 1
    if i.opname in _UNARY:
        one, k = _expression(steps, k - 1)
        unary: Any = _UNARY[i.opname]
        return lambda frame: unary(one(frame)), k
    if i.opname == "LOAD_ATTR":
        one, k = _expression(steps, k - 1)
        name = i.argval
        return lambda frame: getattr(one(frame), name), k
    if i.opname in ("BINARY_OP", "COMPARE_OP", "BINARY_SUBSCR"):
        tables: dict[str, dict[str, Any]] = {"BINARY_OP": _BINARY, "COMPARE_OP": _COMPARE}
        binary: Any = tables.get(i.opname, {"": operator.getitem}).get(i.argrepr)
        if binary is None:
            raise _Impure
        right, k = _expression(steps, k - 1)
        left, k = _expression(steps, k)
        return lambda frame: binary(left(frame), right(frame)), k
    if i.opname in ("BUILD_TUPLE", "BUILD_SLICE"):
        make: Callable[..., Any] = slice if i.opname == "BUILD_SLICE" else lambda *parts: parts
        parts: list[Evaluate] = []
        k -= 1
        for _ in range(i.arg or 0):
            part, k = _expression(steps, k)
            parts.insert(0, part)
        return lambda frame: make(*(part(frame) for part in parts)), k
    raise _Impure


class _Target:
    """The array and the index of a store, and the name of the array."""

    def __init__(self, steps: list[dis.Instruction], k: int, free: tuple[str, ...]) -> None:
        self.index, k = _expression(steps, k)
        self.array, _ = _expression(steps, k)
        last = steps[k]
        self.name, self.owner = last.argval, None
        if last.opname == "LOAD_ATTR":
            self.owner, _ = _expression(steps, k - 1)
        elif last.opname not in _LOCAL or self.name in free:
            raise _Impure  # the name outlives the derivative

    def bind(self, frame: FrameType, array: Any) -> None:
        """Give the name another array."""
        if self.owner is not None:
            setattr(self.owner(frame), self.name, array)
            return
        frame.f_locals[self.name] = array
        if sys.version_info < (3, 13):
            # Before 3.13, `f_locals` of a function is a copy.
            to_fast = ctypes.pythonapi.PyFrame_LocalsToFast
            to_fast(ctypes.py_object(frame), ctypes.c_int(0))


# Python 3.13 joins two steps in one.
_JOINED = {
    "LOAD_FAST_LOAD_FAST": ("LOAD_FAST", "LOAD_FAST"),
    "STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST"),
    "STORE_FAST_STORE_FAST": ("STORE_FAST", "STORE_FAST"),
}


def _apart(i: dis.Instruction) -> list[dis.Instruction]:
    """The steps of an instruction, one by one."""
    if i.opname not in _JOINED:
        return [i]
    pairs = zip(_JOINED[i.opname], i.argval, strict=True)
    return [i._replace(opname=opname, argval=name) for opname, name in pairs]


@functools.lru_cache(4096)
def _target(code: CodeType, last: int) -> _Target | None:
    """The target of the store at an instruction, if it can be computed once more."""
    until = [i for i in dis.get_instructions(code) if i.offset <= last]
    steps = [step for i in until for step in _apart(i)]
    if steps[-1].opname != "STORE_SUBSCR":
        return None
    k = len(steps) - 2
    if steps[k].opname in ("SWAP", "ROT_THREE"):  # `a[i] += x` has computed both before
        where = steps[-1].positions
        reads = [
            n
            for n, i in enumerate(steps)
            if i.opname == "BINARY_SUBSCR" and i.positions == where and n >= 3
        ]
        if not reads or where is None or where.lineno is None:
            return None
        k = reads[-1] - 1
        while k > 0 and steps[k].opname == "COPY":
            k -= 1
    try:
        return _Target(steps, k, code.co_freevars)
    except (_Impure, IndexError):
        return None


def _kind(hook: str, index: Any, array: Any) -> tuple[Any, ...]:
    """The way in which NumPy stores, which holds more or fewer references to the array."""
    if not is_basic(index):
        return hook, "advanced"
    return hook, "part" if isinstance(array[index], np.ndarray) else "element"


def store(frame: FrameType, x: Value, hook: str) -> bool:
    """Store a traced value for the line that a frame is at; whether the array has but one name."""
    target = _target(frame.f_code, frame.f_lasti)
    if target is None:
        return False
    try:
        a, index = target.array(frame), target.index(frame)
    except Exception:
        return False
    if type(a) is not np.ndarray or a.dtype.kind not in "fc" or is_box(index):
        return False
    kind = (*_kind(hook, index, a), target.owner is None)
    count = sys.getrefcount(a)
    if type(x) is _Probe:
        _references[kind] = count
        return True
    owns = a.flags.owndata and a.flags.writeable and a.base is None
    if not owns or count > _references.get(kind, 0):
        return False
    lone = note_lone(Array(a.copy(order="K"), True))
    assign(lone, index, x)
    target.bind(frame, lone)
    a.fill(np.nan)
    return True


class _Probe(Box):
    """Stands for a traced value while the references to a lone array are counted."""

    __slots__ = ()


class _Holder:
    """Holds an array as an attribute."""

    a: Any


def _count_element(x: Value) -> None:
    a = np.ones((2, 2))
    a[0, 0] = x
    h = _Holder()
    h.a = np.ones((2, 2))
    h.a[0, 0] = x


def _count_part(x: Value) -> None:
    a = np.ones((2, 2))
    a[0] = x
    h = _Holder()
    h.a = np.ones((2, 2))
    h.a[0] = x


def _count_advanced(x: Value) -> None:
    a, i = np.ones((2, 2)), np.array([0])
    a[i] = x
    h = _Holder()
    h.a = np.ones((2, 2))
    h.a[i] = x


def count_references() -> None:
    """Count the references to an array in a store if it has but one name."""
    if _references:
        return
    for value in (np.float64(1.0), np.ones(2)):
        probe = object.__new__(_Probe)
        probe.primal = value
        for run in (_count_element, _count_part, _count_advanced):
            if not (run is _count_element and np.ndim(value)):
                run(probe)
