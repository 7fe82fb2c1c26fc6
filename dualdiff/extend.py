"""New primitives and rules: what to write when dualdiff cannot see inside a function, or should not.

`elementwise`, `linear`, `bilinear`, `rule` and `primitive` take functions of arrays; `custom_jvp` and
`custom_vjp` take functions of containers too; `register` gives a rule to a function of NumPy's own
kind. Functions and rules are handed copies, so they may change what they get. Rules are written for
one direction and called once per direction, unless they are declared `batched`: then tangents and
cotangents may have a lead axis in front of the axes of their primal, and rules count axes from the
right.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from . import kinds
from .core import dispatch
from .core.arrays import localize
from .core.boxes import is_box, plain
from .core.errors import MissingRuleError, UnsupportedInputError, describe, user_line
from .core.primitive import Primitive
from .core.reverse import Tape
from .core.shapes import Shape, spec_of
from .core.traces import Reference, top_trace
from .kinds import OPERANDS, RuleError, _checked
from .operators._calls import Inputs
from .operators._opaque import (
    OPAQUE,
    OpaqueCall,
    is_float,
    operand,
    over_lead,
    own_copy,
    refuse_captured,
    zeros,
)
from .operators.linearize import Recording
from .trees import check_same_structure, flatten

__all__ = [
    "bilinear",
    "custom_jvp",
    "custom_vjp",
    "elementwise",
    "linear",
    "primitive",
    "register",
    "rule",
]

Formula = Callable[..., Any]


def _signature(fn: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(fn)
    except (TypeError, ValueError):  # compiled functions need not have one
        return None


def _bound(
    signature: inspect.Signature | None, args: Any, kwargs: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments that may stand by position, defaults included, and keyword-only ones."""
    if signature is None:
        return args, kwargs
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args, bound.kwargs


def _refuse_traced(values: Iterable[Any], name: str, what: str, instead: str) -> None:
    for value in values:
        if any(map(is_box, flatten(value)[0])):
            raise UnsupportedInputError(
                f"{name} was given a traced value in {what}, {user_line()}; {instead}."
            )


def _float_result(ans: Any, name: str) -> Any:
    """A result that can carry a derivative, in an array of its own."""
    refuse_captured(ans, name)
    if not is_float(ans):
        kind = describe(ans)
        raise UnsupportedInputError(
            f"{name} returned a value of type {kind}, which cannot carry a derivative, "
            f"{user_line()}; return floating-point numbers or arrays (0.0 for 0)."
        )
    return own_copy(ans)


class _Rule:
    """A user's formula, the residuals it names, and whether it takes lead axes."""

    def __init__(self, formula: Formula, batched: bool) -> None:
        parameters = list(inspect.signature(formula).parameters.values())[1:]
        self.formula = formula
        self.batched = batched
        self.names = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
        self.takes_params = len(self.names) < len(parameters)

    def pick(self, operands: Sequence[str], ans: Any, args: Sequence[Any], params: Any) -> Any:
        """The residuals that the formula names."""
        named = dict(zip(operands, args, strict=False))
        kept = dict(params) if self.takes_params else {}
        for name in self.names:
            if name.endswith("_spec"):
                source = ans if name == "ans_spec" else named.get(name.removesuffix("_spec"))
                kept[name] = [*map(spec_of, ans)] if type(source) is tuple else spec_of(source)
            elif name == "ans":
                kept[name] = ans
            elif name in named:
                kept[name] = named[name]
            elif name in params:
                kept[name] = params[name]
        return kept

    def __call__(self, directions: Any, kept: dict[str, Any]) -> Any:
        given = {
            k: tuple(map(own_copy, v)) if type(v) is tuple else own_copy(v) for k, v in kept.items()
        }
        return self.formula(directions, **given)


