"""`numpy.fft` on traced arrays: its whole namespace."""

import numpy as _numpy

from ..rules.numpy.namespace import mirrored as _mirrored

__getattr__, __dir__ = _mirrored(_numpy.fft, globals())
