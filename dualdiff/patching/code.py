"""Calls of `float`, `type` and the like in the byte code of a program.

Python leaves no way for `float(x)` to give a traced number. So the functions of a program run on
copies of their code in which such a call asks for another name, which stands in `builtins`. The
code itself does not change otherwise, and `float` as a dtype or a default stays what it is.
"""

from __future__ import annotations

import builtins
import dis
import functools
import gc
import operator
import sys
import types
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..array.box import is_box, shell, unbox
from ..array.made import TRACED_KINDS, boxed, class_of, is_made
from ..core.trace import LIVE
from ..core.types import Value
from ..rules.numpy.creation import contains_box
from .jitted import source_of

CACHED = type(functools.lru_cache(maxsize=1)(lambda: None))
_SUFFIX = " of dualdiff"  # no name of a program has a blank
_DOT = "dot" + _SUFFIX
_new: dict[int, tuple[Any, str]] = {}  # by the identity of what is replaced: it, and a name
_copies: dict[types.CodeType, types.CodeType] = {}


def _is_traced(x: Value) -> bool:
    return is_box(x) or type(x) in TRACED_KINDS


def _number_of(kind: Any, x: Value) -> Any:
    """A traced value as a number of some type."""
    x = boxed(x)
    made = kind(unbox(x))  # raises as in the program
    if np.ndim(made):
        return np.copy(x).astype(made.dtype)
    x = np.reshape(x, ())[()] if np.ndim(x) or isinstance(unbox(x), np.ndarray) else x
    kept = np.dtype(type(made)) == x.dtype
    return x if kept else x.astype(type(made))


def _float(*args: Any) -> Any:
    """``float(x)``; a traced number stays one."""
    if LIVE and len(args) == 1 and _is_traced(args[0]):
        return _number_of(float, args[0])
    return float(*args)


def _complex(*args: Any, **kwargs: Any) -> Any:
    """``complex(x)`` and ``complex(x, y)``."""
    if LIVE and any(map(_is_traced, args)):
        complex(*map(unbox, map(boxed, args)))
        return sum((x * unit for x, unit in zip(args, (1, 1j), strict=False)), 0j)
    return complex(*args, **kwargs)


def _type(*args: Any, **kwargs: Any) -> Any:
    """``type(x)``: of traced values the type that they have in the program."""
    if LIVE and len(args) == 1:
        x = args[0]
        if is_made(x):
            return class_of(x)
        if is_box(x):
            return type(unbox(x))
    return type(*args, **kwargs)


def _isinstance(x: Value, kind: Any, /) -> bool:
    """``isinstance(x, kind)``: a traced number is not iterable."""
    if LIVE and is_box(x):
        return isinstance(shell(x), kind)
    return isinstance(x, kind)


def _dot(a: Value, *args: Any, **kwargs: Any) -> Any:
    """``a.dot(b)`` of a plain array and a traced one, which C code would compute."""
    if LIVE and isinstance(a, np.ndarray) and args and contains_box(args[0]):
        return np.dot(a, *args, **kwargs)
    return a.dot(*args, **kwargs)


def _scalar_type(kind: Any) -> Callable[..., Any]:
    def convert(*args: Any, **kwargs: Any) -> Any:
        if LIVE and len(args) == 1 and _is_traced(args[0]):
            return _number_of(kind, args[0])
        return kind(*args, **kwargs)

    return convert


_REPLACED: dict[Any, Callable[..., Any]] = {
    float: _float,
    complex: _complex,
    type: _type,
    isinstance: _isinstance,
    **{
        kind: _scalar_type(kind)
        for kind in (np.float64, np.float32, np.longdouble, np.complex128, np.complex64)
    },
}


def install_names() -> None:
    """Put the replacements into `builtins` and `numpy`, under names that only copies ask for."""
    setattr(builtins, _DOT, _dot)
    for kind, function in _REPLACED.items():
        name = kind.__name__ + _SUFFIX
        setattr(builtins, name, function)
        _new[id(kind)] = (kind, name)
        for alias in (kind.__name__, "double", "longdouble"):
            if vars(np).get(alias) is kind:
                vars(np)[alias + _SUFFIX] = function


