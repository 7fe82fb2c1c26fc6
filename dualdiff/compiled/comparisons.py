"""Whether the state that a program reads is as it was: arrays, sequences, sets and cells."""

from __future__ import annotations

import ctypes
import operator
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy import ndarray

from .machine import data_offset
from .nodes import same

COPIED = 1 << 14  # bytes up to which a copy to compare is faster than a call of memcmp
_is_known = sys.platform != "win32" and sys.implementation.name == "cpython"
memcmp = ctypes.CDLL(None).memcmp if _is_known else None
if memcmp is not None:
    memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]


def elements(x: ndarray) -> ctypes.c_void_p:
    """The address of an array's elements, where the array keeps it: the address may change."""
    return ctypes.c_void_p.from_address(id(x) + data_offset())


def equal_arrays(a: ndarray, b: ndarray) -> bool:
    """Whether an array has the bytes of its copy."""
    if a.shape != b.shape or (a.dtype is not b.dtype and a.dtype != b.dtype):
        return False
    if a.nbytes > COPIED and a.flags.forc and a.strides == b.strides and memcmp is not None:
        return bool(memcmp(elements(a), elements(b), a.nbytes) == 0)
    return a.tobytes() == b.tobytes()


def same_items(a: Any, b: Any) -> bool:
    """Whether a sequence holds the values of its copy, to the last bit."""
    return len(a) == len(b) and (all(map(operator.is_, a, b)) or all(map(same, a, b)))


def same_set(a: Any, b: Any) -> bool:
    return a == b and sorted(map(repr, a)) == sorted(map(repr, b))  # 1 is not 1.0


def numbers(parts: Iterable[Any]) -> Iterator[Any]:
    """The numbers among some values, in sequences of them and in codes."""
    for x in parts:
        if isinstance(x, (float, complex, np.inexact)):
            yield x
        elif type(x) in (tuple, frozenset, types.CodeType):
            yield from numbers(x.co_consts if type(x) is types.CodeType else x)


def is_empty(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return True
    return False


def keeps(cache: Any, held: list[int]) -> bool:
    """Whether a cache of results has lost none since `held` noted its misses and its size."""
    info = cache.cache_info()
    pushed_out = info.currsize == info.maxsize and info.misses > held[0]
    if info.misses < held[0] or info.currsize < held[1] or (held[1] and pushed_out):
        return False
    held[:] = info.misses, info.currsize
    return True
