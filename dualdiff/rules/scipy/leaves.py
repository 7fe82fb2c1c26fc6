"""Primitives whose primal is compiled code of SciPy's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ...array.box import is_box
from ...core.structure import DENSE, Structure
from ..declare import Rule, rule
from .arguments import IN_RULE, by_scipy, unchecked


def _as_rule(formula: Callable[..., Any] | None) -> Any:
    """A rule that knows that it is one."""
    if formula is None:
        return None

    @functools.wraps(formula)
    def call(*args: Any, **kwargs: Any) -> Any:
        token = IN_RULE.set(True)
        try:
            return formula(*args, **kwargs)
        finally:
            IN_RULE.reset(token)

    return call


def leaf(
    function: Callable[..., Any],
    *,
    jvp: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    name: str,
    structure: Structure = DENSE,
    outputs: int = 1,
    batched: bool = False,
) -> Rule:
    """Declare a primitive by a function of plain operands and a rule, as `declare.rule` does.

    The primal of a primitive may get traced operands of an outer derivative. Then it must be the
    primitive again, and compiled code does not see to this by itself.
    """

    def primal(*operands: Any, **params: Any) -> Any:
        if any(map(is_box, operands)):
            return primitive(*operands, **params)
        return by_scipy(function, *operands, **unchecked(function, operands, params))

    primitive = rule(
        primal,
        jvp=_as_rule(jvp),
        vjp=_as_rule(vjp),
        name=name,
        structure=structure,
        outputs=outputs,
        batched=batched,
    )
    primitive.variadic = False
    return primitive
