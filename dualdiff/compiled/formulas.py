"""Elementwise functions without an instruction of their own, written out on scalar tapes."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..rules.numpy.selection import CLIP
from .tape import Slots, Tape

_DEGREE = np.pi / 180


def _times(factor: float) -> Callable[..., Slots]:
    return lambda t, x: t.apply("mul", x, t.constant(factor))


def _share(t: Tape, x: Slots, y: Slots, exp: str = "exp") -> Slots:
    size = t.apply(exp, t.apply("neg", t.apply("sub", x, y)))
    return t.apply("div", t.one, t.apply("add", t.one, size))


def _sech_squared(t: Tape, x: Slots) -> Slots:
    s = t.apply("div", t.one, t.apply("cosh", x))
    return t.apply("mul", s, s)


def _logaddexp(t: Tape, x: Slots, y: Slots, exp: str = "exp", scale: float = 1.0) -> Slots:
    """The larger operand, and the logarithm of 1 + the exponential of minus the distance."""
    distance = t.apply("where", t.apply("eq", x, y), t.zero, t.apply("sub", x, y))
    rest = t.apply("log1p", t.apply(exp, t.apply("neg", t.apply("abs", distance))))
    return t.apply("add", t.apply("max", x, y), t.apply("mul", t.constant(scale), rest))


def _is_finite(t: Tape, x: Slots) -> Slots:
    return t.apply("eq", t.apply("sub", x, x), t.zero)


def _is_infinite(t: Tape, x: Slots) -> Slots:
    return t.apply("eq", t.apply("abs", x), t.constant(np.inf))


def _sign_bit(t: Tape, x: Slots) -> Slots:
    return t.apply("lt", t.apply("copysign", t.one, x), t.zero)


def _without_nan(t: Tape, x: Slots, y: Slots, name: str) -> Slots:
    """An extremum for which a NaN loses."""
    best = t.apply("where", t.apply("isnan", y), x, t.apply(name, x, y))
    return t.apply("where", t.apply("isnan", x), y, best)


def _heaviside(t: Tape, x: Slots, at_zero: Slots) -> Slots:
    step = t.apply("where", t.apply("lt", x, t.zero), t.zero, t.one)
    step = t.apply("where", t.apply("eq", x, t.zero), at_zero, step)
    return t.apply("where", t.apply("isnan", x), x, step)


def _clip(t: Tape, x: Slots, low: Slots, high: Slots) -> Slots:
    return t.apply("min", t.apply("max", x, low), high)


def _remainder(t: Tape, x: Slots, y: Slots) -> Slots:
    """The remainder with the sign of the divisor, as NumPy and Python compute it."""
    rest = t.apply("fmod", x, y)
    is_other = t.apply("xor", t.apply("lt", y, t.zero), t.apply("lt", rest, t.zero))
    moved = t.apply("where", is_other, t.apply("add", rest, y), rest)
    is_zero = t.apply("eq", rest, t.zero)
    return t.apply("where", is_zero, t.apply("copysign", t.zero, y), moved)


def _floor_divide(t: Tape, x: Slots, y: Slots) -> Slots:
    """The rounded quotient without its remainder, as NumPy and Python compute it."""
    rest = t.apply("fmod", x, y)
    quotient = t.apply("div", t.apply("sub", x, rest), y)
    is_other = t.apply("xor", t.apply("lt", y, t.zero), t.apply("lt", rest, t.zero))
    is_other = t.apply("and", is_other, t.apply("ne", rest, t.zero))
    quotient = t.apply("where", is_other, t.apply("sub", quotient, t.one), quotient)
    whole = t.apply("floor", quotient)
    above = t.apply("lt", t.constant(0.5), t.apply("sub", quotient, whole))
    whole = t.apply("where", above, t.apply("add", whole, t.one), whole)
    signed = t.apply("copysign", t.zero, t.apply("div", x, y))
    return t.apply("where", t.apply("eq", quotient, t.zero), signed, whole)


# By NumPy's functions, and by the names of primitives whose functions NumPy does not have.
FORMULAS: dict[Any, Callable[..., Slots]] = {
    "sech_squared": _sech_squared,
    "share": _share,
    "share2": functools.partial(_share, exp="exp2"),
    np.logaddexp: _logaddexp,
    np.logaddexp2: functools.partial(_logaddexp, exp="exp2", scale=1 / np.log(2)),
    np.reciprocal: lambda t, x: t.apply("div", t.one, x),
    np.isfinite: _is_finite, np.isinf: _is_infinite, np.signbit: _sign_bit,
    np.fmax: functools.partial(_without_nan, name="max"),
    np.fmin: functools.partial(_without_nan, name="min"),
    np.deg2rad: _times(_DEGREE), np.radians: _times(_DEGREE),
    np.rad2deg: _times(180 / np.pi), np.degrees: _times(180 / np.pi),
    np.heaviside: _heaviside,
    np.float_power: lambda t, x, y: t.apply("pow", x, y),
    CLIP: _clip,
    np.remainder: _remainder, operator.mod: _remainder,
    np.floor_divide: _floor_divide, operator.floordiv: _floor_divide,
}  # fmt: skip
# Functions whose last operand must not be 0: NumPy warns, and Python raises an error.
DIVISIONS = frozenset((np.remainder, operator.mod, np.floor_divide, operator.floordiv, np.fmod))
