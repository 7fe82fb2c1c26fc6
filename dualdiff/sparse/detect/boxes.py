"""Boxes of a search for a pattern, and what the program may learn from them.

A comparison of traced arrays gives a `Fact`. As long as it only chooses between traced elements
(``np.where``, ``mask * x``) the pattern holds for other arguments too, since what is chosen from
counts in full. Where the plain truth values leave for the program, which may branch on them or
select by them, the pattern is local.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.box import Box, is_box, plain, seen
from ...array.dispatch import dispatch_function
from ...core.trace import Traced

Compare = Callable[[Any, Any], Any]
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_LOGICAL = ("and", "or", "xor")
_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_UNARY = ("neg", "pos", "abs")
_LOGICAL_UFUNCS = frozenset(
    (np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.bitwise_and, np.bitwise_or,
     np.bitwise_xor, np.invert, np.equal, np.not_equal)
)  # fmt: skip
_CHOOSE = frozenset((np.where, np.select, np.shape, np.ndim, np.size))


def _verdict(op: Compare) -> Any:
    def compare(self: Dependent, other: Any) -> Any:
        ans = op(plain(self), plain(other))
        return self.scope.fact(ans) if type(ans) is ndarray else op(seen(self), plain(other))

    return compare


class Dependent(Traced):
    """A value and what it depends on: a `Pattern`, or for a scalar a set of columns."""

    __slots__ = ()
    __hash__ = Box.__hash__


for _name in _COMPARISONS:
    setattr(Dependent, f"__{_name}__", _verdict(getattr(operator, _name)))


class Fact(Dependent):
    """Truth values or integers that follow from traced values; nothing depends on them smoothly.

    To whatever is no choice between traced elements they are plain values, and the trace is told.
    """

    __slots__ = ()

    @property
    def __array__(self) -> Any:
        return self._leave

    def _leave(self, dtype: Any = None, copy: Any = None) -> ndarray:
        return np.array(seen(self), dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        # The zeros of a constant factor of a product of matrices are taken for structural ones.
        look = _value if ufunc.signature is None else _left
        values = [look(x) for x in inputs]
        traced = any(map(is_box, values))
        if ufunc in _LOGICAL_UFUNCS and method == "__call__" and not kwargs and not traced:
            ans = ufunc(*values)
            return self.scope.fact(ans) if type(ans) is ndarray else ufunc(*map(_left, inputs))
        if not traced or method != "__call__" or kwargs:
            values = [_left(x) for x in inputs]
            kwargs = {k: _left(v) for k, v in kwargs.items()}
        return getattr(ufunc, method)(*values, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in _CHOOSE:
            return dispatch_function(func, args, kwargs)
        return func(*map(_left, args), **{k: _left(v) for k, v in kwargs.items()})

    def __int__(self) -> int:
        return int(seen(self))

    def __float__(self) -> float:
        return float(seen(self))

    def __complex__(self) -> complex:
        return complex(seen(self))

    def __index__(self) -> int:
        return operator.index(seen(self))

    def __invert__(self) -> Any:
        return self.__array_ufunc__(np.invert, "__call__", self)

    def __getitem__(self, index: Any) -> Any:
        ans = plain(self)[_left(index)]
        return self.scope.fact(ans) if type(ans) is ndarray else seen(self)[_left(index)]

    def __setitem__(self, index: Any, v: Any) -> None:
        self.value[_left(index)] = _left(v)

    def __getattribute__(self, name: str) -> Any:
        # The methods of arrays: those of the plain value.
        if name in _METHODS:
            return getattr(seen(self), name)
        return super().__getattribute__(name)


_METHODS = frozenset(
    name for name, member in vars(ndarray).items() if callable(member) and not name.startswith("__")
)


def _value(x: Any) -> Any:
    """A fact as the plain constant that it is to traced elements; everything else as it is."""
    return plain(x) if type(x) is Fact else x


def _left(x: Any) -> Any:
    """A fact as a plain value that the program has seen, also in lists and tuples."""
    if type(x) in (list, tuple):
        return type(x)(map(_left, x))
    return seen(x) if type(x) is Fact else x


def _binary(op: Compare, ufunc: Any, reflected: bool) -> Any:
    def apply(self: Fact, other: Any) -> Any:
        if ufunc in _LOGICAL_UFUNCS and (type(other) is Fact or not is_box(other)):
            pair = (other, self) if reflected else (self, other)
            return self.__array_ufunc__(ufunc, "__call__", *pair)
        elementwise = is_box(other) and type(other) is not Fact and ufunc is not np.matmul
        look = _value if elementwise else _left
        a, b = look(self), look(other)
        return op(b, a) if reflected else op(a, b)

    return apply


def _in_place(op: Compare) -> Any:
    def apply(self: Fact, other: Any) -> Any:
        ans = op(self, other)
        if is_box(ans) or self.ndim == 0:
            return ans
        self.value[...] = ans
        return self

    return apply


_UFUNCS = {
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "matmul": np.matmul,
}  # fmt: skip
for _name in (*_LOGICAL, *_ARITHMETIC):
    _op = getattr(operator, f"{_name}_" if _name in ("and", "or") else _name)
    setattr(Fact, f"__{_name}__", _binary(_op, _UFUNCS.get(_name), False))
    setattr(Fact, f"__r{_name}__", _binary(_op, _UFUNCS.get(_name), True))
    setattr(Fact, f"__i{_name}__", _in_place(_op))


def _unary(op: Callable[[Any], Any]) -> Any:
    return lambda self: op(seen(self))


for _name in _UNARY:
    setattr(Fact, f"__{_name}__", _unary(getattr(operator, _name)))
