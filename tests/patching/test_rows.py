"""Every row of tests/rules inside a patch, also with arguments that the program has stored."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.checks import SAME, check_close, directions, flat
from tests.rules.rows import Row
from tests.rules.test_completeness import rows

QUICK = 8  # one row in so many runs in the quick suite


def _stored(leaf: Any) -> Any:
    """A leaf in an array that the program has made, as a program that fills arrays has it."""
    if not np.ndim(leaf):
        return leaf
    array = np.zeros(np.shape(leaf), dtype=leaf.dtype)
    array[...] = leaf
    return array


def _of_stored(r: Row) -> Callable[..., Any]:
    return lambda *leaves: r(*map(_stored, leaves))


def _derivatives(f: Callable[..., Any], leaves: tuple[Any, ...]) -> list[Any]:
    value, pullback = dd.vjp(f, *leaves)
    tangent = dd.jvp(f, leaves, directions(leaves, seed=3))[1]
    return [flat(value), flat(pullback(directions(value, seed=4))), flat(tangent)]


@pytest.mark.parametrize(
    "r",
    [
        pytest.param(r, id=f"{i}-{r.id}", marks=[pytest.mark.slow] * (i % QUICK != 0))
        for i, r in enumerate(rows())
    ],
)
@pytest.mark.filterwarnings("ignore")  # the rows' own tests watch warnings
def test_a_row_is_the_same_inside_a_patch(r: Row) -> None:
    leaves = tuple(r.leaves)
    expected = _derivatives(r, leaves)
    with dd.patch():
        patched, stored = _derivatives(r, leaves), _derivatives(_of_stored(r), leaves)
    for name, found in (("patched", patched), ("stored", stored)):
        for what, a, b in zip(("value", "vjp", "jvp"), found, expected, strict=True):
            check_close(a, b, SAME, f"{what}, {name}")
