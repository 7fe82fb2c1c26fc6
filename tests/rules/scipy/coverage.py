"""Which name of SciPy is tested how: docs/coverage_scipy.md, made from what a test run has shown.

`python -m tests.rules.scipy.coverage` runs the tests of SciPy's rules, notes which functions of
SciPy's the tests that pass call on traced values, and writes coverage.json here and the page.
Further arguments are pytest's; where they choose some tests (`-m slow`, after a run of the others),
the results of others stay.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualdiff.array.box import Box, is_box
from dualdiff.core.dual import ForwardTrace
from dualdiff.core.trace import materialize
from dualdiff.rules.scipy import rebinding
from dualdiff.rules.scipy.arguments import holds_traced
from dualdiff.rules.scipy.dispatch import Entry, targets_of
from dualdiff.trees import attributes
from tests.rules.coverage import Name

HERE = Path(__file__).parent
RECORD = HERE / "coverage.json"
PAGE = HERE.parents[2] / "docs" / "coverage_scipy.md"
FFT_HOMES = ("_basic_backend", "_realtransforms_backend", "_fftlog_backend", "_fftlog")
BY_NAME = "test_derivatives_of_both_orders_are_those_of_differences"  # parameters are names
COLUMNS = ("forward", "reverse", "complex", "order 2")


@cache
def names() -> tuple[Name, ...]:
    """All differentiable names."""
    lines = (HERE / "scipy_api.tsv").read_text(encoding="utf-8").splitlines()[1:]
    listed = (Name(*line.split("\t")) for line in lines)
    return tuple(n for n in listed if n.kind == "diff")


def object_of(name: str) -> Any:
    """The object with a name such as "scipy.linalg.expm", or None where this release lacks it."""
    parts = name.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:depth]))
        except ImportError:
            continue
        try:
            found = reduce(getattr, parts[depth:], module)
        except AttributeError:
            return None
        owner = getattr(found, "__self__", None)  # in the place of a compiled function
        return owner.target if isinstance(owner, Entry) else found
    return None


def key_of(found: Any) -> str:
    """A function, a class, or the class of a method, by the place of its definition."""
    if isinstance(found, np.ufunc):
        return f"ufunc {found.__name__}"
    home = getattr(found, "__module__", None) or type(found).__module__
    name = getattr(found, "__qualname__", getattr(found, "__name__", type(found).__name__))
    return f"{home} {name.partition('.')[0]}"


@cache
def names_by_key() -> dict[str, list[str]]:
    """The public names of each object."""
    found: dict[str, list[str]] = {}
    for n in names():
        value = object_of(n.name)
        targets = () if value is None else targets_of(value)
        if n.name.startswith("scipy.fft."):  # functions that hand over to one of these
            last = n.name.rpartition(".")[2]
            homes = (importlib.import_module(f"scipy.fft.{home}") for home in FFT_HOMES)
            targets = [getattr(home, last) for home in homes if hasattr(home, last)]
        for target in targets:
            found.setdefault(key_of(target), []).append(n.name)
        found.setdefault(f"called {n.name}", []).append(n.name)
    return found


def boxes_in(x: Any, depth: int = 0) -> Iterator[Any]:
    """The traced values among arguments."""
    if is_box(x) and hasattr(type(x), "read"):  # not one that counts references
        yield materialize(x)
    elif isinstance(x, dict):
        values = dict.values(x)  # SciPy's own dictionaries ask an entry
        yield from (box for v in values for box in boxes_in(v, depth))
    elif isinstance(x, (list, tuple)):
        yield from (box for v in x for box in boxes_in(v, depth))
    elif depth < 3 and not isinstance(x, np.ndarray) and holds_traced(x):
        yield from (box for _, v in attributes(x) for box in boxes_in(v, depth + 1))


def columns_of(arguments: Iterable[Any]) -> set[str]:
    """What a call with such arguments shows."""
    found = set()
    for box in boxes_in(list(arguments)):
        levels = 0
        while is_box(box):
            found.add("forward" if isinstance(box.owner, ForwardTrace) else "reverse")
            if box.dtype.kind == "c":
                found.add("complex")
            box, levels = box.primal, levels + 1
        if levels > 1:
            found.add("order 2")
    return found


@contextmanager
def watched() -> Iterator[dict[str, set[str]]]:
    """What the calls of SciPy's functions within the block show, by the keys of the functions."""
    found: dict[str, set[str]] = {}
    answer, on_ufunc = Entry.answer, Box.__array_ufunc__
    depth = 0

    def watched_answer(self: Entry, args: Any, kwargs: Any) -> Any:
        nonlocal depth
        # A function of the program may read traced values that are no arguments.
        given = set() if depth else columns_of((*args, *kwargs.values()))
        depth += 1
        try:
            result = answer(self, args, kwargs)
        finally:
            depth -= 1
        if not depth:  # a refusal shows nothing
            found.setdefault(key_of(self.target), set()).update(given)
        return result

    def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        result = on_ufunc(self, ufunc, method, *inputs, **kwargs)
        if not depth:
            found.setdefault(key_of(ufunc), set()).update(columns_of(inputs))
        return result

    def watched_copy(function: Any, name: str, args: Any, kwargs: Any) -> Any:
        given = columns_of((*args, *kwargs.values()))
        result = explained(function, name, args, kwargs)
        found.setdefault(f"called {name}", set()).update(given)
        return result

    explained = rebinding.explained
    for watch in (watched_answer, array_ufunc, watched_copy):  # frames of dualdiff, as without them
        watch.__code__ = watch.__code__.replace(co_filename=rebinding.__file__)
    rebinding.explained = watched_copy
    Entry.answer = watched_answer  # type: ignore[method-assign]
    Box.__array_ufunc__ = array_ufunc  # type: ignore[method-assign, assignment]
    try:
        yield found
    finally:
        rebinding.explained = explained
        Entry.answer = answer  # type: ignore[method-assign]
        Box.__array_ufunc__ = on_ufunc  # type: ignore[method-assign]


