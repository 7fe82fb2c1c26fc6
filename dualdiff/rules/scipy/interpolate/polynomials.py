"""Piecewise polynomials of `scipy.interpolate`, and interpolation by them: by data, breaks, points.

Coefficients are computed by SciPy's own code; the compiled functions within it have rules.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
from scipy import interpolate
from scipy.interpolate import _interpolate, _ppoly

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....transforms.implicit import lift
from ...numpy.creation import asarray, given
from ..arguments import by_scipy, is_recorded, plain
from ..dispatch import implements
from ..in_place import original_of
from ..objects import runs_methods
from ..rebinding import replace
from . import pieces

_BASE = _interpolate._PPolyBase
# From SciPy 1.18 on, the public classes pass their calls on to classes of arrays of one library.
_PPOLY = getattr(_interpolate, "_PPoly", interpolate.PPoly)
_BPOLY = getattr(_interpolate, "_BPoly", interpolate.BPoly)
_COMPILED = {
    f: getattr(_ppoly, f) for f in ("evaluate", "evaluate_bernstein", "integrate", "fix_continuity")
}


# Compiled functions within SciPy's code. They write to an array that they get.
def _evaluate(c: Value, x: Value, xp: Value, nu: int, extrapolate: bool, out: Any) -> None:
    out[...] = pieces.values(c, x, xp, nu, extrapolate)


def power_basis(c: Value, x: Value) -> Any:
    """Coefficients in the power basis from those in the Bernstein basis."""
    h = (x[1:] - x[:-1])[(slice(None),) + (None,) * (np.ndim(c) - 2)]
    k = shape_of(c)[0] - 1
    rows = []
    for s in range(k, -1, -1):
        row = sum((-1) ** (s + a) * comb(k, a) * comb(k - a, s - a) * c[a] for a in range(s + 1))
        rows.append(row / h**s)
    return np.stack(rows)


def _evaluate_bernstein(
    c: Value, x: Value, xp: Value, nu: int, extrapolate: bool, out: Any
) -> None:
    out[...] = pieces.values(power_basis(c, x), x, xp, nu, extrapolate)


def _integrate(c: Value, x: Value, a: Value, b: Value, extrapolate: bool, out: Any) -> None:
    out[...] = pieces.integral(asarray(c), x, a, b, extrapolate)


def _fix_continuity(c: Value, x: Value, order: int) -> None:
    c[...] = pieces.continued(asarray(c), x, order + 1)


for _name, _new in {
    "evaluate": _evaluate,
    "evaluate_bernstein": _evaluate_bernstein,
    "integrate": _integrate,
    "fix_continuity": _fix_continuity,
}.items():
    replace(_COMPILED[_name], _new)


def part(poly: Any, name: str) -> Any:
    """The coefficients or the breaks, wherever the release of SciPy keeps them."""
    return getattr(poly, f"_{name}") if hasattr(poly, f"_{name}") else getattr(poly, name)


def _call(self: Any, x: Value, nu: int = 0, extrapolate: Any = None) -> Any:
    """Values of a piecewise polynomial: SciPy's, with derivatives by coefficients, breaks, points.

    At a break, the piece to the right counts. Outside the breaks, where SciPy gives NaN, the
    derivative is 0.
    """
    x = asarray(x)
    held = plain(self), plain(x)
    value = None if is_recorded(held) else by_scipy(_original_call, *held, nu, extrapolate)
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    c, breaks = part(self, "c"), part(self, "x")
    if isinstance(self, _BPOLY):
        c = power_basis(c, breaks)
    points = np.ravel(x)
    if extrapolate == "periodic":
        points = breaks[0] + np.remainder(points - breaks[0], breaks[-1] - breaks[0])
        extrapolate = False
    rest = shape_of(c)[2:]
    columns = np.reshape(c, (*shape_of(c)[:2], -1))
    out = pieces.values(columns, breaks, points, nu, bool(extrapolate))
    out = along_axis(np.reshape(out, shape_of(x) + rest), np.ndim(x), self.axis)
    return out if value is None else given(out, value)


def along_axis(out: Value, x_ndim: int, axis: int) -> Any:
    """Move the axes of the points from the front to the interpolation axis."""
    if axis:
        axes = list(range(np.ndim(out)))
        order = axes[x_ndim : x_ndim + axis] + axes[:x_ndim] + axes[x_ndim + axis :]
        out = np.transpose(out, order)
    return out


_original_call = original_of(_BASE.__call__)
implements(_BASE.__call__)(_call)


def _solve(self: Any, y: Value = 0.0, discontinuity: bool = True, extrapolate: Any = None) -> Any:
    """Points where a piecewise polynomial has the value y; a jump across y moves with its break."""
    found = by_scipy(_original_solve, plain(self), float(plain(y)), discontinuity, extrapolate)
    c, breaks = part(self, "c"), part(self, "x")
    if np.ndim(c) == 2:
        return _roots(c, breaks, y, found)
    columns = np.reshape(c, (*shape_of(c)[:2], -1))
    out = np.empty(found.size, dtype=object)
    for i, points in enumerate(found.ravel()):
        out[i] = _roots(columns[:, :, i], breaks, y, points)
    return out.reshape(found.shape)


def _roots(c: Value, breaks: Value, y: Value, found: Any) -> Any:
    if not found.size:
        return found
    level = np.max(np.abs(unbox(c)))
    at = pieces.values(np.asarray(unbox(c))[:, :, None], unbox(breaks), found)[:, 0]
    jumps = np.abs(at - unbox(y)) > 1e-6 * level
    if np.isnan(found).any() or jumps.any():
        smooth = _roots(c, breaks, y, found[~jumps & ~np.isnan(found)])
        index = np.searchsorted(unbox(breaks), found)
        moved = asarray(breaks)[np.clip(index, 0, len(unbox(breaks)) - 1)]
        moved = np.where(np.isnan(found), np.nan, moved)
        where = np.cumsum(~jumps & ~np.isnan(found)) - 1
        if shape_of(smooth)[0]:
            moved = np.where(jumps | np.isnan(found), moved, smooth[np.maximum(where, 0)])
        return given(moved, found)
    return lift(
        lambda x: pieces.values(c[:, :, None], breaks, x)[:, 0] - y,
        found,
        name="the equations of a piecewise polynomial",
        kind="diagonal",
    )


_original_solve = original_of(_PPOLY.solve)
implements(_PPOLY.solve)(_solve)

runs_methods(_BASE, sets="__init__ extend _ensure_c_contiguous", skip="__call__")
runs_methods(_PPOLY, skip="solve _evaluate")
runs_methods(_BPOLY, sets="__init__ extend", skip="_evaluate")
if _PPOLY is not interpolate.PPoly:
    runs_methods(interpolate.PPoly, sets="__init__ extend")
    runs_methods(interpolate.BPoly, sets="__init__ extend")
runs_methods(interpolate.CubicHermiteSpline)
runs_methods(interpolate.PchipInterpolator)
runs_methods(interpolate.Akima1DInterpolator)
runs_methods(interpolate.CubicSpline)
