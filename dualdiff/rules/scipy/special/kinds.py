"""Declarations of special functions: by a closed form, another evaluation, or as an inverse.

    closed("erf", lambda x: 2 / sqrt(pi) * exp(-x * x))
    by("chdtr", lambda v, x: special.gammainc(v / 2, x / 2))
    inverse("gammaincinv", lambda a, p, t: special.gammainc(a, t) - p)

The value is SciPy's in all three. The formula of the derivative is NumPy on arrays that may
themselves be traced, so derivatives of any order follow. The rule pushes tangents through an
alternative evaluation: reverse mode would add up the large parts of a sum before they cancel.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special
from scipy.special import _ufuncs

from ....array.box import is_box, unbox
from ....array.dispatch import register
from ....core.batch import align, broadcast_of, dtype_of, shape_of, unbroadcast
from ....core.dual import Dual, ForwardTrace
from ....core.primitive import Primitive
from ....core.trace import materialize
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...declare import OPERANDS, Derivative, elementwise, rule
from ...structures import Elementwise
from .known import (  # noqa: F401  # for the files of rules
    Function,
    declared,
    elsewhere,
    formula,
    integer_error,
    jump,
    lost,
    nan_with_value,
    of_integers,
    with_names,
)  # fmt: skip

UNSOLVED = 1e-3  # a residual in probability that is more than rounding
NEAR_1 = 0.9
FEW = 40
MANY = 1000
LONG_BLOCK = 20000  # elements of a few operations
BLOCK = 1500  # elements whose nodes of a quadrature stay in cache


# Until release 1.14 some functions stand here, which later ones need not search.
_boost: Any = None
if not hasattr(_ufuncs, "_beta_pdf"):
    with contextlib.suppress(ImportError):
        _boost = importlib.import_module("scipy.stats._boost")


def find(name: str) -> Any:
    """A universal function of SciPy, public or private, or None if this release lacks it."""
    homes = (special, _ufuncs) if _boost is None else (special, _ufuncs, _boost)
    found = (getattr(home, name, None) for home in homes)
    return next((f for f in found if isinstance(f, np.ufunc)), None)


def closed(name: str, *derivatives: Derivative) -> Primitive | None:
    """Declare the derivatives of a universal function by closed forms, and register it.

    Where SciPy's value is NaN, so is the derivative, and the forms do not see the operands.
    Arguments: `name`, of ``scipy.special``, private ones included; one derivative per operand, as
    `elementwise` takes them.
    Returns: the primitive, or None if this release of SciPy has no such function.
    """
    ufunc = find(name)
    if ufunc is None:
        return None
    derivatives = tuple(nan_with_value(d) if callable(d) else d for d in derivatives)
    primitive = elementwise(ufunc, *derivatives, name=f"special.{name}")
    register(ufunc, of_integers(ufunc, primitive))
    return primitive


def by(name: str, alternative: Function, constants: Sequence[int] = ()) -> Primitive | None:
    """Declare that a function has the derivatives of another way to evaluate it.

    Arguments: `name`, see `closed`; `alternative`, traceable NumPy on arrays of one shape;
    `constants`, which operands are integers.
    """
    n = len(inspect.signature(alternative).parameters)
    slopes = [None if i in constants else formula(n, partial(alternative, i)) for i in range(n)]
    return closed(name, *slopes)


def inverse(
    name: str,
    equation: Function,
    constants: Sequence[int] = (),
    rest: Function | None = None,
    rough: bool = False,
) -> Primitive | None:
    """Declare that ``t = f(*args)`` solves ``equation(*args, t) == 0``: the implicit rule.

    If SciPy's value is no solution (an end of the range), the derivative is NaN. Near t = 1, where
    t keeps few digits of 1 - t, the derivative is that of ``1 - rest(*args)``. Where SciPy's search
    ends `rough`, Newton's method finds the remaining digits first.
    """
    n = len(inspect.signature(equation).parameters) - 1
    by_solution = partial(equation, n)

    def slope(i: int) -> Function:
        by_argument = partial(equation, i)

        def implicit(*at: Any) -> Any:
            if rough:
                at = (*at[:-1], at[-1] - _excess(equation, by_solution, *map(unbox, at)))
            slope = -by_argument(*at) / by_solution(*at)
            unsolved = np.abs(equation(*map(unbox, at))) > UNSOLVED
            return slope + lost(unsolved, *at[:-1]) if np.any(unsolved) else slope

        if rest is None:
            return formula(n, implicit, ans=True)
        of_rest = partial(rest, i)

        def either(*at: Any) -> Any:
            near_1 = (unbox(at[-1]) > NEAR_1) & (unbox(at[-1]) <= 1)
            return where(near_1, lambda *at: -of_rest(*at[:-1]), implicit, *at, fill=0.5)

        return formula(n, either, ans=True)

    return closed(name, *[None if i in constants else slope(i) for i in range(n)])


def _excess(equation: Function, slope: Function, *at: Any) -> Any:
    """The distance from SciPy's solution to the exact one, by Newton's method."""
    *args, start = at
    t = start
    for _ in range(3):
        step = equation(*args, t) / slope(*args, t)
        good = np.abs(step) < 0.01 * np.abs(start)
        t = t - np.where(good, step, 0.0)
        if not np.any(good & (np.abs(step) > 1e-9 * np.abs(start))):
            break
    return start - t


def several(name: str, *slopes: Function | None, own: bool = False) -> Any:
    """Declare a function of several results: one ``slope(*args, results)`` per operand.

    A slope gives one derivative for each result, or a function that finds it, which is called if
    the result is used; operands whose slope is None are constants. With
    `own`, outer derivatives take these slopes too, though the function has another rule.
    Returns: the primitive, or None if this release of SciPy has no such function.
    """
    ufunc = find(name)
    if ufunc is None:
        return None
    n = len(slopes)

    def slope_of(i: int, args: Any, ans: Value) -> Any:
        slope = slopes[i]
        if slope is None:
            raise primitive.missing("derivative", i, args[i])
        missing = [np.isnan(unbox(a)) for a in ans]
        if not any(mask.any() for mask in missing):
            return slope(*args, ans)
        none = functools.reduce(np.logical_and, missing)
        known = elsewhere(none, lambda *at: slope(*at[:n], at[n:]), *args, *ans)
        known = known if isinstance(known, Sequence) else [known] * len(ans)
        return [_now(d) + lost(m, a) for d, m, a in zip(known, missing, ans, strict=True)]

    def jvp(ts: Any, args: Any, ans: Value, batch: Any) -> Any:
        total: list[Any] = [0.0] * ufunc.nout
        ndim = len(shape_of(ans[0]))
        for i, t in enumerate(ts if n > 1 else (ts,)):
            if t is not None:
                t = align(t, len(shape_of(args[i])), ndim, batch)
                slopes_here = slope_of(i, args, ans)
                total = [s + t * _now(d) for s, d in zip(total, slopes_here, strict=True)]
        return tuple(total)

    def vjp(gs: Any, args: Any, ans: Value, active: Any, given: Any) -> Any:
        out: list[Any] = [None] * n
        for i in (k for k, used in enumerate(active) if used):
            slopes_here = slope_of(i, args, ans)
            # The zeros of an output that nothing uses must not meet an infinite derivative.
            c = sum(g * _now(d) for g, d, on in zip(gs, slopes_here, given, strict=True) if on)
            fit = broadcast_of(args[i], ans[0])
            out[i] = c if fit is None else unbroadcast(c, fit)
        return tuple(out) if n > 1 else out[0]

    names = OPERANDS[:n]

    def values(*args: Any) -> Any:
        return primitive(*args) if own and any(map(is_box, args)) else ufunc(*args)

    primal = with_names(values, names)
    primitive = rule(
        primal, jvp=jvp, vjp=vjp, name=f"special.{name}", outputs=ufunc.nout,
        structure=Elementwise(),
    )  # fmt: skip
    register(ufunc, of_integers(ufunc, primitive))
    return primitive


def _now(slope: Any) -> Any:
    return slope() if callable(slope) else slope


def partial(function: Function, i: int) -> Function:
    """The derivative of an elementwise function in argument `i`, by forward mode."""

    def derivative(*args: Any) -> Any:
        args = tuple(
            a if dtype_of(a).kind in "iub" and k != i else double(a) for k, a in enumerate(args)
        )
        shape = np.broadcast_shapes(*map(shape_of, args))
        x = args[i] if shape_of(args[i]) == shape else np.broadcast_to(args[i], shape)
        trace = ForwardTrace()
        try:
            one = np.ones(shape, dtype_of(x))[()]
            seeded = trace.box(materialize(x), one)
            out = function(*args[:i], seeded, *args[i + 1 :])
            out = materialize(out) if is_box(out) else out
            own = isinstance(out, Dual) and out.owner is trace
            return out.payload if own else np.zeros(shape)[()]
        finally:
            trace.close()

    return derivative


def double(x: Value) -> Any:
    """An operand in double precision, as a NumPy number or array, or traced."""
    if not is_box(x):
        x = np.asarray(x)
        return (x if x.dtype.kind == "c" else x.astype(float, copy=False))[()]
    return x.astype(float) if x.dtype.itemsize < 8 else x


def flat(
    function: Function, block: int = BLOCK, real: bool = True, front: tuple[int, ...] = ()
) -> Function:
    """An elementwise function whose body takes numbers or vectors, in blocks that stay in cache.

    It takes complex arguments if it is not `real`. Several results have the axes of `front`.
    """

    @functools.wraps(function)
    def elementwise_function(*args: Any) -> Any:
        args = tuple(map(double, args))
        if real and any(dtype_of(a).kind == "c" for a in args):
            raise UnsupportedInputError(
                f"this derivative of a special function is known for real arguments only, "
                f"{user_line()}; hold its parameter constant with dualdiff.stop_gradient."
            )
        shapes = list(map(shape_of, args))
        if not any(shapes):
            return function(*args)
        shape = np.broadcast_shapes(*shapes)
        whole = (*front, *shape)
        if shape == (1,) * len(shape):  # calls of NumPy cost less for numbers
            return np.reshape(function(*(np.reshape(a, ()) for a in args)), whole)
        vectors = [np.reshape(np.broadcast_to(a, shape), (-1,)) for a in args]
        n = vectors[0].shape[0]
        if n == 0:
            return np.zeros(whole)
        if n > block and not any(map(is_box, vectors)):
            parts = [function(*(v[k : k + block] for v in vectors)) for k in range(0, n, block)]
            return np.reshape(np.concatenate(parts, axis=-1), whole)
        return np.reshape(function(*vectors), whole)

    return elementwise_function


def cases(args: Sequence[Any], *pairs: tuple[Any, Function], otherwise: Function) -> Any:
    """Vectors by cases: each element uses the first pair ``(mask, function)`` whose mask holds."""
    if shape_of(args[0]) == ():
        return next((f for mask, f in pairs if mask), otherwise)(*args)
    rest = np.ones(shape_of(args[0]), bool)
    found: list[tuple[Any, Function]] = []
    for mask, function in (*pairs, (rest, otherwise)):
        chosen = rest & mask
        if chosen.any():
            found.append((chosen, function))
            rest = rest & ~chosen
    if len(found) == 1:
        return found[0][1](*args)
    where = [np.flatnonzero(mask) for mask, _ in found]
    parts = [f(*(a[k] for a in args)) for k, (_, f) in zip(where, found, strict=True)]
    return np.concatenate(parts)[np.argsort(np.concatenate(where))]


def where(mask: Any, inside: Function, outside: Function, *args: Any, fill: float = 1.0) -> Any:
    """``np.where`` of two formulas, neither of which sees the arguments of the other.

    `fill` takes the place of the other arguments.
    """
    if shape_of(mask) == ():
        return (inside if mask else outside)(*args)
    count = np.count_nonzero(mask)
    if count == 0:
        return outside(*args)
    if count == mask.size:
        return inside(*args)
    if _are_plain(mask, args):
        # Positions are several times faster than a mask.
        at, other = np.flatnonzero(mask), np.flatnonzero(~mask)
        first = inside(*(np.take(a, at) for a in args))
        out = np.empty(np.shape(mask), first.dtype)
        flat_out = out.reshape(-1)
        flat_out[at], flat_out[other] = first, outside(*(np.take(a, other) for a in args))
        return out
    return np.where(
        mask,
        inside(*(np.where(mask, a, fill) for a in args)),
        outside(*(np.where(mask, fill, a) for a in args)),
    )


def repaired(mask: Any, inside: Function, outside: Function, *args: Any, fill: float = 1.0) -> Any:
    """`where`, whose second formula may see all arguments: one pass, if the mask holds for few."""
    size = np.size(mask)
    if size < MANY or not _are_plain(mask, args) or np.count_nonzero(mask) > size / 2:
        return where(mask, inside, outside, *args, fill=fill)
    vectors = [np.ravel(a) for a in args]
    found = np.empty(size, np.result_type(*vectors))
    with np.errstate(all="ignore"):
        for k in range(0, size, LONG_BLOCK):
            found[k : k + LONG_BLOCK] = outside(*(v[k : k + LONG_BLOCK] for v in vectors))
    at = np.flatnonzero(mask)
    found[at] = inside(*(np.take(v, at) for v in vectors))
    return np.reshape(found, np.shape(mask))


def _are_plain(mask: Any, args: Sequence[Any]) -> bool:
    return not any(map(is_box, args)) and all(np.shape(a) == np.shape(mask) for a in args)


def level_far_out(slope: Function, x: Value, *rest: Any) -> Any:
    """``slope(x, *rest)``, and 0 where x is infinite: the function has a limit there."""
    far = np.isinf(unbox(x))
    if not np.any(far):
        return slope(x, *rest)
    return np.where(far, 0.0, slope(np.where(far, 1.0, x), *rest))


def is_few(*args: Any) -> bool:
    """Whether arguments are plain and so short that calls of NumPy are what costs."""
    return not any(map(is_box, args)) and all(np.size(a) <= FEW for a in args)


def horner(x: Value, coefficients: Any) -> Any:
    """The polynomial with coefficients from the constant one on."""
    if type(x) is np.ndarray and x.dtype == float:
        out = np.full(x.shape, float(coefficients[-1]))
        for c in coefficients[-2::-1]:  # in place: fresh memory is what costs
            out *= x
            out += c
        return out
    total: Any = 0.0
    for c in reversed(coefficients):
        total = total * x + c
    return total


@functools.cache
def gauss_legendre(n: int) -> tuple[Any, Any]:
    """Nodes and weights on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2


def exp_exp(n: int, low: float = -3.7, high: float = 3.85) -> tuple[Any, Any]:
    """Nodes and weights on (0, inf) for integrands that fall off like exp(-s) (Mori 1985)."""
    t = np.linspace(low, high, n)
    z = np.exp(t - np.exp(-t))
    return z, z * (1 + np.exp(-t)) * (t[1] - t[0])


def column(x: Value) -> Any:
    """A vector as a column, beside which nodes lie in rows; a number may be Python's."""
    return x[..., None] if shape_of(x) else np.reshape(x, (1,))


def signed(x: Value) -> Any:
    """The sign of an argument, constant."""
    return np.sign(unbox(x))
