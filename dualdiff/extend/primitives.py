"""Functions of arrays as primitives: `primitive`, `rule`, `linear`, `bilinear`, `elementwise`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..array import dispatch
from ..array.box import is_box
from ..array.views import localize
from ..core.batch import Shape, Spec, spec_of
from ..core.calls import (
    OPAQUE,
    conformed,
    handed,
    is_float,
    operand,
    over_batch,
    refuse_captured,
    tangent_spec,
)
from ..core.primitive import Primitive
from ..core.structure import DENSE, Structure
from ..core.trace import Reference, to_user, top_trace
from ..core.types import Cotangent, Residuals, Tangent, Value
from ..errors import MissingRuleError, RuleError, UnsupportedInputError, describe, user_line
from ..rules import declare as kinds
from ..rules.declare import OPERANDS
from ._arguments import refuse_traced, signature_of, sort_arguments

Formula = Callable[..., Any]


def _float_result(ans: Value, name: str) -> Any:
    """A result that can carry a derivative, in an array of its own."""
    ans = operand(ans)
    refuse_captured(ans, name)
    if not is_float(ans):
        raise UnsupportedInputError(
            f"{name} returned {describe(ans)}, which cannot carry a derivative, {user_line()}; "
            f"return floating-point numbers or arrays (0.0 for 0)."
        )
    return to_user(ans)


class _Rule:
    """A user's formula, the residuals it names, and whether it takes a batch."""

    def __init__(self, formula: Formula, batched: bool) -> None:
        parameters = list(inspect.signature(formula).parameters.values())[1:]
        self.formula = formula
        self.batched = batched
        self.names = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
        self.takes_params = len(self.names) < len(parameters)

    def pick(self, named: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """The residuals and parameters that the formula names."""
        kept = dict(params) if self.takes_params else {}
        for name in self.names:
            if name in named:
                kept[name] = named[name]
            elif name in params:
                kept[name] = params[name]
            elif name.removesuffix("_spec") in named:
                x = named[name.removesuffix("_spec")]
                kept[name] = tuple(map(spec_of, x)) if type(x) is tuple else spec_of(x)
        return kept

    def apply(
        self,
        owner: UserPrimitive,
        kept: dict[str, Any],
        directions: Sequence[Any],
        specs: Sequence[Spec | None],
        into: Sequence[Spec | None],
        batch: Shape,
        kind: str,
    ) -> Sequence[Any]:
        """The formula on directions with the shapes of `specs`; returns directions like `into`."""

        def one(directions: Sequence[Any], batch: Shape) -> list[Any]:
            first = handed(directions, specs, batch)
            residuals = {
                k: tuple(map(to_user, v)) if type(v) is tuple else to_user(v)
                for k, v in kept.items()
            }
            out = self.formula(first[0] if len(first) == 1 else tuple(first), **residuals)
            out = [out] if len(into) == 1 else out
            if not isinstance(out, (tuple, list)) or len(out) != len(into):
                raise RuleError(f"a {kind} rule of {owner.name} must return {len(into)} arrays")
            return conformed(owner, out, into, batch, f"{kind} rule")

        return over_batch(one, directions, batch, self.batched, into)


class UserPrimitive(Primitive):
    """A primitive made by `primitive`, `rule`, `linear` or `bilinear`; `jvp` and `vjp` add rules.

    A rule is a function of a tangent (`jvp`) or cotangent (`vjp`) and of residuals, which it names:
    the function's arguments, ``ans`` for the result, ``a_spec`` and ``ans_spec`` for the shape and
    dtype of the argument a and of the result. Values that no rule names are not kept.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        operands: Sequence[str] | None = None,
        name: str | None = None,
        outputs: int = 1,
        structure: Structure = DENSE,
    ) -> None:
        # Not Primitive.__init__: these primitives share one tape format, and are in no table.
        functools.update_wrapper(self, fn)
        self.fn = fn
        self.name = name or str(getattr(fn, "__name__", fn))
        self.outputs = outputs
        self.opcode = OPAQUE
        if not isinstance(structure, Structure):
            raise TypeError(
                f"{self.name}: structure={structure!r} is no structure. Pass an object of "
                f"dualdiff.extend.structures, such as Gather() or Einsum('...ij->...kl'), or one "
                f"of your own (see docs/extending.md)."
            )
        self.structure = structure
        self.bind = self.general
        self._signature = None if operands else signature_of(fn)
        self._rules: dict[str, dict[int | None, _Rule]] = {"jvp": {}, "vjp": {}}
        self.operands = tuple(operands or OPERANDS)
        if self._signature is not None:
            parameters = self._signature.parameters.values()
            if any(p.kind is p.VAR_POSITIONAL for p in parameters):
                raise TypeError(
                    f"{self.name} takes any number of arguments, a primitive a fixed number; use "
                    f"dualdiff.extend.custom_jvp or custom_vjp with a list of arrays"
                )
            self.operands = tuple(p.name for p in parameters if p.kind < p.KEYWORD_ONLY)

    def __reduce__(self) -> Any:
        return self.__dict__["__qualname__"]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def jvp(self, argument: Any = None, /, *, batched: bool = False) -> Any:
        """Register a pushforward: ``@f.jvp("a")`` for one argument, ``@f.jvp`` for all at once.

        The rule of one argument maps its tangent to the tangent of the result; contributions are
        added up. The rule of all arguments takes a tuple with one tangent per argument (zeros for a
        constant, None for a string or None), or the bare tangent of a single argument.
        """
        return self._register("jvp", argument, batched)

    def vjp(self, argument: Any = None, /, *, batched: bool = False) -> Any:
        """Register a pullback: ``@f.vjp("a")`` for one argument, ``@f.vjp`` for all at once.

        The rule of one argument maps the cotangent of the result to the argument's cotangent. The
        rule of all arguments maps it to a tuple with one cotangent per argument (None for zero), or
        to the bare cotangent of a single argument.
        """
        return self._register("vjp", argument, batched)

    def _register(self, kind: str, argument: Any, batched: bool) -> Any:
        if callable(argument):
            return self._register(kind, None, batched)(argument)
        index = self.operands.index(argument) if argument in self.operands else argument
        if index not in (None, *range(len(self.operands))):
            raise ValueError(f"{self.name} has no argument {argument!r}, only {self.operands}")
        rules = self._rules[kind]

        def decorate(formula: Formula) -> Formula:
            if rules and (None in rules) != (index is None):
                raise ValueError(
                    f"{self.name}: give one {kind} rule for all arguments or one for each, not both"
                )
            made = _Rule(formula, batched)
            self._check_names(made.names)
            rules[index] = made
            return formula

        return decorate

    def _check_names(self, names: Sequence[str]) -> None:
        if self._signature is None:
            return
        known = {"ans", *self._signature.parameters}
        for name in names:
            if name not in known and name.removesuffix("_spec") not in known:
                raise ValueError(
                    f"a rule of {self.name} names {name!r}; it may name {sorted(known)}, or the "
                    f"shape and dtype of one of them (ans_spec)"
                )

    def general(self, *args: Any, **params: Any) -> Any:
        args, params = sort_arguments(self._signature, args, params)
        operands = [self._operand(a) for a in args]
        refuse_traced(params.values(), self.name, "a keyword argument", "pass it by position")
        trace = top_trace(operands)
        if trace is not None:
            return trace.process(self, operands, params)
        ans = self.fn(*operands, **params)
        if any(issubclass(type(a), Reference) for a in args):
            return tuple(map(localize, ans)) if self.outputs > 1 else localize(ans)
        return ans

    def _operand(self, x: Value) -> Any:
        if type(x) in (list, tuple) and any(map(is_box, x)):
            x = np.stack(x)
        if not is_box(x):
            instead = "a primitive takes arrays; use dualdiff.extend.custom_jvp for containers"
            refuse_traced([x], self.name, "a container", instead)
        return operand(x)

    def evaluate(self, values: Sequence[Value], params: dict[str, Any]) -> Any:
        copies = map(to_user, values)
        if any(map(is_box, values)):  # outer derivatives use the rules too
            ans = self.general(*copies, **params)
            return tuple(map(operand, ans)) if self.outputs > 1 else operand(ans)
        ans = self.fn(*copies, **params)
        if self.outputs == 1:
            return _float_result(ans, self.name)
        if not isinstance(ans, (tuple, list)) or len(ans) != self.outputs:
            raise RuleError(f"{self.name} must return a tuple of {self.outputs} arrays")
        return tuple(_float_result(a, self.name) for a in ans)

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        used = [i for i, a in enumerate(active) if a]
        named = dict(zip(self.operands, args, strict=False)) | {"ans": ans}
        kept: dict[str, Any] = {}
        for kind, rules in self._rules.items():
            wanted = [None] if None in rules else used
            missing = [i for i in wanted if i not in rules]
            if missing:  # the line of the call is known here, and lost when the rule is needed
                kept[kind] = str(self.missing(kind, missing[0] or 0, args[missing[0] or 0]))
            else:
                kept[kind] = {i: (rules[i], rules[i].pick(named, params)) for i in wanted}
        specs = [tangent_spec(a) for a in args]
        return self, kept, specs, [*map(spec_of, ans if self.outputs > 1 else (ans,))], used

    def missing(self, direction: str, argument: int, x: Value) -> MissingRuleError:
        mode = "forward" if direction == "jvp" else "reverse"
        which = self.operands[argument] if argument < len(self.operands) else argument
        decorator = f"@{self.name}.{direction}"
        return MissingRuleError(
            f"{self.name}: no {mode}-mode rule for argument {argument} ({which}, {describe(x)}), "
            f"{user_line()}. Register one with {decorator}({which!r}), or one for all arguments "
            f"with {decorator} (see docs/extending.md), or hold the argument constant with "
            f"dualdiff.stop_gradient."
        )

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        _, kept, specs, ans_specs, _ = saved
        total: Any = None
        for index, (rule, residuals) in _found(kept["jvp"]).items():
            chosen = range(len(specs)) if index is None else [index]
            given = [tangents[i] for i in chosen]
            if any(t is not None for t in given):
                own = [specs[i] for i in chosen]
                part = rule.apply(self, residuals, given, own, ans_specs, batch, "jvp")
                total = part if total is None else [a + b for a, b in zip(total, part, strict=True)]
        return total[0] if self.outputs == 1 else tuple(total)

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        _, kept, specs, ans_specs, used = saved
        gs = [g] if self.outputs == 1 else g
        cotangents: list[Any] = [None] * len(specs)
        for index, (rule, residuals) in _found(kept["vjp"]).items():
            chosen = range(len(specs)) if index is None else [index]
            into = [specs[i] if i in used else None for i in chosen]
            part = rule.apply(self, residuals, gs, ans_specs, into, batch, "vjp")
            for i, c in zip(chosen, part, strict=True):
                cotangents[i] = c
        return cotangents


def _found(rules: Any) -> dict[int | None, tuple[_Rule, dict[str, Any]]]:
    if isinstance(rules, str):
        raise MissingRuleError(rules)
    return rules


def primitive(
    fn: Callable[..., Any] | None = None,
    *,
    outputs: int = 1,
    name: str | None = None,
    structure: Structure = DENSE,
) -> Any:
    """Make a function of arrays a primitive; its rules follow.

    Arguments: `fn(a, b, ..., *, option)`, which may call compiled code: floating-point arguments
    that may be passed by position are differentiated, keyword-only ones are options. It
    returns an array or scalar, or a tuple of `outputs` of them. `structure` is for sparsity
    patterns, see docs/extending.md.
    Returns: the primitive; its methods `jvp` and `vjp` register rules, see `UserPrimitive`.
    Raises: MissingRuleError for a derivative that has no rule; CaptureError (a ValueError) if fn
    uses a traced value that is not its argument.

    >>> import numpy as np, dualdiff as dd
    >>> @dd.extend.primitive
    ... def solve(a, b):
    ...     return np.linalg.solve(a, b)
    >>> @solve.jvp("b")
    ... def push_b(t, a):
    ...     return solve(a, t)
    >>> @solve.vjp("b")
    ... def pull_b(g, a):
    ...     return solve(a.T, g)
    >>> dd.jacobian(lambda b: solve(np.diag([2.0, 4.0]), b))(np.ones(2))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    if fn is None:
        return functools.partial(primitive, outputs=outputs, name=name, structure=structure)
    return UserPrimitive(fn, None, name, outputs, structure)


def rule(
    fn: Callable[..., Any],
    *,
    jvp: Formula | None = None,
    vjp: Formula | None = None,
    name: str | None = None,
    structure: Structure = DENSE,
    outputs: int = 1,
    batched: bool = False,
) -> UserPrimitive:
    """Declare a primitive with one push and one pull for all operands.

    Arguments: `fn(*operands, **params)`; `push(t, ...)`, which takes the tangent of the single
    operand or a tuple with one per operand (zeros for a constant); `pull(g, ...)`, which returns
    the cotangent or a tuple. Both name the residuals they need: ``x, y, z, w`` for the operands,
    ``ans``, ``x_spec``, parameters. `outputs` is the number of results; `batched` says that both
    take a batch axis.
    Returns: the primitive.

    >>> import numpy as np, dualdiff as dd
    >>> square = dd.extend.rule(
    ...     np.square, jvp=lambda t, x: 2 * x * t, vjp=lambda g, x: 2 * x * g
    ... )
    >>> dd.grad(square)(3.0)
    6.0
    """
    made = UserPrimitive(fn, OPERANDS, name, outputs, structure)
    if jvp is not None:
        made.jvp(batched=batched)(jvp)
    if vjp is not None:
        made.vjp(batched=batched)(vjp)
    return made


def linear(
    fn: Callable[..., Any],
    transpose: Formula,
    *,
    jvp: Formula | None = None,
    name: str | None = None,
    structure: Structure = DENSE,
    batched: bool = False,
) -> UserPrimitive:
    """Declare a primitive that is linear in its one operand: the push is the function itself.

    Arguments: `fn(x, **params)`; `transpose(g, ...)`, the cotangent of x, which may name ``x_spec``
    and parameters; `push(t, ...)` in place of fn; `batched`, whether all of them take a batch axis.
    Returns: the primitive.

    >>> import numpy as np, scipy.fft, dualdiff as dd
    >>> dct = dd.extend.linear(
    ...     lambda x: scipy.fft.dct(x, norm="ortho"), lambda g: scipy.fft.idct(g, norm="ortho")
    ... )
    >>> dd.grad(lambda x: np.sum(dct(x) ** 2))(np.ones(2))
    array([2., 2.])
    """
    made = UserPrimitive(fn, OPERANDS, name, 1, structure)
    made.is_linear = True
    made.jvp(0, batched=batched)(jvp or (lambda t, **params: made(t, **params)))
    made.vjp(0, batched=batched)(transpose)
    return made


def bilinear(
    fn: Callable[..., Any],
    transpose_x: Formula,
    transpose_y: Formula,
    *,
    name: str | None = None,
    structure: Structure = DENSE,
    batched: bool = False,
) -> UserPrimitive:
    """Declare a primitive that is linear in each of its two operands.

    Arguments: `fn(x, y, **params)`; the transposes ``(g, y, ...)`` for the cotangent of x and
    ``(g, x, ...)`` for the cotangent of y; `batched`, whether all three take a batch axis.
    Returns: the primitive.

    >>> import numpy as np, dualdiff as dd
    >>> convolve = dd.extend.bilinear(
    ...     np.convolve,
    ...     lambda g, y: np.correlate(g, y, "valid"),
    ...     lambda g, x: np.correlate(g, x, "valid"),
    ... )
    >>> dd.grad(lambda x: np.sum(convolve(x, np.array([1.0, 2.0]))))(np.ones(3))
    array([3., 3., 3.])
    """
    made = UserPrimitive(fn, OPERANDS, name, 1, structure)
    made.jvp(0, batched=batched)(lambda t, y, **params: made(t, y, **params))
    made.jvp(1, batched=batched)(lambda t, x, **params: made(x, t, **params))
    made.vjp(0, batched=batched)(transpose_x)
    made.vjp(1, batched=batched)(transpose_y)
    return made


def elementwise(
    fn: Callable[..., Any],
    *derivatives: kinds.Derivative,
    name: str | None = None,
    structure: Structure | None = None,
) -> kinds.Elementwise:
    """Declare a primitive that acts on each element and broadcasts its operands.

    Arguments: `fn`; one derivative per operand: a number, a formula of residuals named
    ``x, y, z, w, ans`` (the partial derivative, of the result's shape), or None for no rule;
    `structure`, if it says more than `structures.Elementwise()`. Both modes, broadcasting and
    batches follow. For a real result of complex operands the tangent is
    ``Re(t * derivative)``.
    Returns: the primitive.

    >>> import numpy as np, scipy.special, dualdiff as dd
    >>> dawsn = dd.extend.elementwise(scipy.special.dawsn, lambda x, ans: 1 - 2 * x * ans)
    >>> dd.elementwise_grad(dawsn)(np.array([0.0, 1.0]))
    array([ 1. , -0.0761590])
    """
    called = name or str(getattr(fn, "__name__", fn))
    signature = signature_of(fn)
    options = [] if signature is None else list(signature.parameters)[len(derivatives) :]
    known = {*OPERANDS[: len(derivatives)], "ans", *options}
    for formula in filter(callable, derivatives):
        for wanted in inspect.signature(formula).parameters:
            if wanted not in known and wanted.removesuffix("_spec") not in known:
                raise ValueError(
                    f"a derivative of {called} names {wanted!r}; it may name {sorted(known)}: the "
                    f"operands are x, y, z, w in this order"
                )

    @functools.wraps(fn)
    def primal(*operands: Any, **params: Any) -> Any:
        if any(map(is_box, operands)):  # outer derivatives use the rule too
            return made(*operands, **params)
        ans = fn(*map(to_user, operands), **params)
        return _float_result(ans, called) if any(map(is_float, operands)) else ans

    formulas = [_on_copies(d) if callable(d) else d for d in derivatives]
    made = kinds.UserElementwise(primal, formulas, called, structure=structure)
    return made


def _on_copies(formula: Formula) -> Formula:
    @functools.wraps(formula)
    def on_copies(*residuals: Any, **named: Any) -> Any:
        return formula(*map(to_user, residuals), **{k: to_user(v) for k, v in named.items()})

    return on_copies


def register(function: Callable[..., Any], implementation: Callable[..., Any]) -> None:
    """Say what a function does when one of its arguments is traced.

    Arguments: `function`, a ufunc, or another function that dispatches to its arguments (by
    ``__array_function__``); `implementation`, with the same signature: a primitive, or a function
    made of functions that have rules.
    Raises: TypeError for a function that does not dispatch: call it in a `primitive`.

    >>> import math, numpy as np, dualdiff as dd
    >>> logcosh = np.frompyfunc(lambda x: math.log(math.cosh(x)), 1, 1)
    >>> rule = dd.extend.elementwise(lambda x: np.log(np.cosh(x)), lambda x: np.tanh(x))
    >>> dd.extend.register(logcosh, rule)
    >>> dd.grad(logcosh)(0.0)
    0.0
    """
    if not isinstance(function, np.ufunc) and type(function) is not type(np.sum):
        raise TypeError(
            f"{getattr(function, '__name__', function)} does not hand traced arguments over to "
            f"dualdiff (it is neither a ufunc nor dispatched by __array_function__); call it in a "
            f"dualdiff.extend.primitive, and use that"
        )
    dispatch.find_function(function)  # loads dualdiff's own rules first, not over this one later
    dispatch.register(function, implementation)
