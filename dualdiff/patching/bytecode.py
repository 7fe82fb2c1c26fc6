"""Instructions of Python's byte code, on all supported versions of Python."""

from __future__ import annotations

import dis
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..core.types import Value


class Instruction(NamedTuple):
    """An instruction, with the name that it asks for, if any."""

    offset: int
    operation: int
    arg: int
    name: str | None


LOAD_GLOBAL = dis.opmap["LOAD_GLOBAL"]
ATTRIBUTES = {dis.opmap[name] for name in ("LOAD_ATTR", "LOAD_METHOD") if name in dis.opmap}
# From 3.13 on, it follows the function that is called.
NULL_AFTER = dis.opmap["PUSH_NULL"] if sys.version_info >= (3, 13) else None
# By how many bits the number of a name is shifted, for all instructions that name something.
SHIFTS = {
    **dict.fromkeys(dis.hasname, 0),
    LOAD_GLOBAL: 1,
    dis.opmap["LOAD_ATTR"]: int(sys.version_info >= (3, 12)),
    dis.opmap.get("LOAD_SUPER_ATTR", -1): 2,
}


def instructions(code: types.CodeType) -> Iterator[Instruction]:
    raw, names, extended = code.co_code, code.co_names, 0
    for offset in range(0, len(raw), 2):
        operation, arg = raw[offset], raw[offset + 1] | extended
        if operation == 0:  # the inline cache of the one before
            continue
        if operation == dis.EXTENDED_ARG:
            extended = arg << 8
            continue
        extended = 0
        shift = SHIFTS.get(operation)
        yield Instruction(offset, operation, arg, None if shift is None else names[arg >> shift])


def callees(code: types.CodeType) -> set[int]:
    """The offsets of the instructions that end an expression which is called: `f` in ``f(x).y``.

    Among the longer expressions that begin at the same place, the shortest is the call. Code
    without places counts as calling everything.
    """
    found: dict[Any, list[tuple[Any, int, bool]]] = {}
    for i in dis.get_instructions(code):
        where = i.positions
        if where is None or where.end_col_offset is None:
            return set(range(0, len(code.co_code), 2))
        start, end = (where.lineno, where.col_offset), (where.end_lineno, where.end_col_offset)
        found.setdefault(start, []).append((end, i.offset, i.opname.startswith("CALL")))
    called = set()
    for parts in found.values():
        for own_end, offset, _ in parts:
            following = min((end for end, _, _ in parts if end > own_end), default=None)
            if any(is_call for end, _, is_call in parts if end == following):
                called.add(offset)
    return called


def calls_method(i: Instruction) -> bool:
    """Whether an instruction looks a method up that is called next."""
    if sys.version_info < (3, 12):
        return i.operation == dis.opmap["LOAD_METHOD"]
    return i.operation == dis.opmap["LOAD_ATTR"] and bool(i.arg & 1)


def method_call(name: int) -> bytes:
    """Instructions that put a global function below the object, in the place of a look-up.

    The inline caches of the look-up, which are not executed, leave room for them.
    """
    load = _with_caches("LOAD_GLOBAL", name << 1)
    swap = _with_caches("SWAP", 2)
    # From 3.12 on, LOAD_METHOD is a name of the compiler's own, above all byte codes.
    look_up = "LOAD_METHOD" if dis.opmap.get("LOAD_METHOD", 256) < 256 else "LOAD_ATTR"
    room = len(_with_caches(look_up, 0))
    nops = bytes([dis.opmap["NOP"], 0]) * ((room - len(load) - len(swap)) // 2)
    return load + swap + nops


def _with_caches(name: str, arg: int) -> bytes:
    """An instruction with empty inline caches."""
    return bytes([dis.opmap[name], arg]) + bytes(2) * _CACHES[name]


def _sample(x: Value) -> Any:
    return abs(x.dot(1))


def _counted() -> dict[str, int]:
    """The number of inline caches of some instructions."""
    counts = dict.fromkeys(dis.opmap, 0)
    last = ""
    for i in dis.get_instructions(_sample, show_caches=True):
        if i.opname == "CACHE":
            counts[last] += 1
        else:
            last = i.opname
            # From 3.13 on, caches are no instructions.
            counts[last] = sum(size for _, size, _ in getattr(i, "cache_info", None) or ())
    return counts


_CACHES = _counted()
