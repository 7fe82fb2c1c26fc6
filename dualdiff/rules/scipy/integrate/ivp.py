"""`solve_ivp` on traced values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy import ndarray
from scipy import integrate

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ....transforms.checkpoint import value_of
from ....transforms.implicit import lift
from ...numpy.creation import asarray, contains_box, given
from ..arguments import as_plain_function
from ..dispatch import implements
from ..solving import by_scipy, with_args
from .steps import EXPLICIT, Slope, TracedSolution, Trajectory

Function = Callable[..., Any]
SAFE = 20, 2, 500, 3  # steps and evaluations that an explicit mesh may take: so many, and as
# many times more than SciPy's own method


class Noted:
    """Functions of the program as SciPy calls them; notes whether a result is traced."""

    def __init__(self, given: Any) -> None:
        self.traced = contains_traced(given)

    def plain(self, function: Function, args: Any = ()) -> Function:
        """The function with plain additional arguments, and with plain results."""
        live = with_args(function, value_of(args))

        def noted(*x: Any) -> Any:
            out = live(*x)
            if not self.traced and (
                is_box(out) or (type(out) is not ndarray and contains_box(out))
            ):
                self.traced = True
            elif type(out) is ndarray and out.dtype.hasobject:
                self.traced = self.traced or contains_box(out)
            return out

        call = as_plain_function(noted)
        for name in ("terminal", "direction"):
            if hasattr(function, name):
                setattr(call, name, getattr(function, name))
        return call


def contains_traced(tree: Any) -> bool:
    """Whether a traced value stands in nested containers, dictionaries included."""
    if isinstance(tree, dict):
        return any(map(contains_traced, tree.values()))
    if isinstance(tree, (list, tuple)):
        return any(map(contains_traced, tree))
    return contains_box(tree)


def vector(x: Value) -> Any:
    """A state or a slope in one vector."""
    x = x if is_box(x) or type(x) is ndarray else asarray(x)
    x = asarray(x) if type(x) is ndarray and x.dtype.hasobject else x
    x = x.astype(float) if x.dtype.kind in "iub" else x
    return x if len(shape_of(x)) == 1 else np.reshape(x, (-1,))


def slope_of(fun: Function, args: Any, vectorized: bool = False) -> Slope:
    """The right-hand side on traced values, as a vector."""
    live = with_args(fun, args)
    if vectorized:
        return lambda t, y: vector(live(t, y[:, None]))
    return lambda t, y: vector(live(t, y))


def own_mesh(
    fun: Function, mesh: Sequence[float], y0: ndarray, found: Any, tolerances: dict[str, Any]
) -> tuple[Any, ndarray, Any]:
    """A method of one step for solutions of a method of several steps: the class of the explicit
    method of order 8 where that takes no more than a few times the work, else None for Radau's
    method; with its mesh, and its solution."""
    start, end = float(mesh[0]), float(mesh[-1])
    rtol = max(float(np.min(tolerances.get("rtol", 1e-3))), 1e-13)
    atol = tolerances.get("atol", 1e-6)
    steps, more_steps, calls, more_calls = SAFE
    solver = integrate.DOP853(fun, start, y0, end, rtol=rtol, atol=atol)
    times = [start]
    steps, calls = steps + more_steps * len(mesh), calls + more_calls * found.nfev
    with np.errstate(all="ignore"):  # an explicit method may run away
        while solver.status == "running" and len(times) < steps and solver.nfev < calls:
            solver.step()
            times.append(solver.t)
    if solver.status == "finished":
        return integrate.DOP853, np.array(times), None
    stiff = integrate.solve_ivp(
        fun, (start, end), y0, "Radau", dense_output=True, rtol=rtol, atol=atol
    )
    if not stiff.success:
        raise gave_up("the differential equation", stiff.message)
    return None, mesh_of(stiff), stiff.sol


def gave_up(name: str, message: str) -> UnsupportedInputError:
    """The error for a solver that did not reach the end."""
    return UnsupportedInputError(
        f"{name} gave up, {user_line()}: {message} A solution that is not finished has no "
        f"derivative; pass other tolerances, or scale the equations."
    )


def mesh_of(found: Any) -> ndarray:
    """The ends of all steps that a solution of SciPy's was made of."""
    parts = found.sol.interpolants
    return np.array([parts[0].t_old, *(part.t for part in parts)], float)


def trajectory_of(
    found: Any, method: Any, slope: Slope, plain_fun: Function, y0: Value, ends: Any, options: Any
) -> Trajectory:
    """The solution of SciPy's on traced values."""
    mesh, solution = mesh_of(found), found.sol
    method = EXPLICIT.get(method, method)
    explicit = isinstance(method, type) and issubclass(method, tuple(EXPLICIT.values()))
    start = np.asarray(unbox(y0))
    if mesh[0] == mesh[-1]:
        return Trajectory(None, slope, mesh[:1], y0, ends)
    if method in ("Radau", integrate.Radau):
        method = None
    elif not explicit:
        method, mesh, solution = by_scipy(own_mesh, plain_fun, mesh, start, found, options)
    return Trajectory(method, slope, mesh, y0, ends, solution)


