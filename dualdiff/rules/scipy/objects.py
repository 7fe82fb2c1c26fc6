"""Classes of SciPy's whose own Python code runs on traced values.

A method that sets attributes, ``__init__`` for one, runs twice: on a copy of the object with plain
values, and on the object with traced ones. The attributes then have SciPy's values, to the last
bit, and the derivatives of the traced run.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from ...trees import attributes
from .arguments import by_scipy, is_recorded, mapped, plain
from .bodies import CLOSE, Body, agreed_objects, runs_body, within_body
from .dispatch import counterpart


def runs_methods(
    cls: type, *, sets: str = "__init__", skip: str = "", close: float = CLOSE
) -> None:
    """Declare that SciPy's own code of all methods of a class runs on traced values.

    Arguments: `cls`, a class written in Python; `sets`, the names of methods that set attributes;
    `skip`, those of methods that are declared elsewhere, or take no traced values.
    """
    for name, found in list(vars(cls).items()):
        if name in skip.split():
            continue
        for function in _functions_of(found):
            if name in sets.split() or function is getattr(found, "fset", None):
                sets_attributes(function, close=close)
            else:
                runs_body(function, close=close)


def _functions_of(found: Any) -> list[types.FunctionType]:
    """The functions behind an attribute of a class."""
    if isinstance(found, property):
        parts: list[Any] = [found.fget, found.fset]
    else:
        parts = [getattr(found, "__func__", found)]
    return [f for f in parts if isinstance(f, types.FunctionType)]


def sets_attributes(original: Any, *, close: float = CLOSE) -> Any:
    """Declare that SciPy's own code of a method sets traced attributes of its object."""

    @functools.cache
    def find() -> Callable[..., Any]:
        return _Setting(original, (), close)

    return counterpart(original, original, find)


class _Setting(Body):
    """A method that changes its object."""

    def __call__(self, owner: Any, *args: Any, **kwargs: Any) -> Any:
        if within_body():
            return self.copy(owner, *args, **kwargs)
        twin = twin_of(owner)
        values, named = mapped(self.as_plain, args, kwargs)
        if is_recorded((twin, *values, *named.values())):
            return self.traced((owner, *args), kwargs)
        by_scipy(self.original, twin, *values, **named)
        made = self.traced((owner, *args), kwargs)
        agreed_objects(owner, twin, self.name, self.close)
        return made


def twin_of(x: Any) -> Any:
    """A copy of an object, with plain attributes."""
    new: Any = object.__new__(type(x))
    for name, value in attributes(x):
        object.__setattr__(new, name, plain(value))
    return new
