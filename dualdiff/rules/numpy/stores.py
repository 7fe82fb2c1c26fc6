"""Copies, arrays like another, and the functions that write into an array.

A store into part of an array is an assignment by index (`array.stores.assign`): every view sees it,
and a plain array refuses traced values.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import is_box, observe, unbox
from ...array.dispatch import register
from ...array.stores import assign_to
from ...array.subclasses import as_subclass, can_be_traced
from ...array.views import root_of
from ...core.batch import Shape, cast, dtype_of, shape_of
from ...core.trace import materialize
from ...core.types import Value
from ...errors import UnsupportedInputError, describe, user_line
from ..declare import linear
from ..structures import Elementwise
from .common import implements, strip
from .creation import CREATORS, assignable, contains_box
from .manipulation import as_operand
from .selection import along_axis

copy_p = linear(
    lambda x, order: np.copy(x, order),
    lambda g: g,
    name="copy",
    structure=Elementwise(),
)


@implements(np.copy, np.ndarray.copy)
def copy(a: Value, order: Any = "K", subok: bool = False) -> Any:
    """``numpy.copy``: an array, traced or plain, that takes stores without changing `a`."""
    if not contains_box(a):
        return assignable(np.array(a, order=order, subok=subok))
    return copy_p(as_operand(a), order=order)


def _converted(x: Value, dtype: Any, order: Any, casting: Any) -> Any:
    if type(x) in (float, complex):
        x = np.asarray(x)[()]
    return x.astype(dtype, order=order, casting=casting)


astype_p = linear(
    _converted,
    lambda g: g,
    jvp=lambda t, dtype: cast(t, dtype),
    name="astype",
    structure=Elementwise(),
)


@implements(np.ndarray.astype)
def astype(
    x: Value,
    dtype: Any,
    order: Any = "K",
    casting: Any = "unsafe",
    subok: bool = True,
    copy: bool = True,
) -> Any:
    """``ndarray.astype``; integers, booleans and texts end the derivative, objects are traced."""
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        return _objects(x, dtype)
    if dtype.kind not in "fc":
        made = np.asarray(observe(x)).astype(dtype, order, casting)
        return made if isinstance(unbox(x), np.ndarray) else made[()]
    if not copy and dtype == dtype_of(x):
        return x
    return astype_p(x, dtype=dtype, order=order, casting=casting)


def _objects(x: Value, dtype: np.dtype[Any]) -> Any:
    """A plain array of objects, which are the traced elements."""
    made = np.empty(shape_of(x), dtype)
    for index in np.ndindex(made.shape):
        made[index] = x[index] if index else x
    return made if isinstance(unbox(x), np.ndarray) else made[()]


@implements(np.ndarray.view)
def view(x: Value, dtype: Any = None, type: Any = None) -> Any:
    """``ndarray.view``: a view of the same dtype and class."""
    if isinstance(dtype, builtins.type) and issubclass(dtype, np.ndarray):
        dtype, type = None, dtype
    if type is not None and type is not np.ndarray:
        if not is_box(materialize(x)):
            return np.asarray(x).view(type)  # read-only: a store into it might be lost
        if can_be_traced(type):
            return as_subclass(x, type)
        is_masked = issubclass(type, np.ma.MaskedArray)
        instead = (
            " and keep the mask beside it (np.where(mask, 0.0, x), x[~mask])"
            if is_masked
            else " (write @ for the products of numpy.matrix)"
        )
        raise UnsupportedInputError(
            f"a traced array ({describe(x)}) cannot become a {type.__name__}, whose operations "
            f"mean something else, {user_line()}; leave it an array{instead}."
        )
    if dtype is not None and np.dtype(dtype) != x.dtype:
        raise UnsupportedInputError(
            f"a traced array ({describe(x)}) cannot be viewed as {np.dtype(dtype)}, "
            f"{user_line()}; use .astype, or .real and .imag for the parts of complex numbers."
        )
    return x[...]


item_p = linear(
    lambda x: x.item(), lambda g: g, jvp=lambda t: t, name="item", structure=Elementwise()
)
register(np.ndarray.item, item_p.bind)


@implements(np.astype)
def astype_function(x: Value, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """``numpy.astype``."""
    return astype(x, dtype, copy=copy)


def _like(function: Callable[..., Any]) -> Callable[..., Any]:
    """zeros_like and the like: plain arrays that take traced values."""

    @functools.wraps(function)
    def makes_like(a: Value, *args: Any, **kwargs: Any) -> Any:
        return assignable(function(unbox(as_operand(a)), *args, **kwargs))

    return makes_like


zeros_like = implements(np.zeros_like)(_like(np.zeros_like))
ones_like = implements(np.ones_like)(_like(np.ones_like))
# Zeros: two recordings of a program are compared, and what memory held before differs.
empty_like = implements(np.empty_like)(functools.wraps(np.empty_like)(_like(np.zeros_like)))


@implements(np.full_like)
def full_like(
    a: Value,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """``numpy.full_like``, whose value may be traced."""
    made = empty_like(a, dtype, order, subok, shape, device=device)
    value = as_operand(fill_value)
    if made.dtype.kind in "fc":
        value = cast(value, made.dtype)  # complex numbers lose their imaginary part
    made[...] = value
    return made


CREATORS.update(
    copy=copy,
    zeros_like=zeros_like,
    ones_like=ones_like,
    empty_like=empty_like,
    full_like=full_like,
)


def cycled(v: Any, positions: Any) -> Any:
    """The elements of `v` at positions that start over at its end."""
    v = as_operand(v)
    size = np.size(v)
    return v if np.ndim(v) == 0 else np.take(np.ravel(v), np.asarray(positions) % max(size, 1))


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    """``numpy.copyto``."""
    src = as_operand(src)
    if not np.can_cast(dtype_of(src), dst.dtype, casting) and not np.isscalar(unbox(src)):
        raise TypeError(
            f"Cannot cast array data from {dtype_of(src)!r} to {dst.dtype!r} according to the rule "
            f"{casting!r}"
        )
    where = np.array(strip(where))
    if where.ndim == 0 and where:
        assign_to(dst, ..., src)
        return
    mask = np.broadcast_to(where, dst.shape)
    assign_to(dst, mask, np.broadcast_to(src, dst.shape)[mask])


def _put_index(shape: Shape, ind: Any, mode: Any) -> Any:
    """Flat positions as an index of an array of the given shape."""
    # NumPy itself finds the positions.
    positions = np.take(np.arange(int(np.prod(shape))), np.ravel(strip(ind)), mode=mode)
    return np.unravel_index(positions, shape)


@implements(np.put)
def put(a: Value, ind: Any, v: Any, mode: Any = "raise") -> None:
    """``numpy.put``."""
    if np.ndim(a) == 0:
        count = np.take(np.arange(1), np.ravel(strip(ind)), mode=mode).size
        if count and np.size(v):  # the last of repeated positions wins
            assign_to(a, (), np.ravel(cycled(v, np.arange(count)))[-1])
        return
    index = _put_index(np.shape(a), ind, mode)
    v = cycled(v, np.arange(index[0].size))
    if np.size(v) and index[0].size:
        assign_to(a, index, v)


def _check_elements(values: Any, target: Any) -> None:
    """Check that elements can be cast: `place` and `putmask` store no others."""
    if not isinstance(unbox(values), np.ndarray):
        return
    dtype = dtype_of(values)
    if not np.can_cast(dtype, target.dtype):
        raise TypeError(
            f"Cannot cast array data from {dtype!r} to {target.dtype!r} according to the rule "
            f"'safe'"
        )


@implements(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    """``numpy.place``."""
    mask = np.reshape(np.asarray(strip(mask), dtype=bool), np.shape(arr))
    _check_elements(vals, arr)
    count = np.count_nonzero(mask)
    if count and not np.size(vals):
        raise ValueError("Cannot insert from an empty array!")
    if is_box(arr) and is_box(vals) and root_of(arr)[0] is root_of(vals)[0]:
        # NumPy copies element by element, and reads what it has written.
        for i, element in enumerate(np.argwhere(mask)):
            assign_to(arr, tuple(element), np.ravel(vals)[i % np.size(vals)])
        return
    assign_to(arr, mask, cycled(vals, np.arange(count)))


@implements(np.putmask)
def putmask(a: Value, /, mask: Any, values: Any) -> None:
    """``numpy.putmask``."""
    mask = np.asarray(strip(mask), dtype=bool)
    if mask.size != np.size(a):
        raise ValueError("putmask: mask and data must be the same size")
    mask = np.reshape(mask, np.shape(a))
    _check_elements(values, a)
    if np.size(values):
        assign_to(a, mask, cycled(values, np.flatnonzero(mask)))


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    """``numpy.put_along_axis``."""
    if axis is None:
        put(arr, indices, values)
    else:
        assign_to(arr, along_axis(np.shape(arr), strip(indices), axis), values)


@implements(np.fill_diagonal)
def fill_diagonal(a: Value, val: Any, wrap: bool = False) -> None:
    """``numpy.fill_diagonal``."""
    marks = np.zeros(np.shape(a), dtype=bool)
    np.fill_diagonal(marks, True, wrap)  # checks the shape
    positions = np.flatnonzero(marks)
    assign_to(a, np.unravel_index(positions, marks.shape), cycled(val, np.arange(positions.size)))


@implements(np.ndarray.flat)
class FlatIterator:
    """``ndarray.flat`` of a traced array: it gives traced scalars, and takes indices and stores."""

    def __init__(self, base: Any) -> None:
        self.base = base
        self._array = base if base.ndim else np.reshape(base, 1)

    def __len__(self) -> int:
        return self.base.size

    def __iter__(self) -> Any:
        return iter(np.ravel(self.base))

    def __getitem__(self, index: Any) -> Any:
        return self._array[self._index(index)]

    def __setitem__(self, index: Any, v: Any) -> None:
        index = self._index(index)
        positions = np.arange(np.size(index[0])).reshape(np.shape(index[0]))
        assign_to(self._array, index, cycled(v, positions))

    def _index(self, index: Any) -> Any:
        positions = np.arange(len(self))[strip(index)]
        return np.unravel_index(positions, self._array.shape)

    def copy(self) -> Any:
        """A raveled copy."""
        return self.base.flatten()

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return func(*(self.copy() if a is self else a for a in args), **kwargs)
