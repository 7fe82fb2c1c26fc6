"""NumPy's functions that make arrays, for programs that keep traced values in them."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np

from ..array.box import is_box
from ..array.callsite import UNKNOWN, called_name, callee
from ..array.dispatch import FUNCTIONS
from ..array.made import boxed, facade, is_made, made_of
from ..array.subclasses import in_its_class
from ..core.trace import LIVE, is_tracing
from ..core.types import Value
from ..errors import ConversionError, describe, user_line
from ..rules.numpy.creation import CREATORS, contains_box, from_nested

# Their compiled code may want ndarrays of no other class.
_LIBRARIES = tuple(
    os.path.dirname(str(spec.origin)) + os.sep
    for spec in map(importlib.util.find_spec, ("numpy", "scipy"))  # imports nothing
    if spec is not None
)
_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


Function = Callable[..., Any]
# These give their argument itself if it is an array already.
_PASSING = [
    "array",
    "asarray",
    "asanyarray",
    "ascontiguousarray",
    "asfortranarray",
    "asarray_chkfinite",
    "require",
    "lib.stride_tricks.as_strided",
]


_CONVERTING = {name for name in _PASSING if "." not in name}
# Their results are no arrays, or their arguments are gone after the first use.
_ALWAYS = ("frompyfunc", "fromiter", "ndenumerate", "nditer")


def _held(x: Value) -> Any:
    """The array of an object with `__array__`, which may be traced; else the object."""
    if not hasattr(type(x), "__array__") or isinstance(x, (np.ndarray, np.generic)) or is_box(x):
        return x
    try:
        made = x.__array__()
    except TypeError:  # it wants arguments
        return x
    return made if contains_box(made) else x


def _is_new(name: str, args: Any, kwargs: Any) -> bool:
    """Whether the result of a function shares no memory with its argument."""
    if name not in _PASSING or (name == "array" and kwargs.get("copy", True) is True):
        return True
    return bool(args) and type(args[0]) in (list, tuple, float, int, range)


# They call a function that they are given for each element.
_ITERATING = (
    map, filter, list, tuple, set, dict, sum, max, min, sorted, next, zip, any, all, enumerate,
    functools.reduce,
)  # fmt: skip


def _for_caller(result: Value, frame: FrameType, original: Any) -> Any:
    """A traced result for a program; an error for compiled code, which would read its memory."""
    if not is_box(result):
        return result
    called = callee(frame)
    if getattr(called, "__wrapped__", called) is original or called in _ITERATING:
        return result
    if called is UNKNOWN or isinstance(called, functools.partial):
        return facade(result)
    name = getattr(called, "__qualname__", None) or called_name(frame)
    raise ConversionError(
        f"{name} was called on a traced array ({describe(result)}), {user_line()}, and its "
        f"compiled code takes plain arrays. Use its counterpart in dualdiff.scipy where there is "
        f"one, declare its derivative with dualdiff.extend.custom_jvp or custom_vjp (see "
        f"docs/extending.md), or pass dualdiff.value_of(x) as a constant."
    )


def _for_stores(new: Value, caller: FrameType) -> Any:
    """A new array as one that takes traced values, for a program that takes a derivative."""
    is_library = caller.f_code.co_filename.startswith((_OWN, *_LIBRARIES))
    return new if is_library or not is_tracing() else made_of(new)


# Arguments of these types hold nothing.
_CLOSED = frozenset((float, int, complex, bool, str, type, type(None)))
_NESTED = frozenset((list, tuple, np.ndarray))


def _are_plain(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether arguments are plain numbers, arrays and the like, or lists of them."""
    for x in (*args, *kwargs.values()) if kwargs else args:
        kind = type(x)
        if kind in _CLOSED:
            continue
        if kind is list or kind is tuple:
            kinds = {*map(type, x)} - _CLOSED
            if kinds and (not kinds <= _NESTED or contains_box(x)):
                return False
        elif kind is np.ndarray:
            if x.dtype.hasobject and contains_box(x):
                return False
        elif not issubclass(kind, np.dtype):
            return False
    return True


