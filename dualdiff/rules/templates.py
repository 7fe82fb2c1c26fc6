"""The text of the functions that `fast` makes for a primitive when it is declared.

A primitive gets a `bind`, which applies it to operands. For each set of traced operands it gets a
format of tape entries with a `vjp` and a `jvp`. The texts use the names of rules: ``x`` and ``y``
are the values of the operands ``a`` and ``b``, ``ans`` is the result. An entry keeps the residuals
that a rule names; ``fx`` is the difference between x and the result to which it was broadcast, or
None. Numbers in double precision have entries of their own, which keep the slopes. Other cases go
to `Primitive.general`.

`fast.source` shows the functions of a primitive. These lines belong to
``multiply = elementwise(np.multiply, "y", "x")``:

    def bind(a, b):
        kind, other = type(a), type(b)
        if kind is Var or kind is Dual:
            trace, x = a.owner, a.primal
            if other is kind and b.owner is trace and trace.fast:
                y = b.primal
                ...
                value = ans = fn(x, y)
                form = type(ans)
                if kind is Var and form in FLOATS and type(x) in FLOATS and type(y) in FLOATS:
                    next_slot, append = trace.next, trace.append
                    payload = next_slot()
                    append((code_of_numbers, payload, a.payload, b.payload, y, x))
                else:
                    fx = fy = None
                    if not (form in FLOATS and type(x) in FLOATS and ...):
                        fx, fy = broadcast_of(x, ans), broadcast_of(y, ans)
                    if kind is Var:
                        next_slot, append = trace.next, trace.append
                        payload = next_slot()
                        append((code_xy, payload, a.payload, b.payload, y, x, fx, fy))
                    else:
                        t, u, batch = a.payload, b.payload, trace.batch
                        if fx is None is fy and (type(t) is float or ...):
                            t = plus(times(t, y), times(u, x))
                        else:
                            state = error_state()
                            try:
                                set_error_state(SILENT)
                                if fx is not None:
                                    t = aligned(t, fx, batch)
                                t = t * y
                                if fx is not None:
                                    t = expanded(t, fx, batch)
                                ...
                                t = added(t, u)
                            finally:
                                set_error_state(state)
                        payload = t
            elif trace.fast and (other in SCALARS or ...):
                y = b
                ...
        elif (other is Var or other is Dual) and ...:
            kind, trace, x, y = other, b.owner, a, b.primal
            ...
        else:
            ...
            return otherwise(a, b)
        out = kind()
        out.primal, out.payload, out.owner = value, payload, trace
        return out
    ...
    def vjp(g, ct, entry, batch):
        _, _, sx, sy, y, x, fx, fy = entry
        c = g * y
        if fx is not None:
            c = unbroadcast(c, fx)
        old = ct[sx]
        ct[sx] = c if old is None else old + c
        c = g * x
        if fy is not None:
            c = unbroadcast(c, fy)
        old = ct[sy]
        ct[sy] = c if old is None else old + c

    def jvp(ts, entry, batch):
        _, out, sx, sy, y, x, fx, fy = entry
        t, u = ts[sx], ts[sy]
        ...
        if t is not None:
            ts[out] = t
"""

from __future__ import annotations

import builtins
import functools
import linecache
import re
from collections.abc import Callable
from textwrap import dedent
from types import CodeType, FunctionType
from typing import Any

