"""One recorded run, compiled, and how it is replayed."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..core.batch import SILENT, error_state, set_error_state
from ..rules.scipy.sparse.layout import with_data
from ..trees import LEAF
from .errors import Unrecordable
from .graph import Graph
from .native import compile_graph
from .nodes import Callback, Guard, Solve, same
from .scalar import ScalarProgram
from .signature import converter, has_surprise
from .source import Miss, SourceProgram

CHECKED = 2  # replays of a recording that are compared with eager calls
FURTHER = 6  # more of them, where both take about the same time
SUSPECT: Any = type("Suspect", (), {})()  # a result with a NaN or infinity, or an error


class Recording:
    """One recorded run, ready to be replayed.

    `lifted` are arrays that the program refers to, inputs after its arguments, and `guards` are the
    guards by their nodes. `size` and `callbacks` count operations, and `checks` says how many of
    the next replays are compared with eager calls.
    """

    program: ScalarProgram | SourceProgram

    def __init__(
        self,
        graph: Graph,
        eager: Sequence[Any],
        options: dict[str, Any],
        lifted: Sequence[ndarray] = (),
    ) -> None:
        self.lifted = tuple(lifted)
        self.program = compile_graph(graph, **options)
        self.guards: dict[int, Guard] = {node: graph.operations[node] for node in graph.guards}
        self.structure, self.size = graph.structure, len(graph.live)
        kinds = Counter(map(type, map(graph.operations.__getitem__, graph.live)))
        self.callbacks = sum(n for kind, n in kinds.items() if issubclass(kind, Callback))
        self.solves = Solve in kinds
        self.checks, self.further, self.replays = CHECKED, FURTHER, 0
        self.spent = self.eager = math.inf  # the least seconds of the checked calls
        self.sparse = graph.sparse
        self.kinds = list(map(type, eager))
        self.dtypes = [x.dtype if type(x) is ndarray else None for x in eager]
        for k in self.sparse:
            self.dtypes[k] = np.dtype(eager[k].data.dtype.char)  # the one object of its kind
        self.layouts = {k: (x.shape, x.strides) for k, x in enumerate(eager) if _is_turned(x)}
        self._prepare()

    def _prepare(self) -> None:
        self.converters = list(map(converter, self.kinds, self.dtypes))
        for k, structure in self.sparse.items():
            self.converters[k] = functools.partial(with_data, structure)
        self.outcomes = [(node, guard.outcome) for node, guard in self.guards.items()]
        self.turned = {k: _turned(*form) for k, form in self.layouts.items()}

    def __getstate__(self) -> dict[str, Any]:
        derived = ("converters", "outcomes", "turned")
        return {k: v for k, v in vars(self).items() if k not in derived}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.structure = LEAF if self.structure == LEAF else self.structure
        self.replays = 0
        self._prepare()

    def agrees_until(self, guard: int, other: Recording) -> bool:
        """Whether another recording takes the same course up to a guard, and not there."""
        mine = [o for o in self.outcomes if o[0] < guard]
        theirs = [o for o in other.outcomes if o[0] < guard]
        if len(mine) != len(theirs) or not all(map(same, mine, theirs)):
            return False
        own, its = dict(self.outcomes).get(guard), dict(other.outcomes).get(guard)
        return not same(own, its)


def run(recorded: Recording, dynamic: Sequence[Any]) -> Any:
    """The converted results of a replay, or the guard that failed, or `SUSPECT`."""
    state = error_state()
    dynamic = (*dynamic, *recorded.lifted)
    try:
        set_error_state(SILENT)
        found = recorded.program(*dynamic)
        if type(found) is Miss:
            return found
        if found is None:  # the program itself has looked for infinities
            return SUSPECT
        values = _converted(recorded, found, dynamic)
    except Unrecordable:  # a rule has kept values of the recording
        raise
    except Exception:  # the eager call raises it, or does without
        return SUSPECT
    finally:
        set_error_state(state)
    if not recorded.program.checks_finite:
        for v in values:
            if has_surprise(v):
                return SUSPECT
    return values


def _converted(recorded: Recording, found: Sequence[Any], dynamic: Sequence[Any]) -> list[Any]:
    """The leaves of the results in their types, as arrays that belong to the caller."""
    values: list[Any] = []
    taken = list(dynamic)
    for k, v in enumerate(found):
        is_new = (
            type(v) is ndarray
            and v.dtype is recorded.dtypes[k]
            and v.base is None
            and v.flags.writeable  # constants are not
            and not any(v is x for x in taken)
        )
        taken.append(v)
        if k in recorded.sparse:
            v = recorded.converters[k](v if is_new else np.array(v))
        elif not is_new:
            v = recorded.converters[k](v)
        if k in recorded.turned and v.strides != recorded.turned[k].strides:
            v, given = np.empty_like(recorded.turned[k], v.dtype), v
            v[...] = given
        values.append(v)
    return values


def _is_turned(x: Any) -> bool:
    """Whether the axes of a result lie in memory in another order than usual."""
    if type(x) is not ndarray or x.ndim < 2 or x.size < 2 or x.flags.c_contiguous:
        return False
    return min(x.strides) > 0 and sorted(x.strides, reverse=True) != list(x.strides)


def _turned(shape: tuple[int, ...], strides: tuple[int, ...]) -> ndarray:
    """An array of one element, for a shape and an order of the axes without gaps."""
    one, form = np.empty(1), np.lib.stride_tricks.as_strided
    return form(one, shape, np.empty_like(form(one, shape, strides)).strides)
