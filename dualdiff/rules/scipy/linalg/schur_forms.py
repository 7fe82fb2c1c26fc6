"""Schur forms of matrices and pencils, Hessenberg form, balancing.

Near a plain Schur form t, a matrix b is ``S U S^-1`` with S unit lower and U upper triangular (in
blocks). S solves an equation whose linear part is ``t X - X t`` below the diagonal, and the QR
factors of S turn the vectors. So the derivatives divide by differences of eigenvalues, once each.
Coinciding eigenvalues have no derivative, but for results that do not depend on the vectors; phases
are arbitrary. A pair of complex eigenvalues of a real matrix has a block, whose standard form
determines a rotation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import linalg

from ....array.box import is_box
from ....core import trace as levels
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ....transforms.implicit import corrected, levels_of
from ...declare import linear
from ...numpy.kinks import Step, beside, kink_p, step_taken
from ...numpy.linalg.eigen import between_eig, condition_of, uncertainty
from ...numpy.linalg.gauge import rounding_of
from ...numpy.linalg.matrices import adjoint
from ...numpy.linalg.spreading import NEAR, NEAR_TWICE, spread_stack
from ...structures import Gather
from ..arguments import by_scipy, plain
from ..bodies import runs_body
from ..formulas import formula
from ..in_place import original_of
from .gauges import order_of, phases, turned
from .stacks import over_stack


def _blocks_of(t: Any) -> list[tuple[int, int]]:
    """Start and size of the blocks on the diagonal of a plain Schur form."""
    out, i = [], 0
    while i < len(t):
        size = 2 if i + 1 < len(t) and not np.iscomplexobj(t) and t[i + 1, i] != 0 else 1
        out.append((i, size))
        i += size
    return out


def _in_blocks(t: Any, blocks: Any) -> Any:
    """Ones where a Schur form with these blocks is not zero."""
    mask = np.triu(np.ones_like(t, np.finfo(t.dtype).dtype))
    for i, size in blocks:
        mask[i : i + size, i : i + size] = 1.0
    return mask


def _eliminated(rest: Value, t: Any, transposed: bool = False) -> Any:
    """X below the blocks of a plain Schur form t, where ``t X - X t`` is `rest`; or the adjoint.

    Source: block back-substitution, with LAPACK's xTRSYL for the columns of each block.
    """
    if is_box(rest):
        return _eliminated_p(rest, t=t, transposed=transposed)
    return over_stack(partial(_by_columns, t=t, transposed=transposed), (rest, 2))


def _by_columns(rest: Any, t: Any, transposed: bool) -> Any:
    solve: Any = linalg.get_lapack_funcs("trsyl", (t, rest))
    blocks = _blocks_of(t)
    op = "N" if not transposed else "C" if np.iscomplexobj(t) else "T"
    rest = rest.conj() if transposed else rest
    out = np.zeros(t.shape, np.result_type(t, rest))
    for i, size in reversed(blocks) if transposed else blocks:
        end = i + size
        own, below = slice(i, end), slice(end, None)
        if end == len(t):
            continue
        if transposed:
            known = out[below, below] @ t[own, below].conj().T
        else:
            known = out[below, :i] @ t[:i, own]
        right = rest[below, own] + known
        x, scale, _ = solve(t[below, below], t[own, own], right, trana=op, tranb=op, isgn=-1)
        out[below, own] = x / scale
    return out.conj() if transposed else out


_eliminated_p = linear(
    _eliminated,
    lambda g, t, transposed: _eliminated(g, t, not transposed),
    name="linalg.eliminated",
)

# The matrix itself. Beside coinciding eigenvalues it is one whose eigenvalues differ.
_apart_p = linear(lambda x: x, lambda g: g, name="linalg.apart", structure=Gather())


@beside(_apart_p)
def _spread(step: Step, x: Value) -> tuple[Any]:
    return (spread_stack(step, x, partial(between_eig, step=step)),)


def _apart(x: Value) -> Any:
    return _apart_p(x) if is_box(x) else x


# The condition of vectors from which on, and the loss of digits at which, there is no derivative.
_SKEW, _LOST = 1e3, 1e3


def _coincide(c: Value) -> bool:
    """Whether eigenvalues of a matrix coincide; notes those that nearly do."""
    x = plain(c)
    w, v = np.linalg.eig(x)
    gaps = np.abs(w[:, None] - w[None, :])[np.triu_indices(len(w), 1)]
    scale, unsure = np.abs(w).max(initial=0.0), float(uncertainty(x, condition_of(v))[0])
    twice = levels_of(c) > 1
    # Vectors that are nearly dependent cost a second derivative more digits than the gap.
    skew = twice and unsure > _SKEW * float(rounding_of(w, len(w))[0])
    if np.any(gaps <= unsure) or (skew and np.any(gaps**2 <= _LOST * unsure * scale)):
        levels.degeneracies += 1
        return True
    if np.any(gaps <= (NEAR_TWICE if twice else NEAR) * scale):
        levels.cancellations += 1
    return False


def _basis(c: Value, t: Any, blocks: Any) -> Any:
    """Orthonormal vectors near 1 that bring a matrix near a plain Schur form t to such a form."""
    n = len(t)
    below = 1 - _in_blocks(t, blocks)
    one = np.eye(n, dtype=t.dtype)
    coincide = is_box(c) and _coincide(c)

    def residual(x: Value) -> Any:
        return np.linalg.solve(one + x, np.matmul(c, one + x)) * below

    def step(rest: Value) -> Any:
        return kink_p(rest, below != 0) if coincide else _eliminated(rest, t)

    x = corrected(residual, np.zeros_like(t), step)
    return _turned_blocks(np.linalg.qr(one + x)[0], one, blocks)


def _turned_blocks(basis: Value, wanted: Any, blocks: Any) -> Any:
    """Orthonormal vectors, those of each block turned by a constant to the plain ones."""
    parts = []
    for i, size in blocks:
        part, own = basis[:, i : i + size], wanted[:, i : i + size]
        parts.append(part * phases(part, own) if size == 1 else turned(part, own))
    return np.concatenate(parts, axis=1)


def _schur(a: Value, t: Any, z: Any, again: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The Schur form of a matrix, next to plain factors; `again` makes those of a moved matrix."""
    a = _apart(a)
    if step_taken.get() is not None:
        t, z = again(plain(a))
    blocks = _blocks_of(t)
    q = np.matmul(z, _basis(np.matmul(adjoint(z), np.matmul(a, z)), t, blocks))
    form = np.matmul(adjoint(q), np.matmul(a, q))
    columns = []
    for i, size in blocks:
        part = q[:, i : i + size]
        if size == 2:  # the rotation that makes the diagonal of the block equal
            b = form[i : i + 2, i : i + 2]
            angle = 0.5 * np.arctan((b[1, 1] - b[0, 0]) / (b[0, 1] + b[1, 0]))
            c, s = np.cos(angle), np.sin(angle)
            part = np.matmul(part, np.stack([np.stack([c, -s]), np.stack([s, c])]))
        columns.append(part)
    q = np.concatenate(columns, axis=1)
    return np.matmul(adjoint(q), np.matmul(a, q)) * _in_blocks(t, blocks), q


