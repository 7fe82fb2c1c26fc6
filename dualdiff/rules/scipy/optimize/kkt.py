"""Minima with active bounds and constraints, by the conditions of Karush, Kuhn and Tucker.

Source: J. Nocedal and S. J. Wright, "Numerical Optimization" (2006), theorems 12.1 and 12.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from scipy import optimize
from scipy.linalg import null_space

from ....array.box import RECORDED, is_box
from ....core.muted import muted
from ....core.types import Value
from ....transforms.checkpoint import value_of
from ....transforms.implicit import Equations, levels_of, plain, root_near
from ....transforms.jacobian import jacobian
from ....transforms.jvp_vjp import vjp
from ....transforms.recorded import refusal
from ....transforms.systems import singular
from ...numpy.creation import asarray

CONDITIONS = "the conditions of a minimum"
NO_MINIMUM = "is not positive definite, so that the point is no isolated minimum,"
ROUNDS = 6  # most guesses of the active constraints
CLOSE = 1e-3  # distance, relative to sizes, below which a constraint may be active


class Constraint(NamedTuple):
    """A function of x that is zero (`equality`) or at least zero, element by element."""

    function: Callable[[Any], Any]
    equality: bool


class Bounds(NamedTuple):
    """Bounds of all elements of x, which may be traced."""

    lower: Any
    upper: Any


class Active(NamedTuple):
    """The elements of x at their lower and upper bounds, and the active rows of constraints."""

    lower: ndarray
    upper: ndarray
    rows: ndarray


def as_numbers(x: Value) -> Any:
    """An array of numbers, or a value as `compile` records it."""
    return x if type(x) in RECORDED else np.asarray(x, float)


def places(mask: Value) -> ndarray:
    """Where a mask holds; in a recorded program that is part of its course."""
    return np.flatnonzero([bool(m) for m in mask] if type(mask) in RECORDED else mask)


class Program:
    """The minimum of a function, given by its gradient, within bounds and constraints."""

    def __init__(
        self,
        gradient: Callable[[Any], Any],
        size: int,
        bounds: Bounds | None,
        constraints: Sequence[Constraint],
        value: Callable[[Any], Any],
    ) -> None:
        self.gradient, self.size, self.constraints = gradient, size, constraints
        self.value = value
        self.bounds = bounds
        self.lower, self.upper = np.full(size, -np.inf), np.full(size, np.inf)
        if bounds is not None:
            self.lower, self.upper = (as_numbers(value_of(b)) for b in bounds)
        self.scale = 1.0

    def values(self, x: Value) -> Any:
        """All constraints at x in one vector."""
        parts = [np.ravel(asarray(c.function(x))) for c in self.constraints]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def near(self, x: ndarray, g: ndarray) -> Active:
        """The constraints that seem to be active at a solver's result, by their multipliers."""
        slack = CLOSE * (1.0 + np.abs(x))
        at_lower, at_upper = x - self.lower <= slack, self.upper - x <= slack
        fixed = self.lower == self.upper
        if not self.constraints:
            least = 1e-6 * self.scale
            return Active(
                places(at_lower & (g > least) | fixed),
                places(at_upper & (g < -least) & ~fixed),
                np.zeros(0, int),
            )
        c, rows, equal = self.at(x)
        close = np.isfinite(c) & (c <= CLOSE * (1.0 + np.abs(c))) & ~equal
        candidates = [np.flatnonzero(mask) for mask in (at_lower & ~fixed, at_upper & ~fixed)]
        eye = np.eye(self.size)
        equalities = np.concatenate([rows[equal], eye[fixed]])
        columns = np.concatenate(
            [rows[close], eye[candidates[0]], -eye[candidates[1]], equalities, -equalities]
        ).T
        multipliers = np.zeros(0)
        if columns.size:  # SciPy's function crashes on a matrix without columns
            multipliers, _ = optimize.nnls(columns, g, maxiter=100 * max(columns.shape))
        sizes = np.linalg.norm(columns, axis=0)
        used = multipliers * sizes > 1e-6 * self.scale
        ends = np.cumsum([close.sum(), candidates[0].size, candidates[1].size])
        on_rows, on_lower, on_upper, _ = np.split(used, ends)
        rows_used = np.sort(np.concatenate([np.flatnonzero(equal), np.flatnonzero(close)[on_rows]]))
        at_lower = np.concatenate([candidates[0][on_lower], np.flatnonzero(fixed)])
        return Active(at_lower, candidates[1][on_upper], rows_used)

    def at(self, x: ndarray) -> tuple[ndarray, ndarray, ndarray]:
        """The plain constraints at x, their derivatives, and which are equalities."""
        c = np.asarray(plain(self.values(x)), float)
        rows = np.asarray(plain(jacobian(self.values)(x)), float).reshape(c.size, self.size)
        equal = np.concatenate(
            [np.full(np.size(plain(k.function(x))), k.equality) for k in self.constraints]
        )
        return c, rows, equal

    def solve(self, start: ndarray) -> Any:
        """The minimum next to a solver's result, with the derivatives of all levels."""
        if self.constraints and type(start) in RECORDED:
            raise refusal()
        with muted():
            g = np.ravel(plain(self.gradient(start)))
            self.scale = 1.0 + np.max(np.abs(g), initial=0.0)
            active = self.near(start, g)
        if not self.constraints and not (active.lower.size or active.upper.size):
            conditions = Conditions(self, active)
            found = conditions.root(start)
            if self.bounds is None or self.allowed(plain(found), active, None) is None:
                return found
        with muted():
            for _ in range(ROUNDS):
                conditions = Conditions(self, active)
                z = conditions.plain_root(start)
                better = self.allowed(conditions.whole(z), active, conditions.multipliers(z))
                if better is None:
                    break
                active = better
        return conditions.root(start)

    def allowed(self, x: ndarray, active: Active, multipliers: ndarray | None) -> Active | None:
        """Another guess where x violates a constraint, or a multiplier has the wrong sign."""
        slack, least = 1e-9 * (1.0 + np.abs(x)), -1e-9 * self.scale
        lower = np.union1d(active.lower, places(x < self.lower - slack))
        upper = np.union1d(active.upper, places(x > self.upper + slack))
        rows = active.rows
        if multipliers is not None:
            fixed = self.lower == self.upper
            g = np.ravel(plain(self.gradient(x)))
            if self.constraints:
                c, slopes, equal = self.at(x)
                g = g - multipliers @ slopes[active.rows]
                kept = rows[(multipliers >= least) | equal[active.rows]]
                rows = np.union1d(kept, np.flatnonzero((c < -1e-9 * (1 + np.abs(c))) & ~equal))
            right = (g[lower] >= least) | ~np.isin(lower, active.lower) | fixed[lower]
            lower = lower[places(right)]
            upper = upper[places((g[upper] <= -least) | ~np.isin(upper, active.upper))]
        new = Active(lower, upper, rows)
        same = all(np.array_equal(a, np.sort(b)) for a, b in zip(new, active, strict=True))
        return None if same else new


