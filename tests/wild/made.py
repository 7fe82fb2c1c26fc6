"""One number of several results, and data of two numbers, for the functions of this folder."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["scaled", "total"]


def total(*parts: Any) -> Any:
    """One number of several results, with a weight for each element."""
    sums = []
    for k, part in enumerate(parts):
        weights = np.cos(0.3 + 0.7 * (k + np.arange(np.size(part))))
        sums.append(np.sum(part * weights.reshape(np.shape(part))))
    return sum(sums)


def scaled(x: Any, *shape: int) -> Any:
    """Positive data of a shape, which depend on two numbers."""
    t = np.arange(float(np.prod(shape))).reshape(shape)
    return 2.0 + x[0] * np.cos(t**1.2) + x[1] * np.sin(0.7 * t)
