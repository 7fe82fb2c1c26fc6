"""Spheroidal radial functions of the second kind, where SciPy's values are solutions.

SciPy finds them by one of two series. Where neither converges, its value and its slope belong to no
solution of the differential equation, as their Wronskian with the functions of the first kind shows
(DLMF 30.11.10); such arguments raise an error. In c, the derivative far out is that of the series
of spherical Bessel functions (DLMF 30.11.3), and from there it follows the differential equation by
variation of parameters.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from .kinds import column, gauss_legendre, several
from .spheroidal import (
    oblate_radial_slope,
    of_each_degree,
    off_the_curve,
    on_the_curve,
    prolate_slope,
    radial,
)

AGREE = 1e-6  # the error of a Wronskian that is no more than lost digits
FAR, PHASE = 3.0, 12.0  # the series in c holds beyond x = FAR and c x = PHASE + n
PANEL = 16.0  # the longest way of one quadrature
DENSE = 3.0


def _nodes(way: float) -> tuple[Any, Any]:
    """Nodes and weights on (0, 1) for a smooth function of a variable that goes so far."""
    panels = max(1, math.ceil(way / PANEL)) if math.isfinite(way) else 1
    nodes, weights = gauss_legendre(8 * math.ceil((12 + DENSE * way / panels) / 8))
    places = (np.arange(panels)[:, None] + nodes) / panels
    return places.reshape(-1), np.tile(weights / panels, panels)


def _second(kind: str, sign: float) -> None:
    name = f"{kind}_rad2"
    value: Any = getattr(special, f"{kind}_cv")
    first: Any = getattr(special, f"{kind}_rad1")
    second: Any = getattr(special, name)
    slope = prolate_slope if kind == "pro" else oblate_radial_slope
    first_at: Any = getattr(special, f"{kind}_rad1_cv")
    second_at: Any = getattr(special, f"{name}_cv")
    far_slopes = of_each_degree(radial(sign, "yn"), 3)

    def check(c: Value, x: Value, one: Any, two: Any) -> None:
        """Raise an error where the values of SciPy belong to no solution."""
        c, x = unbox(c), unbox(x)
        (u, du), (w, dw) = (map(unbox, pair) for pair in (one, two))
        with np.errstate(all="ignore"):
            wronskian = (u * dw - du * w) * c * (x * x - sign)
            wrong = np.abs(wronskian - 1) > AGREE
        if np.any(wrong):
            raise UnsupportedInputError(
                f"scipy.special.{name} has no derivative here, {user_line()}: SciPy's value and "
                f"slope solve no spheroidal equation, since their Wronskian with {kind}_rad1 is "
                f"off. They are right where c * x is large"
            )

    def solutions(m: Any, n: Any, c: Value, x: Value) -> tuple[Any, Any]:
        """Both kinds, each with its slope, checked."""
        if is_box(c):
            pair = first(m, n, c, x), second(m, n, c, x)
        else:  # SciPy finds the characteristic value anew for each x
            cv = value(m, n, c)
            pair = first_at(m, n, c, cv, x), second_at(m, n, c, cv, x)
        check(c, x, *pair)
        return pair

    def steps(m: Any, n: Any, c: Value, x: Value, end: Value, by_value: Any) -> tuple[Any, Any]:
        """The shares of both kinds that the way from `end` to x adds to the derivative."""
        edge = 1.0 if sign > 0 else 0.0
        rate = column(np.asarray(unbox(c)))
        # Nodes lie equally in the logarithm of the distance from 1 or 0, and far out in the phase.
        steps = (rate * column(y - edge) for y in (x, end))
        start, stop = (y + np.log(-np.expm1(-y)) for y in steps)
        way = stop - start
        nodes, weights = _nodes(float(np.max(unbox(way))))
        phase = np.logaddexp(0.0, start + way * nodes)
        t = edge + phase / rate
        (u, _), (w, _) = solutions(column(m), column(n), column(c), t)
        force = column(by_value) - 2 * column(c) * t * t
        share = column(c) / rate * weights * way * -np.expm1(-phase) * force * w
        return np.sum(share * w, axis=-1), -np.sum(share * u, axis=-1)

    def by_c(m: Any, n: Any, c: Value, x: Value, ans: Any) -> Any:
        shape = np.broadcast_shapes(*map(shape_of, (m, n, c, x)))
        m, n, c, x = (np.broadcast_to(a, shape) for a in (m, n, c, x))
        c_now, x_now = np.asarray(unbox(c)), np.asarray(unbox(x))
        far = np.maximum(x_now, np.maximum(FAR, (PHASE + unbox(n)) / c_now))
        end = np.where(far > x_now, far, x)
        (u, du), (w, dw) = solutions(m, n, c, end)
        v, dv, by_value = far_slopes(m, n, c, end)
        front = c * (end * end - sign)
        of_first, of_second = front * (v * dw - dv * w), front * (u * dv - du * v)
        if np.any(far > x_now):
            to_first, to_second = steps(m, n, c, x, end, by_value)
            of_first, of_second = of_first + to_first, of_second + to_second
        (u, du), (w, dw) = first(m, n, c, x), ans
        return of_first * u + of_second * w, of_first * du + of_second * dw

    def by_x(m: Any, n: Any, c: Value, x: Value, ans: Any) -> Any:
        check(c, x, first(m, n, c, x), ans)
        return slope(sign, m, c, value(m, n, c), x, ans)

    def by_x_of(m: Any, n: Any, c: Value, cv: Value, x: Value, ans: Any) -> Any:
        on_the_curve(kind, m, n, c, cv)
        check(c, x, first(m, n, c, x), ans)
        return slope(sign, m, c, cv, x, ans)

    off = off_the_curve(kind, "rad2")
    several(name, None, None, by_c, by_x)
    several(f"{name}_cv", None, None, off, off, by_x_of)


_second("pro", 1.0)
_second("obl", -1.0)
