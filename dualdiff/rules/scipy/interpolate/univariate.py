"""`UnivariateSpline` and its relatives on traced data."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
from scipy import interpolate
from scipy.interpolate import _fitpack2

from ....core.types import Value
from ...numpy.creation import asarray, given
from ..arguments import by_scipy, plain
from ..bodies import agreed
from ..dispatch import implements
from ..in_place import original_of
from ..objects import runs_methods
from ..rebinding import replace
from . import knots
from .fitpack import moving_knots, smoothed, weights_of

# SciPy's functions that the copies call take the lock themselves; old versions have none.
if "FITPACK_LOCK" in vars(_fitpack2):
    replace(vars(_fitpack2)["FITPACK_LOCK"], nullcontext())


def _fit(
    spline: Any, x: Value, y: Value, w: Value, s: Value, ends: Any, inner: Value = None
) -> None:
    """Give SciPy's spline the derivatives of its knots, coefficients and residual."""
    data = list(spline._data)
    k, n = data[5], data[7]
    t0, c0 = data[8][:n], data[9][:n]
    count = n - k - 1
    x, y = asarray(x) * 1.0, asarray(y) * 1.0
    w = weights_of(w, x)
    t = moving_knots(t0, x, k, ends, inner)
    c = smoothed(x, y, w, t, k, s, c0[:count])
    entries, first = knots.design_rows(t, k, x)
    fitted = np.sum(entries * c[first[:, None] + np.arange(k + 1)], axis=1)
    if data[10] is not None:
        # Rounding errors of an interpolating spline, or s to a thousandth.
        data[10] = given(np.sum((w * (fitted - y)) ** 2), np.float64(data[10]))
    c = agreed(c, c0[:count], "UnivariateSpline", 1e-2)
    c = np.concatenate([c, c0[count:]])  # entries that no one reads
    data[8], data[9] = t, c
    spline._data = tuple(data)
    spline._eval_args = t, c, k


_univariate = original_of(interpolate.UnivariateSpline.__init__)
_interpolated = original_of(interpolate.InterpolatedUnivariateSpline.__init__)
_least_squares = original_of(interpolate.LSQUnivariateSpline.__init__)


@implements(interpolate.UnivariateSpline.__init__)
def _init_univariate(
    self: Any,
    x: Value,
    y: Value,
    w: Value = None,
    bbox: Any = (None, None),
    k: int = 3,
    s: Value = None,
    ext: Any = 0,
    check_finite: bool = False,
) -> None:
    """SciPy's spline; its choice of knots is constant, and knots move with their abscissas."""
    arguments = [plain(a) for a in (x, y, w, bbox)]
    by_scipy(_univariate, self, *arguments, k, plain(s), ext, check_finite)
    _fit(self, x, y, w, float(np.size(plain(x))) if s is None else s, bbox)


@implements(interpolate.InterpolatedUnivariateSpline.__init__)
def _init_interpolated(
    self: Any, x: Value, y: Value, w: Value = None, bbox: Any = (None, None), k: int = 3,
    ext: Any = 0, check_finite: bool = False,
) -> None:  # fmt: skip
    """SciPy's spline through the data."""
    arguments = [plain(a) for a in (x, y, w, bbox)]
    by_scipy(_interpolated, self, *arguments, k, ext, check_finite)
    _fit(self, x, y, w, 0.0, bbox)


@implements(interpolate.LSQUnivariateSpline.__init__)
def _init_least_squares(
    self: Any, x: Value, y: Value, t: Value, w: Value = None, bbox: Any = (None, None),
    k: int = 3, ext: Any = 0, check_finite: bool = False,
) -> None:  # fmt: skip
    """SciPy's spline on given knots nearest to the data."""
    arguments = [plain(a) for a in (x, y, t, w, bbox)]
    by_scipy(_least_squares, self, *arguments, k, ext, check_finite)
    _fit(self, x, y, w, 0.0, bbox, t)


_OWN = "__init__ validate_input _reset_class _set_class _reset_nest set_smoothing_factor"
runs_methods(interpolate.UnivariateSpline, skip=_OWN)
