"""Replacement of functions by identity, wherever a module has bound them.

`from math import sqrt` binds `math.sqrt` under a name of another module. A replacement of
`math.sqrt` must reach that name too, also in modules that are imported later, and the name must
have its own object back afterwards. Classes of a module count as parts of it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from ..core.trace import LIVE
from ..rules.numpy.creation import contains_box
from .code import CACHED, is_exempt

# Their own names stay: rules are NumPy programs, and NumPy passes its arrays to compiled code.
_EXEMPT = ("numpy", "dualdiff", "builtins")
Table = dict[int, tuple[Any, Any]]  # by the identity of the first: what to replace, and by what


def _is_exempt(name: str) -> bool:
    return name.partition(".")[0] in _EXEMPT


def _is_loading(module: ModuleType | None) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _attributes(space: dict[str, Any], module_name: str) -> Iterator[tuple[Any, str, Any]]:
    """The names in a module and in its classes, with the namespace or class of each."""
    for name, value in list(space.items()):
        yield space, name, value
        if isinstance(value, type) and value.__module__ == module_name:
            for attribute, held in list(vars(value).items()):
                yield value, attribute, held


def _through_cache(cached: Any) -> Any:
    """A function with a cache, which calls the function itself for traced arguments."""

    @functools.wraps(cached)
    def through(*args: Any, **kwargs: Any) -> Any:
        if LIVE and contains_box([*args, *kwargs.values()]):
            return cached.__wrapped__(*args, **kwargs)
        return cached(*args, **kwargs)

    for name in ("cache_info", "cache_clear", "cache_parameters"):
        setattr(through, name, getattr(cached, name))
    return through


class Names:
    """The bindings of some objects in all modules, and what replaces them for a while.

    Each replacement is a namespace or class, a name in it, and what replaces its object.
    """

    def __init__(
        self, replacements: list[tuple[Any, str, Any]], look: Callable[[Any], None] | None = None
    ) -> None:
        self.look = look
        self.forth: Table = {}
        self.back: Table = {}
        # The namespace or class, the name, the object and what replaces it.
        self.bindings: list[tuple[dict[str, Any], str, Any, Any]] = []
        self.in_classes: list[tuple[type, str, Any, Any]] = []
        for space, name, new in replacements:
            old = vars(space)[name] if isinstance(space, type) else space[name]
            self._add_pair(old, new)
            self._note(space, name, old, new)
        self.seen: dict[str, Any] = {}  # the modules that were looked through

    def replace(self) -> None:
        """Put the replacements under the names."""
        for space, name, old, new in self._found(self.forth):
            self._note(space, name, old, new)
        for space, name, old, new in self.bindings:
            if space.get(name) is old:
                space[name] = new
        for cls, name, old, new in self.in_classes:
            if vars(cls).get(name) is old:
                type.__setattr__(cls, name, new)

    def restore(self) -> None:
        """Put the objects themselves under the names again, also in modules imported meanwhile."""
        for space, name, new, old in self._found(self.back):
            self._note(space, name, old, new)
        for space, name, old, new in self.bindings:
            if space.get(name) is new:
                space[name] = old
        for cls, name, old, new in self.in_classes:
            if vars(cls).get(name) is new:
                type.__setattr__(cls, name, old)

    def _note(self, space: Any, name: str, old: Any, new: Any) -> None:
        bindings: list[Any] = self.in_classes if isinstance(space, type) else self.bindings
        bindings.append((space, name, old, new))

    def _found(self, table: Table) -> Iterator[tuple[Any, str, Any, Any]]:
        """Bindings of the objects of a table in modules that are new or may have grown."""
        for module_name in self._new_modules():
            yield from self._found_in(sys.modules.get(module_name), module_name, table)

    def _found_in(
        self, module: Any, module_name: str, table: Table
    ) -> Iterator[tuple[Any, str, Any, Any]]:
        space = getattr(module, "__dict__", None)
        if type(space) is not dict or _is_exempt(module_name):
            return
        own = not is_exempt(module_name)
        for home, name, value in _attributes(space, module_name):
            if type(value) is CACHED and own and id(value) not in self.forth:
                self._add_pair(value, _through_cache(value))
            pair = table.get(id(value))
            if pair is not None and pair[0] is value:
                yield (home, name, *pair)
            elif own and self.look is not None:
                self.look(value)

    def replace_in(self, module: ModuleType) -> None:
        """Put the replacements under the names of a module that has just been imported."""
        for space, name, old, new in self._found_in(module, module.__name__, self.forth):
            self._note(space, name, old, new)
            if isinstance(space, type):
                type.__setattr__(space, name, new)
            else:
                space[name] = new

    def _add_pair(self, old: Any, new: Any) -> None:
        self.forth[id(old)], self.back[id(new)] = (old, new), (new, old)

    def _new_modules(self) -> set[str]:
        """The modules that were not looked through, or may have grown since."""
        new = {"__main__"}
        if self.seen != sys.modules:
            loaded = {name: m for name, m in list(sys.modules.items()) if not _is_loading(m)}
            new |= {name for name, m in loaded.items() if self.seen.get(name) is not m}
            new |= sys.modules.keys() - loaded.keys()
            self.seen = loaded
        return new
