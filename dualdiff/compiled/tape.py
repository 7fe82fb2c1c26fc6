"""Scalar tapes: straight programs on double-precision numbers.

A tape has slots: inputs first, then constants, then one slot per operation. Truth values are 0.0
and 1.0. Operations that move data make no code: they are done while a tape is written, on arrays of
slots.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import repeat
from typing import Any, Protocol

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
FEW = 16  # elements that are written one by one
IN_ORDER = 16  # distinct values from which an array of constants lies in its own order
STARTS_FROM_ZERO = not np.signbit(np.sum(np.array([-0.0, -0.0])))  # NumPy's sums

_NEUTRAL = {"add": "minus_zero", "sub": "zero", "mul": "one", "div": "one"}  # right operands
_ROW = struct.Struct("4q").pack
_DOUBLE, _BITS = struct.Struct("d"), struct.Struct("q")

Slots = Any  # the slot of a number, or an array of slots


def _without_constants(slots: ndarray) -> bool:
    return bool(slots.size) and int(np.minimum.reduce(slots, axis=None)) >= 0


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
        self.rows = bytearray()  # four numbers of 64 bits for each operation
        self.next = 0  # the slot of the next operation
        self.tests: dict[int, int] = {}  # the graph's node by the place of its test
        self.inputs = 0
        self.values: list[float] = []
        self._known: dict[int, int] = {}  # by the bits of constants
        self._arrays: dict[bytes, ndarray] = {}
        self.one, self.zero, self.minus_zero = map(self.constant, (1.0, 0.0, -0.0))

    def __len__(self) -> int:
        return self.next - self.inputs

    def new_inputs(self, count: int) -> ndarray:
        """Slots for inputs; all are made before the first operation."""
        made = np.arange(self.inputs, self.inputs + count)
        self.inputs += count
        self.next = self.inputs
        return made

    def constant(self, value: float) -> int:
        """The slot of a constant."""
        return self._constant(_BITS.unpack(_DOUBLE.pack(value))[0])

    def _constant(self, bits: int) -> int:
        """The slot of a constant with these bits."""
        slot = self._known.get(bits)
        if slot is None:
            self.values.append(_DOUBLE.unpack(_BITS.pack(bits))[0])
            slot = self._known[bits] = -len(self.values)
        return slot

    def constants(self, values: Any) -> Slots:
        """Slots of an array of constants."""
        values = np.asarray(values, dtype=float)
        bits = values.view(np.int64)
        if values.size < IN_ORDER:
            keys = bits.ravel().tolist()
            slots = {key: self._constant(key) for key in sorted(set(keys))}
            made = np.array([slots[key] for key in keys], np.int64).reshape(values.shape)
            return made if values.ndim else int(made)
        distinct, places = np.unique(bits, return_inverse=True)
        if len(distinct) >= IN_ORDER and 2 * len(distinct) > values.size:
            return self._in_order(values)
        made = np.array(list(map(self._constant, distinct.tolist())), np.int64)
        return made[places].reshape(values.shape)

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

    def apply(self, name: str, *operands: Slots) -> Slots:
        """An elementwise operation, with NumPy's broadcasting."""
        shape, size = None, 0
        for x in operands:
            if type(x) is ndarray and x.shape != shape:
                if shape is not None:
                    return self._spread(name, operands)
                shape, size = x.shape, x.size
        if shape is None:
            return self.scalar(name, *operands)
        if size > FEW:
            return self._many(name, operands, shape)
        given = [x.ravel().tolist() if type(x) is ndarray else [x] * size for x in operands]
        return np.array(self.each(name, *given), np.int64).reshape(shape)

    def _spread(self, name: str, operands: Sequence[Slots]) -> ndarray:
        """An operation on arrays of several shapes."""
        spread = np.broadcast(*operands)
        if spread.size > FEW:
            return self._many(name, operands, spread.shape)
        made = [self.scalar(name, *map(int, slots)) for slots in spread]
        return np.array(made, np.int64).reshape(spread.shape)

    def _many(self, name: str, operands: Sequence[Slots], shape: tuple[int, ...]) -> ndarray:
        """An operation on the elements of arrays, all at once."""
        rows = np.zeros((*shape, 4), np.int64)
        rows[..., 0] = CODE[name]
        for k, x in enumerate(operands, 1):
            rows[..., k] = x
        rows = rows.reshape(-1, 4)
        if name in _NEUTRAL and not _without_constants(rows[:, 1:3]):
            return self._chosen(name, rows).reshape(shape)
        return self.extend(rows).reshape(shape)

    def _chosen(self, name: str, rows: ndarray) -> ndarray:
        """The same where some elements may need no operation."""
        kept = np.empty(len(rows), np.int64)
        neutral = getattr(self, _NEUTRAL[name])
        x, y = rows[:, 1], rows[:, 2]
        idle = y == neutral
        if name == "add":
            idle |= (y == self.zero) & (x < 0) & (x != self.minus_zero)
        kept[idle] = x[idle]
        needed = ~idle
        if name in ("mul", "add"):
            other = needed & (x == neutral)
            if name == "add":
                other |= needed & (x == self.zero) & (y < 0) & (y != self.minus_zero)
            kept[other] = y[other]
            needed &= ~other
        kept[needed] = self.extend(rows[needed])
        return kept

    def extend(self, rows: ndarray) -> ndarray:
        """Append many operations on numbers, and return their slots."""
        start, count = self.next, len(rows)
        if count > MOST - len(self):
            raise Unsupported(f"more than {MOST} operations")
        self.rows += rows.tobytes()
        self.next += count
        return np.arange(start, start + count)

    def scalar(self, name: str, a: int, b: int = 0, c: int = 0) -> int:
        """An operation on numbers; products with 1 are left out, and sums that change nothing."""
        if (a < 0 or b < 0) and name in _NEUTRAL:
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
        self.rows += _ROW(CODE[name], a, b, c)
        slot = self.next
        self.next = slot + 1
        return slot

    def each(self, name: str, *lists: list[int]) -> list[int]:
        """An operation on the numbers of lists, one by one."""
        return list(map(self.scalar, repeat(name), *lists))

    def _is_plus(self, slot: int) -> bool:
        """Whether a slot holds a constant other than -0.0, to which 0.0 adds nothing."""
        return slot < 0 and slot != self.minus_zero

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
            for k in range(8, whole, 8):
                parts = self.each("add", parts, x[k : k + 8])
        while len(parts) > 1:
            parts = self.each("add", parts[::2], parts[1::2])
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
        if x.ndim == y.ndim == 2:
            if x.size * y.shape[1] <= FEW:
                return self._small_product(x, y)
            if _without_constants(x) and _without_constants(y):
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

    def _small_product(self, x: ndarray, y: ndarray) -> ndarray:
        """The product of small matrices: the same operations, one by one."""
        n, m = len(x), y.shape[1]
        total = [self.zero] * (n * m)
        for column, row in zip(x.T.tolist(), y.tolist(), strict=True):
            parts = self.each("mul", [a for a in column for _ in row], row * n)
            total = self.each("add", total, parts)
        return np.array(total, np.int64).reshape(n, m)

    def _plain_product(self, x: ndarray, y: ndarray) -> ndarray:
        """The product of matrices without constants: the same operations, all at once."""
        (n, inner), m = x.shape, y.shape[1]
        each = n * m
        rows = np.zeros((inner, 2, n, m, 4), np.int64)
        rows[:, 0, ..., 0], rows[:, 1, ..., 0] = CODE["mul"], CODE["add"]
        rows[:, 0, ..., 1] = x.T[:, :, None]
        rows[:, 0, ..., 2] = y[:, None, :]
        slots = np.arange(self.next, self.next + 2 * inner * each).reshape(inner, 2, n, m)
        rows[0, 1, ..., 1], rows[1:, 1, ..., 1] = self.zero, slots[:-1, 1]
        rows[:, 1, ..., 2] = slots[:, 0]
        self.extend(rows.reshape(-1, 4))
        return slots[-1, 1]

    def finish(self, outputs: Sequence[Slots]) -> FinishedTape:
        """The operations that outputs and tests need, in final numbers."""
        return FinishedTape(self, outputs)


