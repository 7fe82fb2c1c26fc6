"""The values of a program that is being recorded.

Two classes stand for one recorded value. `Recorded` is a box of the lowest trace: the derivatives
that a program takes see it as a value of an outer derivative. `Plain` is the plain value behind it,
which rules and decisions of the program look at. Operations on either become nodes of the graph.

A number leaves the recording only through the methods at the end of this file. Each of them adds a
guard to the graph, so that a replay with another number is noticed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy import float64, ndarray

from ..array.box import HOLLOW, RECORDED, Box, face, is_box
from ..array.dispatch import FUNCTIONS, dispatch_function, dispatch_ufunc
from ..core.batch import of_integers
from ..core.trace import STORED, Traced
from ..core.types import Value
from .errors import Unrecordable

_new = object.__new__
_slot: Any = Box.__mro__[1].__dict__["primal"]  # the attribute that `Recorded` computes on demand
_DOUBLE = np.dtype(float)
NUMBERS = frozenset((float, float64, int, bool))


class Recorded(Traced):
    """A recorded value as a box: `raw` is NumPy's value now, `payload` the number of its node."""

    __slots__ = ("raw",)
    raw: Any

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return face(type(raw_of(self)))

    @property
    def primal(self) -> Any:
        """The content of a box that was stored into; else the plain value."""
        try:
            return _slot.__get__(self)
        except AttributeError:
            made = Plain(self.raw, self.payload, self.owner)
            _slot.__set__(self, made)
            return made

    @primal.setter
    def primal(self, content: Value) -> None:
        _slot.__set__(self, content)

    def snapshot(self) -> Recorded:
        new = _new(Recorded)
        if self.owner is STORED:
            new.primal = self.primal
        else:
            new.raw = self.raw
        new.payload, new.owner = self.payload, self.owner
        return new

    @property  # type: ignore[misc]
    def shape(self) -> tuple[int, ...]:
        raw = self.raw if self.owner is not STORED else raw_of(self)
        kind = type(raw)
        return raw.shape if kind is ndarray or kind is float64 else np.shape(raw)

    @property
    def dtype(self) -> np.dtype[Any]:
        raw = self.raw if self.owner is not STORED else raw_of(self)
        kind = type(raw)
        if kind is float64 or kind is float:
            return _DOUBLE
        return raw.dtype if kind is ndarray or hasattr(raw, "dtype") else np.asarray(raw).dtype

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        content = self.read()
        if not kwargs and method == "__call__" and ufunc.nout == 1 and type(content) is Recorded:
            recorder = content.owner
            raws, refs = [], []
            for x in inputs:
                kind = type(x)
                if kind not in NUMBERS and (kind is not Recorded or x.owner is not recorder):
                    x = x.read() if is_box(x) else x
                    kind = type(x)
                if (kind is Recorded or kind is Plain) and x.owner is recorder:
                    raws.append(x.raw)
                    refs.append(x.payload)
                elif kind in NUMBERS or (kind is ndarray and not x.dtype.hasobject):
                    raws.append(x)
                    refs.append(recorder.constant_ref(x))
                else:
                    break
            else:
                return recorder.computed(ufunc, tuple(refs), raws)
        recorder = recorder_of(inputs)
        if recorder is None or "out" in kwargs or method == "at":
            if method == "__call__" and not kwargs:
                found = FUNCTIONS.get(ufunc)
                if found is not None:
                    return found(*inputs)
            return dispatch_ufunc(ufunc, method, inputs, kwargs)
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return recorder.apply(function, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in _VIEWS and args and type(args[0]) is Recorded and args[0].shape:
            return dispatch_function(func, args, kwargs)
        recorder = recorder_of((args, kwargs))
        if recorder is not None and func not in BY_RULES and kwargs.get("out") is None:
            ans = recorder.apply_function(func, args, kwargs)
            if ans is not NotImplemented:
                return ans
        return dispatch_function(func, args, kwargs)

    def __getitem__(self, index: Any) -> Any:
        recorder = self.owner
        if recorder is not STORED and (type(index) is int or type(index) is tuple):
            one = type(index) is not tuple or of_integers(index)
            raw = self.raw[index] if one else None
            if raw is not None and type(raw) is not ndarray:
                ref = recorder.constant_ref(index)
                return boxed(
                    raw, recorder.append(operator.getitem, (self.payload, ref), raw), recorder
                )
        return FUNCTIONS[operator.getitem](self, index)

    def __bool__(self) -> bool:
        return bool(self.read().primal)

    def __index__(self) -> int:
        return operator.index(self.read().primal)

    def __int__(self) -> int:
        return int(self.read().primal)

    def __float__(self) -> float:
        return float(self.read().primal)

    def __complex__(self) -> complex:
        return complex(self.read().primal)

    def __hash__(self) -> int:
        return hash(self.read().primal)

    def __repr__(self) -> str:
        return repr(self.read().primal)

    def __str__(self) -> str:
        return str(self.read().primal)

    def __format__(self, spec: str) -> str:
        return format(self.read().primal, spec)


class Plain:
    """The plain value behind a recorded box."""

    __slots__ = ("owner", "payload", "raw")
    __array_priority__ = 900.0  # below boxes

    def __init__(self, raw: Value, node: int, recorder: Any) -> None:
        self.raw, self.payload, self.owner = raw, node, recorder

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self.raw)

    def release(self) -> Recorded:
        """The same value as a box, for an operation with traced operands."""
        return boxed(self.raw, self.payload, self.owner)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        recorder = recorder_of(inputs)
        if recorder is None:
            return NotImplemented  # the boxes among the operands answer
        if kwargs.get("out") is not None or method == "at":
            raise Unrecordable("a store into the plain value of a recorded array")
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return recorder.apply(function, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        recorder = recorder_of((args, kwargs))
        if recorder is None:
            return dispatch_function(func, args, kwargs)
        if func in STRUCTURAL:
            return recorder.structural(func, args, kwargs)
        if func in WRITERS or kwargs.get("out") is not None:
            raise Unrecordable("a store into the plain value of a recorded array")
        return recorder.apply(func, args, kwargs)

    # Form, which the signature of the arguments fixes.

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.raw)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.raw.dtype if hasattr(self.raw, "dtype") else np.asarray(self.raw).dtype

    @property
    def ndim(self) -> int:
        return np.ndim(self.raw)

    @property
    def size(self) -> int:
        return np.size(self.raw)

    @property
    def strides(self) -> tuple[int, ...]:
        return np.asarray(self.raw).strides

    @property
    def flags(self) -> Any:
        return np.asarray(self.raw).view().flags

    @property
    def nbytes(self) -> int:
        return np.asarray(self.raw).nbytes

    @property
    def itemsize(self) -> int:
        return np.asarray(self.raw).itemsize

    @property
    def base(self) -> None:
        return None

    def __len__(self) -> int:
        return len(self.raw)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getattr__(self, name: str) -> Any:
        """A method or attribute of the array, as a node."""
        if name == "astype" and not hasattr(self.raw, "astype"):  # a Python number
            return lambda dtype, *rest: self.owner.apply(_converted, (self, dtype), {})
        if name.startswith("__") or name not in METHODS or not hasattr(self.raw, name):
            raise AttributeError(f"a recorded value has no attribute {name!r}")
        if name in _ATTRIBUTES:
            return self.owner.apply(_ATTRIBUTES[name], (self,), {})
        return lambda *args, **kwargs: _method(self, name, args, kwargs)

    def __getitem__(self, index: Any) -> Any:
        return self.owner.apply(operator.getitem, (self, index), {})

    def __setitem__(self, index: Any, value: Value) -> None:
        raise Unrecordable("a store into the plain value of a recorded array")

    def __copy__(self) -> Plain:
        return self

    def __deepcopy__(self, memo: Any) -> Plain:
        return self

    def __divmod__(self, other: Value) -> Any:
        return self // other, self % other

    def __round__(self, *digits: Any) -> Any:
        return self.owner.apply(round, (self, *digits), {})

    def __floor__(self) -> Any:
        return self.owner.apply(math.floor, (self,), {})

    def __ceil__(self) -> Any:
        return self.owner.apply(math.ceil, (self,), {})

    def __trunc__(self) -> Any:
        return self.owner.apply(math.trunc, (self,), {})

    # The exits: from here on the program depends on the value.

    def __bool__(self) -> bool:
        return self.owner.leave(self, bool)

    def __index__(self) -> int:
        return self.owner.leave(self, operator.index)

    def __int__(self) -> int:
        return self.owner.leave(self, int)

    def __float__(self) -> float:
        return float(self.owner.leave(self))

    def __complex__(self) -> complex:
        return complex(self.owner.leave(self))

    def __array__(self, dtype: Any = None, copy: Any = None) -> ndarray:
        made = np.array(self.owner.leave(self), dtype)
        made.flags.writeable = False
        return made

    def __hash__(self) -> int:
        return hash(self.owner.leave(self))

    def __contains__(self, item: Any) -> bool:
        return bool(self.owner.apply(operator.contains, (self, item), {}))

    def __repr__(self) -> str:
        return repr(self.owner.leave(self))

    def __str__(self) -> str:
        return str(self.owner.leave(self))

    def __format__(self, spec: str) -> str:
        return format(self.owner.leave(self), spec)

    def __reduce__(self) -> Any:
        raise Unrecordable("a recorded value was pickled")


