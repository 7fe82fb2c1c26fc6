"""Compiled functions: their recordings, when one of them is replayed, and when none is."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import random
import threading
import time
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..core.types import Value
from ..errors import line_text
from ..trees import Structure, flatten
from . import solvers as solvers  # it registers itself
from .captures import Captures
from .caught import Caught, exceptions
from .comparisons import equal_arrays
from .entry import MISSED, entry, is_silent
from .errors import CompileError, CompileWarning, Uncertain, Unrecordable, text_of
from .graph import Graph, recording
from .lifting import Lifting
from .nodes import Guard
from .recordings import SUSPECT, Recording, run
from .report import Report
from .runs import Run
from .signature import (
    Held,
    all_close,
    classes_of,
    has_surprise,
    have_changed,
    is_dynamic,
    is_object,
    is_traced,
    key_of,
    same_state,
)
from .source import Miss
from .storage import write

MOST_RECORDINGS = 16
WINDOW, MOST_MISSES = 64, 16  # of the last calls so many may miss
WORTH = 2e-4  # seconds of an eager call from which a replay must take less
NEAR = 1.25  # times of replays and eager calls as close as that are measured again
SIGNATURES = 256  # most that are remembered
_mutex = threading.RLock()


class Table:
    """The recordings of one signature of the arguments."""

    def __init__(self, captures: Captures | None, reason: str = "") -> None:
        self.hold(captures)
        self.recordings: list[Recording] = []
        self.recorded = self.misses = self.eager_calls = self.replays = 0
        self.window: deque[bool] = deque(maxlen=WINDOW)
        self.reason = reason  # why calls are eager
        self.guards: dict[str, int] = {}  # misses by line
        self.record_seconds = 0.0
        self.entry: tuple[Any, Any] = None, None  # a recording and the shortest way into it

    def hold(self, captures: Captures | None, lifts: bool = True) -> None:
        """Take what a search for state has found; large arrays become inputs if `lifts`."""
        self.captures = captures
        self.lifting = Lifting(captures) if captures is not None and lifts else None


class Compiled:
    """A function that replays recordings of another; `compile` makes it."""

    is_compiled = True
    warns = True  # when it gives up

    def __init__(self, f: Callable[..., Any], **options: Any) -> None:
        if not callable(f):
            raise TypeError(f"compile takes a function, not a {type(f).__name__}")
        functools.update_wrapper(self, f, updated=())
        self.f, self.options = f, options
        self.verify = options.pop("verify")
        self.tables: OrderedDict[Any, Table] = OrderedDict()
        self.quick: Callable[[tuple[Any, ...]], Any] | None = None

    def __reduce__(self) -> Any:
        return _rebuild, (self.f, {"verify": self.verify, **self.options})

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<compiled {getattr(self.f, '__name__', self.f)}>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all recordings to a file, from which `dualdiff.load_compiled` takes them.

        Raises: CompileError if there are none, or if one holds what cannot be written.
        """
        name, tables = getattr(self.f, "__name__", repr(self.f)), []
        for key, table in self.tables.items():
            if not table.recordings or any(type(part) is Held for part in key[1]):
                continue  # an object among the arguments counts by its identity
            assert table.captures is not None
            if not table.captures.unchanged():
                raise CompileError(f"since the last call {table.captures.changed()} has changed")
            tables.append((key, table.captures.marks(), table.recordings))
        if not tables:
            raise CompileError(f"{name} has no recordings to save: call it first. {self.report()}")
        write(path, name, self.options, tables)

    def report(self) -> Report:
        """How calls were answered: recordings, guards, call-backs, and why some stay eager."""
        return Report(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        quick = self.quick
        if quick is not None and not kwargs:
            out = quick(args)
            if out is not MISSED:
                return out
        return self.general(args, kwargs)

    def general(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call with any arguments."""
        if recording.get() or not is_silent():
            return self.f(*args, **kwargs)  # inside another recording, or errors are raised
        leaves, structure = flatten((args, kwargs))
        key = key_of(args, kwargs, leaves, structure)
        try:
            table = self.tables.get(key)
        except TypeError:  # an argument without a hash
            return self.f(*args, **kwargs)
        if table is None:
            if any(map(is_traced, leaves)):
                return self.f(*args, **kwargs)
            with _mutex:
                table = self.tables.get(key) or self._new_table(key, leaves)
        if table.reason:
            table.eager_calls += 1
            return self.f(*args, **kwargs)
        if not table.recordings:
            return self._first(table, leaves, structure, args, kwargs)
        assert table.captures is not None
        if table.captures.may_hold(leaves):
            return self._eager(table, args, kwargs)
        start = time.thread_time()
        if not table.captures.unchanged():
            return self._changed(table, leaves, structure, args, kwargs)
        dynamic = [x for x in leaves if is_dynamic(x)]
        try:
            found = self._replayed(table, dynamic)
        except Unrecordable as error:
            table.reason = str(error)
            return self._eager(table, args, kwargs)
        if found is None:
            return self._missed(table, leaves, structure, args, kwargs)
        recorded, values = found
        if recorded.checks or self.verify:
            spent = time.thread_time() - start
            return self._compared(table, recorded, values, spent, args, kwargs)
        if values is SUSPECT:
            return self._eager(table, args, kwargs)
        is_settled = recorded.program.is_settled  # else its code and memory are about to change
        if is_settled and not (kwargs or any(map(is_object, leaves))):
            if table.entry[0] is not recorded:
                table.entry = recorded, entry(recorded, table.captures, args)
            self.quick = table.entry[1]
        return recorded.structure.unflatten(values)

    def ready(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The recording that would be replayed first, past its checks, and the numbers for it."""
        leaves, structure = flatten((args, kwargs))
        key = key_of(args, kwargs, leaves, structure)
        table = None if recording.get() or self.verify else self.tables.get(key)
        first = next(iter(table.recordings), None) if table is not None else None
        if table is None or first is None or first.checks:
            return None
        assert table.captures is not None
        if not table.captures.unchanged():
            return None
        return first, [x for x in leaves if is_dynamic(x)]

    # One call.

    def _replayed(self, table: Table, dynamic: Sequence[Any]) -> Any:
        """A recording whose guards hold, and its results; None if there is none."""
        known = table.recordings.copy()  # other threads may give up meanwhile
        tried: list[Recording] = []
        current = known[0] if known else None
        while current is not None:
            missed = run(current, dynamic)
            if type(missed) is not Miss:
                if tried:
                    with _mutex:
                        if current in table.recordings:
                            table.recordings.remove(current)
                            table.recordings.insert(0, current)
                current.replays += 1
                return current, missed
            tried.append(current)
            guard = current.guards.get(missed.guard)
            last, current = current, None
            for other in known:
                if other in tried:
                    continue
                if guard is None or last.agrees_until(missed.guard, other):
                    current = other
                    break
            if current is None:
                where = _line_of(guard)
                table.guards[where] = table.guards.get(where, 0) + 1
        return None

    def _eager(self, table: Table, args: Any, kwargs: Any) -> Any:
        table.eager_calls += 1
        return self.f(*args, **kwargs)

    def _compared(
        self,
        table: Table,
        recorded: Recording,
        values: Any,
        spent: float,
        args: Any,
        kwargs: Any,
    ) -> Any:
        """The eager result of a call whose replay is checked, and took the seconds `spent`."""
        start = time.thread_time()
        out = self._eager(table, args, kwargs)
        eager = time.thread_time() - start
        if values is SUSPECT:
            return out
        recorded.checks = max(0, recorded.checks - 1)
        if not recorded.checks:
            recorded.program.improve()
        leaves, structure = flatten(out)
        if structure != recorded.structure or not all_close(values, leaves):
            self._give_up(
                table,
                "a replay differs from an eager call: the function depends on more than its "
                "arguments and the state that it refers to",
            )
            return out
        recorded.spent, recorded.eager = min(recorded.spent, spent), min(recorded.eager, eager)
        if self.verify or recorded.checks or not recorded.program.is_settled:
            return out  # code that is not ready yet will take less
        worth = WORTH / 20 if recorded.solves else WORTH
        less, more = sorted((recorded.spent, recorded.eager))
        if recorded.eager > worth and more < NEAR * less and recorded.further:
            recorded.further -= 1
            recorded.checks = 1
        elif recorded.spent > recorded.eager > worth:
            # As for products of matrices, which NumPy does best.
            table.reason = "a replay takes no less time than an eager call"
            table.recordings.clear()
        return out

    def _first(
        self, table: Table, leaves: Sequence[Any], structure: Structure, args: Any, kwargs: Any
    ) -> Any:
        """An eager call, followed by a recording at its point."""
        before = [x.copy() if type(x) is ndarray else x for x in leaves]
        lifted = table.captures.released if table.captures is not None else []
        copies = [x.copy() for x in lifted]
        state = np.random.get_state()  # noqa: NPY002
        text_state = random.getstate()
        watch = table.captures is not None and table.captures.has_handlers
        with warnings.catch_warnings(record=True) as caught, exceptions(watch) as raised:
            warnings.simplefilter("always")
            out = self._eager(table, args, kwargs)
        for warning in caught:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
        drew = not same_state(state, text_state) or (table.captures and table.captures.drew())
        if drew:
            table.reason = "the function draws random numbers; pass them as an argument"
        elif have_changed(leaves, before, structure, (args, kwargs)):
            table.reason = "the function changes its argument in place"
        elif caught:
            self._count_recording(table, f"the program warns: {caught[0].message}")
        elif table.captures is not None and not table.captures.unchanged():
            table.reason = f"the function changes state of its own: {table.captures.changed()}"
        elif not all(map(equal_arrays, lifted, copies)):
            table.reason = "the function changes an array that it refers to"
        else:
            self._record(table, leaves, structure, out, raised)
            if table.captures is not None and not table.captures.unchanged():
                self.f(*args, **kwargs)  # its state may hold recorded values
        return out

    def _missed(
        self, table: Table, leaves: Sequence[Any], structure: Structure, args: Any, kwargs: Any
    ) -> Any:
        self._count_miss(table)
        full = table.recorded >= MOST_RECORDINGS
        if full or list(table.window).count(False) > MOST_MISSES:
            lines = sorted(table.guards, key=lambda k: -table.guards[k])
            self._give_up(
                table,
                f"its course depends on numbers {lines[0] if lines else ''}, which differ from "
                f"call to call. Write np.where, or compile a smaller part",
            )
            return self._eager(table, args, kwargs)
        return self._first(table, leaves, structure, args, kwargs)

    def _changed(
        self, table: Table, leaves: Sequence[Any], structure: Structure, args: Any, kwargs: Any
    ) -> Any:
        """A call after the state that the function refers to has changed."""
        what = table.captures.changed() if table.captures is not None else ""
        self._count_miss(table)
        table.recordings.clear()
        if table.recorded >= MOST_RECORDINGS or list(table.window).count(False) > MOST_MISSES:
            self._give_up(table, f"{what} changes from call to call; pass it as an argument")
            return self._eager(table, args, kwargs)
        try:
            lifts = table.lifting is not None
            table.hold(Captures(self._roots(leaves, structure)), lifts)
        except Unrecordable as error:
            table.reason = str(error)
        if table.reason:
            return self._eager(table, args, kwargs)
        return self._first(table, leaves, structure, args, kwargs)

    def _count_miss(self, table: Table) -> None:
        self.quick = None
        table.misses += 1
        replays = sum(r.replays for r in table.recordings)
        table.window.extend([True] * min(WINDOW, max(0, replays - table.replays)))
        table.window.append(False)
        table.replays = replays

    # Recordings.

    def _new_table(self, key: Any, leaves: Sequence[Any]) -> Table:
        try:
            made = Table(Captures(self._roots(leaves, key[0])))
        except Unrecordable as error:
            made = Table(None, str(error))
        except Exception as error:  # of an object's own code
            made = Table(None, f"{type(error).__name__} while its state was searched: {error}")
        self.tables[key] = made
        while len(self.tables) > SIGNATURES:
            self.tables.popitem(last=False)
        return made

    def _roots(self, leaves: Sequence[Any], structure: Structure) -> list[Any]:
        """Where the search for state begins."""
        return [self.f, *filter(is_object, leaves), *classes_of(structure)]

    def _count_recording(self, table: Table, reason: str) -> None:
        table.recorded += 1
        if table.recorded >= MOST_RECORDINGS:
            self._give_up(table, reason)

    def _record(
        self,
        table: Table,
        leaves: Sequence[Any],
        structure: Structure,
        out: Any,
        raised: Caught | None,
    ) -> None:
        """Record the program twice, compare, and keep it."""
        assert table.captures is not None
        eager, form = flatten(out)
        if any(map(has_surprise, eager)):
            return  # NaN or infinity: this point is no example
        start = time.perf_counter()
        dynamic = [is_dynamic(x) for x in leaves]
        try:
            with _mutex, _without_collections():
                run = Run(self.f, leaves, structure, dynamic, raised, eager, form)
                graph, lifted = self._graph(table, run)
                if not table.captures.unchanged():
                    raise Unrecordable(
                        f"the function changes state of its own: {table.captures.changed()}"
                    )
                made = Recording(graph, eager, self.options, lifted)
                table.captures.release(lifted)
        except Uncertain as error:
            self._count_recording(table, str(error))
            return
        except Exception as error:
            table.reason = f"{error}" if isinstance(error, Unrecordable) else text_of(error)
            return
        finally:
            table.record_seconds += time.perf_counter() - start
        table.recordings.insert(0, made)
        table.recorded += 1

    def _graph(self, table: Table, run: Run) -> tuple[Graph, list[ndarray]]:
        """The graph of a run, and the captured arrays that are inputs of it."""
        lifting = table.lifting
        if lifting is not None and lifting.arrays:
            try:
                graph = run.lifted(lifting)
            except Exception:  # of the program, which may take no recorded value for an array
                graph = None  # the recording below raises what is not due to that
            if graph is not None:
                return graph, lifting.arrays
        assert table.captures is not None
        captures = table.captures
        if captures.released:  # recordings without a comparison do not go with one that needs it
            table.recordings.clear()
            captures = Captures(self._roots(run.leaves, run.structure))
        table.hold(captures, lifts=False)
        return run.plain(), []

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """Record and compile for arguments like these, and run the function once."""
        self(*args, **kwargs)

    def _give_up(self, table: Table, why: str) -> None:
        self.quick = None
        table.reason = why
        table.recordings.clear()
        if not self.warns:
            return
        name = getattr(self.f, "__name__", repr(self.f))
        warnings.warn(
            f"the compiled function {name} runs eagerly from now on: {why}",
            CompileWarning,
            stacklevel=4,
        )


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Keep the collector of garbage from going through all nodes again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _rebuild(f: Any, options: dict[str, Any]) -> Compiled:
    return Compiled(f, **options)


def _line_of(guard: Guard | None) -> str:
    return line_text(*guard.where) if guard is not None else "in the shapes of its values"


def compile(
    f: Callable[..., Any] | None = None,
    /,
    *args: Value,
    verify: bool = False,
    fastmath: bool = False,
    backend: str | None = None,
) -> Any:
    """A function that records `f` once, and replays the recording as fast code.

    Arguments: `f`, a function of NumPy arrays and numbers, in containers if you like; it may take
    derivatives, and may itself be an operator's result such as ``dd.value_and_grad(loss)``;
    further positional arguments, for which it is recorded at once; `verify`, to compare every call
    with the eager one; `fastmath`, to let native code reorder sums and fuse multiplications and
    additions; `backend`, "python" or "llvm" (None: llvm if llvmlite is installed).
    Returns: a function of the same arguments with the same results. `report()` says how it
    answers its calls. Without `f`, a decorator.
    Raises: TypeError if `f` is no function. What f raises, the compiled function raises.

    Conditions, integers and indices that depend on the arguments are checked at each call; where
    they differ, another recording is made. State that f refers to is compared at each call. A call
    with a NaN or infinity in its result is answered by f itself. docs/compile.md has the limits.

    >>> import numpy as np, dualdiff as dd
    >>> g = dd.compile(dd.value_and_grad(lambda x: np.sum(x**2)))
    >>> g(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    options: dict[str, Any] = {"verify": verify, "fastmath": fastmath, "backend": backend}
    if f is None:
        return functools.partial(compile, **options)
    made = Compiled(f, **options)
    if args:
        made.prepare(*args)
    return made
