"""SciPy's solvers on plain values, for functions of the program that may read traced ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from ...array.box import is_box
from ...core.muted import muted
from ...core.types import Value
from ...errors import UnsupportedInputError, user_line
from ...transforms.checkpoint import value_of
from ..numpy.creation import asarray, given
from . import arguments
from .arguments import as_plain_function


def by_scipy(solver: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """SciPy's own result for plain arguments; tapes record nothing meanwhile."""
    with muted():
        return arguments.by_scipy(solver, *args, **kwargs)


def with_args(function: Callable[..., Any], args: Any) -> Callable[..., Any]:
    """A function with SciPy's additional arguments at the end."""
    if args == () and type(args) is tuple:
        return function
    rest = args if isinstance(args, tuple) else (args,)
    return lambda *x, **named: function(*x, *rest, **named)


def plain_callable(function: Any, args: Any = ()) -> Any:
    """A function with additional arguments, with plain results; other objects stay."""
    return (
        as_plain_function(with_args(function, value_of(args))) if callable(function) else function
    )


def start_of(x0: Value) -> Any:
    """A starting point, which has no influence on the result: a new plain array."""
    x0 = np.asarray(value_of(x0))
    return np.array(x0, np.result_type(x0.dtype, float))


def array_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that gives a list, an array or a number, as one that gives an array."""
    return lambda *x: asarray(function(*x))


def like(x: Value, value: Any) -> Any:
    """SciPy's own value with the derivative of x, where that is traced."""
    return given(x, np.asarray(value, float)[()]) if is_box(x) else value


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
