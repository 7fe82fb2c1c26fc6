"""The functions of `statistics` on traced numbers, which Python computes with fractions."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.trace import value_of
from ..core.types import Value
from ..rules.numpy.creation import from_nested
from .scalar_math import Function, on_traced


def _array(data: Iterable[Any]) -> Any:
    return from_nested([*data])


def _mean(data: Iterable[Any], weights: Iterable[Any] | None = None) -> Any:
    x = _array(data)
    if weights is None:
        return np.mean(x)
    w = _array(weights)
    return np.sum(w * x) / np.sum(w)


def _geometric_mean(data: Iterable[Any]) -> Any:
    return np.exp(np.mean(np.log(_array(data))))


def _harmonic_mean(data: Iterable[Any], weights: Iterable[Any] | None = None) -> Any:
    return 1 / _mean(1 / _array(data), weights)


def _pvariance(data: Iterable[Any], mu: Value | None = None) -> Any:
    x = _array(data)
    return np.mean((x - (np.mean(x) if mu is None else mu)) ** 2)


def _variance(data: Iterable[Any], xbar: Value | None = None) -> Any:
    x = _array(data)
    return _pvariance(x, xbar) * (len(x) / (len(x) - 1))


def _pstdev(data: Iterable[Any], mu: Value | None = None) -> Any:
    return np.sqrt(_pvariance(data, mu))


def _stdev(data: Iterable[Any], xbar: Value | None = None) -> Any:
    return np.sqrt(_variance(data, xbar))


def _covariance(x: Iterable[Any], y: Iterable[Any], /) -> Any:
    a, b = _array(x), _array(y)
    return np.sum((a - np.mean(a)) * (b - np.mean(b))) / (len(a) - 1)


def _correlation(x: Iterable[Any], y: Iterable[Any], /, *, method: str = "linear") -> Any:
    a, b = _array(x), _array(y)
    if method == "ranked":  # constant by pieces
        options: dict[str, Any] = {"method": method}  # from Python 3.12 on
        return statistics.correlation(value_of(a).tolist(), value_of(b).tolist(), **options)
    return _covariance(a, b) / (_stdev(a) * _stdev(b))


def _linear_regression(x: Iterable[Any], y: Iterable[Any], /, *, proportional: bool = False) -> Any:
    a, b = _array(x), _array(y)
    if proportional:
        return statistics.LinearRegression(np.sum(a * b) / np.sum(a * a), 0.0)
    slope = _covariance(a, b) / _variance(a)
    return statistics.LinearRegression(slope, np.mean(b) - slope * np.mean(a))


_STATISTICS: dict[str, Function] = {
    "mean": _mean,
    "fmean": _mean,
    "geometric_mean": _geometric_mean,
    "harmonic_mean": _harmonic_mean,
    "pvariance": _pvariance,
    "variance": _variance,
    "pstdev": _pstdev,
    "stdev": _stdev,
    "covariance": _covariance,
    "correlation": _correlation,
    "linear_regression": _linear_regression,
}


def replacements() -> list[tuple[dict[str, Any], str, Any]]:
    """The namespace, the name and the replacement of each function of `statistics`."""
    space = vars(statistics)
    return [(space, name, on_traced(space[name], f)) for name, f in _STATISTICS.items()]