class Recorder:
    """A plugin of pytest that writes down what the tests that pass have shown."""

    def __init__(self, others: dict[str, list[str]]) -> None:
        self.shown = {name: set(columns) for name, columns in others.items()}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        with watched() as found:
            result = yield
        for key, columns in found.items():
            for name in names_by_key().get(key, ()):
                self.shown.setdefault(name, set()).update(columns)
        if item.name.startswith(f"{BY_NAME}["):
            name = f"scipy.{item.name.removeprefix(BY_NAME)[1:-1]}"
            self.shown.setdefault(name, set()).update(("forward", "reverse", "order 2"))
        return result

    def pytest_sessionfinish(self) -> None:
        kept = {n.name: [c for c in COLUMNS if c in self.shown.get(n.name, ())] for n in names()}
        lines = [f"  {json.dumps(name)}: {json.dumps(shown)}" for name, shown in kept.items()]
        RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        recorded.cache_clear()
        PAGE.write_text(page(), encoding="utf-8")


@cache
def recorded() -> dict[str, list[str]]:
    """The results of the last recorded run of the tests, by name."""
    found: dict[str, list[str]] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


HEAD = """# Coverage of SciPy

<!-- Written by `python -m tests.rules.scipy.coverage`; do not edit. -->

Every differentiable public name of SciPy 1.17, but for the methods of distributions ({total}
names). A tick stands for tests that passed in the run that wrote this page and called the function
on traced values: in forward mode, in reverse mode, on complex data, and within two derivatives.
The tests compare with numerical derivatives or closed forms, and values with SciPy's.
Each name works as SciPy's own and as `dualdiff.scipy`'s. A name without ticks may work all the
same: by the functions that it calls, or by what a function that it gets reads. Without a rule it
raises an error that says so.

"""


def module_of(name: str) -> str:
    """ "scipy.sparse.linalg.cg" -> "scipy.sparse.linalg"."""
    return name.rpartition(".")[0]


def page() -> str:
    """The text of docs/coverage_scipy.md."""
    listed = names()
    parts = [HEAD.format(total=len(listed)), "| module | tier 1 | tier 2 | tier 3 |\n"]
    parts.append("|---|---|---|---|\n")
    modules = sorted({module_of(n.name) for n in listed})
    for module in modules:
        cells = [module]
        for tier in "123":
            own = [n for n in listed if n.tier == tier and module_of(n.name) == module]
            done = sum({"forward", "reverse"} <= set(recorded()[n.name]) for n in own)
            cells.append(f"{done} of {len(own)}" if own else "")
        parts.append(f"| {' | '.join(cells)} |\n")
    for module in modules:
        parts.append(f"\n## {module}\n\n| name | arguments | {' | '.join(COLUMNS)} |\n")
        parts.append("|---|---|---|---|---|---|\n")
        for n in sorted((n for n in listed if module_of(n.name) == module), key=lambda n: n.name):
            ticks = ["✓" if c in recorded()[n.name] else "" for c in COLUMNS]
            name = n.name.removeprefix(f"{module}.")
            parts.append(f"| {' | '.join([f'`{name}`', n.arguments, *ticks])} |\n")
    return "".join(parts)


if __name__ == "__main__":
    from tests.rules.scipy import coverage  # the module that tests import, not this one

    chosen = sys.argv[1:]
    recorder = coverage.Recorder(coverage.recorded() if chosen else {})
    paths = [] if any(Path(c).exists() for c in chosen) else [str(HERE)]
    sys.exit(pytest.main([*paths, "-q", *chosen], plugins=[recorder]))
