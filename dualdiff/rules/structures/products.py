"""Products: sums over labels, convolutions, and systems of equations.

The zeros of a constant operand are structural.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.box import is_box
from ...core.batch import Shape, shape_of
from ...core.structure import NotKnown, Pattern, Structure, Use
from ...core.tangents import Diagonal
from ...core.trace import materialize
from ...core.types import Value

PAIRS = 20_000_000  # elements of a product that are followed one by one


Term = tuple[Any, ...]


def parsed(subscripts: str, ndims: Sequence[int]) -> tuple[list[Term], list[Term]]:
    """The labels of each operand and each result; labels of an ellipsis count from the right."""
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
    """The diagonal over labels that occur twice."""
    unique = tuple(dict.fromkeys(term))
    if len(unique) == len(term):
        return x, term
    return np.einsum(x, [unique.index(u) for u in term], list(range(len(unique)))), unique


def _contracted(p: Pattern, term: Term, output: Term, shape: Shape) -> Pattern:
    """Unions over labels that are not in the result, broadcast over labels that are not in the
    operand."""
    labels, term = _without_repeats(p.labels, term)
    summed = [i for i, u in enumerate(term) if u not in output]
    made = p.relabeled(labels).over_axes(summed)
    kept = [u for u in term if u in output]
    present = [u for u in output if u in kept]
    labels = made.labels.transpose([kept.index(u) for u in present])
    labels = labels[tuple(slice(None) if u in kept else None for u in output)]
    return made.relabeled(labels).broadcast(shape)


def _through_constant(
    p: Pattern, term: Term, mask: ndarray, own: Term, output: Term, shape: Shape
) -> Pattern | None:
    """The part of a product with the nonzeros of a constant operand."""
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
    return p.relabeled(chosen).scattered(position(output, shape), size).reshaped(shape)


def _by_subscripts(use: Use, subscripts: str, product: bool) -> list[Pattern]:
    """Unions over labels; of a `product`, the zeros of a constant operand are left out."""
    terms, outputs = parsed(subscripts, [len(shape_of(a)) for a in use.args])
    constant, zeros = None, np.zeros(0, bool)
    if product:
        for i, (a, p) in enumerate(zip(use.args, use.marks, strict=True)):
            # The values of an outer level are not constant.
            if p is None and not is_box(a) and np.size(a) > zeros.size:
                mask = np.asarray(a) != 0
                constant, zeros = (constant, zeros) if mask.all() else (i, mask)
    results = []
    for output, shape in zip(outputs, use.shapes, strict=True):
        parts = []
        for term, p in zip(terms, use.marks, strict=True):
            if p is None:
                continue
            made = None
            if constant is not None:
                made = _through_constant(p, term, zeros, terms[constant], output, shape)
            parts.append(made or _contracted(p, term, output, shape))
        results.append(use.union(parts, shape))
    return results


class Einsum(Structure):
    """All elements whose labels are not in the result, as in an Einstein sum: ``"...ij->...kl"``
    for a function of each matrix of a stack, ``"...ij->...k,...lm"`` for one with two results."""

    def __init__(self, subscripts: str) -> None:
        self.subscripts = subscripts

    def pattern(self, use: Use) -> list[Pattern]:
        return _by_subscripts(use, self.subscripts, product=False)


class Solve(Structure):
    """All elements of a system of equations, and of its right-hand side."""

    def pattern(self, use: Use) -> list[Pattern]:
        vector = len(shape_of(use.args[1])) == 1
        subscripts = "...ij,j->...l" if vector else "...ij,...jk->...lk"
        return _by_subscripts(use, subscripts, product=False)


class Cross(Structure):
    """The other two components, of vectors of three."""

    def pattern(self, use: Use) -> list[Pattern]:
        axes = range(3)
        others = np.array([[[len({i, j, k}) == 3 for k in axes] for j in axes] for i in axes])
        use = replace(use, args=[*use.args, others], marks=[*use.marks, None])
        return _by_subscripts(use, "...i,...j,ijk->...k", product=True)


class Product(Structure):
    """A sum of products of elements of two operands."""

    def mask(self, use: Use) -> Any:
        return use.on_numbers()

    def without_nan(self, use: Use, ans: Value) -> Any:
        if len(use.traced) == len(use.args):
            return ans
        finite, hits = [], []
        for v, m in zip(use.args, use.marks, strict=True):
            finite.append(v if m is not None else np.where(np.isfinite(v), v, 0))
            hits.append(np.asarray(m if m is not None else ~np.isfinite(v), float))
        hit = np.asarray(use.prim.fn(*hits, **use.params)) != 0
        return materialize(np.where(hit, ans, use.prim.evaluate(finite, use.params)))


class Contraction(Product):
    """An Einstein sum by the parameter `subscripts` or `labels`."""

    def pattern(self, use: Use) -> list[Pattern]:
        if "labels" in use.params:
            terms, output = use.params["labels"]
            return _by_subscripts(use, f"{','.join(terms)}->{output}", product=True)
        return _by_subscripts(use, use.params["subscripts"], product=True)


class MatMul(Product):
    """Products of matrices and vectors, as of `numpy.matmul`."""

    takes = (Diagonal,)

    def pattern(self, use: Use) -> list[Pattern]:
        x, y = (len(shape_of(a)) for a in use.args)
        dots = "..." * (max(x, y) > 2)
        left, right = ("k" if x == 1 else dots + "ik"), ("k" if y == 1 else dots + "kj")
        output = dots + "i" * (x > 1) + "j" * (y > 1)
        return _by_subscripts(use, f"{left},{right}->{output}", product=True)


def _first_kept(n: int, m: int, kept: int, reverse: bool) -> int:
    """The first remaining element of a full convolution or correlation along one axis."""
    if kept == n + m - 1:
        return 0
    if kept in (n, m):
        # NumPy reverses a correlation with a longer operand, and then the middle too.
        return n // 2 if reverse and kept == m > n else ((m if kept == n else n) - 1) // 2
    if kept != abs(n - m) + 1:
        raise NotKnown
    return min(n, m) - 1


class Convolution(Product):
    """Operands that slide along each other in every dimension."""

    reverse = False

    def pattern(self, use: Use) -> list[Pattern]:
        shape, shapes = use.shape, [shape_of(a) for a in use.args]
        if any(len(s) != len(shape) for s in shapes):
            raise NotKnown
        lengths = zip(*shapes, shape, strict=True)
        first = [_first_kept(n, m, k, self.reverse) for n, m, k in lengths]
        offset = np.array(first)[:, None, None]
        turn = np.flip if self.reverse else np.asarray
        parts = []
        for i, p in enumerate(use.marks):
            if p is None:
                continue
            other = 1 - i
            labels = p.labels if i == 0 else turn(p.labels)
            constant = use.marks[other] is None and not is_box(use.args[other])
            mask = np.asarray(use.args[other]) != 0 if constant else np.ones(shapes[other], bool)
            if p.labels.size * np.count_nonzero(mask) > PAIRS:
                raise NotKnown
            mask = turn(mask) if other == 1 else mask
            own = np.indices(p.shape).reshape(len(shape), -1, 1)
            places = own + np.array(np.nonzero(mask))[:, None, :] - offset
            inside = np.all((places >= 0) & (places < np.reshape(shape, (-1, 1, 1))), axis=0)
            targets = np.ravel_multi_index(tuple(places[:, inside]), shape)
            labels = np.broadcast_to(np.reshape(labels, (-1, 1)), inside.shape)[inside]
            made = p.relabeled(labels).scattered(targets, int(np.prod(shape)))
            parts.append(made.reshaped(shape))
        return [use.union(parts, shape)]


class Correlation(Convolution):
    """A convolution with the second operand reversed."""

    reverse = True
