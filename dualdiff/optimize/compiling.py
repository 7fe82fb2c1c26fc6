"""Derivatives that are compiled once they have taken enough time to be worth it."""

from __future__ import annotations

import functools
import importlib.util
from collections import OrderedDict
from collections.abc import Callable
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

from ..compiled import Compiled, compile
from .choice import Choice, choose
from .report import Derivatives

# A first compiled call takes as long as 30 to 80 eager ones, and about a second. A derivative that
# has taken three times as long is compiled, so that no fit gets slower by more than a third.
CALLS, SECONDS = 200, 4.0
KEPT = 16  # compiled derivatives that later fits find again
# Seconds that fits have spent on a function and its derivatives, and those of its last derivative.
_spent: WeakKeyDictionary[Any, list[float]] = WeakKeyDictionary()
_made: OrderedDict[Any, Compiled] = OrderedDict()


@functools.cache
def has_llvm() -> bool:
    """Whether machine code can be made."""
    return importlib.util.find_spec("llvmlite") is not None


def is_worth(spent: list[float]) -> bool:
    """Whether fits have spent so much time on a function that compilation is worth it."""
    seconds, last = spent
    return 0.0 < last < (seconds - SECONDS) / CALLS and has_llvm()


class Derivative:
    """A derivative of a function: eager, and compiled when that pays.

    `fun` is the user's function, `what` its derivative, which `make` gives, and `variant` tells
    apart the ways to call it. A function that the user has compiled gets a compiled derivative at
    once.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        what: str,
        make: Callable[[], Callable[..., Any]],
        variant: str = "",
    ) -> None:
        self.what, self.make, self.key = what, make, (fun, what, variant)
        self.eager: Callable[..., Any] | None = None
        self.on_trial = False
        self.fast: Compiled | None = None
        try:
            self.spent = _spent.setdefault(fun, [0.0, 0.0])
            self.fast = _made.get(self.key)
            self.is_kept = True
        except TypeError:  # no hash, or no weak references
            self.spent, self.is_kept = [0.0, 0.0], False
        if self.fast is None and isinstance(fun, Compiled):
            self.fast = self._compiled(verify=fun.verify, **fun.options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.fast is not None:
            return self.fast(*args, **kwargs)
        if self.eager is None:
            self.eager = self.make()
        start = perf_counter()
        try:
            found = self.eager(*args, **kwargs)
        finally:  # a trial may break off
            self.spent[1] = perf_counter() - start
            self.spent[0] += self.spent[1]
        if is_worth(self.spent) and not self.on_trial:
            self.compile()
        return found

    def choose(self, f: Callable[..., Any], exact: Callable[[], Any], *rivals: Any) -> Choice:
        """`choose`, with a derivative that is compiled before its time is taken, if at all."""
        if is_worth(self.spent):
            self.compile()
        if self.fast is not None and not self.fast.tables:
            for _ in range(3):  # until nothing is checked any more
                exact()
        self.on_trial = True
        try:
            return choose(f, exact, *rivals)
        finally:
            self.on_trial = False

    def compile(self) -> None:
        """Use a compiled derivative from now on. If it cannot be compiled, it stays eager."""
        self.fast = self._compiled()
        self.fast.warns = False
        self.spent[1] = 0.0  # once is enough

    def _compiled(self, **options: Any) -> Compiled:
        made: Compiled = compile(self.make(), **options)
        if self.is_kept:
            _made[self.key] = made
            while len(_made) > KEPT:
                _made.popitem(last=False)
        return made

    @property
    def is_fast(self) -> bool:
        """Whether there is machine code."""
        return self.fast is not None and any(t.recordings for t in self.fast.tables.values())


def close(report: Derivatives, fun: Callable[..., Any], problem: Any) -> None:
    """Note at the end of a fit what it has cost, and which of its derivatives were compiled."""
    for one in report.supplied:
        if one.how.startswith("exact"):
            made = [m for m in vars(problem).values() if isinstance(m, Derivative) and m.is_fast]
            one.is_compiled = one.what in [m.what for m in made]
    try:
        spent = _spent.get(fun)
    except TypeError:  # no hash, or no weak references
        spent = None
    if spent is not None:
        spent[0] += report.function.seconds
    report.close(to_compile=spent is not None and is_worth(spent))


def program_of(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself, if the user has compiled it."""
    return fun.f if isinstance(fun, Compiled) else fun
