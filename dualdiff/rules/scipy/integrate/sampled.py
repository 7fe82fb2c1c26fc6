"""`qmc_quad`: the integrand at SciPy's own points, on traced values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate

from ....array.box import is_box
from ....core.types import Value
from ...numpy.creation import asarray, from_nested, given
from ..arguments import any_traced, plain
from ..dispatch import implements, missing
from ..solving import by_scipy, is_constant, plain_callable
from ..special import logsumexp


@implements(integrate.qmc_quad, calls="func")
def qmc_quad(
    func: Callable[..., Any],
    a: Value,
    b: Value,
    n_estimates: int = 8,
    n_points: int = 1024,
    qrng: Any = None,
    log: bool = False,
) -> Any:
    """``scipy.integrate.qmc_quad``, by the limits and by all that the integrand reads.

    The points count as constant in the unit cube. A generator of points is used once.

    >>> import numpy as np, dualdiff as dd
    >>> from scipy.integrate import qmc_quad
    >>> f = lambda k: qmc_quad(lambda x: k * x[0], [0.0], [1.0]).integral
    >>> round(float(dd.grad(f)(2.0)), 3)
    0.5
    """
    low, high = np.broadcast_arrays(*(np.ravel(np.asarray(plain(v), float)) for v in (a, b)))
    if np.any(low == high) and any_traced((a, b)):
        raise missing("scipy.integrate.qmc_quad", "SciPy takes no points between equal limits")
    points: list[Any] = []
    own = plain_callable(func)

    def noted(x: Any) -> Any:
        points.append(np.array(x))
        return own(x)

    options = {"n_estimates": n_estimates, "n_points": n_points, "qrng": qrng, "log": log}
    found = by_scipy(integrate.qmc_quad, noted, plain(a), plain(b), **options)
    if is_constant(a, b) or np.any(low == high):
        return found
    a, b = (np.ravel(asarray(v)) * 1.0 for v in (a, b))

    def moved(x: Any) -> Any:
        """Points of shape (d,) or (d, n), which move with the limits."""
        share = (x.T - low) / (high - low)
        return np.transpose(share * (b - a) + a) if is_box(a) or is_box(b) else x

    if points[-1].ndim == 1:  # an integrand of one point
        values = from_nested([func(moved(x)) for x in points[-n_estimates * n_points :]])
        values = np.reshape(values, (n_estimates, n_points))
    else:
        values = np.stack([asarray(func(moved(x))) for x in points[-n_estimates:]])
    volume = np.prod(b - a)
    if not log:
        estimates = volume * np.mean(values, axis=1)
        error = np.std(estimates, ddof=1) / np.sqrt(n_estimates)
        return type(found)(given(np.mean(estimates), found[0]), given(error, found[1]))
    estimates = logsumexp(values, axis=1) + np.log(np.abs(volume) / n_points)
    mean = logsumexp(estimates) - np.log(n_estimates)
    spread = np.sum(np.expm1(estimates - mean) ** 2) / (n_estimates - 1) / n_estimates
    integral = mean + np.pi * 1j if np.iscomplexobj(found[0]) else mean
    return type(found)(given(integral, found[0]), given(mean + 0.5 * np.log(spread), found[1]))
