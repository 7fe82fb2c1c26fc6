"""A scalar tape as LLVM's assembly text."""

from __future__ import annotations

from typing import Any

import numpy as np

from .instructions import ATTRIBUTES, DONE, NOT_FINITE, declarations, operation
from .layout import Layout, Source
from .literals import SCALAR, Types
from .loops import Segment
from .machine import LONGEST, PASSES, PLAIN, QUICK, SHORT
from .tape import NAMES, FinishedTape

STRAIGHT = 3000  # operations of straight code that pay for optimisation
VECTORS = 32  # operations of a loop that LLVM's passes may turn into vector instructions
REGISTERS = 16  # fixed operands that a loop may hold in registers


class Assembly:
    """The text of the function `run(arena, table)`, and the layout of its memory.

    It returns the place of the test that failed, or `DONE`, or `NOT_FINITE` if a result is not
    finite. Results lie at `outputs`, a list of addresses, in the form of the tape's outputs.
    With several lanes each value is a vector, and so is each place in memory.
    """

    def __init__(self, tape: FinishedTape, fastmath: bool = False, types: Types = SCALAR) -> None:
        self.layout, self.types = Layout(tape), types
        self.tape = self.layout.tape
        self.fast = "fast " if fastmath else ""
        self.used: set[str] = set()
        self.outputs: list[int] = []
        self.size = self.layout.size
        self.loops = [u for u in self.layout.units if u.times > 1]
        self.straight = sum(u.period for u in self.layout.units if u.times == 1)
        self.text = self._module()
        self.effort = self._effort(bool(fastmath))

    def _effort(self, fastmath: bool) -> int:
        """LLVM's effort that pays: its passes do nothing for code without short loops, as the text
        has no common subexpressions, and take longer than all that comes before them."""
        in_short = sum(u.period * u.times for u in self.loops if u.period <= VECTORS)
        gains = fastmath or self.types.lanes > 1 or 4 * in_short > len(self.tape)
        if len(self.text) < SHORT and gains:
            return PASSES
        return PLAIN if len(self.text) < LONGEST else QUICK

    def _module(self) -> str:
        units = [self._unit(k) for k in range(len(self.layout.units))]
        copies = self._copies()
        run = ["define i64 @run(ptr noalias %M, ptr noalias %T) #0 {", "entry:"]
        for k in range(len(units)):
            run += [
                f"  %r{k} = call i64 @u{k}(ptr %M, ptr %T)",
                f"  %f{k} = icmp ne i64 %r{k}, {DONE}",
                f"  br i1 %f{k}, label %failed{k}, label %ok{k}",
                f"failed{k}:",
                f"  ret i64 %r{k}",
                f"ok{k}:",
            ]
        run += copies
        run.append("}")
        code = [line for unit in units for line in unit]
        return "\n".join([*declarations(self.used, self.types), *code, *run, *ATTRIBUTES]) + "\n"

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
            return self.types.number(self.tape.values[slot - self.tape.inputs])
        return None

    def _straight(self, unit: Segment) -> list[str]:
        tape, layout, out, d = self.tape, self.layout, [], self.types.double
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
                out.append(f"  %p{slot} = getelementptr {d}, ptr %M, i64 "
                           f"{layout.addresses[slot]}")  # fmt: skip
                out.append(f"  {text} = load {d}, ptr %p{slot}, align 8")
            return text

        for i, (code, row, count) in enumerate(zip(codes, rows, arity, strict=True)):
            slot = first + i
            given = [value(s) for s in row[:count]]
            operation(out, NAMES[code], f"%v{slot}", given, self.used, self.fast, unit.start + i,
                      self.types)  # fmt: skip
            if addresses[i] >= 0:
                out.append(f"  %q{slot} = getelementptr {d}, ptr %M, i64 {addresses[i]}")
                out.append(f"  store {d} %v{slot}, ptr %q{slot}, align 8")
        out.append(f"  ret i64 {DONE}")
        return out

    def _loop(
        self, unit: Segment, sources: list[list[Source]], stored: dict[int, tuple[str, int]]
    ) -> list[str]:
        d = self.types.double
        before: list[str] = []
        carried: list[str] = []
        body: list[str] = []
        after: list[str] = []
        known: dict[Any, str] = {}
        codes = self.tape.codes[unit.start : unit.start + unit.period].tolist()
        held = {s.a for row in sources for s in row if s.kind == "fixed"}
        fixed = before if len(held) <= REGISTERS else body  # else it would spill them

        def loaded(slot: int, to: list[str], letter: str) -> str:
            text = self._constant(slot) or known.get((letter, slot))
            if text is None:
                text = known[letter, slot] = f"%{letter}{slot}"
                address = self.layout.addresses[slot]
                to.append(f"  %{letter}p{slot} = getelementptr {d}, ptr %M, i64 {address}")
                to.append(f"  {text} = load {d}, ptr %{letter}p{slot}, align 8")
            return text

        def value(s: Source) -> str:
            if s.kind == "here":
                return f"%v{s.a}"
            if s.kind == "fixed":
                return loaded(s.a, fixed, "i")
            text = known.get(s)
            if text is not None:
                return text
            n = len(known)
            if s.kind == "carried":
                text = f"%h{n}"
                start = loaded(s.b, before, "j")
                carried.append(f"  {text} = phi {d} [ {start}, %entry ], [ %v{s.a}, %latch ]")
            elif s.kind == "step":
                text = f"%x{n}"
                body.append(f"  %m{n} = mul i64 %k, {s.b}")
                body.append(f"  %a{n} = add i64 %m{n}, {s.a}")
                body.append(f"  %g{n} = getelementptr {d}, ptr %M, i64 %a{n}")
                body.append(f"  {text} = load {d}, ptr %g{n}, align 8")
            else:
                text = f"%x{n}"
                body.append(f"  %m{n} = add i64 %k, {s.a}")
                body.append(f"  %n{n} = getelementptr i64, ptr %T, i64 %m{n}")
                body.append(f"  %a{n} = load i64, ptr %n{n}")
                body.append(f"  %g{n} = getelementptr {d}, ptr %M, i64 %a{n}")
                body.append(f"  {text} = load {d}, ptr %g{n}, align 8")
            if s.kind == "carried":
                known[s] = text  # what memory holds may change within an iteration
            else:
                known[n] = text
            return text

        for i, (code, row) in enumerate(zip(codes, sources, strict=True)):
            given = [value(s) for s in row]
            operation(body, NAMES[code], f"%v{i}", given, self.used, self.fast, unit.start + i,
                      self.types)  # fmt: skip
            if i in stored:
                which, address = stored[i]
                if which == "all":
                    body.append(f"  %sa{i} = add i64 %k, {address}")
                    body.append(f"  %sp{i} = getelementptr {d}, ptr %M, i64 %sa{i}")
                    body.append(f"  store {d} %v{i}, ptr %sp{i}, align 8")
                else:
                    after.append(f"  %sp{i} = getelementptr {d}, ptr %M, i64 {address}")
                    after.append(f"  store {d} %v{i}, ptr %sp{i}, align 8")
        return [
            *before, "  br label %head", "head:",
            "  %k = phi i64 [ 0, %entry ], [ %next, %latch ]", *carried, *body,
            "  br label %latch", "latch:", "  %next = add i64 %k, 1",
            f"  %done = icmp eq i64 %next, {unit.times}",
            "  br i1 %done, label %exit, label %head", "exit:", *after, f"  ret i64 {DONE}",
        ]  # fmt: skip

    def _copies(self) -> list[str]:
        """The end of `run`: results copied next to each other, and a look for infinities."""
        d = self.types.double
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
                        f"  %cp{n} = getelementptr {d}, ptr %M, i64 {address}",
                        f"  %cx{n} = load {d}, ptr %cp{n}, align 8",
                        f"  %cq{n} = getelementptr {d}, ptr %M, i64 {at + i}",
                        f"  store {d} %cx{n}, ptr %cq{n}, align 8",
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
                    f"  %cp{k} = getelementptr {d}, ptr %M, i64 %ca{k}",
                    f"  %cx{k} = load {d}, ptr %cp{k}, align 8",
                    f"  %co{k} = add i64 %ck{k}, {at}",
                    f"  %cq{k} = getelementptr {d}, ptr %M, i64 %co{k}",
                    f"  store {d} %cx{k}, ptr %cq{k}, align 8",
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
        start, at = start * self.types.lanes, at * self.types.lanes
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
