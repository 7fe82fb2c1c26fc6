"""Shapes, dtypes and batch axes: alignment and projection for all rules.

A tangent of ``x`` has shape ``batch + x.shape`` and a cotangent of ``ans`` has shape
``batch + ans.shape``, where ``batch`` is ``()`` or ``(B,)``. Both carry the dtype of their primal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from sys import getrefcount
from typing import Any, NamedTuple

import numpy as np
from numpy import float64, ndarray

from ..array.box import RECORDED
from ..array.kinds import ARRAYS, PLAIN, form_of
from .trace import settle
from .types import Cotangent, Tangent, Value

Shape = tuple[int, ...]

_SCALAR_DTYPES: dict[type, np.dtype[Any]] = {
    float: np.dtype(float),
    complex: np.dtype(complex),
    int: np.dtype(int),
    bool: np.dtype(bool),
    **{kind: np.dtype(kind) for kind in (float64, np.float32, np.complex128, np.complex64)},
}


class Spec(NamedTuple):
    """The shape and dtype of an operand whose value a rule does not keep."""

    shape: Shape
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)


class Broadcast(NamedTuple):
    """How an operand differs from the result it was broadcast or promoted to."""

    shape: Shape
    dtype: np.dtype[Any]
    ans_shape: Shape
    ans_dtype: np.dtype[Any]


_tuple: Any = tuple.__new__


def shape_of(x: Value) -> Shape:
    """Shape of a plain value or a box."""
    if type(x) in _SCALAR_DTYPES:
        return ()
    shape = getattr(x, "shape", None)  # asked once: each level of a box asks the level below
    return np.shape(x) if shape is None else shape


def dtype_of(x: Value) -> np.dtype[Any]:
    """Dtype of a plain value or a box; Python numbers count as NumPy's default dtypes."""
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        dtype = _SCALAR_DTYPES.get(type(x))
    return np.asarray(x).dtype if dtype is None else dtype


def spec_of(x: Value) -> Spec:
    """Shape and dtype of a plain value or a box."""
    if type(x) in ARRAYS or type(x) in RECORDED:
        return _tuple(Spec, (x.shape, x.dtype))  # Spec(...) at half the cost
    return Spec(form_of(x, shape_of(x)), dtype_of(x))


def broadcast_of(x: Value, ans: Value) -> Broadcast | None:
    """The difference in shape and dtype between `x` and `ans`, or None if there is none."""
    if type(x) is type(ans) and type(x) in _SCALAR_DTYPES:
        return None
    if type(x) in RECORDED and type(ans) in RECORDED:
        a, b = getattr(x, "raw", None), getattr(ans, "raw", None)
        if type(a) is float64 is type(b):
            return None
        if type(a) is ndarray is type(b) and a.shape == b.shape and a.dtype is b.dtype:
            return None
    if type(x) in ARRAYS:
        shape, dtype = x.shape, x.dtype
    else:
        shape, dtype = shape_of(x), dtype_of(x)
    if type(ans) in ARRAYS:
        ans_shape, ans_dtype = ans.shape, ans.dtype
    else:
        ans_shape, ans_dtype = shape_of(ans), dtype_of(ans)
    if shape == ans_shape and (dtype is ans_dtype or dtype == ans_dtype):
        return None
    if type(x) not in PLAIN:
        shape = form_of(x, shape)
    if type(ans) not in PLAIN:
        ans_shape = form_of(ans, ans_shape)
    return _tuple(Broadcast, (shape, dtype, ans_shape, ans_dtype))


def is_inexact(x: Value) -> bool:
    """Whether values like `x` have derivatives: real or complex floating point."""
    return dtype_of(x).kind in "fc"


def is_complex(x: Value) -> bool:
    """Whether values like `x` are complex numbers; None is not."""
    return x is not None and dtype_of(x).kind == "c"


def in_precision(x: Value, ans: Value) -> Any:
    """An operand in the precision in which its result was computed: NumPy promotes operands, and a
    derivative made of a small integer, or of a float32 beside doubles, would have few digits."""
    own, dtype = getattr(x, "dtype", None), dtype_of(ans)
    if own is None or own is dtype or dtype.kind not in "fc":
        return x
    if dtype.kind == "c" and own.kind != "c":
        dtype = np.dtype(f"f{dtype.itemsize // 2}")
    exact = own.kind == "i" and own.itemsize >= 4  # some functions want integers
    return x if exact or (own.kind in "fc" and own.itemsize >= dtype.itemsize) else cast(x, dtype)


