"""Values that are SciPy's, with the derivatives of another evaluation, or with none."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.stats

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Value
from ..special.kinds import declared, lost

_with_value = declared(
    lambda x, y: np.add(y, np.zeros(np.shape(x)))[()], 1.0, 0.0, name="stats.with_value"
)


def with_value(value: Value, traced: Any) -> Any:
    """A plain value with the derivatives of a traced one, whose own value may be NaN."""
    return _with_value(traced, value) if is_box(traced) else value


def with_scipys(
    name: str, function: Callable[..., Any], method: str = "_pdf"
) -> Callable[..., Any]:
    """A density, or its logarithm, of rounding of its own, with SciPy's value."""
    scipys: Any = getattr(getattr(scipy.stats, name), method)

    def density(*at: Value) -> Any:
        with np.errstate(all="ignore"):
            return with_value(scipys(*map(unbox, at)), function(*at))

    return density


def poisoned(
    value: Value, given: Sequence[Any], is_integral: bool = False, wrong: Any = False
) -> Any:
    """`value`, whose derivatives are NaN at the places `wrong`, and where it is NaN itself, or an
    integral that diverges."""
    if isinstance(value, tuple):
        return tuple(poisoned(v, given, is_integral) for v in value)
    wrong = wrong | (~np.isfinite(unbox(value)) if is_integral else np.isnan(unbox(value)))
    if not np.any(wrong):
        return value
    shape = shape_of(value)
    traced = [x for x in given if is_box(x) and np.broadcast_shapes(shape_of(x), shape) == shape]
    return with_value(unbox(value), value + lost(wrong, *traced)) if traced else value


def nan_throughout(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`; where one of its results is NaN, so are all derivatives of this result."""

    @functools.wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        traced = [np.sum(x) for x in (*args, *kwargs.values()) if is_box(x)]
        value = function(*args, **kwargs)
        return _nan_where_nan(value, traced) if traced else value

    return either


def _nan_where_nan(value: Any, traced: Sequence[Any]) -> Any:
    if isinstance(value, tuple):
        parts = [_nan_where_nan(v, traced) for v in value]
        if all(map(operator.is_, parts, value)):
            return value
        made = tuple.__new__(type(value), parts)
        if hasattr(value, "__dict__"):
            vars(made).update(vars(value))
        return made
    for name in ("statistic", "pvalue"):
        if name in getattr(value, "__dict__", ()):  # of a class of SciPy's for results
            object.__setattr__(value, name, _nan_where_nan(vars(value)[name], traced))
    is_real = is_box(value) or isinstance(value, (np.ndarray, np.floating))
    if not is_real or np.asarray(unbox(value)).dtype.kind != "f":
        return value
    wrong = np.isnan(unbox(value))
    return value + lost(wrong, *traced) if np.any(wrong) else value
