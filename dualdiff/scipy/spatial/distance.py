"""`scipy.spatial.distance` on traced arrays: its whole namespace."""

import scipy.spatial.distance as _scipy

from ...rules.numpy.namespace import mirrored as _mirrored
from ...rules.scipy.spatial import distances as _rules

__getattr__, __dir__ = _mirrored(_scipy, globals(), _rules)
