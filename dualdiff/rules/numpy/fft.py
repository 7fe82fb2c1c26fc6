"""Discrete Fourier transforms, `numpy.fft`.

The matrix of a transform is symmetric, so its transpose is the same transform (the pairing does not
conjugate). Transforms from and to real data use half of a spectrum; there, a term that stands for a
pair of conjugate terms counts twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ...array.box import observe, unbox
from ...core.batch import Spec, shape_of
from ...core.trace import materialize
from ...core.types import Cotangent, Value
from ..declare import linear
from ..structures import Axis
from .common import axis_of, implements, into, target_of
from .creation import given

_SWAPPED: Any = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def fitted(a: Value, axis: int, size: int) -> Any:
    """The beginning of `a` along an axis, or `a` with zeros behind it."""
    own = np.shape(a)[axis]
    if own > size:
        return a[(..., slice(size)) + (slice(None),) * (-axis - 1)]
    if own == size:
        return a
    width = [(0, 0)] * np.ndim(a)
    width[axis] = (0, size - own)
    return np.pad(a, width)


def pairs(n: int, axis: int, pair: float) -> Any:
    """`pair` for each term of a half spectrum that stands for two of the n terms, else 1."""
    weights = np.full(n // 2 + 1, pair)
    weights[0] = 1.0
    if n % 2 == 0:
        weights[-1] = 1.0
    return weights.reshape((-1,) + (1,) * (-axis - 1))


def _transposed(transform: Callable[..., Any]) -> Callable[..., Any]:
    def transpose(g: Cotangent, x_spec: Spec, n: int, axis: int, norm: Any) -> Any:
        g = transform(g, n, axis, norm)
        return fitted(g, axis, x_spec.shape[axis])

    return transpose


def _rfft_transposed(g: Cotangent, x_spec: Spec, n: int, axis: int, norm: Any) -> Any:
    half = np.conjugate(g) * pairs(n, axis, 0.5).astype(g.real.dtype)
    return fitted(np.fft.irfft(half, n, axis, _SWAPPED[norm]), axis, x_spec.shape[axis])


def _irfft_transposed(g: Cotangent, x_spec: Spec, n: int, axis: int, norm: Any) -> Any:
    half = np.conjugate(np.fft.rfft(g, n, axis, _SWAPPED[norm]))
    return fitted(half * pairs(n, axis, 2.0).astype(g.dtype), axis, x_spec.shape[axis])


fft_p = linear(
    lambda x, n, axis, norm: np.fft.fft(x, n, axis, norm),
    _transposed(np.fft.fft),
    name="fft",
    structure=Axis(),
)
ifft_p = linear(
    lambda x, n, axis, norm: np.fft.ifft(x, n, axis, norm),
    _transposed(np.fft.ifft),
    name="ifft",
    structure=Axis(),
)
rfft_p = linear(
    lambda x, n, axis, norm: np.fft.rfft(x, n, axis, norm),
    _rfft_transposed,
    name="rfft",
    structure=Axis(),
)
irfft_p = linear(
    lambda x, n, axis, norm: np.fft.irfft(x, n, axis, norm),
    _irfft_transposed,
    name="irfft",
    structure=Axis(),
)


def _along(prim: Any, a: Value, n: int | None, axis: int, norm: Any, default: int | None) -> Any:
    """A transform along one axis; `n` is the length of the full spectrum."""
    a = materialize(a)
    if norm not in _SWAPPED:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    axis = axis_of(axis, np.ndim(a))
    if n is None:
        n = shape_of(a)[axis] if default is None else default
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return prim(a, n=int(n), axis=axis, norm=norm)


def _written(function: Any, out: Any, ans: Value, *args: Any) -> Any:
    """The result, written into `out`; NumPy may compute in the precision of `out`."""
    out = target_of(out)
    if out is None:
        return ans
    made = function(*map(observe, args), out=np.empty(out.shape, out.dtype))
    return into(out, given(ans, made), broadcast=True)


def _from_half(a: Value, n: int | None, axis: int) -> int:
    """The length of real data whose half spectrum is `a`."""
    return 2 * (np.shape(a)[normalize_axis_index(axis, np.ndim(a))] - 1) if n is None else n


@implements(np.fft.fft)
def fft(a: Value, n: int | None = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.fft``."""
    args = a, n, axis, norm
    return _written(np.fft.fft, out, _along(fft_p, a, n, axis, norm, None), *args)


