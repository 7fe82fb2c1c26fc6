"""The four ways to declare a primitive: `elementwise`, `linear`, `bilinear`, `rule`.

The parameters of a rule name its residuals: ``x, y, z, w`` are the operands, ``ans`` is the result,
``x_spec`` ... ``ans_spec`` are their shapes and dtypes (`Spec`), ``args`` and ``specs`` are tuples
for all operands, any other name is a keyword parameter of the call. Tangents and cotangents may
carry batch axes in front, so rules count axes from the right. Alignment, unbroadcasting, projection
to the operand's dtype and the loop over directions for rules that take no batch happen only here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..array.box import is_box
from ..array.kinds import has_lazy
from ..array.views import View, make_view, memory_of
from ..core.batch import (
    Shape,
    align,
    broadcast_of,
    cast,
    in_precision,
    looped,
    shape_of,
    spec_of,
    unbroadcast,
)
from ..core.calls import ELEMENTWISE
from ..core.dual import Dual
from ..core.primitive import Primitive, checked
from ..core.structure import DENSE, Structure
from ..core.tape import Var
from ..core.trace import STORED, as_numpy, settle
from ..core.types import Cotangent, Residuals, Tangent, Value
from ..errors import RuleError, user_line
from . import structures
from .fast import elementwise_binder, times_constant
from .fast_linear import LinearFormats
from .parts import is_variadic, names_of

# How an elementwise primitive computes its primal and its derivatives on lazy arrays.
BY_BLOCKS: dict[str, Callable[..., Any]] = {}
Derivative = Callable[..., Any] | str | float | complex | None
OPERANDS = ("x", "y", "z", "w")


def named(ans: Value, args: Sequence[Any], active: Sequence[Any]) -> dict[str, Any]:
    """The possible residuals of one call, by name."""
    specs = tuple(map(spec_of, args))
    known: dict[str, Any] = dict(zip(OPERANDS, args, strict=False))
    known |= {f"{name}_spec": spec for name, spec in zip(OPERANDS, specs, strict=False)}
    ans_spec = tuple(map(spec_of, ans)) if type(ans) is tuple else spec_of(ans)
    known |= {"ans": ans, "ans_spec": ans_spec, "args": tuple(args), "specs": specs}
    known["active"] = tuple(map(bool, active))
    return known


RESIDUALS = {"ans", "ans_spec", "args", "specs", "active"}
RESIDUALS |= {name + end for name in OPERANDS for end in ("", "_spec")}


class Formula:
    """Picks residuals by name and calls a formula with them."""

    def __init__(self, formula: Callable[..., Any], skip: int) -> None:
        self.formula = formula
        self.names = names_of(formula)[skip:]
        self.residuals = [n for n in self.names if n in RESIDUALS]
        self.params = [n for n in self.names if n not in RESIDUALS and n != "batch"]
        self.wants_batch = "batch" in self.names

    def pick(self, known: dict[str, Any], params: Any) -> dict[str, Any]:
        """The residuals and parameters, by name."""
        kept = {name: known[name] for name in self.residuals}
        for name in self.params:
            if name in params:
                kept[name] = params[name]
        return kept

    def call(self, first: Any, kept: dict[str, Any], batch: Shape) -> Any:
        """The formula on a tangent or cotangent and its residuals."""
        if self.wants_batch:
            return self.formula(first, batch=batch, **kept)
        return self.formula(first, **kept)

    def value(self, kept: dict[str, Any]) -> Any:
        """The formula on residuals alone."""
        return self.formula(*kept.values()) if len(kept) == 1 else self.formula(**kept)


class Elementwise(Primitive):
    """Broadcasts its operands; one derivative per operand gives both modes and batches."""

    structure = structures.Elementwise()

    def __init__(
        self,
        fn: Callable[..., Any],
        derivatives: Sequence[Derivative],
        name: str | None = None,
        operator: Callable[..., Any] | None = None,
        silent: bool = False,
        structure: Structure | None = None,
        floats: Sequence[Callable[..., Any] | None] = (),
    ) -> None:
        super().__init__(fn, name, structure=structure)
        self.derivatives, self.floats = tuple(derivatives), tuple(floats)
        self.ignores = tuple(i for i, d in enumerate(derivatives) if not callable(d) and d == 0)
        self.factors = [Formula(d, 0) if callable(d) else None for d in derivatives]
        self.operator = self.general
        if self.has_formats and len(derivatives) <= 2 and None not in derivatives:
            self.bind_to = elementwise_binder(self, self.derivatives, silent, self.floats)
            self.bind = self.bind_to(fn)
            self.operator = self.bind_to(operator) if operator else self.bind

    def __call__(self, *args: Any, **params: Any) -> Any:
        return self.general(*args, **params) if params else self.bind(*args)

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        saved = []
        known = named(ans, args, active)
        for i, (x, used) in enumerate(zip(args, active, strict=True)):
            factor, kept = self.factors[i], None
            if used and self.derivatives[i] is None:
                raise self.missing("derivative", i, x)
            if used and factor is not None:
                kept = {k: as_numpy(v) for k, v in factor.pick(known, params).items()}
                kept |= {k: in_precision(kept[k], ans) for k in factor.residuals if k in OPERANDS}
            elif used and isinstance(self.derivatives[i], str):
                kept = known[str(self.derivatives[i])]
            saved.append((kept, broadcast_of(x, ans) if used else None))
        return known["ans_spec"], tuple(saved), known["active"]

    def evaluate(self, values: Sequence[Value], params: dict[str, Any]) -> Any:
        if type(self.fn) is not np.ufunc and any(map(has_lazy, values)):
            return settle(BY_BLOCKS["primal"](self, values, params))
        return super().evaluate(values, params)

    def _scale(self, i: int, t: Tangent, kept: Any) -> Any:
        factor = self.factors[i]
        if factor is not None:
            if any(map(has_lazy, kept.values())):
                return t * BY_BLOCKS["factor"](self, i, kept)
            return t * factor.value(kept)
        constant = self.derivatives[i]
        return t * kept if isinstance(constant, str) else times_constant(t, constant)

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        spec, per_operand, _ = saved
        total: Any = None
        for i, ((kept, fit), t) in enumerate(zip(per_operand, tangents, strict=True)):
            if t is None:
                continue
            if fit is not None:
                t = align(t, len(fit.shape), spec.ndim, batch)
            t = self._scale(i, t, kept)
            total = t if total is None else total + t
        if shape_of(total) != batch + spec.shape and np.ndim(total) <= len(batch) + spec.ndim:
            total = np.broadcast_to(total, batch + spec.shape)
        return cast(total, spec.dtype)

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        _, per_operand, used = saved
        out: list[Any] = []
        for i, (kept, fit) in enumerate(per_operand):
            if not used[i]:
                out.append(None)
                continue
            c = self._scale(i, g, kept)
            out.append(c if fit is None else unbroadcast(c, fit))
        return out


class UserElementwise(Elementwise):
    """One that users make, perhaps at every call: what its entries keep starts with itself."""

    has_formats = False
    opcode = ELEMENTWISE

    def save(self, *call: Any) -> Any:
        return (self, *super().save(*call))

    def _scale(self, i: int, t: Tangent, kept: Any) -> Any:
        try:
            return super()._scale(i, t, kept)
        except ValueError as error:
            raise self._misshapen(i, shape_of(self.factors[i].value(kept))) from error  # type: ignore[union-attr]

    def _misshapen(self, i: int, shape: Shape) -> RuleError:
        return RuleError(
            f"{self.name}: the derivative of operand {i} has shape {shape}, {user_line()}; return "
            f"one number for each element of the result"
        )

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        t = super().apply_jvp(saved[1:], tangents, batch)
        if shape_of(t) != batch + saved[1].shape:
            raise self._misshapen(0, shape_of(t)[len(batch) :])
        return t

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        out = super().apply_vjp(saved[1:], g, batch)
        for i, ((_, fit), c) in enumerate(zip(saved[2], out, strict=True)):
            if c is not None and fit is None and shape_of(c) != shape_of(g):
                raise self._misshapen(i, shape_of(c)[len(batch) :])
        return out


class Linear(Primitive):
    """Linear in its one operand; without a `jvp` of its own, the operation is its own push."""

    is_linear = True

    def __init__(
        self,
        fn: Callable[..., Any],
        transpose: Callable[..., Any],
        jvp: Callable[..., Any] | None,
        name: str | None,
        structure: Structure,
        view: bool,
    ) -> None:
        super().__init__(fn, name, structure=structure)
        self.jvp_formula = Formula(jvp, 1) if jvp else None
        self.transpose = Formula(transpose, 1)
        for formula in filter(None, (self.jvp_formula, self.transpose)):
            if wrong := {*formula.residuals} - {"x_spec", "ans_spec"}:
                raise TypeError(f"{self.name}: a linear rule cannot depend on {sorted(wrong)}")
        self.is_view = view
        formats = LinearFormats(self, [transpose], [jvp])
        self.general = formats.bind(fn, super().general)  # type: ignore[method-assign]
        self.bind = self._bind_view if view else self.general

    def inner(self, content: Any, params: dict[str, Any]) -> Any:
        if type(content) is Var or type(content) is Dual:
            return self.general(content, **params)
        return super().inner(content, params)

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        return params, {"x_spec": spec_of(args[0]), "ans_spec": spec_of(ans)}

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        params, specs = saved
        (t,) = tangents
        if self.jvp_formula:
            t = self.jvp_formula.call(t, self.jvp_formula.pick(specs, params), batch)
        else:
            t = self.fn(t, **params)
        return checked(self, t, specs["ans_spec"], batch, "jvp")

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        params, specs = saved
        g = self.transpose.call(g, self.transpose.pick(specs, params), batch)
        return (checked(self, g, specs["x_spec"], batch, "vjp"),)

    def view_batched(self, array: Any, params: dict[str, Any], batch: Shape) -> Any:
        """The same view of an array with batch axes."""
        if not batch or self.jvp_formula is None:
            return self.fn(array, **params)
        empty = 0 in batch  # then no direction shows the view
        inner = np.zeros(array.shape[len(batch) :]) if empty else array[(0,) * len(batch)]
        kept = self.jvp_formula.pick(named(self.fn(inner, **params), (inner,), (1,)), params)
        return self.jvp_formula.call(array, kept, batch)

    def _bind_view(self, x: Value, **params: Any) -> Any:
        if not is_box(x):
            return self.general(x, **params)
        if type(x) is View or x.owner is STORED:
            source = memory_of(x)
            if np.may_share_memory(self.fn(source, **params), source):
                return View(x, self, params)
            return self.general(x, **params)
        return make_view(x, self, params, self.inner(x, params))


class Bilinear(Primitive):
    """Linear in each of two operands; each side keeps only the other."""

    def __init__(
        self,
        fn: Callable[..., Any],
        transposes: Sequence[Callable[..., Any]],
        jvps: Sequence[Callable[..., Any]] | None,
        name: str | None,
        structure: Structure,
    ) -> None:
        super().__init__(fn, name, structure=structure)
        self.transposes = [Formula(t, 1) for t in transposes]
        self.jvps = [Formula(p, 1) for p in jvps or ()]
        if jvps:
            self.bind = LinearFormats(self, transposes, jvps).bind(fn, self.general)

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        known = named(ans, args, active)
        kept = [
            t.pick(known, params) if used else None
            for t, used in zip(self.transposes, active, strict=True)
        ]
        x, y = args
        others = (y if active[0] else None, x if active[1] else None)
        return others, kept, params, (*known["specs"], known["ans_spec"])

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        others, kept, params, specs = saved
        total = None
        for i, (t, other) in enumerate(zip(tangents, others, strict=True)):
            if t is None:
                continue
            if not batch:
                part = self.fn(*((t, other), (other, t))[i], **params)
            else:
                part = self.jvps[i].call(t, kept[i], batch)
            total = part if total is None else total + part
        return checked(self, total, specs[2], batch, "jvp")

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        _, kept, _, specs = saved
        return [
            None if k is None else checked(self, t.call(g, k, batch), spec, batch, "vjp")
            for t, k, spec in zip(self.transposes, kept, specs[:2], strict=True)
        ]


class Rule(Primitive):
    """Push and pull by hand; both get residuals by name.

    With one operand, the push takes its tangent and the pull returns its cotangent. With several
    (or with ``*args``), the push takes, and the pull returns, a tuple with one element per operand.
    With several outputs, the push returns, and the pull takes, one element per output; the residual
    `given` says which outputs have a cotangent (the others get zeros).
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        jvp: Callable[..., Any] | None,
        vjp: Callable[..., Any] | None,
        name: str | None,
        structure: Structure,
        outputs: int,
        batched: bool,
    ) -> None:
        super().__init__(fn, name, outputs, structure)
        self.batched = batched
        self.variadic = is_variadic(fn)
        self.jvp_formula = Formula(jvp, 1) if jvp else None
        self.vjp_formula = Formula(vjp, 1) if vjp else None

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        known = named(ans, args, active)
        forward = self.jvp_formula.pick(known, params) if self.jvp_formula else None
        backward = self.vjp_formula.pick(known, params) if self.vjp_formula else None
        return forward, backward, known["specs"], known["ans_spec"], known["active"]

    def evaluate(self, values: Sequence[Value], params: dict[str, Any]) -> Any:
        known = params.get("known")
        if known is None:
            return super().evaluate(values, params)
        return self.general(*values, **params) if any(map(is_box, values)) else known.value

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        kept, _, specs, ans_specs, _ = saved
        if self.jvp_formula is None:
            i = next(i for i, t in enumerate(tangents) if t is not None)
            raise self.missing("forward-mode rule", i, specs[i])
        formula, alone = self.jvp_formula, len(specs) == 1 and not self.variadic

        def one(ts: Sequence[Tangent], batch: Shape) -> Any:
            return formula.call(ts[0] if alone else tuple(ts), kept, batch)

        out = one(tangents, batch) if self.batched else looped(one, tangents, batch)
        if self.outputs == 1:
            return checked(self, out, ans_specs, batch, "jvp")
        return tuple(
            checked(self, t, spec, batch, "jvp") for t, spec in zip(out, ans_specs, strict=True)
        )

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        _, kept, specs, ans_specs, active = saved
        if self.vjp_formula is None:
            i = active.index(True)
            raise self.missing("reverse-mode rule", i, specs[i])
        formula, alone = self.vjp_formula, len(specs) == 1 and not self.variadic
        if "given" in formula.names:
            kept = {**kept, "given": tuple(c is not None for c in g)}
        gs = [g]
        if self.outputs > 1:
            pairs = zip(g, ans_specs, strict=True)
            gs = [np.zeros(batch + s.shape, s.dtype) if c is None else c for c, s in pairs]

        def one(gs: Sequence[Cotangent], batch: Shape) -> Any:
            out = formula.call(gs[0] if self.outputs == 1 else tuple(gs), kept, batch)
            return (out,) if alone else tuple(out)

        out = one(gs, batch) if self.batched else looped(one, gs, batch)
        return [
            checked(self, c, spec, batch, "vjp") if used and c is not None else None
            for c, spec, used in zip(out, specs, active, strict=True)
        ]


