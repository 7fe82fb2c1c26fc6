"""Splines of two variables on traced data, coefficients and points."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import interpolate
from scipy.interpolate import _fitpack2

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import MissingRuleError, user_line
from ...numpy.creation import asarray, given
from ..arguments import by_scipy, holds_traced, plain
from ..bodies import agreed, runs_body
from ..dispatch import implements, missing
from ..in_place import original_of
from . import fits, knots
from .grids import tensor
from .splines import integral

_BASE = _fitpack2._BivariateSplineBase


def _design(t: Value, k: int, x: Value, nu: int = 0) -> Any:
    """The collocation matrix of points (r,): an array (r, n)."""
    n = shape_of(t)[0] - k - 1
    entries, first = knots.design_rows(t, k, x, nu)
    r = shape_of(x)[0]
    place = np.arange(r)[:, None] * n + first[:, None] + np.arange(k + 1)
    return fits.scattered(entries, place, (r, n))


def _surface(tck: Any) -> tuple[Any, Any, Any, int, int]:
    tx, ty, c, kx, ky = tck
    tx, ty = asarray(tx), asarray(ty)
    shape = shape_of(tx)[0] - kx - 1, shape_of(ty)[0] - ky - 1
    return tx, ty, np.reshape(asarray(c)[: shape[0] * shape[1]], shape), kx, ky


def _inside(x: Value, t: Any, k: int) -> Any:
    """Points, moved to the domain as FITPACK does."""
    return np.clip(np.ravel(x) * 1.0, t[k], t[shape_of(t)[0] - k - 1])


def _on_grid(tck: Any, x: Value, y: Value, dx: int, dy: int) -> Any:
    tx, ty, c, kx, ky = _surface(tck)
    rows = _design(tx, kx, _inside(x, tx, kx), dx)
    columns = _design(ty, ky, _inside(y, ty, ky), dy)
    return np.matmul(np.matmul(rows, c), np.transpose(columns))


def _at_points(tck: Any, x: Value, y: Value, dx: int, dy: int) -> Any:
    tx, ty, c, kx, ky = _surface(tck)
    points = np.stack([_inside(x, tx, kx), _inside(y, ty, ky)], axis=-1)
    return tensor((tx, ty), c[:, :, None], (kx, ky), points, (dx, dy))[:, 0]


_call = original_of(_BASE.__call__)


@implements(_BASE.__call__)
def _values(self: Any, x: Value, y: Value, dx: int = 0, dy: int = 0, grid: bool = True) -> Any:
    """Values of a surface, by its coefficients, knots and points; outside the domain it is
    constant along the normals, as FITPACK has it."""
    value = by_scipy(_call, plain(self), plain(x), plain(y), dx, dy, grid)
    x, y = asarray(x), asarray(y)
    tck = (*self.tck[:3], *self.degrees)
    if not value.size:
        return value
    if grid:
        return agreed(_on_grid(tck, x, y, dx, dy), value, "a spline of two variables")
    x, y = np.broadcast_arrays(x, y)
    out = np.reshape(_at_points(tck, x, y, dx, dy), shape_of(x))
    return agreed(out, value, "a spline of two variables")


_integral = original_of(interpolate.BivariateSpline.integral)


@implements(interpolate.BivariateSpline.integral)
def _volume(self: Any, xa: Value, xb: Value, ya: Value, yb: Value) -> Any:
    """The integral of a surface over a rectangle, by its coefficients, knots and bounds."""
    value = by_scipy(_integral, plain(self), *map(plain, (xa, xb, ya, yb)))
    tx, ty, c, kx, ky = _surface((*self.tck[:3], *self.degrees))
    line = integral(tx, c, kx, *(_inside(v, tx, kx)[0] for v in (xa, xb)))
    return agreed(integral(ty, line, ky, *(_inside(v, ty, ky)[0] for v in (ya, yb))), value, "it")


runs_body(interpolate.BivariateSpline.ev)


@implements(_BASE.partial_derivative)
def _partial(self: Any, dx: int, dy: int) -> Any:
    """The surface of a partial derivative."""
    if dx == 0 and dy == 0:
        return self
    made = by_scipy(_partial_derivative, plain(self), dx, dy)
    tx, ty, c, kx, ky = _surface((*self.tck[:3], *self.degrees))
    for _ in range(dx):
        tx, c, kx = knots.differentiated(tx, c, kx)
    c = np.transpose(c)
    for _ in range(dy):
        ty, c, ky = knots.differentiated(ty, c, ky)
    parts = (tx, ty, np.ravel(np.transpose(c)))
    made.tck = tuple(
        agreed(own, value, "partial_derivative") for own, value in zip(parts, made.tck, strict=True)
    )
    return made


_partial_derivative = original_of(_BASE.partial_derivative)
_rectangle = original_of(interpolate.RectBivariateSpline.__init__)


@implements(interpolate.RectBivariateSpline.__init__)
def _init_rectangle(
    self: Any,
    x: Value,
    y: Value,
    z: Value,
    bbox: Any = (None,) * 4,
    kx: int = 3,
    ky: int = 3,
    s: Any = 0,
    **options: Any,
) -> None:
    """SciPy's surface through data on a grid; knots move with the grid."""
    arguments = [plain(a) for a in (x, y, z, bbox)]
    by_scipy(_rectangle, self, *arguments, kx, ky, plain(s), **options)
    x, y, c = asarray(x) * 1.0, asarray(y) * 1.0, asarray(z) * 1.0
    found = self.tck
    if len(found[2]) != shape_of(x)[0] * shape_of(y)[0]:
        raise MissingRuleError(
            f"a smoothing RectBivariateSpline (s > 0) has no derivative by its data, "
            f"{user_line()}; use s=0, or pass dualdiff.value_of(z)"
        )
    ts = []
    for points, k, t0, ends in ((x, kx, found[0], bbox[:2]), (y, ky, found[1], bbox[2:])):
        t = fits.chosen_knots(points, k)
        middle = t[k + 1 : len(t0) - k - 1]
        start = points[:1] if ends[0] is None else asarray([ends[0]])
        stop = points[-1:] if ends[1] is None else asarray([ends[1]])
        t = np.concatenate([np.repeat(start, k + 1), middle, np.repeat(stop, k + 1)])
        ts.append(given(t, t0) if holds_traced(t) else t0)
        rows = [(*knots.design_rows(ts[-1], k, points), np.arange(len(unbox(points))))]
        c = np.transpose(fits.solved(rows, c))
    self.tck = (*ts, agreed(np.ravel(c), found[2], "RectBivariateSpline", 1e-5))


