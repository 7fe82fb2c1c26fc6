"""`scipy.sparse` on traced arrays: its whole namespace, and sparse arrays with traced values."""

import scipy.sparse as _scipy

from ...rules.numpy.namespace import mirrored as _mirrored
from ...rules.scipy import sparse as _rules
from ...rules.scipy.sparse.arrays import SparseArray
from . import csgraph, linalg

__all__ = ["SparseArray", "csgraph", "linalg"]

__getattr__, __dir__ = _mirrored(_scipy, globals(), _rules)
