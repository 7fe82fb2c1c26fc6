"""`odeint` on traced values."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate

from ....array.box import is_box
from ....transforms.checkpoint import value_of
from ...numpy.creation import asarray, given
from ..dispatch import implements
from ..solving import by_scipy, with_args
from .ivp import Noted, gave_up, own_mesh, slope_of, vector
from .steps import Trajectory

TOLERANCE = 1.49012e-8  # LSODA's default
MORE = 1, 10, 100, 1000  # times mxstep, where that is too few


class _Work:
    """How much LSODA did, in the form of a result of `solve_ivp`."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.nfev = int(info["nfe"][-1])


def integrated(function: Any, y0: Any, t: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """SciPy's solution of plain values and its report, with more steps where LSODA gives up.

    Raises: UnsupportedInputError where it gives up nevertheless.
    """
    options = dict(options)
    steps = options.pop("mxstep", 0) or 500
    message = ""
    for more in MORE:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", integrate.ODEintWarning)
            y, info = integrate.odeint(
                function, y0, t, full_output=True, mxstep=steps * more, **options
            )
        message = info["message"]
        if message == "Integration successful.":
            return y, info
        if not message.startswith("Excess work"):
            break
    raise gave_up("odeint", message)


@implements(integrate.odeint, calls="func")
def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    args: Any = (),
    Dfun: Any = None,
    full_output: Any = 0,
    tfirst: bool = False,
    **options: Any,
) -> Any:
    """``scipy.integrate.odeint``: the solution of ``dy/dt = func(y, t, *args)`` at some times.

    Arguments: as SciPy's; `func`, `args`, `y0` and `t` may hold traced values.
    Returns: an array of shape (m, n), or with SciPy's report beside it.
    Raises: UnsupportedInputError where LSODA gives up, after more steps than mxstep were tried.
    Convention: as for LSODA in `solve_ivp`.

    >>> import numpy as np, dualdiff as dd
    >>> decay = lambda y, t, k: -k * y
    >>> end = lambda k: dd.scipy.integrate.odeint(decay, 1.0, np.array([0.0, 1.0]), (k,))[-1, 0]
    >>> round(float(dd.grad(end)(0.5)), 5)  # -exp(-0.5)
    -0.60653
    """
    rest = args if isinstance(args, tuple) else (args,)
    noted = Noted((y0, t, rest))
    plain_func = noted.plain(func, rest)
    start = np.atleast_1d(np.array(value_of(asarray(y0)), float))
    times = np.array(value_of(asarray(t)), float)
    if Dfun is not None:
        options["Dfun"] = noted.plain(Dfun, rest)
    found, info = by_scipy(integrated, plain_func, start, times, {**options, "tfirst": tfirst})
    if not noted.traced:
        return (found, info) if full_output else found
    live = with_args(func, rest)
    slope = slope_of(live if tfirst else lambda s, y: live(y, s), ())
    plain_slope = plain_func if tfirst else lambda s, y: plain_func(y, s)
    state = vector(asarray(y0))
    traced_times = t if is_box(t) else asarray(t)
    if len(times) < 2 or times[0] == times[-1]:
        y = np.stack([state] * len(times))
    else:
        given_tolerances = {
            name: TOLERANCE if options.get(name) is None else options[name]
            for name in ("rtol", "atol")
        }
        mesh = np.linspace(times[0], times[-1], int(info["nst"][-1]) + 1)
        method, mesh, solution = by_scipy(
            own_mesh, plain_slope, mesh, start, _Work(info), given_tolerances
        )
        ends = (
            (traced_times[0], traced_times[-1]) if is_box(traced_times) else times[[0, -1]].tolist()
        )
        trajectory = Trajectory(method, slope, mesh, state, tuple(ends), solution)
        y = trajectory.at(traced_times).T
    y = given(y, found)
    return (y, info) if full_output else y
