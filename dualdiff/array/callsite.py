"""The function that a line of a program calls, as far as its byte code shows.

Compiled code has no frame of its own: a function that it calls finds the frame of the program.
"""

from __future__ import annotations

import builtins
import dis
import functools
import inspect
from types import CodeType, FrameType, ModuleType
from typing import Any

UNKNOWN: Any = object()
_NAMES = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF", "LOAD_FAST_BORROW")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
# They ask an iterator, as one of `map`, for its next element.
_ADVANCING = ("FOR_ITER", "UNPACK_SEQUENCE", "UNPACK_EX", "LIST_EXTEND", "SET_UPDATE")
# By the identity of a code, whose hash takes long, and the place in it.
_chains: dict[tuple[int, int], tuple[CodeType, tuple[str, ...] | None]] = {}


def callee(frame: FrameType) -> Any:
    """The object that a frame is calling, `next` where it advances an iterator, or `UNKNOWN`."""
    chain = _chain(frame.f_code, frame.f_lasti)
    if not chain:
        return next if _is_advancing(frame.f_code, frame.f_lasti) else UNKNOWN
    name, *attributes = chain
    spaces = (frame.f_locals, frame.f_globals, vars(builtins))
    found = next((space[name] for space in spaces if name in space), UNKNOWN)
    for attribute in attributes:
        if isinstance(found, ModuleType):
            found = getattr(found, attribute, UNKNOWN)
        elif found is not UNKNOWN:
            found = inspect.getattr_static(found, attribute, UNKNOWN)
    return found


def called_name(frame: FrameType) -> str | None:
    """The name under which a frame calls a function: "module.function"."""
    chain = _chain(frame.f_code, frame.f_lasti)
    return ".".join(chain) if chain else None


def called_by_ufunc(frame: FrameType) -> bool:
    """Whether NumPy may ask for an attribute, rather than the program itself."""
    operation = dis.opname[frame.f_code.co_code[frame.f_lasti]]
    return operation not in _ATTRIBUTES and not asks_for_attribute(frame)


def asks_for_attribute(frame: FrameType) -> bool:
    """Whether a frame is calling `hasattr` or `getattr`."""
    return called_name(frame) in ("hasattr", "getattr")


@functools.lru_cache(4096)
def _is_advancing(code: CodeType, last: int) -> bool:
    return any(i.offset == last and i.opname in _ADVANCING for i in dis.get_instructions(code))


def _chain(code: CodeType, last: int) -> tuple[str, ...] | None:
    """A name and attributes of it, if the instruction at `last` calls such an expression."""
    held = _chains.get((id(code), last))
    if held is None or held[0] is not code:
        if len(_chains) >= 4096:
            _chains.clear()
        held = _chains[id(code), last] = code, _chain_in(code, last)
    return held[1]


def _chain_in(code: CodeType, last: int) -> tuple[str, ...] | None:
    instructions = list(dis.get_instructions(code))
    at = next((i for i in reversed(instructions) if i.offset <= last), None)
    if at is None or not at.opname.startswith(("CALL", "PRECALL")) or at.positions is None:
        return None
    line, end_line, start, end = at.positions
    if line is None or end is None:
        return None
    parts = []
    for i in instructions:
        where = i.positions
        if i.offset >= last or where is None or (where.lineno, where.col_offset) != (line, start):
            continue
        stop = (where.end_lineno, where.end_col_offset)
        if None in stop or stop >= (end_line, end):
            continue
        if i.opname in _NAMES or i.opname in _ATTRIBUTES:
            parts.append((stop, i.opname, i.argval))
        elif i.opname.startswith(("CALL", "BINARY", "BUILD", "MAKE")):
            return None  # a part of the expression is computed
    parts.sort()
    if not parts or parts[0][1] not in _NAMES or any(p[1] not in _ATTRIBUTES for p in parts[1:]):
        return None
    return tuple(name for _, _, name in parts)
