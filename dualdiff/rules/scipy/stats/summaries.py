"""Summaries and tests of scipy.stats that minimise, or that SciPy computes by compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
from scipy import special
from scipy.stats import _morestats, _stats_mstats_common, _stats_py

from ....array.box import unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.creation import contains_box
from ..arguments import by_scipy
from ..rebinding import NUMPY, deep_plain, rebound, replace
from ..special.kinds import partial
from .limits import power_log
from .values import with_value

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


# Shapiro's and Wilk's test by Royston (1995, Applied Statistics 44, AS R94): polynomials for the
# mean and the logarithm of the deviation of a transform of 1 - W, in n up to 11 and log n beyond.
FEW = (0.544, -0.39978, 0.025054, -6.714e-4), (1.3822, -0.77857, 0.062767, -0.0020322)
MANY = (-1.5861, -0.31082, -0.083751, 0.0038915), (-0.4803, -0.082676, 0.0030302)


def _royston(w: Value, n: int) -> Any:
    """The p-value of W."""
    if n == 3:
        return 6 / np.pi * (np.arcsin(np.sqrt(w)) - np.arcsin(np.sqrt(0.75)))
    few = n <= 11
    y = np.log1p(-w)
    y = -np.log(0.459 * n - 2.273 - y) if few else y
    at: float = n if few else np.log(n)
    mean, log_deviation = (np.polynomial.polynomial.polyval(at, c) for c in (FEW if few else MANY))
    return special.ndtr((mean - y) / np.exp(log_deviation))


def swilk(y: Value, a: Any, init: Any) -> tuple[Any, Any, int]:
    """W and its p-value, for sorted data; SciPy's code stores the coefficients."""
    half = np.zeros(len(a))
    statistic, pvalue, fault = _swilk(unbox(y), half, init)
    signed = np.concatenate([-half, np.zeros(np.shape(y)[0] % 2), half[::-1]])
    deviation = y - np.mean(y)
    w = np.sum(signed * y) ** 2 / (np.sum(signed**2) * np.sum(deviation**2))
    return with_value(statistic, w), with_value(pvalue, _royston(w, len(signed))), fault


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


def _is_near_logarithm(plain: Any, power: Value) -> bool:
    """Whether powers of the elements differ little, so that SciPy's formulas lose digits."""
    if not plain.size or not np.all(plain > 0):
        return False
    return not abs(unbox(power)) * np.ptp(np.log(plain)) > 1


def pmean(a: Value, p: Value, *, axis: Any = 0, dtype: Any = None, weights: Any = None) -> Any:
    """Power means; beside p = 0, where SciPy takes the geometric mean, by their logarithm.

    It is that of the geometric mean, and ``log1p(p s) / p`` for a mean s that is 0 at p = 0.
    """
    a = NUMPY.asarray(a, dtype=dtype)
    plain = unbox(a)
    if not _is_near_logarithm(plain, p):
        return _scipys_pmean(a, p, axis=axis, dtype=dtype, weights=weights)
    given = map(deep_plain, (plain, p, weights))
    value = by_scipy(lambda a, p, w: _pmean(a, p, axis=axis, dtype=dtype, weights=w), *given)
    weights = None if weights is None else NUMPY.asarray(weights)
    logs = np.log(a)
    center = np.average(logs, axis=axis, weights=weights, keepdims=True)
    away = logs - center
    rest = np.average(away * special.exprel(p * away), axis=axis, weights=weights)
    return with_value(value, np.exp(np.reshape(center, np.shape(value)) + power_log(rest, p)))


def yeojohnson_transform(x: Value, lmbda: Value, xp: Any = None) -> Any:
    """By the power transform of Box and Cox, also at 0 and 2, where SciPy takes logarithms."""
    value = by_scipy(_yeojohnson_transform, *map(deep_plain, (x, lmbda)))
    above = np.asarray(unbox(x) >= 0)
    up, down = np.where(above, x, 0.0), np.where(above, 0.0, -x)
    traced = np.where(above, special.boxcox1p(up, lmbda), -special.boxcox1p(down, 2 - lmbda))
    return with_value(value, traced)


def boxcox_llf(data: Value, axis: Any = 0, *, lmb: Value) -> Any:
    """The likelihood of Box and Cox; beside the logarithm, at 0, by their transform."""
    data = NUMPY.asarray(data, dtype=float)
    plain = unbox(data)
    if not _is_near_logarithm(plain, lmb):
        return _scipys_llf(data, axis=axis, lmb=lmb)
    value = by_scipy(_llf, plain, axis=axis, lmb=deep_plain(lmb))
    spread = np.log(np.var(special.boxcox(data, lmb), axis=axis))
    sums = np.sum(np.log(data), axis=axis)
    return with_value(value, (lmb - 1) * sums - plain.shape[axis] / 2 * spread)


_yeojohnson_transform: Any = vars(_morestats)["_yeojohnson_transform"]
replace(_yeojohnson_transform, yeojohnson_transform)
_llf: Any = getattr(getattr(_morestats, "_boxcox_llf", None), "__wrapped__", None)
if _llf is not None:  # of newer releases
    _scipys_llf: Any = rebound(_llf)
    replace(_llf, boxcox_llf)
_pmean: Any = getattr(_stats_py.pmean, "__wrapped__", _stats_py.pmean)
_scipys_pmean: Any = rebound(_pmean)
replace(_pmean, pmean)
_swilk: Any = getattr(_morestats, "swilk", None)
_percentile: Any = getattr(_stats_py, "_compute_qth_percentile", None)
_cdf_distance: Any = getattr(_stats_py, "_cdf_distance", None)
for _home, _name, _new in (
    (_stats_mstats_common, "siegelslopes_pythran", siegelslopes),
    (_morestats, "swilk", swilk),
    (_stats_py, "_cdf_distance", cdf_distance),
    (_stats_py, "_compute_qth_percentile", percentile_of_sorted),
):
    if hasattr(_home, _name):
        replace(getattr(_home, _name), _new)

# Functions of ranks, constant in these arguments.
OF_RANKS = {"anderson_ksamp": "samples", "weightedtau": "x y", "somersd": "x y"}
