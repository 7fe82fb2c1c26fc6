"""The backend that is always there: a recorded program as Python source on NumPy values."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..core.types import Value
from .elements import SHORT, reduction_of
from .forms import INFIX, PREFIX, is_fixed
from .graph import Graph
from .nodes import INPUT, Call, Guard, Hole, Pick
from .operations import has_holes
from .recorder import form_of
from .tape import STARTS_FROM_ZERO
from .updates import makes, reads, updates

CHUNK = 2000  # nodes in one function: the compiler of Python is slow on longer ones
LARGE = 4096  # elements of an array that is released after its last use


class Miss(NamedTuple):
    """A replay that met another number than its recording: the guard, and the number there."""

    guard: int
    value: Any


def _form(x: Value) -> Any:
    return form_of(x) if type(x) is ndarray else type(x)


def fold(ufunc: np.ufunc, x: ndarray) -> ndarray:
    """The reduction along a short last axis, in NumPy's order, without its loop over rows."""
    parts = [x[..., k] for k in range(x.shape[-1])]
    if len(parts) == 8 and ufunc is np.add:  # NumPy adds eight numbers in pairs
        while len(parts) > 1:
            parts = [a + b for a, b in zip(parts[::2], parts[1::2], strict=True)]
    total: ndarray = ufunc(parts[0], parts[1]) if len(parts) > 1 else parts[0]
    for part in parts[2:]:
        ufunc(total, part, out=total)
    if ufunc is np.add and STARTS_FROM_ZERO:
        total += 0.0
    return total


_FOLDED = {"sum": np.add, "max": np.maximum, "min": np.minimum}


def _folded(graph: Graph, node: int) -> np.ufunc | None:
    """The ufunc of a node that reduces many short rows, or None."""
    reduction = reduction_of(graph, node)
    if reduction is None or reduction.name not in _FOLDED:
        return None
    shape, form = graph.forms[reduction.array][0], graph.forms[node]
    is_last = len(shape) > 1 and reduction.axes == (len(shape) - 1,)
    is_flat = type(form) is tuple and len(form[0]) < len(shape)
    is_short = is_last and is_flat and 2 <= shape[-1] <= SHORT and int(np.prod(shape)) > LARGE
    return _FOLDED[reduction.name] if is_short else None


# Functions that only pass an array on, to the reduction by a ufunc.
_REDUCING: tuple[tuple[Any, Any], ...] = (
    (np.sum, np.add.reduce), (np.mean, np.add.reduce), (np.prod, np.multiply.reduce),
    (np.max, np.maximum.reduce), (np.min, np.minimum.reduce),
)  # fmt: skip


