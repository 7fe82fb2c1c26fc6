"""The arguments and results of one call: choose and box arguments, take results apart."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from copy import copy, deepcopy
from typing import Any

import numpy as np
from numpy import ndarray

from .. import errors
from ..array.box import is_box
from ..array.kinds import PLAIN, beside, explain_rule, has_foreign, is_foreign, rechunked, to_numpy
from ..array.layout import copy_with_strides
from ..array.made import HOLDERS
from ..core.batch import Shape, cast, contains_nan, dtype_of, handed_out, shape_of, spec_of
from ..core.trace import (
    CONVERTED,
    Trace,
    Traced,
    closed_error,
    freeze,
    is_stored,
    materialize,
    to_user,
    unsupported,
    value_of,
)
from ..core.types import Cotangent, Tangent, Value
from ..debug import compares_paths, on_one_path
from ..errors import ConversionError, DualdiffError, UnsupportedInputError, user_line
from ..trees import (
    LEAF,
    LEAF_TYPES,
    Structure,
    check_result,
    check_same_structure,
    flatten,
    tree_map,
)
from .argnums import Argnums as Argnums
from .argnums import position
from .refusals import (
    PREPARE,
    explain,
    leak_of,
    may_come_of_types,
    may_try_again,
    of_traced_alone,
    returns_nan,
    swallowed,
)
from .sharing import INNER, Watch, refuse_shared, was_stored_inside


class Inputs:
    """The differentiated arguments of one call, as leaves."""

    __slots__ = (
        "args", "bare", "f", "kwargs", "leaves", "positions", "single", "structures", "values",
    )  # fmt: skip

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], argnums: Any
    ) -> None:
        if not callable(f):
            raise TypeError(
                f"the function to be differentiated is a {type(f).__name__}, {user_line()}; pass "
                f"the function itself, and its arguments separately"
            )
        self.f, self.args, self.kwargs = f, args, kwargs
        self.single = type(argnums) is int or isinstance(argnums, (int, str, np.integer))
        if type(argnums) is int and 0 <= argnums < len(args):
            self.positions: list[Any] = [argnums]
        else:
            self.positions = self._positions(argnums)
        self.structures: list[Structure] = []
        self.leaves: list[Any] = []
        self.bare = True  # whether no argument is a container
        for p in self.positions:
            tree = args[p] if type(p) is int else kwargs[p]
            if type(tree) in LEAF_TYPES:
                self.structures.append(LEAF)
                self.leaves.append(tree)
            else:
                leaves, structure = flatten(tree)
                self.structures.append(structure)
                self.leaves += leaves
                self.bare = False
        try:
            self.values: list[Any] = list(map(differentiable, self.leaves))
        except UnsupportedInputError:
            self._refuse_leaf()
            raise

    def _positions(self, argnums: Any) -> list[Any]:
        """The places of the arguments that are differentiated, which are all by default."""
        if argnums is None:
            return list(range(len(self.args)))
        several = isinstance(argnums, Iterable) and not self.single
        chosen = list(argnums) if several else [argnums]
        found = [position(self.f, a, self.args, self.kwargs) for a in chosen]
        if len(set(found)) < len(found):
            raise ValueError(f"argnums {argnums!r} names an argument twice, {user_line()}")
        return found

    def _refuse_leaf(self) -> None:
        """Raise for the first leaf of a container that has no derivative, with its path."""
        leaves = iter(self.leaves)
        for p, structure in zip(self.positions, self.structures, strict=True):
            for path, leaf in zip(structure.paths, leaves):  # noqa: B905  # one argument's share
                try:
                    differentiable(leaf)
                except UnsupportedInputError as error:
                    if not path:
                        raise
                    raise UnsupportedInputError(
                        f"argument {p!r} at {path}: {error} A container to be differentiated "
                        f"holds floating-point values and None: pass other values separately."
                    ) from None

    def call(self, boxes: Sequence[Any], attempts: int = 0) -> Any:
        """Run the function with boxes in place of the leaves, after some attempts."""
        args, kwargs = self._arguments(boxes)
        last = ConversionError.last
        outer, last.text, last.objects = last.objects, None, None
        for prepare in PREPARE:
            prepare(self.f)
        count = len(args) + len(kwargs)
        watch = Watch(self) if count > len(self.positions) else None
        try:
            if compares_paths.get() and not any(map(is_box, self.leaves)):
                out = on_one_path(lambda: self.f(*args, **kwargs), self._on_plain_values)
            else:
                out = self.f(*args, **kwargs)
        except Exception as error:
            if isinstance(error, IndexError) and "only integers" in str(error):
                error.add_note("If the index is a traced value, write int(dualdiff.value_of(i)).")
                raise
            explained = explain(error) or explain_rule(self.values, error)
            if may_try_again(boxes, explained or error, attempts):
                return self.call(boxes, attempts + 1)
            explained = explained or self._of_types(error)
            if explained is None:
                raise
            raise explained from error
        if watch is not None:
            watch.refuse(self)
        if count > 1 or len(boxes) > 1:
            for i, box in enumerate(boxes):
                if is_stored(box) or (INNER and was_stored_inside(box)):
                    refuse_shared(self, i)
        last.objects, objects = outer or last.objects, last.objects
        if HOLDERS or last.text is not None or objects is not None:
            leak = self._leak(out, boxes, objects)
            if leak is not None:
                if may_try_again(boxes, leak, attempts):
                    return self.call(boxes, attempts + 1)
                raise leak
            if not errors.patches:  # f itself was patched, and has ended
                HOLDERS.clear()
        return out

    def _of_types(self, error: Exception) -> DualdiffError | None:
        """The error for a complaint that the function does not make of plain values, or None."""
        if not may_come_of_types(error) or any(map(is_box, self.leaves)):
            return None
        try:
            self._on_plain_values()
        except DualdiffError as refusal:  # of a derivative that the function itself takes
            return refusal
        except Exception:
            return None
        return of_traced_alone(error)

    def _on_plain_values(self) -> Any:
        """What the function returns for copies of the leaves, without the levels outside."""
        plain = self.on_copies()
        plain.args = [value_of(a) if is_box(a) else a for a in plain.args]
        args, kwargs = plain._arguments([_copied(value_of(leaf)) for leaf in self.leaves])
        return plain.f(*args, **kwargs)

    def _leak(self, out: Any, boxes: Sequence[Any], objects: str | None) -> ConversionError | None:
        """The error for a result that the plain function does not return, or None: for a NaN, after
        a refusal that the function caught, or beside an array of `objects`."""
        caught = ConversionError.last.text
        if not any(map(is_box, self.leaves)) and not (HOLDERS and returns_nan(out)):
            caught = None if HOLDERS else caught
            return swallowed(out, self.f, self._on_plain_values, caught, objects)
        if not HOLDERS or not returns_nan(out):
            return None
        args, kwargs = self._arguments(boxes)
        return leak_of(out, self._on_plain_values(), lambda: self.f(*args, **kwargs))

    def _arguments(self, leaves: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a call with other leaves."""
        args, kwargs, trees = [*self.args], {**self.kwargs}, self.trees(leaves)
        for i, p in enumerate(self.positions):
            if type(p) is int:
                args[p] = trees[i]
            else:
                kwargs[p] = trees[i]
        return args, kwargs

    def form(self) -> tuple[Any, ...]:
        """Containers and shapes of the leaves, and the shapes of all arguments that have one."""
        leaves = [None if v is None else shape_of(v) for v in self.values]
        arguments = [getattr(a, "shape", None) for a in self.args]
        named = [(k, getattr(self.kwargs[k], "shape", None)) for k in sorted(self.kwargs)]
        return tuple(self.structures), tuple(leaves), tuple(arguments), tuple(named)

    def __copy__(self) -> Inputs:
        other = object.__new__(Inputs)  # in a tenth of the time that `copy` takes by itself
        for name in Inputs.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    def at(self, values: Sequence[Value]) -> Inputs:
        """The same arguments with other values of the leaves."""
        other = copy(self)
        other.values = list(values)
        return other

    def of(self, f: Callable[..., Any]) -> Inputs:
        """The same arguments of another function."""
        other = copy(self)
        other.f = f
        return other

    def on_copies(self) -> Inputs:
        """The same call on copies of the arguments that the function may change: arrays, generators
        of random numbers, iterators, also in containers. Other objects are not copied."""
        other = copy(self)
        other.args = [tree_map(_copied, a) for a in self.args]
        other.kwargs = {k: tree_map(_copied, v) for k, v in self.kwargs.items()}
        other.values = list(map(_copied, self.values))
        return other

    def trees(self, leaves: Sequence[Any]) -> list[Any]:
        """One tree per differentiated argument."""
        if self.bare:
            return [*leaves]
        out, start = [], 0
        for structure in self.structures:
            stop = start + structure.num_leaves
            out.append(structure.unflatten(leaves[start:stop]))
            start = stop
        return out

    def result(self, leaves: Sequence[Any]) -> Any:
        """A tree like the argument, or a tuple of them where argnums is a tuple."""
        trees = self.trees(leaves)
        return trees[0] if self.single else tuple(trees)

    def tangents(self, trees: Sequence[Any], batch: Shape = ()) -> list[Any]:
        """The user's tangents as leaves, checked against the arguments."""
        if len(trees) != len(self.positions):
            raise TypeError(
                f"{len(trees)} tangents for {len(self.positions)} differentiated arguments, "
                f"{user_line()}"
            )
        leaves: list[Any] = []
        for i, tree in enumerate(trees):
            structure = self.structures[i]
            if structure is LEAF and type(tree) in LEAF_TYPES:
                leaves.append(tree)
            else:
                what = f"tangent of argument {self.positions[i]!r}"
                leaves += check_same_structure(structure, tree, what)
        out: list[Any] = []
        for i, v in enumerate(self.values):
            out.append(None if v is None else direction(leaves[i], v, batch, "tangent"))
        return out


