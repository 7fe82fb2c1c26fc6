"""`LinearOperator` of `scipy.sparse.linalg`: methods that take traced vectors, or read traced
values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import linalg
from scipy.sparse.linalg import _interface

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.creation import asarray
from ..arguments import holds_traced
from ..dispatch import Entry, enter, implements
from .arrays import is_sparse

_CLASS: Any = linalg.LinearOperator


class _Method(Entry):
    """A method of an operator, whose functions may read traced values."""

    def gets_function(self, args: Any, kwargs: Any) -> bool:
        return True


def _applies(name: str, inner: str, is_adjoint: bool, is_matrix: bool) -> None:
    def method(self: Any, x: Value) -> Any:
        if is_sparse(x) or type(x) is np.matrix:
            return entry.original(self, x)
        x = asarray(x)
        rows, columns = self.shape[::-1] if is_adjoint else self.shape
        ndim, own = len(shape_of(x)), shape_of(x)
        fits = ndim == 2 if is_matrix else own in ((columns,), (columns, 1))
        if not fits or own[0] != columns:
            return entry.original(self, unbox(x))  # SciPy's error
        y = asarray(getattr(self, inner)(x))
        if is_matrix:
            return y
        return np.reshape(y, (rows,) if ndim == 1 else (rows, 1))

    entry = _Method(getattr(_CLASS, name), lambda: method, ("self",))
    enter(entry)


_applies("matvec", "_matvec", False, False)
_applies("rmatvec", "_rmatvec", True, False)
_applies("matmat", "_matmat", False, True)
_applies("rmatmat", "_rmatmat", True, True)


def _product(self: Any, x: Any) -> Any:
    """The product with a vector, a matrix, a number or an operator."""
    if isinstance(x, _CLASS) or is_sparse(x):
        return _DOT.original(self, x)
    x = asarray(x)
    if not np.ndim(x):
        return _scaled(self, x)
    return self.matvec(x) if np.ndim(x) == 1 or shape_of(x)[1:] == (1,) else self.matmat(x)


_DOT = Entry(_CLASS.dot, lambda: _product)
enter(_DOT)


def _scaled(operator: Any, factor: Value) -> Any:
    return linalg.LinearOperator(
        operator.shape,
        matvec=lambda x: factor * operator.matvec(x),
        rmatvec=lambda x: np.conj(factor) * operator.rmatvec(x),
        dtype=operator.dtype,
    )


def _times_number(name: str) -> None:
    def method(self: Any, x: Any) -> Any:
        if holds_traced(x) and not isinstance(x, _CLASS) and not is_sparse(x):
            return _product(self, x)
        return entry.original(self, x)

    entry = Entry(getattr(_CLASS, name), lambda: method)
    enter(entry)


_times_number("__mul__")
_times_number("__matmul__")
_times_number("__rmul__")


def _matrix_times(self: Any, x: Value) -> Any:
    """The product of a plain matrix, which an operator wraps, with traced columns."""
    return self.A @ x if is_sparse(self.A) else np.matmul(np.asarray(self.A), x)


_wrapping: Any = _interface.MatrixLinearOperator
enter(Entry(_wrapping._matmat, lambda: _matrix_times))


def _init_dtype(self: Any) -> None:
    """The dtype of the operator's products, which may be traced."""
    if self.dtype is None:
        probe = np.zeros(self.shape[-1])
        self.dtype = np.asarray(unbox(asarray(self.matvec(probe)))).dtype


enter(_Method(_CLASS._init_dtype, lambda: _init_dtype, ("self",)))


@implements(linalg.aslinearoperator)
def aslinearoperator(A: Any) -> Any:
    """``scipy.sparse.linalg.aslinearoperator`` of a matrix with traced values."""
    if isinstance(A, _CLASS):
        return A
    own = A if is_sparse(A) else np.atleast_2d(asarray(A))
    times = (lambda m, x: m @ x) if is_sparse(own) else np.matmul
    return linalg.LinearOperator(
        own.shape,
        matvec=lambda x: times(own, x),
        rmatvec=lambda x: times(own.conj().T, x),
        matmat=lambda x: times(own, x),
        dtype=own.dtype,
    )
