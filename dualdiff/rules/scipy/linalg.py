"""`scipy.linalg` on traced arrays: its whole namespace, with rules for the functions below.

The other functions raise an error for a traced array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from ...array.box import is_box, unbox
from ...core.batch import cast, dtype_of, shape_of
from ...core.types import Cotangent, Tangent, Value
from ..numpy.common import laid_out
from ..numpy.manipulation import as_operand
from ..structures import Solve
from .dispatch import as_array, implements
from .leaves import leaf

__all__ = ["block_diag", "expm", "solve_banded", "solve_sylvester", "solve_triangular", "sqrtm"]


def _frechet(a: Value, e: Any) -> Any:
    """The derivative of expm at a in the direction e (Higham, Functions of Matrices, 2008,
    eq. 3.16)."""
    n = shape_of(a)[0]
    zero = np.zeros((n, n))
    return expm(np.block([[a, e], [zero, a]]))[:n, n:]


expm_p = leaf(
    linalg.expm,
    jvp=lambda t, x: _frechet(x, t),
    vjp=lambda g, x: _frechet(np.transpose(x), g),
    name="linalg.expm",
)


@implements(linalg.expm, arrays="A")
def expm(A: Any) -> Any:
    """``scipy.linalg.expm``, the exponential of a square matrix.

    Arguments: `A`, of shape (n, n), real or complex. Returns: an array of the same shape.
    Raises: ValueError if A is not one square matrix.

    >>> import numpy as np, dualdiff as dd
    >>> dd.derivative(lambda t: dd.scipy.linalg.expm(t * np.diag([1.0, 2.0])))(0.0)
    array([[1., 0.],
           [0., 2.]])
    """
    if np.ndim(A) != 2 or shape_of(A)[0] != shape_of(A)[1]:
        raise ValueError(f"expm of a traced array needs one square matrix, not shape {shape_of(A)}")
    return expm_p(A)


def _sylvester_jvp(ts: Any, x: Value, y: Value, ans: Value) -> Tangent:
    ta, tb, tq = ts
    right: Any = 0.0 if tq is None else tq
    if ta is not None:
        right = right - np.matmul(ta, ans)
    if tb is not None:
        right = right - np.matmul(ans, tb)
    return solve_sylvester(x, y, right)


def _sylvester_vjp(g: Cotangent, x: Value, y: Value, ans: Value) -> Cotangent:
    h = solve_sylvester(np.transpose(x), np.transpose(y), g)
    return -np.matmul(h, np.transpose(ans)), -np.matmul(np.transpose(ans), h), h


sylvester_p = leaf(
    lambda x, y, z: linalg.solve_sylvester(*_of_one_dtype(x, y, z)),
    jvp=_sylvester_jvp,
    vjp=_sylvester_vjp,
    name="linalg.solve_sylvester",
)


def solve_sylvester(a: Value, b: Value, q: Any) -> Any:
    """``scipy.linalg.solve_sylvester``: x with ``a x + x b = q``.

    Arguments: `a` (m, m), `b` (n, n), `q` (m, n). Returns: an array of shape (m, n).
    Raises: numpy.linalg.LinAlgError if there is no unique solution.
    Complex numbers: real operands next to complex ones become complex first; SciPy 1.17 does not
    do this, and gives a wrong result.

    >>> import numpy as np, dualdiff as dd
    >>> one = np.eye(1)
    >>> dd.jacobian(dd.scipy.linalg.solve_sylvester, 2)(one, one, one).ravel()
    array([0.5])
    """
    return _sylvester(*_of_one_dtype(*map(as_array, (a, b, q))))


@implements(linalg.solve_sylvester, arrays="a b q")
def _sylvester(a: Value, b: Value, q: Any) -> Any:
    return sylvester_p(*_of_one_dtype(a, b, q))


def _of_one_dtype(*operands: Any) -> tuple[Any, ...]:
    dtypes = {dtype_of(x) for x in operands}
    if len(dtypes) > 1 and any(d.kind == "c" for d in dtypes):
        return tuple(cast(x, np.result_type(*dtypes)) for x in operands)
    return operands


sqrtm_p = leaf(
    linalg.sqrtm,
    jvp=lambda t, ans: solve_sylvester(ans, ans, t),
    vjp=lambda g, ans: solve_sylvester(np.transpose(ans), np.transpose(ans), g),
    name="linalg.sqrtm",
)


@implements(linalg.sqrtm, arrays="A")
def sqrtm(A: Any) -> Any:
    """``scipy.linalg.sqrtm``, the principal square root of a matrix.

    Arguments: `A`, of shape (n, n), without eigenvalues on the negative real axis or 0.
    Returns: an array of the same shape.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda A: np.trace(dd.scipy.linalg.sqrtm(A)))(np.diag([4.0, 9.0]))
    array([[0.25      , 0.        ],
           [0.        , 0.16666667]])
    """
    return sqrtm_p(A)


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
    return solve_triangular(x, right, trans, lower, unit_diagonal)


def _triangular_vjp(
    g: Cotangent, x: Value, ans: Value, trans: int, lower: bool, unit_diagonal: bool
) -> Cotangent:
    if trans == 2:  # the transpose of the adjoint is the conjugate
        right = np.conjugate(solve_triangular(x, np.conjugate(g), 0, lower, unit_diagonal))
    else:
        right = solve_triangular(x, g, 1 - trans, lower, unit_diagonal)
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
    return triangular_p(
        a,
        b,
        trans=_TRANS.get(trans, trans),
        lower=bool(lower),
        unit_diagonal=bool(unit_diagonal),
    )


@implements(linalg.block_diag)
def block_diag(*arrs: Any) -> Any:
    """``scipy.linalg.block_diag``: a matrix with other matrices along its diagonal.

    Arguments: matrices, vectors (which count as rows) and numbers. Returns: a matrix.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda x: np.sum(dd.scipy.linalg.block_diag(x, 2 * x)))(1.0)
    3.0
    """
    blocks = [np.atleast_2d(as_operand(a)) for a in arrs]
    linalg.block_diag(*(unbox(b) if is_box(b) else b for b in blocks))  # SciPy checks the arguments
    width = sum(shape_of(b)[1] for b in blocks)
    rows, start = [], 0
    for block in blocks:
        after = width - start - shape_of(block)[1]
        rows.append(np.pad(block, [(0, 0), (start, after)]))
        start += shape_of(block)[1]
    return laid_out(np.concatenate(rows))


from .linalg_systems import solve_banded  # noqa: E402  # rules that belong to this module
