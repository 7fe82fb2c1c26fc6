"""Minima: `minimize`, `minimize_scalar`, `fmin` and its relatives, and global searches.

Derivatives are those of the exact minimum next to SciPy's result, by whatever the function, its
bounds and its constraints read. Bounds and constraints that hold the minimum count as equations. At
a degenerate minimum, where one of them is met exactly but does not hold it (its multiplier is
zero), the derivative is that of the side on which it plays no part. Starting points, tolerances
and random numbers have none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from ....transforms.checkpoint import value_of
from ...numpy.creation import asarray
from ..arguments import any_traced
from ..dispatch import implements
from ..pieces import Underived
from ..solving import (
    Result,
    by_scipy,
    is_constant,
    like,
    plain_callable,
    refused,
    start_of,
    with_args,
)
from .kkt import Bounds, Program, as_numbers
from .problem import (
    gradient_of,
    live_bounds,
    live_constraints,
    plain_bounds,
    plain_constraints,
    value_alone,
)

Function = Callable[..., Any]
# Entries of a result that describe the way to it, or that a program can compute from x.
APPROXIMATE = (
    "hess_inv", "hess", "lowest_optimization_result", "v", "grad", "lagrangian_grad", "constr",
    "final_simplex", "direc", "xl", "funl", "population", "population_energies", "multipliers",
)  # fmt: skip


def minimum(
    value: Function, gradient: Function, x: Any, bounds: Any = None, constraints: Any = ()
) -> Any:
    """The exact minimum next to a plain point, of its shape, with derivatives."""
    x = as_numbers(x)
    shape, flat = x.shape, np.ravel(x)

    def shaped(z: Any) -> Any:
        return z if len(shape) == 1 else np.reshape(z, shape)

    program = Program(
        lambda z: np.ravel(asarray(gradient(shaped(z)))),
        flat.size,
        live_bounds(bounds, flat.size),
        live_constraints(constraints),
        lambda z: value(shaped(z)),
    )
    found = program.solve(flat)
    return found if len(shape) == 1 else np.reshape(found, shape)


def _with_minimum(found: Any, x: Any, value: Function, gradient: Function, name: str) -> Any:
    """A result of SciPy's with the derivatives of the minimum."""
    shape = np.shape(found.x)
    fun, jac = found.get("fun"), found.get("jac")
    later = {
        "fun": lambda: like(np.reshape(value(x), np.shape(fun)), fun),
        "jac": lambda: like(np.reshape(gradient(x), shape), jac),
        **{n: refused(name, n) for n in APPROXIMATE},
    }
    if type(jac) is list:  # of the constraints
        later["jac"] = refused(name, "jac")
    found["x"] = like(x, found.x)
    return Result(found, later)


