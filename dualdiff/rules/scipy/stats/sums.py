"""Sums over infinite supports, which SciPy ends at a tolerance or after some 1,000 terms.

The value is SciPy's; the derivative is that of the whole sum, whose tail is an integral.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import _distn_infrastructure as infrastructure

from ....array.box import is_box, unbox
from ..rebinding import replace
from ..special.kinds import gauss_legendre, lost
from .values import with_value

NODES, NODE_WEIGHTS = gauss_legendre(16)
OCTAVES = 400
FIRST, MANY, MOST = 32, 1024, 2**17  # terms of a part, before the tail is looked at, of a sum
NOTHING = 1e-18  # the share of the last half of the terms behind which there is nothing
LEAST = 1e-200  # terms fall below it before they underflow
SETTLED = 1e-12  # the share by which two tails may differ
# Of Gregory's rule: the sum from 0 on is the integral and these forward differences at 0.
GREGORY = (1 / 2, -1 / 12, 1 / 24, -19 / 720, 3 / 160, -863 / 60480)

_scipys: Any = vars(infrastructure)["_expect"]


def expectation(fun: Any, lb: Any, ub: Any, x0: Any, inc: Any, *rest: Any, **options: Any) -> Any:
    """``_distn_infrastructure._expect``: the sum of a function over a support."""
    low, high, middle, step = (float(unbox(v)) for v in (lb, ub, x0, inc))

    def plain(x: Any) -> Any:
        return unbox(fun(x))

    value = _scipys(plain, low, high, middle, step, *rest, **options)
    middle = min(max(middle, low), high)
    if not is_box(fun(np.array([middle]))):
        return value
    with np.errstate(all="ignore"):
        total = _sum_from(fun, middle, high, step)
        if middle > low:
            total = total + _sum_from(fun, middle - step, low, -step)
    return with_value(value, total)


def _sum_from(fun: Any, start: float, end: float, step: float) -> Any:
    """The sum from `start` to `end`, which may be infinite."""
    number = int((end - start) / step) + 1 if np.isfinite(end) else None
    total: Any = 0.0
    begin, count, size = 0, FIRST, 0.0
    while True:
        last = begin + count if number is None else min(begin + count, number)
        places = start + step * np.arange(begin, last)
        sizes = np.abs(unbox(fun(places)))
        size += float(np.sum(sizes))
        terms = fun(places[: _alive(sizes)])
        total = total + np.sum(terms)
        has_begun = size > 0 or last >= MANY
        is_over = has_begun and np.sum(sizes[len(sizes) // 2 :]) <= NOTHING * size
        if last == number or is_over:
            return total
        begin = count = last
        if number is None and begin >= MANY and _is_smooth(fun, start, step, begin, size):
            return total + _tail(fun, start, step, begin, size)
        if begin >= MOST or not np.isfinite(size):
            return total + np.sum(lost(True, terms))


def _alive(sizes: Any) -> int:
    """The number of terms before those that underflow, whose derivative may be 0 * inf.

    Terms that are 0 without falling to it, as those of an impossible outcome, have a derivative.
    """
    count = int(np.max(np.flatnonzero(sizes), initial=-1)) + 1
    return count if count and sizes[count - 1] < LEAST else len(sizes)


def _is_smooth(fun: Any, start: float, step: float, begin: int, size: float) -> bool:
    """Whether the tail from a term on is a sum and the tail from a later term on."""

    def plain(x: Any) -> Any:
        return np.asarray(unbox(fun(x)), float)

    part = np.sum(plain(start + step * np.arange(begin, 2 * begin)))
    near, far = (_tail(plain, start, step, n, size) for n in (begin, 2 * begin))
    return bool(abs(near - part - far) <= SETTLED * size)


def _tail(fun: Any, start: float, step: float, begin: int, size: float) -> Any:
    """The sum from a term on, by Gregory's rule and the integral; NaN if it has no end.

    It is an integral over octaves, by Gauss rules: the function need not be settled to all digits.
    """
    octaves = begin * 2.0 ** np.arange(OCTAVES)[:, None]
    shares = octaves * NODE_WEIGHTS * np.abs(unbox(fun(start + step * octaves * (1 + NODES))))
    small = np.flatnonzero(~(np.sum(shares, axis=-1) > NOTHING * size))
    if not len(small) or np.isnan(shares[small[0]]).any():
        return np.nan
    octaves = octaves[: small[0]]
    total = np.sum(octaves * NODE_WEIGHTS * fun(start + step * octaves * (1 + NODES)))
    ends = fun(start + step * np.arange(begin, begin + len(GREGORY)))
    for weight in GREGORY:
        total = total + weight * ends[0]
        ends = np.diff(ends)
    return total


replace(_scipys, expectation)
