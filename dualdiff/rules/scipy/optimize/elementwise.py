"""`scipy.optimize.elementwise`: roots and minima of many functions of one number at once.

The namespace is there from SciPy 1.15 on.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ....errors import SolverError, user_line
from ....transforms.checkpoint import value_of
from ....transforms.grad import grad
from ....transforms.implicit import lift
from ...numpy.creation import asarray
from ..arguments import any_traced, as_plain_function, by_position
from ..dispatch import implements, missing
from ..solving import (
    Result,
    by_scipy,
    is_constant,
    like,
    plain_callable,
    refused,
    with_args,
)
from .roots import EQUATIONS

Function = Callable[..., Any]
try:
    _scipy: Any = importlib.import_module("scipy.optimize.elementwise")
except ImportError:  # an older release
    _scipy = None


def _values_at_bracket(live: Function, found: Any) -> Callable[[], Any]:
    """The values of the function at the ends of a bracket, as an entry of a result."""
    pairs = list(zip(found.bracket, found.f_bracket, strict=True))
    return lambda: tuple(like(asarray(live(x)), value) for x, value in pairs)


def _refusals(name: str) -> dict[str, Callable[[], Any]]:
    """Errors for entries of a result that move with the solution in a way that is not known."""
    return {entry: refused(f"elementwise.{name}", entry) for entry in ("bracket", "f_bracket")}


def _solved(
    name: str, f: Function, init: Any, args: Any, callback: Any, options: dict[str, Any]
) -> Any:
    """SciPy's result on plain values; a failed search has no derivative, and is an error then."""
    found = by_scipy(
        getattr(_scipy, name),
        plain_callable(f),
        value_of(init),
        args=value_of(args),
        callback=plain_callable(callback),
        **options,
    )
    if not is_constant(args) and not np.all(found.success):
        raise SolverError(
            f"{name} failed for some elements, {user_line()}, which have no derivative; look at "
            f"`status` in the result outside of the derivative, or give another bracket."
        )
    return found


def find_root(
    f: Function, init: Any, /, *, args: Any = (), callback: Any = None, **options: Any
) -> Any:
    """``scipy.optimize.elementwise.find_root``: the roots of a function, one for each element.

    Arguments: as SciPy's; `f` and `args` may hold traced values, the bracket `init` has no
    influence. Returns: SciPy's result, whose `x` is traced; to read the last bracket is
    an error.
    Raises: SolverError where an element has no root, SingularError where the slope there is 0.

    >>> import numpy as np, dualdiff as dd
    >>> from scipy.optimize import elementwise
    >>> f = lambda p: elementwise.find_root(lambda x, p: x**2 - p, (0.0, 5.0), args=(p,)).x
    >>> dd.jacobian(f)(np.array([4.0, 9.0])).round(6).tolist()
    [[0.25, 0.0], [0.0, 0.166667]]
    """
    f, args = by_position(f, args, options.pop("kwargs", None))
    found = _solved("find_root", f, init, args, callback, options)
    if is_constant(args):
        return found
    live = with_args(f, args)
    kind = "diagonal" if np.ndim(found.x) else None
    found["x"] = lift(lambda x: asarray(live(x)), found.x, name=EQUATIONS, kind=kind)
    return Result(found, _refusals("find_root"))


def find_minimum(
    f: Function, init: Any, /, *, args: Any = (), callback: Any = None, **options: Any
) -> Any:
    """``scipy.optimize.elementwise.find_minimum``: the minima of a function, one for each element.

    Arguments, results, errors: as for `find_root`; `f_x` is traced, too. The function must have a
    second derivative.

    >>> import dualdiff as dd
    >>> from scipy.optimize import elementwise
    >>> f = lambda p: elementwise.find_minimum(lambda x: (x - p) ** 2, (-9.0, 0.0, 9.0)).x
    >>> round(float(dd.grad(f)(2.0)), 6)
    1.0
    """
    f, args = by_position(f, args, options.pop("kwargs", None))
    found = _solved("find_minimum", f, init, args, callback, options)
    if is_constant(args):
        return found
    live = with_args(f, args)
    slope = grad(lambda x: np.sum(asarray(live(x))))
    kind = "diagonal" if np.ndim(found.x) else None
    value = found.f_x
    x = found["x"] = lift(slope, found.x, name="the equations f'(x) = 0", kind=kind)
    later = {"f_x": lambda: like(asarray(live(x)), value), **_refusals("find_minimum")}
    return Result(found, later)


def _brackets(original: Any) -> Any:
    """A search for a bracket: its ends are constant by pieces, the function's values there not."""

    def bracket(f: Function, *start: Any, args: Any = (), **options: Any) -> Any:
        f, args = by_position(f, args, options.pop("kwargs", None))
        if any_traced(start) or any_traced(options.values()):
            raise missing(f"scipy.optimize.{original.__name__}", "it has no rule for its start")
        found = by_scipy(original, as_plain_function(f), *start, args=value_of(args), **options)
        return Result(found, {"f_bracket": _values_at_bracket(with_args(f, args), found)})

    bracket.__name__ = original.__name__
    bracket.__doc__ = f"""``scipy.optimize.elementwise.{original.__name__}``: the ends of a bracket
    are plain, and its `f_bracket` is traced."""
    return implements(original, calls="f")(bracket)


if _scipy is not None:
    find_root = implements(_scipy.find_root, calls="f")(find_root)
    find_minimum = implements(_scipy.find_minimum, calls="f")(find_minimum)
    bracket_root, bracket_minimum = map(_brackets, (_scipy.bracket_root, _scipy.bracket_minimum))
