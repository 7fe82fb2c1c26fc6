"""FITPACK's splines of one variable: `splev` and its relatives, `splrep`, `UnivariateSpline`."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate
from scipy.interpolate import _fitpack_impl

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import MissingRuleError, user_line
from ....transforms.implicit import lift
from ...numpy.creation import asarray, from_nested, given
from ..arguments import by_scipy, holds_traced, plain
from ..bodies import agreed
from ..dispatch import implements
from ..in_place import original_of
from . import fits, knots
from .polynomials import part
from .splines import BSpline, integral


def _tck(tck: Any) -> tuple[Any, Any, int]:
    if isinstance(tck, BSpline):
        return part(tck, "t"), part(tck, "c"), tck.k
    t, c, k = tck
    return asarray(t), asarray(c), int(k)


def _values(x: Value, t: Value, c: Value, k: int, der: int, ext: int) -> Any:
    """A spline at points (r,) beyond its domain: `ext` as for `splev`."""
    n = shape_of(t)[0] - k - 1
    ends = unbox(t)[[k, n]]
    if ext == 3:
        x = np.clip(x, t[k], t[n])
    out = knots.spline(t, np.reshape(c[:n], (n, -1)), k, x, der)[:, 0]
    if ext == 1:
        plain_x = np.asarray(unbox(x))
        out = np.where((plain_x < ends[0]) | (plain_x > ends[1]), 0.0, out)
    return out


def _declared(name: str) -> Any:
    """The public function and the one that classes call, with one implementation."""

    def decorate(implementation: Any) -> Any:
        inner = getattr(_fitpack_impl, name)
        public = getattr(interpolate, name)
        if original_of(public) is not original_of(inner):
            implements(inner)(implementation)
        return implements(public)(implementation)

    return decorate


_splev = original_of(_fitpack_impl.splev)
_splint = original_of(_fitpack_impl.splint)
_of_spline = original_of(interpolate.splev)


@_declared("splev")
def splev(x: Value, tck: Any, der: int = 0, ext: int = 0) -> Any:
    """``scipy.interpolate.splev``: a spline or its derivative at points, by the points, the
    coefficients and the knots."""
    value = by_scipy(_of_spline, plain(x), plain(tck), der, ext)
    t, c, k = _tck(tck)
    if isinstance(tck, BSpline):
        spline: Any = tck
        return given(spline(x, der, extrapolate=True), value)
    x = asarray(x)
    points = np.ravel(x) * 1.0
    if np.ndim(c) > 1:
        curves = [_values(points, t, part_, k, der, ext) for part_ in c]
        return [given(np.reshape(y, shape_of(x)), v) for y, v in zip(curves, value, strict=True)]
    return agreed(np.reshape(_values(points, t, c, k, der, ext), shape_of(x)), value, "splev")


@_declared("splint")
def splint(a: Value, b: Value, tck: Any, full_output: int = 0) -> Any:
    """``scipy.interpolate.splint``: the integral of a spline, which is 0 outside its domain, by
    the bounds, the coefficients and the knots."""
    value = by_scipy(interpolate.splint, plain(a), plain(b), plain(tck), full_output)
    t, c, k = _tck(tck)
    n = shape_of(t)[0] - k - 1
    a, b = (np.clip(asarray(x) * 1.0, t[k], t[n]) for x in (a, b))
    if np.ndim(c) > 1 and not isinstance(tck, BSpline):
        return [agreed(integral(t, p[:n], k, a, b), v, "splint")
                for p, v in zip(c, value, strict=True)]  # fmt: skip
    made = integral(t, c[:n], k, a, b)
    if full_output:
        return agreed(made, value[0], "splint"), value[1]
    return agreed(made, value, "splint")


def _padded(t: Value, c: Value, like: Any) -> Any:
    """Coefficients with the zeros, or repeated values, that FITPACK puts behind them."""
    n = shape_of(c)[0]
    rest = np.asarray(like)[n:]
    last = np.broadcast_to(c[-1], rest.shape) if rest.size and rest.any() else rest
    return np.concatenate([c, last])


def _steps(name: str, step: Any) -> Any:
    def function(tck: Any, n: int = 1) -> Any:
        if n < 0:
            return (splantider if name == "splder" else splder)(tck, -n)
        value = by_scipy(getattr(interpolate, name), plain(tck), n)
        if isinstance(tck, BSpline):
            return tck.derivative(n) if name == "splder" else tck.antiderivative(n)
        t, c, k = _tck(tck)
        c = c[: shape_of(t)[0] - k - 1]
        for _ in range(n):
            t, c, k = step(t, c, k)
        return agreed(t, value[0], name), agreed(_padded(t, c, value[1]), value[1], name), k

    function.__name__ = name
    function.__doc__ = f"``scipy.interpolate.{name}``, by the coefficients and the knots."
    return _declared(name)(function)


splder = _steps("splder", knots.differentiated)
splantider = _steps("splantider", knots.integrated)


@_declared("spalde")
def spalde(x: Value, tck: Any) -> Any:
    """``scipy.interpolate.spalde``: all derivatives of a spline at points."""
    value = by_scipy(interpolate.spalde, plain(x), plain(tck))
    t, c, k = _tck(tck)
    points = np.ravel(asarray(x)) * 1.0
    rows = np.stack([_values(points, t, c, k, der, 0) for der in range(k + 1)], axis=-1)
    if isinstance(value, list):
        return [given(row, v) for row, v in zip(rows, value, strict=True)]
    return given(rows[0], value)


@_declared("sproot")
def sproot(tck: Any, mest: int = 10) -> Any:
    """``scipy.interpolate.sproot``: the zeros of a cubic spline, by coefficients and knots."""
    value = by_scipy(interpolate.sproot, plain(tck), mest)
    t, c, k = _tck(tck)
    if isinstance(value, list):
        return [sproot((t, p, k), mest) for p in c]
    return lift(lambda x: _values(x, t, c, k, 0, 0), value, name="the zeros", kind="diagonal")


def smoothed(x: Value, y: Value, w: Value, t: Value, k: int, s: Value, c: Any) -> Any:
    """Coefficients for FITPACK's knots: interpolation, least squares, or a smoothing spline.

    For s > 0 and more than one polynomial, they minimise the jumps of the k-th derivative where the
    weighted residual is s. They solve ``(A'A + B'B / p) c = A'y`` with p such that it is.
    Arguments: `y` (m,), or (m, e) for curves in several dimensions; c as y.
    """
    n = shape_of(t)[0] - k - 1
    one, m = np.ndim(y) == 1, shape_of(x)[0]
    data = np.reshape(y, (m, -1))
    entries, first = knots.design_rows(t, k, x)
    free = fits.least_squares(entries, first, n, data, w)
    column = first[:, None] + np.arange(k + 1)
    fitted = np.sum(entries[:, :, None] * free[column], axis=1)
    least = float(np.sum(np.square(unbox(w[:, None] * (fitted - data)))))
    level = float(np.asarray(unbox(s)))
    data = w[:, None] * data
    size = float(np.sum(np.square(unbox(data))))
    if n == k + 1 or level <= least + 1e-10 * max(size, 1e-300):
        return free[:, 0] if one else free
    place = np.arange(m)[:, None] * n + column
    matrix = fits.scattered(entries, place, (m, n)) * w[:, None]
    jumps = _jumps(t, k, n)
    square = np.matmul(np.transpose(matrix), matrix)
    penalty = np.matmul(np.transpose(jumps), jumps)
    right = np.matmul(np.transpose(matrix), data)
    parts: list[Any] = [unbox(a) for a in (square, penalty, right, matrix, data)]
    start = np.append(np.ravel(c), _penalty(parts, level))

    def equations(z: Value) -> Any:
        c, q = np.reshape(z[:-1], (n, -1)), z[-1]
        gap = np.sum((np.matmul(matrix, c) - data) ** 2) - s
        bend = np.matmul(square, c) + np.exp(q) * np.matmul(penalty, c) - right
        return np.concatenate([np.ravel(bend), np.reshape(gap, (1,))])

    found = lift(equations, start, name="the equations of a smoothing spline")[:-1]
    return found if one else np.reshape(found, (n, -1))


def _penalty(parts: list[Any], s: float) -> float:
    """The logarithm of the weight of the jumps with which the residual is s, by bisection."""
    square, penalty, right, matrix, data = parts
    low, high = -60.0, 60.0
    size = np.log(np.trace(square) / max(np.trace(penalty), 1e-300))
    for _ in range(200):
        middle = (low + high) / 2
        c = np.linalg.solve(square + np.exp(middle + size) * penalty, right)
        if np.sum((matrix @ c - data) ** 2) < s:
            low = middle
        else:
            high = middle
    return float((low + high) / 2 + size)


def _jumps(t: Value, k: int, n: int) -> Any:
    """The jumps of the k-th derivative at inner knots, by the coefficients."""
    inner = np.arange(k + 1, n)
    x = t[inner]
    after = knots.basis_derivative(t, k, x, inner, k)
    before = knots.basis_derivative(t, k, x, inner - 1, k)
    rows = np.arange(len(inner))[:, None] * n
    shape = (len(inner), n)
    out = fits.scattered(after, rows + inner[:, None] - k + np.arange(k + 1), shape)
    return out - fits.scattered(before, rows + inner[:, None] - k - 1 + np.arange(k + 1), shape)


def weights_of(w: Value, x: Value) -> Any:
    """The weights of data at some abscissas, which are 1 if there are none."""
    return np.ones(shape_of(x)[0]) if w is None else asarray(w) * 1.0


def curve_parameters(u: Value, points: Value, found: Any, name: str) -> Any:
    """The parameters of points on a curve: given ones, or the lengths of the polygon."""
    if u is not None:
        return asarray(u) * 1.0
    steps = np.sqrt(np.sum((points[1:] - points[:-1]) ** 2, axis=1))
    lengths = np.concatenate([np.zeros(1), np.cumsum(steps)])
    return agreed(lengths / lengths[-1], found, name)


def moving_knots(found: Any, x: Value, k: int, ends: Any, inner: Value = None) -> Any:
    """FITPACK's knots, which move with the abscissas that they stand at."""
    m = shape_of(x)[0]
    n = len(found) - k - 1
    if inner is not None:
        middle = asarray(inner) * 1.0
    elif n == m:
        middle = fits.chosen_knots(x, k)[k + 1 : n]
    else:
        index = np.clip(np.searchsorted(np.asarray(unbox(x)), found[k + 1 : n]), 0, m - 1)
        middle = x[index]
    start = [x[0] if ends[0] is None else ends[0]] * (k + 1)
    stop = [x[-1] if ends[1] is None else ends[1]] * (k + 1)
    t = np.concatenate([from_nested(start), middle, from_nested(stop)])
    return given(t, found) if holds_traced(t) else found


