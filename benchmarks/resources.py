"""Large arrays: time and peak memory of a chain on a million elements. And the time of the import.

Peak memory is that of a fresh process, as the system counts it: the same for NumPy and for torch.
`python -m benchmarks.resources CONTESTANT` runs the chain once and prints the megabytes it added.
"""

from __future__ import annotations

import functools
import resource
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .harness import Run, Workload
from .peers import compare, peers

SIZE = 1_000_000
IMPORT = """
import time, numpy
start = time.perf_counter()
import {}
print(1000 * (time.perf_counter() - start))
"""


def large_chain(xp: Any, x: Any) -> Any:
    """Twenty operations on every element: five rounds of sin, product, sum, root."""
    y = x
    for _ in range(5):
        y = xp.sqrt(1.0 + xp.sin(y) * x)
    return xp.sum(y)


def runs_of_size(size: int) -> dict[str, Run]:
    """The gradient of the chain by everybody."""
    return compare("grad", large_chain, np.linspace(0.1, 0.9, size))


def peak() -> int:
    """The largest memory this process ever had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def peak_memory(run: Run, warm_up: Run) -> float:
    """The megabytes by which a run raises the memory of this process at most."""
    import psutil

    warm_up()
    # Imports may have needed more than is in use now: fill the gap, so that what follows shows.
    gap = max(peak() - psutil.Process().memory_info().rss, 0)
    ballast = np.ones(gap, dtype=np.uint8)  # noqa: F841  # held until the end
    before = peak()
    run()
    return (peak() - before) / 1e6


def _printed(*arguments: str) -> float:
    """The number that a fresh Python prints."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return float(done.stdout)


def workloads() -> Iterator[Workload]:
    """Time and memory of the large chain, time of the import."""
    timed = runs_of_size(SIZE)
    yield Workload("1e6 elements x 20 operations, grad", timed, operations=20)
    memory: dict[str, Run] = {
        name: functools.partial(_printed, "-m", "benchmarks.resources", name) for name in timed
    }
    yield Workload("1e6 elements x 20 operations, peak memory", memory, unit="MB")
    imports: dict[str, Run] = {
        peer.name: functools.partial(_printed, "-c", IMPORT.format(peer.name)) for peer in peers()
    }
    yield Workload("import, beyond numpy", imports, unit="ms")


if __name__ == "__main__":
    name = sys.argv[1]
    print(peak_memory(runs_of_size(SIZE)[name], runs_of_size(1000)[name]))
