"""A primitive with a rule of its own: the logarithm of a sum of exponentials."""

import autograd.numpy as np
from autograd import grad
from autograd.extend import defvjp, primitive
from autograd.test_util import check_grads


@primitive
def logsumexp(x):
    """The stable formula, which shifts by the maximum."""
    largest = np.max(x)
    return largest + np.log(np.sum(np.exp(x - largest)))


def logsumexp_vjp(ans, x):
    return lambda g: np.full(x.shape, g) * np.exp(x - np.full(x.shape, ans))


defvjp(logsumexp, logsumexp_vjp)


def example(y):
    return logsumexp(y**2)


y = np.array([1.5, 6.7, 1e-10])
print("gradient:", grad(example)(y))
print("second derivative:", grad(lambda y: grad(example)(y)[0])(y))
check_grads(example, modes=["rev"])(y)
