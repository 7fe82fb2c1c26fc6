"""A recorded program: its nodes, without those that nothing needs."""

from __future__ import annotations

import operator
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar, copy_context
from functools import cached_property
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box
from ..core.batch import quiet
from ..core.dual import new_trace
from ..core.tape import new_tape
from ..core.trace import STORED, materialize
from ..rules.scipy.sparse.arrays import SparseArray
from ..rules.scipy.sparse.layout import with_data
from ..trees import Structure, flatten
from .caught import Caught, exceptions
from .errors import Looked, Uncertain, Unrecordable
from .forms import is_fixed
from .lifting import Lifting
from .nodes import BURIED, INPUT, STORES, Call, Guard, Pick, Raised, same
from .recorder import Recorder
from .steps import CarefulForward, CarefulTape
from .values import KINDS, Plain, Recorded

recording: ContextVar[bool] = ContextVar("dualdiff_recording", default=False)
_IMMUTABLE = (str, bytes, type(None), float, int, complex, bool, np.generic)
_COMPARED = (ndarray, *_IMMUTABLE, tuple, slice)


class Span:
    """The latest nodes of a recorder; operands from before have become inputs, `outer`."""

    def __init__(self, recorder: Recorder, start: int, own: Sequence[int], out: Any) -> None:
        self.recorder, self.start = recorder, start
        results = [x.payload for x in flatten(out)[0] if type(x) in KINDS]
        operands = recorder.operands[start:]
        self.outer = sorted({r for refs in (*operands, results) for r in refs if 0 <= r < start})
        count = len(self.outer)
        kept = [BURIED if recorder.operations[r] is BURIED else INPUT for r in self.outer]
        self.operations = kept + recorder.operations[start:]
        self.operands = [()] * count + [tuple(map(self.moved, refs)) for refs in operands]
        self.forms = [recorder.forms[r] for r in self.outer] + recorder.forms[start:]
        self.inputs = [*range(count), *map(self.moved, own)]
        self.constants = recorder.constants

    def moved(self, ref: int) -> int:
        """The number of an operand among these nodes."""
        if ref < 0:
            return ref
        return self.outer.index(ref) if ref < self.start else ref - self.start + len(self.outer)

    def ref(self, x: Any) -> int:
        """The number that stands for a result."""
        return self.moved(self.recorder.ref(x))


class Graph:
    """The nodes that results and guards of one run need, in their order.

    `operations[i]` takes the values that `operands[i]` numbers; `forms[i]` is the shape and dtype,
    or the type, of its result. `outputs` are numbers of nodes or constants, and `samples` are the
    results of the run.
    """

    def __init__(self, recorder: Recorder | Span, inputs: Sequence[int], out: Any) -> None:
        self.inputs = list(inputs)
        leaves, self.structure = flatten(out)
        self.outputs: list[int] = []
        self.samples: list[Any] = []
        self.sparse: dict[int, Any] = {}  # SciPy's arrays for the data of sparse results
        for k, leaf in enumerate(leaves):
            if isinstance(leaf, SparseArray):
                leaf = self._data_of(leaf, k)
            if is_box(leaf) or (type(leaf) is ndarray and leaf.dtype.hasobject):
                leaf = materialize(leaf)
            if not (type(leaf) in KINDS or type(leaf) is ndarray or isinstance(leaf, _IMMUTABLE)):
                raise Unrecordable(f"the result holds a {type(leaf).__name__}")
            self.outputs.append(recorder.ref(leaf))
            sample = leaf.raw if type(leaf) in (Recorded, Plain) else leaf
            if k in self.sparse:
                sample = with_data(self.sparse[k], np.array(sample))
            self.samples.append(sample)
        self.operations, self.operands = recorder.operations, recorder.operands
        used = set(map(id, self.operations))
        if id(Raised) in used:
            raise Uncertain("the program catches an exception that depends on its numbers")
        self.forms, self.constants = recorder.forms, recorder.constants
        if id(BURIED) in used and any(self.operations[node] is BURIED for node in self.live):
            raise Unrecordable("the program keeps what a function computed while a solver ran")

    def _data_of(self, x: SparseArray, k: int) -> Any:
        """The data of a sparse result, whose structure is kept."""
        own = x.canonical()
        self.sparse[k] = own.structure
        return own.data

    @cached_property
    def live(self) -> list[int]:
        """The nodes that are needed: what results, guards and varying shapes depend on."""
        operations, operands = self.operations, self.operands
        needed = bytearray(len(operations))
        for ref in self.outputs:
            if ref >= 0:
                needed[ref] = 1
        for node in reversed(range(len(needed))):
            if not needed[node]:
                operation = operations[node]
                own = type(operation) is Guard or operation is INPUT
                if not own and is_fixed(operations, operands, self.forms, node):
                    continue
                needed[node] = 1
            for ref in operands[node]:
                if ref >= 0:
                    needed[ref] = 1
        return [node for node, is_needed in enumerate(needed) if is_needed]

    @property
    def guards(self) -> list[int]:
        """The nodes that are guards."""
        operations = self.operations
        return [node for node in self.live if type(operations[node]) is Guard]

    def repeats(self, other: Graph) -> bool:
        """Whether two recordings are the same program."""
        return (
            self.operands == other.operands
            and self.forms == other.forms
            and self.outputs == other.outputs
            and self.structure == other.structure
            and len(self.operations) == len(other.operations)
            and all(_alike(*pair) for pair in _different(self.operations, other.operations))
            and len(self.constants) == len(other.constants)
            and all(_same_constant(*pair) for pair in _different(self.constants, other.constants))
            and all(map(_same_structure, self.sparse.values(), other.sparse.values()))
        )


