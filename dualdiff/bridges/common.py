"""The parts that all bridges share."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import MissingPackageError
from ..transforms.jvp_vjp import vjp


def package(name: str, extra: str) -> Any:
    """A package that is imported at its first use, or an error that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"this bridge needs {name}, which is not installed; run `pip install {extra}`"
        ) from error


class Pull:
    """The cotangents of a function's arguments, as a function of `count` arguments and cotangents.

    It is a NumPy program, so it has derivatives too: second ones of the function. There is one
    cotangent for each result of a function that returns a tuple.
    """

    def __init__(self, f: Callable[..., Any], argnums: Sequence[int], count: int) -> None:
        self.f, self.argnums, self.count = f, tuple(argnums), count

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        args, gs = arguments[: self.count], arguments[self.count :]
        value, pullback = vjp(self.f, *args, argnums=self.argnums)
        return tuple(pullback(gs if isinstance(value, tuple) else gs[0]))


def is_differentiable(dtype: Any) -> bool:
    """Whether arrays of a NumPy dtype have derivatives."""
    return np.dtype(dtype).kind in "fc"
