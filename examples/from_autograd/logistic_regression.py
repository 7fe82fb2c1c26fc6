"""Logistic regression by gradient descent."""

import autograd.numpy as np
from autograd import grad
from autograd.test_util import check_grads


def sigmoid(x):
    return 0.5 * (np.tanh(x / 2.0) + 1)


def predictions(weights, inputs):
    return sigmoid(np.dot(inputs, weights))


inputs = np.array(
    [[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]]
)
targets = np.array([True, True, False, True])


def training_loss(weights):
    """The negative logarithm of the likelihood."""
    p = predictions(weights, inputs)
    return -np.sum(np.log(p * targets + (1 - p) * (1 - targets)))


training_gradient = grad(training_loss)
weights = np.array([0.0, 0.0, 0.0])
check_grads(training_loss, modes=["rev", "fwd"])(weights)
print(f"loss at the start: {training_loss(weights):.6f}")
for _ in range(100):
    weights = weights - training_gradient(weights) * 0.1
print(f"loss at the end:   {training_loss(weights):.6f}")
print("weights:", np.round(weights, 6))
