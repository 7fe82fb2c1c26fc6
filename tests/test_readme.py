"""Every ```python block of the README and of docs/ runs, as a reader would run it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dualdiff.rules.scipy import dispatch

TOP = Path(__file__).parents[1]
WRITTEN_BY_THE_BUILD = ("_build", "gallery")
PAGES = [
    TOP / "README.md",
    *(
        page
        for page in sorted((TOP / "docs").rglob("*.md"))
        if not set(page.relative_to(TOP).parts) & set(WRITTEN_BY_THE_BUILD)
    ),
]
BLOCK = re.compile(r"^```python[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


# Packages of pages that not everybody has.
NEEDS = {"docs/arrays.md": "dask.array", "docs/howto/bridges.md": "sklearn"}


def name_of(page: Path) -> str:
    """A page in the names of tests."""
    return str(page.relative_to(TOP))


@pytest.fixture(autouse=True)
def _rules_of_a_page_end_with_it() -> Iterator[None]:
    """SciPy's functions go back to the rules of the package."""
    yield
    for entry in list(dispatch.ENTRIES):
        if entry.module == "__main__":
            dispatch.withdraw(entry)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_blocks_of_a_page_run_in_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if name_of(page) in NEEDS:
        pytest.importorskip(NEEDS[name_of(page)], reason="a package of the page is not installed")
    text = page.read_text(encoding="utf-8")
    namespace = {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        # Empty lines in front make a traceback show the page's own line.
        source = "\n" * text.count("\n", 0, block.start(1)) + block[1]
        exec(compile(source, str(page), "exec"), namespace)


def test_an_indented_or_unclosed_python_fence_does_not_escape_the_test_above() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert len(BLOCK.findall(text)) == len(re.findall(r"```\s*(?:python|py)\b", text)), page


@pytest.mark.parametrize("page", [*PAGES, TOP / "CONTRIBUTING.md"], ids=name_of)
def test_files_that_a_page_names_exist(page: Path) -> None:
    """Paths count from the top, from the page's folder or from the package."""
    text = page.read_text(encoding="utf-8")
    names = re.findall(r"`([\w./]+/(?:\w+\.py)?)`", text) + re.findall(r"\]\(([\w./]+\.md)\)", text)
    homes = (TOP, page.parent, TOP / "dualdiff")
    names = [name for name in names if name != "gallery/index.md"]  # made with the site
    assert not [name for name in names if not any((home / name).exists() for home in homes)]
