"""Piecewise polynomials in the power basis: values, spans and integrals on traced arrays.

The polynomial on ``[breaks[i], breaks[i + 1]]`` is ``sum_j c[j, i] (x - breaks[i])**(k - 1 - j)``,
with c of shape ``(k, m, n)`` for n functions at once. Splines of other kinds come here too, after
their coefficients have been computed in this basis.
"""

from __future__ import annotations

from math import factorial, perm
from typing import Any

import numpy as np
from scipy.interpolate import _ppoly
from scipy.sparse import csc_array

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Cotangent, Tangent, Value
from ...declare import rule
from ...numpy.creation import asarray


def pieces_of(breaks: Any, x: Any) -> Any:
    """The index of the piece that each point x belongs to, as SciPy finds it."""
    if breaks[-1] >= breaks[0]:
        i = np.searchsorted(breaks, x, "right") - 1
    else:
        i = np.searchsorted(-breaks, -x, "right") - 1
    return np.clip(i, 0, len(breaks) - 2)


def outside(breaks: Any, x: Any) -> Any:
    """Which points lie outside the pieces, or are NaN."""
    low, high = min(breaks[0], breaks[-1]), max(breaks[0], breaks[-1])
    return ~((x >= low) & (x <= high))


def _columns(a: Value, ndim: int) -> Any:
    """An array with a batch axis in front as one with more functions; `_batches` undoes it."""
    if np.ndim(a) == ndim:
        return a
    moved = np.moveaxis(a, 0, -2)
    return np.reshape(moved, (*shape_of(moved)[:-2], -1))


def _batches(a: Value, batch: tuple[int, ...]) -> Any:
    if not batch:
        return a
    parts = np.reshape(a, (*shape_of(a)[:-1], batch[0], -1))
    return np.moveaxis(parts, -2, 0)


def _floats(x: Any) -> Any:
    return np.ascontiguousarray(x, np.float64)


def _inner_values(c: Any, breaks: Any, x: Any, nu: int, extrapolate: bool) -> Any:
    out = np.empty((x.size, c.shape[2]), c.dtype)
    c, breaks, x = np.ascontiguousarray(c), _floats(breaks), _floats(x)
    _ppoly.evaluate(c, breaks, x, nu, extrapolate, out)
    return out


def _values(x: Value, y: Value, z: Value, nu: int, extrapolate: bool) -> Any:
    if is_box(x) or is_box(y) or is_box(z):
        return values_p(x, y, z, nu=nu, extrapolate=extrapolate)
    return _inner_values(x, y, z, nu, extrapolate)


def _span(x: Value, y: Value, z: Value, nu: int, extrapolate: bool, size: int) -> Any:
    """The transpose of `values` in c: for cotangents x (r, n) an array (size, m, n)."""
    if is_box(x) or is_box(y) or is_box(z):
        return span_p(x, y, z, nu=nu, extrapolate=extrapolate, size=size)
    g, breaks, points = x, y, z
    i = pieces_of(breaks, points)
    s = points - breaks[i]
    if not extrapolate:
        is_outside = outside(breaks, points)
        if is_outside.any():
            s = np.where(is_outside, 0.0, s)
            g = np.where(is_outside[:, None], 0.0, g)
    m, n = len(breaks) - 1, g.shape[1]
    out = np.zeros((size, m, n), g.dtype)
    if n != 1 or g.dtype.kind == "c":
        spread = csc_array((np.ones(i.size), i, np.arange(i.size + 1)), shape=(m, i.size))
    powers: Any = 1.0
    for p in range(nu, size):
        weight = perm(p, nu) * powers
        if n == 1 and g.dtype.kind != "c":
            out[size - 1 - p, :, 0] = np.bincount(i, weights=weight * g[:, 0], minlength=m)
        else:
            out[size - 1 - p] = spread @ (np.reshape(weight, (-1, 1)) * g)
        powers = powers * s
    return out


def _slope(c: Value, breaks: Value, x: Value, nu: int, extrapolate: bool) -> Any:
    """The next derivative by x; 0 outside, where the value is a constant NaN."""
    slope = values_p(c, breaks, x, nu=nu + 1, extrapolate=extrapolate)
    if not extrapolate:
        is_outside = outside(unbox(breaks), unbox(x))
        if is_outside.any():
            slope = np.where(is_outside[:, None], 0.0, slope)
    return slope


def _at_pieces(t: Value, breaks: Value, x: Value) -> Any:
    """The entries of t, one per break, at the left end of each point's piece."""
    return np.take(t, pieces_of(unbox(breaks), unbox(x)), axis=-1)


def _motion(tb: Any, tx: Any, breaks: Value, x: Value) -> Any:
    """The change of ``x - breaks[i]``, with a last axis for the functions; None if there is none"""
    motion = None if tx is None else tx
    if tb is not None:
        at = _at_pieces(tb, breaks, x)
        motion = -at if motion is None else motion - at
    return None if motion is None else motion[..., None]


def _values_jvp(
    ts: Any, x: Value, y: Value, z: Value, nu: int, extrapolate: bool, batch: Any
) -> Tangent:
    tc, tb, tx = ts
    total = None
    if tc is not None:
        total = values_p(_columns(tc, 3), y, z, nu=nu, extrapolate=extrapolate)
        total = _batches(total, batch)
    motion = _motion(tb, tx, y, z)
    if motion is not None:
        part = _slope(x, y, z, nu, extrapolate) * motion
        total = part if total is None else total + part
    return total


