"""A call of an operator stays on a short way through the package."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import dualdiff as dd

PACKAGE = str(Path(dd.__file__).parent)
X = np.arange(1.0, 6.0)


def product(x: np.ndarray) -> np.ndarray:
    return np.sin(x) * x[1:3].sum()


def scalar(x: np.ndarray) -> Any:
    return np.sum(product(x))


def files_on_the_way(call: Callable[[], Any]) -> set[str]:
    """The files of the package in which a call runs Python functions, once all is loaded."""
    call()
    files: set[str] = set()

    def look(frame: FrameType, event: str, arg: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            files.add(frame.f_code.co_filename.removeprefix(PACKAGE))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        call()
    finally:
        sys.setprofile(before)
    return files


CALLS: dict[str, Callable[[], Any]] = {
    "grad": lambda: dd.grad(scalar)(X),
    "jvp": lambda: dd.jvp(scalar, (X,), (X,)),
    "jacobian": lambda: dd.jacobian(product)(X),
}


@pytest.mark.parametrize(("name", "most"), [("grad", 13), ("jvp", 13), ("jacobian", 16)])
def test_a_call_passes_few_files(name: str, most: int) -> None:
    # In a process of its own: what other tests have done, such as a patch, leaves traces.
    code = f"import test_path as t; print(*t.files_on_the_way(t.CALLS[{name!r}]))"
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent)])
    environment = {**os.environ, "PYTHONPATH": paths}
    run = [sys.executable, "-c", code]
    out = subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
    files = set(out.split())
    assert len(files) <= most, sorted(files)
    assert "/array/box.py" in files  # the look sees the package at all