class _Writer:
    """Writes the functions of one graph, and collects the objects that they name."""

    def __init__(self, graph: Graph, order: Sequence[Any]) -> None:
        self.graph = graph
        self.updates = updates(graph, order)
        self.names: dict[str, Any] = {"Miss": Miss, "form": _form, "fold": fold}
        self.known: dict[int, str] = {}
        self.held: list[Any] = []

    def named(self, x: Value, letter: str) -> str:
        """A name for an object."""
        name = self.known.get(id(x))
        if name is None:
            name = self.known[id(x)] = f"{letter}{len(self.known)}"
            self.names[name] = x
            self.held.append(x)
        return name

    def operand(self, ref: int) -> str:
        """An operand as text."""
        if ref >= 0:
            return f"v{ref}"
        x = self.graph.constants[-1 - ref]
        if type(x) is int or (type(x) is float and x == x and abs(x) < 1e300):
            return f"({x!r})"
        return self.named(x, "c")

    def filled(self, tree: Any, xs: Sequence[str]) -> str | None:
        """A template as text, with operands in place of its holes; None if it has no text."""
        kind = type(tree)
        if kind is Hole:
            return xs[tree.place]
        if kind in (int, bool, type(None)):
            return f"({tree!r})"
        if not has_holes(tree):
            return self.named(tree, "c")
        if kind is slice:
            return self._joined("slice(", (tree.start, tree.stop, tree.step), ")", xs)
        if kind is list:
            return self._joined("[", tree, "]", xs)
        return self._joined("(", tree, ",)", xs) if kind is tuple else None

    def _joined(self, start: str, parts: Sequence[Any], stop: str, xs: Sequence[str]) -> str | None:
        made = [self.filled(part, xs) for part in parts]
        return None if None in made else f"{start}{', '.join(map(str, made))}{stop}"

    def call(self, operation: Call, xs: Sequence[str]) -> str:
        """A function of containers and keywords, whose operands are written out."""
        args = [self.filled(a, xs) for a in operation.args]
        given = {k: self.filled(v, xs) for k, v in operation.kwargs.items()}
        if None in args or None in given.values() or not all(map(str.isidentifier, given)):
            return f"{self.named(operation, 'f')}({', '.join(xs)})"
        if operation.function is operator.getitem:
            return f"{args[0]}[{args[1]}]"
        operands = [*map(str, args), *(f"{k}={v}" for k, v in given.items())]
        return f"{self.named(operation.function, 'f')}({', '.join(operands)})"

    def reduction(self, node: int, xs: Sequence[str]) -> str | None:
        """A reduction of an array of doubles, by the ufunc itself; None for other nodes."""
        operation, refs = self.graph.operations[node], self.graph.operands[node]
        function, args, given = operation, (Hole(0),), dict[str, Any]()
        if type(operation) is Call:
            function, args, given = operation.function, tuple(operation.args), operation.kwargs
        reduce = next((reduce for f, reduce in _REDUCING if f is function), None)
        form: Any = self.graph.forms[refs[0]] if len(refs) == 1 and refs[0] >= 0 else None
        if reduce is None or type(form) is not tuple or form[1] != np.float64:
            return None
        axis, keepdims = given.get("axis"), given.get("keepdims", False)
        axes = range(len(form[0])) if axis is None else axis if type(axis) is tuple else (axis,)
        is_plain = args == (Hole(0),) and given.keys() <= {"axis", "keepdims"}
        if not is_plain or type(keepdims) is not bool or any(type(a) is not int for a in axes):
            return None
        text = f"{self.named(reduce, 'u')}({xs[0]}, {axis!r}, None, None, {keepdims})"
        if function is not np.mean:
            return text
        count = math.prod(form[0][a] for a in axes)
        return f"{text} / {count}" if count else None

    def item(self, item: Any) -> list[str]:
        """The statements of a node or a kernel."""
        if type(item) is int:
            return self.node(item)
        xs = ", ".join(map(self.operand, item.inputs))
        made = ", ".join(f"v{node}" for node in item.outputs)
        return [f"[{made}] = {self.named(item, 'k')}.call({xs})"]

    def node(self, node: int) -> list[str]:
        """The statements of a node."""
        graph = self.graph
        operation, refs = graph.operations[node], graph.operands[node]
        xs = [self.operand(ref) for ref in refs]
        if type(operation) is Guard:
            if operation.look is bool and type(operation.outcome) is bool:
                test = "not " * operation.outcome
                return [f"if {test}{xs[0]}: return Miss({node}, {xs[0]})"]
            guard = self.named(operation, "g")
            return [f"if not {guard}.holds({xs[0]}): return Miss({node}, {xs[0]})"]
        if operation in INFIX:
            text = f"{xs[0]} {INFIX[operation]} {xs[1]}"
        elif operation in PREFIX:
            text = f"{PREFIX[operation]}{xs[0]}"
        elif operation is operator.getitem:
            text = f"{xs[0]}[{xs[1]}]"
        elif node in self.updates:
            text = f"{self.named(operation, 'f')}.update({', '.join(xs)})"
        elif (ufunc := _folded(graph, node)) is not None:
            text = f"fold({self.named(ufunc, 'u')}, {xs[0]})"
        elif (reduction := self.reduction(node, xs)) is not None:
            text = reduction
        elif type(operation) is Call:
            text = self.call(operation, xs)
        elif type(operation) is Pick:
            text = xs[0] + "".join(f"[{i}]" for i in operation.path)
        else:
            text = f"{self.named(operation, 'f')}({', '.join(xs)})"
        lines = [f"v{node} = {text}"]
        form = graph.forms[node]
        if form in (tuple, list) or is_fixed(graph.operations, graph.operands, graph.forms, node):
            return lines
        expected = self.named(form, "e")
        lines.append(f"if form(v{node}) != {expected}: return Miss({node}, v{node})")
        return lines


