"""The operations and reductions that fused kernels do, and how they take their operands.

An operand is an "array" of the kernel's shape, a "truth" (such an array of truth values), a
"spread" array, which broadcasts to the shape, a "spread truth", a "number", or "data", from which
constant places are gathered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..core.primitive import PRIMITIVES
from .graph import Graph
from .nodes import Call, Hole, Method
from .operations import LOGIC, MOVERS, MOVING_METHODS, POWERS, UFUNCS, primitives

LEAST = 2048  # elements that are worth a kernel
SHORT = 8  # elements of a row whose greatest or least element a kernel finds in NumPy's order
LEAF, BLOCK = 128, 512  # elements of a leaf of NumPy's pairwise sums, and of a block of a kernel
_TRUTHS = frozenset(("lt", "le", "gt", "ge", "eq", "ne", "not", "and", "or", "xor", "isnan"))
_MOVES = ("reshape", "broadcast_to", "transpose")
_ON_TRUTHS = ("not", "and", "or", "xor", "copy")
_REDUCTIONS: dict[Any, str] = {
    np.sum: "sum", np.max: "max", np.min: "min", np.count_nonzero: "count",
    "sum": "sum", "max": "max", "min": "min",
}  # fmt: skip
_REDUCED: dict[Any, str] = {np.add: "sum", np.maximum: "max", np.minimum: "min"}


class Part(NamedTuple):
    """An operation of a kernel: its name, and its operands as references with their kinds, or
    as plain numbers. `places` are those that it gathers."""

    name: str
    operands: Sequence[Any]
    places: ndarray | None = None


class Reduction(NamedTuple):
    """A sum ("sum"), a "max", a "min" or a "count" of truths over some axes of an array."""

    array: int
    name: str
    axes: tuple[int, ...]


def is_array(form: Any) -> bool:
    """Whether a form is a large array of doubles or truth values."""
    return (
        type(form) is tuple and form[1] in (np.float64, np.bool_) and int(np.prod(form[0])) >= LEAST
    )


def part_of(graph: Graph, node: int) -> Part | None:
    """The operation of a node as part of a kernel, or None."""
    form = graph.forms[node]
    if not is_array(form):
        return None
    gathered = _gathered(graph, node)
    if gathered is not None:
        return gathered
    name, given = _named(graph, node)
    if name is None:
        return None
    operands = [x if isinstance(x, float) else (x, _kind(graph, x, form[0])) for x in given]
    kinds = ["number" if isinstance(x, float) else x[1] for x in operands]
    if None in kinds:
        return None
    truths = [str(kind).endswith("truth") for kind in kinds]
    if name == "where":
        holds = truths == [True, False, False]
    elif name == "copy":
        holds = truths == [form[1] == np.bool_]
    elif graph.operations[node] in LOGIC:
        holds = all(truths)
    elif name == "square":
        holds = not truths[0]
        operands = operands[:1]
    elif (name in _TRUTHS) != (form[1] == np.bool_) or (name == "sub" and any(truths)):
        holds = False
    else:
        holds = name in _ON_TRUTHS or not (all(truths) or (name == "neg" and any(truths)))
    return Part(name, operands) if holds else None


def _named(graph: Graph, node: int) -> tuple[str | None, Sequence[Any]]:
    """The name of an elementwise operation, and its operands."""
    operation, refs = graph.operations[node], graph.operands[node]
    if type(operation) is Method:
        form: Any = graph.forms[refs[0]] if refs[0] >= 0 else None
        is_copy = str(operation.function) == "astype" and form == graph.forms[node]
        return ("copy" if is_copy and len(refs) == 1 else None), refs
    if type(operation) is Call:
        name = _primitive(operation.function)
        if name == "broadcast_to" or operation.function is np.broadcast_to:
            return "copy", refs[:1]
        if name == "where" and operation.kwargs.keys() == {"condition"}:
            xs = [_filled(x, refs) for x in (operation.kwargs["condition"], *operation.args)]
            return ("where" if len(xs) == 3 and None not in xs else None), xs
        return None, ()
    if operation is np.where:
        return ("where" if len(refs) == 3 else None), refs
    if operation is np.logaddexp:
        return "logaddexp", refs
    if operation in POWERS:
        exponent: Any = graph.constants[-1 - refs[1]] if refs[1] < 0 else None
        is_square = isinstance(exponent, (int, float)) and exponent == 2
        return ("square" if is_square else None), refs
    name = UFUNCS.get(operation) or LOGIC.get(operation) or _primitive(operation)
    known = operation in UFUNCS or operation in LOGIC or name in ("sech_squared", "share")
    return (name if known else None), refs


def _primitive(function: Any) -> str | None:
    """The name of a function of the rules."""
    return getattr(primitives(len(PRIMITIVES)).get(function), "name", None)


def _filled(x: Any, refs: Sequence[int]) -> Any:
    """An operand of a template as a reference or a number, or None."""
    if type(x) is Hole:
        return refs[x.place]
    return float(x) if isinstance(x, (int, float)) and not isinstance(x, bool) else None


def _gathered(graph: Graph, node: int) -> Part | None:
    """Elements of a vector at constant places."""
    operation, refs = graph.operations[node], graph.operands[node]
    if type(operation) is not Call or _name(operation.function) != "getitem" or len(refs) != 1:
        return None
    if operation.kwargs or len(operation.args) != 2 or type(operation.args[0]) is not Hole:
        return None
    index, form = operation.args[1], graph.forms[refs[0]] if refs[0] >= 0 else None
    places = index[0] if type(index) is tuple and len(index) == 1 else index
    if type(form) is not tuple or len(form[0]) != 1 or form[1] != np.float64:
        return None
    if type(places) is not ndarray or places.dtype != np.int64 or places.min() < 0:
        return None
    return Part("gather", [(refs[0], "data")], np.ascontiguousarray(places))


def _name(function: Any) -> str:
    return getattr(function, "__name__", "")


def _kind(graph: Graph, ref: int, shape: tuple[int, ...]) -> str | None:
    """How a kernel takes an operand."""
    form = form_of(graph, ref)
    if form is None or type(form) is not tuple:
        return form
    if form[0] == () and form[1] == np.float64:
        return "number"
    if form[1] not in (np.float64, np.bool_) or len(form[0]) > len(shape):
        return None
    spread = "" if form[0] == shape else "spread "
    pairs = zip(reversed(form[0]), reversed(shape), strict=False)
    if spread and any(n not in (1, m) for n, m in pairs):
        return None
    return (spread + "truth") if form[1] == np.bool_ else spread.strip() or "array"


def form_of(graph: Graph, ref: int) -> Any:
    """The shape and dtype of an operand, "number", or None for others."""
    if ref >= 0:
        form = graph.forms[ref]
        if form is float or form is np.float64:
            return "number"
        return form if type(form) is tuple else None
    x = graph.constants[-1 - ref]
    if type(x) is ndarray:
        is_number = x.dtype == np.float64 and x.size and not any(x.strides)  # spread out
        return "number" if is_number else (x.shape, x.dtype)
    is_number = isinstance(x, (float, int)) and not isinstance(x, bool)
    return "number" if is_number else None


def is_move(graph: Graph, node: int) -> bool:
    """Whether a node only moves elements of its first operand to constant places."""
    operation, refs = graph.operations[node], graph.operands[node]
    if type(operation) is Method:
        return str(operation.function) in MOVING_METHODS and len(refs) == 1
    function = operation.function if type(operation) is Call else operation
    return len(refs) == 1 and (function in MOVERS or _primitive(function) in _MOVES)


def reduction_of(graph: Graph, node: int) -> Reduction | None:
    """The reduction of an array of doubles or truth values that a node is, or None."""
    operation, refs = graph.operations[node], graph.operands[node]
    if len(refs) != 1 or refs[0] < 0:
        return None
    form = graph.forms[refs[0]]
    if type(form) is not tuple or form[1] not in (np.float64, np.bool_):
        return None
    args: tuple[Any, ...] = (Hole(0),)
    given: dict[str, Any] = {}
    function = operation
    if type(operation) in (Call, Method):
        function, args, given = operation.function, tuple(operation.args), dict(operation.kwargs)
        args = (Hole(0), *args) if type(operation) is Method else args
    owner = getattr(function, "__self__", None)
    is_reduce = isinstance(owner, np.ufunc) and function == owner.reduce
    name = _REDUCED.get(owner) if isinstance(owner, np.ufunc) and is_reduce else _known(function)
    axis = given.pop("axis", 0 if is_reduce else None)
    if len(args) == 2:
        axis = args[1]
    if name is None or len(args) not in (1, 2) or type(args[0]) is not Hole:
        return None
    if type(given.pop("keepdims", False)) is not bool or given.pop("options", {}) or given:
        return None
    if form[1] == np.bool_:
        if name not in ("sum", "count") or is_reduce:
            return None
        name = "count"
    elif name == "count":
        return None
    axes = range(len(form[0])) if axis is None else axis if type(axis) is tuple else (axis,)
    if not all(type(a) is int for a in axes):
        return None
    return Reduction(refs[0], name, tuple(sorted(a % len(form[0]) for a in axes)))


def _known(function: Any) -> str | None:
    try:
        return _REDUCTIONS.get(function) or ("sum" if _primitive(function) == "sum" else None)
    except TypeError:  # without a hash
        return None


def way_of(graph: Graph, node: int) -> tuple[Any, ...] | None:
    """How a kernel reduces an array: in "total", in "rows" of a length, or in "columns", some of
    which follow each other; None if it does not, or not in NumPy's order."""
    reduction, form = reduction_of(graph, node), graph.forms[node]
    if reduction is None:
        return None
    _, name, axes = reduction
    shape = graph.forms[reduction.array][0]
    lengths = [n for n in shape if n > 1]
    where = [a in axes for a, n in enumerate(shape) if n > 1]
    if not any(where) or not is_array(graph.forms[reduction.array]):
        return None
    first, last = where.index(True), len(where) - where[::-1].index(True)
    if not all(where[first:last]):
        return None  # axes apart from each other
    width = int(np.prod(lengths[first:last]))
    if last < len(where):
        return ("columns", width, int(np.prod(lengths[last:]))) if name == "sum" else None
    if form is np.float64:
        return ("total",) if name == "sum" else None
    most = {"sum": width, "count": LEAF}.get(name, SHORT)
    return ("rows", width) if type(form) is tuple and width <= most else None