@implements(integrate.solve_ivp, calls="fun events")
def solve_ivp(
    fun: Function,
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    **options: Any,
) -> Any:
    """``scipy.integrate.solve_ivp``, by every method, with events and continuous solutions.

    Arguments: as SciPy's; `fun`, events, `args`, `y0`, `t_span` and `t_eval` may hold traced
    values.
    Returns: SciPy's result, in which `y`, `sol`, `t`, `t_events` and `y_events` are traced.
    Raises: UnsupportedInputError where the solver fails.
    Convention: the derivative is that of the accepted steps, whose sizes count as constant. BDF and
    LSODA, which use several earlier steps, give the values; their derivatives are those of
    steps of DOP853, or Radau where the equation is stiff, at the same tolerances. The number of
    events and of steps does not change.

    >>> import numpy as np, dualdiff as dd
    >>> solve_ivp = dd.scipy.integrate.solve_ivp
    >>> f = lambda k: solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], rtol=1e-8, atol=1e-8).y[0, -1]
    >>> round(float(dd.grad(f)(0.5)), 5)  # -exp(-0.5)
    -0.60653
    """
    rest = () if args is None else tuple(args)
    listed = None if events is None else list(events) if _is_list(events) else [events]
    noted = Noted((t_span, y0, rest, t_eval))
    plain_fun = noted.plain(fun, rest)
    start, span = np.array(value_of(asarray(y0))), [float(v) for v in value_of(t_span)]
    solver_options = dict(options)
    if callable(options.get("jac")):
        solver_options["jac"] = noted.plain(options["jac"], rest)
    found = by_scipy(
        integrate.solve_ivp,
        plain_fun,
        span,
        start,
        method,
        value_of(t_eval),
        dense_output=True,
        events=None if listed is None else [noted.plain(e, rest) for e in listed],
        vectorized=vectorized,
        **value_of(solver_options),
    )
    solution = found.sol
    ends = [t if is_box(t) else float(t) for t in t_span]
    if found.status == 1:
        ends[1] = float(mesh_of(found)[-1])
    single = plain_fun if not vectorized else lambda t, y: plain_fun(t, y[:, None])[:, 0]
    slope, state, plain_found = slope_of(fun, rest, vectorized), vector(asarray(y0)), copy(found)

    def make() -> Trajectory:
        return trajectory_of(plain_found, method, slope, single, state, ends, options)

    if not noted.traced:
        found.sol = TracedSolution(solution, make, False) if dense_output else None
        return found
    if not found.success:
        raise gave_up("solve_ivp", found.message)
    trajectory = make()
    if listed is not None:
        _with_events(found, trajectory, listed, rest)
    _with_times(found, trajectory, ends, t_eval)
    found.sol = TracedSolution(solution, lambda: trajectory, True) if dense_output else None
    return found


def _is_list(events: Any) -> bool:
    return isinstance(events, (list, tuple))


def _with_events(found: Any, trajectory: Trajectory, events: list[Any], rest: Any) -> None:
    """The times and states of events, which solve ``event(t, y(t)) = 0``."""
    all_times, all_states = [], []
    for event, times, states in zip(events, found.t_events, found.y_events, strict=True):
        live = with_args(event, rest)

        def level(t: Value, live: Function = live) -> Any:
            return live(t, trajectory.at(np.reshape(asarray(t), (1,)))[:, 0])

        if len(times):
            trajectory.at(np.asarray(times))  # records the interpolants, which are kept
        lifted = [lift(level, float(t), name="the equation of an event") for t in times]
        if not any(map(is_box, lifted)):
            all_times.append(times)
        else:
            all_times.append(np.stack(lifted))
        if lifted:
            states = given(trajectory.at(np.stack(lifted)).T, states)
        all_states.append(states)
    found.t_events, found.y_events = all_times, all_states


def _with_times(found: Any, trajectory: Trajectory, ends: Sequence[Any], t_eval: Any) -> None:
    """The times and states of a result."""
    if t_eval is not None:
        count = len(found.t)
        times = t_eval[:count] if is_box(t_eval) else asarray(t_eval)[:count]
        found.y = given(trajectory.at(times), found.y)
        found.t = times if is_box(times) else found.t
        return
    times = [float(t) for t in found.t]
    if is_box(ends[0]):
        times[0] = ends[0]
    if found.status == 1:
        last = [t[-1] for t in found.t_events if len(t) and float(unbox(t[-1])) == times[-1]]
        times[-1] = last[0] if last else times[-1]
    elif is_box(ends[1]):
        times[-1] = ends[1]
    same = np.array_equal(trajectory.mesh, found.t) and found.status != 1
    if same:
        y = np.stack([trajectory.y0, *(step.end for step in trajectory.steps)], axis=-1)
    else:
        y = trajectory.at(asarray(times))
    found.y = given(y, found.y)
    if any(map(is_box, times)):
        found.t = asarray(times)
