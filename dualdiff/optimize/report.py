"""The derivatives that an optimiser was given, and their cost."""

from __future__ import annotations

import functools
import html
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter, thread_time
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from ..transforms.grad import value_and_grad
from ..transforms.inputs import code_of

R = TypeVar("R")


def duration(seconds: float) -> str:
    """A time as text."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


@dataclass
class Supplied:
    """One function that SciPy was given: `what` it is, `how` it is computed, why, and its cost."""

    what: str
    how: str
    reason: str = ""
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

    def counted(self, calls: int, unit: float) -> None:
        """Note calls that nothing timed, each of which takes `unit` seconds."""
        self.calls += calls
        self.seconds += calls * unit

    def line(self, unit: float | None = None) -> str:
        """One line of the report; `unit` is the time of one evaluation of the function."""
        text = f"{self.what}: {self.how}" if self.how else self.what
        text += ", compiled" if self.is_compiled else ""
        if self.calls:
            each = self.seconds / self.calls
            text += f"; {self.calls} calls, {duration(each)} each"
            if unit:
                text += f" ({each / unit:.2g} evaluations of the function)"
        return f"{text}; {self.reason}" if self.reason else text


@dataclass
class Derivatives:
    """What an optimiser was given, and what it cost; prints as one line for each.

    `function` counts evaluations of the function alone; `supplied` has the derivatives, of which
    `how` says "exact" with a mode, "differences" or "yours".
    """

    function: Supplied
    supplied: list[Supplied] = field(default_factory=list)
    unit: float | None = None

    def add(self, what: str, how: str, reason: str = "") -> Supplied:
        """A new line of the report."""
        made = Supplied(what, how, reason)
        self.supplied.append(made)
        return made

    @property
    def exact(self) -> bool:
        """Whether SciPy took no derivative by differences."""
        return not any("differences" in one.how for one in self.supplied)

    def __str__(self) -> str:
        unit = self.unit
        if unit is None and self.function.calls:
            unit = self.function.seconds / self.function.calls
        lines = [self.function.line() if self.function.calls else ""]
        lines += [one.line(unit) for one in self.supplied]
        return "\n".join(filter(None, lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in str(self).splitlines())
        return f"<ul>{items}</ul>"


@dataclass(frozen=True)
class Choice:
    """Exact derivatives or differences, the reason, and the times of one evaluation of each."""

    exact: bool
    reason: str = ""
    unit: float | None = None
    seconds: float = 0.0


SETUP = 3e-2  # seconds that a first call may take more than the next ones
# Earlier choices, by the code of the function, the number of parameters and the kind of derivative.
_known: WeakKeyDictionary[Any, dict[tuple[int, float, bool], Choice]] = WeakKeyDictionary()


@functools.cache
def _warm() -> None:
    """The first derivative of a process takes longer than others, and is not to be timed."""
    value_and_grad(np.sum)(np.ones(1))


def _time(call: Callable[[], Any]) -> float:
    """Seconds of this thread, so that the choice does not depend on what else the machine does."""
    start = thread_time()
    call()
    return thread_time() - start


def cheaper(
    f: Callable[..., Any],
    exact: Callable[[], Any],
    plain: Callable[[], Any],
    evaluations: int,
    overhead: float,
    agree: Callable[[], bool] = lambda: True,
    is_compiled: bool = False,
) -> Choice:
    """Whether an exact derivative of f takes less time than differences.

    `exact` and `plain` compute the derivative and the function at the start; differences take
    `evaluations` of the function and the seconds `overhead` of SciPy; `agree` says whether they are
    accurate. A choice holds for later fits, as long as the time of one evaluation confirms it.
    """
    key = evaluations, overhead, is_compiled
    known = _known.setdefault(code_of(f), {})
    unit = _time(plain)
    if choice := known.get(key):
        for again in (False, True):
            unit = min(unit, _time(plain)) if again else unit
            if choice.exact == (choice.seconds <= evaluations * unit + overhead):
                return Choice(choice.exact, choice.reason, unit, choice.seconds)
    _warm()
    loaded = len(sys.modules)
    seconds = _time(exact)
    has_loaded = len(sys.modules) > loaded  # rules, which takes long, and once only
    rivals = evaluations * unit + overhead
    if rivals < seconds and (has_loaded or seconds < 3 * rivals + SETUP):
        unit, seconds = min(unit, _time(plain)), min(seconds, _time(exact))
    rivals = evaluations * unit + overhead
    is_exact = seconds <= rivals
    reason = (
        f"an exact one takes {duration(seconds)}, {evaluations} evaluations of the function take "
        f"{duration(rivals)}" + ("" if is_exact else "; jac='exact' asks for exact ones")
    )
    if not is_exact and not agree():
        is_exact, reason = True, "differences are inaccurate at the start"
    known[key] = Choice(is_exact, reason, unit, seconds)
    return known[key]
