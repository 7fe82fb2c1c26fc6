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
from numpy import float64, ndarray

from ..array.box import HOLLOW, RECORDED, is_box, unbox
from ..core.batch import quiet, shape_of
from ..core.dual import Dual
from ..core.muted import muted
from ..core.trace import is_tracing, materialize, to_user
from ..core.types import Value
from ..errors import SolverError, user_line
from ..rules.numpy.creation import asarray, given
from ..trees import ravel
from .checkpoint import value_of
from .inputs import Inputs
from .jacobian import jacobian
from .jvp_vjp import pushed
from .recorded import recorded_root, refusal
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
FINE = 1e-7  # relative Newton step after which the system does not change any more
ROUNDING = 1e-14
ASIDE = 1e-7  # relative distance at which a Jacobian must be nearly the same
STEPS = 12  # most Newton steps from a solver's result to the root
NEAR = 1e-3  # relative Newton step below which convergence to a simple root is quadratic
FAR = 0.1  # relative distance of a solver's result that is no root


def levels_of(x: Value) -> int:
    """The number of derivatives that a value belongs to."""
    count = 0
    x = materialize(x) if is_box(x) else x
    while is_box(x) and type(x) not in RECORDED:
        count, x = count + 1, x.primal
    return count


def plain(x: Value) -> Any:
    """`value_of` for the values that SciPy's own code gets."""
    return unbox(x) if is_box(x) else value_of(x)


