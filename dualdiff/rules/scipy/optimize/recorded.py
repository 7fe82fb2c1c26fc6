"""Roots in a program that `compile` records: Brent's method, with choices in place of branches.

SciPy's own code cannot compute with recorded numbers. So the steps of `brentq` are written down, as
many as are needed; whether they were enough is a guard. Every step chooses between numbers, so one
recording holds for all equations that need no more steps. The derivatives are those of the root.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ....array.box import HOLLOW
from ....array.conversion import RECORDERS
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ....transforms.implicit import lift
from .. import arguments

Function = Callable[[Any], Any]
STEPS = (12, 12, 24, 52)  # up to SciPy's 100
_OPTIONS = frozenset(("xtol", "rtol"))


class _State(NamedTuple):
    """The last two points and the one on the other side, their values, and two steps."""

    x0: Any
    x1: Any
    x2: Any
    f0: Any
    f1: Any
    f2: Any
    s0: Any
    s1: Any


def _chosen(condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, x, y)[()]


def recorded_root(live: Function, a: Value, b: Value, options: dict[str, Any]) -> Any:
    """The root of `brentq` with its derivatives, or None if nothing in it is recorded.

    Raises: UnsupportedInputError where the program must run eagerly.
    """
    if not RECORDERS:
        return None

    def plain(x: Any) -> Any:
        return arguments.plain(live(x))

    a, b = (
        arguments.plain(end) if type(arguments.plain(end)) in HOLLOW else np.float64(end)
        for end in (a, b)
    )
    at_a, at_b = plain(a), plain(b)
    if not any(type(x) in HOLLOW for x in (a, b, at_a, at_b)):
        return None
    refusal = UnsupportedInputError(f"this root is not recorded, {user_line()}.")
    if options.keys() - _OPTIONS or not bool(at_a * at_b < 0):
        raise refusal
    xtol, rtol = options.get("xtol", 2e-12), options.get("rtol", 8.881784197001252e-16)
    zero = np.float64(0.0)
    state, done = _State(a, b, zero, at_a, at_b, zero, zero, zero), False
    for count in STEPS:
        for _ in range(count):
            state, done = _step(plain, state, xtol, rtol)
        if bool(done):
            break
    else:
        raise refusal
    return lift(live, state.x1, name="the equation f(x) = 0")


def _step(f: Function, old: _State, xtol: float, rtol: float) -> tuple[_State, Any]:
    """One step, which changes nothing at a root, and whether it was one.

    Source: R. P. Brent, "Algorithms for minimization without derivatives" (1973), with the
    tolerances of SciPy's documentation.
    """
    x0, x1, x2, f0, f1, f2, s0, s1 = old
    apart = (f0 != 0) & (f1 != 0) & ((f0 < 0) != (f1 < 0))
    x2, f2 = _chosen(apart, x0, x2), _chosen(apart, f0, f2)
    s0, s1 = _chosen(apart, x1 - x0, s0), _chosen(apart, x1 - x0, s1)
    swapped = np.abs(f2) < np.abs(f1)
    x0, x1, x2 = _chosen(swapped, x1, x0), _chosen(swapped, x2, x1), _chosen(swapped, x1, x2)
    f0, f1, f2 = _chosen(swapped, f1, f0), _chosen(swapped, f2, f1), _chosen(swapped, f1, f2)
    near = (xtol + rtol * np.abs(x1)) / 2
    middle = (x2 - x1) / 2
    done = (f1 == 0) | (np.abs(middle) < near)
    secant = -f1 * (x1 - x0) / (f1 - f0)
    d0, d2 = (f0 - f1) / (x0 - x1), (f2 - f1) / (x2 - x1)
    curved = -f1 * (f2 * d2 - f0 * d0) / (d2 * d0 * (f2 - f0))
    trial = _chosen(x0 == x2, secant, curved)
    tries = (np.abs(s0) > near) & (np.abs(f1) < np.abs(f0))
    short = 2 * np.abs(trial) < np.minimum(np.abs(s0), 3 * np.abs(middle) - near)
    s0, s1 = _chosen(tries & short, s1, middle), _chosen(tries & short, trial, middle)
    least = _chosen(middle > 0, near, -near)
    moved = x1 + _chosen(np.abs(s1) > near, s1, least)
    new = _State(x1, moved, x2, f1, f(moved), f2, s0, s1)
    ended = _State(x0, x1, x2, f0, f1, f2, s0, s1)
    return _State(*(_chosen(done, e, n) for e, n in zip(ended, new, strict=True))), done
