"""Eigenvalues and eigenvectors: of general, Hermitian, banded and generalised problems.

They follow the rules of `numpy.linalg`, and their conventions: phases of vectors are arbitrary, and
coinciding eigenvalues have derivatives where the result is symmetric in them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.linalg.eigen import eigvals_p, eigvalsh_p
from ...numpy.linalg.matrices import adjoint, completed_p, conjugate
from ..formulas import formula, known_result
from .gauges import of_own_basis, order_of, phases
from .stacks import over_stack


def _standard(a: Value, b: Value, lower: bool, kind: int) -> tuple[Any, Any]:
    """The standard problem for a generalised one, and what maps its vectors back."""
    a = completed_p(a, lower=lower)
    if b is None:
        return a, None
    factor = np.linalg.cholesky(completed_p(b, lower=lower))
    if kind == 1:
        half = np.linalg.solve(factor, a)
        a = adjoint(np.linalg.solve(factor, adjoint(half)))
    else:
        a = np.matmul(adjoint(factor), np.matmul(a, factor))
    back = factor if kind == 3 else adjoint(np.linalg.inv(factor))
    return a, back


@formula(linalg.eigh, arrays="a b")
def eigh(
    a: Value, b: Value = None, *, lower: bool = True, eigvals_only: bool = False, type: int = 1,
    subset_by_index: Any = None, subset_by_value: Any = None, driver: Any = None, value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.eigh``: eigenvalues and vectors of a Hermitian matrix or pencil.

    Arguments: as SciPy's; of a and b one triangle is read. `driver` changes rounding alone.
    Returns: the eigenvalues, and the vectors unless `eigvals_only`. See `numpy.linalg.eigh` in
    docs/conventions.md for coinciding eigenvalues.
    """
    values, vectors = (value, None) if eigvals_only else value
    part = subset_by_index is not None or subset_by_value is not None

    def one(a: Value, b: Value, values: Any, vectors: Any) -> Any:
        a, back = _standard(a, b, bool(lower), type)
        if vectors is None:
            w = np.linalg.eigvalsh(a)
            return w[order_of(w, values)] if part else w
        w, v = np.linalg.eigh(a)
        if part:
            places = order_of(w, values)
            w, v = w[places], v[:, places]
        v = v if back is None else np.matmul(back, v)
        return w, v * phases(v, vectors)

    found = over_stack(one, (a, 2), (b, 2), (values, 1), (vectors, 2))
    return found if eigvals_only else of_own_basis(found, values)


