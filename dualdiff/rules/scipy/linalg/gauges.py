"""Results that are unique up to phases or an order, brought to SciPy's choice by constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.types import Value
from ...numpy.linalg.spreading import NEAR_TWICE
from ..arguments import plain
from ..formulas import Kept


def phases(vectors: Value, wanted: Any) -> Any:
    """The constants of modulus 1 that bring the columns of a matrix to those of a plain one."""
    along = np.sum(np.conj(plain(vectors)) * wanted, axis=-2, keepdims=True)
    size = np.abs(along)
    return np.where(size > 0, along / np.where(size > 0, size, 1.0), 1.0)


def of_own_basis(result: Any, values: Any) -> Any:
    """A decomposition; with its own vectors if some of its values nearly coincide.

    SciPy's vectors may then be another basis of the same space, to which the derivatives of these
    do not belong.
    """
    w = np.asarray(plain(values))
    n = w.shape[-1]
    gaps = np.abs(w[..., :, None] - w[..., None, :])
    size = np.abs(w).max(axis=-1, initial=0.0)[..., None, None]
    near = (gaps <= NEAR_TWICE * size) & ~np.eye(n, dtype=bool)
    return Kept(result) if np.any(near) else result


def order_of(values: Value, wanted: Any) -> Any:
    """The places of eigenvalues, near plain ones in another order (or a part of them)."""
    found = np.asarray(plain(values))
    nearest = np.argmin(np.abs(np.asarray(wanted)[:, None] - found), axis=1)
    if len(np.unique(nearest)) == len(nearest):
        return nearest
    left = list(range(found.size))
    places = []
    for w in np.asarray(wanted):
        places.append(min(left, key=lambda i: abs(found[i] - w)))
        left.remove(places[-1])
    return np.array(places, dtype=int)


def turned(basis: Value, wanted: Any) -> Any:
    """A basis of a subspace, turned by a constant unitary matrix to a plain one."""
    u, _, vh = np.linalg.svd(np.conj(plain(basis)).swapaxes(-1, -2) @ wanted)
    return np.matmul(basis, u @ vh)
