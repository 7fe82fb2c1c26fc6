"""From the graph of a recorded program to a scalar tape."""

from __future__ import annotations

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
from .tape import LARGEST, Slots, Tape, Unsupported
from .updates import updates


def _is_float(form: Any) -> bool:
    return form is float or form is np.float64 or (type(form) is tuple and form[1] == np.float64)


def _is_truth(form: Any) -> bool:
    return form in (bool, np.bool_) or (type(form) is tuple and form[1] == np.bool_)


def scalar_tape(graph: Graph) -> tuple[Tape, list[Slots]]:
    """The tape of a graph, and the slots of its outputs."""
    lowering = _Lowering(graph)
    lowering.run()
    return lowering.tape, lowering.outputs()


class _Lowering:
    def __init__(self, graph: Graph) -> None:
        self.graph, self.tape = graph, Tape()
        self.updates = updates(graph, graph.live)
        self.slots: dict[int, Any] = {}
        self.at = 0  # the node that is being written
        self.constants: dict[int, Slots] = {}

    def run(self) -> None:
        graph, slots, forms = self.graph, self.slots, self.graph.forms
        for node in graph.inputs:
            form = graph.forms[node]
            if not _is_float(form):
                raise Unsupported("an argument is not of double precision")
            shape = form[0] if type(form) is tuple else ()
            made = self.tape.new_inputs(int(np.prod(shape)))
            slots[node] = made.reshape(shape) if shape else self.shaped(made, form)
        for node in graph.live:
            operation, refs = graph.operations[node], graph.operands[node]
            if operation is INPUT:
                continue
            slot = self.quick(operation, refs) if forms[node] is np.float64 else None
            if slot is not None:
                slots[node] = slot
            elif type(operation) in STORES and node in self.updates:
                slots[node] = self.store(node, operation, refs)
            elif type(operation) is Call and operation.function is operator.getitem:
                slots[node] = self.part(node, operation, refs)
            else:
                slots[node] = self.node(node, operation, refs)

    def quick(self, operation: Any, refs: tuple[int, ...]) -> int | None:
        """The slot of a number that frequent operations give, or None for all others."""
        name = QUICK.get(operation)
        if name is not None:
            x = self.slots[refs[0]] if refs[0] >= 0 else self.operand(refs[0])
            y = 0
            if len(refs) == 2:
                y = self.slots[refs[1]] if refs[1] >= 0 else self.operand(refs[1])
            return self.tape.scalar(name, x, y) if type(x) is int and type(y) is int else None
        if operation is operator.getitem and refs[0] >= 0 > refs[1]:
            x, index = self.slots[refs[0]], self.graph.constants[-1 - refs[1]]
            if type(x) is ndarray and type(index) is int:
                return int(x[index])
        return None

    def part(self, node: int, operation: Call, refs: tuple[int, ...]) -> Slots:
        """The slots of a part of an array."""
        x = self.slots[refs[0]] if refs[0] >= 0 else None
        if len(refs) != 1 or type(x) is not ndarray or not _is_float(self.graph.forms[node]):
            return self.node(node, operation, refs)
        index = operation.args[1]
        if has_holes(index):
            return self.node(node, operation, refs)
        made = x[index]
        return made if type(made) is ndarray else int(made)

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
        if ref >= 0:
            return self.slots[ref]
        made = self.constants.get(ref)
        if made is None:
            made = self.constants[ref] = self.data(self.graph.constants[-1 - ref])
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
        form, self.at = self.graph.forms[node], node
        if type(operation) is Guard:
            self.guard(node, operation, refs[0])
            return None
        if type(operation) is Pick:
            result: Any = self.slots[refs[0]]
            for i in operation.path:
                result = result[i]
            return result
        name = UFUNCS.get(operation) or FORMULAS.get(operation)
        if name is not None:
            result = self.elementwise(node, name, refs)
        elif operation in POWERS:
            result = self.power(node, refs)
        elif operation in LOGIC and all(_is_truth(self.form(r)) for r in refs):
            result = self.tape.apply(LOGIC[operation], *map(self.operand, refs))
        elif type(operation) in STORES:
            result = self.store(node, operation, refs)
        else:
            result = self.call(operation, refs)
        if isinstance(result, (list, tuple)):
            return result
        if not (_is_float(form) or _is_truth(form)):
            raise Unsupported(f"a value of the form {form}")
        if type(form) is tuple:
            result = np.asarray(result)
            if result.shape != form[0]:
                raise Unsupported(f"{operation} gives the shape {result.shape} for {form[0]}")
            return result
        if np.shape(result) != ():
            raise Unsupported(f"{operation} gives an array for a number")
        return int(result)

    def check_size(self, node: int) -> None:
        """Refuse large arrays, which have better backends."""
        form = self.graph.forms[node]
        if type(form) is tuple and int(np.prod(form[0])) > LARGEST:
            raise Unsupported("arithmetic on large arrays")

    def elementwise(self, node: int, name: Any, refs: tuple[int, ...]) -> Slots:
        """An operation by its name, or a formula."""
        self.check_size(node)
        kinds = [self.form(r) for r in refs]
        if not all(_is_float(k) or _is_truth(k) or self.is_number(r, k)
                   for r, k in zip(refs, kinds, strict=True)):  # fmt: skip
            raise Unsupported("operands that are not of double precision")
        if all(map(_is_truth, kinds)) and name not in ON_TRUTHS:
            raise Unsupported("arithmetic on truth values")
        xs = [self.operand(r) for r in refs]
        operation, is_python = self.graph.operations[node], self.graph.forms[node] is float
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
        if len(refs) > 2:
            raise Unsupported("a store at a recorded index")
        content, v = self.operand(refs[0]), self.operand(refs[1])
        if node not in self.updates:
            content = np.array(content)
        if type(operation) is Add:
            old = content[operation.place]
            if type(old) is ndarray or type(v) is ndarray:
                content[operation.place] = self.tape.apply("add", old, v)
            else:
                content[operation.place] = self.tape.scalar("add", int(old), v)
            return content
        return operation.place.set(content, v if np.ndim(v) else int(v))

    def call(self, operation: Any, refs: tuple[int, ...]) -> Any:
        """A function with operands in containers and keywords, or one that has no opcode."""
        if type(operation) is Method:
            return self.method(operation, refs)
        if type(operation) is Call:
            function, args, kwargs = operation.function, operation.args, operation.kwargs
            leaves = [self.operand(r) for r in refs]
        else:
            function, kwargs, leaves = operation, {}, []
            args = tuple(
                self.operand(r) if r >= 0 else _Constant(self.graph.constants[-1 - r]) for r in refs
            )
            args = tuple(self._held(a, leaves) for a in args)
        primitive = primitives(len(PRIMITIVES)).get(function)
        name = getattr(primitive, "name", "")
        handler = _HANDLERS.get(function) or NAMED.get(name)
        if handler is not None:
            return handler(self, args, kwargs, leaves)
        if function in MOVERS:
            return self.moved(function, args, kwargs, leaves)
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ufunc) and owner in _REDUCED and function == owner.reduce:
            return self.reduction(_REDUCED[owner], args, kwargs, leaves)
        if primitive is not None and isinstance(primitive.structure, Scatter):
            return self.scatter(args, kwargs, leaves)
        if primitive is not None and isinstance(primitive.structure, Gather):
            return self.gathered(function, args, kwargs, leaves, len(args))
        if name == "cumsum":
            return self.cumsum(args, kwargs, leaves)
        formula = FORMULAS.get(name)
        if function is np.clip:
            return self.clipped(args, kwargs, leaves)
        if formula is not None:
            return formula(self.tape, *(self.given(a, leaves) for a in args))
        raise Unsupported(f"{getattr(function, '__name__', function)}")

    @staticmethod
    def _held(a: Value, leaves: list[Any]) -> Any:
        """An operand as in a template."""
        if type(a) is _Constant:
            return a.value
        leaves.append(a)
        return Hole(len(leaves) - 1)

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
        if has_holes((args[data:], kwargs)):
            raise Unsupported("a recorded index")
        # Slots as odd numbers, so that zeros of the function are told apart.
        xs = [2 * np.asarray(self.given(a, leaves)) + 1 for a in args[:data]]
        made = np.asarray(function(*xs, *args[data:], **kwargs))
        slots = made >> 1
        return slots if made.all() else np.where(made == 0, self.tape.zero, slots)

    def method(self, operation: Method, refs: tuple[int, ...]) -> Any:
        name = str(operation.function)
        x, leaves = self.operand(refs[0]), [self.operand(r) for r in refs[1:]]
        args, kwargs = operation.args, operation.kwargs
        if name in ("sum", "max", "min", "prod", "mean", "any", "all") and not leaves:
            return self.reduction(name, (Hole(0), *args), kwargs, [x])
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

    def reduction(self, name: str, args: Any, kwargs: Any, leaves: Any) -> Slots:
        names = ("a", "axis", "dtype", "out", "keepdims")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        x = np.asarray(self.given(given.pop("a"), leaves))
        axis, keepdims = given.pop("axis", None), given.pop("keepdims", False)
        if any(v is not None and v is not np._NoValue for v in given.values()):
            raise Unsupported(f"options of {name}")
        axes = tuple(range(x.ndim)) if axis is None else np.atleast_1d(axis)
        axes = tuple(int(a) % x.ndim for a in axes) if x.ndim else ()
        kept = [a for a in range(x.ndim) if a not in axes]
        shape = [x.shape[a] for a in kept]
        lines = x.transpose(kept + list(axes)).reshape([*shape, -1] if x.size else [*shape, 0])
        count = lines.shape[-1]
        if name == "sum":
            fast = axes and axes[-1] == x.ndim - 1
            total = self.tape.sum(lines) if fast or not count else self.tape.reduce("add", lines)
        elif name == "mean" and count:
            total = self.tape.apply("div", self.tape.sum(lines), self.tape.constant(float(count)))
        elif count:
            known = {"max": "max", "min": "min", "prod": "mul", "any": "or", "all": "and"}
            total = self.tape.reduce(known[name], lines)
        else:
            raise Unsupported(f"{name} of nothing")
        if keepdims:
            total = np.reshape(total, [1 if a in axes else x.shape[a] for a in range(x.ndim)])
        return total

    def where(self, args: Any, kwargs: Any, leaves: Any) -> Slots:
        """A choice between two values."""
        if "condition" in kwargs:
            (x, y), c = args, kwargs["condition"]
        elif len(args) != 3:
            raise Unsupported("where with one operand")
        else:
            c, x, y = args
        return self.tape.apply("where", *(self.given(a, leaves) for a in (c, x, y)))

    def clipped(self, args: Any, kwargs: Any, leaves: Any) -> Slots:
        """``numpy.clip`` with two bounds."""
        if len(args) != 3 or kwargs or any(a is None for a in args):
            raise Unsupported("clip with one bound")
        return FORMULAS[CLIP](self.tape, *(self.given(a, leaves) for a in args))

    def cumsum(self, args: Any, kwargs: Any, leaves: Any) -> Slots:
        """Sums of the elements up to each."""
        given = {**dict(zip(("a", "axis", "dtype", "out"), args, strict=False)), **kwargs}
        x = np.asarray(self.given(given.pop("a"), leaves))
        axis = given.pop("axis", None)
        if any(v is not None for v in given.values()):
            raise Unsupported("options of cumsum")
        x = np.moveaxis(x.ravel() if axis is None else x, -1 if axis is None else axis, 0)
        out = np.array(x)
        for k in range(1, len(x)):
            out[k] = self.tape.apply("add", out[k - 1], x[k])
        return np.moveaxis(out, 0, -1 if axis is None else axis)


class _Constant:
    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


_REDUCED: dict[Any, str] = {np.add: "sum", np.multiply: "prod"}
_HANDLERS: dict[Any, Any] = (
    HANDLERS
    | PRODUCTS
    | {
        np.sum: lambda s, *call: s.reduction("sum", *call),
        np.max: lambda s, *call: s.reduction("max", *call),
        np.min: lambda s, *call: s.reduction("min", *call),
        np.prod: lambda s, *call: s.reduction("prod", *call),
        np.mean: lambda s, *call: s.reduction("mean", *call),
        np.any: lambda s, *call: s.reduction("any", *call),
        np.all: lambda s, *call: s.reduction("all", *call),
        np.where: _Lowering.where,
        np.cumsum: _Lowering.cumsum,
    }
)
