"""The code of a program's functions: the names in it, and what it does that no recording sees."""

from __future__ import annotations

import dis
import functools
import itertools
import types
from collections.abc import Iterator, Mapping
from typing import Any

# Functions through which a program reaches state that no search finds.
_REACHING = frozenset(("globals", "eval", "exec", "__import__"))
# The same as attributes of modules.
_REACHING_PARTS = {
    "_getframe": "sys", "currentframe": "inspect", "stack": "inspect", "import_module": "importlib",
    "modules": "sys",
}  # fmt: skip
_SEEDS = ("seed", "set_state", "setstate")
_BY_NAME = frozenset(("getattr", "vars"))
_ON_GLOBALS = frozenset(
    ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "DELETE_GLOBAL")
)
_NAMED = _ON_GLOBALS | {"LOAD_DEREF"}
_COMPARING = frozenset(("IS_OP", "COMPARE_OP", "CONTAINS_OP"))
_COMPUTING = ("BINARY", "BUILD_STRING", "FORMAT", "CONVERT")
_CALLS = ("CALL", "CALL_FUNCTION")
_FILLERS = frozenset(("PRECALL", "CACHE", "PUSH_NULL", "NOP", "RESUME", "NOT_TAKEN"))
_CLASSES = ("cls", "__class__")  # names of classes, as in the methods of dataclasses
_MEMORY = frozenset(("setflags", "shares_memory", "may_share_memory"))
# Flags of an array that do not follow from its shape and strides.
_FLAGS = frozenset(
    ("writeable", "w", "owndata", "o", "behaved", "b", "carray", "ca", "farray", "fa", "num")
)  # fmt: skip
# A recorded value is an instance of none of these, and no plain number or array is, either.
_OTHERS = (str, bytes, list, tuple, dict, set, frozenset, type(None), types.FunctionType, type)


def _all(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code and the codes inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all(constant)


@functools.cache
def names_used(code: types.CodeType) -> tuple[str, ...]:
    """The global names and attributes that a code and the codes inside it mention."""
    return tuple(dict.fromkeys(itertools.chain(*(c.co_names for c in _all(code)))))


@functools.cache
def texts_used(code: types.CodeType) -> tuple[str, ...]:
    """The texts in a code and the codes inside it that may name attributes."""
    constants = itertools.chain(*(c.co_consts for c in _all(code)))
    return tuple(dict.fromkeys(c for c in constants if type(c) is str and c.isidentifier()))


@functools.cache
def globals_used(code: types.CodeType) -> tuple[str, ...]:
    """The names of globals and builtins in a code and in the codes inside it."""
    return tuple(dict.fromkeys(i.argval for i in _instructions(code) if i.opname in _ON_GLOBALS))


def _of_one(code: types.CodeType) -> tuple[dis.Instruction, ...]:
    """The instructions of a code that do something."""
    return tuple(i for i in dis.get_instructions(code) if i.opname not in _FILLERS)


@functools.cache
def _instructions(code: types.CodeType) -> tuple[dis.Instruction, ...]:
    """Those of a code and of the codes inside it."""
    return tuple(itertools.chain(*map(_of_one, _all(code))))


@functools.cache
def has_handlers(code: types.CodeType) -> bool:
    """Whether a code or a code inside it may catch exceptions: `except`, `finally` or `with`."""
    return any(i.opname == "PUSH_EXC_INFO" for i in _instructions(code))


@functools.cache
def finds_by_name(code: types.CodeType) -> bool:
    """Whether a code asks for attributes by names that it computes."""
    found = _instructions(code)
    for k, instruction in enumerate(found):
        if instruction.opname not in _ON_GLOBALS or instruction.argval not in _BY_NAME:
            continue
        rest = found[k + 1 :]
        given = tuple(itertools.takewhile(lambda i: not i.opname.startswith("CALL"), rest))
        texts = [i.argval for i in given if i.opname == "LOAD_CONST" and type(i.argval) is str]
        computes = any(i.opname.startswith(_COMPUTING) for i in given)
        if computes or not any(map(str.isidentifier, texts)):
            return True
    return "__dict__" in names_used(code) or "attrgetter" in names_used(code)


@functools.cache
def compares_identity(code: types.CodeType) -> bool:
    """Whether a code compares identities with more than None and its like, and with classes.

    Methods for equality do not count, where identity is a short cut.
    """
    if code.co_name in ("__eq__", "__ne__"):
        return False
    pairs = itertools.pairwise(_instructions(code))
    return any(
        i.opname == "IS_OP" and before.opname != "LOAD_CONST" and before.argval not in _CLASSES
        for before, i in pairs
    )


@functools.cache
def stores_globals(code: types.CodeType) -> bool:
    """Whether a code or a code inside it binds global names."""
    return any(i.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") for i in _instructions(code))


@functools.cache
def sets_state(code: types.CodeType) -> bool:
    """Whether a code sets the state of random numbers, or how NumPy treats floating-point errors.

    A call leaves that as it was if an earlier call has set it, so only the code tells.
    """
    pairs = itertools.pairwise(_instructions(code))
    seeds = any(before.argval == "random" and i.argval in _SEEDS for before, i in pairs)
    return seeds or "seterr" in names_used(code)


def reaches(code: types.CodeType, scope: Mapping[str, Any]) -> str:
    """What a code uses to reach state that no search finds, or an empty text."""
    used = set(names_used(code))
    for name in _REACHING.intersection(globals_used(code)) - scope.keys():
        return f"{name}()"
    for name, module in _REACHING_PARTS.items():
        if name in used and (
            module in used or getattr(scope.get(name), "__module__", "") == module
        ):
            return f"{module}.{name}"
    return ""


def asks_for_memory(code: types.CodeType) -> bool:
    """Whether a code asks for flags of arrays that no signature holds, sets them, or asks which
    arrays overlap."""
    used, texts = set(names_used(code)), {text.lower() for text in texts_used(code)}
    return not _MEMORY.isdisjoint(used) or ("flags" in used and not _FLAGS.isdisjoint(used | texts))


def asks_for_type(code: types.CodeType, scope: Mapping[str, Any]) -> bool:
    """Whether a code calls `type` on what may be a recorded value.

    Recorded values are instances of the right classes for `isinstance`, and their types differ.
    `type(self)`, and comparisons with classes that no number or array has, do no harm.
    """
    if "type" not in globals_used(code) or "type" in scope:
        return False
    return any(_asks(_of_one(c), scope) for c in _all(code))


def _asks(found: tuple[dis.Instruction, ...], scope: Mapping[str, Any]) -> bool:
    for k, instruction in enumerate(found):
        if instruction.opname in _ON_GLOBALS and instruction.argval == "type":
            rest = found[k + 1 :]
            is_call = len(rest) > 1 and rest[1].opname in _CALLS and rest[1].arg == 1
            if not is_call:
                return True
            if rest[0].argval in ("self", "cls"):
                continue
            if not _compares_with_others(rest[2:], scope):
                return True
    return False


def _compares_with_others(rest: tuple[dis.Instruction, ...], scope: Mapping[str, Any]) -> bool:
    """Whether a type is compared with a class that is no class of numbers or arrays."""
    if len(rest) < 2 or rest[0].opname not in _NAMED or rest[1].opname not in _COMPARING:
        return False
    name = rest[0].argval
    builtins = scope.get("__builtins__", {})
    known = builtins if isinstance(builtins, dict) else vars(builtins)
    other = scope.get(name, known.get(name))
    if not isinstance(other, type):
        return False
    return other in _OTHERS or other.__module__ not in ("builtins", "numpy")
