"""SciPy's own Python code on traced values, as the implementation of its functions.

`runs_body` declares a function whose code, in copies that `rebinding` makes, needs nothing but
functions that have rules. SciPy's function runs on the plain values as well: its result is the
value, to the last bit, and the copy gives the derivative. A copy that finds another value raises.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...array.box import HOLLOW, is_box, unbox
from ...core.batch import cast, dtype_of
from ...core.trace import settle
from ...core.types import Value
from ...errors import DualdiffError, user_line
from ...trees import attributes
from ..numpy.creation import contains_box, from_nested, given
from ..numpy.kinks import step_taken
from . import array_api
from .arguments import (
    IN_BODY,
    as_plain_function,
    by_scipy,
    holds_traced,
    is_of_scipy,
    is_recorded,
    is_user_function,
    mapped,
    plain,
    size_of_call,
)
from .dispatch import counterpart
from .in_place import original_of
from .rebinding import explained, rebound

CLOSE = 1e-7  # how far the value of a copy may be from SciPy's


def within_body() -> bool:
    """Whether a body calls, which compares its own value."""
    return IN_BODY.get()


class DifferentValueError(DualdiffError):
    """SciPy's own code on traced values does not find the value that SciPy finds."""


def runs_body(
    original: Any,
    *,
    calls: str = "",
    close: float = CLOSE,
    affine_in: str = "",
    unless: dict[str, Sequence[Any]] | None = None,
) -> Any:
    """Declare that SciPy's own code runs on traced values.

    Arguments: `original`, a function or a method of SciPy's; `calls`, the names of arguments that
    it calls; `close`, how far the two values may be apart, relative to the largest element;
    `affine_in`, the argument that the derivative by it does not depend on (see `affine`), but with
    the values of other arguments that `unless` lists.
    Returns: the public function, which is SciPy's own where nothing is traced.

    >>> import numpy as np, dualdiff as dd
    >>> from scipy import linalg
    >>> from dualdiff.rules.scipy.bodies import runs_body
    >>> invhilbert = runs_body(linalg.helmert)
    """

    if not hasattr(original_of(original), "__code__"):
        return original  # compiled code of older releases, which refuses traced values

    @functools.cache
    def find() -> Callable[..., Any]:
        return Body(original, calls.split(), close)

    return counterpart(original, original, find, calls, affine_in, unless)


class Body:
    """The copy of a function, and the function itself."""

    def __init__(self, original: Any, calls: Sequence[str] = (), close: float = CLOSE) -> None:
        self.original = original_of(original)
        self.copy = rebound(original)
        self.calls, self.close = calls, close
        self.name = f"{original.__module__}.{original.__qualname__}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if within_body():  # the outer body compares
            return self.copy(*map(with_array_api, args), **kwargs)
        values, named = mapped(self.as_plain, args, kwargs)
        if is_recorded((*values, *named.values())):
            return self.traced(tuple(map(with_array_api, args)), kwargs)
        value = by_scipy(self.original, *values, **named)
        made = self.traced(tuple(map(with_array_api, args)), kwargs)
        return agreed(made, value, self.name, self.close)

    def traced(self, args: Any, kwargs: Any) -> Any:
        """What the copy returns; the bodies that it calls do not run SciPy's function as well."""
        token = IN_BODY.set(True)
        try:
            return explained(self.copy, self.name, args, kwargs)
        finally:
            IN_BODY.reset(token)

    def as_plain(self, x: Value) -> Any:
        if self.calls and is_user_function(x):
            return as_plain_function(x)
        return plain(x)


def with_array_api(x: Value) -> Any:
    """An object of SciPy's that keeps its array library as an attribute, with that of copies."""
    if not isinstance(getattr(x, "_xp", None), types.ModuleType) or not is_of_scipy(type(x)):
        return x
    new: Any = object.__new__(type(x))
    for name, value in attributes(x):
        object.__setattr__(new, name, array_api.API if name == "_xp" else value)
    return new


