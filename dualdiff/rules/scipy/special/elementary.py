"""Exponentials, logarithms, losses, entropies and powers near their limits."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.types import Tangent, Value
from ....errors import UnsupportedInputError, user_line
from .kinds import closed, declared, horner, partial, where

LARGE = 1e4  # whose exponential is infinite
LN2 = 0.6931471805599453
LN10 = 2.302585092994046
DEGREE = np.pi / 180
LOG1PREL = tuple((-1.0) ** k / (k + 1) for k in range(32))
EXPREL_SLOPE = tuple(float(1 / ((k + 2) * special.gamma(k + 1))) for k in range(15))


def over(numerator: Any, x: Value, limit: Any) -> Any:
    """``numerator / x``, and `limit` at 0: a constant, or a polynomial that has derivatives."""
    zero = unbox(x) == 0
    if not np.any(zero):
        return numerator / x
    return np.where(zero, limit, numerator / np.where(zero, 1, x))


def _ratio(a: Value, b: Value) -> Any:
    """``a / b``, and 0 with derivative 0 where both are 0."""
    neither = (unbox(a) == 0) & (unbox(b) == 0)
    return np.where(neither, 0, a / np.where(neither, 1, b)) if np.any(neither) else a / b


def _log_ratio(x: Value, y: Value) -> Any:
    """``log(x / y)``, exact where x is near y."""
    near = np.abs(unbox(x) - unbox(y)) < 0.5 * unbox(y)
    return where(near, lambda x, y: np.log1p((x - y) / y), lambda x, y: np.log(x / y), x, y)


def _log_quotient(x: Value, y: Value) -> Any:
    """``log(x / y)`` to the rounding of 1; the quotient may overflow."""
    quotient = x / y
    extreme = (unbox(quotient) == 0) | np.isinf(unbox(quotient))
    if not np.any(extreme):
        return np.log(quotient)
    return where(
        extreme,
        lambda q, x, y: np.log(x) - np.log(y),
        lambda q, x, y: np.log(q),
        quotient, x, y,
    )  # fmt: skip


def _exprel_slope(t: Tangent) -> Any:
    """``((t - 1) exp(t) + 1) / t**2``, the derivative of ``(exp(t) - 1) / t``."""
    return where(
        np.abs(unbox(t)) < 0.5,
        lambda t: horner(t, EXPREL_SLOPE),
        lambda t: (np.exp(t) * (1 - 1 / t) + 1 / t) / t,
        np.where(unbox(t) > LARGE, LARGE, t) if np.any(unbox(t) > LARGE) else t,
    )


def log1prel(t: Tangent) -> Any:
    """``log1p(t) / t``."""
    near = np.abs(unbox(t)) < 0.25
    return where(near, lambda t: horner(t, LOG1PREL), lambda t: np.log1p(t) / t, t)


# The logistic function: ans * (1 - ans) would lose the small differences.
def _logistic_density(x: Any) -> Any:
    """``expit(x) expit(-x)`` by one exponential, which keeps all digits far out."""
    e = np.exp(-np.abs(x))
    return e / (1 + e) ** 2


_expit_slope = declared(
    _logistic_density,
    lambda x, ans: -np.tanh(0.5 * x) * ans,
    name="special.expit_slope",
)
closed("expit", lambda x: _expit_slope(x) if is_box(x) else _logistic_density(x))
closed("logit", lambda x: 1 / x + 1 / (1 - x))
closed("log_expit", lambda x: special.expit(-x))
closed("_log1mexp", lambda x: -1 / np.expm1(-x))

# Exponentials, logarithms, powers.
closed("expm1", lambda x: np.exp(x))


def _lambertw_slope(x: Value, w: Value) -> Any:
    """``w / (x (1 + w))`` (DLMF 4.13.4), beside 0 without the quotient."""
    return where(
        np.abs(unbox(w)) < 1,
        lambda x, w: np.exp(-w) / (1 + w),
        lambda x, w: w / (1 + w) / x,
        *np.broadcast_arrays(x, w),
    )


closed("log1p", lambda x: 1 / (1 + x))
closed("exp2", lambda ans: LN2 * ans)
closed("exp10", lambda ans: LN10 * ans)
closed("cbrt", lambda ans: 1 / (3 * ans * ans))
closed("round", lambda ans: 0.0)
closed("cosm1", lambda x: -np.sin(x))
closed("exprel", lambda x: _exprel_slope(x))
closed("_log1pmx", lambda x: -x / (1 + x))
closed("wrightomega", lambda ans: ans / (1 + ans))
closed("_lambertw", lambda x, ans: _lambertw_slope(x, ans), None, None)
closed("xlogy", lambda y: np.log(y), lambda x, y: _ratio(x, y))
closed("xlog1py", lambda y: np.log1p(y), lambda x, y: _ratio(x, 1 + y))
closed("powm1", lambda x, y: y * x ** (y - 1), lambda x, y: np.log(x) * x**y)

# Entropies.
closed("entr", lambda x: -np.log(x) - 1)
closed("rel_entr", lambda x, y: _log_quotient(x, y) + 1, lambda x, y: -_ratio(x, y))
closed("kl_div", _log_ratio, lambda x, y: 1 - _ratio(x, y))

# Trigonometry in degrees.
closed("sindg", lambda x: DEGREE * special.cosdg(x))
closed("cosdg", lambda x: -DEGREE * special.sindg(x))
closed("tandg", lambda ans: DEGREE * (1 + ans * ans))
closed("cotdg", lambda x: -DEGREE / special.sindg(x) ** 2)  # SciPy's values lose digits near 0
closed("radian", lambda ans: DEGREE, lambda ans: DEGREE / 60, lambda ans: DEGREE / 3600)
closed("_sinpi", lambda x: np.pi * special._ufuncs._cospi(x))
closed("_cospi", lambda x: -np.pi * special._ufuncs._sinpi(x))


def _dirichlet_kernel(x: Value, n: Any) -> Any:
    """As a quotient of ``sin(u) / u``, which has no poles, on the period around 0."""
    n = unbox(n)
    k = np.round(unbox(x) / (2 * np.pi))
    rest = x / (2 * np.pi) - k
    sign = 1 - 2 * np.mod(k * (n - 1), 2)
    return sign * np.sinc(n * rest) / np.sinc(rest)


_dirichlet_slope = partial(_dirichlet_kernel, 0)
_diric = declared(special.diric, lambda x, y: _dirichlet_slope(x, y), None, name="special.diric")


def diric(x: Value, n: int) -> Any:
    """``scipy.special.diric``: the periodic sinc function."""
    if is_box(n):
        raise UnsupportedInputError(
            f"the degree n of scipy.special.diric is an integer: it has no derivative, "
            f"{user_line()}"
        )
    return _diric(x, n)


# Losses.
def _pseudo_huber_ddelta(x: Value, y: Value) -> Any:
    """``(h - x)**2 / h`` with ``h = hypot(x, y)`` and ``h - x = y**2 / (h + x)``."""
    h = np.hypot(x, y)
    h = np.where(unbox(h) == 0, 1.0, h)
    part = y / (h + x) * y
    return part / h * part


def _pseudo_huber_slope(x: Value, y: Value) -> Any:
    return np.where(np.isinf(y), x * np.sign(y), x * (y / np.where(np.isinf(y), 1, np.hypot(x, y))))


_pseudo_huber_dr = declared(
    _pseudo_huber_slope,
    lambda x, y: (y / np.hypot(x, y)) ** 3,
    lambda x, y: (x / np.hypot(x, y)) ** 3,
    name="special.pseudo_huber_slope",
)
closed(
    "huber",
    lambda x, y: np.where(np.abs(unbox(y)) > unbox(x), np.abs(y) - x, 0),
    lambda x, y: np.clip(y, -x, x),
)
closed("pseudo_huber", _pseudo_huber_ddelta, lambda x, y: _pseudo_huber_dr(x, y))


def _squared_slope(log: Any, exponent: Any) -> Any:
    """By the exponent: of ``log * exprel(exponent * log)``, which ends at ``-1 / exponent``."""
    ended = np.isneginf(unbox(log)) & (unbox(exponent) > 0)
    if np.any(ended):
        inside = _squared_slope(np.where(ended, -1.0, log), exponent)
        return np.where(ended, 1 / (exponent * exponent), inside)
    return log * log * _exprel_slope(exponent * log)


_exponent_slope: Any = partial(lambda x, y: x * log1prel(x * y), 1)

# Box-Cox transformations: in the exponent through (exp(t) - 1) / t and log(1 + t) / t.
closed("boxcox", lambda x, y: x ** (y - 1), lambda x, y: _squared_slope(np.log(x), y))
closed(
    "boxcox1p",
    lambda x, y: np.exp((y - 1) * np.log1p(x)),
    lambda x, y: _squared_slope(np.log1p(x), y),
)
closed("inv_boxcox", lambda y, ans: ans ** (1 - y), lambda x, y, ans: ans * _exponent_slope(x, y))
closed(
    "inv_boxcox1p",
    lambda y, ans: np.exp((1 - y) * np.log1p(ans)),
    lambda x, y, ans: (1 + ans) * _exponent_slope(x, y),
)
