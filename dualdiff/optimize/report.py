"""The derivatives that an optimiser was given, and their cost."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .choice import Choice

R = TypeVar("R")


def duration(seconds: float) -> str:
    """A time as text."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


@dataclass(slots=True)
class Supplied:
    """One function that SciPy was given: `what` it is, `how` it is computed, why, and its cost.

    `unit` is the time of one evaluation of the function, if a trial has taken it.
    """

    what: str
    how: str
    reason: str = ""
    unit: float = 0.0
    calls: int = 0
    seconds: float = 0.0
    is_compiled: bool = False

    def timed(self, function: Callable[..., R]) -> Callable[..., R]:
        """The function, with its calls counted and timed here."""

        def call(*args: Any) -> R:
            start = perf_counter()
            found = function(*args)
            self.seconds += perf_counter() - start
            self.calls += 1
            return found

        return call

    def counted(self, calls: int, seconds: float) -> None:
        """Note calls that SciPy has counted, and the seconds that they and its work have taken."""
        self.calls += calls
        self.seconds += seconds

    def line(self, unit: float = 0.0) -> str:
        """One line of the report; `unit` is what an evaluation has taken without a trial."""
        text = f"{self.what}: {self.how}" if self.how else self.what
        text += ", compiled" if self.is_compiled else ""
        if self.calls:
            each = self.seconds / self.calls
            text += f"; {self.calls} calls, {duration(each)} each"
            if unit := self.unit or unit:
                text += f" ({each / unit:.2g} evaluations of the function)"
        return f"{text}; {self.reason}" if self.reason else text


@dataclass(slots=True)
class Derivatives:
    """What an optimiser was given, and what it cost; prints as one line for each.

    `function` counts evaluations of the function alone; `supplied` has the derivatives, of which
    `how` says "exact" with a mode, "differences" or "yours".
    """

    function: Supplied
    supplied: list[Supplied] = field(default_factory=list)
    seconds: float = 0.0  # for the whole fit
    choices: list[Choice] = field(default_factory=list)

    def add(self, what: str, how: str, reason: str = "", unit: float = 0.0) -> Supplied:
        """A new line of the report."""
        made = Supplied(what, how, reason, unit)
        self.supplied.append(made)
        return made

    def run(self, solve: Callable[..., R], *args: Any, **options: Any) -> R:
        """Call a solver of SciPy's, and take its time."""
        start = perf_counter()
        found = solve(*args, **options)
        self.seconds += perf_counter() - start
        return found

    def close(self, to_compile: bool = False) -> None:
        """Tell choices what a fit has cost; with `to_compile` the next one tries machine code."""
        for choice in self.choices:
            calls = sum([one.calls for one in self.supplied], self.function.calls)
            choice.note(self.seconds / max(calls, 1))
            choice.is_stale = choice.is_stale or to_compile
        self.choices = []

    @property
    def exact(self) -> bool:
        """Whether SciPy took no derivative by differences."""
        return not any("differences" in one.how for one in self.supplied)

    def __str__(self) -> str:
        unit = self.function.seconds / max(self.function.calls, 1)
        lines = [self.function.line() if self.function.calls else ""]
        lines += [one.line(unit) for one in self.supplied]
        return "\n".join(filter(None, lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in str(self).splitlines())
        return f"<ul>{items}</ul>"
