"""What a primitive's `structure` says: which elements of a result depend on which of the operands.

| structure | an element of the result depends on |
|---|---|
| "elementwise" | the elements in its place, of operands that broadcast |
| "gather" | the one element that it is a copy of (or none): found by running `fn` on labels |
| "scatter" | the elements of operand 0 that are added at its place, by the parameter `index` |
| "add at" | the element in its place, and those of operand 1 that are added there |
| "reduction" | all elements along the axes of the parameter `axis` |
| "cumulative" | its own and all earlier elements along the parameter `axis` |
| "axis" | all elements along the parameter `axis` |
| "segments" | all elements of its run along the last axis, from one of `starts` to the next |
| "trace" | the diagonal that is summed |
| "matmul" | products of matrices and vectors; zeros of a constant operand are left out |
| "solve" | all elements of its system of equations, and of its right-hand side |
| "einsum" | a product by the parameter `subscripts` or `labels`, likewise |
| "convolution" | those that meet there, of operands of one or more dimensions, likewise |
| "sparse product" | the product of a constant sparse `matrix` and operand 0 |
| "...ij->...kl" | all elements whose labels are not in the result, as in an Einstein sum |
| "dense" | everything |

What is not known counts as dense.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from ..core.arrays import ndim_selected
from ..core.boxes import is_box
from ..core.indexing import GETITEM
from ..core.shapes import Shape, shape_of
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

PAIRS = 20_000_000  # elements of a product that are followed one by one


@dataclass
class Use:
    """One use of a primitive: its operands, their patterns (None for constants), its results."""

    prim: Any
    args: Sequence[Any]
    patterns: Sequence[Pattern | None]
    params: dict[str, Any]
    shapes: tuple[Shape, ...]
    columns: int

    @property
    def traced(self) -> list[Pattern]:
        return [p for p in self.patterns if p is not None]

    @property
    def only(self) -> Pattern:
        (pattern,) = self.traced
        return pattern


class NotKnown(Exception):
    """A structure that does not hold for this use: it counts as dense."""


Result = list[Pattern]


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


def _sparse_product(use: Use) -> Result:
    p, matrix = use.only, use.params["matrix"].tocsr()
    picked = p.labels[matrix.indices]  # explicit zeros count
    if len(p.shape) == 1:
        return [Pattern(*over_groups(p.sets, matrix.indptr.astype(np.intp), picked))]
    lines, entries = p.shape[1], matrix.indices.size
    begin = (entries * np.arange(lines)[:, None] + matrix.indptr[:-1]).ravel()
    starts = np.append(begin, entries * lines)
    ids, sets = over_groups(p.sets, starts, np.ravel(picked.T))
    return [Pattern(ids.reshape(lines, -1).T, sets)]


def _first_kept(n: int, m: int, kept: int) -> int:
    """The first element that is kept of a full convolution along one axis."""
    if kept == n + m - 1:
        return 0
    if kept in (n, m):
        return ((m if kept == n else n) - 1) // 2
    if kept != abs(n - m) + 1:
        raise NotKnown
    return min(n, m) - 1


def _convolution(use: Use) -> Result:
    (shape,), shapes = use.shapes, [shape_of(a) for a in use.args]
    if any(len(s) != len(shape) for s in shapes):
        raise NotKnown
    lengths = zip(*shapes, shape, strict=True)
    offset = np.array([_first_kept(n, m, k) for n, m, k in lengths])[:, None, None]
    parts = []
    for p, other in zip(use.patterns, (1, 0), strict=True):
        if p is None:
            continue
        constant = use.patterns[other] is None and not is_box(use.args[other])
        mask = np.asarray(use.args[other]) != 0 if constant else np.ones(shapes[other], bool)
        if p.labels.size * np.count_nonzero(mask) > PAIRS:
            raise NotKnown
        own = np.indices(p.shape).reshape(len(shape), -1, 1)
        places = own + np.array(np.nonzero(mask))[:, None, :] - offset
        inside = np.all((places >= 0) & (places < np.reshape(shape, (-1, 1, 1))), axis=0)
        targets = np.ravel_multi_index(tuple(places[:, inside]), shape)
        labels = np.broadcast_to(np.reshape(p.labels, (-1, 1)), inside.shape)[inside]
        made = scattered(Pattern(labels, p.sets), targets, int(np.prod(shape)))
        parts.append(Pattern(made.labels.reshape(shape), made.sets))
    return [union_of(parts, shape)]


Term = tuple[Any, ...]


def parsed(subscripts: str, ndims: Sequence[int]) -> tuple[list[Term], list[Term]]:
    """The labels of each operand and each result; those of an ellipsis count from the right."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    hidden = [n - len(t) + 3 if "..." in t else 0 for t, n in zip(terms, ndims, strict=True)]
    most = max(hidden, default=0)
    if not arrow:
        once = sorted(c for c in string.ascii_letters if inputs.count(c) == 1)
        output = ("..." if "..." in inputs else "") + "".join(once)

    def expand(term: str, n: int) -> Term:
        before, dots, after = term.partition("...")
        return (*before, *(range(-n, 0) if dots else ()), *after)

    results = [expand(t, most) for t in output.split(",")]
    return [expand(t, n) for t, n in zip(terms, hidden, strict=True)], results


def _without_repeats(x: ndarray, term: Term) -> tuple[ndarray, Term]:
    """The diagonal over labels that stand twice."""
    unique = tuple(dict.fromkeys(term))
    if len(unique) == len(term):
        return x, term
    return np.einsum(x, [unique.index(u) for u in term], list(range(len(unique)))), unique


