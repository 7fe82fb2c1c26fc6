"""SciPy's results with the parameters in their container, their errors, and the report."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.optimize import OptimizeResult

from ..errors import NoCovarianceError
from .parameters import Parameters
from .report import Derivatives

SHOWN = 50  # parameters in a notebook


def table(labels: Sequence[str], values: ndarray, errors: ndarray | None, below: str) -> str:
    """Parameters and their standard errors, for notebooks."""
    names = ["parameter", "value"] + ([] if errors is None else ["standard error"])
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = []
    for i, (label, value) in enumerate(zip(labels[:SHOWN], values, strict=False)):
        cells = [label or "x", f"{value:.6g}"] + ([] if errors is None else [f"{errors[i]:.2g}"])
        rows.append("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in cells) + "</tr>")
    more = f"<p>and {len(labels) - SHOWN} more</p>" if len(labels) > SHOWN else ""
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>{more}{below}"


class Result(OptimizeResult):
    """SciPy's `OptimizeResult` with `params`, `derivatives`, `covariance` and `standard_errors`.

    `x` is the real vector that SciPy worked on; `params` is the same in the container of the start.
    `covariance` is computed when it is asked for, as a matrix in the order of `x` (`labels` names
    its rows), and `standard_errors` are the roots of its diagonal, in the container.
    """

    def __init__(self, found: OptimizeResult, parameters: Parameters, report: Derivatives) -> None:
        self.update(found)
        self["params"] = parameters.result(np.asarray(found.x, float))
        self["derivatives"] = report
        self.__dict__["_parameters"] = parameters
        self.__dict__["_covariance"] = _without_covariance

    def with_covariance(self, compute: Callable[[], ndarray]) -> Result:
        """The same result with a way to compute its covariance."""
        self.__dict__["_covariance"] = compute
        return self

    @property
    def labels(self) -> list[str]:
        """The name of each number of `x`, such as ``['rate'][2]``."""
        parameters: Parameters = self.__dict__["_parameters"]
        return parameters.labels

    @property
    def covariance(self) -> ndarray:
        """The covariance of the parameters, in the order of `x`."""
        kept: ndarray | None = self.__dict__.get("_kept")
        if kept is None:
            kept = self.__dict__["_kept"] = self.__dict__["_covariance"]()
        return kept

    @property
    def standard_errors(self) -> Any:
        """The roots of the variances, in the container of the parameters."""
        parameters: Parameters = self.__dict__["_parameters"]
        return parameters.result(np.sqrt(np.diag(self.covariance)))

    def _repr_html_(self) -> str:
        kept: ndarray | None = self.__dict__.get("_kept")
        errors = None if kept is None else np.sqrt(np.diag(kept))
        report = self["derivatives"]._repr_html_()
        message = html.escape(str(self.get("message", "")))
        return table(self.labels, self["x"], errors, f"<p>{message}</p>{report}")

    def __reduce__(self) -> Any:
        return OptimizeResult, (dict(self),)


def _without_covariance() -> ndarray:
    raise NoCovarianceError(
        "a root has no covariance; those of fits are the inverse of a curvature"
    )


def inverse_of_curvature(curvature: ndarray) -> ndarray:
    """The inverse of a positive definite matrix."""
    try:
        np.linalg.cholesky(curvature)
        found: ndarray = np.linalg.inv(curvature)
    except np.linalg.LinAlgError:
        raise NoCovarianceError(
            "the Hessian at the end of the fit is not positive definite, so that the parameters "
            "have no covariance: the fit may not have converged, or the data do not determine all "
            "parameters"
        ) from None
    return found


def at_bounds(x: ndarray, limits: tuple[ndarray, ndarray] | None) -> ndarray:
    """Which parameters lie on one of their bounds."""
    if limits is None:
        return np.zeros(len(x), bool)
    size = 1e-8 * np.maximum(1.0, np.abs(x))
    return np.any([np.abs(x - side) <= size for side in limits], axis=0)


def of_free(curvature: ndarray, fixed: ndarray, labels: Sequence[str]) -> ndarray:
    """The covariance of parameters of which some are held by their bounds: these have NaN."""
    moved = fixed | np.any(curvature, axis=1)
    if idle := [f"params{label}" for label, m in zip(labels, moved, strict=True) if not m]:
        raise NoCovarianceError(
            f"at the end of the fit the curvature along {', '.join(idle[:5])} is 0, so that the "
            f"parameters have no covariance: leave out those that the data do not determine"
        )
    found = np.full(curvature.shape, np.nan)
    free = np.ix_(~fixed, ~fixed)
    found[free] = inverse_of_curvature(curvature[free])
    return found
