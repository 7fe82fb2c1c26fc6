"""Derivatives that are not known: in operands that are integers, and beside a value that is NaN."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....array.box import is_box, unbox
from ....core.batch import contains_nan
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...declare import OPERANDS, Derivative, elementwise

Function = Callable[..., Any]


def with_names(function: Function, names: Sequence[str]) -> Function:
    """`function` with a signature of the given names, which name its residuals."""

    def named(*given: Any, **rest: Any) -> Any:
        return function(*given, *(rest[n] for n in names[len(given) :]))

    parameters = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names]
    named.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return named


def formula(n: int, function: Function, ans: bool = False) -> Function:
    """A function of n operands (and of the result) as a derivative that names them."""
    return with_names(function, (*OPERANDS[:n], *(("ans",) if ans else ())))


def declared(values: Function, *derivatives: Derivative, name: str) -> Any:
    """A primitive from a function of plain numbers that SciPy does not have."""

    def fn(*args: Any) -> Any:
        return primitive(*args) if any(map(is_box, args)) else values(*args)

    guarded = [nan_with_value(d) if callable(d) else d for d in derivatives]
    primitive = elementwise(fn, *guarded, name=name)
    return primitive


def of_integers(ufunc: Any, primitive: Any) -> Function:
    """The call of a primitive whose operands without a derivative are integers.

    An operand whose tangent is 0 may be traced, if SciPy takes an integer as a float.
    """
    name = f"scipy.special.{ufunc.__name__}"
    primitive.missing = lambda direction, i, x: integer_error(name, i)
    strict = [i for i in range(ufunc.nin) if all(kinds[i] in "lq" for kinds in ufunc.types)]

    def call(*args: Any) -> Any:
        for i in strict:
            if i < len(args) and is_box(args[i]):
                raise integer_error(name, i)
        return primitive.bind(*args)

    return call if strict else primitive.bind


def integer_error(name: str, i: int) -> UnsupportedInputError:
    """The error for a traced order or degree that only integers make sense for."""
    return UnsupportedInputError(
        f"argument {i} of {name} is an integer: there is no derivative in it, {user_line()}; pass "
        f"dualdiff.value_of(n), which counts it as constant"
    )


def nan_with_value(derivative: Function) -> Function:
    """The same derivative, and NaN where the value is NaN."""
    given = list(inspect.signature(derivative).parameters)
    names = [*(n for n in given if n != "ans"), "ans"]
    in_order = given == names[: len(given)]

    def slope(*args: Any) -> Any:
        if in_order:
            return derivative(*args[: len(given)])
        known = dict(zip(names, args, strict=True))
        return derivative(*(known[n] for n in given))

    def guarded(*args: Any) -> Any:
        value = unbox(args[-1])
        if not contains_nan(value):
            return slope(*args)
        outside = np.isnan(value)
        return elsewhere(outside, slope, *args) + lost(outside, args[-1])

    return with_names(guarded, names)


def elsewhere(outside: Any, slope: Function, *args: Any) -> Any:
    """A formula where the mask does not hold; it does not see the other arguments."""
    if outside.all():
        return 0.0
    at = np.flatnonzero(~outside)[0]
    fills = (np.broadcast_to(unbox(a), outside.shape).flat[at] for a in args)
    return slope(*(np.where(outside, fill, a) for fill, a in zip(fills, args, strict=True)))


def _lost_values(mask: Any, like: Any) -> Any:
    nan = complex(np.nan, np.nan) if np.iscomplexobj(like) else np.nan
    return np.where(mask, nan, np.zeros(np.shape(like)))[()]


_lost: Any = declared(
    _lost_values,
    None,
    lambda x, y: _lost(x, y),
    name="special.lost",
)


def lost(mask: Any, *args: Value) -> Any:
    """NaN where the mask holds, else 0, as are all derivatives in the arguments."""
    return _lost(np.asarray(mask, float), sum(args))


# 0, whose derivative is not known.
jump: Any = declared(
    lambda x: np.zeros(np.shape(x))[()],
    lambda x: np.full(np.shape(x), np.nan)[()],
    name="special.jump",
)
