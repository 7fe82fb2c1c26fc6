"""Python functions applied to parts of an array: `apply_along_axis`, `vectorize` and the like."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ...array.box import is_box, unbox
from ...core.batch import Shape, shape_of
from ...core.trace import materialize
from ...core.types import Value
from .common import axis_of, implements, laid_out_like, strip
from .creation import CREATORS, contains_box, from_nested
from .manipulation import as_operand

NoValue = np._NoValue


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
def apply_over_axes(func: Any, a: Value, axes: Any) -> Any:
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
    """``numpy.vectorize`` that takes traced arrays: it calls the function for each element, or with
    a `signature` for each of the vectors or matrices that it names.

    Arguments: as NumPy's. Returns: a callable; its results are traced if an argument is.

    >>> import numpy as np, dualdiff as dd
    >>> step = dd.numpy.vectorize(lambda x: x**2 if x > 1 else 2 * x)
    >>> dd.grad(lambda x: np.sum(step(x)))(np.array([0.5, 3.0]))
    array([2., 6.])
    """

    def __init__(
        self,
        pyfunc: Any = NoValue,
        otypes: Any = None,
        doc: str | None = None,
        excluded: Any = None,
        cache: bool = False,
        signature: str | None = None,
    ) -> None:
        options: Any = {"doc": doc, "excluded": excluded, "cache": cache, "signature": signature}
        self.numpys = np.vectorize(pyfunc, otypes, **options)  # checks the arguments
        self.pyfunc, self.otypes, self.options = pyfunc, otypes, options
        if pyfunc is not NoValue:
            functools.update_wrapper(self, pyfunc)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.pyfunc is NoValue:  # a decorator with options
            return vectorize(args[0], self.otypes, **self.options)
        if not any(map(contains_box, (*args, *kwargs.values()))):
            return self.numpys(*args, **kwargs)
        excluded = self.options["excluded"] or ()
        loops: dict[Any, Any] = {i: a for i, a in enumerate(args) if i not in excluded}
        loops |= {k: v for k, v in kwargs.items() if k not in excluded}

        def call(elements: dict[Any, Any]) -> Any:
            given = [elements.get(i, a) for i, a in enumerate(args)]
            return self.pyfunc(*given, **{k: elements.get(k, v) for k, v in kwargs.items()})

        dtypes = None if self.otypes is None else [np.dtype(t) for t in self.otypes]
        if not loops:
            return call({})
        signature = self.options["signature"]
        if signature is None:
            return _each_element(call, loops, dtypes)
        cores, results = (_core_axes(side) for side in signature.split("->"))
        if len(cores) != len(loops):
            raise TypeError(
                f"wrong number of positional arguments: expected {len(cores)}, got {len(loops)}"
            )
        return _each_part(call, loops, dtypes, cores, results)


def _core_axes(side: str) -> list[list[str]]:
    """The names of the core axes of each operand, from one side of a signature."""
    return [re.findall(r"\w+", term) for term in re.findall(r"\(([^)]*)\)", side)]


def _each_element(
    call: Callable[[dict[Any, Any]], Any], loops: dict[Any, Any], dtypes: Any = None
) -> Any:
    """A function of the elements of broadcast operands, as one array per result."""
    results = _each_part(call, loops, dtypes, [[]] * len(loops), None)
    alike = np.frompyfunc(lambda *elements: 0, len(loops), 1)
    made = alike(*(unbox(as_operand(a)) for a in loops.values()))
    if type(made) is not np.ndarray or type(results) is np.ndarray:  # numbers, or a plain result
        return results
    if type(results) is tuple:
        return tuple(laid_out_like(result, made) for result in results)
    return laid_out_like(results, made)


def _each_part(
    call: Callable[[dict[Any, Any]], Any],
    loops: dict[Any, Any],
    dtypes: Any,
    cores: list[list[str]],
    result_cores: list[list[str]] | None,
) -> Any:
    """A function of parts with the axes `cores`; the other axes are broadcast."""
    operands = {name: as_operand(a) for name, a in loops.items()}
    sizes: dict[str, int] = {}
    outer = []
    for a, core in zip(operands.values(), cores, strict=True):
        shape = np.shape(a)
        if len(shape) < len(core):
            raise ValueError(
                f"{len(shape)}-dimensional argument does not have enough dimensions for all core "
                f"dimensions {tuple(core)!r}"
            )
        outer.append(shape[: len(shape) - len(core)])
        _agree(sizes, core, shape)
    shape = np.broadcast_shapes(*outer)
    spread = {
        name: np.broadcast_to(a, shape + tuple(sizes[c] for c in core))
        for (name, a), core in zip(operands.items(), cores, strict=True)
    }
    results = [
        call({name: a[place] if shape else operands[name] for name, a in spread.items()})
        for place in np.ndindex(shape)
    ]
    if not results:
        return _no_part(shape, sizes, dtypes, result_cores)
    several = type(results[0]) is tuple and (dtypes is None or len(dtypes) > 1)
    parts = list(zip(*results, strict=True)) if several else [tuple(results)]
    if len(parts) != len(result_cores or parts):
        raise ValueError(
            f"wrong number of outputs from pyfunc: expected {len(result_cores or ())}, got "
            f"{len(parts)}"
        )
    answers = []
    for k, part in enumerate(parts):
        for one in part if result_cores else ():
            _agree(sizes, result_cores[k], np.shape(one))  # type: ignore[index]
        if dtypes is not None and dtypes[k].kind == "O":  # each result is an object, as a tuple
            answers.append(np.fromiter(part, object, len(part)).reshape(shape))
            continue
        ans = from_nested(list(part))
        ans = np.reshape(ans, shape + np.shape(ans)[1:])
        answers.append(ans if dtypes is None else ans.astype(dtypes[k]))
    return tuple(answers) if several else answers[0]


def _agree(sizes: dict[str, int], core: list[str], shape: Shape) -> None:
    """Check that core axes with the same name have the same length."""
    if len(shape) < len(core):
        raise ValueError(f"{shape} does not have enough dimensions for {tuple(core)!r}")
    for name, size in zip(core, shape[len(shape) - len(core) :], strict=True):
        if sizes.setdefault(name, size) != size:
            raise ValueError(
                f"inconsistent size for core dimension {name!r}: {size} vs {sizes[name]}"
            )


def _no_part(
    shape: Shape, sizes: dict[str, int], dtypes: Any, result_cores: list[list[str]] | None
) -> Any:
    """The results if there is no call at all: only `otypes` tells their types."""
    if dtypes is None:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    cores = result_cores or [[] for _ in dtypes]
    if any(name not in sizes for core in cores for name in core):
        raise ValueError(
            "cannot call `vectorize` with a signature including new output dimensions on size 0 "
            "inputs"
        )
    empty = tuple(
        np.empty(shape + tuple(sizes[c] for c in core), dtype)
        for core, dtype in zip(cores, dtypes, strict=True)
    )
    return empty if len(empty) > 1 else empty[0]


def frompyfunc(func: Callable[..., Any], /, nin: int, nout: int, **kwargs: Any) -> Any:
    """``numpy.frompyfunc`` that takes traced arrays; without them it gives NumPy's ufunc's
    result."""
    ufunc = np.frompyfunc(func, nin, nout, **kwargs)

    @functools.wraps(func)
    def apply(*args: Any) -> Any:
        if not any(map(contains_box, args)) or any(np.size(a) == 0 for a in map(as_operand, args)):
            return ufunc(*map(strip, args))
        return _each_element(
            lambda elements: func(*(elements[i] for i in range(nin))), dict(enumerate(args))
        )

    return apply


def fromiter(iter: Iterable[Any], dtype: Any, count: int = -1, *, like: Any = None) -> Any:
    """``numpy.fromiter`` whose elements may be traced."""
    elements = list(iter) if count < 0 else [e for e, _ in zip(iter, range(count), strict=False)]
    if not contains_box(elements):
        return np.fromiter(elements, dtype, count, like=like)
    made = from_nested(elements)
    return made.astype(dtype) if np.dtype(dtype) != made.dtype else made


def kaiser(M: int, beta: Any) -> Any:
    """``numpy.kaiser``, differentiable in beta (DLMF 10.25)."""
    if not is_box(beta):
        return np.kaiser(M, beta)
    beta = materialize(beta)
    if M <= 1:
        return np.ones(max(int(M), 0))
    alpha = (M - 1) / 2.0
    inner = np.sqrt(1 - ((np.arange(0, M) - alpha) / alpha) ** 2.0)
    return np.i0(beta * inner) / np.i0(beta)


CREATORS.update(vectorize=vectorize, frompyfunc=frompyfunc, fromiter=fromiter, kaiser=kaiser)
