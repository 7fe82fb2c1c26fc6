"""Functions of `scipy.signal` whose own code runs on traced values: nothing in them is compiled."""

from __future__ import annotations

from typing import Any

from scipy import signal

from ..bodies import runs_body
from ..rebinding import REBUILT_MODULES

REBUILT_MODULES.update(("scipy.signal._czt", "scipy.signal._short_time_fft"))

DESIGN = """
    bessel bilinear bilinear_zpk butter cheby1 cheby2 ellip findfreqs firls firwin firwin2
    gammatone iircomb iirdesign iirfilter iirnotch iirpeak lp2bp lp2bp_zpk lp2bs lp2bs_zpk
    lp2hp_zpk lp2lp lp2lp_zpk minimum_phase normalize savgol_coeffs besselap buttap cheb1ap cheb2ap
    ellipap
"""
RESPONSES = """
    abcd_normalize bode cont2discrete dbode dfreqresp dimpulse dlsim dstep freqresp freqs freqs_zpk
    freqz freqz_sos freqz_zpk group_delay impulse invres invresz lsim sos2tf sos2zpk sosfreqz ss2tf
    ss2zpk step tf2sos tf2ss tf2zpk zpk2sos zpk2ss zpk2tf
"""
FILTERING = """
    cspline1d cspline1d_eval decimate deconvolve detrend envelope filtfilt hilbert hilbert2
    qspline1d qspline1d_eval resample resample_poly savgol_filter sosfilt_zi sosfiltfilt wiener
"""
SPECTRA = """
    closest_STFT_dual_window coherence csd czt czt_points istft lombscargle periodogram spectrogram
    stft vectorstrength welch zoom_fft
"""
WAVEFORMS = "gauss_spline gausspulse get_window sawtooth sweep_poly"
WINDOWS = """
    chebwin dpss exponential gaussian general_cosine general_gaussian general_hamming kaiser
    kaiser_bessel_derived taylor tukey
"""


def _bodies(home: Any, *names: str) -> dict[str, Any]:
    """The functions of a module that run by their own code, as far as this SciPy has them."""
    listed = " ".join(names).split()
    return {name: runs_body(getattr(home, name)) for name in listed if hasattr(home, name)}


FUNCTIONS = _bodies(signal, DESIGN, RESPONSES, FILTERING, SPECTRA, WAVEFORMS)
WINDOW_FUNCTIONS = _bodies(signal.windows, WINDOWS)
METHODS = (
    _bodies(signal.CZT, "__call__"),
    _bodies(
        getattr(signal, "ShortTimeFFT", None),
        "stft stft_detrend istft spectrogram _fft_func _ifft_func",
    ),
)
