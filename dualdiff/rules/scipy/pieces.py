"""Functions of SciPy that are constant by pieces, as counts and positions are, and functions that
have no derivative."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import is_box
from ...array.conversion import observe
from .arguments import by_scipy, holds_traced, mapped, plain
from .dispatch import counterpart, missing, signature_of
from .in_place import original_of


def constant(original: Any, arrays: str, name: str) -> Any:
    """Declare a function of SciPy's whose results jump, and are constant between the jumps.

    Arguments: `original`; `arrays`, the names of the arguments that it is constant in; its `name`
    for the error that other traced arguments raise.
    Returns: the public function. Its results are plain, with derivative 0.
    """
    signature = signature_of(original)
    names = arrays.split()

    @functools.cache
    def find() -> Callable[..., Any]:
        function = original_of(original)

        def run(*args: Any, **kwargs: Any) -> Any:
            if signature is not None:
                for key, value in signature.bind(*args, **kwargs).arguments.items():
                    if key not in names and holds_traced(value):
                        raise missing(name, f"it has no rule for {key}")
            args, kwargs = mapped(_plain, args, kwargs)
            return by_scipy(function, *args, **kwargs)

        return run

    return counterpart(original, original, find)


def _plain(x: Any) -> Any:
    return plain(observe(x)) if is_box(x) else plain(x)


def constants(home: Any, names: str, arrays: str) -> dict[str, Any]:
    """The functions of a module that are constant by pieces, as far as this SciPy has them."""
    there = [n for n in names.split() if hasattr(home, n)]
    return {n: constant(getattr(home, n), arrays, f"{home.__name__}.{n}") for n in there}


def refuses(home: Any, names: str, why: str, calls: str = "") -> None:
    """Declare functions or classes of a module that have no derivative, and what to write instead.

    `calls` names arguments that are functions of the program, which may read traced values.
    """
    for name in names.split():
        original = getattr(home, name, None)
        if original is None:
            continue  # another release of SciPy

        def refuse(*args: Any, _what: str = f"{home.__name__}.{name}", **kwargs: Any) -> Any:
            raise missing(_what, why)

        made = vars(original)["__init__"] if isinstance(original, type) else original
        counterpart(made, made, functools.partial(_same, refuse), calls)


def _same(x: Any) -> Any:
    return x


class Underived(np.lib.mixins.NDArrayOperatorsMixin):
    """An attribute of a traced object that has no derivative: to use it is an error."""

    holds_traced = True

    def __init__(self, value: Any, name: str, why: str) -> None:
        self._value, self._name, self._why = value, name, why

    def as_constant(self) -> Any:
        """The plain value, for SciPy's own code."""
        return self._value

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise missing(self._name, self._why)

    __array__ = __array_ufunc__ = __array_function__ = _refuse
    __getitem__ = __iter__ = __len__ = __float__ = __int__ = __bool__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # questions of protocols
            raise AttributeError(name)
        return self._refuse()
