"""Results of solvers: derivatives by the implicit function theorem.

A solver runs on plain values. Its result x solves F(x) = 0, where F may use traced values from
anywhere: arguments, closures, attributes, globals. One evaluation of F on the live traces links x
to all of them. With the plain Jacobian J = dF/dx, the step ``x - J^-1 (F(x) - plain F(x))`` gains
one order of all mixed derivatives, so as many steps as F(x) has levels are exact in every nesting.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy import ndarray

from ..array.box import is_box, unbox
from ..core.batch import shape_of
from ..core.dual import Dual
from ..core.muted import muted
from ..core.trace import is_tracing, materialize, to_user
from ..core.types import Value
from ..errors import SolverError, user_line
from ..rules.numpy.creation import asarray, given
from ..trees import ravel
from .checkpoint import value_of
from .directions import identity
from .inputs import Inputs
from .jacobian import jacobian
from .jvp_vjp import pushed
from .systems import (
    DenseSystem,
    DiagonalSystem,
    SparseSystem,
    System,
    singular,
    solved,
)

F = TypeVar("F", bound=Callable[..., Any])
Residual = Callable[[Any], Any]

AT_ONCE = 64  # unknowns whose directions are pushed together
LARGE = 1000  # unknowns above which the Jacobian is taken as sparse
FINE = 1e-10  # relative Newton step after which a root is as good as its equations
STEPS = 12  # most Newton steps from a solver's result to the root
FAR = 0.1  # relative distance of a solver's result that is no root


def levels_of(x: Value) -> int:
    """The number of traces that a value belongs to."""
    count = 0
    x = materialize(x) if is_box(x) else x
    while is_box(x):
        count, x = count + 1, x.value
    return count


def plain(x: Value) -> Any:
    """`value_of` for the values that SciPy's own code gets."""
    return unbox(x) if is_box(x) else value_of(x)


