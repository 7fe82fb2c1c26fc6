"""The remains of a trace: nothing after an exception, nothing in memory, no box that still
works."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psutil
import pytest

import dualdiff as dd
from dualdiff.core.tape import Tape
from dualdiff.core.trace import LIVE


def chain(x: Any, n: int) -> Any:
    for _ in range(n):
        x = x * 1.0000001 + 1e-9
    return x


def test_200_000_operations_neither_recurse_nor_crash() -> None:
    n = 100_000
    expected = 1.0000001**n
    assert dd.grad(chain)(0.5, n) == pytest.approx(expected, rel=1e-9)
    assert dd.derivative(chain)(0.5, n) == pytest.approx(expected, rel=1e-9)


def test_a_long_tape_is_dropped_unused_without_recursion() -> None:
    value, pullback = dd.vjp(chain, 0.5, argnums=0, n=100_000)
    assert value > 0.5
    del pullback


def test_an_exception_leaves_no_live_trace() -> None:
    before = set(LIVE)

    def fails(x: Any) -> Any:
        np.sin(x)
        raise KeyError("mine")

    for derivative in (dd.grad(fails), dd.derivative(fails), dd.hessian(fails), dd.jacobian(fails)):
        with pytest.raises(KeyError, match="mine"):
            derivative(1.0)
    assert set(LIVE) == before
    assert dd.grad(np.sin)(0.0) == 1.0


def test_a_trace_that_is_dropped_is_open_no_more() -> None:
    tape = Tape()
    assert tape.is_open
    reference = tape.reference
    assert reference in LIVE
    del tape
    assert reference not in LIVE


def test_a_pullback_may_be_called_again_also_after_an_error() -> None:
    _, pullback = dd.vjp(lambda x: np.sin(x) * x, np.array([1.0, 2.0]))
    first = pullback(np.array([1.0, 1.0]))[0]
    with pytest.raises(TypeError, match=r"must have the shape \(2,\)"):
        pullback(np.ones(3))
    np.testing.assert_array_equal(pullback(np.array([1.0, 1.0]))[0], first)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_box_that_outlives_its_trace_is_refused(mode: str) -> None:
    kept: list[Any] = []

    def leaks(x: Any) -> Any:
        kept.append(x)
        return np.sum(x)

    dd.jacobian(leaks, mode=mode)(np.ones(3))
    for use in (lambda x: x * 2.0, lambda x: x[0], np.sum, np.sin, lambda x: x + x):
        with pytest.raises(dd.DualdiffError, match="used after its derivative was taken"):
            use(kept[0])


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_box_of_an_ended_trace_is_refused_as_a_result(mode: str) -> None:
    kept: list[Any] = []

    def leaks(x: Any) -> Any:
        kept.append(x)
        return np.sum(x)

    dd.jacobian(leaks, mode=mode)(np.ones(3))
    with pytest.raises(dd.DualdiffError, match="used after its derivative was taken"):
        dd.jacobian(lambda x: kept[0], mode=mode)(np.ones(3))


def test_results_share_no_memory_with_inputs_seeds_or_each_other() -> None:
    x, y, g = np.ones(3), np.full(3, 2.0), np.full(3, 5.0)
    value, pullback = dd.vjp(lambda x, y: x + y, x, y)
    gx, gy = pullback(g)
    arrays = [x, y, g, value, gx, gy, *pullback(g)]
    for i, a in enumerate(arrays):
        for b in arrays[i + 1 :]:
            assert not np.may_share_memory(a, b)
    value, tangent = dd.jvp(lambda x: x, (x,), (g,))
    assert not np.may_share_memory(value, x)
    assert not np.may_share_memory(tangent, g)
    assert not np.may_share_memory(dd.grad(lambda x: np.sum(x * 1.0))(x), x)


def test_a_returned_value_changed_by_the_user_does_not_change_the_pullback() -> None:
    value, pullback = dd.vjp(np.exp, np.zeros(2))
    value[:] = 100.0
    np.testing.assert_array_equal(pullback(np.ones(2))[0], [1.0, 1.0])


def test_no_reference_cycle_keeps_a_tape_alive() -> None:
    tapes: list[weakref.ref[Any]] = []
    original = Tape.open

    class Probe:
        pass

    def f(x: Any) -> Any:
        probe = Probe()
        tapes.append(weakref.ref(probe))
        y = np.sin(x)
        keep = (probe, y)
        return keep[1] * y

    assert original is Tape.open
    gc.collect()
    gc.disable()
    try:
        boxes = []

        def g(x: Any) -> Any:
            boxes.append(weakref.ref(x))
            return f(x)

        dd.grad(g)(1.0)
        dd.hessian(g)(1.0)
        _, pullback = dd.vjp(g, 1.0)
        pullback(1.0)
        del pullback
        assert all(ref() is None for ref in boxes + tapes)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_gradient_in_a_loop_does_not_grow_the_process() -> None:
    gradient = dd.grad(lambda x: np.sum(np.sin(x) * x[::-1]))
    x = np.linspace(0, 1, 10_000)
    process = psutil.Process()
    for _ in range(50):
        gradient(x)
    before = process.memory_info().rss
    for _ in range(1000):
        gradient(x)
    assert process.memory_info().rss - before < 8e6


def test_traces_in_different_threads_do_not_meet() -> None:
    barrier = threading.Barrier(4)

    def work(k: int) -> float:
        def f(x: Any) -> Any:
            barrier.wait()
            for _ in range(200):
                x = np.sin(x) + k * 0.01
            barrier.wait()
            return x

        return dd.grad(f)(0.3 + k)

    def alone(k: int) -> float:
        x, d = 0.3 + k, 1.0
        for _ in range(200):
            x, d = np.sin(x) + k * 0.01, d * np.cos(x)
        return d

    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(work, range(4)))
    np.testing.assert_allclose(got, [alone(k) for k in range(4)], rtol=1e-12)


@pytest.mark.parametrize("derivative", [dd.grad, lambda f: dd.jacobian(f, mode="forward")])
def test_a_pool_of_workers_inside_one_function_is_right(derivative: Any) -> None:
    def part(x: Any, k: int) -> Any:
        for _ in range(300):
            x = np.sin(x) * 1.01 + 0.001 * k
        return x

    def f(x: Any, pool: Any) -> Any:
        return np.sum(np.stack(list(pool.map(lambda k: part(x[k], k), range(8)))))

    class Serial:
        map = staticmethod(map)

    x = np.linspace(0.1, 0.9, 8)
    expected = derivative(f)(x, Serial)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            np.testing.assert_array_equal(derivative(f)(x, pool), expected)
