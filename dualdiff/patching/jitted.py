"""Functions that numba compiles: on traced values, their Python source runs.

Numba knows the functions of `math` and NumPy by their identity, and compiles the byte code of the
program. So it is imported, and compiles, while all names and codes are the original ones.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ..core.batch import shape_of
from ..core.trace import LIVE
from ..rules.numpy.creation import CREATORS, contains_box

Originals = Callable[[], AbstractContextManager[None]]
_DISPATCHER, _UFUNC, _BUILDER = (
    ("numba.core.dispatcher", "Dispatcher"),
    ("numba.np.ufunc.dufunc", "DUFunc"),
    ("numba.np.ufunc.ufuncbuilder", "UFuncDispatcher"),
)


def source_of(value: Any) -> Any:
    """The Python function that numba has compiled, if a value is such a thing; else None."""
    if not str(type(value).__module__).startswith("numba."):
        return None
    return getattr(getattr(value, "_dispatcher", value), "py_func", None)


def _calls_source(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if LIVE and contains_box([*args, *kwargs.values()]):
            return self.py_func(*args, **kwargs)
        return original(self, *args, **kwargs)

    return call


def _calls_source_of_elements(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not LIVE or kwargs or not contains_box([*args]):
            return original(self, *args, **kwargs)
        source = source_of(self)
        return (
            source(*args) if not any(map(shape_of, args)) else CREATORS["vectorize"](source)(*args)
        )

    return call


class Jitted:
    """What changes in numba for a while; `originals` gives a context with the names as they are."""

    def __init__(self, originals: Originals) -> None:
        self.originals = originals
        self.changed: list[tuple[type, str, Any]] = []  # with what the class has itself, or None

    def install(self) -> None:
        """Change numba, if it has been imported."""
        if self.changed or not all(name in sys.modules for name, _ in (_DISPATCHER, _UFUNC)):
            return
        for (module, kind), name, change in (
            (_DISPATCHER, "__call__", _calls_source),
            (_UFUNC, "__call__", _calls_source_of_elements),
            (_DISPATCHER, "compile", self._compiles_originals),
            (_BUILDER, "compile", self._compiles_originals),
        ):
            cls = getattr(sys.modules[module], kind)
            self.changed.append((cls, name, vars(cls).get(name)))
            setattr(cls, name, change(getattr(cls, name)))

    def uninstall(self) -> None:
        """Give numba its own methods back."""
        while self.changed:
            cls, name, own = self.changed.pop()
            if own is None:
                delattr(cls, name)
            else:
                setattr(cls, name, own)

    def _compiles_originals(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def compile_(*args: Any, **kwargs: Any) -> Any:
            # Numba's lock comes first, in every thread.
            with sys.modules["numba"].core.compiler_lock.global_compiler_lock, self.originals():
                return original(*args, **kwargs)

        return compile_
