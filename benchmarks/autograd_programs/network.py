"""A tiny neural network, trained by the optimiser of autograd.misc."""

from itertools import pairwise
from typing import Any

import autograd.numpy as np
import autograd.numpy.random as npr
from autograd import grad
from autograd.misc.optimizers import adam


def predict(params: Any, x: Any) -> Any:
    for w, b in params[:-1]:
        x = np.tanh(np.dot(x, w) + b)
    w, b = params[-1]
    return np.dot(x, w) + b


def run() -> Any:
    rs = npr.RandomState(0)
    sizes = (2, 8, 8, 1)
    start = [(rs.randn(m, n) / np.sqrt(m), np.zeros(n)) for m, n in pairwise(sizes)]
    x = rs.randn(16, 2)
    y = np.sin(x[:, :1]) * x[:, 1:]

    def loss(params: Any, step: int) -> Any:
        return np.mean((predict(params, x) - y) ** 2)

    return adam(grad(loss), start, num_iters=100, step_size=0.01)
