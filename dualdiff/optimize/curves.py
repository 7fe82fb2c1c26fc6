"""`curve_fit`: SciPy's fit of a curve, over containers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from types import FunctionType
from typing import Any, TypeVar

import numpy as np
import scipy.optimize
from numpy import ndarray
from scipy.optimize import Bounds

from ..errors import user_line
from ..transforms.jacobian import jacobian
from .bounds import UNBOUNDED, limits_of
from .compiling import Derivative, close, program_of
from .functions import Residuals
from .parameters import DOUBLE, Parameters, real_vector
from .progress import bar_of
from .report import Derivatives, Supplied
from .results import table
from .vector import supplied_jacobian

R = TypeVar("R")
_SCIPY: Any = scipy.optimize  # whose stubs know arrays, not containers


class CurveFit(tuple[Any, ...]):
    """SciPy's tuple ``(popt, pcov, ...)``, with names.

    `params` is the fit in the container of `p0`; `covariance` is `pcov`; `standard_errors` are the
    roots of its diagonal in that container; `derivatives` says what SciPy was given.
    """

    parameters: Parameters
    derivatives: Derivatives

    @cached_property
    def params(self) -> Any:
        """The fit in the container of the start."""
        return self.parameters.result(self[0])

    @property
    def covariance(self) -> ndarray:
        """The covariance of the parameters, SciPy's."""
        found: ndarray = self[1]
        return found

    @cached_property
    def standard_errors(self) -> Any:
        """The roots of the variances, in the container of the start."""
        return self.parameters.result(np.sqrt(np.diag(self.covariance)))

    def _repr_html_(self) -> str:
        errors, report = np.sqrt(np.diag(self.covariance)), self.derivatives._repr_html_()
        return table(self.parameters.labels, self[0], errors, report)

    def __repr__(self) -> str:
        return f"CurveFit(params={self.params}, standard_errors={self.standard_errors})"


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = UNBOUNDED,
    method: str | None = None,
    jac: Any = None,
    *,
    full_output: bool = False,
    nan_policy: str | None = None,
    progress: bool = False,
    **kwargs: Any,
) -> CurveFit:
    """Fit a curve to data: `scipy.optimize.curve_fit` with exact Jacobians, also over containers.

    Arguments: as for SciPy, except: `p0`, a sequence of numbers, for which `f` is called as
    ``f(xdata, *p)``; or a dict whose values are numbers, arrays or containers, for which it is
    called as ``f(xdata, **p)``; `bounds`, for a dict, a dict of pairs ``(low, high)`` or a pair of
    dicts; `jac`, None for dualdiff's Jacobian, or differences where a function of few parameters is
    faster with them; "exact"; or SciPy's values; `progress`, for a bar by tqdm.
    Returns: SciPy's tuple ``(popt, pcov)``, or more with `full_output`, which also has `params`,
    `covariance`, `standard_errors` and `derivatives`.
    Raises: as SciPy; dualdiff's errors where `f` has no derivative.

    >>> import numpy as np
    >>> from dualdiff.optimize import curve_fit
    >>> def decay(t, height, rate):
    ...     return height * np.exp(-rate * t)
    >>> t = np.linspace(0.0, 4.0, 9)
    >>> fit = curve_fit(decay, t, decay(t, 2.0, 0.5), p0={"height": 1.0, "rate": 1.0})
    >>> fit.params
    {'height': 2.0, 'rate': 0.5}
    """
    by_name = isinstance(p0, Mapping)
    if by_name:
        parameters = Parameters(p0, "p0")
        limits = limits_of(parameters, bounds, by_sides=True)
        sides: Any = UNBOUNDED if limits is None else limits
    else:
        sides = (bounds.lb, bounds.ub) if isinstance(bounds, Bounds) else bounds
        first = _feasible(_count_of(f), sides) if p0 is None else np.atleast_1d(p0)
        if first.ndim > 1 or first.dtype.kind not in "iuf":
            raise TypeError(
                f"p0 is a {type(p0).__name__}, {user_line()}; it must be a sequence of real "
                f"numbers, for f(xdata, *p), or a dict, for f(xdata, **p)"
            )
        parameters = Parameters(first.astype(float), "p0")
    bounded = sides is not UNBOUNDED and any(np.any(np.isfinite(side)) for side in sides)
    method = method or ("trf" if bounded or jac in ("3-point", "cs") else "lm")
    report = Derivatives(Supplied("function", ""))

    def own(p: ndarray) -> Any:
        tree, (x,) = parameters.tree(p), problem.args
        found = jac(x, **tree) if by_name else jac(x, *tree)
        if isinstance(found, tuple):  # of jacobian(f, argnums=(1, 2))
            return np.stack(found, axis=-1)
        return parameters.columns(found) if by_name else found

    with bar_of(progress, "curve_fit") as bar:
        is_data = isinstance(xdata, (list, tuple, ndarray))
        x = np.asarray(xdata, float) if is_data else xdata

        def derive() -> Derivative:
            def make() -> Callable[..., Any]:
                return jacobian(_over_container(program_of(f), by_name))

            return Derivative(f, "Jacobian", make, "by name" if by_name else "")

        model = _over_container(f, by_name)
        problem = Residuals(model, parameters, (x,), None, bar, False, derive)
        given = supplied_jacobian(problem, parameters.start, jac, method, report, own, f)

        def at(function: Callable[[ndarray], R]) -> Callable[..., R]:
            def call(x: Any, *p: float) -> R:
                problem.args = (x,)
                return function(np.array(p))

            return call

        value, unflatten = at(problem.value), parameters.structure.unflatten
        if bar is None and parameters.is_plain:
            value = _direct(f)
        elif bar is None and parameters.is_numbers:
            value = _direct(lambda x, *p: f(x, **unflatten(p)))
        counts = given is None and method == "lm"
        found = report.run(
            _SCIPY.curve_fit,
            value if counts else report.function.timed(value),
            xdata,
            ydata,
            parameters.start,
            sigma,
            absolute_sigma,
            check_finite,
            sides,
            method,
            at(given) if callable(given) else (None if method == "lm" else given),
            full_output=full_output or counts,
            nan_policy=nan_policy,
            **kwargs,
        )
    if counts:  # which takes less time than a clock
        report.function.counted(found[2]["nfev"], report.seconds)
    close(report, f, problem)
    fit = CurveFit(found if full_output else found[:2])
    fit.parameters, fit.derivatives = parameters, report
    return fit


