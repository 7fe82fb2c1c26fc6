"""Arrays that can be assigned to: references to traced content, and views that write through.

A stored-into box becomes an `Array`: it holds content that is replaced by each store. Its
`payload` is the ownership bit: while nobody else can see the buffers under the content, they are
stored into in place. A `View` keeps its base, the operation that makes it, and the version it has
seen; it recomputes its content when it is read after the base has changed, and writes through when
written.
"""

from __future__ import annotations

import gc
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..core.batch import Shape, align, in_layout, is_inexact, layout_of, shape_of
from ..core.trace import LIVE, Reference, Traced, resolve, top_trace, value_of
from ..errors import ConversionError, describe, plain_target_error, user_line
from .box import Box, face, is_box, plain
from .dispatch import register

_set_class = object.__dict__["__class__"].__set__
SEPARATED: Any = object()
COMPACTED = 2**16
_BASIC = frozenset((int, slice, type(None), type(Ellipsis), np.int64, np.int32, np.intp))


class Place(NamedTuple):
    """Where a store goes: view operations from the root array, then an index, under lead axes.

    The operations give views in the memory layout of the root, which is kept where there are any.
    """

    ops: tuple[tuple[Any, dict[str, Any]], ...]
    index: Any
    layout: tuple[int, ...] | None
    lead: Shape = ()

    def under(self, lead: Shape) -> Place:
        """The same place in arrays that carry more lead axes."""
        return self._replace(lead=lead + self.lead) if lead else self

    def window(self, array: Any) -> Any:
        """The viewed part of `array`, sharing its memory."""
        window = array
        for prim, params in self.ops:
            window = prim.push_view(window, params, self.lead)
        return window

    @property
    def sign(self) -> int:
        """The sign of what is read from a cotangent through the window."""
        return prod(prim.view_sign for prim, _ in self.ops)

    def set(self, array: Any, v: Any) -> Any:
        """Store `v`, a scalar or a value with the same lead axes; returns the array it stands
        in."""
        window = self.window(array)
        if self.ops and not np.may_share_memory(window, array):
            # A tangent in another layout than its primal: a store into a copy would be lost.
            array = in_layout(array, self.layout, self.lead)
            window = self.window(array)
        set_lead(window, self.index, v, self.lead)
        return array


def _number(name: str) -> Any:
    """A conversion to a Python number, allowed where the content is not traced."""

    def convert(self: Any) -> Any:
        content = content_of(self)
        return getattr(super(Content, self) if is_box(content) else content, name)()

    convert.__name__ = name
    return convert


class Content(Reference):
    """A reference whose content may be plain: then it may become a number or a plain array."""

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
        """The plain content; read-only, since later writes might be lost."""
        if copy:
            return np.array(content_of(self), dtype=dtype)
        made = np.asarray(content_of(self), dtype=dtype).view()
        made.flags.writeable = False
        return made


class Array(Content):
    """An array that was stored into, or made to be: `value` is its content, `payload` ownership."""

    __slots__ = ()

    def __init__(self, content: Any, owned: bool) -> None:
        self.value, self.payload, self.scope, self.version = content, owned, None, 1

    def read(self) -> Any:
        self.payload = False
        return self.value


class View(Content):
    """A view of another box: `payload` is ``(base, primitive, params)``.

    `root` is the box at the bottom of its chain of views, `memory` what `memory_of` has found.
    """

    __slots__ = ("content", "memory", "root")
    content: Any
    memory: tuple[Any, Any]
    root: Any

    def __init__(self, base: Any, prim: Any, params: dict[str, Any], content: Any = None) -> None:
        self.payload, self.content, self.memory = (base, prim, params), content, (None, None)
        self.root = base.root if type(base) is View else base
        self.version = -1 if content is None else version_of(base)

    @property
    def value(self) -> Any:  # computed when asked for
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
                view.content = detached(content) if type(view.root) is Array else content
                view.version = version
        return self.content


def version_of(box: Box) -> int:
    """The number of stores that the content of a box has seen."""
    root = box.root if type(box) is View else box
    return root.version if type(root) is Array else 0


def root_of(box: Box) -> tuple[Box, tuple[tuple[Any, dict[str, Any]], ...]]:
    """The box at the bottom of a chain of views, and the operations that lead back up."""
    ops: list[tuple[Any, dict[str, Any]]] = []
    while type(box) is View:
        box, *op = box.payload
        ops.append(tuple(op))
    return box, tuple(reversed(ops))


def memory_of(box: Any) -> Any:
    """The plain array behind a box, with the strides it has in NumPy: a view read may be a copy."""
    source = plain(box.root if type(box) is View else box)
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
    """The content of a box without giving up ownership: for reads that keep nothing."""
    kind = type(box)
    if kind is Array:
        return box.value
    return box.read() if kind is View else box


