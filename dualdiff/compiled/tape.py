"""Scalar tapes: straight programs on double-precision numbers.

A tape has slots: inputs first, then constants, then one slot per operation. Truth values are 0.0
and 1.0. Operations that move data make no code: they are done while a tape is written, on arrays of
slots.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

NAMES = (
    "neg", "add", "sub", "mul", "div", "pow", "lt", "le", "gt", "ge", "eq", "ne", "not", "and",
    "or", "xor", "where", "max", "min", "guard", "same", "nonzero", "finite", "sin", "cos", "tan",
    "exp", "log", "sqrt", "tanh", "abs", "sign", "square", "arctan", "arcsin", "arccos",
    "sinh", "cosh", "log1p", "expm1", "arctan2", "hypot", "log2", "log10", "exp2", "cbrt",
    "floor", "ceil", "rint", "trunc", "isnan", "copysign", "arcsinh", "arccosh", "arctanh", "fmod"
)  # fmt: skip
CODE = {name: i for i, name in enumerate(NAMES)}
_TWO = (
    "add sub mul div pow lt le gt ge eq ne and or xor max min guard same arctan2 hypot copysign "
    "fmod"
)
ARITY = np.ones(len(NAMES), np.int64)
ARITY[[CODE[name] for name in _TWO.split()]] = 2
ARITY[CODE["where"]] = 3
LARGEST = 20_000  # elements of an array that is computed with
MOST = 1_500_000  # operations of a tape
FEW = 8  # elements that are written one by one
IN_ORDER = 16  # distinct values from which an array of constants lies in its own order
STARTS_FROM_ZERO = not np.signbit(np.sum(np.array([-0.0, -0.0])))  # NumPy's sums

Slots = Any  # the slot of a number, or an array of slots


_EVERY = slice(None)


def _without_constants(slots: ndarray) -> bool:
    return bool(slots.size) and int(np.minimum.reduce(slots)) >= 0


def _flattened(operands: Sequence[Slots]) -> tuple[tuple[int, ...], list[ndarray]]:
    """The shape to which operands broadcast, and the elements of each."""
    shapes = {x.shape for x in operands if type(x) is ndarray}
    if len(shapes) == 1:
        (shape,) = shapes
        size = math.prod(shape)
        flat = [x.ravel() if type(x) is ndarray else np.full(size, x) for x in operands]
        return shape, flat
    spread = np.broadcast_arrays(*operands)
    return spread[0].shape, [x.ravel() for x in spread]


class Unsupported(Exception):
    """A graph that no scalar tape expresses; other backends take it."""


class Tape:
    """Operations in their order: an opcode and up to three operand slots each.

    While a tape is written, constants have negative slots; `finish` gives the final numbers.
    """

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.operands: tuple[list[int], list[int], list[int]] = ([], [], [])
        self.tests: dict[int, int] = {}  # the graph's node by the place of its test
        self.inputs = 0
        self.values: list[float] = []
        self._known: dict[bytes, int] = {}
        self._arrays: dict[bytes, ndarray] = {}
        self.one, self.zero, self.minus_zero = map(self.constant, (1.0, 0.0, -0.0))

    def new_inputs(self, count: int) -> ndarray:
        """Slots for inputs; all are made before the first operation."""
        made = np.arange(self.inputs, self.inputs + count)
        self.inputs += count
        return made

    def constant(self, value: float) -> int:
        """The slot of a constant."""
        key = struct.pack("d", value)
        slot = self._known.get(key)
        if slot is None:
            self.values.append(float(value))
            slot = self._known[key] = -len(self.values)
        return slot

    def constants(self, values: Any) -> Slots:
        """Slots of an array of constants."""
        values = np.asarray(values, dtype=float)
        if values.ndim == 0:
            return self.constant(float(values))
        distinct, places = np.unique(values.view(np.int64), return_inverse=True)
        if len(distinct) >= IN_ORDER and 2 * len(distinct) > values.size:
            return self._in_order(values)
        slots = [self.constant(v) for v in distinct.view(float).tolist()]
        return np.array(slots, np.int64)[places].reshape(values.shape)

    def _in_order(self, values: ndarray) -> ndarray:
        """Slots one after the other, so that loops move evenly; zeros and 1 keep their own."""
        flat = np.ravel(values)
        key = flat.tobytes()
        made = self._arrays.get(key)
        if made is None:
            made = -len(self.values) - 1 - np.arange(flat.size)
            self.values.extend(flat.tolist())
            made[flat == 1.0] = self.one
            made[(flat == 0.0) & ~np.signbit(flat)] = self.zero
            made[(flat == 0.0) & np.signbit(flat)] = self.minus_zero
            self._arrays[key] = made
        return made.reshape(values.shape)

    def emit(self, code: int, a: int, b: int = 0, c: int = 0) -> int:
        """Append an operation on numbers."""
        self.codes.append(code)
        x, y, z = self.operands
        x.append(a)
        y.append(b)
        z.append(c)
        return self.inputs + len(self.codes) - 1

    def apply(self, name: str, *operands: Slots) -> Slots:
        """An elementwise operation, with NumPy's broadcasting."""
        if not any(type(x) is ndarray for x in operands):
            return self.scalar(name, *map(int, operands))
        spread = np.broadcast(*operands)
        if len(self.codes) + spread.size > MOST:
            raise Unsupported(f"more than {MOST} operations")
        if spread.size <= FEW:
            made = [self.scalar(name, *map(int, slots)) for slots in spread]
            return np.array(made, np.int64).reshape(spread.shape)
        shape, flat = _flattened(operands)
        kept, needed = self._kept(name, flat)
        if needed is None:
            return kept.reshape(shape)
        chosen = [x[needed].tolist() for x in flat]
        count = len(chosen[0])
        start = self.inputs + len(self.codes)
        self.codes.extend([CODE[name]] * count)
        for held, given in zip(
            self.operands, [*chosen, *[[0] * count] * (3 - len(chosen))], strict=True
        ):
            held.extend(given)
        kept[needed] = np.arange(start, start + count)
        return kept.reshape(shape)

    def scalar(self, name: str, a: int, b: int = 0, c: int = 0) -> int:
        """An operation on numbers; products with 1 are left out, and sums that change nothing."""
        if name == "mul":
            if a == self.one:
                return b
            if b == self.one:
                return a
        elif name == "add":
            if a == self.minus_zero or (a == self.zero and self._is_plus(b)):
                return b
            if b == self.minus_zero or (b == self.zero and self._is_plus(a)):
                return a
        elif (name == "sub" and b == self.zero) or (name == "div" and b == self.one):
            return a
        return self.emit(CODE[name], a, b, c)

    def _is_plus(self, slot: int) -> bool:
        """Whether a slot holds a constant other than -0.0, to which 0.0 adds nothing."""
        return slot < 0 and slot != self.minus_zero

    def _kept(self, name: str, flat: Sequence[ndarray]) -> tuple[ndarray, Any]:
        """Slots that need no operation, and where operations are needed (None: nowhere)."""
        kept = np.empty(flat[0].size, np.int64)
        neutral = {"mul": self.one, "add": self.minus_zero, "sub": self.zero, "div": self.one}
        if name not in neutral or len(flat) != 2:
            return kept, _EVERY
        x, y = flat
        if _without_constants(y) and (name in ("sub", "div") or _without_constants(x)):
            return kept, _EVERY
        idle = y == neutral[name]
        if name == "add":
            idle |= (y == self.zero) & (x < 0) & (x != self.minus_zero)
        kept[idle] = x[idle]
        needed = ~idle
        if name in ("mul", "add"):
            other = needed & (x == neutral[name])
            if name == "add":
                other |= needed & (x == self.zero) & (y < 0) & (y != self.minus_zero)
            kept[other] = y[other]
            needed &= ~other
        return kept, needed if needed.any() else None

    def sum(self, x: ndarray) -> Slots:
        """The sum along the last axis, in NumPy's order: eight partial sums over up to 128."""
        if not x.shape[-1]:
            return np.full(x.shape[:-1], self.zero)
        return self._from_zero(self._pairwise(x))

    def _from_zero(self, total: Slots) -> Slots:
        """A sum that starts from 0.0, where NumPy's does: it is never -0.0."""
        return self.apply("add", self.zero, total) if STARTS_FROM_ZERO else total

    def _pairwise(self, x: ndarray) -> Slots:
        n = x.shape[-1]
        if n < 8:
            total = x[..., 0]
            for k in range(1, n):
                total = self.apply("add", total, x[..., k])
            return total
        if n > 128:
            half = n // 2
            half -= half % 8
            return self.apply("add", self._pairwise(x[..., :half]), self._pairwise(x[..., half:]))
        parts = x[..., :8]
        whole = n - n % 8
        for k in range(8, whole, 8):
            parts = self.apply("add", parts, x[..., k : k + 8])
        pairs = self.apply("add", parts[..., ::2], parts[..., 1::2])
        fours = self.apply("add", pairs[..., ::2], pairs[..., 1::2])
        total = self.apply("add", fours[..., 0], fours[..., 1])
        for k in range(whole, n):
            total = self.apply("add", total, x[..., k])
        return total

    def reduce(self, name: str, x: ndarray) -> Slots:
        """A reduction along the last axis, from the front."""
        total = x[..., 0]
        for k in range(1, x.shape[-1]):
            total = self.apply(name, total, x[..., k])
        return self._from_zero(total) if name == "add" else total

    def product(self, x: ndarray, y: ndarray) -> ndarray:
        """The products of two stacks of matrices of slots."""
        total: Slots = self.zero
        for k in range(x.shape[-1]):
            part = self.apply("mul", x[..., :, k, None], y[..., None, k, :])
            total = self.apply("add", total, part)
        return np.broadcast_to(
            total,
            np.broadcast_shapes(
                (*x.shape[:-1], y.shape[-1]), (*y.shape[:-2], x.shape[-2], y.shape[-1])
            ),
        )

    def finish(self, outputs: Sequence[Slots]) -> FinishedTape:
        """The operations that outputs and tests need, in final numbers."""
        return FinishedTape(self, outputs)