_bisplev = original_of(interpolate.bisplev)


@implements(interpolate.bisplev)
def bisplev(x: Value, y: Value, tck: Any, dx: int = 0, dy: int = 0) -> Any:
    """``scipy.interpolate.bisplev``: a surface on a grid, by the points, the coefficients and the
    knots."""
    value = by_scipy(_bisplev, plain(x), plain(y), plain(tck), dx, dy)
    out = _on_grid(tck, np.atleast_1d(asarray(x)), np.atleast_1d(asarray(y)), dx, dy)
    return agreed(np.reshape(out, np.shape(value)), value, "bisplev")


_smooth = original_of(interpolate.SmoothBivariateSpline.__init__)
_nearest = original_of(interpolate.LSQBivariateSpline.__init__)


def _end(points: Value, middle: Value, t: Any, given_end: Any, which: int) -> Any:
    """The end of a surface's domain: of the data, or beyond FITPACK's array of knots."""
    if given_end is not None:
        return asarray(given_end)
    end = np.max(points) if which else np.min(points)
    if unbox(end) == t[which]:
        return end
    array = np.concatenate([middle, np.zeros(1)])  # SciPy fills it up with zeros
    low, high = np.min(array), np.max(array)
    step = (high - low) / len(t)
    return high + step if which else low - step


