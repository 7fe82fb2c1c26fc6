"""Functions of `dask.array` on traced arrays: they do what NumPy's functions of the same names do.

A traced array passes for one of NumPy's, so dask would put it into a graph as a constant, and its
derivative would be lost without a word. So each function asks first whether an argument is traced
(see `rules.scipy.in_place`). It then goes to the rule of NumPy's function, or an error says so.
"""

from __future__ import annotations

import inspect
import operator
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import is_box
from ...array.dispatch import find_function, no_rule
from ...array.indexing import SCATTERS
from ...array.kinds import ATTRIBUTES, Chunked
from ...core.types import Value
from ...errors import ConversionError, user_line
from ..declare import BY_BLOCKS
from ..scipy.arguments import any_traced
from ..scipy.in_place import divert
from .blocks import factor_by_blocks, primal_by_blocks
from .indexing import scattered
from .methods import attribute, counterparts
from .protocols import answers_functions, answers_ufuncs, keeps_lazy

# Keywords of dask's functions that change no value.
SILENT = ("split_every", "inline_array", "asarray", "lock", "name", "meta", "token")


def _as_called(signature: inspect.Signature, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments by name, where they have a default and differ from it. NumPy's function has
    them in another order."""
    bound = signature.bind(*args, **kwargs).arguments
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, p in signature.parameters.items():
        if name not in bound or name in SILENT:
            continue
        value = bound[name]
        if p.kind is p.VAR_POSITIONAL:
            positional += value
        elif p.kind is p.VAR_KEYWORD:
            named |= {k: v for k, v in value.items() if k not in SILENT}
        elif p.default is p.empty and p.kind is not p.KEYWORD_ONLY:
            positional.append(value)
        elif value is not p.default:
            named[name] = value
    return positional, named


def hooked(name: str, answer: Callable[..., Any] | None) -> Callable[[Any], Callable[..., Any]]:
    """What makes the hook of a function: `answer` where an argument is traced, else dask's code."""

    def make(original: Any) -> Callable[..., Any]:
        signature = inspect.Signature.from_callable(original, follow_wrapped=False)

        def hook(*args: Any, **kwargs: Any) -> Any:
            if not (any_traced(args) or any_traced(kwargs.values())):
                return original(*args, **kwargs)
            if answer is None:
                raise no_rule(name, [*args, *kwargs.values()])
            positional, named = _as_called(signature, args, kwargs)
            return answer(*positional, **named)

        return hook

    return make


def by_numpy(function: Any) -> Callable[..., Any]:
    """The rule of NumPy's function, found at its first call."""

    def answer(*args: Any, **kwargs: Any) -> Any:
        rule = find_function(function)
        if rule is None:
            raise no_rule(f"numpy.{function.__name__}", [*args, *kwargs.values()])
        return rule(*args, **kwargs)

    return answer


def _elemwise(op: Any, *args: Any, **kwargs: Any) -> Any:
    return op(*args, **{k: v for k, v in kwargs.items() if k != "dtype" or v is not None})


def _refuses_traced(original: Any) -> Callable[..., Any]:
    """`Array.__setitem__`, into whose graph a traced value would go as a constant."""

    def hook(array: Any, key: Any, value: Value) -> None:
        if is_box(value):
            raise ConversionError(
                f"a traced value is stored into a plain array of dask, which cannot hold it, "
                f"{user_line()}; make the array with numpy.zeros_like(x) of a traced x, or with "
                f"numpy.concatenate or numpy.where"
            )
        original(array, key, value)

    return hook


def _delegates(original: Any) -> Callable[..., Any]:
    """`_should_delegate` of dask's operators, which leave a traced operand to its own class."""

    def hook(array: Any, other: Any) -> bool:
        return is_box(other) or original(array, other)

    return hook


def _keeps_chunks(original: Any) -> Callable[..., Any]:
    """`broadcast_to`, which makes the chunks that a shape remembers."""
    from dask.array.core import asarray, elemwise

    by_rule = by_numpy(np.broadcast_to)

    def hook(x: Value, shape: Any, chunks: Any = None, meta: Any = None) -> Any:
        if is_box(x):
            return by_rule(x, shape)
        if type(shape) is not Chunked or chunks is not None:
            return original(x, shape, chunks, meta)
        x = asarray(x)
        if shape.like is not None:
            return elemwise(_broadcast_like, x, shape.like, dtype=x.dtype)
        first = len(shape) - x.ndim
        own = {i: shape.chunks[first + i] for i, n in enumerate(x.shape) if n != 1}
        return original(x.rechunk(own), tuple(shape), shape.chunks, meta)

    return hook


def _broadcast_like(x: Any, like: Any) -> Any:
    return np.broadcast_to(x, np.broadcast_shapes(np.shape(x), np.shape(like)))


def declare() -> None:
    """Divert the functions of `dask.array`."""
    import dask.array as da
    from dask.array import core

    ATTRIBUTES["dask"] = attribute
    SCATTERS["dask"] = scattered
    BY_BLOCKS.update(primal=primal_by_blocks, factor=factor_by_blocks)
    divert(core._should_delegate, _delegates)
    divert(core.Array.__setitem__, _refuses_traced)
    # Also while a tape is pulled that has been closed.
    divert(core.Array.__array_function__, answers_functions, always=True)
    divert(core.Array.__array_ufunc__, answers_ufuncs, always=True)
    divert(da.broadcast_to, _keeps_chunks, always=True)
    for name in ("__array__", "__bool__", "__float__", "__int__", "__complex__", "__index__"):
        function = vars(core.Array)[name]
        if isinstance(function, types.FunctionType):
            divert(function, keeps_lazy, always=True)
    divert(core.elemwise, hooked("dask.array.elemwise", _elemwise))
    for name, answer in counterparts().items():
        function = operator.attrgetter(name)(da)
        if isinstance(function, types.FunctionType):
            divert(function, hooked(f"dask.array.{name}", answer))
    for home, numpy_home in ((da, np), (da.linalg, np.linalg), (da.fft, np.fft)):
        prefix = home.__name__.removeprefix("dask.array")
        for name, function in list(vars(home).items()):
            if not isinstance(function, types.FunctionType) or name.startswith("_"):
                continue
            if not function.__module__.startswith("dask.array"):
                continue
            target = getattr(numpy_home, name, None)
            found = None if target is None else by_numpy(target)
            divert(function, hooked(f"dask.array{prefix}.{name}", found))