def _name_of(value: Any) -> str | None:
    kind, name = _new.get(id(value), (None, None))
    return name if kind is value else None


def rewritten(code: types.CodeType, space: dict[str, Any]) -> types.CodeType:
    """A copy of code in which calls ask for the replacements; the code itself if it has none."""
    if code in _copies:
        return _copies[code]
    consts = tuple(rewritten(c, space) if type(c) is types.CodeType else c for c in code.co_consts)
    names, changes = _changes(code, space)
    if not changes and all(a is b for a, b in zip(consts, code.co_consts, strict=True)):
        return code
    raw = bytearray(code.co_code)
    for offset, new in changes:
        raw[offset : offset + len(new)] = new
    copy = code.replace(co_code=bytes(raw), co_names=names, co_consts=consts)
    _copies[code] = _copies[copy] = copy
    return copy


def _changes(
    code: types.CodeType, space: dict[str, Any]
) -> tuple[tuple[str, ...], list[tuple[int, bytes]]]:
    """The names of a copy, and the bytes that replace some of the original."""
    used = _INTERESTING.intersection(code.co_names)
    found = {name: _name_of(space[name]) for name in code.co_names if name in space}
    found |= {name: _name_of(getattr(builtins, name, None)) for name in used - space.keys()}
    wanted = {name: other for name, other in found.items() if other is not None}
    modules = {name for name in code.co_names if space.get(name) is np} if used else set()
    if not wanted and not (modules and used) and "dot" not in used:
        return code.co_names, []
    found_calls: list[tuple[_Instruction, str, int]] = []  # with the new name, and its shift
    before: _Instruction | None = None
    instructions = list(_instructions(code))
    for i, after in zip(instructions, [*instructions[1:], None], strict=True):
        if i.name == "dot" and _calls_method(i):
            if before is None or before.name not in modules:
                found_calls.append((i, _DOT, 0))
        elif i.operation == _LOAD_GLOBAL and i.name in wanted:
            if i.arg & 1 or (before is not None and before.name == "map" and before.arg & 1):
                found_calls.append((i, wanted[i.name], 1))
        elif i.operation in _ATTRIBUTES and before is not None and before.name in modules:
            following = None if after is None else after.operation
            is_called = _calls_method(i) or (before.operation == _LOAD_GLOBAL and before.arg & 1)
            is_called = is_called or following == _NULL_AFTER
            is_part = following in _ATTRIBUTES
            if is_called and not is_part and str(i.name) + _SUFFIX in vars(np):
                found_calls.append((i, str(i.name) + _SUFFIX, _SHIFTS[i.operation]))
        before = i
    return _exchanged(code, instructions, found_calls)


def _exchanged(
    code: types.CodeType,
    instructions: list[_Instruction],
    calls: list[tuple[_Instruction, str, int]],
) -> tuple[tuple[str, ...], list[tuple[int, bytes]]]:
    """The names and the changed bytes of a code in which calls ask for other names."""
    names: list[str] = [*code.co_names]
    changes: list[tuple[int, bytes]] = []
    users = Counter(i.name for i in instructions)
    for (name, new), count in Counter((i.name, new) for i, new, _ in calls).items():
        if new is not _DOT and new not in names and users[name] == count:
            names[names.index(str(name))] = new  # nobody else asks for the old one
    for i, new, shift in calls:
        if new not in names:
            names.append(new)
        if new is _DOT:
            if i.arg < 256 and names.index(new) < 128:
                changes.append((i.offset, _method_call(names.index(new))))
            continue
        arg = names.index(new) << shift | (i.arg & 1 if shift else 0)
        if i.arg >= 256:
            changes.append((i.offset - 1, bytes([arg >> 8])))  # of the instruction that extends it
        if arg < 256 or i.arg >= 256:
            changes.append((i.offset + 1, bytes([arg & 255])))
    return tuple(names), changes


class _Instruction(NamedTuple):
    """An instruction, with the name that it asks for, if any."""

    offset: int
    operation: int
    arg: int
    name: str | None


