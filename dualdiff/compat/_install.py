"""`install`: ``import autograd`` gives `dualdiff.compat.autograd`, in unmodified packages too."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ..array import conversion
from ..array.box import Box
from ..errors import DualdiffError, library_function, user_line
from ..rules.numpy.in_place import install_in_place, uninstall_in_place

_HOME = f"{__package__}."
_BOXES = "autograd.numpy.numpy_boxes"
_lock = threading.Lock()
_names: dict[type, tuple[str, str, str]] = {}


class RealAutogradError(DualdiffError, RuntimeError):
    """The package autograd itself was imported before `install`."""


def _is_autograd(name: str) -> bool:
    return name == "autograd" or name.startswith("autograd.")


class _Alias:
    """Gives the module of another name."""

    spec: ModuleSpec | None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(_HOME + spec.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # the import system has put its own value there


class _Finder:
    """Finds autograd and its modules in `dualdiff.compat`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not _is_autograd(fullname):
            return None
        importlib.import_module(f"{_HOME}autograd")
        found = importlib.util.find_spec(_HOME + fullname)
        if found is None:
            raise ModuleNotFoundError(
                f"dualdiff.compat has no module {fullname}, {user_line()}", name=fullname
            )
        is_package = found.submodule_search_locations is not None
        alias: Any = _Alias()
        return ModuleSpec(fullname, alias, is_package=is_package)


_finder = _Finder()


class _ShownAsArrayBox:
    """Says which class a traced array shows, in place of the table of faces."""

    def __init__(self, shown: type) -> None:
        self.shown = shown

    def get(self, kind: type) -> type:
        """The class that a value of one type shows."""
        return self.shown


_faces = conversion.FACES
_refuse_array: Any = conversion.Wrapper.__dict__["_refuse_array"]


def _refuse_array_of_library(self: Any) -> Any:
    """Absent, so that NumPy makes an object array of the traced elements.

    SciPy's functions, which could not use it, still get the error.
    """
    if library_function() is None:
        raise AttributeError("__array__")
    return _refuse_array.__get__(self)


def _box_types(kind: type = Box) -> Iterator[type]:
    yield kind
    sub: type
    for sub in kind.__subclasses__():
        yield from _box_types(sub)


def install() -> None:
    """Let ``import autograd``, and its modules, give dualdiff's counterparts from now on.

    The type of a traced array is then called ``autograd.numpy.numpy_boxes.ArrayBox``, and as in
    autograd it is no instance of numpy.ndarray or float; libraries that choose by type treat it as
    autograd's. Two things work that otherwise raise an error: ``a += x`` with a traced x and a
    plain array a puts an array that takes traced values under the name a, if the plain array has no
    other name or view; and, as in autograd, NumPy's own ``np.array(x)`` gives an object array of
    traced elements. A second call does nothing.
    Raises: RealAutogradError if autograd itself is imported already.

    >>> import dualdiff.compat
    >>> dualdiff.compat.install()
    >>> import autograd, autograd.numpy as np
    >>> print(autograd.grad(np.tanh)(0.0))
    1.0
    >>> dualdiff.compat.uninstall()
    """
    with _lock:
        if _finder in sys.meta_path:
            return
        found = sys.modules.get("autograd")
        if found is not None:
            raise RealAutogradError(
                f"autograd itself is imported already ({getattr(found, '__file__', found)}), "
                f"{user_line()}: its traced arrays are not dualdiff's. Call "
                f"dualdiff.compat.install() before anything imports autograd, or run the program "
                f"by `python -m dualdiff.compat program.py`"
            )
        shown = importlib.import_module(_HOME + _BOXES).ArrayBox
        sys.meta_path.insert(0, _finder)
        for kind in (shown, *_box_types()):
            _names[kind] = (kind.__module__, kind.__name__, kind.__qualname__)
            _rename(kind, (_BOXES, "ArrayBox", "ArrayBox"))
        conversion.FACES = _ShownAsArrayBox(shown)
        install_in_place()
        Box._refuse_array = property(_refuse_array_of_library)  # type: ignore[assignment]


def uninstall() -> None:
    """Undo `install`: ``import autograd`` finds autograd itself again, if there is one.

    Modules that have imported dualdiff's counterparts keep them.
    """
    with _lock:
        if _finder not in sys.meta_path:
            return
        sys.meta_path.remove(_finder)
        for name in list(filter(_is_autograd, sys.modules)):
            del sys.modules[name]
        for kind, names in _names.items():
            _rename(kind, names)
        _names.clear()
        conversion.FACES = _faces
        uninstall_in_place()
        del Box._refuse_array


def _rename(kind: Any, names: tuple[str, str, str]) -> None:
    kind.__module__, kind.__name__, kind.__qualname__ = names
