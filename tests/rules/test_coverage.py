"""The page docs/coverage.md says what the tests run, and they run every differentiable name."""

from __future__ import annotations

from pathlib import Path

from tests.rules import coverage


def test_every_differentiable_name_of_numpy_has_a_row() -> None:
    missing = [
        n.name for n in coverage.names() if n.kind == "diff" and not coverage.rows_of(n.name)
    ]
    assert not missing


def test_every_other_name_is_tested_but_for_those_listed() -> None:
    left = {n.name for n in coverage.names() if n.kind != "diff" and not coverage.ticks(n)["value"]}
    # Iterators in C that take no traced arrays, and say so.
    assert left <= {"np.flatiter", "np.nested_iters"}


def test_the_tests_that_stand_for_names_without_a_row_exist() -> None:
    text = "".join(p.read_text(encoding="utf-8") for p in Path(__file__).parents[1].rglob("*.py"))
    for name, test in coverage.ELSEWHERE.items():
        assert f"def {test}" in text, f"{name}: {test}"


def test_the_coverage_page_is_what_the_rows_say() -> None:
    written = coverage.PAGE.read_text(encoding="utf-8")
    assert written == coverage.page(), "run `python -m tests.rules.coverage`"
