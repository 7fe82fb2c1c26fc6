"""Iterative solvers, eigenpairs and functions of sparse matrices, by the equations of their
results: SciPy solves with plain values, and the residual on traced ones gives the derivatives.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg as dense_linalg
from scipy import sparse
from scipy.sparse import linalg

from ....array.box import unbox
from ....core.muted import muted
from ....core.types import Value
from ....errors import ClosedTraceError
from ....transforms.checkpoint import value_of
from ....transforms.implicit import lift
from ....transforms.systems import DenseSystem, OperatorSystem, SparseSystem
from ...numpy.creation import asarray, from_nested, given
from .. import arguments
from ..bodies import agreed
from ..dispatch import Entry, always, implements
from ..in_place import original_of
from .arrays import SparseArray, has_stores, is_sparse, wrapped
from .construct import csc_array
from .lu import as_preconditioner, spsolve

TIGHT = 1e-13  # relative residual of the systems that derivatives solve


def by_scipy(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """SciPy's own result for plain arguments; tapes record nothing meanwhile."""
    with muted():
        return arguments.by_scipy(function, *args, **kwargs)


def plain(A: Any) -> Any:
    """A matrix, an operator or a vector with plain values."""
    if isinstance(A, SparseArray) or has_stores(A):
        return wrapped(A).as_constant()
    if is_sparse(A) or A is None or isinstance(A, (str, int, float, tuple)):
        return value_of(A)
    if isinstance(A, linalg.LinearOperator):
        dtype = A.dtype or np.dtype(float)
        return linalg.LinearOperator(
            A.shape,
            matvec=arguments.as_plain_function(A.matvec),
            rmatvec=arguments.as_plain_function(A.rmatvec),
            dtype=dtype,
        )
    return np.asarray(value_of(asarray(A)))


def product(A: Any, x: Value) -> Any:
    """A matrix or an operator times a vector or a matrix."""
    if isinstance(A, linalg.LinearOperator):
        return A.matvec(x) if np.ndim(x) == 1 else A.matmat(x)
    return A @ x if is_sparse(A) else np.matmul(asarray(A), x)


def adjoint_product(A: Any, x: Value) -> Any:
    """The adjoint of a matrix or an operator times a vector."""
    if isinstance(A, linalg.LinearOperator):
        return A.rmatvec(x)
    own = A if is_sparse(A) else asarray(A)
    return product(own.conj().T, x)


def _may_be_traced(A: Any) -> bool:
    return isinstance(A, linalg.LinearOperator) or arguments.holds_traced(A)


class _Always(Entry):
    """A function that may get operators whose methods read traced values."""

    def gets_function(self, args: Any, kwargs: Any) -> bool:
        return any(map(_may_be_traced, args)) or any(map(_may_be_traced, kwargs.values()))


def _declared(original: Any, implementation: Any) -> Any:
    """Declare a function that is asked for operators, too; it gets SciPy's arguments."""
    return always(original, implementation, _Always)


# Preconditioners, which the solution does not depend on, and what stays as it is.
_PASSED: Any = {"callback": lambda f: f}
_PASSED |= dict.fromkeys(("M", "M1", "M2"), lambda M: as_preconditioner(plain(M)))


def _krylov(name: str) -> Any:
    original: Any = getattr(linalg, name)
    scipys = original_of(original)

    def solver(A: Any, b: Value, *args: Any, **kwargs: Any) -> Any:
        operator, right = plain(A), plain(b)
        own = {k: _PASSED.get(k, value_of)(v) for k, v in kwargs.items()}
        found = by_scipy(scipys, operator, right, *map(value_of, args), **own)
        x = np.asarray(found[0])
        vector = np.ravel(asarray(b))

        def residual(z: Value) -> Any:
            return product(A, z) - vector

        traced = lift(
            residual,
            x.ravel(),
            name=f"the equations of {name}",
            derivative=_derivative(scipys, operator, own),
        )
        return (np.reshape(traced, x.shape), *found[1:])

    solver.__doc__ = f"""``scipy.sparse.linalg.{name}``, by the matrix or operator and b.

    Derivatives are those of the exact solution. They solve systems with the matrix and its
    transpose by the same method."""
    return _declared(original, solver)


