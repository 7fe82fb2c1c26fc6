"""Linear systems whose matrix may be a function that uses traced values from anywhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box, unbox
from ..core.muted import muted
from ..errors import SolverError, user_line
from ..rules.numpy.creation import asarray
from ..rules.scipy.arguments import by_scipy
from .checkpoint import value_of
from .implicit import Equations, lift, plain
from .linearize import Linearization, linearize
from .systems import OperatorSystem

Solve = Callable[[Any, ndarray], Any]


def linear_solve(
    a: Any,
    b: Any,
    *,
    solve: Solve | None = None,
    symmetric: bool = False,
    positive_definite: bool = False,
) -> Any:
    """The solution of ``A x = b`` for a dense, sparse or implicit matrix A.

    Arguments: `a`, an array of shape (n, n), a sparse array, or a function (or `LinearOperator`)
    that gives ``A @ x`` and may use traced values from anywhere; `b`, of shape (n,), real;
    ``solve(A, b)``, a solver for plain values, which gets a `LinearOperator`, also its transpose;
    by default LU factors, and for functions SciPy's gmres, minres or cg; `symmetric` and
    `positive_definite`, which let it take a cheaper way (Cholesky's factors check the second,
    nothing the first).
    Returns: an array of shape (n,), differentiable in b and in all that A depends on. A function is
    called in the forward pass only; the transpose is that of a recording of it.
    Raises: SingularError (a LinAlgError) if A is singular; SolverError if gmres, minres or cg
    fails.

    >>> import numpy as np, dualdiff as dd
    >>> b = np.array([3.0, 8.0])
    >>> f = lambda d: dd.linear_solve(lambda x: d * x, b, positive_definite=True)
    >>> dd.jacobian(f)(np.array([1.0, 2.0])).round(6).tolist()
    [[-3.0, 0.0], [0.0, -2.0]]
    """
    if type(a) in (list, tuple):
        a = asarray(a)
    right = np.asarray(plain(b), float)
    if right.ndim != 1:
        raise ValueError(f"linear_solve takes b of shape (n,), not {right.shape}, {user_line()}")
    is_function = callable(a) and not is_box(a)
    apply = getattr(a, "_matvec", a) if is_function else lambda x: a @ x
    name = "the linear system"
    with muted():
        if is_function or solve is not None:
            _, recorded = linearize(lambda x: asarray(apply(x)), np.zeros(right.size))
            alike = symmetric or positive_definite
            # SciPy's solvers take the operator as a plain one: it holds no traced values.
            chosen = partial(by_scipy, solve or _krylov(symmetric, positive_definite))
            system: Any = OperatorSystem(_without_boxes(recorded), chosen, alike)
        else:
            kind = "positive" if positive_definite else None
            system = Equations(apply, right.shape, name, kind).system_of(value_of(a))
        x = system.solve(right, False)
    return lift(lambda z: apply(z) - b, x, name=name, derivative=lambda z: system)


def _without_boxes(recorded: Linearization) -> Any:
    """A linear map as an operator on plain arrays, which outlives the traces around it."""
    entries = recorded._recording.tape.entries
    entries[:] = [_unboxed(entry) for entry in entries]
    return recorded.as_linear_operator()


def _unboxed(x: Any) -> Any:
    """An entry of a tape with the plain values of the boxes that it keeps."""
    if is_box(x):
        return unbox(x)
    if type(x) is tuple or type(x) is list:
        return type(x)(map(_unboxed, x))
    if isinstance(x, tuple) and hasattr(x, "_make"):
        return x._make(map(_unboxed, x))
    return {k: _unboxed(v) for k, v in x.items()} if type(x) is dict else x


def _krylov(symmetric: bool, positive: bool) -> Solve:
    """A solver of SciPy for a linear operator, to nearly full precision."""
    from scipy.sparse import linalg

    method = linalg.cg if positive else linalg.minres if symmetric else linalg.gmres

    def solve(operator: Any, b: ndarray) -> ndarray:
        ans, info = method(operator, b, rtol=1e-13, maxiter=max(1000, 20 * b.size))
        left = np.linalg.norm(operator @ ans - b)
        if left > 1e-8 * np.linalg.norm(b):
            raise SolverError(
                f"{method.__name__} did not solve the linear system, {user_line()}: its residual "
                f"is {left:.1e} after {info} steps; pass a solver of your own as solve="
            )
        return ans

    return solve
