"""Sparse systems of equations, by LU factors.

The derivative of a solution follows from the equations by the implicit function theorem: with
``A x = b``, ``dx = A^-1 (db - dA x)``. Each matrix is factorised once. Its factors give the
solution, all tangents and, transposed, all cotangents.
"""

from __future__ import annotations

from contextvars import ContextVar
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.sparse import linalg

from ....array.box import is_box, unbox
from ....core.batch import Shape, align, shape_of
from ....core.types import Cotangent, Tangent, Value
from ....errors import MissingRuleError, UnsupportedInputError, user_line
from ...declare import linear, rule
from ...numpy.creation import given
from ...numpy.manipulation import as_operand
from ...structures import Einsum
from ..arguments import by_scipy, may_capture, plain
from ..dispatch import Entry, always, implements
from ..linalg.factors import lu_p
from ..signatures import bound
from .arrays import SparseArray, is_sparse, wrapped
from .construct import csc_array
from .layout import Layout
from .products import sampled, times

__all__ = ["factorized", "spilu", "splu", "spsolve"]


class Factors:
    """The LU factors of matrices with one layout; it keeps the latest."""

    def __init__(self, layout: Layout, options: dict[str, Any]) -> None:
        self.layout, self.options = layout, options
        self.kept: tuple[ndarray, Any] | None = None

    def of(self, data: ndarray) -> Any:
        """SciPy's object with the factors of the matrix with these values."""
        kept = self.kept
        if kept is None or kept[0].dtype != data.dtype or not np.array_equal(kept[0], data):
            try:
                made = by_scipy(linalg.splu, self.layout.matrix(data).tocsc(), **self.options)
            except RuntimeError as error:
                if "singular" not in str(error):
                    raise
                raise np.linalg.LinAlgError(
                    f"the sparse matrix is singular, {user_line()}; its system of equations has no "
                    f"one solution to be differentiated"
                ) from error
            self.kept = kept = data.copy(), made
        return kept[1]

    def solve(self, data: ndarray, b: ndarray, transposed: bool) -> ndarray:
        """The solutions for right-hand sides of shape ``(*batch, n, k)``."""
        n, k = b.shape[-2:]
        flat = np.moveaxis(b, -2, 0).reshape(n, -1)
        dtype = np.result_type(data.dtype, b.dtype, np.float32)
        own = dtype if dtype.kind != "c" or data.dtype.kind == "c" else flat.real.dtype
        factors, way = self.of(data.astype(own, copy=False)), "T" if transposed else "N"
        if own == dtype:
            ans = factors.solve(np.asfortranarray(flat, dtype), way)
        else:  # real factors, and a complex right-hand side
            parts = (np.asfortranarray(p, own) for p in (flat.real, flat.imag))
            real, imag = (factors.solve(p, way) for p in parts)
            ans = real + 1j * imag
        return np.moveaxis(ans.reshape(n, *b.shape[:-2], k), 0, -2)


def _solve(x: Value, y: Value, factors: Factors, transposed: bool) -> Any:
    if is_box(x) or is_box(y):
        return solve_p(x, y, factors=factors, transposed=transposed)
    x, y = np.asarray(x), np.asarray(y)
    if not prod(y.shape):
        return np.zeros(y.shape, np.result_type(x, y))
    return factors.solve(x, y, transposed)


def _layout(factors: Factors, transposed: bool) -> Layout:
    return factors.layout.T if transposed else factors.layout


def _jvp(
    ts: Any, x: Value, ans: Value, specs: Any, factors: Factors, transposed: bool, batch: Shape
) -> Tangent:
    ta, tb = ts
    right: Any = 0.0 if tb is None else tb
    if ta is not None:
        ta = align(ta, 1, specs[1].ndim - 1, batch)
        right = right - times(ta, ans, _layout(factors, transposed))
    return _solve(x, right, factors, transposed)


def _vjp(
    g: Cotangent, x: Value, ans: Value, active: Any, factors: Factors, transposed: bool
) -> Cotangent:
    right = _solve(x, g, factors, not transposed)
    if not active[0]:
        return None, right
    ga = -sampled(right, ans, _layout(factors, transposed))
    own = len(shape_of(ans)) - 2  # a stack of right-hand sides has one matrix
    last = len(shape_of(ga)) - 1
    return np.sum(ga, axis=tuple(range(last - own, last))) if own else ga, right


solve_p = rule(
    _solve,
    jvp=_jvp,
    vjp=_vjp,
    name="sparse.linalg.spsolve",
    structure=Einsum("e,...jk->...lk"),
)


