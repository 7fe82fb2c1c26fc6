"""`minimize`: SciPy's minimisers over containers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
from numpy import ndarray
from scipy.optimize import Bounds, OptimizeResult

from ..array.kinds import to_numpy
from ..errors import user_line
from .bounds import Limits, limits_of
from .choice import Choice, remembered
from .compiling import close
from .constraints import WITHOUT, over_vectors
from .functions import DENSE, Objective
from .parameters import Parameters
from .progress import bar_of
from .report import Derivatives, Supplied
from .results import Result, at_bounds, of_free

_SCIPY: Any = scipy.optimize  # whose stubs know arrays, not containers
FIRST_ORDER = ("cg", "bfgs", "l-bfgs-b", "tnc", "slsqp")
WHOLE_HESSIAN = ("dogleg", "trust-exact")
PRODUCTS = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")
DIFFERENCES = ("2-point", "3-point", "cs")
ROOT_EPS = 2.0**-26  # the step of SciPy's forward differences
OVERHEAD = 3e-5  # seconds of SciPy's own work for one gradient by differences


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str | Callable[..., Any] | None = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Callable[..., Any] | None = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    *,
    progress: bool = False,
) -> Any:
    """Minimise a scalar function of a container: `scipy.optimize.minimize` with exact derivatives.

    Each method gets the derivatives that it can use: a gradient in reverse mode; a Hessian for
    dogleg and trust-exact; for Newton-CG, trust-ncg, trust-krylov and trust-constr a Hessian of few
    parameters, else products with it. Where a first-order method is faster with differences, since
    the function is quick and has few parameters, it gets those; if it fails with them, it goes on
    with exact gradients.
    Arguments: as for SciPy, except: `x0`, a number, an array of any shape, or a container (dict,
    list, dataclass, ...) of them, which `fun`, `callback` and the functions of `constraints` get; a
    list of numbers counts as an array; complex parameters vary in both parts; `jac`, None to choose
    as above, "exact", or SciPy's values, where a function returns a container like x0; `bounds`, a
    container of pairs ``(low, high)`` (a key left out has no bound) or `scipy.optimize.Bounds` of
    two containers; `progress`, for a bar by tqdm.
    Returns: SciPy's `OptimizeResult`, with `params`, the container of the minimum; `derivatives`,
    which says what SciPy was given and what it cost; `covariance`, the inverse of the Hessian, and
    `standard_errors`, its diagonal's roots in the container: if `fun` is a negative log-likelihood,
    they are those of the maximum-likelihood estimate (Pawitan, In All Likelihood, 2001, section
    9.6). Parameters on a bound have NaN.
    Raises: as SciPy; dualdiff's errors where `fun` has no derivative; NoCovarianceError from
    `covariance` where the Hessian is not positive definite.

    >>> import numpy as np
    >>> from dualdiff.optimize import minimize
    >>> def loss(p):
    ...     return (p["a"] - 3.0) ** 2 + np.sum((p["b"] - p["a"]) ** 2)
    >>> minimize(loss, {"a": 0.0, "b": np.zeros(2)}).params
    {'a': 3.0, 'b': array([3., 3.])}
    """
    parameters = Parameters(x0)
    args = args if isinstance(args, tuple) else (args,)
    limits = limits_of(parameters, bounds, by_sides=False)
    name = _name_of(method, limits, constraints)
    report = Derivatives(Supplied("function", ""))
    start = parameters.start if limits is None else np.clip(parameters.start, *limits)
    held = over_vectors(constraints, parameters, start, report, name, jac is None)
    with bar_of(progress, "minimize") as bar:
        problem = Objective(fun, parameters, args, bar)
        given: dict[str, Any] = {
            "method": method,
            "bounds": None if limits is None else Bounds(*limits),
            "constraints": held,
            "tol": tol,
            "callback": _over_vectors(callback, parameters, name),
            "options": options,
        }
        supply = _Supply(problem, report, name, jac, hess, hessp, limits)
        derivatives = supply.at(start)
        found: Any = report.run(_SCIPY.minimize, x0=start, **derivatives, **given)
        if supply.may_fail and not found.success and found.get("status") in (2, 4, 8):
            found = _continued(found, supply, given)

    close(report, fun, problem)
    result = Result(found, parameters, report)

    def covariance() -> ndarray:
        exact = Objective(fun, parameters, args)
        curvature = exact.hessian(found.x)
        return of_free(curvature, at_bounds(found.x, limits), parameters.labels)

    return result.with_covariance(covariance)


class _Supply:
    """What a method is given: the function, and the derivatives that it can use."""

    def __init__(
        self,
        problem: Objective,
        report: Derivatives,
        method: str,
        jac: Any,
        hess: Any,
        hessp: Any,
        limits: Limits | None,
    ) -> None:
        self.problem, self.report, self.method = problem, report, method
        self.jac, self.hess, self.hessp = jac, hess, hessp
        self.limits, self.may_fail = limits, False

    def at(self, start: ndarray) -> dict[str, Any]:
        """The arguments of SciPy's `minimize`."""
        found = self._first(start)
        if self.method in WHOLE_HESSIAN + PRODUCTS:
            found |= self._second()
        elif self.method not in FIRST_ORDER + WITHOUT:
            # A minimiser of the user's own takes what it likes.
            found |= {"hess": self._own_hessian(), "hessp": self._own_product()}
        return found

    def exact(self) -> dict[str, Any]:
        """The function with exact gradients, after differences have failed."""
        supplied = self.report.add("gradient", EXACT, "differences ended without success")
        return {"fun": supplied.timed(self.problem.value_and_gradient), "jac": True}

    def _first(self, start: ndarray) -> dict[str, Any]:
        problem, report, jac = self.problem, self.report, self.jac
        value = report.function.timed(problem.direct)
        if self.method in WITHOUT:
            report.add("gradient", "none", f"{self.method} takes none")
            return {"fun": value}
        if jac is False or (isinstance(jac, str) and jac in DIFFERENCES):
            report.add("gradient", "differences", f"jac={jac!r} was asked for")
            return {"fun": value, "jac": jac or None}
        if jac is True:
            return {"fun": report.add("gradient", "yours").timed(self._value_and_own), "jac": True}
        if callable(jac):
            return {"fun": value, "jac": report.add("gradient", "yours").timed(self._own_gradient)}
        if jac is not None and jac != "exact":
            raise ValueError(
                f"jac is {jac!r}, {user_line()}; it takes None, 'exact', {DIFFERENCES}, a "
                f"function, or a truth value"
            )
        choice = self._choose(start) if jac is None else Choice()
        if not choice.exact:
            self.may_fail = True
            report.add("gradient", "differences", choice.reason, choice.unit)
            return {"fun": value}
        if self.method == "slsqp":  # which asks for more values than gradients
            supplied = report.add("gradient", "exact, reverse mode", choice.reason, choice.unit)
            return {"fun": value, "jac": supplied.timed(problem.gradient)}
        supplied = report.add("gradient", EXACT, choice.reason, choice.unit)
        return {"fun": supplied.timed(problem.value_and_gradient), "jac": True}

    def _choose(self, start: ndarray) -> Choice:
        """Exact gradients, unless a first-order method takes less time with differences."""
        problem, n = self.problem, self.problem.parameters.size
        if self.method not in FIRST_ORDER or problem.progress is not None or n > MANY:
            return Choice()

        def exact() -> None:
            problem.forget()
            problem.value_and_gradient(start)

        def agree() -> bool:
            return self._agree(start)

        def plain() -> None:
            to_numpy([problem.value(start)])  # which computes a lazy value

        evaluations = n if self.method == "slsqp" else n + 1  # which give the value, too
        choice = remembered(problem.fun, evaluations, OVERHEAD)
        if choice is None:
            rivals = plain, evaluations, OVERHEAD, agree
            choice = problem.derivative.choose(problem.fun, exact, *rivals)
        self.report.choices.append(choice)
        return choice

    def _agree(self, start: ndarray) -> bool:
        """Whether differences at the start give the exact gradient, up to their usual errors."""
        problem = self.problem
        gradient = problem.value_and_gradient(start)[1]
        value = problem.value(start)
        high = np.inf if self.limits is None else self.limits[1]
        steps = ROOT_EPS * np.maximum(1.0, np.abs(start))
        steps = np.where(start + steps > high, -steps, steps)
        found = [
            (problem.value(start + row) - value) / step
            for row, step in zip(np.diag(steps), steps, strict=True)
        ]
        size = np.max(np.abs(gradient), initial=0.0)
        return bool(np.all(np.abs(np.array(found) - gradient) <= 1e-3 * size + 1e-9))

    def _value_and_own(self, x: ndarray) -> tuple[float, ndarray]:
        parameters = self.problem.parameters
        value, gradient = self.problem.fun(parameters.tree(x), *self.problem.args)
        return value, parameters.gradient(gradient)

    def _own_gradient(self, x: ndarray) -> ndarray:
        parameters = self.problem.parameters
        return parameters.gradient(self.jac(parameters.tree(x), *self.problem.args))

    def _second(self) -> dict[str, Any]:
        problem, report = self.problem, self.report
        if self.hess is not None:
            return {"hess": self._own_hessian()}
        if self.hessp is not None and self.method not in WHOLE_HESSIAN:
            return {"hessp": self._own_product()}
        if self.jac not in (None, "exact"):
            return {}  # SciPy says what it misses
        few = problem.parameters.size <= DENSE
        if self.method in WHOLE_HESSIAN or few:
            supplied = report.add("Hessian", "exact, reverse over reverse mode")
            return {"hess": supplied.timed(problem.hessian)}
        supplied = report.add("Hessian products", "exact, forward over reverse mode")
        return {"hessp": supplied.timed(problem.product)}

    def _own_hessian(self) -> Any:
        hess, problem = self.hess, self.problem
        if not callable(hess) or isinstance(hess, _SCIPY.HessianUpdateStrategy):
            return hess
        parameters = problem.parameters

        def matrix(x: ndarray) -> Any:
            found = hess(parameters.tree(x), *problem.args)
            return found if parameters.is_plain else parameters.columns(found)

        return self.report.add("Hessian", "yours").timed(matrix)

    def _own_product(self) -> Any:
        hessp, problem = self.hessp, self.problem
        if hessp is None:
            return None
        parameters = problem.parameters

        def product(x: ndarray, v: ndarray) -> ndarray:
            found = hessp(parameters.tree(x), parameters.tree(v), *problem.args)
            return parameters.gradient(found)

        return self.report.add("Hessian products", "yours").timed(product)


