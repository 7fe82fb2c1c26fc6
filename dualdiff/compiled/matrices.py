"""Small matrices on scalar tapes: triangles, factorisations, systems of equations, determinants.

Rows are exchanged by choices between numbers, so that one code serves every order of pivots. Where
NumPy raises an error, or a matrix is singular, the replay stops and the call is made eagerly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray
from scipy import linalg

from ..rules.numpy.directions import direction
from .nodes import Hole
from .reductions import reduction
from .tape import LARGEST, Lowering, Slots, Tape, Unsupported

LARGEST_PIVOTED, LARGEST_FACTOR = 8, 16  # rows up to which LAPACK is slower
_COPYING = ("constant", "edge", "reflect", "symmetric", "wrap")  # modes of ``numpy.pad``


def _square(x: ndarray, largest: int) -> int:
    """The number of rows of square matrices."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2] or not x.size:
        raise Unsupported("a matrix that is not square, or empty")
    if x.shape[-1] > largest or x.size * x.shape[-1] > LARGEST:
        raise Unsupported(f"matrices of the shape {x.shape}")
    return int(x.shape[-1])


def _check(lower: Lowering, name: str, slots: Slots, *others: Slots) -> None:
    """Stop the replay where a comparison with other numbers does not hold."""
    truth = lower.tape.apply(name, slots, *others) if others else slots
    for slot in [truth] if type(truth) is int else truth.ravel().tolist():
        lower.test("nonzero", lower.at, slot)


def _rows(x: ndarray, batch: tuple[int, ...]) -> list[list[Slots]]:
    """The elements of a matrix; in a stack, an element is an array with the shape of the batch."""
    if not batch:
        rows: list[list[Slots]] = x.tolist()
        return rows
    x = np.broadcast_to(x, (*batch, *x.shape[-2:]))
    return [[x[..., i, j] for j in range(x.shape[-1])] for i in range(x.shape[-2])]


def _eliminated(lower: Lowering, a: ndarray, b: ndarray) -> tuple[list[list[Slots]], Slots]:
    """The elements of ``[a b]`` after an elimination with exchanges of rows, and the sign of these.

    Elements below the diagonal are left as they are.
    """
    tape, n = lower.tape, a.shape[-1]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    apply = tape.apply if batch else tape.scalar
    rows = [left + right for left, right in zip(_rows(a, batch), _rows(b, batch), strict=True)]
    sign: Slots = np.full(batch, tape.one) if batch else tape.one
    for k in range(n):
        columns = range(k, len(rows[0]))
        top = rows[k]
        for i in range(k + 1, n):
            row, kept = rows[i], top
            swaps = apply("gt", apply("abs", row[k]), apply("abs", top[k]))
            rows[i], top = row[:k], kept[:k]
            rows[i] += [apply("where", swaps, kept[j], row[j]) for j in columns]
            top += [apply("where", swaps, row[j], kept[j]) for j in columns]
            sign = apply("where", swaps, apply("neg", sign), sign)
        _check(lower, "nonzero", top[k])
        rows[k] = top
        for i in range(k + 1, n):
            row = rows[i]
            factor = apply("div", row[k], top[k])
            products = [apply("mul", factor, top[j]) for j in columns[1:]]
            row[k + 1 :] = [
                apply("sub", row[j], p) for j, p in zip(columns[1:], products, strict=True)
            ]
    return rows, sign


def _substituted(tape: Tape, rows: list[list[Slots]], n: int) -> ndarray:
    """The solutions of eliminated rows, from the last."""
    batch = np.shape(rows[0][0])
    apply = tape.apply if batch else tape.scalar
    found: list[list[Slots]] = [[]] * n
    for i in reversed(range(n)):
        total = rows[i][n:]
        for j in range(i + 1, n):
            products = [apply("mul", rows[i][j], x) for x in found[j]]
            total = [apply("sub", t, p) for t, p in zip(total, products, strict=True)]
        found[i] = [apply("div", t, rows[i][i]) for t in total]
    return _matrix(found, batch)


def _matrix(rows: list[list[Slots]], batch: tuple[int, ...]) -> ndarray:
    """An array of elements that `_rows` gives."""
    made = np.array(rows, np.int64).reshape(len(rows), len(rows[0]), *batch)
    return np.moveaxis(made, (0, 1), (-2, -1)) if batch else made


def _operands(lower: Lowering, args: Any, leaves: Any) -> list[ndarray]:
    return [np.asarray(lower.given(a, leaves)) for a in args]


