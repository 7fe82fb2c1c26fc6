"""Arrays of pydata's `sparse` as constants: their operators leave traced operands to the rules."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import Box
from ..scipy.arguments import any_traced
from ..scipy.in_place import divert
from .functions import by_numpy, hooked


def _leaves_ufuncs(original: Any) -> Callable[..., Any]:
    def hook(array: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any_traced(inputs):
            return NotImplemented
        return original(array, ufunc, method, *inputs, **kwargs)

    return hook


def _leaves_functions(original: Any) -> Callable[..., Any]:
    def hook(array: Any, func: Any, kinds: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(kind, Box) for kind in kinds):
            return NotImplemented
        return original(array, func, kinds, args, kwargs)

    return hook


def declare() -> None:
    """Divert the products and the protocols of `sparse`."""
    import sparse

    divert(sparse.SparseArray.__array_ufunc__, _leaves_ufuncs)
    divert(sparse.SparseArray.__array_function__, _leaves_functions)
    for name in ("matmul", "dot", "tensordot", "einsum"):
        function = getattr(sparse, name)
        if isinstance(function, types.FunctionType):
            divert(function, hooked(f"sparse.{name}", by_numpy(getattr(np, name))))
