"""Sparse arrays of traced values, and arrays made of several.

If no value is traced, the functions return SciPy's own arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from ....array.box import is_box
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, library_function, user_line
from ...numpy.common import strip
from ...numpy.creation import contains_box
from ...numpy.manipulation import as_operand
from ..dispatch import counterpart, implements
from . import operators
from .arrays import SparseArray, is_sparse, moved, wrapped


def _in_format(a: SparseArray, kind: Any) -> SparseArray:
    """The array as SciPy's class `kind` would make it of `a`."""
    if type(a._like) is kind:
        return a
    return moved(kind, a.canonical())


def _from_parts(data: Any, places: Sequence[Any], shape: Any, kind: Any) -> Any:
    """From ``(data, indices, indptr)`` or ``(data, (rows, columns))``."""
    places = _plain(places)
    if not contains_box(data):  # only the places were traced: the array is constant
        return kind((data, *places), shape=shape)
    data = as_operand(data)
    if len(shape_of(data)) != 1:
        raise ValueError(f"the data of a sparse array is a vector, not of shape {shape_of(data)}")
    ones = np.ones(shape_of(data), np.int8)
    if len(places) == 2:
        return SparseArray(data, kind((ones, *places), shape=shape))
    coo = sparse.coo_matrix if issubclass(kind, sparse.spmatrix) else sparse.coo_array
    like = coo((ones, *places), shape=shape)
    if like.ndim != 2:
        raise UnsupportedInputError(
            f"a sparse array with traced values needs two dimensions, {user_line()}"
        )
    return _in_format(SparseArray(data, like), kind)


def _plain(places: Any) -> Any:
    """Places of entries as constants: a place is a step of its value."""
    if type(places) in (tuple, list):
        return type(places)(map(_plain, places))
    return strip(places)


def _from_dense(x: Value, shape: Any, kind: Any) -> SparseArray:
    """All elements are entries: a derivative need not be 0 where a value is."""
    x = as_operand(x)
    if len(shape_of(x)) != 2 or (shape is not None and tuple(shape) != shape_of(x)):
        raise UnsupportedInputError(
            f"a traced array of shape {shape_of(x)} cannot become a sparse one, {user_line()}; it "
            f"takes a matrix, or (data, indices, indptr), or (data, (rows, columns))"
        )
    return SparseArray(np.ravel(x), sparse.coo_array(np.ones(shape_of(x), np.int8)))


def _constructor(name: str) -> Callable[..., Any]:
    kind = getattr(sparse, name)

    def construct(
        arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **options: Any
    ) -> Any:
        if is_sparse(arg1):
            made = _in_format(wrapped(arg1), kind)
        elif type(arg1) is tuple and len(arg1) in (2, 3) and not is_box(arg1):
            made = _from_parts(arg1[0], arg1[1:], shape, kind)
        else:
            made = _in_format(_from_dense(arg1, shape, kind), kind)
        if dtype is not None and np.dtype(dtype) != made.dtype:
            made = made.astype(dtype)
        return made.copy() if copy else made

    construct.__name__ = construct.__qualname__ = name
    construct.__doc__ = f"""``scipy.sparse.{name}``, which may have traced values.

    Arguments: as SciPy's: ``(data, (rows, columns))``{_COMPRESSED.get(name[:3], "")}, a sparse
    array or a matrix; `shape`, `dtype`, `copy`. Of a traced matrix all elements become entries.
    Returns: SciPy's own array, or a `SparseArray` where values are traced.
    Raises: ValueError where data and indices do not fit.

    >>> import numpy as np, dualdiff as dd
    >>> A = lambda d: dd.scipy.sparse.{name}((d, ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    >>> dd.jacobian(lambda d: A(d) @ np.array([5.0, 7.0]))(np.ones(3))
    array([[5., 7., 0.],
           [0., 0., 7.]])
    """
    return implements(kind)(construct)