def agreed(traced: Value, value: Any, name: str, close: float = CLOSE) -> Any:
    """SciPy's value with the derivative of a traced one, in containers too.

    Raises: DifferentValueError if their values differ.
    """
    if isinstance(traced, tuple) and isinstance(value, tuple) and len(traced) == len(value):
        parts = [agreed(t, v, name, close) for t, v in zip(traced, value, strict=True)]
        return tuple(parts) if type(value) is tuple else _like(value, parts)
    if type(traced) is list and type(value) is list and len(traced) == len(value):
        return [agreed(t, v, name, close) for t, v in zip(traced, value, strict=True)]
    if isinstance(traced, dict) and isinstance(value, dict) and traced.keys() == value.keys():
        parts = [agreed(t, value[k], name, close) for k, t in traced.items()]
        return type(value)(zip(traced, parts, strict=True))
    if contains_box(traced):
        traced = settle(from_nested(traced))
        if value is unbox(traced):
            return traced
    if is_box(traced) and (is_box(value) or type(value) in HOLLOW):  # as `compile` records it
        return cast(traced, dtype_of(value))
    if is_recorded(value) or is_box(value):
        return traced if is_box(traced) else value
    if _is_object(value):
        return traced if is_box(traced) else agreed_objects(traced, value, name, close)
    if isinstance(value, (str, type(None))):
        return value
    if is_box(traced) and step_taken.get() is not None:
        return traced
    made = np.asarray(value)
    found = np.asarray(unbox(traced))
    if made.shape != found.shape or made.dtype.hasobject:
        raise _different(name, f"the shapes are {found.shape} and {made.shape}")
    if made.dtype.kind in "fc":
        if np.isfinite(close) and not _are_close(found, made, close):
            raise _different(name, f"they differ by {np.nanmax(np.abs(found - made)):.2g}")
    elif not np.array_equal(found, made):
        raise _different(name, "integers or booleans differ")
    if not is_box(traced):
        return value
    return given(traced, made[()] if not isinstance(value, np.ndarray) else made)


def _are_close(found: Any, made: Any, close: float) -> bool:
    """Whether values agree, beside the largest of them."""
    near = max(close, float(np.finfo(made.dtype).eps) ** 0.45)  # in single precision 1e-3
    with np.errstate(invalid="ignore"):
        gap = found - made
        largest = _largest(gap)
    if largest == 0:
        return True
    size = _largest(made)
    if not np.isfinite(size):
        size = _largest(made[np.isfinite(made)])
    if largest <= near * size:
        return True
    if largest <= 1e-3 * near * size_of_call():  # all but rounding has cancelled
        return True
    return np.allclose(found, made, rtol=near, atol=near * size, equal_nan=True)


def _largest(x: Any) -> float:
    """The largest absolute value, without an array of them for real numbers."""
    if x.dtype.kind == "c":
        return float(np.max(np.abs(x), initial=0.0))
    return max(float(np.max(x, initial=0.0)), -float(np.min(x, initial=0.0)))


def agreed_objects(own: Any, twin: Any, name: str, close: float = CLOSE) -> Any:
    """An object of SciPy's with traced attributes, which get the values of its plain twin's."""
    if type(own) is not type(twin) or not is_of_scipy(type(own)):
        return own
    for key, value in attributes(twin):
        mine = getattr(own, key, value)
        if mine is not own and not isinstance(value, (types.FunctionType, types.MethodType)):
            made = agreed(mine, value, name, close) if holds_traced(mine) else value
            object.__setattr__(own, key, made)
    return own


def _is_object(value: Any) -> bool:
    """Whether a result is neither numbers nor text: its traced counterpart stands for it."""
    return not isinstance(value, (np.ndarray, np.generic, int, float, complex, str, type(None)))


def _like(value: Any, parts: Sequence[Any]) -> Any:
    """A named tuple with other elements."""
    make = getattr(value, "_make", None)
    return make(parts) if make else type(value)(*parts)


def _different(name: str, how: str) -> DifferentValueError:
    return DifferentValueError(
        f"SciPy's code of {name} does not find SciPy's value on traced arrays, {user_line()}: "
        f"{how}. Please report it; pass dualdiff.value_of(x) to count x as constant."
    )
