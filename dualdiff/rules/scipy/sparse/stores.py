"""Stores of traced values into SciPy's own arrays that a program fills element by element.

An assembly loop makes an empty `lil_matrix` or `dok_matrix` and adds to its elements. SciPy's array
cannot hold a traced value, so the first one that is stored gives it an attribute `traced_stores`
with a `SparseArray`, which takes this store and all later ones. From then on the methods of SciPy's
array are those of the `SparseArray`. SciPy's array keeps the plain values.
"""

from __future__ import annotations

import types
from typing import Any

import numpy as np
from scipy import sparse

from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.creation import from_nested
from ..arguments import TRACED_ATTRIBUTE, plain
from ..dispatch import Entry, enter
from .arrays import SparseArray, is_number, is_sparse, wrapped

_Key = tuple[int, int]
_IN_PLACE = {f"__i{name}__": f"__{name}__" for name in ("add", "sub", "mul", "truediv")}
_PROPERTIES = {"_real": "real", "_imag": "imag"}
# SciPy's array answers these itself: it has the same shape, dtype and plain values.
_SAME = frozenset(
    ("__init__", "__len__", "__bool__", "__repr__", "__str__", "__contains__", "__reduce__",
     "get_shape", "getformat", "getmaxprint", "getnnz", "count_nonzero")
)  # fmt: skip


class Stores:
    """A sparse array, and the numbers that were stored into it since, by their places."""

    holds_traced = True

    def __init__(self, owner: Any) -> None:
        self._array = wrapped(owner)
        self._numbers: dict[_Key, Value] = {}

    def array(self) -> SparseArray:
        """The array, with all that was stored."""
        if self._numbers:
            rows, columns = (list(side) for side in zip(*self._numbers, strict=True))
            self._array[rows, columns] = from_nested(list(self._numbers.values()))
            self._numbers.clear()
        return self._array

    def as_constant(self) -> None:
        """SciPy's array with plain values needs no stores."""

    def set(self, key: Any, value: Value) -> None:
        """Store a value, plain or traced."""
        place = self._place(key)
        if place is not None and is_number(value):
            self._numbers[place] = value
        else:
            self.array()[key] = value

    def get(self, key: Any) -> Any:
        """The number at a place, or a part of the array."""
        place = self._place(key)
        if place is None:
            return self.array()[key]
        return self._numbers[place] if place in self._numbers else self._array[place]

    def _place(self, key: Any) -> _Key | None:
        """A row and a column, not negative, if the key means one element."""
        if not (isinstance(key, tuple) and len(key) == 2):
            return None
        if not all(isinstance(i, (int, np.integer)) for i in key):
            return None
        (m, n), (i, j) = self._array.shape, key
        return int(i) % m, int(j) % n  # SciPy's array has checked their range


def _stores_of(owner: Any) -> Stores | None:
    return getattr(owner, "traced_stores", None)


def _store(entry: Entry, self: Any, key: Any, value: Value) -> None:
    value = from_nested(value) if isinstance(value, (list, tuple)) else value
    stores = _stores_of(self)
    if stores is None and self.format not in ("lil", "dok"):
        raise UnsupportedInputError(
            f"a plain sparse array in the format {self.format!r} takes no traced values, "
            f"{user_line()}; fill a lil_matrix, or make it of (data, (rows, columns))"
        )
    if stores is None and self.dtype.kind in "fc":
        stores = Stores(self)
    dense = value.toarray() if is_sparse(value) else value
    entry.original(self, key, plain(dense))
    if stores is not None:
        stores.set(key, dense)
        self.traced_stores = stores


def _read(entry: Entry, self: Any, key: Any) -> Any:
    stores = _stores_of(self)
    return entry.original(self, key) if stores is None else stores.get(key)


def _declare(function: Any, name: str) -> None:
    """Let a method of SciPy's arrays know of stores."""
    own = _IN_PLACE.get(name, _PROPERTIES.get(name, name))

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name == "__setitem__":
            return _store(entry, self, *args)
        if name == "__getitem__":
            return _read(entry, self, *args)
        stores = _stores_of(self)
        if stores is None:
            return entry.original(self, *args, **kwargs)
        found = getattr(stores.array(), own)
        return found if name in _PROPERTIES else found(*args, **kwargs)

    entry = Entry(function, lambda: method)
    enter(entry)


def declare(others: frozenset[str]) -> None:
    """Declare the methods of `lil` and `dok` arrays, but for `others`, which know of stores."""
    classes: dict[type, None] = {}
    for kind in (sparse.lil_array, sparse.lil_matrix, sparse.dok_array, sparse.dok_matrix):
        TRACED_ATTRIBUTE[kind] = "traced_stores"
        classes.update(dict.fromkeys(kind.__mro__))
    for cls in classes:
        if not cls.__module__.startswith("scipy.sparse"):
            continue
        for name, function in list(vars(cls).items()):
            is_public = not name.startswith("_") or name.endswith("__") or name in _PROPERTIES
            is_own = name in _SAME or name in others
            if isinstance(function, types.FunctionType) and is_public and not is_own:
                _declare(function, name)
