"""Residuals: the values of a call that a rule keeps, chosen by its parameters' names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..core.batch import Shape, Spec, spec_of

OPERANDS = ("x", "y", "z", "w")


def parameter_names(formula: Callable[..., Any]) -> tuple[str, ...]:
    """The names that say which residuals a formula wants."""
    return tuple(inspect.signature(formula).parameters)


class Call(NamedTuple):
    """One call of a primitive, from which residuals are picked."""

    ans: Any
    args: Sequence[Any]
    active: tuple[bool, ...]
    specs: tuple[Spec, ...]
    ans_spec: Any

    @staticmethod
    def of(ans: Any, args: Sequence[Any], active: Sequence[Any]) -> Call:
        """A call with the shapes and dtypes of everything in it."""
        ans_spec = tuple(map(spec_of, ans)) if type(ans) is tuple else spec_of(ans)
        return Call(ans, args, tuple(map(bool, active)), tuple(map(spec_of, args)), ans_spec)


Getter = Callable[[Call], Any]


def _operand(i: int) -> Getter:
    return lambda call: call.args[i]


def _operand_spec(i: int) -> Getter:
    return lambda call: call.specs[i]


_GETTERS: dict[str, Getter] = {
    "ans": lambda call: call.ans,
    "ans_spec": lambda call: call.ans_spec,
    "args": lambda call: tuple(call.args),
    "specs": lambda call: call.specs,
    "active": lambda call: call.active,
    **{name: _operand(i) for i, name in enumerate(OPERANDS)},
    **{f"{name}_spec": _operand_spec(i) for i, name in enumerate(OPERANDS)},
}


class Residuals:
    """Picks residuals by name and calls a formula with them."""

    def __init__(self, formula: Callable[..., Any], skip: int) -> None:
        self.formula = formula
        self.names = parameter_names(formula)[skip:]
        self.getters = [(n, _GETTERS[n]) for n in self.names if n in _GETTERS]
        self.wants_lead = "lead" in self.names
        self.params = [n for n in self.names if n not in _GETTERS and n != "lead"]

    def pick(self, call: Call, params: Any) -> dict[str, Any]:
        """The residuals and parameters, by name."""
        kept = {name: get(call) for name, get in self.getters}
        for name in self.params:
            if name in params:
                kept[name] = params[name]
        return kept

    def of_specs(self, params: dict[str, Any], x_spec: Any, ans_spec: Any) -> dict[str, Any]:
        """`pick` for what needs no values."""
        kept = {name: params[name] for name in self.params if name in params}
        for name, _ in self.getters:
            kept[name] = x_spec if name == "x_spec" else ans_spec
        return kept

    def call(self, first: Any, kept: dict[str, Any], lead: Shape) -> Any:
        """The formula on a tangent or cotangent and its residuals."""
        if self.wants_lead:
            return self.formula(first, lead=lead, **kept)
        return self.formula(first, **kept)
