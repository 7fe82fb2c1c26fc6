"""Run the benchmarks: `python -m benchmarks [--quick] [--only NAME] [--json FILE]`.

Compiled functions beside jax.jit and CasADi have a table of their own: `python -m
benchmarks.compiled` prints the one of docs/compile.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

from . import (
    chains,
    constants,
    loops,
    matrices,
    models,
    mutation,
    report,
    resources,
    solvers,
    sparse,
)
from .harness import Result

FAMILIES = (chains, matrices, models, constants, loops, mutation, sparse, solvers, resources)
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Measure, print the tables, and write docs/benchmarks.md after a whole run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; docs stay as they are")
    parser.add_argument("--only", metavar="NAME", help="workloads whose name contains NAME")
    parser.add_argument("--json", metavar="FILE", type=Path, help="all figures of all rounds")
    options = parser.parse_args()

    results: dict[str, Result] = {}
    for workload in itertools.chain.from_iterable(family.workloads() for family in FAMILIES):
        if options.only is None or options.only.lower() in workload.name.lower():
            print(workload.name, file=sys.stderr, flush=True)
            results[workload.name] = workload.measure(options.quick)
    if not results:
        parser.error(f"no workload's name contains {options.only!r}")

    print(report.circumstances())
    for table in (
        report.times_table,
        report.comparisons_table,
        report.operations_table,
        report.targets_table,
    ):
        if text := table(results):
            print("", text, sep="\n")
    if options.json:
        figures = {r.name: {"unit": r.unit, "rounds": r.rounds} for r in results.values()}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if not options.quick and options.only is None:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(report.page(results))
        print(f"\nwritten: {PAGE}", file=sys.stderr)


if __name__ == "__main__":
    main()
