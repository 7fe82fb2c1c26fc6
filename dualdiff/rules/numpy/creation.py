"""Arrays made from traced values, and arrays that take traced values.

NumPy's own creation functions do not dispatch, so they are the only functions that a program takes
from `dualdiff.numpy` (or `dualdiff.patch`). Outside a derivative they return plain arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.box import is_box, observe, shell, unbox
from ...array.dispatch import register
from ...array.made import contains_box, content_or_twin, is_made
from ...array.views import Array, memory_of
from ...core.batch import Shape, cast, dtype_of
from ...core.primitive import Known, Primitive
from ...core.trace import is_tracing, materialize, set_object_converter
from ...core.types import Cotangent, Residuals, Tangent, Value
from ...errors import UnsupportedInputError, user_line
from ..declare import linear
from ..structures import Elementwise, Pack
from .common import ends_derivative, fortran_or_c, laid_out, strip
from .kinks import step_taken

_plain_array = np.array  # a patch replaces the name
_DOUBLES = frozenset((np.dtype(float), None))


class PackScalars(Primitive):
    """A vector from scalars, in one operation."""

    structure = Pack()

    def __init__(self) -> None:
        super().__init__(self._pack, "array")

    def _pack(self, *scalars: Any) -> Any:
        if any(map(is_box, scalars)):
            return self(*scalars)
        return _plain_array(scalars)

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[bool], params: Any) -> Any:
        pairs = zip(args, active, strict=True)
        return ans.dtype, tuple(dtype_of(a) if used else None for a, used in pairs)

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        dtype, _ = saved
        parts = [0.0 if t is None else t for t in tangents]
        if not batch:
            return cast(self(*parts), dtype)
        return cast(np.stack([np.broadcast_to(t, batch) for t in parts], axis=-1), dtype)

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        dtypes = saved[1]
        doubles = type(g) is ndarray and not batch and g.dtype.char == "d"
        if doubles and _DOUBLES.issuperset(dtypes):
            return g.tolist()
        return [
            None if dtype is None else cast(g[..., i] if batch else g[i], dtype)
            for i, dtype in enumerate(dtypes)
        ]


pack = PackScalars()


def from_nested(x: Value) -> Any:
    """Nested sequences or an object array with boxes in them, as one box (or a plain array)."""
    if not (is_box(x) or is_made(x) or contains_box(x)):
        made = np.asarray(x)
        if made.dtype.kind == "O":  # np.sign gives objects that are plain numbers
            _refuse_arrays(made.flat)
            made = np.array(made.tolist())
        if made.dtype.hasobject:
            raise UnsupportedInputError(
                f"an object array of shape {made.shape} holds values that are neither numbers nor "
                f"traced, {user_line()}; make it with a floating-point dtype."
            )
        return made
    return _box_of(x)


def _box_of(x: Value) -> Any:
    """`from_nested` of what holds boxes."""
    if is_box(x):
        return x
    if is_made(x):
        return content_or_twin(x)
    if type(x) is ndarray:
        elements = list(x.flat)
        _refuse_arrays(elements)
        return np.reshape(pack(*elements), x.shape)
    shape = _scalar_shape(x)
    if shape is None:
        return np.stack([from_nested(e) for e in x])
    for _ in shape[1:]:
        x = [*chain.from_iterable(x)]
    return pack(*x) if len(shape) == 1 else pack(*x).reshape(shape)


def _refuse_arrays(elements: Iterable[Any]) -> None:
    if any(map(np.ndim, elements)):
        raise UnsupportedInputError(
            f"an object array of arrays cannot be traced, {user_line()}; use np.stack, or a list "
            f"of arrays."
        )


def _scalar_shape(x: Value) -> Shape | None:
    """The shape of nested sequences of scalars, or None if they contain arrays."""
    kind = type(x)
    if kind is float or kind is int:
        return ()
    if not issubclass(kind, (list, tuple)):
        return None if (x.shape if is_box(x) else np.ndim(x)) else ()
    shapes = set(map(_scalar_shape, x))
    if len(shapes) != 1:
        if None in shapes:
            return None
        raise ValueError(
            f"nested sequences of traced values have an inhomogeneous shape, {user_line()}"
        )
    (inner,) = shapes
    return None if inner is None else (len(x), *inner)


set_object_converter(from_nested)


def assignable(x: ndarray) -> Any:
    """A new plain array; while a derivative is taken, an array that takes traced values."""
    return Array(x, True) if x.dtype.kind in "fciub" and is_tracing() else x


def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: bool | None = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    ndmax: int = 0,
    like: Any = None,
) -> Any:
    """``numpy.array`` that takes traced values, alone or in nested sequences.

    Arguments: as NumPy's. Returns: a new array, which is traced if an element is, and takes traced
    values in either case. An integer `dtype` truncates and ends the derivative, as
    assignment to an integer array does.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda x: np.prod(dd.numpy.array([x[0], 2 * x[1]])))(np.array([3.0, 4.0]))
    array([8., 6.])
    """
    # NumPy 2.4 has `ndmax`: deeper sequences are objects, which must not hold traced values.
    limits: Any = {"ndmax": ndmax} if ndmax else {}
    if not contains_box(object):
        options: Any = {"copy": copy, "order": order, "subok": subok, "ndmin": ndmin, **limits}
        made = np.array(object, dtype=dtype, like=like, **options)
        return assignable(made) if copy is True else made
    if dtype is not None and np.dtype(dtype).names is not None:
        raise UnsupportedInputError(
            f"an array with named fields ({np.dtype(dtype)}) cannot hold traced values, "
            f"{user_line()}; keep an array for each field."
        )
    ans = _box_of(object)
    if ndmin or limits:
        np.array(0.0, ndmin=ndmin, **limits)  # checks them
    if ndmax and np.ndim(ans) > ndmax:
        raise UnsupportedInputError(
            f"ndmax={ndmax} would make objects of traced values, {user_line()}; leave it out."
        )
    if dtype is not None and np.dtype(dtype) != ans.dtype:
        ans = ans.astype(dtype)
    elif copy is True and is_box(object):
        ans = np.copy(ans, order)
    if not isinstance(shell(ans), ndarray):
        ans = np.copy(ans)  # an array without axes
    if ndmin and np.ndim(ans) < ndmin:
        ans = np.reshape(ans, (1,) * (ndmin - np.ndim(ans)) + np.shape(ans))
    if order == "A":
        order = fortran_or_c(object) if is_box(object) else "C"
    if order in ("K", None):
        return ans if is_box(object) else laid_out(ans)
    return laid_out(ans, order)


def asarray(
    a: Value,
    dtype: Any = None,
    order: Any = None,
    *,
    device: Any = None,
    copy: Any = None,
    like: Any = None,
) -> Any:
    """``numpy.asarray``: a traced array is returned unchanged, nested sequences become one.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda x: np.sum(dd.numpy.asarray(x, dtype=float) ** 2))(np.array([3.0, 4.0]))
    array([6., 8.])
    """
    if not contains_box(a):
        return np.asarray(a, dtype=dtype, order=order, device=device, copy=copy, like=like)
    np.asarray(0.0, device=device)  # checks it
    return array(a, dtype, copy=True if copy else None, order=order or "K")


def _contiguous(function: Any, order: str) -> Callable[..., Any]:
    def contiguous(a: Value, dtype: Any = None, *, like: Any = None) -> Any:
        if not contains_box(a):
            return function(a, dtype, like=like)
        return array(a, dtype, copy=None, ndmin=1, order=order)

    contiguous.__name__ = function.__name__
    contiguous.__doc__ = f"``numpy.{function.__name__}``."
    return contiguous


def require(a: Value, dtype: Any = None, requirements: Any = None, *, like: Any = None) -> Any:
    """``numpy.require``."""
    if not contains_box(a):
        return np.require(a, dtype, requirements, like=like)
    ans = asarray(a, dtype)
    flags = np.require(memory_of(ans), None, requirements).flags  # or NumPy's error
    return laid_out(ans, "F" if flags.fnc else "C") if flags.forc else ans


def asarray_chkfinite(a: Value, dtype: Any = None, order: Any = None) -> Any:
    """``numpy.asarray_chkfinite``."""
    if not contains_box(a):
        return np.asarray_chkfinite(a, dtype, order)
    a = asarray(a, dtype, order)
    np.asarray_chkfinite(unbox(materialize(a)))
    return a


def _makes(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def make(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        return assignable(made) if type(made) is ndarray else made

    return make


zeros = _makes(np.zeros)
ones = _makes(np.ones)
empty = functools.wraps(np.empty)(_makes(np.zeros))  # zeros, as in `empty_like`
eye = _makes(np.eye)
identity = _makes(np.identity)
tri = _makes(np.tri)


def given(x: Value, made: Any) -> Any:
    """NumPy's own value of a function, with the derivative of `x`, a formula for the same value."""
    if not is_box(x):
        return made
    if step_taken.get() is not None:  # x stands beside the point that NumPy's value is for
        return x
    return made if ends_derivative(made.dtype) else given_p(cast(x, made.dtype), made=Known(made))


