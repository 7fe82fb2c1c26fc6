"""Least squares: `least_squares`, `leastsq`, `curve_fit`, `lsq_linear`, `nnls`.

The solution is a minimum of the cost, so its derivatives need the full Hessian of the cost, with
the second derivatives of the residuals, not that of Gauss and Newton.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray
from scipy import optimize

from ....array.box import is_box
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ....transforms.checkpoint import value_of
from ....transforms.grad import grad
from ....transforms.jacobian import jacobian
from ....transforms.jvp_vjp import vjp
from ...numpy.creation import asarray
from ..dispatch import implements
from ..solving import (
    Result,
    by_scipy,
    is_constant,
    like,
    plain_callable,
    refused,
    start_of,
    with_args,
)
from .minima import minimum
from .problem import plain_bounds

Function = Callable[..., Any]


def _huber(z: Value) -> Any:
    inside = z <= 1
    return np.where(inside, z, 2 * np.sqrt(np.where(inside, 1.0, z)) - 1)


# rho(z) for the squares z of residuals, as in SciPy's reference.
LOSSES: dict[str, Function] = {
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": _huber,
    "cauchy": np.log1p,
    "arctan": np.arctan,
}


def _cost(residuals: Function, loss: Any, f_scale: Any) -> Function:
    """Half the sum of the losses of squared residuals."""
    if loss == "linear":
        return lambda x: 0.5 * np.sum(residuals(x) ** 2)
    rho = (lambda z: asarray(loss(z))[0]) if callable(loss) else LOSSES[loss]
    return lambda x: 0.5 * f_scale**2 * np.sum(rho((residuals(x) / f_scale) ** 2))


def _gradient(residuals: Function) -> Function:
    """The gradient of half the sum of squares, by one pull."""

    def gradient(x: Value) -> Any:
        r, pullback = vjp(residuals, x)
        return pullback(r)[0]

    return gradient


def _pairs(bounds: Any) -> Any:
    """Bounds of least squares, two of numbers or arrays, as an object of `Bounds`' form."""
    if isinstance(bounds, optimize.Bounds):
        return bounds
    return _Ends(*bounds)


class _Ends(optimize.Bounds):
    def __init__(self, lower: Any, upper: Any) -> None:
        new: Any = self
        new.lb, new.ub, new.keep_feasible = asarray(lower), asarray(upper), False


@implements(optimize.least_squares, calls="fun jac loss")
def least_squares(
    fun: Function,
    x0: Any,
    jac: Any = "2-point",
    bounds: Any = (-np.inf, np.inf),
    loss: Any = "linear",
    f_scale: Any = 1.0,
    args: Any = (),
    kwargs: Any = None,
    callback: Any = None,
    **options: Any,
) -> Any:
    """``scipy.optimize.least_squares``, by every method, with bounds and losses.

    Arguments: as SciPy's; `fun`, `args`, `kwargs`, bounds and `f_scale` may hold traced values.
    Returns: SciPy's result, with `x`, `cost`, `fun`, `jac` and `grad` traced (`jac` without the
    weights of a loss).
    Raises: SolverError, SingularError as `minimize`; the latter if the residuals do not determine
    x.

    >>> import numpy as np, dualdiff as dd
    >>> t, y = np.linspace(0, 1, 5), np.array([1.0, 1.3, 1.6, 2.1, 2.7])
    >>> grows = lambda x, y: x[0] * np.exp(t * x[1]) - y
    >>> fit = lambda y: dd.scipy.optimize.least_squares(grows, [1.0, 1.0], args=(y,)).x
    >>> dd.jacobian(fit)(y).round(2)
    array([[ 0.39,  0.35,  0.27,  0.1 , -0.18],
           [-0.46, -0.39, -0.24,  0.03,  0.47]])
    """
    named = kwargs or {}

    def residuals(x: Value) -> Any:
        return np.reshape(asarray(fun(x, *args, **named)), -1)

    plain_named, plain_args = value_of(named), value_of(args)
    found = by_scipy(
        optimize.least_squares,
        plain_callable(lambda x: fun(x, *plain_args, **plain_named)),
        start_of(x0),
        plain_callable(lambda x: jac(x, *plain_args, **plain_named)) if callable(jac) else jac,
        plain_bounds(bounds) if isinstance(bounds, optimize.Bounds) else value_of(bounds),
        loss=plain_callable(loss),
        f_scale=value_of(f_scale),
        **({} if callback is None else {"callback": callback}),  # which SciPy 1.13 does not know
        **options,
    )
    if is_constant(args, kwargs, bounds, f_scale):
        return found
    cost = _cost(residuals, loss, f_scale)
    gradient = _gradient(residuals) if loss == "linear" else grad(cost)
    x = minimum(cost, gradient, found.x, _pairs(bounds))
    values = {name: found[name] for name in ("cost", "fun", "jac", "grad")}
    found["x"] = like(x, found.x)
    later = {
        "cost": lambda: like(cost(x), values["cost"]),
        "fun": lambda: like(residuals(x), values["fun"]),
        "grad": lambda: like(gradient(x), values["grad"]),
        "jac": lambda: like(jacobian(residuals)(x), values["jac"]),
    }
    if loss != "linear" or not isinstance(values["jac"], ndarray):
        later["jac"] = refused("least_squares", "jac")
    return Result(found, later)


