"""Expectations under distributions of one variable with a density."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ....array.box import unbox
from ....core.trace import value_of
from ....core.types import Value
from .quadrature import adaptive, kinks, of_vectors

CIRCULAR = ("vonmises", "vonmises_line")


def expectation(
    distribution: Any, func: Any = None, args: Any = (), loc: Any = 0, scale: Any = 1,
    lb: Any = None, ub: Any = None, *rest: Any, **kwargs: Any,
) -> Any:  # fmt: skip
    """The mean over the standard distribution, whose singular ends do not move with loc.

    It is a sum over the pieces between kinks of the function, which move, and of the density.
    """
    function = (lambda x: x) if func is None else of_vectors(func)
    low, high = (None if end is None else (end - loc) / scale for end in (lb, ub))
    if distribution.name in CIRCULAR:  # SciPy takes one turn about loc, whatever the scale
        turn = np.pi / scale
        low, high = -turn if low is None else low, turn if high is None else high
    values = [unbox(a) for a in args]
    support = distribution.copy._get_support(*args)
    # Nodes that move across the end of a support would miss its jump.
    if low is not None and unbox(low) <= unbox(support[0]):
        low = support[0]
    if high is not None and unbox(high) >= unbox(support[1]):
        high = support[1]
    middle = _middle(distribution, values)

    def part(z: Value) -> Any:
        return function(loc + scale * z) * distribution.evaluate("pdf", z, *args, 0, 1)

    of_function = kinks(lambda z: function(unbox(loc) + unbox(scale) * z), *middle)
    if not of_function:
        standard = (lambda z: function(loc + scale * z)), args, 0, 1, low, high
        return distribution.copy.expect(*standard, *rest, **kwargs)
    of_density = kinks(lambda z: distribution.source.pdf(z, *values), *middle)
    low, high = support[0] if low is None else low, support[1] if high is None else high
    moving = [(value_of(loc + scale * z) - loc) / scale for z in of_function]
    apart = [z for z in of_density if all(abs(z - unbox(m)) > 1e-8 for m in moving)]
    inner = [z for z in (*moving, *apart) if unbox(low) < unbox(z) < unbox(high)]
    limits = [low, *sorted(inner, key=unbox), high]
    total = sum(adaptive(part, *pair) for pair in pairwise(limits))
    if rest[0] if rest else kwargs.get("conditional", False):
        below, above = (distribution.evaluate("cdf", z, *args, 0, 1) for z in (low, high))
        total = total / (above - below)
    return total


def _middle(distribution: Any, values: Sequence[Any]) -> list[float]:
    """Two places between which all but 1e-9 of the distribution lies."""
    try:
        return [float(distribution.source.ppf(q, *values)) for q in (1e-9, 1 - 1e-9)]
    except (ValueError, RuntimeError):  # SciPy finds no root
        mean, variance = distribution.source.stats(*values)
        return [float(mean + sign * 20 * np.sqrt(variance)) for sign in (-1, 1)]
