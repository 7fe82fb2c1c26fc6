"""Stores of a replay work in place where nothing later needs what they overwrite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled.graph import Graph, record
from dualdiff.compiled.machine import binding
from dualdiff.compiled.native import compile_graph
from dualdiff.compiled.nodes import STORES
from dualdiff.compiled.updates import updates
from dualdiff.trees import flatten
from tests.compiled.helpers import assert_equal, assert_same

X = np.array([0.3, 0.7, 1.1, 0.5])


def heat(x):
    u = np.copy(x)
    for _ in range(5):
        u[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


def kept(x):  # the squares need the content that the next store overwrites
    u, total = np.copy(x), 0.0
    for i in range(4):
        u[i] = u[i - 1] * x[i]
        total = total + np.sum(u * u)
    return total


def viewed(x):  # parts of old contents are results
    u, found = np.copy(x), []
    for i in range(4):
        u[i] = 2.0 * x[i]
        found.append(np.flip(u)[:2] + 0.0)
        found.append(u.reshape(2, 2).T.copy())
    return [*found, u]


def gathered(x):  # cotangents of elements are added into one buffer
    return sum(x[i] * x[i - 1] for i in range(len(x)))


def snapshots(x):  # old contents are results, and are read between stores of elements
    u, found = np.copy(x), []
    for i in (3, 250):
        part = u[200:]
        u[i] = 2.0 * x[i] * u[i - 1]
        found += [u.copy(), u[:4] + 0.0, u.reshape(20, 15)[0], part[50] * x[0]]
        u[i + 1] = part[0] * u[i]
        u[i] = 1.5
        found.append(u * u)
    return [*found, part, u]


def summed(x):
    return sum(np.sum(part) for part in snapshots(x))


def recorded(f: Callable[..., Any], x: np.ndarray = X) -> Graph:
    leaves, structure = flatten(((x,), {}))
    return record(f, leaves, structure, [True])


@pytest.mark.parametrize("backend", ["python", *(["llvm"] if binding() is not None else [])])
@pytest.mark.parametrize("f", [heat, kept, viewed, gathered, dd.grad(heat), dd.grad(kept),
                               dd.grad(gathered), dd.hessian(gathered)])  # fmt: skip
def test_replays_with_updates_equal_eager_calls(f: Callable[..., Any], backend: str) -> None:
    replay = compile_graph(recorded(f), backend=backend)
    for x in (X, X[::-1] + 0.1, X * 2):
        assert_same(list(replay(x.copy())), flatten(f(x))[0])


def test_chains_of_stores_work_in_place() -> None:
    for f, kept_back in ((heat, 1), (dd.grad(gathered), 1), (kept, 4)):
        graph = recorded(f)
        stores = [n for n in graph.live if type(graph.operations[n]) in STORES]
        assert len(stores) - len(updates(graph, graph.live)) <= kept_back


@pytest.mark.parametrize("f", [snapshots, dd.grad(summed), lambda x: dd.hvp(summed)(x, x[::-1]),
                               lambda x: dd.jvp(snapshots, (x,), (x[::-1],))])  # fmt: skip
def test_stores_of_a_recording_leave_what_the_program_holds(f: Callable[..., Any]) -> None:
    x = np.linspace(0.3, 1.7, 300)
    assert_equal(list(recorded(f, x).samples), flatten(f(x))[0])
