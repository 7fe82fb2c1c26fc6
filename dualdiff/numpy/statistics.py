"""Averages, variances, quantiles and correlations.

The standard deviation has derivative 0 where it is 0. The variance of complex data is the mean of
``|x - mean|**2``, which is real. Equal elements share the derivative of a quantile equally.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.boxes import is_box, plain, seen
from ..core.errors import MissingRuleError, user_line
from ..core.primitive import Primitive
from ..core.shapes import cast, dtype_of, shape_of
from ..core.traces import resolve
from ..kinds import elementwise, linear
from ._common import Axes, axes_of, implements, into, spread
from ._quantiles import quantile_rate
from .reductions import NoValue, conjugate, count, reduced, reduced_plainly, reduction, selected
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
    if dtype is None and where is True and out is None:
        return reduced_plainly(mean_p, a, axis, keepdims)
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
    deviation = conjugate(x - np.sum(x, axis=axis, keepdims=True) / n)
    dof = n - (ddof if correction is None else correction)
    if where is True:
        return v * (2 * deviation / max(dof, 0))
    return np.where(where, v * (2 * deviation / np.maximum(dof, 0)), 0)


def _nanvar_scaled(v: Any, x: Any, ans: Any, axis: Axes, where: Any = True, **options: Any) -> Any:
    return _var_scaled(v, x, ans, axis, where=where & ~np.isnan(plain(x)), **options)


var_p = reduction(np.var, _var_scaled)
nanvar_p = reduction(np.nanvar, _nanvar_scaled)


def _variance(prim: Primitive, skip_nan: bool) -> Callable[..., Any]:
    def var(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: Any = 0,
        keepdims: Any = False,
        *,
        where: Any = True,
        mean: Any = NoValue,
        correction: Any = NoValue,
    ) -> Any:
        given = {"dtype": dtype, "ddof": ddof, "correction": correction, "where": where}
        if mean is NoValue:
            return reduced(prim, a, axis, keepdims, out, **given)
        # A mean that is given may be traced as well: the composition says what it contributes.
        if correction is not NoValue:
            if ddof != 0:
                raise ValueError("ddof and correction can't be provided simultaneously.")
            ddof = correction
        taken: Any = np.broadcast_to(plain(where), shape_of(a))
        if skip_nan:
            taken = taken & ~np.isnan(plain(a))
            a = np.where(np.isnan(plain(a)), mean, a)
        deviation = a - mean
        if dtype_of(a).kind == "c":
            re, im = np.real(deviation), np.imag(deviation)
            squares = re * re + im * im
        else:
            squares = deviation * deviation
        total = np.sum(squares, axis=axis, dtype=dtype, keepdims=keepdims, where=where)
        n = np.sum(taken, axis=axis, keepdims=keepdims)
        return into(out, cast(total / np.maximum(n - ddof, 0), dtype_of(total)))

    return var


def _deviation(variance: Callable[..., Any]) -> Callable[..., Any]:
    def std(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        return into(out, root(variance(a, axis, dtype, None, *args, **kwargs)))

    return std


root = elementwise(np.sqrt, lambda ans: safe_divide(0.5, ans), name="root")
var = implements(np.var)(_variance(var_p, skip_nan=False))
nanvar = implements(np.nanvar)(_variance(nanvar_p, skip_nan=True))
std = implements(np.std)(_deviation(var))
nanstd = implements(np.nanstd)(_deviation(nanvar))


def _weights_of(a: Any, weights: Any, axis: Any) -> Any:
    """Weights of some axes, with an axis of length one for each of the others."""
    if shape_of(weights) == shape_of(a):
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    ndim = np.ndim(a)
    axes = axes_of(axis, ndim)
    if shape_of(weights) != tuple(shape_of(a)[i] for i in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along axis.")
    weights = np.transpose(weights, np.argsort(axes))
    shape = (n if i - ndim in axes else 1 for i, n in enumerate(shape_of(a)))
    return np.reshape(weights, tuple(shape))


@implements(np.average)
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    """``numpy.average``, differentiable in `a` and `weights`."""
    if weights is None:
        ans = np.mean(a, axis, keepdims=keepdims)
        total: Any = dtype_of(ans).type(np.size(a) / np.size(ans)) if returned else None
    else:
        weights = _weights_of(a, weights, axis)
        dtype = np.result_type(dtype_of(a), dtype_of(weights))
        if dtype_of(a).kind not in "fc":
            dtype = np.result_type(dtype, float)
        total = np.sum(weights, axis, dtype, keepdims=keepdims)
        if np.any(plain(total) == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        ans = np.sum(np.multiply(a, weights, dtype=dtype), axis, keepdims=keepdims) / total
    if not returned:
        return ans
    if shape_of(total) != shape_of(ans):
        total = np.copy(np.broadcast_to(total, shape_of(ans)))
    return ans, total


def _neighbours(x: Any, axis: Axes, q: Any, method: Any, skip_nan: bool) -> tuple[Any, Any, Any]:
    """The sorted elements below and above a quantile, and how far it lies between them."""
    rest = [i for i in range(-x.ndim, 0) if i not in axis]
    shape = (*(x.shape[i] for i in rest), count(x.shape, axis))
    lines = np.transpose(x, (*rest, *axis)).reshape(shape)
    used = lines.shape[-1] - (np.isnan(lines).sum(-1, keepdims=True) if skip_nan else 0)
    position = np.zeros((*lines.shape[:-1], 1))
    for n in np.unique(used):
        if n:  # NumPy's own place for the quantile of n elements, by whatever method
            position[used == n] = np.quantile(np.arange(int(n)), q, method=method)
    below = np.floor(position).astype(int)
    above = np.ceil(position).astype(int)
    lines = np.sort(lines, axis=-1)
    kept = tuple(1 if i in axis else x.shape[i] for i in range(-x.ndim, 0))
    low, high = (np.take_along_axis(lines, i, -1).reshape(kept) for i in (below, above))
    return low, high, (position - below).reshape(kept)


def _quantile_scaled(percent: float, skip_nan: bool) -> Callable[..., Any]:
    def scaled(v: Any, x: Any, ans: Any, axis: Axes, q: Any = 0.5, method: str = "linear") -> Any:
        if np.size(x) == 0:
            return v * x
        x, ans = np.asarray(plain(x)), plain(ans)
        low, high, part = _neighbours(x, axis, np.true_divide(q, percent), method, skip_nan)
        low, high = np.where(np.isnan(ans), ans, low), np.where(np.isnan(ans), ans, high)
        below, above = selected(v, x, low, axis), selected(v, x, high, axis)
        return (1 - part) * below + part * above

    return scaled


def _quantile(function: Callable[..., Any], percent: float, skip_nan: bool) -> Callable[..., Any]:
    name = function.__name__

    def of_values(x: Any, axis: Axes, keepdims: bool, q: Any, method: str) -> Any:
        return function(x, q, axis=axis, method=method, keepdims=keepdims)

    prim = reduction(of_values, _quantile_scaled(percent, skip_nan), name)

    def quantile(
        a: Any,
        q: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Any = False,
        *,
        weights: Any = None,
    ) -> Any:
        if weights is not None:
            raise MissingRuleError(
                f"numpy.{name} has no derivative rule for `weights`, {user_line()}; leave them out."
            )
        if is_box(q):
            value = quantile(a, seen(q), axis, None, False, method, keepdims)
            rate = quantile_rate(a, seen(q) / percent, axis, method, skip_nan, bool(keepdims))
            moved = (q - seen(q)) / percent
            moved = np.reshape(moved, np.shape(q) + (1,) * (np.ndim(value) - np.ndim(q)))
            return into(out, cast(value + rate * moved, dtype_of(value)))
        if np.ndim(q) == 0:
            return reduced(prim, a, axis, keepdims, out, q=q, method=method)
        qs = np.asarray(q)
        # NumPy takes a scalar q in the precision of `a`, but not an array.
        arrays = map(np.asarray, qs.flat)
        each = [reduced(prim, a, axis, keepdims, q=p, method=method) for p in arrays]
        return into(out, np.reshape(np.stack(each), qs.shape + shape_of(each[0])))

    return implements(function)(quantile)


def _median(function: Callable[..., Any], skip_nan: bool) -> Callable[..., Any]:
    prim = reduction(function, _quantile_scaled(1, skip_nan))

    def median(
        a: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        keepdims: Any = False,
    ) -> Any:
        return reduced(prim, a, axis, keepdims, out)

    return implements(function)(median)


median = _median(np.median, skip_nan=False)
nanmedian = _median(np.nanmedian, skip_nan=True)
quantile = _quantile(np.quantile, 1, skip_nan=False)
percentile = _quantile(np.percentile, 100, skip_nan=False)
nanquantile = _quantile(np.nanquantile, 1, skip_nan=True)
nanpercentile = _quantile(np.nanpercentile, 100, skip_nan=True)


def _variables(m: Any, rowvar: bool) -> Any:
    """Observations as a matrix with one row per variable."""
    m = resolve(m)
    if np.ndim(m) > 2:
        raise ValueError("m and y may have no more than 2 dimensions")
    if np.ndim(m) < 2:
        return np.reshape(m, (1, -1))
    return m if rowvar else np.transpose(m)


@implements(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """``numpy.cov``, differentiable in `m`, `y` and `aweights`."""
    x = _variables(m, rowvar)
    if y is not None:
        x = np.concatenate([x, _variables(y, rowvar or np.shape(y)[0] == 1)], axis=0)
    x = cast(x, np.dtype(dtype or np.result_type(dtype_of(x), float)))
    if shape_of(x)[0] == 0:
        return np.zeros((0, 0))
    n = shape_of(x)[1]
    # NumPy's own complaints about ddof and weights, at little cost.
    np.cov(np.zeros((1, n)), None, True, bias, ddof, plain(fweights), plain(aweights))
    ddof = int(not bias) if ddof is None else ddof
    w = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    mean, total = np.average(x, axis=1, weights=w, returned=True)
    if w is None:
        dof: Any = n - ddof
    elif ddof == 0 or aweights is None:
        dof = total[0] - ddof
    else:
        dof = total[0] - ddof * np.sum(w * aweights) / total[0]
    if plain(dof) <= 0:
        dof = 0.0
    x = x - mean[:, None]
    other = np.transpose(x if w is None else x * w)
    return np.squeeze(np.dot(x, conjugate(other)) * np.true_divide(1, dof))


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """``numpy.corrcoef``."""
    c = cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    c = c / deviation[:, None] / deviation[None, :]
    if dtype_of(c).kind == "c":
        return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
    return np.clip(c, -1, 1)
