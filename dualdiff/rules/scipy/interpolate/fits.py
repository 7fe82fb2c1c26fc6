"""Splines through or near data: interpolating, least-squares and smoothing splines.

Coefficients solve banded systems, on traced abscissas, data, weights and knots.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate

from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.creation import asarray, from_nested, given
from ..arguments import by_scipy, holds_traced, plain
from ..dispatch import implements
from ..in_place import original_of
from ..linalg.banded import solve_banded
from . import knots
from .polynomials import part


def made(spline: Any, t: Value, c: Value) -> Any:
    """SciPy's spline with the derivatives of traced knots and coefficients."""
    holder = getattr(spline, "_delegate_to", spline)
    for name, x in (("t", t), ("c", c)):
        value = part(holder, name)
        x = given(np.reshape(x, value.shape), value) if holds_traced(x) else value
        setattr(holder, f"_{name}" if hasattr(holder, f"_{name}") else name, x)
    if hasattr(spline, "_asarray"):
        spline._asarray = asarray
    return spline


def banded(rows: list[tuple[Any, Any, Any]], n: int) -> tuple[Any, int, int]:
    """The banded form of a square matrix, and the numbers of its diagonals below and above.

    `rows` has entries (r, k + 1), the plain first column of each, and the plain row number of each.
    """
    first = np.concatenate([f for _, f, _ in rows])
    number = np.concatenate([i for _, _, i in rows])
    entries = np.concatenate([e for e, _, _ in rows])
    column = first[:, None] + np.arange(shape_of(entries)[1])
    offset = column - number[:, None]
    lower, upper = max(0, -int(offset.min())), max(0, int(offset.max()))
    place = (upper - offset) * n + column
    return scattered(entries, place, (lower + upper + 1, n)), lower, upper


def scattered(entries: Value, place: Any, shape: tuple[int, ...]) -> Any:
    """An array of zeros but for entries at distinct flat places."""
    size = int(np.prod(shape))
    source = np.full(size, place.size)
    source[place.ravel()] = np.arange(place.size)
    flat = np.concatenate([np.ravel(entries), np.zeros(1)])
    return np.reshape(flat[source], shape)


def solved(rows: list[tuple[Any, Any, Any]], right: Value) -> Any:
    """The solution of a square banded system, for a right side (n, e)."""
    ab, lower, upper = banded(rows, shape_of(right)[0])
    return solve_banded((lower, upper), ab, right)


def least_squares(entries: Value, first: Any, n: int, right: Value, weights: Value) -> Any:
    """Coefficients (n, e) that minimise ``sum((weights * (A c - right))**2)``, A given by rows."""
    weighted = entries * weights[:, None]
    width = shape_of(entries)[1]
    column = first[:, None] + np.arange(width)
    # The normal equations, by diagonals: rows of A contribute products of two of their entries.
    diagonals = []
    for d in range(width):
        products = weighted[:, : width - d] * weighted[:, d:]
        diagonals.append(_summed(products[..., None], column[:, : width - d], n)[:, 0])
    ab = [_later(diagonals[d], d) for d in range(width - 1, 0, -1)] + diagonals
    right = (weights[:, None] * right)[:, None, :] * weighted[:, :, None]
    return solve_banded((width - 1, width - 1), np.stack(ab), _summed(right, column, n))


def _later(diagonal: Value, d: int) -> Any:
    return np.concatenate([np.zeros(d), diagonal[: shape_of(diagonal)[0] - d]])


def _summed(entries: Value, column: Any, n: int) -> Any:
    """Sums of entries (r, w, e) by their columns: (n, e)."""
    order = np.argsort(column.ravel(), kind="stable")
    flat = np.reshape(entries, (-1, shape_of(entries)[-1]))[order]
    ends = np.searchsorted(column.ravel()[order], np.arange(n + 1))
    sums = np.concatenate([np.zeros((1, shape_of(flat)[1])), np.cumsum(flat, axis=0)])
    return sums[ends[1:]] - sums[ends[:-1]]


def _conditions(side: Any, shape: tuple[int, ...]) -> list[tuple[int, Any]]:
    """Boundary conditions as pairs of an order and a value."""
    if side is None:
        return []
    if isinstance(side, str):
        return [({"clamped": 1, "natural": 2}[side], np.zeros(shape))]
    return [(int(order), asarray(value)) for order, value in side]


def chosen_knots(x: Value, k: int, is_free: bool = True) -> Any:
    """The knots that SciPy chooses for data at x."""
    if not is_free:
        return np.concatenate([_repeated(x[0], k), x, _repeated(x[-1], k)])
    middle = x if k % 2 else (x[1:] + x[:-1]) / 2
    skip = (k + 1) // 2 if k % 2 else k // 2
    middle = middle[skip : shape_of(middle)[0] - skip]
    return np.concatenate([_repeated(x[0], k + 1), middle, _repeated(x[-1], k + 1)])


