"""The functions of `dualdiff.numpy`: NumPy's, which also take lists of traced values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import is_box
from ...array.dispatch import UFUNC_METHODS, find_function
from ...core.types import Value
from .creation import contains_box, from_nested

# These take a sequence of arrays, in which NumPy itself finds traced ones.
TAKES_SEQUENCES = frozenset(
    (
        "array_split", "atleast_1d", "atleast_2d", "atleast_3d", "block",
        "broadcast_arrays", "choose", "column_stack", "concat", "concatenate", "dstack",
        "einsum", "einsum_path", "hstack", "ix_", "meshgrid", "multi_dot", "piecewise",
        "select", "stack", "unstack", "vstack",
    )
)  # fmt: skip


# Most arguments are of these types, which need no check.
_PLAIN = frozenset((float, int, bool, complex, str, slice, type(None), np.float64))


def _traced(x: Value) -> Any:
    if type(x) in _PLAIN or is_box(x) or not contains_box(x):
        return x
    return from_nested(x)


def accepting_lists(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with lists and object arrays of traced values made into traced arrays first."""

    def accepts_lists(*args: Any, **kwargs: Any) -> Any:
        args = tuple(map(_traced, args))
        if kwargs:
            kwargs = {k: v if k == "out" else _traced(v) for k, v in kwargs.items()}
        # NumPy dispatches on some arguments only: not on `initial` or weights.
        if any(map(is_box, args)) or any(map(is_box, kwargs.values())):
            found = _implementation(function)
            if found is not None:
                return found(*args, **kwargs)
        return function(*args, **kwargs)

    functools.update_wrapper(accepts_lists, function, updated=())
    if isinstance(function, np.ufunc):
        for method in ("reduce", "accumulate", "reduceat", "outer", "at"):
            setattr(accepts_lists, method, accepting_lists(getattr(function, method)))
    return accepts_lists


def _implementation(function: Any) -> Callable[..., Any] | None:
    """The implementation of a function or of a ufunc's method on traced arrays, or None."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return UFUNC_METHODS.get((owner, function.__name__))
    return None if isinstance(function, np.ufunc) else find_function(function)


def mirror(module: Any, name: str) -> Any:
    """The function of `dualdiff.numpy` (or of a submodule) for a name of NumPy."""
    if name.startswith("__"):
        raise AttributeError(name)
    found = getattr(module, name)
    is_function = isinstance(found, np.ufunc) or type(found).__name__ in (
        "function", "_ArrayFunctionDispatcher", "builtin_function_or_method",
    )  # fmt: skip
    if is_function and name not in TAKES_SEQUENCES:
        return accepting_lists(found)
    return found


def mirrored(
    module: Any, names: dict[str, Any], rules: Any = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a module with all names of a module of NumPy or SciPy.

    Arguments: `module`, of NumPy or SciPy; `names`, the ``globals()`` of the new module, which keep
    the names that were used; `rules`, a module whose names take precedence.
    """

    def __getattr__(name: str) -> Any:
        own = not name.startswith("_") and name in dir(module) and hasattr(rules, name)
        found = getattr(rules, name) if own else mirror(module, name)
        names[name] = found
        return found

    def __dir__() -> list[str]:
        public = (name for name in dir(module) if not name.startswith("_"))
        return sorted({*public, *names.get("__all__", ())})

    return __getattr__, __dir__