def cast(t: Tangent, dtype: np.dtype[Any]) -> Any:
    """Project a tangent or cotangent to `dtype`; for a real `dtype` the real part."""
    own = getattr(t, "dtype", None)
    if own is dtype:
        return t
    if own is None:
        t = np.asarray(t)[()]
        own = t.dtype
    if own == dtype:
        return t
    if own.kind == "c" and dtype.kind != "c":
        t = np.real(t)
    return t.astype(dtype)


def as_double(t: Tangent) -> Any:
    """A tangent or cotangent as rules take it: a number of NumPy's, with a shape and a dtype."""
    return float64(t) if type(t) is float else t


def align(t: Tangent, ndim: int, ans_ndim: int, batch: Shape) -> Any:
    """Put axes of length 1 behind the batch axes of a tangent, as NumPy's broadcasting needs."""
    if not batch or ndim == ans_ndim:
        return t
    return settle(t.reshape(batch + (1,) * (ans_ndim - ndim) + t.shape[len(batch) :]))


def broadcast_tangent(t: Tangent, fit: Broadcast, batch: Shape) -> Any:
    """A tangent of the operand, broadcast and promoted to a tangent of the result."""
    shape = batch + fit.ans_shape
    if shape_of(t) != shape:
        t = settle(np.broadcast_to(align(t, len(fit.shape), len(fit.ans_shape), batch), shape))
    return cast(t, fit.ans_dtype)


@lru_cache(maxsize=4096)
def _summed_axes(shape: Shape, ans_shape: Shape, batches: int) -> Shape:
    """The axes along which an operand was broadcast, counted with the batch axes."""
    extra = len(ans_shape) - len(shape)
    stretched = [i for i, n in enumerate(shape, start=extra) if n == 1 and ans_shape[i] != 1]
    return tuple(batches + i for i in (*range(extra), *stretched))


def unbroadcast(g: Cotangent, fit: Broadcast) -> Any:
    """A cotangent of the result, summed and projected to a cotangent of the operand."""
    shape, dtype, ans_shape, _ = fit
    if shape != ans_shape:
        batch = g.shape[: g.ndim - len(ans_shape)]
        axes = _summed_axes(shape, ans_shape, len(batch))
        total = np.add.reduce(g, axes) if type(g) is ndarray else np.sum(g, axis=axes)
        g = settle(total if shape_of(total) == batch + shape else total.reshape(batch + shape))
    return cast(g, dtype)


def looped(one: Callable[..., Any], directions: Sequence[Any], batch: Shape) -> Any:
    """A rule that takes no batch, applied to one direction after the other."""
    if not batch:
        return one(directions, batch)
    if batch == (0,):  # a direction of zeros gives the shapes
        directions = [
            None if d is None else np.zeros((1, *d.shape[1:]), d.dtype) for d in directions
        ]
    rows = [
        one([None if d is None else d[b] for d in directions], ()) for b in range(batch[0] or 1)
    ]
    if isinstance(rows[0], tuple):
        return tuple(
            None if part[0] is None else np.stack(part)[: batch[0]]
            for part in zip(*rows, strict=True)
        )
    return np.stack(rows)[: batch[0]]


SEPARATED: Any = object()
COMPACTED = 2**16
_INTEGER = frozenset((int,))
_BASIC = frozenset((int, slice, type(None), type(Ellipsis), np.int64, np.int32, np.intp))


def is_basic(index: Any) -> bool:
    """Whether an index makes a view: integers, slices, newaxis and the ellipsis only."""
    if type(index) is tuple:
        return _BASIC.issuperset(map(type, index))
    return type(index) in _BASIC


def of_integers(index: tuple[Any, ...]) -> bool:
    """Whether all parts of an index are integers of Python's."""
    return _INTEGER.issuperset(map(type, index))


def ndim_selected(shape: Shape, index: Any) -> int:
    """The number of dimensions of a selection from an array of this shape."""
    if type(index) is slice:
        return len(shape)
    if type(index) is int:
        return len(shape) - 1
    return int(np.ndim(np.broadcast_to(False, shape)[index]))


def _prefixable(index: Any) -> bool:
    """Whether a slice in front of the index keeps its meaning for the other axes."""
    if type(index) is not tuple:
        return type(index) is ndarray and index.ndim > 0
    advanced = [
        n for n, i in enumerate(index) if not (i is None or i is Ellipsis or type(i) is slice)
    ]
    if any(np.ndim(index[n]) == 0 and isinstance(index[n], (bool, np.bool_)) for n in advanced):
        return False
    return advanced == list(range(advanced[0], advanced[0] + len(advanced)))


