"""`scipy.signal` on traced arrays."""

from scipy import signal as _signal

from ..pieces import constants
from . import segments as segments  # before the rule of detrend in bodies, which replaces its own
from .bodies import FUNCTIONS
from .convolution import (
    convolve,
    convolve2d,
    correlate,
    correlate2d,
    fftconvolve,
    oaconvolve,
)
from .filters import lfilter, sosfilt, upfirdn
from .minimax import remez
from .ranks import find_peaks, medfilt, medfilt2d, order_filter, peak_prominences, peak_widths
from .segments import spectrogram
from .shortcuts import chirp, lfilter_zi, lfiltic, lp2hp, lsim
from .splines import sepfir2d

CONSTANTS = {
    **constants(_signal, "square", "t duty"),
    **constants(_signal, "choose_conv_method", "in1 in2"),
    **constants(_signal, "find_peaks_cwt", "vector"),
    **constants(_signal, "check_COLA check_NOLA", "window"),
}
globals().update(FUNCTIONS | CONSTANTS)
__all__ = [
    "chirp", "convolve", "convolve2d", "correlate", "correlate2d", "fftconvolve", "find_peaks",
    "lfilter", "lfilter_zi", "lfiltic", "lp2hp", "lsim", "medfilt", "medfilt2d", "oaconvolve",
    "order_filter", "peak_prominences", "peak_widths", "remez", "sepfir2d", "sosfilt",
    "spectrogram", "upfirdn", *FUNCTIONS,
    *CONSTANTS,
]  # fmt: skip
