"""Stores that may work in place: nothing later needs what they overwrite."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .forms import INFIX
from .graph import Graph
from .nodes import STORES, Callback, Guard

_STORES = frozenset(STORES)
_NEW = frozenset((*INFIX, operator.neg, operator.abs, operator.invert))  # make new arrays


def reads(graph: Graph, item: Any) -> Sequence[int]:
    """The numbers of the operands of a node or a kernel."""
    return graph.operands[item] if type(item) is int else item.inputs


def makes(item: Any) -> Sequence[int]:
    """The nodes whose values a node or a kernel computes."""
    return [item] if type(item) is int else item.outputs


def updates(graph: Graph, order: Sequence[Any]) -> set[int]:
    """The stores, among nodes and kernels in their order, that may work in place.

    The content must come from another store, and neither it nor a view of it may be needed later.
    """
    operations, operands = graph.operations, graph.operands
    if _STORES.isdisjoint(map(type, operations)):
        return set()
    count = len(operations)
    # The stores whose memory a value may share; constants, whose numbers are negative, share none.
    holds: list[tuple[int, ...]] = [()] * (count + len(graph.constants))
    last = [0] * count  # the place where the memory of a store is last needed
    kept: set[int] = set()  # memories that are needed for good
    stores: list[tuple[int, int, int]] = []  # with their content, and their place
    for place, item in enumerate(order):
        is_node = type(item) is int
        refs = operands[item] if is_node else item.inputs
        shared: tuple[int, ...] = ()
        for ref in refs:
            if holds[ref]:
                shared += holds[ref]
        for memory in shared:
            last[memory] = place
        if is_node and type(operations[item]) in _STORES:
            holds[item] = (item,)
            if shared.count(refs[0]) == 1:  # a store, whose memory no other operand shares
                stores.append((item, refs[0], place))
        elif shared and is_node:  # kernels make new arrays
            if isinstance(operations[item], Callback):
                kept.update(shared)
            if _may_share(graph, item):
                holds[item] = tuple(set(shared))
    for ref in graph.outputs:
        kept.update(holds[ref])
    return {s for s, content, place in stores if last[content] == place and content not in kept}


def _may_share(graph: Graph, node: int) -> bool:
    """Whether the result of a node that is no store may share the memory of an operand."""
    form, operation = graph.forms[node], graph.operations[node]
    if type(form) is not tuple and form not in (tuple, list):
        return False
    is_new = type(operation) is Guard or isinstance(operation, np.ufunc)
    return not is_new and operation not in _NEW
