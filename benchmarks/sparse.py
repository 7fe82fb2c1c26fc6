"""Jacobians and Hessians by the right mode, and sparse ones at scale."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

import dualdiff as dd

from .harness import Run, Workload
from .matrices import dense_systems, forward_by_hand, layers, reverse_by_hand, rosenbrock
from .peers import compare

N = 100_000
SIDE = 32
GRID = (1, 10, 100, 1000)
POINTS, CAMERAS, SEEN = 1000, 30, 8


def bratu(x: np.ndarray) -> np.ndarray:
    """Heat that a reaction makes and a rod conducts, with what it loses: a tridiagonal Jacobian."""
    r = np.exp(x) - 0.1 * np.sin(x)
    r[1:-1] += x[2:] - 2.0 * x[1:-1] + x[:-2]
    return r


def bratu_by_hand(x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Three tangents of `bratu`, and the matrix they hold."""
    slope = np.exp(x) - 0.1 * np.cos(x)
    tangents = seeds * slope
    tangents[:, 1:-1] += seeds[:, 2:] - 2.0 * seeds[:, 1:-1] + seeds[:, :-2]
    return tangents


def broyden(x: np.ndarray) -> np.ndarray:
    """Broyden's tridiagonal function: a few additions per element, and nothing that takes long."""
    r = (3.0 - 2.0 * x) * x + 1.0
    r[1:] -= x[:-1]
    r[:-1] -= 2.0 * x[1:]
    return r


def brusselator(y: np.ndarray) -> np.ndarray:
    """Two species that react and diffuse on a periodic square."""
    u, v = y.reshape(2, SIDE, SIDE)
    diffusion = 0.02 * SIDE**2
    reaction = u * u * v
    return np.concatenate(
        [
            np.ravel(1.0 + reaction - 4.4 * u + diffusion * _laplacian(u)),
            np.ravel(3.4 * u - reaction + diffusion * _laplacian(v)),
        ]
    )


def _laplacian(w: np.ndarray) -> np.ndarray:
    return np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1) - 4.0 * w