def _converted(x: Value, dtype: Any) -> Any:
    """A number of Python in a dtype of NumPy."""
    return np.asarray(x, dtype)[()]


KINDS = frozenset((Recorded, Plain))
HOLLOW.add(Plain)
RECORDED.update(KINDS)
# One object for each, as two recordings are compared.
_ATTRIBUTES = {name: operator.attrgetter(name) for name in ("T", "mT", "real", "imag")}
METHODS = frozenset(
    ("T", "mT", "real", "imag", "all", "any", "argmax", "argmin", "argsort", "argpartition",
     "astype", "choose", "clip", "compress", "conj", "conjugate", "copy", "cumprod",
     "cumsum", "diagonal", "dot", "flatten", "is_integer", "item", "max", "mean", "min",
     "nonzero", "prod", "ptp", "ravel", "repeat", "reshape", "round", "searchsorted",
     "squeeze", "std", "sum", "swapaxes", "take", "tolist", "trace", "transpose", "var")
)  # fmt: skip
# Functions that read shapes, dtypes and addresses alone.
STRUCTURAL = frozenset(
    (np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.iscomplexobj,
     np.isrealobj, np.may_share_memory, np.shares_memory, np.zeros_like, np.ones_like,
     np.empty_like)
)  # fmt: skip
WRITERS = frozenset((np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis))
# Functions of boxes for which dualdiff's own implementation answers: it knows handles.
BY_RULES = STRUCTURAL | WRITERS | {np.full_like, np.real, np.imag}
BY_RULES |= {np.transpose, np.matrix_transpose, np.swapaxes, np.moveaxis}  # which give views
# Of an array their results are views, too.
_VIEWS = frozenset((np.reshape, np.ravel, np.broadcast_to, np.expand_dims, np.squeeze))


