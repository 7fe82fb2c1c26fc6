"""A call of an operator stays on a short way through the package."""

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


@pytest.mark.parametrize(
    ("call", "most"),
    [
        (lambda: dd.grad(scalar)(X), 13),
        (lambda: dd.jvp(scalar, (X,), (X,)), 13),
        (lambda: dd.jacobian(product)(X), 16),
    ],
    ids=["grad", "jvp", "jacobian"],
)
def test_a_call_passes_few_files(call: Callable[[], Any], most: int) -> None:
    files = files_on_the_way(call)
    assert len(files) <= most, sorted(files)
    assert "/array/box.py" in files  # the look sees the package at all
