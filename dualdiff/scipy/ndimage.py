"""`scipy.ndimage` on traced arrays: its whole namespace."""

import scipy.ndimage as _scipy

from ..rules.numpy.namespace import mirrored as _mirrored
from ..rules.scipy import ndimage as _rules

__getattr__, __dir__ = _mirrored(_scipy, globals(), _rules)
