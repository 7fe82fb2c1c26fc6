"""The parts of a minimisation as SciPy takes them: bounds and constraints of every form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import optimize, sparse

from ....core.batch import shape_of
from ....transforms.checkpoint import value_of
from ....transforms.grad import grad
from ....transforms.recorded import refusal
from ...numpy.creation import asarray
from ..arguments import is_recorded
from ..dispatch import implements
from ..solving import plain_callable, with_args
from .kkt import Bounds, Constraint

Function = Callable[..., Any]
make: Any = optimize  # its stubs know fewer forms


@implements(optimize.LinearConstraint.__init__)
def set_up_linear(
    self: Any, A: Any, lb: Any = -np.inf, ub: Any = np.inf, keep_feasible: Any = False
) -> None:
    """``scipy.optimize.LinearConstraint`` whose matrix and limits may be traced."""
    self.A = A if sparse.issparse(A) else np.atleast_2d(asarray(A))
    rows = shape_of(self.A)[0]
    self.lb, self.ub = (spread(asarray(end), rows) for end in (lb, ub))
    self.keep_feasible = np.broadcast_to(keep_feasible, (rows,))


def gradient_of(function: Function, jac: Any, args: Any = ()) -> Function:
    """The gradient as a function of x: the user's where it is given, else the derivative."""
    live = with_args(function, args)
    if callable(jac):
        given = with_args(jac, args)
        return lambda x: asarray(given(x))
    if jac is True:
        return lambda x: asarray(live(x)[1])
    return grad(lambda x: np.sum(asarray(live(x))))


def value_alone(function: Function, jac: Any, args: Any = ()) -> Function:
    """The function without the gradient that it returns beside its value."""
    live = with_args(function, args)
    return (lambda x: live(x)[0]) if jac is True else live


def live_bounds(bounds: Any, size: int) -> Bounds | None:
    """Bounds of any form, as two vectors that may be traced; None if there are none."""
    if bounds is None or (not isinstance(bounds, optimize.Bounds) and len(bounds) == 0):
        return None
    if isinstance(bounds, optimize.Bounds):
        ends: list[Any] = [bounds.lb, bounds.ub]
    else:
        ends = [
            [sign * np.inf if pair[i] is None else pair[i] for pair in bounds]
            for i, sign in enumerate((-1, 1))
        ]
    lower, upper = (spread(end, size) for end in ends)
    if not np.isfinite(value_of(lower)).any() and not np.isfinite(value_of(upper)).any():
        return None
    return Bounds(lower, upper)


def spread(x: Any, size: int) -> Any:
    """A number, or one per element, as a vector."""
    x = asarray(x)
    return x if shape_of(x) == (size,) else np.broadcast_to(np.ravel(x), (size,))


def plain_bounds(bounds: Any) -> Any:
    """Bounds as SciPy takes them, with plain values."""
    if isinstance(bounds, optimize.Bounds):
        ends = [value_of(asarray(b)) for b in (bounds.lb, bounds.ub)]
        if is_recorded(ends):
            raise refusal()
        ends = [np.array(end, float) for end in ends]
        return make.Bounds(*ends, keep_feasible=bounds.keep_feasible)
    return value_of(bounds)


def _listed(constraints: Any) -> Sequence[Any]:
    if constraints is None:
        return ()
    return constraints if isinstance(constraints, (list, tuple)) else (constraints,)


def live_constraints(constraints: Any) -> list[Constraint]:
    """Constraints of SciPy, of any form, as functions that may use traced values."""
    out: list[Constraint] = []
    for c in _listed(constraints):
        if isinstance(c, dict):
            out.append(Constraint(with_args(c["fun"], c.get("args", ())), c["type"] == "eq"))
            continue
        if isinstance(c, optimize.Bounds):
            function: Function = _itself
        elif isinstance(c, optimize.LinearConstraint):
            matrix = c.A if sparse.issparse(c.A) else asarray(c.A)
            function = _Times(matrix)
        else:
            function = c.fun
        out += _between(function, c.lb, c.ub)
    return out


def _itself(x: Any) -> Any:
    return x


class _Times:
    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix

    def __call__(self, x: Any) -> Any:
        return self.matrix @ x


class _Rows:
    """Chosen rows of a function, minus a bound."""

    def __init__(self, function: Function, bound: Any, rows: Any, sign: float) -> None:
        self.function, self.bound, self.rows, self.sign = function, bound, rows, sign

    def __call__(self, x: Any) -> Any:
        values = np.ravel(asarray(self.function(x)))
        if self.rows is None:
            return self.sign * (values - self.bound)
        bound = spread(self.bound, shape_of(values)[0])
        return self.sign * (values[self.rows] - bound[self.rows])


def _between(function: Function, lower: Any, upper: Any) -> list[Constraint]:
    """The constraints ``lower <= function(x) <= upper``."""
    lower, upper = asarray(lower), asarray(upper)
    lows, highs = np.broadcast_arrays(value_of(lower), value_of(upper))
    equal = lows == highs
    out = []
    for bound, mask, sign in (
        (lower, equal, 0.0),
        (lower, np.isfinite(lows) & ~equal, 1.0),
        (upper, np.isfinite(highs) & ~equal, -1.0),
    ):
        if mask.any():
            rows = None if mask.all() else np.flatnonzero(mask)
            out.append(Constraint(_Rows(function, bound, rows, sign or 1.0), sign == 0.0))
    return out


def plain_constraints(constraints: Any) -> Any:
    """Constraints as SciPy takes them, with plain values."""
    many = isinstance(constraints, (list, tuple))
    made = [_plain_constraint(c) for c in _listed(constraints)]
    return made if many else made[0] if made else constraints


def _plain_constraint(c: Any) -> Any:
    if isinstance(c, dict):
        args = c.get("args", ())
        new = {k: v for k, v in c.items() if k != "args"}
        for name in ("fun", "jac"):
            if callable(new.get(name)):
                new[name] = plain_callable(new[name], args)
        return new
    if isinstance(c, optimize.Bounds):
        return plain_bounds(c)
    ends = [np.array(value_of(asarray(b)), float) for b in (c.lb, c.ub)]
    if isinstance(c, optimize.LinearConstraint):
        return make.LinearConstraint(value_of(c.A), *ends, keep_feasible=c.keep_feasible)
    jac, hess = (plain_callable(f) for f in (c.jac, c.hess))
    return make.NonlinearConstraint(
        plain_callable(c.fun),
        *ends,
        jac=jac,
        hess=hess,
        keep_feasible=c.keep_feasible,
        finite_diff_rel_step=c.finite_diff_rel_step,
        finite_diff_jac_sparsity=c.finite_diff_jac_sparsity,
    )