def _method(x: Plain, name: str, args: Any, kwargs: Any) -> Any:
    if name == "copy":
        return Plain(x.raw.copy(*args, **kwargs), x.payload, x.owner)
    if kwargs.get("out") is not None:
        raise Unrecordable("a store into the plain value of a recorded array")
    return x.owner.apply(
        operator.methodcaller(name, *args, **kwargs), (x,), {}, (name, args, kwargs)
    )


def boxed(raw: Value, node: int, recorder: Any) -> Recorded:
    """A recorded value as a box."""
    out = _new(Recorded)
    out.raw, out.payload, out.owner = raw, node, recorder
    return out


def raw_of(x: Value) -> Any:
    """NumPy's value behind a recorded box, for its form alone."""
    while x.owner is STORED:
        x = x.primal
        if type(x) not in KINDS:
            return x
    return x.raw


def recorder_of(tree: Any) -> Any:
    """The recorder of all boxes in some operands; None if there are boxes of other kinds."""
    return _recorder_of(tree, None) or None


def _recorder_of(tree: Any, found: Any) -> Any:
    """The recorder of `found` and of all boxes; False if there are others."""
    for x in tree.values() if type(tree) is dict else tree:
        kind = type(x)
        if kind in NUMBERS:
            continue
        if kind is Recorded or kind is Plain:
            owner = x.owner
            if owner is STORED or (found is not None and found is not owner):
                return False
            found = owner
        elif kind in (tuple, list, dict):
            found = _recorder_of(x, found)
            if found is False:
                return False
        elif is_box(x) or (kind is ndarray and x.dtype.hasobject):
            return False
    return found


def contains_box(x: Value) -> bool:
    """Whether nested containers hold a box or a recorded value."""
    kind = type(x)
    if kind in (tuple, list):
        return any(map(contains_box, x))
    if kind is dict:
        return any(map(contains_box, x.values()))
    return kind is Plain or is_box(x) or (kind is ndarray and x.dtype.hasobject)


def guarded(index: Any) -> Any:
    """A basic index in plain integers; recorded ones get a guard."""
    if type(index) is tuple:
        return tuple(map(guarded, index))
    if type(index) is slice:
        return slice(*map(guarded, (index.start, index.stop, index.step)))
    return operator.index(index) if type(index) in KINDS else index
