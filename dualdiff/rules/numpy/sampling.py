"""Interpolation, convolution and counting: `interp`, `convolve`, `correlate`, `bincount`,
`histogram`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ...array.box import is_box, observe, unbox
from ...core.batch import Shape, Spec, cast, dtype_of, shape_of
from ...core.trace import materialize
from ...core.types import Cotangent, Tangent, Value
from ..declare import bilinear, linear
from ..structures import Bins, Convolution, Correlation
from .common import implements, strip
from .creation import given, linspace


def _in_double(x: Value) -> Any:
    return cast(x, np.result_type(dtype_of(x), float))


@implements(np.interp)
def interp(
    x: Value, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """``numpy.interp``, differentiable in x, xp, fp, left and right.

    At a knot the slope is the slope on the right; at the last knot, on the left.
    """
    x, xp, fp = map(_in_double, map(materialize, (x, xp, fp)))
    np.interp(
        observe(x), observe(xp), unbox(fp), period=strip(period)
    )  # NumPy checks the arguments
    if period is not None:
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(observe(xp))
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    knots, at = observe(xp), observe(x)
    below, above = at < knots[0], at > knots[-1]
    first, last = fp[0] if left is None else left, fp[-1] if right is None else right
    if len(knots) == 1:
        ans = fp[0] + 0 * x
    else:
        j = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
        width = xp[j + 1] - xp[j]
        slope = np.where(
            observe(width) == 0, 0, (fp[j + 1] - fp[j]) / np.where(observe(width) == 0, 1, width)
        )
        near = np.where(at == knots[-1], j + 1, j)
        ans = slope * (x - xp[near]) + fp[near]
    if not (np.any(below) or np.any(above)):
        return ans
    return np.where(below, first, np.where(above, last, ans))


def _each(apply: Callable[[Any], Any], t: Tangent, batch: Shape) -> Any:
    """A map of vectors, applied to each direction of a batch."""
    if not batch:
        return apply(t)
    if not len(t):
        return apply(np.zeros(np.shape(t)[1:], t.dtype))[None][:0]
    return np.stack([apply(row) for row in t])


def _in_full(g: Cotangent, long: int, short: int, mode: str, late: bool) -> Any:
    """A cotangent, placed in the cotangent of the full convolution; `late` for even overlaps."""
    if mode == "full":
        return g
    start = short - 1
    if mode == "same":
        start = short // 2 if late else (short - 1) // 2
    after = long + short - 1 - start - np.shape(g)[-1]
    return np.pad(g, [(0, 0)] * (np.ndim(g) - 1) + [(start, after)])


def _convolve_transposed(g: Cotangent, y: Value, x_spec: Spec, mode: str, batch: Shape) -> Any:
    n, m = x_spec.shape[0], np.shape(y)[0]
    g = _in_full(g, max(n, m), min(n, m), mode, late=False)
    return _each(lambda row: _valid(row, y[::-1], n), g, batch)


def _valid(g: Cotangent, y: Value, n: int) -> Any:
    """The n products of y with windows of g, which is longer than y."""
    return np.convolve(g, y, "valid")[:n]


convolve_p = bilinear(
    lambda x, y, mode: np.convolve(x, y, mode),
    _convolve_transposed,
    lambda g, x, y_spec, mode, batch: _convolve_transposed(g, x, y_spec, mode, batch),
    jvps=(
        lambda t, y, x_spec, mode, batch: _each(lambda row: np.convolve(row, y, mode), t, batch),
        lambda t, x, y_spec, mode, batch: _each(lambda row: np.convolve(x, row, mode), t, batch),
    ),
    name="convolve",
    structure=Convolution(),
)


def _correlate_full(g: Cotangent, x_size: int, y_size: int, mode: str) -> Any:
    long, short = max(x_size, y_size), min(x_size, y_size)
    return _in_full(g, long, short, mode, late=y_size > x_size)


def _correlate_vjp_x(g: Cotangent, y: Value, x_spec: Spec, mode: str, batch: Shape) -> Any:
    n = x_spec.shape[0]
    g = _correlate_full(g, n, np.shape(y)[0], mode)
    return _each(lambda row: _valid(row, y, n), g, batch)


def _correlate_vjp_y(g: Cotangent, x: Value, y_spec: Spec, mode: str, batch: Shape) -> Any:
    m = y_spec.shape[0]
    g = _correlate_full(g, np.shape(x)[0], m, mode)
    return _each(lambda row: _valid(row, x[::-1], m)[::-1], g, batch)


def _correlate(x: Value, y: Value, mode: Any) -> Any:
    return np.correlate(x, np.conjugate(y), mode)


correlate_p = bilinear(
    _correlate,
    _correlate_vjp_x,
    _correlate_vjp_y,
    jvps=(
        lambda t, y, x_spec, mode, batch: _each(lambda row: _correlate(row, y, mode), t, batch),
        lambda t, x, y_spec, mode, batch: _each(lambda row: _correlate(x, row, mode), t, batch),
    ),
    name="correlate",
    structure=Correlation(),
)

_MODES = {0: "valid", 1: "same", 2: "full", "v": "valid", "s": "same", "f": "full"}


def _mode(mode: Any) -> str:
    mode = _MODES.get(mode, mode)
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    return str(mode)


def _vectors(*operands: Any) -> tuple[Any, ...]:
    vectors = tuple(map(np.atleast_1d, map(materialize, operands)))
    for v, name in zip(vectors, ("first", "second"), strict=True):
        if np.ndim(v) > 1:
            raise ValueError("object too deep for desired array")
        if np.size(v) == 0:
            raise ValueError(f"{name} argument cannot be empty")
    return vectors


@implements(np.convolve)
def convolve(a: Value, v: Any, mode: Any = "full") -> Any:
    """``numpy.convolve``."""
    a, v = _vectors(a, v)
    return convolve_p(a, v, mode=_mode(mode))


@implements(np.correlate)
def correlate(a: Value, v: Any, mode: Any = "valid") -> Any:
    """``numpy.correlate``, which conjugates v."""
    if min(np.ndim(a), np.ndim(v)) == 0:
        raise ValueError("object of too small depth for desired array")
    a, v = _vectors(a, v)
    return correlate_p(a, np.conjugate(v), mode=_mode(mode))


def _counts(w: Value, positions: Any, minlength: int) -> Any:
    return np.bincount(positions, w, minlength)


bincount_p = linear(
    _counts,
    lambda g, positions: g[..., positions],
    jvp=lambda t, positions, minlength, batch: _each(
        lambda w: _counts(w, positions, minlength), t, batch
    ),
    name="bincount",
    structure=Bins(),
)


@implements(np.bincount)
def bincount(x: Value, /, weights: Any = None, minlength: int = 0) -> Any:
    """``numpy.bincount``, differentiable in the weights."""
    x = np.asarray(strip(x))
    weights = None if weights is None else materialize(weights)
    if weights is None or not is_box(weights):
        return np.bincount(x, weights, minlength)
    np.bincount(x, unbox(weights), minlength)  # NumPy checks the arguments
    return bincount_p(weights, positions=x, minlength=int(minlength))


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Value, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """``numpy.histogram_bin_edges``, differentiable in `a`, in `range` and in given edges."""
    a = np.ravel(materialize(a))
    if is_box(bins) and np.ndim(bins) == 0:
        bins = observe(bins)  # NumPy raises: it must be an integer
    if not isinstance(bins, str) and np.ndim(bins) == 1:
        edges = materialize(bins)
        np.histogram_bin_edges(observe(a), observe(edges))  # NumPy checks the arguments
        return edges
    range = None if range is None else tuple(range)
    plain_edges = np.histogram_bin_edges(observe(a), bins, strip(range), strip(weights))
    if not is_box(a) and not any(map(is_box, range or ())):
        return plain_edges
    if range is not None:
        low, high = range
    elif np.size(a) == 0:
        return plain_edges
    else:
        low, high = np.min(a), np.max(a)
    if observe(low) == observe(high):
        low, high = low - 0.5, high + 0.5
    return given(linspace(low, high, len(plain_edges)), plain_edges)


histogram_p = linear(
    lambda w, count, positions: count(w),
    lambda g, x_spec, positions, batch: _from_bins(g, positions, batch, x_spec),
    jvp=lambda t, count, positions, batch: _each(count, t, batch),
    name="histogram",
    structure=Bins(),
)


def _from_bins(g: Cotangent, where: Any, batch: Shape, x_spec: Spec) -> Any:
    """For each sample the cotangent of its bin, or 0 outside all bins."""
    flat = np.reshape(g, (*batch, prod(shape_of(g)[len(batch) :])))
    inside = where >= 0
    picked = np.where(inside, flat[..., np.where(inside, where, 0)], 0)
    return np.reshape(picked, batch + x_spec.shape)


def _bins_of(samples: Sequence[Any], edges: Sequence[Any]) -> Any:
    """For each sample the flat position of its bin, or -1."""
    flat: Any = 0
    inside = np.ones(len(samples[0]), bool)
    for x, e in zip(samples, edges, strict=True):
        k = np.searchsorted(e, x, side="right") - 1
        k = np.where(x == e[-1], len(e) - 2, k)
        inside &= (k >= 0) & (k < len(e) - 1)
        flat = flat * (len(e) - 1) + np.clip(k, 0, len(e) - 2)
    return np.where(inside, flat, -1)


def _density(counts: Any, edges: Sequence[Any]) -> Any:
    total = np.sum(counts)
    for axis, e in enumerate(edges):
        shape = (-1,) + (1,) * (len(edges) - 1 - axis)
        counts = counts / np.reshape(np.diff(e), shape)
    return counts / total


@implements(np.histogram)
def histogram(
    a: Value, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """``numpy.histogram``: counts are differentiable in the weights, edges as
    `histogram_bin_edges`, a density in both; the move of a sample to another bin counts as none."""
    a, weights = materialize(a), None if weights is None else materialize(weights)
    edges = histogram_bin_edges(a, bins, range, weights)
    plain_range, plain_bins = strip(range), strip(bins)
    samples = np.ravel(observe(a))
    if not is_box(weights):
        counts = np.histogram(samples, plain_bins, plain_range, weights=_flat(weights))[0]
    else:
        where = _bins_of([samples], [strip(edges)])
        samples, plain_bins = _own(samples), _own(plain_bins)

        def count(w: Value) -> Any:
            return np.histogram(samples, plain_bins, plain_range, weights=np.ravel(w))[0]

        np.histogram(observe(a), plain_bins, plain_range, weights=unbox(weights))
        counts = histogram_p(weights, count=count, positions=where)
    if density:
        if not is_box(counts) and not is_box(edges):
            return np.histogram(
                samples, plain_bins, plain_range, density=True, weights=_flat(weights)
            )
        widths = np.diff(edges)  # their real part, as in NumPy
        counts = counts / np.real(widths) / np.sum(counts)
    return counts, edges


def _flat(weights: Any) -> Any:
    return None if weights is None else np.ravel(weights)


def _own(x: Value) -> Any:
    """Samples or edges that a recording keeps, which the user may change."""
    if type(x) in (list, tuple):
        return [_own(v) for v in x]
    return x.copy() if isinstance(x, np.ndarray) else x


@implements(np.histogramdd)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """``numpy.histogramdd``, differentiable in the weights."""
    points = strip(materialize(sample) if is_box(sample) else sample)
    columns: Any = points if type(points) in (list, tuple) else np.atleast_2d(points).T
    plain_bins, plain_range = strip(bins), strip(range)
    counts, edges = np.histogramdd(points, plain_bins, plain_range, weights=strip(weights, unbox))
    if is_box(weights):
        weights = materialize(weights)
        points, plain_bins = _own(points), _own(plain_bins)

        def count(w: Value) -> Any:
            return np.histogramdd(points, plain_bins, plain_range, weights=w)[0]

        counts = histogram_p(weights, count=count, positions=_bins_of(columns, edges))
    return (_density(counts, edges) if density else counts), edges


@implements(np.histogram2d)
def histogram2d(
    x: Value, y: Value, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """``numpy.histogram2d``, differentiable in the weights."""
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if np.ndim(bins) == 1 and len(bins) not in (1, 2):
        bins = [np.asarray(strip(bins))] * 2
    counts, edges = histogramdd([x, y], bins, range, density, weights)
    return counts, edges[0], edges[1]
