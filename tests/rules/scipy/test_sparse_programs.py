"""Random expressions of sparse arrays with traced values equal those of dense arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import dualdiff as dd
from dualdiff.rules.scipy import sparse as sp
from tests.versions import RNG_NAME

KINDS = ("csr_array", "csc_array", "coo_array")


class Program:
    """An expression of three sparse matrices, a vector and a constant, chosen by a seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = self.n = int(rng.integers(1, 5))
        counts = rng.integers(0, 2 * n + 1, 3)
        self.places = [(rng.integers(0, n, k), rng.integers(0, n, k)) for k in counts]
        self.kinds = rng.choice(KINDS, 3)
        self.steps = rng.integers(0, 11, 4)
        self.constant = scipy.sparse.random_array(
            (n, n), density=0.5, **{RNG_NAME: rng}, format="csr"
        )
        self.x = rng.normal(size=counts.sum() + n)
        self.direction = rng.normal(size=3 * n + n * n)

    def sparse(self, x: Any) -> Any:
        """With sparse arrays, whose entries may stand at one place."""
        matrices, start = [], 0
        for places, kind in zip(self.places, self.kinds, strict=True):
            data = x[start : start + places[0].size]
            matrices.append(getattr(sp, kind)((data, places), shape=(self.n, self.n)))
            start += places[0].size
        return self.run(matrices, x[start:], self.constant)

    def dense(self, x: Any) -> Any:
        """The same with dense arrays."""
        matrices, start = [], 0
        for places in self.places:
            dense = dd.numpy.zeros((self.n, self.n))
            np.add.at(dense, places, x[start : start + places[0].size])
            matrices.append(dense)
            start += places[0].size
        return self.run(matrices, x[start:], self.constant.toarray())

    def run(self, matrices: list[Any], v: Any, constant: Any) -> Any:
        """The result of the program."""
        a = matrices[0]
        for step in self.steps:
            a = STEPS[step](a, matrices[step % 3], v, constant)
        whole = a.toarray() if sp.issparse(a) else a
        return np.concatenate([a @ v, v @ a, a.sum(axis=0), np.ravel(whole)])


STEPS: list[Callable[..., Any]] = [
    lambda a, b, v, c: a @ b,
    lambda a, b, v, c: a + b,
    lambda a, b, v, c: a - 2.0 * b,
    lambda a, b, v, c: a * b,
    lambda a, b, v, c: a.T @ b,
    lambda a, b, v, c: a * v[0],
    lambda a, b, v, c: c @ a + b,
    lambda a, b, v, c: a @ c,
    lambda a, b, v, c: a[::-1],
    lambda a, b, v, c: -a + c,
    lambda a, b, v, c: a * v[:, None],
]


@pytest.mark.parametrize("seed", range(40))
def test_random_expressions_equal_dense_ones(seed: int) -> None:
    p = Program(seed)
    expected = dd.jacobian(p.dense)(p.x)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(
            dd.jacobian(p.sparse, mode=mode)(p.x), expected, rtol=1e-9, atol=1e-9
        )
    pattern = dd.sparsity(p.sparse, p.x).toarray()
    assert not np.any((expected != 0) & ~pattern)


@pytest.mark.parametrize("seed", range(40, 60))
def test_hessians_of_random_expressions_equal_dense_ones(seed: int) -> None:
    p = Program(seed)
    hessian, expected = (
        dd.hessian(lambda x, f=f: p.direction @ np.sin(f(x)))(p.x) for f in (p.sparse, p.dense)
    )
    np.testing.assert_allclose(hessian, expected, rtol=1e-8, atol=1e-8)
    pattern = dd.hessian_sparsity(lambda x: p.direction @ np.sin(p.sparse(x)), p.x).toarray()
    assert not np.any((np.abs(expected) > 1e-12) & ~pattern)
