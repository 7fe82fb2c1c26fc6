"""Which name of NumPy is tested how: docs/coverage.md, made from what a test run has shown.

`python -m tests.rules.coverage` runs the tests of NumPy's rules with `--record-coverage` (further
arguments are pytest's: `-n 2`), and that writes coverage.json here and the page. Each test says
what it has shown once it has passed. That record and page agree with the rows that every run of
the tests checks is a test of its own.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.rules.record import key
from tests.rules.table import ALL_ROWS, DERIVATIVE, Row

HERE = Path(__file__).parent
RECORD = HERE / "coverage.json"
ORDER = ("forward", "reverse", "plain", "patch", "complex", "order 2")
# The columns that a check of the table fills when it passes.
COLUMNS = {
    "test_value_is_numpys": "value",
    "test_vjp_is_the_adjoint_of_jvp": "reverse",
    "test_complex_data": "complex",
    "test_second_order_in_all_modes": "order 2",
}
PAGE = HERE.parents[1] / "docs" / "coverage.md"
# Names that are tested by other means than a row, with the test that does it.
_MEMORY = "test_operators_on_integers_and_attributes_of_memory_are_numpys"
_ITERATION = "test_iteration_gives_traced_elements"
_INDEXING = "test_index_helpers_stand_in_dualdiff_numpy"
_OTHERS = (
    "__invert__ __ifloordiv__ __hash__ __int__ __index__ __repr__ device dtype flags itemsize "
    "nbytes ndim shape size strides"
)
_BITS = "__and__ __or__ __xor__ __lshift__ __rshift__"
ELSEWHERE: dict[str, str] = {
    **{f"ndarray.{n}": _MEMORY for n in _BITS.split()},
    **{f"ndarray.{n.replace('__', '__r', 1)}": _MEMORY for n in _BITS.split()},
    **{f"ndarray.{n.replace('__', '__i', 1)}": _MEMORY for n in _BITS.split()},
    **{f"ndarray.{n}": _MEMORY for n in _OTHERS.split()},
    **{f"np.{n}": _ITERATION for n in ("ndenumerate", "nditer", "broadcast")},
    **{f"np.{n}": _INDEXING for n in ("s_", "index_exp", "mgrid", "ogrid", "ndindex")},
    "ndarray.__float__": "test_a_traced_number_does_not_become_one_of_pythons",
    "ndarray.__complex__": "test_a_traced_number_does_not_become_one_of_pythons",
}
_UNDISPATCHED = (
    "array asarray asanyarray ascontiguousarray asfortranarray asarray_chkfinite require full "
    "arange r_ c_ fromiter fromfunction frompyfunc vectorize kaiser lib.stride_tricks.as_strided"
)
NEVER = frozenset(f"np.{n}" for n in _UNDISPATCHED.split())
HANDED_OVER_AS = {"np.row_stack": "numpy.vstack"}  # which it calls, after a warning
SAID_AS = {"lstsq": "least_squares"}  # rows whose name is another
_MODULES: dict[str, Any] = {}


@dataclass(frozen=True)
class Name:
    """A row of the list of NumPy's names."""

    name: str
    kind: str
    arguments: str
    tier: str


@cache
def names() -> tuple[Name, ...]:
    """All names that are not out of scope."""
    lines = (HERE / "numpy_api.tsv").read_text(encoding="utf-8").splitlines()[1:]
    listed = (Name(*line.split("\t")) for line in lines)
    return tuple(n for n in listed if n.kind != "out-of-scope")


