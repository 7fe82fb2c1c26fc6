"""Fused kernels: runs of elementwise operations on large arrays, each one pass over memory.

A kernel works in blocks. A block in which an argument lies outside of the range of a function of
`functions` is computed once more, with the functions of the C library.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..core.primitive import PRIMITIVES
from .functions import OWN
from .graph import Graph
from .instructions import ATTRIBUTES, declarations, operation
from .literals import literal
from .machine import Code, object_code
from .operations import LOGIC, POWERS, UFUNCS, primitives

LEAST = 2048  # elements that are worth a kernel
BLOCK = 512
_TRUTHS = frozenset(("lt", "le", "gt", "ge", "eq", "ne", "not", "and", "or", "xor", "isnan"))


def is_array(form: Any) -> bool:
    """Whether a form is a large array of doubles or truth values."""
    return (
        type(form) is tuple and form[1] in (np.float64, np.bool_) and int(np.prod(form[0])) >= LEAST
    )


def name_of(graph: Graph, node: int) -> str | None:
    """The operation of a node that a kernel can do, or None."""
    function, form = graph.operations[node], graph.forms[node]
    if not is_array(form):
        return None
    refs = graph.operands[node]
    kinds = [_kind(graph, ref, form[0]) for ref in refs]
    if None in kinds:
        return None
    if _is_where(function):
        return "where" if len(refs) == 3 and kinds[0] == "truth" else None
    name = UFUNCS.get(function) or _formula(function)
    if function in POWERS:
        exponent: Any = graph.constants[-1 - refs[1]] if refs[1] < 0 else None
        is_square = isinstance(exponent, (int, float)) and exponent == 2
        return "square" if kinds[0] == "array" and is_square else None
    if function in LOGIC:
        return LOGIC[function] if set(kinds) == {"truth"} else None
    if name is None or (name in _TRUTHS) != (form[1] == np.bool_):
        return None
    if "truth" in kinds and (name in ("neg", "sub") or set(kinds) == {"truth"}):
        return None if name not in ("not", "and", "or", "xor") else name
    return name


def _formula(function: Any) -> str | None:
    """The name of a function of the rules that a kernel writes out."""
    name = getattr(primitives(len(PRIMITIVES)).get(function), "name", None)
    return name if name in ("sech_squared", "share") else None


def _is_where(function: Any) -> bool:
    return function is np.where


def _kind(graph: Graph, ref: int, shape: tuple[int, ...]) -> str | None:
    """How a kernel takes an operand: "array", "truth" (an array of them) or "number"."""
    if ref < 0:
        x = graph.constants[-1 - ref]
        if type(x) is ndarray:
            form: Any = (x.shape, x.dtype)
        elif isinstance(x, (bool, np.bool_)) or not isinstance(x, (float, int)):
            return None
        else:
            return "number"
    else:
        form = graph.forms[ref]
    if form is float or form is np.float64:
        return "number"
    if type(form) is not tuple:
        return None
    if form[0] == () and form[1] == np.float64:
        return "number"
    if form[0] != shape:
        return None
    return "array" if form[1] == np.float64 else "truth" if form[1] == np.bool_ else None


class Kernel:
    """Some nodes in their order, as one function of arrays and numbers."""

    def __init__(self, graph: Graph, nodes: Sequence[int], needed: Callable[[int], bool]) -> None:
        self.graph, self.nodes = graph, list(nodes)
        self.shape: tuple[int, ...] = graph.forms[nodes[0]][0]
        inside = set(nodes)
        refs = [r for n in nodes for r in graph.operands[n] if r not in inside]
        self.inputs = list(dict.fromkeys(refs))
        self.kinds = [_kind(graph, r, self.shape) for r in self.inputs]
        self.outputs = [n for n in nodes if needed(n)]
        self.names = {n: str(name_of(graph, n)) for n in nodes}
        self.dtypes = [graph.forms[n][1] for n in self.outputs]
        self.text = self._text()
        self.__name__ = f"kernel of {len(self.nodes)} operations"

    def __getstate__(self) -> dict[str, Any]:
        return {k: vars(self)[k] for k in ("text", "kinds", "dtypes", "shape", "__name__")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.load()

    def load(self) -> None:
        """Compile the kernel, or load it from the cache."""
        self.code = Code(object_code(self.text))
        pointers = [ctypes.c_double if k == "number" else ctypes.c_void_p for k in self.kinds]
        kinds = [*([ctypes.c_void_p] * len(self.dtypes)), *pointers, ctypes.c_int64]
        address = self.code.engine.get_function_address("kernel")
        self.native = ctypes.CFUNCTYPE(None, *kinds)(address)
        self.size = int(np.prod(self.shape))

    def __call__(self, *inputs: Any) -> Any:
        held, given = [], []
        for x, kind in zip(inputs, self.kinds, strict=True):
            if kind == "number":
                given.append(float(x))
                continue
            if not x.flags.c_contiguous:
                x = np.ascontiguousarray(x)
            held.append(x)
            given.append(x.ctypes.data)
        made = [np.empty(self.shape, dtype) for dtype in self.dtypes]
        self.native(*[m.ctypes.data for m in made], *given, self.size)
        return made

    def _text(self) -> str:
        used: set[str] = set()
        own: set[str] = set()
        quick = self._body(own, used, quick=True)
        slow = self._body(own, used, quick=False) if own else []
        outs = [f"ptr noalias %o{k}" for k in range(len(self.outputs))]
        ins = [
            f"double %i{k}" if kind == "number" else f"ptr %i{k}"
            for k, kind in enumerate(self.kinds)
        ]
        lines = [f"define void @kernel({', '.join([*outs, *ins, 'i64 %n'])}) #0 {{", "entry:"]
        lines += [
            "  br label %block", "block:",
            "  %at = phi i64 [ 0, %entry ], [ %end, %next ]",
            f"  %full = add i64 %at, {BLOCK}", "  %over = icmp sgt i64 %full, %n",
            "  %end = select i1 %over, i64 %n, i64 %full", "  br label %quick", "quick:",
            "  %k = phi i64 [ %at, %block ], [ %k1, %quick ]",
        ]  # fmt: skip
        if own:
            lines.append("  %bad = phi i1 [ false, %block ], [ %worse, %quick ]")
        lines += quick
        lines += ["  %k1 = add i64 %k, 1", "  %d = icmp eq i64 %k1, %end"]
        if own:
            lines += [
                "  br i1 %d, label %look, label %quick", "look:",
                "  br i1 %worse, label %slow, label %next", "slow:",
                "  %j = phi i64 [ %at, %look ], [ %j1, %slow ]", *slow,
                "  %j1 = add i64 %j, 1", "  %e = icmp eq i64 %j1, %end",
                "  br i1 %e, label %next, label %slow",
            ]  # fmt: skip
        else:
            lines.append("  br i1 %d, label %next, label %quick")
        lines += [
            "next:", "  %all = icmp eq i64 %end, %n",
            "  br i1 %all, label %return, label %block", "return:", "  ret void", "}",
        ]  # fmt: skip
        declared = declarations(used | {f"own.{name}" for name in own})
        run = ["define i64 @run(ptr %M, ptr %T) {", "  ret i64 0", "}"]
        return "\n".join([*declared, *lines, *run, *ATTRIBUTES]) + "\n"

    def _body(self, own: set[str], used: set[str], quick: bool) -> list[str]:
        """The operations on one element; the quick way takes `functions` and their flags."""
        lines: list[str] = []
        tag, index = ("q", "%k") if quick else ("s", "%j")
        names: dict[int, str] = {}
        for k, (ref, kind) in enumerate(zip(self.inputs, self.kinds, strict=True)):
            name = f"%{tag}i{k}"
            if kind == "number":
                names[ref] = f"%i{k}"
            elif kind == "array":
                lines.append(f"  {name}.p = getelementptr double, ptr %i{k}, i64 {index}")
                lines.append(f"  {name} = load double, ptr {name}.p")
                names[ref] = name
            else:
                lines.append(f"  {name}.p = getelementptr i8, ptr %i{k}, i64 {index}")
                lines.append(f"  {name}.b = load i8, ptr {name}.p")
                lines.append(f"  {name} = uitofp i8 {name}.b to double")
                names[ref] = name
        flags: list[str] = []
        for node in self.nodes:
            name = self.names[node]
            r = f"%{tag}v{node}"
            given = [names[ref] for ref in self.graph.operands[node]]
            for part, result, operands in _written_out(name, r, given):
                if quick and part in OWN:
                    own.add(part)
                    lines.append(f"  {result} = call double @own.{part}(double {operands[0]})")
                    lines.append(f"  {result}.o = call i1 @outside.{part}(double {operands[0]})")
                    flags.append(f"{result}.o")
                else:
                    operation(lines, part, result, operands, used)
            names[node] = r
        for k, (node, dtype) in enumerate(zip(self.outputs, self.dtypes, strict=True)):
            r = f"%{tag}o{k}"
            if dtype == np.float64:
                lines.append(f"  {r} = getelementptr double, ptr %o{k}, i64 {index}")
                lines.append(f"  store double {names[node]}, ptr {r}")
            else:
                lines.append(f"  {r} = getelementptr i8, ptr %o{k}, i64 {index}")
                lines.append(f"  {r}.b = fptoui double {names[node]} to i8")
                lines.append(f"  store i8 {r}.b, ptr {r}")
        if quick and own:
            total = "%bad"
            for i, flag in enumerate(flags):
                new = "%worse" if i == len(flags) - 1 else f"%w{i}"
                lines.append(f"  {new} = or i1 {total}, {flag}")
                total = new
        return lines


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
    if name == "share":  # 1 / (1 + exp(y - x))
        return [
            ("sub", f"{r}.0", [x[1], x[0]]), ("exp", f"{r}.1", [f"{r}.0"]),
            ("add", f"{r}.2", [f"{r}.1", one]), ("div", r, [one, f"{r}.2"]),
        ]  # fmt: skip
    return [(name, r, x)]


def schedule(graph: Graph) -> list[int | Kernel]:
    """The nodes of a graph in an order that fuses as many as it can.

    As long as an elementwise operation can run, it joins a kernel; other nodes wait. So a sum does
    not part the way forwards from the way back.
    """
    live = graph.live
    names = {node: name_of(graph, node) for node in live}
    waits = {n: sum(r >= 0 for r in graph.operands[n]) for n in live}
    users: dict[int, list[int]] = {n: [] for n in live}
    for n in live:
        for r in graph.operands[n]:
            if r >= 0:
                users[r].append(n)
    ready: dict[Any, list[int]] = {}
    others: list[int] = []
    order: list[int | Kernel] = []

    def free(node: int) -> None:
        if names[node] is None:
            others.append(node)
        else:
            ready.setdefault(graph.forms[node][0], []).append(node)

    def done(node: int) -> None:
        for user in users[node]:
            waits[user] -= 1
            if not waits[user]:
                free(user)

    outputs = set(graph.outputs)
    for n in live:
        if not waits[n]:
            free(n)
    while ready or others:
        if not ready:
            others.sort(reverse=True)
            node = others.pop()
            order.append(node)
            done(node)
            continue
        shape = max(ready, key=lambda s: len(ready[s]))
        group: list[int] = []
        while ready.get(shape):
            node = ready[shape].pop()
            group.append(node)
            done(node)
        del ready[shape]
        group.sort()
        inside = set(group)

        def leaves(node: int, inside: set[int] = inside) -> bool:
            return node in outputs or any(user not in inside for user in users[node])

        if len(group) < 2 and names[group[0]] not in (*OWN, "sech_squared", "share"):
            order += group
        else:
            order.append(Kernel(graph, group, leaves))
    return order
