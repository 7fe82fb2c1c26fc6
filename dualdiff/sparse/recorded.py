"""Sparse derivatives in a program that is being recorded, below all derivatives, for replays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..array.box import is_box
from ..core.types import Value
from ..errors import PatternError, UnsupportedInputError, user_line
from ..transforms.inputs import Inputs
from ..trees import flatten
from .verify import sharp_limit


def is_derived(values: Iterable[Value]) -> bool:
    """Whether some of the values belong to a derivative that is being taken."""
    return any(is_box(v) and not is_recorded(v) for v in values)


def is_recorded(x: Value) -> bool:
    """Whether a value belongs to a recording, and to no derivative above it."""
    return is_box(x) and x.owner.replays


def recorded(own: Any, inputs: Inputs) -> Any:
    """The evaluation of a prepared derivative on recorded values.

    The pattern holds for all arguments that take the same course, unless it has looked at numbers
    or was given; then the comparison with one more direction is recorded as well.
    Arguments: `own`, a copy of the prepared derivative, which is changed; `inputs`.
    """
    own._check_inputs(inputs)
    options = own.options
    constants = flatten([a for i, a in enumerate(inputs.args) if i not in inputs.positions])[0]
    constants += flatten([v for k, v in inputs.kwargs.items() if k not in inputs.positions])[0]
    depends = own.local or own.given or any(map(is_box, constants))
    if depends and options["verify"] == "exact":
        raise UnsupportedInputError(
            f"verify='exact' searches for the pattern at every point, {user_line()}"
        )
    if not depends and options["check"]:
        own.options = {**options, "check": False}
        own._adopt(own.pattern)
    found = own._compressed(inputs)
    if found.probe is not None:
        _compare(own, found)
    return found


def _compare(own: Any, found: Any) -> None:
    """Compare a matrix with a direction, as a decision of the program."""
    probe, matrix = found.probe, found.matrix
    if probe.pulled:
        raise UnsupportedInputError(f"a pattern that is checked by columns, {user_line()}")
    error, size = probe.compared(matrix)
    least = 16 * np.finfo(matrix.dtype).eps * np.max(np.abs(probe.image))
    if not np.all(error <= sharp_limit(matrix, own._usual) * size + least):
        raise PatternError(f"the pattern holds for other arguments, {user_line()}")
