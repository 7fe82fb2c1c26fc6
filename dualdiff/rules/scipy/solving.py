"""SciPy's solvers on plain values, for functions of the program that may read traced ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from threading import get_ident
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from ...array.box import HOLLOW, is_box, unbox
from ...array.conversion import RECORDERS
from ...core.muted import muted
from ...core.types import Value
from ...errors import ConversionError, UnsupportedInputError, user_line
from ...transforms.checkpoint import value_of
from ..numpy.creation import asarray, assignable, contains_box, given
from . import arguments
from .arguments import any_traced, as_plain_function, like_function


class _Note:
    """Whether a function of the program gave a traced value while a solver ran."""

    traced = False


_note: ContextVar[_Note] = ContextVar("dualdiff_note")
_last: ContextVar[_Note] = ContextVar("dualdiff_last_note")


def by_scipy(solver: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """SciPy's own result for plain arguments; tapes record nothing meanwhile."""
    note = _Note()
    token = _note.set(note)
    try:
        with muted():
            for recorder in RECORDERS:
                if recorder.thread == get_ident():
                    found = recorder.solved(solver, args, kwargs)
                    note.traced = found is not None
                    if note.traced:
                        return found
            return arguments.by_scipy(solver, *args, **kwargs)
    finally:
        _note.reset(token)
        _last.set(note)


def is_constant(*given: Any) -> bool:
    """Whether neither the arguments of the latest call of `by_scipy`, nor what its functions gave,
    were traced: then SciPy's result is all."""
    return not (_last.get().traced or any_traced(given))


def storing(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of plain arrays that may store traced values into arrays like them.

    ``np.zeros_like(y)`` of a plain y takes no traced values. Where that raises, the function is
    called again with an array that takes them.
    """
    is_storing = False

    def call(*x: Any, **named: Any) -> Any:
        nonlocal is_storing
        if not is_storing:
            try:
                return function(*x, **named)
            except (TypeError, ValueError) as error:  # NumPy puts its own before ours
                causes = (error, error.__cause__, error.__context__)
                is_ours = any(isinstance(cause, ConversionError) for cause in causes)
                if not is_ours or not any(type(a) is np.ndarray for a in x):
                    raise
                is_storing = True
        return function(*(assignable(a) if type(a) is np.ndarray else a for a in x), **named)

    return like_function(call, function)


def with_args(function: Callable[..., Any], args: Any) -> Callable[..., Any]:
    """A function with SciPy's additional arguments at the end."""
    function = storing(function)
    if type(args) is tuple and not args:
        return function
    rest = args if isinstance(args, tuple) else (args,)
    return lambda *x, **named: function(*x, *rest, **named)


def plain_callable(function: Any, args: Any = ()) -> Any:
    """A function with additional arguments, with plain results; other objects stay."""
    if not callable(function):
        return function
    live = with_args(function, value_of(args))

    @functools.wraps(live)
    def noted(*x: Any, **named: Any) -> Any:
        out = live(*x, **named)
        kind = type(out)
        if kind is not float and kind is not np.float64 and contains_box(out):
            note = _note.get(None)
            if note is not None:
                note.traced = True
        return out

    return as_plain_function(noted)


def start_of(x0: Value) -> Any:
    """A starting point, which has no influence on the result: a new plain array."""
    if contains_box(x0):
        x0 = unbox(asarray(x0))
        if type(x0) in HOLLOW:  # as `compile` records it
            return x0
    x0 = np.asarray(value_of(x0))
    return np.array(x0, np.result_type(x0.dtype, float))


def array_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that gives a list, an array or a number, as one that gives an array."""

    def array(*x: Any) -> Any:
        out = function(*x)
        return out if is_box(out) else asarray(out)

    return array


def like(x: Value, value: Any) -> Any:
    """SciPy's own value with the derivative of x, where that is traced."""
    if type(value) not in HOLLOW:
        value = np.asarray(value, float)[()] if is_box(x) else value
    return given(x, value)


class Result(OptimizeResult):
    """A result of SciPy's whose entries `later` are computed when the program reads them."""

    def __init__(self, found: dict[str, Any], later: dict[str, Callable[[], Any]]) -> None:
        self.update(found)
        object.__setattr__(self, "_later", {k: f for k, f in later.items() if k in found})

    def __getitem__(self, name: str) -> Any:
        later = self.__dict__["_later"]
        if name in later:
            self[name] = later.pop(name)()
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self.keys() else default


def refused(function: str, name: str) -> Callable[[], Any]:
    """The error for an entry of a result that has no derivative, once it is read."""

    def refuse() -> Any:
        raise UnsupportedInputError(
            f"{name!r} in the result of scipy.optimize.{function} is an approximation that SciPy "
            f"makes on its way and has no derivative, {user_line()}; compute it from x with "
            f"functions of dualdiff, or call {function} outside of the derivative."
        )

    return refuse
