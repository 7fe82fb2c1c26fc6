"""`scipy.fft` on traced arrays: Fourier, cosine, sine and Hankel transforms.

SciPy's functions are found through a backend, and its own backend calls the Python functions that
have implementations here. All transforms but those of `fht` are primitives that are linear in the
array. The matrix of a complex transform is symmetric. Those of cosine and sine transforms are
transposed by the relations between their types (N. Ahmed, T. Natarajan, K. R. Rao, "Discrete
cosine transform", 1974, and SciPy's documentation of `dct` and `dst`, which states the scales).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.fft
from numpy.lib.array_utils import normalize_axis_index
from scipy.fft import _basic_backend, _fftlog_backend, _realtransforms_backend

from ...array.box import is_box
from ...core.batch import dtype_of, shape_of
from ...core.types import Cotangent, Value
from ...errors import user_line
from ..declare import linear
from ..numpy import fft as numpy_fft
from ..numpy.creation import array, asarray
from ..numpy.fft import fitted, pairs, swapped
from .bodies import runs_body
from .dispatch import implements
from .rebinding import replace

__all__ = [
    "dct", "dctn", "dst", "dstn", "fft", "fft2", "fftn", "fftshift", "fht", "hfft", "hfft2",
    "hfftn", "idct", "idctn", "idst", "idstn", "ifft", "ifft2", "ifftn", "ifftshift", "ifht",
    "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftn",
]  # fmt: skip

fftshift = implements(scipy.fft.fftshift, arrays="x")(numpy_fft.fftshift)
ifftshift = implements(scipy.fft.ifftshift, arrays="x")(numpy_fft.ifftshift)

_fft: Any = scipy.fft  # SciPy's overloads do not take a str
Axes = tuple[int, ...]  # negative, so that batch axes may lead


def _complex(x: Value, axes: Axes, norm: str, inverse: bool) -> Any:
    if is_box(x):
        return complex_p(x, axes=axes, norm=norm, inverse=inverse)
    return (_fft.ifftn if inverse else _fft.fftn)(x, None, axes, norm)


def _from_real(x: Value, axes: Axes, norm: str) -> Any:
    if is_box(x):
        return from_real_p(x, axes=axes, norm=norm)
    return _fft.rfftn(x, None, axes, norm)


def _to_real(x: Value, n: int, axes: Axes, norm: str) -> Any:
    if is_box(x):
        return to_real_p(x, n=n, axes=axes, norm=norm)
    sizes = (*(shape_of(x)[i] for i in axes[:-1]), n)
    return _fft.irfftn(x, sizes, axes, norm)


def _from_real_transposed(g: Cotangent, x_spec: Any, axes: Axes, norm: str) -> Any:
    g = _complex(g, axes[:-1], norm, False) if len(axes) > 1 else g
    n, last = x_spec.shape[axes[-1]], axes[-1]
    half = np.conjugate(g) * pairs(n, last, 0.5).astype(g.real.dtype)
    return _to_real(half, n, (last,), swapped(norm))


def _to_real_transposed(g: Cotangent, n: int, axes: Axes, norm: str) -> Any:
    last = axes[-1]
    half = np.conjugate(_from_real(g, (last,), swapped(norm)))
    half = half * pairs(n, last, 2.0).astype(g.dtype)
    return _complex(half, axes[:-1], norm, True) if len(axes) > 1 else half


complex_p = linear(_complex, _complex, name="scipy.fft.complex")
from_real_p = linear(_from_real, _from_real_transposed, name="scipy.fft.from_real")
to_real_p = linear(_to_real, _to_real_transposed, name="scipy.fft.to_real")


def _real(x: Value, kind: str, type: int, axes: Axes, norm: str, orthogonalize: bool) -> Any:
    if is_box(x):
        return real_p(x, kind=kind, type=type, axes=axes, norm=norm, orthogonalize=orthogonalize)
    transform = _fft.dctn if kind == "cosine" else _fft.dstn
    return transform(x, type, None, axes, norm, orthogonalize=orthogonalize)


def _scaled(x: Value, axes: Axes, ends: Sequence[int], factor: float) -> Any:
    """x with the elements at some indices along each axis multiplied by a factor."""
    for axis in axes:
        weights = np.ones(shape_of(x)[axis])
        weights[list(ends)] = factor
        x = x * weights.reshape((-1,) + (1,) * (-axis - 1)).astype(dtype_of(x))
    return x


def _real_transposed(
    g: Cotangent, kind: str, type: int, axes: Axes, norm: str, orthogonalize: bool
) -> Any:
    """The transpose: types 2 and 3 are each other's, up to the weight of one end."""
    root, end = np.sqrt(2.0), (0,) if kind == "cosine" else (-1,)
    both = kind == "cosine" and type == 1
    if orthogonalize and (both or type == 2):
        g = _scaled(g, axes, (0, -1) if both else end, 1.0 / root)
    if both:
        g = _scaled(g, axes, (0, -1), 2.0)
        h = _scaled(_real(g, kind, 1, axes, norm, False), axes, (0, -1), 0.5)
    elif type == 2:
        h = _real(_scaled(g, axes, end, 2.0), kind, 3, axes, norm, False)
    elif type == 3:
        h = _scaled(_real(g, kind, 2, axes, norm, False), axes, end, 0.5)
    else:
        h = _real(g, kind, type, axes, norm, False)
    if orthogonalize and (both or type == 3):
        h = _scaled(h, axes, (0, -1) if both else end, root)
    return h