_splrep = original_of(interpolate.splrep)


@implements(interpolate.splrep)
def splrep(
    x: Value,
    y: Value,
    w: Value = None,
    xb: Value = None,
    xe: Value = None,
    k: int = 3,
    task: int = 0,
    s: Value = None,
    t: Value = None,
    full_output: int = 0,
    **options: Any,
) -> Any:
    """``scipy.interpolate.splrep``: knots and coefficients of a spline near data, by the data,
    abscissas, weights, knots and the smoothing condition `s`.

    The number and the choice of knots are constant; chosen knots move with their abscissas.
    """
    if options.get("per"):
        return _periodic_splrep(x, y, w, k, s, full_output, options)
    arguments = [plain(a) for a in (x, y, w, xb, xe)]
    found = by_scipy(_splrep, *arguments, k, task, plain(s), plain(t), 1, **options)
    (knots_found, c_found, _), *rest = found
    x, y = asarray(x) * 1.0, asarray(y) * 1.0
    m = shape_of(x)[0]
    weights = weights_of(w, x)
    if s is None:
        s = 0.0 if w is None else m - np.sqrt(2 * m)
    own = moving_knots(knots_found, x, k, (xb, xe), t)
    n = len(knots_found) - k - 1
    level = 0.0 if t is not None or task == -1 else s
    c = smoothed(x, y, weights, own, k, level, c_found[:n])
    c = np.concatenate([c, np.zeros(len(c_found) - n)])
    tck = own, agreed(c, c_found, "splrep", 1e-2), k
    return (tck, *rest) if full_output else tck


