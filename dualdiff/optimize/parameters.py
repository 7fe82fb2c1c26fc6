"""The numbers of a container as one real vector, and back, which SciPy's optimisers take."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from math import prod
from numbers import Number
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.kinds import FLOATS, is_foreign, library_of, to_numpy
from ..core.types import Cotangent
from ..errors import UnsupportedInputError, user_line
from ..trees import LEAF, flatten

_SCALARS = (Number, np.generic)
_FLOAT = np.zeros(())
DOUBLE = np.dtype(float)
Restore = Callable[[ndarray], Any]


class Leaf:
    """One differentiable leaf: its place in the vector, and the way back.

    A complex leaf is a real part followed by an imaginary part.
    """

    __slots__ = ("dtype", "is_complex", "is_number", "place", "restore", "shape", "size")

    def __init__(self, value: Any, array: ndarray, start: int) -> None:
        self.shape, self.dtype = array.shape, array.dtype
        self.is_complex = array.dtype.kind == "c"
        self.size = prod(self.shape) * (1 + self.is_complex)
        self.place = slice(start, start + self.size)
        is_scalar = not array.ndim and isinstance(value, Number)
        self.is_number = is_scalar and not self.is_complex
        self.restore: Restore = self._number if is_scalar else self._array

    def vector(self, value: Any) -> ndarray:
        """The leaf as real numbers in double precision."""
        flat = np.ravel(value)
        if self.is_complex:
            flat = np.concatenate([flat.real, flat.imag])
        return flat.astype(float, copy=False)

    def _array(self, piece: ndarray) -> Any:
        if self.is_complex:
            re, im = np.split(piece, 2)
            piece = re + 1j * im
        return piece.reshape(self.shape) if self.shape else piece[0]

    def _number(self, piece: ndarray) -> Any:
        return complex(*piece) if self.is_complex else float(piece[0])


class Parameters:
    """A container of numbers and arrays, and the real vector that stands for it.

    A list or tuple of numbers counts as an array, as in SciPy. Integers count as floats. The
    function gets double precision; results have the dtypes of the start.
    """

    def __init__(self, start: Any, name: str = "x0") -> None:
        if isinstance(start, (list, tuple)) and not hasattr(start, "_fields"):
            kinds = set(map(type, start))
            if kinds and (kinds <= FLOATS or all(issubclass(k, _SCALARS) for k in kinds)):
                start = np.asarray(start)
        self.name = name
        if type(start) is ndarray and start.ndim == 1 and start.dtype is DOUBLE:
            self._of_vector(start)
            return
        values, self.structure = flatten(start)
        self.leaves = []
        pieces, stop = [], 0
        are_floats = all(type(value) is float for value in values)  # need no conversion
        for i, value in enumerate(values):
            if value is None:
                self.leaves.append(None)
                continue
            if is_foreign(value):
                raise self._refusal_of_library(value, i)
            array = _FLOAT if are_floats else np.asarray(value)
            if array.dtype.kind not in "iufc":
                raise self._refusal(value, i)
            leaf = Leaf(value, array, stop)
            stop = leaf.place.stop
            self.leaves.append(leaf)
            pieces.append(value if are_floats else leaf.vector(value))
        join = np.concatenate if pieces and not are_floats else np.array
        self.start: ndarray = join(pieces)
        self._check_size(self.start.size)
        self.size = stop
        self.is_complex = any(leaf is not None and leaf.is_complex for leaf in self.leaves)
        first = self.leaves[0]
        self.is_vector = self.structure is LEAF and first is not None and len(first.shape) == 1
        self.is_plain, self.is_double = self.is_vector and not self.is_complex, False
        self.is_numbers = all(leaf and leaf.is_number for leaf in self.leaves)

    def _of_vector(self, start: ndarray) -> None:
        """The same as for any container, at a fraction of the cost."""
        self._check_size(len(start))
        self.start, self.structure, self.size = start.copy(), LEAF, len(start)
        self.is_vector = self.is_plain = self.is_double = True
        self.is_complex = self.is_numbers = False

    @cached_property
    def leaves(self) -> list[Leaf | None]:
        """The leaves, which a vector has no need of in most fits."""
        return [Leaf(self.start, self.start, 0)]

    def _check_size(self, size: int) -> None:
        if not size:
            raise UnsupportedInputError(f"{self.name} holds no numbers to optimise, {user_line()}")

    def _refusal(self, value: Any, i: int) -> UnsupportedInputError:
        return UnsupportedInputError(
            f"{self.name}{self.structure.paths[i]} is a {type(value).__name__}, {user_line()}; the "
            f"parameters are numbers, arrays of numbers, None, and containers of them. Keep other "
            f"values outside of them."
        )

    def _refusal_of_library(self, value: Any, i: int) -> UnsupportedInputError:
        return UnsupportedInputError(
            f"{self.name}{self.structure.paths[i]} is an array of {library_of(value)}, "
            f"{user_line()}; SciPy's optimisers work on NumPy's. Start from x.get() or "
            f"x.compute(); the data of the function may stay where they are."
        )

    def tree(self, x: ndarray) -> Any:
        """The container for a vector, in double precision."""
        if self.is_plain:
            return x
        if self.is_numbers:
            return self.structure.unflatten(x.tolist())
        leaves = [None if leaf is None else leaf.restore(x[leaf.place]) for leaf in self.leaves]
        return self.structure.unflatten(leaves)

    def result(self, x: ndarray) -> Any:
        """The container for a vector, in new memory and with the dtypes of the start.

        Of a vector of standard errors, a complex leaf holds those of both its parts.
        """
        if self.is_double:
            return np.array(x)
        leaves: list[Any] = []
        for leaf in self.leaves:
            if leaf is None:
                leaves.append(None)
                continue
            value = leaf.restore(np.array(x[leaf.place]))
            is_typed = isinstance(value, (ndarray, np.generic)) and leaf.dtype.kind in "fc"
            leaves.append(value.astype(leaf.dtype) if is_typed else value)
        return self.structure.unflatten(leaves)

    def gradient(self, tree: Cotangent) -> ndarray:
        """The real gradient for a gradient in the form of the container.

        du/dx - i du/dy of a complex leaf gives du/dx and du/dy.
        """
        if self.is_plain:
            return np.asarray(tree, dtype=float)
        found = np.empty(self.size)
        values, _ = flatten(tree)
        for leaf, value in zip(self.leaves, values, strict=True):
            if leaf is not None:
                found[leaf.place] = leaf.vector(np.conj(value) if leaf.is_complex else value)
        return found

    def columns(self, tree: Any) -> Any:
        """A matrix with one column per number for a Jacobian in containers."""
        values, _ = flatten(tree)
        blocks = [v for v in values if v is not None]
        leaves = [leaf for leaf in self.leaves if leaf is not None]
        count = len(leaves)
        if len(blocks) == 1:
            return np.asarray(blocks[0], float).reshape(-1, self.size)
        rows = []
        for first in range(0, len(blocks), count):
            row = blocks[first : first + count]
            sized = [
                np.asarray(block, float).reshape(-1, leaf.size)
                for block, leaf in zip(row, leaves, strict=True)
                if leaf.size
            ]
            rows.append(np.concatenate(sized, axis=1))
        return np.concatenate(rows, axis=0)

    @property
    def labels(self) -> list[str]:
        """One name per number, such as ``['rate'][2]``."""
        found = []
        for leaf, path in zip(self.leaves, self.structure.paths, strict=True):
            if leaf is None:
                continue
            indices = [f"[{', '.join(map(str, i))}]" if i else "" for i in np.ndindex(leaf.shape)]
            parts = (".real", ".imag") if leaf.is_complex else ("",)
            found += [f"{path}{index}{part}" for part in parts for index in indices]
        return found


def real_vector(value: Any) -> ndarray:
    """All numbers of a result as a real vector; complex ones as real parts, then imaginary ones."""
    if type(value) is ndarray and value.dtype is DOUBLE:
        return value if value.ndim == 1 else value.ravel()
    if type(value) in FLOATS:
        return np.array([value])
    if type(value) in (list, tuple) and set(map(type, value)) <= FLOATS:
        return np.array(value)
    pieces = [np.ravel(v) for v in to_numpy([v for v in flatten(value)[0] if v is not None])]
    parts = [p for v in pieces for p in ((v.real, v.imag) if v.dtype.kind == "c" else (v,))]
    return np.concatenate(parts).astype(float, copy=False) if parts else np.zeros(0)