_TOLERANCES = {"rtol": TIGHT, "atol": 0.0}


def _derivative(scipys: Any, operator: Any, options: dict[str, Any]) -> Any:
    """The matrix of a system as one of derivatives; None leaves it to `lift`."""
    if isinstance(operator, linalg.LinearOperator) or operator.dtype.kind == "c":
        return None
    if not is_sparse(operator):
        return lambda x: DenseSystem(np.asarray(operator, float), "the equations")
    tight = {name: v for name, v in _TOLERANCES.items() if name in arguments_of(scipys)}
    M = options.get("M")
    kept = {} if M is None else {"M": _with_plain_results(M)}

    def solve(matrix: Any, right: Any) -> Any:
        if not right.any():
            return np.zeros(len(right))
        try:
            x, info = by_scipy(scipys, matrix, right, **tight, **kept)
        except ClosedTraceError:  # of a preconditioner that reads traced values
            kept.clear()
            x, info = scipys(matrix, right, **tight)
        size = np.linalg.norm(right)
        if info or not np.linalg.norm(matrix @ x - right) <= 1e-10 * size:
            return SparseSystem(sparse.csc_array(matrix), "the equations").solve(right, False)
        return x

    return lambda x: OperatorSystem(operator.tocsr(), solve, False)


def _with_plain_results(M: Any) -> Any:
    """A preconditioner whose functions may read traced values, as one of plain values."""
    if not isinstance(M, linalg.LinearOperator):
        return M
    return linalg.LinearOperator(M.shape, lambda x: value_of(M.matvec(x)), dtype=M.dtype)


def arguments_of(function: Any) -> tuple[str, ...]:
    """The names of a function's arguments."""
    code = inspect.unwrap(original_of(function)).__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


cg, bicg, bicgstab, cgs, gmres = map(_krylov, ("cg", "bicg", "bicgstab", "cgs", "gmres"))
lgmres, minres, qmr = map(_krylov, ("lgmres", "minres", "qmr"))
gcrotmk, tfqmr = map(_krylov, ("gcrotmk", "tfqmr"))


def _least_squares(name: str) -> Any:
    original: Any = getattr(linalg, name)
    scipys = original_of(original)

    def solver(A: Any, b: Value, damp: Value = 0.0, *args: Any, **kwargs: Any) -> Any:
        operator, right = plain(A), plain(b)
        own = {k: value_of(v) for k, v in kwargs.items()}
        found = by_scipy(
            scipys, operator, right, float(value_of(damp)), *map(value_of, args), **own
        )
        vector = np.ravel(asarray(b))
        start = kwargs.get("x0")
        start = 0.0 if start is None else asarray(start)

        def residual(z: Value) -> Any:
            gap = product(A, z) - vector
            return adjoint_product(A, gap) + damp**2 * (z - start * (name == "lsqr"))

        matrix = None
        if not isinstance(operator, linalg.LinearOperator) and operator.dtype.kind != "c":
            square = operator.T @ operator
            eye = sparse.eye_array(square.shape[0]) if is_sparse(square) else np.eye(len(square))
            matrix = square + float(value_of(damp)) ** 2 * eye
        x = lift(
            residual,
            np.asarray(found[0]),
            name=f"the normal equations of {name}",
            derivative=None if matrix is None else lambda x: matrix,
        )
        rest = list(found[1:])
        if name == "lsqr":
            gap = np.sum((vector - product(A, x)) ** 2)
            rest[2] = given(np.sqrt(gap), np.float64(rest[2]))
            whole = gap + damp**2 * np.sum((x - start) ** 2)
            rest[3] = given(np.sqrt(whole), np.float64(rest[3]))
        return (x, *rest)

    solver.__doc__ = f"""``scipy.sparse.linalg.{name}``, by the matrix or operator, b and `damp`.

    Derivatives are those of the exact minimum; they need a matrix of full column rank, or `damp`.
    """
    return _declared(original, solver)


lsqr, lsmr = _least_squares("lsqr"), _least_squares("lsmr")


