"""Differences, finite-difference gradients and the trapezoidal rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...array.box import is_box, observe, unbox
from ...core.batch import cast, dtype_of, shape_of
from ...core.trace import materialize
from ...core.types import Value
from .common import axes_of, axis_of, implements, laid_out_like, strip
from .creation import given
from .reductions import BUT_FIRST, BUT_LAST, NoValue, along


def _border(a: Value, value: Value, axis: int) -> Any:
    """The array that `diff` puts before or after, with the length of `a` across the axis."""
    if np.ndim(value) > 0:
        return value
    shape = list(shape_of(a))
    shape[axis] = 1
    return np.broadcast_to(value, tuple(shape))


@implements(np.diff)
def diff(
    a: Value, n: int = 1, axis: int = -1, prepend: Any = NoValue, append: Any = NoValue
) -> Any:
    """``numpy.diff``, differentiable in `a`, `prepend` and `append`."""
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    a = materialize(a)
    if np.ndim(a) == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_of(axis, np.ndim(a))
    parts = [a]
    if prepend is not NoValue:
        parts = [_border(a, prepend, axis), *parts]
    if append is not NoValue:
        parts = [*parts, _border(a, append, axis)]
    if len(parts) > 1:
        a = np.concatenate(parts, axis=axis)
    for _ in range(n):
        a = a[along(axis, BUT_FIRST)] - a[along(axis, BUT_LAST)]
    return a


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """``numpy.ediff1d``, differentiable in all arguments."""
    ary = np.reshape(materialize(ary), -1)
    parts = [ary[1:] - ary[:-1]]
    for border, first in ((to_begin, True), (to_end, False)):
        if border is None:
            continue
        border = np.reshape(materialize(border), -1)
        if not np.can_cast(border.dtype, ary.dtype, "same_kind"):
            which = "to_begin" if first else "to_end"
            raise TypeError(f"dtype of `{which}` must be compatible with input `ary`")
        parts = [border, *parts] if first else [*parts, border]
    return np.concatenate(parts, dtype=ary.dtype) if len(parts) > 1 else parts[0]


def _steps(spacing: Any, n: int) -> Any:
    """Distances between samples: one number, or one per interval."""
    spacing = materialize(spacing)
    if np.ndim(spacing) == 0:
        return spacing
    if np.ndim(spacing) > 1:
        raise ValueError("distances must be either scalars or 1d")
    if shape_of(spacing) != (n,):
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    if not is_box(spacing) and spacing.dtype.kind in "iu":
        spacing = spacing.astype(float)
    steps = np.diff(spacing)
    # Traced coordinates keep their own steps: equal steps need not move equally.
    return steps[0] if not is_box(steps) and np.all(steps == steps[0]) else steps


def _weights_inside(h: Any, shape: Any) -> tuple[Any, Any, Any]:
    """Second order on unequal steps (Quarteroni, Sacco, Saleri, Numerical Mathematics)."""
    left, right = np.reshape(h[:-1], shape), np.reshape(h[1:], shape)
    return (
        -right / (left * (left + right)),
        (right - left) / (left * right),
        left / (right * (left + right)),
    )


def _gradient(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    def at(start: int | None, stop: int | None) -> Any:
        return f[along(axis, slice(start, stop))]

    if np.ndim(h) == 0:
        inside = (at(2, None) - at(None, -2)) / (2.0 * h)
        first, last = h, h
    else:
        shape = (-1,) + (1,) * (-axis - 1)
        a, b, c = _weights_inside(h, shape)
        inside = a * at(None, -2) + b * at(1, -1) + c * at(2, None)
        first, last = h[0], h[-1]
    if edge_order == 1:
        begin = (at(1, 2) - at(0, 1)) / first
        end = (at(-1, None) - at(-2, -1)) / last
    else:
        if np.ndim(h) == 0:
            (a, b, c), (u, v, w) = (-1.5 / h, 2.0 / h, -0.5 / h), (0.5 / h, -2.0 / h, 1.5 / h)
        else:
            p, q = h[0], h[1]
            a, b, c = -(2.0 * p + q) / (p * (p + q)), (p + q) / (p * q), -p / (q * (p + q))
            p, q = h[-2], h[-1]
            u, v, w = q / (p * (p + q)), -(q + p) / (p * q), (2.0 * q + p) / (q * (p + q))
        begin = a * at(0, 1) + b * at(1, 2) + c * at(2, 3)
        end = u * at(-3, -2) + v * at(-2, -1) + w * at(-1, None)
    return cast(np.concatenate([begin, inside, end], axis=axis), dtype_of(f))


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """``numpy.gradient``, differentiable in `f` and in the spacings or coordinates."""
    f = materialize(f)
    ndim, shape = np.ndim(f), shape_of(f)
    axes = axes_of(axis, ndim)
    if not varargs:
        spacings: Sequence[Any] = [1.0] * len(axes)
    elif len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        spacings = varargs * len(axes)
    elif len(varargs) == len(axes):
        spacings = varargs
    else:
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    if any(shape[a] < edge_order + 1 for a in axes):
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least "
            "(edge_order + 1) elements are required."
        )
    if dtype_of(f).kind not in "fc":
        f = f.astype(float)
    parts = [
        _gradient(f, _steps(s, shape[a]), a, edge_order)
        for a, s in zip(axes, spacings, strict=True)
    ]
    if any(map(is_box, varargs)):  # NumPy rounds in another way if steps are equal
        make: Any = np.gradient  # NumPy's stubs do not know these combinations
        made = make(observe(f), *map(strip, varargs), axis=axis, edge_order=edge_order)
        values = made if isinstance(made, tuple) else (made,)
        parts = [given(p, v) for p, v in zip(parts, values, strict=True)]
    parts = [laid_out_like(part, np.empty_like(unbox(f))) for part in parts]
    return parts[0] if len(parts) == 1 else tuple(parts)


@implements(np.trapezoid)
def trapezoid(y: Value, x: Value = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """``numpy.trapezoid``, differentiable in `y`, `x` and `dx`."""
    y = materialize(y)
    axis = axis_of(axis, np.ndim(y))
    if x is not None:
        x = materialize(x)
        if np.ndim(x) == 1:
            dx = np.reshape(np.diff(x), (-1,) + (1,) * (-axis - 1))
        else:
            dx = np.diff(x, axis=axis)
    total = dx * (y[along(axis, BUT_FIRST)] + y[along(axis, BUT_LAST)]) / 2.0
    return np.sum(total, axis=axis)
