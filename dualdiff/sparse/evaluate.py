"""The passes of a sparse derivative, and the number of directions of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..transforms.directions import joined, shown, size_of, split
from ..transforms.measure import measure
from ..transforms.plan import LEAST_BUDGET, Plan, spans
from ..transforms.record import Recording
from .color.coloring import Coloring
from .compression import Compression, Picking, seeds

KEPT = 2**26  # bytes of seeds that are kept between evaluations
Apply = Callable[..., list[Any]]


class Passes:
    """The passes of a compressed derivative; keeps their seeds."""

    def __init__(self, compression: Compression, plan: Plan, options: dict[str, Any]) -> None:
        self.compression, self.plan, self.options = compression, plan, options
        self.kept: dict[tuple[bool, int], ndarray] = {}

    def nonzeros(self, recording: Recording, colors: Coloring, forward: bool) -> ndarray:
        """The nonzeros from one tangent, or cotangent, per colour."""
        ends = (recording.inputs.values, recording.outputs.values)
        sources, targets = ends if forward else ends[::-1]
        apply: Apply = recording.push if forward else recording.pull
        chunk = within_budget(recording, forward, self.plan.chunk, self.options)
        passes = -(-colors.count // chunk)
        places, width = self.compression.places_of(not forward), size_of(targets)
        budget = self.options["budget"] or LEAST_BUDGET
        together = 8 * colors.count * width <= budget
        picking = None if together else Picking(places, width)
        parts: list[ndarray] = []
        for start, stop in shown(spans(colors.count, passes), self.options["progress"]):
            chosen = self.kept.get((forward, start))
            if chosen is None:
                chosen = seeds(colors, start, stop)
                if sum(s.nbytes for s in self.kept.values()) + chosen.nbytes <= min(KEPT, budget):
                    self.kept[forward, start] = chosen
            part = one_pass(apply, chosen, sources, targets)
            if picking is None:
                parts.append(part)
            else:
                picking.add(part, start)
        if picking is not None and picking.values is not None:
            return picking.values
        return (parts[0] if len(parts) == 1 else np.concatenate(parts)).reshape(-1).take(places)


def within_budget(recording: Recording, forward: bool, chunk: int, options: dict[str, Any]) -> int:
    """The number of directions that fit into memory together.

    If all tangents of a recording could be too many, one direction shows how many of them are
    needed together.
    Arguments: `recording`; `forward`, whether tangents are pushed; `chunk`, the planned
    number of directions; `options` of the user, whose `chunk` and `budget` may be None.
    Returns: at most `chunk`.
    """
    size = max(size_of(recording.inputs.values), size_of(recording.outputs.values))
    budget = options["budget"]
    if options["chunk"] is not None:
        return chunk
    if 8 * size * chunk * recording.tape.size <= (budget or LEAST_BUDGET):
        return chunk
    cost = getattr(measure(recording, mode := "forward" if forward else "reverse"), mode)
    if cost is None:
        return chunk
    budget = budget or max(LEAST_BUDGET, 2 * cost.total)
    return max(1, min(chunk, budget // max(cost.peak, 1)))


def one_pass(
    apply: Apply, directions: ndarray, sources: Sequence[Any], targets: Sequence[Any]
) -> ndarray:
    """The derivatives of the targets in directions of the sources, one direction per row.

    Arguments: `apply`, which pushes or pulls; `directions`, a matrix with a direction per row over
    all sources; `sources` and `targets`, the values at both ends.
    Returns: a matrix with a row per direction and a column per element of the targets.
    """
    parts = split(directions, sources)
    batch: tuple[int, ...] = (len(directions),)
    if len(directions) == 1:  # no batch axis, which is fastest
        parts, batch = [None if p is None else p[0] for p in parts], ()
    return joined(apply(parts, batch, identity=True), targets, len(directions))
