"""autograd.tracer: primitives, and traces that build a graph of nodes of any class."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Number
from typing import Any

import numpy as np

from ...array.box import Box as _Box
from ...array.box import is_box
from ...core.batch import dtype_of, shape_of
from ...core.primitive import Primitive as _CorePrimitive
from ...core.tape import Tape
from ...core.trace import Trace, Traced, closed_error, freeze, materialize, value_of
from ...errors import UnsupportedInputError, user_line
from ...trees import flatten
from ._primitives import UNTRACED, Primitive, _Call, as_primitive
from ._spaces import Registry
from .util import subvals, toposort

__all__ = [
    "Box",
    "Node",
    "TraceStack",
    "find_top_boxed_args",
    "getval",
    "isbox",
    "new_box",
    "notrace_primitive",
    "primitive",
    "register_notrace",
    "subvals",
    "toposort",
    "trace",
    "trace_stack",
]


def primitive(f_raw: Callable[..., Any]) -> Primitive:
    """Make a function a primitive, with rules of its own.

    Arguments: `f_raw`, a function of arrays, numbers and containers, which may call compiled code.
    Returns: a function for use in its place; see `extend.defvjp` and `extend.defjvp`.
    """
    return Primitive(f_raw)


def notrace_primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that sees plain values and whose result counts as constant."""

    @functools.wraps(f_raw)
    def zero_derivative(*args: Any, **kwargs: Any) -> Any:
        return f_raw(*map(getval, args), **{k: getval(v) for k, v in kwargs.items()})

    return zero_derivative


def isbox(x: Any) -> bool:
    """Whether a value is traced."""
    return is_box(x) and is_box(materialize(x))


def getval(x: Any) -> Any:
    """The plain value of a traced array; anything else unchanged."""
    return value_of(x)


class _BoxMeta(type):
    """Makes a class stand for dualdiff's boxes in `isinstance`, `issubclass` and ``==``."""

    def __instancecheck__(cls, x: Any) -> bool:
        return isbox(x)

    def __subclasscheck__(cls, kind: Any) -> bool:
        return type.__subclasscheck__(cls, kind) or _Box in getattr(kind, "__mro__", ())

    def __setattr__(cls, name: str, member: Any) -> None:
        type.__setattr__(cls, name, member)
        if not hasattr(_Box, name):
            setattr(_Box, name, member)  # libraries give traced arrays more methods

    def __eq__(cls, other: object) -> bool:  # `type(x) == ArrayBox`
        return cls is other or _Box in getattr(other, "__mro__", ())

    def __hash__(cls) -> int:
        return type.__hash__(cls)


class Box(metaclass=_BoxMeta):
    """The class of traced values, for `isinstance`: dualdiff's own boxes are its instances.

    A box x has ``x._value``, its value one level down, ``x._trace`` and ``x._node``.
    """

    type_mappings: dict[type, Any] = Registry()
    types: set[type] = set()

    def __new__(cls, value: Any, trace: Any, node: Any) -> Any:
        return new_box(value, trace, node)

    @classmethod
    def register(cls, value_type: type) -> None:
        """Let values of a subclass of NumPy's arrays be traced as arrays.

        NumPy's arrays, numbers and containers of them need no registration.
        """
        Box.type_mappings[value_type] = cls


def _lower(self: Any) -> Any:
    content = materialize(self)
    return content.primal if issubclass(type(content), Traced) else content


def _payload(self: Any) -> Any:
    content = materialize(self)
    return content.payload if issubclass(type(content), Traced) else None


def _scope(self: Any) -> Any:
    content = materialize(self)
    return content.owner if issubclass(type(content), Traced) else None


# As autograd's boxes have them.
for _name, _attribute in (("_value", _lower), ("_node", _payload), ("_trace", _scope)):
    setattr(_Box, _name, property(_attribute))


class Node:
    """One operation of a graph, made by `trace`; subclasses keep the parts that they need.

    The constructor takes the `value` of the result, the function, its arguments and keywords, the
    positions of the traced arguments, and their nodes; ``initialize_root`` takes the arguments of
    `new_root`.
    """

    __slots__ = ("__weakref__",)

    def __init__(
        self,
        value: Any,
        fun: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        parent_argnums: Sequence[int],
        parents: Sequence[Any],
    ) -> None:
        raise NotImplementedError(f"{type(self).__name__}.__init__")

    def initialize_root(self, *args: Any, **kwargs: Any) -> None:
        """Fill in a node that stands for the argument of the traced function."""
        raise NotImplementedError(f"{type(self).__name__}.initialize_root")

    @classmethod
    def new_root(cls, *args: Any, **kwargs: Any) -> Any:
        """A node that stands for the argument of the traced function."""
        root = cls.__new__(cls)
        root.initialize_root(*args, **kwargs)
        return root


class NodeBox(Traced):
    """A value whose payload is a node."""

    __slots__ = ()


@functools.cache
def _function_of(prim: _CorePrimitive) -> Primitive:
    """One of dualdiff's primitives as the function that a node names."""
    made = Primitive(prim.bind, prim)
    made.__name__ = prim.name
    return made


def _part(results: Any, i: int) -> Any:
    return results[i]


