"""`scipy.stats` on traced arrays: its whole namespace.

SciPy's own functions make plain arrays of their arguments, so use the ones of
`dualdiff.scipy.stats`. Distributions have derivatives in x and all parameters, summaries and tests
in the data; they run SciPy's own code on traced values. Functions that SciPy computes by compiled
code raise an error that says so.
"""

from __future__ import annotations

import types
from typing import Any

from scipy import stats

from ..rebinding import REBUILT_MODULES, class_on_traced, on_traced
from . import replacements, summaries  # noqa: F401  # what rebinding must know of scipy.stats
from .distributions import Distribution
from .multivariate import Multivariate, dirichlet, multivariate_normal

__all__ = ["dirichlet", "multivariate_normal"]


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    found = globals()[name] = _counterpart(getattr(stats, name), name)
    return found


def _counterpart(found: Any, name: str) -> Any:
    if isinstance(found, (stats.rv_continuous, stats.rv_discrete)):
        return Distribution(found)
    if isinstance(found, stats._multivariate.multi_rv_generic):
        return Multivariate(found, name)
    if isinstance(found, types.FunctionType):
        return on_traced(found, f"scipy.stats.{name}")
    if isinstance(found, type) and found.__module__ in REBUILT_MODULES:
        return class_on_traced(found, f"scipy.stats.{name}")
    return found
