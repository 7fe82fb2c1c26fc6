"""Bases of coinciding values that continue along a direction, for derivatives as limits.

Where eigenvalues coincide, a derivative that exists is the limit of the derivatives at nearby
matrices, whose eigenvalues differ. Along a direction the values split. Vectors that continue are
eigenvectors of the direction, restricted to the space of the coinciding values (T. Kato,
Perturbation Theory for Linear Operators, II.2.3). While `splitting`, decompositions of a dual
number use these vectors, and a quotient 0 / 0 is the quotient of the two slopes (`gauge.quotient`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np
from numpy import ndarray

from ....array.box import is_box, unbox
from ....core.dual import Dual
from ....core.trace import is_set, materialize
from ....core.types import Value
from ....errors import NotSplitError
from ..common import unmasked

_splitting: ContextVar[bool] = ContextVar("dualdiff_splitting", default=False)
_width: ContextVar[float] = ContextVar("dualdiff_width", default=0.0)
is_splitting = partial(is_set, _splitting)
_CLOSED = 1e-6  # a slope below this fraction of the largest counts as 0


@contextmanager
def splitting(share: float = 0.0) -> Iterator[None]:
    """Let decompositions of dual numbers take vectors that continue along the tangent.

    Values coincide up to a `share` of the largest.
    """
    token, wide = _splitting.set(True), _width.set(share)
    try:
        yield
    finally:
        _splitting.reset(token)
        _width.reset(wide)


def width() -> float:
    """The share of the largest value up to which others coincide, beside rounding."""
    return _width.get()


def slope_of(a: Value) -> ndarray | None:
    """While `splitting`, the single tangent of the lowest level of an operand; else None."""
    if not is_splitting():
        return None
    found, x = None, materialize(a)
    while is_box(x):
        if type(x) is Dual and x.owner.batch == ():
            found = x.payload
        x = x.primal
    return None if found is None else unbox(found)


def slopes_quotient(k: Any, d: Any, vanishes: Any) -> Any:
    """The limit of ``k / d`` where both vanish, by their slopes; NaN where k does not, or None.

    If the slope of d vanishes too, the values coincide along every direction, and nothing depends
    on the limit. The slope of a limit itself is not known (NaN).
    """
    k, d = unmasked(k), unmasked(d)
    if type(k) is not Dual or type(d) is not Dual or k.owner is not d.owner or k.owner.batch != ():
        return None
    if is_box(k.primal) or is_box(d.primal) or is_box(k.payload) or is_box(d.payload):
        return None
    over, under = k.payload, d.payload
    closed = np.abs(under) <= _CLOSED * np.abs(under).max(initial=0.0)
    limit = np.where(closed, 0, over / np.where(closed, 1, under))
    limit = np.where(vanishes, limit, np.nan)
    return k.owner.box(limit, np.full_like(limit, np.nan))


def _groups(close: ndarray) -> list[ndarray]:
    """The sets of two or more indices that a symmetric relation connects."""
    from scipy.sparse.csgraph import connected_components  # rarely: SciPy takes long to import

    count, labels = connected_components(close, directed=False)
    sets = [np.flatnonzero(labels == k) for k in range(count)]
    return [g for g in sets if g.size > 1]


def _near(w: ndarray, rounding: ndarray) -> ndarray:
    return np.asarray(np.abs(w[:, None] - w[None, :]) <= rounding)


def _each(function: Callable[..., Any], shape: tuple[int, ...], *stacks: Any) -> None:
    """Apply a function that writes into its arguments to each matrix of some stacks."""
    for i in np.ndindex(shape):
        function(*(stack[i] for stack in stacks))


def eigh_vectors(w: ndarray, v: ndarray, slope: ndarray, rounding: ndarray) -> ndarray:
    """Eigenvectors of Hermitian matrices that continue along Hermitian slopes."""
    v = v.copy()

    def turn(w: ndarray, v: ndarray, slope: ndarray, rounding: ndarray) -> None:
        for g in _groups(_near(w, rounding)):
            part = v[:, g].conj().T @ slope @ v[:, g]
            v[:, g] = v[:, g] @ np.linalg.eigh(0.5 * (part + part.conj().T))[1]

    _each(turn, w.shape[:-1], w, v, np.broadcast_to(slope, v.shape), rounding)
    return v


def eig_vectors(w: ndarray, v: ndarray, slope: ndarray, rounding: ndarray) -> ndarray:
    """Eigenvectors of matrices that continue along slopes, of length 1.

    Raises: NotSplitError if real vectors continue as complex ones.
    """
    v = v.copy()
    is_real = not np.iscomplexobj(slope)  # NumPy's vectors are complex from 2.5 on

    def turn(w: ndarray, v: ndarray, slope: ndarray, rounding: ndarray) -> None:
        for g in _groups(_near(w, rounding)):
            values, turned = np.linalg.eig((np.linalg.inv(v) @ slope @ v)[np.ix_(g, g)])
            if is_real and np.any(turned.imag) and not np.any(v.imag):
                raise NotSplitError("real eigenvalues split into complex ones")
            new = v[:, g] @ turned[:, np.lexsort((values.imag, values.real))]
            v[:, g] = new / np.linalg.norm(new, axis=0)

    with np.errstate(under="ignore"):  # in the squares of tiny parts
        _each(turn, w.shape[:-1], w, v, np.broadcast_to(slope, v.shape), rounding)
    return v


def svd_vectors(
    u: ndarray, s: ndarray, vh: ndarray, slope: ndarray, rounding: ndarray
) -> tuple[ndarray, ndarray]:
    """Singular vectors that continue along slopes, of the shapes of `u` and `vh`."""
    left, right = u.copy(), np.conjugate(np.matrix_transpose(vh))

    def turn(u: ndarray, s: ndarray, v: ndarray, slope: ndarray, rounding: ndarray) -> None:
        zero = s <= rounding[0]
        for g in _groups(_near(s, rounding) & ~zero[:, None] & ~zero[None, :]):
            part = u[:, g].conj().T @ slope @ v[:, g]
            turned = np.linalg.eigh(0.5 * (part + part.conj().T))[1][:, ::-1]
            u[:, g], v[:, g] = u[:, g] @ turned, v[:, g] @ turned
        if zero.any():
            r = int(np.count_nonzero(~zero))
            a, b = _complement(u[:, :r]), _complement(v[:, :r])
            p, _, qh = np.linalg.svd(a.conj().T @ slope @ b)
            u[:, r:] = (a @ p)[:, : u.shape[1] - r]
            v[:, r:] = (b @ qh.conj().T)[:, : v.shape[1] - r]

    _each(turn, s.shape[:-1], left, s, right, slope, rounding)
    return left, np.conjugate(np.matrix_transpose(right))


def _complement(q: ndarray) -> ndarray:
    """An orthonormal basis of the orthogonal complement of orthonormal columns."""
    return np.asarray(np.linalg.svd(q)[0][:, q.shape[1] :])
