"""Covariances and correlations of variables."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...array.box import unbox
from ...core.batch import cast, dtype_of, shape_of
from ...core.trace import materialize
from ...core.types import Value
from .common import implements
from .reductions import conjugate


def _variables(m: Any, rowvar: bool) -> Any:
    """Observations as a matrix with one row per variable."""
    m = materialize(m)
    if np.ndim(m) > 2:
        raise ValueError("m and y may have no more than 2 dimensions")
    if np.ndim(m) < 2:
        return np.reshape(m, (1, -1))
    return m if rowvar else np.transpose(m)


@implements(np.cov)
def cov(
    m: Any,
    y: Value = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """``numpy.cov``, differentiable in `m`, `y` and `aweights`."""
    x = _variables(m, rowvar)
    if shape_of(x)[0] == 0:
        return np.zeros((0, 0))
    if y is not None:
        x = np.concatenate([x, _variables(y, rowvar or np.shape(y)[0] == 1)], axis=0)
    dtype = np.dtype(dtype or np.result_type(dtype_of(x), float))
    x = cast(x, dtype)
    if aweights is not None:
        aweights = cast(materialize(aweights), np.dtype(float))
    n = shape_of(x)[1]
    # NumPy's own complaints about ddof and weights, at little cost.
    np.cov(np.zeros((1, n)), None, True, bias, ddof, unbox(fweights), unbox(aweights))
    ddof = int(not bias) if ddof is None else ddof
    w = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    mean, total = np.average(x, axis=1, weights=w, returned=True)
    if w is None:
        dof: Any = n - ddof
    elif ddof == 0 or aweights is None:
        dof = total[0] - ddof
    else:
        dof = total[0] - ddof * np.sum(w * aweights) / total[0]
    if unbox(dof) <= 0:
        dof = 0.0
    x = x - mean[:, None]
    other = np.transpose(x if w is None else x * w)
    return np.squeeze(cast(np.dot(x, conjugate(other)) * np.true_divide(1, dof), dtype))


@implements(np.corrcoef)
def corrcoef(x: Value, y: Value = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """``numpy.corrcoef``."""
    c = cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    c = c / deviation[:, None] / deviation[None, :]
    if dtype_of(c).kind == "c":
        return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
    return np.clip(c, -1, 1)
