"""Eigenvectors of the recurrences of wave functions, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....array.box import unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from .kinds import column

MOST_ROWS = 1000  # of a matrix, which is dense
WAVE_BLOCK = 100  # elements whose matrices are there at once


def by_order(orders: Any, function: Callable[..., Any], *args: Value) -> Any:
    """``function(order, *args)``, whose elements lie along the last axis, each of its own order.

    It sees no arguments of elements that have another order.
    """
    each = np.unique(orders)
    if len(each) == 1:
        return function(each[0], *args)
    total: Any = 0.0
    for order in each:
        chosen = orders == order
        at = np.argmax(chosen)
        known = (np.where(chosen, a, unbox(a)[..., at, None]) for a in args)
        total = total + np.where(chosen, function(order, *known), 0.0)
    return total


def by_degree(m: Any, n: Any, function: Callable[..., Any], *args: Value) -> Any:
    """The same of an order and a degree, ``function(m, n, *args)``."""
    return by_order(m + 1j * n, lambda z, *at: function(int(z.real), int(z.imag), *at), *args)


def rows(count: Any) -> int:
    """The rows of a matrix, or an error where an order or a parameter makes it too large."""
    if not count <= MOST_ROWS:
        raise UnsupportedInputError(
            f"wave functions have no derivative in a parameter here, {user_line()}: the order or "
            f"the parameter is not finite, or so large that the matrix of the recurrence has more "
            f"than {MOST_ROWS} rows; hold the parameter constant with dualdiff.stop_gradient"
        )
    return int(count)


def tridiagonal(diagonal: Any, beside: Any) -> Any:
    """A symmetric matrix of constants."""
    n = len(diagonal)
    full = np.zeros((n, n))
    places = full.reshape(-1)
    places[:: n + 1] = diagonal
    places[1 :: n + 1] = places[n :: n + 1] = beside
    return full


def dot(terms: Any, others: Any) -> Any:
    return np.sum(terms * others, axis=-1)


def mode(t: Value, base: Any, change: Any, index: int) -> tuple[Any, Any, Any]:
    """An eigenvector of the tridiagonal matrices ``base + t * change``, whose largest element is 1.

    Its elements keep their relative accuracy, and so do the derivatives: elimination passes over
    small elements and large ones apart.
    Returns: the vector, and the derivatives of the eigenvalue and of the vector by t.
    """
    n = len(base)
    full = base + column(column(t)) * change
    values, vectors = np.linalg.eigh(full)
    top = np.argmax(np.abs(unbox(vectors)[..., index]), axis=-1)
    # The equation of the largest element says that it is 1.
    unit = column(top) == np.arange(n)
    eye = np.eye(n)
    equations = np.where(unit[..., None], eye, full - values[..., index, None, None] * eye)
    vector = np.linalg.solve(equations, 1.0 * unit[..., None])
    moved = (change @ vector)[..., 0]
    vector = vector[..., 0]
    by_t = dot(vector, moved) / dot(vector, vector)
    rest = np.where(unit, 0.0, column(by_t) * vector - moved)
    return vector, by_t, np.linalg.solve(equations, rest[..., None])[..., 0]
