"""Spline filters of `scipy.signal`: the sums by which recursive filters start on mirrored signals.

Source: M. Unser, A. Aldroubi and M. Eden, "B-spline signal processing", IEEE Trans. Signal
Processing 41 (1993). SciPy cuts the sums off behind the first weight below a precision.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage, signal

from ....array.box import is_box, unbox
from ....core.batch import dtype_of, shape_of
from ....core.types import Value
from ..arguments import plain
from ..bodies import agreed
from ..dispatch import implements, missing
from ..rebinding import replace


@implements(signal.sepfir2d, arrays="input hrow hcol")
def sepfir2d(input: Value, hrow: Value, hcol: Value) -> Any:
    """``scipy.signal.sepfir2d``: convolutions along rows and columns of a mirrored image."""
    value = signal.sepfir2d(plain(input), plain(hrow), plain(hcol))
    rows = ndimage.convolve1d(input, hrow, axis=1, mode="reflect")
    return agreed(ndimage.convolve1d(rows, hcol, axis=0, mode="reflect"), value, "sepfir2d")


def _weighted(weight: Callable[[Any], Any], x: Value, precision: float, power: int = 1) -> Any:
    """The sum of ``weight(k) x[k]``, up to the first weight of which a power is small."""
    n = shape_of(x)[-1]
    if not 0.0 < precision <= 1.0:
        precision = 1e-6 if dtype_of(x).itemsize <= 4 else 1e-11
    weights = weight(np.arange(n))
    small = np.flatnonzero(np.abs(unbox(weights)) ** power <= precision)
    n = int(small[0]) + 1 if small.size else n
    return np.sum(weights[:n] * x[..., :n], axis=-1)


def _first_order(x: Value, z1: Any, precision: float) -> Any:
    """The first result of ``1 / (1 - z1 / z)``."""
    return (x[..., 0] + _weighted(lambda k: z1 ** (k + 1), x, precision))[..., None]


def _needs_poles(r: Any, omega: Any) -> None:
    if plain(omega) == 0:
        raise missing("scipy.signal.symiirorder2", "omega is 0, and there the formula is another")
    if is_box(r) and plain(r) == 0:
        raise missing("scipy.signal.symiirorder2", "r is 0, where SciPy leaves terms out by size")


def _forward(x: Value, r: Any, omega: Any, precision: float) -> Any:
    """The first two results of ``cs / (1 - a2 / z - a3 / z^2)``."""
    _needs_poles(r, omega)
    cs = 1 - 2 * r * np.cos(omega) + r * r

    def h(k: Any) -> Any:
        return cs * r**k * np.sin((k + 1) * omega) / np.sin(omega)

    first = h(0) * x[..., 0] + _weighted(lambda k: h(k + 1), x, precision)
    second = h(1) * x[..., 0] + h(0) * x[..., 1] + _weighted(lambda k: h(k + 2), x, precision)
    return np.stack([first, second], axis=-1)


def _backward(x: Value, r: Any, omega: Any, precision: float) -> Any:
    """The last two results of that filter and its reverse, the last one first."""
    _needs_poles(r, omega)
    square = r * r
    cs = 1 - 2 * r * np.cos(omega) + square
    slope = (1 - square) / ((1 + square) * np.tan(omega))
    size = (1 + square) / (1 - square) * cs**2 / (1 - 2 * square * np.cos(2 * omega) + square**2)

    def h(k: Any) -> Any:
        k = np.abs(k)
        return size * r**k * (np.cos(omega * k) + slope * np.sin(omega * k))

    x = x[..., ::-1]
    first = _weighted(lambda k: h(k) + h(k + 1), x, precision, 2)
    second = _weighted(lambda k: h(k - 1) + h(k + 2), x, precision, 2)
    return np.stack([first, second], axis=-1)


try:
    _private = vars(importlib.import_module("scipy.signal._spline_filters"))
except ImportError:  # before SciPy 1.15 compiled code does all of it
    pass
else:
    replace(_private["symiirorder1_ic"], _first_order)
    replace(_private["symiirorder2_ic_fwd"], _forward)
    replace(_private["symiirorder2_ic_bwd"], _backward)
    replace(_private["sepfir2d"], sepfir2d)
