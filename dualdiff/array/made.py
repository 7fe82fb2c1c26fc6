"""Arrays that a program makes under `dualdiff.patch`: real ndarrays, until a traced value comes in.

A `Made` has memory of its own, so compiled code may read and write it. The first store of a traced
value turns it, and every view of it, into `MadeTraced`. From then on a box has the content, each
operation goes to the box, and the memory is filled with NaN: compiled code that still reads it
cannot take an old value for the right one.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ..core import trace as levels
from ..core.trace import CONVERTED, materialize
from ..core.types import Value
from ..errors import ConversionError, describe, instead_of_library, plain_target_error, user_line
from .box import Box, is_box, observe
from .conversion import TO_SCALAR_TYPE, face
from .dispatch import FUNCTIONS, dispatch_function, dispatch_ufunc
from .views import Array, View

_turning = threading.RLock()
_PLAIN = frozenset((float, int, complex, bool, np.float64, str, type(None)))
_plain_set = ndarray.__setitem__
_set_class = object.__dict__["__class__"].__set__
# The primitive of a part of an array in memory, for arrays that may be written to and others.
_windows: list[Any] = []
_COPIED = 2**16  # bytes up to which an array owns its memory, as NumPy's new arrays do
HOLDERS: list[type] = []  # whether arrays with memory that must not be read have been made
TRACED_KINDS: set[type] = set()  # of arrays that hold traced values
CLASSED: set[type] = set()  # those among them that are of a class of the program's


def set_windows(writeable: Any, readonly: Any) -> None:
    """Register the primitives of views (rules live above this layer)."""
    _windows[:] = [writeable, readonly]


def is_made(x: Value) -> bool:
    """Whether `x` is an array that the program made, plain or traced."""
    return type(x) is Made or type(x) in TRACED_KINDS


def class_of(a: Value) -> type:
    """The class that an array which the program made has in the program."""
    return ndarray if type(a) in (Made, MadeTraced) else type(a).__mro__[1]


def contains_box(x: Value) -> bool:
    """Whether a box stands anywhere in nested lists and tuples, or in an object array."""
    kind = type(x)
    if kind in _PLAIN or kind is Made:
        return False
    if kind is list or kind is tuple:
        return not _PLAIN.issuperset(map(type, x)) and any(map(contains_box, x))
    if kind is ndarray:
        return x.dtype.hasobject and any(map(contains_box, x.flat))
    if kind in TRACED_KINDS or is_box(x):
        return True
    return issubclass(kind, (list, tuple)) and any(map(contains_box, x))  # a named tuple


def _in_place(name: str) -> Any:
    """An operator in place, which makes one array of a sequence that holds traced values."""
    operate = getattr(ndarray, name)

    def call(self: Any, other: Value) -> Any:
        if issubclass(type(other), (list, tuple)) and contains_box(other):
            other = materialize(other)
        return operate(self, other)

    return call


class _Memory(ndarray):
    """The base of an array that the program made: no plain array, so nobody locks the memory."""

    __slots__ = ()


class Made(ndarray):
    """An array of floating-point or complex numbers whose elements are plain so far."""

    __slots__ = ("_born", "_content", "_twin", "_views")
    _born: int  # the level of the trace that was opened last when the array was made
    _content: Any  # the box, once it is traced
    _twin: Any  # the same memory as a plain ndarray, as long as a tape keeps it
    _views: list[Any]  # of all views, if it is no view itself

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # libraries test ``x.__class__ is np.ndarray``
        return ndarray

    def __array_finalize__(self, source: Any) -> None:
        self._born, self._content, self._twin = levels.latest, None, None
        base = self.base
        if base is not None and is_made(base):
            views = base._views  # type: ignore[attr-defined]
            views.append(weakref.ref(self))
            if len(views) > 64 and len(views) & (len(views) - 1) == 0:  # at powers of two
                views[:] = [view for view in views if view() is not None]
        else:
            self._views = []

    def __array_wrap__(self, made: Any, context: Any = None, return_scalar: bool = False) -> Any:
        if return_scalar and type(self) is Made:  # NumPy keeps those of other classes arrays
            return made[()]
        return ndarray.__array_wrap__(self, made, context, return_scalar)

    def __setitem__(self, index: Any, v: Value) -> None:
        if not contains_box(v):
            if is_box(index):
                index = observe(index)
            return _plain_set(self, index, v)
        if self.dtype.kind not in "fc":
            return _plain_set(self, index, observe(materialize(v)))
        traced_content(self)[index] = v
        return None

    __iadd__, __isub__ = _in_place("__iadd__"), _in_place("__isub__")
    __imul__, __itruediv__ = _in_place("__imul__"), _in_place("__itruediv__")

    def dot(self, b: Value, out: Any = None) -> Any:
        return np.dot(self, b, out) if out is not None else np.dot(self, b)

    def fill(self, value: Value) -> None:
        self[...] = value

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        np.put(self, indices, values, mode)

    @property
    def flat(self) -> Any:
        return _Flat(self)

    @flat.setter
    def flat(self, value: Value) -> None:
        self.flat[:] = value

    def __reduce__(self) -> Any:
        return plain_twin(self).__reduce__()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy("K")


class _Flat:
    """``ndarray.flat`` of an array that takes traced values."""

    def __init__(self, base: Made) -> None:
        self.base = base
        self._plain = ndarray.flat.__get__(base)

    def __setitem__(self, index: Any, v: Value) -> None:
        if contains_box(v):
            traced_content(self.base).flat[index] = v
        else:
            self._plain[index] = v

    def __getitem__(self, index: Any) -> Any:
        return self._plain[index]

    def __iter__(self) -> Any:
        return iter(self._plain)

    def __next__(self) -> Any:
        return next(self._plain)

    def __len__(self) -> int:
        return len(self._plain)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self._plain.__array__(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)


def made_of(result: Value) -> Any:
    """A new array as one that takes traced values, if its dtype can."""
    if type(result) is not ndarray or result.dtype.kind not in "fc":
        return result
    flags = result.flags
    if result.nbytes > _COPIED or not (flags.c_contiguous or flags.f_contiguous):
        return result.view(_Memory).view(Made)
    order: Any = "C" if flags.c_contiguous else "F"
    made = ndarray.__new__(Made, result.shape, result.dtype, order=order)
    _plain_set(made, ..., result)
    return made


def facade(box: Any) -> Any:
    """A real ndarray for a traced one: compiled code that takes it without asking reads NaN."""
    memory = np.full(box.shape, np.nan, box.dtype) if box.dtype.kind in "fc" else None
    if memory is None:
        return box
    made = memory.view(_Memory).view(Made)
    _set_class(made, MadeTraced)
    made._content = box
    take_over()
    if ConversionError.last.text is None:  # for an error of compiled code
        ConversionError.last.text = str(_read_by_compiled_code(box))
    return made


def _of_type(box: Any, kind: Any, dtype: Any = None, copy: Any = None) -> Any:
    """A real ndarray of the type's elements."""
    return facade(box.astype(kind))


