"""The two hot cases, one or two operands of one trace with plain values, without any indirection.

Everything here has its general form in `kinds.Elementwise`; what does not fit is handed to it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import float64, ndarray

from ..array.box import is_box
from ..array.views import View
from ..core.batch import Fit, Shape, align, broadcast_tangent, fit_of, hush, unbroadcast, unhush
from ..core.dual import Dual
from ..core.primitive import accumulate, opcode
from ..core.tangents import Diagonal, dense, widened
from ..core.tape import Var
from ..core.trace import STORED, Traced

_OBJECT = np.dtype(object)
SCALARS = frozenset(
    (float, int, bool, complex, float64, np.float32, np.complex128, np.complex64, np.int64)
)
_CONSTANT, _X, _Y, _ANS, _SEVERAL = range(5)
_NAMES = {"x": _X, "y": _Y, "ans": _ANS}
_float_times: Callable[[Any, Any], Any] = float.__mul__


class Factor:
    """A derivative as the fast paths use it.

    `keep` says which residual object is kept; `call` makes the derivative of it, or is None where
    the residual is the derivative itself; `constant` is the derivative where no residual is kept.
    """

    __slots__ = ("call", "constant", "keep", "names", "pick")

    def __init__(self, derivative: Any) -> None:
        self.keep, self.call, self.pick, self.constant = _CONSTANT, None, None, derivative
        self.names: tuple[str, ...] = ()
        if isinstance(derivative, str):
            self.keep = _NAMES[derivative]
            self.names = (derivative,)
        elif callable(derivative):
            self.names = names = tuple(inspect.signature(derivative).parameters)
            if len(names) == 1:
                self.keep, self.call = _NAMES[names[0]], derivative
            else:
                self.keep, self.call = _SEVERAL, _spread(derivative)
                self.pick = _picker([("ans", "x", "y").index(n) for n in names])

    def residual(self, ans: Any, x: Any, y: Any) -> Any:
        """The residual object."""
        keep = self.keep
        if keep == _ANS:
            return ans
        if keep == _X:
            return x
        if keep == _Y:
            return y
        return self.pick(ans, x, y) if self.pick is not None else None

    def scaler(self) -> Callable[[Any, Any], Any]:
        """``t * derivative`` as a function of t and the residual."""
        call, constant = self.call, self.constant
        if call is not None:
            return lambda t, residual: _times(t, call(residual), residual)
        if self.keep != _CONSTANT:
            return lambda t, residual: t * residual
        return lambda t, residual: times_constant(t, constant)


def _times(t: Any, d: Any, residual: Any) -> Any:
    """``t * d``, written over a large derivative that was just made: fresh memory is what costs."""
    if (
        type(d) is ndarray
        and d.size > 1024
        and type(t) is ndarray
        and d.base is None
        and t.shape == d.shape
        and t.dtype is d.dtype
        and d is not residual
        and not (type(residual) is tuple and any(d is r for r in residual))
    ):
        return np.multiply(t, d, out=d)
    return t * d


def times_constant(t: Any, constant: Any) -> Any:
    """``t * constant`` without arithmetic where none is needed."""
    if constant == 1:
        return t
    if constant == -1:
        return -t
    if constant == 0:
        if type(t) is Diagonal:
            return t.zeros()
        return np.zeros_like(t) if type(t) is ndarray else 0 * t
    return t * constant


def _spread(derivative: Callable[..., Any]) -> Callable[[Any], Any]:
    def spread(residuals: Any) -> Any:
        return derivative(*residuals)

    return spread


def _picker(where: list[int]) -> Callable[[Any, Any, Any], Any]:
    def pick(*values: Any) -> Any:
        return tuple([values[i] for i in where])

    return pick


def _pull_one(factor: Factor) -> Callable[[Any, list[Any], tuple[Any, ...], Shape], None]:
    """The pull of entries ``(code, out, slot, residual, fit)`` with one active operand."""
    call, scale = factor.call, factor.scaler()

    def pull_call(g: Any, ct: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, _, slot, residual, fit = entry
        g = _times(g, call(residual), residual)  # type: ignore[misc]
        if fit is not None:
            g = unbroadcast(g, fit)
        c = ct[slot]
        ct[slot] = g if c is None else c + g

    def pull_residual(g: Any, ct: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, _, slot, residual, fit = entry
        g = g * residual
        if fit is not None:
            g = unbroadcast(g, fit)
        c = ct[slot]
        ct[slot] = g if c is None else c + g

    def pull_same(g: Any, ct: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, _, slot, _, fit = entry
        if fit is not None:
            g = unbroadcast(g, fit)
        c = ct[slot]
        ct[slot] = g if c is None else c + g

    def pull_constant(g: Any, ct: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, _, slot, _, fit = entry
        g = scale(g, None)
        accumulate(ct, slot, g if fit is None else unbroadcast(g, fit))

    if call is not None:
        return pull_call
    if factor.keep != _CONSTANT:
        return pull_residual
    return pull_same if factor.constant == 1 else pull_constant


def _one_operand_format(prim: Any, factor: Factor) -> int:
    scale = factor.scaler()

    def push(ts: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, out, slot, residual, fit = entry
        t = ts[slot]
        if t is not None:
            ts[out] = _pushed(scale, widened(t, fit, lead), residual, fit, lead)

    return opcode(prim, _pull_one(factor), push, slots=1, takes=Diagonal)


def _two_operand_format(prim: Any, factor_x: Factor, factor_y: Factor) -> int:
    """Entries ``(code, out, x slot, y slot, residual, fit, residual, fit)``."""
    scale_x, scale_y = factor_x.scaler(), factor_y.scaler()
    fresh = factor_x.keep != _CONSTANT or factor_x.constant != 1

    def pull(g: Any, ct: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, _, slot, slot_y, residual, fit, residual_y, fit_y = entry
        c = scale_x(g, residual)
        if fit is not None:
            c = unbroadcast(c, fit)
        old = ct[slot]
        ct[slot] = c if old is None else old + c
        c = scale_y(g, residual_y)
        if fit_y is not None:
            c = unbroadcast(c, fit_y)
        old = ct[slot_y]
        ct[slot_y] = c if old is None else old + c

    def push(ts: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, out, slot, slot_y, residual, fit, residual_y, fit_y = entry
        t, u = ts[slot], ts[slot_y]
        if t is not None:
            t = _pushed(scale_x, widened(t, fit, lead), residual, fit, lead)
        if u is not None:
            u = _pushed(scale_y, widened(u, fit_y, lead), residual_y, fit_y, lead)
            t = u if t is None else _sum(t, u, fresh)
        if t is not None:
            ts[out] = t

    return opcode(prim, pull, push, slots=2, takes=Diagonal)


def _pushed(scale: Any, t: Any, residual: Any, fit: Fit | None, lead: Shape) -> Any:
    if fit is None:
        return scale(t, residual)
    if type(t) is not Diagonal or t.shape[1:] != fit.ans_shape:
        t = align(dense(t), len(fit.shape), len(fit.ans_shape), lead)
    return broadcast_tangent(scale(t, residual), fit._replace(shape=fit.ans_shape), lead)


def _fit(x: Any, ans: Any) -> Fit | None:
    """`fit_of`, quick where operand and result are alike."""
    kind = type(ans)
    if type(x) is kind and (
        kind is float64
        or kind is float
        or (kind is ndarray and x.dtype is ans.dtype and x.shape == ans.shape)
    ):
        return None
    return fit_of(x, ans)


def _dtype_fit(x: Any, ans: Any) -> Fit | None:
    """`fit_of` where the result has the shape of the operand."""
    if type(x) is ndarray is type(ans) and x.dtype is ans.dtype:
        return None
    return _fit(x, ans)


def unary_fast_path(
    prim: Any, fn: Callable[..., Any], derivative: Any, silent: bool
) -> Callable[[Any], Any]:
    """The bind of an elementwise primitive of one operand."""
    factor = Factor(derivative)
    scale, residual_of, call = factor.scaler(), factor.residual, factor.call
    silent = factor.keep != _CONSTANT and (silent or call is None)
    code = _one_operand_format(prim, factor)
    keep_ans, keep_x = factor.keep == _ANS, factor.keep == _X
    general = prim.general

    def bind(x: Any) -> Any:
        kind = type(x)
        if kind is View or ((kind is Var or kind is Dual) and x.scope is STORED):
            x = x.read()
            kind = type(x)
        if kind is Var:
            value = x.value
            ans = fn(value)
            fit = None if type(value) is float64 is type(ans) else _dtype_fit(value, ans)
            if type(value) is float:
                value = float64(value)  # whose arithmetic gives infinities where Python's raises
            trace = x.scope
            slot = trace.next()
            residual = ans if keep_ans else value if keep_x else residual_of(ans, value, None)
            trace.append((code, slot, x.payload, residual, fit))
            out = kind()
            out.value = ans
            out.payload = slot
            out.scope = trace
            return out
        if kind is Dual:
            value = x.value
            ans = fn(value)
            trace = x.scope
            lead = trace.lead
            fit = None if type(value) is float64 is type(ans) else _dtype_fit(value, ans)
            if type(value) is float:
                value = float64(value)
            residual = ans if keep_ans else value if keep_x else residual_of(ans, value, None)
            t = x.payload
            if silent and fit is None and (type(t) is float or type(t) is float64):
                d = residual if call is None else call(residual)
                t = _float_times(t, d) if type(d) is float64 else t * d
            else:
                token = hush()
                try:
                    if call is not None and fit is None:
                        t = _times(t, call(residual), residual)
                    else:
                        t = _pushed(scale, t, residual, fit, lead)
                finally:
                    unhush(token)
            out = kind()
            out.value = ans
            out.payload = t
            out.scope = trace
            return out
        return general(x)

    return bind


def binary_fast_path(
    prim: Any, fn: Callable[..., Any], dx: Any, dy: Any
) -> Callable[[Any, Any], Any]:
    """The bind of an elementwise primitive of two operands."""
    factor_x, factor_y = Factor(dx), Factor(dy)
    code_x, code_y = _one_operand_format(prim, factor_x), _one_operand_format(prim, factor_y)
    code_both = _two_operand_format(prim, factor_x, factor_y)
    residual_x, residual_y = factor_x.residual, factor_y.residual
    constant_x, constant_y = factor_x.keep == _CONSTANT, factor_y.keep == _CONSTANT
    other_x, other_y = factor_x.keep == _Y, factor_y.keep == _X
    keeps_y, keeps_x = "y" in factor_x.names, "x" in factor_y.names
    push_x, push_y = _pusher(factor_x), _pusher(factor_y)
    one_x, one_y = constant_x and dx == 1, constant_y and dy == 1
    times_x, times_y = dx == "y", dy == "x"
    product = times_x and times_y
    twice = Factor(lambda x: 2 * x)
    code_square, push_square = _one_operand_format(prim, twice), _pusher(twice)
    difference = one_x and constant_y and dy == -1
    general = prim.general
    if dx is None or dy is None:
        return lambda x, y: general(x, y)

    def again(x: Any, y: Any) -> Any:
        """References are read and tried once more; what still does not fit is general."""
        a = x.read() if is_box(x) else x
        b = y.read() if is_box(y) else y
        if (a is x and b is y) or not (issubclass(type(a), Traced) or issubclass(type(b), Traced)):
            if type(y) is Diagonal or getattr(type(y), "__array_ufunc__", again) is None:
                return NotImplemented  # y has operators of its own, as sparse arrays do
            return general(x, y)
        return bind(a, b)

    def square(x: Any, ans: Any) -> Any:
        """The product of a box with itself: one term where there would be two alike."""
        value, trace, out = x.value, x.scope, object.__new__(type(x))
        fit = _dtype_fit(value, ans)
        if type(x) is Var:
            out.payload = slot = trace.next()
            trace.append((code_square, slot, x.payload, value, fit))
        else:
            out.payload = push_square(x.payload, value, fit, trace.lead)
        out.value, out.scope = ans, trace
        return out

    def bind(x: Any, y: Any) -> Any:
        kind = type(x)
        if kind is Var or kind is Dual:
            trace = x.scope
            kind_y = type(y)
            xv = x.value
            if trace is STORED:
                return again(x, y)
            if kind_y is kind:
                if y.scope is not trace:
                    return again(x, y)
                yv = y.value
                ans = fn(xv, yv)
                if product and y is x and type(ans) is not float64:
                    return square(x, ans)
                rx = yv if other_x else None if constant_x else residual_x(ans, xv, yv)
                ry = xv if other_y else None if constant_y else residual_y(ans, xv, yv)
                scalar = type(ans) is float64
                fx = None if scalar and type(xv) is float64 else _fit(xv, ans)
                fy = None if scalar and type(yv) is float64 else _fit(yv, ans)
                out = kind()
                if kind is Var:
                    out.payload = slot = trace.next()
                    trace.append((code_both, slot, x.payload, y.payload, rx, fx, ry, fy))
                else:
                    lead = trace.lead
                    t, u = x.payload, y.payload
                    floats = product and scalar and type(xv) in _FLOATS and type(yv) in _FLOATS
                    if floats and type(t) in _FLOATS and type(u) in _FLOATS:
                        out.payload = _float_times(t, rx) + _float_times(u, ry)
                    elif difference and fx is None is fy and type(t) is ndarray:
                        token = hush()
                        try:
                            out.payload = t - u
                        finally:
                            unhush(token)
                    else:
                        out.payload = _sum(
                            push_x(t, rx, fx, lead), push_y(u, ry, fy, lead), not constant_x
                        )
            elif kind_y in SCALARS or (kind_y is ndarray and y.dtype is not _OBJECT):
                ans = fn(xv, y)
                residual = y if other_x else None if constant_x else residual_x(ans, xv, y)
                if kind_y is float:
                    fit = None if type(ans) is float64 is type(xv) else _dtype_fit(xv, ans)
                else:
                    fit = _fit(xv, ans)
                out = kind()
                if kind is Var:
                    if kind_y is ndarray and keeps_y:
                        residual = trace.keep(y) if other_x else residual_x(ans, xv, trace.keep(y))
                    out.payload = slot = trace.next()
                    trace.append((code_x, slot, x.payload, residual, fit))
                else:
                    t, lead = x.payload, trace.lead
                    if fit is None and one_x:
                        out.payload = t
                    elif fit is None and times_x and kind_y is float and type(t) in _FLOATS:
                        out.payload = _float_times(t, y)
                    else:
                        out.payload = push_x(t, residual, fit, lead)
            else:
                return again(x, y)
        else:
            kind_y = type(y)
            if kind_y is not Var and kind_y is not Dual:
                return again(x, y)
            if kind not in SCALARS and (kind is not ndarray or x.dtype is _OBJECT):
                return again(x, y)
            trace = y.scope
            if trace is STORED:
                return again(x, y)
            yv = y.value
            ans = fn(x, yv)
            residual = x if other_y else None if constant_y else residual_y(ans, x, yv)
            if kind is float:
                fit = None if type(ans) is float64 is type(yv) else _dtype_fit(yv, ans)
            else:
                fit = _fit(yv, ans)
            out = kind_y()
            if kind_y is Var:
                if kind is ndarray and keeps_x:
                    residual = trace.keep(x) if other_y else residual_y(ans, trace.keep(x), yv)
                out.payload = slot = trace.next()
                trace.append((code_y, slot, y.payload, residual, fit))
            else:
                t, lead = y.payload, trace.lead
                if fit is None and one_y:
                    out.payload = t
                elif fit is None and times_y and kind is float and type(t) in _FLOATS:
                    out.payload = _float_times(t, x)
                else:
                    out.payload = push_y(t, residual, fit, lead)
        out.value = ans
        out.scope = trace
        return out

    return bind


def _sum(t: Any, u: Any, fresh: bool) -> Any:
    """The sum of two tangents, silent about overflow; written over t where that was just made."""
    if type(t) in _FLOATS and type(u) in _FLOATS:
        return float.__add__(t, u)
    token = hush()
    try:
        arrays = fresh and type(t) is ndarray and type(u) is ndarray and t.base is None
        if arrays and t.shape == u.shape and t.dtype is u.dtype:
            return np.add(t, u, out=t)
        return t + u
    finally:
        unhush(token)


def _pusher(factor: Factor) -> Callable[[Any, Any, Fit | None, Shape], Any]:
    """A pushforward that raises no floating-point error or warning of its own."""
    scale, constant = factor.scaler(), factor.constant
    itself = factor.keep != _CONSTANT and factor.call is None
    sign = factor.keep == _CONSTANT and constant in (1, -1)

    def push(t: Any, residual: Any, fit: Fit | None, lead: Shape) -> Any:
        if fit is None:
            if sign:
                return t if constant == 1 else -t
            if itself and type(t) in _FLOATS and type(residual) in _FLOATS:
                return _float_times(t, residual)  # Python's product neither warns nor raises
        token = hush()
        try:
            return _pushed(scale, t, residual, fit, lead)
        finally:
            unhush(token)

    return push


_FLOATS = frozenset((float, float64))
