"""Functions of containers with rules of their own: `custom_jvp` and `custom_vjp`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..array.box import is_box
from ..core.batch import Shape, spec_of
from ..core.calls import (
    OpaqueCall,
    agree,
    conformed,
    handed,
    operand,
    over_batch,
    tangent_spec,
)
from ..core.tape import Tape
from ..core.trace import to_user, top_trace
from ..core.types import Cotangent, Tangent, Value
from ..errors import MissingRuleError, RuleError, UnsupportedInputError, user_line
from ..transforms.inputs import Inputs
from ..transforms.record import Recording
from ..trees import check_same_structure, flatten
from ._arguments import refuse_traced, signature_of, sort_arguments

Formula = Callable[..., Any]


class CustomFunction:
    """A function made by `custom_jvp` or `custom_vjp`; `defjvp` and `defvjp` define its rules.

    If both are defined, forward mode uses `defjvp` and reverse mode `defvjp`.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        functools.update_wrapper(self, f)
        self.f = f
        self.name = str(getattr(f, "__name__", f))
        self._signature = signature_of(f)
        self.jvp_rule: Formula | None = None
        self.vjp_rule: Formula | None = None
        self.jvp_batched = self.vjp_batched = False

    def __reduce__(self) -> Any:
        return self.__dict__["__qualname__"]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def defjvp(self, rule: Formula | None = None, /, *, batched: bool = False) -> Any:
        """Define the pushforward: a decorator for ``rule(primals, tangents)``, see `custom_jvp`."""
        if rule is None:
            return functools.partial(self.defjvp, batched=batched)
        self.jvp_rule, self.jvp_batched = rule, batched
        return rule

    def defvjp(self, rule: Formula | None = None, /, *, batched: bool = False) -> Any:
        """Define the pullback: a decorator for ``rule(*primals)``, see `custom_vjp`."""
        if rule is None:
            return functools.partial(self.defvjp, batched=batched)
        self.vjp_rule, self.vjp_batched = rule, batched
        return rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = sort_arguments(self._signature, args, kwargs)
        leaves, structure = flatten(args)
        operands = [operand(leaf) for leaf in leaves]
        instead = "let the function take it by position"
        refuse_traced(kwargs.values(), self.name, "a keyword-only argument", instead)
        trace = top_trace(operands)
        if trace is None:
            return self.f(*args, **kwargs)
        reverse = isinstance(trace, Tape) and self.vjp_rule is not None
        return _CustomCall(self, structure, kwargs, reverse).apply(trace, operands)


class _CustomCall(OpaqueCall):
    """One call of a `CustomFunction`; `reverse` says that its own pullback is used."""

    def __init__(
        self, function: CustomFunction, arguments: Any, kwargs: Any, reverse: bool
    ) -> None:
        super().__init__(function.name, arguments)
        self.function = function
        self.kwargs = kwargs
        self.reverse = reverse
        self.pullback: Formula | None = None

    def args(self, values: Sequence[Value]) -> Any:
        """Copies of the arguments, which the user may keep or change."""
        return self.arguments.unflatten(map(to_user, values))

    def run(self, values: Sequence[Value], nested: Any) -> Any:
        function = self.function
        if self.reverse and function.vjp_rule is not None:
            out = function.vjp_rule(*self.args(values), **self.kwargs)
            value, self.pullback = _pair(out, self.name, "vjp", "(value, pullback)")
            if nested is None:
                return value
        target = function.f if nested is None else function  # outer derivatives use the rules too
        return target(*self.args(values), **self.kwargs)

    def save(self, ans: Value, values: Any, active: Any, params: Any) -> tuple[Any, ...]:
        if not self.specs:
            raise UnsupportedInputError(
                f"{self.name} returned no floating-point number or array, {user_line()}: nothing "
                f"could carry the derivative of its rule; return x.astype(float)."
            )
        specs = [spec_of(v) if used else None for v, used in zip(values, active, strict=True)]
        if self.function.jvp_rule is None:  # the line of the call, for the error of a missing rule
            return self, None, specs, user_line()
        return self, tuple(values), specs, ""

    def apply_jvp(
        self, saved: tuple[Any, ...], tangents: Sequence[Tangent], batch: Shape
    ) -> Tangent:
        _, values, _, where = saved
        if values is None:
            raise MissingRuleError(
                f"{self.name} has no forward-mode rule, {where}: custom_vjp alone gives reverse "
                f"mode; jvp, derivative, hvp and jacobian push tangents unless told "
                f"mode='reverse'. "
                f"Define how with @{self.name}.defjvp (see docs/extending.md)."
            )
        one = functools.partial(self.tangents, values)
        return self.packed(over_batch(one, tangents, batch, self.function.jvp_batched, self.specs))

    def apply_vjp(self, saved: tuple[Any, ...], g: Cotangent, batch: Shape) -> Sequence[Any]:
        _, values, specs, where = saved
        if self.pullback is not None:
            one = functools.partial(self.cotangents, specs)
            return over_batch(one, self.unpacked(g), batch, self.function.vjp_batched, specs)
        if values is None:
            raise MissingRuleError(
                f"{self.name} has no derivative, {where}: define one with @{self.name}.defjvp, or "
                f"with @{self.name}.defvjp for reverse mode alone (see docs/extending.md)."
            )
        return self.transposed(values, specs, self.unpacked(g), batch)

    def tangents(self, values: Sequence[Value], ts: Sequence[Tangent], batch: Shape) -> list[Any]:
        """The tangents of the floating-point results, by the user's rule."""
        assert self.function.jvp_rule is not None
        specs = [tangent_spec(v) for v in values]
        given = self.arguments.unflatten(handed(ts, specs, batch))
        out = self.function.jvp_rule(self.args(values), given, **self.kwargs)
        _, tangent = _pair(out, self.name, "jvp", "(value, tangent)")
        what = f"the tangent that the jvp rule of {self.name} returned"
        leaves = check_same_structure(self.result, tangent, what)
        return conformed(self, [leaves[i] for i in self.places], self.specs, batch, "jvp rule")

    def cotangents(self, specs: Sequence[Any], gs: Sequence[Cotangent], batch: Shape) -> list[Any]:
        """The cotangents of the argument leaves, by the user's pullback."""
        assert self.pullback is not None
        full: list[Any] = [None] * len(self.constants)
        for i, g in zip(self.places, handed(gs, self.specs, batch), strict=True):
            full[i] = g
        out = self.pullback(self.result.unflatten(full))
        nothing = self.arguments.unflatten([None] * len(specs))
        if not isinstance(out, (tuple, list)) or len(out) != len(nothing):
            raise RuleError(
                f"the pullback of {self.name} must return a tuple of {len(nothing)}, one cotangent "
                f"(or None) per argument, not {type(out).__name__}"
            )
        out = tuple(n if c is None else c for c, n in zip(out, nothing, strict=True))
        what = f"what the pullback of {self.name} returned"
        leaves = check_same_structure(self.arguments, out, what)
        return conformed(self, leaves, specs, batch, "pullback")

    def transposed(
        self, values: Sequence[Value], specs: Sequence[Any], gs: Sequence[Cotangent], batch: Shape
    ) -> list[Any]:
        """The cotangents of the argument leaves, by transposing the user's pushforward."""

        def of_active(*boxes: Any) -> Any:
            supply = iter(boxes)
            ts = [None if spec is None else next(supply) for spec in specs]
            return self.tangents(values, ts, ())

        start = [np.ones(spec.shape, spec.dtype)[()] for spec in specs if spec is not None]
        recording = Recording(Inputs(of_active, start, {}, None))
        minus = [-s for s in start]
        if not any(map(is_box, values)) and not (
            _is_linear(recording, start, recording.outputs.values)
            and _is_linear(recording, minus, flatten(of_active(*minus))[0])
        ):
            raise RuleError(
                f"the jvp rule of {self.name} is not linear in the tangents, so that it cannot be "
                f"transposed: correct it, or define @{self.name}.defvjp too"
            )
        pulled = iter(recording.pull(gs, batch))
        return [None if spec is None else next(pulled) for spec in specs]


