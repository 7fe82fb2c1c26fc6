"""The box: what stands for a traced array and behaves as the array would."""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import (
    ConversionError,
    describe,
    is_storing,
    library_function,
    plain_target_error,
    user_line,
)
from .dispatch import FUNCTIONS, dispatch_function, dispatch_ufunc

WATCHERS: list[Callable[[Any], None]] = []


def _face(kind: type) -> type:
    """A private, empty subclass of `kind`, so that `isinstance` tells the truth about the program.

    Not `kind` itself: libraries test ``x.__class__ is np.ndarray`` and then hand x to C.
    """
    return type(kind.__name__, (kind,), {"__module__": kind.__module__})


face: Callable[[Any], type] = functools.cache(_face)
FACES: Any = {kind: face(kind) for kind in (np.ndarray, np.float64, float)}


def _compare(op: Callable[[Any, Any], Any]) -> Callable[[Box, Any], Any]:
    def compare(self: Box, other: Any) -> Any:
        # One level after the other: a level may give more than a truth value.
        return op(self.value, other.value if issubclass(type(other), Box) else other)

    compare.__name__ = f"__{op.__name__}__"
    return compare


class Box:
    """Stands for an array while a derivative is taken.

    `value` is what NumPy would have here (or a box of an outer level), `payload` the tangent
    (forward) or the slot on the tape (reverse), `scope` the trace it belongs to. `version`
    counts the stores into a `Reference`. Methods and operators of `numpy.ndarray` that need a rule
    are attached by `dualdiff.numpy`.
    """

    __slots__ = ("__weakref__", "payload", "scope", "value", "version")
    __array_priority__ = 1000.0
    is_box = True
    is_mask = False  # whether it says what is zero and nothing of a derivative
    value: Any
    payload: Any
    scope: Any
    version: int

    @property  # type: ignore[misc]  # read-only here: nothing may change the class of a box
    def __class__(self) -> type:  # the face is the point
        # NumPy asks at every call of a ufunc: the common case must be quick.
        return FACES.get(type(self.value)) or face(type(plain(self)))

    def __array_ufunc__(self, ufunc: Any, method: str, x: Any, *others: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            found = FUNCTIONS.get(ufunc)
            if found is not None:
                return found(x, *others) if others else found(x)
        return dispatch_ufunc(ufunc, method, (x, *others), kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = FUNCTIONS.get(func)
        return dispatch_function(func, args, kwargs) if found is None else found(*args, **kwargs)

    @property
    def __array__(self) -> Any:
        """Absent for 0-d boxes, which NumPy then holds as objects; an error for larger ones."""
        of_subclass = sys._getframe(1).f_code.co_name == "__array__"
        caller = sys._getframe(1 + of_subclass)
        module = caller.f_globals.get("__name__") or ""
        if module.startswith("numpy.testing"):  # whose functions compare and give nothing back
            return lambda dtype=None, copy=None: np.array(plain(self), dtype)
        if caller.f_code.co_name.endswith("mul_dispatch") and module.startswith("scipy.sparse"):
            # SciPy leaves `A @ x` to us when x turns into a 0-d object array; `A + x` crashes.
            return lambda *args, **kwargs: np.array(None, dtype=object)
        if self.ndim == 0:
            raise AttributeError("__array__")
        return self._refuse_array

    def _refuse_array(self, *args: Any, **kwargs: Any) -> Any:
        if is_storing(1):
            raise self._in_library() or plain_target_error("a plain NumPy array")
        raise self._in_library() or ConversionError(
            f"a traced array ({describe(self)}) cannot become a plain NumPy array without losing "
            f"its derivative, {user_line()}. Drop the conversion (traced arrays work in NumPy "
            f"functions as they are; write `A @ x` for `A.dot(x)`), use dualdiff.numpy.asarray or "
            f"dualdiff.numpy.array in its place, make an array to be assigned to with "
            f"dualdiff.numpy.zeros, or run under dualdiff.patch_numpy(). If the result is to count "
            f"as constant, pass dualdiff.value_of(x)."
        )

    def _in_library(self) -> ConversionError | None:
        library = library_function()
        if library is None:
            return None
        return ConversionError(
            f"{library} was called on a traced array ({describe(self)}), which it would turn into "
            f"a plain one, {user_line()}. Use its counterpart in dualdiff.scipy where there is "
            f"one, declare its derivative with dualdiff.extend.custom_jvp or custom_vjp (see "
            f"docs/extending.md), or pass dualdiff.value_of(x) as a constant."
        )

    def _refuse_number(self, what: str, instead: str) -> ConversionError:
        if is_storing(2):
            return self._in_library() or plain_target_error("a plain NumPy array")
        return self._in_library() or ConversionError(
            f"{what} of a traced value ({describe(self)}) would lose its derivative, "
            f"{user_line()}. {instead} dualdiff.value_of(x) gives the plain value, as a constant. "
            f"If a plain array is being filled, make it with dualdiff.numpy.zeros."
        )

    def __float__(self) -> float:
        raise self._refuse_number(
            "float()",
            "Leave the float() out: NumPy functions take and return traced scalars. For functions "
            "of the math module write NumPy's (math.sin -> np.sin).",
        )

    def __int__(self) -> int:
        raise self._refuse_number("int()", "Use np.floor or np.trunc, whose derivative is zero.")

    def __complex__(self) -> complex:
        raise self._refuse_number("complex()", "Write x + 0j.")

    def __index__(self) -> int:
        raise self._refuse_number("an index made", "Counts and indices have no derivative.")

    @property
    def shape(self) -> tuple[int, ...]:
        shape = getattr(self.value, "shape", None)
        return np.shape(self.value) if shape is None else shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype = getattr(self.value, "dtype", None)
        return np.asarray(self.value).dtype if dtype is None else dtype

    __len__: Any  # attached by dualdiff.numpy, as all that needs rules or looks at programs

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    __getitem__: Any  # attached by core.indexing

    def __bool__(self) -> bool:
        return bool(seen(self))

    def __contains__(self, item: Any) -> bool:
        return plain(item) in seen(self)

    __eq__ = _compare(operator.eq)
    __ne__ = _compare(operator.ne)
    __lt__ = _compare(operator.lt)
    __le__ = _compare(operator.le)
    __gt__ = _compare(operator.gt)
    __ge__ = _compare(operator.ge)

    def __repr__(self) -> str:
        return f"traced {plain(self)!r}"

    def __str__(self) -> str:
        return str(plain(self))

    def __format__(self, spec: str) -> str:
        return format(plain(self), spec)

    def __reduce__(self) -> Any:
        raise ConversionError(
            f"a traced value ({describe(self)}) cannot be pickled or sent to another process, "
            f"{user_line()}. Use threads, or take the derivative inside the process."
        )


def plain(x: Any) -> Any:
    """The plain value behind any number of levels, sharing memory with it; x itself if no box."""
    while issubclass(type(x), Box):
        x = x.value
    return x


def seen(x: Any) -> Any:
    """`plain(x)` for the program itself, whose course may depend on it: watchers are told."""
    for watch in WATCHERS:
        watch(x)
    return plain(x)


def is_box(x: Any) -> bool:
    """Whether `x` is a box; `isinstance` would also ask the face that boxes show."""
    return issubclass(type(x), Box)


def attach(**members: Any) -> None:
    """Give boxes the methods, properties and operators of `numpy.ndarray` that need rules."""
    for name, member in members.items():
        setattr(Box, name, member)
