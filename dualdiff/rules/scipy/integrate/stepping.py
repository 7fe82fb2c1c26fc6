"""Solver classes of `scipy.integrate` that a program steps itself, on traced values.

SciPy's solver takes the step. The same step is then taken on traced values, with its size as a
constant, as `solve_ivp` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import integrate
from scipy.integrate._ivp import radau as _radau
from scipy.integrate._ivp import rk as _rk

from ....array.box import unbox
from ....core.types import Value
from ...numpy.creation import asarray, given
from ..arguments import plain
from ..dispatch import implements
from ..in_place import original_of
from ..pieces import refuses
from ..solving import by_scipy
from .ivp import Noted, slope_of, vector
from .steps import ExplicitStep, ImplicitStep, Slope, Step, at_times

_BASE = integrate.OdeSolver
_ATTRIBUTE = "_of_dualdiff"  # of a solver: its steps on traced values


class _Steps:
    """The right-hand side of a solver on traced values, and its last step."""

    holds_traced = True

    def __init__(self, slope: Slope, ends: tuple[Any, Any], noted: Noted) -> None:
        self.slope, self.ends, self.noted = slope, ends, noted
        self.last: Step | None = None  # none while all values are plain

    def as_constant(self) -> _Steps:
        return self

    def take(self, solver: Any, y0: Value) -> Any:
        """The state after the step that SciPy's solver has taken."""
        if not self.noted.traced:
            return solver.y
        t = self.ends[0] if solver.t_old == plain(self.ends[0]) else solver.t_old
        h = (self.ends[1] if solver.t == plain(self.ends[1]) else solver.t) - t
        if isinstance(solver, integrate.Radau):
            inner = by_scipy(original_of(_BASE.dense_output), solver)
            times = solver.t_old + np.array(_radau.C) * (solver.t - solver.t_old)
            self.last = ImplicitStep(self.slope, t, y0, h, inner(times).T)
        else:
            before = self.last.last_slope() if isinstance(self.last, ExplicitStep) else None
            first = self.slope(t, y0) if before is None else before
            method = integrate.DOP853 if isinstance(solver, integrate.DOP853) else type(solver)
            self.last = ExplicitStep(method, self.slope, t, y0, h, first)
        return self.last.end


def _started(method: Any) -> Any:
    """The implementation of ``__init__`` of a class."""

    def start(
        self: Any, fun: Any, t0: Value, y0: Value, t_bound: Value, vectorized: bool = False,
        **options: Any,
    ) -> None:  # fmt: skip
        noted = Noted((t0, y0, t_bound))
        given_options = {name: plain(value) for name, value in options.items()}
        if callable(options.get("jac")):
            given_options["jac"] = noted.plain(options["jac"])
        start, end = (float(plain(t)) for t in (t0, t_bound))
        given_options["vectorized"] = vectorized
        state = np.array(plain(asarray(y0)))
        by_scipy(original_of(method), self, noted.plain(fun), start, state, end, **given_options)
        steps = _Steps(slope_of(fun, (), vectorized), (t0, t_bound), noted)
        setattr(self, _ATTRIBUTE, steps)
        if noted.traced:
            self.y = given(vector(asarray(y0)), self.y)

    return start


for _class in (_rk.RungeKutta, integrate.Radau):
    implements(_class.__init__, calls="fun")(_started(_class.__init__))


@implements(_BASE.step)
def _take(self: Any) -> Any:
    """A step, after which `y` is traced. The time at which it ends counts as constant."""
    steps = vars(self)[_ATTRIBUTE]
    before, self.y = self.y, np.array(plain(self.y))
    message = by_scipy(original_of(_BASE.step), self)
    moved = self.status != "failed" and self.t != self.t_old
    self.y = given(steps.take(self, before) if moved else before, self.y)
    return message


class _Within(integrate.DenseOutput):
    """The solution within a step, on traced values."""

    def __init__(self, found: Any, step: Step) -> None:
        super().__init__(found.t_old, found.t)
        self.plain, self.own = found, step

    def __call__(self, t: Value) -> Any:
        """The solution at a time, of shape (n,), or at several, of shape (n, m)."""
        t = asarray(t)
        step = self.own
        return at_times(lambda t: step.at((t - step.t) / step.h), t, self.plain(unbox(t)))


@implements(_BASE.dense_output)
def _interpolant(self: Any) -> Any:
    """The solution within the last step."""
    steps, state = vars(self)[_ATTRIBUTE], self.y
    self.y = np.array(plain(state))
    try:
        found = by_scipy(original_of(_BASE.dense_output), self)
    finally:
        self.y = state
    return found if steps.last is None else _Within(found, steps.last)


refuses(
    integrate, "OdeSolver", "only RK23, RK45, DOP853 and Radau are stepped by hand; use solve_ivp, "
    "with the class as its method", calls="fun",
)  # fmt: skip