def _different(a: Iterable[Any], b: Iterable[Any]) -> list[tuple[Any, Any]]:
    """The pairs of two sequences that are not one object: few are left to compare."""
    return [(x, y) for x, y in zip(a, b, strict=True) if x is not y]


def _same_constant(a: Any, b: Any) -> bool:
    return same(a, b) if isinstance(a, _COMPARED) else type(a) is type(b)


def _same_structure(a: Any, b: Any) -> bool:
    """Whether two sparse arrays have the same places, in the same order."""
    return type(a) is type(b) and a.shape == b.shape and all(
        map(np.array_equal, a.tocoo().coords, b.tocoo().coords)
    )  # fmt: skip


def _alike(a: Any, b: Any) -> bool:
    """Whether two operations of two recordings do the same."""
    if a is b:
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind in STORES:
        return _trees_alike(a.place, b.place)
    if isinstance(a, Call):
        same_function = a.function is b.function or _alike(a.function, b.function)
        return same_function and _trees_alike(a.args, b.args) and _trees_alike(a.kwargs, b.kwargs)
    if kind is Guard:
        return bool(same(a.outcome, b.outcome))
    if kind is Pick:
        return bool(a.path == b.path)
    if isinstance(a, types.FunctionType):
        return a.__code__ is b.__code__
    if isinstance(a, str):
        return bool(a == b)
    return getattr(a, "__func__", a) == getattr(b, "__func__", b)


def _trees_alike(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(_trees_alike, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_trees_alike(v, b[k]) for k, v in a.items())
    return same(a, b) if isinstance(a, _COMPARED) else True


def record(
    f: Callable[..., Any],
    leaves: Sequence[Any],
    structure: Structure,
    dynamic: Sequence[bool],
    eager: Caught | None = None,
    lifting: Lifting | None = None,
) -> Graph:
    """Run `f` on recorded values in place of the dynamic leaves and of the arrays of `lifting`.

    `eager` holds the exceptions of an eager call, if the program may catch some.

    The first attempt traces into every rule. If one looks at numbers, a careful attempt follows, in
    which such rules are called back.
    """
    try:
        return copy_context().run(_record, f, leaves, structure, dynamic, eager, lifting, False)
    except Looked:
        pass
    try:
        return copy_context().run(_record, f, leaves, structure, dynamic, eager, lifting, True)
    except Looked:
        raise Unrecordable("a rule looks at recorded numbers") from None


def _holds(tree: Any, given: Sequence[Any]) -> bool:
    """Whether the containers of the arguments still hold what they were given."""
    leaves = flatten(tree)[0]
    return len(leaves) == len(given) and all(map(operator.is_, leaves, given))


@contextmanager
def _unprinted_looks() -> Iterator[None]:
    """Compiled code of SciPy prints the errors of functions that it calls; a look is none."""
    hook = sys.excepthook

    def print_errors(kind: Any, error: Any, trace: Any) -> None:
        if not issubclass(kind, Looked):
            hook(kind, error, trace)

    sys.excepthook = print_errors
    try:
        yield
    finally:
        sys.excepthook = hook


def _record(
    f: Callable[..., Any],
    leaves: Sequence[Any],
    structure: Structure,
    dynamic: Sequence[bool],
    eager: Caught | None,
    lifting: Lifting | None,
    careful: bool,
) -> Graph:
    recorder = Recorder(careful)
    recording.set(True)
    try:
        if careful:
            new_tape.set(lambda guards: CarefulTape(recorder, guards))
            new_trace.set(lambda batch: CarefulForward(recorder, batch))
        given, inputs = [], []
        boxes: dict[int, Any] = {}  # one for an array that is given twice
        for leaf, is_dynamic in zip(leaves, dynamic, strict=True):
            if is_dynamic:
                box = recorder.input(leaf)
                inputs.append(int(box.payload))
                given.append(boxes.setdefault(id(leaf), box) if type(leaf) is ndarray else box)
            else:
                given.append(leaf)
        lifted = []
        if lifting is not None:
            lifted = [recorder.input(x) for x in lifting.arrays]
            inputs += [int(box.payload) for box in lifted]
            copies = lifting.copies(lifted)
            f, given = copies.of(f), list(map(copies.of, given))
        args, kwargs = structure.unflatten(given)
        with ExitStack() as stack:
            caught = stack.enter_context(warnings.catch_warnings(record=True))
            warnings.simplefilter("always")
            stack.enter_context(quiet())
            stack.enter_context(_unprinted_looks())
            found = stack.enter_context(exceptions(eager is not None))
            out = f(*args, **kwargs)
            if found != eager:
                raise Unrecordable("the program catches an exception that recorded values raise")
            if any(is_box(x) and x.owner is STORED for x in given + lifted) or not _holds(
                (args, kwargs), given
            ):
                raise Unrecordable("the function changes its argument in place")
            graph = Graph(recorder, inputs, out)
        if recorder.broken:
            raise Unrecordable(recorder.broken)
        for warning in caught:
            raise Unrecordable(f"the program warns: {warning.message}")
        return graph
    finally:
        recorder.close()
