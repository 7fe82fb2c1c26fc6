"""SciPy's new distributions (`Normal`, `make_distribution`, `Mixture`, ...) of traced values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize, stats
from scipy.integrate import _tanhsinh

from ....array.box import unbox
from ....core.types import Value
from ..arguments import any_traced, as_plain_function, by_position, by_scipy
from ..rebinding import deep_plain, explained, passing_instance_of, rebound, rebuilt, replace
from .quadrature import adaptive
from .values import with_value

_module: Any = getattr(stats, "_probability_distribution", None)
_BASE: type | None = getattr(_module, "_ProbabilityDistribution", None)


def copied(x: Any) -> Any:
    """An argument in which distributions of SciPy's classes are copies that take traced values."""
    if type(x) in (list, tuple):
        return type(x)(map(copied, x))
    return passing_instance_of(x) if _BASE is not None and isinstance(x, _BASE) else x


def of_class(cls: type, *args: Any, **kwargs: Any) -> Any:
    """What a call of a class gives where an argument is traced: an instance of the copied class."""
    args = tuple(map(copied, args))
    kwargs = {k: copied(v) for k, v in kwargs.items()}
    return explained(rebuilt(cls), f"scipy.stats.{cls.__name__}", args, kwargs)


def calls_class(cls: type) -> Callable[..., Any]:
    """One of SciPy's new classes for plain arguments, its copy for traced ones."""

    @functools.wraps(cls, updated=())
    def either(*args: Any, **kwargs: Any) -> Any:
        traced = any_traced((*args, *kwargs.values()))
        return of_class(cls, *args, **kwargs) if traced else cls(*args, **kwargs)

    return either


def is_new_class(found: Any) -> bool:
    """Whether an object is a class of SciPy's new distributions."""
    return _BASE is not None and isinstance(found, type) and issubclass(found, _BASE)


def of_distributions(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function of distributions, as `truncate` and `exp`, on ones that hold traced values."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if not any_traced((*args, *kwargs.values())):
            return function(*args, **kwargs)
        args = tuple(map(copied, args))
        return explained(rebound(function), name, args, kwargs)

    return run


_integrate: Any = getattr(_tanhsinh, "tanhsinh", None)


def tanhsinh(
    f: Any,
    a: Value,
    b: Value,
    *,
    args: Any = (),
    kwargs: Any = None,
    log: bool = False,
    **options: Any,
) -> Any:
    """``scipy.integrate.tanhsinh``: SciPy's value, the derivative of an adaptive Gauss rule."""
    args = tuple(args) if np.iterable(args) else (args,)
    f, args = by_position(f, args, kwargs)

    def plain(x: Value, *rest: Any) -> Any:
        return unbox(f(x, *rest))

    ends, options = map(deep_plain, (a, b)), {**options, "args": deep_plain(args), "log": log}
    found = by_scipy(_integrate, as_plain_function(plain), *ends, **options)
    shape = np.shape(found.integral)
    given = [np.reshape(np.broadcast_to(v, shape), (-1,)) for v in (a, b, *args)]

    def integral(low: Value, high: Value, *rest: Any) -> Any:
        if log:
            return np.log(adaptive(lambda x: np.exp(f(x, *rest)), low, high))
        return adaptive(lambda x: f(x, *rest), low, high)

    parts = [integral(*(v[i] for v in given)) for i in range(found.integral.size)]
    traced = np.reshape(np.stack(parts), shape) if parts else np.zeros(shape)
    found.integral = with_value(found.integral, traced)
    return found


if _integrate is not None:
    replace(_integrate, tanhsinh)


_elementwise: Any = getattr(optimize, "elementwise", None)


def bracket_root(f: Any, *start: Any, args: Any = (), kwargs: Any = None, **options: Any) -> Any:
    """``scipy.optimize.elementwise.bracket_root``, whose bracket has no influence on the root."""
    f, args = by_position(f, args, kwargs)
    plain = as_plain_function(lambda *at: unbox(f(*at)))
    options = {name: deep_plain(value) for name, value in options.items()}
    start, args = deep_plain((start, args))
    return by_scipy(_elementwise.bracket_root, plain, *start, args=args, **options)


if _elementwise is not None:
    replace(_elementwise.bracket_root, bracket_root)