def detached(content: Any) -> Any:
    """Content whose buffers are its own, at every level."""
    if type(content) is ndarray:
        return content.copy(order="K")
    if not issubclass(type(content), Traced):
        return content
    new = content.snapshot()
    new.value = detached(content.value)
    new.payload = detached(content.payload)
    return new


def make_view(base: Any, prim: Any, params: dict[str, Any], inner: Any) -> Any:
    """`inner` as a view of `base` where NumPy gives a view, else `inner` itself."""
    out, source = plain(inner), plain(base)
    if type(out) is ndarray and type(source) is ndarray and np.may_share_memory(out, source):
        return View(base, prim, params, inner)
    return inner


def localize(ans: Any) -> Any:
    """An untraced result of untraced `Array` operands, as an array that takes traced values too."""
    return Array(ans, True) if type(ans) is ndarray and LIVE else ans


def is_basic(index: Any) -> bool:
    """Whether an index makes a view: integers, slices, newaxis and the ellipsis only."""
    if type(index) is tuple:
        return all(type(i) in _BASIC for i in index)
    return type(index) in _BASIC


def ndim_selected(shape: Shape, index: Any) -> int:
    """The number of dimensions of what an index selects from an array of this shape."""
    if type(index) is slice:
        return len(shape)
    if type(index) is int:
        return len(shape) - 1
    return int(np.ndim(np.broadcast_to(False, shape)[index]))


def freeze_index(index: Any) -> Any:
    """An index that later changes of the user's index arrays do not reach; boxes are refused."""
    if type(index) is tuple:
        return index if is_basic(index) else tuple(freeze_index(i) for i in index)
    if is_box(index):
        if np.issubdtype(index.dtype, np.inexact):
            raise IndexError(
                f"a traced value ({describe(index)}) cannot be an index, {user_line()}; "
                f"use int(dualdiff.value_of(i))."
            )
        index = value_of(index)
    if type(index) is list:
        return np.array([value_of(i) for i in index]) if index else np.array([], dtype=np.intp)
    return index.copy() if type(index) is ndarray else index


def _prefixable(index: Any) -> bool:
    """Whether one slice before the index leaves its meaning for the other axes unchanged."""
    if type(index) is not tuple:
        return type(index) is ndarray and index.ndim > 0
    advanced = [
        n for n, i in enumerate(index) if not (i is None or i is Ellipsis or type(i) is slice)
    ]
    if any(np.ndim(index[n]) == 0 and isinstance(index[n], (bool, np.bool_)) for n in advanced):
        return False
    return advanced == list(range(advanced[0], advanced[0] + len(advanced)))


def flat_positions(shape: Shape, index: Any) -> ndarray:
    """Positions in the raveled array that an index selects, in the shape of its result."""
    return np.asarray(np.arange(int(np.prod(shape))).reshape(shape)[index])


def lead_index(index: Any, lead: Shape) -> Any:
    """The index that selects under lead axes what `index` selects without them.

    It is `SEPARATED` where NumPy has no such index: advanced indices with a slice between them.
    """
    if not lead:
        return index
    if is_basic(index) or _prefixable(index):
        rest = index if type(index) is tuple else (index,)
        return (slice(None),) * len(lead) + rest
    return SEPARATED


def placed(t: Any, shape: Shape, index: Any, lead: Shape) -> tuple[Any, Any]:
    """`t` with lead axes, or a view of it, and the index to write there what goes to `index`."""
    full = lead_index(index, lead)
    if full is not SEPARATED:
        return t, full
    places = np.unravel_index(flat_positions(shape, index), shape or (1,))
    return (t if shape else t[..., None]), (..., *places)


def get_lead(t: Any, index: Any, lead: Shape) -> Any:
    """``t[index]`` for `t` with lead axes."""
    full = lead_index(index, lead)
    if full is not SEPARATED:
        return t[full]
    shape = t.shape[len(lead) :]
    return t.reshape((*lead, int(np.prod(shape))))[..., flat_positions(shape, index)]


def read_lead(t: Any, index: Any, lead: Shape) -> Any:
    """`get_lead` to be computed with, not to be written to: small parts are made contiguous,
    since the first operation on a strided one takes longer than the copy."""
    part = get_lead(t, index, lead)
    small = type(part) is ndarray and part.size <= COMPACTED and not part.flags.c_contiguous
    return part.copy(order="K") if small else part