real_p = linear(_real, _real_transposed, name="scipy.fft.real")


def _array(x: Value) -> Any:
    """An argument as an array of floats, in SciPy's precision."""
    x = asarray(x)
    kind, size = dtype_of(x).kind, dtype_of(x).itemsize
    if kind in "iub":
        return x.astype(float)
    return x.astype(np.float32) if kind == "f" and size < 4 else x


def _plan(x: Value, s: Any, axes: Any, half: bool = False) -> tuple[Any, list[int], Axes]:
    """The array, the lengths and the axes of a transform in several dimensions."""
    x = _array(x)
    shape = shape_of(x)
    sizes = None if s is None else [int(n) for n in np.atleast_1d(s)]
    if axes is None:
        axes = range(-(len(shape) if sizes is None else len(sizes)), 0)
    chosen = [normalize_axis_index(int(i), len(shape)) - len(shape) for i in np.atleast_1d(axes)]
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"all axes of a transform must be unique, {user_line()}")
    own = [shape[i] for i in chosen]
    if half and sizes is None and own:
        own[-1] = 2 * (own[-1] - 1)
    sizes = own if sizes is None else sizes
    if len(sizes) != len(chosen):
        raise ValueError(
            f"when given, axes and shape arguments have to be of the same length, {user_line()}"
        )
    sizes = [m if n == -1 else n for n, m in zip(sizes, own, strict=True)]
    if any(n < 1 for n in sizes):
        raise ValueError(f"invalid number of data points ({sizes}) specified, {user_line()}")
    return x, sizes, tuple(chosen)


def _fitted_to(x: Value, sizes: Sequence[int], axes: Axes) -> Any:
    for n, axis in zip(sizes, axes, strict=True):
        x = fitted(x, axis, n)
    return x


def _norm(norm: str | None) -> str:
    if norm not in (None, "backward", "ortho", "forward"):
        raise ValueError(
            f'invalid norm value {norm!r}, {user_line()}; it should be "backward", "ortho" or '
            f'"forward"'
        )
    return norm or "backward"


def _spectrum(x: Value, s: Any, axes: Any, norm: Any, inverse: bool) -> Any:
    x, sizes, chosen = _plan(x, s, axes)
    if not chosen:
        return x
    return complex_p(_fitted_to(x, sizes, chosen), axes=chosen, norm=_norm(norm), inverse=inverse)


def _half(x: Value, s: Any, axes: Any, norm: Any) -> Any:
    x, sizes, chosen = _plan(x, s, axes)
    if dtype_of(x).kind == "c":
        raise TypeError(f"x must be a real sequence, {user_line()}; use fftn, or np.real(x)")
    _needs_axes(chosen)
    return from_real_p(_fitted_to(x, sizes, chosen), axes=chosen, norm=_norm(norm))


