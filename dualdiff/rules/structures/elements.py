"""Structures of functions that act on each element, move elements, or join them along axes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.batch import dtype_of
from ...core.structure import Gather, NotKnown, Pattern, Structure, Use
from ...core.tangents import Diagonal
from ...core.types import Value


class Elementwise(Structure):
    """An element depends on the elements in its place, of operands that broadcast."""

    takes = (Diagonal,)

    def pattern(self, use: Use) -> list[Pattern]:
        return [use.union(use.traced, shape) for shape in use.shapes]


class Sum(Elementwise):
    """A sum of the elements in its place, each times a constant."""

    linear = True

    def mask(self, use: Use) -> Any:
        return functools.reduce(np.logical_or, use.numbers(), False)


class Choice(Elementwise):
    """An element is a copy of one of the elements in its place; parameters choose."""

    def mask(self, use: Use) -> Any:
        return use.on_numbers()


class Multiplication(Elementwise):
    """The product of two operands."""

    def mask(self, use: Use) -> Any:
        x, y = map(_alive_factor, use.args, use.marks)
        return np.logical_and(x, y)


def _alive_factor(value: Value, mask: Any) -> Any:
    if mask is not None:
        return mask
    # A factor of dtype bool is the selection that an extremum or a clip has made.
    return value if dtype_of(value).kind == "b" else True


class Division(Elementwise):
    """The quotient of two operands."""

    def mask(self, use: Use) -> Any:
        return True if use.marks[0] is None else np.broadcast_to(use.marks[0], use.shape)


class Blocks(Gather):
    """Neighbouring elements stay neighbours except at a few cuts, so diagonals stay diagonals."""

    takes = (Diagonal,)

    def mask(self, use: Use) -> Any:
        return use.on_numbers()


class Pack(Gather):
    """The vector of the operands, which are scalars."""


class AddAt(Structure):
    """Operand 1 is added to operand 0 where the parameter `index` selects."""

    linear = True

    def pattern(self, use: Use) -> list[Pattern]:
        x, y = use.marks
        positions = np.arange(np.prod(use.shape, dtype=int)).reshape(use.shape)
        positions = np.asarray(positions[use.params["index"]])
        parts = [] if x is None else [x]
        if y is not None:
            made = y.broadcast(positions.shape).scattered(positions, int(np.prod(use.shape)))
            parts.append(made.reshaped(use.shape))
        return [use.union(parts, use.shape)]


class Bins(Structure):
    """Elements go to flat places by the parameter `positions`; negative ones are left out."""

    def pattern(self, use: Use) -> list[Pattern]:
        p, positions = use.only, np.ravel(use.params["positions"])
        counted = positions >= 0
        chosen = p.relabeled(np.ravel(p.labels)[counted])
        made = chosen.scattered(positions[counted], int(np.prod(use.shape)))
        return [made.reshaped(use.shape)]


def _axes(axis: Any, ndim: int) -> Sequence[int]:
    """A parameter `axis` as axes counted from the right."""
    if axis is None:
        return range(-ndim, 0)
    return [a % ndim - ndim for a in np.atleast_1d(axis).tolist()]


class Reduction(Structure):
    """All elements along the axes of the parameter `axis`."""

    takes = (Diagonal,)

    def pattern(self, use: Use) -> list[Pattern]:
        shape = np.broadcast_shapes(*(p.shape for p in use.traced))
        axes = _axes(use.params["axis"], len(shape))
        return [use.union(use.traced, shape).over_axes(axes).reshaped(use.shape)]


class Cumulative(Structure):
    """Its own and all earlier elements along the parameter `axis`."""

    takes = (Diagonal,)

    def pattern(self, use: Use) -> list[Pattern]:
        return [use.only.running(use.params["axis"])]


class Axis(Structure):
    """All elements along the parameter `axis`, one or several; the result may be longer or shorter
    there."""

    def pattern(self, use: Use) -> list[Pattern]:
        parts = []
        for p in use.traced:
            ndim = len(p.shape)
            if len(use.shape) != ndim:
                raise NotKnown
            axes = _axes(use.params["axis"], ndim)
            kept = tuple(1 if i - ndim in axes else n for i, n in enumerate(p.shape))
            parts.append(p.over_axes(axes).reshaped(kept))
        return [use.union(parts, use.shape)]


class Permutation(Axis):
    """An order of the elements along the parameter `axis`, which holds at this point only."""

    def mask(self, use: Use) -> Any:
        return use.on_numbers()


class Segments(Structure):
    """All elements of a run along the last axis, from one of the parameter `starts` to the next."""

    def pattern(self, use: Use) -> list[Pattern]:
        p, starts = use.only, np.asarray(use.params["starts"])
        length = p.shape[-1]
        lines = p.labels.size // length if length else 0
        begin = (length * np.arange(lines)[:, None] + starts).ravel()
        made = p.over_groups(np.append(begin, p.labels.size))
        sizes = np.tile(np.diff(starts, append=length), lines)
        return [made.relabeled(np.repeat(made.labels, sizes)).reshaped(use.shape)]


class Trace(Structure):
    """The diagonal that is summed, by the parameters of `numpy.trace`."""

    def pattern(self, use: Use) -> list[Pattern]:
        options = {k: use.params[k] for k in ("offset", "axis1", "axis2")}
        diagonals = use.only.relabeled(np.diagonal(use.only.labels, **options))
        return [diagonals.over_axes((-1,))]


class Window(Structure):
    """The elements within `radius` (one number, or one for each axis) along `axes`, as in a filter.

    Borders may repeat or mirror the elements next to them, but not take elements from the other
    end.
    """

    def __init__(self, axes: int | Sequence[int], radius: int | Sequence[int]) -> None:
        self.axes = tuple(np.atleast_1d(axes).tolist())
        self.radius = tuple(np.broadcast_to(radius, len(self.axes)).tolist())

    def pattern(self, use: Use) -> list[Pattern]:
        p = use.only
        if p.shape != use.shape:
            raise NotKnown
        widths = [(0, 0)] * len(p.shape)
        for axis, radius in zip(self.axes, self.radius, strict=True):
            widths[axis] = (radius, radius)
        sizes = [2 * radius + 1 for radius in self.radius]
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(p.labels, widths), sizes, self.axes
        )
        return [p.relabeled(windows).over_axes(range(-len(sizes), 0))]