def _is_linear(recording: Recording, tangents: Sequence[Tangent], values: Sequence[Value]) -> bool:
    """Whether a recorded pushforward agrees with its linearisation at some tangents."""
    pushed = recording.push(tangents)
    return all(agree(0 * v if t is None else t, v) for t, v in zip(pushed, values, strict=True))


def _pair(out: Any, name: str, rule: str, what: str) -> tuple[Any, Any]:
    if type(out) is not tuple or len(out) != 2:
        raise RuleError(f"the {rule} rule of {name} must return {what}, not {type(out).__name__}")
    return out


def custom_jvp(f: Callable[..., Any]) -> CustomFunction:
    """Give a function a pushforward of its own; reverse mode transposes it.

    Arguments: `f`, a function of arrays, scalars, containers and constants; its keyword-only
    arguments are options.
    Returns: a function for use in its place, with the decorator ``defjvp`` for
    ``rule(primals, tangents)``. Both are tuples with one element per argument (the tangent of a
    constant argument is zeros, the tangent of a string or None is None); the rule returns
    ``(value, tangent)``, with a tangent that is linear in the tangents. Reverse mode transposes the
    rule, which must be written with functions that have derivatives; if it is not, add a
    ``defvjp`` (see `custom_vjp`). ``defjvp(batched=True)`` says that tangents may carry a batch
    axis. The value of the call is the value of f.

    >>> import numpy as np, dualdiff as dd
    >>> @dd.extend.custom_jvp
    ... def softplus(x):
    ...     return np.logaddexp(x, 0.0)
    >>> @softplus.defjvp
    ... def softplus_jvp(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return softplus(x), t / (1 + np.exp(-x))
    >>> dd.grad(softplus)(0.0), dd.grad(dd.grad(softplus))(0.0)
    (0.5, 0.25)
    """
    return CustomFunction(f)


def custom_vjp(f: Callable[..., Any]) -> CustomFunction:
    """Give a function a pullback of its own, for reverse mode.

    Arguments: `f`, a function of arrays, scalars, containers and constants; its keyword-only
    arguments are options.
    Returns: a function for use in its place, with the decorator ``defvjp`` for ``rule(*primals)``,
    which returns ``(value, pullback)``; ``pullback(g)`` takes a cotangent like the value and
    returns a tuple with one cotangent per argument (None for zero). ``defvjp(batched=True)`` says
    that cotangents may carry a batch axis. Under an outer derivative the rule sees traced arrays:
    it should call f, not compiled code.
    Raises: MissingRuleError in forward mode, Hessian-vector products included, unless there is a
    ``defjvp`` too (see `custom_jvp`).

    >>> import numpy as np, dualdiff as dd
    >>> @dd.extend.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> @clipped.defvjp
    ... def clipped_vjp(x):
    ...     return x, lambda g: (np.clip(g, -1.0, 1.0),)
    >>> dd.grad(lambda x: 5 * clipped(x))(3.0)
    1.0
    """
    return CustomFunction(f)
