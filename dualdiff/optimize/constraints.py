"""Constraints whose functions take the container of the parameters, with exact Jacobians."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.optimize import BFGS, LinearConstraint, NonlinearConstraint

from ..transforms.hessian import hessian
from ..trees import flatten
from .functions import Residuals
from .parameters import Parameters
from .report import Derivatives
from .vector import DIFFERENCES, supplied_jacobian

WITHOUT = ("nelder-mead", "powell", "cobyla", "cobyqa")  # methods that take no derivatives


def over_vectors(
    constraints: Any,
    parameters: Parameters,
    start: ndarray,
    report: Derivatives,
    method: str,
    is_free: bool,
) -> Any:
    """SciPy's constraints on the vector of the parameters; the report says what they were given.

    A dict or a `NonlinearConstraint` without a Jacobian of its own gets dualdiff's, or, where SLSQP
    `is_free` to choose, differences if they are faster; for trust-constr it gets a Hessian too. A
    `LinearConstraint` acts on the vector.
    """

    def over_vector(fun: Callable[..., Any], args: Any, jac: Any, i: int) -> tuple[Any, Any]:
        problem = Residuals(fun, parameters, args)
        if method in WITHOUT:
            return problem.direct, None

        def own(x: ndarray) -> Any:
            found = jac(parameters.tree(x), *args)
            return found if parameters.is_plain else parameters.columns(found)

        wanted = jac if callable(jac) else None if is_free and method == "slsqp" else "exact"
        what = f"Jacobian of constraint {i}"
        given = supplied_jacobian(problem, start, wanted, "trf", report, own, fun, what)
        return problem.direct, given

    single = isinstance(constraints, (dict, LinearConstraint, NonlinearConstraint))
    found: list[Any] = []
    for i, constraint in enumerate([constraints] if single else constraints):
        if isinstance(constraint, LinearConstraint):
            found.append(constraint)
        elif isinstance(constraint, dict):
            args = constraint.get("args", ())
            args = args if isinstance(args, tuple) else (args,)
            fun, jac = over_vector(constraint["fun"], args, constraint.get("jac"), i)
            found.append({"type": constraint["type"], "fun": fun} | ({"jac": jac} if jac else {}))
        else:
            fun, jac = over_vector(constraint.fun, (), constraint.jac, i)
            hess: Any = constraint.hess
            is_default = isinstance(hess, BFGS) or str(hess) in DIFFERENCES
            if method == "trust-constr" and is_default:
                hess = _second_derivatives(constraint.fun, parameters)
            given: Any = jac or "2-point", hess, constraint.keep_feasible
            found.append(NonlinearConstraint(fun, constraint.lb, constraint.ub, *given))
    return found[0] if single else found


def _second_derivatives(
    fun: Callable[..., Any], parameters: Parameters
) -> Callable[[ndarray, ndarray], ndarray]:
    """The Hessian of the constraints, weighted by multipliers."""

    def weighted(tree: Any, multipliers: ndarray) -> Any:
        total, start = 0.0, 0
        for leaf in flatten(fun(tree))[0]:
            if leaf is not None:
                flat = np.ravel(leaf)
                total = total + np.sum(flat * multipliers[start : start + flat.size])
                start += flat.size
        return total

    second = hessian(weighted, as_real=parameters.is_complex)

    def matrix(x: ndarray, multipliers: ndarray) -> ndarray:
        found = second(parameters.tree(x), np.asarray(multipliers, float))
        return np.asarray(parameters.columns(found))

    return matrix
