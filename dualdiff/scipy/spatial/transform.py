"""`scipy.spatial.transform` on traced arrays: its whole namespace."""

import scipy.spatial.transform as _scipy

from ...rules.numpy.namespace import mirrored as _mirrored

__getattr__, __dir__ = _mirrored(_scipy, globals())