def _last_uses(graph: Graph, order: Sequence[Any]) -> dict[int, list[int]]:
    """For each place in the order the large arrays that nothing later needs."""
    last: dict[int, int] = {}
    for place, item in enumerate(order):
        for ref in (*reads(graph, item), *makes(item)):
            if ref >= 0:
                last[ref] = place
    ends: dict[int, list[int]] = {}
    for ref, place in last.items():
        form = graph.forms[ref]
        large = type(form) is tuple and int(np.prod(form[0])) > LARGE
        if large and ref not in graph.outputs and graph.operations[ref] is not INPUT:
            ends.setdefault(place, []).append(ref)
    return ends


def source_of(graph: Graph, order: Sequence[Any] | None = None) -> tuple[str, dict[str, Any]]:
    """The text of the functions of a graph, and the objects that they name.

    `order` gives its nodes in another order, some of them in kernels.
    """
    items = [i for i in order or graph.live if type(i) is not int or
             graph.operations[i] is not INPUT]  # fmt: skip
    writer = _Writer(graph, items)
    starts = range(0, max(len(items), 1), CHUNK)
    chunks = [range(s, min(s + CHUNK, len(items))) for s in starts]
    ends = _last_uses(graph, items)
    single = len(chunks) == 1
    inputs = [f"v{node}" for node in graph.inputs]
    chunk_of = {n: c for c, chunk in enumerate(chunks) for i in chunk for n in makes(items[i])}
    crossing: set[int] = set(graph.inputs) | {r for r in graph.outputs if r >= 0}
    for c, chunk in enumerate(chunks):
        for i in chunk:
            read = [r for r in reads(graph, items[i]) if r >= 0]
            crossing.update(r for r in read if chunk_of.get(r, -1) != c)
    text: list[str] = []
    for c, chunk in enumerate(chunks):
        text.append(f"def part{c}({', '.join(inputs) if single else 's'}):")
        if not single:
            read = [r for i in chunk for r in reads(graph, items[i]) if r >= 0]
            needed = {r for r in read if chunk_of.get(r) != c}
            text += [f"    v{r} = s[{r}]" for r in sorted(needed)]
        for i in chunk:
            item = items[i]
            text += ["    " + line for line in writer.item(item)]
            text += [f"    v{r} = None" for r in ends.get(i, ()) if chunk_of.get(r) == c]
            if not single:
                kept = [n for n in makes(item) if n in crossing]
                text += [
                    f"    s[{n}] = v{n}" for n in kept if type(graph.operations[n]) is not Guard
                ]
        if single:
            text.append(f"    return [{', '.join(writer.operand(r) for r in graph.outputs)}]")
        elif not chunk:
            text.append("    pass")
    if not single:
        text.append(f"def replay({', '.join(inputs)}):")
        text.append("    s = {" + ", ".join(f"{n}: v{n}" for n in graph.inputs) + "}")
        for c in range(len(chunks)):
            text += [f"    missed = part{c}(s)", "    if missed is not None: return missed"]
        outs = [f"s[{r}]" if r >= 0 else writer.operand(r) for r in graph.outputs]
        text.append(f"    return [{', '.join(outs)}]")
    else:
        text.append("replay = part0")
    return "\n".join(text) + "\n", writer.names


class SourceProgram:
    """Python source for one graph; called with the inputs, it returns the output leaves, or the
    guard that failed."""

    checks_finite = False
    is_settled = True

    def __init__(self, text: str, names: dict[str, Any], description: str) -> None:
        self.text, self.names, self.description = text, names, description
        made = dict(names)
        exec(compile(text, "<compiled>", "exec"), made)
        self.replay: Callable[..., Sequence[Any] | Miss] = made["replay"]

    def __call__(self, *inputs: Any) -> Sequence[Any] | Miss:
        return self.replay(*inputs)

    def improve(self) -> None:
        """There is no better code."""

    def __reduce__(self) -> Any:
        return SourceProgram, (self.text, self.names, self.description)


def compile_source(
    graph: Graph, order: Sequence[Any] | None = None, remark: str = ""
) -> SourceProgram:
    """The program that replays a graph, whose nodes `order` may give in another order."""
    return SourceProgram(*source_of(graph, order), f"Python source on NumPy values{remark}")