class NodeTrace(Trace):
    """Builds nodes of the class of the nodes that it starts from."""

    __slots__ = ()

    def check_open(self) -> None:
        """Refuse boxes that outlive their trace."""
        if not self.is_open:
            raise closed_error()

    def box(self, value: Any, node: Any) -> NodeBox:
        """A value that belongs to a node."""
        out = object.__new__(NodeBox)
        out.primal, out.payload, out.owner = value, node, self
        return out

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        self.check_open()
        values, argnums, parents = [], [], []
        for i, a in enumerate(args):
            own = type(a) is NodeBox and a.owner is self
            values.append(a.primal if own else freeze(a))
            if own:
                argnums.append(i)
                parents.append(a.payload)
        if isinstance(prim, _Call):
            if prim.forms:
                raise _unsupported(f"{prim.name} with containers of traced values")
            function, params = prim.primitive, prim.kwargs
        else:
            function = _function_of(prim)
        ans = prim.evaluate(values, params)
        make: Any = type(parents[0])
        node = make(ans, function, tuple(values), params, tuple(argnums), tuple(parents))
        if prim.outputs == 1:
            return self.box(ans, node)
        return tuple(
            self.box(a, make(a, _part, (ans, i), {}, (0,), (node,))) for i, a in enumerate(ans)
        )

    def store(self, content: Any, place: Any, v: Any, owned: bool) -> Any:
        whole = place.index is Ellipsis and not place.ops and shape_of(v) == shape_of(content)
        if whole and dtype_of(v) == dtype_of(content):
            return v  # the whole array, as by ``a += v``: there is nothing to record
        raise _unsupported("assignment to arrays")

    def constant(self, value: Any) -> Any:
        return value


def _unsupported(what: str) -> UnsupportedInputError:
    return UnsupportedInputError(
        f"autograd.tracer.trace does not record {what}, {user_line()}; the operators (grad, "
        f"make_vjp, make_jvp) do"
    )


class TraceStack:
    """Where traces are opened: ``with trace_stack.new_trace() as t``."""

    @contextmanager
    def new_trace(self) -> Iterator[NodeTrace]:
        """A trace for `new_box`, which ends with the `with` block."""
        opened = NodeTrace()
        opened.open()
        try:
            yield opened
        finally:
            opened.close()


trace_stack = TraceStack()


class _NumberedTrace(NodeTrace):
    """The trace that a number stands for; it does not end."""

    __slots__ = ()

    def check_open(self) -> None:
        """It is always open."""


@functools.cache
def _numbered(level: int) -> _NumberedTrace:
    made = _NumberedTrace()
    made.level = level
    return made


class _TracedTuple(tuple[Any, ...]):
    """A tuple of traced values that belongs to a node itself, as `new_box` makes it."""

    _value: Any
    _trace: Any
    _node: Any


class _TracedList(list[Any]):
    """A list of traced values that belongs to a node itself, as `new_box` makes it."""

    _value: Any
    _trace: Any
    _node: Any


class _TracedDict(dict[Any, Any]):
    """A dictionary of traced values that belongs to a node itself, as `new_box` makes it."""

    _value: Any
    _trace: Any
    _node: Any


def new_box(value: Any, trace: Any, node: Any) -> Any:
    """A traced value: a number, an array or a container of them, that belongs to a node of a trace.

    Arguments: `value`; `trace`, from `trace_stack.new_trace`, or a number, which stands for a trace
    of that level that does not end; `node`, of any class.
    """
    if isinstance(trace, int):
        trace = _numbered(trace)
    if type(value) in (tuple, list, dict):
        return _container(value, trace, node)
    if type(value) is int or not (is_box(value) or isinstance(value, (np.ndarray, Number))):
        raise TypeError(f"can't differentiate w.r.t. type {type(value)}, {user_line()}")
    return trace.box(freeze(materialize(value)), node)


def _container(value: Any, trace: Any, node: Any) -> Any:
    def part(key: Any) -> Any:
        made = type(node)(value[key], operator.getitem, (value, key), {}, (0,), (node,))
        return new_box(value[key], trace, made)

    out: Any
    if type(value) is dict:
        out = _TracedDict({key: part(key) for key in value})
    else:
        kind: Any = _TracedTuple if type(value) is tuple else _TracedList
        out = kind(map(part, range(len(value))))
    out._value, out._trace, out._node = value, trace, node
    return out


class _Probe:
    """Stands for a trace in the question whether a value may be traced."""

    def box(self, value: Any, node: Any) -> Any:
        return value


def check_traceable(x: Any) -> None:
    """Let the classes registered with `Box` refuse values that are constants."""
    if Box.type_mappings:
        for leaf in flatten(x)[0]:
            made = Box.type_mappings.get(type(leaf))
            if made is not None:
                made(leaf, _Probe(), None)


def find_top_boxed_args(args: Sequence[Any]) -> tuple[list[Any], Any, Any]:
    """The arguments of the highest trace as pairs (position, box), the trace, and the class of
    their nodes."""
    boxes = [(i, materialize(a)) for i, a in enumerate(args) if isbox(a)]
    if not boxes:
        return [], -1, None
    top = max((b.owner for _, b in boxes), key=lambda scope: scope.level)
    found = [(i, b) for i, b in boxes if b.owner is top]
    return found, top, type(found[0][1].payload)


def trace(start_node: Any, fun: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """Run a function of one array and build the graph of its operations.

    Arguments: `start_node`, the node of the argument (see `Node.new_root`); `fun`; `x`.
    Returns: the result and its node, or None if the result does not depend on x. Nodes name
    dualdiff's primitives, or functions made by `primitive`; `core` has their rules.
    """
    with trace_stack.new_trace() as opened:
        end = fun(new_box(x, opened, start_node))
        end = materialize(end) if is_box(end) else end
        if type(end) is NodeBox and end.owner is opened:
            return end.primal, end.payload
        return end, None


def register_notrace(trace_type: Any, primitive_fun: Callable[..., Any]) -> None:
    """Say that a primitive is constant for derivatives: `trace_type` is VJPNode or JVPNode."""
    UNTRACED[getattr(trace_type, "trace_kind", Tape)].add(as_primitive(primitive_fun))
