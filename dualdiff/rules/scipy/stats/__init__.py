"""`scipy.stats` on traced arrays: its whole namespace.

Distributions have derivatives in x and all parameters, summaries and tests
in the data; they run SciPy's own code on traced values. Functions that SciPy computes by compiled
code raise an error that says so.
"""

from __future__ import annotations

import types
from typing import Any

from scipy import stats

from ..arguments import holds_traced
from ..pieces import constant
from ..rebinding import REBUILT_MODULES, class_on_traced, on_traced, passing_instance_of
from . import kolmogorov, replacements, sampled, summaries, sums  # noqa: F401  # what rebinding must know of scipy.stats
from .distributions import Distribution
from .multivariate import FrozenMultivariate, Multivariate, dirichlet, multivariate_normal
from .new_classes import calls_class, is_new_class, of_distributions
from .values import nan_throughout

NEW = "scipy.stats._distribution_infrastructure"
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
    if name == "make_distribution":
        return lambda dist: found(getattr(dist, "source", dist))
    if is_new_class(found):
        return calls_class(found)
    if getattr(found, "__module__", None) == NEW and isinstance(found, types.FunctionType):
        return of_distributions(found, f"scipy.stats.{name}")
    if name in summaries.OF_RANKS:
        return constant(found, summaries.OF_RANKS[name], f"scipy.stats.{name}")
    if isinstance(found, types.FunctionType):
        return nan_throughout(on_traced(found, f"scipy.stats.{name}"))
    if isinstance(found, type) and found.__module__ in REBUILT_MODULES:
        return class_on_traced(found, f"scipy.stats.{name}")
    return found


def of_instance(source: Any) -> Any:
    """The object that has the methods of one of SciPy's distributions, for traced values."""
    if isinstance(source, (stats.rv_continuous, stats.rv_discrete)):
        if holds_traced(source):
            return passing_instance_of(source)
        name = str(source.name)
        known: Any = getattr(stats, name, None)
        if type(known) is type(source) and all(
            getattr(known, end) == getattr(source, end) for end in ("a", "b")
        ):
            return globals().get(name) or __getattr__(name)
        return Distribution(source)
    if isinstance(source, stats._multivariate.multi_rv_generic):
        name = type(source).__name__.removesuffix("_gen")
        if isinstance(getattr(stats, name, None), type(source)):
            return globals().get(name) or __getattr__(name)
    if isinstance(source, stats._multivariate.multivariate_normal_frozen):
        fixed = {n: getattr(source, n) for n in ("mean", "cov", "allow_singular")}
        return FrozenMultivariate(multivariate_normal, fixed)
    return passing_instance_of(source)
