"""Summaries and tests of scipy.stats that minimise, or that SciPy computes by compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
from scipy.stats import _stats_mstats_common, _stats_py

from ....array.box import unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.creation import contains_box
from ..rebinding import NUMPY, deep_plain, replace
from ..special.kinds import partial
from .replacements import with_value

STEPS = 30


def stationary_point(function: Callable[..., Any], start: float, args: Any) -> Any:
    """The point near `start` where the derivative of ``function(x, *args)`` vanishes.

    SciPy's search stops at the square root of the rounding error, so Newton's method goes on. Two
    more steps, on traced arguments, carry the derivatives: the first order, then the second.
    Raises: UnsupportedInputError where there is no such point near `start`.
    """

    def newton(x: Value, args: Any) -> Any:
        slope = partial(lambda x: np.reshape(function(x, *args), ()), 0)
        return x - slope(x) / partial(slope, 0)(x)

    plain = tuple(map(deep_plain, args))
    x = float(start)
    for _ in range(STEPS):
        last, x = x, float(newton(x, plain))
        if abs(x - last) <= 1e-15 * (1 + abs(x)):
            break
    if not abs(x - start) <= 1e-3 * (1 + abs(start)):
        raise UnsupportedInputError(
            f"the minimum at {float(start)} has no derivative, {user_line()}: it is an end of the "
            f"range, or a kink. Pass dualdiff.value_of(x) to count x as constant."
        )
    return newton(newton(x, args), args)


def _minimiser(search: Callable[..., Any]) -> Callable[..., Any]:
    """A search for a minimum of a function of one number, whose arguments may be traced."""

    def minimum(func: Any, *limits: Any, args: Any = (), **options: Any) -> Any:
        def plain(x: float, *rest: Any) -> float:
            return float(np.reshape(unbox(func(x, *rest)), ()))

        x = search(plain, *map(deep_plain, limits), args=tuple(map(deep_plain, args)), **options)
        if not any(map(contains_box, args)):
            return x
        return with_value(float(x), stationary_point(func, x, args))

    return minimum


for _search in (scipy.optimize.brent, scipy.optimize.fminbound):
    replace(_search, _minimiser(_search))


def siegelslopes(y: Value, x: Value, method: str) -> tuple[Any, Any]:
    """Repeated medians of the slopes through each point (Siegel 1982)."""
    slopes, intercepts = [], []
    values = unbox(x)
    for j in range(len(values)):
        others = np.flatnonzero(values != values[j])
        dx = x[others] - x[j]
        slopes.append(np.median((y[others] - y[j]) / dx))
        if method == "separate":
            intercepts.append(np.median((y[j] * x[others] - y[others] * x[j]) / dx))
    slope = np.median(np.stack(slopes))
    if method == "separate":
        return slope, np.median(np.stack(intercepts))
    return slope, np.median(y - slope * x)


def cdf_distance(
    p: float, u_values: Value, v_values: Value, u_weights: Any = None, v_weights: Any = None
) -> Any:
    """The distance of two empirical distribution functions in L^p."""
    given = (u_values, v_values, u_weights, v_weights)
    value = _cdf_distance(p, *map(deep_plain, given))  # it also refuses what it must
    u, v = (NUMPY.asarray(x, dtype=float) for x in (u_values, v_values))
    together = np.concatenate([u, v])
    at = together[np.argsort(unbox(together))]

    def heights(x: Value, weights: Any) -> Any:
        order = np.argsort(unbox(x))
        index = np.searchsorted(unbox(x)[order], unbox(at)[:-1], "right")
        steps = np.ones(len(order)) if weights is None else NUMPY.asarray(weights)[order]
        sums = np.concatenate([[0.0], np.cumsum(steps)])
        return sums[index] / sums[-1]

    gaps = np.abs(heights(u, u_weights) - heights(v, v_weights)) ** p
    return with_value(value, np.sum(gaps * np.diff(at)) ** (1 / p))


def percentile_of_sorted(values: Value, per: Any, method: str, axis: int) -> Any:
    """SciPy's own sets the shape of an array, until release 1.14."""
    if np.ndim(per):
        return np.stack([percentile_of_sorted(values, q, method, axis) for q in per])
    _percentile(np.arange(2.0), per, method, 0)  # it refuses what it must
    place = per / 100 * (np.shape(values)[axis] - 1)
    low, high = int(np.floor(place)), int(np.ceil(place))
    share = {"lower": 0.0, "higher": 1.0}.get(method, place - low)
    return np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share


_percentile: Any = getattr(_stats_py, "_compute_qth_percentile", None)
_cdf_distance: Any = getattr(_stats_py, "_cdf_distance", None)
for _home, _name, _new in (
    (_stats_mstats_common, "siegelslopes_pythran", siegelslopes),
    (_stats_py, "_cdf_distance", cdf_distance),
    (_stats_py, "_compute_qth_percentile", percentile_of_sorted),
):
    if hasattr(_home, _name):
        replace(getattr(_home, _name), _new)
