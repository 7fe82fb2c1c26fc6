"""Losses as they are fitted: a small network, logistic regression, a Gaussian mixture."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import expit

from .harness import Workload
from .peers import compare


def network_loss(xp: Any, layers: Any, inputs: Any, targets: Any) -> Any:
    """The mean square error of a network with tanh between its layers."""
    (weights, bias), *others = layers
    hidden = inputs @ weights + bias
    for weights, bias in others:
        hidden = xp.tanh(hidden) @ weights + bias
    return xp.mean((hidden - targets) ** 2)


def logistic_loss(xp: Any, weights: Any, features: Any, signs: Any) -> Any:
    """The negative log-likelihood of logistic regression with a quadratic penalty."""
    margins = signs * (features @ weights)
    return xp.sum(xp.logaddexp(0.0, -margins)) + 0.5 * xp.sum(weights**2)


def logistic_gradient(weights: Any, features: Any, signs: Any) -> Any:
    """The gradient of `logistic_loss` as one would write it down."""
    margins = signs * (features @ weights)
    return weights - (signs * expit(-margins)) @ features


def logsumexp(xp: Any, a: Any) -> Any:
    """log(sum(exp(a))) along the last axis, without overflow."""
    largest = xp.max(a, axis=-1, keepdims=True)
    return (largest + xp.log(xp.sum(xp.exp(a - largest), axis=-1, keepdims=True)))[..., 0]


def mixture_loss(xp: Any, parameters: Any, data: Any) -> Any:
    """The negative log-likelihood of a mixture of Gaussians with diagonal covariances."""
    logits, means, scales = (parameters[k] for k in ("logits", "means", "log_scales"))
    z = (data[:, None, :] - means) * xp.exp(-scales)
    densities = -0.5 * xp.sum(z**2, axis=-1) - xp.sum(scales, axis=-1)
    constant = 0.5 * data.shape[1] * math.log(2.0 * math.pi)
    return -xp.sum(logsumexp(xp, densities + logits - logsumexp(xp, logits)) - constant)


def workloads() -> Iterator[Workload]:
    """Gradients of the three losses, and a product with the Hessian of one."""
    rng = np.random.default_rng(0)
    widths = [20, 64, 64, 1]
    layers = [
        (rng.normal(size=(m, n)) / math.sqrt(m), np.zeros(n)) for m, n in itertools.pairwise(widths)
    ]
    inputs, targets = rng.normal(size=(64, 20)), rng.normal(size=(64, 1))
    yield Workload("small network, grad", compare("grad", network_loss, layers, inputs, targets))

    weights, features = rng.normal(size=30) / 5, rng.normal(size=(569, 30))
    signs = np.sign(rng.normal(size=569))
    runs = compare("grad", logistic_loss, weights, features, signs)
    runs["by hand"] = lambda: logistic_gradient(weights, features, signs)
    yield Workload("logistic regression 569 x 30, grad", runs)

    runs = compare("hvp", logistic_loss, weights, features, signs, direction=np.ones(30))
    yield Workload("logistic regression 569 x 30, hvp", runs)

    parameters = {
        "logits": rng.normal(size=5),
        "means": rng.normal(size=(5, 2)),
        "log_scales": 0.1 * rng.normal(size=(5, 2)),
    }
    data = rng.normal(size=(1000, 2))
    runs = compare("grad", mixture_loss, parameters, data)
    yield Workload("Gaussian mixture 1000 x 2, 5 components, grad", runs)
