"""Changing the shape of arrays, joining and repeating them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.shapes import Fit, Shape, align, unbroadcast
from ..kinds import linear
from ._common import Axes, axes_of, implements


def _lead(t: Any, ndim: int) -> Shape:
    """The lead axes of a tangent or cotangent of an array of `ndim` dimensions."""
    return tuple(np.shape(t)[: np.ndim(t) - ndim])


reshape_p = linear(
    lambda x, shape: np.reshape(x, shape),
    lambda g, x_spec, ans_spec: np.reshape(g, _lead(g, ans_spec.ndim) + x_spec.shape),
    push=lambda t, x_spec, shape: np.reshape(t, _lead(t, x_spec.ndim) + shape),
    name="reshape",
    structure="gather",
    view=True,
)


def _permute(x: Any, axes: Axes) -> Any:
    """Transpose the last axes; `axes` are negative, so that lead axes stay in front."""
    lead = np.ndim(x) - len(axes)
    return np.transpose(x, (*range(lead), *(a + np.ndim(x) for a in axes)))


def _inverse(axes: Axes) -> Axes:
    n = len(axes)
    return tuple(axes.index(a - n) - n for a in range(n))


transpose_p = linear(
    _permute,
    lambda g, axes: _permute(g, _inverse(axes)),
    name="transpose",
    structure="gather",
    view=True,
)

broadcast_to_p = linear(
    lambda x, shape: np.broadcast_to(x, shape),
    lambda g, x_spec, ans_spec: unbroadcast(g, Fit(*x_spec, *ans_spec)),
    push=lambda t, x_spec, shape: np.broadcast_to(
        align(t, x_spec.ndim, len(shape), _lead(t, x_spec.ndim)), _lead(t, x_spec.ndim) + shape
    ),
    name="broadcast_to",
    structure="gather",
)


def _shape_argument(shape: Any, size: int) -> Shape:
    """A shape argument as a tuple without -1."""
    shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    return tuple(np.empty(size, dtype=bool).reshape(shape).shape)


@implements(np.reshape)
def reshape(a: Any, /, shape: Any, order: Any = "C", *, copy: bool | None = None) -> Any:
    """``numpy.reshape``; a view that writes through exactly where NumPy gives one."""
    shape = _shape_argument(shape, int(np.prod(np.shape(a))))
    if order == "F":
        return transpose(reshape(transpose(a), shape[::-1]))
    return reshape_p(a, shape=shape)


@implements(np.transpose)
def transpose(a: Any, axes: Any = None) -> Any:
    """``numpy.transpose``."""
    ndim = np.ndim(a)
    order = tuple(range(-1, -ndim - 1, -1)) if axes is None else axes_of(tuple(axes), ndim)
    return transpose_p(a, axes=order)


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """``numpy.broadcast_to``."""
    shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    return broadcast_to_p(array, shape=shape)
