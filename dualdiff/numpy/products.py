"""Products of arrays: `matmul` and `dot`, and all that is an Einstein sum.

No transpose conjugates: the pairing of tangents and cotangents is Re(g t).
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core.dispatch import register
from ..core.shapes import Fit, Shape, Spec, align, dtype_of, shape_of, unbroadcast
from ..kinds import Bilinear, bilinear, linear, rule
from ._common import implements, into, on_values
from ._product_paths import product_fast_path
from .manipulation import as_operand

# Above this many multiplications the search for a faster order of summation pays (measured).
SEARCH = 20_000


def fold(c: Any, spec: Spec, ndim: int) -> Any:
    """A cotangent of an operand that was broadcast to `ndim` dimensions, summed to its own shape."""
    full = c.shape[c.ndim - ndim :]
    return c if full == spec.shape else unbroadcast(c, Fit(spec.shape, c.dtype, full, c.dtype))


def _flat(x: Any) -> Any:
    """All rows of a stack of matrices as one matrix."""
    return x.reshape((prod(x.shape[:-1]), x.shape[-1]))


def _rows(t: Any, y: Any) -> Any:
    """``t @ y`` for a matrix y: one product of matrices, whatever the dimensions of t."""
    if t.ndim <= 2:
        return np.matmul(t, y)
    return np.matmul(_flat(t), y).reshape((*t.shape[:-1], y.shape[-1]))


def _each_times(g: Any, v: Any, shape: Shape) -> Any:
    """The vector v times each element of g, which is of the given shape."""
    return g[..., None] * v if shape else g * v


def _push_x(t: Any, y: Any, x_spec: Any, lead: Shape) -> Any:
    if y.ndim == 1:
        return np.matmul(t, y)
    if y.ndim == 2:
        return _rows(t, y)
    if x_spec.ndim == 1:
        return np.matmul(align(t[..., None, :], 2, y.ndim, lead), y)[..., 0, :]
    return np.matmul(align(t, x_spec.ndim, max(x_spec.ndim, y.ndim), lead), y)


def _push_y(t: Any, x: Any, y_spec: Spec, lead: Shape) -> Any:
    if y_spec.ndim == 1:
        if x.ndim <= 2:
            return np.matmul(t, x.T)
        return np.matmul(t, _flat(x).T).reshape(lead + x.shape[:-1])
    if x.ndim == 1:
        return np.matmul(x, t)
    return np.matmul(x, align(t, y_spec.ndim, max(x.ndim, y_spec.ndim), lead))


def _pull_x(g: Any, y: Any, x_spec: Spec, lead: Shape) -> Any:
    if y.ndim == 1:
        return _each_times(g, y, lead + x_spec.shape[:-1])
    if y.ndim == 2:
        return _rows(g, y.T)
    if x_spec.ndim == 1:
        return fold(np.matmul(y, g[..., None])[..., 0], x_spec, y.ndim - 1)
    return fold(np.matmul(g, np.matrix_transpose(y)), x_spec, max(x_spec.ndim, y.ndim))


def _pull_y(g: Any, x: Any, y_spec: Spec, lead: Shape) -> Any:
    if x.ndim == 1:
        return _each_times(g, x, lead) if y_spec.ndim == 1 else x[:, None] * g[..., None, :]
    if y_spec.ndim > 2:
        c = np.matmul(np.matrix_transpose(x), g)
        return fold(c, y_spec, max(x.ndim, y_spec.ndim))
    if x.ndim > 2:
        x = _flat(x)
        g = g.reshape(lead + x.shape[:1] + y_spec.shape[1:])
    return np.matmul(g, x) if y_spec.ndim == 1 else np.matmul(x.T, g)


def _product(fn: Callable[..., Any], name: str) -> Bilinear:
    product = bilinear(fn, _pull_x, _pull_y, pushes=(_push_x, _push_y), name=name)
    product.bind = product_fast_path(product, (_pull_x, _pull_y), (_push_x, _push_y))
    return product


matmul_p = _product(np.matmul, "matmul")
dot_p = _product(np.dot, "dot")  # for operands of one or two dimensions


@implements(np.matmul, np.linalg.matmul)
def matmul(x1: Any, x2: Any, /) -> Any:
    """``numpy.matmul``, and the operator ``@``."""
    return matmul_p.bind(x1, x2)


# A term of subscripts whose ellipsis stands for lead axes alone.
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
        t.replace("...", broadcast[len(broadcast) - n :]) for n, t in zip(hidden, terms, strict=True)
    )
    return expanded, output.replace("...", broadcast)


def _contract(terms: Sequence[str], output: str, operands: Sequence[Any]) -> Any:
    """`numpy.einsum` with lead axes allowed in front of each term that starts with an ellipsis."""
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        for label, n in zip(reversed(term), reversed(shape_of(operand)), strict=False):
            sizes[label] = max(n, sizes.get(label, 1))
    search = len(operands) > 1 and prod(sizes.values()) > SEARCH
    return np.einsum(f"{','.join(terms)}->{output}", *operands, optimize=search)


def _transposed(
    g: Any, i: int, labels: Labels, operands: Sequence[Any], shapes: Sequence[Shape]
) -> Any:
    """The cotangent of operand `i` of an Einstein sum; `operands` are all, of which it is not used."""
    terms, output = labels
    full: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for label, n in zip(term, shape, strict=True):
            full[label] = n if full.get(label, 1) == 1 else full[label]
    own = dict(zip(terms[i], shapes[i], strict=True))
    others = [j for j in range(len(terms)) if j != i]
    known = output + "".join(terms[j] for j in others)
    found = [u for u in own if u in known and own[u] == full[u]]
    c = _contract(
        ["..." + output, *(terms[j] for j in others)],
        "..." + "".join(found),
        [g, *(operands[j] for j in others)],
    )
    lead = c.shape[: c.ndim - len(found)]
    inner = iter(c.shape[len(lead) :])
    c = c.reshape(lead + tuple(next(inner) if u in found else 1 for u in own))
    if c.shape != lead + tuple(own.values()):
        c = np.broadcast_to(c, lead + tuple(own.values()))
    return c if len(own) == len(terms[i]) else _on_diagonal(c, terms[i], own)


def _on_diagonal(c: Any, term: str, own: dict[str, int]) -> Any:
    """Zeros but where all indices that share a label are equal."""
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


def _one_operand(x: Any, labels: Labels) -> Any:
    (term,), output = labels
    return np.einsum(f"...{term}->...{output}", x)


einsum_of_one_p = linear(
    _one_operand,
    lambda g, x_spec, labels: _transposed(g, 0, labels, [None], [x_spec.shape]),
    name="einsum_of_one",
    view=True,
)


def _einsum_push(ts: Any, args: Any, subscripts: str) -> Any:
    terms, output = _labels(subscripts, tuple(len(shape_of(a)) for a in args))
    total = None
    for i, t in enumerate(ts):
        if t is not None:
            with_t = [*args[:i], t, *args[i + 1 :]]
            led = [*terms[:i], "..." + terms[i], *terms[i + 1 :]]
            part = _contract(led, "..." + output, with_t)
            total = part if total is None else total + part
    return total


def _einsum_pull(g: Any, args: Any, active: Any, subscripts: str) -> Any:
    shapes = [shape_of(a) for a in args]
    labels = _labels(subscripts, tuple(map(len, shapes)))
    return [
        _transposed(g, i, labels, args, shapes) if used else None for i, used in enumerate(active)
    ]


# `function` is what NumPy calls this sum; the subscripts say what its derivatives are.
einsum_p = rule(
    lambda *operands, function, subscripts: function(*operands),
    push=_einsum_push,
    pull=_einsum_pull,
    name="einsum",
)


def _as_string(operands: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """Subscripts as a string, whichever way they were given, and the arrays."""
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
    if len(arrays) == 1 and not kwargs:
        labels = _labels(subscripts, (np.ndim(arrays[0]),))
        return into(out, einsum_of_one_p(arrays[0], labels=labels))
    function = partial(np.einsum, subscripts, optimize=optimize, **kwargs)
    return into(out, einsum_p(*arrays, function=function, subscripts=subscripts))


register(np.einsum_path, on_values(np.einsum_path))


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """``numpy.dot``."""
    ndims = np.ndim(a), np.ndim(b)
    if 0 < min(ndims) and max(ndims) <= 2:
        return into(out, dot_p(a, b))
    if min(ndims) == 0:
        subscripts = "...,..."
    else:
        x, y = _letters(*ndims)
        contracted = y[-2:-1] or y
        subscripts = f"{x},{y.replace(contracted, x[-1])}"
        subscripts += "->" + x[:-1] + y.replace(contracted, "")
    return into(out, einsum_p(a, b, function=np.dot, subscripts=subscripts))


def _letters(*ndims: int) -> list[str]:
    """Distinct labels for all axes of some operands."""
    letters = iter(string.ascii_letters)
    return ["".join(next(letters) for _ in range(n)) for n in ndims]


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """``numpy.inner``."""
    x, y = _letters(np.ndim(a), np.ndim(b))
    subscripts = f"{x},{y[:-1]}{x[-1]}->{x[:-1]}{y[:-1]}" if x and y else "...,..."
    return einsum_p(a, b, function=np.inner, subscripts=subscripts)


@implements(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """``numpy.outer``."""
    ans = einsum_p(np.ravel(a), np.ravel(b), function=np.outer, subscripts="i,j->ij")
    return into(out, ans)


@implements(np.linalg.outer)
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """``numpy.linalg.outer``, which takes vectors only."""
    return einsum_p(x1, x2, function=np.linalg.outer, subscripts="i,j->ij")


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """``numpy.tensordot``."""
    x, y = _letters(np.ndim(a), np.ndim(b))
    if np.ndim(axes) == 0 and not isinstance(axes, (list, tuple)):
        axes = (tuple(range(-axes, 0)), tuple(range(axes)))
    axes_a, axes_b = (normalize_axis_tuple(ax, len(z)) for ax, z in zip(axes, (x, y), strict=True))
    renamed = dict(zip((y[j] for j in axes_b), (x[i] for i in axes_a), strict=True))
    free = "".join(u for u in x if u not in renamed.values()) + "".join(
        u for u in y if u not in renamed
    )
    subscripts = f"{x},{''.join(renamed.get(u, u) for u in y)}->{free}"
    function = partial(np.tensordot, axes=(axes_a, axes_b))
    return einsum_p(a, b, function=function, subscripts=subscripts)


def _conjugate(x: Any) -> Any:
    return np.conjugate(x) if dtype_of(x).kind == "c" else x


def _conjugated_first(function: Any) -> Callable[[Any, Any], Any]:
    """A product that conjugates its first operand, without doing so."""
    return lambda x, y: function(_conjugate(x), y)


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """``numpy.vdot``."""
    function = _conjugated_first(np.vdot)
    return einsum_p(_conjugate(np.ravel(a)), np.ravel(b), function=function, subscripts="i,i->")


def _last(x: Any, axis: int) -> Any:
    return x if axis == -1 else np.moveaxis(x, axis, -1)


@implements(np.vecdot, np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, out: Any = None, *, axis: int = -1) -> Any:
    """``numpy.vecdot``."""
    function = _conjugated_first(np.vecdot)
    x1, x2 = _conjugate(_last(x1, axis)), _last(x2, axis)
    return into(out, einsum_p(x1, x2, function=function, subscripts="...i,...i->..."))


if hasattr(np, "matvec"):  # NumPy 2.2

    def matvec(x1: Any, x2: Any, /) -> Any:
        """``numpy.matvec``."""
        return einsum_p(x1, x2, function=np.matvec, subscripts="...ij,...j->...i")

    def vecmat(x1: Any, x2: Any, /) -> Any:
        """``numpy.vecmat``."""
        function = _conjugated_first(np.vecmat)
        subscripts = "...i,...ij->...j"
        return einsum_p(_conjugate(x1), x2, function=function, subscripts=subscripts)

    register(np.matvec, matvec)
    register(np.vecmat, vecmat)


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    """``numpy.kron``."""
    ndim = max(np.ndim(a), np.ndim(b))
    shape_a, shape_b = ((1,) * (ndim - np.ndim(z)) + np.shape(z) for z in (a, b))
    a = np.reshape(a, [n for m in shape_a for n in (m, 1)])
    b = np.reshape(b, [n for m in shape_b for n in (1, m)])
    return np.reshape(a * b, [m * n for m, n in zip(shape_a, shape_b, strict=True)])


# The sign of the permutation (i, j, k), 0 where two are equal.
_LEVI_CIVITA = np.array(
    [[[(i - j) * (j - k) * (k - i) // 2 for k in range(3)] for j in range(3)] for i in range(3)],
    dtype=np.int8,
)


@implements(np.cross)
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """``numpy.cross``."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _last(as_operand(a), axisa), _last(as_operand(b), axisb)
    signs = _LEVI_CIVITA[: a.shape[-1], : b.shape[-1]]
    if a.shape[-1] == b.shape[-1] == 2:
        return einsum_p(
            a, b, signs[..., 2], function=_cross, subscripts="...i,...j,ij->..."
        )
    ans = einsum_p(a, b, signs, function=_cross, subscripts="...i,...j,ijk->...k")
    return ans if axisc == -1 else np.moveaxis(ans, -1, axisc)


def _cross(a: Any, b: Any, signs: Any) -> Any:
    return np.cross(a, b)


@implements(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """``numpy.linalg.cross``, for vectors of three components."""
    for x in (x1, x2):
        if np.shape(x)[axis] != 3:
            raise ValueError(
                f"both input arrays must be (arrays of) 3-dimensional vectors, "
                f"but they are {np.shape(x1)[axis]} and {np.shape(x2)[axis]} dimensional instead."
            )
    return cross(x1, x2, axis=axis)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any], *, out: Any = None) -> Any:
    """``numpy.linalg.multi_dot``."""
    arrays = [as_operand(a) for a in arrays]
    terms = [string.ascii_letters[i : i + 2] for i in range(len(arrays))]
    output = terms[0][0] + terms[-1][1]
    if np.ndim(arrays[0]) == 1:
        terms[0], output = terms[0][1], output[1]
    if np.ndim(arrays[-1]) == 1:
        terms[-1], output = terms[-1][0], output[:-1]
    subscripts = f"{','.join(terms)}->{output}"
    return into(out, einsum_p(*arrays, function=_multi_dot, subscripts=subscripts))


def _multi_dot(*arrays: Any) -> Any:
    return np.linalg.multi_dot(arrays)
