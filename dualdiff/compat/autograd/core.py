"""autograd.core: rules in autograd's form, and the derivatives of functions of one argument."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...array.box import is_box, unbox
from ...core.batch import dtype_of, shape_of
from ...core.dual import ForwardTrace
from ...errors import UnsupportedInputError, user_line
from ...transforms.inputs import Inputs
from ...transforms.jvp_vjp import jvp
from ...transforms.linearize import Linearization, record
from ...transforms.record import Recording
from ...trees import tree_map
from ._primitives import (
    Primitive,
    as_primitive,
    missing_rule,
    primitive_jvps,
    primitive_vjps,
    pulls_by_argument,
)
from ._spaces import SparseObject, VSpace, dense, vspace
from .tracer import Box, Node, check_traceable, getval, isbox, notrace_primitive, primitive, trace
from .util import func, subval, toposort

__all__ = [
    "Box",
    "JVPNode",
    "Node",
    "SparseObject",
    "VJPNode",
    "VSpace",
    "add_outgrads",
    "backward_pass",
    "def_linear",
    "defjvp",
    "defjvp_argnum",
    "defjvp_argnums",
    "defvjp",
    "defvjp_argnum",
    "defvjp_argnums",
    "forward_pass",
    "func",
    "getval",
    "isbox",
    "make_jvp",
    "make_vjp",
    "notrace_primitive",
    "primitive",
    "primitive_jvps",
    "primitive_vjps",
    "sum_outgrads",
    "toposort",
    "trace",
    "vspace",
]


def as_numpy(x: Any) -> Any:
    """A result as autograd gives it: Python floats as np.float64, in containers too."""
    kind = type(x)
    if kind is float:
        return np.float64(x)
    if kind is complex:
        return np.complex128(x)
    return tree_map(as_numpy, x) if kind in (tuple, list, dict) else x


def fitted(g: Any, value: Any) -> Any:
    """A tangent or cotangent, broadcast to the shape of its primal."""
    g = dense(g)
    if isinstance(g, (list, tuple, dict)) or isinstance(value, (list, tuple, dict)):
        return g
    if shape_of(g) != shape_of(value):
        g = np.broadcast_to(g, shape_of(value))
    if dtype_of(g).kind in "iub":
        g = np.asarray(g, dtype_of(value)) if not is_box(g) else g.astype(dtype_of(value))
    return g


def recorded(inputs: Inputs) -> Recording:
    """A recording of a call, whose results must be numbers."""
    recording = record(inputs, False)
    refuse_objects(recording)
    return recording


def refuse_objects(recording: Recording) -> None:
    """Raise if a result is a text or an array of objects: it would count as constant."""
    for value in (*recording.outputs.values, *recording.outputs.others.values()):
        if value is not None and dtype_of(value).kind not in "fciub":
            raise UnsupportedInputError(
                f"the function returned {unbox(value)!r}, which is not a number, {user_line()}"
            )


def make_vjp(fun: Callable[[Any], Any], x: Any) -> tuple[Callable[[Any], Any], Any]:
    """Evaluate a function of one argument and return its pullback.

    Arguments: `fun`; `x`, an array, a number or a container of them.
    Returns: ``(vjp, ans)``, in this order; ``vjp(g)`` gives a cotangent like x and may be called
    again.
    Complex numbers: as `dualdiff.vjp`.

    >>> vjp, ans = make_vjp(lambda x: x**2, 3.0)
    >>> print(ans, vjp(1.0))
    9.0 6.0
    """
    check_traceable(x)
    recording = recorded(Inputs(fun, (x,), {}, None))
    ans = as_numpy(recording.outputs.released())
    linear = Linearization(recording)

    def vjp(g: Any) -> Any:
        return as_numpy(linear.vjp(fitted(g, ans))[0])

    return vjp, ans


def make_jvp(fun: Callable[[Any], Any], x: Any) -> Callable[[Any], tuple[Any, Any]]:
    """The pushforward of a function of one argument at a point.

    Arguments: `fun`; `x`, an array, a number or a container of them.
    Returns: a function of a tangent like x that gives ``(ans, tangent)``.

    >>> ans, tangent = make_jvp(lambda x: x**2, 3.0)(1.0)
    >>> print(ans, tangent)
    9.0 6.0
    """

    check_traceable(x)

    def forward(g: Any) -> tuple[Any, Any]:
        value, tangent = jvp(fun, (x,), (fitted(g, x),))
        return as_numpy(value), as_numpy(tangent)

    return forward


def defvjp(fun: Any, *vjpmakers: Any, argnums: Iterable[int] | None = None) -> None:
    """Declare the reverse-mode rules of a primitive, one per argument.

    Arguments: `fun`, a result of `primitive`, or a function of NumPy or SciPy; `vjpmakers`, for
    each argument a function ``(ans, *args, **kwargs)`` that returns a function from the cotangent g
    of the result to the argument's cotangent, or None for zero; `argnums`, the positions of these
    arguments (0, 1, ... by default).
    Raises: TypeError if `fun` is no primitive. MissingRuleError (a NotImplementedError) for a
    derivative in another argument.

    >>> import numpy as np
    >>> @primitive
    ... def cube(x):
    ...     return x**3
    >>> defvjp(cube, lambda ans, x: lambda g: 3 * g * x**2)
    >>> print(make_vjp(cube, 2.0)[0](1.0))
    12.0
    """
    function = as_primitive(fun)
    makers = dict(zip(itertools.count() if argnums is None else argnums, vjpmakers, strict=False))
    primitive_vjps[function] = pulls_by_argument(function, makers)


def defvjp_argnum(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Declare the reverse-mode rules of a primitive by one function of the argument's position.

    Arguments: `fun`; `vjpmaker`, a function ``(argnum, ans, args, kwargs)`` that gives a function
    of the cotangent.
    """

    def by_argument(argnums: Sequence[int], *rest: Any) -> Any:
        pulls = [vjpmaker(argnum, *rest) for argnum in argnums]
        return lambda g: [vjp(g) for vjp in pulls]

    primitive_vjps[as_primitive(fun)] = by_argument


