"""Probabilities of all that lies below a point, for several normal or t variables, by exact
quadrature.

A path leads from uncorrelated variables to those of a correlation R, ``I + u (R - I)``. Along it
the derivative is the density of a pair times a probability of the others given it (Plackett 1954;
Genz 2004, Numerical computation of rectangular bivariate and trivariate normal and t
probabilities), so that the dimension falls by two. Uncorrelated t variables are normal ones over a
common scale, by which one integrates.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ..special.kinds import gauss_legendre, horner, where
from .compiled import LOG1PMX, LOG_2PI, stirling_rest

MOST = 5  # variables: with each two more, quadratures nest once more
DROP = 40.0  # integrals end where the integrand has fallen by exp(-40)
LEAST = 1e-8  # eigenvalue of a correlation, below which it counts as singular
BLOCK = 1 << 20  # numbers that lie in memory at once
NARROW = 0.7
EXP_REST = [2.0 ** (j + 2) / math.factorial(j + 3) for j in range(22)]  # expm1(2 y) / 2 - y - y**2
NODES, WEIGHTS = gauss_legendre(16)


def below(x: Value, cov: Any, df: Value) -> Any:
    """The probability that all variables are at most x.

    Arguments: `x`, of shape (m, n); `cov`, of shape (n, n); `df`, a number, or None for normal
    variables.
    Returns: an array of shape (m,).
    Raises: UnsupportedInputError beyond `MOST` variables.
    """
    m, n = shape_of(x)
    deviations = np.sqrt(np.diagonal(cov))
    corr = cov / (deviations[:, None] * deviations)
    x = x / deviations
    most = max(1, BLOCK // 8 ** max(0, 2 * (n - 1)))
    parts = [_below(x[k : k + most], corr[None], df) for k in range(0, m, most)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def check(cov: Any, what: str) -> None:
    """Refuse more variables than the formulas hold for, and singular covariances."""
    plain = np.asarray(unbox(cov))
    if len(plain) > MOST:
        raise UnsupportedInputError(
            f"{what} of {len(plain)} variables has no derivative, {user_line()}; it has one of up "
            f"to {MOST} variables"
        )
    if not is_regular(plain):
        raise UnsupportedInputError(
            f"{what} has no derivative at a matrix that is singular, or nearly so, {user_line()}; "
            f"leave out variables that depend on others"
        )


def is_regular(cov: Any) -> bool:
    """Whether the correlations of a covariance are far enough from singular ones."""
    deviations = np.sqrt(np.diagonal(cov))
    return bool(np.linalg.eigvalsh(cov / deviations[:, None] / deviations)[0] > LEAST)


def _below(x: Value, corr: Any, df: Value) -> Any:
    """Of standard variables, x of shape (m, n), with their correlations (m, n, n) or (1, n, n)."""
    n = shape_of(x)[-1]
    if n == 0:
        return np.ones(shape_of(x)[0])
    if n == 1:
        return special.ndtr(x[:, 0]) if df is None else special.stdtr(df, x[:, 0])
    start = np.prod(special.ndtr(x), axis=-1) if df is None else _uncorrelated(x, df)
    u, weights = _path(corr)
    for i, j in itertools.combinations(range(n), 2):
        if np.any(unbox(corr[:, i, j])):
            start = start + np.matmul(_along(x, corr, df, i, j, u), weights)
    return start


def _path(corr: Any) -> tuple[Any, Any]:
    """Nodes and weights on (0, 1), denser near 1 by which a nearly singular end demands it."""
    least = max(float(np.min(np.linalg.eigvalsh(unbox(corr))[..., 0])), LEAST / 10)
    ends = 1 - 0.5 ** np.arange(0.0, np.ceil(-np.log2(least)) + 1)
    ends = np.append(ends, 1.0)
    width = np.diff(ends)[:, None]
    return (ends[:-1, None] + width * NODES).ravel(), (width * WEIGHTS).ravel()


def _along(x: Value, corr: Any, df: Value, i: int, j: int, u: Any) -> Any:
    """The derivative along the path due to the correlation of i and j, of shape (m, nodes)."""
    r = corr[:, i, j, None]
    s = r * u
    rest = (1 - s) * (1 + s)
    xi, xj = x[:, i, None], x[:, j, None]
    slope_i, slope_j = (xi - s * xj) / rest, (xj - s * xi) / rest
    square = xi * slope_i + xj * slope_j
    front = r / (2 * np.pi * np.sqrt(rest))
    if df is None:
        front, scale = front * np.exp(-square / 2), 1.0
    else:
        front = front * np.exp(-log_power(square, df))
        scale = 1 / np.sqrt(1 + square / df)
    others = [k for k in range(shape_of(x)[-1]) if k not in (i, j)]
    if not others:
        return front
    ci, cj = (corr[:, others, k][:, None, :] * u[:, None] for k in (i, j))
    s, rest = s[..., None], rest[..., None]
    shift = x[:, None, others] - ci * slope_i[..., None] - cj * slope_j[..., None]
    ai, aj = (ci - s * cj) / rest, (cj - s * ci) / rest
    # A matrix of the path is I + u (R - I).
    inner = corr[:, others][:, :, others][:, None]
    inner = inner * u[:, None, None] + np.eye(len(others)) * (1 - u[:, None, None])
    left = inner - ai[..., None] * ci[..., None, :] - aj[..., None] * cj[..., None, :]
    deviations = np.sqrt(np.diagonal(left, axis1=-2, axis2=-1))
    left = left / (deviations[..., None] * deviations[..., None, :])
    shape, n = shape_of(front), len(others)
    at = np.reshape((shift / deviations) * np.reshape(scale, (*shape_of(scale), 1)), (-1, n))
    left = np.reshape(np.broadcast_to(left, (*shape, n, n)), (-1, n, n))
    return front * np.reshape(_below(at, left, df), shape)


def _uncorrelated(x: Value, df: Value) -> Any:
    """The mean of the product of normal probabilities at ``s x`` over the common scale s.

    It is taken around the product at x, from which it differs little where df is large.
    """
    middle = np.prod(special.ndtr(x), axis=-1)
    s, weights, rest = scales(df, float(np.max(np.abs(unbox(x)), initial=1.0)))
    products = np.prod(special.ndtr(x[:, None] * s[:, None]), axis=-1)
    mean = middle + np.matmul(products - middle[:, None], weights)
    return mean + rest * (0.5 ** shape_of(x)[-1] - middle)


def scales(df: Value, far: float) -> tuple[Any, Any, Any]:
    """Nodes and weights for the scale s of t variables, of which ``df s**2`` is chi-square.

    Arguments: `df`, a number; `far`, the largest number that s multiplies.
    Returns: the nodes, their weights, and the probability of scales below them, at which what is
    integrated is that of s = 0.
    """
    v = float(unbox(df))

    def drop(y: Any) -> Any:
        return v * (np.expm1(2 * y) / 2 - y)  # of s = exp(y)

    ends = []
    for sign in (-1.0, 1.0):
        length = 2.0**-30
        while drop(sign * length) < DROP:
            length *= 1.25
        ends.append(sign * length)
    least = -np.log(far) - 37.0
    low, high = max(ends[0], least), ends[1]
    panels = int(np.ceil((high - low) / min(1.0, 2.5 / np.sqrt(2 * v))))
    y = low + (high - low) * (np.arange(panels)[:, None] + NODES).ravel() / panels
    weights = np.tile(WEIGHTS, panels) * ((high - low) / panels)
    a = df / 2
    log = np.log(2) - 0.5 * LOG_2PI - stirling_rest(a)
    if max(-low, high) < NARROW:  # nodes follow the width, or the sum of their changes cancels
        square, y = v * y * y, y * np.sqrt(v / df)
        log = log + 0.5 * np.log(v / 2) - square * (1 + y * horner(y, EXP_REST))
        return np.exp(y), np.exp(log) * weights, 0.0
    log = log + 0.5 * np.log(a) - df * (np.expm1(2 * y) / 2 - y)
    rest = special.gammainc(a, a * np.exp(2 * low)) if low == least else 0.0
    return np.exp(y), np.exp(log) * weights, rest


def log_power(square: Value, df: Value) -> Any:
    """``df / 2 log1p(square / df)``, of which the derivative in df does not cancel."""
    return where(
        unbox(square) < 0.1 * unbox(df),
        lambda q, v: q / 2 * (1 + q / v * horner(q / v, LOG1PMX)),
        lambda q, v: v / 2 * np.log1p(q / v),
        *np.broadcast_arrays(square, df),
    )
