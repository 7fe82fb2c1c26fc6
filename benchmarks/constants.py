"""Large arrays that the derivative needs and that stay as they are: weights and data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .harness import Workload
from .peers import compare

LAYER = "tanh(W x), W 2000 x 2000, grad"
LOGISTIC = "logistic regression 100,000 x 50, grad"


def layer(xp: Any, x: Any, w: Any) -> Any:
    """The square of the length of tanh(W x)."""
    return xp.sum(xp.tanh(w @ x) ** 2)


def logistic(xp: Any, w: Any, features: Any, labels: Any) -> Any:
    """The mean cross-entropy of labels 0 and 1."""
    margins = features @ w
    return xp.mean(xp.logaddexp(0.0, margins) - labels * margins)


def workloads() -> Iterator[Workload]:
    """Gradients that read the constant once more than the function does."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=2000), rng.normal(size=(2000, 2000)) / 40.0
    yield Workload(LAYER, compare("grad", layer, x, w))
    w, features = rng.normal(size=50), rng.normal(size=(100_000, 50))
    labels = (rng.random(100_000) < 0.5).astype(float)
    yield Workload(LOGISTIC, compare("grad", logistic, w, features, labels))
