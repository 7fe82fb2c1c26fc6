"""The operators of sparse arrays with traced values: products, sums, multiples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from ....array.dispatch import register
from ....core.batch import shape_of
from ....core.trace import materialize
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.manipulation import as_operand
from . import arrays
from .arrays import SparseArray, is_number, is_sparse, moved, wrapped
from .layout import Layout
from .products import constant_p, times


def matmul(x: Value, y: Value) -> Any:
    """``x @ y`` with a sparse operand, and traced values in either."""
    if isinstance(x, SparseArray) or isinstance(y, SparseArray):
        if is_sparse(x) and is_sparse(y):
            return _sparse_times_sparse(wrapped(x), wrapped(y))
        if isinstance(x, SparseArray):
            return _times_dense(x, as_operand(y))
        return _times_dense(y.T, as_operand(x).T).T
    from_left = isinstance(x, (sparse.sparray, sparse.spmatrix))
    matrix, dense = (x, materialize(y)) if from_left else (y, materialize(x))
    _check_dense(matrix, dense)
    if from_left:
        return constant_p(dense, matrix=matrix)
    return constant_p(dense.T, matrix=matrix.T).T


def _check_dense(matrix: Any, dense: Any) -> None:
    if matrix.ndim != 2 or np.ndim(dense) not in (1, 2):
        raise UnsupportedInputError(
            f"a product of a sparse array of shape {matrix.shape} and a traced array of shape "
            f"{np.shape(dense)} has no rule, {user_line()}: it takes a sparse matrix, and a traced "
            f"array of one or two dimensions"
        )


def _times_dense(a: SparseArray, dense: Any) -> Any:
    if not hasattr(dense, "shape"):
        dense = np.asarray(dense)
    _check_dense(a, dense)
    if shape_of(dense)[0] != a.shape[1]:
        raise ValueError(
            f"the product of shapes {a.shape} and {shape_of(dense)} does not exist: the dimensions "
            f"{a.shape[1]} and {shape_of(dense)[0]} differ"
        )
    if len(shape_of(dense)) == 1:
        return times(a.data, dense[:, None], a.layout)[:, 0]
    return times(a.data, dense, a.layout)


def _sparse_times_sparse(a: SparseArray, b: SparseArray) -> SparseArray:
    """Multiply each entry of `a` by the entries in its row of `b`, and sum at each place."""
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"the product of shapes {a.shape} and {b.shape} does not exist")
    order, indices, indptr = b.layout.by_row
    starts, counts = indptr[a.layout.columns], np.diff(indptr)[a.layout.columns]
    left = np.repeat(np.arange(a.nnz), counts)
    ends = np.cumsum(counts)
    right = np.arange(left.size) + np.repeat(starts - ends + counts, counts)
    columns = indices[right]
    if order is not None:
        right = order[right]
    layout, sums = Layout(a.layout.rows[left], columns, (a.shape[0], b.shape[1])).summed()
    data = constant_p(a.data[left] * b.data[right], matrix=sums)
    return _result(data, layout, a)


def _result(data: Any, layout: Layout, left: SparseArray) -> SparseArray:
    """Values at places sorted by rows, in SciPy's format of the result."""
    like = sparse.csr_matrix((1, 1)) if left._is_matrix else sparse.csr_array((1, 1))
    made = SparseArray(data, arrays._structure(layout, like))
    return made.asformat("csc") if left.format == "csc" else made


def add(x: Value, y: Value) -> Any:
    """``x + y`` of two sparse arrays, or of a sparse and a dense one, with a dense result."""
    if is_number(x) or is_number(y):
        return _plus_number(x, y)
    if not (is_sparse(x) and is_sparse(y)):
        return _dense(x) + _dense(y)
    a, b = wrapped(x), wrapped(y)
    if a.shape != b.shape:
        raise ValueError(f"sparse arrays of shapes {a.shape} and {b.shape} cannot be added")
    same = a.layout is b.layout or (
        a.format == b.format
        and a.nnz == b.nnz
        and np.array_equal(a.layout.rows, b.layout.rows)
        and np.array_equal(a.layout.columns, b.layout.columns)
    )
    if same:
        ans = a.with_data(a.data + b.data)
        return ans.tocsr() if a.format == "coo" else ans
    rows = np.concatenate([a.layout.rows, b.layout.rows])
    columns = np.concatenate([a.layout.columns, b.layout.columns])
    layout, sums = Layout(rows, columns, a.shape).summed()
    data = constant_p(np.concatenate([a.data, b.data]), matrix=sums)
    return _result(data, layout, a)


def _plus_number(x: Value, y: Value) -> Any:
    a, number = (y, x) if is_number(x) else (x, y)
    if np.ndim(number) == 0 and not arrays.is_box(number) and number == 0:
        return a.copy()  # so that `sum` of a list works
    raise NotImplementedError("adding a number to a sparse array would make it dense")


def _dense(x: Value) -> Any:
    return x.toarray() if is_sparse(x) else as_operand(x)


def multiply(x: Value, y: Value) -> Any:
    """Element by element; a product has the places of the sparse operands."""
    a, other = (x, y) if isinstance(x, SparseArray) else (y, x)
    if is_number(other):
        return a.with_data(a.data * other)
    if is_sparse(other):
        return _sparse_by_sparse(a, wrapped(other))
    other = as_operand(other)
    other = other if hasattr(other, "shape") else np.asarray(other)
    if np.broadcast_shapes(shape_of(other), a.shape) != a.shape:
        raise UnsupportedInputError(
            f"a sparse array of shape {a.shape} with traced values cannot be broadcast to multiply "
            f"an array of shape {shape_of(other)}, {user_line()}; use .toarray()"
        )
    where = np.broadcast_to(other, a.shape)
    return a.with_data(a.data * where[a.layout.rows, a.layout.columns])