class Conditions:
    """The equations for the free elements of x and the multipliers of the active constraints."""

    def __init__(self, program: Program, active: Active) -> None:
        self.program, self.active = program, active
        held = np.concatenate([active.lower, active.upper]).astype(int)
        self.free = np.setdiff1d(np.arange(program.size), held)
        self.order = np.argsort(np.concatenate([self.free, held]))
        self.held = held

    def whole(self, z: Value) -> Any:
        """x, from its free elements and the bounds of the others."""
        u = z[: self.free.size]
        if not self.held.size:
            return u
        bounds = self.program.bounds
        assert bounds is not None
        ends = [b[i] for b, i in zip(bounds, self.active[:2], strict=True) if i.size]
        return np.concatenate([u, *ends])[self.order]

    def multipliers(self, z: ndarray) -> ndarray:
        """The multipliers of the active rows of constraints."""
        return z[self.free.size :]

    def residual(self, z: Value) -> Any:
        """The derivatives of Lagrange's function by free elements, and the active constraints."""
        x = self.whole(z)
        g = np.reshape(self.program.gradient(x), (self.program.size,))
        if not self.active.rows.size:
            return g[self.free] if self.held.size else g
        c, pullback = vjp(lambda x: self.program.values(x)[self.active.rows], x)
        (pulled,) = pullback(self.multipliers(z))
        return np.concatenate([(g - pulled)[self.free], c])

    def start(self, x: ndarray) -> ndarray:
        """A point of SciPy's as a point of these equations."""
        u = x[self.free]
        if not self.active.rows.size:
            return u
        with muted():
            g = np.ravel(plain(self.program.gradient(x)))[self.free]
            _, rows, _ = self.program.at(x)
        multipliers = np.linalg.lstsq(rows[self.active.rows][:, self.free].T, g, rcond=None)[0]
        return np.concatenate([u, multipliers])

    def check(self, matrix: ndarray) -> None:
        """Raise where the conditions of second order do not hold."""
        n = self.free.size
        hessian = matrix[:n, :n] + matrix[:n, :n].T
        if n < len(matrix):
            along = null_space(matrix[n:, :n]) if n else np.zeros((0, 0))
            hessian = along.T @ hessian @ along
        if hessian.size:
            curvatures = np.linalg.eigvalsh(hessian)
            if curvatures[0] <= 1e-14 * abs(curvatures[-1]):
                raise singular(CONDITIONS, NO_MINIMUM)

    def plain_root(self, x: ndarray) -> ndarray:
        """The exact solution, without derivatives."""
        start = self.start(x)
        if not start.size:
            return start
        equations = Equations(
            self.residual, start.shape, CONDITIONS, None, None, self.check, plain_too=True
        )
        recorded = type(start) in RECORDED
        return (equations.recorded if recorded else equations.refined)(start)[0]

    def root(self, x: ndarray) -> Any:
        """x with its derivatives."""
        start = self.start(x)
        if start.size:
            found = root_near(self.residual, start, name=CONDITIONS, check=self.check)
            if not is_box(found):
                with muted():
                    traced = levels_of(asarray(self.program.value(self.whole(start))))
                if traced and type(x) in RECORDED:
                    raise refusal()
                if traced:  # Near a kink the gradient is constant, and not zero.
                    self.plain_root(x)
        else:
            found = start
        whole = self.whole(found)
        return whole if is_box(whole) else as_numbers(whole)