# Eigenpairs and singular triplets.
def _shifted(matrix: Any, mass: Any, value: Any, vector: Any, scaled: Any) -> Any:
    """The derivative of ``(A v - w M v, v' M v / 2 - 1/2)`` by v and w."""
    if is_sparse(matrix):
        mass = sparse.eye_array(len(vector)) if mass is None else sparse.csr_array(mass)
        column = sparse.csr_array(-scaled[:, None])
        return sparse.block_array(
            [[matrix - value * mass, column], [-column.T, None]], format="csc"
        )
    mass = np.eye(len(vector)) if mass is None else mass
    top = np.concatenate([matrix - value * mass, -scaled[:, None]], axis=1)
    return np.concatenate([top, np.append(scaled, 0.0)[None]])


def _pair(A: Any, M: Any, value: Any, vector: Any) -> tuple[Any, Any]:
    """One simple eigenpair of a symmetric problem, with its derivatives."""
    n = len(vector)
    matrix, mass = plain(A), None if M is None else plain(M)
    length = float(vector @ (vector if mass is None else mass @ vector))

    def residual(z: Value) -> Any:
        v, w = z[:n], z[n]
        mv = v if M is None else product(M, v)
        return np.concatenate(
            [product(A, v) - w * mv, np.reshape((np.sum(v * mv) - length) / 2, (1,))]
        )

    def derivative(z: Value) -> Any:
        z = np.asarray(unbox(z))
        v = z[:n]
        return _shifted(matrix, mass, z[n], v, v if mass is None else mass @ v)

    is_operator = isinstance(matrix, linalg.LinearOperator) or isinstance(
        mass, linalg.LinearOperator
    )
    z = lift(
        residual,
        np.append(vector, value),
        name="the equations of an eigenpair",
        derivative=None if is_operator else derivative,
    )
    return z[n], z[:n]


def _pairs(A: Any, M: Any, values: Any, vectors: Any) -> tuple[Any, Any]:
    if np.iscomplexobj(vectors):
        return _unsymmetric(A, M, values.astype(complex), vectors, is_hermitian=True)
    found = [_pair(A, M, w, v) for w, v in zip(values, vectors.T, strict=True)]
    w = given(from_nested([w for w, _ in found]), values)
    return w, given(np.stack([v for _, v in found], axis=-1), vectors)


def _unsymmetric(
    A: Any, M: Any, values: Any, vectors: Any, is_hermitian: bool = False
) -> tuple[Any, Any]:
    """Simple eigenpairs of any matrix; vectors keep their lengths and phases to first order."""
    ws, vs = [], []
    for value, vector in zip(values, vectors.T, strict=True):
        n, vector = len(vector), vector.astype(complex)

        def residual(z: Value, vector: Any = vector, n: int = n) -> Any:
            v, w = z[:n], z[n]
            right = v if M is None else product(M, v)
            length = np.real(np.sum(np.conj(v) * v)) - np.real(np.vdot(vector, vector))
            phase = np.imag(np.sum(np.conj(vector) * v))
            gauge = np.reshape(length + 1j * phase, (1,))
            return np.concatenate([product(A, v) - w * right, gauge])

        z = lift(residual, np.append(vector, value), name="the equations of an eigenpair")
        ws.append(z[n])
        vs.append(z[:n])
    w = from_nested(ws)
    w = given(np.real(w), np.real(values)) if is_hermitian else given(w, values)
    return w, given(np.stack(vs, axis=-1), vectors)


def _eigensolver(function: Any, pairs: Callable[..., tuple[Any, Any]]) -> Any:
    """`eigs` or `eigsh` on traced matrices; `pairs` gives derivatives to SciPy's eigenpairs."""
    original = original_of(function)

    def solve(
        A: Any,
        k: int = 6,
        M: Any = None,
        *args: Any,
        return_eigenvectors: Any = True,
        **kwargs: Any,
    ) -> Any:
        if len(args) > 6:
            args, return_eigenvectors = (*args[:6], True, *args[7:]), args[6]
        own = {key: value_of(v) for key, v in kwargs.items()}
        if len(args) <= 6:
            own["return_eigenvectors"] = True
        mass = None if M is None else plain(M)
        w, v = by_scipy(original, plain(A), k, mass, *map(value_of, args), **own)
        values, vectors = pairs(A, M, w, v)
        return (values, vectors) if return_eigenvectors else values

    solve.__doc__ = (
        f"``scipy.sparse.linalg.{function.__name__}``, by the matrices or operators; eigenvalues "
        f"must be simple."
    )
    return _declared(function, solve)


