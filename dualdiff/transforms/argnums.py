"""The arguments that are differentiated, by position or by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import user_line

Argnums = int | str | Sequence[int | str]


def position(f: Callable[..., Any], argnum: int | str, args: Any, kwargs: Any) -> int | str:
    """An argnum as an index into args or a key of kwargs."""
    if isinstance(argnum, str):
        if argnum in kwargs:
            return argnum
        try:
            names = list(inspect.signature(f).parameters)
        except ValueError:
            names = []
        if argnum in names and names.index(argnum) < len(args):
            return names.index(argnum)
        raise ValueError(
            f"argnums names {argnum!r}, which is not an argument of this call to "
            f"{getattr(f, '__name__', f)}{tuple(names)}, {user_line()}"
        )
    if not isinstance(argnum, (int, np.integer)):
        raise TypeError(
            f"argnums takes positions (int) and names (str), not a {type(argnum).__name__}, "
            f"{user_line()}"
        )
    if not -len(args) <= argnum < len(args):
        raise ValueError(
            f"argnums is {argnum}, but {getattr(f, '__name__', f)} was called with {len(args)} "
            f"positional arguments, {user_line()}; name a keyword argument by its name"
        )
    return int(argnum) % len(args)