TO_SCALAR_TYPE.append(_of_type)


def take_over() -> None:
    """From now on boxes look for arrays that are traced among their operands."""
    HOLDERS[:] = [MadeTraced]
    Box.__array_ufunc__ = _ufunc_of_boxes  # type: ignore[method-assign]
    Box.__array_function__ = function_of_boxes  # type: ignore[method-assign]


def plain_twin(a: Value) -> Any:
    """The memory of an array as a plain ndarray, the same object as long as somebody keeps it."""
    twin = a._twin and a._twin()
    if twin is None:
        twin = ndarray.view(a, ndarray)
        a._twin = weakref.ref(twin)
    return twin


def content_or_twin(a: Value) -> Any:
    """The box of an array that is traced, or else its memory as a plain ndarray."""
    return plain_twin(a) if type(a) is Made else content_of_traced(a)


def content_of_traced(a: Value) -> Any:
    """The box of a traced array."""
    content = a._content
    if content is None:
        raise _read_by_compiled_code(a)
    return content


def _read_by_compiled_code(a: Value) -> ConversionError:
    return ConversionError(
        f"compiled code has read an array that holds traced values ({describe(a)}), "
        f"{user_line()}. {instead_of_library()}, or pass dualdiff.value_of(x) if it is to count "
        f"as constant."
    )


def traced_content(a: Made) -> Any:
    """The box of an array into which a traced value is stored."""
    if type(a) in TRACED_KINDS:
        return content_of_traced(a)
    root: Any = a.base if is_made(a.base) else a
    outermost = levels.outermost_level()
    if outermost is None or root._born < outermost:
        raise plain_target_error(f"an array ({describe(a)}) that was made outside this derivative")
    if not a.flags.writeable:
        raise ValueError("assignment destination is read-only")
    with _turning:
        if type(root) is Made:
            _turn(root)
    return content_of_traced(a)