_LOAD_GLOBAL = dis.opmap["LOAD_GLOBAL"]
_ATTRIBUTES = {dis.opmap[name] for name in ("LOAD_ATTR", "LOAD_METHOD") if name in dis.opmap}
# From 3.13 on, it follows the function that is called.
_NULL_AFTER = dis.opmap["PUSH_NULL"] if sys.version_info >= (3, 13) else None
# By how many bits the number of a name is shifted, for all instructions that name something.
_SHIFTS = {
    **dict.fromkeys(dis.hasname, 0),
    _LOAD_GLOBAL: 1,
    dis.opmap["LOAD_ATTR"]: int(sys.version_info >= (3, 12)),
    dis.opmap.get("LOAD_SUPER_ATTR", -1): 2,
}
_INTERESTING = {kind.__name__ for kind in _REPLACED} | {"double", "dot"}


def _instructions(code: types.CodeType) -> Iterator[_Instruction]:
    raw, names, extended = code.co_code, code.co_names, 0
    for offset in range(0, len(raw), 2):
        operation, arg = raw[offset], raw[offset + 1] | extended
        if operation == 0:  # the inline cache of the one before
            continue
        if operation == dis.EXTENDED_ARG:
            extended = arg << 8
            continue
        extended = 0
        shift = _SHIFTS.get(operation)
        yield _Instruction(offset, operation, arg, None if shift is None else names[arg >> shift])


def _calls_method(i: _Instruction) -> bool:
    """Whether an instruction looks a method up that is called next."""
    if sys.version_info < (3, 12):
        return i.operation == dis.opmap["LOAD_METHOD"]
    return i.operation == dis.opmap["LOAD_ATTR"] and bool(i.arg & 1)


def _method_call(name: int) -> bytes:
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


def functions_in(value: Any, depth: int = 0) -> Iterator[types.FunctionType]:
    """The Python functions behind an attribute of a module or a class."""
    if type(value) is types.FunctionType:
        yield value
        if depth < 3:
            for cell in value.__closure__ or ():
                try:
                    held = cell.cell_contents
                except ValueError:  # empty as yet
                    continue
                yield from functions_in(held, depth + 1)
    elif isinstance(value, (staticmethod, classmethod, types.MethodType)):
        yield from functions_in(value.__func__, depth)
    elif isinstance(value, property):
        for part in (value.fget, value.fset):
            yield from functions_in(part, depth)
    elif isinstance(value, (functools.cached_property, functools.partial)):
        yield from functions_in(value.func, depth)
    elif isinstance(value, np.vectorize):
        yield from functions_in(value.pyfunc, depth)
    elif type(value) is CACHED:
        yield from functions_in(value.__wrapped__, depth)
    elif (source := source_of(value)) is not None:
        yield from functions_in(source, depth)


# Libraries that never run on traced values, or have rules of their own.
_LIBRARIES = """
numpy scipy dualdiff optree numdifftools pandas matplotlib mpl_toolkits PIL sklearn numba llvmlite
torch jax tensorflow pip setuptools pkg_resources pytest _pytest pluggy IPython joblib dateutil
pyparsing packaging typing_extensions narwhals psutil threadpoolctl
"""
_EXEMPT = {*sys.stdlib_module_names, *_LIBRARIES.split()}


def is_exempt(module: str) -> bool:
    """Whether the functions of a module keep their code."""
    return module.partition(".")[0] in _EXEMPT


def _put(holder: Any, name: str, old: Any, new: Any) -> None:
    """Put an object into the place of another, in a namespace, a cell or a function."""
    if type(holder) is not dict:
        setattr(holder, name, new)
    elif holder.get(name) is old:
        holder[name] = new