def _whole(x: Value, s: Any, axes: Any, norm: Any) -> Any:
    x, sizes, chosen = _plan(x, s, axes, half=True)
    _needs_axes(chosen)
    x = _fitted_to(x, [*sizes[:-1], sizes[-1] // 2 + 1], chosen)
    return to_real_p(x, n=sizes[-1], axes=chosen, norm=_norm(norm))


def _needs_axes(axes: Axes) -> None:
    if not axes:
        raise ValueError(f"at least 1 axis must be transformed, {user_line()}")


def _hermitian(x: Value, s: Any, axes: Any, norm: Any) -> Any:
    return _whole(np.conjugate(asarray(x)), s, axes, swapped(norm))


def _half_hermitian(x: Value, s: Any, axes: Any, norm: Any) -> Any:
    return np.conjugate(_half(x, s, axes, swapped(norm)))


def _forward(x: Value, s: Any, axes: Any, norm: Any) -> Any:
    return _spectrum(x, s, axes, norm, False)


def _inverse(x: Value, s: Any, axes: Any, norm: Any) -> Any:
    return _spectrum(x, s, axes, norm, True)


def _one(name: str, transform: Callable[..., Any]) -> Any:
    """The transform along one axis."""
    original = getattr(_basic_backend, name)

    def function(x: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
        return transform(x, n, (axis,), norm)

    function.__name__ = name
    function.__doc__ = f"``scipy.fft.{name}``."
    return implements(original)(function)


def _several(name: str, transform: Callable[..., Any]) -> Any:
    """The transform along several axes."""
    original = getattr(_basic_backend, name)

    def function(x: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
        return transform(x, s, axes, norm)

    function.__name__ = name
    function.__doc__ = f"``scipy.fft.{name}``."
    return implements(original)(function)


fft, ifft = _one("fft", _forward), _one("ifft", _inverse)
rfft, irfft = _one("rfft", _half), _one("irfft", _whole)
hfft, ihfft = _one("hfft", _hermitian), _one("ihfft", _half_hermitian)
fft2, fftn = _several("fft2", _forward), _several("fftn", _forward)
ifft2, ifftn = _several("ifft2", _inverse), _several("ifftn", _inverse)
rfft2, rfftn = _several("rfft2", _half), _several("rfftn", _half)
irfft2, irfftn = _several("irfft2", _whole), _several("irfftn", _whole)
hfft2, hfftn = _several("hfft2", _hermitian), _several("hfftn", _hermitian)
ihfft2, ihfftn = _several("ihfft2", _half_hermitian), _several("ihfftn", _half_hermitian)

_INVERSE_TYPE = {1: 1, 2: 3, 3: 2, 4: 4}


def _cosine_or_sine(
    original: Any, x: Value, type: int, s: Any, axes: Any, norm: Any, orthogonalize: Any
) -> Any:
    """A transform by one of SciPy's functions, along some axes."""
    name = original.__name__
    x, sizes, chosen = _plan(x, s, axes)
    if dtype_of(x).kind == "c":
        parts = [
            _cosine_or_sine(original, part(x), type, s, axes, norm, orthogonalize)
            for part in (np.real, np.imag)
        ]
        return parts[0] + 1j * parts[1]
    if type not in _INVERSE_TYPE:
        raise ValueError(f"{name} has the types 1, 2, 3 and 4, not {type!r}, {user_line()}")
    if not chosen:
        return x
    norm = _norm(norm)
    orthogonalize = norm == "ortho" if orthogonalize is None else bool(orthogonalize)
    if name.startswith("i"):
        type, norm = _INVERSE_TYPE[type], swapped(norm)
    kind = "cosine" if "c" in name else "sine"
    x = _fitted_to(x, sizes, chosen)
    return real_p(x, kind=kind, type=type, axes=chosen, norm=norm, orthogonalize=orthogonalize)


def _real_transforms(name: str) -> tuple[Any, Any]:
    """The transforms along one axis and along several axes."""
    one = getattr(_realtransforms_backend, name)
    several = getattr(_realtransforms_backend, name + "n")

    def along_one(
        x: Any,
        type: int = 2,
        n: Any = None,
        axis: int = -1,
        norm: Any = None,
        orthogonalize: Any = None,
    ) -> Any:
        s = None if n is None else (n,)
        return _cosine_or_sine(several, x, type, s, (axis,), norm, orthogonalize)

    def along_several(
        x: Any,
        type: int = 2,
        s: Any = None,
        axes: Any = None,
        norm: Any = None,
        orthogonalize: Any = None,
    ) -> Any:
        return _cosine_or_sine(several, x, type, s, axes, norm, orthogonalize)

    for function, original in ((along_one, one), (along_several, several)):
        function.__name__ = original.__name__
        function.__doc__ = f"``scipy.fft.{original.__name__}``."
    return implements(one)(along_one), implements(several)(along_several)


(dct, dctn), (idct, idctn) = _real_transforms("dct"), _real_transforms("idct")
(dst, dstn), (idst, idstn) = _real_transforms("dst"), _real_transforms("idst")


def _assignable_rfft(x: Any, *args: Any, **kwargs: Any) -> Any:
    return array(_fft.rfft(x, *args, **kwargs))


# The code of `fht` multiplies the result of rfft in place.
replace(_fft.rfft, _assignable_rfft)
fht, ifht = runs_body(_fftlog_backend.fht), runs_body(_fftlog_backend.ifht)
