"""Averages, variances and quantiles.

The standard deviation has derivative 0 at 0. The variance of complex data is the mean of
``|x - mean|**2``, which is real. Equal elements share the derivative of a quantile equally.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.box import is_box, observe, unbox
from ...array.kinds import has_foreign
from ...core.batch import cast, dtype_of, shape_of
from ...core.primitive import Primitive
from ...core.types import Cotangent, Value
from ..declare import elementwise, linear
from ..structures import Reduction
from .common import Axes, axes_of, implements, into, strip, target_of
from .creation import given
from .kinks import beside, kink, lift_zeros, step_taken
from .quantiles import quantile_rate
from .reductions import (
    STRICT,
    NoValue,
    conjugate,
    count,
    reduced,
    reduced_plainly,
    reduction,
    selected,
    spread,
)
from .slopes import safe_divide


def _mean(x: Value, axis: Axes, keepdims: bool, options: dict[str, Any]) -> Any:
    return np.mean(x, axis=axis, keepdims=keepdims, **options)


def _mean_vjp(
    g: Cotangent, x_spec: Any, axis: Axes, keepdims: bool, options: dict[str, Any]
) -> Cotangent:
    shape, where = x_spec.shape, options.get("where", True)
    if where is True:
        return spread(g / count(shape, axis), axis, shape, keepdims)
    share = spread(g, axis, shape, keepdims) / count(shape, axis, where)
    return np.where(where, share, 0)


mean_p = linear(_mean, _mean_vjp, name="mean", structure=Reduction())


@implements(np.mean)
def mean(
    a: Value,
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
    return _averaged(np.mean, mean_p, a, axis, dtype, out, keepdims, where)


def _averaged(
    function: Any, prim: Primitive, a: Value, axis: Any, dtype: Any, out: Any, keepdims: Any,
    where: Any,
) -> Any:  # fmt: skip
    made = _made_by(function, a, axis, dtype, out, keepdims, {"where": where})
    if made is None:
        return reduced(prim, a, axis, keepdims, dtype=dtype, where=where)
    return into(out, given(reduced(prim, a, axis, keepdims, where=where), made), "unsafe")


def _nanmean_scaled(
    v: Any, x: Value, ans: Value, axis: Axes, dtype: Any = None, where: Any = True
) -> Any:
    where = where & ~np.isnan(unbox(x))
    return np.where(where, v / count(shape_of(x), axis, where), 0)


nanmean_p = reduction(np.nanmean, _nanmean_scaled)


@implements(np.nanmean)
def nanmean(
    a: Value,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Any:
    """``numpy.nanmean``: NaNs have derivative 0."""
    return _averaged(np.nanmean, nanmean_p, a, axis, dtype, out, keepdims, where)


def _var_scaled(
    v: Any,
    x: Value,
    ans: Value,
    axis: Axes,
    dtype: Any = None,
    ddof: Any = 0,
    correction: Any = None,
    where: Any = True,
) -> Any:
    if where is not True:
        x = np.where(where, x, 0)  # also where it is infinite or NaN
    center = x
    if dtype is not None and dtype_of(x).kind == "c":
        center = np.real(x)  # NumPy takes the mean in a real dtype, the deviations as they are
    elif dtype is not None:
        x = center = cast(x, np.dtype(dtype))
    n = count(shape_of(x), axis, where)
    deviation = conjugate(x - np.sum(center, axis=axis, keepdims=True) / n)
    dof = n - (ddof if correction is None else correction)
    if where is True:
        return v * (2 * deviation / max(dof, 0))
    return np.where(where, v * (2 * deviation / np.maximum(dof, 0)), 0)


def _nanvar_scaled(
    v: Any, x: Value, ans: Value, axis: Axes, where: Any = True, **options: Any
) -> Any:
    return _var_scaled(v, x, ans, axis, where=where & ~np.isnan(unbox(x)), **options)


var_p = reduction(np.var, _var_scaled)
nanvar_p = reduction(np.nanvar, _nanvar_scaled)


def _made_by(
    function: Any, a: Value, axis: Any, dtype: Any, out: Any, keepdims: Any, options: dict[str, Any]
) -> Any:
    """NumPy's own value if it computes in another dtype than `a` or `dtype`, else None."""
    out = target_of(out)
    if out is None and (dtype is None or np.dtype(dtype).kind == "f"):
        return None
    buffer = None if out is None else np.empty(out.shape, out.dtype)
    return function(observe(a), axis, dtype, buffer, keepdims=keepdims, **options)


