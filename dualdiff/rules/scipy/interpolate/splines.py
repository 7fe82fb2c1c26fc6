"""B-splines of `scipy.interpolate`: values, derivatives and integrals."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate
from scipy.interpolate import _bsplines

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.creation import asarray, from_nested, given
from ..arguments import by_scipy, plain
from ..bodies import agreed
from ..dispatch import implements
from ..in_place import original_of
from ..objects import runs_methods
from ..sparse.construct import csr_array
from . import knots
from .polynomials import along_axis, part

# From SciPy 1.18 on, the public class passes its calls on to one of NumPy's arrays.
BSpline: Any = getattr(_bsplines, "_BSpline", interpolate.BSpline)


def _call(self: Any, x: Value, nu: int = 0, extrapolate: Any = None) -> Any:
    """Values of a B-spline: SciPy's, with derivatives by coefficients, knots and points.

    At a knot, the polynomial to the right counts.
    """
    x = asarray(x)
    value = by_scipy(_original_call, plain(self), plain(x), nu, extrapolate)
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    out = values(part(self, "t"), part(self, "c"), self.k, np.ravel(x), nu, extrapolate)
    out = np.reshape(out, shape_of(x) + shape_of(out)[1:])
    return given(along_axis(out, np.ndim(x), self.axis), value)


def values(t: Value, c: Value, k: int, x: Value, nu: int, extrapolate: Any) -> Any:
    """Values of a spline with c (n, ...) at points x (r,), which may extrapolate periodically."""
    if extrapolate == "periodic":
        n = shape_of(t)[0] - k - 1
        x = t[k] + np.remainder(x - t[k], t[n] - t[k])
        extrapolate = False
    columns = np.reshape(c, (shape_of(c)[0], -1))
    out = knots.spline(t, columns, k, x, nu, bool(extrapolate))
    return np.reshape(out, shape_of(x) + shape_of(c)[1:])


def integral(t: Value, c: Value, k: int, a: Value, b: Value) -> Any:
    """The integral of a spline with c (n, ...) from a to b, within or beyond its knots."""
    t, c, k = knots.integrated(t, c, k)
    ends = values(t, c, k, from_nested([b, a]) * 1.0, 0, True)
    return ends[0] - ends[1]


def _integrate(self: Any, a: Value, b: Value, extrapolate: Any = None) -> Any:
    """The integral of a B-spline from a to b."""
    value = by_scipy(_original_integrate, plain(self), plain(a), plain(b), extrapolate)
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    t, c, k = part(self, "t"), part(self, "c"), self.k
    n = shape_of(t)[0] - k - 1
    sign = 1.0
    if b < a:
        a, b, sign = b, a, -1.0
    if extrapolate == "periodic":
        start, end = t[k], t[n]
        period = end - start
        count = np.floor((unbox(b) - unbox(a)) / unbox(period))
        left = b - a - count * period
        total = count * integral(t, c, k, start, end) if count else 0.0
        shift = np.floor((unbox(a) - unbox(start)) / unbox(period))
        a = a - shift * period
        b = a + left
        if b <= end:
            total = total + integral(t, c, k, a, b)
        else:
            total = total + integral(t, c, k, a, end)
            total = total + integral(t, c, k, start, start + b - end)
    else:
        if not extrapolate:
            a, b = max(a, t[k]), min(b, t[n])
        total = integral(t, c, k, a, b)
    return agreed(sign * total, value, "BSpline.integrate")


def _design_matrix(cls: Any, x: Value, t: Value, k: int, extrapolate: Any = False) -> Any:
    """The values of all B-splines at points, as a sparse array."""
    found = by_scipy(_original_design, cls, plain(x), plain(t), k, extrapolate)
    x, t = asarray(x), asarray(t)
    matrix = values(t, np.eye(found.shape[1]), k, x, 0, extrapolate)
    rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
    data = given(matrix[rows, found.indices], found.data)
    return csr_array((data, found.indices, found.indptr), found.shape)


_original_design = original_of(vars(BSpline)["design_matrix"].__func__)
implements(vars(BSpline)["design_matrix"].__func__)(_design_matrix)
_original_call = original_of(BSpline.__call__)
_original_integrate = original_of(BSpline.integrate)
implements(BSpline.__call__)(_call)
implements(BSpline.integrate)(_integrate)
runs_methods(BSpline, skip="__call__ integrate design_matrix", sets="__init__ _ensure_c_contiguous")
if BSpline is not interpolate.BSpline:
    runs_methods(interpolate.BSpline, skip="design_matrix")