def defvjp_argnums(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Declare the reverse-mode rule of a primitive for all of its arguments at once.

    Arguments: `fun`; `vjpmaker`, a function ``(argnums, ans, args, kwargs)`` that gives a function
    of the cotangent, which returns one cotangent for each of argnums.
    """
    primitive_vjps[as_primitive(fun)] = vjpmaker


def defjvp(fun: Any, *jvpfuns: Any, argnums: Iterable[int] | None = None) -> None:
    """Declare the forward-mode rules of a primitive, one per argument.

    Arguments: `fun`, a result of `primitive`, or a function of NumPy or SciPy; `jvpfuns`, for each
    argument a function ``(g, ans, *args, **kwargs)`` of its tangent g that returns the tangent of
    the result, or "same" if the primitive is linear in it, or None for zero;
    `argnums`, the positions of these arguments (0, 1, ... by default).
    """
    function = as_primitive(fun)
    jvps = dict(zip(itertools.count() if argnums is None else argnums, jvpfuns, strict=False))

    def by_argument(argnums: Sequence[int], gs: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        missing = [i for i in argnums if i not in jvps]
        if missing:
            raise missing_rule("JVP", function.__name__, missing)
        parts = []
        for i, g in zip(argnums, gs, strict=True):
            jvp = jvps[i]
            if jvp == "same":
                parts.append(function(*subval(args, i, g), **kwargs))
            elif jvp is None:
                parts.append(vspace(ans).zeros())
            else:
                parts.append(jvp(g, ans, *args, **kwargs))
        return sum_outgrads(parts)

    primitive_jvps[function] = by_argument


def defjvp_argnum(fun: Any, jvpmaker: Callable[..., Any]) -> None:
    """Declare the forward-mode rules of a primitive by one function of the argument's position.

    Arguments: `fun`; `jvpmaker`, a function ``(argnum, g, ans, args, kwargs)`` that gives the
    tangent of the result for the tangent g of one argument.
    """

    def by_argument(argnums: Sequence[int], gs: Any, *rest: Any) -> Any:
        pairs = zip(argnums, gs, strict=True)
        return sum_outgrads([jvpmaker(argnum, g, *rest) for argnum, g in pairs])

    primitive_jvps[as_primitive(fun)] = by_argument


def defjvp_argnums(fun: Any, jvpmaker: Callable[..., Any]) -> None:
    """Declare the forward-mode rule of a primitive for all of its arguments at once.

    Arguments: `fun`; `jvpmaker`, a function ``(argnums, gs, ans, args, kwargs)`` that gives the
    tangent of the result.
    """
    primitive_jvps[as_primitive(fun)] = jvpmaker


def def_linear(fun: Any) -> None:
    """Declare the forward-mode rules of a primitive that is linear in each argument."""
    function = as_primitive(fun)
    defjvp_argnum(
        fun, lambda argnum, g, ans, args, kwargs: function(*subval(args, argnum, g), **kwargs)
    )


def sum_outgrads(gs: Sequence[Any]) -> Any:
    """The sum of derivatives of one value, arrays or containers."""
    total = dense(gs[0])
    for g in gs[1:]:
        total = vspace(total).add(total, dense(g))
    return total


def add_outgrads(prev_g_flagged: tuple[Any, bool] | None, g: Any) -> tuple[Any, bool]:
    """A running sum plus one derivative, and whether the sum may be changed in place."""
    if prev_g_flagged is None:
        return g, False
    return sum_outgrads([prev_g_flagged[0], g]), True


def _rule(rules: Any, function: Any) -> Any:
    return rules[as_primitive(function) if isinstance(function, Primitive) else function]


class VJPNode(Node):
    """A node that keeps its pullback, for `tracer.trace` and `backward_pass`."""

    __slots__ = ("parents", "value", "vjp")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.value = value
        self.parents = tuple(parents)
        self.vjp = _rule(primitive_vjps, fun)(parent_argnums, value, args, kwargs)

    def initialize_root(self, *args: Any, **kwargs: Any) -> None:
        self.value = None
        self.parents = ()
        self.vjp = lambda g: ()


class JVPNode(Node):
    """A node that keeps its tangent `g`, for `tracer.trace`."""

    __slots__ = ("g",)
    trace_kind = ForwardTrace

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        gs = [parent.g for parent in parents]
        self.g = _rule(primitive_jvps, fun)(parent_argnums, gs, value, args, kwargs)

    def initialize_root(self, *args: Any, **kwargs: Any) -> None:
        (self.g,) = args


def forward_pass(
    fun: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], argnum: int = 0
) -> tuple[VJPNode, VJPNode | None]:
    """Run a function and build the graph of its operations for `backward_pass`.

    Returns: the nodes of the argument and of the result, which is None for a constant one.
    """
    start = VJPNode.new_root()
    start.value = args[argnum]
    _, end = trace(start, lambda x: fun(*subval(args, argnum, x), **kwargs), args[argnum])
    return start, end


def backward_pass(g: Any, end_node: Any, start_node: Any = None) -> Any:
    """Pull a cotangent back through a graph of `VJPNode`.

    Arguments: `g`, the cotangent of the result; `end_node`, its node; `start_node`, the node of the
    argument, which need not be named.
    Returns: the cotangent of the argument.
    """
    outgrads: dict[Any, Any] = {end_node: g}
    outgrad = g
    for node in toposort(end_node):
        outgrad = outgrads.pop(node)
        if node is start_node:
            break
        for parent, c in zip(node.parents, node.vjp(outgrad), strict=True):
            before = outgrads.get(parent)
            outgrads[parent] = c if before is None else sum_outgrads([before, c])
    return outgrad
