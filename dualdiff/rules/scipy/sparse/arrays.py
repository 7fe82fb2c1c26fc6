"""A sparse matrix with traced values, which SciPy itself cannot hold.

It behaves as SciPy's matrix of the same format. Entries that are 0 stay, so their derivatives are
not lost.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray
from scipy import sparse

from ....array.box import is_box
from ....core.batch import dtype_of, shape_of
from ....core.trace import value_of
from ....core.types import Value
from ....errors import ConversionError, MissingMethodError, UnsupportedInputError, user_line
from ...numpy.common import laid_out_like
from ...numpy.creation import contains_box
from ...numpy.manipulation import as_operand
from .layout import Layout, with_data
from .products import constant_p, times

_KEEP_ZERO = frozenset(
    ("sin", "tan", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh", "rint", "sign",
     "expm1", "log1p", "deg2rad", "rad2deg", "floor", "ceil", "trunc", "sqrt")
)  # fmt: skip
_SCIPYS = (sparse.csr_array, sparse.csr_matrix, sparse.lil_array, sparse.dok_array)
_MOVE = frozenset(("reshape", "tocsr", "tocsc", "tocoo", "diagonal", "sorted_indices"))
FORMATS = ("csr", "csc", "coo")  # the others are CSR here


class SparseArray:
    """A sparse array or matrix with traced values, made by `dualdiff.scipy.sparse.csr_array` and
    its relatives.

    `data`, `shape`, `format`, `nnz`, `dtype` and, by format, `indices` and `indptr` or `row`, `col`
    and `coords` are as in SciPy; so are products, sums, indices, reductions and conversions.
    """

    # Traced arrays leave `x @ A` to SciPy's classes, and raise an error for `x * A`.
    __module__ = "scipy.sparse"
    __array_priority__ = 10.1  # arrays leave their operators to this class, as to SciPy's
    ndim = 2
    holds_traced = True
    # Attached by `operators`.
    __array_ufunc__: Any
    dot: Any
    multiply: Any
    __matmul__: Any
    __rmatmul__: Any
    __add__: Any
    __radd__: Any
    __sub__: Any
    __rsub__: Any
    __mul__: Any
    __rmul__: Any
    __truediv__: Any
    __pow__: Any
    __neg__: Any
    __pos__: Any
    __abs__: Any

    def __init__(self, data: Any, like: Any) -> None:
        """Values, and a SciPy array that has the structure; its own values are ignored."""
        self._data, self._like = data, like
        self._layout: Layout | None = None

    @property
    def layout(self) -> Layout:
        """The places of the entries."""
        if self._layout is None:
            self._layout = Layout.of(self._like)
        return self._layout

    @property
    def data(self) -> Any:
        """The values of the entries, a traced vector; a store into it changes the array."""
        return self._data

    @data.setter
    def data(self, values: Any) -> None:
        values = as_operand(values)
        if shape_of(values) != shape_of(self._data):
            raise ValueError(
                f"the data of a sparse array with {self.nnz} entries needs the shape "
                f"{shape_of(self._data)}, not {shape_of(values)}"
            )
        self._data = values

    @property
    def structure(self) -> Any:
        """A SciPy array of the same structure; its own values mean nothing."""
        return self._like

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.layout.shape

    @property
    def nnz(self) -> int:
        """The number of stored entries, zeros among them."""
        return self.layout.size

    size = nnz

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return dtype_of(self._data)

    @property
    def T(self) -> SparseArray:
        """The transpose, which shares its data."""
        return self.transpose()

    @property
    def real(self) -> SparseArray:
        """The real part."""
        return self.with_data(np.real(self._data))

    @property
    def imag(self) -> SparseArray:
        """The imaginary part."""
        return self.with_data(np.imag(self._data))

    def __getattr__(self, name: str) -> Any:
        if name in ("format", "indices", "indptr", "row", "col", "coords", "has_sorted_indices"):
            return getattr(self._like, name)
        if name in _KEEP_ZERO:
            return lambda: self._map(getattr(np, name))
        if name == "getH" and self._is_matrix:
            return lambda: self.conj().transpose()
        if name in _MOVE:
            return lambda *args, **kwargs: moved(
                lambda a: getattr(a, name)(*args, **kwargs), self.canonical()
            )
        if not name.startswith("_") and any(hasattr(c, name) for c in _SCIPYS):
            raise MissingMethodError(
                f"a sparse array with traced values has no {name!r}, {user_line()}; use its .data, "
                f"or .toarray() where that is small enough"
            )
        raise AttributeError(f"a sparse array with traced values has no {name!r}")

    @property
    def __array__(self) -> Any:
        caller = sys._getframe(1)
        if caller.f_code.co_name.endswith("mul_dispatch"):  # SciPy then leaves it to us
            return lambda *args, **kwargs: np.array(None, dtype=object)
        raise ConversionError(
            f"a sparse array with traced values cannot become a plain array, {user_line()}. For "
            f"functions of SciPy take their counterparts in dualdiff.scipy.sparse and its linalg; "
            f".toarray() gives a dense traced array."
        )

    def __repr__(self) -> str:
        return (
            f"<sparse {self.format} {'matrix' if self._is_matrix else 'array'} of shape "
            f"{self.shape} with {self.nnz} traced values of dtype {self.dtype}>"
        )

    @property
    def _is_matrix(self) -> bool:
        return isinstance(self._like, sparse.spmatrix)

    def with_data(self, data: Any) -> SparseArray:
        """An array of the same structure with other values."""
        out = SparseArray(data, self._like)
        out._layout = self._layout
        return out

    def as_constant(self) -> Any:
        """SciPy's own array, with the plain values; `dualdiff.value_of` asks for it."""
        return with_data(self._like, value_of(self._data))

    def canonical(self) -> SparseArray:
        """The same array with the entries at one place summed, as SciPy does on demand."""
        if not self.layout.repeats:
            return self
        layout, sums = self.layout.summed()
        out = SparseArray(constant_p(self._data, matrix=sums), _structure(layout, self._like))
        if self._like.format == "csc":
            return moved(lambda a: a.asformat("csc"), out)
        return out

    def _map(self, function: Callable[[Any], Any]) -> SparseArray:
        own = self.canonical()
        return own.with_data(function(own._data))

    def copy(self) -> SparseArray:
        """An array with data of its own."""
        return self.with_data(np.copy(self._data))

    def astype(self, dtype: Any, casting: Any = "unsafe", copy: bool = True) -> SparseArray:
        """With values of another dtype."""
        return self.with_data(self._data.astype(dtype, casting=casting, copy=copy))

    def conj(self, copy: bool = True) -> SparseArray:
        """The complex conjugate."""
        return self.with_data(np.conjugate(self._data))

    conjugate = conj

    def power(self, n: Any, dtype: Any = None) -> SparseArray:
        """The entries to a power."""
        if contains_box(n) or np.ndim(n) or n <= 0:
            raise NotImplementedError("the power of a sparse array needs a positive number")
        out = self._map(lambda data: data**n)
        return out if dtype is None else out.astype(dtype)

    def transpose(self, axes: Any = None, copy: bool = False) -> SparseArray:
        """The transpose, which shares its data unless `copy` is true."""
        out = SparseArray(np.copy(self._data) if copy else self._data, self._like.transpose(axes))
        out._layout = self.layout.T
        return out

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """The sum of all entries, or along an axis; a dense result."""
        if out is not None:
            raise UnsupportedInputError(f"sum of a traced sparse array takes no out, {user_line()}")
        data = self._data if dtype is None else self._data.astype(dtype)
        if axis is None or (isinstance(axis, tuple) and len(axis) == 2):
            return np.sum(data)
        (axis,) = axis if isinstance(axis, tuple) else (axis,)
        if axis not in (-2, -1, 0, 1):
            raise ValueError(f"axis {axis} is out of bounds for a sparse array of two dimensions")
        layout = self.layout if axis in (1, -1) else self.layout.T
        line = times(data, np.ones((layout.shape[1], 1), np.int8), layout)
        if not self._is_matrix:
            return line[:, 0]
        return line if axis in (1, -1) else line.T

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """The mean of all elements, zeros included, or along an axis; a dense result."""
        total = self.sum(axis, dtype, out)
        m, n = self.shape
        return total / (m * n if axis is None or isinstance(axis, tuple) else (m, n)[axis])

    def max(self, axis: Any = None, out: Any = None) -> Any:
        """The largest element, zeros included."""
        return self._extreme(np.max, "max", axis, out)

    def min(self, axis: Any = None, out: Any = None) -> Any:
        """The smallest element, zeros included."""
        return self._extreme(np.min, "min", axis, out)

    def _extreme(self, function: Callable[[Any], Any], name: str, axis: Any, out: Any) -> Any:
        if axis is not None or out is not None:
            raise UnsupportedInputError(
                f"{name} of a traced sparse array takes neither axis nor out, {user_line()}; use "
                f".toarray() where that is small enough"
            )
        data, layout = self.canonical().data, self.layout
        rest = np.zeros(int(shape_of(data)[0] < layout.shape[0] * layout.shape[1]), self.dtype)
        return function(np.concatenate([data, rest]))

    def trace(self, offset: int = 0) -> Any:
        """The sum along a diagonal."""
        return np.sum(self.diagonal(k=offset))

    def toarray(self, order: Any = None, out: Any = None) -> Any:
        """The dense array."""
        if out is not None:
            raise UnsupportedInputError(f"toarray takes no out here, {user_line()}; assign it")
        return moved(lambda a: a.toarray(), self.canonical())

    todense = toarray

    def asformat(self, format: str | None = None, copy: bool = False) -> SparseArray:
        """The array in another format; CSR stands for those that are not CSR, CSC or COO."""
        kept = format if format is None or format in FORMATS else "csr"
        return moved(lambda a: a.asformat(kept), self)

    def _to_csr(self, *args: Any, **kwargs: Any) -> SparseArray:
        """The array in the format CSR, which stands for the formats BSR, DIA, DOK and LIL."""
        return self.asformat("csr")

    tobsr = todia = todok = tolil = _to_csr

    def __getitem__(self, index: Any) -> Any:
        return moved(lambda a: a[index], self.canonical())

    def __setitem__(self, index: Any, value: Value) -> None:
        """Store values; zeros become entries."""
        own, value = self.canonical(), as_operand(value.toarray() if is_sparse(value) else value)
        shape = shape_of(value)
        labels = np.arange(own.nnz + 1, own.nnz + 1 + int(np.prod(shape))).reshape(shape)
        places = _labelled(own, 1).tolil()
        places[index] = labels if shape else int(labels)
        found = places.asformat(self.format)
        data = np.concatenate([own.data, np.ravel(value)])[found.data - 1]
        self._data, self._like, self._layout = data.astype(self.dtype), found, None

    def setdiag(self, values: Value, k: int = 0) -> None:
        """Store the elements of a diagonal."""
        m, n = self.shape
        places = np.arange(max(0, min(m, n - k) if k >= 0 else min(m + k, n)))
        values = as_operand(values)
        if shape_of(values):
            places = places[: shape_of(values)[0]]
            values = values[: places.size]
        self[places + max(0, -k), places + max(0, k)] = values

    def nonzero(self) -> tuple[Any, Any]:
        """The rows and columns of the elements that are not 0."""
        return self.as_constant().nonzero()

    def eliminate_zeros(self) -> None:
        """Nothing: an entry that is 0 may have a derivative."""

    def sum_duplicates(self) -> None:
        """Sum the entries at one place, in place."""
        own = self.canonical()
        self._data, self._like, self._layout = own._data, own._like, own._layout

    def getrow(self, i: int) -> SparseArray:
        """A row, as a sparse array of two dimensions."""
        return self[[i]]

    def getcol(self, j: int) -> SparseArray:
        """A column, as a sparse array of two dimensions."""
        return self[:, [j]]

    def _compare(self, other: Any) -> Any:
        raise UnsupportedInputError(
            f"sparse arrays with traced values are not compared, {user_line()}; compare their .data"
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _compare
    __hash__ = None  # type: ignore[assignment]  # as SciPy's, which compare element by element

    def __bool__(self) -> bool:
        raise ValueError("the truth value of a sparse array is ambiguous")

    def __len__(self) -> int:
        raise TypeError("the length of a sparse array is ambiguous; use .nnz or .shape[0]")

    def __iter__(self) -> Any:
        return (self[i] for i in range(self.shape[0]))


def _structure(layout: Layout, like: Any) -> Any:
    """A SciPy array with the structure of a layout that is sorted by rows."""
    ones = np.ones(layout.size, np.int8)
    if like.format == "coo":
        return type(like)((ones, (layout.rows, layout.columns)), shape=layout.shape)
    made = sparse.csr_matrix if isinstance(like, sparse.spmatrix) else sparse.csr_array
    return made((ones, *layout.by_row[1:]), shape=layout.shape)


def has_stores(a: Value) -> bool:
    """Whether traced values were stored into an array of SciPy's; see `stores`."""
    return getattr(a, "traced_stores", None) is not None


def wrapped(a: Value) -> SparseArray:
    """A sparse array of either kind, as a `SparseArray`."""
    if isinstance(a, SparseArray):
        return a
    if has_stores(a):
        return a.traced_stores.array()
    if a.format not in FORMATS:
        a = a.tocsr()
    return SparseArray(a.data, a)


def _labelled(a: SparseArray, first: int) -> Any:
    """The SciPy array with the numbers of the entries as its values."""
    labels = np.arange(first, first + a.nnz, dtype=np.int64)
    like = a._like
    if like.format == "coo":
        return type(like)((labels, (like.row, like.col)), shape=like.shape)
    return type(like)((labels, like.indices, like.indptr), shape=like.shape)


def moved(operation: Callable[..., Any], *arrays: SparseArray) -> Any:
    """An operation of SciPy that only moves entries, found by running it on their numbers."""
    sizes = [a.nnz for a in arrays]
    firsts = np.cumsum([1, *sizes[:-1]]).tolist()
    found = operation(*map(_labelled, arrays, firsts))
    data = arrays[0].data if len(arrays) == 1 else np.concatenate([a.data for a in arrays])
    if is_sparse(found):
        if found.ndim != 2:
            raise UnsupportedInputError(
                f"a sparse array with traced values needs two dimensions, {user_line()}; take a "
                f"row as A[[i]], or as a dense vector"
            )
        if found.format not in FORMATS:
            raise UnsupportedInputError(
                f"a sparse array with traced values cannot have the format {found.format!r}, "
                f"{user_line()}; use csr, csc or coo"
            )
        return SparseArray(data[found.data - 1], found)
    padded = np.concatenate([np.zeros(1, dtype_of(data)), data])
    if not np.ndim(found):
        return padded[int(found)]
    found = np.asarray(found)
    return laid_out_like(padded[found], found)


def is_sparse(a: Value) -> bool:
    """Whether an array is sparse, with plain or traced values."""
    return isinstance(a, SparseArray) or bool(sparse.issparse(a))


def is_number(x: Value) -> bool:
    """Whether something is a number, plain or traced."""
    if is_box(x) or type(x) is ndarray:
        return not shape_of(x)
    return bool(np.isscalar(x))
