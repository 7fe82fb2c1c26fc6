"""Stores into traced arrays: their places and their effects."""

from __future__ import annotations

import gc
import threading
import time
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..core.batch import Shape, flat_positions, is_basic, is_inexact, set_batched, shape_of
from ..core.trace import CONVERTED, STORED, materialize, top_trace, value_of
from ..core.types import Value
from ..errors import (
    ConversionError,
    UnsupportedInputError,
    describe,
    plain_target_error,
    user_line,
)
from .box import is_box, shell
from .dispatch import register
from .kinds import copied, is_foreign
from .layout import copy_with_strides, in_layout, layout_of
from .views import View, root_of

# The ownership bit of a handle while a thread stores into its buffers. Threads may store into one
# handle, each into elements of its own: every store replaces its content as a whole.
BUSY: Any = object()
_assigning = threading.RLock()


class Place(NamedTuple):
    """The place of a store: view operations from the root array, then an index, under batch axes.

    The operations make views in the memory layout of the root, which is kept if there are any.
    """

    ops: tuple[tuple[Any, dict[str, Any]], ...]
    index: Any
    layout: tuple[int, ...] | None
    batch: Shape = ()

    def under(self, batch: Shape) -> Place:
        """The same place in arrays with more batch axes."""
        return self._replace(batch=batch + self.batch) if batch else self

    def window(self, array: Any) -> Any:
        """The viewed part of `array`, sharing its memory."""
        window = array
        for prim, params in self.ops:
            window = prim.view_batched(window, params, self.batch)
        return window

    @property
    def sign(self) -> int:
        """The sign of a cotangent that is read through the window."""
        return prod(prim.view_sign for prim, _ in self.ops)

    def set(self, array: Any, v: Value) -> Any:
        """Store `v`, a scalar or a value with the same batch axes; returns the array it stands
        in."""
        window = self.window(array)
        if self.ops and not np.may_share_memory(window, array):
            # A tangent in another layout than its primal: a store into a copy would be lost.
            array = in_layout(array, self.layout, self.batch)
            window = self.window(array)
        set_batched(window, self.index, v, self.batch)
        return array


def store(content: Value, place: Place, v: Value, owned: bool) -> Any:
    """`content` with `v` stored at `place`; every assignment ends here."""
    trace = top_trace((content, v))
    if trace is not None:
        if not is_inexact(content):
            return store(content, place, value_of(v), owned)
        return trace.store(content, place, v, owned)
    if is_foreign(content):
        return place.set(content if owned else copied(content), v)
    return place.set(content if owned else copy_with_strides(content, writable=True), v)


def version_of(box: Any) -> int:
    """The number of stores that an array has had, through any of its views."""
    root: Any = root_of(box)[0]
    return int(root.version) if root.owner is STORED else -1


def assign(box: Any, index: Any, v: Value, since: int | None = None) -> bool:
    """``box[index] = v`` as in NumPy: every view sees it, and the caller's array never does.

    Returns whether it has stored: not if the array is another than `since`, a `version_of` it.
    """
    if type(v) is View and v.payload[0] is box and v.payload[2].get("index") is index:
        return True  # the store at the end of `box[index] += v`: the view has written through
    index = freeze_index(index)
    v = materialize(v)
    root: Any
    root, ops = root_of(box)
    plain = shell(root)
    if any(prim.readonly for prim, _ in ops):
        raise ValueError("assignment destination is read-only")
    if type(plain) is not ndarray and not is_foreign(plain):
        raise TypeError(f"{type(plain).__name__!r} object does not support item assignment")
    place = Place(ops, index, layout_of(plain) if ops and type(plain) is ndarray else None)
    del plain  # a store in place needs the only reference
    shape = shape_of(v)
    target = shell(box)[index].ndim if shape else 0
    if len(shape) > target:
        v = materialize(np.reshape(v, shape[len(shape) - target :]))
    with _assigning:
        stored = root.owner is STORED
        content = root.primal if stored else root.snapshot()
        owned = stored and _taken(root)
        if stored and since is not None and since != root.version:
            root.payload = owned
            return False
        try:
            new = store(content, place, v, owned)
        except BaseException:
            if stored:
                root.payload = owned
            raise
        replace_content(root, new, owned=True)
    return True


