"""A network fitted to a function of one variable by Adam."""

import autograd.numpy as np
import autograd.numpy.random as npr
import autograd.scipy.stats.norm as norm
from autograd import grad
from autograd.misc import flatten
from autograd.misc.optimizers import adam


def init_random_params(scale, sizes, rs):
    """A list of (weights, biases)."""
    return [
        (rs.randn(insize, outsize) * scale, rs.randn(outsize) * scale)
        for insize, outsize in zip(sizes[:-1], sizes[1:], strict=True)
    ]


def predict(params, inputs, nonlinearity=np.tanh):
    for w, b in params:
        outputs = np.dot(inputs, w) + b
        inputs = nonlinearity(outputs)
    return outputs


def log_posterior(params, inputs, targets, weight_scale=10.0, noise_scale=0.1):
    flat, _ = flatten(params)
    log_prior = np.sum(norm.logpdf(flat, 0, weight_scale))
    return log_prior + np.sum(norm.logpdf(predict(params, inputs), targets, noise_scale))


rs = npr.RandomState(0)
inputs = np.concatenate([np.linspace(0, 3, num=20), np.linspace(6, 8, num=20)])
targets = np.cos(inputs) + rs.randn(40) * 0.1
inputs, targets = (inputs - 4.0)[:, None] / 2.0, targets[:, None] / 2.0


def objective(weights, t):
    return -log_posterior(weights, inputs, targets)


def report(params, t, g):
    if t % 100 == 0:
        print(f"iteration {t}: log likelihood {-objective(params, t):.4f}")


start = init_random_params(0.1, [1, 4, 4, 1], rs)
learned = adam(grad(objective), start, step_size=0.01, num_iters=400, callback=report)
print(f"at the end: log likelihood {-objective(learned, 400):.4f}")