def _periodic_splrep(
    x: Value, y: Value, w: Value, k: int, s: Value, full_output: int, options: Any
) -> Any:
    """A periodic spline through the data."""
    if w is not None or (s is not None and float(plain(s)) > 0) or full_output or not k % 2:
        raise MissingRuleError(
            f"splrep of traced values with per=1 has a derivative for s=0, odd k and no weights "
            f"only, {user_line()}; make_interp_spline has bc_type='periodic'"
        )
    t0, c0, _ = by_scipy(_splrep, plain(x), plain(y), k=k, s=0, **options)
    y = asarray(y)
    y = np.concatenate([y[:-1], y[:1]])
    spline = fits.make_interp_spline(x, y, k, bc_type="periodic")
    t, c = part(spline, "t"), part(spline, "c")
    c = np.concatenate([c, np.zeros(len(c0) - shape_of(c)[0])])
    return agreed(t, t0, "splrep"), agreed(c, c0, "splrep", 1e-5), k


_splprep = original_of(interpolate.splprep)


@implements(interpolate.splprep)
def splprep(
    x: Value,
    w: Value = None,
    u: Value = None,
    ub: Value = None,
    ue: Value = None,
    k: int = 3,
    task: int = 0,
    s: Value = None,
    t: Value = None,
    full_output: int = 0,
    nest: Any = None,
    per: int = 0,
    quiet: int = 1,
) -> Any:
    """``scipy.interpolate.splprep``: knots, coefficients and parameters of a curve near points, by
    the points, weights and parameters; see `splrep`."""
    if per:
        raise MissingRuleError(
            f"splprep of traced values has no derivative for per=1, {user_line()}; "
            f"make_interp_spline has bc_type='periodic'"
        )
    arguments = [plain(a) for a in (x, w, u, ub, ue)]
    found = by_scipy(_splprep, *arguments, k, task, plain(s), plain(t), 1, nest, per, quiet)
    ((t_found, c_found, _), u_found), *rest = found
    points = np.transpose(from_nested(x) * 1.0)
    m = shape_of(points)[0]
    u = curve_parameters(u, points, u_found, "splprep")
    weights = weights_of(w, u)
    own = moving_knots(t_found, u, k, (ub, ue), t)
    n = len(t_found) - k - 1
    s = m - np.sqrt(2 * m) if s is None else s
    c = smoothed(u, points, weights, own, k, 0.0 if task == -1 else s, np.transpose(c_found))
    c = np.transpose(c[:n])
    curve = [agreed(c[i], value, "splprep", 1e-2) for i, value in enumerate(c_found)]
    tcku = [own, curve, k], u
    return (tcku, *rest) if full_output else tcku


