"""Interpolation on rectangular grids and tensor products of splines, by data, grids and points."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy import interpolate
from scipy.interpolate import _rgi

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.creation import asarray, given
from ..arguments import by_scipy, holds_traced, plain
from ..bodies import agreed, runs_body
from ..dispatch import implements
from ..in_place import original_of
from ..rebinding import rebound, replace
from . import fits, knots
from .polynomials import part


def coordinates(points: Any, ndim: Any = None) -> Any:
    """Points (..., d) from an array, or from a tuple of coordinates that broadcast."""
    if isinstance(points, tuple) and len(points) == 1:
        points = points[0]
    if isinstance(points, tuple):
        return np.stack(np.broadcast_arrays(*map(asarray, points)), axis=-1)
    points = asarray(points)
    if np.ndim(points) == 1:
        points = np.reshape(points, (-1, 1) if ndim is None else (-1, ndim))
    return points


def _cells(grid: Any, xi: Value) -> Any:
    """The cell of each point in each direction, and its place in it between 0 and 1."""
    indices, distances = [], []
    for points, x in zip(grid, xi, strict=True):
        plain = np.asarray(unbox(points))
        i = np.searchsorted(plain, unbox(x), "right") - 1
        i = np.clip(i, 0, max(len(plain) - 2, 0))
        indices.append(i)
        if len(plain) < 2:
            distances.append(np.zeros(shape_of(x)))
            continue
        distances.append((x - points[i]) / (points[i + 1] - points[i]))
    return np.stack(indices), np.stack(distances)


def _multilinear(values: Value, indices: Any, distances: Value) -> Any:
    """Values (n1, ..., nd, ...) between the corners of cells."""
    total: Any = 0.0
    rest = (None,) * (len(shape_of(values)) - len(indices))
    for corner in itertools.product((0, 1), repeat=len(indices)):
        weight: Any = 1.0
        place = []
        for axis, side in enumerate(corner):
            last = shape_of(values)[axis] - 1
            place.append(np.minimum(indices[axis] + side, last))
            d = distances[axis]
            weight = weight * (d if side else 1 - d)
        total = total + values[tuple(place)] * weight[(slice(None), *rest)]
    return total


def tensor(ts: Any, c: Value, ks: Any, x: Value, nu: Any) -> Any:
    """A tensor product of splines with c (n1, ..., nd, e) at points (r, d): an array (r, e)."""
    r, d = shape_of(x)
    index: list[Any] = []
    weights: Any = np.ones((r,) + (1,) * d)
    for axis in range(d):
        rows, first = knots.design_rows(ts[axis], ks[axis], x[:, axis], int(nu[axis]))
        shape = [1] * (d + 1)
        shape[0], shape[axis + 1] = r, ks[axis] + 1
        index.append(np.reshape(first[:, None] + np.arange(ks[axis] + 1), shape))
        weights = weights * np.reshape(rows, shape)
    local = np.reshape(c[tuple(index)], (r, -1, shape_of(c)[-1]))
    return np.matmul(np.reshape(weights, (r, 1, -1)), local)[:, 0]


def _coefficients(grid: Any, values: Value, k: int) -> tuple[list[Any], Any]:
    """Knots and coefficients of splines through values on a grid, one direction after the other."""
    c, ts = values * 1.0, []
    for axis, points in enumerate(grid):
        x = asarray(points) * 1.0
        line = np.moveaxis(c, axis, 0)
        t = np.concatenate([x[:1], x, x[-1:]]) if k == 1 else fits.chosen_knots(x, k)
        ts.append(t)
        rows = [(*knots.design_rows(t, k, x), np.arange(shape_of(x)[0]))]
        solved = fits.solved(rows, np.reshape(line, (shape_of(line)[0], -1)))
        c = np.moveaxis(np.reshape(solved, shape_of(line)), 0, axis)
    return ts, c


_init_grid = original_of(interpolate.RegularGridInterpolator.__init__)
_call_grid = original_of(interpolate.RegularGridInterpolator.__call__)
_DEGREES = {"slinear": 1, "cubic": 3, "quintic": 5}


@implements(interpolate.RegularGridInterpolator.__init__)
def _set_up(
    self: Any,
    points: Any,
    values: Value,
    method: str = "linear",
    bounds_error: bool = True,
    fill_value: Any = np.nan,
    **options: Any,
) -> None:
    """SciPy's object, with the traced grid and values."""
    points = tuple(map(asarray, points))
    by_scipy(
        _init_grid, self, plain(points), plain(values), method, bounds_error, plain(fill_value),
        **options,
    )  # fmt: skip
    values = asarray(values)
    values = values if values.dtype.kind in "fc" else values * 1.0
    down = self._descending_dimensions
    grid = tuple(x[::-1] * 1.0 if axis in down else x for axis, x in enumerate(points))
    values = np.flip(values, down) if down else values
    grid = tuple(given(x, own) for x, own in zip(grid, part(self, "grid"), strict=True))
    for name, x in (("grid", grid), ("values", values)):
        inner = f"_{name}"
        object.__setattr__(self, inner if hasattr(self, inner) else name, x)
    self.fill_value = fill_value
    if hasattr(self, "_asarray"):
        self._asarray = asarray