def _turn(root: Made) -> None:
    """Make an array and all its views traced."""
    plain = ndarray.view(root, ndarray)
    content = plain.copy(order="K")
    root._content = Array(content, True)
    _set_class(root, MadeTraced)
    for reference in root._views:
        view = reference()
        if view is not None:
            _set_class(view, MadeTraced)
            view._content = _window(root, view)
    plain.fill(np.nan)
    take_over()


def _window(root: Any, view: Any) -> Any:
    """A view of the box of `root` for a view in its memory; None for one of another dtype."""
    if view.dtype != root.dtype:
        return None
    size = root.itemsize
    order = tuple(sorted(range(root.ndim), key=lambda axis: -root.strides[axis]))
    offset = view.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    prim = _windows[0 if view.flags.writeable else 1]
    params = {
        "offset": offset // size,
        "shape": view.shape,
        "steps": tuple(stride // size for stride in view.strides),
        "layout": order,
    }
    return View(root._content, prim, params)


class MadeTraced(Made):
    """An array that holds traced values; a box has its content."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # not ndarray itself: they pass it to C then
        return face(class_of(self))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return _ufunc_of_boxes(None, ufunc, method, *inputs, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return function_of_boxes(None, func, types, args, kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return content_of_traced(self).__reduce_ex__(protocol)


def boxed(x: Value) -> Any:
    """Boxes in place of arrays that the program made and that are traced, also in lists."""
    kind = type(x)
    if kind in TRACED_KINDS:
        return content_of_traced(x)
    if kind is list or kind is tuple:
        kinds = {*map(type, x)}
        if TRACED_KINDS.isdisjoint(kinds) and list not in kinds and tuple not in kinds:
            return x
        new = [boxed(e) for e in x]
        return kind(new) if any(a is not b for a, b in zip(new, x, strict=True)) else x
    return x


def _ufunc_of_boxes(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    if CLASSED and self is not None:
        for x in inputs:
            if type(x) in CLASSED:
                return x.__array_ufunc__(ufunc, method, *inputs, **kwargs)
    if not kwargs and method == "__call__":
        found = FUNCTIONS.get(ufunc)
        if found is not None:
            return found(*map(boxed, inputs))
    return dispatch_ufunc(
        ufunc, method, tuple(map(boxed, inputs)), {k: boxed(v) for k, v in kwargs.items()}
    )


def function_of_boxes(self: Any, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    args, kwargs = boxed(tuple(args)), {k: boxed(v) for k, v in kwargs.items()}
    return dispatch_function(func, args, kwargs)


def _forward(name: str) -> Callable[..., Any]:
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(content_of_traced(self), name)(*map(boxed, args), **kwargs)

    forward.__name__ = name
    return forward


def _property(name: str) -> property:
    def read(self: Any) -> Any:
        return getattr(content_of_traced(self), name)

    def write(self: Any, value: Value) -> None:
        setattr(content_of_traced(self), name, boxed(value))

    return property(read, write)


# The memory still tells these rightly, and Python needs the others itself.
_KEPT = """
shape ndim size dtype itemsize nbytes strides flags base __array_priority__ __array_ufunc__
__array_function__ __array_finalize__ __array_wrap__ __array_interface__ __array_struct__
__array_namespace__ __class__ __class_getitem__ __new__ __init__ __doc__ __getattribute__
__setattr__ __delattr__ __dir__ __getstate__ __setstate__ __init_subclass__ __subclasshook__
__sizeof__ __reduce__ __reduce_ex__ __slots__ __module__ __buffer__ __dlpack__ __dlpack_device__
__hash__
"""


def _override() -> None:
    """Let every method and attribute of a traced array ask its box."""
    kept = set(_KEPT.split())
    for name in dir(ndarray):
        if name in kept or not hasattr(Box, name):
            continue
        own = getattr(ndarray, name)
        setattr(MadeTraced, name, _forward(name) if callable(own) else _property(name))
    MadeTraced.__hash__ = None


_override()
TRACED_KINDS.add(MadeTraced)
CONVERTED.update((Made, MadeTraced))
