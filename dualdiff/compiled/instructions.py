"""Single operations as LLVM's assembly text, on doubles or on vectors of them."""

from __future__ import annotations

from .functions import OWN, definitions
from .literals import SCALAR, Types

DONE, NOT_FINITE, OUT_OF_RANGE = -1, -2, -3
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
        "log10", "exp2", "cbrt", "hypot", "pow", "fmod",
    )
} | {
    "arctan": "atan", "arcsin": "asin", "arccos": "acos", "arctan2": "atan2",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip
_TWO_OPERANDS = ("hypot", "pow", "arctan2", "fmod")


def operation(
    out: list[str],
    name: str,
    r: str,
    x: list[str],
    used: set[str],
    fast: str = "",
    place: int | str = 0,
    types: Types = SCALAR,
) -> None:
    """Append the instructions of one operation; `used` collects library functions.

    A test that fails returns its `place`, a number or the name of one.
    """
    d, b, zero = types.double, types.truth, types.number(0.0)
    if name in _ARITHMETIC:
        out.append(f"  {r} = {_ARITHMETIC[name]} {fast}{d} {x[0]}, {x[1]}")
    elif name == "neg":
        out.append(f"  {r} = fneg {d} {x[0]}")
    elif name == "square":
        out.append(f"  {r} = fmul {d} {x[0]}, {x[0]}")
    elif name in _INTRINSICS:
        used.add(name)
        out.append(f"  {r} = call {d} @llvm.{_INTRINSICS[name]}.{types.suffix}({d} {x[0]})")
    elif name == "copysign":
        used.add(name)
        out.append(f"  {r} = call {d} @llvm.copysign.{types.suffix}({d} {x[0]}, {d} {x[1]})")
    elif name in _LIBRARY:
        _library(out, name, r, x, used, types)
    elif name in _COMPARISONS:
        out.append(f"  {r}.c = fcmp {_COMPARISONS[name]} {d} {x[0]}, {x[1]}")
        out.append(f"  {r} = uitofp {b} {r}.c to {d}")
    elif name in ("not", "isnan"):
        test = "oeq" if name == "not" else "uno"
        out.append(f"  {r}.c = fcmp {test} {d} {x[0]}, {zero}")
        out.append(f"  {r} = uitofp {b} {r}.c to {d}")
    elif name in ("and", "or", "xor"):
        out.append(f"  {r}.a = fcmp une {d} {x[0]}, {zero}")
        out.append(f"  {r}.b = fcmp une {d} {x[1]}, {zero}")
        out.append(f"  {r}.c = {name} {b} {r}.a, {r}.b")
        out.append(f"  {r} = uitofp {b} {r}.c to {d}")
    elif name == "where":
        out.append(f"  {r}.c = fcmp une {d} {x[0]}, {zero}")
        out.append(f"  {r} = select {b} {r}.c, {d} {x[1]}, {d} {x[2]}")
    elif name in ("max", "min"):  # a NaN wins, as in NumPy
        test = "ogt" if name == "max" else "olt"
        out.append(f"  {r}.a = fcmp {test} {d} {x[0]}, {x[1]}")
        out.append(f"  {r}.b = fcmp uno {d} {x[0]}, {zero}")
        out.append(f"  {r}.c = or {b} {r}.a, {r}.b")
        out.append(f"  {r} = select {b} {r}.c, {d} {x[0]}, {d} {x[1]}")
    elif name == "sign":
        one, minus = types.number(1.0), types.number(-1.0)
        out.append(f"  {r}.p = fcmp ogt {d} {x[0]}, {zero}")
        out.append(f"  {r}.n = fcmp olt {d} {x[0]}, {zero}")
        out.append(f"  {r}.q = select {b} {r}.n, {d} {minus}, {d} {zero}")
        out.append(f"  {r}.s = select {b} {r}.p, {d} {one}, {d} {r}.q")
        out.append(f"  {r}.u = fcmp uno {d} {x[0]}, {zero}")
        out.append(f"  {r} = select {b} {r}.u, {d} {x[0]}, {d} {r}.s")
    else:
        _test(out, name, r, x, place, types)


def _library(out: list[str], name: str, r: str, x: list[str], used: set[str], types: Types) -> None:
    """A function of the C library; on vectors one of our own, or one call per lane."""
    d = types.double
    if types.lanes == 1:
        used.add(name)
        given = ", ".join(f"double {v}" for v in x)
        out.append(f"  {r} = call double @{_LIBRARY[name]}({given})")
    elif name in OWN:
        used.add(f"own.{name}")
        out.append(f"  {r} = call {d} @own.{name}({d} {x[0]})")
        out.append(f"  {r}.o = call {types.truth} @outside.{name}({d} {x[0]})")
        out.append(f"  {r}.i = xor {types.truth} {r}.o, {types.truths(True)}")
        _stop_unless(out, f"{r}.i", r, OUT_OF_RANGE, types)
    else:
        used.add(name)
        total = "poison"
        for k in range(types.lanes):
            for n, v in enumerate(x):
                out.append(f"  {r}.e{k}.{n} = extractelement {d} {v}, i64 {k}")
            given = ", ".join(f"double {r}.e{k}.{n}" for n in range(len(x)))
            out.append(f"  {r}.f{k} = call double @{_LIBRARY[name]}({given})")
            made = r if k == types.lanes - 1 else f"{r}.g{k}"
            out.append(f"  {made} = insertelement {d} {total}, double {r}.f{k}, i64 {k}")
            total = made


def _test(out: list[str], name: str, r: str, x: list[str], place: int | str, types: Types) -> None:
    """A test, which ends the replay where it does not hold."""
    d, zero = types.double, types.number(0.0)
    if name == "guard":
        out.append(f"  {r}.c = fcmp oeq {d} {x[0]}, {x[1]}")
    elif name == "same":  # to the last bit, with the sign of a zero
        out.append(f"  {r}.a = bitcast {d} {x[0]} to {types.bits}")
        out.append(f"  {r}.b = bitcast {d} {x[1]} to {types.bits}")
        out.append(f"  {r}.c = icmp eq {types.bits} {r}.a, {r}.b")
    elif name == "nonzero":
        out.append(f"  {r}.c = fcmp une {d} {x[0]}, {zero}")
    else:
        out.append(f"  {r}.d = fsub {d} {x[0]}, {x[0]}")
        out.append(f"  {r}.c = fcmp oeq {d} {r}.d, {zero}")
    _stop_unless(out, f"{r}.c", r, place, types)


def _stop_unless(out: list[str], condition: str, r: str, code: int | str, types: Types) -> None:
    """The end of the replay, with a code, if a condition does not hold in all lanes."""
    if types.lanes > 1:
        call = f"call i1 @llvm.vector.reduce.and.v{types.lanes}i1({types.truth} {condition})"
        condition = f"{r}.all"
        out.append(f"  {condition} = {call}")
    label = r[1:]
    out.append(f"  br i1 {condition}, label %go.{label}, label %stop.{label}")
    out.append(f"stop.{label}:")
    out.append(f"  ret i64 {code}")
    out.append(f"go.{label}:")


def declarations(used: set[str], types: Types = SCALAR) -> list[str]:
    """The declarations of library functions, and the definitions of our own."""
    d = types.double
    own = {name.removeprefix("own.") for name in used if name.startswith("own.")}
    lines = definitions(own, types) if own else []
    known = {line.split("(")[0] for line in lines}
    for name in sorted(used):
        line = ""
        if name in _INTRINSICS:
            line = f"declare {d} @llvm.{_INTRINSICS[name]}.{types.suffix}({d})"
        elif name == "copysign":
            line = f"declare {d} @llvm.copysign.{types.suffix}({d}, {d})"
        elif not name.startswith("own."):
            operands = "double, double" if name in _TWO_OPERANDS else "double"
            line = f"declare double @{_LIBRARY[name]}({operands}) #1"
        if line and line.split("(")[0] not in known:
            lines.append(line)
    if types.lanes > 1:
        for kind in ("and", "or"):
            lines.append(f"declare i1 @llvm.vector.reduce.{kind}.v{types.lanes}i1({types.truth})")
    return lines


ATTRIBUTES = [
    "attributes #0 = { nounwind }",
    "attributes #1 = { nounwind willreturn memory(none) }",
    "attributes #2 = { nounwind noinline optnone }",
    "attributes #3 = { nounwind alwaysinline memory(none) }",
    # Long loops of arithmetic gain by the widest registers, which LLVM avoids; short ones do not.
    'attributes #4 = { nounwind noinline "prefer-vector-width"="512" }',
]