def _onto_breaks(motion: Value, y: Value, z: Value, batch: Any) -> Cotangent:
    """The cotangent of the breaks for that of ``x - breaks[i]``."""
    columns = _columns(-motion[..., None], 2)
    # Points outside have cotangent 0, so extrapolation does not matter.
    spread = _batches(span_p(columns, y, z, nu=0, extrapolate=True, size=1), batch)
    spread = spread[..., 0, :, 0]
    return np.concatenate([spread, np.zeros((*shape_of(spread)[:-1], 1))], axis=-1)


def _values_vjp(
    g: Cotangent,
    x: Value,
    y: Value,
    z: Value,
    nu: int,
    extrapolate: bool,
    active: Any,
    batch: Any,
) -> Any:
    cotangents: list[Any] = [None, None, None]
    if active[0]:
        size = shape_of(x)[0]
        spread = span_p(_columns(g, 2), y, z, nu=nu, extrapolate=extrapolate, size=size)
        cotangents[0] = _batches(spread, batch)
    if active[1] or active[2]:
        motion = np.sum(_slope(x, y, z, nu, extrapolate) * g, axis=-1)
        motion = np.real(motion) if np.iscomplexobj(unbox(motion)) else motion
        cotangents[2] = motion
        if active[1]:
            cotangents[1] = _onto_breaks(motion, y, z, batch)
    return cotangents


def _span_jvp(
    ts: Any, x: Value, y: Value, z: Value, nu: int, extrapolate: bool, size: int, batch: Any
) -> Tangent:
    tg, tb, tx = ts
    total = None
    if tg is not None:
        total = span_p(_columns(tg, 2), y, z, nu=nu, extrapolate=extrapolate, size=size)
        total = _batches(total, batch)
    motion = _motion(tb, tx, y, z)
    if motion is not None:
        moved = _columns(x * motion, 2)
        part = span_p(moved, y, z, nu=nu + 1, extrapolate=extrapolate, size=size)
        part = _batches(part, batch)
        total = part if total is None else total + part
    return total


def _span_vjp(
    g: Cotangent,
    x: Value,
    y: Value,
    z: Value,
    nu: int,
    extrapolate: bool,
    active: Any,
    batch: Any,
) -> Any:
    columns = _columns(g, 3)
    cotangents: list[Any] = [None, None, None]
    if active[0]:
        back = values_p(columns, y, z, nu=nu, extrapolate=extrapolate)
        if not extrapolate:
            is_outside = outside(unbox(y), unbox(z))
            if is_outside.any():
                back = np.where(is_outside[:, None], 0.0, back)
        cotangents[0] = _batches(back, batch)
    if active[1] or active[2]:
        slope = _batches(_slope(columns, y, z, nu, extrapolate), batch)
        motion = np.sum(slope * x, axis=-1)
        motion = np.real(motion) if np.iscomplexobj(unbox(motion)) else motion
        cotangents[2] = motion
        if active[1]:
            cotangents[1] = _onto_breaks(motion, y, z, batch)
    return cotangents


# Operands: c or g, breaks, x.
values_p = rule(_values, jvp=_values_jvp, vjp=_values_vjp, name="interpolate.pieces")
span_p = rule(_span, jvp=_span_jvp, vjp=_span_vjp, name="interpolate.pieces_transposed")


def values(c: Value, breaks: Value, x: Value, nu: int = 0, extrapolate: bool = True) -> Any:
    """The `nu`-th derivative of piecewise polynomials at points x (r,): an array (r, n).

    Points outside the pieces give NaN with derivative 0 unless `extrapolate` is set. At a break,
    the piece to the right counts.
    """
    return _values(c, breaks, x, int(nu), bool(extrapolate))


def antiderivative(c: Value, breaks: Value, nu: int = 1) -> Any:
    """The coefficients of the antiderivative of order `nu` that vanishes at the first break."""
    k = shape_of(c)[0]
    factors = np.array([perm(p + nu, nu) for p in range(k - 1, -1, -1)], float)
    low = np.zeros((nu, *shape_of(c)[1:]))
    whole = np.concatenate([c / factors[(...,) + (None,) * (np.ndim(c) - 1)], low])
    return continued(whole, breaks, nu)


def continued(c: Value, breaks: Value, order: int) -> Any:
    """Coefficients whose lowest `order` rows are changed so that the pieces join smoothly."""
    k = shape_of(c)[0]
    h = (breaks[1:] - breaks[:-1])[(slice(None),) + (None,) * (np.ndim(c) - 2)]
    rows: list[Any] = [c[j] for j in range(k)]
    for q in range(order - 1, -1, -1):
        # The q-th derivative at the right end of each piece, without its own coefficient.
        rest: Any = 0.0
        for p in range(k - 1, q, -1):
            rest = (rest + perm(p, q) * rows[k - 1 - p]) * h
        rest = rest / factorial(q)
        start = rows[k - 1 - q][:1]
        steps = np.concatenate([start, rest[:-1]])
        rows[k - 1 - q] = np.cumsum(steps, axis=0)
    return np.stack(rows)


def integral(c: Value, breaks: Value, a: Value, b: Value, extrapolate: bool = True) -> Any:
    """The integral of piecewise polynomials from a to b: an array (n,)."""
    bounds = np.stack([asarray(b), asarray(a)])
    ends = values(antiderivative(c, breaks), breaks, bounds, 0, extrapolate)
    return ends[0] - ends[1]
