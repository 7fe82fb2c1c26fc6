"""Singular values and singular vectors.

Formulas: J. Townsend, "Differentiating the singular value decomposition" (2016), extended to
complex matrices in the pairing Re(g t), for which transposes do not conjugate. The quotients by
``s_j^2 - s_i^2`` are split into quotients by the difference and by the sum, so functions of
``u @ vh`` alone have a derivative where singular values coincide.
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
from ..kinks import Step, beside, corner
from .gauge import (
    by_gaps,
    exactly_zero,
    quotient,
    refuse_basis,
    refuse_phase,
    rounding_of,
    size_of,
    tied,
    without_cotangent,
)
from .matrices import adjoint, conjugate, diagonal, is_complex, multiply, on_diagonal, transpose
from .splitting import is_splitting, slope_of, svd_vectors
from .spreading import spread, spread_stack

_Svd: Any = type(np.linalg.svd(np.eye(1)))


def _by_sums(k: Any, s: Any, zero: Any, size: Any) -> Any:
    """``k_ij / (s_j + s_i)`` for a skew k; see `quotient` where both are 0."""
    sums = s[..., None, :] + s[..., :, None]
    close = unbox(sums) <= rounding_of(s, s.shape[-1])[..., None]
    if not is_complex(k):
        close = close & ~np.eye(s.shape[-1], dtype=bool)
        sums = np.where(np.eye(s.shape[-1], dtype=bool), 1, sums)
    return quotient(k, sums, close, zero, size)


def _by_values(k: Any, s: Any, zero: Any, size: Any) -> Any:
    """Columns of k divided by singular values; see `quotient` for values 0."""
    close = np.broadcast_to((unbox(s) <= rounding_of(s, s.shape[-1]))[..., None, :], k.shape)
    return quotient(k, s[..., None, :], close, zero, size)


def _jvp_vectors(u: Any, s: Any, turn: Any, image: Any, p: Any) -> Any:
    """The tangent of vectors that rotate in their space and, by `image`, out of it."""
    n = s.shape[-1]
    if u.shape[-2] == n:
        return np.matmul(u, turn)
    if u.shape[-1] == n:
        rest, size = image - np.matmul(u, p), size_of(image)
        return np.matmul(u, turn) + _by_values(rest, s, exactly_zero(rest, size), size)
    first, further = u[..., :n], u[..., n:]
    z, size = np.matmul(adjoint(further), image), size_of(image)
    z = _by_values(z, s, exactly_zero(z, size), size)
    t = np.matmul(first, turn) + np.matmul(further, z)
    return np.concatenate([t, -np.matmul(first, adjoint(z))], axis=-1)


def _svd_jvp(t: Tangent, ans: Value) -> tuple[Any, Any, Any]:
    u, s, vh = ans
    v, n = adjoint(vh), s.shape[-1]
    left, right = np.matmul(adjoint(t), u[..., :n]), np.matmul(t, v[..., :n])
    p = np.matmul(adjoint(u[..., :n]), right)
    ph = adjoint(p)
    size = size_of(p)
    even = 0.5 * by_gaps(p + ph, s, exactly_zero(p + ph, size), size)
    odd = 0.5 * _by_sums(p - ph, s, exactly_zero(p - ph, size), size)
    tu = _jvp_vectors(u, s, even + odd, right, p)
    tv = _jvp_vectors(v, s, even - odd, left, ph)
    return tu, np.real(diagonal(p)), adjoint(tv)


def _skew(u: Any, g: Cotangent, size: Any, n: int) -> tuple[Any, Any]:
    """The dependence of a result on rotations of the vectors, within their space and out of it."""
    k = np.matmul(transpose(u), g)
    skew = k - adjoint(k)
    if u.shape[-1] == n:
        rest = None if u.shape[-2] == n else g - np.matmul(conjugate(u), k)
        return skew, rest
    refuse_basis(skew[..., n:, n:], size, "svd(full_matrices=True)")
    return skew[..., :n, :n], np.matmul(conjugate(u[..., n:]), skew[..., n:, :n])


def _svd_vjp(g: Cotangent, ans: Value, given: tuple[bool, bool, bool]) -> Cotangent:
    u, s, vh = ans
    gu, gs, gvh = g
    v, n = adjoint(vh), s.shape[-1]
    ub, vb = conjugate(u[..., :n]), conjugate(vh[..., :n, :])
    if not (given[0] or given[2]):
        return np.matmul(ub * gs[..., None, :], vb)
    gv = adjoint(gvh)
    size = np.maximum(size_of(gu), size_of(gv))
    (ku, out_u), (kv, out_v) = _skew(u, gu, size, n), _skew(v, gv, size, n)
    if is_complex(u):
        refuse_phase(0.5 * np.imag(diagonal(ku + kv)), size, "svd")
    # Pairs of which the result depends on neither left nor right vectors.
    unused = without_cotangent(gu[..., :n], given[0]) & without_cotangent(gv[..., :n], given[2])
    q = by_gaps(ku + kv, s, unused, size) + _by_sums(ku - kv, s, unused, size)
    c = multiply(ub, 0.5 * q + on_diagonal(gs), vb)
    alone = diagonal(unused)[..., None, :]
    if out_u is not None:
        c = c + np.matmul(_by_values(out_u, s, alone & (unbox(out_u) == 0), size), vb)
    if out_v is not None:
        out_v = _by_values(out_v, s, alone & (unbox(out_v) == 0), size)
        c = c + np.matmul(ub, adjoint(out_v))
    return c


def _svd(x: Value, full: bool, left: Any, right: Any) -> tuple[Any, Any, Any]:
    if is_box(x):
        return svd_p(x, full=full, left=left, right=right)
    u, s, vh = np.linalg.svd(x, full_matrices=full)
    return (u, s, vh) if left is None else (left, s, right)


svd_p = rule(
    _svd,
    jvp=_svd_jvp,
    vjp=_svd_vjp,
    name="svd",
    structure=Einsum("...ij->...kl,...m,...no"),
    outputs=3,
)


def _positive(s: Value) -> Any:
    """1, and 0 for a value 0; no truth values, which would end the second derivative there."""
    s = unbox(s)
    return (s != 0).astype(s.dtype)


def _svdvals_jvp(t: Tangent, x: Value) -> Tangent:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    u = tied(u, s)
    slope = np.real(np.sum(conjugate(u) * np.matmul(t, adjoint(vh)), axis=-2))
    return slope * _positive(s)


def _svdvals_vjp(g: Cotangent, x: Value) -> Cotangent:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    u = tied(u, s)
    g = g * _positive(s)
    return np.matmul(conjugate(u) * g[..., None, :], conjugate(vh))


svdvals_p = rule(
    lambda x: np.linalg.svd(x, compute_uv=False),
    jvp=_svdvals_jvp,
    vjp=_svdvals_vjp,
    name="svdvals",
    structure=Einsum("...ij->...k"),
)


def _between(x: ndarray, rng: np.random.Generator, step: Step) -> ndarray | None:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    rounding = float(rounding_of(s, s.size)[0])
    change = spread(s, rounding, step, rng)
    move: Any = 0.0 if change is None else u @ change @ vh
    if s[-1] > rounding:
        return None if change is None else np.asarray(move)
    return np.asarray(move + step.size * (s[0] or 1.0) * rng.normal(size=x.shape))


@beside(svd_p, svdvals_p)
def _spread_svd(step: Step, x: Value, **params: Any) -> tuple[Any]:
    return (spread_stack(step, x, partial(_between, step=step)),)


def _hermitian_svd(a: Value, compute_uv: bool) -> Any:
    """The decomposition by eigenvalues, as in NumPy."""
    if not compute_uv:
        return np.flip(np.sort(np.absolute(np.linalg.eigvalsh(a)), axis=-1), axis=-1)
    w, u = np.linalg.eigh(a)
    signs = np.copysign(1.0, unbox(w)).astype(unbox(w).dtype)
    order = np.argsort(np.abs(unbox(w)), axis=-1)[..., ::-1]
    signs = np.take_along_axis(signs, order, axis=-1)
    s = np.take_along_axis(np.absolute(w), order, axis=-1)
    u = np.take_along_axis(u, order[..., None, :], axis=-1)
    return _Svd(u, s, adjoint(u * signs[..., None, :]))


@implements(np.linalg.svd)
def svd(
    a: Value, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """``numpy.linalg.svd``.

    Without vectors, symmetric functions of the singular values have a derivative where values
    coincide, and the derivative of a value that is 0 counts as 0. Singular vectors are not unique:
    complex ones have an arbitrary common phase, vectors of coinciding or zero values an arbitrary
    rotation, and so have the additional vectors of ``full_matrices=True``. A result that depends on
    the phase, or on the basis of the additional vectors, raises an error in reverse mode; tangents
    have no part along the arbitrary directions. For coinciding values see `eigh`. With
    ``hermitian=True`` it reads one triangle, like `eigh`.
    """
    if hermitian:
        return _hermitian_svd(a, compute_uv)
    if not compute_uv:
        return svdvals(a)
    left, right = _continued_svd(a, bool(full_matrices))
    return _Svd(*svd_p(a, full=bool(full_matrices), left=left, right=right))


def _continued_svd(a: Value, full: bool) -> tuple[Any, Any]:
    """While `splitting`, the vectors that continue along the tangent of a dual number."""
    if (slope := slope_of(a)) is None:
        return None, None
    u, s, vh = np.linalg.svd(unbox(a), full_matrices=full)
    return svd_vectors(u, s, vh, slope, rounding_of(s, s.shape[-1]))


@implements(np.linalg.svdvals)
def svdvals(x: Value, /) -> Any:
    """``numpy.linalg.svdvals``."""
    if is_splitting():
        return svd(x, full_matrices=False).S
    s = svdvals_p(x)
    return corner(s, unbox(s) == 0)
