"""The passes of a fused kernel over memory, as LLVM's assembly text.

A pass calls `@block`, which computes some elements that follow each other. Arrays that broadcast
are spread out for a block at a time. Reductions take the elements of a block from memory that stays
in the cache, in NumPy's order: pairwise along the last axes, one after the other along others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .elements import BLOCK, LEAF
from .instructions import operation
from .literals import literal
from .tape import STARTS_FROM_ZERO

_TAIL = 64  # elements up to which trailing axes are written out
ROOM = BLOCK + 2 * LEAF  # elements in the memory for a block
START = 0.0 if STARTS_FROM_ZERO else -0.0


def blocks(given: str, passed: str, buffers: Sequence[str]) -> list[str]:
    """The pass without reductions."""
    return [
        f"define internal void @pass({given}, i64 %n) #0 {{", "entry:", *_room(buffers),
        "  br label %each",
        "each:", "  %at = phi i64 [ 0, %entry ], [ %end, %each ]", *_end("%at", BLOCK),
        f"  call void @block({passed}, i64 %at, i64 %end)",
        "  %all = icmp eq i64 %end, %n", "  br i1 %all, label %return, label %each",
        "return:", "  ret void", "}",
    ]  # fmt: skip


def _room(buffers: Sequence[str]) -> list[str]:
    return [f"  {name} = alloca double, i64 {ROOM}, align 64" for name in buffers]


def _end(start: str, count: int) -> list[str]:
    """`%end`, so many elements after the start, or `%n`."""
    return [
        f"  %full = add i64 {start}, {count}", "  %over = icmp sgt i64 %full, %n",
        "  %end = select i1 %over, i64 %n, i64 %full",
    ]  # fmt: skip


def total(given: str, passed: str, buffers: Sequence[str]) -> list[str]:
    """The pass that returns the sum of all elements of one array."""
    return [
        *_halves(_with(given, buffers), passed),
        f"define internal double @pass({given}, i64 %n) #0 {{", "entry:", *_room(buffers),
        f"  %total = call double @halves({passed}, i64 0, i64 %n)",
        f"  %t = fadd double {literal(START)}, %total", "  ret double %t", "}",
    ]  # fmt: skip


def _with(given: str, buffers: Sequence[str]) -> str:
    return ", ".join([given, *(f"ptr noalias {name}" for name in buffers)])


def rows(
    given: str, passed: str, buffers: Sequence[str], names: Sequence[str], width: int
) -> list[str]:
    """The pass that reduces rows, each array by its reduction."""
    if width > LEAF:
        head, group, call = _halves(_with(given, buffers), passed), width, []
        each = [
            f"  %total = call double @halves({passed}, i64 %at, i64 {width})",
            f"  %sum = fadd double {literal(START)}, %total",
            f"  %row = udiv i64 %at, {width}",
            "  %p0 = getelementptr double, ptr %r0, i64 %row", "  store double %sum, ptr %p0",
        ]  # fmt: skip
    else:
        head, group = _added(), BLOCK // width * width
        call = [f"  call void @block({passed}, i64 %at, i64 %end)"]
        each = ["  %first = udiv i64 %at, " + str(width), "  br label %rows", "rows:",
                "  %j = phi i64 [ 0, %each ], [ %j1, %rows ]",
                f"  %place = mul i64 %j, {width}", "  %row = add i64 %first, %j"]  # fmt: skip
        for k, name in enumerate(names):
            each += _reduced_row(k, name, width)
        each += [
            "  %j1 = add i64 %j, 1", f"  %stop = mul i64 %j1, {width}", "  %z = add i64 %at, %stop",
            "  %last = icmp eq i64 %z, %end", "  br i1 %last, label %next, label %rows", "next:",
        ]  # fmt: skip
    back = "%next" if width <= LEAF else "%each"
    return [
        *head, f"define internal void @pass({given}, i64 %n) #0 {{", "entry:", *_room(buffers),
        "  br label %each", "each:", f"  %at = phi i64 [ 0, %entry ], [ %end, {back} ]",
        *_end("%at", group), *call, *each,
        "  %all = icmp eq i64 %end, %n", "  br i1 %all, label %return, label %each",
        "return:", "  ret void", "}",
    ]  # fmt: skip


def _reduced_row(k: int, name: str, width: int) -> list[str]:
    """The reduction of one row in the memory of the block."""
    lines = [f"  %s{k}.p = getelementptr double, ptr %s{k}, i64 %place"]
    if name in ("max", "min"):
        total = ""
        for i in range(width):
            lines.append(f"  %s{k}.p{i} = getelementptr double, ptr %s{k}.p, i64 {i}")
            lines.append(f"  %s{k}.x{i} = load double, ptr %s{k}.p{i}")
            if i:
                operation(lines, name, f"%s{k}.m{i}", [total, f"%s{k}.x{i}"], set())
            total = f"%s{k}.m{i}" if i else f"%s{k}.x0"
    else:
        lines.append(f"  %s{k}.a = call double @added(ptr %s{k}.p, i64 {width})")
        lines.append(f"  %s{k}.t = fadd double {literal(START)}, %s{k}.a")
        total = f"%s{k}.t"
    kind = "double"
    if name == "count":
        lines.append(f"  %s{k}.i = fptosi double {total} to i64")
        kind, total = "i64", f"%s{k}.i"
    lines.append(f"  %s{k}.q = getelementptr {kind}, ptr %r{k}, i64 %row")
    lines.append(f"  store {kind} {total}, ptr %s{k}.q")
    return lines


def columns(
    given: str, passed: str, buffers: Sequence[str], count: int, height: int, width: int
) -> list[str]:
    """The pass that adds up columns, whose sums hold the start at first."""
    adds = [f"  call void @add(ptr %r{k}, ptr %s{k}, i64 %at, i64 %end)" for k in range(count)]
    return [
        "define internal void @add(ptr noalias %r, ptr noalias %s, i64 %at, i64 %end) #0 {",
        "entry:", "  br label %run", "run:", "  %k = phi i64 [ %at, %entry ], [ %k1, %next ]",
        f"  %row = udiv i64 %k, {width}", f"  %column = urem i64 %k, {width}",
        f"  %outer = udiv i64 %k, {height * width}", f"  %base = mul i64 %outer, {width}",
        "  %to = add i64 %base, %column", "  %r0 = getelementptr double, ptr %r, i64 %to",
        "  %from = sub i64 %k, %at", "  %s0 = getelementptr double, ptr %s, i64 %from",
        *_run(width), "  br label %one", "one:", "  %i = phi i64 [ 0, %run ], [ %i1, %one ]",
        "  %p = getelementptr double, ptr %r0, i64 %i",
        "  %q = getelementptr double, ptr %s0, i64 %i",
        "  %x = load double, ptr %p", "  %y = load double, ptr %q", "  %z = fadd double %x, %y",
        "  store double %z, ptr %p", "  %i1 = add i64 %i, 1", "  %full = icmp eq i64 %i1, %m",
        "  br i1 %full, label %next, label %one", "next:", "  %k1 = add i64 %k, %m",
        "  %all = icmp eq i64 %k1, %end", "  br i1 %all, label %return, label %run",
        "return:", "  ret void", "}",
        f"define internal void @pass({given}, i64 %n) #0 {{", "entry:", *_room(buffers),
        "  br label %each",
        "each:", "  %at = phi i64 [ 0, %entry ], [ %end, %each ]", *_end("%at", BLOCK),
        f"  call void @block({passed}, i64 %at, i64 %end)", *adds,
        "  %all = icmp eq i64 %end, %n", "  br i1 %all, label %return, label %each",
        "return:", "  ret void", "}",
    ]  # fmt: skip


def _run(width: int) -> list[str]:
    """`%m`, the elements up to the end of a row or of the block."""
    return [
        f"  %left = sub i64 {width}, %column", "  %want = sub i64 %end, %k",
        "  %few = icmp slt i64 %want, %left", "  %m = select i1 %few, i64 %want, i64 %left",
    ]  # fmt: skip


def spread(name: str, shape: Sequence[int], full: Sequence[int], is_truth: bool) -> list[str]:
    """The function that spreads out an array for a block; it returns the first element's number."""
    axes = _axes(shape, full)
    head = f"define internal i64 @spread.{name}(ptr noalias %b, ptr %x, i64 %at, i64 %end) #0 {{"
    length, step = axes[-1]
    if length > _TAIL:
        lines, place = _place(axes[:-1], "%row")
        return [
            head, "entry:", "  br label %run", "run:",
            "  %k = phi i64 [ %at, %entry ], [ %k1, %next ]",
            f"  %row = udiv i64 %k, {length}", f"  %column = urem i64 %k, {length}", *_run(length),
            *lines, f"  %inner = mul i64 %column, {step}", f"  %from = add i64 {place}, %inner",
            "  %to = sub i64 %k, %at", "  %b0 = getelementptr double, ptr %b, i64 %to",
            "  br label %one", "one:", "  %i = phi i64 [ 0, %run ], [ %i1, %one ]",
            f"  %i.s = mul i64 %i, {step}", "  %i.f = add i64 %from, %i.s",
            *_loaded("%v", "%i.f", is_truth), "  %p = getelementptr double, ptr %b0, i64 %i",
            "  store double %v, ptr %p", "  %i1 = add i64 %i, 1", "  %full = icmp eq i64 %i1, %m",
            "  br i1 %full, label %next, label %one", "next:", "  %k1 = add i64 %k, %m",
            "  %all = icmp eq i64 %k1, %end", "  br i1 %all, label %return, label %run",
            "return:", "  ret i64 %at", "}",
        ]  # fmt: skip
    offsets = np.zeros(1, np.int64)
    while axes and len(offsets) * axes[-1][0] <= _TAIL:
        length, step = axes.pop()
        offsets = np.add.outer(np.arange(length) * step, offsets).ravel()
    tail = len(offsets)
    lines, place = _place(axes, "%row")
    loads = _copies(offsets.tolist(), place, is_truth)
    return [
        head, "entry:", f"  %first = udiv i64 %at, {tail}", f"  %base = mul i64 %first, {tail}",
        f"  %over = add i64 %end, {tail - 1}", f"  %stop = udiv i64 %over, {tail}",
        "  br label %each", "each:", "  %row = phi i64 [ %first, %entry ], [ %row1, %each ]",
        *lines, "  %done = sub i64 %row, %first", f"  %to = mul i64 %done, {tail}",
        "  %b0 = getelementptr double, ptr %b, i64 %to", *loads,
        "  %row1 = add i64 %row, 1", "  %all = icmp eq i64 %row1, %stop",
        "  br i1 %all, label %return, label %each", "return:", "  ret i64 %base", "}",
    ]  # fmt: skip


