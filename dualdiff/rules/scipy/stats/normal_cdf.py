"""The distribution function of the multivariate normal distribution (Plackett 1954).

Its derivative in a limit is the density of that variable times the distribution function of the
others given it; in the covariance it is half the second derivative in the limits. The conditional
functions are of lower dimension, and exact up to two.
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

SEED = 1  # of SciPy's randomised quadrature from three dimensions on


def _values(x: Value, y: Value) -> Any:
    if is_box(x) or is_box(y):
        return normal_cdf_p(x, y)
    n = len(x)
    if n < 2:
        return special.ndtr(x[0] / np.sqrt(y[0, 0])) if n else np.float64(1.0)
    return _scipys(x, y)


def _scipys(x: Value, cov: Any) -> Any:
    distribution = stats.multivariate_normal(np.zeros(len(x)), cov, allow_singular=True, seed=SEED)
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
    n = shape_of(cov)[0]
    if lower is not None:
        shape = np.broadcast_shapes(shape_of(x), shape_of(lower))
        x, lower = np.broadcast_to(x, shape), np.broadcast_to(lower, shape)
        total: Any = 0.0
        for corner in itertools.product((True, False), repeat=n):
            part = normal_cdf(np.where(np.array(corner), x, lower), None, cov)
            total = total + (-1) ** (n - sum(corner)) * part
        return total
    if np.ndim(x) == 1:
        return normal_cdf_p(x, cov)
    outer = shape_of(x)[:-1]
    rows = np.reshape(x, (-1, n))
    parts = [normal_cdf_p(rows[k], cov) for k in range(shape_of(rows)[0])]
    return np.reshape(np.stack(parts), outer) if parts else np.zeros(outer)
