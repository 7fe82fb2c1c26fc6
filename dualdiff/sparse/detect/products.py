"""Products: sums over labels, convolutions, and systems of equations.

The zeros of a constant operand are structural.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.box import is_box
from ...core.batch import Shape, shape_of
from .patterns import Pattern, over_axes, scattered, union_of
from .use import NotKnown, Result, Use

PAIRS = 20_000_000  # elements of a product that are followed one by one


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


def matmul(use: Use) -> Result:
    x, y = (len(shape_of(a)) for a in use.args)
    left, right = ("k" if x == 1 else "...ik"), ("k" if y == 1 else "...kj")
    output = "..." * (max(x, y) > 2) + "i" * (x > 1) + "j" * (y > 1)
    if max(x, y) <= 2:
        left, right = left.replace("...", ""), right.replace("...", "")
    return by_subscripts(use, f"{left},{right}->{output}", product=True)


def solve(use: Use) -> Result:
    vector = len(shape_of(use.args[1])) == 1
    return by_subscripts(use, "...ij,j->...l" if vector else "...ij,...jk->...lk", product=False)


def einsum(use: Use) -> Result:
    if "labels" in use.params:
        terms, output = use.params["labels"]
        return by_subscripts(use, f"{','.join(terms)}->{output}", product=True)
    return by_subscripts(use, use.params["subscripts"], product=True)


def cross(use: Use) -> Result:
    """A component depends on the other two."""
    others = np.array([[len({i, j, k}) == 3 for k in range(3)] for i in range(3) for j in range(3)])
    use.args = [*use.args, others.reshape(3, 3, 3)]
    use.patterns = [*use.patterns, None]
    return by_subscripts(use, "...i,...j,ijk->...k", product=True)


def _first_kept(n: int, m: int, kept: int, reverse: bool) -> int:
    """The first element that is kept of a full convolution or correlation along one axis."""
    if kept == n + m - 1:
        return 0
    if kept in (n, m):
        # NumPy reverses a correlation with a longer operand, and then the middle too.
        return n // 2 if reverse and kept == m > n else ((m if kept == n else n) - 1) // 2
    if kept != abs(n - m) + 1:
        raise NotKnown
    return min(n, m) - 1


def convolution(use: Use, reverse: bool = False) -> Result:
    """Operands that slide along each other in every dimension; a correlation if `reverse`."""
    (shape,), shapes = use.shapes, [shape_of(a) for a in use.args]
    if any(len(s) != len(shape) for s in shapes):
        raise NotKnown
    lengths = zip(*shapes, shape, strict=True)
    offset = np.array([_first_kept(n, m, k, reverse) for n, m, k in lengths])[:, None, None]
    turn = np.flip if reverse else np.asarray
    parts = []
    for p, i in zip(use.patterns, (0, 1), strict=True):
        if p is None:
            continue
        other = 1 - i
        labels = p.labels if i == 0 else turn(p.labels)
        constant = use.patterns[other] is None and not is_box(use.args[other])
        mask = np.asarray(use.args[other]) != 0 if constant else np.ones(shapes[other], bool)
        if p.labels.size * np.count_nonzero(mask) > PAIRS:
            raise NotKnown
        mask = turn(mask) if other == 1 else mask
        own = np.indices(p.shape).reshape(len(shape), -1, 1)
        places = own + np.array(np.nonzero(mask))[:, None, :] - offset
        inside = np.all((places >= 0) & (places < np.reshape(shape, (-1, 1, 1))), axis=0)
        targets = np.ravel_multi_index(tuple(places[:, inside]), shape)
        labels = np.broadcast_to(np.reshape(labels, (-1, 1)), inside.shape)[inside]
        made = scattered(Pattern(labels, p.sets), targets, int(np.prod(shape)))
        parts.append(Pattern(made.labels.reshape(shape), made.sets))
    return [union_of(parts, shape)]


def correlation(use: Use) -> Result:
    """As a convolution with the second operand reversed."""
    return convolution(use, reverse=True)
