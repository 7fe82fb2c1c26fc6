"""The shortest way into a recording: a function written for one signature.

It answers calls with the arguments that were used last, and returns `MISSED` for all others.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import float64, ndarray

from ..core.batch import error_state
from ..trees import LEAF, Structure, flatten
from .captures import Captures
from .instructions import DONE
from .recordings import SUSPECT, Recording, run
from .scalar import Arena, ScalarProgram
from .source import Miss

MISSED: Any = type("Missed", (), {})()
_STATIC = (int, bool, str, type(None))


def entry(
    recorded: Recording, captures: Captures, args: tuple[Any, ...]
) -> Callable[[tuple[Any, ...]], Any] | None:
    """The function for these positional arguments, or None if they are containers."""
    names: dict[str, Any] = {
        "ndarray": ndarray, "float64": float64, "MISSED": MISSED, "recorded": recorded,
        "unchanged": captures.unchanged, "type": type, "len": len, "Miss": Miss, "run": run,
        "suspect": SUSPECT, "errors": error_state(), "error_state": error_state,
        "is_silent": is_silent, "seen": captures.seen, "id": id,
        "numbers": captures.numbers,
    }  # fmt: skip
    tests, dynamic = [f"len(args) == {len(args)} and (error_state() == errors or is_silent())"], []
    for i, x in enumerate(args):
        names.update({f"s{i}": x})
        kind = type(x)
        if kind is ndarray and x.dtype.kind in "fc":
            names.update({f"d{i}": x.dtype, f"h{i}": x.shape, f"t{i}": x.strides})
            tests.append(
                f"type(args[{i}]) is ndarray and args[{i}].shape == h{i} and "
                f"args[{i}].dtype is d{i} and args[{i}].strides == t{i}"
            )
            dynamic.append(i)
        elif kind is float or kind is float64:
            tests.append(f"type(args[{i}]) is {kind.__name__}")
            dynamic.append(i)
        elif kind in _STATIC:
            names[f"k{i}"] = kind
            tests.append(f"type(args[{i}]) is k{i} and args[{i}] == s{i}")
        else:
            return None
    if captures.compares_identity:
        tests += [
            f"id(args[{i}]) not in seen" if type(args[i]) is ndarray else
            f"args[{i}] not in numbers" for i in dynamic
        ]  # fmt: skip
    arrays = [i for i, x in enumerate(args) if type(x) is ndarray]
    for i, j in itertools.combinations(arrays, 2):
        tests.append(f"args[{i}] is {'' if args[i] is args[j] else 'not '}args[{j}]")
    lines = ["def quick(args):", f"    if not ({' and '.join(tests)}): return MISSED"]
    if captures.tests:
        lines.append("    if not unchanged(): return MISSED")
    program = recorded.program
    if (
        isinstance(program, ScalarProgram)
        and not program.constants
        and not program.truths
        and not recorded.turned
    ):
        lines += _native(recorded, program, args, dynamic, names)
    else:
        given = ", ".join(f"args[{i}]" for i in dynamic)
        names["unflatten"] = recorded.structure.unflatten
        lines += [
            f"    found = run(recorded, ({given}{',' if given else ''}))",
            "    if found is suspect or type(found) is Miss: return MISSED",
            "    recorded.replays += 1",
            "    return unflatten(found)",
        ]
    exec("\n".join(lines), names)
    quick: Callable[[tuple[Any, ...]], Any] = names["quick"]
    return quick


def is_silent() -> bool:
    """Whether NumPy does no more than warn of errors that leave NaN or infinities in a result."""
    errors = np.geterr()
    return errors["under"] == "ignore" and set(errors.values()) <= {"ignore", "warn"}


def _native(
    recorded: Recording,
    program: ScalarProgram,
    args: tuple[Any, ...],
    dynamic: Sequence[int],
    names: dict[str, Any],
) -> list[str]:
    """The lines that run native code on an arena."""
    routine = program.routine
    names.update(
        pop=routine.pool.pop, push=routine.pool.append, Arena=Arena, program=program,
        routine=routine, native=routine.run, table=routine.table_address,
    )  # fmt: skip
    lines = [
        "    try: arena = pop()",
        "    except IndexError: arena = Arena(program, routine)",
        "    memory = arena.memory",
    ]
    at = 0
    for k, i in enumerate(dynamic):
        if type(args[i]) is ndarray:
            lines.append(f"    arena.inputs[{k}][...] = args[{i}]")
        else:
            lines.append(f"    memory[{at}] = args[{i}]")
        at += int(np.size(args[i]))
    for k, x in enumerate(recorded.lifted, len(dynamic)):
        names[f"x{k}"] = x
        lines.append(f"    arena.inputs[{k}][...] = x{k}")
    lines += [
        f"    if native(arena.address, table) != {DONE}:",
        "        push(arena)",
        "        return MISSED",
    ]
    parts = []
    sample = Arena(program, routine).outputs
    for k, out in enumerate(sample):
        text = f"memory[{out}]" if type(out) is int else f"arena.outputs[{k}].copy()"
        kind, is_number = recorded.kinds[k], type(out) is int
        if kind is float:
            text = f"float({text})"
        elif kind is not (float64 if is_number else ndarray):
            names[f"c{k}"] = recorded.converters[k]
            text = f"c{k}({text})"
        lines.append(f"    o{k} = {text}")
        parts.append(f"o{k}")
    lines += ["    push(arena)", "    recorded.replays += 1"]
    structure = recorded.structure
    if structure is LEAF or structure.is_leaf:
        lines.append(f"    return {parts[0]}")
    elif _is_flat_tuple(structure):
        lines.append(f"    return ({', '.join(parts)},)")
    else:
        names["unflatten"] = structure.unflatten
        lines.append(f"    return unflatten([{', '.join(parts)}])")
    return lines


def _is_flat_tuple(structure: Structure) -> bool:
    marks = list(range(structure.num_leaves))
    return bool(flatten(tuple(marks))[1] == structure)
