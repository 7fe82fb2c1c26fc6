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
    places: dict[int, int] = {}  # of the stores
    holds: dict[int, tuple[int, ...]] = {}  # the stores whose memory a value may share
    last: dict[int, int] = {}  # the place where the memory of a store is last needed
    kept: set[int] = set()  # memories that are needed for good
    for place, item in enumerate(order):
        is_node = type(item) is int
        shared: tuple[int, ...] = ()
        for ref in operands[item] if is_node else item.inputs:
            if ref in holds:
                shared += holds[ref]
        for memory in shared:
            last[memory] = place
        if is_node and type(operations[item]) in _STORES:
            places[item] = place
            holds[item] = (item,)
        elif shared and is_node:  # kernels make new arrays
            if isinstance(operations[item], Callback):
                kept.update(shared)
            if _may_share(graph, item):
                holds[item] = tuple(set(shared))
    for ref in graph.outputs:
        kept.update(holds.get(ref, ()))
    found = set()
    for store, place in places.items():
        content, *rest = operands[store]
        is_last = content in places and last[content] == place and content not in kept
        if is_last and not any(content in holds.get(ref, ()) for ref in rest):
            found.add(store)
    return found


def _may_share(graph: Graph, node: int) -> bool:
    """Whether the result of a node that is no store may share the memory of an operand."""
    form, operation = graph.forms[node], graph.operations[node]
    if type(form) is not tuple and form not in (tuple, list):
        return False
    is_new = type(operation) is Guard or isinstance(operation, np.ufunc)
    return not is_new and operation not in _NEW
