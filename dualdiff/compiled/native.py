"""The choice of a backend for a recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .graph import Graph
from .source import compile_source


def compile_graph(
    graph: Graph, fastmath: bool = False, backend: str | None = None
) -> Callable[..., Any]:
    """The function that replays a graph."""
    return compile_source(graph)
