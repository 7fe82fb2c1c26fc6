"""``python -m dualdiff``: its commands, their exit codes, and their words for mistakes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dualdiff.__main__ import main
from dualdiff.commands import MISUSED, WRONG

PROGRAM = """
import numpy as np
import dualdiff as dd

start = np.array([1.0, 2.0])
data = np.ones(2)


def loss(start, data, scale=2.0):
    return scale * np.sum(np.sin(start) * data)


def filled(start):
    out = np.zeros(2)  # under the patch
    out[0] = start[0] ** 2
    return np.sum(out)


def other(x, y):
    return x * y


def by_defaults(rate=2.0, data=data):
    return np.sum(np.exp(-rate * data))


def by_nothing():
    return 1.0


def broken(start):
    raise KeyError("rate")


def counted(start):
    return 1.0 * np.sum(start > 0.0)


@dd.extend.custom_jvp
def wrong(start):
    return np.sum(start**2)


wrong.defjvp(lambda primals, tangents: (np.sum(primals[0] ** 2), np.sum(tangents[0])))

if __name__ == "__main__":
    import sys

    print("ran", sys.argv[1:])
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", ["dualdiff"])
    (tmp_path / "model.py").write_text(PROGRAM)
    return "model.py"


@pytest.mark.parametrize(
    "words",
    [
        ["model.py:loss"],
        ["model:loss"],
        ["model.py:filled"],
        ["model.py:other", "--at", "2.0, 3.0", "--argnums", "0,1"],
        ["model.py:loss", "--at", "start * 2, np.ones(2)", "--argnums", "start", "--order", "1"],
        ["model.py:loss", "--mode", "forward"],
        ["model.py:by_defaults"],
    ],
)
@pytest.mark.usefixtures("program")
def test_check_of_right_derivatives_succeeds(words: list[str], capsys: Any) -> None:
    assert main(["check", *words]) == 0
    assert "agree" in capsys.readouterr().out


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("program")
def test_check_warns_once_of_a_result_that_does_not_depend_on_an_argument(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("dualdiff.errors.warns_of_independence", True)
    assert main(["check", "model.py:counted"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("warning: the derivative of counted: the result")
    assert told.count("warning") == 1


@pytest.mark.usefixtures("program")
def test_check_of_a_wrong_derivative_prints_the_table(capsys: Any) -> None:
    assert main(["check", "model.py:wrong", "--order", "1"]) == WRONG
    assert "entries are wrong" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.py:loss"], "there is no file 'nowhere.py'"),
        (["nowhere:loss"], "there is no module 'nowhere'"),
        (["model.py"], "write program.py:function"),
        (["model.py:los"], "its functions are: loss, filled, other, by_defaults"),
        (["model.py:start"], "is no function, but of type ndarray"),
        (["model.py:other"], "no arguments for x, y"),
        (["model.py:other", "--at", "2.0,"], "missing 1 required positional argument"),
        (["model.py:other", "--at", "nothing"], "--at 'nothing': NameError"),
        (["model.py:broken"], "error: KeyError: 'rate', at model.py:32"),
        (["model.py:other", "--at", "1, [2]", "--argnums", "7"], "argnums is 7"),
        (["model.py:by_nothing"], "by_nothing has no arguments"),
    ],
)
@pytest.mark.usefixtures("program")
def test_a_mistake_is_told_without_a_traceback(words: list[str], message: str, capsys: Any) -> None:
    assert main(["check", *words]) == MISUSED
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


@pytest.mark.usefixtures("program")
def test_a_traceback_is_shown_where_it_is_asked_for() -> None:
    with pytest.raises(KeyError):
        main(["check", "model.py:broken", "--traceback"])


def test_a_program_with_a_wrong_syntax_is_told(program: str, capsys: Any) -> None:
    Path(program).write_text("def f(x:\n")
    assert main(["explain", "model.py:f"]) == MISUSED
    assert "error: SyntaxError" in capsys.readouterr().err


@pytest.mark.usefixtures("program")
def test_explain_prints_the_table_and_writes_pictures(capsys: Any, tmp_path: Path) -> None:
    words = ["explain", "model.py:loss", "--plot", "bars.png", "--graph", "graph.dot"]
    assert main(words) == 0
    assert "return scale * np.sum" in capsys.readouterr().out
    assert (tmp_path / "bars.png").stat().st_size > 1000
    assert (tmp_path / "graph.dot").read_text().startswith("digraph")


@pytest.mark.usefixtures("program")
def test_explain_takes_the_defaults_of_a_function_that_needs_no_arguments(capsys: Any) -> None:
    assert main(["explain", "model.py:by_defaults"]) == 0
    assert "return np.sum(np.exp(-rate * data))" in capsys.readouterr().out


def test_info_names_the_versions(capsys: Any) -> None:
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    for name in ("dualdiff", "NumPy", "SciPy", "BLAS", "tqdm (extra)"):
        assert f"\n{name} " in f"\n{said}"


@pytest.mark.usefixtures("program")
def test_a_program_runs_under_the_patch_with_and_without_the_word(capsys: Any) -> None:
    for words in (["model.py", "a", "--b"], ["run", "model.py", "a", "--b"]):
        assert main(words) == 0
        assert capsys.readouterr().out == "ran ['a', '--b']\n"


def test_help_and_exit_codes_of_the_process(program: str) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        command = [sys.executable, "-m", "dualdiff", *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    helped = run("--help")
    assert helped.returncode == 0
    assert "check" in helped.stdout
    assert "Exit codes" in helped.stdout
    assert run("check", f"{program}:wrong").returncode == WRONG
    outside = run("explain", f"{program}:other", "--at", "1.0, 2.0", "--argnums", "7")
    assert "positional arguments, on the command line" in outside.stderr
    missing = run("absent.py")
    assert missing.returncode == MISUSED
    assert "there is no file 'absent.py'" in missing.stderr
    assert "Traceback" not in missing.stderr
