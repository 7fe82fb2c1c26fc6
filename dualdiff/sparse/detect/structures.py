"""What a primitive's `structure` says: which elements of a result depend on which of the operands.

| structure | an element of the result depends on |
|---|---|
| "elementwise" | the elements in its place, of operands that broadcast |
| "gather" | the one element that it is a copy of (or none): found by running `fn` on labels |
| "scatter" | the elements of operand 0 that are added at its place, by the parameter `index` |
| "bins" | the elements of operand 0 whose entry in the parameter `positions` names its place |
| "add at" | the element in its place, and those of operand 1 that are added there |
| "reduction" | all elements along the axes of the parameter `axis` |
| "cumulative" | its own and all earlier elements along the parameter `axis` |
| "axis" | all elements along the parameter `axis` |
| "segments" | all elements of its run along the last axis, from one of `starts` to the next |
| "trace" | the diagonal that is summed |
| "matmul" | products of matrices and vectors; zeros of a constant operand are left out |
| "cross" | the other two components, of vectors of three |
| "solve" | all elements of its system of equations, and of its right-hand side |
| "einsum" | a product by the parameter `subscripts` or `labels`, likewise |
| "convolution", "correlation" | those that meet there, in one or more dimensions, likewise |
| "sparse product" | the product of a constant sparse `matrix` and operand 0 |
| "sparse matmul" | the product of a sparse matrix with values and `layout`, and a dense one |
| "sampled product" | a row of each operand: those of an entry of `layout` |
| "...ij->...kl" | all elements whose labels are not in the result, as in an Einstein sum |
| "dense" | everything |

What is not known counts as dense.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.indexing import GETITEM
from ...core.batch import Shape, ndim_selected, shape_of
from . import products, sparse_products
from .patterns import (
    Pattern,
    nothing,
    one_table,
    over_axes,
    over_groups,
    running,
    scattered,
    union_of,
    whole,
)
from .use import NotKnown, Result, Use


def _elementwise(use: Use) -> Result:
    constant = [_is_zero(d) for d in getattr(use.prim, "derivatives", ())]
    patterns = use.patterns
    if any(constant):
        patterns = [None if z else p for p, z in zip(patterns, constant, strict=True)]
    used = [p for p in patterns if p is not None]
    if not used:
        return [nothing(shape, use.columns) for shape in use.shapes]
    try:
        return [union_of(used, shape) for shape in use.shapes]
    except ValueError:
        raise NotKnown from None


def _is_zero(derivative: Any) -> bool:
    return isinstance(derivative, (int, float)) and derivative == 0


def _gather(use: Use) -> Result:
    table, given = one_table(use.traced)
    supply = iter(given)
    labels = [
        np.zeros(shape_of(a), np.intp) if p is None else next(supply)
        for a, p in zip(use.args, use.patterns, strict=True)
    ]
    labels = [x[()] for x in labels]
    params = {k: _without_values(k, v) for k, v in use.params.items()}

    def run(shift: int | None) -> ndarray:
        moved = [
            x if p is None else x * 0 if shift is None else x + shift
            for x, p in zip(labels, use.patterns, strict=True)
        ]
        try:
            return np.asarray(use.prim.fn(*moved, **params))
        except (TypeError, ValueError) as error:  # a user's function that refuses integers
            raise NotKnown from error

    found = run(0)
    is_view = any(np.may_share_memory(found, x) for x in given)
    if not is_view and use.prim is not GETITEM:
        # Copies move with their labels, and what is filled in stays: whatever does neither is no
        # copy of one element.
        empty, shift = run(None), len(table)
        copied, filled = (run(shift) - found == shift) & (empty == 0), found == empty
        if found.dtype.kind != "i" or not np.all(copied | filled):
            raise NotKnown
        found = np.where(copied, found, 0)
    if found.shape != use.shapes[0] or found.dtype.kind != "i":
        raise NotKnown
    if is_view:
        found = found.copy(order="K")  # labels that a store may change in place
    return [Pattern(found, table)]


def _without_values(name: str, v: Any) -> Any:
    """A parameter without the numbers that it would fill in, and without a dtype for the result."""
    if name == "dtype":
        return None
    number = isinstance(v, (float, complex)) or getattr(getattr(v, "dtype", None), "kind", "") in (
        "f",
        "c",
    )
    return np.zeros(np.shape(v), np.intp) if number else v


def _positions(use: Use) -> tuple[Shape, ndarray]:
    """The places of the result's elements that an index selects, and the result's own shape."""
    shape = use.params["spec"].shape if "spec" in use.params else use.shapes[0]
    size = int(np.prod(shape))
    return shape, np.asarray(np.arange(size).reshape(shape)[use.params["index"]])


def _scatter(use: Use) -> Result:
    shape, positions = _positions(use)
    p = use.only
    lead = p.shape[: len(p.shape) - ndim_selected(shape, use.params["index"])]
    size, directions = int(np.prod(shape)), int(np.prod(lead))
    offsets = size * np.arange(directions).reshape(lead + (1,) * positions.ndim)
    targets = np.broadcast_to(offsets + positions, p.shape)
    made = scattered(p, targets, size * directions)
    return [Pattern(made.labels.reshape(use.shapes[0]), made.sets)]


def _bins(use: Use) -> Result:
    """Flat places, negative for elements that are left out."""
    p, positions = use.only, np.ravel(use.params["positions"])
    counted = positions >= 0
    size = int(np.prod(use.shapes[0]))
    made = scattered(Pattern(np.ravel(p.labels)[counted], p.sets), positions[counted], size)
    return [_reshaped(made, use.shapes[0])]


def _add_at(use: Use) -> Result:
    x, y = use.patterns
    shape, positions = _positions(use)
    parts = [] if x is None else [x]
    if y is not None:
        made = scattered(y.broadcast(positions.shape), positions, int(np.prod(shape)))
        parts.append(Pattern(made.labels.reshape(shape), made.sets))
    return [union_of(parts, shape)]


def _reduction(use: Use) -> Result:
    shape = np.broadcast_shapes(*map(shape_of, use.args))
    p, axis = union_of(use.traced, shape), use.params["axis"]
    axes = range(len(shape)) if axis is None else (axis,) if type(axis) is int else axis
    return [_reshaped(over_axes(p, tuple(axes)), use.shapes[0])]


def _reshaped(p: Pattern, shape: Shape) -> Pattern:
    if p.labels.size != int(np.prod(shape)):
        raise NotKnown
    return Pattern(p.labels.reshape(shape), p.sets)


def _cumulative(use: Use) -> Result:
    return [running(use.only, use.params["axis"])]


def _axis(use: Use) -> Result:
    """All along one axis, or several; the result may be longer or shorter there."""
    parts = []
    shape = use.shapes[0]
    for p in use.traced:
        axis = use.params["axis"]
        axes = tuple(range(len(p.shape))) if axis is None else np.atleast_1d(axis).tolist()
        axes = [a % len(p.shape) - len(p.shape) for a in axes]
        if len(shape) != len(p.shape):
            raise NotKnown
        made = over_axes(p, axes)
        kept = tuple(1 if i - len(shape) in axes else n for i, n in enumerate(p.shape))
        parts.append(_reshaped(made, kept))
    try:
        return [union_of(parts, shape)]
    except ValueError:
        raise NotKnown from None


def _segments(use: Use) -> Result:
    p = use.only
    starts, length = np.asarray(use.params["starts"]), p.shape[-1]
    lines = p.labels.size // length if length else 0
    begin = (length * np.arange(lines)[:, None] + starts).ravel()
    ids, sets = over_groups(p.sets, np.append(begin, p.labels.size), np.ravel(p.labels))
    sizes = np.tile(np.diff(starts, append=length), lines)
    return [_reshaped(Pattern(np.repeat(ids, sizes), sets), use.shapes[0])]


def _trace(use: Use) -> Result:
    options = {k: use.params[k] for k in ("offset", "axis1", "axis2")}
    diagonals = Pattern(np.diagonal(use.only.labels, **options), use.only.sets)
    return [over_axes(diagonals, (-1,))]


def _dense(use: Use) -> Result:
    first = whole(use.traced, ())
    return [first.broadcast(shape) for shape in use.shapes]


HANDLERS: dict[str, Callable[[Use], Result]] = {
    "elementwise": _elementwise,
    "gather": _gather,
    "scatter": _scatter,
    "bins": _bins,
    "add at": _add_at,
    "reduction": _reduction,
    "cumulative": _cumulative,
    "axis": _axis,
    "segments": _segments,
    "trace": _trace,
    "matmul": products.matmul,
    "solve": products.solve,
    "einsum": products.einsum,
    "cross": products.cross,
    "convolution": products.convolution,
    "correlation": products.correlation,
    "sparse product": sparse_products.sparse_product,
    "sparse matmul": sparse_products.sparse_matmul,
    "sampled product": sparse_products.sampled_product,
    "dense": _dense,
}


def patterns_of(use: Use) -> tuple[Result, bool]:
    """The patterns of the results, and whether they count as dense for want of a structure."""
    structure = use.prim.structure
    try:
        if "->" in structure:
            return products.by_subscripts(use, structure, product=False), False
        handler = HANDLERS.get(structure, _dense)
        return handler(use), handler is _dense
    except (NotKnown, KeyError, ValueError, IndexError):  # of a structure that is not so
        return _dense(use), True
