"""`scipy.sparse.csgraph` on traced weights: its whole namespace."""

import scipy.sparse.csgraph as _scipy

from ...rules.numpy.namespace import mirrored as _mirrored
from ...rules.scipy.sparse import csgraph as _rules

__getattr__, __dir__ = _mirrored(_scipy, globals(), _rules)
