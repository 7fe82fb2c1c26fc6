"""Eigenvalues and eigenvectors.

Formulas: M. B. Giles, "An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation" (2008), extended to complex matrices in the pairing
Re(g t), for which transposes do not conjugate.

`eigh` and `eigvalsh` read one triangle, which is first completed to a Hermitian matrix; the rules
are for functions of Hermitian matrices.

Where eigenvalues coincide (up to rounding) the basis of their vectors is arbitrary. Cotangents of
values and vectors do not tell whether a result has a derivative: a pull gives NaN, and operators
take the limit from nearby matrices (see `splitting`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy import ndarray

from ....array.box import is_box, unbox
from ....core.types import Cotangent, Tangent, Value
from ...declare import rule
from ...structures import Einsum
from ..common import implements
from ..kinks import Step, beside
from .gauge import (
    by_gaps,
    exactly_zero,
    refuse_phase,
    rounding_of,
    size_of,
    tied,
    widened,
    without_cotangent,
)
from .matrices import (
    adjoint,
    completed,
    conjugate,
    diagonal,
    hermitian,
    inverse,
    is_complex,
    multiply,
    on_diagonal,
    transpose,
)
from .splitting import eig_vectors, eigh_vectors, is_splitting, slope_of
from .spreading import spread, spread_stack

_Eig: Any = type(np.linalg.eig(np.eye(1)))
_Eigh: Any = type(np.linalg.eigh(np.eye(1)))


_OF_RESIDUAL = 16  # the rounding errors of the residual itself are of its size
_FEW_DIGITS = 1e-4
_DEPENDENT = 1e6  # a condition number beyond which coinciding values come from dependent vectors


def _uncertainty(x: Value, w: Value, v: Any) -> Any:
    """What differences of eigenvalues of a Hermitian matrix are uncertain by.

    Each is as near to a true one as ``x v - v w`` is small (B. N. Parlett, The Symmetric Eigenvalue
    Problem, 4.5); it is 0 for diagonal matrices.
    """
    rounding = rounding_of(w, w.shape[-1])
    x, w, v = unbox(x), unbox(w), unbox(v)
    close = np.diff(w, axis=-1) <= rounding
    if not np.any(close):
        return rounding
    rest = np.linalg.norm(np.matmul(x, v) - v * w[..., None, :], axis=-2)
    rest = np.where(close, rest[..., 1:] + rest[..., :-1], 0).max(axis=-1, keepdims=True, initial=0)
    return widened(np.minimum(rounding, _OF_RESIDUAL * rest), w)


def _between(x: ndarray, rng: np.random.Generator, step: Step) -> ndarray | None:
    w, v = np.linalg.eigh(x)
    change = spread(w, float(_uncertainty(x, w, v)[0]), step, rng)
    return None if change is None else v @ change @ v.conj().T


def _eigh_jvp(t: Tangent, x: Value, ans: Value) -> tuple[Any, Any]:
    w, v = ans
    change = multiply(adjoint(v), hermitian(t), v)
    size = size_of(change)
    rounding = _uncertainty(x, w, v)
    turn = by_gaps(change, w, exactly_zero(change, size), size, rounding)
    return np.real(diagonal(change)), np.matmul(v, turn)


def _eigh_vjp(g: Cotangent, x: Value, ans: Value, given: tuple[bool, bool]) -> Cotangent:
    w, v = ans
    gw, gv = g
    if not given[1]:
        return hermitian(np.matmul(conjugate(v) * gw[..., None, :], transpose(v)))
    k = np.matmul(transpose(v), gv)
    if is_complex(v):
        refuse_phase(np.imag(diagonal(k)), size_of(gv), "eigh")
    unused = without_cotangent(gv, given[1])
    q = by_gaps(0.5 * (k - adjoint(k)), w, unused, size_of(gv), _uncertainty(x, w, v))
    q = q + on_diagonal(gw)
    return hermitian(multiply(conjugate(v), q, transpose(v)))


def _eigh(x: Value, UPLO: Any, vectors: Any) -> tuple[Any, Any]:
    if is_box(x):
        return eigh_p(x, UPLO=UPLO, vectors=vectors)
    w, v = np.linalg.eigh(x, UPLO)
    return w, v if vectors is None else vectors


eigh_p = rule(
    _eigh,
    jvp=_eigh_jvp,
    vjp=_eigh_vjp,
    name="eigh",
    structure=Einsum("...ij->...k,...lm"),
    outputs=2,
)


def _reads_lower(UPLO: Any) -> bool:
    return str(UPLO).upper() != "U"


@implements(np.linalg.eigh)
def eigh(a: Value, UPLO: Any = "L") -> Any:
    """``numpy.linalg.eigh``, which reads one triangle, and so does its derivative.

    The phase of complex eigenvectors is arbitrary: the tangent of v has no part along i v, and a
    cotangent that depends on the phase raises an error. Where eigenvalues coincide, the basis is
    arbitrary: results that do not depend on it have a derivative, such as a projector on all
    vectors of one value, or ``(v * f(w)) @ v.T``; other results have none (NaN).
    """
    a = completed(a, _reads_lower(UPLO))
    return _Eigh(*eigh_p(a, UPLO=UPLO, vectors=_continued_eigh(a, UPLO)))


def _continued_eigh(a: Value, UPLO: Any) -> Any:
    """While `splitting`, the vectors that continue along the tangent of a dual number."""
    if (slope := slope_of(a)) is None:
        return None
    w, v = np.linalg.eigh(unbox(a), UPLO)
    return eigh_vectors(w, v, hermitian(slope), _uncertainty(a, w, v))


def _eigvalsh_jvp(t: Tangent, x: Value, UPLO: Any) -> Tangent:
    w, v = np.linalg.eigh(x, UPLO)
    v = tied(v, w)
    return np.real(np.sum(conjugate(v) * np.matmul(hermitian(t), v), axis=-2))


def _eigvalsh_vjp(g: Cotangent, x: Value, UPLO: Any) -> Cotangent:
    w, v = np.linalg.eigh(x, UPLO)
    v = tied(v, w)
    return np.matmul(conjugate(v) * g[..., None, :], transpose(v))


eigvalsh_p = rule(
    lambda x, UPLO: np.linalg.eigvalsh(x, UPLO),
    jvp=_eigvalsh_jvp,
    vjp=_eigvalsh_vjp,
    name="eigvalsh",
    structure=Einsum("...ij->...k"),
)


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Value, UPLO: Any = "L") -> Any:
    """``numpy.linalg.eigvalsh``, which reads one triangle, and so does its derivative.

    Where eigenvalues coincide, symmetric functions of them have a derivative; single eigenvalues
    have none.
    """
    if is_splitting():
        return eigh(a, UPLO).eigenvalues
    return eigvalsh_p(completed(a, _reads_lower(UPLO)), UPLO=UPLO)


@beside(eigh_p, eigvalsh_p)
def _spread_eigh(step: Step, x: Value, **params: Any) -> tuple[Any]:
    return (spread_stack(step, x, partial(_between, step=step)),)


def condition_of(v: Any) -> Any:
    """The condition number of each matrix of vectors, at most the inverse of the precision."""
    s = np.linalg.svdvals(unbox(v))
    if not s.size:
        return np.ones((*s.shape[:-1], 1), s.dtype)
    return s[..., :1] / np.maximum(s[..., -1:], s[..., :1] * np.finfo(s.dtype).eps)


def _inverse_of_vectors(v: Any, condition: Any, lost: float = 1.0) -> Any:
    """The inverse of a matrix of eigenvectors; NaN if there are too few, to this accuracy."""
    return inverse(v, condition[..., 0] * np.finfo(condition.dtype).eps >= lost)


def uncertainty(x: Value, condition: Any) -> Any:
    """The uncertainty of eigenvalues, by the condition number of their vectors (F. L. Bauer and
    C. T. Fike, 1960)."""
    norms = np.linalg.norm(unbox(x), axis=(-2, -1))[..., None]
    return condition * rounding_of(norms, x.shape[-1])


def _accuracy(x: Value, w: Value, v: Any, condition: Any) -> tuple[Any, Any]:
    """The uncertainty of eigenvalues, and the pairs of vectors so nearly dependent that rounding
    leaves few digits of their derivatives.

    The eigenvalues of a nearly defective matrix lie close together, and the condition number of its
    vectors is large. Rounding grows with both, and twice in derivatives of a derivative; the powers
    are those that matrices beside Jordan's form show.
    """
    unsure = uncertainty(x, condition)
    w, condition = unbox(w), condition[..., None]
    eps, scale = np.finfo(condition.dtype).eps, np.abs(w).max(axis=-1, initial=0.0)[..., None, None]
    gaps = np.abs(w[..., None, :] - w[..., :, None])
    with np.errstate(all="ignore"):
        share = condition * scale / gaps
        rounding = eps * share * (share if is_box(v) else 1e-3 * condition)
    same = gaps <= unsure[..., None]
    lost = np.where(same, condition > _DEPENDENT, rounding > _FEW_DIGITS)
    return unsure, lost & ~np.eye(w.shape[-1], dtype=bool)


def _vectors_of(x: Value, ans: Value) -> Any:
    """Eigenvectors, in the order in which another algorithm has found the eigenvalues."""
    w, v = np.linalg.eig(x)
    v, found, wanted = tied(v, w), unbox(w), unbox(ans)
    if not found.size or np.abs(found - wanted).max() <= 1e-9 * np.abs(found).max():
        return v
    gaps = np.abs(wanted[..., :, None] - found[..., None, :])
    places = np.empty(found.shape, np.intp)
    for place in np.ndindex(found.shape):  # the nearest that is left
        nearest = np.argmin(gaps[place])
        places[place] = nearest
        gaps[(*place[:-1], slice(None), nearest)] = np.inf
    return np.take_along_axis(v, places[..., None, :], axis=-1)


def _eigvals_jvp(t: Tangent, x: Value, ans: Value) -> Tangent:
    v = _vectors_of(x, ans)
    inverted = _inverse_of_vectors(v, condition_of(v), _FEW_DIGITS)
    return np.sum(transpose(inverted) * np.matmul(t, v), axis=-2)


def _eigvals_vjp(g: Cotangent, x: Value, ans: Value) -> Cotangent:
    v = _vectors_of(x, ans)
    inverted = _inverse_of_vectors(v, condition_of(v), _FEW_DIGITS)
    return np.matmul(transpose(inverted) * g[..., None, :], transpose(v))


eigvals_p = rule(
    lambda x: np.linalg.eigvals(x),
    jvp=_eigvals_jvp,
    vjp=_eigvals_vjp,
    name="eigvals",
    structure=Einsum("...ij->...k"),
)


@implements(np.linalg.eigvals)
def eigvals(a: Value) -> Any:
    """``numpy.linalg.eigvals``; the derivative is NaN if the matrix has too few eigenvectors."""
    return eig(a).eigenvalues if is_splitting() else eigvals_p(a)


def _eig_jvp(t: Tangent, x: Value, ans: Value) -> tuple[Any, Any]:
    w, v = ans
    condition = condition_of(v)
    change = multiply(_inverse_of_vectors(v, condition), t, v)
    size = size_of(change)
    accuracy = _accuracy(x, w, v, condition)
    tv = np.matmul(v, by_gaps(change, w, exactly_zero(change, size), size, *accuracy))
    growth = np.real(np.sum(conjugate(v) * tv, axis=-2, keepdims=True))
    return diagonal(change), tv - v * growth


def _has_phase(x: Value, v: Any) -> Any:
    """Which vectors have an arbitrary phase: of a real matrix only those with imaginary parts.

    NumPy returns complex arrays for real matrices whose eigenvalues are real too, from 2.5 on.
    """
    return is_complex(x) | np.any(np.imag(unbox(v)) != 0, axis=-2, keepdims=True)


def _eig_vjp(g: Cotangent, x: Value, ans: Value, given: tuple[bool, bool]) -> Cotangent:
    w, v = ans
    gw, gv = g
    growth = np.sum(gv * v, axis=-2, keepdims=True)
    if is_complex(v):
        refuse_phase(np.imag(growth) * _has_phase(x, v), size_of(gv), "eig")
    k = np.matmul(transpose(v), gv - conjugate(v) * np.real(growth))
    q, condition = on_diagonal(gw), condition_of(v)
    if given[1]:
        unused = without_cotangent(gv, given[1])
        q = q + by_gaps(k, w, unused, size_of(gv), *_accuracy(x, w, v, condition))
    return multiply(transpose(_inverse_of_vectors(v, condition)), q, transpose(v))


def _eig(x: Value, vectors: Any) -> tuple[Any, Any]:
    if is_box(x):
        return eig_p(x, vectors=vectors)
    w, v = np.linalg.eig(x)
    return w, v if vectors is None else vectors


eig_p = rule(
    _eig,
    jvp=_eig_jvp,
    vjp=_eig_vjp,
    name="eig",
    structure=Einsum("...ij->...k,...lm"),
    outputs=2,
)


@implements(np.linalg.eig)
def eig(a: Value) -> Any:
    """``numpy.linalg.eig``.

    There is no derivative (NaN) if the matrix has too few eigenvectors. Phases, and vectors of
    coinciding eigenvalues, are arbitrary as for `eigh`.
    """
    return _Eig(*eig_p(a, vectors=_continued_eig(a)))


def between_eig(x: ndarray, rng: np.random.Generator, step: Step) -> ndarray | None:
    w, v = np.linalg.eig(x)
    unsure, lost = _accuracy(x, w, v, condition_of(v))
    change = None if np.any(lost) else spread(w, float(unsure[0]), step, rng)
    return None if change is None else v @ change @ np.linalg.inv(v)


@beside(eig_p, eigvals_p)
def _spread_eig(step: Step, x: Value, **params: Any) -> tuple[Any]:
    return (spread_stack(step, x, partial(between_eig, step=step)),)


def _continued_eig(a: Value) -> Any:
    """While `splitting`, the vectors that continue along the tangent of a dual number."""
    if (slope := slope_of(a)) is None:
        return None
    x = unbox(a)
    w, v = np.linalg.eig(x)
    unsure, lost = _accuracy(x, w, v, condition_of(v))
    return None if np.any(lost) else eig_vectors(w, v, slope, unsure)
