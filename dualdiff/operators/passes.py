"""One pass of directions of a sparse derivative, and how many directions it takes at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from numpy import ndarray

from ._alive import again_if_nan
from .directions import Liveness, joined, size_of, split
from .linearize import Recording
from .plans import LEAST_BUDGET

Apply = Callable[..., list[Any]]


def within_budget(
    recording: Recording, forward: bool, chunk: int, options: dict[str, Any]
) -> tuple[Apply, int]:
    """What pushes or pulls, and how many directions at once, for the memory of a pass.

    Where all tangents of a recording could be too many, one direction tells how many of them are
    alive together, and a pass lets go of the others.
    Arguments: `recording`; `forward`, whether tangents are pushed; `chunk`, the number of
    directions that was planned; `options`, of the user: `chunk` and `budget` may be None.
    Returns: a function of seeds, lead axes and `identity`, and a number of directions.
    """
    apply: Apply = recording.push if forward else recording.pull
    size = max(size_of(recording.inputs.values), size_of(recording.outputs.values))
    budget = options["budget"]
    if 8 * size * chunk * recording.tape.size <= (budget or LEAST_BUDGET):
        return apply, chunk
    live = Liveness(recording)
    budget = budget or max(LEAST_BUDGET, 2 * live.total)
    if options["chunk"] is None:
        chunk = max(1, min(chunk, budget // max(live.peak, 1)))
    return (functools.partial(live.push, recording) if forward else apply), chunk


def one_pass(
    apply: Apply, directions: ndarray, sources: Sequence[Any], targets: Sequence[Any]
) -> ndarray:
    """The derivatives of the targets in directions of the sources, one direction per row.

    Arguments: `apply`, which pushes or pulls; `directions`, a matrix with a direction per row, all
    sources counted whole; `sources` and `targets`, the values of either end.
    Returns: a matrix with a row per direction and a column per element of the targets.
    """
    parts = split(directions, sources)
    lead: tuple[int, ...] = (len(directions),)
    if len(directions) == 1:  # no lead axis: the quickest
        parts, lead = [None if p is None else p[0] for p in parts], ()
    given = again_if_nan(lambda: apply(parts, lead, identity=True), list)
    return joined(given, targets, len(directions))
