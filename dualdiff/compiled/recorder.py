"""The recorder: the lowest trace, under all derivatives, which writes down each operation.

A recording is a list of nodes. A node is a callable and the numbers of its operands: a number
n >= 0 stands for the result of node n, and -1 - k for constant k. Derivatives are no special case:
the rules run on recorded values, and their operations become nodes as well.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import repeat
from sys import getrefcount
from threading import get_ident
from typing import Any

import numpy as np
from numpy import float64, ndarray

from ..array.box import is_box
from ..array.conversion import RECORDERS
from ..array.indexing import GETITEM
from ..array.layout import copy_with_strides
from ..core.batch import of_integers
from ..core.calls import OpaqueCall
from ..core.primitive import Known
from ..core.trace import STORED, Trace
from ..core.types import Value
from ..errors import user_frame
from .errors import Looked, Unrecordable
from .formulas import FORMULAS
from .nodes import (
    ATOMS,
    BURIED,
    INPUT,
    Add,
    Call,
    Guard,
    Hole,
    Method,
    Pick,
    Raised,
    Store,
    filled,
    identity,
    same,
    with_holes,
)
from .operators import give_operators
from .values import KINDS, Plain, Recorded, boxed, guarded, raw_of

give_operators()
_LEAVES = (ndarray, np.generic, float, complex, int, bool)
LARGE = 200  # elements of an array whose copy takes longer than the question whether it is needed
SOLVED: list[Callable[..., Any]] = []  # `solvers.solved`, which knows this module
_holes = lru_cache(lambda count: tuple(map(Hole, range(count))))  # of operands in their order
_FIRST = Hole(0)
_SIZES = frozenset((int, type(None)))
_HASHED = frozenset((float, int, bool, float64, str, tuple, type(None)))


class Recorder(Trace):
    """Writes the operations of one run of a program as nodes.

    `operations`, `operands` and `samples` are lists with an element per node; a sample is the
    result of this run, of which only type, shape and dtype are kept.
    """

    adds = replays = True
    __slots__ = (
        "_arrays",
        "_constants",
        "broken",
        "constants",
        "depth",
        "forms",
        "holds_steps",
        "looks",
        "operands",
        "operations",
        "thread",
    )

    def __init__(self, careful: bool = False) -> None:
        self.operations: list[Any] = []
        self.operands: list[tuple[int, ...]] = []
        self.forms: list[Any] = []
        self.constants: list[Any] = []
        self._constants: dict[Any, int] = {}
        self._arrays: dict[int, tuple[ndarray, int]] = {}
        self.depth = 0  # of rules that may be rolled back
        self.looks = 0
        self.holds_steps = careful
        self.thread = get_ident()
        self.broken = ""  # why the recording is of no use
        self.open()
        self.fast = False
        RECORDERS.append(self)

    def close(self) -> None:
        super().close()
        self.thread = 0
        RECORDERS[:] = [r for r in RECORDERS if r is not self]

    # Nodes.

    def append(self, operation: Any, operands: tuple[int, ...], ans: Any) -> int:
        """Append a node and return its number."""
        if get_ident() != self.thread:
            if not self.thread:
                raise Unrecordable("a recorded value is used after its recording")
            self.broken = "threads of the program compute with its arguments"
        operations = self.operations
        node = len(operations)
        operations.append(operation)
        self.operands.append(operands)
        self.forms.append((ans.shape, ans.dtype) if type(ans) is ndarray else type(ans))
        return node

    def input(self, value: Value) -> Recorded:
        """A box for an argument."""
        if type(value) is ndarray:
            value = value.copy(order="K") if value.flags.forc else copy_with_strides(value)
            value.flags.writeable = False
        return boxed(value, self.append(INPUT, (), value), self)

    def constant_ref(self, x: Value) -> int:
        """The number that stands for a constant operand."""
        kind = type(x)
        if kind is ndarray:
            known = self._arrays.get(id(x))
            if known is not None and known[0] is x:
                held = self.constants[-1 - known[1]]
                if same(held, x):
                    return known[1]
            held = x.copy(order="K") if x.flags.forc else copy_with_strides(x)
            held.flags.writeable = False
            ref = self._append_constant(held)
            self._arrays.pop(id(x), None)  # the newest stand at the end
            self._arrays[id(x)] = (x, ref)
            return ref
        if kind not in _HASHED or (kind is tuple and not of_integers(x)):
            return self._append_constant(x)
        key = (kind, x, str(x)) if x == 0 or x != x else (kind, x)  # the sign of a zero
        ref = self._constants.get(key, 0)
        if not ref:
            ref = self._constants[key] = self._append_constant(x)
        return ref

    def _append_constant(self, x: Value) -> int:
        self.constants.append(x)
        return -len(self.constants)

    def ref(self, x: Value) -> int:
        """The number that stands for an operand."""
        kind = type(x)
        if kind is Recorded or kind is Plain:
            if x.owner is not self:
                raise Unrecordable("a value of another recording is used")
            return x.payload
        if kind not in ATOMS and is_box(x):
            raise Unrecordable("an operand is a traced value of another kind")
        return self.constant_ref(x)

    def raised(self, error: Exception) -> None:
        """Note that an operation raises an error that other numbers may not raise."""
        if not isinstance(error, (TypeError, AttributeError, Unrecordable)):
            self.append(Raised, (), None)

    def evaluated(self, function: Callable[..., Any], *operands: Any) -> Any:
        """A function of plain values; an error that it raises is noted."""
        try:
            return function(*operands)
        except Exception as error:  # of any kind: it goes on to the program
            self.raised(error)
            raise

    def apply(self, function: Any, args: Any, kwargs: Any, method: Any = None) -> Any:
        """A function of recorded values and constants, evaluated and written down."""
        operation, operands, raws, call = _operation(function, args, kwargs, method)
        return self.computed(operation, tuple(map(self.ref, operands)), raws, call)

    def computed(
        self, operation: Any, refs: tuple[int, ...], raws: Sequence[Any], call: Any = None
    ) -> Any:
        """The result of a new node; `call` does what its operation does, at a lower cost."""
        ans = self.evaluated(call or operation, *raws)
        return self.wrap(ans, self.append(operation, refs, ans), raws)

    def apply_function(self, function: Any, args: Any, kwargs: Any) -> Any:
        """A NumPy function of boxes; NotImplemented if its result is a view or it writes."""
        operation, operands, raws, call = _operation(function, args, kwargs)
        locked, count = _lock(args, []), len(self.operations)
        try:
            ans = self.evaluated(call, *raws)
        except ValueError as error:
            if "read-only" not in f"{error} {error.__cause__!r}":
                raise
            self.forget(count, len(self.constants))
            return NotImplemented  # the rule of the function writes
        finally:
            for a in locked:
                a.flags.writeable = True
        if _is_view(ans, raws):
            return NotImplemented
        return self.wrap(ans, self.append(operation, tuple(map(self.ref, operands)), ans), raws)

    def structural(self, function: Any, args: Any, kwargs: Any) -> Any:
        """A function that reads nothing but form."""
        leaves: list[Any] = []
        tree = with_holes((tuple(args), dict(kwargs)), leaves)
        args, kwargs = filled(tree, [x.raw for x in leaves])
        return function(*args, **kwargs)

    def forget(self, nodes: int, constants: int) -> None:
        """Roll back to an earlier state."""
        del self.operations[nodes:], self.operands[nodes:], self.forms[nodes:]
        if constants < len(self.constants):
            del self.constants[constants:]
            keep = -constants
            while self._constants and self._constants[next(reversed(self._constants))] < keep:
                self._constants.popitem()
            while self._arrays and self._arrays[next(reversed(self._arrays))][1] < keep:
                self._arrays.popitem()

    def bury(self, nodes: int, constants: int) -> None:
        """Roll back nodes of which the program may keep boxes: their numbers are not used again."""
        count = len(self.operations) - nodes
        self.operations[nodes:], self.operands[nodes:] = [BURIED] * count, [()] * count
        self.forms[nodes:] = [None] * count
        self.forget(nodes + count, constants)

    def wrap(self, ans: Any, node: int, raws: Sequence[Any] = ()) -> Any:
        """The result of a node as recorded values."""
        kind = type(ans)
        if kind is float64:
            return boxed(ans, node, self)
        if kind is ndarray:
            if ans.flags.writeable and not any(map(operator.is_, raws, repeat(ans))):
                ans.flags.writeable = False
            return boxed(ans, node, self) if ans.dtype.kind in "fc" else Plain(ans, node, self)
        if isinstance(ans, _LEAVES):
            return boxed(ans, node, self) if _kind_of(ans) in "fc" else Plain(ans, node, self)
        if ans is None:
            return None
        if isinstance(ans, (tuple, list)):
            parts: list[Any] = []
            for i, part in enumerate(ans):
                if part is None:
                    parts.append(None)
                    continue
                index = self.append(Pick((i,)), (node,), part)
                parts.append(self.wrap(part, index, raws))
            kind = type(ans)
            return kind(parts) if kind in (tuple, list) else kind(*parts)
        raise Unrecordable(f"a function returned a {type(ans).__name__}")

    def solved(self, solver: Any, args: Any, kwargs: Any) -> Any:
        """The result of a solver of SciPy's; None if it reads nothing that is recorded."""
        return SOLVED[0](self, solver, args, kwargs)

    # The program's course.

    def leave(self, x: Plain, look: Callable[[Any], Any] | None = None) -> Any:
        """A value that leaves the recording: a guard for decisions and integers and, where no rule
        of dualdiff can be called back, for others."""
        if not self.thread:
            raise Unrecordable("a recorded value is used after its recording")
        try:
            outcome = look(x.raw) if look is not None else x.raw
        except Exception as error:  # as int() of an infinity; it goes on to the program
            if look is not bool:  # which depends on the shape alone
                self.raised(error)
            raise
        if look is None:
            self.looks += 1
            if self.depth or not self.holds_steps:
                raise Looked
        guard = Guard(outcome, look, user_frame())
        self.append(guard, (self.ref(x),), outcome)
        return outcome

    # The calls of dualdiff.

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        if prim is GETITEM:
            return self.part(_settled(args[0]), params["index"])
        if isinstance(prim, OpaqueCall):
            prim.level = self.level + 1
            return prim.evaluate(args, params)
        args = tuple(map(_settled, args))
        if params and type(params.get("made")) is Known:  # NumPy's own value, beside a formula
            made = params["made"].value
            return made if type(made) in KINDS else args[0]
        if prim.formula is not None and prim.name not in FORMULAS:
            return self.written_out(prim, args)
        return self.apply(prim.fn, args, without_known(params))

    def part(self, x: Any, index: Any) -> Any:
        """``x[index]``; most indices are whole numbers and slices of them."""
        if index is None or index is Ellipsis or not _is_fixed(index):
            return self.apply(operator.getitem, (x, index), {})
        raw = x.raw
        ans = self.evaluated(operator.getitem, raw, index)
        if type(ans) is ndarray:
            taken: Any = Call(operator.getitem, (_FIRST, index), {})
            return self.wrap(ans, self.append(taken, (x.payload,), ans), (raw,))
        refs = x.payload, self.constant_ref(index)
        return self.wrap(ans, self.append(operator.getitem, refs, ans))

    def written_out(self, prim: Any, args: Sequence[Any]) -> Any:
        """A primitive in the steps of its formula, or as one step if it looks at numbers."""
        nodes, constants = len(self.operations), len(self.constants)
        self.depth += 1
        try:
            ans = prim.formula(*(a.primal if type(a) is Recorded else a for a in args))
        except (Looked, Unrecordable, TypeError):
            self.forget(nodes, constants)
            return self.apply(prim.fn, args, {})
        finally:
            self.depth -= 1
        return ans.release() if type(ans) is Plain else ans

    def store(self, content: Value, place: Any, v: Value, owned: bool) -> Any:
        leaves: list[Any] = []
        held = place if not place.ops and _is_fixed(place.index) else with_holes(place, leaves)
        return self._stored(Store(held), _settled(content), _settled(v), leaves, owned)

    def add(self, content: Value, index: Any, v: Value, owned: bool) -> Any:
        held = index if _is_fixed(index) else guarded(index)
        return self._stored(Add(held), _settled(content), _settled(v), (), owned)

    def _stored(
        self, operation: Any, content: Value, v: Value, leaves: Sequence[Any], owned: bool
    ) -> Recorded:
        """A store, in place if no other box and no view holds the old content."""
        change: Any = operation
        if (
            owned
            and type(content) is Recorded
            and _references(content.raw) == _ALONE
            and content.raw.size > LARGE
            and content.raw.flags.owndata
        ):
            change = operation.update
            content.raw.flags.writeable = True
        operands = content, v, *leaves
        refs = tuple(map(self.ref, operands))
        ans = self.evaluated(change, *[x.raw if type(x) in KINDS else x for x in operands])
        ans.flags.writeable = False
        return boxed(ans, self.append(operation, refs, ans), self)

    def constant(self, value: Value) -> Recorded:
        raw = value.copy(order="K") if type(value) is ndarray else value
        if type(raw) is ndarray:
            raw.flags.writeable = False
        return boxed(raw, self.append(identity, (self.constant_ref(value),), raw), self)


