"""Calls of a type by a variable or an attribute, as `dtype(x)` where `dtype` is float.

The line does not say what it calls. After a refusal in such a line, the function runs on a copy of
its code, in which the line asks a function of this module to make the call.
"""

from __future__ import annotations

import builtins
import dis
import functools
import sys
import types
from collections.abc import Callable
from typing import Any

from .bytecode import Instruction, calls_method, instructions, method_call

# The instructions that make a call; before Python 3.12 some calls are made by the first.
_CALLS = {dis.opmap[name] for name in ("PRECALL", "CALL") if name in dis.opmap}
_LOAD_CONST, _PUSH_NULL = dis.opmap["LOAD_CONST"], dis.opmap["PUSH_NULL"]
_NULL_IS_LAST = sys.version_info >= (3, 13)  # it follows the function that is called
_JUMPS = {*dis.hasjrel, *dis.hasjabs}
_REFUSING = ("__float__", "__complex__")


def refused_at(error: BaseException) -> types.TracebackType | None:
    """The step of a traceback in which a program called a conversion that was refused."""
    step = error.__traceback__
    while step is not None:
        if _refuses(step.tb_next):
            return step
        if step.tb_next is None:  # NumPy's types raise an error of their own after the refusal
            cause = error.__cause__ or error.__context__
            return step if cause is not None and _refuses(cause.__traceback__) else None
        step = step.tb_next
    return None


def _refuses(step: types.TracebackType | None) -> bool:
    """Whether a step of a traceback is in a conversion of traced values."""
    if step is None or step.tb_frame.f_code.co_name not in _REFUSING:
        return False
    return bool(step.tb_frame.f_globals.get("__name__", "").startswith("dualdiff."))


def asking(
    code: types.CodeType, place: int, called: Callable[..., Any], suffix: str
) -> types.CodeType | None:
    """A copy of a code in which `called` makes the call at a place, if the code has room for it."""
    found = _callee(code, place)
    if found is None:
        return None
    offset, callee, is_method = found
    names, consts, raw = [*code.co_names], code.co_consts, bytearray(code.co_code)
    if is_method:
        attribute = str(callee.name)
        name = f"{attribute} called{suffix}"
        setattr(builtins, name, functools.partial(_by_attribute, called, attribute))
        names.append(name)
        number, new = len(names) - 1, method_call(len(names) - 1)
    else:
        consts = (*consts, called)
        number = len(consts) - 1
        new = bytes([_LOAD_CONST, number & 255])
        if _NULL_IS_LAST:
            new += bytes([callee.operation, callee.arg & 255])
    if callee.arg >= 256 or number >= (128 if is_method else 256):
        return None
    raw[offset : offset + len(new)] = new
    return code.replace(co_code=bytes(raw), co_names=tuple(names), co_consts=consts)


def exchanged(code: types.CodeType, old: types.CodeType, new: types.CodeType) -> types.CodeType:
    """A code with another in the place of one that it is or holds; else the code itself."""
    if code is old:
        return new
    consts = tuple(
        exchanged(c, old, new) if type(c) is types.CodeType else c for c in code.co_consts
    )
    same = all(a is b for a, b in zip(consts, code.co_consts, strict=True))
    return code if same else code.replace(co_consts=consts)


def _callee(code: types.CodeType, place: int) -> tuple[int, Instruction, bool] | None:
    """What a call asks for: where its code begins, the instruction, and whether it is a method."""
    listed = list(instructions(code))
    number = next((k for k, i in enumerate(listed) if i.offset == place), None)
    if number is None or listed[number].operation not in _CALLS:
        return None
    depth = listed[number].arg + 2  # the function, another place, and the arguments
    number -= listed[number - 1].operation in _CALLS  # PRECALL stands before CALL
    for k in range(number - 1, 0, -1):
        i = listed[k]
        if depth == 2 and calls_method(i):
            return i.offset, i, True
        if depth == 2 and _NULL_IS_LAST:
            before = listed[k - 1]
            is_load = _effect(before) == 1 and i.offset == before.offset + 2
            fits = i.operation == _PUSH_NULL and is_load
            return (before.offset, before, False) if fits else None
        if depth == 1 and i.operation == _PUSH_NULL:
            return i.offset, listed[k + 1], False
        if i.operation in _JUMPS or depth < 1:
            return None
        depth -= _effect(i)
    return None


def _effect(i: Instruction) -> int:
    return dis.stack_effect(i.operation, i.arg if i.operation >= dis.HAVE_ARGUMENT else None)


def _by_attribute(called: Callable[..., Any], name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    return called(getattr(x, name), *args, **kwargs)