def elementwise(
    fn: Callable[..., Any],
    *derivatives: Derivative,
    name: str | None = None,
    operator: Callable[..., Any] | None = None,
    silent: bool = False,
    structure: Structure | None = None,
    floats: Sequence[Callable[..., Any] | None] = (),
) -> Elementwise:
    """Declare a primitive that acts on each element, such as a ufunc.

    Arguments: `fn`, the primal; one derivative per operand (of the result's shape): a number, the
    name of a residual (``x, y, z, w, ans``), a formula of residuals, or None for no rule;
    `operator`, Python's operator for it; `silent`, if the derivative raises no floating-point
    warning; `structure`, if it says more than `Elementwise()`; `floats`, formulas for doubles that
    may raise at an infinity. For a real result of complex operands it is ``Re(t * derivative)``.
    Returns: the primitive, callable like `fn`.

    >>> import numpy as np, dualdiff as dd
    >>> cube = elementwise(lambda x: x**3, lambda x: 3 * x**2, name="cube")
    >>> dd.grad(cube)(2.0)
    12.0
    """
    return Elementwise(fn, derivatives, name, operator, silent, structure, floats)


def linear(
    fn: Callable[..., Any],
    transpose: Callable[..., Any],
    *,
    jvp: Callable[..., Any] | None = None,
    name: str | None = None,
    structure: Structure = DENSE,
    view: bool = False,
) -> Linear:
    """Declare a primitive that is linear in its one operand.

    Arguments: `fn(x, **params)`; `transpose(g, ...)`, the cotangent of x; `push(t, ...)`, if `fn`
    itself takes no batch; `view`, if NumPy's result shares memory with x.
    Returns: the primitive.

    >>> import numpy as np, dualdiff as dd
    >>> double = linear(lambda x: 2 * x, lambda g: 2 * g, name="double")
    >>> dd.grad(double)(3.0)
    2.0
    """
    return Linear(fn, transpose, jvp, name, structure, view)