@cache
def rows_by_file() -> dict[str, tuple[Row, ...]]:
    """The rows of each test file below this folder."""
    found = {}
    kept = list(ALL_ROWS)
    for path in sorted((HERE / "numpy").glob("test_*.py")):
        ALL_ROWS.clear()
        spec = importlib.util.spec_from_file_location(f"coverage_of_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        _MODULES[path.stem] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for r in ALL_ROWS:
            r.home = path.stem
        found[path.stem] = tuple(ALL_ROWS)
    ALL_ROWS[:] = kept
    return found


def _object(name: str) -> Any:
    """The object with a name such as "np.add.reduce", or None for a method of arrays and for a name
    that this version of NumPy lacks, such as row_stack from 2.5 on."""
    home, *parts = name.split(".")
    try:
        return reduce(getattr, parts, np) if home == "np" else None
    except AttributeError:
        return None


def _is_numpys(fn: Any) -> bool:
    home = getattr(fn, "__module__", None) or type(fn).__module__
    return isinstance(getattr(fn, "__self__", fn), np.ufunc) or home.startswith("numpy")


METHODS = ("test_methods", "test_operators", "test_names")


def _is_called(r: Row, short: str, last: str, linear_algebra: bool) -> bool:
    """Whether a row says by its name that it calls a function."""
    said = r.id.partition("-")[0]
    # A gauge-invariant function of a decomposition: "eigh_projectors" of "eigh".
    return said in (short, last, SAID_AS.get(last)) or (
        linear_algebra and said.startswith(f"{last}_")
    )


def rows_of(name: str) -> list[Row]:
    """The rows that call a function or method."""
    short = name.partition(".")[2]
    if name.startswith("ndarray."):
        wanted = {name, short, short.strip("_")}
        files = [rows_by_file().get(stem, ()) for stem in METHODS]
        return [r for rows in files for r in rows if r.id.partition("-")[0] in wanted]
    target, last = _object(name), short
    for home in ("linalg.", "fft.", "lib.stride_tricks."):
        last = last.removeprefix(home)
    linear_algebra = short.startswith("linalg.")
    return [
        r
        for rows in rows_by_file().values()
        for r in rows
        if r.fn == target or (not _is_numpys(r.fn) and _is_called(r, short, last, linear_algebra))
    ]


@cache
def without_derivative() -> frozenset[str]:
    """The names that `test_without_derivative` calls."""
    rows_by_file()
    module: Any = _MODULES["test_without_derivative"]
    found = {f"np.{n}" for n in (*module.CALLS, *module.CREATE)}
    found |= {f"ndarray.{n}" for n in module.METHODS}
    found |= {f"np.{u}.{m}" for u in module.BITS.split() for m in module.ARGUMENTS}
    return frozenset(found | set(ELSEWHERE))


def expected(n: Name) -> list[str]:
    """The columns of the page that the rows of a name must show."""
    if n.kind != "diff":
        return ["value"] if n.name in without_derivative() else []
    found = rows_of(n.name)
    if not found:
        return []
    columns = ["forward", "reverse", "patch" if n.name in NEVER else "plain"]
    if any(map(_with_complex_data, found)):
        columns.append("complex")
    if any(r.order == 2 for r in found):
        columns.append("order 2")
    return columns


@cache
def recorded() -> dict[str, list[str]]:
    """The results of the last recorded run of the tests, by name."""
    found: dict[str, list[str]] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


class Recorder:
    """A plugin of pytest that writes down what the tests of a run have shown."""

    def __init__(self) -> None:
        self.checks: dict[tuple[str, str], set[str]] = {}
        self.functions: dict[tuple[str, str], set[str]] = {}
        self.values: set[str] = set()
        self.patched: set[str] = set()
        self.tests: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or not report.passed:
            return
        self.tests.add(report.nodeid.rpartition("::")[2].partition("[")[0])
        for kind, what in report.user_properties:
            if kind == "shown":
                self._take(*what)

    def _take(self, home: str, name: str, check: str = "", functions: Sequence[str] = ()) -> None:
        if home == "value":
            self.values.add(name)
        elif home == "patch":
            self.patched.add(name)
        else:
            self.checks.setdefault((home, name), set()).add(check)
            self.functions.setdefault((home, name), set()).update(functions)

    def shown(self, n: Name) -> list[str]:
        """The results for a name."""
        if n.kind != "diff":
            elsewhere = ELSEWHERE.get(n.name) in self.tests
            return ["value"] if elsewhere or n.name in self.values else []
        found = set()
        for r in rows_of(n.name):
            place = r.home, r.id
            checks = self.checks.get(place, set())
            columns = {COLUMNS[check] for check in checks if check in COLUMNS}
            if {f"{DERIVATIVE} {i}" for i in range(len(r.leaves))} <= checks:
                columns.add("forward")
            if "reverse" in columns and any(map(np.iscomplexobj, r.leaves)):
                columns.add("complex")
            if n.name not in NEVER and "value" in columns and self._by_numpy(n, place):
                columns.add("plain")
            found |= columns
        if n.name in self.patched:
            found.add("patch")
        return [column for column in ORDER if column in found]

    def _by_numpy(self, n: Name, place: tuple[str, str]) -> bool:
        """Whether NumPy's own function handed the call of a row over (methods just are called)."""
        target = _object(n.name)
        wanted = HANDED_OVER_AS.get(n.name) or (None if target is None else key(target))
        return wanted is None or wanted in self.functions.get(place, ())

    def pytest_sessionfinish(self) -> None:
        lines = [f"  {json.dumps(n.name)}: {json.dumps(self.shown(n))}" for n in names()]
        RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        recorded.cache_clear()
        PAGE.write_text(page(), encoding="utf-8")


def _with_complex_data(r: Row) -> bool:
    return r.complex or any(map(np.iscomplexobj, r.leaves))


HEAD = """# Coverage of NumPy

<!-- Written by `python -m tests.rules.coverage`; do not edit. -->

Every public name of NumPy 2.4 that is not out of scope ({total} names). A tick stands for checks
that passed in the test run that wrote this page. "forward" compares tangents along every argument
of a row with numerical derivatives; "reverse" compares cotangents with tangents; "plain" says that
NumPy's own function dispatched the call, and that the value was NumPy's to the last bit; "complex"
repeats this on complex data; "order 2" checks all nestings of two derivatives. "patch" marks names
that NumPy never dispatches: `dualdiff.numpy` has them, and plain NumPy does under
`dd.patch()`; otherwise they raise an error that says so. An empty cell means that the
function takes no such data, or its row says why. `tests/rules/test_every_argument.py` checks each
argument of every name by itself.
"""


def page() -> str:
    """The text of docs/coverage.md."""
    listed = names()
    parts = [HEAD.format(total=len(listed))]
    diff = [n for n in listed if n.kind == "diff"]
    tiers = []
    for tier in "123":
        found = [
            bool({"forward", "reverse"} <= set(recorded()[n.name])) for n in diff if n.tier == tier
        ]
        tiers.append(f"tier {tier}: {sum(found)} of {len(found)}")
    summary = ", ".join(tiers)
    parts.append(f"\n## Differentiable: {summary}\n\n")
    parts.append("| name | arguments | forward | reverse | plain | complex | order 2 |\n")
    parts.append("|---|---|---|---|---|---|---|\n")
    for n in diff:
        cells = [f"`{n.name}`", n.arguments, *_marks(recorded()[n.name])]
        parts.append(f"| {' | '.join(cells)} |\n")
    for kind, title in (
        ("piecewise-constant", "Steps, whose derivative is zero"),
        ("nograd", "Results without derivative"),
        ("create", "Creation"),
    ):
        rows = [n for n in listed if n.kind == kind]
        done = [n for n in rows if recorded()[n.name]]
        parts.append(f"\n## {title}: {len(done)} of {len(rows)} tested\n\n")
        parts.append(", ".join(f"`{n.name}`" for n in done) + ".\n")
        left = ", ".join(f"`{n.name}`" for n in rows if n not in done)
        if left:
            parts.append(f"\nWithout a test of their own: {left}.\n")
    return "".join(parts)


def _marks(columns: Sequence[str]) -> list[str]:
    unbox = "patch" if "patch" in columns else "✓" if "plain" in columns else ""
    ticks = ["✓" if c in columns else "" for c in ("forward", "reverse", "complex", "order 2")]
    return [*ticks[:2], unbox, *ticks[2:]]


if __name__ == "__main__":
    # Into a process of its own: there the tests and this file share one module of rows.
    tests = [str(HERE / "numpy"), "--record-coverage", "-q", *sys.argv[1:]]
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", *tests]).returncode)
