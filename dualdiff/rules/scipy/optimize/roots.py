"""Roots: `root`, `fsolve`, `root_scalar`, `newton`, brackets, and fixed points.

Derivatives are those of the exact root, by the implicit function theorem. They are by whatever the
function reads: `args`, closures, attributes. Starting points, brackets and tolerances have none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from ....transforms.checkpoint import value_of
from ....transforms.implicit import lift
from ..dispatch import implements
from ..solving import (
    Result,
    array_of,
    by_scipy,
    is_constant,
    plain_callable,
    refused,
    start_of,
    with_args,
)
from .recorded import recorded_root

Function = Callable[..., Any]
EQUATIONS = "the equations f(x) = 0"
# Entries of a result that describe the way to it.
APPROXIMATE = ("jac", "fjac", "r", "qtf", "cov_x", "ipvt")


def _values_alone(function: Function, gives_more: bool) -> Function:
    """A function without the derivatives that it returns beside its value."""
    return (lambda *x: function(*x)[0]) if gives_more else function


@implements(optimize.root, calls="fun")
def root(
    fun: Function, x0: Any, args: Any = (), jac: Any = None, callback: Any = None, **options: Any
) -> Any:
    """``scipy.optimize.root``: x with ``fun(x, *args) = 0``, by every method.

    Arguments: as SciPy's; `fun` and `args` may hold traced values anywhere.
    Returns: SciPy's result, whose `x` is traced where a value of `fun` is. To read the approximate
    Jacobian in it is an error.
    Raises: SingularError (a LinAlgError) where the Jacobian is singular at x, SolverError where x
    is no root, as after a failure.

    >>> import numpy as np, dualdiff as dd
    >>> root = dd.scipy.optimize.root
    >>> f = lambda p: root(lambda x: x**2 - p, np.ones(2)).x
    >>> np.diag(dd.jacobian(f)(np.array([4.0, 9.0]))).round(6)
    array([0.25    , 0.166667])
    """
    live = with_args(fun, args)
    found = by_scipy(
        optimize.root,
        plain_callable(fun, args),
        start_of(x0),
        jac=plain_callable(jac, args),
        callback=plain_callable(callback),
        **options,
    )
    if is_constant(args):
        return found
    found["x"] = lift(array_of(_values_alone(live, jac is True)), found.x, name=EQUATIONS)
    return Result(found, {name: refused("root", name) for name in APPROXIMATE})


@implements(optimize.fsolve, calls="func")
def fsolve(
    func: Function,
    x0: Any,
    args: Any = (),
    fprime: Any = None,
    full_output: Any = 0,
    **options: Any,
) -> Any:
    """``scipy.optimize.fsolve``: x with ``func(x, *args) = 0``; see `root`.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda p: dd.scipy.optimize.fsolve(lambda x: x**2 - p, 1.0)[0]
    >>> round(float(dd.grad(f)(4.0)), 6)
    0.25
    """
    live = with_args(func, args)
    found = by_scipy(
        optimize.fsolve,
        plain_callable(func, args),
        start_of(x0),
        fprime=plain_callable(fprime, args),
        full_output=True,
        **options,
    )
    if is_constant(args):
        return found if full_output else found[0]
    x = lift(array_of(live), found[0], name=EQUATIONS)
    if not full_output:
        return x
    info = Result(found[1], {name: refused("fsolve", name) for name in APPROXIMATE})
    return (x, info, *found[2:])


@implements(optimize.root_scalar, calls="f")
def root_scalar(
    f: Function,
    args: Any = (),
    fprime: Any = None,
    fprime2: Any = None,
    bracket: Any = None,
    x0: Any = None,
    x1: Any = None,
    **options: Any,
) -> Any:
    """``scipy.optimize.root_scalar``: a root of a function of one number; see `root`.

    >>> import dualdiff as dd
    >>> f = lambda p: dd.scipy.optimize.root_scalar(lambda x: x**2 - p, bracket=(0, 5)).root
    >>> round(float(dd.grad(f)(4.0)), 6)
    0.25
    """
    live = with_args(f, args)
    found = by_scipy(
        optimize.root_scalar,
        plain_callable(f, args),
        fprime=plain_callable(fprime, args),
        fprime2=plain_callable(fprime2, args),
        bracket=value_of(bracket),
        x0=value_of(x0),
        x1=value_of(x1),
        **options,
    )
    if is_constant(args):
        return found
    values = _values_alone(live, fprime is True or fprime2 is True)
    found.root = lift(array_of(values), found.root, name=EQUATIONS)
    return found


@implements(optimize.newton, calls="func")
def newton(
    func: Function,
    x0: Any,
    fprime: Any = None,
    args: Any = (),
    fprime2: Any = None,
    x1: Any = None,
    full_output: bool = False,
    **options: Any,
) -> Any:
    """``scipy.optimize.newton``: a root of a function of a real or complex number, or of arrays.

    An array `x0` has an equation of its own for each element, as in SciPy. See `root`.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda p: dd.scipy.optimize.newton(lambda x: x**3 - p, np.ones(2))
    >>> dd.jacobian(f)(np.array([1.0, 8.0])).round(6).tolist()
    [[0.333333, 0.0], [0.0, 0.083333]]
    """
    live = with_args(func, args)
    found = by_scipy(
        optimize.newton,
        plain_callable(func, args),
        value_of(x0),
        plain_callable(fprime, args),
        fprime2=plain_callable(fprime2, args),
        x1=value_of(x1),
        full_output=full_output,
        **options,
    )
    if is_constant(args):
        return found
    # Full output is a named tuple for arrays, and a pair for numbers.
    x = found[0] if full_output else found
    kind = "diagonal" if np.ndim(x) else None
    x = lift(array_of(live), x, name=EQUATIONS, kind=kind)
    if not full_output:
        return x
    if hasattr(found, "_replace"):
        return found._replace(root=x)
    found[1].root = x
    return x, found[1]


@implements(optimize.fixed_point, calls="func")
def fixed_point(func: Function, x0: Any, args: Any = (), **options: Any) -> Any:
    """``scipy.optimize.fixed_point``: x with ``func(x, *args) = x``; see `root`.

    Source: B. Christianson, "Reverse accumulation and attractive fixed points" (1994).

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda p: dd.scipy.optimize.fixed_point(lambda x: np.cos(p * x), 0.5)
    >>> x = float(f(1.0))
    >>> round(float(dd.grad(f)(1.0) + x * np.sin(x) / (1 + np.sin(x))), 9)
    0.0
    """
    live = array_of(with_args(func, args))
    x = by_scipy(optimize.fixed_point, plain_callable(func, args), start_of(x0), **options)
    if is_constant(args):
        return x
    return lift(lambda y: live(y) - y, x, name="the equations f(x) = x")


def _bracketed(original: Any) -> Any:
    """A solver of SciPy that gets an interval with a change of sign."""

    def bracketed(
        f: Function, a: Any, b: Any, args: Any = (), full_output: bool = False, **options: Any
    ) -> Any:
        live = with_args(f, args)
        if original is optimize.brentq and not full_output:
            recorded = recorded_root(live, a, b, options)
            if recorded is not None:
                return recorded
        ends = value_of((a, b))
        found = by_scipy(original, plain_callable(f, args), *ends, full_output=True, **options)
        if is_constant(args):
            return found if full_output else found[0]
        x = lift(array_of(live), found[0], name=EQUATIONS)
        found[1].root = x
        return (x, found[1]) if full_output else x

    bracketed.__name__ = original.__name__
    bracketed.__doc__ = f"""``scipy.optimize.{original.__name__}``: a root in an interval; see
    `root`."""
    return implements(original, calls="f")(bracketed)


def _nonlinear(original: Any) -> Any:
    """A solver of SciPy for many unknowns that makes an approximate Jacobian on its way."""

    def nonlinear(F: Function, xin: Any, callback: Any = None, **options: Any) -> Any:
        x = by_scipy(
            original, plain_callable(F), start_of(xin), callback=plain_callable(callback), **options
        )
        return x if is_constant() else lift(array_of(F), x, name=EQUATIONS)

    nonlinear.__name__ = original.__name__
    nonlinear.__doc__ = f"""``scipy.optimize.{original.__name__}``: x with ``F(x) = 0``; see
    `root`."""
    return implements(original, calls="F")(nonlinear)


brentq, brenth, bisect, ridder, toms748 = map(
    _bracketed,
    (optimize.brentq, optimize.brenth, optimize.bisect, optimize.ridder, optimize.toms748),
)
broyden1, broyden2, anderson, linearmixing, diagbroyden, excitingmixing, newton_krylov = map(
    _nonlinear,
    (
        optimize.broyden1,
        optimize.broyden2,
        optimize.anderson,
        optimize.linearmixing,
        optimize.diagbroyden,
        optimize.excitingmixing,
        optimize.newton_krylov,
    ),
)
