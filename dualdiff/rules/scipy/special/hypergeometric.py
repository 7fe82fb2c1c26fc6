"""Hypergeometric functions (DLMF 13, 15, 16): in the argument closed, in parameters by series.

The series are differentiated term by term in forward mode. If cancellation leaves the best series
with less than eight digits, the derivative in a parameter raises an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from .kinds import cases, closed, column, flat, partial

LOSS = 1e8  # the largest allowed ratio of the largest term and the sum
TERMS = 4000
AT_ONCE = np.arange(64.0)  # terms along an axis are quicker for one number


def refuse(name: str, lost: Any) -> None:
    """Raise if a series loses too many digits at any point."""
    if np.any(lost):
        raise UnsupportedInputError(
            f"the derivative of scipy.special.{name} in its parameters is not known at "
            f"{int(np.sum(lost))} of the {np.size(lost)} points, where its series cancel, "
            f"{user_line()}; hold them constant with dualdiff.stop_gradient."
        )


def series(above: Any, below: Any, z: Value) -> tuple[Any, Any]:
    """``sum(prod((a)_k) / prod((b)_k) z**k / k!)``, and how much larger its largest term is.

    Where a is 0 or a negative integer the series ends and its derivative does not: bounds of the
    terms leave out factors below 1.
    """
    tops, bottoms = ([unbox(p) for p in ps] for ps in (above, below))
    size_z, left = np.abs(unbox(z)), unbox(z) < 0

    def grown(k: Any, bound: Any = 1.0) -> Any:
        for a in tops:
            bound = bound * np.maximum(np.abs(a + k), 1.0)
        for b in bottoms:
            bound = bound / np.abs(b + k)
        return bound * (size_z / (k + 1))

    if not any(map(shape_of, (*above, *below, z))):
        ratios = column(z) / (AT_ONCE + 1)
        for a in above:
            ratios = ratios * (column(a) + AT_ONCE)
        for b in below:
            ratios = ratios / (column(b) + AT_ONCE)
        terms = np.cumprod(ratios)
        total = 1 + np.sum(terms)
        bounds = np.cumprod(grown(AT_ONCE))
        if bounds[-1] <= 1e-18 * np.abs(unbox(total)):
            sizes = bounds if left else np.abs(unbox(terms))
            return total, np.maximum(np.max(sizes), 1.0) / np.abs(unbox(total))
    term: Any = sum((0 * p for p in (*above, *below)), 0 * z) + 1.0
    total, largest = term, np.abs(unbox(term))
    bound = largest
    for k in range(TERMS):
        for a in above:
            term = term * (a + k)
        for b in below:
            term = term / (b + k)
        term = term * z / (k + 1)
        total = total + term
        bound = grown(k, bound)
        largest = np.maximum(largest, np.where(left, bound, np.abs(unbox(term))))
        if k > 5 and np.all(bound <= 1e-18 * np.abs(unbox(total))):
            return total, largest / np.abs(unbox(total))
    lost = bound > 1e-14 * np.abs(unbox(total))
    return total, np.where(lost, np.inf, largest / np.abs(unbox(total)))


def _choose(name: str, one: tuple[Any, Any], other: tuple[Any, Any]) -> Any:
    """The one of two sums that loses fewer digits."""
    (x, loss_x), (y, loss_y) = one, other
    best = np.fmin(loss_x, loss_y)
    refuse(name, ~(best < LOSS))
    return np.where(~(loss_x > loss_y), x, y)


def _hyp1f1(a: Value, b: Value, x: Value) -> Any:
    """The power series, also by Kummer's transformation (DLMF 13.2.2, 13.2.39)."""

    def right(a: Value, b: Value, x: Value) -> Any:
        total, loss = series([a], [b], x)
        refuse("hyp1f1", ~(loss < LOSS))
        return total

    def left(a: Value, b: Value, x: Value) -> Any:
        total, loss = series([b - a], [b], -x)
        return _choose("hyp1f1", series([a], [b], x), (np.exp(x) * total, loss))

    return cases((a, b, x), (unbox(x) < 0, left), otherwise=right)


def _hyp0f1(v: Any, z: Value) -> Any:
    """The power series (DLMF 16.2.1); far left the Bessel function J (10.16.9)."""

    def bessel(v: Any, z: Value) -> Any:
        root = np.sqrt(-z)
        return special.gamma(v) * root ** (1 - v) * special.jv(v - 1, 2 * root)

    return cases((v, z), (unbox(z) < -16, bessel), otherwise=lambda v, z: series([], [v], z)[0])


