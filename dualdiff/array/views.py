"""Arrays that take stores: boxes that hold traced content, and views that write through.

A store replaces the content of a box (see `Traced`); an `Array` holds content from the start,
which may be plain. Its `payload` is the ownership bit: while nobody else can see the buffers of the
content, stores work in place. A `View` keeps its base, the operation that makes it, and the version
of its base that it has read. It reads again after the base has changed, and stores go through to
the base.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy import ndarray

from ..core.trace import STORED, Reference, Traced, is_stored, is_tracing
from ..core.types import Value
from .box import Box, face, is_box, shell
from .kinds import copied, is_foreign, shares_memory


def _number(name: str) -> Any:
    """A conversion to a Python number, allowed if the content is not traced."""

    def convert(self: Any) -> Any:
        content = content_of(self)
        return getattr(super(Content, self) if is_box(content) else content, name)()

    convert.__name__ = name
    return convert


class Content(Reference):
    """A reference whose content may be plain; then it converts to a number or a plain array."""

    __slots__ = ()
    __float__, __int__ = _number("__float__"), _number("__int__")
    __complex__, __index__ = _number("__complex__"), _number("__index__")
    __hash__ = _number("__hash__")

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        content = content_of(self)
        return content.__class__ if is_box(content) else face(type(content))

    @property
    def __array__(self) -> Any:
        content = content_of(self)
        if type(content) is ndarray and not content.dtype.hasobject:
            return self._value_of
        return super().__array__

    def _value_of(self, dtype: Any = None, copy: Any = None) -> ndarray:
        """The plain content; read-only, since later stores could be lost."""
        if copy:
            return np.array(content_of(self), dtype=dtype)
        made = np.asarray(content_of(self), dtype=dtype).view()
        made.flags.writeable = False
        return made


class Array(Content):
    """An array for stores: `value` is its content, `payload` the ownership bit."""

    __slots__ = ()

    def __init__(self, content: Value, owned: bool) -> None:
        self.primal, self.payload, self.owner, self.version = content, owned, STORED, 1

    def read(self) -> Any:
        self.payload = False
        return self.primal


# For each run that no tape records, the views that were read in it: they may be older than the run.
UNRECORDED: list[list[weakref.ref[View]]] = []


class View(Content):
    """A view of another box: `payload` is ``(base, primitive, params)``.

    `root` is the box at the bottom of its chain of views, `memory` the result of `memory_of`.
    """

    __slots__ = ("content", "memory", "root")
    content: Any
    memory: tuple[Any, Any]
    root: Any

    def __init__(self, base: Any, prim: Any, params: dict[str, Any], content: Value = None) -> None:
        self.payload, self.content, self.memory = (base, prim, params), content, (None, None)
        self.owner, self.root = None, base.root if type(base) is View else base
        self.version = -1 if content is None else version_of(base)

    @property
    def primal(self) -> Any:  # computed on demand
        return self.read()

    @property
    def base(self) -> Any:
        return self.root

    def _memory(self) -> ndarray:
        return np.asarray(memory_of(self))

    def read(self) -> Any:
        version = version_of(self)
        if version != self.version:
            stale, base = [self], self.payload[0]
            while type(base) is View and base.version != version:  # a chain may be long
                stale.append(base)
                base = base.payload[0]
            for view in reversed(stale):
                base, prim, params = view.payload
                content = prim.inner(content_of(base), params)
                view.content = detached(content) if view.root.owner is STORED else content
                view.version = version
            if UNRECORDED:
                UNRECORDED[-1] += map(weakref.ref, stale)
        return self.content

    def forget(self) -> None:
        """Let the next read compute the content anew."""
        self.version = -1


def version_of(box: Box) -> int:
    """The number of stores into the content of a box."""
    root = box.root if type(box) is View else box
    return root.version if root.owner is STORED else 0


def root_of(box: Box) -> tuple[Box, tuple[tuple[Any, dict[str, Any]], ...]]:
    """The box at the bottom of a chain of views, and the operations that lead back up."""
    ops: list[tuple[Any, dict[str, Any]]] = []
    while type(box) is View:
        box, *op = box.payload
        ops.append(tuple(op))
    return box, tuple(reversed(ops))


def memory_of(box: Any) -> Any:
    """The plain array behind a box with NumPy's strides; the content of a view may be a copy."""
    source = shell(box.root if type(box) is View else box)
    unknown = []
    while type(box) is View and box.memory[0] is not source:
        unknown.append(box)
        box = box.payload[0]
    array = box.memory[1] if type(box) is View else source
    for view in reversed(unknown):
        _, prim, params = view.payload
        array = prim.fn(array, **params)
        view.memory = source, array
    return array


def content_of(box: Any) -> Any:
    """The content of a box, which keeps its ownership: for reads that keep nothing."""
    if type(box) is View:
        return box.read()
    return box.primal if is_stored(box) else box


def detached(content: Value) -> Any:
    """A copy of content, with buffers of its own at every level."""
    if type(content) is ndarray:
        return content.copy(order="K")
    if is_foreign(content):
        return copied(content)
    if not issubclass(type(content), Traced):
        return content
    new = content.snapshot()
    if content.owner.replays:
        return new
    new.primal = detached(content.primal)
    new.payload = detached(content.payload)
    return new


def make_view(base: Any, prim: Any, params: dict[str, Any], inner: Any) -> Any:
    """`inner` as a view of `base` if NumPy makes a view, else `inner` itself."""
    out, source = shell(inner), shell(base)
    plain = type(out) is ndarray and type(source) is ndarray
    shared = np.may_share_memory(out, source) if plain else shares_memory(out, source)
    return View(base, prim, params, inner) if shared else inner


def localize(ans: Value) -> Any:
    """An untraced result of untraced `Array` operands, as an array that takes traced values too."""
    is_array = type(ans) is ndarray or is_foreign(ans)
    return Array(ans, True) if is_array and is_tracing() else ans
