"""`scipy.signal` on traced arrays: its whole namespace, with rules for the convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from ...array.box import unbox
from ...core.batch import shape_of
from ...core.types import Cotangent, Tangent, Value
from ...errors import user_line
from ..declare import rule
from ..numpy.common import laid_out
from ..numpy.creation import contains_box
from ..numpy.manipulation import as_operand
from ..structures import Convolution
from .dispatch import implements

_signal: Any = signal  # SciPy's overloads do not take a str
__all__ = ["convolve", "correlate", "fftconvolve", "oaconvolve"]


def _flipped(x: Value) -> Any:
    return np.flip(x)


def _full(x: Value, y: Value, method: str) -> Any:
    if contains_box(x) or contains_box(y):
        return full_p(x, y, method=method)
    return _signal.convolve(x, y, "full", method)


def _jvp(ts: Any, x: Value, y: Value, method: str) -> Tangent:
    tx, ty = ts
    parts = ([] if tx is None else [(tx, y)]) + ([] if ty is None else [(x, ty)])
    return sum(_full(*part, method) for part in parts)


def _correlated(g: Cotangent, other: Any, shape: tuple[int, ...], method: str) -> Any:
    """The transpose of the full convolution with `other`."""
    part = [slice(m - 1, m - 1 + n) for n, m in zip(shape, shape_of(other), strict=True)]
    return _full(g, _flipped(other), method)[tuple(part)]


def _vjp(g: Cotangent, x: Value, y: Value, method: str) -> Cotangent:
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
    def function(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
        if axes is not None and len(np.atleast_1d(axes)) < np.ndim(in1):
            raise NotImplementedError(
                f"{name} of traced arrays over some axes only has no rule, {user_line()}; leave "
                f"`axes` out, or use dualdiff.numpy.fft"
            )
        return convolve(in1, in2, mode, "fft")

    function.__name__ = name
    function.__doc__ = f"``scipy.signal.{name}`` over all axes; see `convolve`."
    return implements(getattr(signal, name))(function)


fftconvolve = _through_fft("fftconvolve")
oaconvolve = _through_fft("oaconvolve")
