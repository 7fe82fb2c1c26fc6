"""Directions that move one element each, as a whole Jacobian begins with, without their zeros.

Elementwise functions keep them diagonal, at the cost of one direction instead of all; a product
with a matrix scales its rows, and a running sum fills a triangle. Everything else asks for the
array that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy import ndarray

from .core.boxes import is_box
from .core.indexing import BASIC
from .core.primitive import PUSHES, TAKERS
from .core.reverse import Tape
from .core.shapes import Shape, quiet


def diagonal_of(array: ndarray, first: int, size: int) -> ndarray:
    """Where row ``first + k`` of a contiguous array meets its flat element k of `size`."""
    rows = len(array)
    start, stop = max(0, -first), min(size, rows - first)
    flat = array.reshape(-1)[(first + start) * size + start :: size + 1]
    return flat[: max(0, stop - start)]


class Diagonal:
    """Tangents or cotangents: row ``first + k`` is zero but for its flat element k.

    It stands for an array of shape ``(rows, *elements.shape)``, and has of one what the rules of
    elementwise functions use. Zeros beside the diagonal stay zero whatever they are multiplied
    with.
    """

    __slots__ = ("elements", "first", "rows")

    def __init__(self, elements: ndarray, first: int, rows: int) -> None:
        self.elements, self.first, self.rows = elements, first, rows

    @property
    def shape(self) -> Shape:
        return (self.rows, *self.elements.shape)

    @property
    def ndim(self) -> int:
        return 1 + self.elements.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.elements.dtype

    @property
    def real(self) -> Diagonal:
        return self.like(self.elements.real)

    def like(self, elements: ndarray) -> Diagonal:
        """The same rows with other elements."""
        return Diagonal(elements, self.first, self.rows)

    def alike(self, other: Diagonal) -> bool:
        """Whether the same rows move the same elements."""
        return (self.first, self.shape) == (other.first, other.shape)

    def astype(self, dtype: Any) -> Diagonal:
        return self.like(self.elements.astype(dtype))

    def _span(self) -> slice:
        """The flat elements that have a row."""
        stop = max(0, min(self.elements.size, self.rows - self.first))
        return slice(min(max(0, -self.first), stop), stop)

    def release(self) -> ndarray:
        """The array it stands for."""
        dense = np.zeros(self.shape, self.dtype)
        diagonal_of(dense, self.first, self.elements.size)[...] = self.elements.reshape(-1)[
            self._span()
        ]
        return dense

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Sums and products with arrays as by operators, ``array += self`` without the zeros."""
        if method == "__call__":
            other = inputs[inputs[0] is self]
            if not kwargs and ufunc in (np.add, np.multiply):
                return self + other if ufunc is np.add else self * other
            out = kwargs.get("out", (None,))[0]
            if ufunc is np.add and out is other and len(kwargs) == 1 and out.shape == self.shape:
                self.add_to(out)
                return out
        return getattr(ufunc, method)(*map(dense, inputs), **kwargs)

    def reshape(self, shape: Shape, order: Any = "C") -> Any:
        """As of an array; what keeps the rows stays diagonal."""
        if order == "C" and len(shape) > 1 and shape[0] == self.rows:
            return self.like(self.elements.reshape(shape[1:]))
        return self.release().reshape(shape, order=order)

    def __getitem__(self, index: Any) -> Any:
        """As of an array; elements next to each other on their one axis stay diagonal."""
        if self.elements.ndim == 1 and type(index) is tuple and len(index) == 2:
            lead, part = index
            if type(part) is slice and part.step in (None, 1) and lead == slice(None):
                start = part.indices(self.elements.size)[0]
                return Diagonal(self.elements[part], self.first + start, self.rows)
            if type(part) is int and lead == slice(None):
                column = np.zeros(self.rows, self.dtype)
                row = self.first + part + (self.elements.size if part < 0 else 0)
                if 0 <= row < self.rows:
                    column[row] = self.elements[part]
                return column
        return self.release()[index]

    def add_to(self, array: ndarray) -> None:
        """Add in place to an array of this shape, whose memory may have gaps."""
        span = self._span()
        rows = slice(self.first + span.start, self.first + span.stop)
        if self.elements.ndim == 1:
            place = np.einsum("ii->i", array[rows, span])
            place += self.elements[span]
        else:
            array += self.release()

    def times_matrix(self, matrix: Any) -> Any:
        """The product with a matrix, for elements along one axis."""
        if is_box(matrix) or matrix.ndim != 2:
            return np.matmul(self.release(), matrix)
        span = self._span()
        scaled, part = self.elements[span, None], matrix[span]
        if len(part) == self.rows == len(matrix):
            return matrix.view() if (scaled == 1).all() else scaled * matrix
        out = np.zeros((self.rows, matrix.shape[1]), np.result_type(scaled, matrix))
        np.multiply(scaled, part, out=out[self.first + span.start :][: len(part)])
        return out

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """As of an array; along all axes but the first, which broadcasting asks for, quicker."""
        if out is not None or dtype is not None or axis != tuple(range(1, self.ndim)):
            return self.release().sum(axis, dtype, out)
        total = np.zeros(self.rows, self.dtype)
        span = self._span()
        part = self.elements.reshape(-1)[span]
        total[self.first + span.start :][: len(part)] = part
        return total

    def cumsum(
        self, axis: Any = None, dtype: Any = None, out: Any = None, back: bool = False
    ) -> Any:
        """As of an array; `back` for the sums from the last element to the first.

        Where the elements have one axis, every row is a run of zeros and a run of its element.
        """
        if self.elements.ndim != 1 or axis != -1 or out is not None:
            array = np.flip(self.release(), axis) if back else self.release()
            total = array.cumsum(axis, dtype, out)
            return np.flip(total, axis) if back else total
        size = self.elements.size
        moved = self.sum((1,)).astype(self.dtype if dtype is None else dtype, copy=False)
        ends = np.clip(np.arange(self.rows) - self.first + back, 0, size)
        runs = (moved, np.zeros_like(moved)) if back else (np.zeros_like(moved), moved)
        values, lengths = np.stack(runs, axis=1), np.stack((ends, size - ends), axis=1)
        return np.repeat(values.reshape(-1), lengths.reshape(-1)).reshape(self.shape)

    def __mul__(self, other: Any) -> Any:
        if not is_box(other) and np.ndim(other) <= self.elements.ndim:
            elements = self.elements * other
            if elements.shape == self.elements.shape:
                return self.like(elements)
        return self.release() * other

    __rmul__ = __mul__

    def __neg__(self) -> Diagonal:
        return self.like(-self.elements)

    def __add__(self, other: Any) -> Any:
        if type(other) is Diagonal:
            if self.alike(other):
                return self.like(self.elements + other.elements)
            if self.shape != other.shape or self.dtype != other.dtype:
                return self.release() + other.release()
            total = self.release()
            other.add_to(total)
            return total
        if is_box(other):
            return self.release() + other
        if isinstance(other, (ndarray, np.generic, float)):
            shape = np.broadcast_shapes(self.shape, np.shape(other))
            if shape != self.shape:
                return self.release() + other
            total = np.empty(shape, np.result_type(self.dtype, other))
            total[...] = other
            diagonal_of(total, self.first, self.elements.size)[...] += self.elements.reshape(-1)[
                self._span()
            ]
            return total
        return NotImplemented

    __radd__ = __add__


