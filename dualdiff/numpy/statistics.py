"""Averages, variances, quantiles and correlations.

The standard deviation has derivative 0 where it is 0. The variance of complex data is the mean of
``|x - mean|**2``, which is real. Equal elements share the derivative of a quantile equally.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.boxes import is_box, plain
from ..core.errors import MissingRuleError, user_line
from ..core.primitive import Primitive
from ..core.shapes import cast, dtype_of, shape_of
from ..kinds import elementwise, linear
from ._common import Axes, axes_of, axis_of, implements, into, spread, strip
from .reductions import NoValue, count, reduced, reduction, selected
from .ufuncs import safe_divide


def _mean(x: Any, axis: Axes, keepdims: bool, options: dict[str, Any]) -> Any:
    return np.mean(x, axis=axis, keepdims=keepdims, **options)


def _mean_pull(g: Any, x_spec: Any, axis: Axes, keepdims: bool, options: dict[str, Any]) -> Any:
    shape, where = x_spec.shape, options.get("where", True)
    if where is True:
        return spread(g / count(shape, axis), axis, shape, keepdims)
    share = spread(g, axis, shape, keepdims) / count(shape, axis, where)
    return np.where(where, share, 0)


mean_p = linear(_mean, _mean_pull, name="mean", structure="reduction")


@implements(np.mean)
def mean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Any:
    """``numpy.mean``."""
    return reduced(mean_p, a, axis, keepdims, out, dtype=dtype, where=where)


def _nanmean_scaled(
    v: Any, x: Any, ans: Any, axis: Axes, dtype: Any = None, where: Any = True
) -> Any:
    where = where & ~np.isnan(plain(x))
    return np.where(where, v / count(shape_of(x), axis, where), 0)


nanmean_p = reduction(np.nanmean, _nanmean_scaled)


@implements(np.nanmean)
def nanmean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Any:
    """``numpy.nanmean``: NaNs have derivative 0."""
    return reduced(nanmean_p, a, axis, keepdims, out, dtype=dtype, where=where)


def _var_scaled(
    v: Any,
    x: Any,
    ans: Any,
    axis: Axes,
    dtype: Any = None,
    ddof: Any = 0,
    correction: Any = None,
    where: Any = True,
) -> Any:
    if dtype is not None:
        x = cast(x, np.dtype(dtype))
    if where is not True:
        x = np.where(where, x, 0)  # also where it is infinite or NaN
    n = count(shape_of(x), axis, where)
    deviation = np.conjugate(x - np.sum(x, axis=axis, keepdims=True) / n)
    v = v * (2 * deviation / np.maximum(n - (ddof if correction is None else correction), 0))
    return v if where is True else np.where(where, v, 0)


def _nanvar_scaled(
    v: Any, x: Any, ans: Any, axis: Axes, where: Any = True, **options: Any
) -> Any:
    return _var_scaled(v, x, ans, axis, where=where & ~np.isnan(plain(x)), **options)


var_p = reduction(np.var, _var_scaled)
nanvar_p = reduction(np.nanvar, _nanvar_scaled)


def _var_about(
    a: Any, mean: Any, axis: Any, dtype: Any, keepdims: Any, ddof: Any, where: Any, nan: Any
) -> Any:
    """The mean square of the deviations from a mean that is given, and may be traced as well."""
    deviation = a - mean
    if nan is not None:
        deviation = np.where(nan, 0, deviation)
    if dtype_of(deviation).kind == "c":
        real, imag = np.real(deviation), np.imag(deviation)
        squares = real * real + imag * imag
    else:
        squares = deviation * deviation
    total = sum_of(squares, axis, dtype, None, keepdims, where=where)
    taken = np.broadcast_to(where if nan is None else where & ~nan, shape_of(a))
    n = np.sum(taken, axis=axis, keepdims=keepdims is not NoValue and bool(keepdims))
    return cast(total / np.maximum(n - ddof, 0), dtype_of(total))
