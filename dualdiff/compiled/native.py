"""The choice of a backend for a recording."""

from __future__ import annotations

from .errors import CompileError
from .graph import Graph
from .machine import binding
from .scalar import ScalarProgram
from .source import SourceProgram, compile_source
from .tape import Unsupported


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
    from .kernels import Kernel, schedule

    try:
        return ScalarProgram(graph, fastmath)
    except Unsupported as reason:
        why = str(reason)
    order = schedule(graph)
    kernels = [item for item in order if isinstance(item, Kernel)]
    for kernel in kernels:
        kernel.load()
    fused = f", with {len(kernels)} fused kernels" if kernels else ""
    return compile_source(graph, order if kernels else None, f"{fused} ({why})")