def _fitted(spline: Any, x: Value, y: Value, z: Value, w: Value, inner: Any, bbox: Any) -> None:
    """Give a surface the derivatives of least squares on its knots, by all data."""
    x, y, z = (np.ravel(asarray(v)) * 1.0 for v in (x, y, z))
    ts, rows = [], []
    for points, middle, k, t0, ends in zip(
        (x, y), inner, spline.degrees, spline.tck, (bbox[:2], bbox[2:]), strict=False
    ):
        middle = asarray(middle) * 1.0
        start = _end(points, middle, t0, ends[0], 0)
        stop = _end(points, middle, t0, ends[1], -1)
        parts = [np.broadcast_to(v, (k + 1,)) for v in (start, stop)]
        t = np.concatenate([parts[0], middle, parts[1]])
        ts.append(agreed(t, t0, "the knots of a surface") if holds_traced(t) else t0)
        rows.append(_design(ts[-1], k, points))
    matrix = np.reshape(rows[0][:, :, None] * rows[1][:, None, :], (shape_of(x)[0], -1))
    weights = np.ones(shape_of(x)) if w is None else np.ravel(asarray(w))
    c = np.linalg.lstsq(matrix * weights[:, None], z * weights, rcond=1e-14)[0]
    spline.tck = (*ts, agreed(c, spline.tck[2], "a surface near data", 1e-5))
    fp = np.sum((weights * (np.matmul(matrix, c) - z)) ** 2)
    spline.fp = given(fp, np.float64(spline.fp))


@implements(interpolate.LSQBivariateSpline.__init__)
def _init_nearest(
    self: Any, x: Value, y: Value, z: Value, tx: Value, ty: Value, w: Value = None,
    bbox: Any = (None,) * 4, kx: int = 3, ky: int = 3, eps: Any = None,
) -> None:  # fmt: skip
    """The surface on given knots nearest to data, by the data, weights and knots."""
    arguments = [plain(a) for a in (x, y, z, tx, ty, w, bbox)]
    by_scipy(_nearest, self, *arguments, kx, ky, eps)
    _fitted(self, x, y, z, w, (tx, ty), bbox)


@implements(interpolate.SmoothBivariateSpline.__init__)
def _init_smooth(
    self: Any, x: Value, y: Value, z: Value, w: Value = None, bbox: Any = (None,) * 4,
    kx: int = 3, ky: int = 3, s: Any = None, eps: float = 1e-16,
) -> None:  # fmt: skip
    """A surface near data where that is one polynomial, by the data and weights."""
    by_scipy(_smooth, self, *(plain(a) for a in (x, y, z, w, bbox)), kx, ky, plain(s), eps)
    if len(self.tck[0]) > 2 * kx + 2 or len(self.tck[1]) > 2 * ky + 2:
        raise MissingRuleError(
            f"SmoothBivariateSpline has no derivative where it chooses knots, {user_line()}: they "
            f"depend on the data. Pass them to LSQBivariateSpline: get_knots() of a plain "
            f"SmoothBivariateSpline without the first and last {kx + 1} of x and {ky + 1} of y"
        )
    _fitted(self, x, y, z, w, ((), ()), bbox)


_bisplrep = original_of(interpolate.bisplrep)


@implements(interpolate.bisplrep)
def bisplrep(
    x: Value,
    y: Value,
    z: Value,
    w: Value = None,
    xb: Value = None,
    xe: Value = None,
    yb: Value = None,
    ye: Value = None,
    kx: int = 3,
    ky: int = 3,
    task: int = 0,
    s: Any = None,
    eps: float = 1e-16,
    tx: Value = None,
    ty: Value = None,
    full_output: int = 0,
    **options: Any,
) -> Any:
    """``scipy.interpolate.bisplrep``: a surface near data on given knots (``task=-1``), or where it
    is one polynomial, by the data, weights and knots.

    Raises: MissingRuleError where FITPACK chooses knots.
    """
    arguments = [plain(a) for a in (x, y, z, w, xb, xe, yb, ye)]
    given_knots = [np.array(plain(t)) if t is not None else None for t in (tx, ty)]
    found, *rest = by_scipy(
        _bisplrep, *arguments, kx, ky, task, plain(s), eps, *given_knots, 1, **options
    )
    inner: list[Any] = [(), ()]
    if task == -1:
        inner = [asarray(t)[k + 1 : shape_of(t)[0] - k - 1] for t, k in ((tx, kx), (ty, ky))]
    elif task or len(found[0]) > 2 * kx + 2 or len(found[1]) > 2 * ky + 2:
        raise missing(
            "scipy.interpolate.bisplrep",
            "the knots that it chooses depend on the data. Pass the knots of a plain call as tx "
            "and ty with task=-1",
        )
    surface = SimpleNamespace(degrees=(kx, ky), tck=tuple(found[:3]), fp=rest[0])
    _fitted(surface, x, y, z, w, inner, (xb, xe, yb, ye))
    tck = [*surface.tck, kx, ky]
    return (tck, surface.fp, *rest[1:]) if full_output else tck
