"""Tests of scipy.stats whose p-values SciPy finds by random points: dunnett and goodness_of_fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats
from scipy import special
from scipy.stats import _fit, _multicomp

from ....array.box import is_box, unbox
from ....core.types import Value
from ..arguments import any_traced, by_scipy
from ..pieces import Underived
from ..rebinding import NUMPY, deep_plain, rebound, replace
from ..special.kinds import gauss_legendre
from .orthants import scales
from .values import with_value

NODES, WEIGHTS = gauss_legendre(16)
FAR = 9.0  # standard deviations of a normal variable
_private: Any = _fit
_dunnett: Any = getattr(_multicomp, "_pvalue_dunnett", None)


def _loadings(rho: Any) -> Any:
    """The numbers a with ``rho[i, j] == a[i] * a[j]`` for all pairs."""
    n = len(rho)
    if n < 3:
        return np.full(n, np.sqrt(rho[0, 1]) if n == 2 else 0.0)
    others = [[k for k in range(n) if k != i][:2] for i in range(n)]
    return np.array([np.sqrt(rho[i, j] * rho[i, k] / rho[j, k]) for i, (j, k) in enumerate(others)])


def _all_within(t: Value, rho: Any, df: float, sides: int) -> Any:
    """The probability that all t variables are at most t, or their absolute values, less what does
    not depend on t (Dunnett 1955).

    Given the control's normal variable and the common scale, the others are independent.
    """
    loadings = _loadings(rho)
    rest = np.sqrt((1 - loadings) * (1 + loadings))
    panels = int(np.ceil(2 * FAR / min(2.0, 3 * np.min(rest))))
    z = FAR * (2 * (np.arange(panels)[:, None] + NODES).ravel() / panels - 1)
    z_weights = np.tile(WEIGHTS, panels) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    z_weights = z_weights * 2 * FAR / panels
    s, s_weights, _ = scales(df, max(1.0, float(np.max(np.abs(unbox(t))) / np.min(rest))))
    product: Any = 1.0
    for a, b in zip(loadings, rest, strict=True):
        upper = (t[:, None, None] * s[:, None] - a * z) / b
        inside = special.ndtr(upper)
        if sides == 2:
            inside = inside - special.ndtr(-(t[:, None, None] * s[:, None] + a * z) / b)
        product = product * inside
    return np.matmul(np.matmul(product, z_weights), s_weights)


def pvalue_dunnett(rho: Any, df: Any, statistic: Value, alternative: str, rng: Any = None) -> Any:
    """SciPy's p-values, with derivatives in the statistics."""
    value = by_scipy(_dunnett, rho, df, unbox(statistic), alternative, rng)
    if not is_box(statistic):
        return value
    t = np.abs(statistic) if alternative == "two-sided" else statistic
    sides, sign = (2 if alternative == "two-sided" else 1), (-1.0 if alternative == "less" else 1.0)
    return with_value(value, -_all_within(sign * np.reshape(t, (-1,)), rho, float(df), sides))


def goodness_of_fit(
    dist: Any,
    data: Value,
    *,
    known_params: Any = None,
    fit_params: Any = None,
    guessed_params: Any = None,
    statistic: Any = "ad",
    **options: Any,
) -> Any:
    """The statistic as a function of the data and the known parameters, through the fit.

    The p-value counts samples: its derivative is 0. The samples of the null distribution have none.
    """
    given = known_params or {}, fit_params or {}, guessed_params or {}
    known, fixed, guessed = ({k: deep_plain(v) for k, v in p.items()} for p in given)
    compare = statistic

    if callable(statistic):

        def compare(frozen: Any, sample: Any, axis: int) -> Any:
            return unbox(statistic(frozen, sample, axis))

    found = by_scipy(
        scipy.stats.goodness_of_fit, dist, deep_plain(data), known_params=known, fit_params=fixed,
        guessed_params=guessed, statistic=compare, **options,
    )  # fmt: skip
    data = NUMPY.asarray(data, dtype=float)
    if not callable(statistic):
        statistic = rebound(_private._compare_dict[statistic.lower()])
    known, fixed = ({f"f{k}": v for k, v in p.items()} for p in given[:2])
    of_null = _estimate(dist, data, guessed, known | fixed)
    of_family = _estimate(dist, data, given[1] | guessed, known)
    traced = statistic(dist(*of_family), data, axis=-1)
    fit = found.fit_result
    estimate = [with_value(v, e) for v, e in zip(fit.params, of_null, strict=True)]
    fit.params, fit._data = type(fit.params)(*estimate), data
    null = found.null_distribution
    if any_traced(estimate):
        why = "its samples are random numbers of a distribution that is fitted to traced values"
        null = Underived(null, "goodness_of_fit(...).null_distribution", why)
    return type(found)(fit, with_value(found.statistic, traced), found.pvalue, null)


def _estimate(dist: Any, data: Value, guessed: Any, fixed: Any) -> list[Any]:
    """The parameters of the distribution, fitted as SciPy fits them here."""
    shapes = [] if dist.shapes is None else dist.shapes.split(", ")
    names = [f"f{name}" for name in (*shapes, "loc", "scale")]
    if not set(names) - set(fixed):
        return [fixed[name] for name in names]
    if dist in _private._fit_funs:
        return list(rebound(_private._fit_funs[dist])(data, **fixed))
    starts = [guessed[name] for name in shapes if name in guessed]
    others = {k: v for k, v in guessed.items() if k not in shapes}
    return list(dist.fit(data, *starts, **others, **fixed))


if _dunnett is not None:
    replace(_dunnett, pvalue_dunnett)
replace(scipy.stats.goodness_of_fit, goodness_of_fit)
