"""Traces, their levels, and the words for taking a value out of its boxes.

| word | gives |
|---|---|
| `unbox(x)` | the plain value behind all levels, for rules; it shares memory with x |
| `observe(x)` | the same for the program, whose course may depend on it: watchers are told |
| `materialize(x)` | an operand without handles: a plain value or a box that does not change |
| `freeze(x)` | an operand as a tape may keep it: never the box that the user holds |
| `to_user(x)` | a value as the user gets it: nobody else holds its memory |

`unbox` and `observe` stand in `array.conversion`, the others here.
"""

from __future__ import annotations

import functools
import itertools
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from contextvars import Context, ContextVar, copy_context
from numbers import Number
from typing import Any

import numpy as np
from numpy import generic, memmap, ndarray

from ..array.box import HOLLOW, RECORDED, Box, is_box, observe
from ..array.kinds import PLAIN, is_foreign, kept
from ..errors import ClosedTraceError, UnsupportedInputError, or_patch, user_line
from .types import Value

_next_level = itertools.count(1).__next__
latest = 0  # the level of the trace that was opened last, in any thread
cancellations = 0  # derivatives that lost digits because eigenvalues or the like nearly coincide
degeneracies = 0  # derivatives that became NaN because eigenvalues or the like coincide
# Weak references to all traces that are open, in any thread. One that is dropped is taken out: an
# interrupt may come between `open` and the care for `close`.
LIVE: set[Any] = set()
# Those that were opened in this context. A copy of a context may hold closed ones.
_opened: ContextVar[Any] = ContextVar("dualdiff_opened", default=())
# The contexts in which threads were started while a trace was open there.
_starters: weakref.WeakKeyDictionary[threading.Thread, Context] = weakref.WeakKeyDictionary()
_is_watching = False
_has_started = False  # whether a thread was started while a trace was open, ever
AT_FIRST: list[Callable[[], None]] = []  # called when the first trace is opened
AT_LAST: list[Callable[[], None]] = []  # called when the last trace of a context is closed


def _watch_threads() -> None:
    """Note where threads are started: a function that is differentiated may leave work to them.

    Python before 3.14 tells a thread nothing of the one that starts it, so `Thread.start` is
    wrapped, once and for all, when the first trace is opened.
    """
    global _is_watching
    _is_watching = True
    start = threading.Thread.start

    @functools.wraps(start)
    def noted_start(thread: threading.Thread) -> None:
        global _has_started
        if LIVE:
            context = starter() if LIVE.isdisjoint(_opened.get()) else copy_context()
            if context is not None:
                _starters[thread] = context
                _has_started = True
        start(thread)

    threading.Thread.start = noted_start  # type: ignore[method-assign, assignment]


def doubts() -> tuple[int, int]:
    """The counts of degeneracies and of cancellations so far."""
    return degeneracies, cancellations


def starter() -> Context | None:
    """The context in which this thread was started, if a trace was open there and still is."""
    if not _has_started or not LIVE:
        return None
    context = _starters.get(threading.current_thread())
    return context if context is not None and LIVE.intersection(context.get(_opened, ())) else None


def is_tracing() -> bool:
    """Whether a derivative is being taken in this context, or by the function that has started
    this thread."""
    if not LIVE:
        return False
    return not LIVE.isdisjoint(_opened.get()) or (_has_started and starter() is not None)


def opened_traces() -> list[Trace]:
    """The open traces of this context, and of the one that started this thread, the outermost
    first."""
    context = starter()
    above = () if context is None else context.get(_opened, ())
    found = [reference() for reference in LIVE.intersection((*_opened.get(), *above))]
    return sorted((trace for trace in found if trace is not None), key=lambda trace: trace.level)


def outermost_level() -> int | None:
    """The level of the first trace that is open in this context, or where this thread was
    started; None if there is none."""
    opened = _opened.get()
    if LIVE.isdisjoint(opened):
        context = starter()
        opened = () if context is None else context.get(_opened, ())
    for reference in opened:  # in the order of their levels
        trace = reference() if reference in LIVE else None
        if trace is not None:
            return trace.level
    return None


def is_set(flag: ContextVar[bool]) -> bool:
    """Whether a flag of derivatives holds here, or where this thread was started."""
    found = flag.get(False)
    if found or not _has_started:
        return found
    context = starter()
    return context is not None and context.get(flag, False)


