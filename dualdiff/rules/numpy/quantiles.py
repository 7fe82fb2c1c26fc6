"""The derivative of a quantile with respect to its level."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...array.box import observe
from ...core.batch import shape_of
from ...core.types import Value
from .common import axes_of
from .manipulation import as_operand

# Place of the quantile among n sorted elements: ``q (n + a) + b`` (Hyndman and Fan, The American
# Statistician 50, 1996). NumPy's other methods jump from element to element.
_PLACES = {
    "linear": (-1.0, 0.0),
    "hazen": (0.0, -0.5),
    "weibull": (1.0, -1.0),
    "median_unbiased": (1 / 3, -2 / 3),
    "normal_unbiased": (1 / 4, -5 / 8),
    "interpolated_inverted_cdf": (0.0, -1.0),
}


def quantile_rate(a: Value, q: Any, axis: Any, method: str, skip_nan: bool, keepdims: bool) -> Any:
    """The derivative of the quantiles with respect to their level; 0 for methods that jump.

    At an element it is the slope above; at the last element, the slope below.
    """
    a, q = as_operand(a), np.asarray(q)
    shape, ndim = shape_of(a), np.ndim(a)
    axes = axes_of(axis, ndim)
    rest = [i for i in range(-ndim, 0) if i not in axes]
    kept = tuple(1 if i in axes else shape[i] for i in range(-ndim, 0))
    reduced = kept if keepdims else tuple(shape[i] for i in rest)
    if method not in _PLACES:
        return np.zeros(q.shape + reduced)
    lines = np.reshape(np.transpose(a, (*rest, *axes)), (*(shape[i] for i in rest), -1))
    lines = np.sort(lines, axis=-1)
    used = shape_of(lines)[-1] - (np.isnan(observe(lines)).sum(-1) if skip_nan else 0)
    per, offset = _PLACES[method]
    rates = []
    for level in q.flat:
        place = np.asarray(level * (used + per) + offset)
        inside = (place >= 0) & (place <= used - 1)
        below = np.clip(np.floor(place), 0, np.maximum(used - 2, 0)).astype(int)
        above = np.minimum(below + 1, np.maximum(used - 1, 0))
        step = _at(lines, above) - _at(lines, below)
        rates.append(np.reshape(np.where(inside, step * (used + per), 0.0), reduced))
    return np.reshape(np.stack(rates), q.shape + reduced)


def _at(lines: Any, places: Any) -> Any:
    places = np.broadcast_to(places, shape_of(lines)[:-1])
    return np.take_along_axis(lines, places[..., None], -1)[..., 0]
