"""Matrices beside those whose eigenvalues or singular values nearly coincide.

Where values are equal or differ by little, quotients by their differences are unknown or lose
digits. For results that do not depend on the basis of the vectors, derivatives at matrices with
spread values have a limit, which operators extrapolate (`transforms.beside`). Spreading keeps the
order of values that rounding can tell apart, so that a result may depend on one of them. Others
spread along random directions: a result that depends on one of these has no limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ....array.box import unbox
from ....core.types import Value
from ..kinks import Step

# Gaps relative to the largest value below which first and second derivatives lose too many digits:
# rounding grows with the inverse of a gap, and of its square.
NEAR, NEAR_TWICE = 1e-7, 1e-4
_LEAST_STEP = 2.0**-30


def _near(w: ndarray, threshold: float) -> ndarray:
    return np.asarray(np.abs(w[:, None] - w[None, :]) <= threshold)


def spread(w: ndarray, rounding: float, step: Step, rng: np.random.Generator) -> ndarray | None:
    """A change of a diagonal matrix of values that spreads those that nearly coincide, or None."""
    scale = float(np.abs(w).max(initial=0.0))
    size = step.size * (scale or 1.0)
    near = _near(w, min(NEAR_TWICE, 0.1 * step.size) * scale)
    if np.count_nonzero(near) == w.size:
        return None
    same = _near(w, rounding)
    if np.iscomplexobj(w):
        apart = np.where(near, w[:, None] - w[None, :], 0)
        order = apart.mean(axis=1) / (np.abs(apart).max(axis=1) + np.finfo(w.dtype).tiny)
    else:
        order = np.count_nonzero(near & (w[None, :] < w[:, None]), axis=1).astype(w.dtype)
    noise = rng.normal(size=same.shape)
    change = np.where(same & (np.count_nonzero(same, axis=0) > 1), noise + noise.T, 0)
    return np.asarray(size * (change + np.diag(order)))


def spread_stack(
    step: Step,
    x: Value,
    change: Callable[[ndarray, np.random.Generator], ndarray | None],
) -> Any:
    """A stack of matrices plus the changes of those that have one."""
    plain = unbox(x)
    if step.size < _LEAST_STEP or not plain.size:
        return x
    rng, moves = np.random.default_rng(step.seed), np.zeros(plain.shape, plain.dtype)
    found = False
    for i in np.ndindex(plain.shape[:-2]):
        move = change(plain[i], rng)
        if move is not None:
            moves[i], found = move if plain.dtype.kind == "c" else np.real(move), True
    if not found:
        return x
    step.taken += 1
    return x + moves