@implements(interpolate.RegularGridInterpolator.__call__)
def _interpolated(self: Any, xi: Any, method: Any = None, nu: Any = None) -> Any:
    """Values of an interpolator on a grid, by the grid, the values there, and the points."""
    value = by_scipy(_call_grid, plain(self), plain(xi), method, nu=nu)
    method = self.method if method is None else method
    grid, values = part(self, "grid"), asarray(part(self, "values"))
    d = len(grid)
    points = coordinates(xi, d)
    x = np.reshape(points, (-1, d)) * 1.0
    name = method.removesuffix("_legacy")
    if method in ("linear", "nearest"):
        indices, distances = _cells(grid, np.transpose(x))
        if method == "linear":
            out = _multilinear(values, indices, distances)
        else:
            up = np.asarray(unbox(distances)) > 0.5
            out = values[tuple(indices + up)]
    elif name in _DEGREES:
        k = _DEGREES[name]
        ts, c = _coefficients(grid, values, k)
        columns = np.reshape(c, (*shape_of(c)[:d], -1))
        out = tensor(ts, columns, (k,) * d, x, np.zeros(d, int) if nu is None else nu)
    else:
        out = rebound(type(self)._evaluate_spline)(self, x, method)
    out = np.reshape(out, (shape_of(x)[0], *shape_of(values)[d:]))
    if not self.bounds_error and self.fill_value is not None:
        plain_x = np.asarray(unbox(x))
        ends = [np.asarray(unbox(g))[[0, -1]] for g in grid]
        bad = [(plain_x[:, i] < a) | (plain_x[:, i] > b) for i, (a, b) in enumerate(ends)]
        mask = np.reshape(np.any(bad, axis=0), (-1,) + (1,) * (np.ndim(out) - 1))
        out = np.where(mask, self.fill_value, out)
    out = np.reshape(out, shape_of(points)[:-1] + shape_of(values)[d:])
    # SciPy solves for the coefficients of splines by iteration, with a loose tolerance.
    return agreed(out, value, "RegularGridInterpolator", 1e-3 if name in _DEGREES else 1e-7)


runs_body(vars(interpolate.RegularGridInterpolator)["_do_pchip"].__func__)
interpn = runs_body(interpolate.interpn, close=1e-3)
replace(vars(_rgi)["_ndim_coords_from_arrays"], coordinates)
_init_tensor = original_of(interpolate.NdBSpline.__init__)
_call_tensor = original_of(interpolate.NdBSpline.__call__)


@implements(interpolate.NdBSpline.__init__)
def _set_up_tensor(self: Any, t: Any, c: Value, k: Any, **options: Any) -> None:
    """SciPy's object, with traced coefficients and knots."""
    by_scipy(_init_tensor, self, plain(t), plain(c), k, **options)
    own = part(self, "c")
    object.__setattr__(self, "_c" if hasattr(self, "_c") else "c", given(asarray(c) * 1.0, own))
    if holds_traced(t):
        self.traced_knots = tuple(map(asarray, t))
    if hasattr(self, "_asarray"):
        self._asarray = asarray


@implements(interpolate.NdBSpline.__call__)
def _call_of_tensor(self: Any, xi: Value, nu: Any = None, extrapolate: Any = None) -> Any:
    """Values of a tensor product of splines, by coefficients, knots and points."""
    value = by_scipy(_call_tensor, plain(self), plain(xi), nu=nu, extrapolate=extrapolate)
    ts = getattr(self, "traced_knots", None) or [np.asarray(t) for t in self.t]
    xi, c = asarray(xi), asarray(part(self, "c"))
    d = len(ts)
    columns = np.reshape(c, (*shape_of(c)[:d], -1))
    points = np.reshape(xi, (-1, d)) * 1.0
    out = tensor(ts, columns, tuple(self.k), points, np.zeros(d, int) if nu is None else nu)
    bad = np.isnan(value.reshape(shape_of(out)))
    out = np.where(bad, np.nan, out) if bad.any() else out
    return agreed(np.reshape(out, value.shape), value, "NdBSpline")