_takers = TAKERS.setdefault(Diagonal, {BASIC})


def dense(t: Any) -> Any:
    """A tangent or cotangent as an array or box."""
    return t.release() if type(t) is Diagonal else t


class _Tangents(list[Any]):
    """Tangents by slot; diagonals are seen as arrays by entries that do not take them."""

    __slots__ = ("takes",)
    takes: bool

    def __getitem__(self, slot: Any) -> Any:
        t = super().__getitem__(slot)
        if type(t) is Diagonal and not self.takes:
            t = self[slot] = t.release()
        return t


def push_diagonals(
    tape: Tape,
    seeds: Iterable[tuple[int, Any]],
    outputs: Sequence[int],
    lead: Shape,
    dead: Iterable[Sequence[int]] = repeat(()),
) -> list[Any]:
    """As `Tape.push`, for tangents that may be diagonals.

    `dead` are the slots that are not needed any more after each entry, to let go of.
    """
    tape.guards.check()
    ts = _Tangents([None] * tape.size)
    for slot, t in seeds:
        ts[slot] = t
    with quiet():
        for entry, slots in zip(tape.entries, dead, strict=False):
            ts.takes = entry[0] in _takers
            PUSHES[entry[0]](ts, entry, lead)
            for slot in slots:
                ts[slot] = None
    ts.takes = False
    return [ts[i] if i else None for i in outputs]
