"""Sums over parts of the data: one pass over them, with the same derivatives by every executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import dualdiff as dd

RNG = np.random.default_rng(1)
PARTS = [(RNG.normal(size=(n, 3)), RNG.normal(size=n)) for n in (4, 5, 6, 3, 2, 7, 4, 5, 3, 4)]
PARAMS = {"w": RNG.normal(size=3), "b": 0.3}
MOVED = {"w": RNG.normal(size=3), "b": -1.0}


def loss(p: Any, part: Any) -> Any:
    """The loss of one part, as a Python program with a loop."""
    x, y = part
    total = 0.0
    for row, target in zip(x, y, strict=True):
        total = total + np.tanh(row @ p["w"] + p["b"] - target) ** 2
    return total


def whole(p: Any) -> Any:
    return sum(loss(p, part) for part in PARTS)


@contextmanager
def serial() -> Iterator[Any]:
    yield PARTS, None


@contextmanager
def threads() -> Iterator[Any]:
    with ThreadPoolExecutor(2) as pool:
        yield PARTS, pool


@contextmanager
def processes() -> Iterator[Any]:
    import multiprocessing

    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield PARTS, pool


@contextmanager
def by_joblib() -> Iterator[Any]:
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    yield PARTS, joblib.Parallel(n_jobs=2, backend="threading")


@contextmanager
def delayed() -> Iterator[Any]:
    dask = pytest.importorskip("dask", reason="dask is not installed")
    yield [dask.delayed(part) for part in PARTS], None


@contextmanager
def bag() -> Iterator[Any]:
    bags = pytest.importorskip("dask.bag", reason="dask is not installed")
    dask = pytest.importorskip("dask", reason="dask is not installed")
    with dask.config.set(scheduler="threads"):
        yield bags.from_sequence(PARTS, npartitions=3), None


WAYS: list[Callable[[], Any]] = [serial, threads, by_joblib, delayed, bag]


@pytest.mark.parametrize("way", WAYS)
def test_derivatives_of_first_and_second_order_are_those_of_the_sum(way: Any) -> None:
    with way() as (data, executor):
        total = dd.map_reduce(loss, data, executor)
        assert total(PARAMS) == pytest.approx(whole(PARAMS))
        for operator in (
            lambda f: dd.value_and_grad(f)(PARAMS),
            lambda f: dd.jvp(f, (PARAMS,), (MOVED,)),
            lambda f: dd.hvp(f)(PARAMS, MOVED),
            lambda f: dd.grad(lambda p: dd.grad(f)(p)["b"] ** 2)(PARAMS),
        ):
            found, expected = operator(total), operator(whole)
            np.testing.assert_allclose(flat(found), flat(expected), rtol=1e-9, atol=1e-12)


def flat(tree: Any) -> Any:
    from dualdiff.trees import flatten

    return np.concatenate([np.ravel(leaf) for leaf in flatten(tree)[0]])


def test_processes_give_the_same_gradient() -> None:
    with processes() as (data, executor):
        found = dd.grad(dd.map_reduce(loss, data, executor))(PARAMS)
    np.testing.assert_allclose(flat(found), flat(dd.grad(whole)(PARAMS)), rtol=1e-10)


def test_value_and_gradient_take_one_pass() -> None:
    calls = []

    def counted(w: Any, part: float) -> Any:
        calls.append(part)
        return (w * part) ** 2

    assert dd.value_and_grad(dd.map_reduce(counted, [1.0, 2.0]))(3.0) == (45.0, 30.0)
    assert calls == [1.0, 2.0]


def test_jacobians_and_hessians() -> None:
    def residuals(w: Any, part: Any) -> Any:
        return part[0].T @ np.sin(part[0] @ w)

    data = PARTS[:3]
    w = PARAMS["w"]
    total = dd.map_reduce(residuals, data)
    plain = dd.jacobian(lambda w: sum(residuals(w, part) for part in data))(w)
    np.testing.assert_allclose(dd.jacobian(total)(w), plain, rtol=1e-10)
    scalar = dd.map_reduce(lambda w, part: np.sum(residuals(w, part) ** 2), data)
    expected = dd.hessian(lambda w: sum(np.sum(residuals(w, p) ** 2) for p in data))(w)
    np.testing.assert_allclose(dd.hessian(scalar)(w), expected, rtol=1e-9)


def test_constants_and_keywords_pass_through() -> None:
    total = dd.map_reduce(lambda w, c, part, *, power: c * (w * part) ** power, [1.0, 2.0])
    assert dd.grad(total)(3.0, 2.0, power=2) == pytest.approx(2 * 6.0 + 8 * 6.0)


def test_a_loss_that_reads_a_traced_value_is_refused() -> None:
    def f(w: Any) -> Any:
        return dd.map_reduce(lambda v, part: v * w * part, [1.0, 2.0])(w * 2.0)

    with pytest.raises(dd.errors.CaptureError, match="map_reduce"):
        dd.grad(f)(3.0)


def test_bad_arguments_say_which() -> None:
    with pytest.raises(TypeError, match="loss first"):
        dd.map_reduce([1.0], loss)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"concurrent\.futures"):
        dd.map_reduce(loss, PARTS, executor=3)
    with pytest.raises(ValueError, match="no parts"):
        dd.map_reduce(loss, [])
    with pytest.raises(TypeError, match="returned a list"):
        dd.grad(dd.map_reduce(lambda w, part: [w], [1.0]))(2.0)
