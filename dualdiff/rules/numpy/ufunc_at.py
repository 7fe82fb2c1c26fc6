"""`ufunc.at` on traced arrays: unbuffered operations in place, where repeated indices count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...array.box import is_box, unbox
from ...array.dispatch import UFUNC_METHODS
from ...array.indexing import SCATTER
from ...array.stores import assign, freeze_index, refuse_plain_target, version_of
from ...core.batch import Shape, Spec, cast, flat_positions, get_batched, shape_of
from ...core.trace import freeze, materialize
from ...core.types import Cotangent, Tangent, Value
from ..declare import rule
from ..structures import AddAt


def _add_at(x: Value, y: Value, index: Any) -> Any:
    if is_box(x) or is_box(y):
        return add_at_p(x, y, index=index)
    out = x.copy()
    np.add.at(out, index, y)
    return out


def _add_at_jvp(ts: Sequence[Tangent], index: Any, ans_spec: Spec, batch: Shape) -> Tangent:
    tx, ty = ts
    added = 0 if ty is None else SCATTER(cast(ty, ans_spec.dtype), index=index, spec=ans_spec)
    return added if tx is None else tx + added


def _add_at_vjp(g: Cotangent, index: Any, batch: Shape) -> tuple[Any, Any]:
    return g, get_batched(g, index, batch)


add_at_p = rule(_add_at, jvp=_add_at_jvp, vjp=_add_at_vjp, name="add.at", structure=AddAt())


def _target(a: Value, indices: Any, b: Value) -> tuple[Any, Any]:
    """The frozen index, and `b` in the shape of the selection."""
    index = freeze_index(indices)
    shape = np.shape(unbox(a)[index])
    return index, b if shape_of(b) == shape else np.broadcast_to(b, shape)


def _at(ufunc: np.ufunc, at: Callable[..., None]) -> Callable[..., None]:
    def dispatched(a: Value, indices: Any, *b: Any) -> None:
        if is_box(a):
            at(a, indices, *b)
            return
        operands = [materialize(x) for x in b]
        if any(map(is_box, operands)):
            raise refuse_plain_target(a)
        ufunc.at(a, freeze_index(indices), *operands)

    return dispatched


def add_at(a: Value, indices: Any, b: Value) -> None:
    """``numpy.add.at``: ``a[indices] += b`` where repeated indices add up."""
    index, b = _target(a, indices, b)
    stored = False
    while not stored:  # again if another thread stores meanwhile
        version = version_of(a)
        stored = assign(a, ..., add_at_p(a, b, index=index), version)


def subtract_at(a: Value, indices: Any, b: Value) -> None:
    """``numpy.subtract.at``."""
    add_at(a, indices, np.negative(b))


def _ranks(positions: Any) -> Any:
    """For each position the number of its earlier occurrences."""
    order = np.argsort(positions, kind="stable")
    ordered = positions[order]
    first = np.searchsorted(ordered, ordered)
    ranks = np.empty(positions.shape, np.intp)
    ranks[order] = np.arange(positions.size) - first
    return ranks


def _repeated(ufunc: np.ufunc) -> Callable[..., None]:
    """``ufunc.at``: ``a[indices] = ufunc(a[indices], b)``, once for each repeat of an index."""

    def at(a: Value, indices: Any, *b: Any) -> None:
        operand: Any = None
        index, operand = _target(a, indices, *b) if b else (_target(a, indices, 0.0)[0], None)
        operand = freeze(materialize(operand)) if b else None  # the stores may reach it
        positions = flat_positions(a.shape, index)
        flat = positions.ravel()
        ranks = _ranks(flat)
        if not ranks.size or not np.max(ranks):
            a[index] = ufunc(a[index], operand) if b else ufunc(a[index])
            return
        values: Any = np.reshape(operand, -1) if b else None
        for rank in range(int(np.max(ranks)) + 1):
            chosen = ranks == rank
            once = np.unravel_index(flat[chosen], a.shape)
            a[once] = ufunc(a[once], values[chosen]) if b else ufunc(a[once])

    return at


UFUNC_METHODS[np.add, "at"] = _at(np.add, add_at)
UFUNC_METHODS[np.subtract, "at"] = _at(np.subtract, subtract_at)
for _ufunc in vars(np).values():
    if not isinstance(_ufunc, np.ufunc) or (_ufunc, "at") in UFUNC_METHODS:
        continue
    if _ufunc.signature is None and _ufunc.nin <= 2 and _ufunc.nout == 1:
        UFUNC_METHODS[_ufunc, "at"] = _at(_ufunc, _repeated(_ufunc))
