"""`scipy.spatial` on traced arrays: its whole namespace."""

import scipy.spatial as _scipy

from ...rules.numpy.namespace import mirrored as _mirrored
from ...rules.scipy import spatial as _rules
from . import distance, transform  # noqa: F401

__getattr__, __dir__ = _mirrored(_scipy, globals(), _rules)
