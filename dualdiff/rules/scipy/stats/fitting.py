"""Maximum likelihood estimates as functions of the data, through the optimality condition."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from scipy.stats import rv_continuous

from ....array.box import unbox
from ....core.types import Value
from ....errors import DualdiffError, UnsupportedInputError, user_line
from ...numpy.creation import contains_box
from ..rebinding import explained
from .values import with_value

STEPS = 30
LEVEL = 1e-9  # the least curvature of a likelihood over the largest


def fit(distribution: Any, data: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """``scipy.stats.<distribution>.fit`` of traced data.

    The value is SciPy's. Its search stops early, so the derivative is taken at the optimum that
    Newton's method finds from there: with g the gradient of the negative log-likelihood and H its
    Hessian, ``d theta = -H**-1 dg``. Where the optimum is a kink or an end of the support, it is
    that of SciPy's formula, if there is one. Parameters held fixed (``floc=0``) are constants.
    Raises: UnsupportedInputError for other methods than maximum likelihood, traced starting points,
    and where the likelihood has no optimum inside.
    """
    grad: Any = importlib.import_module("dualdiff.transforms.grad").grad
    hessian: Any = importlib.import_module("dualdiff.transforms.hessian").hessian
    if any(map(contains_box, (*args, *kwargs.values()))) or kwargs.get("method", "MLE") != "MLE":
        raise UnsupportedInputError(
            f"fit has derivatives in the data only, by maximum likelihood, {user_line()}"
        )
    if not contains_box(data):
        raise UnsupportedInputError(
            f"fit has derivatives in an array of data, not in a {type(data).__name__}, "
            f"{user_line()}; minimise the negative log-likelihood by scipy.optimize.minimize"
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
    units = np.array([estimate[-1] if k >= len(names) - 2 else 1.0 for k in free])
    theta = _optimum(gradient, hessian(loss), start, values, units)
    if theta is None:
        return _by_scipys_formula(distribution, data, args, kwargs, estimate)
    solution: Any = theta
    for _ in range(2):  # each doubles the order to which the derivatives are right
        solution = solution - np.linalg.solve(
            hessian(loss)(solution, data), gradient(solution, data)
        )
    return tuple(
        with_value(float(estimate[k]), solution[free.index(k)]) if k in free else estimate[k]
        for k in range(len(names))
    )


def _optimum(gradient: Any, hessian: Any, start: Any, values: Any, units: Any) -> Any:
    """The optimum by Newton's method from SciPy's estimate, or None if there is none near it.

    `units` of the parameters tell whether the likelihood is level in one of them.
    """
    theta = start
    for _ in range(STEPS):
        slope, curvature = gradient(theta, values), hessian(theta, values)
        if not np.all(np.isfinite(curvature)):
            return None
        bends = np.linalg.eigvalsh(curvature * units[:, None] * units)
        if np.min(bends) <= LEVEL * np.max(bends):
            return None
        step = np.linalg.solve(curvature, slope)
        theta = theta - step
        if np.all(np.abs(step) <= 1e-14 * (1 + np.abs(theta))):
            break
    steady = np.allclose(theta, start, rtol=1e-2, atol=1e-2) and np.all(np.isfinite(theta))
    return theta if steady else None


def _by_scipys_formula(
    distribution: Any, data: Any, args: Any, kwargs: Any, estimate: Any
) -> tuple[Any, ...]:
    """SciPy's own estimate of this distribution, as the least of the data for `expon`."""
    name = f"scipy.stats.{distribution.name}.fit"
    if type(distribution.source).fit is not rv_continuous.fit:
        try:
            found = explained(distribution.copy.fit, name, (data, *args), kwargs)
        except DualdiffError:  # it searches, and does not reach an optimum
            found = ()
        if len(found) == len(estimate) and np.allclose([unbox(v) for v in found], estimate):
            return tuple(with_value(float(e), v) for e, v in zip(estimate, found, strict=True))
    raise UnsupportedInputError(
        f"the likelihood of scipy.stats.{distribution.name} has no optimum inside near SciPy's "
        f"estimate {tuple(map(float, estimate))}, {user_line()}; hold a parameter fixed, as in "
        f"floc=0"
    )


def _is_fixed(name: str, k: int, kwargs: Any) -> bool:
    return any(key in kwargs for key in (f"f{name}", f"fix_{name}", f"f{k}"))
