"""Structural zeros: derivatives that stay zero whatever they are multiplied with.

``np.where(x > 0, np.log(x), 0)`` at 0 has derivative 0, although the branch that is not taken has
an infinite one. Ordinary passes multiply zeros like other numbers and give NaN there. A careful
pass takes tangents or cotangents that carry a mask of their elements that are alive: those that a
selection has cut off, and the zeros of a seed that the operator itself made, are not. A zero in a
residual or in a user's tangent is an ordinary number. `rescue` says when a pass is careful.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..array.box import is_box, plain
from ..array.indexing import GETITEM, SCATTER
from ..array.stores import Place, store
from ..core.batch import Shape, contains_nan, dtype_of, shape_of
from ..core.primitive import Primitive
from ..core.tangents import dense
from ..core.trace import Trace, Traced, kept, resolve
from ..rules.declare import Linear
from ..rules.numpy import creation, einsum, joining, products, selection, ufunc_at, ufuncs, where

_careful: ContextVar[bool] = ContextVar("dualdiff_careful", default=False)
is_careful = _careful.get

_SELECTIONS = (where.where_p, selection.choose_p, selection.select_p)
_GATHERS = (GETITEM, SCATTER, creation.pack, joining.concatenate_p, ufunc_at.add_at_p)
_PRODUCTS = (products.matmul_p, products.dot_p, einsum.einsum_p)
_SUMS = (ufuncs.add, ufuncs.subtract)


@contextmanager
def careful() -> Iterator[None]:
    """Let every pass inside, at every level, carry masks of what is alive."""
    token = _careful.set(True)
    try:
        yield
    finally:
        _careful.reset(token)


class Alive(Traced):
    """A tangent or cotangent and, as `payload`, the mask of its elements that may differ from
    zero."""

    __slots__ = ()
    is_mask = True


def _without(value: Any, dead: Any) -> Any:
    """A value with exact zeros where it is dead, in its memory layout, which views rely on."""
    if not shape_of(value):
        return resolve(np.where(dead, 0, value))
    value = value.copy(order="K")
    value[dead] = 0
    return resolve(value)


class AliveTrace(Trace):
    """Carries masks through the pushes and pulls of a pass."""

    __slots__ = ()

    def __init__(self) -> None:
        self.open()

    def box(self, value: Any, alive: Any) -> Alive:
        """A derivative with its mask; what is not alive is zero."""
        out = object.__new__(Alive)
        value = np.asarray(value)[()] if type(value) in (float, complex) else value
        alive = np.broadcast_to(alive, shape_of(value))
        if not alive.all():
            value = _without(value, ~alive)
        out.value, out.payload, out.scope = value, alive, self
        return out

    def seed(self, t: Any, zeros_are_structural: bool) -> Any:
        """A seed of the pass."""
        return self.box(t, plain(t) != 0 if zeros_are_structural else True)

    def released(self, t: Any) -> Any:
        """A result of the pass without its mask."""
        if is_box(t):
            t = resolve(t)
        return t.value if type(t) is Alive and t.scope is self else t

    def constant(self, value: Any) -> Alive:
        return self.box(value, True)

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        own = [type(a) is Alive and a.scope is self for a in args]
        values = [a.value if o else kept(a) for a, o in zip(args, own, strict=True)]
        ans = prim.evaluate(values, params)
        if prim.outputs > 1:
            return tuple(self.box(a, True) for a in ans)
        masks = [a.payload if o else None for a, o in zip(args, own, strict=True)]
        alive = _alive(prim, values, masks, params)
        if _is_product(prim) and _has_nan(ans):
            ans = _finite_product(prim, values, masks, params, ans)
        if prim.structure == "sparse product" and _has_nan(ans):
            ans = _finite_sparse_product(prim, values, masks, params, ans)
        return self.box(ans, alive)

    def store(self, content: Any, place: Place, v: Any, owned: bool) -> Any:
        own = type(content) is Alive and content.scope is self
        value = content.value if own else kept(content)
        v_own = type(v) is Alive and v.scope is self
        new = store(value, place, v.value if v_own else kept(v), False)
        # What a pass stores into is a buffer of zeros that it made itself.
        alive = _numbers(content.payload if own else plain(value) != 0, dtype_of(value))
        v_alive = _numbers(v.payload if v_own else plain(v) != 0, dtype_of(v))
        return self.box(new, store(alive, place, v_alive, True) != 0)


def _is_product(prim: Primitive) -> bool:
    """Whether a primitive sums products of its two operands, among other things by its entries."""
    return prim in _PRODUCTS or prim.structure in ("sparse matmul", "sampled product")


def _has_nan(x: Any) -> bool:
    x = np.asarray(plain(x))
    return x.dtype.kind in "fc" and contains_nan(x)


def _numbers(mask: Any, dtype: np.dtype[Any]) -> Any:
    """A mask as ones and zeros, in the real and in the imaginary part."""
    return np.where(mask, dtype.type(1 + 1j if dtype.kind == "c" else 1), dtype.type(0))


def _as_numbers(masks: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Masks as zeros and ones; operands that carry none are alive, but for a literal zero."""
    return [
        np.asarray(m, float)[()]
        if m is not None
        else float(plain(v) != 0)
        if not np.ndim(plain(v))
        else np.ones(np.shape(plain(v)))
        for m, v in zip(masks, values, strict=True)
    ]


