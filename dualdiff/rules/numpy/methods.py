"""Methods and attributes of `numpy.ndarray` on traced arrays.

What NumPy offers as a function too is what the rule of that function does.
"""

from __future__ import annotations

import gc
import linecache
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import Box, attach, is_box, plain
from ...array.dispatch import FUNCTIONS
from ...array.views import assign, memory_of, replace_content, root_of
from ...core.primitive import Primitive
from ...core.trace import resolve
from ...errors import ConversionError, UnsupportedInputError, describe, user_line
from ..declare import linear
from . import manipulation, stores


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """The method that applies the rule of a NumPy function to its first argument."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[function](self, *args, **kwargs)

    method.__name__ = function.__name__
    return method


def _of_value(name: str) -> property:
    """An attribute of the plain value, as it stands in memory in NumPy."""
    return property(lambda self: getattr(np.asarray(memory_of(self)), name))


def _refused(name: str, instead: str) -> Callable[..., Any]:
    """A method that would hand out the plain value's memory."""

    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise ConversionError(
            f".{name} of a traced array ({describe(self)}) would lose its derivative, "
            f"{user_line()}; {instead}"
        )

    refuse.__name__ = name
    return refuse


def _pass_value(name: str) -> Callable[..., Any]:
    return _refused(name, f"pass dualdiff.value_of(x).{name} if it is to count as constant.")


def _shape_arguments(args: tuple[Any, ...]) -> Any:
    return args[0] if len(args) == 1 else args


def _reshape(self: Any, /, *shape: Any, order: Any = "C", copy: bool | None = None) -> Any:
    return manipulation.reshape(self, _shape_arguments(shape), order, copy=copy)


def _transpose(self: Any, /, *axes: Any) -> Any:
    return manipulation.transpose(self, _shape_arguments(axes) if axes else None)


def _flatten(self: Any, order: Any = "C") -> Any:
    return np.copy(np.ravel(self, order))


def _copy(self: Any, order: Any = "C") -> Any:
    return np.copy(self, order) if isinstance(plain(self), np.ndarray) else self


def _shallow_copy(self: Any) -> Any:
    return _copy(self, "K")


def _deep_copy(self: Any, memo: Any) -> Any:
    return _copy(self, "K")


def _conjugate(self: Any, out: Any = None) -> Any:
    if out is not None:
        return np.conjugate(self, out=out)
    return np.conjugate(self) if self.dtype.kind == "c" else self


def _view(self: Any, dtype: Any = None, type: Any = None) -> Any:  # NumPy's name
    if isinstance(dtype, builtin_type) and issubclass(dtype, np.ndarray):
        dtype, type = None, dtype
    if type is not None and type is not np.ndarray:
        if not is_box(resolve(self)):
            return np.asarray(self).view(type)  # read-only: a store into it might be lost
        raise UnsupportedInputError(
            f"a traced array ({describe(self)}) cannot become a {type.__name__}, whose operations "
            f"mean something else, {user_line()}; leave it an array (write @ for the products of "
            f"numpy.matrix)."
        )
    if dtype is not None and np.dtype(dtype) != self.dtype:
        raise UnsupportedInputError(
            f"a traced array ({describe(self)}) cannot be viewed as {np.dtype(dtype)}, "
            f"{user_line()}; use .astype, or .real and .imag for the parts of complex numbers."
        )
    return self[...]


builtin_type = type


def _to_device(self: Any, device: Any, /, *, stream: Any = None) -> Any:
    np.empty(0).to_device(device, stream=stream)  # checks the arguments
    return self


def _compress(self: Any, condition: Any, axis: Any = None, out: Any = None) -> Any:
    return np.compress(condition, self, axis, out)


def _round(self: Any, decimals: int = 0, out: Any = None) -> Any:
    return np.round(self, decimals, out)


item_p = linear(
    lambda x: x.item(), lambda g: g, push=lambda t: t, name="item", structure="elementwise"
)


def _item(self: Any, /, *args: Any) -> Any:
    if args:
        index = _shape_arguments(args)
        if builtin_type(index) is not tuple:
            index = np.unravel_index(range(self.size)[index], self.shape)
        if len(index) != self.ndim:
            raise ValueError("incorrect number of indices for array")
        self = self[tuple(map(int, index))]
    elif self.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    elif self.ndim:
        self = self[(0,) * self.ndim]
    return item_p(self) if hasattr(plain(self), "item") else self


def _tolist(self: Any) -> Any:
    return [_tolist(part) for part in self] if self.ndim else _item(self)


def _fill(self: Any, value: Any) -> None:
    assign(self, ..., value)


def _put(self: Any, /, indices: Any, values: Any, mode: Any = "raise") -> None:
    np.put(self, indices, values, mode)


def _sort(self: Any, axis: int = -1, kind: Any = None, order: Any = None, **kwargs: Any) -> None:
    assign(self, ..., np.sort(self, axis, kind, order, **kwargs))


def _partition(
    self: Any, kth: Any, axis: int = -1, kind: Any = "introselect", order: Any = None
) -> None:
    assign(self, ..., np.partition(self, kth, axis, kind, order))


def _set_real(self: Any, value: Any) -> None:
    assign(np.real(self), ..., value)


def _flags(self: Any) -> Any:
    """Flags to be read: setting one must not reach the caller's array."""
    return np.asarray(memory_of(self)).view().flags


def _set_imag(self: Any, value: Any) -> None:
    if self.dtype.kind != "c":
        raise TypeError("array does not have imaginary part to set")
    assign(np.imag(self), ..., value)