def _copies(offsets: Sequence[int], place: str, is_truth: bool) -> list[str]:
    """Elements behind a place, copied to `%b0`: where they are neighbours or one, as vectors."""
    lines: list[str] = []
    v8, known = "<8 x double>", dict[int, str]()

    def load(offset: int) -> str:
        if offset not in known:
            lines.append(f"  %f{offset} = add i64 {place}, {offset}")
            lines.extend(_loaded(f"%v{offset}", f"%f{offset}", is_truth))
            known[offset] = f"%v{offset}"
        return known[offset]

    c = 0
    while c < len(offsets):
        first, eight = offsets[c], list(offsets[c : c + 8])
        lines.append(f"  %p{c} = getelementptr double, ptr %b0, i64 {c}")
        if eight == [first] * 8:
            lines += [
                f"  %h{c} = insertelement {v8} poison, double {load(first)}, i64 0",
                f"  %e{c} = shufflevector {v8} %h{c}, {v8} poison, <8 x i32> zeroinitializer",
            ]
        elif eight == list(range(first, first + 8)) and not is_truth:
            lines += [
                f"  %g{c} = add i64 {place}, {first}",
                f"  %q{c} = getelementptr double, ptr %x, i64 %g{c}",
                f"  %e{c} = load {v8}, ptr %q{c}, align 8",
            ]
        else:
            lines.append(f"  store double {load(first)}, ptr %p{c}")
            c += 1
            continue
        lines.append(f"  store {v8} %e{c}, ptr %p{c}, align 8")
        c += 8
    return lines


