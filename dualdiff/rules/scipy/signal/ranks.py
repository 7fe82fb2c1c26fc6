"""Filters of `scipy.signal` that choose one element of each neighbourhood, and those of peaks."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.creation import given
from ..dispatch import implements

_signal: Any = signal  # SciPy's overloads do not take boxes


def chosen(x: Value, domain: Any, rank: int) -> Any:
    """The element of a rank in the neighbourhood of each element; outside, elements are 0."""
    domain = np.asarray(domain) != 0
    before = [size // 2 for size in domain.shape]
    around = [(b, size - 1 - b) for size, b in zip(domain.shape, before, strict=True)]
    padded = np.pad(x, around)
    places = np.arange(unbox(padded).size).reshape(shape_of(padded))
    windows = np.lib.stride_tricks.sliding_window_view(places, domain.shape)[..., domain]
    values = np.ravel(unbox(padded))[windows]
    order = np.argsort(values, axis=-1, kind="stable")[..., rank : rank + 1]
    return np.ravel(padded)[np.take_along_axis(windows, order, -1)[..., 0]]


@implements(signal.order_filter, arrays="a")
def order_filter(a: Any, domain: Any, rank: int) -> Any:
    """``scipy.signal.order_filter``: the element of a rank in each neighbourhood.

    Convention: among equal elements the first in the neighbourhood gets the derivative.
    """
    value = _signal.order_filter(unbox(a), unbox(domain), rank)
    return given(chosen(a, unbox(domain), int(rank)), value)


@implements(signal.medfilt, arrays="volume")
def medfilt(volume: Any, kernel_size: Any = None) -> Any:
    """``scipy.signal.medfilt``: the median of each neighbourhood; see `order_filter`."""
    value = _signal.medfilt(unbox(volume), kernel_size)
    return given(_median(volume, kernel_size), value)


@implements(signal.medfilt2d, arrays="input")
def medfilt2d(input: Any, kernel_size: Any = 3) -> Any:
    """``scipy.signal.medfilt2d``: the median of each neighbourhood; see `order_filter`."""
    value = _signal.medfilt2d(unbox(input), kernel_size)
    return given(_median(input, kernel_size), value)


def _median(x: Value, kernel_size: Any) -> Any:
    sizes = np.broadcast_to(3 if kernel_size is None else kernel_size, (np.ndim(x),))
    return chosen(x, np.ones(sizes), int(np.prod(sizes)) // 2)


@implements(signal.peak_prominences, arrays="x")
def peak_prominences(x: Any, peaks: Any, wlen: Any = None) -> Any:
    """``scipy.signal.peak_prominences``: heights of peaks above their higher base.

    Returns: the prominences, differentiable in x, and the bases, which are indices.
    """
    found = signal.peak_prominences(unbox(x), peaks, wlen)
    return _prominences(x, np.asarray(peaks, np.intp), found), *found[1:]


def _prominences(x: Value, peaks: Any, found: Any) -> Any:
    value, left, right = found
    return given(x[peaks] - np.maximum(x[left], x[right]), value)


@implements(signal.peak_widths, arrays="x")
def peak_widths(
    x: Any, peaks: Any, rel_height: float = 0.5, prominence_data: Any = None, wlen: Any = None
) -> Any:
    """``scipy.signal.peak_widths``: widths of peaks at a height below their tops.

    Returns: widths, heights of evaluation, and left and right ends; all are differentiable in x
    and `rel_height`.
    """
    peaks = np.asarray(peaks, np.intp)
    if prominence_data is None:
        prominence_data = peak_prominences(x, peaks, wlen)
    prominences, *bases = prominence_data
    plain = (unbox(prominences), *bases)
    value = signal.peak_widths(unbox(x), peaks, unbox(rel_height), plain, wlen)
    height = x[peaks] - prominences * rel_height
    left = _crossing(x, value[2], height, -1)
    right = _crossing(x, value[3], height, 1)
    parts = (right - left, height, left, right)
    return tuple(given(p, v) for p, v in zip(parts, value, strict=True))


def _crossing(x: Value, ends: Any, height: Value, side: int) -> Any:
    """The places where x, linear between its elements, crosses a height; next to `ends`."""
    inner = np.ceil(ends) if side < 0 else np.floor(ends)
    outer = (np.floor(ends) if side < 0 else np.ceil(ends)).astype(int)
    inner = inner.astype(int)
    between = inner != outer
    slope = np.where(between, x[inner] - x[outer], 1.0)
    share = np.where(between, (height - x[outer]) / slope, 0.0)
    return outer + share * (inner - outer)


@implements(signal.find_peaks, arrays="x")
def find_peaks(x: Any, **conditions: Any) -> Any:
    """``scipy.signal.find_peaks``: indices of peaks, and properties, differentiable in x."""
    plain = {name: unbox(v) if hasattr(v, "dtype") else v for name, v in conditions.items()}
    peaks, found = signal.find_peaks(unbox(x), **plain)
    out = dict(found)
    if "peak_heights" in found:
        out["peak_heights"] = given(x[peaks], found["peak_heights"])
    if "prominences" in found:
        bases = found["prominences"], found["left_bases"], found["right_bases"]
        out["prominences"] = _prominences(x, peaks, bases)
    if "widths" in found:
        height = plain.get("rel_height", 0.5)
        data = out["prominences"], found["left_bases"], found["right_bases"]
        names = "widths", "width_heights", "left_ips", "right_ips"
        out.update(zip(names, peak_widths(x, peaks, height, data), strict=True))
    for side, step in (("left", -1), ("right", 1)):
        if f"{side}_thresholds" in found:
            value = found[f"{side}_thresholds"]
            out[f"{side}_thresholds"] = given(x[peaks] - x[peaks + step], value)
    return peaks, out
