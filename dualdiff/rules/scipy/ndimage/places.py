"""Values and slopes of splines at places, by their coefficients, and the transposed operations.

Source: M. Unser, "Splines: a perfect fit for signal and image processing" (1999).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from math import comb, factorial, prod
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from ....array.box import is_box
from ....core.batch import is_complex, shape_of
from ....core.types import Cotangent, Tangent, Value
from ..leaves import leaf

_ndimage: Any = ndimage  # SciPy's stubs do not know all modes
_CHUNK = 2**14  # coefficients that are looked up at a time


@cache
def _pieces(order: int, nu: int) -> Any:
    """The polynomials that B-splines around a place are, or their derivatives of order `nu`.

    Row k has the coefficients, from the highest on, of the k-th B-spline that is not zero, as a
    polynomial in the distance from the knot to the left.
    """
    rows = []
    for k in range(order + 1):
        row = np.poly1d([0.0])
        for j in range(order + 1 - k):  # the truncated powers that count
            power = np.poly1d([1.0, order - k - j]) ** order
            row = row + (-1) ** j * comb(order + 1, j) / factorial(order) * power
        row = row.deriv(nu) if nu else row
        rows.append(np.concatenate([np.zeros(order - row.order), row.coeffs]))
    return np.array(rows)


def _folded(c: Any, n: int, mode: str) -> tuple[Any, Any, Any]:
    """The coordinate in the image that stands for c, its slope, and where c is outside for good."""
    last = n - 1
    if mode == "constant":
        return np.clip(c, 0.0, float(last)), 1.0, (c < 0) | (c > last)
    if mode == "grid-constant":
        return c, 1.0, False
    if mode == "nearest":
        return np.clip(c, 0.0, float(last)), (c >= 0) & (c <= last), False
    if n == 1:
        return c * 0.0, 0.0, False
    if mode in ("wrap", "grid-wrap"):
        period = last if mode == "wrap" else n
        outside = (c < 0) | (c > last)
        return c - period * np.where(outside, np.floor(c / period), 0.0), 1.0, False
    start, period = (0.0, 2 * last) if mode == "mirror" else (0.5, 2 * n)
    c = c - period * np.floor((c + start) / period)
    is_turned = c > last + start
    return np.where(is_turned, period - 2 * start - c, c), np.where(is_turned, -1.0, 1.0), False


def _neighbours(i: Any, n: int, mode: str) -> Any:
    """The indices of coefficients, continued beyond the edges."""
    low, high = np.min(i, initial=0), np.max(i, initial=0)
    if low >= 0 and high < n:
        return i
    if mode == "grid-wrap":
        return i % n
    turn, period = (1, 2 * n) if mode in ("reflect", "grid-mirror", "nearest") else (0, 2 * n - 2)
    if n == 1:
        return i * 0
    if -n < low and high < 2 * n - 1:  # one reflection is enough
        i = np.maximum(i, -turn - i)
        return np.minimum(i, period - turn - i)
    i = i % period
    return np.where(i >= n, period - turn - i, i)


class Spline(NamedTuple):
    """A kind of interpolation: how often to differentiate it along each axis, and its edges."""

    nu: tuple[int, ...]
    order: int
    mode: str
    cval: Any

    def linear(self) -> Spline:
        """The same with zeros beyond the edges."""
        return self._replace(cval=0.0)

    def slope(self, axis: int) -> Spline:
        """The derivative along an axis."""
        nu = tuple(n + (i == axis) for i, n in enumerate(self.nu))
        return self._replace(nu=nu)

    def along(self, c: Any, n: int, orders: Sequence[int]) -> tuple[Any, list[Any], Any]:
        """The indices along one axis of the coefficients next to each place, their weights for
        derivatives of some orders, of shape (order + 1, places), and which are inside."""
        c, slope, outside = _folded(c, n, self.mode)
        c = c if self.order % 2 else c + 0.5
        first = np.floor(c)
        i = first.astype(np.intp) - self.order // 2 + np.arange(self.order + 1)[:, None]
        powers = np.ones((self.order + 1, len(c)))
        t = c - first
        for k in reversed(range(self.order)):
            np.multiply(powers[k + 1], t, out=powers[k])
        weights = []
        for nu in orders:
            w = _pieces(self.order, nu) @ powers
            if not np.isscalar(slope):
                w *= slope**nu
            weights.append(w if outside is False else np.where(outside, 0.0, w))
        is_in = (i >= 0) & (i < n) if self.mode == "grid-constant" else None
        return _neighbours(i, n, self.mode), weights, is_in

    def taps(self, places: Any, sizes: Sequence[int]) -> tuple[Any, Any, Any]:
        """The flat indices of the coefficients next to each place, their weights, and where they
        are inside, each of shape (coefficients of a place, places)."""
        index, inside, weights = self.each(places, sizes, [(nu,) for nu in self.nu])
        weight = weights[0][0]
        for (w,) in weights[1:]:
            weight = np.reshape(weight[:, None] * w, (-1, weight.shape[-1]))
        return index, weight, inside

    def each(
        self, places: Any, sizes: Sequence[int], orders: Sequence[Sequence[int]]
    ) -> tuple[Any, Any, list[list[Any]]]:
        """The flat indices as `taps` gives them, where they are inside, and the weights along each
        axis for derivatives of some orders."""
        index, inside, weights = np.zeros((1, 1), np.intp), np.ones((1, 1), bool), []
        for c, n, nus in zip(places, sizes, orders, strict=True):
            i, w, is_in = self.along(c, n, nus)
            if is_in is not None:
                inside = np.reshape(inside[:, None] & is_in, (-1, len(c)))
            index = np.reshape(index[:, None] * n + i, (-1, len(c)))
            weights.append(w)
        return index, inside, weights


def _chunks(places: Any, taps: int, count: int) -> Iterator[Any]:
    """Slices of places, so that what is made for each stays small."""
    size = max(_CHUNK // taps, count // taps, 1)
    return (slice(i, i + size) for i in range(0, places.shape[1], size))


def at_places(c: Value, places: Value, spline: Spline) -> Any:
    """The values at places of the spline with some coefficients, or its derivatives."""
    if is_box(places) and not is_box(c):
        return moving_p(places, c=c, spline=spline)
    if is_box(c) or is_box(places):
        return interpolated_p(c, places, spline=spline)
    if not any(spline.nu):
        rest = (None, spline.order, spline.mode, spline.cval, False)
        return _ndimage.map_coordinates(c, places, *rest)
    flat, points = c.ravel(), places.reshape(len(places), -1)
    out = np.zeros(points.shape[1], np.result_type(c, spline.cval))
    for chunk in _chunks(points, (spline.order + 1) ** c.ndim, 0):
        index, weight, inside = spline.taps(points[:, chunk], c.shape)
        near = np.where(inside, flat[index], spline.cval)
        out[chunk] = np.einsum("ij,ij->j", near, weight)
    return out.reshape(places.shape[1:])


def _slopes(c: Value, places: Value, spline: Spline) -> Any:
    """The derivatives of `at_places` along all axes, in one array."""
    axes = range(len(spline.nu))
    if is_box(c) or is_box(places) or is_complex(c):
        return np.stack([at_places(c, places, spline.slope(axis)) for axis in axes])
    flat, points = c.ravel(), places.reshape(len(places), -1)
    out = np.zeros((len(axes), points.shape[1]), np.result_type(c, spline.cval))
    orders = [(nu, nu + 1) for nu in spline.nu]
    for chunk in _chunks(points, (spline.order + 1) ** c.ndim, 0):
        index, inside, weights = spline.each(points[:, chunk], c.shape, orders)
        near = flat[index] if spline.mode != "grid-constant" else np.where(
            inside, flat[index], spline.cval
        )  # fmt: skip
        slopes: list[Any] = []
        for w, turned in reversed(weights):  # one axis after the other
            shape = (-1, *w.shape)
            slopes = [_contracted(s.reshape(shape), w) for s in slopes]
            slopes.append(_contracted(near.reshape(shape), turned))
            near = _contracted(near.reshape(shape), w)
        out[:, chunk] = np.concatenate(slopes[::-1])
    return out.reshape(-1, *places.shape[1:])


def _contracted(near: Any, weight: Any) -> Any:
    return np.einsum("ikj,kj->ij", near, weight)


def _scattered(g: Value, places: Value, spline: Spline, sizes: tuple[int, ...]) -> Any:
    """The transpose of `at_places` in the coefficients."""
    if is_box(g) or is_box(places):
        return scattered_p(g, places, spline=spline, sizes=sizes)
    if is_complex(g):
        parts = (_scattered(part, places, spline, sizes) for part in (g.real, g.imag))
        return next(parts) + 1j * next(parts)
    count, points, g = prod(sizes), places.reshape(len(places), -1), np.ravel(g)
    if spline.mode == "constant":  # places beyond the edges have no weight
        is_in = [(c >= 0) & (c <= n - 1) for c, n in zip(points, sizes, strict=True)]
        chosen = np.flatnonzero(np.logical_and.reduce(is_in))
        points, g = points[:, chosen], g[chosen]
    out = np.zeros(count)
    for chunk in _chunks(points, (spline.order + 1) ** len(sizes), count):
        index, weight, inside = spline.taps(points[:, chunk], sizes)
        weight *= g[chunk] if spline.mode != "grid-constant" else inside * g[chunk]
        out += np.bincount(index.ravel(), weight.ravel(), count)
    return out.reshape(sizes)


def _jvp(ts: Any, x: Value, y: Value, spline: Spline) -> Tangent:
    tc, tp = ts
    out: Any = 0.0
    if tc is not None:
        out = out + at_places(tc, y, spline.linear())
    if tp is not None:
        for axis in range(len(spline.nu)):
            out = out + at_places(x, y, spline.slope(axis)) * tp[axis]
    return out


def _vjp(g: Cotangent, x: Value, y: Value, spline: Spline) -> Cotangent:
    slopes = g * _slopes(x, y, spline)
    return _scattered(g, y, spline.linear(), shape_of(x)), np.real(slopes)


def _moving_jvp(t: Tangent, x: Value, c: Any, spline: Spline) -> Any:
    return np.sum(_slopes(c, x, spline) * t, axis=0)


# A plain image needs no cotangent.
moving_p = leaf(
    lambda places, c, spline: at_places(c, places, spline),
    jvp=_moving_jvp,
    vjp=lambda g, x, c, spline: np.real(g * _slopes(c, x, spline)),
    name="ndimage.interpolated_at",
)
interpolated_p = leaf(at_places, jvp=_jvp, vjp=_vjp, name="ndimage.interpolated")


def _scattered_jvp(ts: Any, x: Value, y: Value, spline: Spline, sizes: tuple[int, ...]) -> Tangent:
    tg, tp = ts
    out: Any = 0.0
    if tg is not None:
        out = out + _scattered(tg, y, spline, sizes)
    if tp is not None:
        for axis in range(len(spline.nu)):
            out = out + _scattered(x * tp[axis], y, spline.slope(axis), sizes)
    return out


def _scattered_vjp(
    g: Cotangent, x: Value, y: Value, spline: Spline, sizes: tuple[int, ...]
) -> Cotangent:
    slopes = [x * at_places(g, y, spline.slope(axis)) for axis in range(len(spline.nu))]
    return at_places(g, y, spline), np.stack(list(map(np.real, slopes)))


scattered_p = leaf(_scattered, jvp=_scattered_jvp, vjp=_scattered_vjp, name="ndimage.scattered")


def at_fixed_places(c: Value, places: Any, spline: Spline) -> Any:
    if is_box(c):
        return fixed_places_p(c, places=places, spline=spline)
    return at_places(c, places, spline)


# Plain places need no cotangent.
fixed_places_p = leaf(
    at_fixed_places,
    jvp=lambda t, places, spline: at_fixed_places(t, places, spline.linear()),
    vjp=lambda g, x, places, spline: _scattered_fixed(g, places, spline.linear(), shape_of(x)),
    name="ndimage.interpolated_fixed",
)


def _scattered_fixed(g: Value, places: Any, spline: Spline, sizes: tuple[int, ...]) -> Any:
    if is_box(g):
        return fixed_scattered_p(g, places=places, spline=spline, sizes=sizes)
    return _scattered(g, places, spline, sizes)


fixed_scattered_p = leaf(
    _scattered_fixed,
    jvp=_scattered_fixed,
    vjp=lambda g, places, spline, sizes: at_fixed_places(g, places, spline),
    name="ndimage.scattered_fixed",
)
