"""Nested containers of differentiated arguments and results: flattened, rebuilt, compared, raveled.

Containers are dict, OrderedDict, defaultdict, list, tuple, deque, namedtuple and dataclass
instances, and the containers of pandas and xarray (see `labelled`), nested at will. Everything else
is a leaf, also None and instances of subclasses of these builtins. The leaves of a dict follow its
sorted keys, so two dicts with the same keys match; a rebuilt dict has its keys in their original
order.
"""

import dataclasses
import functools
import operator
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Number
from typing import Any

import numpy as np
import optree

from .array.box import HOLLOW, is_box
from .array.kinds import is_foreign
from .errors import UnsupportedInputError, user_line
from .labelled import KINDS, NAMESPACE, PACKAGES, register

_RESULTS = (np.generic, Number, str, bytes, type(None))


class _Record:
    """A dataclass instance on its way through optree, which knows this class and not the user's."""

    __slots__ = ("instance",)

    def __init__(self, instance: Any) -> None:
        self.instance = instance


def _is_dataclass(leaf: Any) -> bool:
    return hasattr(type(leaf), "__dataclass_fields__")


def _wrap_dataclasses(tree: Any) -> Any:
    leaves, spec = optree.tree_flatten(tree, none_is_leaf=True, namespace=NAMESPACE)
    return spec.unflatten(_Record(leaf) if _is_dataclass(leaf) else leaf for leaf in leaves)


def _record_flatten(record: Any) -> tuple[Sequence[Any], Any, Sequence[str]]:
    instance: Any = record.instance
    cls = type(instance)
    names = tuple(f.name for f in dataclasses.fields(instance) if hasattr(instance, f.name))
    for name in getattr(instance, "__dict__", ()):
        cached = isinstance(getattr(cls, name, None), functools.cached_property)
        if name not in names and not cached and not name.startswith("__"):
            # A copied value could be stale: computed from old leaves, and without a derivative.
            raise TypeError(
                f"the dataclass {cls.__qualname__} has the attribute {name!r}, which is not a "
                f"field; declare `{name}: ... = field(init=False)`, or make it a property or a "
                "functools.cached_property"
            )
    return [_wrap_dataclasses(getattr(instance, name)) for name in names], (cls, names), names


def _record_unflatten(metadata: Any, values: Iterable[Any]) -> Any:
    cls, names = metadata
    # Not through __init__ and __post_init__: their checks are meant for values, not for tangents.
    instance: Any = object.__new__(cls)
    for name, value in zip(names, values, strict=True):
        object.__setattr__(instance, name, value)  # a frozen class refuses plain setattr
    return instance


optree.register_pytree_node(
    _Record,  # type: ignore[arg-type]
    _record_flatten,
    _record_unflatten,
    path_entry_type=optree.GetAttrEntry,
    namespace=NAMESPACE,
)


def _describe(kind: type, data: Any, parts: tuple[str, ...]) -> str:
    if kind in (dict, OrderedDict, defaultdict):
        keys = data[1] if kind is defaultdict else data
        body = ", ".join(f"{key!r}: {part}" for key, part in zip(keys, parts, strict=True))
        return f"{{{body}}}" if kind is dict else f"{kind.__name__}({{{body}}})"
    if kind is list:
        return f"[{', '.join(parts)}]"
    if kind is tuple:
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
    cls, names = data if kind is _Record else (kind, getattr(kind, "_fields", ()))
    if names:
        parts = tuple(f"{name}={part}" for name, part in zip(names, parts, strict=True))
    return f"{cls.__name__}({', '.join(parts)})"


class Structure:
    """A tree without its leaves; hashable, and equal to another if the containers are equal."""

    __slots__ = ("_spec",)

    def __init__(self, spec: optree.PyTreeSpec) -> None:
        self._spec = spec

    @property
    def is_leaf(self) -> bool:
        """Whether the tree is a bare leaf."""
        return self is LEAF

    @property
    def is_labelled(self) -> bool:
        """Whether the tree is one leaf with the labels of pandas or xarray."""
        return self._spec.type in KINDS and self.num_leaves == 1

    @property
    def num_leaves(self) -> int:
        """The number of leaves; None counts as one."""
        return self._spec.num_leaves

    @property
    def paths(self) -> tuple[str, ...]:
        """One readable path per leaf, such as ``['w'][0].bias``; ``""`` for a bare leaf."""
        return tuple(accessor.codify("") for accessor in self._spec.accessors())

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """Return the tree of this structure with these leaves; ValueError for a wrong number."""
        if self is LEAF:
            (leaf,) = leaves
            return leaf
        return self._spec.unflatten(leaves)

    def __eq__(self, other: object) -> bool:
        return self._spec == other._spec if isinstance(other, Structure) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._spec)

    def __str__(self) -> str:
        return str(self._spec.walk(["*"] * self.num_leaves, _describe, str))

    __repr__ = __str__


