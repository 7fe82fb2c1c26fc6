"""Which name of NumPy is tested how: the page docs/coverage.md, made from the rows that the tests
run.

Run: `python -m tests.rules.coverage` writes the page. A tick stands for checks that every run of
the tests makes: each row is differentiated in both modes, against numbers and against each other,
through plain NumPy; on complex data unless it says otherwise; and a second time.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Any

import numpy as np

from tests.rules.table import ALL_ROWS, Row

HERE = Path(__file__).parent
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
    "ndarray.__float__": "test_misuse_inside_the_function_says_what_where_and_what_instead",
    "ndarray.__complex__": "test_misuse_inside_the_function_says_what_where_and_what_instead",
}
_UNDISPATCHED = (
    "array asarray asanyarray ascontiguousarray asfortranarray asarray_chkfinite require full "
    "arange r_ c_ fromiter fromfunction frompyfunc vectorize kaiser lib.stride_tricks.as_strided"
)
NEVER = frozenset(f"np.{n}" for n in _UNDISPATCHED.split())
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
        found[path.stem] = tuple(ALL_ROWS)
    ALL_ROWS[:] = kept
    return found


def _object(name: str) -> Any:
    """What stands under a name such as "np.add.reduce", or None for a method of arrays."""
    home, *parts = name.split(".")
    return reduce(getattr, parts, np) if home == "np" else None


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


def ticks(n: Name) -> dict[str, str]:
    """What the tests of a name show, by column of the page."""
    if n.kind != "diff":
        return {"value": "yes" if n.name in without_derivative() else ""}
    found = rows_of(n.name)
    ways = "yes" if found else ""
    plain = "patch" if n.name in NEVER else "yes"
    return {
        "forward": ways,
        "reverse": ways,
        "plain": plain if found else "",
        "complex": "yes" if any(map(_with_complex_data, found)) else "",
        "order 2": "yes" if any(r.order == 2 for r in found) else "",
    }


def _with_complex_data(r: Row) -> bool:
    return r.complex or any(map(np.iscomplexobj, r.leaves))


HEAD = """# Coverage of NumPy

<!-- Written by `python -m tests.rules.coverage`; do not edit. -->

Every public name of NumPy 2.4 that is not out of scope ({total} names). A tick is made from the
rows that the tests run: each row is differentiated forward and in reverse, compared with numbers
and with the other mode, through plain NumPy, with lead axes; "complex": also with complex data;
"order 2": also in all nestings of two derivatives. "patch" stands for names that NumPy never
dispatches: they are offered by `dualdiff.numpy`, and plain under `dd.patch_numpy()`; otherwise they
raise an error that says so. An empty place: the function takes no such data, or its row says why.
"""


def page() -> str:
    """The text of docs/coverage.md."""
    listed = names()
    parts = [HEAD.format(total=len(listed))]
    diff = [n for n in listed if n.kind == "diff"]
    tiers = []
    for tier in "123":
        found = [bool(rows_of(n.name)) for n in diff if n.tier == tier]
        tiers.append(f"tier {tier}: {sum(found)} of {len(found)}")
    summary = ", ".join(tiers)
    parts.append(f"\n## Differentiable: {summary}\n\n")
    parts.append("| name | arguments | forward | reverse | plain | complex | order 2 |\n")
    parts.append("|---|---|---|---|---|---|---|\n")
    for n in diff:
        cells = [f"`{n.name}`", n.arguments, *(_mark(t) for t in ticks(n).values())]
        parts.append(f"| {' | '.join(cells)} |\n")
    for kind, title in (
        ("piecewise-constant", "Steps, whose derivative is zero"),
        ("nograd", "Results without derivative"),
        ("create", "Creation"),
    ):
        rows = [n for n in listed if n.kind == kind]
        done = [n for n in rows if ticks(n)["value"]]
        parts.append(f"\n## {title}: {len(done)} of {len(rows)} tested\n\n")
        parts.append(", ".join(f"`{n.name}`" for n in done) + ".\n")
        left = ", ".join(f"`{n.name}`" for n in rows if n not in done)
        if left:
            parts.append(f"\nWithout a test of their own: {left}.\n")
    return "".join(parts)


def _mark(tick: str) -> str:
    return {"yes": "✓", "patch": "patch", "": ""}[tick]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
