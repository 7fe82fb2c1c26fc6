"""Every row of tests/rules, recorded at one point and replayed at another, equals an eager call.

A row may also miss there, or be refused: then the call is eager. Most rows must replay.
"""

from __future__ import annotations

import importlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled import elements, kernels, scalar
from dualdiff.compiled.graph import Graph, record
from dualdiff.compiled.machine import binding
from dualdiff.compiled.native import compile_graph
from dualdiff.compiled.signature import close, has_surprise
from dualdiff.compiled.source import Miss, compile_source
from dualdiff.trees import flatten
from tests.rules.rows import Row, directions, moved

RULES = Path(__file__).parents[1] / "rules"
FILES = sorted(p for p in RULES.rglob("test_*.py") if p.parent != RULES)
# One row in so many is checked in every run of the suite.
SAMPLE = {"python": 25, "llvm": 50, "interpreted": 50, "kernels": 50}


def rows_of(path: Path) -> list[Row]:
    """The rows of a file that have arguments to move."""
    name = ".".join(("tests", "rules", *path.relative_to(RULES).with_suffix("").parts))
    rows = getattr(importlib.import_module(name), "ROWS", ())
    return [r for r in rows if isinstance(r, Row) and r.leaves]


def programs(r: Row) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The value of a row and its derivatives in both modes, as functions of its leaves."""

    def value(*leaves: Any) -> list[Any]:
        return list(r(*leaves))

    yield "value", value
    tangents = tuple(directions(r.leaves, seed=3))
    yield "jvp", lambda *leaves: list(dd.jvp(value, tuple(leaves), tangents)[1])
    results = [np.asarray(v)[()] for v in value(*r.leaves)]
    cotangents = list(directions(results, seed=5))
    yield "vjp", lambda *leaves: list(dd.vjp(value, *leaves)[1](cotangents))


def compiled(graph: Graph, backend: str) -> Callable[..., Any]:
    """The replay of a graph by a backend; "kernels" fuses whatever it can, however small, and
    "interpreted" compiles nothing."""
    if backend == "interpreted":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scalar, "AT_ONCE", -1)
            return compile_graph(graph, backend="llvm")
    if backend != "kernels":
        return compile_graph(graph, backend=backend)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elements, "LEAST", 1)
        order = kernels.schedule(graph)
    for item in order:
        if isinstance(item, kernels.Kernel):
            item.load()
    return compile_source(graph, order)


def outcome(f: Callable[..., Any], leaves: Sequence[Any], backend: str) -> str:
    """How a program recorded at some leaves answers at others."""
    others = moved(leaves, 0.012, directions(leaves, seed=7))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            wanted = flatten(f(*others))[0]
        except Exception:
            return "no value"  # such as a mode without a rule
        given, structure = flatten((tuple(leaves), {}))
        try:
            graph = record(f, given, structure, [True] * len(given))
        except Exception:
            return "refused"
        found = compiled(graph, backend)(*others)
    if type(found) is Miss:
        return "missed"
    if found is None or any(map(has_surprise, found)):
        return "not finite"  # such a call is eager
    agrees = len(found) == len(wanted) and all(map(close, found, wanted))
    return "replayed" if agrees else "WRONG"


def audit(rows: Sequence[Row], backend: str) -> Counter[str]:
    """The outcomes of some rows, after a check that none is wrong."""
    found: Counter[str] = Counter()
    wrong = []
    for r in rows:
        for kind, f in programs(r):
            result = outcome(f, r.leaves, backend)
            found[result] += 1
            if result == "WRONG":
                wrong.append((r.id, kind))
    assert not wrong
    return found


# Machine code is the extra `compile`.
BACKENDS = ["python", *(["llvm", "interpreted", "kernels"] if binding() is not None else [])]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sample_of_all_rows_equals_eager_calls_or_is_eager(backend: str) -> None:
    rows = [r for path in FILES for r in rows_of(path)][:: SAMPLE[backend]]
    found = audit(rows, backend)
    # Rules that hand their numbers to SciPy's own code miss; the calls are eager.
    assert found["replayed"] > 0.75 * found.total()


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(RULES)))
def test_every_row_equals_eager_calls_or_is_eager(path: Path, backend: str) -> None:
    audit(rows_of(path), backend)
