"""The one door by which the engine asks about arrays that are not NumPy's.

A foreign array is one of another library that answers NumPy's functions by `__array_ufunc__` and
`__array_function__`: of dask, CuPy, pydata's sparse and the like. No library is imported here, and
NumPy's own types are told apart by one look-up. A lazy array (dask's) has a graph in place of
numbers, perhaps without a known size; the numbers of any foreign array are never looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from math import isnan
from typing import Any

import numpy as np
from numpy import ndarray

from ..core.types import Value
from ..errors import (
    DualdiffError,
    MissingRuleError,
    SchedulerError,
    UnsupportedInputError,
    user_line,
)
from .conversion import RECORDED, Wrapper, shell

# The types of the fast path: who meets one of them need not ask here.
PLAIN = frozenset((ndarray, np.float64, np.float32, np.complex128, float, int, complex, type(None)))
FLOATS = frozenset((float, np.float64))  # numbers in double precision
ARRAYS = frozenset((ndarray, np.float64))  # of shape and dtype, which rules may read at once
# Whether a type is that of foreign arrays; types join at first sight.
_FOREIGN: dict[type, bool] = dict.fromkeys(PLAIN, False)


def is_foreign(x: Value) -> bool:
    """Whether `x` is an array of a library other than NumPy."""
    found = _FOREIGN.get(type(x))
    return _look_at(type(x)) if found is None else found


def _look_at(kind: type) -> bool:
    """Whether a class has NumPy's two protocols and, unlike a unit of measurement, a dtype."""
    names = ("__array_function__", "__array_ufunc__", "dtype")
    has = all(getattr(kind, name, None) is not None for name in names)
    own = not issubclass(kind, (ndarray, np.generic, Wrapper)) and not hasattr(kind, "release")
    _FOREIGN[kind] = has and own
    return _FOREIGN[kind]


def has_foreign(x: Value) -> bool:
    """Whether the plain value behind a box, or `x` itself, is a foreign array."""
    return type(x) not in RECORDED and is_foreign(shell(x))


def is_lazy(x: Value) -> bool:
    """Whether `x` is a graph of tasks that computes an array."""
    return is_foreign(x) and hasattr(type(x), "__dask_graph__")


def has_lazy(x: Value) -> bool:
    """Whether the plain value behind a box, or `x` itself, is lazy."""
    return is_lazy(shell(x))


def library_of(x: Value) -> str:
    """The name of the library that a value belongs to."""
    return type(shell(x)).__module__.partition(".")[0]


def libraries_of(values: Iterable[Value]) -> list[str]:
    """The libraries of the foreign arrays among some values, each once."""
    return list(dict.fromkeys(library_of(x) for x in values if has_foreign(x)))


class Chunked(tuple[int, ...]):
    """The shape of a lazy array that remembers its chunks; `like` is the array if a size is NaN.

    It stays one where batch axes are put in front, and two unknown sizes count as equal.
    """

    chunks: Any
    like: Any

    def __radd__(self, batch: tuple[int, ...]) -> Any:
        if not batch:
            return self
        return _chunked((*batch, *self), (*((n,) for n in batch), *self.chunks), self.like)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple) or len(other) != len(self):
            return False
        return all(a == b or (a != a and b != b) for a, b in zip(self, other, strict=True))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__


def _chunked(shape: tuple[int, ...], chunks: Any, like: Any) -> Chunked:
    made = Chunked(shape)
    made.chunks, made.like = chunks, like
    return made