def _moment(value: Callable[..., Any]) -> Callable[..., Any]:
    """A function with the signature of ``numpy.var`` from ``value(a, axis, dtype, out, keepdims,
    options)``, where the options are `ddof`, `where`, `mean` and `correction`."""

    def moment(
        a: Value,
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
        options = {"ddof": ddof, "correction": correction, "where": where, "mean": mean}
        return value(a, axis, dtype, out, keepdims, options)

    return moment


def _variance(function: Any, prim: Primitive, skip_nan: bool) -> Callable[..., Any]:
    def var(a: Value, axis: Any, dtype: Any, out: Any, keepdims: Any, options: Any) -> Any:
        mean = options.pop("mean")
        if mean is NoValue:
            made = _made_by(function, a, axis, dtype, out, keepdims, options)
            if made is None:
                return reduced(prim, a, axis, keepdims, dtype=dtype, **options)
            return into(out, given(reduced(prim, a, axis, keepdims, **options), made), "unsafe")
        # A mean that is given may be traced as well: the composition says what it contributes.
        ddof, where = options["ddof"], options["where"]
        if options["correction"] is not NoValue:
            if ddof != 0:
                raise ValueError("ddof and correction can't be provided simultaneously.")
            ddof = options["correction"]
        taken: Any = np.broadcast_to(unbox(where), shape_of(a))
        own_dtype = dtype_of(a)
        if skip_nan:
            taken = taken & ~np.isnan(unbox(a))
            a = np.where(np.isnan(unbox(a)), mean, a)
        deviation = a - mean
        if skip_nan and own_dtype.kind in "fc":  # in the copy that NumPy makes of `a`
            deviation = cast(deviation, own_dtype)
        if dtype_of(a).kind == "c":
            re, im = np.real(deviation), np.imag(deviation)
            squares = re * re + im * im
        else:
            squares = deviation * deviation
        total = np.sum(squares, axis=axis, dtype=dtype, keepdims=keepdims, where=where)
        n = np.sum(taken, axis=axis, keepdims=keepdims)
        return into(out, cast(total / np.maximum(n - ddof, 0), dtype_of(total)), "unsafe")

    return _moment(var)


def _all_equal(a: Value, axis: Any, where: Any, skip_nan: bool) -> Any:
    """Where all elements are equal, so that only rounding makes a deviation."""
    x = np.asarray(unbox(a))
    if skip_nan:
        where = where & ~np.isnan(x)
    options: Any = {"axis": axis, "keepdims": True}

    def equal(x: Value) -> Any:
        high = np.max(x, where=where, initial=-np.inf, **options)
        return high == np.min(x, where=where, initial=np.inf, **options)

    return equal(x.real) & equal(x.imag) if x.dtype.kind == "c" else equal(x)


def _deviation(function: Any, variance: Callable[..., Any], skip_nan: bool) -> Callable[..., Any]:
    def std(a: Value, axis: Any, dtype: Any, out: Any, keepdims: Any, options: Any) -> Any:
        if options["mean"] is NoValue:
            plainly = {name: v for name, v in options.items() if name != "mean"}
            made = _made_by(function, a, axis, dtype, out, keepdims, plainly)
            if made is not None:
                ans = root(variance(a, axis, keepdims=keepdims, **plainly))
                return into(out, given(ans, made), "unsafe")
        if options["mean"] is NoValue and is_box(a) and not has_foreign(a):
            equal = _all_equal(a, axis, strip(options["where"]), skip_nan)
            if np.any(equal):  # then rounding may leave deviations from the mean
                ans = root(variance(unbox(a), axis, dtype, keepdims=keepdims, **options))
                a = a - np.where(equal, unbox(a), 0)
                zero = root(variance(a, axis, dtype, keepdims=keepdims, **options))
                return into(out, given(zero, ans) if step_taken.get() is None else zero)
        ans = root(variance(a, axis, dtype, keepdims=keepdims, **options))
        if options["mean"] is NoValue and is_box(ans) and not has_foreign(a):
            taken = strip(options["where"])
            scale = _scale_of_squares(a, ans, axis, taken, skip_nan)
            if scale is not None:
                of_one = root(variance(a / scale, axis, dtype, keepdims=keepdims, **options))
                ans = given(of_one * np.reshape(scale, shape_of(ans)), unbox(ans))
        return into(out, ans)

    return _moment(std)


def _scale_of_squares(a: Value, ans: Value, axis: Any, where: Any, skip_nan: bool) -> Any:
    """Powers of 2 of the size of deviations whose squares overflow or underflow, or None."""
    plain = np.abs(unbox(ans))
    limits = np.finfo(plain.dtype)
    low, high = float(limits.tiny) ** 0.5 / float(limits.eps), float(limits.max) ** 0.4
    if np.all((plain > low) & (plain < high)):
        return None
    x = np.abs(unbox(a)) if dtype_of(a).kind == "c" else unbox(a)
    if skip_nan:
        where = where & ~np.isnan(x)
    high = np.max(x, axis, keepdims=True, where=where, initial=-np.inf)
    size = high - np.min(x, axis, keepdims=True, where=where, initial=np.inf)
    return np.exp2(np.floor(np.log2(np.where((size > 0) & np.isfinite(size), size, 1))))


def _root(x: Value) -> Any:
    """The square root, by this primitive on boxes of outer levels too: `numpy.sqrt` has another."""
    return root(x) if is_box(x) else np.sqrt(x)


def _root_slope(ans: Value) -> Any:
    return kink(safe_divide(0.5, ans), ans, unbox(ans) == 0)


root = elementwise(_root, lambda ans: _root_slope(ans), name="root")
beside(root)(lift_zeros)
var = implements(np.var)(_variance(np.var, var_p, skip_nan=False))
nanvar = implements(np.nanvar)(_variance(np.nanvar, nanvar_p, skip_nan=True))
std = implements(np.std)(_deviation(np.std, var, skip_nan=False))
nanstd = implements(np.nanstd)(_deviation(np.nanstd, nanvar, skip_nan=True))


def _weights_of(a: Value, weights: Any, axis: Any) -> Any:
    """Weights of some axes, with an axis of length one for each other axis."""
    if axis is not None:
        axes_of(axis, np.ndim(a))  # NumPy's error for one that is not there
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
    a: Value,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: Any = False,
) -> Any:
    """``numpy.average``, differentiable in `a` and `weights`."""
    if weights is None:
        ans = np.mean(a, axis, keepdims=keepdims)
        total: Any = dtype_of(ans).type(np.size(a) / np.size(ans))  # raises if there is none
    else:
        weights = _weights_of(a, weights, axis)
        dtype = np.result_type(dtype_of(a), dtype_of(weights))
        if dtype_of(a).kind not in "fc":
            dtype = np.result_type(dtype, float)
        total = np.sum(weights, axis, dtype, keepdims=keepdims)
        if not has_foreign(total) and np.any(unbox(total) == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        ans = np.sum(np.multiply(a, weights, dtype=dtype), axis, keepdims=keepdims) / total
    if not returned:
        return ans
    if shape_of(total) != shape_of(ans):
        total = np.copy(np.broadcast_to(total, shape_of(ans)))
    return ans, total


def _neighbours(x: Value, axis: Axes, q: Any, method: Any, skip_nan: bool) -> tuple[Any, Any, Any]:
    """The sorted elements below and above a quantile, and its position between them."""
    rest = [i for i in range(-x.ndim, 0) if i not in axis]
    shape = (*(x.shape[i] for i in rest), count(x.shape, axis))
    lines = np.transpose(x, (*rest, *axis)).reshape(shape)
    used = lines.shape[-1] - (np.isnan(lines).sum(-1, keepdims=True) if skip_nan else 0)
    position = np.zeros((*lines.shape[:-1], 1))
    for n in np.unique(used):
        if n:  # NumPy's own position of the quantile among n elements, for any method
            position[used == n] = np.quantile(np.arange(int(n)), q, method=method)
    below = np.floor(position).astype(int)
    above = np.ceil(position).astype(int)
    lines = np.sort(lines, axis=-1)
    kept = tuple(1 if i in axis else x.shape[i] for i in range(-x.ndim, 0))
    low, high = (np.take_along_axis(lines, i, -1).reshape(kept) for i in (below, above))
    return low, high, (position - below).reshape(kept)


def _quantile_scaled(percent: float, skip_nan: bool) -> Callable[..., Any]:
    def scaled(
        v: Any,
        x: Value,
        ans: Value,
        axis: Axes,
        q: Any = 0.5,
        method: str = "linear",
        weights: Any = None,
    ) -> Any:
        if np.size(x) == 0:
            return v * x
        x, ans = np.asarray(unbox(x)), unbox(ans)
        if weights is not None:
            return selected(v, x, ans, axis)
        low, high, part = _neighbours(x, axis, np.true_divide(q, percent), method, skip_nan)
        low, high = np.where(np.isnan(ans), ans, low), np.where(np.isnan(ans), ans, high)
        below, above = selected(v, x, low, axis), selected(v, x, high, axis)
        return (1 - part) * below + part * above

    return scaled


def _quantile(function: Callable[..., Any], percent: float, skip_nan: bool) -> Callable[..., Any]:
    name = function.__name__

    def of_values(
        x: Value, axis: Axes, keepdims: bool, q: Any, method: str, weights: Any = None
    ) -> Any:
        return function(x, q, axis=axis, method=method, keepdims=keepdims, weights=weights)

    prim = reduction(of_values, _quantile_scaled(percent, skip_nan), name)
    STRICT.add(prim)

    def quantile(
        a: Value,
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
            # It is an element of `a`, the same one for all weights and q near these.
            q, weights = strip(q), strip(weights)
        options: Any = {"method": method, "weights": weights}
        if not np.size(q):
            return into(out, function(observe(a), observe(q), axis, keepdims=keepdims, **options))
        if out is not None:  # in whose dtype NumPy goes from one element to the next
            out = target_of(out)
            made = np.empty(out.shape, out.dtype)
            function(observe(a), observe(q), axis, made, keepdims=keepdims, **options)
            ans = quantile(a, q, axis, None, False, method, keepdims, weights=weights)
            return into(out, given(ans, made), "unsafe")
        if is_box(q):
            value = quantile(a, observe(q), axis, None, False, method, keepdims)
            rate = quantile_rate(a, observe(q) / percent, axis, method, skip_nan, bool(keepdims))
            moved = (q - observe(q)) / percent
            moved = np.reshape(moved, np.shape(q) + (1,) * (np.ndim(value) - np.ndim(q)))
            return cast(value + rate * moved, dtype_of(value))
        if np.ndim(q) == 0:
            return reduced(prim, a, axis, keepdims, q=q, **options)
        qs = np.asarray(q)
        # NumPy takes a scalar q in the precision of `a`, but not an array.
        arrays = map(np.asarray, qs.flat)
        each = [reduced(prim, a, axis, keepdims, q=p, **options) for p in arrays]
        return np.reshape(np.stack(each), qs.shape + shape_of(each[0]))

    return implements(function)(quantile)


def _median(function: Callable[..., Any], skip_nan: bool) -> Callable[..., Any]:
    prim = reduction(function, _quantile_scaled(1, skip_nan))
    STRICT.add(prim)

    def median(
        a: Value,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        keepdims: Any = False,
    ) -> Any:
        out = target_of(out)
        made = None if out is None else np.empty(out.shape, out.dtype)
        if made is not None:  # of another dtype it may be, in which NumPy takes the mean
            function(observe(a), axis, made, keepdims=keepdims)
        ans = reduced(prim, a, axis, keepdims)
        return ans if made is None else into(out, given(ans, made), "unsafe")

    return implements(function)(median)


STRICT |= {mean_p, var_p}
median = _median(np.median, skip_nan=False)
nanmedian = _median(np.nanmedian, skip_nan=True)
quantile = _quantile(np.quantile, 1, skip_nan=False)
percentile = _quantile(np.percentile, 100, skip_nan=False)
nanquantile = _quantile(np.nanquantile, 1, skip_nan=True)
nanpercentile = _quantile(np.nanpercentile, 100, skip_nan=True)
