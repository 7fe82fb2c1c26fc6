"""Sorting: the derivative of a permutation is the same permutation; ties share it equally."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...array.box import is_box, unbox
from ...array.views import memory_of
from ...core.types import Value
from ...errors import UnsupportedInputError, user_line
from ..declare import linear
from ..structures import Permutation, Segments
from .common import axis_of, implements, laid_out_like


def _take(x: Value, order: Any, axis: int) -> Any:
    """``take_along_axis`` under any batch axes."""
    if is_box(x):
        return permute_p(x, order=order, axis=axis)
    batch = np.ndim(x) - order.ndim
    return np.take_along_axis(x, order.reshape((1,) * batch + order.shape), axis)


def _inverse(order: Any, axis: int) -> Any:
    """The inverse permutations of `order`."""
    inverse = np.empty_like(order)
    places = np.arange(order.shape[axis]).reshape((-1,) + (1,) * (-axis - 1))
    np.put_along_axis(inverse, order, places, axis)
    return inverse


permute_p = linear(
    _take,
    lambda g, order, axis: _take(g, _inverse(order, axis), axis),
    name="permute",
    structure=Permutation(),  # the order may depend on x
)


def _mean_of_ties(x: Value, starts: Any) -> Any:
    """Each run of the last axis, from one of `starts` to the next, replaced by its mean."""
    if is_box(x):
        return mean_of_ties_p(x, starts=starts)
    sizes = np.diff(starts, append=x.shape[-1])
    return np.repeat(np.add.reduceat(x, starts, axis=-1) / sizes, sizes, axis=-1)


mean_of_ties_p = linear(_mean_of_ties, _mean_of_ties, name="mean_of_ties", structure=Segments())
share_ties_p = linear(
    lambda x, starts: x,
    _mean_of_ties,
    jvp=_mean_of_ties,
    name="share_ties",
    structure=Segments(),
)


def _share_ties(x: Value, axis: int) -> Any:
    """A sorted array whose derivative at equal elements is their mean."""
    value = np.moveaxis(unbox(x), axis, -1)
    new = np.ones(value.shape, dtype=bool)
    new[..., 1:] = value[..., 1:] != value[..., :-1]
    if np.all(new):
        return x
    lines = np.moveaxis(x, axis, -1)
    shared = share_ties_p(np.reshape(lines, -1), starts=np.flatnonzero(new))
    return np.moveaxis(np.reshape(shared, value.shape), -1, axis)


def _refuse_order(name: str, order: Any) -> None:
    if order is not None:
        raise UnsupportedInputError(
            f"numpy.{name} takes `order` for structured arrays only, which cannot be traced, "
            f"{user_line()}; leave it out."
        )


@implements(np.sort)
def sort(
    a: Value,
    axis: Any = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: Any = None,
    descending: Any = None,
) -> Any:
    """``numpy.sort``; equal elements share the derivative equally."""
    _refuse_order("sort", order)
    if axis is None:
        a, axis = np.reshape(a, -1), -1
    axis = axis_of(axis, np.ndim(a))
    # NumPy has `descending` from version 2.5 on, and refuses it before.
    options: Any = {} if descending is None else {"descending": descending}
    ranking = np.argsort(unbox(a), axis=axis, kind=kind, stable=stable, **options)
    ans = _share_ties(permute_p(a, order=ranking, axis=axis), axis)
    return laid_out_like(ans, np.empty_like(memory_of(a)))


@implements(np.partition)
def partition(
    a: Value, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None
) -> Any:
    """``numpy.partition``; equal elements share the derivative equally."""
    _refuse_order("partition", order)
    if axis is None:
        a, axis = np.reshape(a, -1), -1
    axis = axis_of(axis, np.ndim(a))
    value = np.partition(unbox(a), unbox(kth), axis=axis, kind=kind)
    ranks = _inverse(np.argsort(value, axis=axis), axis)
    ans = permute_p(sort(a, axis), order=ranks, axis=axis)
    return laid_out_like(ans, np.empty_like(memory_of(a)))


@implements(np.sort_complex)
def sort_complex(a: Value) -> Any:
    """``numpy.sort_complex``."""
    ans = sort(a)
    return ans.astype(np.sort_complex(unbox(a)[..., :0]).dtype)
