"""The fast way onto a tape for primitives that are linear in each operand."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import templates
from .fast import Formats
from .parts import Part


class LinearFormats(Formats):
    """For primitives linear in each operand: ``vjp_x`` and ``jvp_x`` are the rules of x.

    Operands are arrays. ``x_spec`` is x itself where an entry keeps that.
    """

    constant = (
        "{kind} is ndarray and {v}.dtype is not OBJECT "
        "and (type({other}) is ndarray or hides_array({other}))"
    )
    unless = " or (type(a.primal) is not ndarray and not hides_array(a.primal))"
    settled = "if type(ans) not in ARRAYS: value = ans = settle(ans)"
    begin_vjp = "g = as_double(g)"  # the result may be a number
    special = """
        if (type(x) is not ndarray and not hides_array(x)) or (
            type(y) is not ndarray and not hides_array(y)
        ):
            return otherwise(a, b$params)
    """

    def __init__(
        self,
        prim: Any,
        vjps: Sequence[Callable[..., Any]],
        jvps: Sequence[Callable[..., Any] | None],
    ) -> None:
        self.params = ", **params" if _takes_params(prim.fn, len(vjps)) else ""
        if prim.is_view:
            params = "params" if self.params else "{}"
            self.call = f"{self.call} if type(x) is ndarray else prim.inner(x, {params})"
        self.special = self.special.replace("$params", self.params)
        parts, free = [], {"fn": prim.fn}
        for v, other, vjp, jvp in zip("xy", "yx", vjps, jvps, strict=False):
            operands = "{t}" if len(vjps) == 1 else "{t}, y" if v == "x" else "x, {t}"
            names: list[str] = []
            forward = f"fn({operands}{self.params})"
            if jvp is not None:
                call, names = _call(f"jvp_{v}", jvp)
                forward = call if len(vjps) == 1 else f"{call} if batch else {forward}"
                free[f"jvp_{v}"] = jvp
            back, more = _call(f"vjp_{v}", vjp)
            free[f"vjp_{v}"] = vjp
            needed = [*names, *more, *([other] if len(vjps) == 2 else [])]
            parts.append(Part(forward, back, tuple(dict.fromkeys(needed))))
        super().__init__(prim, parts, free)

    def kept(self, mask: str) -> str:
        params = ["params"] if self.params else []
        names = [*self.names(mask), *(f"{v}_spec" for v in mask), "ans_spec", *params]
        return self.short(mask, ", ".join(dict.fromkeys(names)))

    def short(self, mask: str, text: str) -> str:
        """A text in which a kept value stands for its own shape and dtype."""
        for v in self.parts:
            if v in self.names(mask):
                text = re.sub(rf"\b{v}_spec\b", v, text)
        return ", ".join(dict.fromkeys(text.split(", "))) if "\n" not in text else text

    def keep(self, mask: str) -> str:
        return ""

    def freeze(self, mask: str) -> str:
        own = [v for v in "xy" if f"{v}_spec" in self.kept(mask)]
        specs = [f"{v}_spec = spec(({v}.shape, {v}.dtype))" for v in own]
        ans = "spec((ans.shape, ans.dtype)) if type(ans) in ARRAYS else spec_of(ans)"
        params = "if not KEPT.isdisjoint(map(type, params.values())):\n"
        params += "    params = trace.guards.keep_params(params)"
        return "\n".join(
            [*specs, f"ans_spec = {ans}", super().freeze(mask), params if self.params else ""]
        )

    def jvp_now(self, mask: str) -> str:
        begin = "if type(ans) not in ARRAYS:\n    ans = spec_of(ans)\n"  # for the sake of its dtype
        return begin + re.sub(r"\b(\w+)_spec\b", r"\1", super().jvp_now(mask))

    def jvp_part(self, v: str, t: str, sign: str = "+", later: bool = False) -> str:
        return f"{t} = {self.parts[v].jvp.format(t=t)}"

    def end_jvp(self) -> str:
        return templates.CHECK.format(t="t", spec="ans_spec", kind="jvp")

    def end_vjp(self, v: str) -> str:
        return templates.CHECK.format(t="c", spec=f"{v}_spec", kind="vjp")

    def vjp(self, mask: str) -> str:
        return self.short(mask, super().vjp(mask))

    def jvp(self, mask: str) -> str:
        return self.short(mask, super().jvp(mask))

    def record(self, mask: str) -> str:
        return self.short(mask, super().record(mask))


def _takes_params(fn: Callable[..., Any], operands: int) -> bool:
    """Whether a primal has parameters beside its operands."""
    if isinstance(fn, np.ufunc):
        return False
    try:
        names = {*inspect.signature(fn).parameters}
    except ValueError:  # compiled functions of older releases
        return False
    return len(names - {"out"}) > operands


def _call(name: str, rule: Callable[..., Any]) -> tuple[str, list[str]]:
    """The text of a call of a rule, and the residuals that it names."""
    wanted = list(inspect.signature(rule).parameters)[1:]
    residuals = [n for n in wanted if n in ("x", "y") or n.endswith("_spec")]
    given = [n if n in residuals or n == "batch" else f'params["{n}"]' for n in wanted]
    return f"{name}({', '.join(['{t}', *given])})", residuals
