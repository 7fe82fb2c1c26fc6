"""Einstein sums of any number of operands, and the products that are Einstein sums.

No transpose conjugates: the pairing of tangents and cotangents is Re(g t).
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import lru_cache, partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...array.box import observe
from ...array.dispatch import register
from ...core.batch import Shape, cast, shape_of
from ...core.trace import materialize
from ...core.types import Cotangent, Tangent, Value
from ..declare import linear, rule
from ..structures import Contraction
from .common import implements, into, target_of, zero_derivative
from .creation import given

# From this many multiplications on, the search for a better order of summation pays, for two and
# for more operands (measured).
SEARCH_TWO, SEARCH_MORE = 50_000, 5_000

# A term of subscripts whose ellipsis stands for batch axes alone.
Labels = tuple[tuple[str, ...], str]


@lru_cache(maxsize=1024)
def _labels(subscripts: str, ndims: tuple[int, ...]) -> Labels:
    """The labels of each operand and of the result, with letters in place of each ellipsis."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    free = "".join(c for c in string.ascii_letters if c not in subscripts)
    hidden = [n - len(t) + 3 if "..." in t else 0 for n, t in zip(ndims, terms, strict=True)]
    broadcast = free[: max(hidden)]
    if not arrow:
        once = (c for c in string.ascii_letters if inputs.count(c) == 1)
        output = ("..." if "..." in inputs else "") + "".join(sorted(once))
    expanded = tuple(
        t.replace("...", broadcast[len(broadcast) - n :])
        for n, t in zip(hidden, terms, strict=True)
    )
    return expanded, output.replace("...", broadcast)


def _contract(terms: Sequence[str], output: str, operands: Sequence[Value]) -> Any:
    """`numpy.einsum` that allows batch axes in each term that starts with an ellipsis."""
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        for label, n in zip(reversed(term), reversed(shape_of(operand)), strict=False):
            sizes[label] = max(n, sizes.get(label, 1))
    worth = SEARCH_TWO if len(operands) == 2 else SEARCH_MORE
    search = len(operands) > 1 and prod(sizes.values()) > worth
    return np.einsum(f"{','.join(terms)}->{output}", *operands, optimize=search)


class _Plan(NamedTuple):
    """The computation of one operand's cotangent from the result's and the other operands."""

    terms: tuple[str, ...]
    output: str
    kept: Shape
    own: Shape


def _sizes(*pairs: tuple[str, Shape]) -> dict[str, int]:
    """The size of each label; a size of 1 in one operand gives way to the others."""
    full: dict[str, int] = {}
    for term, shape in pairs:
        for label, n in zip(term, shape, strict=True):
            full[label] = n if full.get(label, 1) == 1 else full[label]
    return full


@lru_cache(maxsize=1024)
def _planned(labels: Labels, i: int, shapes: tuple[Shape, ...]) -> _Plan:
    terms, output = labels
    pairs = list(zip(terms, shapes, strict=True))
    own, full = dict(zip(terms[i], shapes[i], strict=True)), _sizes(*pairs)
    others = pairs[:i] + pairs[i + 1 :]
    outer = _sizes(*others) | {u: full[u] for u in output}
    # Sum over a label that only this operand has, or along which it is broadcast.
    found = [u for u in own if u in outer and own[u] == full[u]]
    kept = tuple(outer[u] if u in found else 1 for u in own)
    inputs = ("..." + output, *(term for term, _ in others))
    return _Plan(inputs, "..." + "".join(found), kept, tuple(own.values()))


def _transposed(
    g: Cotangent, i: int, labels: Labels, operands: Sequence[Value], shapes: tuple[Shape, ...]
) -> Any:
    """The cotangent of operand `i` of an Einstein sum; its value in `operands` is not used."""
    plan = _planned(labels, i, shapes)
    others = [operand for j, operand in enumerate(operands) if j != i]
    c = _contract(plan.terms, plan.output, [g, *others])
    batch = c.shape[: c.ndim - len(plan.output) + 3]
    if c.shape != batch + plan.kept:
        c = c.reshape(batch + plan.kept)
    if plan.kept != plan.own:
        c = np.broadcast_to(c, batch + plan.own)
    term = labels[0][i]
    return c if len(plan.own) == len(term) else _on_diagonal(c, term, plan.own)


