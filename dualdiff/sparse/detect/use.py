"""One use of a primitive, as the structures see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...core.batch import Shape
from .patterns import Pattern


@dataclass
class Use:
    """One use of a primitive: its operands, their patterns (None for constants), its results."""

    prim: Any
    args: Sequence[Any]
    patterns: Sequence[Pattern | None]
    params: dict[str, Any]
    shapes: tuple[Shape, ...]
    columns: int

    @property
    def traced(self) -> list[Pattern]:
        return [p for p in self.patterns if p is not None]

    @property
    def only(self) -> Pattern:
        (pattern,) = self.traced
        return pattern


class NotKnown(Exception):
    """A structure that does not hold for this use: it counts as dense."""


Result = list[Pattern]
