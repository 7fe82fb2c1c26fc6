"""autograd.misc.tracers: graphs of the operations of a function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..tracer import Node, trace
from ..util import subvals, toposort

__all__ = ["FullGraphNode", "const_graph", "const_graph_unary", "full_graph"]


class _Recipe(Node):
    """An operation to be repeated on other values."""

    __slots__ = ("again", "parents")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.parents = tuple(parents)
        self.again = lambda values: fun(
            *subvals(args, zip(parent_argnums, values, strict=True)), **kwargs
        )

    def initialize_root(self, *args: Any, **kwargs: Any) -> None:
        self.parents = ()


def const_graph_unary(fun: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of one array that runs `fun` once and then repeats its operations.

    Decisions of fun on values (branches, numbers of iterations) stay as in the first call, and so
    do values that do not depend on its argument.
    """
    graph: list[Any] = []

    def repeated(x: Any) -> Any:
        if not graph:
            start = _Recipe.new_root()
            value, end = trace(start, fun, x)
            graph.append((start, end, value, list(toposort(end))[::-1] if end else []))
        start, end, value, nodes = graph[0]
        if end is None:
            return value
        values = {start: x}
        for node in nodes:
            if node is not start:
                values[node] = node.again([values[parent] for parent in node.parents])
        return values[end]

    return repeated


def const_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """As `const_graph_unary`, for a function whose other arguments stay as given."""
    partial = functools.partial(fun, *args, **kwargs)
    return const_graph_unary(partial)


class FullGraphNode(Node):
    """A node that keeps its value, and its recipe: function, arguments, keywords, parents."""

    __slots__ = ("recipe", "value")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.value = value
        self.recipe = (fun, args, kwargs, list(zip(parent_argnums, parents, strict=True)))

    def initialize_root(self, *args: Any, **kwargs: Any) -> None:
        self.value, self.recipe = None, (lambda x: x, (), {}, [])


def full_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The node of a function's result, from which the whole graph can be followed.

    Arguments: `fun`, called with one array, the last of `args`; those before it stay constant.
    """
    *constants, x = args
    partial = functools.partial(fun, *constants, **kwargs)
    return trace(FullGraphNode.new_root(), partial, x)[1]
