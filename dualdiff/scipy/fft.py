"""`scipy.fft` on traced arrays: its whole namespace."""

import scipy.fft as _scipy

from ..rules.numpy.namespace import mirrored as _mirrored
from ..rules.scipy import fft as _rules

__getattr__, __dir__ = _mirrored(_scipy, globals(), _rules)
