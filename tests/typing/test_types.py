"""Type checkers accept a user's program, and refuse one that is wrong."""

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dualdiff as dd

USER = Path(__file__).with_name("user_code.py")
WRONG = """
import numpy as np
import dualdiff as dd

def f(x: float, y: float) -> float:
    return x * y

dd.grad(f)(1.0)
dd.jacobian(f, mode="backward")
dd.grad(f)(1.0, z=2.0)
"""


def checked(command: list[str], folder: Path) -> tuple[int, str]:
    """The exit code and the output of a type checker."""
    environment = {**os.environ, "PYTHONPATH": str(USER.parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    return done.returncode, done.stdout + done.stderr


def mypy(file: Path, folder: Path) -> tuple[int, str]:
    pytest.importorskip("mypy")
    cache = USER.parents[2] / ".mypy_cache" / "user"
    options = ["--strict", f"--cache-dir={cache}", f"--python-executable={sys.executable}"]
    return checked([sys.executable, "-m", "mypy", *options, str(file)], folder)


def pyright(file: Path, folder: Path) -> tuple[int, str]:
    beside = Path(sys.executable).with_name("pyright")
    found = str(beside) if beside.exists() else shutil.which("pyright")
    if found is None:
        pytest.skip("pyright is not installed")
    return checked([found, "--pythonpath", sys.executable, str(file)], folder)


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_users_program_passes(checker, tmp_path: Path) -> None:
    code, output = checker(USER, tmp_path)
    assert code == 0, output


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright])
def test_wrong_calls_of_derivatives_are_found(checker, tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(WRONG)
    code, output = checker(file, tmp_path)
    assert code != 0
    for line in (8, 9, 10):
        assert f"wrong.py:{line}" in output


def test_the_users_program_runs() -> None:
    text = USER.read_text(encoding="utf-8")
    exec(compile(text, str(USER), "exec"), {"__name__": "user"})


def test_public_functions_show_a_signature() -> None:
    for name in ("grad", "jacobian", "hessian", "jvp", "linearize"):
        signature = inspect.signature(getattr(dd, name))
        assert "argnums" in signature.parameters
    assert str(inspect.signature(dd.jacobian)).startswith("(f: ")


def test_a_derived_function_has_the_signature_and_text_of_its_function() -> None:
    def loss(p: float, *, scale: float = 1.0) -> float:
        """A loss."""
        return p * scale

    derived = dd.grad(loss)
    assert inspect.signature(derived) == inspect.signature(loss)
    assert derived.__doc__ == "A loss."


def test_error_classes_are_public() -> None:
    for name in dir(dd.errors):
        kind = getattr(dd.errors, name)
        assert issubclass(kind, (dd.DualdiffError, Warning))
        assert kind.__doc__
