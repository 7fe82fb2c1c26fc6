"""`scipy.interpolate` on traced arrays: interpolators by data, abscissas, knots and points.

SciPy's own classes take traced values; the functions here are SciPy's, too.
"""

from scipy import interpolate as _interpolate

from ..pieces import refuses
from . import polynomials, radial, smoothing, splines, univariate  # noqa: F401  # of classes
from .bivariate import bisplev, bisplrep
from .curves import (
    approximate_taylor_polynomial,
    barycentric_interpolate,
    krogh_interpolate,
    pchip_interpolate,
)
from .fitpack import insert, spalde, splantider, splder, splev, splint, splprep, splrep, sproot
from .fits import make_interp_spline, make_lsq_spline
from .grids import interpn
from .more import lagrange, make_smoothing_spline, pade
from .scattered import griddata

for _names, _instead in (
    (
        "AAA",
        "the data choose its points, down to their rounding errors; use "
        "FloaterHormannInterpolator or BarycentricInterpolator",
    ),
    (
        "LSQSphereBivariateSpline RectSphereBivariateSpline SmoothSphereBivariateSpline",
        "side conditions at the poles have no rule; use RBFInterpolator on points of the sphere, "
        "or RectBivariateSpline of the angles",
    ),
):
    refuses(_interpolate, _names, _instead)
__all__ = [
    "approximate_taylor_polynomial",
    "barycentric_interpolate",
    "bisplev",
    "bisplrep",
    "griddata",
    "insert",
    "interpn",
    "krogh_interpolate",
    "lagrange",
    "make_interp_spline",
    "make_lsq_spline",
    "make_smoothing_spline",
    "pade",
    "pchip_interpolate",
    "spalde",
    "splantider",
    "splder",
    "splev",
    "splint",
    "splprep",
    "splrep",
    "sproot",
]
