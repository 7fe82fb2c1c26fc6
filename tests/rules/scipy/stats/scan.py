"""All distributions times all methods: derivatives in x, every shape, loc and scale.

``python -m tests.rules.scipy.stats.scan [names]`` prints what is off. The reference is SciPy's own
code to 50 digits (`oracle`), or, where mpmath lacks a function, differences of SciPy's values.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import scipy.stats
from scipy.stats._distr_params import distcont, distdiscrete

import dualdiff as dd
from tests.rules.scipy.stats import oracle

DENSITIES = ("pdf", "logpdf", "cdf", "sf", "logcdf", "logsf")
MASSES = ("pmf", "logpmf", "cdf", "sf", "logcdf", "logsf")
LOC, SCALE = 0.3, 1.4
TAILS = (1e-100, 1e-10, 0.01, 0.3)
SECONDS = 3
DIGITS = {"ppf": 60, "isf": 60}


@dataclass
class Item:
    """One derivative: of a method by one of its arguments."""

    distribution: str
    method: str
    at: tuple[float, ...]
    argument: int
    function: Callable[..., Any]  # of dualdiff, of all arguments
    exact: Callable[..., Any]  # of mpmath's numbers
    plain: Callable[..., Any]  # of SciPy
    by_differences: bool = False  # the exact value is an integral, which takes long

    def __str__(self) -> str:
        return f"{self.distribution}.{self.method}{self.at} by {self.argument}"


def points(
    theirs: Any, shapes: Sequence[float], discrete: bool, tails: Sequence[float] = TAILS
) -> list[float]:
    """Values of x at these probabilities from both ends."""
    with np.errstate(all="ignore"):
        found = [theirs.ppf(q, *shapes, LOC * (not discrete)) for q in tails]
        if discrete:
            return sorted({float(x) for x in (*found, theirs.ppf(0.9, *shapes)) if x == x})
        found = [theirs.ppf(q, *shapes, LOC, SCALE) for q in tails]
        found += [theirs.isf(q, *shapes, LOC, SCALE) for q in tails]
    low, high = theirs.support(*shapes, LOC, SCALE)
    return sorted({float(x) for x in found if np.isfinite(x) and low < x < high})


MIDDLE = (0.01, 0.3)


def densities(
    name: str, shapes: Sequence[float], tails: Sequence[float] = MIDDLE
) -> Iterator[Item]:
    """Derivatives of densities and distribution functions in x and all real parameters."""
    ours, theirs = getattr(dd.scipy.stats, name), getattr(scipy.stats, name)
    exact = oracle.Distribution(theirs)
    n, discrete = len(shapes), exact.discrete
    rest = (0.0,) if discrete else (LOC, SCALE)

    def split(args: Sequence[Any]) -> tuple[Any, Any, Any]:
        return args[:n], args[n], 1 if discrete else args[n + 1]

    for method in MASSES if discrete else DENSITIES:
        for x in points(theirs, shapes, discrete, tails):
            for i in range(1 if discrete else 0, n + (1 if discrete else 3)):
                yield Item(
                    name, method, (x, *shapes, *rest), i, getattr(ours, method),
                    lambda x, *a, m=method: exact.at(m, x, *split(a)), getattr(theirs, method),
                )  # fmt: skip


def items(name: str, shapes: Sequence[float], exactly: bool = False) -> Iterator[Item]:
    """All derivatives of a distribution, the tails included."""
    yield from densities(name, shapes, TAILS)
    ours, theirs = getattr(dd.scipy.stats, name), getattr(scipy.stats, name)
    exact = oracle.Distribution(theirs)
    discrete = exact.discrete
    n = len(shapes)
    rest = (0.0,) if discrete else (LOC, SCALE)
    varied = range(n if discrete else n + 2)

    def split(args: Sequence[Any]) -> tuple[Any, Any, Any]:
        return args[:n], args[n], 1 if discrete else args[n + 1]

    for method in () if discrete else ("ppf", "isf"):
        for q in (1e-20, 0.01, 0.4, 0.97):
            for i in range(len(varied) + 1):
                yield Item(
                    name, method, (q, *shapes, *rest), i, getattr(ours, method),
                    lambda q, *a, m=method: exact.quantile(m, q, *split(a)),
                    getattr(theirs, method),
                )  # fmt: skip

    def moment(k: int) -> Callable[..., Any]:
        def value(*args: Any) -> Any:
            return exact.moment(k, *split(args))

        return value

    def central(k: int) -> Callable[..., Any]:
        def value(*args: Any) -> Any:
            s, _, scale = split(args)
            mean = exact.moment(1, s, 0, 1)
            found = exact.mean_of(lambda t: (t - mean) ** k, s)
            if k == 2:
                return scale**2 * found
            variance = exact.mean_of(lambda t: (t - mean) ** 2, s)
            return found / variance ** (mp.mpf(k) / 2) - 3 * (k == 4)

        return value

    mean, variance = moment(1), central(2)
    at = (*shapes, *rest)

    def of(method: str, *before: Any, **options: Any) -> tuple[Any, Any]:
        return tuple(
            lambda *a, d=d: getattr(d, method)(*before, *a, **options) for d in (ours, theirs)
        )

    def stat(k: int) -> tuple[Any, Any]:
        return tuple(
            lambda *a, d=d: (
                np.asarray(d.stats(*a, moments="mvsk")[k])[()]
                if d is theirs
                else d.stats(*a, moments="mvsk")[k]
            )
            for d in (ours, theirs)
        )

    def expected(*args: Any, d: Any) -> Any:
        s, loc, scale = split(args)
        options = {} if discrete else {"scale": scale}
        return d.expect(lambda x: x, args=tuple(s), loc=loc, **options)

    data = np.asarray(theirs.ppf([0.2, 0.5, 0.6], *shapes, *rest))

    def nnlf(*args: Any) -> Any:
        kind = "logpmf" if discrete else "logpdf"
        return -sum(exact.at(kind, oracle.number(x), *split(args)) for x in data)

    def end(k: int) -> Callable[..., Any]:
        def value(*args: Any) -> Any:
            s, loc, scale = split(args)
            return loc + scale * oracle.number(exact._get_support(*s)[k])

        return value

    summary: list[tuple[str, tuple[Any, Any], Callable[..., Any]]] = [
        ("mean", of("mean"), mean),
        ("var", of("var"), variance),
        ("std", of("std"), lambda *a: mp.sqrt(variance(*a))),
        ("entropy", of("entropy"), lambda *a: exact.entropy(split(a)[0], split(a)[2])),
        *((f"moment {k}", of("moment", k), moment(k)) for k in (1, 2, 3, 4)),
        *((f"stats {k}", stat(k), (mean, variance, central(3), central(4))[k]) for k in range(4)),
        ("expect", tuple(lambda *a, d=d: expected(*a, d=d) for d in (ours, theirs)), mean),
        ("nnlf", tuple(lambda *a, d=d: d.nnlf(a, data) for d in (ours, theirs)), nnlf),
        *(
            (f"support {k}", tuple(
                lambda *a, d=d, k=k: d.support(*a)[k] for d in (ours, theirs)), end(k))
            for k in (0, 1)
        ),
    ]  # fmt: skip
    if not discrete:
        summary += [
            ("median", of("median"), lambda *a: exact.quantile("ppf", mp.mpf(0.5), *split(a))),
            (
                "interval", tuple(
                    lambda *a, d=d: d.interval(0.9, *a)[1] for d in (ours, theirs)),
                lambda *a: exact.quantile("ppf", mp.mpf(0.95), *split(a)),
            ),
        ]  # fmt: skip
    for method, (function, plain), reference in summary:
        for i in varied:
            integral = method.split()[0] not in ("nnlf", "support", "median", "interval")
            yield Item(name, method, at, i, function, reference, plain, integral and not exactly)


class TooSlow(Exception):
    """The reference takes too long."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def difference(f: Callable[..., Any], x: float) -> tuple[float, float]:
    """A derivative by differences of floats, and its estimated error."""
    best = (np.nan, np.inf)
    for k in range(2, 8):
        h = 10.0**-k * (abs(x) or 1.0)
        d1, d2 = ((float(f(x + s)) - float(f(x - s))) / (2 * s) for s in (h, h / 2))
        found, error = (4 * d2 - d1) / 3, abs(d2 - d1)
        if error < best[1]:
            best = found, error
    return best


