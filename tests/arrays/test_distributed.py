"""Derivatives on a cluster of two processes: models, optimisers, a worker that dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

import dualdiff as dd

distributed = pytest.importorskip(
    "distributed", reason="distributed is not installed: pip install dualdiff[dask]"
)
da = pytest.importorskip("dask.array", reason="dask is not installed: pip install dualdiff[dask]")

pytestmark = pytest.mark.filterwarnings("ignore::Warning:distributed", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(processes=True, silence_logs=50, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def samples(n: int, k: int, rows: int) -> tuple[Any, Any]:
    """Features and labels of a logistic model, made by the workers."""
    rng = da.random.default_rng(0)
    x = rng.normal(size=(n, k), chunks=(rows, k))
    noise = rng.normal(size=n, chunks=rows)
    return x, da.where(x @ np.linspace(-1, 1, k) + noise > 0, 1.0, -1.0)


def logistic(w: Any, x: Any, y: Any) -> Any:
    return np.mean(np.logaddexp(0, -y * (x @ w))) + 0.001 * np.sum(w**2)


def logistic_gradient(w: Any, x: Any, y: Any) -> Any:
    """The same by hand."""
    margin = y * (x @ w)
    value = np.mean(np.logaddexp(0, -margin)) + 0.001 * np.sum(w**2)
    return value, -((y / (1 + np.exp(margin))) @ x) / x.shape[0] + 0.002 * w


def test_logistic_regression_reaches_numpys_optimum(client: Any) -> None:
    x, y = samples(400, 3, 200)
    plain_x, plain_y = client.gather(client.compute([x, y]))
    x, y = client.persist([x, y])
    w = np.zeros(3)
    value, gradient = dd.value_and_grad(logistic)(w, x, y)
    by_hand = logistic_gradient(w, plain_x, plain_y)
    assert value == pytest.approx(by_hand[0])
    np.testing.assert_allclose(gradient, by_hand[1], rtol=1e-10)
    options: Any = {"jac": True, "method": "L-BFGS-B", "tol": 1e-6}
    found = scipy.optimize.minimize(dd.value_and_grad(logistic), w, (x, y), **options)
    expected = scipy.optimize.minimize(logistic_gradient, w, (plain_x, plain_y), **options)
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-3, atol=1e-4)


def test_factors_of_a_matrix_are_lazy_and_stay_in_their_chunks(client: Any) -> None:
    def loss(u: Any, v: Any, a: Any) -> Any:
        return np.sum((u @ v.T - a) ** 2) + 0.1 * (np.sum(u**2) + np.sum(v**2))

    rng = np.random.default_rng(2)
    plain = rng.normal(size=(60, 3)), rng.normal(size=(40, 3)), rng.normal(size=(60, 40))
    u, v, a = (da.from_array(m, chunks=(20, m.shape[1])) for m in plain)
    found = dd.grad(loss, (0, 1))(u, v, a)
    assert [g.chunks for g in found] == [u.chunks, v.chunks]
    expected = dd.grad(loss, (0, 1))(*plain)
    for g, e in zip(client.gather(client.compute(list(found))), expected, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-9)


def inducing(p: Any, x: Any, y: Any) -> Any:
    """The evidence of a Gaussian process on inducing points (Titsias, AISTATS 2009)."""
    z, scale, noise = p["z"], np.exp(p["scale"]), np.exp(p["noise"])
    across = np.exp(-0.5 * ((x[:, None] - z[None, :]) / scale) ** 2)
    inner = np.exp(-0.5 * ((z[:, None] - z[None, :]) / scale) ** 2) + 1e-6 * np.eye(len(z))
    gram, moment = across.T @ across, across.T @ y
    if isinstance(x, da.Array):
        gram, moment = gram.compute(), moment.compute()
    total = inner + gram / noise
    fit = np.sum(y**2) / noise - moment @ np.linalg.solve(total, moment) / noise**2
    logs = np.linalg.slogdet(total)[1] - np.linalg.slogdet(inner)[1]
    trace = (len(y) - np.trace(np.linalg.solve(inner, gram))) / noise
    return 0.5 * (fit + logs + len(y) * np.log(noise) + trace)


def test_inducing_points_of_a_gaussian_process(client: Any) -> None:
    x = np.random.default_rng(3).uniform(0, 6, 400)
    y = np.sin(x)
    p = {"z": np.linspace(0.5, 5.5, 6), "scale": 0.1, "noise": -2.0}
    lazies = da.from_array(x, chunks=100), da.from_array(y, chunks=100)
    found, expected = dd.grad(inducing)(p, *lazies), dd.grad(inducing)(p, x, y)
    for name in p:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)


def _slow(block: np.ndarray) -> np.ndarray:
    time.sleep(0.3)
    return block


@pytest.mark.slow  # a new worker takes a while to start
def test_a_worker_that_dies_in_the_middle_changes_nothing() -> None:
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(processes=True, silence_logs=50, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        plain = np.linspace(0.0, 1.0, 40)
        x = da.from_array(plain, chunks=4).map_blocks(_slow, dtype=float, meta=np.empty(0))
        gradient = dd.grad(lambda x: np.sum(np.sin(x) ** 2))(x)
        future = client.compute(gradient)
        time.sleep(0.7)
        os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
        np.testing.assert_allclose(future.result(timeout=60), np.sin(2 * plain), atol=1e-12)


def test_map_reduce_runs_on_the_cluster(client: Any) -> None:
    parts = [np.arange(3.0) + i for i in range(5)]
    total = dd.map_reduce(_squares, parts, client)
    assert dd.value_and_grad(total)(2.0) == pytest.approx(
        (sum(np.sum((2 * p) ** 2) for p in parts), sum(np.sum(4 * p**2) for p in parts))
    )


def _squares(w: Any, part: Any) -> Any:
    return np.sum((w * part) ** 2)


def test_a_scheduler_that_is_gone_is_named() -> None:
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    x = da.ones(8, chunks=4)
    cluster = distributed.LocalCluster(processes=False, silence_logs=50, **options)
    with distributed.Client(cluster):
        cluster.close()
        with pytest.raises(dd.errors.SchedulerError, match="Client"):
            dd.grad(lambda w: np.sum(x * w))(1.0)


@pytest.mark.slow
def test_logistic_regression_on_more_than_the_memory_of_a_worker() -> None:
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(processes=True, memory_limit="1GB", **options) as cluster,
        distributed.Client(cluster),
    ):
        x, y = samples(4_000_000, 50, 100_000)  # 1.6 GB
        w = np.zeros(50)
        times = {"dualdiff": [], "by hand": []}  # type: ignore[var-annotated]
        for _ in range(3):
            begin = time.perf_counter()
            found = dd.value_and_grad(logistic)(w, x, y)
            middle = time.perf_counter()
            expected = da.compute(*logistic_gradient(w, x, y))
            times["dualdiff"].append(middle - begin)
            times["by hand"].append(time.perf_counter() - middle)
        assert found[0] == pytest.approx(expected[0])
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-8, atol=1e-12)
        print({name: min(t) for name, t in times.items()})
        assert min(times["dualdiff"]) < 1.3 * min(times["by hand"])
