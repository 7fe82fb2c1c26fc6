"""Programs written for autograd, run in processes of their own: on autograd, and on dualdiff."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TOP = Path(__file__).parents[2]
_NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:e[-+]?\d+)?|\bnan\b|\binf\b")


def run(*arguments: str | Path, cwd: Path = TOP) -> subprocess.CompletedProcess[str]:
    """Run Python with arguments; its output is text."""
    environment = {**os.environ, "PYTHONPATH": str(TOP), "MPLBACKEND": "Agg"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )


def output_of(*arguments: str | Path, cwd: Path = TOP) -> str:
    """What Python prints, which must end well."""
    done = run(*arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def require(package: str) -> None:
    """Skip a test where a package is not installed; it is not imported, as autograd must not be."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed; it is in the extra `compat`")


def assert_same_output(program: Path, rtol: float, atol: float) -> str:
    """Run a program on autograd and on dualdiff, and compare the words and numbers it prints."""
    require("autograd")
    expected = output_of(program)
    found = output_of("-m", "dualdiff.compat", program)
    assert _NUMBER.sub("#", found).split() == _NUMBER.sub("#", expected).split()
    numbers = [np.array(_NUMBER.findall(text), dtype=float) for text in (found, expected)]
    assert numbers[0].size > 0
    np.testing.assert_allclose(*numbers, rtol=rtol, atol=atol)
    return found
