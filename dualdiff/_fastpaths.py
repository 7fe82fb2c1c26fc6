"""The two hot cases, one or two operands of one trace with plain values, without any indirection.

Everything here has its general form in `kinds.Elementwise`; what does not fit is handed to it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import float64, ndarray

from .core.forward import Dual
from .core.primitive import accumulate, opcode
from .core.reverse import Var
from .core.shapes import Fit, Shape, align, broadcast_tangent, fit_of, hush, unbroadcast, unhush

_new = object.__new__
_OBJECT = np.dtype(object)
SCALARS = frozenset(
    (float, int, bool, complex, float64, np.float32, np.complex128, np.complex64)
    + (np.int64, np.int32, np.bool_)
)
_NOTHING, _X, _Y, _ANS, _SEVERAL = range(5)


class Factor:
    """A derivative as the fast paths use it: a constant, or a function of one residual object."""

    __slots__ = ("call", "constant", "keep", "pick")

    def __init__(self, derivative: Any) -> None:
        self.constant = derivative
        self.keep, self.call, self.pick = _NOTHING, None, None
        if not callable(derivative):
            return
        names = tuple(inspect.signature(derivative).parameters)
        single = {("x",): _X, ("y",): _Y, ("ans",): _ANS}
        self.constant = None
        if names in single:
            self.keep, self.call = single[names], derivative
        else:
            where = [("ans", "x", "y").index(n) for n in names]
            self.keep = _SEVERAL
            self.call = _spread(derivative)
            self.pick = _picker(where)


def _spread(derivative: Callable[..., Any]) -> Callable[[Any], Any]:
    def spread(residuals: Any) -> Any:
        return derivative(*residuals)

    return spread


def _picker(where: list[int]) -> Callable[[Any, Any, Any], Any]:
    def pick(*values: Any) -> Any:
        return tuple([values[i] for i in where])

    return pick


def _keep(factor: Factor, ans: Any, x: Any, y: Any) -> Any:
    """The residual object of a factor."""
    keep = factor.keep
    if keep == _ANS:
        return ans
    if keep == _X:
        return x
    if keep == _Y:
        return y
    return factor.pick(ans, x, y) if factor.pick is not None else None


def _scaler(factor: Factor) -> Callable[[Any, Any], Any]:
    """``t * derivative`` as a function of t and the residual."""
    call, constant = factor.call, factor.constant
    if call is not None:
        return lambda t, residual: t * call(residual)
    if constant == 0:
        return lambda t, residual: np.zeros_like(t) if type(t) is ndarray else 0 * t
    if constant == 1:
        return lambda t, residual: t
    if constant == -1:
        return lambda t, residual: -t
    return lambda t, residual: t * constant


def _entry_format(prim: Any, factor: Factor) -> int:
    """Entries ``(code, out, slot, residual, fit)`` with one active operand."""
    scale = _scaler(factor)
    call = factor.call

    def pull_call(g: Any, ct: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, _, slot, residual, fit = entry
        g = g * call(residual)  # type: ignore[misc]
        if fit is not None:
            g = unbroadcast(g, fit)
        c = ct[slot]
        ct[slot] = g if c is None else c + g

    def pull_constant(g: Any, ct: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, _, slot, residual, fit = entry
        g = scale(g, residual)
        if fit is not None:
            g = unbroadcast(g, fit)
        accumulate(ct, slot, g)

    def push(ts: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, out, slot, residual, fit = entry
        t = ts[slot]
        if t is not None:
            ts[out] = _pushed(scale, t, residual, fit, lead)

    return opcode(prim, pull_call if call is not None else pull_constant, push)


def _pushed(scale: Any, t: Any, residual: Any, fit: Fit | None, lead: Shape) -> Any:
    if fit is None:
        return scale(t, residual)
    t = align(t, len(fit.shape), len(fit.ans_shape), lead)
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


def unary_fast_path(prim: Any, fn: Callable[..., Any], derivative: Any) -> Callable[..., Any]:
    """The bind of an elementwise primitive of one operand."""
    factor = Factor(derivative)
    scale = _scaler(factor)
    code = _entry_format(prim, factor)
    keep_ans, keep_x = factor.keep == _ANS, factor.keep == _X
    general = prim.general

    def bind(x: Any, **params: Any) -> Any:
        kind = type(x)
        if (kind is not Var and kind is not Dual) or params:
            return general(x, **params)
        value = x.value
        ans = fn(value)
        fit = _fit(value, ans)
        if type(value) is float:
            value = float64(value)
        residual = ans if keep_ans else value if keep_x else _keep(factor, ans, value, None)
        trace = x.trace
        out = _new(kind)
        if kind is Var:
            out.payload = slot = trace.next()
            trace.append((code, slot, x.payload, residual, fit))
        else:
            lead = trace.lead
            token = hush()
            try:
                if fit is None:
                    out.payload = scale(x.payload, residual)
                else:
                    out.payload = _pushed(scale, x.payload, residual, fit, lead)
            finally:
                unhush(token)
        out.value = ans
        out.trace = trace
        return out

    return bind


def binary_fast_path(prim: Any, fn: Callable[..., Any], dx: Any, dy: Any) -> Callable[..., Any]:
    """The bind of an elementwise primitive of two operands."""
    factor_x, factor_y = Factor(dx), Factor(dy)
    scale_x, scale_y = _scaler(factor_x), _scaler(factor_y)
    code_x, code_y = _entry_format(prim, factor_x), _entry_format(prim, factor_y)
    code_both = _two_entry_format(prim, factor_x, factor_y)
    general = prim.general
    no_rule = dx is None or dy is None
    keep_x, keep_y = factor_x.keep, factor_y.keep

    def bind(x: Any, y: Any, **params: Any) -> Any:
        kind = type(x)
        kind_y = type(y)
        if (kind is Var or kind is Dual) and not params:
            trace = x.trace
            xv = x.value
            if kind_y is kind:
                if y.trace is not trace:
                    return general(x, y)
                yv = y.value
                which = 2
            elif kind_y in SCALARS or (kind_y is ndarray and y.dtype is not _OBJECT):
                yv = y
                which = 0
            else:
                return general(x, y)
        elif (
            (kind_y is Var or kind_y is Dual)
            and (kind in SCALARS or (kind is ndarray and x.dtype is not _OBJECT))
            and not params
        ):
            trace = y.trace
            xv = x
            yv = y.value
            kind = kind_y
            which = 1
        else:
            return general(x, y, **params)
        if no_rule:
            return general(x, y)
        ans = fn(xv, yv)
        out = _new(kind)
        out.value = ans
        out.trace = trace
        if which != 1:
            fit_x = _fit(xv, ans)
            res_x = yv if keep_x == _Y else _keep(factor_x, ans, xv, yv) if keep_x else None
        if which != 0:
            fit_y = _fit(yv, ans)
            res_y = xv if keep_y == _X else _keep(factor_y, ans, xv, yv) if keep_y else None
        if kind is Var:
            out.payload = slot = trace.next()
            if which == 0:
                trace.append((code_x, slot, x.payload, res_x, fit_x))
            elif which == 1:
                trace.append((code_y, slot, y.payload, res_y, fit_y))
            else:
                trace.append((code_both, slot, x.payload, res_x, fit_x, y.payload, res_y, fit_y))
            return out
        lead = trace.lead
        token = hush()
        try:
            if which != 1:
                t = x.payload
                t = scale_x(t, res_x) if fit_x is None else _pushed(scale_x, t, res_x, fit_x, lead)
            if which != 0:
                u = y.payload
                u = scale_y(u, res_y) if fit_y is None else _pushed(scale_y, u, res_y, fit_y, lead)
                t = u if which == 1 else t + u
        finally:
            unhush(token)
        out.payload = t
        return out

    return bind


def _two_entry_format(prim: Any, factor_x: Factor, factor_y: Factor) -> int:
    """Entries ``(code, out, x slot, residual, fit, y slot, residual, fit)``."""
    scale_x, scale_y = _scaler(factor_x), _scaler(factor_y)

    def pull(g: Any, ct: list[Any], entry: tuple[Any, ...], lead: Shape) -> None:
        _, _, slot, residual, fit, slot_y, residual_y, fit_y = entry
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
        _, out, slot, residual, fit, slot_y, residual_y, fit_y = entry
        t, u = ts[slot], ts[slot_y]
        if t is not None:
            t = _pushed(scale_x, t, residual, fit, lead)
        if u is not None:
            u = _pushed(scale_y, u, residual_y, fit_y, lead)
            t = u if t is None else t + u
        if t is not None:
            ts[out] = t

    return opcode(prim, pull, push)