@formula(linalg.eigvalsh, arrays="a b")
def eigvalsh(
    a: Value, b: Value = None, *, lower: bool = True, type: int = 1, subset_by_index: Any = None,
    subset_by_value: Any = None, driver: Any = None, value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.eigvalsh``: eigenvalues of a Hermitian matrix or pencil; see `eigh`."""
    part = subset_by_index is not None or subset_by_value is not None
    if b is None and not part:
        return known_result(eigvalsh_p, value, completed_p(a, lower=bool(lower)), UPLO="L")

    def one(a: Value, b: Value, values: Any) -> Any:
        w = np.linalg.eigvalsh(_standard(a, b, bool(lower), type)[0])
        return w[order_of(w, values)] if part else w

    return over_stack(one, (a, 2), (b, 2), (value, 1))


def _refuse_homogeneous(homogeneous: bool) -> None:
    if homogeneous:
        raise UnsupportedInputError(
            f"homogeneous eigenvalues of traced matrices have no derivative, {user_line()}: their "
            f"scale is arbitrary; leave homogeneous_eigvals out"
        )


def _general(a: Value, b: Value, values: Any) -> Any:
    """The matrix that has the eigenvalues of a pencil, and right vectors."""
    if b is None:
        return a
    if not np.isfinite(values).all():
        raise UnsupportedInputError(
            f"eigenvalues of a pencil of which some are infinite have no derivative here, "
            f"{user_line()}: b is singular; if a is regular, take 1 / eigvals(b, a)"
        )
    return np.linalg.solve(b, a)


def _normalized(v: Any) -> Any:
    return v / np.sqrt(np.sum(np.real(conjugate(v) * v), axis=-2, keepdims=True))


@formula(linalg.eig, arrays="a b")
def eig(
    a: Value, b: Value = None, left: bool = False, right: bool = True,
    homogeneous_eigvals: bool = False, value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.eig``: eigenvalues, and left and right eigenvectors, of a matrix or a pencil.

    Arguments: as SciPy's, without homogeneous eigenvalues; b must be regular.
    Returns: eigenvalues, left vectors if asked for, right vectors if asked for. Vectors have norm 1
    and an arbitrary phase: a result that depends on it raises an error in reverse mode.
    """
    _refuse_homogeneous(homogeneous_eigvals)
    if not (left or right):
        return eigenvalues_like(a, b, value)
    if left and not right and b is not None:
        raise UnsupportedInputError(
            f"left eigenvectors of a pencil have no derivative without the right ones, "
            f"{user_line()}: SciPy then leaves their norms arbitrary; pass right=True"
        )

    def one(a: Value, b: Value, values: Any, first: Any, second: Any) -> Any:
        w, v = np.linalg.eig(_general(a, b, values))
        places = order_of(w, values)
        w, v = w[places], v[:, places]
        out = [w]
        if left:
            rows = adjoint(np.linalg.inv(v if b is None else np.matmul(b, v)))
            rows = _normalized(rows)
            out.append(rows * phases(rows, first))
        if right:
            v = v if b is None else _normalized(v)
            out.append(v * phases(v, second))
        return tuple(out)

    first = value[1] if left else None
    second = value[-1] if right else None
    found = over_stack(one, (a, 2), (b, 2), (value[0], 1), (first, 2), (second, 2))
    return of_own_basis(found, value[0])


def eigenvalues_like(a: Value, b: Value, wanted: Any) -> Any:
    """The eigenvalues of a pencil in the order of plain ones."""
    if b is None:
        return known_result(eigvals_p, np.asarray(wanted), a)

    def one(a: Value, b: Value, values: Any) -> Any:
        w = np.linalg.eigvals(_general(a, b, values))
        return w[order_of(w, values)]

    return over_stack(one, (a, 2), (b, 2), (wanted, 1))


@formula(linalg.eigvals, arrays="a b")
def eigvals(a: Value, b: Value = None, homogeneous_eigvals: bool = False, value: Any = None) -> Any:
    """``scipy.linalg.eigvals``: eigenvalues of a matrix or of a pencil with regular b."""
    _refuse_homogeneous(homogeneous_eigvals)
    return eigenvalues_like(a, b, value)


def from_band(band: Value, lower: bool) -> Any:
    """The Hermitian matrix of its diagonals as LAPACK stores them."""
    count, n = shape_of(band)
    total: Any = 0.0
    for i in range(count):
        d = i if lower else count - 1 - i
        kept = band[i, : n - d] if lower else band[i, d:]
        total = total + np.diag(kept, -d if lower else d)
    return completed_p(total, lower=lower)


@formula(linalg.eig_banded, arrays="a_band")
def eig_banded(
    a_band: Value, lower: bool = False, eigvals_only: bool = False, select: Any = "a",
    select_range: Any = None, max_ev: int = 0, value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.eig_banded``: eigenvalues and vectors of a Hermitian band matrix."""
    values, vectors = (value, None) if eigvals_only else value
    found = over_stack(
        lambda band, values, vectors: _selected(from_band(band, bool(lower)), values, vectors),
        (a_band, 2), (values, 1), (vectors, 2),
    )  # fmt: skip
    return found if eigvals_only else of_own_basis(found, values)


def _selected(a: Value, values: Any, vectors: Any) -> Any:
    """Eigenvalues, and vectors unless they are None, of which SciPy has chosen some."""
    if vectors is None:
        w = np.linalg.eigvalsh(a)
        return w[order_of(w, values)]
    w, v = np.linalg.eigh(a)
    places = order_of(w, values)
    v = v[:, places]
    return w[places], v * phases(v, vectors)


@formula(linalg.eigvals_banded, arrays="a_band")
def eigvals_banded(
    a_band: Value, lower: bool = False, select: Any = "a", select_range: Any = None,
    value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.eigvals_banded``: eigenvalues of a Hermitian band matrix."""
    return over_stack(
        lambda band, values: _selected(from_band(band, bool(lower)), values, None),
        (a_band, 2), (value, 1),
    )  # fmt: skip


def _tridiagonal(d: Value, e: Value) -> Any:
    return np.diag(d) + np.diag(e, 1) + np.diag(e, -1)


@formula(linalg.eigh_tridiagonal, arrays="d e")
def eigh_tridiagonal(
    d: Value, e: Value, eigvals_only: bool = False, select: Any = "a", select_range: Any = None,
    tol: float = 0.0, value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.eigh_tridiagonal``: eigenvalues and vectors of a symmetric tridiagonal
    matrix."""
    values, vectors = (value, None) if eigvals_only else value
    found = over_stack(
        lambda d, e, values, vectors: _selected(_tridiagonal(d, e), values, vectors),
        (d, 1), (e, 1), (values, 1), (vectors, 2),
    )  # fmt: skip
    return found if eigvals_only else of_own_basis(found, values)


@formula(linalg.eigvalsh_tridiagonal, arrays="d e")
def eigvalsh_tridiagonal(
    d: Value, e: Value, select: Any = "a", select_range: Any = None, tol: float = 0.0,
    value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.eigvalsh_tridiagonal``: eigenvalues of a symmetric tridiagonal matrix."""
    return over_stack(
        lambda d, e, values: _selected(_tridiagonal(d, e), values, None),
        (d, 1), (e, 1), (value, 1),
    )  # fmt: skip
