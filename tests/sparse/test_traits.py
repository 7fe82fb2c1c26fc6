"""The structure of every primitive covers its derivative: on each row of the tables of rules."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.core.primitive import PRIMITIVES
from dualdiff.rules.numpy.cumulative import cumsum_p
from dualdiff.rules.structures import Dense, Elementwise, Gather, Reduction, Structure
from dualdiff.sparse.sparsity import detect
from tests.rules.checks import weighted
from tests.rules.rows import Row, complex_variants, flat, units
from tests.rules.test_completeness import rows

SPLIT = 8


def noise_of(r: Row) -> float:
    """Convolutions by FFT leave rounding errors where their derivative is exactly zero."""
    slides = "convolve" in r.id or "correlate" in r.id
    return 1e-13 if slides and ("fft" in r.id or "oa" in r.id) else 0.0


def jacobian_entries(
    f: Callable[..., Any],
    leaves: Sequence[Any],
    noise: float = 0.0,
    chosen: Sequence[int] | None = None,
) -> np.ndarray:
    """Where a Jacobian is not zero, column by column; of the `chosen` columns, if not of all."""
    if not any(map(np.size, leaves)):
        return np.zeros((flat(f(*leaves)).size, 0), dtype=bool)
    _, linear = dd.linearize(f, *leaves)
    columns = []
    with np.errstate(all="ignore"):
        for i, unit in enumerate(units(leaves)):
            if chosen is not None and i not in chosen:
                continue
            column = ~(np.abs(flat(linear.jvp(*unit))) <= noise)
            if any(map(np.iscomplexobj, unit)):
                turned = [u * 1j if np.iscomplexobj(u) else u for u in unit]
                column = column | ~(np.abs(flat(linear.jvp(*turned))) <= noise)
            columns.append(column)
    return np.stack(columns, axis=-1)


def is_covered(
    f: Callable[..., Any],
    leaves: Sequence[Any],
    noise: float = 0.0,
    chosen: Sequence[int] | None = None,
) -> bool:
    """Whether a pattern has all entries of a Jacobian, and no function claimed too much."""
    found = detect(f, leaves, tuple(range(len(leaves))), {})
    declared = {p.name for p in PRIMITIVES if type(p.structure) is Dense}
    entries, pattern = jacobian_entries(f, leaves, noise, chosen), found.pattern.toarray()
    pattern = pattern if chosen is None else pattern[:, list(chosen)]
    assert pattern.shape == entries.shape
    return set(found.dense_because) <= declared and not np.any(entries & ~pattern)


@pytest.mark.parametrize("part", range(SPLIT))
def test_the_pattern_of_every_row_covers_its_jacobian(part):
    wrong = []
    for r in rows()[part::SPLIT]:
        variants = [c for _, c in complex_variants(r)] if r.complex else []
        for variant in (r, *variants[:1]):
            if variant.leaves and not is_covered(variant, variant.leaves, noise_of(r)):
                wrong.append(r.id)
    assert not wrong


def uncovered_hessians(chosen_rows: Sequence[Row], most: int | None) -> list[str]:
    """The rows whose Hessian has entries outside its pattern, in some columns or in all."""
    wrong = []
    for r in chosen_rows:
        if r.order < 2 or not r.leaves or any(map(np.iscomplexobj, (*r.leaves, *r(*r.leaves)))):
            continue
        gradient = dd.grad(weighted(r), tuple(range(len(r.leaves))))
        count = sum(map(np.size, r.leaves))
        chosen = None
        if most is not None and count:
            chosen = sorted(np.random.default_rng(count).permutation(count)[:most].tolist())
        if not is_covered(gradient, r.leaves, noise_of(r), chosen):
            wrong.append(r.id)
    return wrong


@pytest.mark.parametrize("part", range(SPLIT))
def test_the_hessian_pattern_of_every_third_row_covers_three_columns(part: int) -> None:
    assert not uncovered_hessians(rows()[part :: 3 * SPLIT], 3)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(SPLIT))
def test_the_hessian_pattern_of_every_row_covers_its_hessian(part: int) -> None:
    assert not uncovered_hessians(rows()[part::SPLIT], None)


def test_every_primitive_has_a_structure():
    assert not [p.name for p in PRIMITIVES if not isinstance(p.structure, Structure)]


@pytest.mark.parametrize("structure", [Elementwise(), Gather(), Reduction()], ids=repr)
def test_a_structure_that_claims_too_much_is_found(structure, monkeypatch):
    monkeypatch.setattr(cumsum_p, "structure", structure)
    assert not is_covered(lambda x: (np.cumsum(x),), [np.ones(3)])


def test_the_reference_finds_every_entry():
    assert jacobian_entries(lambda x, y: (x * y,), [2.0, np.array([0.0, 3.0])]).tolist() == [
        [False, True, False],
        [True, False, True],
    ]
