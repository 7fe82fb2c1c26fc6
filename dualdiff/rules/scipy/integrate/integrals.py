"""Integrals of functions: `quad`, `quad_vec`, and by them `dblquad`, `tplquad`, `nquad`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray
from scipy import integrate

from ....array.box import is_box, unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ....transforms.checkpoint import value_of
from ....transforms.implicit import levels_of
from ...numpy.creation import asarray, given
from ...numpy.kinks import step_taken
from ..arguments import as_plain_function, as_tuple
from ..dispatch import implements
from ..in_place import original_of
from ..solving import by_scipy, with_args
from .ivp import Noted
from .kronrod import KRONROD_WEIGHTS, NODES, RULES
from .recorded import recorded_quad
from .samples import Key, Samples

Function = Callable[..., Any]
MANY = 12  # most intervals of an integral that are taken at once
CLEARLY = 1e-3  # of the tolerance: a difference of two rules that needs no further look
TINY = np.finfo(float).tiny


def _nodes(left: ndarray, right: ndarray) -> ndarray:
    """Kronrod's nodes of intervals, to the last bit as QUADPACK computes them."""
    return (0.5 * (left + right))[:, None] + (0.5 * (right - left))[:, None] * NODES


def _by_rule(
    found: dict[Key, ndarray], left: ndarray, right: ndarray, tolerances: tuple[float, float]
) -> dict[Key, ndarray] | None:
    """The integrals of all parts by Kronrod's rule; None where one is not accurate enough.

    Source: the error estimate of QUADPACK's qk21.
    """
    half = ((right - left) / 2)[:, None]
    matrix = np.concatenate(list(found.values()), axis=1)
    values = matrix.reshape(len(half), NODES.size, -1)
    both = RULES @ values
    fine = both[:, 0]
    with np.errstate(all="ignore"):
        spread = KRONROD_WEIGHTS @ np.abs(values - 0.5 * fine[:, None])
        ratio = 200 * np.abs(fine - both[:, 1]) / (spread + TINY)
        error = (np.abs(half) * spread * np.minimum(ratio, 1.0) ** 1.5).sum(axis=0)
        total = (fine * half).sum(axis=0)
        if not (error <= np.maximum(tolerances[0], tolerances[1] * np.abs(total))).all():
            return None
    parts, start = {}, 0
    for key, part in found.items():
        end = start + part.shape[1]
        parts[key], start = total[start:end], end
    return parts


def _on_nodes(
    samples: Samples,
    plain: Callable[[float], Any],
    left: float,
    right: float,
    tolerances: tuple[float, float],
) -> tuple[dict[float, float], dict[Key, ndarray] | None, dict[Key, ndarray] | None] | None:
    """A function on Kronrod's nodes, by one call: a table of its plain values, the integrals of
    its parts if they are obviously accurate, and else the parts on the nodes.

    They are if Gauss's rule, of half the order, is accurate as well. Returns: None where the
    function does not take arrays.
    """
    half = 0.5 * (right - left)
    xs = 0.5 * (left + right) + half * NODES

    def is_accurate(sums: dict[Key, ndarray]) -> bool:
        return all(
            np.abs(fine - coarse).max(initial=0.0) <= CLEARLY * tolerances[0]
            for key, (fine, coarse) in sums.items()
            if key  # the value itself is SciPy's
        )

    noted = samples.by_rules(xs, plain, half * RULES, is_accurate)
    if noted is None:
        return None
    values, found, accurate = noted
    table = dict(zip(xs.tolist(), values.tolist(), strict=True))
    if accurate:
        return table, {key: part[0] for key, part in found.items()}, None
    return table, None, found


def _from_table(table: dict[float, float], a: float, b: float, options: Any) -> Any:
    """SciPy's full result from values on the nodes of one interval, or None if it needs others."""
    try:
        return original_of(integrate.quad)(table.__getitem__, a, b, full_output=1, **options)
    except KeyError:
        return None


def _known(table: dict[float, float], function: Callable[[float], Any]) -> Callable[[float], Any]:
    """A plain function that is known at some points."""

    def at(x: float) -> Any:
        value = table.get(x)
        return function(x) if value is None else value

    return at


def _one_by_one(samples: Samples, integrate_one: Callable[[Function], float]) -> Any:
    """The integrals of all parts, each by SciPy with its own error control.

    `integrate_one` takes a function of a point, a number or several.
    """
    integrals: dict[Key, ndarray] = {}
    while missing := [key for key in samples.sizes if key not in integrals]:
        for key in missing:
            found = []
            for i in range(samples.sizes[key]):
                one = as_plain_function(lambda x, k=key, i=i: samples.element(x, k, i))
                found.append(integrate_one(one))
            integrals[key] = np.array(found)
    return integrals


