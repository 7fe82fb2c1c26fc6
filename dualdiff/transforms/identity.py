"""Forward mode that starts from the identity: tangents stay diagonal while functions let them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import Box, is_box
from ..core.batch import Shape, dtype_of, hush, shape_of, unhush
from ..core.dual import Dual, ForwardTrace
from ..core.primitive import Primitive
from ..core.tangents import Diagonal, dense, is_large_product, takes_diagonals
from ..core.trace import kept
from ..rules.declare import Elementwise, Linear, Rule
from ..rules.fast import SCALARS
from ..rules.numpy import products, ufuncs

_slot: Any = Box.__dict__["payload"]  # behind the property of `DiagonalDual`


class DiagonalDual(Dual):
    """A dual number with a `Diagonal` for its tangent, which everybody else sees as an array.

    The fast paths leave it to `IdentityTrace.process`.
    """

    __slots__ = ()

    @property
    def payload(self) -> Any:
        return _slot.__get__(self).release()

    def snapshot(self) -> Dual:
        scope: IdentityTrace = self.scope
        return scope.box(self.value, _slot.__get__(self))


class IdentityTrace(ForwardTrace):
    """A forward trace that pushes diagonals through elementwise functions, choices and selections,
    joined arrays, products with a matrix, running sums, and what makes a number of an array."""

    __slots__ = ()

    def box(self, value: Any, tangent: Any) -> Dual:
        if type(tangent) is not Diagonal:
            return super().box(value, tangent)
        out = object.__new__(DiagonalDual)
        out.value, out.scope = value, self
        _slot.__set__(out, tangent)
        return out

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        lead = self.lead
        if type(prim) is Elementwise and prim.is_fast and not params:
            operands = [self._operand(a) for a in args]
            if all(a is not None for a in operands):
                if args[0] is args[-1]:
                    operands[-1] = operands[0]
                elif prim in _ARITHMETIC:
                    operands = [self._spread(*operands), self._spread(*operands[::-1])]
                out = prim.bind(*operands)
                return self.box(out.value, out.payload)
        push = _PUSHES.get(getattr(prim, "structure", "dense"))
        own = [issubclass(type(a), Dual) and a.scope is self for a in args]
        values = [a.value if o else kept(a) for a, o in zip(args, own, strict=True)]
        if push is None or prim.outputs > 1 or any(map(is_box, values)):
            return super().process(prim, args, params)
        tangents = [_slot.__get__(a) if o else None for a, o in zip(args, own, strict=True)]
        ans = prim.evaluate(values, params)
        saved = prim.save(ans, values, own, params)
        token = hush()
        try:
            t = push(prim, ans, saved, values, tangents, lead)
            if t is None:
                t = prim.push(saved, list(map(dense, tangents)), lead)
        finally:
            unhush(token)
        return self.box(ans, t)

    def _operand(self, a: Any) -> Any:
        """As the fast paths take it, which leave alone what a tangent is; None if they do not."""
        kind = type(a)
        if kind in SCALARS or (kind is ndarray and not a.dtype.hasobject):
            return a
        if not issubclass(kind, Dual) or a.scope is not self or is_box(a.value):
            return None
        return a if kind is Dual else ForwardTrace.box(self, a.value, _slot.__get__(a))

    def _spread(self, a: Any, other: Any) -> Any:
        """A number that meets an array as an array, whose tangents are a column times a row."""
        if type(a) is not Dual or not isinstance(a.value, np.generic):
            return a
        shape, column = shape_of(other), a.payload
        if not shape or type(column) is not ndarray or not is_large_product(column, prod(shape)):
            return a
        row = np.broadcast_to(column.dtype.type(1), shape)
        return super().box(np.broadcast_to(a.value, shape), Diagonal.outer(column, row))


def _push_elementwise(
    prim: Primitive, ans: Any, saved: Any, values: Any, tangents: Sequence[Any], lead: Shape
) -> Any:
    shape = shape_of(ans)
    same = all(type(t) is not Diagonal or t.shape[1:] == shape for t in tangents)
    return prim.push(saved, tangents, lead) if same and takes_diagonals(prim) else None


def _push_as_it_is(
    prim: Primitive, ans: Any, saved: Any, values: Any, tangents: Sequence[Any], lead: Shape
) -> Any:
    return prim.push(saved, tangents, lead) if takes_diagonals(prim) else None


def _push_number(
    prim: Primitive, ans: Any, saved: Any, values: Any, tangents: Sequence[Any], lead: Shape
) -> Any:
    """Where one diagonal ends in a number: its gradient tells all directions at once."""
    active = [i for i, t in enumerate(tangents) if t is not None]
    t = tangents[active[0]]
    alone = len(active) == 1 and type(t) is Diagonal and shape_of(ans) == ()
    pulls = prim in _PRODUCTS or isinstance(prim, Linear)  # other rules may have a push alone
    pulls = pulls or (isinstance(prim, Rule) and prim.backward is not None)
    if not pulls or not alone or dtype_of(ans).kind != "f" or t.dtype.kind != "f":
        return None
    gradient = prim.pull(saved, dtype_of(ans).type(1), ())[active[0]]
    return (t * gradient).sum(tuple(range(1, t.ndim)))


def _push_product(
    prim: Primitive, ans: Any, saved: Any, values: Any, tangents: Sequence[Any], lead: Shape
) -> Any:
    """Where a vector with a diagonal meets a constant matrix."""
    if prim not in _PRODUCTS:
        return None
    x, y = values
    i = int(tangents[0] is None)
    vector, matrix = (x, y) if i == 0 else (y, x)
    fits = type(matrix) is ndarray and matrix.ndim == 2 and vector.ndim == 1
    if fits and type(tangents[i]) is Diagonal and tangents[1 - i] is None:
        return prim.push(saved, tangents, lead)
    return _push_number(prim, ans, saved, values, tangents, lead)


_ARITHMETIC = (ufuncs.add, ufuncs.subtract, ufuncs.multiply, ufuncs.divide)
_PRODUCTS = (products.matmul_p, products.dot_p)
_PUSHES = {
    "elementwise": _push_elementwise,
    "reduction": _push_number,
    "matmul": _push_product,
    "cumulative": _push_as_it_is,
    "gather": _push_as_it_is,
}
