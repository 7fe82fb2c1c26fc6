"""Arguments of SciPy's functions: whether they hold traced values, and their plain values."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np

from ...array.box import HOLLOW, is_box, unbox
from ...array.made import TRACED_KINDS, content_of_traced
from ...core.trace import is_tracing, settle
from ...core.types import Value
from ...errors import UnsupportedInputError
from ...trees import attributes
from ..numpy.creation import contains_box, from_nested
from ..numpy.manipulation import as_operand

Change = Callable[[Any], Any]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]
# Types of arguments that hold nothing.
_PLAIN = frozenset(
    (float, int, bool, complex, str, slice, type(None), np.float64, np.int64, types.FunctionType)
)
_NUMBERS = (float, int, complex, np.ndarray, np.generic)
# Classes of SciPy's that keep traced values in one attribute only.
TRACED_ATTRIBUTE: dict[type, str] = {}
_DEPTH = 3  # how far attributes of SciPy's objects are searched
# The arguments of the call of SciPy's that is being answered.
CALLED: ContextVar[tuple[Any, Any]] = ContextVar("dualdiff_called")
_by_dualdiff: ContextVar[bool] = ContextVar("dualdiff_calls_scipy", default=False)


def holds_traced(x: Value, depth: int = 0) -> bool:
    """Whether a traced value stands in x: in lists, dictionaries, and objects of SciPy's.

    Classes of dualdiff that stand for objects of SciPy's say so by an attribute ``holds_traced``.
    """
    kind = type(x)
    if kind in _PLAIN:
        return False
    if kind is np.ndarray:
        return x.dtype.hasobject and contains_box(x)
    if is_box(x) or kind in TRACED_KINDS:
        return True
    if kind in (list, tuple):
        return any(holds_traced(v, depth) for v in x)
    if kind in TRACED_ATTRIBUTE:
        return holds_traced(getattr(x, TRACED_ATTRIBUTE[kind], None))
    if isinstance(x, dict):
        return any(holds_traced(v, depth) for v in x.values())
    if getattr(kind, "holds_traced", False):
        return True
    if depth < _DEPTH and is_of_scipy(kind):
        return any(holds_traced(v, depth + 1) for _, v in attributes(x))
    return isinstance(x, tuple) and any(holds_traced(v, depth) for v in x)


def any_traced(values: Iterable[Value]) -> bool:
    """Whether traced values are among arguments; see `holds_traced`."""
    return any(map(holds_traced, values))


def is_of_scipy(kind: type) -> bool:
    """Whether a class, or one that it derives from, is SciPy's."""
    return any(c.__module__.startswith("scipy.") for c in kind.__mro__)


def as_array(x: Value) -> Any:
    """An argument as an array or a box; None stays."""
    if type(x) is np.ndarray or x is None:
        return from_nested(x) if x is not None and x.dtype.hasobject else x
    return from_nested(x) if contains_box(x) else np.asarray(x)


def settled(x: Value) -> Value:
    """An argument in which boxes stand for arrays of the program that hold traced values, and plain
    arrays for those that could."""
    if is_box(x):
        return settle(x)
    if type(x) in TRACED_KINDS:
        return settle(content_of_traced(x))
    if type(x) in (list, tuple) and contains_box(x):
        return type(x)(map(settled, x))
    return x


def plain(x: Value) -> Any:
    """The plain value of an argument; an object of SciPy's is copied, with plain attributes."""
    if is_box(x) or type(x) is np.ndarray:
        x = as_operand(x)
        return unbox(settle(x)) if is_box(x) else x
    if type(x) in TRACED_KINDS:
        return unbox(settled(x))
    if not holds_traced(x):
        return x
    if hasattr(x, "as_constant"):
        return x.as_constant()
    if type(x) in (list, tuple):
        return type(x)(map(plain, x))
    if isinstance(x, dict):
        return type(x)((k, plain(v)) for k, v in x.items())
    if isinstance(x, tuple):
        return type(x)(*map(plain, x))
    new: Any = object.__new__(type(x))
    for name, value in attributes(x):
        if isinstance(value, types.MethodType) and value.__self__ is x:
            object.__setattr__(new, name, types.MethodType(value.__func__, new))
        else:
            object.__setattr__(new, name, plain(value))
    return new


