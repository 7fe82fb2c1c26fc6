"""The least that reverse mode costs in Python: a tape by hand for programs of numbers alone.

It knows no arrays, no dtypes, no second derivatives, no levels and no errors. No differentiation
of unchanged programs in Python is faster, since each operation is at least one call of a method.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

_TAPE: list[tuple[int, float, int, float]] = []  # both operands, with the partial derivatives


class Number:
    """A number with its place on the tape."""

    __slots__ = ("place", "value")

    def __add__(self, other: Any) -> Number:
        if type(other) is Number:
            return _noted(self.value + other.value, self.place, 1.0, other.place, 1.0)
        return _noted(self.value + other, self.place, 1.0, 0, 0.0)

    def __sub__(self, other: Any) -> Number:
        if type(other) is Number:
            return _noted(self.value - other.value, self.place, 1.0, other.place, -1.0)
        return _noted(self.value - other, self.place, 1.0, 0, 0.0)

    def __rsub__(self, other: Any) -> Number:
        return _noted(other - self.value, self.place, -1.0, 0, 0.0)

    def __mul__(self, other: Any) -> Number:
        a = self.value
        if type(other) is Number:
            return _noted(a * other.value, self.place, other.value, other.place, a)
        return _noted(a * other, self.place, other, 0, 0.0)

    def __truediv__(self, other: Any) -> Number:
        if type(other) is Number:
            ratio = self.value / other.value
            return _noted(ratio, self.place, 1.0 / other.value, other.place, -ratio / other.value)
        return _noted(self.value / other, self.place, 1.0 / other, 0, 0.0)

    def __rtruediv__(self, other: Any) -> Number:
        ratio = other / self.value
        return _noted(ratio, self.place, -ratio / self.value, 0, 0.0)

    def __pow__(self, power: float) -> Number:
        slope = power * self.value ** (power - 1)
        return _noted(self.value**power, self.place, slope, 0, 0.0)

    def __neg__(self) -> Number:
        return _noted(-self.value, self.place, -1.0, 0, 0.0)

    __radd__, __rmul__ = __add__, __mul__


def _noted(value: float, a: int, da: float, b: int, db: float) -> Number:
    made = Number()
    made.value, made.place = value, len(_TAPE)
    _TAPE.append((a, da, b, db))
    return made


def _function(function: Callable[[float], float], slope: Callable[[float, float], float]) -> Any:
    def call(x: Any) -> Any:
        if type(x) is not Number:
            return function(x)
        value = function(x.value)
        return _noted(value, x.place, slope(x.value, value), 0, 0.0)

    return call


def _atan2(y: Number, x: Number) -> Number:
    square = x.value**2 + y.value**2
    value = math.atan2(y.value, x.value)
    return _noted(value, y.place, x.value / square, x.place, -y.value / square)


MATH = SimpleNamespace(
    sin=_function(math.sin, lambda x, y: math.cos(x)),
    cos=_function(math.cos, lambda x, y: -math.sin(x)),
    exp=_function(math.exp, lambda x, y: y),
    log=_function(math.log, lambda x, y: 1.0 / x),
    sqrt=_function(math.sqrt, lambda x, y: 0.5 / y),
    atan2=_atan2,
)


def grad(f: Callable[[Any], Any]) -> Callable[[float], float]:
    """The derivative of a function of one number, which uses the functions in `MATH`."""

    def derivative(x: float) -> float:
        _TAPE[:] = [(0, 0.0, 0, 0.0)]  # where constants have their place
        result = f(_noted(x, 0, 0.0, 0, 0.0))
        slots = [0.0] * len(_TAPE)
        slots[result.place] = 1.0
        for place in range(len(_TAPE) - 1, 1, -1):
            g = slots[place]
            a, da, b, db = _TAPE[place]
            slots[a] += g * da
            slots[b] += g * db
        return slots[1]

    return derivative
