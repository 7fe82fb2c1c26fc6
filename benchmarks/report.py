"""Targets and tables: on the screen, and as docs/benchmarks.md."""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import constants
from .harness import Result

Results = Mapping[str, Result]
CONTESTANTS = ("function", "dualdiff", "autograd", "torch", "by hand")
DASH = "–"


@dataclass(frozen=True)
class Target:
    """A figure to hold: `measure` of the results is to be at most `limit`."""

    workload: str
    what: str
    measure: Callable[[Results], float]
    limit: float
    show: Callable[[float], str]

    def row(self, results: Results) -> list[str]:
        """The line of the table, with dashes where something was not measured."""
        row = [self.workload, self.what, self.show(self.limit)]
        figure = self.measure(results)
        if math.isnan(figure):
            return [*row, DASH, DASH]
        return [*row, self.show(figure), "yes" if figure <= self.limit else "**no**"]


def _part_of_autograd(workload: str, part: float) -> Target:
    return Target(
        workload,
        "time",
        lambda results: results[workload].ratio("dualdiff", "autograd"),
        1.0 / part,
        lambda ratio: f"autograd / {1.0 / ratio:.1f}",
    )


def _times(workload: str, what: str, other: str, limit: float, per: float = 1.0) -> Target:
    return Target(
        workload,
        what,
        lambda results: results[workload].ratio("dualdiff", other) / per,
        limit,
        lambda ratio: f"{ratio:.2f} × {other}",
    )


def _growth(workload: str) -> Target:
    small, large = workload.format("1,000"), workload.format("8,000")

    def growth(results: Results) -> float:
        """Time per element at n = 8,000 against that at n = 1,000."""
        if small not in results:
            return math.nan
        return results[large].median("dualdiff") / results[small].median("dualdiff") / 8.0

    return Target(
        large,
        "time per element",
        growth,
        1.3,
        lambda ratio: f"{ratio:.2f} × n = 1,000",
    )


def _seconds(workload: str, limit: float) -> Target:
    return Target(
        workload,
        "time",
        lambda results: results[workload].median("dualdiff"),
        limit,
        lambda figure: f"{figure:.2g} s",
    )


