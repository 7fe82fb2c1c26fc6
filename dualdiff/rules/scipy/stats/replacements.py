"""Replacements of helpers of scipy.stats that make plain arrays, and of numerical methods."""

from __future__ import annotations

import contextlib
import functools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import scipy.integrate
import scipy.linalg
import scipy.stats
from scipy.stats import _distn_infrastructure as infrastructure
from scipy.stats import _kde

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Tangent, Value
from ....errors import UnsupportedInputError, user_line
from ....transforms.implicit import corrected
from .. import array_api  # noqa: F401  # replacements that all copies need
from .. import linalg as linalg_rules
from .. import special as special_rules
from ..rebinding import AFTER, NUMPY, REBUILT_MODULES, deep_plain, rebound, replace
from ..solving import by_scipy
from ..special.kinds import declared, gauss_legendre, lost

PI_BY_2 = np.pi / 2
REBUILT_MODULES.update(
    f"scipy.stats._{name}"
    for name in (
        "distn_infrastructure", "continuous_distns", "discrete_distns", "multivariate",
        "covariance", "levy_stable", "kde", "distribution_infrastructure", "new_distributions",
        "probability_distribution",
    )
)  # fmt: skip


_with_value = declared(
    lambda x, y: np.add(y, np.zeros(np.shape(x)))[()], 1.0, 0.0, name="stats.with_value"
)


def with_value(value: Value, traced: Any) -> Any:
    """A plain value with the derivatives of a traced one, whose own value may be NaN."""
    return _with_value(traced, value) if is_box(traced) else value


def with_scipys(
    name: str, function: Callable[..., Any], method: str = "_pdf"
) -> Callable[..., Any]:
    """A density, or its logarithm, of rounding of its own, with SciPy's value."""
    scipys: Any = getattr(getattr(scipy.stats, name), method)

    def density(*at: Value) -> Any:
        with np.errstate(all="ignore"):
            return with_value(scipys(*map(unbox, at)), function(*at))

    return density


def poisoned(
    value: Value, given: Sequence[Any], is_integral: bool = False, wrong: Any = False
) -> Any:
    """`value`, whose derivatives are NaN at the places `wrong`, and where it is NaN itself, or an
    integral that diverges."""
    if isinstance(value, tuple):
        return tuple(poisoned(v, given, is_integral) for v in value)
    wrong = wrong | (~np.isfinite(unbox(value)) if is_integral else np.isnan(unbox(value)))
    if not np.any(wrong):
        return value
    shape = shape_of(value)
    traced = [x for x in given if is_box(x) and np.broadcast_shapes(shape_of(x), shape) == shape]
    return with_value(unbox(value), value + lost(wrong, *traced)) if traced else value