class Trace:
    """One derivative being taken. Inner traces have the higher `level`."""

    __slots__ = ("__weakref__", "fast", "level", "reference")
    fast: bool  # whether operations may do without `process`
    level: int
    adds: bool = False  # whether `add` does in one step what a read, a sum and a store do
    replays: bool = False  # whether it only writes down a program, below all derivatives

    def open(self) -> None:
        """Take the next level from the global counter."""
        self.fast = True
        global latest
        if not _is_watching:
            _watch_threads()
            for prepare in AT_FIRST:
                prepare()
        self.level = latest = _next_level()
        self.reference = own = weakref.ref(self, LIVE.discard)
        LIVE.add(own)
        _opened.set((*_opened.get(), own))

    def close(self) -> None:
        """End the trace: its boxes are refused from now on."""
        LIVE.discard(self.reference)
        opened = _opened.get()
        if self.reference in opened:
            opened = tuple(filter(LIVE.__contains__, opened))
            _opened.set(opened)
            if AT_LAST and not opened:
                for call in AT_LAST:
                    call()

    @property
    def is_open(self) -> bool:
        """Whether its derivative is still being taken."""
        return self.reference in LIVE

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """Apply a primitive to resolved operands; this is their highest trace."""
        raise NotImplementedError

    def store(self, content: Value, place: Any, v: Value, owned: bool) -> Any:
        """`content` with `v` stored at `place`; works in place on buffers that are `owned`."""
        raise NotImplementedError

    def add(self, content: Value, index: Any, v: Value, owned: bool) -> Any:
        """`content` with `v` added at a basic index; works in place as `store` does."""
        raise NotImplementedError

    def constant(self, value: Value) -> Any:
        """A box of this trace that does not depend on its input."""
        raise NotImplementedError


def closed_error() -> ClosedTraceError:
    """The error for a box whose derivative was taken already."""
    return ClosedTraceError(
        f"a traced array is used after its derivative was taken, {user_line()}. It was kept in "
        f"a variable that outlives the function: return it instead (has_aux=True gives plain "
        f"values), or keep dualdiff.value_of(x)."
    )


class _Stored(Trace):
    """The trace of a box that holds its content, such as an array that was stored into."""

    __slots__ = ()
    fast = False  # operations read the content first


STORED = _Stored()


class Traced(Box):
    """A box that belongs to one trace; `Var` and `Dual` are its kinds.

    It never changes, unless the user stores into it. From then on its `owner` is `STORED`, its
    `value` is the content, a box that nobody else holds, its `payload` says whether it alone holds
    the buffers of the content, and `version` counts the stores.
    """

    __slots__ = ()

    def read(self) -> Any:
        """The content of a box that was stored into, immutable from now on; else the box."""
        if self.owner is not STORED:
            return self
        self.payload = False
        return self.primal

    def snapshot(self) -> Traced:
        """The same content in a box that no user holds."""
        new = object.__new__(type(self))
        new.primal, new.payload, new.owner = self.primal, self.payload, self.owner
        return new


class Reference(Box):
    """A box without a trace of its own: an array for stores, or a view."""

    __slots__ = ()

    def read(self) -> Any:
        """The content, immutable from now on: a plain value or a `Traced` box."""
        raise NotImplementedError


def is_stored(x: Value) -> bool:
    """Whether `x` is a box that holds its content, which stores replace."""
    return issubclass(type(x), Box) and x.owner is STORED


_converter: list[Callable[[Any], Any]] = []
# Types of operands that become plain arrays or boxes first.
CONVERTED: set[type] = {list, tuple, memmap}


def set_object_converter(convert: Callable[[Any], Any]) -> None:
    """Register the function that makes one box of object arrays and lists with boxes (rules live
    above the core)."""
    _converter[:] = [convert]


def materialize(x: Value) -> Any:
    """An operand without references: a plain value or a `Traced` box."""
    kind = type(x)
    if kind is ndarray:
        return materialize(_converter[0](x)) if x.dtype.hasobject else x
    if issubclass(kind, Box):
        return x.read()
    if kind in CONVERTED:
        return materialize(_converter[0](x))
    if issubclass(kind, (Number, generic)):
        return x
    if is_foreign(x):
        return x
    if hasattr(kind, "release"):  # a structured tangent beside a box
        return x.release()
    if is_simple_subclass(kind):
        return materialize(x.view(ndarray))
    if hasattr(kind, "__array__") and not issubclass(kind, ndarray):
        held = x.__array__()
        if is_box(held):
            return materialize(held)
    if issubclass(kind, (list, tuple)):
        return materialize(_converter[0](x))
    raise unsupported(x)


