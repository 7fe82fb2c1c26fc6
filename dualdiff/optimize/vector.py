"""`least_squares` and `root`: SciPy's solvers of systems over containers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
from numpy import ndarray
from scipy.sparse import issparse

from ..errors import user_line
from .bounds import UNBOUNDED, Limits, limits_of
from .choice import Choice, remembered
from .compiling import close
from .functions import Residuals
from .parameters import Parameters, real_vector
from .progress import bar_of
from .report import Derivatives, Supplied
from .results import NoCovarianceError, Result, at_bounds, of_free

_SCIPY: Any = scipy.optimize  # whose stubs know arrays, not containers
DIFFERENCES = ("2-point", "3-point", "cs")
WITH_JACOBIAN = ("hybr", "lm")
MANY = 100  # parameters above which differences cannot be faster
OVERHEAD = {"lm": 0.0, "hybr": 0.0, "trf": 3e-5, "dogbox": 3e-5}  # seconds, of SciPy's own work


def supplied_jacobian(
    problem: Residuals,
    start: ndarray,
    jac: Any,
    method: str,
    report: Derivatives,
    own: Any,
    f: Any,
    what: str = "Jacobian",
) -> Any:
    """The Jacobian that SciPy is given: dualdiff's, the user's, or the name of a difference."""
    if isinstance(jac, str) and jac in DIFFERENCES:
        report.add(what, "differences", f"jac={jac!r} was asked for")
        return jac
    if callable(jac):
        return report.add(what, "yours").timed(own)
    if jac is not None and jac != "exact":
        raise ValueError(
            f"jac is {jac!r}, {user_line()}; it takes None, 'exact', {DIFFERENCES} or a function"
        )
    if problem.is_sparse:
        return report.add(what, f"exact, sparse, {problem.note}").timed(problem.jacobian)
    choice, n = Choice(), problem.parameters.size
    if jac is None and n <= MANY and problem.progress is None:
        overhead = OVERHEAD[method]
        earlier = remembered(f, n, overhead)
        if earlier is None:
            exact = functools.partial(problem.jacobian, start)
            plain = functools.partial(problem.value, start)
            earlier = problem.derivative.choose(f, exact, plain, n, overhead)
        choice = earlier
        report.choices.append(choice)
        if not choice.exact:
            report.add(what, "differences", choice.reason, choice.unit)
            return None
    supplied = report.add(what, "exact, dense", choice.reason, choice.unit)
    return supplied.timed(problem.jacobian)


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Any = None,
    bounds: Any = None,
    method: str = "trf",
    *more: Any,
    args: Any = (),
    kwargs: dict[str, Any] | None = None,
    sparse: bool | None = None,
    progress: bool = False,
    **options: Any,
) -> Any:
    """Minimise a sum of squares over a container: `scipy.optimize.least_squares`, exact Jacobians.

    Arguments: as for SciPy, except: `x0`, a number, an array of any shape, or a container of them,
    which `fun` gets; `fun` returns an array of residuals or a container of them, whose complex
    elements count as two; `jac`, None for dualdiff's Jacobian, or differences where a function of
    few parameters is faster with them; "exact"; or SciPy's values; `bounds`, a container of pairs
    ``(low, high)``, a pair of two containers, or `scipy.optimize.Bounds`; `sparse`, whether the
    Jacobian is sparse: by default if there are at least 200 parameters, 5% of the entries can be
    nonzero and colours save three quarters of the directions; `progress`, for a bar by tqdm. The
    options after `method` are given by name.
    Returns: SciPy's `OptimizeResult`, with `params`, the container of the minimum; `derivatives`,
    which says what SciPy was given and what it cost; `covariance`, s² (J' J)⁻¹ with s² the sum of
    squares by degrees of freedom, and `standard_errors`, its diagonal's roots in the container
    (Bates and Watts, Nonlinear Regression Analysis, 1988, section 2.1). Parameters on a bound have
    NaN.
    Raises: as SciPy; dualdiff's errors where `fun` has no derivative; NoCovarianceError from
    `covariance` for another loss than "linear", and where the data do not determine the parameters.

    >>> import numpy as np
    >>> from dualdiff.optimize import least_squares
    >>> t = np.arange(5.0)
    >>> def residuals(p):
    ...     return p["height"] * np.exp(-p["rate"] * t) - 2.0 * np.exp(-0.5 * t)
    >>> least_squares(residuals, {"height": 1.0, "rate": 1.0}).params
    {'height': 2.0, 'rate': 0.5}
    """
    if more:
        raise TypeError("give the options of least_squares after `method` by name")
    parameters = Parameters(x0)
    args = args if isinstance(args, tuple) else (args,)
    limits = limits_of(parameters, bounds, by_sides=True)
    start = parameters.start if limits is None else np.clip(parameters.start, *limits)
    report = Derivatives(Supplied("function", ""))
    with bar_of(progress, "least_squares") as bar:
        problem = Residuals(fun, parameters, args, kwargs, bar)
        if method != "lm":
            problem.try_sparse(start, sparse)

        def own(x: ndarray) -> Any:
            found = jac(parameters.tree(x), *args, **(kwargs or {}))
            return found if parameters.is_plain or issparse(found) else parameters.columns(found)

        given = supplied_jacobian(problem, start, jac, method, report, own, fun)
        found = report.run(
            _SCIPY.least_squares,
            report.function.timed(problem.direct),
            start,
            jac=given or "2-point",
            bounds=UNBOUNDED if limits is None else limits,
            method=method,
            **options,
        )
    close(report, fun, problem)
    return Result(found, parameters, report).with_covariance(
        lambda: _covariance(found, parameters, limits, options.get("loss", "linear"))
    )


def _covariance(found: Any, parameters: Parameters, limits: Limits | None, loss: Any) -> Any:
    if loss != "linear":
        raise NoCovarianceError(
            f"the covariance of a fit with loss={loss!r} is not that of least squares; resample "
            f"the data (bootstrap), or fit with loss='linear'"
        )
    jac = found.jac
    jac = jac.toarray() if hasattr(jac, "toarray") else jac
    freedom = len(found.fun) - len(found.x)
    if freedom <= 0:
        raise NoCovarianceError(
            f"{len(found.fun)} residuals leave no degrees of freedom for the scatter about "
            f"{len(found.x)} parameters"
        )
    covariance = of_free(jac.T @ jac, at_bounds(found.x, limits), parameters.labels)
    return 2 * found.cost / freedom * covariance


def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    *,
    progress: bool = False,
) -> Any:
    """Solve ``fun(x) = 0`` over a container: `scipy.optimize.root` with exact Jacobians.

    Arguments: as for SciPy, except: `x0`, a number, an array of any shape, or a container of them,
    which `fun` gets; `fun` returns as many numbers in any container; `jac`, None for dualdiff's
    Jacobian, or differences where a function of few unknowns is faster with them; "exact"; True or
    a function, which returns a container; False or "2-point" for differences; `progress`, for a bar
    by tqdm. The methods "hybr" and "lm" take a Jacobian, the others none.
    Returns: SciPy's `OptimizeResult`, with `params`, the container of the root, and `derivatives`,
    which says what SciPy was given and what it cost.
    Raises: as SciPy; dualdiff's errors where `fun` has no derivative.

    >>> import numpy as np
    >>> from dualdiff.optimize import root
    >>> def equations(p):
    ...     return {"sum": p["x"] + p["y"] - 3.0, "product": p["x"] * p["y"] - 2.0}
    >>> found = root(equations, {"x": 0.5, "y": 1.0}).params
    >>> round(found["x"], 9), round(found["y"], 9)
    (2.0, 1.0)
    """
    parameters = Parameters(x0)
    args = args if isinstance(args, tuple) else (args,)
    report = Derivatives(Supplied("function", ""))
    with bar_of(progress, "root") as bar:
        problem = Residuals(fun, parameters, args, None, bar)
        value: Callable[..., Any] = problem.direct
        given: Any = None
        counts = False
        if method not in WITH_JACOBIAN:
            report.add("Jacobian", "none", f"{method} takes none")
        elif jac is False or (isinstance(jac, str) and jac in DIFFERENCES):
            report.add("Jacobian", "differences", f"jac={jac!r} was asked for")
        elif jac is True:
            given, value = True, _pair(problem)
            report.add("Jacobian", "yours")
        else:

            def own(x: ndarray) -> Any:
                found = jac(parameters.tree(x), *args)
                return found if parameters.is_plain else parameters.columns(found)

            given = supplied_jacobian(problem, parameters.start, jac, method, report, own, fun)
            counts = given is None
        followed = callback
        if callback is not None and not parameters.is_plain:

            def followed(x: ndarray, f: Any) -> Any:
                return callback(parameters.result(x), f)

        value = value if counts else report.function.timed(value)
        found = report.run(
            _SCIPY.root, value, parameters.start, (), method, given, tol, followed, options
        )
    if counts:  # which takes less time than a clock
        report.function.counted(found.nfev, report.seconds)
    close(report, fun, problem)
    return Result(found, parameters, report)


def _pair(problem: Residuals) -> Callable[[ndarray], tuple[ndarray, Any]]:
    """A function that returns its value and its Jacobian, on vectors."""

    def both(x: ndarray) -> tuple[ndarray, Any]:
        parameters = problem.parameters
        value, jac = problem.fun(parameters.tree(x), *problem.args)
        matrix = jac if parameters.is_plain else parameters.columns(jac)
        return real_vector(value), matrix

    return both
