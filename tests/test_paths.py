"""`debug_paths` and `check_grads` say where a traced program takes another branch."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import GradientError, PathError

X = np.array([0.5, 1.2, -0.7])


def _one_line(x: Any) -> Any:
    scale = 10.0 if type(x) is np.ndarray else 1.0
    return scale * np.sum(x**2)


def _two_lines(x: Any) -> Any:
    if type(x) is np.ndarray:
        return np.sum(2 * x)
    return np.sum(x)


@pytest.mark.parametrize(
    ("f", "where"),
    [
        (_one_line, "test_paths.py:17: `scale = 10.0 if type(x) is"),
        (_two_lines, "`if type(x) is np.ndarray:`: it goes on to line 24, and on plain values to"),
    ],
)
def test_the_line_where_paths_part_is_named(f: Callable[[Any], Any], where: str) -> None:
    with pytest.raises(PathError, match=re.escape(where)), dd.debug_paths():
        dd.grad(f)(X)
    with pytest.raises(GradientError, match=re.escape(where)):
        dd.check_grads(f, (X,))
    with dd.patch(), dd.debug_paths():
        dd.grad(f)(X)


def test_another_result_on_the_same_path_is_named() -> None:
    table = {np.ndarray: 10.0}
    with pytest.raises(PathError, match="returns another value"), dd.debug_paths():
        dd.grad(lambda x: table.get(type(x), 1.0) * np.sum(x))(X)


def test_programs_on_one_path_pass_in_every_mode() -> None:
    def f(x: Any) -> Any:
        total = 0.0
        for i in range(3):
            total = total + (np.sin(x[i]) if x[i] > 0 else x[i] ** 2)
        return np.sum(np.cumsum(x)) * total

    expected = dd.hessian(f)(X), dd.jvp(f, (X,), (X,))
    with dd.debug_paths():
        np.testing.assert_array_equal(dd.hessian(f)(X), expected[0])
        assert dd.jvp(f, (X,), (X,)) == expected[1]
