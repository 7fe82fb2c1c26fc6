"""Overlapping segments of signals: short-time Fourier transforms of all segments at once.

Cutting a signal into segments and adding segments up where they overlap are transposes of each
other.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy import signal
from scipy.signal import _spectral_py

from ....array.box import is_box
from ....core.batch import is_complex, shape_of
from ....core.types import Value
from ...declare import elementwise, linear
from ...numpy.creation import asarray
from ...structures import Gather
from ..affine import affine
from ..arguments import any_traced, by_scipy, plain
from ..bodies import Body, agreed, runs_body
from ..dispatch import implements
from ..fft import fft, rfft
from ..formulas import formula
from ..in_place import original_of
from ..rebinding import rebound, replace

_private: Any = _spectral_py  # SciPy's stubs know no private functions
_PADDINGS: dict[str, dict[str, str]] = {
    "zeros": {"mode": "constant"},
    "edge": {"mode": "edge"},
    "even": {"mode": "reflect", "reflect_type": "even"},
    "odd": {"mode": "reflect", "reflect_type": "odd"},
}
detrend = runs_body(signal.detrend)


def segments(x: Value, size: int, hop: int, length: int) -> Any:
    """The segments of the last axis, of shape (..., count, size); `length` is that of x."""
    if is_box(x):
        return segments_p(x, size=size, hop=hop, length=length)
    windows = np.lib.stride_tricks.sliding_window_view(x, size, -1)[..., ::hop, :]
    return np.ascontiguousarray(windows)


def summed(g: Value, size: int, hop: int, length: int) -> Any:
    """Segments, added up in their places in a signal of some length: the transpose."""
    if is_box(g):
        return summed_p(g, size=size, hop=hop, length=length)
    *lead, count, _ = g.shape
    parts = -(-size // hop)  # segments that overlap, in blocks of `hop` elements
    wide = np.zeros((*lead, count, parts * hop), g.dtype)
    wide[..., :size] = g
    blocks = np.zeros((*lead, count + parts - 1, hop), g.dtype)
    for i in range(parts):
        blocks[..., i : i + count, :] += wide[..., i * hop : (i + 1) * hop]
    out = blocks.reshape(*lead, -1)[..., :length]
    missing = length - out.shape[-1]
    return np.pad(out, [(0, 0)] * len(lead) + [(0, missing)]) if missing > 0 else out


segments_p = linear(segments, summed, name="signal.segments", structure=Gather())
summed_p = linear(summed, segments, name="signal.summed_segments")


def _fft_helper(
    x: Value, win: Value, detrend_func: Any, nperseg: int, noverlap: int, nfft: int, sides: str
) -> Any:
    """The Fourier transforms of the segments of a signal."""
    parts = segments(x, nperseg, nperseg - noverlap, shape_of(x)[-1])
    parts = win * detrend_func(parts)
    return fft(parts, n=nfft) if sides == "twosided" else rfft(np.real(parts), n=nfft)


replace(_private._fft_helper, _fft_helper)


squared_p = elementwise(
    lambda x: x.real**2 + x.imag**2, lambda x: 2 * np.conj(x), name="signal.squared"
)
_by_body = Body(signal.spectrogram)
_transforms = affine(signal.spectrogram, "x", _by_body, {})


@implements(signal.spectrogram)
def spectrogram(x: Value, **options: Any) -> Any:
    """``scipy.signal.spectrogram``. Densities are the squares of transforms, which are linear."""
    mode, is_onesided = (options.pop(n, d) for n, d in (("mode", "psd"), ("return_onesided", True)))
    options["return_onesided"] = is_onesided
    if mode == "complex":
        return _transforms(x, mode=mode, **options)
    if mode != "psd" or any_traced(options.values()) or is_complex(x := asarray(x)):
        return _by_body(x, mode=mode, **options)
    value = by_scipy(original_of(signal.spectrogram), plain(x), **options)
    frequencies, _, z = _transforms(x, mode="complex", **options)
    if not is_box(z):  # an empty signal
        return value
    density = squared_p(z)
    if is_onesided:
        axis, highest = options.get("axis", -1), float(options.get("fs", 1.0)) / 2
        is_double = (frequencies > 0) & (frequencies < highest * (1 - 1e-9))
        weights = np.where(is_double, 2.0, 1.0).astype(value[2].dtype)
        behind = -axis if axis < 0 else np.ndim(z) - 1 - axis  # axes behind that of frequencies
        density = density * np.reshape(weights, (-1,) + (1,) * behind)
    return (*value[:2], agreed(density, value[2], "spectrogram"))


def _declare(transform: Any) -> None:
    """Rules for `scipy.signal.ShortTimeFFT`, which releases from 1.12 on have."""

    @formula(transform.stft_detrend, trusted=True)
    def stft_detrend(
        self: Any, x: Value, detr: Any, p0: Any = None, p1: Any = None, *, k_offset: int = 0,
        padding: str = "zeros", axis: int = -1,
    ) -> Any:  # fmt: skip
        """``scipy.signal.ShortTimeFFT.stft_detrend``: the transforms of all segments."""
        x = asarray(x)
        n = shape_of(x)[axis]
        x = np.moveaxis(x, axis, -1)
        p0, p1 = self.p_range(n, p0, p1)
        first = p0 * self.hop - self.m_num_mid + k_offset
        length = (p1 - p0 - 1) * self.hop + self.m_num
        last = first + length
        around = [(0, 0)] * (np.ndim(x) - 1) + [(max(-first, 0), max(last - n, 0))]
        padded = np.pad(x[..., max(first, 0) : min(last, n)], around, **_PADDINGS[padding])  # type: ignore[call-overload]
        parts = segments(padded, self.m_num, self.hop, length)
        if isinstance(detr, str):
            parts = detrend(parts, type=detr)
        elif isinstance(detr, functools.partial) and detr.func is signal.detrend:
            parts = detrend(parts, *detr.args, **detr.keywords)
        elif detr is not None:
            single = [detr(parts[..., i, :]) for i in range(p1 - p0)]
            parts = np.stack(single, axis=-2)
        rows = np.reshape(
            parts * np.conj(self.win), (-1, self.m_num)
        )  # SciPy's code takes two axes
        spectra = rebound(transform._fft_func)(self, rows)
        spectra = np.swapaxes(np.reshape(spectra, (*shape_of(parts)[:-1], -1)), -1, -2)
        return spectra if np.ndim(x) == 1 else np.moveaxis(spectra, -2, axis - (axis < 0))

    @formula(transform.istft, trusted=True)
    def istft(
        self: Any, S: Value, k0: int = 0, k1: Any = None, *, f_axis: int = -2, t_axis: int = -1
    ) -> Any:
        """``scipy.signal.ShortTimeFFT.istft``: the signal with some transforms of its segments."""
        S = asarray(S)
        f_axis, t_axis = f_axis % np.ndim(S), t_axis % np.ndim(S)
        S = np.moveaxis(S, (t_axis, f_axis), (-2, -1))
        q_max = shape_of(S)[-2] + self.p_min
        k1 = (q_max - 1) * self.hop + self.m_num - self.m_num_mid if k1 is None else k1
        q0 = k0 // self.hop + self.p_min if k0 >= 0 else k0 // self.hop
        q1 = min(self.p_max(k1), q_max)
        chosen = S[..., q0 - self.p_min : q1 - self.p_min, :]
        rows = np.reshape(chosen, (-1, shape_of(chosen)[-1]))
        inverse, n = rebound(transform._ifft_func), self.m_num
        # SciPy before 1.14 cuts the first axis, not the last one, to the length of the window.
        some = [inverse(self, rows[i : i + n])[:, :n] for i in range(0, len(rows), n)]
        parts = np.reshape(np.concatenate(some), (*shape_of(chosen)[:-1], n)) * self.dual_win
        if self.onesided_fft:
            parts = np.real(parts)
        elif not is_complex(parts):
            parts = parts + 0j
        first = k0 - (q0 * self.hop - self.m_num_mid)
        length = (q1 - q0 - 1) * self.hop + self.m_num
        x = summed(parts, self.m_num, self.hop, length)[..., first : first + k1 - k0]
        missing = k1 - k0 - shape_of(x)[-1]
        x = np.pad(x, [(0, 0)] * (np.ndim(x) - 1) + [(0, missing)]) if missing else x
        return (
            x if np.ndim(x) == 1 else np.moveaxis(x, -1, f_axis if f_axis < np.ndim(x) else t_axis)
        )

    replace(transform.stft_detrend, stft_detrend)  # in copies of the class
    replace(transform.istft, istft)


if hasattr(signal, "ShortTimeFFT"):
    _declare(signal.ShortTimeFFT)
