"""Python functions applied to parts of an array: `apply_along_axis`, `vectorize` and their kin."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core.boxes import is_box
from ..core.errors import UnsupportedInputError, user_line
from ..core.shapes import shape_of
from ..core.traces import resolve
from ._common import axis_of, implements
from .creation import CREATORS, contains_box, from_nested
from .manipulation import as_operand


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """``numpy.apply_along_axis``."""
    arr = as_operand(arr)
    ndim = np.ndim(arr)
    axis = axis_of(axis, ndim) + ndim
    lines = np.moveaxis(arr, axis, -1)
    places = list(np.ndindex(shape_of(lines)[:-1]))
    if not places:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = [as_operand(func1d(lines[place], *args, **kwargs)) for place in places]
    inner = np.shape(results[0])
    ans = np.reshape(np.stack(results), shape_of(lines)[:-1] + inner)
    return np.moveaxis(ans, range(-len(inner), 0), range(axis, axis + len(inner)))


@implements(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """``numpy.apply_over_axes``."""
    value = as_operand(a)
    ndim = np.ndim(value)
    for axis in np.atleast_1d(axes):
        axis = int(axis) + (ndim if axis < 0 else 0)
        result = as_operand(func(value, axis))
        if np.ndim(result) != np.ndim(value):
            result = np.expand_dims(result, axis)
        if np.ndim(result) != np.ndim(value):
            raise ValueError("function is not returning an array of the correct shape")
        value = result
    return value


class vectorize:  # NumPy's name
    """``numpy.vectorize`` that takes traced arrays: the function is called for each element.

    Arguments: as NumPy's. Returns: a callable; its results are traced where an argument is.
    Raises: TypeError for a `signature` with traced arguments.

    >>> import numpy as np, dualdiff as dd
    >>> step = dd.numpy.vectorize(lambda x: x**2 if x > 1 else 2 * x)
    >>> dd.grad(lambda x: np.sum(step(x)))(np.array([0.5, 3.0]))
    array([2., 6.])
    """

    def __init__(self, pyfunc: Callable[..., Any], otypes: Any = None, **options: Any) -> None:
        self.pyfunc, self.otypes, self.options = pyfunc, otypes, options
        functools.update_wrapper(self, pyfunc)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not any(map(contains_box, (*args, *kwargs.values()))):
            return np.vectorize(self.pyfunc, self.otypes, **self.options)(*args, **kwargs)
        if self.options.get("signature") is not None:
            raise UnsupportedInputError(
                f"vectorize with a signature does not take traced arrays, {user_line()}; write the "
                f"loop with np.stack, or use np.apply_along_axis"
            )
        excluded = self.options.get("excluded") or ()
        loops: dict[Any, Any] = {i: a for i, a in enumerate(args) if i not in excluded}
        loops |= {k: v for k, v in kwargs.items() if k not in excluded}

        def call(elements: dict[Any, Any]) -> Any:
            given = [elements.get(i, a) for i, a in enumerate(args)]
            return self.pyfunc(*given, **{k: elements.get(k, v) for k, v in kwargs.items()})

        return _each_element(call, loops)


def _each_element(call: Callable[[dict[Any, Any]], Any], loops: dict[Any, Any]) -> Any:
    """A function of the elements of broadcast operands, as one array per result."""
    operands = {name: as_operand(a) for name, a in loops.items()}
    shape = np.broadcast_shapes(*map(np.shape, operands.values()))
    spread = {name: np.broadcast_to(a, shape) for name, a in operands.items()}
    results = [
        call({name: a[place] if shape else operands[name] for name, a in spread.items()})
        for place in np.ndindex(shape)
    ]
    if not results:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    if type(results[0]) is tuple:
        parts = zip(*results, strict=True)
        return tuple(np.reshape(from_nested(list(part)), shape) for part in parts)
    return np.reshape(from_nested(results), shape)


def frompyfunc(func: Callable[..., Any], /, nin: int, nout: int, **kwargs: Any) -> Any:
    """``numpy.frompyfunc`` that takes traced arrays; without them it gives NumPy's ufunc's
    result."""
    ufunc = np.frompyfunc(func, nin, nout, **kwargs)

    @functools.wraps(func)
    def apply(*args: Any) -> Any:
        if not any(map(contains_box, args)):
            return ufunc(*args)
        return _each_element(
            lambda elements: func(*(elements[i] for i in range(nin))), dict(enumerate(args))
        )

    return apply


def fromiter(iter: Iterable[Any], dtype: Any, count: int = -1, **kwargs: Any) -> Any:
    """``numpy.fromiter`` whose elements may be traced."""
    elements = list(iter) if count < 0 else [e for e, _ in zip(iter, range(count), strict=False)]
    if not contains_box(elements):
        return np.fromiter(elements, dtype, count, **kwargs)
    made = from_nested(elements)
    return made.astype(dtype) if np.dtype(dtype) != made.dtype else made


def kaiser(M: int, beta: Any) -> Any:
    """``numpy.kaiser``, differentiable in beta (DLMF 10.25)."""
    if not is_box(beta):
        return np.kaiser(M, beta)
    beta = resolve(beta)
    if M <= 1:
        return np.ones(max(int(M), 0))
    alpha = (M - 1) / 2.0
    inner = np.sqrt(1 - ((np.arange(0, M) - alpha) / alpha) ** 2.0)
    return np.i0(beta * inner) / np.i0(beta)


CREATORS.update(vectorize=vectorize, frompyfunc=frompyfunc, fromiter=fromiter, kaiser=kaiser)