@formula(linalg.schur, arrays="a")
def schur(a: Value, output: str = "real", sort: Any = None, value: Any = None) -> Any:
    """``scipy.linalg.schur``: ``a = Z T Z^H`` with T triangular (in blocks for real matrices).

    Arguments: `a`, with distinct eigenvalues; `output`, "real" or "complex"; `sort`, as SciPy's.
    """

    def again(a: Any) -> Any:
        return by_scipy(original_of(linalg.schur), a, output, sort=sort)[:2]

    one = partial(_schur, again=again)
    t, z = over_stack(one, (a, 2), (value[0], 2), (value[1], 2))
    return (t, z, *value[2:])


@formula(linalg.rsf2csf, arrays="T Z")
def rsf2csf(T: Value, Z: Value, value: Any = None) -> Any:
    """``scipy.linalg.rsf2csf``: the complex Schur form of a real one."""

    def again(t: Any) -> Any:
        return by_scipy(original_of(linalg.rsf2csf), t, np.eye(len(t)))

    def one(T: Value, Z: Value, t: Any, z: Any) -> Any:
        form, q = _schur(np.triu(T, -1), t, np.linalg.solve(plain(Z), z), again)
        return form, np.matmul(Z, q)

    return over_stack(one, (T, 2), (Z, 2), (value[0], 2), (value[1], 2))


def _pencil(
    a: Value, b: Value, aa: Any, bb: Any, q: Any, z: Any, again: Callable[[Any, Any], Any]
) -> Any:
    """The generalised Schur form of a pencil with regular b, next to plain factors."""
    c = _apart(np.linalg.solve(b, a))
    if step_taken.get() is not None:
        a = np.matmul(b, c)
        aa, bb, q, z = again(plain(a), plain(b))
    blocks = _blocks_of(aa)
    mask = _in_blocks(aa, blocks)
    form = np.linalg.solve(bb, aa) * mask
    right = np.matmul(z, _basis(np.matmul(adjoint(z), np.matmul(c, z)), form, blocks))
    left = np.linalg.qr(np.matmul(b, right))[0]
    left = _turned_blocks(left, q, blocks)
    lefts, rights = [], []
    for i, size in blocks:
        own, other = left[:, i : i + size], right[:, i : i + size]
        if size == 2:  # the rotations that make the block of b diagonal
            u, s, vh = np.linalg.svd(np.matmul(adjoint(own), np.matmul(b, other)))
            places = order_of(s, np.abs(np.diagonal(bb)[i : i + 2]))
            u, v = u[:, places], adjoint(vh)[:, places]
            own, other = (
                np.matmul(own, u * phases(u, np.eye(2))),
                np.matmul(other, v * phases(v, np.eye(2))),
            )
        lefts.append(own)
        rights.append(other)
    left, right = np.concatenate(lefts, axis=1), np.concatenate(rights, axis=1)
    a_form = np.matmul(adjoint(left), np.matmul(a, right)) * mask
    b_form = np.triu(np.matmul(adjoint(left), np.matmul(b, right)))
    for i, size in blocks:
        if size == 2:
            b_form = b_form * np.where(np.eye(len(aa), k=1) * (np.arange(len(aa)) == i + 1), 0, 1)
    return a_form, b_form, left, right


