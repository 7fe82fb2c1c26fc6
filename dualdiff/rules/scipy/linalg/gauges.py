"""Results that are unique up to phases or an order, brought to SciPy's choice by constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.types import Value
from ..arguments import plain


def phases(vectors: Value, wanted: Any) -> Any:
    """The constants of modulus 1 that bring the columns of a matrix to those of a plain one."""
    along = np.sum(np.conj(plain(vectors)) * wanted, axis=-2, keepdims=True)
    size = np.abs(along)
    return np.where(size > 0, along / np.where(size > 0, size, 1.0), 1.0)


def order_of(values: Value, wanted: Any) -> Any:
    """The places of eigenvalues, near plain ones in another order (or a part of them)."""
    found = np.asarray(plain(values))
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
