"""The distribution function of the multivariate t distribution.

With a common scale s, of which ``df s**2`` is chi-square, it is the mean of the normal one at
``s x``. So its derivative in a limit is the density of that variable times a distribution function
of the others given it, with one degree of freedom more; in the covariance it is half the mean of
the second derivatives of the normal one (Genz 2004). By df it is that of an integral.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Cotangent, Tangent, Value
from ...declare import rule
from ..arguments import by_scipy
from ..rebinding import deep_plain, replace
from ..special.kinds import partial
from .boxes import over_corners
from .compiled import LOG_2PI, stirling_rest
from .normal_cdf import normal_cdf
from .orthants import below, check, log_power
from .values import with_value


def _given(x: Value, cov: Any, df: Value, known: list[int], power: int) -> Any:
    """The mean of ``s**power`` times the normal density of the known variables at ``s x`` and the
    probability of the others given them."""
    rest = [k for k in range(shape_of(x)[-1]) if k not in known]
    inner, cross = cov[np.ix_(known, known)], cov[np.ix_(rest, known)]
    xk = x[:, known]
    solved = np.swapaxes(np.linalg.solve(inner, np.swapaxes(xk, -1, -2)), -1, -2)
    square = np.sum(solved * xk, axis=-1)
    log = -0.5 * (len(known) * LOG_2PI + np.log(np.linalg.det(inner)))
    log = log - log_power(square, df) - 0.5 * power * np.log1p(square / df)
    if power == 1:  # the mean of s
        a = df / 2
        log = log + log_power(1.0, df) - 0.5 + stirling_rest(a + 0.5) - stirling_rest(a)
    if not rest:
        return np.exp(log)
    scale = np.sqrt((df + power) / (df + square))[:, None]
    shift = (x[:, rest] - np.matmul(solved, np.transpose(cross))) * scale
    left = cov[np.ix_(rest, rest)] - np.matmul(cross, np.linalg.solve(inner, np.transpose(cross)))
    if len(rest) == 1:
        return np.exp(log) * special.stdtr(df + power, shift[:, 0] / np.sqrt(left[0, 0]))
    return np.exp(log) * t_cdf_p(shift, left, df + power)


def _gradient(x: Value, cov: Any, df: Value) -> Any:
    n = shape_of(x)[-1]
    return np.stack([_given(x, cov, df, [i], 1) for i in range(n)], axis=-1)


def _curvature(x: Value, cov: Any, df: Value) -> Any:
    """The mean of the second derivatives of the normal distribution function at ``s x``."""
    n, slopes = shape_of(x)[-1], _gradient(x, cov, df)
    pairs = {p: _given(x, cov, df, list(p), 0) for p in itertools.combinations(range(n), 2)}
    rows = []
    for i in range(n):
        row: dict[int, Any] = {j: pairs[min(i, j), max(i, j)] for j in range(n) if j != i}
        around = sum((cov[i, j] * h for j, h in row.items()), x[:, i] * slopes[:, i])
        row[i] = -around / cov[i, i]
        rows.append(np.stack([row[j] for j in range(n)], axis=-1))
    return np.stack(rows, axis=-2)


def _by_df(x: Value, cov: Any, df: Value) -> Any:
    return partial(lambda v: below(x, cov, v), 0)(df)


def _jvp(ts: Any, x: Value, y: Value, z: Value) -> Tangent:
    total: Any = 0.0
    if ts[0] is not None:
        total = total + np.sum(ts[0] * _gradient(x, y, z), axis=-1)
    if ts[1] is not None:
        total = total + 0.5 * np.sum(ts[1][..., None, :, :] * _curvature(x, y, z), axis=(-1, -2))
    if ts[2] is not None:
        total = total + ts[2][..., None] * _by_df(x, y, z)
    return total


def _vjp(g: Cotangent, x: Value, y: Value, z: Value, active: Any) -> Cotangent:
    return (
        g[..., None] * _gradient(x, y, z) if active[0] else None,
        0.5 * np.sum(g[..., None, None] * _curvature(x, y, z), axis=-3) if active[1] else None,
        np.sum(g * _by_df(x, y, z), axis=-1) if active[2] else None,
    )


t_cdf_p: Any = rule(below, jvp=_jvp, vjp=_vjp, name="stats.multivariate_t.cdf")
# SciPy has the value already.
_slopes_p: Any = rule(
    lambda x, cov, df: np.zeros(len(x)),
    jvp=_jvp,
    vjp=_vjp,
    name="stats.multivariate_t.cdf_slopes",
)


def t_cdf(x: Value, lower: Any, cov: Any, df: Value) -> Any:
    """A function with the derivatives of the probability of the box between `lower` (None for all
    that is below) and x, of deviations; see `normal_cdf`."""
    if unbox(df) == np.inf:
        return normal_cdf(x, lower, cov)

    def of_points(points: Value, kept: list[int]) -> Any:
        own = cov[np.ix_(kept, kept)]
        if len(kept) == 1:
            return special.stdtr(df, points[:, 0] / np.sqrt(own[0, 0]))
        return _slopes_p(points, own, df)

    check(cov, "scipy.stats.multivariate_t.cdf")
    return over_corners(of_points, x, lower)


def _replacement(
    self: Any, x: Value, loc: Any, shape: Any, df: Value, dim: int, maxpts: Any = None,
    lower_limit: Any = None, random_state: Any = None,
) -> Any:  # fmt: skip
    """SciPy's value, by random points, with the derivatives of the true function."""
    given = map(deep_plain, (x, loc, shape, df, dim, maxpts, lower_limit, random_state))
    value = by_scipy(_scipys, stats.multivariate_t, *given)
    x = self._process_quantiles(x, dim)
    lower = None if lower_limit is None else lower_limit - loc
    return with_value(value, np.reshape(t_cdf(x - loc, lower, shape, df), np.shape(value)))


_t: Any = type(stats.multivariate_t)
_scipys: Any = vars(_t).get("_cdf")
if _scipys is not None:
    replace(_scipys, _replacement)