@implements(optimize.minimize, calls="fun jac hess hessp")
def minimize(
    fun: Function,
    x0: Any,
    args: Any = (),
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    callback: Any = None,
    **options: Any,
) -> Any:
    """``scipy.optimize.minimize``, by every method, with bounds and constraints of every form.

    Arguments: as SciPy's; functions, `args`, bounds and constraints may hold traced values. The
    function must have a second derivative; with a gradient `jac` of yours, that a first one.
    Returns: SciPy's result, with `x`, `fun` and `jac` traced; to read `hess_inv` is an error.
    Raises: SolverError where the point is no minimum, as after a failure; SingularError (a
    LinAlgError) where the minimum is flat, or the active constraints depend on each other.
    Convention: at a degenerate minimum, the derivative of the side where the constraint with
    multiplier zero plays no part.

    >>> import numpy as np, dualdiff as dd
    >>> minimize = dd.scipy.optimize.minimize
    >>> f = lambda p: minimize(lambda x: np.sum((x - p) ** 2), np.zeros(2), bounds=[(0, 1)] * 2).x
    >>> dd.jacobian(f)(np.array([0.5, 3.0])).round(6).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    found = by_scipy(
        optimize.minimize,
        plain_callable(fun, args),
        start_of(x0),
        jac=plain_callable(jac, args),
        hess=plain_callable(hess, args),
        hessp=plain_callable(hessp, args),
        bounds=plain_bounds(bounds),
        constraints=plain_constraints(constraints),
        callback=callback,
        **options,
    )
    if is_constant(args, bounds, constraints):
        return found
    gradient = gradient_of(fun, jac, args)
    value = value_alone(fun, jac, args)
    x = minimum(value, gradient, found.x, bounds, constraints)
    return _with_minimum(found, x, value, gradient, "minimize")


def _scalar_minimum(function: Function, x: Any, bounds: Any = None) -> Any:
    """The exact minimum of a function of one number, with derivatives."""

    def gradient(z: Any) -> Any:
        return gradient_of(lambda y: function(y[0]), None)(z)

    limits = None
    if bounds is not None:
        limits = Bounds(*(np.reshape(asarray(b), (1,)) for b in bounds))
    found = Program(gradient, 1, limits, (), lambda z: function(z[0])).solve(np.reshape(x, (1,)))
    return found[0]


@implements(optimize.minimize_scalar, calls="fun")
def minimize_scalar(
    fun: Function,
    bracket: Any = None,
    bounds: Any = None,
    args: Any = (),
    **options: Any,
) -> Any:
    """``scipy.optimize.minimize_scalar``: the minimum of a function of one number; see `minimize`.

    >>> import dualdiff as dd
    >>> f = lambda p: dd.scipy.optimize.minimize_scalar(lambda x: (x - p) ** 2 + x**4).x
    >>> x = f(2.0)
    >>> round(float(dd.grad(f)(2.0) - 2 / (2 + 12 * x**2)), 6)
    0.0
    """
    live = with_args(fun, args)
    found = by_scipy(
        optimize.minimize_scalar,
        plain_callable(fun, args),
        bracket=value_of(bracket),
        bounds=value_of(bounds),
        **options,
    )
    if is_constant(args, bounds):
        return found
    x = _scalar_minimum(live, found.x, bounds)
    value = found.fun
    found["x"] = like(x, found.x)
    return Result(found, {"fun": lambda: like(live(x), value)})


def _of_one_number(original: Any, ends: tuple[str, ...]) -> Any:
    """`fminbound`, `brent` and `golden`."""

    def minimize_one(func: Function, args: Any = (), full_output: Any = 0, **options: Any) -> Any:
        live = with_args(func, args)
        bounds = [options[name] for name in ends]
        found = by_scipy(
            original,
            plain_callable(func, args),
            full_output=full_output,
            **{name: value_of(v) for name, v in options.items()},
        )
        if is_constant(args, bounds):
            return found
        at = found[0] if full_output else found
        x = _scalar_minimum(live, at, bounds or None)
        out = like(x, found[0] if full_output else found)
        return (out, like(live(x), found[1]), *found[2:]) if full_output else out

    return _declared(original, minimize_one, "func")


def _declared(original: Any, implementation: Any, calls: str) -> Any:
    """Declare an implementation that several functions of SciPy share."""
    name = original.__name__
    implementation.__name__ = implementation.__qualname__ = name
    implementation.__doc__ = f"``scipy.optimize.{name}``: see `minimize`."
    return implements(original, calls=calls)(implementation)


def _local(original: Any, function: str, value_at: int | None = 1, gradient_at: int = -1) -> Any:
    """`fmin` and its relatives, which return x, or a tuple that begins with x."""

    parameters = inspect.signature(original).parameters

    def minimize_locally(**given: Any) -> Any:
        is_traced = any_traced(given.values())
        args, fun = given.pop("args", ()), given.pop(function)
        fprime = given.pop("fprime", None)
        returns_both = "approx_grad" in parameters and not given.get("approx_grad") and not fprime
        constraints = _old_constraints(given, args)
        bounds = given.get("bounds")
        if bounds is not None:
            given["bounds"] = plain_bounds(bounds)
        if "fprime" in parameters:
            given["fprime"] = plain_callable(fprime, args)
        for name in ("fhess", "fhess_p", "callback", "fprime_eqcons", "fprime_ieqcons"):
            if name in given:
                given[name] = plain_callable(given[name], () if name == "callback" else args)
        given["x0"] = start_of(given["x0"])
        found = by_scipy(original, **{function: plain_callable(fun, args)}, **given)
        if not is_traced and is_constant():
            return found
        jac = fprime if fprime else returns_both
        gradient = gradient_of(fun, jac, args)
        out = list(found) if isinstance(found, tuple) else [found]
        value = value_alone(fun, jac, args)
        x = minimum(value, gradient, out[0], bounds, constraints)
        out[0] = like(x, out[0])
        if value_at is not None and len(out) > value_at:
            out[value_at] = like(np.reshape(value(x), np.shape(out[value_at])), out[value_at])
        if gradient_at > 0 and len(out) > gradient_at:
            out[gradient_at] = like(gradient(x), out[gradient_at])
        return tuple(out) if isinstance(found, tuple) else out[0]

    # It takes all arguments by name.
    minimize_locally.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    return _declared(original, minimize_locally, function)


def _old_constraints(given: dict[str, Any], args: Any) -> list[Any]:
    """The constraints of `fmin_slsqp` and `fmin_cobyla`, which become plain in `given`."""
    out: list[Any] = []
    for one, many, kind in (("eqcons", "f_eqcons", "eq"), ("ieqcons", "f_ieqcons", "ineq")):
        functions = list(given.get(one, ()))
        if given.get(many) is not None:
            out.append({"type": kind, "fun": with_args(given[many], args)})
            given[many] = plain_callable(given[many], args)
        else:
            out += [{"type": kind, "fun": with_args(f, args)} for f in functions]
        if functions:
            given[one] = [plain_callable(f, args) for f in functions]
    if "cons" in given:
        cons = given["cons"] if isinstance(given["cons"], (list, tuple)) else [given["cons"]]
        rest = args if given.get("consargs") is None else given["consargs"]
        out += [{"type": "ineq", "fun": with_args(f, rest)} for f in cons]
        given["cons"], given["consargs"] = [plain_callable(f, rest) for f in cons], ()
    return out


def _global(original: Any) -> Any:
    """Searches for a global minimum, which return a result with x."""

    def search(func: Function, args: Any = (), **options: Any) -> Any:
        is_traced = any_traced((args, *options.values()))
        local = dict(options.get("minimizer_kwargs") or {})
        bounds, constraints = options.get("bounds"), options.get("constraints", ())
        if original is optimize.basinhopping:
            args, jac = local.pop("args", ()), local.get("jac")
            bounds, constraints = local.get("bounds"), local.get("constraints", ())
        else:
            jac = local.get("jac") if original is optimize.shgo else None
        for name in ("jac", "hess", "hessp"):
            if callable(local.get(name)):
                local[name] = plain_callable(local[name], args)
        for held in (options, local):
            for name, make in (("bounds", plain_bounds), ("constraints", plain_constraints)):
                if name in held:
                    held[name] = make(held[name])
        if "minimizer_kwargs" in options:
            options["minimizer_kwargs"] = local
        if options.get("x0") is not None:
            options["x0"] = start_of(options["x0"])
        found = by_scipy(original, plain_callable(func, args), **options)
        if not is_traced and is_constant():
            return found
        gradient = gradient_of(func, jac, args)
        value = value_alone(func, jac, args)
        x = minimum(value, gradient, found.x, bounds, constraints)
        return _with_minimum(found, x, value, gradient, original.__name__)

    return _declared(original, search, "func")


@implements(optimize.brute, calls="func")
def brute(
    func: Function,
    ranges: Any,
    args: Any = (),
    full_output: Any = 0,
    finish: Any = optimize.fmin,
    **options: Any,
) -> Any:
    """``scipy.optimize.brute``: see `minimize`. Without `finish` the result is a point of the grid,
    which is constant."""
    found = by_scipy(
        optimize.brute,
        plain_callable(func, args),
        value_of(ranges),
        full_output=full_output,
        finish=finish,
        **options,
    )
    if is_constant(args):
        return found
    at = found[0] if full_output else found
    value = with_args(func, args)
    x = at if finish is None else minimum(value, gradient_of(func, None, args), at)
    if not full_output:
        return like(x, at)
    fun = np.reshape(value(x), np.shape(found[1]))
    on_grid = Underived(found[3], "Jout of brute", "compute the function on the grid anew")
    return (like(x, at), like(fun, found[1]), found[2], on_grid)


fminbound = _of_one_number(optimize.fminbound, ("x1", "x2"))
brent = _of_one_number(optimize.brent, ())
golden = _of_one_number(optimize.golden, ())
fmin = _local(optimize.fmin, "func")
fmin_bfgs = _local(optimize.fmin_bfgs, "f", gradient_at=2)
fmin_cg = _local(optimize.fmin_cg, "f")
fmin_ncg = _local(optimize.fmin_ncg, "f")
fmin_powell = _local(optimize.fmin_powell, "func")
fmin_l_bfgs_b = _local(optimize.fmin_l_bfgs_b, "func")
fmin_tnc = _local(optimize.fmin_tnc, "func", value_at=None)
fmin_slsqp = _local(optimize.fmin_slsqp, "func")
fmin_cobyla = _local(optimize.fmin_cobyla, "func")
basinhopping = _global(optimize.basinhopping)
differential_evolution = _global(optimize.differential_evolution)
dual_annealing = _global(optimize.dual_annealing)
shgo = _global(optimize.shgo)
direct = _global(optimize.direct)