class Lowering(Protocol):
    """The part of a lowering that is used here."""

    tape: Tape
    at: int

    def given(self, a: Any, leaves: list[Any]) -> Slots:
        """The slots of an operand in a template."""

    def gathered(self, function: Any, args: Any, kwargs: Any, leaves: Any) -> Slots:
        """A function that copies elements, or puts zeros, run on the numbers of elements."""

    def test(self, name: str, node: int, *operands: int) -> None:
        """An operation that stops the replay where it does not hold."""


class FinishedTape:
    """A tape in arrays: `codes`, `operands` of shape (3, n), and `outputs` in final slots.

    Slots below `inputs` are inputs, those below `first` constants with these `values`.
    """

    def __init__(self, tape: Tape, outputs: Sequence[Slots]) -> None:
        rows = np.frombuffer(tape.rows, np.int64).reshape(-1, 4).T.copy()
        codes, operands = rows[0], rows[1:]
        arity, start, count = ARITY[codes], tape.inputs, len(codes)
        kept = np.flatnonzero(_needed(start, operands, arity, outputs, list(tape.tests)))
        self.inputs, self.values = start, np.array(tape.values)
        self.first = start + len(self.values)
        # The final slots, by the slots of a tape: those of constants count from the end.
        numbers = np.full(self.first + count, -1)
        numbers[:start] = np.arange(start)
        numbers[start + kept] = self.first + np.arange(len(kept))
        numbers[start + count :] = np.arange(start, self.first)[::-1]
        self.codes = codes[kept]
        self.arity = arity[kept]
        self.operands = numbers[operands[:, kept]]
        for k in (1, 2):
            self.operands[k][self.arity <= k] = 0
        self.outputs = [np.asarray(numbers[out]) for out in outputs]
        self.tests = {
            int(numbers[start + place]) - self.first: node for place, node in tape.tests.items()
        }

    def __len__(self) -> int:
        return len(self.codes)
