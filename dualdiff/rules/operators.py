"""Fast Python operators on traced arrays."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from numpy import float64

from ..array.box import Box
from ..array.dispatch import FUNCTIONS
from ..array.kinds import FLOATS
from ..core.dual import Dual
from ..core.types import Value


def shorten_operators() -> None:
    """Replace the methods of `Box` that look up a rule at each call by the rules.

    A look-up costs a tenth of an operation on ten elements. The methods stay the general form.
    """
    for name in ("add", "sub", "mul", "truediv", "pow", "matmul"):
        rule = FUNCTIONS[getattr(operator, name)]
        setattr(Box, f"__{name}__", rule)
        setattr(Box, f"__r{name}__", _reflected(rule))
    for name in ("neg", "getitem", "setitem"):
        setattr(Box, f"__{name}__", FUNCTIONS[getattr(operator, name)])
    for name in ("add", "sub", "mul"):
        setattr(Dual, f"__{name}__", _dual_operator(getattr(operator, name), left=True))
        setattr(Dual, f"__r{name}__", _dual_operator(getattr(operator, name), left=False))


def _reflected(rule: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def reflected(self: Any, other: Any) -> Any:
        return rule(other, self)

    return reflected


def _dual_operator(op: Callable[[Any, Any], Any], left: bool) -> Any:
    """A sum, difference or product of `Dual`: at the least cost for a float64 and a Python float.

    `left` says whether the dual number stands on the left.
    """
    rule, product, negative = FUNCTIONS[op], op is operator.mul, op is operator.sub and not left
    times = float.__mul__  # for float64 as well: it neither warns nor raises

    def apply(x: Value, y: Value) -> Any:
        if type(y) is float and type(x) is Dual:
            value, t, trace = x.primal, x.payload, x.owner
            if type(value) is float64 and type(t) in FLOATS and trace.fast and not trace.batch:
                out = Dual()
                out.primal = op(value, y) if left else op(y, value)
                out.payload = times(t, y) if product else -t if negative else t
                out.owner = trace
                return out
        return rule(x, y) if left else rule(y, x)

    return apply