def _axes(shape: Sequence[int], full: Sequence[int]) -> list[tuple[int, int]]:
    """Lengths and steps of the axes of a spread array, neighbours joined where they can."""
    axes: list[tuple[int, int]] = []
    padded, step = [1] * (len(full) - len(shape)) + list(shape), 1
    for n, length in zip(reversed(padded), reversed(full), strict=True):
        if length == 1:
            continue
        if axes and (axes[-1][1] == 0) == (n == 1):
            axes[-1] = (axes[-1][0] * length, axes[-1][1])
        else:
            axes.append((length, step if n > 1 else 0))
        step *= n
    return axes[::-1] or [(1, 0)]


def _place(axes: list[tuple[int, int]], row: str) -> tuple[list[str], str]:
    """Where in an array a row begins."""
    lines, place, left = list[str](), "0", row
    for k, (length, step) in reversed(list(enumerate(axes))):
        index = left if k == 0 else f"%a{k}"
        if k:
            lines.append(f"  %a{k} = urem i64 {left}, {length}")
            lines.append(f"  %l{k} = udiv i64 {left}, {length}")
            left = f"%l{k}"
        if step:
            lines.append(f"  %m{k} = mul i64 {index}, {step}")
            lines.append(f"  %o{k} = add i64 {place}, %m{k}")
            place = f"%o{k}"
    return lines, place


def _loaded(name: str, index: str, is_truth: bool) -> list[str]:
    """An element of the array as a double."""
    kind = "i8" if is_truth else "double"
    lines = [f"  {name}.p = getelementptr {kind}, ptr %x, i64 {index}"]
    if not is_truth:
        return [*lines, f"  {name} = load double, ptr {name}.p"]
    lines.append(f"  {name}.b = load i8, ptr {name}.p")
    return [*lines, f"  {name} = uitofp i8 {name}.b to double"]