class Equations:
    """A residual as a function of a flat vector, or of a number where the unknown is one, with its
    derivative as a `System`.

    `kind` says how its matrix is found: "dense", "sparse", "diagonal" (each element of the residual
    depends on its own unknown), or "positive" (dense and positive definite). `plain_too` says that
    the root is wanted even where no residual is traced.
    """

    def __init__(
        self,
        residual: Residual,
        shape: tuple[int, ...],
        name: str,
        kind: str | None = None,
        derivative: Callable[[Any], Any] | None = None,
        check: Callable[[ndarray], None] | None = None,
        plain_too: bool = False,
    ) -> None:
        self.residual, self.shape, self.name = residual, shape, name
        self.size = prod(shape)
        self.flat = (self.size,) if shape else ()
        if not shape and kind is None:
            kind = "diagonal"
        self.kind = kind or ("sparse" if self.size > LARGE else "dense")
        self.derivative, self.check = derivative, check
        self.plain_too = plain_too

    def shaped(self, z: Value) -> Any:
        """A flat vector as the solver's unknown; the user may keep or change it."""
        if not self.shape:
            return z
        z = to_user(z)
        return z if len(self.shape) == 1 else np.reshape(z, self.shape)

    def __call__(self, z: Value) -> Any:
        r = self.residual(self.shaped(z))
        if not is_box(r) and type(r) not in HOLLOW:
            r = np.asarray(r) if type(r) in (ndarray, float, float64) else asarray(r)
        shape = shape_of(r)
        if prod(shape) != self.size:
            raise ValueError(
                f"{self.name} have {prod(shape)} residuals for {self.size} unknowns, "
                f"{user_line()}; a derivative needs as many of them"
            )
        return r if len(shape) == len(self.flat) else np.reshape(r, self.flat)

    def linearized(self, z: ndarray) -> tuple[ndarray, Any]:
        """The plain residual and the system of its derivative at a point, or None if nothing that
        the residual reads is traced."""
        if self.derivative is not None or self.kind == "sparse" or self.size > AT_ONCE:
            value = self(z)
            if not (self.plain_too or levels_of(value)):
                return value, None
            return plain(value), self.system_of(self.jacobian(z))
        value, matrix = self.pushed(z)
        if not (self.plain_too or levels_of(value)):
            return value, None
        return plain(value), self.system_of(plain(matrix))

    def pushed(self, z: Value) -> tuple[Any, Any]:
        """The residual at a point, and the matrix of its derivative."""
        ones = self.kind == "diagonal"
        seed = np.ones(self.flat) if ones else np.eye(self.size).reshape(self.size, *self.flat)
        batch = () if ones else (self.size,)
        found = pushed(Inputs(self, (z,), {}, None), [seed], batch, identity=not ones)
        value, rows = found.outputs.values[0], found.leaves[0]
        rows = np.zeros(batch + self.flat) if rows is None else rows
        return value, rows if ones else rows.T

    def recorded(self, start: Value) -> tuple[Any, Residual]:
        """The root next to a recorded result, and the inverse of the derivative there."""
        if self.kind == "sparse" or self.derivative is not None or self.size > AT_ONCE:
            raise refusal()

        def slopes(z: Value) -> tuple[Any, Any]:
            value, self.matrix = map(plain, self.pushed(z))
            return value, self.matrix

        found = recorded_root(slopes, start, self.kind == "diagonal")
        if self.check is not None:
            self.check(self.matrix)
        return found

    def jacobian(self, z: ndarray) -> Any:
        """The derivative at a point: given, or for many unknowns."""
        if self.derivative is not None:
            return plain(self.derivative(self.shaped(z)))
        if self.kind == "sparse":
            return jacobian(lambda z: _innermost(self(z)), sparse=True, mode="forward")(z)
        return plain(jacobian(self)(z))

    def system_of(self, matrix: Any) -> System:
        """The system of a matrix of derivatives."""
        if isinstance(matrix, System):
            return matrix
        if hasattr(matrix, "tocsc"):
            return SparseSystem(matrix, self.name)
        if self.kind == "diagonal":
            return DiagonalSystem(np.reshape(matrix, self.flat), self.name)
        matrix = np.asarray(matrix, float).reshape(self.size, self.size)
        self.matrix = matrix
        if self.size == 1 and self.kind != "positive":
            return DiagonalSystem(matrix[0], self.name)
        return DenseSystem(matrix, self.name, self.kind == "positive")

    def refined(self, start: ndarray) -> tuple[ndarray, Any, bool]:
        """The root next to a solver's result, by Newton's method, the system there (None if the
        residual is not traced), and whether that is of a point some way off.

        Tolerances of solvers are meant for the result: its derivatives are taken at a better root.
        Raises: SolverError if there is no root nearby, SingularError at a multiple root.
        """
        z, last, slow = start, np.inf, 0
        scale = 1.0 + _largest(start)
        for _ in range(STEPS):
            value, system = self.linearized(z)
            if system is None:
                return start, None, False
            step = system.solve(value, False)
            size = _largest(step)
            if not size <= scale:
                break
            z = z - step
            if size <= FINE * _largest(z):
                polished = self.polished(z, size, system)
                if polished is not None:
                    self.accept(polished, start, system, 0.0)
                    return polished, system, size > ROUNDING * _largest(z)
            ratio = size / last if last else 0.0
            # At a multiple root the steps shrink by the same factor, 1/2 or 2/3 or ...
            slow = slow + 1 if 0.4 < ratio < 0.9 and size < NEAR * scale else 0
            if slow == 3:
                raise singular(self.name)
            if ratio >= 0.9 and size < 1e-6 * scale:  # rounding errors remain
                break
            last = size
        if size < 1e-6 * scale:
            value, system = self.linearized(z)
            self.accept(z, start, system, value)
            return z, system, False
        raise self.no_root()

    def polished(self, z: ndarray, size: float, system: System) -> ndarray | None:
        """A root after more steps with the same system, or None where the first does not shrink as
        it does at a simple root."""
        first = True
        while size > ROUNDING * _largest(z):
            step = system.solve(plain(self(z)), False)
            last, size = size, _largest(step)
            if not size < 0.1 * last:
                return None if first and last > 30 * ROUNDING * _largest(z) else z
            z, first = z - step, False
        return z

    def accept(self, z: ndarray, start: ndarray, system: System, value: Any) -> None:
        """Raise where the root is too far away to be the solver's result, where it is a multiple
        root, or where it fails a check. `value` is the residual there."""
        if not _largest(z - start) <= FAR * (1.0 + _largest(start)):
            raise self.no_root()
        # Where the Jacobian is singular, a small step changes it as a whole.
        signs = 1.0 - 2.0 * (np.arange(z.size) % 2) if self.shape else 1.0
        step = ASIDE * (np.abs(z) + 1e-3 * (_largest(z) or 1.0)) * signs
        with quiet():
            change = plain(self(z + step)) - value
            if _largest(system.solve(change, False) - step) > 0.5 * _largest(step):
                raise singular(self.name)
        if self.check is not None:
            self.check(self.matrix)

    def no_root(self) -> SolverError:
        """The error for a result that does not solve the equations."""
        return SolverError(
            f"the solver returned a point that does not solve {self.name}, {user_line()}: such a "
            f"point has no derivative. Look at the solver's message, start nearer to the solution, "
            f"or choose another method."
        )


