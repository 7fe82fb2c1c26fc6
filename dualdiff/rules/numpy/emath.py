"""Functions that become complex outside the real domain, `numpy.emath`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import observe
from ...core.batch import cast, dtype_of
from ...core.trace import materialize
from ...core.types import Value
from .common import implements


def _complex_if(x: Value, leaves_domain: Callable[[Any], Any]) -> Any:
    """`x`, made complex if it is real and one of its elements is outside the domain."""
    x = materialize(x)
    value = np.asarray(observe(x))
    if not np.any(np.isreal(value) & leaves_domain(value.real)):
        return x
    return cast(x, np.result_type(dtype_of(x), np.complex64))


def _widened(function: Any, leaves_domain: Callable[[Any], Any]) -> Any:
    """One of NumPy's functions of one argument, made complex where the argument is outside."""
    name = function.__name__

    def widened(x: Value) -> Any:
        return function(_complex_if(x, leaves_domain))

    widened.__name__ = name
    widened.__doc__ = f"``numpy.emath.{name}``."
    return implements(getattr(np.emath, name))(widened)


def _negative(x: Value) -> Any:
    return x < 0


def _beyond_one(x: Value) -> Any:
    return np.abs(x) > 1


sqrt, log, log10, log2 = (_widened(f, _negative) for f in (np.sqrt, np.log, np.log10, np.log2))
arccos, arcsin, arctanh = (_widened(f, _beyond_one) for f in (np.arccos, np.arcsin, np.arctanh))


@implements(np.emath.logn)
def logn(n: Any, x: Value) -> Any:
    """``numpy.emath.logn``, the logarithm of x to base n."""
    return log(x) / log(n)


@implements(np.emath.power)
def power(x: Value, p: Any) -> Any:
    """``numpy.emath.power``."""
    x, p = _complex_if(x, _negative), materialize(p)
    if dtype_of(p).kind in "iu":
        p = np.asarray(p) * (1.0 if np.any(np.asarray(p) < 0) else 1)
    return np.power(x, p)
