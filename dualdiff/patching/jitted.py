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
from ..errors import ConversionError, user_line
from ..rules.numpy.creation import CREATORS, contains_box

Originals = Callable[[], AbstractContextManager[None]]
_DISPATCHER, _UFUNC, _BUILDER, _STENCIL = (
    ("numba.core.dispatcher", "Dispatcher"),
    ("numba.np.ufunc.dufunc", "DUFunc"),
    ("numba.np.ufunc.ufuncbuilder", "UFuncDispatcher"),
    ("numba.stencils.stencil", "StencilFunc"),
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
            source = self.py_func
            # The functions of numba's own containers and classes are no Python programs.
            if str(source.__globals__.get("__name__", "numba.")).startswith("numba."):
                raise _compiled(source.__name__)
            return source(*args, **kwargs)
        return original(self, *args, **kwargs)

    return call


def _compiled(name: str) -> ConversionError:
    return ConversionError(
        f"numba's {name} works on compiled memory, and was given a traced value, "
        f"{user_line()}. Keep them in Python's lists and classes, or pass dualdiff.value_of(x) to "
        f"count x as constant."
    )


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
    """What changes in numba for a while.

    `originals` gives a context with the names as they are; `own` gives the object that another one
    replaces for a while, or that object itself.
    """

    def __init__(self, originals: Originals, own: Callable[[Any], Any]) -> None:
        self.originals, self.own = originals, own
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
            (_STENCIL, "__call__", self._runs_on_originals),
        ):
            if module not in sys.modules:
                continue
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
        def compile_(dispatcher: Any, *args: Any, **kwargs: Any) -> Any:
            # Numba's lock comes first, in every thread.
            with sys.modules["numba"].core.compiler_lock.global_compiler_lock, self.originals():
                held = self._with_own_cells(dispatcher.py_func)
                try:
                    return original(dispatcher, *args, **kwargs)
                finally:
                    for cell, value in held:
                        cell.cell_contents = value

        return compile_

    def _runs_on_originals(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(stencil: Any, *args: Any, **kwargs: Any) -> Any:
            if LIVE and contains_box([*args, *kwargs.values()]):
                raise _compiled(f"stencil {stencil.kernel_ir.func_id.func_name}")
            with self.originals():  # it compiles code that it has just written
                return original(stencil, *args, **kwargs)

        return call

    def _with_own_cells(self, source: Any) -> list[tuple[Any, Any]]:
        """Put originals into a closure, where `from math import exp` in a function binds one.

        Returns the changed cells, with what they held.
        """
        held = []
        for cell in source.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:  # empty as yet
                continue
            if self.own(value) is not value:
                held.append((cell, value))
                cell.cell_contents = self.own(value)
        return held
