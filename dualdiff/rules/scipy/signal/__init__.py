"""`scipy.signal` on traced arrays."""

from . import segments as segments
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
from .ranks import find_peaks, medfilt, medfilt2d, order_filter, peak_prominences, peak_widths
from .shortcuts import chirp, lfilter_zi, lfiltic, lp2hp
from .splines import sepfir2d

globals().update(FUNCTIONS)
__all__ = [
    "chirp", "convolve", "convolve2d", "correlate", "correlate2d", "fftconvolve", "find_peaks",
    "lfilter", "lfilter_zi", "lfiltic", "lp2hp", "medfilt", "medfilt2d", "oaconvolve",
    "order_filter", "peak_prominences", "peak_widths", "sepfir2d", "sosfilt", "upfirdn", *FUNCTIONS,
]  # fmt: skip