def reference(item: Item) -> tuple[float, float, str]:
    """The derivative, its error, and its source."""
    i, at = item.argument, item.at
    try:
        digits = DIGITS.get(item.method, oracle.DIGITS)
        with at_most(SECONDS), mp.workdps(digits):
            if item.by_differences:
                raise ArithmeticError("SciPy integrates it")

            def along(t: Any) -> Any:
                return item.exact(*(t if j == i else oracle.number(a) for j, a in enumerate(at)))

            found = oracle.slope(along, at[i])
            value = item.plain(*at)
            if not np.isclose(
                float(value), float(along(oracle.number(at[i]))), rtol=1e-6, atol=1e-12
            ):
                raise ArithmeticError(f"value {float(along(oracle.number(at[i])))} against {value}")
            condition = abs(oracle.slope(along, at[i], 2) * at[i])
            return float(found), 1e-12 * abs(float(found)) + 1e-14 * float(condition), "mpmath"
    except (Exception, TooSlow) as problem:
        why = f"{type(problem).__name__} {problem}"[:60]
    with at_most(SECONDS):
        found, error = difference(lambda t: item.plain(*at[:i], t, *at[i + 1 :]), at[i])
    return found, 10 * error + 1e-6 * abs(found) + 1e-9, why


def check(item: Item) -> str | None:
    """Why a derivative is not right, or None."""
    i, at = item.argument, item.at
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with at_most(SECONDS):
                f = lambda t: item.function(*at[:i], t, *at[i + 1 :])  # noqa: E731
                value, found = dd.jvp(f, (at[i],), (1.0,))
        except (Exception, TooSlow) as problem:
            return f"raised {type(problem).__name__}: {problem}"[:300]
        try:
            exact, error, source = reference(item)
        except (Exception, TooSlow) as problem:
            return f"no reference: {type(problem).__name__}: {problem}"[:200]
    if not np.isfinite(value) or not (np.isfinite(exact) or np.isfinite(found)):
        return None
    off = abs(float(found) - exact)
    if not off <= max(error, 1e-300):
        return f"{float(found)!r} against {exact!r}, {off / (abs(exact) or 1):.1e} ({source})"
    return None


def cases() -> list[tuple[str, tuple[float, ...]]]:
    """All distributions with SciPy's sample shapes."""
    return [
        (name, tuple(map(float, shapes)))
        for name, shapes in (*distcont, *distdiscrete)
        if isinstance(name, str) and name != "poisson_binom"  # whose shape is a list
    ]


if __name__ == "__main__":
    for name, shapes in cases():
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        count = 0
        for item in items(name, shapes):
            count += 1
            problem = check(item)
            if problem:
                print(item, problem, flush=True)
        print(f"# {name} {shapes}: {count}", flush=True)
