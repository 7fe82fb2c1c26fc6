"""autograd.misc.flatten: containers as vectors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ....core.batch import dtype_of, shape_of
from ....trees import flatten as _leaves
from ..core import as_numpy

__all__ = ["flatten", "flatten_func"]


def flatten(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The numbers in a container as a vector, and the function that puts a vector back.

    Arguments: `value`, numbers and arrays in lists, tuples and dictionaries (by sorted key).
    Returns: ``(vector, unflatten)``; both carry derivatives.

    >>> vector, unflatten = flatten({"b": 1.0, "a": [2.0, 3.0]})
    >>> vector
    array([2., 3., 1.])
    """
    leaves, structure = _leaves(value)
    shapes = [shape_of(leaf) for leaf in leaves]
    kinds = [dtype_of(leaf) for leaf in leaves]
    sizes = list(map(math.prod, shapes))
    ends = list(itertools.accumulate(sizes))

    def unflatten(vector: Any) -> Any:
        parts = []
        for shape, kind, size, end in zip(shapes, kinds, sizes, ends, strict=True):
            part = vector[end - size : end].reshape(shape)
            parts.append(part.real if _narrower(kind, part) else part)
        return structure.unflatten(parts)

    if not leaves:
        return np.zeros(0), unflatten
    return np.concatenate([_vector(leaf) for leaf in leaves]), unflatten


def _vector(leaf: Any) -> Any:
    return leaf.reshape(-1) if type(leaf) is np.ndarray else np.ravel(as_numpy(leaf))


def _narrower(kind: np.dtype[Any], part: Any) -> bool:
    return kind.kind != "c" and dtype_of(part).kind == "c"


def flatten_func(
    func: Callable[..., Any], example: Any
) -> tuple[Callable[..., Any], Callable[[Any], Any], Any]:
    """A function of a container and of more, as a function from vectors to vectors.

    Arguments: `func`; `example`, a value of its first argument.
    Returns: ``(flat_func, unflatten, flat_example)``.
    """
    flat_example, unflatten = flatten(example)

    def flat_func(vector: Any, *args: Any) -> Any:
        return flatten(func(unflatten(vector), *args))[0]

    return flat_func, unflatten, flat_example
