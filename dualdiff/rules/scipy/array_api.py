"""Helpers of SciPy's code that make plain arrays, or ask for the library that an array is of."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import scipy._lib._array_api as array_api
from scipy._lib import _util

from ...array.box import is_box, unbox
from ...core.batch import dtype_of, shape_of
from ...core.types import Value
from ..numpy import creation
from ..numpy.creation import contains_box
from .dispatch import implements
from .rebinding import NUMPY, deep_plain, replace


def _found(*places: str) -> Any:
    """The first of several modules that this release has, or None."""
    for place in places:
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError:
            continue
    return None


_extra = _found("scipy._external.array_api_extra", "scipy._lib.array_api_extra")


# Functions by cases.
def apply_where(
    cond: Any, args: Any, f1: Any, f2: Any = None, /, *, fill_value: Any = None, **_: Any
) -> Any:
    """``f1`` of the arguments where `cond` holds, elsewhere ``f2`` of them, or `fill_value`."""
    args = list(args) if isinstance(args, (tuple, list)) else [args]
    cond = np.asarray(unbox(cond))
    shape = np.broadcast_shapes(cond.shape, *map(shape_of, args), np.shape(unbox(fill_value)))
    cond = np.broadcast_to(cond, shape)
    args = [np.broadcast_to(a, shape) for a in args]
    everywhere = cond.size > 0 and bool(cond.all())
    inside = f1(*(np.reshape(a, (-1,)) if everywhere else a[cond] for a in args))
    if everywhere and f2 is not None and dtype_of(inside).kind in "fc":  # no pieces to join
        return np.reshape(np.broadcast_to(inside, (cond.size,)), shape)
    if f2 is None:
        outside: Any = np.broadcast_to(fill_value, shape)[~cond]
    else:
        outside = f2(*(a[~cond] for a in args))
    dtype = np.result_type(unbox(inside), unbox(outside))
    out = NUMPY.zeros(shape, dtype=dtype)
    out[~cond] = outside
    out[cond] = inside
    return out


def _lazywhere(cond: Any, arrays: Any, f: Any, fillvalue: Any = None, f2: Any = None) -> Any:
    return apply_where(cond, arrays, f, f2, fill_value=fillvalue)


def _lazyselect(condlist: Any, choicelist: Any, arrays: Any, default: Any = 0) -> Any:
    arrays = np.broadcast_arrays(*arrays)
    shape = shape_of(arrays[0])
    out = NUMPY.zeros(shape)
    out[...] = default
    for function, cond in zip(choicelist, condlist, strict=True):
        cond = np.broadcast_to(unbox(cond), shape)
        if np.any(cond):
            out[cond] = function(*(a[cond] for a in arrays))
    return out


for _home, _names in (
    (_util, {"_lazywhere": _lazywhere, "_lazyselect": _lazyselect}),
    (_extra, {"apply_where": apply_where}),
):
    for _name, _new in _names.items():
        if hasattr(_home, _name):
            replace(getattr(_home, _name), _new)


# The array API of Python, by which SciPy writes some functions for several libraries.
class ArrayApi:
    """NumPy for copies, with the functions that the array API adds."""

    def __getattr__(self, name: str) -> Any:
        return getattr(NUMPY, name)

    @staticmethod
    def asarray(x: Value, dtype: Any = None, *, copy: Any = None, **_: Any) -> Any:
        if contains_box(x):
            made = creation.asarray(x, dtype=dtype)
            return made.copy() if copy else made
        return np.asarray(x, dtype=dtype) if not copy else creation.array(x, dtype=dtype)

    @staticmethod
    def astype(x: Value, dtype: Any, **_: Any) -> Any:
        return x.astype(dtype)

    @staticmethod
    def cumulative_sum(
        x: Value, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
    ) -> Any:
        total = np.cumsum(x, axis=axis, dtype=dtype)
        if not include_initial:
            return total
        axis = 0 if axis is None else axis
        return np.concatenate([0 * total.take([0], axis), total], axis)

    @staticmethod
    def isnan(x: Value) -> Any:
        return np.isnan(unbox(x))

    @staticmethod
    def isdtype(dtype: Any, kind: Any) -> bool:
        return bool(np.isdtype(dtype, kind))

    @staticmethod
    def __array_namespace_info__() -> Any:
        return np.__array_namespace_info__()


API = ArrayApi()


def xp_promote(
    *args: Any, broadcast: bool = False, force_floating: bool = False, xp: Any = None
) -> Any:
    """Arguments as arrays of one dtype, broadcast where that is asked for."""
    out = [a if a is None else API.asarray(a) for a in args]
    if force_floating:
        out = [a.astype(float) if a is not None and a.dtype.kind in "iub" else a for a in out]
    if broadcast:
        shape = np.broadcast_shapes(*(shape_of(a) for a in out if a is not None))
        out = [a if a is None else np.broadcast_to(a, shape) for a in out]
    return tuple(out) if len(out) > 1 else out[0]


class At:
    """``at(x)[index].set(v)``: stores v into x, or into a copy of it, and gives the array back."""

    def __init__(self, x: Value, index: Any = None) -> None:
        self.x, self.index = x, index

    def __getitem__(self, index: Any) -> At:
        return At(self.x, index)

    def _with(self, v: Any, copy: Any, change: Any = None) -> Any:
        index = deep_plain(self.index)
        out = self.x
        if copy or not is_box(out) or not shape_of(out):
            if copy is False:
                raise ValueError("a plain array takes no traced values in place")
            out = NUMPY.array(out)
        out[index] = change(out[index], v) if change else v
        return out

    def set(self, v: Any, copy: Any = None, **_: Any) -> Any:
        return self._with(v, copy)

    def add(self, v: Any, copy: Any = None, **_: Any) -> Any:
        return self._with(v, copy, np.add)

    def subtract(self, v: Any, copy: Any = None, **_: Any) -> Any:
        return self._with(v, copy, np.subtract)

    def multiply(self, v: Any, copy: Any = None, **_: Any) -> Any:
        return self._with(v, copy, np.multiply)

    def divide(self, v: Any, copy: Any = None, **_: Any) -> Any:
        return self._with(v, copy, np.divide)


for _name, _new in {
    "array_namespace": lambda *args, **kwargs: API,
    "xp_promote": xp_promote,
    "xp_copy": lambda x, **_: NUMPY.array(x),
    "is_numpy": lambda xp: True,
    "xp_device": lambda x: "cpu",
    "xp_result_device": lambda *args: "cpu",
    "_asarray": lambda array, dtype=None, order=None, copy=None, **_: API.asarray(
        array, dtype=dtype, copy=copy
    ),
}.items():
    if hasattr(array_api, _name):
        replace(getattr(array_api, _name), _new)
if hasattr(_extra, "at"):
    replace(_extra.at, At)
    implements(_extra.at)(At)  # methods of results, which run as they are, store into them
replace(np, API)
_compat = _found("scipy._external.array_api_compat.numpy", "scipy._lib.array_api_compat.numpy")
if _compat is not None:
    replace(_compat, API)


# Objects of SciPy 1.18 keep the library of their arrays, and call its `asarray` themselves.
_aliases = _found("scipy._external.array_api_compat.numpy._aliases")
if _aliases is not None:

    @implements(_aliases.asarray)
    def asarray(obj: Any, *, dtype: Any = None, copy: Any = None) -> Any:
        """``asarray`` of the array API for NumPy."""
        ans = creation.asarray(obj, dtype)
        return np.copy(ans) if copy else ans
