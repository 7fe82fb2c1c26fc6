"""NumPy's functions that make arrays, for programs that keep traced values in them."""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.trace import LIVE
from ..rules.numpy.creation import CREATORS, contains_box

_NUMPY = os.path.dirname(np.__file__)
_LIBRARIES = (_NUMPY + os.sep, os.path.join(os.path.dirname(_NUMPY), "scipy") + os.sep)
_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def _for_callers_outside(original: Callable[..., Any], traced: Callable[..., Any]) -> Any:
    """`traced` for all callers but dualdiff itself, whose plain arrays must stay plain.

    NumPy and SciPy pass the arrays they make to compiled code. They get traced arrays only for
    traced values.
    """

    def choose(args: Any, kwargs: Any, file: str) -> Any:
        if file.startswith(_OWN) or (file.startswith(_LIBRARIES) and not contains_box(list(args))):
            return original(*args, **kwargs)
        return traced(*args, **kwargs)

    if hasattr(type(original), "__get__"):

        @functools.wraps(original)
        def create(*args: Any, **kwargs: Any) -> Any:
            if not LIVE:
                return original(*args, **kwargs) if kwargs else original(*args)
            return choose(args, kwargs, sys._getframe(1).f_code.co_filename)

        return create

    # A builtin function as an attribute of a class does not become a method.
    def create_alone(plain: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if not LIVE:
            return plain(*args, **kwargs) if kwargs else plain(*args)
        return choose(args, kwargs, sys._getframe(1).f_code.co_filename)

    functools.update_wrapper(create_alone, original)
    return types.MethodType(create_alone, original)


def replacements() -> list[tuple[dict[str, Any], str, Any]]:
    """The namespace, the name and the replacement of each function that makes arrays."""
    found = []
    for path, traced in CREATORS.items():
        *modules, name = path.split(".")
        space = vars(functools.reduce(getattr, modules, np))
        original = space[name]
        new = _for_callers_outside(original, traced) if callable(original) else traced
        found.append((space, name, new))
    return found
