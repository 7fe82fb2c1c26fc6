"""Matrix equations: Sylvester, Lyapunov, Riccati."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from ....array.box import is_box
from ....core.batch import cast, dtype_of, shape_of
from ....core.types import Cotangent, Tangent, Value
from ....transforms.implicit import corrected
from ...numpy.linalg.matrices import adjoint, conjugate, transpose
from ..arguments import as_array, plain
from ..dispatch import implements
from ..formulas import formula
from ..leaves import leaf
from .stacks import over_stack


def _of_one_dtype(*operands: Any) -> tuple[Any, ...]:
    """Real operands next to complex ones as complex: SciPy takes a real Schur form for them."""
    dtypes = {dtype_of(x) for x in operands}
    if len(dtypes) > 1 and any(d.kind == "c" for d in dtypes):
        return tuple(cast(x, np.result_type(*dtypes)) for x in operands)
    return operands


def _plain_sylvester(a: Any, b: Any, q: Any) -> Any:
    return over_stack(linalg.solve_sylvester, *((x, 2) for x in _of_one_dtype(a, b, q)))


def _sylvester_jvp(ts: Any, x: Value, y: Value, ans: Value) -> Tangent:
    ta, tb, tq = ts
    right: Any = 0.0 if tq is None else tq
    if ta is not None:
        right = right - np.matmul(ta, ans)
    if tb is not None:
        right = right - np.matmul(ans, tb)
    return sylvester(x, y, right)


def _sylvester_vjp(g: Cotangent, x: Value, y: Value, ans: Value) -> Cotangent:
    h = sylvester(transpose(x), transpose(y), g)
    return -np.matmul(h, transpose(ans)), -np.matmul(transpose(ans), h), h


sylvester_p = leaf(
    _plain_sylvester, jvp=_sylvester_jvp, vjp=_sylvester_vjp, name="linalg.solve_sylvester"
)


def sylvester(a: Value, b: Value, q: Value) -> Any:
    """The solution x of ``a x + x b = q`` for stacks of the same shape."""
    lead = np.broadcast_shapes(*(shape_of(x)[:-2] for x in (a, b, q)))
    spread = (np.broadcast_to(x, lead + shape_of(x)[-2:]) if lead else x for x in (a, b, q))
    return sylvester_p(*_of_one_dtype(*spread))


def sylvester_both(q: Value, a: Value) -> Any:
    """The solution x of ``a x + x a = q``."""
    if is_box(a) or a.ndim > 2 or not np.array_equal(a, adjoint(a)):
        return sylvester(a, a, q)
    w, v = np.linalg.eigh(a)
    if not np.all(w > 0):
        return sylvester(a, a, q)
    middle = np.matmul(np.matmul(adjoint(v), q), v) / (w[:, None] + w)
    return np.matmul(np.matmul(v, middle), adjoint(v))


def solve_sylvester(a: Value, b: Value, q: Any) -> Any:
    """``scipy.linalg.solve_sylvester``: x with ``a x + x b = q``.

    Arguments: `a` (m, m), `b` (n, n), `q` (m, n), or stacks. Returns: an array of shape (m, n).
    Raises: numpy.linalg.LinAlgError if there is no unique solution.
    Complex numbers: real operands next to complex ones become complex first; SciPy 1.17 does not
    do this, and gives a wrong result.

    >>> import numpy as np, dualdiff as dd
    >>> one = np.eye(1)
    >>> dd.jacobian(dd.scipy.linalg.solve_sylvester, 2)(one, one, one).ravel()
    array([0.5])
    """
    return _sylvester(*_of_one_dtype(*map(as_array, (a, b, q))))


@implements(linalg.solve_sylvester, arrays="a b q")
def _sylvester(a: Value, b: Value, q: Any) -> Any:
    return sylvester(a, b, q)


@formula(linalg.solve_continuous_lyapunov, arrays="a q", close=np.inf)
def solve_continuous_lyapunov(a: Value, q: Value) -> Any:
    """``scipy.linalg.solve_continuous_lyapunov``: x with ``a x + x a^H = q``."""
    return sylvester(a, adjoint(a), q)


solve_lyapunov = solve_continuous_lyapunov


def _plain_stein(a: Any, q: Any) -> Any:
    return over_stack(linalg.solve_discrete_lyapunov, (a, 2), (q, 2))


def _stein_jvp(ts: Any, x: Value, ans: Value) -> Tangent:
    ta, tq = ts
    right: Any = 0.0 if tq is None else tq
    if ta is not None:
        right = (
            right
            + np.matmul(ta, np.matmul(ans, adjoint(x)))
            + np.matmul(np.matmul(x, ans), adjoint(ta))
        )
    return stein_p(*_of_one_dtype(x, right))


def _stein_vjp(g: Cotangent, x: Value, ans: Value) -> Cotangent:
    h = stein_p(*_of_one_dtype(transpose(x), g))
    of_first = np.matmul(h, transpose(np.matmul(ans, adjoint(x))))
    of_second = conjugate(np.matmul(transpose(h), np.matmul(x, ans)))
    return of_first + of_second, h


stein_p = leaf(_plain_stein, jvp=_stein_jvp, vjp=_stein_vjp, name="linalg.solve_discrete_lyapunov")


@formula(linalg.solve_discrete_lyapunov, arrays="a q", close=np.inf)
def solve_discrete_lyapunov(a: Value, q: Value, method: Any = None) -> Any:
    """``scipy.linalg.solve_discrete_lyapunov``: x with ``a x a^H - x + q = 0``."""
    lead = np.broadcast_shapes(shape_of(a)[:-2], shape_of(q)[:-2])
    spread = (np.broadcast_to(x, lead + shape_of(x)[-2:]) if lead else x for x in (a, q))
    return stein_p(*_of_one_dtype(*spread))


@formula(linalg.solve_continuous_are, arrays="a b q r e s", close=np.inf)
def solve_continuous_are(
    a: Value, b: Value, q: Value, r: Value, e: Value = None, s: Value = None,
    balanced: bool = True, value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.solve_continuous_are``: the stabilizing solution of the continuous algebraic
    Riccati equation.

    Arguments: as SciPy's; all matrices may be traced. `balanced` changes rounding alone.
    Source: the derivative solves a Lyapunov equation with the matrix of the closed loop.
    """

    def one(a: Value, b: Value, q: Value, r: Value, e: Value, s: Value, x: Any) -> Any:
        n = shape_of(a)[-1]
        e = np.eye(n) if e is None else e
        s = np.zeros(shape_of(b)) if s is None else s

        def gain(x: Value) -> Any:
            return np.linalg.solve(r, np.matmul(adjoint(b), np.matmul(x, e)) + adjoint(s))

        def residual(x: Value) -> Any:
            flow = np.matmul(adjoint(a), np.matmul(x, e))
            cross = np.matmul(np.matmul(adjoint(e), x), b) + s
            return flow + np.matmul(np.matmul(adjoint(e), x), a) - np.matmul(cross, gain(x)) + q

        pe = plain(e)
        closed = (plain(a) - plain(b) @ plain(gain(x))) @ np.linalg.inv(pe)

        def step(rest: Value) -> Any:
            left = np.linalg.solve(adjoint(pe), rest)
            both = np.matmul(left, np.linalg.inv(pe))
            return sylvester(adjoint(closed), closed, both)

        return corrected(residual, x, step)

    return over_stack(one, *((m, 2) for m in (a, b, q, r, e, s, value)))


