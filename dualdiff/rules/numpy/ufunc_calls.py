"""Universal functions called with ``out=``, ``where=`` or ``dtype=``, and their ``outer``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...array.box import is_box, observe, shell, unbox
from ...array.dispatch import UFUNC_METHODS
from ...array.stores import assign_to, refuse_plain_target
from ...core.batch import dtype_of, shape_of
from ...core.trace import materialize
from ...core.types import Value
from ...errors import UnsupportedInputError, user_line
from .common import laid_out

_AXES = ("axes", "axis", "keepdims")


def _operand(x: Value) -> Any:
    """A sequence as an array; anything else unchanged."""
    return materialize(x) if issubclass(type(x), (list, tuple)) else x


def _dtype_or_kind(x: Value) -> Any:
    """An argument of `ufunc.resolve_dtypes`: a dtype, or the type of a weak Python number."""
    x = shell(x)
    return type(x) if type(x) in (int, float, complex) else dtype_of(x)


def _dtype_of_class(dtype: Any) -> Any:
    """A dtype given as its class, such as ``numpy.dtypes.Float64DType``, as an instance."""
    is_class = isinstance(dtype, type) and issubclass(dtype, np.dtype)
    return dtype() if is_class else dtype


def _converted(x: Value, dtype: Any) -> Any:
    if dtype_of(x) == dtype:
        return x
    return x.astype(dtype) if hasattr(x, "astype") else dtype.type(x)


def _inputs_of_dtype(
    ufunc: Any, inputs: list[Any], outs: tuple[Any, ...], dtype: Any, signature: Any, casting: str
) -> list[Any]:
    """The inputs in the dtypes of NumPy's loop, or NumPy's error if it has none."""
    nin, nout = ufunc.nin, ufunc.nout
    dtype = _dtype_of_class(dtype)
    kinds = tuple(map(_dtype_or_kind, inputs)) + tuple(o if o is None else o.dtype for o in outs)
    if dtype is None and signature is None:
        ufunc.resolve_dtypes(kinds, casting=casting)
        return inputs
    if signature is None:
        signature = (None,) * nin + (np.dtype(dtype),) * nout
    elif isinstance(signature, str):
        signature = tuple(map(np.dtype, signature.replace("->", "")))
    else:
        signature = tuple(d if d is None else np.dtype(d) for d in signature)
    if len(signature) == 1:  # of the results
        signature = (None,) * nin + signature * nout
    loop = ufunc.resolve_dtypes(kinds, signature=signature, casting=casting)
    return [_converted(x, d) for x, d in zip(inputs, loop[:nin], strict=True)]


def _outputs(ufunc: Any, out: Any) -> tuple[Any, ...]:
    out = out if type(out) is tuple else (out,)
    for o in out:
        if o is not None and not isinstance(shell(o), np.ndarray):
            raise TypeError("return arrays must be of ArrayType")
    return out if len(out) == ufunc.nout else (None,) * ufunc.nout


def _selected(
    found: Callable[..., Any], inputs: list[Any], outs: tuple[Any, ...], where: Any, kwargs: Any
) -> Any:
    """The function where `where` holds; it is not evaluated at other elements."""
    shape = outs[0].shape
    mask = np.broadcast_to(where, shape)
    if not np.any(mask):
        return outs[0] if len(outs) == 1 else outs
    chosen = [np.broadcast_to(x, shape)[mask] if np.ndim(x) else x for x in inputs]
    answers = found(*chosen, **kwargs)
    answers = answers if type(answers) is tuple else (answers,)
    for out, ans in zip(outs, answers, strict=True):
        assign_to(out, mask, ans)
    return outs[0] if len(outs) == 1 else outs


def _stored(out: Any, ans: Value) -> Any:
    """The result written into `out`, to which it is broadcast."""
    if out is None:
        return ans
    shape = shape_of(ans)
    if shape != out.shape and np.broadcast_shapes(shape, out.shape) != out.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {out.shape} doesn't match the "
            f"broadcast shape {shape}"
        )
    assign_to(out, Ellipsis, ans)
    return out


def _along_axes(
    ufunc: Any,
    found: Callable[..., Any],
    *inputs: Any,
    axes: Any = None,
    axis: int = -1,
    keepdims: bool = False,
) -> Any:
    """A generalised ufunc with vectors and matrices along other axes than the last."""
    if axes is None:
        axes = [axis] * ufunc.nin
    places = [a if type(a) is tuple else (a,) for a in axes]
    moved = [
        np.moveaxis(x, place, tuple(range(-len(place), 0)))
        for x, place in zip(inputs, places[: ufunc.nin], strict=True)
    ]
    ans = found(*moved)
    if keepdims:
        return np.expand_dims(ans, places[-1])
    if len(places) == ufunc.nin:
        return ans
    return np.moveaxis(ans, tuple(range(-len(places[-1]), 0)), places[-1])


def call_with_keywords(ufunc: Any, found: Callable[..., Any], inputs: Any, kwargs: Any) -> Any:
    """A ufunc called with keywords, on operands or outputs that may be traced.

    Elements outside of `where` keep the value of `out` and its derivative; without `out` a mask
    raises an error, since NumPy leaves those elements uninitialised. `dtype` and `signature`
    convert the operands.
    """
    inputs = [_operand(x) for x in inputs]
    outs = _outputs(ufunc, kwargs.pop("out", None))
    where = observe(kwargs.pop("where", True))
    dtype, casting = kwargs.pop("dtype", None), kwargs.pop("casting", "same_kind")
    signature = kwargs.pop("signature", kwargs.pop("sig", None))
    if dtype is not None and signature is not None:
        raise TypeError("cannot specify both 'signature' and 'dtype'")
    order = kwargs.pop("order", "K")
    kwargs.pop("subok", None)
    rest = {name: kwargs.pop(name) for name in _AXES if name in kwargs}
    if kwargs:
        raise UnsupportedInputError(
            f"numpy.{ufunc.__name__} on traced arrays does not take {', '.join(kwargs)}, "
            f"{user_line()}; convert the operands with astype instead."
        )
    own_target = outs[0] is not None and not is_box(outs[0])
    if own_target and ufunc.signature is not None and any(is_box(materialize(x)) for x in inputs):
        raise refuse_plain_target(outs[0])  # `plain @= x` passes `axes` too
    inputs = _inputs_of_dtype(ufunc, inputs, outs, dtype, signature, casting)
    if rest and ufunc.signature is not None:
        ufunc(*map(unbox, inputs), **rest)  # raises NumPy's error for wrong axes
        found, rest = partial(_along_axes, ufunc, found, **rest), {}
    if where is not True and not np.all(where):
        if any(o is None for o in outs):
            raise UnsupportedInputError(
                f"numpy.{ufunc.__name__} with where= but without out= leaves elements "
                f"uninitialised, {user_line()}; pass out=, or write np.where(mask, ...)."
            )
        return _selected(found, inputs, outs, where, rest)
    ans = found(*inputs, **rest)
    if ufunc.nout == 1:
        return _stored(outs[0], laid_out(ans, order) if order in ("C", "F") else ans)
    return tuple(_stored(o, a) for o, a in zip(outs, ans, strict=True))


def _outer(ufunc: Any, a: Value, b: Value, /, **kwargs: Any) -> Any:
    a, b = _operand(a), _operand(b)
    shape = np.shape(b)
    return ufunc(np.reshape(a, np.shape(a) + (1,) * len(shape)), np.reshape(b, shape), **kwargs)


UFUNC_METHODS[None, "__call__"] = call_with_keywords
for _ufunc in vars(np).values():
    if isinstance(_ufunc, np.ufunc) and _ufunc.nin == 2 and _ufunc.signature is None:
        UFUNC_METHODS[_ufunc, "outer"] = partial(_outer, _ufunc)