class FinishedTape:
    """A tape in arrays: `codes`, `operands` of shape (3, n), and `outputs` in final slots.

    Slots below `inputs` are inputs, those below `first` constants with these `values`.
    """

    def __init__(self, tape: Tape, outputs: Sequence[Slots]) -> None:
        codes = np.array(tape.codes, np.int64)
        operands = np.array(tape.operands, np.int64).reshape(3, -1)
        arity = ARITY[codes] if len(codes) else codes
        needed = bytearray(len(codes))
        start = tape.inputs
        for out in outputs:
            flat = np.ravel(out)
            for slot in flat[flat >= start].tolist():
                needed[slot - start] = 1
        for place in tape.tests:
            needed[place] = 1
        x, y, z = tape.operands
        counts = arity.tolist()
        for i in range(len(codes) - 1, -1, -1):
            if needed[i]:
                if x[i] >= start:
                    needed[x[i] - start] = 1
                if counts[i] > 1:
                    if y[i] >= start:
                        needed[y[i] - start] = 1
                    if counts[i] > 2 and z[i] >= start:
                        needed[z[i] - start] = 1
        kept = np.flatnonzero(np.frombuffer(needed, np.uint8)) if needed else np.empty(0, int)
        self.inputs, self.values = start, np.array(tape.values)
        self.first = start + len(self.values)
        numbers = np.full(max(start + len(codes), 1), -1)
        numbers[:start] = np.arange(start)
        numbers[start + kept] = self.first + np.arange(len(kept))

        def final(slots: Any) -> Any:
            slots = np.asarray(slots)
            return np.where(slots < 0, start - slots - 1, numbers[np.maximum(slots, 0)])

        self.codes = codes[kept]
        self.arity = arity[kept]
        self.operands = final(operands[:, kept])
        for k in (1, 2):
            self.operands[k][self.arity <= k] = 0
        self.outputs = [final(out) for out in outputs]
        self.tests = {
            int(numbers[start + place]) - self.first: node for place, node in tape.tests.items()
        }

    def __len__(self) -> int:
        return len(self.codes)
