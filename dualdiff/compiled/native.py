"""The choice of a backend for a recording."""

from __future__ import annotations

import math

from .elements import part_of
from .errors import CompileError
from .functions import COSTLY
from .graph import Graph
from .machine import binding
from .nodes import INPUT
from .scalar import ScalarProgram
from .source import SourceProgram, compile_source
from .tape import Unsupported

# Microseconds that the vector code of a kernel saves for each element, and that a node of NumPy and
# a program of it cost.
SAVED, SAVED_BY_FUNCTIONS, NODE, PROGRAM = 1e-3, 15e-3, 1.2, 5.0
MOST = 2000  # nodes of a program that may be mostly kernels


def _prefers_kernels(graph: Graph) -> bool:
    """Whether operations on large arrays take most of the time of scalar code."""
    if len(graph.live) > MOST:
        return False
    saved = cost = 0.0
    for node in graph.live:
        part = part_of(graph, node)
        if part is None:
            cost += NODE * (graph.operations[node] is not INPUT)
        elif part.name != "copy":
            each = SAVED_BY_FUNCTIONS if part.name in COSTLY else SAVED
            saved += each * math.prod(graph.forms[node][0])
    return saved > PROGRAM + cost


def compile_graph(
    graph: Graph, fastmath: bool = False, backend: str | None = None
) -> ScalarProgram | SourceProgram:
    """The function that replays a graph."""
    if backend not in (None, "python", "llvm"):
        raise CompileError(f"the backends are 'python' and 'llvm', not {backend!r}")
    if backend == "python" or binding() is None:
        if backend == "llvm":
            raise CompileError("native code needs llvmlite: pip install dualdiff[compile]")
        return compile_source(graph)
    if _prefers_kernels(graph):
        why = "large arrays"
    else:
        try:
            return ScalarProgram(graph, fastmath)
        except Unsupported as reason:
            why = str(reason)
    from .kernels import Kernel, schedule  # not before it is needed

    order = schedule(graph)
    kernels = [item for item in order if isinstance(item, Kernel)]
    for kernel in kernels:
        kernel.load()
    fused = f", with {len(kernels)} fused kernels" if kernels else ""
    return compile_source(graph, order if kernels else None, f"{fused} ({why})")
