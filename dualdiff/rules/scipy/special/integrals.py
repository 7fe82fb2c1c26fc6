"""Exponential, logarithmic, sine and cosine integrals, the dilogarithm (DLMF 6, 8.19, 25.12)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.types import Value
from .elementary import over
from .kinds import closed, horner, level_far_out, several, where

LOG_BY = tuple(-((-1.0) ** k) / (k + 1) for k in range(36))  # log(z) / (1 - z) by powers of z - 1


def _spence_dz(x: Value) -> Any:
    """``log(z) / (1 - z)`` (DLMF 25.12.2, with z for 1 - z)."""
    if not is_box(x):
        return -over(np.log(x), x - 1, 1.0)  # whose derivative would cancel near 1
    return where(
        np.abs(unbox(x) - 1) < 0.25,
        lambda u, z: horner(u, LOG_BY),
        lambda u, z: -np.log(z) / u,
        x - 1, x,
    )  # fmt: skip


def _expn(x: Value, y: Value) -> Any:
    """``-E(n - 1)`` (DLMF 8.19.13)."""
    n = np.trunc(unbox(x))  # as SciPy takes orders that are no integers
    zero = np.equal(n, 0)
    lower = special.expn(np.maximum(n - 1, 0), y)
    if not np.any(zero):
        return -lower
    return -np.where(zero, np.exp(-y) * (1 + 1 / y) / y, lower)


closed("exp1", lambda x: -np.exp(-x) / x)
closed("expi", lambda x: np.exp(x) / x)
closed("expn", None, _expn)
closed("_scaled_exp1", lambda x, ans: ans * (1 + 1 / x) - 1)
closed("spence", lambda x: level_far_out(_spence_dz, x))
SINE = (1.0, -1 / 6, 1 / 120)  # sin(x) / x by powers of x**2, for derivatives at 0
several("sici", lambda x, ans: (over(np.sin(x), x, horner(x * x, SINE)), np.cos(x) / x))
several("shichi", lambda x, ans: (over(np.sinh(x), x, horner(-x * x, SINE)), np.cosh(x) / x))
