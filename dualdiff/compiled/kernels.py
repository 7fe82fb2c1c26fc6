"""Fused kernels: runs of elementwise operations on large arrays, each one pass over memory.

A kernel works in blocks. A block in which an argument lies outside of the range of a function of
`functions` is computed once more, with the functions of the C library. The sum of all elements of
an array belongs to the kernel as well; it takes the blocks of NumPy's pairwise sums, in their
order, and the array itself need not be kept.
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
from .recorder import Call, Hole, Method
from .tape import STARTS_FROM_ZERO

LEAST = 2048  # elements that are worth a kernel
BLOCK, LEAF = 512, 128
_KEPT = ("text", "kinds", "dtypes", "shape", "has_total", "__name__")
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
            if x.dtype == np.float64 and x.shape == shape and not any(x.strides):
                return "number"  # one number, spread out
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


def summed(graph: Graph, node: int) -> int | None:
    """The array of whose elements a node is the sum, or None."""
    operation, refs = graph.operations[node], graph.operands[node]
    if graph.forms[node] is not np.float64 or len(refs) != 1 or refs[0] < 0:
        return None
    args: Any = ()
    given: dict[str, Any] = {}
    function = operation
    if isinstance(operation, Call):
        function, args, given = operation.function, operation.args, dict(operation.kwargs)
    if type(operation) is Method:
        if function != "sum" or args:
            return None
    elif function is not np.sum or (args and (len(args) > 1 or type(args[0]) is not Hole)):
        return None
    form = graph.forms[refs[0]]
    axis = given.pop("axis", None)
    is_all = axis is None or (len(form[0]) == 1 and axis in (0, -1, (0,), (-1,)))
    is_plain = not given.pop("keepdims", False) and not given
    return refs[0] if is_array(form) and form[1] == np.float64 and is_all and is_plain else None


class Kernel:
    """Some nodes in their order, as one function of arrays and numbers.

    `total`, if it is given, is a node that is the sum of one of the arrays.
    """

    def __init__(
        self,
        graph: Graph,
        nodes: Sequence[int],
        needed: Callable[[int], bool],
        total: int | None = None,
    ) -> None:
        self.graph, self.nodes = graph, list(nodes)
        self.has_total = total is not None
        self.summed = graph.operands[total][0] if total is not None else None
        self.shape: tuple[int, ...] = graph.forms[nodes[0]][0]
        inside = set(nodes)
        refs = [r for n in nodes for r in graph.operands[n] if r not in inside]
        self.inputs = list(dict.fromkeys(refs))
        self.kinds = [_kind(graph, r, self.shape) for r in self.inputs]
        self.outputs = [n for n in nodes if needed(n)]
        self.names = {n: str(name_of(graph, n)) for n in nodes}
        self.dtypes = [graph.forms[n][1] for n in self.outputs]
        self.text = self._text()
        if total is not None:
            self.outputs.append(total)
        self.__name__ = f"kernel of {len(self.nodes)} operations"

    def __getstate__(self) -> dict[str, Any]:
        return {k: vars(self)[k] for k in _KEPT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.load()

    def load(self) -> None:
        """Compile the kernel, or load it from the cache."""
        self.code = Code(object_code(self.text))
        pointers = [ctypes.c_double if k == "number" else ctypes.c_void_p for k in self.kinds]
        kinds = [*([ctypes.c_void_p] * len(self.dtypes)), *pointers, ctypes.c_int64]
        address = self.code.engine.get_function_address("kernel")
        result = ctypes.c_double if self.has_total else None
        self.native = ctypes.CFUNCTYPE(result, *kinds)(address)
        self.size = int(np.prod(self.shape))

    def __call__(self, *inputs: Any) -> Any:
        held, given = [], []
        for x, kind in zip(inputs, self.kinds, strict=True):
            if kind == "number":
                given.append(float(x.flat[0] if type(x) is ndarray else x))
                continue
            if not x.flags.c_contiguous:
                x = np.ascontiguousarray(x)
            held.append(x)
            given.append(x.ctypes.data)
        made = [np.empty(self.shape, dtype) for dtype in self.dtypes]
        total = self.native(*[m.ctypes.data for m in made], *given, self.size)
        return [*made, np.float64(total)] if self.has_total else made

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
        given = ", ".join([*outs, *ins])
        buffer = ", ptr noalias %sum" if self.has_total else ""
        lines = [
            f"define internal void @block({given}{buffer}, i64 %at, i64 %end) #0 {{", "entry:",
            "  br label %quick", "quick:", "  %k = phi i64 [ %at, %entry ], [ %k1, %quick ]",
        ]  # fmt: skip
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
        passed = given.replace("noalias ", "")
        lines += _sums(given, passed) if self.has_total else _blocks(given, passed)
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
        if self.summed is not None:
            r = f"%{tag}sum"
            lines.append(f"  {r}.k = sub i64 {index}, %at")
            lines.append(f"  {r}.p = getelementptr double, ptr %sum, i64 {r}.k")
            lines.append(f"  store double {names[self.summed]}, ptr {r}.p")
        if quick and own:
            total = "%bad"
            for i, flag in enumerate(flags):
                new = "%worse" if i == len(flags) - 1 else f"%w{i}"
                lines.append(f"  {new} = or i1 {total}, {flag}")
                total = new
        return lines


def _blocks(given: str, passed: str) -> list[str]:
    """The kernel, block by block."""
    return [
        f"define void @kernel({given}, i64 %n) #0 {{", "entry:", "  br label %each", "each:",
        "  %at = phi i64 [ 0, %entry ], [ %end, %each ]",
        f"  %full = add i64 %at, {BLOCK}", "  %over = icmp sgt i64 %full, %n",
        "  %end = select i1 %over, i64 %n, i64 %full",
        f"  call void @block({passed}, i64 %at, i64 %end)",
        "  %all = icmp eq i64 %end, %n", "  br i1 %all, label %return, label %each",
        "return:", "  ret void", "}",
    ]  # fmt: skip


def _sums(given: str, passed: str) -> list[str]:
    """The kernel in halves, as NumPy's pairwise sums take them: up to 128 elements at a time, in
    eight partial sums."""
    v8 = "<8 x double>"
    start = f"fadd double {literal(0.0 if STARTS_FROM_ZERO else -0.0)}, %total"
    return [
        f"define internal double @leaf({given}, ptr %sum, i64 %at, i64 %n) #0 {{", "entry:",
        "  %end = add i64 %at, %n", f"  call void @block({passed}, ptr %sum, i64 %at, i64 %end)",
        "  %few = icmp slt i64 %n, 8", "  br i1 %few, label %short, label %eights",
        "short:", "  %s0 = load double, ptr %sum", "  br label %rest",
        "eights:", f"  %first = load {v8}, ptr %sum, align 8", "  %whole = and i64 %n, -8",
        "  br label %more", "more:",
        f"  %parts = phi {v8} [ %first, %eights ], [ %parts1, %add ]",
        "  %k = phi i64 [ 8, %eights ], [ %k1, %add ]", "  %last = icmp eq i64 %k, %whole",
        "  br i1 %last, label %pairs, label %add", "add:",
        "  %p = getelementptr double, ptr %sum, i64 %k", f"  %x = load {v8}, ptr %p, align 8",
        f"  %parts1 = fadd {v8} %parts, %x", "  %k1 = add i64 %k, 8", "  br label %more",
        "pairs:",
        *(f"  %e{i} = extractelement {v8} %parts, i64 {i}" for i in range(8)),
        *(f"  %f{i} = fadd double %e{2 * i}, %e{2 * i + 1}" for i in range(4)),
        *(f"  %g{i} = fadd double %f{2 * i}, %f{2 * i + 1}" for i in range(2)),
        "  %s1 = fadd double %g0, %g1", "  br label %rest", "rest:",
        "  %r = phi double [ %s0, %short ], [ %s1, %pairs ], [ %r1, %one ]",
        "  %j = phi i64 [ 1, %short ], [ %whole, %pairs ], [ %j1, %one ]",
        "  %end0 = icmp eq i64 %j, %n", "  br i1 %end0, label %return, label %one", "one:",
        "  %q = getelementptr double, ptr %sum, i64 %j", "  %y = load double, ptr %q",
        "  %r1 = fadd double %r, %y", "  %j1 = add i64 %j, 1", "  br label %rest",
        "return:", "  ret double %r", "}",
        f"define internal double @halves({given}, ptr %sum, i64 %at, i64 %n) #0 {{", "entry:",
        f"  %small = icmp sle i64 %n, {LEAF}", "  br i1 %small, label %one, label %two", "one:",
        f"  %a = call double @leaf({passed}, ptr %sum, i64 %at, i64 %n)", "  ret double %a",
        "two:", "  %h = lshr i64 %n, 1", "  %m = and i64 %h, -8", "  %w = sub i64 %n, %m",
        "  %c = add i64 %at, %m",
        f"  %x = call double @halves({passed}, ptr %sum, i64 %at, i64 %m)",
        f"  %y = call double @halves({passed}, ptr %sum, i64 %c, i64 %w)",
        "  %t = fadd double %x, %y", "  ret double %t", "}",
        f"define double @kernel({given}, i64 %n) #0 {{", "entry:",
        f"  %sum = alloca double, i64 {LEAF}, align 64",
        f"  %total = call double @halves({passed}, ptr %sum, i64 0, i64 %n)",
        f"  %t = {start}", "  ret double %t", "}",
    ]  # fmt: skip


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

        total = next((u for n in group for u in users[n] if summed(graph, u) == n), None)
        if total is not None:
            inside.add(total)
            others.remove(total)
            done(total)

        def leaves(node: int, inside: set[int] = inside) -> bool:
            return node in outputs or any(user not in inside for user in users[node])

        if total is not None:
            order.append(Kernel(graph, group, leaves, total))
        elif len(group) < 2 and names[group[0]] not in (*OWN, "sech_squared", "share"):
            order += group
        else:
            order.append(Kernel(graph, group, leaves))
    return order
