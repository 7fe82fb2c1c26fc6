"""The parts that all bridges share."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import MissingPackageError
from ..transforms.jvp_vjp import vjp
from ..trees import Structure, flatten

Function = Callable[..., Any]


def package(name: str, extra: str) -> Any:
    """A package that is imported at its first use, or an error that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"this bridge needs {name}, which is not installed; run `pip install {extra}`"
        ) from error


def over_containers(f: Function, bridge: Callable[[Function], Function]) -> Function:
    """`f` of containers of arrays, by a bridge for functions of arrays that return a tuple."""
    made: dict[Structure, tuple[Function, list[Structure]]] = {}

    @functools.wraps(f, updated=())
    def call(*args: Any) -> Any:
        leaves, structure = flatten(args)
        if structure not in made:
            made[structure] = _over_leaves(f, structure, bridge)
        function, results = made[structure]
        found = function(*leaves)
        return results[0].unflatten(found)

    return call


def _over_leaves(
    f: Function, structure: Structure, bridge: Callable[[Function], Function]
) -> tuple[Function, list[Structure]]:
    """The bridge of a function of leaves, and what will hold the structure of its results."""
    results: list[Structure] = []

    def on_leaves(*leaves: Any) -> tuple[Any, ...]:
        values, form = flatten(f(*structure.unflatten(leaves)))
        results[:] = [form]
        return tuple(values)

    return bridge(on_leaves), results


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