eigsh, eigs = _eigensolver(linalg.eigsh, _pairs), _eigensolver(linalg.eigs, _unsymmetric)
_svds = original_of(linalg.svds)


def _singular(A: Any, *args: Any, return_singular_vectors: Any = True, **kwargs: Any) -> Any:
    """``scipy.sparse.linalg.svds``, by the matrix or operator; singular values must be simple."""
    if len(args) > 6:
        args, return_singular_vectors = (*args[:6], True, *args[7:]), args[6]
    own = {key: value_of(v) for key, v in kwargs.items()}
    if len(args) <= 6:
        own["return_singular_vectors"] = True
    u, s, vt = by_scipy(_svds, plain(A), *map(value_of, args), **own)
    m, n = len(u), vt.shape[1]
    found = []
    for i in range(len(s)):

        def residual(z: Value) -> Any:
            left, right, size = z[:m], z[m : m + n], z[m + n]
            return np.concatenate(
                [
                    product(A, right) - size * left,
                    adjoint_product(A, left) - size * right,
                    np.reshape(np.sum(left * left) - 1.0, (1,)),
                ]
            )

        start = np.concatenate([u[:, i], vt[i], s[i : i + 1]])
        found.append(lift(residual, start, name="the equations of a singular triplet"))
    s = given(from_nested([z[m + n] for z in found]), s)
    if return_singular_vectors is False:
        return s
    left = given(np.stack([z[:m] for z in found], axis=-1), u)
    return left, s, given(np.stack([z[m : m + n] for z in found]), vt)


svds = _declared(linalg.svds, _singular)
_lobpcg = original_of(linalg.lobpcg)


def _preconditioned(A: Any, X: Any, B: Any = None, *args: Any, **kwargs: Any) -> Any:
    """``scipy.sparse.linalg.lobpcg``, by the matrices or operators; eigenvalues must be simple."""
    mass = None if B is None else plain(B)
    found = by_scipy(_lobpcg, plain(A), plain(X), mass, *args, **kwargs)
    w, v = _pairs(A, B, found[0], found[1])
    return (w, v, *found[2:])


lobpcg = _declared(linalg.lobpcg, _preconditioned)


# Functions of matrices.
def dense(A: Any) -> Any:
    """A matrix as a dense array, plain or traced."""
    return A.toarray() if is_sparse(A) else asarray(A)


_action = original_of(linalg.expm_multiply)


def _exponential_times(A: Any, B: Value, time: Value) -> Any:
    """``exp(time A) B``, by Taylor's series in steps."""
    step = np.max(np.abs(plain(A)).sum(axis=0))  # the 1-norm
    count = max(1, int(np.ceil(float(step) * abs(float(value_of(time))))))
    for _ in range(count):
        term, size = B, np.max(np.abs(unbox(B)), initial=0.0)
        for j in range(1, 100):
            term = product(A, term) * (time / (count * j))
            B = B + term
            if np.max(np.abs(unbox(term)), initial=0.0) <= 1e-19 * size:
                break
    return B


@implements(linalg.expm_multiply)
def expm_multiply(
    A: Any,
    B: Value,
    start: Value = None,
    stop: Value = None,
    num: Any = None,
    endpoint: Any = None,
    traceA: Any = None,
) -> Any:
    """``scipy.sparse.linalg.expm_multiply``, by the matrix, B, and the times at both ends."""
    times = [value_of(t) for t in (start, stop)]
    trace = None if traceA is None else value_of(traceA)
    matrix = plain(A)
    value = by_scipy(_action, matrix, plain(B), *times, num, endpoint, trace)
    B = asarray(B) * 1.0
    if start is None and stop is None:
        return agreed(_exponential_times(A, B, 1.0), value, "expm_multiply", 1e-6)
    start, stop = 0.0 if start is None else start, 1.0 if stop is None else stop
    count = len(value)
    step = (stop - start) / (count - 1 if endpoint in (None, True) else count)
    rows = [_exponential_times(A, B, start)]
    for _ in range(count - 1):
        rows.append(_exponential_times(A, rows[-1], step))
    return agreed(np.stack(rows), value, "expm_multiply", 1e-6)


