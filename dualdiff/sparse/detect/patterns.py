"""Patterns of arrays: a label per element, into a table of sets of columns.

Every operation is a union of sets, element by element or over groups of elements. It computes each
combination of sets only once if there are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

from ...core import structure
from ...core.batch import Shape
from .sets import INDEX, Columns, Sets, from_csr, table_of

FEW = 63  # at most so many sets, whose combinations fit into the bits of an integer


class Pattern(structure.Pattern):
    """The sets of columns of the elements of an array; `labels` has the shape of the array.

    `fresh` says that nobody else holds the labels and the table, so that stores work in place.
    """

    __slots__ = ("fresh", "sets")

    def __init__(self, labels: ndarray, sets: Sets, fresh: bool = False) -> None:
        super().__init__(labels)
        self.sets = sets
        self.fresh = fresh

    @property
    def is_empty(self) -> bool:
        """Whether no element depends on anything; may be False although none does."""
        return not self.labels.any()

    def relabeled(self, labels: ndarray) -> Pattern:
        """The pattern of an array with these labels into the same table."""
        return Pattern(labels, self.sets)

    def union(self, other: Pattern, shape: Shape) -> Pattern:
        """Element by element, of two arrays that broadcast to `shape`."""
        a, b = self, other
        la, lb = np.broadcast_to(a.labels, shape), np.broadcast_to(b.labels, shape)
        if a.sets is b.sets and (a.labels is b.labels or np.array_equal(la, lb)):
            return a.broadcast(shape)
        if a.is_empty or b.is_empty:
            return (b if a.is_empty else a).broadcast(shape)
        size, few = la.size, len(b.sets)
        inverse: Any
        if 2 * (len(a.sets) + few) <= size or max(a.labels.size, b.labels.size) < size:
            pairs, inverse = np.unique(np.ravel(la) * few + np.ravel(lb), return_inverse=True)
            ia, ib = pairs // few, pairs % few
        else:
            ia, ib, inverse = np.ravel(la), np.ravel(lb), np.arange(size)
        ids, sets = _of_pairs(a.sets, ia, b.sets, ib)
        return Pattern(ids[inverse].reshape(shape), sets)

    def over_axes(self, axes: Sequence[int]) -> Pattern:
        """Unions over some axes, which are removed."""
        ndim = len(self.shape)
        axes = [a % ndim for a in axes]
        rest = [i for i in range(ndim) if i not in axes]
        shape = tuple(self.shape[i] for i in rest)
        length = prod(self.shape[i] for i in axes)
        if not axes or not length:
            return self if not axes else self.nothing(shape)
        strides = self.labels.strides
        if all(strides[i] == 0 or self.shape[i] == 1 for i in axes):  # broadcast: all the same
            first = tuple(0 if i in axes else slice(None) for i in range(ndim))
            return self.relabeled(np.asarray(self.labels[first]))
        lines = self.relabeled(self.labels.transpose(*rest, *axes))
        made = lines.over_groups(np.arange(0, self.labels.size + 1, length))
        return made.relabeled(made.labels.reshape(shape))

    def over_groups(self, starts: ndarray) -> Pattern:
        """Unions of the flat elements from each of `starts` up to the next, the last the end."""
        return Pattern(*over_groups(self.sets, starts, np.ravel(self.labels)))

    def scattered(self, targets: ndarray, size: int) -> Pattern:
        """The unions of the elements that go to the same of `size` places; a vector."""
        labels, targets = np.ravel(self.labels), np.ravel(targets)
        counts = np.bincount(targets, minlength=size)
        if counts.max(initial=0) <= 1:
            ids = np.zeros(size, np.intp)
            ids[targets] = labels
            return self.relabeled(ids)
        order = np.argsort(targets, kind="stable")
        return self.relabeled(labels[order]).over_groups(np.concatenate([[0], np.cumsum(counts)]))

    def running(self, axis: int) -> Pattern:
        """Unions of each element with all before it along an axis, by doubling."""
        line = self.relabeled(np.moveaxis(self.labels, axis, -1))
        step, length = 1, line.shape[-1]
        while step < length:
            shifted = np.zeros(line.shape, np.intp)
            shifted[..., step:] = line.labels[..., :-step]
            line = line.union(line.relabeled(shifted), line.shape)
            step *= 2
        return line.relabeled(np.moveaxis(line.labels, -1, axis))

    def sharing(self, patterns: Sequence[Pattern]) -> list[Pattern]:
        """Patterns in one table for all of them."""
        first = patterns[0].sets
        if all(p.sets is first for p in patterns):
            return list(patterns)
        table = Sets.of((), first.columns)
        known: dict[int, int] = {}
        out = []
        for p in patterns:
            if len(p.sets) > 2 * p.labels.size:
                used, inverse = np.unique(p.labels, return_inverse=True)
                start = table.append(p.sets, used)
                labels = inverse.reshape(p.shape) + start
            else:
                if id(p.sets) not in known:
                    known[id(p.sets)] = table.append(p.sets, np.arange(len(p.sets)))
                labels = p.labels + known[id(p.sets)]
            out.append(Pattern(np.where(p.labels == 0, 0, labels), table))
        return out

    def matrix(self) -> csr_array:
        """One row per element, in C order."""
        return self.sets.matrix(np.ravel(self.labels))


def uniform(shape: Shape, s: Columns, columns: int) -> Pattern:
    """The pattern of an array whose elements all depend on the same columns."""
    sets = Sets.of((s,) if s else (), columns)
    return Pattern(np.broadcast_to(np.intp(bool(s)), shape), sets)


def of_scalars(scalars: Sequence[Columns], shape: Shape, columns: int) -> Pattern:
    """The pattern of an array made of scalars."""
    labels = np.arange(1, len(scalars) + 1).reshape(shape)
    return Pattern(labels, Sets.of(scalars, columns))


def _of_pairs(a: Sets, ia: ndarray, b: Sets, ib: ndarray) -> tuple[ndarray, Sets]:
    """The unions of pairs of sets; a subset of a large set is not joined to it."""
    left = np.ones(ia.size, dtype=bool)
    absorbed = []
    for big, ibig, small, ismall in ((a, ia, b, ib), (b, ib, a, ia)):
        for label in big.large(ibig):
            there = np.flatnonzero(left & (ibig == label))
            there = there[small.within(ismall[there], big, label)]
            absorbed.append((there, big, label))
            left[there] = False
    joined = a.matrix(ia[left]) + b.matrix(ib[left])
    joined.has_canonical_format = True
    sets = table_of(joined)
    ids = np.cumsum(left)
    for there, big, label in absorbed:
        ids[there] = sets.append(big, np.array([label]))
    return ids, sets


def over_groups(sets: Sets, starts: ndarray, labels: ndarray) -> tuple[ndarray, Sets]:
    """The union of each group ``labels[starts[k] : starts[k + 1]]``, as labels of a table."""
    groups, count = starts.size - 1, len(sets)
    ids = np.zeros(groups, np.intp)
    lengths = np.diff(starts)
    filled = np.flatnonzero(lengths)
    if not filled.size:
        return ids, sets
    begin = starts[filled]
    union = np.minimum.reduceat(labels, begin)
    known = union == np.maximum.reduceat(labels, begin)
    for label in sets.large(labels):
        parts = sets.within(np.arange(count), sets, label)
        found = np.logical_and.reduceat(parts[labels], begin)
        found &= np.logical_or.reduceat(labels == label, begin)
        union[found], known = label, known | found
    if known.all():
        ids[filled] = union
        return ids, sets
    if known.any():
        rest, owner = filled[~known], np.repeat(~known, lengths[filled])
        ends = np.concatenate([[0], np.cumsum(lengths[rest])])
        ids[rest], table = over_groups(sets, ends, labels[owner])
        used, inverse = np.unique(union[known], return_inverse=True)
        ids[filled[known]] = np.where(union[known] == 0, 0, inverse + table.append(sets, used))
        return ids, table
    if filled.size == 1:
        _, members = sets.rows(np.unique(labels))
        found = np.zeros(sets.columns, dtype=bool)
        found[members] = True
        union = np.flatnonzero(found).astype(INDEX)
        ids[filled] = int(union.size > 0)
        return ids, Sets(sets.columns, np.array([0, 0, union.size], np.intp), union)
    if count <= FEW:
        marks = np.left_shift(1, labels, dtype=np.int64)
        kinds, inverse = np.unique(np.bitwise_or.reduceat(marks, begin), return_inverse=True)
        ids[filled] = inverse + 1
        members = kinds[:, None] >> np.arange(count) & 1
        chosen = csr_array(members.astype(bool))
    else:
        if labels.size > 2 * count:  # a label counts once in its group
            owner = np.repeat(np.arange(filled.size), lengths[filled])
            pairs = np.unique(owner * count + labels)
            labels, owner = pairs % count, pairs // count
            begin = np.searchsorted(owner, np.arange(filled.size))
        ids[filled] = np.arange(1, filled.size + 1)
        chosen = from_csr(np.append(begin, labels.size), labels, count, canonical=False)
    return ids, table_of(csr_array(chosen @ sets.matrix()))


def compact(p: Pattern) -> Pattern:
    """The same pattern, on a table of its own that holds only the sets in use."""
    sets = Sets.of((), p.sets.columns)
    used, inverse = np.unique(p.labels, return_inverse=True)
    start = sets.append(p.sets, used)
    labels = np.empty_like(p.labels)  # in the layout of the old ones
    labels[...] = np.where(p.labels == 0, 0, inverse.reshape(p.shape) + start)
    return Pattern(labels, sets, fresh=True)
