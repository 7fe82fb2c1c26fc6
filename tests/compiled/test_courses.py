"""Programs that look at their numbers in every way: each call is as ever, on both backends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled.machine import binding
from dualdiff.trees import flatten
from tests.compiled.helpers import numbers

RNG = np.random.default_rng(0)
USUAL = [RNG.normal(size=3) for _ in range(8)]
UNUSUAL = [
    np.zeros(3), np.ones(3), -np.ones(3), np.array([np.nan, 1, 2]), np.array([np.inf, 1, 2]),
    np.array([1e308, 1e308, 1.0]), np.array([-0.0, 0.0, 1.0]),
]  # fmt: skip
POINTS = USUAL[:5] + UNUSUAL + USUAL
PROGRAMS: dict[str, Callable[[Any], Any]] = {}
OPERATORS: list[Any] = [lambda f: f, dd.value_and_grad, dd.jacobian]


def program(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    PROGRAMS[f.__name__] = f
    return f


@program
def branch(x):
    return x[0] * 2 if x[0] > 0.5 else x[1] ** 2


@program
def branch3(x):
    if x[0] > 0:
        return np.sum(x) if x[1] > 0 else np.prod(x)
    if x[2] > 0.3:
        return np.sum(x**2)
    return x[0] * x[2]


@program
def whileloop(x):
    y = x[0]
    n = 0
    while abs(y) > 0.1 and n < 20:
        y = y * 0.5
        n += 1
    return y + n * x[1]


@program
def maxidx(x):
    return x[int(np.argmax(x))] * 2


@program
def intcast(x):
    return x[0] * int(x[1] * 2)


@program
def floorer(x):
    return np.floor(x * 3).sum() * x[0]


@program
def modder(x):
    return np.sum(x % 0.7) + (x[0] % -0.3)


@program
def intdiv(x):
    return np.sum(x // 0.7) * x[0]


@program
def nz(x):
    return np.sum(x[np.nonzero(x > 0)])


@program
def boolmask(x):
    return np.sum(x[x > 0] ** 2)


@program
def maskassign(x):
    y = x * 1.0
    y[y < 0] = 0.5
    return np.sum(y * x)


@program
def tryexcept(x):
    try:
        if x[0] < 0:
            raise ValueError
        return x[0]
    except ValueError:
        return -x[0] * 2


@program
def raises(x):
    if x[0] > 0.5:
        raise KeyError("k")
    return x[1] * x[0]


@program
def zerodiv(x):
    return 1.0 / x[0] + np.sum(x)


@program
def genexpr(x):
    return sum(v * v for v in x)


@program
def recur(x):
    def r(n, v):
        return v if n == 0 else r(n - 1, np.sin(v) + x[1])

    return r(4, x[0])


@program
def views(x):
    y = x * 1.0
    v = y[1:]
    v[0] = 7 * x[0]
    v *= 2
    return np.sum(y * x)


@program
def aliasres(x):
    y = x * 2.0
    return y, y


@program
def resultisarg(x):
    return x, x[0]


@program
def viewofarg(x):
    return x[::-1], x.T


@program
def mixed(x):
    return {"a": x[0] > 0, "b": (x > 0), "c": [x.sum(), (x.max(),)], "n": 3}


@program
def intres(x):
    return int(x[0] > 0), np.argmax(x), np.sum(x > 0)


@program
def cplx(x):
    return np.sum(np.abs(np.exp(1j * x) * x) ** 2)


@program
def f32(x):
    return np.sum(x.astype(np.float32) * 2)


@program
def clipmax(x):
    return np.clip(x, -0.5, 0.5).sum() * np.maximum(x, 0).sum() * np.fmin(x, 0.1).sum()


@program
def signs(x):
    return np.sum(np.sign(x) * x) + np.copysign(1.0, x[0]) + math.copysign(1.0, dd.value_of(x[0]))


@program
def isfin(x):
    return x[0] if np.all(np.isfinite(x)) else x[1]


@program
def nansum(x):
    return np.nansum(x)


@program
def interp(x):
    return np.interp(x[0], [-1, 0, 1], [1.0, 2.0, x[1]])


@program
def searchs(x):
    return np.arange(4.0)[np.searchsorted([-1, 0, 1], x)] @ x


@program
def power(x):
    return (
        np.sum(np.abs(x) ** x) + np.sum(x**3) + np.sum(x**2) + np.sum(np.abs(x) ** 0.5) + x[0] ** -1
    )


@program
def percentile(x):
    return np.percentile(x, 30) + np.median(x)


@program
def atadd(x):
    z = dd.numpy.zeros(2)
    np.add.at(z, [0, 1, 0], x)
    return z[0] * z[1]


@program
def fillz(x):
    z = np.zeros(3)
    for i in range(3):
        z[i] = x[i] * 2
    return z.sum()


@program
def stringy(x):
    return float(f"{dd.value_of(x[0]):.3f}") * x[1]


@program
def dictkey(x):
    d = {True: 1.0, False: 2.0}
    return d[bool(x[0] > 0)] * x[1]


@program
def setbool(x):
    return x[0] * len({bool(v > 0) for v in x})


@program
def minmax(x):
    return min(x[0], x[1]) * max(x[1], x[2])


@program
def anyall(x):
    return x[0] if any(v > 1 for v in x) else x[1] if all(v < 1 for v in x) else x[2]


@program
def ternchain(x):
    return x[0] if x[0] < x[1] < x[2] else x[1]


@program
def eqcmp(x):
    return x[0] if x[0] == 0.0 else x[1] * 2


@program
def selects(x):
    return np.select([x < 0, x < 0.5], [x * 2, x * 3], x * 4).sum()


@program
def piece(x):
    return np.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: v**2]).sum()


@program
def innergrad(x):
    return np.sum(dd.grad(lambda y: np.sum(y**3) * x[0])(x))


@program
def innergrad_branch(x):
    return np.sum(dd.grad(lambda y: np.sum(y**3) if y[0] > 0 else np.sum(y))(x))


@program
def valueof(x):
    return x[0] * dd.value_of(x[1])


@program
def choose(x):
    return np.choose((x > 0).astype(int), [x, x * 2]).sum()


@program
def rolls(x):
    return np.sum(np.roll(x, int(x[0] > 0)) * np.arange(3))


@program
def lin(x):
    A = np.outer(x, x) + np.eye(3) * 3
    return np.linalg.solve(A, x).sum() + np.linalg.det(A) + np.linalg.norm(x)


@program
def chol(x):
    A = np.outer(x, x) + np.eye(3) * 3
    return np.linalg.cholesky(A).sum()


@program
def pads(x):
    return (
        np.cos(np.pad(x, 2)).sum()
        + np.cos(np.diag(x)).sum()
        + np.cos(np.triu(np.outer(x, x))).sum()
    )


@program
def emptyres(x):
    return x[x > 100]


@program
def tolist(x):
    return sum(x.tolist())


@program
def copies(x):
    y = np.copy(x)
    y[0] = 5
    return x[0] + y[0] + y[1]


@program
def augment(x):
    t = 0.0
    for v in x:
        if v > 0:
            t += v
        else:
            t -= 2 * v
    return t


@program
def nestedwhere(x):
    return np.where(x > 0, np.where(x > 1, x, x**2), np.where(x < -1, -x, 0)).sum()


@program
def bits(x):
    return np.sum((x > 0) & (x < 1) | ~(x > -1)) * x[0]


@program
def xor(x):
    return x[0] * ((x[1] > 0) ^ (x[2] > 0))


def outcome(f: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """The leaves and the form of a result, or the type of an error."""
    try:
        with np.errstate(all="ignore"):
            return flatten(f(x))
    except Exception as error:
        return type(error), None


def assert_alike(got: Sequence[Any], want: Sequence[Any]) -> None:
    for a, b in ((np.asarray(a), np.asarray(b)) for a, b in numbers(list(got), list(want))):
        assert a.dtype == b.dtype
        size = np.max(np.abs(b), initial=0.0, where=np.isfinite(b)) if b.dtype.kind in "fc" else 0
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10 * size)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", ["python", *(["llvm"] if binding() is not None else [])])
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_call_is_as_ever(name: str, backend: str, monkeypatch) -> None:
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))
    for operator in OPERATORS:
        e = operator(PROGRAMS[name])
        g = dd.compile(e, backend=backend)
        for x in POINTS:
            given = x.copy()
            (got, form), (want, other) = outcome(g, given), outcome(e, x.copy())
            assert form == other
            assert given.tobytes() == x.tobytes()
            if other is None:
                assert got is want
            else:
                assert_alike(got, want)