def to_end(function: Function, b: Value) -> Any:
    """The integral from the plain value of b to b, of which only derivatives are left.

    The powers of ``b - plain b`` end with the number of levels, so a rule of Gauss is exact.
    """
    if not is_box(b):
        return 0.0
    start, step = float(unbox(b)), b - unbox(b)
    nodes, weights = np.polynomial.legendre.leggauss((levels_of(b) + 1) // 2)
    parts = [
        0.5 * w * step * function(start + 0.5 * (1 + x) * step)
        for x, w in zip(nodes.tolist(), weights.tolist(), strict=True)
    ]
    return sum(parts[1:], parts[0])


def _middle(a: float, b: float) -> float:
    """A point inside an interval."""
    if np.isinf(a):
        return 0.3 if np.isinf(b) else b - 0.7
    return a + 0.7 if np.isinf(b) else a + 0.4871 * (b - a)


def _weight(weight: Any, wvar: Any) -> Function:
    """The weight function at traced limits."""
    if weight is None:
        return lambda x: 1.0
    if weight in ("cos", "sin"):
        wave = np.cos if weight == "cos" else np.sin
        return lambda x: wave(wvar * x)
    raise UnsupportedInputError(
        f"quad with weight={weight!r} has no derivative in its limits, {user_line()}; pass "
        f"dualdiff.value_of(limit) to count it as constant, or write the weight into the function."
    )


@implements(integrate.quad, calls="func")
def quad(
    func: Function,
    a: Any,
    b: Any,
    args: Any = (),
    full_output: Any = 0,
    complex_func: bool = False,
    **options: Any,
) -> Any:
    """``scipy.integrate.quad``: the integral of a function from a to b.

    Arguments: as SciPy's; `func`, `args`, `a` and `b` may hold traced values; limits may be
    infinite, with `points` and weights.
    Returns: SciPy's tuple, whose first element is traced.
    Raises: UnsupportedInputError for traced limits with an algebraic weight, and for a traced
    `wvar`.
    Convention: the integrals of derivatives have an error control of their own, at SciPy's
    tolerances. A smooth function that takes arrays is called on all nodes at once.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda p: dd.scipy.integrate.quad(lambda x: np.exp(-p * x), 0, np.inf)[0]
    >>> round(float(dd.grad(f)(2.0)), 6)  # -1 / p^2
    -0.25
    """
    if complex_func:
        more = as_tuple(args)
        real, imaginary = (
            quad(lambda x, k=k: k(func(x, *more)), a, b, full_output=full_output, **options)
            for k in (np.real, np.imag)
        )
        pairs = zip(real[1:], imaginary[1:], strict=False)
        errors = [r + 1j * i for r, i in pairs if isinstance(r, float)]
        reports = [{"real": real[1:], "imag": imaginary[1:]}] if full_output else []
        return (real[0] + 1j * imaginary[0], *errors, *reports)
    live = with_args(func, args)
    if is_box(options.get("wvar")) or any(map(is_box, as_tuple(options.get("wvar", ())))):
        raise UnsupportedInputError(
            f"quad has no derivative by wvar, {user_line()}; write the weight into the function."
        )
    recorded = None if full_output else recorded_quad(live, a, b, options)
    if recorded is not None:
        return recorded
    ends = float(unbox(a)), float(unbox(b))
    options = value_of(options) if options else options
    plain = as_plain_function(with_args(func, value_of(args)) if args else live)
    samples = Samples(live)
    integrals, known = None, plain
    at_once = ends[0] != ends[1] and math.isfinite(ends[0]) and math.isfinite(ends[1])
    at_once = at_once and options.get("weight") is None and options.get("points") is None
    tolerances = options.get("epsabs", 1.49e-8), options.get("epsrel", 1.49e-8)
    noted = _on_nodes(samples, plain, *ends, tolerances) if at_once else None
    found = None
    if noted is not None:
        table, integrals, rows = noted
        found = _from_table(table, *ends, options)
        known = _known(table, plain)
    if found is None:
        found = by_scipy(integrate.quad, known, *ends, full_output=1, **options)
    value, info = found[0], found[2]
    out = found if full_output else found[:2]
    total: Any = value
    if ends[0] != ends[1] and (samples.is_traced or noted is None):
        count = int(info.get("last", MANY + 1))
        if noted is None or count > MANY:
            integrals = None
        elif count > 1 or integrals is None:
            if count > 1:
                interval = info["alist"][:count], info["blist"][:count]
                rows = samples.at_all(_nodes(*interval).reshape(-1), plain)
            else:
                interval = np.array(ends[:1]), np.array(ends[1:])
            integrals = rows and _by_rule(rows, *interval, tolerances)
        if not integrals:
            samples.at(_middle(*ends))

            def integrate_one(f: Function) -> float:
                return float(by_scipy(integrate.quad, f, *ends, full_output=1, **options)[0])

            integrals = _one_by_one(samples, integrate_one)
        if samples.is_traced:
            if step_taken.get() is None:
                integrals[()] = np.array([value])
            total = samples.joined(integrals)
    if is_box(a) or is_box(b):
        weight = _weight(options.get("weight"), options.get("wvar"))

        def weighted(x: Value) -> Any:
            return live(x) * weight(x)

        total = total + to_end(weighted, b) - to_end(weighted, a)
    return (total, *out[1:])


@implements(integrate.quad_vec, calls="f")
def quad_vec(
    f: Function,
    a: Any,
    b: Any,
    full_output: bool = False,
    args: Any = (),
    **options: Any,
) -> Any:
    """``scipy.integrate.quad_vec``: the integral of a function with values of any shape.

    Arguments, results and conventions as for `quad`.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda p: dd.scipy.integrate.quad_vec(lambda x: np.exp(-p * x), 0, np.inf)[0]
    >>> dd.jacobian(f)(np.array([1.0, 2.0])).round(6).tolist()
    [[-1.0, 0.0], [0.0, -0.25]]
    """
    live = with_args(f, args)
    ends = float(unbox(a)), float(unbox(b))
    options = value_of(options)
    plain_call = as_plain_function(with_args(f, value_of(args)))
    found = by_scipy(integrate.quad_vec, plain_call, *ends, full_output=full_output, **options)
    samples = Samples(live)
    samples.at(_middle(*ends))
    total: Any = found[0]
    if samples.is_traced:
        integrals: dict[Key, ndarray] = {}
        while missing := [key for key in samples.sizes if key not in integrals]:
            keys = list(samples.sizes) if integrals else missing

            def joint(x: float, keys: list[Key] = keys) -> ndarray:
                parts = samples.at(float(x))
                return np.concatenate(
                    [parts[k] if k in parts else np.zeros(samples.sizes[k]) for k in keys]
                )

            whole = by_scipy(integrate.quad_vec, as_plain_function(joint), *ends, **options)[0]
            sizes = np.cumsum([samples.sizes[k] for k in keys])[:-1]
            integrals = dict(zip(keys, np.split(whole, sizes), strict=True))
        total = given(samples.joined(integrals), found[0])
    if is_box(a) or is_box(b):

        def at(x: Value) -> Any:
            return asarray(live(x))

        total = total + to_end(at, b) - to_end(at, a)
    return (total, *found[1:])


@implements(integrate.nquad, calls="func ranges")
def nquad(
    func: Function,
    ranges: Any,
    args: Any = None,
    opts: Any = None,
    full_output: bool = False,
) -> Any:
    """``scipy.integrate.nquad``: the integral of a function of several numbers.

    Arguments: as SciPy's; `func`, `args` and `ranges`, also those that are functions, may hold
    traced values. `dblquad` and `tplquad` are made of it.
    Returns: SciPy's tuple, whose first element is traced.
    Convention: as for `quad`.

    >>> import dualdiff as dd
    >>> f = lambda p: dd.scipy.integrate.nquad(lambda x, y: p * x * y, [[0, 1], [0, 2]])[0]
    >>> round(float(dd.grad(f)(3.0)), 6)
    1.0
    """
    rest = () if args is None else as_tuple(args)
    noted = Noted((ranges, rest if any(map(callable, ranges)) else ()))
    plain_ranges = [noted.plain(r, rest) if callable(r) else value_of(r) for r in ranges]
    listed = opts if isinstance(opts, (list, tuple)) else [opts]
    listed = [noted.plain(o, rest) if callable(o) else value_of(o) for o in listed]
    plain_opts: Any = listed if isinstance(opts, (list, tuple)) else listed[0]

    def integrate_one(f: Function) -> Any:
        return by_scipy(integrate.nquad, f, plain_ranges, opts=plain_opts, full_output=full_output)

    plain_func = as_plain_function(with_args(func, value_of(rest)))
    points: dict[tuple[float, ...], None] = {}

    def recorded(*x: float) -> Any:
        points[x] = None
        return plain_func(*x)

    found = integrate_one(recorded)
    if noted.traced:  # SciPy's own code calls `quad` for each dimension
        nested = original_of(integrate.nquad)(func, ranges, args, opts, full_output)
        return (given(nested[0], np.float64(found[0])), *found[1:])
    samples = Samples(lambda x: func(*x, *rest))
    samples.at(next(iter(points)))
    samples.learn(list(points), lambda x: plain_func(*x))
    integrals = _one_by_one(samples, lambda f: integrate_one(lambda *x: f(x))[0])
    if not samples.is_traced:
        return found
    return (given(samples.joined(integrals), np.float64(found[0])), *found[1:])
