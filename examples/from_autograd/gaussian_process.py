"""The hyperparameters of a Gaussian process, by maximum marginal likelihood."""

import autograd.numpy as np
import autograd.numpy.random as npr
import autograd.scipy.stats.multivariate_normal as mvn
from autograd import value_and_grad
from autograd.numpy.linalg import solve
from scipy.optimize import minimize


def rbf_covariance(kernel_params, x, xp):
    output_scale = np.exp(kernel_params[0])
    lengthscales = np.exp(kernel_params[1:])
    diffs = np.expand_dims(x / lengthscales, 1) - np.expand_dims(xp / lengthscales, 0)
    return output_scale * np.exp(-0.5 * np.sum(diffs**2, axis=2))


def unpack(params):
    return params[0], params[2:], np.exp(params[1]) + 0.0001


def predict(params, x, y, xstar):
    """The mean and covariance at xstar, given the observations at x."""
    mean, cov_params, noise_scale = unpack(params)
    cov_f_f = rbf_covariance(cov_params, xstar, xstar)
    cov_y_f = rbf_covariance(cov_params, x, xstar)
    cov_y_y = rbf_covariance(cov_params, x, x) + noise_scale * np.eye(len(y))
    pred_mean = mean + np.dot(solve(cov_y_y, cov_y_f).T, y - mean)
    return pred_mean, cov_f_f - np.dot(solve(cov_y_y, cov_y_f).T, cov_y_f)


def log_marginal_likelihood(params, x, y):
    mean, cov_params, noise_scale = unpack(params)
    cov_y_y = rbf_covariance(cov_params, x, x) + noise_scale * np.eye(len(y))
    return mvn.logpdf(y, mean * np.ones(len(y)), cov_y_y)


rs = npr.RandomState(0)
x = np.concatenate([np.linspace(0, 3, num=15), np.linspace(6, 8, num=15)])
y = (np.cos(x) + rs.randn(30) * 0.1) / 2.0
x = ((x - 4.0) / 2.0).reshape((30, 1))

objective = value_and_grad(lambda params: -log_marginal_likelihood(params, x, y))
start = 0.1 * rs.randn(4)
result = minimize(objective, start, jac=True, method="BFGS")
print(f"log marginal likelihood: {-objective(start)[0]:.4f} at the start, {-result.fun:.4f}")
mean, cov = predict(result.x, x, y, np.array([[-2.0], [0.0], [2.0]]))
print("prediction:", np.round(mean, 4), "+-", np.round(np.sqrt(np.diag(cov)), 4))
