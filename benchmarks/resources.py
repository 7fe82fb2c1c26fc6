"""Large arrays: time and peak memory of a chain on a million elements. And the time of the import.

Peak memory is measured in a fresh process, by the system: in the same way for NumPy and for torch.
`python -m benchmarks.resources CHAIN CONTESTANT` runs a chain once and prints the megabytes it
added.
"""

from __future__ import annotations

import atexit
import functools
import os
import resource
import subprocess
import sys
import tempfile
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
    """Twenty operations on every element, those of the short chains: x = sin(x) * a + b."""
    for _ in range(6):
        x = xp.sin(x) * 1.1 + 0.2
    return xp.sum(xp.sin(x) * 1.1)


def product_chain(xp: Any, x: Any) -> Any:
    """Twenty operations of which two in four must keep an array: sin, product with x, sum, root."""
    y = x
    for _ in range(5):
        y = xp.sqrt(1.0 + xp.sin(y) * x)
    return xp.sum(y)


CHAINS = {
    "1e6 elements x 20 operations": large_chain,
    "1e6 elements x 20 operations, products of arrays": product_chain,
}


def runs_of_size(chain: str, size: int) -> dict[str, Run]:
    """The gradient of a chain by everybody."""
    return compare("grad", CHAINS[chain], np.linspace(0.1, 0.9, size))


def peak() -> int:
    """The largest memory this process ever had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def peak_memory(run: Run, warm_up: Run) -> float:
    """The megabytes that a run needs at most, its input of `SIZE` elements included."""
    import psutil

    warm_up()
    # Imports may have needed more than is in use now: fill the gap, so that what follows shows.
    gap = max(peak() - psutil.Process().memory_info().rss, 0)
    ballast = np.ones(gap, dtype=np.uint8)  # noqa: F841  # held until the end
    before = peak()
    run()
    return (peak() - before + np.dtype(float).itemsize * SIZE) / 1e6


@functools.cache
def _byte_code() -> str:
    """A folder for byte code that is gone with this process."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return folder.name


def _printed(*arguments: str) -> float:
    """The number that a fresh Python prints; byte code is cached, as after any installation."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": _byte_code()}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return float(done.stdout)


def workloads() -> Iterator[Workload]:
    """Time and memory of the large chain, time of the import."""
    for chain in CHAINS:
        timed = runs_of_size(chain, SIZE)
        yield Workload(f"{chain}, grad", timed, operations=20)
        memory: dict[str, Run] = {
            name: functools.partial(_printed, "-m", "benchmarks.resources", chain, name)
            for name in timed
        }
        yield Workload(f"{chain}, peak memory", memory, unit="MB")
    imports: dict[str, Run] = {
        peer.name: functools.partial(_printed, "-c", IMPORT.format(peer.name)) for peer in peers()
    }
    yield Workload("import, beyond numpy", imports, unit="ms")


if __name__ == "__main__":
    chain, name = sys.argv[1:]
    print(peak_memory(runs_of_size(chain, SIZE)[name], runs_of_size(chain, 1000)[name]))
