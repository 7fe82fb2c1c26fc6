"""`scipy.sparse` on traced arrays: its whole namespace, and sparse arrays with traced values.

SciPy's own constructors make plain arrays of their arguments, so use the ones here. If no value is
traced, they return SciPy's own arrays.
"""

from __future__ import annotations

from .arrays import SparseArray
from .construct import (
    block_array,
    block_diag,
    bmat,
    coo_array,
    coo_matrix,
    csc_array,
    csc_matrix,
    csr_array,
    csr_matrix,
    diags,
    diags_array,
    hstack,
    issparse,
    kron,
    tril,
    triu,
    vstack,
)

__all__ = [
    "SparseArray", "block_array", "block_diag", "bmat", "coo_array", "coo_matrix", "csc_array",
    "csc_matrix", "csr_array", "csr_matrix", "diags", "diags_array", "hstack", "issparse", "kron",
    "tril", "triu", "vstack",
]  # fmt: skip
