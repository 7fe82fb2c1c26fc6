"""A scalar tape as LLVM's assembly text."""

from __future__ import annotations

from typing import Any

import numpy as np

from .layout import Layout, Source
from .literals import literal
from .loops import Segment
from .tape import NAMES, FinishedTape

DONE, NOT_FINITE = -1, -2
_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_COMPARISONS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}
_INTRINSICS = {
    "sqrt": "sqrt", "abs": "fabs", "floor": "floor", "ceil": "ceil", "rint": "rint",
    "trunc": "trunc",
}  # fmt: skip
_LIBRARY = {
    name: name
    for name in (
        "sin", "cos", "tan", "exp", "log", "tanh", "sinh", "cosh", "log1p", "expm1", "log2",
        "log10", "exp2", "cbrt", "hypot", "pow",
    )
} | {
    "arctan": "atan", "arcsin": "asin", "arccos": "acos", "arctan2": "atan2",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip
_TWO_OPERANDS = ("hypot", "pow", "arctan2")
STRAIGHT = 3000  # operations of straight code that pay for optimisation


def operation(
    out: list[str], name: str, r: str, x: list[str], used: set[str], fast: str = "", place: int = 0
) -> None:
    """Append the instructions of one operation on doubles; `used` collects library functions."""
    if name in _ARITHMETIC:
        out.append(f"  {r} = {_ARITHMETIC[name]} {fast}double {x[0]}, {x[1]}")
    elif name == "neg":
        out.append(f"  {r} = fneg double {x[0]}")
    elif name == "square":
        out.append(f"  {r} = fmul double {x[0]}, {x[0]}")
    elif name in _INTRINSICS:
        used.add(name)
        out.append(f"  {r} = call double @llvm.{_INTRINSICS[name]}.f64(double {x[0]})")
    elif name == "copysign":
        used.add(name)
        out.append(f"  {r} = call double @llvm.copysign.f64(double {x[0]}, double {x[1]})")
    elif name in _LIBRARY:
        used.add(name)
        given = ", ".join(f"double {v}" for v in x)
        out.append(f"  {r} = call double @{_LIBRARY[name]}({given})")
    elif name in _COMPARISONS:
        out.append(f"  {r}.c = fcmp {_COMPARISONS[name]} double {x[0]}, {x[1]}")
        out.append(f"  {r} = uitofp i1 {r}.c to double")
    elif name in ("not", "isnan"):
        test = "oeq" if name == "not" else "uno"
        out.append(f"  {r}.c = fcmp {test} double {x[0]}, 0.0")
        out.append(f"  {r} = uitofp i1 {r}.c to double")
    elif name in ("and", "or", "xor"):
        out.append(f"  {r}.a = fcmp une double {x[0]}, 0.0")
        out.append(f"  {r}.b = fcmp une double {x[1]}, 0.0")
        out.append(f"  {r}.c = {name} i1 {r}.a, {r}.b")
        out.append(f"  {r} = uitofp i1 {r}.c to double")
    elif name == "where":
        out.append(f"  {r}.c = fcmp une double {x[0]}, 0.0")
        out.append(f"  {r} = select i1 {r}.c, double {x[1]}, double {x[2]}")
    elif name in ("max", "min"):  # a NaN wins, as in NumPy
        test = "ogt" if name == "max" else "olt"
        out.append(f"  {r}.a = fcmp {test} double {x[0]}, {x[1]}")
        out.append(f"  {r}.b = fcmp uno double {x[0]}, 0.0")
        out.append(f"  {r}.c = or i1 {r}.a, {r}.b")
        out.append(f"  {r} = select i1 {r}.c, double {x[0]}, double {x[1]}")
    elif name == "sign":
        out.append(f"  {r}.p = fcmp ogt double {x[0]}, 0.0")
        out.append(f"  {r}.n = fcmp olt double {x[0]}, 0.0")
        out.append(f"  {r}.q = select i1 {r}.n, double -1.0, double 0.0")
        out.append(f"  {r}.s = select i1 {r}.p, double 1.0, double {r}.q")
        out.append(f"  {r}.u = fcmp uno double {x[0]}, 0.0")
        out.append(f"  {r} = select i1 {r}.u, double {x[0]}, double {r}.s")
    else:
        _test(out, name, r, x, place)


def _test(out: list[str], name: str, r: str, x: list[str], place: int) -> None:
    """A test, which ends the replay where it does not hold."""
    if name == "guard":
        out.append(f"  {r}.c = fcmp oeq double {x[0]}, {x[1]}")
    elif name == "same":  # to the last bit, with the sign of a zero
        out.append(f"  {r}.a = bitcast double {x[0]} to i64")
        out.append(f"  {r}.b = bitcast double {x[1]} to i64")
        out.append(f"  {r}.c = icmp eq i64 {r}.a, {r}.b")
    elif name == "nonzero":
        out.append(f"  {r}.c = fcmp une double {x[0]}, 0.0")
    else:
        out.append(f"  {r}.d = fsub double {x[0]}, {x[0]}")
        out.append(f"  {r}.c = fcmp oeq double {r}.d, 0.0")
    label = r[1:]
    out.append(f"  br i1 {r}.c, label %go.{label}, label %stop.{label}")
    out.append(f"stop.{label}:")
    out.append(f"  ret i64 {place}")
    out.append(f"go.{label}:")


def declarations(used: set[str]) -> list[str]:
    """The declarations of library functions."""
    lines = []
    for name in sorted(used):
        if name in _INTRINSICS:
            lines.append(f"declare double @llvm.{_INTRINSICS[name]}.f64(double)")
        elif name == "copysign":
            lines.append("declare double @llvm.copysign.f64(double, double)")
        else:
            operands = "double, double" if name in _TWO_OPERANDS else "double"
            lines.append(f"declare double @{_LIBRARY[name]}({operands}) #1")
    return lines


class Assembly:
    """The text of the function `run(arena, table)`, and the layout of its memory.

    It returns the place of the test that failed, or `DONE`, or `NOT_FINITE` if a result is not
    finite. Results lie at `outputs`, a list of addresses, in the form of the tape's outputs.
    """

    def __init__(self, tape: FinishedTape, fastmath: bool = False) -> None:
        self.tape, self.layout = tape, Layout(tape)
        self.fast = "fast " if fastmath else ""
        self.used: set[str] = set()
        self.outputs: list[int] = []
        self.size = self.layout.size
        self.loops = [u for u in self.layout.units if u.times > 1]
        self.straight = sum(u.period for u in self.layout.units if u.times == 1)
        self.text = self._module()

    def _module(self) -> str:
        units = [self._unit(k) for k in range(len(self.layout.units))]
        copies = self._copies()
        run = ["define i64 @run(ptr noalias %M, ptr noalias %T) #0 {", "entry:"]
        for k in range(len(units)):
            run += [
                f"  %r{k} = call i64 @u{k}(ptr %M, ptr %T)",
                f"  %f{k} = icmp sge i64 %r{k}, 0",
                f"  br i1 %f{k}, label %failed{k}, label %ok{k}",
                f"failed{k}:",
                f"  ret i64 %r{k}",
                f"ok{k}:",
            ]
        run += copies
        run.append("}")
        code = [line for unit in units for line in unit]
        return "\n".join([*declarations(self.used), *code, *run, *ATTRIBUTES]) + "\n"

    def _unit(self, k: int) -> list[str]:
        unit = self.layout.units[k]
        attributes = "#0"
        if unit.times == 1:
            body = self._straight(unit)
            attributes = "#0" if self.straight <= STRAIGHT else "#2"
        else:
            sources = self.layout.sources[k]
            assert sources is not None
            body = self._loop(unit, sources, self.layout.stored[k])
        head = f"define internal i64 @u{k}(ptr noalias %M, ptr noalias %T) {attributes} {{"
        return [head, "entry:", *body, "}"]

    def _constant(self, slot: int) -> str | None:
        """The text of a slot that is a constant."""
        if self.tape.inputs <= slot < self.tape.first:
            return literal(self.tape.values[slot - self.tape.inputs])
        return None

    def _straight(self, unit: Segment) -> list[str]:
        tape, layout, out = self.tape, self.layout, []
        first = tape.first + unit.start
        rows = tape.operands[:, unit.start : unit.stop].T.tolist()
        codes = tape.codes[unit.start : unit.stop].tolist()
        arity = tape.arity[unit.start : unit.stop].tolist()
        addresses = layout.addresses[first : tape.first + unit.stop].tolist()
        loaded: dict[int, str] = {}

        def value(slot: int) -> str:
            if slot >= first:
                return f"%v{slot}"
            text = self._constant(slot) or loaded.get(slot)
            if text is None:
                text = loaded[slot] = f"%l{slot}"
                out.append(f"  %p{slot} = getelementptr double, ptr %M, i64 "
                           f"{layout.addresses[slot]}")  # fmt: skip
                out.append(f"  {text} = load double, ptr %p{slot}")
            return text

        for i, (code, row, count) in enumerate(zip(codes, rows, arity, strict=True)):
            slot = first + i
            given = [value(s) for s in row[:count]]
            operation(out, NAMES[code], f"%v{slot}", given, self.used, self.fast, unit.start + i)
            if addresses[i] >= 0:
                out.append(f"  %q{slot} = getelementptr double, ptr %M, i64 {addresses[i]}")
                out.append(f"  store double %v{slot}, ptr %q{slot}")
        out.append(f"  ret i64 {DONE}")
        return out

    def _loop(
        self, unit: Segment, sources: list[list[Source]], stored: dict[int, tuple[str, int]]
    ) -> list[str]:
        before: list[str] = []
        carried: list[str] = []
        body: list[str] = []
        after: list[str] = []
        known: dict[Any, str] = {}
        codes = self.tape.codes[unit.start : unit.start + unit.period].tolist()

        def fixed(slot: int) -> str:
            text = self._constant(slot) or known.get(("fixed", slot))
            if text is None:
                text = known["fixed", slot] = f"%i{slot}"
                address = self.layout.addresses[slot]
                before.append(f"  %ip{slot} = getelementptr double, ptr %M, i64 {address}")
                before.append(f"  {text} = load double, ptr %ip{slot}")
            return text

        def value(s: Source) -> str:
            if s.kind == "here":
                return f"%v{s.a}"
            if s.kind == "fixed":
                return fixed(s.a)
            text = known.get(s)
            if text is not None:
                return text
            n = len(known)
            if s.kind == "carried":
                text = f"%h{n}"
                start = fixed(s.b)
                carried.append(f"  {text} = phi double [ {start}, %entry ], [ %v{s.a}, %latch ]")
            elif s.kind == "step":
                text = f"%x{n}"
                body.append(f"  %m{n} = mul i64 %k, {s.b}")
                body.append(f"  %a{n} = add i64 %m{n}, {s.a}")
                body.append(f"  %g{n} = getelementptr double, ptr %M, i64 %a{n}")
                body.append(f"  {text} = load double, ptr %g{n}")
            else:
                text = f"%x{n}"
                body.append(f"  %m{n} = add i64 %k, {s.a}")
                body.append(f"  %n{n} = getelementptr i64, ptr %T, i64 %m{n}")
                body.append(f"  %a{n} = load i64, ptr %n{n}")
                body.append(f"  %g{n} = getelementptr double, ptr %M, i64 %a{n}")
                body.append(f"  {text} = load double, ptr %g{n}")
            if s.kind == "carried":
                known[s] = text  # what memory holds may change within an iteration
            else:
                known[n] = text
            return text

        for i, (code, row) in enumerate(zip(codes, sources, strict=True)):
            given = [value(s) for s in row]
            operation(body, NAMES[code], f"%v{i}", given, self.used, self.fast, unit.start + i)
            if i in stored:
                which, address = stored[i]
                if which == "all":
                    body.append(f"  %sa{i} = add i64 %k, {address}")
                    body.append(f"  %sp{i} = getelementptr double, ptr %M, i64 %sa{i}")
                    body.append(f"  store double %v{i}, ptr %sp{i}")
                else:
                    after.append(f"  %sp{i} = getelementptr double, ptr %M, i64 {address}")
                    after.append(f"  store double %v{i}, ptr %sp{i}")
        return [
            *before, "  br label %head", "head:",
            "  %k = phi i64 [ 0, %entry ], [ %next, %latch ]", *carried, *body,
            "  br label %latch", "latch:", "  %next = add i64 %k, 1",
            f"  %done = icmp eq i64 %next, {unit.times}",
            "  br i1 %done, label %exit, label %head", "exit:", *after, f"  ret i64 {DONE}",
        ]  # fmt: skip

    def _copies(self) -> list[str]:
        """The end of `run`: results copied next to each other, and a look for infinities."""
        lines: list[str] = ["  br label %copies", "copies:"]
        at, previous = self.size, "copies"
        start = at
        for k, out in enumerate(self.tape.outputs):
            addresses = self.layout.addresses[np.ravel(out)]
            self.outputs.append(at)
            count = len(addresses)
            if count <= 4:
                for i, address in enumerate(addresses.tolist()):
                    n = f"{k}.{i}"
                    lines += [
                        f"  %cp{n} = getelementptr double, ptr %M, i64 {address}",
                        f"  %cx{n} = load double, ptr %cp{n}",
                        f"  %cq{n} = getelementptr double, ptr %M, i64 {at + i}",
                        f"  store double %cx{n}, ptr %cq{n}",
                    ]
            else:
                steps = np.diff(addresses)
                lines += [
                    f"  br label %copy{k}", f"copy{k}:",
                    f"  %ck{k} = phi i64 [ 0, %{previous} ], [ %cn{k}, %copy{k} ]",
                ]  # fmt: skip
                if (steps == steps[0]).all():
                    lines += [
                        f"  %cm{k} = mul i64 %ck{k}, {steps[0]}",
                        f"  %ca{k} = add i64 %cm{k}, {addresses[0]}",
                    ]
                else:
                    place = self.layout.add_table(addresses)
                    lines += [
                        f"  %cm{k} = add i64 %ck{k}, {place}",
                        f"  %ct{k} = getelementptr i64, ptr %T, i64 %cm{k}",
                        f"  %ca{k} = load i64, ptr %ct{k}",
                    ]
                lines += [
                    f"  %cp{k} = getelementptr double, ptr %M, i64 %ca{k}",
                    f"  %cx{k} = load double, ptr %cp{k}",
                    f"  %co{k} = add i64 %ck{k}, {at}",
                    f"  %cq{k} = getelementptr double, ptr %M, i64 %co{k}",
                    f"  store double %cx{k}, ptr %cq{k}",
                    f"  %cn{k} = add i64 %ck{k}, 1",
                    f"  %cd{k} = icmp eq i64 %cn{k}, {count}",
                    f"  br i1 %cd{k}, label %copied{k}, label %copy{k}",
                    f"copied{k}:",
                ]
                previous = f"copied{k}"
            at += count
        self.size = at
        if at == start:
            return [*lines, f"  ret i64 {DONE}"]
        return [
            *lines, "  br label %look", "look:",
            f"  %lk = phi i64 [ {start}, %{previous} ], [ %ln, %look ]",
            f"  %lb = phi i1 [ false, %{previous} ], [ %lo, %look ]",
            "  %lp = getelementptr double, ptr %M, i64 %lk", "  %lx = load i64, ptr %lp",
            "  %le = and i64 %lx, 9218868437227405312",
            "  %lc = icmp eq i64 %le, 9218868437227405312", "  %lo = or i1 %lb, %lc",
            "  %ln = add i64 %lk, 1", f"  %ld = icmp eq i64 %ln, {at}",
            "  br i1 %ld, label %looked, label %look", "looked:",
            f"  %lr = select i1 %lo, i64 {NOT_FINITE}, i64 {DONE}", "  ret i64 %lr",
        ]  # fmt: skip


ATTRIBUTES = [
    "attributes #0 = { nounwind }",
    "attributes #1 = { nounwind willreturn memory(none) }",
    "attributes #2 = { nounwind noinline optnone }",
]
