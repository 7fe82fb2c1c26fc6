"""The distribution function of the multivariate normal distribution (Plackett 1954).

Its derivative in a limit is the density of that variable times the distribution function of the
others given it; in the covariance it is half the second derivative in the limits. The conditional
functions are of lower dimension, and exact up to five.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import is_box
from ....core.batch import shape_of
from ....core.types import Cotangent, Tangent, Value
from ...declare import rule
from .boxes import over_corners
from .orthants import MOST, below, is_regular

SEED = 1  # of SciPy's randomised quadrature


def _values(x: Value, y: Value) -> Any:
    if is_box(x) or is_box(y):
        return normal_cdf_p(x, y)
    n = len(x)
    if n < 2:
        return special.ndtr(x[0] / np.sqrt(y[0, 0])) if n else np.float64(1.0)
    if 2 < n <= MOST and is_regular(y):
        return below(x[None], y, None)[0]
    distribution = stats.multivariate_normal(np.zeros(n), y, allow_singular=True, seed=SEED)
    return np.float64(distribution.cdf(x))


def _given(x: Value, cov: Any, known: list[int]) -> Any:
    """The density of the known variables times the distribution function of the others."""
    n = shape_of(x)[0]
    rest = [k for k in range(n) if k not in known]
    inner = cov[np.ix_(known, known)]
    xk = x[np.array(known)]
    solved = np.linalg.solve(inner, xk)
    log = -0.5 * (len(known) * np.log(2 * np.pi) + np.log(np.linalg.det(inner)) + xk @ solved)
    if not rest:
        return np.exp(log)
    cross = cov[np.ix_(rest, known)]
    shift = x[np.array(rest)] - cross @ solved
    left = cov[np.ix_(rest, rest)] - cross @ np.linalg.solve(inner, np.transpose(cross))
    return np.exp(log) * normal_cdf_p(shift, left)


def _gradient(x: Value, cov: Any) -> Any:
    return np.stack([_given(x, cov, [i]) for i in range(shape_of(x)[0])])


def _hessian(x: Value, cov: Any) -> Any:
    n, slopes = shape_of(x)[0], _gradient(x, cov)
    pairs = {p: _given(x, cov, list(p)) for p in itertools.combinations(range(n), 2)}
    rows = []
    for i in range(n):
        others = [(j, pairs[min(i, j), max(i, j)]) for j in range(n) if j != i]
        around = sum((cov[i, j] * h for j, h in others), x[i] * slopes[i])
        row = dict(others) | {i: -around / cov[i, i]}
        rows.append(np.stack([row[j] for j in range(n)]))
    return np.stack(rows)


def _jvp(ts: Any, x: Value, y: Value) -> Tangent:
    total: Any = 0.0 if ts[0] is None else np.sum(ts[0] * _gradient(x, y))
    return total if ts[1] is None else total + 0.5 * np.sum(ts[1] * _hessian(x, y))


def _vjp(g: Cotangent, x: Value, y: Value, active: Any) -> Cotangent:
    by_cov = 0.5 * g * _hessian(x, y) if active[1] else None
    return (g * _gradient(x, y) if active[0] else None), by_cov


normal_cdf_p: Any = rule(
    _values, jvp=_jvp, vjp=_vjp, name="stats.multivariate_normal.cdf", batched=False
)


def normal_cdf(x: Value, lower: Any, cov: Any) -> Any:
    """The probability of the box between `lower` (None for all that is below) and x, of deviations.

    Arguments: `x`, `lower`, of shape (..., n); `cov`, of shape (n, n).
    Returns: an array of shape (...).
    """

    def of_points(points: Value, kept: list[int]) -> Any:
        own = cov[np.ix_(kept, kept)]
        return np.stack([normal_cdf_p(points[k], own) for k in range(shape_of(points)[0])])

    return over_corners(of_points, x, lower)
