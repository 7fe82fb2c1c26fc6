"""Student's t in its degrees of freedom: a score without cancellation and integrals of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.types import Tangent, Value
from .gamma_beta import log_beta
from .incomplete_beta import NODES, WEIGHTS, _end
from .interpolation import interpolated, is_many, is_one_number
from .kinds import (
    cases,
    closed,
    column,
    declared,
    find,
    flat,
    gauss_legendre,
    horner,
    inverse,
    lost,
    where,
)

# psi((v + 1) / 2) - psi(v / 2) - 1 / v by powers of 1 / v**2 (DLMF 5.11.2, 24.11).
EXCESS = (1 / 2, -1 / 4, 1 / 2, -17 / 8, 31 / 2, -691 / 4, 5461 / 2, -929569 / 16)
MOST = 1e100  # squares of larger numbers may overflow
INNER, INNER_WEIGHTS = gauss_legendre(40)
_log1pmx: Any = find("_log1pmx")


def _half_excess(v: Any) -> Any:
    def far(v: Any) -> Any:
        i = 1 / (v * v)
        return i * horner(i, EXCESS)

    def near(v: Any) -> Any:
        return special.psi(v / 2 + 0.5) - special.psi(v / 2) - 1 / v

    return where(unbox(v) > 24, far, near, v, fill=24.0)


def _share(v: Any, t: Tangent) -> Any:
    """``t**2 / (v + t**2)``."""
    if np.max(np.abs(unbox(t)), initial=0.0) > MOST:
        return (t / np.hypot(np.sqrt(v), t)) ** 2
    square = t * t
    return square / (v + square)


def _log_rest(v: Any, t: Tangent) -> Any:
    """``log(1 + t**2 / v)``."""
    if np.max(np.abs(unbox(t)), initial=0.0) > MOST:
        root = np.sqrt(v)
        return where(
            np.abs(unbox(t)) > unbox(root),
            lambda t, root: 2 * np.log(np.hypot(t, root) / root),
            lambda t, root: np.log1p((t / root) ** 2),
            *np.broadcast_arrays(t, root),
        )
    return np.log1p(t * t / v)


def t_score(v: Any, t: Tangent) -> Any:
    """The derivative of the logarithm of the density in v."""
    return _score(v, _share(v, t), _log_rest(v, t))


def _score(v: Any, p: Any, log: Any) -> Any:
    """`t_score` of the share and the logarithm."""
    mixed = where(
        unbox(p) > 0.5,
        lambda p, log: p - log,
        lambda p, log: _log1pmx(-p),
        *np.broadcast_arrays(p, log),
        fill=0.5,
    )
    return 0.5 * (_half_excess(v) + mixed + p / v)


def _t_logpdf_values(v: Any, t: Tangent) -> Any:
    with np.errstate(all="ignore"):
        tail = (np.add(v, 1) / 2) * _log_rest(np.asarray(v, float), np.asarray(t, float))
        return -log_beta(np.divide(v, 2), 0.5) - 0.5 * np.log(v) - tail


def _t_logpdf_dt(x: Value, y: Value) -> Any:
    if np.max(np.abs(unbox(y)), initial=0.0) > MOST:
        size = np.hypot(np.sqrt(x), y)
        return -(x + 1) * (y / size) / size
    return -(x + 1) * y / (x + y * y)


t_logpdf = declared(
    _t_logpdf_values, lambda x, y: t_score(x, y), _t_logpdf_dt, name="special.t_logpdf"
)


def _by_df(v: Any, t: Tangent) -> Any:
    """For t < 0, dF/dv as the integral over the tail; or minus that over the centre."""
    size = np.abs(t)
    density = np.exp(t_logpdf(v, t))

    def outer(v: Any, size: Any, density: Any) -> Any:
        n, share = unbox(v), column(_share(v, size))
        root = np.sqrt(n)
        rest = (root / np.hypot(root, unbox(size))) ** 2
        width = _end(n / 2, 0.5 + 0 * n, rest, unbox(share)[..., 0]) / 40
        s = column(width) * NODES  # u = size * exp(s / 2)
        ratio = where(
            unbox(share) + 0 * s > 0.5,
            lambda s, share: s + np.log1p((1 - share) * np.expm1(-s)),
            lambda s, share: np.log1p(share * np.expm1(s)),
            *np.broadcast_arrays(s, share),
        )
        e = np.exp(-(column(v) + 1) / 2 * ratio + s / 2)
        score = _score(column(v), share * np.exp(s - ratio), column(_log_rest(v, size)) + ratio)
        terms = np.where(unbox(e) > 0, score * e, 0.0)
        front = np.exp(t_logpdf(v, size) + np.log(size))  # the density alone may underflow
        return 0.5 * front * width * np.matmul(terms, WEIGHTS)

    def inner(v: Any, size: Any, density: Any) -> Any:
        root = np.sqrt(column(v))  # u = root * sinh(end * t**2): the width of the peak is root
        end = np.arcsinh(column(size) / root)
        y = end * INNER * INNER
        rest = np.log1p(2 * np.sinh(end / 2) ** 2) - np.log1p(2 * np.sinh(y / 2) ** 2)
        e = np.exp((column(v) + 1) * rest) * np.cosh(y) * INNER
        terms = t_score(column(v), root * np.sinh(y)) * e
        return -density * np.matmul(terms * (2 * end * root), INNER_WEIGHTS)

    known = (unbox(v) > 0) & (unbox(size) < np.inf)
    beyond = ~known
    up = t_score(np.where(known, unbox(v), 1.0), np.where(known, unbox(size), 1.0)) < 0
    lower = cases(
        (v, size, density),
        (beyond, lambda v, size, density: lost(~(unbox(v) > 0), v, size)),
        (up, outer),
        otherwise=inner,
    )
    return lower * np.where(unbox(t) > 0, -1.0, 1.0)


_direct = flat(_by_df)


def stdtr_v(v: Any, t: Any) -> Any:
    """The derivative of the distribution function in v, at many t by interpolation."""
    if is_many(t) and is_one_number(v) and np.all(v > 0):
        v = float(np.reshape(v, ()))
        with np.errstate(over="ignore"):
            s = np.log1p(np.square(t) / v)

        def ratio(s: Any) -> Any:
            size = np.sqrt(v * np.expm1(s))
            return _direct(v, -size) / (size * np.exp(t_logpdf(v, size)))

        if np.max(s) < min(600.0, 1000 / v):
            found = interpolated(ratio, s)
            if found is not None:
                return -found * t * np.exp(t_logpdf(v, t))
    return _direct(v, t)


closed("stdtr", lambda x, y: stdtr_v(x, y), lambda x, y: np.exp(t_logpdf(x, y)))
inverse("stdtrit", lambda v, p, t: special.stdtr(v, t) - p)
inverse("stdtridf", lambda p, t, v: special.stdtr(v, t) - p)
