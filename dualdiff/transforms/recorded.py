"""Derivatives of solvers' results in a program that `compile` records.

Newton's method takes the same number of steps at every replay; conditions see that it is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.types import Value
from ..errors import UnsupportedInputError, user_line
from .systems import LEAST_CONDITION

NEWTON = 4  # most steps from a solver's result to the root
FINE = 1e-7  # relative size of the last of them, after which the system does not change any more
FAR = 0.1  # relative distance of a solver's result that is no root
ASIDE = 1e-7  # relative distance at which the derivative must be nearly the same
LEAST = 1e-5  # the size of a root for which smaller ones count in `FINE`

Step = Callable[[Any], Any]


def refusal() -> UnsupportedInputError:
    """The error for what must run eagerly."""
    return UnsupportedInputError(f"the result of this solver is not recorded, {user_line()}.")


def inverted(matrix: Value, diagonal: bool) -> tuple[Step, Any]:
    """What applies the inverse of a matrix of derivatives, and the condition of the matrix."""
    if diagonal:
        return (lambda r: r / matrix), 1.0
    # Equations and unknowns have units of their own: the condition is that of the scaled matrix.
    rows = np.max(np.abs(matrix), axis=1)
    scaled = matrix / rows[:, None]
    columns = np.max(np.abs(scaled), axis=0)
    scaled = scaled / columns
    inverse = np.linalg.inv(scaled)
    condition = np.max(np.sum(np.abs(scaled), axis=0)) * np.max(np.sum(np.abs(inverse), axis=0))
    full = inverse / columns[:, None] / rows
    return (lambda r: r @ full.T), condition


def recorded_root(
    slopes: Callable[[Any], tuple[Any, Any]], start: Value, diagonal: bool
) -> tuple[Any, Step]:
    """The root next to a recorded result of a solver, and the inverse of the derivative there.

    `slopes` gives the plain residual and its derivative at a point.
    Raises: UnsupportedInputError where that is no simple root.
    """

    def size(x: Value) -> Any:
        return np.max(np.abs(x))

    z = start
    for _ in range(NEWTON):
        value, matrix = slopes(z)
        solve, condition = inverted(matrix, diagonal)
        step = solve(value)
        z = z - step
        if bool(size(step) <= FINE * np.maximum(size(z), LEAST)):
            break
    else:
        raise refusal()
    near = size(z - start) <= FAR * (1.0 + size(start))
    # Where the derivative is singular, a small step changes it as a whole.
    signs = 1.0 - 2.0 * (np.arange(z.size) % 2) if z.shape else 1.0
    aside = ASIDE * (np.abs(z) + 1e-3 * np.maximum(size(z), LEAST)) * signs
    change = solve(slopes(z + aside)[0] - slopes(z)[0])
    simple = size(change - aside) <= 0.5 * size(aside)
    if not bool(near & simple & (condition * LEAST_CONDITION < 1.0)):
        raise refusal()
    return z, solve
