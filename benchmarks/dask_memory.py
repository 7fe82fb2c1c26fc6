"""Peak memory of the workers of a cluster during a gradient, against the function.

Run: python -m benchmarks.dask_memory
It prints by how many chunks the memory of the two processes of a cluster, which distributed's
`MemorySampler` reads, rises above the level before the computation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import dualdiff as dd

from .dask_arrays import elementwise, logistic, logistic_by_hand

CHUNK = 2_000_000  # elements, 16 MB
CHUNKS = 60


def main() -> None:
    """Measure and print."""
    import dask
    import dask.array as da
    import distributed
    from distributed.diagnostics import MemorySampler

    def data() -> Any:
        """Data that the workers make as they need it."""
        return da.random.default_rng(0).random(CHUNK * CHUNKS, chunks=CHUNK)

    def rows() -> tuple[Any, Any]:
        features = (CHUNK * CHUNKS // 50, 50)
        x = da.random.default_rng(1).normal(size=features, chunks=(CHUNK // 50, 50))
        return x, da.where(x[:, 0] > 0, 1.0, -1.0)

    def summed(parts: Any) -> Any:
        return dask.compute(*(np.sum(part) for part in parts))

    def elementwise_by_hand(x: Any) -> Any:
        gradient = (np.cos(x) - np.sin(x)) * np.exp(-x) + 2 * x / (1 + x * x)
        return elementwise(x), gradient

    w = np.zeros(50)
    runs: dict[str, Callable[[], Any]] = {
        "sum of elementwise functions": lambda: elementwise(data()).compute(),
        "its value and gradient by hand": lambda: summed(elementwise_by_hand(data())),
        "its value and gradient": lambda: summed(dd.value_and_grad(elementwise)(data())),
        "logistic gradient by hand": lambda: dask.compute(*logistic_by_hand(w, *rows())),
        "logistic, value and gradient": lambda: dd.value_and_grad(logistic)(w, *rows()),
    }
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    print(f"{CHUNKS} chunks of {8e-6 * CHUNK:.0f} MB; peak of both workers above the start")
    for name, run in runs.items():
        with (
            distributed.LocalCluster(processes=True, **options) as cluster,
            distributed.Client(cluster) as client,
        ):
            da.ones(10, chunks=5).sum().compute()  # so that the workers import what they need
            client.run(np.sum, np.ones(3))
            sampler: Any = MemorySampler()
            with sampler.sample(name, client=client, measure="process", interval=0.02):
                run()
            levels = sampler.to_pandas()[name]
            rise = float(levels.max() - levels.iloc[0])
            print(f"{name}: {rise / 1e6:.0f} MB, {rise / 2 / 8 / CHUNK:.1f} chunks a worker")


if __name__ == "__main__":
    main()
