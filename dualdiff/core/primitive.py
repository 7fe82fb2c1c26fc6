"""Primitives: one object for an operation's primal, push, pull and structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..array.box import is_box
from ..array.kinds import explain_foreign
from ..array.views import localize
from ..errors import MissingRuleError, RuleError, describe, user_line
from .batch import Shape, as_double, cast, shape_of
from .structure import DENSE, Structure
from .trace import Reference, materialize, settle, top_trace
from .types import Cotangent, Residuals, Tangent, Value

VjpEntry = Callable[[Any, list[Any], tuple[Any, ...], Shape], None]
JvpEntry = Callable[[list[Any], tuple[Any, ...], Shape], None]

VJPS: list[VjpEntry] = []
JVPS: list[JvpEntry] = []
OWNERS: list[Any] = []
SLOTS: list[int] = []
# For each type of structured tangent the entries that take it, as the structures of their
# primitives say.
TAKERS: dict[type, set[int]] = {}
PRIMITIVES: list[Primitive] = []


def opcode(
    owner: Any, vjp: VjpEntry, jvp: JvpEntry, slots: int = 0, takes: type | None = None
) -> int:
    """Register a format of tape entries that belongs to `owner`.

    An entry is ``(opcode, out slot, slot of each operand, residuals)``; if a format does not fix
    the number of `slots`, they are in one tuple. Entries name their format by a number, not by a
    function, so they hold only objects that Python's cyclic garbage collector does not track, and
    it drops them from its lists.
    """
    VJPS.append(vjp)
    JVPS.append(jvp)
    OWNERS.append(owner)
    SLOTS.append(slots)
    code = len(VJPS) - 1
    kinds = owner.structure.takes if isinstance(owner, Primitive) else (takes,) if takes else ()
    for kind in kinds:
        TAKERS.setdefault(kind, set()).add(code)
    return code


def accumulate(ct: list[Cotangent], slot: int, g: Cotangent) -> None:
    """Add a contribution to the cotangent of a slot."""
    c = ct[slot]
    ct[slot] = g if c is None else c + g


class Primitive:
    """One operation on arrays: positional operands, keyword parameters that are not differentiated.

    `save` picks the residuals, `jvp` maps tangents of the operands to the tangent of the result,
    `vjp` maps its cotangent to cotangents of the operands. An operand without a tangent has None
    in its place. Primitives with several `outputs` return and take tuples. `structure` says how
    elements of the result depend on elements of the operands; `is_linear` says that the result is
    linear in all operands together, `is_view` that NumPy may make a view of the operand; `ignores`
    lists the operands on which no derivative depends. The views of a `readonly` primitive refuse
    stores; `view_sign` is the sign of a cotangent that is read through them. `has_formats` is false
    for primitives of users, who may make one at every call: they share an `opcode`. `formula` is
    the primal in steps of NumPy's, if it has some.
    """

    structure: Structure = DENSE
    is_linear = False
    is_view = False
    ignores: tuple[int, ...] = ()
    readonly = False
    view_sign = 1
    has_formats = True
    formula: Callable[..., Any] | None = None
    opcode: int

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        outputs: int = 1,
        structure: Structure | None = None,
    ) -> None:
        if structure is not None:
            self.structure = structure
        self.fn = fn
        self.name = name or str(getattr(fn, "__name__", fn))
        self.outputs = outputs
        self.bind: Callable[..., Any] = self.general
        if self.has_formats:
            self.opcode = opcode(self, self._vjp_entry, self._jvp_entry)
            PRIMITIVES.append(self)

    def __call__(self, *args: Any, **params: Any) -> Any:
        return self.bind(*args, **params)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def general(self, *args: Any, **params: Any) -> Any:
        """Apply to any mixture of plain values and boxes."""
        operands = [materialize(a) for a in args]
        trace = top_trace(operands)
        if trace is not None:
            return trace.process(self, operands, params)
        ans = self.fn(*operands, **params)
        if any(issubclass(type(a), Reference) for a in args):
            return tuple(map(localize, ans)) if self.outputs > 1 else localize(ans)
        return ans

    def evaluate(self, values: Sequence[Value], params: dict[str, Any]) -> Any:
        """The primal result, resolved if it is a box of an outer level."""
        try:
            ans = self.fn(*values, **params)
        except Exception as error:
            explained = explain_foreign(self.name, values, error)
            if explained is None:
                raise
            raise explained from error
        return tuple(map(settle, ans)) if self.outputs > 1 else settle(ans)

    def inner(self, content: Value, params: dict[str, Any]) -> Any:
        """Apply to content that no user holds, and return such content."""
        if is_box(content):
            return content.owner.process(self, (content,), params)
        return self.fn(content, **params)

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[bool], params: Any) -> Any:
        """The residuals of push and pull."""
        raise NotImplementedError

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        """The tangent of the result."""
        raise NotImplementedError

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        """The cotangents of the operands."""
        raise NotImplementedError

    def missing(self, direction: str, argument: int, x: Value) -> MissingRuleError:
        """The error for an operand that has no rule in one direction."""
        return MissingRuleError(
            f"{self.name}: no {direction} for argument {argument} ({describe(x)}), {user_line()}. "
            f"Declare one with dualdiff.extend (see docs/extending.md), or hold the argument "
            f"constant with dualdiff.stop_gradient."
        )

    def _vjp_entry(
        self, g: Cotangent, ct: list[Cotangent], entry: tuple[Any, ...], batch: Shape
    ) -> None:
        _, _, slots, saved = entry
        for slot, c in zip(slots, self.apply_vjp(saved, as_double(g), batch), strict=True):
            if slot and c is not None:
                accumulate(ct, slot, c)

    def _jvp_entry(self, ts: list[Tangent], entry: tuple[Any, ...], batch: Shape) -> None:
        _, out, slots, saved = entry
        tangents = [as_double(ts[s]) if s else None for s in slots]
        if any(t is not None for t in tangents):
            pushed = self.apply_jvp(saved, tangents, batch)
            ts[out] = settle(pushed) if self.outputs == 1 else tuple(map(settle, pushed))


class Known(NamedTuple):
    """A value that no derivative reads as a parameter, so that a tape need not guard it."""

    value: Any


def checked(prim: Primitive, t: Tangent, spec: Any, batch: Shape, direction: str) -> Any:
    """The result of a rule in the dtype of its primal, after a check of its shape."""
    if is_box(t):
        t = materialize(t)
    if shape_of(t) != batch + spec.shape:
        raise RuleError(
            f"the {direction} of {prim.name} gave shape {shape_of(t)} where {batch + spec.shape} "
            f"is needed (batch axes {batch} and the shape {spec.shape} of its primal)"
        )
    t = cast(t, spec.dtype)
    return materialize(t) if is_box(t) else t
