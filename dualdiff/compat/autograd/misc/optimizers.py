"""autograd.misc.optimizers: descent along gradients, for containers of parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .flatten import flatten

__all__ = ["adam", "rmsprop", "sgd", "unflatten_optimizer"]

Callback = Callable[[Any, int, Any], Any] | None


def unflatten_optimizer(optimize: Callable[..., Any]) -> Callable[..., Any]:
    """Make an optimiser of vectors one of containers.

    Arguments: `optimize`, called as ``(grad, x0, callback, *args, **kwargs)``.
    """

    @functools.wraps(optimize)
    def on_containers(
        grad: Callable[..., Any], x0: Any, callback: Callback = None, *args: Any, **kwargs: Any
    ) -> Any:
        vector, unflatten = flatten(x0)

        def flat_grad(x: Any, i: int) -> Any:
            return flatten(grad(unflatten(x), i))[0]

        def flat_callback(x: Any, i: int, g: Any) -> Any:
            assert callback is not None
            return callback(unflatten(x), i, unflatten(g))

        call = None if callback is None else flat_callback
        return unflatten(optimize(flat_grad, vector, call, *args, **kwargs))

    return on_containers


@unflatten_optimizer
def sgd(
    grad: Callable[[Any, int], Any],
    x: Any,
    callback: Callback = None,
    num_iters: int = 200,
    step_size: float = 0.1,
    mass: float = 0.9,
) -> Any:
    """Gradient descent with momentum.

    Arguments: `grad`, a function ``(x, i)`` of the parameters and the step; `x`, where it starts;
    `callback`, called as ``(x, i, g)`` in each step; `num_iters`; `step_size`; `mass`, the share of
    the velocity that is kept. Returns: the last parameters.
    """
    velocity = np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback is not None:
            callback(x, i, g)
        velocity = mass * velocity - (1.0 - mass) * g
        x = x + step_size * velocity
    return x


@unflatten_optimizer
def rmsprop(
    grad: Callable[[Any, int], Any],
    x: Any,
    callback: Callback = None,
    num_iters: int = 100,
    step_size: float = 0.1,
    gamma: float = 0.9,
    eps: float = 1e-8,
) -> Any:
    """RMSProp: steps divided by a running root mean square of the gradient, which starts at 1.

    Arguments: as for `sgd`; `gamma`, the share of the mean square that is kept; `eps`, added to
    the root. Source: Tieleman and Hinton, Coursera lecture 6.5, 2012.
    """
    mean_square = np.ones(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback is not None:
            callback(x, i, g)
        mean_square = mean_square * gamma + g**2 * (1 - gamma)
        x = x - step_size * g / (np.sqrt(mean_square) + eps)
    return x


@unflatten_optimizer
def adam(
    grad: Callable[[Any, int], Any],
    x: Any,
    callback: Callback = None,
    num_iters: int = 100,
    step_size: float = 0.001,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
) -> Any:
    """Adam: steps along a running mean of the gradient, divided by its root mean square.

    Arguments: as for `sgd`; `b1` and `b2`, the shares of the two means that are kept; `eps`, added
    to the root. Source: Kingma and Ba, ICLR 2015, algorithm 1.
    """
    mean, mean_square = np.zeros(len(x)), np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback is not None:
            callback(x, i, g)
        mean = (1 - b1) * g + b1 * mean
        mean_square = (1 - b2) * g**2 + b2 * mean_square
        unbiased = mean / (1 - b1 ** (i + 1))
        unbiased_square = mean_square / (1 - b2 ** (i + 1))
        x = x - step_size * unbiased / (np.sqrt(unbiased_square) + eps)
    return x