EXACT = "exact, reverse mode, with the value"
MANY = 100  # parameters above which differences cannot be faster


def _continued(found: OptimizeResult, supply: _Supply, given: dict[str, Any]) -> OptimizeResult:
    """A fit that differences could not end, from where it stopped, with exact gradients."""
    again: Any = supply.report.run(_SCIPY.minimize, x0=found.x, **supply.exact(), **given)
    for count in ("nit", "nfev", "njev"):
        if count in again and count in found:
            again[count] += found[count]
    return again


def _name_of(method: Any, limits: Limits | None, constraints: Any) -> str:
    """The method that SciPy takes, in small letters."""
    if method is None:
        if constraints != () and constraints is not None:
            return "slsqp"
        return "bfgs" if limits is None else "l-bfgs-b"
    return method.lower() if isinstance(method, str) else "a method of your own"


def _over_vectors(
    callback: Callable[..., Any] | None, parameters: Parameters, method: str
) -> Callable[..., Any] | None:
    """The user's callback, which gets containers, as one of SciPy's."""
    if callback is None or parameters.is_plain:
        return callback
    try:
        names = list(inspect.signature(callback).parameters)
    except (TypeError, ValueError):
        names = []
    if names == ["intermediate_result"]:

        def with_result(intermediate_result: OptimizeResult) -> Any:
            intermediate_result["params"] = parameters.result(intermediate_result.x)
            return callback(intermediate_result=intermediate_result)

        return with_result

    def with_parameters(x: ndarray, *state: Any) -> Any:
        return callback(parameters.result(x), *state)

    return with_parameters
