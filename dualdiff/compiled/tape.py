"""Scalar tapes: straight programs on double-precision numbers.

A tape has slots: inputs first, then constants, then one slot per operation. Truth values are 0.0
and 1.0. Operations that move data make no code: they are done while a tape is written, on arrays of
slots.
"""

from __future__ import annotations

import math
import struct
from array import array
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
    return bool(slots.size) and int(np.minimum.reduce(slots, axis=None)) >= 0


def _flattened(operands: Sequence[Slots], shape: tuple[int, ...]) -> list[ndarray]:
    """The elements of operands that broadcast to a shape."""
    size = math.prod(shape)
    flat = []
    for x in operands:
        if type(x) is not ndarray:
            flat.append(np.full(size, x))
        else:
            flat.append((x if x.shape == shape else np.broadcast_to(x, shape)).ravel())
    return flat


def _needed(
    start: int, operands: ndarray, arity: ndarray, outputs: Sequence[Slots], tests: list[int]
) -> ndarray:
    """Which operations outputs and tests need; the slots of operations begin at `start`."""
    count = len(arity)
    wanted = np.zeros(start + count, bool)
    wanted[start:][tests] = True
    for out in outputs:
        wanted[np.ravel(out)[np.ravel(out) >= 0]] = True
    slots = np.where(np.arange(3)[:, None] < arity, operands - start, -1)
    uses = np.bincount(slots[slots >= 0], minlength=count) + wanted[start:]
    needed = np.ones(count, bool)
    unused = np.flatnonzero(uses == 0)
    while unused.size:  # what they alone use is not needed either
        needed[unused] = False
        given = slots[:, unused]
        given = given[given >= 0]
        np.subtract.at(uses, given, 1)
        given = np.unique(given)
        unused = given[uses[given] == 0]
    return needed


class Unsupported(Exception):
    """A graph that no scalar tape expresses; other backends take it."""


class Tape:
    """Operations in their order: an opcode and up to three operand slots each.

    While a tape is written, constants have negative slots; `finish` gives the final numbers.
    """

    def __init__(self) -> None:
        self.codes = array("q")
        self.operands = (array("q"), array("q"), array("q"))
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
        shapes = {x.shape for x in operands if type(x) is ndarray}
        if len(shapes) > 1:
            spread = np.broadcast(*operands)
            if spread.size <= FEW:
                made = [self.scalar(name, *map(int, slots)) for slots in spread]
                return np.array(made, np.int64).reshape(spread.shape)
            shapes = {spread.shape}
        (shape,) = shapes
        flat = _flattened(operands, shape)
        size = len(flat[0])
        if len(self.codes) + size > MOST:
            raise Unsupported(f"more than {MOST} operations")
        if size <= FEW:
            lists = [x.tolist() for x in flat]
            made = [self.scalar(name, *slots) for slots in zip(*lists, strict=True)]
            return np.array(made, np.int64).reshape(shape)
        kept, needed = self._kept(name, flat)
        if needed is None:
            return kept.reshape(shape)
        chosen = [x[needed] for x in flat]
        kept[needed] = self.extend(np.full(len(chosen[0]), CODE[name]), *chosen)
        return kept.reshape(shape)

    def extend(self, codes: ndarray, *operands: ndarray) -> ndarray:
        """Append many operations on numbers, and return their slots."""
        start = self.inputs + len(self.codes)
        self.codes.frombytes(codes.tobytes())
        for k, held in enumerate(self.operands):
            given = operands[k] if k < len(operands) else np.zeros(len(codes), np.int64)
            held.frombytes(np.asarray(given, np.int64).tobytes())
        return np.arange(start, start + len(codes))

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
        return self._from_zero(self._pairwise(x) if x.ndim > 1 else self._in_pairs(x.tolist()))

    def _in_pairs(self, x: list[int]) -> int:
        """The same sum of one line."""
        n = len(x)
        if n > 128:
            half = n // 2
            half -= half % 8
            return self.scalar("add", self._in_pairs(x[:half]), self._in_pairs(x[half:]))
        parts, whole = x[:1], 1
        if n >= 8:
            parts, whole = x[:8], n - n % 8
            for k in range(8, whole):
                parts[k % 8] = self.scalar("add", parts[k % 8], x[k])
        while len(parts) > 1:
            parts = [self.scalar("add", a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        for k in range(whole, n):
            parts[0] = self.scalar("add", parts[0], x[k])
        return parts[0]

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
        if x.ndim == y.ndim == 2 and _without_constants(x) and _without_constants(y):
            return self._plain_product(x, y)
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

    def _plain_product(self, x: ndarray, y: ndarray) -> ndarray:
        """The product of matrices without constants: the same operations, all at once."""
        (n, inner), m = x.shape, y.shape[1]
        each = n * m
        if len(self.codes) + 2 * inner * each > MOST:
            raise Unsupported(f"more than {MOST} operations")
        operands = np.empty((2, inner, 2, n, m), np.int64)
        operands[0, :, 0] = x.T[:, :, None]
        operands[1, :, 0] = y[:, None, :]
        slots = self.inputs + len(self.codes) + np.arange(2 * inner * each)
        slots = slots.reshape(inner, 2, n, m)
        operands[0, 0, 1], operands[0, 1:, 1] = self.zero, slots[:-1, 1]
        operands[1, :, 1] = slots[:, 0]
        codes = np.repeat(np.array([CODE["mul"], CODE["add"]] * inner), each)
        self.extend(codes, operands[0], operands[1])
        return slots[-1, 1]

    def finish(self, outputs: Sequence[Slots]) -> FinishedTape:
        """The operations that outputs and tests need, in final numbers."""
        return FinishedTape(self, outputs)


class FinishedTape:
    """A tape in arrays: `codes`, `operands` of shape (3, n), and `outputs` in final slots.

    Slots below `inputs` are inputs, those below `first` constants with these `values`.
    """

    def __init__(self, tape: Tape, outputs: Sequence[Slots]) -> None:
        codes = np.frombuffer(tape.codes, np.int64) if tape.codes else np.empty(0, np.int64)
        operands = np.array(tape.operands, np.int64).reshape(3, -1)
        arity, start = ARITY[codes], tape.inputs
        kept = np.flatnonzero(_needed(start, operands, arity, outputs, list(tape.tests)))
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
