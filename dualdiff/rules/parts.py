"""The contribution of one operand to a derivative, as text."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# The slope of a number that an entry keeps.
SLOPE_OF_NUMBERS = """
try:
    {slope} = {own}
except (ArithmeticError, ValueError):
    {slope} = by_numpy({derivative}, {listed})
"""
# The derivative of a number: where Python raises, as for 1 / 0.0, NumPy gives an infinity or NaN.
OF_NUMBERS = """
if {are}:
    try:
        d = {own}
    except (ArithmeticError, ValueError):
        d = {converted}
else:
    d = {call}
"""


def names_of(formula: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a formula's parameters; of a universal function's, that of the first operand."""
    return ("x",) if type(formula) is np.ufunc else tuple(inspect.signature(formula).parameters)


def is_variadic(fn: Callable[..., Any]) -> bool:
    """Whether a primal takes any number of operands."""
    if not inspect.isfunction(fn):
        return False
    kinds = (p.kind for p in inspect.signature(fn).parameters.values())
    return any(kind is inspect.Parameter.VAR_POSITIONAL for kind in kinds)


class Part(NamedTuple):
    """The contribution of one operand, as text: `jvp` of a tangent ``{t}``, `vjp` of a cotangent.

    `names` are its residuals, and `first` is computed from them first. `floats` is the same for a
    number of type float or float64 without floating-point errors, or None. `fresh` says that the
    contribution is a new array, `quiet` that it raises no floating-point error. `slope` is the
    derivative of a number, computed from `slope_first` without floating-point errors, or None.
    """

    jvp: str
    vjp: str
    names: tuple[str, ...]
    first: str = ""
    floats: str | None = None
    fresh: bool = False
    quiet: bool = False
    slope: str | None = None
    slope_first: str = ""


def elementwise_part(letter: str, derivative: Any, silent: bool, has_own: bool = False) -> Part:
    """``{t} * derivative``; a large derivative that was just made is written over.

    `has_own` says that numbers in double precision have a formula of their own.
    """
    if isinstance(derivative, str):
        text = f"{{t}} * {derivative}"
        product = f"times({{t}}, {derivative})"
        return Part(text, text, (derivative,), "", product, fresh=True, slope=derivative)
    if callable(derivative):
        names = names_of(derivative)
        listed = ", ".join(names)
        small = "{t} * d if type(d) is not ndarray or d.size <= LARGE"
        text, call = f"{small} else times_over({{t}}, d, {listed})", f"d{letter}({listed})"
        floats = f"times({{t}}, {call})" if silent else None
        slope: str | None = call if silent else None
        first, slope_first = f"d = {call}", ""
        if has_own:
            slope, own = f"slope_{letter}", f"n{letter}({listed})"
            slope_first = SLOPE_OF_NUMBERS.format(
                slope=slope, own=own, derivative=f"d{letter}", listed=listed
            )
            are = " and ".join(f"type({name}) in FLOATS" for name in names)
            converted = ", ".join(f"as_numpy({name})" for name in names)
            first = OF_NUMBERS.format(
                are=are, own=own, converted=f"d{letter}({converted})", call=call
            )
        return Part(text, text, names, first, floats, True, False, slope, slope_first)
    if derivative in (1, -1):
        text = "{t}" if derivative == 1 else "-{t}"
        return Part(text, text, (), "", text, quiet=True, slope=str(float(derivative)))
    text = f"times_constant({{t}}, d{letter})"
    return Part(text, text, ())
