"""Functions of `scipy.signal` whose own code runs on traced values: nothing in them is compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import polynomial
from scipy import signal
from scipy.signal import _spectral_py
from scipy.spatial import cKDTree

from ....array.box import unbox
from ....core.types import Value
from ..arguments import plain
from ..bodies import runs_body
from ..rebinding import NUMPY, REBUILT_MODULES, rebound, replace

REBUILT_MODULES.update(("scipy.signal._czt", "scipy.signal._short_time_fft"))

DESIGN = """
    bessel bilinear bilinear_zpk butter cheby1 cheby2 ellip findfreqs firls firwin firwin2 firwin_2d
    gammatone iircomb iirdesign iirfilter iirnotch iirpeak lp2bp lp2bp_zpk lp2bs lp2bs_zpk
    lp2hp_zpk lp2lp lp2lp_zpk minimum_phase normalize savgol_coeffs besselap buttap cheb1ap cheb2ap
    ellipap
    buttord cheb1ord cheb2ord ellipord
"""
RESPONSES = """
    abcd_normalize bode cont2discrete dbode dfreqresp dimpulse dlsim dstep freqresp freqs freqs_zpk
    freqz freqz_sos freqz_zpk group_delay impulse invres invresz place_poles residue residuez
    sos2tf sos2zpk sosfreqz ss2tf ss2zpk step tf2sos tf2ss tf2zpk unique_roots zpk2sos zpk2ss zpk2tf
"""
FILTERING = """
    cspline1d_eval deconvolve envelope qspline1d_eval sosfilt_zi wiener
"""
# Those that are linear in their data, the names of which stand first.
LINEAR = {
    "x": """decimate filtfilt hilbert hilbert2 resample resample_poly savgol_filter sosfiltfilt stft
        czt zoom_fft""",
    "data": "detrend",
    "Zxx": "istft",
    "Iin": "spline_filter",
    "signal": "cspline1d cspline2d qspline1d qspline2d symiirorder1",
    "input": "symiirorder2",
}
CHOOSES = {"padtype": ("median", "minimum", "maximum")}  # with these, an element for the padding
SPECTRA = """
    closest_STFT_dual_window coherence csd czt_points lombscargle periodogram vectorstrength welch
"""
WAVEFORMS = "gauss_spline gausspulse get_window sawtooth sweep_poly"
WINDOWS = """
    chebwin dpss exponential gaussian general_cosine general_gaussian general_hamming kaiser
    kaiser_bessel_derived taylor tukey
"""


_Tree: Any = cKDTree  # whose stubs do not know how it is made


class PlainTree(_Tree):
    """The tree of plain points, which finds neighbours of traced ones."""

    def __new__(cls, data: Any, *args: Any, **kwargs: Any) -> Any:
        return _Tree.__new__(cls, plain(data))

    def __init__(self, data: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(plain(data), *args, **kwargs)

    def query_ball_point(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        return super().query_ball_point(plain(x), *args, **kwargs)


replace(cKDTree, PlainTree)
# SciPy before 1.17 evaluates polynomials by these functions of NumPy, which are Python.
for _name in ("polyval", "polyvalfromroots"):
    replace(getattr(polynomial, _name), rebound(getattr(polynomial, _name)))


def mintypecode(typechars: Any, typeset: str = "GDFgdf", default: str = "d") -> str:
    """``numpy.mintypecode`` of arrays."""
    dtype = np.result_type(*map(unbox, typechars))
    return dtype.char if dtype.char in typeset else default


replace(np.mintypecode, mintypecode)


def lombscargle(x: Value, y: Value, freqs: Value) -> Any:
    """The periodogram of unevenly spaced samples (Townsend 2010), compiled before SciPy 1.15."""
    phases = freqs[:, None] * x
    cos, sin = np.cos(phases), np.sin(phases)
    xc, xs = np.sum(y * cos, -1), np.sum(y * sin, -1)
    cc, ss, cs = np.sum(cos**2, -1), np.sum(sin**2, -1), 2 * np.sum(cos * sin, -1)
    tau = np.arctan2(cs, cc - ss) / 2
    cos, sin = np.cos(tau), np.sin(tau)
    first = (cos * xc + sin * xs) ** 2 / (cos**2 * cc + cos * sin * cs + sin**2 * ss)
    second = (cos * xs - sin * xc) ** 2 / (cos**2 * ss - cos * sin * cs + sin**2 * cc)
    return (first + second) / 2


_compiled: Any = getattr(_spectral_py, "_lombscargle", None)
if _compiled is not None:
    replace(_compiled, lombscargle)
_segments: Any = getattr(_spectral_py, "_fft_helper", None)
if _segments is not None:
    _transforms = rebound(_segments)
    # In an array that takes a traced scale.
    replace(_segments, lambda *args: NUMPY.array(_transforms(*args)))


def _bodies(home: Any, names: str, **options: Any) -> dict[str, Any]:
    """The functions of a module that run by their own code, as far as this SciPy has them."""
    there = [name for name in names.split() if hasattr(home, name)]
    return {name: runs_body(getattr(home, name), **options) for name in there}


FUNCTIONS = _bodies(signal, DESIGN + RESPONSES + FILTERING + SPECTRA + WAVEFORMS)
for _argument, _names in LINEAR.items():
    FUNCTIONS |= _bodies(signal, _names, affine_in=_argument, unless=CHOOSES)
WINDOW_FUNCTIONS = _bodies(signal.windows, WINDOWS)
METHODS = (
    _bodies(
        signal.StateSpace,
        "__mul__ __rmul__ __add__ __radd__ __sub__ __rsub__ __truediv__ __neg__",
    ),
    _bodies(signal.ZoomFFT, "__init__"),
    _bodies(signal.CZT, "__call__"),
    _bodies(
        getattr(signal, "ShortTimeFFT", None),
        "stft spectrogram _fft_func _ifft_func",
    ),
)
