"""A user's file: mypy --strict and pyright must accept it, and infer the types that it states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict, assert_type

import numpy as np
from numpy.typing import NDArray

import dualdiff as dd

Vector = NDArray[np.float64]


class Parameters(TypedDict):
    """The parameters of a model."""

    rate: float
    weights: Vector


def loss(p: Parameters, data: Vector, *, scale: float = 1.0) -> float:
    """A loss with a container, data and a keyword."""
    total: float = np.sum((p["weights"] * np.exp(-p["rate"]) - data) ** 2)
    return scale * total


def model(x: Vector, a: float) -> Vector:
    """A model with an array as its result."""
    return a * np.sin(x)


start: Parameters = {"rate": 1.0, "weights": np.ones(3)}
data = np.arange(3.0)

# Operators keep the parameters of the function.
gradient = dd.grad(loss)
g: Parameters = gradient(start, data, scale=2.0)
value, g = dd.value_and_grad(loss)(start, data)
assert_type(value, float)
curvature = dd.hessian(loss)(start, data)
jac: Vector = dd.jacobian(model, mode="reverse")(np.ones(3), 2.0)
both = dd.jacobian(model, argnums=(0, "a"), mode="auto")(np.ones(3), a=2.0)
sparse = dd.jacobian(model, sparse=True, mode="forward")(np.ones(3), 2.0)
slope: Vector = dd.derivative(model, argnums="a")(np.ones(3), 2.0)
dz, dzbar = dd.wirtinger(lambda z: z**2)(1j)

# One direction, and a recording.
result, tangent = dd.jvp(model, (np.ones(3), 2.0), (np.ones(3), 0.0))
assert_type(result, Vector)
result, pullback = dd.vjp(model, np.ones(3), 2.0)
cotangents: tuple[Any, ...] = pullback(np.ones(3))
result, linear = dd.linearize(model, np.ones(3), 2.0)
pushed: Vector = linear.jvp(np.ones(3), 0.0)
with_aux = dd.value_and_grad(lambda x: (np.sum(x), "text"), has_aux=True)(np.ones(3))
product: Vector = dd.hvp(lambda x: np.sum(x**3))(np.ones(3), np.ones(3))


@dd.checkpoint
def step(x: Vector, rate: float) -> Vector:
    """A decorated function keeps its type."""
    return x - rate * np.sin(x)


assert_type(step(np.ones(3), 0.1), Vector)
kept: Vector = dd.stop_gradient(data)
dd.check_grads(model, (np.ones(3), 2.0), modes=("forward",), order=1)

# Fits, and errors.
fit = dd.optimize.minimize(lambda p: (p["a"] - 1.0) ** 2, {"a": 0.0})
least = dd.optimize.least_squares(lambda x: x - 1.0, np.zeros(2), method="lm")
try:
    gradient(start, data)
except dd.errors.MissingRuleError as error:
    print(error)
except dd.DualdiffError:
    raise

losses: list[Callable[[Parameters, Vector], Any]] = [gradient]
