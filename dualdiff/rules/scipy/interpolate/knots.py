"""B-splines on traced knots, coefficients and points: basis functions, and pieces of polynomials.

Source: C. de Boor, "A Practical Guide to Splines" (2001), chapters IX and X.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from . import pieces


def intervals_of(t: Any, k: int) -> Any:
    """The plain indices j of the intervals ``t[j] < t[j + 1]`` of a spline's domain."""
    n = len(t) - k - 1
    return k + np.flatnonzero(np.diff(t[k : n + 1]) > 0)


def interval_at(t: Any, k: int, x: Any) -> Any:
    """The interval of each plain point; the first and last one reach beyond the domain."""
    found = intervals_of(t, k)
    i = np.searchsorted(t[found], x, "right") - 1
    return found[np.clip(i, 0, len(found) - 1)]


def basis(t: Value, k: int, x: Value, interval: Any) -> Any:
    """The k + 1 B-splines of degree k that are not zero on the interval of each point: (r, k + 1).

    The j-th one has the coefficient ``interval - k + j``.
    """
    x = x[:, None]
    out: Any = np.ones((len(interval), 1))
    for d in range(1, k + 1):
        j = interval[:, None] + 1 + np.arange(d)
        right, left = t[j], t[j - d]
        part = out / (right - left)
        none = np.zeros((len(interval), 1))
        out = np.concatenate([(right - x) * part, none], axis=1)
        out = out + np.concatenate([none, (x - left) * part], axis=1)
    return out


def derivative_matrix(t: Value, k: int, interval: Any, nu: int) -> Any:
    """What the k + 1 coefficients of an interval contribute to those of the nu-th derivative.

    Returns: an array (r, k + 1 - nu, k + 1).
    """
    out: Any = np.broadcast_to(np.eye(k + 1), (len(interval), k + 1, k + 1))
    for p in range(1, nu + 1):
        j = interval[:, None] + np.arange(1, k + 2 - p)
        scale = (k + 1 - p) / (t[j] - t[j - (k + 1 - p)])
        out = (out[:, 1:] - out[:, :-1]) * scale[:, :, None]
    return out


def basis_derivative(t: Value, k: int, x: Value, interval: Any, nu: int) -> Any:
    """The nu-th derivatives of `basis`: (r, k + 1)."""
    if nu > k:
        return np.zeros((len(interval), k + 1))
    if not nu:
        return basis(t, k, x, interval)
    lower = basis(t, k - nu, x, interval)
    return np.sum(lower[:, :, None] * derivative_matrix(t, k, interval, nu), axis=1)


def taylor_matrix(t: Value, k: int, interval: Any) -> Any:
    """What the k + 1 coefficients of an interval contribute to its power coefficients.

    Returns: an array (m, k + 1, k + 1), for powers of ``x - t[interval]``, the highest
    first, as in `pieces`.
    """
    x = t[interval]
    rows = [basis_derivative(t, k, x, interval, p) / factorial(p) for p in range(k, -1, -1)]
    return np.stack(rows, axis=1)


def to_pieces(t: Value, c: Value, k: int, used: Any = None) -> tuple[Any, Any]:
    """A spline with c (n, e) as piecewise polynomials on its intervals, or on those in `used`.

    Returns: coefficients (k + 1, m, e) and breaks (m + 1,).
    """
    interval = intervals_of(unbox(t), k) if used is None else used
    local = c[interval[:, None] - k + np.arange(k + 1)]
    coefficients = np.einsum("mpj,mje->pme", taylor_matrix(t, k, interval), local)
    ends = np.append(interval, interval[-1] + 1)
    return coefficients, t[ends]


def spline(t: Value, c: Value, k: int, x: Value, nu: int = 0, extrapolate: bool = True) -> Any:
    """The nu-th derivative of a spline with c (n, e) at points x (r,): an array (r, e).

    Points outside the domain give NaN with derivative 0 unless `extrapolate` is set.
    """
    plain_t, plain_x = unbox(t), unbox(x)
    if nu > k:
        return np.zeros((len(plain_x), shape_of(c)[1]))
    used = np.unique(interval_at(plain_t, k, plain_x))
    coefficients, breaks = to_pieces(t, c, k, used)
    out = pieces.values(coefficients, breaks, x, nu)
    if not extrapolate:
        bad = pieces.outside(plain_t[[k, len(plain_t) - k - 1]], plain_x)
        if bad.any():
            out = np.where(bad[:, None], np.nan, out)
    return out


def design_rows(t: Value, k: int, x: Value, nu: int = 0) -> tuple[Any, Any]:
    """The nonzero entries of rows of a collocation matrix, (r, k + 1), and their first columns."""
    interval = interval_at(unbox(t), k, unbox(x))
    return basis_derivative(t, k, x, interval, nu), interval - k


def differentiated(t: Value, c: Value, k: int) -> tuple[Any, Any, int]:
    """The derivative of a spline with c (n, ...), with n - 1 coefficients."""
    n = shape_of(t)[0] - k - 1
    width = t[k + 1 : k + n] - t[1:n]
    none = unbox(width) == 0
    scale = np.where(none, 0.0, k / np.where(none, 1.0, width))
    return t[1:-1], (c[1:n] - c[: n - 1]) * _column(scale, c), k - 1


def integrated(t: Value, c: Value, k: int) -> tuple[Any, Any, int]:
    """The antiderivative of a spline with c (n, ...), 0 at the first knot."""
    n = shape_of(t)[0] - k - 1
    width = (t[k + 1 :] - t[:n]) / (k + 1)
    sums = np.cumsum(c[:n] * _column(width, c), axis=0)
    sums = np.concatenate([np.zeros((1, *shape_of(c)[1:])), sums])
    return np.concatenate([t[:1], t, t[-1:]]), sums, k + 1


def _column(a: Value, like: Value) -> Any:
    return a[(slice(None),) + (None,) * (np.ndim(like) - 1)]