class UserPrimitive(Primitive):
    """A primitive made by `primitive`, `rule`, `linear` or `bilinear`; `jvp` and `vjp` add rules.

    A rule is a function of a tangent (`jvp`) or cotangent (`vjp`) and of residuals that it names: the
    arguments of the function under their own names, ``ans`` for its result, ``a_spec`` and
    ``ans_spec`` for shapes and dtypes, and its keyword-only arguments. What no rule names is not kept.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        operands: Sequence[str] | None = None,
        name: str | None = None,
        outputs: int = 1,
        structure: str = "dense",
    ) -> None:
        # Not Primitive.__init__: one tape format serves all of these, and they are in no table.
        functools.update_wrapper(self, fn)
        self.fn = fn
        self.name = name or str(getattr(fn, "__name__", fn))
        self.outputs = outputs
        self.opcode = OPAQUE
        self.structure = structure
        self.bind = self.general
        self._signature = _signature(fn) if operands is None else None
        self.operands = tuple(operands or OPERANDS)
        if self._signature is not None:
            parameters = self._signature.parameters.values()
            if any(p.kind is p.VAR_POSITIONAL for p in parameters):
                raise TypeError(
                    f"{self.name} takes any number of arguments; a primitive takes a fixed number. "
                    f"Use dualdiff.extend.custom_jvp, whose arguments may be lists."
                )
            positional = (
                inspect.Parameter.POSITIONAL_ONLY,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
            )
            self.operands = tuple(p.name for p in parameters if p.kind in positional)
        self._rules: dict[str, dict[int | None, _Rule]] = {"jvp": {}, "vjp": {}}

    def __reduce__(self) -> Any:
        return self.__qualname__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def jvp(self, argument: Any = None, /, *, batched: bool = False) -> Any:
        """Register a pushforward: ``@f.jvp("a")`` for one argument, ``@f.jvp`` for all at once.

        The rule of one argument maps its tangent to the tangent of the result; contributions are
        added up. The rule of all of them takes a tuple with one tangent per argument (zeros where an
        argument is constant, None where it is not floating-point), or the tangent itself where there is one
        argument only.
        """
        return self._register("jvp", argument, batched)

    def vjp(self, argument: Any = None, /, *, batched: bool = False) -> Any:
        """Register a pullback: ``@f.vjp("a")`` for one argument, ``@f.vjp`` for all at once.

        The rule of one argument maps the cotangent of the result to the cotangent of the argument, the
        rule of all of them to a tuple with one cotangent per argument (None for zero), or to the
        cotangent itself where there is one argument only.
        """
        return self._register("vjp", argument, batched)

    def _register(self, direction: str, argument: Any, batched: bool) -> Any:
        if callable(argument):
            return self._register(direction, None, batched)(argument)
        index = self.operands.index(argument) if argument in self.operands else argument
        if index is not None and not isinstance(index, int):
            raise ValueError(f"{self.name} has no argument {argument!r}, only {self.operands}")
        rules = self._rules[direction]

        def register_rule(formula: Formula) -> Formula:
            if rules and (None in rules) != (index is None):
                raise ValueError(
                    f"{self.name} has a {direction} rule already: give one rule for all arguments "
                    f"or one for each, not both"
                )
            made = _Rule(formula, batched)
            self._check_names(made.names)
            rules[index] = made
            return formula

        return register_rule

    def _check_names(self, names: Sequence[str]) -> None:
        if self._signature is None:
            return
        known = {
            *self._signature.parameters,
            "ans",
            "ans_spec",
            *(f"{n}_spec" for n in self.operands),
        }
        for name in names:
            if name not in known:
                raise ValueError(
                    f"a rule of {self.name} names {name!r}; it may name the arguments "
                    f"{tuple(self._signature.parameters)}, their shapes and dtypes (a_spec for a), "
                    f"ans and ans_spec"
                )

    def general(self, *args: Any, **params: Any) -> Any:
        args, params = _bound(self._signature, args, params)
        operands = [self._operand(a) for a in args]
        trace = top_trace(operands)
        if trace is not None:
            _refuse_traced(params.values(), self.name, "a keyword argument", "pass it by position")
            return trace.process(self, operands, params)
        ans = self.fn(*operands, **params)
        if any(issubclass(type(a), Reference) for a in args):
            return tuple(map(localize, ans)) if self.outputs > 1 else localize(ans)
        return ans

    def _operand(self, x: Any) -> Any:
        if type(x) in (list, tuple) and any(map(is_box, x)):
            x = np.stack(x)
        if not is_box(x):
            instead = "a primitive takes arrays: use dualdiff.extend.custom_jvp for containers"
            _refuse_traced([x], self.name, "a container", instead)
        return operand(x)

    def evaluate(self, values: Sequence[Any], params: dict[str, Any]) -> Any:
        copies = map(own_copy, values)
        if any(map(is_box, values)):  # the rule holds for outer derivatives too
            ans = self.general(*copies, **params)
            return tuple(map(operand, ans)) if self.outputs > 1 else operand(ans)
        ans = self.fn(*copies, **params)
        if self.outputs == 1:
            return _float_result(ans, self.name)
        if not isinstance(ans, (tuple, list)) or len(ans) != self.outputs:
            raise RuleError(f"{self.name} must return a tuple of {self.outputs} arrays")
        return tuple(_float_result(a, self.name) for a in ans)

    def save(self, ans: Any, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        used = tuple(map(bool, active))
        kept = {}
        for direction, rules in self._rules.items():
            indices = [None] if None in rules else [i for i, a in enumerate(used) if a]
            if all(i in rules for i in indices):
                kept[direction] = {
                    i: (rules[i], rules[i].pick(self.operands, ans, args, params)) for i in indices
                }
            else:  # the line of the call is known here, and not where a missing rule is an error
                i = next(i for i in indices if i not in rules)
                kept[direction] = str(self.missing(direction, i or 0, args[i or 0]))
        specs = tuple(spec_of(a) if is_float(a) else None for a in args)
        ans_specs = tuple(map(spec_of, ans)) if self.outputs > 1 else (spec_of(ans),)
        return self, kept, used, specs, ans_specs

    def missing(self, direction: str, argument: int, x: Any) -> MissingRuleError:
        mode = "forward-mode" if direction == "jvp" else "reverse-mode"
        name = self.operands[argument] if argument < len(self.operands) else argument
        return MissingRuleError(
            f"{self.name}: no {mode} rule for argument {argument} ({name}, {describe(x)}), "
            f"{user_line()}. Register one with @{self.name}.{direction}({name!r}), or one for all "
            f"arguments with @{self.name}.{direction} (see docs/extending.md), or hold the argument "
            f"constant with dualdiff.stop_gradient."
        )

    def push(self, saved: Any, tangents: Sequence[Any], lead: Shape) -> Any:
        _, kept, _, specs, ans_specs = saved
        rules = _found(kept["jvp"])

        def one(index: int | None, ts: Sequence[Any], lead: Shape) -> list[Any]:
            found, residuals = rules[index]
            if index is not None:
                out = found(own_copy(ts[0]), residuals)
            else:
                full = [
                    None if spec is None else zeros(spec, lead) if t is None else own_copy(t)
                    for t, spec in zip(ts, specs, strict=True)
                ]
                out = found(full[0] if len(full) == 1 else tuple(full), residuals)
            outs = (out,) if self.outputs == 1 else out
            pairs = zip(outs, ans_specs, strict=True)
            return [own_copy(_checked(self, t, spec, lead, "push")) for t, spec in pairs]

        total: Sequence[Any] | None = None
        for index, (found, _) in rules.items():
            given = tangents if index is None else [tangents[index]]
            if all(t is None for t in given):
                continue
            part = over_lead(functools.partial(one, index), given, lead, found.batched, ans_specs)
            total = part if total is None else [a + b for a, b in zip(total, part, strict=True)]
        assert total is not None
        return total[0] if self.outputs == 1 else tuple(total)

    def pull(self, saved: Any, g: Any, lead: Shape) -> Sequence[Any]:
        _, kept, used, specs, ans_specs = saved
        rules = _found(kept["vjp"])
        gs = (
            [g]
            if self.outputs == 1
            else [
                zeros(spec, lead) if c is None else c for c, spec in zip(g, ans_specs, strict=True)
            ]
        )

        def one(index: int | None, gs: Sequence[Any], lead: Shape) -> list[Any]:
            found, residuals = rules[index]
            copies = tuple(map(own_copy, gs))
            out = found(copies[0] if self.outputs == 1 else copies, residuals)
            if index is not None:
                outs, into = [out], [specs[index]]
            else:
                outs = [out] if len(specs) == 1 else out
                into = [spec if a else None for spec, a in zip(specs, used, strict=True)]
            return [
                None
                if spec is None
                else zeros(spec, lead)
                if c is None
                else own_copy(_checked(self, c, spec, lead, "pull"))
                for c, spec in zip(outs, into, strict=True)
            ]

        cotangents: list[Any] = [None] * len(used)
        for index, (found, _) in rules.items():
            into = [s if a else None for s, a in zip(specs, used, strict=True)]
            part = over_lead(
                functools.partial(one, index),
                gs,
                lead,
                found.batched,
                into if index is None else [specs[index]],
            )
            if index is None:
                return part
            cotangents[index] = part[0]
        return cotangents


def _found(rules: Any) -> dict[int | None, tuple[_Rule, dict[str, Any]]]:
    if isinstance(rules, str):
        raise MissingRuleError(rules)
    return rules


def primitive(
    fn: Callable[..., Any] | None = None, *, outputs: int = 1, name: str | None = None
) -> Any:
    """Make a function of arrays a primitive, whose rules are added afterwards.

    Arguments: `fn(a, b, ..., *, option)`: the arguments that may stand by position are arrays to be
    differentiated (those that are not floating-point are constants), keyword-only ones are options. It is
    given plain arrays, returns an array or scalar, or a tuple of `outputs` of them, and may call compiled code.
    Returns: the primitive; its methods `jvp` and `vjp` register rules, see `UserPrimitive`.
    Raises: `MissingRuleError` when a derivative is taken that has no rule; `CaptureError` where fn uses a
    traced value that is not its argument.

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
        return functools.partial(primitive, outputs=outputs, name=name)
    return UserPrimitive(fn, None, name, outputs)


