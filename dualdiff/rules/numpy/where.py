"""Choices between values, and functions without derivative, which see plain values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...array.box import is_box, observe, unbox
from ...array.dispatch import register
from ...core.batch import Broadcast, Shape, Spec, align, shape_of, unbroadcast
from ...core.types import Cotangent, Tangent, Value
from ...errors import warn_of_rounding
from ..declare import elementwise, rule
from ..structures import Choice
from .common import implements, where_or_zero, zero_derivative
from .manipulation import as_operand

for _function in (
    # truth, comparison and kind
    np.all, np.any, np.allclose, np.isclose, np.array_equal, np.array_equiv, np.isposinf,
    np.isneginf, np.iscomplex, np.isreal, np.isnat, np.isin,
    # positions and counts
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.argwhere,
    np.nonzero, np.flatnonzero, np.searchsorted, np.digitize, np.count_nonzero, np.lexsort,
    np.ravel_multi_index, np.unravel_index, np.linalg.matrix_rank,
    # steps, whose derivative is zero wherever it exists
    np.fix,
    # integers and bits
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift,
    np.bitwise_count, np.gcd, np.lcm, np.packbits, np.unpackbits,
):  # fmt: skip
    register(_function, zero_derivative(_function))
for _of_shapes in (
    # shapes, dtypes, memory and text
    np.size, np.result_type, np.can_cast, np.common_type, np.min_scalar_type, np.iscomplexobj,
    np.isrealobj, np.may_share_memory, np.shares_memory, np.array2string, np.array_repr,
    np.array_str, np.einsum_path, np.diag_indices_from, np.tril_indices_from,
    np.triu_indices_from,
):  # fmt: skip
    register(_of_shapes, zero_derivative(_of_shapes, unbox))
register(np.shape, lambda a: shape_of(a))


# A step that is finer than this part of the value, the root of the unit of least precision, shows
# in no difference quotient.
_FINE = 2.0**-26


def _is_fine(x: Value, decimals: Any) -> Any:
    """Where rounding to some decimals only cleans the last digits of a number."""
    return 10.0**-decimals <= _FINE * np.abs(x)


_cleaned = elementwise(
    lambda x, function, decimals: function(x, decimals),
    lambda x, decimals: _is_fine(x, decimals) * 1.0,
    name="round",
)


def _rounded_finely(function: Any, a: Value, decimals: Any) -> Any:
    """The rounded value with the derivative of its fine elements, or None if there are none."""
    if not (isinstance(decimals, (int, np.integer)) and decimals > 0):
        return None
    x = observe(a)
    is_inexact = is_box(a) and np.asarray(x).dtype.kind in "fc"
    fine = _is_fine(x, decimals) if is_inexact else False
    if not np.all(fine):
        warn_of_rounding(decimals)
    return _cleaned(a, function=function, decimals=decimals) if np.any(fine) else None


def _rounding(function: Any) -> Any:
    constant = zero_derivative(function)

    def rounded(a: Value, decimals: int = 0, out: Any = None) -> Any:
        if out is not None:
            warn_of_rounding(decimals)
            return constant(a, decimals, out=out)
        found = _rounded_finely(function, a, decimals)
        return constant(a, decimals) if found is None else found

    return rounded


register(np.around, _rounding(np.around))
register(np.round, _rounding(np.round))


@implements(round)
def rounded_number(number: Value, ndigits: Any = None) -> Any:
    """Python's `round` of a number; for arrays, it raises as theirs does."""
    if ndigits is None:
        return round(observe(number))
    found = None if np.ndim(number) else _rounded_finely(round, number, ndigits)
    return round(observe(number), ndigits) if found is None else found


@implements(np.ndim)
def ndim(a: Value) -> int:
    """``numpy.ndim``."""
    return len(shape_of(a))


def _where_jvp(
    ts: Any, condition: Any, x_spec: Spec, y_spec: Spec, ans_spec: Spec, batch: Shape
) -> Tangent:
    tx, ty = (
        0 if t is None else align(t, spec.ndim, ans_spec.ndim, batch)
        for t, spec in zip(ts, (x_spec, y_spec), strict=True)
    )
    return np.broadcast_to(np.where(condition, tx, ty), batch + ans_spec.shape)


def _where_vjp(
    g: Cotangent, condition: Any, x_spec: Spec, y_spec: Spec, ans_spec: Spec, active: Any
) -> tuple[Any, Any]:
    cx = (
        unbroadcast(where_or_zero(condition, g), Broadcast(*x_spec, *ans_spec))
        if active[0]
        else None
    )
    cy = (
        unbroadcast(where_or_zero(~condition, g), Broadcast(*y_spec, *ans_spec))
        if active[1]
        else None
    )
    return cx, cy


where_p = rule(
    lambda x, y, condition: np.where(condition, x, y),
    jvp=_where_jvp,
    vjp=_where_vjp,
    name="where",
    structure=Choice(),
)


@implements(np.where)
def where(condition: Any, /, *choices: Any) -> Any:
    """``numpy.where``, differentiable in x and y; the other operand gets exact zeros."""
    condition = as_operand(condition)
    if is_box(condition):
        # A choice for a traced array depends on both choices, whatever the condition.
        condition = (unbox if any(map(is_box, choices)) else observe)(condition)
    # A copy, since the program may go on to change its mask.
    known = hasattr(condition, "astype")
    condition = condition.astype(bool) if known else np.array(condition, dtype=bool)
    if not choices:
        return np.nonzero(condition)
    if len(choices) != 2:
        raise ValueError("either both or neither of x and y should be given")
    x, y = map(as_operand, choices)
    return where_p(x, y, condition=condition)
