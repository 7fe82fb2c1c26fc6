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
    where,
)

# psi((v + 1) / 2) - psi(v / 2) - 1 / v by powers of 1 / v**2 (DLMF 5.11.2, 24.11).
EXCESS = (1 / 2, -1 / 4, 1 / 2, -17 / 8, 31 / 2, -691 / 4, 5461 / 2, -929569 / 16)
INNER, INNER_WEIGHTS = gauss_legendre(40)
_log1pmx: Any = find("_log1pmx")


def _half_excess(v: Any) -> Any:
    def far(v: Any) -> Any:
        i = 1 / (v * v)
        return i * horner(i, EXCESS)

    def near(v: Any) -> Any:
        return special.psi(v / 2 + 0.5) - special.psi(v / 2) - 1 / v

    return where(unbox(v) > 24, far, near, v, fill=24.0)


def t_score(v: Any, square: Any) -> Any:
    """The derivative of the logarithm of the density in v; `square` is the squared argument."""
    w, p = square / v, square / (v + square)
    mixed = where(
        unbox(w) > 1,
        lambda w, p: p - np.log1p(w),
        lambda w, p: _log1pmx(-p),
        w, p,
        fill=0.5,
    )  # fmt: skip
    return 0.5 * (_half_excess(v) + mixed + p / v)


def _t_logpdf_values(v: Any, t: Tangent) -> Any:
    with np.errstate(all="ignore"):
        tail = (np.add(v, 1) / 2) * np.log1p(np.square(t) / v)
        return -log_beta(np.divide(v, 2), 0.5) - 0.5 * np.log(v) - tail


def _t_logpdf_dt(x: Value, y: Value) -> Any:
    return -(x + 1) * y / (x + y * y)


t_logpdf = declared(
    _t_logpdf_values, lambda x, y: t_score(x, y * y), _t_logpdf_dt, name="special.t_logpdf"
)


def _by_df(v: Any, t: Tangent) -> Any:
    """For t < 0, dF/dv as the integral over the tail; or minus that over the centre."""
    size = np.abs(t)
    density = np.exp(t_logpdf(v, t))

    def outer(v: Any, size: Any, density: Any) -> Any:
        n, square = unbox(v), unbox(size) ** 2
        width = _end(n / 2, 0.5 + 0 * n, n / (n + square)) / 40
        s = column(width) * NODES  # u = size * exp(s / 2)
        a = column(size) ** 2
        ratio = np.log1p(a * np.expm1(s) / (column(v) + a))
        e = np.exp(-(column(v) + 1) / 2 * ratio + s / 2)
        terms = np.where(unbox(e) > 0, t_score(column(v), a * np.exp(s)) * e, 0.0)
        return 0.5 * density * size * width * np.matmul(terms, WEIGHTS)

    def inner(v: Any, size: Any, density: Any) -> Any:
        a = column(size)
        u = a * INNER
        e = np.exp(-(column(v) + 1) / 2 * np.log1p((u * u - a * a) / (column(v) + a * a)))
        return -density * size * np.matmul(t_score(column(v), u * u) * e, INNER_WEIGHTS)

    known = (unbox(v) > 0) & (unbox(size) < np.inf)
    beyond = ~known
    up = t_score(np.where(known, unbox(v), 1.0), np.where(known, unbox(size), 1.0) ** 2) < 0
    lower = cases(
        (v, size, density),
        (beyond, lambda v, size, density: np.where(unbox(v) > 0, 0.0, np.nan)),
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
