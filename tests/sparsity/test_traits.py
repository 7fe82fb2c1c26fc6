"""The structure of every primitive covers its derivative: on each row of the tables of rules."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.checks import weighted
from tests.rules.rows import complex_variants, flat, units
from tests.rules.test_completeness import rows

SPLIT = 8


def jacobian_entries(f: Callable[..., Any], leaves: Sequence[Any]) -> np.ndarray:
    """Where a Jacobian is not zero, column by column."""
    if not any(map(np.size, leaves)):
        return np.zeros((flat(f(*leaves)).size, 0), dtype=bool)
    _, linear = dd.linearize(f, *leaves)
    columns = []
    with np.errstate(all="ignore"):
        for unit in units(leaves):
            column = flat(linear.jvp(*unit)) != 0
            if any(map(np.iscomplexobj, unit)):
                turned = [u * 1j if np.iscomplexobj(u) else u for u in unit]
                column = column | (flat(linear.jvp(*turned)) != 0)
            columns.append(column)
    return np.stack(columns, axis=-1)


def uncovered(f: Callable[..., Any], leaves: Sequence[Any]) -> int:
    """The number of entries of a Jacobian that its pattern lacks."""
    pattern = dd.sparsity(f, *leaves, argnums=tuple(range(len(leaves)))).toarray()
    entries = jacobian_entries(f, leaves)
    assert pattern.shape == entries.shape
    return int(np.sum(entries & ~pattern))


@pytest.mark.parametrize("part", range(SPLIT))
def test_the_pattern_of_every_row_covers_its_jacobian(part):
    wrong = []
    for r in rows()[part::SPLIT]:
        variants = [c for _, c in complex_variants(r)] if r.complex else []
        for variant in (r, *variants[:1]):
            if variant.leaves and uncovered(variant, variant.leaves):
                wrong.append(r.id)
    assert not wrong


@pytest.mark.parametrize("part", range(SPLIT))
def test_the_hessian_pattern_of_every_row_covers_its_hessian(part):
    wrong = []
    for r in rows()[part::SPLIT]:
        if r.order < 2 or not r.leaves or any(map(np.iscomplexobj, (*r.leaves, *r(*r.leaves)))):
            continue
        gradient = dd.grad(weighted(r), tuple(range(len(r.leaves))))
        if uncovered(gradient, r.leaves):
            wrong.append(r.id)
    assert not wrong


def test_the_reference_finds_a_missing_entry():
    assert jacobian_entries(lambda x, y: (x * y,), [2.0, np.array([0.0, 3.0])]).tolist() == [
        [False, True, False],
        [True, False, True],
    ]
