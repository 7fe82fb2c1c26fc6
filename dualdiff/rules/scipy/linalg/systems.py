"""Systems of equations: general, structured, triangular, factorised; inverses; least squares."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy import linalg

from ....array.box import is_box, unbox
from ....core.batch import dtype_of, is_complex, shape_of
from ....core.types import Cotangent, Tangent, Value
from ...declare import rule
from ...numpy.linalg.matrices import adjoint, completed_p, conjugate, transpose
from ...numpy.linalg.norms import two_norm_p
from ...numpy.linalg.solve import det_p, inv_p, solve_jvp, solve_p, solve_vjp
from ...numpy.linalg.svd import svdvals_p
from ...structures import Solve
from ..arguments import IN_RULE, as_array
from ..dispatch import implements
from ..formulas import Kept, formula, known_result
from ..leaves import leaf
from .special_matrices import toeplitz
from .stacks import column_solve, over_stack, permuted

_linalg: Any = linalg  # SciPy's stubs do not know all releases


def _part(a: Value, lower: bool, unit_diagonal: bool) -> Any:
    """The part of a matrix that solve_triangular reads, or its cotangent."""
    k = -1 if lower else 1
    if not unit_diagonal:
        k = 0
    return np.tril(a, k) if lower else np.triu(a, k)


def _times(matrix: Any, trans: int, x: Value) -> Any:
    if trans:
        matrix = np.transpose(matrix)
    return np.matmul(np.conjugate(matrix) if trans == 2 else matrix, x)


def _triangular_jvp(
    ts: Any, x: Value, ans: Value, trans: int, lower: bool, unit_diagonal: bool
) -> Tangent:
    ta, tb = ts
    right: Any = 0.0 if tb is None else tb
    if ta is not None:
        right = right - _times(_part(ta, lower, unit_diagonal), trans, ans)
    return _solve(x, right, trans, lower, unit_diagonal)


def _triangular_vjp(
    g: Cotangent, x: Value, ans: Value, trans: int, lower: bool, unit_diagonal: bool
) -> Cotangent:
    if trans == 2:  # the transpose of the adjoint is the conjugate
        right = np.conjugate(_solve(x, np.conjugate(g), 0, lower, unit_diagonal))
    else:
        right = _solve(x, g, 1 - trans, lower, unit_diagonal)
    rows, columns = (right, ans) if not trans else (ans, right)
    if np.ndim(rows) == 1:
        rows, columns = rows[:, None], columns[:, None]
    matrix = -np.matmul(rows, np.transpose(columns))
    matrix = np.conjugate(matrix) if trans == 2 else matrix
    return _part(matrix, lower, unit_diagonal), right


triangular_p = leaf(
    linalg.solve_triangular,
    jvp=_triangular_jvp,
    vjp=_triangular_vjp,
    name="linalg.solve_triangular",
    structure=Solve(),
)


def _solve(a: Value, b: Value, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    options = {"trans": trans, "lower": lower, "unit_diagonal": unit_diagonal}
    return over_stack(lambda a, b: triangular_p(a, b, **options), (a, 2), (b, min(np.ndim(b), 2)))


_TRANS = {"N": 0, "T": 1, "C": 2}


@implements(linalg.solve_triangular, arrays="a b")
def solve_triangular(
    a: Value, b: Value, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False
) -> Any:
    """``scipy.linalg.solve_triangular``: x with ``a x = b`` for a triangular matrix.

    Arguments: `a` (n, n), of which one triangle is read; `b` (n,) or (n, k); `trans`, 0, 1 or 2 (or
    "N", "T", "C") for a, its transpose or its adjoint; `lower`, which triangle; `unit_diagonal`.
    Returns: an array of the shape of b. The other triangle of `a` has derivative 0.
    Raises: numpy.linalg.LinAlgError if a is singular.

    >>> import numpy as np, dualdiff as dd
    >>> a = np.array([[2.0, 0.0], [1.0, 4.0]])
    >>> dd.jacobian(lambda b: dd.scipy.linalg.solve_triangular(a, b, lower=True))(np.ones(2))
    array([[ 0.5  ,  0.   ],
           [-0.125,  0.25 ]])
    """
    return _solve(a, b, _TRANS.get(trans, trans), bool(lower), bool(unit_diagonal))


def structured(a: Value, assume_a: Any, lower: bool) -> Any:
    """The matrix that LAPACK reads: for a Hermitian one a triangle, for a diagonal one that."""
    kind = {"sym": "symmetric", "her": "hermitian", "pos": "positive definite"}.get(
        assume_a, assume_a
    )
    if kind == "symmetric" and is_complex(a):
        half = np.tril(a, -1) if lower else np.triu(a, 1)
        return half + transpose(half) + _diagonal_part(a)
    if kind in ("symmetric", "hermitian", "positive definite"):
        return completed_p(a, lower=bool(lower))
    if kind == "lower triangular":
        return np.tril(a)
    if kind == "upper triangular":
        return np.triu(a)
    if kind == "tridiagonal":
        return np.tril(np.triu(a, -1), 1)
    return _diagonal_part(a) if kind == "diagonal" else a


def _diagonal_part(a: Value) -> Any:
    return np.tril(np.triu(a))


def _positive_solve(a: Value, b: Value) -> Any:
    """The solution with a positive definite matrix, by half the work of other matrices."""
    if is_box(a) or is_box(b) or a.ndim > 2:
        return np.linalg.solve(a, b)
    return linalg.cho_solve(linalg.cho_factor(a, check_finite=False), b, check_finite=False)


positive_p = rule(
    np.linalg.solve,
    jvp=partial(solve_jvp, solver=_positive_solve),
    vjp=partial(solve_vjp, solver=_positive_solve),
    name="linalg.solve_positive",
    structure=Solve(),
)


@formula(linalg.solve, arrays="a b", close=np.inf)
def solve(
    a: Value, b: Value, lower: bool = False, assume_a: Any = None, transposed: bool = False,
    value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.solve``: x with ``a x = b``.

    Arguments: `a` (..., n, n); `b` (n,) or (..., n, k); `assume_a`, the structure of a: entries
    that SciPy does not read have derivative 0; `lower`, which triangle of a Hermitian a is read;
    `transposed`, for a system with ``a.T``.
    Returns: an array of the shape of b. Raises: numpy.linalg.LinAlgError if a is singular.
    """
    a, b = np.atleast_2d(a), np.atleast_1d(b)
    matrix = structured(a, assume_a, lower)
    primitive = positive_p if assume_a in ("pos", "positive definite") else solve_p
    return known_result(primitive, value, transpose(matrix) if transposed else matrix, b)


