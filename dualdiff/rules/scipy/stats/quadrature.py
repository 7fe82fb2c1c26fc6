"""Integrals of traced functions between traced ends, in the place of SciPy's.

The value is SciPy's, the derivative that of Gauss rules after a double exponential change of the
variable (Mori and Sugihara 2001), on panels that are halved until the value settles: near kinks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.integrate

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Tangent, Value
from ..rebinding import NUMPY, deep_plain, replace
from ..special.kinds import gauss_legendre
from .values import with_value

PI_BY_2 = np.pi / 2
NODES, NODE_WEIGHTS = gauss_legendre(16)
# x comes to 1e-137: densities may be singular at the ends. Kinks should not lie between two panels.
ENDS = np.linspace(-6.0123, 5.9871, 15)
HALVINGS = 30
MOST = 600  # panels of one width: rounding errors may exceed the bound on all of them
KINK = 8  # halvings that a smooth function does not need
LOST = 1e-6  # the part of an integral that may lie closer to the ends than numbers do


def _changed(t: Tangent, a: Value, b: Value) -> tuple[Any, Any]:
    """x of the new variable t, and dx/dt."""
    s, slope = PI_BY_2 * np.sinh(t), PI_BY_2 * np.cosh(t)
    if np.isfinite(unbox(a)) and np.isfinite(unbox(b)):
        low, high = 1 / (1 + np.exp(-2 * s)), 1 / (1 + np.exp(2 * s))
        x = np.where(low < 0.5, a + (b - a) * low, b - (b - a) * high)
        return x, 2 * low * high * slope * (b - a)
    if np.isfinite(unbox(a)) or np.isfinite(unbox(b)):
        steps = np.exp(s)
        return (a + steps if np.isfinite(unbox(a)) else b - steps), steps * slope
    return np.sinh(s), np.cosh(s) * slope


def _panels(left: Any, right: Any) -> tuple[Any, Any]:
    """Nodes and weights on panels, of shape (panels, nodes)."""
    width = (right - left)[:, None]
    return left[:, None] + width * NODES, width * NODE_WEIGHTS


def _settled(heights: Any) -> tuple[Any, Any, float]:
    """The ends of panels on which the integral of a function of t is settled, and the rest: the
    change by the last halving where it is not, as in a heavy tail with oscillations."""

    def sums(left: Any, right: Any) -> Any:
        t, weights = _panels(left, right)
        return np.sum(np.reshape(heights(t.ravel()), t.shape) * weights, axis=-1)

    left, right = ENDS[:-1], ENDS[1:]
    values = sums(left, right)
    total = np.sum(np.abs(values))
    settled: list[Any] = []
    depth, rest = 0, 0.0
    while len(values):  # one call for each width: calls are what costs
        middle = (left + right) / 2
        halves = np.stack([sums(left, middle), sums(middle, right)], axis=-1)
        change = np.abs(np.sum(halves, axis=-1) - values)
        # At a kink of f the derivative jumps: panels must shrink until they do not matter.
        small = change <= np.maximum(3e-14 * np.abs(values), 1e-18 * total)
        if depth == HALVINGS or len(values) > MOST:
            rest += float(np.sum(change[~small]))
            small[:] = True
        settled += [(left[small], middle[small]), (middle[small], right[small])]
        wide = ~small
        left, right = (
            np.stack(ends, axis=-1)[wide].ravel() for ends in ((left, middle), (middle, right))
        )
        values = halves[wide].ravel()
        depth += 1
    left, right = map(np.concatenate, zip(*settled, strict=True))
    return left, right, rest


def adaptive(f: Any, a: Value, b: Value, weight: Any = None) -> Any:
    """The integral of a vectorised function from a to b, which may be traced.

    The nodes move with a and b. The function counts where it, or `weight`, does not vanish. The
    result is NaN where the integral diverges, or where more of it
    than `LOST` is not settled, or lies beyond the last numbers next to an end.
    """

    def heights(t: Tangent, f: Any = f) -> Any:
        x, slope = _changed(t, unbox(a), unbox(b))
        with np.errstate(all="ignore"):
            y = np.asarray(unbox(f(x)), float) * slope
        return np.where(np.isfinite(y), y, 0.0)

    lost = beyond_reach(f, a, b)
    if np.isinf(lost):
        return np.sum(f(_changed(ENDS[5:6], a, b)[0])) * np.nan
    left, right, rest = _settled(heights)
    t, weights = map(np.ravel, _panels(left, right))
    # Where the integrand underflows its derivative may be 0 * inf.
    size = np.abs(heights(t))
    most = np.max(size, initial=0)
    alive = size > 1e-25 * most if most else np.isfinite(size)
    if weight is not None:
        share = np.abs(heights(t, weight))
        alive |= share > 1e-25 * np.max(share, initial=0)
    nodes = _changed(t, unbox(a), unbox(b))[0]
    for end in (unbox(a), unbox(b)):
        if np.isfinite(end):  # next to it the distance has no digits, and may be 0
            alive &= np.abs(nodes - end) > 2.0**-50 * np.abs(end)
    x, slope = _changed(t[alive], a, b)
    total = np.sum(f(x) * slope * weights[alive])
    least = np.finfo(float).tiny  # what underflows has no digits, and does not count
    return total if lost + rest <= LOST * np.sum(size * weights) + least else total * np.nan


# Distances from the end of an integral, over its unit: near 0, near other numbers, far out.
NEAR_ZERO = 10.0 ** np.arange(-20.0, -121.0, -20.0)
NEAR_OTHERS = 2.0 ** np.arange(-20.0, -46.0, -5.0)
FAR_OUT = 1 / NEAR_ZERO


def beyond_reach(f: Any, a: Value, b: Value) -> float:
    """The part of an integral beyond the last numbers next to its ends, which may be infinite.

    The integrand goes on there as the power of the distance that it is before.
    """
    low, high = float(unbox(a)), float(unbox(b))
    lost = 0.0
    for end, other, sign in ((low, high, 1.0), (high, low, -1.0)):
        if np.isinf(end):
            distances, last, start = FAR_OUT, 1e137, 0.0
        elif end == 0:
            distances, last, start = NEAR_ZERO, 1e-137, 0.0
        else:
            distances, last, start = NEAR_OTHERS * abs(end), 2.0**-52 * abs(end), end
        if np.isfinite(other) and np.isfinite(end):
            distances = distances[distances < abs(other - end) / 4]
        x = start - sign * distances if np.isinf(end) else start + sign * distances
        with np.errstate(all="ignore"):
            heights = np.abs(np.asarray(unbox(f(x)), float)) * distances
        there = np.flatnonzero(np.isfinite(heights))[-2:]
        if len(there) < 2 or np.any(heights[there] == 0):
            continue
        (far, near), (before, at) = np.log(distances[there]), heights[there]
        power = np.log(at / before) / abs(near - far)
        left = abs(np.log(last) - near)
        lost += np.inf if power >= 0 else at * np.exp(power * left) / -power
    return lost


def kinks(f: Any, a: float, b: float) -> list[float]:
    """Places between a and b where f or a derivative jumps, at which panels must shrink."""

    def heights(t: Tangent) -> Any:
        with np.errstate(all="ignore"):
            y = np.asarray(unbox(f(_changed(t, a, b)[0])), float) * np.exp(-t * t)
        return np.where(np.isfinite(y), y, 0.0)

    left, right, _ = _settled(heights)
    order = np.argsort(left)
    left, right = left[order], right[order]
    narrow = right - left < 2.0**-KINK * (ENDS[1] - ENDS[0]) / 2
    found: list[float] = []
    for group in np.split(np.arange(len(left)), np.flatnonzero(np.diff(narrow)) + 1):
        if narrow[group[0]]:
            least = group[np.argmin((right - left)[group])]
            x = float(_changed((left[least] + right[least]) / 2, a, b)[0])
            found.append(_sharpened(lambda x: np.asarray(unbox(f(x)), float), x, 1e-4 * (b - a)))
    return found


def _sharpened(f: Any, x: float, width: float) -> float:
    """The place near x where f leaves the cubic polynomial of its left side for that of its right.

    Where f is no such polynomial on both sides, as between two kinks, it is x itself.
    """
    nodes = x + width * np.linspace(0.1, 1.0, 8) * np.array([[-1.0], [1.0]])
    heights = f(nodes.ravel()).reshape(nodes.shape)
    sides = [np.polynomial.Polynomial.fit(*p, 3) for p in zip(nodes, heights, strict=True)]
    off = max(np.max(np.abs(s(n) - h)) for s, n, h in zip(sides, nodes, heights, strict=True))
    if not off <= 1e-10 * np.max(np.abs(heights)):
        return x
    low, high = x - 0.1 * width, x + 0.1 * width
    for _ in range(45):
        middle = (low + high) / 2
        gaps = [abs(float(f(np.array([middle]))[0]) - s(middle)) for s in sides]
        low, high = (middle, high) if gaps[0] <= gaps[1] else (low, middle)
    return (low + high) / 2


def elementwise(f: Any) -> Any:
    """`f` of numbers on arrays."""

    def loop(*args: Any) -> Any:
        if not args:
            return f()
        given = np.broadcast_arrays(*args) if len(args) > 1 else [args[0]]
        shape = shape_of(given[0])
        flat = [np.reshape(a, (-1,)) for a in given]
        out = [np.reshape(f(*(a[i] for a in flat)), ()) for i in range(shape_of(flat[0])[0])]
        return np.reshape(NUMPY.array(out), shape)

    return loop


def of_vectors(function: Any) -> Any:
    """A function of numbers, which may also be one of vectors, as a function of vectors."""
    is_known = False

    def vectorised(x: Value) -> Any:
        nonlocal function, is_known
        if np.ndim(x) == 0:
            return function(x)
        if not is_known:
            is_known = True
            values = unbox(x).ravel()
            few = values[:: max(1, len(values) // 3)]
            try:
                at_once = np.broadcast_to(unbox(function(few)), few.shape)
                alone = [np.reshape(unbox(function(v)), ()) for v in few]
                is_vectorised = np.allclose(at_once, alone, rtol=1e-9, equal_nan=True)
            except (TypeError, ValueError):
                is_vectorised = False
            if not is_vectorised:
                function = elementwise(function)
        return function(x)

    return vectorised


_gives_scipys_values = True


@contextlib.contextmanager
def derivatives_only() -> Iterator[None]:
    """Within it `quad` does not look for SciPy's value, for which it calls functions of numbers."""
    global _gives_scipys_values
    before, _gives_scipys_values = _gives_scipys_values, False
    try:
        yield
    finally:
        _gives_scipys_values = before


def quad(
    func: Any, a: Value, b: Value, args: Any = (), full_output: int = 0, **options: Any
) -> Any:
    """``scipy.integrate.quad`` of functions that take vectors."""
    args = args if type(args) is tuple else (args,)
    if not _gives_scipys_values:
        return adaptive(lambda x: func(x, *args), a, b), 0.0

    def number(x: float, *rest: Any) -> float:
        return float(np.asarray(unbox(func(x, *rest))).reshape(()))

    value = scipy.integrate.quad(number, unbox(a), unbox(b), deep_plain(args), **options)
    traced = adaptive(lambda x: func(x, *args), a, b)
    return (with_value(value[0], traced), *value[1:])


replace(scipy.integrate.quad, quad)
