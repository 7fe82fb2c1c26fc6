"""Integrals in a program that `compile` records: Kronrod's rule, whose intervals are its course.

SciPy's own code cannot compute with recorded numbers. So the rule of QUADPACK is written down node
by node, together with the test that its intervals are fine enough. Derivatives of all levels come
from the sum itself, also those in the limits. The test asks for an error ten thousand times smaller
than `quad` does, so that derivatives, which have no test of their own here, are exact as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ....array.box import HOLLOW
from ....array.conversion import RECORDERS
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.creation import asarray
from .. import arguments
from .kronrod import GAUSS_WEIGHTS, KRONROD_WEIGHTS, NODES

Function = Callable[[Any], Any]
MARGIN = 1e-4  # of the tolerance
MOST = 60  # intervals
_OPTIONS = frozenset(("epsabs", "epsrel", "limit"))


def recorded_quad(function: Function, a: Value, b: Value, options: dict[str, Any]) -> Any:
    """The integral and an estimate of its error, or None if nothing in it is recorded.

    Raises: UnsupportedInputError for options that need SciPy's own code, and for integrands that
    are not smooth enough; then the program runs eagerly.
    """
    if not RECORDERS:
        return None
    is_endless = [bool(np.isinf(arguments.plain(end))) for end in (a, b)]
    function, a, b = _on_interval(function, a, b, *is_endless)
    middle = function(a + 0.4871 * (b - a))
    if not any(type(arguments.plain(x)) in HOLLOW for x in (a, b, middle)):
        return None
    if options.keys() - _OPTIONS:
        raise UnsupportedInputError(f"quad with {sorted(options)} is not recorded, {user_line()}.")
    absolute, relative = options.get("epsabs", 1.49e-8), options.get("epsrel", 1.49e-8)
    parts = [(0.0, 1.0)]
    sums = [_kronrod(function, a, b, *parts[0])]
    while len(parts) < MOST:
        total, error = (sum(column[1:], column[0]) for column in zip(*sums, strict=True))
        if error <= MARGIN * np.maximum(absolute, relative * np.abs(arguments.plain(total))):
            return total, error
        worst = _worst([s[1] for s in sums])
        left, right = parts[worst]
        halves = [(left, 0.5 * (left + right)), (0.5 * (left + right), right)]
        parts[worst : worst + 1] = halves
        sums[worst : worst + 1] = [_kronrod(function, a, b, *half) for half in halves]
    raise UnsupportedInputError(f"quad of a function with kinks is not recorded, {user_line()}.")


def _worst(errors: list[Any]) -> int:
    """The place of the largest number, in arithmetic that machine code has."""
    largest, place = errors[0], 0.0 * errors[0]
    for k, error in enumerate(errors):
        place = np.where(error > largest, float(k), place)
        largest = np.maximum(largest, error)
    return int(place)


def _on_interval(
    function: Function, a: Value, b: Value, from_below: bool, to_above: bool
) -> tuple[Function, Value, Value]:
    """The integrand and the limits, on (0, 1) for limits that are infinite.

    Source: R. Piessens et al., "QUADPACK" (1983), the transformation of qagi.
    """
    if not (from_below or to_above):
        return function, a, b
    if bool(arguments.plain(a) > arguments.plain(b)):
        inner, a, b = _on_interval(function, b, a, to_above, from_below)
        return inner, b, a
    if from_below and to_above:
        return lambda t: _both(function, (1 - t) / t) / (t * t), 0.0, 1.0
    if to_above:
        return lambda t: function(a + (1 - t) / t) / (t * t), 0.0, 1.0
    return lambda t: function(b - (1 - t) / t) / (t * t), 0.0, 1.0


def _both(function: Function, x: Value) -> Any:
    return function(x) + function(-x)


def _kronrod(function: Function, a: Value, b: Value, first: float, last: float) -> tuple[Any, Any]:
    """The integral over a part of an interval, and QUADPACK's estimate of its error."""
    left, right = a + first * (b - a), a + last * (b - a)
    half = 0.5 * (right - left)
    values = _values(function, 0.5 * (left + right) + half * NODES)
    plain, width = arguments.plain(values), np.abs(arguments.plain(half))
    fine = KRONROD_WEIGHTS @ plain
    spread = (KRONROD_WEIGHTS @ np.abs(plain - 0.5 * fine)) * width
    gap = np.abs(fine - GAUSS_WEIGHTS @ plain) * width
    share = 200 * gap / np.where(spread > 0, spread, 1.0)
    return (KRONROD_WEIGHTS @ values) * half, spread * np.minimum(1.0, share**1.5)


def _values(function: Function, nodes: Value) -> Any:
    """The values at all nodes, by one call if the function takes arrays."""
    try:
        found = asarray(function(nodes))
    except Exception:  # a function of numbers, whose own errors come again below
        found = None
    count = len(NODES)
    places = (0, count - 1)  # a test of the whole array falls between its ends
    if found is not None and shape_of(found) == (count,):
        pairs = [
            (arguments.plain(found)[i], arguments.plain(function(_point(nodes, i)))) for i in places
        ]
        if all(bool(np.abs(x - y) <= 1e-12 * np.abs(y)) for x, y in pairs):
            return found
    return np.stack([asarray(function(_point(nodes, i))) for i in range(count)])


def _point(nodes: Value, i: int) -> Any:
    return float(nodes[i]) if type(nodes) is ndarray else nodes[i]
