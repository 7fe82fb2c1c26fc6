"""Primitives with rules in autograd's form, and the tables that hold these rules.

A rule for reverse mode is a function ``(argnums, ans, args, kwargs)``. It returns a function of the
cotangent g, which returns one cotangent per argnum. A rule for forward mode is a function
``(argnums, gs, ans, args, kwargs)`` that returns the tangent of the result.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ...array.box import is_box
from ...array.dispatch import FUNCTIONS, find_function, register
from ...core.batch import Shape, cast, shape_of, spec_of
from ...core.calls import OpaqueCall, over_batch, refuse_captured, tangent_spec, zeros
from ...core.dual import ForwardTrace
from ...core.tape import Tape
from ...core.trace import Trace, materialize, top_trace, value_of
from ...errors import (
    MissingRuleError,
    RuleError,
    UnsupportedInputError,
    line_text,
    user_frame,
    user_line,
)
from ...transforms.inputs import Inputs
from ...transforms.jvp_vjp import jvp
from ...transforms.linearize import Linearization
from ...transforms.record import Recording
from ...trees import Structure, flatten
from ._captured import TAPES, Running, running_calls, used_by_value, without_own
from ._spaces import SparseObject, dense, vspace

Maker = Callable[..., Any]


class Rules(dict[Any, Maker]):
    """The rules for one mode, by function: the user's rule if there is one, else dualdiff's."""

    def __init__(self, kind: str, own: Callable[[Any], Maker]) -> None:
        self.kind = kind
        self.own = own

    def __missing__(self, function: Any) -> Maker:
        if isinstance(function, Primitive) and function.original is None:
            return self.missing(function)
        return self.own(getattr(function, "original", None) or function)

    def missing(self, function: Any, where: tuple[str, int] | None = None) -> Maker:
        """A rule that raises the error for a missing rule."""
        name, kind, at = function.__name__, self.kind, line_text(*(where or user_frame()))

        def maker(argnums: Any, *args: Any) -> Any:
            raise missing_rule(kind, name, argnums, at)

        return maker


def missing_rule(kind: str, name: str, argnums: Any, where: str = "") -> MissingRuleError:
    """The error for arguments of a user's primitive that have no rule in one mode."""
    return MissingRuleError(
        f"{kind} of {name} wrt argnums {tuple(argnums)} not defined, {where or user_line()}; "
        f"declare it with def{kind.lower()}({name}, ...)"
    )


def _own_vjp(function: Any) -> Maker:
    """dualdiff's own pullback of a function, as a rule."""

    def maker(argnums: Sequence[int], ans: Any, args: Any, kwargs: Any) -> Any:
        return Linearization(Recording(Inputs(function, args, kwargs, tuple(argnums)))).vjp

    return maker


