"""Programs of many kinds, at points of other courses: each call is an eager one to the last bit."""

from __future__ import annotations

import collections
import contextlib
import copy
import dataclasses
import enum
import functools
import itertools
import math
import operator
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled.machine import binding
from tests.compiled.helpers import Programs, assert_equal, replays

BACKENDS = ["python", *(["llvm"] if binding() is not None else [])]
NUMBERS = [(v,) for v in (0.5, 2.0, -1.5, 0.0, -0.0, 1e-300, 1e300, 3.0, np.nan, np.inf)]
ARRAYS = [
    (np.array(v),)
    for v in ([1.0, 2.0, 3.0], [-1.0, 2.0, -3.0], [0.0, -0.0, 5.0], [4.0, 1.0, 2.5])
]  # fmt: skip
LAYOUTS = [
    (x,)
    for x in (
        np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(6.0).reshape(2, 3)[::-1], np.arange(6.0).reshape(2, 3)[:, ::-1],
        np.arange(12.0).reshape(2, 6)[:, ::2], np.broadcast_to(np.arange(3.0), (2, 3)),
        np.arange(6.0).reshape(3, 2).T, np.zeros((0, 3)), np.zeros((3, 0)),
    )
]  # fmt: skip
PROGRAMS = Programs()
program = PROGRAMS.at


@program(NUMBERS)
def walrus(x):
    return y + 1 if (y := x * 2) > 1 else y - 1


@program([((1.0, 2.0),), ([1.0, 2.0],), ({"k": 2.0},), ({"k": 3.0, "z": 1.0},), (3.0,), (None,),
          ("a",), (np.array([1.0, 2.0]),), ((0.0, 2.0),), ((2.0, 0.0),)])  # fmt: skip
def matching(x):
    match x:
        case (0.0, b):
            return b
        case (a, b):
            return a + b
        case {"k": k, **rest}:
            return k * 2 + len(rest)
        case float(v) if v > 2:
            return v * 3
        case None | str():
            return 0.0
        case _:
            return np.sum(x)


@program(NUMBERS)
def generators(x):
    def powers():
        v = x
        while 0.01 < v < 100:
            yield v
            v = v * 3

    def outer():
        yield from powers()
        yield x

    return sum(outer())


@program(NUMBERS)
def generators_that_catch(x):
    def values():
        try:
            yield x
        except ValueError:
            yield x * 2

    g = values()
    first = next(g)
    return first + (g.throw(ValueError) if first > 1 else 0.0)


@program(ARRAYS)
def tools(x):
    add = functools.partial(lambda a, b, c: a * c + b, c=0.5)
    pairs = sum(a * b for a, b in itertools.combinations(x, 2))
    grouped = sum(a for k, g in itertools.groupby(x, key=lambda v: v > 0) for a in g if k)
    products = list(itertools.accumulate(x, operator.mul))
    return functools.reduce(add, x), pairs, grouped, products[-1], max(x, key=lambda v: -v)


@program(ARRAYS)
def closures_in_comprehensions(x):
    fs = [lambda v, i=i: v * x[i] for i in range(3)]
    return sum(f(2.0) for f in fs), {k: v * 2 for k, v in zip("abc", x, strict=True)}


@program(NUMBERS)
def recursion(x):
    def r(v, n):
        return v if n == 0 or v > 10 else r(v * 1.5 + 1, n - 1)

    return r(x, 7)


class Switch:
    __slots__ = ("a", "b")

    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = a, b

    @property
    def total(self) -> Any:
        return self.a + self.b if self.a > 0 else self.b

    def __add__(self, other: Any) -> Any:
        return Switch(self.a + other.a, self.b * other.b)

    def __bool__(self) -> bool:
        return bool(self.a > 1)

    def __getattr__(self, name: str) -> Any:
        return self.a * len(name)

    def __lt__(self, other: Any) -> Any:
        return self.a < other.a


@program(NUMBERS)
def slots(x):
    s = Switch(x, 2.0) + Switch(1.0, x)
    return s.total + (5.0 if s else 0.0) + s.four + max(s, Switch(2.0, 3.0)).b


