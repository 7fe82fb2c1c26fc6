"""Stable distributions, Landau's among them, by Nolan's integrals.

With g a function that rises or falls along (0, L), density and tail of a stable variable z > 0 are
integrals of ``g exp(-g)`` and ``exp(-g)`` (Nolan 1997, theorem 1). A point of the interval is
``L / (1 + exp(-v))``, so that both ends keep their digits; Gauss rules take the part of v where the
integrand counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ..solving import by_scipy
from ..special.kinds import (
    closed,
    column,
    declared,
    exp_exp,
    flat,
    formula,
    gauss_legendre,
    partial,
    where,
)
from .compiled import DROP

PI = np.pi
_stable: Any = stats.levy_stable
MOST = 740.0  # beyond it the ends of the interval have no number
NODES, WEIGHTS = gauss_legendre(48)
TERMS = np.arange(24.0)  # of the series beside z = 0
Levels = Callable[[Any], tuple[Any, Any]]  # log g, and its derivative by v


def _angles(a: Value, b: Value) -> tuple[Any, Any, Any]:
    """For a != 1: L, ``pi - a L`` for a > 1, and ``b tan(pi a / 2)``."""
    above = unbox(a) > 1
    tangent = np.tan(PI / 2 * np.where(above, 2 - a, a))
    both = np.arctan(tangent) + np.arctan(b * tangent)
    return np.where(above, PI - both, both) / a, both, np.where(above, -1.0, 1.0) * b * tangent


def _ends(v: Any, length: Value) -> tuple[Any, Any]:
    """The distances of a point from both ends of the interval."""
    return length * special.expit(v), length * special.expit(-v)


def _levels(z: Value, a: Value, b: Value) -> Levels:
    """log g for a != 1."""
    length, rest, skew = _angles(a, b)
    above = unbox(a) > 1
    power = a / (a - 1)
    front = power * np.log(z) - np.log1p(skew * skew) / (2 * (a - 1))
    gap = PI - length  # 0 for a < 1 and b = 1
    gap = gap - np.where(np.abs(unbox(gap)) < 1e-14, unbox(gap), 0.0)

    def at(v: Any) -> tuple[Any, Any]:
        """Angles that may be close to pi count from there."""
        left, right = _ends(v, length)
        far, near = above & (v > 0), ~above & (v < 0)
        outer = np.where(near, gap + left, right)
        one = np.where(far, rest + a * right, a * left)
        two = np.where(far, rest + (a - 1) * right, a * left + right)
        two = np.where(near, gap + (1 - a) * left, two)
        log_outer = np.log(np.sin(outer))
        log = front + power * (log_outer - np.log(np.sin(one))) + np.log(np.sin(two)) - log_outer
        sign = np.where(far, -1.0, 1.0)
        turned = np.where(near, -1.0, 1.0)
        slope = (1 - power) * turned / np.tan(outer) - power * sign * a / np.tan(one)
        slope = slope + sign * turned * (a - 1) / np.tan(two)
        return log, slope * left * right / length

    return at


def _levels_at_one(z: Value, b: Value) -> Levels:
    """log g for a = 1 and b > 0, where L is pi."""

    def at(v: Any) -> tuple[Any, Any]:
        left, right = _ends(v, PI)
        base = PI / 2 * (1 - b) + b * left
        cotangent = np.where(v > 0, -1 / np.tan(right), 1 / np.tan(left))
        sine = np.sin(np.where(v > 0, right, left))
        log = -PI * z / (2 * b) + np.log(2 / PI * base / sine) - base / b * cotangent
        slope = b / base - 2 * cotangent + base / (b * sine * sine)
        return log, slope * left * right / PI

    return at


def _part(levels: Levels, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Where the integrand ``g exp(-g)`` has its maximum over v, and where it has fallen."""

    def height(v: Any) -> Any:
        log = levels(v)[0]
        return log - np.exp(np.minimum(log, MOST)) - np.logaddexp(0, v) - np.logaddexp(0, -v)

    low, high = np.full(shape, -MOST), np.full(shape, MOST)
    for _ in range(50):
        top = (low + high) / 2
        log, slope = levels(top)
        rises = slope * (1 - np.exp(np.minimum(log, 300.0))) > np.tanh(top / 2)
        low, high = np.where(rises, top, low), np.where(rises, high, top)
    least = height(top) - DROP

    def fallen(sign: float) -> Any:
        inner, outer, step = top, top + sign, 1.0
        while step < 2 * MOST and np.any(height(outer) > least):
            step *= 2
            outer = np.where(height(outer) > least, top + sign * step, outer)
        for _ in range(26):
            middle = (inner + outer) / 2
            beyond = height(middle) < least
            inner, outer = np.where(beyond, inner, middle), np.where(beyond, middle, outer)
        return outer

    return fallen(-1.0), top, fallen(1.0)


