"""Products of vectors and matrices on scalar tapes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .operations import labelled, spelled
from .tape import LARGEST, Lowering, Slots, Unsupported


def _matmul(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    """A product of vectors and matrices."""
    x, y = (np.asarray(lower.given(a, leaves)) for a in args)
    if kwargs or not (x.ndim and y.ndim):
        raise Unsupported("options of a product of matrices")
    left = x if x.ndim > 1 else x[None]
    right = y if y.ndim > 1 else y[:, None]
    if left.size * right.shape[-1] > LARGEST:
        raise Unsupported("a large product of matrices")
    out = lower.tape.product(left, right)
    if x.ndim == 1:
        out = out[..., 0, :]
    return out[..., 0] if y.ndim == 1 else out


def _dot(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    """``numpy.dot``, which differs from `matmul` for stacks of matrices."""
    if any(np.ndim(lower.given(a, leaves)) > 2 for a in args):
        raise Unsupported("numpy.dot of stacks of matrices")
    return _matmul(lower, args, kwargs, leaves)


def _outer(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    """The products of the elements of two vectors."""
    x, y = (np.ravel(lower.given(a, leaves)) for a in args[:2])
    return lower.tape.apply("mul", x[:, None], y[None, :])


def _einsum(lower: Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    """A sum of products, with its labels written out."""
    pairs, result = labelled(args)
    if result is None:
        raise Unsupported("einsum without an explicit result")
    given = [(list(names), np.asarray(lower.given(a, leaves))) for names, a in pairs]
    rest = max([x.ndim - len(names) + 1 for names, x in given if Ellipsis in names] or [0])
    given = [(spelled(names, x.ndim - len(names) + 1), x) for names, x in given]
    result = spelled(list(result), rest)
    labels = list(dict.fromkeys([*result, *(n for names, _ in given for n in names)]))
    total = None
    for names, x in given:
        if len(set(names)) < len(names):
            raise Unsupported("einsum with a diagonal")
        order = sorted(range(len(names)), key=lambda i: labels.index(names[i]))
        x = x.transpose(order)[tuple(slice(None) if n in names else None for n in labels)]
        total = x if total is None else lower.tape.apply("mul", total, x)
        if np.size(total) > LARGEST:
            raise Unsupported("a large sum of products")
    total = np.asarray(total)
    for _ in range(len(labels) - len(result)):
        if not total.shape[-1]:
            raise Unsupported("an empty sum of products")
        total = np.asarray(lower.tape.reduce("add", total))
    return total


PRODUCTS: dict[Any, Any] = {
    np.dot: _dot, np.matmul: _matmul, operator.matmul: _matmul, np.outer: _outer,
    np.einsum: _einsum,
}  # fmt: skip