def _direct(f: Callable[..., Any]) -> Callable[..., ndarray]:
    """A model of SciPy's numbers, with nothing around f but the check of its result."""

    def value(x: Any, *p: float) -> ndarray:
        found = f(x, *p)
        is_vector = type(found) is ndarray and found.ndim == 1 and found.dtype is DOUBLE
        return found if is_vector else real_vector(found)

    return value


def _over_container(f: Callable[..., Any], by_name: bool) -> Callable[[Any, Any], Any]:
    """The curve as a function of the container of its parameters, and of the data."""

    def model(p: Any, x: Any) -> Any:
        return f(x, **p) if by_name else f(x, *p)

    return model


def _count_of(f: Callable[..., Any]) -> int:
    """The number of parameters after the first, which is the data."""
    if type(f) is FunctionType and not f.__dict__:
        code = f.__code__  # which takes a hundredth of the time of `inspect`
        if code.co_argcount > 1 and not code.co_flags & inspect.CO_VARARGS:
            return code.co_argcount - 1
    kinds = [p.kind for p in inspect.signature(f).parameters.values()]
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    count = sum(kind in plain for kind in kinds) - 1
    if count < 1 or inspect.Parameter.VAR_POSITIONAL in kinds:
        raise ValueError(
            f"the number of parameters does not follow from the signature of "
            f"{getattr(f, '__name__', f)}, {user_line()}; pass p0"
        )
    return count


def _feasible(count: int, sides: Any) -> ndarray:
    """SciPy's start without p0: ones, or the middle of the bounds, or 1 inside the only one."""
    if sides is UNBOUNDED:
        return np.ones(count)
    low, high = (np.broadcast_to(np.asarray(side, float), (count,)) for side in sides)
    both, below, above = np.isfinite(low) & np.isfinite(high), np.isfinite(low), np.isfinite(high)
    with np.errstate(invalid="ignore"):
        return np.select([both, below, above], [0.5 * (low + high), low + 1, high - 1], 1.0)
