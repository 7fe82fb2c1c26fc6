"""Reductions of arrays on scalar tapes: sums, products, extrema, means."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from .tape import Lowering, Slots, Tape, Unsupported

_NAMES = ("a", "axis", "dtype", "out", "keepdims")
_FROM_THE_FRONT = {"max": "max", "min": "min", "prod": "mul", "any": "or", "all": "and"}
_OF_UFUNCS: dict[Any, str] = {np.add: "sum", np.multiply: "prod"}


def reduction(lower: Lowering, name: str, args: Any, kwargs: Any, leaves: Any) -> Slots:
    """A reduction along some axes."""
    given = {**dict(zip(_NAMES, args, strict=False)), **kwargs}
    x, tape = np.asarray(lower.given(given.pop("a"), leaves)), lower.tape
    axis, keepdims = given.pop("axis", None), given.pop("keepdims", False)
    if any(v is not None and v is not np._NoValue for v in given.values()):
        raise Unsupported(f"options of {name}")
    axes = list(range(x.ndim))
    if axis is not None and x.ndim:
        axes = sorted(int(a) % x.ndim for a in np.atleast_1d(axis))
    kept = [n for a, n in enumerate(x.shape) if a not in axes]
    count = math.prod(x.shape[a] for a in axes)
    if name == "sum":
        total = _sum(tape, x, axes)
    elif name == "mean" and count:
        total = tape.apply("div", _sum(tape, x, axes), tape.constant(float(count)))
    elif count:
        total = tape.reduce(_FROM_THE_FRONT[name], _lines(x, axes))
    else:
        raise Unsupported(f"{name} of nothing")
    total = np.reshape(total, kept) if kept else total
    if keepdims:
        total = np.reshape(total, [1 if a in axes else x.shape[a] for a in range(x.ndim)])
    return total


def _lines(x: ndarray, axes: Sequence[int]) -> ndarray:
    """An array whose last axis is made of some axes."""
    if x.ndim == len(axes) == 1:
        return x
    kept = [a for a in range(x.ndim) if a not in axes]
    return x.transpose([*kept, *axes]).reshape(
        [*(x.shape[a] for a in kept), math.prod(x.shape[a] for a in axes)]
    )


def _sum(tape: Tape, x: ndarray, axes: Sequence[int]) -> Slots:
    """A sum in NumPy's order: the last axes in pairs, those before them from the front."""
    if not x.size:
        return tape.sum(_lines(x, axes))
    start = x.ndim  # of the last axes that are reduced, or of length 1
    while start and (start - 1 in axes or x.shape[start - 1] == 1):
        start -= 1
    last = [a for a in axes if a >= start]
    rest = [a for a in axes if a < start]
    total = tape.sum(_lines(x, last)) if last or not rest else x
    if rest:
        total = tape.reduce("add", _lines(np.asarray(total), rest))
    return total


def reduced_by(function: Any) -> Callable[..., Slots] | None:
    """How a method `reduce` of a ufunc is written, or None for other functions."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc) and owner in _OF_UFUNCS and function == owner.reduce:
        return _of_numpy(_OF_UFUNCS[owner])
    return None


def _of_numpy(name: str) -> Callable[..., Slots]:
    """A reduction as programs call it."""
    return lambda lower, *call: reduction(lower, name, *call)


def _of_rules(name: str) -> Callable[..., Slots]:
    """A reduction as its rule calls it."""

    def handle(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
        given = dict(kwargs)
        if given.pop("options", {}):
            raise Unsupported(f"options of {name}")
        return reduction(lower, name, args, given, leaves)

    return handle


def _cumsum(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    """Sums of the elements up to each."""
    given = {**dict(zip(("a", "axis", "dtype", "out"), args, strict=False)), **kwargs}
    x = np.asarray(lower.given(given.pop("a"), leaves))
    axis = given.pop("axis", None)
    if any(v is not None for v in given.values()):
        raise Unsupported("options of cumsum")
    x = np.moveaxis(x.ravel() if axis is None else x, -1 if axis is None else axis, 0)
    out = np.array(x)
    for k in range(1, len(x)):
        out[k] = lower.tape.apply("add", out[k - 1], x[k])
    return np.moveaxis(out, 0, -1 if axis is None else axis)


REDUCTIONS: dict[Any, Callable[..., Slots]] = {
    np.sum: _of_numpy("sum"), np.max: _of_numpy("max"), np.min: _of_numpy("min"),
    np.prod: _of_numpy("prod"), np.mean: _of_numpy("mean"), np.any: _of_numpy("any"),
    np.all: _of_numpy("all"), np.cumsum: _cumsum,
}  # fmt: skip
# By the names of primitives.
NAMED_REDUCTIONS: dict[str, Callable[..., Slots]] = {
    "sum": _of_rules("sum"), "prod": _of_rules("prod"), "max": _of_rules("max"),
    "min": _of_rules("min"), "cumsum": _cumsum,
}  # fmt: skip