@implements(np.fft.ifft)
def ifft(a: Value, n: int | None = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.ifft``."""
    args = a, n, axis, norm
    return _written(np.fft.ifft, out, _along(ifft_p, a, n, axis, norm, None), *args)


@implements(np.fft.rfft)
def rfft(a: Value, n: int | None = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.rfft``; complex data raise, as in NumPy."""
    args = a, n, axis, norm
    a = materialize(a)
    if np.iscomplexobj(unbox(a)):
        raise TypeError("rfft takes real data; use fft, or np.real(a)")
    return _written(np.fft.rfft, out, _along(rfft_p, a, n, axis, norm, None), *args)


@implements(np.fft.irfft)
def irfft(a: Value, n: int | None = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.irfft``; the parts of the argument that it ignores have derivative zero."""
    args = a, n, axis, norm
    return _written(
        np.fft.irfft, out, _along(irfft_p, a, n, axis, norm, _from_half(a, n, axis)), *args
    )


@implements(np.fft.hfft)
def hfft(a: Value, n: int | None = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.hfft``, the transform of a signal with Hermitian symmetry."""
    args = a, n, axis, norm
    n = _from_half(a, n, axis)
    return _written(
        np.fft.hfft, out, _along(irfft_p, np.conjugate(a), n, axis, swapped(norm), n), *args
    )


@implements(np.fft.ihfft)
def ihfft(a: Value, n: int | None = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.ihfft``."""
    args = a, n, axis, norm
    return _written(np.fft.ihfft, out, np.conjugate(rfft(a, n, axis, swapped(norm))), *args)


def swapped(norm: Any) -> Any:
    """The norm of the inverse transform that has the same factor."""
    return _SWAPPED.get(norm, norm)


def _sizes(
    a: Value, s: Sequence[int] | None, axes: Sequence[int] | None, half: bool
) -> tuple[list[int], list[int]]:
    """Lengths and axes of a transform in several dimensions."""
    shape = np.shape(a)
    given = s is not None
    if axes is None:
        count = len(shape) if s is None else len(s)
        axes = range(-count, 0)
    axes = list(axes)
    lengths = [shape[i] for i in axes] if s is None else list(s)
    if len(lengths) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    if half and not given:
        lengths[-1] = 2 * (shape[axes[-1]] - 1)
    return [shape[i] if n == -1 else n for n, i in zip(lengths, axes, strict=True)], axes


def _over_axes(transform: Callable[..., Any], a: Value, s: Any, axes: Any, norm: Any) -> Any:
    s, axes = _sizes(a, s, axes, half=False)
    for n, axis in reversed(list(zip(s, axes, strict=True))):
        a = transform(a, n, axis, norm)
    return a


@implements(np.fft.fftn)
def fftn(a: Value, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.fftn``."""
    args = a, s, axes, norm
    return _written(np.fft.fftn, out, _over_axes(fft, a, s, axes, norm), *args)


@implements(np.fft.ifftn)
def ifftn(a: Value, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.ifftn``."""
    args = a, s, axes, norm
    return _written(np.fft.ifftn, out, _over_axes(ifft, a, s, axes, norm), *args)


@implements(np.fft.fft2)
def fft2(a: Value, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.fft2``."""
    return fftn(a, s, axes, norm, out)


@implements(np.fft.ifft2)
def ifft2(a: Value, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.ifft2``."""
    return ifftn(a, s, axes, norm, out)


@implements(np.fft.rfftn)
def rfftn(a: Value, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.rfftn``."""
    args = a, s, axes, norm
    s, axes = _sizes(a, s, axes, half=False)
    a = rfft(a, s[-1], axes[-1], norm)
    return _written(np.fft.rfftn, out, _over_axes(fft, a, s[:-1], axes[:-1], norm), *args)


@implements(np.fft.irfftn)
def irfftn(a: Value, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.irfftn``."""
    args = a, s, axes, norm
    s, axes = _sizes(a, s, axes, half=True)
    for n, axis in zip(s[:-1], axes[:-1], strict=True):
        a = ifft(a, n, axis, norm)
    return _written(np.fft.irfftn, out, irfft(a, s[-1], axes[-1], norm), *args)


@implements(np.fft.rfft2)
def rfft2(a: Value, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.rfft2``."""
    return rfftn(a, s, axes, norm, out)


@implements(np.fft.irfft2)
def irfft2(a: Value, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """``numpy.fft.irfft2``."""
    return irfftn(a, s, axes, norm, out)


def _shift(a: Value, axes: Any, forward: bool) -> Any:
    a = materialize(a)
    shape = shape_of(a)
    if axes is None:
        axes = tuple(range(len(shape)))
    chosen = (axes,) if isinstance(axes, (int, np.integer)) else tuple(axes)
    halves = tuple(shape[i] // 2 if forward else -(shape[i] // 2) for i in chosen)
    return np.roll(a, halves, chosen)


@implements(np.fft.fftshift)
def fftshift(x: Value, axes: Any = None) -> Any:
    """``numpy.fft.fftshift``."""
    return _shift(x, axes, forward=True)


@implements(np.fft.ifftshift)
def ifftshift(x: Value, axes: Any = None) -> Any:
    """``numpy.fft.ifftshift``."""
    return _shift(x, axes, forward=False)