def _is_elsewhere(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call is made beside all derivatives, in a thread of its own, on plain values."""
    return not is_tracing() and _are_plain(args, kwargs)


def _is_holder(kind: type) -> bool:
    """Whether objects are converted by `__array__`, as a Series, not by NumPy's protocol."""
    return hasattr(kind, "__array__") and not hasattr(kind, "__array_function__")


def _of_holders(x: Value) -> Any:
    """An object with `__array__`, or a list of some, as arrays if these are traced."""
    if type(x) in (list, tuple):
        return type(x)(map(_held, x)) if any(map(_is_holder, {*map(type, x)} - _CLOSED)) else x
    return _held(x)


def _for_callers_outside(name: str, original: Function, traced: Function) -> Any:
    """A function that makes arrays which take traced values, for all callers but dualdiff itself.

    NumPy's and SciPy's own code gets them only for traced values.
    """

    def choose(args: Any, kwargs: Any, frame: FrameType) -> Any:
        file = frame.f_code.co_filename
        if file.startswith(_OWN) or (file.startswith(_LIBRARIES) and _are_plain(args, kwargs)):
            return original(*args, **kwargs)
        if args and name in _CONVERTING:
            args = (_of_holders(args[0]), *args[1:])
        if name in _ALWAYS or contains_box([*args, *kwargs.values()]):
            result = traced(*boxed(args), **{k: boxed(v) for k, v in kwargs.items()})
            if args and (name == "asanyarray" or (name == "array" and kwargs.get("subok"))):
                result = in_its_class(result, args[0])
            return _for_caller(result, frame, original)
        made = original(*args, **kwargs)
        if not _is_new(name, args, kwargs):
            same = is_made(args[0]) and made.base is args[0] and made.shape == args[0].shape
            return args[0] if same else made
        return _for_stores(made, frame)

    if hasattr(type(original), "__get__"):

        @functools.wraps(original)
        def create(*args: Any, **kwargs: Any) -> Any:
            if not LIVE or _is_elsewhere(args, kwargs):
                return original(*args, **kwargs) if kwargs else original(*args)
            return choose(args, kwargs, sys._getframe(1))

        return create

    # A builtin function as an attribute of a class does not become a method.
    def create_alone(plain: Function, /, *args: Any, **kwargs: Any) -> Any:
        if not LIVE or _is_elsewhere(args, kwargs):
            return plain(*args, **kwargs) if kwargs else plain(*args)
        return choose(args, kwargs, sys._getframe(1))

    functools.update_wrapper(create_alone, original)
    return types.MethodType(create_alone, original)


# Functions of a list of arrays, each of which may be a list.
_OF_LISTS = """
concatenate concat stack hstack vstack dstack column_stack select choose lexsort linalg.multi_dot
"""
# Functions that hand their arguments on to the program, ask for types or shapes, or write texts.
_NOT_OF_ARRAYS = """
apply_along_axis apply_over_axes piecewise block ix_ einsum_path histogramdd shape ndim size
result_type can_cast common_type min_scalar_type array2string array_repr array_str
"""


def _of_arrays() -> Iterator[str]:
    """NumPy's functions of arrays: programs hand them lists, and each becomes an array first."""
    others = {*_NOT_OF_ARRAYS.split(), *CREATORS}
    for space, home in (
        ("", np), ("linalg.", np.linalg), ("fft.", np.fft), ("emath.", np.emath),
        ("lib.stride_tricks.", np.lib.stride_tricks),
    ):  # fmt: skip
        for name, function in vars(home).items():
            known = isinstance(function, type(np.sum)) and function in FUNCTIONS
            if known and f"{space}{name}" not in others:
                yield f"{space}{name}"


def _is_mixed(x: Value) -> bool:
    kind = type(x)
    if kind is np.ndarray:  # of objects, as a universal function makes of a list
        return bool(x.dtype.hasobject) and contains_box(x)
    return issubclass(kind, (list, tuple)) and contains_box(x)


def _as_array(x: Value) -> Any:
    if _is_mixed(x):
        return from_nested([*map(_as_array, boxed(x))])
    return _held(x) if _is_holder(type(x)) else x


def _with_arrays(x: Value) -> Any:
    """A list of arrays, without lists and containers of traced values in it."""
    return [*map(_as_array, x)] if issubclass(type(x), (list, tuple)) else _as_array(x)


# They call the method of their name where an argument has one, as a Series.
_OF_METHODS = frozenset(
    (
        "all", "amax", "amin", "any", "argmax", "argmin", "argsort", "around", "clip", "cumprod",
        "cumsum", "diagonal", "max", "mean", "min", "prod", "repeat", "round", "searchsorted",
        "squeeze", "std", "sum", "swapaxes", "take", "transpose", "var",
    )
)  # fmt: skip


def _unless_own(name: str) -> Function:
    method = {"amax": "max", "amin": "min", "around": "round"}.get(name, name)
    return lambda x: x if hasattr(type(x), method) else _as_array(x)


def _of_lists(original: Function, change: Function) -> Function:
    """A function of NumPy's that changes its arguments with traced values before it is called.

    Its new arrays take traced values.
    """

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if LIVE:
            args = tuple(map(change, args))
            kwargs = {name: change(value) for name, value in kwargs.items()}
            ans = original(*args, **kwargs)
            is_new = type(ans) is np.ndarray and ans.base is None
            return _for_stores(ans, sys._getframe(1)) if is_new else ans
        return original(*args, **kwargs)

    FUNCTIONS[call] = FUNCTIONS[original]
    return call


class _Joining:
    """``np.r_`` or ``np.c_``, whose new arrays take traced values."""

    def __init__(self, traced: Any) -> None:
        self._traced = traced

    def __getitem__(self, key: Any) -> Any:
        return _for_stores(self._traced[key], sys._getframe(1))

    def __len__(self) -> int:
        return 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._traced, name)


_vectorized = np.vectorize.__call__


@functools.wraps(_vectorized)
def _call_vectorized(self: Any, *args: Any, **kwargs: Any) -> Any:
    """A call of a vectorized function, which may have been made before the patch."""
    if not LIVE or not contains_box([*args, *kwargs.values()]):
        return _vectorized(self, *args, **kwargs)
    excluded, signature = self.excluded, self.signature
    call = CREATORS["vectorize"](self.pyfunc, self.otypes, excluded=excluded, signature=signature)
    return call(*args, **kwargs)


@functools.cache
def replacements() -> list[tuple[Any, str, Any]]:
    """The namespace or class, the name and the replacement of each function that makes arrays."""
    found: list[tuple[Any, str, Any]] = [(np.vectorize, "__call__", _call_vectorized)]
    for path, traced in CREATORS.items():
        if path == "vectorize":
            continue
        *modules, name = path.split(".")
        space = vars(functools.reduce(getattr, modules, np))
        original = space[name]
        if callable(original):
            new = _for_callers_outside(path, original, traced)
        else:
            new = _Joining(traced)
        found.append((space, name, new))
    changed: dict[str, Function] = dict.fromkeys(_of_arrays(), _as_array)
    changed |= {name: _unless_own(name) for name in _OF_METHODS}
    changed |= dict.fromkeys(_OF_LISTS.split(), _with_arrays)
    for path, change in changed.items():
        *modules, name = path.split(".")
        space = vars(functools.reduce(getattr, modules, np))
        found.append((space, name, _of_lists(space[name], change)))
    return found