BIND_ONE = """
def bind(x$params):
    a, kind = x, type(x)
    if (kind is not Var and kind is not Dual) or not a.owner.fast$unless:
        content = a.read() if is_box(a) else a
        is_read = content is not a and is_box(content)
        return bind(content$params) if is_read else otherwise(a$params)
    trace, x = a.owner, a.primal
    value = ans = $call
    $settled
    $record_x
    $result
"""
BIND_TWO = """
def bind(a, b$params):
    kind, other = type(a), type(b)
    if kind is Var or kind is Dual:
        trace, x = a.owner, a.primal
        if other is kind and b.owner is trace and trace.fast:
            y = b.primal
            $special
            value = ans = fn(x, y$params)
            $settled
            $record_xy
        elif trace.fast and $constant_b:
            y = b
            value = ans = fn(x, y$params)
            $settled
            $record_x
        else:
            $aside
    elif (other is Var or other is Dual) and b.owner.fast and $constant_a:
        kind, trace, x, y = other, b.owner, a, b.primal
        value = ans = fn(x, y$params)
        $settled
        $record_y
    else:
        $aside
    $result
"""
# For other operands: views and arrays that were stored into are read first.
ASIDE = """
x = a.read() if is_box(a) else a
y = b.read() if is_box(b) else b
if (x is not a or y is not b) and (is_box(x) or is_box(y)):
    return bind(x, y$params)
return otherwise(a, b$params)
"""
# The one place where a result becomes a box.
RESULT = """
out = kind()
out.primal, out.payload, out.owner = value, payload, trace
return out
"""
RECORD = """
$keep
if kind is Var:
    $freeze
    next_slot, append = trace.next, trace.append
    payload = next_slot()
    append(($code, payload, $payloads, $kept))
else:
    $tangents, batch = $payloads, trace.batch
    $jvp
    payload = t
"""
# Numbers in double precision: an entry keeps the slopes themselves.
RECORD_NUMBERS = """
if kind is Var and form in FLOATS and $are:
    $first
    next_slot, append = trace.next, trace.append
    payload = next_slot()
    append((code_of_numbers, payload, $slots, $slopes))
else:
    $otherwise
"""
IN_SILENCE = """
state = error_state()
try:
    set_error_state(SILENT)
    $body
finally:
    set_error_state(state)
"""
PULL = """
def vjp(g, ct, entry, batch):
    _, _, $slots, $kept = entry
    $body
"""
PUSH_ONE = """
def jvp(ts, entry, batch):
    _, out, $slots, $kept = entry
    t = ts[$slots]
    if t is not None:
        $jvp
        ts[out] = t
"""
PUSH_TWO = """
def jvp(ts, entry, batch):
    _, out, sx, sy, $kept = entry
    t, u = ts[sx], ts[sy]
    if t is not None:
        $jvp_x
    if u is not None:
        $jvp_y
        $whole
    if t is not None:
        $end
        ts[out] = t
"""
CHECK = """
if type({t}) not in ARRAYS or {t}.dtype is not {spec}.dtype or {t}.shape != batch + {spec}.shape:
    {t} = checked(prim, {t}, {spec}, batch, "{kind}")
"""


def fill(template: str, **blocks: str) -> str:
    """A template with its fields filled in; one that stands alone on a line takes several lines."""
    lines = []
    for line in template.strip("\n").split("\n"):
        margin, field = re.fullmatch(r"( *)(?:\$(\w+))?.*", line).groups()  # type: ignore[union-attr]
        if field and line.strip() == f"${field}":
            block = dedent(blocks[field].strip("\n"))
            lines += [margin + part for part in block.split("\n") if part.strip()]
        else:
            lines.append(re.sub(r"\$(\w+)", lambda m: blocks[m[1]], line))
    return "\n".join(lines)


@functools.cache
def _code(text: str, file: str) -> CodeType:
    """The code of a function; tracebacks show it behind the end of a file."""
    lines = linecache.getlines(file)
    module = compile("\n" * len(lines) + text, file, "exec")
    shown = [*lines, *(line + "\n" for line in text.split("\n"))]
    linecache.cache[file] = (sum(map(len, shown)), None, shown, file)
    return next(made for made in module.co_consts if isinstance(made, CodeType))


def function(form: Any, text: Callable[[], str], names: dict[str, Any], name: str) -> FunctionType:
    """A function whose code comes from a text at its first call; until then it has that of `form`.

    Most programs need few of all functions, and to compile them takes longer than to import the
    package. Each has code of its own, to which Python adapts it.
    """

    def become() -> FunctionType:
        made.__code__ = _code(text(), names["__file__"]).replace(co_name=name)
        return made

    # On Python 3.13, C code looks for the builtins in the globals when it gives a warning.
    own = {**names, "become": become, "__builtins__": builtins}
    own["bind"] = made = FunctionType(form.__code__, own, name)
    return made