@dataclasses.dataclass(order=True, frozen=True)
class Point:
    x: float
    y: float = 2.0

    @functools.cached_property
    def norm(self) -> Any:
        return self.x * self.x + self.y


@program(NUMBERS)
def dataclasses_inside(x):
    p = Point(x)
    q = dataclasses.replace(p, y=x * 3)
    return max(p, q).norm + (p < q) + sum(dataclasses.astuple(q))


class Colour(enum.Enum):
    RED = 1.0
    BLUE = 2.5


@program([(Colour.RED, 2.0), (Colour.BLUE, 2.0), (Colour.RED, 3.0)])
def enumerations(c, x):
    return c.value * x if x > 1 else Colour["BLUE"].value + x


class Held(contextlib.AbstractContextManager[Any]):
    v: Any = 1.0

    def __exit__(self, kind: Any, *rest: Any) -> bool:
        return kind is KeyError


@program(NUMBERS)
def contexts(x):
    with Held() as c:
        c.v = x * 2
        if x > 1:
            raise KeyError
        c.v = c.v + 1
    return c.v


@program(NUMBERS)
def finally_after_return(x):
    log = []
    try:
        log.append(x * 2)
        if x > 1:
            return log[0] + 1
    finally:
        log.append(x)
    return log[0] - log[1]


@program(NUMBERS)
def errors(x):
    assert x == x, "no number"
    if x < 0:
        raise ValueError(f"negative: {x:.3f}")
    return np.sqrt(x)


@program(NUMBERS)
def keys(x):
    d = {"pos" if x > 0 else "neg": x}
    d[str(int(x > 1))] = 2 * x
    return {k: d[k] for k in sorted(d)}, {0.5: 1.0, 2.0: 5.0}.get(x, x), len({x, 0.5})


@program(NUMBERS)
def signs_and_orders(x):
    return max(x, 0.0), min(x, 1.0), sorted([x, 0.3, 1.2])[1], np.maximum(x, -0.0), abs(x), -x


@program([(np.float32(1.5),), (np.float64(-1.5),), (1.5,), (np.array(-2.5),), (np.array([1.5]),),
          (np.float16(1.5),), (3,), (np.int32(-3),), (True,), (np.bool_(True),), (1.5 + 2j,),
          (np.complex64(1 + 1j),), (np.array([1.0, -2.0], ">f8"),)])  # fmt: skip
def numbers_of_all_kinds(x):
    return x * 2 + 1, abs(x), x**2, x == 1


@program(LAYOUTS)
def layouts(x):
    found = x * 2, x.ravel("F"), x.ravel("K"), np.cumsum(x, 0), x.sum(), x @ x.T, x.sum(0)
    return *found, x.copy().ravel("K"), (x * 2).strides, np.concatenate([x, x])


BASE = np.arange(5.0)


@program([(BASE[:3], BASE[1:4]), (BASE[:3], BASE[:3].copy()), (BASE, BASE), (BASE, BASE.copy())])
def aliases(x, y):
    return (x + y).sum() * (1.0 if x is y else 2.0)


STATIC = (
    1, 2, True, 1.0, None, "a", slice(0, 2), ..., np.int64(1), b"x", np.array([0, 1]),
    np.array([1, 0]), False, (0,), range(2),
)  # fmt: skip


@program([(BASE, k) for k in STATIC])
def static_arguments(x, k):
    if k is None or isinstance(k, (str, bytes)):
        return x * (2 if k is None else len(k))
    return x * k if isinstance(k, float) else x[list(k) if isinstance(k, range) else k] * 2


DICTS = (
    {"a": 1.0}, {"a": 2.0}, {"b": 1.0}, {"a": 1.0, "b": 2.0}, {}, {"b": 2.0, "a": 1.0}, {1: 1.0},
    collections.OrderedDict(b=2.0, a=1.0),
)  # fmt: skip


