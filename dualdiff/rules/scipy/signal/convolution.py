"""Convolutions and correlations of `scipy.signal`."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import fft, signal

from ....array.box import unbox
from ....core.batch import dtype_of, shape_of
from ....core.types import Cotangent, Tangent, Value
from ....errors import user_line
from ...declare import rule
from ...numpy.common import laid_out
from ...numpy.creation import contains_box, given
from ...numpy.manipulation import as_operand
from ...numpy.padding import pad
from ...structures import Convolution
from ..bodies import agreed
from ..dispatch import implements
from ..formulas import known_result

_signal: Any = signal  # SciPy's overloads do not take a str
LARGE = 10_000_000  # products, from which on transforms are used in the place of sums
__all__ = ["convolve", "convolve2d", "correlate", "correlate2d", "fftconvolve", "oaconvolve"]


def _flipped(x: Value) -> Any:
    return np.flip(x)


def _full(x: Value, y: Value, method: str) -> Any:
    if contains_box(x) or contains_box(y):
        return full_p(x, y, method=method)
    if method == "planes":  # SciPy has faster code for two axes
        return _signal.convolve2d(x, y)
    return _signal.convolve(x, y, "full", method)


def _jvp(ts: Any, x: Value, y: Value, method: str) -> Tangent:
    tx, ty = ts
    parts = ([] if tx is None else [(tx, y)]) + ([] if ty is None else [(x, ty)])
    return sum(_full(*part, method) for part in parts)


def _correlated(g: Cotangent, other: Any, shape: tuple[int, ...], method: str) -> Any:
    """The transpose of the full convolution with `other`."""
    flipped = _flipped(other)
    if not contains_box(g) and not contains_box(flipped):
        if method in ("direct", "planes") and np.ndim(g) == 2:
            return _signal.convolve2d(g, flipped, "valid")
        return _signal.convolve(g, flipped, "valid", method)
    if method in ("direct", "planes") and np.size(g) * np.size(other) > LARGE:
        method = "fft"  # two long operands meet here in all places, most of which are left out
    part = [slice(m - 1, m - 1 + n) for n, m in zip(shape, shape_of(other), strict=True)]
    return _full(g, flipped, method)[tuple(part)]


def _both_by_transforms(g: Any, x: Any, y: Any) -> Cotangent:
    """Both transposes of plain arrays, with one transform of each."""
    size = [fft.next_fast_len(n, True) for n in g.shape]
    is_complex = any(a.dtype.kind == "c" for a in (g, x, y))
    there, back = (fft.fftn, fft.ifftn) if is_complex else (fft.rfftn, fft.irfftn)
    of_g = there(g, size)
    return tuple(
        np.ascontiguousarray(
            back(of_g * np.conj(there(np.conj(other), size)), size)[tuple(map(slice, shape))]
        )
        for other, shape in ((y, x.shape), (x, y.shape))
    )


def _vjp(g: Cotangent, x: Value, y: Value, method: str, active: Any) -> Cotangent:
    if method == "fft" and all(active) and not any(map(contains_box, (g, x, y))):
        return _both_by_transforms(g, x, y)
    return _correlated(g, y, shape_of(x), method), _correlated(g, x, shape_of(y), method)


full_p = rule(
    _full,
    jvp=_jvp,
    vjp=_vjp,
    name="signal.convolve",
    structure=Convolution(),
    batched=False,
)


def _window(full: Any, shape: tuple[int, ...], size: Any) -> Any:
    """The centre of a full convolution, with the size of a mode."""
    starts = [(n - m) // 2 for n, m in zip(shape, size, strict=True)]
    return full[tuple(slice(a, a + m) for a, m in zip(starts, size, strict=True))]


@implements(signal.convolve)
def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """``scipy.signal.convolve``: the convolution of two n-dimensional arrays.

    Arguments: `in1`, `in2`, with the same number of axes; `mode`, "full", "valid" or "same";
    `method`, "direct", "fft" or "auto".
    Returns: an array with the axes of both.
    Raises: ValueError for other modes, and in mode "valid" if neither array contains the other.

    >>> import numpy as np, dualdiff as dd
    >>> ones = np.ones(3)
    >>> dd.grad(lambda x: np.sum(dd.scipy.signal.convolve(x, ones, "same")))(np.zeros(4))
    array([2., 3., 3., 2.])
    """
    x, y = (a if hasattr(a, "dtype") else np.asarray(a) for a in map(as_operand, (in1, in2)))
    if np.ndim(x) != np.ndim(y):
        raise ValueError(
            f"convolve needs arrays with the same number of axes, not {np.ndim(x)} and "
            f"{np.ndim(y)}, {user_line()}"
        )
    if np.ndim(x) == 0:
        return x * y
    if mode not in ("full", "valid", "same"):
        raise ValueError(f"convolve has the modes 'full', 'valid', 'same', not {mode!r}")
    if method == "auto":
        method = _signal.choose_conv_method(unbox(x), unbox(y), mode)
    full = full_p(x, y, method=method)
    sizes = shape_of(x), shape_of(y)
    if mode == "full":
        return full
    if mode == "same":
        return laid_out(_window(full, shape_of(full), sizes[0]))
    if all(n >= m for n, m in zip(*sizes, strict=True)):
        valid = [n - m + 1 for n, m in zip(*sizes, strict=True)]
    elif all(n <= m for n, m in zip(*sizes, strict=True)):
        valid = [m - n + 1 for n, m in zip(*sizes, strict=True)]
    else:
        raise ValueError(
            f"convolve in mode 'valid' needs one array to be the larger along all axes, not "
            f"{sizes[0]} and {sizes[1]}, {user_line()}"
        )
    return laid_out(_window(full, shape_of(full), valid))


@implements(signal.correlate)
def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """``scipy.signal.correlate``: the cross-correlation of two n-dimensional arrays; see
    `convolve`."""
    other = as_operand(in2)
    other = other if hasattr(other, "dtype") else np.asarray(other)
    return convolve(in1, np.conj(_flipped(other)), mode, method)


def _through_fft(name: str) -> Any:
    original = getattr(signal, name)

    def function(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
        value = original(unbox(in1), unbox(in2), mode, axes)
        if axes is None or len(set(np.atleast_1d(axes) % np.ndim(in1))) == np.ndim(in1):
            if mode == "full" and np.ndim(in1) == np.ndim(in2) > 0:
                return known_result(full_p, value, in1, in2, method="fft")
            return given(convolve(in1, in2, mode, "fft"), value)
        return agreed(_over_axes(in1, in2, mode, np.atleast_1d(axes)), value, name)

    function.__name__ = name
    function.__doc__ = f"``scipy.signal.{name}``; see `convolve`."
    return implements(original, arrays="in1 in2")(function)


def _over_axes(x: Value, y: Value, mode: str, axes: Any) -> Any:
    """The convolution over some axes by transforms; the others broadcast."""
    axes = [int(i) % np.ndim(x) for i in axes]
    sizes = [(shape_of(x)[i], shape_of(y)[i]) for i in axes]
    lengths = [n + m - 1 for n, m in sizes]
    full = np.fft.ifftn(
        np.fft.fftn(x, lengths, axes) * np.fft.fftn(y, lengths, axes), lengths, axes
    )
    if dtype_of(x).kind != "c" and dtype_of(y).kind != "c":
        full = np.real(full)
    index = [slice(None)] * np.ndim(full)
    for i, length, (n, m) in zip(axes, lengths, sizes, strict=True):
        size = {"full": length, "same": n, "valid": abs(n - m) + 1}[mode]
        index[i] = slice((length - size) // 2, (length - size) // 2 + size)
    return full[tuple(index)]


fftconvolve = _through_fft("fftconvolve")
oaconvolve = _through_fft("oaconvolve")

_PADDED = {
    "fill": "constant", "pad": "constant", "wrap": "wrap", "circular": "wrap",
    "symm": "symmetric", "symmetric": "symmetric",
}  # fmt: skip


def _plane(x: Value, h: Value, mode: str, boundary: str, fillvalue: Any, late: int) -> Any:
    """The convolution of two matrices; `late` shifts the part of an even size in mode "same"."""
    sizes = shape_of(x), shape_of(h)
    if mode == "valid":
        return convolve(x, h, "valid", "direct")
    options = {"constant_values": fillvalue} if _PADDED[boundary] == "constant" else {}
    padded = pad(x, [(k - 1, k - 1) for k in sizes[1]], _PADDED[boundary], **options)
    full = full_p(padded, h, method="planes")
    index = []
    for n, k in zip(*sizes, strict=True):
        start, size = (k - 1, n + k - 1) if mode == "full" else (k - 1 + (k - 1 + late) // 2, n)
        index.append(slice(start, start + size))
    return full[tuple(index)]


@implements(signal.convolve2d, arrays="in1 in2")
def convolve2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """``scipy.signal.convolve2d``: the convolution of two matrices, continued at the boundary.

    Arguments: `in1`, `in2`, of shapes (n, m) and (k, l); `mode`; `boundary`, "fill", "wrap" or
    "symm"; `fillvalue`. The matrices and `fillvalue` are differentiable.
    Returns: a matrix. Raises: ValueError as SciPy does.
    """
    value = _signal.convolve2d(unbox(in1), unbox(in2), mode, boundary, unbox(fillvalue))
    is_zero = _PADDED[boundary] == "constant" and not contains_box(fillvalue) and not fillvalue
    if mode == "full" and is_zero:
        return known_result(full_p, value, in1, in2, method="planes")
    return agreed(_plane(in1, in2, mode, boundary, fillvalue, 0), value, "convolve2d")


@implements(signal.correlate2d, arrays="in1 in2")
def correlate2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """``scipy.signal.correlate2d``: the cross-correlation of two matrices; see `convolve2d`."""
    value = _signal.correlate2d(unbox(in1), unbox(in2), mode, boundary, unbox(fillvalue))
    other = np.conj(_flipped(in2))
    return agreed(_plane(in1, other, mode, boundary, fillvalue, 1), value, "correlate2d")