@formula(linalg.inv, arrays="a", close=np.inf)
def inv(a: Value, assume_a: Any = None, lower: bool = False, value: Any = None) -> Any:
    """``scipy.linalg.inv``, the inverse of a matrix; `assume_a` as for `solve`."""
    return known_result(inv_p, value, structured(a, assume_a, lower))


@formula(linalg.det, arrays="a", close=np.inf)
def det(a: Value, value: Any = None) -> Any:
    """``scipy.linalg.det``, the determinant."""
    return known_result(det_p, value, a)


def _cut(s: Any, atol: Any, rtol: Any, size: int) -> Any:
    """Below it a singular value counts as zero, as in SciPy, relative to the largest."""
    largest = np.max(s, axis=-1, initial=0.0)
    rtol = size * np.finfo(s.dtype).eps if rtol is None else rtol
    total = (0.0 if atol is None else atol) + largest * rtol
    return total / np.where(largest == 0, 1.0, largest)


@formula(linalg.pinv, arrays="a", close=np.inf)
def pinv(
    a: Value, *, atol: Any = None, rtol: Any = None, return_rank: bool = False, value: Any
) -> Any:
    """``scipy.linalg.pinv``, the pseudoinverse, at constant rank: it jumps where that
    changes."""
    cut = _cut(np.linalg.svdvals(unbox(a)), unbox(atol), unbox(rtol), max(shape_of(a)[-2:]))
    inverse = np.linalg.pinv(a, rtol=cut)
    return (inverse, value[1]) if return_rank else inverse


