"""Large arrays that a program refers to, as inputs of its recordings.

A recording holds for the arrays that the program captures, so each replay compares them with
copies, which takes as long as it takes to read them. A large array is better an input: a copy of
the program, of the functions and objects alone through which it reaches the array, has a recorded
value in its place. So every operation on the array is a node, every decision that depends on it
is a guard, and its contents need no comparison.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Sequence
from typing import Any

from numpy import ndarray

from ..transforms.transform import Transform
from .captures import ROOT, Captures
from .code import stores_globals
from .comparisons import is_empty
from .state import HEAP, is_library
from .tape import LARGEST


class Lifting:
    """The large arrays of a program, `arrays`, and the objects through which it reaches them."""

    def __init__(self, captures: Captures) -> None:
        self.arrays: list[ndarray] = []
        self.carriers: set[int] = set()
        if captures.compares_identity:  # a copy of an object is another object
            return
        for x in captures.seen.values():
            if type(x) is ndarray and x.dtype.char in "dD" and x.size > LARGEST:
                carriers = _carriers(x, captures)
                if carriers is not None:
                    self.arrays.append(x)
                    self.carriers |= carriers

    def copies(self, values: Sequence[Any]) -> Copies:
        """Copies of the program's objects with these values in place of the arrays."""
        return Copies(self.carriers, {id(x): v for x, v in zip(self.arrays, values, strict=True)})


def _carriers(x: ndarray, captures: Captures) -> set[int] | None:
    """All objects through which an array is reached, or None if one cannot be copied."""
    found: set[int] = set()
    waiting: list[Any] = [x]
    while waiting:
        for holder in captures.holders[id(waiting.pop())]:
            if holder is ROOT or id(holder) in found:
                continue
            if not _has_copies(holder):
                return None
            found.add(id(holder))
            waiting.append(holder)
    return found


def _has_copies(x: Any) -> bool:
    kind = type(x)
    if kind is types.FunctionType:
        return not stores_globals(x.__code__)  # a copy has globals of its own
    if kind in (types.MethodType, functools.partial, tuple, list, dict):
        return True
    return isinstance(x, Transform) or _is_plain(x)


def _is_plain(x: Any) -> bool:
    """Whether all state of an object is in its `__dict__`."""
    if isinstance(x, (type, types.ModuleType)) or not hasattr(x, "__dict__"):
        return False
    return not any(
        not base.__flags__ & HEAP or is_library(base.__module__) or vars(base).get("__slots__")
        for base in type(x).__mro__
        if base is not object
    )


class Copies:
    """Copies of objects, each made once, in which some parts are replaced."""

    def __init__(self, carriers: set[int], values: dict[int, Any]) -> None:
        self.carriers, self.made = carriers, dict(values)

    def of(self, x: Any) -> Any:
        """A copy with replaced parts, or the object itself if it reaches none of them."""
        if id(x) in self.made:
            return self.made[id(x)]
        if id(x) not in self.carriers:
            return x
        new = self.made[id(x)] = self._new(x)
        return new

    def _new(self, x: Any) -> Any:
        kind = type(x)
        if kind is types.FunctionType:
            return self._function(x)
        if kind is types.MethodType:
            return types.MethodType(self.of(x.__func__), self.of(x.__self__))
        if kind is functools.partial:
            return functools.partial(self.of(x.func), *self.of(x.args), **self.of(x.keywords))
        if kind is tuple:
            return tuple(map(self.of, x))
        if isinstance(x, Transform):
            rebuild, parts = x.__reduce__()
            return rebuild(*map(self.of, parts))
        new: Any = kind() if kind in (list, dict) else object.__new__(kind)
        self.made[id(x)] = new  # first, as its parts may hold it
        if kind is list:
            new.extend(map(self.of, x))
        else:
            self._fill(new if kind is dict else new.__dict__, x if kind is dict else vars(x))
        return new

    def _function(self, f: types.FunctionType) -> types.FunctionType:
        changed = [c for c in f.__closure__ or () if not is_empty(c) and self._is_other(c)]
        cells = {id(c): self.made.setdefault(id(c), types.CellType()) for c in changed}
        closure = tuple(cells.get(id(c), c) for c in f.__closure__) if f.__closure__ else None
        old = f.__globals__
        is_first = id(old) not in self.made
        scope = self.made.setdefault(id(old), dict(old))
        new = types.FunctionType(f.__code__, scope, f.__name__, None, closure)
        self.made[id(f)] = new  # first, as its parts may hold it
        for cell in changed:
            cells[id(cell)].cell_contents = self.of(cell.cell_contents)
        if is_first:
            self._fill(scope, old)
        new.__defaults__, new.__kwdefaults__ = self.of(f.__defaults__), self.of(f.__kwdefaults__)
        new.__module__, new.__qualname__, new.__doc__ = f.__module__, f.__qualname__, f.__doc__
        self._fill(new.__dict__, f.__dict__)
        return new

    def _is_other(self, cell: types.CellType) -> bool:
        content = id(cell.cell_contents)
        return content in self.carriers or content in self.made

    def _fill(self, new: dict[Any, Any], old: dict[Any, Any]) -> None:
        new.update((key, self.of(value)) for key, value in list(old.items()))