def _copied(x: Value) -> Any:
    if type(x) is ndarray:
        return copy_with_strides(x)
    if isinstance(x, (np.random.Generator, np.random.RandomState)):
        return deepcopy(x)
    if isinstance(x, Iterator):
        with suppress(TypeError):  # a generator has no copy
            return copy(x)
    return x


def differentiable(x: Value) -> Any:
    """A leaf as a value to differentiate at, or None; raises for a leaf without derivative."""
    kind = type(x)
    if kind is float or kind is complex or x is None:
        return x
    if kind is int:
        return float(x)
    if kind is not ndarray:
        if is_box(x) or kind in CONVERTED:
            x = freeze(materialize(x))
            if type(x) is not ndarray:
                return x
        elif not issubclass(kind, np.generic) and not is_foreign(x):
            raise unsupported(x)
    dtype = x.dtype
    if dtype.kind in "fc":
        return x
    if dtype.hasobject:
        return differentiable(materialize(x)) if any(map(is_box, x.flat)) else _refuse_dtype(x)
    return _refuse_dtype(x)


def _refuse_dtype(x: Value) -> Any:
    raise UnsupportedInputError(
        f"cannot differentiate with respect to values of dtype {x.dtype} (shape {x.shape}), "
        f"{user_line()}; pass floating-point values, for example x.astype(float)."
    )


