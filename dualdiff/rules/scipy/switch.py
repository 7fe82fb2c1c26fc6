"""When SciPy's functions are diverted: from the first derivative on, module by module.

A module of SciPy that is loaded by then is diverted when the first trace is opened. One that a
program imports later is diverted as soon as SciPy's outermost import has ended: a finder of modules
that stands first notes it. Before the first derivative SciPy stays untouched.

The functions of `dask.array` are diverted in the same way, and always: they would take a traced
array for a plain one, and lose its derivative.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from typing import Any

from ...core.trace import AT_FIRST
from . import dispatch

VARIABLE = "DUALDIFF_SCIPY"
_waiting: dict[str, Callable[[], Any]] = {}  # what declares the functions of a module of SciPy's
_packages = {"scipy"}
_ALWAYS = ("dask", "sparse")
_lock = threading.RLock()
_has_started = False
_is_declaring = False
_is_enabled = os.environ.get(VARIABLE, "1").lower() not in ("0", "false", "off", "no")


def diverts(module: str, declare: Callable[[], Any]) -> None:
    """Say that `declare` declares functions of a module of SciPy's or dask's, once that is
    loaded."""
    _waiting[module] = declare
    if not module.startswith(_ALWAYS):
        _packages.add(module.partition(".")[0])


def start() -> None:
    """Divert the functions of all modules that are loaded; called at the first derivative."""
    global _has_started
    with _lock:
        _has_started = True
        finders = [_SCIPY, _DASK] if _is_enabled else [_DASK]
        sys.meta_path[:0] = [finder for finder in finders if finder not in sys.meta_path]
        if _is_enabled:
            dispatch.turn(True)
        divert_loaded()


def divert_loaded() -> None:
    """Divert the functions of modules that have been imported since the last call.

    Declarations import modules of SciPy themselves. Those wait until the declaration has ended.
    """
    global _is_declaring
    with _lock:
        if _is_declaring:
            return
        _is_declaring = True
        try:
            with dispatch.placed_together():
                while found := sorted(filter(_may_declare, _waiting.keys() & sys.modules.keys())):
                    for module in found:
                        _declare(module)
        finally:
            _is_declaring = False


def _may_declare(module: str) -> bool:
    return _is_enabled or module.startswith(_ALWAYS)


def _declare(module: str) -> None:
    declare: Any = _waiting.pop(module)
    try:
        declare()
    except BaseException:
        _waiting[module] = declare
        raise


def is_enabled() -> bool:
    """Whether SciPy's own functions take traced values."""
    return _is_enabled


def enable(on: bool) -> None:
    """Let SciPy's own functions take traced values, or leave them as they are."""
    global _is_enabled
    with _lock:
        _is_enabled = on
        if on and _has_started:
            start()
        elif not on:
            if _SCIPY in sys.meta_path:
                sys.meta_path.remove(_SCIPY)
            dispatch.turn(False)


class Finder:
    """Finds modules of some packages by the other finders, and notes when they are loaded."""

    depth = threading.local()

    def __init__(self, packages: set[str]) -> None:
        self.packages = packages

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """The specification of a module, which `execute` runs."""
        finders = [*sys.meta_path]
        if not self.wants(name) or self not in finders:
            return None
        for finder in finders[finders.index(self) + 1 :]:
            if hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    if spec.loader is not None:
                        spec.loader = _Loader(spec.loader, self)  # type: ignore[assignment]
                    return spec
        return None

    def wants(self, name: str) -> bool:
        """Whether it takes part in the import of a module."""
        return name.partition(".")[0] in self.packages

    def execute(self, loader: Any, module: Any) -> None:
        """Execute a module by its own loader; after the outermost one, divert functions."""
        self.depth.count = getattr(self.depth, "count", 0) + 1
        try:
            loader.exec_module(module)
        finally:
            self.depth.count -= 1
        if not self.depth.count:
            divert_loaded()


class _Loader:
    """Stands for a loader until its module is executed."""

    def __init__(self, loader: Any, finder: Finder) -> None:
        self.loader, self.finder = loader, finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def exec_module(self, module: Any) -> None:
        """Give the module its own loader, and execute it."""
        module.__spec__.loader = module.__loader__ = self.loader
        self.finder.execute(self.loader, module)


_SCIPY: Any = Finder(_packages)
_DASK: Any = Finder(set(_ALWAYS))
AT_FIRST.append(start)
