"""Vectors of a decomposition that are not unique: up to a phase, or within a space.

A result that does not depend on the choice has a derivative. Any other has none: an error or NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....array.box import is_box, unbox
from ....core import trace as levels
from ....core.types import Cotangent, Value
from ....errors import UnsupportedInputError, user_line
from ..common import unmasked
from .splitting import is_splitting, slopes_quotient, width
from .spreading import NEAR, NEAR_TWICE

# The power of the precision below which a number counts as 0: in pulls, with many roundings, and
# in pushes, with one product.
VANISHES, EXACT = 0.5, 0.9


def size_of(x: Value) -> Any:
    """The largest entry of each matrix of a stack."""
    return np.abs(unbox(x)).max(axis=(-2, -1), keepdims=True, initial=0.0)


def _precision(x: Value) -> float:
    return float(np.finfo(unbox(x).dtype).eps)


def _has_derivative(k: Any) -> bool:
    return is_box(unmasked(k))


def vanishes(k: Any, power: float, size: Any) -> Any:
    """Where k counts as 0 with respect to `size`."""
    eps = _precision(k)
    return np.abs(unbox(k)) <= eps**power * (eps**0.25 + size)


def exactly_zero(k: Any, size: Any) -> Any:
    """Where a tangent of vectors vanishes exactly; vectors that continue were computed."""
    return vanishes(k, 0.75 if is_splitting() else EXACT, size)


def without_cotangent(g: Cotangent, given: bool) -> Any:
    """True for two vectors if the result depends on neither; g are their cotangents.

    A zero cotangent may be a cancellation, so only masks of structural zeros count.
    """
    if not given:
        return np.ones((1, 1), bool)
    if not (is_box(g) and type(g).is_mask):
        return np.zeros((1, 1), bool)
    unused = ~np.any(g.payload, axis=-2)
    return unused[..., None, :] & unused[..., :, None]


def quotient(k: Any, d: Any, close: Any, zero: Any, size: Any) -> Any:
    """``k / d``, where d counts as 0 in the places `close`.

    There it is 0 in the places `zero`, and NaN elsewhere: k and d alone do not determine the limit.
    For a traced k it is NaN too, since 0 would lose k's derivative. While `splitting`, it is the
    limit.
    """
    if not np.any(close):
        return k / d
    ans = np.where(close, 0, k / np.where(close, 1, d))
    if is_splitting():
        limit = slopes_quotient(k, d, vanishes(k, VANISHES, size))
        if limit is not None:
            return np.where(close, limit, ans)
    if not _has_derivative(k):
        close = close & ~zero
    if np.any(close):
        levels.degeneracies += 1
    return np.where(close, np.nan, ans)


def rounding_of(w: Value, n: int) -> Any:
    """The uncertainty of the eigenvalues or singular values of an n x n matrix."""
    w = np.abs(unbox(w))
    eps = float(np.finfo(w.dtype).eps)
    return widened((n + 8) * eps * w.max(axis=-1, keepdims=True, initial=0.0), w)


def widened(rounding: Any, w: Any) -> Any:
    """The uncertainty of values that also coincide if they are nearly equal."""
    if not (share := width()):
        return rounding
    return np.maximum(rounding, share * np.abs(w).max(axis=-1, keepdims=True, initial=0.0))


def by_gaps(k: Any, w: Value, zero: Any, size: Any, rounding: Any = None, lost: Any = False) -> Any:
    """``k_ij / (w_j - w_i)`` off the diagonal, 0 on it; see `quotient` for coinciding values.

    Values coincide up to `rounding`, by default for the eigenvalues of a Hermitian matrix. In the
    places `lost` it is NaN, and has no limit.
    """
    n = w.shape[-1]
    same = np.eye(n, dtype=bool)
    rounding = rounding_of(w, n) if rounding is None else rounding
    gaps = w[..., None, :] - w[..., :, None]
    distances = np.abs(unbox(gaps))
    close = (distances <= rounding[..., None]) & ~same
    share = NEAR_TWICE if _has_derivative(k) else NEAR
    nearest = share * np.abs(unbox(w)).max(axis=-1, keepdims=True, initial=0.0)
    near = (distances <= nearest[..., None]) & ~same & ~close & ~np.asarray(lost)
    if np.any(near) and np.any(near & (unbox(k) != 0)):
        levels.cancellations += 1
    gaps, k = np.where(same, 1, gaps), np.where(same, 0, k)
    ans = quotient(k, gaps, close, zero, size)
    if not np.any(lost):
        return ans
    counts = lost if _has_derivative(k) or is_splitting() else lost & ~zero
    return np.where(counts, np.nan, ans)


def _refuse(dependence: Any, size: Any, what: str, instead: str) -> None:
    dependence = np.abs(unbox(dependence))
    eps = float(np.finfo(dependence.dtype).eps)
    # eps**0.25 allows for earlier cancellation.
    if np.any(dependence > eps**0.5 * (eps**0.25 + size.max(initial=0.0))):
        raise UnsupportedInputError(
            f"the result depends on the {what}, which is arbitrary, {user_line()}; make it a "
            f"function of {instead}"
        )


def refuse_phase(dependence: Any, size: Any, function: str) -> None:
    """Raise if a result depends on the arbitrary phase of complex vectors."""
    what = f"phase of complex vectors of numpy.linalg.{function}"
    _refuse(dependence, size, what, "their absolute values, or of products without the phase")


def refuse_basis(dependence: Any, size: Any, function: str) -> None:
    """Raise if a result depends on the arbitrary basis of an orthogonal complement."""
    what = f"basis of the additional vectors of numpy.linalg.{function}"
    _refuse(dependence, size, what, "their projector v @ v.conj().T, or leave the vectors out")


def tied(v: Any, w: Value) -> Any:
    """Vectors in a formula that also uses their eigenvalues, or functions of them.

    A formula of vectors alone has a derivative where values coincide; such a formula has none.
    """
    return v + 0 * w[..., None, :] if is_box(v) else v
