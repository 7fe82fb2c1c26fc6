"""Sparse Jacobians and Hessians in compiled functions are replayed, with the eager pattern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse

import dualdiff as dd
from dualdiff.trees import flatten
from tests.compiled.helpers import replays


def band(x: Any) -> Any:
    return x[1:-1] ** 2 * 3 - x[:-2] + np.sin(x[2:])


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def arrow(x: Any) -> Any:
    return np.concatenate([x[0] * x, [np.sum(x)]])


def assert_same_matrices(got: Any, want: Any) -> None:
    """The same containers, types and places, and numbers that agree up to rounding."""
    (a, form), (b, other) = flatten(got), flatten(want)
    assert form == other
    for x, y in zip(a, b, strict=True):
        assert type(x) is type(y)
        if issparse(y):
            assert np.array_equal(x.indices, y.indices)
            assert np.array_equal(x.indptr, y.indptr)
            x, y = x.data, y.data
        np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-13)


PROGRAMS: dict[str, Callable[..., Any]] = {
    "forward": dd.jacobian(band, sparse=True),
    "reverse": dd.jacobian(band, sparse=True, mode="reverse"),
    "mixed": dd.jacobian(arrow, sparse=True, mode="mixed"),
    "hessian": dd.hessian(rosenbrock, sparse=True),
    "unchecked": dd.prepare_jacobian(band, np.ones(12), check=False),
    "with value": dd.prepare_hessian(rosenbrock, np.ones(12)).gradient_and_hessian,
    "aux": dd.jacobian(lambda x: (band(x), {"first": x[0]}), sparse=True, has_aux=True),
    "used inside": lambda x: dd.jacobian(band, sparse=True)(x) @ x,
    "transposed": lambda x: dd.jacobian(band, sparse=True)(x).T,
}


@pytest.mark.parametrize("backend", ["python", None])
@pytest.mark.parametrize("name", PROGRAMS)
def test_sparse_results_are_replayed(name: str, backend: str | None) -> None:
    f = PROGRAMS[name]
    g = dd.compile(f, backend=backend)
    for seed in range(5):
        x = np.random.default_rng(seed).random(12)
        assert_same_matrices(g(x), f(x))
    assert replays(g) >= 4


def test_results_share_no_memory() -> None:
    g = dd.compile(dd.jacobian(band, sparse=True))
    x = np.arange(1.0, 9.0)
    want = g(x).toarray()
    for _ in range(4):
        found = g(x)
        np.testing.assert_array_equal(found.toarray(), want)
        found.data[:], found.indices[:], found.indptr[:] = 0, 0, 0


def test_branches_have_patterns_of_their_own() -> None:
    f = dd.jacobian(lambda x: x * x[::-1] if x[0] > 0.5 else x**2, sparse=True)
    g = dd.compile(f)
    for first in (0.1, 0.9, 0.2, 0.8, 0.3, 0.7):
        x = np.array([first, 2.0, 3.0, 4.0])
        np.testing.assert_allclose(g(x).toarray(), f(x).toarray())


def test_a_pattern_that_another_argument_decides_is_compared() -> None:
    f = dd.jacobian(lambda x, w: w * x[::-1] + x, sparse=True)
    g = dd.compile(f)
    rng = np.random.default_rng(0)
    x, some, none = rng.random(6), rng.random(6), np.zeros(6)
    for w in (none, none, none, none, some, none, some, some, some, some):
        np.testing.assert_allclose(g(x, w).toarray(), np.eye(6) + w[:, None] * np.eye(6)[::-1])


def test_a_given_pattern_is_compared_at_each_replay() -> None:
    def f(x: Any) -> Any:
        return x * (x[::-1] - 1.0)

    g = dd.compile(dd.prepare_jacobian(f, np.ones(4), pattern=np.eye(4)[::-1]))
    ones = np.ones(4)
    for _ in range(4):
        np.testing.assert_array_equal(g(ones).toarray(), np.eye(4)[::-1])
    with pytest.raises(ValueError, match="pattern that was given lacks an entry"):
        g(np.full(4, 2.0))


def test_singular_points_raise_as_ever() -> None:
    g = dd.compile(dd.jacobian(lambda x: np.sqrt(x), sparse=True))
    for _ in range(4):
        g(np.ones(3))
    with pytest.raises(ArithmeticError, match="not finite"):
        g(np.array([1.0, 0.0, 1.0]))


def test_saved_and_loaded(tmp_path: Any) -> None:
    f = dd.jacobian(band, sparse=True)
    g = dd.compile(f)
    for _ in range(3):
        g(np.arange(1.0, 9.0))
    g.save(tmp_path / "band")
    x = np.arange(2.0, 10.0)
    found = dd.load_compiled(tmp_path / "band")(x)
    assert type(found) is csr_array
    assert_same_matrices(found, f(x))


def test_a_derivative_of_a_sparse_derivative_is_refused_as_ever() -> None:
    g = dd.compile(dd.grad(lambda x: np.sum(dd.jacobian(band, sparse=True)(x).data)))
    with pytest.raises(TypeError, match="cannot be differentiated itself"):
        g(np.arange(1.0, 9.0))