def _given(x: Value, made: Known) -> Any:
    return given(x, made.value)


given_p = linear(_given, lambda g: g, jvp=lambda t: t, name="given", structure=Elementwise())


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """``numpy.linspace``, differentiable in start and stop."""
    options: Any = {"dtype": dtype, "axis": axis, "device": device}
    make: Any = np.linspace  # NumPy's stubs do not know these combinations
    made, step = make(strip(start), strip(stop), num, endpoint, True, **options)
    if not contains_box(start) and not contains_box(stop):
        return (assignable(made), step) if retstep else assignable(made)
    start, stop = materialize(start), materialize(stop)
    shares = np.linspace(0.0, 1.0, num, endpoint)
    shares = shares.reshape((-1,) + (1,) * (np.ndim(made) - 1))
    moving = np.moveaxis((1 - shares) * start + shares * stop, 0, axis)
    parts = num - 1 if endpoint else num
    if not retstep:
        return given(moving, made)
    return given(moving, made), (stop - start) / parts if parts > 0 else step


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """``numpy.logspace``, differentiable in start, stop and base."""
    if not any(map(contains_box, (start, stop, base))):
        return assignable(np.logspace(start, stop, num, endpoint, base, dtype, axis))
    start, stop, base = map(materialize, (start, stop, base))
    made = np.logspace(strip(start), strip(stop), num, endpoint, strip(base), dtype, axis)
    shape = np.broadcast_shapes(np.shape(start), np.shape(stop), np.shape(base))
    start, stop, base = (np.broadcast_to(v, shape) for v in (start, stop, base))
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    return given(np.power(np.expand_dims(base, axis), exponents), made)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """``numpy.geomspace``, differentiable in start and stop."""
    if not contains_box(start) and not contains_box(stop):
        return assignable(np.geomspace(start, stop, num, endpoint, dtype, axis))
    start, stop = materialize(start), materialize(stop)
    made = np.geomspace(strip(start), strip(stop), num, endpoint, dtype, axis)
    ratio = np.log(stop / start)
    exponents = linspace(np.zeros(np.shape(ratio)), ratio, num, endpoint, axis=axis)
    first = np.expand_dims(np.broadcast_to(start, np.shape(ratio)), axis)
    return given(first * np.exp(exponents), made)