def _alive(
    prim: Primitive, values: Sequence[Any], masks: Sequence[Any], params: dict[str, Any]
) -> Any:
    """The mask of a result: True where nothing better is known."""
    if prim is ufuncs.multiply:
        # A factor of dtype bool is the selection that an extremum or a clip has made.
        chosen = [
            v if m is None and dtype_of(v).kind == "b" else m
            for m, v in zip(masks, values, strict=True)
        ]
        x, y = (True if c is None else c for c in chosen)
        return np.logical_and(x, y)
    if prim is ufuncs.divide:
        return True if masks[0] is None else masks[0] | np.zeros(np.shape(values[1]), bool)
    if prim is ufuncs.negative or prim is ufuncs.positive:
        return masks[0]
    if prim in _SUMS:
        x, y = _as_numbers(masks, values)
        return x + y != 0
    if prim.structure == "sparse product":
        (mask,) = masks
        return prim.fn(np.asarray(mask, float), matrix=_with_data(params, np.ones_like)) != 0
    if isinstance(prim, Linear) and prim.structure == "elementwise":
        return masks[0]
    positive = (
        prim in _SELECTIONS
        or prim in _GATHERS
        or _is_product(prim)
        or (isinstance(prim, Linear) and prim.structure in ("gather", "reduction", "cumulative"))
    )
    if not positive:
        return True
    return np.asarray(prim.fn(*_as_numbers(masks, values), **params)) != 0


def _finite_product(
    prim: Primitive, values: Sequence[Any], masks: Sequence[Any], params: Any, ans: Any
) -> Any:
    """A product in which dead zeros meet infinities of the other operand without giving NaN."""
    if all(m is not None for m in masks):
        return ans
    finite = [
        v if m is not None else np.where(np.isfinite(v), v, 0)
        for v, m in zip(values, masks, strict=True)
    ]
    hits = [
        np.asarray(m, float) if m is not None else np.asarray(~np.isfinite(v), float)
        for v, m in zip(values, masks, strict=True)
    ]
    hit = np.asarray(prim.fn(*hits, **params)) != 0
    return resolve(np.where(hit, ans, prim.evaluate(finite, params)))


def _with_data(params: dict[str, Any], change: Callable[[Any], Any]) -> Any:
    """The constant sparse matrix of a product with other values at its entries."""
    matrix = params["matrix"].tocsr(copy=True)
    matrix.data = change(matrix.data)
    return matrix


def _finite_sparse_product(
    prim: Primitive, values: Sequence[Any], masks: Sequence[Any], params: Any, ans: Any
) -> Any:
    """As `_finite_product`, for a constant sparse matrix."""
    broken = _with_data(params, lambda data: (~np.isfinite(data)).astype(float))
    finite = _with_data(params, lambda data: np.where(np.isfinite(data), data, 0))
    hit = prim.fn(np.asarray(masks[0], float), matrix=broken) != 0
    return resolve(np.where(hit, ans, prim.evaluate(values, {"matrix": finite})))


def masked_pass(
    apply: Callable[[Any, Shape], list[Any]],
    seeds: Sequence[tuple[int, Any]],
    lead: Shape,
    zeros_are_structural: bool,
) -> list[Any]:
    """A pass of a tape over seeds that carry masks."""
    trace = AliveTrace()
    try:
        masked = [(slot, trace.seed(dense(g), zeros_are_structural)) for slot, g in seeds]
        return [trace.released(c) for c in apply(masked, lead)]
    finally:
        trace.close()