def _set_flat(self: Any, value: Any) -> None:
    stores.FlatIterator(self)[:] = value


def _set_shape(self: Any, shape: Any) -> None:
    raise UnsupportedInputError(
        f"the shape of a traced array ({describe(self)}) cannot be assigned, {user_line()}; "
        f"write `x = x.reshape({shape})`."
    )


def _resize(self: Any, *shape: Any, refcheck: bool = True) -> None:
    """``a.resize(shape)`` in place, refused for and under views as in NumPy."""
    array = plain(self)
    if builtin_type(array) is not np.ndarray or root_of(self)[1]:
        raise ValueError("cannot resize this array: it does not own its data")
    if not array.flags.forc:
        raise ValueError("resize only works on single-segment arrays")
    if any(
        builtin_type(r) is tuple and r[0] is self and isinstance(r[1], Primitive)
        for r in gc.get_referrers(self)
        if builtin_type(r) is tuple and len(r) == 3
    ):
        raise ValueError(
            f"cannot resize an array that references or is referenced by another array, "
            f"{user_line()}; write `x = np.resize(x, shape)`"
        )
    new_shape = _shape_arguments(shape)
    order: Any = "C" if array.flags.c_contiguous else "F"
    size = int(np.prod(new_shape))
    flat = np.ravel(self, order)[:size]
    padding = np.zeros(size - len(flat), array.dtype)
    new = np.reshape(np.concatenate([flat, padding]), new_shape, order)
    replace_content(self, resolve(new), owned=False)


def _base(self: Any) -> Any:
    root, ops = root_of(self)
    return root if ops else None


def calls_method(name: str, depth: int) -> bool:
    """Whether the frame `depth` calls up is at a call ``x.name(...)``, as far as its source
    shows."""
    frame = sys._getframe(depth + 1)
    code = frame.f_code
    if name not in code.co_names:
        return False
    line, last, start, end = list(code.co_positions())[frame.f_lasti // 2]
    if line is None or line != last:
        return False
    return f".{name}(".encode() in linecache.getline(code.co_filename, line).encode()[start:end]


def _len(self: Any) -> int:
    if self.ndim > 1 and calls_method("shuffle", 1):
        raise UnsupportedInputError(
            f"a random generator would shuffle a traced array ({describe(self)}) as a list of "
            f"views and leave rows double, {user_line()}; write x[rng.permutation(len(x))]."
        )
    return len(plain(self))


def _hash(self: Any) -> int:
    hash(plain(self))  # Python's own error where the value has none
    raise ConversionError(
        f"a traced value ({describe(self)}) cannot be a key of a dict, an element of a set or an "
        f"argument of a function with functools.cache, {user_line()}: an equal value with another "
        f"derivative would be taken for it. Use dualdiff.value_of(x) as the key where what is "
        f"found is to count as constant."
    )


attach(
    __hash__=_hash,
    __len__=_len,
    # shape
    shape=Box.__dict__["shape"].setter(_set_shape),
    reshape=_reshape,
    ravel=_method(np.ravel),
    flatten=_flatten,
    transpose=_transpose,
    T=property(manipulation.transpose),
    mT=property(manipulation.matrix_transpose),
    swapaxes=_method(np.swapaxes),
    squeeze=_method(np.squeeze),
    view=_view,
    # copies and conversion
    copy=_copy,
    __copy__=_shallow_copy,
    __deepcopy__=_deep_copy,
    astype=stores.astype,
    item=_item,
    tolist=_tolist,
    flat=property(stores.FlatIterator, _set_flat),
    # numbers
    real=property(np.real, _set_real),
    imag=property(np.imag, _set_imag),
    conj=_conjugate,
    conjugate=_conjugate,
    clip=_method(np.clip),
    round=_round,
    # reductions
    sum=_method(np.sum),
    prod=_method(np.prod),
    mean=_method(np.mean),
    var=_method(np.var),
    std=_method(np.std),
    max=_method(np.max),
    min=_method(np.min),
    cumsum=_method(np.cumsum),
    cumprod=_method(np.cumprod),
    trace=_method(np.trace),
    dot=_method(np.dot),
    all=_method(np.all),
    any=_method(np.any),
    # selection and order
    take=_method(np.take),
    repeat=_method(np.repeat),
    diagonal=_method(np.diagonal),
    choose=_method(np.choose),
    compress=_compress,
    nonzero=_method(np.nonzero),
    searchsorted=_method(np.searchsorted),
    argsort=_method(np.argsort),
    argmax=_method(np.argmax),
    argmin=_method(np.argmin),
    argpartition=_method(np.argpartition),
    # stores
    fill=_fill,
    put=_put,
    sort=_sort,
    partition=_partition,
    # memory
    base=property(_base),
    nbytes=_of_value("nbytes"),
    itemsize=_of_value("itemsize"),
    strides=_of_value("strides"),
    flags=property(_flags),
    device=property(lambda self: "cpu"),
    to_device=_to_device,
    data=property(_pass_value("data")),
    ctypes=property(_pass_value("ctypes")),
    tobytes=_pass_value("tobytes"),
    tofile=_pass_value("tofile"),
    dump=_pass_value("dump"),
    dumps=_pass_value("dumps"),
    byteswap=_pass_value("byteswap"),
    getfield=_pass_value("getfield"),
    setfield=_refused("setfield", "assign by index."),
    setflags=_refused("setflags", "leave it out: traced arrays are written to by assignment."),
    resize=_resize,
)
