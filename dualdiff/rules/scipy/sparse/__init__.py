"""`scipy.sparse` on traced arrays: its whole namespace, and sparse arrays with traced values.

If no value is traced, the constructors return SciPy's own arrays.
"""

from __future__ import annotations

from . import plain_operands  # noqa: F401  # operators of SciPy's arrays
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
from .formats import (
    bsr_array,
    bsr_matrix,
    dia_array,
    dia_matrix,
    dok_array,
    dok_matrix,
    find,
    lil_array,
    lil_matrix,
    spdiags,
)

__all__ = [
    "SparseArray",
    "block_array",
    "block_diag",
    "bmat",
    "bsr_array",
    "bsr_matrix",
    "coo_array",
    "coo_matrix",
    "csc_array",
    "csc_matrix",
    "csr_array",
    "csr_matrix",
    "dia_array",
    "dia_matrix",
    "diags",
    "diags_array",
    "dok_array",
    "dok_matrix",
    "find",
    "hstack",
    "issparse",
    "kron",
    "lil_array",
    "lil_matrix",
    "spdiags",
    "tril",
    "triu",
    "vstack",
]  # fmt: skip
