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

from ....array.box import is_box, unbox
from ....core.apart import Part, apart, with_gradients
from ....core.batch import Shape, dtype_of, shape_of
from ....core.dual import ForwardTrace
from ....core.tape import Tape
from ....core.trace import materialize
from ....core.types import Value
from ...numpy.common import unmasked
from ...numpy.creation import asarray, given

# One item per level: its number and "tangent", or the slot that a gradient belongs to.
Key = tuple[tuple[int, Any], ...]
CHUNK = 64  # points of one call, whose gradients are pulled together


@functools.lru_cache(16)
def _seeds(shape: Shape, dtype: Any) -> ndarray:
    """A cotangent for each element of an array."""
    size = prod(shape)
    seeds = np.reshape(np.eye(size, dtype=dtype), (size, *shape))
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
        with apart() as part:
            found = self.on_array(xs, plain)
            return None if found is None else self.split(found, (), part)

    def by_rules(
        self,
        xs: ndarray,
        plain: Callable[[Any], Any],
        rules: ndarray,
        is_accurate: Callable[[dict[Key, ndarray]], bool],
    ) -> tuple[ndarray, dict[Key, ndarray], bool] | None:
        """The plain values at many points, and the parts of some sums of them: a row for each sum.

        Arguments: as for `at_all`; `rules`, the weights of each sum in a row; `is_accurate`, which
        looks at the sums. Returns: None as `at_all`; where the sums are not accurate, the parts
        have a row for each point, which the last of the results says.
        """
        with apart() as part:
            rows = self.on_array(xs, plain)
            if rows is None:
                return None
            found = self.split(rows, (), part, rules)
            if is_accurate(found):
                return unbox(rows), found, True
            return unbox(rows), self.split(rows, (), part), False

    def on_array(self, xs: Any, plain: Callable[[Any], Any]) -> Any:
        """The function at many points, a vector, or None as `at_all`."""
        several = type(xs) is tuple
        shape = (xs[0] if several else xs).shape
        try:
            value = asarray(self.function(xs))
        except Exception:  # a function of numbers, which is called with numbers then
            return None
        if shape_of(value) != shape:
            return None
        values = unbox(value)
        for i in (0, shape[0] - 1):  # a test of the whole array falls between its ends
            point = tuple(float(x[i]) for x in xs) if several else float(xs[i])
            one = plain(point)
            if not abs(values[i] - one) <= 1e-12 * abs(one):
                return None
        return value

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

    def split(
        self, rows: Value, key: Key, part: Part, rules: ndarray | None = None
    ) -> dict[Key, ndarray]:
        """A matrix with a row per point, or a vector with an element, taken apart to matrices.

        With `rules`, sums of a vector with these weights stand in place of its elements.
        """
        rows = unmasked(rows) if is_box(rows) else rows
        trace = rows.owner if is_box(rows) else None
        if rules is not None and not (isinstance(trace, Tape) and dtype_of(rows) == rules.dtype):
            rows, rules = rules @ rows, None
        shape = shape_of(rows) if rules is None else (len(rules),)
        count, size = shape[0], prod(shape)
        width = size // count
        if trace is None:
            self.sizes[key] = width
            return {key: np.asarray(rows).reshape(count, width)}
        self.traces[trace.level] = trace
        found = self.split(rows.primal, key, part, rules)
        if isinstance(trace, ForwardTrace):
            batch = trace.batch
            tangent = np.moveaxis(np.reshape(rows.payload, (-1, count, width)), 0, 1)
            inner = (*key, (trace.level, "tangent"))
            self.shapes[inner] = batch
            return found | self.split(np.reshape(tangent, (count, -1)), inner, part)
        if not isinstance(trace, Tape):  # a functional depends on all that the function does
            self.depends.setdefault((key, trace.level), []).append(np.sum(rows, axis=0))
            return found
        seeds = _seeds(shape, dtype_of(rows)) if rules is None else rules
        for slot, gradient in part.pull(trace, rows.payload, seeds, (size,)).items():
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