def reprojection(parameters: np.ndarray, camera: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Where each camera sees each of its points: rotation vector, shift and focal length each."""
    poses = parameters[: 7 * CAMERAS].reshape(CAMERAS, 7)[camera]
    points = parameters[7 * CAMERAS :].reshape(POINTS, 3)[point]
    turn, shift, focal = poses[:, :3], poses[:, 3:6], poses[:, 6:]
    angle = np.sqrt(np.sum(turn**2, axis=1, keepdims=True))
    axis = turn / angle
    along = np.sum(axis * points, axis=1, keepdims=True)
    c, s = np.cos(angle), np.sin(angle)
    turned = c * points + s * np.cross(axis, points) + (1.0 - c) * along * axis + shift
    return np.ravel(focal * turned[:, :2] / turned[:, 2:])


def chain(y: Any) -> Any:
    """A few functions of each element."""
    for _ in range(5):
        y = np.sin(y) * y
    return y


def worst_of_grid() -> float:
    """Time of mode="auto" over that of the better mode, in per cent, where that is largest."""
    rng = np.random.default_rng(0)
    ratios = []
    for n in GRID:
        for m in GRID:
            weights = rng.normal(size=(100, n)) / np.sqrt(n), rng.normal(size=(m, 100)) / 10
            x, i, j = rng.normal(size=n), *rng.integers(n, size=(2, m))

            def network(x: Any, weights: Any = weights) -> Any:
                return layers(np, x, *weights)

            def gathered(x: Any, i: Any = i, j: Any = j) -> Any:
                return np.exp(-(x[i] ** 2)) * np.sin(x[j]) + np.sum(x * np.cos(x))

            mix = rng.normal(size=(m, n)) / np.sqrt(n)

            def mixed_first(x: Any, mix: Any = mix) -> Any:
                return chain(mix @ x)

            def mixed_last(x: Any, mix: Any = mix) -> Any:
                return mix @ chain(x)

            for f in (network, gathered, mixed_first, mixed_last):
                runs = [
                    functools.partial(dd.jacobian(f, mode=mode), x)
                    for mode in ("auto", "forward", "reverse")
                ]
                auto, forward, reverse = _seconds(runs)
                ratios.append(100.0 * auto / min(forward, reverse))
    return max(ratios)


def _seconds(runs: list[Run]) -> list[float]:
    """The quickest of many calls that take turns, each right after a call of its own kind."""
    samples: list[list[float]] = [[] for _ in runs]
    start = time.perf_counter()
    while len(samples[0]) < 5 or (time.perf_counter() - start < 0.1 and len(samples[0]) < 100):
        for run, own in zip(runs, samples, strict=True):
            run()
            before = time.perf_counter()
            run()
            own.append(time.perf_counter() - before)
    return [min(own) for own in samples]


def _nonzeros_of(jacobian: Any, y: np.ndarray, places: tuple[np.ndarray, ...]) -> np.ndarray:
    """The entries of a dense Jacobian that the harness compares."""
    return jacobian(y)[places]


def _data_of(prepared: Any, x: np.ndarray) -> np.ndarray:
    """The nonzeros, which the harness compares without making a dense matrix."""
    return prepared(x).data


def _tridiagonal_by_hand(
    x: np.ndarray, seeds: np.ndarray, places: np.ndarray, pattern: sp.csr_array
) -> np.ndarray:
    data = bratu_by_hand(x, seeds).reshape(-1)[places]
    return sp.csr_array((data, pattern.indices, pattern.indptr), pattern.shape).data


def _prepare(f: Any, x: np.ndarray) -> int:
    return dd.prepare_jacobian(f, x).plan.directions


def dense_workloads() -> Iterator[Workload]:
    """Square, tall and wide dense Jacobians, and the choice of the mode."""
    rng = np.random.default_rng(0)
    x, *weights = rng.normal(size=300), *rng.normal(size=(3, 300, 300)) / np.sqrt(300)
    for mode, by_hand in (("forward", forward_by_hand), ("reverse", reverse_by_hand)):
        runs = compare(f"{mode} jacobian", layers, x, *weights)
        runs["by hand"] = functools.partial(by_hand, x, *weights)
        yield Workload(f"network 300 -> 300, Jacobian, {mode}", runs)
    for name, f, by_hand, x, constants in dense_systems(300):
        for mode in ("forward", "reverse"):
            runs = compare(f"{mode} jacobian", f, x, constants)
            runs["by hand"] = functools.partial(by_hand, x, constants)
            yield Workload(f"{name} 300 -> 300, Jacobian, {mode}", runs)
    for name, n, m in (
        ("3 -> 1000, Jacobian, forward", 3, 1000),
        ("1000 -> 3, Jacobian, reverse", 1000, 3),
    ):
        shapes = ((300, n), (300, 300), (m, 300))
        weights = [rng.normal(size=s) / np.sqrt(s[1]) for s in shapes]
        mode = name.split()[-1]
        runs = compare(f"{mode} jacobian", layers, rng.normal(size=n), *weights)
        yield Workload(f"network {name}", runs)
    yield Workload(
        "n x m grid, auto against the better mode, worst case",
        {"dualdiff": worst_of_grid, "better mode": lambda: 100.0},
        unit="%",
    )


def workloads() -> Iterator[Workload]:
    """Dense Jacobians; tridiagonal, Brusselator, Rosenbrock, bundle adjustment."""
    yield from dense_workloads()
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    prepared = dd.prepare_jacobian(bratu, x)
    seeds = np.zeros((3, N))
    seeds[np.arange(N) % 3, np.arange(N)] = 1.0
    rows = np.repeat(np.arange(N), np.diff(prepared.pattern.indptr))
    positions = prepared.pattern.indices % 3 * N + rows
    yield Workload(
        "tridiagonal Jacobian, n = 100,000",
        {
            "function": functools.partial(bratu, x),
            "dualdiff": functools.partial(_data_of, prepared, x),
            "by hand": functools.partial(
                _tridiagonal_by_hand, x, seeds, positions, prepared.pattern
            ),
            "without the check": functools.partial(
                _data_of, dd.prepare_jacobian(bratu, x, check=False), x
            ),
        },
    )
    yield Workload(
        "tridiagonal Jacobian, n = 100,000, few operations (Broyden)",
        {
            "function": functools.partial(broyden, x),
            "dualdiff": functools.partial(_data_of, dd.prepare_jacobian(broyden, x), x),
        },
    )
    yield Workload(
        "tridiagonal Jacobian, n = 100,000, preparation",
        {"dualdiff": functools.partial(_prepare, bratu, x)},
    )

    y = rng.uniform(0.5, 1.5, size=2 * SIDE**2)
    prepared = dd.prepare_jacobian(brusselator, y)
    lengths = np.diff(prepared.pattern.indptr)
    places = np.repeat(np.arange(y.size), lengths), prepared.pattern.indices
    yield Workload(
        "Brusselator, N = 32, Jacobian",
        {
            "function": functools.partial(brusselator, y),
            "dualdiff": functools.partial(_data_of, prepared, y),
            **{
                f"dense, {mode}": functools.partial(
                    _nonzeros_of, dd.jacobian(brusselator, mode=mode), y, places
                )
                for mode in ("forward", "reverse")
            },
        },
    )
    yield Workload(
        "Brusselator, N = 32, preparation",
        {"dualdiff": functools.partial(_prepare, brusselator, y)},
    )

    f = functools.partial(rosenbrock, np)
    yield Workload(
        "Rosenbrock, n = 100,000, sparse Hessian",
        {
            "function": functools.partial(f, x),
            "dualdiff": functools.partial(_data_of, dd.prepare_hessian(f, x), x),
        },
    )

    point = np.repeat(np.arange(POINTS), SEEN)
    camera = np.concatenate([rng.choice(CAMERAS, SEEN, replace=False) for _ in range(POINTS)])
    poses = np.hstack(
        [rng.normal(size=(CAMERAS, 5)), np.full((CAMERAS, 1), 9.0), np.ones((CAMERAS, 1))]
    )
    parameters = np.concatenate([poses.ravel(), rng.normal(size=3 * POINTS)])
    residuals = functools.partial(reprojection, camera=camera, point=point)
    yield Workload(
        "bundle adjustment, 1,000 points, 30 cameras, Jacobian",
        {
            "function": functools.partial(residuals, parameters),
            "dualdiff": functools.partial(
                _data_of, dd.prepare_jacobian(residuals, parameters), parameters
            ),
        },
    )
    yield Workload(
        "bundle adjustment, 1,000 points, 30 cameras, preparation",
        {"dualdiff": functools.partial(_prepare, residuals, parameters)},
    )
