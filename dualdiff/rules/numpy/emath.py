"""Functions that become complex outside the real domain, `numpy.emath`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import seen
from ...core.batch import cast, dtype_of
from ...core.trace import resolve
from .common import implements


def _complex_if(x: Any, leaves_domain: Callable[[Any], Any]) -> Any:
    """`x`, made complex if it is real and one of its elements is outside the domain."""
    x = resolve(x)
    value = np.asarray(seen(x))
    if not np.any(np.isreal(value) & leaves_domain(value.real)):
        return x
    return cast(x, np.result_type(dtype_of(x), np.complex64))


def _negative(x: Any) -> Any:
    return x < 0


def _beyond_one(x: Any) -> Any:
    return np.abs(x) > 1


@implements(np.emath.sqrt)
def sqrt(x: Any) -> Any:
    """``numpy.emath.sqrt``."""
    return np.sqrt(_complex_if(x, _negative))


@implements(np.emath.log)
def log(x: Any) -> Any:
    """``numpy.emath.log``."""
    return np.log(_complex_if(x, _negative))


@implements(np.emath.log10)
def log10(x: Any) -> Any:
    """``numpy.emath.log10``."""
    return np.log10(_complex_if(x, _negative))


@implements(np.emath.log2)
def log2(x: Any) -> Any:
    """``numpy.emath.log2``."""
    return np.log2(_complex_if(x, _negative))


@implements(np.emath.logn)
def logn(n: Any, x: Any) -> Any:
    """``numpy.emath.logn``, the logarithm of x to base n."""
    return log(x) / log(n)


@implements(np.emath.power)
def power(x: Any, p: Any) -> Any:
    """``numpy.emath.power``."""
    x, p = _complex_if(x, _negative), resolve(p)
    if dtype_of(p).kind in "iu":
        p = np.asarray(p) * (1.0 if np.any(np.asarray(p) < 0) else 1)
    return np.power(x, p)


@implements(np.emath.arccos)
def arccos(x: Any) -> Any:
    """``numpy.emath.arccos``."""
    return np.arccos(_complex_if(x, _beyond_one))


@implements(np.emath.arcsin)
def arcsin(x: Any) -> Any:
    """``numpy.emath.arcsin``."""
    return np.arcsin(_complex_if(x, _beyond_one))


@implements(np.emath.arctanh)
def arctanh(x: Any) -> Any:
    """``numpy.emath.arctanh``."""
    return np.arctanh(_complex_if(x, _beyond_one))
