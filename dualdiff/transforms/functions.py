"""The user's function: its code, and its results if it returns ``(result, aux)``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..errors import user_line


def code_of(f: Any) -> Any:
    """The code of a function, through operators, wrappers and partial functions; else the type."""
    for _ in range(16):
        inner = f.func if isinstance(f, functools.partial) else getattr(f, "__wrapped__", None)
        if inner is None:
            break
        f = inner
    return getattr(getattr(f, "__func__", f), "__code__", type(f))


def split_aux(out: Any, has_aux: bool) -> tuple[Any, Any]:
    """The result and the auxiliary part that a function with `has_aux` returned."""
    if not has_aux:
        return out, None
    if type(out) is not tuple or len(out) != 2:
        raise TypeError(
            f"with has_aux=True the function must return (result, aux), not a "
            f"{getattr(out, '__class__', type(out)).__name__}, {user_line()}"
        )
    return out


def without_aux(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns ``(result, aux)``, with its result alone."""

    @functools.wraps(f)
    def result(*args: Any, **kwargs: Any) -> Any:
        return split_aux(f(*args, **kwargs), has_aux=True)[0]

    return result