def _plain(*args: Value) -> list[Any]:
    return [np.asarray(unbox(x), float) for x in args]


def _integral(levels: Levels, known: Levels, shape: tuple[int, ...], term: Any) -> Any:
    """The integral over v of ``term(v, log g, slope)``, by nodes that do not move."""
    low, top, high = _part(known, shape)
    total: Any = 0.0
    for left, right in ((low, top), (top, high)):
        middle = (left + right) / 2
        for start, end in ((left, middle), (middle, right)):
            v = column(start) + column(end - start) * NODES
            total = total + (end - start) * np.matmul(term(v, *levels(v)), WEIGHTS)
    return total


def _weight(v: Any) -> Any:
    return special.expit(v) * special.expit(-v)


def _density(z: Value, a: Value, b: Value) -> Any:
    """The density for z > 0, a != 1."""
    known = _levels(*_plain(z, a, b))
    length = _angles(a, b)[0]
    found = _integral(
        _levels(column(z), column(a), column(b)), known, np.shape(unbox(z)),
        lambda v, log, _: np.exp(log - np.exp(log)) * _weight(v),
    )  # fmt: skip
    return a * length / (PI * np.abs(a - 1) * z) * found


def _upper(z: Value, a: Value, b: Value) -> Any:
    """The probability of more than z > 0, a != 1, integrated by parts."""
    known = _levels(*_plain(z, a, b))
    length = _angles(a, b)[0]
    found = _integral(
        _levels(column(z), column(a), column(b)), known, np.shape(unbox(z)),
        lambda v, log, slope: np.exp(log - np.exp(log)) * special.expit(-v) * np.abs(slope),
    )  # fmt: skip
    end = -np.expm1(-np.exp(_levels(z, a, b)(np.full(np.shape(unbox(z)), -600.0))[0]))
    return length / PI * (found + np.where(unbox(a) < 1, end, 0.0))


def _at_one(z: Value, b: Value, term: Callable[..., Any]) -> Any:
    """The integral of a function of log g for a = 1 and b > 0, over ``pi``."""
    known = _levels_at_one(*_plain(z, b))
    levels = _levels_at_one(column(z), column(b))
    shape = np.shape(unbox(z))
    return _integral(levels, known, shape, lambda v, log, _: term(log) * _weight(v))


def _density_at_one(z: Value, b: Value) -> Any:
    return PI / (2 * b) * _at_one(z, b, lambda log: np.exp(log - np.exp(log)))


def _upper_at_one(z: Value, b: Value) -> Any:
    return _at_one(z, b, lambda log: -np.expm1(-np.exp(log)))


# Beside z = 0 the power series, which is that of the characteristic function under the integral.
def _terms(z: Any, a: Any, skew: Any) -> Any:
    """Logarithms of the sizes of the terms."""
    gammas = special.gammaln((TERMS + 1) / column(a)) - special.gammaln(TERMS + 1)
    return gammas - (TERMS + 1) / (2 * column(a)) * np.log1p(column(skew) ** 2)


def _is_near(z: Any, a: Any, b: Any) -> Any:
    """Whether terms fall from the first one on, and the last one does not count."""
    with np.errstate(divide="ignore"):
        sizes = _terms(z, a, b * np.tan(PI / 2 * a)) + TERMS * np.log(column(z) + 1e-300)
    falls = np.max(sizes, axis=-1) < sizes[..., 0] + 2
    return falls & (sizes[..., -1] < sizes[..., 0] - 37)


def _series(z: Value, a: Value, b: Value, integrated: bool) -> Any:
    skew = _angles(a, b)[2]
    angle = column(np.arctan(skew) / a) * (TERMS + 1) - TERMS * PI / 2
    terms = np.exp(_terms(z, a, skew)) * np.cos(angle) * column(z) ** TERMS
    if integrated:
        below = z * np.sum(terms / (TERMS + 1), axis=-1)
        return 0.5 + (np.arctan(skew) - below) / (PI * a)
    return np.sum(terms, axis=-1) / (PI * a)


