"""Operators of SciPy's sparse arrays with an array of traced values on the right."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from ....array.box import is_box
from ..arguments import TRACED_ATTRIBUTE, as_array
from ..dispatch import Entry, enter
from .arrays import SparseArray, has_stores, wrapped
from .operators import matmul
from .stores import declare

_NAMES = (
    "__add__", "__matmul__", "__mul__", "__radd__", "__rmatmul__", "__rmul__", "__sub__",
    "__truediv__", "dot", "multiply",
)  # fmt: skip


def _classes() -> Iterator[type]:
    """SciPy's classes of sparse arrays and those that they derive from."""
    found: dict[type, None] = {}
    for name in ("coo", "csr", "csc", "bsr", "dia", "dok", "lil"):
        for kind in ("array", "matrix"):
            found.update(dict.fromkeys(getattr(sparse, f"{name}_{kind}").__mro__))
    return (c for c in found if c.__module__.startswith("scipy.sparse"))


def _declare(function: Any, name: str) -> None:
    def operate(self: Any, other: Any, *args: Any, **kwargs: Any) -> Any:
        other = as_array(other) if type(other) in (list, tuple) else other
        is_array = is_box(other) and np.ndim(other) > 0
        if is_array and name == "__rmatmul__":
            return other @ self
        if is_array and name in ("__matmul__", "dot"):
            return matmul(self, other)
        other = wrapped(other) if has_stores(other) else other
        has_traced = isinstance(other, SparseArray) or has_stores(self)
        if is_array or (has_traced and not isinstance(self, SparseArray)):
            return getattr(wrapped(self), name)(other)
        if is_box(other) and self.format in ("lil", "dok"):  # these store each element by itself
            return getattr(wrapped(self.tocsr()), name)(other)
        return entry.original(self, other, *args, **kwargs)

    entry = Entry(function, lambda: operate)
    enter(entry)


for _format in ("coo", "csr", "csc", "bsr", "dia"):
    for _kind in ("array", "matrix"):
        TRACED_ATTRIBUTE[getattr(sparse, f"{_format}_{_kind}")] = "data"

for _cls in _classes():
    for _name in _NAMES:
        if isinstance(vars(_cls).get(_name), types.FunctionType):
            _declare(vars(_cls)[_name], _name)

declare(frozenset(_NAMES))
