"""A strict library of arrays: NumPy's protocols over NumPy, on a device of its own.

It answers NumPy's functions for its own arrays and Python numbers alone. It refuses to become a
NumPy array, to be a truth value or a number, to mix with NumPy's arrays, and stores into read-only
arrays. `TRANSFERS` counts what goes from the device to NumPy, which only ``x.get()`` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

TRANSFERS: list[Any] = []
_NUMBERS = (int, float, complex, bool, np.generic, str, slice, type(None), type(Ellipsis), np.dtype)


class Strict(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of the device."""

    __array_priority__ = 50.0

    def __init__(self, held: np.ndarray, writeable: bool = True) -> None:
        self._held = held
        self._writeable = writeable and held.flags.writeable

    shape = property(lambda self: self._held.shape)
    ndim = property(lambda self: self._held.ndim)
    size = property(lambda self: self._held.size)
    dtype = property(lambda self: self._held.dtype)
    nbytes = property(lambda self: self._held.nbytes)
    T = property(lambda self: Strict(self._held.T, self._writeable))
    real = property(lambda self: Strict(self._held.real))
    imag = property(lambda self: Strict(self._held.imag))

    @property
    def flags(self) -> Any:
        return type("Flags", (), {"writeable": self._writeable})

    def get(self) -> np.ndarray:
        """The array as one of NumPy's: a transfer."""
        TRANSFERS.append(self.shape)
        return self._held.copy()

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("an array of the device does not become one of NumPy's; call x.get()")

    def _refuse(self, *args: Any) -> Any:
        raise TypeError("an array of the device is no truth value or number; call x.get()")

    __bool__ = __float__ = __int__ = __complex__ = __index__ = __iter__ = _refuse

    def __len__(self) -> int:
        return len(self._held)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "at":
            target, index, *values = (_unwrapped(x, own=True) for x in inputs)
            return getattr(ufunc, method)(target, index, *values)
        return _wrapped(getattr(ufunc, method)(*map(_unwrapped, inputs), **_unwrapped(kwargs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.asarray and type(args[0]) is np.ndarray:  # asarray(x, like=y)
            return Strict(np.array(args[0]))
        return _wrapped(function(*_unwrapped(args, own=True), **_unwrapped(kwargs, own=True)))

    def __getitem__(self, index: Any) -> Any:
        found = self._held[_unwrapped(index, own=True)]
        return Strict(np.asarray(found), self._writeable)

    def __setitem__(self, index: Any, value: Any) -> None:
        if not self._writeable:
            raise ValueError("the array is read-only")
        self._held[_unwrapped(index, own=True)] = _unwrapped(value)

    def copy(self, order: str = "K") -> Strict:
        return Strict(self._held.copy())

    def astype(self, dtype: Any, **options: Any) -> Strict:
        return Strict(self._held.astype(dtype))

    def reshape(self, *shape: Any, **options: Any) -> Strict:
        return Strict(self._held.reshape(*shape, **options), self._writeable)

    def sum(self, *args: Any, **kwargs: Any) -> Any:
        return np.sum(self, *args, **kwargs)

    def mean(self, *args: Any, **kwargs: Any) -> Any:
        return np.mean(self, *args, **kwargs)


def _unwrapped(x: Any, own: bool = False) -> Any:
    """The arrays of NumPy inside; `own` lets shapes, indices and the like pass."""
    if type(x) is Strict:
        return x._held
    if isinstance(x, (list, tuple)):
        return type(x)(_unwrapped(e, own) for e in x)
    if isinstance(x, dict):
        return {k: _unwrapped(v, own) for k, v in x.items()}
    if isinstance(x, np.ndarray) and not (own and x.dtype.kind in "biu"):
        raise TypeError("an array of the device does not mix with one of NumPy's")
    return x


def _wrapped(x: Any) -> Any:
    if isinstance(x, (np.ndarray, np.generic)):
        return Strict(np.asarray(x), getattr(x, "flags", None) is None or x.flags.writeable)
    if isinstance(x, tuple) and type(x) is not tuple:
        return type(x)(*map(_wrapped, x))
    if isinstance(x, (list, tuple)):
        return type(x)(map(_wrapped, x))
    return x


def array(x: Any, writeable: bool = True) -> Strict:
    """An array on the device."""
    return Strict(np.array(x), writeable)
