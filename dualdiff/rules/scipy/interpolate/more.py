"""More of `scipy.interpolate`: smoothing by a penalty, rational functions, several variables."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate
from scipy.interpolate import _ppoly

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import MissingRuleError, user_line
from ...numpy.creation import asarray
from ..arguments import by_scipy, plain
from ..bodies import agreed, runs_body
from ..dispatch import implements
from ..in_place import original_of
from ..linalg.banded import solve_banded
from ..objects import runs_methods
from ..rebinding import replace
from . import fits, pieces
from .curves import barycentric

lagrange = runs_body(interpolate.lagrange)
pade = runs_body(interpolate.pade)

_smoothing = original_of(interpolate.make_smoothing_spline)


def _by_offset(rows: list[tuple[int, int, Any]], n: int, below: int, above: int) -> Any:
    """A banded matrix from pieces of its diagonals: (row offset, first column, entries)."""
    ab: Any = np.zeros((below + above + 1, n))
    for offset, first, entries in rows:
        count = shape_of(entries)[0]
        place = (above + offset) * n + first + np.arange(count)
        ab = ab + fits.scattered(entries, place, (below + above + 1, n))
    return ab


@implements(interpolate.make_smoothing_spline)
def make_smoothing_spline(
    x: Value, y: Value, w: Value = None, lam: Value = None, axis: int = 0
) -> Any:
    """``scipy.interpolate.make_smoothing_spline``: the natural cubic spline g that minimises
    ``sum(w (y - g(x))**2) + lam * integral(g''**2)``, by the data, abscissas, weights and `lam`.

    Raises: MissingRuleError if `lam` is to be found by cross-validation.
    Source: P. J. Green and B. W. Silverman, "Nonparametric Regression" (1994), section 2.3.
    """
    if lam is None:
        raise MissingRuleError(
            f"make_smoothing_spline has no derivative of the lam that cross-validation finds, "
            f"{user_line()}; pass lam"
        )
    options = {"axis": axis} if axis else {}  # SciPy has it from 1.16 on
    spline = by_scipy(_smoothing, *map(plain, (x, y, w, lam)), **options)
    x, y = asarray(x) * 1.0, np.moveaxis(asarray(y) * 1.0, axis, 0)
    n, rest = shape_of(y)[0], shape_of(y)[1:]
    columns = np.reshape(y, (n, -1))
    spread = np.ones(n) if w is None else 1 / asarray(w)
    h = x[1:] - x[:-1]
    a, c = 1 / h[:-1], 1 / h[1:]
    b = -a - c
    # Second differences Q' y of the data, and the Gram matrix R of the second derivatives.
    slopes = (columns[1:] - columns[:-1]) / h[:, None]
    right = slopes[1:] - slopes[:-1]
    v = (spread[:-2], spread[1:-1], spread[2:])
    main = (h[:-1] + h[1:]) / 3 + lam * (a * a * v[0] + b * b * v[1] + c * c * v[2])
    first = h[1:-1] / 6 + lam * (b[:-1] * a[1:] * spread[1:-2] + c[:-1] * b[1:] * spread[2:-1])
    rows = [(0, 0, main), (1, 0, first), (-1, 1, first)]
    if n > 4:
        second = lam * c[:-2] * a[2:] * spread[2:-2]
        rows += [(2, 0, second), (-2, 2, second)]
    gamma = solve_banded((2, 2), _by_offset(rows, n - 2, 2, 2), right)
    none = np.zeros((1, shape_of(gamma)[1]))
    bent = [a[:, None] * gamma, b[:, None] * gamma, c[:, None] * gamma]
    lifted = (
        np.concatenate([bent[0], none, none])
        + np.concatenate([none, bent[1], none])
        + np.concatenate([none, none, bent[2]])
    )
    fitted = np.reshape(columns - lam * spread[:, None] * lifted, (n, *rest))
    natural = fits.make_interp_spline(x, fitted, 3, bc_type="natural")
    t, made = fits.part(natural, "t"), fits.part(natural, "c")
    return fits.made(spline, t, made)


# Polynomials of several variables.
def _evaluate_nd(
    c: Value, xs: Any, ks: Any, xp: Value, dx: Any, extrapolate: bool, out: Any
) -> None:
    """Values within SciPy's code: c is (k1 ... kd, m1 ... md, n), flattened in both."""
    d = len(ks)
    sizes = [shape_of(x)[0] - 1 for x in xs]
    n = shape_of(c)[-1]
    own = np.reshape(c, (*(int(k) for k in ks), *sizes, n))
    index, factors = [], []
    for axis in range(d):
        breaks, points = np.asarray(unbox(xs[axis])), xp[:, axis]
        i = pieces.pieces_of(breaks, np.asarray(unbox(points)))
        index.append(i)
        s, k, nu = points - xs[axis][i], int(ks[axis]), int(dx[axis])
        column = [
            np.zeros(len(i)) if p < nu else float(pieces.perm(p, nu)) * s ** (p - nu)
            for p in range(k - 1, -1, -1)
        ]
        factors.append(np.stack(column))
    local = own[(slice(None),) * d + tuple(index)]  # (k1, ..., kd, r, n)
    for factor in factors:
        shape = (shape_of(factor)[0], *(1,) * (len(shape_of(local)) - 3), shape_of(factor)[1], 1)
        local = np.sum(local * np.reshape(factor, shape), axis=0)
    if not extrapolate:
        bad = [pieces.outside(np.asarray(unbox(x)), np.asarray(unbox(xp[:, i])))
               for i, x in enumerate(xs)]  # fmt: skip
        mask = np.any(bad, axis=0)
        if mask.any():
            local = np.where(mask[:, None], np.nan, local)
    out[...] = local


replace(_ppoly.evaluate_nd, _evaluate_nd)
runs_methods(interpolate.NdPPoly)

# Rational functions.
if hasattr(interpolate, "FloaterHormannInterpolator"):
    _RATIONAL: Any = interpolate.FloaterHormannInterpolator.__mro__[1]
    runs_methods(_RATIONAL, skip="__call__")
    _call_rational = _RATIONAL.__call__

    @implements(_call_rational)
    def _rational(self: Any, z: Value) -> Any:
        """Values of a rational interpolant, of which that at infinity is the limit."""
        value = by_scipy(original_of(_call_rational), plain(self), plain(z))
        z = asarray(z) * 1.0
        flat = np.reshape(z, (-1,))
        values = np.reshape(self._support_values, (shape_of(self._support_values)[0], -1))
        far = np.isinf(unbox(flat))
        flat = np.where(far, unbox(self._support_points)[0], flat)
        out = barycentric(flat, self._support_points, values, self.weights)
        if far.any():
            limit = np.matmul(self.weights, values) / np.sum(self.weights)
            out = np.where(far[:, None], limit, out)
        out = np.reshape(out, shape_of(z) + tuple(self._shape))
        out = np.moveaxis(out, 0, self._axis) if np.ndim(z) else out
        return agreed(out, value, "FloaterHormannInterpolator")

    runs_methods(interpolate.FloaterHormannInterpolator)
