"""Traced arrays of the classes that a program derives from ndarray.

`x.view(Point)` of a traced x is a real `Point`, whose memory is filled with NaN and whose content
is a box. Methods and attributes of the class work; operations go to the box, and their results are
of the class again, as `__array_finalize__` has it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from .. import errors
from ..core.trace import CONVERTED, is_of_texts
from ..core.types import Value
from .box import is_box
from .made import (
    CLASSED,
    TRACED_KINDS,
    Made,
    MadeTraced,
    class_of,
    content_of_traced,
    function_of_boxes,
    take_over,
)
from .views import Array

_WITHOUT_CLASS = (ndarray, Made, MadeTraced)
# Their operations mean something else, or they keep other data beside the elements.
_REFUSED = (np.matrix, np.ma.MaskedArray, np.memmap, np.recarray)


def can_be_traced(cls: type) -> bool:
    """Whether traced arrays can be of a class."""
    return issubclass(cls, ndarray) and not issubclass(cls, _REFUSED) and not is_of_texts(cls)


def as_subclass(box: Any, cls: type, source: Any = None) -> Any:
    """A traced array as an instance of a class, made from `source` as far as attributes go."""
    if cls in TRACED_KINDS:
        cls = class_of(source)
    memory = np.full(box.shape, np.nan, box.dtype)
    made = memory.view(_traced(cls))
    made._content, made._twin, made._born = box, None, 0
    finalize = getattr(cls, "__array_finalize__", None)
    if source is not None and finalize is not None:
        finalize(made, source)
        made._content = box
    take_over()
    return made


def is_of_a_class(x: Value) -> bool:
    """Whether an operand is of a derived class, in which results with traced values are as well."""
    kind = type(x)
    if kind in CLASSED:
        return True
    if not errors.patches or not issubclass(kind, ndarray) or kind in _WITHOUT_CLASS:
        return False
    return can_be_traced(kind) and x.dtype.kind in "fc"


def operated(ufunc: Any, *operands: Value) -> Any:
    """A ufunc of boxes and arrays of derived classes, in the class of the first of these."""
    new = [
        as_subclass(Array(np.array(x), True), type(x), x)
        if type(x) not in CLASSED and is_of_a_class(x)
        else x
        for x in operands
    ]
    first = next(x for x in new if type(x) in CLASSED)
    return first.__array_ufunc__(ufunc, "__call__", *new)


def in_its_class(box: Any, source: Any) -> Any:
    """A traced copy of an array of a class, in the class."""
    kept = type(source) in TRACED_KINDS and type(source) is not MadeTraced and is_box(box)
    return as_subclass(box, type(source), source) if kept else box


@functools.cache
def _traced(cls: type) -> Any:
    """The class of traced arrays that are instances of `cls`."""
    space: dict[str, Any] = {
        "__array_ufunc__": _operation,
        "__class__": property(lambda self: cls),
        "__module__": cls.__module__,
    }
    bases: tuple[type, ...] = (cls, _Results, MadeTraced)
    if getattr(cls, "__array_ufunc__", None) is not ndarray.__array_ufunc__:
        del space["__array_ufunc__"]  # it calls NumPy's, which comes next in the order of classes
        bases = (cls, _Ufuncs, _Results, MadeTraced)
    new: Any = type(cls.__name__, bases, space)
    CLASSED.add(new)
    TRACED_KINDS.add(new)
    CONVERTED.add(new)
    return new


def _operation(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    ans = MadeTraced.__array_ufunc__(self, ufunc, method, *inputs, **kwargs)
    return _wrapped(self, ans)


def _wrapped(self: Any, ans: Any) -> Any:
    """A traced result in the class of the array that it comes from."""
    if type(ans) is tuple:
        return tuple(_wrapped(self, a) for a in ans)
    if ans is content_of_traced(self):
        return self
    return as_subclass(ans, type(self), self) if is_box(ans) and np.ndim(ans) else ans


class _Results(Made):
    """Methods of ndarray whose results are of the class of the array."""

    __slots__ = ()

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _wrapped(self, function_of_boxes(self, func, types, args, kwargs))

    def view(self, dtype: Any = None, type: Any = None) -> Any:  # NumPy's name
        return MadeTraced.view(self, *(a for a in (dtype, type) if a is not None))

    def __array_finalize__(self, source: Any) -> None:
        # A class may call it once more for its own attributes: the content stays.
        if getattr(self, "_content", None) is None:
            super().__array_finalize__(source)


def _reducing(ufunc: Any) -> Any:
    return lambda self, axis=None, **options: ufunc.reduce(self, axis=axis, **options)


class _Ufuncs(np.lib.mixins.NDArrayOperatorsMixin):
    """Operators and reductions of ndarray by the ufuncs, in which a class has a say."""

    __slots__ = ()

    sum, prod, min, max = map(_reducing, (np.add, np.multiply, np.minimum, np.maximum))

    def mean(self, axis: Any = None, **options: Any) -> Any:
        x: Any = self
        total = x.sum(axis, **options)
        return total / (np.size(x) / np.size(total))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = _REDUCTIONS.get(func)
        if name is not None and args:
            return getattr(args[0], name)(*args[1:], **kwargs)
        x: Any = self  # of a class that derives from `_Results`, too
        ans = _Results.__array_function__(x, func, types, args, kwargs)
        return as_subclass(ans, type(self), self) if is_box(ans) else ans


_REDUCTIONS = {getattr(np, name): name for name in ("sum", "prod", "min", "max", "mean")}


def _of_the_class(name: str) -> Callable[..., Any]:
    method = vars(MadeTraced)[name]

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _wrapped(self, method(self, *args, **kwargs))

    return call


def _override() -> None:
    for name, value in vars(MadeTraced).items():
        if isinstance(value, property) and name != "__class__":
            setattr(_Results, name, property(_reading(value), value.fset))
        elif callable(value) and name not in vars(_Results) and name[:7] != "__array":
            setattr(_Results, name, _of_the_class(name))


def _reading(attribute: property) -> Callable[[Any], Any]:
    read: Any = attribute.fget
    return lambda self: _wrapped(self, read(self))


_override()
