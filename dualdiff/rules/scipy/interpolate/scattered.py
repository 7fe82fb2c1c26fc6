"""Interpolation of scattered data: nearest, linear and cubic on a triangulation that is constant.

A point on the border of two triangles belongs to the one that SciPy finds.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy import interpolate, spatial
from scipy.interpolate import _ndgriddata

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import MissingRuleError, user_line
from ...declare import linear
from ...numpy.creation import asarray, given
from ..arguments import by_scipy, holds_traced, plain
from ..bodies import agreed, runs_body
from ..dispatch import implements
from ..rebinding import replace
from .grids import coordinates

_LINEAR: Any = interpolate.LinearNDInterpolator
_CUBIC: Any = interpolate.CloughTocher2DInterpolator
_NEAREST: Any = interpolate.NearestNDInterpolator
_init_linear, _init_cubic, _init_nearest = (c.__init__ for c in (_LINEAR, _CUBIC, _NEAREST))
_call: Any = _LINEAR.__call__
_nearest_call = _NEAREST.__call__


def _keep(self: Any, values: Value, fill_value: Value = None) -> None:
    """Keep traced values beside the plain ones that SciPy works with."""
    if holds_traced(fill_value):
        self.traced_fill_value = fill_value
    if holds_traced(values):
        own = np.asarray(self.values)
        self.values = given(np.reshape(asarray(values), own.shape), own)


def _keep_points(self: Any, points: Value) -> None:
    """Keep traced points, in the units of the interpolant, and what scales them."""
    points = coordinates(points)
    if self.scale is not None:
        offset = np.mean(points, axis=0)
        span = np.ptp(points, axis=0)
        self.offset = given(offset, self.offset)
        self.scale = given(np.where(unbox(span) > 0, span, 1.0), self.scale)
    self.points = given(_scaled(self, points), np.asarray(self.points))


@implements(_init_linear)
def _set_up_linear(
    self: Any, points: Any, values: Value, fill_value: Any = np.nan, rescale: Any = False
) -> None:
    _init_linear(self, plain(points), plain(values), plain(fill_value), rescale)
    _keep(self, values, fill_value)
    if isinstance(points, spatial.Delaunay):
        if holds_traced(points):
            self.tri, self.points = points, points.points
    elif holds_traced(points):
        _keep_points(self, points)
        self.tri = spatial.Delaunay(self.points)


@implements(_init_cubic)
def _set_up_cubic(
    self: Any,
    points: Any,
    values: Value,
    fill_value: Any = np.nan,
    tol: Any = 1e-6,
    maxiter: Any = 400,
    rescale: Any = False,
) -> None:
    _init_cubic(self, plain(points), plain(values), plain(fill_value), tol, maxiter, rescale)
    if holds_traced(points):
        raise MissingRuleError(
            f"CloughTocher2DInterpolator has no derivative by the data points, {user_line()}; pass "
            f"dualdiff.value_of(points) to count them as constant"
        )
    _keep(self, values, fill_value)
    if holds_traced(values):
        slopes = at_nodes_p(_data(self), surface=_Surface(self))
        n, e, d = self.grad.shape
        self.grad = given(np.swapaxes(np.reshape(slopes, (n, d, e)), 1, 2), self.grad)


@implements(_init_nearest)
def _set_up_nearest(
    self: Any, x: Any, y: Value, rescale: Any = False, tree_options: Any = None
) -> None:
    _init_nearest(self, plain(x), plain(y), rescale, tree_options)
    _keep(self, y)
    if holds_traced(x):
        _keep_points(self, x)
        self.tree = spatial.KDTree(self.points, **(tree_options or {}))


def _scaled(self: Any, points: Value) -> Any:
    """Points in the units of SciPy's triangulation."""
    return points if self.scale is None else (points - self.offset) / self.scale


def _weights(corners: Value, x: Value) -> Any:
    """Barycentric coordinates (r, d + 1) of points in simplices (r, d + 1, d)."""
    last = corners[:, -1:]
    edges = np.swapaxes(corners[:, :-1] - last, 1, 2)
    first = np.linalg.solve(edges, (x[:, None] - last)[:, 0, :, None])[..., 0]
    return np.concatenate([first, 1.0 - np.sum(first, axis=-1, keepdims=True)], axis=-1)


def _data(self: Any) -> Any:
    """The values (n, e) that SciPy keeps, or the traced ones."""
    values = self.values if is_box(self.values) else np.asarray(self.values)
    return np.reshape(values, (shape_of(values)[0], -1))