class Equations:
    """A residual as a function of a flat vector, with its derivative as a `System`.

    `kind` says how its matrix is found: "dense", "sparse", "diagonal" (each element of the residual
    depends on its own unknown), or "positive" (dense and positive definite).
    """

    def __init__(
        self,
        residual: Residual,
        shape: tuple[int, ...],
        name: str,
        kind: str | None = None,
        derivative: Callable[[Any], Any] | None = None,
    ) -> None:
        self.residual, self.shape, self.name = residual, shape, name
        self.size = prod(shape)
        self.kind = kind or ("sparse" if self.size > LARGE else "dense")
        self.derivative = derivative

    def shaped(self, z: Value) -> Any:
        """A flat vector as the solver's unknown; the user may keep or change it."""
        z = to_user(z)
        return z[0] if not self.shape else z if len(self.shape) == 1 else np.reshape(z, self.shape)

    def __call__(self, z: Value) -> Any:
        r = asarray(self.residual(self.shaped(z)))
        if prod(shape_of(r)) != self.size:
            raise ValueError(
                f"{self.name} have {prod(shape_of(r))} residuals for {self.size} unknowns, "
                f"{user_line()}; a derivative needs as many of them"
            )
        return np.ravel(r) if len(shape_of(r)) != 1 else r

    def linearized(self, z: ndarray) -> tuple[ndarray, System]:
        """The plain residual and the system of its derivative at a point."""
        name = self.name
        if self.derivative is not None:
            return plain(self(z)), self.system_of(plain(self.derivative(self.shaped(z))))
        if self.kind == "sparse":
            matrix = jacobian(lambda z: _innermost(self(z)), sparse=True, mode="forward")(z)
            return plain(self(z)), SparseSystem(matrix, name)
        if self.kind == "diagonal":
            found = pushed(Inputs(self, (z,), {}, None), [np.ones(self.size)])
            slope = found.leaves[0]
            diagonal = np.zeros(self.size) if slope is None else plain(slope)
            return plain(found.outputs.values[0]), DiagonalSystem(diagonal, name)
        if self.size > AT_ONCE:
            return plain(self(z)), self.system_of(plain(jacobian(self)(z)))
        seeds = identity([z], 0, self.size)
        found = pushed(Inputs(self, (z,), {}, None), seeds, (self.size,), identity=True)
        rows = found.leaves[0]
        rows = np.zeros((self.size, self.size)) if rows is None else plain(rows)
        return plain(found.outputs.values[0]), self.system_of(np.asarray(rows).T)

    def system_of(self, matrix: Any) -> System:
        """The system of a matrix of derivatives."""
        if isinstance(matrix, System):
            return matrix
        if hasattr(matrix, "tocsc"):
            return SparseSystem(matrix, self.name)
        matrix = np.asarray(matrix, float).reshape(self.size, self.size)
        return DenseSystem(matrix, self.name, self.kind == "positive")

    def refined(self, start: ndarray) -> tuple[ndarray, System]:
        """The root next to a solver's result, and the system there, by Newton's method.

        Tolerances of solvers are meant for the result: its derivatives are taken at a better root.
        Raises: SolverError if there is no root nearby, SingularError at a multiple root.
        """
        z, last, slow = start, np.inf, 0
        scale = 1.0 + np.max(np.abs(start), initial=0.0)
        for _ in range(STEPS):
            value, system = self.linearized(z)
            step = system.solve(value, False)
            size = np.max(np.abs(step), initial=0.0)
            if not size <= scale:
                break
            z = z - step
            if size <= FINE * np.max(np.abs(z), initial=0.0):
                return self.checked(z, start, system)
            ratio = size / last if last else 0.0
            # At a multiple root the steps shrink by the same factor, 1/2 or 2/3 or ...
            slow = slow + 1 if 0.4 < ratio < 0.9 else 0
            if slow == 3:
                raise singular(self.name)
            if ratio >= 0.9 and size < 1e-6 * scale:
                return self.checked(z, start, self.linearized(z)[1])  # rounding errors remain
            last = size
        if size < 1e-6 * scale:
            return self.checked(z, start, system)
        raise self.no_root()

    def checked(self, z: ndarray, start: ndarray, system: System) -> tuple[ndarray, System]:
        """The root and the system, after the check that they belong to the solver's result."""
        scale = 1.0 + np.max(np.abs(start), initial=0.0)
        if not np.max(np.abs(z - start), initial=0.0) <= FAR * scale:
            raise self.no_root()
        return z, system

    def no_root(self) -> SolverError:
        """The error for a result that does not solve the equations."""
        return SolverError(
            f"the solver returned a point that does not solve {self.name}, {user_line()}: such a "
            f"point has no derivative. Look at the solver's message, start nearer to the solution, "
            f"or choose another method."
        )


def _innermost(x: Value) -> Any:
    """A traced value with the plain primal and tangent: outer levels count as constant."""
    x = materialize(x).snapshot() if is_box(x) else x
    if is_box(x):
        x.value = unbox(x.value)
        if isinstance(x, Dual):
            x.payload = unbox(x.payload)
    return x


def lift(
    residual: Residual,
    x: Any,
    *,
    name: str = "the equations",
    kind: str | None = None,
    derivative: Callable[[Any], Any] | None = None,
) -> Any:
    """A plain solution x of ``residual(x) = 0`` with its derivatives at every live level.

    Arguments: `residual`, which may use traced values from anywhere; `x`, a real or complex number
    or array; `name`, of the equations in errors; `kind`, see `Equations`; `derivative`, the
    Jacobian of the residual as a function of x, an array, a sparse array or a `System`.
    Returns: x, to the last bit, traced if a residual is.
    """
    x = np.asarray(x)
    if x.dtype.kind == "c":
        return _lift_complex(residual, x, name, kind)
    x = x.astype(float, copy=False)
    equations = Equations(residual, x.shape, name, kind, derivative)
    start = np.ravel(x)
    if not x.size:
        return x
    r = equations(start)
    if not levels_of(r):
        return x if x.shape else x[()]
    with muted():
        z, system = equations.refined(start)
    corrected = _corrected(equations, z, system)
    out = np.reshape(given(corrected, start), x.shape)
    return out if x.shape else out[()]