@formula(linalg.solve_discrete_are, arrays="a b q r e s", close=np.inf)
def solve_discrete_are(
    a: Value, b: Value, q: Value, r: Value, e: Value = None, s: Value = None,
    balanced: bool = True, value: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.solve_discrete_are``: the stabilizing solution of the discrete algebraic
    Riccati equation; see `solve_continuous_are`."""

    def one(a: Value, b: Value, q: Value, r: Value, e: Value, s: Value, x: Any) -> Any:
        n = shape_of(a)[-1]
        e = np.eye(n) if e is None else e
        s = np.zeros(shape_of(b)) if s is None else s

        def gain(x: Value) -> Any:
            bx = np.matmul(adjoint(b), x)
            return np.linalg.solve(r + np.matmul(bx, b), np.matmul(bx, a) + adjoint(s))

        def residual(x: Value) -> Any:
            ax = np.matmul(adjoint(a), x)
            kept = np.matmul(adjoint(e), np.matmul(x, e))
            return np.matmul(ax, a) - kept - np.matmul(np.matmul(ax, b) + s, gain(x)) + q

        pe = plain(e)
        closed = (plain(a) - plain(b) @ plain(gain(x))) @ np.linalg.inv(pe)

        def step(rest: Value) -> Any:
            # closed^H x closed - x = rest, in the variables of e
            left = np.linalg.solve(adjoint(pe), rest)
            both = np.matmul(left, np.linalg.inv(pe))
            return stein_p(*_of_one_dtype(adjoint(closed), -both))

        return corrected(residual, x, step)

    return over_stack(one, *((m, 2) for m in (a, b, q, r, e, s, value)))