def _repeated(x: Value, count: int) -> Any:
    return np.broadcast_to(x, (count,))


_interp = original_of(interpolate.make_interp_spline)


@implements(interpolate.make_interp_spline)
def make_interp_spline(
    x: Value, y: Value, k: int = 3, t: Value = None, bc_type: Any = None, axis: int = 0
) -> Any:
    """``scipy.interpolate.make_interp_spline``: the spline through data, by the data, abscissas,
    knots and boundary values.

    Knots that SciPy chooses move with the abscissas.

    >>> import numpy as np, dualdiff as dd
    >>> x = np.arange(5.0)
    >>> f = lambda y: dd.scipy.interpolate.make_interp_spline(x, y, k=1)(1.25)
    >>> dd.grad(f)(np.ones(5))
    array([0.  , 0.75, 0.25, 0.  , 0.  ])
    """
    spline = by_scipy(_interp, *map(plain, (x, y)), k, plain(t), plain(bc_type), axis)
    x, y = asarray(x) * 1.0, np.moveaxis(asarray(y) * 1.0, axis, 0)
    rest = shape_of(y)[1:]
    if k == 0 or (k == 1 and t is None):
        ends = (x, x[-1:]) if k == 0 else (x[:1], x, x[-1:])
        return made(spline, np.concatenate(ends), y)
    if isinstance(bc_type, str) and bc_type == "periodic":
        return _periodic(spline, x, y, k)
    if bc_type is None or isinstance(bc_type, str):
        bc_type = None if bc_type == "not-a-knot" else bc_type
        bc_type = (bc_type, bc_type)
    left, right = (_conditions(side, rest) for side in bc_type)
    t = chosen_knots(x, k, not left and not right) if t is None else asarray(t) * 1.0
    n = shape_of(t)[0] - k - 1
    rows, sides = [], []
    for conditions, end, start in ((left, x[:1], 0), (right, x[-1:], n - len(right))):
        for i, (order, value) in enumerate(conditions):
            rows.append((*knots.design_rows(t, k, end, order), np.array([start + i])))
            sides.append((start + i, np.reshape(value, (1, -1))))
    columns = np.reshape(y, (shape_of(y)[0], -1))
    rows.append((*knots.design_rows(t, k, x), np.arange(shape_of(x)[0]) + len(left)))
    parts = [v for i, v in sides if i < len(left)]
    parts = [*parts, columns, *(v for i, v in sides if i >= len(left))]
    return made(spline, t, solved(rows, np.concatenate(parts)))


def _periodic(spline: Any, x: Value, y: Value, k: int) -> Any:
    """Periodic knots, and coefficients that repeat after a period."""
    n = shape_of(x)[0] - 1
    inner = x if k % 2 else np.concatenate([x[:1], (x[1:-1] + x[:-2]) / 2, x[-1:]])
    step = inner[1:] - inner[:-1]
    lower, upper = [inner[0]], [inner[-1]]
    for i in range(k):
        lower.append(lower[-1] - step[-(i % n) - 1])
        upper.append(upper[-1] + step[i % n])
    t = np.concatenate([from_nested(lower[:0:-1]), inner, from_nested(upper[1:])])
    entries, first = knots.design_rows(t, k, x[:-1])
    column = (first[:, None] + np.arange(k + 1)) % n
    matrix: Any = np.zeros((n, n))
    for j in range(k + 1):
        place = np.arange(n) * n + column[:, j]
        matrix = matrix + scattered(entries[:, j], place, (n, n))
    c = np.linalg.solve(matrix, np.reshape(y[:-1], (n, -1)))
    return made(spline, t, c[np.arange(n + k) % n])


_lsq = original_of(interpolate.make_lsq_spline)


@implements(interpolate.make_lsq_spline)
def make_lsq_spline(
    x: Value, y: Value, t: Value, k: int = 3, w: Value = None, axis: int = 0, **options: Any
) -> Any:
    """``scipy.interpolate.make_lsq_spline``: the spline on given knots nearest to data, by the
    data, abscissas, weights and knots."""
    spline = by_scipy(_lsq, *map(plain, (x, y, t)), k, plain(w), axis, **options)
    x, t, y = asarray(x) * 1.0, asarray(t) * 1.0, np.moveaxis(asarray(y) * 1.0, axis, 0)
    weights = np.ones(shape_of(x)) if w is None else asarray(w)
    entries, first = knots.design_rows(t, k, x)
    columns = np.reshape(y, (shape_of(y)[0], -1))
    n = shape_of(t)[0] - k - 1
    return made(spline, t, least_squares(entries, first, n, columns, weights))


_smoothing = original_of(interpolate.make_smoothing_spline)
