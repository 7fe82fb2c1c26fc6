"""`scipy.sparse` on traced arrays: its whole namespace, and sparse arrays with traced values.

SciPy's own constructors make plain arrays of what they are given: take these from here. Where
nothing is traced they give SciPy's own arrays.
"""

from __future__ import annotations

import importlib
from typing import Any

from scipy import sparse

from ...numpy.namespace import mirror
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


def __getattr__(name: str) -> Any:
    if name == "linalg":
        return importlib.import_module(f"{__name__}.linalg")
    return mirror(sparse, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(sparse)})
