"""NumPy's functions that native code knows, and how they are called."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from ..core.primitive import PRIMITIVES
from .nodes import Hole, identity

UFUNCS = {
    np.negative: "neg", np.add: "add", np.subtract: "sub", np.multiply: "mul", np.divide: "div",
    np.less: "lt", np.less_equal: "le", np.greater: "gt", np.greater_equal: "ge",
    np.equal: "eq", np.not_equal: "ne", np.logical_not: "not", np.logical_and: "and",
    np.logical_or: "or", np.logical_xor: "xor", np.maximum: "max", np.minimum: "min",
    np.sin: "sin", np.cos: "cos", np.tan: "tan", np.exp: "exp", np.log: "log", np.sqrt: "sqrt",
    np.tanh: "tanh", np.absolute: "abs", np.fabs: "abs", np.sign: "sign", np.square: "square",
    np.arctan: "arctan", np.arcsin: "arcsin", np.arccos: "arccos", np.sinh: "sinh",
    np.cosh: "cosh", np.log1p: "log1p", np.expm1: "expm1", np.arctan2: "arctan2",
    np.hypot: "hypot", np.log2: "log2", np.log10: "log10", np.exp2: "exp2", np.cbrt: "cbrt",
    np.floor: "floor", np.ceil: "ceil", np.rint: "rint", np.trunc: "trunc", np.isnan: "isnan",
    np.copysign: "copysign", np.arcsinh: "arcsinh", np.arccosh: "arccosh",
    np.arctanh: "arctanh", np.fmod: "fmod",
    operator.neg: "neg", operator.add: "add", operator.sub: "sub", operator.mul: "mul",
    operator.truediv: "div", operator.lt: "lt", operator.le: "le", operator.gt: "gt",
    operator.ge: "ge", operator.eq: "eq", operator.ne: "ne", operator.abs: "abs",
}  # fmt: skip
NUMBERS = (float, np.float64)
# Operations that mean the same for truth values.
ON_TRUTHS = ("not", "and", "or", "xor", "eq", "ne", "lt", "le", "gt", "ge", "max", "min")
QUICK = {
    f: name
    for f, name in UFUNCS.items()
    if name in ("add", "sub", "mul", "div", "neg", "sin", "cos")
}
# On truth values alone.
LOGIC = {
    operator.and_: "and", operator.or_: "or", operator.xor: "xor", operator.invert: "not",
    np.bitwise_and: "and", np.bitwise_or: "or", np.bitwise_xor: "xor", np.invert: "not",
}  # fmt: skip
POWERS = (operator.pow, np.power)
# Functions whose first operand is data, and which move it.
MOVERS = (
    np.reshape, np.transpose, np.broadcast_to, np.concatenate, np.stack, np.expand_dims,
    np.squeeze, np.ravel, np.moveaxis, np.swapaxes, np.flip, np.roll, np.take, np.repeat, np.tile,
    np.diagonal, np.vstack, np.hstack, np.rot90, np.copy, np.matrix_transpose, np.split,
    np.array_split, operator.getitem, np.atleast_1d, np.atleast_2d, identity, np.real, np.conj,
    np.conjugate, np.positive, operator.pos,
)  # fmt: skip
MOVING_METHODS = frozenset(
    ("reshape", "transpose", "ravel", "flatten", "copy", "squeeze", "swapaxes", "repeat",
     "diagonal", "take")
)  # fmt: skip


def labelled(args: Any) -> tuple[list[tuple[Any, Any]], Any]:
    """The labels and operands of an einsum, and the labels of its result, or None."""
    if type(args[0]) is str:
        inputs, arrow, end = args[0].replace(" ", "").partition("->")
        pairs = list(zip(map(_letters, inputs.split(",")), args[1:], strict=True))
        return pairs, _letters(end) if arrow else None
    return list(zip(args[1::2], args[::2], strict=False)), args[-1] if len(args) % 2 else None


def _letters(text: str) -> list[Any]:
    """The labels of one operand, with `Ellipsis` for dots."""
    return [Ellipsis if c == "." else c for c in text.replace("...", ".")]


def spelled(names: list[Any], rest: int) -> list[Any]:
    """Labels with `rest` more, counted from the right, in place of an ellipsis."""
    if Ellipsis not in names:
        return names
    at = names.index(Ellipsis)
    return [*names[:at], *(("rest", k) for k in range(rest, 0, -1)), *names[at + 1 :]]


def has_holes(tree: Any) -> bool:
    """Whether a template has holes."""
    if isinstance(tree, (list, tuple)):
        return any(map(has_holes, tree))
    if type(tree) is dict:
        return any(map(has_holes, tree.values()))
    if type(tree) is slice:
        return any(map(has_holes, (tree.start, tree.stop, tree.step)))
    return type(tree) is Hole


@functools.lru_cache(maxsize=1)
def primitives(count: int) -> dict[Any, Any]:
    """The primitives by their functions."""
    return {p.fn: p for p in PRIMITIVES}