@formula(linalg.qz, arrays="A B")
def qz(A: Value, B: Value, output: str = "real", sort: Any = None, value: Any = None) -> Any:
    """``scipy.linalg.qz``: ``A = Q AA Z^H`` and ``B = Q BB Z^H``, of a pencil with regular B."""

    def again(a: Any, b: Any) -> Any:
        return by_scipy(original_of(linalg.qz), a, b, output)

    one = partial(_pencil, again=again)
    return over_stack(one, (A, 2), (B, 2), *((part, 2) for part in value[:4]))


@formula(linalg.ordqz, arrays="A B")
def ordqz(A: Value, B: Value, sort: Any = "lhp", output: str = "real", value: Any = None) -> Any:
    """``scipy.linalg.ordqz``: `qz` with eigenvalues in an order, as ``alpha / beta``.

    Raises: UnsupportedInputError for a real form with pairs of complex eigenvalues; use
    ``output="complex"``.
    """
    aa, bb, _, _, q, z = value
    if not np.iscomplexobj(aa) and np.any(np.diagonal(aa, -1, -2, -1)):
        raise UnsupportedInputError(
            f"ordqz of traced values has no real form with complex eigenvalues, {user_line()}; "
            f"use output='complex'"
        )

    def again(a: Any, b: Any) -> Any:
        aa, bb, _, _, q, z = by_scipy(original_of(linalg.ordqz), a, b, sort, output)
        return aa, bb, q, z

    def one(a: Value, b: Value, aa: Any, bb: Any, q: Any, z: Any) -> Any:
        aa, bb, q, z = _pencil(a, b, aa, bb, q, z, again)
        return aa, bb, np.diagonal(aa), np.diagonal(bb), q, z

    return over_stack(one, (A, 2), (B, 2), (aa, 2), (bb, 2), (q, 2), (z, 2))


def _reflected(a: Value, q: Value, k: int) -> tuple[Any, Any]:
    """One Householder similarity of the reduction to Hessenberg form, as LAPACK does it."""
    n = shape_of(a)[0]
    x = a[k + 1 :, k]
    alpha = x[0]
    if not np.any(plain(x[1:])) and not np.imag(plain(alpha)):
        return a, q
    norm = np.sqrt(np.sum(np.real(np.conj(x) * x)))
    beta = -norm if np.real(plain(alpha)) >= 0 else norm
    tau = (beta - alpha) / beta
    v = np.concatenate([np.zeros(k + 1), np.ones(1), x[1:] / (alpha - beta)])
    v = v[:, None]
    left = np.eye(n) - np.conj(tau) * np.matmul(v, adjoint(v))
    right = np.eye(n) - tau * np.matmul(v, adjoint(v))
    return np.matmul(left, np.matmul(a, right)), np.matmul(q, right)


@formula(linalg.hessenberg, arrays="a")
def hessenberg(a: Value, calc_q: bool = False) -> Any:
    """``scipy.linalg.hessenberg``: ``a = Q H Q^H`` with zeros below the first subdiagonal, by
    Householder's reflections (Golub and Van Loan, Matrix Computations, 2013, section 7.4)."""

    def one(a: Value) -> Any:
        n = shape_of(a)[0]
        q: Any = np.eye(n)
        for k in range(n - 1):  # the last step turns the phase of a complex number
            a, q = _reflected(a, q, k)
        return (np.triu(a, -1), q) if calc_q else np.triu(a, -1)

    return over_stack(one, (a, 2))


@formula(linalg.matrix_balance, arrays="A")
def matrix_balance(
    A: Value, permute: bool = True, scale: Any = True, separate: bool = False, value: Any = None
) -> Any:
    """``scipy.linalg.matrix_balance``: a similar matrix with rows and columns of like size; the
    scale and the order are constant."""
    turn = linalg.matrix_balance(plain(A), permute=permute, scale=scale)[1]
    return np.linalg.solve(turn, np.matmul(A, turn)), value[1]


cdf2rdf = runs_body(linalg.cdf2rdf)