@implements(optimize.leastsq, calls="func Dfun")
def leastsq(
    func: Function,
    x0: Any,
    args: Any = (),
    Dfun: Any = None,
    full_output: Any = False,
    **options: Any,
) -> Any:
    """``scipy.optimize.leastsq``: x with the least sum of squares; see `least_squares`.

    With `full_output`, ``cov_x`` is traced too.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda y: dd.scipy.optimize.leastsq(lambda x: x - y, 0.0)[0]
    >>> dd.jacobian(f)(np.array([1.0, 2.0])).round(6)
    array([[0.5, 0.5]])
    """
    live = with_args(func, args)

    def residuals(x: Value) -> Any:
        return np.reshape(asarray(live(x)), -1)

    found = by_scipy(
        optimize.leastsq,
        plain_callable(func, args),
        start_of(x0),
        Dfun=plain_callable(Dfun, args),
        full_output=full_output,
        **options,
    )
    if is_constant(args):
        return found
    x = minimum(
        lambda x: 0.5 * np.sum(residuals(x) ** 2), _gradient(residuals), np.atleast_1d(found[0])
    )
    out = like(x, found[0])
    if not full_output:
        return (out, *found[1:])
    covariance = found[1]
    if covariance is not None and is_box(x):
        slopes = jacobian(residuals)(x)
        covariance = like(np.linalg.inv(slopes.T @ slopes), covariance)
    return (out, covariance, _info("leastsq", found[2], residuals, x), *found[3:])


def _info(function: str, info: dict[str, Any], residuals: Function, x: Value) -> Result:
    """What MINPACK tells beside the solution, of which the residuals are traced."""
    fvec = info["fvec"]
    later = {n: refused(function, n) for n in ("fjac", "qtf", "ipvt")}
    return Result(info, later | {"fvec": lambda: like(residuals(x), fvec)})


@implements(optimize.curve_fit, calls="f jac")
def curve_fit(
    f: Function,
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    bounds: Any = (-np.inf, np.inf),
    jac: Any = None,
    full_output: bool = False,
    nan_policy: Any = None,
    **options: Any,
) -> Any:
    """``scipy.optimize.curve_fit``: parameters and their covariance, by the data and by all that
    the model reads.

    Arguments: as SciPy's; `xdata`, `ydata`, `sigma` and bounds may be traced.
    Returns: ``(popt, pcov)``, both traced, or SciPy's tuple that begins with them.
    Raises: as `least_squares`.

    >>> import numpy as np, dualdiff as dd
    >>> x = np.linspace(0, 2, 6)
    >>> line = lambda x, a, b: a * x + b
    >>> f = lambda y: dd.scipy.optimize.curve_fit(line, x, y)[0]
    >>> dd.jacobian(f)(x**2).round(2)
    array([[-0.36, -0.21, -0.07,  0.07,  0.21,  0.36],
           [ 0.52,  0.38,  0.24,  0.1 , -0.05, -0.19]])
    """
    if nan_policy == "omit":
        raise UnsupportedInputError(
            f"curve_fit inside a derivative does not omit NaNs, {user_line()}; leave them out of "
            f"xdata and ydata first"
        )
    live_bounds = _pairs(bounds)
    is_object = isinstance(bounds, optimize.Bounds)
    found = by_scipy(
        optimize.curve_fit,
        plain_callable(f),
        value_of(xdata),
        value_of(ydata),
        value_of(p0),
        value_of(sigma),
        absolute_sigma,
        bounds=plain_bounds(bounds) if is_object else value_of(bounds),
        jac=plain_callable(jac),
        full_output=full_output,
        nan_policy=nan_policy,
        **options,
    )
    if is_constant(xdata, ydata, sigma, bounds):
        return found
    popt, pcov = found[:2]
    y = np.reshape(asarray(ydata), -1)
    x = asarray(xdata) if isinstance(xdata, (list, tuple, ndarray)) else xdata
    weighted = _weighted(sigma)

    def residuals(p: Value) -> Any:
        model = asarray(f(x, *(p[i] for i in range(popt.size))))
        return weighted(np.reshape(model, -1) - y)

    def cost(p: Value) -> Any:
        return 0.5 * np.sum(residuals(p) ** 2)

    p = minimum(cost, _gradient(residuals), popt, live_bounds)
    if not is_box(p):
        return found
    slopes = jacobian(residuals)(p)
    covariance = np.linalg.inv(slopes.T @ slopes)
    if not absolute_sigma:
        covariance = covariance * (2 * cost(p) / (shape_of(y)[0] - popt.size))
    rest = found[2:]
    if full_output:
        rest = (_info("curve_fit", rest[0], residuals, p), *rest[1:])
    return (like(p, popt), like(covariance, pcov), *rest)


