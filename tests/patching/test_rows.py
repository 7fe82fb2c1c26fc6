"""Every row of tests/rules inside a patch, also with arguments that the program has stored."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.checks import SAME, check_close, directions, flat, weighted
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


def _derivatives(f: Callable[..., Any], leaves: tuple[Any, ...], order: int) -> dict[str, Any]:
    value, pullback = dd.vjp(f, *leaves)
    tangents = directions(leaves, seed=3)
    found = {
        "value": flat(value),
        "vjp": flat(pullback(directions(value, seed=4))),
        "jvp": flat(dd.jvp(f, leaves, tangents)[1]),
    }
    if order == 2:
        gradient = dd.grad(weighted(f), tuple(range(len(leaves))))
        found["jvp of a gradient"] = flat(dd.jvp(gradient, leaves, tangents)[1])
    return found


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
    order = 1 if any(map(np.iscomplexobj, leaves)) else r.order
    expected = _derivatives(r, leaves, order)
    with dd.patch():
        patched = _derivatives(r, leaves, order)
        stored = _derivatives(_of_stored(r), leaves, order)
    for way, found in (("patched", patched), ("stored", stored)):
        for what, value in expected.items():
            check_close(found[what], value, SAME, f"{what}, {way}")
