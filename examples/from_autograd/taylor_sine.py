"""Sine by its Taylor series, and its derivatives of every order."""

import autograd.numpy as np
from autograd import elementwise_grad as egrad
from autograd import grad


def taylor_sine(x):
    """The sum of the series, as far as its terms matter."""
    total = term = x
    i = 0
    while np.any(np.abs(term) > 1e-12):
        term = -term * x * x / ((2 * i + 3) * (2 * i + 2))
        total = total + term
        i += 1
    return total


print(f"the derivative at pi is {grad(taylor_sine)(np.pi):.10f}")
x = np.linspace(-3, 3, 7)
f = taylor_sine
for order in range(5):
    exact = (np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x))[order % 4](x)
    print(f"order {order}: largest error {np.max(np.abs(f(x) - exact)):.0e}")
    f = egrad(f)
