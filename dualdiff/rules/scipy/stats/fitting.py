"""Maximum likelihood estimates as functions of the data, through the optimality condition."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ....array.box import unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.creation import contains_box
from .replacements import with_value

STEPS = 30


def fit(distribution: Any, data: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """``scipy.stats.<distribution>.fit`` of traced data.

    The value is SciPy's. Its search stops early, so the derivative is taken at the optimum that
    Newton's method finds from there: with g the gradient of the negative log-likelihood and H its
    Hessian, ``d theta = -H**-1 dg``. Parameters that are held fixed (``floc=0``) are constants.
    Raises: UnsupportedInputError for other methods than maximum likelihood, traced starting points,
    and where the likelihood has no optimum inside.
    """
    grad: Any = importlib.import_module("dualdiff.transforms.grad").grad
    hessian: Any = importlib.import_module("dualdiff.transforms.hessian").hessian
    if any(map(contains_box, (*args, *kwargs.values()))) or kwargs.get("method", "MLE") != "MLE":
        raise UnsupportedInputError(
            f"fit has derivatives in the data only, by maximum likelihood, {user_line()}"
        )
    estimate = distribution.source.fit(unbox(data), *args, **kwargs)
    names = [*distribution.shapes, "loc", "scale"]
    fixed = [_is_fixed(n, k, kwargs) for k, n in enumerate(names)]
    free = [k for k, held in enumerate(fixed) if not held]
    start = np.array([float(estimate[k]) for k in free])

    def loss(theta: Any, x: Value) -> Any:
        full = [theta[free.index(k)] if k in free else estimate[k] for k in range(len(names))]
        return -np.sum(distribution.evaluate("logpdf", x, *full))

    gradient = grad(loss)
    values = unbox(data)
    theta = start
    for _ in range(STEPS):
        step = np.linalg.solve(hessian(loss)(theta, values), gradient(theta, values))
        theta = theta - step
        if np.all(np.abs(step) <= 1e-14 * (1 + np.abs(theta))):
            break
    steady = np.allclose(theta, start, rtol=1e-2, atol=1e-2)
    if not steady or not np.all(np.isfinite(theta)):
        raise UnsupportedInputError(
            f"the likelihood of scipy.stats.{distribution.name} has no optimum inside near SciPy's "
            f"estimate {tuple(map(float, estimate))}, {user_line()}; hold a parameter fixed, as in "
            f"floc=0"
        )
    solution: Any = theta
    for _ in range(2):  # each doubles the order to which the derivatives are right
        solution = solution - np.linalg.solve(
            hessian(loss)(solution, data), gradient(solution, data)
        )
    return tuple(
        with_value(float(estimate[k]), solution[free.index(k)]) if k in free else estimate[k]
        for k in range(len(names))
    )


def _is_fixed(name: str, k: int, kwargs: Any) -> bool:
    return any(key in kwargs for key in (f"f{name}", f"fix_{name}", f"f{k}"))
