"""The leaves of arguments and results: what they count for, and when two of them agree."""

from __future__ import annotations

import cmath
import collections
import dataclasses
import math
import operator
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy import float64, ndarray
from scipy.sparse import issparse

from ..array.box import is_box
from ..core.batch import SILENT, error_state, set_error_state
from ..core.types import Value
from ..trees import Structure, flatten
from .comparisons import equal_arrays

_DYNAMIC = (float, float64, complex)
_TINY = 1e-12


def described(x: Value) -> Any:
    """The part of the signature that belongs to one leaf."""
    kind = type(x)
    if kind is ndarray:
        if x.dtype.kind in "fc":
            return x.shape, x.strides, x.dtype
        return x.shape, x.dtype, x.tobytes() if not x.dtype.hasobject else id(x)
    if kind in _DYNAMIC or (isinstance(x, np.inexact)):
        return kind
    if is_object(x):
        return Held(x)
    return kind, x


def orders_of(tree: Any) -> tuple[Any, ...]:
    """The keys of all dicts in nested containers, in their order."""
    if isinstance(tree, dict):
        return (tuple(tree), *map(orders_of, tree.values()))
    if isinstance(tree, (list, tuple)):
        return tuple(map(orders_of, tree))
    if hasattr(type(tree), "__dataclass_fields__"):
        return tuple(map(orders_of, vars(tree).values())) if hasattr(tree, "__dict__") else ()
    return ()


def classes_of(structure: Structure) -> list[type]:
    """The classes of the containers in a structure, whose methods a program may call."""
    found: dict[type, None] = {}

    def look(tree: Any) -> None:
        if hasattr(type(tree), "__dataclass_fields__"):
            names = (f.name for f in dataclasses.fields(tree) if hasattr(tree, f.name))
            parts: Iterable[Any] = [getattr(tree, name) for name in names]
        elif isinstance(tree, (dict, list, tuple, collections.deque)):
            parts = tree.values() if isinstance(tree, dict) else tree
        else:
            return
        found[type(tree)] = None
        for part in parts:
            look(part)

    look(structure.unflatten([None] * structure.num_leaves))
    return [cls for cls in found if cls.__module__ != "builtins"]


class Held:
    """An argument that counts by its identity, kept alive."""

    __slots__ = ("x",)

    def __init__(self, x: Value) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return type(other) is Held and other.x is self.x

    def __hash__(self) -> int:
        return id(self.x)


def is_object(x: Value) -> bool:
    plain = (ndarray, np.generic, float, complex, int, bool, str, bytes, type(None))
    return not isinstance(x, plain) or (type(x) is ndarray and x.dtype.hasobject)


def is_dynamic(x: Value) -> bool:
    kind = type(x)
    return (kind is ndarray and x.dtype.kind in "fc") or kind in _DYNAMIC or isinstance(
        x, np.inexact
    )  # fmt: skip


def is_traced(x: Value) -> bool:
    """Whether a leaf belongs to a derivative that is being taken."""
    return is_box(x) or (isinstance(x, ndarray) and x.dtype.hasobject)


def has_surprise(x: Value) -> bool:
    """Whether a value holds a NaN or an infinity."""
    if type(x) is ndarray:
        if x.dtype.kind not in "fc" or not x.size:
            return False
        flat = x if x.flags.c_contiguous else x.ravel("K")
        state = error_state()
        try:
            set_error_state(SILENT)
            squares = np.vdot(flat, flat)  # the fastest sum in which none is lost
            return not (cmath.isfinite(squares) or np.isfinite(x).all())
        finally:
            set_error_state(state)
    if type(x) in (float, float64):
        return not math.isfinite(x)
    if isinstance(x, (complex, np.inexact)):
        return not np.isfinite(x)
    return issparse(x) and has_surprise(_entries(x))


def all_close(found: Sequence[Any], wanted: Sequence[Any]) -> bool:
    """Whether the leaves of two results agree up to rounding, also where they cancel to nothing."""
    if len(found) != len(wanted):
        return False
    scale = max(map(_size, wanted), default=0.0)
    return all(close(a, b, scale) for a, b in zip(found, wanted, strict=True))


def _entries(x: Value) -> Any:
    """The stored entries of a sparse array; other values as they are."""
    return cast(Any, x).data if issparse(x) else x


def _size(x: Value) -> float:
    """The largest finite magnitude in a leaf."""
    x = np.asarray(_entries(x))
    if x.dtype.kind not in "fc":
        return 0.0
    with np.errstate(all="ignore"):
        return float(np.max(np.abs(x), initial=0.0, where=np.isfinite(x)))


def close(a: Value, b: Value, scale: float = 0.0) -> bool:
    """Whether two leaves agree up to rounding; `scale` is the size of all leaves."""
    if isinstance(a, (str, type(None))) or isinstance(b, (str, type(None))):
        return bool(a == b)
    if issparse(b):
        x, y = cast(Any, a), cast(Any, b)
        alike = type(x) is type(y) and x.shape == y.shape and x.dtype == y.dtype
        return alike and _size(x - y) <= 1e-8 * _size(b) + _TINY * scale
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        return False
    if a.dtype.kind not in "fc":
        return bool(np.array_equal(a, b))
    if not a.size:
        return True
    single = a.dtype.itemsize < 8 or a.dtype.char == "F"
    tolerance, size = 1e-3 if single else 1e-8, _size(b)
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= tolerance * size + _TINY * max(scale, size)
    return bool(np.all(near | (a == b) | ((a != a) & (b != b))))


def converter(kind: type, dtype: Any) -> Callable[[Any], Any]:
    """What gives a replayed leaf the type of the eager one: an array of a dtype, or a number.

    It raises TypeError for a complex value in place of a real one.
    """
    if kind is ndarray:
        return lambda v: np.array(v, order="K").astype(dtype, "K", "same_kind", copy=False)
    if issubclass(kind, np.inexact) and not issubclass(kind, np.complexfloating):
        return lambda v: kind(_real(v))
    if issubclass(kind, np.generic) or kind in (float, int, bool, complex):
        return kind
    return lambda v: v


def _real(x: Value) -> Value:
    if isinstance(x, (complex, np.complexfloating)):
        raise TypeError("a complex number in place of a real one")
    return x


def same_state(state: Any, text_state: Any) -> bool:
    new = np.random.get_state()  # noqa: NPY002
    same_numpy = all(np.array_equal(a, b) for a, b in zip(new, state, strict=True))
    return same_numpy and random.getstate() == text_state


def key_of(args: Any, kwargs: Any, leaves: Sequence[Any], structure: Structure) -> Any:
    """The signature of a call."""
    key: Any = structure, tuple(map(described, leaves))
    if structure.num_leaves != len(args):  # a program may go through the keys of a dict
        key = (*key, orders_of((args, kwargs)))
    arrays = [id(x) for x in leaves if type(x) is ndarray]
    if len(set(arrays)) < len(arrays):  # it may ask whether two arguments are one
        key = (*key, "the same", tuple(map(arrays.index, arrays)))
    return key


def have_changed(
    leaves: Sequence[Any], before: Sequence[Any], structure: Structure, now: Any
) -> bool:
    """Whether a call has changed its arguments: arrays, or the containers that hold them."""
    found, form = flatten(now)
    if form != structure or not all(map(operator.is_, found, leaves)):
        return True
    pairs = zip(leaves, before, strict=True)
    return any(type(x) is ndarray and not equal_arrays(x, y) for x, y in pairs)
