"""From the graph of a recorded program to a scalar tape."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ..core.primitive import PRIMITIVES
from ..core.structure import Gather, Scatter
from ..core.types import Value
from ..rules.numpy.selection import CLIP
from .formulas import DIVISIONS, FORMULAS
from .graph import Graph
from .matrices import HANDLERS, NAMED
from .nodes import INPUT, STORES, Add, Call, Guard, Hole, Method, Pick, Store
from .operations import (
    LOGIC,
    MOVERS,
    MOVING_METHODS,
    ON_TRUTHS,
    POWERS,
    QUICK,
    UFUNCS,
    has_holes,
    primitives,
)
from .products import PRODUCTS
from .reductions import NAMED_REDUCTIONS, REDUCTIONS, reduced_by, reduction
from .tape import LARGEST, MOST, Slots, Tape, Unsupported
from .updates import updates

_DOUBLE, _TRUTH = np.dtype(np.float64), np.dtype(np.bool_)
_NAMES = FORMULAS | UFUNCS


def _is_float(form: Any) -> bool:
    if type(form) is tuple:
        return form[1] is _DOUBLE or form[1] == _DOUBLE
    return form is float or form is np.float64


def _is_truth(form: Any) -> bool:
    return form[1] == _TRUTH if type(form) is tuple else form is bool or form is np.bool_


def scalar_tape(graph: Graph) -> tuple[Tape, list[Slots]]:
    """The tape of a graph, and the slots of its outputs."""
    lowering = _Lowering(graph)
    lowering.run()
    return lowering.tape, lowering.outputs()


class _Lowering:
    def __init__(self, graph: Graph) -> None:
        self.graph, self.tape = graph, Tape()
        self.updates = updates(graph, graph.live)
        # Of the nodes, and of the constants, whose numbers are negative.
        self.slots: list[Any] = [None] * (len(graph.operations) + len(graph.constants))
        self.at = 0  # the node that is being written
        self.ways: dict[Any, Callable[..., Any]] = {}  # by the functions of nodes

    def run(self) -> None:
        graph, slots, forms = self.graph, self.slots, self.graph.forms
        operations, operands = graph.operations, graph.operands
        for node in graph.inputs:
            form = graph.forms[node]
            if not _is_float(form):
                raise Unsupported("an argument is not of double precision")
            shape = form[0] if type(form) is tuple else ()
            made = self.tape.new_inputs(int(np.prod(shape)))
            slots[node] = made.reshape(shape) if shape else self.shaped(made, form)
        scalar, number = self.tape.scalar, np.float64
        for node in graph.live:
            operation, refs = operations[node], operands[node]
            is_number = forms[node] is number
            name = QUICK.get(operation) if is_number else None
            if name is not None:  # an operation of one operand ignores the second
                x, y = slots[refs[0]], slots[refs[-1]]
                if x is None or y is None:  # a constant that is new
                    x, y = self.operand(refs[0]), self.operand(refs[-1])
                if type(x) is int and type(y) is int:
                    slots[node] = scalar(name, x, y)
                    continue
            elif is_number and operation is operator.getitem and refs[1] < 0:
                x, index = slots[refs[0]], graph.constants[-1 - refs[1]]
                made = x[index] if type(x) is ndarray else x
                if type(made) is np.int64:
                    slots[node] = int(made)
                    continue
            if type(operation) in STORES:
                slots[node] = self.store(node, operation, refs)
            elif operation is not INPUT:
                slots[node] = self.node(node, operation, refs)

    @staticmethod
    def shaped(made: ndarray, form: Any) -> Slots:
        """One slot as a number, or as an array without axes."""
        return made.reshape(()) if type(form) is tuple else int(made[0])

    def outputs(self) -> list[Slots]:
        """The slots of the results."""
        found = []
        for ref in self.graph.outputs:
            form = self.graph.forms[ref] if ref >= 0 else None
            if ref >= 0 and not (_is_float(form) or _is_truth(form)):
                raise Unsupported("a result is not of double precision")
            found.append(self.slots[ref] if ref >= 0 else None)
        return found

    def operand(self, ref: int) -> Slots:
        """The slots of an operand."""
        made = self.slots[ref]
        if made is None and ref < 0:
            made = self.slots[ref] = self.data(self.graph.constants[-1 - ref])
        return made

    def data(self, x: Value) -> Slots:
        """The slots of a constant."""
        if type(x) is ndarray and x.dtype.kind in "fb" and x.dtype.itemsize <= 8:
            if x.size > 100 * LARGEST:
                raise Unsupported("a large constant")
            return self.tape.constants(x)
        if type(x) is ndarray and x.dtype.kind in "iu":
            return self.tape.constants(x)
        if isinstance(x, (int, np.integer)) and abs(int(x)) > 2**53:
            raise Unsupported("a large integer")
        if isinstance(x, (float, int, np.bool_, np.integer)):
            return self.tape.constant(float(x))
        raise Unsupported(f"a constant of type {type(x).__name__}")

    def form(self, ref: int) -> Any:
        """The form of an operand."""
        if ref >= 0:
            return self.graph.forms[ref]
        x = self.graph.constants[-1 - ref]
        return (x.shape, x.dtype) if type(x) is ndarray else type(x)

    def node(self, node: int, operation: Any, refs: tuple[int, ...]) -> Any:
        """The slots of the result of a node."""
        if len(self.tape) > MOST:
            raise Unsupported(f"more than {MOST} operations")
        form, kind, self.at = self.graph.forms[node], type(operation), node
        if kind is Call:
            result = self.call(operation, refs)
        elif kind is Guard:
            self.guard(node, operation, refs[0])
            return None
        elif kind is Pick:
            result = self.slots[refs[0]]
            for i in operation.path:
                result = result[i]
            return result
        elif kind is Method:
            result = self.method(operation, refs)
        elif (name := _NAMES.get(operation)) is not None:
            result = self.elementwise(node, name, refs)
        elif operation in POWERS:
            result = self.power(node, refs)
        elif operation in LOGIC and all(_is_truth(self.form(r)) for r in refs):
            result = self.tape.apply(LOGIC[operation], *map(self.operand, refs))
        else:
            result = self.function(operation, refs)
        is_array = type(result) is ndarray and type(form) is tuple
        if is_array and form[1] is _DOUBLE and result.shape == form[0]:  # most are
            return result
        if isinstance(result, (list, tuple)):
            return result
        if not (_is_float(form) or _is_truth(form)):
            raise Unsupported(f"a value of the form {form}")
        if type(form) is tuple:
            result = np.asarray(result)
            if result.shape != form[0]:
                raise Unsupported(f"{operation} gives the shape {result.shape} for {form[0]}")
            return result
        if type(result) is not int and np.shape(result) != ():
            raise Unsupported(f"{operation} gives an array for a number")
        return int(result)

    def check_size(self, node: int) -> None:
        """Refuse large arrays, which have better backends."""
        form = self.graph.forms[node]
        if type(form) is tuple and math.prod(form[0]) > LARGEST:
            raise Unsupported("arithmetic on large arrays")

    def elementwise(self, node: int, name: Any, refs: tuple[int, ...]) -> Slots:
        """An operation by its name, or a formula."""
        self.check_size(node)
        has_numbers, forms = False, self.graph.forms
        for r in refs:
            form = forms[r] if r >= 0 else self.form(r)
            if _is_float(form) or (not _is_truth(form) and self.is_number(r, form)):
                has_numbers = True
            elif not _is_truth(form):
                raise Unsupported("operands that are not of double precision")
        if not has_numbers and name not in ON_TRUTHS:
            raise Unsupported("arithmetic on truth values")
        xs = [self.operand(r) for r in refs]
        operation, is_python = self.graph.operations[node], forms[node] is float
        if operation in DIVISIONS or (name == "div" and is_python):  # Python's division raises
            for slot in np.ravel(xs[1]):
                self.test("nonzero", node, int(slot))
        return self.tape.apply(name, *xs) if type(name) is str else name(self.tape, *xs)

    def is_number(self, ref: int, form: Any) -> bool:
        """Whether an operand is a constant of another kind, which counts as a double."""
        return ref < 0 and (form is int or (type(form) is tuple and form[1].kind in "iuf"))

    def power(self, node: int, refs: tuple[int, ...]) -> Slots:
        self.check_size(node)
        x, y = map(self.operand, refs)
        tape = self.tape
        exponent = self.graph.constants[-1 - refs[1]] if refs[1] < 0 else None
        if exponent is not None and np.ndim(exponent) == 0 and _is_float(self.form(refs[0])):
            is_array = type(self.form(refs[0])) is tuple
            if exponent == 1:
                return np.copy(x) if np.ndim(x) else x
            if exponent == 2:
                return self.raised(node, tape.apply("mul", x, x))
            if exponent == 0.5 and is_array:
                return tape.apply("sqrt", x)
            if exponent == -1 and is_array:
                return tape.apply("div", tape.one, x)
        return self.raised(node, tape.apply("pow", x, y))

    def raised(self, node: int, result: Slots) -> Slots:
        """A power; Python's raise an error where they overflow."""
        if self.graph.forms[node] is float:
            self.test("finite", node, int(result))
        return result

    def test(self, name: str, node: int, *operands: int) -> None:
        """An operation that stops the replay where it does not hold."""
        slot = self.tape.scalar(name, *operands)
        self.tape.tests[slot - self.tape.inputs] = node

    def guard(self, node: int, guard: Guard, ref: int) -> None:
        form, x, tape = self.form(ref), self.operand(ref), self.tape
        if not (_is_float(form) or _is_truth(form)):
            raise Unsupported("a guard on a value that is not of double precision")
        outcome = guard.outcome
        if guard.look is bool:
            truth = tape.apply("ne", np.reshape(x, ()), tape.zero)
            self.test("guard", node, int(truth), tape.constant(float(outcome)))
        elif guard.look is None:
            for slot, value in zip(np.ravel(x), np.ravel(np.asarray(outcome)), strict=True):
                self.test("same", node, int(slot), tape.constant(float(value)))
        elif guard.look is int:
            whole = tape.apply("trunc", np.reshape(x, ()))
            self.test("guard", node, int(whole), tape.constant(float(outcome)))
        else:
            raise Unsupported("a guard on an integer")

    def store(self, node: int, operation: Store | Add, refs: tuple[int, ...]) -> Slots:
        """The slots of an array after a store."""
        form = self.graph.forms[node]
        if len(refs) > 2 or not (_is_float(form) or _is_truth(form)):
            raise Unsupported("a store at a recorded index, or not of doubles")
        content, v, place = self.operand(refs[0]), self.operand(refs[1]), operation.place
        if node not in self.updates:
            content = np.array(content)
        if type(operation) is Store:
            return place.set(content, v if type(v) is not int and np.ndim(v) else int(v))
        if type(place) is int and type(v) is int and content.ndim == 1:
            content[place] = self.tape.scalar("add", content.item(place), v)
        else:
            content[place] = self.tape.apply("add", content[place], v)
        return content

    def call(self, operation: Call, refs: tuple[int, ...]) -> Any:
        """A function with operands in containers and keywords."""
        leaves = [self.operand(r) for r in refs]
        way = self.way(operation.function)
        return way(self, operation.args, operation.kwargs, leaves)

    def function(self, operation: Any, refs: tuple[int, ...]) -> Any:
        """A function that has no opcode."""
        leaves: list[Slots] = []
        args: list[Any] = []
        for r in refs:
            if r >= 0:
                args.append(Hole(len(leaves)))
                leaves.append(self.slots[r])
            else:
                args.append(self.graph.constants[-1 - r])
        return self.way(operation)(self, tuple(args), {}, leaves)

    def way(self, function: Any) -> Callable[..., Any]:
        """How calls of a function are written."""
        found = self.ways.get(function)
        if found is None:
            found = self.ways[function] = _way_of(function)
        return found

    def given(self, a: Value, leaves: list[Any]) -> Slots:
        """The slots of an operand in a template."""
        return leaves[a.place] if type(a) is Hole else self.data(a)

    def all_given(self, a: Value, leaves: list[Any]) -> Any:
        """The same for containers of operands."""
        if type(a) in (list, tuple):
            return type(a)([self.all_given(x, leaves) for x in a])
        return self.given(a, leaves)

    def moved(
        self, function: Callable[..., Any], args: Any, kwargs: Any, leaves: Any, data: int = 1
    ) -> Any:
        """A function that moves data, run on slots."""
        if type(args[0]) is Hole and len(leaves) == 1 and type(leaves[0]) is ndarray and not kwargs:
            return function(leaves[0], *args[1:])
        if has_holes((args[data:], kwargs)):
            raise Unsupported("a recorded index")
        xs = [np.asarray(x) if type(x) is int else x for x in
              (self.all_given(a, leaves) for a in args[:data])]  # fmt: skip
        if "casting" in kwargs:
            kwargs = {**kwargs, "dtype": None, "casting": "unsafe"}
        xs = [list(map(np.asarray, x)) if type(x) in (list, tuple) else x for x in xs]
        return function(*xs, *args[data:], **kwargs)

    def gathered(
        self, function: Callable[..., Any], args: Any, kwargs: Any, leaves: Any, data: int = 1
    ) -> Any:
        """A function that copies elements, or puts zeros, run on slots."""
        if len(leaves) > sum(type(a) is Hole for a in args[:data]):
            raise Unsupported("a recorded index")
        xs = [np.asarray(self.given(a, leaves)) for a in args[:data]]
        made = np.asarray(function(*xs, *args[data:], **kwargs))
        if made.all():
            return made
        # Slots as odd numbers, so that zeros of the function are told apart from slot 0.
        made = np.asarray(function(*(2 * x + 1 for x in xs), *args[data:], **kwargs))
        return np.where(made == 0, self.tape.zero, made >> 1)

    def method(self, operation: Method, refs: tuple[int, ...]) -> Any:
        name = str(operation.function)
        x, leaves = self.operand(refs[0]), [self.operand(r) for r in refs[1:]]
        args, kwargs = operation.args, operation.kwargs
        if name in ("sum", "max", "min", "prod", "mean", "any", "all") and not leaves:
            return reduction(self, name, (Hole(0), *args), kwargs, [x])
        if leaves:
            raise Unsupported(f"the method {name} of recorded operands")
        if name == "astype" and np.dtype(args[0]) in (np.dtype(bool), np.dtype(float)):
            to_truth = np.dtype(args[0]) == np.dtype(bool)
            is_truth = _is_truth(self.form(refs[0]))
            return self.tape.apply("ne", x, self.tape.zero) if to_truth and not is_truth else x
        if name in MOVING_METHODS:
            return getattr(np.asarray(x), name)(*args, **kwargs)
        raise Unsupported(f"the method {name}")

    def scatter(self, args: Any, kwargs: Any, leaves: Any) -> Slots:
        """Zeros with values added at an index."""
        if has_holes(kwargs):
            raise Unsupported("a recorded index")
        g, spec = np.asarray(self.given(args[0], leaves)), kwargs["spec"]
        size = int(np.prod(spec.shape))
        places = np.asarray(np.arange(size).reshape(spec.shape)[kwargs["index"]])
        batch = g.shape[: g.ndim - places.ndim]
        out = np.full((*batch, size), self.tape.zero)
        flat = g.reshape((*batch, places.size))
        order = places.ravel()
        if len(np.unique(order)) == len(order):
            out[..., order] = flat
        else:
            for k, place in enumerate(order):
                out[..., place] = self.tape.apply("add", out[..., place], flat[..., k])
        return out.reshape(batch + spec.shape)