LEAF = Structure(optree.treespec_leaf(none_is_leaf=True, namespace=NAMESPACE))

# Types of leaves, which need not go through optree; flatten adds new ones.
LEAF_TYPES: set[type] = {np.ndarray, np.float64, float, int, complex, type(None)}


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves of a tree, and its structure.

    The fields of a dataclass are its children, those with ``init=False`` included. Its instances
    are rebuilt field by field, without ``__init__`` and ``__post_init__``; a cached property is
    computed afresh. A dataclass instance with an attribute that is neither raises a TypeError.

    >>> leaves, structure = flatten({"w": [1.0, 2.0], "b": None})
    >>> leaves, str(structure)
    ([None, 1.0, 2.0], "{'b': *, 'w': [*, *]}")
    >>> structure.unflatten("xyz")
    {'w': ['y', 'z'], 'b': 'x'}
    """
    if type(tree) in LEAF_TYPES:
        return [tree], LEAF
    leaves, spec = optree.tree_flatten(tree, none_is_leaf=True, namespace=NAMESPACE)
    kinds = {type(leaf) for leaf in leaves} - LEAF_TYPES
    if kinds and any(kind.__module__.startswith(PACKAGES) and register(kind) for kind in kinds):
        return flatten(tree)
    if kinds and any(map(_is_dataclass, leaves)):
        wrapped = _wrap_dataclasses(tree)
        leaves, spec = optree.tree_flatten(wrapped, none_is_leaf=True, namespace=NAMESPACE)
    elif spec.is_leaf():
        LEAF_TYPES.add(type(tree))
        return leaves, LEAF
    return leaves, Structure(spec)


unflatten = Structure.unflatten


def check_result(leaf: Any) -> None:
    """Raise for a leaf of a result that could hide traced values and lose their derivative."""
    if is_box(leaf) or isinstance(leaf, _RESULTS) or type(leaf) in HOLLOW:
        return
    # Masked arrays may hold traced values as objects.
    if type(leaf) in (np.ndarray, np.memmap) or is_foreign(leaf):
        if leaf.dtype.kind in "biufc":
            return
        raise UnsupportedInputError(
            f"the function returned an array of dtype {leaf.dtype}, {user_line()}; return arrays "
            f"of numbers, and anything else beside the result with has_aux=True"
        )
    kind = f"{type(leaf).__module__}.{type(leaf).__qualname__}".removeprefix("builtins.")
    raise UnsupportedInputError(
        f"the function returned a value of type {kind}, which is no array, number or container, "
        f"{user_line()}; return its arrays (for a sparse array .data or .toarray(), for an "
        f"iterator a list), or pass it beside the result with has_aux=True"
    )


def leaf_paths(tree: Any) -> list[str]:
    """Return one readable path per leaf of a tree.

    >>> leaf_paths({"w": [1.0, (2.0, 3.0)]})
    ["['w'][0]", "['w'][1][0]", "['w'][1][1]"]
    """
    return list(flatten(tree)[1].paths)


def tree_map(fn: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Return a tree of ``fn(leaf, *leaves of the rest)``; TypeError if their structures differ.

    >>> tree_map(lambda x, y: x + y, {"b": 1, "a": (2, 3)}, {"b": 10, "a": (20, 30)})
    {'b': 11, 'a': (22, 33)}
    """
    leaves, structure = flatten(tree)
    groups = [leaves]
    for i, other in enumerate(rest, start=2):
        groups.append(check_same_structure(structure, other, f"tree {i}"))
    return structure.unflatten([fn(*group) for group in zip(*groups, strict=True)])


