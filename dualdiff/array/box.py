"""A traced array: every operator, method and attribute of `numpy.ndarray`, written out.

Each uses the table of `dispatch`: a method does the same as the rule of NumPy's function.
`dualdiff.rules.fast` adds the fast paths of the operators.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.types import Value
from ..errors import UnsupportedInputError, user_line
from .conversion import HOLLOW, RECORDED, WATCHERS, Wrapper, face, observe, of_arrays, shell, unbox
from .dispatch import FUNCTIONS, dispatch_function, dispatch_ufunc
from .kinds import FLOATS, is_written_to

__all__ = ["HOLLOW", "RECORDED", "WATCHERS", "Box", "face", "is_box", "observe", "shell", "unbox"]


def is_box(x: Value) -> bool:
    """Whether `x` is a box; `isinstance` would also ask the face that boxes show."""
    return issubclass(type(x), Wrapper)


class Box(Wrapper):
    """Stands for an array while a derivative is taken.

    `primal` is NumPy's value (or a box of an outer level), `payload` the tangent (forward) or the
    slot on the tape (reverse), `owner` the trace that the box belongs to. `version` counts the
    stores into a `Reference`.
    """

    __slots__ = ("owner", "payload", "version")
    is_mask = False  # whether it only says which elements are zero
    payload: Any
    owner: Any
    version: int

    def __array_ufunc__(
        self, ufunc: Any, method: str, x: Value, *others: Any, **kwargs: Any
    ) -> Any:
        if method == "__call__" and not kwargs:
            found = FUNCTIONS.get(ufunc)
            if found is not None:
                return found(x, *others) if others else found(x)
        return dispatch_ufunc(ufunc, method, (x, *others), kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = FUNCTIONS.get(func)
        return dispatch_function(func, args, kwargs) if found is None else found(*args, **kwargs)

    # Arithmetic. The rules of Python's operators return NotImplemented if another class decides.

    def __add__(self, other: Value) -> Any:
        return FUNCTIONS[operator.add](self, other)

    def __radd__(self, other: Value) -> Any:
        return FUNCTIONS[operator.add](other, self)

    def __iadd__(self, other: Value) -> Any:
        return _in_place(self, FUNCTIONS[operator.add](self, other))

    def __sub__(self, other: Value) -> Any:
        return FUNCTIONS[operator.sub](self, other)

    def __rsub__(self, other: Value) -> Any:
        return FUNCTIONS[operator.sub](other, self)

    def __isub__(self, other: Value) -> Any:
        return _in_place(self, FUNCTIONS[operator.sub](self, other))

    def __mul__(self, other: Value) -> Any:
        return FUNCTIONS[operator.mul](self, other)

    def __rmul__(self, other: Value) -> Any:
        return FUNCTIONS[operator.mul](other, self)

    def __imul__(self, other: Value) -> Any:
        return _in_place(self, FUNCTIONS[operator.mul](self, other))

    def __truediv__(self, other: Value) -> Any:
        return FUNCTIONS[operator.truediv](self, other)

    def __rtruediv__(self, other: Value) -> Any:
        return FUNCTIONS[operator.truediv](other, self)

    def __itruediv__(self, other: Value) -> Any:
        return _in_place(self, FUNCTIONS[operator.truediv](self, other))

    def __pow__(self, other: Value) -> Any:
        return FUNCTIONS[operator.pow](self, other)

    def __rpow__(self, other: Value) -> Any:
        return FUNCTIONS[operator.pow](other, self)

    def __ipow__(self, other: Value) -> Any:
        return _in_place(self, FUNCTIONS[operator.pow](self, other))

    def __mod__(self, other: Value) -> Any:
        return FUNCTIONS[operator.mod](self, other)

    def __rmod__(self, other: Value) -> Any:
        return FUNCTIONS[operator.mod](other, self)

    def __imod__(self, other: Value) -> Any:
        return _in_place(self, FUNCTIONS[operator.mod](self, other))

    def __matmul__(self, other: Value) -> Any:
        return FUNCTIONS[operator.matmul](self, other)

    def __rmatmul__(self, other: Value) -> Any:
        return FUNCTIONS[operator.matmul](other, self)

    def __imatmul__(self, other: Value) -> Any:
        return _in_place(self, FUNCTIONS[operator.matmul](self, other))

    def __divmod__(self, other: Value) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Value) -> Any:
        return other // self, other % self

    def __neg__(self) -> Any:
        return FUNCTIONS[operator.neg](self)

    def __pos__(self) -> Any:
        return FUNCTIONS[operator.pos](self)

    def __abs__(self) -> Any:
        return FUNCTIONS[operator.abs](self)

    # Comparison, one level after the other: a level may give more than a truth value.

    def __eq__(self, other: Value) -> Any:
        return self.primal == (other.primal if issubclass(type(other), Box) else other)

    def __ne__(self, other: Value) -> Any:
        return self.primal != (other.primal if issubclass(type(other), Box) else other)

    def __lt__(self, other: Value) -> Any:
        return self.primal < (other.primal if issubclass(type(other), Box) else other)

    def __le__(self, other: Value) -> Any:
        return self.primal <= (other.primal if issubclass(type(other), Box) else other)

    def __gt__(self, other: Value) -> Any:
        return self.primal > (other.primal if issubclass(type(other), Box) else other)

    def __ge__(self, other: Value) -> Any:
        return self.primal >= (other.primal if issubclass(type(other), Box) else other)

    __hash__ = Wrapper.__hash__

    # Integers and truth values: they have no derivative, and neither do steps.

    def __floordiv__(self, other: Value) -> Any:
        return observe(self) // observe(other)

    def __rfloordiv__(self, other: Value) -> Any:
        return observe(other) // observe(self)

    def __ifloordiv__(self, other: Value) -> Any:
        return _in_place(self, observe(self) // observe(other))

    def __and__(self, other: Value) -> Any:
        return observe(self) & observe(other)

    def __rand__(self, other: Value) -> Any:
        return observe(other) & observe(self)

    def __iand__(self, other: Value) -> Any:
        return _in_place(self, observe(self) & observe(other))

    def __or__(self, other: Value) -> Any:
        return observe(self) | observe(other)

    def __ror__(self, other: Value) -> Any:
        return observe(other) | observe(self)

    def __ior__(self, other: Value) -> Any:
        return _in_place(self, observe(self) | observe(other))

    def __xor__(self, other: Value) -> Any:
        return observe(self) ^ observe(other)

    def __rxor__(self, other: Value) -> Any:
        return observe(other) ^ observe(self)

    def __ixor__(self, other: Value) -> Any:
        return _in_place(self, observe(self) ^ observe(other))

    def __lshift__(self, other: Value) -> Any:
        return observe(self) << observe(other)

    def __rlshift__(self, other: Value) -> Any:
        return observe(other) << observe(self)

    def __ilshift__(self, other: Value) -> Any:
        return _in_place(self, observe(self) << observe(other))

    def __rshift__(self, other: Value) -> Any:
        return observe(self) >> observe(other)

    def __rrshift__(self, other: Value) -> Any:
        return observe(other) >> observe(self)

    def __irshift__(self, other: Value) -> Any:
        return _in_place(self, observe(self) >> observe(other))

    def __invert__(self) -> Any:
        return ~observe(self)

    def __round__(self, *digits: Any) -> Any:
        return FUNCTIONS[round](self, *digits)

    def __floor__(self) -> Any:
        return math.floor(observe(self))

    def __ceil__(self) -> Any:
        return math.ceil(observe(self))

    def __trunc__(self) -> Any:
        return math.trunc(observe(self))

    # Elements.

    def __getitem__(self, index: Any) -> Any:
        return FUNCTIONS[operator.getitem](self, index)

    def __setitem__(self, index: Any, v: Value) -> None:
        FUNCTIONS[operator.setitem](self, index, v)

    @of_arrays("is not iterable")
    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def item(self, /, *args: Any) -> Any:
        if args:
            index = _one_or_all(args)
            if type(index) is not tuple:
                index = np.unravel_index(range(self.size)[index], self.shape)
            if len(index) != self.ndim:
                raise ValueError("incorrect number of indices for array")
            self = self[tuple(map(int, index))]
        elif self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        elif self.ndim:
            self = self[(0,) * self.ndim]
        return FUNCTIONS[np.ndarray.item](self) if hasattr(shell(self), "item") else self

    def tolist(self) -> Any:
        return [part.tolist() for part in self] if self.ndim else self.item()

    @property
    def flat(self) -> Any:
        return FUNCTIONS[np.ndarray.flat](self)

    @flat.setter
    def flat(self, value: Value) -> None:
        self.flat[:] = value

    def fill(self, value: Value) -> None:
        self[...] = value

    def put(self, /, indices: Any, values: Any, mode: Any = "raise") -> None:
        FUNCTIONS[np.put](self, indices, values, mode)

    # Shape.

    @property
    def shape(self) -> tuple[int, ...]:
        if type(self.primal) in FLOATS:
            return ()
        shape = getattr(self.primal, "shape", None)
        return np.shape(self.primal) if shape is None else shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        FUNCTIONS[np.ndarray.shape](self, shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype = getattr(self.primal, "dtype", None)
        return np.asarray(self.primal).dtype if dtype is None else dtype

    @property
    def T(self) -> Any:
        return FUNCTIONS[np.transpose](self)

    @property
    def mT(self) -> Any:
        return FUNCTIONS[np.matrix_transpose](self)

    def reshape(self, /, *shape: Any, order: Any = "C", copy: bool | None = None) -> Any:
        return FUNCTIONS[np.reshape](self, _one_or_all(shape), order, copy=copy)

    def transpose(self, /, *axes: Any) -> Any:
        return FUNCTIONS[np.transpose](self, _one_or_all(axes) if axes else None)

    def flatten(self, order: Any = "C") -> Any:
        return FUNCTIONS[np.ndarray.copy](FUNCTIONS[np.ravel](self, order))

    def resize(self, *shape: Any, refcheck: bool = True) -> None:
        FUNCTIONS[np.ndarray.resize](self, _one_or_all(shape), refcheck)

    def ravel(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.ravel](self, *args, **kwargs)

    def swapaxes(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.swapaxes](self, *args, **kwargs)

    def squeeze(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.squeeze](self, *args, **kwargs)

    # Copies and other types.

    def copy(self, order: Any = "C") -> Any:
        return (
            FUNCTIONS[np.ndarray.copy](self, order) if isinstance(shell(self), np.ndarray) else self
        )

    def __copy__(self) -> Any:
        return self.copy("K")

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy("K")

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.ndarray.astype](self, dtype, *args, **kwargs)

    def view(self, dtype: Any = None, type: Any = None) -> Any:  # NumPy's name
        return FUNCTIONS[np.ndarray.view](self, dtype, type)

    def to_device(self, device: Any, /, *, stream: Any = None) -> Any:
        np.empty(0).to_device(device, stream=stream)  # checks the arguments
        return self

    @property
    def device(self) -> str:
        return "cpu"

    # Numbers.

    @property
    def real(self) -> Any:
        return FUNCTIONS[np.real](self)

    @real.setter
    def real(self, value: Value) -> None:
        self.real[...] = value

    @property
    def imag(self) -> Any:
        return FUNCTIONS[np.imag](self)

    @imag.setter
    def imag(self, value: Value) -> None:
        if self.dtype.kind != "c":
            raise TypeError("array does not have imaginary part to set")
        self.imag[...] = value

    def conjugate(self, out: Any = None) -> Any:
        if out is not None:
            return np.conjugate(self, out=out)
        return FUNCTIONS[np.conjugate](self) if self.dtype.kind == "c" else self

    def conj(self, out: Any = None) -> Any:
        return self.conjugate(out)

    def round(self, decimals: int = 0, out: Any = None) -> Any:
        return FUNCTIONS[np.round](self, decimals, out)

    def clip(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.clip](self, *args, **kwargs)

    # Reductions.

    def sum(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.sum](self, *args, **kwargs)

    def prod(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.prod](self, *args, **kwargs)

    def mean(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.mean](self, *args, **kwargs)

    def var(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.var](self, *args, **kwargs)

    def std(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.std](self, *args, **kwargs)

    def max(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.max](self, *args, **kwargs)

    def min(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.min](self, *args, **kwargs)

    def cumsum(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.cumsum](self, *args, **kwargs)

    def cumprod(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.cumprod](self, *args, **kwargs)

    def trace(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.trace](self, *args, **kwargs)

    def dot(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.dot](self, *args, **kwargs)

    def all(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.all](self, *args, **kwargs)

    def any(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.any](self, *args, **kwargs)

    # Selection and order.

    def take(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.take](self, *args, **kwargs)

    def repeat(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.repeat](self, *args, **kwargs)

    def diagonal(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.diagonal](self, *args, **kwargs)

    def choose(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.choose](self, *args, **kwargs)

    def nonzero(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.nonzero](self, *args, **kwargs)

    def searchsorted(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.searchsorted](self, *args, **kwargs)

    def argsort(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.argsort](self, *args, **kwargs)

    def argmax(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.argmax](self, *args, **kwargs)

    def argmin(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.argmin](self, *args, **kwargs)

    def argpartition(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[np.argpartition](self, *args, **kwargs)

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        return FUNCTIONS[np.compress](condition, self, axis, out)

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None, **kwargs: Any) -> None:
        self[...] = FUNCTIONS[np.sort](self, axis, kind, order, **kwargs)

    def partition(
        self, kth: Any, axis: int = -1, kind: Any = "introselect", order: Any = None
    ) -> None:
        self[...] = FUNCTIONS[np.partition](self, kth, axis, kind, order)


def _one_or_all(args: tuple[Any, ...]) -> Any:
    """A shape given as one argument or as several."""
    return args[0] if len(args) == 1 else args


def _in_place(box: Box, new: Any) -> Any:
    """Store the result of ``box + v`` for ``box += v``; for a number, return it."""
    array = shell(box)
    if type(array) is not np.ndarray and not is_written_to(array):
        return new
    shape = np.shape(new)
    if shape != box.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {box.shape} doesn't match the "
            f"broadcast shape {shape}"
        )
    if not np.can_cast(new.dtype, box.dtype, "same_kind"):
        raise UnsupportedInputError(
            f"cannot assign {new.dtype} values to an array of {box.dtype} in place, {user_line()}; "
            f"write `x = x + y` for `x += y`."
        )
    box[...] = new
    return box
