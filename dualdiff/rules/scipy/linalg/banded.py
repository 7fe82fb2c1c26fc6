"""Systems with a banded matrix, and Cholesky factors of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from scipy import linalg

from ....core.batch import dtype_of, shape_of
from ....core.types import Cotangent, Tangent, Value
from ...numpy.linalg.matrices import conjugate
from ..arguments import as_array
from ..dispatch import implements
from ..formulas import formula
from ..leaves import leaf
from .eigenvalues import from_band
from .stacks import over_stack

# Before SciPy 1.15 all axes of a right-hand side but the first count its columns.
NO_STACKS = np.lib.NumpyVersion(scipy.__version__) < "1.15.0"


def _transposed(ab: Any, lower: int, upper: int) -> Any:
    """The transpose of a banded matrix, in the same form with `lower` and `upper` exchanged."""
    rows = [np.roll(ab[upper + d], d, axis=-1) for d in range(-upper, lower + 1)]
    return np.stack(rows[::-1])


def _shifted(a: Value, d: int) -> Any:
    """``b[j + d] = a[j]`` along the first axis, with zeros at the other places."""
    n, *rest = shape_of(a)
    if d == 0:
        return a
    if abs(d) >= n:
        return 0.0 * a
    zeros = np.zeros((abs(d), *rest), dtype_of(a))
    return np.concatenate([zeros, a[: n - d]] if d > 0 else [a[-d:], zeros])


def _product(ab: Any, x: Value, lower: int, upper: int) -> Any:
    """The product of a banded matrix with a vector or a matrix."""
    column = (slice(None),) + (None,) * (np.ndim(x) - 1)
    return sum(_shifted(ab[upper + d][column] * x, d) for d in range(-upper, lower + 1))


def _banded_jvp(ts: Any, x: Value, ans: Value, lower: int, upper: int) -> Tangent:
    ta, tb = ts
    right: Any = 0.0 if tb is None else tb
    if ta is not None:
        right = right - _product(ta, ans, lower, upper)
    return solve_banded((lower, upper), x, right)


def _banded_vjp(g: Cotangent, x: Value, ans: Value, lower: int, upper: int) -> Cotangent:
    h = solve_banded((upper, lower), _transposed(x, lower, upper), g)
    rows = [-(_shifted(h, -d) * ans) for d in range(-upper, lower + 1)]
    if np.ndim(ans) > 1:
        rows = [np.sum(row, axis=-1) for row in rows]
    return np.stack(rows), h


banded_p = leaf(
    lambda x, y, lower, upper: linalg.solve_banded((lower, upper), x, y),
    jvp=_banded_jvp,
    vjp=_banded_vjp,
    name="linalg.solve_banded",
)


@implements(linalg.solve_banded, arrays="ab b")
def solve_banded(l_and_u: Any, ab: Any, b: Value) -> Any:
    """``scipy.linalg.solve_banded``: x with ``a x = b`` for a banded matrix a.

    Arguments: `l_and_u`, the numbers of diagonals below and above the main one; `ab`, of shape
    ``(l + u + 1, n)``, with ``ab[u + i - j, j] == a[i, j]``; `b` (n,) or (n, k).
    Returns: an array of the shape of b. Entries of `ab` outside the matrix have derivative 0.
    Raises: numpy.linalg.LinAlgError if a is singular.

    >>> import numpy as np, dualdiff as dd
    >>> ab = np.array([[0.0, 1.0], [2.0, 4.0]])
    >>> dd.jacobian(lambda b: dd.scipy.linalg.solve_banded((0, 1), ab, b))(np.ones(2))
    array([[ 0.5  , -0.125],
           [ 0.   ,  0.25 ]])
    """
    lower, upper = map(int, l_and_u)
    if NO_STACKS and np.ndim(b) > 2:
        columns = np.reshape(b, (shape_of(b)[0], -1))
        return np.reshape(solve_banded(l_and_u, ab, columns), shape_of(b))
    size = shape_of(b)[-2 if len(shape_of(b)) > 1 else -1]
    if shape_of(ab)[-2:] != (lower + upper + 1, size):
        raise ValueError(
            f"solve_banded with {lower} diagonals below and {upper} above needs ab of shape "
            f"{(lower + upper + 1, size)}, not {shape_of(ab)}"
        )
    return over_stack(
        lambda ab, b: banded_p(ab, b, lower=lower, upper=upper), (ab, 2), (b, min(np.ndim(b), 2))
    )


def _lower_band(ab: Value, lower: bool) -> Any:
    """The diagonals of a Hermitian matrix or of a factor, as they stand below the main one."""
    if lower:
        return ab
    count = shape_of(ab)[0]
    rows = [np.pad(np.conj(ab[count - 1 - d, d:]), (0, d)) for d in range(count)]
    return np.stack(rows)


def _upper_band(below: Value) -> Any:
    """The diagonals of the adjoint of a lower band matrix, as they stand above the main one."""
    count, n = shape_of(below)
    rows = [np.pad(np.conj(below[d, : n - d]), (d, 0)) for d in range(count - 1, -1, -1)]
    return np.stack(rows)


def _sum_of_columns(x: Value) -> Any:
    return np.sum(x, axis=-1) if np.ndim(x) > 1 else x


def _positive_product(below: Any, x: Value) -> Any:
    """The product of a Hermitian matrix, by its diagonals from the main one on, with x."""
    column = (slice(None),) + (None,) * (np.ndim(x) - 1)
    total = np.real(below[0])[column] * x
    for d in range(1, shape_of(below)[0]):
        line = below[d][column]
        total = total + _shifted(line * x, d) + np.conj(line) * _shifted(x, -d)
    return total


def _positive_jvp(ts: Any, x: Value, ans: Value, lower: bool) -> Tangent:
    ta, tb = ts
    right: Any = 0.0 if tb is None else tb
    if ta is not None:
        right = right - _positive_product(_lower_band(ta, lower), ans)
    return solveh_banded(x, right, lower=lower)


def _positive_vjp(g: Cotangent, x: Value, ans: Value, lower: bool) -> Cotangent:
    h = conjugate(solveh_banded(x, conjugate(g), lower=lower))  # the transpose is the conjugate
    count, n = shape_of(x)
    rows = []
    for d in range(count):
        size = max(n - d, 0)
        line = h[n - size :] * ans[:size]
        if d:
            line = line + conjugate(h[:size] * ans[n - size :])
        line = -_sum_of_columns(line if d else np.real(line))
        rows.append(np.pad(line if lower else conjugate(line), (0, d) if lower else (d, 0)))
    return np.stack(rows if lower else rows[::-1]), h


positive_banded_p = leaf(
    lambda x, y, lower: linalg.solveh_banded(x, y, lower=lower),
    jvp=_positive_jvp,
    vjp=_positive_vjp,
    name="linalg.solveh_banded",
)


@implements(linalg.solveh_banded, arrays="ab b")
def solveh_banded(ab: Value, b: Value, lower: bool = False) -> Any:
    """``scipy.linalg.solveh_banded``: x with ``a x = b`` for a positive definite band matrix.

    Arguments: `ab`, the diagonals of one triangle; `b` (n,) or (n, k); `lower`, which triangle.
    """
    return over_stack(
        lambda ab, b: positive_banded_p(ab, b, lower=bool(lower)),
        (ab, 2), (b, min(np.ndim(b), 2)),
    )  # fmt: skip


@formula(linalg.cholesky_banded, arrays="ab")
def cholesky_banded(ab: Value, lower: bool = False, value: Any = None) -> Any:
    """``scipy.linalg.cholesky_banded``: the Cholesky factor of a band matrix, a band too."""

    def one(ab: Value, value: Any) -> Any:
        count = shape_of(ab)[0]
        factor = np.linalg.cholesky(from_band(ab, bool(lower)))
        rows = []
        for i in range(count):
            d = i if lower else count - 1 - i
            line = np.diagonal(factor, -d)
            rows.append(np.pad(line, (0, d)) if lower else np.pad(np.conj(line), (d, 0)))
        # LAPACK leaves the corners as they are.
        kept = np.stack(rows)
        return kept + np.where(_corners(count, shape_of(ab)[1], bool(lower)), ab, 0.0)

    return over_stack(one, (ab, 2), (value, 2))


def _corners(count: int, n: int, lower: bool) -> Any:
    """The elements of a stored band that lie outside the matrix."""
    i, j = np.indices((count, n))
    return i + j >= n if lower else i + j < count - 1


@formula(linalg.cho_solve_banded, arrays="b", close=np.inf)
def cho_solve_banded(cb_and_lower: Any, b: Value) -> Any:
    """``scipy.linalg.cho_solve_banded``: x with ``a x = b`` by a factor that `cholesky_banded`
    gives."""
    factor, lower = as_array(cb_and_lower[0]), cb_and_lower[1]

    def one(factor: Value, b: Value) -> Any:
        below = _lower_band(factor, lower)
        count = shape_of(below)[0] - 1
        half = banded_p(below, b, lower=count, upper=0)
        return banded_p(_upper_band(below), half, lower=0, upper=count)

    return over_stack(one, (factor, 2), (b, min(np.ndim(b), 2)))
