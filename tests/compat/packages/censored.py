"""Incomplete gamma and beta functions by autograd-gamma, and a fit to censored lifetimes."""

import autograd.numpy as np
import numpy as onp
from autograd import elementwise_grad, grad
from autograd.scipy.special import gammaln
from autograd_gamma import (
    betainc,
    betaincln,
    gammainc,
    gammaincc,
    gammainccln,
    gammaincln,
)
from scipy.optimize import minimize

onp.set_printoptions(precision=15)
x = onp.linspace(0.5, 3.0, 6)
u = onp.linspace(0.1, 0.9, 6)
for f in (gammainc, gammaincc, gammaincln, gammainccln):
    for i in (0, 1):
        print(f.__name__, i, elementwise_grad(f, i)(x + 0.2, x))
for f in (betainc, betaincln):
    for i in (0, 1, 2):
        print(f.__name__, i, elementwise_grad(f, i)(x + 0.2, x + 0.5, u))

times = onp.random.default_rng(0).gamma(2.0, 1.5, size=100)
censored = times > 3
times = onp.minimum(times, 3.0)


def negative_log_likelihood(params):
    shape, scale = np.exp(params)
    density = (shape - 1) * np.log(times / scale) - times / scale - np.log(scale) - gammaln(shape)
    survival = gammainccln(shape * onp.ones(100), times / scale)
    return -np.sum(np.where(censored, survival, density))


start = onp.zeros(2)
print("gradient", grad(negative_log_likelihood)(start))
fit = minimize(negative_log_likelihood, start, jac=grad(negative_log_likelihood), method="BFGS")
print("likelihood", fit.fun)
