"""Conversions of a traced array: its class, texts, plain arrays, numbers, bytes.

A conversion that would lose the derivative raises an error that says what to write instead.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from ..core.types import Value
from ..errors import (
    ConversionError,
    UnsupportedInputError,
    calls_method,
    describe,
    instead_of_library,
    is_formatting,
    is_storing,
    library_function,
    objects_error,
    or_patch,
    plain_target_error,
    user_line,
)
from .callsite import asks_for_attribute, called_by_ufunc, called_name, callee

# Makes a real ndarray of a traced one for ``np.float64(x)``, which looks at no protocol.
TO_SCALAR_TYPE: list[Callable[..., Any]] = []
# Store a traced value for a line ``a[i] = x`` of a plain array, if that is possible.
STORES: list[Callable[[FrameType, Any, str], bool]] = []
WATCHERS: list[Callable[[Any], None]] = []


def _face(kind: type) -> type:
    """A private, empty subclass of `kind`, for which `isinstance` answers as in the program.

    Not `kind` itself: libraries test ``x.__class__ is np.ndarray`` and then pass x to C.
    """
    return type(kind.__name__, (kind,), {"__module__": kind.__module__})


face: Callable[[Any], type] = functools.cache(_face)
FACES: Any = {kind: face(kind) for kind in (np.ndarray, np.float64, float)}


class _NumberError(TypeError, AttributeError):
    """A number was used as a sequence: an error of `len` and `iter`, which `hasattr` catches."""


class OfArrays:
    """A special method that arrays have and numbers do not."""

    def __init__(self, method: Callable[..., Any], complaint: str) -> None:
        self.method, self.complaint = method, complaint

    def __get__(self, x: Value, kind: Any = None) -> Any:
        if x is None:
            return self
        if x.ndim == 0 and not isinstance(shell(x), np.ndarray):
            error = _NumberError(f"{type(unbox(x)).__name__!r} object {self.complaint}")
            if self.method.__name__ == "__iter__" and not asks_for_attribute(sys._getframe(1)):
                return functools.partial(_raise, error)  # iter() would go on to __getitem__
            raise error
        return functools.partial(self.method, x)


def of_arrays(complaint: str) -> Callable[[Callable[..., Any]], Any]:
    """Let a special method be one of arrays only; numbers complain."""
    return lambda method: OfArrays(method, complaint)


def _raise(error: Exception) -> NoReturn:
    raise error


# Their functions convert numbers, which the program can do without.
_OWN_MODULES = frozenset(("builtins", "math", "cmath", "_operator", "numpy"))


def _is_compiled(module: str) -> bool:
    """Whether a module is compiled code of some library."""
    if module.partition(".")[0] in _OWN_MODULES:
        return False
    origin = getattr(getattr(sys.modules.get(module), "__spec__", None), "origin", None)
    return origin is not None and not origin.endswith(".py")


# By the name of a compiled class, a class that takes traced arrays.
COUNTERPARTS: dict[str, str] = {}


class Wrapper:
    """Holds a value, and raises an error where a conversion would lose the derivative.

    Its attributes have names that programs do not ask for, as they ask for `value`.
    """

    __slots__ = ("__weakref__", "primal")
    __array_priority__ = 1000.0
    is_box = True
    primal: Any
    # The attributes of all wrappers, traced or not.
    shape: Any
    ndim: Any
    dtype: Any

    @property  # type: ignore[misc]  # read-only here: nothing may change the class of a box
    def __class__(self) -> type:  # the face is the point
        # NumPy asks at every call of a ufunc: the common case must be fast.
        return FACES.get(type(self.primal)) or face(type(shell(self)))

    @property
    def __array__(self) -> Any:
        """Absent for 0-d boxes, which NumPy then holds as objects; an error for larger ones."""
        of_subclass = sys._getframe(1).f_code.co_name == "__array__"
        caller = sys._getframe(1 + of_subclass)
        module = caller.f_globals.get("__name__") or ""
        if module.startswith("numpy.testing"):  # its functions compare and return nothing
            return lambda dtype=None, copy=None: np.array(unbox(self), dtype)
        if caller.f_code.co_name.endswith("mul_dispatch") and module.startswith("scipy.sparse"):
            # SciPy leaves `A @ x` to us if x becomes a 0-d object array; `A + x` crashes.
            return lambda *args, **kwargs: np.array(None, dtype=object)
        if self.ndim == 0:
            if ConversionError.last.objects is None:
                ConversionError.last.objects = user_line()
            raise AttributeError("__array__")
        if TO_SCALAR_TYPE:
            called = callee(caller)
            if isinstance(called, type) and issubclass(called, np.generic):
                return functools.partial(TO_SCALAR_TYPE[0], self, called)
        return self._refuse_array

    def _refuse_array(self, *args: Any, **kwargs: Any) -> Any:
        if is_storing(1):
            for store in STORES:
                if store(sys._getframe(1), self, "array"):
                    return np.full(self.shape, np.nan)
            raise self._in_library() or plain_target_error("a plain NumPy array")
        raise self._in_library() or ConversionError(
            f"a traced array ({describe(self)}) cannot become a plain NumPy array without losing "
            f"its derivative, {user_line()}. Drop the conversion (traced arrays work in NumPy "
            f"functions as they are; write `A @ x` for `A.dot(x)`), use dualdiff.numpy.asarray or "
            f"dualdiff.numpy.array in its place, make an array to be assigned to with "
            f"dualdiff.numpy.zeros{or_patch(', or run inside `with dualdiff.patch():`')}. If the "
            f"result is to count as constant, pass dualdiff.value_of(x)."
        )

    def _in_library(self) -> ConversionError | None:
        frame = sys._getframe(2)
        while frame.f_globals.get("__name__") == __name__ and frame.f_back is not None:
            frame = frame.f_back
        called = callee(frame)
        module = str(getattr(called, "__module__", ""))
        if module.startswith("numpy.random"):
            return ConversionError(
                f"{called_name(frame)} would drop the derivative of its parameter "
                f"({describe(self)}), {user_line()}. Draw with plain parameters, and write the "
                f"rest as a formula: mean + spread * rng.normal(size=n), or a quantile function of "
                f"scipy.stats at rng.uniform(size=n)."
            )
        kind = str(getattr(called, "__qualname__", "")).partition(".")[0]
        if kind in COUNTERPARTS:
            return ConversionError(
                f"{kind} was called on a traced array ({describe(self)}), {user_line()}. It takes "
                f"plain arrays only; use {COUNTERPARTS[kind]} in its place, or pass "
                f"dualdiff.value_of(x) as a constant."
            )
        library = library_function()
        if library is None and (module.startswith("scipy.") or type(called).__name__ == "fortran"):
            library = called_name(frame)  # compiled code
        elif library is None and _is_compiled(module):
            library = f"{module}.{getattr(called, '__qualname__', called_name(frame))}"
        if library is None:
            return None
        return ConversionError(
            f"{library} was called on a traced array ({describe(self)}), which it would turn into "
            f"a plain one, {user_line()}. {instead_of_library()}, or pass dualdiff.value_of(x) as "
            f"a constant."
        )

    # Numbers, truth and size.

    def _refuse_number(self, what: str, instead: str) -> ConversionError:
        if is_storing(2):
            return self._in_library() or plain_target_error("a plain NumPy array")
        caller = sys._getframe(2)
        if (caller.f_globals.get("__name__") or "").startswith("numpy."):
            return objects_error(caller.f_code.co_name.strip("_"), user_line())
        return self._in_library() or ConversionError(
            f"{what} of a traced value ({describe(self)}) would lose its derivative, "
            f"{user_line()}. {instead} dualdiff.value_of(x) gives the plain value, as a constant. "
            f"If a plain array is being filled, make it with dualdiff.numpy.zeros."
        )

    def __float__(self) -> float:
        if STORES and is_storing(1):
            for store in STORES:
                if store(sys._getframe(1), self, "number"):
                    return math.nan
        if is_formatting(1):  # a text has no derivative
            return float(observe(self))
        maker = (called_name(sys._getframe(1)) or "").rpartition(".")[2]
        if maker in ("array", "asarray", "asanyarray"):
            raise self._refuse_number(
                f"{maker}([...], dtype=float)",
                f"Make the array with dualdiff.numpy.{maker}"
                f"{or_patch(', or run inside `with dualdiff.patch():`')}.",
            )
        raise self._refuse_number(
            "float()",
            "Leave the float() out: NumPy functions take and return traced scalars. For functions "
            f"of the math module write NumPy's (math.sin -> np.sin)"
            f"{or_patch(', or run inside `with dualdiff.patch():`')}.",
        )

    def __int__(self) -> int:
        return int(observe(self))  # a step has a zero derivative, as np.floor and astype(int)

    def __complex__(self) -> complex:
        raise self._refuse_number("complex()", "Write x + 0j.")

    def __index__(self) -> int:
        earlier = ConversionError.last.text
        error = self._refuse_number("an index made", "Counts and indices have no derivative.")
        # A plain float is no index either: NumPy before 2.2 asks each exponent, and goes on.
        ConversionError.last.text = earlier
        raise error

    def __bool__(self) -> bool:
        return bool(observe(self))

    def __contains__(self, item: Any) -> bool:
        return unbox(item) in observe(self)

    @of_arrays("has no len()")
    def __len__(self) -> int:
        if self.ndim > 1 and calls_method("shuffle", 1):
            raise UnsupportedInputError(
                f"a random generator would shuffle a traced array ({describe(self)}) as a list of "
                f"views and leave rows double, {user_line()}; write x[rng.permutation(len(x))]."
            )
        return len(unbox(self))

    def __hash__(self) -> int:
        hash(unbox(self))  # Python's own error if the value has no hash
        called = called_name(sys._getframe(1))
        raise ConversionError(
            f"a traced value ({describe(self)}) cannot be a key of a dict, an element of a set or "
            f"an argument of a function with functools.cache"
            f"{f' (here: {called})' if called else ''}, {user_line()}: an equal value with "
            f"another derivative would be taken for it. Use dualdiff.value_of(x) as the key where "
            f"the result is to count as constant."
        )

    # Texts, and other processes.

    def __repr__(self) -> str:
        return f"traced {unbox(self)!r}"

    def __str__(self) -> str:
        return str(observe(self))

    def __format__(self, spec: str) -> str:
        return format(observe(self), spec)

    def __reduce__(self) -> Any:
        raise ConversionError(
            f"a traced value ({describe(self)}) cannot be pickled or sent to another process, "
            f"{user_line()}. Use threads, or take the derivative inside the process."
        )

    # Memory, as in NumPy.

    def _memory(self) -> Any:
        """The plain array behind the box, with the strides that it has in NumPy."""
        value = shell(self)
        return value if hasattr(value, "__array_function__") else np.asarray(value)

    @property
    def base(self) -> Any:
        return None

    @property
    def nbytes(self) -> int:
        return int(shell(self).nbytes)

    @property
    def itemsize(self) -> int:
        return self._memory().itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        return self._memory().strides

    @property
    def flags(self) -> Any:
        return self._memory().view().flags  # read only: a change must not reach the array

    # Attributes that would give access to that memory, which has no derivative.

    def _refuse(self, name: str, instead: str = "") -> ConversionError:
        instead = instead or f"pass dualdiff.value_of(x).{name} if it is to count as constant."
        return ConversionError(
            f".{name} of a traced array ({describe(self)}) would lose its derivative, "
            f"{user_line()}; {instead}"
        )

    @property
    def data(self) -> Any:
        raise self._refuse("data")

    @property
    def ctypes(self) -> Any:
        raise self._refuse("ctypes")

    def tobytes(self, *args: Any, **kwargs: Any) -> Any:
        raise self._refuse("tobytes")

    def tofile(self, *args: Any, **kwargs: Any) -> Any:
        raise self._refuse("tofile")

    def dump(self, *args: Any, **kwargs: Any) -> Any:
        raise self._refuse("dump")

    def dumps(self, *args: Any, **kwargs: Any) -> Any:
        raise self._refuse("dumps")

    def byteswap(self, *args: Any, **kwargs: Any) -> Any:
        raise self._refuse("byteswap")

    def getfield(self, *args: Any, **kwargs: Any) -> Any:
        raise self._refuse("getfield")

    def setfield(self, *args: Any, **kwargs: Any) -> Any:
        raise self._refuse("setfield", "assign by index.")

    def setflags(self, write: Any = None, align: Any = None, uic: Any = None) -> Any:
        if not write and align is None and uic is None:
            return  # stores would raise, which no result depends on
        raise self._refuse("setflags", "leave it out: traced arrays are written to by assignment.")


def unbox(x: Value) -> Any:
    """The plain value behind any number of levels, sharing memory with it; x itself if no box."""
    while issubclass(type(x), Wrapper):
        x = x.primal
    return x


# The types that stand for plain values of which only the form is fixed; see `dualdiff.compiled`.
HOLLOW: set[type] = set()
# These, and the boxes around them; `raw` is the value at the recording, of which the form is fixed.
RECORDED: set[type] = set()
RECORDERS: list[Any] = []  # of the programs that are being recorded, in any thread


def shell(x: Value) -> Any:
    """`unbox(x)` for its type, shape, dtype and strides alone.

    A compiled program runs again with other elements, so nothing may depend on those seen here.
    """
    while True:
        kind = type(x)
        if kind in RECORDED and x.owner.replays:
            return x.raw
        if not issubclass(kind, Wrapper):
            return x
        x = x.primal


def observe(x: Value) -> Any:
    """`unbox(x)` for a decision of the program, which is reported to the watchers."""
    for watch in WATCHERS:
        watch(x)
    return unbox(x)


class _OfObjects:
    """A method by which a function of NumPy works on the elements of object arrays."""

    def __init__(self, name: str, ufunc: Any) -> None:
        self.name, self.ufunc = name, ufunc

    def __get__(self, x: Value, kind: Any = None) -> Any:
        if x is None or not called_by_ufunc(sys._getframe(1)):
            kind = kind if x is None else type(unbox(x))
            raise AttributeError(f"{kind.__name__!r} object has no attribute {self.name!r}")
        return functools.partial(self.ufunc, x)


def _answer_object_arrays() -> None:
    """Let boxes have ``x.sin()``, which NumPy calls for each element x of an object array."""
    for name in dir(np):
        ufunc = getattr(np, name)
        if isinstance(ufunc, np.ufunc) and not hasattr(np.ndarray, name):
            setattr(Wrapper, name, _OfObjects(name, ufunc))


_answer_object_arrays()
