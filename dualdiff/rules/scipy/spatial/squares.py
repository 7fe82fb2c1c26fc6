"""Squared Euclidean distances of many points, whose rules are products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import distance

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Cotangent, Tangent, Value
from ...declare import rule


def _centred(*points: Value) -> list[Any]:
    """Points moved by one constant to their plain centre, so that products do not cancel."""
    first = unbox(points[0])
    centre = np.sum(first, axis=0) / max(1, len(first))
    return [p - centre for p in points]


def _transposed(a: Value) -> Any:
    return np.swapaxes(a, -1, -2)


def _between(x: Value, y: Value) -> Any:
    if is_box(x) or is_box(y):
        return between_p(x, y)
    return distance.cdist(x, y, "sqeuclidean")


def _between_jvp(ts: Any, x: Value, y: Value) -> Tangent:
    x, y = _centred(x, y)
    tx, ty = ts
    total: Any = 0.0
    if tx is not None:
        total = np.sum(tx * x, axis=-1)[..., :, None] - np.matmul(tx, y.T)
    if ty is not None:
        total = total + np.sum(ty * y, axis=-1)[..., None, :] - np.matmul(x, _transposed(ty))
    return 2.0 * total


def _between_vjp(g: Cotangent, x: Value, y: Value, active: Any) -> Any:
    x, y = _centred(x, y)
    gx = gy = None
    if active[0]:
        gx = 2.0 * (np.sum(g, axis=-1)[..., None] * x - np.matmul(g, y))
    if active[1]:
        gy = 2.0 * (np.sum(g, axis=-2)[..., None] * y - np.matmul(_transposed(g), x))
    return gx, gy


between_p = rule(_between, jvp=_between_jvp, vjp=_between_vjp, name="spatial.squares_between")


def _within(x: Value) -> Any:
    return within_p(x) if is_box(x) else distance.pdist(x, "sqeuclidean")


def _within_jvp(t: Tangent, x: Value) -> Tangent:
    (x,) = _centred(x)
    i, j = np.triu_indices(shape_of(x)[0], 1)
    own = np.sum(t * x, axis=-1)
    cross = np.matmul(t, x.T)
    cross = cross + _transposed(cross)
    return 2.0 * (own[..., i] + own[..., j] - cross[..., i, j])


def _within_vjp(g: Cotangent, x: Value) -> Cotangent:
    (x,) = _centred(x)
    w = square(g, shape_of(x)[0])
    return 2.0 * (np.sum(w, axis=-1)[..., None] * x - np.matmul(w, x))


within_p = rule(_within, jvp=_within_jvp, vjp=_within_vjp, name="spatial.squares_within")


def _roots_between(x: Value, y: Value) -> Any:
    if is_box(x) or is_box(y):
        return roots_between_p(x, y)
    return distance.cdist(x, y)


def _roots_within(x: Value) -> Any:
    return roots_within_p(x) if is_box(x) else distance.pdist(x)


# Of points that are all different.
roots_between_p = rule(
    _roots_between,
    jvp=lambda ts, x, y, ans: _between_jvp(ts, x, y) / (2.0 * ans),
    vjp=lambda g, x, y, ans, active: _between_vjp(g / (2.0 * ans), x, y, active),
    name="spatial.distances_between",
)
roots_within_p = rule(
    _roots_within,
    jvp=lambda t, x, ans: _within_jvp(t, x) / (2.0 * ans),
    vjp=lambda g, x, ans: _within_vjp(g / (2.0 * ans), x),
    name="spatial.distances_within",
)


def square(x: Value, n: int) -> Any:
    """Condensed distances (..., n (n - 1) / 2) as symmetric matrices (..., n, n)."""
    if type(x) is np.ndarray and x.ndim == 1:
        return distance.squareform(x, checks=False) if n > 1 else np.zeros((n, n))
    i, j = np.triu_indices(n, 1)
    place = np.full((n, n), len(i))
    place[i, j] = place[j, i] = np.arange(len(i))
    none = np.zeros((*shape_of(x)[:-1], 1))
    return np.concatenate([x, none], axis=-1)[..., place]
