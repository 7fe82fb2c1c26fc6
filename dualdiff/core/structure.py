"""Structures: which elements of a primitive's result depend on which elements of its operands.

A primitive declares one (``structure=Gather()``), and every interpreter asks it: searches for
sparsity patterns, passes that keep structural zeros, and tapes whose tangents know their zeros.
The structures of NumPy's and SciPy's functions are in `dualdiff.rules.structures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import unbox
from .batch import Shape, ndim_selected, shape_of
from .tangents import Diagonal
from .types import Value


class NotKnown(Exception):
    """The structure does not hold for a call, which then counts as dense."""


DOES_NOT_HOLD = (NotKnown, KeyError, ValueError, IndexError)


class Pattern:
    """The inputs on which the elements of an array depend.

    Each element has a label. Elements with the same label depend on the same inputs, and label 0
    stands for none. Methods return new patterns. This class has one input, with label 1, so it is a
    mask of the elements that depend on it. A search for a sparsity pattern uses a subclass, whose
    labels stand for sets of inputs.
    """

    __slots__ = ("labels",)

    def __init__(self, labels: ndarray) -> None:
        self.labels = labels

    @property
    def shape(self) -> Shape:
        """The shape of the array."""
        return self.labels.shape

    def relabeled(self, labels: ndarray) -> Any:
        """The pattern of an array with these labels, which mean the same as here."""
        return Pattern(labels)

    def nothing(self, shape: Shape) -> Any:
        """The pattern of an array that depends on nothing."""
        return self.relabeled(np.broadcast_to(np.intp(0), shape))

    def broadcast(self, shape: Shape) -> Any:
        """The pattern of the array broadcast to a shape."""
        if self.labels.shape == shape:
            return self
        return self.relabeled(np.broadcast_to(self.labels, shape))

    def reshaped(self, shape: Shape) -> Any:
        """The pattern of the array in another shape of as many elements."""
        return self.relabeled(self.labels.reshape(shape))

    def union(self, other: Any, shape: Shape) -> Any:
        """Element by element, of two arrays that broadcast to a shape."""
        return self.relabeled(self.labels | other.labels).broadcast(shape)

    def over_axes(self, axes: Sequence[int]) -> Any:
        """Unions along some axes, which are removed."""
        return self.relabeled(np.max(self.labels, axis=tuple(axes), initial=0))

    def over_groups(self, starts: ndarray) -> Any:
        """Unions of the flat elements from each of `starts` up to the next, the last the end."""
        ends = np.append(0, np.cumsum(self.labels))[starts]
        return self.relabeled(np.minimum(np.diff(ends), 1))

    def running(self, axis: int) -> Any:
        """Unions of each element with all before it along an axis."""
        return self.relabeled(np.maximum.accumulate(self.labels, axis=axis))

    def scattered(self, targets: ndarray, size: int) -> Any:
        """A vector of `size` unions, one for each target, of the elements with this target."""
        out = np.zeros(size, np.intp)
        out[np.ravel(targets)[np.ravel(self.labels) != 0]] = 1
        return self.relabeled(out)

    def sharing(self, patterns: Sequence[Any]) -> list[Any]:
        """Patterns in which the same labels mean the same."""
        return list(patterns)


@dataclass
class Use:
    """One call of a primitive, as its structure sees it.

    `marks` has one entry per operand: its pattern, or its mask of elements that may differ from
    zero, or None for a constant. `shapes` are the shapes of the results.
    """

    prim: Any
    args: Sequence[Any]
    marks: Sequence[Any]
    params: dict[str, Any]
    shapes: tuple[Shape, ...]

    @property
    def traced(self) -> list[Any]:
        """The marks of the operands that are not constant."""
        return [m for m in self.marks if m is not None]

    @property
    def only(self) -> Any:
        """The mark of the one operand that is not constant."""
        (mark,) = self.traced
        return mark

    @property
    def shape(self) -> Shape:
        """The shape of the one result."""
        (shape,) = self.shapes
        return shape

    def numbers(self) -> list[Any]:
        """Masks as ones and zeros; of constants only a literal zero counts as zero."""
        return [
            np.asarray(m, float)[()]
            if m is not None
            else float(unbox(v) != 0)
            if not np.ndim(unbox(v))
            else np.ones(np.shape(unbox(v)))
            for m, v in zip(self.marks, self.args, strict=True)
        ]

    def on_numbers(self) -> Any:
        """The mask of a result that is made of sums of products of the operands, by its primal."""
        return np.asarray(self.prim.fn(*self.numbers(), **self.params)) != 0

    def union(self, parts: Sequence[Pattern], shape: Shape) -> Pattern:
        """Element by element, of any number of patterns that broadcast to a shape."""
        if not parts:
            nothing: Pattern = self.traced[0].nothing(shape)
            return nothing
        total = parts[0].broadcast(shape)
        for part in parts[1:]:
            total = total.union(part, shape)
        return total


class Structure:
    """How a primitive's result depends on its operands.

    `linear` says that the structure alone makes a primitive linear in all operands together;
    `takes` are the types of structured tangents that its rules accept; the others become arrays.
    """

    linear = False
    takes: tuple[type, ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, vars(self).values()))})"

    def pattern(self, use: Use) -> list[Pattern]:
        """The pattern of each result. Raises: `NotKnown` if the structure does not hold, or NumPy's
        error for operands and parameters that do not fit."""
        raise NotKnown

    def mask(self, use: Use) -> Any:
        """The mask of the single result: False where it is zero for all values of masked elements.

        A mask is a pattern with a single input, on which constants depend too.
        """
        if not (self.linear or use.prim.is_linear):
            return True
        marks = [Pattern(np.asarray(n != 0, np.intp)) for n in use.numbers()]
        try:
            (found,) = self.pattern(replace(use, marks=marks))
        except DOES_NOT_HOLD:
            return True
        return found.labels != 0

    def without_nan(self, use: Use, ans: Value) -> Any:
        """A result in which masked zeros meet infinities of a constant without giving NaN."""
        return ans


class Dense(Structure):
    """Every element of the result depends on every element of the operands."""


DENSE = Dense()


class Gather(Structure):
    """An element of the result is a copy of one element of an operand, or of none.

    The primal is run on labels in place of numbers.
    """

    linear = True

    def pattern(self, use: Use) -> list[Pattern]:
        patterns = use.traced[0].sharing(use.traced)
        supply = iter([p.labels for p in patterns])
        labels = [
            np.zeros(shape_of(a), np.intp) if m is None else next(supply)
            for a, m in zip(use.args, use.marks, strict=True)
        ]
        labels = [x[()] for x in labels]
        found = self.moved(use, labels)
        if found.shape != use.shape or found.dtype.kind != "i":
            raise NotKnown
        if any(np.may_share_memory(found, p.labels) for p in patterns):
            found = found.copy(order="K")  # labels that a store may change in place
        return [patterns[0].relabeled(found)]

    def moved(self, use: Use, labels: Sequence[Any]) -> ndarray:
        """The labels of the result."""
        params = {k: _without_values(k, v) for k, v in use.params.items()}

        def run(shift: int | None) -> ndarray:
            moved = [
                x if m is None else x * 0 if shift is None else x + shift
                for x, m in zip(labels, use.marks, strict=True)
            ]
            try:
                return np.asarray(use.prim.fn(*moved, **params))
            except (TypeError, ValueError) as error:  # a user's function that refuses integers
                raise NotKnown from error

        # Copies move with their labels, and filled-in elements stay.
        found, empty = run(0), run(None)
        shift = 1 + max(int(np.max(x, initial=0)) for x in labels)
        copied, filled = (run(shift) - found == shift) & (empty == 0), found == empty
        if found.dtype.kind != "i" or not np.all(copied | filled):
            raise NotKnown
        return np.where(copied, found, 0)


def _without_values(name: str, v: Value) -> Any:
    """A parameter without the numbers that it would fill in, and without a dtype for the result."""
    if name == "dtype":
        return None
    kind = getattr(getattr(v, "dtype", None), "kind", "")
    if isinstance(v, (float, complex)) or kind in ("f", "c"):
        return np.zeros(np.shape(v), np.intp)
    return v


class Index(Gather):
    """The elements of operand 0 that the parameter `index` selects."""

    takes = (Diagonal,)

    def moved(self, use: Use, labels: Sequence[Any]) -> ndarray:
        return np.asarray(labels[0][use.params["index"]])

    def mask(self, use: Use) -> Any:
        return use.on_numbers()


class Scatter(Structure):
    """The elements of operand 0 are added where the parameter `index` selects, among zeros of the
    shape of the parameter `spec`."""

    linear = True

    def pattern(self, use: Use) -> list[Pattern]:
        spec, index, p = use.params["spec"], use.params["index"], use.only
        batch = p.shape[: len(p.shape) - ndim_selected(spec.shape, index)]
        size, directions = int(np.prod(spec.shape)), int(np.prod(batch))
        positions = np.asarray(np.arange(size).reshape(spec.shape)[index])
        offsets = size * np.arange(directions).reshape(batch + (1,) * positions.ndim)
        made = p.scattered(np.broadcast_to(offsets + positions, p.shape), size * directions)
        return [made.reshaped(use.shape)]


def patterns_of(use: Use) -> tuple[list[Pattern], bool]:
    """The patterns of the results, and whether they count as dense without a structure."""
    try:
        return use.prim.structure.pattern(use), False
    except DOES_NOT_HOLD:
        whole = use.union([p.over_axes(range(len(p.shape))) for p in use.traced], ())
        return [whole.broadcast(shape) for shape in use.shapes], True
