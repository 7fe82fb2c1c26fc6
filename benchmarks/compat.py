"""Programs written for autograd, on autograd and on dualdiff under `install()`, in turns.

Run: `python -m benchmarks.compat [--quick] [--only NAME]`; writes docs/compat_benchmarks.md.
Each library has a process of its own, in which every program has run before it is timed.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optree

from . import report
from .harness import Result

PAGE = Path(__file__).parent.parent / "docs" / "compat_benchmarks.md"
LIBRARIES = ("autograd", "dualdiff")
SMALL = 3.0
# The program, and how many times faster it should be.
PROGRAMS = {
    "scalars": ("gradient of a recurrence of 200 scalar steps", SMALL),
    "network": ("a network of 2, 8, 8 and 1 units trained by Adam", SMALL),
    "gaussian_process": ("marginal likelihood of a Gaussian process, 20 points, BFGS", 1.0),
    "manifold": ("principal components by pymanopt, trust regions", 1.0),
    "survival": ("accelerated failure times by lifelines, 432 subjects", 1.0),
}
RTOL = 1e-8


def serve(library: str) -> None:
    """Run the programs that are named on standard input; give their times and results."""
    if library == "dualdiff":
        from dualdiff.compat import install

        install()
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        module = importlib.import_module(f"benchmarks.autograd_programs.{line.strip()}")
        gc.collect()
        start = time.perf_counter()
        results = module.run()
        elapsed = time.perf_counter() - start
        numbers = [np.ravel(leaf).tolist() for leaf in optree.tree_leaves(results)]
        print(json.dumps({"time": elapsed, "results": numbers}), file=answers, flush=True)


@contextmanager
def server(library: str) -> Iterator[Any]:
    """A process that runs programs on a library: a function of a program's name."""
    command = [sys.executable, "-m", "benchmarks.compat", "--serve", library]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:

        def run(program: str) -> dict[str, Any]:
            process.stdin.write(program + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer:
                raise RuntimeError(f"{program} failed on {library}; its traceback is above")
            return json.loads(answer)

        yield run
        process.stdin.close()


def measure(program: str, servers: dict[str, Any], rounds: int) -> Result:
    """Compare the results of a program, then time it in turns."""
    first = {library: run(program)["results"] for library, run in servers.items()}
    for ours, theirs in zip(first["dualdiff"], first["autograd"], strict=True):
        scale = np.max(np.abs(theirs))
        np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=RTOL * scale, err_msg=program)
    times = [{name: run(program)["time"] for name, run in servers.items()} for _ in range(rounds)]
    return Result(program, "s", None, times)


def table(results: list[Result]) -> str:
    """Medians, and the median of the ratios of each round."""
    rows = []
    for r in results:
        what, wanted = PROGRAMS[r.name]
        ratio = r.ratio("autograd", "dualdiff")
        figures = [f"{1e3 * r.median(library):.1f} ms" for library in LIBRARIES]
        met = "yes" if ratio >= wanted else "**no**"
        rows.append([what, *figures, f"{ratio:.2f}", f"{wanted:.0f}", met])
    header = ["program", *LIBRARIES, "autograd / dualdiff", "at least", "met"]
    return report.table(header, rows)


TEXT = """# Programs written for autograd

<!-- Written by `python -m benchmarks.compat`; do not edit. -->

Measured on {circumstances}

The programs of benchmarks/autograd_programs, unmodified, on autograd and on dualdiff under
`dualdiff.compat.install()`: two processes that take turns, one BLAS thread, {rounds} rounds. Their
results agree to {rtol:.0e}. A round is a whole training, fit or optimisation, with all that the
program and SciPy, pymanopt or lifelines do beside derivatives.

{table}
"""


def main() -> None:
    """Measure, print the table, and write the page after a whole run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compat", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; the page stays as it is")
    parser.add_argument("--only", metavar="NAME", help="programs whose name contains NAME")
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    rounds = 5 if options.quick else 31
    names = [name for name in PROGRAMS if options.only is None or options.only in name]
    with server("autograd") as autograd, server("dualdiff") as dualdiff:
        servers = {"autograd": autograd, "dualdiff": dualdiff}
        results = [measure(name, servers, rounds) for name in names]
    print(report.circumstances(), table(results), sep="\n\n")
    if not options.quick and options.only is None:
        text = {"circumstances": report.circumstances(), "rounds": rounds, "rtol": RTOL}
        PAGE.write_text(TEXT.format(**text, table=table(results)))


if __name__ == "__main__":
    main()
