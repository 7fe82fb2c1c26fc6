"""Python's operators on traced arrays."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.box import attach, plain, seen
from ...array.dispatch import find_function, no_rule
from ...array.views import assign
from ...core.dual import Dual
from ...errors import UnsupportedInputError, user_line
from ..fast import dual_operator
from . import products, ufuncs

Binary = Callable[[Any, Any], Any]


def assign_whole(box: Any, new: Any) -> Any:
    """What ``box += v`` does to an array once ``box + v`` is known; returns the box."""
    shape = np.shape(new)
    if shape != box.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {box.shape} doesn't match the "
            f"broadcast shape {shape}"
        )
    if not np.can_cast(new.dtype, box.dtype, "same_kind"):
        raise UnsupportedInputError(
            f"cannot assign {new.dtype} values to an array of {box.dtype} in place, {user_line()}; "
            f"write `x = x + y` for `x += y`."
        )
    assign(box, Ellipsis, new)
    return box


def _reflected(op: Binary) -> Binary:
    def reflected(self: Any, other: Any) -> Any:
        return op(other, self)

    return reflected


def _in_place(op: Binary) -> Binary:
    def in_place(self: Any, other: Any) -> Any:
        new = op(self, other)
        return assign_whole(self, new) if type(plain(self)) is ndarray else new

    return in_place


def _floor_divide(x: Any, y: Any) -> Any:
    return operator.floordiv(seen(x), seen(y))


def _divmod(x: Any, y: Any) -> tuple[Any, Any]:
    return _floor_divide(x, y), ufuncs.remainder.operator(x, y)


def _matmul(x: Any, y: Any) -> Any:
    for operand in (x, y):
        kind = type(operand)
        if kind is not ndarray and kind.__module__.startswith("scipy."):
            found = find_function(kind.__matmul__)
            if found is None:
                raise no_rule(f"{kind.__module__}.{kind.__name__}.__matmul__", (x, y))
            return found(x, y)
    return products.matmul_p.bind(x, y)


def _on_value(op: Callable[..., Any]) -> Callable[..., Any]:
    """`round` and the like have derivative zero, and give what they give on the value."""

    def on_value(self: Any, *args: Any) -> Any:
        return op(seen(self), *args)

    return on_value


def _on_values(op: Binary) -> Binary:
    def on_values(x: Any, y: Any) -> Any:
        return op(seen(x), seen(y))

    return on_values


def _binary(name: str, op: Binary) -> dict[str, Any]:
    return {
        f"__{name}__": op,
        f"__r{name}__": _reflected(op),
        f"__i{name}__": _in_place(op),
    }


for _name, _operator, _prim in (
    ("add", operator.add, ufuncs.add),
    ("sub", operator.sub, ufuncs.subtract),
    ("mul", operator.mul, ufuncs.multiply),
):
    setattr(Dual, f"__{_name}__", dual_operator(_operator, _prim, left=True))
    setattr(Dual, f"__r{_name}__", dual_operator(_operator, _prim, left=False))

attach(
    **_binary("add", ufuncs.add.operator),
    **_binary("sub", ufuncs.subtract.operator),
    **_binary("mul", ufuncs.multiply.operator),
    **_binary("truediv", ufuncs.divide.operator),
    **_binary("pow", ufuncs.power.operator),
    **_binary("mod", ufuncs.remainder.operator),
    **_binary("floordiv", _floor_divide),
    **_binary("matmul", _matmul),
    **_binary("and", _on_values(operator.and_)),
    **_binary("or", _on_values(operator.or_)),
    **_binary("xor", _on_values(operator.xor)),
    **_binary("lshift", _on_values(operator.lshift)),
    **_binary("rshift", _on_values(operator.rshift)),
    __invert__=_on_value(operator.invert),
    __divmod__=_divmod,
    __rdivmod__=_reflected(_divmod),
    __neg__=ufuncs.negative.operator,
    __pos__=ufuncs.positive.operator,
    __abs__=ufuncs.absolute.operator,
    __round__=_on_value(round),
    __floor__=_on_value(math.floor),
    __ceil__=_on_value(math.ceil),
    __trunc__=_on_value(math.trunc),
)