@formula(linalg.pinvh, arrays="a", close=np.inf)
def pinvh(
    a: Value, atol: Any = None, rtol: Any = None, lower: bool = True, return_rank: bool = False,
    value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.pinvh``, the pseudoinverse of a Hermitian matrix, of which a triangle is
    read."""
    matrix = completed_p(a, lower=bool(lower))
    sizes = np.abs(np.linalg.eigvalsh(unbox(a), "L" if lower else "U"))
    inverse = np.linalg.pinv(matrix, rtol=_cut(sizes, unbox(atol), unbox(rtol), shape_of(a)[-1]))
    return (inverse, value[1]) if return_rank else inverse


@formula(linalg.lstsq, arrays="a b", close=np.inf)
def lstsq(a: Value, b: Value, cond: Any = None, value: Any = None) -> Any:
    """``scipy.linalg.lstsq``: the x that makes ``|a x - b|`` least, at constant rank.

    Returns: x, the sums of squared residuals, the rank, and the singular values of a.
    """
    _, residuals, rank, s = value
    if cond is None:
        dtype = np.result_type(unbox(a), unbox(b))
        cond = np.finfo(dtype if dtype.kind in "fc" else float).eps
    is_vector = len(shape_of(b)) == 1
    b = b[:, None] if is_vector else b
    x = np.matmul(np.linalg.pinv(a, cond), b)
    if np.size(residuals):
        rest = b - np.matmul(a, x)
        residuals = np.sum(np.real(conjugate(rest) * rest), axis=-2)
        residuals = residuals[..., 0] if is_vector else residuals
    return (
        x[..., 0] if is_vector else x,
        residuals,
        rank,
        s if s is None else known_result(svdvals_p, s, a),
    )


def _columns_of(*vectors: Any) -> Any:
    """Vectors and matrices of columns, as such matrices."""
    return (x[:, None] if np.ndim(x) == 1 else x for x in vectors)


def _cho_solve(c: Value, b: Value, lower: bool) -> Any:
    if is_box(c) or is_box(b):
        return cho_solve_p(c, b, lower=lower)
    return linalg.cho_solve((c, lower), b, check_finite=not IN_RULE.get())


def _cho_solve_jvp(ts: Any, x: Value, ans: Value, lower: bool) -> Tangent:
    tc, tb = ts
    right: Any = 0.0 if tb is None else tb
    if tc is not None:
        c, t = _part(x, lower, False), _part(tc, lower, False)
        if not lower:
            c, t = adjoint(c), adjoint(t)
        right = right - np.matmul(t, np.matmul(adjoint(c), ans))
        right = right - np.matmul(c, np.matmul(adjoint(t), ans))
    return _cho_solve(x, right, lower)


def _cho_solve_vjp(g: Cotangent, x: Value, ans: Value, lower: bool) -> Cotangent:
    right = conjugate(_cho_solve(x, conjugate(g), lower))
    c = _part(x, lower, False)
    h, ans = _columns_of(right, ans)
    if lower:  # of L t^H + t L^H
        first = np.matmul(h, transpose(np.matmul(adjoint(c), ans)))
        second = np.matmul(ans, transpose(np.matmul(transpose(c), h)))
    else:
        first = np.matmul(np.matmul(conjugate(c), h), transpose(ans))
        second = np.matmul(np.matmul(c, ans), transpose(h))
    return -_part(first + conjugate(second), lower, False), right


cho_solve_p = leaf(
    _cho_solve,
    jvp=_cho_solve_jvp,
    vjp=_cho_solve_vjp,
    name="linalg.cho_solve",
    structure=Solve(),
)


@implements(linalg.cho_solve, arrays="b")
def cho_solve(c_and_lower: Any, b: Value) -> Any:
    """``scipy.linalg.cho_solve``: x with ``a x = b`` by a Cholesky factor c of a.

    Arguments: `c_and_lower`, the factor and whether it is lower; `b` (n,) or (n, k). The triangle
    of c that is not read has derivative 0.
    """
    c, lower = c_and_lower
    lower = bool(lower)
    return over_stack(
        lambda c, b: cho_solve_p(c, b, lower=lower), (as_array(c), 2), (b, min(np.ndim(b), 2))
    )


def _lu_solve(lu: Value, b: Value, trans: int) -> Any:
    """The solution with ``L U`` or its transpose, for packed factors without exchanges."""
    if is_box(lu) or is_box(b):
        return lu_solve_p(lu, b, trans=trans)
    return _linalg.lu_solve((lu, np.arange(len(lu))), b, trans, check_finite=not IN_RULE.get())


def _lower_times(lu: Value, x: Value, adjoint: bool = False) -> Any:
    low = np.tril(lu, -1)
    return x + np.matmul(transpose(low) if adjoint else low, x)


def _lu_solve_jvp(ts: Any, x: Value, ans: Value, trans: int) -> Tangent:
    tlu, tb = ts
    right: Any = 0.0 if tb is None else tb
    if tlu is not None:
        low, up = np.tril(tlu, -1), np.triu(tlu)
        if trans:
            right = right - np.matmul(transpose(np.triu(x)), np.matmul(transpose(low), ans))
            right = right - np.matmul(transpose(up), _lower_times(x, ans, True))
        else:
            right = right - np.matmul(low, np.matmul(np.triu(x), ans))
            right = right - _lower_times(x, np.matmul(up, ans))
    return _lu_solve(x, right, trans)


def _lu_solve_vjp(g: Cotangent, x: Value, ans: Value, trans: int) -> Cotangent:
    right = _lu_solve(x, g, 1 - trans)
    left, other = _columns_of(*((ans, right) if trans else (right, ans)))
    low = np.matmul(left, transpose(np.matmul(np.triu(x), other)))
    up = np.matmul(_lower_times(x, left, True), transpose(other))
    return -(np.tril(low, -1) + np.triu(up)), right


lu_solve_p = leaf(
    _lu_solve, jvp=_lu_solve_jvp, vjp=_lu_solve_vjp, name="linalg.lu_solve", structure=Solve()
)


@formula(linalg.lu_solve, arrays="b", close=np.inf)
def lu_solve(lu_and_piv: Any, b: Value, trans: int = 0) -> Any:
    """``scipy.linalg.lu_solve``: x with ``a x = b`` by the factors that `lu_factor` gives."""
    factors, pivots = lu_and_piv
    pivots = np.asarray(unbox(pivots))

    def solve_one(lu: Value, pivots: Any, b: Value) -> Any:
        order = permutation(pivots)
        if trans == 0:
            return lu_solve_p(lu, permuted(b, order, -np.ndim(b)), trans=0)
        ans = lu_solve_p(lu, conjugate(b) if trans == 2 else b, trans=1)
        ans = permuted(ans, np.argsort(order), -np.ndim(ans))
        return conjugate(ans) if trans == 2 else ans

    return over_stack(solve_one, (as_array(factors), 2), (pivots, 1), (b, min(np.ndim(b), 2)))


def permutation(pivots: Any) -> Any:
    """The order of rows that LAPACK's exchanges make."""
    order = np.arange(len(pivots))
    for i, other in enumerate(pivots):
        order[[i, other]] = order[[other, i]]
    return order


def _columns(c_or_cr: Any) -> tuple[Any, Any]:
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    return c, np.conj(c) if r is None else r


def _toeplitz_solve(c: Value, r: Value, b: Value) -> Any:
    if is_box(c) or is_box(r) or is_box(b):
        return toeplitz_solve_p(c, r, b)
    b = np.require(b, requirements="W")  # older releases of SciPy refuse what is locked
    return linalg.solve_toeplitz((c, r), b, check_finite=not IN_RULE.get())


def _toeplitz_jvp(ts: Any, x: Value, y: Value, z: Value, ans: Value) -> Tangent:
    tc, tr, tb = ts
    right: Any = 0.0 if tb is None else tb
    if tc is not None or tr is not None:
        tc = np.zeros(shape_of(x)) if tc is None else tc
        tr = np.zeros(shape_of(y)) if tr is None else tr
        tr = np.concatenate([tc[:1], tr[1:]])  # the first element of the row is not read
        right = right - np.matmul(toeplitz(tc, tr), ans)
    return _toeplitz_solve(x, y, right)


def _toeplitz_vjp(g: Cotangent, x: Value, y: Value, z: Value, ans: Value) -> Cotangent:
    right = _toeplitz_solve(np.concatenate([x[:1], y[1:]]), x, g)
    h, ans = _columns_of(right, ans)
    n = shape_of(x)[0]
    sums: Any = sum(np.convolve(h[:, k], ans[::-1, k]) for k in range(shape_of(h)[1]))
    of_row = np.concatenate([np.zeros(1), -sums[: n - 1][::-1]])
    return -sums[n - 1 :], of_row, right


toeplitz_solve_p = leaf(
    _toeplitz_solve, jvp=_toeplitz_jvp, vjp=_toeplitz_vjp, name="linalg.solve_toeplitz"
)


@formula(linalg.solve_toeplitz, arrays="b", close=np.inf)
def solve_toeplitz(c_or_cr: Any, b: Value) -> Any:
    """``scipy.linalg.solve_toeplitz``: x with ``a x = b`` for a Toeplitz matrix.

    Arguments: `c_or_cr`, the first column, or a pair of first column and first row; `b`, (n,) or
    (n, k).
    """
    c, r = map(as_array, _columns(c_or_cr))
    return over_stack(toeplitz_solve_p, (c, 1), (r, 1), (b, min(np.ndim(b), 2)))


@formula(linalg.matmul_toeplitz, arrays="x")
def matmul_toeplitz(c_or_cr: Any, x: Value) -> Any:
    """``scipy.linalg.matmul_toeplitz``: the product of a Toeplitz matrix with x."""
    return column_solve(np.matmul, toeplitz(*_columns(c_or_cr)), x)


@formula(linalg.solve_circulant, arrays="c b", close=np.inf)
def solve_circulant(
    c: Value, b: Value, singular: str = "raise", tol: Any = None, caxis: int = -1, baxis: int = 0,
    outaxis: int = 0, value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.solve_circulant``: x with ``a x = b`` for a circulant matrix, by Fourier
    transforms.

    Arguments: as SciPy's. Raises: numpy.linalg.LinAlgError for a singular matrix; the least squares
    solution that ``singular="lstsq"`` asks for has a derivative only where the matrix is regular.
    """
    c, b = np.moveaxis(c, caxis, -1), np.moveaxis(b, baxis, -1)
    spectrum = np.fft.fft(c)
    x = np.fft.ifft(np.fft.fft(b) / spectrum)
    return np.moveaxis(x if np.iscomplexobj(value) else np.real(x), -1, outaxis)


@formula(linalg.norm, arrays="a")
def norm(
    a: Value, ord: Any = None, axis: Any = None, keepdims: bool = False, value: Any = None
) -> Any:
    """``scipy.linalg.norm``: norms of vectors and matrices, with `numpy.linalg.norm`'s kinks."""
    if ord is None and axis is None and not keepdims and dtype_of(a) == np.float64:
        axes, found = tuple(range(-len(shape_of(a)), 0)), np.asarray(value)[()]
        options: Any = {"axis": axes, "keepdims": False, "options": {"flat": True}}
        return Kept(known_result(two_norm_p, found, a, **options))
    return np.linalg.norm(a, ord, axis, keepdims)