def nan_throughout(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`; where one of its results is NaN, so are all derivatives of this result."""

    @functools.wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        traced = [np.sum(x) for x in (*args, *kwargs.values()) if is_box(x)]
        value = function(*args, **kwargs)
        return _nan_where_nan(value, traced) if traced else value

    return either


def _nan_where_nan(value: Any, traced: Sequence[Any]) -> Any:
    if isinstance(value, tuple):
        parts = [_nan_where_nan(v, traced) for v in value]
        if all(map(operator.is_, parts, value)):
            return value
        made = tuple.__new__(type(value), parts)
        if hasattr(value, "__dict__"):
            vars(made).update(vars(value))
        return made
    for name in ("statistic", "pvalue"):
        if name in getattr(value, "__dict__", ()):  # of a class of SciPy's for results
            object.__setattr__(value, name, _nan_where_nan(vars(value)[name], traced))
    is_real = is_box(value) or isinstance(value, (np.ndarray, np.floating))
    if not is_real or np.asarray(unbox(value)).dtype.kind != "f":
        return value
    wrong = np.isnan(unbox(value))
    return value + lost(wrong, *traced) if np.any(wrong) else value


# Quadrature: SciPy's value, the derivative of Gauss rules after a double exponential change of the
# variable (Mori and Sugihara 2001), on panels that are halved until the value settles: near kinks.
NODES, NODE_WEIGHTS = gauss_legendre(16)
# x comes to 1e-137: densities may be singular at the ends. Kinks should not lie between two panels.
ENDS = np.linspace(-6.0123, 5.9871, 15)
HALVINGS = 30
MOST = 600  # panels of one width: rounding errors may exceed the bound on all of them
KINK = 8  # halvings that a smooth function does not need
LOST = 1e-6  # the part of an integral that may lie closer to the ends than numbers do


def _changed(t: Tangent, a: Value, b: Value) -> tuple[Any, Any]:
    """x of the new variable t, and dx/dt."""
    s, slope = PI_BY_2 * np.sinh(t), PI_BY_2 * np.cosh(t)
    if np.isfinite(unbox(a)) and np.isfinite(unbox(b)):
        low, high = 1 / (1 + np.exp(-2 * s)), 1 / (1 + np.exp(2 * s))
        x = np.where(low < 0.5, a + (b - a) * low, b - (b - a) * high)
        return x, 2 * low * high * slope * (b - a)
    if np.isfinite(unbox(a)) or np.isfinite(unbox(b)):
        steps = np.exp(s)
        return (a + steps if np.isfinite(unbox(a)) else b - steps), steps * slope
    return np.sinh(s), np.cosh(s) * slope


def _panels(left: Any, right: Any) -> tuple[Any, Any]:
    """Nodes and weights on panels, of shape (panels, nodes)."""
    width = (right - left)[:, None]
    return left[:, None] + width * NODES, width * NODE_WEIGHTS


def _settled(heights: Any) -> tuple[Any, Any, float]:
    """The ends of panels on which the integral of a function of t is settled, and the rest: the
    change by the last halving where it is not, as in a heavy tail with oscillations."""

    def sums(left: Any, right: Any) -> Any:
        t, weights = _panels(left, right)
        return np.sum(np.reshape(heights(t.ravel()), t.shape) * weights, axis=-1)

    left, right = ENDS[:-1], ENDS[1:]
    values = sums(left, right)
    total = np.sum(np.abs(values))
    settled: list[Any] = []
    depth, rest = 0, 0.0
    while len(values):  # one call for each width: calls are what costs
        middle = (left + right) / 2
        halves = np.stack([sums(left, middle), sums(middle, right)], axis=-1)
        change = np.abs(np.sum(halves, axis=-1) - values)
        # At a kink of f the derivative jumps: panels must shrink until they do not matter.
        small = change <= np.maximum(3e-14 * np.abs(values), 1e-18 * total)
        if depth == HALVINGS or len(values) > MOST:
            rest += float(np.sum(change[~small]))
            small[:] = True
        settled += [(left[small], middle[small]), (middle[small], right[small])]
        wide = ~small
        left, right = (
            np.stack(ends, axis=-1)[wide].ravel() for ends in ((left, middle), (middle, right))
        )
        values = halves[wide].ravel()
        depth += 1
    left, right = map(np.concatenate, zip(*settled, strict=True))
    return left, right, rest


def adaptive(f: Any, a: Value, b: Value) -> Any:
    """The integral of a vectorised function from a to b, which may be traced.

    The nodes move with a and b. The result is NaN where the integral diverges, or where more of it
    than `LOST` is not settled, or lies beyond the last numbers next to an end.
    """

    def heights(t: Tangent) -> Any:
        x, slope = _changed(t, unbox(a), unbox(b))
        with np.errstate(all="ignore"):
            y = np.asarray(unbox(f(x)), float) * slope
        return np.where(np.isfinite(y), y, 0.0)

    lost = beyond_reach(f, a, b)
    if np.isinf(lost):
        return np.sum(f(_changed(ENDS[5:6], a, b)[0])) * np.nan
    left, right, rest = _settled(heights)
    t, weights = map(np.ravel, _panels(left, right))
    # Where the integrand underflows its derivative may be 0 * inf.
    size = np.abs(heights(t))
    most = np.max(size, initial=0)
    alive = size > 1e-25 * most if most else np.isfinite(size)
    nodes = _changed(t, unbox(a), unbox(b))[0]
    for end in (unbox(a), unbox(b)):
        if np.isfinite(end):  # next to it the distance has no digits, and may be 0
            alive &= np.abs(nodes - end) > 2.0**-50 * np.abs(end)
    x, slope = _changed(t[alive], a, b)
    total = np.sum(f(x) * slope * weights[alive])
    least = np.finfo(float).tiny  # what underflows has no digits, and does not count
    return total if lost + rest <= LOST * np.sum(size * weights) + least else total * np.nan


# Distances from the end of an integral, over its unit: near 0, near other numbers, far out.
NEAR_ZERO = 10.0 ** np.arange(-20.0, -121.0, -20.0)
NEAR_OTHERS = 2.0 ** np.arange(-20.0, -46.0, -5.0)
FAR_OUT = 1 / NEAR_ZERO


def beyond_reach(f: Any, a: Value, b: Value) -> float:
    """The part of an integral beyond the last numbers next to its ends, which may be infinite.

    The integrand goes on there as the power of the distance that it is before.
    """
    low, high = float(unbox(a)), float(unbox(b))
    lost = 0.0
    for end, other, sign in ((low, high, 1.0), (high, low, -1.0)):
        if np.isinf(end):
            distances, last, start = FAR_OUT, 1e137, 0.0
        elif end == 0:
            distances, last, start = NEAR_ZERO, 1e-137, 0.0
        else:
            distances, last, start = NEAR_OTHERS * abs(end), 2.0**-52 * abs(end), end
        if np.isfinite(other) and np.isfinite(end):
            distances = distances[distances < abs(other - end) / 4]
        x = start - sign * distances if np.isinf(end) else start + sign * distances
        with np.errstate(all="ignore"):
            heights = np.abs(np.asarray(unbox(f(x)), float)) * distances
        there = np.flatnonzero(np.isfinite(heights))[-2:]
        if len(there) < 2 or np.any(heights[there] == 0):
            continue
        (far, near), (before, at) = np.log(distances[there]), heights[there]
        power = np.log(at / before) / abs(near - far)
        left = abs(np.log(last) - near)
        lost += np.inf if power >= 0 else at * np.exp(power * left) / -power
    return lost


def kinks(f: Any, a: float, b: float) -> list[float]:
    """Places between a and b where f or a derivative jumps, at which panels must shrink."""

    def heights(t: Tangent) -> Any:
        with np.errstate(all="ignore"):
            y = np.asarray(unbox(f(_changed(t, a, b)[0])), float) * np.exp(-t * t)
        return np.where(np.isfinite(y), y, 0.0)

    left, right, _ = _settled(heights)
    order = np.argsort(left)
    left, right = left[order], right[order]
    narrow = right - left < 2.0**-KINK * (ENDS[1] - ENDS[0]) / 2
    found: list[float] = []
    for group in np.split(np.arange(len(left)), np.flatnonzero(np.diff(narrow)) + 1):
        if narrow[group[0]]:
            least = group[np.argmin((right - left)[group])]
            x = float(_changed((left[least] + right[least]) / 2, a, b)[0])
            found.append(_sharpened(lambda x: np.asarray(unbox(f(x)), float), x, 1e-4 * (b - a)))
    return found


def _sharpened(f: Any, x: float, width: float) -> float:
    """The place near x where f leaves the cubic polynomial of its left side for that of its right.

    Where f is no such polynomial on both sides, as between two kinks, it is x itself.
    """
    nodes = x + width * np.linspace(0.1, 1.0, 8) * np.array([[-1.0], [1.0]])
    heights = f(nodes.ravel()).reshape(nodes.shape)
    sides = [np.polynomial.Polynomial.fit(*p, 3) for p in zip(nodes, heights, strict=True)]
    off = max(np.max(np.abs(s(n) - h)) for s, n, h in zip(sides, nodes, heights, strict=True))
    if not off <= 1e-10 * np.max(np.abs(heights)):
        return x
    low, high = x - 0.1 * width, x + 0.1 * width
    for _ in range(45):
        middle = (low + high) / 2
        gaps = [abs(float(f(np.array([middle]))[0]) - s(middle)) for s in sides]
        low, high = (middle, high) if gaps[0] <= gaps[1] else (low, middle)
    return (low + high) / 2


def of_vectors(function: Any) -> Any:
    """A function of numbers, which may also be one of vectors, as a function of vectors."""
    is_known = False

    def vectorised(x: Value) -> Any:
        nonlocal function, is_known
        if np.ndim(x) == 0:
            return function(x)
        if not is_known:
            is_known = True
            values = unbox(x).ravel()
            few = values[:: max(1, len(values) // 3)]
            try:
                at_once = np.broadcast_to(unbox(function(few)), few.shape)
                alone = [np.reshape(unbox(function(v)), ()) for v in few]
                is_vectorised = np.allclose(at_once, alone, rtol=1e-9, equal_nan=True)
            except (TypeError, ValueError):
                is_vectorised = False
            if not is_vectorised:
                function = elementwise(function)
        return function(x)

    return vectorised


_gives_scipys_values = True


@contextlib.contextmanager
def derivatives_only() -> Iterator[None]:
    """Within it `quad` does not look for SciPy's value, for which it calls functions of numbers."""
    global _gives_scipys_values
    before, _gives_scipys_values = _gives_scipys_values, False
    try:
        yield
    finally:
        _gives_scipys_values = before


def quad(
    func: Any, a: Value, b: Value, args: Any = (), full_output: int = 0, **options: Any
) -> Any:
    """``scipy.integrate.quad`` of functions that take vectors."""
    args = args if type(args) is tuple else (args,)
    if not _gives_scipys_values:
        return adaptive(lambda x: func(x, *args), a, b), 0.0

    def number(x: float, *rest: Any) -> float:
        return float(np.asarray(unbox(func(x, *rest))).reshape(()))

    value = scipy.integrate.quad(number, unbox(a), unbox(b), deep_plain(args), **options)
    traced = adaptive(lambda x: func(x, *args), a, b)
    return (with_value(value[0], traced), *value[1:])


replace(scipy.integrate.quad, quad)


class _WithFixedQuantiles:
    """A copied distribution in SciPy's `expect`: it integrates between quantiles, which must not
    move, since the integrand may jump at fixed places."""

    def __init__(self, copy: Any) -> None:
        self._copy = copy

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._copy, name)
        return (lambda *args: unbox(found(*map(unbox, args)))) if name == "_ppf" else found


def expect(self: Any, *args: Any, **kwargs: Any) -> Any:
    """``rv_continuous.expect`` of a copy."""
    if is_box(getattr(self, "_hbins", None)):
        raise UnsupportedInputError(
            f"rv_histogram.expect has no derivative in the edges of bins, {user_line()}, at which "
            f"the density jumps; add up the integrals over the bins"
        )
    return _scipys_expect(_WithFixedQuantiles(self), *args, **kwargs)


_scipys_expect: Any = rebound(scipy.stats.rv_continuous.expect)
replace(scipy.stats.rv_continuous.expect, expect)


def moment(self: Any, order: Any, *args: Any, **kwargs: Any) -> Any:
    """``moment`` of a copy, by powers of a traced `loc`, which SciPy leaves out where it is 0."""
    shapes, loc, scale = self._parse_args(*args, **kwargs)
    if not is_box(loc):
        return _scipys_moment(self, order, *args, **kwargs)
    unmoved = (*shapes, 0.0) if hasattr(self, "pmf") else (*shapes, 0.0, scale)
    total = _scipys_moment(self, order, *unmoved)
    for k in range(int(order)):
        ways = math.comb(int(order), k)
        total = total + ways * loc ** (int(order) - k) * _scipys_moment(self, k, *unmoved)
    return total


_scipys_moment: Any = rebound(scipy.stats.rv_continuous.moment)
replace(scipy.stats.rv_continuous.moment, moment)


def argsreduce(cond: Any, *args: Any) -> list[Any]:
    """The elements of the arguments where `cond` holds."""
    given = [np.atleast_1d(a) for a in args]
    *given, cond = np.broadcast_arrays(*given, unbox(cond))
    cond = np.asarray(unbox(cond)).astype(bool)
    return [np.ravel(a) for a in given] if np.all(cond) else [a[cond] for a in given]


replace(infrastructure.argsreduce, argsreduce)


def get_blas_funcs(names: Any, arrays: Any = (), **options: Any) -> Any:
    """`trsm` for traced matrices, in the place of the compiled one."""
    if names in ("trsm", ("trsm",)):
        return trsm
    return scipy.linalg.get_blas_funcs(names, deep_plain(arrays), **options)


def trsm(alpha: Any, a: Value, b: Value, side: int = 0, lower: int = 0) -> Any:
    """``alpha x`` with ``a x = b``, or ``x a = b`` on the other side, for a triangular matrix."""
    if side:
        return np.transpose(trsm(alpha, np.transpose(a), np.transpose(b), lower=not lower))
    return alpha * linalg_rules.solve_triangular(a, b, lower=bool(lower))


replace(scipy.linalg.get_blas_funcs, get_blas_funcs)


# Kernel density estimates, which SciPy evaluates by compiled code.
class KernelEstimate:
    """``gaussian_kernel_estimate[dtype](data, weights, points, factor, dtype)``."""

    def __init__(self, log: bool) -> None:
        self.log = log

    def __getitem__(self, kind: str) -> Any:
        return self._estimate

    def _estimate(self, data: Any, weights: Any, points: Any, factor: Any, dtype: Any) -> Any:
        """By whitened distances, of shape (points, data)."""
        white = np.linalg.solve(factor, np.transpose(data))
        at = np.linalg.solve(factor, np.transpose(points))
        square = np.sum((at[:, :, None] - white[:, None, :]) ** 2, axis=0)
        constant = np.sum(np.log(np.diagonal(factor))) + 0.5 * len(factor) * np.log(2 * np.pi)
        if self.log:
            return special_rules.logsumexp(
                -0.5 * square, axis=1, b=np.transpose(weights), keepdims=True
            ) - constant  # fmt: skip
        return np.matmul(np.exp(-0.5 * square), weights) * np.exp(-constant)


for _name, _log in (("gaussian_kernel_estimate", False), ("gaussian_kernel_estimate_log", True)):
    if hasattr(_kde, _name):
        replace(getattr(_kde, _name), KernelEstimate(_log))
_get_output_dtype: Any = getattr(_kde, "_get_output_dtype", None)
replace(_get_output_dtype, lambda covariance, points: (float, "double"))


# Methods that the base classes of distributions apply to each element.
def elementwise(f: Any) -> Any:
    """`f` of numbers on arrays."""

    def loop(*args: Any) -> Any:
        if not args:
            return f()
        given = np.broadcast_arrays(*args) if len(args) > 1 else [args[0]]
        shape = shape_of(given[0])
        flat = [np.reshape(a, (-1,)) for a in given]
        out = [np.reshape(f(*(a[i] for a in flat)), ()) for i in range(shape_of(flat[0])[0])]
        return np.reshape(NUMPY.array(out), shape)

    return loop


def _moment(copy: Any, order: Any, *shapes: Any) -> Any:
    """A moment by the density, or by the distribution function if the density is too steep."""
    low, high = getattr(copy, "_moment_limits", copy._get_support)(*shapes)

    def by_density(x: Value) -> Any:
        return x**order * copy.pdf(x, *shapes)

    steep = np.isfinite(unbox(low)) and np.isfinite(unbox(high))
    if steep and beyond_reach(by_density, low, high) > 1e-11:
        rest = quad(lambda x: order * x ** (order - 1) * copy.cdf(x, *shapes), low, high)[0]
        return high**order - rest
    return quad(by_density, low, high)[0]


def _finish(new: Any, original: Any) -> None:
    """Quantiles by the implicit function theorem, other loops element by element."""
    if not isinstance(original, (scipy.stats.rv_continuous, scipy.stats.rv_discrete)):
        return
    source: Any = original

    def quantile(q: Any, *args: Any) -> Any:
        values = [unbox(a) for a in args]
        x = by_scipy(source._ppfvec, unbox(q), *values)
        slope = by_scipy(source._pdf, x, *values)
        traced = corrected(lambda x: new._cdf(x, *args) - q, x, lambda rest: rest / slope)
        return with_value(x, traced)  # the density may be 0

    if isinstance(source, scipy.stats.rv_continuous):
        new._ppfvec = quantile
        new.generic_moment = elementwise(lambda *args: _moment(new, *args))
    elif "generic_moment" in vars(type(source)):  # of given probabilities
        pass
    elif "_drv2_moment" in vars(infrastructure):
        moment = rebound(vars(infrastructure)["_drv2_moment"])
        new.generic_moment = elementwise(lambda *args: moment(new, *args))
    new._cdfvec = elementwise(lambda *args: new._cdf_single(*args))
    new.vecentropy = elementwise(lambda *args: new._entropy(*args))


AFTER.append(_finish)