def _contracted(p: Pattern, term: Term, output: Term, shape: Shape) -> Pattern:
    """Unions over the labels that are not in the result, broadcast over those not in the
    operand."""
    labels, term = _without_repeats(p.labels, term)
    made = over_axes(Pattern(labels, p.sets), [i for i, u in enumerate(term) if u not in output])
    kept = [u for u in term if u in output]
    present = [u for u in output if u in kept]
    labels = made.labels.transpose([kept.index(u) for u in present])
    labels = labels[tuple(slice(None) if u in kept else None for u in output)]
    return Pattern(np.broadcast_to(labels, shape), made.sets)


def _through_constant(
    p: Pattern, term: Term, mask: ndarray, own: Term, output: Term, shape: Shape
) -> Pattern | None:
    """The part of a product that the nonzeros of a constant operand let through."""
    labels, term = _without_repeats(p.labels, term)
    mask, own = _without_repeats(mask, own)
    wide = [i for i, n in enumerate(mask.shape) if n > 1]
    mask, own = mask.reshape([mask.shape[i] for i in wide]), tuple(own[i] for i in wide)
    places = dict(zip(own, np.nonzero(mask), strict=True))
    count = int(np.count_nonzero(mask))
    sizes = dict(zip(output, shape, strict=True))
    for u, n in zip(term, labels.shape, strict=True):
        sizes[u] = max(n, sizes.get(u, 1))
    free = [u for u in sizes if u not in places]
    if count * np.prod([sizes[u] for u in free], dtype=float) > PAIRS:
        return None
    at: dict[Any, Any] = {u: x.reshape(-1, *(1,) * len(free)) for u, x in places.items()}
    for k, u in enumerate(free):
        at[u] = np.arange(sizes[u]).reshape(*(1,) * (k + 1), -1, *(1,) * (len(free) - k - 1))
    whole_shape = (count, *(sizes[u] for u in free))

    def position(t: Term, dims: Shape) -> ndarray:
        total: Any = 0
        for u, n in zip(t, dims, strict=True):
            total = total * n + (at[u] if n > 1 else 0)
        return np.broadcast_to(total, whole_shape)

    chosen = np.ravel(labels)[position(term, labels.shape)]
    size = int(np.prod(shape))
    made = scattered(Pattern(chosen, p.sets), position(output, shape), size)
    return Pattern(made.labels.reshape(shape), made.sets)


def by_subscripts(use: Use, subscripts: str, product: bool) -> Result:
    """Unions over labels; of a `product`, the zeros of a constant operand are left out."""
    terms, outputs = parsed(subscripts, [len(shape_of(a)) for a in use.args])
    constant, zeros = None, np.zeros(0, bool)
    if product:
        for i, (a, p) in enumerate(zip(use.args, use.patterns, strict=True)):
            # The values of an outer level are not constant.
            if p is None and not is_box(a) and np.size(a) > zeros.size:
                mask = np.asarray(a) != 0
                constant, zeros = (constant, zeros) if mask.all() else (i, mask)
    results = []
    for output, shape in zip(outputs, use.shapes, strict=True):
        parts = []
        for term, p in zip(terms, use.patterns, strict=True):
            if p is None:
                continue
            made = None
            if constant is not None:
                made = _through_constant(p, term, zeros, terms[constant], output, shape)
            parts.append(made or _contracted(p, term, output, shape))
        results.append(union_of(parts, shape))
    return results


def _matmul(use: Use) -> Result:
    x, y = (len(shape_of(a)) for a in use.args)
    left, right = ("k" if x == 1 else "...ik"), ("k" if y == 1 else "...kj")
    output = "..." * (max(x, y) > 2) + "i" * (x > 1) + "j" * (y > 1)
    if max(x, y) <= 2:
        left, right = left.replace("...", ""), right.replace("...", "")
    return by_subscripts(use, f"{left},{right}->{output}", product=True)


def _solve(use: Use) -> Result:
    vector = len(shape_of(use.args[1])) == 1
    return by_subscripts(use, "...ij,j->...l" if vector else "...ij,...jk->...lk", product=False)


def _einsum(use: Use) -> Result:
    if "labels" in use.params:
        terms, output = use.params["labels"]
        return by_subscripts(use, f"{','.join(terms)}->{output}", product=True)
    return by_subscripts(use, use.params["subscripts"], product=True)


HANDLERS: dict[str, Callable[[Use], Result]] = {
    "elementwise": _elementwise,
    "gather": _gather,
    "scatter": _scatter,
    "add at": _add_at,
    "reduction": _reduction,
    "cumulative": _cumulative,
    "axis": _axis,
    "segments": _segments,
    "trace": _trace,
    "matmul": _matmul,
    "solve": _solve,
    "einsum": _einsum,
    "convolution": _convolution,
    "sparse product": _sparse_product,
    "dense": _dense,
}


def patterns_of(use: Use) -> tuple[Result, bool]:
    """The patterns of the results, and whether they count as dense for want of a structure."""
    structure = use.prim.structure
    try:
        if "->" in structure:
            return by_subscripts(use, structure, product=False), False
        handler = HANDLERS.get(structure, _dense)
        return handler(use), handler is _dense
    except (NotKnown, KeyError, ValueError, IndexError):  # of a structure that is not so
        return _dense(use), True