def _positive(z: Value, a: Value, b: Value, upper: bool) -> Any:
    """The density or the upper tail for z >= 0, where a is not 1."""
    at = _plain(z, a, b)
    inside = (at[1] > 1) | (at[2] > -1)

    def rest(z: Value, a: Value, b: Value) -> Any:
        far = _upper if upper else _density
        near = _is_near(*_plain(z, a, b))
        return where(near, lambda z, a, b: _series(z, a, b, upper), far, z, a, b, fill=0.5)

    return where(inside, rest, lambda z, a, b: 0.0 * z, z, a, b, fill=0.5)


def _of_line(upper: bool) -> Callable[..., Any]:
    """The density, or the distribution function up to a constant, on the whole line."""

    def away(x: Value, a: Value, b: Value) -> Any:
        left = unbox(x) < 0
        turn = np.where(left, -1.0, 1.0)
        found = _positive(turn * x, a, turn * b, upper)
        return -turn * found if upper else found

    def at_one(x: Value, a: Value, b: Value) -> Any:
        none = unbox(b) == 0
        if is_box(a) or (is_box(b) and np.any(none)):
            raise UnsupportedInputError(
                f"scipy.stats.levy_stable has no derivative in alpha at alpha = 1, or in beta at "
                f"alpha = 1 and beta = 0, {user_line()}; hold them constant"
            )
        turn = np.where(unbox(b) < 0, -1.0, 1.0)
        part = _upper_at_one if upper else _density_at_one
        found = where(
            none, lambda z, b: 1 / (PI * (1 + z * z)) + 0 * b, part, turn * x, turn * b, fill=0.5
        )
        return -turn * found if upper else found

    def value(x: Value, a: Value, b: Value) -> Any:
        one = unbox(a) == 1
        if _stable.parameterization == "S0":  # the other one has its origin elsewhere
            x = x + np.where(one, 0.0, b * np.tan(PI / 2 * np.where(one, 0.5, a)))
        x, a, b = np.broadcast_arrays(x, a, b)
        x, a, b = (np.reshape(v, (-1,)) for v in (x, a, b))
        one = unbox(a) == 1
        parts = [(f, np.flatnonzero(m)) for f, m in ((at_one, one), (away, ~one)) if np.any(m)]
        found = np.concatenate([f(x[k], a[k], b[k]) for f, k in parts])
        return found[np.argsort(np.concatenate([k for _, k in parts]))]

    return value


def _shape_of(*args: Value) -> tuple[int, ...]:
    return np.broadcast_shapes(*map(shape_of, args))


def _slope(upper: bool, which: int) -> Callable[..., Any]:
    slope = partial(_of_line(upper), which)
    return formula(3, flat(lambda *at: np.reshape(slope(*at), _shape_of(*at))))


stable_pdf = declared(
    lambda *at: by_scipy(_stable._pdf, *np.broadcast_arrays(*map(np.atleast_1d, at))),
    *(_slope(False, i) for i in range(3)),
    name="stats.levy_stable.pdf",
)
stable_cdf = declared(
    lambda *at: by_scipy(_stable._cdf, *np.broadcast_arrays(*map(np.atleast_1d, at))),
    formula(3, stable_pdf),
    *(_slope(True, i) for i in (1, 2)),
    name="stats.levy_stable.cdf",
)


def location(loc: Value, scale: Value, a: Value, b: Value) -> Any:
    """SciPy's location of densities and distribution functions, which differs at alpha = 1."""
    one = unbox(a) == 1
    if not np.any(one) or _stable.parameterization == "S0":
        return loc
    return loc + np.where(one, 2 / PI * b * scale * np.log(scale), 0.0)


# Landau's density, alpha = beta = 1: for x > 0 the integral of its characteristic function along
# the imaginary axis.
U, U_WEIGHTS = exp_exp(100)


def _landau_right(x: Value) -> Any:
    unit = 1 / (unbox(x) + 1.9)
    u = column(unit) * U
    e = np.exp(-column(x) * u - 2 / PI * u * np.log(u)) * np.sin(2 * u)
    return unit / PI * np.matmul(e, U_WEIGHTS)


def _landau(x: Value) -> Any:
    def left(x: Value) -> Any:
        return _density_at_one(x, np.ones(np.shape(unbox(x))))

    return where(unbox(x) > 0, _landau_right, left, x)


landau_slope = flat(partial(_landau, 0))
closed("_landau_pdf", lambda x, y, z: landau_slope((x - y) / z) / (z * z), None, None)

# What SciPy takes in the place of the location, by the distribution and the method.
LOCATIONS = dict.fromkeys([("levy_stable", "pdf"), ("levy_stable", "cdf")], location)
STABLE: dict[tuple[str, str], Callable[..., Any]] = {
    ("levy_stable", "pdf"): stable_pdf,
    ("levy_stable", "cdf"): stable_cdf,
}
