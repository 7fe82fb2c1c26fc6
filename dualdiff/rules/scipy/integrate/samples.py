"""Linear functionals of a function of the program, such as its integral, at all levels.

A function f of x may read traced values from anywhere. Every evaluation is taken apart at once into
plain numbers: its value, its tangents in forward mode, and in reverse mode its gradients with
respect to the values that it read, pulled on the spot; with several levels, the tangents of
gradients and so on. The functional of each of these numbers is plain, with an error control of its
own. Put together again, they are the functional of f with the derivatives of all levels. The
function runs in the forward pass only, and no captured value has to be searched for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from ....array.box import is_box
from ....core.apart import Part, apart, with_gradients
from ....core.batch import dtype_of, shape_of
from ....core.dual import ForwardTrace
from ....core.tape import Tape
from ....core.trace import materialize
from ....core.types import Value
from ...numpy.creation import asarray, given

# One item per level: its number and "tangent", or the slot that a gradient belongs to.
Key = tuple[tuple[int, Any], ...]
CHUNK = 64  # points of one call, whose gradients are pulled together


@functools.lru_cache(16)
def _seeds(count: int, width: int, dtype: Any) -> ndarray:
    """A cotangent for each element of a matrix (count, width)."""
    size = count * width
    seeds = np.reshape(np.eye(size, dtype=dtype), (size, count, width))
    seeds.flags.writeable = False
    return seeds


class Samples:
    """Evaluations of a function, taken apart into plain numbers by their `Key`."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.traces: dict[int, Any] = {}
        self.shapes: dict[Key, tuple[int, ...]] = {}
        self.sizes: dict[Key, int] = {}
        self.shape: tuple[int, ...] = ()
        self.kept: dict[Any, dict[Key, ndarray]] = {}
        self.depends: dict[tuple[Key, int], list[Any]] = {}  # in searches for patterns

    @property
    def is_traced(self) -> bool:
        """Whether a value was traced so far."""
        return bool(self.traces)

    def at(self, x: Any) -> dict[Key, ndarray]:
        """The parts of the value at one point, a number or several, as vectors by key."""
        found = self.kept.get(x)
        if found is None:
            with apart() as part:
                value = asarray(self.function(x))
                self.shape = shape_of(value)
                rows = np.reshape(value, (1, prod(self.shape)))
                found = {key: m[0] for key, m in self.split(rows, (), part).items()}
            self.kept[x] = found
        return found

    def at_all(self, xs: Any, plain: Callable[[Any], Any]) -> dict[Key, ndarray] | None:
        """The parts at many points, matrices with a row for each, from one call of the function.

        Arguments: `xs`, an array of points, or a tuple of arrays; `plain`, the function of one
        point. Returns: None where the function does not take arrays, or gives something else for
        them than for one point.
        """
        several = type(xs) is tuple
        shape = (xs[0] if several else xs).shape
        with apart() as part:
            try:
                value = asarray(self.function(xs))
            except Exception:
                return None
            if shape_of(value) != shape:
                return None
            found = self.split(np.reshape(value, (shape[0], 1)), (), part)
        for i in (0, shape[0] // 3):
            point = tuple(float(x[i]) for x in xs) if several else float(xs[i])
            value, one = found[()][i, 0], plain(point)
            if not abs(value - one) <= 1e-12 * abs(one):
                return None
        return found

    def learn(self, points: list[tuple[float, ...]], plain: Callable[[Any], Any]) -> None:
        """Take samples at many points, by calls with arrays where the function allows it."""
        for start in range(0, len(points), CHUNK):
            chunk = points[start : start + CHUNK]
            found = self.at_all(tuple(np.array(chunk).T), plain)
            if found is None:
                return
            for i, point in enumerate(chunk):
                self.kept[point] = {key: matrix[i] for key, matrix in found.items()}

    def element(self, x: Any, key: Key, i: int) -> float:
        """One number of the parts at a point."""
        parts = self.at(x)
        return float(parts[key][i]) if key in parts else 0.0

    def split(self, rows: Value, key: Key, part: Part) -> dict[Key, ndarray]:
        """A matrix with a row per point, taken apart."""
        rows = materialize(rows) if is_box(rows) else rows
        if not is_box(rows):
            self.sizes[key] = rows.shape[1]
            return {key: np.asarray(rows)}
        trace, count, width = rows.owner, *shape_of(rows)
        self.traces[trace.level] = trace
        found = self.split(rows.primal, key, part)
        if isinstance(trace, ForwardTrace):
            batch = trace.batch
            tangent = np.moveaxis(np.reshape(rows.payload, (-1, count, width)), 0, 1)
            inner = (*key, (trace.level, "tangent"))
            self.shapes[inner] = batch
            return found | self.split(np.reshape(tangent, (count, -1)), inner, part)
        if not isinstance(trace, Tape):  # a functional depends on all that the function does
            self.depends.setdefault((key, trace.level), []).append(np.sum(rows, axis=0))
            return found
        seeds = _seeds(count, width, dtype_of(rows))
        pulled = part.pull(trace, rows.payload, seeds, (count * width,))
        for slot, gradient in pulled.items():
            inner = (*key, (trace.level, slot))
            self.shapes[inner] = shape_of(gradient)[1:]
            found |= self.split(np.reshape(gradient, (count, -1)), inner, part)
        return found

    def joined(self, parts: dict[Key, ndarray]) -> Any:
        """The functional of the function, from that of its parts, with all levels."""
        levels = sorted(self.traces, reverse=True)

        def build(key: Key, rest: list[int]) -> Any:
            if not rest:
                return parts[key] if key in parts else np.zeros(self.size_of(key))
            level, *below = rest
            value = build(key, below)
            if (key, level) in self.depends:
                return given(sum(self.depends[key, level]), value)
            own = [k for k in self.shapes if k[: len(key)] == key and len(k) > len(key)]
            items = dict.fromkeys(k[len(key)] for k in own if k[len(key)][0] == level)
            if not items:
                return value
            trace, width = self.traces[level], shape_of(value)[0]
            made = {
                item[1]: np.reshape(build((*key, item), below), self.form_of((*key, item), width))
                for item in items
            }
            made = {name: materialize(m) if is_box(m) else m for name, m in made.items()}
            value = materialize(value) if is_box(value) else value
            if isinstance(trace, ForwardTrace):
                return trace.box(value, made["tangent"])
            return with_gradients(trace, value, made)

        whole = build((), levels)
        return np.reshape(whole, self.shape) if self.shape else whole[0]

    def size_of(self, key: Key) -> int:
        """The number of elements of a part."""
        return self.sizes.get(key, prod(self.form_of(key, self.size_of(key[:-1]))) if key else 1)

    def form_of(self, key: Key, width: int) -> tuple[int, ...]:
        """The shape of a part of a vector with `width` elements: tangents have their batch in
        front, gradients the shape of their slot behind."""
        shape = self.shapes[key]
        return (*shape, width) if key[-1][1] == "tangent" else (width, *shape)
