"""Beta functions, rising factorials and binomials: ratios of gamma functions (DLMF 5.2, 5.12).

Left of 1/2 they are ratios of sines times ratios that have no poles (DLMF 5.5.3). Elsewhere the
derivative is the value times a difference of digamma functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from .gamma_beta import log_beta, psi_difference, rgamma_slope, sine_of_pi
from .kinds import cases, closed, flat, jump, lost, partial

LEFT = 0.5  # where gamma functions are reflected
SMALL = 80.0  # gamma functions of sums of two such arguments do not overflow


def _is_pole(x: Any) -> Any:
    x = unbox(x)
    return (x <= 0) & (x == np.round(x))


def _is_small(*args: Any) -> Any:
    return np.max([np.abs(unbox(a)) for a in args], axis=0) < SMALL


def _left(x: Value, d: Any) -> Any:
    """``sin(pi (x + d)) / sin(pi x)`` in a form whose derivatives in x do not cancel."""
    k, top = np.round(unbox(d)), sine_of_pi(d)
    turn = (1 - 2 * np.mod(k, 2)) * np.cos(np.pi * (d - k))
    r = np.pi * (x - np.round(unbox(x)))
    both = (unbox(top) == 0) & (unbox(r) == 0)
    r = np.where(both, 1.0, r)
    rest = np.where(both, jump(d), top * np.cos(r) / np.sin(r))
    return (turn + rest) * special.gamma(1 - x - d) * special.rgamma(1 - x)


def _right(x: Value, d: Any) -> Any:
    n = x + d
    return special.gamma(x) * sine_of_pi(n) * special.gamma(1 - n) / np.pi


def _ratio(x: Value, d: Any) -> Any:
    """``Gamma(x) / Gamma(x + d)`` for x + d < 1/2."""
    return cases((x, d), (unbox(x) < LEFT, _left), otherwise=_right)


_ratio_slope = partial(_ratio, 0)


def _beta_value(a: Value, b: Value, ans: Value) -> Any:
    """B(a, b): SciPy's value, or ours where one is large."""
    large = (unbox(a) > 0) & (unbox(b) > 0) & (np.maximum(unbox(a), unbox(b)) > 100)
    if not np.any(large):
        return ans
    return np.where(large, np.exp(log_beta(np.where(large, a, 1), np.where(large, b, 1))), ans)


def _beta(x: Value, y: Value, ans: Value) -> Any:
    """By x."""
    left = (unbox(x) + unbox(y) < LEFT) & _is_small(x, y) & ~_is_pole(y)
    return cases(
        (x, y, ans),
        (left, lambda x, y, ans: special.gamma(y) * _ratio_slope(x, y)),
        otherwise=lambda x, y, ans: -_beta_value(x, y, ans) * psi_difference(x, y),
    )


def _poch_x(x: Value, y: Value, ans: Value) -> Any:
    left = (unbox(x) < LEFT) & _is_small(x, y)
    return cases(
        (x, y, ans),
        (left, lambda x, y, ans: _ratio_slope(x + y, -y)),
        otherwise=lambda x, y, ans: ans * psi_difference(x, y),
    )


def _poch_y(x: Value, y: Value, ans: Value) -> Any:
    """Where both arguments of gamma functions are poles the function is 0 on both sides of y."""
    jump = _is_pole(x) & _is_pole(unbox(x) + unbox(y))
    return cases(
        (x, y, ans),
        (jump, lambda x, y, ans: lost(np.ones(shape_of(x)), x, y)),
        (unbox(ans) == 0, lambda x, y, ans: 0 * ans),
        otherwise=lambda x, y, ans: ans * special.psi(x + y),
    )


def _binom_value(x: Value, y: Value, ans: Value) -> Any:
    """SciPy's value, or ours for large x."""
    large = (unbox(x) > 100) & (unbox(y) > -1) & (unbox(x) - unbox(y) + 1 > 0)
    if not np.any(large):
        return ans
    x, y = np.where(large, x, 1.0), np.where(large, y, 0.5)
    return np.where(large, np.exp(-log_beta(x - y + 1, y + 1)) / (x + 1), ans)


def _binom_beyond(x: Value, y: Value) -> Any:
    """For x > -1 and y < 0 or y > x, by the beta function."""
    other = x - y
    y, other = np.where(unbox(y) < 0, other, y), np.where(unbox(y) < 0, y, other)
    return -sine_of_pi(other) / np.pi * np.exp(log_beta(x + 1, -other))


_beyond_slopes = [partial(_binom_beyond, i) for i in range(2)]


def _binom(by_x: bool) -> Any:
    def near(x: Value, y: Value, ans: Value) -> Any:
        if by_x:
            return _ratio_slope(x + 1, -y) * special.rgamma(y + 1)
        w = x - y + 1
        r, rw = special.rgamma(y + 1), special.rgamma(w)
        return special.gamma(x + 1) * (rw * rgamma_slope(y + 1, r) - r * rgamma_slope(w, rw))

    def inside(x: Value, y: Value, ans: Value) -> Any:
        value = _binom_value(x, y, ans)
        if by_x:
            return -value * psi_difference(x + 1, -y)
        return value * psi_difference(y + 1, x - 2 * y)

    def slope(x: Value, y: Value, ans: Value) -> Any:
        w, v = unbox(x) - unbox(y) + 1, unbox(y) + 1
        left = (w < LEFT) | ((v < LEFT) & (not by_x))
        known = left & _is_small(x, y) & (by_x | ~_is_pole(unbox(x) + 1))
        beyond = (unbox(x) > -1) & ((w < LEFT) | (v < LEFT))
        by_beta = _beyond_slopes[0 if by_x else 1]
        return cases(
            (x, y, ans),
            (known, near),
            (beyond, lambda x, y, ans: by_beta(x, y)),
            otherwise=inside,
        )

    return flat(slope)


beta_x, poch_x, poch_y = flat(_beta), flat(_poch_x), flat(_poch_y)
binom_x, binom_y = _binom(True), _binom(False)
closed("beta", lambda x, y, ans: beta_x(x, y, ans), lambda x, y, ans: beta_x(y, x, ans))
closed("betaln", lambda x, y: -psi_difference(x, y), lambda x, y: -psi_difference(y, x))
closed("poch", lambda x, y, ans: poch_x(x, y, ans), lambda x, y, ans: poch_y(x, y, ans))
closed("binom", lambda x, y, ans: binom_x(x, y, ans), lambda x, y, ans: binom_y(x, y, ans))