def bilinear(
    fn: Callable[..., Any],
    transpose_x: Callable[..., Any],
    transpose_y: Callable[..., Any],
    *,
    jvps: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
    name: str | None = None,
    structure: Structure = DENSE,
) -> Bilinear:
    """Declare a primitive that is linear in each of its two operands.

    Arguments: `fn(x, y, **params)`; the two transposes ``(g, y, ...)`` and ``(g, x, ...)``;
    `pushes`, the two pushforwards ``(t, y, ...)`` and ``(t, x, ...)`` for batches of tangents; they
    may name only residuals that the transpose of the same operand names.
    Returns: the primitive.

    >>> import numpy as np, dualdiff as dd
    >>> times = bilinear(lambda x, y: x * y, lambda g, y: g * y, lambda g, x: g * x, name="times")
    >>> dd.grad(times, argnums=(0, 1))(2.0, 3.0)
    (3.0, 2.0)
    """
    return Bilinear(fn, (transpose_x, transpose_y), jvps, name, structure)


def rule(
    fn: Callable[..., Any],
    *,
    jvp: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    name: str | None = None,
    structure: Structure = DENSE,
    outputs: int = 1,
    batched: bool = True,
) -> Rule:
    """Declare a primitive whose push and pull are written by hand on shared residuals.

    Arguments: `fn(*operands, **params)`; `push(t, ...)` and `pull(g, ...)`, see `Rule`; `outputs`,
    the number of results; `batched=False` if they take no batch: then they are called once per
    direction.
    Returns: the primitive.

    >>> import numpy as np, dualdiff as dd
    >>> square = rule(np.square, jvp=lambda t, x: 2 * x * t, vjp=lambda g, x: 2 * x * g)
    >>> dd.grad(square)(3.0)
    6.0
    """
    return Rule(fn, jvp, vjp, name, structure, outputs, batched)
