"""Probabilities of boxes, by those of all that lies below their corners."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value


def over_corners(below: Callable[..., Any], x: Value, lower: Any) -> Any:
    """The probability of the box between `lower` (None for all that is below) and x.

    Arguments: `below(points, kept)`, the probability that the variables `kept` are at most the
    points, of shape (m, len(kept)); `x`, `lower`, of shape (..., n), which may be infinite.
    Returns: an array of shape (...).
    """
    n = shape_of(x)[-1]
    if lower is None:
        outer, corners, signs = shape_of(x)[:-1], [x], [1.0]
    else:
        shape = np.broadcast_shapes(shape_of(x), shape_of(lower))
        x, lower = np.broadcast_to(x, shape), np.broadcast_to(lower, shape)
        outer, corners, signs = shape[:-1], [], []
        for upper in itertools.product((True, False), repeat=n):
            corners.append(np.where(np.array(upper), x, lower))
            signs.append((-1.0) ** (n - sum(upper)))
    points = np.concatenate([np.reshape(c, (-1, n)) for c in corners])
    if not shape_of(points)[0]:
        return np.zeros(outer)
    probabilities = _of_points(below, points)
    return np.reshape(np.matmul(signs, np.reshape(probabilities, (len(signs), -1))), outer)


def _of_points(below: Callable[..., Any], points: Value) -> Any:
    """Variables that may take all values do not count; below minus infinity lies nothing."""
    plain = unbox(points)
    count = np.where(np.any(plain == -np.inf, axis=-1, keepdims=True), False, plain != np.inf)
    some = ~np.any(plain == -np.inf, axis=-1)
    if np.all(count):
        return below(points, list(range(plain.shape[1])))
    parts, places = [], []
    for pattern in np.unique(count[some], axis=0):
        rows = np.flatnonzero(some & np.all(count == pattern, axis=-1))
        kept = np.flatnonzero(pattern)
        parts.append(
            below(points[np.ix_(rows, kept)], list(kept)) if len(kept) else np.ones(len(rows))
        )
        places.append(rows)
    parts.append(np.zeros(np.count_nonzero(~some)))
    places.append(np.flatnonzero(~some))
    return np.concatenate(parts)[np.argsort(np.concatenate(places))]