# The Gauss function: the power series for small z, Pfaff's transformation for negative z, and from
# 1/2 on steps of Taylor series of the equation that halve the distance to 1.
STEP_TERMS = 60


def _step(a: Value, b: Value, c: Any, z: Value, h: Any, y: Value, slope: Any) -> tuple[Any, Any]:
    """Value and slope at z + h from those at z: Taylor coefficients by DLMF 15.10.1."""
    u, v, power = y, slope, h
    total, total_slope = y + slope * h, slope * 1.0
    for k in range(STEP_TERMS):
        next_ = (a + k) * (b + k) * u - ((1 - 2 * z) * k + c - (a + b + 1) * z) * (k + 1) * v
        next_ = next_ / (z * (1 - z) * (k + 2) * (k + 1))
        total_slope = total_slope + (k + 2) * next_ * power
        power = power * h
        total = total + next_ * power
        u, v = v, next_
    return total, total_slope


def _near_one(a: Value, b: Value, c: Any, z: Value) -> Any:
    at = np.full(np.shape(unbox(z)), 0.5)
    y = _small(a, b, c, at)
    slope = a * b / c * _small(a + 1, b + 1, c + 1, at)
    for _ in range(60):
        last = unbox(z) - at <= 0.5 * (1 - at) * 1.0001
        if np.all(last):
            break
        h = np.where(last, 0.0, 0.5 * (1 - at))
        y, slope = _step(a, b, c, at, h, y, slope)
        at = at + h
    return _step(a, b, c, at, z - at, y, slope)[0]


def _small(a: Value, b: Value, c: Any, z: Value) -> Any:
    total, loss = series([a, b], [c], z)
    refuse("hyp2f1", ~(loss < LOSS))
    return total


def _hyp2f1(a: Value, b: Value, c: Any, z: Value) -> Any:
    refuse("hyp2f1", unbox(z) >= 1)

    def left(a: Value, b: Value, c: Any, z: Value) -> Any:  # DLMF 15.8.1
        return np.exp(-a * np.log1p(-z)) * _right(a, c - b, c, z / (z - 1))

    return cases((a, b, c, z), (unbox(z) < 0, left), otherwise=_right)


def _right(a: Value, b: Value, c: Any, z: Value) -> Any:
    return cases((a, b, c, z), (unbox(z) <= 0.6, _small), otherwise=_near_one)


# Tricomi's function: an integral over log t (DLMF 13.4.4) from a = 1 on, below by the recurrence
# 13.3.7, which is stable in this direction.
STEPS = 200
GRID, WAY = np.linspace(-60.0, 60.0, 481), np.linspace(0.0, 1.0, STEPS)


def _hyperu_integral(a: Value, b: Value, x: Value) -> Any:
    pa, pb, px = unbox(a), unbox(b), unbox(x)
    heights = column(pa) * GRID - column(px) * np.exp(GRID)
    heights = heights + column(pb - pa - 1) * np.logaddexp(0, GRID)
    alive = heights > np.max(heights, axis=-1, keepdims=True) - 42
    low = GRID[np.argmax(alive, axis=-1)] - 0.25
    high = GRID[len(GRID) - 1 - np.argmax(alive[..., ::-1], axis=-1)] + 0.25
    s = column(low) + column(high - low) * WAY
    powers = column(a) * s - column(x) * np.exp(s) + column(b - a - 1) * np.logaddexp(0, s)
    total = np.sum(np.exp(powers - column(special.gammaln(a))), axis=-1)
    return total * (high - low) / (STEPS - 1)


def _hyperu(a: Value, b: Value, x: Value) -> Any:
    refuse("hyperu", ~(unbox(x) > 0) | (unbox(a) < -50))
    steps = np.maximum(np.ceil(1 - unbox(a)), 0)
    most = int(np.max(steps, initial=0))
    if most == 0:
        return _hyperu_integral(a, b, x)
    upper, lower = _hyperu_integral(np.stack([a + steps + 1, a + steps]), b, x)
    for k in range(most):
        at = a + (steps - k)
        new = (x + 2 * at - b) * lower - at * (at - b + 1) * upper
        done = k >= steps
        upper, lower = np.where(done, upper, lower), np.where(done, lower, new)
    return lower


hyp0f1_v = partial(flat(_hyp0f1), 0)
hyp1f1_a, hyp1f1_b = (partial(flat(_hyp1f1), i) for i in range(2))
hyp2f1_a, hyp2f1_b, hyp2f1_c = (partial(flat(_hyp2f1), i) for i in range(3))
hyperu_value = flat(_hyperu)  # SciPy's is off by up to 1e-6
hyperu_a, hyperu_b = (partial(hyperu_value, i) for i in range(2))

