"""Distributions of one variable: SciPy's formulas on traced values, within argument handling of
our own.

Densities, distribution functions and quantiles call copies of SciPy's private methods (`_logpdf`,
`_cdf`, ...) on the elements inside the support. On first use the value of each is compared with
SciPy's public method: a release that moves a private name ends in an error, not in a wrong number.
Moments, entropies and expectations run copies of SciPy's public methods.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import ChangedPrivateNameError, MissingRuleError, UnsupportedInputError, user_line
from ...numpy.manipulation import as_operand
from ..arguments import any_traced
from ..rebinding import deep_plain, explained, instance_of
from .ends import at_ends, quantiles_of_ends
from .expectations import expectation
from .fitting import fit
from .formulas import FORMULAS
from .quadrature import derivatives_only
from .stable import LOCATIONS
from .values import poisoned, with_value

INF = float("inf")
NAN = float("nan")
# The values of each function below and above the support.
OUTSIDE = {
    "pdf": (0.0, 0.0), "logpdf": (-INF, -INF), "pmf": (0.0, 0.0), "logpmf": (-INF, -INF),
    "cdf": (0.0, 1.0), "logcdf": (-INF, 0.0), "sf": (1.0, 0.0), "logsf": (0.0, -INF),
    "ppf": (NAN, NAN), "isf": (NAN, NAN),
}  # fmt: skip
REBOUND = frozenset(
    (
        "mean", "var", "std", "stats", "moment", "entropy", "median", "interval", "support",
        "expect", "nnlf",
    )
)  # fmt: skip
QUANTILES = ("ppf", "isf", "median", "interval")
MOMENTS = ("mean", "var", "std", "stats", "moment", "entropy", "support", "nnlf")
INTEGRALS = ("mean", "var", "std", "stats", "moment", "entropy", "expect")
FAR, LEAST = 1e30, -575.0  # arguments, and logarithms of slopes, where products underflow
WRONG = 1e-3  # the error of a probability that is more than rounding
CLOSE = 1e-7  # how far a first value may be from SciPy's, which may be a quadrature
OF_VECTOR = ("poisson_binom",)  # the shape is a vector along the last axis
INFRASTRUCTURE = "scipy.stats._distn_infrastructure"


def double(x: Value) -> Any:
    """An operand in double precision, in which SciPy computes all of its distributions."""
    x = as_operand(x)
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        return x
    return x.astype(float) if dtype.itemsize < 8 or dtype.kind in "iub" else x


class Distribution:
    """One of SciPy's distributions, whose functions carry derivatives in x and all parameters.

    Arguments: `source`, the distribution in scipy.stats.
    Outside the support the derivative is 0; parameters that SciPy refuses give NaN, value and
    derivative; on the edge of the support the derivative is that of the formula inside.
    """

    def __init__(self, source: Any) -> None:
        self.source = source
        self.name = str(source.name)
        self.shapes = tuple(s.strip() for s in (source.shapes or "").split(",") if s.strip())
        self.discrete = hasattr(source, "pmf")
        self.checked: set[str] = set()
        self.__doc__ = f"scipy.stats.{self.name}, with derivatives."

    @functools.cached_property
    def copy(self) -> Any:
        """The copy of the distribution that takes traced values."""
        return instance_of(self.source)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.source, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def method(*args: Any, **kwargs: Any) -> Any:
            if not any_traced((*args, *kwargs.values())):
                return found(*args, **kwargs)
            if name in QUANTILES and self.discrete:
                return self._steps(name, *args, **kwargs)
            if name in OUTSIDE:
                return self.evaluate(name, *args, **kwargs)
            if name == "fit" and not self.discrete:
                return fit(self, *args, **kwargs)
            if name in REBOUND:
                what = f"scipy.stats.{self.name}.{name}"
                # Elsewhere a shape may be one that cannot move, as at the corner of a trapezoid's.
                whole = self.discrete or self.name == "irwinhall"
                if whole and (name in MOMENTS or name == "expect"):
                    self._refuse_integers(name, self._shapes_of(name, args, kwargs))
                if self.name == "pearson3" and name in ("expect", "entropy"):
                    self._refuse_moving_jump(what, self._shapes_of(name, args, kwargs)[0])
                copied = getattr(self.copy, name)
                if name == "expect" and not self.discrete:
                    copied = functools.partial(expectation, self)
                if name in INTEGRALS and not self.discrete:
                    with derivatives_only(), np.errstate(all="ignore"):
                        value = explained(copied, what, args, kwargs)
                else:
                    value = explained(copied, what, args, kwargs)
                # Integrals and formulas of our own have rounding of their own.
                if name in INTEGRALS and (not self.discrete or (self.name, "stats") in FORMULAS):
                    value = _with_values(_plain_call(found, args, kwargs), value)
                return poisoned(value, _flat((*args, *kwargs.values())), name in INTEGRALS)
            raise MissingRuleError(
                f"scipy.stats.{self.name}.{name} has no derivative rule, {user_line()}; those "
                f"that have are {', '.join((*OUTSIDE, *sorted(REBOUND)))}. Write it with functions "
                f"that have one, or pass dualdiff.value_of(x) to count x as constant."
            )

        return method

    def __dir__(self) -> list[str]:
        return dir(self.source)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The distribution with its parameters fixed."""
        if any_traced((*args, *kwargs.values())):
            return Frozen(self, args, kwargs)
        return self.source(*args, **kwargs)

    freeze = __call__

    def parameters(self, name: str, args: Any, kwargs: Any) -> tuple[list[Any], Any, Any]:
        """Shapes, loc and scale of a call."""
        names = [*self.shapes, "loc", *([] if self.discrete else ["scale"])]
        given = dict(zip(names, args, strict=False)) | kwargs
        missing = [n for n in self.shapes if n not in given]
        if missing or len(args) > len(names) or set(given) - set(names):
            raise TypeError(
                f"{self.name}.{name} takes the parameters {', '.join(names)}, not "
                f"{', '.join(map(str, given)) or 'none'}, {user_line()}"
            )
        shapes = self._parted([double(given[n]) for n in self.shapes])
        return shapes, double(given.get("loc", 0.0)), double(given.get("scale", 1.0))

    def _parted(self, shapes: list[Any]) -> list[Any]:
        """The shapes as SciPy's private methods take them: a vector by its elements."""
        return list(np.moveaxis(shapes[0], -1, 0)) if self.name in OF_VECTOR else shapes

    def _whole(self, shapes: Sequence[Any]) -> list[Any]:
        """The plain shapes as SciPy's public methods take them."""
        values = [unbox(s) for s in shapes]
        return [np.stack(values, axis=-1)] if self.name in OF_VECTOR else values

    def evaluate(self, name: str, x: Value, *args: Any, **kwargs: Any) -> Any:
        """One of the functions, at x and parameters of which some are traced."""
        shapes, given_loc, scale = self.parameters(name, args, kwargs)
        locate = LOCATIONS.get((self.name, name))
        loc = locate(given_loc, scale, *shapes) if locate else given_loc
        x = double(x)
        quantile = name in ("ppf", "isf")
        whole: Any = True
        if quantile:
            z = x
        elif self.discrete:
            if any_traced((x, loc)):
                raise UnsupportedInputError(
                    f"{self.name}.{name} is a function of integers: it has no derivative in them "
                    f"or in loc, {user_line()}; pass dualdiff.value_of(k)"
                )
            z = np.asarray(x, dtype=float) - loc
            if name in ("pmf", "logpmf"):
                whole = np.asarray(z == np.floor(z))
        else:
            z = (x - loc) / scale
        shape = np.broadcast_shapes(shape_of(z), shape_of(scale), *map(shape_of, shapes))
        values = [unbox(s) for s in shapes]
        with np.errstate(all="ignore"):
            ok = self.source._argcheck(*values) & (unbox(scale) > 0) & (unbox(loc) == unbox(loc))
            valid = np.asarray(ok, bool)
            low, high = (0.0, 1.0) if quantile else self.source._get_support(*values)
            self._refuse_integers(name, shapes)
        pz = unbox(z)
        if whole is True and 0 not in shape and np.all(valid) and np.all((pz > low) & (pz < high)):
            value = self.scattered(name, z, shapes, scale, True, False, False, shape)
        else:
            value = self.by_places(name, z, shapes, scale, (low, high), (valid, whole), shape)
        if quantile:
            value = value * scale + loc
        value = poisoned(value, (x, *shapes, loc, scale), wrong=self._is_lost(name, value, pz))
        if name not in self.checked:
            self._check(name, value, x, shapes, given_loc, scale)
        return value

    def by_places(
        self, name: str, z: Value, shapes: Any, scale: Any, support: Any, masks: Any,
        shape: tuple[int, ...],
    ) -> Any:  # fmt: skip
        """The values inside the support, at its ends, beyond it, and of parameters out of range."""
        (low, high), (valid, whole), pz = support, masks, unbox(z)
        quantile = name in ("ppf", "isf")
        below, above = valid & (pz < low) | ~np.asarray(whole), valid & (pz > high)
        if self.discrete and name in ("cdf", "logcdf", "sf", "logsf"):
            above = above | valid & (pz >= high)  # all of it lies there: 1 and 0 without rounding
        limits = np.isfinite(OUTSIDE[name])  # a function with a limit is level at infinity
        below = below | valid & (pz == -INF) & limits[0]
        above = above | valid & (pz == INF) & limits[1]
        inside = valid & ~below & ~above & (pz == pz)
        at_end = False if self.discrete else inside & ((pz == low) | (pz == high))
        if not np.any(at_end):
            return self.scattered(name, z, shapes, scale, inside, below, above, shape)
        if quantile:
            value = self.scattered(name, z, shapes, scale, inside & ~at_end, below, above, shape)
            return np.where(at_end, quantiles_of_ends(self, name, z, shapes), value)
        return at_ends(self, name, z, shapes, scale, (inside, below, above, at_end), shape)

    def _is_lost(self, name: str, value: Value, z: Any) -> Any:
        """Where derivatives in x are below the smallest numbers, but those in scale are not."""
        far = np.isfinite(z) & (np.abs(z) > FAR)
        if name in ("ppf", "isf") or not np.any(far):
            return False
        size = unbox(value)
        if name in ("logpdf", "logcdf", "logsf"):
            if not self._is_logarithm(name):
                return False
        else:
            with np.errstate(divide="ignore"):
                size = np.log(np.abs(size))
        return far & np.isfinite(size) & (size - np.log(np.where(far, np.abs(z), 1.0)) < LEAST)

    def _is_logarithm(self, name: str) -> bool:
        """Whether SciPy has no formula of a logarithm, but takes that of the value."""
        if (self.name, name) in FORMULAS:
            return False
        own = name != "logpdf" and (self.name, name[3:]) in FORMULAS
        return own or self._is_inherited(f"_{name}")

    def _steps(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Quantiles of integers: steps, so that `loc` alone has a derivative."""
        if name == "median":
            return self._steps("ppf", 0.5, *args, **kwargs)
        key = "confidence" if name == "interval" else "q"
        q, *rest = args if key not in kwargs else (kwargs.pop(key), *args)
        if name == "interval":
            ends = (1 - q) / 2, 1 - (1 - q) / 2
            return tuple(self._steps("ppf", end, *rest, **kwargs) for end in ends)
        shapes, loc, _ = self.parameters(name, rest, kwargs)
        self._refuse_integers(name, shapes)
        steps = getattr(self.source, name)(unbox(q), *self._whole(shapes))
        return poisoned(steps + loc, (q, *shapes, loc))

    def _refuse_integers(self, name: str, shapes: Sequence[Any]) -> None:
        """A shape that must be an integer has no derivative."""
        if self.name in OF_VECTOR:
            return
        values = [unbox(s) for s in shapes]
        for i, s in enumerate(shapes):
            if is_box(s) and np.all(self.source._argcheck(*values)):
                near = (values[i] * (1 + 1e-7 * sign) + 1e-9 * sign for sign in (1, -1))
                moved = ([*values[:i], v, *values[i + 1 :]] for v in near)
                if not any(np.any(self.source._argcheck(*m)) for m in moved):
                    raise UnsupportedInputError(
                        f"the parameter {self.shapes[i]} of scipy.stats.{self.name}.{name} is an "
                        f"integer: it has no derivative, {user_line()}"
                    )

    def _refuse_moving_jump(self, what: str, skew: Value) -> None:
        """From a skewness of 2 on the density jumps, within the support that SciPy gives."""
        if is_box(skew) and np.any(np.abs(unbox(skew)) >= 2):
            raise UnsupportedInputError(
                f"{what} has no derivative in a skewness of 2 or more, {user_line()}: the density "
                f"jumps at an end that moves; write it with scipy.stats.gamma"
            )

    def _shapes_of(self, name: str, args: Any, kwargs: Any) -> list[Any]:
        """The shapes in a call of a moment, an expectation or the like."""
        if name == "expect":
            return list(map(double, kwargs.get("args", args[1] if len(args) > 1 else ())))
        first = {"moment": "order", "interval": "confidence"}.get(name, "")
        args = tuple(args[0]) if name == "nnlf" else args
        args = args[1:] if first and first not in kwargs else args
        named = {k: v for k, v in kwargs.items() if k not in (first, "moments")}
        return self.parameters(name, args, named)[0]

    def scattered(
        self, name: str, z: Value, shapes: Any, scale: Any, inside: Any, below: Any, above: Any,
        shape: tuple[int, ...],
    ) -> Any:  # fmt: skip
        """The formula at the elements inside, constants at the others."""
        everywhere = inside is True
        if not everywhere:
            inside = np.broadcast_to(inside, shape)
            everywhere = bool(np.all(inside)) and inside.size > 0

        def chosen(a: Value) -> Any:
            if shape_of(a) == () or (len(shape_of(a)) == 1 and shape_of(a) == (1,)):
                return np.reshape(a, (1,))
            a = np.broadcast_to(a, shape)
            return np.reshape(a, (-1,)) if everywhere else a[inside]

        count = prod(shape) if everywhere else int(np.count_nonzero(inside))
        low, high = OUTSIDE[name]
        if count:
            z, scale = chosen(z), chosen(scale)
            inner = self.formula(name, z, [chosen(s) for s in shapes])
            if not self.discrete and name == "pdf":
                inner = inner / scale
            elif not self.discrete and name == "logpdf":
                inner = inner - np.log(scale)
            if shape_of(inner) != (count,):
                inner = np.broadcast_to(inner, (count,))
            if everywhere:
                return np.reshape(inner, shape)
            full = np.concatenate([inner, np.array([low, high, NAN])])
        else:
            full = np.array([low, high, NAN])
        position = np.reshape(np.cumsum(inside), shape) - 1
        rest = np.where(below, count, np.where(above, count + 1, count + 2))
        index = np.where(inside, position, rest)
        return full[index]

    def formula(self, name: str, z: Value, shapes: Sequence[Any]) -> Any:
        """SciPy's private method, on the elements of vectors."""
        if name in ("logcdf", "logsf") and self._is_logarithm(name):
            return self._log_probability(name, z, shapes)
        method = getattr(self.copy, f"_{name}", None)
        if method is None:
            raise ChangedPrivateNameError(
                f"this release of SciPy has no scipy.stats.{self.name}._{name}, {user_line()}"
            )
        what = f"scipy.stats.{self.name}.{name}"
        with np.errstate(all="ignore"):
            return explained(method, what, (z, *shapes), {})

    def _is_inherited(self, name: str) -> bool:
        owner = next(c for c in type(self.source).__mro__ if name in vars(c))
        return owner.__module__ == INFRASTRUCTURE

    def _log_probability(self, name: str, z: Value, shapes: Sequence[Any]) -> Any:
        """The logarithm of a probability, by that of its complement where it is nearly 1."""
        one, other = ("cdf", "sf") if name == "logcdf" else ("sf", "cdf")
        p = self.formula(one, z, shapes)
        likely = unbox(p) > 0.5
        if self.discrete:  # SciPy's functions of numbers that are not integers do not add up to 1
            likely = likely & (unbox(z) == np.floor(unbox(z)))
        with np.errstate(divide="ignore"):
            negative = unbox(p) < 0  # as the sf of ncf at nc = 0
            if np.any(negative):
                value = getattr(self.source, f"_{name}")(*map(unbox, (z, *shapes)))
                rest = np.where(negative, self.formula(other, z, shapes), 0.0)
                whole = np.where(negative, np.log1p(-rest), np.log(np.where(negative, 1.0, p)))
                return with_value(value, whole)
            if not np.any(likely):
                return np.log(p)
            small = self.formula(other, z, shapes)
            wrong = likely & (np.abs(unbox(p) + unbox(small) - 1) > WRONG)
            if np.any(wrong):  # SciPy's complement is, as that of ncf at nc = 0
                value = np.log1p(-np.where(likely, unbox(small), 1 - unbox(p)))
                return with_value(value, np.log(p))
            if np.all(likely):
                return np.log1p(-small)
            small = np.where(likely, small, 0.0)
            return np.where(likely, np.log1p(-small), np.log(np.where(likely, 1.0, p)))

    def _check(self, name: str, value: Value, x: Value, shapes: Any, loc: Any, scale: Any) -> None:
        """Compare with the public method, once."""
        rest = (unbox(loc),) if self.discrete else (unbox(loc), unbox(scale))
        with np.errstate(all="ignore"):
            public = getattr(self.source, name)(unbox(x), *self._whole(shapes), *rest)
        # SciPy's formulas may be NaN at infinity.
        public = np.where(np.isinf(unbox(x)) & np.isnan(public), unbox(value), public)
        given: Any = unbox(value)
        if not np.allclose(given, public, rtol=CLOSE, atol=CLOSE, equal_nan=True):
            if name.startswith("log") and np.allclose(
                np.exp(given), np.exp(public), rtol=CLOSE, atol=1e-14, equal_nan=True
            ):
                return  # SciPy's has lost its digits next to 0: another call tells
            raise ChangedPrivateNameError(
                f"scipy.stats.{self.name}._{name} of this release of SciPy does not give the "
                f"value of {name}, {user_line()}; please report it"
            )
        self.checked.add(name)


def _flat(given: Any) -> list[Any]:
    """Arguments, and those in tuples and lists, as the shapes that `expect` takes."""
    parts = (_flat(x) if isinstance(x, (tuple, list)) else [x] for x in given)
    return [x for part in parts for x in part]


def _plain_call(function: Any, args: Any, kwargs: Any) -> Any:
    """The result of SciPy's function of plain arguments, functions among them included."""

    def plain(x: Any) -> Any:
        return (lambda *at: unbox(x(*at))) if callable(x) and not is_box(x) else deep_plain(x)

    return function(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})


def _with_values(values: Any, traced: Any) -> Any:
    if isinstance(traced, tuple):
        return tuple(map(_with_values, values, traced))
    return with_value(values, traced)


class Frozen:
    """A distribution with traced parameters."""

    holds_traced = True

    def __init__(self, distribution: Any, args: Any, kwargs: Any) -> None:
        self.dist = distribution
        self.args = args
        self.kwds = kwargs

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        method = getattr(self.dist, name)
        if not callable(method):
            return method
        if name == "expect":
            return self._expect
        if name == "stats":
            return lambda moments="mv": method(*self.args, **self.kwds, moments=moments)
        return lambda *x, **kwargs: method(*x, *self.args, **self.kwds, **kwargs)

    def _expect(self, func: Any = None, **kwargs: Any) -> Any:
        shapes = self.args[: len(self.dist.shapes)]
        rest = dict(zip(("loc", "scale"), self.args[len(shapes) :], strict=False))
        named = {k: v for k, v in self.kwds.items() if k in ("loc", "scale")}
        shapes = (*shapes, *(self.kwds[s] for s in self.dist.shapes if s in self.kwds))
        return self.dist.expect(func, args=shapes, **rest, **named, **kwargs)