_insert = original_of(interpolate.insert)


@_declared("insert")
def insert(x: Value, tck: Any, m: int = 1, per: int = 0) -> Any:
    """``scipy.interpolate.insert``: the same spline with another knot, m times (W. Boehm, Computer
    Aided Design 12, 1980)."""
    if per or isinstance(tck, BSpline):
        raise MissingRuleError(
            f"insert of traced values takes a tuple (t, c, k) and per=0, {user_line()}"
        )
    value = by_scipy(_insert, plain(x), plain(tck), m, per)
    t, c, k = _tck(tck)
    c = c if np.ndim(c) > 1 else c[None]
    x = asarray(x) * 1.0
    for _ in range(m):
        j = int(knots.interval_at(unbox(t), k, np.asarray(unbox(x))))
        low, high = t[j - k + 1 : j + 1], t[j + 1 : j + k + 1]
        share = (x - low) / (high - low)
        middle = share * c[:, j - k + 1 : j + 1] + (1 - share) * c[:, j - k : j]
        c = np.concatenate([c[:, : j - k + 1], middle, c[:, j:]], axis=1)
        t = np.concatenate([t[: j + 1], np.reshape(x, (1,)), t[j + 1 :]])
    found = value[1] if isinstance(value[1], list) else [value[1]]
    n = shape_of(t)[0] - k - 1
    rows: list[Any] = [
        np.concatenate([agreed(c[i, :n], row[:n], "insert"), row[n:]])  # which no one reads
        for i, row in enumerate(found)
    ]
    return agreed(t, value[0], "insert"), rows if found is value[1] else rows[0], k