def direction(t: Tangent, value: Value, batch: Shape, what: str) -> Any:
    """The user's tangent or cotangent, in the shape and dtype of its primal."""
    if type(t) is float is type(value) and not batch:
        return t
    if type(t) is ndarray and t.dtype.kind in "iu":
        t = t.astype(float)  # a direction may be written as [1, 0]
    t = differentiable(t) if t is not None else t
    shape, dtype = spec_of(value)
    if t is None or shape_of(t) != batch + shape:
        given = "None" if t is None else f"shape {shape_of(t)}"
        raise UnsupportedInputError(
            f"the {what} must have the shape {batch + shape} of its primal, but is {given}, "
            f"{user_line()}"
        )
    if dtype.kind != "c" and dtype_of(t).kind == "c":
        raise UnsupportedInputError(
            f"the {what} of a real value ({dtype}) must be real, but is {dtype_of(t)}, "
            f"{user_line()}"
        )
    if type(value) not in PLAIN or type(t) not in PLAIN:
        return cast(beside(t, value), dtype)
    return t if type(t) is type(value) and type(t) is float else cast(t, dtype)


class Outputs:
    """The results of one call, as leaves split into values and payloads of one trace.

    Texts are `others`; as values they count as None.
    """

    __slots__ = ("others", "payloads", "structure", "values")

    def __init__(self, out: Any, trace: Trace, is_aux: bool = False) -> None:
        leaves, self.structure = ([out], LEAF) if type(out) in LEAF_TYPES else flatten(out)
        self.values: list[Any] = []
        self.payloads: list[Any] = []
        self.others: dict[int, Any] = {}
        for leaf in leaves:
            kind = type(leaf)
            own = issubclass(kind, Traced) and leaf.owner is trace
            if not own and (
                is_box(leaf) or kind in CONVERTED or (kind is ndarray and leaf.dtype.hasobject)
            ):
                leaf = materialize(leaf)
                own = issubclass(type(leaf), Traced) and leaf.owner is trace
            if own:
                self.values.append(leaf.primal)
                self.payloads.append(leaf.payload)
                continue
            if issubclass(type(leaf), Traced):
                if not leaf.owner.is_open:
                    raise closed_error()
            elif not is_aux:
                check_result(leaf)
            if isinstance(leaf, (str, bytes)):
                self.others[len(self.values)], leaf = leaf, None
            self.values.append(leaf)
            self.payloads.append(None)

    @property
    def reached(self) -> bool:
        """Whether a path leads from an argument to one of the results."""
        return any([p is not None for p in self.payloads])  # noqa: C419  # an interrupt may come here

    def require_numbers(self, name: str) -> None:
        """Raise if the function returned nothing to differentiate, as without a return."""
        if self.structure is LEAF and self.values[0] is None:
            raise UnsupportedInputError(
                f"the function returned {self.what}, so {name} has nothing to differentiate, "
                f"{user_line()}; end it with `return`, and return numbers or arrays"
            )

    @property
    def what(self) -> str:
        """The result in words, for an error message."""
        if not self.structure.is_leaf:
            return f"a container {self.structure}"
        if self.values[0] is None:
            return f"a {type(self.others[0]).__name__}" if self.others else "None"
        return f"shape {shape_of(self.values[0])}"

    def tree(self, leaves: Sequence[Any]) -> Any:
        """A tree like the result."""
        return leaves[0] if self.structure is LEAF else self.structure.unflatten(leaves)

    def released(self) -> Any:
        """The result without this trace, with no memory in common."""
        released, others = list(map(to_user, self.values)), self.others
        if others:
            released = [others.get(i, v) for i, v in enumerate(released)]
        return self.tree(released)