@program([(d,) for d in DICTS])
def changing_keys(d):
    return sum((v * (i + 1) * len(str(k)) for i, (k, v) in enumerate(d.items())), 0.0)


@program(ARRAYS)
def views_as_results(x):
    return x[1:], x[::-1], x.reshape(3, 1), x, (y := x * 2), y, y[0]


@program(ARRAYS)
def integers(x):
    i = np.floor(x).astype(int)
    small = (np.abs(x) * 60).astype(np.uint8)
    whole = i // 2, i % 3, i**2, i << 1, i & 3, ~i, i / 2, i.sum(), small - np.uint8(200)
    return *whole, int(np.argmin(x)), x > 0, np.sign(x).astype(int), small.astype(np.int8)


@program(ARRAYS)
def stores(x):
    y = x.copy()
    y[x > 1] = 5.0
    y[0] += x[1]
    y[int(np.argmax(x))] = -1
    v, w = y[1:], y[:-1]
    v *= w
    w -= v
    y[...] = y[::-1]
    y[0], y[1] = y[1], y[0]
    return y, v, w


@program(NUMBERS)
def a_compiled_function_within(x):
    return INNER(x) + INNER(x * 3)


INNER = dd.compile(lambda v: v * 2 if v > 1 else v * 0.5)


@program(ARRAYS)
def derivatives_within(x):
    f = lambda t: np.sum(np.sin(t) * t) if t[0] > 0 else np.sum(t**3)  # noqa: E731
    return dd.grad(f)(x), dd.jvp(f, (x,), (x,)), dd.hessian(f)(x)


def outcome(f: Callable[..., Any], point: Any) -> Any:
    with np.errstate(all="ignore"):
        try:
            return f(*copy.deepcopy(point))
        except Exception as error:  # the outcome of a program may be any error
            return f"{type(error).__name__}: {error}"


@pytest.mark.filterwarnings("ignore::dualdiff.compiled.errors.CompileWarning")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_call_is_an_eager_one(name: str, backend: str, monkeypatch, request) -> None:
    if name == "derivatives_within" and request.config.getoption("--diagonal"):
        pytest.skip("zeros beside a diagonal have no sign, those of a recording have one")
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", math.inf)
    f, points = PROGRAMS[name]
    g = dd.compile(f, backend=backend)
    for point in [p for p in points for _ in range(3)] + points[::-1] + points:
        assert_equal(outcome(g, point), outcome(f, point))
    assert replays(g) or any(table.reason for table in g.tables.values())


def test_keywords_may_come_in_another_order() -> None:
    def f(x: Any, **kw: Any) -> Any:
        for i, v in enumerate(kw.values()):
            x = x * (i + 1) + v
        return x

    g = dd.compile(f)
    for kw in [{"a": 2.0, "b": 3.0}, {"b": 3.0, "a": 2.0}, {"b": 3.0}, {}] * 4:
        assert g(1.5, **kw) == f(1.5, **kw)
    assert len(g.tables) == 4


def test_shapes_that_alternate_keep_their_ways_in() -> None:
    g = dd.compile(lambda x: np.sum(x * x))
    x, y = np.arange(3.0), np.arange(5.0)
    for _ in range(5):
        assert g(x) == 5.0
        assert g(y) == 30.0
    first = [table.entry for table in g.tables.values()]
    with np.errstate(all="ignore"):
        assert g(x) == 5.0
        assert g(y) == 30.0
    assert all(a is t.entry and a[1] for a, t in zip(first, g.tables.values(), strict=True))


@pytest.mark.filterwarnings("ignore::dualdiff.compiled.errors.CompileWarning")
@pytest.mark.parametrize("name", ["errors", "keys", "contexts", "stores", "slots"])
def test_threads_may_call_while_others_give_up(name: str) -> None:
    f, points = PROGRAMS[name]
    g, wrong = dd.compile(f), []

    def work(first: int) -> None:
        for point in (points[first:] + points[:first]) * 4:
            try:
                assert_equal(outcome(g, point), outcome(f, point))
            except AssertionError as error:
                wrong.append((point, error))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(k % len(points),)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
