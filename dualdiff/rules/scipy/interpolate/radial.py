"""Radial basis functions on traced data, data points, points, smoothing and shape parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate
from scipy.spatial import cKDTree

from ....array.box import is_box, unbox
from ....core.batch import is_complex, shape_of
from ....core.types import Value
from ...numpy.creation import asarray, given
from ..arguments import by_scipy, plain
from ..bodies import agreed
from ..dispatch import implements
from ..in_place import original_of
from ..objects import runs_methods

_init = original_of(interpolate.RBFInterpolator.__init__)
_call = original_of(interpolate.RBFInterpolator.__call__)
_ATTRIBUTES = "_shift", "_scale", "_coeffs"


def _kernel(x: Value, y: Value, kernel: str, epsilon: Value) -> Any:
    """The kernel of scaled distances between two sets of points."""
    difference = (x[:, None] - y[None]) * epsilon
    smooth = {
        "multiquadric": lambda s: -np.sqrt(s + 1.0),
        "inverse_multiquadric": lambda s: 1.0 / np.sqrt(s + 1.0),
        "inverse_quadratic": lambda s: 1.0 / (s + 1.0),
        "gaussian": lambda s: np.exp(-s),
    }.get(kernel)
    if smooth is not None:
        return smooth(np.sum(difference**2, axis=-1))
    if kernel == "thin_plate_spline":
        s = np.sum(difference**2, axis=-1)
        none = unbox(s) == 0
        return np.where(none, 0.0, 0.5 * s * np.log(np.where(none, 1.0, s)))
    r = np.linalg.norm(difference, axis=-1)
    return {"linear": lambda r: -r, "cubic": lambda r: r**3, "quintic": lambda r: -(r**5)}[kernel](
        r
    )


def _monomials(x: Value, powers: Any) -> Any:
    """The monomials with these exponents, (r, m)."""
    columns = [np.ones(shape_of(x)[0])] if not len(powers) else []
    for exponents in powers:
        column: Any = np.ones(shape_of(x)[0])
        for axis, power in enumerate(exponents):
            if power:
                column = column * x[:, axis] ** int(power)
        columns.append(column)
    return np.stack(columns, axis=-1)[:, : len(powers)]


def _span(y: Value) -> tuple[Any, Any]:
    """The middle of points in each direction, and half of their range, or 1 without one."""
    low, high = np.min(y, axis=0), np.max(y, axis=0)
    return (low + high) / 2, np.where(unbox(high) > unbox(low), (high - low) / 2, 1.0)


def _fitted(self: Any, index: Any) -> Any:
    """The coefficients for the data with these indices, and what scales their polynomials."""
    y, d, smoothing = self.y[index], self.d[index], self.smoothing[index]
    shift, scale = _span(y)
    tail = _monomials((y - shift) / scale, self.powers)
    m = shape_of(tail)[1]
    kernel = _kernel(y, y, self.kernel, self.epsilon) + np.diag(smoothing)
    upper = np.concatenate([kernel, tail], axis=1)
    lower = np.concatenate([np.transpose(tail), np.zeros((m, m))], axis=1)
    right = np.concatenate([d, np.zeros((m, shape_of(d)[1]))])
    return shift, scale, np.linalg.solve(np.concatenate([upper, lower]), right)


def _at(self: Any, x: Value, y: Value, shift: Value, scale: Value, coefficients: Value) -> Any:
    """Values at places x."""
    rows = [_kernel(x, y, self.kernel, self.epsilon), _monomials((x - shift) / scale, self.powers)]
    return np.matmul(np.concatenate(rows, axis=1), coefficients)


@implements(interpolate.RBFInterpolator.__init__)
def _set_up(
    self: Any,
    y: Value,
    d: Value,
    neighbors: Any = None,
    smoothing: Value = 0.0,
    kernel: str = "thin_plate_spline",
    epsilon: Value = None,
    degree: Any = None,
) -> None:
    """SciPy's interpolant, with traced data, points and parameters."""
    arguments = [plain(v) for v in (smoothing, kernel, epsilon, degree)]
    by_scipy(_init, self, plain(y), plain(d), neighbors, *arguments)
    d = asarray(d)
    if is_complex(d):  # SciPy keeps real and imaginary parts side by side
        d = np.stack([np.real(d), np.imag(d)], axis=-1)
    self.y, self.d = given(asarray(y), self.y), given(np.reshape(d, self.d.shape), self.d)
    self.smoothing = given(np.broadcast_to(asarray(smoothing), self.d.shape[:1]), self.smoothing)
    if is_box(epsilon):
        self.epsilon = given(np.reshape(epsilon, ()), np.float64(self.epsilon))
    if neighbors is None:
        made = zip(_ATTRIBUTES, _fitted(self, slice(None)), strict=True)
        for name, value in made:
            setattr(self, name, given(value, getattr(self, name)) if is_box(value) else value)


@implements(interpolate.RBFInterpolator.__call__)
def _values(self: Any, x: Value) -> Any:
    """Values of the interpolant; the choice of neighbours is constant."""
    value = by_scipy(_call, plain(self), plain(x))
    x = asarray(x) * 1.0
    if self.neighbors is None:
        out = _at(self, x, self.y, *(getattr(self, name) for name in _ATTRIBUTES))
    else:
        tree: Any = cKDTree(np.asarray(unbox(self.y)))
        near = tree.query(np.asarray(unbox(x)), self.neighbors)[1]
        sets = np.sort(near.reshape(len(near), -1), axis=1)
        unique, inverse = np.unique(sets, return_inverse=True, axis=0)
        inverse = inverse.reshape(-1)
        members = [np.flatnonzero(inverse == i) for i in range(len(unique))]
        parts = [
            _at(self, x[m], self.y[i], *_fitted(self, i))
            for i, m in zip(unique, members, strict=True)
        ]
        out = np.concatenate(parts)[np.argsort(np.concatenate(members))]
    if is_complex(value):
        out = out[:, ::2] + 1j * out[:, 1::2]
    return agreed(np.reshape(out, value.shape), value, "RBFInterpolator", 1e-5)


runs_methods(interpolate.Rbf, skip="_init_function _euclidean_norm")