closed("hyp0f1", lambda x, y: hyp0f1_v(x, y), lambda x, y: special.hyp0f1(x + 1, y) / x)
closed(
    "hyp1f1",
    lambda x, y, z: hyp1f1_a(x, y, z),
    lambda x, y, z: hyp1f1_b(x, y, z),
    lambda x, y, z: x / y * special.hyp1f1(x + 1, y + 1, z),
)
closed(
    "hyp2f1",
    lambda x, y, z, w: hyp2f1_a(x, y, z, w),
    lambda x, y, z, w: hyp2f1_b(x, y, z, w),
    lambda x, y, z, w: hyp2f1_c(x, y, z, w),
    lambda x, y, z, w: x * y / z * special.hyp2f1(x + 1, y + 1, z + 1, w),
)
closed(
    "hyperu",
    lambda x, y, z: hyperu_a(x, y, z),
    lambda x, y, z: hyperu_b(x, y, z),
    lambda x, y, z: -x * hyperu_value(x + 1, y + 1, z),
)


# Wright's function (DLMF 10.46.1), in its parameters by the series; far out by the terms around the
# largest one, in steps of their spread where that is wide.
WRIGHT_FAR = 50.0
WRIGHT_TERMS = np.arange(60.0 + WRIGHT_FAR + 12 * WRIGHT_FAR**0.5)
AROUND = np.arange(-200.0, 201.0)
WIDE = 15.0


def _wright_series(a: Value, b: Value, x: Value) -> Any:
    terms = np.exp(WRIGHT_TERMS * np.log(column(x)) - special.gammaln(WRIGHT_TERMS + 1))
    return np.sum(terms * special.rgamma(column(a) * WRIGHT_TERMS + column(b)), axis=-1)


def _wright_at_0(a: Value, b: Value, x: Value) -> Any:
    """As many terms as derivatives at 0 need."""
    first, second, third = (special.rgamma(k * a + b) for k in (1, 2, 3))
    return special.rgamma(b) + x * (first + x * (second / 2 + x * third / 6))


def _log_wright_far(a: Value, b: Value, x: Value) -> Any:
    pa, pb, log = unbox(a), unbox(b), np.log(unbox(x))
    top = np.exp((log - special.xlogy(pa, pa)) / (1 + pa))
    for _ in range(4):
        bend = special.polygamma(1, top + 1) + pa * pa * special.polygamma(1, pa * top + pb)
        rise = log - special.psi(top + 1) - pa * special.psi(pa * top + pb)
        top = np.maximum(top + rise / bend, 0.0)
    spread = bend**-0.5
    step = column(np.where(spread > WIDE, spread / 1.5, 1.0))
    k = np.round(column(top)) + step * AROUND
    inside = k >= 0
    k = np.where(inside, k, 0.0)
    logs = k * np.log(column(x)) - special.gammaln(k + 1)
    logs = logs - special.gammaln(column(a) * k + column(b))
    most = np.max(unbox(logs), axis=-1, initial=-np.inf, where=inside)
    total = np.sum(np.where(inside, np.exp(logs - column(most)), 0.0) * step, axis=-1)
    return most + np.log(total)


def _wright(a: Value, b: Value, x: Value) -> Any:
    return cases(
        (a, b, x),
        (unbox(x) > WRIGHT_FAR, lambda a, b, x: np.exp(_log_wright_far(a, b, x))),
        (unbox(x) == 0, _wright_at_0),
        otherwise=_wright_series,
    )


def _log_wright(a: Value, b: Value, x: Value) -> Any:
    far = unbox(x) > WRIGHT_FAR
    return cases((a, b, x), (far, _log_wright_far), otherwise=lambda *at: np.log(_wright(*at)))


wright_a, wright_b = (partial(flat(_wright), i) for i in range(2))
log_wright_a, log_wright_b = (partial(flat(_log_wright), i) for i in range(2))
closed(
    "wright_bessel",
    lambda x, y, z: wright_a(x, y, z),
    lambda x, y, z: wright_b(x, y, z),
    lambda x, y, z: special.wright_bessel(x, x + y, z),
)
closed(
    "log_wright_bessel",
    lambda x, y, z: log_wright_a(x, y, z),
    lambda x, y, z: log_wright_b(x, y, z),
    lambda x, y, z, ans: np.exp(special.log_wright_bessel(x, x + y, z) - ans),
)