_COMPRESSED = {"csr": ", ``(data, indices, indptr)``", "csc": ", ``(data, indices, indptr)``"}
csr_array, csr_matrix = _constructor("csr_array"), _constructor("csr_matrix")
csc_array, csc_matrix = _constructor("csc_array"), _constructor("csc_matrix")
coo_array, coo_matrix = _constructor("coo_array"), _constructor("coo_matrix")


def _diagonals(name: str, diagonals: Any, offsets: Any, options: dict[str, Any]) -> Any:
    make = getattr(sparse, name)
    lines = [diagonals] if np.ndim(offsets) == 0 and _is_line(diagonals) else list(diagonals)
    lines = [np.atleast_1d(as_operand(line)) for line in lines]
    sizes = [shape_of(line)[0] for line in lines]
    ends = np.cumsum([1, *sizes])
    labels = [np.arange(a, b) for a, b in pairwise(ends)]
    like = make(labels, offsets=np.atleast_1d(offsets), dtype=np.int64, **options).tocoo()
    data = np.concatenate(lines)[like.data - 1]
    kept = options.get("format") or "csr"  # the format of SciPy, DIA, has no counterpart here
    return moved(lambda a: a.asformat(kept), SparseArray(data, like))


def _is_line(diagonals: Any) -> bool:
    """Whether there is one diagonal, which is not in a list."""
    if is_box(diagonals):
        return len(shape_of(diagonals)) == 1
    return not len(diagonals) or np.ndim(diagonals[0]) == 0


@implements(sparse.diags_array)
def diags_array(
    diagonals: Any, /, *, offsets: Any = 0, shape: Any = None, format: Any = None, **options: Any
) -> Any:
    """``scipy.sparse.diags_array``, whose diagonals may be traced.

    Arguments: as SciPy's: `diagonals`, a vector or a list of them; `offsets`; `shape`; `format`,
    CSR by default if values are traced. Returns: SciPy's array, or a `SparseArray`.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda d: np.sum(dd.scipy.sparse.diags_array(d) @ np.array([2.0, 3.0])))(np.ones(2))
    array([2., 3.])
    """
    return _diagonals("diags_array", diagonals, offsets, {"shape": shape, "format": format})


@implements(sparse.diags)
def diags(
    diagonals: Any, offsets: Any = 0, shape: Any = None, format: Any = None, **options: Any
) -> Any:
    """``scipy.sparse.diags``, a sparse matrix whose diagonals may be traced.

    Arguments: as for `diags_array`. Returns: SciPy's matrix, or a `SparseArray`.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda x: dd.scipy.sparse.diags([[x, x], [1.0]], [0, 1]).sum())(5.0)
    2.0
    """
    return _diagonals("diags", diagonals, offsets, {"shape": shape, "format": format})


def issparse(x: Value) -> bool:
    """Whether an array is sparse, with plain or traced values.

    Arguments: anything. Returns: a bool.

    >>> import scipy.sparse, dualdiff as dd
    >>> dd.scipy.sparse.issparse(scipy.sparse.eye_array(2))
    True
    """
    return isinstance(x, (SparseArray, sparse.sparray, sparse.spmatrix))


@implements(sparse.issparse)
def _issparse(x: Value) -> bool:
    """The answer for the program. SciPy's own matrices leave operators to what it does not know."""
    if isinstance(x, (sparse.sparray, sparse.spmatrix)):
        return True
    return (library_function() or "").endswith(".issparse") and issparse(x)


def _is_array(x: Value) -> bool:
    """Whether an array is sparse and of SciPy's new classes, whose ``*`` acts on elements."""
    return not x._is_matrix if isinstance(x, SparseArray) else isinstance(x, sparse.sparray)


def _all_sparse(*given: Any) -> list[Any]:
    """Sparse and dense arrays as sparse ones: a dense one is a matrix unless beside an array."""
    made = coo_array if any(map(_is_array, given)) else coo_matrix
    return [x if issparse(x) else made(np.atleast_2d(x)) for x in given]


def _flattened(blocks: Any) -> list[Any]:
    """The arrays of nested lists."""
    if type(blocks) in (list, tuple) or (type(blocks) is np.ndarray and blocks.dtype.hasobject):
        return [a for block in blocks for a in _flattened(block)]
    return [blocks]


