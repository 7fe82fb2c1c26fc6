"""`scipy.interpolate` on traced arrays: interpolators by data, abscissas, knots and points.

SciPy's own classes take traced values; the functions here are SciPy's, too.
"""

from . import polynomials, splines  # noqa: F401  # methods of classes
from .curves import (
    approximate_taylor_polynomial,
    barycentric_interpolate,
    krogh_interpolate,
    pchip_interpolate,
)
from .fits import make_interp_spline, make_lsq_spline

__all__ = [
    "approximate_taylor_polynomial",
    "barycentric_interpolate",
    "krogh_interpolate",
    "make_interp_spline",
    "make_lsq_spline",
    "pchip_interpolate",
]