def form_of(x: Value, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of `x` with its chunks, if it is lazy."""
    if not shape or type(x) is ndarray:
        return shape
    value = shell(x)
    if not is_lazy(value):
        return shape
    return _chunked(shape, value.chunks, value if any(map(isnan, shape)) else None)


def kept(x: Value) -> Any:
    """A value that later stores of the program do not reach, if it is a foreign array."""
    if type(x) in PLAIN or not is_foreign(x):
        return x
    return copied(x) if _is_writeable(x) else x


def is_written_to(x: Value) -> bool:
    """Whether ``x += y`` changes a foreign array itself; of a lazy or read-only one it makes
    another."""
    if not is_foreign(x) or is_lazy(x) or not np.ndim(x):
        return False
    return _is_writeable(x)


def _is_writeable(x: Value) -> bool:
    return bool(getattr(getattr(x, "flags", None), "writeable", True))


def shares_memory(x: Value, y: Value) -> bool:
    """Whether stores into one foreign array reach another; lazy ones have no memory to share."""
    if not is_foreign(x) or not is_foreign(y) or is_lazy(x) or is_lazy(y):
        return False
    return bool(np.may_share_memory(x, y))


def copied(x: Value) -> Any:
    """A copy of a foreign array, if it can be copied; of a lazy one only its graph has a name."""
    copy = getattr(x, "copy", None)
    return x if copy is None else copy()


def beside(t: Value, value: Value) -> Any:
    """An array `t` as one of the library that `value` belongs to."""
    if is_foreign(t) and not has_foreign(value):
        return to_numpy([t])[0]
    if has_foreign(t) or not has_foreign(value) or isinstance(t, Wrapper):
        return t
    value = shell(value)
    made: Any = np.asarray(t, like=value)
    return made.rechunk(value.chunks) if is_lazy(value) and made.shape == value.shape else made


# By library: the attributes that only its arrays have, of a traced one.
ATTRIBUTES: dict[str, Callable[[Any, Any, str], Any]] = {}


class OfLibrary:
    """Gives a traced foreign array the attributes of its library.

    No other box has a `__getattr__`, which would slow down each of its attributes.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        attribute = None if name.startswith("_") else ATTRIBUTES.get(library_of(self))
        if attribute is None:
            raise AttributeError(f"a traced array has no attribute {name!r}")
        return attribute(self, shell(self), name)


def possibly(mask: Value) -> bool:
    """Whether a mask holds somewhere; of a foreign array it is not known, and so possible."""
    return True if is_foreign(mask) else bool(np.any(mask))


def surely(mask: Value) -> bool:
    """Whether a mask holds everywhere; of a foreign array it is not known, and so not sure."""
    return False if is_foreign(mask) else bool(np.all(mask))


def ones_like(value: Value) -> Any:
    """Ones in the shape, dtype, library and chunks of a value."""
    return np.ones_like(shell(value))


def rechunked(x: Value, like: Value) -> Any:
    """A lazy array in the chunks of another of its shape."""
    if is_lazy(x) and is_lazy(like) and x.chunks != like.chunks and Chunked(x.shape) == like.shape:
        return x if any(map(isnan, x.shape)) else x.rechunk(like.chunks)
    return x


def explain_foreign(what: str, values: Iterable[Value], error: Exception) -> DualdiffError | None:
    """The error for an operation that failed on foreign arrays, or None if it tells enough."""
    values = list(values)
    libraries = libraries_of(values)
    if not libraries or isinstance(error, DualdiffError):
        return None
    mixed = [*libraries, *(["numpy"] if any(type(shell(v)) is ndarray for v in values) else [])]
    refused = isinstance(error, (TypeError, AttributeError, NotImplementedError))
    if len(mixed) > 1 and refused:
        return UnsupportedInputError(
            f"{what} got arrays of {' and of '.join(mixed)}, which do not mix, {user_line()}: "
            f"{error}. Move one of them: {libraries[0]}'s own asarray(x), or x.get() or "
            f"x.compute() for an array of NumPy's."
        )
    if "chunk" in str(error).lower():
        return UnsupportedInputError(
            f"{what} cannot be computed with these chunks, {user_line()}: {error} Change them with "
            f"x.rechunk(...), which is differentiable."
        )
    if not refused:
        return None
    return MissingRuleError(
        f"{what} has an implementation for arrays of NumPy, but not for those of {libraries[0]}, "
        f"{user_line()}: {error}. Write it with other functions, or move the array to NumPy before."
    )


def explain_rule(values: Iterable[Value], error: Exception) -> DualdiffError | None:
    """The error for a rule that was left by an error while it handled foreign arrays, or None."""
    at = error.__traceback__
    while at is not None:
        frame, name = at.tb_frame, at.tb_frame.f_code.co_name
        if frame.f_globals.get("__name__", "").startswith("dualdiff.rules") and name != "public":
            called = getattr(frame.f_locals.get("self"), "original", None)  # SciPy's function
            return explain_foreign(
                f"the rule of {getattr(called, '__name__', name)}", values, error
            )
        at = at.tb_next
    return None


def to_numpy(values: Sequence[Any]) -> list[Any]:
    """Foreign arrays as plain ones, in one computation for all that are lazy."""
    values = list(values)
    lazy = [i for i, v in enumerate(values) if is_lazy(v)]
    if lazy:
        for i, made in zip(lazy, compute([values[i] for i in lazy]), strict=True):
            values[i] = made
    return [_plain(v) if is_foreign(v) else v for v in values]


def compute(lazy: Sequence[Any]) -> Sequence[Any]:
    """The values of objects of dask, from one computation."""
    try:
        values: Sequence[Any] = sys.modules["dask"].compute(*lazy)
    except Exception as error:  # the classes of distributed's errors need not be loaded
        if not type(error).__module__.startswith("distributed"):
            raise
        raise SchedulerError(
            f"dask could not compute a derivative, {user_line()}: {error}. If the scheduler or its "
            f"workers are gone, start a new distributed.Client and call the function again; with "
            f"none, dask computes in this process."
        ) from error
    return values


def _plain(x: Value) -> Any:
    """A foreign array that has numbers as a plain one: CuPy asks for ``get``, sparse for
    ``todense``."""
    for name in ("get", "todense"):
        if hasattr(x, name):
            return getattr(x, name)()
    return np.asarray(x)


def zeros(like: Value, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape in the library and dtype of a foreign array."""
    zero = np.zeros_like(like, shape=())
    return np.broadcast_to(zero, shape) if is_lazy(like) else np.zeros_like(like, shape=shape)


def stored(array: Any, index: Any, v: Value) -> Any:
    """A foreign array, which nobody else holds, with `v` at an index of integers and slices."""
    if is_lazy(array):  # its stores do not take new axes
        items = index if isinstance(index, tuple) else (index,)
        index = tuple(i for i in items if i is not None)
        if len(index) < len(items):
            v = np.reshape(v, array[index].shape)
    array[index] = v
    return array