LARGE = "1e6 elements x 20 operations, grad"
DENSE = ("network", "trigonometric", "almost linear", "integral equation", "Broyden")
LARGE_MEMORY = "1e6 elements x 20 operations, peak memory"
TARGETS = (
    _part_of_autograd("scalar chain, grad", 8.0),
    _part_of_autograd("10-vector chain, grad", 4.0),
    _part_of_autograd("scalar chain, jvp", 10.0),
    _part_of_autograd("Runge-Kutta on scalars, 1,000 steps, grad", 10.0),
    _times("Jacobian 100 -> 100, forward", "time", "by hand", 1.5),
    _times("Jacobian 100 -> 100, reverse", "time", "by hand", 1.5),
    _part_of_autograd("Rosenbrock 200, Hessian", 40.0),
    _growth("loop over x[i], n = {}, grad"),
    _times(LARGE, "time", "autograd", 1.0),
    _times(LARGE, "time", "function", 3.5),
    *(
        _times(workload, "time", other, limit)
        for workload in (constants.LAYER, constants.LOGISTIC)
        for other, limit in (("autograd", 1.1), ("function", 3.5))
    ),
    _times(LARGE_MEMORY, "memory", "autograd", 1.0),
    _times(LARGE_MEMORY, "memory", "function", 3.5),
    *(
        _times(f"16,000 {loop}, {mode}", "time per element", "n = 2,000", 1.3, per=8.0)
        for loop in ("scalar stores", "scalar reads", "reads and stores")
        for mode in ("grad", "jvp")
    ),
    *(
        _times(f"{name}, {mode}", "time", other, limit)
        for name, other, limit in (
            ("5,000 row stores, array of 1,000,000", "array of 50,000", 1.3),
            ("16,000 stores, 1,000 live row views", "no view", 3.0),
            ("10-vector chain that never assigns", "no assignment", 1.05),
        )
        for mode in ("grad", "jvp")
    ),
    _times("Cholesky by loops, 80 x 80, peak memory", "memory", "slice reads", 5.0),
    *(
        target
        for name in DENSE
        for target in (
            _part_of_autograd(f"{name} 300 -> 300, Jacobian, reverse", 30.0),
            *(
                _times(f"{name} 300 -> 300, Jacobian, {mode}", "time", other, limit)
                for mode in ("forward", "reverse")
                for other, limit in (("torch", 0.5), ("by hand", 1.5))
            ),
        )
    ),
    _times("network 3 -> 1000, Jacobian, forward", "time", "function", 5.0),
    _times("network 1000 -> 3, Jacobian, reverse", "time", "function", 5.0),
    _times("n x m grid, auto against the better mode, worst case", "time", "better mode", 1.3),
    _times("tridiagonal Jacobian, n = 100,000", "time", "function", 10.0),
    _seconds("tridiagonal Jacobian, n = 100,000, preparation", 5.0),
    _times("Brusselator, N = 32, Jacobian", "time", "dense, forward", 0.01),
    _times("Brusselator, N = 32, Jacobian", "time", "dense, reverse", 0.01),
    _seconds("Brusselator, N = 32, preparation", 0.5),
    _times("Rosenbrock, n = 100,000, sparse Hessian", "time", "function", 60.0),
    Target(
        "import, beyond numpy",
        "time",
        lambda results: results["import, beyond numpy"].median("dualdiff"),
        100.0,
        lambda figure: f"{figure:.0f} ms",
    ),
)


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table with aligned columns, the first to the left, or nothing without rows."""
    lines = [header, *rows]
    if len(lines) == 1:
        return ""
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    rule = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
    text = []
    for line in (header, rule, *lines[1:]):
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True)]
        text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text)


def _figure(value: float, unit: str) -> str:
    if math.isnan(value):
        return DASH
    if unit != "s":
        return f"{value:.0f} {unit}"
    for factor, name in ((1e6, "µs"), (1e3, "ms")):
        if value * factor < 1000.0:
            return f"{value * factor:.3g} {name}"
    return f"{value:.3g} s"


def _number(value: float, form: str) -> str:
    return DASH if math.isnan(value) else format(value, form)


def times_table(results: Results) -> str:
    """Medians of everybody, and the ratios that matter."""
    rows = []
    for r in results.values():
        row = [r.name]
        row += [_figure(r.median(c), r.unit) for c in CONTESTANTS]
        ratios = (("dualdiff", "function"), ("autograd", "dualdiff"), ("torch", "dualdiff"))
        row += [_number(r.ratio(*pair), ".3g") for pair in ratios]
        rows.append(row)
    header = ["dualdiff / function", "autograd / dualdiff", "torch / dualdiff"]
    return table(["workload", *CONTESTANTS, *header], rows)


def comparisons_table(results: Results) -> str:
    """dualdiff under other circumstances, or by another way to the same derivative."""
    rows = []
    for r in results.values():
        for other in r.rounds[0]:
            if other not in CONTESTANTS:
                figures = [_figure(r.median(c), r.unit) for c in ("dualdiff", other)]
                ratio = _number(r.ratio("dualdiff", other), ".3g")
                rows.append([r.name, figures[0], other, figures[1], ratio])
    return table(["workload", "dualdiff", "compared with", "which is", "ratio"], rows)


def operations_table(results: Results) -> str:
    """Microseconds per operation where a workload has a number of small ones."""
    rows = []
    for r in results.values():
        if r.operations is not None and r.operations > 1000:
            row = [r.name, f"{r.operations:,}"]
            row += [_number(r.median(c) / r.operations * 1e6, ".2f") for c in CONTESTANTS[:-1]]
            rows.append(row)
    return table(["µs per operation", "operations", *CONTESTANTS[:-1]], rows)


def targets_table(results: Results) -> str:
    """The targets, and whether they are met."""
    rows = [target.row(results) for target in TARGETS if target.workload in results]
    return table(["target", "of", "at most", "measured", "met"], rows)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line for line in lines if line.startswith("model name"))
        return name.partition(":")[2].strip()
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def circumstances() -> str:
    """Date, machine, versions."""
    packages = []
    for name in ("dualdiff", "numpy", "scipy", "autograd", "torch"):
        try:
            packages.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            packages.append(f"{name} not installed")
    return (
        f"{datetime.date.today().isoformat()}, {_processor()} ({os.cpu_count()} cores), "
        f"{platform.system()}, Python {platform.python_version()}, {', '.join(packages)}."
    )


PAGE = """# Benchmarks

<!-- Written by `make bench`; do not edit. -->

Measured on {circumstances}

All contestants run in one process with one thread, in turns, each warmed up for as long as it is
measured, and their results are compared first; times are medians over the rounds, ratios are
medians of the ratios within a round. "function" is the program without derivatives, in plain NumPy
and Python. Peak memory is measured in a fresh process.
A dash: the contestant has no such operation (autograd has no Jacobian in forward mode and no
assignment to elements), or was not installed.

## Targets

{targets}

## Workloads

{times}

Two to four directions times a large matrix, as in "network 1000 -> 3", are one call of NumPy's
`matmul`. Smaller parts of the matrix, or one row after the other, would take between half and twice
the time, depending on the kernels of the BLAS; dualdiff does not ask which these are.

The gradient of the large chain has to remember the seven arguments of the sines, 8 MB each, and the
input; the function alone holds three arrays at a time.

## Assignment and guards

Workloads that assign, and dualdiff compared with itself where something is different.

{comparisons}

"No guard": plain arrays that are kept for the backward pass are neither copied nor fingerprinted.
"No assignment": moreover `numpy.sin` does not ask whether its operand is a view. "Slice reads" are
the bytes of all slices that the value computation reads, "arrays alone" what the recording holds
without the entries of the tape.

The tape of the Cholesky factorisation keeps the slices that were read once, as its arrays show; the
rest are the entries for 26,000 operations on single elements and short slices, some 190 bytes each.

## Per operation

{operations}

Where the function works on Python floats, an operation takes some hundredths of a microsecond, and
any recording costs many times that; the ratio to the peers says more.

{bounds}
"""
BOUNDS = Path(__file__).parent / "bounds.md"


def page(results: Results) -> str:
    """The text of docs/benchmarks.md."""
    return PAGE.format(
        circumstances=circumstances(),
        targets=targets_table(results),
        times=times_table(results),
        comparisons=comparisons_table(results),
        operations=operations_table(results),
        bounds=BOUNDS.read_text().rstrip(),
    )
