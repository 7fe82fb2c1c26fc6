"""The cost of one recorded operation: long chains of small operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .harness import Workload
from .peers import compare

ROUNDS = 1000
OPERATIONS = 3 * ROUNDS


def chain(xp: Any, x: Any) -> Any:
    """x = sin(x) a + b, a thousand times."""
    for _ in range(ROUNDS):
        x = xp.sin(x) * 0.9 + 0.3
    return x


def chain_sum(xp: Any, x: Any) -> Any:
    """The chain on a vector, summed."""
    return xp.sum(chain(xp, x))


def workloads() -> Iterator[Workload]:
    """Chains on a float and on ten elements, in both modes."""
    vector = np.linspace(0.1, 1.0, 10)
    yield Workload("scalar chain, grad", compare("grad", chain, 0.5), OPERATIONS)
    yield Workload("scalar chain, jvp", compare("jvp", chain, 0.5, direction=1.0), OPERATIONS)
    yield Workload("10-vector chain, grad", compare("grad", chain_sum, vector), OPERATIONS)
    pushed = compare("jvp", chain_sum, vector, direction=np.ones(10))
    yield Workload("10-vector chain, jvp", pushed, OPERATIONS)