@implements(_call)
def _interpolated(self: Any, *args: Any) -> Any:
    """Values on a triangulation, by the values at its corners, the corners, and the points."""
    value = _call(plain(self), *(plain(a) for a in args))
    d = self.points.shape[1]
    points = coordinates(args if len(args) > 1 else args[0], d)
    x = _scaled(self, np.reshape(points, (-1, d)) * 1.0)
    tri = plain(self.tri)
    simplex = tri.find_simplex(np.asarray(unbox(x)))
    corners = tri.simplices[np.maximum(simplex, 0)]
    if isinstance(self, _CUBIC):
        out = _cubic(self, x, np.asarray(tri.points)[corners], simplex >= 0)
    else:
        weights = _weights(asarray(self.points)[corners], x)
        out = np.sum(_data(self)[corners] * weights[..., None], axis=1)
    missing = simplex < 0
    if missing.any():
        fill_value = getattr(self, "traced_fill_value", self.fill_value)
        out = np.where(missing[:, None], fill_value, out)
    return agreed(np.reshape(out, value.shape), value, type(self).__name__, 1e-4)


# Ten points of a triangle determine a cubic polynomial: exponents of barycentric coordinates.
_EXPONENTS = np.array([(i, j, 3 - i - j) for i in range(4) for j in range(4 - i)])
_NODES = 0.9 * _EXPONENTS / 3 + 0.1 / 3  # inside, where rounding errors do not leave the triangle
_TO_MONOMIALS = np.linalg.inv(np.prod(_NODES[:, None] ** _EXPONENTS[None], axis=-1))


def _cubic(self: Any, x: Value, corners: Any, is_inside: Any) -> Any:
    """The cubic polynomials of Clough and Tocher's thirds of triangles, by ten values of each."""
    plain_weights = _weights(corners, np.asarray(unbox(x)))
    centre = np.mean(corners, axis=1)
    rows = np.arange(len(corners))
    third = corners.copy()
    third[rows, np.argmin(plain_weights, axis=1)] = centre
    nodes = np.einsum("qc,rcd->rqd", _NODES, third)
    nodes = np.where(is_inside[:, None, None], nodes, nodes[is_inside][:1] if any(is_inside) else 0)
    flat = nodes.reshape(-1, 2)
    flat = flat if self.scale is None else flat * self.scale + self.offset
    surface = _Surface(self, flat)
    known = np.reshape(at_nodes_p(_data(self), surface=surface), (len(corners), 10, -1))
    weights = _weights(third, x)
    powers = [weights[:, c : c + 1] ** _EXPONENTS[None, :, c] for c in range(3)]
    monomials = powers[0] * powers[1] * powers[2]
    return np.sum(np.matmul(monomials, _TO_MONOMIALS)[..., None] * known, axis=1)


class _Surface:
    """Clough and Tocher's surfaces at fixed points, linear in the values at the corners."""

    def __init__(self, source: Any, nodes: Any = None) -> None:
        self.source, self.nodes = source, nodes

    def made(self, values: Any) -> Any:
        """The interpolant of values (n, e)."""
        source = self.source
        points = source.points if source.scale is None else (
            source.points * source.scale + source.offset
        )  # fmt: skip
        made = _CUBIC.__new__(_CUBIC)
        options = (np.nan, 1e-12, 100000, source.scale is not None)
        _init_cubic(made, points, np.ascontiguousarray(values), *options)
        return made

    def at(self, values: Any) -> Any:
        """Values (n, e) to those at the points, (r, e), or to slopes (2 n, e) at the corners."""
        made = self.made(values)
        if self.nodes is None:
            return np.reshape(np.swapaxes(made.grad, 1, 2), (-1, values.shape[1]))
        return np.asarray(_call(made, self.nodes))

    @functools.cached_property
    def matrix(self) -> Any:
        """The matrix of this linear map."""
        return self.at(np.eye(len(self.source.points)))


def _at_nodes(x: Value, surface: _Surface) -> Any:
    return at_nodes_p(x, surface=surface) if is_box(x) else surface.at(x)


at_nodes_p = linear(
    _at_nodes,
    lambda g, surface: np.matmul(surface.matrix.T, g),
    jvp=lambda t, surface: np.matmul(surface.matrix, t),
    name="interpolate.clough_tocher",
)


@implements(_nearest_call)
def _nearest(self: Any, *args: Any, **options: Any) -> Any:
    """The value at the nearest point."""
    value = by_scipy(_NEAREST_PLAIN, plain(self), *map(plain, args), **options)
    if not is_box(self.values):
        return value
    own = plain(self)
    x = np.asarray(plain(coordinates(args if len(args) > 1 else args[0], own.points.shape[1])))
    d, i = map(np.asarray, own.tree.query(_scaled(own, x), **options))
    found = self.values[np.where(np.isfinite(d), i, 0)]
    mask = np.isfinite(d).reshape(d.shape + (1,) * (np.ndim(found) - d.ndim))
    return given(np.where(mask, found, np.nan), value)


_NEAREST_PLAIN = _nearest_call
replace(vars(_ndgriddata)["_ndim_coords_from_arrays"], coordinates)
griddata = runs_body(interpolate.griddata, close=1e-4)
