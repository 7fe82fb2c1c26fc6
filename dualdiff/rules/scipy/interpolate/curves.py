"""Interpolation by polynomials, and `interp1d`: SciPy's own code on traced values."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate
from scipy.interpolate import _polyint

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.creation import asarray
from ..bodies import runs_body
from ..dispatch import implements
from ..objects import runs_methods


@implements(interpolate.interp1d._evaluate)
def _evaluate(self: Any, x_new: Value) -> Any:
    """Values of `interp1d`, with a fill value, which may be traced alone, at points outside."""
    x_new = asarray(x_new)
    out = self._call(self, x_new)
    if self._extrapolate:
        return out
    for is_outside, fill in zip(
        self._check_bounds(x_new), (self._fill_value_below, self._fill_value_above), strict=True
    ):
        if is_outside.any():
            shape = is_outside.shape + (1,) * (np.ndim(out) - is_outside.ndim)
            out = np.where(np.reshape(is_outside, shape), fill, out)
    return out


def barycentric(x: Value, points: Value, values: Value, weights: Value) -> Any:
    """The interpolant of values (n, r) with barycentric weights, at places (m,).

    Numerator and denominator are multiplied by the distance to the nearest point, so neither has a
    pole there, and the derivatives at the points are right, of any order.
    Source: J.-P. Berrut and L. N. Trefethen, SIAM Review 46 (2004), equation (4.2).
    """
    gap = x[:, None] - points
    near = np.argmin(np.abs(unbox(gap)), axis=1)
    is_near = np.arange(shape_of(gap)[1]) == near[:, None]
    others = np.where(is_near, 0.0, weights) / np.where(is_near, 1.0, gap)
    rest, weight = gap[np.arange(len(near)), near], weights[near]
    top = weight[:, None] * values[near] + rest[:, None] * np.matmul(others, values)
    return top / (weight + rest * np.sum(others, axis=1))[:, None]


@implements(interpolate.BarycentricInterpolator._evaluate)
def _barycentric(self: Any, x: Value) -> Any:
    """Values of `BarycentricInterpolator`, of shape (m, r)."""
    return barycentric(asarray(x), self.xi, self.yi, self.wi)


_CHANGES = "__init__ _set_yi _set_dtype set_yi add_xi _evaluate_derivatives"
_BOUNDS = "__init__ _check_and_update_bounds_error_for_extrapolation"

runs_methods(_polyint._Interpolator1D, sets=_CHANGES)
runs_methods(_polyint._Interpolator1DWithDerivatives, sets="")
runs_methods(interpolate.KroghInterpolator)
runs_methods(interpolate.BarycentricInterpolator, sets=_CHANGES, skip="_evaluate")
runs_methods(interpolate.interp1d, sets=_BOUNDS, skip="_evaluate")

krogh_interpolate = runs_body(interpolate.krogh_interpolate)
barycentric_interpolate = runs_body(interpolate.barycentric_interpolate)
pchip_interpolate = runs_body(interpolate.pchip_interpolate)
approximate_taylor_polynomial = runs_body(interpolate.approximate_taylor_polynomial, calls="f")