def mapped(change: Change, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Arguments:
    """The arguments of a call, each changed."""
    return tuple(map(change, args)), {name: change(x) for name, x in kwargs.items()}


def is_recorded(x: Value) -> bool:
    """Whether a plain value, or one within it, stands for any number, as `compile` records it.

    SciPy's own code cannot compute with it: the formula on traced values is all there is.
    """
    return bool(HOLLOW) and any(type(part) in HOLLOW for part in _parts(x))


def _parts(x: Any, depth: int = 0) -> Iterator[Any]:
    """What stands in lists, tuples, dictionaries and objects of SciPy's."""
    kind = type(x)
    if kind in (list, tuple):
        held: Iterable[Any] = x
    elif isinstance(x, dict):
        held = x.values()
    elif depth < _DEPTH and kind not in HOLLOW and is_of_scipy(kind):
        held, depth = (value for _, value in attributes(x)), depth + 1
    else:
        yield x
        return
    for part in held:
        yield from _parts(part, depth)


def size_of_call() -> float:
    """The largest finite number among the arguments of the call that is being answered."""
    largest = 0.0
    for part in _parts(CALLED.get(())):
        value = np.asarray(unbox(part)) if is_box(part) or isinstance(part, _NUMBERS) else None
        if value is not None and value.dtype.kind in "fciu" and value.size:
            size = np.abs(value)
            largest = max(largest, float(np.max(size, where=np.isfinite(size), initial=0.0)))
    return largest


def _as_node(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """A call on recorded numbers, which SciPy's own code makes at every replay.

    Raises: UnsupportedInputError if objects hold the numbers, or functions are among the arguments.
    """
    given = (*args, *kwargs.values())
    for x in given:
        if is_user_function(x) or (is_of_scipy(type(x)) and is_recorded(x)):
            name = getattr(function, "__qualname__", function)
            raise UnsupportedInputError(f"SciPy's {name} was called on recorded numbers")
    owner = next(x for x in _parts(given) if type(x) in HOLLOW).owner
    return owner.apply(function, args, kwargs)


def is_user_function(x: Value) -> bool:
    """Whether x is a function of the program, not an object of SciPy's that can be called."""
    return callable(x) and not isinstance(x, type) and not is_of_scipy(type(x))


def may_capture() -> bool:
    """Whether a function that the program passes may read traced values: a derivative is taken
    here, and it is not dualdiff that calls SciPy."""
    return is_tracing() and not _by_dualdiff.get()


IN_RULE: ContextVar[bool] = ContextVar("dualdiff_in_rule", default=False)
IN_BODY: ContextVar[bool] = ContextVar("dualdiff_runs_body", default=False)


def signature_of(original: Any) -> inspect.Signature | None:
    """The signature of a function, which compiled ones may lack."""
    try:
        return inspect.signature(original)
    except (TypeError, ValueError):
        return None


@cache
def _place_of_check(function: Callable[..., Any]) -> int | None:
    """The position of the parameter `check_finite`, or None without one."""
    signature = signature_of(function)
    names = list(signature.parameters) if signature is not None else []
    return names.index("check_finite") if "check_finite" in names else None


def unchecked(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keywords that let a rule pass NaNs and infinities, which a derivative may be."""
    if not IN_RULE.get():
        return kwargs
    place = _place_of_check(function)
    return kwargs if place is None or len(args) > place else {**kwargs, "check_finite": False}


def by_scipy(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call SciPy's own code, which then calls functions of the program as if they were plain.

    Without it a solver that runs SciPy's solver on plain values would be asked again, since
    functions of the program may read traced values.
    """
    if is_recorded(args) or is_recorded(kwargs):
        return _as_node(function, args, kwargs)
    token = _by_dualdiff.set(True)
    try:
        return function(*args, **kwargs)
    except ValueError as error:  # older releases refuse arrays that are locked for the call
        if "read-only" not in str(error):
            raise
        args, kwargs = mapped(_writeable, args, kwargs)
        return function(*args, **kwargs)
    finally:
        _by_dualdiff.reset(token)


def _writeable(x: Any) -> Any:
    if type(x) is tuple:
        return tuple(map(_writeable, x))
    return np.require(x, requirements="W") if type(x) is np.ndarray else x


def as_plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the program as SciPy's own code may call it: its results are plain values."""

    def call(*args: Any, **kwargs: Any) -> Any:
        token = _by_dualdiff.set(False)
        try:
            out = function(*args, **kwargs)
            kind = type(out)
            is_plain = kind is np.ndarray and not out.dtype.hasobject
            return out if is_plain or kind is np.float64 or kind is float else plain(out)
        finally:
            _by_dualdiff.reset(token)

    return like_function(call, function)


def like_function(call: Any, function: Any) -> Any:
    """`call` with the attributes and the signature of `function`; faster than functools.wraps."""
    call.__dict__.update(getattr(function, "__dict__", ()))
    call.__wrapped__ = function  # SciPy asks for the parameters of a model
    return call


def as_tuple(args: Any) -> tuple[Any, ...]:
    """More arguments of a function, as SciPy takes them: a tuple, or a single one."""
    return args if isinstance(args, tuple) else (args,)


def by_position(f: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """A function and its arguments with `kwargs`, which SciPy takes from 1.18 on, by position."""
    if not kwargs:
        return f, args
    args, names = as_tuple(args), tuple(kwargs)
    count = len(args)

    def call(x: Any, *given: Any) -> Any:
        return f(x, *given[:count], **dict(zip(names, given[count:], strict=True)))

    return call, (*args, *kwargs.values())