def _sparse_by_sparse(a: SparseArray, b: SparseArray) -> SparseArray:
    if a.shape != b.shape:
        raise UnsupportedInputError(
            f"sparse arrays of shapes {a.shape} and {b.shape} cannot be multiplied element by "
            f"element where values are traced, {user_line()}; make them of one shape"
        )
    a, b = a.canonical(), b.canonical()
    keys, left, right = np.intersect1d(
        a.layout.keys, b.layout.keys, assume_unique=True, return_indices=True
    )
    width = max(a.shape[1], 1)
    layout = Layout(keys // width, keys % width, a.shape)
    return _result(a.data[left] * b.data[right], layout, a)


def _divide(a: SparseArray, other: Any) -> SparseArray:
    if not is_number(other):
        if is_sparse(other):
            raise UnsupportedInputError(
                f"a sparse array with traced values is not divided by a sparse one, "
                f"{user_line()}: the quotient of zeros is NaN; write A.multiply(1 / x)"
            )
        return a.multiply(1.0 / as_operand(other))
    # SciPy's dtype, and its value to the last bit
    data = a.data.astype(float) if np.can_cast(a.dtype, float) else a.data
    return a.with_data(data * (1.0 / other))


def _power(a: SparseArray, n: Any) -> SparseArray:
    if not a._is_matrix:
        return a.power(n)
    if type(n) is not int or n < 1:
        raise UnsupportedInputError(f"a power of a sparse matrix needs an int > 0, {user_line()}")
    out = a
    for _ in range(n - 1):
        out = matmul(out, a)
    return out


def _star(x: Value, y: Value) -> Any:
    """``x * y``: the product of matrices if one operand is an old ``*_matrix``."""
    both = (x, y)
    as_matrices = any(isinstance(z, SparseArray) and z._is_matrix for z in both)
    return matmul(x, y) if as_matrices and not any(map(is_number, both)) else multiply(x, y)


def kron(a: Value, b: Value, format: Any = None) -> SparseArray:
    """The Kronecker product of two sparse arrays, a matrix if both are."""
    a, b = wrapped(a), wrapped(b)
    coo = sparse.coo_matrix if a._is_matrix and b._is_matrix else sparse.coo_array
    (p, q), (m, n) = a.shape, b.shape
    rows = a.layout.rows[:, None] * m + b.layout.rows
    columns = a.layout.columns[:, None] * n + b.layout.columns
    like = coo((np.ones(rows.size), (rows.ravel(), columns.ravel())), (p * m, q * n))
    made = SparseArray(np.ravel(a.data[:, None] * b.data), like)
    return moved(lambda x: x.asformat(format), made.canonical())


def _reflected(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: op(other, self)


def _subtract(x: Value, y: Value) -> Any:
    return add(x, -y)


# The operators of NumPy's functions of two arguments; `array * A` calls them, too.
_BINARY: dict[Any, Callable[..., Any]] = {
    np.matmul: matmul,
    np.add: add,
    np.subtract: _subtract,
    np.multiply: _star,
}
_UNARY: dict[Any, str] = {
    np.conjugate: "conj",
    np.absolute: "__abs__",
    np.negative: "__neg__",
    np.sqrt: "sqrt",
}


def _answer(
    self: SparseArray, ufunc: np.ufunc, method: str, *operands: Any, out: Any = None, **options: Any
) -> Any:
    """``__array_ufunc__``: NumPy calls the method of a sparse array that has the ufunc's name."""
    stores = out is not None and out[0] is not operands[0]  # `array += A` makes a new array
    if method == "__call__" and not options and not stores:
        name = _UNARY.get(ufunc, ufunc.__name__)
        if len(operands) == 1 and hasattr(self, name):
            return getattr(self, name)()
        if ufunc in _BINARY:
            return _BINARY[ufunc](*operands)
        if ufunc is np.true_divide and operands[0] is self:
            return _divide(self, operands[1])
    raise UnsupportedInputError(
        f"numpy.{ufunc.__name__} takes no sparse array with traced values here, {user_line()}; use "
        f"its .data, or .toarray() where that is small enough"
    )


_OPERATORS: dict[str, Callable[..., Any]] = {
    "dot": lambda self, other: self * other if is_number(other) else matmul(self, other),
    "multiply": lambda self, other: multiply(self, other),
    "__neg__": lambda self: self.with_data(-self.data),
    "__pos__": lambda self: self.copy(),
    "__abs__": lambda self: self._map(np.abs),
    "__truediv__": _divide,
    "__pow__": _power,
    "__array_ufunc__": _answer,
}
for _name, _op in (("matmul", matmul), ("add", add), ("sub", _subtract), ("mul", _star)):
    _OPERATORS[f"__{_name}__"] = (lambda op: lambda self, other: op(self, other))(_op)
    _OPERATORS[f"__r{_name}__"] = _reflected(_op)
for _name, _op in _OPERATORS.items():
    setattr(SparseArray, _name, _op)

# The same function in all of SciPy's sparse classes, and here.
register(sparse.csr_array.__matmul__, matmul)
register(_OPERATORS["__matmul__"], matmul)
