"""Scalar tapes as rows of numbers, which one native function goes through.

It is the same for all programs, so a long program runs before code of its own is made. A row holds
an opcode and the places of up to three operands; the result of row i lies at place `first + i`.
Each operation has the text that it has in code of a program's own, so both give the same bits.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy import ndarray

from .instructions import ATTRIBUTES, DONE, NOT_FINITE, declarations, operation
from .machine import PLAIN, Code, object_code
from .tape import NAMES, FinishedTape

RESULT = len(NAMES)  # the opcode of a copy into the results, which ends the replay at an infinity
_TESTS = frozenset(("guard", "same", "nonzero", "finite"))


def rows_of(tape: FinishedTape) -> tuple[ndarray, int, list[int]]:
    """The rows of a tape after a head, the size of its memory, and the places of its outputs.

    The head holds the number of rows and the place of the first result.
    """
    results = [np.ravel(out) for out in tape.outputs]
    copied = np.concatenate(results) if results else np.zeros(0, np.int64)
    count = len(tape)
    rows = np.zeros((1 + count + len(copied), 4), np.int32)
    rows[0, :2] = len(rows) - 1, tape.first
    rows[1 : count + 1, 0] = tape.codes
    rows[1 : count + 1, 1:] = tape.operands.T
    rows[count + 1 :, 0] = RESULT
    rows[count + 1 :, 1] = copied
    ends = np.cumsum([tape.first + count, *map(len, results)]).tolist()
    return rows, ends[-1], ends[:-1]


@functools.cache
def interpreter() -> Code:
    """The function `run(arena, rows)`; it returns what code of a program's own does."""
    return Code(object_code(_text(), PLAIN))


def _text() -> str:
    used: set[str] = set()
    cases: list[str] = []
    for code, name in enumerate(NAMES):
        cases.append(f"case{code}:")
        operation(cases, name, f"%v{code}", ["%x", "%y", "%z"], used, place="%i")
        if name not in _TESTS:
            cases.append(f"  store double %v{code}, ptr %out, align 8")
        cases.append("  br label %done")
    cases += [
        f"case{RESULT}:",
        "  %rest = fsub double %x, %x",
        "  %fits = fcmp oeq double %rest, 0.0",
        "  br i1 %fits, label %copy, label %infinite",
        "infinite:",
        f"  ret i64 {NOT_FINITE}",
        "copy:",
        "  store double %x, ptr %out, align 8",
        "  br label %done",
    ]
    operands = []
    for k, letter in enumerate("xyz", 1):
        operands += [
            f"  %{letter}w = getelementptr i32, ptr %row, i64 {k}",
            f"  %{letter}i = load i32, ptr %{letter}w, align 4",
            f"  %{letter}p = getelementptr double, ptr %M, i32 %{letter}i",
            f"  %{letter} = load double, ptr %{letter}p, align 8",
        ]
    choices = [f"    i32 {code}, label %case{code}" for code in range(RESULT + 1)]
    lines = [
        "define i64 @run(ptr noalias %M, ptr noalias %T) #0 {",
        "entry:",
        "  %count32 = load i32, ptr %T, align 4",
        "  %count = sext i32 %count32 to i64",
        "  %firstp = getelementptr i32, ptr %T, i64 1",
        "  %first = load i32, ptr %firstp, align 4",
        "  %base = getelementptr double, ptr %M, i32 %first",
        "  br label %head",
        "head:",
        "  %i = phi i64 [ 0, %entry ], [ %next, %done ]",
        "  %ended = icmp eq i64 %i, %count",
        "  br i1 %ended, label %exit, label %body",
        "body:",
        "  %next = add i64 %i, 1",
        "  %place = shl i64 %next, 2",
        "  %row = getelementptr i32, ptr %T, i64 %place",
        "  %code = load i32, ptr %row, align 4",
        "  %out = getelementptr double, ptr %base, i64 %i",
        *operands,
        "  switch i32 %code, label %unknown [",
        *choices,
        "  ]",
        *cases,
        "done:",
        "  br label %head",
        "unknown:",
        "  unreachable",
        "exit:",
        f"  ret i64 {DONE}",
        "}",
    ]
    return "\n".join([*declarations(used), *lines, *ATTRIBUTES]) + "\n"
