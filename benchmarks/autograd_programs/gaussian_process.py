"""The marginal likelihood of a Gaussian process and its gradient in the hyperparameters."""

from typing import Any

import autograd.numpy as np
import autograd.numpy.random as npr
import autograd.scipy.stats.multivariate_normal as mvn
from autograd import value_and_grad
from scipy.optimize import minimize


def covariance(params: Any, x: Any, z: Any) -> Any:
    scale, lengths = np.exp(params[0]), np.exp(params[1:])
    difference = np.expand_dims(x / lengths, 1) - np.expand_dims(z / lengths, 0)
    return scale * np.exp(-0.5 * np.sum(difference**2, axis=2))


def run() -> Any:
    rs = npr.RandomState(0)
    x = np.linspace(-3.0, 3.0, 20)[:, None]
    y = np.sin(x[:, 0]) + 0.1 * rs.randn(20)

    def loss(params: Any) -> Any:
        noise = np.exp(params[1]) + 1e-3
        k = covariance(params[2:], x, x) + noise * np.eye(len(y))
        return -mvn.logpdf(y, params[0] * np.ones(len(y)), k)

    result = minimize(value_and_grad(loss), np.zeros(4) - 0.5, jac=True, method="BFGS", tol=1e-6)
    return result.fun, value_and_grad(loss)(np.zeros(4))