def _taken(box: Any) -> bool:
    """Whether a handle owns its buffers, which it lends to this store alone."""
    while True:
        owned, box.payload = box.payload, BUSY
        if owned is not BUSY:
            return bool(owned)
        time.sleep(0.0)  # another thread stores one element


def replace_content(box: Any, content: Value, owned: bool) -> None:
    """Give a box new content; every view of it sees the change."""
    if box.owner is not STORED:
        box.owner, box.version = STORED, 0
    box.primal, box.payload = content, owned
    box.version += 1


def assign_to(target: Any, index: Any, v: Value) -> None:
    """``target[index] = v``; the target may be a plain array, which takes no traced values."""
    if is_box(target):
        assign(target, index, v)
        return
    v = materialize(v)
    if is_box(v) and type(target) not in CONVERTED:
        raise refuse_plain_target(target)
    target[index] = v


def refuse_plain_target(target: Any) -> ConversionError:
    """The error for a store of traced values into a plain array."""
    return plain_target_error(f"a plain NumPy array ({describe(target)})")


def freeze_index(index: Any) -> Any:
    """A copy of an index, safe from changes of the user's index arrays; raises for boxes."""
    if type(index) is tuple:
        return index if is_basic(index) else tuple(freeze_index(i) for i in index)
    if is_box(index):
        if np.issubdtype(index.dtype, np.inexact):
            raise IndexError(
                f"a traced value ({describe(index)}) cannot be an index, {user_line()}; "
                f"use int(dualdiff.value_of(i))."
            )
        index = value_of(index)
    if type(index) is list:
        return np.array([value_of(i) for i in index]) if index else np.array([], dtype=np.intp)
    return np.array(index) if isinstance(index, ndarray) else index


def last_writes(shape: Shape, index: Any) -> Any:
    """For an index with repeats, a mask of the stores that were not overwritten; else None."""
    if is_basic(index):
        return None
    positions = flat_positions(shape, index)
    winner = np.empty(int(np.prod(shape)), dtype=np.intp)
    order = np.arange(positions.size).reshape(positions.shape)
    winner[positions] = order
    last = winner[positions] == order
    return None if last.all() else last


def _has_views(box: Any) -> bool:
    return any(type(view) is View and view.root is box for view in gc.get_referrers(box))


def resize(box: Any, shape: Any, refcheck: bool = True) -> None:
    """``a.resize(shape)`` in place, refused for and under views as in NumPy."""
    array = shell(box)
    if type(array) is not ndarray or type(box) is View:
        raise ValueError("cannot resize this array: it does not own its data")
    if not array.flags.forc:
        raise ValueError("resize only works on single-segment arrays")
    if refcheck and _has_views(box):
        raise ValueError(
            f"cannot resize an array that references or is referenced by another array, "
            f"{user_line()}; write `x = np.resize(x, shape)`"
        )
    order: Any = "C" if array.flags.c_contiguous else "F"
    flat = np.ravel(box, order)[: prod(np.atleast_1d(shape))]
    padding = np.zeros(prod(np.atleast_1d(shape)) - len(flat), array.dtype)
    new = np.reshape(np.concatenate([flat, padding]), shape, order)
    replace_content(box, materialize(new), owned=False)


def set_shape(box: Any, shape: Any) -> None:
    """``a.shape = shape``, of an array without views that is none itself."""
    if type(shell(box)) is not ndarray or type(box) is View or _has_views(box):
        raise UnsupportedInputError(
            f"the shape of a traced array ({describe(box)}) that is or has a view cannot be "
            f"assigned, {user_line()}; write `x = x.reshape({shape})`."
        )
    replace_content(box, materialize(np.reshape(box, shape)), owned=False)


register(np.ndarray.resize, resize)
register(np.ndarray.shape, set_shape)
