"""Functions of `scipy.special` and `scipy.stats`, whose rules are imported at their first use."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable, Iterator
from typing import Any

from ...core.types import Value
from ..numpy.creation import contains_box
from .arguments import as_array, mapped
from .dispatch import Entry, enter, implements_lazily

OPERATORS = frozenset(
    f"__{name}__"
    for name in (
        "call", "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow",
    )
)  # fmt: skip
SETTERS = frozenset(("set_bandwidth",))  # methods that set attributes of their object
SPECIAL, STATS = "dualdiff.rules.scipy.special", "dualdiff.rules.scipy.stats"


class OfArrays(Entry):
    """A function whose implementation takes arrays in the place of lists of traced numbers."""

    def answer(self, args: Any, kwargs: Any) -> Any:
        return super().answer(*mapped(_as_array, args, kwargs))


def _as_array(x: Value) -> Any:
    return as_array(x) if type(x) in (list, tuple) and contains_box(x) else x


def declare_special() -> None:
    """Declare the functions of `scipy.special` that are written in Python."""
    from scipy import special

    _declare_functions(special, SPECIAL, OfArrays)
    if hasattr(special, "_multiufuncs"):  # from release 1.15 on
        call = vars(special._multiufuncs.MultiUFunc)["__call__"]
        implements_lazily(call, f"{SPECIAL}.harmonics", "multiufunc_call", OfArrays)


def declare_stats() -> None:
    """Declare functions of `scipy.stats`, and methods of distributions."""
    from scipy import stats

    _declare_functions(stats, STATS)
    for cls in _classes_of_stats(stats):
        for name, found in list(vars(cls).items()):
            is_public = not name.startswith("_") or name in OPERATORS
            if isinstance(found, types.FunctionType) and is_public:
                _declare_method(found, name)
    for cls in _made_by_calls(stats):
        implements_lazily(cls, STATS, cls.__name__)
    for name in ("from_diagonal", "from_precision", "from_cholesky", "from_eigendecomposition"):
        _declare_maker(stats.Covariance, name)
    new = getattr(stats, "_probability_distribution", None)
    if new is not None:
        enter(Entry(new._ProbabilityDistribution, _find_of_class, of_subclasses=True))


def _declare_maker(cls: type, name: str) -> None:
    """Declare a static method that makes an object: the copy of the class has the same."""

    def find() -> Callable[..., Any]:
        importlib.import_module(STATS)  # which says which classes are copied
        rebuilt = importlib.import_module("dualdiff.rules.scipy.rebinding").rebuilt
        found: Callable[..., Any] = getattr(rebuilt(cls), name)
        return found

    enter(Entry(vars(cls)[name].__func__, find))


def _find_of_class() -> Callable[..., Any]:
    found: Callable[..., Any] = importlib.import_module(f"{STATS}.new_classes").of_class
    return found


def _declare_functions(module: Any, rules: str, kind: type[Entry] = Entry) -> None:
    for name in module.__all__:
        found = getattr(module, name)
        if isinstance(found, types.FunctionType):
            implements_lazily(found, rules, name, kind)


def _declare_method(method: types.FunctionType, name: str) -> None:
    """Declare a method of a distribution: its counterpart has a method of the same name."""

    def find() -> Callable[..., Any]:
        of_instance = importlib.import_module(STATS).of_instance
        if name in SETTERS:
            return lambda self, *args, **kwargs: _set(self, of_instance(self), name, args, kwargs)
        return lambda self, *args, **kwargs: getattr(of_instance(self), name)(*args, **kwargs)

    enter(Entry(method, find))


def _set(owner: Any, copy: Any, name: str, args: Any, kwargs: Any) -> None:
    """Give an object the attributes that a method sets in its copy."""
    before = dict(vars(copy))
    getattr(copy, name)(*args, **kwargs)
    for key, value in vars(copy).items():
        if key not in before or before[key] is not value:
            setattr(owner, key, value)


def _classes_of_stats(stats: Any) -> Iterator[type]:
    """The classes of distributions of one variable and several, frozen ones of several too."""
    yield from _all_below(stats._distn_infrastructure.rv_generic)
    yield from _all_below(stats._multivariate.multi_rv_generic)
    for name, found in list(vars(stats._multivariate).items()):
        if name.endswith("_frozen") and isinstance(found, type):
            yield found
    yield stats.gaussian_kde
    new = getattr(stats, "_probability_distribution", None)
    if new is not None:
        yield from _all_below(new._ProbabilityDistribution)


def _made_by_calls(stats: Any) -> Iterator[type]:
    """Public classes whose instances a program makes of parameters or data."""
    for name in ("gaussian_kde", "rv_histogram", "Normal", "Uniform", "Binomial"):
        if hasattr(stats, name):
            yield getattr(stats, name)


def _all_below(cls: type) -> Iterator[type]:
    yield cls
    below: type
    for below in cls.__subclasses__():
        if below.__module__.startswith("scipy."):
            yield from _all_below(below)
