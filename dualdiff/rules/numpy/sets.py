"""Distinct elements and set operations: their values are elements of the operands.

Among equal elements they take the first, and the derivative goes to it. Their other results
(indices, counts) have no derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...array.box import observe
from ...core.batch import cast, dtype_of
from ...core.trace import materialize
from ...core.types import Value
from .common import implements


@implements(np.unique)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """``numpy.unique``."""
    ar = materialize(ar)
    order: dict[str, Any] = {} if sorted else {"sorted": False}  # new in NumPy 2.3
    _, index, inverse, counts = np.unique(
        observe(ar), True, True, True, axis, equal_nan=equal_nan, **order
    )
    values = np.ravel(ar)[index] if axis is None else np.take(ar, index, axis=axis)
    wanted = (return_index, return_inverse, return_counts)
    asked = [e for e, w in zip((index, inverse, counts), wanted, strict=True) if w]
    return (values, *asked) if asked else values


def _distinct(function: Any) -> Any:
    """A function of the array API that returns a named tuple with the values first."""

    def distinct(x: Value) -> Any:
        x = materialize(x)
        values = function(observe(x))
        index = np.unique(observe(x), return_index=True, equal_nan=False)[1]
        return values._replace(values=np.ravel(x)[index])

    return distinct


for _function in (np.unique_all, np.unique_counts, np.unique_inverse):
    implements(_function)(_distinct(_function))


@implements(np.unique_values)
def unique_values(x: Value) -> Any:
    """``numpy.unique_values``, in the order in which NumPy gives them."""
    x = materialize(x)
    values = np.unique_values(observe(x))
    ordered, first = np.unique(observe(x), return_index=True, equal_nan=False)
    positions = first if np.array_equal(ordered, values, equal_nan=True) else None
    if positions is None:
        positions = first[np.searchsorted(ordered, values)]
    return np.ravel(x)[positions]


@implements(np.intersect1d)
def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """``numpy.intersect1d``: the common values, as elements of `ar1`."""
    ar1, ar2 = materialize(ar1), materialize(ar2)
    _, first, second = np.intersect1d(
        observe(ar1), observe(ar2), assume_unique, return_indices=True
    )
    values = cast(np.ravel(ar1)[first], np.result_type(dtype_of(ar1), dtype_of(ar2)))
    return (values, first, second) if return_indices else values


@implements(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """``numpy.setdiff1d``."""
    ar1, ar2 = materialize(ar1), materialize(ar2)
    ar1 = np.ravel(ar1) if assume_unique else unique(ar1)
    left = np.isin(observe(ar1), np.unique(observe(ar2)), assume_unique=True, invert=True)
    return ar1[left]


@implements(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    """``numpy.union1d``."""
    return unique(np.concatenate([np.ravel(materialize(ar1)), np.ravel(materialize(ar2))]))


@implements(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """``numpy.setxor1d``."""
    distinct = np.ravel if assume_unique else np.unique
    both = np.sort(np.concatenate([distinct(materialize(ar1)), distinct(materialize(ar2))]))
    if np.size(both) == 0:
        return both
    values = observe(both)
    new = np.concatenate([[True], values[1:] != values[:-1], [True]])
    return both[new[1:] & new[:-1]]
