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
from .report import Supplied

EXACT = "exact"
DIFFERENCES = ("2-point", "3-point", "cs")


def over_vectors(
    constraints: Any, parameters: Parameters, second: bool
) -> tuple[Any, list[Supplied]]:
    """SciPy's constraints on the vector of the parameters, and the report on their derivatives.

    A dict or a `NonlinearConstraint` without a Jacobian of its own gets dualdiff's, and with
    `second` its Hessian too. A `LinearConstraint` acts on the vector.
    """
    single = isinstance(constraints, (dict, LinearConstraint, NonlinearConstraint))
    found: list[Any] = []
    report: list[Supplied] = []
    for i, constraint in enumerate([constraints] if single else constraints):
        if isinstance(constraint, LinearConstraint):
            found.append(constraint)
            continue
        supplied = Supplied(f"Jacobian of constraint {i}", EXACT)
        report.append(supplied)
        if isinstance(constraint, dict):
            found.append(_of_dict(constraint, parameters, supplied))
        else:
            found.append(_of_nonlinear(constraint, parameters, supplied, second))
    return (found[0] if single else found), report


def _own_jacobian(jac: Callable[..., Any], parameters: Parameters, args: Any) -> Any:
    def matrix(x: ndarray) -> Any:
        found = jac(parameters.tree(x), *args)
        return found if parameters.is_plain else parameters.columns(found)

    return matrix


def _of_dict(constraint: dict[str, Any], parameters: Parameters, supplied: Supplied) -> Any:
    args = constraint.get("args", ())
    args = args if isinstance(args, tuple) else (args,)
    problem = Residuals(constraint["fun"], parameters, args)
    jac = constraint.get("jac")
    if callable(jac):
        supplied.how = "yours"
        matrix = _own_jacobian(jac, parameters, args)
    else:
        matrix = problem.jacobian
    return {"type": constraint["type"], "fun": problem.value, "jac": supplied.timed(matrix)}


def _of_nonlinear(
    constraint: NonlinearConstraint, parameters: Parameters, supplied: Supplied, second: bool
) -> NonlinearConstraint:
    problem = Residuals(constraint.fun, parameters, ())
    jac: Any = constraint.jac
    hess: Any = constraint.hess
    if callable(jac):
        supplied.how = "yours"
        matrix = _own_jacobian(jac, parameters, ())
    else:
        matrix = problem.jacobian
    if second and (isinstance(hess, BFGS) or (isinstance(hess, str) and hess in DIFFERENCES)):
        hess = _second_derivatives(constraint.fun, parameters)
    return NonlinearConstraint(
        problem.value,
        constraint.lb,
        constraint.ub,
        jac=supplied.timed(matrix),
        hess=hess,
        keep_feasible=constraint.keep_feasible,
    )


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