class Functions:
    """The functions that run on copies of their code for a while."""

    def __init__(self, table: dict[int, tuple[Any, Any]] | None = None) -> None:
        self.table = {} if table is None else table  # see `names`
        # Cells of closures and defaults of parameters: what holds them, and both values.
        self.held: list[tuple[Any, str, Any, Any]] = []
        # By identity: the function, its own code, and the copy.
        self.found: dict[int, tuple[Any, types.CodeType, types.CodeType]] = {}
        self.count = 0  # of the functions noted so far; those that are gone count as well
        self.scanned: dict[int, int] = {}  # sizes of the namespaces that were looked through
        self.prepared: Any = weakref.WeakValueDictionary()  # functions by their identity
        self.active = False

    def add(self, value: Value) -> None:
        """Note the functions behind a value that have a call to replace."""
        for function in functions_in(value):
            held = self.found.get(id(function))
            if held is not None and held[0]() is function:
                continue
            code, space = function.__code__, function.__globals__
            if is_exempt(str(space.get("__name__", ""))):
                continue
            self._add_held(function)
            copy = rewritten(code, space)
            if copy is not code:
                key = id(function)
                forget = functools.partial(self._forget, key)
                reference = weakref.ref(function, forget)
                self.found[key] = (reference, code, copy)
                self.count += 1
                if self.active:
                    function.__code__ = copy

    def _new(self, value: Value) -> Any:
        """What replaces a value; the value itself if nothing does."""
        pair = self.table.get(id(value))
        return pair[1] if pair is not None and pair[0] is value else value

    def _add_held(self, function: types.FunctionType) -> None:
        """Note functions to be replaced that are held by a closure or as a default."""
        places: list[tuple[Any, str]] = [
            (cell, "cell_contents") for cell in function.__closure__ or ()
        ]
        for holder, name in [*places, (function, "__defaults__"), (function, "__kwdefaults__")]:
            try:
                old = getattr(holder, name)
            except ValueError:  # an empty cell
                continue
            if type(old) is tuple:
                new: Any = tuple(map(self._new, old))
                same = all(map(operator.is_, old, new))
            elif type(old) is dict and name == "__kwdefaults__":
                new = {k: self._new(v) for k, v in old.items()}
                same = all(new[k] is v for k, v in old.items())
            else:
                new = self._new(old)
                same = new is old
            if not same:
                self._hold(holder, name, old, new)

    def _hold(self, holder: Any, name: str, old: Any, new: Any) -> None:
        """Note what a place holds, if it is to be replaced."""
        if new is not old:
            self.held.append((holder, name, old, new))
            if self.active:
                _put(holder, name, old, new)

    def _forget(self, key: int, reference: Any) -> None:
        self.found.pop(key, None)

    def prepare(self, f: Any) -> None:
        """Note the functions that a function to be differentiated may call by their names."""
        space = getattr(f, "__globals__", None)
        if self.prepared.get(id(f)) is f and (
            not space or self.scanned.get(id(space)) == len(space)
        ):
            return
        if type(f) is types.FunctionType:
            self.prepared[id(f)] = f
        for _ in range(16):
            inner = getattr(f, "__wrapped__", None) or getattr(f, "func", None)
            if inner is None:
                break
            self.add(f)
            f = inner
        if not isinstance(f, (types.FunctionType, types.MethodType, types.BuiltinFunctionType)):
            for value in [*vars(type(f)).values(), getattr(f, "f", None)]:
                self.add(value)
        self.add(f)
        space = getattr(f, "__globals__", None)
        if space is None or is_exempt(str(space.get("__name__", ""))):
            return
        if self.scanned.get(id(space)) != len(space):
            self.scanned[id(space)] = len(space)
            for name, value in list(space.items()):
                self._hold(space, name, value, self._new(value))
                self.add(value)
                if isinstance(value, type) and value.__module__ == space.get("__name__"):
                    for attribute in list(vars(value).values()):
                        self.add(attribute)

    def learn(self, error: BaseException) -> bool:
        """Note the functions that an error has passed; whether one runs on a copy from now on."""
        before = self.count
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if not is_exempt(str(trace.tb_frame.f_globals.get("__name__", ""))):
                for holder in gc.get_referrers(code):
                    if type(holder) is types.FunctionType and holder.__code__ is code:
                        self.add(holder)
            trace = trace.tb_next
        return self.count > before

    def replace(self) -> None:
        """Run the functions on the copies."""
        self.active = True
        for holder, name, old, new in self.held:
            _put(holder, name, old, new)
        for reference, code, copy in list(self.found.values()):
            function = reference()
            if function is not None and function.__code__ is code:
                function.__code__ = copy

    def restore(self) -> None:
        """Give the functions their own code again."""
        self.active = False
        for holder, name, old, new in self.held:
            _put(holder, name, new, old)
        for reference, code, copy in list(self.found.values()):
            function = reference()
            if function is not None and function.__code__ is copy:
                function.__code__ = code
