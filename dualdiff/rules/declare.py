"""The four ways to declare a primitive: `elementwise`, `linear`, `bilinear`, `rule`.

A rule keeps what its parameter names mention: ``x, y, z, w`` are the operands, ``ans`` is the
result, ``x_spec`` ... ``ans_spec`` are their shapes and dtypes (`Spec`), ``args`` and ``specs``
those of all operands, any other name is a keyword parameter of the call. Tangents and cotangents
may carry lead axes in front, so rules count axes from the right. Alignment, unbroadcasting,
projection to the operand's dtype and the batching of rules that cannot take lead axes happen here
and nowhere else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..array.box import is_box
from ..array.guards import KEPT
from ..array.views import View, make_view, memory_of
from ..core.batch import Shape, align, cast, fit_of, hush, shape_of, spec_of, unbroadcast, unhush
from ..core.dual import Dual
from ..core.primitive import Primitive, checked
from ..core.structure import DENSE, Structure
from ..core.tape import Var
from ..core.trace import STORED, resolve, settled
from . import structures
from .fast import binary_fast_path, times_constant, unary_fast_path
from .residuals import OPERANDS, Call, Residuals

Derivative = Callable[..., Any] | str | float | complex | None


class Elementwise(Primitive):
    """Broadcasts its operands; one derivative per operand gives both modes and batching."""

    structure = structures.Elementwise()

    def __init__(
        self,
        fn: Callable[..., Any],
        derivatives: Sequence[Derivative],
        name: str | None = None,
        operator: Callable[..., Any] | None = None,
        silent: bool = False,
        structure: Structure | None = None,
    ) -> None:
        super().__init__(fn, name, structure=structure)
        self.derivatives = tuple(derivatives)
        self.ignores = tuple(i for i, d in enumerate(derivatives) if not callable(d) and d == 0)
        self.factors = [Residuals(d, 0) if callable(d) else None for d in derivatives]
        self.operator = self.general
        self.is_fast = len(derivatives) <= 2 and None not in derivatives
        if len(derivatives) == 1:
            derivative = derivatives[0]
            self.operator = self.bind = unary_fast_path(self, fn, derivative, silent)
            if operator:
                self.operator = unary_fast_path(self, operator, derivative, silent)
        elif len(derivatives) == 2:
            self.operator = self.bind = binary_fast_path(self, fn, *derivatives)
            if operator:
                self.operator = binary_fast_path(self, operator, *derivatives)

    def __call__(self, *args: Any, **params: Any) -> Any:
        return self.general(*args, **params) if params else self.bind(*args)

    def save(self, ans: Any, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        saved = []
        call = Call.of(ans, args, active)
        for i, (x, used) in enumerate(zip(args, active, strict=True)):
            factor, kept = self.factors[i], None
            if used and self.derivatives[i] is None:
                raise self.missing("derivative", i, x)
            if used and factor is not None:
                kept = _as_numpy(factor.pick(call, params))
            elif used and isinstance(self.derivatives[i], str):
                kept = (
                    ans
                    if self.derivatives[i] == "ans"
                    else args[OPERANDS.index(self.derivatives[i])]
                )
            saved.append((kept, fit_of(x, ans) if used else None))
        return call.ans_spec, tuple(saved), call.active

    def _scale(self, i: int, t: Any, kept: Any) -> Any:
        factor = self.factors[i]
        if factor is not None:
            return t * factor.formula(**kept)
        constant = self.derivatives[i]
        return t * kept if isinstance(constant, str) else times_constant(t, constant)

    def push(self, saved: Any, tangents: Sequence[Any], lead: Shape) -> Any:
        spec, per_operand, _ = saved
        total: Any = None
        for i, ((kept, fit), t) in enumerate(zip(per_operand, tangents, strict=True)):
            if t is None:
                continue
            if fit is not None:
                t = align(t, len(fit.shape), spec.ndim, lead)
            t = self._scale(i, t, kept)
            total = t if total is None else total + t
        if shape_of(total) != lead + spec.shape:
            total = np.broadcast_to(total, lead + spec.shape)
        return cast(total, spec.dtype)

    def pull(self, saved: Any, g: Any, lead: Shape) -> Sequence[Any]:
        _, per_operand, used = saved
        out: list[Any] = []
        for i, (kept, fit) in enumerate(per_operand):
            if not used[i]:
                out.append(None)
                continue
            c = self._scale(i, g, kept)
            out.append(c if fit is None else unbroadcast(c, fit))
        return out


def _as_numpy(kept: dict[str, Any]) -> dict[str, Any]:
    """Python numbers as NumPy's, whose arithmetic gives infinities where Python's raises."""
    return {
        k: np.asarray(v)[()] if type(v) in (float, complex, int) else v for k, v in kept.items()
    }


class Linear(Primitive):
    """Linear in its one operand: the push is the operation itself unless one is given."""

    is_linear = True

    def __init__(
        self,
        fn: Callable[..., Any],
        transpose: Callable[..., Any],
        push: Callable[..., Any] | None,
        name: str | None,
        structure: Structure,
        view: bool,
    ) -> None:
        super().__init__(fn, name, structure=structure)
        self.forward = Residuals(push, 1) if push else None
        self.transpose = Residuals(transpose, 1)
        for formula in filter(None, (self.forward, self.transpose)):
            if wrong := {n for n, _ in formula.getters} - {"x_spec", "ans_spec"}:
                raise TypeError(f"{self.name}: what is linear cannot depend on {sorted(wrong)}")
        if view:
            self.bind = self._bind_view

    def general(self, *args: Any, **params: Any) -> Any:
        x = args[0].read() if type(args[0]) is View else args[0]
        kind = type(x)
        if (kind is Var or kind is Dual) and type(x.value) is np.ndarray:
            return self._on_var(x, params) if kind is Var else self._on_dual(x, params)
        return super().general(*args, **params)

    def inner(self, content: Any, params: dict[str, Any]) -> Any:
        return self.general(content, **params) if is_box(content) else self.fn(content, **params)

    def _on_var(self, x: Any, params: dict[str, Any]) -> Any:
        """What `Tape.process` does, for one plain operand."""
        trace, value = x.scope, x.value
        ans = settled(self.fn(value, **params))
        if not KEPT.isdisjoint(map(type, params.values())):
            params = trace.guards.keep_params(params)
        out = trace.next()
        trace.append((self.opcode, out, (x.payload,), (params, spec_of(value), spec_of(ans))))
        return trace.box(ans, out)

    def _on_dual(self, x: Any, params: dict[str, Any]) -> Any:
        """What `ForwardTrace.process` does, without residuals, of which there are none."""
        trace, lead = x.scope, x.scope.lead
        ans, forward = self.fn(x.value, **params), self.forward
        token = hush()
        try:
            if forward is None:
                t = self.fn(x.payload, **params)
            else:
                kept = forward.of_specs(params, spec_of(x.value), spec_of(ans))
                t = forward.call(x.payload, kept, lead)
        finally:
            unhush(token)
        if type(t) is not np.ndarray or t.shape != lead + ans.shape or t.dtype is not ans.dtype:
            t = settled(checked(self, t, ans, lead, "push"))
        return trace.box(ans, t)

    def save(self, ans: Any, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        return params, spec_of(args[0]), spec_of(ans)

    def push(self, saved: Any, tangents: Sequence[Any], lead: Shape) -> Any:
        params, spec, ans_spec = saved
        (t,) = tangents
        if self.forward:
            t = self.forward.call(t, self.forward.of_specs(params, spec, ans_spec), lead)
        else:
            t = self.fn(t, **params)
        return checked(self, t, ans_spec, lead, "push")

    def pull(self, saved: Any, g: Any, lead: Shape) -> Sequence[Any]:
        params, spec, ans_spec = saved
        g = self.transpose.call(g, self.transpose.of_specs(params, spec, ans_spec), lead)
        return (checked(self, g, spec, lead, "pull"),)

    def push_view(self, array: Any, params: dict[str, Any], lead: Shape) -> Any:
        """The same view of an array with lead axes."""
        if not lead or self.forward is None:
            return self.fn(array, **params)
        inner = array[(0,) * len(lead)]
        kept = self.forward.pick(Call.of(self.fn(inner, **params), (inner,), (1,)), params)
        return self.forward.call(array, kept, lead)

    def _bind_view(self, x: Any, **params: Any) -> Any:
        if not is_box(x):
            return self.general(x, **params)
        if type(x) is View or x.scope is STORED:
            source = memory_of(x)
            if np.may_share_memory(self.fn(source, **params), source):
                return View(x, self, params)
            return self.general(x, **params)
        if type(x) is Var or type(x) is Dual:
            return make_view(x, self, params, self.general(x, **params))
        return make_view(x, self, params, resolve(self.inner(x, params)))


class Bilinear(Primitive):
    """Linear in each of two operands; each side keeps only the other."""

    def __init__(
        self,
        fn: Callable[..., Any],
        transposes: Sequence[Callable[..., Any]],
        pushes: Sequence[Callable[..., Any]] | None,
        name: str | None,
        structure: Structure,
    ) -> None:
        super().__init__(fn, name, structure=structure)
        self.transposes = [Residuals(t, 1) for t in transposes]
        self.pushes = [Residuals(p, 1) for p in pushes or ()]

    def save(self, ans: Any, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        call = Call.of(ans, args, active)
        kept = [
            t.pick(call, params) if used else None
            for t, used in zip(self.transposes, active, strict=True)
        ]
        x, y = args
        others = (y if active[0] else None, x if active[1] else None)
        return others, kept, params, (*call.specs, call.ans_spec)

    def push(self, saved: Any, tangents: Sequence[Any], lead: Shape) -> Any:
        others, kept, params, specs = saved
        total = None
        for i, (t, other) in enumerate(zip(tangents, others, strict=True)):
            if t is None:
                continue
            if not lead:
                part = self.fn(*((t, other), (other, t))[i], **params)
            else:
                part = self.pushes[i].call(t, kept[i], lead)
            total = part if total is None else total + part
        return checked(self, total, specs[2], lead, "push")

    def pull(self, saved: Any, g: Any, lead: Shape) -> Sequence[Any]:
        _, kept, _, specs = saved
        return [
            None if k is None else checked(self, t.call(g, k, lead), spec, lead, "pull")
            for t, k, spec in zip(self.transposes, kept, specs[:2], strict=True)
        ]


class Rule(Primitive):
    """Push and pull by hand; both get residuals by name.

    With one operand the push takes its tangent and the pull returns its cotangent. With several
    (or where `fn` takes any number, ``*args``) the push takes, and the pull returns, a tuple with
    one element per operand. With several outputs the push returns, and the pull takes, one element
    per output; a pull that names `given` learns which of them have a cotangent (others get zeros).
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        push: Callable[..., Any] | None,
        pull: Callable[..., Any] | None,
        name: str | None,
        structure: Structure,
        outputs: int,
        batched: bool,
    ) -> None:
        super().__init__(fn, name, outputs, structure)
        self.batched = batched
        self.variadic = _is_variadic(fn)
        self.forward = Residuals(push, 1) if push else None
        self.backward = Residuals(pull, 1) if pull else None

    def save(self, ans: Any, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        call = Call.of(ans, args, active)
        forward = self.forward.pick(call, params) if self.forward else None
        backward = self.backward.pick(call, params) if self.backward else None
        return forward, backward, call.specs, call.ans_spec, call.active

    def push(self, saved: Any, tangents: Sequence[Any], lead: Shape) -> Any:
        kept, _, specs, ans_specs, _ = saved
        if self.forward is None:
            i = next(i for i, t in enumerate(tangents) if t is not None)
            raise self.missing("forward-mode rule", i, specs[i])
        formula, alone = self.forward, len(specs) == 1 and not self.variadic

        def one(ts: Sequence[Any], lead: Shape) -> Any:
            return formula.call(ts[0] if alone else tuple(ts), kept, lead)

        out = one(tangents, lead) if self.batched else _looped(one, tangents, lead)
        if self.outputs == 1:
            return checked(self, out, ans_specs, lead, "push")
        return tuple(
            checked(self, t, spec, lead, "push") for t, spec in zip(out, ans_specs, strict=True)
        )

    def pull(self, saved: Any, g: Any, lead: Shape) -> Sequence[Any]:
        _, kept, specs, ans_specs, active = saved
        if self.backward is None:
            i = active.index(True)
            raise self.missing("reverse-mode rule", i, specs[i])
        formula, alone = self.backward, len(specs) == 1 and not self.variadic
        if "given" in formula.names:
            kept = {**kept, "given": tuple(c is not None for c in g)}
        gs = (
            [g]
            if self.outputs == 1
            else [
                np.zeros(lead + spec.shape, spec.dtype) if c is None else c
                for c, spec in zip(g, ans_specs, strict=True)
            ]
        )

        def one(gs: Sequence[Any], lead: Shape) -> Any:
            out = formula.call(gs[0] if self.outputs == 1 else tuple(gs), kept, lead)
            return (out,) if alone else tuple(out)

        out = one(gs, lead) if self.batched else _looped(one, gs, lead)
        return [
            checked(self, c, spec, lead, "pull") if used and c is not None else None
            for c, spec, used in zip(out, specs, active, strict=True)
        ]


def _is_variadic(fn: Callable[..., Any]) -> bool:
    """Whether a primal takes any number of operands."""
    if not inspect.isfunction(fn):
        return False
    kinds = (p.kind for p in inspect.signature(fn).parameters.values())
    return any(kind is inspect.Parameter.VAR_POSITIONAL for kind in kinds)


def _looped(one: Callable[..., Any], directions: Sequence[Any], lead: Shape) -> Any:
    """A rule that does not know lead axes, applied to one direction after the other."""
    if not lead:
        return one(directions, lead)
    if lead == (0,):  # a direction of zeros tells the shapes of none
        directions = [
            None if d is None else np.zeros((1, *d.shape[1:]), d.dtype) for d in directions
        ]
    rows = [one([None if d is None else d[b] for d in directions], ()) for b in range(lead[0] or 1)]
    if isinstance(rows[0], tuple):
        return tuple(
            None if part[0] is None else np.stack(part)[: lead[0]]
            for part in zip(*rows, strict=True)
        )
    return np.stack(rows)[: lead[0]]


def elementwise(
    fn: Callable[..., Any],
    *derivatives: Derivative,
    name: str | None = None,
    operator: Callable[..., Any] | None = None,
    silent: bool = False,
    structure: Structure | None = None,
) -> Elementwise:
    """Declare a primitive that acts on each element, such as a ufunc.

    Arguments: `fn`, the primal; one derivative per operand (of the result's shape): a number, the
    name of a residual (``x, y, z, w, ans``), a formula of residuals, or None where there is no
    rule; `operator`, the Python operator that computes the same; `silent` where the derivative
    raises no floating-point warning; `structure`, one that says more than `Elementwise()`. For a
    real result of complex operands the tangent is ``Re(t * derivative)``.
    Returns: the primitive, callable like `fn`.

    >>> import numpy as np, dualdiff as dd
    >>> cube = elementwise(lambda x: x**3, lambda x: 3 * x**2, name="cube")
    >>> dd.grad(cube)(2.0)
    12.0
    """
    return Elementwise(fn, derivatives, name, operator, silent, structure)


def linear(
    fn: Callable[..., Any],
    transpose: Callable[..., Any],
    *,
    push: Callable[..., Any] | None = None,
    name: str | None = None,
    structure: Structure = DENSE,
    view: bool = False,
) -> Linear:
    """Declare a primitive that is linear in its one operand.

    Arguments: `fn(x, **params)`; `transpose(g, ...)`, the cotangent of x; `push(t, ...)` where
    `fn` itself does not take lead axes; `view` where NumPy's result shares memory with x.
    Returns: the primitive.

    >>> import numpy as np, dualdiff as dd
    >>> double = linear(lambda x: 2 * x, lambda g: 2 * g, name="double")
    >>> dd.grad(double)(3.0)
    2.0
    """
    return Linear(fn, transpose, push, name, structure, view)


def bilinear(
    fn: Callable[..., Any],
    transpose_x: Callable[..., Any],
    transpose_y: Callable[..., Any],
    *,
    pushes: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
    name: str | None = None,
    structure: Structure = DENSE,
) -> Bilinear:
    """Declare a primitive that is linear in each of its two operands.

    Arguments: `fn(x, y, **params)`; the two transposes ``(g, y, ...)`` and ``(g, x, ...)``;
    `pushes`, the two pushforwards ``(t, y, ...)`` and ``(t, x, ...)`` for tangents with lead axes;
    they may name only what the transpose of the same operand names.
    Returns: the primitive.

    >>> import numpy as np, dualdiff as dd
    >>> times = bilinear(lambda x, y: x * y, lambda g, y: g * y, lambda g, x: g * x, name="times")
    >>> dd.grad(times, argnums=(0, 1))(2.0, 3.0)
    (3.0, 2.0)
    """
    return Bilinear(fn, (transpose_x, transpose_y), pushes, name, structure)


def rule(
    fn: Callable[..., Any],
    *,
    push: Callable[..., Any] | None = None,
    pull: Callable[..., Any] | None = None,
    name: str | None = None,
    structure: Structure = DENSE,
    outputs: int = 1,
    batched: bool = True,
) -> Rule:
    """Declare a primitive whose push and pull are written by hand on shared residuals.

    Arguments: `fn(*operands, **params)`; `push(t, ...)` and `pull(g, ...)`, see `Rule`; `outputs`,
    the number of results; `batched=False` where they do not take lead axes: they are then called
    once per direction.
    Returns: the primitive.

    >>> import numpy as np, dualdiff as dd
    >>> square = rule(np.square, push=lambda t, x: 2 * x * t, pull=lambda g, x: 2 * x * g)
    >>> dd.grad(square)(3.0)
    6.0
    """
    return Rule(fn, push, pull, name, structure, outputs, batched)