def _first_difference(expected: Any, given: Any, path: str = "") -> tuple[str, Any, Any]:
    node = expected.one_level()
    if node is not None and node == given.one_level():
        pairs = zip(node.accessors(), expected.children(), given.children(), strict=True)
        for entry, inner, other in pairs:
            if inner != other:
                return _first_difference(inner, other, path + entry.codify(""))
    return path, expected, given


def check_same_structure(expected: Structure, got_tree: Any, what: str) -> list[Any]:
    """Return the leaves of a tree that must have the expected structure.

    Raises a TypeError that names ``what`` ("tangent of argument 0"), both structures and the first
    path where they differ.
    """
    leaves, got = flatten(got_tree)
    if got == expected:
        return leaves
    path, *specs = _first_difference(expected._spec, got._spec)
    wanted, given = ("a leaf" if spec.is_leaf() else str(Structure(spec)) for spec in specs)
    raise TypeError(
        f"{what} has the wrong structure (* is a leaf)\n  expected: {expected}\n  given:    {got}\n"
        f"  first difference at {path or 'the top'}: expected {wanted}, given {given}"
    )


def _raveled_form(leaf: Any) -> tuple[np.dtype[Any], Callable[[Any], Any]] | None:
    """Return a leaf's dtype and the function that restores it from a 1-D piece, or None."""
    dtype = getattr(leaf, "dtype", None)
    if dtype is None and isinstance(leaf, int | float | complex) and not isinstance(leaf, bool):
        kind = complex if isinstance(leaf, complex) else float
        return np.dtype(kind), operator.methodcaller("item")
    if dtype is not None and dtype.kind in "fcO":
        if isinstance(leaf, np.generic):
            return dtype, operator.itemgetter(0)
        if hasattr(type(leaf), "__array_function__"):
            return dtype, operator.methodcaller("reshape", leaf.shape)
    return None


def _take(part: slice, dtype: np.dtype[Any], form: Callable[[Any], Any], flat: Any) -> Any:
    piece = flat[part]
    if piece.dtype.kind == "c" and dtype.kind == "f":
        piece = np.real(piece)
    # An object array holds traced scalars, which cannot be cast. astype also copies.
    return form(piece.astype(object if piece.dtype.kind == "O" else dtype))


def ravel(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return all leaves of a tree in one new 1-D array, and the inverse function.

    Leaves are floats, complex numbers and arrays of them; a Python int counts as a float; None
    contributes nothing and comes back. ``unravel(flat)`` copies, restores shapes, dtypes and Python
    scalars, and takes the real part for a real leaf among complex ones. Raises a TypeError
    for other leaves, and in ``unravel`` for a complex ``flat`` if all leaves were real.

    >>> flat, unravel = ravel({"w": np.ones((2, 1)), "b": 3.0})
    >>> flat
    array([3., 1., 1.])
    >>> unravel(2 * flat)
    {'w': array([[2.],
           [2.]]), 'b': 6.0}
    """
    leaves, structure = flatten(tree)
    pieces: list[Any] = []
    takers: list[Callable[[Any], Any]] = []
    size = 0
    for i, leaf in enumerate(leaves):
        if leaf is None:
            takers.append(lambda flat: None)
            continue
        form = _raveled_form(leaf)
        if form is None:
            where = structure.paths[i] and f" at {structure.paths[i]}"
            kind = f"{type(leaf).__name__} {getattr(leaf, 'dtype', '')}".strip()
            raise TypeError(f"ravel takes floats and arrays of floats; the leaf{where} is: {kind}")
        pieces.append(np.reshape(float(leaf) if isinstance(leaf, int) else leaf, (-1,)))
        stop = size + pieces[-1].size
        takers.append(functools.partial(_take, slice(size, stop), *form))
        size = stop
    raveled = np.concatenate(pieces) if pieces else np.zeros(0)
    is_real = raveled.dtype.kind == "f"

    def unravel(flat: Any) -> Any:
        if getattr(flat, "shape", None) != (size,):
            given = f"a {type(flat).__name__} of shape {np.shape(flat)}"
            raise ValueError(f"unravel takes an array of shape ({size},), not {given}")
        if is_real and flat.dtype.kind == "c":
            raise TypeError("unravel was given a complex array, but every raveled leaf was real")
        return structure.unflatten([take(flat) for take in takers])

    return raveled, unravel


def attributes(x: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an object, those in slots as well."""
    yield from getattr(x, "__dict__", {}).items()
    for cls in type(x).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(x, name):
                yield name, getattr(x, name)
