"""The operations of nodes: calls with containers and keywords, stores, guards, parts of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box
from ..array.layout import copy_with_strides
from ..array.stores import Place
from ..core.types import Value
from .errors import Unrecordable
from .values import Plain, Recorded, contains_box

# Operands without parts, which stay as they are in a template.
ATOMS = frozenset((int, float, np.float64, bool, str, type(None), np.ufunc))


class Hole:
    """Stands in a template for the recorded operand number `place`."""

    __slots__ = ("place",)

    def __init__(self, place: int) -> None:
        self.place = place

    def __eq__(self, other: object) -> bool:
        return type(other) is Hole and other.place == self.place

    def __hash__(self) -> int:
        return self.place


def with_holes(tree: Any, leaves: list[Any]) -> Any:
    """The operands with a hole for each recorded value, which is appended to `leaves`."""
    kind = type(tree)
    if kind in ATOMS:
        return tree
    if kind is Recorded or kind is Plain:
        leaves.append(tree)
        return Hole(len(leaves) - 1)
    if kind is tuple or kind is list:
        return kind([with_holes(x, leaves) for x in tree])
    if isinstance(tree, tuple) and not is_box(tree):
        return kind(*(with_holes(x, leaves) for x in tree))
    if kind is dict:
        return {k: with_holes(v, leaves) for k, v in tree.items()}
    if kind is slice:
        if type(tree.start) in ATOMS and type(tree.stop) in ATOMS and type(tree.step) in ATOMS:
            return tree
        return slice(*(with_holes(x, leaves) for x in (tree.start, tree.stop, tree.step)))
    if kind is ndarray and not tree.dtype.hasobject:
        held = tree.copy(order="K")
        held.flags.writeable = False
        return held
    if is_box(tree) or (kind is ndarray and contains_box(tree)):
        raise Unrecordable("an operand holds a traced value of another kind")
    return tree


def filled(tree: Any, leaves: Sequence[Any]) -> Any:
    """The operands with values in place of the holes."""
    kind = type(tree)
    if kind in ATOMS:
        return tree
    if kind is Hole:
        return leaves[tree.place]
    if kind is tuple or kind is list:
        return kind([filled(x, leaves) for x in tree])
    if isinstance(tree, tuple):
        return kind(*(filled(x, leaves) for x in tree))
    if kind is dict:
        return {k: filled(v, leaves) for k, v in tree.items()}
    if kind is slice:
        return slice(*(filled(x, leaves) for x in (tree.start, tree.stop, tree.step)))
    return tree


class Call:
    """A function with operands in containers and keywords; it takes the recorded operands alone."""

    __slots__ = ("args", "function", "kwargs")

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs

    def __call__(self, *leaves: Any) -> Any:
        return self.function(*filled(self.args, leaves), **filled(self.kwargs, leaves))


class Method(Call):
    """A method of the first operand; `function` is its name."""

    __slots__ = ()

    def __call__(self, x: Value, *leaves: Any) -> Any:
        args, kwargs = filled(self.args, leaves), filled(self.kwargs, leaves)
        return getattr(x, str(self.function))(*args, **kwargs)


class Callback(Call):
    """A rule of dualdiff that looks at numbers: it runs as it stands at every replay."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"a call-back of {self.function}"


class Solve(Callback):
    """A solver of SciPy's, whose own time remains at every replay."""

    __slots__ = ()


class Store:
    """A content with a value stored at a place."""

    __slots__ = ("place",)

    def __init__(self, place: Any) -> None:
        self.place = place

    def __call__(self, content: Value, v: Value, *leaves: Any) -> Any:
        return self.update(copy_with_strides(content, writable=True), v, *leaves)

    def update(self, content: Value, v: Value, *leaves: Any) -> Any:
        """The same in place, for content that nothing else needs."""
        place: Place = filled(self.place, leaves) if leaves else self.place
        return place.set(content, v)


class Add:
    """A content with a value added at a basic index; `place` is the index."""

    __slots__ = ("place",)

    def __init__(self, place: Any) -> None:
        self.place = place

    def __call__(self, content: Value, v: Value) -> Any:
        return self.update(copy_with_strides(content, writable=True), v)

    def update(self, content: Value, v: Value) -> Any:
        """The same in place, for content that nothing else needs."""
        content[self.place] += v
        return content


STORES = (Store, Add)


class Guard:
    """A number on which the course of the program depends, as `look` reads it."""

    __slots__ = ("look", "outcome", "where")

    def __init__(self, outcome: Any, look: Callable[[Any], Any] | None, where: Any) -> None:
        self.outcome, self.look, self.where = outcome, look, where

    def holds(self, value: Value) -> bool:
        """Whether a value leads to the recorded outcome."""
        return same(self.look(value) if self.look else value, self.outcome)


class Pick:
    """One of several results, by its place in nested tuples."""

    __slots__ = ("path",)

    def __init__(self, path: tuple[int, ...]) -> None:
        self.path = path

    def __call__(self, results: Any) -> Any:
        for i in self.path:
            results = results[i]
        return results


def identity(x: Value) -> Any:
    """A constant as a node."""
    return x


class Raised:
    """Stands for an operation that has raised an exception."""


# In place of what a solver's function computed: its numbers are not used again.
BURIED: Any = type("Buried", (), {"__repr__": lambda self: "buried"})()
INPUT: Any = type("Input", (), {"__repr__": lambda self: "input"})()


def same(a: Value, b: Value) -> bool:
    """Whether two values have the same type, form and bits."""
    if type(a) is not type(b):
        return False
    if type(a) is int:  # most are
        return a == b
    if isinstance(a, (ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (float, complex)):
        return bool(np.array(a).tobytes() == np.array(b).tobytes())
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(v, b[k]) for k, v in a.items())
    if isinstance(a, slice):
        return same((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    return a is b or bool(a == b)