def _on_diagonal(c: Any, term: str, sizes: Shape) -> Any:
    """Zeros except where all indices with the same label are equal; `sizes` of the labels."""
    own = dict(zip(dict.fromkeys(term), sizes, strict=True))
    free = iter(u for u in string.ascii_letters if u not in term)
    result, deltas, masks = "", [], []
    for u in term:
        label = u if u not in result else next(free)
        if label != u:
            deltas.append(u + label)
            masks.append(np.eye(own[u], dtype=bool))
        result += label
    spec = ",".join(["..." + "".join(own), *deltas]) + "->..." + result
    return np.einsum(spec, c, *masks)


def _one_operand(x: Value, labels: Labels) -> Any:
    (term,), output = labels
    return np.einsum(f"...{term}->...{output}", x)


einsum_of_one_p = linear(
    _one_operand,
    lambda g, x_spec, labels: _transposed(g, 0, labels, [None], (x_spec.shape,)),
    name="einsum_of_one",
    structure=Contraction(),
    view=True,
)


def _einsum_jvp(ts: Any, args: Any, subscripts: str) -> Tangent:
    terms, output = _labels(subscripts, tuple(len(shape_of(a)) for a in args))
    total = None
    for i, t in enumerate(ts):
        if t is not None:
            with_t = [*args[:i], t, *args[i + 1 :]]
            led = [*terms[:i], "..." + terms[i], *terms[i + 1 :]]
            part = _contract(led, "..." + output, with_t)
            total = part if total is None else total + part
    return total


def _einsum_vjp(g: Cotangent, args: Any, active: Any, subscripts: str) -> Cotangent:
    shapes = tuple(map(shape_of, args))
    labels = _labels(subscripts, tuple(map(len, shapes)))
    return [
        _transposed(g, i, labels, args, shapes) if used else None for i, used in enumerate(active)
    ]


# `function` is NumPy's function for this sum; the subscripts give its derivatives.
einsum_p = rule(
    lambda *operands, function, subscripts: function(*operands),
    jvp=_einsum_jvp,
    vjp=_einsum_vjp,
    name="einsum",
    structure=Contraction(),
)


def _as_string(operands: Sequence[Value]) -> tuple[str, tuple[Any, ...]]:
    """Subscripts as a string, from either notation, and the arrays."""
    if isinstance(operands[0], str):
        return operands[0], tuple(operands[1:])
    letters = string.ascii_uppercase + string.ascii_lowercase

    def term(labels: Any) -> str:
        return "".join("..." if i is Ellipsis else letters[i] for i in labels)

    pairs = len(operands) // 2
    subscripts = ",".join(term(operands[2 * i + 1]) for i in range(pairs))
    if len(operands) % 2:
        subscripts += "->" + term(operands[-1])
    return subscripts, tuple(operands[: 2 * pairs : 2])


@implements(np.einsum)
def einsum(*operands: Any, out: Any = None, optimize: Any = False, **kwargs: Any) -> Any:
    """``numpy.einsum``: any subscripts, either notation, any number of operands."""
    subscripts, arrays = _as_string(operands)
    out, dtype = target_of(out), kwargs.get("dtype")
    if out is not None or dtype is not None:
        # NumPy adds in that dtype, and checks the cast.
        made = np.einsum(
            subscripts,
            *map(observe, arrays),
            out=None if out is None else np.empty(out.shape, out.dtype),
            optimize=optimize,
            **kwargs,
        )
        if made.dtype.kind not in "fc":
            return into(out, made)
        loop = out.dtype if dtype is None else np.dtype(dtype)
        summed = einsum(
            subscripts, *(cast(materialize(a), loop) for a in arrays), optimize=optimize
        )
        return into(out, given(summed, made), "unsafe")
    if len(arrays) == 1 and not kwargs:
        labels = _labels(subscripts, (np.ndim(arrays[0]),))
        return einsum_of_one_p(arrays[0], labels=labels)
    function = partial(np.einsum, subscripts, optimize=optimize, **kwargs)
    return einsum_p(*arrays, function=function, subscripts=subscripts)


register(np.einsum_path, zero_derivative(np.einsum_path))