def _weighted(sigma: Any) -> Function:
    """The residuals divided by their standard deviations, or decorrelated."""
    if sigma is None:
        return lambda r: r
    sigma = asarray(sigma)
    if len(shape_of(sigma)) < 2:
        return lambda r: r / sigma
    factor = np.linalg.cholesky(sigma)
    return lambda r: np.linalg.solve(factor, r)


@implements(optimize.lsq_linear)
def lsq_linear(
    A: Any,
    b: Any,
    bounds: Any = (-np.inf, np.inf),
    **options: Any,
) -> Any:
    """``scipy.optimize.lsq_linear``: x with the least ``|A x - b|`` within bounds.

    Arguments: as SciPy's; `A`, which may be sparse if it is plain, `b` and bounds may be traced.
    Returns: SciPy's result, with `x`, `cost` and `fun` traced.
    Raises: SingularError (a LinAlgError) where A does not determine the free elements of x.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda b: dd.scipy.optimize.lsq_linear(np.eye(2), b, (0.0, 1.0)).x
    >>> dd.jacobian(f)(np.array([0.5, 3.0])).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    is_object = isinstance(bounds, optimize.Bounds)
    found = by_scipy(
        optimize.lsq_linear,
        value_of(A),
        value_of(b),
        plain_bounds(bounds) if is_object else value_of(bounds),
        **options,
    )
    x, residuals = _linear(A, b, found.x, _pairs(bounds))
    found["x"] = like(x, found.x)
    fun, cost = found.fun, found.cost
    return Result(
        found,
        {
            "fun": lambda: like(residuals(x), fun),
            "cost": lambda: like(0.5 * np.sum(residuals(x) ** 2), cost),
            "unbounded_sol": refused("lsq_linear", "unbounded_sol"),
        },
    )


def _linear(A: Any, b: Any, x: ndarray, bounds: Any) -> tuple[Any, Function]:
    """The minimum of linear least squares with its derivatives, and the residuals."""
    matrix = A if hasattr(A, "tocsc") else asarray(A)
    right = asarray(b)

    def residuals(x: Value) -> Any:
        return matrix @ x - right

    def value(x: Value) -> Any:
        return 0.5 * np.sum(residuals(x) ** 2)

    return minimum(value, lambda x: matrix.T @ residuals(x), x, bounds), residuals


@implements(optimize.nnls)
def nnls(A: Any, b: Any, **options: Any) -> Any:
    """``scipy.optimize.nnls``: x of at least 0 with the least ``|A x - b|``, and that norm.

    Convention: elements of x that are 0 stay 0; see `minimize` for degenerate solutions.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda b: dd.scipy.optimize.nnls(np.eye(2), b)[0]
    >>> dd.jacobian(f)(np.array([0.5, -3.0])).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    found, norm = by_scipy(optimize.nnls, np.array(value_of(A)), np.array(value_of(b)), **options)
    x, residuals = _linear(A, b, found, _Ends(0.0, np.inf))
    return like(x, found), like(np.linalg.norm(residuals(x)), norm)
