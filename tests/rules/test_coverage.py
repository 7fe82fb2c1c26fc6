"""The page docs/coverage.md says what a test run has shown, and that is what the rows are for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dualdiff.array.dispatch import FUNCTIONS
from tests.rules import coverage
from tests.rules.rows import numpy_is

RUN = "run `python -m tests.rules.coverage`"


def test_every_differentiable_name_of_numpy_has_been_shown_in_both_modes() -> None:
    wanted = {"forward", "reverse"}
    missing = [
        n.name
        for n in coverage.names()
        if n.kind == "diff" and not wanted <= set(coverage.recorded()[n.name])
    ]
    assert not missing


@pytest.mark.skipif(not numpy_is("2.4"), reason="the record is of a later NumPy's arguments")
def test_what_has_been_shown_is_what_the_rows_are_for() -> None:
    listed = coverage.names()
    assert list(coverage.recorded()) == [n.name for n in listed], RUN
    for n in listed:
        assert coverage.recorded()[n.name] == coverage.expected(n), f"{n.name}: {RUN}"


def test_every_other_name_has_been_shown_but_for_those_listed() -> None:
    left = {
        n.name for n in coverage.names() if n.kind != "diff" and not coverage.recorded()[n.name]
    }
    # Iterators in C that take no traced arrays, and say so.
    assert left <= {"np.flatiter", "np.nested_iters"}


def test_the_tests_that_stand_for_names_without_a_row_exist() -> None:
    text = "".join(p.read_text(encoding="utf-8") for p in Path(__file__).parents[1].rglob("*.py"))
    for name, test in coverage.ELSEWHERE.items():
        assert f"def {test}" in text, f"{name}: {test}"


def test_every_function_with_a_rule_stands_on_the_page() -> None:
    listed = {n.name for n in coverage.names()}
    homes = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.emath": np.emath}
    for home, module in homes.items():
        for name in dir(module):
            function = getattr(module, name)
            if not name.startswith("_") and callable(function) and not isinstance(function, type):
                registered = FUNCTIONS.get(function) is not None
                assert not registered or f"{home}.{name}" in listed, f"{home}.{name}"


def test_the_coverage_page_is_what_has_been_shown() -> None:
    written = coverage.PAGE.read_text(encoding="utf-8")
    assert written == coverage.page(), RUN
