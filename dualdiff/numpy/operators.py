"""Python's operators on traced arrays."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ..core.arrays import assign_whole
from ..core.boxes import attach, plain
from . import ufuncs

Binary = Callable[[Any, Any], Any]


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
    return operator.floordiv(plain(x), plain(y))


def _divmod(x: Any, y: Any) -> tuple[Any, Any]:
    return _floor_divide(x, y), ufuncs.remainder.operator(x, y)


def _matmul(x: Any, y: Any) -> Any:
    return np.matmul(x, y)


def _round(self: Any, ndigits: int | None = None) -> Any:
    return round(plain(self), ndigits) if ndigits is not None else round(plain(self))


def _binary(name: str, op: Binary) -> dict[str, Any]:
    return {
        f"__{name}__": op,
        f"__r{name}__": _reflected(op),
        f"__i{name}__": _in_place(op),
    }


attach(
    **_binary("add", ufuncs.add.operator),
    **_binary("sub", ufuncs.subtract.operator),
    **_binary("mul", ufuncs.multiply.operator),
    **_binary("truediv", ufuncs.divide.operator),
    **_binary("pow", ufuncs.power.operator),
    **_binary("mod", ufuncs.remainder.operator),
    **_binary("floordiv", _floor_divide),
    **_binary("matmul", _matmul),
    __divmod__=_divmod,
    __rdivmod__=_reflected(_divmod),
    __neg__=ufuncs.negative.operator,
    __pos__=ufuncs.positive.operator,
    __abs__=ufuncs.absolute.operator,
    __round__=_round,
    __floor__=lambda self: np.floor(plain(self)),
    __ceil__=lambda self: np.ceil(plain(self)),
    __trunc__=lambda self: np.trunc(plain(self)),
)