def without_known(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters without a result that is known at the point of the recording alone."""
    if Known not in map(type, params.values()):
        return params
    return {k: v for k, v in params.items() if type(v) is not Known}


def _operation(
    function: Any, args: Any, kwargs: Any, method: Any = None
) -> tuple[Any, Sequence[Any], list[Any], Callable[..., Any]]:
    """The operation of a node, its operands, their values, and what it is called by now."""
    leaves: list[Any] = []
    if method is not None:
        name, *held = method
        called = Method(name, *(with_holes(part, leaves) for part in held))
        operands = [args[0], *leaves]
        return called, operands, [x.raw for x in operands], called
    flat = None if kwargs else _flat(args)
    if flat is not None:
        return function, args, flat, function
    if KINDS.issuperset(map(type, args)) and all(map(_is_constant, kwargs.values())):
        call: Any = Call(function, _holes(len(args)), dict(kwargs))
        return call, args, [a.raw for a in args], partial(function, **kwargs)
    made = Call(function, with_holes(tuple(args), leaves), with_holes(dict(kwargs), leaves))
    return made, leaves, [x.raw for x in leaves], made


def _is_view(ans: Any, raws: Sequence[Any]) -> bool:
    """Whether a result, or a part of it, shares memory with an operand."""
    for part in ans if isinstance(ans, (tuple, list)) else (ans,):
        if type(part) is ndarray:
            for raw in raws:
                is_apart = part.base is None and raw is not part
                if type(raw) is ndarray and not is_apart and np.may_share_memory(raw, part):
                    return True
    return False


def _flat(args: Sequence[Any]) -> list[Any] | None:
    """The values of operands; None if some are containers."""
    raws = []
    for a in args:
        kind = type(a)
        if kind is Recorded or kind is Plain:
            raws.append(a.raw)
        elif kind in ATOMS or _is_flat(a):
            raws.append(a)
        else:
            return None
    return raws


def _is_flat(x: Value) -> bool:
    kind = type(x)
    if kind is tuple:
        return _SIZES.issuperset(map(type, x))
    return not (kind in (list, dict, slice) or isinstance(x, tuple))


def _is_fixed(x: Any) -> bool:
    """Whether an index or an axis consists of plain integers, slices of them, and new axes."""
    kind = type(x)
    if kind is int or x is None or x is Ellipsis:
        return True
    if kind is tuple:
        return of_integers(x) or all(map(_is_fixed, x))
    return kind is slice and _SIZES.issuperset(map(type, (x.start, x.stop, x.step)))


def _references(x: ndarray) -> int:
    return getrefcount(x)


# References to an array that one box alone holds, and of which no view exists.
_lone = boxed(np.zeros(1), 0, None)
_ALONE = _references(_lone.raw)


def _is_constant(x: Any) -> bool:
    return type(x) in ATOMS or _is_fixed(x)


def _settled(x: Value) -> Any:
    """An operand without handles."""
    if type(x) is Recorded:
        return x if x.owner is not STORED else x.read()
    return x.read() if type(x) not in ATOMS and is_box(x) and x.owner is STORED else x


def _kind_of(x: Value) -> str:
    dtype = getattr(x, "dtype", None)
    return np.asarray(x).dtype.kind if dtype is None else dtype.kind


def _lock(tree: Any, locked: list[ndarray]) -> list[ndarray]:
    """Make the plain arrays among some operands read-only, and return them."""
    for x in tree.values() if type(tree) is dict else tree:
        if type(x) is ndarray and x.flags.writeable:
            x.flags.writeable = False
            locked.append(x)
        elif type(x) in (tuple, list, dict):
            _lock(x, locked)
    return locked


def form_of(x: ndarray) -> tuple[Any, ...]:
    """Shape and dtype of an array."""
    return (x.shape, x.dtype)


def raw(x: Value) -> Any:
    """The value of a result in the recording."""
    return raw_of(x) if type(x) is Recorded else x.raw if type(x) is Plain else x
