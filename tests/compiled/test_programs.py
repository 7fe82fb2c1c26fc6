"""Programs whose course depends on numbers, in the ways that people write them.

Each is compared with eager calls at points that lead to several courses, in turns.
"""

from __future__ import annotations

import bisect
import functools
import heapq
import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled import CompileWarning
from dualdiff.compiled.machine import binding
from tests.compiled.helpers import calls_agree

X = np.array([0.3, 0.7, 1.1])
POINTS = [X, X, X, X * 2, -X, X[::-1].copy(), X * 0.1, X - 0.5, X * 0, X, X * 2, -X * 2.2, X + 1e-3]


def plain(x: Any) -> float:
    return float(dd.value_of(x))


def newton(x: Any) -> Any:
    y = x * 0 + 1.0
    for _ in range(30):
        step = (y * y - np.abs(x) - 0.1) / (2 * y)
        y = y - step
        if np.max(np.abs(step)) < 1e-10:
            break
    return y


def bisection(x: Any) -> Any:
    low, high = 0.0, 3.0
    for _ in range(6):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if middle**2 > abs(x[0]) + 0.2 else (middle, high)
    return x * middle


def quicksort(x: Any) -> Any:
    def ordered(values: list[Any]) -> list[Any]:
        if len(values) <= 1:
            return values
        first, rest = values[0], values[1:]
        below = ordered([v for v in rest if v < first])
        return [*below, first, *ordered([v for v in rest if v >= first])]

    return np.stack(ordered(list(x))) * np.arange(3)


def heap(x: Any) -> Any:
    queue: list[Any] = []
    for i, v in enumerate(x):
        heapq.heappush(queue, (v, i))
    return sum((k + 1) * heapq.heappop(queue)[0] for k in range(3)) * x


def grouped(x: Any) -> Any:
    groups: dict[float, list[Any]] = {}
    for v in x:
        groups.setdefault(round(plain(v), 1), []).append(v)
    return sum((i + 1) * sum(vs) for i, vs in enumerate(groups.values()))


def tried(x: Any) -> Any:
    try:
        if x[0] > 0.5:
            raise ValueError
        return x * [1, 2, 3][int(x[2] * 2)]
    except ValueError:
        return x * x[1]
    except IndexError:
        return x * 10.0


def matched(x: Any) -> Any:
    match int(np.sign(dd.value_of(x[0]))):
        case 1:
            return x * 2
        case -1:
            return x * 3
        case _:
            return x


def simplex(x: Any) -> Any:
    u = np.sort(x)[::-1]
    excess = np.cumsum(u) - 1
    last = np.nonzero(u - excess / np.arange(1, 4) > 0)[0][-1]
    return np.maximum(x - excess[last] / (last + 1), 0)


def stored(x: Any) -> Any:
    y = x.copy()
    y[y > 0.5] = 0.1
    y[x < 0] *= 3
    view = y[1:]
    view[0] += x[0]
    return y * x


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "chain": lambda x: x[0] * 2 if 0 < x[0] < x[1] < x[2] else x[1] * x[2],
    "equality": lambda x: x * 2 if x[0] == 0.3 else x * 5 if (x == x[::-1]).all() else x * 3,
    "rounded": lambda x: x * (round(plain(x[1]), 1) + math.floor(x[0]) + math.ceil(x[2])),
    "extrema": lambda x: min(x) * 2 + max(x[0], x[1]) * x[2] + max([x[0], 0.5]),
    "by key": lambda x: x[max(range(3), key=lambda i: x[i])] * x,
    "sorted": lambda x: sum((i + 1) * v for i, v in enumerate(sorted(x, key=abs))),
    "order": lambda x: x[np.argsort(x)] * np.arange(3) + x[int(np.argmin(x))],
    "chosen": lambda x: np.sum(x[[i for i in range(3) if x[i] > 0.5]]) * x,
    "where": lambda x: np.where(x > 0.5, x * 2, np.where(x < 0, -x, x**2)),
    "select": lambda x: np.select([x < 0, x < 0.5], [x * 2, x**2], default=np.sin(x)),
    "counted": lambda x: x * np.count_nonzero(x > 0.5) + sum(x > 0),
    "member": lambda x: x[0] * (3 if x[1] in [0.7, 1.4] else 2),
    "any": lambda x: x * 2 if any(v < 0 for v in x) else x * 3 if np.all(x > 0.5) else x * x,
    "close": lambda x: x * 2 if np.allclose(x, X) else x * x,
    "set": lambda x: len({plain(v) > 0.5 for v in x}) * x,
    "text": lambda x: x * len(str(x[0])) * len(f"{x[2]:.2e}"),
    "key": lambda x: x * {"neg": 2.0, "pos": 3.0}["neg" if x[0] < 0 else "pos"],
    "bins": lambda x: np.array([1.0, 2, 3, 4])[np.digitize(x, [0.0, 0.5, 1.0])] * x,
    "between": lambda x: x * bisect.bisect([0.1, 0.5, 1.0], x[1]),
    "taken": lambda x: sum(itertools.takewhile(lambda v: v < 1, x)) * x,
    "reduced": lambda x: functools.reduce(lambda a, b: a * b if a > b else a + b, x) * x,
    "pieces": lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: v**2]),
    "steps": lambda x: np.sum(np.arange(0, abs(plain(x[0])), 0.25)) * x,
    "sliced": lambda x: x[: int(np.clip(dd.value_of(x[0]) * 3, 0, 2))].sum() * x,
    "short": lambda x: ((x[0] > 0 and x[1]) or x[2]) * x,
    "converted": lambda x: x * dd.value_of(x).tolist()[0] + x[np.abs(x).astype(int) % 3],
    "median": lambda x: np.median(x) * x + np.partition(x, 1),
    "remainders": lambda x: x % 0.4 + x // 0.3 + np.fmod(x, 0.3) + np.rint(x) * x,
    "newton": newton,
    "bisection": bisection,
    "quicksort": quicksort,
    "heap": heap,
    "grouped": grouped,
    "tried": tried,
    "matched": matched,
    "simplex": simplex,
    "stored": stored,
}
NATIVE = pytest.param("llvm", marks=pytest.mark.slow)


@pytest.mark.parametrize("backend", ["python", *([NATIVE] if binding() is not None else [])])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_course_is_the_eager_one(name: str, backend: str) -> None:
    f = PROGRAMS[name]
    for e in (f, dd.value_and_grad(lambda x: np.sum(f(x)))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CompileWarning)
            calls_agree(dd.compile(e, backend=backend), e, [(x,) for x in POINTS])
