"""What a release holds: one version, a changelog, and files that install and run by themselves."""

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
from pathlib import Path
from typing import Any

import pytest

import dualdiff as dd

TOP = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_version_is_the_same_everywhere() -> None:
    citation = (TOP / "CITATION.cff").read_text(encoding="utf-8")
    assert PROJECT["project"]["version"] == dd.__version__
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == dd.__version__  # type: ignore[index]


def test_the_changelog_begins_with_what_comes_next() -> None:
    text = (TOP / "CHANGELOG.md").read_text(encoding="utf-8")
    first = re.search(r"^## \[(.*?)\]", text, re.MULTILINE)
    assert first is not None
    assert first[1] in ("Unreleased", dd.__version__)


def run(*command: Any, where: Path) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(
        [str(word) for word in command], cwd=where, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    pytest.importorskip("hatchling", reason="hatchling builds the files: pip install hatchling")
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, where=TOP)
    return folder


@pytest.mark.slow
def test_the_sdist_holds_what_its_tests_need(dist: Path) -> None:
    (file,) = dist.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(["git", "ls-files"], cwd=TOP, capture_output=True, text=True)
    tracked = listed.stdout.split() if listed.returncode == 0 else []
    folders = ("dualdiff/", "tests/", "docs/", "examples/", ".ci/")
    wanted = {name for name in tracked if name.startswith(folders)}
    assert not wanted - held
    assert {"Makefile", "CHANGELOG.md", "CITATION.cff", "LICENSE", "pyproject.toml"} <= held


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["*.whl", "*.tar.gz"])
def test_a_file_installs_and_runs_in_a_clean_environment(
    dist: Path, pattern: str, tmp_path: Path
) -> None:
    (file,) = dist.glob(pattern)
    venv.create(tmp_path / "clean", with_pip=True)
    python = tmp_path / "clean" / "bin" / "python"
    options = ("--quiet", "--disable-pip-version-check")
    run(python, "-m", "pip", "install", *options, file, where=tmp_path)
    program = "import dualdiff as dd, numpy as np; print(dd.grad(np.sin)(0.0), dd.__version__)"
    assert run(python, "-c", program, where=tmp_path).split() == ["1.0", dd.__version__]
    assert "NumPy" in run(python, "-m", "dualdiff", "info", where=tmp_path)
    fit = "import dualdiff as dd; print(dd.optimize.minimize(lambda x: (x - 1) ** 2, 0.0).params)"
    assert abs(float(run(python, "-c", fit, where=tmp_path)) - 1.0) < 1e-5