def rule(
    fn: Callable[..., Any],
    *,
    push: Formula | None = None,
    pull: Formula | None = None,
    name: str | None = None,
    structure: str = "dense",
    outputs: int = 1,
    batched: bool = False,
) -> UserPrimitive:
    """Declare a primitive whose push and pull are written for all operands at once.

    Arguments: `fn(*operands, **params)`; `push(t, ...)`, which takes the tangent of the operand, or a tuple of
    them where there are several (zeros where one is constant); `pull(g, ...)`, which returns the cotangent, or
    a tuple; both name the residuals they want: ``x, y, z, w`` for the operands, ``ans``, ``x_spec``, or a
    parameter; `outputs`, the number of results; `batched`, whether they take lead axes.
    Returns: the primitive.

    >>> import numpy as np, dualdiff as dd
    >>> square = dd.extend.rule(np.square, push=lambda t, x: 2 * x * t, pull=lambda g, x: 2 * x * g)
    >>> dd.grad(square)(3.0)
    6.0
    """
    made = UserPrimitive(fn, OPERANDS, name, outputs, structure)
    if push is not None:
        made.jvp(batched=batched)(push)
    if pull is not None:
        made.vjp(batched=batched)(pull)
    return made


def linear(
    fn: Callable[..., Any],
    transpose: Formula,
    *,
    push: Formula | None = None,
    name: str | None = None,
    structure: str = "dense",
    batched: bool = False,
) -> UserPrimitive:
    """Declare a primitive that is linear in its one operand: the push is the function itself.

    Arguments: `fn(x, **params)`; `transpose(g, ...)`, the cotangent of x, which may name ``x_spec`` and
    parameters; `push(t, ...)` in place of fn; `batched`, whether fn (or push) and transpose take lead axes.
    Returns: the primitive.

    >>> import numpy as np, scipy.fft, dualdiff as dd
    >>> dct = dd.extend.linear(
    ...     lambda x: scipy.fft.dct(x, norm="ortho"), lambda g: scipy.fft.idct(g, norm="ortho")
    ... )
    >>> dd.grad(lambda x: np.sum(dct(x) ** 2))(np.ones(2))
    array([2., 2.])
    """
    made = UserPrimitive(fn, OPERANDS, name, 1, structure)
    made.jvp(0, batched=batched)(push or (lambda t, **params: made(t, **params)))
    made.vjp(0, batched=batched)(transpose)
    return made


