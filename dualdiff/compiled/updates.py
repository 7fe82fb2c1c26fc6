"""Stores that may work in place: nothing later needs what they overwrite."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import float64

from .forms import INFIX
from .graph import Graph
from .nodes import STORES, Callback, Guard

_NEW = frozenset((*INFIX, operator.neg, operator.abs, operator.invert))  # make new arrays
_NONE: frozenset[int] = frozenset()


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
    stores = [n for n in order if type(n) is int and type(graph.operations[n]) in STORES]
    if len(stores) < 2:
        return set()
    holds = _memories(graph, order)
    last: dict[int, float] = {}
    places: dict[int, int] = {}
    operations, operands = graph.operations, graph.operands
    for place, item in enumerate(order):
        refs, operation = reads(graph, item), type(operations[item]) if type(item) is int else None
        if operation in STORES:
            places[item] = place
        if holds.keys().isdisjoint(refs):
            continue
        keeps = operation is not None and issubclass(operation, Callback)
        for ref in refs:
            for memory in holds.get(ref, _NONE):
                last[memory] = np.inf if keeps else max(place, last.get(memory, 0))
    for ref in graph.outputs:
        last.update(dict.fromkeys(holds.get(ref, _NONE), np.inf))
    found = set()
    for store in stores:
        content, *rest = operands[store]
        is_apart = not any(content in holds.get(ref, _NONE) for ref in rest)
        own = holds.get(content, _NONE) == {content}
        if own and is_apart and last[content] == places[store]:
            found.add(store)
    return found


def _memories(graph: Graph, order: Sequence[Any]) -> dict[int, frozenset[int]]:
    """The stores whose memory each value may share."""
    holds: dict[int, frozenset[int]] = {}
    operations, forms = graph.operations, graph.forms
    for item in order:
        if type(item) is not int:
            continue  # kernels make new arrays
        form = forms[item]
        if form is float64:  # most are numbers
            continue
        operation = operations[item]
        if type(operation) in STORES:
            holds[item] = frozenset((item,))
        elif type(form) is tuple or form in (tuple, list):
            if type(operation) is Guard or isinstance(operation, np.ufunc) or operation in _NEW:
                continue
            shared = _NONE.union(*(holds.get(r, _NONE) for r in graph.operands[item]))
            if shared:
                holds[item] = shared
    return holds