def _corrected(equations: Equations, z: Any, system: System) -> Any:
    """A plain root with the derivatives of all levels of its residual."""
    r, passes = None, 0
    while r is None or passes < levels_of(r):
        r = equations(z)
        z = z - solved(r - unbox(r), system)
        passes += 1
    return z


def _lift_complex(residual: Residual, x: ndarray, name: str, kind: str | None) -> Any:
    """A complex solution, as pairs of real numbers."""

    def parts(z: Value) -> Any:
        r = asarray(residual(z[0] + 1j * z[1]))
        return np.stack([np.real(r), np.imag(r)])

    if not levels_of(parts(np.stack([x.real, x.imag]))):
        return x if x.shape else x[()]
    kind = None if kind == "diagonal" else kind
    z = lift(parts, np.stack([x.real, x.imag]), name=name, kind=kind)
    return z[0] + 1j * z[1]


def implicit(
    residual: Callable[..., Any],
    *,
    jacobian: Callable[..., Any] | None = None,
    sparse: bool | None = None,
    positive_definite: bool = False,
) -> Callable[[F], F]:
    """Give a solver derivatives by the equations that its result solves (a decorator).

    Arguments: `residual(x, *args, **kwargs)`, which is zero for the result x of the solver for the
    same arguments, and has as many elements as x; `jacobian(x, *args, **kwargs)`, its derivative by
    x as a matrix, dense or sparse, where you know it (it is computed otherwise); `sparse`, whether
    to compute it as a sparse matrix (by default for more than 1000 unknowns);
    `positive_definite`, if it is symmetric and positive definite.
    Returns: a decorator. The solver that it makes takes traced arguments, and functions and objects
    that hold traced values. It calls yours with plain arguments, in the forward pass only, and
    records none of its steps; then it evaluates the residual once per level of derivatives. x may
    be a number, an array, or a container of them, real or complex.
    Raises: SingularError (a LinAlgError) if the Jacobian is singular at x; SolverError if there is
    no root next to x; KeptValueError if a value that was computed during the solver's steps is
    kept, used later, and needs a derivative.
    Convention: derivatives are those of the exact root next to x, which Newton's method finds, so
    loose tolerances of the solver do not show in them. The value is the solver's own.
    Source: implicit function theorem; A. Griewank and A. Walther, "Evaluating Derivatives" (2008),
    section 15.

    >>> import numpy as np, dualdiff as dd
    >>> @dd.implicit(lambda x, a: x**3 + x - a)
    ... def cubic(a):
    ...     x = 1.0
    ...     for _ in range(50):
    ...         x = x - (x**3 + x - a) / (3 * x**2 + 1)
    ...     return x
    >>> round(float(dd.grad(cubic)(10.0)), 6), round(1 / 13, 6)  # 1 / (3 x**2 + 1) at x = 2
    (0.076923, 0.076923)
    """
    kind = "sparse" if sparse else "positive" if positive_definite else None
    kind = "dense" if sparse is False and kind is None else kind

    def decorate(solver: F) -> F:
        name = getattr(solver, "__name__", "<lambda>")
        name = "the equations" if name == "<lambda>" else f"the equations of {name}"

        @functools.wraps(solver)
        def solve(*args: Any, **kwargs: Any) -> Any:
            if not is_tracing():
                return solver(*args, **kwargs)
            plain_args, plain_kwargs = value_of((args, kwargs))
            with muted():
                x = value_of(solver(*plain_args, **plain_kwargs))
            flat, unravel = ravel(x)
            derivative = jacobian and (lambda z: jacobian(unravel(z), *args, **kwargs))
            found = lift(
                lambda z: ravel_residual(residual(unravel(z), *args, **kwargs)),
                flat,
                name=name,
                kind=kind,
                derivative=derivative,
            )
            return unravel(found)

        return solve  # type: ignore[return-value]

    return decorate


def ravel_residual(r: Any) -> Any:
    """A residual in one vector: an array, or a container of them."""
    if is_box(r) or type(r) is ndarray:
        return np.ravel(r)
    return ravel(r)[0]
