"""``numpy.pad``, axis by axis as in NumPy, with every mode made of functions that have rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...array.box import is_box, observe, unbox
from ...array.kinds import possibly
from ...core.batch import Spec, dtype_of
from ...core.types import Cotangent, Tangent, Value
from ...errors import UnsupportedInputError, user_line
from ..declare import linear
from ..structures import Gather
from .common import fortran_or_c, implements, laid_out, strip
from .creation import given
from .manipulation import as_operand, batch_of

Pair = tuple[int, int]
_STATISTICS = {"maximum": "max", "minimum": "min", "mean": "mean", "median": "median"}


def _pad_jvp(t: Tangent, x_spec: Spec, widths: tuple[Pair, ...]) -> Tangent:
    return np.pad(t, ((0, 0),) * len(batch_of(t, x_spec.ndim)) + widths)


def _pad_transpose(g: Cotangent, x_spec: Spec, widths: tuple[Pair, ...]) -> Any:
    pairs = zip(widths, x_spec.shape, strict=True)
    return g[(..., *(slice(before, before + n) for (before, _), n in pairs))]


pad_p = linear(
    lambda x, widths, values: np.pad(x, widths, constant_values=values),
    _pad_transpose,
    jvp=_pad_jvp,
    name="pad",
    structure=Gather(),
)


def _pairs(x: Value, ndim: int) -> Any:
    """One pair per axis from NumPy's short forms."""
    return np.broadcast_to(as_operand(x), (ndim, 2))


def _widths(pad_width: Any, ndim: int) -> tuple[Pair, ...]:
    """The `pad_width` argument as a pair of integers per axis."""
    if isinstance(pad_width, Mapping):
        by_axis = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            by_axis[axis] = (width, width) if np.ndim(width) == 0 else tuple(width)
        pad_width = by_axis
    pad_width = np.asarray(strip(pad_width))
    if pad_width.dtype.kind != "i":
        raise TypeError("`pad_width` must be of integral type.")
    if pad_width.size and pad_width.min() < 0:
        raise ValueError("index can't contain negative values")
    return tuple((before, after) for before, after in _pairs(pad_width, ndim).tolist())


def _part(x: Value, axis: int, index: slice) -> Any:
    return x[(slice(None),) * axis + (index,)]


def _filled(value: Value, x: Value, axis: int, width: int) -> Any:
    shape = list(np.shape(x))
    shape[axis] = width
    return np.broadcast_to(value, shape)


def _join(left: Any, x: Value, right: Any, axis: int) -> Any:
    return np.concatenate((left, x, right), axis, dtype=dtype_of(x), casting="unsafe")


def _pad_constant(x: Value, axis: int, width: Pair, values: Any) -> Any:
    left, right = (_filled(v, x, axis, w) for v, w in zip(values, width, strict=True))
    return _join(left, x, right, axis)


def _ramp(end: Any, edge: Any, axis: int, n: int) -> Any:
    """`n` steps from `end` towards `edge`, as numpy.linspace computes them."""
    shape = [1] * np.ndim(edge)
    shape[axis] = n
    end, count, whole = end * 1.0, np.arange(n).reshape(shape), max(n, 1)
    step = (edge - end) / whole
    if possibly(unbox(step) == 0):
        return count / whole * (edge - end) + end
    return count * step + end


def _pad_ramp(x: Value, axis: int, width: Pair, ends: Any) -> Any:
    left = _ramp(ends[0], _part(x, axis, slice(0, 1)), axis, width[0])
    right = _ramp(ends[1], _part(x, axis, slice(-1, None)), axis, width[1])
    return _join(left, x, np.flip(right, axis), axis)


def _pad_statistic(x: Value, axis: int, width: Pair, lengths: Any, mode: str) -> Any:
    function, n = getattr(np, _STATISTICS[mode]), np.shape(x)[axis]
    first, last = (n if length is None else min(length, n) for length in lengths)
    if not (first and last) and mode in ("maximum", "minimum"):
        raise ValueError("stat_length of 0 yields no value for padding")
    left = function(_part(x, axis, slice(0, first)), axis=axis, keepdims=True)
    right = function(_part(x, axis, slice(n - last, None)), axis=axis, keepdims=True)
    return _pad_constant(x, axis, width, (left, right))


def _pad_odd(x: Value, axis: int, width: Pair, edge: int) -> Any:
    """Reflect through the edge values; `edge` is 1 if they are repeated, else 0."""
    left, right = width
    n = np.shape(x)[axis]
    while left or right:
        # A pad wider than the array takes several rounds, each by multiples of its period.
        period = n - 1 + edge
        most = (np.shape(x)[axis] - 1 + edge) // period * period
        a, b, m = min(most, left), min(most, right), np.shape(x)[axis]
        before = np.flip(_part(x, axis, slice(1 - edge, 1 - edge + a)), axis)
        after = np.flip(_part(x, axis, slice(m - 1 + edge - b, m - 1 + edge)), axis)
        first, last = _part(x, axis, slice(0, 1)), _part(x, axis, slice(-1, None))
        x = np.concatenate((2 * first - before, x, 2 * last - after), axis)
        left, right = left - a, right - b
    return x


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """``numpy.pad``, differentiable in the array, `constant_values` and `end_values`."""
    ndim = np.ndim(array)
    widths = _widths(pad_width, ndim)
    if callable(mode):
        raise UnsupportedInputError(
            f"np.pad with a function as mode would write into plain arrays, {user_line()}; "
            f"pad with zeros and assign to the result instead."
        )
    # NumPy checks mode and keywords.
    np.pad(np.zeros((1,) * ndim), 0, mode, **dict.fromkeys(kwargs, 1))
    if not any(map(any, widths)):
        return np.copy(array)
    value, values = observe(array), as_operand(kwargs.get("constant_values", 0))
    order = fortran_or_c(array)
    if mode == "empty" or (mode == "constant" and not is_box(values)):
        return pad_p(array, widths=widths, values=values)
    for axis, width in enumerate(widths):
        if any(width) and mode != "constant" and np.shape(array)[axis] == 0:
            raise ValueError(
                f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'"
            )
    if mode != "constant" and not np.size(array):
        return pad_p(array, widths=widths, values=0)
    ends, lengths = _pairs(kwargs.get("end_values", 0), ndim), kwargs.get("stat_length")
    pairs = ((None, None),) * ndim if lengths is None else _pairs(strip(lengths), ndim).tolist()
    odd = kwargs.get("reflect_type", "even") == "odd"
    for axis, width in enumerate(widths):
        n = np.shape(array)[axis]
        if not any(width):
            continue
        if mode == "constant":
            array = _pad_constant(array, axis, width, _pairs(values, ndim)[axis])
        elif mode == "linear_ramp":
            array = _pad_ramp(array, axis, width, ends[axis])
        elif mode in _STATISTICS:
            array = _pad_statistic(array, axis, width, pairs[axis], mode)
        elif odd and n > 1:
            array = _pad_odd(array, axis, width, int(mode == "symmetric"))
        else:
            origin = np.pad(np.arange(n), width, "edge" if odd else mode)
            array = np.take(array, origin, axis)
    array = laid_out(array, order)
    if mode in ("constant", "linear_ramp"):  # rounded and converted as in NumPy
        made = np.pad(value, pad_width, mode, **{k: strip(v) for k, v in kwargs.items()})
        return given(array, made)
    return array
