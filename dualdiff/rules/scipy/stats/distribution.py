"""Distributions of one variable, declared by formulas in their standard form."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....array.box import plain
from ....errors import MissingRuleError, UnsupportedInputError, user_line
from ...numpy.creation import contains_box
from ...numpy.manipulation import as_operand

INF = float("inf")
NAN = float("nan")
# The values of each function below and above the support.
OUTSIDE = {
    "pdf": (0.0, 0.0), "logpdf": (-INF, -INF), "pmf": (0.0, 0.0), "logpmf": (-INF, -INF),
    "cdf": (0.0, 1.0), "logcdf": (-INF, 0.0), "sf": (1.0, 0.0), "logsf": (0.0, -INF),
    "ppf": (NAN, NAN), "isf": (NAN, NAN),
}  # fmt: skip


def double(x: Any) -> Any:
    """An operand in double precision, in which SciPy computes all of its distributions."""
    x = as_operand(x)
    dtype = getattr(x, "dtype", None)
    return x.astype(float) if dtype is not None and dtype.itemsize < 8 else x


class Distribution:
    """One of SciPy's distributions, some of whose functions carry derivatives.

    Arguments: `source`, the distribution in scipy.stats; `shapes`, the names of its shape
    parameters; `support` of the standard form; `discrete`, if its values are integers, and so
    constants; `formulas`, functions of the standardised variable and the shapes.
    """

    def __init__(
        self,
        source: Any,
        shapes: Sequence[str],
        support: tuple[float, float],
        discrete: bool = False,
        **formulas: Callable[..., Any],
    ) -> None:
        self.source = source
        self.name = str(source.name)
        self.shapes = tuple(shapes)
        self.support = support
        self.discrete = discrete
        self.formulas = _completed(formulas)
        self.__doc__ = f"scipy.stats.{self.name}, with derivatives of {', '.join(self.formulas)}."

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.source, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def method(*args: Any, **kwargs: Any) -> Any:
            if not any(map(contains_box, (*args, *kwargs.values()))):
                return found(*args, **kwargs)
            if name not in self.formulas:
                raise MissingRuleError(
                    f"scipy.stats.{self.name}.{name} has no derivative rule, {user_line()}; those "
                    f"that have are {', '.join(self.formulas)}. Write it with functions that have "
                    f"one, or pass dualdiff.value_of(x) to count x as constant."
                )
            return self.evaluate(name, *args, **kwargs)

        return method

    def __dir__(self) -> list[str]:
        return dir(self.source)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The distribution with its parameters fixed."""
        if any(map(contains_box, (*args, *kwargs.values()))):
            return Frozen(self, args, kwargs)
        return self.source(*args, **kwargs)

    def evaluate(self, name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
        """One of the functions, at x and parameters, some of them traced."""
        names = [*self.shapes, "loc", *([] if self.discrete else ["scale"])]
        given = dict(zip(names, args, strict=False)) | kwargs
        missing = [n for n in self.shapes if n not in given]
        if missing or len(args) > len(names) or set(given) - set(names):
            raise TypeError(
                f"{self.name}.{name} takes the parameters {', '.join(names)}, not "
                f"{', '.join(map(str, given)) or 'none'}, {user_line()}"
            )
        loc, scale = double(given.get("loc", 0.0)), double(given.get("scale", 1.0))
        shapes = [_positive(double(given[n])) for n in self.shapes]
        x = double(x)
        if name in ("ppf", "isf"):
            return self._inside(name, x, shapes, (0.0, 1.0)) * _positive(scale) + loc
        if self.discrete:
            return self._at_integers(name, x, loc, shapes)
        if "scale" not in given:
            return self._inside(name, x - loc if "loc" in given else x, shapes, self.support)
        scale = _positive(scale)
        z = (x - loc) / scale
        if name == "pdf":
            return self._inside(name, z, shapes, self.support, lambda value: value / scale)
        if name == "logpdf":
            log = np.log(scale)
            return self._inside(name, z, shapes, self.support, lambda value: value - log)
        return self._inside(name, z, shapes, self.support)

    def _at_integers(self, name: str, x: Any, loc: Any, shapes: Sequence[Any]) -> Any:
        if contains_box(x) or contains_box(loc):
            raise UnsupportedInputError(
                f"{self.name}.{name} is a function of integers: it has no derivative in them or in "
                f"loc, {user_line()}; pass dualdiff.value_of(k)"
            )
        k = np.asarray(x, dtype=float) - loc
        whole = np.floor(k)
        value = self._inside(name, whole, shapes, self.support)
        if name in ("pmf", "logpmf") and np.any(whole != k):
            return np.where(whole == k, value, OUTSIDE[name][0])
        return value

    def _inside(
        self,
        name: str,
        z: Any,
        shapes: Sequence[Any],
        support: tuple[float, float],
        rescaled: Callable[[Any], Any] = lambda value: value,
    ) -> Any:
        """The formula on the support, rescaled; constants outside it."""
        valid = functools.reduce(np.logical_and, [plain(s) > 0 for s in shapes], True)
        low, high = (plain(z) < support[0]) & valid, (plain(z) > support[1]) & valid
        formula = self.formulas[name]
        if not np.any(low | high):
            return rescaled(formula(z, *shapes))
        inner = np.clip(0.5, *support)
        value = rescaled(formula(np.where(low | high, inner, z), *shapes))
        below, above = OUTSIDE[name]
        return np.where(low, below, np.where(high, above, value))


class Frozen:
    """A `Distribution` with traced parameters."""

    def __init__(self, distribution: Distribution, args: Any, kwargs: Any) -> None:
        self.distribution = distribution
        self.args = args
        self.kwargs = kwargs

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        method = getattr(self.distribution, name)
        return lambda *x: method(*x, *self.args, **self.kwargs)


def _positive(parameter: Any) -> Any:
    """A scale or shape, or NaN where it is not positive, as in SciPy."""
    wrong = ~(plain(parameter) > 0) if np.ndim(parameter) else not plain(parameter) > 0
    return np.where(wrong, NAN, parameter) if np.any(wrong) else parameter


def _log_of(probability: Callable[..., Any], complement: Callable[..., Any]) -> Callable[..., Any]:
    """The logarithm of a probability, without cancellation near 1."""

    def log(*args: Any) -> Any:
        p = probability(*args)
        likely = plain(p) > 0.5
        with np.errstate(divide="ignore"):  # as in SciPy: the probability may underflow
            if not np.any(likely):
                return np.log(p)
            return np.where(likely, np.log1p(-complement(*args)), np.log(p))

    return log


def _completed(formulas: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The given formulas, and the formulas that follow from them."""
    out = dict(formulas)
    for log, function in (("logpdf", "pdf"), ("logpmf", "pmf")):
        if log in out:
            out.setdefault(function, _composed(np.exp, out[log]))
    if "cdf" in out:
        out.setdefault("logcdf", _log_of(out["cdf"], out["sf"]))
        out.setdefault("logsf", _log_of(out["sf"], out["cdf"]))
    return out


def _composed(outer: Callable[..., Any], inner: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: outer(inner(*args))
