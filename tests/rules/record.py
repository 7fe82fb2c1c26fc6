"""The results of a test, passed to `coverage.Recorder` in the report of the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from dualdiff.array.box import Box


def shown(request: pytest.FixtureRequest, *what: Any) -> None:
    """Say that the test has come this far, which travels with its report (also under xdist)."""
    request.node.user_properties.append(("shown", list(what)))


def key(function: Any) -> str:
    """The name of a function of NumPy, a ufunc or a ufunc's method, whatever its aliases."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"{owner.__name__}.{function.__name__}"
    if isinstance(function, np.ufunc):
        return str(function.__name__)
    return f"{function.__module__}.{function.__name__}"


@contextmanager
def dispatched() -> Iterator[list[str]]:
    """The functions that NumPy itself hands over to traced arrays, inside the block."""
    functions: list[str] = []
    on_function, on_ufunc = Box.__array_function__, Box.__array_ufunc__

    def array_function(self: Any, func: Any, *rest: Any) -> Any:
        functions.append(key(func))
        return on_function(self, func, *rest)

    def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        functions.append(ufunc.__name__ + ("" if method == "__call__" else f".{method}"))
        return on_ufunc(self, ufunc, method, *inputs, **kwargs)

    Box.__array_function__, Box.__array_ufunc__ = array_function, array_ufunc  # type: ignore[assignment]
    try:
        yield functions
    finally:
        Box.__array_function__, Box.__array_ufunc__ = on_function, on_ufunc  # type: ignore[method-assign]
