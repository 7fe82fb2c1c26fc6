"""`scipy.integrate.ode` and `complex_ode` on traced values.

SciPy's integrator finds the values. Their derivatives are those of steps of another method over
the same interval, at the same tolerances, as for BDF and LSODA in `solve_ivp`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate

from ....array.box import is_box
from ....core.types import Value
from ...numpy.creation import asarray, given
from ..arguments import plain
from ..dispatch import Entry, enter, implements
from ..in_place import original_of
from ..solving import by_scipy, with_args
from .ivp import Noted, gave_up, own_mesh, slope_of
from .steps import Trajectory

_ode: Any = integrate.ode
_complex_ode: Any = integrate.complex_ode


class _Work:
    """The number of evaluations, in the form of a result of `solve_ivp`."""

    def __init__(self) -> None:
        self.nfev = 0

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(t: Any, y: Any) -> Any:
            self.nfev += 1
            return function(t, y)

        return call


@implements(_ode.set_initial_value)
def _start(self: Any, y: Value, t: Value = 0.0) -> Any:
    """``scipy.integrate.ode.set_initial_value`` of a traced state or time."""
    by_scipy(original_of(_ode.set_initial_value), self, plain(y), plain(t))
    self._y = given(np.reshape(asarray(y), (-1,)), self._y)
    self.t = t if is_box(t) else self.t
    return self


def _interleaved(z: Value) -> Any:
    """Complex numbers as pairs of real ones."""
    z = np.reshape(asarray(z), (-1,))
    return np.reshape(np.stack([np.real(z), np.imag(z)], axis=-1), (-1,))


@implements(_complex_ode.set_initial_value)
def _start_complex(self: Any, y: Value, t: Value = 0.0) -> Any:
    """``scipy.integrate.complex_ode.set_initial_value`` of a traced state or time."""
    self.tmp_derivative = np.zeros(2 * np.size(plain(y)))
    return _start(self, _interleaved(y), t)


def _function_of(owner: Any) -> Callable[..., Any]:
    """The right-hand side, of real numbers."""
    if not isinstance(owner, _complex_ode):
        return owner.f

    def pairs(t: Any, y: Value, *args: Any) -> Any:
        return _interleaved(owner.cf(t, y[::2] + 1j * y[1::2], *args))

    return pairs


def _advance(self: Any, t: Value, step: bool = False, relax: bool = False) -> Any:
    """``scipy.integrate.ode.integrate``, by the state, the times, the parameters and all that the
    function reads.

    Raises: UnsupportedInputError where the integrator gives up.
    """
    function, rest, y0, t0 = _function_of(self), self.f_params, self._y, self.t
    noted, work = Noted((y0, t0, t, rest, self.jac_params)), _Work()
    plain_function = noted.plain(function, rest)
    kept = {name: vars(self)[name] for name in ("f", "f_params", "jac", "jac_params")}
    start = np.array(plain(y0))
    try:
        self.f, self.f_params = work.counted(plain_function), ()
        if self.jac is not None:
            plain_jac = noted.plain(self.jac, self.jac_params)
            # Compiled code asks for the number of its parameters.
            self.jac, self.jac_params = lambda t, y: plain_jac(t, y), ()
        self._y, self.t = start.copy(), plain(t0)
        found = by_scipy(original_of(_ode.integrate), self, plain(t), step, relax)
    finally:
        vars(self).update(kept)
    if not noted.traced:
        return found
    if not self.successful():
        raise gave_up("ode", f"the return code is {self.get_return_code()}.")
    ends = t0, t if is_box(t) and plain(t) == self.t else self.t
    times = float(plain(t0)), float(self.t)
    if times[0] != times[1]:
        tolerances = {name: getattr(self._integrator, name) for name in ("rtol", "atol")}
        guess = np.linspace(*times, work.nfev // 4 + 2)
        method, mesh, solution = by_scipy(own_mesh, plain_function, guess, start, work, tolerances)
        slope = slope_of(with_args(function, rest), ())
        trajectory = Trajectory(method, slope, mesh, y0, ends, solution)
        found = given(trajectory.at(np.reshape(asarray(ends[1]), (1,)))[:, 0], found)
    else:
        found = given(y0, found)
    self._y, self.t = found, ends[1]
    return found


class _Reads(Entry):
    """The function that may read traced values is an attribute of the object."""

    def gets_function(self, args: Any, kwargs: Any) -> bool:
        return True


enter(_Reads(_ode.integrate, lambda: _advance, ("f",)))
