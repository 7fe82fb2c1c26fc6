"""`remez`: filters whose largest weighted error is as small as possible.

The error of such a filter takes its largest size at one frequency more than the filter has
coefficients, with alternating signs: Chebyshev's alternation theorem (J. McClellan, T. Parks, "A
unified approach to the design of optimum FIR linear phase digital filters", 1973). Some of these
frequencies are edges of bands; at the others the slope of the error is 0. These equations determine
coefficients, error and frequencies by the edges, the desired values and the weights.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy import ndarray
from scipy import signal

from ....array.box import is_box, unbox
from ....core.types import Value
from ....errors import SolverError, user_line
from ....transforms.implicit import lift
from ...numpy.creation import asarray, given
from ..arguments import by_scipy
from ..dispatch import implements

NAME = "the equations of an error that alternates"
NEARLY = 0.9  # of the largest error: SciPy's filter is optimal on its grid only
DENSE = 64  # points per coefficient at which the error is searched for its extremes


class _Design:
    """The error of a filter, by the frequency in units of the sampling rate."""

    def __init__(
        self, taps: ndarray, edges: Value, desired: Value, weight: Value, slope: bool, odd: bool
    ) -> None:
        count = len(taps)
        half = (count + 1) // 2
        lags = np.arange(half) + (0.0 if count % 2 else 0.5)
        centred = 2.0 * taps[half - 1 :: -1]
        if count % 2:
            centred[0] /= 2.0
            lags, centred = (lags[1:], centred[1:]) if odd else (lags, centred)
        self.edges = np.reshape(edges, (-1, 2))
        self.desired, self.weight, self.slope = desired, weight, slope
        self.rates, self.odd, self.count = 2 * np.pi * lags, odd, count
        self.start = centred

    def taps(self, c: Value) -> Any:
        """The filter, of its coefficients."""
        sign = -1.0 if self.odd else 1.0
        if self.count % 2 == 0:
            return np.concatenate([0.5 * c[::-1], sign * 0.5 * c])
        sides = c if self.odd else c[1:]
        middle = np.zeros(1) if self.odd else c[:1]
        return np.concatenate([0.5 * sides[::-1], middle, sign * 0.5 * sides])

    def error(self, c: Value, f: Value, band: Any) -> Any:
        """The weighted error at frequencies within bands."""
        angles = f[:, None] * self.rates
        response = (np.sin(angles) if self.odd else np.cos(angles)) @ c
        desired, weight = self.desired[band], self.weight[band]
        if not self.slope:
            return weight * (response - desired)
        scale = np.where(self.steep(desired), f, 1.0)
        return weight * (response - desired * f) / scale

    def plain_error(self, f: ndarray, band: Any) -> ndarray:
        """The error of the filter that SciPy found, without derivatives."""
        plain = copy.copy(self)
        vars(plain).update({name: unbox(value) for name, value in vars(self).items()})
        return np.asarray(plain.error(self.start, f, np.broadcast_to(band, f.shape)))

    def steep(self, desired: Value) -> ndarray:
        """Where the error of a differentiator is relative."""
        return np.asarray(unbox(desired)) >= 1e-4

    def tilt(self, c: Value, f: Value, band: Any) -> Any:
        """The derivative of the error by the frequency, up to a factor."""
        angles = f[:, None] * self.rates
        waves, turned = (np.sin(angles), np.cos(angles)) if self.odd else (
            np.cos(angles), -np.sin(angles)
        )  # fmt: skip
        response, rise = waves @ c, turned @ (self.rates * c)
        if not self.slope:
            return rise
        desired = self.desired[band]
        return np.where(self.steep(desired), rise * f - response, rise - desired)

    def extremes(self) -> tuple[ndarray, ndarray, ndarray, ndarray]:
        """Frequencies of the largest errors with alternating signs, their bands, the signs, and
        the edge (0 or 1) that each is, or -1 within a band."""
        found: list[tuple[float, int, float, int]] = []
        for band, (low, high) in enumerate(np.asarray(unbox(self.edges)).tolist()):
            size = max(8, int(DENSE * self.count * (high - low)))
            f = np.linspace(low, high, size)
            with np.errstate(all="ignore"):
                e = np.nan_to_num(self.plain_error(f, band))
            before, after = np.r_[0.0, e[:-1]], np.r_[e[1:], 0.0]
            peaks = ((e > 0) & (e >= before) & (e > after)) | (
                (e < 0) & (e <= before) & (e < after)
            )
            for i in np.flatnonzero(peaks).tolist():
                edge = 0 if i == 0 else 1 if i == size - 1 else -1
                found.append((f[i], band, e[i], edge))
        kept: list[tuple[float, int, float, int]] = []
        largest = max((abs(p[2]) for p in found), default=0.0)
        for point in (p for p in found if abs(p[2]) >= NEARLY * largest):
            if kept and kept[-1][2] * point[2] > 0:
                kept[-1] = max(kept[-1], point, key=lambda p: abs(p[2]))
            else:
                kept.append(point)
        while len(kept) > len(self.start) + 1:
            kept.pop(0 if abs(kept[0][2]) < abs(kept[-1][2]) else -1)
        if len(kept) <= len(self.start):
            raise SolverError(
                f"the filter that remez found is not optimal, {user_line()}: its error alternates "
                f"at {len(kept)} frequencies only. Ask for a larger maxiter or grid_density."
            )
        places, bands, errors, edges = map(np.array, zip(*kept, strict=True))
        return places, bands, np.sign(errors), edges


@implements(signal.remez, arrays="bands desired weight")
def remez(
    numtaps: int,
    bands: Value,
    desired: Value,
    *,
    weight: Value = None,
    type: str = "bandpass",
    fs: Value = None,
    **options: Any,
) -> Any:
    """``scipy.signal.remez``: a filter of least largest error, by the edges of its bands, the
    desired values, their weights, and `fs`.

    Raises: SolverError where SciPy's filter is not optimal.
    Convention: SciPy searches on a grid of frequencies; the derivative is that of the filter that
    is optimal between its points, too.

    >>> import numpy as np, dualdiff as dd
    >>> from scipy import signal
    >>> f = lambda p: signal.remez(5, [0, 0.1, 0.2, 0.5], np.stack([p, 0.0]))
    >>> bool(np.allclose(dd.derivative(f)(1.0), f(1.0)))  # the filter is linear in the values
    True
    """
    rate = 1.0 if fs is None else fs
    desired = asarray(desired)
    count = np.shape(desired)[0]
    weight = np.ones(count) if weight is None else asarray(weight)
    plain = (np.array(unbox(x), float) for x in (bands, desired, weight))
    bands_plain, desired_plain, weight_plain = plain
    named = {"weight": weight_plain, "type": type, "fs": unbox(rate), **options}
    value = np.asarray(by_scipy(signal.remez, numtaps, bands_plain, desired_plain, **named))
    odd = type != "bandpass"
    edges = asarray(bands) / rate
    design = _Design(value, edges, desired, weight, type == "differentiator", odd)
    f, band, signs, edge = design.extremes()
    inner = np.flatnonzero(edge < 0)
    size = len(design.start)
    at_edge = design.edges[band, np.maximum(edge, 0)]
    error = np.mean(signs * design.plain_error(f, band))

    def residual(z: Value) -> Any:
        c, deviation, moving = z[:size], z[size], z[size + 1 :]
        places = np.zeros(len(f), int)
        places[inner] = np.arange(len(inner))
        all_f = np.where(edge < 0, (moving if len(inner) else np.zeros(1))[places], at_edge)
        errors = design.error(c, all_f, band) - signs * deviation
        return np.concatenate([errors, design.tilt(c, all_f[inner], band[inner])])

    z = lift(residual, np.concatenate([design.start, [error], f[inner]]), name=NAME)
    return given(design.taps(z[:size]), value) if is_box(z) else value