def _where(lower: _Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    """A choice between two values."""
    if "condition" in kwargs:
        (x, y), c = args, kwargs["condition"]
    elif len(args) != 3:
        raise Unsupported("where with one operand")
    else:
        c, x, y = args
    return lower.tape.apply("where", *(lower.given(a, leaves) for a in (c, x, y)))


def _clipped(lower: _Lowering, args: Any, kwargs: Any, leaves: Any) -> Slots:
    """``numpy.clip`` with two bounds."""
    if len(args) != 3 or kwargs or any(a is None for a in args):
        raise Unsupported("clip with one bound")
    return FORMULAS[CLIP](lower.tape, *(lower.given(a, leaves) for a in args))


def _way_of(function: Any) -> Callable[..., Any]:
    """How calls of a function are written, from its operands and keywords with holes."""
    primitive = primitives(len(PRIMITIVES)).get(function)
    name, structure = getattr(primitive, "name", ""), getattr(primitive, "structure", None)
    way = _HANDLERS.get(function) or _NAMED.get(name)
    if way is not None:
        return way
    if function in MOVERS:
        return lambda lower, *call: lower.moved(function, *call)
    way = reduced_by(function)
    if way is not None:
        return way
    if isinstance(structure, Scatter):
        return _Lowering.scatter
    if isinstance(structure, Gather):
        return lambda lower, *call: lower.gathered(function, *call, data=len(call[0]))
    formula = FORMULAS.get(name)
    if formula is not None:
        return lambda lower, args, kwargs, leaves: formula(
            lower.tape, *(lower.given(a, leaves) for a in args)
        )
    raise Unsupported(f"{getattr(function, '__name__', function)}")


# By the functions of nodes, and by the names of primitives.
_HANDLERS: dict[Any, Callable[..., Any]] = (
    HANDLERS | PRODUCTS | REDUCTIONS | {np.where: _where, np.clip: _clipped}
)
_NAMED = NAMED | NAMED_REDUCTIONS
