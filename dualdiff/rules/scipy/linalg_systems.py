"""More of `scipy.linalg`: systems with a banded matrix.

Loaded together with `dualdiff.scipy.linalg`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from ...core.batch import shape_of
from ...core.types import Cotangent, Tangent, Value
from .dispatch import implements
from .leaves import leaf


def _transposed(ab: Any, lower: int, upper: int) -> Any:
    """The transpose of a banded matrix, in the same form with `lower` and `upper` exchanged."""
    rows = [np.roll(ab[upper + d], d, axis=-1) for d in range(-upper, lower + 1)]
    return np.stack(rows[::-1])


def _shifted(a: Value, d: int) -> Any:
    """``b[j + d] = a[j]`` along the first axis, with zeros at the other places."""
    n = shape_of(a)[0]
    if abs(d) >= n:
        return 0.0 * a
    rest = [(0, 0)] * (np.ndim(a) - 1)
    return np.pad(a[: n - d], [(d, 0), *rest]) if d >= 0 else np.pad(a[-d:], [(0, -d), *rest])


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
    if shape_of(ab) != (lower + upper + 1, shape_of(b)[0]):
        raise ValueError(
            f"solve_banded with {lower} diagonals below and {upper} above needs ab of shape "
            f"{(lower + upper + 1, shape_of(b)[0])}, not {shape_of(ab)}"
        )
    return banded_p(ab, b, lower=lower, upper=upper)