def _rebuilt(blocks: Any, supply: Any) -> Any:
    """The nested lists with each array that is not None from a supply."""
    if type(blocks) in (list, tuple) or (type(blocks) is np.ndarray and blocks.dtype.hasobject):
        return [_rebuilt(block, supply) for block in blocks]
    return None if blocks is None else next(supply)


def _joiner(name: str) -> Callable[..., Any]:
    join = getattr(sparse, name)

    def joined(blocks: Any, *args: Any, **kwargs: Any) -> Any:
        given = [a for a in _flattened(blocks) if a is not None]
        own = [wrapped(a).canonical() for a in _all_sparse(*given)]
        return moved(lambda *labels: join(_rebuilt(blocks, iter(labels)), *args, **kwargs), *own)

    joined.__name__ = joined.__qualname__ = name
    joined.__doc__ = f"""``scipy.sparse.{name}``, of sparse arrays that may have traced values.

    Arguments and result: as SciPy's.

    >>> import numpy as np, dualdiff as dd
    >>> sp = dd.scipy.sparse
    >>> dd.grad(lambda d: sp.{name}({_SHOWN[name]}).sum())(np.ones(2))
    array([2., 2.])
    """
    return counterpart(join, joined, lambda: joined)


_LIST = "[sp.diags_array(d), sp.diags_array(d)]"
_SHOWN = {"hstack": _LIST, "vstack": _LIST, "block_diag": _LIST}
_SHOWN |= {"block_array": f"[{_LIST}]", "bmat": f"[{_LIST}]"}
hstack, vstack, block_diag = map(_joiner, ("hstack", "vstack", "block_diag"))
block_array, bmat = map(_joiner, ("block_array", "bmat"))


def _triangle(name: str) -> Callable[..., Any]:
    part = getattr(sparse, name)

    def triangle(A: Any, k: int = 0, format: Any = None) -> Any:
        (own,) = _all_sparse(A)
        return moved(lambda a: part(a, k, format), wrapped(own).canonical())

    triangle.__name__ = triangle.__qualname__ = name
    triangle.__doc__ = f"""``scipy.sparse.{name}``, of a sparse array that may have traced values.

    Arguments and result: as SciPy's.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda x: dd.scipy.sparse.{name}(x * np.ones((2, 2))).sum())(1.0)
    3.0
    """
    return implements(part)(triangle)


tril, triu = _triangle("tril"), _triangle("triu")


@implements(sparse.kron)
def kron(A: Any, B: Any, format: Any = None) -> Any:
    """``scipy.sparse.kron``, of sparse arrays that may have traced values.

    Arguments: as SciPy's. Returns: SciPy's array, or a `SparseArray`, in COO format by default.

    >>> import numpy as np, dualdiff as dd
    >>> sp = dd.scipy.sparse
    >>> dd.grad(lambda d: sp.kron(sp.eye_array(3), sp.diags_array(d)).sum())(np.ones(2))
    array([3., 3.])
    """
    A, B = _all_sparse(A, B)
    return operators.kron(A, B, format)


@implements(sparse.kronsum)
def kronsum(A: Any, B: Any, format: Any = None) -> Any:
    """``scipy.sparse.kronsum``, of square sparse arrays that may have traced values.

    Arguments: as SciPy's. Returns: SciPy's array, or a `SparseArray`.

    >>> import numpy as np, dualdiff as dd
    >>> sp = dd.scipy.sparse
    >>> dd.grad(lambda d: sp.kronsum(sp.eye_array(3), sp.diags_array(d)).sum())(np.ones(2))
    array([3., 3.])
    """
    A, B = _all_sparse(A, B)
    eye = sparse.eye_array if _is_array(A) or _is_array(B) else sparse.eye
    ones = [eye(x.shape[0], dtype=np.result_type(A.dtype, B.dtype)) for x in (B, A)]
    both = operators.kron(ones[0], A), operators.kron(B, ones[1])
    return operators.add(*both).asformat(format)
