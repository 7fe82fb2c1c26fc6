"""`make_splrep` and `make_splprep`: splines and curves near data by FITPACK's criterion."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate

from ....core.types import Value
from ...numpy.creation import asarray, from_nested
from ..arguments import by_scipy, plain
from ..bodies import agreed
from ..dispatch import implements, missing
from ..in_place import original_of
from . import fits
from .fitpack import curve_parameters, moving_knots, smoothed, weights_of
from .polynomials import part


def _near(spline: Any, x: Value, y: Value, w: Value, ends: Any, k: int, s: Value) -> Any:
    """SciPy's spline with the derivatives of a smoothing spline; its knots move with the data."""
    holder = getattr(spline, "_delegate_to", spline)
    own = moving_knots(part(holder, "t"), x, k, ends)
    value = part(holder, "c")
    c = smoothed(x, y, weights_of(w, x), own, k, s, value)
    return fits.made(spline, own, agreed(c, value, "a smoothing spline", 1e-2))


def _is_interpolating(s: Value, name: str, options: dict[str, Any]) -> bool:
    """Whether the spline passes through the data; refuses options that have no derivative."""
    name = f"scipy.interpolate.{name}"
    if options.get("t") is not None:  # SciPy's search ends with another residual than s
        raise missing(name, "a spline on knots of your own need not meet s; use make_lsq_spline")
    is_interpolating = float(np.asarray(plain(s))) == 0.0
    if options.get("bc_type") == "periodic" and not is_interpolating:
        raise missing(name, "periodic splines need s=0")
    return is_interpolating


if hasattr(interpolate, "make_splrep"):  # from SciPy 1.15 on
    _splrep = original_of(interpolate.make_splrep)
    _splprep = original_of(interpolate.make_splprep)

    @implements(interpolate.make_splrep)
    def make_splrep(
        x: Value,
        y: Value,
        w: Value = None,
        xb: Value = None,
        xe: Value = None,
        k: int = 3,
        s: Value = 0,
        **options: Any,
    ) -> Any:
        """``scipy.interpolate.make_splrep``, by the data, abscissas, weights and `s`.

        The number and the choice of knots are constant; chosen knots move with their abscissas.
        """
        if _is_interpolating(s, "make_splrep", options):
            bc_type = options.get("bc_type")
            return fits.make_interp_spline(asarray(x), asarray(y), k, bc_type=bc_type)
        arguments = {"w": plain(w), "xb": plain(xb), "xe": plain(xe)}
        spline = by_scipy(_splrep, plain(x), plain(y), k=k, s=plain(s), **arguments, **options)
        return _near(spline, asarray(x) * 1.0, asarray(y) * 1.0, w, (xb, xe), k, s)

    @implements(interpolate.make_splprep)
    def make_splprep(
        x: Value,
        w: Value = None,
        u: Value = None,
        ub: Value = None,
        ue: Value = None,
        k: int = 3,
        s: Value = 0,
        **options: Any,
    ) -> Any:
        """``scipy.interpolate.make_splprep``: a curve near points and its parameters, by the
        points, weights, parameters and `s`; see `make_splrep`."""
        is_interpolating = _is_interpolating(s, "make_splprep", options)
        arguments = {"w": plain(w), "u": plain(u), "ub": plain(ub), "ue": plain(ue)}
        spline, u_found = by_scipy(_splprep, plain(x), k=k, s=plain(s), **arguments, **options)
        points = np.transpose(from_nested(x) * 1.0)
        u = curve_parameters(u, points, u_found, "make_splprep")
        if is_interpolating:
            bc_type = options.get("bc_type")
            return fits.make_interp_spline(u, np.transpose(points), k, None, bc_type, 1), u
        return _near(spline, u, points, w, (ub, ue), k, s), u