def _own_jvp(function: Any) -> Maker:
    def maker(argnums: Sequence[int], gs: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        return jvp(function, args, tuple(gs), argnums=tuple(argnums), **kwargs)[1]

    return maker


primitive_vjps = Rules("VJP", _own_vjp)
primitive_jvps = Rules("JVP", _own_jvp)
UNTRACED: dict[type, set[Any]] = {Tape: set(), ForwardTrace: set()}


class Primitive:
    """A function with rules of its own; see `extend.primitive`.

    `original` is dualdiff's own implementation, unless the function is the user's.
    """

    _is_autograd_primitive = True
    __name__: str

    def __init__(self, fun: Callable[..., Any], original: Any = None) -> None:
        functools.update_wrapper(self, fun)
        self.__name__ = str(getattr(fun, "__name__", fun))
        self.fun = fun
        self.original = original
        self._makers: dict[int, Maker | None] = {}  # by the methods of autograd before 1.2

    def __reduce__(self) -> Any:
        return self.__dict__["__qualname__"]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<primitive {self.__name__}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        nested = [not is_box(a) and holds_box(a) for a in args]
        if any(map(holds_box, kwargs.values())):
            return self._keywords_refused(args, kwargs)
        if not any(nested) and not any(map(is_box, args)):
            return self.fun(*args, **kwargs)
        leaves, forms = list(args), []
        if any(nested):
            pairs = [
                flatten(a) if inner else ([a], None) for a, inner in zip(args, nested, strict=True)
            ]
            leaves = [leaf for parts, _ in pairs for leaf in parts]
            forms = [form for _, form in pairs]
        operands = [_operand(leaf) for leaf in leaves]
        trace = top_trace(operands)
        call = _Call(self, forms, kwargs)
        if trace is None:
            return self.fun(*call.given(operands), **kwargs)
        if any(self in found and isinstance(trace, kind) for kind, found in UNTRACED.items()):
            lower = [a.primal if is_box(a) and a.owner is trace else a for a in operands]
            return self(*call.given(lower), **kwargs)
        return call.apply(trace, operands)

    def defvjp(self, vjp: Maker, argnum: int = 0) -> None:
        """autograd 1.1: ``vjp(g, ans, vs, gvs, *args)`` is the cotangent of one argument."""

        def maker(ans: Any, *args: Any, **kwargs: Any) -> Any:
            spaces = vspace(args[argnum]), vspace(ans)
            return lambda g: vjp(g, ans, *spaces, *args, **kwargs)

        self._earlier(argnum, maker)

    def defvjps(self, vjp: Maker, argnums: Sequence[int]) -> None:
        """autograd 1.1: `defvjp` for several arguments, of which `vjp` first gets the number."""
        for argnum in argnums:
            self.defvjp(functools.partial(vjp, argnum), argnum)

    def defvjp_is_zero(self, argnums: Sequence[int] = (0,)) -> None:
        """autograd 1.1: the cotangents of some arguments are zero."""
        for argnum in argnums:
            self._earlier(argnum, None)

    def defgrad(self, maker: Maker, argnum: int = 0) -> None:
        """autograd 1.0: ``maker(ans, *args)`` gives a function from the cotangent to one."""
        self._earlier(argnum, maker)

    def defgrads(self, maker: Maker, argnums: Sequence[int]) -> None:
        """autograd 1.0: `defgrad` for several arguments, of which `maker` first gets the number."""
        for argnum in argnums:
            self._earlier(argnum, functools.partial(maker, argnum))

    defgrad_is_zero = defvjp_is_zero

    def _earlier(self, argnum: int, maker: Maker | None) -> None:
        """Declare one argument's rule beside those of the other arguments."""
        self._makers[argnum] = maker
        primitive_vjps[self] = pulls_by_argument(self, dict(self._makers))

    def _keywords_refused(self, args: Any, kwargs: dict[str, Any]) -> Any:
        for name, value in kwargs.items():
            if any(is_box(leaf) and is_box(materialize(leaf)) for leaf in flatten(value)[0]):
                raise UnsupportedInputError(
                    f"{self.__name__} was given a traced value as the keyword argument {name!r}, "
                    f"{user_line()}: a primitive is differentiated in its positional arguments; "
                    f"pass it by position"
                )
        return self(*args, **{k: value_of(v) for k, v in kwargs.items()})


def pulls_by_argument(function: Any, makers: dict[int, Maker | None]) -> Maker:
    """A reverse-mode rule from one per argument, where None stands for zero."""

    def by_argument(argnums: Sequence[int], ans: Any, args: Any, kwargs: Any) -> Any:
        missing = [i for i in argnums if i not in makers]
        if missing:
            raise missing_rule("VJP", function.__name__, missing)
        chosen = [makers[i] for i in argnums]
        pulls = [maker and maker(ans, *args, **kwargs) for maker in chosen]
        zeros = [
            vspace(args[i]).zeros() if maker is None else None
            for i, maker in zip(argnums, chosen, strict=True)
        ]
        return lambda g: [
            zero if vjp is None else vjp(g) for vjp, zero in zip(pulls, zeros, strict=True)
        ]

    return by_argument


def holds_box(x: Any) -> bool:
    """Whether a value is traced, or a container with traced values."""
    kind = type(x)
    if is_box(x):
        return True
    if kind is ndarray:
        return x.dtype.hasobject and any(map(is_box, x.flat))
    if kind in (list, tuple):
        return any(map(holds_box, x))
    if kind is dict:
        return any(map(holds_box, x.values()))
    return isinstance(x, tuple) and any(map(holds_box, x))


def _operand(x: Any) -> Any:
    return materialize(x) if is_box(x) or (type(x) is ndarray and x.dtype.hasobject) else x


class _Call(OpaqueCall):
    """One call of a `Primitive`, which a trace treats as one operation on the leaves."""

    levels: set[int]

    def __init__(
        self, primitive: Primitive, forms: list[Structure | None], kwargs: dict[str, Any]
    ) -> None:
        self.name = primitive.__name__
        self.primitive = primitive
        self.forms = forms
        self.kwargs = {k: v.copy() if type(v) is ndarray else v for k, v in kwargs.items()}
        self.vjp: Any = None

    def given(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments of the call, of leaves."""
        if not self.forms:
            return tuple(leaves)
        supply, out = iter(leaves), []
        for form in self.forms:
            if form is None:
                out.append(next(supply))
            else:
                out.append(form.unflatten([next(supply) for _ in range(form.num_leaves)]))
        return tuple(out)

    def positions(self, used: Sequence[Any]) -> list[tuple[int, slice]]:
        """The arguments with a used leaf, and the positions of their leaves."""
        if not self.forms:
            return [(i, slice(i, i + 1)) for i, u in enumerate(used) if u]
        out, start = [], 0
        for i, form in enumerate(self.forms):
            stop = start + (1 if form is None else form.num_leaves)
            if any(used[start:stop]):
                out.append((i, slice(start, stop)))
            start = stop
        return out

    def apply(self, trace: Trace, operands: Sequence[Any]) -> Any:
        """The result of the call, whose floating-point leaves are boxes of the trace."""
        self.level, self.levels = trace.level, {trace.level}
        if not isinstance(trace, Tape):
            return self.filled(trace.process(self, operands, {}))
        TAPES[trace.level] = trace
        slots = {a.payload for a in operands if is_box(a) and a.owner is trace}
        calls = running_calls()
        self.levels.update(call.trace.level for call in calls)
        calls.append(Running(trace, set(slots), len(trace.entries)))
        try:
            boxes = trace.process(self, operands, {})
        finally:
            calls.pop()
        outer = next((call for call in reversed(calls) if call.trace is trace), None)
        if outer is not None and slots <= outer.slots:
            outer.slots.update(box.payload for box in self.unpacked(boxes))
        return self.filled(boxes)

    def run(self, values: Sequence[Any], nested: Any) -> Any:
        return self.primitive(*self.given(values), **self.kwargs)

    def leaf(self, x: Any) -> Any:
        x = without_own(_operand(x))
        refuse_captured(x, self.name, self.level)
        return x

    def save(self, ans: Any, values: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        rules = self.primitive
        known = rules in primitive_vjps and rules in primitive_jvps
        where = None if known or rules.original else user_frame()
        return self, tuple(values), ans, tuple(map(bool, active)), where

    def _result(self, leaves: Any) -> Any:
        """The parts, one per output, in the form of the result, with zeros for None."""
        parts = zip(self.unpacked(leaves), self.specs, strict=True)
        return self.filled(self.packed([zeros(s) if p is None else p for p, s in parts]))

    def apply_vjp(self, saved: Any, g: Any, batch: Shape) -> Sequence[Any]:
        _, values, ans, active, where = saved
        chosen = self.positions(active)
        argnums = tuple(i for i, _ in chosen)
        args = self.given(values)
        if self.vjp is None:
            maker = _found(primitive_vjps, self.primitive, where)
            with used_by_value(self.level, self.levels):
                self.vjp = maker(argnums, self._result(ans), args, self.kwargs)

        def one(gs: Sequence[Any], batch: Shape) -> list[Any]:
            with used_by_value(self.level, self.levels):
                cotangents = tuple(self.vjp(self._result(self.packed(gs))))
            out: list[Any] = [None] * len(values)
            for (i, place), c in zip(chosen, cotangents, strict=True):
                inner, parts = values[place], _leaves_like(c, args[i])
                if len(parts) != len(inner):
                    raise self._wrong("VJP", f"{len(parts)} leaves", f"{len(inner)} leaves")
                out[place] = [
                    self._conformed("VJP", p, v) if used else None
                    for p, v, used in zip(parts, inner, active[place], strict=True)
                ]
            return out

        specs = [spec_of(v) if used else None for v, used in zip(values, active, strict=True)]
        return over_batch(one, self.unpacked(g), batch, False, specs)

    def apply_jvp(self, saved: Any, tangents: Sequence[Any], batch: Shape) -> Any:
        _, values, ans, _, where = saved
        chosen = self.positions([t is not None for t in tangents])
        argnums = tuple(i for i, _ in chosen)
        answer, args = self._result(ans), self.given(values)
        maker = _found(primitive_jvps, self.primitive, where)
        outputs = self.unpacked(ans)

        def one(ts: Sequence[Any], batch: Shape) -> list[Any]:
            full = [
                zeros(s) if t is None and s is not None else t
                for t, s in zip(ts, map(tangent_spec, values), strict=True)
            ]
            trees = self.given(full)
            tangent = maker(argnums, [trees[i] for i in argnums], answer, args, self.kwargs)
            parts = [tangent] if self.result.is_leaf else flatten(tangent)[0]
            if len(parts) != len(self.constants):
                raise self._wrong("JVP", f"{len(parts)} leaves", f"{len(self.constants)} leaves")
            return [
                self._conformed("JVP", parts[i], a)
                for i, a in zip(self.places, outputs, strict=True)
            ]

        return self.packed(over_batch(one, tangents, batch, False, self.specs))

    def _conformed(self, kind: str, c: Any, value: Any) -> Any:
        """The result of a rule, in the shape and dtype of its primal; None counts as zero."""
        spec = spec_of(value)
        if c is None:
            return zeros(spec)
        c = _operand(dense(c))
        while is_box(c) and c.owner.level in self.levels:
            c = c.primal
        shape = shape_of(c)
        if shape != spec.shape:
            try:
                c = np.broadcast_to(c, spec.shape)
            except ValueError:
                if np.prod(shape) != np.prod(spec.shape):
                    raise self._wrong(kind, f"shape {shape}", f"shape {spec.shape}") from None
                c = np.reshape(c, spec.shape)
        return cast(materialize(c) if is_box(c) else np.asarray(c)[()], spec.dtype)

    def _wrong(self, kind: str, given: str, wanted: str) -> RuleError:
        return RuleError(f"a {kind} of {self.name} returned {given}, where {wanted} is needed")


def _leaves_like(c: Any, value: Any) -> list[Any]:
    """The leaves of the cotangent of a container; some parts may be arrays."""
    if isinstance(value, dict) and isinstance(c, dict):
        keys = flatten({key: i for i, key in enumerate(value)})[0]
        names = [list(value)[i] for i in keys]
        c, value = [c.get(name) for name in names], [value[name] for name in names]
    if not isinstance(value, (list, tuple)):
        return flatten(dense(c))[0] if isinstance(c, (list, tuple, dict)) else [c]
    given = [None] * len(value) if c is None else list(dense(c))
    if len(given) != len(value):
        return given
    return [leaf for part, v in zip(given, value, strict=True) for leaf in _leaves_like(part, v)]


def _found(rules: Rules, function: Primitive, where: Any) -> Maker:
    if function not in rules and function.original is None:
        return rules.missing(function, where)
    return rules[function]


def as_primitive(function: Any) -> Any:
    """The primitive under which a function's rules are kept.

    A function that is neither a primitive nor dispatches to dualdiff gets a warning: dualdiff
    differentiates it as written, and does not use the rule.
    """
    if isinstance(function, Primitive):
        return function
    target = function
    while not _dispatches(target) and hasattr(target, "__wrapped__"):
        target = target.__wrapped__
    if not _dispatches(target):
        name = getattr(function, "__name__", function)
        warnings.warn(
            f"{name} is not a primitive, so that rules declared for it are not used, "
            f"{user_line()}: it is differentiated as it is written. To have them used, write "
            f"{name} = primitive({name}) first.",
            stacklevel=3,
        )
        return function
    found = FUNCTIONS.get(target)
    if isinstance(found, Primitive):
        return found
    made = Primitive(target, find_function(target))
    register(target, made)
    return made


def _dispatches(function: Any) -> bool:
    return isinstance(function, np.ufunc) or type(function) is type(np.sum)


__all__ = ["Primitive", "SparseObject", "as_primitive", "primitive_jvps", "primitive_vjps"]
