"""`scipy.sparse` on traced arrays: its whole namespace, and sparse arrays with traced values.

If no value is traced, the constructors return SciPy's own arrays.
"""

from __future__ import annotations

from scipy import sparse as _sparse

from ..pieces import constants, refuses
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
    kronsum,
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

CONSTANTS = constants(
    _sparse,
    """
    isspmatrix isspmatrix_bsr isspmatrix_coo isspmatrix_csc isspmatrix_csr isspmatrix_dia
    isspmatrix_dok isspmatrix_lil
    """,
    "x",
)
refuses(_sparse, "expand_dims", "sparse arrays of traced values have two dimensions")
globals().update(CONSTANTS)
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
    "kronsum",
    "lil_array",
    "lil_matrix",
    "spdiags",
    "tril",
    "triu",
    "vstack",
    *CONSTANTS,
]  # fmt: skip