def full(
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "C",
    *,
    device: Any = None,
    like: Any = None,
) -> Any:
    """``numpy.full``, whose value may be traced."""
    if not contains_box(fill_value):
        return assignable(np.full(shape, fill_value, dtype, order, device=device, like=like))
    np.full((), 0.0, None, order, device=device)  # checks them
    value = asarray(fill_value, dtype)
    return np.copy(np.broadcast_to(value, (shape,) if np.ndim(shape) == 0 else tuple(shape)))


def arange(
    start_or_stop: Any,
    /,
    stop: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    like: Any = None,
) -> Any:
    """``numpy.arange``, differentiable in start and step; the number of elements is constant."""
    start = start_or_stop
    if not any(map(is_box, (start, stop, step))):
        options: Any = {"dtype": dtype, "device": device, "like": like}
        if stop is None:
            return assignable(np.arange(start, step=step, **options))
        return assignable(np.arange(start, stop, step, **options))
    if stop is None:
        start, stop = 0, start
    made = np.arange(observe(start), observe(stop), observe(step), dtype=dtype, device=device)
    return given(start + step * np.arange(made.size), made)


register(np.linspace, linspace)
register(np.logspace, logspace)
register(np.geomspace, geomspace)
ascontiguousarray = _contiguous(np.ascontiguousarray, "C")
asfortranarray = _contiguous(np.asfortranarray, "F")
asanyarray = asarray

CREATORS: dict[str, Any] = {
    "array": array,
    "asarray": asarray,
    "asanyarray": asanyarray,
    "ascontiguousarray": ascontiguousarray,
    "asfortranarray": asfortranarray,
    "asarray_chkfinite": asarray_chkfinite,
    "require": require,
    "zeros": zeros,
    "ones": ones,
    "empty": empty,
    "full": full,
    "eye": eye,
    "identity": identity,
    "tri": tri,
    "arange": arange,
    "linspace": linspace,
    "logspace": logspace,
    "geomspace": geomspace,
}
