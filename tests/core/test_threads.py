"""What is traced in one thread is invisible in another, unless the function itself starts it."""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.core import trace
from dualdiff.rules.numpy.creation import CREATORS

CREATION: dict[str, Callable[[Any], Any]] = {
    "array": lambda xp: xp.array([1.0, 2.0]),
    "array of ints": lambda xp: xp.array([1, 2]),
    "asarray": lambda xp: xp.asarray([1.0, 2.0]),
    "asanyarray": lambda xp: xp.asanyarray([1.0, 2.0]),
    "ascontiguousarray": lambda xp: xp.ascontiguousarray([1.0, 2.0]),
    "asfortranarray": lambda xp: xp.asfortranarray([[1.0], [2.0]]),
    "asarray_chkfinite": lambda xp: xp.asarray_chkfinite([1.0, 2.0]),
    "require": lambda xp: xp.require([1.0, 2.0]),
    "zeros": lambda xp: xp.zeros(3),
    "ones": lambda xp: xp.ones((2, 2)),
    "empty": lambda xp: xp.empty(3),
    "full": lambda xp: xp.full(3, 2.0),
    "eye": lambda xp: xp.eye(3),
    "identity": lambda xp: xp.identity(3),
    "tri": lambda xp: xp.tri(3),
    "arange": lambda xp: xp.arange(3.0),
    "linspace": lambda xp: xp.linspace(0.0, 1.0, 3),
    "logspace": lambda xp: xp.logspace(0.0, 1.0, 3),
    "geomspace": lambda xp: xp.geomspace(1.0, 2.0, 3),
    "copy": lambda xp: xp.copy(np.ones(3)),
    "zeros_like": lambda xp: xp.zeros_like(np.ones(3)),
    "ones_like": lambda xp: xp.ones_like(np.ones(3)),
    "empty_like": lambda xp: xp.empty_like(np.ones(3)),
    "full_like": lambda xp: xp.full_like(np.ones(3), 2.0),
    "c_": lambda xp: xp.c_[[1.0, 2.0]],
    "r_": lambda xp: xp.r_[1.0, 2.0],
    "fromiter": lambda xp: xp.fromiter([1.0, 2.0], float),
    "frompyfunc": lambda xp: xp.frompyfunc(float, 1, 1)(np.ones(2)),
    "vectorize": lambda xp: xp.vectorize(float)(np.ones(2)),
    "kaiser": lambda xp: xp.kaiser(4, 1.0),
    "lib.stride_tricks.as_strided": lambda xp: xp.lib.stride_tricks.as_strided(np.ones(3), (2,)),
    "ndenumerate": lambda xp: next(xp.ndenumerate(np.ones(3))) and np.ones(3),
    "nditer": lambda xp: xp.nditer(np.ones(3)).operands[0],
    "tile": lambda xp: xp.tile(np.ones(3), 2),
    "concatenate": lambda xp: xp.concatenate([np.ones(3), np.ones(2)]),
}


@contextmanager
def a_derivative_elsewhere() -> Iterator[None]:
    """Another thread is inside `grad`, under `patch_numpy`, and has made arrays there."""
    entered, leave = threading.Event(), threading.Event()
    found: list[Any] = []

    def f(x: Any) -> Any:
        out = np.zeros(2)
        entered.set()
        leave.wait()
        out[0] = x[0] ** 2
        return np.sum(out)

    def run() -> None:
        with dd.patch_numpy():
            found.append(dd.grad(f)(np.array([3.0, 1.0])))

    thread = threading.Thread(target=run)
    thread.start()
    entered.wait()
    try:
        yield
    finally:
        leave.set()
        thread.join()
    np.testing.assert_array_equal(found[0], [6.0, 0.0])


@pytest.mark.parametrize("name", CREATION)
@pytest.mark.parametrize("xp", [dd.numpy, np], ids=["dualdiff.numpy", "patched numpy"])
def test_arrays_made_while_another_thread_differentiates_are_plain(xp: Any, name: str) -> None:
    with a_derivative_elsewhere():
        made = CREATION[name](xp)
        with ThreadPoolExecutor(1) as pool:
            in_a_new_thread = pool.submit(CREATION[name], xp).result()
    assert type(made) is np.ndarray
    assert type(in_a_new_thread) is np.ndarray
    memoryview(made)
    made[...] = 1


def test_every_creation_function_is_tried() -> None:
    assert CREATORS.keys() <= CREATION.keys()


def _fill(x: Any, i: int) -> Any:
    out = dd.numpy.zeros(2)
    out[0] = x[i] * x[0]
    out[1] = 3.0 * x[i]
    return out