def bilinear(
    fn: Callable[..., Any],
    transpose_x: Formula,
    transpose_y: Formula,
    *,
    name: str | None = None,
    structure: str = "dense",
    batched: bool = False,
) -> UserPrimitive:
    """Declare a primitive that is linear in each of its two operands.

    Arguments: `fn(x, y, **params)`; the transposes ``(g, y, ...)``, which gives the cotangent of x, and
    ``(g, x, ...)``, which gives that of y; `batched`, whether all three take lead axes.
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
    fn: Callable[..., Any], *derivatives: kinds.Derivative, name: str | None = None
) -> kinds.Elementwise:
    """Declare a primitive that acts on each element and broadcasts its operands.

    Arguments: `fn`; one derivative per operand: a number, a formula of residuals named ``x, y, z, w, ans``
    (the partial derivative, of the result's shape), or None where there is no rule. Both modes, broadcasting and
    lead axes follow from it. For a real result of complex operands the tangent is ``Re(t * derivative)``.
    Returns: the primitive.

    >>> import numpy as np, scipy.special, dualdiff as dd
    >>> dawsn = dd.extend.elementwise(scipy.special.dawsn, lambda x, ans: 1 - 2 * x * ans)
    >>> dd.elementwise_grad(dawsn)(np.array([0.0, 1.0]))
    array([ 1. , -0.0761590])
    """
    called = name or str(getattr(fn, "__name__", fn))

    @functools.wraps(fn)
    def primal(*operands: Any, **params: Any) -> Any:
        if any(map(is_box, operands)):  # the rule holds for outer derivatives too
            return made(*operands, **params)
        ans = fn(*map(own_copy, operands), **params)
        return _float_result(ans, called) if any(map(is_float, operands)) else ans

    formulas = [_on_copies(d) if callable(d) else d for d in derivatives]
    made = kinds.elementwise(primal, *formulas, name=called)
    return made


def _on_copies(formula: Formula) -> Formula:
    @functools.wraps(formula)
    def on_copies(*residuals: Any, **named: Any) -> Any:
        return formula(*map(own_copy, residuals), **{k: own_copy(v) for k, v in named.items()})

    return on_copies


def register(function: Callable[..., Any], implementation: Callable[..., Any]) -> None:
    """Say what a function does when an argument of it is traced.

    Arguments: `function`, a ufunc, or another function that hands its call over to its arguments by NumPy's
    ``__array_function__``; `implementation`, of the same signature: a primitive, or a function made of
    functions that have rules.
    Raises: TypeError for a function that does not hand its call over; make a `primitive` that calls it.

    >>> import numpy as np, scipy.special, dualdiff as dd
    >>> j0 = dd.extend.elementwise(scipy.special.j0, lambda x: -scipy.special.j1(x))
    >>> dd.extend.register(scipy.special.j0, j0)
    >>> dd.grad(scipy.special.j0)(1.0)
    -0.4400505
    """
    if not isinstance(function, np.ufunc) and type(function) is not type(np.sum):
        raise TypeError(
            f"{getattr(function, '__name__', function)} does not hand traced arguments over to "
            f"dualdiff (it is neither a ufunc nor dispatched by __array_function__); call it in a "
            f"dualdiff.extend.primitive, and call that"
        )
    dispatch.register(function, implementation)


class CustomFunction:
    """A function of containers with rules of its own, made by `custom_jvp` or `custom_vjp`.

    `defjvp` and `defvjp` define the rules. With both, forward mode takes the one and reverse mode the
    other.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        functools.update_wrapper(self, f)
        self.f = f
        self.name = str(getattr(f, "__name__", f))
        self._signature = _signature(f)
        self.jvp_rule: Formula | None = None
        self.vjp_rule: Formula | None = None
        self.jvp_batched = self.vjp_batched = False

    def __reduce__(self) -> Any:
        return self.__qualname__

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
        args, kwargs = _bound(self._signature, args, kwargs)
        leaves, structure = flatten(args)
        operands = [operand(leaf) for leaf in leaves]
        trace = top_trace(operands)
        if trace is None:
            return self.f(*args, **kwargs)
        _refuse_traced(
            kwargs.values(),
            self.name,
            "a keyword-only argument",
            "let the function take it by position",
        )
        reverse = type(trace) is Tape and self.vjp_rule is not None
        return _CustomCall(self, structure, len(args), kwargs, reverse).apply(trace, operands)


class _CustomCall(OpaqueCall):
    """One call of a `CustomFunction`; `reverse` where its pullback is wanted."""

    def __init__(
        self, function: CustomFunction, arguments: Any, count: int, kwargs: Any, reverse: bool
    ) -> None:
        super().__init__(function.name, arguments)
        self.function = function
        self.count = count
        self.kwargs = kwargs
        self.reverse = reverse
        self.pullback: Formula | None = None

    def args(self, values: Sequence[Any]) -> Any:
        """The arguments, for the user to keep or change."""
        return self.arguments.unflatten(map(own_copy, values))

    def run(self, values: Sequence[Any], nested: Any) -> Any:
        function = self.function
        if self.reverse:
            assert function.vjp_rule is not None
            out = function.vjp_rule(*self.args(values), **self.kwargs)
            value, self.pullback = _pair(out, self.name, "vjp", "(value, pullback)")
            if nested is None:
                return value
        target = function.f if nested is None else function  # the rules hold for outer derivatives
        return target(*self.args(values), **self.kwargs)

    def save(self, ans: Any, values: Any, active: Any, params: Any) -> tuple[Any, ...]:
        specs = [spec_of(v) if used else None for v, used in zip(values, active, strict=True)]
        if self.function.jvp_rule is None:  # the line of the call, for the error of a missing rule
            return self, None, specs, user_line()
        return self, tuple(values), specs, ""

    def tangents(self, values: Sequence[Any], ts: Sequence[Any], lead: Shape) -> list[Any]:
        """The tangents of the floating-point results, by the user's rule."""
        assert self.function.jvp_rule is not None
        full = [
            None if not is_float(v) else zeros(spec_of(v), lead) if t is None else own_copy(t)
            for v, t in zip(values, ts, strict=True)
        ]
        out = self.function.jvp_rule(
            self.args(values), self.arguments.unflatten(full), **self.kwargs
        )
        _, tangent = _pair(out, self.name, "jvp", "(value, tangent)")
        what = f"the tangent that the jvp rule of {self.name} returned"
        leaves = check_same_structure(self.result, tangent, what)
        return [
            zeros(spec, lead)
            if leaves[i] is None
            else own_copy(_checked(self, leaves[i], spec, lead, "jvp rule"))
            for i, spec in zip(self.places, self.specs, strict=True)
        ]

    def push(self, saved: tuple[Any, ...], tangents: Sequence[Any], lead: Shape) -> Any:
        _, values, _, where = saved
        if values is None:
            raise MissingRuleError(
                f"{self.name} has no forward-mode rule, {where}: a pullback alone gives reverse mode "
                f"only, and jvp, derivative, hvp, hessian and jacobian(mode='forward') push "
                f"tangents. Define one with @{self.name}.defjvp (see docs/extending.md)."
            )
        one = functools.partial(self.tangents, values)
        return self.packed(over_lead(one, tangents, lead, self.function.jvp_batched, self.specs))

    def pull(self, saved: tuple[Any, ...], g: Any, lead: Shape) -> Sequence[Any]:
        _, values, specs, where = saved
        gs = self.unpacked(g)
        if self.pullback is not None:
            one = functools.partial(self.cotangents, specs)
            return over_lead(one, gs, lead, self.function.vjp_batched, specs)
        if values is None:
            raise MissingRuleError(
                f"{self.name} has no derivative, {where}: define one with @{self.name}.defjvp, or "
                f"with @{self.name}.defvjp for reverse mode alone (see docs/extending.md)."
            )
        return self.transposed(values, specs, gs, lead)

    def cotangents(self, specs: Sequence[Any], gs: Sequence[Any], lead: Shape) -> list[Any]:
        """The cotangents of the argument leaves, by the user's pullback."""
        assert self.pullback is not None
        full: list[Any] = [None] * len(self.constants)
        for i, g, spec in zip(self.places, gs, self.specs, strict=True):
            full[i] = zeros(spec, lead) if g is None else own_copy(g)
        out = self.pullback(self.result.unflatten(full))
        if not isinstance(out, (tuple, list)) or len(out) != self.count:
            raise RuleError(
                f"the pullback of {self.name} must return a tuple of {self.count}, one cotangent "
                f"(or None) per argument, not {type(out).__name__}"
            )
        blank = self.arguments.unflatten([None] * len(specs))
        out = tuple(b if c is None else c for c, b in zip(out, blank, strict=True))
        what = f"what the pullback of {self.name} returned"
        leaves = check_same_structure(self.arguments, out, what)
        return [
            None
            if spec is None
            else zeros(spec, lead)
            if c is None
            else own_copy(_checked(self, c, spec, lead, "pullback"))
            for c, spec in zip(leaves, specs, strict=True)
        ]

    def transposed(self, values: Any, specs: Sequence[Any], gs: Any, lead: Shape) -> list[Any]:
        """The cotangents of the argument leaves, by transposing the user's pushforward."""

        def of_active(*boxes: Any) -> Any:
            supply = iter(boxes)
            ts = [None if spec is None else next(supply) for spec in specs]
            return self.tangents(values, ts, ())

        start = [zeros(spec) for spec in specs if spec is not None]
        recording = Recording(Inputs(of_active, start, {}, None))
        for t in recording.outputs.values:
            if np.any(np.nan_to_num(plain(t)) != 0):
                raise RuleError(
                    f"the jvp rule of {self.name} is not linear in the tangents: it gives a tangent "
                    f"that is not zero where they are all zero"
                )
        pulled = iter(recording.pull(gs, lead))
        return [None if spec is None else next(pulled) for spec in specs]


def _pair(out: Any, name: str, rule: str, what: str) -> tuple[Any, Any]:
    if type(out) is not tuple or len(out) != 2:
        raise RuleError(f"the {rule} rule of {name} must return {what}, not {type(out).__name__}")
    return out


def custom_jvp(f: Callable[..., Any]) -> CustomFunction:
    """Give a function a pushforward of its own, from which reverse mode is derived too.

    Arguments: `f`, a function of arrays, scalars and containers; keyword-only arguments are options.
    Returns: a function to be used in its place, with the decorator ``defjvp`` for
    ``rule(primals, tangents)``: both are tuples with one element per argument (the tangents of constants are zeros,
    and None for what is not floating-point); it returns ``(value, tangent)``, a tangent like the value, linear in the
    tangents. Reverse mode transposes the rule, which for that must be written with functions that have
    derivatives; where it is not, add a ``defvjp``. ``defjvp(batched=True)`` declares that tangents may have a lead axis.
    The value that is used is that of f. See docs/extending.md.

    >>> import numpy as np, dualdiff as dd
    >>> @dd.extend.custom_jvp
    ... def softplus(x):
    ...     return np.logaddexp(x, 0.0)
    >>> @softplus.defjvp
    ... def softplus_jvp(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return softplus(x), t / (1 + np.exp(-x))
    >>> dd.grad(softplus)(0.0), dd.derivative(dd.grad(softplus))(0.0)
    (0.5, 0.25)
    """
    return CustomFunction(f)


def custom_vjp(f: Callable[..., Any]) -> CustomFunction:
    """Give a function a pullback of its own, for reverse mode.

    Arguments: `f`, a function of arrays, scalars and containers; keyword-only arguments are options.
    Returns: a function to be used in its place, with the decorator ``defvjp`` for ``rule(*primals)``: it returns
    ``(value, pullback)``, where ``pullback(g)`` takes a cotangent like the value and returns a tuple with one
    cotangent per argument (None for zero). ``defvjp(batched=True)`` declares that cotangents may have a lead axis.
    Raises: `MissingRuleError` in forward mode, Hessian-vector products included, unless there is a ``defjvp`` too.
    Under an outer derivative the rule sees traced arrays: there it may call f, but not compiled code.

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