def _system(A: Any) -> SparseArray:
    if not is_sparse(A):
        raise UnsupportedInputError(
            f"a sparse system of equations needs a sparse array, not {type(A).__name__}, "
            f"{user_line()}; make one with dualdiff.scipy.sparse, or use numpy.linalg.solve"
        )
    a = wrapped(A)
    if a.shape[0] != a.shape[1]:
        raise ValueError(f"the matrix must be square (has shape {a.shape})")
    return a


def _solution(a: SparseArray, b: Value, factors: Factors, transposed: bool = False) -> Any:
    b = as_operand(b)
    if is_sparse(b):
        raise UnsupportedInputError(
            f"sparse right-hand sides have no rule where values are traced, {user_line()}; pass "
            f"b.toarray()"
        )
    b = b if hasattr(b, "shape") else np.asarray(b)
    shape = shape_of(b)
    if len(shape) not in (1, 2) or shape[0] != a.shape[0]:
        raise ValueError(f"the shapes of the matrix, {a.shape}, and of b, {shape}, do not fit")
    vector = len(shape) == 1
    ans = _solve(a.data, b[:, None] if vector else b, factors, transposed)
    return ans[:, 0] if vector else ans


@implements(linalg.spsolve)
def spsolve(A: Any, b: Value, permc_spec: Any = None, use_umfpack: Any = True) -> Any:
    """``scipy.sparse.linalg.spsolve``: x with ``A x = b`` for a sparse matrix.

    Arguments: `A`, a sparse array, of SciPy or with traced values; `b`, of shape (n,) or (n, k), or
    sparse; `permc_spec` as SciPy's. Traced arguments use SuperLU, never UMFPACK.
    Returns: an array of the shape of b; where b is sparse with more than one column, a sparse one.
    Raises: numpy.linalg.LinAlgError if A is singular and an argument is traced.

    >>> import numpy as np, dualdiff as dd
    >>> sp = dd.scipy.sparse
    >>> f = lambda d: sp.linalg.spsolve(sp.diags_array(d), np.ones(2))
    >>> dd.jacobian(f)(np.array([1.0, 2.0]))
    array([[-1.  ,  0.  ],
           [ 0.  , -0.25]])
    """
    a = _system(A)
    factors = Factors(a.layout, {"permc_spec": permc_spec})
    if not is_sparse(b):
        return _solution(a, b, factors)
    x = _solution(a, b.toarray(), factors)
    return x[:, 0] if shape_of(x)[1] == 1 else csc_array(x).asformat(a.format)


DENSE = 3000  # most rows of a matrix whose factors L and U are asked for


class TracedLU:
    """LU factors of a sparse matrix that solve for traced right-hand sides too; see `splu`."""

    def __init__(self, a: SparseArray, options: dict[str, Any]) -> None:
        self._matrix, self._factors = a, Factors(a.layout, options)
        self.shape = a.shape

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"factors of a matrix with traced values have no {name!r}")
        data = self._matrix.data
        found = self._factors.of(unbox(data))
        return self._factor(name, found) if is_box(data) and name in "LU" else getattr(found, name)

    def _factor(self, name: str, found: Any) -> SparseArray:
        """L or U, by dense factors."""
        n = self.shape[0]
        if n > DENSE:
            raise UnsupportedInputError(
                f"the factors of a traced matrix with {n} rows are not made, {user_line()}: they "
                f"would be dense on the way, which takes {DENSE} rows at most. The method `solve` "
                f"takes any number."
            )
        rows, columns = np.argsort(found.perm_r), np.argsort(found.perm_c)
        permuted = self._matrix.toarray()[rows][:, columns]
        both = lu_p(permuted, low=found.L.toarray(), up=found.U.toarray())
        like, factor = getattr(found, name), both["LU".index(name)]
        places = like.tocoo()
        return SparseArray(given(factor[places.row, places.col], like.data), like)

    def solve(self, rhs: Any, trans: str = "N") -> Any:
        """The solution of a system with the matrix, its transpose ("T") or adjoint ("H").

        Arguments: `rhs`, of shape (n,) or (n, k), plain or traced. Returns: an array of its shape.
        """
        if trans == "H":
            return np.conjugate(self.solve(np.conjugate(as_operand(rhs)), "T"))
        if trans not in ("N", "T"):
            raise ValueError(f"trans must be 'N', 'T' or 'H', not {trans!r}")
        return _solution(self._matrix, rhs, self._factors, trans == "T")