def _solve(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    if kwargs or len(args) != 2:
        raise Unsupported("options of solve")
    a, b = _operands(lower, args, leaves)
    n = _square(a, LARGEST_PIVOTED)
    right = b[:, None] if b.ndim == 1 else b
    rows, _ = _eliminated(lower, a, right)
    out = _substituted(lower.tape, rows, n)
    return out[..., 0] if b.ndim == 1 else out


def _inverse(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    (a,) = _operands(lower, args, leaves)
    n = _square(a, LARGEST_PIVOTED)
    rows, _ = _eliminated(lower, a, lower.tape.constants(np.eye(n)))
    return _substituted(lower.tape, rows, n)


def _determinants(lower: Lowering, args: Any, leaves: Any) -> tuple[Slots, list[Slots]]:
    """The signs of the orders of the pivots, and the pivots."""
    (a,) = _operands(lower, args, leaves)
    n = _square(a, LARGEST_PIVOTED)
    rows, sign = _eliminated(lower, a, np.zeros((n, 0), np.int64))
    return sign, [rows[i][i] for i in range(n)]


def _number(x: Slots) -> Slots:
    return int(x) if np.ndim(x) == 0 else x


def _determinant(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    total, pivots = _determinants(lower, args, leaves)
    for pivot in pivots:
        total = lower.tape.apply("mul", total, pivot)
    return total


def _log_determinant(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> tuple[Slots, ...]:
    tape = lower.tape
    sign, pivots = _determinants(lower, args, leaves)
    total: Slots = np.full(np.shape(sign), tape.zero) if np.shape(sign) else tape.zero
    for pivot in pivots:
        sign = tape.apply("mul", sign, tape.apply("sign", pivot))
        total = tape.apply("add", total, tape.apply("log", tape.apply("abs", pivot)))
    return sign, total


def _cholesky(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    upper = kwargs.get("upper", False)
    if kwargs.keys() - {"upper"} or len(args) != 1 or type(upper) is not bool:
        raise Unsupported("options of cholesky")
    (a,) = _operands(lower, args, leaves)
    tape, n = lower.tape, _square(a, LARGEST_FACTOR)
    batch = a.shape[:-2]
    apply = tape.apply if batch else tape.scalar
    rows = _rows(np.swapaxes(a, -1, -2) if upper else a, batch)
    zero: Slots = np.full(batch, tape.zero) if batch else tape.zero
    out = [[zero] * n for _ in range(n)]
    for j in range(n):
        column = [rows[i][j] for i in range(j, n)]
        for k in range(j):
            products = [apply("mul", out[i][k], out[j][k]) for i in range(j, n)]
            column = [apply("sub", c, p) for c, p in zip(column, products, strict=True)]
        _check(lower, "gt", column[0], tape.zero)
        root = out[j][j] = apply("sqrt", column[0])
        for i in range(j + 1, n):
            out[i][j] = apply("div", column[i - j], root)
    factor = _matrix(out, batch)
    return np.swapaxes(factor, -1, -2) if upper else factor


def _by_triangle(lower: Lowering, a: ndarray, b: ndarray, is_lower: bool) -> ndarray:
    """The solution with a triangular matrix."""
    scalar, n = lower.tape.scalar, len(a)
    rows, right = a.tolist(), (b if b.ndim > 1 else b[:, None]).tolist()
    found: dict[int, list[int]] = {}
    for i in range(n) if is_lower else reversed(range(n)):
        total = right[i]
        for j in sorted(found):
            products = [scalar("mul", rows[i][j], x) for x in found[j]]
            total = [scalar("sub", t, p) for t, p in zip(total, products, strict=True)]
        _check(lower, "nonzero", rows[i][i])
        found[i] = [scalar("div", t, rows[i][i]) for t in total]
    return np.array([found[i] for i in range(n)], np.int64).reshape(b.shape)


def _system(lower: Lowering, args: Any, leaves: Any) -> list[ndarray]:
    """A matrix and right-hand sides, not in stacks."""
    a, b = _operands(lower, args, leaves)
    _square(a, LARGEST_FACTOR)
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise Unsupported("stacks of triangular systems")
    return [a, b]


def _triangular(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    """SciPy's `solve_triangular`, as its rule calls it."""
    a, b = _system(lower, args, leaves)
    given = {k: v for k, v in kwargs.items() if k != "check_finite"}
    trans, is_lower = given.pop("trans", 0), given.pop("lower", False)
    if given.pop("unit_diagonal", False) or given or trans not in (0, 1):
        raise Unsupported("options of solve_triangular")
    return _by_triangle(lower, a.T if trans else a, b, bool(is_lower) != bool(trans))


def _cho_factor(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    (a,) = _operands(lower, args, leaves)
    rest = float(linalg.cho_factor(np.array([[2.0, 1.0], [1.0, 2.0]]))[0][1, 0])
    if rest not in (0.0, 1.0):
        raise Unsupported("what SciPy leaves beside a factor")
    factor = np.asarray(_cholesky(lower, args, {"upper": kwargs["upper"]}, leaves))
    part = (np.triu if kwargs["upper"] else np.tril)(np.ones(a.shape[-2:], bool))
    return np.where(part, factor, a if rest else lower.tape.zero)


def _cho_solve(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    c, b = _system(lower, args, leaves)
    c = c if kwargs["lower"] else c.T
    return _by_triangle(lower, c.T, _by_triangle(lower, c, b, True), False)


def _scipy_cholesky(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    return _cholesky(lower, args, {"upper": kwargs["upper"]}, leaves)


def _placed(function: Callable[..., Any]) -> Callable[..., Slots]:
    """A function of one array that copies its elements, or puts zeros."""
    return lambda lower, *call: lower.gathered(function, *call)


def _padded_array(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    mode = args[2] if len(args) > 2 else kwargs.get("mode", "constant")
    fill = kwargs.get("constant_values", 0)
    is_zero = type(fill) in (int, float) and fill == 0
    if kwargs.keys() - {"mode", "constant_values"} or mode not in _COPYING or not is_zero:
        raise Unsupported("options of pad")
    return lower.gathered(np.pad, args, kwargs, leaves)


def _trace(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    names = ("a", "offset", "axis1", "axis2", "dtype", "out")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    x = np.asarray(lower.given(given.pop("a"), leaves))
    if given.pop("dtype", None) is not None or given.pop("out", None) is not None:
        raise Unsupported("options of trace")
    if any(type(v) in (Hole, ndarray) for v in given.values()):
        raise Unsupported("a recorded axis")
    return _number(lower.tape.sum(np.diagonal(x, **given)))


def _norm(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    given = {**dict(zip(("x", "ord", "axis", "keepdims"), args, strict=False)), **kwargs}
    x = np.ravel(lower.given(given.pop("x"), leaves))
    if any(v is not None and v is not False for v in given.values()) or not x.size:
        raise Unsupported("options of norm")
    squares = lower.tape.apply("mul", x, x)
    return _number(lower.tape.apply("sqrt", lower.tape.reduce("add", np.asarray(squares))))


def _two_norm(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    if kwargs["options"].keys() - {"flat"}:
        raise Unsupported("options of norm")
    tape = lower.tape
    (x,) = _operands(lower, args, leaves)
    given = {"axis": kwargs["axis"], "keepdims": kwargs["keepdims"]}
    total = reduction(lower, "sum", (Hole(0),), given, [tape.apply("mul", x, x)])
    return tape.apply("sqrt", total)


def _direction(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    """A vector divided by its norm, as the rule of the norm computes it away from 0."""
    tape, axes = lower.tape, kwargs["axis"]
    (x,) = _operands(lower, args, leaves)
    ends = tuple(range(-len(axes), 0))
    moved = np.moveaxis(x, axes, ends)
    lines = moved.reshape(*moved.shape[: moved.ndim - len(axes)], -1)
    size = tape.reduce("max", np.asarray(tape.apply("abs", lines)))
    _check(lower, "nonzero", size)
    for slot in np.ravel(size):
        lower.test("finite", lower.at, int(slot))
    scaled = np.asarray(tape.apply("div", lines, np.asarray(size)[..., None]))
    total = tape.sum(np.asarray(tape.apply("mul", scaled, scaled)))
    out = tape.apply("div", scaled, np.asarray(tape.apply("sqrt", total))[..., None])
    return np.moveaxis(np.reshape(out, moved.shape), ends, axes)


HANDLERS: dict[Any, Callable[..., Any]] = {
    np.linalg.solve: _solve, np.linalg.inv: _inverse, np.linalg.det: _determinant,
    np.linalg.slogdet: _log_determinant, np.linalg.cholesky: _cholesky,
    np.trace: _trace, np.linalg.norm: _norm,
    direction: _direction,
    np.triu: _placed(np.triu), np.tril: _placed(np.tril), np.diag: _placed(np.diag),
    np.diagflat: _placed(np.diagflat), np.pad: _padded_array,
}  # fmt: skip
# By the names of primitives.
NAMED: dict[str, Callable[..., Any]] = {
    "two_norm": _two_norm, "trace": _trace,
    "linalg.cholesky": _scipy_cholesky, "linalg.cho_factor": _cho_factor,
    "linalg.cho_solve": _cho_solve, "linalg.solve_triangular": _triangular,
}  # fmt: skip