def _in_threads(x: Any) -> Any:
    rows: list[Any] = [None] * len(x)

    def work(i: int) -> None:
        rows[i] = _fill(x, i)

    threads = [threading.Thread(target=work, args=(i,), daemon=bool(i % 2)) for i in range(len(x))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return np.stack(rows)


def _in_a_pool(x: Any) -> Any:
    with ThreadPoolExecutor(3) as pool:
        return np.stack(list(pool.map(lambda i: _fill(x, i), range(len(x)))))


def _in_threads_of_threads(x: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_in_threads, x).result()


class _Worker(threading.Thread):
    def __init__(self, x: Any) -> None:
        super().__init__()
        self.x, self.rows = x, []

    def run(self) -> None:
        self.rows = [_fill(self.x, i) for i in range(len(self.x))]


def _in_a_class_of_threads(x: Any) -> Any:
    worker = _Worker(x)
    worker.start()
    worker.join()
    return np.stack(worker.rows)


@pytest.mark.parametrize(
    "rows", [_in_threads, _in_a_pool, _in_threads_of_threads, _in_a_class_of_threads]
)
def test_threads_that_the_function_starts_make_arrays_for_traced_values(rows: Any) -> None:
    x = np.array([1.0, 2.0, 3.0])
    expected = dd.jacobian(lambda x: np.stack([_fill(x, i) for i in range(3)]))(x)
    for mode in ("forward", "reverse"):
        np.testing.assert_array_equal(dd.jacobian(rows, mode=mode)(x), expected)


def test_work_for_threads_from_elsewhere_takes_the_context_along() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()  # the thread is there before the derivative

        def f(x: Any) -> Any:
            context = contextvars.copy_context()
            return np.sum(pool.submit(context.run, _fill, x, 1).result())

        np.testing.assert_array_equal(dd.grad(f)(np.array([2.0, 5.0])), [5.0, 5.0])
        assert type(pool.submit(dd.numpy.zeros, 3).result()) is np.ndarray


def test_a_thread_that_outlives_the_derivative_makes_plain_arrays_again() -> None:
    pools: list[ThreadPoolExecutor] = []

    def f(x: Any) -> Any:
        pools.append(ThreadPoolExecutor(1))
        return np.sum(pools[0].submit(_fill, x, 1).result())

    dd.grad(f)(np.array([2.0, 5.0]))
    with pools[0] as pool, a_derivative_elsewhere():
        assert type(pool.submit(dd.numpy.zeros, 3).result()) is np.ndarray


def test_a_derivative_in_a_thread_of_the_function_keeps_structural_zeros_when_it_is_rescued() -> (
    None
):
    def inner(s: Any, x: Any) -> Any:
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0) * s)

    def serial(x: Any) -> Any:
        return np.sum(dd.grad(inner)(x * 1.0, x))

    def threaded(x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return np.sum(pool.submit(dd.grad(inner), x * 1.0, x).result())

    x = np.array([0.0, 4.0])
    np.testing.assert_array_equal(dd.grad(threaded)(x), dd.grad(serial)(x))
    np.testing.assert_array_equal(dd.grad(threaded)(x), [0.0, 0.25])


@contextmanager
def switching_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def _rows_by_threads(x: Any) -> Any:
    out = dd.numpy.zeros((16, x.size))

    def work(i: int) -> None:
        out[i] = np.sin(x * i)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    return np.sum(out)


def test_rows_of_one_array_stored_by_threads_are_all_there() -> None:
    x = np.linspace(0.0, 1.0, 100)
    expected = sum(i * np.cos(x * i) for i in range(16))
    with switching_often():
        for _ in range(100):
            np.testing.assert_allclose(dd.grad(_rows_by_threads)(x), expected, atol=1e-12)
            tangent = dd.jvp(_rows_by_threads, (x,), (np.ones(100),))[1]
            np.testing.assert_allclose(tangent, np.sum(expected))


def test_elements_of_one_array_stored_by_threads_are_all_there() -> None:
    def f(x: Any) -> Any:
        out = dd.numpy.zeros(64)
        out[0] = x[0]  # it holds traced values

        def work(k: int) -> None:
            for i in range(k, 64, 8):
                out[i] = x[i % 4] * (i + 1.0)
                if i % 3 == 0:
                    out[i : i + 1] = x[i % 4] * (i + 1.0)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        return np.sum(out)

    expected = [sum(i + 1.0 for i in range(k, 64, 4)) for k in range(4)]
    x = np.array([1.0, 2.0, 3.0, 4.0])
    with switching_often():
        for _ in range(50):
            np.testing.assert_array_equal(dd.grad(f)(x), expected)
            np.testing.assert_array_equal(dd.jvp(f, (x,), (np.ones(4),))[1], sum(expected))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_elements_of_one_array_to_which_threads_add_at_are_all_there(mode: Any) -> None:
    def f(x: Any) -> Any:
        out = dd.numpy.zeros(48)

        def work(i: int) -> None:
            np.add.at(out, [2 * i, 2 * i, 2 * i + 1], x[i : i + 3])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(24)))
        return out

    expected = np.zeros((48, 26))
    for i in range(24):
        expected[2 * i, i] = expected[2 * i, i + 1] = expected[2 * i + 1, i + 2] = 1.0
    with switching_often():
        for _ in range(10):
            np.testing.assert_array_equal(dd.jacobian(f, mode=mode)(np.ones(26)), expected)


def test_a_store_that_fails_leaves_the_array_as_it_was() -> None:
    def f(x: Any) -> Any:
        out = dd.numpy.zeros(3)
        out[1] = x[0]
        for index, value in ((7, x[0]), (slice(None), x)):
            with pytest.raises((IndexError, ValueError)):
                out[index] = value
        out[2] = x[1]
        out[:] *= 2.0
        return np.sum(out)

    np.testing.assert_array_equal(dd.grad(f)(np.array([1.0, 5.0])), [2.0, 2.0])


def test_a_prepared_jacobian_may_be_called_from_many_threads() -> None:
    def f(x: Any) -> Any:
        y = x**2
        k = int(abs(float(dd.value_of(x[0])))) % 4
        return y + np.roll(x, k) if k else y

    points = [np.linspace(1.0, 2.0, 40) + k for k in range(8)]
    expected = [dd.jacobian(f)(p) for p in points]
    jacobian = dd.prepare_jacobian(f, points[3])
    with switching_often(), ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for found, right in zip(pool.map(jacobian, points), expected, strict=True):
                np.testing.assert_allclose(found.toarray(), right)
            jacobian = dd.prepare_jacobian(f, points[3])


def test_no_level_stays_open() -> None:
    with pytest.raises(RuntimeError):
        dd.grad(lambda x: (_ for _ in ()).throw(RuntimeError))(1.0)
    assert not trace.LIVE
    assert not trace.is_tracing()