def _by_dense(name: str, compute: Any) -> Any:
    original: Any = getattr(linalg, name)

    def function(A: Any, *args: Any) -> Any:
        value = by_scipy(original_of(original), plain(A), *args)
        made = agreed(compute(dense(A), *args), np.asarray(dense(value)), name, 1e-6)
        return csc_array(made) if is_sparse(A) else made

    function.__name__ = name
    function.__doc__ = f"``scipy.sparse.linalg.{name}``, whose traced result has all entries."
    return implements(original)(function)


expm = _by_dense("expm", lambda a: dense_linalg.expm(a))
inv = _by_dense("inv", lambda a: np.linalg.inv(a))


@implements(linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None) -> Any:
    """``scipy.sparse.linalg.norm`` of a sparse array with traced values."""
    value = by_scipy(original_of(linalg.norm), plain(x), ord, axis)
    if axis is None and ord in (None, "fro", "f"):
        own = np.linalg.norm(wrapped(x).canonical().data)
    else:
        own = np.linalg.norm(dense(x), ord, axis)
    return agreed(own, value, "norm", 1e-5)


@implements(linalg.onenormest)
def onenormest(A: Any, *args: Any, **kwargs: Any) -> Any:
    """``scipy.sparse.linalg.onenormest``: the estimate by the vector that SciPy finds."""
    kwargs = dict(kwargs)
    wants = [kwargs.pop(k, False) for k in ("compute_v", "compute_w")]
    found, v, _ = by_scipy(
        original_of(linalg.onenormest), plain(A), *args, **kwargs, compute_v=True, compute_w=True
    )
    w = product(A, asarray(v).ravel())
    own = given(np.sum(np.abs(w)), np.float64(found))
    extra = [x for x, want in zip((v, w), wants, strict=True) if want]
    return (own, *extra) if extra else own


if hasattr(linalg, "funm_multiply_krylov"):

    @implements(linalg.funm_multiply_krylov)
    def funm_multiply_krylov(f: Any, A: Any, b: Value, **options: Any) -> Any:
        """``scipy.sparse.linalg.funm_multiply_krylov``, by ``f(A) @ b`` with a dense matrix."""
        shown = {k: value_of(v) for k, v in options.items()}
        original = original_of(linalg.funm_multiply_krylov)
        value = by_scipy(original, f, plain(A), plain(b), **shown)
        time = options.get("t", 1.0)
        return agreed(np.matmul(f(time * dense(A)), asarray(b)), value, "funm", 1e-5)


def _triangular_system(
    A: Any, b: Value, lower: bool = True, unit_diagonal: bool = False, **options: Any
) -> Any:
    """``scipy.sparse.linalg.spsolve_triangular``, by the matrix and b."""
    part = (sparse.tril if lower else sparse.triu)(A, format="csc")
    if unit_diagonal:
        eye = sparse.eye_array(part.shape[0], format="csc")
        part = (sparse.tril if lower else sparse.triu)(A, -1 if lower else 1) + eye
    return spsolve(part, b)


_triangular = original_of(linalg.spsolve_triangular)


@implements(linalg.spsolve_triangular)
def spsolve_triangular(
    A: Any, b: Value, lower: bool = True, unit_diagonal: bool = False, **options: Any
) -> Any:
    """``scipy.sparse.linalg.spsolve_triangular``, by the matrix and b."""
    matrix = plain(A)
    if is_sparse(matrix):  # traced zeros are entries, and SciPy may refuse them
        matrix = matrix.copy()
        matrix.eliminate_zeros()
    value = by_scipy(_triangular, matrix, plain(b), lower, unit_diagonal=unit_diagonal)
    return agreed(_triangular_system(A, b, lower, unit_diagonal), value, "spsolve_triangular", 1e-5)
