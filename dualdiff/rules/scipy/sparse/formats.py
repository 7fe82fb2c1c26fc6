"""More constructors of `scipy.sparse`: formats that traced values take as CSR, and moved axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.manipulation import as_operand
from ..dispatch import counterpart, implements
from .arrays import SparseArray, moved, wrapped
from .construct import csr_array, csr_matrix


def _placed(make: Callable[[Any], Any], data: Value, kind: Any) -> SparseArray:
    """A sparse array from the data of a format, found by running SciPy on their numbers."""
    labels = np.arange(1, int(np.prod(shape_of(data))) + 1).reshape(shape_of(data))
    found = make(labels).tocoo()
    is_matrix = isinstance(kind, type) and issubclass(kind, sparse.spmatrix)
    like = (sparse.csr_matrix if is_matrix else sparse.csr_array)(found)
    return SparseArray(np.ravel(data)[like.data - 1], like)


def _constructor(name: str) -> Callable[..., Any]:
    kind: Any = getattr(sparse, name)
    other = csr_matrix if issubclass(kind, sparse.spmatrix) else csr_array

    def construct(
        arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **options: Any
    ) -> Any:
        if type(arg1) is tuple and not is_box(arg1) and name[:3] in ("bsr", "dia"):
            data = as_operand(arg1[0])
            if name[:3] == "dia":
                data = np.atleast_2d(data)
            made = _placed(lambda x: kind((x, *arg1[1:]), shape=shape, **options), data, kind)
            return made if dtype is None else made.astype(dtype)
        return other(arg1, shape, dtype, copy)

    construct.__name__ = construct.__qualname__ = name
    construct.__doc__ = f"""``scipy.sparse.{name}``, which may have traced values.

    Arguments: as SciPy's. Returns: SciPy's own array, or a `SparseArray` in the format CSR where
    values are traced. Of a traced matrix all elements become entries.

    >>> import numpy as np, dualdiff as dd
    >>> A = lambda x: dd.scipy.sparse.{name}(x * np.ones((2, 2)))
    >>> dd.grad(lambda x: np.sum(A(x) @ np.ones(2)))(1.0)
    4.0
    """
    return implements(kind)(construct)


bsr_array, bsr_matrix = _constructor("bsr_array"), _constructor("bsr_matrix")
dia_array, dia_matrix = _constructor("dia_array"), _constructor("dia_matrix")
dok_array, dok_matrix = _constructor("dok_array"), _constructor("dok_matrix")
lil_array, lil_matrix = _constructor("lil_array"), _constructor("lil_matrix")


@implements(sparse.spdiags)
def spdiags(data: Any, diags: Any, m: Any = None, n: Any = None, format: Any = None) -> Any:
    """``scipy.sparse.spdiags``: a matrix from its diagonals, which may be traced."""
    rows = np.atleast_2d(as_operand(data))
    made = _placed(lambda x: sparse.spdiags(x, diags, m, n), rows, sparse.dia_matrix)
    return made if format in (None, "csr", "dia") else made.asformat(format)


@implements(sparse.find)
def find(A: Any) -> Any:
    """``scipy.sparse.find``: rows, columns and values of the entries that are not 0."""
    coo = wrapped(A).canonical().tocoo()
    labels = coo.structure.astype(np.int64)
    labels.data = np.arange(1, coo.nnz + 1)
    rows, columns, order = sparse.find(labels)
    data = coo.data[order - 1]
    keep = np.flatnonzero(unbox(data) != 0)
    return rows[keep], columns[keep], data[keep]


def _moves_axes(name: str) -> Any:
    move: Any = getattr(sparse, name)

    def function(A: Any, *args: Any, **kwargs: Any) -> Any:
        return moved(lambda a: move(a, *args, **kwargs), wrapped(A).canonical().tocoo())

    function.__name__ = name
    function.__doc__ = f"``scipy.sparse.{name}`` of an array that may have traced values."
    return counterpart(move, function, lambda: function)


if hasattr(sparse, "swapaxes"):
    swapaxes = _moves_axes("swapaxes")
if hasattr(sparse, "permute_dims"):
    permute_dims = _moves_axes("permute_dims")