_OTHER_MEANING = (np.matrix, np.ma.MaskedArray, np.recarray)


def is_of_texts(kind: type) -> bool:
    """Whether a class derives from numpy.char.chararray, whose name warns from NumPy 2.5 on."""
    return any(base.__name__ == "chararray" for base in kind.__mro__)


def is_simple_subclass(kind: type) -> bool:
    """Whether a class derived from ndarray has NumPy's operations, without a say in them."""
    own = getattr(kind, "__array_ufunc__", None) is not ndarray.__array_ufunc__
    other = issubclass(kind, _OTHER_MEANING) or is_of_texts(kind)
    return issubclass(kind, ndarray) and not own and not other


def has_own_operators(x: Value) -> bool:
    """Whether an operand is no array but takes arrays on its left, as a unit of measurement."""
    kind = type(x)
    if issubclass(kind, (Number, generic, ndarray, Box)) or kind in CONVERTED or is_foreign(x):
        return False
    if kind in HOLLOW:
        return False
    if kind.__module__.startswith(("jax", "torch")):
        return False  # these have a bridge, which an error names
    return hasattr(kind, "__rmul__") and hasattr(kind, "__array_priority__")


def settle(x: Value) -> Value:
    """`materialize` of a result, which is no list and may be a structured tangent."""
    return materialize(x) if is_box(x) else x


def as_numpy(x: Value) -> Any:
    """A Python number as NumPy's, whose arithmetic gives infinities instead of errors."""
    if type(x) is float:
        return np.float64(x)
    if type(x) in (complex, int):
        return np.asarray(x)[()]
    if type(x) in RECORDED:
        return x
    if issubclass(type(x), Traced) and type(x.primal) is not ndarray:
        value = as_numpy(x.primal)
        if value is not x.primal:
            x = x.snapshot()
            x.primal = value
    return x


def unsupported(x: Value) -> UnsupportedInputError:
    """The error for an operand or argument that is neither a number nor a NumPy array."""
    kind = f"{type(x).__module__}.{type(x).__qualname__}".removeprefix("builtins.")
    instead = {
        "pandas": "pass x.to_numpy()",
        "numpy.ma.": "pass x.filled(value), and apply the mask with np.where or where=",
        "numpy.matrix": "pass np.asarray(x): numpy.matrix changes what * means",
        "scipy.sparse": "write A @ x, A.multiply(x) for a product by elements, or A.toarray()",
        "jax": "pass numpy.asarray(x), or take a function of JAX arrays through dualdiff.from_jax",
        "torch": "pass x.numpy(), or take a function of tensors through dualdiff.from_torch",
    }
    hint = next((h for k, h in instead.items() if kind.startswith(k)), "pass a NumPy array")
    if isinstance(x, ndarray) and not issubclass(type(x), _OTHER_MEANING):  # as one with units
        hint += or_patch(", or run inside `with dualdiff.patch():`")
    return UnsupportedInputError(
        f"a value of type {kind} cannot be differentiated or combined with a traced array, "
        f"{user_line()}; {hint}."
    )


def top_trace(operands: Iterable[Value]) -> Any:
    """The highest trace among resolved operands, or None."""
    top = None
    for a in operands:
        if issubclass(type(a), Traced) and (top is None or a.owner.level > top.level):
            top = a.owner
    return top


def freeze(x: Value) -> Any:
    """A copy of an operand of a lower level for a tape, apart from the box of the user."""
    if issubclass(type(x), Traced):
        return x.snapshot()
    return x if type(x) in PLAIN else kept(x)


def value_of(x: Value) -> Any:
    """The plain value of one array, as a copy; `dualdiff.value_of` takes containers too."""
    made = isinstance(x, ndarray) and type(x) in CONVERTED
    if made or (type(x) is ndarray and x.dtype.hasobject and any(map(is_box, x.flat))):
        x = materialize(x)
    if not is_box(x):
        return x
    x = observe(x)
    if type(x) is not ndarray:
        return kept(x)
    return x.copy(order="K")


def to_user(x: Value) -> Any:
    """A value as the user gets it: nobody else holds its array or its box."""
    if is_box(x):
        x = materialize(x)
    if type(x) is ndarray:
        return x.copy(order="K")
    if issubclass(type(x), Traced):
        return x.snapshot()
    return kept(x)
