"""Calls of `float`, `type` and the like in the byte code of a program.

Python leaves no way for `float(x)` to give a traced number. So the functions of a program run on
copies of their code in which such a call asks for another name, which stands in `builtins`. The
code itself does not change otherwise, and `float` as a dtype or a default stays what it is.
"""

from __future__ import annotations

import builtins
import functools
import gc
import operator
import sys
import types
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..array.box import is_box, shell, unbox
from ..array.kinds import FLOATS
from ..array.made import TRACED_KINDS, boxed, class_of, is_made
from ..core.dual import Dual
from ..core.tape import Var
from ..core.trace import LIVE
from ..core.types import Value
from ..rules.numpy import index_tricks
from ..rules.numpy.creation import contains_box
from .bytecode import (
    ATTRIBUTES,
    LOAD_GLOBAL,
    NULL_AFTER,
    SHIFTS,
    Instruction,
    callees,
    calls_method,
    instructions,
    method_call,
)
from .jitted import source_of
from .variables import asking, exchanged, refused_at

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


def number_in(x: Value, method: str = "__float__") -> Any:
    """What the conversion of a class of the program gives, if it is traced; else x."""
    convert = getattr(type(x), method, None)
    if type(convert) is not types.FunctionType or _is_traced(x):
        return x
    made = convert(x)
    return made if _is_traced(made) else x


def _float(*args: Any) -> Any:
    """``float(x)``; a traced number stays one."""
    if LIVE and len(args) == 1:
        (x,) = args
        kind = type(x)
        if kind is float or ((kind is Var or kind is Dual) and type(x.primal) in FLOATS):
            return x
        x = number_in(x)
        if _is_traced(x):
            return _number_of(float, x)
    return float(*args)


def _complex(*args: Any, **kwargs: Any) -> Any:
    """``complex(x)`` and ``complex(x, y)``."""
    if LIVE and len(args) == 1:
        args = (number_in(args[0], "__complex__"),)
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
    np.broadcast: index_tricks.broadcast,
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


def _called(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """A call of what a variable holds."""
    name = _name_of(function)
    return (function if name is None else getattr(builtins, name))(*args, **kwargs)


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
    found_calls: list[tuple[Instruction, str, int]] = []  # with the new name, and its shift
    before: Instruction | None = None
    listed, called = list(instructions(code)), callees(code)
    for i, after in zip(listed, [*listed[1:], None], strict=True):
        is_followed_by_null = after is not None and after.operation == NULL_AFTER
        if i.name == "dot" and calls_method(i):
            if before is None or before.name not in modules:
                found_calls.append((i, _DOT, 0))
        elif i.operation == LOAD_GLOBAL and i.name in wanted:
            is_called = bool(i.arg & 1) and i.offset in called
            if is_called or (before is not None and before.name == "map" and before.arg & 1):
                found_calls.append((i, wanted[i.name], 1))
        elif i.operation in ATTRIBUTES and before is not None and before.name in modules:
            is_called = calls_method(i) or (
                before.operation == LOAD_GLOBAL and bool(before.arg & 1)
            )
            is_called = (is_called or is_followed_by_null) and i.offset in called
            if is_called and str(i.name) + _SUFFIX in vars(np):
                found_calls.append((i, str(i.name) + _SUFFIX, SHIFTS[i.operation]))
        before = i
    return _exchanged(code, listed, found_calls)


def _exchanged(
    code: types.CodeType,
    listed: list[Instruction],
    calls: list[tuple[Instruction, str, int]],
) -> tuple[tuple[str, ...], list[tuple[int, bytes]]]:
    """The names and the changed bytes of a code in which calls ask for other names."""
    names: list[str] = [*code.co_names]
    changes: list[tuple[int, bytes]] = []
    users = Counter(i.name for i in listed)
    for (name, new), count in Counter((i.name, new) for i, new, _ in calls).items():
        if new is not _DOT and new not in names and users[name] == count:
            names[names.index(str(name))] = new  # nobody else asks for the old one
    for i, new, shift in calls:
        if new not in names:
            names.append(new)
        if new is _DOT:
            if i.arg < 256 and names.index(new) < 128:
                changes.append((i.offset, method_call(names.index(new))))
            continue
        arg = names.index(new) << shift | (i.arg & 1 if shift else 0)
        if i.arg >= 256:
            changes.append((i.offset - 1, bytes([arg >> 8])))  # of the instruction that extends it
        if arg < 256 or i.arg >= 256:
            changes.append((i.offset + 1, bytes([arg & 255])))
    return tuple(names), changes


_INTERESTING = {kind.__name__ for kind in _REPLACED} | {"double", "dot"}


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
        # By identity: references to functions, and the namespaces of their code.
        self.prepared: dict[int, tuple[Any, Any]] = {}
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

    def _unprepare(self, key: int, reference: Any) -> None:
        self.prepared.pop(key, None)

    def prepare(self, f: Any) -> None:
        """Note the functions that a function to be differentiated may call by their names."""
        if type(f) is types.MethodType:
            f = f.__func__
        asked, held = f, self.prepared.get(id(f))
        if held is not None and held[0]() is f:
            space = held[1]
            if space is None or self.scanned.get(id(space)) == len(space):
                return
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
        if space is not None and is_exempt(str(space.get("__name__", ""))):
            space = None
        if type(asked) in (types.FunctionType, functools.partial):
            forget = functools.partial(self._unprepare, id(asked))
            self.prepared[id(asked)] = weakref.ref(asked, forget), space
        if space is None:
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
        self._learn_call(error)
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if not is_exempt(str(trace.tb_frame.f_globals.get("__name__", ""))):
                for holder in gc.get_referrers(code):
                    if type(holder) is types.FunctionType and holder.__code__ is code:
                        self.add(holder)
            trace = trace.tb_next
        return self.count > before

    def _learn_call(self, error: BaseException) -> None:
        """Ask what the variable holds whose call was refused."""
        step = refused_at(error)
        if step is None or is_exempt(str(step.tb_frame.f_globals.get("__name__", ""))):
            return
        old = step.tb_frame.f_code
        new = asking(old, step.tb_lasti, _called, _SUFFIX)
        if new is None:
            return
        for code, copy in list(_copies.items()):
            _copies[code] = exchanged(copy, old, new)
        _copies[old] = _copies[new] = new
        for key, (reference, code, copy) in list(self.found.items()):
            better = exchanged(copy, old, new)
            self.found[key] = reference, code, better
            function = reference()
            if self.active and function is not None and function.__code__ is copy:
                function.__code__ = better
        self.count += 1

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
