"""Zeta functions: in s by Euler and Maclaurin's formula (DLMF 25.11.5), in q closed (25.11.17)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy import special

from ....array.box import unbox
from ....array.dispatch import register
from ....core.types import Value
from ...numpy.creation import contains_box
from ...numpy.manipulation import as_operand
from .elementary import over
from .kinds import closed, column, double, find, flat, level_far_out, partial, where

HEAD = 20
# B_2j / (2 j)!
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
RATIOS = [float(b / special.gamma(2 * j + 1)) for j, b in enumerate(BERNOULLI, start=1)]


def _euler_maclaurin(s: Any, q: Any) -> Any:
    head = HEAD + int(np.max(np.abs(np.imag(unbox(s))), initial=0))
    steps = np.arange(float(head))
    total = np.sum(np.exp(-column(s) * np.log(column(q) + steps)), axis=-1)
    w = q + head
    end = np.exp(-s * np.log(w))
    total = total + end * w / (s - 1) + 0.5 * end
    term = end * s / w
    for j, ratio in enumerate(RATIOS, start=1):
        total = total + ratio * term
        term = term * (s + 2 * j - 1) * (s + 2 * j) / (w * w)
    return total


def _reflected(s: Any, q: Any) -> Any:
    """Riemann's functional equation (DLMF 25.4.1), for Re s < 0 and q = 1."""
    t = 1 - s
    front = 2 * np.exp(special.loggamma(t) - t * np.log(2 * np.pi)) * np.cos(np.pi / 2 * t)
    return front * _euler_maclaurin(t, q)


_slope_right, _slope_left = partial(_euler_maclaurin, 0), partial(_reflected, 0)


def zeta_s(s: Any, q: Any) -> Any:
    """The derivative of the zeta function in s."""
    left = np.real(unbox(s)) < 0

    def slope(s: Any, q: Any) -> Any:
        return where(left, _slope_left, _slope_right, s, q, fill=2.0)

    return level_far_out(slope, double(s), double(q))


_zeta: Any = find("_zeta")
_riemann: Any = find("_riemann_zeta")

if _zeta is not None:
    closed("_zeta", lambda x, y: zeta_s(x, y), lambda x, y: -x * _zeta(x + 1, y))
closed("_riemann_zeta", lambda x: zeta_s(x, 1.0))
closed("zetac", lambda x: zeta_s(x, 1.0))


@functools.wraps(special.zeta)
def zeta(x: Value, q: Any = None, out: Any = None) -> Any:
    """``scipy.special.zeta``, Riemann's and Hurwitz' zeta function.

    Arguments: `x`, real; `q`, positive, or None for 1; arrays that broadcast.
    Returns: an array of their common shape.

    >>> import dualdiff as dd
    >>> round(float(dd.grad(dd.scipy.special.zeta)(2.0)), 6)
    -0.937548
    """
    if not (contains_box(x) or contains_box(q)):
        return special.zeta(x, q, out)
    x = as_operand(x)
    if q is None:
        return _riemann(x) if _riemann is not None else _zeta(x, 1.0)
    return _zeta(x, as_operand(q))


register(special.zeta, zeta)


# Generalised harmonic numbers zeta(a) - zeta(a, n + 1), sums over n terms, by a; n is an integer.
def _harmonic_slope(n: Any, a: Value) -> Any:
    counts = unbox(n)
    k = np.arange(1.0, np.max(counts, initial=0) + 1)
    terms = np.where(k <= column(counts), -np.log(k) * np.exp(-column(a) * np.log(k)), 0.0)
    return np.sum(terms, axis=-1)


harmonic_a = flat(_harmonic_slope)
closed("_gen_harmonic", None, lambda x, y: harmonic_a(x, y))


def _mean_log(low: Any, high: Any, a: Value) -> Any:
    """The mean of the logarithms of the integers from low to high, with the weights ``k**-a``."""
    first, last = np.maximum(unbox(low), 1.0), unbox(high)
    k = np.arange(np.min(first, initial=1.0), np.max(last, initial=0.0) + 1)
    above = np.log(k) - np.log(column(first))
    inside = (k >= column(first)) & (k <= column(last))
    weights = np.where(inside, np.exp(-column(a) * np.where(inside, above, 0.0)), 0.0)
    return over(np.sum(np.log(k) * weights, axis=-1), np.sum(weights, axis=-1), 0)


mean_log = flat(_mean_log)
closed(
    "_normalized_gen_harmonic",
    None,
    None,
    None,
    lambda x, y, z, w, ans: ans * (mean_log(1.0, z, w) - mean_log(x, y, w)),
)
