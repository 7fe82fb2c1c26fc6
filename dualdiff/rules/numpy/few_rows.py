"""Two to four rows times a large matrix, as in the Jacobian of a function with few results.

A general product of matrices rearranges the large one first, which here takes two to three times
as long as the product. OpenBLAS spares that for small products on processors with AVX-512; where
it does not, one product of a vector and a matrix per row is the quickest.
"""

from __future__ import annotations

import itertools
import sys
from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray

MOST_ROWS = 4
LARGE = 65_536  # elements of a matrix
# What OpenBLAS multiplies as it lies: rows times columns times terms, and, where each column lies
# together, rows times columns. Measured with 0.3.31.
_SMALL, _SMALL_BY_COLUMNS = 1_000_000, 1200


_PREFIXES = ("scipy_openblas", "openblas")
_WITH_AVX512 = ("SkylakeX", "Cooperlake", "SapphireRapids")


@cache
def blas_kernels() -> str:
    """For which processor NumPy's OpenBLAS computes; empty where that is not to be known.

    It need not be the one at hand: OPENBLAS_CORETYPE chooses others, and new ones get theirs late.
    """
    import ctypes

    linked = sys.modules.get("numpy._core._multiarray_umath")
    path = getattr(linked, "__file__", None)
    if path is None:
        return ""
    library = ctypes.CDLL(path)  # and what that is linked with
    for prefix, suffix in itertools.product(_PREFIXES, ("64_", "")):
        core = getattr(library, f"{prefix}_get_corename{suffix}", None)
        if core is not None:
            core.restype = ctypes.c_char_p
            return str(core().decode())
    return ""


def _multiplies_small_as_they_lie() -> bool:
    return blas_kernels() in _WITH_AVX512


def few_rows(t: ndarray, matrix: ndarray) -> Any:
    """``t @ matrix`` for 2 to `MOST_ROWS` rows and more than `LARGE` elements of the matrix."""
    real = t.dtype == matrix.dtype and t.dtype.char in "fd"
    if not real or not _multiplies_small_as_they_lie():
        return np.matmul(matrix.T, t[..., None])[..., 0]
    m, (k, n) = len(t), matrix.shape
    rows = t
    if m == 3:  # an even number of rows is faster
        rows = np.zeros((4, k), t.dtype)
        rows[:3] = t
    width = _SMALL // (len(rows) * k)
    if not matrix.flags.c_contiguous:
        width = min(width, _SMALL_BY_COLUMNS // len(rows))
    if width < 16:  # many terms and few columns: parts would be all overhead
        return np.matmul(t, matrix)
    if n <= width:
        return np.matmul(rows, matrix)[:m]
    ans = np.empty((len(rows), n), t.dtype)
    for i in range(0, n, width):
        np.matmul(rows, matrix[:, i : i + width], out=ans[:, i : i + width])
    return ans[:m]