def splu(A: Any, permc_spec: Any = None, **options: Any) -> TracedLU:
    """``scipy.sparse.linalg.splu``: the LU factors of a sparse matrix, for many right-hand sides.

    Arguments: as SciPy's; `A` may have traced values, and so may the right-hand sides.
    Returns: an object with `solve`, and with the attributes of SciPy's object if A is plain.
    Raises: numpy.linalg.LinAlgError from `solve` if A is singular (RuntimeError in SciPy).

    >>> import numpy as np, scipy.sparse, dualdiff as dd
    >>> lu = dd.scipy.sparse.linalg.splu(2.0 * scipy.sparse.eye_array(2, format="csc"))
    >>> dd.jacobian(lu.solve)(np.ones(2))
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    return TracedLU(_system(A), {"permc_spec": permc_spec, **options})


def factorized(A: Any) -> Any:
    """``scipy.sparse.linalg.factorized``: a function that solves for a right-hand side.

    Arguments: `A`, which may have traced values. Returns: a function of b, plain or traced.

    >>> import numpy as np, scipy.sparse, dualdiff as dd
    >>> solve = dd.scipy.sparse.linalg.factorized(scipy.sparse.eye_array(2, format="csc"))
    >>> dd.grad(lambda b: np.sum(solve(b)))(np.ones(2))
    array([1., 1.])
    """
    return splu(A).solve


_preconditioning: ContextVar[bool] = ContextVar("dualdiff_preconditioning", default=False)


class TracedILU:
    """Incomplete LU factors that solve for traced right-hand sides, too.

    Those of a traced matrix serve as a preconditioner only, which changes no solution.
    """

    def __init__(self, factors: Any, of_traced: bool = False) -> None:
        self._factors, self._of_traced = factors, of_traced

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._of_traced and name in ("L", "U"):
            self._refuse()
        return getattr(self._factors, name)

    def _refuse(self) -> None:
        raise MissingRuleError(
            f"spilu has no derivative by the matrix, {user_line()}: which entries it drops depends "
            f"on the values. Its `solve` may stand in a preconditioner (`M=`); else use splu, or "
            f"pass dualdiff.value_of(A) to count A as constant"
        )

    def solve(self, rhs: Any, trans: str = "N") -> Any:
        """The solution for a right-hand side (n,) or (n, k), plain or traced."""
        is_read = self._of_traced and may_capture() and not _preconditioning.get()
        if is_read and (is_box(rhs) or np.any(rhs)):  # an operator finds its dtype with zeros
            self._refuse()
        if trans == "H":  # the factors are real
            trans = "T"
        b = as_operand(rhs)
        if len(shape_of(b)) == 1:
            return _incomplete(b[:, None], self._factors, trans)[:, 0]
        return _incomplete(b, self._factors, trans)


_BACK = {"N": "T", "T": "N"}


def _incomplete(x: Value, factors: Any, trans: str) -> Any:
    """Solutions for right-hand sides of shape (..., n, k)."""
    if is_box(x):
        return incomplete_p(x, factors=factors, trans=trans)
    n, k = x.shape[-2:]
    columns = np.moveaxis(np.asarray(x, float), -2, 0).reshape(n, -1)
    found = factors.solve(np.asfortranarray(columns), trans)
    return np.moveaxis(found.reshape(n, *x.shape[:-2], k), 0, -2)


incomplete_p = linear(
    _incomplete,
    lambda g, factors, trans: _incomplete(g, factors, _BACK[trans]),
    jvp=lambda t, factors, trans: _incomplete(t, factors, trans),
    name="sparse.linalg.spilu",
)


_spilu: Any = linalg.spilu


def spilu(A: Any, **options: Any) -> TracedILU:
    """``scipy.sparse.linalg.spilu``, for right-hand sides that may be traced.

    The factors of a traced matrix are a preconditioner; the program cannot read them, as which
    entries they drop depends on its values.
    """
    of_traced = isinstance(A, SparseArray) or is_box(A)
    return TracedILU(by_scipy(_spilu, plain(A) if of_traced else A, **options), of_traced)


def as_preconditioner(M: Any) -> Any:
    """An operator on plain values, within which factors of traced matrices may solve."""
    if not isinstance(M, linalg.LinearOperator):
        return M

    def applied(function: Any) -> Any:
        def call(x: Any) -> Any:
            token = _preconditioning.set(True)
            try:
                return function(x)
            finally:
                _preconditioning.reset(token)

        return call

    return linalg.LinearOperator(M.shape, *map(applied, (M.matvec, M.rmatvec)), dtype=M.dtype)


class _Always(Entry):
    """A function whose results take traced right-hand sides, also if its matrix is plain."""

    def gets_function(self, args: Any, kwargs: Any) -> bool:
        return True


_RULES: dict[str, Any] = {"splu": splu, "spilu": spilu, "factorized": factorized}
for _name, _rule in _RULES.items():
    always(getattr(linalg, _name), bound(getattr(linalg, _name), _rule), _Always)