def _halves(given: str, passed: str) -> list[str]:
    """`@halves`, which computes elements and adds them up as NumPy's pairwise sums do: up to 128 at
    a time."""
    return [
        *_added(),
        f"define internal double @halves({given}, i64 %at, i64 %n) #0 {{", "entry:",
        f"  %small = icmp sle i64 %n, {LEAF}", "  br i1 %small, label %one, label %two", "one:",
        "  %end = add i64 %at, %n", f"  call void @block({passed}, i64 %at, i64 %end)",
        "  %a = call double @added(ptr %s0, i64 %n)", "  ret double %a",
        "two:", "  %h = lshr i64 %n, 1", "  %m = and i64 %h, -8", "  %w = sub i64 %n, %m",
        "  %c = add i64 %at, %m",
        f"  %x = call double @halves({passed}, i64 %at, i64 %m)",
        f"  %y = call double @halves({passed}, i64 %c, i64 %w)",
        "  %t = fadd double %x, %y", "  ret double %t", "}",
    ]  # fmt: skip


def _added() -> list[str]:
    """`@added`, the sum of up to 128 elements, in eight partial sums."""
    v8 = "<8 x double>"
    return [
        "define internal double @added(ptr %s, i64 %n) alwaysinline nounwind {", "entry:",
        "  %few = icmp slt i64 %n, 8", "  br i1 %few, label %short, label %eights",
        "short:", "  %s0 = load double, ptr %s", "  br label %rest",
        "eights:", f"  %first = load {v8}, ptr %s, align 8", "  %whole = and i64 %n, -8",
        "  br label %more", "more:",
        f"  %parts = phi {v8} [ %first, %eights ], [ %parts1, %add ]",
        "  %k = phi i64 [ 8, %eights ], [ %k1, %add ]", "  %last = icmp eq i64 %k, %whole",
        "  br i1 %last, label %pairs, label %add", "add:",
        "  %p = getelementptr double, ptr %s, i64 %k", f"  %x = load {v8}, ptr %p, align 8",
        f"  %parts1 = fadd {v8} %parts, %x", "  %k1 = add i64 %k, 8", "  br label %more",
        "pairs:",
        *(f"  %e{i} = extractelement {v8} %parts, i64 {i}" for i in range(8)),
        *(f"  %f{i} = fadd double %e{2 * i}, %e{2 * i + 1}" for i in range(4)),
        *(f"  %g{i} = fadd double %f{2 * i}, %f{2 * i + 1}" for i in range(2)),
        "  %s1 = fadd double %g0, %g1", "  br label %rest", "rest:",
        "  %r = phi double [ %s0, %short ], [ %s1, %pairs ], [ %r1, %one ]",
        "  %j = phi i64 [ 1, %short ], [ %whole, %pairs ], [ %j1, %one ]",
        "  %end0 = icmp eq i64 %j, %n", "  br i1 %end0, label %return, label %one", "one:",
        "  %q = getelementptr double, ptr %s, i64 %j", "  %y = load double, ptr %q",
        "  %r1 = fadd double %r, %y", "  %j1 = add i64 %j, 1", "  br label %rest",
        "return:", "  ret double %r", "}",
    ]  # fmt: skip


def kernel(way: tuple[Any, ...] | None, given: Sequence[str]) -> list[str]:
    """The function that Python calls: it takes arrays as objects, which hold the addresses of their
    elements behind so many bytes, and passes these on."""
    result = "double" if way == ("total",) else "void"
    lines = [f"define {result} @kernel({', '.join(given)}, i64 %n, i64 %bytes) #0 {{"]
    passed = []
    for text in given:
        name = text.split()[-1]
        if text.startswith("ptr"):
            lines.append(f"  {name}.a = getelementptr i8, ptr {name}, i64 %bytes")
            lines.append(f"  {name}.d = load ptr, ptr {name}.a")
            passed.append(f"ptr {name}.d")
        else:
            passed.append(text)
    call = f"call {result} @pass({', '.join(passed)}, i64 %n)"
    if result == "void":
        return [*lines, f"  {call}", "  ret void", "}"]
    return [*lines, f"  %total = {call}", "  ret double %total", "}"]


def drive(way: tuple[Any, ...] | None, given: str, passed: str, buffers: Sequence[str],
          names: Sequence[str]) -> list[str]:  # fmt: skip
    """The pass for a way to reduce arrays."""
    if way is None:
        return blocks(given, passed, buffers)
    if way[0] == "total":
        return total(given, passed, buffers)
    if way[0] == "rows":
        return rows(given, passed, buffers, names, way[1])
    return columns(given, passed, buffers, len(names), *way[1:])
