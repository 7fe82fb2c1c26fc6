"""Fused kernels: runs of elementwise operations on large arrays, each one pass over memory.

A kernel works in blocks. A block in which an argument lies outside of the range of a function of
`functions` is computed once more, with the functions of the C library. Arrays that broadcast belong
to the kernel, and so do sums of its arrays, which need not be kept themselves.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from .elements import LEAF, Part, form_of, is_move, part_of, reduction_of, way_of
from .functions import COSTLY, OWN, QUICK
from .graph import Graph
from .instructions import ATTRIBUTES, declarations, operation
from .literals import literal
from .machine import PASSES, PLAIN, SHORT, Code, data_offset, object_code
from .passes import START, drive, kernel, spread

_KEPT = (
    "text", "kinds", "dtypes", "shapes", "size", "way", "names", "places", "__name__"
)  # fmt: skip
_WRITER: dict[str, Any] = {
    "ndarray": ndarray, "float64": np.float64, "empty": np.empty, "type": type, "id": id,
    "contiguous": np.ascontiguousarray, "START": START, "float": float,
}  # fmt: skip
MOST = 250  # operations in one kernel: a function of C takes at most 1,024 arguments from Python
_WORTH = (*COSTLY, "gather")  # a kernel of their own


class Kernel:
    """Some nodes in their order, as one function of arrays and numbers.

    `needed` are the nodes whose arrays are stored; `reductions` are nodes that reduce one of the
    arrays each, all of them in the same way.
    """

    def __init__(
        self,
        graph: Graph,
        parts: dict[int, Part],
        needed: Collection[int],
        reductions: Sequence[int] = (),
    ) -> None:
        self.parts, nodes = parts, list(parts)
        self.shape: tuple[int, ...] = graph.forms[nodes[0]][0]
        self.size = int(np.prod(self.shape))
        given = [x for n in nodes for x in parts[n].operands if type(x) is tuple]
        self.given = list(dict.fromkeys(x for x in given if x[0] not in parts))
        self.inputs = [ref for ref, _ in self.given]
        self.kinds = [kind for _, kind in self.given]
        self.places = [p.places for p in parts.values() if p.places is not None]
        found = [reduction_of(graph, node) for node in reductions]
        self.reduced = [r.array for r in found if r]
        self.names = [r.name for r in found if r]
        self.way = way_of(graph, reductions[0]) if reductions else None
        kept = [n for n in nodes if n in needed]
        self.stored = kept
        self.outputs = [*kept, *reductions]
        forms = [graph.forms[n] for n in self.outputs]
        arrays = forms[: len(kept)] if self.way == ("total",) else forms
        self.shapes = [f[0] for f in arrays]
        self.dtypes = [np.dtype(f[1].char) for f in arrays]  # the one object of its kind
        self.text = self._text(graph)
        self.__name__ = f"kernel of {len(nodes)} operations"

    def __getstate__(self) -> dict[str, Any]:
        return {k: vars(self)[k] for k in _KEPT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.load()

    def load(self) -> None:
        """Compile the kernel, or load it from the cache."""
        effort = PASSES if len(self.text) < SHORT else PLAIN
        self.code = Code(object_code(self.text, effort))
        kinds: list[Any] = [ctypes.c_void_p] * len(self.dtypes)
        kinds += [ctypes.c_double if k == "number" else ctypes.c_void_p for k in self.kinds]
        kinds += [*([ctypes.c_void_p] * len(self.places)), ctypes.c_int64, ctypes.c_int64]
        address = self.code.engine.get_function_address("kernel")
        has_total = self.way == ("total",)
        native = ctypes.CFUNCTYPE(ctypes.c_double if has_total else None, *kinds)(address)
        names: dict[str, Any] = _WRITER | {"native": native}
        exec(self._call(names, has_total), names)
        self.call: Callable[..., Any] = names["call"]

    def _call(self, names: dict[str, Any], has_total: bool) -> str:
        """The text of the function of arrays and numbers that runs the code."""
        inputs, lines = [f"x{k}" for k in range(len(self.kinds))], list[str]()
        for x, kind in zip(inputs, self.kinds, strict=True):
            if kind == "number":
                lines.append(f"{x} = float({x}.flat[0] if type({x}) is ndarray else {x})")
            else:  # native code reads the address of what is an array
                lines.append(f"if type({x}) is not ndarray: raise TypeError(type({x}))")
                lines.append(f"if not {x}.flags.c_contiguous: {x} = contiguous({x})")
        made = [f"m{k}" for k in range(len(self.shapes))]
        has_columns = self.way is not None and self.way[0] == "columns"
        first = len(made) - len(self.names) * has_columns  # of the arrays that begin with a sum
        for k, m in enumerate(made):
            names |= {f"s{k}": self.shapes[k], f"d{k}": self.dtypes[k]}
            lines.append(f"{m} = empty(s{k}, d{k})")
            lines += [f"{m}.fill(START)"] if k >= first else []
        given = [f"id({m})" for m in made]
        given += [x if kind == "number" else f"id({x})"
                  for x, kind in zip(inputs, self.kinds, strict=True)]  # fmt: skip
        for k, places in enumerate(self.places):
            names[f"p{k}"] = places
            given.append(f"id(p{k})")
        run = f"native({', '.join(given)}, {self.size}, {data_offset()})"
        results = [*made, f"float64({run})"] if has_total else made
        lines += [] if has_total else [run]
        lines.append(f"return [{', '.join(results)}]")
        body = "".join(f"    {line}\n" for line in lines)
        return f"def call({', '.join(inputs)}):\n{body}"

    def _text(self, graph: Graph) -> str:
        used: set[str] = set()
        own: set[str] = set()
        quick = self._body(own, used, quick=True)
        slow = self._body(own, used, quick=False) if own else []
        outs = [f"ptr noalias %o{k}" for k in range(len(self.stored))]
        if self.way != ("total",):
            outs += [f"ptr noalias %r{k}" for k in range(len(self.reduced))]
        ins = [
            f"double %i{k}" if kind == "number" else f"ptr %i{k}"
            for k, kind in enumerate(self.kinds)
        ]
        given = ", ".join([*outs, *ins, *(f"ptr %x{k}" for k in range(len(self.places)))])
        wide = [k for k, kind in enumerate(self.kinds) if kind.startswith("spread")]
        buffers = [*(f"%b{k}" for k in wide), *(f"%s{k}" for k in range(len(self.reduced)))]
        passed = ", ".join([given, *(f"ptr {name}" for name in buffers)]).replace("noalias ", "")
        inner = ", ".join([given, *(f"ptr noalias {name}" for name in buffers)])
        lines = []
        for k in wide:
            shape, is_truth = form_of(graph, self.inputs[k])[0], self.kinds[k].endswith("truth")
            lines += spread(str(k), shape, self.shape, is_truth)
        lines += [f"define internal void @block({inner}, i64 %at, i64 %end) #4 {{", "entry:"]
        for k in wide:
            filled = f"ptr %b{k}, ptr %i{k}, i64 %at, i64 %end"
            lines.append(f"  %base{k} = call i64 @spread.{k}({filled})")
        lines += ["  br label %quick", "quick:", "  %k = phi i64 [ %at, %entry ], [ %k1, %quick ]"]
        if own:
            lines.append("  %bad = phi i1 [ false, %entry ], [ %worse, %quick ]")
        lines += [*quick, "  %k1 = add i64 %k, 1", "  %d = icmp eq i64 %k1, %end"]
        if own:
            lines += [
                "  br i1 %d, label %look, label %quick", "look:",
                "  br i1 %worse, label %slow, label %done", "slow:",
                "  %j = phi i64 [ %at, %look ], [ %j1, %slow ]", *slow,
                "  %j1 = add i64 %j, 1", "  %e = icmp eq i64 %j1, %end",
                "  br i1 %e, label %done, label %slow",
            ]  # fmt: skip
        else:
            lines.append("  br i1 %d, label %done, label %quick")
        lines += ["done:", "  ret void", "}"]
        lines += drive(self.way, given, passed, buffers, self.names)
        lines += kernel(self.way, given.replace("noalias ", "").split(", "))
        declared = declarations(used | {f"own.{name}" for name in own})
        run = ["define i64 @run(ptr %M, ptr %T) {", "  ret i64 0", "}"]
        return "\n".join([*declared, *lines, *run, *ATTRIBUTES]) + "\n"

    def _body(self, own: set[str], used: set[str], quick: bool) -> list[str]:
        """The operations on one element; the quick way takes `functions` and their flags."""
        lines: list[str] = []
        tag, index = ("q", "%k") if quick else ("s", "%j")
        names: dict[Any, str] = {}
        for k, (x, kind) in enumerate(zip(self.given, self.kinds, strict=True)):
            names[x] = f"%i{k}"
            if kind in ("number", "data"):
                continue
            source, place = f"%i{k}", index
            if kind.startswith("spread"):
                source, place = f"%b{k}", f"%{tag}i{k}.k"
                lines.append(f"  {place} = sub i64 {index}, %base{k}")
            names[x] = _loaded(lines, f"%{tag}i{k}", source, place, kind == "truth")
        flags: list[str] = []
        gathers = 0
        for node, part in self.parts.items():
            r = f"%{tag}v{node}"
            given = [
                literal(x) if type(x) is float else names[x if x in names else x[0]]
                for x in part.operands
            ]
            if part.name == "copy":
                names[node] = given[0]
                continue
            if part.name == "gather":
                lines.append(f"  {r}.x = getelementptr i64, ptr %x{gathers}, i64 {index}")
                lines.append(f"  {r}.k = load i64, ptr {r}.x")
                names[node] = _loaded(lines, r, given[0], f"{r}.k", False)
                gathers += 1
                continue
            whole = quick and part.name in QUICK
            written = [(part.name, r, given)] if whole else _written_out(part.name, r, given)
            for name, result, operands in written:
                if quick and name in (*OWN, *QUICK):
                    own.add(name)
                    lines.append(f"  {result} = call double @own.{name}(double {operands[0]})")
                    lines.append(f"  {result}.o = call i1 @outside.{name}(double {operands[0]})")
                    flags.append(f"{result}.o")
                else:
                    operation(lines, name, result, operands, used)
            names[node] = r
        for k, (node, dtype) in enumerate(zip(self.stored, self.dtypes, strict=False)):
            r = f"%{tag}o{k}"
            if dtype == np.float64:
                lines.append(f"  {r} = getelementptr double, ptr %o{k}, i64 {index}")
                lines.append(f"  store double {names[node]}, ptr {r}")
            else:
                lines.append(f"  {r} = getelementptr i8, ptr %o{k}, i64 {index}")
                lines.append(f"  {r}.b = fptoui double {names[node]} to i8")
                lines.append(f"  store i8 {r}.b, ptr {r}")
        for k, node in enumerate(self.reduced):
            r = f"%{tag}sum{k}"
            lines.append(f"  {r}.k = sub i64 {index}, %at")
            lines.append(f"  {r}.p = getelementptr double, ptr %s{k}, i64 {r}.k")
            lines.append(f"  store double {names[node]}, ptr {r}.p")
        if quick and own:
            total = "%bad"
            for i, flag in enumerate(flags):
                new = "%worse" if i == len(flags) - 1 else f"%w{i}"
                lines.append(f"  {new} = or i1 {total}, {flag}")
                total = new
        return lines


def _loaded(lines: list[str], name: str, source: str, index: str, is_truth: bool) -> str:
    """An element of an array as a double."""
    kind = "i8" if is_truth else "double"
    lines.append(f"  {name}.p = getelementptr {kind}, ptr {source}, i64 {index}")
    if is_truth:
        lines.append(f"  {name}.b = load i8, ptr {name}.p")
        lines.append(f"  {name} = uitofp i8 {name}.b to double")
    else:
        lines.append(f"  {name} = load double, ptr {name}.p")
    return name


def _written_out(name: str, r: str, x: list[str]) -> list[tuple[str, str, list[str]]]:
    """An operation in parts: each with its name, its result and its operands."""
    one = literal(1.0)
    if name == "sech_squared":  # 4 e / (1 + e)**2 with e = exp(-2 |x|)
        return [
            ("abs", f"{r}.0", x), ("mul", f"{r}.1", [f"{r}.0", literal(-2.0)]),
            ("exp", f"{r}.2", [f"{r}.1"]), ("add", f"{r}.3", [f"{r}.2", one]),
            ("square", f"{r}.4", [f"{r}.3"]), ("mul", f"{r}.5", [f"{r}.2", literal(4.0)]),
            ("div", r, [f"{r}.5", f"{r}.4"]),
        ]  # fmt: skip
    if name in ("share", "logaddexp"):  # both begin with e = exp(-|x - y|), and LLVM sees that
        first = [
            ("eq", f"{r}.0", sorted(x)), ("sub", f"{r}.1", sorted(x)),
            ("where", f"{r}.2", [f"{r}.0", literal(0.0), f"{r}.1"]),  # of infinities
            ("abs", f"{r}.3", [f"{r}.2"]), ("neg", f"{r}.4", [f"{r}.3"]),
            ("exp", f"{r}.5", [f"{r}.4"]),
        ]  # fmt: skip
        if name == "logaddexp":  # max(x, y) + log1p(e)
            return [
                *first, ("log1p", f"{r}.6", [f"{r}.5"]), ("max", f"{r}.7", x),
                ("add", r, [f"{r}.7", f"{r}.6"]),
            ]  # fmt: skip
        return [  # 1 / (1 + e) or e / (1 + e)
            *first, ("lt", f"{r}.6", x), ("where", f"{r}.7", [f"{r}.6", f"{r}.5", one]),
            ("add", f"{r}.8", [f"{r}.5", one]), ("div", r, [f"{r}.7", f"{r}.8"]),
        ]  # fmt: skip
    return [(name, r, x)]


def schedule(graph: Graph) -> list[int | Kernel]:
    """The nodes of a graph in an order that fuses as many as it can.

    As long as an elementwise operation can run, it joins a kernel; other nodes wait. So a sum does
    not part the way forwards from the way back.
    """
    live = graph.live
    parts = {node: part for node in live if (part := part_of(graph, node)) is not None}
    waits = {n: sum(r >= 0 for r in graph.operands[n]) for n in live}
    users: dict[int, list[int]] = {n: [] for n in live}
    for n in live:
        for r in graph.operands[n]:
            if r >= 0:
                users[r].append(n)
    ready: dict[Any, list[int]] = {}
    others: list[int] = []
    moves: list[int] = []
    order: list[int | Kernel] = []

    def free(node: int) -> None:
        if node in parts:
            ready.setdefault(graph.forms[node][0], []).append(node)
        else:
            (moves if is_move(graph, node) else others).append(node)

    def done(node: int) -> None:
        for user in users[node]:
            waits[user] -= 1
            if not waits[user]:
                free(user)

    outputs = set(graph.outputs)
    for n in live:
        if not waits[n]:
            free(n)
    while ready or others or moves:
        if moves or not ready:  # what moves data lets others run
            waiting = moves or others
            waiting.sort(reverse=True)
            node = waiting.pop()
            order.append(node)
            done(node)
            continue
        shape = max(ready, key=lambda s: len(ready[s]))
        inside: set[int] = set()
        later: list[int] = []
        while ready.get(shape) and len(inside) < MOST:
            node = ready[shape].pop()
            if parts[node].name == "gather" and parts[node].operands[0][0] in inside:
                later.append(node)  # it needs the whole array
                continue
            inside.add(node)
            done(node)
        ready[shape] = ready.get(shape, []) + later
        if not ready[shape]:
            del ready[shape]
        group = {n: parts[n] for n in sorted(inside)}
        reductions = _reductions(graph, group, users)
        for node in reductions:
            inside.add(node)
            others.remove(node)
            done(node)

        leaving = {n for n in group if n in outputs or any(u not in inside for u in users[n])}
        # An array that is only spread out stays as it is, for those outside of the kernel.
        views = {n for n in leaving if parts[n].name == "copy"
                 and parts[n].operands[0][0] not in group}  # fmt: skip
        costly = [p for p in group.values() if p.name in _WORTH or _is_spread(p)]
        if len(group) - len(views) < 2 and not reductions and not costly:
            order += group
            continue
        order += sorted(views)
        order.append(Kernel(graph, group, leaving - views, reductions))
    return order


def _is_spread(part: Part) -> bool:
    """Whether an operation, not a copy, has an operand that broadcasts."""
    return part.name != "copy" and any(type(x) is tuple and "spread" in x[1] for x in part.operands)


def _reductions(graph: Graph, group: dict[int, Part], users: dict[int, list[int]]) -> list[int]:
    """The reductions of arrays of a group that its kernel does: all in one way."""
    found: list[int] = []
    chosen: tuple[Any, ...] | None = None
    ready = [u for n in group for u in users[n] if len(set(graph.operands[u])) == 1]
    for node in sorted(ready, key=lambda u: len(users[graph.operands[u][0]]) > 1):
        way = way_of(graph, node)
        if way is None or (found and way != chosen):
            continue
        if found and (way == ("total",) or (way[0] == "rows" and way[1] > LEAF)):
            continue
        found.append(node)
        chosen = way
    return found
