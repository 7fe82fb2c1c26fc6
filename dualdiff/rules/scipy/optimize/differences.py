"""`scipy.optimize.approx_fprime` on traced values: it has the derivative of the exact gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from ....transforms.checkpoint import value_of
from ....transforms.jacobian import jacobian
from ...numpy.creation import asarray
from ..dispatch import implements
from ..solving import by_scipy, like, plain_callable, with_args


@implements(optimize.approx_fprime, calls="f")
def approx_fprime(
    xk: Any, f: Callable[..., Any], epsilon: Any = 1.4901161193847656e-08, *args: Any
) -> Any:
    """``scipy.optimize.approx_fprime``: SciPy's differences, with the derivative of the gradient.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda x: dd.scipy.optimize.approx_fprime(x, lambda x: np.sum(x**3))[0]
    >>> round(float(dd.grad(f)(np.array([2.0]))[0]), 6)
    12.0
    """
    live = with_args(f, args)
    plain = value_of(args)
    found = by_scipy(optimize.approx_fprime, value_of(xk), plain_callable(f), epsilon, *plain)
    exact = jacobian(lambda x: asarray(live(x)))(np.atleast_1d(asarray(xk)))
    return like(exact, found)