def likes(
    gs: Sequence[Cotangent],
    leaves: Sequence[Any],
    values: Sequence[Value],
    more: list[Any] | None = None,
) -> list[Any]:
    """`like` for some leaves. What is lazy for an argument of NumPy's is computed at once, and with
    it the foreign elements of the list `more`."""
    lazy: list[int] = []
    if not PLAIN.issuperset(map(type, gs)):
        lazy = [i for i, g in enumerate(gs) if is_foreign(g) and not has_foreign(values[i])]
    if lazy:
        more = [] if more is None else more
        others = [i for i, v in enumerate(more) if is_foreign(v)]
        plain = to_numpy([*(gs[i] for i in lazy), *(more[i] for i in others)])
        computed = dict(zip(lazy, plain, strict=False))
        gs = [computed.get(i, g) for i, g in enumerate(gs)]
        for i, v in zip(others, plain[len(lazy) :], strict=True):
            more[i] = v
    return list(map(like, gs, leaves, values))


def like(g: Cotangent, leaf: Any, value: Value) -> Any:
    """A derivative in the form of the leaf it belongs to; None counts as zero."""
    if value is None:
        return None
    if g is None:
        g = np.zeros(shape_of(value), dtype_of(value))
    if type(g) not in PLAIN and is_box(g):
        return to_user(g)
    if type(value) is ndarray:
        if type(g) is ndarray and g.dtype is value.dtype and g.shape == value.shape:
            return handed_out(g)
        return np.array(g, dtype=value.dtype, order="K").reshape(value.shape)
    if type(value) not in PLAIN and is_foreign(value):
        return rechunked(cast(beside(g, value), dtype_of(value)), value)
    if type(leaf) is float or type(leaf) is int:
        return float(g.real)
    if type(leaf) is complex:
        return complex(g)
    return np.asarray(g, dtype=dtype_of(value))[()]


def tangent_like(t: Tangent, value: Value) -> Any:
    """The tangent of a result, zero if it does not depend on the arguments."""
    if value is None:
        return None
    if type(value) not in PLAIN and is_foreign(value):
        t = np.zeros_like(value) if t is None else t
        return to_user(t) if is_box(t) else rechunked(cast(beside(t, value), value.dtype), value)
    scalar = type(value) is not ndarray
    if t is None:
        zeros = np.zeros(shape_of(value), dtype_of(value))
        return zeros[()] if scalar else zeros
    if type(t) is float:
        return t if type(value) is float else np.asarray(t, dtype_of(value))[() if scalar else ...]
    t = to_user(cast(t, dtype_of(value)))
    if type(t) is ndarray:
        return t[()] if scalar and not t.ndim else t
    return t if scalar or is_box(t) else np.asarray(t)


def any_nan(leaves: Iterable[Any]) -> bool:
    """Whether plain derivatives hold a NaN; a traced one is left to the outer operator."""
    for x in leaves:
        if type(x) is ndarray:
            if contains_nan(x):
                return True
        elif (type(x) in PLAIN or not (is_box(x) or is_foreign(x))) and x != x:
            return True
    return False


def own_keywords(
    f: Callable[..., Any], kwargs: dict[str, Any], has_aux: bool
) -> tuple[dict[str, Any], bool]:
    """The keywords of f, and the option `has_aux` unless f has a parameter of this name."""
    if has_aux and _has_parameter(f, "has_aux"):
        return {**kwargs, "has_aux": has_aux}, False
    return kwargs, has_aux


def _has_parameter(f: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(f).parameters
    except (TypeError, ValueError):
        return False
