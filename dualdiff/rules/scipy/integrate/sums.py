"""Rules of integration for samples, SciPy's own code on traced values, and Gauss's rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate

from ....errors import UnsupportedInputError, user_line
from ...numpy.creation import asarray
from ..bodies import runs_body
from ..dispatch import implements
from ..solving import with_args

trapezoid = runs_body(integrate.trapezoid)
cumulative_trapezoid = runs_body(integrate.cumulative_trapezoid)
simpson = runs_body(integrate.simpson)
cumulative_simpson = runs_body(integrate.cumulative_simpson)
romb = runs_body(integrate.romb)


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
    nodes, weights = np.polynomial.legendre.leggauss(n)
    points = (b - a) * (nodes + 1) / 2.0 + a
    return (b - a) / 2.0 * np.sum(weights * asarray(with_args(func, args)(points)), axis=-1), None
