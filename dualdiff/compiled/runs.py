"""The runs of a program on recorded values: two of them, which are compared."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.types import Value
from ..trees import Structure
from .caught import Caught
from .elements import is_move
from .errors import Uncertain, Unrecordable
from .graph import Graph, record
from .lifting import Lifting
from .signature import all_close, has_surprise

LITTLE = 1000  # elements that are computed again at each replay without a loss


@dataclass
class Run:
    """One call of a program: its arguments, and the exceptions and the result of an eager call."""

    f: Callable[..., Any]
    leaves: Sequence[Value]
    structure: Structure
    dynamic: Sequence[bool]
    raised: Caught | None
    eager: Sequence[Value]
    form: Structure

    def plain(self) -> Graph:
        """A recording that a second one repeats, and that gives the eager result."""
        return self._repeated(self._record(None), None)

    def lifted(self, lifting: Lifting) -> Graph | None:
        """The same with large arrays as inputs; None if the program computes with them alone."""
        graph = self._record(lifting)
        if _works_on_data(graph, len(lifting.arrays)):
            return None
        return self._repeated(graph, lifting)

    def _repeated(self, graph: Graph, lifting: Lifting | None) -> Graph:
        for _ in range(2):  # operators may learn from the first run
            previous, graph = graph, self._record(lifting)
            if previous.repeats(graph):
                break
        else:
            raise Unrecordable("two runs at one point do not do the same")
        if any(map(has_surprise, graph.samples)):
            raise Uncertain("recorded values give a NaN or infinity in place of a number")
        if self.form != graph.structure or not all_close(graph.samples, self.eager):
            raise Unrecordable("a run on recorded values gives another result")
        return graph

    def _record(self, lifting: Lifting | None) -> Graph:
        return record(self.f, self.leaves, self.structure, self.dynamic, self.raised, lifting)


def _works_on_data(graph: Graph, count: int) -> bool:
    """Whether a recording computes with its last inputs alone, as if they were constants.

    Where arrays are compared instead, such work is done once.
    """
    data = set(graph.inputs[-count:])
    for node in graph.live:
        refs = [ref for ref in graph.operands[node] if ref >= 0]
        if refs and data.issuperset(refs):
            data.add(node)
            moves = graph.operations[node] is operator.getitem or is_move(graph, node)
            if not moves and max(_size(graph, n) for n in (node, *refs)) > LITTLE:
                return True
    return False


def _size(graph: Graph, node: int) -> int:
    form = graph.forms[node]
    return math.prod(form[0]) if type(form) is tuple else 1
