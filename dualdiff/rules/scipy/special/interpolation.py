"""Quadratures at many points with the same parameters, by Chebyshev interpolation.

The derivative of a distribution function by a parameter, divided by its density, is smooth in a
logarithm of x. Where the parameters are one number each and x has thousands of elements, some
hundred quadratures and polynomials between them are as exact as a quadrature at each element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....array.box import is_box

MANY = 3000  # elements from which interpolation pays
DEGREE = 23
HALVINGS = 12
PANELS = 100
CLOSE = 2e-14  # of the last coefficients, relative to the smallest value
ANGLES = np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1)
NODES = np.cos(ANGLES)
# From values at the nodes to coefficients (discrete cosine transform).
TRANSFORM = 2 / (DEGREE + 1) * np.cos(np.outer(np.arange(DEGREE + 1), ANGLES))
TRANSFORM[0] /= 2


def is_one_number(x: Any) -> bool:
    """Whether an argument is plain and holds one finite number."""
    return not is_box(x) and np.size(x) == 1 and bool(np.all(np.isfinite(x)))


def is_many(x: Any) -> bool:
    """Whether an argument is a plain array of many finite numbers."""
    return type(x) is np.ndarray and x.size >= MANY and bool(np.isfinite(x).all())


def interpolated(function: Callable[..., Any], s: Any) -> Any:
    """A smooth function of one variable at many points, or None if it is not smooth enough.

    Arguments: `function` takes and gives vectors; `s`, an array of finite numbers.
    The relative error is a few units of rounding of `function`.
    """
    waiting = [(float(np.min(s)), float(np.max(s)), 0)]
    panels: list[tuple[float, float, Any]] = []
    while waiting:
        low, high, depth = waiting.pop()
        middle = (low + high) / 2
        values = function(middle + (high - low) / 2 * NODES)
        coefficients = TRANSFORM @ values
        least = np.min(np.abs(values))
        if np.max(np.abs(coefficients[-3:])) <= CLOSE * least:
            panels.append((low, high, coefficients))
        elif depth == HALVINGS or len(panels) + len(waiting) > PANELS:
            return None
        else:
            waiting += [(middle, high, depth + 1), (low, middle, depth + 1)]
    edges = [p[0] for p in panels[1:]]
    flat = np.ravel(s)
    which = np.searchsorted(edges, flat, "right").astype(np.uint8)
    order = np.argsort(which, kind="stable")
    out = np.empty(flat.size)
    ends = np.cumsum(np.bincount(which, minlength=len(panels)))
    start = 0
    for (low, high, coefficients), end in zip(panels, ends, strict=True):
        chosen = order[start:end]
        if high > low:
            out[chosen] = _clenshaw((2 * flat[chosen] - (low + high)) / (high - low), coefficients)
        else:
            out[chosen] = coefficients[0]
        start = end
    return np.reshape(out, np.shape(s))


def _clenshaw(x: Any, coefficients: Any, block: int = 4000) -> Any:
    """The sum of Chebyshev polynomials, in blocks that stay in cache."""
    out = np.empty(x.shape)
    for k in range(0, x.size, block):
        t = x[k : k + block]
        double = 2 * t
        last, now, spare = np.zeros(t.shape), np.full(t.shape, coefficients[-1]), np.empty(t.shape)
        for c in coefficients[-2:0:-1]:
            np.multiply(double, now, out=spare)
            spare -= last
            spare += c
            last, now, spare = now, spare, last
        out[k : k + block] = t * now - last + coefficients[0]
    return out
