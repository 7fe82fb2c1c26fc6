"""Which operations of a recording give results whose shape their operands' shapes fix.

Others, such as ``np.nonzero``, belong to the course of the program: their shapes are checked at
each replay, whether or not anything else needs their results.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.primitive import PRIMITIVES
from .nodes import BURIED, INPUT, STORES, Call, Guard, Method, Pick, identity
from .operations import MOVERS, MOVING_METHODS, has_holes, primitives

INFIX = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/",
    operator.pow: "**", operator.matmul: "@", operator.mod: "%", operator.floordiv: "//",
    operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=",
    operator.eq: "==", operator.ne: "!=", operator.and_: "&", operator.or_: "|",
    operator.xor: "^",
}  # fmt: skip
PREFIX = {operator.neg: "-", operator.pos: "+", operator.invert: "~"}
_SAME = (
    np.all, np.allclose, np.angle, np.any, np.argmax, np.argmin, np.argpartition, np.argsort,
    np.around, np.array_equal, np.average, np.clip, np.column_stack, np.convolve, np.corrcoef,
    np.correlate, np.count_nonzero, np.cov, np.cross, np.cumprod, np.cumsum, np.diag, np.diff,
    np.digitize, np.dot, np.dstack, np.ediff1d, np.einsum, np.fix, np.full_like, np.gradient,
    np.imag, np.inner, np.interp, np.isclose, np.iscomplex, np.isneginf, np.isposinf, np.isreal,
    np.kron, np.lexsort, np.max, np.mean, np.median, np.min, np.nan_to_num, np.nanargmax,
    np.nanargmin, np.nancumprod, np.nancumsum, np.nanmax, np.nanmean, np.nanmedian, np.nanmin,
    np.nanpercentile, np.nanprod, np.nanquantile, np.nanstd, np.nansum, np.nanvar, np.outer,
    np.partition, np.percentile, np.prod, np.ptp, np.quantile, np.round, np.searchsorted,
    np.select, np.sinc, np.sort, np.std, np.sum, np.take_along_axis, np.tensordot, np.trace,
    np.trapezoid, np.tril, np.triu, np.unwrap, np.vander, np.var, np.vdot,
)  # fmt: skip
# Real or complex by value, or of a length that depends on it.
_VARYING = frozenset(("bincount", "eig", "eigvals", "lstsq", "roots"))
_FIXED = frozenset({*INFIX, *PREFIX, *MOVERS, *_SAME, BURIED, INPUT, identity, operator.abs, round})
_METHODS = MOVING_METHODS | frozenset(
    ("all", "any", "argmax", "argmin", "argsort", "argpartition", "astype", "clip", "conj",
     "conjugate", "cumprod", "cumsum", "dot", "item", "is_integer", "max", "mean", "min", "prod",
     "ptp", "round", "searchsorted", "std", "sum", "trace", "var")
)  # fmt: skip


def is_fixed(operations: Sequence[Any], operands: Sequence[Any], forms: Any, node: int) -> bool:
    """Whether the shape of the result of a node follows from the shapes of its operands."""
    operation, refs = operations[node], operands[node]
    if isinstance(operation, (np.ufunc, Guard, *STORES)):
        return True
    if type(operation) is Pick:
        return is_fixed(operations, operands, forms, refs[0])
    if operation is operator.pow and forms[node] in (float, complex):
        return False  # Python's power of a negative number is complex
    if operation is operator.getitem:
        return refs[1] < 0 or not _is_mask(forms[refs[1]])
    if type(operation) is Method:
        return str(operation.function) in _METHODS and not has_holes(
            (operation.args, operation.kwargs)
        )
    count, data = len(refs), refs[1:]
    if isinstance(operation, Call):
        count = len(operation.args) + len(operation.kwargs)
        data = refs if has_holes((operation.args[1:], operation.kwargs)) else ()
        operation = operation.function
    if operation is np.where:
        return count == 3
    if operation in MOVERS:
        return not any(ref >= 0 for ref in data)
    try:
        primitive = primitives(len(PRIMITIVES)).get(operation)
        known = operation in _FIXED or primitive is not None
    except TypeError:  # without a hash
        return False
    if getattr(primitive, "name", getattr(operation, "__name__", "")) in _VARYING:
        return False
    is_reduction = isinstance(getattr(operation, "__self__", None), np.ufunc)  # np.add.reduce
    return known or is_reduction or getattr(operation, "__module__", "") == "numpy.linalg"


def _is_mask(form: Any) -> bool:
    return form in (bool, np.bool_) or (type(form) is tuple and form[1] == np.bool_)
