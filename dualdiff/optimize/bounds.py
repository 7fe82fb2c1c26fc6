"""Bounds in the containers of the parameters, as SciPy's vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.optimize import Bounds

from ..errors import user_line
from ..trees import LEAF
from .parameters import Parameters

Limits = tuple[ndarray, ndarray]
UNBOUNDED = (-np.inf, np.inf)  # SciPy's two sides


def limits_of(parameters: Parameters, bounds: Any, by_sides: bool) -> Limits | None:
    """Lower and upper bounds as vectors, or None.

    `bounds` is a `scipy.optimize.Bounds` of two containers, a container of pairs ``(low, high)``
    like the parameters, or SciPy's own form for a vector: a sequence of pairs, or with `by_sides`
    a pair of two sides.
    """
    if bounds is None:
        return None
    if isinstance(bounds, Bounds):
        return (
            side_to_vector(parameters, bounds.lb, is_low=True),
            side_to_vector(parameters, bounds.ub, is_low=False),
        )
    if by_sides and isinstance(bounds, (tuple, list)) and len(bounds) == 2:
        if parameters.structure is LEAF or not _is_sequence(parameters):
            low, high = bounds
            return (
                side_to_vector(parameters, low, is_low=True),
                side_to_vector(parameters, high, is_low=False),
            )
    elif parameters.is_plain:
        pairs = [(None, None) if pair is None else tuple(pair) for pair in bounds]
        if len(pairs) != parameters.size:
            raise ValueError(
                f"there are {len(pairs)} bounds for {parameters.size} parameters, {user_line()}"
            )
        low = [-np.inf if a is None else a for a, _ in pairs]
        high = [np.inf if b is None else b for _, b in pairs]
        return np.array(low, float), np.array(high, float)
    return pairs_to_vectors(parameters, bounds)


def _is_sequence(parameters: Parameters) -> bool:
    tree = parameters.structure.unflatten(range(len(parameters.leaves)))
    return isinstance(tree, (list, tuple))


def pairs_to_vectors(parameters: Parameters, bounds: Any) -> tuple[ndarray, ndarray]:
    """Lower and upper bounds for a container of pairs ``(low, high)``, one for each leaf.

    None, and a key that is left out of a dict, stand for no bound.
    """
    low, high = np.full(parameters.size, -np.inf), np.full(parameters.size, np.inf)
    numbered = parameters.structure.unflatten(range(len(parameters.leaves)))

    def put(node: Any, pair: Any, path: str) -> None:
        if pair is None:
            return
        if isinstance(node, int):
            _put_pair(parameters, node, pair, path, low, high)
            return
        for key, child, part in _children(node, pair, path):
            put(child, part, f"{path}{key}")

    put(numbered, bounds, "bounds")
    return low, high


def _put_pair(
    parameters: Parameters, i: int, pair: Any, path: str, low: ndarray, high: ndarray
) -> None:
    leaf = parameters.leaves[i]
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        raise ValueError(
            f"{path} is {pair!r}, {user_line()}; a bound is a pair (low, high), in which None "
            f"stands for no bound and an array has one bound for each element"
        )
    if leaf is None:
        return
    for side, vector in zip(pair, (low, high), strict=True):
        if side is None:
            continue
        if leaf.is_complex:
            raise ValueError(
                f"{path} bounds a complex parameter, {user_line()}; complex numbers have no order: "
                f"make its real and imaginary parts parameters of their own"
            )
        vector[leaf.place] = np.broadcast_to(np.asarray(side, float), leaf.shape).ravel()


def _children(node: Any, given: Any, path: str) -> list[tuple[str, Any, Any]]:
    """Keys, children and the matching parts of a container of bounds."""
    if isinstance(node, Mapping):
        if not isinstance(given, Mapping):
            raise ValueError(
                f"{path} is a {type(given).__name__}, {user_line()}; it must be a dict like the "
                f"start"
            )
        if unknown := [key for key in given if key not in node]:
            raise ValueError(
                f"{path} has the key {unknown[0]!r}, which the start does not have, {user_line()}; "
                f"its keys are {list(node)}"
            )
        return [(f"[{key!r}]", node[key], given.get(key)) for key in node]
    if isinstance(node, (list, tuple)):
        if not isinstance(given, (list, tuple)) or len(given) != len(node):
            raise ValueError(f"{path} must have {len(node)} parts like the start, {user_line()}")
        return [(f"[{i}]", *both) for i, both in enumerate(zip(node, given, strict=True))]
    names = [name for name in vars(node) if hasattr(given, name)]
    return [(f".{name}", getattr(node, name), getattr(given, name)) for name in names]


def side_to_vector(parameters: Parameters, side: Any, is_low: bool) -> ndarray:
    """One side of all bounds: a number for all, or a container like x0 of numbers and arrays."""
    if isinstance(side, ndarray) and side.dtype == object and side.size == 1:
        side = side.item()  # scipy.optimize.Bounds wraps a container
    if side is None:
        return np.full(parameters.size, -np.inf if is_low else np.inf)
    is_flat = isinstance(side, (Number, np.generic, ndarray))
    if is_flat or parameters.structure is LEAF:
        return np.broadcast_to(np.asarray(side, float).ravel(), (parameters.size,)).copy()
    low, high = pairs_to_vectors(parameters, _as_pairs(side, is_low))
    return low if is_low else high


def _as_pairs(side: Any, is_low: bool) -> Any:
    """A container of one side as a container of pairs."""
    if isinstance(side, Mapping):
        return {key: _as_pairs(value, is_low) for key, value in side.items()}
    if isinstance(side, (list, tuple)):
        return [_as_pairs(value, is_low) for value in side]
    return (side, None) if is_low else (None, side)
