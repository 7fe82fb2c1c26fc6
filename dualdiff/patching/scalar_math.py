"""The functions of `math` and `cmath` on traced numbers.

Each first runs on the plain value: it raises the errors that the program would raise, and its
result counts where a derivative is zero.
"""

from __future__ import annotations

import cmath
import functools
import inspect
import math
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..array.box import WATCHERS, observe
from ..array.kinds import FLOATS
from ..core.dual import Dual
from ..core.tape import Var
from ..core.trace import LIVE
from ..core.types import Value
from ..rules.declare import Elementwise
from ..rules.numpy import ufuncs
from ..rules.numpy.common import strip
from ..rules.numpy.creation import contains_box
from .code import number_in

Function = Callable[..., Any]


_NUMBERS = frozenset((float, int))  # the types of arguments that need no look inside


def _special(name: str) -> Function:
    """A function of `scipy.special`, which is imported when it is first called."""

    def call(x: Value) -> Any:
        from scipy import special

        return getattr(special, name)(x)

    return call


def _log(x: Value, *base: Any) -> Any:
    return np.log(x) / np.log(base[0]) if base else np.log(x)


def _norm(parts: list[Any]) -> Any:
    return np.linalg.norm(np.stack(parts)) if parts else 0.0


def _hypot(*parts: Value) -> Any:
    return _norm([*parts])


def _dist(p: Iterable[Any], q: Iterable[Any]) -> Any:
    return _norm([a - b for a, b in zip(p, q, strict=True)])


def _prod(iterable: Iterable[Any], *, start: Any = 1) -> Any:
    return functools.reduce(lambda a, b: a * b, iterable, start)


def _sum(seq: Iterable[Any]) -> Any:
    return functools.reduce(lambda a, b: a + b, seq, 0.0)


def _sumprod(p: Iterable[Any], q: Iterable[Any]) -> Any:
    return _sum(a * b for a, b in zip(p, q, strict=True))


def _ldexp(x: Value, i: int) -> Any:
    return x * 2.0**i


def _frexp(x: Value) -> Any:
    exponent = math.frexp(observe(x))[1]
    return x / 2.0**exponent, exponent


def _modf(x: Value) -> Any:
    whole = math.modf(observe(x))[1]
    return x - whole, whole


def _remainder(x: Value, y: Value) -> Any:
    a, b = float(observe(x)), float(observe(y))
    return x - y * round((a - math.remainder(a, b)) / b)


def _fma(x: Value, y: Value, z: Value) -> Any:
    return x * y + z


_SAME_NAMES = """
acos acosh asin asinh atan atan2 atanh cbrt copysign cos cosh degrees exp exp2 expm1 fmod log10
log1p log2 pow radians sin sinh sqrt tan tanh
"""
_MATH: dict[str, Function] = {
    **{name: getattr(np, name) for name in _SAME_NAMES.split()},
    **{name: _special(name) for name in ("erf", "erfc", "gamma")},
    "lgamma": _special("gammaln"),
    "fabs": np.abs,
    "log": _log,
    "hypot": _hypot,
    "dist": _dist,
    "prod": _prod,
    "fsum": _sum,
    "sumprod": _sumprod,
    "ldexp": _ldexp,
    "frexp": _frexp,
    "modf": _modf,
    "remainder": _remainder,
    "fma": _fma,
}
# The primitives behind these functions; some functions of two operands have one for two alone.
_PRIMITIVES: dict[Any, Any] = {
    **{prim.fn: prim for prim in ufuncs.PRIMITIVES if isinstance(prim, Elementwise)},
    _log: ufuncs.log,
    _hypot: ufuncs.hypot,
}
# Their results are integers or truth values, or do not change with the argument.
_STEPS = ("ceil", "floor", "trunc", "isclose", "isfinite", "isinf", "isnan", "ulp")


def _complex(function: Function) -> Function:
    return lambda x: function(x + 0j)


def _complex_log(x: Value, *base: Any) -> Any:
    return np.log(x + 0j) / np.log(base[0] + 0j) if base else np.log(x + 0j)


def _rect(r: Value, phi: Value) -> Any:
    return r * np.exp(1j * phi)


_COMPLEX_NAMES = "acos acosh asin asinh atan atanh cos cosh exp log10 sin sinh sqrt tan tanh"
_CMATH: dict[str, Function] = {
    **{name: _complex(getattr(np, name)) for name in _COMPLEX_NAMES.split()},
    "log": _complex_log,
    "phase": np.angle,
    "polar": lambda z: (np.abs(z), np.angle(z)),
    "rect": _rect,
}
_COMPLEX_STEPS = ("isclose", "isfinite", "isinf", "isnan")


def _explicit(original: Function, traced: Function | None, args: Any, kwargs: Any) -> Any:
    args = [list(a) if hasattr(type(a), "__next__") else number_in(a) for a in args]
    if not contains_box([*args, *kwargs.values()]):
        return original(*args, **kwargs)
    ans = original(*map(strip, args), **{k: strip(v) for k, v in kwargs.items()})
    return ans if traced is None else traced(*args, **kwargs)


def _of_numbers(original: Function, traced: Function | None) -> tuple[Function | None, int]:
    """What applies a primitive to traced numbers by the function of `math`, and its operands.

    The function of `math` gives the program's own digits, type and errors.
    """
    prim = _PRIMITIVES.get(traced)
    return (None, 0) if prim is None else (prim.bind_to(original), len(prim.derivatives))


def on_traced(original: Function, traced: Function | None) -> Any:
    """A function of numbers that is `original` for plain ones, and does not become a method."""

    of_numbers, count = _of_numbers(original, traced)

    def call(plain: Function, /, *args: Any, **kwargs: Any) -> Any:
        if not LIVE:
            return plain(*args, **kwargs) if kwargs else plain(*args)
        is_traced, are_numbers = False, True
        for x in args:
            kind = type(x)
            if kind not in _NUMBERS:
                is_traced = True
                if (kind is not Var and kind is not Dual) or type(x.primal) not in FLOATS:
                    are_numbers = False
        if kwargs or not are_numbers:
            return _explicit(plain, traced, args, kwargs)
        if not is_traced:
            return plain(*args)
        if of_numbers is None or len(args) != count or WATCHERS:
            return _explicit(plain, traced, args, kwargs)
        return of_numbers(*args)

    def call_one(plain: Function, x: Value, /) -> Any:
        kind = type(x)
        if kind is float or not LIVE:
            return plain(x)
        is_number = (kind is Var or kind is Dual) and type(x.primal) in FLOATS
        if is_number and of_numbers is not None and not WATCHERS:
            return of_numbers(x)
        return _explicit(plain, traced, (x,), {})

    one = call_one if _takes_one(original) else call
    functools.update_wrapper(one, original)
    return types.MethodType(one, original)


def _takes_one(function: Function) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:
        return False
    return len(parameters) == 1 and next(iter(parameters)) not in ("coordinates", "integers")


def replacements() -> list[tuple[dict[str, Any], str, Any]]:
    """The namespace, the name and the replacement of each function of `math` and `cmath`."""
    found = []
    for module, table, steps in (
        (math, _MATH, _STEPS),
        (cmath, _CMATH, _COMPLEX_STEPS),
    ):
        for name, traced in [*table.items(), *((step, None) for step in steps)]:
            if hasattr(module, name):
                replacement = on_traced(getattr(module, name), traced)
                found.append((vars(module), name, replacement))
    return found
