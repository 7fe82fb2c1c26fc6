"""The choice between exact derivatives and differences, by a trial that later fits remember."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import thread_time
from typing import Any
from weakref import finalize

import numpy as np

from ..array.guards import Guards
from ..core.batch import Shape
from ..core.dual import ForwardTrace, new_trace
from ..core.tape import Tape, new_tape
from ..transforms.functions import code_of
from ..transforms.grad import value_and_grad
from .report import duration

SETUP = 5e-3  # seconds that a first call may take more than the next ones
CHANGED = 8.0  # two fits whose calls take so many times longer, or less, ask for another trial
OFTEN = 8  # operations of a trial from one look at the clock to the next
_BATCH: Any = vars(ForwardTrace)["batch"]
# Earlier choices, by the identity of a function's code, whose hash takes long, and what else they
# depend on.
_known: dict[int, dict[Hashable, Choice]] = {}


@dataclass
class Choice:
    """Exact derivatives or differences, the reason, and the time of one call of the function."""

    exact: bool = True
    reason: str = ""
    unit: float = 0.0
    is_stale: bool = False  # so that the next fit tries again
    each: float = 0.0  # seconds of a call in a fit
    is_odd: bool = False  # whether the last fit took another time, as a busy machine makes it

    def note(self, each: float) -> None:
        """Note the seconds of a call in a fit: a function changes with the data that it sees."""
        slower = self.each and each > CHANGED * self.each
        if slower or (self.exact and CHANGED * each < self.each):
            self.is_stale, self.is_odd = self.is_stale or self.is_odd, True
        else:
            self.each, self.is_odd = each, False


class TooLongError(BaseException):
    """A trial has taken longer than it may; no program catches it."""


class _TapeInTime(Tape):
    """A tape that ends a trial which takes too long."""

    __slots__ = ()

    def __init__(self, stop: float, guards: Guards | None = None) -> None:
        super().__init__(guards)
        append, entries = self.append, self.entries

        def in_time(entry: tuple[Any, ...]) -> None:
            if len(entries) % OFTEN == 0 and thread_time() > stop:
                raise TooLongError
            append(entry)

        self.append = in_time


class _ForwardTraceInTime(ForwardTrace):
    """The same in forward mode, where every operation reads `batch`."""

    __slots__ = ("next", "stop")

    def __init__(self, stop: float, batch: Shape = ()) -> None:
        self.stop, self.next = stop, itertools.count().__next__
        super().__init__(batch)

    @property
    def batch(self) -> Any:
        """The shape of a batch of tangents."""
        if self.next() % OFTEN == 0 and thread_time() > self.stop:
            raise TooLongError
        return _BATCH.__get__(self)

    @batch.setter
    def batch(self, shape: Shape) -> None:
        _BATCH.__set__(self, shape)

    @batch.deleter
    def batch(self) -> None:
        _BATCH.__delete__(self)


@functools.cache
def _warm() -> None:
    """The first derivative of a process takes longer than others, and is not to be timed."""
    value_and_grad(np.sum)(np.ones(1))


def _time(call: Callable[[], Any]) -> float:
    """Seconds of this thread, so that the choice does not depend on what else the machine does."""
    start = thread_time()
    call()
    return thread_time() - start


def _ends_a_trial(error: BaseException | None) -> bool:
    """Whether an error is that of a trial which takes too long, or follows from it."""
    while error is not None and not isinstance(error, TooLongError):
        error = error.__cause__ or error.__context__
    return error is not None


def _trial(call: Callable[[], Any], limit: float) -> float:
    """Seconds of a derivative, or infinity if it takes longer than a limit."""
    stop = thread_time() + limit
    tape = new_tape.set(functools.partial(_TapeInTime, stop))
    forward = new_trace.set(functools.partial(_ForwardTraceInTime, stop))
    try:
        return _time(call)
    except (TooLongError, Exception) as error:  # compiled code may raise another in its place
        if not _ends_a_trial(error):
            raise
        return np.inf
    finally:
        new_tape.reset(tape)
        new_trace.reset(forward)


def remembered(f: Callable[..., Any], evaluations: int, overhead: float) -> Choice | None:
    """The choice of an earlier fit, if it holds."""
    known = _known.get(id(code_of(f)))
    choice = known and known.get((type(f), evaluations, overhead))
    return None if not choice or choice.is_stale else choice


def choose(
    f: Callable[..., Any],
    exact: Callable[[], Any],
    plain: Callable[[], Any],
    evaluations: int,
    overhead: float,
    agree: Callable[[], bool] = lambda: True,
) -> Choice:
    """Whether an exact derivative of f takes less time than differences, by a trial.

    `exact` and `plain` compute the derivative and the function at the start; differences take
    `evaluations` of the function and the seconds `overhead` of SciPy; `agree` says whether they are
    accurate. A derivative that takes longer than differences is left unfinished, so that the trial
    costs little; it is tried once more in the next fit, since first calls are slow.
    """
    code = code_of(f)
    if id(code) not in _known:
        _known[id(code)] = {}
        finalize(code, _known.pop, id(code)).atexit = False
    known = _known[id(code)]
    key = type(f), evaluations, overhead
    earlier = known.get(key)
    unit = min(_time(plain) for _ in range(2))
    _warm()
    loaded, rivals = len(sys.modules), evaluations * unit + overhead
    seconds = _trial(exact, rivals + SETUP)
    if len(sys.modules) > loaded:  # rules, which takes long, and once only
        seconds = _trial(exact, rivals + SETUP)
    is_broken_off = seconds == np.inf
    if rivals < seconds and not is_broken_off:
        seconds = _time(exact)
    is_exact = seconds <= rivals
    reason = (
        f"an exact one takes {'longer' if is_broken_off else duration(seconds)}, {evaluations} "
        f"evaluations of the function take {duration(rivals)}"
    )
    if not is_exact:
        reason += "; jac='exact' asks for exact ones"
        if not is_broken_off and not agree():
            is_exact, reason = True, "differences are inaccurate at the start"
    known[key] = Choice(is_exact, reason, unit, is_stale=is_broken_off and earlier is None)
    return known[key]
