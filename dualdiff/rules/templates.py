"""The text of the functions that `fast` makes for a primitive when it is declared.

A primitive gets a `bind`, which applies it to operands. For each set of traced operands it gets a
format of tape entries with a `pull` and a `push`. The texts use the names of rules: ``x`` and ``y``
are the values of the operands ``a`` and ``b``, ``ans`` is the result. An entry keeps the residuals
that a rule names; ``fx`` is the difference between x and the result to which it was broadcast, or
None. Other cases go to `Primitive.general`.

`fast.source` shows the functions of a primitive. These lines belong to
``multiply = elementwise(np.multiply, "y", "x")``:

    def bind(a, b):
        kind, other = type(a), type(b)
        ...
        if kind is Var or kind is Dual:
            trace, x = a.scope, a.value
            if other is kind and b.scope is trace and trace.fast:
                y = b.value
                ...
                value = ans = fn(x, y)
                form = type(ans)
                fx = fy = None
                if not (type(x) is form is type(y) and ...):
                    fx, fy = fit_of(x, ans), fit_of(y, ans)
                if kind is Var:
                    payload = trace.next()
                    trace.append((code_xy, payload, a.payload, b.payload, y, x, fx, fy))
                else:
                    t, u, lead = a.payload, b.payload, trace.lead
                    if fx is None is fy and type(t) in FLOATS and ...:
                        t = plus(times(t, y), times(u, x))
                    else:
                        state = error_state()
                        try:
                            set_error_state(SILENT)
                            if fx is not None:
                                t = aligned(t, fx, lead)
                            t = t * y
                            if fx is not None:
                                t = expanded(t, fx, lead)
                            ...
                            t = added(t, u)
                        finally:
                            set_error_state(state)
                    payload = t
            elif trace.fast and (other in SCALARS or ...):
                y = b
                ...
        elif (other is Var or other is Dual) and ...:
            kind, trace, x, y = other, b.scope, a, b.value
            ...
        else:
            return otherwise(a, b)
        out = kind()
        out.value, out.payload, out.scope = value, payload, trace
        return out
    ...
    def pull(g, ct, entry, lead):
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

    def push(ts, entry, lead):
        _, out, sx, sy, y, x, fx, fy = entry
        t, u = ts[sx], ts[sy]
        ...
        if t is not None:
            ts[out] = t
"""

from __future__ import annotations

import re
from textwrap import dedent

BIND_ONE = """
def bind(x$params):
    a, kind = x, type(x)
    if kind is View and is_box(content := a.read()):
        a, kind = content, type(content)
    if (kind is not Var and kind is not Dual) or not a.scope.fast$unless:
        content = a.read() if kind is Var or kind is Dual else a
        return otherwise(a$params) if content is a else bind(content$params)
    trace, x = a.scope, a.value
    value = ans = fn(x$params)
    $record_x
    $result
"""
BIND_TWO = """
def bind(a, b$params):
    kind, other = type(a), type(b)
    if kind is View and is_box(content := a.read()):
        a, kind = content, type(content)
    if other is View and is_box(content := b.read()):
        b, other = content, type(content)
    if kind is Var or kind is Dual:
        trace, x = a.scope, a.value
        if other is kind and b.scope is trace and trace.fast:
            y = b.value
            $special
            value = ans = fn(x, y$params)
            $record_xy
        elif trace.fast and $constant_b:
            y = b
            value = ans = fn(x, y$params)
            $record_x
        else:
            return otherwise(a, b$params)
    elif (other is Var or other is Dual) and b.scope.fast and $constant_a:
        kind, trace, x, y = other, b.scope, a, b.value
        value = ans = fn(x, y$params)
        $record_y
    else:
        return otherwise(a, b$params)
    $result
"""
# The one place where a result becomes a box.
RESULT = """
out = kind()
out.value, out.payload, out.scope = value, payload, trace
return out
"""
RECORD = """
$keep
if kind is Var:
    $freeze
    payload = trace.next()
    trace.append(($code, payload, $payloads, $kept))
else:
    $tangents, lead = $payloads, trace.lead
    $push
    payload = t
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
def pull(g, ct, entry, lead):
    _, _, $slots, $kept = entry
    $body
"""
PUSH_ONE = """
def push(ts, entry, lead):
    _, out, $slots, $kept = entry
    t = ts[$slots]
    if t is not None:
        $push
        ts[out] = t
"""
PUSH_TWO = """
def push(ts, entry, lead):
    _, out, sx, sy, $kept = entry
    t, u = ts[sx], ts[sy]
    if t is not None:
        $push_x
    if u is not None:
        $push_y
        $whole
    if t is not None:
        $end
        ts[out] = t
"""
CHECK = """
if type({t}) not in ARRAYS or {t}.dtype is not {spec}.dtype or {t}.shape != lead + {spec}.shape:
    {t} = checked(prim, {t}, {spec}, lead, "{kind}")
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