def _largest(x: ndarray) -> float:
    return float(np.abs(x).max()) if x.size else 0.0


def _innermost(x: Value) -> Any:
    """A traced value with the plain primal and tangent: outer levels count as constant."""
    x = materialize(x).snapshot() if is_box(x) else x
    if is_box(x):
        x.primal = unbox(x.primal)
        if isinstance(x, Dual):
            x.payload = unbox(x.payload)
    return x


def lift(residual: Residual, x: Value, **options: Any) -> Any:
    """A plain solution x of ``residual(x) = 0`` with its derivatives at every live level.

    Arguments: as for `root_near`.
    Returns: x, to the last bit, traced if a residual is.
    """
    x = x if type(x) in RECORDED else np.asarray(x)
    found = root_near(residual, x, **options)
    if not is_box(found):
        return found
    return given(found, x if x.shape or type(x) in RECORDED else x[()])


def root_near(
    residual: Residual,
    x: Value,
    *,
    name: str = "the equations",
    kind: str | None = None,
    derivative: Callable[[Any], Any] | None = None,
    check: Callable[[ndarray], None] | None = None,
) -> Any:
    """The exact solution of ``residual(x) = 0`` next to x, with its derivatives at every live
    level.

    Arguments: `residual`, which may use traced values from anywhere; `x`, a real or complex number
    or array; `name`, of the equations in errors; `kind`, see `Equations`; `derivative`, the
    Jacobian of the residual as a function of x, an array, a sparse array or a `System`;
    `check`, which gets the Jacobian as an array and raises where it has not what it takes.
    Returns: the solution, traced; x itself if no residual is traced.
    """
    x = x if type(x) in RECORDED else np.asarray(x)
    if x.dtype.kind == "c":
        return _complex_root(residual, x, name, kind)
    equations = Equations(residual, x.shape, name, kind, derivative, check)
    if not x.size:
        return x
    if type(x) in RECORDED:
        box = x.release() if type(x) in HOLLOW else x
        start = np.ravel(box) if x.shape else box
        with muted():
            if not levels_of(equations(start)):
                return x
            z, solve = equations.recorded(start)
        out = corrected(equations, z, solve, True)
        return np.reshape(out, x.shape) if len(x.shape) > 1 else out
    x = x.astype(float, copy=False)
    start = np.ravel(x) if x.shape else x[()]
    with muted():
        z, system, again = equations.refined(start)
    if system is None:
        return x if x.shape else x[()]
    out = corrected(equations, z, functools.partial(solved, system=system), again)
    return np.reshape(out, x.shape) if len(x.shape) > 1 else out


def corrected(residual: Residual, z: Value, step: Residual, again: bool = False) -> Any:
    """A plain root with the derivatives of all levels of its residual.

    `step` applies the inverse of the residual's plain derivative. One more step, `again`, makes up
    for a derivative at a point some way off the root.
    """
    r = residual(z)
    for left in reversed(range(levels_of(r) + again)):
        z = z - step(r - unbox(r))
        r = residual(z) if left else None
    return z


def _complex_root(residual: Residual, x: ndarray, name: str, kind: str | None) -> Any:
    """A complex solution, as pairs of real numbers."""

    def parts(z: Value) -> Any:
        r = asarray(residual(z[0] + 1j * z[1]))
        return np.stack([np.real(r), np.imag(r)])

    kind = None if kind == "diagonal" else kind
    z = root_near(parts, np.stack([x.real, x.imag]), name=name, kind=kind)
    return z[0] + 1j * z[1] if is_box(z) else x if x.shape else x[()]


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