def set_lead(t: Any, index: Any, v: Any, lead: Shape) -> None:
    """``t[index] = v`` for `t` with lead axes, and `v` with the same ones or a scalar."""
    shape = t.shape[len(lead) :]
    t, full = placed(t, shape, index, lead)
    if lead and np.ndim(v):
        target = ndim_selected(shape, index)
        v = align(v, v.ndim - len(lead), target, lead)
    t[full] = v


def last_writes(shape: Shape, index: Any) -> Any:
    """For an index with repeats, a mask of the stores that were not overwritten; else None."""
    if is_basic(index):
        return None
    positions = flat_positions(shape, index)
    winner = np.empty(int(np.prod(shape)), dtype=np.intp)
    order = np.arange(positions.size).reshape(positions.shape)
    winner[positions] = order
    last = winner[positions] == order
    return None if last.all() else last


def twin(a: Any) -> Any:
    """A copy whose axes merge in a reshape exactly where those of `a` do: gaps stay gaps."""
    if type(a) is not ndarray or a.flags.forc:
        return a.copy(order="K")
    order = sorted(range(a.ndim), key=lambda i: -abs(a.strides[i]))
    outer = [a.shape[i] for i in order]
    for k, (i, j) in enumerate(pairwise(order), start=1):
        outer[k] += a.strides[i] != a.shape[j] * a.strides[j]
    inner = np.empty(outer, a.dtype)[tuple(slice(a.shape[i]) for i in order)]
    made = inner.transpose(sorted(range(a.ndim), key=order.__getitem__))
    made[...] = a
    return made


def store(content: Any, place: Place, v: Any, owned: bool) -> Any:
    """`content` with `v` stored at `place`: the one way in which anything is assigned."""
    trace = top_trace((content, v))
    if trace is not None:
        if not is_inexact(content):
            return store(content, place, value_of(v), owned)
        return trace.store(content, place, v, owned)
    return place.set(content if owned else twin(content), v)


def assign(box: Any, index: Any, v: Any) -> None:
    """``box[index] = v`` with NumPy's meaning: seen by every view, never by the caller's array."""
    if type(v) is View and v.payload[0] is box and v.payload[2].get("index") is index:
        return  # the store that ends `box[index] += v`: the view has written through
    index = freeze_index(index)
    v = resolve(v)
    root, ops = root_of(box)
    place = Place(ops, index, layout_of(plain(root)) if ops else None)
    shape = shape_of(v)
    target = plain(box)[index].ndim if shape else 0
    if len(shape) > target:
        v = np.reshape(v, shape[len(shape) - target :])
    if any(prim.readonly for prim, _ in ops):
        raise ValueError("assignment destination is read-only")
    if type(plain(root)) is not ndarray:
        raise TypeError(f"{type(plain(root)).__name__!r} object does not support item assignment")
    content = root.value if type(root) is Array else root.snapshot()  # type: ignore[attr-defined]
    owned = type(root) is Array and root.payload
    replace_content(root, store(content, place, resolve(v), owned), owned=True)


def replace_content(box: Any, content: Any, owned: bool) -> None:
    """Give a box new content; every view of it sees the change."""
    if type(box) is not Array:
        _set_class(box, Array)
        box.scope, box.version = None, 0
    box.value, box.payload = content, owned
    box.version += 1


def assign_to(target: Any, index: Any, v: Any) -> None:
    """``target[index] = v``, where the target may be a plain array: it takes no traced values."""
    if is_box(target):
        assign(target, index, v)
        return
    v = resolve(v)
    if is_box(v):
        raise refuse_plain_target(target)
    target[index] = v


def refuse_plain_target(target: Any) -> ConversionError:
    """The error for a plain array that is to take traced values."""
    return plain_target_error(f"a plain NumPy array ({describe(target)})")


def resize(box: Any, shape: Any) -> None:
    """``a.resize(shape)`` in place, refused for and under views as in NumPy."""
    array = plain(box)
    if type(array) is not ndarray or type(box) is View:
        raise ValueError("cannot resize this array: it does not own its data")
    if not array.flags.forc:
        raise ValueError("resize only works on single-segment arrays")
    if any(type(view) is View and view.root is box for view in gc.get_referrers(box)):
        raise ValueError(
            f"cannot resize an array that references or is referenced by another array, "
            f"{user_line()}; write `x = np.resize(x, shape)`"
        )
    order: Any = "C" if array.flags.c_contiguous else "F"
    flat = np.ravel(box, order)[: prod(np.atleast_1d(shape))]
    padding = np.zeros(prod(np.atleast_1d(shape)) - len(flat), array.dtype)
    new = np.reshape(np.concatenate([flat, padding]), shape, order)
    replace_content(box, resolve(new), owned=False)


register(np.ndarray.resize, resize)
