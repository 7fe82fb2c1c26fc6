"""Probabilities of t and normal variables of which the correlations are ``a_i a_j``.

Given one normal variable and the common scale they are independent. The double integral by Gauss
rules takes complex numbers, by which it is differentiated.
"""

import functools

import numpy as np
from scipy import special

TINY = 1e-30


@functools.cache
def gauss(low, high, panels):
    nodes, weights = np.polynomial.legendre.leggauss(20)
    ends = np.linspace(low, high, panels + 1)
    half = np.diff(ends)[:, None] / 2
    return (ends[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()


def one_factor(x, a, deviations, df, lower=None):
    """The probability of a box of t variables, of normal ones where df is None."""
    z, z_weights = gauss(-9.0, 9.0, 9)
    z_weights = z_weights * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    s, s_weights = np.ones(1), np.ones(1)
    if df is not None:
        v = np.real(df)
        low = max(-45 / v, -14 / np.sqrt(v)) if v > 4 else -45 / v
        y, s_weights = gauss(low, 2.0, int(np.ceil(1 - low / 2)) + 8)
        s, half = np.exp(y), df / 2
        log = np.log(2) + half * np.log(half) - special.loggamma(half) + df * y - half * s * s
        s_weights = s_weights * np.exp(log)

    def part(x, a, deviation):
        return special.ndtr((s[:, None] * x / deviation - a * z) / np.sqrt(1 - a * a) + 0j)

    product = 1.0
    for i in range(len(a)):
        inside = part(x[i], a[i], deviations[i])
        if lower is not None and lower[i] > -np.inf:
            inside = inside - part(lower[i], a[i], deviations[i])
        product = product * inside
    return s_weights @ product @ z_weights


def exact_slopes(arguments, reference):
    """The derivatives by a complex step, those of x, a and the deviations as arrays."""
    found = []
    for k, at in enumerate(arguments):
        if at is None:
            continue
        moves = np.eye(len(at)) if np.ndim(at) else [1.0]
        slopes = [
            reference(*arguments[:k], at + 1j * TINY * move, *arguments[k + 1 :]).imag / TINY
            for move in moves
        ]
        found.append(np.array(slopes) if np.ndim(at) else slopes[0])
    return found
