"""Filters of `scipy.ndimage` on Fourier transforms: products with the transform of a window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage, special

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.creation import asarray
from ..bodies import agreed
from ..dispatch import implements
from .correlation import finished, sequence


def _frequencies(x: Value, n: int, axis: int) -> list[Any]:
    """The frequencies along each axis, in cycles per element, with axes that broadcast.

    Along `axis` they are those of a real transform of n elements, unless n is negative.
    """
    sizes, axis = shape_of(x), axis % np.ndim(x)
    out = []
    for i, size in enumerate(sizes):
        f = np.arange(size) / n if n >= 0 and i == axis else np.fft.fftfreq(size)
        out.append(f.reshape([-1 if j == i else 1 for j in range(len(sizes))]))
    return out


def _sinc(r: Value) -> Any:
    """``sin(r) / r``, and 1 for plain zeros."""
    zero = np.asarray(unbox(r)) == 0
    r = np.where(zero, 1.0, r)
    return np.where(zero, 1.0, np.sin(r) / r)


def _ball(r: Value, ndim: int) -> Any:
    """The transform of a ball in one to three dimensions, by the length of the frequency."""
    zero = np.asarray(unbox(r)) == 0
    safe = np.where(zero, 1.0, r)
    if ndim == 2:
        return np.where(zero, 1.0, 2.0 * special.j1(safe) / safe)
    return np.where(zero, 1.0, 3.0 * (np.sin(safe) - safe * np.cos(safe)) / safe**3)


def _product(
    name: str, input: Any, parameter: Any, n: int, axis: int, output: Any,
    window: Callable[[list[Any], list[Any]], Any],
) -> Any:  # fmt: skip
    """The product with ``window(frequencies, parameters of the axes)``."""
    parts = sequence(asarray(parameter), np.ndim(input))
    plain: Any = [float(unbox(p)) for p in parts]
    value = getattr(ndimage, name)(unbox(input), plain, n, axis)
    ans = agreed(input * window(_frequencies(input, n, axis), parts), value, name)
    return ans if output is None else finished(ans, input, output)


@implements(ndimage.fourier_gaussian, arrays="input")
def fourier_gaussian(
    input: Any, sigma: Any, n: int = -1, axis: int = -1, output: Any = None
) -> Any:
    """``scipy.ndimage.fourier_gaussian``, differentiable in `input` and `sigma`."""

    def window(frequencies: list[Any], sigmas: list[Any]) -> Any:
        pairs = zip(frequencies, sigmas, strict=True)
        return np.exp(sum(-2.0 * (np.pi * f * s) ** 2 for f, s in pairs))

    return _product("fourier_gaussian", input, sigma, n, axis, output, window)


@implements(ndimage.fourier_uniform, arrays="input")
def fourier_uniform(input: Any, size: Any, n: int = -1, axis: int = -1, output: Any = None) -> Any:
    """``scipy.ndimage.fourier_uniform``, differentiable in `input` and `size`."""

    def window(frequencies: list[Any], sizes: list[Any]) -> Any:
        out: Any = 1.0
        for f, size in zip(frequencies, sizes, strict=True):
            out = out * _sinc(np.pi * f * size)
        return out

    return _product("fourier_uniform", input, size, n, axis, output, window)


@implements(ndimage.fourier_shift, arrays="input")
def fourier_shift(input: Any, shift: Any, n: int = -1, axis: int = -1, output: Any = None) -> Any:
    """``scipy.ndimage.fourier_shift``, differentiable in `input` and `shift`."""

    def window(frequencies: list[Any], shifts: list[Any]) -> Any:
        turn: Any = sum(f * s for f, s in zip(frequencies, shifts, strict=True))
        return np.exp(-2j * np.pi * turn)

    return _product("fourier_shift", input, shift, n, axis, output, window)


@implements(ndimage.fourier_ellipsoid, arrays="input")
def fourier_ellipsoid(
    input: Any, size: Any, n: int = -1, axis: int = -1, output: Any = None
) -> Any:
    """``scipy.ndimage.fourier_ellipsoid``, differentiable in `input` and `size`."""

    def window(frequencies: list[Any], sizes: list[Any]) -> Any:
        if len(sizes) == 1:
            return _sinc(np.pi * frequencies[0] * sizes[0])
        pairs = zip(frequencies, sizes, strict=True)
        square: Any = sum((np.pi * f * size) ** 2 for f, size in pairs)
        zero = np.asarray(unbox(square)) == 0
        length = np.where(zero, 0.0, np.sqrt(np.where(zero, 1.0, square)))
        return _ball(length, len(sizes))

    return _product("fourier_ellipsoid", input, size, n, axis, output, window)
