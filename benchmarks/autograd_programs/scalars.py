"""A recurrence of scalars: the cost of an operation."""

from typing import Any

import autograd.numpy as np
from autograd import grad


def orbit(r: Any) -> Any:
    x = 0.3
    for _ in range(200):
        x = r * x * (1.0 - x) + 0.01 * np.sin(x)
    return x


def run() -> Any:
    return grad(orbit)(2.9)
