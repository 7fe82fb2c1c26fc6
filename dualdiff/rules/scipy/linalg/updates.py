"""QR factors of matrices that lose or gain rows and columns, or change by a product."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.linalg.matrices import adjoint
from ..formulas import formula
from .factors import factors_like


def _axis_of(which: str) -> int:
    return 0 if which == "row" else 1


@formula(linalg.qr_delete, arrays="Q R")
def qr_delete(Q: Value, R: Value, k: int, p: int = 1, which: str = "row", value: Any = None) -> Any:
    """``scipy.linalg.qr_delete``: the factors without some rows or columns."""
    a, axis = np.matmul(Q, R), _axis_of(which)
    k = k % shape_of(a)[axis]
    return factors_like(np.delete(a, slice(k, k + p), axis), value[0])


@formula(linalg.qr_insert, arrays="Q R u")
def qr_insert(
    Q: Value, R: Value, u: Value, k: int, which: str = "row", rcond: Any = None, value: Any = None
) -> Any:
    """``scipy.linalg.qr_insert``: the factors with more rows or columns."""
    a, axis = np.matmul(Q, R), _axis_of(which)
    new = np.expand_dims(u, axis) if np.ndim(u) == 1 else u
    before, after = (a[:k], a[k:]) if axis == 0 else (a[:, :k], a[:, k:])
    return factors_like(np.concatenate([before, new, after], axis), value[0])


@formula(linalg.qr_update, arrays="Q R u v")
def qr_update(Q: Value, R: Value, u: Value, v: Value, value: Any = None) -> Any:
    """``scipy.linalg.qr_update``: the factors of ``Q R + u v^H``."""
    u, v = (x[:, None] if np.ndim(x) == 1 else x for x in (u, v))
    return factors_like(np.matmul(Q, R) + np.matmul(u, adjoint(v)), value[0])
