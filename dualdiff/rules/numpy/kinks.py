"""Roots at 0: the second derivative there, and points beside it.

The first derivative of a norm at 0 counts as 0, and a function of it may be smooth, such as its
square. Its second derivative is a limit, which rules cannot see: they give NaN (`kink`). Operators
then run the function at points beside 0, where the rules hold (`beside`), and compare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from ...array.box import is_box, unbox
from ...array.kinds import possibly
from ...array.layout import in_layout, layout_of
from ...core.batch import dtype_of, shape_of
from ...core.primitive import Primitive
from ...core.types import Value
from ..declare import elementwise

Operands = Sequence[Any]
# For each primitive with a kink where a root is 0: operands beside the kink, from the operands, the
# parameters, and a function that makes small numbers, or their squares, of a shape and dtype.
_BESIDE: dict[Primitive, Callable[..., Operands]] = {}


def _nothing(x: Value, y: Any) -> Any:
    return np.zeros(shape_of(x), np.finfo(dtype_of(x)).dtype)[()]


def _jump(y: Any) -> Any:
    return np.where(y, np.nan, 0.0)


# A term of value 0, whose derivative is NaN where the other operand is true.
kink_p = elementwise(_nothing, _jump, 0, name="kink")


def kink(factor: Any, x: Value, at: Any) -> Any:
    """A derivative that jumps at the places `at`, as a function of x: NaN if it is derived."""
    return factor + kink_p(x, at) if is_box(x) and possibly(at) else factor


corner_p = elementwise(_nothing, lambda x, y: kink(0.0, x, y), 0, name="corner")


def corner(x: Value, at: Any) -> Any:
    """``x``, whose second derivative does not exist at the places `at`: NaN."""
    return x + corner_p(x, at) if is_box(x) and possibly(at) else x


class Step:
    """The distance from a kink, and random directions, the same ones for the same shape.

    Arguments: `size`; `seed` of the directions; `sign`, which is -1 for the opposite ones.
    """

    def __init__(self, size: float, seed: int, sign: int = 1) -> None:
        self.size = size
        self.seed = seed
        self.sign = sign
        self.taken = 0

    def of(self, dtype: np.dtype[Any]) -> float:
        """The distance for numbers of a dtype, whose square and cube must be normal numbers."""
        return max(self.size, float(np.finfo(dtype).tiny) ** 0.25)

    def along(self, x: Value, at: Any) -> Any:
        """``x`` moved along random directions at the places `at`."""
        dtype, shape = dtype_of(x), np.broadcast_shapes(shape_of(x), np.shape(at))
        rng = np.random.default_rng(self.seed)
        move = self.sign * rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
        if dtype.kind == "c":
            move = move * np.exp(1j * rng.uniform(0.5, 1.0, shape))
        self.taken += 1
        return x + _laid_out(np.where(at, self.of(dtype) * move, 0).astype(dtype), x)

    def up(self, x: Value, at: Any) -> Any:
        """``x`` plus a square at the places `at`."""
        dtype = dtype_of(x)
        self.taken += 1
        move = self.of(dtype) * np.random.default_rng(self.seed).uniform(0.5, 1.5, np.shape(at))
        return x + _laid_out(np.where(at, move * move, 0).astype(dtype), x)


def _laid_out(move: Any, x: Value) -> Any:
    """A move in the memory layout of x, on which it depends what is a view of the sum."""
    x = unbox(x)
    if type(x) is not np.ndarray or x.shape != move.shape:
        return move
    return in_layout(move, layout_of(x), ())


def beside(*prims: Primitive) -> Callable[[Callable[..., Operands]], Callable[..., Operands]]:
    """Declare how operands of primitives move away from their kink."""

    def declare(move: Callable[..., Operands]) -> Callable[..., Operands]:
        for prim in prims:
            _BESIDE[prim] = move
        return move

    return declare


step_taken: ContextVar[Step | None] = ContextVar("dualdiff_step", default=None)


def moved(prim: Primitive, operands: Operands, params: dict[str, Any]) -> Operands:
    """The operands of a primitive, beside its kink if a step is taken and they are at it."""
    step = step_taken.get()
    if step is None or prim not in _BESIDE:
        return operands
    return _BESIDE[prim](step, *operands, **params)


def move_zeros(step: Step, *operands: Any) -> Operands:
    """Operands where all of them are 0, moved along random directions."""
    zero: Any = True
    for x in operands:
        zero = zero & (unbox(x) == 0)
    return [step.along(x, zero) for x in operands] if np.any(zero) else operands


def lift_zeros(step: Step, x: Value, *rest: Any, **params: Any) -> Operands:
    """The first operand plus small squares where it is 0."""
    zero = unbox(x) == 0
    return [step.up(x, zero) if np.any(zero) else x, *rest]