def flat_positions(shape: Shape, index: Any) -> ndarray:
    """Positions in the raveled array that an index selects, in the shape of its result."""
    return np.asarray(np.arange(int(np.prod(shape))).reshape(shape)[index])


def batch_index(index: Any, batch: Shape) -> Any:
    """The index that makes the same selection as `index` under batch axes.

    It is `SEPARATED` if NumPy has no such index: for advanced indices with a slice between them.
    """
    if not batch:
        return index
    if is_basic(index) or _prefixable(index):
        rest = index if type(index) is tuple else (index,)
        return (slice(None),) * len(batch) + rest
    return SEPARATED


def placed(t: Tangent, shape: Shape, index: Any, batch: Shape) -> tuple[Any, Any]:
    """`t` with batch axes, or a view of it, and the index there for a store at `index`."""
    full = batch_index(index, batch)
    if full is not SEPARATED:
        return t, full
    places = np.unravel_index(flat_positions(shape, index), shape or (1,))
    return (t if shape else t[..., None]), (..., *places)


def get_batched(t: Tangent, index: Any, batch: Shape) -> Any:
    """``t[index]`` for `t` with batch axes."""
    full = batch_index(index, batch)
    if full is not SEPARATED:
        return t[full]
    shape = t.shape[len(batch) :]
    return t.reshape((*batch, int(np.prod(shape))))[..., flat_positions(shape, index)]


def read_batched(t: Tangent, index: Any, batch: Shape) -> Any:
    """`get_lead` for reading only: small parts become contiguous, since the first operation on a
    strided part takes longer than the copy."""
    part = get_batched(t, index, batch)
    small = type(part) is ndarray and part.size <= COMPACTED and not part.flags.c_contiguous
    return part.copy(order="K") if small else part


def set_batched(t: Tangent, index: Any, v: Value, batch: Shape) -> None:
    """``t[index] = v`` for `t` with batch axes, and `v` with the same axes or a scalar."""
    shape = t.shape[len(batch) :]
    t, full = placed(t, shape, index, batch)
    if batch and np.ndim(v):
        target = ndim_selected(shape, index)
        v = align(v, v.ndim - len(batch), target, batch)
    t[full] = v


def quiet() -> AbstractContextManager[Any]:
    """Silence floating-point errors of a derivative, which are not the program's own."""
    return np.errstate(all="ignore")


# A derivative's own floating-point errors stay silent at a tenth of the cost of `quiet` by
#     state = error_state()
#     try:
#         set_error_state(SILENT)
#         ...
#     finally:
#         set_error_state(state)
# Wherever an interrupt comes in between, the program's own state is restored.
error_state: Callable[[], Any]
set_error_state: Callable[[Any], Any]
SILENT: Any
try:
    from numpy._core.umath import _extobj_contextvar

    error_state, set_error_state = _extobj_contextvar.get, _extobj_contextvar.set
    with quiet():
        SILENT = error_state()
except ImportError:  # NumPy moved its private variable: the public way does the same
    error_state, SILENT = np.geterr, dict.fromkeys(np.geterr(), "ignore")

    def set_error_state(state: Any) -> Any:
        """Let floating-point errors be treated as `state` says."""
        return np.seterr(**state)


FEW = 32  # numbers that Python adds up as fast as NumPy begins


def contains_nan(x: Value) -> bool:
    """Whether a plain array of floating-point numbers holds a NaN."""
    if type(x) is not ndarray:  # a number, or a value of a recording
        return bool(np.any(np.isnan(x)))
    if x.ndim == 1 and x.size <= FEW and x.dtype.char in "fd":
        total = sum(x.tolist())
        if total == total:  # else one is NaN, or there are infinities of both signs
            return False
    if not x.size:
        return False
    if 0 in x.strides:
        x = x[tuple(slice(None) if s else slice(1) for s in x.strides)]
    least = np.minimum.reduce(x, None)  # NaN where x has one, without another array or a warning
    return bool(least != least)


def _references(a: ndarray) -> int:
    return getrefcount(a)


def _passed_on(a: ndarray) -> int:
    return _references(a)


# References to an array in a list, passed on by a function that `map` calls.
_ALONE = next(map(_passed_on, [np.zeros(1)]))


def handed_out(a: ndarray) -> ndarray:
    """An array for the user: itself if only the caller's list has it, else a copy."""
    is_alone = getrefcount(a) <= _ALONE  # a view of it would be a reference as well
    return a if is_alone and a.flags.owndata and a.flags.writeable else a.copy(order="K")
