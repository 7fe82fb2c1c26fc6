"""Rules of integration for samples, SciPy's own code on traced values, and Gauss's rule."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate, special

from ....errors import UnsupportedInputError, user_line
from ...numpy.creation import array, asarray
from ..bodies import runs_body
from ..dispatch import implements
from ..rebinding import rebound, replace
from ..solving import with_args

trapezoid = runs_body(integrate.trapezoid)
cumulative_trapezoid = runs_body(integrate.cumulative_trapezoid)
simpson = runs_body(integrate.simpson)
cumulative_simpson = runs_body(integrate.cumulative_simpson)
romb = runs_body(integrate.romb)
if hasattr(integrate, "cubature"):  # releases from 1.15 on
    cubature = runs_body(integrate.cubature, calls="f")
if hasattr(integrate, "tanhsinh"):
    tanhsinh = runs_body(integrate.tanhsinh, calls="f")
    nsum = runs_body(integrate.nsum, calls="f")
    _limits = vars(importlib.import_module("scipy.integrate._tanhsinh"))["_transform_integrals"]
    _transformed = rebound(_limits)
    # Limits are stored into each other, so both take traced values.
    replace(_limits, lambda a, b, xp: _transformed(array(a), array(b), xp))


@implements(integrate.fixed_quad, calls="func")
def fixed_quad(
    func: Callable[..., Any], a: Any, b: Any, args: Any = (), n: int = 5
) -> tuple[Any, None]:
    """``scipy.integrate.fixed_quad``: the integral by Gauss's rule with n points.

    Arguments: as SciPy's; `func`, which takes an array of points, `args`, `a` and `b` may hold
    traced values. Returns: ``(integral, None)``.

    >>> import dualdiff as dd
    >>> f = lambda p: dd.scipy.integrate.fixed_quad(lambda x: p * x**2, 0.0, p)[0]
    >>> round(float(dd.grad(f)(1.0)), 6)  # of p^4 / 3
    1.333333
    """
    a, b = asarray(a), asarray(b)
    if np.ndim(a) or np.ndim(b):
        raise UnsupportedInputError(
            f"fixed_quad of traced values takes limits that are numbers, {user_line()}."
        )
    nodes, weights = special.roots_legendre(n)
    points = (b - a) * (nodes + 1) / 2.0 + a
    return (b - a) / 2.0 * np.sum(weights * asarray(with_args(func, args)(points)), axis=-1), None
