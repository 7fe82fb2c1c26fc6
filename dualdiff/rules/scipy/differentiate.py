"""`scipy.differentiate` on traced values: SciPy's differences have the derivative of what they
approximate, which dualdiff computes exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import differentiate

from ...errors import UnsupportedInputError, user_line
from ...transforms.checkpoint import value_of
from ...transforms.grad import elementwise_grad
from ...transforms.hessian import hessian as exact_hessian
from ...transforms.jacobian import jacobian as exact_jacobian
from ..numpy.creation import asarray
from .dispatch import implements
from .solving import by_scipy, like, plain_callable, with_args

__all__ = ["derivative", "hessian", "jacobian"]
Function = Callable[..., Any]


@implements(differentiate.derivative, calls="f")
def derivative(f: Function, x: Any, args: Any = (), **options: Any) -> Any:
    """``scipy.differentiate.derivative``: the derivative of an elementwise function.

    Returns: SciPy's result, whose `df` has the derivative of the exact one.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda x: dd.scipy.differentiate.derivative(np.sin, x).df
    >>> round(float(dd.grad(f)(1.0) + np.sin(1.0)), 9)
    0.0
    """
    live = with_args(f, args)
    found = by_scipy(
        differentiate.derivative, plain_callable(f), value_of(x), args=value_of(args), **options
    )
    point = asarray(x)
    found.df = like(elementwise_grad(lambda z: live(z))(point), found.df)
    found.x = like(np.broadcast_to(point, np.shape(found.x)), found.x)
    return found


def _point(x: Any, name: str) -> Any:
    x = asarray(x)
    if np.ndim(x) != 1:
        raise UnsupportedInputError(
            f"{name} of traced values takes one point, an array of shape (m,), {user_line()}."
        )
    return x


@implements(differentiate.jacobian, calls="f")
def jacobian(f: Function, x: Any, **options: Any) -> Any:
    """``scipy.differentiate.jacobian`` at one point; see `derivative`."""
    x = _point(x, "jacobian")
    found = by_scipy(differentiate.jacobian, plain_callable(f), value_of(x), **options)
    found.df = like(exact_jacobian(lambda z: asarray(f(z)))(x), found.df)
    return found


@implements(differentiate.hessian, calls="f")
def hessian(f: Function, x: Any, **options: Any) -> Any:
    """``scipy.differentiate.hessian`` at one point; see `derivative`."""
    x = _point(x, "hessian")
    found = by_scipy(differentiate.hessian, plain_callable(f), value_of(x), **options)
    found.ddf = like(exact_hessian(lambda z: asarray(f(z)))(x), found.ddf)
    return found
