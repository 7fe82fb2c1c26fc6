"""Plans and memory of sparse Jacobians: what a pass takes, and what is said of it."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import dualdiff as dd
from tests.sparse.test_prepared import X, arrow, chain, stores


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_tangents_of_a_long_program_are_not_held_together(mode: str) -> None:
    x = np.linspace(1.0, 2.0, 2000)

    def f(x: Any) -> Any:
        y = x
        for i in range(150):
            y = np.sin(y) + np.roll(x, i % 30)
        return y

    prepared = dd.prepare_jacobian(f, x, mode=mode, budget=1_000_000)
    tracemalloc.start()
    try:
        matrix = prepared(x)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 15_000_000  # the recording takes 5 MB, the matrix 1 MB; all tangents 250 MB
    direction = np.cos(x)
    np.testing.assert_allclose(matrix @ direction, dd.jvp(f, (x,), (direction,))[1], rtol=1e-12)


@pytest.mark.parametrize("mode", ["forward", "reverse", "mixed"])
def test_many_directions_are_not_held_together(mode: str) -> None:
    x = np.linspace(1.0, 2.0, 1500)
    prepared = dd.prepare_jacobian(arrow, x, mode=mode, budget=500_000)
    tracemalloc.start()
    try:
        matrix = prepared(x)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6_000_000  # a pass holds several arrays; 18 MB for all of 1500 directions
    expected = sp.lil_array((1500, 1500))
    expected.setdiag(x[0])
    expected[1:, 0] = x[1:]
    expected[0] = 2.0 * x
    assert abs(matrix - expected.tocsr()).max() < 1e-13


@pytest.mark.parametrize("options", [{"chunk": 0}, {"chunk": 2.5}, {"budget": -1}, {"budget": "1"}])
def test_chunks_and_budgets_that_are_no_positive_numbers_are_refused(options: Any) -> None:
    (name,) = options
    for call in (
        lambda: dd.jacobian(chain, **options),
        lambda: dd.plan(chain, X, **options),
        lambda: dd.prepare_jacobian(chain, X, **options),
        lambda: dd.hessian(lambda x: np.sum(x**3), sparse=True, **options)(X),
    ):
        with pytest.raises(ValueError, match=f"{name} must be a positive number"):
            call()


def test_the_plan_of_a_sparse_jacobian_names_alternatives_and_their_costs() -> None:
    plan = dd.plan(stores, X, sparse=True)
    (other,) = plan.alternatives
    assert (plan.mode, other.mode, other.bound) == ("forward", "reverse", True)
    assert other.cost >= plan.cost
    assert f"Instead: reverse, at least {other.directions} directions" in str(plan)
    assert plan.memory == 8 * 12 * plan.chunk
    dense = dd.plan(lambda x: np.sum(x) * x, X, sparse=True)
    assert {dense.mode, *(way.mode for way in dense.alternatives)} == {"forward", "reverse"}
